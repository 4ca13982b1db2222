package ptx

import (
	"fmt"
	"math/bits"
	"slices"

	"gpubench/internal/ir"
)

// shape finds what is the same in all invocations of a workgroup and which powers of
// two divide the integers.
type shape struct {
	differs  map[*ir.Value]bool // between the invocations of a workgroup
	varDiff  map[*ir.Var]bool
	align    map[*ir.Value]int // log2 of a factor, at most maxAlign; missing means not visited
	varAlign map[*ir.Var]int
	changed  bool
	done     bool
	err      error // a barrier that some invocations may not reach
	lost     bool  // some invocations may have returned
}

const maxAlign = 31

func shapeOf(f *ir.Func) *shape {
	s := &shape{differs: map[*ir.Value]bool{}, varDiff: map[*ir.Var]bool{}, align: map[*ir.Value]int{}, varAlign: map[*ir.Var]int{}}
	for _, v := range f.Vars {
		s.varAlign[v] = maxAlign // a variable that was never set holds 0
	}
	// What is the same only ever becomes different, and factors only ever shrink.
	for s.changed = true; s.changed; {
		s.changed, s.err, s.lost = false, nil, false
		s.list(f.Body, false, nil)
	}
	s.done = true
	return s
}

// loopShape is a loop being visited.
type loopShape struct {
	split bool // invocations may leave it at different times
	up    *loopShape
}

// list visits nodes. apart says that not all invocations may be here.
func (s *shape) list(list []ir.Node, apart bool, in *loopShape) {
	for _, n := range list {
		switch n := n.(type) {
		case *ir.Value:
			s.value(n, apart || s.lost)
		case *ir.If:
			inner := apart || s.of(n.Cond)
			s.list(n.Then, inner, in)
			s.list(n.Else, inner, in)
		case *ir.Loop:
			l := &loopShape{up: in, split: s.exits(n)}
			s.list(n.Body, apart || l.split, l)
			s.list(n.Continue, apart || l.split, l)
		case ir.Return:
			s.lost = s.lost || apart
		}
	}
}

// of reports whether v differs. What a pass has made since the visit is looked at now.
func (s *shape) of(v *ir.Value) bool {
	if v.Op == ir.Const {
		return false
	}
	d, ok := s.differs[v]
	if !ok && s.done {
		d = s.varies(v)
		s.differs[v] = d
	}
	return d
}

func (s *shape) varies(v *ir.Value) bool {
	differs := false
	for _, a := range v.Args {
		differs = differs || s.of(a)
	}
	switch v.Op {
	case ir.LocalID:
		return true
	case ir.Load, ir.Wide:
		return differs || v.Mem.Kind != ir.Buffer || !v.Mem.ReadOnly
	case ir.Get:
		return s.varDiff[v.Var]
	}
	return differs
}

// exits reports whether a loop may be left, or a step of it cut short, under a
// condition that differs.
func (s *shape) exits(l *ir.Loop) bool {
	var look func(list []ir.Node, apart bool, depth int) bool
	look = func(list []ir.Node, apart bool, depth int) bool {
		for _, n := range list {
			switch n := n.(type) {
			case *ir.If:
				inner := apart || s.of(n.Cond)
				if look(n.Then, inner, depth) || look(n.Else, inner, depth) {
					return true
				}
			case *ir.Loop:
				if look(n.Body, apart, depth+1) || look(n.Continue, apart, depth+1) {
					return true
				}
			case ir.Break, ir.Continue:
				if depth == 0 && apart {
					return true
				}
			case ir.Return:
				if apart {
					return true
				}
			}
		}
		return false
	}
	return look(l.Body, false, 0) || look(l.Continue, false, 0)
}

func (s *shape) value(v *ir.Value, apart bool) {
	differs := s.varies(v)
	switch v.Op {
	case ir.Set:
		if (differs || apart) && !s.varDiff[v.Var] {
			s.varDiff[v.Var], s.changed = true, true
		}
		if a := s.factor(v.Args[0]); a < s.varAlign[v.Var] {
			s.varAlign[v.Var], s.changed = a, true
		}
	case ir.Barrier:
		if apart && s.err == nil {
			s.err = v.Err("some invocations of a workgroup may not reach this barrier, because of a condition that differs between them")
		}
	}
	if old, ok := s.differs[v]; !ok || differs && !old {
		s.differs[v], s.changed = differs, true
	}
	if v.Type != ir.Int && v.Op != ir.Addr {
		return
	}
	a := s.computed(v)
	if old, ok := s.align[v]; !ok || a < old {
		s.align[v], s.changed = a, true
	}
}

// factor is the log2 of a power of two that divides v.
func (s *shape) factor(v *ir.Value) int {
	if v.Op == ir.Const {
		return min(maxAlign, bits.TrailingZeros64(v.Bits))
	}
	if a, ok := s.align[v]; ok {
		return a
	}
	if s.done {
		a := 0
		if v.Type == ir.Int || v.Op == ir.Addr {
			a = s.computed(v)
		}
		s.align[v] = a
		return a
	}
	return maxAlign // not visited yet
}

func (s *shape) computed(v *ir.Value) int {
	f := func(i int) int { return s.factor(v.Args[i]) }
	switch v.Op {
	case ir.Get:
		return s.varAlign[v.Var]
	case ir.IAdd, ir.ISub, ir.Or, ir.Xor:
		return min(f(0), f(1))
	case ir.UMin, ir.UMax, ir.SMin, ir.SMax:
		return min(f(0), f(1))
	case ir.Select:
		return min(f(1), f(2))
	case ir.And:
		return max(f(0), f(1))
	case ir.IMul:
		return min(maxAlign, f(0)+f(1))
	case ir.Shl:
		if c, ok := v.Args[1].IsConst(); ok {
			return min(maxAlign, f(0)+int(c&31))
		}
		return f(0)
	case ir.INeg:
		return f(0)
	case ir.Addr: // in elements
		a := min(maxAlign, f(0)+bits.TrailingZeros32(v.N))
		if len(v.Args) > 1 {
			a = min(a, f(1))
		}
		return a
	}
	return 0
}

// A poly is an integer as a sum of products: what index arithmetic amounts to, modulo
// 2^32. Two indices whose polys differ by a constant are that far apart always.
type poly []mono

// mono is a constant times values, which are no sums or products themselves.
type mono struct {
	coef  int64
	atoms []*ir.Value // in the order of their IDs
}

// maxMonos bounds a poly; a longer one is taken as a single value.
const maxMonos = 16

func (m mono) same(o mono) bool { return slices.Equal(m.atoms, o.atoms) }

func (p poly) plus(q poly, times int64) poly {
	sum := append(poly(nil), p...)
next:
	for _, m := range q {
		for i := range sum {
			if sum[i].same(m) {
				sum[i].coef = int64(int32(sum[i].coef + times*m.coef))
				continue next
			}
		}
		sum = append(sum, mono{int64(int32(times * m.coef)), m.atoms})
	}
	return slices.DeleteFunc(sum, func(m mono) bool { return m.coef == 0 })
}

func (p poly) times(q poly) poly {
	var sum poly
	for _, a := range p {
		for _, b := range q {
			atoms := append(append([]*ir.Value(nil), a.atoms...), b.atoms...)
			slices.SortStableFunc(atoms, func(x, y *ir.Value) int { return x.ID - y.ID })
			sum = sum.plus(poly{{int64(int32(a.coef * b.coef)), atoms}}, 1)
		}
	}
	return sum
}

// split separates the constant.
func (p poly) split() (rest poly, c int64) {
	for _, m := range p {
		if len(m.atoms) == 0 {
			c = m.coef
		} else {
			rest = append(rest, m)
		}
	}
	return rest, c
}

// constant is p as a number, if it is one.
func (p poly) constant() (int64, bool) {
	rest, c := p.split()
	return c, len(rest) == 0
}

// has reports whether an atom occurs in p.
func (p poly) has(v *ir.Value) bool {
	for _, m := range p {
		if slices.Contains(m.atoms, v) {
			return true
		}
	}
	return false
}

// replace puts a poly in the place of an atom.
func (p poly) replace(v *ir.Value, by poly) poly {
	var sum poly
	for _, m := range p {
		t := poly{{m.coef, nil}}
		for _, a := range m.atoms {
			if a == v {
				t = t.times(by)
			} else {
				t = t.times(poly{{1, []*ir.Value{a}}})
			}
		}
		sum = sum.plus(t, 1)
	}
	return sum
}

// monoFactor is the log2 of a power of two that divides m.
func (s *shape) monoFactor(m mono) int {
	a := bits.TrailingZeros64(uint64(m.coef))
	for _, v := range m.atoms {
		a += s.factor(v)
	}
	return min(a, maxAlign)
}

func constPoly(c int64) poly {
	if c == 0 {
		return nil
	}
	return poly{{c, nil}}
}

func atom(v *ir.Value) poly { return poly{{1, []*ir.Value{v}}} }

// polys computes polys of values, each once.
type polys map[*ir.Value]poly

func (ps polys) of(v *ir.Value) poly {
	if c, ok := v.IsConst(); ok {
		return constPoly(int64(int32(c)))
	}
	if p, ok := ps[v]; ok {
		return p
	}
	p := ps.compute(v)
	if len(p) > maxMonos {
		p = nil
	}
	for _, m := range p {
		if len(m.atoms) > 3 {
			p = nil
			break
		}
	}
	if p == nil {
		p = atom(v)
	}
	ps[v] = p
	return p
}

// compute returns nil for what is an atom.
func (ps polys) compute(v *ir.Value) poly {
	if v.Type != ir.Int {
		return nil
	}
	switch v.Op {
	case ir.IAdd:
		return orZero(ps.of(v.Args[0]).plus(ps.of(v.Args[1]), 1))
	case ir.ISub:
		return orZero(ps.of(v.Args[0]).plus(ps.of(v.Args[1]), -1))
	case ir.INeg:
		return orZero(poly(nil).plus(ps.of(v.Args[0]), -1))
	case ir.IMul:
		return orZero(ps.of(v.Args[0]).times(ps.of(v.Args[1])))
	case ir.Shl:
		if c, ok := v.Args[1].IsConst(); ok && c < 31 {
			return orZero(ps.of(v.Args[0]).times(constPoly(1 << c)))
		}
	}
	return nil
}

// orZero tells a sum that comes to zero from none.
func orZero(p poly) poly {
	if p == nil {
		return poly{}
	}
	return p
}

func (p poly) String() string {
	s := ""
	for i, m := range p {
		if i > 0 {
			s += " + "
		}
		s += fmt.Sprint(m.coef)
		for _, a := range m.atoms {
			s += fmt.Sprintf("*v%d", a.ID)
		}
	}
	return s
}
