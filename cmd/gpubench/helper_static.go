//go:build static

// The fully static program and the dynamic one that it carries.

package main

import (
	"os"
	"slices"
	"strings"

	"gpubench/internal/worker"
)

// static says that this is the fully static program: it has only the cpu backend
// compiled in, since a static program can load neither a driver nor a library.
const static = true

// becomeHelper replaces the process by the embedded program, which is the same
// main package built dynamically with all backends in it, and which then
// starts over with the same arguments and streams. A child calls it before it
// reads anything from standard input:
//
//	if static && backend != "cpu" {
//		err := becomeHelper(backend) // does not return if all is well
//		return worker.Serve(func(context.Context, worker.Request, func(worker.Event)) error { return err })
//	}
//
// The error is a *backend.Error of kind Absent, which Serve turns into an
// absent event.
func becomeHelper(backend string) error {
	// Functions that a driver's library lacks are looked up when they are called, which
	// LD_BIND_NOW would have done at the start, in vain.
	env := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "LD_BIND_NOW=") })
	return worker.Become(helper, os.Args, env)
}
