// Command aa measures equal things and tells how often they come out different:
//
//	aa [-runs N] [-beside N] [-devices LIST] PROGRAM [FLAG...]
//
// PROGRAM is gpubench. It is run N times, search included, on devices of which the first two
// are one thing by two names (cpu,cpu:2 on two processors); FLAGs are added to its command
// line. With -beside so many threads of other work come and go meanwhile. For each run the
// program prints what the two arms ran, their ratio and its interval, and at the end in how
// many runs the two ran the same specialization, how many intervals exclude 1, and how often
// an arm's choice was that of the run before. A sample of 40 runs says little about a rate
// of 5 %: between 0 and 4 of them are to be expected.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"time"

	"gpubench/internal/analysis"
	"gpubench/internal/backend"
	"gpubench/internal/result"
)

type options struct {
	runs, beside int
	devices      string
	program      string
	flags        []string
}

func main() {
	o := options{}
	flag.IntVar(&o.runs, "runs", 40, "how often to run the program")
	flag.IntVar(&o.beside, "beside", 0, "threads of work beside it, which come and go")
	flag.StringVar(&o.devices, "devices", fmt.Sprintf("cpu,cpu:%d", runtime.NumCPU()), "devices to measure, the first two of which are the same")
	flag.Parse()
	if flag.NArg() < 1 || o.runs < 1 || o.beside < 0 {
		fmt.Fprintln(os.Stderr, "usage: aa [-runs N] [-beside N] [-devices LIST] PROGRAM [FLAG...]")
		os.Exit(2)
	}
	o.program, o.flags = flag.Arg(0), flag.Args()[1:]
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "aa:", err)
		os.Exit(1)
	}
}

// run measures and prints.
func run(ctx context.Context, o options, w io.Writer) error {
	for i := range o.beside {
		go neighbour(ctx, uint64(i))
	}
	var t tally
	for n := range o.runs {
		d, err := measure(ctx, o)
		if err != nil {
			return fmt.Errorf("run %d of %d: %w", n+1, o.runs, err)
		}
		line, err := t.add(d)
		if err != nil {
			return fmt.Errorf("run %d of %d: %w", n+1, o.runs, err)
		}
		fmt.Fprintf(w, "%3d  %s\n", n+1, line)
	}
	fmt.Fprintln(w, t.String())
	return nil
}

// neighbour works and rests, for times that are drawn anew, until the context ends.
func neighbour(ctx context.Context, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 0x6e65696768))
	spell := func() time.Time { return time.Now().Add(time.Duration(r.ExpFloat64() * float64(2*time.Second))) }
	for ctx.Err() == nil {
		for end := spell(); time.Now().Before(end) && ctx.Err() == nil; {
		}
		time.Sleep(time.Until(spell()))
	}
}

// measure runs the program once. That a measurement failed is in the document.
func measure(ctx context.Context, o options) (*result.Document, error) {
	cmd := exec.CommandContext(ctx, o.program, append([]string{"run", "--quiet", "--json", "-", "--device", o.devices}, o.flags...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if len(out) == 0 {
		return nil, err
	}
	return result.Read(bytes.NewReader(out), o.program)
}

// tally counts over the runs.
type tally struct {
	runs, same, excluded int
	none                 int                          // runs that gave no ratio
	arms, kept           int                          // choices that have one of the run before, and those that equal it
	before               map[string]map[string]uint32 // the choices of the last run, by device and size
}

// add counts one run and returns it in a line.
func (t *tally) add(d *result.Document) (string, error) {
	var good []*result.Measurement
	choices := map[string]map[string]uint32{}
	for i := range d.Measurements {
		m := &d.Measurements[i]
		if m.Role != result.RoleKernel {
			continue
		}
		if m.Status != result.StatusOK {
			return "", fmt.Errorf("%s: %s", m.Device, m.Reason)
		}
		good = append(good, m)
		key := fmt.Sprintf("%s %dx%dx%d", m.Device, m.Problem.M, m.Problem.N, m.Problem.K)
		choices[key] = m.Kernel.Specialization
		if last, ok := t.before[key]; ok {
			t.arms++
			if maps.Equal(last, m.Kernel.Specialization) {
				t.kept++
			}
		}
	}
	if len(good) < 2 {
		return "", errors.New("the document has not two arms of the kernel")
	}
	a, b := good[0], good[1]
	t.before = choices
	t.runs++
	q, err := analysis.RatioWithin(a, b)
	line := fmt.Sprintf("%.3f", q.Value)
	switch {
	case err != nil: // too much work beside it, as a rule
		t.none++
		line = "no ratio: " + err.Error()
	case q.CI95 != nil:
		line += fmt.Sprintf(" (%.3f to %.3f)", q.CI95[0], q.CI95[1])
		if q.CI95[0] > 1 || q.CI95[1] < 1 {
			t.excluded++
			line += " excludes 1"
		}
	}
	if maps.Equal(a.Kernel.Specialization, b.Kernel.Specialization) {
		t.same++
	} else {
		line += ", TWO SPECIALIZATIONS"
	}
	var ran []string
	for _, m := range good {
		ran = append(ran, fmt.Sprintf("%s %s", m.Device, backend.Specialization(m.Kernel.Specialization)))
	}
	return line + "  " + strings.Join(ran, "  "), nil
}

func (t *tally) String() string {
	return fmt.Sprintf("%d runs: the two arms ran one specialization in %d; %d intervals of their ratio exclude 1, and %d runs gave none; %d of %d arms ran what they ran in the run before",
		t.runs, t.same, t.excluded, t.none, t.kept, t.arms)
}
