// Constants: their values, and OpSpecConstantOp computed.

package spirv

import (
	"fmt"
	"math"
)

// value is what a constant is worth. Composites share their parts.
type value struct {
	id    ID // constant that has this value, 0 for a part that has no id
	typ   ID
	bits  uint64   // of a scalar, zero above the type's width; a bool is 0 or 1
	elems []*value // of a composite, unless null
	null  bool     // zero throughout
	spec  bool     // may change with a specialization
	err   error    // why it isn't known
}

// Const returns the bits of a scalar constant, zero-extended to 64 (a bool is 0
// or 1), and its type. Specialization constants have their current values. ok is
// false for anything but a scalar constant, and for a constant that cannot be computed.
func (m *Module) Const(id ID) (bits uint64, typ ID, ok bool) {
	v, ok := m.values[id]
	if !ok || v.err != nil || !m.types[v.typ].scalar() {
		return 0, 0, false
	}
	return v.bits, v.typ, true
}

// part returns constituent i, which the composite's type has.
func (m *Module) part(v *value, i uint64) *value {
	if !v.null {
		return v.elems[i]
	}
	typ, _ := m.types[v.typ].element(i)
	return &value{typ: typ, null: true}
}

// parts returns all constituents of a composite.
func (f *folder) parts(v *value) ([]*value, error) {
	t := f.m.types[v.typ]
	n := t.constituents()
	if f.budget -= n; f.budget < 0 {
		return nil, fmt.Errorf("composites are too large to be computed")
	}
	parts := make([]*value, n)
	if !v.null {
		copy(parts, v.elems)
		return parts, nil
	}
	for i := range parts {
		if i > 0 && t.Kind != Struct {
			parts[i] = parts[0]
			continue
		}
		parts[i] = f.m.part(v, uint64(i))
	}
	return parts, nil
}

// folder evaluates the constants of a module in the order of their declaration.
type folder struct {
	m         *Module
	values    map[ID]*value
	overrides map[uint32]uint32 // by SpecId
	budget    int               // parts of composites that may still be copied
}

func newFolder(m *Module, values map[ID]*value, overrides map[uint32]uint32) *folder {
	return &folder{m: m, values: values, overrides: overrides, budget: 1 << 20}
}

// declare checks a constant and notes its value. A value that can't be computed
// is kept with its reason: only who needs it has to fail.
func (f *folder) declare(in *Inst) error {
	t := f.m.types[in.Type]
	v := &value{id: in.Result, typ: in.Type}
	switch in.Op {
	case OpConstantTrue, OpConstantFalse, OpSpecConstantTrue, OpSpecConstantFalse:
		if t.Kind != Bool {
			return errAt(in, "the result type is %s, not bool", f.m.TypeString(t.ID))
		}
		if in.Op == OpConstantTrue || in.Op == OpSpecConstantTrue {
			v.bits = 1
		}
		if in.Op == OpSpecConstantTrue || in.Op == OpSpecConstantFalse {
			v.spec = true
			if n, ok := f.override(in); ok {
				v.bits = uint64(n)
			}
		}
	case OpConstant, OpSpecConstant:
		v.bits = uint64(in.Args[0])
		if len(in.Args) > 1 {
			v.bits |= uint64(in.Args[1]) << 32
		}
		if in.Op == OpSpecConstant {
			v.spec = true
			if n, ok := f.override(in); ok {
				v.bits = uint64(n)
			}
		}
		v.bits &= t.mask()
	case OpConstantNull:
		if !t.scalar() && !t.composite() && t.Kind != Pointer && t.Kind != CooperativeMatrix && t.Kind != Opaque {
			return errAt(in, "a %s has no null value", t.Kind)
		}
		v.null = true
	case OpConstantComposite, OpSpecConstantComposite, OpConstantCompositeReplicateEXT, OpSpecConstantCompositeReplicateEXT:
		v.spec = in.Op == OpSpecConstantComposite || in.Op == OpSpecConstantCompositeReplicateEXT
		if err := f.composite(in, t, v); err != nil {
			return err
		}
	case OpSpecConstantOp:
		v.spec = true
		if err := f.operation(in, v); err != nil {
			return err
		}
	default:
		v.err = errAt(in, "the constant has no value that can be computed")
	}
	f.values[in.Result] = v
	return nil
}

// override returns the value that the specialization gives to a constant.
func (f *folder) override(in *Inst) (uint32, bool) {
	spec, ok := f.m.Decoration(in.Result, DecorationSpecId)
	if !ok {
		return 0, false
	}
	n, ok := f.overrides[spec[0]]
	return n, ok
}

// operand returns the value of a constant declared before in.
func (f *folder) operand(in *Inst, id ID) (*value, error) {
	if v, ok := f.values[id]; ok {
		return v, nil
	}
	// Undefined values are constants that nothing can be computed from.
	if def := f.m.Def(id); def.Op == OpUndef && def.Word < in.Word && f.m.types[def.Type] != nil {
		return &value{id: id, typ: def.Type, err: errAt(def, "id %d is undefined", id)}, nil
	}
	return nil, errAt(in, "id %d is not a constant declared before", id)
}

func (f *folder) composite(in *Inst, t *Type, v *value) error {
	replicate := in.Op == OpConstantCompositeReplicateEXT || in.Op == OpSpecConstantCompositeReplicateEXT
	if t.Kind == CooperativeMatrix {
		if len(in.Args) != 1 {
			return errAt(in, "%d parts for a cooperative matrix, which takes one for all", len(in.Args))
		}
		v.err = errAt(in, "the parts of a cooperative matrix are not known")
		_, err := f.operand(in, ID(in.Args[0]))
		return err
	}
	if !t.composite() {
		return errAt(in, "a %s has no parts", t.Kind)
	}
	if t.lenErr != nil {
		v.err = t.lenErr
		return nil
	}
	if replicate {
		return f.replicate(in, t, v)
	}
	if n := t.constituents(); len(in.Args) != n {
		return errAt(in, "%d parts for a %s of %d", len(in.Args), t.Kind, n)
	}
	v.elems = make([]*value, len(in.Args))
	for i, w := range in.Args {
		elem, err := f.operand(in, ID(w))
		if err != nil {
			return err
		}
		if want, _ := t.element(uint64(i)); elem.typ != want {
			return errAt(in, "part %d, id %d, is of type %s, not %s", i, w, f.m.TypeString(elem.typ), f.m.TypeString(want))
		}
		v.elems[i] = elem
		if v.err == nil {
			v.err = elem.err
		}
	}
	return nil
}

// replicate makes a composite all of whose parts are the same constant.
func (f *folder) replicate(in *Inst, t *Type, v *value) error {
	elem, err := f.operand(in, ID(in.Args[0]))
	if err != nil {
		return err
	}
	n := t.constituents()
	if f.budget -= n; f.budget < 0 {
		v.err = errAt(in, "composites are too large to be computed")
		return nil
	}
	v.elems = make([]*value, n)
	for i := range v.elems {
		if want, _ := t.element(uint64(i)); elem.typ != want {
			return errAt(in, "the part, id %d, is of type %s, not %s", in.Args[0], f.m.TypeString(elem.typ), f.m.TypeString(want))
		}
		v.elems[i] = elem
	}
	v.err = elem.err
	return nil
}

// operation computes an OpSpecConstantOp. Operands that are not constants make
// the module invalid; anything else is the value's error.
func (f *folder) operation(in *Inst, v *value) error {
	op := Op(in.Args[0])
	var operands []*value
	rest := in.Args[1:]
	n := len(rest)
	switch op {
	case OpVectorShuffle, OpCompositeInsert:
		n = 2
	case OpCompositeExtract:
		n = 1
	case OpSelect, OpBitcast:
	default:
		if _, ok := scalarOps[op]; !ok {
			v.err = errAt(in, "%s cannot be computed as a constant", op)
			return nil
		}
	}
	for _, w := range rest[:n] {
		x, err := f.operand(in, ID(w))
		if err != nil {
			return err
		}
		operands = append(operands, x)
	}
	for _, x := range operands {
		if x.err != nil {
			v.err = x.err
			return nil
		}
	}
	result, err := f.apply(op, in.Type, operands, rest[n:])
	if err != nil {
		v.err = errAt(in, "%s: %w", op, err)
		return nil
	}
	v.bits, v.elems, v.null = result.bits, result.elems, result.null
	return nil
}

// apply computes op on values that are known.
func (f *folder) apply(op Op, typ ID, x []*value, literals []uint32) (*value, error) {
	m := f.m
	t := m.types[typ]
	switch op {
	case OpCompositeExtract:
		v := x[0]
		for _, i := range literals {
			if _, ok := m.types[v.typ].element(uint64(i)); !ok {
				return nil, fmt.Errorf("%s has no part %d", m.TypeString(v.typ), i)
			}
			v = m.part(v, uint64(i))
		}
		return f.typed(v, typ)
	case OpCompositeInsert:
		if x[1].typ != typ {
			return nil, fmt.Errorf("the composite is of type %s, the result of %s", m.TypeString(x[1].typ), m.TypeString(typ))
		}
		return f.insert(x[1], x[0], literals)
	case OpVectorShuffle:
		return f.shuffle(t, x, literals)
	case OpSelect:
		return f.selectValue(t, x)
	case OpBitcast:
		return f.bitcast(t, x[0])
	}
	scalar := t
	if t.Kind == Vector {
		scalar = m.types[t.Elem]
	}
	return f.each(t, scalar, scalarOps[op], x)
}

// typed returns v, provided that it is of the type.
func (f *folder) typed(v *value, typ ID) (*value, error) {
	if v.err != nil {
		return nil, v.err
	}
	if v.typ != typ {
		return nil, fmt.Errorf("the value is of type %s, the result of %s", f.m.TypeString(v.typ), f.m.TypeString(typ))
	}
	return v, nil
}

// insert copies the composite with one part, at any depth, replaced.
func (f *folder) insert(composite, part *value, path []uint32) (*value, error) {
	if len(path) == 0 {
		return f.typed(part, composite.typ)
	}
	if _, ok := f.m.types[composite.typ].element(uint64(path[0])); !ok {
		return nil, fmt.Errorf("%s has no part %d", f.m.TypeString(composite.typ), path[0])
	}
	parts, err := f.parts(composite)
	if err != nil {
		return nil, err
	}
	if parts[path[0]], err = f.insert(parts[path[0]], part, path[1:]); err != nil {
		return nil, err
	}
	return &value{typ: composite.typ, elems: parts}, nil
}

func (f *folder) shuffle(t *Type, x []*value, literals []uint32) (*value, error) {
	var parts []*value
	for _, v := range x {
		if f.m.types[v.typ].Kind != Vector {
			return nil, fmt.Errorf("an operand is of type %s, not a vector", f.m.TypeString(v.typ))
		}
		more, err := f.parts(v)
		if err != nil {
			return nil, err
		}
		parts = append(parts, more...)
	}
	if t.Kind != Vector || int(t.Len) != len(literals) {
		return nil, fmt.Errorf("%d components for a result of type %s", len(literals), f.m.TypeString(t.ID))
	}
	result := &value{typ: t.ID}
	for _, i := range literals {
		if i == math.MaxUint32 { // undefined: any value will do
			result.elems = append(result.elems, &value{typ: t.Elem, null: true})
			continue
		}
		if uint64(i) >= uint64(len(parts)) {
			return nil, fmt.Errorf("there is no component %d", i)
		}
		v, err := f.typed(parts[i], t.Elem)
		if err != nil {
			return nil, err
		}
		result.elems = append(result.elems, v)
	}
	return result, nil
}

func (f *folder) selectValue(t *Type, x []*value) (*value, error) {
	for _, v := range x[1:] {
		if _, err := f.typed(v, t.ID); err != nil {
			return nil, err
		}
	}
	switch c := f.m.types[x[0].typ]; {
	case c.Kind == Bool:
		if x[0].bits != 0 {
			return x[1], nil
		}
		return x[2], nil
	case c.Kind == Vector && f.m.types[c.Elem].Kind == Bool && t.Kind == Vector && t.Len == c.Len:
		result := &value{typ: t.ID}
		for i := range uint64(t.Len) {
			from := x[2]
			if f.m.part(x[0], i).bits != 0 {
				from = x[1]
			}
			result.elems = append(result.elems, f.m.part(from, i))
		}
		return result, nil
	default:
		return nil, fmt.Errorf("the condition is of type %s", f.m.TypeString(c.ID))
	}
}

// bitcast reads the bits of a number or a vector of numbers, the first component lowest, as another type.
func (f *folder) bitcast(t *Type, x *value) (*value, error) {
	from := f.m.types[x.typ]
	fromElem, fromLen, ok := f.m.numbers(from)
	toElem, toLen, ok2 := f.m.numbers(t)
	if !ok || !ok2 || fromElem.Width*fromLen != toElem.Width*toLen {
		return nil, fmt.Errorf("from %s to %s", f.m.TypeString(from.ID), f.m.TypeString(t.ID))
	}
	var bytes []byte
	for i := range fromLen {
		v := x
		if from.Kind == Vector {
			v = f.m.part(x, uint64(i))
		}
		for b := 0; b < fromElem.Width; b += 8 {
			bytes = append(bytes, byte(v.bits>>b))
		}
	}
	result := &value{typ: t.ID}
	for range toLen {
		v := &value{typ: toElem.ID}
		for b := 0; b < toElem.Width; b += 8 {
			v.bits |= uint64(bytes[0]) << b
			bytes = bytes[1:]
		}
		if t.Kind != Vector {
			return v, nil
		}
		result.elems = append(result.elems, v)
	}
	return result, nil
}

// numbers splits a number, or a vector of numbers, into its component type and their count.
func (m *Module) numbers(t *Type) (*Type, int, bool) {
	n := 1
	if t.Kind == Vector {
		n = int(t.Len)
		t = m.types[t.Elem]
	}
	return t, n, t.Kind == Int || t.Kind == Float
}

// mask covers the bits of a scalar type.
func (t *Type) mask() uint64 {
	if t.Kind == Bool {
		return 1
	}
	return math.MaxUint64 >> (64 - t.Width)
}

// each applies a scalar operation to scalars or, component by component, to vectors.
func (f *folder) each(t, scalar *Type, fn scalarOp, x []*value) (*value, error) {
	types := make([]*Type, len(x))
	for i, v := range x {
		types[i] = f.m.types[v.typ]
		if t.Kind == Vector {
			if types[i].Kind != Vector || types[i].Len != t.Len {
				return nil, fmt.Errorf("operand %d is of type %s, the result of %s", i, f.m.TypeString(v.typ), f.m.TypeString(t.ID))
			}
			types[i] = f.m.types[types[i].Elem]
		}
	}
	if !fn.rule.allows(scalar, types) {
		return nil, fmt.Errorf("the operation does not go from %s to %s", f.m.TypeString(x[0].typ), f.m.TypeString(t.ID))
	}
	if t.Kind != Vector {
		b := make([]uint64, len(x))
		for i, v := range x {
			b[i] = v.bits
		}
		bits, err := fn.compute(scalar, types, b)
		return &value{typ: t.ID, bits: bits & scalar.mask()}, err
	}
	result := &value{typ: t.ID}
	for c := range uint64(t.Len) {
		b := make([]uint64, len(x))
		for i, v := range x {
			part := f.m.part(v, c)
			if part.err != nil {
				return nil, part.err
			}
			b[i] = part.bits
		}
		bits, err := fn.compute(scalar, types, b)
		if err != nil {
			return nil, err
		}
		result.elems = append(result.elems, &value{typ: scalar.ID, bits: bits & scalar.mask()})
	}
	return result, nil
}
