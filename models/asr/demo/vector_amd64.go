package demo

import "golang.org/x/sys/cpu"

var haveVector = cpu.X86.HasAVX2 && cpu.X86.HasFMA

// dotRows computes y[r] = scale[r]·Σ q[r][i]·x[i] + bias[r]; cols is a multiple of 32.
//
//go:noescape
func dotRows(y, x *float32, q *int8, scale, bias *float32, rows, cols int)
