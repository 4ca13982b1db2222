package ir

import (
	"math"

	"gpubench/internal/spirv"
)

// simple lists the SPIR-V operations that are one operation on each component.
// swap exchanges the arguments, not negates the result.
var simple = map[spirv.Op]struct {
	op        Op
	t         Type
	swap, not bool
}{
	spirv.OpIAdd: {op: IAdd, t: Int}, spirv.OpISub: {op: ISub, t: Int}, spirv.OpIMul: {op: IMul, t: Int},
	spirv.OpUDiv: {op: UDiv, t: Int}, spirv.OpSDiv: {op: SDiv, t: Int}, spirv.OpUMod: {op: UMod, t: Int},
	spirv.OpSRem: {op: SRem, t: Int}, spirv.OpSMod: {op: SMod, t: Int}, spirv.OpSNegate: {op: INeg, t: Int},
	spirv.OpShiftLeftLogical: {op: Shl, t: Int}, spirv.OpShiftRightLogical: {op: LShr, t: Int}, spirv.OpShiftRightArithmetic: {op: AShr, t: Int},
	spirv.OpBitwiseAnd: {op: And, t: Int}, spirv.OpBitwiseOr: {op: Or, t: Int}, spirv.OpBitwiseXor: {op: Xor, t: Int}, spirv.OpNot: {op: Not, t: Int},
	spirv.OpIEqual: {op: IEq, t: Bool}, spirv.OpINotEqual: {op: INe, t: Bool},
	spirv.OpULessThan: {op: ULess, t: Bool}, spirv.OpULessThanEqual: {op: ULessEq, t: Bool},
	spirv.OpUGreaterThan: {op: ULess, t: Bool, swap: true}, spirv.OpUGreaterThanEqual: {op: ULessEq, t: Bool, swap: true},
	spirv.OpSLessThan: {op: SLess, t: Bool}, spirv.OpSLessThanEqual: {op: SLessEq, t: Bool},
	spirv.OpSGreaterThan: {op: SLess, t: Bool, swap: true}, spirv.OpSGreaterThanEqual: {op: SLessEq, t: Bool, swap: true},
	spirv.OpFAdd: {op: FAdd, t: Float}, spirv.OpFSub: {op: FSub, t: Float}, spirv.OpFMul: {op: FMul, t: Float},
	spirv.OpFDiv: {op: FDiv, t: Float}, spirv.OpFNegate: {op: FNeg, t: Float},
	spirv.OpFOrdEqual: {op: FEq, t: Bool}, spirv.OpFUnordNotEqual: {op: FNe, t: Bool},
	spirv.OpFOrdLessThan: {op: FLess, t: Bool}, spirv.OpFOrdLessThanEqual: {op: FLessEq, t: Bool},
	spirv.OpFOrdGreaterThan: {op: FLess, t: Bool, swap: true}, spirv.OpFOrdGreaterThanEqual: {op: FLessEq, t: Bool, swap: true},
	// Unordered comparisons are the negated opposites.
	spirv.OpFUnordLessThan: {op: FLessEq, t: Bool, swap: true, not: true}, spirv.OpFUnordLessThanEqual: {op: FLess, t: Bool, swap: true, not: true},
	spirv.OpFUnordGreaterThan: {op: FLessEq, t: Bool, not: true}, spirv.OpFUnordGreaterThanEqual: {op: FLess, t: Bool, not: true},
	spirv.OpIsNan:      {op: IsNaN, t: Bool},
	spirv.OpLogicalAnd: {op: LAnd, t: Bool}, spirv.OpLogicalOr: {op: LOr, t: Bool}, spirv.OpLogicalNot: {op: LNot, t: Bool},
	spirv.OpLogicalEqual: {op: LEq, t: Bool}, spirv.OpLogicalNotEqual: {op: LNe, t: Bool},
	spirv.OpConvertSToF: {op: SToF, t: Float}, spirv.OpConvertUToF: {op: UToF, t: Float},
	spirv.OpConvertFToS: {op: FToS, t: Int}, spirv.OpConvertFToU: {op: FToU, t: Int},
}

// glsl lists the functions of GLSL.std.450 that are one operation on each component.
var glsl = map[spirv.GLSL]struct {
	op Op
	t  Type
}{
	spirv.GLSLFma: {Fma, Float}, spirv.GLSLFMin: {FMin, Float}, spirv.GLSLFMax: {FMax, Float}, spirv.GLSLNMin: {FMin, Float}, spirv.GLSLNMax: {FMax, Float},
	spirv.GLSLFAbs: {FAbs, Float}, spirv.GLSLSqrt: {Sqrt, Float}, spirv.GLSLFloor: {Floor, Float}, spirv.GLSLCeil: {Ceil, Float}, spirv.GLSLTrunc: {Trunc, Float},
	spirv.GLSLUMin: {UMin, Int}, spirv.GLSLUMax: {UMax, Int}, spirv.GLSLSMin: {SMin, Int}, spirv.GLSLSMax: {SMax, Int}, spirv.GLSLSAbs: {SAbs, Int},
}

// inst emits one instruction that is neither a label, a merge nor a terminator.
func (b *builder) inst(in *spirv.Inst) error {
	if s, ok := simple[in.Op]; ok {
		if _, exact := b.m.Decoration(in.Result, spirv.DecorationNoContraction); exact {
			return fail(in, "NoContraction is outside the subset: translations may fuse a multiplication and an addition")
		}
		return b.each(in, len(in.Args), in.Args, func(a []*Value) (*Value, error) {
			if s.swap {
				a[0], a[1] = a[1], a[0]
			}
			v, err := b.emit(in, s.op, s.t, a...)
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
			y, err := b.emit(in, FMul, Float, x, s[0])
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

// each applies f to the components of the arguments.
func (b *builder) each(in *spirv.Inst, n int, args []uint32, f func([]*Value) (*Value, error)) error {
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
	for j := range ts {
		a := make([]*Value, n)
		for i := range n {
			a[i] = cols[i][j]
		}
		v, err := f(a)
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

func (b *builder) bitcast(in *spirv.Inst) error {
	ts, err := b.flatten(in, in.Type)
	if err != nil {
		return err
	}
	s, err := b.scalars(in, spirv.ID(in.Args[0]), len(ts))
	if err != nil {
		return err
	}
	o := operand{}
	for i, t := range ts {
		v := s[i]
		if v.Type != t {
			op := IToFBits
			if t == Int {
				op = FToIBits
			}
			if v, err = b.emit(in, op, t, v); err != nil {
				return err
			}
		}
		o.s = append(o.s, v)
	}
	b.ops[in.Result] = o
	return nil
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
	var sum *Value
	for i := range x {
		v, err := b.emit(in, FMul, Float, x[i], y[i])
		if err == nil && sum != nil {
			v, err = b.emit(in, FAdd, Float, sum, v)
		}
		if err != nil {
			return err
		}
		sum = v
	}
	b.ops[in.Result] = operand{s: []*Value{sum}}
	return nil
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
	if s, ok := glsl[fn]; ok {
		return b.each(in, len(args), args, func(a []*Value) (*Value, error) { return b.emit(in, s.op, s.t, a...) })
	}
	clamp := map[spirv.GLSL][2]Op{spirv.GLSLFClamp: {FMax, FMin}, spirv.GLSLNClamp: {FMax, FMin}, spirv.GLSLUClamp: {UMax, UMin}, spirv.GLSLSClamp: {SMax, SMin}}
	if ops, ok := clamp[fn]; ok {
		return b.each(in, len(args), args, func(a []*Value) (*Value, error) {
			v, err := b.emit(in, ops[0], a[0].Type, a[0], a[1])
			if err != nil {
				return nil, err
			}
			return b.emit(in, ops[1], a[0].Type, v, a[2])
		})
	}
	return fail(in, "the function %s is outside the subset", fn)
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

// step goes from a type to its member i: the offset of the member in elements, its
// type, and the distance of two neighbouring members (0 in a struct).
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
			if !ok || len(o) != 1 || o[0]%4 != 0 {
				return 0, 0, 0, fail(in, "member %d of the block has no offset that is a multiple of 4", i)
			}
			return o[0] / 4, t.Members[i], 0, nil
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
		return i, t.Elem, 1, nil
	case spirv.Array, spirv.RuntimeArray:
		if laid {
			s, ok := b.m.Decoration(typ, spirv.DecorationArrayStride)
			if !ok || len(s) != 1 || s[0] == 0 || s[0]%4 != 0 {
				return 0, 0, 0, fail(in, "an array in a buffer has no stride that is a multiple of 4")
			}
			stride = s[0] / 4
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
		bits, known := ix[0].IsConst()
		off, elem, stride, err := b.step(in, p.typ, bits, p.laid)
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
		v, err := b.emit(in, IMul, Int, ix[0], b.constant(Int, stride))
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

// offsets lists where the scalars of a type lie, in elements.
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

// index is the place of element off of a pointer into memory.
func (b *builder) index(in *spirv.Inst, p *pointer, off uint32) (*Value, error) {
	if p.dyn == nil {
		return b.constant(Int, off), nil
	}
	return b.emit(in, IAdd, Int, p.dyn, b.constant(Int, off))
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
			if uint64(off)*4+4 > uint64(b.f.PushBytes) {
				return nil, fail(in, "it reads past the push constants")
			}
			v, err = b.add(in, &Value{Op: Push, Type: ts[i], Offset: off * 4})
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
		return b.constant(Int, b.wgSize[dim]), nil
	case spirv.BuiltInGlobalInvocationId:
		g, err := id(GroupID, dim)
		if err != nil {
			return nil, err
		}
		if g, err = b.emit(in, IMul, Int, g, b.constant(Int, b.wgSize[dim])); err != nil {
			return nil, err
		}
		l, err := id(LocalID, dim)
		if err != nil {
			return nil, err
		}
		return b.emit(in, IAdd, Int, g, l)
	case spirv.BuiltInLocalInvocationIndex:
		var sum *Value = b.constant(Int, 0)
		size := uint32(1)
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
			size *= b.wgSize[d]
		}
		return sum, nil
	}
	return nil, fail(in, "the built-in %s is outside the subset", bi)
}
