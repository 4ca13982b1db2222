// Why not another method? The same experiments, judged by the intervals that one
// might have taken instead.

package stats

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/combin"
	"gonum.org/v1/gonum/stat/distuv"
)

// differences are the logarithms of the rounds' ratios.
func differences(slow, fast []float64) []float64 {
	d := make([]float64, len(slow))
	for i := range d {
		d[i] = math.Log(slow[i] / fast[i])
	}
	return d
}

func pairedT(_ *rand.Rand, slow, fast []float64) (lo, hi float64) {
	return meanInterval(differences(slow, fast), Confidence)
}

func welchT(_ *rand.Rand, slow, fast []float64) (lo, hi float64) {
	a, va := stat.MeanVariance(logarithms(slow), nil)
	b, vb := stat.MeanVariance(logarithms(fast), nil)
	n, m := float64(len(slow)), float64(len(fast))
	se2 := va/n + vb/m
	freedom := se2 * se2 / (va*va/(n*n*(n-1)) + vb*vb/(m*m*(m-1)))
	half := distuv.StudentsT{Sigma: 1, Nu: freedom}.Quantile((1+Confidence)/2) * math.Sqrt(se2)
	return a - b - half, a - b + half
}

// walsh is Wilcoxon's signed rank interval: order statistics of the means of all pairs.
func walsh(_ *rand.Rand, slow, fast []float64) (lo, hi float64) {
	d := differences(slow, fast)
	n := len(d)
	count := make([]float64, n*(n+1)/2+1) // of the ways to a sum of ranks
	count[0] = 1
	for rank := 1; rank <= n; rank++ {
		for w := len(count) - 1; w >= rank; w-- {
			count[w] += count[w-rank]
		}
	}
	skip, below := 0, count[0]
	for below/math.Pow(2, float64(n)) <= (1-Confidence)/2 {
		skip++
		below += count[skip]
	}
	var means []float64
	for i := range d {
		for j := i; j < n; j++ {
			means = append(means, (d[i]+d[j])/2)
		}
	}
	slices.Sort(means)
	return means[skip-1], means[len(means)-skip]
}

// shift is Mann and Whitney's interval: order statistics of all differences.
func shift(_ *rand.Rand, slow, fast []float64) (lo, hi float64) {
	n := len(slow)
	total := combin.GeneralizedBinomial(float64(2*n), float64(n))
	// ways[k][u] is how many choices of k of the ranks so far have the statistic u.
	ways := make([][]float64, n+1)
	for k := range ways {
		ways[k] = make([]float64, n*n+1)
	}
	ways[0][0] = 1
	for rank := range 2 * n {
		for k := min(rank+1, n); k >= 1; k-- {
			for u := n * n; u >= 0; u-- {
				if from := u - (rank + 1 - k); from >= 0 && rank+1-k <= n {
					ways[k][u] += ways[k-1][from]
				}
			}
		}
	}
	skip, below := 0, ways[n][0]
	for below/total <= (1-Confidence)/2 {
		skip++
		below += ways[n][skip]
	}
	var all []float64
	for _, a := range slow {
		for _, b := range fast {
			all = append(all, math.Log(a/b))
		}
	}
	slices.Sort(all)
	return all[skip-1], all[len(all)-skip]
}

// percentiles is the plain bootstrap of the launches.
func percentiles(r *rand.Rand, slow, fast []float64) (lo, hi float64) {
	const resamples = 400
	draw := func(x []float64) float64 {
		y := make([]float64, len(x))
		for i := range y {
			y[i] = x[r.IntN(len(x))]
		}
		return math.Log(medianOf(y))
	}
	logs := make([]float64, resamples)
	for i := range logs {
		logs[i] = draw(slow) - draw(fast)
	}
	slices.Sort(logs)
	return logs[resamples/40], logs[resamples-1-resamples/40]
}

// studentised is the bootstrap of the t statistic.
func studentised(r *rand.Rand, slow, fast []float64) (lo, hi float64) {
	const resamples = 400
	moments := func(x []float64) (mean, square float64) { // of the mean
		mean, variance := stat.MeanVariance(x, nil)
		return mean, variance / float64(len(x))
	}
	draw := func(x []float64) []float64 {
		y := make([]float64, len(x))
		for i := range y {
			y[i] = x[r.IntN(len(x))]
		}
		return y
	}
	a, b := logarithms(slow), logarithms(fast)
	ma, sa := moments(a)
	mb, sb := moments(b)
	t := make([]float64, 0, resamples)
	for len(t) < resamples {
		m1, s1 := moments(draw(a))
		m2, s2 := moments(draw(b))
		if s1+s2 > 0 {
			t = append(t, (m1-m2-(ma-mb))/math.Sqrt(s1+s2))
		}
	}
	slices.Sort(t)
	se := math.Sqrt(sa + sb)
	return ma - mb - t[resamples-1-resamples/40]*se, ma - mb - t[resamples/40]*se
}

// Each other method strays further for some noise than the one of this package, which
// stays within 94.5 and 95.6 %. Were it not so, that one would be a matter of taste.
func TestOtherMethodsFallShort(t *testing.T) {
	for _, m := range []struct {
		name     string
		interval func(r *rand.Rand, slow, fast []float64) (lo, hi float64)
	}{
		{"Student's t, round by round", pairedT},
		{"Welch's t", welchT},
		{"Wilcoxon's signed ranks, round by round", walsh},
		{"Mann and Whitney's shift", shift},
		{"percentile bootstrap of the launches", percentiles},
		{"studentised bootstrap of the launches", studentised},
	} {
		rates := simulate(t, roundTruth, func(r *rand.Rand, slow, fast noise) *[2]float64 {
			s := rounds(r, DefaultLaunches, slow, fast)
			lo, hi := m.interval(r, slow.draw(r, manySamples, trueLog, s), fast.draw(r, fewSamples, 0, s))
			return &[2]float64{math.Exp(lo), math.Exp(hi)}
		}, experiments/4)
		worst, best := rates[0], rates[0]
		for _, c := range rates {
			if c.rate < worst.rate {
				worst = c
			}
			if c.rate > best.rate {
				best = c
			}
		}
		t.Logf("%s: %.1f %% (%s) to %.1f %% (%s)", m.name, 100*worst.rate, worst.pair, 100*best.rate, best.pair)
		if worst.rate > 0.935 && best.rate < 0.965 {
			t.Errorf("%s is as good", m.name)
		}
	}
}
