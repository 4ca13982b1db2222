package ir

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"gpubench/internal/spirv"
)

// Limits that keep hostile or careless input from filling memory. A tuned matmul
// comes to some 20,000 values.
const (
	maxValues     = 1 << 20
	maxIterations = 1 << 12 // of one unrolled loop
	maxScalars    = 1 << 12 // of one aggregate that is loaded, stored or kept in variables
	maxSteps      = 1 << 20 // blocks walked, repetitions included
)

// Build makes a Func of the entry point of a specialised module. The error names
// the word and the opcode of what is outside the subset.
func Build(m *spirv.Module) (f *Func, err error) {
	demoted := map[spirv.ID]bool{}
	steps := 0
	for {
		b, err := newBuilder(m, demoted)
		if err != nil {
			return nil, err
		}
		b.steps = steps
		err = b.run()
		steps = b.steps
		var d demotion
		if errors.As(err, &d) {
			// An index was not known, so the variable becomes memory: start again with that.
			demoted[d.id] = true
			continue
		}
		if err != nil {
			return nil, err
		}
		b.f.sortBuffers()
		b.f.Clean()
		return b.f, nil
	}
}

// demotion says that the local array id has an index that is not constant.
type demotion struct{ id spirv.ID }

func (d demotion) Error() string { return fmt.Sprintf("id %d has a variable index", d.id) }

// errNotConstant ends the attempt to unroll a loop whose course depends on run time.
var errNotConstant = errors.New("the loop's course is not known")

// operand is what an id stands for: its scalars in order, or a pointer.
type operand struct {
	s   []*Value
	ptr *pointer
}

type rootKind uint8

const (
	rootMem rootKind = iota
	rootLocal
	rootPush
	rootBuiltin
)

// pointer is a place: root, and the way from there; off and dyn add up.
type pointer struct {
	root    rootKind
	mem     *Mem
	local   *local
	builtin spirv.BuiltIn
	laid    bool // the type is laid out by Offset and ArrayStride
	typ     spirv.ID
	off     uint32 // in bytes where laid, else in elements
	dyn     *Value // in elements
}

// local is a variable of the function that lives in scalars.
type local struct {
	id   spirv.ID
	vars []*Var
}

type block struct {
	label spirv.ID
	insts []*spirv.Inst // without label, merge and terminator
	merge *spirv.Inst   // OpSelectionMerge, OpLoopMerge or nil
	term  *spirv.Inst
}

// region is the construct being walked: where it ends, and the loop around it.
type region struct {
	stop spirv.ID
	loop *loop
}

type loop struct {
	header, merge, cont spirv.ID
	unrolling           bool
}

// exit says how a walk ended.
type exit uint8

const (
	exitStop     exit = iota // at region.stop
	exitBreak                // at the loop's merge block
	exitContinue             // at the loop's continue target
	exitReturn
	exitNone // every path inside has ended by itself
)

type builder struct {
	m       *spirv.Module
	f       *Func
	ext     spirv.ID // GLSL.std.450
	blocks  map[spirv.ID]*block
	entry   spirv.ID
	ops     map[spirv.ID]operand
	phis    map[spirv.ID][]*Var
	known   map[*Var]*Value // what a variable holds here, where that is known
	locals  map[spirv.ID]*local
	demoted map[spirv.ID]bool
	out     *[]Node
	values  int
	steps   int
	wgSize  [3]uint32
}

func fail(in *spirv.Inst, format string, args ...any) error {
	return fmt.Errorf("ir: word %d: %s: %w", in.Word, in.Op, fmt.Errorf(format, args...))
}

func newBuilder(m *spirv.Module, demoted map[spirv.ID]bool) (*builder, error) {
	e, err := m.Entry()
	if err != nil {
		return nil, err
	}
	b := &builder{m: m, f: &Func{Name: e.Name}, blocks: map[spirv.ID]*block{}, ops: map[spirv.ID]operand{}, phis: map[spirv.ID][]*Var{},
		known: map[*Var]*Value{}, locals: map[spirv.ID]*local{}, demoted: demoted}
	b.out = &b.f.Body
	itf, err := m.Reflect()
	if err != nil {
		return nil, err
	}
	for i, d := range itf.WorkgroupSize {
		b.wgSize[i] = d.Value
	}
	b.f.Workgroup = b.wgSize
	if itf.PushConstants != nil {
		b.f.PushBytes = itf.PushConstants.Size
	}
	var cur *block
	inside := false
	for i := range m.Insts {
		in := &m.Insts[i]
		switch in.Op {
		case spirv.OpExtInstImport:
			if m.ExtInst(in.Result) == "GLSL.std.450" {
				b.ext = in.Result
			}
		case spirv.OpFunction:
			inside = in.Result == e.Function
			b.entry = 0
		case spirv.OpFunctionEnd:
			if inside {
				return b, b.globals()
			}
		case spirv.OpLabel:
			if inside {
				cur = &block{label: in.Result}
				b.blocks[in.Result] = cur
				if b.entry == 0 {
					b.entry = in.Result
				}
			}
		case spirv.OpSelectionMerge, spirv.OpLoopMerge:
			if inside {
				cur.merge = in
			}
		case spirv.OpBranch, spirv.OpBranchConditional, spirv.OpReturn, spirv.OpUnreachable, spirv.OpSwitch, spirv.OpKill, spirv.OpReturnValue:
			if inside {
				cur.term = in
			}
		case spirv.OpLine, spirv.OpNoLine, spirv.OpNop:
		default:
			if inside && cur != nil {
				cur.insts = append(cur.insts, in)
			}
		}
	}
	return nil, fmt.Errorf("ir: the entry point %q has no function with id %d", e.Name, e.Function)
}

// globals gives constants and module-level variables their operands.
func (b *builder) globals() error {
	for i := range b.m.Insts {
		in := &b.m.Insts[i]
		switch in.Op {
		case spirv.OpFunction:
			return nil
		case spirv.OpConstant, spirv.OpConstantTrue, spirv.OpConstantFalse:
			t, err := b.scalarType(in, in.Type)
			if err != nil {
				continue // refused where it is used
			}
			bits, _, _ := b.m.Const(in.Result)
			b.ops[in.Result] = operand{s: []*Value{b.constant(t, bits)}}
		case spirv.OpConstantComposite:
			var s []*Value
			ok := true
			for _, a := range in.Args {
				o, have := b.ops[spirv.ID(a)]
				ok = ok && have
				s = append(s, o.s...)
			}
			if ok {
				b.ops[in.Result] = operand{s: s}
			}
		case spirv.OpConstantNull, spirv.OpUndef:
			if ts, err := b.flatten(in, in.Type); err == nil {
				b.ops[in.Result] = operand{s: b.zeros(ts)}
			}
		case spirv.OpSpecConstant, spirv.OpSpecConstantTrue, spirv.OpSpecConstantFalse, spirv.OpSpecConstantComposite, spirv.OpSpecConstantOp:
			return fail(in, "the module has not been specialised")
		case spirv.OpVariable:
			if err := b.variable(in); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *builder) zeros(ts []Type) []*Value {
	s := make([]*Value, len(ts))
	for i, t := range ts {
		s[i] = b.constant(t, 0)
	}
	return s
}

func (b *builder) constant(t Type, bits uint64) *Value {
	return &Value{Op: Const, Type: t, Bits: bits}
}

// variable gives an OpVariable its place.
func (b *builder) variable(in *spirv.Inst) error {
	pt, err := b.m.Type(in.Type)
	if err != nil {
		return err
	}
	p := &pointer{typ: pt.Elem}
	name := b.m.Name(in.Result)
	switch pt.Storage {
	case spirv.StorageStorageBuffer, spirv.StorageUniform:
		set, _ := b.m.Decoration(in.Result, spirv.DecorationDescriptorSet)
		binding, _ := b.m.Decoration(in.Result, spirv.DecorationBinding)
		if len(set) != 1 || len(binding) != 1 {
			return fail(in, "the buffer %q has no descriptor set and binding", name)
		}
		st, err := b.m.Type(pt.Elem)
		if err != nil {
			return err
		}
		if st.Kind != spirv.Struct || len(st.Members) == 0 {
			return fail(in, "the buffer %q is not a block", name)
		}
		if n := b.m.MemberName(pt.Elem, len(st.Members)-1); n != "" && name == "" {
			name = n
		}
		ro := true
		for i := range st.Members {
			_, member := b.m.MemberDecoration(pt.Elem, i, spirv.DecorationNonWritable)
			ro = ro && member
		}
		_, whole := b.m.Decoration(in.Result, spirv.DecorationNonWritable)
		p.laid = true
		for _, m := range b.f.Mems {
			if m.Kind == Buffer && m.Set == set[0] && m.Binding == binding[0] {
				m.ReadOnly = m.ReadOnly && (ro || whole)
				p.mem = m
			}
		}
		if p.mem == nil {
			elem, err := b.elemType(in, pt.Elem)
			if err != nil {
				return err
			}
			p.mem = b.newMem(&Mem{Kind: Buffer, Name: name, Set: set[0], Binding: binding[0], ReadOnly: ro || whole, Elem: elem})
		}
	case spirv.StoragePushConstant:
		p.root, p.laid = rootPush, true
	case spirv.StorageInput:
		bi, ok := b.m.Decoration(in.Result, spirv.DecorationBuiltIn)
		if !ok {
			return fail(in, "the input %q is no built-in", name)
		}
		p.root, p.builtin = rootBuiltin, spirv.BuiltIn(bi[0])
	case spirv.StorageWorkgroup:
		ts, n, err := b.arrayOf(in, pt.Elem)
		if err != nil {
			return err
		}
		p.mem = b.newMem(&Mem{Kind: Shared, Name: name, Elem: ts, Len: n})
	case spirv.StorageFunction, spirv.StoragePrivate:
		if b.demoted[in.Result] {
			t, n, err := b.arrayOf(in, pt.Elem)
			if err != nil {
				return err
			}
			p.mem = b.newMem(&Mem{Kind: Private, Name: name, Elem: t, Len: n})
			break
		}
		l := b.locals[in.Result]
		if l == nil {
			ts, err := b.flatten(in, pt.Elem)
			if err != nil {
				return err
			}
			l = &local{id: in.Result}
			for _, t := range ts {
				l.vars = append(l.vars, b.newVar(name, t))
			}
			b.locals[in.Result] = l
		}
		p.root, p.local = rootLocal, l
	default:
		return fail(in, "variables of storage class %s are outside the subset", pt.Storage)
	}
	b.ops[in.Result] = operand{ptr: p}
	if pt.Storage == spirv.StorageFunction || pt.Storage == spirv.StoragePrivate {
		if len(in.Args) > 1 {
			init, ok := b.ops[spirv.ID(in.Args[1])]
			if !ok {
				return fail(in, "the initialiser of %q is outside the subset", name)
			}
			return b.storeTo(in, p, init.s)
		}
	}
	return nil
}

func (b *builder) newMem(m *Mem) *Mem {
	m.ID = len(b.f.Mems)
	if m.Name == "" {
		m.Name = "mem"
	}
	b.f.Mems = append(b.f.Mems, m)
	return m
}

func (b *builder) newVar(name string, t Type) *Var {
	if name == "" {
		name = "t"
	}
	v := &Var{ID: len(b.f.Vars), Name: name, Type: t}
	b.f.Vars = append(b.f.Vars, v)
	return v
}

func (b *builder) scalarType(in *spirv.Inst, id spirv.ID) (Type, error) {
	t, err := b.m.Type(id)
	if err != nil {
		return Void, err
	}
	switch {
	case t.Kind == spirv.Bool:
		return Bool, nil
	case t.Kind == spirv.Int && t.Width == 32:
		return Int, nil
	case t.Kind == spirv.Int && t.Width == 64:
		return Long, nil
	case t.Kind == spirv.Float && t.Width == 32:
		return Float, nil
	case t.Kind == spirv.Float && t.Width == 16:
		return Half, nil
	case t.Kind == spirv.Int:
		return Void, fail(in, "%d-bit integers are outside the subset (32 and 64 bits only)", t.Width)
	case t.Kind == spirv.Float:
		return Void, fail(in, "%d-bit floats are outside the subset (16 and 32 bits only)", t.Width)
	}
	return Void, fail(in, "type id %d is %s, not a scalar", id, t.Kind)
}

// flatten lists the scalars of a type in order.
func (b *builder) flatten(in *spirv.Inst, id spirv.ID) ([]Type, error) {
	t, err := b.m.Type(id)
	if err != nil {
		return nil, err
	}
	var ts []Type
	switch t.Kind {
	case spirv.Vector, spirv.Array, spirv.Matrix:
		one, err := b.flatten(in, t.Elem)
		if err != nil {
			return nil, err
		}
		if uint64(len(one))*uint64(t.Len) > maxScalars {
			return nil, fail(in, "an aggregate of %d scalars is more than the %d that are kept in variables", uint64(len(one))*uint64(t.Len), maxScalars)
		}
		for range t.Len {
			ts = append(ts, one...)
		}
	case spirv.Struct:
		for _, m := range t.Members {
			one, err := b.flatten(in, m)
			if err != nil {
				return nil, err
			}
			if ts = append(ts, one...); len(ts) > maxScalars {
				return nil, fail(in, "a struct of more than %d scalars", maxScalars)
			}
		}
	default:
		s, err := b.scalarType(in, id)
		if err != nil {
			return nil, err
		}
		return []Type{s}, nil
	}
	return ts, nil
}

// arrayOf is a type seen as memory of one scalar type: that type and the number of elements.
func (b *builder) arrayOf(in *spirv.Inst, id spirv.ID) (Type, uint32, error) {
	t, err := b.m.Type(id)
	if err != nil {
		return Void, 0, err
	}
	switch t.Kind {
	case spirv.Array, spirv.Vector, spirv.Matrix:
		s, n, err := b.arrayOf(in, t.Elem)
		if err != nil {
			return Void, 0, err
		}
		if uint64(n)*uint64(t.Len) > 1<<28 {
			return Void, 0, fail(in, "an array of %d elements is too large", uint64(n)*uint64(t.Len))
		}
		return s, n * t.Len, nil
	case spirv.Struct:
		var elem Type
		var total uint32
		for _, m := range t.Members {
			s, n, err := b.arrayOf(in, m)
			if err != nil {
				return Void, 0, err
			}
			if elem != Void && elem != s {
				return Void, 0, fail(in, "a struct of different scalar types in memory is outside the subset")
			}
			elem, total = s, total+n
		}
		return elem, total, nil
	}
	s, err := b.scalarType(in, id)
	if s == Bool {
		return Void, 0, fail(in, "bool in memory is outside the subset")
	}
	return s, 1, err
}

// elemType is the scalar type that a buffer's block holds; it must be one throughout.
func (b *builder) elemType(in *spirv.Inst, id spirv.ID) (Type, error) {
	t, err := b.m.Type(id)
	if err != nil {
		return Void, err
	}
	switch t.Kind {
	case spirv.Struct:
		elem := Void
		for _, m := range t.Members {
			s, err := b.elemType(in, m)
			if err != nil {
				return Void, err
			}
			if elem != Void && elem != s {
				return Void, fail(in, "a buffer that holds both %s and %s is outside the subset", elem, s)
			}
			elem = s
		}
		return elem, nil
	case spirv.Array, spirv.RuntimeArray, spirv.Vector, spirv.Matrix:
		return b.elemType(in, t.Elem)
	}
	return b.scalarType(in, id)
}

// run walks the function.
func (b *builder) run() error {
	e, err := b.walkFrom(b.entry, &region{}, false)
	if err != nil {
		return err
	}
	if e != exitReturn && e != exitNone {
		panic("BUG: ir: the function's walk ended inside a construct")
	}
	return nil
}

// emit adds an operation, or folds it.
func (b *builder) emit(in *spirv.Inst, op Op, t Type, args ...*Value) (*Value, error) {
	if !op.HasEffect() && !op.Reads() {
		if v := Fold(op, t, args...); v != nil {
			return v, nil
		}
	}
	return b.add(in, &Value{Op: op, Type: t, Args: args})
}

func (b *builder) add(in *spirv.Inst, v *Value) (*Value, error) {
	b.values++
	if b.values > maxValues {
		return nil, fail(in, "the unrolled code has more than %d operations", maxValues)
	}
	v.ID, v.Inst = b.values, in
	*b.out = append(*b.out, v)
	return v, nil
}

func (b *builder) set(in *spirv.Inst, v *Var, x *Value) error {
	b.known[v] = x
	_, err := b.add(in, &Value{Op: Set, Var: v, Args: []*Value{x}})
	return err
}

func (b *builder) get(in *spirv.Inst, v *Var) (*Value, error) {
	if x := b.known[v]; x != nil {
		return x, nil
	}
	x, err := b.add(in, &Value{Op: Get, Type: v.Type, Var: v})
	b.known[v] = x
	return x, err
}

// phiVars are the variables that stand for a phi.
func (b *builder) phiVars(in *spirv.Inst) ([]*Var, error) {
	if vs, ok := b.phis[in.Result]; ok {
		return vs, nil
	}
	ts, err := b.flatten(in, in.Type)
	if err != nil {
		return nil, err
	}
	var vs []*Var
	for _, t := range ts {
		vs = append(vs, b.newVar(b.m.Name(in.Result), t))
	}
	b.phis[in.Result] = vs
	return vs, nil
}

// enter prepares the phis of block to for control that comes from block from.
func (b *builder) enter(from, to spirv.ID) error {
	blk := b.blocks[to]
	if blk == nil {
		return fmt.Errorf("ir: block %d branches to %d, which is no block of the function", from, to)
	}
	type pair struct {
		v  *Var
		x  *Value
		in *spirv.Inst
	}
	var sets []pair // all are read before any is written: phis happen at once
	for _, in := range blk.insts {
		if in.Op != spirv.OpPhi {
			break
		}
		vs, err := b.phiVars(in)
		if err != nil {
			return err
		}
		found := false
		for i := 0; i+1 < len(in.Args); i += 2 {
			if spirv.ID(in.Args[i+1]) != from {
				continue
			}
			found = true
			o, err := b.scalars(in, spirv.ID(in.Args[i]), len(vs))
			if err != nil {
				return err
			}
			for j, v := range vs {
				sets = append(sets, pair{v, o[j], in})
			}
		}
		if !found {
			return fail(in, "it has no value for the predecessor %d", from)
		}
	}
	for _, s := range sets {
		if err := b.set(s.in, s.v, s.x); err != nil {
			return err
		}
	}
	return nil
}

// scalars is the value of an id as n scalars.
func (b *builder) scalars(in *spirv.Inst, id spirv.ID, n int) ([]*Value, error) {
	o, ok := b.ops[id]
	if !ok {
		what := "something undefined here"
		if d := b.m.Def(id); d != nil {
			what = fmt.Sprintf("%s at word %d", d.Op, d.Word)
		}
		return nil, fail(in, "id %d is %s, which is outside the subset", id, what)
	}
	if o.ptr != nil || (n >= 0 && len(o.s) != n) {
		return nil, fail(in, "id %d is not a value of %d scalars", id, n)
	}
	return o.s, nil
}

// at classifies a branch target.
func (r *region) at(t spirv.ID) (exit, bool) {
	switch {
	case t == r.stop:
		return exitStop, true
	case r.loop != nil && t == r.loop.merge:
		return exitBreak, true
	case r.loop != nil && t == r.loop.cont:
		return exitContinue, true
	}
	return exitNone, false
}

// walkFrom emits the code from block label on, whose phis are set, until control
// leaves the region. asHeader says that label is the header of a loop that is being
// walked already.
func (b *builder) walkFrom(label spirv.ID, r *region, asHeader bool) (exit, error) {
	for {
		blk := b.blocks[label]
		if blk == nil || blk.term == nil {
			return exitNone, fmt.Errorf("ir: %d is no complete block of the function", label)
		}
		if b.steps++; b.steps > maxSteps {
			return exitNone, fail(blk.term, "more than %d blocks were walked: the control flow is not structured, or far too much of it is marked for unrolling", maxSteps)
		}
		if blk.merge != nil && blk.merge.Op == spirv.OpLoopMerge && !asHeader {
			e, err := b.walkLoop(blk, r)
			if err != nil || e != exitBreak {
				return e, err
			}
			// Control is at the loop's merge block, whose phis are set.
			merge := spirv.ID(blk.merge.Args[0])
			if e, ends := r.at(merge); ends {
				return e, nil
			}
			label = merge
			continue
		}
		for _, in := range blk.insts {
			if err := b.inst(in); err != nil {
				return exitNone, err
			}
		}
		selection := blk.merge != nil && blk.merge.Op == spirv.OpSelectionMerge
		asHeader = false
		var next spirv.ID
		switch blk.term.Op {
		case spirv.OpReturn:
			return exitReturn, nil
		case spirv.OpUnreachable:
			return exitNone, nil
		case spirv.OpBranch:
			next = spirv.ID(blk.term.Args[0])
		case spirv.OpBranchConditional:
			cond, err := b.scalars(blk.term, spirv.ID(blk.term.Args[0]), 1)
			if err != nil {
				return exitNone, err
			}
			yes, no := spirv.ID(blk.term.Args[1]), spirv.ID(blk.term.Args[2])
			if bits, ok := cond[0].IsConst(); ok {
				next = yes
				if bits == 0 {
					next = no
				}
				if !selection {
					break
				}
				merge := spirv.ID(blk.merge.Args[0])
				e, err := b.follow(blk.label, next, &region{stop: merge, loop: r.loop})
				if err != nil || e != exitStop {
					return e, err
				}
				if e, ends := r.at(merge); ends {
					return e, nil
				}
				label = merge
				continue
			}
			if selection {
				merge := spirv.ID(blk.merge.Args[0])
				e, err := b.walkIf(blk, cond[0], yes, no, &region{stop: merge, loop: r.loop})
				if err != nil || e != exitStop {
					return e, err
				}
				if e, ends := r.at(merge); ends {
					return e, nil
				}
				label = merge
				continue
			}
			// Without a merge one side, or both, leave a construct around this one.
			_, yesEnds := r.at(yes)
			_, noEnds := r.at(no)
			if yesEnds && noEnds {
				return b.walkIf(blk, cond[0], yes, no, r)
			}
			if !yesEnds && !noEnds {
				return exitNone, fail(blk.term, "a branch without a merge instruction must leave its construct")
			}
			if noEnds {
				if cond[0], err = b.emit(blk.term, LNot, Bool, cond[0]); err != nil {
					return exitNone, err
				}
				yes, no = no, yes
			}
			if err := b.leaveIf(blk, cond[0], yes, r); err != nil {
				return exitNone, err
			}
			next = no
		default:
			return exitNone, fail(blk.term, "it is outside the subset")
		}
		if err := b.enter(blk.label, next); err != nil {
			return exitNone, err
		}
		if e, ends := r.at(next); ends {
			return e, nil
		}
		label = next
	}
}

// follow enters block to from block from and walks on.
func (b *builder) follow(from, to spirv.ID, r *region) (exit, error) {
	if err := b.enter(from, to); err != nil {
		return exitNone, err
	}
	if e, ends := r.at(to); ends {
		return e, nil
	}
	return b.walkFrom(to, r, false)
}

// branch walks a side of an if into a list of its own, which ends with the jump that
// the side ends with.
func (b *builder) branch(from, to spirv.ID, r *region) (nodes []Node, known map[*Var]*Value, e exit, err error) {
	out, before := b.out, b.known
	b.out, b.known = &nodes, maps.Clone(before)
	e, err = b.follow(from, to, r)
	if err == nil {
		err = b.jump(e, r)
	}
	known = b.known
	b.out, b.known = out, before
	return nodes, known, e, err
}

// jump emits the node for an exit other than reaching the end of the region.
func (b *builder) jump(e exit, r *region) error {
	switch e {
	case exitBreak, exitContinue:
		if r.loop.unrolling {
			return errNotConstant
		}
		if e == exitBreak {
			*b.out = append(*b.out, Break{})
		} else {
			*b.out = append(*b.out, Continue{})
		}
	case exitReturn:
		*b.out = append(*b.out, Return{})
	}
	return nil
}

func (b *builder) walkIf(blk *block, cond *Value, yes, no spirv.ID, r *region) (exit, error) {
	then, knownThen, e1, err := b.branch(blk.label, yes, r)
	if err != nil {
		return exitNone, err
	}
	els, knownElse, e2, err := b.branch(blk.label, no, r)
	if err != nil {
		return exitNone, err
	}
	*b.out = append(*b.out, &If{Cond: cond, Then: then, Else: els})
	switch {
	case e1 != exitStop && e2 != exitStop:
		return exitNone, nil
	case e1 != exitStop:
		b.known = knownElse
	case e2 != exitStop:
		b.known = knownThen
	default:
		maps.DeleteFunc(knownThen, func(v *Var, x *Value) bool { return !same(knownElse[v], x) })
		b.known = knownThen
	}
	return exitStop, nil
}

// same reports whether two values are one, or constants of the same bits.
func same(a, c *Value) bool {
	return a == c || a != nil && c != nil && a.Op == Const && c.Op == Const && a.Type == c.Type && a.Bits == c.Bits
}

// leaveIf emits the conditional jump to a target that leaves the region.
func (b *builder) leaveIf(blk *block, cond *Value, to spirv.ID, r *region) error {
	then, _, e, err := b.branch(blk.label, to, r)
	if err != nil {
		return err
	}
	if e == exitStop {
		// The end of the loop's body, seen from its middle.
		if r.loop == nil || r.stop != r.loop.cont {
			return fail(blk.term, "a branch to the end of its construct without a merge instruction")
		}
		if r.loop.unrolling {
			return errNotConstant
		}
		then = append(then, Continue{})
	}
	*b.out = append(*b.out, &If{Cond: cond, Then: then})
	return nil
}

// walkLoop emits the loop with this header, whose phis are set. exitBreak means that
// control is at its merge block.
func (b *builder) walkLoop(blk *block, r *region) (exit, error) {
	l := &loop{header: blk.label, merge: spirv.ID(blk.merge.Args[0]), cont: spirv.ID(blk.merge.Args[1])}
	control := blk.merge.Args[2]
	const unroll, dontUnroll = 1, 2
	if control&dontUnroll == 0 {
		saved, out, n := maps.Clone(b.known), b.out, b.values
		var nodes []Node
		b.out = &nodes
		l.unrolling = true
		limit := maxIterations
		if control&unroll == 0 {
			limit = 16
		}
		e, err := b.unroll(l, limit)
		b.out = out
		if err == nil {
			*b.out = append(*b.out, nodes...)
			return e, nil
		}
		if !errors.Is(err, errNotConstant) {
			return exitNone, err
		}
		b.known, b.values = saved, n
		l.unrolling = false
	}
	written, err := b.written(l)
	if err != nil {
		return exitNone, err
	}
	for v := range written {
		delete(b.known, v)
	}
	// What is known before the loop and not written in it holds in each part of it and
	// after it; what one part learns need not hold in the next.
	before := b.known
	part := func(nodes *[]Node, walk func() (exit, error)) (exit, error) {
		out := b.out
		b.out, b.known = nodes, maps.Clone(before)
		e, err := walk()
		if err == nil && e != exitStop {
			err = b.jump(e, &region{loop: l})
		}
		b.out, b.known = out, before
		return e, err
	}
	node := &Loop{}
	e, err := part(&node.Body, func() (exit, error) {
		return b.walkFrom(l.header, &region{stop: l.cont, loop: l}, true)
	})
	if err != nil {
		return exitNone, err
	}
	if l.cont != l.header && (e == exitStop || e == exitContinue || continues(node.Body)) {
		_, err := part(&node.Continue, func() (exit, error) {
			return b.walkFrom(l.cont, &region{stop: l.header, loop: l}, false)
		})
		if err != nil {
			return exitNone, err
		}
	}
	*b.out = append(*b.out, node)
	return exitBreak, nil
}

// continues reports whether nodes hold a Continue of the loop they are in.
func continues(nodes []Node) bool {
	for _, n := range nodes {
		switch n := n.(type) {
		case Continue:
			return true
		case *If:
			if continues(n.Then) || continues(n.Else) {
				return true
			}
		}
	}
	return false
}

// unroll repeats the loop as long as its course is known.
func (b *builder) unroll(l *loop, limit int) (exit, error) {
	for range limit {
		e, err := b.walkFrom(l.header, &region{stop: l.cont, loop: l}, true)
		if err != nil {
			return exitNone, err
		}
		if e == exitStop || e == exitContinue {
			if l.cont == l.header {
				continue
			}
			if e, err = b.walkFrom(l.cont, &region{stop: l.header, loop: l}, false); err != nil {
				return exitNone, err
			}
		}
		if e != exitStop {
			return e, nil
		}
	}
	return exitNone, errNotConstant
}

// written lists the variables that a loop may write: those behind its stores, the
// phis of its blocks and of its merge block.
func (b *builder) written(l *loop) (map[*Var]bool, error) {
	set := map[*Var]bool{}
	phis := func(blk *block) error {
		for _, in := range blk.insts {
			if in.Op == spirv.OpPhi {
				vs, err := b.phiVars(in)
				if err != nil {
					return err
				}
				for _, v := range vs {
					set[v] = true
				}
			}
		}
		return nil
	}
	seen := map[spirv.ID]bool{l.merge: true}
	todo := []spirv.ID{l.header}
	for len(todo) > 0 {
		blk := b.blocks[todo[len(todo)-1]]
		todo = todo[:len(todo)-1]
		if blk == nil || seen[blk.label] {
			continue
		}
		seen[blk.label] = true
		if err := phis(blk); err != nil {
			return nil, err
		}
		for _, in := range blk.insts {
			if in.Op == spirv.OpStore {
				id := spirv.ID(in.Args[0])
				for d := b.m.Def(id); d != nil && (d.Op == spirv.OpAccessChain || d.Op == spirv.OpInBoundsAccessChain || d.Op == spirv.OpCopyObject); d = b.m.Def(id) {
					id = spirv.ID(d.Args[0])
				}
				if lo := b.locals[id]; lo != nil {
					for _, v := range lo.vars {
						set[v] = true
					}
				}
			}
		}
		switch blk.term.Op {
		case spirv.OpBranch:
			todo = append(todo, spirv.ID(blk.term.Args[0]))
		case spirv.OpBranchConditional:
			todo = append(todo, spirv.ID(blk.term.Args[1]), spirv.ID(blk.term.Args[2]))
		}
	}
	merge := b.blocks[l.merge]
	if merge == nil {
		return nil, fmt.Errorf("ir: the merge block %d of the loop at %d is no block of the function", l.merge, l.header)
	}
	return set, phis(merge)
}

// sortBuffers puts the buffers into the order of their bindings: that of their
// declarations in the module says nothing.
func (f *Func) sortBuffers() {
	var at []int
	var buffers []*Mem
	for i, m := range f.Mems {
		if m.Kind == Buffer {
			at, buffers = append(at, i), append(buffers, m)
		}
	}
	slices.SortStableFunc(buffers, func(a, b *Mem) int {
		return cmp.Or(cmp.Compare(a.Set, b.Set), cmp.Compare(a.Binding, b.Binding))
	})
	for i, m := range buffers {
		m.ID = at[i]
		f.Mems[at[i]] = m
	}
}

// Clean drops operations whose result nobody uses and variables that nobody reads.
func (f *Func) Clean() {
	for {
		uses := map[*Value]int{}
		gets := map[*Var]int{}
		loads := map[*Mem]int{}
		Walk(f.Body, func(n Node) {
			switch n := n.(type) {
			case *Value:
				for _, a := range n.Args {
					uses[a]++
				}
				if n.Op == Get {
					gets[n.Var]++
				}
				if n.Op == Load {
					loads[n.Mem]++
				}
			case *If:
				uses[n.Cond]++
			}
		})
		dropped := false
		var sweep func([]Node) []Node
		sweep = func(nodes []Node) []Node {
			kept := nodes[:0]
			for _, n := range nodes {
				switch n := n.(type) {
				case *Value:
					dead := uses[n] == 0 && !n.Op.HasEffect() ||
						n.Op == Set && gets[n.Var] == 0 ||
						n.Op == Store && n.Mem.Kind == Private && loads[n.Mem] == 0
					if dead {
						dropped = true
						continue
					}
				case *If:
					n.Then, n.Else = sweep(n.Then), sweep(n.Else)
					if len(n.Then)+len(n.Else) == 0 {
						dropped = true
						continue
					}
				case *Loop:
					n.Body, n.Continue = sweep(n.Body), sweep(n.Continue)
				}
				kept = append(kept, n)
			}
			return kept
		}
		f.Body = sweep(f.Body)
		if dropped {
			continue
		}
		kept := f.Vars[:0]
		for _, v := range f.Vars {
			if gets[v] > 0 {
				v.ID = len(kept)
				kept = append(kept, v)
			}
		}
		f.Vars = kept
		id := 0
		Walk(f.Body, func(n Node) {
			if v, ok := n.(*Value); ok {
				id++
				v.ID = id
			}
		})
		return
	}
}
