//go:build !static

// A plain build is dynamic and holds every backend itself.

package main

// static says that this is not the fully static program.
const static = false

// becomeHelper is for the static program alone: see helper_static.go.
func becomeHelper(backend string) error {
	panic("BUG: a plain build holds the backend " + backend + " itself")
}
