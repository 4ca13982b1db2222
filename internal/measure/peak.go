package measure

import (
	"gpubench/internal/backend"
	"gpubench/internal/result"
)

// PeakProblem is the problem on which kernel fma finds the peak of a device: enough
// chains to fill any device of its class, long enough for what comes before and after them
// not to count, and a dispatch of a fraction of a second on the slowest.
func PeakProblem(d result.Device) backend.Problem {
	switch {
	case d.Threads > 0:
		// 0.8 GFLOP for each thread, some 5 ms, in workgroups enough to keep all busy to the
		// end. All numbers of chains of kernels.CPUVariants divide 192. C stays
		// within the second-level cache.
		return backend.Problem{M: 192 * min(d.Threads, 128), N: 512, K: 4096}
	case d.Software || d.Class == result.ClassCPU:
		// At 1 to 10 GFLOP/s and more.
		return backend.Problem{M: 256, N: 512, K: 2048}
	case d.Class == result.ClassDiscrete:
		// 34 GFLOP in half a million invocations of 8 chains, more than any holds at once:
		// 30 ms at 1 TFLOP/s, half a millisecond at 60.
		return backend.Problem{M: 2048, N: 2048, K: 4096}
	}
	// 4.3 GFLOP in 131072 invocations: 40 ms at 0.1 TFLOP/s, half a millisecond at 8.
	return backend.Problem{M: 1024, N: 1024, K: 2048}
}
