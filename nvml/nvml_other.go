//go:build !linux || !cgo

package nvml

import (
	"gpubench/internal/meter"
	"gpubench/internal/result"
)

// Open finds no meter: the library is read on Linux only, and by way of C.
func Open(result.Device) (meter.Meter, *result.NVML) { return nil, nil }
