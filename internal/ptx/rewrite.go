package ptx

import (
	"maps"
	"math/bits"

	"gpubench/internal/ir"
)

// Limits of unrolling loops that the source wanted kept: the tile copies of a kernel
// have a handful of steps once the depth is known.
const (
	maxTrips    = 8
	maxUnrolled = 512 // operations
)

// rewriter copies code and simplifies it on the way: it folds constants, shares equal
// operations, carries what variables hold and which conditions are known into the code
// that they hold for, turns small ifs into selections, and repeats short loops of known
// length.
type rewriter struct {
	f        *ir.Func
	env      map[*ir.Value]*ir.Value // old values to new ones
	known    map[*ir.Var]*ir.Value
	scope    *scope
	consts   map[constKey]*ir.Value
	out      *[]ir.Node
	loops    []bool // around the current node: whether it is being unrolled
	abort    bool   // the loop being unrolled has an end that is not known
	steps    int
	noUnroll bool
}

type constKey struct {
	t    ir.Type
	bits uint64
}

// key is what makes two operations equal.
type key struct {
	op      ir.Op
	t       ir.Type
	a, b, c *ir.Value
	dim     int
	offset  uint32
	n       uint32
	mem     *ir.Mem
	self    *ir.Value // of what depends on more than its arguments
}

// scope holds what is known where a list of nodes runs.
type scope struct {
	up    *scope
	vals  map[key]*ir.Value
	facts map[key]bool
}

func (s *scope) value(k key) *ir.Value {
	for ; s != nil; s = s.up {
		if v, ok := s.vals[k]; ok {
			return v
		}
	}
	return nil
}

func (s *scope) fact(k key) (truth, ok bool) {
	for ; s != nil; s = s.up {
		if t, ok := s.facts[k]; ok {
			return t, true
		}
	}
	return false, false
}

func newScope(up *scope) *scope {
	return &scope{up: up, vals: map[key]*ir.Value{}, facts: map[key]bool{}}
}

func newRewriter(f *ir.Func) *rewriter {
	return &rewriter{f: f, env: map[*ir.Value]*ir.Value{}, known: map[*ir.Var]*ir.Value{}, scope: newScope(nil), consts: map[constKey]*ir.Value{}}
}

// simplify rewrites the whole function.
func simplify(f *ir.Func) {
	r := newRewriter(f)
	var out []ir.Node
	r.out = &out
	if j := r.list(f.Body); j != nil {
		out = append(out, j)
	}
	f.Body = out
	deadSets(f)
	f.Clean()
}

func keyOf(v *ir.Value) key {
	k := key{op: v.Op, t: v.Type, dim: v.Dim, offset: v.Offset, n: v.N, mem: v.Mem}
	if !pure(v) {
		k.self = v
	}
	switch len(v.Args) {
	case 3:
		k.c = v.Args[2]
		fallthrough
	case 2:
		k.b = v.Args[1]
		fallthrough
	case 1:
		k.a = v.Args[0]
	}
	if commutes(v.Op) && k.a.ID > k.b.ID {
		k.a, k.b = k.b, k.a
	}
	return k
}

func commutes(op ir.Op) bool {
	switch op {
	case ir.IAdd, ir.IMul, ir.And, ir.Or, ir.Xor, ir.UMin, ir.UMax, ir.SMin, ir.SMax, ir.IEq, ir.INe, ir.LAnd, ir.LOr, ir.LEq, ir.LNe:
		return true
	}
	return false
}

// pure reports whether an operation depends on its arguments alone.
func pure(v *ir.Value) bool {
	return !v.Op.HasEffect() && !v.Op.Reads() && v.Op != ir.Part
}

// speculates reports whether an operation may be computed where it was not asked for.
func speculates(v *ir.Value) bool {
	switch v.Op {
	case ir.UDiv, ir.UMod, ir.SDiv, ir.SRem, ir.SMod:
		b, ok := v.Args[1].IsConst()
		return ok && b != 0
	}
	return pure(v)
}

func (r *rewriter) constant(t ir.Type, bits uint64) *ir.Value {
	k := constKey{t, bits}
	c := r.consts[k]
	if c == nil {
		c = &ir.Value{Op: ir.Const, Type: t, Bits: bits, ID: -1 - len(r.consts)}
		r.consts[k] = c
	}
	return c
}

// arg is what an old value is now, here.
func (r *rewriter) arg(v *ir.Value) *ir.Value {
	if v.Op == ir.Const {
		return r.constant(v.Type, v.Bits)
	}
	n := r.env[v]
	if n == nil {
		n = v // from outside of what is rewritten
	}
	return r.resolve(n)
}

// resolve is a new value in the light of the known conditions.
func (r *rewriter) resolve(v *ir.Value) *ir.Value {
	if v.Op == ir.Const {
		return v
	}
	if v.Type == ir.Bool {
		if t, ok := r.scope.fact(keyOf(v)); ok {
			if t {
				return r.constant(ir.Bool, 1)
			}
			return r.constant(ir.Bool, 0)
		}
	}
	switch v.Op {
	case ir.Select:
		if c := r.resolve(v.Args[0]); c.Op == ir.Const {
			if c.Bits != 0 {
				return r.resolve(v.Args[1])
			}
			return r.resolve(v.Args[2])
		}
	case ir.LAnd, ir.LOr, ir.LNot:
		a := make([]*ir.Value, len(v.Args))
		changed := false
		for i, x := range v.Args {
			a[i] = r.resolve(x)
			changed = changed || a[i] != x
		}
		if changed {
			if f := ir.Fold(v.Op, v.Type, a...); f != nil {
				if f.Op == ir.Const {
					return r.constant(f.Type, f.Bits)
				}
				return f
			}
		}
	}
	return v
}

// assume notes that a condition holds, or does not, in the current scope.
func (r *rewriter) assume(c *ir.Value, truth bool) {
	if c.Op == ir.Const {
		return
	}
	r.scope.facts[keyOf(c)] = truth
	opposite := map[ir.Op]ir.Op{ir.ULess: ir.ULessEq, ir.ULessEq: ir.ULess, ir.SLess: ir.SLessEq, ir.SLessEq: ir.SLess}
	switch c.Op {
	case ir.LNot:
		r.assume(c.Args[0], !truth)
	case ir.LAnd, ir.LOr:
		if truth == (c.Op == ir.LAnd) {
			r.assume(c.Args[0], truth)
			r.assume(c.Args[1], truth)
		}
	case ir.ULess, ir.ULessEq, ir.SLess, ir.SLessEq:
		r.scope.facts[keyOf(&ir.Value{Op: opposite[c.Op], Type: ir.Bool, Args: []*ir.Value{c.Args[1], c.Args[0]}})] = !truth
	}
}

// emit adds an operation on new values, or finds what it is equal to.
func (r *rewriter) emit(op ir.Op, t ir.Type, args ...*ir.Value) *ir.Value {
	return r.pure(&ir.Value{Op: op, Type: t, Args: args})
}

func (r *rewriter) num(x uint32) *ir.Value { return r.constant(ir.Int, uint64(x)) }

// pure adds a new operation without effect, whose arguments are new.
func (r *rewriter) pure(v *ir.Value) *ir.Value {
	fold := func(x *ir.Value) *ir.Value {
		if x.Op == ir.Const {
			return r.constant(x.Type, x.Bits)
		}
		return r.resolve(x)
	}
	if v.Op < ir.Addr {
		if x := ir.Fold(v.Op, v.Type, v.Args...); x != nil {
			return fold(x)
		}
	}
	if x := r.logic(v); x != nil {
		return x
	}
	k := keyOf(v)
	if x := r.scope.value(k); x != nil {
		return r.resolve(x)
	}
	if v.Type == ir.Bool {
		if t, ok := r.scope.fact(k); ok {
			if t {
				return r.constant(ir.Bool, 1)
			}
			return r.constant(ir.Bool, 0)
		}
	}
	r.add(v)
	r.scope.vals[k] = v
	return v
}

// logic brings operations on bools, selections and divisions into their simplest form,
// or is nil.
func (r *rewriter) logic(v *ir.Value) *ir.Value {
	switch v.Op {
	case ir.UDiv, ir.UMod: // the driver's compiler divides by constants the long way
		if c, ok := v.Args[1].IsConst(); ok && c != 0 && c&(c-1) == 0 {
			if v.Op == ir.UMod {
				return r.emit(ir.And, v.Type, v.Args[0], r.constant(v.Type, c-1))
			}
			return r.emit(ir.LShr, v.Type, v.Args[0], r.num(uint32(bits.TrailingZeros64(c))))
		}
	case ir.LNot:
		switch a := v.Args[0]; a.Op {
		case ir.LNot:
			return r.resolve(a.Args[0])
		case ir.ULess:
			return r.emit(ir.ULessEq, ir.Bool, a.Args[1], a.Args[0])
		case ir.ULessEq:
			return r.emit(ir.ULess, ir.Bool, a.Args[1], a.Args[0])
		case ir.SLess:
			return r.emit(ir.SLessEq, ir.Bool, a.Args[1], a.Args[0])
		case ir.SLessEq:
			return r.emit(ir.SLess, ir.Bool, a.Args[1], a.Args[0])
		}
	case ir.LAnd, ir.LOr:
		if v.Args[0] == v.Args[1] {
			return v.Args[0]
		}
	case ir.Select:
		c, x, y := v.Args[0], v.Args[1], v.Args[2]
		if c.Op == ir.LNot {
			return r.emit(ir.Select, v.Type, c.Args[0], y, x)
		}
		if v.Type != ir.Bool {
			return nil
		}
		isConst := func(v *ir.Value, bits uint64) bool { return v.Op == ir.Const && v.Bits == bits }
		switch {
		case y == c || isConst(y, 0):
			return r.emit(ir.LAnd, ir.Bool, c, x)
		case x == c || isConst(x, 1):
			return r.emit(ir.LOr, ir.Bool, c, y)
		case isConst(y, 1):
			return r.emit(ir.LOr, ir.Bool, r.emit(ir.LNot, ir.Bool, c), x)
		case isConst(x, 0):
			return r.emit(ir.LAnd, ir.Bool, r.emit(ir.LNot, ir.Bool, c), y)
		}
	}
	return nil
}

func (r *rewriter) add(v *ir.Value) *ir.Value {
	r.steps++
	v.ID = r.steps
	*r.out = append(*r.out, v)
	return v
}

func (r *rewriter) value(old *ir.Value) {
	v := *old
	v.Args = make([]*ir.Value, len(old.Args))
	for i, a := range old.Args {
		v.Args[i] = r.arg(a)
	}
	switch {
	case v.Op == ir.Set:
		if r.known[v.Var] == v.Args[0] {
			return
		}
		r.known[v.Var] = v.Args[0]
		r.add(&v)
	case v.Op == ir.Get:
		x := r.known[v.Var]
		if x == nil {
			x = r.add(&v)
			r.known[v.Var] = x
		}
		r.env[old] = r.resolve(x)
	case pure(&v):
		r.env[old] = r.pure(&v)
	default:
		r.env[old] = r.add(&v)
	}
}

// list rewrites nodes into the current list. It returns the jump that the list surely
// ends with, which the caller writes, or nil.
func (r *rewriter) list(nodes []ir.Node) ir.Node {
	for _, n := range nodes {
		if r.abort {
			return nil
		}
		switch n := n.(type) {
		case *ir.Value:
			r.value(n)
		case *ir.If:
			if j := r.branch(n); j != nil {
				return j
			}
		case *ir.Loop:
			if j := r.loop(n); j != nil {
				return j
			}
		default:
			return n
		}
	}
	return nil
}

// part rewrites nodes into a list of its own, in a scope of its own.
func (r *rewriter) part(nodes []ir.Node, known map[*ir.Var]*ir.Value, enter func()) (list []ir.Node, after map[*ir.Var]*ir.Value, jump ir.Node) {
	out, before, sc := r.out, r.known, r.scope
	r.out, r.known, r.scope = &list, maps.Clone(known), newScope(sc)
	if enter != nil {
		enter()
	}
	jump = r.list(nodes)
	after = r.known
	r.out, r.known, r.scope = out, before, sc
	switch jump.(type) {
	case ir.Break, ir.Continue:
		if len(r.loops) > 0 && r.loops[len(r.loops)-1] {
			r.abort = true
		}
	}
	if jump != nil {
		list = append(list, jump)
	}
	return list, after, jump
}

func (r *rewriter) branch(n *ir.If) ir.Node {
	c := r.arg(n.Cond)
	if c.Op == ir.Const {
		if c.Bits != 0 {
			return r.list(n.Then)
		}
		return r.list(n.Else)
	}
	then, knownThen, j1 := r.part(n.Then, r.known, func() { r.assume(c, true) })
	els, knownElse, j2 := r.part(n.Else, r.known, func() { r.assume(c, false) })
	if r.abort {
		return nil
	}
	if len(then)+len(els) == 0 {
		return nil
	}
	if j1 == nil && j2 == nil && r.selects(c, then, els, knownThen, knownElse) {
		return nil
	}
	if len(then) == 0 {
		not := r.emit(ir.LNot, ir.Bool, c)
		*r.out = append(*r.out, &ir.If{Cond: not, Then: els})
	} else {
		*r.out = append(*r.out, &ir.If{Cond: c, Then: then, Else: els})
	}
	switch {
	case j1 != nil && j2 != nil:
		// Nothing follows; what the caller writes after this is never reached.
	case j1 != nil:
		r.known = knownElse
		r.assume(c, false)
	case j2 != nil:
		r.known = knownThen
		r.assume(c, true)
	default:
		maps.DeleteFunc(knownThen, func(v *ir.Var, x *ir.Value) bool { return knownElse[v] != x })
		r.known = knownThen
	}
	return nil
}

// selects turns an if that only computes and sets variables into selections.
func (r *rewriter) selects(c *ir.Value, then, els []ir.Node, knownThen, knownElse map[*ir.Var]*ir.Value) bool {
	const most = 12
	var vars []*ir.Var
	seen := map[*ir.Var]bool{}
	n := 0
	for _, list := range [][]ir.Node{then, els} {
		for _, node := range list {
			v, ok := node.(*ir.Value)
			if !ok || v.Op != ir.Set && !speculates(v) {
				return false
			}
			if n++; n > most {
				return false
			}
			if v.Op == ir.Set && !seen[v.Var] {
				seen[v.Var] = true
				vars = append(vars, v.Var)
			}
		}
	}
	for _, list := range [][]ir.Node{then, els} {
		for _, node := range list {
			if v := node.(*ir.Value); v.Op != ir.Set {
				*r.out = append(*r.out, v)
			}
		}
	}
	for _, v := range vars {
		side := func(known map[*ir.Var]*ir.Value) *ir.Value {
			if x := known[v]; x != nil {
				return x
			}
			x := r.known[v]
			if x == nil {
				x = r.add(&ir.Value{Op: ir.Get, Type: v.Type, Var: v})
				r.known[v] = x
			}
			return x
		}
		x := r.emit(ir.Select, v.Type, c, side(knownThen), side(knownElse))
		if r.known[v] != x {
			r.add(&ir.Value{Op: ir.Set, Var: v, Args: []*ir.Value{x}})
			r.known[v] = x
		}
	}
	return true
}

func (r *rewriter) loop(n *ir.Loop) ir.Node {
	if done, j := r.unroll(n); done {
		return j
	}
	for v := range written(n) {
		delete(r.known, v)
	}
	r.loops = append(r.loops, false)
	node := &ir.Loop{}
	var known map[*ir.Var]*ir.Value
	var jump ir.Node
	out, before, sc := r.out, r.known, r.scope
	r.out, r.known, r.scope = &node.Body, maps.Clone(before), newScope(sc)
	jump = r.list(n.Body)
	if jump != nil {
		node.Body = append(node.Body, jump)
	}
	known = r.known
	if hasContinue(n.Body) || jump != nil {
		// Not all of the body lies on the way to the Continue part.
		known, r.scope = before, sc
	}
	r.out, r.known, r.scope = &node.Continue, maps.Clone(known), newScope(r.scope)
	if !r.abort {
		if j := r.list(n.Continue); j != nil {
			node.Continue = append(node.Continue, j)
		}
	}
	r.out, r.known, r.scope = out, before, sc
	r.loops = r.loops[:len(r.loops)-1]
	*r.out = append(*r.out, node)
	return nil
}

// unroll repeats a loop whose course is known. The jump is one that leaves more than
// the loop.
func (r *rewriter) unroll(n *ir.Loop) (done bool, jump ir.Node) {
	if r.noUnroll || r.steps > maxValues || r.abort || size(n) > maxUnrolled/2 {
		return false, nil
	}
	out, known, sc := r.out, r.known, r.scope
	var list []ir.Node
	r.out, r.known, r.scope = &list, maps.Clone(known), newScope(sc)
	r.loops = append(r.loops, true)
	ok := false
	for range maxTrips + 1 {
		j := r.list(n.Body)
		if _, again := j.(ir.Continue); (j == nil || again) && !r.abort {
			j = r.list(n.Continue)
		}
		if r.abort || size(list...) > maxUnrolled {
			break
		}
		if j == nil {
			continue
		}
		if _, breaks := j.(ir.Break); !breaks {
			jump = j
		}
		ok = true
		break
	}
	r.loops = r.loops[:len(r.loops)-1]
	r.abort = false
	r.out, r.scope = out, sc
	if !ok {
		r.known = known
		return false, nil
	}
	*r.out = append(*r.out, list...)
	return true, jump
}

// size counts the operations in nodes.
func size(nodes ...ir.Node) int {
	n := 0
	ir.Walk(nodes, func(ir.Node) { n++ })
	return n
}

// written lists the variables that are set in nodes.
func written(nodes ...ir.Node) map[*ir.Var]bool {
	set := map[*ir.Var]bool{}
	ir.Walk(nodes, func(n ir.Node) {
		if v, ok := n.(*ir.Value); ok && v.Op == ir.Set {
			set[v.Var] = true
		}
	})
	return set
}

// hasContinue reports whether nodes hold a Continue of the loop that they are in.
func hasContinue(nodes []ir.Node) bool {
	for _, n := range nodes {
		switch n := n.(type) {
		case ir.Continue:
			return true
		case *ir.If:
			if hasContinue(n.Then) || hasContinue(n.Else) {
				return true
			}
		}
	}
	return false
}

// deadSets drops what is set and then never read.
func deadSets(f *ir.Func) {
	type vars map[*ir.Var]bool
	union := func(sets ...vars) vars {
		u := vars{}
		for _, s := range sets {
			maps.Copy(u, s)
		}
		return u
	}
	type ends struct{ brk, cont vars }
	// sweep goes through a list backwards. live are the variables that are read after it.
	var sweep func(list []ir.Node, live vars, at ends) ([]ir.Node, vars)
	sweep = func(list []ir.Node, live vars, at ends) ([]ir.Node, vars) {
		live = maps.Clone(live)
		var kept []ir.Node // last first
		for i := len(list) - 1; i >= 0; i-- {
			switch n := list[i].(type) {
			case *ir.Value:
				switch n.Op {
				case ir.Set:
					if !live[n.Var] {
						continue
					}
					delete(live, n.Var)
				case ir.Get:
					live[n.Var] = true
				}
			case *ir.If:
				var a, b vars
				n.Then, a = sweep(n.Then, live, at)
				n.Else, b = sweep(n.Else, live, at)
				live = union(a, b)
			case *ir.Loop:
				again := maps.Clone(live)
				ir.Walk([]ir.Node{n}, func(n ir.Node) {
					if v, ok := n.(*ir.Value); ok && v.Op == ir.Get {
						again[v.Var] = true
					}
				})
				var next vars
				n.Continue, next = sweep(n.Continue, again, ends{brk: live, cont: again})
				n.Body, live = sweep(n.Body, next, ends{brk: live, cont: next})
			case ir.Break:
				live = maps.Clone(at.brk)
			case ir.Continue:
				live = maps.Clone(at.cont)
			case ir.Return:
				live = vars{}
			}
			kept = append(kept, list[i])
		}
		for i, j := 0, len(kept)-1; i < j; i, j = i+1, j-1 {
			kept[i], kept[j] = kept[j], kept[i]
		}
		return kept, live
	}
	f.Body, _ = sweep(f.Body, vars{}, ends{})
}
