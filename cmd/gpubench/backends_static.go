//go:build static

package main

import (
	"gpubench/cpu"
	"gpubench/internal/backend"
	"gpubench/internal/meter"
)

// meters is nil: a meter is read by way of a driver's library, and the CPU has none.
var meters meter.Source

// newBackend makes a backend that is compiled in, or returns nil. The static
// program holds none that needs a driver.
func newBackend(name string) backend.Backend {
	if name == "cpu" {
		return cpu.New()
	}
	return nil
}
