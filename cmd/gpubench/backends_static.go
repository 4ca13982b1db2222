//go:build static

package main

import (
	"gpubench/cpu"
	"gpubench/internal/backend"
)

// newBackend makes a backend that is compiled in, or returns nil. The static
// program holds none that needs a driver.
func newBackend(name string) backend.Backend {
	if name == "cpu" {
		return cpu.New()
	}
	return nil
}
