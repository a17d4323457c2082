#include "textflag.h"

// func dotRows(y, x *float32, q *int8, scale, bias *float32, rows, cols int)
// Needs AVX2 and FMA. Eight int8 weights at a time become float32 and are multiplied into four sums.
TEXT ·dotRows(SB), NOSPLIT, $0-56
	MOVQ y+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ q+16(FP), BX
	MOVQ scale+24(FP), R8
	MOVQ bias+32(FP), R9
	MOVQ rows+40(FP), R10
	MOVQ cols+48(FP), R11
row:
	TESTQ R10, R10
	JZ    done
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	MOVQ SI, DX
	MOVQ R11, CX
cols:
	VPMOVSXBD (BX), Y4
	VPMOVSXBD 8(BX), Y5
	VPMOVSXBD 16(BX), Y6
	VPMOVSXBD 24(BX), Y7
	VCVTDQ2PS Y4, Y4
	VCVTDQ2PS Y5, Y5
	VCVTDQ2PS Y6, Y6
	VCVTDQ2PS Y7, Y7
	VFMADD231PS (DX), Y4, Y0
	VFMADD231PS 32(DX), Y5, Y1
	VFMADD231PS 64(DX), Y6, Y2
	VFMADD231PS 96(DX), Y7, Y3
	ADDQ $32, BX
	ADDQ $128, DX
	SUBQ $32, CX
	JNZ  cols
	VADDPS Y1, Y0, Y0
	VADDPS Y3, Y2, Y2
	VADDPS Y2, Y0, Y0
	VEXTRACTF128 $1, Y0, X1
	VADDPS X1, X0, X0
	VHADDPS X0, X0, X0
	VHADDPS X0, X0, X0
	VMULSS (R8), X0, X0
	VADDSS (R9), X0, X0
	VMOVSS X0, (DI)
	ADDQ $4, DI
	ADDQ $4, R8
	ADDQ $4, R9
	DECQ R10
	JMP  row
done:
	VZEROUPPER
	RET
