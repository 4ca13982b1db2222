// The search, as far as one process goes: how fast is each specialization on this device?
// The parent starts several such processes, and decides (package measure).

package launch

import (
	"errors"
	"fmt"
	"maps"
	"time"

	"gpubench/internal/backend"
	"gpubench/internal/result"
	"gpubench/internal/worker"
)

// What a search may cost in one process. Each candidate gets a few short batches: many
// processes say more than long ones.
const (
	searchBudget  = 2500 * time.Millisecond // wall time in which candidates are begun, but for what follows
	mostBuilding  = 10 * time.Second        // that compilers may take beside it: some need longer for a candidate than its runs
	probeMACs     = 1 << 24                 // products of the first problem: milliseconds even on a slow software device
	slowDispatch  = 0.5                     // seconds above which a dispatch on the problem of the device's class is too slow
	searchBatchS  = 0.002                   // shortest batch, in seconds
	searchTimeS   = 0.025                   // of timed batches of a candidate at least
	leastSearched = 3                       // timed batches of a candidate
	mostSearched  = 9
	hopeless      = 3 // times the best so far, at which one timed batch is enough
)

// trialMACs are the products of the problem that candidates are tried on at most, by what
// the device is: enough for its large tiles to show what they can do, and some tens of
// milliseconds. It depends on nothing that is measured, since on another problem another
// candidate may win.
func trialMACs(d result.Device) uint64 {
	switch {
	case d.Threads > 0:
		return 1 << 31
	case d.Software || d.Class == result.ClassCPU:
		return 1 << 27
	case d.Class == result.ClassDiscrete:
		return 1 << 34
	}
	return 1 << 31
}

// search tries the candidates of the request, or else those of the device, on the exact
// input and emits what became of each. Before that it emits all of them as skipped, so
// that the parent knows those that a dying process leaves. One that computes a wrong result
// is failed. Where the problem is large for the device a smaller one of the same shape
// stands in for it: only the ranking is wanted, and the launch verifies the chosen one on
// the full problem. It is an error when not a single candidate works.
func (s *session) search(dev backend.Device) error {
	start := time.Now()
	over := func() bool { return time.Since(start) > searchBudget+min(s.building, mostBuilding) }
	candidates, problem, err := s.toTry(dev)
	if err != nil {
		return err
	}
	for _, spec := range candidates {
		s.tried(result.Candidate{Specialization: spec, Status: result.StatusSkipped, Reason: "the process ended before it"})
	}
	trial, err := s.newTrial(dev, problem)
	if err != nil {
		return err
	}
	best := 0.0
	var failure error // the first, a wrong result before all others
	lost := false
	for _, spec := range candidates {
		c := result.Candidate{Specialization: spec, Status: result.StatusSkipped}
		switch {
		case lost:
			c.Reason = "the device was lost before"
		case best > 0 && over():
			c.Reason = fmt.Sprintf("the %v of a process were over", searchBudget)
		default:
			t, err := trial.run(spec, best)
			if err != nil && s.ctx.Err() != nil {
				return err
			}
			c.Problem = problem.String()
			if err != nil {
				failure = graver(failure, err)
				lost = kindOf(err) == backend.DeviceLost
				fail(&c, err)
				break
			}
			c.Status, c.BestS = result.StatusOK, t
			if best == 0 || t < best {
				best = t
			}
		}
		s.tried(c)
	}
	if best == 0 {
		return fmt.Errorf("none of %d specializations works: %w", len(candidates), failure)
	}
	return nil
}

func (s *session) tried(c result.Candidate) {
	s.emit(worker.Event{Event: worker.EventTried, Candidate: &c})
}

// fail gives a candidate the status of an error.
func fail(c *result.Candidate, err error) {
	kind := kindOf(err)
	c.Status, c.Code, c.Reason = result.StatusFailed, string(kind), err.Error()
	if kind == backend.Limit {
		c.Status = result.StatusUnsupported
	}
}

// graver is the first of two errors, or the second where only that is a wrong result.
func graver(first, second error) error {
	if first == nil || kindOf(second) == backend.WrongResult && kindOf(first) != backend.WrongResult {
		return second
	}
	return first
}

// kindOf is the kind of an error: Failed for one that is not a backend's.
func kindOf(err error) backend.Kind {
	var be *backend.Error
	if errors.As(err, &be) {
		return be.Kind
	}
	return backend.Failed
}

// toTry returns what to try, in this order, and on which problem.
func (s *session) toTry(dev backend.Device) ([]backend.Specialization, backend.Problem, error) {
	p := s.req.Problem
	if len(s.req.Candidates) > 0 {
		return s.req.Candidates, p, nil
	}
	candidates, err := dev.Candidates(s.kernel, p)
	if err != nil {
		return nil, p, err
	}
	if len(candidates) == 0 {
		panic("BUG: " + dev.Info().Backend + ": Candidates returned neither a candidate nor an error")
	}
	candidates = agreeing(candidates, s.req.Specialization)
	problem, err := s.trialProblem(dev, candidates)
	return candidates, problem, err
}

// agreeing are the candidates that have the values which are pinned or, where none does,
// the first one with them.
func agreeing(candidates []backend.Specialization, pinned backend.Specialization) []backend.Specialization {
	var list []backend.Specialization
	for _, c := range candidates {
		agrees := true
		for name, v := range pinned {
			have, ok := c[name]
			agrees = agrees && ok && have == v
		}
		if agrees {
			list = append(list, c)
		}
	}
	if list == nil {
		first := maps.Clone(candidates[0])
		maps.Copy(first, pinned)
		list = []backend.Specialization{first}
	}
	return list
}

// trialProblem is what the candidates are tried on: the request's problem or, where that is
// larger, one of the size that trialMACs has for the device. A small one tells first
// whether the device is much slower than its class; then it is an eighth as large as often
// as that takes.
func (s *session) trialProblem(dev backend.Device, candidates []backend.Specialization) (backend.Problem, error) {
	full := s.req.Problem
	macs := min(trialMACs(dev.Info()), full.FLOP()/2)
	probe := shrink(full, probeMACs)
	if macs <= probe.FLOP()/2 || len(candidates) == 1 {
		return shrink(full, macs), nil
	}
	trial, err := s.newTrial(dev, probe)
	if err != nil {
		return probe, err
	}
	for _, spec := range candidates {
		t, err := trial.run(spec, 0)
		if s.ctx.Err() != nil {
			return probe, err
		}
		if err != nil {
			continue // it is told again when its turn comes
		}
		perMAC := t / float64(probe.FLOP()/2)
		for macs/8 >= probeMACs && perMAC*float64(macs) > slowDispatch {
			macs /= 8
		}
		return shrink(full, macs), nil
	}
	return probe, nil
}

// shrink halves the largest dimension of p until M N K is at most macs. What is
// flat stays flat, and an edge that does not divide by a tile mostly goes on not
// dividing.
func shrink(p backend.Problem, macs uint64) backend.Problem {
	for p.FLOP()/2 > macs {
		largest := &p.M
		if p.N > *largest {
			largest = &p.N
		}
		if p.K > *largest {
			largest = &p.K
		}
		*largest = (*largest + 1) / 2
	}
	return p
}

// trial tries specializations on one problem.
type trial struct {
	s       *session
	dev     backend.Device
	problem backend.Problem
	checker *exactChecker
}

func (s *session) newTrial(dev backend.Device, p backend.Problem) (*trial, error) {
	c, err := s.exactProduct(p)
	if err != nil {
		return nil, err
	}
	return &trial{s, dev, p, c}, nil
}

// run builds the kernel, checks one dispatch and returns the shortest seconds of
// a dispatch over a few batches: what disturbs one only makes it longer. A candidate
// hopelessly behind best (seconds, 0 for none) is left after its first.
func (t *trial) run(spec backend.Specialization, best float64) (shortest float64, err error) {
	start := time.Now()
	program, err := t.dev.Build(t.s.kernel, t.problem, spec)
	t.s.building += time.Since(start)
	if err != nil {
		return 0, fmt.Errorf("build: %w", err)
	}
	defer closing("program", program, &err)
	b := newBench(t.s, program, t.problem)
	if err := b.load(t.checker.a, t.checker.b, t.checker); err != nil {
		return 0, err
	}
	timing, err := b.batch(1) // cold: it counts only where it is long
	if err != nil {
		return 0, err
	}
	times := []float64{timing.HostS}
	for sum := 0.0; len(times) <= leastSearched || len(times) <= mostSearched && sum < searchTimeS; {
		n := forTime(searchBatchS, least(times))
		timing, err := b.batch(n)
		if err != nil {
			return 0, err
		}
		times = append(times, timing.HostS/float64(n))
		sum += timing.HostS
		if best > 0 && least(times) > hopeless*best {
			break
		}
	}
	if shortest = least(times); shortest == 0 {
		return 0, backend.Errorf(backend.Failed, "host clock: %d dispatches took 0 s: it stands still, or its ticks are longer than that", backend.MaxDispatches)
	}
	return shortest, nil
}

// least is the shortest of the times that are one: 0 is what a clock shows of less than its
// tick. It is 0 where there is none.
func least(times []float64) (shortest float64) {
	for _, t := range times {
		if t > 0 && (shortest == 0 || t < shortest) {
			shortest = t
		}
	}
	return shortest
}
