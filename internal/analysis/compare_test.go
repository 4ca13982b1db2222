package analysis

import (
	"bytes"
	"cmp"
	"math"
	"slices"
	"strings"
	"testing"

	"gpubench/internal/result"
	"gpubench/internal/stats"
)

// sample gives a measurement three launches of ten samples around its median, and
// takes its summary away: comparisons must not need it.
func sample(m *result.Measurement) *result.Measurement {
	median := m.Summary.MedianS
	m.Summary = nil
	for round := range 3 {
		l := result.Launch{Round: round, Status: result.StatusOK}
		for i := range 10 {
			l.Samples = append(l.Samples, result.Sample{HostS: 4 * median * (1 + 0.0004*float64(i-5)), Dispatches: 4})
		}
		m.Launches = append(m.Launches, l)
	}
	return m
}

// measured is a document of this CPU and this Vulkan device at these rates
// (FLOP/s) for products of 1024.
func measured(cpu, vulkan float64) *result.Document {
	d := document(cpuDevice, llvmpipe)
	sample(add(d, "cpu", 1024, cpu, 0))
	sample(add(d, "vulkan:0", 1024, vulkan, 0))
	return d
}

func compare(t *testing.T, base, new *result.Document) *Comparison {
	t.Helper()
	c, err := Compare(Source{"old.json", base}, Source{"new.json", new}, 0.02)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// rowsOf writes the rows as text.
func rowsOf(c *Comparison) string {
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
				return d
			},
			"cpu | compared | unclear\nvulkan:0 | compared | same\n",
		}, {
			"a summary is not believed",
			func() *result.Document { return measured(100e9, 2e9) },
			func() *result.Document {
				d := measured(100e9, 2e9)
				d.Measurements[0].Summary = &result.Summary{MedianS: 1, FLOPS: 1}
				return d
			},
			"cpu | compared | same\nvulkan:0 | compared | same\n",
		}, {
			"a failed launch's samples are not counted",
			func() *result.Document { return measured(100e9, 2e9) },
			func() *result.Document {
				d := measured(100e9, 2e9)
				d.Measurements[0].Launches = append(d.Measurements[0].Launches, result.Launch{Status: result.StatusFailed, Samples: slices.Repeat([]result.Sample{{HostS: 1, Dispatches: 1}}, 500)})
				return d
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
				sample(add(d, "cpu:1", 1024, 50e9, 0))
				return d
			},
			func() *result.Document {
				d := measured(100e9, 2e9)
				sample(add(d, "cpu:1", 512, 50e9, 0))
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
				sample(add(d, "cpu", 512, 100e9, 0))
				sample(add(d, "vulkan:0", 512, 2e9, 0))
				fail(add(d, "vulkan:0", 256, 2e9, 0), result.StatusFailed, "failed", "lost")
				return d
			},
			func() *result.Document {
				d := measured(100e9, 2e9)
				fail(&d.Measurements[0], result.StatusFailed, "device-lost", "the device was lost")
				sample(add(d, "vulkan:0", 512, 2e9, 0))
				sample(add(d, "vulkan:0", 256, 2e9, 0))
				d.Devices = append(d.Devices, result.Device{ID: "vulkan:1", Backend: "vulkan", Name: "another"})
				sample(add(d, "vulkan:1", 1024, 2e12, 0))
				return d
			},
			"cpu | failed | failed: the device was lost\nvulkan:0 | compared | same\ncpu | missing | new.json has no such arm\nvulkan:0 | compared | same\n" +
				"vulkan:0 | base-failed | in old.json: failed: lost\nvulkan:1 | added | old.json has no such arm\n",
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
			func() *result.Document { return document() },
			func() *result.Document { return document() },
			"",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := compare(t, test.base(), test.new())
			if got := rowsOf(c); got != test.rows {
				t.Errorf("rows:\n%swant:\n%s", got, test.rows)
			}
			for _, o := range []Options{{Width: 100}, {Width: 80, ASCII: true}} {
				var b bytes.Buffer
				if err := CompareTable(&b, []*Comparison{c}, o); err != nil {
					t.Fatal(err)
				}
				if o.ASCII {
					checkText(t, b.String(), o)
				} else {
					golden(t, "compare-"+strings.NewReplacer(" ", "-", ",", "", "'", "").Replace(test.name), b.String())
				}
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
	if r.Base.N != 30 || r.Base.Launches != 3 || math.Abs(r.Base.FLOPS-100e9) > 1e8 {
		t.Errorf("base side: %+v, want 30 samples of 3 launches at 100 GFLOP/s", *r.Base)
	}
	// The other way round the ratio is the reciprocal.
	back := compare(t, measured(80e9, 2.5e9), measured(100e9, 2e9)).Rows[0]
	if math.Abs(back.Ratio.Value*r.Ratio.Value-1) > 1e-12 || back.Verdict != string(stats.Faster) {
		t.Errorf("back: %v %s, want the reciprocal of %v", back.Ratio.Value, back.Verdict, r.Ratio.Value)
	}
}

func TestCompareRefusesImpossibleTimes(t *testing.T) {
	for _, test := range []struct {
		name   string
		damage func(*result.Measurement)
		want   string
	}{
		{"no time", func(m *result.Measurement) { m.Launches[1].Samples[2].HostS = 0 }, "new.json: measurements[0]: launches[1]: samples[2]: 0 s for 4 dispatches is not a time"},
		{"negative time", func(m *result.Measurement) { m.Launches[1].Samples[2].HostS = -1 }, "new.json: measurements[0]: launches[1]: samples[2]: -1 s for 4 dispatches is not a time"},
		{"no dispatch", func(m *result.Measurement) { m.Launches[0].Samples[0] = result.Sample{HostS: 1} }, "new.json: measurements[0]: launches[0]: samples[0]: 1 s for 0 dispatches is not a time"},
		{"no samples", func(m *result.Measurement) { m.Launches = nil }, "new.json: measurements[0]: status is ok, but: stats: no samples"},
		{"no problem", func(m *result.Measurement) { m.Problem.K = 0 }, "new.json: measurements[0]: problem: 1024x1024x0 is no matrix product"},
	} {
		d := measured(100e9, 2e9)
		test.damage(&d.Measurements[0])
		_, err := Compare(Source{"old.json", measured(100e9, 2e9)}, Source{"new.json", d}, 0.02)
		if err == nil || err.Error() != test.want {
			t.Errorf("%s: error %v, want %s", test.name, err, test.want)
		}
	}
}

func TestConditions(t *testing.T) {
	base := measured(100e9, 2e9)
	sample(add(base, "cpu", 512, 100e9, 0))
	sample(add(base, "vulkan:0", 512, 2e9, 0))
	new := measured(95e9, 2e9)                                               // cpu: 5 % slower
	new.Measurements[1].Launches = new.Measurements[1].Launches[:1]          // vulkan:0: unclear
	fail(add(new, "cpu", 512, 1, 0), result.StatusFailed, "failed", "broke") // cpu 512: failed, vulkan:0 512: missing
	c := compare(t, base, new)
	for _, test := range []struct {
		condition Condition
		want      string
	}{
		{Condition{"slower", 0.02}, "cpu 1024"},
		{Condition{"slower", -1}, "cpu 1024"}, // the comparison's own 2 %
		{Condition{"slower", 0.10}, ""},
		{Condition{"unclear", -1}, "vulkan:0 1024"},
		{Condition{"failed", -1}, "cpu 512"},
		{Condition{"missing", -1}, "vulkan:0 512"},
	} {
		var got []string
		for _, r := range test.condition.Meets(c) {
			got = append(got, r.Device+" "+newPrinter(nil, Options{}).size(r))
		}
		if strings.Join(got, ", ") != test.want {
			t.Errorf("%+v: %v, want %s", test.condition, got, test.want)
		}
	}
}
