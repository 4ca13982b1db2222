// Package launch is what happens inside one child process: it drives a backend
// through one request and emits what it sees as events. It decides nothing about
// the run as a whole; that is the parent's part, package measure.
//
// It refuses to report a time for a result that it has not checked. C is filled
// with NaN before every batch, warm-up and search included, and read back and
// checked whole after it. What that cannot see: the dispatches of one batch
// all write the same C, so of several only the last one to write is proven.
package launch

import (
	"context"
	"fmt"
	"io"
	"math"

	"gpubench/internal/backend"
	"gpubench/internal/result"
	"gpubench/internal/worker"
)

// Handle carries out one request on a backend and emits its events, a done
// event last. It returns an error instead where the request cannot be carried
// out: failures of the backend and wrong results are *backend.Error values with
// a kind, a backend that is not on this machine among them. Handle stops between
// two batches when ctx ends.
func Handle(ctx context.Context, b backend.Backend, req worker.Request, emit func(worker.Event)) error {
	s := &session{ctx: ctx, req: req, emit: emit}
	var stop string
	var err error
	switch req.Op {
	case worker.OpDevices:
		err = s.devices(b)
	case worker.OpSearch:
		err = s.withDevice(b, s.search)
	case worker.OpLaunch:
		err = s.withDevice(b, func(dev backend.Device) error {
			stop, err = s.launch(dev)
			return err
		})
	default:
		err = fmt.Errorf("launch: unknown operation %q", req.Op)
	}
	if err == nil {
		emit(worker.Event{Event: worker.EventDone, Stop: stop})
	}
	return err
}

// checkProblem rejects problems that no backend can take: the kernel counts
// elements in 32 bits.
func checkProblem(p backend.Problem) error {
	if p.M < 1 || p.N < 1 || p.K < 1 {
		return backend.Errorf(backend.Limit, "problem %v: every dimension must be at least 1", p)
	}
	for _, m := range []struct {
		name       string
		rows, cols int
	}{{"A", p.M, p.K}, {"B", p.K, p.N}, {"C", p.M, p.N}} {
		if m.rows > math.MaxUint32/m.cols {
			return backend.Errorf(backend.Limit, "problem %v: matrix %s has more than 2^32 - 1 elements", p, m.name)
		}
	}
	return nil
}

// session is one request being carried out.
type session struct {
	ctx  context.Context
	req  worker.Request
	emit func(worker.Event)
}

// withDevice opens the requested device for f. It is closed before the done event:
// a driver that crashes while it closes has not finished its launch.
func (s *session) withDevice(b backend.Backend, f func(backend.Device) error) (err error) {
	if err := checkProblem(s.req.Problem); err != nil {
		return err
	}
	dev, err := b.Open(s.req.Device)
	if err != nil {
		return err
	}
	defer closing("device", dev, &err)
	return f(dev)
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
	s.emit(worker.Event{Event: worker.EventDevice, Device: &d})
	return nil
}

// bench is a built program together with what is needed to run it checked.
type bench struct {
	s        *session
	program  backend.Program
	c        []float32
	verifier *verifier
	totals   *result.Verification
}

// load copies the input to the device; from then on batches are checked by v.
func (b *bench) load(x, y []float32, v checker) error {
	b.verifier = &verifier{checker: v}
	if err := b.program.Load(x, y); err != nil {
		return fmt.Errorf("load A and B: %w", err)
	}
	return nil
}

// batch runs n dispatches between filling C with NaN and checking it whole, and
// counts the check in the totals.
func (b *bench) batch(n int) (backend.Timing, error) {
	if err := context.Cause(b.s.ctx); err != nil {
		return backend.Timing{}, err
	}
	if err := b.program.Fill(unwritten); err != nil {
		return backend.Timing{}, fmt.Errorf("fill C: %w", err)
	}
	t, err := b.program.Run(n)
	if err != nil {
		return backend.Timing{}, fmt.Errorf("run %d dispatches: %w", n, err)
	}
	if err := b.program.Read(b.c); err != nil {
		return backend.Timing{}, fmt.Errorf("read C: %w", err)
	}
	if !(t.HostS > 0) || math.IsInf(t.HostS, 1) {
		return backend.Timing{}, backend.Errorf(backend.Failed, "host clock: a batch of %d dispatches took %v s", n, t.HostS)
	}
	maxError, err := b.verifier.verify(b.c)
	addVerification(b.totals, maxError, err)
	return t, err
}

// forTime returns how many dispatches make a batch of at least seconds when one
// takes perDispatch, with a quarter more for the spread.
func forTime(seconds, perDispatch float64) int {
	if perDispatch >= seconds {
		return 1
	}
	return int(min(math.Ceil(1.25*seconds/perDispatch), maxDispatches))
}

// maxDispatches bounds a batch, so that a clock that reads far too little
// cannot ask for hours of work.
const maxDispatches = 100_000

// Flags of a sample whose device clock is not to be trusted.
const (
	flagDeviceInvalid = "device-invalid"          // not a number, or infinite: the reading cannot be kept
	flagDeviceZero    = "device-zero"             // zero or less
	flagDeviceLonger  = "device-longer-than-host" // although it is contained in it
	flagDeviceShort   = "device-short"            // below half of the host's, for a batch that is long enough
)

// clockTolerance is by how much two right clocks may differ in rate.
const clockTolerance = 0.001

// newSample makes a sample of n dispatches and flags what is odd about its device
// clock. The raw reading is kept. Batches shorter than batchS may well
// spend more than half of their time in the submission.
func newSample(t backend.Timing, n int, batchS float64) *result.Sample {
	sample := &result.Sample{HostS: t.HostS, DeviceS: t.DeviceS, Dispatches: n, Flags: []string{}}
	if t.DeviceS == nil {
		return sample
	}
	switch d := *t.DeviceS; {
	case math.IsNaN(d) || math.IsInf(d, 0):
		sample.DeviceS = nil // JSON has no such numbers
		sample.Flags = append(sample.Flags, flagDeviceInvalid)
	case d <= 0:
		sample.Flags = append(sample.Flags, flagDeviceZero)
	case d > t.HostS*(1+clockTolerance):
		sample.Flags = append(sample.Flags, flagDeviceLonger)
	case d < t.HostS/2 && t.HostS >= batchS:
		sample.Flags = append(sample.Flags, flagDeviceShort)
	}
	return sample
}
