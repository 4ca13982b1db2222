// Package launch is what happens inside one child process: it drives a backend
// through one request and emits what it sees as events. It decides nothing about
// the run as a whole; that is the parent's part, package measure.
//
// It refuses to report a time for a result that it has not checked. Before every batch, warm-up
// and search included, the region of C is filled with NaN and signs of A are turned; after it
// the region is read back and checked: one dispatch, chosen by chance, in every element, and of
// each other one the trace that the later ones leave, its first elements in one batch and its last
// ones in the next; and that nothing was written beside C. What the batch showed when its fence was
// seen must be what is read, what is submitted behind it may not wait, and a dispatch alone may not
// take much longer than one among others. What all that cannot see is in docs/trust.md.
package launch

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"time"

	"gpubench/internal/backend"
	"gpubench/internal/disturb"
	"gpubench/internal/meter"
	"gpubench/internal/result"
	"gpubench/internal/worker"
)

// Handle carries out one request on a backend and emits its events, a done
// event last. It returns an error instead where the request cannot be carried
// out: failures of the backend and wrong results are *backend.Error values with
// a kind, a backend that is not on this machine among them. Handle stops between
// two batches when ctx ends.
//
// meters opens the meter of a device, and is nil where there are none. Whatever goes
// wrong with a meter leaves readings out, and costs no launch.
func Handle(ctx context.Context, b backend.Backend, meters meter.Source, req worker.Request, emit func(worker.Event)) error {
	return handle(ctx, b, meters, newRandom(), req, emit)
}

func handle(ctx context.Context, b backend.Backend, meters meter.Source, random *rand.Rand, req worker.Request, emit func(worker.Event)) error {
	kernel := cmp.Or(req.Kernel, backend.KernelMatmul)
	s := &session{ctx: ctx, req: req, kernel: kernel, emit: emit, meters: meters, start: time.Now(), random: random}
	var stop string
	var err error
	switch {
	case req.Op == worker.OpDevices:
		err = s.devices(b)
	case req.Op == worker.OpSearch && kernel == backend.KernelMatmul:
		err = s.withDevice(b, req.Problem, s.search)
	case req.Op == worker.OpLaunch && (kernel == backend.KernelMatmul || kernel == backend.KernelFMA):
		err = s.withDevice(b, req.Problem, func(dev backend.Device) error {
			stop, err = s.launch(dev)
			return err
		})
	case req.Op == worker.OpLaunch && kernel == backend.KernelEmpty:
		err = s.withDevice(b, emptyProblem, func(dev backend.Device) error {
			stop, err = s.launchEmpty(dev)
			return err
		})
	default:
		err = fmt.Errorf("launch: unknown operation %q on the kernel %q", req.Op, kernel)
	}
	if err == nil {
		emit(worker.Event{Event: worker.EventDone, Stop: stop})
	}
	return err
}

// checkProblem rejects problems that no backend can take: the kernels count
// elements in 32 bits.
func checkProblem(kernel string, p backend.Problem) error {
	if p.M < 1 || p.N < 1 || p.K < 1 {
		return backend.Errorf(backend.Limit, "problem %v: every dimension must be at least 1", p)
	}
	for _, m := range p.Matrices(kernel) {
		if m.Rows > math.MaxUint32/m.Cols {
			return backend.Errorf(backend.Limit, "problem %v: matrix %s has more than 2^32 - 1 elements", p, m.Name)
		}
	}
	if p.K > math.MaxUint32 {
		return backend.Errorf(backend.Limit, "problem %v: more than 2^32 - 1 steps", p)
	}
	return nil
}

// session is one request being carried out.
type session struct {
	ctx    context.Context
	req    worker.Request
	kernel string // that of the request
	format string // that the device multiplies in, while one is open
	queued bool   // it has a queue, and is not threads of this process
	emit   func(worker.Event)
	meters meter.Source
	start  time.Time
	random *rand.Rand

	building time.Duration // that a search has spent on it
	ended    bool          // what is left is to close

	disturbances *disturb.Monitor // while a device is open
}

// withDevice opens the requested device for f, which is about problem p. It is closed
// before the done event: a driver that crashes while it closes has not finished its
// launch.
func (s *session) withDevice(b backend.Backend, p backend.Problem, f func(backend.Device) error) (err error) {
	if err := checkProblem(s.kernel, p); err != nil {
		return err
	}
	dev, err := b.Open(s.req.Device)
	if err != nil {
		return err
	}
	defer closing("device", dev, &err)
	defer s.ending()
	if err := s.opened(dev); err != nil {
		return err
	}
	info := dev.Info()
	s.format, s.queued = info.Format(), info.Threads == 0
	s.disturbances = disturb.Open()
	defer s.disturbances.Close()
	return f(dev)
}

// ending tells, once, that from here on programs and the device are closed: what hangs or
// crashes there has nothing to do with what was computed.
func (s *session) ending() {
	if !s.ended {
		s.ended = true
		s.phase(worker.PhaseClose)
	}
}

// closing closes c and keeps its error where there is none yet.
func closing(what string, c io.Closer, err *error) {
	if cerr := c.Close(); cerr != nil && *err == nil {
		*err = fmt.Errorf("close the %s: %w", what, cerr)
	}
}

// devices lists the backend's devices, or looks at the one that the request names:
// a backend may open more than it lists.
func (s *session) devices(b backend.Backend) error {
	if s.req.Device != "" {
		return s.device(b)
	}
	devices, err := b.Devices()
	if err != nil {
		return err
	}
	for _, d := range devices {
		s.describe(&d)
		s.emit(worker.Event{Event: worker.EventDevice, Device: &d})
	}
	return nil
}

func (s *session) device(b backend.Backend) (err error) {
	dev, err := b.Open(s.req.Device)
	if err != nil {
		return err
	}
	defer closing("device", dev, &err)
	d := dev.Info()
	s.describe(&d)
	s.emit(worker.Event{Event: worker.EventDevice, Device: &d})
	return nil
}

// describe adds what the device's meter says.
func (s *session) describe(d *result.Device) {
	m, facts := openMeter(s.meters, *d)
	if m != nil {
		m.Close()
	}
	d.NVML = facts
}

// bench is a built program together with what is needed to run it checked.
type bench struct {
	s         *session
	program   backend.Program
	problem   backend.Problem
	a         []float32 // as it was loaded
	region    []float32 // of C
	batches   int       // run so far
	arranged  [2]arranged
	filling   uint32   // number of the last fill, 0 before the first
	filled    float32  // with what the region is filled
	roundTrip float64  // median seconds of an empty dispatch, 0 where it is not known or those are what is timed
	behind    float64  // seconds that what was submitted behind the last batch took
	disturbed []string // flags of the last one
	watch     *watch   // of the device's meter; nil for none
	verifier  *verifier
	totals    *result.Verification
}

func newBench(s *session, program backend.Program, p backend.Problem) bench {
	return bench{s: s, program: program, problem: p, totals: new(result.Verification)}
}

// load copies the input to the device; from then on batches are checked by v.
func (b *bench) load(x, y []float32, v checker) error {
	b.a = x
	b.verifier = &verifier{checker: v, p: b.problem, signs: make(signs, b.problem.Matrices(b.s.kernel)[0].Rows)}
	if err := b.program.Load(x, y); err != nil {
		return fmt.Errorf("load A and B: %w", err)
	}
	return nil
}

// batch runs n dispatches between filling the region of C with NaN and checking it, and counts
// the check in the totals. What the last one left behind is no answer to this one: the signs of A,
// the fill and the places are others. Its time is 0 where the clock is too coarse for so few
// dispatches.
func (b *bench) batch(n int) (backend.Timing, error) {
	if err := context.Cause(b.s.ctx); err != nil {
		return backend.Timing{}, err
	}
	order := b.arrange(n)
	if err := b.vary(); err != nil {
		return backend.Timing{}, err
	}
	if err := b.fill(order); err != nil {
		return backend.Timing{}, err
	}
	b.watch.begin()
	b.s.disturbances.Begin()
	t, err := b.program.Run(order)
	b.disturbed = b.s.disturbances.End()
	var later float32
	if err == nil {
		later, err = b.follow(order)
	}
	b.disturbed = append(b.disturbed, b.watch.end()...)
	if err != nil {
		return backend.Timing{}, fmt.Errorf("run %d dispatches: %w", n, err)
	}
	if err := b.read(order); err != nil {
		return backend.Timing{}, err
	}
	if t.HostS != 0 { // which is what a clock shows of less than its tick
		if err := checkHostClock(t, n); err != nil {
			return backend.Timing{}, err
		}
	}
	b.verifier.filled = b.filled
	maxError, varied, err := b.verifier.verify(b.region, order)
	if err == nil {
		err = b.witnessed(t, order, later)
	}
	addVerification(b.totals, n, maxError, varied, err)
	return t, err
}

// follow submits what a queue carries out behind the batch, a copy of the element of C that the
// batch names and, once its time is known, an empty dispatch, and takes the time. It returns the
// element. Where there is no queue nothing can be left in it.
func (b *bench) follow(order backend.Batch) (float32, error) {
	start := time.Now()
	var c [1]float32
	err := b.program.Read(c[:], b.problem.Witnesses(order)[2])
	if err == nil && b.roundTrip > 0 && b.s.queued {
		_, err = b.program.Empty()
	}
	b.behind = time.Since(start).Seconds()
	return c[0], err
}

// witnessed returns an error when an element of the last C was not there yet when the fence
// was seen. later is the one that the batch names, as it was read afterwards.
func (b *bench) witnessed(t backend.Timing, order backend.Batch, later float32) error {
	at := b.problem.Witnesses(order)
	for i, want := range []float32{b.region[at[0]], b.region[at[1]], later} {
		if got := t.Witness[i]; math.Float32bits(got) != math.Float32bits(want) {
			return &backend.Error{Kind: backend.WrongResult, Remedy: "update the driver",
				Text: fmt.Sprintf("the fence signalled before the batch was finished, so its time means nothing: an element of the last C was %v then, and is %v", got, want)}
		}
	}
	return nil
}

// checkHostClock returns an error for a time that n dispatches cannot take.
func checkHostClock(t backend.Timing, n int) error {
	if !(t.HostS > 0) || math.IsInf(t.HostS, 1) {
		return backend.Errorf(backend.Failed, "host clock: a batch of %d dispatches took %v s", n, t.HostS)
	}
	return nil
}

// forTime returns how many dispatches make a batch of at least seconds when one
// takes perDispatch, with a quarter more for the spread.
func forTime(seconds, perDispatch float64) int {
	if perDispatch >= seconds {
		return 1
	}
	return int(min(math.Ceil(1.25*seconds/perDispatch), backend.MaxDispatches))
}

// Flags of a sample.
const (
	flagShort = "short"       // less than leastRoundTrips: the submission may be more than a hundredth of it
	flagEarly = "fence-early" // what was submitted behind it had to wait, as if it had not been finished

	// Those whose device clock is not to be trusted.
	flagDeviceInvalid = "device-invalid"          // not a number, or infinite: the reading cannot be kept
	flagDeviceZero    = "device-zero"             // zero or less
	flagDeviceLonger  = "device-longer-than-host" // although it is contained in it
	flagDeviceShort   = "device-short"            // below leastDevice of what the host's is without two round trips
)

// leastRoundTrips is how many empty round trips a batch must be as long as, so that
// what it costs to submit one is a hundredth of it at most.
const leastRoundTrips = 100

// clockTolerance is by how much two right clocks may differ in rate.
const clockTolerance = 0.001

// leastDevice is the share of the host's time without two round trips that the device's clock
// must show. A batch is a hundred round trips long, and there is little else in it.
const leastDevice = 0.8

// newSample makes a sample of n dispatches and flags what is odd about it, in view of
// the seconds of the empty round trip, 0 for samples of empty dispatches. The raw
// reading of the device's clock is kept.
func newSample(t backend.Timing, n int, roundTrip float64) *result.Sample {
	sample := &result.Sample{HostS: t.HostS, DeviceS: t.DeviceS, Dispatches: n, Flags: []string{}}
	flag := func(f string) { sample.Flags = append(sample.Flags, f) }
	if t.HostS < leastRoundTrips*roundTrip {
		flag(flagShort)
	}
	if t.DeviceS == nil {
		return sample
	}
	switch d := *t.DeviceS; {
	case math.IsNaN(d) || math.IsInf(d, 0):
		sample.DeviceS = nil // JSON has no such numbers
		flag(flagDeviceInvalid)
	case d <= 0:
		flag(flagDeviceZero)
	case d > t.HostS*(1+clockTolerance):
		flag(flagDeviceLonger)
	case d < leastDevice*(t.HostS-2*roundTrip):
		flag(flagDeviceShort)
	}
	return sample
}
