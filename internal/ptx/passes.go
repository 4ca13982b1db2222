package ptx

import (
	"cmp"
	"slices"

	"gpubench/internal/ir"
)

// passes are what happens to a kernel between ir.Build and the text, in this order.
// The facts that one establishes are what the next one looks for.
var passes = []struct {
	name string
	run  func(*translation)
}{
	// Known values and conditions first: they make straight code of the tile copies.
	{"simplify", func(t *translation) { simplify(t.f) }},
	// The inside of a problem gets code of its own, without the edges' conditions.
	{"apart", apart},
	// Elements that neighbouring invocations copy become neighbours in one invocation.
	{"copies", copies},
	{"simplify", func(t *translation) { simplify(t.f) }},
	// The next tile is copied while this one is used.
	{"buffers", buffers},
	{"simplify", func(t *translation) { simplify(t.f) }},
	// Indices become addresses with constant offsets, so that neighbours show.
	{"lower", lower},
	{"simplify", func(t *translation) { simplify(t.f) }},
	{"widen", widen},
	{"async", async},
	// Last, when it is known which addresses matter.
	{"hoist", hoist},
}

// translation is a kernel on its way.
type translation struct {
	f        *ir.Func
	o        Options
	ids      int
	buffered map[*ir.Mem]bool // workgroup memories that exist twice; what fills them is awaited
}

// number gives new values IDs after all that are there.
func (t *translation) number() {
	t.ids = 0
	ir.Walk(t.f.Body, func(n ir.Node) {
		if v, ok := n.(*ir.Value); ok {
			t.ids = max(t.ids, v.ID)
		}
	})
}

func num(x int64) *ir.Value {
	return &ir.Value{Op: ir.Const, Type: ir.Int, Bits: uint64(uint32(x))}
}

// code collects new operations.
type code struct {
	t    *translation
	list []ir.Node
}

func (c *code) add(v *ir.Value) *ir.Value {
	c.t.ids++
	v.ID = c.t.ids
	c.list = append(c.list, v)
	return v
}

func (c *code) do(op ir.Op, t ir.Type, args ...*ir.Value) *ir.Value {
	if v := ir.Fold(op, t, args...); v != nil {
		return v
	}
	return c.add(&ir.Value{Op: op, Type: t, Args: args})
}

// sum is a poly as operations.
func (c *code) sum(p poly) *ir.Value {
	p = slices.Clone(p)
	slices.SortStableFunc(p, func(a, b mono) int {
		return slices.CompareFunc(b.atoms, a.atoms, func(x, y *ir.Value) int { return cmp.Compare(y.ID, x.ID) })
	})
	var sum *ir.Value
	for _, m := range p {
		v := num(m.coef)
		if m.coef < 0 && sum != nil {
			v = num(-m.coef)
		}
		for _, a := range m.atoms {
			v = c.do(ir.IMul, ir.Int, a, v)
		}
		switch {
		case sum == nil:
			sum = v
		case m.coef < 0:
			sum = c.do(ir.ISub, ir.Int, sum, v)
		default:
			sum = c.do(ir.IAdd, ir.Int, sum, v)
		}
	}
	if sum == nil {
		return num(0)
	}
	return sum
}

// uses counts where each value is used.
func uses(nodes []ir.Node) map[*ir.Value]int {
	n := map[*ir.Value]int{}
	ir.Walk(nodes, func(node ir.Node) {
		switch node := node.(type) {
		case *ir.Value:
			for _, a := range node.Args {
				n[a]++
			}
		case *ir.If:
			n[node.Cond]++
		}
	})
	return n
}

// escapes reports whether a value that nodes compute is used elsewhere. all are the uses
// in the whole function.
func escapes(nodes []ir.Node, all map[*ir.Value]int) bool {
	in := uses(nodes)
	found := false
	ir.Walk(nodes, func(n ir.Node) {
		if v, ok := n.(*ir.Value); ok && in[v] != all[v] {
			found = true
		}
	})
	return found
}

// lists calls f for every list of nodes, inner ones first, and puts what it returns in
// the list's place.
func lists(list []ir.Node, f func([]ir.Node) []ir.Node) []ir.Node {
	for _, n := range list {
		switch n := n.(type) {
		case *ir.If:
			n.Then, n.Else = lists(n.Then, f), lists(n.Else, f)
		case *ir.Loop:
			n.Body, n.Continue = lists(n.Body, f), lists(n.Continue, f)
		}
	}
	return f(list)
}

// aligner makes indices multiples of a power of two where push constants decide, and
// the condition under which they are what they were: a row length n that divides by 4
// is the same as n with its low two bits cleared.
type aligner struct {
	t      *translation
	s      *shape
	ps     polys
	top    *code // operations for the start of the function
	even   map[uint32]*ir.Value
	needed map[uint32]bool
	looks  int // at memories, by copies
}

func (t *translation) aligner(s *shape) *aligner {
	return &aligner{t: t, s: s, ps: polys{}, top: &code{t: t}, even: map[uint32]*ir.Value{}, needed: map[uint32]bool{}}
}

// align is p with push constants replaced so that it is a multiple of 1<<log; ok is
// false where that takes more.
func (a *aligner) align(p poly, log int) (q poly, ok bool) {
	q = p
	for _, m := range p {
		if a.s.monoFactor(m) >= log {
			continue
		}
		i := slices.IndexFunc(m.atoms, func(v *ir.Value) bool { return v.Op == ir.Push && v.Type == ir.Int })
		if i < 0 {
			return nil, false
		}
		v := m.atoms[i]
		e := a.even[v.Offset]
		if e == nil {
			e = a.top.do(ir.And, ir.Int, a.top.add(&ir.Value{Op: ir.Push, Type: ir.Int, Offset: v.Offset}), num(-4))
			a.even[v.Offset] = e
			a.s.align[e] = 2
		}
		q = q.replace(v, atom(e))
	}
	return q, true
}

// need notes the push constants that q relies on, if any.
func (a *aligner) need(q poly) (some bool) {
	for off, e := range a.even {
		if q.has(e) {
			a.needed[off] = true
			some = true
		}
	}
	return some
}

// guard is the condition for all that was needed since the last one, nil for none.
func (a *aligner) guard() *ir.Value {
	var offs []uint32
	for off := range a.needed {
		offs = append(offs, off)
	}
	clear(a.needed)
	if len(offs) == 0 {
		return nil
	}
	slices.Sort(offs)
	var or *ir.Value
	for _, off := range offs {
		v := a.top.add(&ir.Value{Op: ir.Push, Type: ir.Int, Offset: off})
		if or == nil {
			or = v
		} else {
			or = a.top.do(ir.Or, ir.Int, or, v)
		}
	}
	return a.top.do(ir.IEq, ir.Bool, a.top.do(ir.And, ir.Int, or, num(3)), num(0))
}

// finish puts the operations at the start of the function.
func (a *aligner) finish() { a.t.f.Body = append(a.top.list, a.t.f.Body...) }

// apart gives code in which one condition of the whole workgroup keeps coming back a
// copy of its own for when it holds, and makes the accesses to buffers in that copy wide
// where they can be.
func apart(t *translation) {
	t.number()
	s := shapeOf(t.f)
	all := uses(t.f.Body)
	a := t.aligner(s)
	depth := 0
	var level func(list []ir.Node) []ir.Node
	level = func(list []ir.Node) []ir.Node {
		for _, n := range list {
			switch n := n.(type) {
			case *ir.If:
				n.Then, n.Else = level(n.Then), level(n.Else)
			case *ir.Loop:
				depth++
				n.Body, n.Continue = level(n.Body), level(n.Continue)
				depth--
			}
		}
		if depth > 0 {
			return list // code size matters there
		}
		v, first, last := decider(list, s)
		if v == nil {
			return list
		}
		nodes := list[first : last+1 : last+1]
		if escapes(nodes, all) || size(nodes...) > maxApart || hasJump(nodes) {
			return list
		}
		r := newRewriter(t.f)
		r.steps = t.ids
		var then []ir.Node
		r.out = &then
		r.assume(v, true)
		r.list(nodes)
		t.ids = r.steps
		then = a.realign(then)
		c := &code{t: t}
		cond := v
		if g := a.guard(); g != nil {
			cond = c.do(ir.LAnd, ir.Bool, v, g)
		}
		return slices.Concat(list[:first], c.list, []ir.Node{&ir.If{Cond: cond, Then: then, Else: nodes}}, list[last+1:])
	}
	t.f.Body = level(t.f.Body)
	a.finish()
}

// maxApart bounds what is copied, in operations.
const maxApart = 1 << 13

// hasJump reports whether nodes hold any jump.
func hasJump(nodes []ir.Node) bool {
	found := false
	ir.Walk(nodes, func(n ir.Node) {
		switch n.(type) {
		case ir.Break, ir.Continue, ir.Return:
			found = true
		}
	})
	return found
}

// decider finds the condition that makes most ifs of a list true, by itself or beside
// another one, and the first and the last node of the list that it decides.
func decider(list []ir.Node, s *shape) (v *ir.Value, first, last int) {
	count := map[*ir.Value]int{}
	span := map[*ir.Value][2]int{}
	var order []*ir.Value
	for i, n := range list {
		var look func(n ir.Node)
		look = func(n ir.Node) {
			branch, ok := n.(*ir.If)
			if !ok {
				return
			}
			var terms func(c *ir.Value)
			terms = func(c *ir.Value) {
				if c.Op == ir.LOr {
					terms(c.Args[0])
					terms(c.Args[1])
					return
				}
				if c.Op == ir.Const || s.of(c) || c == branch.Cond {
					return
				}
				if count[c] == 0 {
					order = append(order, c)
					span[c] = [2]int{i, i}
				}
				count[c]++
				span[c] = [2]int{span[c][0], i}
			}
			terms(branch.Cond)
			for _, n := range branch.Then {
				look(n)
			}
		}
		look(n)
	}
	most := 1
	for _, c := range order {
		if count[c] > most {
			most, v = count[c], c
		}
	}
	if v == nil {
		return nil, 0, 0
	}
	// What the list itself computes must come before the first node.
	for i, n := range list {
		if n == ir.Node(v) && i >= span[v][0] {
			return nil, 0, 0
		}
	}
	return v, span[v][0], span[v][1]
}

// realign rewrites the indices of neighbouring accesses to buffers so that they are
// aligned under the guard.
func (a *aligner) realign(list []ir.Node) []ir.Node {
	return lists(list, func(list []ir.Node) []ir.Node {
		count := map[string]int{}
		rest := func(v *ir.Value) (poly, string) {
			p, _ := a.ps.of(v).split()
			return p, p.String() + "@"
		}
		access := func(n ir.Node) *ir.Value {
			if v, ok := n.(*ir.Value); ok && (v.Op == ir.Load || v.Op == ir.Store) && v.Mem.Kind == ir.Buffer {
				return v
			}
			return nil
		}
		for _, n := range list {
			if v := access(n); v != nil {
				_, name := rest(v.Args[0])
				count[name]++
			}
		}
		c := &code{t: a.t}
		for _, n := range list {
			if v := access(n); v != nil {
				p, name := rest(v.Args[0])
				log := 2
				for 1<<log*v.Mem.Elem.Size() > 16 {
					log--
				}
				if q, ok := a.align(p, log); ok && count[name] > 1 && a.need(q) {
					_, k := a.ps.of(v.Args[0]).split()
					v.Args[0] = c.sum(q.plus(constPoly(k), 1))
				}
			}
			c.list = append(c.list, n)
		}
		return c.list
	})
}
