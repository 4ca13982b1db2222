package main

import (
	"bytes"
	"context"
	"reflect"
	"strings"
	"testing"
	"time"

	"gpubench/internal/analysis"
	"gpubench/internal/backend"
	"gpubench/internal/result"
	"gpubench/internal/worker"
)

// machine is a Runner whose children show these devices and no others. Devices with
// a colon are shown only when asked for.
type machine map[string]result.Device

func (m machine) Run(_ context.Context, req worker.Request, _ time.Duration, on func(worker.Event)) worker.Outcome {
	if d, ok := m[req.Device]; ok && d.Backend == req.Backend {
		on(worker.Event{Event: worker.EventDevice, Device: &d})
		return worker.Outcome{Status: result.StatusOK}
	}
	if req.Device != "" {
		return worker.Outcome{Status: result.StatusFailed, Code: "no-device", Reason: "there is no device " + req.Device}
	}
	found := false
	for _, id := range []string{"cpu", "blas", "vulkan:0", "vulkan:1"} {
		if d, ok := m[id]; ok && d.Backend == req.Backend {
			on(worker.Event{Event: worker.EventDevice, Device: &d})
			found = true
		}
	}
	if !found {
		on(worker.Event{Event: worker.EventAbsent, Absent: &result.Absent{Backend: req.Backend, Reason: "not here", Remedy: "install it"}})
		return worker.Outcome{Status: result.StatusFailed, Code: "absent"}
	}
	return worker.Outcome{Status: result.StatusOK}
}

// cpuAt is the cpu device with this id.
func cpuAt(id, isa string, threads int) result.Device {
	return result.Device{ID: id, Backend: "cpu", Class: result.ClassCPU, ISA: isa, Threads: threads}
}

func TestFind(t *testing.T) {
	gpu := result.Device{ID: "vulkan:0", Backend: "vulkan", Class: result.ClassDiscrete, Name: "A GPU"}
	llvmpipe := result.Device{ID: "vulkan:1", Backend: "vulkan", Class: result.ClassCPU, Name: "llvmpipe (LLVM 15.0.6, 256 bits)", Software: true}
	openBLAS := result.Device{ID: "blas", Backend: "blas", Class: result.ClassCPU, Name: "OpenBLAS 0.3.21", Threads: 4}
	many := []result.Device{cpuAt("cpu", "avx512", 4), cpuAt("cpu:1", "avx512", 1), cpuAt("cpu:avx2", "avx2", 4), cpuAt("cpu:sse2", "sse2", 4), openBLAS, gpu, llvmpipe}
	for _, test := range []struct {
		name    string
		devices []result.Device
		arms    string
		notes   string // what they must contain
		err     string
	}{
		{name: "everything", devices: many, arms: "cpu=cpu blas=blas lavapipe=vulkan:1 cpu:1=cpu:1 cpu:avx2=cpu:avx2 cpu:sse2=cpu:sse2", notes: "lavapipe is measured up to 1024 only"},
		{name: "one core with AVX2", devices: []result.Device{cpuAt("cpu", "avx2", 1), cpuAt("cpu:1", "avx2", 1), cpuAt("cpu:avx2", "avx2", 1), cpuAt("cpu:sse2", "sse2", 1)},
			arms: "cpu=cpu cpu:sse2=cpu:sse2", notes: "not measured: blas: not here; install it"},
		{name: "Arm", devices: []result.Device{cpuAt("cpu", "neon", 2), cpuAt("cpu:1", "neon", 1), gpu}, arms: "cpu=cpu cpu:1=cpu:1", notes: "not measured: lavapipe"},
		{name: "no CPU", devices: []result.Device{gpu, openBLAS}, err: "there is no cpu backend: not measured: cpu: not here; install it"},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := machine{}
			for _, d := range test.devices {
				m[d.ID] = d
			}
			doc := &result.Document{}
			arms, notes, err := find(context.Background(), m, doc)
			if test.err != "" {
				if err == nil || err.Error() != test.err {
					t.Fatalf("error %v, want %s", err, test.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for i, a := range arms {
				got = append(got, a.name+"="+a.device.ID)
				if !reflect.DeepEqual(doc.Devices[i], a.device) {
					t.Errorf("the document has %+v", doc.Devices[i])
				}
				if (a.most == lavapipeMost) != (a.name == "lavapipe") {
					t.Errorf("%s is measured up to %d", a.name, a.most)
				}
			}
			if strings.Join(got, " ") != test.arms || !strings.Contains(strings.Join(notes, "\n"), test.notes) {
				t.Errorf("arms %s, want %s; notes %q", strings.Join(got, " "), test.arms, notes)
			}
		})
	}
}

// steady is a measurement of three launches of four samples of this rate.
func steady(id string, p backend.Problem, flops float64) result.Measurement {
	m := result.Measurement{ID: id, Status: result.StatusOK, Problem: result.Problem{M: p.M, N: p.N, K: p.K, FLOP: p.FLOP()}}
	for range 3 {
		l := result.Launch{Status: result.StatusOK}
		for range 4 {
			l.Samples = append(l.Samples, result.Sample{HostS: 10 * float64(p.FLOP()) / flops, Dispatches: 10})
		}
		m.Launches = append(m.Launches, l)
	}
	analysis.Conclude(&m)
	return m
}

// Ratios are of speeds: what is over the other is named first.
func TestPrintSize(t *testing.T) {
	p := backend.Problem{M: 512, N: 512, K: 512}
	arms := []arm{{name: "cpu"}, {name: "blas"}, {name: "lavapipe"}, {name: "cpu:avx2", under: true}, {name: "cpu:sse2", under: true}}
	ms := []result.Measurement{steady("m0", p, 150e9), steady("m1", p, 200e9), steady("m2", p, 2e9), steady("m3", p, 75e9),
		{ID: "m4", Status: result.StatusFailed, Reason: "the process was killed by SIGILL"}}
	var b bytes.Buffer
	ratios := printSize(&b, p, arms, ms)
	const want = `512x512x512      cpu          150.0
                 blas         200.0   cpu over blas        0.750  0.750 to 0.750
                 lavapipe       2.0   cpu over lavapipe     75.0  75.0 to 75.0
                 cpu:avx2      75.0   cpu:avx2 over cpu    0.500  0.500 to 0.500
                 cpu:sse2  failed: the process was killed by SIGILL
`
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
	var pairs []string
	for _, r := range ratios {
		pairs = append(pairs, r.Fast+"/"+r.Slow)
	}
	if got := strings.Join(pairs, " "); got != "m0/m1 m0/m2 m3/m0" {
		t.Errorf("ratios %s", got)
	}
}
