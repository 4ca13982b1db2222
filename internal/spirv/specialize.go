// Specialize: specialization constants become constants.

package spirv

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Specialize returns a module in which the specialization constants are plain
// constants: those named in values, by SpecId, have the value given (the bits of
// a 32-bit number; 0 or 1 for a bool; a narrower integer must fit), the others
// their default. What is computed from them is computed, and the LocalSize
// execution mode agrees with a WorkgroupSize constant. The module itself is not
// changed. An unknown SpecId, a value for a 64-bit constant, a division by zero
// and an operation that cannot be computed are errors.
func (m *Module) Specialize(values map[uint32]uint32) (*Module, error) {
	overrides, err := m.overrides(values)
	if err != nil {
		return nil, err
	}
	s := specializer{m: m, values: make(map[ID]*value), bound: m.Bound}
	s.folder = newFolder(m, s.values, overrides)
	for i := range m.Insts {
		if err := s.instruction(&m.Insts[i]); err != nil {
			return nil, err
		}
	}
	if err := s.workgroupSize(); err != nil {
		return nil, err
	}
	out := &Module{Version: m.Version, Generator: m.Generator, Bound: s.bound, Insts: s.out}
	// The checks that the module has passed hold for the new one too, except where a
	// value made it wrong; reading it again finds that, and makes its indexes.
	specialized, err := Parse(out.Bytes())
	if err != nil {
		return nil, fmt.Errorf("specialised module: %w", err)
	}
	return specialized, nil
}

// overrides checks the values against the constants that they are for, and
// brings each to the bits that its constant has.
func (m *Module) overrides(values map[uint32]uint32) (map[uint32]uint32, error) {
	known := make(map[uint32]string)
	overrides := make(map[uint32]uint32)
	for i := range m.Insts {
		in := &m.Insts[i]
		if in.Op != OpSpecConstant && in.Op != OpSpecConstantTrue && in.Op != OpSpecConstantFalse {
			continue
		}
		spec, ok := m.Decoration(in.Result, DecorationSpecId)
		if !ok {
			continue
		}
		id := spec[0]
		if known[id] == "" {
			known[id] = m.Name(in.Result)
		}
		n, given := values[id]
		if !given {
			continue
		}
		t := m.types[in.Type]
		switch {
		case t.Kind == Bool && n > 1:
			return nil, errAt(in, "SpecId %d is a bool, which is 0 or 1, not %d", id, n)
		case t.Width > 32:
			return nil, errAt(in, "SpecId %d is of type %s, and only values of up to 32 bits can be set", id, m.TypeString(t.ID))
		case uint64(n)&^t.mask() != 0 && !(t.Signed && uint32(extend(uint64(n), t.Width)) == n):
			return nil, errAt(in, "SpecId %d is of type %s, which %d does not fit", id, m.TypeString(t.ID), n)
		}
		overrides[id] = n
	}
	for _, id := range slices.Sorted(maps.Keys(values)) {
		if _, ok := known[id]; ok {
			continue
		}
		if len(known) == 0 {
			return nil, fmt.Errorf("spirv: there is no specialization constant with SpecId %d: the module has none", id)
		}
		var names []string
		for _, k := range slices.Sorted(maps.Keys(known)) {
			names = append(names, strings.TrimSpace(fmt.Sprintf("%d %s", k, known[k])))
		}
		return nil, fmt.Errorf("spirv: there is no specialization constant with SpecId %d: the module has %s", id, strings.Join(names, ", "))
	}
	return overrides, nil
}

// specializer writes the specialised module.
type specializer struct {
	m      *Module
	folder *folder
	values map[ID]*value // of the constants so far, with the specialization
	bound  uint32
	out    []Inst
}

func (s *specializer) instruction(in *Inst) error {
	switch {
	case in.Op.isConstant():
		if err := s.folder.declare(in); err != nil {
			return err
		}
		return s.constant(in)
	case (in.Op == OpDecorate) && Decoration(in.Args[1]) == DecorationSpecId:
		return nil
	case in.Op == OpTypeArray:
		v := s.values[ID(in.Args[1])]
		if v.err != nil {
			return v.err
		}
		if _, err := arrayLen(in, s.m.types[v.typ], v.bits); err != nil {
			return fmt.Errorf("%w with this specialization", err)
		}
	}
	s.out = append(s.out, *in)
	return nil
}

// constant writes a constant declaration, as a plain one if it was a specialization's.
func (s *specializer) constant(in *Inst) error {
	plain := *in
	v := s.values[in.Result]
	switch in.Op {
	case OpSpecConstantTrue, OpSpecConstantFalse, OpSpecConstant:
		s.define(v)
		return nil
	case OpSpecConstantOp:
		if v.err != nil {
			return v.err
		}
		s.define(v)
		return nil
	case OpSpecConstantComposite:
		plain.Op = OpConstantComposite
	case OpSpecConstantCompositeReplicateEXT:
		plain.Op = OpConstantCompositeReplicateEXT
	}
	s.out = append(s.out, plain)
	return nil
}

// define writes constants until v has an id.
func (s *specializer) define(v *value) {
	t := s.m.types[v.typ]
	in := Inst{Type: v.typ}
	switch {
	case t.Kind == Bool:
		in.Op = OpConstantFalse
		if v.bits != 0 {
			in.Op = OpConstantTrue
		}
	case t.scalar():
		in.Op = OpConstant
		bits := v.bits
		if t.Signed {
			bits = uint64(extend(bits, t.Width)) // a narrow literal fills its word with its sign
		}
		in.Args = []uint32{uint32(bits)}
		if t.Width > 32 {
			in.Args = append(in.Args, uint32(bits>>32))
		}
	case v.null:
		in.Op = OpConstantNull
	default:
		in.Op = OpConstantComposite
		for _, part := range v.elems {
			if part.id == 0 {
				s.define(part)
			}
			in.Args = append(in.Args, uint32(part.id))
		}
	}
	if v.id == 0 {
		v.id = ID(s.bound)
		s.bound++
	}
	in.Result = v.id
	s.out = append(s.out, in)
}

// workgroupSize makes LocalSize agree with the constant that overrules it.
func (s *specializer) workgroupSize() error {
	constant := s.m.workgroupSizeConstant()
	if constant == nil {
		return nil
	}
	v := s.values[constant.Result]
	if v.err != nil {
		return v.err
	}
	if _, err := s.m.dims(constant); err != nil {
		return err
	}
	var size [3]uint32
	for i := range size {
		size[i] = uint32(s.m.part(v, uint64(i)).bits)
	}
	for i := range s.out {
		in := &s.out[i]
		if in.Op == OpExecutionMode && ExecutionMode(in.Args[1]) == ExecutionModeLocalSize {
			in.Args = []uint32{in.Args[0], uint32(ExecutionModeLocalSize), size[0], size[1], size[2]}
		}
	}
	return nil
}

// SpecializeNamed is Specialize with the constants' names in the place of their SpecIds.
// A name that no constant has is an error.
func (m *Module) SpecializeNamed(values map[string]uint32) (*Module, error) {
	byID := make(map[uint32]uint32)
	var names []string
	done := make(map[string]bool)
	for i := range m.Insts {
		in := &m.Insts[i]
		spec, ok := m.Decoration(in.Result, DecorationSpecId)
		if name := m.Name(in.Result); ok && name != "" {
			names = append(names, name)
			if v, given := values[name]; given {
				byID[spec[0]] = v
				done[name] = true
			}
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if !done[name] {
			return nil, fmt.Errorf("spirv: there is no specialization constant %q: the module has %s", name, cmp.Or(strings.Join(names, ", "), "none"))
		}
	}
	return m.Specialize(byID)
}
