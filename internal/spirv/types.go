// Types: a checked view of the type declarations, and their sizes in memory.

package spirv

import (
	"fmt"
	"math/bits"
	"strings"
)

// Kind sorts types.
type Kind uint8

// The kinds of types.
const (
	Void Kind = iota
	Bool
	Int
	Float
	Vector
	Matrix
	Array
	RuntimeArray
	Struct
	Pointer
	Function
	Image
	Sampler
	SampledImage
	CooperativeMatrix
	Opaque // any other: events, queues, acceleration structures, ...
)

var kindNames = [...]string{"void", "bool", "int", "float", "vector", "matrix", "array", "runtime array", "struct", "pointer",
	"function", "image", "sampler", "sampled image", "cooperative matrix", "opaque type"}

// String names the kind for a message, such as "runtime array".
func (k Kind) String() string { return kindNames[k] }

// Type is a type declaration.
type Type struct {
	ID      ID
	Kind    Kind
	Width   int          // bits of an Int or Float
	Signed  bool         // of an Int
	Elem    ID           // component of a Vector or CooperativeMatrix, column of a Matrix, element of an array, pointee of a Pointer, result of a Function; 0 for an untyped pointer
	Len     uint32       // components of a Vector, columns of a Matrix, elements of an Array
	Members []ID         // members of a Struct, parameters of a Function
	Storage StorageClass // of a Pointer

	depth   int // of nesting by value
	layout  layout
	lenErr  error // why Len isn't known
	specLen bool  // Len may change with a specialization
}

// openLen reports whether the type is an array whose length may still change,
// so that nothing can be held against it yet.
func (t *Type) openLen() bool { return t.lenErr != nil || t.specLen }

// layout is where a type lies in memory when it lies there alone.
type layout struct {
	size, align uint64
	err         error
}

// Limits that keep every walk over a type short. Real kernels stay far below.
const maxTypeDepth = 64

// Type returns the declaration of type id. An array whose length comes from a
// specialization constant has the length that its default gives; where that
// cannot be computed, the reason is the error.
func (m *Module) Type(id ID) (*Type, error) {
	t, ok := m.types[id]
	if !ok {
		if in := m.Def(id); in != nil {
			return nil, errAt(in, "id %d is not a type", id)
		}
		return nil, fmt.Errorf("spirv: id %d is not a type", id)
	}
	return t, t.lenErr
}

// TypeOf returns the type of the value that id names, as Type does.
func (m *Module) TypeOf(id ID) (*Type, error) {
	in := m.Def(id)
	if in == nil {
		return nil, fmt.Errorf("spirv: id %d is not defined", id)
	}
	if in.Type == 0 {
		return nil, errAt(in, "id %d is not a value", id)
	}
	return m.Type(in.Type)
}

// SizeOf returns the bytes that a value of type id takes in memory. Offset,
// ArrayStride and MatrixStride decorations are honoured; where there are none,
// members and elements lie as close as the alignment of their scalars lets them
// (a vec3 of f32 has 12 bytes), a bool has 4 bytes and a pointer 8. The elements
// of a runtime array don't count. A type without a size in memory is an error.
func (m *Module) SizeOf(id ID) (uint64, error) {
	t, err := m.Type(id)
	if err != nil {
		return 0, err
	}
	return t.layout.size, t.layout.err
}

// TypeString writes type id as people do: f32, vec4<u32>, array<f32, 16>.
func (m *Module) TypeString(id ID) string {
	var b strings.Builder
	m.writeType(&b, id)
	return b.String()
}

// writeType stops descending when the text has become too long to help anybody.
func (m *Module) writeType(b *strings.Builder, id ID) {
	t := m.types[id]
	if t == nil || b.Len() > 200 {
		b.WriteString("...")
		return
	}
	inner := func(before string, id ID, after string) {
		b.WriteString(before)
		m.writeType(b, id)
		b.WriteString(after)
	}
	switch t.Kind {
	case Int:
		fmt.Fprintf(b, "%c%d", map[bool]byte{true: 'i', false: 'u'}[t.Signed], t.Width)
	case Float:
		fmt.Fprintf(b, "f%d", t.Width)
	case Vector:
		inner(fmt.Sprintf("vec%d<", t.Len), t.Elem, ">")
	case Matrix:
		column := m.types[t.Elem]
		inner(fmt.Sprintf("mat%dx%d<", t.Len, column.Len), column.Elem, ">")
	case Array:
		inner("array<", t.Elem, fmt.Sprintf(", %d>", t.Len))
	case RuntimeArray:
		inner("array<", t.Elem, ">")
	case Pointer:
		if t.Elem == 0 {
			fmt.Fprintf(b, "ptr<%s>", t.Storage)
			return
		}
		if m.types[t.Elem].Kind == Struct { // which may lead back here
			fmt.Fprintf(b, "ptr<%s, struct>", t.Storage)
			return
		}
		inner(fmt.Sprintf("ptr<%s, ", t.Storage), t.Elem, ">")
	case CooperativeMatrix:
		inner("coopmat<", t.Elem, ">")
	case Struct:
		b.WriteString("struct{")
		for i, member := range t.Members {
			if i > 0 {
				b.WriteString(", ")
			}
			if b.Len() > 200 {
				b.WriteString("...")
				break
			}
			m.writeType(b, member)
		}
		b.WriteString("}")
	default:
		b.WriteString(t.Kind.String())
	}
}

// scalar reports whether values of the type are single numbers or bools.
func (t *Type) scalar() bool { return t.Kind == Bool || t.Kind == Int || t.Kind == Float }

// composite reports whether a constant of the type has constituents.
func (t *Type) composite() bool {
	switch t.Kind {
	case Vector, Matrix, Array, Struct:
		return true
	}
	return false
}

// element returns the type of constituent i of a composite, and whether there is one.
func (t *Type) element(i uint64) (ID, bool) {
	switch t.Kind {
	case Vector, Matrix, Array:
		return t.Elem, i < uint64(t.Len)
	case Struct:
		if i < uint64(len(t.Members)) {
			return t.Members[i], true
		}
	}
	return 0, false
}

// constituents is how many parts a constant of the composite type has.
func (t *Type) constituents() int {
	if t.Kind == Struct {
		return len(t.Members)
	}
	return int(t.Len)
}

// declareType checks a type declaration, all of whose parts are declared before
// it: so no type contains itself by value.
func (m *Module) declareType(in *Inst) error {
	t := &Type{ID: in.Result}
	var err error
	switch in.Op {
	case OpTypeVoid:
		t.Kind = Void
	case OpTypeBool:
		t.Kind = Bool
	case OpTypeInt:
		t.Kind, t.Width, t.Signed = Int, int(in.Args[0]), in.Args[1] == 1
		if w := in.Args[0]; w != 8 && w != 16 && w != 32 && w != 64 {
			return errAt(in, "an integer of %d bits: 8, 16, 32 and 64 are supported", w)
		}
		if in.Args[1] > 1 {
			return errAt(in, "signedness %d is neither 0 nor 1", in.Args[1])
		}
	case OpTypeFloat:
		t.Kind, t.Width = Float, int(in.Args[0])
		if w := in.Args[0]; w != 16 && w != 32 && w != 64 {
			return errAt(in, "a floating-point number of %d bits: 16, 32 and 64 are supported", w)
		}
		if len(in.Args) > 1 {
			return errAt(in, "floating-point encoding %d is not supported: only IEEE 754's binary formats are", in.Args[1])
		}
	case OpTypeVector:
		t.Kind, t.Len = Vector, in.Args[1]
		var elem *Type
		if elem, err = m.partType(in, t, "component", in.Args[0]); err != nil {
			return err
		}
		if !elem.scalar() {
			return errAt(in, "a vector of %s: components are numbers or bools", elem.Kind)
		}
		if t.Len < 2 || t.Len > 4 {
			return errAt(in, "a vector of %d components: 2, 3 and 4 are supported", t.Len)
		}
	case OpTypeMatrix:
		t.Kind, t.Len = Matrix, in.Args[1]
		var column *Type
		if column, err = m.partType(in, t, "column", in.Args[0]); err != nil {
			return err
		}
		if column.Kind != Vector || m.types[column.Elem].Kind != Float {
			return errAt(in, "a matrix column of type %s: columns are vectors of floating-point numbers", m.TypeString(column.ID))
		}
		if t.Len < 2 || t.Len > 4 {
			return errAt(in, "a matrix of %d columns: 2, 3 and 4 are possible", t.Len)
		}
	case OpTypeArray:
		t.Kind = Array
		if _, err = m.partType(in, t, "element", in.Args[0]); err != nil {
			return err
		}
		if err = m.arrayLength(in, t); err != nil {
			return err
		}
	case OpTypeRuntimeArray:
		t.Kind = RuntimeArray
		if _, err = m.partType(in, t, "element", in.Args[0]); err != nil {
			return err
		}
	case OpTypeStruct:
		t.Kind = Struct
		t.Members = make([]ID, len(in.Args))
		for i, w := range in.Args {
			t.Members[i] = ID(w)
			if m.forward[ID(w)] {
				continue // a pointer, declared later
			}
			if _, err = m.partType(in, t, fmt.Sprintf("member %d", i), w); err != nil {
				return err
			}
		}
		t.Elem = 0 // partType has set it
	case OpTypePointer:
		t.Kind, t.Storage, t.Elem = Pointer, StorageClass(in.Args[0]), ID(in.Args[1])
		if _, ok := m.types[t.Elem]; !ok {
			return errAt(in, "id %d is not a type declared before", t.Elem)
		}
	case OpTypeUntypedPointerKHR:
		t.Kind, t.Storage = Pointer, StorageClass(in.Args[0])
	case OpTypeFunction:
		t.Kind, t.Elem = Function, ID(in.Args[0])
		if _, ok := m.types[t.Elem]; !ok {
			return errAt(in, "id %d is not a type declared before", t.Elem)
		}
		for _, w := range in.Args[1:] {
			if p, ok := m.types[ID(w)]; !ok || p.Kind == Void || p.Kind == Function {
				return errAt(in, "id %d is not a type that a parameter may have", w)
			}
			t.Members = append(t.Members, ID(w))
		}
	case OpTypeImage:
		t.Kind = Image
	case OpTypeSampler:
		t.Kind = Sampler
	case OpTypeSampledImage:
		t.Kind = SampledImage
	case OpTypeCooperativeMatrixKHR, OpTypeCooperativeMatrixNV:
		t.Kind = CooperativeMatrix
		var elem *Type
		if elem, err = m.partType(in, t, "component", in.Args[0]); err != nil {
			return err
		}
		if elem.Kind != Int && elem.Kind != Float {
			return errAt(in, "a cooperative matrix of %s: components are numbers", elem.Kind)
		}
	default:
		t.Kind = Opaque
	}
	if t.depth > maxTypeDepth {
		return errAt(in, "the type is nested more than %d deep", maxTypeDepth)
	}
	t.layout = m.layOut(in, t)
	m.types[in.Result] = t
	return nil
}

// partType returns a type that t contains by value and notes it as t's element.
func (m *Module) partType(in *Inst, t *Type, role string, id uint32) (*Type, error) {
	if ID(id) == in.Result {
		return nil, errAt(in, "the type contains itself as its %s", role)
	}
	p, ok := m.types[ID(id)]
	if !ok {
		return nil, errAt(in, "%s: id %d is not a type declared before", role, id)
	}
	if p.Kind == Void || p.Kind == Function {
		return nil, errAt(in, "%s: a %s has no value", role, p.Kind)
	}
	t.Elem = p.ID
	t.depth = max(t.depth, p.depth+1)
	return p, nil
}

// arrayLength takes the length of array t from its constant. A default that
// can't be computed is not yet wrong: a specialization may mend it.
func (m *Module) arrayLength(in *Inst, t *Type) error {
	v, ok := m.values[ID(in.Args[1])]
	if !ok {
		return errAt(in, "the length, id %d, is not a constant declared before", in.Args[1])
	}
	length := m.types[v.typ]
	if length.Kind != Int {
		return errAt(in, "the length, id %d, is of type %s, not an integer", in.Args[1], m.TypeString(v.typ))
	}
	t.specLen = v.spec
	if v.err != nil {
		t.lenErr = v.err
		return nil
	}
	n, err := arrayLen(in, length, v.bits)
	if err != nil {
		if !v.spec {
			return err
		}
		t.lenErr = err
	}
	t.Len = n
	return nil
}

// arrayLen reads the length of an array from the bits of a constant.
func arrayLen(in *Inst, t *Type, bits uint64) (uint32, error) {
	if n := signExtend(bits, t); bits == 0 || t.Signed && n < 0 {
		return 0, errAt(in, "the array's length is %d", n)
	}
	if bits > 1<<32-1 {
		return 0, errAt(in, "an array of %d elements is too long", bits)
	}
	return uint32(bits), nil
}

// layOut computes the layout of t from those of its parts.
func (m *Module) layOut(in *Inst, t *Type) layout {
	switch t.Kind {
	case Bool:
		return layout{size: 4, align: 4}
	case Int, Float:
		n := uint64(t.Width / 8)
		return layout{size: n, align: n}
	case Pointer:
		return layout{size: 8, align: 8}
	case Vector, Matrix:
		elem := m.types[t.Elem].layout
		return layout{size: elem.size * uint64(t.Len), align: elem.align}
	case Array, RuntimeArray:
		elem := m.types[t.Elem].layout
		if elem.err != nil {
			return elem
		}
		if t.lenErr != nil {
			return layout{err: t.lenErr}
		}
		stride, err := m.stride(in, t)
		if err != nil {
			return layout{err: err}
		}
		size, ok := mul(stride, uint64(t.Len))
		if !ok {
			return layout{err: errAt(in, "the array is too large")}
		}
		return layout{size: size, align: elem.align}
	case Struct:
		return m.layOutStruct(in, t)
	}
	return layout{err: errAt(in, "a value of this type (%s) has no size in memory", t.Kind)}
}

// stride is the distance in bytes between two elements of an array.
func (m *Module) stride(in *Inst, t *Type) (uint64, error) {
	if s, ok := m.Decoration(t.ID, DecorationArrayStride); ok {
		if s[0] == 0 {
			return 0, errAt(in, "ArrayStride is 0")
		}
		return uint64(s[0]), nil
	}
	elem := m.types[t.Elem].layout
	return alignUp(elem.size, elem.align), nil
}

func (m *Module) layOutStruct(in *Inst, t *Type) layout {
	l := layout{align: 1}
	explicit := false
	for i := range t.Members {
		member := m.memberLayout(t, i)
		if member.err != nil {
			return member
		}
		offset := alignUp(l.size, member.align)
		if o, ok := m.MemberDecoration(t.ID, i, DecorationOffset); ok {
			offset, explicit = uint64(o[0]), true
		}
		end, carry := bits.Add64(offset, member.size, 0)
		if carry != 0 || end > 1<<62 {
			return layout{err: errAt(in, "the struct is too large")}
		}
		l.size = max(l.size, end)
		l.align = max(l.align, member.align)
	}
	if !explicit {
		l.size = alignUp(l.size, l.align)
	}
	return l
}

// memberLayout is the layout that a member has within struct t.
func (m *Module) memberLayout(t *Type, i int) layout {
	mt, ok := m.types[t.Members[i]]
	if !ok {
		return layout{size: 8, align: 8} // a pointer declared later
	}
	l := mt.layout
	if s, ok := m.MemberDecoration(t.ID, i, DecorationMatrixStride); ok && l.err == nil {
		_, rowMajor := m.MemberDecoration(t.ID, i, DecorationRowMajor)
		l.size, l.err = m.stridedSize(mt, uint64(s[0]), rowMajor)
	}
	return l
}

// stridedSize is the size of a matrix, or of an array of matrices, whose columns
// (or rows, with rowMajor) lie stride bytes apart.
func (m *Module) stridedSize(t *Type, stride uint64, rowMajor bool) (uint64, error) {
	in := m.Def(t.ID)
	switch t.Kind {
	case Matrix:
		n := uint64(t.Len)
		if rowMajor {
			n = uint64(m.types[t.Elem].Len)
		}
		return stride * n, nil
	case Array, RuntimeArray:
		each, err := m.stridedSize(m.types[t.Elem], stride, rowMajor)
		if err != nil {
			return 0, err
		}
		if s, ok := m.Decoration(t.ID, DecorationArrayStride); ok {
			each = uint64(s[0])
		}
		size, ok := mul(each, uint64(t.Len))
		if !ok {
			return 0, errAt(in, "the array is too large")
		}
		return size, nil
	}
	return 0, errAt(in, "MatrixStride on a member that is no matrix but a %s", t.Kind)
}

// mul multiplies sizes and reports whether the product is one that can be added to safely.
func mul(a, b uint64) (uint64, bool) {
	hi, lo := bits.Mul64(a, b)
	return lo, hi == 0 && lo <= 1<<62
}

func alignUp(n, align uint64) uint64 { return (n + align - 1) / align * align }

// signExtend reads the bits of an integer of type t as a signed number where t
// is signed.
func signExtend(bits uint64, t *Type) int64 {
	if !t.Signed {
		return int64(bits)
	}
	return extend(bits, t.Width)
}
