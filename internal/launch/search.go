// The search: which specialization is the fastest on this device?

package launch

import (
	"errors"
	"fmt"
	"time"

	"gpubench/internal/backend"
	"gpubench/internal/result"
	"gpubench/internal/worker"
)

// What a search may cost. It only has to find the best of a few candidates, not
// to measure it: the samples come later.
const (
	searchBudget = 2500 * time.Millisecond // wall time of the search as a whole, but for what follows
	mostBuilding = 10 * time.Second        // that compilers may take beside it: some need longer for a candidate than its runs
	probeMACs    = 1 << 24                 // products of the first problem: milliseconds even on a slow software device
	searchBatchS = 0.004                   // shortest batch, in seconds
	searchRuns   = 3                       // timed batches of a candidate
	hopeless     = 1.5                     // times the best so far, at which one timed batch is enough
)

// search tries the device's candidates, likeliest first, on the exact input and
// emits what became of each; the fastest right one is emitted again as the
// last. One that computes a wrong result is failed and never chosen; those that
// the budget leaves no time for are skipped. It is an error when not a single one
// works.
//
// Where the problem is large for the device, a smaller one of the same shape
// stands in for it: the first candidate's speed on a small problem tells how large
// a problem all candidates can be tried on within the budget. Only the ranking is
// wanted, and the launch verifies the chosen one on the full problem.
func (s *session) search(dev backend.Device) error {
	start := time.Now()
	left := func() time.Duration { return searchBudget + min(s.building, mostBuilding) - time.Since(start) }
	candidates, err := dev.Candidates(s.kernel, s.req.Problem)
	if err != nil {
		return err
	}
	if len(candidates) == 0 {
		panic("BUG: " + dev.Info().Backend + ": Candidates returned neither a candidate nor an error")
	}
	problem := shrink(s.req.Problem, probeMACs)
	trial, err := s.newTrial(dev, problem)
	if err != nil {
		return err
	}

	var best result.Candidate
	var failure error // the first, a wrong result before all others
	lost, sized := false, problem == s.req.Problem
	for _, spec := range candidates {
		c := result.Candidate{Specialization: spec, Status: result.StatusSkipped}
		switch {
		case lost:
			c.Reason = "the device was lost before"
		case best.BestS > 0 && left() < 0:
			c.Reason = fmt.Sprintf("the search's %v were over", searchBudget)
		default:
			t, err := trial.run(spec, best.BestS)
			if err == nil && !sized {
				// The first candidate that works sets the size for all.
				sized = true
				if larger := searchProblem(s.req.Problem, problem, t, left(), len(candidates)); larger != problem {
					if bigger, berr := s.newTrial(dev, larger); berr == nil {
						problem, trial = larger, bigger
						t, err = trial.run(spec, 0)
					}
				}
			}
			if err != nil && s.ctx.Err() != nil {
				return err
			}
			c.Problem = problem.String()
			if err != nil {
				kind := kindOf(err)
				c.Status, c.Code, c.Reason = result.StatusFailed, string(kind), err.Error()
				if kind == backend.Limit {
					c.Status = result.StatusUnsupported
				}
				if failure == nil || kind == backend.WrongResult && kindOf(failure) != backend.WrongResult {
					failure = err
				}
				lost = kind == backend.DeviceLost
				break
			}
			c.Status, c.BestS = result.StatusOK, t
			if best.BestS == 0 || t < best.BestS {
				best = c
			}
		}
		s.emit(worker.Event{Event: worker.EventTried, Candidate: &c})
	}
	if best.BestS == 0 {
		return fmt.Errorf("none of %d specializations works: %w", len(candidates), failure)
	}
	best.Chosen = true
	s.emit(worker.Event{Event: worker.EventTried, Candidate: &best})
	return nil
}

// kindOf is the kind of an error: Failed for one that is not a backend's.
func kindOf(err error) backend.Kind {
	var be *backend.Error
	if errors.As(err, &be) {
		return be.Kind
	}
	return backend.Failed
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

// searchProblem is the largest problem of full's shape, not below small, on which
// n candidates can be tried in the time left, when a dispatch of small takes t
// seconds.
func searchProblem(full, small backend.Problem, t float64, left time.Duration, n int) backend.Problem {
	// Each candidate costs a verified dispatch and its timed ones; building it and
	// checking its result are granted as much again.
	affordable := left.Seconds() / float64(2*n*(1+searchRuns))
	macs := float64(small.FLOP()/2) * affordable / t
	if macs <= float64(small.FLOP()/2) {
		return small
	}
	return shrink(full, uint64(min(macs, float64(full.FLOP()/2))))
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
// a dispatch over a few batches. A candidate hopelessly behind best (seconds, 0
// for none) is left after its first.
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
	shortest = timing.HostS
	if best > 0 && shortest > 4*best && shortest > searchBatchS {
		return shortest, nil
	}
	for range searchRuns {
		n := forTime(searchBatchS, shortest)
		timing, err := b.batch(n)
		if err != nil {
			return 0, err
		}
		shortest = min(shortest, timing.HostS/float64(n))
		if best > 0 && shortest > hopeless*best {
			break
		}
	}
	return shortest, nil
}
