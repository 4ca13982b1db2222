//go:build !cgo || !linux

package cuda

import (
	"runtime"

	"gpubench/internal/backend"
	"gpubench/internal/result"
)

// Devices says that there is no CUDA here.
func (*Backend) Devices() ([]result.Device, error) { return nil, absent("cuda") }

// Open says that there is no CUDA here.
func (*Backend) Open(string) (backend.Device, error) { return nil, absent("cuda") }

// Devices says that there is no cuBLAS here.
func (*BLAS) Devices() ([]result.Device, error) { return nil, absent("cublas") }

// Open says that there is no cuBLAS here.
func (*BLAS) Open(string) (backend.Device, error) { return nil, absent("cublas") }

func absent(name string) error {
	if runtime.GOOS != "linux" {
		return &backend.Error{
			Kind:   backend.Absent,
			Text:   name + ": there is no NVIDIA driver for " + runtime.GOOS + " that gpubench can use",
			Remedy: "run gpubench on Linux, or in WSL2",
		}
	}
	return &backend.Error{
		Kind:   backend.Absent,
		Text:   name + ": this program was built without cgo, which calling a driver needs",
		Remedy: "build it with CGO_ENABLED=1 and a C compiler",
	}
}
