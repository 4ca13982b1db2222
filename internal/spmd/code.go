package spmd

import (
	"fmt"
	"math/bits"
	"strings"

	"gpubench/internal/ir"
)

// scopes finds which values need a C variable, and which of those are used outside of
// the block that computes them.
func (e *emitter) scopes() {
	home := map[*ir.Value][]int{} // the blocks around a value, outermost first
	blocks := 0
	var place func(list []ir.Node, path []int)
	place = func(list []ir.Node, path []int) {
		blocks++
		path = append(path[:len(path):len(path)], blocks)
		for _, n := range list {
			switch n := n.(type) {
			case *ir.Value:
				home[n] = path
			case *ir.If:
				place(n.Then, path)
				place(n.Else, path)
			case *ir.Loop:
				// Both parts of a loop are one block of C.
				place(append(n.Body[:len(n.Body):len(n.Body)], n.Continue...), path)
			}
		}
	}
	place(e.f.Body, nil)

	var need func(v *ir.Value)
	use := func(v *ir.Value, path []int) {
		if v.Op == ir.Const {
			return
		}
		at := home[v]
		if len(at) > len(path) || at[len(at)-1] != path[len(at)-1] {
			e.hoisted[v] = true
		}
		need(v)
	}
	args := func(n *ir.Value, path []int) {
		for i, a := range n.Args {
			if i == 0 && (n.Op == ir.Load || n.Op == ir.Store) && !e.wide[a] && direct(n.Mem, e.vals[a]) {
				_, terms := e.linear(a)
				for _, t := range terms {
					use(t.v, path)
				}
				continue
			}
			use(a, path)
		}
	}
	need = func(v *ir.Value) {
		if !e.needed[v] {
			e.needed[v] = true
			args(v, home[v])
		}
	}
	var look func(list []ir.Node, path []int)
	look = func(list []ir.Node, path []int) {
		if len(list) == 0 {
			return
		}
		for _, n := range list {
			switch n := n.(type) {
			case *ir.Value:
				if n.Op.HasEffect() {
					args(n, home[n])
				}
			case *ir.If:
				use(n.Cond, path)
				look(n.Then, e.pathOf(n.Then, home, path))
				look(n.Else, e.pathOf(n.Else, home, path))
			case *ir.Loop:
				look(n.Body, e.pathOf(n.Body, home, path))
				look(n.Continue, e.pathOf(n.Continue, home, path))
			}
		}
	}
	look(e.f.Body, []int{1})
}

// direct reports whether an access needs only lane 0's index: all lanes go to one
// element, or to neighbouring ones.
func direct(m *ir.Mem, ix shape) bool {
	return ix.kind < affine || ix.kind == affine && ix.stride == 1 && m.Kind != ir.Private
}

// pathOf is the path of a list: that of a value in it, or of the list around it, which
// is as good for a list that computes nothing.
func (e *emitter) pathOf(list []ir.Node, home map[*ir.Value][]int, outer []int) []int {
	for _, n := range list {
		if v, ok := n.(*ir.Value); ok {
			return home[v]
		}
	}
	return outer
}

// term is one summand of an index: a value times a constant.
type term struct {
	v    *ir.Value
	coef int64
}

// linear takes an index apart into a constant and terms, so that the constants end up
// in the addresses of the machine's instructions.
func (e *emitter) linear(v *ir.Value) (c int64, terms []term) {
	var walk func(v *ir.Value, k int64)
	walk = func(v *ir.Value, k int64) {
		if b, ok := v.IsConst(); ok {
			c += k * int64(int32(b))
			return
		}
		if !e.group[v] && !e.wide[v] {
			switch v.Op {
			case ir.IAdd:
				walk(v.Args[0], k)
				walk(v.Args[1], k)
				return
			case ir.ISub:
				walk(v.Args[0], k)
				walk(v.Args[1], -k)
				return
			case ir.IMul:
				for i := range 2 {
					if b, ok := v.Args[i].IsConst(); ok && int32(b) > 0 && k < 1<<31 && k > -1<<31 {
						walk(v.Args[1-i], k*int64(b))
						return
					}
				}
			case ir.Shl:
				if b, ok := v.Args[1].IsConst(); ok && b < 31 && k < 1<<31 && k > -1<<31 {
					walk(v.Args[0], k<<b)
					return
				}
			}
		}
		for i := range terms {
			if terms[i].v == v {
				terms[i].coef += k
				return
			}
		}
		terms = append(terms, term{v, k})
	}
	walk(v, 1)
	return c, terms
}

func (e *emitter) push(n *ir.Loop) *loopCode {
	l := &loopCode{loop: n, id: e.labels}
	e.labels++
	e.stack = append(e.stack, l)
	return l
}

func (e *emitter) pop() { e.stack = e.stack[:len(e.stack)-1] }

// groupNode writes a node that runs once for the workgroup.
func (e *emitter) groupNode(n ir.Node) {
	if e.planning {
		return
	}
	switch n := n.(type) {
	case *ir.Value:
		switch {
		case n.Op == ir.Set:
			e.declareVar(n.Var)
			e.line("%s = %s;", varName(n.Var), e.scalar(n.Args[0]))
		case e.needed[n]:
			if n.Op == ir.Get {
				e.declareVar(n.Var)
			}
			e.assign(n, e.compute(n), true)
		}
	case *ir.If:
		e.line("if (%s) {", e.scalar(n.Cond))
		e.block(n.Then, e.groupNode)
		if len(n.Else) > 0 {
			e.line("} else {")
			e.block(n.Else, e.groupNode)
		}
		e.line("}")
	case *ir.Loop:
		e.loop(n, e.groupNode)
	default:
		e.jump(n)
	}
}

func (e *emitter) block(list []ir.Node, write func(ir.Node)) {
	e.indent++
	for _, n := range list {
		write(n)
	}
	e.indent--
}

// loop writes a loop that all lanes leave together.
func (e *emitter) loop(n *ir.Loop, write func(ir.Node)) {
	l := e.push(n)
	e.line("for (;;) {")
	e.block(n.Body, write)
	e.line("next_%d:;", l.id)
	e.block(n.Continue, write)
	e.line("}")
	e.pop()
}

// declareVar declares a variable of the workgroup's code, once.
func (e *emitter) declareVar(v *ir.Var) {
	d := fmt.Sprintf("\t%s %s = 0;\n", scalarType(v.Type), varName(v))
	if !strings.Contains(e.top.String(), d) {
		e.top.WriteString(d)
	}
}

// assign gives a value its C variable.
func (e *emitter) assign(v *ir.Value, expr string, scalar bool) {
	t := cType(v.Type, scalar)
	switch {
	case !e.hoisted[v]:
		e.line("const %s v%d = %s;", t, v.ID, expr)
		return
	case e.inRegion:
		fmt.Fprintf(&e.decl, "\t\t%s v%d = %s;\n", t, v.ID, zero(v.Type, scalar))
	default:
		fmt.Fprintf(&e.top, "\t%s v%d = 0;\n", t, v.ID)
	}
	e.line("v%d = %s;", v.ID, expr)
}

func zero(t ir.Type, scalar bool) string {
	if scalar {
		return "0"
	}
	return cType(t, false) + "_zero()"
}

// writeRegion writes the loop over the workgroup's vectors for the code between barriers.
func (e *emitter) writeRegion(nodes []ir.Node) error {
	outer := e.w
	var body strings.Builder
	e.w = &body
	indent := e.indent
	e.indent = 2
	e.inRegion, e.have, e.usesVar = true, map[*ir.Value]bool{}, map[*ir.Var]bool{}
	e.decl.Reset()
	e.split, e.mask = nil, ""
	stack := e.stack
	e.stack = nil
	if e.tail > 0 || e.lost {
		e.mask = "live"
		tail := "vm_set(1)"
		if e.tail > 0 {
			tail = fmt.Sprintf("vm_first(v == %d ? %d : %d)", e.vectors-1, e.tail, e.t.Lanes)
		}
		fmt.Fprintf(&e.decl, "\t\tvm live = %s;\n", tail)
	}
	for _, n := range nodes {
		e.node(n)
	}
	e.stack = stack
	e.w, e.indent, e.inRegion = outer, indent, false

	e.line("for (uint32_t v = 0; v < %d; ++v) {", e.vectors)
	shift := func(text string) {
		for _, l := range strings.SplitAfter(text, "\n") {
			if l == "" {
				continue
			}
			if !strings.HasSuffix(l, ":;\n") {
				e.w.WriteString(strings.Repeat("\t", indent-1))
			}
			e.w.WriteString(l)
		}
	}
	var enter, leave strings.Builder
	for _, v := range e.f.Vars {
		if !e.usesVar[v] {
			continue
		}
		init := zero(v.Type, e.vars[v].scalar())
		if e.kept[v] {
			init = "s->of[v]." + varName(v)
			fmt.Fprintf(&leave, "\t\ts->of[v].%s = %s;\n", varName(v), varName(v))
		}
		fmt.Fprintf(&enter, "\t\t%s %s = %s;\n", cType(v.Type, e.vars[v].scalar()), varName(v), init)
	}
	shift(enter.String())
	shift(e.decl.String())
	text := body.String()
	shift(text)
	if strings.Contains(text, "goto done;") {
		shift("done:;\n")
	}
	shift(leave.String())
	e.line("}")
	return nil
}

// node writes a node of a region.
func (e *emitter) node(n ir.Node) {
	switch n := n.(type) {
	case *ir.Value:
		e.have[n] = true
		switch {
		case n.Op == ir.Set:
			e.set(n)
		case n.Op == ir.Store:
			e.store(n)
		case e.needed[n]:
			s := e.vals[n].scalar()
			if n.Op == ir.Get {
				e.usesVar[n.Var] = true
			}
			e.assign(n, e.compute(n), s)
			if e.wide[n] {
				t := cType(n.Type, false)
				fmt.Fprintf(&e.decl, "\t\t%s w%d = %s;\n", t, n.ID, zero(n.Type, false))
				e.line("w%d = %s_select(%s, %s, w%d);", n.ID, t, e.mask, e.inLoop(n), n.ID)
			}
			if e.crossing[n] {
				e.line("s->of[v].v%d = %s;", n.ID, e.own(n))
			}
		}
	case *ir.If:
		if e.shapeHere(n.Cond).scalar() {
			e.line("if (%s) {", e.scalar(n.Cond))
			e.block(n.Then, e.node)
			if len(n.Else) > 0 {
				e.line("} else {")
				e.block(n.Else, e.node)
			}
			e.line("}")
		} else {
			c := e.vector(n.Cond)
			e.masked(c, n.Then)
			if len(n.Else) > 0 {
				e.masked("~"+c, n.Else)
			}
		}
		if e.mask != "" && jumps(n) {
			e.narrow()
		}
	case *ir.Loop:
		if !e.splits[n] {
			e.loop(n, e.node)
			return
		}
		l := e.push(n)
		l.alive, l.act = fmt.Sprintf("alive%d", l.id), fmt.Sprintf("act%d", l.id)
		outer := e.mask
		if outer == "" {
			outer = "vm_set(1)"
		}
		e.line("for (vm %s = %s; vm_any(%s);) {", l.alive, outer, l.alive)
		e.indent++
		e.line("vm %s = %s;", l.act, l.alive)
		saved := e.mask
		e.mask = l.act
		e.split = append(e.split, n)
		e.indent--
		e.block(n.Body, e.node)
		e.mask = l.alive
		e.block(n.Continue, e.node)
		e.split = e.split[:len(e.split)-1]
		e.mask = saved
		e.line("}")
		e.pop()
		if e.mask != "" && jumps(n) {
			e.narrow()
		}
	default:
		e.jump(n)
	}
}

// masked writes a list for the lanes in which a condition holds.
func (e *emitter) masked(cond string, list []ir.Node) {
	saved := e.mask
	m := fmt.Sprintf("k%d", e.masks)
	e.masks++
	if saved != "" {
		cond += " & " + saved
	}
	e.line("vm %s = %s;", m, cond)
	e.line("if (vm_any(%s)) {", m)
	e.mask = m
	e.block(list, e.node)
	e.line("}")
	e.mask = saved
}

// narrow takes the lanes that have jumped away out of the current mask.
func (e *emitter) narrow() {
	for i := len(e.stack) - 1; i >= 0; i-- {
		if l := e.stack[i]; l.alive != "" {
			if e.mask != l.act && e.mask != l.alive {
				e.line("%s &= %s;", e.mask, l.act)
			}
			return
		}
	}
	if e.lost && e.mask != "live" {
		e.line("%s &= live;", e.mask)
	}
}

// jumps reports whether a node holds a jump out of it.
func jumps(n ir.Node) bool {
	found := false
	ir.Walk([]ir.Node{n}, func(n ir.Node) {
		switch n.(type) {
		case ir.Break, ir.Continue, ir.Return:
			found = true
		}
	})
	return found
}

// jump writes a Break, Continue or Return.
func (e *emitter) jump(n ir.Node) {
	var l *loopCode
	if len(e.stack) > 0 {
		l = e.stack[len(e.stack)-1]
	}
	switch n.(type) {
	case ir.Break:
		if l.alive == "" {
			e.line("break;")
			return
		}
		gone := e.gone()
		e.line("%s &= %s;", l.alive, gone)
		e.line("%s &= %s;", l.act, gone)
	case ir.Continue:
		if l.alive == "" {
			e.line("goto next_%d;", l.id)
			return
		}
		e.line("%s &= %s;", l.act, e.gone())
	case ir.Return:
		if !e.inRegion {
			e.line("return;")
			return
		}
		if !e.lost {
			e.line("goto done;")
			return
		}
		gone := e.gone()
		for _, l := range e.stack {
			if l.alive != "" {
				e.line("%s &= %s;", l.alive, gone)
				e.line("%s &= %s;", l.act, gone)
			}
		}
		e.line("live &= %s;", gone)
	default:
		panic(fmt.Sprintf("BUG: spmd: %T is no jump", n))
	}
}

// gone declares the mask of the lanes that stay when the current ones jump.
func (e *emitter) gone() string {
	m := fmt.Sprintf("k%d", e.masks)
	e.masks++
	e.line("const vm %s = ~%s;", m, e.mask)
	return m
}

// shapeHere is the shape of a value as the current node sees it.
func (e *emitter) shapeHere(v *ir.Value) shape { return e.arg(v, e.split) }

// own is the name under which a value is known within its region.
func (e *emitter) own(v *ir.Value) string {
	if e.wide[v] {
		return fmt.Sprintf("w%d", v.ID)
	}
	return fmt.Sprintf("v%d", v.ID)
}

// inLoop is a value as a vector, seen from the node after it.
func (e *emitter) inLoop(v *ir.Value) string { return e.widen(v, fmt.Sprintf("v%d", v.ID), e.vals[v]) }

// widen makes a vector of a C scalar or vector of the given shape.
func (e *emitter) widen(v *ir.Value, name string, s shape) string {
	switch {
	case !s.scalar():
		return name
	case s.kind == affine:
		return fmt.Sprintf("vi_line(%s, %d)", name, s.stride)
	}
	return fmt.Sprintf("%s_set(%s)", cType(v.Type, false), name)
}

// fetch makes sure that the region knows a value of another one.
func (e *emitter) fetch(v *ir.Value) {
	if v.Op == ir.Const || e.group[v] || !e.inRegion || e.have[v] {
		return
	}
	e.have[v] = true
	s := e.valueShape(v)
	name := fmt.Sprintf("v%d", v.ID)
	if e.wide[v] {
		name = fmt.Sprintf("w%d", v.ID)
	}
	expr := "s->of[v]." + fmt.Sprintf("v%d", v.ID)
	if !e.crossing[v] {
		mask := e.mask
		e.mask = ""
		expr = e.compute(v)
		e.mask = mask
	}
	fmt.Fprintf(&e.decl, "\t\tconst %s %s = %s;\n", cType(v.Type, s.scalar()), name, expr)
}

// scalar is the C scalar of a value that has one: lane 0's if it is affine.
func (e *emitter) scalar(v *ir.Value) string {
	if v.Op == ir.Const {
		return literal(v)
	}
	e.fetch(v)
	return fmt.Sprintf("v%d", v.ID)
}

// vector is a value as a C vector.
func (e *emitter) vector(v *ir.Value) string {
	if v.Op == ir.Const {
		return fmt.Sprintf("%s_set(%s)", cType(v.Type, false), literal(v))
	}
	e.fetch(v)
	if e.escapes(v, e.split) {
		return fmt.Sprintf("w%d", v.ID)
	}
	return e.widen(v, fmt.Sprintf("v%d", v.ID), e.vals[v])
}

// either is a value as an operand of an operation on vectors that also takes scalars.
func (e *emitter) either(v *ir.Value) string {
	if s := e.shapeHere(v); s.scalar() && s.kind != affine {
		return e.scalar(v)
	}
	return e.vector(v)
}

// set writes a variable.
func (e *emitter) set(n *ir.Value) {
	e.usesVar[n.Var] = true
	name := varName(n.Var)
	if e.vars[n.Var].scalar() {
		e.line("%s = %s;", name, e.scalar(n.Args[0]))
		return
	}
	x := e.vector(n.Args[0])
	if e.mask != "" {
		x = fmt.Sprintf("%s_select(%s, %s, %s)", cType(n.Var.Type, false), e.mask, x, name)
	}
	e.line("%s = %s;", name, x)
}

// place is the memory of a load or store as a C array.
func (e *emitter) place(m *ir.Mem) string {
	switch m.Kind {
	case ir.Shared:
		return "s->" + memName(m)
	case ir.Private:
		return "s->of[v]." + memName(m)
	}
	return memName(m)
}

// index is a scalar index as a C expression.
func (e *emitter) index(v *ir.Value) string {
	c, terms := e.linear(v)
	var b strings.Builder
	for _, t := range terms {
		if t.coef == 0 {
			continue
		}
		if b.Len() > 0 {
			b.WriteString(" + ")
		}
		fmt.Fprintf(&b, "spmd_at(%s)", e.scalar(t.v))
		if t.coef != 1 {
			fmt.Fprintf(&b, " * %d", t.coef)
		}
	}
	if c != 0 || b.Len() == 0 {
		if b.Len() > 0 {
			b.WriteString(" + ")
		}
		fmt.Fprintf(&b, "%d", c)
	}
	return b.String()
}

func (e *emitter) active() string {
	if e.mask == "" {
		return "vm_set(1)"
	}
	return e.mask
}

func (e *emitter) load(n *ir.Value) string {
	ix, t, p := n.Args[0], cType(n.Type, false), e.place(n.Mem)
	s := e.shapeHere(ix)
	switch {
	case n.Mem.Kind == ir.Private:
		if s.scalar() && s.kind != affine {
			return fmt.Sprintf("%s[%s]", p, e.index(ix))
		}
		return fmt.Sprintf("%s_gather_own(%s, %s, %s)", t, p, e.vector(ix), e.active())
	case s.kind == affine && s.stride == 1:
		if e.mask != "" {
			return fmt.Sprintf("%s_load_mask(&%s[%s], %s)", t, p, e.index(ix), e.mask)
		}
		return fmt.Sprintf("%s_load(&%s[%s])", t, p, e.index(ix))
	case s.scalar() && s.kind != affine:
		return fmt.Sprintf("%s[%s]", p, e.index(ix))
	}
	return fmt.Sprintf("%s_gather(%s, %s, %s)", t, p, e.vector(ix), e.active())
}

func (e *emitter) store(n *ir.Value) {
	ix, x, p := n.Args[0], n.Args[1], e.place(n.Mem)
	t := cType(x.Type, false)
	s := e.shapeHere(ix)
	same := s.scalar() && s.kind != affine
	switch {
	case n.Mem.Kind == ir.Private && same:
		at := fmt.Sprintf("%s[%s]", p, e.index(ix))
		if e.mask == "" {
			e.line("%s = %s;", at, e.vector(x))
		} else {
			e.line("%s = %s_select(%s, %s, %s);", at, t, e.mask, e.vector(x), at)
		}
	case n.Mem.Kind == ir.Private:
		e.line("%s_scatter_own(%s, %s, %s, %s);", t, p, e.vector(ix), e.vector(x), e.active())
	case s.kind == affine && s.stride == 1 && e.mask != "":
		e.line("%s_store_mask(&%s[%s], %s, %s);", t, p, e.index(ix), e.vector(x), e.mask)
	case s.kind == affine && s.stride == 1:
		e.line("%s_store(&%s[%s], %s);", t, p, e.index(ix), e.vector(x))
	case same && e.shapeHere(x).scalar() && e.shapeHere(x).kind != affine:
		e.line("%s[%s] = %s;", p, e.index(ix), e.scalar(x))
	default:
		e.line("%s_scatter(%s, %s, %s, %s);", t, p, e.vector(ix), e.vector(x), e.active())
	}
}

// The C of operations: with scalars, and with vectors where %s may be either kind
// (mixed) or must be a vector.
var scalarC = map[ir.Op]string{
	ir.IAdd: "%s + %s", ir.ISub: "%s - %s", ir.IMul: "%s * %s", ir.UDiv: "spmd_udiv(%s, %s)", ir.UMod: "spmd_umod(%s, %s)",
	ir.SDiv: "spmd_sdiv(%s, %s)", ir.SRem: "spmd_srem(%s, %s)", ir.SMod: "spmd_smod(%s, %s)",
	ir.Shl: "%s << (%s & 31)", ir.LShr: "%s >> (%s & 31)", ir.AShr: "(uint32_t)((int32_t)%s >> (%s & 31))",
	ir.And: "%s & %s", ir.Or: "%s | %s", ir.Xor: "%s ^ %s", ir.Not: "~%s", ir.INeg: "-%s",
	ir.UMin: "spmd_umin(%s, %s)", ir.UMax: "spmd_umax(%s, %s)", ir.SMin: "spmd_smin(%s, %s)", ir.SMax: "spmd_smax(%s, %s)", ir.SAbs: "spmd_sabs(%s)",
	ir.IEq: "%s == %s", ir.INe: "%s != %s", ir.ULess: "%s < %s", ir.ULessEq: "%s <= %s",
	ir.SLess: "(int32_t)%s < (int32_t)%s", ir.SLessEq: "(int32_t)%s <= (int32_t)%s",
	ir.FAdd: "%s + %s", ir.FSub: "%s - %s", ir.FMul: "%s * %s", ir.FDiv: "%s / %s", ir.FNeg: "-%s", ir.Fma: "%s * %s + %s",
	ir.FMin: "spmd_fmin(%s, %s)", ir.FMax: "spmd_fmax(%s, %s)", ir.FAbs: "__builtin_fabsf(%s)", ir.Sqrt: "__builtin_sqrtf(%s)",
	ir.Floor: "__builtin_floorf(%s)", ir.Ceil: "__builtin_ceilf(%s)", ir.Trunc: "__builtin_truncf(%s)",
	ir.FEq: "%s == %s", ir.FNe: "%s != %s", ir.FLess: "%s < %s", ir.FLessEq: "%s <= %s", ir.IsNaN: "spmd_isnan(%s)",
	ir.LAnd: "%s & %s", ir.LOr: "%s | %s", ir.LNot: "%s ^ 1u", ir.LEq: "%s == %s", ir.LNe: "%s != %s", ir.Select: "%s ? %s : %s",
	ir.SToF: "(float)(int32_t)%s", ir.UToF: "(float)%s", ir.FToS: "(uint32_t)(int32_t)%s", ir.FToU: "(uint32_t)%s",
	ir.IToFBits: "spmd_float(%s)", ir.FToIBits: "spmd_bits(%s)",
}

var mixedC = map[ir.Op]string{
	ir.IAdd: "%s + %s", ir.ISub: "%s - %s", ir.IMul: "%s * %s", ir.And: "%s & %s", ir.Or: "%s | %s", ir.Xor: "%s ^ %s",
	ir.FAdd: "%s + %s", ir.FSub: "%s - %s", ir.FMul: "%s * %s", ir.FDiv: "%s / %s",
}

var vectorC = map[ir.Op]string{
	ir.UDiv: "vi_udiv(%s, %s)", ir.UMod: "vi_umod(%s, %s)", ir.SDiv: "vi_sdiv(%s, %s)", ir.SRem: "vi_srem(%s, %s)", ir.SMod: "vi_smod(%s, %s)",
	ir.Shl: "%s << (%s & 31u)", ir.LShr: "%s >> (%s & 31u)", ir.AShr: "(vi)((vm)%s >> (vm)(%s & 31u))", ir.Not: "~%s", ir.INeg: "-%s",
	ir.UMin: "vi_umin(%s, %s)", ir.UMax: "vi_umax(%s, %s)", ir.SMin: "vi_smin(%s, %s)", ir.SMax: "vi_smax(%s, %s)", ir.SAbs: "vi_sabs(%s)",
	ir.IEq: "(vm)(%s == %s)", ir.INe: "(vm)(%s != %s)", ir.ULess: "(vm)(%s < %s)", ir.ULessEq: "(vm)(%s <= %s)",
	ir.SLess: "(vm)((vm)%s < (vm)%s)", ir.SLessEq: "(vm)((vm)%s <= (vm)%s)",
	ir.FNeg: "-%s", ir.FMin: "vf_min(%s, %s)", ir.FMax: "vf_max(%s, %s)", ir.FAbs: "vf_abs(%s)", ir.Sqrt: "vf_sqrt(%s)",
	ir.Floor: "vf_floor(%s)", ir.Ceil: "vf_ceil(%s)", ir.Trunc: "vf_trunc(%s)",
	ir.FEq: "(vm)(%s == %s)", ir.FNe: "(vm)(%s != %s)", ir.FLess: "(vm)(%s < %s)", ir.FLessEq: "(vm)(%s <= %s)", ir.IsNaN: "vf_isnan(%s)",
	ir.LAnd: "%s & %s", ir.LOr: "%s | %s", ir.LNot: "~%s", ir.LEq: "~(%s ^ %s)", ir.LNe: "%s ^ %s",
	ir.SToF: "__builtin_convertvector((vm)%s, vf)", ir.UToF: "__builtin_convertvector(%s, vf)",
	ir.FToS: "(vi)__builtin_convertvector(%s, vm)", ir.FToU: "__builtin_convertvector(%s, vi)", ir.IToFBits: "(vf)%s", ir.FToIBits: "(vi)%s",
}

// compute is the C expression of an operation.
func (e *emitter) compute(n *ir.Value) string {
	s := e.vals[n]
	apply := func(format string, ref func(*ir.Value) string) string {
		args := make([]any, len(n.Args))
		for i, a := range n.Args {
			args[i] = ref(a)
		}
		return fmt.Sprintf(format, args...)
	}
	switch n.Op {
	case ir.LocalID:
		return e.localID(n)
	case ir.GroupID:
		return fmt.Sprintf("group_%c", 'x'+rune(n.Dim))
	case ir.NumGroups:
		return fmt.Sprintf("args->groups[%d]", n.Dim)
	case ir.Push:
		if n.Type == ir.Float {
			return fmt.Sprintf("spmd_float(args->push[%d])", n.Offset/4)
		}
		return fmt.Sprintf("args->push[%d]", n.Offset/4)
	case ir.Get:
		return varName(n.Var)
	case ir.Load:
		return e.load(n)
	}
	if s.scalar() {
		if c, ok := lastConst(n); ok && c != 0 && c&(c-1) == 0 {
			switch n.Op {
			case ir.UDiv:
				return fmt.Sprintf("%s >> %d", e.scalar(n.Args[0]), bits.TrailingZeros64(c))
			case ir.UMod:
				return fmt.Sprintf("%s & %du", e.scalar(n.Args[0]), c-1)
			}
		}
		return apply(scalarC[n.Op], e.scalar)
	}
	switch n.Op {
	case ir.Select:
		if e.shapeHere(n.Args[0]).scalar() {
			return fmt.Sprintf("%s ? %s : %s", e.scalar(n.Args[0]), e.vector(n.Args[1]), e.vector(n.Args[2]))
		}
		return fmt.Sprintf("%s_select(%s, %s, %s)", cType(n.Type, false), e.vector(n.Args[0]), e.vector(n.Args[1]), e.vector(n.Args[2]))
	case ir.Fma:
		// Scalars times scalars plus a vector is no vector operation for the compiler.
		x, y := e.either(n.Args[0]), e.either(n.Args[1])
		if e.shapeHere(n.Args[0]).scalar() && e.shapeHere(n.Args[1]).scalar() {
			x = e.vector(n.Args[0])
		}
		return fmt.Sprintf("%s * %s + %s", x, y, e.either(n.Args[2]))
	}
	if f, ok := mixedC[n.Op]; ok {
		if e.shapeHere(n.Args[0]).scalar() && e.shapeHere(n.Args[1]).scalar() {
			// Two affine values, or one that the shapes could not follow.
			return fmt.Sprintf(f, e.vector(n.Args[0]), e.vector(n.Args[1]))
		}
		return apply(f, e.either)
	}
	f, ok := vectorC[n.Op]
	if !ok {
		panic(fmt.Sprintf("BUG: spmd: no C for %s", n.Op))
	}
	return apply(f, e.vector)
}

func lastConst(n *ir.Value) (uint64, bool) {
	if len(n.Args) != 2 {
		return 0, false
	}
	return n.Args[1].IsConst()
}

// localID is where an invocation stands in its workgroup. Vectors are numbered along
// x first, then y, then z.
func (e *emitter) localID(n *ir.Value) string {
	w, lanes := e.f.Workgroup, uint32(e.t.Lanes)
	if e.vals[n].kind == varying {
		index := fmt.Sprintf("vi_line(v * %d, 1)", lanes)
		switch n.Dim {
		case 0:
			return fmt.Sprintf("vi_umod(%s, vi_set(%du))", index, w[0])
		case 1:
			return fmt.Sprintf("vi_umod(vi_udiv(%s, vi_set(%du)), vi_set(%du))", index, w[0], w[1])
		}
		return fmt.Sprintf("vi_udiv(%s, vi_set(%du))", index, w[0]*w[1])
	}
	x := max(1, w[0]/lanes) // vectors along x
	switch {
	case n.Dim == 0 && w[0]%lanes != 0, n.Dim == 0 && w[1] == 1 && w[2] == 1:
		return fmt.Sprintf("v * %d", lanes)
	case n.Dim == 0 && x == 1:
		return "0"
	case n.Dim == 0:
		return fmt.Sprintf("v %% %d * %d", x, lanes)
	case n.Dim == 1:
		return fmt.Sprintf("v / %d %% %d", x, w[1])
	}
	return fmt.Sprintf("v / %d", x*w[1])
}
