package analysis_test

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"gpubench/internal/analysis"
	"gpubench/internal/result"
	"gpubench/internal/stats"
	"gpubench/internal/testdoc"
)

// measured is a document of this CPU and this Vulkan device at these rates (FLOP/s)
// for products of 1024.
func measured(cpu, vulkan float64) *result.Document {
	d := testdoc.New(testdoc.CPU, testdoc.Llvmpipe)
	testdoc.Add(d, "cpu", 1024, cpu, 0.001)
	testdoc.Add(d, "vulkan:0", 1024, vulkan, 0.001)
	return testdoc.Finish(d)
}

func compare(t *testing.T, base, new *result.Document) *analysis.Comparison {
	t.Helper()
	c, err := analysis.Compare(analysis.Source{Name: "old.json", Document: testdoc.Finish(base)}, analysis.Source{Name: "new.json", Document: testdoc.Finish(new)}, 0.02)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// rowsOf writes the rows as text.
func rowsOf(c *analysis.Comparison) string {
	var b strings.Builder
	for _, r := range c.Rows {
		b.WriteString(r.Device + " | " + r.Status + " | " + cmp.Or(r.Reason, r.Verdict) + "\n")
	}
	return b.String()
}

func TestCompare(t *testing.T) {
	tests := []struct {
		name      string
		base, new func() *result.Document
		rows      string
	}{
		{
			"verdicts",
			func() *result.Document { return measured(100e9, 2e9) },
			func() *result.Document { return measured(80e9, 2.5e9) },
			"cpu | compared | slower\nvulkan:0 | compared | faster\n",
		}, {
			"the same",
			func() *result.Document { return measured(100e9, 2e9) },
			func() *result.Document { return measured(100.5e9, 2e9) },
			"cpu | compared | same\nvulkan:0 | compared | same\n",
		}, {
			"one launch has no interval, so nothing is decided",
			func() *result.Document { return measured(100e9, 2e9) },
			func() *result.Document {
				d := measured(50e9, 2e9)
				d.Measurements[0].Launches = d.Measurements[0].Launches[:1]
				return testdoc.Finish(d)
			},
			"cpu | compared | unclear\nvulkan:0 | compared | same\n",
		}, {
			"a failed launch's samples are not counted",
			func() *result.Document { return measured(100e9, 2e9) },
			func() *result.Document {
				d := measured(100e9, 2e9)
				d.Measurements[0].Launches = append(d.Measurements[0].Launches, result.Launch{Status: result.StatusFailed, Samples: slices.Repeat([]result.Sample{{HostS: 1, Dispatches: 1}}, 500)})
				return testdoc.Finish(d)
			},
			"cpu | compared | same\nvulkan:0 | compared | same\n",
		}, {
			"other SPIR-V",
			func() *result.Document { return measured(100e9, 2e9) },
			func() *result.Document {
				d := measured(100e9, 2e9)
				d.Measurements[1].Kernel.SPIRVSHA256 = strings.Repeat("0", 64)
				return d
			},
			"cpu | compared | same\nvulkan:0 | not-comparable | SPIR-V differs: 3f2a9c01b7d4, then 000000000000\n",
		}, {
			"other format, problem and runtime",
			func() *result.Document {
				d := measured(100e9, 2e9)
				testdoc.Add(d, "cpu:1", 1024, 50e9, 0)
				return d
			},
			func() *result.Document {
				d := measured(100e9, 2e9)
				testdoc.Add(d, "cpu:1", 512, 50e9, 0)
				d.Measurements[0].Kernel.Format = "f16"
				d.Measurements[1].Runtime = "podman"
				return d
			},
			"cpu | not-comparable | number format differs: f32, then f16\n" +
				"vulkan:0 | not-comparable | runtime differs: native, then podman\n" +
				"cpu:1 | not-comparable | problem differs: 1024x1024x1024, then 512x512x512\n",
		}, {
			"missing, added and failed arms are rows",
			func() *result.Document {
				d := measured(100e9, 2e9)
				testdoc.Add(d, "cpu", 512, 100e9, 0)
				testdoc.Add(d, "vulkan:0", 512, 2e9, 0)
				testdoc.Fail(testdoc.Add(d, "vulkan:0", 256, 2e9, 0), result.StatusFailed, "failed", "lost")
				return d
			},
			func() *result.Document {
				d := measured(100e9, 2e9)
				testdoc.Fail(&d.Measurements[0], result.StatusFailed, "device-lost", "the device was lost")
				testdoc.Add(d, "vulkan:0", 512, 2e9, 0)
				testdoc.Add(d, "vulkan:0", 256, 2e9, 0)
				d.Devices = append(d.Devices, result.Device{ID: "vulkan:1", Backend: "vulkan", Name: "another"})
				testdoc.Add(d, "vulkan:1", 1024, 2e12, 0)
				return d
			},
			"cpu | failed | failed: the device was lost\nvulkan:0 | compared | same\ncpu | missing | new.json has no such arm\nvulkan:0 | compared | same\n" +
				"vulkan:0 | base-failed | in old.json: failed: lost\nvulkan:1 | added | old.json has no such arm\n",
		}, {
			"a device of a suite is found without its runtime's name",
			func() *result.Document {
				d := measured(100e9, 2e9)
				d.Measurements[0].Runtime, d.Measurements[1].Runtime = "podman", "podman"
				return d
			},
			func() *result.Document {
				d := measured(100e9, 2e9)
				d.Measurements[0].Runtime, d.Measurements[1].Runtime = "podman", "podman"
				d.Devices[1].ID, d.Devices[1].Name, d.Measurements[1].Device = "podman/vulkan:0", "with another driver", "podman/vulkan:0"
				return d
			},
			"cpu | compared | same\nvulkan:0 | compared | same\n",
		}, {
			"a device that moved is found by its name, a renamed one by its id",
			func() *result.Document { return measured(100e9, 2e9) },
			func() *result.Document {
				d := measured(100e9, 2e9)
				d.Devices[0].Name = "AMD EPYC 9R14 (renamed)"
				d.Devices[1].ID, d.Measurements[1].Device = "vulkan:1", "vulkan:1"
				return d
			},
			"cpu | compared | same\nvulkan:0 | compared | same\n",
		}, {
			"nothing on either side",
			func() *result.Document { return testdoc.New() },
			func() *result.Document { return testdoc.New() },
			"",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := compare(t, test.base(), test.new())
			if got := rowsOf(c); got != test.rows {
				t.Errorf("rows:\n%swant:\n%s", got, test.rows)
			}
		})
	}
}

func TestCompareNumbers(t *testing.T) {
	c := compare(t, measured(100e9, 2e9), measured(80e9, 2.5e9))
	r := c.Rows[0]
	if math.Abs(r.Ratio.Value-0.8) > 1e-3 || r.Ratio.CI95 == nil || r.Ratio.CI95[0] > 0.8 || r.Ratio.CI95[1] < 0.8 {
		t.Errorf("ratio %v in %v, want 0.8 inside its interval", r.Ratio.Value, r.Ratio.CI95)
	}
	if r.Base.N != 99 || r.Base.Launches != 9 || math.Abs(r.Base.FLOPS-100e9) > 1e8 {
		t.Errorf("base side: %+v, want 99 samples of 9 launches at 100 GFLOP/s", *r.Base)
	}
	// The other way round the ratio is the reciprocal.
	back := compare(t, measured(80e9, 2.5e9), measured(100e9, 2e9)).Rows[0]
	if math.Abs(back.Ratio.Value*r.Ratio.Value-1) > 1e-12 || back.Verdict != string(stats.Faster) {
		t.Errorf("back: %v %s, want the reciprocal of %v", back.Ratio.Value, back.Verdict, r.Ratio.Value)
	}
}

// What is no time at all is found before anything is computed from it.
func TestCompareRefusesImpossibleTimes(t *testing.T) {
	for name, damage := range map[string]func(*result.Measurement){
		"no time":       func(m *result.Measurement) { m.Launches[1].Samples[2].HostS = 0 },
		"negative time": func(m *result.Measurement) { m.Launches[1].Samples[2].HostS = -1 },
		"no dispatch":   func(m *result.Measurement) { m.Launches[0].Samples[0] = result.Sample{HostS: 1} },
		"no samples":    func(m *result.Measurement) { m.Launches = nil },
	} {
		for _, version := range []string{"1.0.0", result.SchemaVersion} {
			d := measured(100e9, 2e9)
			d.Schema.Version = version
			damage(&d.Measurements[0])
			_, err := analysis.Compare(analysis.Source{Name: "old.json", Document: measured(100e9, 2e9)}, analysis.Source{Name: "new.json", Document: d}, 0.02)
			if err == nil || !strings.HasPrefix(err.Error(), "new.json: ") || !strings.Contains(err.Error(), "measurements[0]: status is ok, but: stats: ") {
				t.Errorf("%s in %s: error %v", name, version, err)
			}
		}
	}
}

// Of several verdicts each comes from a wider interval.
func TestVerdictsHoldTogether(t *testing.T) {
	several := func(rate float64) *result.Document {
		d := testdoc.New(testdoc.CPU)
		for _, size := range []int{64, 128, 256, 512, 1024} {
			testdoc.Add(d, "cpu", size, rate, 0.03)
		}
		return testdoc.Finish(d)
	}
	one := func(rate float64) *result.Document {
		d := testdoc.New(testdoc.CPU)
		testdoc.Add(d, "cpu", 64, rate, 0.03)
		return testdoc.Finish(d)
	}
	alone, together := compare(t, one(100e9), one(105.3e9)), compare(t, several(100e9), several(105.3e9))
	if alone.Confidence != 0.95 || alone.Pairs != 1 || *alone.Rows[0].Ratio.CIVerdict != *alone.Rows[0].Ratio.CI95 || alone.Rows[0].Verdict != "faster" {
		t.Errorf("one arm: %+v, ratio %+v", alone, alone.Rows[0].Ratio)
	}
	if math.Abs(together.Confidence-0.99) > 1e-12 || together.Pairs != 5 {
		t.Errorf("five arms: confidence %v of %d", together.Confidence, together.Pairs)
	}
	for _, r := range together.Rows {
		if r.Ratio.CIVerdict[0] >= r.Ratio.CI95[0] || r.Ratio.CIVerdict[1] <= r.Ratio.CI95[1] || r.Verdict != "unclear" {
			t.Errorf("size %d: %s by %v, 95 %% %v", r.M, r.Verdict, *r.Ratio.CIVerdict, *r.Ratio.CI95)
		}
	}
}

// A machine that became slower in the course of a run says little about the next one.
func TestDriftOfARunWidensVerdicts(t *testing.T) {
	drifting := measured(90e9, 2e9)
	for i := range drifting.Measurements[0].Launches {
		l := &drifting.Measurements[0].Launches[i]
		for j := range l.Samples {
			l.Samples[j].HostS *= 1 + 0.02*float64(i)
		}
	}
	c := compare(t, measured(100e9, 2e9), drifting)
	r := c.Rows[0]
	if r.Verdict != "unclear" || r.Ratio.CI95[1] > 0.9 || len(c.Notes) != 1 || !strings.Contains(c.Notes[0], "new.json: cpu changed by 16 % in the course of the run") {
		t.Errorf("%s, interval %v, notes %q", r.Verdict, *r.Ratio.CI95, c.Notes)
	}
	if c.Rows[1].Verdict != "same" {
		t.Errorf("the arm that stood still is %s", c.Rows[1].Verdict)
	}
}

func TestCommonShift(t *testing.T) {
	machine := func(factor float64) *result.Document {
		d := testdoc.New(testdoc.CPU, testdoc.OneCore, testdoc.BLAS)
		testdoc.Add(d, "cpu", 512, 100e9*factor, 0.01)
		testdoc.Add(d, "cpu:1", 512, 50e9*factor, 0.01)
		testdoc.Add(d, "blas", 512, 140e9*factor*factor, 0.01)
		return testdoc.Finish(d)
	}
	for _, tt := range []struct {
		factor float64
		want   string
	}{
		{1.05, "every product is faster, by 5 % to 10 %"},
		{0.95, "every product is slower, by 5.3 % to 11 %"},
		{1.01, ""},
	} {
		got := strings.Join(compare(t, machine(1), machine(tt.factor)).Notes, "; ")
		if !strings.HasPrefix(got, tt.want) || tt.want == "" && got != "" {
			t.Errorf("factor %v: notes %q, want %q", tt.factor, got, tt.want)
		}
	}
	two := measured(105e9, 2.2e9)
	if got := compare(t, measured(100e9, 2e9), two).Notes; len(got) != 0 {
		t.Errorf("two products: notes %q", got)
	}
}

// What cannot be is no figure, and peaks are no arms.
func TestImpossibleArmsAreNotCompared(t *testing.T) {
	peaked := func(peak float64) *result.Document {
		d := measured(100e9, 2e9)
		m := testdoc.Add(d, "cpu", 256, peak, 0)
		m.Role, m.Kernel.Name, m.Kernel.SPIRVSHA256 = result.RolePeak, "fma", strings.Repeat("d", 64)
		return testdoc.Finish(d)
	}
	if got, want := rowsOf(compare(t, peaked(120e9), peaked(96e9))), "cpu | compared | same\nvulkan:0 | compared | same\n"; got != want {
		t.Errorf("rows:\n%swant:\n%s", got, want)
	}
	if got, want := rowsOf(compare(t, peaked(120e9), peaked(50e9))), "cpu | failed | failed: impossible: 200 % of the peak"; !strings.HasPrefix(got, want) {
		t.Errorf("rows:\n%swant:\n%s", got, want)
	}
}

// Nor is it in a ratio of its own run, as a baseline or otherwise.
func TestImpossibleArmsHaveNoRatios(t *testing.T) {
	for _, tt := range []struct {
		peak   float64
		ratios int
		warned string
	}{{120e9, 1, ""}, {50e9, 0, "m1 and m0 are not compared: the rate of m0 is 200 % of the peak of its device, which is impossible"}} {
		d := measured(100e9, 2e9)
		m := testdoc.Add(d, "cpu", 256, tt.peak, 0)
		m.Role, m.Kernel.Name, m.Kernel.SPIRVSHA256 = result.RolePeak, "fma", strings.Repeat("d", 64)
		testdoc.Finish(d)
		ratios, warnings := analysis.Ratios(d.Measurements, func(i int) bool { return i == 0 })
		text := ""
		for _, w := range warnings {
			text += w.Text
		}
		if len(ratios) != tt.ratios || text != tt.warned {
			t.Errorf("peak %g: %d ratios, warned %q", tt.peak, len(ratios), text)
		}
	}
}

// What ran on another machine says nothing about a runtime: no ratio within a run, none
// between two, and none in a claim; a document that holds one contradicts itself.
func TestOtherMachines(t *testing.T) {
	away := func(runtimes, machine string) *result.Document {
		d := onMac(4)
		for i := range d.Measurements {
			if m := &d.Measurements[i]; strings.Contains(runtimes, m.Device+" ") {
				m.Machine = machine
			}
		}
		d.Ratios = nil
		return testdoc.Finish(d, "cpu")
	}
	const other = "AMD EPYC 9654 96-Core Processor (buildserver01)"
	for _, tt := range []struct {
		away   string
		ratios string // of m0, which is the CPU
	}{
		{"", "m1 m2 m3"},
		{"vulkan:0 ", "m1 m2"},
		{"cpu ", ""},
		{"cpu vulkan:0 cpu:1 blas ", "m1 m2 m3"}, // all on one
	} {
		d := away(tt.away, other)
		var got []string
		for _, r := range d.Ratios {
			got = append(got, r.Fast)
		}
		if strings.Join(got, " ") != tt.ratios {
			t.Errorf("%q away: ratios of %q, want %s", tt.away, got, tt.ratios)
		}
		// The suite says it once, at the runtime.
		if _, warnings := analysis.Ratios(d.Measurements, func(i int) bool { return i == 0 }); len(warnings) != 0 {
			t.Errorf("%q away: warned %v", tt.away, warnings)
		}
		if err := analysis.Check(d); err != nil {
			t.Errorf("%q away: %v", tt.away, err)
		}
	}
	d := away("vulkan:0 ", other)
	if _, err := analysis.RatioWithin(&d.Measurements[0], &d.Measurements[3]); err == nil || !strings.Contains(err.Error(), "m0 and m3 ran on different machines (the host; "+other+")") {
		t.Errorf("got %v", err)
	}
	if v := judge(t, podmanVulkan(t), d)[0].Verdicts[0]; v.Verdict != analysis.Inconclusive || len(v.Ratios) != 0 || len(v.Missing) != 1 {
		t.Errorf("a claim: %+v", v)
	}
	if got := rowsOf(compare(t, away("", ""), d)); !strings.Contains(got, "machine differs: the host, then "+other) {
		t.Errorf("rows:\n%s", got)
	}
	forged := away("", "")
	forged.Measurements[3].Machine = other
	if err := analysis.Check(forged); err == nil || !strings.Contains(err.Error(), "m3 and m0 have no ratio") {
		t.Errorf("a ratio of two machines: %v", err)
	}
}

func TestConditions(t *testing.T) {
	base := measured(100e9, 2e9)
	testdoc.Add(base, "cpu", 512, 100e9, 0)
	testdoc.Add(base, "vulkan:0", 512, 2e9, 0)
	new := measured(95e9, 2e9)                                                               // cpu: 5 % slower
	new.Measurements[1].Launches = new.Measurements[1].Launches[:1]                          // vulkan:0: unclear
	testdoc.Fail(testdoc.Add(new, "cpu", 512, 1, 0), result.StatusFailed, "failed", "broke") // cpu 512: failed, vulkan:0 512: missing
	c := compare(t, base, new)
	for _, test := range []struct {
		condition analysis.Condition
		want      string
	}{
		{analysis.Condition{Kind: "slower", Threshold: 0.02}, "cpu 1024"},
		{analysis.Condition{Kind: "slower", Threshold: -1}, "cpu 1024"}, // the comparison's own 2 %
		{analysis.Condition{Kind: "slower", Threshold: 0.10}, ""},
		{analysis.Condition{Kind: "unclear", Threshold: -1}, "vulkan:0 1024"},
		{analysis.Condition{Kind: "failed", Threshold: -1}, "cpu 512"},
		{analysis.Condition{Kind: "missing", Threshold: -1}, "vulkan:0 512"},
	} {
		var got []string
		for _, r := range test.condition.Meets(c) {
			got = append(got, fmt.Sprint(r.Device, " ", r.M))
		}
		if strings.Join(got, ", ") != test.want {
			t.Errorf("%+v: %v, want %s", test.condition, got, test.want)
		}
	}
}

// What another specialization may explain is no verdict on the device; but who asked to be
// told of what is slower is told.
func TestCompareOfOtherSpecializations(t *testing.T) {
	spec := func(d *result.Document, lx uint32) *result.Document {
		d.Measurements[0].Kernel.Specialization = map[string]uint32{"LX": lx, "LY": 1}
		return d
	}
	for _, tt := range []struct {
		lx      uint32
		rate    float64
		rows    string
		differs string
		slower  int
	}{
		{8, 80e9, "cpu | compared | slower\n", "", 1},
		{8, 120e9, "cpu | compared | faster\n", "", 0},
		{16, 80e9, "cpu | compared | unclear\n", "LX 8, then 16", 1},
		{16, 120e9, "cpu | compared | unclear\n", "LX 8, then 16", 0},
		{16, 100e9, "cpu | compared | same\n", "LX 8, then 16", 0},
	} {
		c := compare(t, spec(measured(100e9, 2e9), 8), spec(measured(tt.rate, 2e9), tt.lx))
		if got := rowsOf(c); got != tt.rows+"vulkan:0 | compared | same\n" || c.Rows[0].Specialization != tt.differs {
			t.Errorf("LX %d at %g FLOP/s: %q, differs in %q", tt.lx, tt.rate, got, c.Rows[0].Specialization)
		}
		if noted := strings.Contains(strings.Join(c.Notes, "\n"), "another specialization (LX 8, then 16)"); noted != (tt.differs != "") {
			t.Errorf("LX %d: notes %q", tt.lx, c.Notes)
		}
		if rows := (analysis.Condition{Kind: "slower", Threshold: -1}).Meets(c); len(rows) != tt.slower {
			t.Errorf("LX %d at %g FLOP/s: %d rows are slower", tt.lx, tt.rate, len(rows))
		}
	}
}

// A ratio between runtimes whose devices chose for themselves says so.
func TestSpecializationsOfRuntimes(t *testing.T) {
	m := func(id, runtime, device string, lx uint32) result.Measurement {
		return result.Measurement{ID: id, Runtime: runtime, Device: device, Role: result.RoleKernel, Status: result.StatusOK,
			Kernel: result.Kernel{Specialization: map[string]uint32{"LX": lx}}, Problem: result.Problem{M: 8, N: 8, K: 8}}
	}
	for _, tt := range []struct {
		name string
		ms   []result.Measurement
		want string
	}{
		{"the same", []result.Measurement{m("m0", "native", "vulkan:0", 8), m("m1", "docker", "docker/vulkan:0", 8)}, ""},
		{"another", []result.Measurement{m("m0", "native", "vulkan:0", 8), m("m1", "docker", "docker/vulkan:0", 16)},
			"at 8x8x8 vulkan:0 in docker runs another specialization than in native (LX 8, then 16)"},
		{"two devices", []result.Measurement{m("m0", "native", "vulkan:0", 8), m("m1", "docker", "docker/vulkan:1", 16)}, ""},
		{"two devices of one runtime", []result.Measurement{m("m0", "native", "cpu", 8), m("m1", "native", "cpu:1", 16)}, ""},
		{"a failed one", []result.Measurement{m("m0", "native", "vulkan:0", 8), func() result.Measurement {
			x := m("m1", "docker", "docker/vulkan:0", 16)
			x.Status = result.StatusFailed
			return x
		}()}, ""},
	} {
		got := ""
		for _, w := range analysis.Specializations(tt.ms, make([]result.Device, len(tt.ms))) {
			got += w.Text
		}
		if !strings.HasPrefix(got, tt.want) || tt.want == "" && got != "" {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
