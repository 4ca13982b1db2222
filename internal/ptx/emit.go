package ptx

import (
	"fmt"
	"slices"
	"strings"

	"gpubench/internal/ir"
)

// emitter writes the text. Every value has a register of its own; the driver's compiler
// allocates the real ones.
type emitter struct {
	t      *translation
	k      *Kernel
	s      *shape
	half   bool // 16-bit minimum and maximum exist
	body   strings.Builder
	regs   map[*ir.Value]string
	wide   map[*ir.Value][]string // registers of wide loads
	count  map[string]int
	vars   map[*ir.Var]string
	params map[*ir.Mem]string // registers with the buffers' addresses
	offset map[*ir.Mem]uint32 // of workgroup memories
	window string             // register with the workgroup memory's address
	labels int
	loops  []int // around the current node, by their labels' number
	err    error
}

// class is the prefix of the registers that hold a type.
func class(t ir.Type) string {
	return map[ir.Type]string{ir.Bool: "p", ir.Int: "r", ir.Float: "f", ir.Long: "d", ir.Half: "h"}[t]
}

// classes are the types of registers as the text declares them.
var classes = []struct{ prefix, typ string }{{"p", "pred"}, {"r", "b32"}, {"f", "f32"}, {"d", "b64"}, {"h", "b16"}}

func emit(t *translation, k *Kernel) (string, error) {
	e := &emitter{t: t, k: k, s: shapeOf(t.f), regs: map[*ir.Value]string{}, wide: map[*ir.Value][]string{}, count: map[string]int{}, vars: map[*ir.Var]string{},
		params: map[*ir.Mem]string{}, offset: map[*ir.Mem]uint32{}}
	var target arch
	for _, a := range arches {
		if a.target <= t.o.Target {
			target = a
			break
		}
	}
	e.half = target.target >= 80
	var b strings.Builder
	fmt.Fprintf(&b, ".version %s\n.target sm_%d\n.address_size 64\n\n", target.version, target.target)
	if k.Dynamic {
		b.WriteString(".extern .shared .align 128 .b8 shared[];\n\n")
	}
	var params []string
	for i, buf := range k.Buffers {
		params = append(params, fmt.Sprintf("\t.param .u64 .ptr .global .align 16 buffer%d // %s, set %d binding %d", i, comment(buf.Name), buf.Set, buf.Binding))
	}
	if k.PushBytes > 0 {
		params = append(params, fmt.Sprintf("\t.param .align 16 .b8 push[%d]", k.PushBytes))
	}
	for i := range params[:max(len(params)-1, 0)] { // the comma comes before the comment
		text, note, ok := strings.Cut(params[i], " //")
		params[i] = text + ","
		if ok {
			params[i] += " //" + note
		}
	}
	w := k.WorkgroupSize
	fmt.Fprintf(&b, ".visible .entry %s(\n%s\n)\n.reqntid %d, %d, %d\n", k.Name, strings.Join(params, "\n"), w[0], w[1], w[2])
	if t.o.MinBlocks > 0 {
		fmt.Fprintf(&b, ".minnctapersm %d\n", t.o.MinBlocks)
	}
	b.WriteString("{\n")
	e.start()
	e.list(t.f.Body)
	if e.err != nil {
		return "", e.err
	}
	for _, c := range classes {
		if n := e.count[c.prefix]; n > 0 {
			fmt.Fprintf(&b, "\t.reg .%s %%%s<%d>;\n", c.typ, c.prefix, n)
		}
	}
	if k.SharedBytes > 0 && !k.Dynamic {
		fmt.Fprintf(&b, "\t.shared .align 128 .b8 shared[%d];\n", k.SharedBytes)
	}
	for _, m := range t.f.Mems {
		if m.Kind == ir.Private {
			fmt.Fprintf(&b, "\t.local .align 16 .b8 local%d[%d];\n", m.ID, m.Len*m.Elem.Size())
		}
	}
	b.WriteString("\n" + e.body.String())
	b.WriteString("\tret;\n}\n")
	return b.String(), nil
}

// comment is a name from the module as it may stand in a comment.
func comment(s string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' {
			return '?'
		}
		return c
	}, s)
}

func (e *emitter) line(format string, args ...any) {
	fmt.Fprintf(&e.body, "\t"+format+";\n", args...)
}

func (e *emitter) label(format string, args ...any) { fmt.Fprintf(&e.body, format+":\n", args...) }

// reg makes a new register.
func (e *emitter) reg(t ir.Type) string {
	c := class(t)
	r := fmt.Sprintf("%%%s%d", c, e.count[c])
	e.count[c]++
	return r
}

// start loads the buffers' addresses.
func (e *emitter) start() {
	shared := uint32(0)
	for _, m := range e.t.f.Mems {
		switch m.Kind {
		case ir.Buffer:
			i := slices.IndexFunc(e.k.Buffers, func(b Buffer) bool { return b.Set == m.Set && b.Binding == m.Binding })
			r := e.reg(ir.Long)
			e.line("ld.param.u64 %s, [buffer%d]", r, i)
			e.params[m] = e.reg(ir.Long)
			e.line("cvta.to.global.u64 %s, %s", e.params[m], r)
		case ir.Shared:
			e.offset[m] = shared
			shared += sharedBytes(m)
		case ir.Private:
			e.params[m] = e.reg(ir.Long)
			e.line("mov.u64 %s, local%d", e.params[m], m.ID)
		}
	}
	if shared > 0 {
		e.window = e.reg(ir.Int)
		e.line("mov.u32 %s, shared", e.window)
	}
	for _, v := range e.t.f.Vars {
		// A variable that is read before it is set holds anything; zero is something.
		r := e.reg(v.Type)
		e.vars[v] = r
		if v.Type == ir.Bool {
			e.line("setp.ne.u32 %s, 0, 0", r)
		} else {
			e.line("mov.%s %s, %s", moveType(v.Type), r, literal(v.Type, 0))
		}
	}
}

// moveType is the suffix of the instructions that only move a type.
func moveType(t ir.Type) string {
	return map[ir.Type]string{ir.Bool: "pred", ir.Int: "u32", ir.Float: "f32", ir.Long: "u64", ir.Half: "b16"}[t]
}

func literal(t ir.Type, bits uint64) string {
	switch t {
	case ir.Float:
		return fmt.Sprintf("0f%08X", bits)
	case ir.Half:
		return fmt.Sprintf("0x%04X", bits)
	case ir.Long:
		return fmt.Sprint(int64(bits))
	}
	return fmt.Sprint(int32(bits))
}

// arg is a value as an operand. Predicates and 16-bit floats have no literals.
func (e *emitter) arg(v *ir.Value) string {
	if v.Op != ir.Const {
		r, ok := e.regs[v]
		if !ok {
			panic(fmt.Sprintf("BUG: ptx: v%d (%s) is used before it is computed", v.ID, v.Op))
		}
		return r
	}
	switch v.Type {
	case ir.Bool:
		r := e.reg(ir.Bool)
		e.line("setp.ne.u32 %s, %d, 0", r, v.Bits)
		return r
	case ir.Half:
		r := e.reg(ir.Half)
		e.line("mov.b16 %s, %s", r, literal(v.Type, v.Bits))
		return r
	}
	return literal(v.Type, v.Bits)
}

// inReg is a value in a register.
func (e *emitter) inReg(v *ir.Value) string {
	a := e.arg(v)
	if strings.HasPrefix(a, "%") {
		return a
	}
	r := e.reg(v.Type)
	e.line("mov.%s %s, %s", moveType(v.Type), r, a)
	return r
}

func (e *emitter) list(list []ir.Node) {
	for _, n := range list {
		if e.err != nil {
			return
		}
		switch n := n.(type) {
		case *ir.Value:
			e.value(n)
		case *ir.If:
			e.branch(n)
		case *ir.Loop:
			l := e.labels
			e.labels++
			e.loops = append(e.loops, l)
			e.label("loop_%d", l)
			e.list(n.Body)
			if hasContinue(n.Body) {
				e.label("next_%d", l)
			}
			e.list(n.Continue)
			e.line("bra loop_%d", l)
			e.label("end_%d", l)
			e.loops = e.loops[:len(e.loops)-1]
		default:
			e.jump(n, "")
		}
	}
}

// jump leaves a loop, a step of it, or the kernel. guard is a predicate with its @.
func (e *emitter) jump(n ir.Node, guard string) {
	switch n.(type) {
	case ir.Break:
		e.line("%sbra end_%d", guard, e.loops[len(e.loops)-1])
	case ir.Continue:
		e.line("%sbra next_%d", guard, e.loops[len(e.loops)-1])
	case ir.Return:
		e.line("%sret", guard)
	}
}

func (e *emitter) branch(n *ir.If) {
	cond, not := n.Cond, ""
	for cond.Op == ir.LNot {
		cond = cond.Args[0]
		if not == "" {
			not = "!"
		} else {
			not = ""
		}
	}
	p := e.arg(cond)
	opposite := "!"
	if not != "" {
		opposite = ""
	}
	if len(n.Then) == 1 && len(n.Else) == 0 {
		switch n.Then[0].(type) {
		case ir.Break, ir.Continue, ir.Return:
			e.jump(n.Then[0], "@"+not+p+" ")
			return
		}
	}
	l := e.labels
	e.labels++
	uni := ""
	if !e.s.of(n.Cond) {
		uni = ".uni"
	}
	if len(n.Else) == 0 {
		e.line("@%s%s bra%s endif_%d", opposite, p, uni, l)
		e.list(n.Then)
	} else {
		e.line("@%s%s bra%s else_%d", opposite, p, uni, l)
		e.list(n.Then)
		e.line("bra%s endif_%d", uni, l)
		e.label("else_%d", l)
		e.list(n.Else)
	}
	e.label("endif_%d", l)
}

// plain lists the operations that are one instruction on their arguments: %i stands for
// a signed integer type, %u for an unsigned one, %b for untyped bits, %f for a float.
var plain = map[ir.Op]string{
	ir.IAdd: "add.%i", ir.ISub: "sub.%i", ir.IMul: "mul.lo.%i", ir.UDiv: "div.%u", ir.SDiv: "div.%i", ir.UMod: "rem.%u", ir.SRem: "rem.%i",
	ir.Shl: "shl.%b", ir.LShr: "shr.%u", ir.AShr: "shr.%i", ir.And: "and.%b", ir.Or: "or.%b", ir.Xor: "xor.%b", ir.Not: "not.%b", ir.INeg: "neg.%i",
	ir.UMin: "min.%u", ir.UMax: "max.%u", ir.SMin: "min.%i", ir.SMax: "max.%i", ir.SAbs: "abs.%i",
	ir.FAdd: "add.rn.%f", ir.FSub: "sub.rn.%f", ir.FMul: "mul.rn.%f", ir.Fma: "fma.rn.%f", ir.FDiv: "div.rn.%f",
	ir.FMin: "min.%f", ir.FMax: "max.%f", ir.Sqrt: "sqrt.rn.%f", ir.RSqrt: "rsqrt.approx.%f", ir.Exp2: "ex2.approx.%f", ir.Log2: "lg2.approx.%f",
	ir.Sin: "sin.approx.%f", ir.Cos: "cos.approx.%f", ir.FNeg: "neg.%f", ir.FAbs: "abs.%f",
	ir.Floor: "cvt.rmi.%f.%f", ir.Ceil: "cvt.rpi.%f.%f", ir.Trunc: "cvt.rzi.%f.%f", ir.RoundEven: "cvt.rni.%f.%f",
	ir.LAnd: "and.pred", ir.LOr: "or.pred", ir.LNe: "xor.pred", ir.LNot: "not.pred",
}

// compares lists the comparisons, with the type of their arguments.
var compares = map[ir.Op]string{
	ir.IEq: "setp.eq.%u", ir.INe: "setp.ne.%u", ir.ULess: "setp.lt.%u", ir.ULessEq: "setp.le.%u", ir.SLess: "setp.lt.%i", ir.SLessEq: "setp.le.%i",
	ir.FEq: "setp.eq.%f", ir.FNe: "setp.neu.%f", ir.FLess: "setp.lt.%f", ir.FLessEq: "setp.le.%f",
}

// ofType fills a type into an instruction's name.
func ofType(name string, t ir.Type) string {
	width := t.Size() * 8
	return strings.NewReplacer("%i", fmt.Sprintf("s%d", width), "%u", fmt.Sprintf("u%d", width), "%b", fmt.Sprintf("b%d", width), "%f", fmt.Sprintf("f%d", width)).Replace(name)
}

// halfNative lists what 16-bit floats have instructions for; the rest is computed in 32
// bits, which rounds to 16 as if it had been exact.
func (e *emitter) halfNative(op ir.Op) bool {
	switch op {
	case ir.FAdd, ir.FSub, ir.FMul, ir.Fma, ir.Select:
		return true
	case ir.FMin, ir.FMax:
		return e.half
	}
	return false
}

func (e *emitter) value(v *ir.Value) {
	switch v.Op {
	case ir.Barrier:
		e.line("bar.sync 0")
		return
	case ir.Set:
		e.line("mov.%s %s, %s", moveType(v.Var.Type), e.vars[v.Var], e.arg(v.Args[0]))
		return
	case ir.Load, ir.Wide, ir.Store, ir.WideStore, ir.Copy, ir.CopyWait:
		e.access(v)
		return
	case ir.Part:
		e.regs[v] = e.wide[v.Args[0]][v.Dim]
		return
	case ir.Addr:
		e.address(v)
		return
	}
	if c, ok := compares[v.Op]; ok {
		e.compare(v, c)
		return
	}
	if v.Type == ir.Half && plain[v.Op] != "" && !e.halfNative(v.Op) {
		switch v.Op {
		case ir.FNeg, ir.FAbs: // of the sign alone, as everywhere
			r := e.reg(ir.Half)
			if v.Op == ir.FNeg {
				e.line("xor.b16 %s, %s, 0x8000", r, e.arg(v.Args[0]))
			} else {
				e.line("and.b16 %s, %s, 0x7FFF", r, e.arg(v.Args[0]))
			}
			e.regs[v] = r
			return
		}
		var args []string
		for _, a := range v.Args {
			args = append(args, e.float(a))
		}
		x, r := e.reg(ir.Float), e.reg(ir.Half)
		e.line("%s %s, %s", ofType(plain[v.Op], ir.Float), x, strings.Join(args, ", "))
		e.line("cvt.rn.f16.f32 %s, %s", r, x)
		e.regs[v] = r
		return
	}
	var args []string
	for _, a := range v.Args {
		args = append(args, e.arg(a))
	}
	r := e.reg(v.Type)
	e.regs[v] = r
	if name, ok := plain[v.Op]; ok {
		if len(args) == 1 {
			args[0] = e.registered(v.Type, args[0])
		}
		e.line("%s %s, %s", ofType(name, v.Type), r, strings.Join(args, ", "))
		return
	}
	axis := "xyz"
	switch v.Op {
	case ir.LocalID:
		e.line("mov.u32 %s, %%tid.%c", r, axis[v.Dim])
	case ir.GroupID:
		e.line("mov.u32 %s, %%ctaid.%c", r, axis[v.Dim])
	case ir.NumGroups:
		e.line("mov.u32 %s, %%nctaid.%c", r, axis[v.Dim])
	case ir.Push:
		e.line("ld.param.%s %s, [push+%d]", moveType(v.Type), r, v.Offset)
	case ir.Get:
		e.line("mov.%s %s, %s", moveType(v.Type), r, e.vars[v.Var])
	case ir.Select:
		if v.Type == ir.Bool {
			// (c and x) or (not c and y)
			x, n := e.reg(ir.Bool), e.reg(ir.Bool)
			e.line("and.pred %s, %s, %s", x, args[0], args[1])
			e.line("not.pred %s, %s", n, args[0])
			e.line("and.pred %s, %s, %s", n, n, args[2])
			e.line("or.pred %s, %s, %s", r, x, n)
			return
		}
		typ := map[ir.Type]string{ir.Int: "b32", ir.Float: "f32", ir.Long: "b64", ir.Half: "b16"}[v.Type]
		e.line("selp.%s %s, %s, %s, %s", typ, r, args[1], args[2], args[0])
	case ir.LEq:
		x := e.reg(ir.Bool)
		e.line("xor.pred %s, %s, %s", x, args[0], args[1])
		e.line("not.pred %s, %s", r, x)
	case ir.SMod:
		e.smod(v, r, args)
	case ir.IsNaN:
		if v.Args[0].Type == ir.Half {
			args[0] = e.float(v.Args[0])
		}
		e.line("testp.notanumber.f32 %s, %s", r, e.registered(ir.Float, args[0]))
	case ir.SToF, ir.UToF:
		from := "%i"
		if v.Op == ir.UToF {
			from = "%u"
		}
		e.line("cvt.rn.%s.%s %s, %s", ofType("%f", v.Type), ofType(from, v.Args[0].Type), r, e.registered(v.Args[0].Type, args[0]))
	case ir.FToS, ir.FToU:
		to := "%i"
		if v.Op == ir.FToU {
			to = "%u"
		}
		e.line("cvt.rzi.%s.%s %s, %s", ofType(to, v.Type), ofType("%f", v.Args[0].Type), r, e.registered(v.Args[0].Type, args[0]))
	case ir.FConvert:
		if v.Type == ir.Half {
			e.line("cvt.rn.f16.f32 %s, %s", r, e.registered(ir.Float, args[0]))
		} else {
			e.line("cvt.f32.f16 %s, %s", r, args[0])
		}
	case ir.IToFBits, ir.FToIBits:
		e.line("mov.b32 %s, %s", r, args[0])
	case ir.UExtend:
		e.line("cvt.u64.u32 %s, %s", r, e.registered(ir.Int, args[0]))
	case ir.SExtend:
		e.line("cvt.s64.s32 %s, %s", r, e.registered(ir.Int, args[0]))
	case ir.Truncate:
		e.line("cvt.u32.u64 %s, %s", r, e.registered(ir.Long, args[0]))
	case ir.PackHalf:
		e.line("mov.b32 %s, {%s, %s}", r, args[0], args[1])
	case ir.UnpackHalf:
		pair := []string{e.reg(ir.Half), e.reg(ir.Half)}
		pair[v.Dim] = r
		e.line("mov.b32 {%s, %s}, %s", pair[0], pair[1], e.registered(ir.Int, args[0]))
	case ir.PackLong:
		e.line("mov.b64 %s, {%s, %s}", r, e.registered(ir.Int, args[0]), e.registered(ir.Int, args[1]))
	case ir.UnpackLong:
		pair := []string{e.reg(ir.Int), e.reg(ir.Int)}
		pair[v.Dim] = r
		e.line("mov.b64 {%s, %s}, %s", pair[0], pair[1], e.registered(ir.Long, args[0]))
	default:
		panic("BUG: ptx: no text for " + v.Op.String())
	}
}

// registered is an operand in a register of a type.
func (e *emitter) registered(t ir.Type, arg string) string {
	if strings.HasPrefix(arg, "%") {
		return arg
	}
	r := e.reg(t)
	e.line("mov.%s %s, %s", moveType(t), r, arg)
	return r
}

// float is a 16-bit float in 32 bits; it is exact.
func (e *emitter) float(v *ir.Value) string {
	if v.Type != ir.Half {
		return e.arg(v)
	}
	h, r := e.arg(v), e.reg(ir.Float)
	e.line("cvt.f32.f16 %s, %s", r, h)
	return r
}

func (e *emitter) compare(v *ir.Value, name string) {
	t := v.Args[0].Type
	var args []string
	for _, a := range v.Args {
		if t == ir.Half {
			args = append(args, e.float(a))
		} else {
			args = append(args, e.arg(a))
		}
	}
	if t == ir.Half {
		t = ir.Float
	}
	r := e.reg(ir.Bool)
	e.line("%s %s, %s, %s", ofType(name, t), r, e.registered(t, args[0]), args[1])
	e.regs[v] = r
}

// smod is the remainder with the sign of the divisor.
func (e *emitter) smod(v *ir.Value, r string, args []string) {
	t := v.Type
	rem, sum, x := e.reg(t), e.reg(t), e.reg(t)
	some, apart := e.reg(ir.Bool), e.reg(ir.Bool)
	e.line("%s %s, %s, %s", ofType("rem.%i", t), rem, args[0], args[1])
	e.line("%s %s, %s, %s", ofType("add.%i", t), sum, rem, args[1])
	e.line("%s %s, %s, %s", ofType("xor.%b", t), x, rem, args[1])
	e.line("%s %s, %s, 0", ofType("setp.ne.%i", t), some, rem)
	e.line("%s %s, %s, 0", ofType("setp.lt.%i", t), apart, x)
	e.line("and.pred %s, %s, %s", apart, apart, some)
	e.line("%s %s, %s, %s, %s", ofType("selp.%b", t), r, sum, rem, apart)
}

// address computes where an element lies: the base, or another address, plus an index
// times a number of bytes.
func (e *emitter) address(v *ir.Value) {
	base := e.params[v.Mem]
	if v.Mem.Kind == ir.Shared {
		base = e.window
	}
	if len(v.Args) > 1 {
		base = e.arg(v.Args[1])
	}
	if c, ok := v.Args[0].IsConst(); ok && c == 0 {
		e.regs[v] = base
		return
	}
	r := e.reg(v.Type)
	e.regs[v] = r
	scale := v.N * v.Mem.Elem.Size()
	ix := e.inReg(v.Args[0])
	if v.Mem.Kind == ir.Shared {
		e.line("mad.lo.s32 %s, %s, %d, %s", r, ix, scale, base)
	} else {
		e.line("mad.wide.s32 %s, %s, %d, %s", r, ix, scale, base)
	}
}

// at is a lowered access's operand.
func (e *emitter) at(m *ir.Mem, addr *ir.Value, offset uint32) string {
	k := int64(int32(offset))*int64(m.Elem.Size()) + int64(e.offset[m])
	if k != int64(int32(k)) {
		e.err = addr.Err("the offset of %d bytes is too far", k)
	}
	return fmt.Sprintf("[%s+%d]", e.arg(addr), k)
}

func (e *emitter) access(v *ir.Value) {
	if v.Op == ir.CopyWait {
		e.line("cp.async.wait_all")
		return
	}
	m := v.Mem
	space := map[ir.MemKind]string{ir.Buffer: "global", ir.Shared: "shared", ir.Private: "local"}[m.Kind]
	typ := map[ir.Type]string{ir.Int: "u32", ir.Float: "f32", ir.Long: "u64", ir.Half: "b16"}[m.Elem]
	vec := func(n int) string {
		if n > 1 {
			return fmt.Sprintf(".v%d", n)
		}
		return ""
	}
	braces := func(rs []string) string {
		if len(rs) == 1 {
			return rs[0]
		}
		return "{" + strings.Join(rs, ", ") + "}"
	}
	switch v.Op {
	case ir.Load, ir.Wide:
		if m.Kind == ir.Buffer && m.ReadOnly {
			space += ".nc"
		}
		var rs []string
		for range max(v.N, 1) {
			rs = append(rs, e.reg(m.Elem))
		}
		if v.Op == ir.Load {
			e.regs[v] = rs[0]
		} else {
			e.wide[v] = rs
		}
		e.line("ld.%s%s.%s %s, %s", space, vec(len(rs)), typ, braces(rs), e.at(m, v.Args[0], v.Offset))
	case ir.Store, ir.WideStore:
		var rs []string
		for _, a := range v.Args[1:] {
			rs = append(rs, e.inReg(a))
		}
		e.line("st.%s%s.%s %s, %s", space, vec(len(rs)), typ, e.at(m, v.Args[0], v.Offset), braces(rs))
	case ir.Copy:
		n := v.N * m.Elem.Size()
		how := "ca"
		if n == 16 {
			how = "cg"
		}
		e.line("cp.async.%s.shared.global %s, %s, %d", how, e.at(m, v.Args[0], v.Offset), e.at(v.From, v.Args[1], v.FromOffset), n)
	}
}
