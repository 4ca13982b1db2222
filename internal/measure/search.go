// The search for a specialization: several processes, each of which tries all candidates
// once, in an order shuffled anew.

package measure

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"time"

	"gpubench/internal/backend"
	"gpubench/internal/result"
	"gpubench/internal/stats"
	"gpubench/internal/worker"
)

const (
	// searchTime is the wall time after which a search starts no more processes, but for
	// the leastProcesses without which there is no interval.
	searchTime     = 8 * time.Second
	leastProcesses = stats.MinLaunches
	// Where the choice is still in doubt after as many processes as launches, there are up
	// to so many times more.
	moreProcesses = 3
	// A candidate that ends the process twice is tried no more; some drivers crash at random.
	mostCrashes = 2
	// mostHangs is how many processes may run into their time limit.
	mostHangs = 2
)

// CodeCrashed is that of a candidate which ended the processes that tried it.
const CodeCrashed = "crashed"

// How a specialization was chosen, besides the flags that pin it.
const chosenBySearch = "search"

// built keeps what a child says that it runs beside what is known of the search.
func (a *arm) built(k result.Kernel) {
	k.Search, k.ChosenBy, k.SearchS, k.SearchProcesses = a.m.Kernel.Search, a.m.Kernel.ChosenBy, a.m.Kernel.SearchS, a.m.Kernel.SearchProcesses
	a.m.Kernel = k
}

// choice sets what the arm's launches run.
func (a *arm) choice(spec backend.Specialization, by string) {
	a.spec, a.m.Kernel.Specialization, a.m.Kernel.ChosenBy = spec, spec, by
}

// kindOfDevice is what a device has to share with another for their choices to be one: the
// same processor and driver, in whichever runtime, by whichever id. The cpu backend knows
// only threads and instruction sets.
func kindOfDevice(d result.Device) result.Device {
	if d.Backend == "cpu" {
		return result.Device{Backend: d.Backend, Threads: d.Threads, ISA: d.ISA}
	}
	kind := d
	kind.ID, kind.UUID, kind.MemoryBytes, kind.NVML = d.Format(), "", 0, nil
	return kind
}

// sharesChoice reports whether two arms are to run the same specialization.
func sharesChoice(a, b *arm) bool {
	return a.Machine == b.Machine && a.Kernel == b.Kernel && a.Problem == b.Problem && maps.Equal(a.Pin, b.Pin) && a.PinnedBy == b.PinnedBy &&
		reflect.DeepEqual(kindOfDevice(a.Device), kindOfDevice(b.Device))
}

// adopt takes over the choice of an earlier arm on a device of the same kind, so that the
// same thing is measured twice and not two draws of a search.
func (r *run) adopt(a *arm) bool {
	for _, o := range r.arms[:a.index] {
		if o.spec == nil || !sharesChoice(a, o) {
			continue
		}
		by := o.m.Kernel.ChosenBy
		if by == chosenBySearch {
			by = "search of " + o.m.ID
		}
		a.choice(o.spec, by)
		return true
	}
	return false
}

// search is one being carried out.
type search struct {
	run       *run
	arm       *arm
	list      []*candidate // in the device's order
	problem   backend.Problem
	order     *rand.Rand
	started   time.Time
	processes int
	hangs     int
	failures  []worker.Outcome // of processes
	last      worker.Outcome   // of the last process
}

// search finds the specialization of an arm. What it costs is bounded: see searchTime.
func (r *run) search(a *arm) {
	s := &search{run: r, arm: a, problem: a.Problem, started: time.Now(),
		order: rand.New(rand.NewPCG(r.plan.Seed, 0x736561726368))}
	for s.more() {
		if final := s.process(); final || r.ctx.Err() != nil {
			break
		}
		drop(s.list)
	}
	if r.ctx.Err() != nil {
		return
	}
	s.conclude()
}

// more reports whether another process is worth its time.
func (s *search) more() bool {
	if s.processes == 0 || s.processes == 1 && len(s.failures) == 1 {
		return true // a driver that crashed at random must not cost a device
	}
	if s.hangs >= mostHangs || s.processes >= moreProcesses*s.wanted()+mostCrashes {
		return false
	}
	if left := len(live(s.list)); left == 0 || left == 1 && s.settled() {
		return false
	}
	switch complete, late := s.complete(), time.Since(s.started) > searchTime || s.run.spent(); {
	case complete < leastProcesses:
		return true
	case late:
		return false
	case complete < s.wanted():
		return true
	default:
		_, sure := choose(s.list)
		return !sure && complete < moreProcesses*s.wanted()
	}
}

// wanted is how many processes a search should have: as many as there are launches, within
// the number that gives an interval and the one that needs no more.
func (s *search) wanted() int {
	return min(max(s.run.plan.Launches, leastProcesses), stats.DefaultLaunches)
}

// complete is how many processes have tried one of the candidates that are left.
func (s *search) complete() int {
	most := 0
	for _, c := range live(s.list) {
		most = max(most, len(c.times))
	}
	return most
}

// settled reports whether the one candidate that is left has been tried.
func (s *search) settled() bool { return live(s.list)[0].ok() }

// process runs one child and takes over what it found. final says that another one would
// say the same.
func (s *search) process() (final bool) {
	a := s.arm
	s.run.report(a, Progress{Phase: PhaseSearch})
	req := s.run.request(a, worker.OpSearch)
	req.Specialization = a.Pin
	if s.list != nil {
		req.Problem = s.problem
		for _, c := range live(s.list) {
			req.Candidates = append(req.Candidates, c.Specialization)
		}
		s.order.Shuffle(len(req.Candidates), func(i, j int) {
			req.Candidates[i], req.Candidates[j] = req.Candidates[j], req.Candidates[i]
		})
	}
	n := s.processes
	s.processes++
	var waiting []*candidate // for their turn
	var who opening
	who, s.last = s.run.child(a, req, func(e worker.Event) {
		if e.Event == worker.EventTried {
			waiting = s.take(n, *e.Candidate, waiting)
		}
	})
	if who.opened != nil {
		a.m.SearchedOn = who.opened
	}
	out := s.last
	if out.Status == result.StatusOK {
		return false
	}
	s.failures = append(s.failures, out)
	hung := out.Code == worker.CodeTimeLimit
	if hung {
		s.hangs++
	}
	if len(waiting) > 0 && (hung || crashed(out)) {
		s.blame(waiting[0], out)
	}
	return !hung && !crashed(out)
}

// take takes over what process n says of a candidate, and returns those that it has still
// to try.
func (s *search) take(n int, said result.Candidate, waiting []*candidate) []*candidate {
	i := slices.IndexFunc(s.list, func(c *candidate) bool { return maps.Equal(c.Specialization, said.Specialization) })
	if i < 0 {
		s.list = append(s.list, &candidate{Candidate: said, times: map[int]float64{}})
		return append(waiting, s.list[len(s.list)-1])
	}
	c := s.list[i]
	at := slices.Index(waiting, c)
	if at < 0 && said.Status == result.StatusSkipped {
		return append(waiting, c) // it is announced
	}
	if at >= 0 {
		waiting = slices.Delete(waiting, at, at+1)
	}
	if p, err := parseProblem(said.Problem); err == nil {
		s.problem = p
	}
	switch said.Status {
	case result.StatusOK:
		c.times[n] = said.BestS
		if c.Status == result.StatusSkipped {
			c.Status, c.Reason = said.Status, ""
		}
		c.Problem = said.Problem
	case result.StatusSkipped:
		if c.Status == result.StatusSkipped {
			c.Reason = said.Reason
		}
	default: // whatever it did before: a candidate that is wrong once is never chosen
		c.Candidate, c.out = said, true
	}
	return waiting
}

// parseProblem reads the MxNxK of a candidate.
func parseProblem(text string) (p backend.Problem, err error) {
	_, err = fmt.Sscanf(text, "%dx%dx%d", &p.M, &p.N, &p.K)
	return p, err
}

// blame holds the end of a process against the candidate that it was trying. One that hangs
// costs a time limit, and is out at once.
func (s *search) blame(c *candidate, out worker.Outcome) {
	if c.crashes++; c.crashes >= mostCrashes || out.Code == worker.CodeTimeLimit {
		c.Status, c.Code, c.Reason, c.out = result.StatusFailed, CodeCrashed, out.Reason, true
	}
}

// conclude gives the arm what was found.
func (s *search) conclude() {
	a := s.arm
	chosen, sure := choose(s.list)
	if s.last.Code == changed {
		chosen = nil // for a device that is not there
	}
	a.m.Kernel.SearchS, a.m.Kernel.SearchProcesses = time.Since(s.started).Seconds(), s.processes
	a.m.Kernel.Search = make([]result.Candidate, 0, len(s.list))
	for _, c := range s.list {
		if len(c.times) > 0 {
			for _, n := range slices.Sorted(maps.Keys(c.times)) {
				c.TimesS = append(c.TimesS, c.times[n])
			}
			c.BestS = slices.Min(c.TimesS)
		}
		c.Chosen = c == chosen
		a.m.Kernel.Search = append(a.m.Kernel.Search, c.Candidate)
	}
	if chosen == nil {
		s.fail()
		return
	}
	by := chosenBySearch
	switch {
	case a.PinnedBy != "" && len(s.list) == 1:
		by = a.PinnedBy
	case a.PinnedBy != "":
		by = "search within " + a.PinnedBy
	case len(s.list) == 1:
		by = "" // there was nothing to choose from
	}
	a.choice(chosen.Specialization, by)
	switch {
	case s.last.Status == result.StatusFailed:
		a.warn("search-failed", "the search for a specialization ended early (%s); the best of what was tried until then is measured, and a better one may exist", s.last.Reason)
	case len(s.failures) > 0:
		a.warn("search-repeated", "%d of %s of the search for a specialization failed (%s); the driver may be faulty: update it", len(s.failures), plural(s.processes), s.failures[0].Reason)
	}
	if !sure && len(s.list) > 1 {
		a.warn("search-in-doubt", "%s of the search did not tell whether another specialization is more than %g %% faster; of those in doubt the first in the list is measured: for the fastest, search on a quiet machine and reuse its choice by --like", plural(s.processes), 100*indifferent)
	}
}

func plural(processes int) string {
	if processes == 1 {
		return "1 process"
	}
	return fmt.Sprintf("%d processes", processes)
}

// fail ends an arm whose search found nothing.
func (s *search) fail() {
	a := s.arm
	if n := len(s.failures); n > 0 {
		last := s.failures[n-1]
		a.end(last.Code, withRemedy("search: "+last.Reason, last))
		return
	}
	for _, c := range s.list {
		if c.Status != result.StatusOK && c.Status != result.StatusSkipped {
			a.end(c.Code, fmt.Sprintf("search: none of %d specializations works: %s", len(s.list), c.Reason))
			return
		}
	}
	a.end(worker.CodeProtocol, "search: the process tried no specialization")
}
