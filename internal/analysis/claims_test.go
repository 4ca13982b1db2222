package analysis_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"gpubench/internal/analysis"
	"gpubench/internal/result"
	"gpubench/internal/testdoc"
)

// onMac is a run in Podman on a Mac: the CPU at 100 GFLOP/s, one core at 50, BLAS at
// 200, and a GPU that is so many times faster than the CPU at each size.
func onMac(times ...float64) *result.Document {
	d := testdoc.New(testdoc.CPU, testdoc.OneCore, testdoc.BLAS, testdoc.Venus)
	d.Host.Runtime.Name = "podman"
	for i, x := range times {
		size := 512 << i
		testdoc.Add(d, "cpu", size, 100e9, 0.001)
		testdoc.Add(d, "cpu:1", size, 50e9, 0.001)
		testdoc.Add(d, "blas", size, 200e9, 0.001)
		testdoc.Add(d, "vulkan:0", size, 100e9*x, 0.001)
	}
	return testdoc.Finish(d, "cpu")
}

func judge(t *testing.T, claims []analysis.Claim, docs ...*result.Document) []analysis.Judgement {
	t.Helper()
	var sources []analysis.Source
	for i, d := range docs {
		sources = append(sources, analysis.Source{Name: fmt.Sprintf("doc%d.json", i), Document: d})
	}
	j, err := analysis.Judge(sources, claims)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// verdicts writes the verdicts of a judgement in the order of the baselines.
func verdicts(j analysis.Judgement) string {
	var out []string
	for _, v := range j.Verdicts {
		out = append(out, v.Baseline+" "+string(v.Verdict))
	}
	return strings.Join(out, ", ")
}

// podmanVulkan is the claim of 3 to 4 times the CPU.
func podmanVulkan(t *testing.T) []analysis.Claim {
	t.Helper()
	for _, c := range analysis.PublishedClaims() {
		if c.ID == "podman-vulkan" {
			return []analysis.Claim{c}
		}
	}
	t.Fatal("there is no claim podman-vulkan")
	return nil
}

func TestPublishedClaims(t *testing.T) {
	want := map[string][2]float64{"podman-vulkan": {3, 4}, "macos-mps": {4, 6}, "cloud-cuda": {10, 100}}
	claims := analysis.PublishedClaims()
	if len(claims) != len(want) {
		t.Errorf("%d claims, want %d", len(claims), len(want))
	}
	for _, c := range claims {
		if want[c.ID] != [2]float64{c.Low, c.High} || c.Source == "" || strings.Join(c.Baselines, " ") != "cpu cpu:1 blas" {
			t.Errorf("claim %+v", c)
		}
	}
}

func TestJudge(t *testing.T) {
	for _, tt := range []struct {
		name  string
		doc   *result.Document
		want  string
		share []float64 // of the first ratio against each baseline; -1 for something between
	}{
		// 3.5 times the CPU is 7 times one core and 1.75 times BLAS.
		{"inside", onMac(3.5), "cpu supported, cpu:1 refuted, blas refuted", []float64{1, 0, 0}},
		{"outside", onMac(10), "cpu refuted, cpu:1 refuted, blas refuted", []float64{0, 0, 0}},
		{"inside of another baseline", onMac(7), "cpu refuted, cpu:1 refuted, blas supported", []float64{0, 0, 1}},
		{"across an end", onMac(4), "cpu inconclusive, cpu:1 refuted, blas refuted", []float64{-1, 0, 0}},
		{"inside at one size and outside at another", onMac(3.5, 5), "cpu partly, cpu:1 refuted, blas refuted", []float64{1, 0, 0}},
		{"inside at one size, across an end at another", onMac(3.5, 4), "cpu inconclusive, cpu:1 refuted, blas refuted", []float64{1, 0, 0}},
		{"below at one size and above at another", onMac(2.5, 4.5), "cpu refuted, cpu:1 refuted, blas refuted", []float64{0, 0, 0}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			j := judge(t, podmanVulkan(t), tt.doc)[0]
			if got := verdicts(j); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
			for i, v := range j.Verdicts {
				q := v.Ratios[0]
				if len(v.Missing) > 0 || q.CI95 == nil || !(q.CI95[0] <= q.Value && q.Value <= q.CI95[1]) {
					t.Errorf("%s: %+v", v.Baseline, v)
				}
				if want := tt.share[i]; want >= 0 && q.Share != want || want < 0 && !(0.1 < q.Share && q.Share < 0.9) {
					t.Errorf("%s: %v of the bootstrap is inside, want %v", v.Baseline, q.Share, want)
				}
			}
		})
	}
}

// A product in a format that no baseline has does not count, nor is it missed; where the claim
// asks for the format, it is.
func TestJudgeKeepsFormatsApart(t *testing.T) {
	claims := analysis.PublishedClaims()[1:2] // Metal Performance Shaders, 4 to 6 times
	d := testdoc.New(testdoc.CPU, testdoc.OneCore, testdoc.BLAS)
	d.Host.OS = "darwin"
	for i, id := range []string{"cpu", "cpu:1", "blas", "mps:0", "mps:0:f16"} {
		if i >= 3 {
			d.Devices = append(d.Devices, result.Device{ID: id, Backend: "mps", Class: result.ClassIntegrated, Name: "Apple M4 Pro"})
		}
		testdoc.Add(d, id, 512, []float64{100e9, 50e9, 200e9, 500e9, 1000e9}[i], 0.001)
	}
	testdoc.Finish(d, "cpu")
	j := judge(t, claims, d)[0]
	if got := verdicts(j); got != "cpu supported, cpu:1 refuted, blas refuted" {
		t.Error(got)
	}
	for _, v := range j.Verdicts {
		if len(v.Ratios) != 1 || v.Ratios[0].Device != "mps:0" || len(v.Missing) > 0 {
			t.Errorf("%+v", v)
		}
	}
	claims[0].Arm.Format = "f16"
	for _, v := range judge(t, claims, d)[0].Verdicts {
		if len(v.Ratios) != 0 || len(v.Missing) != 1 || !strings.Contains(v.Missing[0], "to compare mps:0:f16 with at 512x512x512") {
			t.Errorf("%+v", v)
		}
	}
}

// What does not count is said, and so is what was not measured.
func TestJudgeSaysWhatIsMissing(t *testing.T) {
	software := onMac(3.5)
	software.Devices[3] = testdoc.Llvmpipe
	failed := onMac(3.5)
	testdoc.Fail(&failed.Measurements[3], result.StatusFailed, "device-lost", "the device was lost")
	failed.Ratios = failed.Ratios[:0]
	natively := onMac(3.5)
	for i := range natively.Measurements {
		natively.Measurements[i].Runtime = "native"
	}
	noBLAS := onMac(3.5)
	noBLAS.Measurements[2].Device = "cpu:2"
	noBLAS.Measurements[2].Role = result.RoleKernel
	noBLAS.Measurements[2].Kernel.SPIRVSHA256 = testdoc.SPIRV
	otherSize := onMac(3.5)
	otherSize.Measurements[2].Problem.K, otherSize.Measurements[2].Problem.FLOP = 1024, 2*512*512*1024
	few := onMac(3.5)
	for i := range few.Measurements {
		few.Measurements[i].Launches = few.Measurements[i].Launches[:2]
	}
	other := onMac(3.5)
	other.Measurements[3].Kernel.SPIRVSHA256 = strings.Repeat("0", 64)
	for _, tt := range []struct {
		name    string
		doc     *result.Document
		want    string
		missing string // of the last baseline
	}{
		{"software", software, "cpu inconclusive, cpu:1 inconclusive, blas inconclusive", "doc0.json: vulkan:0 in podman is llvmpipe (LLVM 15.0.6, 256 bits), a program on the CPU, which says nothing about a GPU"},
		{"failed", failed, "cpu inconclusive, cpu:1 inconclusive, blas inconclusive", "doc0.json: vulkan:0 in podman, 512x512x512: failed: the device was lost"},
		{"another runtime", natively, "cpu inconclusive, cpu:1 inconclusive, blas inconclusive", "no measurement of vulkan on a GPU in the runtime podman"},
		{"no baseline", noBLAS, "cpu supported, cpu:1 refuted, blas inconclusive", "doc0.json: blas was not measured; measure it in the same run (--device blas,vulkan:0)"},
		{"no baseline at this size", otherSize, "cpu supported, cpu:1 refuted, blas inconclusive", "doc0.json: no blas to compare vulkan:0 with at 512x512x512; measure it in the same run (--device blas,vulkan:0)"},
		{"few launches", few, "cpu inconclusive, cpu:1 inconclusive, blas inconclusive", "doc0.json: too few launches of m3 or m2 for an interval"},
		{"another kernel", other, "cpu inconclusive, cpu:1 inconclusive, blas refuted", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			testdoc.Finish(tt.doc)
			j := judge(t, podmanVulkan(t), tt.doc)[0]
			if got := verdicts(j); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
			if got := strings.Join(j.Verdicts[2].Missing, "; "); got != tt.missing {
				t.Errorf("missing %q, want %q", got, tt.missing)
			}
		})
	}
}

// A runtime without a baseline of its own is compared with the native one, and each
// with its own where there are both, whether or not it bears the runtime in its id.
func TestJudgeAcrossRuntimes(t *testing.T) {
	inPodman := testdoc.CPU
	inPodman.ID, inPodman.Name = "podman/cpu", "unknown"
	d := testdoc.New(testdoc.CPU, testdoc.Venus, inPodman)
	testdoc.Add(d, "cpu", 1024, 100e9, 0.001)
	testdoc.Add(d, "vulkan:0", 1024, 350e9, 0.001).Runtime = "podman"
	if got := verdicts(judge(t, podmanVulkan(t), testdoc.Finish(d))[0]); !strings.HasPrefix(got, "cpu supported") {
		t.Errorf("with the native baseline: %s", got)
	}
	testdoc.Add(d, "cpu", 1024, 50e9, 0.001).Runtime = "podman"
	j := judge(t, podmanVulkan(t), testdoc.Finish(d))[0]
	if v := j.Verdicts[0]; v.Verdict != analysis.Refuted || len(v.Ratios) != 1 || v.Ratios[0].Baseline != "m2" {
		t.Errorf("with one of its own: %+v", v)
	}
	d.Measurements[2].Device = "podman/cpu"
	if v := judge(t, podmanVulkan(t), testdoc.Finish(d))[0].Verdicts[0]; v.Verdict != analysis.Refuted || len(v.Ratios) != 1 || v.Ratios[0].Baseline != "m2" {
		t.Errorf("with one that is another device than the native one: %+v", v)
	}
}

func TestJudgeSeveralDocuments(t *testing.T) {
	j := judge(t, podmanVulkan(t), onMac(3.5), onMac(5))[0]
	v := j.Verdicts[0]
	if v.Verdict != analysis.Partly || len(v.Ratios) != 2 || v.Ratios[0].Document != "doc0.json" || v.Ratios[1].Document != "doc1.json" {
		t.Errorf("%+v", v)
	}
}

// One that was edited is judged by nobody.
func TestJudgeRefusesAlteredDocuments(t *testing.T) {
	d := onMac(2)
	for i := range d.Measurements[3].Launches[0].Samples {
		d.Measurements[3].Launches[0].Samples[i].HostS /= 2
	}
	_, err := analysis.Judge([]analysis.Source{{Name: "d.json", Document: d}}, analysis.PublishedClaims())
	var altered *analysis.Altered
	if !errors.As(err, &altered) || !strings.HasPrefix(err.Error(), "d.json: ") {
		t.Errorf("got %v", err)
	}
}

const goodClaims = `{"schema": {"name": "gpubench.claims", "version": "1.0.0"}, "claims": [
	{"id": "a", "text": "b", "source": "c", "low": 1, "high": 1.5, "arm": {"backends": ["cpu"], "cpu": true}, "baselines": ["blas"]}]}`

func TestReadClaims(t *testing.T) {
	claims, err := analysis.ReadClaims(strings.NewReader(goodClaims), "x.json")
	if err != nil || len(claims) != 1 || !claims[0].Arm.CPU || claims[0].Baselines[0] != "blas" {
		t.Fatalf("%+v, %v", claims, err)
	}
	// A claim about the CPU itself: half of BLAS.
	j := judge(t, claims, onMac(2))[0]
	if got := verdicts(j); got != "blas refuted" {
		t.Errorf("%s", got)
	}
	for _, tt := range []struct{ old, new, want string }{
		{`"low": 1,`, `"low": 0,`, "claims[0]: the range from low 0 to high 1.5 is none"},
		{`"low": 1,`, `"low": 2,`, "claims[0]: the range from low 2 to high 1.5 is none"},
		{`"id": "a"`, `"id": ""`, "claims[0]: id is missing"},
		{`"text": "b"`, `"text": ""`, "claims[0]: text is missing"},
		{`"backends"`, `"backend"`, `unknown field "backend"`},
		{`gpubench.claims`, `gpubench.result`, `schema "gpubench.result" "1.0.0" is not gpubench.claims 1.0.0`},
		{`"1.0.0"`, `"2.0.0"`, `schema "gpubench.claims" "2.0.0" is not`},
		{`["blas"]`, `[""]`, "claims[0]: a baseline has no name"},
		{`["blas"]}]}`, `["blas"]}]} {}`, "there is more after the object"},
		{`["blas"]}]}`, `["blas"]`, "the file ends in the middle"},
		{`["blas"]}`, `["blas"]}, {"id": "a", "text": "b", "low": 1, "high": 2, "arm": {}}`, `claims[1]: the id "a" stands there a second time`},
		{goodClaims, ``, "the file ends in the middle"},
		{goodClaims, `{"schema": {"name": "gpubench.claims", "version": "1.0.0"}, "claims": []}`, "there are no claims in it"},
		{goodClaims, strings.Repeat(" ", 1<<20+1), "more than 1 MiB"},
	} {
		_, err := analysis.ReadClaims(strings.NewReader(strings.Replace(goodClaims, tt.old, tt.new, 1)), "x.json")
		if err == nil || !strings.HasPrefix(err.Error(), "x.json: ") || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s for %s: %v, want %s", tt.new, tt.old, err, tt.want)
		}
	}
}

func FuzzReadClaims(f *testing.F) {
	f.Add([]byte(goodClaims))
	f.Add([]byte(`{"schema": {}, "claims": [{}]}`))
	f.Add([]byte(`[`))
	f.Fuzz(func(t *testing.T, data []byte) {
		claims, err := analysis.ReadClaims(strings.NewReader(string(data)), "x")
		if err != nil {
			return
		}
		for _, c := range claims {
			if c.ID == "" || c.Low <= 0 || c.High < c.Low || len(c.Baselines) == 0 {
				t.Errorf("%+v", c)
			}
		}
	})
}
