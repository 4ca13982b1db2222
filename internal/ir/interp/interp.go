// Package interp runs an ir.Func one invocation at a time, slowly and plainly. It is
// the reference that translations of the same code are tested against.
package interp

import (
	"fmt"
	"math"
	"sync"

	"gpubench/internal/ir"
	"gpubench/internal/spirv"
)

// Dispatch is what a kernel runs on. Buffers are 32-bit words, in the order of their
// bindings; elements of 16 and 64 bits lie in them as in a little-endian memory. Push
// are the push constants as words.
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

// words is the number of words that a memory of the workgroup or an invocation takes.
func words(m *ir.Mem) uint64 { return (uint64(m.Len)*uint64(m.Elem.Size()) + 3) / 4 }

func workgroup(f *ir.Func, d Dispatch, group [3]uint32) error {
	mems := make([][]uint32, len(f.Mems))
	n := 0
	for i, m := range f.Mems {
		switch m.Kind {
		case ir.Buffer:
			mems[i] = d.Buffers[n]
			n++
		case ir.Shared:
			mems[i] = make([]uint32, words(m))
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
						own[i] = make([]uint32, words(m))
					}
				}
				v := &invocation{d: d, group: group, local: [3]uint32{x, y, z}, mems: own, vals: map[*ir.Value]uint64{}, wide: map[*ir.Value][]uint64{}, vars: map[*ir.Var]uint64{}, gate: g}
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
	vals         map[*ir.Value]uint64
	wide         map[*ir.Value][]uint64 // what a Wide has loaded
	vars         map[*ir.Var]uint64
	copies       []func() // that have not landed
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

func (v *invocation) arg(a *ir.Value) uint64 {
	if b, ok := a.IsConst(); ok {
		return b
	}
	x, ok := v.vals[a]
	if !ok {
		panic("BUG: interp: a value is used before it is computed")
	}
	return x
}

func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// element finds n neighbouring elements of a memory from index at on, for get and put.
func (v *invocation) element(op ir.Op, m *ir.Mem, at int64, n int) error {
	have := int64(len(v.mems[m.ID])) * 4 / int64(m.Elem.Size())
	if at < 0 || at+int64(n) > have {
		return fmt.Errorf("%s of %d of %s at %d of %d", op, n, m, at, have)
	}
	if n > 1 && at%int64(n) != 0 {
		return fmt.Errorf("%s of %d of %s at %d, which is not aligned", op, n, m, at)
	}
	return nil
}

// Invocations run at the same time; words that race are the kernel's fault, but must
// not be the Go race detector's.
func (v *invocation) get(m *ir.Mem, at int64) uint64 {
	v.gate.Lock()
	defer v.gate.Unlock()
	w := v.mems[m.ID]
	switch m.Elem.Size() {
	case 2:
		return uint64(w[at/2]>>(16*(at%2))) & 0xffff
	case 8:
		return uint64(w[2*at]) | uint64(w[2*at+1])<<32
	}
	return uint64(w[at])
}

func (v *invocation) put(m *ir.Mem, at int64, x uint64) {
	v.gate.Lock()
	defer v.gate.Unlock()
	w := v.mems[m.ID]
	switch m.Elem.Size() {
	case 2:
		shift := 16 * (at % 2)
		w[at/2] = w[at/2]&^(0xffff<<shift) | uint32(x)<<shift
	case 8:
		w[2*at], w[2*at+1] = uint32(x), uint32(x>>32)
	default:
		w[at] = uint32(x)
	}
}

// access does what moves several elements at once.
func (v *invocation) access(n *ir.Value, a []uint64) error {
	at := int64(int32(a[0])) + int64(int32(n.Offset))
	switch n.Op {
	case ir.Wide:
		if err := v.element(n.Op, n.Mem, at, int(n.N)); err != nil {
			return err
		}
		var xs []uint64
		for i := range int64(n.N) {
			xs = append(xs, v.get(n.Mem, at+i))
		}
		v.wide[n] = xs
	case ir.WideStore:
		if err := v.element(n.Op, n.Mem, at, len(a)-1); err != nil {
			return err
		}
		for i, x := range a[1:] {
			v.put(n.Mem, at+int64(i), x)
		}
	case ir.Copy:
		from := int64(int32(a[1])) + int64(int32(n.FromOffset))
		if err := v.element(n.Op, n.Mem, at, int(n.N)); err != nil {
			return err
		}
		if err := v.element(n.Op, n.From, from, int(n.N)); err != nil {
			return err
		}
		for i := range int64(n.N) {
			v.copies = append(v.copies, func() { v.put(n.Mem, at+i, v.get(n.From, from+i)) })
		}
	case ir.CopyWait:
		for _, c := range v.copies {
			c()
		}
		v.copies = nil
	}
	return nil
}

func (v *invocation) value(n *ir.Value) error {
	a := make([]uint64, max(3, len(n.Args)))
	width := uint(0) // of the arguments
	for i, x := range n.Args {
		if n.Op == ir.Part {
			break
		}
		a[i] = v.arg(x)
	}
	if len(n.Args) > 0 {
		width = uint(n.Args[0].Type.Size()) * 8
	}
	f := func(i int) float64 { return spirv.DecodeFloat(a[i], int(n.Args[i].Type.Size())*8) }
	s := func(i int) int64 { return int64(a[i]<<(64-width)) >> (64 - width) }
	set := func(x uint64) {
		if n.Type == ir.Int {
			x = uint64(uint32(x))
		}
		v.vals[n] = x
	}
	float := func(x float64) { set(spirv.EncodeFloat(x, int(n.Type.Size())*8)) }
	switch n.Op {
	case ir.LocalID:
		set(uint64(v.local[n.Dim]))
	case ir.GroupID:
		set(uint64(v.group[n.Dim]))
	case ir.NumGroups:
		set(uint64(v.d.Groups[n.Dim]))
	case ir.Push:
		w := uint64(v.d.Push[n.Offset/4])
		switch n.Type {
		case ir.Half:
			w = w >> (8 * (n.Offset % 4)) & 0xffff
		case ir.Long:
			w |= uint64(v.d.Push[n.Offset/4+1]) << 32
		}
		set(w)
	case ir.Load, ir.Store:
		at := int64(int32(a[0])) + int64(int32(n.Offset))
		if err := v.element(n.Op, n.Mem, at, 1); err != nil {
			return err
		}
		if n.Op == ir.Load {
			set(v.get(n.Mem, at))
		} else {
			v.put(n.Mem, at, a[1])
		}
	case ir.Wide, ir.WideStore, ir.Copy, ir.CopyWait:
		return v.access(n, a)
	case ir.Part:
		set(v.wide[n.Args[0]][n.Dim])
	case ir.Addr: // as an index
		x := a[0] * uint64(n.N)
		if len(n.Args) > 1 {
			x += a[1]
		}
		v.vals[n] = uint64(uint32(x))
	case ir.Get:
		set(v.vars[n.Var])
	case ir.Set:
		v.vars[n.Var] = a[0]
	case ir.Barrier:
		v.gate.wait()
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
			set(uint64(s(0) / s(1)))
		case ir.SRem:
			set(uint64(s(0) % s(1)))
		case ir.SMod:
			r := s(0) % s(1)
			if r != 0 && (r < 0) != (s(1) < 0) {
				r += s(1)
			}
			set(uint64(r))
		}
	case ir.IAdd:
		set(a[0] + a[1])
	case ir.ISub:
		set(a[0] - a[1])
	case ir.IMul:
		set(a[0] * a[1])
	case ir.Shl:
		set(a[0] << (a[1] & uint64(width-1)))
	case ir.LShr:
		set(a[0] >> (a[1] & uint64(width-1)))
	case ir.AShr:
		set(uint64(s(0) >> (a[1] & uint64(width-1))))
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
		set(uint64(min(s(0), s(1))))
	case ir.SMax:
		set(uint64(max(s(0), s(1))))
	case ir.SAbs:
		set(uint64(max(s(0), -s(0))))
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
	case ir.FAdd: // what float64 has rounded rounds right once more to half its digits
		float(f(0) + f(1))
	case ir.FSub:
		float(f(0) - f(1))
	case ir.FMul:
		float(f(0) * f(1))
	case ir.FDiv:
		float(f(0) / f(1))
	case ir.FNeg:
		set(a[0] ^ 1<<(width-1))
	case ir.Fma:
		float(oddFMA(f(0), f(1), f(2)))
	case ir.FMin, ir.FMax:
		switch x, y := f(0), f(1); {
		case math.IsNaN(x):
			set(a[1])
		case math.IsNaN(y):
			set(a[0])
		case n.Op == ir.FMin:
			float(math.Min(x, y))
		default:
			float(math.Max(x, y))
		}
	case ir.FAbs:
		set(a[0] &^ (1 << (width - 1)))
	case ir.Sqrt:
		float(math.Sqrt(f(0)))
	case ir.RSqrt:
		float(1 / math.Sqrt(f(0)))
	case ir.Exp2:
		float(math.Exp2(f(0)))
	case ir.Log2:
		float(math.Log2(f(0)))
	case ir.Sin:
		float(math.Sin(f(0)))
	case ir.Cos:
		float(math.Cos(f(0)))
	case ir.Floor:
		float(math.Floor(f(0)))
	case ir.Ceil:
		float(math.Ceil(f(0)))
	case ir.Trunc:
		float(math.Trunc(f(0)))
	case ir.RoundEven:
		float(math.RoundToEven(f(0)))
	case ir.FEq:
		set(bit(f(0) == f(1)))
	case ir.FNe:
		set(bit(f(0) != f(1)))
	case ir.FLess:
		set(bit(f(0) < f(1)))
	case ir.FLessEq:
		set(bit(f(0) <= f(1)))
	case ir.IsNaN:
		set(bit(math.IsNaN(f(0))))
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
		set(uint64(int64(f(0))))
	case ir.FToU:
		set(uint64(f(0)))
	case ir.FConvert:
		float(f(0))
	case ir.IToFBits, ir.FToIBits, ir.UExtend, ir.Truncate:
		set(a[0])
	case ir.SExtend:
		set(uint64(s(0)))
	case ir.PackHalf:
		set(a[0] | a[1]<<16)
	case ir.UnpackHalf:
		set(a[0] >> (16 * n.Dim) & 0xffff)
	case ir.PackLong:
		set(a[0] | a[1]<<32)
	case ir.UnpackLong:
		set(a[0] >> (32 * n.Dim))
	default:
		panic("BUG: interp: no meaning for " + n.Op.String())
	}
	return nil
}

// oddFMA is x*y+z rounded to odd, which rounds right once more to half its digits. The
// product of two numbers of 24 digits is exact.
func oddFMA(x, y, z float64) float64 {
	p := x * y
	sum := p + z
	b := sum - p
	err := (p - (sum - b)) + (z - b)
	bits := math.Float64bits(sum)
	if err != 0 && !math.IsInf(sum, 0) && !math.IsNaN(err) && bits&1 == 0 {
		if (err > 0) == (sum > 0) {
			bits++
		} else {
			bits--
		}
	}
	return math.Float64frombits(bits)
}
