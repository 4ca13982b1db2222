package ir

import (
	"math"

	"gpubench/internal/spirv"
)

// simple lists the SPIR-V operations that are one operation on each component.
// swap exchanges the arguments, not negates the result.
var simple = map[spirv.Op]struct {
	op        Op
	swap, not bool
}{
	spirv.OpIAdd: {op: IAdd}, spirv.OpISub: {op: ISub}, spirv.OpIMul: {op: IMul},
	spirv.OpUDiv: {op: UDiv}, spirv.OpSDiv: {op: SDiv}, spirv.OpUMod: {op: UMod},
	spirv.OpSRem: {op: SRem}, spirv.OpSMod: {op: SMod}, spirv.OpSNegate: {op: INeg},
	spirv.OpShiftLeftLogical: {op: Shl}, spirv.OpShiftRightLogical: {op: LShr}, spirv.OpShiftRightArithmetic: {op: AShr},
	spirv.OpBitwiseAnd: {op: And}, spirv.OpBitwiseOr: {op: Or}, spirv.OpBitwiseXor: {op: Xor}, spirv.OpNot: {op: Not},
	spirv.OpIEqual: {op: IEq}, spirv.OpINotEqual: {op: INe},
	spirv.OpULessThan: {op: ULess}, spirv.OpULessThanEqual: {op: ULessEq},
	spirv.OpUGreaterThan: {op: ULess, swap: true}, spirv.OpUGreaterThanEqual: {op: ULessEq, swap: true},
	spirv.OpSLessThan: {op: SLess}, spirv.OpSLessThanEqual: {op: SLessEq},
	spirv.OpSGreaterThan: {op: SLess, swap: true}, spirv.OpSGreaterThanEqual: {op: SLessEq, swap: true},
	spirv.OpFAdd: {op: FAdd}, spirv.OpFSub: {op: FSub}, spirv.OpFMul: {op: FMul},
	spirv.OpFDiv: {op: FDiv}, spirv.OpFNegate: {op: FNeg},
	spirv.OpFOrdEqual: {op: FEq}, spirv.OpFUnordNotEqual: {op: FNe},
	spirv.OpFOrdLessThan: {op: FLess}, spirv.OpFOrdLessThanEqual: {op: FLessEq},
	spirv.OpFOrdGreaterThan: {op: FLess, swap: true}, spirv.OpFOrdGreaterThanEqual: {op: FLessEq, swap: true},
	// Unordered comparisons are the negated opposites.
	spirv.OpFUnordLessThan: {op: FLessEq, swap: true, not: true}, spirv.OpFUnordLessThanEqual: {op: FLess, swap: true, not: true},
	spirv.OpFUnordGreaterThan: {op: FLessEq, not: true}, spirv.OpFUnordGreaterThanEqual: {op: FLess, not: true},
	spirv.OpIsNan:      {op: IsNaN},
	spirv.OpLogicalAnd: {op: LAnd}, spirv.OpLogicalOr: {op: LOr}, spirv.OpLogicalNot: {op: LNot},
	spirv.OpLogicalEqual: {op: LEq}, spirv.OpLogicalNotEqual: {op: LNe},
	spirv.OpConvertSToF: {op: SToF}, spirv.OpConvertUToF: {op: UToF},
	spirv.OpConvertFToS: {op: FToS}, spirv.OpConvertFToU: {op: FToU},
}

// glsl lists the functions of GLSL.std.450 that are one operation on each component.
var glsl = map[spirv.GLSL]Op{
	spirv.GLSLFma: Fma, spirv.GLSLFMin: FMin, spirv.GLSLFMax: FMax, spirv.GLSLNMin: FMin, spirv.GLSLNMax: FMax,
	spirv.GLSLFAbs: FAbs, spirv.GLSLSqrt: Sqrt, spirv.GLSLFloor: Floor, spirv.GLSLCeil: Ceil, spirv.GLSLTrunc: Trunc,
	spirv.GLSLRoundEven: RoundEven, spirv.GLSLRound: RoundEven, // which way halves go is free for Round
	spirv.GLSLInverseSqrt: RSqrt, spirv.GLSLExp2: Exp2, spirv.GLSLLog2: Log2, spirv.GLSLSin: Sin, spirv.GLSLCos: Cos,
	spirv.GLSLUMin: UMin, spirv.GLSLUMax: UMax, spirv.GLSLSMin: SMin, spirv.GLSLSMax: SMax, spirv.GLSLSAbs: SAbs,
}

// inst emits one instruction that is neither a label, a merge nor a terminator.
func (b *builder) inst(in *spirv.Inst) error {
	if s, ok := simple[in.Op]; ok {
		if _, exact := b.m.Decoration(in.Result, spirv.DecorationNoContraction); exact {
			return fail(in, "NoContraction is outside the subset: translations may fuse a multiplication and an addition")
		}
		return b.each(in, len(in.Args), in.Args, func(t Type, a []*Value) (*Value, error) {
			if s.swap {
				a[0], a[1] = a[1], a[0]
			}
			if s.op == Shl || s.op == LShr || s.op == AShr {
				// How far is an Int, whatever is shifted.
				var err error
				if a[1], err = b.resize(in, a[1], Int, false); err != nil {
					return nil, err
				}
			}
			v, err := b.emit(in, s.op, t, a...)
			if err == nil && s.not {
				v, err = b.emit(in, LNot, Bool, v)
			}
			return v, err
		})
	}
	switch in.Op {
	case spirv.OpVariable:
		return b.variable(in)
	case spirv.OpPhi:
		vs, err := b.phiVars(in)
		if err != nil {
			return err
		}
		o := operand{}
		for _, v := range vs {
			x, err := b.get(in, v)
			if err != nil {
				return err
			}
			o.s = append(o.s, x)
		}
		b.ops[in.Result] = o
		return nil
	case spirv.OpUndef:
		ts, err := b.flatten(in, in.Type)
		b.ops[in.Result] = operand{s: b.zeros(ts)}
		return err
	case spirv.OpCopyObject:
		o, ok := b.ops[spirv.ID(in.Args[0])]
		if !ok {
			return fail(in, "id %d is outside the subset", in.Args[0])
		}
		b.ops[in.Result] = o
		return nil
	case spirv.OpAccessChain, spirv.OpInBoundsAccessChain:
		return b.accessChain(in)
	case spirv.OpLoad:
		p, err := b.pointer(in, spirv.ID(in.Args[0]))
		if err != nil {
			return err
		}
		s, err := b.loadFrom(in, p)
		b.ops[in.Result] = operand{s: s}
		return err
	case spirv.OpStore:
		p, err := b.pointer(in, spirv.ID(in.Args[0]))
		if err != nil {
			return err
		}
		s, err := b.scalars(in, spirv.ID(in.Args[1]), -1)
		if err != nil {
			return err
		}
		return b.storeTo(in, p, s)
	case spirv.OpSelect:
		return b.selects(in)
	case spirv.OpBitcast:
		return b.bitcast(in)
	case spirv.OpUConvert, spirv.OpSConvert:
		return b.each(in, 1, in.Args, func(t Type, a []*Value) (*Value, error) {
			return b.resize(in, a[0], t, in.Op == spirv.OpSConvert)
		})
	case spirv.OpFConvert:
		return b.each(in, 1, in.Args, func(t Type, a []*Value) (*Value, error) {
			if a[0].Type == t {
				return a[0], nil
			}
			return b.emit(in, FConvert, t, a[0])
		})
	case spirv.OpVectorTimesScalar:
		v, err := b.scalars(in, spirv.ID(in.Args[0]), -1)
		if err != nil {
			return err
		}
		s, err := b.scalars(in, spirv.ID(in.Args[1]), 1)
		if err != nil {
			return err
		}
		o := operand{}
		for _, x := range v {
			y, err := b.emit(in, FMul, x.Type, x, s[0])
			if err != nil {
				return err
			}
			o.s = append(o.s, y)
		}
		b.ops[in.Result] = o
		return nil
	case spirv.OpDot:
		return b.dot(in)
	case spirv.OpCompositeConstruct:
		o := operand{}
		for _, a := range in.Args {
			s, err := b.scalars(in, spirv.ID(a), -1)
			if err != nil {
				return err
			}
			o.s = append(o.s, s...)
		}
		b.ops[in.Result] = o
		return nil
	case spirv.OpCompositeExtract:
		s, lo, n, err := b.part(in, spirv.ID(in.Args[0]), in.Args[1:])
		if err != nil {
			return err
		}
		b.ops[in.Result] = operand{s: s[lo : lo+n]}
		return nil
	case spirv.OpCompositeInsert:
		s, lo, n, err := b.part(in, spirv.ID(in.Args[1]), in.Args[2:])
		if err != nil {
			return err
		}
		x, err := b.scalars(in, spirv.ID(in.Args[0]), int(n))
		if err != nil {
			return err
		}
		c := append([]*Value(nil), s...)
		copy(c[lo:], x)
		b.ops[in.Result] = operand{s: c}
		return nil
	case spirv.OpVectorShuffle:
		return b.shuffle(in)
	case spirv.OpExtInst:
		return b.extInst(in)
	case spirv.OpControlBarrier:
		_, err := b.add(in, &Value{Op: Barrier})
		return err
	case spirv.OpMemoryBarrier:
		// It orders one invocation's accesses and waits for nobody; translations keep the
		// order of accesses between two barriers as it is written.
		return nil
	}
	return fail(in, "it is outside the subset")
}

// each applies f to the components of the arguments; it is told the result's type.
func (b *builder) each(in *spirv.Inst, n int, args []uint32, f func(Type, []*Value) (*Value, error)) error {
	ts, err := b.flatten(in, in.Type)
	if err != nil {
		return err
	}
	cols := make([][]*Value, n)
	for i := range n {
		if cols[i], err = b.scalars(in, spirv.ID(args[i]), len(ts)); err != nil {
			return err
		}
		// Operands must be of the subset too: comparisons of doubles have a bool result.
		if _, err := b.flatten(in, b.m.Def(spirv.ID(args[i])).Type); err != nil {
			return err
		}
	}
	o := operand{}
	for j, t := range ts {
		a := make([]*Value, n)
		for i := range n {
			a[i] = cols[i][j]
		}
		v, err := f(t, a)
		if err != nil {
			return err
		}
		o.s = append(o.s, v)
	}
	b.ops[in.Result] = o
	return nil
}

func (b *builder) selects(in *spirv.Inst) error {
	ts, err := b.flatten(in, in.Type)
	if err != nil {
		return err
	}
	c, err := b.scalars(in, spirv.ID(in.Args[0]), -1)
	if err != nil {
		return err
	}
	x, err := b.scalars(in, spirv.ID(in.Args[1]), len(ts))
	if err != nil {
		return err
	}
	y, err := b.scalars(in, spirv.ID(in.Args[2]), len(ts))
	if err != nil {
		return err
	}
	o := operand{}
	for i, t := range ts {
		k := c[0]
		if len(c) == len(ts) {
			k = c[i]
		}
		v, err := b.emit(in, Select, t, k, x[i], y[i])
		if err != nil {
			return err
		}
		o.s = append(o.s, v)
	}
	b.ops[in.Result] = o
	return nil
}

// resize is an integer as one of type t.
func (b *builder) resize(in *spirv.Inst, v *Value, t Type, signed bool) (*Value, error) {
	switch {
	case v.Type == t:
		return v, nil
	case t == Int:
		return b.emit(in, Truncate, t, v)
	case signed:
		return b.emit(in, SExtend, t, v)
	}
	return b.emit(in, UExtend, t, v)
}

// bitcast goes through values of 32 bits where the widths of the components differ.
func (b *builder) bitcast(in *spirv.Inst) error {
	ts, err := b.flatten(in, in.Type)
	if err != nil {
		return err
	}
	s, err := b.scalars(in, spirv.ID(in.Args[0]), -1)
	if err != nil {
		return err
	}
	if len(s) == 0 || len(ts) == 0 {
		return fail(in, "nothing is cast")
	}
	if len(s) == len(ts) && s[0].Type.Size() == ts[0].Size() {
		o := operand{}
		for i, t := range ts {
			v, err := b.recast(in, s[i], t)
			if err != nil {
				return err
			}
			o.s = append(o.s, v)
		}
		b.ops[in.Result] = o
		return nil
	}
	var words []*Value
	for i := 0; i < len(s); i++ {
		switch v := s[i]; {
		case v.Type == Long:
			for d := range 2 {
				w, err := b.add(in, &Value{Op: UnpackLong, Type: Int, Dim: d, Args: []*Value{v}})
				if err != nil {
					return err
				}
				words = append(words, w)
			}
		case v.Type == Half && i+1 < len(s):
			w, err := b.emit(in, PackHalf, Int, v, s[i+1])
			if err != nil {
				return err
			}
			words = append(words, w)
			i++
		case v.Type == Half:
			return fail(in, "an odd number of 16-bit components")
		default:
			w, err := b.recast(in, v, Int)
			if err != nil {
				return err
			}
			words = append(words, w)
		}
	}
	o := operand{}
	for i := 0; len(o.s) < len(ts); i++ {
		if i >= len(words) {
			return fail(in, "the operand has fewer bits than the result")
		}
		var err error
		var v *Value
		switch t := ts[len(o.s)]; t {
		case Half:
			for d := range 2 {
				if v, err = b.add(in, &Value{Op: UnpackHalf, Type: Half, Dim: d, Args: words[i : i+1 : i+1]}); err != nil {
					return err
				}
				o.s = append(o.s, v)
			}
			continue
		case Long:
			if i+1 >= len(words) {
				return fail(in, "the operand has fewer bits than the result")
			}
			v, err = b.emit(in, PackLong, Long, words[i], words[i+1])
			i++
		default:
			v, err = b.recast(in, words[i], t)
		}
		if err != nil {
			return err
		}
		o.s = append(o.s, v)
	}
	if len(o.s) != len(ts) {
		return fail(in, "the operand and the result differ in size")
	}
	b.ops[in.Result] = o
	return nil
}

// recast is the bits of a value as a type of the same size.
func (b *builder) recast(in *spirv.Inst, v *Value, t Type) (*Value, error) {
	switch {
	case v.Type == t:
		return v, nil
	case v.Type == Float && t == Int:
		return b.emit(in, FToIBits, t, v)
	case v.Type == Int && t == Float:
		return b.emit(in, IToFBits, t, v)
	}
	return nil, fail(in, "a %s as a %s is outside the subset", v.Type, t)
}

func (b *builder) dot(in *spirv.Inst) error {
	x, err := b.scalars(in, spirv.ID(in.Args[0]), -1)
	if err != nil {
		return err
	}
	y, err := b.scalars(in, spirv.ID(in.Args[1]), len(x))
	if err != nil {
		return err
	}
	sum, err := b.sumOfProducts(in, x, y)
	b.ops[in.Result] = operand{s: []*Value{sum}}
	return err
}

func (b *builder) sumOfProducts(in *spirv.Inst, x, y []*Value) (*Value, error) {
	if len(x) == 0 {
		return nil, fail(in, "a sum of nothing")
	}
	var sum *Value
	for i := range x {
		v, err := b.emit(in, FMul, x[i].Type, x[i], y[i])
		if err == nil && sum != nil {
			v, err = b.emit(in, FAdd, v.Type, sum, v)
		}
		if err != nil {
			return nil, err
		}
		sum = v
	}
	return sum, nil
}

func (b *builder) shuffle(in *spirv.Inst) error {
	x, err := b.scalars(in, spirv.ID(in.Args[0]), -1)
	if err != nil {
		return err
	}
	y, err := b.scalars(in, spirv.ID(in.Args[1]), -1)
	if err != nil {
		return err
	}
	both := append(append([]*Value(nil), x...), y...)
	o := operand{}
	for _, i := range in.Args[2:] {
		if i == math.MaxUint32 {
			i = 0 // undefined: any value will do
		}
		if int(i) >= len(both) {
			return fail(in, "component %d of %d", i, len(both))
		}
		o.s = append(o.s, both[i])
	}
	b.ops[in.Result] = o
	return nil
}

func (b *builder) extInst(in *spirv.Inst) error {
	if spirv.ID(in.Args[0]) != b.ext {
		return fail(in, "the instruction set with id %d is outside the subset", in.Args[0])
	}
	fn, args := spirv.GLSL(in.Args[1]), in.Args[2:]
	if op, ok := glsl[fn]; ok {
		return b.each(in, len(args), args, func(t Type, a []*Value) (*Value, error) { return b.emit(in, op, t, a...) })
	}
	if f, ok := composed[fn]; ok {
		return b.each(in, len(args), args, func(t Type, a []*Value) (*Value, error) {
			c := &composer{b: b, in: in, t: t}
			v := f(c, a)
			return v, c.err
		})
	}
	switch fn {
	case spirv.GLSLLength, spirv.GLSLDistance, spirv.GLSLNormalize:
		return b.length(in, fn, args)
	case spirv.GLSLPackHalf2x16:
		s, err := b.scalars(in, spirv.ID(args[0]), 2)
		if err != nil {
			return err
		}
		c := &composer{b: b, in: in, t: Half}
		v := c.as(Int, PackHalf, c.do(FConvert, s[0]), c.do(FConvert, s[1]))
		b.ops[in.Result] = operand{s: []*Value{v}}
		return c.err
	case spirv.GLSLUnpackHalf2x16:
		s, err := b.scalars(in, spirv.ID(args[0]), 1)
		if err != nil {
			return err
		}
		o := operand{}
		for d := range 2 {
			h, err := b.add(in, &Value{Op: UnpackHalf, Type: Half, Dim: d, Args: s[:1:1]})
			if err != nil {
				return err
			}
			v, err := b.emit(in, FConvert, Float, h)
			if err != nil {
				return err
			}
			o.s = append(o.s, v)
		}
		b.ops[in.Result] = o
		return nil
	}
	return fail(in, "the function %s is outside the subset", fn)
}

// composer emits several operations in a row and keeps the first error.
type composer struct {
	b   *builder
	in  *spirv.Inst
	t   Type
	err error
}

func (c *composer) as(t Type, op Op, args ...*Value) *Value {
	if c.err != nil {
		return c.b.constant(t, 0)
	}
	v, err := c.b.emit(c.in, op, t, args...)
	if err != nil {
		c.err = err
		return c.b.constant(t, 0)
	}
	return v
}

func (c *composer) do(op Op, args ...*Value) *Value { return c.as(c.t, op, args...) }

// num is a number as a constant of the composer's type.
func (c *composer) num(x float64) *Value {
	return c.b.constant(c.t, spirv.EncodeFloat(x, int(c.t.Size())*8))
}

// composed lists the functions of GLSL.std.450 that are several operations on each
// component, as Vulkan's precision of shader operations derives them.
var composed = map[spirv.GLSL]func(c *composer, a []*Value) *Value{
	spirv.GLSLFClamp: clamp(FMax, FMin), spirv.GLSLNClamp: clamp(FMax, FMin), spirv.GLSLUClamp: clamp(UMax, UMin), spirv.GLSLSClamp: clamp(SMax, SMin),
	spirv.GLSLExp: func(c *composer, a []*Value) *Value { return c.do(Exp2, c.do(FMul, a[0], c.num(math.Log2E))) },
	spirv.GLSLLog: func(c *composer, a []*Value) *Value { return c.do(FMul, c.do(Log2, a[0]), c.num(math.Ln2)) },
	spirv.GLSLPow: func(c *composer, a []*Value) *Value { return c.do(Exp2, c.do(FMul, a[1], c.do(Log2, a[0]))) },
	spirv.GLSLTan: func(c *composer, a []*Value) *Value { return c.do(FDiv, c.do(Sin, a[0]), c.do(Cos, a[0])) },
	spirv.GLSLTanh: func(c *composer, a []*Value) *Value {
		e := c.do(Exp2, c.do(FMul, a[0], c.num(2*math.Log2E)))
		return c.do(FSub, c.num(1), c.do(FDiv, c.num(2), c.do(FAdd, e, c.num(1))))
	},
	spirv.GLSLFMix: func(c *composer, a []*Value) *Value {
		return c.do(FAdd, c.do(FMul, a[0], c.do(FSub, c.num(1), a[2])), c.do(FMul, a[1], a[2]))
	},
	spirv.GLSLFract: func(c *composer, a []*Value) *Value { return c.do(FSub, a[0], c.do(Floor, a[0])) },
	spirv.GLSLStep: func(c *composer, a []*Value) *Value {
		return c.do(Select, c.as(Bool, FLess, a[1], a[0]), c.num(0), c.num(1))
	},
	spirv.GLSLSmoothStep: func(c *composer, a []*Value) *Value {
		t := c.do(FDiv, c.do(FSub, a[2], a[0]), c.do(FSub, a[1], a[0]))
		t = c.do(FMin, c.do(FMax, t, c.num(0)), c.num(1))
		return c.do(FMul, c.do(FMul, t, t), c.do(FSub, c.num(3), c.do(FMul, c.num(2), t)))
	},
	spirv.GLSLFSign: func(c *composer, a []*Value) *Value {
		zero := c.num(0)
		return c.do(Select, c.as(Bool, FLess, zero, a[0]), c.num(1), c.do(Select, c.as(Bool, FLess, a[0], zero), c.num(-1), zero))
	},
	spirv.GLSLSSign: func(c *composer, a []*Value) *Value {
		one := c.b.constant(c.t, 1)
		return c.do(SMin, c.do(SMax, a[0], c.do(INeg, one)), one)
	},
}

func clamp(low, high Op) func(c *composer, a []*Value) *Value {
	return func(c *composer, a []*Value) *Value { return c.do(high, c.do(low, a[0], a[1]), a[2]) }
}

// length emits Length, Distance and Normalize, which are about whole vectors.
func (b *builder) length(in *spirv.Inst, fn spirv.GLSL, args []uint32) error {
	x, err := b.scalars(in, spirv.ID(args[0]), -1)
	if err != nil {
		return err
	}
	if len(x) == 0 {
		return fail(in, "the function %s of nothing", fn)
	}
	c := &composer{b: b, in: in, t: x[0].Type}
	if fn == spirv.GLSLDistance {
		y, err := b.scalars(in, spirv.ID(args[1]), len(x))
		if err != nil {
			return err
		}
		d := make([]*Value, len(x))
		for i := range x {
			d[i] = c.do(FSub, x[i], y[i])
		}
		x = d
	}
	sum, err := b.sumOfProducts(in, x, x)
	if err != nil {
		return err
	}
	o := operand{}
	if fn != spirv.GLSLNormalize {
		o.s = []*Value{c.do(Sqrt, sum)}
	} else {
		r := c.do(RSqrt, sum)
		for _, v := range x {
			o.s = append(o.s, c.do(FMul, v, r))
		}
	}
	b.ops[in.Result] = o
	return c.err
}

// part finds the scalars that indices select in a composite value.
func (b *builder) part(in *spirv.Inst, id spirv.ID, indices []uint32) (s []*Value, lo, n uint32, err error) {
	if s, err = b.scalars(in, id, -1); err != nil {
		return nil, 0, 0, err
	}
	typ := b.m.Def(id).Type
	for _, i := range indices {
		off, elem, _, err := b.step(in, typ, i, false)
		if err != nil {
			return nil, 0, 0, err
		}
		lo, typ = lo+off, elem
	}
	ts, err := b.flatten(in, typ)
	if err != nil {
		return nil, 0, 0, err
	}
	if int(lo)+len(ts) > len(s) {
		return nil, 0, 0, fail(in, "the indices leave the composite")
	}
	return s, lo, uint32(len(ts)), nil
}

// step goes from a type to its member i: the offset of the member in elements, or in
// bytes where the type is laid out, its type, and the distance of two neighbouring
// members (0 in a struct).
func (b *builder) step(in *spirv.Inst, typ spirv.ID, i uint32, laid bool) (off uint32, elem spirv.ID, stride uint32, err error) {
	t, err := b.m.Type(typ)
	if err != nil {
		return 0, 0, 0, err
	}
	switch t.Kind {
	case spirv.Struct:
		if int(i) >= len(t.Members) {
			return 0, 0, 0, fail(in, "member %d of a struct of %d", i, len(t.Members))
		}
		if laid {
			o, ok := b.m.MemberDecoration(typ, int(i), spirv.DecorationOffset)
			if !ok || len(o) != 1 {
				return 0, 0, 0, fail(in, "member %d of the block has no offset", i)
			}
			return o[0], t.Members[i], 0, nil
		}
		for _, m := range t.Members[:i] {
			ts, err := b.flatten(in, m)
			if err != nil {
				return 0, 0, 0, err
			}
			off += uint32(len(ts))
		}
		return off, t.Members[i], 0, nil
	case spirv.Vector:
		stride = 1
		if laid {
			s, err := b.scalarType(in, t.Elem)
			if err != nil {
				return 0, 0, 0, err
			}
			stride = s.Size()
		}
		return i * stride, t.Elem, stride, nil
	case spirv.Array, spirv.RuntimeArray:
		if laid {
			s, ok := b.m.Decoration(typ, spirv.DecorationArrayStride)
			if !ok || len(s) != 1 || s[0] == 0 {
				return 0, 0, 0, fail(in, "an array in a buffer has no stride")
			}
			stride = s[0]
		} else {
			ts, err := b.flatten(in, t.Elem)
			if err != nil {
				return 0, 0, 0, err
			}
			stride = uint32(len(ts))
		}
		return i * stride, t.Elem, stride, nil
	}
	return 0, 0, 0, fail(in, "an index into %s is outside the subset", t.Kind)
}

func (b *builder) pointer(in *spirv.Inst, id spirv.ID) (*pointer, error) {
	if o, ok := b.ops[id]; ok && o.ptr != nil {
		return o.ptr, nil
	}
	return nil, fail(in, "id %d is not a pointer of the subset", id)
}

func (b *builder) accessChain(in *spirv.Inst) error {
	base, err := b.pointer(in, spirv.ID(in.Args[0]))
	if err != nil {
		return err
	}
	p := *base
	for _, a := range in.Args[1:] {
		ix, err := b.scalars(in, spirv.ID(a), 1)
		if err != nil {
			return err
		}
		if ix[0], err = b.resize(in, ix[0], Int, false); err != nil {
			return err
		}
		bits, known := ix[0].IsConst()
		off, elem, stride, err := b.step(in, p.typ, uint32(bits), p.laid)
		if err != nil {
			return err
		}
		if p.root == rootBuiltin && !known {
			return fail(in, "a built-in with a variable index is outside the subset")
		}
		p.typ = elem
		if known {
			p.off += off
			continue
		}
		if stride == 0 {
			return fail(in, "a struct has no variable index")
		}
		if p.root == rootLocal {
			return demotion{p.local.id}
		}
		if p.root == rootPush {
			return fail(in, "a variable index into push constants is outside the subset")
		}
		if p.laid {
			if size := p.mem.Elem.Size(); stride%size != 0 {
				return fail(in, "an array of %s has the stride %d", p.mem.Elem, stride)
			}
			stride /= p.mem.Elem.Size()
		}
		v, err := b.emit(in, IMul, Int, ix[0], b.constant(Int, uint64(stride)))
		if err == nil && p.dyn != nil {
			v, err = b.emit(in, IAdd, Int, p.dyn, v)
		}
		if err != nil {
			return err
		}
		p.dyn = v
	}
	b.ops[in.Result] = operand{ptr: &p}
	return nil
}

// offsets lists where the scalars of a type lie, in elements, or in bytes where the type
// is laid out.
func (b *builder) offsets(in *spirv.Inst, typ spirv.ID, laid bool, at uint32, list []uint32) ([]uint32, error) {
	t, err := b.m.Type(typ)
	if err != nil {
		return nil, err
	}
	n := uint32(0)
	switch t.Kind {
	case spirv.Vector, spirv.Array:
		n = t.Len
	case spirv.Struct:
		n = uint32(len(t.Members))
	default:
		if _, err := b.scalarType(in, typ); err != nil {
			return nil, err
		}
		return append(list, at), nil
	}
	for i := range n {
		off, elem, _, err := b.step(in, typ, i, laid)
		if err != nil {
			return nil, err
		}
		if list, err = b.offsets(in, elem, laid, at+off, list); err != nil {
			return nil, err
		}
		if len(list) > maxScalars {
			return nil, fail(in, "an aggregate of more than %d scalars at once", maxScalars)
		}
	}
	return list, nil
}

// index is the place of offset off of a pointer into memory, in elements.
func (b *builder) index(in *spirv.Inst, p *pointer, off uint32) (*Value, error) {
	if p.laid {
		size := p.mem.Elem.Size()
		if off%size != 0 {
			return nil, fail(in, "a %s lies at byte %d, which is no multiple of its size", p.mem.Elem, off)
		}
		off /= size
	}
	if p.dyn == nil {
		return b.constant(Int, uint64(off)), nil
	}
	return b.emit(in, IAdd, Int, p.dyn, b.constant(Int, uint64(off)))
}

func (b *builder) loadFrom(in *spirv.Inst, p *pointer) ([]*Value, error) {
	ts, err := b.flatten(in, p.typ)
	if err != nil {
		return nil, err
	}
	offs, err := b.offsets(in, p.typ, p.laid, p.off, nil)
	if err != nil {
		return nil, err
	}
	var s []*Value
	for i, off := range offs {
		var v *Value
		switch p.root {
		case rootLocal:
			if int(off) >= len(p.local.vars) {
				return nil, fail(in, "index %d leaves an array of %d", off, len(p.local.vars))
			}
			v, err = b.get(in, p.local.vars[off])
		case rootPush:
			if uint64(off)+uint64(ts[i].Size()) > uint64(b.f.PushBytes) || off%ts[i].Size() != 0 {
				return nil, fail(in, "it reads a %s at byte %d of %d bytes of push constants", ts[i], off, b.f.PushBytes)
			}
			v, err = b.add(in, &Value{Op: Push, Type: ts[i], Offset: off})
		case rootBuiltin:
			v, err = b.readBuiltin(in, p.builtin, int(off))
		default:
			if p.mem.Elem != ts[i] {
				return nil, fail(in, "a %s is read from memory of %s", ts[i], p.mem.Elem)
			}
			var ix *Value
			if ix, err = b.index(in, p, off); err == nil {
				v, err = b.add(in, &Value{Op: Load, Type: ts[i], Mem: p.mem, Args: []*Value{ix}})
			}
		}
		if err != nil {
			return nil, err
		}
		s = append(s, v)
	}
	return s, nil
}

func (b *builder) storeTo(in *spirv.Inst, p *pointer, s []*Value) error {
	offs, err := b.offsets(in, p.typ, p.laid, p.off, nil)
	if err != nil {
		return err
	}
	if len(offs) != len(s) {
		return fail(in, "%d scalars are stored where %d belong", len(s), len(offs))
	}
	for i, off := range offs {
		switch p.root {
		case rootLocal:
			if int(off) >= len(p.local.vars) {
				return fail(in, "index %d leaves an array of %d", off, len(p.local.vars))
			}
			err = b.set(in, p.local.vars[off], s[i])
		case rootMem:
			if p.mem.ReadOnly {
				return fail(in, "it writes to the read-only buffer %q", p.mem.Name)
			}
			if p.mem.Elem != s[i].Type {
				return fail(in, "a %s is stored in memory of %s", s[i].Type, p.mem.Elem)
			}
			var ix *Value
			if ix, err = b.index(in, p, off); err == nil {
				_, err = b.add(in, &Value{Op: Store, Mem: p.mem, Args: []*Value{ix, s[i]}})
			}
		default:
			return fail(in, "it writes to a place that is read-only")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// readBuiltin is component dim of a built-in input.
func (b *builder) readBuiltin(in *spirv.Inst, bi spirv.BuiltIn, dim int) (*Value, error) {
	id := func(op Op, d int) (*Value, error) {
		if op == LocalID && b.wgSize[d] == 1 {
			return b.constant(Int, 0), nil
		}
		return b.add(in, &Value{Op: op, Type: Int, Dim: d})
	}
	if dim > 2 {
		return nil, fail(in, "component %d of %s", dim, bi)
	}
	switch bi {
	case spirv.BuiltInLocalInvocationId:
		return id(LocalID, dim)
	case spirv.BuiltInWorkgroupId:
		return id(GroupID, dim)
	case spirv.BuiltInNumWorkgroups:
		return id(NumGroups, dim)
	case spirv.BuiltInWorkgroupSize:
		return b.constant(Int, uint64(b.wgSize[dim])), nil
	case spirv.BuiltInGlobalInvocationId:
		g, err := id(GroupID, dim)
		if err != nil {
			return nil, err
		}
		if g, err = b.emit(in, IMul, Int, g, b.constant(Int, uint64(b.wgSize[dim]))); err != nil {
			return nil, err
		}
		l, err := id(LocalID, dim)
		if err != nil {
			return nil, err
		}
		return b.emit(in, IAdd, Int, g, l)
	case spirv.BuiltInLocalInvocationIndex:
		var sum *Value = b.constant(Int, 0)
		size := uint64(1)
		for d := range 3 {
			l, err := id(LocalID, d)
			if err != nil {
				return nil, err
			}
			if l, err = b.emit(in, IMul, Int, l, b.constant(Int, size)); err != nil {
				return nil, err
			}
			if sum, err = b.emit(in, IAdd, Int, sum, l); err != nil {
				return nil, err
			}
			size *= uint64(b.wgSize[d])
		}
		return sum, nil
	}
	return nil, fail(in, "the built-in %s is outside the subset", bi)
}
