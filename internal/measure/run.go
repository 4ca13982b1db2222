// The run: a search per arm, then launches of all arms in shuffled rounds.

package measure

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"gpubench/internal/analysis"
	"gpubench/internal/backend"
	"gpubench/internal/host"
	"gpubench/internal/result"
	"gpubench/internal/stats"
	"gpubench/internal/worker"
)

// Run carries out a plan and returns a measurement for each arm, in the plan's
// order with the ids m0, m1, ..., the ratios of the arms to the baselines, and
// warnings about the run as a whole. progress and checkpoint may be nil; they are
// called from the calling goroutine, checkpoint after every launch, and so never
// while something is being measured.
//
// When ctx ends the running child is killed, and what was measured until then
// is returned together with the cause of the end. Failed arms are no error: their
// status and code say what happened. Any other error means that the plan cannot
// be carried out at all.
func Run(ctx context.Context, r Runner, plan Plan, progress func(Progress), checkpoint func(Results)) ([]result.Measurement, []result.Ratio, []result.Warning, error) {
	if err := plan.check(); err != nil {
		return nil, nil, nil, err
	}
	if plan.Limit <= 0 {
		plan.Limit = DefaultLimit
	}
	if progress == nil {
		progress = func(Progress) {}
	}
	run := &run{ctx: ctx, runner: r, plan: plan, progress: progress, start: time.Now()}
	for i, a := range plan.Arms {
		run.arms = append(run.arms, newArm(i, a, plan))
	}
	for _, a := range run.arms {
		if !a.over && a.Kernel == "" && ctx.Err() == nil && !run.adopt(a) {
			run.search(a)
		}
	}
	// The second word keeps the order apart from the inputs, which have the same seed.
	order := rand.New(rand.NewPCG(plan.Seed, 0x726f756e6473))
	run.rounds = plan.Launches
	for round := 0; round < run.rounds; round++ {
		for _, i := range order.Perm(len(run.arms)) {
			if a := run.arms[i]; !a.over && round < run.launches(a) && ctx.Err() == nil && !run.spent() {
				run.launch(a, round)
				if checkpoint != nil && ctx.Err() == nil {
					checkpoint(run.results(true))
				}
			}
		}
		if round+1 == plan.Launches && plan.Budget > 0 && plan.RatioPrecision > 0 {
			run.rounds = run.needed()
		}
	}
	all := run.results(ctx.Err() != nil)
	return all.Measurements, all.Ratios, all.Warnings, context.Cause(ctx)
}

// run is a plan being carried out.
type run struct {
	ctx      context.Context
	runner   Runner
	plan     Plan
	progress func(Progress)
	start    time.Time
	arms     []*arm
	rounds   int // as many as there are to be
}

// mostRounds is how many times more rounds than asked for a budget may buy.
const mostRounds = 4

// needed is how many rounds the widest interval asks for: that of a ratio or, where
// an arm has none, its own. It is decided once, from the first rounds, since to look
// after each would end the run when the interval happens to be narrow.
func (r *run) needed() int {
	now := r.results(true)
	needed, inRatio := r.plan.Launches, map[string]bool{}
	ask := func(ci *[2]float64) {
		needed = max(needed, stats.Needed(ci, r.plan.Launches, r.plan.RatioPrecision))
	}
	for _, q := range now.Ratios {
		inRatio[q.Fast], inRatio[q.Slow] = true, true
		ask(q.CI95)
	}
	for _, m := range now.Measurements {
		if m.Summary != nil && !inRatio[m.ID] && (m.Role == result.RoleKernel || m.Role == result.RoleReference) {
			ask(m.Summary.CI95S)
		}
	}
	return min(needed, mostRounds*r.plan.Launches)
}

// launches is how many an arm is to have. A peak is a bound, the best sample that was
// seen, and needs no interval.
func (r *run) launches(a *arm) int {
	if a.m.Role == result.RolePeak {
		return min(peakLaunches, r.plan.Launches)
	}
	return r.rounds
}

// peakLaunches are enough for one that nothing disturbs.
const peakLaunches = 3

// spent reports whether the budget is.
func (r *run) spent() bool { return r.plan.Budget > 0 && time.Since(r.start) >= r.plan.Budget }

// arm is an arm with what is known of it so far.
type arm struct {
	Arm
	index     int
	m         result.Measurement
	spec      backend.Specialization // of its launches, nil until it is chosen
	over      bool                   // nothing more is to be launched
	checksums map[string]bool
}

func newArm(i int, a Arm, plan Plan) *arm {
	p := a.Problem
	out := &arm{Arm: a, index: i, checksums: map[string]bool{}, m: result.Measurement{
		ID:      fmt.Sprintf("m%d", i),
		Runtime: cmp.Or(a.Runtime, plan.Runtime),
		Machine: a.Machine,
		Device:  a.Device.ID,
		Role:    a.Role(),
		Kernel: result.Kernel{Name: cmp.Or(a.Kernel, a.Device.KernelName()), Format: a.Device.Format(), Accumulate: result.FormatF32,
			Specialization: map[string]uint32{}, Search: []result.Candidate{}},
		Problem:  result.Problem{M: p.M, N: p.N, K: p.K, FLOP: p.FLOP(), Input: "normal", Seed: plan.Seed},
		Launches: []result.Launch{},
		Warnings: []result.Warning{},
	}}
	switch {
	case a.Fault != nil:
		out.end(a.Fault.Code, withRemedy(a.Fault.Reason, worker.Outcome{Remedy: a.Fault.Remedy}))
	case a.Unusable != "":
		out.end(CodeRuntime, a.Unusable)
	case a.Device.Unusable != "":
		out.end(string(backend.Unusable), a.Device.Unusable)
	}
	return out
}

// end gives the arm a status other than ok.
func (a *arm) end(code, reason string) {
	a.over = true
	a.m.Status, a.m.Code, a.m.Reason = result.StatusFailed, code, reason
	switch code {
	case string(backend.Limit), string(backend.Unusable):
		a.m.Status = result.StatusUnsupported
	case CodeInterrupted, CodeBudget:
		a.m.Status = result.StatusSkipped
	}
}

// runnerOf is what starts an arm's processes.
func (r *run) runnerOf(a *arm) Runner {
	if a.Runner != nil {
		return a.Runner
	}
	return r.runner
}

func (r *run) request(a *arm, op string) worker.Request {
	rules := r.plan.Rules
	if a.Kernel != "" { // what is looked at beside the products may not take their time
		rules.WarmupS, rules.MinTimeS, rules.MaxTimeS = rules.WarmupS/2, rules.MinTimeS/2, rules.MaxTimeS/2
	}
	listed := a.Device.Opened()
	return worker.Request{Op: op, Backend: a.Device.Backend, Device: a.Device.ID, Kernel: a.Kernel, Problem: a.Problem, Seed: r.plan.Seed,
		Specialization: a.spec, Rules: rules, Expect: &listed}
}

func (r *run) report(a *arm, p Progress) {
	p.Arm, p.Arms, p.Rounds, p.Device, p.Kernel, p.Problem = a.index, len(r.arms), r.launches(a), a.Device, a.Kernel, a.Problem
	r.progress(p)
}

func withRemedy(reason string, out worker.Outcome) string {
	if out.Remedy == "" {
		return reason
	}
	return reason + "; " + out.Remedy
}

func (a *arm) warn(code, format string, args ...any) {
	a.m.Warnings = append(a.m.Warnings, result.Warning{Code: code, Text: fmt.Sprintf(format, args...)})
}

// thermalState is the machine's; tests replace it.
var thermalState = host.ThermalState

// launch runs one child that takes samples, and a second one where a known random
// fault ended the first.
func (r *run) launch(a *arm, round int) {
	repeatedly(r.ctx, struckAtRandom, func(attempt int) worker.Outcome { return r.attempt(a, round, attempt) })
}

// attempt runs one child that takes samples, and records it.
func (r *run) attempt(a *arm, round, attempt int) worker.Outcome {
	l := result.Launch{Round: round, Started: time.Now().UTC(), Stderr: []string{}, Warmup: []result.Sample{}, Samples: []result.Sample{}, Telemetry: []result.Telemetry{}}
	if attempt > 1 {
		l.Attempt = attempt
	}
	p := Progress{Round: round, Phase: PhaseStart}
	r.report(a, p)
	thermal := func(at float64) {
		if state, ok := thermalState(); ok {
			l.Telemetry = append(l.Telemetry, result.Telemetry{AtS: at, Values: map[string]float64{host.ThermalReading: float64(state)}})
		}
	}
	thermal(0)
	var v result.Verification
	who, out := r.child(a, r.request(a, worker.OpLaunch), func(e worker.Event) {
		switch e.Event {
		case worker.EventBuilt:
			a.built(*e.Kernel)
			return
		case worker.EventPhase:
			p.Phase = e.Phase
		case worker.EventVerified:
			v = *e.Verification
			return
		case worker.EventRoundTrip:
			l.RoundTripS = &e.RoundTripS
			return
		case worker.EventWarmup:
			l.Warmup = append(l.Warmup, *e.Sample)
			p.FLOPS = rate(a.Problem, *e.Sample)
		case worker.EventSample:
			l.Samples = append(l.Samples, *e.Sample)
			p.Samples++
			p.FLOPS = rate(a.Problem, *e.Sample)
		case worker.EventTelemetry:
			l.Telemetry = append(l.Telemetry, *e.Telemetry)
			return
		case worker.EventEnergy:
			l.Energy = e.Energy
			return
		case worker.EventDone:
			l.Stop = e.Stop
			return
		}
		r.report(a, p)
	})
	l.Opened, l.Meter = who.opened, who.meter
	l.Status, l.Code, l.Reason, l.Signal, l.DurationS = out.Status, out.Code, out.Reason, out.Signal, out.DurationS
	thermal(l.DurationS)
	if l.Status != result.StatusOK {
		l.Reason = withRemedy(l.Reason, out)
		l.Stderr = append(l.Stderr, out.Stderr...)
	} else if len(l.Samples) == 0 {
		l.Status, l.Code, l.Reason = result.StatusFailed, worker.CodeProtocol, "the process was done without a sample"
	}
	a.m.Launches = append(a.m.Launches, l)
	a.addVerification(v)

	switch backend.Kind(l.Code) {
	case backend.WrongResult, backend.Changed:
		// No more launches can make this arm a number.
		a.end(l.Code, fmt.Sprintf("launch %d: %s", round+1, l.Reason))
	case backend.Limit, backend.Unusable, backend.NoDevice, backend.Absent:
		a.over = true // the next launch would say the same
	}
	a.over = a.over || hangs(a.m.Launches)
	return out
}

// rate is the FLOP/s of a sample.
func rate(p backend.Problem, s result.Sample) float64 {
	return float64(p.FLOP()) * float64(s.Dispatches) / s.HostS
}

// addVerification adds the totals of one launch to those of the arm.
func (a *arm) addVerification(v result.Verification) {
	t := &a.m.Verification
	t.Batches += v.Batches
	t.Failed += v.Failed
	t.Dispatches += v.Dispatches
	t.Varied += v.Varied
	t.MaxError = max(t.MaxError, v.MaxError)
	t.Bound = max(t.Bound, v.Bound)
	if v.Method != "" {
		t.Method = v.Method
	}
	if v.ExactChecksum != "" {
		t.ExactChecksum = v.ExactChecksum
		a.checksums[v.ExactChecksum] = true
	}
}

// conclude gives the arm the status that follows from its launches. interrupted says
// that there would have been more of them.
func (r *run) conclude(a *arm, interrupted bool) {
	a.warnOfRepetitions()
	if a.m.Status != "" {
		return
	}
	good, failures, launches, failed := a.tally()
	switch {
	case a.m.Verification.Failed > 0:
		// The process died before it could say so itself.
		a.end(string(backend.WrongResult), fmt.Sprintf("%d of %d batches were wrong", a.m.Verification.Failed, a.m.Verification.Batches))
	case len(a.checksums) > 1:
		a.end(string(backend.WrongResult), "the launches disagree about the product of the exact input: its checksums differ")
	case failed != nil && failures >= good:
		a.endFailing(good, failures, launches, failed)
	case good == 0 && interrupted:
		a.end(CodeInterrupted, "the run was interrupted before a launch was finished")
	case good == 0:
		a.end(CodeBudget, fmt.Sprintf("the run's %v were over before its first launch", r.plan.Budget))
	default:
		a.m.Status = result.StatusOK
		if failed != nil {
			a.warn("launch-failed", "%d of %d launches failed (launch %d: %s); the figures are of the %s that succeeded", failures, launches, failed.Round+1, failed.Reason, analysis.Plural(good, "launch"))
		}
		if missing := min(r.launches(a), r.plan.Launches) - good - failures; missing > 0 {
			why := "the run was interrupted"
			switch {
			case hangs(a.m.Launches):
				why = fmt.Sprintf("%d in a row had hung", hangsInARow)
			case a.over:
				why = "the one that failed would have failed again"
			case !interrupted:
				why = fmt.Sprintf("the run's %v were over", r.plan.Budget)
			}
			a.warn("few-launches", "%d of %d launches are missing, because %s; the intervals rest on fewer processes than planned: measure again", missing, min(r.launches(a), r.plan.Launches), why)
		}
	}
}
