//go:build !helper

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"gpubench/internal/host"
	"gpubench/internal/measure"
	"gpubench/internal/report"
	"gpubench/internal/result"
)

func devicesCommand() *command {
	return &command{
		name:     "devices",
		synopsis: "[FLAGS]",
		short:    "every device each backend sees, and why a backend is absent",
		flags: func(set *pflag.FlagSet) func(*invocation) error {
			asJSON := set.Bool("json", false, "print one JSON object: devices, absent, failed (backends that could not list theirs), host")
			timeout := &duration{value: measure.DefaultListLimit, lo: time.Second, hi: 24 * time.Hour}
			set.Var(timeout, "timeout", "limit of one process; each backend is asked in one")
			return func(in *invocation) error {
				if err := in.noArguments(); err != nil {
					return err
				}
				return devices(in, *asJSON, timeout.value)
			}
		},
	}
}

// devices carries out `gpubench devices`. A backend that failed is an error, once the list
// is out; one that is not there is none.
func devices(in *invocation, asJSON bool, limit time.Duration) error {
	runner, err := spawner()
	if err != nil {
		return err
	}
	ctx, done := interruptible(in.ctx, in.stderr, func() string { return "nothing was listed" })
	defer done()
	seen := measure.Discover(ctx, runner, backendNames, limit)
	var interrupted *interruption
	if errors.As(context.Cause(ctx), &interrupted) {
		return &failure{interrupted.code(), fmt.Errorf("%w while looking for devices", interrupted)}
	}
	facts, _ := host.Facts()
	seen.Devices, seen.Absent = append([]result.Device{}, seen.Devices...), append([]result.Absent{}, seen.Absent...) // [] and not null
	if asJSON {
		err = writeJSON(in, struct {
			measure.Listing
			Host result.Host `json:"host"`
		}{seen, facts})
	} else {
		err = answered(report.Devices(in.stdout, facts, seen.Devices, seen.Absent, seen.Lost(), report.OptionsFor(in.stdout, in.getenv)))
	}
	if err != nil || len(seen.Failed) == 0 {
		return err
	}
	var failed []string
	for _, a := range seen.Lost() {
		failed = append(failed, a.Backend+": "+reason(a))
	}
	return failf(exitFailed, "%s", strings.Join(failed, "; "))
}
