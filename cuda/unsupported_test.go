//go:build !cgo || !linux

package cuda

import (
	"errors"
	"testing"

	"gpubench/internal/backend"
)

func TestAbsent(t *testing.T) {
	for _, b := range []backend.Backend{New(), NewBLAS()} {
		_, listing := b.Devices()
		_, opening := b.Open(b.Name() + ":0")
		for _, err := range []error{listing, opening} {
			var e *backend.Error
			if !errors.As(err, &e) || e.Kind != backend.Absent || e.Remedy == "" {
				t.Errorf("got %v, want an error of kind absent with a remedy", err)
			}
		}
	}
}
