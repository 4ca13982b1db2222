// What a reader should know about a row.

package measure

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"gpubench/internal/backend"
	"gpubench/internal/result"
	"gpubench/internal/stats"
	"gpubench/internal/worker"
)

// noticeable is the relative difference from which noise, drift and differences
// between launches are worth a warning.
const noticeable = 0.05

// warnings looks at a concluded and summarised measurement.
func warnings(m *result.Measurement, dev result.Device, rules worker.Rules) (out []result.Warning) {
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
	if s.CI95S == nil {
		warn("few-samples", "%s are too few for an interval of the median, which takes %d; allow more launches (--launches) or more time", plural(s.N, "sample"), stats.MinSamples)
	}
	if s.Launches < 2 {
		warn("one-launch", "all samples are from one process; how much processes differ is unknown, and ratios have no interval: use --launches 3 or more")
	}

	noise := s.MADS / s.MedianS
	if s.CI95S != nil {
		noise = max(noise, (s.CI95S[1]-s.CI95S[0])/2/s.MedianS)
	}
	if noise > noticeable {
		warn("high-noise", "the samples scatter by %s of their median: other programs, a shared machine or changing clocks disturb it; close what else runs, or ask for more samples with --min-time", percent(noise))
	}
	medians, drift := launchMedians(m), medianDrift(m)
	if len(medians) > 1 {
		if spread := slices.Max(medians)/slices.Min(medians) - 1; spread > noticeable {
			warn("launches-differ", "the medians of the launches differ by %s, so that the interval of the median is too narrow; the ratio's interval takes it into account: use more launches (--launches)", percent(spread))
		}
	}
	switch {
	case drift > noticeable:
		warn("drift", "the samples became slower while they were taken (by %s); the processor may be throttling: let it cool down, or run fewer programs beside it", percent(drift))
	case drift < -noticeable:
		warn("drift", "the samples became faster while they were taken (by %s); the device was not warm yet, or something else has ended: measure again", percent(-drift))
	}

	limited, good, total, flags := 0, 0, 0, map[string]int{}
	for _, l := range m.Launches {
		if l.Status != result.StatusOK {
			continue
		}
		good++
		if l.Stop == worker.StopTimeLimit {
			limited++
		}
		for _, sample := range l.Samples {
			total++
			for _, f := range deviceFlags(sample) {
				flags[f]++
			}
		}
	}
	if limited > 0 {
		warn("time-limit", "%d of %d launches ended at their limit of %.3g s before the interval was within %s of the median; what was measured until then counts: use a smaller --size, or a larger --precision", limited, good, rules.MaxTimeS, percent(rules.Precision))
	}
	if len(flags) > 0 {
		untrusted, names := 0, []string{}
		for name, n := range flags {
			untrusted += n
			names = append(names, name)
		}
		slices.Sort(names)
		warn("device-clock-untrusted", "the device's own clock is implausible in %d of %s (%s), which device times leave out; all other figures are by the host's clock: update the driver if device times matter", untrusted, plural(total, "sample"), strings.Join(names, ", "))
	}
	return append(out, disturbed(m)...)
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

// launchMedians are the medians of the good launches.
func launchMedians(m *result.Measurement) (out []float64) {
	for _, samples := range Samples(m) {
		if s, err := stats.Summarize(stats.Samples{samples}); err == nil {
			out = append(out, s.Median)
		}
	}
	return out
}

// driftThird is the fewest samples in a third of a launch that show a drift.
const driftThird = 4

// medianDrift is by how much the last third of a launch is slower than the first,
// the median over the launches that are long enough. It is 0 when none is.
func medianDrift(m *result.Measurement) float64 {
	var drifts []float64
	for _, samples := range Samples(m) {
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
