// Parse: from bytes to instructions, operands and indexes.

package spirv

import (
	"encoding/binary"
	"fmt"
	"math/bits"
)

const (
	magic       = 0x07230203
	headerWords = 5

	// A kernel is thousands of words, a game's largest shader a million or so. The
	// limits keep a hostile file from costing more than a few hundred megabytes.
	maxBytes = 16 << 20
	maxBound = 4 << 20
)

// Parse reads and checks a module of 32-bit words in little-endian order, as
// Vulkan hosts use it; a byte-swapped one is an error that says so. The module
// keeps no reference to b. An error names the word and the opcode where checking
// stopped, and no input, however hostile, costs memory out of proportion to its length.
func Parse(b []byte) (*Module, error) {
	if len(b)%4 != 0 {
		return nil, fmt.Errorf("spirv: %d bytes are not a whole number of 32-bit words", len(b))
	}
	if len(b) > maxBytes {
		return nil, fmt.Errorf("spirv: the module has %d bytes, more than the limit of %d", len(b), maxBytes)
	}
	if len(b) < 4*headerWords {
		return nil, fmt.Errorf("spirv: %d bytes are shorter than the header of %d", len(b), 4*headerWords)
	}
	words := make([]uint32, len(b)/4)
	for i := range words {
		words[i] = binary.LittleEndian.Uint32(b[4*i:])
	}
	m := &Module{Version: words[1], Generator: words[2], Bound: words[3]}
	if err := checkHeader(words); err != nil {
		return nil, err
	}
	if err := m.split(words); err != nil {
		return nil, err
	}
	for _, pass := range []func() error{
		m.index,         // results: all later passes look ids up
		m.checkOperands, // so that all later passes may read operands by position
		m.annotate,      // names and decorations, which types refer to
		m.checkOrder,    // so that declarations come before functions
		m.declare,       // types, constants and variables, each from earlier ones
		m.checkFunctions,
	} {
		if err := pass(); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func checkHeader(words []uint32) error {
	if words[0] == bits.ReverseBytes32(magic) {
		return fmt.Errorf("spirv: word 0: the module is byte-swapped (big-endian); Vulkan wants the host's order, which is little-endian")
	}
	if words[0] != magic {
		return fmt.Errorf("spirv: word 0: %#08x is not the magic number of SPIR-V, %#08x", words[0], uint32(magic))
	}
	if v := words[1]; v&0xff0000ff != 0 || v < 0x00010000 || v > 0x00010600 {
		return fmt.Errorf("spirv: word 1: version %#08x is not one of 1.0 to 1.6", v)
	}
	if words[3] == 0 || words[3] > maxBound {
		return fmt.Errorf("spirv: word 3: the bound of ids is %d, not 1 to %d", words[3], maxBound)
	}
	if words[4] != 0 {
		return fmt.Errorf("spirv: word 4: the schema is %d, not 0", words[4])
	}
	return nil
}

// split cuts the words into instructions and takes type and result off them.
func (m *Module) split(words []uint32) error {
	n := 0
	for at := headerWords; at < len(words); n++ {
		count, op := int(words[at]>>16), Op(words[at])
		in := Inst{Op: op, Word: at}
		if count == 0 {
			return errAt(&in, "the instruction has a word count of 0")
		}
		if count > len(words)-at {
			return errAt(&in, "the instruction has %d words, the module only %d from here", count, len(words)-at)
		}
		if _, ok := opTable[op]; !ok {
			return errAt(&in, "unknown opcode")
		}
		at += count
	}
	m.Insts = make([]Inst, n)
	at := headerWords
	for i := range m.Insts {
		in := &m.Insts[i]
		in.Op, in.Word = Op(words[at]), at
		end := at + int(words[at]>>16)
		in.Args = words[at+1 : end : end]
		at = end
		hasType, hasResult := in.Op.results()
		for _, slot := range []struct {
			wanted bool
			id     *ID
			name   string
		}{{hasType, &in.Type, "result type"}, {hasResult, &in.Result, "result id"}} {
			if !slot.wanted {
				continue
			}
			if len(in.Args) == 0 {
				return errAt(in, "the instruction ends before its %s", slot.name)
			}
			*slot.id = ID(in.Args[0])
			in.Args = in.Args[1:]
			if err := m.inBounds(in, *slot.id); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *Module) inBounds(in *Inst, id ID) error {
	if id == 0 || uint32(id) >= m.Bound {
		return errAt(in, "id %d is not within 1 to %d", id, m.Bound-1)
	}
	return nil
}

// index notes where each id is defined.
func (m *Module) index() error {
	m.defs = make(map[ID]int32)
	for i := range m.Insts {
		in := &m.Insts[i]
		if in.Result == 0 {
			continue
		}
		if first := m.Def(in.Result); first != nil {
			return errAt(in, "id %d is already defined at word %d", in.Result, first.Word)
		}
		m.defs[in.Result] = int32(i)
	}
	return nil
}

// checkOperands holds every instruction against its opcode's shape, and every
// id against the bound and the defined ids.
func (m *Module) checkOperands() error {
	for i := range m.Insts {
		in := &m.Insts[i]
		var bad error
		err := m.operands(in, func(kind byte, arg int) {
			if kind == 'i' && bad == nil {
				bad = m.isDefined(in, ID(in.Args[arg]))
			}
		})
		if err == nil {
			err = bad
		}
		if err == nil && in.Type != 0 {
			err = m.isDefined(in, in.Type)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (m *Module) isDefined(in *Inst, id ID) error {
	if err := m.inBounds(in, id); err != nil {
		return err
	}
	if _, ok := m.defs[id]; !ok {
		return errAt(in, "id %d is not defined", id)
	}
	return nil
}

// operands calls f for each operand of in, with its kind ('i' for an id, 's' for
// a string, 'n' for any other literal) and the index in Args where it begins.
// Operands that don't fit the opcode's shape are an error.
func (m *Module) operands(in *Inst, f func(kind byte, arg int)) error {
	w := operandWalk{m: m, in: in, visit: f}
	shape := opTable[in.Op].shape
	for len(shape) > 0 && (shape[0] == 'T' || shape[0] == 'R') {
		shape = shape[1:]
	}
	if err := w.run(shape); err != nil {
		return err
	}
	if w.at < len(in.Args) {
		return errAt(in, "%d operands after type and result, where the opcode takes no more than %d", len(in.Args), w.at)
	}
	return nil
}

type operandWalk struct {
	m     *Module
	in    *Inst
	at    int // next operand in in.Args
	visit func(kind byte, arg int)
}

func (w *operandWalk) run(shape string) error {
	for i := 0; i < len(shape); i++ {
		switch c := shape[i]; c {
		case '?':
			if w.at == len(w.in.Args) {
				return nil
			}
		case '*':
			group := shape[i+1:]
			if group[0] == '(' {
				group = group[1 : len(group)-1]
			}
			for w.at < len(w.in.Args) {
				if err := w.run(group); err != nil {
					return err
				}
			}
			return nil
		default:
			if err := w.one(c); err != nil {
				return err
			}
		}
	}
	return nil
}

// one takes the operand that a letter of the shape stands for.
func (w *operandWalk) one(c byte) error {
	if w.at == len(w.in.Args) {
		return errAt(w.in, "too few operands: %d after type and result", len(w.in.Args))
	}
	word := w.in.Args[w.at]
	switch c {
	case 'i', 'n':
		w.take(c, 1)
		return nil
	case 's':
		_, n := literalString(w.in.Args[w.at:])
		if n == 0 {
			return errAt(w.in, "the literal string does not end within the instruction")
		}
		w.take('s', n)
		return nil
	case 'c':
		return w.literal(w.in.Type)
	case 'w':
		return w.literal(w.m.Def(ID(w.in.Args[0])).typeOrZero())
	}
	w.take('n', 1)
	switch c {
	case 'd':
		return w.run(decorationShape(Decoration(word)))
	case 'x':
		return w.run(executionModeShape(ExecutionMode(word)))
	case 'o':
		shape := opTable[Op(word)].shape
		if word > 0xffff || len(shape) < 2 || shape[:2] != "TR" || Op(word) == OpSpecConstantOp {
			return errAt(w.in, "%d is not the opcode of an operation", word)
		}
		return w.run(shape[2:])
	case 'm', 'g', 'l':
		for mask := word; mask != 0; mask &= mask - 1 {
			if err := w.run(maskShapes[c][mask&-mask]); err != nil {
				return err
			}
		}
		return nil
	}
	panic(fmt.Sprintf("BUG: spirv: the shape of %s has the letter %q", w.in.Op, c))
}

func (w *operandWalk) take(kind byte, n int) {
	if w.visit != nil {
		w.visit(kind, w.at)
	}
	w.at += n
}

// literal takes a number as wide as the type says: one word, or two for 64 bits.
func (w *operandWalk) literal(typ ID) error {
	t := w.m.Def(typ)
	if t == nil || t.Op != OpTypeInt && t.Op != OpTypeFloat || len(t.Args) == 0 {
		return errAt(w.in, "the type of the literal, id %d, is neither an integer nor a floating-point type", typ)
	}
	n := 1
	if t.Args[0] > 32 {
		n = 2
	}
	if len(w.in.Args)-w.at < n {
		return errAt(w.in, "the literal ends after %d of %d words", len(w.in.Args)-w.at, n)
	}
	w.take('n', n)
	return nil
}

func (in *Inst) typeOrZero() ID {
	if in == nil {
		return 0
	}
	return in.Type
}

// annotate collects names, decorations and imports.
func (m *Module) annotate() error {
	m.names = make(map[target]string)
	m.decorations = make(map[decorationKey][]uint32)
	m.groups = make(map[target][]ID)
	m.extInsts = make(map[ID]string)
	for i := range m.Insts {
		in := &m.Insts[i]
		switch in.Op {
		case OpName:
			m.names[target{ID(in.Args[0]), -1}], _ = literalString(in.Args[1:])
		case OpMemberName:
			t, err := m.member(in, in.Args[0], in.Args[1])
			if err != nil {
				return err
			}
			m.names[t], _ = literalString(in.Args[2:])
		case OpExtInstImport:
			m.extInsts[in.Result], _ = literalString(in.Args)
		case OpDecorate, OpDecorateId, OpDecorateString:
			m.decorate(target{ID(in.Args[0]), -1}, in.Args[1:])
		case OpMemberDecorate, OpMemberDecorateString:
			t, err := m.member(in, in.Args[0], in.Args[1])
			if err != nil {
				return err
			}
			m.decorate(t, in.Args[2:])
		case OpGroupDecorate, OpGroupMemberDecorate:
			group := ID(in.Args[0])
			if m.Def(group).Op != OpDecorationGroup {
				return errAt(in, "id %d is not a decoration group", group)
			}
			for rest := in.Args[1:]; len(rest) > 0; {
				t := target{ID(rest[0]), -1}
				rest = rest[1:]
				if in.Op == OpGroupMemberDecorate {
					var err error
					if t, err = m.member(in, uint32(t.id), rest[0]); err != nil {
						return err
					}
					rest = rest[1:]
				}
				m.groups[t] = append(m.groups[t], group)
			}
		}
	}
	return nil
}

// member checks that in names a member that the struct has.
func (m *Module) member(in *Inst, id, member uint32) (target, error) {
	def := m.Def(ID(id))
	if def.Op != OpTypeStruct {
		return target{}, errAt(in, "id %d is not a struct", id)
	}
	if uint64(member) >= uint64(len(def.Args)) {
		return target{}, errAt(in, "struct id %d has %d members, no member %d", id, len(def.Args), member)
	}
	return target{ID(id), int(member)}, nil
}

func (m *Module) decorate(t target, args []uint32) {
	key := decorationKey{t, Decoration(args[0])}
	if _, ok := m.decorations[key]; !ok {
		m.decorations[key] = args[1:]
	}
}
