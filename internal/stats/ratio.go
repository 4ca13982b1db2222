// The ratio of two arms and what may be concluded from it.

package stats

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// Ratio is the time of the slow arm over that of the fast arm: above 1 when the arm
// called fast is faster.
type Ratio struct {
	Value  float64
	CI     *[2]float64 // nil below MinLaunches
	Method string      // how CI was made, empty when it is nil
}

// Methods of a Ratio.
const (
	MethodRounds    = "order statistics of the rounds' ratios, interpolated (Hettmansperger and Sheather 1986)"
	MethodRoundsT   = "Student's t on the logarithms of the rounds' ratios"
	MethodCombined  = "both sides' order statistics of the launches' medians (Hettmansperger and Sheather 1986), combined (Donner and Zou 2012)"
	MethodCombinedT = "both sides' intervals of the launches' medians, Student's t on the logarithms where launches are few, combined (Donner and Zou 2012)"
)

// PairedRatio compares two arms that were launched in the same rounds: slow[i] and
// fast[i] are the medians of their launches of one round, in seconds. Value is the
// median of the rounds' ratios, CI its interval with this confidence. What changes
// from round to round and meets both arms alike (a clock, a neighbour) cancels out.
func PairedRatio(slow, fast []float64, confidence float64) (Ratio, error) {
	if len(slow) != len(fast) {
		panic("BUG: stats: paired arms of different length")
	}
	if err := checkMedians(slow, fast); err != nil {
		return Ratio{}, err
	}
	logs := make([]float64, len(slow))
	for i := range logs {
		logs[i] = math.Log(slow[i]) - math.Log(fast[i])
	}
	if len(logs) < MinLaunches {
		return ratio(sortedMedian(slices.Sorted(slices.Values(logs))))
	}
	point, lo, hi, ordered := center(logs, confidence)
	r, err := ratio(point)
	r.CI, r.Method = &[2]float64{math.Exp(lo), math.Exp(hi)}, MethodRoundsT
	if ordered {
		r.Method = MethodRounds
	}
	return r, err
}

// IndependentRatio compares two arms that have nothing in common, such as those of
// two runs: the medians of their launches, in seconds. Value is the ratio of their
// medians. CI combines the intervals of both sides on the scale of logarithms: the
// distances of the far ends from the points add up as the sides of a right triangle
// do (Donner and Zou, Closed-form confidence intervals for functions of the normal
// mean and standard deviation, Statistical Methods in Medical Research 21, 2012,
// which call it MOVER). Neither shape nor spread need be the same on both sides.
//
// Nothing in it can know how much two runs differ as wholes, in the temperature of
// the room, say, or in what else the machine has to do that day.
func IndependentRatio(slow, fast []float64, confidence float64) (Ratio, error) {
	if err := checkMedians(slow, fast); err != nil {
		return Ratio{}, err
	}
	a, b := logarithms(slow), logarithms(fast)
	if min(len(a), len(b)) < MinLaunches {
		return ratio(sortedMedian(slices.Sorted(slices.Values(a))) - sortedMedian(slices.Sorted(slices.Values(b))))
	}
	ma, loA, hiA, orderedA := center(a, confidence)
	mb, loB, hiB, orderedB := center(b, confidence)
	r, err := ratio(ma - mb)
	r.CI = &[2]float64{math.Exp(ma - mb - math.Hypot(ma-loA, hiB-mb)), math.Exp(ma - mb + math.Hypot(hiA-ma, mb-loB))}
	r.Method = MethodCombinedT
	if orderedA && orderedB {
		r.Method = MethodCombined
	}
	return r, err
}

func checkMedians(slow, fast []float64) error {
	for _, arm := range []struct {
		name    string
		medians []float64
	}{{"baseline", slow}, {"arm under test", fast}} {
		if _, _, err := (Samples{arm.medians}).pool(); err != nil {
			return fmt.Errorf("%s: %w", arm.name, err)
		}
	}
	return nil
}

func ratio(log float64) (Ratio, error) {
	v := math.Exp(log)
	if v == 0 || math.IsInf(v, 0) {
		return Ratio{}, fmt.Errorf("stats: a ratio of e^%.4g is beyond what a number can hold", log)
	}
	return Ratio{Value: v}, nil
}

// shareResamples is the number of resamples of ShareInside: a share of one half is
// then known to half a per cent.
const shareResamples = 10000

// ShareInside is how much of the bootstrap distribution of a ratio lies within [lo,
// hi]. The bootstrap is hierarchical: rounds are drawn with replacement, then
// samples within each drawn launch; for arms that were not launched in the same
// rounds (paired is false) the launches of either side are drawn by themselves. The
// statistic is that of PairedRatio or IndependentRatio. Every launch has samples. The
// same input gives the same share.
func ShareInside(slow, fast Samples, paired bool, lo, hi float64, seed uint64) float64 {
	a, b := newResampler(slow), newResampler(fast)
	r := rand.New(rand.NewPCG(seed, 0x7368617265))
	x, y := make([]float64, len(slow)), make([]float64, len(fast))
	inside := 0
	for range shareResamples {
		var log float64
		if paired {
			for i := range x {
				l := r.IntN(len(slow))
				x[i] = a.launchMedian(r, l) - b.launchMedian(r, l)
			}
			log = medianOf(x)
		} else {
			for i := range x {
				x[i] = a.launchMedian(r, r.IntN(len(slow)))
			}
			for i := range y {
				y[i] = b.launchMedian(r, r.IntN(len(fast)))
			}
			log = medianOf(x) - medianOf(y)
		}
		if math.Log(lo) <= log && log <= math.Log(hi) {
			inside++
		}
	}
	return float64(inside) / shareResamples
}

// medianOf sorts x.
func medianOf(x []float64) float64 {
	slices.Sort(x)
	return sortedMedian(x)
}

// resampler holds the logarithms of an arm's samples, each launch in ascending order.
type resampler [][]float64

func newResampler(s Samples) resampler {
	out := make(resampler, len(s))
	for i, launch := range s {
		out[i] = logarithms(launch)
		slices.Sort(out[i])
	}
	return out
}

// launchMedian draws as many samples as launch l has, with replacement, and returns
// the median of their logarithms. It does not draw them one by one: the middle one of
// n uniform numbers has a beta distribution, and the number's place among the sorted
// samples is the sample drawn. Of an even count the two middle ones are drawn, the
// second as the smallest of those above the first.
func (a resampler) launchMedian(r *rand.Rand, l int) float64 {
	x := a[l]
	n := len(x)
	below := float64((n + 1) / 2) // rank of the lower middle one, from 1
	u := distuv.Beta{Alpha: below, Beta: float64(n+1) - below, Src: r}.Rand()
	at := func(u float64) float64 { return x[min(int(u*float64(n)), n-1)] }
	if n%2 == 1 {
		return at(u)
	}
	v := 1 - (1-u)*math.Pow(r.Float64(), 1/(float64(n)-below))
	return (at(u) + at(v)) / 2
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
	if r.CI == nil {
		return Unclear
	}
	lo, hi := r.CI[0], r.CI[1]
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
