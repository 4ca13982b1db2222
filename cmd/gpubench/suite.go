//go:build !helper

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"gpubench/internal/analysis"
	"gpubench/internal/backend"
	"gpubench/internal/measure"
	"gpubench/internal/report"
	"gpubench/internal/result"
	"gpubench/internal/suite"
	"gpubench/internal/worker"
)

// suiteOptions are the flags of `gpubench suite`.
type suiteOptions struct {
	runOptions
	runtimes []string
	image    string
	images   string // directory of the archives
	runArgs  map[string][]string
}

func suiteCommand() *command {
	return &command{
		name:     "suite",
		synopsis: "[FLAGS]",
		short:    "measure in every container engine found here, and natively, in one run",
		long: `Finds docker, podman, Apple's container, colima and lima, loads the test image where it
is missing, and measures every device that the program sees in each of them and outside
of them: in rounds, each process in a fresh container, in an order shuffled anew each
round. All else is as in gpubench run. Each container gets as many processors and as much
memory as the runtime with the fewest has; where that cannot be had, a warning says so.
A runtime that is not there is said, with what would enable it. One that was asked for by
--runtime, or is there and does not work, is a failed row and makes the exit code 1.
Containers have no network, no capability and a read-only root, and are gone at the end.
`,
		flags: func(set *pflag.FlagSet) func(*invocation) error {
			o := &suiteOptions{}
			var runtimes list
			var extra []string
			set.Var(&runtimes, "runtime", "only these runtimes: "+strings.Join(suite.Names, ", "))
			set.StringVar(&o.image, "image", "localhost/gpubench:vulkan", "run `IMAGE`")
			set.StringVar(&o.images, "images", "", "`DIRECTORY` of the archives that make images writes (default images beside the program)")
			set.StringArrayVar(&extra, "run-arg", nil, "add `RUNTIME=ARGUMENT` to an engine's run command, as in podman=--memory=8g")
			take := o.define(set, false)
			return func(in *invocation) error {
				if err := in.noArguments(); err != nil {
					return err
				}
				take()
				o.runtimes = runtimes
				if err := o.check(extra); err != nil {
					return err
				}
				return o.run(in, o.measure)
			}
		},
	}
}

// check looks at what names runtimes.
func (o *suiteOptions) check(extra []string) error {
	for _, name := range o.runtimes {
		if !slices.Contains(suite.Names, name) {
			return failf(exitUsage, "--runtime %s: %s", name, unknown("runtime", name, "", suite.Names))
		}
	}
	o.runArgs = map[string][]string{}
	for _, e := range extra {
		name, arg, ok := strings.Cut(e, "=")
		if !ok || arg == "" || !slices.Contains(suite.Names, name) || name == suite.Native {
			return failf(exitUsage, "--run-arg %s: write a container engine, = and one argument, as in podman=--memory=8g", e)
		}
		o.runArgs[name] = append(o.runArgs[name], arg)
	}
	return nil
}

// options are those of the engines.
func (o *suiteOptions) options(doc *result.Document) suite.Options {
	s := suite.Options{Image: o.image, DRI: doc.Host.DRI, RunArgs: o.runArgs,
		Version: fmt.Sprintf("gpubench %s\ncommit %s", doc.Tool.Version, doc.Tool.Commit)}
	dir := o.images
	if self, err := worker.Self(); dir == "" && err == nil {
		dir = filepath.Join(filepath.Dir(self), "images")
	}
	_, kind, _ := strings.Cut(filepath.Base(o.image), ":")
	archive := filepath.Join(dir, fmt.Sprintf("gpubench-%s-linux-%s.tar", kind, runtime.GOARCH))
	if _, err := os.Stat(archive); err == nil {
		s.Archive = archive
	}
	return s
}

// place is a runtime with what is measured in it.
type place struct {
	*suite.Runtime
	devices []result.Device
	equal   *result.Device // the CPU with as many threads as the others have, where that is fewer than all
}

// open finds the runtimes and opens them.
func (o *suiteOptions) open(ctx context.Context, runner measure.Runner, backends []string, doc *result.Document, line *progress) (found []*suite.Runtime) {
	for _, name := range suite.Names {
		if len(o.runtimes) > 0 && !slices.Contains(o.runtimes, name) || ctx.Err() != nil {
			continue
		}
		line.say("looking at " + name)
		if name == suite.Native {
			devices, absent := measure.Discover(ctx, runner, backends)
			found = append(found, suite.NewNative(runner, doc.Host, devices, absent))
		} else {
			found = append(found, suite.Find(ctx, name))
		}
	}
	options := o.options(doc)
	options.Limits = suite.Common(doc.Host, found)
	for _, rt := range found {
		if rt.Runner == nil && rt.Usable() && ctx.Err() == nil {
			line.say("starting containers in " + rt.Report.Name)
			rt.Open(ctx, options)
		}
	}
	return found
}

// choose picks what is measured in a runtime. Of the devices and backends that were named
// those are left out that are not there, with the reason; there must be one.
func (o *suiteOptions) choose(ctx context.Context, rt *suite.Runtime, backends []string) (p place, err error) {
	usable := slices.DeleteFunc(slices.Clone(rt.Devices), func(d result.Device) bool { return !slices.Contains(backends, d.Backend) })
	rt.Absent = slices.DeleteFunc(rt.Absent, func(a result.Absent) bool { return !slices.Contains(backends, a.Backend) })
	look := func(backend, id string) (result.Device, worker.Outcome) {
		return measure.Find(ctx, rt.Runner, backend, id)
	}
	want, left := o.want, error(nil)
	want.devices = nil
	for _, id := range o.want.devices {
		one := selection{devices: []string{id}, baseline: o.want.baseline}
		there, err := one.find(usable, rt.Absent, look)
		if err == nil {
			usable = there
			_, err = one.choose(usable, rt.Absent)
		}
		if err == nil {
			want.devices = append(want.devices, id)
			continue
		}
		left = err
		if absentBackend(rt.Absent, id) == nil {
			rt.Absent = append(rt.Absent, result.Absent{Backend: id, Reason: err.Error()})
		}
	}
	if len(want.devices) == 0 && left != nil {
		return p, left
	}
	want.backends = slices.DeleteFunc(slices.Clone(o.want.backends), func(b string) bool { return absentBackend(rt.Absent, b) != nil })
	if len(want.backends) == 0 && len(o.want.backends) > 0 {
		want.backends = o.want.backends // the error says why not one is there
	}
	if usable, err = want.find(usable, rt.Absent, look); err != nil {
		return p, err
	}
	chosen, err := want.choose(usable, rt.Absent)
	return place{Runtime: rt, devices: chosen}, err
}

// measure is the measuring of `gpubench suite`.
func (o *suiteOptions) measure(ctx context.Context, runner measure.Runner, backends []string, doc *result.Document, line *progress, keep *keeper, stream *events) (*interruption, error) {
	found := o.open(ctx, runner, backends, doc, line)
	var interrupted *interruption
	stopped := func() error {
		if errors.As(context.Cause(ctx), &interrupted) {
			return &failure{interrupted.code(), fmt.Errorf("%w; nothing was measured yet", interrupted)}
		}
		return nil
	}
	if err := stopped(); err != nil {
		return nil, err
	}

	var places []*place
	var reasons []string
	for _, rt := range found {
		if rt.Runner != nil {
			if p, err := o.choose(ctx, rt, backends); err == nil {
				places = append(places, &p)
				continue
			} else {
				rt.Report.Status, rt.Report.Reason, rt.Report.Remedy = result.StatusFailed, err.Error(), ""
			}
		}
		reasons = append(reasons, rt.Report.Name+": "+reason(result.Absent{Reason: rt.Report.Reason, Remedy: rt.Report.Remedy}))
	}
	equalise(ctx, places, len(o.want.devices) == 0)
	if err := stopped(); err != nil {
		return nil, err
	}
	if len(places) == 0 {
		return nil, failf(exitNoDevice, "there is no runtime to measure in: %s", strings.Join(reasons, "; "))
	}
	for _, p := range places {
		if p.equal != nil {
			p.devices = append(p.devices, *p.equal)
		}
		// What was chosen is spoken of by the ids of the document from here on.
		p.Devices = p.devices
		doc.Devices = append(doc.Devices, p.Distinguish(doc.Devices)...)
		if p.Fault != nil {
			doc.Devices = append(doc.Devices, *p.Fault)
		}
		for _, a := range p.Absent {
			if p.Report.Name != suite.Native {
				a.Backend = p.Report.Name + "/" + a.Backend
			}
			doc.Absent = append(doc.Absent, a)
		}
		doc.Warnings = append(doc.Warnings, p.Warnings...)
	}
	doc.Warnings = append(doc.Warnings, differences(places)...)

	plan := measure.Plan{Launches: o.launches, Rules: o.rules(), Seed: o.seed, Limit: o.timeout, Runtime: doc.Host.Runtime.Name,
		ISA: doc.Host.CPU.ISA, Budget: o.budget, RatioPrecision: o.within, Arms: o.arms(places, found, doc.Devices)}
	reports := func(ms []result.Measurement) (list []result.RuntimeReport) {
		for _, rt := range found {
			list = append(list, rt.Finish(ms, doc.Devices))
		}
		return list
	}
	doc.Runtimes = reports(nil)
	stream.begin(doc)
	ms, ratios, warnings, err := measure.Run(ctx, runner, plan, line.measured, func(so measure.Results) {
		now := *doc
		now.Runtimes = reports(so.Measurements)
		keep.checkpoint(now, so)
		stream.launches(so)
	})
	if err != nil && !errors.As(err, &interrupted) {
		return nil, err
	}
	doc.Measurements, doc.Ratios, doc.Runtimes = ms, ratios, reports(ms)
	doc.Warnings = append(doc.Warnings, warnings...)
	doc.Interrupted = interrupted != nil
	return interrupted, nil
}

// arms are those of all places, and one for each runtime and GPU that is there or was
// asked for and cannot be used.
func (o *suiteOptions) arms(places []*place, found []*suite.Runtime, devices []result.Device) (arms []measure.Arm) {
	problems := o.sizes
	if len(problems) == 0 {
		problems = []backend.Problem{defaultSize(devices)}
	}
	add := func(rt *suite.Runtime, a measure.Arm) {
		a.Runtime, a.Runner = rt.Report.Name, rt.Runner
		arms = append(arms, a)
	}
	gpu := slices.ContainsFunc(devices, result.Device.GPU)
	for _, problem := range problems {
		for i, p := range places {
			for j, d := range p.Devices {
				equal := p.equal != nil && j == len(p.Devices)-1
				add(p.Runtime, measure.Arm{Device: d, Problem: problem, Baseline: i == 0 && (d.ID == o.want.baseline || equal)})
			}
			if p.Fault != nil {
				a := measure.Arm{Device: *p.Fault, Problem: problem}
				if p.Remote() || gpu { // else it may be one that only draws
					a.Unusable = p.Fault.Unusable
				}
				add(p.Runtime, a)
			}
		}
		for _, rt := range found {
			if rt.Report.Status == result.StatusFailed || !rt.Usable() && slices.Contains(o.runtimes, rt.Report.Name) {
				add(rt, measure.Arm{Device: places[0].Devices[0], Problem: problem,
					Unusable: rt.Report.Name + " cannot be used: " + reason(result.Absent{Reason: rt.Report.Reason, Remedy: rt.Report.Remedy})})
			}
		}
	}
	for _, p := range places {
		for _, d := range p.Devices {
			for _, a := range measure.Beside(d) {
				if o.limits {
					add(p.Runtime, a)
				}
			}
		}
	}
	return arms
}

// equalise gives each place that may use more processors than another a device with as
// many threads as the least has, unless the devices were named.
func equalise(ctx context.Context, places []*place, wanted bool) {
	least := 0
	for _, p := range places {
		if n := p.Report.Inside.CPU.Usable; n > 0 && (least == 0 || n < least) {
			least = n
		}
	}
	for _, p := range places {
		if _, all := byID(p.devices, "cpu"); all && wanted && p.Report.Inside.CPU.Usable > least {
			if d, out := measure.Find(ctx, p.Runner, "cpu", fmt.Sprintf("cpu:%d", least)); out.Status == result.StatusOK {
				p.equal = &d
			}
		}
	}
}

// differences warns where the runtimes have not the same.
func differences(places []*place) (list []result.Warning) {
	var cpus, memory []string
	least, most, fewest, lo, hi, equal := 0, 0, "", uint64(0), uint64(0), false
	for _, p := range places {
		in := p.Report.Inside
		equal = equal || p.equal != nil
		if n := in.CPU.Usable; n > 0 {
			cpus = append(cpus, fmt.Sprintf("%s %d", p.Report.Name, n))
			if most = max(most, n); least == 0 || n < least {
				least, fewest = n, p.Report.Name
			}
		}
		if n := in.MemoryBytes; n > 0 {
			memory = append(memory, fmt.Sprintf("%s %.1f GiB", p.Report.Name, float64(n)/(1<<30)))
			if hi = max(hi, n); lo == 0 || n < lo {
				lo = n
			}
		}
	}
	if least < most {
		advice := fmt.Sprintf("compare by --device cpu:%d", least)
		if equal {
			advice = fmt.Sprintf("cpu:%d, as many as %s has, is measured where there are more", least, fewest)
		}
		list = append(list, result.Warning{Code: "cores-differ", Text: fmt.Sprintf(
			"the runtimes may not use equally many processors (%s): a ratio of all of one to all of another holds that difference too; %s, or give %s as many",
			strings.Join(cpus, ", "), advice, fewest)})
	}
	// Virtual machines keep some per cent for themselves.
	if float64(hi) > 1.1*float64(lo) {
		list = append(list, result.Warning{Code: "memory-differs", Text: fmt.Sprintf(
			"the runtimes have not the same memory (%s): a size that fits one may not fit another; what fits all runs as fast with more", strings.Join(memory, ", "))})
	}
	return list
}

// claimsOf prints the verdicts on the published claims below the tables of a suite.
func claimsOf(in *invocation, doc *result.Document) error {
	judgements, err := analysis.Judge([]analysis.Source{{Name: "this run", Document: doc}}, analysis.PublishedClaims())
	if err != nil {
		return judged(err)
	}
	if err := write(in.stdout, "\n"); err != nil {
		return err
	}
	return answered(report.ClaimsTable(in.stdout, judgements, report.OptionsFor(in.stdout, in.getenv)))
}
