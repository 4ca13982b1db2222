package analysis_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gpubench/internal/analysis"
	"gpubench/internal/host"
	"gpubench/internal/result"
	"gpubench/internal/testdoc"
)

// each changes every sample of the good launches.
func each(m *result.Measurement, change func(launch, i int, s *result.Sample)) {
	for l := range m.Launches {
		for i := range m.Launches[l].Samples {
			change(l, i, &m.Launches[l].Samples[i])
		}
	}
}

func TestWarnings(t *testing.T) {
	for _, tt := range []struct {
		name   string
		device result.Device
		spread float64 // of the launches
		change func(m *result.Measurement)
		codes  string
		text   string // part of the last warning
	}{
		{"a steady arm", testdoc.CPU, 0.01, nil, "", ""},
		{"software", testdoc.Llvmpipe, 0.01, nil, "software-device", "is a program that runs on the CPU"},
		{"wrong candidates", testdoc.CPU, 0.01, func(m *result.Measurement) {
			m.Kernel.Search = []result.Candidate{{Status: result.StatusOK}, {Status: result.StatusFailed, Code: "wrong-result", Reason: "C[0,0] is 1"}}
		}, "candidate-wrong", "1 of 2 specializations computed a wrong result in the search and were not used (C[0,0] is 1)"},
		{"two launches", testdoc.CPU, 0.01, func(m *result.Measurement) { m.Launches = m.Launches[:2] }, "no-interval", "2 launches are too few for an interval, which takes 3"},
		{"launches that differ", testdoc.CPU, 0.2, nil, "high-noise", "the rate is known to 14 % only: the launches differ by up to 44 %"},
		{"a run that becomes slower", testdoc.CPU, 0.001, func(m *result.Measurement) {
			each(m, func(l, _ int, s *result.Sample) { s.HostS *= 1 + 0.01*float64(l) })
		}, "run-drift", "the launches became slower in the course of the run (by 8.2 %)"},
		{"a run that becomes faster", testdoc.CPU, 0.001, func(m *result.Measurement) {
			each(m, func(l, _ int, s *result.Sample) { s.HostS *= 1 - 0.01*float64(l) })
		}, "run-drift", "the launches became faster in the course of the run (by"},
		{"launches that become slower", testdoc.CPU, 0.001, func(m *result.Measurement) {
			for l := range m.Launches {
				m.Launches[l].Samples = append(m.Launches[l].Samples, m.Launches[l].Samples[0])
			}
			each(m, func(_, i int, s *result.Sample) { s.HostS *= 1 + 0.01*float64(i) })
		}, "drift", "the samples became slower while they were taken (by 7.9 %)"},
		{"samples that resemble each other", testdoc.CPU, 0.001, func(m *result.Measurement) {
			r := rand.New(rand.NewPCG(81, 82))
			for l := range m.Launches {
				v, samples := 0.0, []result.Sample(nil)
				for range 400 {
					v = 0.95*v + 0.001*r.NormFloat64()
					samples = append(samples, result.Sample{HostS: 0.1 * (1 + v), Dispatches: 4})
				}
				m.Launches[l].Samples = samples
			}
		}, "autocorrelated", "samples resemble the ones before them: the 400 of a launch are worth"},
		{"outliers", testdoc.CPU, 0.001, func(m *result.Measurement) {
			each(m, func(_, i int, s *result.Sample) {
				if i == 7 {
					s.HostS *= 3
				}
			})
		}, "outliers", "9 of 99 samples are far from the others of their launch; they are kept"},
		{"short batches", testdoc.CPU, 0.001, func(m *result.Measurement) {
			each(m, func(_, i int, s *result.Sample) { s.Flags = []string{"short"} })
		}, "short", "99 of 99 samples are shorter than 100 empty round trips"},
		{"few samples", testdoc.CPU, 0.001, func(m *result.Measurement) { m.Launches[4].Samples = m.Launches[4].Samples[:5] }, "few-samples", "1 of 9 launches gave fewer than 6 samples"},
		{"results that vary", testdoc.CPU, 0.001, func(m *result.Measurement) { m.Verification.Varied = 3 }, "varied", "3 of 99 batches were right within the bound but not bit-equal"},
		{"a device clock in doubt", testdoc.CPU, 0.001, func(m *result.Measurement) {
			each(m, func(_, i int, s *result.Sample) {
				d := s.HostS
				if s.DeviceS = &d; i%2 == 0 {
					s.Flags = []string{"device-short", "device-zero"}
				}
			})
		}, "device-clock-untrusted", "implausible in 54 of 99 samples (device-short, device-zero)"},
		{"a few short device times", testdoc.CPU, 0.001, func(m *result.Measurement) {
			each(m, func(l, i int, s *result.Sample) {
				d := s.HostS
				if s.DeviceS = &d; l == 0 && i == 0 {
					s.Flags = []string{"device-short"}
				}
			})
		}, "", ""},
		{"a device clock that is longer than the host's", testdoc.CPU, 0.001, func(m *result.Measurement) {
			each(m, func(_, i int, s *result.Sample) {
				d := 2 * s.HostS
				s.DeviceS, s.Flags = &d, []string{"device-longer-than-host"}
			})
		}, "device-clock-untrusted", "speaks against the host's as well, but that nothing submitted behind"},
		{"a device clock that drifts in each launch", testdoc.CPU, 0.001, func(m *result.Measurement) {
			for l := range m.Launches {
				m.Launches[l].Samples = slices.Concat(m.Launches[l].Samples, m.Launches[l].Samples)
			}
			each(m, func(_, i int, s *result.Sample) { d := s.HostS * (1 - 0.01*float64(i)); s.DeviceS = &d })
		}, "device-clock-drift", "in the course of the run (by 1"},
		{"a device clock that drifts from launch to launch", testdoc.CPU, 0.001, func(m *result.Measurement) {
			each(m, func(l, _ int, s *result.Sample) { d := s.HostS * (1 - 0.02*float64(l)); s.DeviceS = &d })
		}, "device-clock-drift", "in the course of the run (by 1"},
		{"batches that were perhaps not finished", testdoc.CPU, 0.001, func(m *result.Measurement) {
			each(m, func(_, i int, s *result.Sample) {
				if i%3 == 0 {
					s.Flags = []string{"fence-early"}
				}
			})
		}, "fence-early", "had to wait, as if the batch had not been finished"},
		{"what failed has none of these", testdoc.Llvmpipe, 0.5, func(m *result.Measurement) {
			testdoc.Fail(m, result.StatusFailed, "device-lost", "lost")
		}, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := testdoc.New(tt.device)
			m := testdoc.Add(d, tt.device.ID, 512, 100e9, tt.spread)
			if tt.change != nil {
				tt.change(m)
			}
			testdoc.Finish(d)
			warnings := analysis.Warnings(m, tt.device)
			var codes []string
			for _, w := range warnings {
				codes = append(codes, w.Code)
			}
			if got := strings.Join(codes, " "); got != tt.codes {
				t.Fatalf("warnings %+v, want %q", warnings, tt.codes)
			}
			if n := len(warnings); n > 0 && !strings.Contains(warnings[n-1].Text, tt.text) {
				t.Errorf("%q, want %q in it", warnings[n-1].Text, tt.text)
			}
			if strings.HasPrefix(tt.codes, "device-clock") && m.Summary.DeviceMedianS != nil {
				t.Errorf("the device's median is %v", *m.Summary.DeviceMedianS)
			}
		})
	}
}

// Outliers are marked, once, and stay in all figures.
func TestOutliersAreFlagged(t *testing.T) {
	d := testdoc.New(testdoc.CPU)
	m := testdoc.Add(d, "cpu", 512, 100e9, 0.001)
	m.Launches[2].Samples[3].HostS *= 2
	testdoc.Finish(testdoc.Finish(d))
	each(m, func(l, i int, s *result.Sample) {
		want := []string(nil)
		if l == 2 && i == 3 {
			want = []string{"outlier"}
		}
		if !slices.Equal(s.Flags, want) {
			t.Errorf("launch %d, sample %d: flags %v", l, i, s.Flags)
		}
	})
	if s := m.Summary; s.N != 99 || s.MaxS < 1.9*s.MedianS {
		t.Errorf("summary %+v", s)
	}
}

func TestPeaks(t *testing.T) {
	sse2 := testdoc.CPU
	sse2.ISA = "sse2"
	peaked := func(cpu result.Device, rate float64) *result.Document {
		d := testdoc.New(cpu, testdoc.OneCore, testdoc.BLAS, testdoc.Venus)
		testdoc.Add(d, "cpu", 1024, 100e9, 0)
		testdoc.Add(d, "cpu:1", 1024, 60e9, 0)
		testdoc.Add(d, "blas", 1024, 150e9, 0)
		testdoc.Add(d, "vulkan:0", 1024, 1e12, 0)
		p := testdoc.Add(d, "cpu", 256, rate, 0.1)
		p.Role, p.Kernel.Name, p.Kernel.SPIRVSHA256 = result.RolePeak, "fma", strings.Repeat("d", 64)
		return testdoc.Finish(d, "cpu")
	}
	shares := func(d *result.Document) string {
		var out []string
		for _, m := range d.Measurements {
			text := "-"
			if m.Peak != nil {
				text = strings.TrimSpace(strings.Join([]string{m.Peak.From, map[bool]string{true: "impossible"}[strings.Contains(codesOf(m, d), "impossible")]}, " "))
			}
			out = append(out, text)
		}
		return strings.Join(out, ", ")
	}
	for _, tt := range []struct {
		name string
		doc  *result.Document
		want string
	}{
		// The best sample of the peak is 10 % above its median.
		{"a peak above all", peaked(testdoc.CPU, 160e9), "m4, -, m4, -, -"},
		{"within the tolerance", peaked(testdoc.CPU, 131e9), "m4, -, m4, -, -"},
		{"beyond it", peaked(testdoc.CPU, 129e9), "m4, -, m4 impossible, -, -"},
		{"far beyond it", peaked(testdoc.CPU, 50e9), "m4 impossible, -, m4 impossible, -, -"},
		// A library does not know that a lower instruction set was asked for.
		{"a lower instruction set", peaked(sse2, 110e9), "m4, -, -, -, -"},
	} {
		if got := shares(tt.doc); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
	failed := peaked(testdoc.CPU, 50e9)
	testdoc.Fail(&failed.Measurements[4], result.StatusFailed, "wrong-result", "C[0,0] is 1")
	if got := shares(testdoc.Finish(failed)); got != "-, -, -, -, -" {
		t.Errorf("a peak that failed: %s", got)
	}
}

// A device that is a program has the peak of the processor as a bound too, and its own peak may
// not be above that.
func TestPeaksOfSoftwareDevices(t *testing.T) {
	peak := func(d *result.Document, device string, rate float64) {
		p := testdoc.Add(d, device, 256, rate, 0)
		p.Role, p.Kernel.Name, p.Kernel.SPIRVSHA256 = result.RolePeak, "fma", strings.Repeat("d", 64)
	}
	for _, tt := range []struct {
		name         string
		rate, own    float64
		from         string
		bad, badPeak bool
	}{
		{"honest", 5e9, 8e9, "m3", false, false},
		{"remembered products", 20e9, 8e9, "m3", true, false},
		{"remembered peaks too", 400e9, 440e12, "m2", true, true},
		{"remembered peaks alone", 5e9, 440e12, "m2", false, true},
	} {
		d := testdoc.New(testdoc.CPU, testdoc.Llvmpipe)
		testdoc.Add(d, "cpu", 1024, 100e9, 0)
		testdoc.Add(d, testdoc.Llvmpipe.ID, 1024, tt.rate, 0)
		peak(d, "cpu", 150e9)
		peak(d, testdoc.Llvmpipe.ID, tt.own)
		testdoc.Finish(d, "cpu")
		m := &d.Measurements[1]
		if m.Peak == nil || m.Peak.From != tt.from || (m.Peak.Share > analysis.Impossible) != tt.bad {
			t.Errorf("%s: %+v", tt.name, m.Peak)
		}
		if (len(d.Ratios) == 0) != tt.bad {
			t.Errorf("%s: ratios %+v", tt.name, d.Ratios)
		}
		analysis.FalsePeaks(d.Measurements, d.Devices, d.Host.CPU.ISA)
		warned := slices.ContainsFunc(d.Measurements[3].Warnings, func(w result.Warning) bool { return w.Code == "impossible" })
		if warned != tt.badPeak {
			t.Errorf("%s: the peak's warnings are %+v", tt.name, d.Measurements[3].Warnings)
		}
	}
}

// Where the end of most batches is in doubt, there is no ratio.
func TestNoRatioWithBatchesThatWereNotFinished(t *testing.T) {
	for n, want := range map[int]int{5: 1, 6: 0} { // of 11 samples
		d := testdoc.New(testdoc.CPU, testdoc.Llvmpipe)
		testdoc.Add(d, "cpu", 1024, 100e9, 0.01)
		m := testdoc.Add(d, testdoc.Llvmpipe.ID, 1024, 5e9, 0.01)
		each(m, func(_, i int, s *result.Sample) {
			if i < n {
				s.Flags = []string{"fence-early"}
			}
		})
		testdoc.Finish(d, "cpu")
		if len(d.Ratios) != want {
			t.Errorf("%d of 11 samples: ratios %+v", n, d.Ratios)
		}
	}
}

// codesOf are the codes of a measurement's warnings.
func codesOf(m result.Measurement, d *result.Document) string {
	var out []string
	for _, dev := range d.Devices {
		if dev.ID == m.Device {
			for _, w := range analysis.Warnings(&m, dev) {
				out = append(out, w.Code)
			}
		}
	}
	return strings.Join(out, " ")
}

// Only readings of good launches count, and only those above nominal.
func TestThermalPressure(t *testing.T) {
	for _, tt := range []struct {
		name   string
		states map[int][]float64 // before and after launches; no readings of the others
		failed int               // a launch that failed, -1 for none
		want   string            // part of the text, empty for no warning
	}{
		{"no readings", nil, -1, ""},
		{"cool", map[int][]float64{0: {0, 0}, 1: {0, 0}}, -1, ""},
		{"warm at one end", map[int][]float64{1: {0, 2}}, -1, "1 of 9 launches macOS called the thermal state of the machine fair or worse, at most serious"},
		{"warm at either end", map[int][]float64{1: {0, 1}, 2: {1, 1}, 3: {1, 0}}, -1, "3 of 9 launches macOS called the thermal state of the machine fair or worse, at most fair"},
		{"warm in one that failed", map[int][]float64{3: {0, 3}}, 3, ""},
	} {
		d := testdoc.New(testdoc.CPU)
		m := testdoc.Add(d, "cpu", 512, 1e11, 0.001)
		for l, states := range tt.states {
			for _, s := range states {
				m.Launches[l].Telemetry = append(m.Launches[l].Telemetry, result.Telemetry{Values: map[string]float64{host.ThermalReading: s}})
			}
		}
		if tt.failed >= 0 {
			m.Launches[tt.failed].Status = result.StatusFailed
		}
		testdoc.Finish(d)
		got := analysis.Warnings(m, testdoc.CPU)
		if tt.want == "" && len(got) > 0 || tt.want != "" && (len(got) != 1 || got[0].Code != "thermal-pressure" || !strings.Contains(got[0].Text, tt.want)) {
			t.Errorf("%s: %v, want %q", tt.name, got, tt.want)
		}
	}
}
