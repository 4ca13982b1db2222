// Command become is gpubench in small: built static it turns into the same
// program built plainly, which loads a shared library as it would a driver. It
// is parent and child, so that both ends run in the same odd root.
package main

/*
#cgo LDFLAGS: -ldl -lm -lpthread
#include <dlfcn.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

// load returns the cosine of 0 computed by a library loaded now, or -1.
static double load(const char *name) {
	void *lib = dlopen(name, RTLD_NOW);
	double (*f)(double) = lib ? (double (*)(double))dlsym(lib, "cos") : 0;
	return f ? f(0) : -1;
}

// root keeps the C library in the static program.
static double root(double x) { return sqrt(x); }

static void *segv(void *at) {
	*(volatile int *)at = 1;
	return 0;
}

// crash does what drivers do.
static void crash(int how) {
	pthread_t thread;
	switch (how) {
	case 's':
		segv(0);
		break;
	case 't': // in a thread that Go does not know
		pthread_create(&thread, 0, segv, 0);
		pthread_join(thread, 0);
		break;
	case 'a':
		abort();
	case 'e': // as if something had failed that calls exit
		exit(3);
	case 'h': // a call that never returns
		for (;;)
			pause();
	}
}
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
	limit := time.Minute
	if os.Getenv("BECOME_CRASH") == "hang" {
		limit = 2 * time.Second
	}
	s := worker.Spawner{Path: self, Args: []string{"worker"}}
	out := s.Run(context.Background(), worker.Request{Op: worker.OpDevices, Backend: os.Args[1]}, limit, func(e worker.Event) {
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
		emit(worker.Event{Event: worker.EventPhase, Phase: "sample"})
		if how := os.Getenv("BECOME_CRASH"); how != "" {
			C.crash(C.int(how[0]))
		}
		name := fmt.Sprintf("static %v, root of 4 is %v", static, C.root(4))
		if !static {
			name += fmt.Sprintf(", cosine of 0 is %v", C.load(C.CString("libm.so.6")))
		}
		emit(worker.Event{Event: worker.EventDevice, Device: &result.Device{ID: backend + ":0", Backend: backend, Name: name}})
		return nil
	})
}
