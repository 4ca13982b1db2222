// A backend that multiplies in Go, with faults and a speed to order.

package launch

import (
	"errors"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"gpubench/internal/backend"
	"gpubench/internal/meter"
	"gpubench/internal/result"
)

// fake is a backend whose one device is this processor. How long a dispatch takes
// is made up, and slept: in a bubble of testing/synctest that takes no time, and
// no test depends on the machine's speed.
type fake struct {
	absent     bool
	candidates []backend.Specialization // {"T": 1} when nil
	limit      bool                     // Candidates reports a limit

	buildErr map[uint32]error // by the value of T
	loadErr  error
	runErr   error
	closeErr error
	errBatch int // batch at which runErr strikes, from 1

	wrongElement int                     // index into C that is off by one, from wrongBatch on; -1 for none
	wrongBatch   int                     // from 1
	wrongT       uint32                  // the specialization that computes wrong, 0 for all
	unwritten    func(batch, i int) bool // elements of C that are left alone
	// The same in single dispatches: it is told which of how many.
	dropped   func(b backend.Batch, dispatch, i int) bool
	value     func(b backend.Batch, dispatch, i int, v float32) float32 // what is written instead of v
	stale     func(batch int) bool                                      // the product stays what it was, whatever A has become
	lost      func(batch int) bool                                      // fill and dispatches do nothing
	early     func(batch int) bool                                      // the fence is seen before anything is written
	copying   float64                                                   // the part of a dispatch's time that each but the first of a batch takes; all where 0
	behindS   func(batch int) float64                                   // what the first read behind a batch waits, in seconds
	stray     int                                                       // distance from C's first element, or from its last (positive), of a write of the last dispatch
	emptyS    float64                                                   // host seconds of an empty dispatch; 10 µs when 0
	emptyErr  error
	tick      float64                 // of the host's clock, in seconds; 0 for one that shows everything
	scribble  bool                    // the empty dispatch writes into C
	rounding  func(float32) float32   // applied to the inputs
	jitter    bool                    // every batch has other last bits
	dispatchS float64                 // host seconds of a dispatch; 0.001 when 0
	secondsOf func(uint32) float64    // the same, by T
	warming   func(batch int) float64 // factor on the time of a batch
	deviceS   func(host float64) *float64
	before    func() // called before each batch
	compiling time.Duration
	meters    meter.Source
	running   int32 // 1 while a batch is

	opened, built []string // what was asked for
	batches       int      // of the current program
	empties       int      // empty dispatches of all programs
	closed        int      // programs and devices that were closed
}

func (f *fake) Name() string { return "fake" }

func (f *fake) Devices() ([]result.Device, error) {
	if f.absent {
		return nil, &backend.Error{Kind: backend.Absent, Text: "libfake.so.1 not found", Remedy: "install fake"}
	}
	return []result.Device{f.Info()}, nil
}

func (f *fake) Open(id string) (backend.Device, error) {
	f.opened = append(f.opened, id)
	if id != "fake:0" {
		return nil, backend.Errorf(backend.NoDevice, "fake: there is no device %q", id)
	}
	return f, nil
}

func (f *fake) Info() result.Device {
	return result.Device{ID: "fake:0", Backend: "fake", Class: result.ClassCPU, Name: "Go", UUID: "f0"}
}

func (f *fake) Candidates(_ string, p backend.Problem) ([]backend.Specialization, error) {
	if f.limit {
		return nil, backend.Errorf(backend.Limit, "fake: problem %v exceeds maxFakeSize", p)
	}
	if f.candidates == nil {
		return []backend.Specialization{{"T": 1}}, nil
	}
	return f.candidates, nil
}

func (f *fake) Build(_ string, p backend.Problem, s backend.Specialization) (backend.Program, error) {
	f.built = append(f.built, p.String())
	time.Sleep(f.compiling)
	f.batches = 0
	if err := f.buildErr[s["T"]]; err != nil {
		return nil, err
	}
	return &fakeProgram{f: f, p: p, spec: s, region: make([]float32, p.MaxRegion())}, nil
}

func (f *fake) Close() error {
	f.closed++
	return f.closeErr
}

type fakeProgram struct {
	f       *fake
	p       backend.Problem
	spec    backend.Specialization
	a, b    []float32
	region  []float32 // of C
	filled  float32
	behind  bool      // nothing was read since the last batch
	product []float32 // A x B, computed once for each Load
}

func (p *fakeProgram) Form() backend.Form {
	return backend.Form{Name: "go", SPIRVSHA256: "5b1", SHA256: "60", Specialization: p.spec}
}

func (p *fakeProgram) Load(a, b []float32) error {
	p.a, p.b, p.product = slices.Clone(a), slices.Clone(b), nil
	return p.f.loadErr
}

// Patch computes only the rows of the product again that it changes.
func (p *fakeProgram) Patch(matrix, at int, values []float32) error {
	if p.f.stale != nil && p.f.stale(p.f.batches+1) {
		return nil
	}
	copy([][]float32{p.a, p.b}[matrix][at:], values)
	if p.product == nil || matrix != 0 || len(values) != p.p.K || at%p.p.K != 0 {
		p.product = nil
		return nil
	}
	copy(p.product[at/p.p.K*p.p.N:], multiply(backend.Problem{M: 1, N: p.p.N, K: p.p.K}, values, p.b, p.f.rounding))
	return nil
}

func (p *fakeProgram) Fill(v float32, n int) error {
	if p.f.lost != nil && p.f.lost(p.f.batches+1) {
		return nil
	}
	p.filled = v
	for i := range p.region[:n] {
		p.region[i] = v
	}
	return nil
}

func (p *fakeProgram) Run(b backend.Batch) (backend.Timing, error) {
	f := p.f
	f.batches++
	atomic.StoreInt32(&f.running, 1)
	defer atomic.StoreInt32(&f.running, 0)
	if f.before != nil {
		f.before()
	}
	if err := b.Check(); err != nil {
		return backend.Timing{}, err
	}
	if f.runErr != nil && f.batches == f.errBatch {
		return backend.Timing{}, f.runErr
	}
	if p.product == nil {
		p.product = multiply(p.p, p.a, p.b, f.rounding)
	}
	if f.lost == nil || !f.lost(f.batches) {
		for dispatch := range b.Dispatches {
			p.dispatch(b, dispatch)
		}
	}
	p.behind = true
	t := f.dispatchS
	if f.secondsOf != nil {
		t = f.secondsOf(p.spec["T"])
	}
	if t == 0 {
		t = 0.001
	}
	if f.copying > 0 {
		t *= 1 + f.copying*float64(b.Dispatches-1)
	} else {
		t *= float64(b.Dispatches)
	}
	if f.warming != nil {
		t *= f.warming(f.batches)
	}
	timing := p.timing(t)
	for i, at := range p.p.Witnesses(b) {
		timing.Witness[i] = p.region[at]
		if f.early != nil && f.early(f.batches) {
			timing.Witness[i] = p.filled
		}
	}
	return timing, nil
}

// dispatch writes the C of one dispatch.
func (p *fakeProgram) dispatch(b backend.Batch, dispatch int) {
	f := p.f
	at := p.p.Place(b, dispatch)
	for i, v := range p.product {
		if f.unwritten != nil && f.unwritten(f.batches, i) || f.dropped != nil && f.dropped(b, dispatch, i) {
			continue
		}
		if i == f.wrongElement && f.wrongBatch > 0 && f.batches >= f.wrongBatch && (f.wrongT == 0 || f.wrongT == p.spec["T"]) {
			v++
		}
		if f.jitter && i == 0 && v != float32(math.Trunc(float64(v))) {
			v = math.Float32frombits(math.Float32bits(v) ^ uint32(f.batches&1))
		}
		if f.value != nil {
			v = f.value(b, dispatch, i, v)
		}
		p.region[at+i] = v
	}
	if dispatch == b.Dispatches-1 {
		switch {
		case f.stray > 0:
			p.region[at+len(p.product)-1+f.stray] = 0
		case f.stray < 0:
			p.region[at+f.stray] = 0
		}
	}
}

// timing lets a time pass.
func (p *fakeProgram) timing(host float64) backend.Timing {
	time.Sleep(time.Duration(host * 1e9))
	if p.f.tick > 0 {
		host = math.Floor(host/p.f.tick) * p.f.tick
	}
	timing := backend.Timing{HostS: host}
	if p.f.deviceS != nil {
		timing.DeviceS = p.f.deviceS(host)
	}
	return timing
}

func (p *fakeProgram) Empty() (backend.Timing, error) {
	p.f.empties++
	if p.f.scribble {
		p.region[backend.Stagger] = 0
	}
	t := p.f.emptyS
	if t == 0 {
		t = 1e-5
	}
	return p.timing(t), p.f.emptyErr
}

func (p *fakeProgram) Read(c []float32, at int) error {
	if p.behind && p.f.behindS != nil {
		time.Sleep(time.Duration(p.f.behindS(p.f.batches) * 1e9))
	}
	p.behind = false
	copy(c, p.region[at:])
	return nil
}

func (p *fakeProgram) Close() error {
	p.f.closed++
	return nil
}

// multiply is the product in float32, one sum after the other.
func multiply(p backend.Problem, a, b []float32, rounding func(float32) float32) []float32 {
	if rounding == nil {
		rounding = func(x float32) float32 { return x }
	}
	ra, rb := make([]float32, len(a)), make([]float32, len(b))
	for i, x := range a {
		ra[i] = rounding(x)
	}
	for i, x := range b {
		rb[i] = rounding(x)
	}
	c := make([]float32, p.M*p.N)
	for i := range p.M {
		row := c[i*p.N : (i+1)*p.N]
		for k, x := range ra[i*p.K : (i+1)*p.K] {
			for j, y := range rb[k*p.N : (k+1)*p.N] {
				row[j] += float32(x * y) // no fused operation: the same bits everywhere
			}
		}
	}
	return c
}

var errDeviceLost = &backend.Error{Kind: backend.DeviceLost, Text: "fake: wait for fence: device lost", Err: errors.New("VK_ERROR_DEVICE_LOST")}
