// Command become is gpubench in small: built static it turns into the same
// program built plainly, which loads a shared library as it would a driver. It
// is parent and child, so that both ends run in the same odd root.
package main

/*
#cgo LDFLAGS: -ldl -lm
#include <dlfcn.h>
#include <math.h>

// load returns the cosine of 0 computed by a library loaded now, or -1.
static double load(const char *name) {
	void *lib = dlopen(name, RTLD_NOW);
	double (*f)(double) = lib ? (double (*)(double))dlsym(lib, "cos") : 0;
	return f ? f(0) : -1;
}

// root keeps the C library in the static program.
static double root(double x) { return sqrt(x); }
*/
import "C"

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"gpubench/internal/result"
	"gpubench/internal/worker"
)

func main() {
	if len(os.Args) == 3 && os.Args[1] == "worker" {
		os.Exit(child(os.Args[2]))
	}
	self, err := worker.Self()
	if err != nil {
		panic(err)
	}
	s := worker.Spawner{Path: self, Args: []string{"worker"}}
	out := s.Run(context.Background(), worker.Request{Op: worker.OpDevices, Backend: os.Args[1]}, time.Minute, func(e worker.Event) {
		json.NewEncoder(os.Stdout).Encode(e)
	})
	json.NewEncoder(os.Stdout).Encode(out)
}

func child(backend string) int {
	if static && backend != "cpu" {
		program, err := os.ReadFile(os.Getenv("BECOME_PROGRAM"))
		if err == nil {
			err = worker.Become(program, os.Args, os.Environ())
		}
		return worker.Serve(func(context.Context, worker.Request, func(worker.Event)) error { return err })
	}
	return worker.Serve(func(_ context.Context, _ worker.Request, emit func(worker.Event)) error {
		name := fmt.Sprintf("static %v, root of 4 is %v", static, C.root(4))
		if !static {
			name += fmt.Sprintf(", cosine of 0 is %v", C.load(C.CString("libm.so.6")))
		}
		emit(worker.Event{Event: worker.EventDevice, Device: &result.Device{ID: backend + ":0", Backend: backend, Name: name}})
		return nil
	})
}
