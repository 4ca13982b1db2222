//go:build !cgo || !(darwin || gnustep)

package metal

import (
	"errors"
	"strings"
	"testing"

	"gpubench/internal/backend"
)

func TestAbsent(t *testing.T) {
	for _, b := range []*Backend{New(), NewMPS()} {
		_, listing := b.Devices()
		_, opening := b.Open(b.Name() + ":0")
		for _, err := range []error{listing, opening, b.absent("darwin")} {
			var e *backend.Error
			if !errors.As(err, &e) || e.Kind != backend.Absent || e.Remedy == "" || !strings.HasPrefix(e.Text, b.Name()+": ") {
				t.Errorf("got %v, want an error of kind absent with a remedy", err)
			}
		}
	}
}
