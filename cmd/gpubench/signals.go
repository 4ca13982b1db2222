package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// ownPipeErrors makes writing to a closed pipe an error like any other. Without
// it the Go runtime ends the process by SIGPIPE, with no word and no document.
func ownPipeErrors() {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
}

// interruption is the cause of a context that a signal has ended.
type interruption struct{ signal os.Signal }

func (i *interruption) Error() string {
	if i.signal == syscall.SIGTERM {
		return "interrupted by SIGTERM"
	}
	return "interrupted"
}

// code is the exit code after the signal.
func (i *interruption) code() int {
	if i.signal == syscall.SIGTERM {
		return exitTerminated
	}
	return exitInterrupted
}

// interruptible returns a context that the first SIGINT or SIGTERM ends, with an
// *interruption as the cause. The second one ends the process at once, with what
// atOnce says of the consequences: its children notice by their standard input and end
// too.
func interruptible(ctx context.Context, stderr io.Writer, atOnce func() string) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		for first := true; ; first = false {
			select {
			case s := <-signals:
				i := &interruption{s}
				if !first {
					fmt.Fprintf(stderr, "\ngpubench: ended at once; %s\n", atOnce())
					os.Exit(i.code())
				}
				cancel(i)
			case <-done:
				return
			}
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(done)
		cancel(nil)
	}
}
