// Scalar operations on constants.

package spirv

import (
	"errors"
	"math"
)

// scalarOp computes one operation of OpSpecConstantOp on scalars.
type scalarOp struct {
	rule typeRule
	// compute takes the result's type, the operands' types and bits. Bits of the
	// result above its width are cut off by the caller.
	compute func(t *Type, types []*Type, x []uint64) (uint64, error)
}

// typeRule says what types an operation takes.
type typeRule int

const (
	integers  typeRule = iota // integers, all of the result's width
	shifted                   // integers; the first is of the result's width
	converted                 // from integer to integer of any width
	compared                  // from integers of one width to bool
	logical                   // bools
	floats                    // from floating point to floating point of any width
)

func (r typeRule) allows(t *Type, types []*Type) bool {
	kind, operand := Int, Int
	switch r {
	case compared:
		kind = Bool
	case logical:
		kind, operand = Bool, Bool
	case floats:
		kind, operand = Float, Float
	}
	if t.Kind != kind {
		return false
	}
	for i, o := range types {
		if o.Kind != operand {
			return false
		}
		switch r {
		case integers:
			if o.Width != t.Width {
				return false
			}
		case compared:
			if o.Width != types[0].Width {
				return false
			}
		case shifted:
			if i == 0 && o.Width != t.Width {
				return false
			}
		}
	}
	return true
}

var (
	errDivision = errors.New("division by zero")
	errOverflow = errors.New("the quotient of the least integer by -1 overflows")
	errShift    = errors.New("the shift is as large as the operand's width or larger")
)

// scalarOps are the component-wise operations that OpSpecConstantOp may hold
// under Vulkan's Shader capability.
var scalarOps = map[Op]scalarOp{
	OpIAdd:       arith2(func(a, b uint64) uint64 { return a + b }),
	OpISub:       arith2(func(a, b uint64) uint64 { return a - b }),
	OpIMul:       arith2(func(a, b uint64) uint64 { return a * b }),
	OpBitwiseOr:  arith2(func(a, b uint64) uint64 { return a | b }),
	OpBitwiseXor: arith2(func(a, b uint64) uint64 { return a ^ b }),
	OpBitwiseAnd: arith2(func(a, b uint64) uint64 { return a & b }),
	OpNot:        arith1(func(a uint64) uint64 { return ^a }),
	OpSNegate:    arith1(func(a uint64) uint64 { return -a }),

	OpUDiv: divide(func(_ int, a, b uint64) (uint64, error) { return a / b, nil }),
	OpUMod: divide(func(_ int, a, b uint64) (uint64, error) { return a % b, nil }),
	OpSDiv: divide(signed(func(a, b int64) int64 { return a / b })),
	OpSRem: divide(signed(func(a, b int64) int64 { return a % b })),
	OpSMod: divide(signed(func(a, b int64) int64 {
		r := a % b
		if r != 0 && (r < 0) != (b < 0) {
			r += b // the result has the sign of the divisor
		}
		return r
	})),

	OpShiftRightLogical:    shift(func(_ int, a, n uint64) uint64 { return a >> n }),
	OpShiftRightArithmetic: shift(func(width int, a, n uint64) uint64 { return uint64(extend(a, width) >> n) }),
	OpShiftLeftLogical:     shift(func(_ int, a, n uint64) uint64 { return a << n }),

	OpUConvert: {converted, func(_ *Type, _ []*Type, x []uint64) (uint64, error) { return x[0], nil }},
	OpSConvert: {converted, func(_ *Type, types []*Type, x []uint64) (uint64, error) {
		return uint64(extend(x[0], types[0].Width)), nil
	}},
	OpFConvert: {floats, func(t *Type, types []*Type, x []uint64) (uint64, error) {
		return EncodeFloat(DecodeFloat(x[0], types[0].Width), t.Width), nil
	}},
	OpQuantizeToF16: {floats, func(t *Type, types []*Type, x []uint64) (uint64, error) {
		if t.Width != 32 || types[0].Width != 32 {
			return 0, errors.New("only 32-bit numbers can be quantized")
		}
		return EncodeFloat(DecodeFloat(EncodeFloat(DecodeFloat(x[0], 32), 16), 16), 32), nil
	}},

	OpIEqual:            compareUnsigned(func(a, b uint64) bool { return a == b }),
	OpINotEqual:         compareUnsigned(func(a, b uint64) bool { return a != b }),
	OpULessThan:         compareUnsigned(func(a, b uint64) bool { return a < b }),
	OpULessThanEqual:    compareUnsigned(func(a, b uint64) bool { return a <= b }),
	OpUGreaterThan:      compareUnsigned(func(a, b uint64) bool { return a > b }),
	OpUGreaterThanEqual: compareUnsigned(func(a, b uint64) bool { return a >= b }),
	OpSLessThan:         compareSigned(func(a, b int64) bool { return a < b }),
	OpSLessThanEqual:    compareSigned(func(a, b int64) bool { return a <= b }),
	OpSGreaterThan:      compareSigned(func(a, b int64) bool { return a > b }),
	OpSGreaterThanEqual: compareSigned(func(a, b int64) bool { return a >= b }),

	OpLogicalOr:       truth(func(a, b bool) bool { return a || b }),
	OpLogicalAnd:      truth(func(a, b bool) bool { return a && b }),
	OpLogicalEqual:    truth(func(a, b bool) bool { return a == b }),
	OpLogicalNotEqual: truth(func(a, b bool) bool { return a != b }),
	OpLogicalNot: {logical, func(_ *Type, _ []*Type, x []uint64) (uint64, error) {
		return bit(x[0] == 0), nil
	}},
}

func arith1(f func(a uint64) uint64) scalarOp {
	return scalarOp{integers, func(_ *Type, _ []*Type, x []uint64) (uint64, error) { return f(x[0]), nil }}
}

func arith2(f func(a, b uint64) uint64) scalarOp {
	return scalarOp{integers, func(_ *Type, _ []*Type, x []uint64) (uint64, error) { return f(x[0], x[1]), nil }}
}

func divide(f func(width int, a, b uint64) (uint64, error)) scalarOp {
	return scalarOp{integers, func(t *Type, _ []*Type, x []uint64) (uint64, error) {
		if x[1] == 0 {
			return 0, errDivision
		}
		return f(t.Width, x[0], x[1])
	}}
}

// signed makes a division of signed numbers from one that need not care for overflow.
func signed(f func(a, b int64) int64) func(width int, a, b uint64) (uint64, error) {
	return func(width int, a, b uint64) (uint64, error) {
		sa, sb := extend(a, width), extend(b, width)
		if sb == -1 && sa == math.MinInt64>>(64-width) {
			return 0, errOverflow
		}
		return uint64(f(sa, sb)), nil
	}
}

func shift(f func(width int, a, n uint64) uint64) scalarOp {
	return scalarOp{shifted, func(t *Type, _ []*Type, x []uint64) (uint64, error) {
		if x[1] >= uint64(t.Width) {
			return 0, errShift
		}
		return f(t.Width, x[0], x[1]), nil
	}}
}

func compareUnsigned(f func(a, b uint64) bool) scalarOp {
	return scalarOp{compared, func(_ *Type, _ []*Type, x []uint64) (uint64, error) { return bit(f(x[0], x[1])), nil }}
}

func compareSigned(f func(a, b int64) bool) scalarOp {
	return scalarOp{compared, func(_ *Type, types []*Type, x []uint64) (uint64, error) {
		width := types[0].Width
		return bit(f(extend(x[0], width), extend(x[1], width))), nil
	}}
}

func truth(f func(a, b bool) bool) scalarOp {
	return scalarOp{logical, func(_ *Type, _ []*Type, x []uint64) (uint64, error) { return bit(f(x[0] != 0, x[1] != 0)), nil }}
}

func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// extend reads the low bits as a signed number of that width.
func extend(bits uint64, width int) int64 {
	return int64(bits<<(64-width)) >> (64 - width)
}

// DecodeFloat is the number that bits stand for in IEEE 754's format of 16, 32 or 64 bits.
func DecodeFloat(bits uint64, width int) float64 {
	switch width {
	case 64:
		return math.Float64frombits(bits)
	case 32:
		return float64(math.Float32frombits(uint32(bits)))
	}
	sign := 1.0
	if bits&0x8000 != 0 {
		sign = -1
	}
	exponent, fraction := int(bits>>10&0x1f), float64(bits&0x3ff)
	switch {
	case exponent == 0:
		return sign * math.Ldexp(fraction, -24)
	case exponent == 0x1f && fraction != 0:
		return math.NaN()
	case exponent == 0x1f:
		return math.Inf(int(sign))
	}
	return sign * math.Ldexp(1024+fraction, exponent-25)
}

// EncodeFloat is v in IEEE 754's format of 16, 32 or 64 bits, rounded to nearest, ties to even.
func EncodeFloat(v float64, width int) uint64 {
	switch width {
	case 64:
		return math.Float64bits(v)
	case 32:
		return uint64(math.Float32bits(float32(v)))
	}
	sign := math.Float64bits(v) >> 63 << 15
	v = math.Abs(v)
	switch {
	case math.IsNaN(v):
		return sign | 0x7e00
	case v == 0:
		return sign
	case v >= 65520: // halfway between the largest number and the next power of two
		return sign | 0x7c00
	}
	_, e := math.Frexp(v)
	e = max(e-11, -24) // of the last place
	// Rounding up to the next power of two carries into the exponent's field, as it should.
	return sign | uint64(e+24)<<10 + uint64(math.RoundToEven(math.Ldexp(v, -e)))
}
