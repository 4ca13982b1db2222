package main

import (
	"context"
	"fmt"

	"github.com/spf13/pflag"

	"gpubench/internal/disturb"
	"gpubench/internal/launch"
	"gpubench/internal/measure"
	"gpubench/internal/worker"
)

// backendNames are the backends that gpubench asks for, in the order in which
// devices are listed. The static program has only the first compiled in; its
// children become the dynamic program for the others.
var backendNames = append([]string{"cpu", "vulkan", "cuda", "blas", "cublas"}, systemBackends...)

// workerExit is the exit status of a child process, handed up through the errors.
type workerExit int

func (e workerExit) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// workerCommand is a child's whole life: see package worker for what is written to
// its standard input and read from its standard output.
func workerCommand() *command {
	return &command{
		name:   "worker",
		hidden: true,
		flags: func(*pflag.FlagSet) func(*invocation) error {
			return func(in *invocation) error {
				if len(in.args) != 1 {
					return failf(exitUsage, "worker: one backend is needed")
				}
				name := in.args[0]
				if static && name != "cpu" {
					err := becomeHelper(name) // returns only when it cannot
					return workerExit(worker.Serve(func(context.Context, worker.Request, func(worker.Event)) error { return err }))
				}
				b := newBackend(name)
				if b == nil {
					return failf(exitUsage, "worker: %s", unknown("backend", name, "", backendNames))
				}
				return workerExit(worker.Serve(func(ctx context.Context, req worker.Request, emit func(worker.Event)) error {
					disturb.StartPulse()
					return launch.Handle(ctx, b, meters, req, emit)
				}))
			}
		},
	}
}

// spawner starts this program's own children.
func spawner() (measure.Runner, error) {
	self, err := worker.Self()
	if err != nil {
		return nil, err
	}
	return &worker.Spawner{Path: self, Args: []string{"worker"}}, nil
}
