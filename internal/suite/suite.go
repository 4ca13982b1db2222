// Package suite runs the program in the container engines of a host, and beside them
// natively, so that all can be measured in one interleaved run: it finds the engines,
// loads the image, looks at what the program sees inside, and starts each process of a
// measurement in a container of its own, which is removed when the process has ended.
//
// All runtimes are found first, since what each of them has decides what all of them may
// use; then each is opened. One that cannot be used is no error: its report says why, and
// what to do.
package suite

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"gpubench/internal/analysis"
	"gpubench/internal/measure"
	"gpubench/internal/result"
	"gpubench/internal/worker"
)

// Native is the name of the runtime that is none.
const Native = "native"

// Names are the runtimes that are looked for, in this order.
var Names = []string{Native, "docker", "podman", "apple-container", "colima", "lima"}

// Options say what to start in the engines.
type Options struct {
	Image     string              // to run
	Archive   string              // holds the image, for an engine that lacks it; empty for none
	Version   string              // what the program in the image must say of itself at the beginning, or it is another build
	Limits    Limits              // of each container
	Host      result.Host         // the machine that the engines are to be on
	DRI       []string            // device nodes of the host
	ListLimit time.Duration       // of one backend's list of devices in a container; as the program there has it when 0
	RunArgs   map[string][]string // more arguments for an engine's run command, by runtime
}

// Limits are what each runtime may use, so that all of them have the same.
type Limits struct {
	CPUs        int
	MemoryBytes uint64
}

// appleMemory is what containers get that are virtual machines of their own, where no
// other runtime has less: enough, and not too much for a laptop.
const appleMemory = 8 << 30

// Common are the limits that all of the runtimes which can be used are able to keep to: the
// least that one of them has. h is the host.
func Common(h result.Host, all []*Runtime) (l Limits) {
	for _, rt := range all {
		if !rt.Usable() || rt.state.away != "" {
			continue
		}
		cpus, memory := rt.state.cpus, rt.state.memoryBytes
		if rt.engine != nil && rt.engine.commands == likeApple {
			cpus, memory = h.CPU.Usable, min(appleMemory, h.MemoryBytes/2)
		}
		if cpus > 0 && (l.CPUs == 0 || cpus < l.CPUs) {
			l.CPUs = cpus
		}
		if memory > 0 && (l.MemoryBytes == 0 || memory < l.MemoryBytes) {
			l.MemoryBytes = memory
		}
	}
	return l
}

// Runtime is one place to run the program in.
type Runtime struct {
	Report   result.RuntimeReport
	Devices  []result.Device
	Absent   []result.Absent
	Failed   []measure.Unlisted // backends whose devices could not be listed
	Fault    *result.Device     // a GPU that is there and cannot be used, with the reason
	Warnings []result.Warning   // about the runtime as a whole
	Runner   measure.Runner     // nil where the runtime cannot be used

	engine  *engine // nil natively
	state   state
	machine string
	times   *times
}

// Usable reports whether nothing has spoken against the runtime so far.
func (r *Runtime) Usable() bool { return r.Report.Status == result.StatusOK }

// SkipTwin leaves the runtime out where it is one of the others by another name, as Docker's
// command may well speak to Colima's daemon.
func (r *Runtime) SkipTwin(others []*Runtime) {
	for _, o := range others {
		if r.Usable() && o.Usable() && r.state.id != "" && r.state.id == o.state.id {
			r.Report.Status, r.Report.Reason = result.StatusSkipped, "it is the same daemon as "+o.Report.Name+", which is measured"
		}
	}
}

// Remote reports whether it runs in a virtual machine, with other devices than the host.
func (r *Runtime) Remote() bool { return r.state.remote }

// Machine is what the runtime is on where that is not the host, empty where it is. It is known
// once the runtime is open.
func (r *Runtime) Machine() string { return r.machine }

// times are those of a runtime's launches on the CPU, where the time before the first
// line holds no driver's.
type times struct {
	mu           sync.Mutex
	line, result []float64
}

// note looks at the events of a launch for the first ones.
func (t *times) note(req worker.Request, on func(worker.Event)) func(worker.Event) {
	if req.Op != worker.OpLaunch || req.Backend != "cpu" || req.Kernel != "" {
		return on
	}
	start, first, timed := time.Now(), true, false
	return func(e worker.Event) {
		at := time.Since(start).Seconds()
		t.mu.Lock()
		if first {
			first = false
			t.line = append(t.line, at)
		}
		if !timed && e.Sample != nil {
			timed = true
			t.result = append(t.result, at)
		}
		t.mu.Unlock()
		on(e)
	}
}

// NewNative makes the runtime that starts processes by a runner of the host, with
// the devices that were found there.
func NewNative(r measure.Runner, host result.Host, seen measure.Listing) *Runtime {
	t := &times{}
	rt := &Runtime{Report: result.RuntimeReport{Name: Native, Status: result.StatusOK, Inside: host, Vulkan: vulkanNames(seen.Devices)},
		Devices: seen.Devices, Absent: seen.Absent, Failed: seen.Failed, Runner: native{r, t}, state: state{cpus: host.CPU.Usable, memoryBytes: host.MemoryBytes}, times: t}
	return rt
}

type native struct {
	runner measure.Runner
	times  *times
}

func (n native) Run(ctx context.Context, req worker.Request, limit time.Duration, on func(worker.Event)) worker.Outcome {
	return n.runner.Run(ctx, req, limit, n.times.note(req, on))
}

func vulkanNames(devices []result.Device) []string {
	names := []string{}
	for _, d := range devices {
		if d.Backend == "vulkan" {
			names = append(names, d.Name)
		}
	}
	return names
}

// Distinguish gives the devices of a runtime that differ from those of the same id
// among known an id of their own, as in podman/vulkan:0. It returns those that are not
// among known.
func (r *Runtime) Distinguish(known []result.Device) (added []result.Device) {
	for i, d := range r.Devices {
		same := false
		for _, k := range known {
			same = same || reflect.DeepEqual(k, d)
		}
		if same {
			continue
		}
		for _, k := range known {
			if k.ID == d.ID {
				d.ID = r.Report.Name + "/" + d.ID
				break
			}
		}
		r.Devices[i] = d
		added = append(added, d)
	}
	return added
}

// Finish returns the runtime's report with what its measurements have shown.
func (r *Runtime) Finish(ms []result.Measurement) result.RuntimeReport {
	report := r.Report
	if r.times != nil {
		r.times.mu.Lock()
		report.FirstLineS, report.FirstResultS = r.times.line, r.times.result
		r.times.mu.Unlock()
	}
	report.GPU = analysis.RanOnGPU(report.Name, ms)
	return report
}

// container starts each process in a container.
type container struct {
	engine *engine
	args   []string // of the engine, up to the image
	image  string
	times  *times
}

// removeLimit is the wall time for removing one container.
const removeLimit = time.Minute

// Run is that of measure.Runner. When it returns the container is gone, whatever has
// ended the process.
func (c *container) Run(ctx context.Context, req worker.Request, limit time.Duration, on func(worker.Event)) worker.Outcome {
	req.Device = strings.TrimPrefix(req.Device, c.engine.name+"/")
	name := "gpubench-" + strings.ToLower(rand.Text()[:12])
	dir, remove := litterbox()
	defer remove()
	s := worker.Spawner{Path: c.engine.path, Args: slices.Concat(c.engine.global, runArgs(name, "-i"), c.args, []string{c.image, "worker"}), Dir: dir, Preamble: c.engine.banner}
	out := s.Run(ctx, req, limit, c.times.note(req, on))
	c.engine.remove(name)
	return c.engine.explain(out, c.image)
}

// explain words the ends that only a container has.
func (e *engine) explain(out worker.Outcome, image string) worker.Outcome {
	if out.Status == result.StatusOK || out.Code != worker.CodeExit {
		return out
	}
	said := lastLine(out.Stderr)
	switch {
	case strings.Contains(strings.ToLower(strings.Join(out.Stderr, "\n")), "exec format error"):
		out.Reason = fmt.Sprintf("%s cannot run %s: it is for another processor architecture", e.name, image)
		out.Remedy = "load the archive of this one: make images PLATFORMS=" + archOfHost
	case out.Exit == 125: // docker's and podman's own faults
		out.Reason = fmt.Sprintf("%s could not start the container: %s", e.name, cmp.Or(said, "it does not say why"))
	case out.Exit == 126 || out.Exit == 127:
		out.Reason = fmt.Sprintf("%s could not start the program in the container: %s", e.name, cmp.Or(said, "it does not say why"))
	case out.Exit == 137:
		out.Reason = "the container was killed (status 137), as it is when it exceeds its memory or that of its virtual machine"
		out.Remedy = "choose a smaller --size, or allow more memory" + e.memoryRemedy
	}
	return out
}

// lastLine is the last line that says something.
func lastLine(lines []string) string {
	for i := len(lines) - 1; i >= 0; i-- {
		if s := strings.TrimSpace(lines[i]); s != "" && !strings.HasPrefix(s, "See '") && !strings.HasPrefix(s, "Run '") {
			return s
		}
	}
	return ""
}
