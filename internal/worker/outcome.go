// How a child ended, in words.

package worker

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"gpubench/internal/backend"
	"gpubench/internal/result"
)

// remedyImage is for a root that no shared library can be loaded in.
const remedyImage = "run in an image with glibc 2.34 or newer and what is to be measured (Debian: libvulkan1 and mesa-vulkan-drivers, libopenblas0-pthread); the CPU is measured without them"

// remedyMemory is for a process that wanted more than there is.
const remedyMemory = "choose a smaller --size, or allow more memory"

// ending is all that the parent knows when a child's output has ended.
type ending struct {
	req      Request
	limit    time.Duration
	cause    error            // why the parent killed it; nil when it ended by itself
	ended    bool             // false when it survived that
	stuck    string           // and then what is known of it, as the end of a clause
	state    *os.ProcessState // nil unless ended
	last     *Event           // nil when there was none
	rest     string           // an unfinished last line, quoted
	phase    string           // what it was doing, as a participle
	stderr   []string
	memory   bool // the kernel has killed a process for want of memory meanwhile
	duration time.Duration
}

// firstPhase is what a child does before it says so itself.
func firstPhase(op string) string {
	switch op {
	case OpDevices:
		return "listing the devices"
	case OpSearch:
		return "searching for a specialization"
	}
	return "opening the device and building the kernel"
}

// phaseWords turns the content of EventPhase into a participle.
func phaseWords(phase string) string {
	switch phase {
	case PhaseVerify:
		return "verifying"
	case PhaseWarmup:
		return "warming up"
	case PhaseSample:
		return "sampling"
	case PhaseProve:
		return "proving the times"
	case PhaseClose:
		return "closing the device"
	}
	return "in phase " + clean(phase)
}

// outcome weighs the signs against each other. What was printed wrongly comes
// first, since it puts everything else in doubt; then the parent's own
// reasons to kill; then what the child said; then how it exited.
func (e *ending) outcome() Outcome {
	out := Outcome{Status: result.StatusFailed, Stderr: e.stderr, DurationS: e.duration.Seconds()}
	status := -1
	if e.state != nil {
		ws := e.state.Sys().(syscall.WaitStatus)
		if ws.Signaled() {
			out.Signal = unix.SignalName(ws.Signal())
		} else {
			status = ws.ExitStatus()
			out.Exit = status
		}
	}
	fail := func(code, format string, args ...any) Outcome {
		out.Code, out.Reason = code, fmt.Sprintf(format, args...)
		if !e.ended {
			out.Reason += "; it could not be killed" + e.stuck
		}
		return out
	}
	terminal := e.last != nil && e.last.terminal()
	when := "while " + e.phase
	if terminal {
		when = "after it was done"
	}
	cause := e.cause
	if e.ended && out.Signal != "SIGKILL" {
		cause = nil // it was faster than the parent
	}

	var wrong *protocolError
	switch {
	case errors.As(e.cause, &wrong):
		return fail(CodeProtocol, "the process %s", wrong.text)
	case terminal && e.last.Event == EventError:
		out.Remedy = clean(e.last.Error.Remedy)
		return fail(string(e.last.Error.Kind), "%s", clean(e.last.Error.Text))
	case terminal && e.last.Event == EventAbsent:
		out.Remedy = clean(e.last.Absent.Remedy)
		return fail(string(backend.Absent), "%s", clean(e.last.Absent.Reason))
	case cause == errTimeLimit && terminal:
		return fail(CodeTimeLimit, "the process was done but did not exit; the driver may hang")
	case cause == errTimeLimit:
		out.Remedy = "if the device is only slow, allow more time with --timeout"
		return fail(CodeTimeLimit, "the process was ended by its time limit of %v while %s; the driver may hang", seconds(e.limit), e.phase)
	case cause != nil:
		return fail(CodeInterrupted, "the process was ended by the interruption of the run %s", when)
	}

	// It ended by itself.
	headline := crashHeadline(e.stderr)
	if out.Signal == "" && status == 2 {
		// Go catches a C library's signal, prints it and exits with status 2.
		out.Signal, _, _ = strings.Cut(headline, ":")
		if !strings.HasPrefix(out.Signal, "SIG") {
			out.Signal = ""
		}
	}
	want := wantOfMemory(e.stderr)
	switch {
	case out.Signal == "SIGKILL" && e.memory:
		out.Remedy = remedyMemory
		return fail(string(backend.OutOfMemory), "the process was killed by the kernel, because memory had run out, %s", when)
	case out.Signal != "SIGKILL" && want != "" && (out.Signal != "" || status != 0):
		out.Remedy = remedyMemory
		return fail(string(backend.OutOfMemory), "the process got no more memory %s: %s", when, want)
	case out.Signal == "SIGKILL":
		return fail(CodeSignal, "the process was killed by SIGKILL (out of memory, or by hand) %s", when)
	case out.Signal != "":
		return fail(CodeSignal, "the process was killed by %s %s", out.Signal, when)
	case status == exitDeaf:
		out.Remedy = "update the driver"
		return fail(CodeExit, "the process ended itself %s, because the pipe of its events was closed or replaced under it; a driver or a library in it must have done that", when)
	case e.rest != "":
		return fail(CodeProtocol, "the process printed something that is no event: %s (unfinished line)", e.rest)
	case terminal && status == 0:
		out.Status, out.Stderr = result.StatusOK, nil
		return out
	case e.last == nil && e.req.Backend != "cpu" && (status == 1 || status == 127):
		if line := loaderComplaint(e.stderr); line != "" {
			out.Remedy = remedyImage
			return fail(string(backend.Absent), "the system's C library cannot load the process for drivers and libraries: %s", line)
		}
	}
	if headline != "" {
		return fail(CodeExit, "the process exited with status %d without a result %s: %s", status, when, headline)
	}
	return fail(CodeExit, "the process exited with status %d without a result %s", status, when)
}

// seconds prints a limit without Go's minutes and hours: 90 s.
func seconds(d time.Duration) string { return fmt.Sprintf("%.4g s", d.Seconds()) }

// goCrash matches the first line of what the Go runtime prints when it gives up.
var goCrash = regexp.MustCompile(`^(SIG[A-Z]+: |panic: |fatal error: |runtime: out of memory)`)

// crashHeadline finds that line.
func crashHeadline(stderr []string) string {
	for _, line := range stderr {
		if goCrash.MatchString(line) {
			return line
		}
	}
	return ""
}

// noMemory matches what Go, C++ and LLVM print when they give up for want of memory.
var noMemory = regexp.MustCompile(`^(fatal error: )?runtime: (out of memory|cannot allocate memory)|std::bad_alloc|LLVM ERROR: out of memory`)

// wantOfMemory finds such a line.
func wantOfMemory(stderr []string) string {
	for _, line := range stderr {
		if noMemory.MatchString(line) {
			return line
		}
	}
	return ""
}

// Words are the last lines that a process wrote to its standard error before the Go
// runtime began to report a crash: the driver's own.
func (o Outcome) Words() []string {
	for i, line := range o.Stderr {
		if goCrash.MatchString(line) {
			return o.Stderr[:i:i]
		}
	}
	return slices.Clone(o.Stderr)
}

// loaderComplaint finds the line with which a dynamic loader, glibc's or musl's,
// refuses a program that was built for a newer or another C library.
func loaderComplaint(stderr []string) string {
	for _, line := range stderr {
		for _, sign := range []string{"GLIBC_", "error while loading shared libraries", "Error relocating", "Error loading shared library"} {
			if strings.Contains(line, sign) {
				return line
			}
		}
	}
	return ""
}
