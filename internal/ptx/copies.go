package ptx

import (
	"gpubench/internal/ir"
)

// A tileCopy is a load from a buffer that nobody writes, stored to workgroup memory and
// used for nothing else.
type tileCopy struct {
	load, store *ir.Value
	g, s        poly // index in the buffer, index in workgroup memory
}

// copies shares out anew which invocation copies what.
//
// Kernels let neighbouring invocations copy neighbouring elements, one a piece. Where
// invocation x copies n elements that are equally far apart, n invocations copy an n by
// n block of which each could as well take a row: neighbours, which one wide access
// moves. Who copies an element is nobody's business as long as all invocations run this
// code together and nobody looks at the workgroup memory between the barriers around it.
// The blocks are chosen so that the invocations of a warp write neighbouring places.
//
// The wide copies stand under a condition on the push constants that makes their
// addresses aligned; the code as it was is what happens otherwise.
func copies(t *translation) {
	t.number()
	s := shapeOf(t.f)
	if s.err != nil || s.lost {
		return
	}
	all := uses(t.f.Body)
	a := t.aligner(s)
	var level func(list []ir.Node) []ir.Node
	level = func(list []ir.Node) []ir.Node {
		for _, n := range list {
			switch n := n.(type) {
			case *ir.If:
				if !s.of(n.Cond) {
					n.Then, n.Else = level(n.Then), level(n.Else)
				}
			case *ir.Loop:
				if !s.exits(n) {
					n.Body, n.Continue = level(n.Body), level(n.Continue)
				}
			}
		}
		var out, run []ir.Node
		for _, n := range list {
			if v, ok := n.(*ir.Value); ok && v.Op != ir.Barrier {
				run = append(run, n)
				continue
			}
			out = append(append(out, a.redistribute(run, all)...), n)
			run = nil
		}
		return append(out, a.redistribute(run, all)...)
	}
	t.f.Body = level(t.f.Body)
	a.finish()
}

// maxCopies bounds the copies of an invocation that are compared with each other.
const maxCopies = 256

// maxLooks bounds how many memories and runs are looked at.
const maxLooks = 64

// redistribute rewrites a run of operations without a barrier.
func (a *aligner) redistribute(run []ir.Node, all map[*ir.Value]int) []ir.Node {
	var list []*tileCopy
	stored := map[*ir.Value]*ir.Value{}
	for _, n := range run {
		if v := n.(*ir.Value); v.Op == ir.Store && v.Mem.Kind == ir.Shared {
			stored[v.Args[1]] = v
		}
	}
	used := map[*ir.Mem]bool{} // by more than copies
	for _, n := range run {
		v := n.(*ir.Value)
		if st := stored[v]; v.Op == ir.Load && st != nil && all[v] == 1 && v.Mem.Kind == ir.Buffer && v.Mem.ReadOnly {
			list = append(list, &tileCopy{v, st, a.ps.of(v.Args[0]), a.ps.of(st.Args[0])})
		}
	}
	isCopy := map[*ir.Value]bool{}
	for _, c := range list {
		isCopy[c.load], isCopy[c.store] = true, true
	}
	for _, n := range run {
		if v := n.(*ir.Value); v.Mem != nil && !isCopy[v] {
			used[v.Mem] = true
		}
		if v := n.(*ir.Value); v.Op == ir.Store && v.Mem.Kind == ir.Buffer {
			return run // what is loaded might be what is stored
		}
	}
	quiet := map[*ir.Mem]bool{}
	var fit []*tileCopy
	for _, c := range list {
		m := c.store.Mem
		if _, ok := quiet[m]; !ok {
			a.looks++ // each goes through the whole function
			quiet[m] = !used[m] && a.looks <= maxLooks && a.quiet(m, run)
		}
		if quiet[m] {
			fit = append(fit, c)
		}
	}
	// No invocation may write one place twice, or the order would matter.
	if len(fit) > maxCopies {
		return run
	}
	for i, c := range fit {
		for _, o := range fit[:i] {
			if d, ok := o.s.plus(c.s, -1).constant(); o.store.Mem == c.store.Mem && (!ok || d == 0) {
				return run
			}
		}
	}
	wide := &code{t: a.t}
	var loads, stores []ir.Node
	blocks := 0
	for len(fit) > 0 {
		c := fit[0]
		var taken []*tileCopy
		for _, n := range []int{4, 2} {
			if uint32(n)*c.load.Mem.Elem.Size() > 16 {
				continue
			}
			if taken = a.block(wide, c, fit, n, &loads, &stores); taken != nil {
				break
			}
		}
		if taken == nil {
			taken = []*tileCopy{c}
			l := wide.clone(c.load)
			st := wide.clone(c.store)
			st.Args[1] = l
			loads, stores = append(loads, l), append(stores, st)
		} else {
			blocks++
		}
		var left []*tileCopy
		for _, f := range fit {
			gone := false
			for _, t := range taken {
				gone = gone || t == f
			}
			if !gone {
				left = append(left, f)
			}
		}
		fit = left
	}
	if blocks == 0 {
		clear(a.needed)
		return run
	}
	var rest, narrow []ir.Node
	for _, c := range list {
		if quiet[c.store.Mem] {
			narrow = append(narrow, c.load)
		}
	}
	for _, c := range list {
		if quiet[c.store.Mem] {
			narrow = append(narrow, c.store)
		}
	}
	for _, n := range run {
		if v := n.(*ir.Value); !isCopy[v] || !quiet[stores0(v, stored).Mem] {
			rest = append(rest, n)
		}
	}
	then := append(append(wide.list, loads...), stores...)
	if g := a.guard(); g != nil {
		return append(rest, &ir.If{Cond: g, Then: then, Else: narrow})
	}
	return append(rest, then...)
}

// stores0 is the store of a copy, of which v is one half.
func stores0(v *ir.Value, stored map[*ir.Value]*ir.Value) *ir.Value {
	if v.Op == ir.Store {
		return v
	}
	return stored[v]
}

func (c *code) clone(v *ir.Value) *ir.Value {
	n := *v
	n.Args = append([]*ir.Value(nil), v.Args...)
	c.t.ids++
	n.ID = c.t.ids
	return &n
}

// block writes the copies of one block of n copies that begins with c, and returns
// them; nil where the copies at hand do not make one.
func (a *aligner) block(w *code, c *tileCopy, from []*tileCopy, n int, loads, stores *[]ir.Node) []*tileCopy {
	size := a.t.f.Workgroup
	log := 1
	if n == 4 {
		log = 2
	}
	if size[2] != 1 || size[0]%uint32(n) != 0 {
		return nil
	}
	x, y, ok := a.axes(c)
	if !ok {
		return nil
	}
	lx, ly := int64(size[0]), int64(size[1])
	one := func(p poly, v *ir.Value) (poly, bool) { // the factor of v, which occurs to the first power
		var d poly
		for _, m := range p {
			k := 0
			var atoms []*ir.Value
			for _, u := range m.atoms {
				if u == v {
					k++
				} else {
					atoms = append(atoms, u)
				}
			}
			if k > 1 {
				return nil, false
			}
			if k == 1 {
				d = d.plus(poly{{m.coef, atoms}}, 1)
			}
		}
		return d, true
	}
	for _, p := range []poly{c.g, c.s} {
		if d, ok := one(p, x); !ok {
			return nil
		} else if k, isConst := d.constant(); !isConst || k != 1 {
			return nil // not neighbours
		}
	}
	var gy, sy poly
	if y != nil {
		if gy, ok = one(c.g, y); !ok {
			return nil
		}
		if sy, ok = one(c.s, y); !ok {
			return nil
		}
	}
	find := func(dg, ds poly) []*tileCopy {
		set := []*tileCopy{c}
		for i := 1; i < n; i++ {
			found := false
			for _, o := range from {
				if o.load.Mem == c.load.Mem && o.store.Mem == c.store.Mem &&
					len(o.g.plus(c.g, -1).plus(dg, -int64(i))) == 0 && len(o.s.plus(c.s, -1).plus(ds, -int64(i))) == 0 {
					set = append(set, o)
					found = true
					break
				}
			}
			if !found {
				return nil
			}
		}
		return set
	}
	q := lx / int64(n) // of n elements in a row of the workgroup
	part := func(op ir.Op) poly {
		v := w.do(op, ir.Int, x, num(q))
		if v.Op != ir.Const {
			a.s.align[v] = 0
		}
		return a.ps.of(v)
	}
	row := func() poly { return part(ir.UDiv) }
	column := func() poly { return part(ir.UMod).times(constPoly(int64(n))) }
	// put writes the block with the axes replaced.
	put := func(set []*tileCopy, g, s poly) []*tileCopy {
		ga, ok := a.align(g, log)
		if !ok {
			return nil
		}
		if _, k := g.split(); k%int64(n) != 0 {
			return nil
		}
		for _, m := range s {
			if a.s.monoFactor(m) < log {
				return nil
			}
		}
		a.need(ga)
		for i := range n {
			l, st := w.clone(c.load), w.clone(c.store)
			l.Args[0] = w.sum(ga.plus(constPoly(int64(i)), 1))
			st.Args[0] = w.sum(s.plus(constPoly(int64(i)), 1))
			st.Args[1] = l
			*loads, *stores = append(*loads, l), append(*stores, st)
		}
		return set
	}
	// The copies lie beside each other along x.
	if set := find(constPoly(lx), constPoly(lx)); set != nil {
		by := atom(x).times(constPoly(int64(n)))
		if set = put(set, c.g.replace(x, by), c.s.replace(x, by)); set != nil {
			return set
		}
	}
	// The copies are further rows of the workgroup's.
	if y != nil && len(gy) > 0 && len(sy) > 0 {
		if set := find(gy.times(constPoly(ly)), sy.times(constPoly(ly))); set != nil {
			col := column()
			// rows may hold x itself, so x goes first.
			rows := atom(y).times(constPoly(int64(n))).plus(row(), 1)
			if set = put(set, c.g.replace(x, col).replace(y, rows), c.s.replace(x, col).replace(y, rows)); set != nil {
				return set
			}
		}
	}
	// The copies are any equal distance apart.
	for _, o := range from {
		if o == c || o.load.Mem != c.load.Mem || o.store.Mem != c.store.Mem {
			continue
		}
		dg, ds := o.g.plus(c.g, -1), o.s.plus(c.s, -1)
		if dg.has(x) || ds.has(x) || y != nil && (dg.has(y) || ds.has(y)) {
			continue
		}
		if set := find(dg, ds); set != nil {
			r, col := row(), column()
			if set = put(set, c.g.replace(x, col).plus(r.times(dg), 1), c.s.replace(x, col).plus(r.times(ds), 1)); set != nil {
				return set
			}
		}
	}
	return nil
}

// axes are the invocation's places in the copy's indices; everything else in them must
// be the same in the whole workgroup. y is nil where it does not occur.
func (a *aligner) axes(c *tileCopy) (x, y *ir.Value, ok bool) {
	for _, p := range []poly{c.g, c.s} {
		for _, m := range p {
			for _, v := range m.atoms {
				switch {
				case v.Op == ir.LocalID && v.Dim == 0 && (x == nil || x == v):
					x = v
				case v.Op == ir.LocalID && v.Dim == 1 && (y == nil || y == v):
					y = v
				case a.s.of(v):
					return nil, nil, false
				}
			}
		}
	}
	return x, y, x != nil
}

// quiet reports whether nobody touches a workgroup memory between the barrier before
// run and run, nor between run and the barrier after it.
func (a *aligner) quiet(m *ir.Mem, run []ir.Node) bool {
	body := a.t.f.Body
	touches := func(v *ir.Value) bool { return v.Mem == m && (v.Op == ir.Load || v.Op == ir.Store) }
	first, last := run[0].(*ir.Value), run[len(run)-1].(*ir.Value)

	// Forward: what may have happened since the last barrier.
	const (
		never = iota
		clean
		dirty
	)
	at := never
	type jumps struct{ brk, cont int }
	var ahead func(list []ir.Node, st int, j *jumps) int
	ahead = func(list []ir.Node, st int, j *jumps) int {
		for _, n := range list {
			switch n := n.(type) {
			case *ir.Value:
				if n == first {
					at = max(at, st)
				}
				switch {
				case st == never:
				case n.Op == ir.Barrier:
					st = clean
				case touches(n):
					st = dirty
				}
			case *ir.If:
				st = max(ahead(n.Then, st, j), ahead(n.Else, st, j))
			case *ir.Loop:
				head := st
				for {
					in := &jumps{}
					end := ahead(n.Body, head, in)
					end = ahead(n.Continue, max(end, in.cont), in)
					st = in.brk
					if end <= head {
						break
					}
					head = end
				}
			case ir.Break:
				j.brk, st = max(j.brk, st), never
			case ir.Continue:
				j.cont, st = max(j.cont, st), never
			case ir.Return:
				st = never
			}
		}
		return st
	}
	ahead(body, clean, &jumps{})

	// Backward: what may still happen before the next barrier.
	later := false
	var behind func(list []ir.Node, st, brk, cont bool) bool
	behind = func(list []ir.Node, st, brk, cont bool) bool {
		for i := len(list) - 1; i >= 0; i-- {
			switch n := list[i].(type) {
			case *ir.Value:
				if n == last {
					later = later || st
				}
				switch {
				case n.Op == ir.Barrier:
					st = false
				case touches(n):
					st = true
				}
			case *ir.If:
				then, els := behind(n.Then, st, brk, cont), behind(n.Else, st, brk, cont)
				st = then || els
			case *ir.Loop:
				head := false
				for {
					next := behind(n.Continue, head, st, head)
					h := behind(n.Body, next, st, next)
					if h == head {
						break
					}
					head = h
				}
				st = head
			case ir.Break:
				st = brk
			case ir.Continue:
				st = cont
			case ir.Return:
				st = false
			}
		}
		return st
	}
	behind(body, false, false, false)
	return at == clean && !later
}
