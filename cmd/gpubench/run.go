//go:build !helper

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"gpubench/internal/analysis"
	"gpubench/internal/backend"
	"gpubench/internal/disturb"
	"gpubench/internal/host"
	"gpubench/internal/measure"
	"gpubench/internal/report"
	"gpubench/internal/result"
	"gpubench/internal/stats"
	"gpubench/internal/worker"
)

// runOptions are the flags of `gpubench run`.
type runOptions struct {
	json      string
	jsonl     string
	quiet     bool
	want      selection
	sizes     []backend.Problem
	launches  int
	budget    time.Duration
	within    float64 // precision of ratios
	limits    bool
	precision float64
	warmup    time.Duration
	minTime   time.Duration
	timeout   time.Duration
	listing   time.Duration // limit of one list of devices
	seed      uint64
	pins      pins
	like      string // path of a document whose choices are taken over

	likeDocument *result.Document // nil without --like
}

func runCommand() *command {
	return &command{
		name:     "run",
		synopsis: "[FLAGS]",
		short:    "measure here: a table, and the whole result with --json",
		long: `Measures the CPU, which is the baseline, every usable device of every other backend,
and as references the BLAS library and cuBLAS where they are installed. Each arm (a device
and a size) is measured in several processes, in an order shuffled anew each round. Every
batch that is timed is checked whole. Beside the products each device's empty dispatch
and the peak of its arithmetic are measured: a batch lasts 100 empty dispatches at
least, and what is faster than the peak is flagged.
`,
		flags: func(set *pflag.FlagSet) func(*invocation) error {
			o := &runOptions{}
			take := o.define(set, true)
			return func(in *invocation) error {
				if err := in.noArguments(); err != nil {
					return err
				}
				take()
				return o.run(in, o.measure)
			}
		},
	}
}

// define defines the flags and returns what takes their values over after they have
// been parsed. limits is the default of --limits.
func (o *runOptions) define(set *pflag.FlagSet, limits bool) (take func()) {
	defaults := measure.DefaultRules()
	size := &sizes{}
	var backends, devices list
	launches := &count{value: stats.DefaultLaunches, lo: 1, hi: 1000}
	precision := &percent{value: defaults.Precision, lo: 0.0001, hi: 0.5}
	minTime := &duration{value: time.Duration(defaults.MinTimeS * float64(time.Second)), lo: time.Millisecond, hi: time.Hour}
	budget := &duration{lo: 0, hi: 7 * 24 * time.Hour}
	within := &percent{value: measure.DefaultRatioPrecision, lo: 0.0001, hi: 1}
	warmup := &duration{value: time.Duration(defaults.WarmupS * float64(time.Second)), lo: time.Millisecond, hi: time.Hour}
	timeout := &duration{value: measure.DefaultLimit, lo: time.Second, hi: 24 * time.Hour}
	set.StringVar(&o.json, "json", "", "write the result document to `FILE`, anew after every launch; - for standard output, without the table")
	set.StringVar(&o.jsonl, "jsonl", "", "write events to `FILE` while measuring, one JSON object a line: what is known at first, each launch, each measurement, the end; - for standard output, without the table")
	set.Var(&backends, "backend", "only these backends: "+strings.Join(backendNames, ", "))
	set.Var(&devices, "device", "only these devices, as in cpu,cpu:1:avx2,vulkan:0; vulkan stands for all of its devices")
	set.Var(size, "size", "matrix sizes, each as 1024 or MxNxK (default 1024; 512 where all but the CPU is software)")
	set.Var(&choice{value: "f32", of: []string{"f32"}}, "format", "number format; f32 so far")
	set.Var(launches, "launches", "processes per arm")
	set.Var(budget, "budget", "spend up to `TIME` in all: on more launches than --launches while the interval of a ratio is wider than --ratio-precision; no launch begins after it (default none: --launches, no more)")
	set.Var(within, "ratio-precision", "with --budget, how far the interval of a ratio may reach from its middle")
	set.BoolVar(&o.limits, "limits", limits, "measure each device's empty dispatch and the peak of its arithmetic as well")
	set.Var(precision, "precision", "stop sampling when the interval's half width is this much of the median")
	set.Var(warmup, "warmup", "shortest time to keep the device busy before sampling; longer where its clock takes longer to rise")
	set.Var(minTime, "min-time", "shortest time to sample in each process")
	set.Var(timeout, "timeout", "limit of one process, which is then killed; one that lists devices has 30s unless this is given")
	set.Var(&o.pins, "specialization", "run the kernel with these specialization constants instead of searching, as in TM=8,TN=2 or, for one device, vulkan:0@TM=8; of those left out the search finds the values; may be given again")
	set.StringVar(&o.like, "like", "", "take each device's specialization from the document `FILE`, so that the two can be compared; what it has not is searched for")
	set.Uint64Var(&o.seed, "seed", 1, "make inputs, order and bootstrap from `N`")
	set.StringVar(&o.want.baseline, "baseline", "cpu", "compare the others with `DEVICE`; cpu is all cores")
	set.BoolVar(&o.quiet, "quiet", false, "no progress on the terminal")
	return func() {
		o.want.backends, o.want.devices, o.sizes = backends, devices, size.list
		o.launches, o.budget, o.within = launches.value, budget.value, within.value
		o.precision, o.timeout, o.listing = precision.value, timeout.value, measure.DefaultListLimit
		if set.Changed("timeout") {
			o.listing = timeout.value
		}
		o.warmup, o.minTime = warmup.value, minTime.value
	}
}

// rules makes the rules of a launch from the flags.
func (o *runOptions) rules() worker.Rules {
	r := measure.DefaultRules()
	r.Precision, r.WarmupS, r.MinTimeS = o.precision, o.warmup.Seconds(), o.minTime.Seconds()
	// There must be room for the shortest warm-up, which may take a third of it, and on
	// a device that is busy half of the time does, and for the shortest sampling; and
	// the process must end by itself before it is killed.
	r.MaxTimeS = min(max(r.MaxTimeS, r.WarmupS+3*r.MinTimeS, 5*r.WarmupS), o.timeout.Seconds()/2)
	return r
}

// checkSizes refuses sizes that the kernel cannot count, and those for which the
// matrices alone, as often as they are held at the same time, do not fit into the
// machine's memory of total bytes (0 is unknown): the system would end some process
// for them, perhaps not ours.
func checkSizes(problems []backend.Problem, total uint64) error {
	for _, p := range problems {
		a, b, c := float64(p.M)*float64(p.K), float64(p.K)*float64(p.N), float64(p.M)*float64(p.N)
		if max(a, b, c) > math.MaxInt32 {
			return failf(exitUsage, "--size %v: a matrix has 2^31 elements or more, which the kernel cannot count; choose a smaller one", p)
		}
		need := 4 * (2*(a+b) + 3*c) // A and B on host and device; C there, read back, and the one known to be right
		if total > 0 && need > float64(total) {
			return failf(exitUsage, "--size %v: it takes %.1f GiB and %.1f GiB are usable here; choose a smaller one", p, need/(1<<30), float64(total)/(1<<30))
		}
	}
	return nil
}

// defaultSize is large enough for a GPU to show what it can do. Where there is none
// but a software device, which takes a second for one product of 1024 and gives a
// handful of samples in a launch, a smaller one says more and ends sooner.
func defaultSize(devices []result.Device) backend.Problem {
	gpu := slices.ContainsFunc(devices, result.Device.GPU)
	software := slices.ContainsFunc(devices, func(d result.Device) bool { return d.Software })
	if software && !gpu {
		return backend.Problem{M: 512, N: 512, K: 512}
	}
	return backend.Problem{M: 1024, N: 1024, K: 1024}
}

// measuring fills a document. It returns the signal that ended it early, if one did,
// and an error only when there is nothing to put into a document.
type measuring func(ctx context.Context, runner measure.Runner, backends []string, doc *result.Document, line *progress, keep *keeper, stream *events) (*interruption, error)

// run carries out a command that measures here: the document's head, the measuring,
// and the answer.
func (o *runOptions) run(in *invocation, fill measuring) error {
	backends, err := o.want.wants()
	if err != nil {
		return err
	}
	doc := &result.Document{
		Schema:  result.Schema{Name: result.SchemaName, Version: result.SchemaVersion},
		Tool:    tool(),
		Argv:    in.argv,
		Started: time.Now().UTC(),
		Seed:    o.seed,
	}
	doc.Host, doc.Warnings = host.Facts()
	doc.Warnings = append(doc.Warnings, unwatched()...)
	if err := checkSizes(o.sizes, doc.Host.MemoryBytes); err != nil {
		return err
	}
	if o.json == "-" && o.jsonl == "-" {
		return failf(exitUsage, "--json and --jsonl cannot both have standard output; name a file for one of them")
	}
	if o.like != "" {
		if o.likeDocument, err = readDocument(o.like); err != nil {
			return failf(exitUsage, "--like %w", err)
		}
	}
	var line *progress
	keep, err := newKeeper(o.json, func(text string) { line.note(in.stderr, text) })
	if err != nil {
		return err
	}
	stream, err := openEvents(o.jsonl, in.stdout)
	if err != nil {
		return err
	}
	runner, err := spawner()
	if err != nil {
		return err
	}
	// Until the answer is out: a second signal must end a write that does not end.
	ctx, done := interruptible(in.ctx, in.stderr, keep.atOnce)
	defer done()
	if !o.quiet {
		line = startProgress(in.stderr, in.getenv)
	}
	interrupted, err := fill(ctx, runner, backends, doc, line, keep, stream)
	line.end()
	if err != nil {
		return err
	}
	doc.DurationS = time.Since(doc.Started).Seconds()

	told := stream.end(doc)
	if err := o.answer(in, doc, keep); err != nil {
		return err
	}
	if told != nil {
		return told
	}
	return outcome(doc, interrupted)
}

// unwatched warns of disturbances that would not be seen here.
func unwatched() []result.Warning {
	m := disturb.Open()
	defer m.Close()
	if len(m.Unknown()) == 0 {
		return nil
	}
	return []result.Warning{{Code: "disturbances-unknown", Text: fmt.Sprintf(
		"some of what disturbs samples goes unseen here, because this cannot be read: %s; mount /proc and /sys/fs/cgroup", strings.Join(m.Unknown(), "; "))}}
}

// untold warns of cards that should tell of themselves and do not.
func untold(devices []result.Device) []result.Warning {
	var ids []string
	var why *result.NVML
	for _, d := range devices {
		if d.NVML != nil && d.NVML.Unavailable != "" {
			ids = append(ids, d.ID)
			why = d.NVML
		}
	}
	if why == nil {
		return nil
	}
	return []result.Warning{{Code: "no-telemetry", Text: fmt.Sprintf(
		"clocks, power, temperature, throttling, energy and other users of %s go unseen here: %s; %s", strings.Join(ids, ", "), why.Unavailable, why.Remedy)}}
}

// measure is the measuring of `gpubench run`.
func (o *runOptions) measure(ctx context.Context, runner measure.Runner, backends []string, doc *result.Document, line *progress, keep *keeper, stream *events) (*interruption, error) {
	line.say("looking for devices")
	seen, lost := measure.Discover(ctx, runner, backends, o.listing), faults{}
	found, absent := append(seen.Devices, lost.stand(o.want, seen.Failed)...), seen.Absent
	found, err := o.want.find(found, absent, lost.look(ctx, runner, o.listing))
	var interrupted *interruption
	if errors.As(context.Cause(ctx), &interrupted) {
		return nil, &failure{interrupted.code(), fmt.Errorf("%w; nothing was measured yet", interrupted)}
	}
	if err != nil {
		return nil, err
	}
	chosen, err := o.want.choose(found, absent)
	if err != nil {
		return nil, err
	}
	lost.mark(found)
	lost.mark(chosen)
	doc.Devices, doc.Absent = found, absent
	doc.Warnings = slices.Concat(doc.Warnings, untold(chosen), analysis.Doubles(chosen))

	problems := o.sizes
	if len(problems) == 0 {
		problems = []backend.Problem{defaultSize(chosen)}
	}
	plan := measure.Plan{Launches: o.launches, Rules: o.rules(), Seed: o.seed, Limit: o.timeout, Runtime: doc.Host.Runtime.Name,
		ISA: doc.Host.CPU.ISA, Budget: o.budget, RatioPrecision: o.within}
	for _, p := range problems {
		for _, d := range chosen {
			plan.Arms = append(plan.Arms, measure.Arm{Device: d, Problem: p, Baseline: d.ID == o.want.baseline, Fault: lost.of(d.ID)})
		}
	}
	for _, d := range chosen {
		if o.limits {
			plan.Arms = append(plan.Arms, measure.Beside(d)...)
		}
	}
	if !o.limits {
		doc.Warnings = append(doc.Warnings, analysis.Unbounded())
	}
	if chosen[0].ID != o.want.baseline {
		doc.Warnings = append(doc.Warnings, result.Warning{Code: "no-baseline", Text: fmt.Sprintf(
			"there are no ratios, because the baseline %s was not measured; add it with --device, or choose another with --baseline", o.want.baseline)})
	}

	warnings, err := o.pin(plan)
	if err != nil {
		return nil, err
	}
	doc.Warnings = append(doc.Warnings, warnings...)

	stream.begin(doc)
	doc.Measurements, doc.Ratios, warnings, err = measure.Run(ctx, runner, plan, line.measured, func(so measure.Results) {
		keep.checkpoint(*doc, so)
		stream.launches(so)
	})
	doc.Warnings = append(doc.Warnings, warnings...)
	if err != nil && !errors.As(err, &interrupted) {
		return nil, err
	}
	doc.Interrupted = interrupted != nil
	return interrupted, nil
}

// answer writes the document and prints the table.
func (o *runOptions) answer(in *invocation, doc *result.Document, keep *keeper) error {
	if o.json == "-" {
		if err := result.Write(in.stdout, doc); err != nil {
			return rescue(doc, answered(err))
		}
		return nil
	}
	var lost error
	if o.json != "" {
		if err := result.WriteFile(o.json, doc); err != nil {
			lost = rescue(doc, fmt.Errorf("--json %w", err))
			if held := keep.held.Load(); held != nil {
				lost = fmt.Errorf("%w; %s", lost, *held)
			}
		} else {
			keep.hold("%s holds all that was measured", o.json)
		}
	}
	if o.jsonl == "-" {
		return lost
	}
	err := answered(report.Run(in.stdout, doc, report.OptionsFor(in.stdout, in.getenv)))
	if err == nil && doc.Runtimes != nil {
		err = claimsOf(in, doc)
	}
	if lost != nil && err != nil {
		return fmt.Errorf("%w; %w", lost, err)
	}
	return cmp.Or(lost, err)
}

// workName is the size of a product, or the kernel of what is measured beside them.
func workName(m *result.Measurement) string {
	if m.Role == result.RoleOverhead || m.Role == result.RolePeak {
		return m.Kernel.Name
	}
	return fmt.Sprintf("%dx%dx%d", m.Problem.M, m.Problem.N, m.Problem.K)
}

// outcome is nil when all went well. Otherwise its exit code is that of the gravest
// thing that happened: a wrong result before a failure; but what a signal ended
// says so first.
func outcome(doc *result.Document, interrupted *interruption) error {
	if interrupted != nil {
		return &failure{interrupted.code(), fmt.Errorf("%w; what was measured until then was written", interrupted)}
	}
	var wrong, failed []string
	good := 0
	for _, m := range doc.Measurements {
		what := fmt.Sprintf("%s %s: %s", m.Device, workName(&m), m.Reason)
		switch {
		case m.Status == result.StatusOK:
			good++
		case m.Code == string(backend.WrongResult):
			wrong = append(wrong, what)
		case m.Status == result.StatusFailed:
			failed = append(failed, what)
		}
	}
	switch {
	case len(wrong) > 0:
		return failf(exitWrong, "a result was wrong: %s", strings.Join(append(wrong, failed...), "; "))
	case len(failed) > 0:
		return failf(exitFailed, "%d of %d measurements failed: %s", len(failed), len(doc.Measurements), strings.Join(failed, "; "))
	case good == 0:
		return failf(exitFailed, "nothing could be measured: %s", doc.Measurements[0].Reason)
	}
	return nil
}
