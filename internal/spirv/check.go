// Checks of a module's order, its declarations and its functions.

package spirv

import (
	"fmt"
	"strings"
)

// section is the place in a module's logical layout where an opcode may stand.
type section int

const (
	anywhere section = iota
	sectionCapability
	sectionExtension
	sectionImport
	sectionMemoryModel
	sectionEntryPoint
	sectionExecutionMode
	sectionDebug
	sectionName
	sectionProcessed
	sectionAnnotation
	sectionDeclaration
	sectionFunction
)

var sectionNames = [...]string{"", "the capabilities", "the extensions", "the imports", "the memory model", "the entry points",
	"the execution modes", "the debug strings", "the names", "the processing notes", "the annotations", "the declarations", "the functions"}

func (op Op) section() section {
	switch op {
	case OpNop:
		return anywhere
	case OpCapability:
		return sectionCapability
	case OpExtension:
		return sectionExtension
	case OpExtInstImport:
		return sectionImport
	case OpMemoryModel:
		return sectionMemoryModel
	case OpEntryPoint:
		return sectionEntryPoint
	case OpExecutionMode, OpExecutionModeId:
		return sectionExecutionMode
	case OpString, OpSourceExtension, OpSource, OpSourceContinued:
		return sectionDebug
	case OpName, OpMemberName:
		return sectionName
	case OpModuleProcessed:
		return sectionProcessed
	case OpDecorate, OpMemberDecorate, OpDecorateId, OpDecorateString, OpMemberDecorateString, OpDecorationGroup, OpGroupDecorate,
		OpGroupMemberDecorate:
		return sectionAnnotation
	}
	if op.isType() || op.isConstant() || op == OpTypeForwardPointer {
		return sectionDeclaration
	}
	return sectionFunction
}

// alsoDeclares reports whether an opcode of the functions may stand among the declarations too.
func (op Op) alsoDeclares() bool {
	switch op {
	case OpVariable, OpUntypedVariableKHR, OpUndef, OpLine, OpNoLine, OpExtInst, OpExtInstWithForwardRefsKHR:
		return true
	}
	return false
}

func (op Op) isType() bool {
	return strings.HasPrefix(op.String(), "OpType") && op != OpTypeForwardPointer
}

func (op Op) isConstant() bool {
	switch op {
	case OpConstantTrue, OpConstantFalse, OpConstant, OpConstantComposite, OpConstantSampler, OpConstantNull, OpConstantPipeStorage,
		OpConstantCompositeReplicateEXT, OpSpecConstantTrue, OpSpecConstantFalse, OpSpecConstant, OpSpecConstantComposite,
		OpSpecConstantCompositeReplicateEXT, OpSpecConstantOp:
		return true
	}
	return false
}

// checkOrder holds the module against the logical layout of the specification.
func (m *Module) checkOrder() error {
	at := sectionCapability
	models, entries, library := 0, 0, false
	for i := range m.Insts {
		in := &m.Insts[i]
		s := in.Op.section()
		if s == anywhere {
			continue
		}
		if s == sectionFunction && at <= sectionDeclaration && in.Op.alsoDeclares() {
			s = sectionDeclaration
		}
		if s < at {
			return errAt(in, "the instruction belongs to %s and stands among %s", sectionNames[s], sectionNames[at])
		}
		at = s
		switch {
		case s == sectionMemoryModel:
			models++
		case s == sectionEntryPoint:
			entries++
		case in.Op == OpCapability && Capability(in.Args[0]) == CapabilityLinkage:
			library = true
		}
		if models == 0 && s > sectionMemoryModel {
			return errAt(in, "the module has no OpMemoryModel before it")
		}
	}
	if models != 1 {
		return fmt.Errorf("spirv: the module has %d instances of OpMemoryModel, not 1", models)
	}
	if entries == 0 && !library {
		return fmt.Errorf("spirv: the module has no entry point")
	}
	return nil
}

// declare checks types, constants and variables in order, each against those
// declared before it, and evaluates the constants.
func (m *Module) declare() error {
	m.forward = make(map[ID]bool)
	m.types = make(map[ID]*Type)
	m.values = make(map[ID]*value)
	folder := newFolder(m, m.values, nil)
	for i := range m.Insts {
		in := &m.Insts[i]
		if in.Op == OpFunction {
			break
		}
		var err error
		switch {
		case in.Op == OpTypeForwardPointer:
			if m.Def(ID(in.Args[0])).Op != OpTypePointer {
				err = errAt(in, "id %d is not a pointer type", in.Args[0])
			}
			m.forward[ID(in.Args[0])] = true
		case in.Op == OpEntryPoint:
			if m.Def(ID(in.Args[1])).Op != OpFunction {
				err = errAt(in, "id %d is not a function", in.Args[1])
			}
			_, n := literalString(in.Args[2:])
			for _, w := range in.Args[2+n:] {
				if op := m.Def(ID(w)).Op; op != OpVariable && op != OpUntypedVariableKHR {
					err = errAt(in, "id %d of the interface is not a variable but %s", w, op)
				}
			}
		case in.Op == OpExecutionMode || in.Op == OpExecutionModeId:
			if m.Def(ID(in.Args[0])).Op != OpFunction {
				err = errAt(in, "id %d is not a function", in.Args[0])
			}
		case in.Op.isType():
			err = m.declareType(in)
		case in.Op.isConstant():
			if err = m.checkType(in); err == nil {
				err = folder.declare(in)
			}
		case in.Op == OpVariable:
			err = m.checkVariable(in)
		case in.Type != 0:
			err = m.checkType(in)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// checkType checks the result type of in, and that it has values unless the
// opcode may do without.
func (m *Module) checkType(in *Inst) error {
	t, ok := m.types[in.Type]
	if !ok {
		return errAt(in, "the result type, id %d, is not a type", in.Type)
	}
	if t.Kind == Function || t.Kind == Void && in.Op != OpFunction && in.Op != OpFunctionCall && in.Op != OpExtInst &&
		in.Op != OpExtInstWithForwardRefsKHR && in.Op != OpUndef {
		return errAt(in, "the result type is %s, which has no values", t.Kind)
	}
	return nil
}

func (m *Module) checkVariable(in *Inst) error {
	if err := m.checkType(in); err != nil {
		return err
	}
	t := m.types[in.Type]
	if t.Kind != Pointer || t.Elem == 0 {
		return errAt(in, "the result type is %s, not a pointer to a type", m.TypeString(t.ID))
	}
	if s := StorageClass(in.Args[0]); s != t.Storage {
		return errAt(in, "the storage class is %s, that of the pointer %s", s, t.Storage)
	}
	if k := m.types[t.Elem].Kind; k == Void || k == Function {
		return errAt(in, "a variable of type %s", k)
	}
	return nil
}

// checkFunctions checks that functions and blocks are properly nested and that
// each id used in them is a value of this function or of the module.
func (m *Module) checkFunctions() error {
	first := len(m.Insts)
	for i := range m.Insts {
		if m.Insts[i].Op == OpFunction {
			first = i
			break
		}
	}
	for i := first; i < len(m.Insts); {
		in := &m.Insts[i]
		if in.Op != OpFunction {
			if in.Op == OpNop || in.Op == OpLine || in.Op == OpNoLine {
				i++
				continue
			}
			return errAt(in, "the instruction stands outside of a function")
		}
		end := i + 1
		for end < len(m.Insts) && m.Insts[end].Op != OpFunctionEnd && m.Insts[end].Op != OpFunction {
			end++
		}
		if end == len(m.Insts) || m.Insts[end].Op == OpFunction {
			return errAt(in, "the function has no OpFunctionEnd")
		}
		f := functionCheck{m: m, first: first, start: i, end: end, entry: -1}
		if err := f.run(); err != nil {
			return err
		}
		i = end + 1
	}
	return m.checkCalls(first)
}

// functionCheck checks one function, Insts[start:end+1].
type functionCheck struct {
	m          *Module
	first      int // index of the module's first function
	start, end int
	entry      int // index of the first block's label, -1 when there is none

	firstBlockEnd int // index of the first block's last instruction
}

func (f *functionCheck) run() error {
	m := f.m
	fn := &m.Insts[f.start]
	if err := m.checkType(fn); err != nil {
		return err
	}
	sig, ok := m.types[ID(fn.Args[1])]
	if !ok || sig.Kind != Function {
		return errAt(fn, "id %d is not a function type", fn.Args[1])
	}
	if sig.Elem != fn.Type {
		return errAt(fn, "the result type is id %d, that of the function type id %d", fn.Type, sig.Elem)
	}
	for i := f.start; i < f.end; i++ {
		if m.Insts[i].Op == OpLabel && f.entry < 0 {
			f.entry = i
		}
		if m.Insts[i].Op.terminates() {
			f.firstBlockEnd = i
			break
		}
	}
	params := 0
	inBlock, phis, merged := false, false, false
	for i := f.start + 1; i < f.end; i++ {
		in := &m.Insts[i]
		if in.Op == OpLine || in.Op == OpNoLine || in.Op == OpNop {
			if merged {
				return errAt(in, "a merge instruction is not followed by a branch")
			}
			continue
		}
		if !inBlock {
			switch {
			case in.Op == OpLabel:
				if params != len(sig.Members) {
					return errAt(in, "the function has %d parameters, its type %d", params, len(sig.Members))
				}
				inBlock, phis = true, true
			case in.Op == OpFunctionParameter && f.entryAfter(i):
				if params >= len(sig.Members) || sig.Members[params] != in.Type {
					return errAt(in, "parameter %d does not agree with the function's type", params)
				}
				params++
			case in.Op == OpExtInst && m.nonSemantic(in):
			default:
				return errAt(in, "the instruction stands outside of a block")
			}
			continue
		}
		if in.Op == OpLabel {
			return errAt(in, "the block before does not end with a branch or a return")
		}
		if in.Op == OpFunctionParameter {
			return errAt(in, "the parameter stands within a block")
		}
		if in.Op == OpVariable && i > f.firstBlockEnd {
			return errAt(in, "the variable stands outside of the function's first block")
		}
		if in.Op == OpPhi && !phis {
			return errAt(in, "OpPhi stands after other instructions of its block")
		}
		phis = in.Op == OpPhi
		if err := f.instruction(i); err != nil {
			return err
		}
		if merged && in.Op != OpBranch && in.Op != OpBranchConditional && in.Op != OpSwitch {
			return errAt(in, "a merge instruction is not followed by a branch")
		}
		merged = in.Op == OpLoopMerge || in.Op == OpSelectionMerge
		if in.Op.terminates() {
			inBlock = false
		}
	}
	end := &m.Insts[f.end]
	if inBlock {
		return errAt(end, "the last block does not end with a branch or a return")
	}
	if params != len(sig.Members) {
		return errAt(end, "the function has %d parameters, its type %d", params, len(sig.Members))
	}
	return nil
}

// entryAfter reports whether i lies before the function's first block.
func (f *functionCheck) entryAfter(i int) bool { return f.entry < 0 || i < f.entry }

// nonSemantic reports whether in is an instruction that says nothing about what
// the module does.
func (m *Module) nonSemantic(in *Inst) bool {
	return strings.HasPrefix(m.extInsts[ID(in.Args[0])], "NonSemantic.")
}

// terminates reports whether the opcode ends a block.
func (op Op) terminates() bool {
	switch op {
	case OpBranch, OpBranchConditional, OpSwitch, OpReturn, OpReturnValue, OpUnreachable, OpKill, OpTerminateInvocation:
		return true
	}
	return false
}

// instruction checks the ids that instruction i of a block uses, and its types.
func (f *functionCheck) instruction(i int) error {
	m := f.m
	in := &m.Insts[i]
	if in.Type != 0 {
		if err := m.checkType(in); err != nil {
			return err
		}
	}
	ordinal := 0
	var bad error
	err := m.operands(in, func(kind byte, arg int) {
		if kind == 'i' {
			if bad == nil {
				bad = f.use(i, ordinal, ID(in.Args[arg]))
			}
			ordinal++
		}
	})
	if err == nil {
		err = bad
	}
	if err == nil {
		err = m.checkInstruction(in, m.Insts[f.start].Type)
	}
	return err
}

// use checks id as the operand of instruction i that is the ordinal-th id of it.
func (f *functionCheck) use(i, ordinal int, id ID) error {
	m := f.m
	in := &m.Insts[i]
	at := int(m.defs[id])
	def := &m.Insts[at]
	role := in.Op.role(ordinal)
	if role == roleAny || role == roleValue && in.Op == OpExtInst && m.nonSemantic(in) {
		return nil
	}
	if role == roleLabel {
		if def.Op != OpLabel {
			return errAt(in, "id %d is not a label", id)
		}
		if at < f.start || at > f.end {
			return errAt(in, "label id %d belongs to another function", id)
		}
		if at == f.entry && in.Op != OpPhi {
			return errAt(in, "id %d is the function's first block, which nothing may branch to", id)
		}
		return nil
	}
	if role == roleFunction {
		if def.Op != OpFunction {
			return errAt(in, "id %d is not a function", id)
		}
		return nil
	}
	if role == roleSet {
		if def.Op != OpExtInstImport {
			return errAt(in, "id %d is not an imported instruction set", id)
		}
		return nil
	}
	if def.Type == 0 || def.Op == OpFunction {
		return errAt(in, "id %d (%s) is not a value", id, def.Op)
	}
	if at < f.first {
		return nil
	}
	if at < f.start || at > f.end {
		return errAt(in, "id %d belongs to another function", id)
	}
	// Blocks stand after those that dominate them, so only OpPhi may look ahead.
	if at >= i && in.Op != OpPhi {
		return errAt(in, "id %d is used before it is defined at word %d", id, def.Word)
	}
	return nil
}

// role is what an id stands for as an operand of an instruction in a block.
type role int

const (
	roleValue role = iota
	roleLabel
	roleFunction
	roleSet // of extended instructions
	roleAny
)

// role says what the ordinal-th id among the operands of the opcode stands for.
func (op Op) role(ordinal int) role {
	label := false
	switch op {
	case OpBranch, OpSelectionMerge, OpLoopMerge:
		label = true
	case OpBranchConditional, OpSwitch:
		label = ordinal > 0
	case OpPhi:
		label = ordinal%2 == 1
	case OpFunctionCall:
		if ordinal == 0 {
			return roleFunction
		}
	case OpExtInst, OpExtInstWithForwardRefsKHR:
		if ordinal == 0 {
			return roleSet
		}
		if op == OpExtInstWithForwardRefsKHR {
			return roleAny
		}
	case OpUntypedVariableKHR, OpUntypedAccessChainKHR, OpUntypedInBoundsAccessChainKHR, OpUntypedPtrAccessChainKHR,
		OpUntypedInBoundsPtrAccessChainKHR, OpUntypedArrayLengthKHR, OpCooperativeMatrixLengthKHR, OpCooperativeMatrixLengthNV,
		OpSizeOf, OpCooperativeMatrixReduceEXT:
		return roleAny // types and functions are among their operands
	}
	if label {
		return roleLabel
	}
	return roleValue
}

// checkCalls refuses recursion, which Vulkan forbids and translators don't expect.
func (m *Module) checkCalls(first int) error {
	calls := make(map[ID][]*Inst) // by caller
	pending := make(map[ID]int)   // calls of functions not yet known to end
	callers := make(map[ID][]ID)
	var order []ID
	var fn ID
	for i := first; i < len(m.Insts); i++ {
		in := &m.Insts[i]
		switch in.Op {
		case OpFunction:
			fn = in.Result
			order = append(order, fn)
		case OpFunctionCall:
			callee := ID(in.Args[0])
			calls[fn] = append(calls[fn], in)
			pending[fn]++
			callers[callee] = append(callers[callee], fn)
		}
	}
	var ready []ID
	for _, id := range order {
		if pending[id] == 0 {
			ready = append(ready, id)
		}
	}
	for len(ready) > 0 {
		id := ready[len(ready)-1]
		ready = ready[:len(ready)-1]
		for _, caller := range callers[id] {
			if pending[caller]--; pending[caller] == 0 {
				ready = append(ready, caller)
			}
		}
	}
	for _, id := range order {
		for _, in := range calls[id] {
			if pending[id] > 0 && pending[ID(in.Args[0])] > 0 {
				return errAt(in, "the call is part of a recursion, or leads to one, which a Vulkan kernel must not contain")
			}
		}
	}
	return nil
}
