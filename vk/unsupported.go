//go:build !cgo || !(linux || darwin)

package vk

import (
	"runtime"

	"gpubench/internal/backend"
	"gpubench/internal/result"
)

// Devices says that this program was built without Vulkan.
func (*Backend) Devices() ([]result.Device, error) { return nil, absent() }

// Open says that this program was built without Vulkan.
func (*Backend) Open(string) (backend.Device, error) { return nil, absent() }

func absent() error {
	if runtime.GOOS != "linux" && runtime.GOOS != "darwin" {
		return &backend.Error{
			Kind:   backend.Absent,
			Text:   "vulkan: not supported on " + runtime.GOOS,
			Remedy: "run gpubench on Linux or macOS, or in WSL2",
		}
	}
	return &backend.Error{
		Kind:   backend.Absent,
		Text:   "vulkan: this program was built without cgo, which calling a driver needs",
		Remedy: "build it with CGO_ENABLED=1 and a C compiler",
	}
}
