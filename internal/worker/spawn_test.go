package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"gpubench/internal/backend"
	"gpubench/internal/result"
)

// TestMain lets the test binary be its own child: the variable names one of the
// behaviours below.
func TestMain(m *testing.M) {
	if name := os.Getenv("WORKER_TEST_CHILD"); name != "" {
		behave, ok := behaviours[name]
		if !ok {
			panic("no behaviour " + name)
		}
		os.Exit(behave())
	}
	os.Exit(m.Run())
}

// long is a limit that no test means to reach.
const long = 2 * time.Minute

func sample(s float64, n int) Event {
	return Event{Event: EventSample, Sample: &result.Sample{HostS: s, Dispatches: n, Flags: []string{}}}
}

var hello = Event{Event: EventPhase, Phase: "sample"}

// timing returns what emits samples, each after its verified batch.
func timing(emit func(Event)) func(kind string, n int) {
	v := result.Verification{}
	return func(kind string, n int) {
		v.Batches++
		v.Dispatches += n
		totals := v
		emit(Event{Event: EventVerified, Verification: &totals})
		emit(Event{Event: kind, Sample: &result.Sample{HostS: 1e-6, Dispatches: n, Flags: []string{}}})
	}
}

// served is a behaviour that follows the protocol.
func served(handle func(req Request, emit func(Event)) error) func() int {
	return func() int {
		return Serve(func(_ context.Context, req Request, emit func(Event)) error { return handle(req, emit) })
	}
}

var behaviours = map[string]func() int{
	"good": served(func(req Request, emit func(Event)) error {
		take := timing(emit)
		emit(Event{Event: EventPhase, Phase: "warmup"})
		take(EventWarmup, 3)
		emit(hello)
		for range 50 {
			take(EventSample, req.Problem.M)
		}
		emit(Event{Event: EventDone, Stop: "precision"})
		return nil
	}),
	"silent": served(func(Request, func(Event)) error { return nil }),
	"chatter": served(func(_ Request, emit func(Event)) error {
		emit(hello)
		fmt.Println("a driver says hello")
		os.NewFile(1, "descriptor 1").WriteString("and writes past Go's own os.Stdout\n")
		exec.Command("/bin/sh", "-c", "echo so do its children").Run()
		c := exec.Command("/bin/sh", "-c", "echo and those that inherit the descriptor")
		c.Stdout = os.NewFile(1, "descriptor 1")
		if err := c.Run(); err != nil {
			return err
		}
		timing(emit)(EventSample, 1)
		return nil
	}),
	"backend error": served(func(Request, func(Event)) error {
		return fmt.Errorf("launch: %w", &backend.Error{Kind: backend.DeviceLost, Text: "vulkan:0: device \x1b[31mlost\x1b[0m", Remedy: "update the driver"})
	}),
	"plain error": served(func(Request, func(Event)) error { return io.ErrUnexpectedEOF }),
	"absent": served(func(Request, func(Event)) error {
		return &backend.Error{Kind: backend.Absent, Text: "libvulkan.so.1 not found", Remedy: "install libvulkan1"}
	}),
	"panic": served(func(_ Request, emit func(Event)) error {
		emit(hello)
		panic("BUG: index 7")
	}),
	"panic elsewhere": served(func(_ Request, emit func(Event)) error {
		emit(hello)
		go panic("in a goroutine of its own")
		select {}
	}),
	"not a number": served(func(_ Request, emit func(Event)) error {
		zero := 0.0
		emit(sample(zero/zero, 1))
		return nil
	}),
	"error after done": served(func(_ Request, emit func(Event)) error {
		emit(Event{Event: EventDone, Stop: "precision"})
		return fmt.Errorf("the device would not close")
	}),
	"negative time": served(func(_ Request, emit func(Event)) error {
		emit(hello)
		emit(sample(-1, 1))
		return nil
	}),
	"unverified": served(func(_ Request, emit func(Event)) error {
		emit(hello)
		emit(sample(1e-6, 1))
		return nil
	}),
	"hang": served(func(_ Request, emit func(Event)) error {
		emit(hello)
		select {}
	}),
	"pid and hang": served(func(_ Request, emit func(Event)) error {
		emit(Event{Event: EventPhase, Phase: strconv.Itoa(os.Getpid())})
		emit(hello)
		select {}
	}),
	"leaves its group": served(func(_ Request, emit func(Event)) error {
		return moveAway(emit, func() { select {} })
	}),
	"leaves its group and stops": served(func(_ Request, emit func(Event)) error {
		return moveAway(emit, func() { syscall.Kill(os.Getpid(), syscall.SIGSTOP) })
	}),
	"stops": served(func(_ Request, emit func(Event)) error {
		emit(Event{Event: EventPhase, Phase: strconv.Itoa(os.Getpid())})
		emit(hello)
		syscall.Kill(os.Getpid(), syscall.SIGSTOP)
		select {}
	}),
	"samples for ever": served(func(_ Request, emit func(Event)) error {
		emit(hello)
		for take := timing(emit); ; {
			take(EventSample, 1)
		}
	}),
	"rubbish for ever": func() int {
		for text := bytes.Repeat([]byte("x"), 1<<16); ; {
			os.Stdout.Write(text)
		}
	},
	"complaints for ever": served(func(Request, func(Event)) error {
		for text := bytes.Repeat([]byte("MESA: error: it is all too much\n"), 1<<10); ; {
			os.Stderr.Write(text)
		}
	}),
	"done and hang": served(func(_ Request, emit func(Event)) error {
		emit(Event{Event: EventDone, Stop: "precision"})
		select {}
	}),
	"aborts": served(func(_ Request, emit func(Event)) error {
		emit(hello)
		fmt.Fprintln(os.Stderr, "MESA-VIRTIO: debug: vn_ring_submit abort on fatal")
		for range 50 {
			go func() { select {} }() // each has a paragraph in Go's report
		}
		syscall.Kill(os.Getpid(), syscall.SIGABRT) // what abort does
		select {}
	}),
	"eats memory": served(func(_ Request, emit func(Event)) error {
		emit(hello)
		for all := [][]byte{}; ; {
			block := make([]byte, 1<<20)
			for i := 0; i < len(block); i += 1 << 10 {
				block[i] = 1
			}
			all = append(all, block)
		}
	}),
	"leaves the group": served(func(_ Request, emit func(Event)) error {
		c := exec.Command("sleep", "1000")
		c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		if err := c.Start(); err != nil {
			return err
		}
		same := exec.Command("sleep", "1000")
		same.Env = []string{} // only its group tells whose it is
		if err := same.Start(); err != nil {
			return err
		}
		emit(Event{Event: EventPhase, Phase: strconv.Itoa(c.Process.Pid)})
		emit(Event{Event: EventPhase, Phase: strconv.Itoa(same.Process.Pid)})
		emit(Event{Event: EventPhase, Phase: strconv.Itoa(os.Getpid())})
		select {}
	}),
	// It prints the phases of a child that follows WORKER_TEST_GRANDCHILD, and in the
	// end the outcome.
	"parent": func() int {
		s := &Spawner{Path: os.Args[0], Args: []string{"worker"}, Env: append(os.Environ(), "WORKER_TEST_CHILD="+os.Getenv("WORKER_TEST_GRANDCHILD"))}
		out := s.Run(context.Background(), launch, 20*time.Second, func(e Event) {
			if e.Event == EventPhase {
				fmt.Println(e.Phase)
			}
		})
		json.NewEncoder(os.Stdout).Encode(out)
		return 0
	},
}

// moveAway has a child go into its parent's group, say so, and end in some way.
func moveAway(emit func(Event), end func()) error {
	group, err := syscall.Getpgid(os.Getppid())
	if err == nil {
		err = syscall.Setpgid(0, group)
	}
	if err != nil {
		return err
	}
	emit(Event{Event: EventPhase, Phase: strconv.Itoa(os.Getpid())})
	emit(hello)
	end()
	select {}
}

// parent is a process of its own that runs a child with this behaviour.
func parent(t *testing.T, behaviour string) *exec.Cmd {
	t.Helper()
	s := spawn(t, "parent")
	cmd := exec.Command(s.Path)
	cmd.Env = append(s.Env, "WORKER_TEST_GRANDCHILD="+behaviour)
	return cmd
}

// spawn runs a behaviour of the test binary.
func spawn(t *testing.T, behaviour string) *Spawner {
	t.Helper()
	self, err := Self()
	if err != nil {
		t.Fatal(err)
	}
	return &Spawner{Path: self, Args: []string{"worker"}, Env: append(os.Environ(), "WORKER_TEST_CHILD="+behaviour)}
}

// shell runs a script in place of a child; it has read the request.
func shell(script string) *Spawner {
	return &Spawner{Path: "/bin/sh", Args: []string{"-c", "read -r request\n" + script}, key: shellKey}
}

// shellKey is the key of scripts, which cannot seal.
const shellKey = "known to the script"

// say has a script send events.
func say(events ...string) (script string) {
	s := newSeals(shellKey)
	for _, e := range events {
		script += "echo '" + string(s.seal([]byte(e))) + "'; "
	}
	return script
}

// then has a script send one more event, after n others.
func then(n uint64, event string) string {
	s := newSeals(shellKey)
	s.n = n
	return "echo '" + string(s.seal([]byte(event))) + "'; "
}

const (
	phaseEvent = `{"event":"phase","phase":"sample"}`
	doneEvent  = `{"event":"done","stop":"precision"}`
)

var launch = Request{Op: OpLaunch, Backend: "vulkan", Device: "vulkan:0", Problem: backend.Problem{M: 8, N: 8, K: 8}}

// kinds joins the kinds of events, runs of one kind once, without the totals that each
// sample follows.
func kinds(events []Event) string {
	var s []string
	for _, e := range events {
		if e.Event != EventVerified && (len(s) == 0 || s[len(s)-1] != e.Event) {
			s = append(s, e.Event)
		}
	}
	return strings.Join(s, " ")
}

func TestRun(t *testing.T) {
	phase, done := say(phaseEvent), say(doneEvent)
	for _, tt := range []struct {
		name   string
		s      *Spawner
		limit  time.Duration // long if 0
		events string
		code   string // "" is ok
		reason string // a part
		remedy string // a part
		signal string
		stderr string // a part of the lines joined by |
	}{
		{name: "a good launch", s: spawn(t, "good"), events: "phase warmup phase sample done"},
		{name: "a handler without a last event", s: spawn(t, "silent"), events: "done"},
		{name: "chatter on standard output", s: spawn(t, "chatter"), events: "phase sample done"},
		{name: "an error of the backend", s: spawn(t, "backend error"), events: "error",
			code: "device-lost", reason: "launch: vulkan:0: device lost", remedy: "update the driver"},
		{name: "any other error", s: spawn(t, "plain error"), events: "error", code: "failed", reason: "unexpected EOF"},
		{name: "an absent backend", s: spawn(t, "absent"), events: "absent",
			code: "absent", reason: "libvulkan.so.1 not found", remedy: "install libvulkan1"},
		{name: "a panic", s: spawn(t, "panic"), events: "phase error", code: "failed", reason: "vulkan: panic: BUG: index 7", stderr: "spawn_test.go"},
		{name: "a panic in another goroutine", s: spawn(t, "panic elsewhere"), events: "phase",
			code: "exit", reason: "exited with status 2 without a result while sampling: panic: in a goroutine of its own", stderr: "panic: in a goroutine"},
		{name: "a time that is not a number", s: spawn(t, "not a number"), events: "error", code: "failed", reason: "BUG: worker: event sample cannot be encoded"},
		{name: "an error after the last event", s: spawn(t, "error after done"), events: "done",
			code: "exit", reason: "exited with status 1 without a result after it was done", stderr: "the device would not close"},
		{name: "a negative time", s: spawn(t, "negative time"), events: "phase",
			code: "protocol", reason: "sample: host_s is -1"},
		{name: "a sample of no batch", s: spawn(t, "unverified"), events: "phase",
			code: "protocol", reason: "(sample: 1 dispatches, of which 0 are verified)"},
		{name: "a hang", s: spawn(t, "hang"), limit: 300 * time.Millisecond, // the phase may be missing on a slow machine
			code: "time-limit", reason: "ended by its time limit of 0.3 s while", remedy: "--timeout", signal: "SIGKILL"},
		{name: "a flood of good events", s: spawn(t, "samples for ever"), events: "phase sample",
			code: "protocol", reason: "the process printed more than", signal: "SIGKILL"},
		{name: "a flood of lines on standard error", s: shell(phase + `yes >&2`), events: "phase",
			code: "protocol", reason: "the process printed more than 4 MiB to standard error within a second", signal: "SIGKILL", stderr: "y|y"},
		{name: "a flood without a line on standard error", s: shell(phase + `cat /dev/zero >&2`), events: "phase",
			code: "protocol", reason: "the process printed more than 4 MiB to standard error within a second", signal: "SIGKILL"},

		{name: "rubbish", s: shell(phase + `echo 'MESA: warning'; ` + then(1, doneEvent)), events: "phase",
			code: "protocol", reason: `the process printed something that is no event: "MESA: warning"`},
		{name: "rubbish that is JSON", s: shell(say(`{"event":"sample","sample":{"host_s":1,"dispatches":1,"extra":1}}`)),
			code: "protocol", reason: `no event: "{\"event\":\"sample\",\"sample\":{\"host_s\":1,\"dispatches\":1,\"extra\":1}}" (json: unknown field "extra")`},
		{name: "rubbish in binary", s: shell(`printf '\000\377\033[2J\n'; sleep 100`), code: "protocol", reason: `no event: "\x00\xff\x1b[2J"`, signal: "SIGKILL"},
		{name: "an unfinished line", s: shell(phase + `printf '{"event":"do'`), events: "phase",
			code: "protocol", reason: `no event: "{\"event\":\"do" (unfinished line)`},
		{name: "an unfinished line after the last event", s: shell(done + `printf x`), events: "done", code: "protocol", reason: `"x" (unfinished line)`},
		{name: "something after the last event", s: shell(done + then(1, phaseEvent)), events: "done", code: "protocol", reason: "after its last event"},
		{name: "a giant line", s: shell(`head -c 3000000 /dev/zero | tr '\0' 'a'; sleep 100`),
			code: "protocol", reason: `longer than 1048576 bytes: "aaaa`, signal: "SIGKILL"},
		{name: "a flood without a line", s: shell(`cat /dev/zero`), code: "protocol", reason: "longer than", signal: "SIGKILL"},
		{name: "a flood on standard error", s: shell(`head -c 3000000 /dev/zero | tr '\0' 'e' >&2; echo >&2; echo last words >&2; ` + done + `exit 4`),
			events: "done", code: "exit", reason: "status 4", stderr: "…|last words"},

		{name: "a crash", s: shell(phase + `echo 'last words' >&2; kill -SEGV $$`), events: "phase",
			code: "signal", reason: "the process was killed by SIGSEGV while sampling", signal: "SIGSEGV", stderr: "last words"},
		{name: "an abort", s: shell(`echo 'vn_ring_submit abort on fatal' >&2; kill -ABRT $$`),
			code: "signal", reason: "killed by SIGABRT while opening the device and building the kernel", signal: "SIGABRT", stderr: "vn_ring_submit abort on fatal"},
		{name: "an abort that Go catches, after the driver's own words", s: spawn(t, "aborts"), events: "phase",
			code: "signal", reason: "killed by SIGABRT while sampling", signal: "SIGABRT", stderr: "MESA-VIRTIO: debug: vn_ring_submit abort on fatal|SIGABRT: abort|PC="},
		{name: "a limit of memory", s: &Spawner{Path: "/bin/sh", Args: []string{"-c", `ulimit -v 2000000; exec "$0" "$@"`, os.Args[0], "worker"}, Env: append(os.Environ(), "WORKER_TEST_CHILD=eats memory")},
			events: "phase", code: "out-of-memory", reason: "the process got no more memory while sampling: ", remedy: "--size", stderr: "out of memory"},
		{name: "a C++ library without memory", s: shell(phase + `echo "terminate called after throwing an instance of 'std::bad_alloc'" >&2; kill -ABRT $$`), events: "phase",
			code: "out-of-memory", reason: "the process got no more memory while sampling: terminate called", remedy: "--size", signal: "SIGABRT"},
		{name: "a crash that Go catches", s: shell(phase + `printf 'SIGSEGV: segmentation violation\nPC=0x7f\n' >&2; exit 2`), events: "phase",
			code: "signal", reason: "the process was killed by SIGSEGV while sampling", signal: "SIGSEGV", stderr: "SIGSEGV: segmentation violation|PC=0x7f"},
		{name: "the system's own kill", s: shell(phase + `kill -KILL $$`), events: "phase",
			code: "signal", reason: "killed by SIGKILL (out of memory, or by hand) while sampling", signal: "SIGKILL"},
		{name: "a crash after the last event", s: shell(done + `kill -SEGV $$`), events: "done",
			code: "signal", reason: "killed by SIGSEGV after it was done", signal: "SIGSEGV"},
		{name: "an exit without a result", s: shell(phase + `exit 3`), events: "phase",
			code: "exit", reason: "the process exited with status 3 without a result while sampling"},
		{name: "a good exit without a result", s: shell(`:`), code: "exit", reason: "exited with status 0 without a result while opening"},
		{name: "a child that does not read", s: &Spawner{Path: "/bin/sh", Args: []string{"-c", "exit 3"}}, code: "exit", reason: "status 3"},
		{name: "a closed standard output", s: shell(`exec >&-; exit 5`), code: "exit", reason: "status 5"},
		{name: "no such program", s: &Spawner{Path: "/nonexistent/gpubench"}, code: "start", reason: "/nonexistent/gpubench: no such file"},

		{name: "a libc that is too old", s: shell(`echo "/x: /lib/libc.so.6: version 'GLIBC_2.34' not found (required by /x)" >&2; exit 1`), events: "absent",
			code: "absent", reason: "GLIBC_2.34", remedy: "glibc 2.34"},
		{name: "a library that is missing", s: shell(`echo 'error while loading shared libraries: libdl.so.2: cannot open' >&2; exit 127`), events: "absent",
			code: "absent", reason: "libdl.so.2", remedy: "glibc 2.34"},
		{name: "a later complaint about a library", s: shell(phase + `echo 'error while loading shared libraries: x' >&2; exit 127`), events: "phase",
			code: "exit", reason: "status 127"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.limit == 0 {
				tt.limit = long
			}
			var events []Event
			out := tt.s.Run(t.Context(), launch, tt.limit, func(e Event) { events = append(events, e) })
			want := result.StatusFailed
			if tt.code == "" {
				want = result.StatusOK
			}
			if out.Status != want || out.Code != tt.code || !strings.Contains(out.Reason, tt.reason) || !strings.Contains(out.Remedy, tt.remedy) {
				t.Errorf("outcome %+v\nwant %s, code %q, reason with %q, remedy with %q", out, want, tt.code, tt.reason, tt.remedy)
			}
			if (out.Reason == "") != (want == result.StatusOK) {
				t.Errorf("status %s with reason %q", out.Status, out.Reason)
			}
			if got := kinds(events); got != tt.events && tt.limit == long {
				t.Errorf("events %q, want %q", got, tt.events)
			}
			// A rubbish line's child may have ended by itself before it was killed.
			if out.Signal != tt.signal && !(tt.signal == "" && tt.code == "protocol") {
				t.Errorf("signal %q, want %q", out.Signal, tt.signal)
			}
			if got := strings.Join(out.Stderr, "|"); !strings.Contains(got, tt.stderr) {
				t.Errorf("stderr %q, want a part %q", got, tt.stderr)
			}
			if out.DurationS <= 0 && tt.code != CodeStart {
				t.Errorf("duration %v s", out.DurationS)
			}
		})
	}
}

// The request arrives whole, and so does what the child says about it.
func TestRunPassesTheRequest(t *testing.T) {
	var samples int
	spawn(t, "good").Run(t.Context(), launch, long, func(e Event) {
		if e.Event == EventSample {
			if samples++; e.Sample.Dispatches != launch.Problem.M {
				t.Errorf("sample %+v", e.Sample)
			}
		}
	})
	if samples != 50 {
		t.Errorf("%d samples, want 50", samples)
	}
}

// The backend is the last argument, so that a static program can turn into the
// dynamic one before it reads anything.
func TestRunNamesTheBackend(t *testing.T) {
	s := &Spawner{Path: "/bin/sh", Args: []string{"-c", `echo "$0 $1" >&2; exit 3`, "worker"}}
	out := s.Run(t.Context(), launch, long, func(Event) {})
	if got := strings.Join(out.Stderr, "|"); got != "worker vulkan" {
		t.Errorf("arguments %q", got)
	}
}

// alive reports whether a process exists and has not ended: whoever inherits an
// orphan may take its time to reap it.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)) // as in "7 (name) Z 1 ..."
	return err != nil || !bytes.HasPrefix(stat[bytes.LastIndexByte(stat, ')')+1:], []byte(" Z"))
}

// waitDead fails the test when a process lives on for long after it should have ended.
func waitDead(t *testing.T, pid int) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); alive(pid); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			syscall.Kill(pid, syscall.SIGKILL)
			t.Fatalf("process %d is still there", pid)
		}
	}
}

func TestRunKilledInMidSample(t *testing.T) {
	pid := 0
	out := spawn(t, "pid and hang").Run(t.Context(), launch, long, func(e Event) {
		if n, err := strconv.Atoi(e.Phase); err == nil {
			pid = n
		} else {
			syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	if out.Code != CodeSignal || out.Signal != "SIGKILL" || !strings.Contains(out.Reason, "(out of memory, or by hand) while sampling") {
		t.Errorf("outcome %+v", out)
	}
	if err := syscall.Kill(pid, 0); err != syscall.ESRCH {
		t.Errorf("process %d has not been reaped: %v", pid, err)
	}
}

func TestRunInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	pid := 0
	out := spawn(t, "pid and hang").Run(ctx, launch, long, func(e Event) {
		if n, err := strconv.Atoi(e.Phase); err == nil {
			pid = n
		} else {
			cancel()
		}
	})
	if out.Code != CodeInterrupted || out.Reason != "the process was ended by the interruption of the run while sampling" || out.Signal != "SIGKILL" {
		t.Errorf("outcome %+v", out)
	}
	if err := syscall.Kill(pid, 0); err != syscall.ESRCH {
		t.Errorf("process %d has not been reaped: %v", pid, err)
	}

	out = spawn(t, "good").Run(ctx, launch, long, func(Event) { t.Error("a child was started after the interruption") })
	if out.Status != result.StatusFailed || out.Code != CodeInterrupted {
		t.Errorf("after the interruption: %+v", out)
	}
}

// A child whose last event has come but which does not exit hangs in its driver.
func TestRunDoneAndHang(t *testing.T) {
	s := spawn(t, "done and hang")
	s.exitGrace = 100 * time.Millisecond
	out := s.Run(t.Context(), launch, long, func(Event) {})
	if out.Status != result.StatusFailed || out.Code != CodeTimeLimit || out.Reason != "the process was done but did not exit; the driver may hang" {
		t.Errorf("outcome %+v", out)
	}
}

// A grandchild holds the pipes: it must not keep the parent waiting. In the child's
// group it dies with the child, outside it, where it can be found, right after.
func TestRunGrandchildren(t *testing.T) {
	for _, tt := range []struct{ name, script string }{
		{"in the group", `sleep 1000 & echo $! >&2; ` + say(`{"event":"done"}`)},
		{"in the group, of a crashed child", `sleep 1000 & echo $! >&2; kill -SEGV $$`},
		{"of another session", `setsid sleep 1000 & echo $! >&2; ` + say(`{"event":"done"}`)},
		{"of another session, writing", `setsid sh -c 'while :; do echo x >&2; sleep 0.01; done' & echo $! >&2; ` + say(`{"event":"done"}`)},
		{"of another session, of a parent that has ended", `(setsid sleep 1000 & echo $! >&2); ` + say(`{"event":"done"}`)},
		{"of another session, and its own", `setsid sh -c 'setsid sleep 1000 & echo $! >&2; wait' & sleep 0.2; ` + say(`{"event":"done"}`)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if strings.Contains(tt.script, "setsid") {
				if _, err := exec.LookPath("setsid"); err != nil {
					t.Skip("setsid is not installed")
				}
			}
			s := shell(tt.script + "\nexit 3") // so that standard error, and the number on it, is kept
			s.killGrace = 300 * time.Millisecond
			out := s.Run(t.Context(), launch, long, func(Event) {})
			if out.DurationS > 60 {
				t.Errorf("the parent waited %v s", out.DurationS)
			}
			var pid int
			for _, line := range out.Stderr {
				if n, err := strconv.Atoi(line); err == nil {
					pid = n
				}
			}
			if pid == 0 {
				t.Fatalf("no number in %q", out.Stderr)
			}
			if strings.Contains(tt.script, "setsid") && runtime.GOOS != "linux" {
				syscall.Kill(-pid, syscall.SIGKILL)
				return
			}
			if alive(pid) && runtime.GOOS == "linux" {
				t.Errorf("process %d is still there", pid)
			}
			waitDead(t, pid)
		})
	}
}

// A child that has left the group that it was started in is ended by its own number,
// stopped or not.
func TestRunLeavesItsGroup(t *testing.T) {
	for _, behaviour := range []string{"leaves its group", "leaves its group and stops", "stops"} {
		t.Run(behaviour, func(t *testing.T) {
			s := spawn(t, behaviour)
			s.killGrace = 10 * time.Second
			ctx, cancel := context.WithCancel(t.Context())
			pid := 0
			out := s.Run(ctx, launch, long, func(e Event) {
				if n, err := strconv.Atoi(e.Phase); err == nil {
					pid = n
					return
				}
				if strings.Contains(behaviour, "stops") {
					waitStopped(t, pid)
				}
				cancel()
			})
			if out.Code != CodeInterrupted || out.Signal != "SIGKILL" || strings.Contains(out.Reason, "could not be killed") {
				t.Errorf("outcome %+v", out)
			}
			if pid == 0 || alive(pid) {
				t.Errorf("process %d is still there", pid)
				syscall.Kill(pid, syscall.SIGKILL)
			}
		})
	}
}

// waitStopped waits until a process has been stopped.
func waitStopped(t *testing.T, pid int) {
	t.Helper()
	if runtime.GOOS != "linux" {
		time.Sleep(100 * time.Millisecond)
		return
	}
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if bytes.Contains(stat, []byte(") T ")) {
			return
		}
	}
	t.Fatalf("process %d was not stopped", pid)
}

// A child that is stopped when its parent is killed ends all the same.
func TestServeEndsWithItsParentWhenStopped(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells a process of its parent's end by a signal")
	}
	adopt() // else the kernel itself continues it, as one of a group that is nobody's
	cmd := parent(t, "stops")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pid := 0
	if _, err := fmt.Fscan(out, &pid); err != nil {
		t.Fatal(err)
	}
	waitStopped(t, pid)
	cmd.Process.Kill()
	cmd.Wait()
	waitDead(t, pid)
}

// Not even SIGKILL ends a process that is stuck in the kernel. The parent goes
// on all the same, says so, and lets go of the child.
func TestRunUnkillable(t *testing.T) {
	s := spawn(t, "pid and hang")
	s.kill, s.killGrace = func(*os.Process) {}, 200*time.Millisecond
	ctx, cancel := context.WithCancelCause(t.Context())
	pid := 0
	out := s.Run(ctx, launch, long, func(e Event) {
		if n, err := strconv.Atoi(e.Phase); err == nil {
			pid = n
		} else {
			cancel(io.EOF)
		}
	})
	if out.Code != CodeInterrupted || !strings.Contains(out.Reason, "could not be killed") {
		t.Errorf("outcome %+v", out)
	}
	waitDead(t, pid) // its standard input has ended
}

// A parent that is killed leaves nothing running: the child sees its input end.
func TestServeEndsWithItsParent(t *testing.T) {
	for _, tt := range []struct {
		behaviour string
		processes int
	}{
		{"pid and hang", 1},
		{"leaves the group", 3},
	} {
		t.Run(tt.behaviour, func(t *testing.T) {
			if tt.processes > 1 && runtime.GOOS != "linux" {
				t.Skip("what leaves the group can be found on Linux only")
			}
			cmd := parent(t, tt.behaviour)
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			pids := make([]int, tt.processes)
			for i := range pids {
				if _, err := fmt.Fscan(out, &pids[i]); err != nil || !alive(pids[i]) {
					t.Errorf("process %d: alive %v, %v", pids[i], alive(pids[i]), err)
				}
			}
			cmd.Process.Kill()
			cmd.Wait()
			for _, pid := range pids {
				if pid != 0 {
					waitDead(t, pid)
				}
			}
		})
	}
}

// A child that floods its output costs the parent neither its memory nor its life.
func TestFloodsCostLittle(t *testing.T) {
	const most = 128 << 20 // bytes; a flood has a hundred times that in its 20 seconds
	for _, behaviour := range []string{"samples for ever", "rubbish for ever", "complaints for ever"} {
		t.Run(behaviour, func(t *testing.T) {
			cmd := parent(t, behaviour)
			text, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(text), `"Code":"protocol"`) {
				t.Errorf("the parent says %s", text)
			}
			used := cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss
			if runtime.GOOS == "linux" {
				used <<= 10 // it is in KiB there
			}
			if used > most {
				t.Errorf("the parent took %d MiB", used>>20)
			}
			t.Logf("%d MiB; %s", used>>20, text)
		})
	}
}

func TestServeRejectsRequests(t *testing.T) {
	for _, tt := range []struct{ name, in, stderr string }{
		{"nothing", "", "after 0 bytes: EOF"},
		{"no end", `{"op":"launch"}`, "after 15 bytes: EOF"},
		{"no JSON", "run\n", "invalid character"},
		{"an unknown field", `{"op":"launch","operation":1}` + "\n", `unknown field "operation"`},
		{"an unknown operation", `{"op":"rm"}` + "\n", `operation "rm" is unknown`},
		{"two objects", `{"op":"launch"}{}` + "\n", "more after the object"},
		{"too long", strings.Repeat(" ", maxRequest+8192) + "\n", "longer than 1048576 bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := spawn(t, "good")
			cmd := exec.Command(s.Path, "worker")
			cmd.Env, cmd.Stdin = s.Env, strings.NewReader(tt.in)
			var stdout, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			cmd.Run() // an error of writing the input means that the child has stopped reading
			if got := cmd.ProcessState.ExitCode(); got != exitRequest {
				t.Errorf("status %d, want %d", got, exitRequest)
			}
			if stdout.Len() > 0 || !strings.Contains(stderr.String(), "worker: request: ") || !strings.Contains(stderr.String(), tt.stderr) {
				t.Errorf("stdout %q, stderr %q, want %q", stdout.String(), stderr.String(), tt.stderr)
			}
		})
	}
}

func TestSelf(t *testing.T) {
	got, err := Self()
	if err != nil || !filepath.IsAbs(got) {
		t.Errorf("Self() = %q, %v", got, err)
	}
}
