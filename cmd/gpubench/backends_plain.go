//go:build !static

package main

import (
	"gpubench/cpu"
	"gpubench/cpu/blas"
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
		return vk.New(vulkanKernels()...)
	case "blas":
		return blas.New()
	}
	return nil
}

// vulkanKernels are the embedded modules. They are ours and a test proves that they are
// current, so a fault in one is one of this program.
func vulkanKernels() (list []vk.Kernel) {
	for name, module := range kernels.Modules {
		k, err := vk.ParseKernel(name, module)
		if err != nil {
			panic("BUG: " + name + ": " + err.Error())
		}
		list = append(list, k)
	}
	return list
}
