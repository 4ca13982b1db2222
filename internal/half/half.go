// Package half converts between float32 and float16, IEEE 754's binary16: a sign, 5 bits of
// exponent and 10 of fraction. It does no arithmetic.
package half

import "math"

// Max is the largest finite number.
const Max = 65504

const infinity = 0x7c00

// From rounds to nearest, to even in a tie. What is 65520 or more in magnitude becomes
// infinite. Of a NaN the upper 10 bits of the fraction stay, so that one whose other
// bits are zero survives the way there and back.
func From(x float32) uint16 {
	bits := math.Float32bits(x)
	sign, rest := uint16(bits>>16&0x8000), bits&0x7fffffff
	switch exponent := int(rest>>23) - 127; {
	case rest > 0x7f800000: // a quiet NaN, as one without a fraction would be infinite
		return sign | infinity | 1<<9 | uint16(rest>>13&0x3ff)
	case exponent > 15:
		return sign | infinity
	case exponent >= -14:
		// Rounding may carry into the exponent, as it should.
		return sign | uint16(roundShift(rest-112<<23, 13))
	case exponent >= -25: // a multiple of 2^-24
		return sign | uint16(roundShift(rest&0x7fffff|1<<23, uint(-1-exponent)))
	}
	return sign
}

// roundShift is x / 2^n, to nearest and to even in a tie.
func roundShift(x uint32, n uint) uint32 {
	return (x + 1<<(n-1) - 1 + x>>n&1) >> n
}

// To is the number itself: every float16 is a float32.
func To(h uint16) float32 {
	sign, rest := uint32(h&0x8000)<<16, uint32(h&0x7fff)<<13
	if h&infinity == infinity {
		return math.Float32frombits(sign | 0x7f800000 | rest)
	}
	return math.Float32frombits(sign|rest) * 0x1p112
}

// Round is the float16 nearest to x, as From rounds.
func Round(x float32) float32 { return To(From(x)) }
