//go:build !cgo || !(linux || darwin)

package vk

import (
	"errors"
	"testing"

	"gpubench/internal/backend"
)

func TestAbsent(t *testing.T) {
	b := New(testKernels(t)...)
	_, listing := b.Devices()
	_, opening := b.Open("vulkan:0")
	for _, err := range []error{listing, opening} {
		var e *backend.Error
		if !errors.As(err, &e) || e.Kind != backend.Absent || e.Remedy == "" {
			t.Errorf("got %v, want an error of kind absent with a remedy", err)
		}
	}
}
