// How much a series that depends on its own past is worth.

package stats

import (
	"math"
	"slices"
)

// EffectiveSize returns how many independent samples tell as much about the median
// as these, which are in the order in which they were taken. It is between 1 and
// their number, and that number for fewer than four samples or for samples that are
// all the same. The samples are finite numbers.
//
// It divides the number by the integrated autocorrelation time, as found by Geyer's
// initial monotone positive sequence (Practical Markov Chain Monte Carlo, Statistical
// Science 7, 1992; also the Stan Reference Manual, "Effective sample size"): the
// autocorrelations are added in pairs of neighbouring lags, which are positive and
// fall in truth, until one is not positive; what rises again before is noise.
//
// The series is that of the ranks. An interval of the median is made of ranks, so
// that neither one sample a thousand times too long nor the logarithm of them all
// must change it. The exact weight for the median would be the autocorrelation of
// being below it, which is less than that of the ranks (for a Gaussian series of
// 0.80: 0.59 and 0.79), but is known worse from few samples: ranks err on the safe
// side.
func EffectiveSize(x []float64) float64 {
	n := len(x)
	if n < 4 {
		return float64(n)
	}
	d := ranks(x)
	for i := range d {
		d[i] -= float64(n+1) / 2
	}
	variance := autocovariance(d, 0)
	if variance == 0 {
		return float64(n)
	}
	sum, last := 0.0, math.Inf(1)
	for lag := 0; lag+1 < n; lag += 2 {
		pair := autocovariance(d, lag) + autocovariance(d, lag+1)
		if pair <= 0 {
			break
		}
		last = min(last, pair)
		sum += last
	}
	time := 2*sum/variance - 1
	return float64(n) / min(max(time, 1), float64(n))
}

// autocovariance of deviations from the mean, times their number.
func autocovariance(d []float64, lag int) (sum float64) {
	ahead := d[lag:]
	for i, v := range ahead {
		sum += d[i] * v
	}
	return sum
}

// ranks counts from 1; equal samples share the mean of their ranks.
func ranks(x []float64) []float64 {
	order := make([]int, len(x))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		switch {
		case x[a] < x[b]:
			return -1
		case x[a] > x[b]:
			return 1
		}
		return 0
	})
	out := make([]float64, len(x))
	for from := 0; from < len(order); {
		to := from + 1
		for to < len(order) && x[order[to]] == x[order[from]] {
			to++
		}
		for _, i := range order[from:to] {
			out[i] = float64(from+1+to) / 2
		}
		from = to
	}
	return out
}

// correlatedInterval is MedianInterval for samples that are worth only effective
// independent ones: the ranks of its ends keep their distance from the middle as a
// share of all. ok is false when effective is too few for an interval.
func correlatedInterval(sorted []float64, effective, confidence float64) (lo, hi float64, ok bool) {
	n, m := len(sorted), math.Floor(effective)
	rank := intervalRank(int(m), confidence)
	if rank == 0 {
		return 0, 0, false
	}
	share := ((m+1)/2 - float64(rank)) / m
	lower := max(int(float64(n+1)/2-share*float64(n)), 1)
	return sorted[lower-1], sorted[n-lower], true
}
