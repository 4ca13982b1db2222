package stats

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestRatioOf(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	slow := arms(rng, 3, 30, 4, 0, 0.05)
	fast := arms(rng, 3, 30, 1, 0, 0.05)
	r, err := RatioOf(slow, fast, 42)
	if err != nil {
		t.Fatal(err)
	}
	if r.CI95 == nil || r.CI95[0] < 3.7 || r.CI95[1] > 4.3 || r.Value < r.CI95[0] || r.Value > r.CI95[1] {
		t.Errorf("ratio of 4: got %v %v", r.Value, r.CI95)
	}
	if r.Method != RatioMethod || r.Resamples != 10000 {
		t.Errorf("got %q, %d", r.Method, r.Resamples)
	}
	again, _ := RatioOf(slow, fast, 42)
	if *again.CI95 != *r.CI95 {
		t.Errorf("same seed, %v and then %v", *r.CI95, *again.CI95)
	}
	other, _ := RatioOf(slow, fast, 43)
	if *other.CI95 == *r.CI95 {
		t.Error("another seed gave the same interval")
	}
}

func TestRatioWithoutInterval(t *testing.T) {
	enough := Samples{{1, 2, 3}, {1, 2, 3}}
	for _, tt := range []struct {
		name string
		s    Samples
	}{
		{"one launch", Samples{{1, 2, 3, 4, 5, 6, 7, 8}}},
		{"one launch that has samples", Samples{{}, {1, 2, 3, 4, 5, 6, 7, 8}, nil}},
		{"five samples", Samples{{1, 2, 3}, {4, 5}}},
	} {
		for _, pair := range [][2]Samples{{tt.s, enough}, {enough, tt.s}} {
			r, err := RatioOf(pair[0], pair[1], 1)
			if err != nil || r.CI95 != nil || r.Resamples != 0 || r.Method != "" || r.Value <= 0 {
				t.Errorf("%s: got %+v, %v", tt.name, r, err)
			}
			if v := r.Verdict(0.02); v != Unclear {
				t.Errorf("%s: verdict %s", tt.name, v)
			}
		}
	}
	if r, err := RatioOf(enough, enough, 1); err != nil || r.CI95 == nil || r.Value != 1 {
		t.Errorf("two launches of three: got %+v, %v", r, err)
	}
}

func TestRatioBeyondNumbers(t *testing.T) {
	if r, err := RatioOf(Samples{{1e300}}, Samples{{1e-300}}, 1); err == nil {
		t.Errorf("got %v", r)
	}
}

func TestVerdict(t *testing.T) {
	const upper = 1.25 // threshold 0.25, so that the lower end, 0.8, is as exact
	for _, tt := range []struct {
		lo, hi float64
		want   Verdict
	}{
		{1.26, 1.40, Faster},
		{upper, 1.40, Unclear}, // touches
		{1.24, 1.40, Unclear},
		{0.60, 0.79, Slower},
		{0.60, 0.80, Unclear},
		{0.80, upper, Same},
		{0.99, 1.01, Same},
		{1.05, 1.20, Same}, // not 1, but too little to matter
		{0.79, 1.01, Unclear},
		{0.50, 2.00, Unclear},
	} {
		// The point says faster by far: it must not matter.
		if got := (Ratio{Value: 9, CI95: &[2]float64{tt.lo, tt.hi}}).Verdict(upper - 1); got != tt.want {
			t.Errorf("[%v, %v]: %s, want %s", tt.lo, tt.hi, got, tt.want)
		}
	}
}

// The short cut through binomial counts must have the distribution of the plain
// bootstrap, which draws each sample. Launches of unequal size, ties, odd and even
// totals.
func TestResampleMatchesPlainBootstrap(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	for _, tt := range []struct {
		name string
		s    Samples
	}{
		{"even", arms(rng, 4, 10, 1, 0.1, 0.2)},
		{"odd", arms(rng, 3, 7, 1, 0.0, 0.5)},
		{"long", arms(rng, 3, 301, 1, 0.05, 0.1)},
		{"unequal", Samples{{1, 2, 3, 4, 5, 6, 7}, {2.5, 3.5}, {10, 11, 12, 13}}},
		{"ties", Samples{{1, 1, 1, 2}, {1, 2, 2, 2}, {2, 3, 3, 3}}},
	} {
		const draws = 20000
		a, err := newArm(tt.s)
		if err != nil {
			t.Fatal(err)
		}
		quick, plain := make([]float64, draws), make([]float64, draws)
		src := rand.NewPCG(11, 12)
		for i := range draws {
			quick[i] = a.resample(src)
			var x []float64
			for range tt.s {
				launch := tt.s[rng.IntN(len(tt.s))]
				for range launch {
					x = append(x, launch[rng.IntN(len(launch))])
				}
			}
			slices.Sort(x)
			plain[i] = sortedMedian(x)
		}
		slices.Sort(quick)
		slices.Sort(plain)
		// Kolmogorov and Smirnov's distance of two samples; 1.95 is the 0.1 % point.
		if d, limit := distance(quick, plain), 1.95*math.Sqrt(2.0/draws); d > limit {
			t.Errorf("%s: distributions differ by %.4f, allowed %.4f", tt.name, d, limit)
		}
	}
}

func distance(a, b []float64) float64 {
	var d float64
	for _, x := range a {
		below := func(s []float64) float64 {
			i, _ := slices.BinarySearch(s, math.Nextafter(x, math.Inf(1)))
			return float64(i) / float64(len(s))
		}
		d = max(d, math.Abs(below(a)-below(b)))
	}
	return d
}

// Drawn one by one, 600000 samples would be 6e9 draws and would not end before the
// tests' time limit.
func TestRatioOfLongLaunches(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 14))
	slow, fast := arms(rng, 3, 100000, 2, 0.01, 0.05), arms(rng, 3, 100000, 1, 0.01, 0.05)
	r, err := RatioOf(slow, fast, 1)
	if err != nil || r.CI95 == nil || r.CI95[0] < 1.9 || r.CI95[1] > 2.1 {
		t.Error(r, err)
	}
}

// How often the interval holds the true ratio when launches differ from each
// other as much as the samples within one do. Few launches are too few for the
// bootstrap to see all of that: the figures are logged so that a default number of
// launches can be chosen by them.
func TestRatioCoverage(t *testing.T) {
	const runs = 200
	for _, launches := range []int{3, 5, 10} {
		rng := rand.New(rand.NewPCG(15, uint64(launches)))
		covered := 0
		for i := range runs {
			slow, fast := arms(rng, launches, 20, 2, 0.02, 0.02), arms(rng, launches, 20, 1, 0.02, 0.02)
			r, err := ratioOf(slow, fast, uint64(i), 1000)
			if err != nil {
				t.Fatal(err)
			}
			if r.CI95[0] <= 2 && 2 <= r.CI95[1] {
				covered++
			}
		}
		t.Logf("%d launches of 20 samples: covered the true ratio in %d of %d runs", launches, covered, runs)
		if covered < runs*7/10 {
			t.Errorf("%d launches of 20 samples: covered only %d of %d", launches, covered, runs)
		}
	}
}

// arms makes launches with a log-normal spread between and within them around a
// true median.
func arms(rng *rand.Rand, launches, samples int, median, between, within float64) Samples {
	s := make(Samples, launches)
	for l := range s {
		shift := between * rng.NormFloat64()
		s[l] = make([]float64, samples)
		for i := range s[l] {
			s[l][i] = median * math.Exp(shift+within*rng.NormFloat64())
		}
	}
	return s
}
