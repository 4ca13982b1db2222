package spmd

import (
	"math/bits"

	"gpubench/internal/ir"
)

// shape says how a value differs between the invocations of a workgroup.
type shape struct {
	kind   kind
	stride int32 // affine: difference between neighbouring lanes
	align  uint8 // uniform, perVector and affine integers: log2 of a factor of lane 0's value
}

type kind uint8

const (
	uniform   kind = iota // one value for the whole workgroup
	perVector             // one value for all lanes of a vector
	affine                // lane 0's value plus lane times stride
	varying
)

// scalar reports whether one C scalar holds the value of a vector's lanes: the value
// itself, or lane 0's where it is affine.
func (s shape) scalar() bool { return s.kind != varying }

func join(a, b shape) shape {
	if a.kind < b.kind {
		a, b = b, a
	}
	s := shape{kind: a.kind, stride: a.stride, align: min(a.align, b.align)}
	if a.kind == affine && (b.kind != affine || a.stride != b.stride) {
		return shape{kind: varying}
	}
	if s.kind == varying {
		return shape{kind: varying}
	}
	return s
}

// analysis finds the shape of every value and variable, and which loops and returns
// split the lanes of a vector.
type analysis struct {
	t      Target
	f      *ir.Func
	vals   map[*ir.Value]shape
	vars   map[*ir.Var]shape
	splits map[*ir.Loop]bool        // lanes may leave at different times
	home   map[*ir.Value][]*ir.Loop // the split loops around a value
	lost   bool                     // a return ends some lanes of a vector and not others
	change bool
}

func analyse(f *ir.Func, t Target) *analysis {
	a := &analysis{t: t, f: f, vals: map[*ir.Value]shape{}, vars: map[*ir.Var]shape{}, splits: map[*ir.Loop]bool{}, home: map[*ir.Value][]*ir.Loop{}}
	// Shapes only ever grow, from uniform towards varying, so this ends.
	for a.change = true; a.change; {
		a.change = false
		a.nodes(f.Body, shape{kind: uniform, align: 31}, nil, nil)
	}
	return a
}

// loopAt is a loop being visited, with the kind of the control flow that reached it.
type loopAt struct {
	loop *ir.Loop
	ctl  kind
	up   *loopAt
}

// nodes visits a list under control flow of shape ctl. loops are the split loops
// around it, in is the innermost loop.
func (a *analysis) nodes(list []ir.Node, ctl shape, loops []*ir.Loop, in *loopAt) {
	for _, n := range list {
		switch n := n.(type) {
		case *ir.Value:
			a.home[n] = loops
			s := a.value(n, loops)
			if n.Op == ir.Set {
				s = a.arg(n.Args[0], loops)
				if ctl.kind == varying || a.lost {
					s = shape{kind: varying}
				} else if ctl.kind > s.kind {
					s.kind = ctl.kind
				}
				old, ok := a.vars[n.Var]
				if ok {
					s = join(old, s)
				}
				if !ok || s != old {
					a.vars[n.Var] = s
					a.change = true
				}
				continue
			}
			if old, ok := a.vals[n]; !ok || old != s {
				a.vals[n] = s
				a.change = true
			}
		case *ir.If:
			c := a.arg(n.Cond, loops)
			inner := shape{kind: max(c.kind, ctl.kind)}
			a.nodes(n.Then, inner, loops, in)
			a.nodes(n.Else, inner, loops, in)
		case *ir.Loop:
			inner := loops
			if a.splits[n] {
				inner = append(loops[:len(loops):len(loops)], n)
				ctl.kind = max(ctl.kind, varying)
			}
			at := &loopAt{loop: n, ctl: ctl.kind, up: in}
			// A loop that vectors leave at different times makes what it writes differ.
			body := ctl
			if k := a.exits(n, inner); k > body.kind {
				body.kind = k
			}
			a.nodes(n.Body, body, inner, at)
			a.nodes(n.Continue, body, inner, at)
		case ir.Break, ir.Continue:
			if ctl.kind == varying && in.ctl != varying && !a.splits[in.loop] {
				a.splits[in.loop] = true
				a.change = true
			}
		case ir.Return:
			if ctl.kind != varying {
				continue
			}
			if !a.lost {
				a.lost = true
				a.change = true
			}
			for at := in; at != nil; at = at.up {
				if !a.splits[at.loop] {
					a.splits[at.loop] = true
					a.change = true
				}
			}
		}
	}
}

// exits is the widest shape of the conditions under which a loop is left.
func (a *analysis) exits(l *ir.Loop, loops []*ir.Loop) kind {
	k := uniform
	var look func(list []ir.Node, under kind, depth int)
	look = func(list []ir.Node, under kind, depth int) {
		for _, n := range list {
			switch n := n.(type) {
			case *ir.If:
				c := max(under, a.vals[n.Cond].kind)
				look(n.Then, c, depth)
				look(n.Else, c, depth)
			case *ir.Loop:
				look(n.Body, under, depth+1)
				look(n.Continue, under, depth+1)
			case ir.Break, ir.Continue:
				if depth == 0 {
					k = max(k, under)
				}
			case ir.Return:
				k = max(k, under)
			}
		}
	}
	look(l.Body, uniform, 0)
	look(l.Continue, uniform, 0)
	return k
}

// arg is the shape of a value as code inside the given split loops sees it: lanes
// that left a split loop at different times hold different values of what it computed.
func (a *analysis) arg(v *ir.Value, loops []*ir.Loop) shape {
	if v.Op == ir.Const {
		if v.Type != ir.Int {
			return shape{kind: uniform}
		}
		return shape{kind: uniform, align: uint8(min(31, bits.TrailingZeros64(v.Bits)))}
	}
	if a.escapes(v, loops) {
		return shape{kind: varying}
	}
	return a.vals[v]
}

// escapes reports whether v is computed in a split loop that does not enclose the user.
func (a *analysis) escapes(v *ir.Value, loops []*ir.Loop) bool {
	home := a.home[v]
	return len(home) > len(loops) || len(home) > 0 && home[len(home)-1] != loops[len(home)-1]
}

func (a *analysis) value(v *ir.Value, loops []*ir.Loop) shape {
	args := make([]shape, len(v.Args))
	top := uniform
	for i, x := range v.Args {
		args[i] = a.arg(x, loops)
		top = max(top, args[i].kind)
	}
	switch v.Op {
	case ir.LocalID:
		w := a.f.Workgroup
		lanes := uint32(a.t.Lanes)
		if w[0]%lanes == 0 {
			if v.Dim == 0 {
				return shape{kind: affine, stride: 1, align: uint8(bits.TrailingZeros32(lanes))}
			}
			return shape{kind: perVector}
		}
		if v.Dim == 0 && w[1] == 1 && w[2] == 1 {
			return shape{kind: affine, stride: 1, align: uint8(bits.TrailingZeros32(lanes))}
		}
		return shape{kind: varying}
	case ir.GroupID, ir.NumGroups, ir.Push:
		return shape{kind: uniform}
	case ir.Get:
		return a.vars[v.Var]
	case ir.Load:
		switch {
		case v.Mem.Kind == ir.Private || !args[0].scalar() || args[0].kind == affine:
			return shape{kind: varying}
		case args[0].kind == uniform && v.Mem.Kind == ir.Buffer && v.Mem.ReadOnly:
			return shape{kind: uniform}
		}
		return shape{kind: perVector}
	case ir.IAdd, ir.ISub:
		if top != varying {
			s := shape{kind: top, align: min(args[0].align, args[1].align)}
			if v.Op == ir.IAdd {
				s.stride = args[0].stride + args[1].stride
			} else {
				s.stride = args[0].stride - args[1].stride
			}
			if s.kind == affine && s.stride == 0 {
				s.kind = perVector
			}
			return s
		}
	case ir.IMul, ir.Shl:
		if top != varying {
			align := min(31, args[0].align+args[1].align)
			if v.Op == ir.Shl {
				align = args[0].align
			}
			if top < affine {
				return shape{kind: top, align: align}
			}
			for i := range 2 {
				c, ok := v.Args[i].IsConst()
				if !ok || v.Op == ir.Shl && i == 0 {
					continue
				}
				if v.Op == ir.Shl {
					if c > 31 {
						break
					}
					return shape{kind: affine, stride: args[0].stride << c, align: min(31, align+uint8(c))}
				}
				return shape{kind: affine, stride: args[1-i].stride * int32(c), align: align}
			}
		}
	case ir.INeg:
		if top == affine {
			return shape{kind: affine, stride: -args[0].stride, align: args[0].align}
		}
	case ir.UDiv, ir.UMod, ir.LShr, ir.And:
		// Neighbours in an aligned group: one quotient, and remainders that stay neighbours.
		if args[0].kind == affine && args[0].stride == 1 {
			if c, ok := v.Args[1].IsConst(); ok {
				log := -1
				switch v.Op {
				case ir.UDiv, ir.UMod:
					if c != 0 && c%uint64(a.t.Lanes) == 0 {
						log = bits.TrailingZeros64(c)
					}
				case ir.LShr:
					if c < 31 {
						log = int(c)
					}
				case ir.And:
					if c&(c+1) == 0 && c < 1<<31 {
						log = bits.Len64(c)
					}
				}
				group := bits.TrailingZeros32(uint32(a.t.Lanes))
				if log >= group && int(args[0].align) >= group {
					if v.Op == ir.UDiv || v.Op == ir.LShr {
						return shape{kind: perVector}
					}
					return shape{kind: affine, stride: 1, align: uint8(group)}
				}
			}
		}
	}
	if v.Op == ir.And && top < affine {
		return shape{kind: top, align: max(args[0].align, args[1].align)}
	}
	if top >= affine {
		return shape{kind: varying}
	}
	return shape{kind: top}
}
