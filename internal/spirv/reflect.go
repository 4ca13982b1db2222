// Reflect: what a kernel needs from its host.

package spirv

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Interface is what a compute kernel needs from its host. Specialization
// constants have their current values: defaults, or those that Specialize gave.
type Interface struct {
	Entry         string
	WorkgroupSize [3]Dim
	Bindings      []Binding      // sorted by set and binding; several may alias the same resource
	PushConstants *PushBlock     // nil without push constants
	SpecConstants []SpecConstant // sorted by SpecID
	SharedBytes   uint32         // workgroup memory
	Capabilities  []string       // by name, in the module's order
}

// Binding is a resource that a descriptor binds.
type Binding struct {
	Set, Binding uint32
	Name         string // of the variable or, where it has none, of its block
	Variable     ID
	Storage      StorageClass // StorageBuffer, Uniform or UniformConstant
	ReadOnly     bool         // the kernel doesn't write it (NonWritable)
	WriteOnly    bool         // the kernel doesn't read it (NonReadable)
	Element      string       // type of the elements of the buffer's array, else of the whole resource: f32, vec4<f32>, struct{u32, f32}
	Stride       uint32       // bytes between two elements, 0 when the buffer is no array
}

// PushBlock is the block of push constants.
type PushBlock struct {
	Size    uint32 // bytes, up to the end of the last member
	Members []PushMember
}

// PushMember is a member of the block of push constants, offset and size in bytes.
type PushMember struct {
	Name   string
	Offset uint32
	Size   uint32
	Type   string
}

// SpecConstant is a scalar that a specialization may set.
type SpecConstant struct {
	SpecID  uint32
	Name    string
	Type    string // bool, u32, i32, f32, ...
	Default uint64 // bits, zero-extended; a bool is 0 or 1

	// Ambiguous is true when several constants have this SpecID but not the same
	// default: glslang makes such where a constant is a workgroup dimension too. Left
	// alone each keeps its own, as Vulkan has it, so it is best always to set them.
	Ambiguous bool
}

// Reflect describes the module's only compute kernel. A module that is no such
// kernel, or whose resources lack the decorations that Vulkan demands, is an error.
func (m *Module) Reflect() (*Interface, error) {
	e, err := m.Entry()
	if err != nil {
		return nil, err
	}
	r := &Interface{Entry: e.Name, WorkgroupSize: e.WorkgroupSize}
	var shared sharedMemory
	byID := make(map[uint32]int)
	for i := range m.Insts {
		in := &m.Insts[i]
		if in.Op == OpFunction {
			break
		}
		switch in.Op {
		case OpCapability:
			r.Capabilities = append(r.Capabilities, Capability(in.Args[0]).String())
		case OpSpecConstantTrue, OpSpecConstantFalse, OpSpecConstant:
			err = r.addSpecConstant(m, in, byID)
		case OpVariable:
			switch StorageClass(in.Args[0]) {
			case StorageUniformConstant, StorageUniform, StorageStorageBuffer:
				err = r.addBinding(m, in)
			case StoragePushConstant:
				err = r.addPushConstants(m, in)
			case StorageWorkgroup:
				err = shared.add(m, in)
			}
		}
		if err != nil {
			return nil, err
		}
	}
	r.SharedBytes = uint32(shared.total())
	slices.SortStableFunc(r.Bindings, func(a, b Binding) int {
		return cmp.Or(cmp.Compare(a.Set, b.Set), cmp.Compare(a.Binding, b.Binding))
	})
	slices.SortStableFunc(r.SpecConstants, func(a, b SpecConstant) int { return cmp.Compare(a.SpecID, b.SpecID) })
	// glslang declares a constant twice where it also gives the workgroup's size.
	r.SpecConstants = slices.CompactFunc(r.SpecConstants, func(b, a SpecConstant) bool {
		return a.SpecID == b.SpecID && a.Type == b.Type && a.Default == b.Default && (a.Name == b.Name || b.Name == "")
	})
	return r, nil
}

// addSpecConstant notes a constant that has a SpecId; byID has the places of those noted before.
func (r *Interface) addSpecConstant(m *Module, in *Inst, byID map[uint32]int) error {
	spec, ok := m.Decoration(in.Result, DecorationSpecId)
	if !ok {
		return nil
	}
	c := SpecConstant{SpecID: spec[0], Name: m.Name(in.Result), Type: m.TypeString(in.Type), Default: m.values[in.Result].bits}
	first, ok := byID[c.SpecID]
	if !ok {
		byID[c.SpecID] = len(r.SpecConstants)
		r.SpecConstants = append(r.SpecConstants, c)
		return nil
	}
	old := &r.SpecConstants[first]
	if old.Type != c.Type {
		return errAt(in, "SpecId %d is of type %s here and of type %s elsewhere", c.SpecID, c.Type, old.Type)
	}
	c.Ambiguous = old.Ambiguous || old.Default != c.Default
	if old.Name != "" { // the one that the source names is the one that people mean
		c.Name, c.Default = old.Name, old.Default
	}
	*old = c
	return nil
}

func (r *Interface) addBinding(m *Module, in *Inst) error {
	set, ok := m.Decoration(in.Result, DecorationDescriptorSet)
	if !ok {
		return errAt(in, "the variable has no DescriptorSet decoration")
	}
	binding, ok := m.Decoration(in.Result, DecorationBinding)
	if !ok {
		return errAt(in, "the variable has no Binding decoration")
	}
	t := m.types[m.types[in.Type].Elem]
	b := Binding{
		Set: set[0], Binding: binding[0], Variable: in.Result, Storage: StorageClass(in.Args[0]),
		Name:     cmp.Or(m.Name(in.Result), m.Name(t.ID)),
		ReadOnly: m.everywhere(in.Result, t, DecorationNonWritable), WriteOnly: m.everywhere(in.Result, t, DecorationNonReadable),
		Element: m.TypeString(t.ID),
	}
	if t.Kind == Struct && len(t.Members) == 1 {
		member := m.types[t.Members[0]]
		if member != nil && (member.Kind == Array || member.Kind == RuntimeArray) {
			if member.layout.err != nil {
				return member.layout.err
			}
			stride, err := m.stride(m.Def(member.ID), member)
			if err != nil {
				return err
			}
			b.Element, b.Stride = m.TypeString(member.Elem), uint32(min(stride, math.MaxUint32))
		} else {
			b.Element = m.TypeString(t.Members[0])
		}
	}
	r.Bindings = append(r.Bindings, b)
	return nil
}

// everywhere reports whether the variable, or each member of its struct, has the decoration.
func (m *Module) everywhere(variable ID, t *Type, d Decoration) bool {
	if _, ok := m.Decoration(variable, d); ok {
		return true
	}
	for i := range t.Members {
		if _, ok := m.MemberDecoration(t.ID, i, d); !ok {
			return false
		}
	}
	return t.Kind == Struct && len(t.Members) > 0
}

func (r *Interface) addPushConstants(m *Module, in *Inst) error {
	if r.PushConstants != nil {
		return errAt(in, "a second block of push constants: only one is supported")
	}
	t := m.types[m.types[in.Type].Elem]
	if t.Kind != Struct {
		return errAt(in, "push constants of type %s, not a struct", m.TypeString(t.ID))
	}
	size, err := m.size32(in, t.ID)
	if err != nil {
		return err
	}
	b := &PushBlock{Size: size}
	for i, id := range t.Members {
		offset, ok := m.MemberDecoration(t.ID, i, DecorationOffset)
		if !ok {
			return errAt(m.Def(t.ID), "member %d of the push constants has no Offset decoration", i)
		}
		size := uint32(m.memberLayout(t, i).size) // no more than the block's, which fits
		b.Members = append(b.Members, PushMember{Name: m.MemberName(t.ID, i), Offset: offset[0], Size: size, Type: m.TypeString(id)})
	}
	r.PushConstants = b
	return nil
}

// size32 is SizeOf for something that in needs and that must fit 32 bits.
func (m *Module) size32(in *Inst, id ID) (uint32, error) {
	size, err := m.SizeOf(id)
	if err != nil {
		return 0, fmt.Errorf("%w (needed at word %d)", err, in.Word)
	}
	if size > math.MaxUint32 {
		return 0, errAt(in, "%d bytes are more than any device has here", size)
	}
	return uint32(size), nil
}

// sharedMemory adds up the variables of the Workgroup storage class.
type sharedMemory struct {
	end    uint64 // of the variables laid one after the other
	blocks uint64 // blocks with an explicit layout all begin at the same place
}

func (s *sharedMemory) add(m *Module, in *Inst) error {
	id := m.types[in.Type].Elem
	size, err := m.size32(in, id)
	if err != nil {
		return err
	}
	if _, ok := m.Decoration(id, DecorationBlock); ok {
		s.blocks = max(s.blocks, uint64(size))
		return nil
	}
	s.end = alignUp(s.end, m.types[id].layout.align) + uint64(size)
	if s.total() > math.MaxUint32 {
		return errAt(in, "the workgroup's variables take %d bytes, more than any device has", s.total())
	}
	return nil
}

func (s *sharedMemory) total() uint64 { return max(s.end, s.blocks) }
