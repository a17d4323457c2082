package demo

import (
	"math"
	"math/bits"
)

// fft holds the factors of a real FFT of fftSize points, done as a complex one of half the size.
type fft struct {
	twiddle [fftSize / 4]complex64 // exp(-2πik/(fftSize/2))
	split   [fftSize/2 + 1]complex64
	reverse [fftSize / 2]uint8
}

func newFFT() (f fft) {
	const n = fftSize / 2
	for k := range f.twiddle {
		s, c := math.Sincos(-2 * math.Pi * float64(k) / n)
		f.twiddle[k] = complex(float32(c), float32(s))
	}
	for k := range f.split {
		s, c := math.Sincos(-2 * math.Pi * float64(k) / fftSize)
		f.split[k] = complex(float32(c), float32(s))
	}
	for i := range f.reverse {
		f.reverse[i] = bits.Reverse8(uint8(i)) >> 1
	}
	return f
}

// power computes |X[k]|² of the real input for k = 0…fftSize/2.
func (f *fft) power(x *[fftSize]float32, out *[fftSize/2 + 1]float32) {
	const n = fftSize / 2
	var z [n]complex64
	for i := range z {
		z[f.reverse[i]] = complex(x[2*i], x[2*i+1])
	}
	for size := 2; size <= n; size *= 2 {
		half, step := size/2, n/size
		for start := 0; start < n; start += size {
			for k := range half {
				a, b := z[start+k], mul(z[start+k+half], f.twiddle[k*step])
				z[start+k], z[start+k+half] = a+b, a-b
			}
		}
	}
	for k := 0; k <= n; k++ {
		a, b := z[k%n], z[(n-k)%n]
		b = complex(real(b), -imag(b))
		even, odd := a+b, mul(a-b, f.split[k])
		// X = (even - i·odd) / 2
		re, im := real(even)+imag(odd), imag(even)-real(odd)
		out[k] = (re*re + im*im) / 4
	}
}

// mul is the plain product; Go's own checks for infinities.
func mul(a, b complex64) complex64 {
	return complex(real(a)*real(b)-imag(a)*imag(b), real(a)*imag(b)+imag(a)*real(b))
}
