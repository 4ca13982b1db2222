// When a launch has enough samples.

package stats

import (
	"math"
	"slices"
)

// Reasons for which a Stopper is done, as the result document words them.
const (
	StopPrecision = "precision" // the interval of the median is as narrow as was asked for
	StopNoise     = "noise"     // the noise is stable, so that more samples would only repeat it
)

// The noise counts as stable when it has kept to noiseSpread of itself while the
// number of samples doubled, from noiseSamples samples on.
//
// This is the idea of nvbench's stdrel criterion, with its two numbers, changed in
// two places. The noise is the quartile coefficient of dispersion,
// (Q3-Q1)/(Q3+Q1), and not the relative standard deviation: one interrupt does not
// hide that the rest has settled. And the window grows with the samples: in one of
// fixed length every drift looks flat in the end.
const (
	noiseSamples = 64
	noiseSpread  = 0.05
)

// A correlation is itself known badly from few samples, and a series with a long
// memory looks precise while it lingers. So one that is worth less than mostlyOwn of
// its samples must be worth plenty of independent ones. In a simulation with
// the default rules (autoregression, 600 launches), intervals at the moment of
// stopping held the median in 95 % for phi of 0.8 and of 0.9; without this in
// 92 % and 89 %. Independent samples take 2 % more of them.
const (
	plenty    = 40
	mostlyOwn = 0.7
)

// Stopper is the stop rule of one launch, fixed before a sample is seen. It stops
// when there are at least the asked number of samples and seconds, and either
//
//   - precision: half the width of the 95 % interval of the median is at most
//     precision x median, where the interval is that of as many independent samples
//     as the series is worth (EffectiveSize): one that follows its own past looks
//     more precise than it is; or
//   - noise: the relative spread of all samples so far has stayed the same (its
//     standard deviation is below 5 % of its mean) while their number doubled. It
//     is then known, and from here on the interval narrows with the square root of
//     the samples only. Where the machine drifts, the spread keeps growing and the
//     rule waits.
//
// A hard limit in time is the caller's to apply.
type Stopper struct {
	minSamples int
	minTime    float64
	precision  float64

	series []float64 // in the order of Add
	sorted []float64
	look   int // samples from which on the correlation is worth another look
	time   float64
	noise  []float64 // noise[i] is that of the first i+1 samples
}

// NewStopper returns a rule that asks for minSamples samples (MinSamples at the
// least), minTime seconds of batches together, and an interval whose half width is
// precision (0.01 is 1 %) of the median.
func NewStopper(minSamples int, minTime, precision float64) *Stopper {
	return &Stopper{minSamples: max(minSamples, MinSamples), minTime: minTime, precision: precision}
}

// Add takes one sample: the host's seconds per dispatch, and the seconds of the
// whole batch, which count towards the shortest time.
func (s *Stopper) Add(hostSecondsPerDispatch, batchSeconds float64) {
	if math.IsNaN(hostSecondsPerDispatch) || math.IsNaN(batchSeconds) {
		panic("BUG: stats: a sample is not a number")
	}
	s.series = append(s.series, hostSecondsPerDispatch)
	i, _ := slices.BinarySearch(s.sorted, hostSecondsPerDispatch)
	s.sorted = slices.Insert(s.sorted, i, hostSecondsPerDispatch)
	s.time += batchSeconds
	q1, q3 := s.sorted[len(s.sorted)/4], s.sorted[len(s.sorted)-1-len(s.sorted)/4]
	s.noise = append(s.noise, (q3-q1)/(q3+q1))
}

// Done reports whether to stop, and by which rule.
func (s *Stopper) Done() (reason string, done bool) {
	if len(s.sorted) < s.minSamples || s.time < s.minTime {
		return "", false
	}
	if s.precise() {
		return StopPrecision, true
	}
	if n := len(s.noise); n >= noiseSamples && relativeDeviation(s.noise[n/2:]) < noiseSpread {
		return StopNoise, true
	}
	return "", false
}

// precise reports whether the interval of the median is narrow enough. The
// correlation can only widen it. Finding it takes longer than the rest, so it is
// looked at only when nothing else stands in the way, and again only when there are
// a sixteenth more samples.
func (s *Stopper) precise() bool {
	n := len(s.sorted)
	enough := s.precision * sortedMedian(s.sorted)
	lo, hi, _, _ := MedianInterval(s.sorted, Confidence) // there are at least MinSamples
	if (hi-lo)/2 > enough || n < s.look {
		return false
	}
	size := EffectiveSize(s.series)
	lo, hi, ok := correlatedInterval(s.sorted, size, Confidence)
	if ok && (hi-lo)/2 <= enough && (size >= plenty || size >= mostlyOwn*float64(n)) {
		return true
	}
	s.look = n + max(n/16, 1)
	return false
}

func relativeDeviation(x []float64) float64 {
	var sum, squares float64
	for _, v := range x {
		sum += v
	}
	mean := sum / float64(len(x))
	for _, v := range x {
		squares += (v - mean) * (v - mean)
	}
	return math.Sqrt(squares/float64(len(x)-1)) / mean
}

// sortedMedian is the median without the copy and the sort of montanaflynn/stats,
// which would cost more than a short batch when done after every sample.
func sortedMedian(sorted []float64) float64 {
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
