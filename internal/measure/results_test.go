package measure

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"testing"

	"gpubench/internal/analysis"
	"gpubench/internal/result"
	"gpubench/internal/worker"
)

// After each launch there is a whole result of what is known by then, drawn by the
// same rules as the last one, and nobody changes it afterwards.
func TestCheckpoints(t *testing.T) {
	killed := worker.Outcome{Code: worker.CodeSignal, Signal: "SIGSEGV", Reason: "killed"}
	c := &children{scripts: map[string]*script{
		"cpu":      {},
		"vulkan:0": {batches: func(n int) []float64 { return []float64{5e-4, 5e-4 + 1e-5*float64(n), 5e-4, 6e-4, 5e-4, 5e-4, 5e-4} }},
		"blas":     {outcome: map[string]worker.Outcome{"launch/1": killed}},
	}}
	p := plan("cpu", "vulkan:0", "blas")
	p.Launches = 4
	var seen []Results
	var texts []string
	launched := 0
	progress := func(now Progress) {
		if now.Phase == PhaseStart {
			if launched++; launched != len(seen)+1 {
				t.Errorf("launch %d begins after %d checkpoints", launched, len(seen))
			}
		}
	}
	ms, ratios, warns, err := Run(context.Background(), c, p, progress, func(r Results) {
		seen = append(seen, r)
		text, _ := json.Marshal(r)
		texts = append(texts, string(text))

		launches := 0
		for _, m := range r.Measurements {
			launches += len(m.Launches)
			good := 0
			for _, l := range m.Launches {
				if l.Status == result.StatusOK {
					good++
				}
			}
			switch most := 2*good > len(m.Launches); {
			case most != (m.Status == result.StatusOK) || most && (m.Summary == nil || m.Summary.Launches != good):
				t.Errorf("checkpoint %d: %s has %d good launches of %d: status %s, summary %+v", len(seen), m.Device, good, len(m.Launches), m.Status, m.Summary)
			case good == 0 && len(m.Launches) == 0 && (m.Status != result.StatusSkipped || m.Code != CodeInterrupted || m.Reason == ""):
				t.Errorf("checkpoint %d: %s has no launch: %s %s (%s)", len(seen), m.Device, m.Status, m.Code, m.Reason)
			}
		}
		if launches != len(seen) {
			t.Errorf("checkpoint %d holds %d launches", len(seen), launches)
		}
		want, _ := analysis.Ratios(r.Measurements, func(i int) bool { return i == 0 })
		if !reflect.DeepEqual(r.Ratios, want) {
			t.Errorf("checkpoint %d: ratios %+v, want %+v", len(seen), r.Ratios, want)
		}
	})
	if err != nil || len(seen) != 12 {
		t.Fatalf("%d checkpoints of 12 launches, error %v", len(seen), err)
	}
	if last := (Results{ms, ratios, warns}); !reflect.DeepEqual(seen[11], last) || len(ratios) != 2 {
		t.Errorf("the last checkpoint is\n%+v\nand the result\n%+v", seen[11], last)
	}
	for i, r := range seen {
		if text, _ := json.Marshal(r); string(text) != texts[i] {
			t.Errorf("checkpoint %d has changed since", i+1)
		}
	}
}

func TestNoCheckpointAfterAnInterruption(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	n := 0
	c := one(&script{during: func(op string, n int) {
		if fmt.Sprintf("%s/%d", op, n) == "launch/1" {
			cancel()
		}
	}})
	Run(ctx, c, plan("cpu"), nil, func(Results) { n++ })
	if n != 1 {
		t.Errorf("%d checkpoints, want that of the finished launch", n)
	}
}

// A library that is far slower than the kernel, and one whose code is below the processor,
// say so at their rows.
func TestLameReferences(t *testing.T) {
	c := &children{scripts: map[string]*script{
		"cpu":  {},
		"blas": {kernel: "none", batches: func(int) []float64 { return []float64{3e-3, 3e-3, 3e-3, 3e-3, 3e-3, 3e-3, 3e-3, 3e-3} }},
	}}
	p := plan("cpu", "blas")
	p.Arms[1].Device.ProcessorISA, p.Arms[1].Device.Library = "avx512", &result.Library{Name: "OpenBLAS", Version: "0.3.21", Core: "Haswell", ISA: "avx2"}
	ms, _, _, err := Run(context.Background(), c, p, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, w := range ms[1].Warnings {
		got[w.Code] = true
	}
	if !got["reference-slow"] || !got["reference-below-processor"] {
		t.Errorf("%s: %+v", ms[1].Status, ms[1].Warnings)
	}
}
