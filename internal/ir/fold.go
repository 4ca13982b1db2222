package ir

import (
	"math"

	"gpubench/internal/spirv"
)

// Fold is an operation whose result is a constant or one of its arguments as that
// value, or nil. Floats are left alone where that is not exact: x+0 is not x for -0.
func Fold(op Op, t Type, args ...*Value) *Value {
	var bits [3]uint64
	all := len(args) > 0 && len(args) <= len(bits)
	for i := 0; all && i < len(args); i++ {
		bits[i], all = args[i].IsConst()
	}
	if all {
		if r, ok := fold(op, t, args[0].Type, bits); ok {
			return &Value{Op: Const, Type: t, Bits: r}
		}
	}
	v, r, done := simplify(op, args)
	if done && v == nil {
		v = &Value{Op: Const, Type: t, Bits: r}
	}
	return v
}

func f32(bits uint64) float32 { return math.Float32frombits(uint32(bits)) }

func boolBits(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// fold computes an operation on constants of type from. ok is false where the result is
// not defined (division by zero) or where the target's arithmetic decides (float
// functions that may round differently, 16-bit floats).
func fold(op Op, t, from Type, a [3]uint64) (bits uint64, ok bool) {
	switch op {
	case Select:
		if a[0] != 0 {
			return a[1], true
		}
		return a[2], true
	case UExtend, Truncate:
		return uint64(uint32(a[0])), true
	case SExtend:
		return uint64(int64(int32(a[0]))), true
	case PackLong:
		return a[0] | a[1]<<32, true
	}
	switch from {
	case Bool:
		switch op {
		case LAnd:
			return a[0] & a[1], true
		case LOr:
			return a[0] | a[1], true
		case LNe:
			return a[0] ^ a[1], true
		case LEq:
			return boolBits(a[0] == a[1]), true
		case LNot:
			return a[0] ^ 1, true
		}
	case Int, Long:
		width := uint(32)
		if from == Long {
			width = 64
		}
		bits, ok = foldInt(op, t, width, a[0], a[1])
		if t == Int {
			bits = uint64(uint32(bits))
		}
		return bits, ok
	case Float:
		return foldFloat(op, a[0], a[1])
	}
	return 0, false
}

func foldInt(op Op, t Type, width uint, x, y uint64) (bits uint64, ok bool) {
	sx, sy := int64(x<<(64-width))>>(64-width), int64(y<<(64-width))>>(64-width)
	switch op {
	case IAdd:
		return x + y, true
	case ISub:
		return x - y, true
	case IMul:
		return x * y, true
	case UDiv, UMod:
		if y == 0 {
			return 0, false
		}
		if op == UDiv {
			return x / y, true
		}
		return x % y, true
	case SDiv, SRem, SMod:
		if y == 0 || (sx == math.MinInt64>>(64-width) && sy == -1) {
			return 0, false
		}
		r := sx % sy
		switch {
		case op == SDiv:
			return uint64(sx / sy), true
		case op == SMod && r != 0 && (r < 0) != (sy < 0):
			r += sy
		}
		return uint64(r), true
	case Shl, LShr, AShr:
		if y >= uint64(width) {
			return 0, false
		}
		switch op {
		case Shl:
			return x << y, true
		case LShr:
			return x >> y, true
		}
		return uint64(sx >> y), true
	case And:
		return x & y, true
	case Or:
		return x | y, true
	case Xor:
		return x ^ y, true
	case Not:
		return ^x, true
	case INeg:
		return -x, true
	case UMin:
		return min(x, y), true
	case UMax:
		return max(x, y), true
	case SMin:
		return uint64(min(sx, sy)), true
	case SMax:
		return uint64(max(sx, sy)), true
	case SAbs:
		return uint64(max(sx, -sx)), true
	case IEq:
		return boolBits(x == y), true
	case INe:
		return boolBits(x != y), true
	case ULess:
		return boolBits(x < y), true
	case ULessEq:
		return boolBits(x <= y), true
	case SLess:
		return boolBits(sx < sy), true
	case SLessEq:
		return boolBits(sx <= sy), true
	case SToF, UToF:
		if t == Half {
			return 0, false
		}
		if op == SToF {
			return uint64(math.Float32bits(float32(sx))), true
		}
		return uint64(math.Float32bits(float32(x))), true
	case IToFBits:
		return x, true
	}
	return 0, false
}

func foldFloat(op Op, x, y uint64) (bits uint64, ok bool) {
	switch op {
	case FAdd:
		return uint64(math.Float32bits(f32(x) + f32(y))), true
	case FSub:
		return uint64(math.Float32bits(f32(x) - f32(y))), true
	case FMul:
		return uint64(math.Float32bits(f32(x) * f32(y))), true
	case FNeg:
		return x ^ 1<<31, true
	case FAbs:
		return x &^ (1 << 31), true
	case FEq:
		return boolBits(f32(x) == f32(y)), true
	case FNe:
		return boolBits(f32(x) != f32(y)), true
	case FLess:
		return boolBits(f32(x) < f32(y)), true
	case FLessEq:
		return boolBits(f32(x) <= f32(y)), true
	case FToIBits:
		return x, true
	case FConvert: // from Float, so to Half
		return spirv.EncodeFloat(float64(f32(x)), 16), true
	}
	return 0, false
}

// simplify replaces an operation with one constant argument by an argument or a
// constant where that is exact. Floats are left alone: x+0 is not x for -0.
func simplify(op Op, args []*Value) (v *Value, bits uint64, done bool) {
	c := func(i int) (uint64, bool) {
		if i < len(args) {
			return args[i].IsConst()
		}
		return 0, false
	}
	switch op {
	case IAdd, Or, Xor:
		if b, ok := c(0); ok && b == 0 {
			return args[1], 0, true
		}
		fallthrough
	case ISub, Shl, LShr, AShr:
		if b, ok := c(1); ok && b == 0 {
			return args[0], 0, true
		}
	case IMul:
		for i := range 2 {
			if b, ok := c(i); ok && b <= 1 {
				if b == 0 {
					return nil, 0, true
				}
				return args[1-i], 0, true
			}
		}
	case UDiv, SDiv:
		if b, ok := c(1); ok && b == 1 {
			return args[0], 0, true
		}
	case UMod:
		if b, ok := c(1); ok && b == 1 {
			return nil, 0, true
		}
	case LAnd:
		for i := range 2 {
			if b, ok := c(i); ok {
				if b == 0 {
					return nil, 0, true
				}
				return args[1-i], 0, true
			}
		}
	case LOr:
		for i := range 2 {
			if b, ok := c(i); ok {
				if b != 0 {
					return nil, 1, true
				}
				return args[1-i], 0, true
			}
		}
	case ULess:
		if b, ok := c(1); ok && b == 0 {
			return nil, 0, true
		}
	case Select:
		if b, ok := c(0); ok {
			if b != 0 {
				return args[1], 0, true
			}
			return args[2], 0, true
		}
		if args[1] == args[2] {
			return args[1], 0, true
		}
	}
	return nil, 0, false
}
