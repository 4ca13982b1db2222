package analysis_test

import (
	"slices"
	"strings"
	"testing"

	"gpubench/internal/analysis"
	"gpubench/internal/result"
	"gpubench/internal/testdoc"
)

// openBLAS is the library with its code for a core.
func openBLAS(core, isa string, steering map[string]string) result.Device {
	d := testdoc.BLAS
	d.Name = "OpenBLAS 0.3.21 (" + core + ")"
	d.ProcessorISA, d.Steering, d.Library = "avx512", steering, &result.Library{Name: "OpenBLAS", Version: "0.3.21", Core: core, ISA: isa}
	return d
}

var forced = map[string]string{"OPENBLAS_CORETYPE": "Haswell"}

// lowered is the cpu device with this id and instruction set on a processor with AVX-512.
func lowered(id, isa string) result.Device {
	d := testdoc.CPU
	d.ID, d.ISA, d.ProcessorISA, d.Steering = id, isa, "avx512", map[string]string{"GPUBENCH_CPU_ISA": isa}
	return d
}

func TestWarningsOfTheProcessor(t *testing.T) {
	fixed := openBLAS("HASWELL", "avx2", nil)
	fixed.Library.Fixed = true
	refused := openBLAS("Haswell", "avx2", nil)
	refused.Library.Refused = []string{"SkylakeX: the process was killed by SIGILL"}
	raised := openBLAS("SkylakeX", "avx512", nil)
	raised.Library.Raised = "Prescott"
	halfway := openBLAS("Haswell", "avx2", nil)
	halfway.Library.Raised = "Prescott"
	blis := openBLAS("generic", "generic", nil)
	blis.Library.Name, blis.Library.Version = "BLIS", "0.9.0"
	accelerate := openBLAS("", "", nil)
	accelerate.Library.Name = "Accelerate"
	arm := openBLAS("armv8", "generic", nil)
	arm.ProcessorISA = "neon"
	wide := openBLAS("neoversen1", "neon", nil)
	wide.ProcessorISA = "sve"
	narrow := openBLAS("neoversev2", "sve", nil)
	narrow.ProcessorISA = "neon"
	for _, tt := range []struct {
		name   string
		device result.Device
		codes  string
		text   []string // parts of the first
	}{
		{"the right core", openBLAS("Cooperlake", "avx512", nil), "", nil},
		{"a core by the environment", openBLAS("Haswell", "avx2", forced), "reference-below-processor", []string{"OpenBLAS 0.3.21 runs its code for Haswell (avx2) although the processor has avx512", "OPENBLAS_CORETYPE=Haswell", "unset it", "ratios to it are too high"}},
		{"the environment, and the right core", openBLAS("SkylakeX", "avx512", map[string]string{"OPENBLAS_CORETYPE": "SkylakeX"}), "", nil},
		{"a library that is too old", openBLAS("Prescott", "sse2", nil), "reference-below-processor", []string{"Prescott (sse2)", "install a newer one"}},
		{"a library that cannot choose", fixed, "reference-below-processor", []string{"DYNAMIC_ARCH"}},
		{"a better core that crashed", refused, "reference-below-processor", []string{"SkylakeX: the process was killed by SIGILL"}},
		{"a core that was raised", raised, "reference-raised", []string{"left alone OpenBLAS 0.3.21 runs its code for Prescott", "SkylakeX"}},
		{"raised, and still below", halfway, "reference-below-processor reference-raised", nil},
		{"code for no processor", blis, "reference-below-processor", []string{"BLIS 0.9.0 runs code for no processor in particular (generic) although"}},
		{"a core that is not known", openBLAS("Abacus", "", nil), "reference-core-unknown", []string{`"Abacus"`, "is not known"}},
		{"a library that has no cores", accelerate, "", nil},
		{"code for all of Arm's processors", arm, "reference-below-processor", []string{"no processor in particular (armv8) although the processor has neon"}},
		{"narrow code for wide vectors", wide, "reference-below-processor", []string{"neoversen1 (neon) although the processor has sve"}},
		{"SVE in vectors as wide as NEON's", narrow, "", nil},
		{"the kernel, by the environment", lowered("cpu", "avx2"), "cpu-below-processor", []string{"cpu runs avx2 code although the processor has avx512", "GPUBENCH_CPU_ISA=avx2", "unset it"}},
		{"one core of it", lowered("cpu:1", "sse2"), "cpu-below-processor", []string{"cpu:1 runs sse2 code"}},
		{"the kernel in a container", lowered("docker/cpu", "avx2"), "cpu-below-processor", []string{"docker/cpu runs avx2 code"}},
		{"the kernel, by its name", lowered("cpu:avx2", "avx2"), "", nil},
		{"a document from before", testdoc.BLAS, "", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := testdoc.New(tt.device)
			m := testdoc.Add(d, tt.device.ID, 512, 100e9, 0.001)
			testdoc.Finish(d)
			var codes []string
			warnings := analysis.Warnings(m, tt.device)
			for _, w := range warnings {
				codes = append(codes, w.Code)
			}
			if got := strings.Join(codes, " "); got != tt.codes {
				t.Fatalf("%+v, want %q", warnings, tt.codes)
			}
			for _, part := range tt.text {
				if !strings.Contains(warnings[0].Text, part) {
					t.Errorf("%q lacks %q", warnings[0].Text, part)
				}
			}
		})
	}
}

// A library that is much slower than the kernel is no measure of the processor, whatever
// it calls its core.
func TestSlowReference(t *testing.T) {
	for _, tt := range []struct {
		name   string
		device result.Device
		kernel result.Device
		share  float64 // of the library's rate in the kernel's
		warned bool
	}{
		{"half as fast", openBLAS("Abacus", "", nil), testdoc.CPU, 0.5, true},
		{"half as fast with a good name", openBLAS("SkylakeX", "avx512", nil), testdoc.CPU, 0.5, true},
		{"a document from before", testdoc.BLAS, testdoc.CPU, 0.5, true},
		{"nearly as fast", testdoc.BLAS, testdoc.CPU, 0.7, false},
		{"faster", testdoc.BLAS, testdoc.CPU, 1.2, false},
		{"more threads", testdoc.BLAS, testdoc.OneCore, 0.5, false},
		{"on an interval that does not decide", testdoc.BLAS, testdoc.CPU, 0.599, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := testdoc.New(tt.kernel, tt.device)
			testdoc.Add(d, tt.kernel.ID, 512, 200e9, 0.01)
			testdoc.Add(d, "blas", 512, 200e9*tt.share, 0.01)
			testdoc.Finish(d)
			analysis.WarnOfSlow(d.Measurements, d.Devices)
			w := d.Measurements[1].Warnings
			if (len(w) == 1 && w[0].Code == "reference-slow") != tt.warned || len(d.Measurements[0].Warnings) > 0 {
				t.Errorf("%+v", w)
			}
			if tt.warned && !strings.Contains(w[0].Text, "reaches 50 % of the rate of cpu") {
				t.Errorf("%q", w[0].Text)
			}
		})
	}
	elsewhere := testdoc.New(testdoc.CPU, testdoc.BLAS)
	testdoc.Add(elsewhere, "cpu", 512, 200e9, 0.01)
	testdoc.Add(elsewhere, "blas", 512, 50e9, 0.01).Runtime = "podman"
	testdoc.Finish(elsewhere)
	if slow := analysis.Slow(elsewhere.Measurements, elsewhere.Devices); len(slow) != 0 {
		t.Errorf("against the kernel of another runtime: %v", slow)
	}
}

// A ratio to a baseline that is below the processor is too high: it supports no claim, and
// refutes only one that says more. Likewise for an arm that is below.
func TestJudgeBelowTheProcessor(t *testing.T) {
	on := func(at int, dev result.Device, times float64) *result.Document {
		d := onMac(times)
		d.Devices[at] = dev
		testdoc.Open(d)
		return d
	}
	haswell := openBLAS("Haswell", "avx2", forced)
	for _, tt := range []struct {
		name, want string
		doc        *result.Document
		of         int // the baseline with a caveat, -1 for none
		text       string
	}{
		{"blas would support it", "cpu refuted, cpu:1 refuted, blas inconclusive", on(2, haswell, 7), 2, "doc0.json: the baseline blas in podman is no measure of the processor: OpenBLAS 0.3.21 runs its code for Haswell (avx2)"},
		{"too little even so", "cpu supported, cpu:1 refuted, blas refuted", on(2, haswell, 3.5), 2, "can neither support"},
		{"more than it says", "cpu refuted, cpu:1 refuted, blas inconclusive", on(2, haswell, 20), 2, "too high"},
		{"the kernel's, by the environment", "cpu inconclusive, cpu:1 refuted, blas refuted", on(0, lowered("cpu", "avx2"), 3.5), 0, "cpu runs avx2 code although the processor has avx512"},
		{"a good one", "cpu refuted, cpu:1 refuted, blas supported", on(2, openBLAS("SkylakeX", "avx512", nil), 7), -1, ""},
		{"an unknown one", "cpu refuted, cpu:1 refuted, blas supported", on(2, openBLAS("Abacus", "", nil), 7), -1, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			j := judge(t, podmanVulkan(t), tt.doc)[0]
			if got := verdicts(j); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
			for i, v := range j.Verdicts {
				if (len(v.Caveats) > 0) != (i == tt.of) {
					t.Errorf("against %s: caveats %q", v.Baseline, v.Caveats)
				}
			}
			if tt.of >= 0 && !strings.Contains(strings.Join(j.Verdicts[tt.of].Caveats, "\n"), tt.text) {
				t.Errorf("%q lacks %q", j.Verdicts[tt.of].Caveats, tt.text)
			}
		})
	}

	// A library of half the kernel's rate is none either, by whatever name.
	d := testdoc.New(testdoc.CPU, testdoc.BLAS, testdoc.Venus)
	d.Host.Runtime.Name = "podman"
	for device, rate := range map[string]float64{"cpu": 100e9, "blas": 50e9, "vulkan:0": 175e9} {
		testdoc.Add(d, device, 512, rate, 0.001)
	}
	j := judge(t, podmanVulkan(t), testdoc.Finish(d, "cpu"))[0]
	if v := j.Verdicts[2]; v.Verdict != analysis.Inconclusive || len(v.Caveats) != 1 || !strings.Contains(v.Caveats[0], "reaches 50 % of the rate of cpu") {
		t.Errorf("%+v", v)
	}
}

// The arm that is the library itself is too slow, not too fast.
func TestJudgeALameArm(t *testing.T) {
	for _, tt := range []struct {
		low, high float64
		want      analysis.ClaimVerdict
	}{{1.5, 2.5, analysis.Inconclusive}, {3, 4, analysis.Inconclusive}, {1, 1.5, analysis.Refuted}} {
		claim := analysis.Claim{ID: "library", Text: "the library is faster", Low: tt.low, High: tt.high, Arm: analysis.Selector{Backends: []string{"blas"}, CPU: true}, Baselines: []string{"cpu"}}
		d := testdoc.New(testdoc.CPU, openBLAS("Haswell", "avx2", forced))
		testdoc.Add(d, "cpu", 512, 100e9, 0.001)
		testdoc.Add(d, "blas", 512, 200e9, 0.001)
		v := judge(t, []analysis.Claim{claim}, testdoc.Finish(d, "cpu"))[0].Verdicts[0]
		if v.Verdict != tt.want || len(v.Caveats) != 1 || !strings.Contains(v.Caveats[0], "the arm blas in native") {
			t.Errorf("%g to %g: %+v", tt.low, tt.high, v)
		}
	}
}

func TestCompareTellsTheCode(t *testing.T) {
	with := func(cpu, blas result.Device) *result.Document {
		d := testdoc.New(cpu, blas)
		testdoc.Add(d, "cpu", 1024, 100e9, 0.001)
		testdoc.Add(d, "blas", 1024, 100e9, 0.001)
		return testdoc.Finish(d)
	}
	good, haswell := openBLAS("SkylakeX", "avx512", nil), openBLAS("Haswell", "avx2", forced)
	for _, tt := range []struct {
		name      string
		base, new *result.Document
		notes     []string // the beginnings of those about code, in order
	}{
		{"both good", with(testdoc.CPU, good), with(testdoc.CPU, good), nil},
		{"documents from before", with(testdoc.CPU, testdoc.BLAS), with(testdoc.CPU, testdoc.BLAS), nil},
		{"the new one is lame", with(testdoc.CPU, good), with(testdoc.CPU, haswell), []string{
			"blas did not run the same code: the library's for SkylakeX, avx512 in old.json, the library's for Haswell, avx2 in new.json", "in new.json blas is no measure of the processor: OpenBLAS 0.3.21 runs its code for Haswell"}},
		{"the base is lame", with(testdoc.CPU, haswell), with(testdoc.CPU, good), []string{"blas did not run the same code", "in old.json blas is no measure of the processor"}},
		{"both lame", with(testdoc.CPU, haswell), with(testdoc.CPU, haswell), []string{"in both blas is no measure of the processor"}},
		{"the kernel by the environment", with(testdoc.CPU, good), with(lowered("cpu", "avx2"), good), []string{"cpu did not run the same code: avx512 in old.json, avx2 in new.json", "in new.json cpu is no measure of the processor"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			notes := slices.DeleteFunc(compare(t, tt.base, tt.new).Notes, func(n string) bool { return !strings.Contains(n, "code") })
			if len(notes) != len(tt.notes) {
				t.Fatalf("%q, want %q", notes, tt.notes)
			}
			for i, want := range tt.notes {
				if !strings.HasPrefix(notes[i], want) {
					t.Errorf("%q, want %q", notes[i], want)
				}
			}
		})
	}
}
