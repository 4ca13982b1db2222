//go:build gnustep

package host

import (
	"testing"

	"gpubench/metal/fake"
)

func TestThermalState(t *testing.T) {
	for want := range 4 {
		fake.Set(fake.Control{Thermal: want})
		if got, ok := ThermalState(); got != want || !ok {
			t.Errorf("the state is %d, %v, want %d", got, ok, want)
		}
	}
}
