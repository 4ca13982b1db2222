// Package stats summarises samples, compares two arms and decides when there are
// enough samples. It makes no assumption about the distribution: medians and order
// statistics throughout, Student's t only below six launches. It never drops a sample.
//
// The launch is the unit: a launch is worth its median, and every interval comes from
// the launches, because samples of one process share its luck and are no replicates
// (Kalibera and Jones, Rigorous Benchmarking in Reasonable Time, 2013). How often the
// intervals hold the truth is simulated in coverage_test.go.
//
// Plain statistics come from montanaflynn/stats, distributions from gonum; the
// intervals and the stop rule are its own.
package stats

import (
	"errors"
	"fmt"
	"math"
	"slices"

	mstats "github.com/montanaflynn/stats"
	"gonum.org/v1/gonum/stat/distuv"
)

// Confidence is the level of every interval that this package puts in a result.
const Confidence = 0.95

// MinSamples is the fewest samples that have a 95 % interval of the median: even
// the whole range of five covers the median with only 93.75 %.
const MinSamples = 6

// Samples are seconds per dispatch, one slice per launch. A launch without
// samples is not counted.
type Samples [][]float64

// Summary describes the samples of all launches, in seconds.
type Summary struct {
	N        int // samples
	Launches int // launches with at least one sample
	// Median is the median of the medians of the launches: the launch is what was
	// repeated, so each counts once, however many samples it gave.
	Median   float64
	CI95     *[2]float64 // of that median, from the launches; nil below MinLaunches
	Method   string      // how CI95 was made, empty when it is nil
	Q1, Q3   float64     // quartiles of all samples by linear interpolation (Hyndman and Fan's type 7)
	Min, Max float64
	MAD      float64 // median absolute deviation of all samples from their median, not scaled
}

// Methods of Summary.CI95.
const (
	MethodOrder = "order statistics of the launches' medians, interpolated (Hettmansperger and Sheather 1986)"
	MethodT     = "Student's t on the logarithms of the launches' medians"
)

// Summarize returns an error when there are no samples or when one is not a
// finite, positive number.
func Summarize(s Samples) (Summary, error) {
	sorted, launches, err := s.pool()
	if err != nil {
		return Summary{}, err
	}
	medians := s.Medians()
	sum := Summary{
		N:        len(sorted),
		Launches: launches,
		Min:      sorted[0],
		Max:      sorted[len(sorted)-1],
	}
	// The errors of montanaflynn/stats are for empty input and percentages out of
	// range, neither of which can be here.
	sum.Median, _ = mstats.Median(medians)
	sum.Q1, _ = mstats.Percentile(sorted, 25)
	sum.Q3, _ = mstats.Percentile(sorted, 75)
	sum.MAD, _ = mstats.MedianAbsoluteDeviation(sorted)
	if launches >= MinLaunches {
		_, lo, hi, ordered := center(logarithms(medians), Confidence)
		// Without any spread the logarithm's rounding must not put the median outside.
		sum.CI95, sum.Method = &[2]float64{min(math.Exp(lo), sum.Median), max(math.Exp(hi), sum.Median)}, MethodT
		if ordered {
			sum.Method = MethodOrder
		}
	}
	return sum, nil
}

// Medians are those of the launches that have samples, in seconds.
func (s Samples) Medians() []float64 {
	var medians []float64
	for _, launch := range s {
		if m, err := mstats.Median(launch); err == nil {
			medians = append(medians, m)
		}
	}
	return medians
}

// pool returns all samples in ascending order and the number of launches that
// have any.
func (s Samples) pool() (sorted []float64, launches int, err error) {
	for i, launch := range s {
		for j, v := range launch {
			if !(v > 0) || math.IsInf(v, 1) {
				return nil, 0, fmt.Errorf("stats: launch %d, sample %d: %g is not a positive, finite number of seconds", i, j, v)
			}
		}
		if len(launch) > 0 {
			launches++
		}
		sorted = append(sorted, launch...)
	}
	if len(sorted) == 0 {
		return nil, 0, errors.New("stats: no samples")
	}
	slices.Sort(sorted)
	return sorted, launches, nil
}

// MedianInterval returns the narrowest pair of order statistics, counted equally
// far from both ends, that covers the median of the population with at least the
// given confidence, whatever the distribution (Conover, Practical Nonparametric
// Statistics, section 3.2). actual is the confidence that the pair really has; ok
// is false when even the extremes have less than was asked for. sorted must be in
// ascending order; confidence is above 0 and below 1.
func MedianInterval(sorted []float64, confidence float64) (lo, hi, actual float64, ok bool) {
	n := len(sorted)
	rank := intervalRank(n, confidence)
	if rank == 0 {
		return 0, 0, 0, false
	}
	return sorted[rank-1], sorted[n-rank], 1 - 2*tail(n, rank), true
}

// intervalRank returns the rank, counted from 1, of the lower end of the interval
// of the median of n samples; the upper end has the rank n+1-rank. It is 0 when n
// is too small for the confidence.
func intervalRank(n int, confidence float64) int {
	// The tails grow with the rank, so the first rank that has too much tail ends
	// the search. 1e-12 forgives the rounding of the beta function.
	allowed := (1 - confidence) / 2 * (1 + 1e-12)
	lo, hi := 0, n/2
	for lo < hi {
		mid := (lo + hi + 1) / 2
		if tail(n, mid) <= allowed {
			lo = mid
		} else {
			hi = mid - 1
		}
	}
	return lo
}

// tail returns the probability that the median of the population lies below the
// sample of this rank among n: that fewer than rank samples fall below it.
func tail(n, rank int) float64 {
	return distuv.Binomial{N: float64(n), P: 0.5}.CDF(float64(rank - 1))
}

// Agree reports whether the medians of two successive windows of samples differ
// by no more than the tolerance (0.05 is 5 % of the smaller one): the sign that a
// warm-up is over. An empty window agrees with nothing.
func Agree(a, b []float64, tolerance float64) bool {
	ma, errA := mstats.Median(a)
	mb, errB := mstats.Median(b)
	if errA != nil || errB != nil {
		return false
	}
	return math.Abs(ma-mb) <= tolerance*math.Min(ma, mb)
}
