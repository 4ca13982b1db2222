//go:build !static

package main

import (
	"gpubench/cpu"
	"gpubench/cpu/blas"
	"gpubench/internal/backend"
	"gpubench/kernels"
	"gpubench/vk"
)

// newBackend makes a backend that is compiled in, or returns nil.
func newBackend(name string) backend.Backend {
	switch name {
	case "cpu":
		return cpu.New()
	case "vulkan":
		return vk.New(vulkanKernel())
	case "blas":
		return blas.New()
	}
	return nil
}

// vulkanKernel is the embedded module. It is ours and a test proves that it is
// current, so a fault in it is one of this program.
func vulkanKernel() vk.Kernel {
	k, err := vk.ParseKernel(kernels.MatmulF32)
	if err != nil {
		panic("BUG: matmul_f32.spv: " + err.Error())
	}
	return k
}
