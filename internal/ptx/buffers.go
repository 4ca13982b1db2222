package ptx

import (
	"slices"

	"gpubench/internal/ir"
)

// maxBuffered is how much workgroup memory may grow to, in bytes: what a processor of
// compute capability 8.6 gives to one workgroup.
const maxBuffered = 99 << 10

// buffers lets a loop that fills workgroup memory, waits, uses it and waits again fill it
// for the next step while it uses it for this one. The memory exists twice then, and one
// of the two barriers goes. The copies of the next step must not make the invocation
// wait, so this is done where they can be asynchronous: see async.
//
// It is sound for a loop of the function's top level whose body is
//
//	head: operations, one uniform if that leaves the loop
//	load: reads no workgroup memory, writes some of it and nothing else
//	barrier
//	use: reads that memory, writes no memory at all
//	barrier
//
// when nobody else touches that memory: then a step's load depends on the loop's
// variables alone, and the barrier that is left separates the load of a step from its
// use, and the use of a step from the load of the step after the next, which writes to
// the same place.
func buffers(t *translation) {
	if t.o.Target < 80 || t.o.SingleBuffer {
		return
	}
	t.number()
	s := shapeOf(t.f)
	tried := 0
	for i := 0; i < len(t.f.Body) && tried < maxLoops; i++ {
		if l, ok := t.f.Body[i].(*ir.Loop); ok {
			tried++
			// What differs still differs when a loop before this one has been rewritten.
			if before := t.double(l, s); before != nil {
				t.f.Body = slices.Insert(t.f.Body, i, before...)
				i += len(before)
			}
		}
	}
}

// maxLoops bounds how many loops are looked at, each with the whole function in view.
const maxLoops = 16

// stepLoop is a loop of the form that buffers looks for.
type stepLoop struct {
	head, load, use []ir.Node
	leave           *ir.Value             // the condition
	mems            []*ir.Mem             // what load writes
	vars            map[*ir.Var]*ir.Value // set in the Continue part
	steers          map[*ir.Value]bool    // what the load of the next step is computed from
}

// match takes a loop apart, or returns nil.
func (t *translation) match(l *ir.Loop, s *shape) *stepLoop {
	var at []int
	for i, n := range l.Body {
		if v, ok := n.(*ir.Value); ok && v.Op == ir.Barrier {
			at = append(at, i)
		}
	}
	if len(at) != 2 || at[1] != len(l.Body)-1 {
		return nil
	}
	m := &stepLoop{use: l.Body[at[0]+1 : at[1]], vars: map[*ir.Var]*ir.Value{}}
	leave := -1
	for i, n := range l.Body[:at[0]] {
		if c, ok := n.(*ir.If); ok && len(c.Then) == 1 && len(c.Else) == 0 && c.Then[0] == ir.Node(ir.Break{}) {
			leave = i
			m.leave = c.Cond
			break
		}
	}
	if leave < 0 {
		return nil
	}
	m.head, m.load = l.Body[:leave], l.Body[leave+1:at[0]]
	for _, n := range m.head {
		if v, ok := n.(*ir.Value); !ok || !pure(v) && v.Op != ir.Get {
			return nil
		}
	}
	for _, n := range l.Continue {
		v, ok := n.(*ir.Value)
		if !ok || !pure(v) && v.Op != ir.Set {
			return nil
		}
		if v.Op == ir.Set {
			m.vars[v.Var] = v.Args[0]
		}
	}
	if outer(m.load) || outer(m.use) || s.exits(l) {
		return nil
	}
	ours := map[*ir.Mem]bool{}
	good := true
	ir.Walk(m.load, func(n ir.Node) {
		v, ok := n.(*ir.Value)
		switch {
		case !ok:
		case v.Op == ir.Barrier, v.Op == ir.Load && v.Mem.Kind != ir.Buffer, v.Op == ir.Store && v.Mem.Kind != ir.Shared:
			good = false
		case v.Op == ir.Store:
			if !ours[v.Mem] {
				ours[v.Mem] = true
				m.mems = append(m.mems, v.Mem)
			}
		}
	})
	ir.Walk(m.use, func(n ir.Node) {
		if v, ok := n.(*ir.Value); ok && (v.Op == ir.Barrier || v.Op == ir.Store && v.Mem.Kind != ir.Private || v.Op == ir.Set && m.vars[v.Var] != nil) {
			good = false
		}
	})
	if !good || len(m.mems) == 0 {
		return nil
	}
	// Nothing else may touch the memory, or see the variables and values of the load.
	touched := func(nodes []ir.Node) (n int) {
		ir.Walk(nodes, func(node ir.Node) {
			if v, ok := node.(*ir.Value); ok && v.Mem != nil && ours[v.Mem] {
				n++
			}
		})
		return n
	}
	if touched(t.f.Body) != touched(m.load)+touched(m.use) {
		return nil
	}
	inLoad := written(m.load...)
	gets := func(nodes []ir.Node) (n int) {
		ir.Walk(nodes, func(node ir.Node) {
			if v, ok := node.(*ir.Value); ok && v.Op == ir.Get && inLoad[v.Var] {
				n++
			}
		})
		return n
	}
	if gets(t.f.Body) != gets(m.load) {
		return nil
	}
	for v := range m.vars {
		if inLoad[v] {
			return nil
		}
	}
	// What steers the next step's load must not depend on the use, which it overtakes.
	inUse := written(m.use...)
	m.steers = closure(m.leave, m.load)
	for _, n := range slices.Concat(m.head, m.load) {
		ir.Walk([]ir.Node{n}, func(n ir.Node) {
			if v, ok := n.(*ir.Value); ok && v.Op == ir.Get && m.steers[v] && inUse[v.Var] {
				good = false
			}
		})
	}
	ir.Walk(m.use, func(n ir.Node) {
		if v, ok := n.(*ir.Value); ok && m.steers[v] {
			good = false
		}
	})
	// The same for what it takes to know the loop's variables in the next step.
	for _, n := range m.head {
		if v := n.(*ir.Value); m.steers[v] && v.Op == ir.Get && m.vars[v.Var] != nil {
			for x := range closure(m.vars[v.Var], nil) {
				m.steers[x] = true
			}
		}
	}
	ir.Walk(m.use, func(n ir.Node) {
		if v, ok := n.(*ir.Value); ok && m.steers[v] {
			good = false
		}
	})
	// A variable that is only read in the head to step another one is one too.
	for _, n := range m.head {
		if v := n.(*ir.Value); m.steers[v] && v.Op == ir.Get && inUse[v.Var] {
			good = false
		}
	}
	if !good {
		return nil
	}
	total := uint32(0)
	for _, mem := range t.f.Mems {
		if mem.Kind == ir.Shared {
			n := sharedBytes(mem)
			if ours[mem] {
				n *= 2
			}
			total += n
		}
	}
	if total > maxBuffered {
		return nil
	}
	return m
}

// closure is what a value and the operations of nodes are computed from.
func closure(v *ir.Value, nodes []ir.Node) map[*ir.Value]bool {
	set := map[*ir.Value]bool{}
	var add func(v *ir.Value)
	add = func(v *ir.Value) {
		if set[v] || v.Op == ir.Const {
			return
		}
		set[v] = true
		for _, a := range v.Args {
			add(a)
		}
	}
	add(v)
	ir.Walk(nodes, func(n ir.Node) {
		switch n := n.(type) {
		case *ir.Value:
			add(n)
		case *ir.If:
			add(n.Cond)
		}
	})
	return set
}

// steering keeps the operations of a list that steer the load.
func (m *stepLoop) steering(list []ir.Node) []ir.Node {
	return slices.DeleteFunc(slices.Clone(list), func(n ir.Node) bool {
		v, ok := n.(*ir.Value)
		return ok && !m.steers[v]
	})
}

// outer reports whether nodes hold a jump that leaves them.
func outer(nodes []ir.Node) bool {
	for _, n := range nodes {
		switch n := n.(type) {
		case ir.Break, ir.Continue, ir.Return:
			return true
		case *ir.If:
			if outer(n.Then) || outer(n.Else) {
				return true
			}
		case *ir.Loop:
			returns := false
			ir.Walk([]ir.Node{n}, func(n ir.Node) {
				if _, ok := n.(ir.Return); ok {
					returns = true
				}
			})
			if returns {
				return true
			}
		}
	}
	return false
}

// copier clones nodes with some values replaced.
type copier struct {
	t    *translation
	env  map[*ir.Value]*ir.Value
	read func(*ir.Value) *ir.Value // what a Get is, or nil to keep it
	at   func(*ir.Mem) *ir.Value   // what is added to the index in a memory, or nil
}

func (c *copier) arg(v *ir.Value) *ir.Value {
	if n := c.env[v]; n != nil {
		return n
	}
	return v
}

func (c *copier) copy(nodes []ir.Node) []ir.Node {
	var out []ir.Node
	for _, n := range nodes {
		switch n := n.(type) {
		case *ir.Value:
			if n.Op == ir.Get && c.read != nil {
				if v := c.read(n); v != nil {
					c.env[n] = v
					continue
				}
			}
			v := *n
			c.t.ids++
			v.ID = c.t.ids
			v.Args = make([]*ir.Value, len(n.Args))
			for i, a := range n.Args {
				v.Args[i] = c.arg(a)
			}
			if (v.Op == ir.Load || v.Op == ir.Store) && c.at != nil {
				if off := c.at(v.Mem); off != nil {
					w := &code{t: c.t}
					v.Args[0] = w.do(ir.IAdd, ir.Int, v.Args[0], off)
					out = append(out, w.list...)
				}
			}
			c.env[n] = &v
			out = append(out, &v)
		case *ir.If:
			out = append(out, &ir.If{Cond: c.arg(n.Cond), Then: c.copy(n.Then), Else: c.copy(n.Else)})
		case *ir.Loop:
			l := &ir.Loop{}
			l.Body = c.copy(n.Body)
			l.Continue = c.copy(n.Continue)
			out = append(out, l)
		default:
			out = append(out, n)
		}
	}
	return out
}

// double rewrites one loop, and returns what comes before it; nil where it does not fit.
func (t *translation) double(l *ir.Loop, s *shape) []ir.Node {
	m := t.match(l, s)
	if m == nil {
		return nil
	}
	// What the load computes and others use must be computable again.
	all, inside := uses(t.f.Body), uses(m.load)
	var shared []ir.Node
	fits := true
	ir.Walk(m.load, func(n ir.Node) {
		if v, ok := n.(*ir.Value); ok && inside[v] != all[v] && !pure(v) {
			fits = false
		}
	})
	for _, n := range m.load {
		if v, ok := n.(*ir.Value); ok && (pure(v) || v.Op == ir.Get) {
			shared = append(shared, v)
		}
	}
	top := map[*ir.Value]bool{}
	for _, n := range shared {
		top[n.(*ir.Value)] = true
	}
	ir.Walk(m.load, func(n ir.Node) {
		if v, ok := n.(*ir.Value); ok && inside[v] != all[v] && !top[v] {
			fits = false
		}
	})
	// The loop's variables are read in the head alone.
	ir.Walk(slices.Concat(m.load, m.use), func(n ir.Node) {
		if v, ok := n.(*ir.Value); ok && v.Op == ir.Get && m.vars[v.Var] != nil {
			fits = false
		}
	})
	if !fits {
		return nil
	}

	// Where this step's part of the memory begins, and the next one's; memories of one
	// length share that.
	type stage struct{ this, other *ir.Var }
	stages := map[uint32]stage{}
	var lengths []uint32
	stageOf := map[*ir.Mem]uint32{}
	for _, mem := range m.mems {
		mem.Len = (mem.Len + 31) &^ 31 // both begin in the same bank
		if _, ok := stages[mem.Len]; !ok {
			st := stage{&ir.Var{ID: len(t.f.Vars), Name: "this", Type: ir.Int}, &ir.Var{ID: len(t.f.Vars) + 1, Name: "next", Type: ir.Int}}
			t.f.Vars = append(t.f.Vars, st.this, st.other)
			stages[mem.Len] = st
			lengths = append(lengths, mem.Len)
		}
		stageOf[mem] = mem.Len
		mem.Len *= 2
		t.buffered[mem] = true
	}
	set := func(v *ir.Var, x *ir.Value) *ir.Value { return &ir.Value{Op: ir.Set, Var: v, Args: []*ir.Value{x}} }

	// Before the loop: the first step's load.
	first := &copier{t: t, env: map[*ir.Value]*ir.Value{}}
	before := first.copy(m.steering(m.head))
	c := &code{t: t}
	not := c.do(ir.LNot, ir.Bool, first.arg(m.leave))
	before = append(append(before, c.list...), &ir.If{Cond: not, Then: first.copy(m.load)})
	for _, n := range lengths {
		before = append(before, set(stages[n].this, num(0)), set(stages[n].other, num(int64(n))))
	}

	// In the loop: wait for this step's, start the next step's, use this step's.
	body := append([]ir.Node(nil), m.head...)
	body = append(body, &ir.If{Cond: m.leave, Then: []ir.Node{ir.Break{}}})
	body = append(body, shared...)
	c = &code{t: t}
	this, other := map[uint32]*ir.Value{}, map[uint32]*ir.Value{}
	for _, n := range lengths {
		this[n] = c.add(&ir.Value{Op: ir.Get, Type: ir.Int, Var: stages[n].this})
		other[n] = c.add(&ir.Value{Op: ir.Get, Type: ir.Int, Var: stages[n].other})
	}
	c.add(&ir.Value{Op: ir.CopyWait})
	c.add(&ir.Value{Op: ir.Barrier})
	body = append(body, c.list...)

	// The next step's variables, from the Continue part.
	steps := &copier{t: t, env: map[*ir.Value]*ir.Value{}}
	body = append(body, steps.copy(m.steering(l.Continue))...)
	next := &copier{t: t, env: map[*ir.Value]*ir.Value{}}
	next.read = func(v *ir.Value) *ir.Value {
		if x := m.vars[v.Var]; x != nil {
			return steps.arg(x)
		}
		return nil
	}
	next.at = func(mem *ir.Mem) *ir.Value { return other[stageOf[mem]] }
	body = append(body, next.copy(m.steering(m.head))...)
	c = &code{t: t}
	not = c.do(ir.LNot, ir.Bool, next.arg(m.leave))
	body = append(append(body, c.list...), &ir.If{Cond: not, Then: next.copy(m.load)})

	// The use keeps its values; only where it reads changes.
	var shift func(list []ir.Node) []ir.Node
	shift = func(list []ir.Node) []ir.Node {
		var out []ir.Node
		for _, n := range list {
			switch n := n.(type) {
			case *ir.Value:
				if n.Op == ir.Load && this[stageOf[n.Mem]] != nil {
					c := &code{t: t}
					n.Args[0] = c.do(ir.IAdd, ir.Int, n.Args[0], this[stageOf[n.Mem]])
					out = append(out, c.list...)
				}
			case *ir.If:
				n.Then, n.Else = shift(n.Then), shift(n.Else)
			case *ir.Loop:
				n.Body, n.Continue = shift(n.Body), shift(n.Continue)
			}
			out = append(out, n)
		}
		return out
	}
	l.Body = append(body, shift(m.use)...)
	for _, n := range lengths {
		l.Continue = append(l.Continue, set(stages[n].this, other[n]), set(stages[n].other, this[n]))
	}
	return before
}
