//go:build !static

package main

import (
	"gpubench/cpu"
	"gpubench/cpu/blas"
	"gpubench/internal/backend"
	"gpubench/kernels"
	"gpubench/metal"
	"gpubench/vk"
)

// newBackend makes a backend that is compiled in, or returns nil.
func newBackend(name string) backend.Backend {
	switch name {
	case "cpu":
		return cpu.New()
	case "vulkan":
		return vk.New(vulkanKernels()...)
	case "blas":
		return blas.New()
	case "metal":
		return metal.New(metalKernels()...)
	case "mps":
		return metal.NewMPS()
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

// metalKernels are the embedded texts of the modules, of which the same is true.
func metalKernels() (list []metal.Kernel) {
	for name, module := range kernels.Modules {
		k, err := metal.ParseKernel(name, module, kernels.Metal[name])
		if err != nil {
			panic("BUG: " + name + ": " + err.Error())
		}
		list = append(list, k)
	}
	return list
}
