// A launch: verify, warm up, take samples.

package launch

import (
	"fmt"
	"time"

	"gpubench/internal/backend"
	"gpubench/internal/result"
	"gpubench/internal/stats"
	"gpubench/internal/worker"
)

// Phases of a launch, for the progress display.
const (
	phaseVerify = "verify"
	phaseWarmup = "warmup"
	phaseSample = "sample"
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
	program, err := dev.Build(p, s.req.Specialization)
	if err != nil {
		return "", fmt.Errorf("build: %w", err)
	}
	defer closing("program", program, &err)
	form := program.Form()
	s.emit(worker.Event{Event: worker.EventBuilt, Kernel: &result.Kernel{
		Name: dev.Info().KernelName(), Format: "f32", Accumulate: "f32",
		SPIRVSHA256: form.SPIRVSHA256, Form: form.Name, FormSHA256: form.SHA256,
		Specialization: form.Specialization,
	}})

	r := &recorder{bench: bench{s: s, program: program, c: make([]float32, p.M*p.N), totals: new(result.Verification)}, rules: s.req.Rules}
	s.phase(phaseVerify)
	if err := r.verifyExact(p); err != nil {
		return "", err
	}
	a, b := normalInput(p, s.req.Seed)
	normal, method := newNormalChecker(p, a, b, fullMACs)
	r.totals.Method, r.totals.Bound = method, normal.bound
	if err := r.load(a, b, normal); err != nil {
		return "", err
	}

	s.phase(phaseWarmup)
	if err := r.warmUp(); err != nil {
		return "", err
	}
	s.phase(phaseSample)
	return r.sample()
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
	rules worker.Rules
	start time.Time // of the time that MaxTimeS limits
	n     int       // dispatches in a batch
	last  float64   // seconds of the last dispatch
}

// verifyExact checks one dispatch on the exact input and records the checksum.
func (r *recorder) verifyExact(p backend.Problem) error {
	a, b, err := exactInput(p, r.s.req.Seed)
	if err != nil {
		return err
	}
	if err := r.load(a, b, newExactChecker(p, a, b)); err != nil {
		return err
	}
	_, err = r.batch(1)
	if err == nil {
		r.totals.ExactChecksum = checksum(r.c)
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

// timed runs a batch of r.n dispatches and emits it as a sample of this kind. It
// returns the seconds of one dispatch.
func (r *recorder) timed(event string) (float64, error) {
	before := r.totals.Batches
	t, err := r.batch(r.n)
	if r.totals.Batches > before {
		r.emitTotals()
	}
	if err != nil {
		return 0, fmt.Errorf("batch %d: %w", before+1, err)
	}
	r.s.emit(worker.Event{Event: event, Sample: newSample(t, r.n, r.rules.BatchS)})
	r.last = t.HostS / float64(r.n)
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
		long := perDispatch*float64(r.n) >= r.rules.BatchS || r.n == maxDispatches
		if k := len(window); long && busy >= r.rules.WarmupS && k >= 2*windowLen &&
			stats.Agree(window[k-2*windowLen:k-windowLen], window[k-windowLen:], agreement) {
			break
		}
	}
	return nil
}

// sample takes samples until the stop rule or the time limit ends it, and returns
// which of them did.
func (r *recorder) sample() (stop string, err error) {
	rule := stats.NewStopper(r.rules.MinSamples, r.rules.MinTimeS, r.rules.Precision)
	for taken := 0; taken < leastSamples || r.within(1); taken++ {
		perDispatch, err := r.timed(worker.EventSample)
		if err != nil {
			return "", err
		}
		rule.Add(perDispatch, perDispatch*float64(r.n))
		if stop, done := rule.Done(); done {
			return stop, nil
		}
	}
	return worker.StopTimeLimit, nil
}
