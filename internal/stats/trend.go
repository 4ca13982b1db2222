// Does a series rise or fall?

package stats

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// Trend is the slope of y over x by Theil and Sen, the median of the slopes of all
// pairs, and the two-sided probability that independent values show one as clear by
// Kendall's test (normal approximation with correction for continuity and for ties
// of y). The values of x differ. Below three values the probability is 1.
func Trend(x, y []float64) (slope, p float64) {
	n := len(y)
	if n < 3 {
		return 0, 1
	}
	var slopes []float64
	s, ties := 0.0, map[float64]int{}
	for i := range y {
		ties[y[i]]++
		for j := range i {
			v := (y[i] - y[j]) / (x[i] - x[j])
			slopes = append(slopes, v)
			switch {
			case v > 0:
				s++
			case v < 0:
				s--
			}
		}
	}
	variance := float64(n * (n - 1) * (2*n + 5))
	for _, t := range ties {
		variance -= float64(t * (t - 1) * (2*t + 5))
	}
	slices.Sort(slopes)
	slope = sortedMedian(slopes)
	if variance <= 0 || s == 0 {
		return slope, 1
	}
	z := (math.Abs(s) - 1) / math.Sqrt(variance/18)
	return slope, 2 * distuv.UnitNormal.Survival(z)
}
