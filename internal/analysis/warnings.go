// What a reader should know about a row.

package analysis

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"gpubench/internal/backend"
	"gpubench/internal/host"
	"gpubench/internal/result"
	"gpubench/internal/stats"
)

// noticeable is the relative difference from which noise, drift and differences
// between launches are worth a warning.
const noticeable = 0.05

// Warnings looks at a concluded measurement on this device.
func Warnings(m *result.Measurement, dev result.Device) (out []result.Warning) {
	warn := func(code, format string, args ...any) {
		out = append(out, result.Warning{Code: code, Text: fmt.Sprintf(format, args...)})
	}
	if n, first := wrongCandidates(m.Kernel.Search); n > 0 {
		warn("candidate-wrong", "%d of %d specializations computed a wrong result in the search and were not used (%s); the driver or its compiler may be faulty: update it", n, len(m.Kernel.Search), first)
	}
	s := m.Summary
	if s == nil {
		return out
	}
	if dev.Software {
		warn("software-device", "%s is a program that runs on the CPU: its figures say nothing about a GPU; `gpubench devices` lists the others", dev.Name)
	}
	out = append(out, processor(dev)...)
	if p := m.Peak; impossible(m) {
		warn("impossible", "the rate is %s of the peak that multiply-adds alone reached on this device, which is impossible; either the clock lies, or the peak (%s) was disturbed: measure again, and do not quote this", percent(p.Share), p.From)
	}
	if s.CI95S == nil {
		warn("no-interval", "%s are too few for an interval, which takes %d: use more (--launches)", Plural(s.Launches, "launch"), stats.MinLaunches)
	}
	if v := m.Verification; v.Varied > 0 {
		warn("varied", "%d of %s were right within the bound but not bit-equal to the first of their launch: the device does not add up in a fixed order, or something flips low bits; on repeated runs it should not vary", v.Varied, Plural(v.Batches, "batch"))
	}
	out = append(out, noise(m)...)
	if n, total := flagged(m, flagEarly); 20*n >= total && n > 0 {
		warn("fence-early", "what was submitted behind %d of %s had to wait, as if the batch had not been finished when its fence signalled; other programs may have held it up, or the driver signals too early: close them or update the driver, and measure again", n, Plural(total, "sample"))
	}
	out = append(out, deviceClock(m)...)
	out = append(out, disturbed(m)...)
	out = append(out, card(m)...)
	out = append(out, unread(m, dev)...)
	return append(out, thermal(m)...)
}

// thermal warns where macOS said before or after a good launch that the machine was
// warmer than it likes.
func thermal(m *result.Measurement) (out []result.Warning) {
	good, warm, worst := 0, 0, 0
	for _, l := range m.Launches {
		if l.Status != result.StatusOK {
			continue
		}
		good++
		state := 0
		for _, t := range l.Telemetry {
			state = max(state, int(t.Values[host.ThermalReading]))
		}
		if state > 0 {
			warm++
		}
		worst = max(worst, state)
	}
	if warm == 0 {
		return nil
	}
	return []result.Warning{{Code: "thermal-pressure", Text: fmt.Sprintf("before or after %d of %s macOS called the thermal state of the machine %s or worse, at most %s, and may have slowed it down: let it cool down, and keep its air vents free",
		warm, Plural(good, "launch"), host.ThermalStateName(1), host.ThermalStateName(worst))}}
}

// noise tells how unsteady the samples of a summarised measurement are.
func noise(m *result.Measurement) (out []result.Warning) {
	warn := func(code, format string, args ...any) {
		out = append(out, result.Warning{Code: code, Text: fmt.Sprintf(format, args...)})
	}
	s, samples := m.Summary, Samples(m)
	medians := samples.Medians()
	if s.CI95S != nil {
		if half := math.Sqrt(s.CI95S[1]/s.CI95S[0]) - 1; half > noticeable {
			warn("high-noise", "the rate is known to %s only: the launches differ by up to %s, the samples scatter by %s around their median; close what else runs, or allow more launches (--launches, --budget)",
				percent(half), percent(slices.Max(medians)/slices.Min(medians)-1), percent(s.MADS/s.MedianS))
		}
	}
	change, significant := RunDrift(m)
	switch {
	case significant && change > 0:
		warn("run-drift", "the launches became slower in the course of the run (by %s): the machine warms up or gets more to do; ratios within the run stand, but do not hold the rate against other runs", percent(change))
	case significant:
		warn("run-drift", "the launches became faster in the course of the run (by %s): something else has ended, or a clock still rose; ratios within the run stand, but do not hold the rate against other runs", percent(-change))
	}
	switch drift := medianDrift(samples); {
	case drift > noticeable:
		warn("drift", "the samples became slower while they were taken (by %s); the processor may be throttling: let it cool down, or run fewer programs beside it", percent(drift))
	case drift < -noticeable:
		warn("drift", "the samples became faster while they were taken (by %s); the device was not warm yet: allow a longer warm-up", percent(-drift))
	}
	if n, worth := effective(samples); n > 0 && worth < n/4 {
		warn("autocorrelated", "samples resemble the ones before them: the %.0f of a launch are worth %.0f independent ones; the intervals come from the launches and stand", n, worth)
	}

	total, outliers, short, few := 0, 0, 0, 0
	for _, l := range m.Launches {
		if l.Status != result.StatusOK {
			continue
		}
		if len(l.Samples) < stats.MinSamples {
			few++
		}
		for _, sample := range l.Samples {
			total++
			if slices.Contains(sample.Flags, flagOutlier) {
				outliers++
			}
			if slices.Contains(sample.Flags, flagShort) {
				short++
			}
		}
	}
	if outliers > 0 && outliers*20 >= total {
		warn("outliers", "%d of %s are far from the others of their launch; they are kept, and medians hardly feel them", outliers, Plural(total, "sample"))
	}
	if short > 0 {
		warn("short", "%d of %s are shorter than 100 empty round trips, so that submitting them counts in their time: use a larger --size", short, Plural(total, "sample"))
	}
	if few > 0 {
		warn("few-samples", "%d of %s gave fewer than %d samples, because the device is slow for this size: use a smaller --size, or a longer --min-time", few, Plural(s.Launches, "launch"), stats.MinSamples)
	}
	return out
}

// flagShort marks a sample shorter than 100 empty round trips.
const flagShort = "short"

// Flags of a device's clock that alone may be the host's fault, which was held up and saw the
// fence late; and of one that is longer than what contains it, which both clocks may be wrong for.
const (
	flagDeviceShort  = "device-short"
	flagDeviceLonger = "device-longer-than-host"
)

// deviceClock tells where the device's own clock is not to be trusted.
func deviceClock(m *result.Measurement) (out []result.Warning) {
	total, untrusted, short, flags := 0, 0, 0, map[string]bool{}
	for _, l := range m.Launches {
		if l.Status != result.StatusOK {
			continue
		}
		for _, sample := range l.Samples {
			total++
			odd := deviceFlags(sample)
			if len(odd) > 0 {
				untrusted++
			}
			if slices.Equal(odd, []string{flagDeviceShort}) {
				short++
			}
			for _, f := range odd {
				flags[f] = true
			}
		}
	}
	// A few may come of a host that was held up.
	if untrusted > 0 && (untrusted > short || 20*short >= total) {
		text := fmt.Sprintf("the device's own clock is implausible in %d of %s (%s), which device times leave out; all other figures are by the host's clock: update the driver if device times matter",
			untrusted, Plural(total, "sample"), strings.Join(slices.Sorted(maps.Keys(flags)), ", "))
		if flags[flagDeviceLonger] {
			text += "; that the device's time is the longer one speaks against the host's as well, but that nothing submitted behind the batches had to wait speaks for it"
			if n, _ := flagged(m, flagEarly); n > 0 {
				text = strings.Replace(text, "but that nothing submitted behind the batches had to wait speaks for it", fmt.Sprintf("and so does what had to wait behind %s (fence-early)", Plural(n, "sample")), 1)
			}
		}
		out = append(out, result.Warning{Code: "device-clock-untrusted", Text: text})
	}
	if drift := clockDrift(m); math.Abs(drift) > noticeable {
		out = append(out, result.Warning{Code: "device-clock-drift", Text: fmt.Sprintf("the device's own clock ran at another rate against the host's in the course of the run (by %s): there are no device times, and all figures are by the host's clock; update the driver if device times matter",
			percent(math.Abs(drift)))})
	}
	return out
}

// clockDrift is by how much the ratio of the device's time to the host's grows within the
// launches, the last third against the first, or from launch to launch, the largest against the
// smallest median; whichever is more. It is 0 where too little is known.
func clockDrift(m *result.Measurement) (drift float64) {
	var medians []float64
	var launches stats.Samples
	for _, l := range m.Launches {
		if l.Status != result.StatusOK {
			continue
		}
		var ratios []float64
		for _, s := range l.Samples {
			if s.DeviceS != nil && *s.DeviceS > 0 && s.HostS > 0 && !slices.Contains(s.Flags, flagShort) {
				ratios = append(ratios, *s.DeviceS/s.HostS)
			}
		}
		if s, err := stats.Summarize(stats.Samples{ratios}); err == nil && len(ratios) >= driftThird {
			medians, launches = append(medians, s.Median), append(launches, ratios)
		}
	}
	drift = medianDrift(launches)
	if len(medians) > 1 {
		if across := slices.Max(medians)/slices.Min(medians) - 1; across > math.Abs(drift) {
			drift = across
		}
	}
	return drift
}

// Plural is a count with its noun: 1 launch, 2 launches, 3 batches.
func Plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	if noun[len(noun)-1] == 'h' {
		noun += "e"
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// percent prints a share of 1 as percents, to two digits below ten.
func percent(x float64) string {
	if x >= 0.1 {
		return fmt.Sprintf("%.0f %%", 100*x)
	}
	return fmt.Sprintf("%.2g %%", 100*x)
}

func wrongCandidates(tried []result.Candidate) (n int, first string) {
	for _, c := range tried {
		if c.Status == result.StatusFailed && c.Code == string(backend.WrongResult) {
			if n++; n == 1 {
				first = c.Reason
			}
		}
	}
	return n, first
}

// RunDrift is by how much the last launch of a measurement is slower than the first, by
// the slope of Theil and Sen over all pairs of them, and whether that is more than
// chance by Kendall's test at 1 % and enough to be noticed. It needs six launches.
func RunDrift(m *result.Measurement) (change float64, significant bool) {
	var rounds, logs []float64
	for _, l := range m.Launches {
		if s, err := stats.Summarize(stats.Samples{perDispatch(l.Samples)}); err == nil && l.Status == result.StatusOK {
			rounds, logs = append(rounds, float64(l.Round)), append(logs, math.Log(s.Median))
		}
	}
	slope, p := stats.Trend(rounds, logs)
	if len(logs) < 6 || p >= 0.01 {
		return 0, false
	}
	change = math.Expm1(slope * (slices.Max(rounds) - slices.Min(rounds)))
	return change, math.Abs(change) > noticeable/2
}

// effective is the number of samples of a launch and what it is worth in
// independent ones, both as the median over the launches; 0 for launches too short to
// tell.
func effective(samples stats.Samples) (n, worth float64) {
	const enough = 20
	var lengths, sizes []float64
	for _, launch := range samples {
		if len(launch) >= enough {
			lengths, sizes = append(lengths, float64(len(launch))), append(sizes, stats.EffectiveSize(launch))
		}
	}
	if len(lengths) == 0 {
		return 0, 0
	}
	slices.Sort(lengths)
	slices.Sort(sizes)
	return lengths[len(lengths)/2], sizes[len(sizes)/2]
}

// driftThird is the fewest samples in a third of a launch that show a drift.
const driftThird = 4

// medianDrift is by how much the last third of a launch is slower than the first,
// the median over the launches that are long enough. It is 0 when none is.
func medianDrift(launches stats.Samples) float64 {
	var drifts []float64
	for _, samples := range launches {
		third := len(samples) / 3
		if third < driftThird {
			continue
		}
		first, err1 := stats.Summarize(stats.Samples{samples[:third]})
		last, err2 := stats.Summarize(stats.Samples{samples[len(samples)-third:]})
		if err1 == nil && err2 == nil {
			drifts = append(drifts, math.Log(last.Median/first.Median))
		}
	}
	if len(drifts) == 0 {
		return 0
	}
	slices.Sort(drifts)
	n := len(drifts)
	return math.Expm1((drifts[(n-1)/2] + drifts[n/2]) / 2)
}
