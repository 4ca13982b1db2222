package analysis_test

import (
	"math"
	"strings"
	"testing"

	"gpubench/internal/analysis"
	"gpubench/internal/result"
	"gpubench/internal/testdoc"
)

var (
	throughVulkan = result.Device{ID: "vulkan:0", Backend: "vulkan", Class: result.ClassDiscrete, Name: "NVIDIA H100", UUID: "00112233445566778899aabbccddeeff"}
	throughCUDA   = result.Device{ID: "cuda:1", Backend: "cuda", Class: result.ClassDiscrete, Name: "NVIDIA H100", UUID: "00112233445566778899aabbccddeeff"}
	otherCUDA     = result.Device{ID: "cuda:0", Backend: "cuda", Class: result.ClassDiscrete, Name: "NVIDIA H100", UUID: "ffeeddccbbaa99887766554433221100"}
	cublas        = result.Device{ID: "cublas:1", Backend: "cublas", Class: result.ClassDiscrete, Name: "cuBLAS", UUID: "00112233445566778899aabbccddeeff"}
	cublasTF32    = result.Device{ID: "cublas:1:tf32", Backend: "cublas", Class: result.ClassDiscrete, Name: "cuBLAS", UUID: "00112233445566778899aabbccddeeff"}
)

// card is a run on a card in all ways, with another one beside it.
func card(baseline string) *result.Document {
	d := testdoc.New(testdoc.CPU, throughVulkan, otherCUDA, throughCUDA, cublas, cublasTF32)
	for i, dev := range d.Devices {
		testdoc.Add(d, dev.ID, 1024, 1e12+float64(i)*1e11, 0.01)
	}
	testdoc.Add(d, "vulkan:0", 2048, 1e12, 0.01)
	testdoc.Add(d, "cuda:1", 2048, 1.25e12, 0.01)
	return testdoc.Finish(d, baseline)
}

// A card that is there in two ways is compared with itself, at each size, once.
func TestCardRatios(t *testing.T) {
	count := func(d *result.Document) (n int) {
		for _, r := range d.Ratios {
			fast, slow := d.Measurements[r.Fast[1]-'0'], d.Measurements[r.Slow[1]-'0']
			if fast.Device == "cuda:1" && slow.Device == "vulkan:0" {
				n++
			}
			if fast.Kernel.Format != slow.Kernel.Format {
				t.Errorf("%s and %s are compared", fast.Device, slow.Device)
			}
		}
		return n
	}
	d := card("cpu")
	if n := count(d); n != 2 {
		t.Errorf("%d ratios of the card to itself, want 2: %+v", n, d.Ratios)
	}
	for _, r := range d.Ratios {
		if fast, slow := d.Measurements[r.Fast[1]-'0'], d.Measurements[r.Slow[1]-'0']; fast.Device == "cuda:0" && slow.Device != "cpu" {
			t.Errorf("%s and %s are compared, which are two cards", fast.Device, slow.Device)
		}
	}
	last := d.Ratios[len(d.Ratios)-1]
	if math.Abs(last.Value-1.25) > 0.01 || last.CI95 == nil {
		t.Errorf("%+v, want 1.25", last)
	}
	if err := analysis.Check(d); err != nil {
		t.Error(err)
	}
	d.Ratios[len(d.Ratios)-1].Value *= 1.1
	if err := analysis.Check(d); err == nil {
		t.Error("an altered ratio passes")
	}
	if n := count(card("vulkan:0")); n != 2 { // which are ratios to the baseline
		t.Errorf("%d ratios with the baseline vulkan:0, want 2", n)
	}
	if n := count(card("cuda:1")); n != 0 { // they are the other way round
		t.Errorf("%d ratios with the baseline cuda:1, want none", n)
	}
}

// cuBLAS in float32 is bounded by the multiply-adds of its card, and by no other's; in
// TF32 by nothing that is measured.
func TestCardPeaks(t *testing.T) {
	d := card("cpu")
	checkPeaks(t, d, "cuda:0", "cuda:1", "cublas:1 cuda:1")
}

// The float32 product of Metal Performance Shaders is bounded likewise.
func TestMetalPeaks(t *testing.T) {
	d := testdoc.New(testdoc.CPU)
	for _, id := range []string{"metal:0", "metal:1", "mps:0", "mps:1", "mps:0:f16", "mps:1:f16"} {
		name, _, _ := strings.Cut(id, ":")
		d.Devices = append(d.Devices, result.Device{ID: id, Backend: name, Class: result.ClassIntegrated, Name: "Apple M4 Pro"})
		testdoc.Add(d, id, 512, 1e12, 0.01)
	}
	checkPeaks(t, d, "metal:0", "metal:1", "mps:0 metal:0", "mps:1 metal:1")
}

// checkPeaks adds a peak for each device that is named alone, and checks that those, and of
// pairs the first by the peak of the second, are bounded and nothing else is.
func checkPeaks(t *testing.T, d *result.Document, bounded ...string) {
	t.Helper()
	from := map[string]string{}
	for _, b := range bounded {
		if id, by, pair := strings.Cut(b, " "); pair {
			from[id] = from[by]
		} else {
			p := testdoc.Add(d, id, 512, 2e12, 0.01)
			p.Role, p.Kernel.Name = result.RolePeak, "fma"
			from[id] = p.ID
		}
	}
	testdoc.Finish(d, "cpu")
	for _, m := range d.Measurements {
		want := from[m.Device]
		if m.Role == result.RolePeak {
			want = ""
		}
		got := ""
		if m.Peak != nil {
			got = m.Peak.From
		}
		if got != want {
			t.Errorf("%s is bounded by %q, want %q", m.Device, got, want)
		}
	}
}
