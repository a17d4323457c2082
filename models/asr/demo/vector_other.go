//go:build !amd64

package demo

const haveVector = false

func dotRows(y, x *float32, q *int8, scale, bias *float32, rows, cols int) {
	panic("demo: no vector kernel on this architecture")
}
