//go:build !helper

package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/pflag"

	"gpubench/internal/host"
	"gpubench/internal/measure"
	"gpubench/internal/report"
	"gpubench/internal/result"
)

func devicesCommand() *command {
	return &command{
		name:     "devices",
		synopsis: "[--json]",
		short:    "every device each backend sees, and why a backend is absent",
		flags: func(set *pflag.FlagSet) func(*invocation) error {
			asJSON := set.Bool("json", false, "print one JSON object: devices, absent, host")
			return func(in *invocation) error {
				if err := in.noArguments(); err != nil {
					return err
				}
				return devices(in, *asJSON)
			}
		},
	}
}

// devices carries out `gpubench devices`.
func devices(in *invocation, asJSON bool) error {
	runner, err := spawner()
	if err != nil {
		return err
	}
	ctx, done := interruptible(in.ctx, in.stderr, func() string { return "nothing was listed" })
	defer done()
	found, absent := measure.Discover(ctx, runner, backendNames)
	var interrupted *interruption
	if errors.As(context.Cause(ctx), &interrupted) {
		return &failure{interrupted.code(), fmt.Errorf("%w while looking for devices", interrupted)}
	}
	facts, _ := host.Facts()
	if asJSON {
		return writeJSON(in, struct {
			Devices []result.Device `json:"devices"`
			Absent  []result.Absent `json:"absent"`
			Host    result.Host     `json:"host"`
		}{append([]result.Device{}, found...), append([]result.Absent{}, absent...), facts})
	}
	return answered(report.Devices(in.stdout, facts, found, absent, report.OptionsFor(in.stdout, in.getenv)))
}
