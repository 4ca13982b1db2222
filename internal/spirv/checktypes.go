// Checks of operand types: those that a translator would otherwise have to make.

package spirv

// checkInstruction checks the operand types of an instruction in a block of a
// function that returns result.
func (m *Module) checkInstruction(in *Inst, result ID) error {
	switch in.Op {
	case OpVariable:
		return m.checkLocal(in)
	case OpLoad:
		pointee, err := m.pointee(in, 0)
		if err == nil && pointee != 0 && pointee != in.Type {
			err = errAt(in, "the result is of type %s, the pointer's target of %s", m.TypeString(in.Type), m.TypeString(pointee))
		}
		return err
	case OpStore:
		pointee, err := m.pointee(in, 0)
		if err == nil && pointee != 0 && pointee != m.valueType(in.Args[1]).ID {
			err = errAt(in, "the value is of type %s, the pointer's target of %s", m.TypeString(m.valueType(in.Args[1]).ID), m.TypeString(pointee))
		}
		return err
	case OpAccessChain, OpInBoundsAccessChain:
		return m.checkAccessChain(in)
	case OpArrayLength:
		return m.checkArrayLength(in)
	case OpCompositeExtract:
		return m.checkPath(in, m.valueType(in.Args[0]), in.Args[1:], m.types[in.Type])
	case OpCompositeInsert:
		if t := m.valueType(in.Args[1]); t.ID != in.Type {
			return errAt(in, "the composite is of type %s, the result of %s", m.TypeString(t.ID), m.TypeString(in.Type))
		}
		return m.checkPath(in, m.types[in.Type], in.Args[2:], m.valueType(in.Args[0]))
	case OpCompositeConstruct:
		return m.checkConstruct(in)
	case OpVectorShuffle:
		return m.checkShuffle(in)
	case OpPhi:
		if len(in.Args) == 0 {
			return errAt(in, "no incoming values")
		}
		for i := 0; i < len(in.Args); i += 2 {
			// The value may come later, so its type may not have been checked yet.
			if t := m.Def(ID(in.Args[i])).Type; t != in.Type {
				return errAt(in, "id %d is of type %s, the result of %s", in.Args[i], m.TypeString(t), m.TypeString(in.Type))
			}
		}
	case OpBranchConditional:
		if t := m.valueType(in.Args[0]); t.Kind != Bool {
			return errAt(in, "the condition, id %d, is of type %s, not bool", in.Args[0], m.TypeString(t.ID))
		}
		if n := len(in.Args); n != 3 && n != 5 {
			return errAt(in, "%d branch weights, not none or two", n-3)
		}
	case OpSwitch:
		if t := m.valueType(in.Args[0]); t.Kind != Int {
			return errAt(in, "the selector, id %d, is of type %s, not an integer", in.Args[0], m.TypeString(t.ID))
		}
	case OpFunctionCall:
		return m.checkCall(in)
	case OpReturn:
		if m.types[result].Kind != Void {
			return errAt(in, "the function returns %s, not nothing", m.TypeString(result))
		}
	case OpReturnValue:
		if t := m.valueType(in.Args[0]); t.ID != result {
			return errAt(in, "the value is of type %s, the function returns %s", m.TypeString(t.ID), m.TypeString(result))
		}
	case OpExtInst:
		return m.checkExtInst(in)
	case OpCopyObject:
		if t := m.valueType(in.Args[0]); t.ID != in.Type {
			return errAt(in, "the operand is of type %s, the result of %s", m.TypeString(t.ID), m.TypeString(in.Type))
		}
	case OpSelect:
		return m.checkSelect(in)
	case OpBitcast:
		return m.checkBitcast(in)
	case OpVectorExtractDynamic:
		if v, i := m.valueType(in.Args[0]), m.valueType(in.Args[1]); v.Kind != Vector || v.Elem != in.Type || i.Kind != Int {
			return errAt(in, "from %s by %s to %s", m.TypeString(v.ID), m.TypeString(i.ID), m.TypeString(in.Type))
		}
	case OpVectorInsertDynamic:
		v, part, i := m.valueType(in.Args[0]), m.valueType(in.Args[1]), m.valueType(in.Args[2])
		if v.Kind != Vector || v.ID != in.Type || v.Elem != part.ID || i.Kind != Int {
			return errAt(in, "%s into %s by %s for %s", m.TypeString(part.ID), m.TypeString(v.ID), m.TypeString(i.ID), m.TypeString(in.Type))
		}
	case OpVectorTimesScalar:
		v, f := m.valueType(in.Args[0]), m.valueType(in.Args[1])
		if v.Kind != Vector || v.ID != in.Type || f.Kind != Float || v.Elem != f.ID {
			return errAt(in, "%s times %s for %s", m.TypeString(v.ID), m.TypeString(f.ID), m.TypeString(in.Type))
		}
	case OpDot:
		a, b := m.valueType(in.Args[0]), m.valueType(in.Args[1])
		if a.Kind != Vector || a.ID != b.ID || a.Elem != in.Type || m.types[in.Type].Kind != Float {
			return errAt(in, "%s by %s for %s", m.TypeString(a.ID), m.TypeString(b.ID), m.TypeString(in.Type))
		}
	case OpAny, OpAll:
		if v := m.valueType(in.Args[0]); v.Kind != Vector || m.types[v.Elem].Kind != Bool || v.Elem != in.Type {
			return errAt(in, "from %s to %s", m.TypeString(v.ID), m.TypeString(in.Type))
		}
	}
	if in.Op.atomic() {
		return m.checkAtomic(in)
	}
	if rule, ok := operandRules[in.Op]; ok {
		return m.checkRule(in, rule)
	}
	return nil
}

// valueType is the type of an id that is known to be a value.
func (m *Module) valueType(id uint32) *Type { return m.types[m.Def(ID(id)).Type] }

// pointee returns the type that the pointer in operand arg points to, 0 for an untyped pointer.
func (m *Module) pointee(in *Inst, arg int) (ID, error) {
	t := m.valueType(in.Args[arg])
	if t.Kind != Pointer {
		return 0, errAt(in, "id %d is not a pointer but of type %s", in.Args[arg], m.TypeString(t.ID))
	}
	return t.Elem, nil
}

func (m *Module) checkLocal(in *Inst) error {
	if s := StorageClass(in.Args[0]); s != StorageFunction {
		return errAt(in, "a variable within a function has the storage class %s, not Function", s)
	}
	return m.checkVariable(in)
}

// checkAccessChain follows the indexes from the base to the result.
func (m *Module) checkAccessChain(in *Inst) error {
	base, err := m.pointee(in, 0)
	if err != nil {
		return err
	}
	if base == 0 {
		return errAt(in, "the base, id %d, is an untyped pointer", in.Args[0])
	}
	t := m.types[base]
	for i, w := range in.Args[1:] {
		index := m.valueType(w)
		if index.Kind != Int {
			return errAt(in, "index %d, id %d, is of type %s, not an integer", i, w, m.TypeString(index.ID))
		}
		next := t.Elem
		switch t.Kind {
		case Vector, Matrix, Array, RuntimeArray, CooperativeMatrix:
		case Struct:
			n, _, ok := m.Const(ID(w))
			if !ok {
				return errAt(in, "index %d, id %d, chooses a member and is no constant", i, w)
			}
			if next, ok = t.element(n); !ok {
				return errAt(in, "index %d: %s has no member %d", i, m.TypeString(t.ID), n)
			}
		default:
			return errAt(in, "index %d goes into a value of type %s, which has no parts", i, m.TypeString(t.ID))
		}
		t = m.types[next]
	}
	result := m.types[in.Type]
	if result.Kind != Pointer || result.Elem != t.ID || result.Storage != m.valueType(in.Args[0]).Storage {
		return errAt(in, "the result is of type %s, the indexes lead to %s in %s", m.TypeString(in.Type), m.TypeString(t.ID),
			m.valueType(in.Args[0]).Storage)
	}
	return nil
}

func (m *Module) checkArrayLength(in *Inst) error {
	pointee, err := m.pointee(in, 0)
	if err != nil {
		return err
	}
	t := m.types[pointee]
	if t == nil || t.Kind != Struct || uint64(in.Args[1])+1 != uint64(len(t.Members)) || m.types[t.Members[in.Args[1]]].Kind != RuntimeArray {
		return errAt(in, "member %d of %s is not the runtime array at its end", in.Args[1], m.TypeString(pointee))
	}
	if r := m.types[in.Type]; r.Kind != Int || r.Width != 32 {
		return errAt(in, "the result is of type %s, not u32", m.TypeString(in.Type))
	}
	return nil
}

// checkPath follows literal indexes into a composite and holds what is there against want.
func (m *Module) checkPath(in *Inst, t *Type, path []uint32, want *Type) error {
	for i, w := range path {
		next, ok := t.element(uint64(w))
		if t.openLen() || t.Kind == CooperativeMatrix {
			next, ok = t.Elem, true
		}
		if !ok {
			return errAt(in, "index %d: %s has no part %d", i, m.TypeString(t.ID), w)
		}
		t = m.types[next]
	}
	if t.ID != want.ID {
		return errAt(in, "the part is of type %s, not %s", m.TypeString(t.ID), m.TypeString(want.ID))
	}
	return nil
}

func (m *Module) checkConstruct(in *Inst) error {
	t := m.types[in.Type]
	switch {
	case t.Kind == Vector:
		n := uint32(0)
		for _, w := range in.Args {
			part := m.valueType(w)
			scalar, count := part.ID, uint32(1)
			if part.Kind == Vector {
				scalar, count = part.Elem, part.Len
			}
			if scalar != t.Elem {
				return errAt(in, "id %d is of type %s, no part of %s", w, m.TypeString(part.ID), m.TypeString(t.ID))
			}
			n += count
		}
		if n != t.Len {
			return errAt(in, "%d components for a vector of %d", n, t.Len)
		}
	case t.Kind == CooperativeMatrix:
		if len(in.Args) != 1 || m.valueType(in.Args[0]).ID != t.Elem {
			return errAt(in, "a cooperative matrix is made from one value of its component type")
		}
	case t.composite():
		if !t.openLen() && len(in.Args) != t.constituents() {
			return errAt(in, "%d parts for a %s of %d", len(in.Args), t.Kind, t.constituents())
		}
		for i, w := range in.Args {
			want, ok := t.element(uint64(i))
			if t.openLen() {
				want, ok = t.Elem, true
			}
			if part := m.valueType(w); !ok || part.ID != want {
				return errAt(in, "part %d, id %d, is of type %s, not %s", i, w, m.TypeString(part.ID), m.TypeString(want))
			}
		}
	default:
		return errAt(in, "a %s has no parts", t.Kind)
	}
	return nil
}

func (m *Module) checkShuffle(in *Inst) error {
	t, a, b := m.types[in.Type], m.valueType(in.Args[0]), m.valueType(in.Args[1])
	if t.Kind != Vector || a.Kind != Vector || b.Kind != Vector || a.Elem != t.Elem || b.Elem != t.Elem {
		return errAt(in, "from %s and %s to %s", m.TypeString(a.ID), m.TypeString(b.ID), m.TypeString(t.ID))
	}
	if len(in.Args)-2 != int(t.Len) {
		return errAt(in, "%d components for a vector of %d", len(in.Args)-2, t.Len)
	}
	for _, i := range in.Args[2:] {
		if i != 0xffffffff && uint64(i) >= uint64(a.Len)+uint64(b.Len) {
			return errAt(in, "there is no component %d in %d and %d", i, a.Len, b.Len)
		}
	}
	return nil
}

func (m *Module) checkSelect(in *Inst) error {
	for _, w := range in.Args[1:] {
		if t := m.valueType(w); t.ID != in.Type {
			return errAt(in, "id %d is of type %s, the result of %s", w, m.TypeString(t.ID), m.TypeString(in.Type))
		}
	}
	c, t := m.valueType(in.Args[0]), m.types[in.Type]
	scalar, n := m.scalarOf(c)
	if scalar.Kind != Bool || n != 1 && (t.Kind != Vector || t.Len != n) {
		return errAt(in, "the condition, id %d, is of type %s", in.Args[0], m.TypeString(c.ID))
	}
	return nil
}

// checkBitcast wants both sides to have the same number of bits; a pointer's are not known.
func (m *Module) checkBitcast(in *Inst) error {
	from, to := m.valueType(in.Args[0]), m.types[in.Type]
	if from.Kind == Pointer || to.Kind == Pointer {
		return nil
	}
	a, n := m.scalarOf(from)
	b, k := m.scalarOf(to)
	numbers := (a.Kind == Int || a.Kind == Float) && (b.Kind == Int || b.Kind == Float)
	if !numbers || uint32(a.Width)*n != uint32(b.Width)*k {
		return errAt(in, "from %s to %s", m.TypeString(from.ID), m.TypeString(to.ID))
	}
	return nil
}

// atomic reports whether the opcode is an atomic operation on a number in memory.
func (op Op) atomic() bool {
	return op >= OpAtomicLoad && op <= OpAtomicXor || op == OpAtomicFAddEXT || op == OpAtomicFMinEXT || op == OpAtomicFMaxEXT
}

// checkAtomic holds the type of the memory against those of the result and of the value.
func (m *Module) checkAtomic(in *Inst) error {
	pointee, err := m.pointee(in, 0)
	if err != nil || pointee == 0 {
		return err
	}
	if in.Type != 0 && in.Type != pointee {
		return errAt(in, "the result is of type %s, the pointer's target of %s", m.TypeString(in.Type), m.TypeString(pointee))
	}
	values := in.Args[min(3, len(in.Args)):] // after pointer, scope and semantics
	if in.Op == OpAtomicCompareExchange || in.Op == OpAtomicCompareExchangeWeak {
		values = in.Args[4:] // there are two semantics
	}
	for _, w := range values {
		if t := m.valueType(w); t.ID != pointee {
			return errAt(in, "id %d is of type %s, the pointer's target of %s", w, m.TypeString(t.ID), m.TypeString(pointee))
		}
	}
	return nil
}

func (m *Module) checkCall(in *Inst) error {
	fn := m.Def(ID(in.Args[0]))
	sig := m.types[ID(fn.Args[1])]
	if sig == nil || sig.Kind != Function || sig.Elem != in.Type {
		return errAt(in, "the result is of type %s, the function id %d returns another", m.TypeString(in.Type), in.Args[0])
	}
	if len(in.Args)-1 != len(sig.Members) {
		return errAt(in, "%d arguments for the %d parameters of function id %d", len(in.Args)-1, len(sig.Members), in.Args[0])
	}
	for i, w := range in.Args[1:] {
		if t := m.valueType(w); t.ID != sig.Members[i] {
			return errAt(in, "argument %d, id %d, is of type %s, the parameter of %s", i, w, m.TypeString(t.ID), m.TypeString(sig.Members[i]))
		}
	}
	return nil
}

func (m *Module) checkExtInst(in *Inst) error {
	if m.ExtInst(ID(in.Args[0])) != "GLSL.std.450" {
		return nil
	}
	g := GLSL(in.Args[1])
	info, ok := glslTable[g]
	if !ok {
		return errAt(in, "GLSL.std.450 has no instruction %d", in.Args[1])
	}
	if n := len(in.Args) - 2; n != info.args {
		return errAt(in, "%d operands for %s, which takes %d", n, g, info.args)
	}
	return nil
}

// operandRule says what an arithmetic instruction takes and gives. Each operand
// and the result are scalars or all vectors of the same length.
type operandRule struct {
	result, operand Kind
	same            bool // operands and result have the same width
}

var operandRules = map[Op]operandRule{}

func init() {
	for rule, ops := range map[operandRule][]Op{
		{Float, Float, true}: {OpFNegate, OpFAdd, OpFSub, OpFMul, OpFDiv, OpFRem, OpFMod},
		{Int, Int, true}: {OpSNegate, OpNot, OpIAdd, OpISub, OpIMul, OpUDiv, OpSDiv, OpUMod, OpSRem, OpSMod, OpBitwiseOr, OpBitwiseXor,
			OpBitwiseAnd},
		{Int, Int, false}: {OpUConvert, OpSConvert, OpShiftLeftLogical, OpShiftRightLogical, OpShiftRightArithmetic},
		{Bool, Int, false}: {OpIEqual, OpINotEqual, OpULessThan, OpSLessThan, OpUGreaterThan, OpSGreaterThan, OpULessThanEqual,
			OpSLessThanEqual, OpUGreaterThanEqual, OpSGreaterThanEqual},
		{Bool, Float, false}: {OpFOrdEqual, OpFUnordEqual, OpFOrdNotEqual, OpFUnordNotEqual, OpFOrdLessThan, OpFUnordLessThan,
			OpFOrdGreaterThan, OpFUnordGreaterThan, OpFOrdLessThanEqual, OpFUnordLessThanEqual, OpFOrdGreaterThanEqual,
			OpFUnordGreaterThanEqual, OpIsNan, OpIsInf},
		{Bool, Bool, false}:   {OpLogicalEqual, OpLogicalNotEqual, OpLogicalOr, OpLogicalAnd, OpLogicalNot},
		{Int, Float, false}:   {OpConvertFToU, OpConvertFToS},
		{Float, Int, false}:   {OpConvertSToF, OpConvertUToF},
		{Float, Float, false}: {OpFConvert, OpQuantizeToF16},
	} {
		for _, op := range ops {
			operandRules[op] = rule
		}
	}
}

func (m *Module) checkRule(in *Inst, rule operandRule) error {
	t := m.types[in.Type]
	scalar, n := m.scalarOf(t)
	ok := scalar.Kind == rule.result
	for _, w := range in.Args {
		operand, k := m.scalarOf(m.valueType(w))
		ok = ok && operand.Kind == rule.operand && k == n && (!rule.same || operand.Width == scalar.Width)
	}
	if !ok {
		text := ""
		for _, w := range in.Args {
			text += ", " + m.TypeString(m.valueType(w).ID)
		}
		return errAt(in, "the operation does not go from %s to %s", text[2:], m.TypeString(t.ID))
	}
	return nil
}

// scalarOf splits a type into a component type and the number of components, 1
// unless it is a vector or cooperative matrix (which counts as 0).
func (m *Module) scalarOf(t *Type) (*Type, uint32) {
	switch t.Kind {
	case Vector:
		return m.types[t.Elem], t.Len
	case CooperativeMatrix:
		return m.types[t.Elem], 0
	}
	return t, 1
}
