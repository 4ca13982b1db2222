//go:build !static

package main

import (
	"gpubench/cpu"
	"gpubench/cpu/blas"
	"gpubench/cuda"
	"gpubench/internal/backend"
	"gpubench/internal/meter"
	"gpubench/kernels"
	"gpubench/nvml"
	"gpubench/vk"
)

// meters opens what a device tells about itself.
var meters meter.Source = nvml.Open

// newBackend makes a backend that is compiled in, or returns nil.
func newBackend(name string) backend.Backend {
	switch name {
	case "cpu":
		return cpu.New()
	case "vulkan":
		return vk.New(parsed(vk.ParseKernel)...)
	case "cuda":
		return cuda.New(parsed(cuda.ParseKernel)...)
	case "blas":
		return blas.New()
	case "cublas":
		return cuda.NewBLAS()
	}
	return nil
}

// parsed are the embedded modules as a backend reads them. They are ours and a test
// proves that they are current, so a fault in one is one of this program.
func parsed[K any](parse func(name string, module []byte) (K, error)) (list []K) {
	for name, module := range kernels.Modules {
		k, err := parse(name, module)
		if err != nil {
			panic("BUG: " + name + ": " + err.Error())
		}
		list = append(list, k)
	}
	return list
}
