// A launch: verify, warm up, take samples.

package launch

import (
	"cmp"
	"fmt"
	"time"

	"gpubench/internal/backend"
	"gpubench/internal/result"
	"gpubench/internal/stats"
	"gpubench/internal/worker"
)

const (
	// warmupShare is the part of MaxTimeS that the warm-up may take. Samples that
	// come too early are better than none, and all are kept.
	warmupShare = 1.0 / 3
	// windowLen is the number of batches in a warm-up window. Two windows must
	// agree before sampling begins.
	windowLen = 5
	// agreement is how far their medians may be apart: a clock that still ramps up
	// moves by more.
	agreement = 0.05
	// leastSamples are taken however long they last: with the least number of
	// launches, three, they make the six below which a median has no interval.
	leastSamples = 2
	// growth bounds how many times more dispatches one batch of the warm-up has
	// than the one before, as its time was short and is known badly.
	growth = 10
)

// launch builds the kernel, verifies it on both inputs, warms up, and emits
// samples until a rule stops it, which it returns.
func (s *session) launch(dev backend.Device) (stop string, err error) {
	if err := checkRules(s.req.Rules); err != nil {
		return "", err
	}
	p := s.req.Problem
	program, err := s.build(dev, s.kernel, p)
	if err != nil {
		return "", err
	}
	defer closing("program", program, &err)
	defer s.ending()
	name := s.kernel
	if name == backend.KernelMatmul {
		name = dev.Info().KernelName() // a reference has its own
	}
	s.built(program, name, s.format)

	r := &recorder{bench: newBench(s, program, p), rules: s.req.Rules}
	r.run = r.checked
	s.phase(worker.PhaseVerify)
	if err := r.verifyExact(); err != nil {
		return "", err
	}
	if err := r.timeEmpty(); err != nil {
		return "", err
	}
	r.watch = newWatch(s.openMeter(dev.Info()), s.start, r.rules.MaxTimeS)
	defer r.watch.close()
	a, b, normal, method := s.normal(p)
	r.totals.Method, r.totals.Bound = method, normal.tolerance()
	if err := r.load(a, b, normal); err != nil {
		return "", err
	}

	s.phase(worker.PhaseWarmup)
	if err := r.warmUp(); err != nil {
		return "", err
	}
	s.phase(worker.PhaseSample)
	least := r.watch.beginEnergy()
	if stop, err = r.sample(least); err != nil {
		return "", err
	}
	if e := r.watch.endEnergy(uint64(r.dispatches) * p.FLOP()); e != nil {
		s.emit(worker.Event{Event: worker.EventEnergy, Energy: e})
	}
	s.phase(worker.PhaseProve)
	if err := r.punctual(); err != nil {
		return "", err
	}
	if err := r.additive(); err != nil {
		return "", err
	}
	return stop, nil
}

// build builds a kernel with the specialization that is asked for, or else the likeliest.
func (s *session) build(dev backend.Device, kernel string, p backend.Problem) (backend.Program, error) {
	spec := s.req.Specialization
	if spec == nil {
		candidates, err := dev.Candidates(kernel, p)
		if err != nil {
			return nil, err
		}
		spec = candidates[0]
	}
	program, err := dev.Build(kernel, p, spec)
	if err != nil {
		return nil, fmt.Errorf("build: %w", err)
	}
	return program, nil
}

// exact returns the exact input of the kernel, and its check.
func (s *session) exact(p backend.Problem) (a, b []float32, c checker, err error) {
	if s.kernel == backend.KernelFMA {
		a, b = exactFMAInput(p, s.req.Seed)
		return a, b, newFMAChecker(p, a, b, 0), nil
	}
	e, err := s.exactProduct(p)
	if err != nil {
		return nil, nil, nil, err
	}
	return e.a, e.b, e, nil
}

// exactProduct is the check of the matrix product on the exact input, which it holds.
func (s *session) exactProduct(p backend.Problem) (*exactChecker, error) {
	input := exactInput
	if s.format == result.FormatF16 {
		input = exactHalfInput
	}
	a, b, err := input(p, s.req.Seed)
	if err != nil {
		return nil, err
	}
	return newExactChecker(p, a, b), nil
}

// normal returns the input that is timed, its check and the name of the check's method.
func (s *session) normal(p backend.Problem) (a, b []float32, c checker, method string) {
	if s.kernel == backend.KernelFMA {
		a, b = normalFMAInput(p, s.req.Seed)
		return a, b, newFMAChecker(p, a, b, fmaBound(p.K)), methodFull
	}
	if s.format == result.FormatF16 {
		a, b = normalHalfInput(p, s.req.Seed)
	} else {
		a, b = normalInput(p, s.req.Seed)
	}
	n, method := newNormalChecker(p, a, b, s.format, fullMACs)
	return a, b, n, method
}

// built emits what was built, under the name of what will be timed.
func (s *session) built(program backend.Program, name, format string) {
	form := program.Form()
	s.emit(worker.Event{Event: worker.EventBuilt, Kernel: &result.Kernel{
		Name: name, Format: format, Accumulate: result.FormatF32,
		SPIRVSHA256: form.SPIRVSHA256, Form: form.Name, FormSHA256: form.SHA256,
		Specialization: form.Specialization,
	}})
}

func checkRules(r worker.Rules) error {
	if !(r.WarmupS >= 0 && r.MinSamples >= 1 && r.MinTimeS >= 0 && r.Precision > 0 && r.MaxTimeS > 0 && r.BatchS > 0) {
		return fmt.Errorf("launch: the rules make no sense: %+v", r)
	}
	return nil
}

func (s *session) phase(name string) {
	s.emit(worker.Event{Event: worker.EventPhase, Phase: name})
}

// recorder runs batches and emits them as samples.
type recorder struct {
	bench
	run   func(n int) (backend.Timing, error) // what is timed, n dispatches of it
	most  int                                 // samples that may be taken, 0 for any number
	rules worker.Rules
	start time.Time // of the time that MaxTimeS limits
	n     int       // dispatches in a batch
	last  float64   // seconds of the last dispatch

	samples, dispatches int       // that were taken, without the warm-up
	times, behinds      []float64 // seconds of the samples' batches, and of what was submitted behind them
}

// verifyExact checks batches on the exact input, where nothing is tolerated, and
// records the checksum: one dispatch alone, then several in either order.
func (r *recorder) verifyExact() error {
	a, b, exact, err := r.s.exact(r.problem)
	if err != nil {
		return err
	}
	if err := r.load(a, b, exact); err != nil {
		return err
	}
	t, err := r.batch(1)
	if err == nil {
		r.totals.ExactChecksum = checksum(r.verifier.good)
		n := max(2, min(forTime(r.rules.BatchS, t.HostS), growth))
		for i := 0; i < 2 && err == nil; i++ {
			_, err = r.batch(n)
		}
	}
	r.emitTotals()
	if err != nil {
		return fmt.Errorf("exact input: %w", err)
	}
	return nil
}

func (r *recorder) emitTotals() {
	totals := *r.totals
	r.s.emit(worker.Event{Event: worker.EventVerified, Verification: &totals})
}

// checked runs a batch of n dispatches and emits the totals of the verification.
func (r *recorder) checked(n int) (backend.Timing, error) {
	before := r.totals.Batches
	t, err := r.batch(n)
	if r.totals.Batches > before {
		r.emitTotals()
	}
	if err != nil {
		return backend.Timing{}, fmt.Errorf("batch %d: %w", before+1, err)
	}
	return t, nil
}

// timed runs r.n dispatches and emits them as a sample of this kind. It returns the
// seconds of one dispatch. Where the clock has not moved while r.n dispatches ran, in the
// warm-up, it emits nothing and returns 0: more of them are to be run then.
func (r *recorder) timed(event string) (float64, error) {
	if r.watch != nil {
		r.watch.expected = time.Duration(r.last * float64(r.n) * float64(time.Second))
	}
	t, err := r.run(r.n)
	if err != nil {
		return 0, err
	}
	n := cmp.Or(t.Dispatches, r.n)
	if t.HostS == 0 {
		if event == worker.EventWarmup && n < backend.MaxDispatches {
			r.last = 0
			return 0, nil
		}
		return 0, backend.Errorf(backend.Failed, "host clock: a batch of %d dispatches took 0 s: it stands still, or its ticks are longer than that", n)
	}
	sample := newSample(t, n, r.roundTrip)
	sample.Flags = append(sample.Flags, r.disturbed...)
	if early(r.behind, t.HostS, r.roundTrip) {
		sample.Flags = append(sample.Flags, flagEarly)
	}
	r.s.emit(worker.Event{Event: event, Sample: sample})
	var index *int
	if event == worker.EventSample {
		i := r.samples
		index = &i
		r.samples++
		r.dispatches += n
		r.times, r.behinds = append(r.times, t.HostS), append(r.behinds, r.behind)
	}
	r.watch.send(index, r.s.emit)
	r.last = t.HostS / float64(n)
	return r.last, nil
}

// within reports whether another batch would end before a share of MaxTimeS is
// over.
func (r *recorder) within(share float64) bool {
	return time.Since(r.start).Seconds()+r.last*float64(r.n) <= share*r.rules.MaxTimeS
}

// warmUp runs batches until the device has been busy for WarmupS and the last two
// windows of batches agree, and sets the number of dispatches that makes a
// batch last BatchS. The first batch is the one that is checked against the
// reference.
func (r *recorder) warmUp() error {
	r.n = 1
	perDispatch, err := r.timed(worker.EventWarmup)
	if err != nil {
		return err
	}
	r.start = time.Now() // the check against the reference is not the device's time
	busy := perDispatch
	var window []float64 // of batches that are long enough
	for {
		want := min(forTime(r.rules.BatchS, perDispatch), growth*r.n)
		if perDispatch*float64(r.n) < r.rules.BatchS && want > r.n {
			r.n, window = want, nil
		}
		if !r.within(warmupShare) {
			break
		}
		if perDispatch, err = r.timed(worker.EventWarmup); err != nil {
			return err
		}
		busy += perDispatch * float64(r.n)
		window = append(window, perDispatch)
		long := perDispatch*float64(r.n) >= r.rules.BatchS || r.n == backend.MaxDispatches
		if k := len(window); long && busy >= r.rules.WarmupS && k >= 2*windowLen &&
			stats.Agree(window[k-2*windowLen:k-windowLen], window[k-windowLen:], agreement) {
			break
		}
	}
	return nil
}

// sample takes samples until the stop rule or the time limit ends it, and returns
// which of them did. The rule ends it after least at the earliest.
func (r *recorder) sample(least time.Duration) (stop string, err error) {
	began := time.Now()
	rule := stats.NewStopper(r.rules.MinSamples, r.rules.MinTimeS, r.rules.Precision)
	for taken := 0; taken < leastSamples || r.within(1); taken++ {
		perDispatch, err := r.timed(worker.EventSample)
		if err != nil {
			return "", err
		}
		rule.Add(perDispatch, perDispatch*float64(r.n))
		if stop, done := rule.Done(); done && time.Since(began) >= least {
			return stop, nil
		}
		if taken+1 == r.most {
			return worker.StopSamples, nil
		}
	}
	return worker.StopTimeLimit, nil
}
