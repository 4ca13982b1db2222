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

// Devices with one UUID are one card, whichever driver or interface lists them; zeros are no
// UUID, a library is no device of its own, and what a container sees is its own list.
func TestOneCard(t *testing.T) {
	radv := result.Device{ID: "vulkan:0", Backend: "vulkan", Class: result.ClassDiscrete, Name: "AMD Radeon (RADV NAVI31)", UUID: "01", Driver: result.Driver{Name: "radv", Info: "Mesa 26"}}
	amdvlk := result.Device{ID: "vulkan:1", Backend: "vulkan", Class: result.ClassDiscrete, Name: "AMD Radeon", UUID: "01", Driver: result.Driver{Name: "AMD open-source driver", Info: "2025.Q2"}}
	other, zero, none := radv, radv, radv
	other.ID, other.UUID = "vulkan:2", "02"
	zero.UUID = "00000000000000000000000000000000"
	none.UUID = ""
	inside := func(d result.Device) result.Device {
		d.ID = "podman/" + d.ID
		return d
	}
	second := func(d result.Device) result.Device {
		d.ID = "vulkan:7"
		return d
	}
	for _, tt := range []struct {
		name    string
		devices []result.Device
		groups  string
		warned  []string
	}{
		{"two drivers", []result.Device{radv, other, amdvlk}, "vulkan:0 vulkan:1", []string{
			"vulkan:0 (AMD Radeon (RADV NAVI31), driver radv Mesa 26) and vulkan:1 (AMD Radeon, driver AMD open-source driver 2025.Q2) have the UUID 01 and so are one card that is listed 2 times"}},
		{"two cards", []result.Device{radv, other}, "", nil},
		{"zeros", []result.Device{zero, second(zero)}, "", nil},
		{"no UUID", []result.Device{none, second(none)}, "", nil},
		{"through CUDA", []result.Device{testdoc.CPU, throughVulkan, otherCUDA, throughCUDA, cublas, cublasTF32}, "vulkan:0 cuda:1", nil},
		{"in two ways and twice", []result.Device{throughVulkan, second(throughVulkan), throughCUDA}, "vulkan:0 vulkan:7 cuda:1", []string{"vulkan:0 (NVIDIA H100, driver unknown) and vulkan:7"}},
		{"in a container", []result.Device{radv, inside(radv)}, "", nil},
		{"twice in a container", []result.Device{radv, inside(radv), inside(amdvlk)}, "podman/vulkan:0 podman/vulkan:1", []string{"podman/vulkan:0 (AMD"}},
	} {
		var groups []string
		for _, g := range analysis.OneCard(tt.devices) {
			var ids []string
			for _, d := range g {
				ids = append(ids, d.ID)
			}
			groups = append(groups, strings.Join(ids, " "))
		}
		if got := strings.Join(groups, ", "); got != tt.groups {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.groups)
		}
		warnings := analysis.Doubles(tt.devices)
		if len(warnings) != len(tt.warned) {
			t.Errorf("%s: %+v", tt.name, warnings)
			continue
		}
		for i, w := range warnings {
			if w.Code != "same-card" || !strings.Contains(w.Text, tt.warned[i]) {
				t.Errorf("%s: %+v, want %q in it", tt.name, w, tt.warned[i])
			}
		}
	}
	if analysis.SameCard(zero, result.Device{Backend: "cuda", UUID: zero.UUID}) {
		t.Error("zeros are no UUID")
	}
}
