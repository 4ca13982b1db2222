// The child's events: one line in one piece each, into a pipe that a driver may have
// closed.

package worker

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// privateDescriptor is where the pipe of the events is moved to, where so many may be
// open: far from what a library opens, and so from what it closes by mistake.
const privateDescriptor = 700

// emitter writes events.
type emitter struct {
	out  *os.File
	made unix.Stat_t // what out was when the child began
	mu   sync.Mutex
	seal *seals // nil where nobody has asked for it
	done bool   // the last event has been sent
}

// newEmitter writes to a pipe, with seals where there is a key.
func newEmitter(out *os.File, key string) *emitter {
	e := &emitter{out: out}
	unix.Fstat(int(out.Fd()), &e.made) // all zero where it fails, as the next one does then
	if key != "" {
		e.seal = newSeals(key)
	}
	return e
}

func (e *emitter) emit(ev Event) {
	line, err := json.Marshal(ev)
	if err != nil {
		panic(fmt.Sprintf("BUG: worker: event %s cannot be encoded: %v", ev.Event, err))
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.seal != nil {
		line = e.seal.seal(line)
	}
	if err = e.replaced(); err == nil {
		_, err = e.out.Write(append(line, '\n'))
	}
	switch {
	case errors.Is(err, unix.EPIPE): // nobody reads: the parent is gone
		endOrphaned()
	case err != nil:
		// Something in this process has cut it off from a parent that is there, and that
		// clears away what is left.
		fmt.Fprintf(os.Stderr, "worker: the pipe of the events: %v\n", err)
		os.Exit(exitDeaf)
	}
	e.done = e.done || ev.terminal()
}

// replaced returns an error where the descriptor is no more what it was: a line would
// go into somebody else's file.
func (e *emitter) replaced() error {
	var now unix.Stat_t
	if err := unix.Fstat(int(e.out.Fd()), &now); err != nil {
		return err
	}
	if now.Dev != e.made.Dev || now.Ino != e.made.Ino {
		return errors.New("the descriptor leads elsewhere")
	}
	return nil
}
