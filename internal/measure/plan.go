// Package measure is the parent's part of a measurement: it finds the devices,
// has child processes search, launch and sample, keeps everything that they say,
// and turns it into rows of the result document.
//
// It never loses a sample and never leaves a hole: an arm that could not be
// measured is a row with a status and a reason, a launch that failed is kept with
// what it gave but is not in the summary. An arm that gave a wrong result even
// once has no summary at all.
package measure

import (
	"context"
	"errors"
	"time"

	"gpubench/internal/backend"
	"gpubench/internal/result"
	"gpubench/internal/worker"
)

// Runner runs one child process from its request to its end. *worker.Spawner is
// the real one.
type Runner interface {
	Run(ctx context.Context, req worker.Request, limit time.Duration, on func(worker.Event)) worker.Outcome
}

// Plan says what to measure and by which rules. All of it is fixed before the
// first sample is taken.
type Plan struct {
	Arms     []Arm
	Launches int           // processes per arm, where no budget buys more
	Rules    worker.Rules  // of each launch
	Seed     uint64        // of the inputs, of the order of the arms and of the bootstrap
	Limit    time.Duration // wall time after which a child is killed; DefaultLimit when 0
	Budget   time.Duration // wall time after which no more launches are started; none when 0
	Runtime  string        // where all of it runs: native, podman, ...
	ISA      string        // the best instruction set of the machine, as in Host.CPU
	// With a Budget, more launches follow on the first ones as long as an interval of a
	// ratio reaches further than this from its middle (0.03 is 3 %).
	RatioPrecision float64
}

// Arm is one thing to measure.
type Arm struct {
	Device   result.Device
	Kernel   string // KernelEmpty or KernelFMA of package backend; empty for the matrix product
	Problem  backend.Problem
	Baseline bool // the other arms of the same problem are compared with it
	// Where it runs when that is not where the plan does: the runtime's name, and what
	// starts its processes there. A Device that another runtime has too needs an id of
	// its own.
	Runtime string
	Runner  Runner
	// Pin are values of specialization constants that the search has to keep to, and
	// PinnedBy what asked for them.
	Pin      backend.Specialization
	PinnedBy string
	// Machine is what it runs on where that is not the host; arms of different machines are
	// not compared.
	Machine string
	// Unusable says why that cannot be used, where it cannot: the arm is then a row with
	// this reason.
	Unusable string
	// Fault is what its device failed with when it was looked at, where it did: the arm is
	// then a failed row.
	Fault *Unlisted
}

// Role is that of the arm's measurement.
func (a Arm) Role() string {
	switch a.Kernel {
	case backend.KernelEmpty:
		return result.RoleOverhead
	case backend.KernelFMA:
		return result.RolePeak
	}
	return a.Device.Role()
}

// Beside are the arms that are looked at beside the products on a device: what an
// empty dispatch costs, and the peak of its arithmetic. Libraries have neither.
func Beside(d result.Device) []Arm {
	if d.Role() != result.RoleKernel || d.Unusable != "" {
		return nil
	}
	return []Arm{{Device: d, Kernel: backend.KernelEmpty}, {Device: d, Kernel: backend.KernelFMA, Problem: PeakProblem(d)}}
}

// DefaultRatioPrecision is a Plan's RatioPrecision where nobody says otherwise.
const DefaultRatioPrecision = 0.03

// DefaultLimit is the wall time of one child. It is for a driver that hangs, so
// it is far above what a launch takes on a slow device.
const DefaultLimit = 2 * time.Minute

// DefaultRules are those of the command line. An arm at rest reaches 1 % within a
// second. MaxTimeS bounds what a noisy or slow one may cost: launches differ by more
// than the samples within one, so that time is better spent on more launches.
func DefaultRules() worker.Rules {
	return worker.Rules{WarmupS: 0.5, MinSamples: 10, MinTimeS: 0.5, Precision: 0.01, MaxTimeS: 2.5, BatchS: 0.02}
}

func (p *Plan) check() error {
	switch {
	case len(p.Arms) == 0:
		return errors.New("measure: there is nothing to measure: no device is left")
	case p.Launches < 1:
		return errors.New("measure: at least one launch is needed")
	}
	return nil
}

// Progress tells a display what is going on.
type Progress struct {
	Arm, Arms     int // which arm, from 0, of how many
	Round, Rounds int // which launch, from 0, of how many
	Device        result.Device
	Kernel        string // as in Arm
	Problem       backend.Problem
	Phase         string  // search, start, or a phase of worker.EventPhase
	Samples       int     // timed batches of this launch so far
	FLOPS         float64 // rate of the last batch in FLOP/s, 0 before the first
}

// Phases of Progress besides those that a child sends.
const (
	PhaseSearch = "search"
	PhaseStart  = "start"
)

// Codes of a measurement that are neither a backend.Kind nor one of package
// worker's.
const (
	CodeInterrupted = worker.CodeInterrupted // the run was ended before the arm had a good launch
	CodeBudget      = "budget"               // the same, by Plan.Budget
	CodeRuntime     = "runtime"              // where the arm was to run cannot be used
)
