// What a card's own readings say about a row.

package analysis

import (
	"fmt"
	"slices"

	"gpubench/internal/meter"
	"gpubench/internal/result"
	"gpubench/internal/stats"
)

// energyWindow is the shortest window in seconds whose energy counts: the counter
// advances every 10 to 100 ms.
const energyWindow = 1

// efficiency is the FLOP per joule of a measurement and the window in seconds, the
// medians over the good launches that have an energy of a long enough window. A launch
// that shared the card has none: the energy is that of the whole card. Both are nil
// when there is no such launch.
func efficiency(m *result.Measurement) (flopPerJoule, window *float64) {
	var rates, windows []float64
	for _, l := range m.Launches {
		e := l.Energy
		if e == nil || l.Status != result.StatusOK || !(e.WindowS >= energyWindow) || !(e.Joules > 0) || e.FLOP == 0 ||
			slices.ContainsFunc(l.Samples, func(s result.Sample) bool { return slices.Contains(s.Flags, meter.Shared) }) {
			continue
		}
		rates, windows = append(rates, float64(e.FLOP)/e.Joules), append(windows, e.WindowS)
	}
	if len(rates) == 0 {
		return nil, nil
	}
	rate, at := middle(rates), middle(windows)
	return &rate, &at
}

// middle is the median, 0 of nothing.
func middle(values []float64) float64 {
	s, err := stats.Summarize(stats.Samples{values})
	if err != nil {
		return 0
	}
	return s.Median
}

// idleShare is the part of the energy's window that the card may wait in before it is
// worth a warning.
const idleShare = 0.1

// waited is the median part of the energy's windows in which no batch ran, by the
// samples; 0 without an energy that counts.
func waited(m *result.Measurement) float64 {
	var parts []float64
	for _, l := range m.Launches {
		if l.Energy == nil || l.Status != result.StatusOK || l.Energy.WindowS < energyWindow {
			continue
		}
		busy := 0.0
		for _, s := range l.Samples {
			busy += s.HostS
		}
		parts = append(parts, 1-min(1, busy/l.Energy.WindowS))
	}
	return middle(parts)
}

// smClocks are the medians over each good launch of the clock of the multiprocessors in
// MHz while samples were taken, or where no reading fell into one, right after them.
func smClocks(m *result.Measurement) (launches []float64) {
	for _, l := range m.Launches {
		if l.Status != result.StatusOK {
			continue
		}
		at := map[string][]float64{}
		for _, t := range l.Telemetry {
			if mhz := t.Values[meter.SMClock]; mhz > 0 && t.Sample != nil {
				at[t.When] = append(at[t.When], mhz)
			}
		}
		clocks := at[result.During]
		if len(clocks) == 0 {
			clocks = at[result.After]
		}
		if len(clocks) > 0 {
			launches = append(launches, middle(clocks))
		}
	}
	return launches
}

// card warns of a clock that was not the same in all launches, and of an energy that
// is in good part that of waiting.
func card(m *result.Measurement) (out []result.Warning) {
	if clocks := smClocks(m); len(clocks) > 0 {
		if lo, hi := slices.Min(clocks), slices.Max(clocks); hi/lo-1 > noticeable {
			out = append(out, result.Warning{Code: "gpu-clock", Text: fmt.Sprintf(
				"the card's clock was not the same in all launches: %.0f to %.0f MHz; let it cool down between them, or lock the clock (nvidia-smi --lock-gpu-clocks)", lo, hi)})
		}
	}
	if m.Summary != nil && m.Summary.FLOPPerJoule != nil {
		if part := waited(m); part > idleShare {
			out = append(out, result.Warning{Code: "energy-of-waiting", Text: fmt.Sprintf(
				"the card waited for %s of the time in which its energy was counted, while results were checked: at work without a pause it does more per joule; use a larger --size", percent(part))})
		}
	}
	return out
}

// unread warns of launches whose card could not be read, although it could when the devices
// were listed.
func unread(m *result.Measurement, dev result.Device) []result.Warning {
	if dev.NVML == nil || dev.NVML.Unavailable != "" {
		return nil
	}
	n, why := 0, ""
	for _, l := range m.Launches {
		if l.Status == result.StatusOK && l.Meter != nil && l.Meter.Unavailable != "" {
			n, why = n+1, l.Meter.Unavailable
		}
	}
	if n == 0 {
		return nil
	}
	return []result.Warning{{Code: "card-unread", Text: fmt.Sprintf(
		"%s of %d had no readings of the card, which had a meter when the devices were listed: %s; look whether nvidia-smi still shows it", Plural(n, "launch"), len(m.Launches), why)}}
}

// Clocks warns of measurements of the same work on the same card that had different
// clocks: their ratio is in part one of clocks. The devices are those of the
// measurements, in the same order.
func Clocks(ms []result.Measurement, devices []result.Device) (out []result.Warning) {
	type arm struct {
		label string
		mhz   float64
	}
	clock := func(i int) float64 {
		if !compared(&ms[i]) || devices[i].UUID == "" {
			return 0
		}
		return middle(smClocks(&ms[i]))
	}
	done := make([]bool, len(ms))
	for i := range ms {
		if done[i] || clock(i) == 0 {
			continue
		}
		lo, hi := arm{ms[i].Device, clock(i)}, arm{ms[i].Device, clock(i)}
		for j := i + 1; j < len(ms); j++ {
			mhz := clock(j)
			if mhz == 0 || devices[j].UUID != devices[i].UUID || ms[j].Problem != ms[i].Problem {
				continue
			}
			done[j] = true
			if mhz < lo.mhz {
				lo = arm{ms[j].Device, mhz}
			}
			if mhz > hi.mhz {
				hi = arm{ms[j].Device, mhz}
			}
		}
		if hi.mhz/lo.mhz-1 > noticeable {
			p := ms[i].Problem
			out = append(out, result.Warning{Code: "gpu-clocks-differ", Text: fmt.Sprintf(
				"at %dx%dx%d the same card ran at %.0f MHz for %s and at %.0f MHz for %s, so that their ratio is in part one of clocks; lock the clock (nvidia-smi --lock-gpu-clocks) to compare the programs alone",
				p.M, p.N, p.K, lo.mhz, lo.label, hi.mhz, hi.label)})
		}
	}
	return out
}
