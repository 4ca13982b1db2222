package measure

import (
	"testing"

	"gpubench/internal/result"
	"gpubench/kernels"
)

// No invocation of the cpu backend is idle, no thread waits for another at the end, and a
// dispatch is neither too short for a fast device nor too long for a slow one.
func TestPeakProblem(t *testing.T) {
	for _, threads := range []int{1, 2, 6, 64, 128, 384} {
		p := PeakProblem(result.Device{Class: result.ClassCPU, Threads: threads})
		for _, v := range kernels.CPUVariants {
			if v.Kernel != "fma" {
				continue
			}
			s := v.Specialization
			rows, cols := int(s["LY"]*s["ACC"]), int(s["LX"])
			if p.M%rows != 0 || p.N%cols != 0 || p.K%int(s["KU"]) != 0 {
				t.Errorf("%d threads: %v leaves a part of %s idle", threads, p, v.Name)
			}
			// A thread that waits for one workgroup of another loses a hundredth at most.
			if groups := p.M / rows * (p.N / cols); groups < 100*min(threads, 128) {
				t.Errorf("%d threads: %v makes %d workgroups of %s", threads, p, groups, v.Name)
			}
		}
	}
	for _, tt := range []struct {
		device      result.Device
		least, most float64 // FLOP/s of such devices
		chains      int     // that it has under way at once
	}{
		{result.Device{Class: result.ClassCPU, Threads: 1}, 1e10, 5e11, 1},
		{result.Device{Class: result.ClassCPU, Software: true}, 1e9, 1e12, 1},
		{result.Device{Class: result.ClassVirtual, Software: true}, 1e9, 1e12, 1},
		{result.Device{Class: result.ClassIntegrated}, 5e10, 2e13, 40 * 1024 * 8},
		{result.Device{Class: result.ClassVirtual}, 5e10, 2e13, 40 * 1024 * 8},
		{result.Device{Class: result.ClassOther}, 5e10, 2e13, 40 * 1024 * 8},
		{result.Device{Class: result.ClassDiscrete}, 5e11, 1.5e14, 150 * 2048 * 8},
	} {
		p := PeakProblem(tt.device)
		if s := float64(p.FLOP()) / tt.least; s > 1 {
			t.Errorf("%+v: %v takes %.3g s at %.3g FLOP/s", tt.device, p, s, tt.least)
		}
		if s := float64(p.FLOP()) / tt.most; s < 2e-4 {
			t.Errorf("%+v: %v takes %.3g s at %.3g FLOP/s", tt.device, p, s, tt.most)
		}
		if p.M*p.N < tt.chains {
			t.Errorf("%+v: %v has %d chains, fewer than the %d that the device holds", tt.device, p, p.M*p.N, tt.chains)
		}
	}
}
