//go:build cgo

package blas

const makers = "Accelerate, OpenBLAS and BLIS"

const remedy = "Accelerate is part of macOS; or name a library by " + Variable

// candidates is Accelerate alone, which has the processor's matrix unit to itself.
func candidates() []string {
	return []string{"/System/Library/Frameworks/Accelerate.framework/Accelerate"}
}
