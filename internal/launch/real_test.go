package launch

import (
	"context"
	"errors"
	"testing"

	"gpubench/cpu"
	"gpubench/cpu/blas"
	"gpubench/internal/backend"
	"gpubench/internal/result"
	"gpubench/internal/worker"
	"gpubench/kernels"
	"gpubench/vk"
)

// Every device here, CPU, Vulkan and BLAS, searches, verifies and samples problems of
// awkward shapes, and all compute the same product of the exact input.
func TestRealDevices(t *testing.T) {
	kernel, err := vk.ParseKernel(kernels.MatmulF32)
	if err != nil {
		t.Fatal(err)
	}
	rules := worker.Rules{WarmupS: 0.01, MinSamples: 6, MinTimeS: 0.01, Precision: 0.5, MaxTimeS: 0.3, BatchS: 0.002}
	sums := map[backend.Problem]map[string]string{} // checksum by device
	hashes := map[string]string{}
	for _, b := range []backend.Backend{cpu.New(), vk.New(kernel), blas.New()} {
		t.Run(b.Name(), func(t *testing.T) {
			devices, err := b.Devices()
			var be *backend.Error
			if errors.As(err, &be) && be.Kind == backend.Absent {
				t.Skip(err)
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range devices {
				if d.Unusable != "" {
					continue
				}
				for _, p := range []backend.Problem{{M: 1, N: 1, K: 1}, {M: 67, N: 129, K: 35}, {M: 1, N: 3000, K: 200}, {M: 2000, N: 3, K: 5}, {M: 3, N: 2, K: 20000}, {M: 256, N: 256, K: 256}} {
					req := worker.Request{Op: worker.OpSearch, Backend: b.Name(), Device: d.ID, Problem: p, Seed: 1, Rules: rules}
					var last events
					run := func() {
						t.Helper()
						last = nil
						if err := Handle(context.Background(), b, req, func(e worker.Event) { last = append(last, e) }); err != nil {
							t.Fatalf("%s, %v: %s: %v", d.ID, p, req.Op, err)
						}
					}
					run()
					chosen := last.last(worker.EventTried).Candidate
					if !chosen.Chosen || chosen.Status != result.StatusOK || chosen.BestS <= 0 {
						t.Fatalf("%s, %v: chosen %+v", d.ID, p, chosen)
					}
					for _, e := range last {
						if e.Candidate != nil && e.Candidate.Code == string(backend.WrongResult) {
							t.Errorf("%s, %v: %s", d.ID, p, line(e.Candidate))
						}
					}
					req.Op, req.Specialization = worker.OpLaunch, chosen.Specialization
					run()
					v := last.last(worker.EventVerified).Verification
					if n := len(last.samples(worker.EventSample)); n < leastSamples || v.Failed != 0 || v.Batches < n+2 || v.MaxError > v.Bound {
						t.Errorf("%s, %v: %d samples, verification %+v", d.ID, p, n, v)
					}
					if sums[p] == nil {
						sums[p] = map[string]string{}
					}
					sums[p][v.ExactChecksum] = d.ID
					k := last.last(worker.EventBuilt).Kernel
					if k.Name != d.KernelName() {
						t.Errorf("%s: the kernel is %s", d.ID, k.Name)
					}
					if d.Role() == result.RoleKernel {
						hashes[k.SPIRVSHA256] = d.ID
					}
					if v.Dispatches < v.Batches {
						t.Errorf("%s, %v: %d dispatches in %d batches", d.ID, p, v.Dispatches, v.Batches)
					}
					if trip := last.last(worker.EventRoundTrip).RoundTripS; trip <= 0 {
						t.Errorf("%s, %v: a round trip of %g s", d.ID, p, trip)
					}
				}
				req := worker.Request{Op: worker.OpLaunch, Backend: b.Name(), Device: d.ID, Kernel: backend.KernelEmpty, Seed: 1, Rules: rules}
				var got events
				if err := Handle(context.Background(), b, req, func(e worker.Event) { got = append(got, e) }); err != nil {
					t.Fatalf("%s, empty: %v", d.ID, err)
				}
				if n, v := len(got.samples(worker.EventSample)), got.last(worker.EventVerified).Verification; n < leastSamples || v.Batches != exactBatches || v.Failed != 0 {
					t.Errorf("%s, empty: %d samples, verification %+v", d.ID, n, v)
				}
			}
		})
	}
	for p, s := range sums {
		if len(s) != 1 {
			t.Errorf("%v: the devices disagree about the product of the exact input: %v", p, s)
		}
	}
	if len(hashes) != 1 {
		t.Errorf("the devices ran kernels of different SPIR-V: %v", hashes)
	}
}
