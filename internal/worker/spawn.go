// The parent's side: one child process, from start to reaping.

package worker

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"gpubench/internal/backend"
	"gpubench/internal/host"
	"gpubench/internal/result"
)

// Bounds on what a child may write to its standard output, and of the last two to
// its standard error. An honest launch writes some thousand lines of some hundred
// bytes; a driver gone mad must not fill the parent's memory, keep it reading for
// ever, or take the processor from what is being timed.
const (
	maxLine  = 1 << 20  // bytes of one event
	maxTotal = 64 << 20 // bytes of a launch
	maxRate  = 4 << 20  // bytes in any one second
)

// How long the parent waits for what should take no time at all.
const (
	exitGrace = 10 * time.Second // from the last event to the end of the process
	killGrace = 5 * time.Second  // from SIGKILL to the end of the process and of its output
)

// Codes of an Outcome besides those of backend.Kind: how a process ended that
// did not say itself what went wrong.
const (
	CodeStart       = "start"       // it could not be started
	CodeSignal      = "signal"      // a signal ended it: a crash, or somebody's kill
	CodeExit        = "exit"        // it exited without a result
	CodeTimeLimit   = "time-limit"  // it was ended at its time limit
	CodeProtocol    = "protocol"    // it printed something that is no event
	CodeInterrupted = "interrupted" // the context ended before it was done
)

// Outcome says how a child ended. Status is result.StatusOK only when it sent
// EventDone last and then exited with status 0.
type Outcome struct {
	Status    string   // result.StatusOK or result.StatusFailed
	Code      string   // a backend.Kind or one of the codes above; empty when ok
	Reason    string   // what happened, in words; empty when ok
	Remedy    string   // what to do about it, where something is known
	Exit      int      // the status that it exited with, 0 where a signal ended it
	Signal    string   // the signal that ended the process, as in SIGSEGV; empty when none did
	Stderr    []string // the last lines of its standard error, printable characters only
	DurationS float64  // seconds from the start to the end of the process
}

// Spawner starts children. The zero value with Path and Args set is ready.
type Spawner struct {
	Path string   // the program, usually Self
	Args []string // its arguments, usually just "worker"; Request.Backend is added as the last one
	Env  []string // its environment, the parent's own when nil
	Dir  string   // its working directory, the parent's own when empty
	// Preamble passes over lines before the first event that do not look like one: a login
	// shell on the way to the child may greet.
	Preamble bool

	// What a test may replace.
	kill                 func(*os.Process) // killAll when nil
	key                  string            // that events are sealed with, a new one for each child when empty
	exitGrace, killGrace time.Duration     // the constants when 0
}

// Self is the absolute path of the running program. Call it before any change
// of directory: without /proc the path comes from argv[0], which may be relative.
func Self() (string, error) {
	if path, err := os.Executable(); err == nil {
		return path, nil
	}
	path := os.Args[0]
	if filepath.Base(path) == path { // no slash: a shell found it on PATH
		found, err := exec.LookPath(path)
		if err != nil {
			return "", fmt.Errorf("cannot find the program itself: %w", err)
		}
		path = found
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("cannot find the program itself: %w", err)
	}
	return path, nil
}

// Causes for which Run kills a child.
var (
	errTimeLimit = errors.New("time limit")
	errFinished  = errors.New("finished")
)

// protocolError is a fault in what a child printed.
type protocolError struct{ text string }

func (e *protocolError) Error() string { return e.text }

// Run starts a child, gives it the request and calls on for each event, in
// order and from the calling goroutine, until the child has ended. The child, in
// whatever group it is by then, and all processes in the one that it was started in are killed when limit (wall time)
// is over, when ctx ends, at the first line that is no event or when it floods its
// output: SIGKILL and nothing milder, since a process inside a hanging driver hears
// nothing else. When Run returns the child has been reaped, unless even SIGKILL could
// not end it; Reason says so then. On Linux what it left behind outside its group has
// been ended too, as far as it kept the child's environment.
func (s *Spawner) Run(ctx context.Context, req Request, limit time.Duration, on func(Event)) Outcome {
	s = s.complete()
	req.Key = s.key
	e := ending{req: req, limit: limit, phase: firstPhase(req.Op)}
	if ctx.Err() != nil {
		return Outcome{Status: result.StatusFailed, Code: CodeInterrupted, Reason: "the run was interrupted before the process was started"}
	}
	line, err := json.Marshal(req)
	if err != nil {
		panic("BUG: worker: request cannot be encoded: " + err.Error())
	}

	kills, counted := host.OOMKills()
	started := time.Now()
	kctx, kill := context.WithCancelCause(ctx)
	defer kill(errFinished)
	c, err := s.start(kctx, req.Backend, kill)
	if err != nil {
		return Outcome{Status: result.StatusFailed, Code: CodeStart, Reason: fmt.Sprintf("the process could not be started: %v", err)}
	}
	defer c.close()
	timer := time.AfterFunc(limit, func() { kill(errTimeLimit) })
	defer timer.Stop()
	go c.stdin.Write(append(line, '\n')) // it stays open: its end means that the parent is gone

	err = readEvents(c.stdout, started, &e, s.Preamble, func(ev Event) {
		if ev.terminal() && time.Since(started)+s.exitGrace < limit {
			timer.Reset(s.exitGrace)
		}
		on(ev)
	})
	if err != nil {
		kill(err)
	}

	e.ended = c.wait(kctx)
	e.cause = context.Cause(kctx) // the first one; nil when the child ended by itself
	if e.ended {
		e.state = c.cmd.ProcessState
	} else {
		e.stuck = survivor(c.cmd.Process.Pid)
	}
	e.duration = time.Since(started)
	if counted {
		now, _ := host.OOMKills()
		e.memory = now > kills
	}
	e.stderr = c.tail.stop()
	out := e.outcome()
	if out.Code == string(backend.Absent) && e.last == nil {
		// The child's loader gave up before the child could say it itself.
		on(Event{Event: EventAbsent, Absent: &result.Absent{Backend: req.Backend, Reason: out.Reason, Remedy: out.Remedy}})
	}
	return out
}

// complete returns a copy with the defaults filled in.
func (s *Spawner) complete() *Spawner {
	full := *s
	if full.kill == nil {
		full.kill = killAll
	}
	if full.key == "" {
		full.key = newKey()
	}
	if full.exitGrace == 0 {
		full.exitGrace = exitGrace
	}
	if full.killGrace == 0 {
		full.killGrace = killGrace
	}
	return &full
}

// readEvents reads lines until the stream ends, calls on for each event, and
// returns the fault that makes all of it worthless, if there is one. preamble is
// Spawner.Preamble.
func readEvents(r io.Reader, started time.Time, e *ending, preamble bool, on func(Event)) error {
	lines := bufio.NewReaderSize(r, maxLine)
	m := meter{what: "of events"}
	own, book := newSeals(e.req.Key), newLedger(e.req)
	for {
		line, err := lines.ReadSlice('\n')
		if err == bufio.ErrBufferFull {
			return &protocolError{fmt.Sprintf("printed a line longer than %d bytes: %s", maxLine, quote(line))}
		}
		if err != nil { // the end, or the deadline after the end of the process
			if len(line) > 0 {
				e.rest = quote(line)
			}
			return nil
		}
		at := time.Since(started)
		if err := m.add(len(line), at); err != nil {
			return err
		}
		if preamble && e.last == nil && !bytes.HasPrefix(line, []byte("{")) {
			continue
		}
		event, err := own.open(line)
		if err != nil {
			return &protocolError{fmt.Sprintf("printed something that is no event: %s (%v)", quote(line), err)}
		}
		ev, err := parseEvent(event, e.req, at)
		if err != nil {
			return &protocolError{fmt.Sprintf("printed something that is no event: %s (%v)", quote(event), err)}
		}
		if e.last != nil && e.last.terminal() {
			return &protocolError{fmt.Sprintf("printed something after its last event: %s", quote(line))}
		}
		if err := book.enter(&ev); err != nil {
			return &protocolError{fmt.Sprintf("printed an event that does not follow from those before it: %s (%v)", quote(event), err)}
		}
		if ev.Event == EventPhase {
			e.phase = phaseWords(ev.Phase)
		}
		e.last = &ev
		on(ev)
	}
}

// meter enforces maxTotal and maxRate.
type meter struct {
	what          string        // is printed, as in "of events"
	total, second int           // bytes in all, and since the second began
	since         time.Duration // when the second began
}

func (m *meter) add(n int, at time.Duration) error {
	if at-m.since >= time.Second {
		m.second, m.since = 0, at
	}
	m.total += n
	m.second += n
	switch {
	case m.total > maxTotal:
		return &protocolError{fmt.Sprintf("printed more than %d MiB %s", maxTotal>>20, m.what)}
	case m.second > maxRate:
		return &protocolError{fmt.Sprintf("printed more than %d MiB %s within a second", maxRate>>20, m.what)}
	}
	return nil
}

// child is a started process with the parent's ends of its three pipes.
type child struct {
	cmd                   *exec.Cmd
	stdin, stdout, stderr *os.File
	tail                  *tail
	exited                chan struct{} // closed when it has been reaped
	mark                  string        // in its environment and in that of all that it starts

	grace   time.Duration
	unwatch func() bool // ends the watch on the context

	mu   sync.Mutex
	over bool // the process has ended: its number may soon be another's
}

// markVariable is the environment variable by which what a child has started can be
// told from the processes of others.
const markVariable = "GPUBENCH_CHILD"

// start makes a child that is killed when kctx ends; flooded ends it with the cause.
func (s *Spawner) start(kctx context.Context, backendName string, flooded func(error)) (*child, error) {
	c := &child{exited: make(chan struct{}), grace: s.killGrace, mark: rand.Text()}
	adopt()

	// Pipes for all three streams: os/exec opens /dev/null for a missing one, and
	// an empty root has none. The files are given to the child itself, so that
	// Wait waits for the process and not for a grandchild that holds a pipe.
	args := append(append([]string(nil), s.Args...), backendName)
	c.cmd = exec.Command(s.Path, args...)
	c.cmd.Dir = s.Dir
	env := s.Env
	if env == nil {
		env = os.Environ()
	}
	c.cmd.Env = append(slices.Clip(env), markVariable+"="+c.mark)
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var err error
	var ends [3]*os.File // the child's
	defer func() {
		for _, f := range ends {
			f.Close() // nil is allowed
		}
	}()
	if ends[0], c.stdin, err = os.Pipe(); err == nil {
		if c.stdout, ends[1], err = os.Pipe(); err == nil {
			c.stderr, ends[2], err = os.Pipe()
		}
	}
	if err == nil {
		c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = ends[0], ends[1], ends[2]
		err = c.cmd.Start()
	}
	if err != nil {
		c.stdin.Close()
		c.stdout.Close()
		c.stderr.Close()
		return nil, err
	}

	expose(c.cmd.Process.Pid)
	c.tail = startTail(c.stderr, flooded)
	c.unwatch = context.AfterFunc(kctx, func() {
		c.mu.Lock()
		if !c.over {
			s.kill(c.cmd.Process)
		}
		c.mu.Unlock()
		c.hurry()
	})
	go c.reap()
	return c, nil
}

// reap waits for the process, ends what it left behind in its group, and takes
// its exit status.
func (c *child) reap() {
	zombie := awaitExit(c.cmd.Process.Pid)
	if !zombie {
		c.cmd.Wait() // its error is in ProcessState
	}
	c.mu.Lock()
	c.over = true
	// A zombie keeps its number, and so its group's, from being given to a stranger.
	// Where it has been reaped already, that would have to happen between two lines.
	killGroup(c.cmd.Process.Pid)
	c.mu.Unlock()
	if zombie {
		c.cmd.Wait()
	}
	sweep(c.mark, c.grace)
	close(c.exited)
	c.hurry()
}

// hurry bounds the reading of what a dead process has written: a grandchild
// that left the group may hold the pipes for ever.
func (c *child) hurry() {
	deadline := time.Now().Add(c.grace)
	c.stdout.SetReadDeadline(deadline)
	c.stderr.SetReadDeadline(deadline)
}

// wait returns true when the child has been reaped, or false when it has
// survived SIGKILL for the grace period, as one stuck in the kernel does.
func (c *child) wait(kctx context.Context) bool {
	select {
	case <-c.exited:
		return true
	case <-kctx.Done():
	}
	select {
	case <-c.exited:
		return true
	case <-time.After(c.grace):
		return false
	}
}

// close gives back what the parent holds. A child that is still there loses its
// standard input, and with it its reason to live.
func (c *child) close() {
	c.unwatch()
	c.stdin.Close()
	c.stdout.Close()
	c.stderr.Close()
}

// killAll ends a process, wherever it has gone, and all that is in the group that it was
// started in.
func killAll(p *os.Process) {
	killGroup(p.Pid)
	p.Kill() // by its file descriptor where the kernel has such; an error means that it has ended
}

// killGroup ends what is in the group that a process was started in.
func killGroup(pid int) {
	syscall.Kill(-pid, syscall.SIGKILL) // ESRCH: there is nobody left
}
