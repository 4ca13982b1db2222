// The ratio of two arms and what may be concluded from it.

package stats

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	mstats "github.com/montanaflynn/stats"
	"gonum.org/v1/gonum/stat/distuv"
)

// RatioMethod names how the interval of a Ratio is made, for the result document.
const RatioMethod = "hierarchical bootstrap of log medians, percentiles"

// resamples of the bootstrap: the ends of a 95 % interval are then the 250th
// values from both ends, known to about 6 % of their distance in probability.
const resamples = 10000

// Ratio is the median time of the slow arm over that of the fast arm: above 1
// when the arm called fast is faster.
type Ratio struct {
	Value     float64
	CI95      *[2]float64 // nil with fewer than 2 launches or MinSamples samples on either side
	Method    string      // how CI95 was made, empty when it is nil
	Resamples int         // 0 when CI95 is nil
}

// RatioOf compares two arms by a hierarchical bootstrap: launches are drawn with
// replacement, then samples within each drawn launch, because two samples of one
// process are more alike than two of different processes (Kalibera and Jones,
// Rigorous Benchmarking in Reasonable Time, 2013). The statistic is the difference
// of the logarithms of the two medians, the interval its 2.5 and 97.5 percentiles.
// The same samples and seed give the same interval. It returns an error when
// either side cannot be summarized.
//
// The work does not grow with the number of samples, only with its logarithm: see
// arm.resample.
func RatioOf(slow, fast Samples, seed uint64) (Ratio, error) {
	return ratioOf(slow, fast, seed, resamples)
}

func ratioOf(slow, fast Samples, seed uint64, resamples int) (Ratio, error) {
	slowArm, err := newArm(slow)
	if err != nil {
		return Ratio{}, fmt.Errorf("baseline: %w", err)
	}
	fastArm, err := newArm(fast)
	if err != nil {
		return Ratio{}, fmt.Errorf("arm under test: %w", err)
	}
	r := Ratio{Value: sortedMedian(slowArm.sorted) / sortedMedian(fastArm.sorted)}
	if r.Value == 0 || math.IsInf(r.Value, 0) {
		return Ratio{}, fmt.Errorf("stats: a ratio of %g s to %g s is beyond what a number can hold",
			sortedMedian(slowArm.sorted), sortedMedian(fastArm.sorted))
	}
	if !slowArm.replicated() || !fastArm.replicated() {
		return r, nil
	}

	src := rand.NewPCG(seed, 0)
	logs := make([]float64, resamples)
	for i := range logs {
		logs[i] = math.Log(slowArm.resample(src)) - math.Log(fastArm.resample(src))
	}
	slices.Sort(logs)
	lo, _ := mstats.Percentile(logs, 100*(1-Confidence)/2)
	hi, _ := mstats.Percentile(logs, 100*(1+Confidence)/2)
	r.CI95 = &[2]float64{math.Exp(lo), math.Exp(hi)}
	r.Method = RatioMethod
	r.Resamples = resamples
	return r, nil
}

// arm is one side of a ratio, laid out for resampling.
type arm struct {
	sorted []float64 // the samples of all launches, ascending
	// below[l][i] is how many of the first i values of sorted came from launch l, so
	// that a launch's share of any range of values is a subtraction.
	below [][]int32
	drawn []int // scratch: samples drawn from each launch
}

func newArm(s Samples) (*arm, error) {
	sorted, launches, err := s.pool()
	if err != nil {
		return nil, err
	}
	if len(sorted) > math.MaxInt32 {
		return nil, fmt.Errorf("stats: %d samples are too many", len(sorted))
	}
	type tagged struct {
		v      float64
		launch int
	}
	all := make([]tagged, 0, len(sorted))
	launch := 0
	for _, samples := range s {
		if len(samples) == 0 {
			continue
		}
		for _, v := range samples {
			all = append(all, tagged{v, launch})
		}
		launch++
	}
	slices.SortStableFunc(all, func(a, b tagged) int {
		switch {
		case a.v < b.v:
			return -1
		case a.v > b.v:
			return 1
		}
		return 0
	})
	a := &arm{sorted: sorted, below: make([][]int32, launches), drawn: make([]int, launches)}
	for l := range a.below {
		a.below[l] = make([]int32, len(all)+1)
		for i, t := range all {
			a.below[l][i+1] = a.below[l][i]
			if t.launch == l {
				a.below[l][i+1]++
			}
		}
	}
	return a, nil
}

// replicated reports whether there is enough for an interval.
func (a *arm) replicated() bool { return len(a.below) >= 2 && len(a.sorted) >= MinSamples }

// size is the number of samples of launch l.
func (a *arm) size(l int) int { return int(a.below[l][len(a.sorted)]) }

// resample draws as many launches as there are, with replacement, then from each
// drawn launch as many samples as it has, with replacement, and returns the median
// of them all.
//
// It does not draw the samples one by one. It halves the sorted values and draws
// only how many samples of each launch fall into the lower half, which is a
// binomial number, then goes on with the half that holds the median's rank. The
// median so found has exactly the distribution that drawing each sample would
// give, after about log2(samples) steps.
func (a *arm) resample(src rand.Source) float64 {
	clear(a.drawn)
	total := 0
	rng := rand.New(src)
	for range a.below {
		l := rng.IntN(len(a.below))
		a.drawn[l] += a.size(l)
		total += a.size(l)
	}
	lo, hi := a.descend(src, a.drawn, 0, len(a.sorted), (total-1)/2, total/2)
	return (lo + hi) / 2
}

// descend returns the values of two ranks (counted from 0, equal or neighbours)
// among the samples that drawn puts into sorted[from:to]. It overwrites drawn.
func (a *arm) descend(src rand.Source, drawn []int, from, to, rankLo, rankHi int) (lo, hi float64) {
	for to-from > 1 {
		mid := (from + to) / 2
		lower := make([]int, len(drawn))
		inLower := 0
		for l, n := range drawn {
			share := float64(a.below[l][mid]-a.below[l][from]) / float64(a.below[l][to]-a.below[l][from])
			lower[l] = binomial(src, n, share)
			inLower += lower[l]
		}
		switch {
		case rankHi < inLower:
			copy(drawn, lower)
			to = mid
		case rankLo >= inLower:
			for l := range drawn {
				drawn[l] -= lower[l]
			}
			rankLo -= inLower
			rankHi -= inLower
			from = mid
		default: // the two middle samples lie on either side
			for l := range drawn {
				drawn[l] -= lower[l]
			}
			lo, _ = a.descend(src, lower, from, mid, rankLo, rankLo)
			_, hi = a.descend(src, drawn, mid, to, 0, 0)
			return lo, hi
		}
	}
	return a.sorted[from], a.sorted[from]
}

// binomial draws how many of n samples fall into a part that has this share of
// the probability. A launch of which nothing was drawn may have a share of 0/0.
func binomial(src rand.Source, n int, share float64) int {
	switch {
	case n == 0 || share == 0:
		return 0
	case share == 1:
		return n
	}
	return int(distuv.Binomial{N: float64(n), P: share, Src: src}.Rand())
}

// Verdict is what an interval says about a ratio.
type Verdict string

// The verdicts. Unclear means that the samples do not decide, not that the arms
// are alike.
const (
	Faster  Verdict = "faster"
	Slower  Verdict = "slower"
	Same    Verdict = "same"
	Unclear Verdict = "unclear"
)

// Verdict judges the whole interval, never the point, against a practical
// threshold (0.02 is 2 %): Faster when it lies above 1+threshold, Slower when below
// 1/(1+threshold), Same when between the two, ends included, and else Unclear, as
// without an interval.
func (r Ratio) Verdict(threshold float64) Verdict {
	if r.CI95 == nil {
		return Unclear
	}
	lo, hi := r.CI95[0], r.CI95[1]
	upper := 1 + threshold
	lower := 1 / upper
	switch {
	case lo > upper:
		return Faster
	case hi < lower:
		return Slower
	case lo >= lower && hi <= upper:
		return Same
	}
	return Unclear
}
