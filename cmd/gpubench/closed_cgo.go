//go:build cgo

package main

/*
#include <fcntl.h>

static int was_closed;

__attribute__((constructor)) static void look(void) { was_closed = fcntl(1, F_GETFD) < 0; }

static int stdout_was_closed(void) { return was_closed; }
*/
import "C"

// stdoutWasClosed reports whether the process was started without a standard output.
// Only C can tell: the Go runtime opens /dev/null in its place before it runs
// anything, and an answer would vanish there without a word.
func stdoutWasClosed() bool { return C.stdout_was_closed() != 0 }
