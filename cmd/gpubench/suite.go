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
An engine is known by what answers: Podman behind docker's command is the runtime podman.
What lies on another machine is measured, and in no ratio with the runtimes here.
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
			set.StringArrayVar(&extra, "run-arg", nil, "add `RUNTIME=ARGUMENT` to an engine's run command, as in podman=--memory=8g; paths in it are absolute")
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
	s := suite.Options{Image: o.image, ListLimit: o.listing, Host: doc.Host, DRI: doc.Host.DRI, RunArgs: o.runArgs,
		Version: fmt.Sprintf("gpubench %s\ncommit %s", doc.Tool.Version, doc.Tool.Commit)}
	dir := o.images
	if self, err := worker.Self(); dir == "" && err == nil {
		dir = filepath.Join(filepath.Dir(self), "images")
	}
	_, kind, _ := strings.Cut(filepath.Base(o.image), ":")
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	archive := filepath.Join(dir, fmt.Sprintf("gpubench-%s-linux-%s.tar", kind, runtime.GOARCH))
	if _, err := os.Stat(archive); err == nil {
		s.Archive = archive
	}
	return s
}

// open finds the runtimes and opens them.
func (o *suiteOptions) open(ctx context.Context, runner measure.Runner, backends []string, doc *result.Document, line *progress) (found []*suite.Runtime) {
	for _, name := range suite.Names {
		if len(o.runtimes) > 0 && !slices.Contains(o.runtimes, name) || ctx.Err() != nil {
			continue
		}
		line.say("looking at " + name)
		if name == suite.Native {
			found = append(found, suite.NewNative(runner, doc.Host, measure.Discover(ctx, runner, backends, o.listing)))
		} else {
			rt := suite.Find(ctx, name)
			if !slices.Contains(o.runtimes, name) {
				rt.SkipTwin(found)
			}
			found = append(found, rt)
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
			lost, err := o.choose(ctx, rt, backends)
			if err == nil {
				places = append(places, newPlace(rt, lost))
				continue
			}
			rt.Report.Status, rt.Report.Reason, rt.Report.Remedy = result.StatusFailed, err.Error(), ""
		}
		reasons = append(reasons, rt.Report.Name+": "+reason(result.Absent{Reason: rt.Report.Reason, Remedy: rt.Report.Remedy}))
	}
	equalise(ctx, places, len(o.want.devices) == 0, o.listing)
	if err := stopped(); err != nil {
		return nil, err
	}
	if len(places) == 0 {
		return nil, failf(exitNoDevice, "there is no runtime to measure in: %s", strings.Join(reasons, "; "))
	}
	for _, p := range places {
		// What was chosen is spoken of by the ids of the document from here on.
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
	doc.Warnings = slices.Concat(doc.Warnings, analysis.Doubles(doc.Devices), differences(places))
	if !o.limits {
		doc.Warnings = append(doc.Warnings, analysis.Unbounded())
	}

	plan := measure.Plan{Launches: o.launches, Rules: o.rules(), Seed: o.seed, Limit: o.timeout, Runtime: doc.Host.Runtime.Name,
		ISA: doc.Host.CPU.ISA, Budget: o.budget, RatioPrecision: o.within, Arms: o.arms(places, found, doc.Devices)}
	pinned, err := o.pin(plan)
	if err != nil {
		return nil, err
	}
	doc.Warnings = append(doc.Warnings, pinned...)
	reports := func(ms []result.Measurement) (list []result.RuntimeReport) {
		for _, rt := range found {
			list = append(list, rt.Finish(ms))
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
