// Intervals of the median of a few values, one per launch.

package stats

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// MinLaunches is the fewest launches that have an interval. With two of them the t
// distribution has one degree of freedom, and its interval says nothing.
const MinLaunches = 3

// medianInterval returns the interval of the median of the population that sorted
// (ascending) comes from, by interpolation between two pairs of order statistics: the
// narrowest pair that has at least the confidence asked for and the next one inside
// (Hettmansperger and Sheather, Confidence intervals based on interpolated order
// statistics, Statistics and Probability Letters 4, 1986). It assumes neither symmetry
// nor a shape; the interpolation is within half a per cent of the confidence for
// all that they tried. ok is false when even the extremes have less than was asked
// for: below six values at 95 %.
func medianInterval(sorted []float64, confidence float64) (lo, hi float64, ok bool) {
	n := len(sorted)
	k := intervalRank(n, confidence)
	if k == 0 {
		return 0, 0, false
	}
	if k == n-k { // there is no pair inside
		return sorted[k-1], sorted[n-k], true
	}
	outer, inner := 1-2*tail(n, k), 1-2*tail(n, k+1)
	excess := (outer - confidence) / (outer - inner)
	share := float64(n-k) * excess / (float64(k) + float64(n-2*k)*excess)
	lo = (1-share)*sorted[k-1] + share*sorted[k]
	hi = (1-share)*sorted[n-k] + share*sorted[n-k-1]
	return lo, hi, true
}

// meanInterval is Student's interval of the mean of the population. x has at least
// two values.
func meanInterval(x []float64, confidence float64) (lo, hi float64) {
	mean, variance := stat.MeanVariance(x, nil)
	n := float64(len(x))
	half := distuv.StudentsT{Sigma: 1, Nu: n - 1}.Quantile((1+confidence)/2) * math.Sqrt(variance/n)
	return mean - half, mean + half
}

// center is where the logarithms of a few times scatter around: their median, and its
// interval by order statistics where there are enough of them for the confidence,
// else Student's, which the median of three values and more always lies in. logs
// has at least MinLaunches values.
func center(logs []float64, confidence float64) (median, lo, hi float64, ordered bool) {
	sorted := slices.Sorted(slices.Values(logs))
	median = sortedMedian(sorted)
	if lo, hi, ok := medianInterval(sorted, confidence); ok {
		return median, lo, hi, true
	}
	lo, hi = meanInterval(logs, confidence)
	return median, lo, hi, false
}

// logarithms of times.
func logarithms(x []float64) []float64 {
	logs := make([]float64, len(x))
	for i, v := range x {
		logs[i] = math.Log(v)
	}
	return logs
}

// DefaultLaunches is how many launches an arm has where nobody says otherwise. Nine is
// the fewest whose second smallest and second largest value have little more than
// 95 % between them (96.1 %): the interval hardly depends on the extremes, so that a
// launch gone wrong does not make it, nor on the interpolation.
const DefaultLaunches = 9

// Within reports whether an interval reaches no further than precision (0.02 is
// 2 %) from its middle, on the scale of ratios. One that is nil does not.
func Within(ci *[2]float64, precision float64) bool {
	return ci != nil && halfWidth(ci) <= math.Log1p(precision)
}

func halfWidth(ci *[2]float64) float64 { return math.Log(ci[1]/ci[0]) / 2 }

// Needed is how many launches the interval of n of them should have had to be Within
// the precision: it narrows with the square root of their number. It is 2n where there
// is no interval to judge from.
func Needed(ci *[2]float64, n int, precision float64) int {
	if ci == nil {
		return 2 * n
	}
	factor := halfWidth(ci) / math.Log1p(precision)
	return int(min(math.Ceil(float64(n)*factor*factor), math.MaxInt32))
}
