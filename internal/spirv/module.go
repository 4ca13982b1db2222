// Package spirv reads a SPIR-V module, checks it, describes what it needs from
// its host, and applies a specialization to it.
//
// Parse accepts what a Vulkan compute kernel of SPIR-V 1.0 to 1.6 may contain
// and refuses everything else with an error that names the word and the opcode.
// It checks what a translator relies on: every id is defined once and is used
// where it may be, types and constants are sound, functions consist of blocks.
// It is no substitute for spirv-val: it does not prove dominance or structured
// control flow, nor does it know which capability an instruction needs.
package spirv

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
)

// ID names a result within its module. 0 is no id.
type ID uint32

// Inst is one instruction.
type Inst struct {
	Op     Op
	Word   int      // index of the instruction's first word in the module; the header is words 0 to 4
	Type   ID       // result type, 0 when the opcode has none
	Result ID       // result id, 0 when the opcode has none
	Args   []uint32 // operands after type and result
}

// words is the instruction's length in words.
func (in *Inst) words() int {
	n := 1 + len(in.Args)
	if in.Type != 0 {
		n++
	}
	if in.Result != 0 {
		n++
	}
	return n
}

// Module is a SPIR-V module that Parse has checked. It is not to be changed;
// any number of goroutines may read it.
type Module struct {
	Version   uint32 // as in the header: 0x00010300 is 1.3
	Generator uint32
	Bound     uint32 // every id is below it
	Insts     []Inst // in the module's order

	defs        map[ID]int32 // index into Insts
	decorations map[decorationKey][]uint32
	groups      map[target][]ID // decoration groups applied to a target
	names       map[target]string
	extInsts    map[ID]string
	forward     map[ID]bool // pointer types announced by OpTypeForwardPointer
	types       map[ID]*Type
	values      map[ID]*value // constants
}

// target is an id, or a member of a struct; member is -1 for the id itself.
type target struct {
	id     ID
	member int
}

type decorationKey struct {
	target
	decoration Decoration
}

// Bytes encodes the module, little-endian. For a module from Parse it returns
// the bytes that Parse was given.
func (m *Module) Bytes() []byte {
	n := headerWords
	for i := range m.Insts {
		n += m.Insts[i].words()
	}
	b := make([]byte, 0, 4*n)
	put := binary.LittleEndian.AppendUint32
	for _, w := range [headerWords]uint32{magic, m.Version, m.Generator, m.Bound, 0} {
		b = put(b, w)
	}
	for i := range m.Insts {
		in := &m.Insts[i]
		b = put(b, uint32(in.words())<<16|uint32(in.Op))
		if in.Type != 0 {
			b = put(b, uint32(in.Type))
		}
		if in.Result != 0 {
			b = put(b, uint32(in.Result))
		}
		for _, w := range in.Args {
			b = put(b, w)
		}
	}
	return b
}

// SHA256 is the SHA-256 of Bytes in hexadecimal.
func (m *Module) SHA256() string {
	sum := sha256.Sum256(m.Bytes())
	return hex.EncodeToString(sum[:])
}

// Def returns the instruction that defines id, nil when there is none.
func (m *Module) Def(id ID) *Inst {
	if i, ok := m.defs[id]; ok {
		return &m.Insts[i]
	}
	return nil
}

// Name returns the name that OpName gives id, or "".
func (m *Module) Name(id ID) string { return m.names[target{id, -1}] }

// MemberName returns the name that OpMemberName gives a member of struct id, or "".
func (m *Module) MemberName(id ID, member int) string { return m.names[target{id, member}] }

// Decoration returns the operands of a decoration of id, directly or through a
// decoration group, and whether there is one. Of several it returns the first.
func (m *Module) Decoration(id ID, d Decoration) ([]uint32, bool) {
	return m.decoration(target{id, -1}, d)
}

// MemberDecoration does for a member of struct id what Decoration does for an id.
func (m *Module) MemberDecoration(id ID, member int, d Decoration) ([]uint32, bool) {
	return m.decoration(target{id, member}, d)
}

func (m *Module) decoration(t target, d Decoration) ([]uint32, bool) {
	if args, ok := m.decorations[decorationKey{t, d}]; ok {
		return args, true
	}
	for _, g := range m.groups[t] {
		if args, ok := m.decorations[decorationKey{target{g, -1}, d}]; ok {
			return args, true
		}
	}
	return nil, false
}

// ExtInst returns the name of the extended instruction set that id imports, such
// as GLSL.std.450, or "" when id imports none.
func (m *Module) ExtInst(set ID) string { return m.extInsts[set] }

// IDs returns the ids among the operands of in, in order; the result type is
// not among them. Literals are left out wherever they stand.
func (m *Module) IDs(in *Inst) []ID {
	var ids []ID
	err := m.operands(in, func(kind byte, arg int) {
		if kind == 'i' {
			ids = append(ids, ID(in.Args[arg]))
		}
	})
	if err != nil {
		panic("BUG: spirv: operands of a checked instruction: " + err.Error())
	}
	return ids
}

// Entry is the entry point of a compute kernel.
type Entry struct {
	Function      ID
	Name          string
	Interface     []ID // the variables that the entry point lists
	WorkgroupSize [3]Dim
}

// Dim is one dimension of the workgroup's size, in invocations.
type Dim struct {
	Value       uint32 // with the constants as they are
	SpecID      uint32 // of the specialization constant that sets it, meaningful when Specialized
	Specialized bool   // a specialization constant sets it
	Derived     bool   // it is computed from specialization constants by OpSpecConstantOp
}

// Entry returns the module's only GLCompute entry point. A module with none or
// with several, or one whose workgroup size is absent or zero, is an error.
func (m *Module) Entry() (Entry, error) {
	var found *Inst
	for i := range m.Insts {
		in := &m.Insts[i]
		if in.Op == OpFunction {
			break
		}
		if in.Op != OpEntryPoint || ExecutionModel(in.Args[0]) != ExecutionModelGLCompute {
			continue
		}
		if found != nil {
			return Entry{}, errAt(in, "the module has a second GLCompute entry point, at word %d is the first: only one is supported", found.Word)
		}
		found = in
	}
	if found == nil {
		return Entry{}, fmt.Errorf("spirv: the module has no GLCompute entry point")
	}
	name, n := literalString(found.Args[2:])
	e := Entry{Function: ID(found.Args[1]), Name: name}
	for _, w := range found.Args[2+n:] {
		e.Interface = append(e.Interface, ID(w))
	}
	size, at, err := m.workgroupSize(e.Function)
	if err != nil {
		return Entry{}, err
	}
	for i, d := range size {
		if d.Value == 0 && !d.Specialized && !d.Derived {
			return Entry{}, errAt(at, "the workgroup size is 0 in %c", "xyz"[i])
		}
	}
	e.WorkgroupSize = size
	return e, nil
}

// workgroupSize finds the size of the workgroup and the instruction that says
// it. A constant decorated WorkgroupSize overrules the execution modes.
func (m *Module) workgroupSize(function ID) (size [3]Dim, at *Inst, err error) {
	if in := m.workgroupSizeConstant(); in != nil {
		size, err = m.dims(in)
		return size, in, err
	}
	for i := range m.Insts {
		in := &m.Insts[i]
		if in.Op == OpFunction {
			break
		}
		if in.Op != OpExecutionMode && in.Op != OpExecutionModeId || ID(in.Args[0]) != function {
			continue
		}
		switch ExecutionMode(in.Args[1]) {
		case ExecutionModeLocalSize:
			for i := range size {
				size[i] = Dim{Value: in.Args[2+i]}
			}
			return size, in, nil
		case ExecutionModeLocalSizeId:
			for i := range size {
				if size[i], err = m.dim(in, ID(in.Args[2+i])); err != nil {
					return size, in, err
				}
			}
			return size, in, nil
		}
	}
	return size, nil, fmt.Errorf("spirv: the entry point has no workgroup size: neither LocalSize nor LocalSizeId nor a WorkgroupSize constant")
}

// workgroupSizeConstant returns the constant decorated BuiltIn WorkgroupSize, or nil.
func (m *Module) workgroupSizeConstant() *Inst {
	for i := range m.Insts {
		in := &m.Insts[i]
		switch in.Op {
		case OpFunction:
			return nil
		case OpConstantComposite, OpSpecConstantComposite, OpSpecConstantOp, OpConstantNull:
			if b, ok := m.Decoration(in.Result, DecorationBuiltIn); ok && BuiltIn(b[0]) == BuiltInWorkgroupSize {
				return in
			}
		}
	}
	return nil
}

// dims reads a constant vector of three 32-bit integers.
func (m *Module) dims(in *Inst) (size [3]Dim, err error) {
	v := m.values[in.Result]
	if t := m.types[v.typ]; t.Kind != Vector || t.Len != 3 || !m.isInt32(t.Elem) {
		return size, errAt(in, "the WorkgroupSize constant is of type %s, not a vector of three 32-bit integers", m.TypeString(v.typ))
	}
	if v.err != nil {
		return size, v.err
	}
	composite := in.Op == OpConstantComposite || in.Op == OpSpecConstantComposite
	for i := range size {
		if composite {
			if size[i], err = m.dim(in, ID(in.Args[i])); err != nil {
				return size, err
			}
			continue
		}
		part := m.part(v, uint64(i))
		if part.err != nil {
			return size, part.err
		}
		size[i] = Dim{Value: uint32(part.bits), Derived: v.spec}
	}
	return size, nil
}

// dim reads one dimension from the constant id, which in refers to.
func (m *Module) dim(in *Inst, id ID) (Dim, error) {
	v, ok := m.values[id]
	if !ok || !m.isInt32(v.typ) {
		return Dim{}, errAt(in, "id %d is not a constant 32-bit integer", id)
	}
	if v.err != nil {
		return Dim{}, v.err
	}
	d := Dim{Value: uint32(v.bits)}
	if !v.spec {
		return d, nil
	}
	if spec, ok := m.Decoration(id, DecorationSpecId); ok {
		d.SpecID, d.Specialized = spec[0], true
	} else {
		d.Derived = m.Def(id).Op == OpSpecConstantOp
	}
	return d, nil
}

func (m *Module) isInt32(typ ID) bool {
	t := m.types[typ]
	return t != nil && t.Kind == Int && t.Width == 32
}

// errAt places an error at an instruction.
func errAt(in *Inst, format string, args ...any) error {
	return fmt.Errorf("spirv: word %d: %s: "+format, append([]any{in.Word, in.Op}, args...)...)
}

// literalString decodes the string that words begin with and says how many
// words it takes, 0 when it isn't terminated.
func literalString(words []uint32) (string, int) {
	var s strings.Builder
	for i, w := range words {
		for range 4 {
			if byte(w) == 0 {
				return s.String(), i + 1
			}
			s.WriteByte(byte(w))
			w >>= 8
		}
	}
	return "", 0
}
