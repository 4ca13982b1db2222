// Command bench measures how the cpu backend stands beside what it should be held
// against, in one run:
//
//	bench [-json FILE] [-launches N] PROGRAM
//
// PROGRAM is gpubench, whose children measure. For each size all arms are measured
// in turn, round by round in a shuffled order, and the ratios of their speeds are
// printed with 95 % intervals: cpu over the BLAS that is installed, cpu over lavapipe,
// cpu over cpu:1, which is the number of cores where nothing is lost, and the lower
// instruction sets over cpu. It exits with 1 when an arm failed.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"gpubench/internal/analysis"
	"gpubench/internal/backend"
	"gpubench/internal/host"
	"gpubench/internal/measure"
	"gpubench/internal/result"
	"gpubench/internal/worker"
)

// rules are shorter than those of `gpubench run`: there are many arms, and what counts
// are ratios of arms that were measured within the same minute.
var rules = worker.Rules{WarmupS: 0.2, MinSamples: 10, MinTimeS: 0.3, Precision: 0.01, MaxTimeS: 1.5, BatchS: 0.02}

// budget bounds the time for the launches of one size.
const budget = 65 * time.Second

// seed of the inputs, of the order of the arms and of the bootstrap.
const seed = 1

// lavapipeMost is the largest dimension that lavapipe is measured at: at 1 to 4
// GFLOP/s one product of 2048 takes it many seconds.
const lavapipeMost = 1024

var problems = []backend.Problem{{M: 256, N: 256, K: 256}, {M: 512, N: 512, K: 512}, {M: 1000, N: 777, K: 555}, {M: 1024, N: 1024, K: 1024}, {M: 2048, N: 2048, K: 2048}}

func main() {
	path := flag.String("json", "", "write the result document to `FILE`")
	launches := flag.Int("launches", 5, "processes per arm")
	flag.Parse()
	if flag.NArg() != 1 || *launches < 1 {
		fmt.Fprintln(os.Stderr, "usage: bench [-json FILE] [-launches N] PROGRAM")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, flag.Arg(0), *launches, *path); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// An arm is a device by the name that the table gives it. Its ratio is cpu over the
// arm, or the arm over cpu when it is under.
type arm struct {
	name   string
	device result.Device
	under  bool
	most   int // largest dimension to measure, 0 for any
}

func run(ctx context.Context, w io.Writer, program string, launches int, path string) error {
	program, err := filepath.Abs(program)
	if err != nil {
		return err
	}
	doc := &result.Document{Schema: result.Schema{Name: result.SchemaName, Version: result.SchemaVersion}, Argv: append([]string{}, os.Args[1:]...), Started: time.Now().UTC(), Seed: seed}
	version, err := exec.CommandContext(ctx, program, "version", "--json").Output()
	if err == nil {
		err = json.Unmarshal(version, &doc.Tool)
	}
	if err != nil {
		return fmt.Errorf("%s version --json: %w", program, err)
	}
	doc.Host, doc.Warnings = host.Facts()

	runner := &worker.Spawner{Path: program, Args: []string{"worker"}}
	arms, notes, err := find(ctx, runner, doc)
	if err != nil {
		return err
	}
	printHead(w, doc, arms)
	var failed []string
	for _, p := range problems {
		plan := measure.Plan{Launches: launches, Rules: rules, Seed: seed, Budget: budget, Runtime: doc.Host.Runtime.Name}
		var here []arm
		for _, a := range arms {
			if a.most == 0 || max(p.M, p.N, p.K) <= a.most {
				here = append(here, a)
				plan.Arms = append(plan.Arms, measure.Arm{Device: a.device, Problem: p})
			}
		}
		ms, _, warnings, err := measure.Run(ctx, runner, plan, nil, nil)
		if err != nil {
			return err
		}
		doc.Warnings = append(doc.Warnings, warnings...)
		for i := range ms {
			ms[i].ID = fmt.Sprintf("m%d", len(doc.Measurements)+i) // unique among all sizes
			if ms[i].Status == result.StatusFailed {
				failed = append(failed, fmt.Sprintf("%s %v: %s", here[i].name, p, ms[i].Reason))
			}
			for _, w := range ms[i].Warnings {
				if w.Code == "few-launches" || w.Code == "launch-failed" {
					notes = append(notes, fmt.Sprintf("%s %v: %s", here[i].name, p, w.Text))
				}
			}
		}
		doc.Measurements = append(doc.Measurements, ms...)
		doc.Ratios = append(doc.Ratios, printSize(w, p, here, ms)...)
	}
	fmt.Fprintln(w)
	for _, n := range notes {
		fmt.Fprintln(w, n)
	}
	doc.DurationS = time.Since(doc.Started).Seconds()
	fmt.Fprintf(w, "%.0f s; every batch was checked whole\n", doc.DurationS)
	if path != "" {
		if err := result.WriteFile(path, doc); err != nil {
			return err
		}
	}
	if len(failed) > 0 {
		return errors.New(strings.Join(failed, "; "))
	}
	return nil
}

// find looks for the devices to measure, cpu first, and puts them and the absent
// backends into the document. Notes say what is left out.
func find(ctx context.Context, r measure.Runner, doc *result.Document) (arms []arm, notes []string, err error) {
	seen := measure.Discover(ctx, r, []string{"cpu", "blas", "vulkan"}, 0)
	absent := append(seen.Absent, seen.Lost()...)
	doc.Absent = absent
	add := func(a arm) {
		arms = append(arms, a)
		doc.Devices = append(doc.Devices, a.device)
	}
	var lavapipe []arm
	for _, d := range seen.Devices {
		switch {
		case d.ID == "cpu" || d.ID == "blas":
			add(arm{name: d.ID, device: d})
			if why := analysis.BelowProcessor(d); why != "" {
				notes = append(notes, why)
			}
		case d.Software && d.Unusable == "" && strings.Contains(d.Name, "llvmpipe") && lavapipe == nil:
			lavapipe = []arm{{name: "lavapipe", device: d, most: lavapipeMost}}
		}
	}
	for _, a := range absent {
		note := fmt.Sprintf("not measured: %s: %s", a.Backend, a.Reason)
		if a.Remedy != "" {
			note += "; " + a.Remedy
		}
		notes = append(notes, note)
	}
	if len(arms) == 0 || arms[0].name != "cpu" {
		return nil, nil, errors.New("there is no cpu backend: " + strings.Join(notes, "; "))
	}
	cpu := arms[0].device
	for _, a := range lavapipe {
		add(a)
		notes = append(notes, fmt.Sprintf("lavapipe is measured up to %d only: one product of 2048 takes it many seconds", lavapipeMost))
	}
	if lavapipe == nil {
		notes = append(notes, "not measured: lavapipe: no Vulkan device is called llvmpipe; Debian: apt install libvulkan1 mesa-vulkan-drivers")
	}
	for _, id := range []string{"cpu:1", "cpu:avx2", "cpu:sse2"} {
		d, out := measure.Find(ctx, r, "cpu", id, 0)
		switch {
		case out.Status != result.StatusOK && id == "cpu:1":
			return nil, nil, errors.New(out.Reason)
		case out.Status != result.StatusOK: // this processor does not have it
		case d.Threads != cpu.Threads || d.ISA != cpu.ISA:
			add(arm{name: id, device: d, under: id != "cpu:1"})
		}
	}
	return arms, notes, context.Cause(ctx)
}

// printHead prints what is measured, and the heads of the columns.
func printHead(w io.Writer, doc *result.Document, arms []arm) {
	fmt.Fprintf(w, "%s, %d of %d processors usable\n", doc.Host.CPU.Model, doc.Host.CPU.Usable, doc.Host.CPU.Logical)
	for _, a := range arms {
		what := a.device.Name
		if a.device.Backend == "cpu" {
			what = a.device.ISA
		}
		if n := a.device.Threads; n > 0 {
			what += fmt.Sprintf(", threads: %d", n)
		}
		fmt.Fprintf(w, "  %-9s %s\n", a.name, what)
	}
	fmt.Fprintf(w, "\n%-16s %-9s %8s   %-18s %7s  %s\n", "size", "arm", "GFLOP/s", "ratio", "", "95 %")
}

// printSize prints the rows of one size and returns the ratios of its arms, the first
// of which is cpu.
func printSize(w io.Writer, p backend.Problem, arms []arm, ms []result.Measurement) []result.Ratio {
	var ratios []result.Ratio
	for i, a := range arms {
		size := ""
		if i == 0 {
			size = p.String()
		}
		m := &ms[i]
		if m.Status != result.StatusOK {
			fmt.Fprintf(w, "%-16s %-9s %s: %s\n", size, a.name, m.Status, m.Reason)
			continue
		}
		row := fmt.Sprintf("%-16s %-9s %8.1f", size, a.name, m.Summary.FLOPS/1e9)
		if i > 0 && ms[0].Status == result.StatusOK {
			fast, slow, name := &ms[0], m, "cpu over "+a.name
			if a.under {
				fast, slow, name = m, &ms[0], a.name+" over cpu"
			}
			r, err := analysis.RatioWithin(slow, fast)
			if err != nil {
				row += fmt.Sprintf("   %-18s %v", name, err)
			} else {
				row += fmt.Sprintf("   %-18s %7s  %s", name, digits(r.Value), interval(r.CI95))
				ratios = append(ratios, r)
			}
		}
		fmt.Fprintln(w, row)
	}
	return ratios
}

// digits writes a ratio to the thousandth, as far as that says anything.
func digits(x float64) string {
	if x >= 10 {
		return fmt.Sprintf("%.1f", x)
	}
	return fmt.Sprintf("%.3f", x)
}

func interval(ci *[2]float64) string {
	if ci == nil {
		return "none: too few launches"
	}
	return digits(ci[0]) + " to " + digits(ci[1])
}
