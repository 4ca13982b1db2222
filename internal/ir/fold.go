package ir

import "math"

func f32(bits uint32) float32 { return math.Float32frombits(bits) }

func boolBits(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}

// fold computes an operation on constants. ok is false where the result is not
// defined (division by zero) or where the target's arithmetic decides (float
// functions that may round differently).
func fold(op Op, a [3]uint32) (bits uint32, ok bool) {
	x, y := a[0], a[1]
	sx, sy := int32(x), int32(y)
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
		if y == 0 || (sx == math.MinInt32 && sy == -1) {
			return 0, false
		}
		r := sx % sy
		switch {
		case op == SDiv:
			return uint32(sx / sy), true
		case op == SMod && r != 0 && (r < 0) != (sy < 0):
			r += sy
		}
		return uint32(r), true
	case Shl, LShr, AShr:
		if y > 31 {
			return 0, false
		}
		switch op {
		case Shl:
			return x << y, true
		case LShr:
			return x >> y, true
		}
		return uint32(sx >> y), true
	case And, LAnd:
		return x & y, true
	case Or, LOr:
		return x | y, true
	case Xor, LNe:
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
		return uint32(min(sx, sy)), true
	case SMax:
		return uint32(max(sx, sy)), true
	case SAbs:
		return uint32(max(sx, -sx)), true
	case IEq, LEq:
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
	case LNot:
		return x ^ 1, true
	case FAdd:
		return math.Float32bits(f32(x) + f32(y)), true
	case FSub:
		return math.Float32bits(f32(x) - f32(y)), true
	case FMul:
		return math.Float32bits(f32(x) * f32(y)), true
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
	case Select:
		if x != 0 {
			return y, true
		}
		return a[2], true
	case SToF:
		return math.Float32bits(float32(sx)), true
	case UToF:
		return math.Float32bits(float32(x)), true
	case IToFBits, FToIBits:
		return x, true
	}
	return 0, false
}

// simplify replaces an operation with one constant argument by an argument or a
// constant where that is exact. Floats are left alone: x+0 is not x for -0.
func simplify(op Op, t Type, args []*Value) (v *Value, bits uint32, done bool) {
	c := func(i int) (uint32, bool) {
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
