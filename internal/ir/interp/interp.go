// Package interp runs an ir.Func one invocation at a time, slowly and plainly. It is
// the reference that translations of the same code are tested against.
package interp

import (
	"fmt"
	"math"
	"sync"

	"gpubench/internal/ir"
)

// Dispatch is what a kernel runs on. Buffers are 32-bit words, in the order of their
// bindings; Push are the push constants as words.
type Dispatch struct {
	Groups  [3]uint32
	Push    []uint32
	Buffers [][]uint32
}

// Run runs every workgroup of d, one after the other. An access outside of a memory is
// an error, as is a barrier that not all invocations of a workgroup reach.
func Run(f *ir.Func, d Dispatch) error {
	for z := range d.Groups[2] {
		for y := range d.Groups[1] {
			for x := range d.Groups[0] {
				if err := workgroup(f, d, [3]uint32{x, y, z}); err != nil {
					return fmt.Errorf("interp: workgroup %d,%d,%d: %w", x, y, z, err)
				}
			}
		}
	}
	return nil
}

// gate lets invocations through a barrier together.
type gate struct {
	sync.Mutex
	*sync.Cond
	running, waiting int
	round            int
}

func (g *gate) wait() {
	g.Lock()
	defer g.Unlock()
	g.waiting++
	if g.waiting == g.running {
		g.waiting = 0
		g.round++
		g.Broadcast()
		return
	}
	for r := g.round; r == g.round; {
		g.Wait()
	}
}

// leave takes an invocation out; those that wait must not wait for it.
func (g *gate) leave() {
	g.Lock()
	defer g.Unlock()
	g.running--
	if g.running > 0 && g.waiting == g.running {
		g.waiting = 0
		g.round++
		g.Broadcast()
	}
}

func workgroup(f *ir.Func, d Dispatch, group [3]uint32) error {
	mems := make([][]uint32, len(f.Mems))
	n := 0
	for i, m := range f.Mems {
		switch m.Kind {
		case ir.Buffer:
			mems[i] = d.Buffers[n]
			n++
		case ir.Shared:
			mems[i] = make([]uint32, m.Len)
		}
	}
	w := f.Workgroup
	g := &gate{running: int(w[0] * w[1] * w[2])}
	g.Cond = sync.NewCond(&g.Mutex)
	var wg sync.WaitGroup
	errs := make(chan error, g.running)
	for z := range w[2] {
		for y := range w[1] {
			for x := range w[0] {
				own := append([][]uint32(nil), mems...)
				for i, m := range f.Mems {
					if m.Kind == ir.Private {
						own[i] = make([]uint32, m.Len)
					}
				}
				v := &invocation{d: d, group: group, local: [3]uint32{x, y, z}, mems: own, vals: map[*ir.Value]uint32{}, vars: map[*ir.Var]uint32{}, gate: g}
				wg.Go(func() {
					defer g.leave()
					if _, err := v.run(f.Body); err != nil {
						errs <- fmt.Errorf("invocation %v: %w", v.local, err)
					}
				})
			}
		}
	}
	wg.Wait()
	close(errs)
	return <-errs
}

type invocation struct {
	d            Dispatch
	group, local [3]uint32
	mems         [][]uint32
	vals         map[*ir.Value]uint32
	vars         map[*ir.Var]uint32
	gate         *gate
}

// jump says how a list was left: nil at its end, else the Break, Continue or Return.
func (v *invocation) run(list []ir.Node) (jump ir.Node, err error) {
	for _, n := range list {
		switch n := n.(type) {
		case *ir.Value:
			if err := v.value(n); err != nil {
				return nil, err
			}
		case *ir.If:
			side := n.Else
			if v.arg(n.Cond) != 0 {
				side = n.Then
			}
			if j, err := v.run(side); j != nil || err != nil {
				return j, err
			}
		case *ir.Loop:
			for done := false; !done; {
				j, err := v.run(n.Body)
				if _, ok := j.(ir.Continue); j == nil && err == nil || ok {
					j, err = v.run(n.Continue)
				}
				if err != nil {
					return nil, err
				}
				switch j.(type) {
				case ir.Break:
					done = true
				case ir.Return:
					return j, nil
				}
			}
		default:
			return n, nil
		}
	}
	return nil, nil
}

func (v *invocation) arg(a *ir.Value) uint32 {
	if b, ok := a.IsConst(); ok {
		return b
	}
	x, ok := v.vals[a]
	if !ok {
		panic("BUG: interp: a value is used before it is computed")
	}
	return x
}

func bit(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}

func (v *invocation) value(n *ir.Value) error {
	var a [3]uint32
	for i, x := range n.Args {
		a[i] = v.arg(x)
	}
	f := func(i int) float32 { return math.Float32frombits(a[i]) }
	s := func(i int) int32 { return int32(a[i]) }
	float := func(x float64) { v.vals[n] = math.Float32bits(float32(x)) }
	set := func(x uint32) { v.vals[n] = x }
	switch n.Op {
	case ir.LocalID:
		set(v.local[n.Dim])
	case ir.GroupID:
		set(v.group[n.Dim])
	case ir.NumGroups:
		set(v.d.Groups[n.Dim])
	case ir.Push:
		set(v.d.Push[n.Offset/4])
	case ir.Load, ir.Store:
		m := v.mems[n.Mem.ID]
		if uint64(a[0]) >= uint64(len(m)) {
			return fmt.Errorf("%s of %s at %d of %d", n.Op, n.Mem, int32(a[0]), len(m))
		}
		// Invocations run at the same time; shared words that race are the kernel's fault,
		// but must not be the Go race detector's.
		v.gate.Lock()
		defer v.gate.Unlock()
		if n.Op == ir.Load {
			set(m[a[0]])
		} else {
			m[a[0]] = a[1]
		}
	case ir.Get:
		set(v.vars[n.Var])
	case ir.Set:
		v.vars[n.Var] = a[0]
	case ir.Barrier:
		v.gate.wait()
	case ir.IAdd:
		set(a[0] + a[1])
	case ir.ISub:
		set(a[0] - a[1])
	case ir.IMul:
		set(a[0] * a[1])
	case ir.UDiv, ir.UMod, ir.SDiv, ir.SRem, ir.SMod:
		if a[1] == 0 {
			return fmt.Errorf("%s by zero", n.Op)
		}
		switch n.Op {
		case ir.UDiv:
			set(a[0] / a[1])
		case ir.UMod:
			set(a[0] % a[1])
		case ir.SDiv:
			set(uint32(s(0) / s(1)))
		case ir.SRem:
			set(uint32(s(0) % s(1)))
		case ir.SMod:
			r := s(0) % s(1)
			if r != 0 && (r < 0) != (s(1) < 0) {
				r += s(1)
			}
			set(uint32(r))
		}
	case ir.Shl:
		set(a[0] << (a[1] & 31))
	case ir.LShr:
		set(a[0] >> (a[1] & 31))
	case ir.AShr:
		set(uint32(s(0) >> (a[1] & 31)))
	case ir.And, ir.LAnd:
		set(a[0] & a[1])
	case ir.Or, ir.LOr:
		set(a[0] | a[1])
	case ir.Xor, ir.LNe:
		set(a[0] ^ a[1])
	case ir.Not:
		set(^a[0])
	case ir.INeg:
		set(-a[0])
	case ir.UMin:
		set(min(a[0], a[1]))
	case ir.UMax:
		set(max(a[0], a[1]))
	case ir.SMin:
		set(uint32(min(s(0), s(1))))
	case ir.SMax:
		set(uint32(max(s(0), s(1))))
	case ir.SAbs:
		set(uint32(max(s(0), -s(0))))
	case ir.IEq, ir.LEq:
		set(bit(a[0] == a[1]))
	case ir.INe:
		set(bit(a[0] != a[1]))
	case ir.ULess:
		set(bit(a[0] < a[1]))
	case ir.ULessEq:
		set(bit(a[0] <= a[1]))
	case ir.SLess:
		set(bit(s(0) < s(1)))
	case ir.SLessEq:
		set(bit(s(0) <= s(1)))
	case ir.FAdd:
		float(float64(f(0) + f(1)))
	case ir.FSub:
		float(float64(f(0) - f(1)))
	case ir.FMul:
		float(float64(f(0) * f(1)))
	case ir.FDiv:
		float(float64(f(0) / f(1)))
	case ir.FNeg:
		set(a[0] ^ 1<<31)
	case ir.Fma:
		float(float64(f(0))*float64(f(1)) + float64(f(2)))
	case ir.FMin:
		float(math.Min(float64(f(0)), float64(f(1))))
	case ir.FMax:
		float(math.Max(float64(f(0)), float64(f(1))))
	case ir.FAbs:
		set(a[0] &^ (1 << 31))
	case ir.Sqrt:
		float(math.Sqrt(float64(f(0))))
	case ir.Floor:
		float(math.Floor(float64(f(0))))
	case ir.Ceil:
		float(math.Ceil(float64(f(0))))
	case ir.Trunc:
		float(math.Trunc(float64(f(0))))
	case ir.FEq:
		set(bit(f(0) == f(1)))
	case ir.FNe:
		set(bit(f(0) != f(1)))
	case ir.FLess:
		set(bit(f(0) < f(1)))
	case ir.FLessEq:
		set(bit(f(0) <= f(1)))
	case ir.IsNaN:
		set(bit(f(0) != f(0)))
	case ir.LNot:
		set(a[0] ^ 1)
	case ir.Select:
		if a[0] != 0 {
			set(a[1])
		} else {
			set(a[2])
		}
	case ir.SToF:
		float(float64(s(0)))
	case ir.UToF:
		float(float64(a[0]))
	case ir.FToS:
		set(uint32(int32(f(0))))
	case ir.FToU:
		set(uint32(f(0)))
	case ir.IToFBits, ir.FToIBits:
		set(a[0])
	default:
		panic("BUG: interp: no meaning for " + n.Op.String())
	}
	return nil
}
