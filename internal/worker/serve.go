// The child's side: one request from standard input, events to standard output.

package worker

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"golang.org/x/sys/unix"

	"gpubench/internal/backend"
	"gpubench/internal/result"
)

// Exit statuses of a child.
const (
	exitOK      = 0
	exitFailed  = 1  // an event says why
	exitRequest = 2  // no request, or one that cannot be understood
	exitPanic   = 70 // the handler panicked; an event says with what
	exitOrphan  = 71 // standard input ended: the parent is gone
	exitDeaf    = 72 // something in this process closed or replaced the pipe of the events
)

// maxRequest is the longest request, in bytes.
const maxRequest = 1 << 20

// Serve is a child's whole life. It reads one request from standard input,
// calls handle with it on the calling goroutine, and returns the status to exit
// with. The process exits at once, in whatever it is doing, when its standard
// input ends.
//
// Serve takes standard output for the events; anything else that the process
// writes there, a driver's chatter above all, goes to standard error instead. What
// the process has started ends with it when the parent is gone.
// emit may be called from any goroutine. When handle returns nil, EventDone is
// sent unless handle has sent it (a launch does, with the rule that stopped it;
// it must close its device before). When it returns an error, EventError is
// sent with what a *backend.Error in its chain says, or EventAbsent if that is
// of kind Absent. A panic in handle is sent as EventError of kind Failed.
func Serve(handle func(ctx context.Context, req Request, emit func(Event)) error) int {
	adopt()
	wakeWithParent()
	out, err := takeStdout()
	if err != nil {
		fmt.Fprintf(os.Stderr, "worker: standard output: %v\n", err)
		return exitFailed
	}
	in := bufio.NewReader(os.Stdin)
	req, err := readRequest(in)
	if err != nil {
		fmt.Fprintf(os.Stderr, "worker: request: %v\n", err)
		return exitRequest
	}
	e := newEmitter(out, req.Key)
	req.Key = "" // nobody else needs it
	go func() {
		io.Copy(io.Discard, in)
		endOrphaned()
	}()
	return serve(handle, req, e)
}

// endOrphaned ends a process whose parent is gone, with all that it has started: there
// is nobody else to do it.
func endOrphaned() {
	sweep(os.Getenv(markVariable), killGrace)
	if unix.Getpgrp() == os.Getpid() { // not where somebody has started it by hand
		killGroup(os.Getpid())
	}
	os.Exit(exitOrphan)
}

// takeStdout moves standard output to a descriptor that nothing else in the
// process knows and no grandchild inherits, and lets descriptor 1 lead to
// standard error.
func takeStdout() (*os.File, error) {
	fd, err := unix.FcntlInt(1, unix.F_DUPFD_CLOEXEC, privateDescriptor)
	if err == unix.EINVAL { // fewer may be open
		fd, err = unix.FcntlInt(1, unix.F_DUPFD_CLOEXEC, 3)
	}
	if err != nil {
		return nil, err
	}
	if err := redirect(2, 1); err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), "events"), nil
}

// readRequest reads the one line.
func readRequest(in *bufio.Reader) (Request, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		line = append(line, part...)
		if err == nil {
			break
		}
		if err != bufio.ErrBufferFull {
			return Request{}, fmt.Errorf("after %d bytes: %w", len(line), err)
		}
		if len(line) > maxRequest {
			return Request{}, fmt.Errorf("longer than %d bytes", maxRequest)
		}
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	var req Request
	if err := d.Decode(&req); err != nil {
		return Request{}, err
	}
	if rest := bytes.TrimSpace(line[d.InputOffset():]); len(rest) > 0 {
		return Request{}, errors.New("more after the object")
	}
	switch req.Op {
	case OpDevices, OpSearch, OpLaunch:
		return req, nil
	}
	return Request{}, fmt.Errorf("operation %q is unknown", req.Op)
}

// serve runs the handler and sends what is left to say.
func serve(handle func(ctx context.Context, req Request, emit func(Event)) error, req Request, e *emitter) (status int) {
	defer func() {
		if p := recover(); p != nil {
			fmt.Fprintf(os.Stderr, "%v\n%s", p, debug.Stack())
			status = exitPanic
			if !e.done {
				e.emit(Event{Event: EventError, Error: &EventFailure{Kind: backend.Failed, Text: fmt.Sprintf("%s: panic: %v", req.Backend, p)}})
			}
		}
	}()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()

	err := handle(ctx, req, e.emit)
	switch {
	case e.done: // handle has said all
		if err != nil {
			fmt.Fprintf(os.Stderr, "after the last event: %v\n", err)
			return exitFailed
		}
		return exitOK
	case err == nil:
		e.emit(Event{Event: EventDone})
		return exitOK
	}
	var be *backend.Error
	switch {
	case !errors.As(err, &be):
		e.emit(Event{Event: EventError, Error: &EventFailure{Kind: backend.Failed, Text: err.Error()}})
	case be.Kind == backend.Absent:
		e.emit(Event{Event: EventAbsent, Absent: &result.Absent{Backend: req.Backend, Reason: err.Error(), Remedy: be.Remedy}})
	default:
		e.emit(Event{Event: EventError, Error: &EventFailure{Kind: be.Kind, Text: err.Error(), Remedy: be.Remedy}})
	}
	return exitFailed
}
