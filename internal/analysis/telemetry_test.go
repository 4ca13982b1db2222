package analysis_test

import (
	"strings"
	"testing"

	"gpubench/internal/analysis"
	"gpubench/internal/meter"
	"gpubench/internal/result"
	"gpubench/internal/testdoc"
)

// One card as two backends see it.
var (
	h100Vulkan = result.Device{ID: "vulkan:0", Backend: "vulkan", Class: result.ClassDiscrete, Name: "NVIDIA H100", UUID: "0102"}
	h100CUDA   = result.Device{ID: "cuda:0", Backend: "cuda", Class: result.ClassDiscrete, Name: "NVIDIA H100", UUID: "0102"}
)

// metered gives each launch of a measurement an energy at this power (W) and clocks.
func metered(m *result.Measurement, watts float64, mhz func(launch int) float64) {
	for i := range m.Launches {
		l := &m.Launches[i]
		// The samples are made as long as a launch's are on such a card.
		busy, dispatches := 0.0, 0
		for j := range l.Samples {
			s := &l.Samples[j]
			s.HostS, s.Dispatches = 500*s.HostS, 500*s.Dispatches
			busy += s.HostS
			dispatches += s.Dispatches
			at := j
			for when, f := range map[string]float64{result.Before: 0.2, result.During: 1, result.After: 0.9} {
				l.Telemetry = append(l.Telemetry, result.Telemetry{AtS: 1, When: when, Sample: &at, Values: map[string]float64{meter.SMClock: f * mhz(i)}})
			}
		}
		for range 30 { // of the warm-up
			l.Telemetry = append(l.Telemetry, result.Telemetry{AtS: 0.1, When: result.During, Values: map[string]float64{meter.SMClock: 300 + 100*float64(i)}})
		}
		l.Energy = &result.Energy{Joules: watts * busy, WindowS: busy / 0.95, FLOP: m.Problem.FLOP * uint64(dispatches), Source: "counter"}
	}
}

func steady(int) float64 { return 1980 }

// cards is a run of two arms on one card, at 50 TFLOP/s each.
func cards() *result.Document {
	d := testdoc.New(h100Vulkan, h100CUDA)
	metered(testdoc.Add(d, "vulkan:0", 4096, 50e12, 0.01), 500, steady)
	metered(testdoc.Add(d, "cuda:0", 4096, 50e12, 0.01), 500, steady)
	return testdoc.Finish(d, "vulkan:0")
}

func warningCodes(list []result.Warning) string {
	var out []string
	for _, w := range list {
		out = append(out, w.Code)
	}
	return strings.Join(out, " ")
}

func TestEfficiency(t *testing.T) {
	d := cards()
	s := d.Measurements[0].Summary
	// Each launch did what it did at 500 W: the middle one 50 TFLOP/s.
	if s.FLOPPerJoule == nil || *s.FLOPPerJoule < 0.9999e11 || *s.FLOPPerJoule > 1.0001e11 || *s.EnergyWindowS < 1 {
		t.Fatalf("%+v", s)
	}
	if err := analysis.Check(d); err != nil {
		t.Error(err)
	}
	for _, tt := range []struct {
		name   string
		change func(l *result.Launch)
		none   bool
	}{
		{"as it is", func(*result.Launch) {}, false},
		{"no counter", func(l *result.Launch) { l.Energy = nil }, true},
		{"too short", func(l *result.Launch) { l.Energy.WindowS = 0.999 }, true},
		{"long enough", func(l *result.Launch) { l.Energy.WindowS = 1 }, false},
		{"no energy", func(l *result.Launch) { l.Energy.Joules = 0 }, true},
		{"shared in part", func(l *result.Launch) { l.Samples[3].Flags = []string{meter.Shared} }, true},
		{"held down", func(l *result.Launch) { l.Samples[3].Flags = []string{meter.PowerCap} }, false},
		{"failed", func(l *result.Launch) {
			if l.Round > 0 {
				l.Status = result.StatusFailed
			} else {
				l.Energy = nil
			}
		}, true},
	} {
		d := cards()
		m := &d.Measurements[0]
		for i := range m.Launches {
			tt.change(&m.Launches[i])
		}
		analysis.Conclude(m)
		if got := m.Summary.FLOPPerJoule; (got == nil) != tt.none || (m.Summary.EnergyWindowS == nil) != tt.none {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
	// One launch of another energy is not the median.
	d = cards()
	m := &d.Measurements[0]
	m.Launches[0].Energy.Joules *= 100
	analysis.Conclude(m)
	if got := *m.Summary.FLOPPerJoule; got < 0.98e11 || got > 1.02e11 {
		t.Errorf("%v FLOP/J", got)
	}
}

func TestCheckFindsChangedEnergy(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(m *result.Measurement)
		want   string
	}{
		{"joules", func(m *result.Measurement) { m.Launches[2].Energy.Joules /= 2 }, "measurements[1]: the samples do not have the digest"},
		{"window", func(m *result.Measurement) { m.Launches[2].Energy.WindowS *= 2 }, "measurements[1]: the samples do not have the digest"},
		{"work", func(m *result.Measurement) { m.Launches[2].Energy.FLOP++ }, "measurements[1].launches[2].energy.flop is "},
		{"the figure", func(m *result.Measurement) { *m.Summary.FLOPPerJoule *= 1.01 }, "measurements[1].summary.flop_per_joule is not what the launches say"},
		{"its window", func(m *result.Measurement) { *m.Summary.EnergyWindowS *= 1.01 }, "measurements[1].summary.energy_window_s is not what the launches say"},
		{"no figure", func(m *result.Measurement) { m.Summary.FLOPPerJoule = nil }, "measurements[1].summary.flop_per_joule is not what the launches say"},
	} {
		d := cards()
		tt.change(&d.Measurements[1])
		if err := analysis.Check(d); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestWarningsOfACard(t *testing.T) {
	for _, tt := range []struct {
		name, codes, text string // part of the first
		change            func(m *result.Measurement)
	}{
		{"steady", "", "", func(*result.Measurement) {}},
		{"5 % apart", "", "", func(m *result.Measurement) { clocks(m, 1980, 1980/1.049) }},
		{"more", "gpu-clock", "the card's clock was not the same in all launches: 1410 to 1980 MHz", func(m *result.Measurement) { clocks(m, 1980, 1410) }},
		{"more in a failed launch", "", "", func(m *result.Measurement) {
			clocks(m, 1980, 1410)
			for i := 1; i < len(m.Launches); i += 2 {
				m.Launches[i].Status = result.StatusFailed
			}
		}},
		{"much waiting", "energy-of-waiting", "the card waited for 62 % of the time in which its energy was counted", func(m *result.Measurement) {
			for i := range m.Launches {
				m.Launches[i].Energy.WindowS *= 2.5
			}
		}},
		{"hot", "gpu-thermal gpu-slowdown shared", "99 of 99 samples were taken while the card was too hot", func(m *result.Measurement) {
			for i := range m.Launches {
				for j := range m.Launches[i].Samples {
					m.Launches[i].Samples[j].Flags = []string{meter.Shared, meter.Slowdown, meter.Thermal}
				}
			}
		}},
		{"power", "gpu-power-brake gpu-power-cap gpu-limit gpu-sync-boost gpu-clock-setting", "11 of 99 samples were taken while the power supply", func(m *result.Measurement) {
			for j := range m.Launches[4].Samples {
				m.Launches[4].Samples[j].Flags = []string{meter.PowerCap, meter.PowerBrake, meter.SyncBoost, meter.ClockSetting, meter.Limit}
			}
		}},
	} {
		d := cards()
		m := &d.Measurements[0]
		tt.change(m)
		analysis.Conclude(m)
		got := analysis.Warnings(m, h100Vulkan)
		if warningCodes(got) != tt.codes || tt.text != "" && !strings.HasPrefix(got[0].Text, tt.text) {
			t.Errorf("%s: %+v", tt.name, got)
		}
	}
}

// clocks sets the clocks of the samples, in turns of the launches.
func clocks(m *result.Measurement, mhz ...float64) {
	for i := range m.Launches {
		for _, r := range m.Launches[i].Telemetry {
			if r.When == result.During && r.Sample != nil {
				r.Values[meter.SMClock] = mhz[i%len(mhz)]
			}
		}
	}
}

func TestClocksOfOneCard(t *testing.T) {
	devices := []result.Device{h100Vulkan, h100CUDA}
	if got := analysis.Clocks(cards().Measurements, devices); len(got) > 0 {
		t.Errorf("%+v", got)
	}
	d := cards()
	clocks(&d.Measurements[1], 1410)
	got := analysis.Clocks(d.Measurements, devices)
	if len(got) != 1 || got[0].Code != "gpu-clocks-differ" ||
		!strings.HasPrefix(got[0].Text, "at 4096x4096x4096 the same card ran at 1410 MHz for cuda:0 and at 1980 MHz for vulkan:0, so that") {
		t.Errorf("%+v", got)
	}
	for _, tt := range []struct {
		name   string
		change func(*result.Measurement, *result.Device)
	}{
		{"another card", func(_ *result.Measurement, d *result.Device) { d.UUID = "0304" }},
		{"a card without a UUID", func(_ *result.Measurement, d *result.Device) { d.UUID = "" }},
		{"another size", func(m *result.Measurement, _ *result.Device) { m.Problem.K = 8 }},
		{"not compared", func(m *result.Measurement, _ *result.Device) { m.Role = result.RolePeak }},
		{"no readings", func(m *result.Measurement, _ *result.Device) {
			for i := range m.Launches {
				m.Launches[i].Telemetry = nil
			}
		}},
	} {
		d, devices := cards(), []result.Device{h100Vulkan, h100CUDA}
		clocks(&d.Measurements[1], 1410)
		tt.change(&d.Measurements[1], &devices[1])
		if got := analysis.Clocks(d.Measurements, devices); len(got) > 0 {
			t.Errorf("%s: %+v", tt.name, got)
		}
	}
	// Where no reading fell into a sample, those after it count.
	d = cards()
	for i := range d.Measurements[1].Launches {
		for _, r := range d.Measurements[1].Launches[i].Telemetry {
			if r.When == result.During {
				delete(r.Values, meter.SMClock)
			}
		}
	}
	if got := analysis.Clocks(d.Measurements, devices); len(got) != 1 || !strings.Contains(got[0].Text, "1782 MHz for cuda:0") {
		t.Errorf("%+v", got)
	}
}

// A card that had a meter when it was listed, and none in some launches.
func TestUnreadCards(t *testing.T) {
	d := cards()
	m := &d.Measurements[0]
	dev := h100Vulkan
	dev.NVML = &result.NVML{Driver: "570.86.15"}
	if got := warningCodes(analysis.Warnings(m, dev)); strings.Contains(got, "card-unread") {
		t.Errorf("warnings %s", got)
	}
	m.Launches[3].Meter = &result.Meter{Unavailable: "none of the 1 cards that NVML shows has the UUID 0102"}
	list := analysis.Warnings(m, dev)
	if !strings.Contains(warningCodes(list), "card-unread") || !strings.Contains(list[len(list)-1].Text, "1 launch of 9 had no readings of the card, which had a meter when the devices were listed: none of the 1 cards") {
		t.Errorf("warnings %+v", list)
	}
	dev.NVML = &result.NVML{Unavailable: "libnvidia-ml.so.1 cannot be loaded"} // said of the device already
	if got := warningCodes(analysis.Warnings(m, dev)); strings.Contains(got, "card-unread") {
		t.Errorf("warnings %s", got)
	}
}
