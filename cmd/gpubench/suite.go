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
round. All else is as in gpubench run. A runtime that cannot be used is said, with what
to do; one that was asked for by --runtime makes the exit code 1. Containers have no
network, no capability and a read-only root, and are gone at the end.
`,
		flags: func(set *pflag.FlagSet) func(*invocation) error {
			o := &suiteOptions{}
			var runtimes list
			var extra []string
			set.Var(&runtimes, "runtime", "only these runtimes: "+strings.Join(suite.Names, ", "))
			set.StringVar(&o.image, "image", "localhost/gpubench:vulkan", "image to run")
			set.StringVar(&o.images, "images", "", "`DIRECTORY` of the archives that make images writes (default images beside the program)")
			set.StringArrayVar(&extra, "run-arg", nil, "one more argument for an engine's run command, as in podman=--memory=8g")
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
				var asked error
				err := o.run(in, func(ctx context.Context, runner measure.Runner, backends []string, doc *result.Document, line *progress, keep *keeper, stream *events) (*interruption, error) {
					i, err := o.measure(ctx, runner, backends, doc, line, keep, stream)
					asked = o.unusable(doc)
					return i, err
				})
				if err == nil {
					err = asked
				}
				return err
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

// unusable is the error for the runtimes that were asked for and could not be used.
func (o *suiteOptions) unusable(doc *result.Document) error {
	var list []string
	for _, r := range doc.Runtimes {
		if r.Status != result.StatusOK && slices.Contains(o.runtimes, r.Name) {
			list = append(list, r.Name+": "+reason(result.Absent{Reason: r.Reason, Remedy: r.Remedy}))
		}
	}
	if len(list) == 0 {
		return nil
	}
	return failf(exitFailed, "not all runtimes could be used: %s", strings.Join(list, "; "))
}

// options are those of the engines.
func (o *suiteOptions) options(doc *result.Document) suite.Options {
	s := suite.Options{Image: o.image, CPUs: doc.Host.CPU.Usable, DRI: doc.Host.DRI, RunArgs: o.runArgs,
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

// measure is the measuring of `gpubench suite`.
func (o *suiteOptions) measure(ctx context.Context, runner measure.Runner, backends []string, doc *result.Document, line *progress, keep *keeper, stream *events) (*interruption, error) {
	var found []*suite.Runtime
	for _, name := range suite.Names {
		if len(o.runtimes) > 0 && !slices.Contains(o.runtimes, name) || ctx.Err() != nil {
			continue
		}
		line.say("looking at " + name)
		if name == suite.Native {
			devices, absent := measure.Discover(ctx, runner, backends)
			found = append(found, suite.NewNative(runner, doc.Host, devices, absent))
		} else {
			found = append(found, suite.Open(ctx, name, o.options(doc)))
		}
	}
	var interrupted *interruption
	if errors.As(context.Cause(ctx), &interrupted) {
		return nil, &failure{interrupted.code(), fmt.Errorf("%w; nothing was measured yet", interrupted)}
	}

	plan := measure.Plan{Launches: o.launches, Rules: o.rules(), Seed: o.seed, Limit: o.timeout, Runtime: doc.Host.Runtime.Name,
		ISA: doc.Host.CPU.ISA, Budget: o.budget, RatioPrecision: o.within}
	type place struct {
		runtime *suite.Runtime
		devices []result.Device
	}
	var places []place
	var reasons []string
	for _, rt := range found {
		if rt.Runner == nil {
			reasons = append(reasons, rt.Report.Name+": "+rt.Report.Reason)
			continue
		}
		usable := slices.DeleteFunc(slices.Clone(rt.Devices), func(d result.Device) bool { return !slices.Contains(backends, d.Backend) })
		chosen, err := o.want.choose(usable, rt.Absent)
		if err != nil {
			reasons = append(reasons, rt.Report.Name+": "+err.Error())
			rt.Report.Status, rt.Report.Reason = result.StatusFailed, err.Error()
			continue
		}
		// What was chosen is spoken of by the ids of the document from here on.
		rt.Devices = chosen
		doc.Devices = append(doc.Devices, rt.Distinguish(doc.Devices)...)
		for _, a := range rt.Absent {
			if rt.Report.Name != suite.Native {
				a.Backend = rt.Report.Name + "/" + a.Backend
			}
			doc.Absent = append(doc.Absent, a)
		}
		doc.Warnings = append(doc.Warnings, fewerCPUs(doc.Host, rt.Report)...)
		places = append(places, place{rt, rt.Devices})
	}
	if len(places) == 0 {
		return nil, failf(exitNoDevice, "there is no runtime to measure in: %s", strings.Join(reasons, "; "))
	}

	problems := o.sizes
	if len(problems) == 0 {
		problems = []backend.Problem{defaultSize(doc.Devices)}
	}
	arm := func(p place, a measure.Arm) measure.Arm {
		a.Runtime, a.Runner = p.runtime.Report.Name, p.runtime.Runner
		return a
	}
	for _, problem := range problems {
		for i, p := range places {
			for _, d := range p.devices {
				plan.Arms = append(plan.Arms, arm(p, measure.Arm{Device: d, Problem: problem, Baseline: i == 0 && d.ID == o.want.baseline}))
			}
		}
	}
	for _, p := range places {
		for _, d := range p.devices {
			for _, a := range measure.Beside(d) {
				if o.limits {
					plan.Arms = append(plan.Arms, arm(p, a))
				}
			}
		}
	}
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

// fewerCPUs warns where a runtime has not the host's processors.
func fewerCPUs(h result.Host, r result.RuntimeReport) []result.Warning {
	if r.Inside.CPU.Usable == h.CPU.Usable {
		return nil
	}
	return []result.Warning{{Code: "cores-differ", Text: fmt.Sprintf(
		"%s may use %d processors and the host %d: its ratios to the host's CPU hold that difference too; give its virtual machine or its containers as many, or look at one core each (--device cpu:1)",
		r.Name, r.Inside.CPU.Usable, h.CPU.Usable)}}
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
