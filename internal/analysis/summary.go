// Package analysis turns samples into figures and figures into judgements: summaries,
// ratios, peaks and warnings of a document, comparisons of documents, verdicts on
// claims. All of it can be computed anew from a document's samples, and is: a summary
// that a document brings along is compared with its samples and never believed.
package analysis

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"math"
	"slices"
	"strings"

	"gpubench/internal/backend"
	"gpubench/internal/result"
	"gpubench/internal/stats"
)

// Samples are the host's seconds per dispatch of all good launches.
func Samples(m *result.Measurement) stats.Samples {
	var out stats.Samples
	for _, l := range m.Launches {
		if l.Status == result.StatusOK {
			out = append(out, perDispatch(l.Samples))
		}
	}
	return out
}

func perDispatch(samples []result.Sample) []float64 {
	out := make([]float64, len(samples))
	for i, s := range samples {
		out[i] = s.HostS / float64(s.Dispatches)
	}
	return out
}

// Conclude sets what follows from the samples of a measurement whose status is
// final: the flags of outliers, the digest and the summary, which is nil when m is
// not ok. An ok measurement without a usable sample becomes a failed one.
func Conclude(m *result.Measurement) {
	for i := range m.Launches {
		flagOutliers(m.Launches[i].Samples)
	}
	m.Digest = digest(m)
	m.Summary = nil
	if m.Status != result.StatusOK {
		return
	}
	summary, err := summarize(m)
	if err != nil {
		m.Status, m.Code, m.Reason = result.StatusFailed, string(backend.Failed), err.Error()
		return
	}
	m.Summary = summary
}

// summarize computes the summary of a measurement from its samples.
func summarize(m *result.Measurement) (*result.Summary, error) {
	s, err := stats.Summarize(Samples(m))
	if err != nil {
		return nil, err
	}
	flop := float64(m.Problem.FLOP)
	summary := &result.Summary{
		Clock: "host", N: s.N, Launches: s.Launches,
		MedianS: s.Median, CI95S: s.CI95, Method: s.Method, Q1S: s.Q1, Q3S: s.Q3, MinS: s.Min, MaxS: s.Max, MADS: s.MAD,
		FLOPS:         flop / s.Median,
		DeviceMedianS: deviceMedian(m),
	}
	if s.CI95 != nil { // the longest time is the lowest rate
		summary.FLOPSCI95 = &[2]float64{flop / s.CI95[1], flop / s.CI95[0]}
	}
	summary.FLOPPerJoule, summary.EnergyWindowS = efficiency(m)
	return summary, nil
}

// mostDoubtful is the share of samples whose device clock may be in doubt before none
// is believed: a clock that is wrong so often is not right at other times.
const mostDoubtful = 0.25

// deviceMedian is the median of the launches' medians of the device's seconds per
// dispatch over the samples whose device clock is trusted, nil when there are none, when there
// are too many others, or when that clock drifts against the host's.
func deviceMedian(m *result.Measurement) *float64 {
	var launches stats.Samples
	trusted, doubtful := 0, 0
	for _, l := range m.Launches {
		if l.Status != result.StatusOK {
			continue
		}
		var launch []float64
		for _, s := range l.Samples {
			switch {
			case len(deviceFlags(s)) > 0:
				doubtful++
			case s.DeviceS != nil:
				launch = append(launch, *s.DeviceS/float64(s.Dispatches))
			}
		}
		trusted += len(launch)
		launches = append(launches, launch)
	}
	s, err := stats.Summarize(launches)
	if err != nil || float64(doubtful) > mostDoubtful*float64(doubtful+trusted) || math.Abs(clockDrift(m)) > noticeable {
		return nil
	}
	return &s.Median
}

// deviceFlags are the flags of a sample that put its device clock in doubt.
func deviceFlags(s result.Sample) (out []string) {
	for _, f := range s.Flags {
		if strings.HasPrefix(f, "device-") {
			out = append(out, f)
		}
	}
	return out
}

// flagOutlier marks a sample that is far from the others of its launch. It stays in
// every figure: only its cause could be a reason to leave it out.
const flagOutlier = "outlier"

// leastForOutliers is the fewest samples whose quartiles say what is far out.
const leastForOutliers = 8

// flagOutliers marks the samples beyond Tukey's outer fences, three times the
// distance of the quartiles outside of them (Exploratory Data Analysis, 1977).
func flagOutliers(samples []result.Sample) {
	if len(samples) < leastForOutliers {
		return
	}
	times := perDispatch(samples)
	s, err := stats.Summarize(stats.Samples{times})
	if err != nil {
		return
	}
	fence := 3 * (s.Q3 - s.Q1)
	for i, t := range times {
		if (t < s.Q1-fence || t > s.Q3+fence) && !slices.Contains(samples[i].Flags, flagOutlier) {
			samples[i].Flags = append(samples[i].Flags, flagOutlier)
		}
	}
}

// digest is a hash of all samples of a measurement, the numbers as they are in memory,
// so that another way of writing them in JSON leaves it the same.
func digest(m *result.Measurement) string {
	h := sha256.New()
	for _, l := range m.Launches {
		digestText(h, l.Status)
		for _, samples := range [][]result.Sample{l.Warmup, l.Samples} {
			digestNumber(h, uint64(len(samples)))
			for _, s := range samples {
				digestNumber(h, math.Float64bits(s.HostS))
				device := -1.0
				if s.DeviceS != nil {
					device = *s.DeviceS
				}
				digestNumber(h, math.Float64bits(device))
				digestNumber(h, uint64(s.Dispatches))
				for _, f := range s.Flags {
					digestText(h, f)
				}
				digestText(h, "")
			}
		}
		if e := l.Energy; e != nil { // the others keep the digest that they always had
			digestNumber(h, math.Float64bits(e.Joules))
			digestNumber(h, math.Float64bits(e.WindowS))
			digestNumber(h, e.FLOP)
		}
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

func digestNumber(h hash.Hash, v uint64) { h.Write(binary.LittleEndian.AppendUint64(nil, v)) }

func digestText(h hash.Hash, s string) {
	digestNumber(h, uint64(len(s)))
	h.Write([]byte(s))
}
