package ptx

import (
	"maps"
	"slices"

	"gpubench/internal/ir"
)

// lower gives every access an address and a constant offset from it. The part of an
// index that does not change in a loop is summed up by itself, so that it can be computed
// before the loop.
func lower(t *translation) {
	t.number()
	ps := polys{}
	loops := map[*ir.Value]int{} // in how many loops around it a value changes
	var walk func(list []ir.Node, depth int) []ir.Node
	walk = func(list []ir.Node, depth int) []ir.Node {
		c := &code{t: t}
		for _, n := range list {
			switch n := n.(type) {
			case *ir.Value:
				loops[n] = depth
				if speculates(n) { // hoist can take it out of those that its arguments come from
					loops[n] = 0
					for _, a := range n.Args {
						loops[n] = max(loops[n], loops[a])
					}
				}
				if n.Op == ir.Load || n.Op == ir.Store {
					t.address(c, ps, loops, n)
				}
			case *ir.If:
				n.Then, n.Else = walk(n.Then, depth), walk(n.Else, depth)
			case *ir.Loop:
				n.Body = walk(n.Body, depth+1)
				n.Continue = walk(n.Continue, depth+1)
			}
			c.list = append(c.list, n)
		}
		return c.list
	}
	t.f.Body = walk(t.f.Body, 0)
}

// address lowers one load or store.
func (t *translation) address(c *code, ps polys, loops map[*ir.Value]int, v *ir.Value) {
	p := ps.of(v.Args[0])
	rest, k := p.split()
	typ := ir.Long
	if v.Mem.Kind == ir.Shared {
		typ = ir.Int
		// A machine adds the offset to an address of 32 bits, which must not be negative.
		for _, m := range rest {
			if m.coef < 0 {
				rest, k = p, 0
				break
			}
		}
	}
	levels := map[int]poly{}
	deepest := 0
	for _, m := range rest {
		l := 0
		for _, a := range m.atoms {
			l = max(l, loops[a])
		}
		deepest = max(deepest, l)
		levels[l] = append(levels[l], m)
	}
	var addr, index *ir.Value
	for l := 0; l <= deepest; l++ {
		sum := levels[l]
		if len(sum) == 0 {
			continue
		}
		if typ == ir.Long {
			// What stays in a register over a loop is the index, for an address takes two.
			part := c.sum(sum)
			if index != nil {
				part = c.do(ir.IAdd, ir.Int, index, part)
			}
			index = part
			continue
		}
		scale := int64(0)
		for _, m := range sum {
			scale = gcd(scale, m.coef)
		}
		if scale*int64(v.Mem.Elem.Size()) >= 1<<20 {
			scale = 1
		}
		part := make(poly, len(sum))
		for i, m := range sum {
			part[i] = mono{m.coef / scale, m.atoms}
		}
		args := []*ir.Value{c.sum(part)}
		if addr != nil {
			args = append(args, addr)
		}
		addr = c.add(&ir.Value{Op: ir.Addr, Type: typ, Mem: v.Mem, N: uint32(scale), Args: args, Inst: v.Inst})
	}
	if addr == nil {
		if index == nil {
			index = num(0)
		}
		addr = c.add(&ir.Value{Op: ir.Addr, Type: typ, Mem: v.Mem, N: 1, Args: []*ir.Value{index}, Inst: v.Inst})
	}
	v.Args[0], v.Offset = addr, uint32(int32(k))
}

func gcd(a, b int64) int64 {
	if b < 0 {
		b = -b
	}
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// widen makes one access of several to neighbouring elements, where the address is
// aligned and nothing in between could tell the difference.
func widen(t *translation) {
	t.number()
	s := shapeOf(t.f)
	parts := map[*ir.Value]*ir.Value{} // old loads to the parts of wide ones
	t.f.Body = lists(t.f.Body, func(list []ir.Node) []ir.Node {
		list = t.widenLoads(list, s, parts)
		return t.widenStores(list, s)
	})
	ir.Walk(t.f.Body, func(n ir.Node) {
		switch n := n.(type) {
		case *ir.Value:
			for i, a := range n.Args {
				if p := parts[a]; p != nil {
					n.Args[i] = p
				}
			}
		case *ir.If:
			if p := parts[n.Cond]; p != nil {
				n.Cond = p
			}
		}
	})
}

// widths are the numbers of elements that one access may move, widest first.
func widths(m *ir.Mem) []int {
	if m.Kind == ir.Private {
		return nil
	}
	if m.Elem.Size() == 8 {
		return []int{2}
	}
	return []int{4, 2}
}

// group finds, among accesses in order, those that make one access of n from offset k on.
func group(at map[int32]int, k int32, n int) []int {
	var g []int
	for i := range int32(n) {
		j, ok := at[k+i]
		if !ok {
			return nil
		}
		g = append(g, j)
	}
	return g
}

// place is where an access goes, but for its offset.
type place struct {
	m    *ir.Mem
	addr *ir.Value
}

// wideGroups picks groups of accesses of one place. at maps offsets to positions.
func wideGroups(m *ir.Mem, at map[int32]int, align int) [][]int {
	var offs []int32
	for k := range at {
		offs = append(offs, k)
	}
	slices.Sort(offs)
	var groups [][]int
	for _, k := range offs {
		for _, n := range widths(m) {
			log := 1
			if n == 4 {
				log = 2
			}
			if k%int32(n) != 0 || align < log {
				continue
			}
			if g := group(at, k, n); g != nil {
				for i := range int32(n) {
					delete(at, k+i)
				}
				groups = append(groups, g)
				break
			}
		}
	}
	return groups
}

// keeps reports whether a node keeps accesses to m from moving past it. reads says
// that the accesses are loads.
func keeps(n ir.Node, m *ir.Mem, reads bool) bool {
	found := false
	ir.Walk([]ir.Node{n}, func(n ir.Node) {
		switch n := n.(type) {
		case *ir.Value:
			switch n.Op {
			case ir.Barrier, ir.CopyWait:
				found = true
			case ir.Store, ir.WideStore, ir.Copy:
				found = found || n.Mem == m
			case ir.Load, ir.Wide:
				found = found || !reads && n.Mem == m
			}
		case *ir.If, *ir.Loop:
		default:
			found = true // a jump
		}
	})
	return found
}

func (t *translation) widenLoads(list []ir.Node, s *shape, parts map[*ir.Value]*ir.Value) []ir.Node {
	type wide struct {
		load  *ir.Value
		parts []ir.Node
	}
	first := map[int]wide{} // by the position of the first load that it stands for
	at := map[place]map[int32]int{}
	var order []place
	flush := func(hit func(*ir.Mem) bool) {
		order = slices.DeleteFunc(order, func(p place) bool {
			if !hit(p.m) {
				return false
			}
			for _, g := range wideGroups(p.m, at[p], s.factor(p.addr)) {
				lead := list[g[0]].(*ir.Value)
				w := &ir.Value{Op: ir.Wide, Type: ir.Void, Mem: p.m, Args: []*ir.Value{p.addr}, Offset: lead.Offset, N: uint32(len(g)), Inst: lead.Inst}
				nodes := []ir.Node{}
				for i, j := range g {
					old := list[j].(*ir.Value)
					parts[old] = &ir.Value{Op: ir.Part, Type: old.Type, Dim: i, Args: []*ir.Value{w}, Inst: old.Inst}
					nodes = append(nodes, parts[old])
				}
				first[slices.Min(g)] = wide{w, nodes}
			}
			delete(at, p)
			return true
		})
	}
	for i, n := range list {
		v, ok := n.(*ir.Value)
		if ok && v.Op == ir.Load {
			p := place{v.Mem, v.Args[0]}
			if at[p] == nil {
				at[p] = map[int32]int{}
				order = append(order, p)
			}
			if _, twice := at[p][int32(v.Offset)]; !twice {
				at[p][int32(v.Offset)] = i
			}
			continue
		}
		if !ok || v.Op.HasEffect() && v.Op != ir.Set {
			flush(func(m *ir.Mem) bool { return keeps(n, m, true) })
		}
	}
	flush(func(*ir.Mem) bool { return true })
	if len(first) == 0 {
		return list
	}
	c := &code{t: t}
	for i, n := range list {
		if w, ok := first[i]; ok {
			c.add(w.load)
			for _, p := range w.parts {
				c.add(p.(*ir.Value))
			}
		}
		if v, ok := n.(*ir.Value); ok && parts[v] != nil {
			continue
		}
		c.list = append(c.list, n)
	}
	return c.list
}

func (t *translation) widenStores(list []ir.Node, s *shape) []ir.Node {
	gone := map[int]bool{}
	last := map[int]*ir.Value{} // by the position of the last store that it stands for
	at := map[place]map[int32]int{}
	var order []place
	flush := func(hit func(place) bool) {
		order = slices.DeleteFunc(order, func(p place) bool {
			if !hit(p) {
				return false
			}
			for _, g := range wideGroups(p.m, at[p], s.factor(p.addr)) {
				lead := list[g[0]].(*ir.Value)
				w := &ir.Value{Op: ir.WideStore, Mem: p.m, Args: []*ir.Value{p.addr}, Offset: lead.Offset, Inst: lead.Inst}
				for _, j := range g {
					w.Args = append(w.Args, list[j].(*ir.Value).Args[1])
					gone[j] = true
				}
				last[slices.Max(g)] = w
			}
			delete(at, p)
			return true
		})
	}
	for i, n := range list {
		v, ok := n.(*ir.Value)
		if ok && v.Op == ir.Store {
			p := place{v.Mem, v.Args[0]}
			// A store through another address may go to the same place.
			flush(func(o place) bool { return o.m == v.Mem && o.addr != v.Args[0] })
			if at[p] == nil {
				at[p] = map[int32]int{}
				order = append(order, p)
			}
			if _, twice := at[p][int32(v.Offset)]; twice {
				flush(func(o place) bool { return o == p })
				at[p] = map[int32]int{}
				order = append(order, p)
			}
			at[p][int32(v.Offset)] = i
			continue
		}
		if !ok || v.Op.HasEffect() && v.Op != ir.Set || v.Op.Reads() && v.Op != ir.Get {
			flush(func(p place) bool { return keeps(n, p.m, false) })
		}
	}
	flush(func(place) bool { return true })
	if len(gone) == 0 {
		return list
	}
	c := &code{t: t}
	for i, n := range list {
		if !gone[i] {
			c.list = append(c.list, n)
		}
		if w := last[i]; w != nil {
			c.add(w)
		}
	}
	return c.list
}

// async makes copies of loads whose only use is to be stored in a memory that exists
// twice: the processor moves the elements by itself, and no register holds them. Copies
// land in any order, so an invocation must not write a place of that memory twice.
func async(t *translation) {
	if len(t.buffered) == 0 {
		return
	}
	t.number()
	all := uses(t.f.Body)
	branch := func(n ir.Node) {
		if c, ok := n.(*ir.If); ok {
			c.Then, c.Else = t.asyncList(c.Then, nil, all), t.asyncList(c.Else, nil, all)
		}
	}
	// A load stands in an if of the function or of its loop, and is awaited before the next.
	for _, n := range t.f.Body {
		branch(n)
		if l, ok := n.(*ir.Loop); ok {
			for _, n := range l.Body {
				branch(n)
			}
		}
	}
}

// asyncList rewrites one list. busy are the memories that the code around it writes as well.
func (t *translation) asyncList(list []ir.Node, busy map[*ir.Mem]bool, all map[*ir.Value]int) []ir.Node {
	writes := make([]map[*ir.Mem]bool, len(list))
	var addr = map[*ir.Mem]*ir.Value{}
	bad := maps.Clone(busy)
	if bad == nil {
		bad = map[*ir.Mem]bool{}
	}
	written := map[place]map[int32]bool{}
	for i, n := range list {
		writes[i] = map[*ir.Mem]bool{}
		ir.Walk([]ir.Node{n}, func(n ir.Node) {
			if v, ok := n.(*ir.Value); ok && (v.Op == ir.Store || v.Op == ir.WideStore) && t.buffered[v.Mem] {
				writes[i][v.Mem] = true
			}
		})
		v, ok := n.(*ir.Value)
		for m := range writes[i] {
			if !ok {
				bad[m] = true
				continue
			}
			p := place{m, v.Args[0]}
			if addr[m] == nil {
				addr[m] = v.Args[0]
				written[p] = map[int32]bool{}
			}
			bad[m] = bad[m] || addr[m] != v.Args[0]
			for k := range v.Args[1:] {
				at := int32(v.Offset) + int32(k)
				bad[m] = bad[m] || written[p][at]
				if !bad[m] {
					written[p][at] = true
				}
			}
		}
	}
	for i, n := range list {
		if c, ok := n.(*ir.If); ok {
			around := map[*ir.Mem]bool{}
			maps.Copy(around, busy)
			for j := range list {
				if j != i {
					maps.Copy(around, writes[j])
				}
			}
			c.Then, c.Else = t.asyncList(c.Then, around, all), t.asyncList(c.Else, around, all)
		}
	}
	gone := map[ir.Node]bool{}
	here := map[*ir.Value]bool{} // loads of this list; nothing here writes what they load
	for i, n := range list {
		v, ok := n.(*ir.Value)
		if !ok {
			continue
		}
		switch v.Op {
		case ir.Load, ir.Wide:
			here[v] = true
		case ir.Store, ir.WideStore:
			if !t.buffered[v.Mem] || bad[v.Mem] {
				continue
			}
			load := copied(v, here, all)
			if load == nil {
				continue
			}
			n := max(load.N, 1)
			if bytes := n * load.Mem.Elem.Size(); bytes != 4 && bytes != 8 && bytes != 16 {
				continue
			}
			gone[load] = true
			for _, a := range v.Args[1:] {
				gone[a] = true
			}
			list[i] = &ir.Value{ID: v.ID, Op: ir.Copy, Mem: v.Mem, Args: []*ir.Value{v.Args[0], load.Args[0]}, Offset: v.Offset,
				N: n, From: load.Mem, FromOffset: load.Offset, Inst: v.Inst}
		}
	}
	return slices.DeleteFunc(list, func(n ir.Node) bool { return gone[n] })
}

// copied is the load whose value, unchanged and whole, a store writes and nobody else
// uses; nil if there is none.
func copied(st *ir.Value, here map[*ir.Value]bool, all map[*ir.Value]int) *ir.Value {
	if st.Op == ir.Store {
		if v := st.Args[1]; v.Op == ir.Load && here[v] && all[v] == 1 && v.Mem.Kind == ir.Buffer {
			return v
		}
		return nil
	}
	var w *ir.Value
	for i, p := range st.Args[1:] {
		if p.Op != ir.Part || p.Dim != i || all[p] != 1 || w != nil && p.Args[0] != w {
			return nil
		}
		w = p.Args[0]
	}
	if !here[w] || w.Mem.Kind != ir.Buffer || all[w] != len(st.Args)-1 || int(w.N) != len(st.Args)-1 {
		return nil
	}
	return w
}

// hoist moves what does not change in a loop before it: what the loop computes in every
// step anyway, and the addresses of wide accesses wherever they are. Those of the edges'
// scalar accesses stay, for they would fill the registers that the inside needs.
func hoist(t *translation) {
	wanted := map[*ir.Value]bool{}
	var want func(v *ir.Value)
	want = func(v *ir.Value) {
		if v.Op == ir.Const || wanted[v] {
			return
		}
		wanted[v] = true
		for _, a := range v.Args {
			want(a)
		}
	}
	ir.Walk(t.f.Body, func(n ir.Node) {
		if v, ok := n.(*ir.Value); ok {
			switch v.Op {
			case ir.Wide, ir.WideStore:
				want(v.Args[0])
			case ir.Copy:
				if v.N > 1 {
					want(v.Args[0])
					want(v.Args[1])
				}
			}
		}
	})
	var walk func(list []ir.Node) []ir.Node
	walk = func(list []ir.Node) []ir.Node {
		var out []ir.Node
		for _, n := range list {
			switch n := n.(type) {
			case *ir.If:
				n.Then, n.Else = walk(n.Then), walk(n.Else)
			case *ir.Loop:
				n.Body, n.Continue = walk(n.Body), walk(n.Continue)
				inside := map[*ir.Value]bool{}
				ir.Walk([]ir.Node{n}, func(n ir.Node) {
					if v, ok := n.(*ir.Value); ok {
						inside[v] = true
					}
				})
				var take func(list []ir.Node, always bool) []ir.Node
				take = func(list []ir.Node, always bool) []ir.Node {
					return slices.DeleteFunc(list, func(n ir.Node) bool {
						switch n := n.(type) {
						case *ir.Value:
							if !speculates(n) || !always && !wanted[n] {
								return false
							}
							for _, a := range n.Args {
								if inside[a] {
									return false
								}
							}
							delete(inside, n)
							out = append(out, n)
							return true
						case *ir.If:
							n.Then, n.Else = take(n.Then, false), take(n.Else, false)
						case *ir.Loop:
							n.Body, n.Continue = take(n.Body, false), take(n.Continue, false)
						}
						return false
					})
				}
				n.Body = take(n.Body, true)
				n.Continue = take(n.Continue, true)
			}
			out = append(out, n)
		}
		return out
	}
	t.f.Body = walk(t.f.Body)
}
