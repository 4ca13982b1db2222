package launch

import (
	"context"
	"errors"
	"strings"
	"testing"

	"gpubench/cpu"
	"gpubench/cpu/blas"
	"gpubench/internal/backend"
	"gpubench/internal/result"
	"gpubench/internal/worker"
	"gpubench/kernels"
	"gpubench/vk"
)

// realRules are short: what is measured does not matter.
var realRules = worker.Rules{WarmupS: 0.01, MinSamples: 6, MinTimeS: 0.01, Precision: 0.5, MaxTimeS: 0.3, BatchS: 0.002}

// vulkan is the backend with all kernels.
func vulkan(t *testing.T) backend.Backend {
	t.Helper()
	var list []vk.Kernel
	for name, module := range kernels.Modules {
		k, err := vk.ParseKernel(name, module)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, k)
	}
	return vk.New(list...)
}

// Every device here, CPU, Vulkan and BLAS, searches, verifies and samples problems of
// awkward shapes, and all compute the same product of the exact input.
func TestRealDevices(t *testing.T) {
	sums := map[backend.Problem]map[string]string{} // checksum by device
	hashes := map[string]string{}
	for _, b := range []backend.Backend{cpu.New(), vulkan(t), blas.New()} {
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
					req := worker.Request{Op: worker.OpSearch, Backend: b.Name(), Device: d.ID, Problem: p, Seed: 1, Rules: realRules}
					var last events
					run := func() {
						t.Helper()
						last = nil
						if err := Handle(context.Background(), b, nil, req, func(e worker.Event) { last = append(last, e) }); err != nil {
							t.Fatalf("%s, %v: %s: %v", d.ID, p, req.Op, err)
						}
					}
					run()
					chosen := last.last(worker.EventTried).Candidate
					if chosen.Status != result.StatusOK || chosen.BestS <= 0 {
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
				req := worker.Request{Op: worker.OpLaunch, Backend: b.Name(), Device: d.ID, Kernel: backend.KernelEmpty, Seed: 1, Rules: realRules}
				var got events
				if err := Handle(context.Background(), b, nil, req, func(e worker.Event) { got = append(got, e) }); err != nil {
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

// The multiply-adds are verified and sampled on the CPU with every instruction set that it
// has and on every Vulkan device, and all give the same bits for the exact input. A
// library has none of them.
func TestRealPeaks(t *testing.T) {
	var ids []string
	for _, isa := range []string{"sse2", "avx2", "avx512", "neon"} {
		d, err := cpu.New().Open("cpu:" + isa)
		if kindOf(err) == backend.NoDevice {
			continue // not of this processor
		}
		if err != nil {
			t.Skip(err)
		}
		d.Close()
		ids = append(ids, "cpu:"+isa)
	}
	devices, err := vulkan(t).Devices()
	if err != nil {
		t.Logf("no Vulkan: %v", err)
	}
	for _, d := range devices {
		if d.Unusable == "" {
			ids = append(ids, d.ID)
		}
	}
	request := func(id string, p backend.Problem) worker.Request {
		return worker.Request{Op: worker.OpLaunch, Device: id, Kernel: backend.KernelFMA, Problem: p, Seed: 1, Rules: realRules}
	}
	sums, hashes := map[backend.Problem]map[string]string{}, map[string]string{}
	for _, id := range ids {
		b := vulkan(t)
		if strings.HasPrefix(id, "cpu") {
			b = cpu.New()
		}
		for _, p := range []backend.Problem{{M: 1, N: 1, K: 1}, {M: 67, N: 129, K: 35}, {M: 1, N: 3000, K: 200}, {M: 2000, N: 3, K: 5}, {M: 3, N: 2, K: 20000}, {M: 256, N: 256, K: 1024}} {
			var got events
			if err := Handle(context.Background(), b, nil, request(id, p), func(e worker.Event) { got = append(got, e) }); err != nil {
				t.Fatalf("%s, %v: %v", id, p, err)
			}
			v := got.last(worker.EventVerified).Verification
			if n := len(got.samples(worker.EventSample)); n < leastSamples || v.Failed != 0 || v.Batches < n+2 || v.Method != methodFull || v.Bound != fmaBound(p.K) || v.MaxError > v.Bound {
				t.Errorf("%s, %v: %d samples, verification %+v", id, p, n, v)
			}
			if got.last(worker.EventDone).Event == "" || got.last(worker.EventRoundTrip).RoundTripS <= 0 {
				t.Errorf("%s, %v: events %s", id, p, got.kinds())
			}
			k := got.last(worker.EventBuilt).Kernel
			if k.Name != backend.KernelFMA || k.Specialization["ACC"] == 0 {
				t.Errorf("%s: built %+v", id, k)
			}
			hashes[k.SPIRVSHA256] = id
			if sums[p] == nil {
				sums[p] = map[string]string{}
			}
			sums[p][v.ExactChecksum] = id
		}
	}
	for p, s := range sums {
		if len(s) != 1 {
			t.Errorf("%v: the devices disagree about the exact chains: %v", p, s)
		}
	}
	if len(hashes) != 1 {
		t.Errorf("the devices ran kernels of different SPIR-V: %v", hashes)
	}

	err = Handle(context.Background(), blas.New(), nil, request("blas", small), func(worker.Event) {})
	if k := kindOf(err); k != backend.Limit && k != backend.Absent {
		t.Errorf("blas: %v, want a limit", err)
	}
	search := request("cpu", small)
	search.Op = worker.OpSearch
	if err := Handle(context.Background(), cpu.New(), nil, search, func(worker.Event) {}); err == nil || !strings.Contains(err.Error(), `unknown operation "search" on the kernel "fma"`) {
		t.Errorf("a search of fma: %v", err)
	}
}

// A device that computes one element wrong, early or late, gives no samples from then on.
func TestRealPeaksThatAreWrong(t *testing.T) {
	p := backend.Problem{M: 40, N: 50, K: 64}
	for _, tt := range []struct {
		batch int // from which on element 77 is wrong
		text  string
	}{{1, "exact input: C[1,27] is "}, {4, "batch 4: C[1,27] is "}, {9, "C[1,27] is "}} {
		b := &corrupting{Backend: cpu.New(), from: tt.batch, element: 77}
		var got events
		err := Handle(context.Background(), b, nil, worker.Request{Op: worker.OpLaunch, Device: "cpu:1", Kernel: backend.KernelFMA, Problem: p, Seed: 1, Rules: realRules},
			func(e worker.Event) { got = append(got, e) })
		if b.batches == 0 {
			t.Skip(err)
		}
		if kindOf(err) != backend.WrongResult || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("from batch %d: %v, want %s", tt.batch, err, tt.text)
		}
		if v := got.last(worker.EventVerified).Verification; v.Failed != 1 || v.Batches != tt.batch {
			t.Errorf("from batch %d: %+v", tt.batch, v)
		}
	}
}

// corrupting is a real backend in whose C one element of the last dispatch is off by a
// little, from some batch on.
type corrupting struct {
	backend.Backend
	from, element int
	batches       int
}

func (c *corrupting) Open(id string) (backend.Device, error) {
	d, err := c.Backend.Open(id)
	if err != nil {
		return nil, err
	}
	return corruptingDevice{d, c}, nil
}

type corruptingDevice struct {
	backend.Device
	c *corrupting
}

func (d corruptingDevice) Build(kernel string, p backend.Problem, s backend.Specialization) (backend.Program, error) {
	program, err := d.Device.Build(kernel, p, s)
	if err != nil {
		return nil, err
	}
	return &corruptingProgram{Program: program, c: d.c, problem: p}, nil
}

type corruptingProgram struct {
	backend.Program
	c       *corrupting
	problem backend.Problem
	last    backend.Batch
}

func (p *corruptingProgram) Run(b backend.Batch) (backend.Timing, error) {
	p.last = b
	p.c.batches++
	return p.Program.Run(b)
}

func (p *corruptingProgram) Read(region []float32, at int) error {
	err := p.Program.Read(region, at)
	if i := p.problem.Place(p.last, p.last.Dispatches-1) + p.c.element - at; p.c.batches >= p.c.from && i >= 0 && i < len(region) {
		region[i] += 0.001
	}
	return err
}
