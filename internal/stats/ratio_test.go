package stats

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestPairedRatio(t *testing.T) {
	// Rounds that differ tenfold do not matter: within each the ratio is near 4.
	slow := []float64{4, 40, 0.41, 39, 4.2, 0.38, 4.1, 41}
	fast := []float64{1, 10, 0.1, 10, 1, 0.1, 1, 10}
	r, err := PairedRatio(slow, fast, 0.95)
	if err != nil || math.Abs(r.Value-math.Sqrt(4*4.1)) > 1e-9 || r.Method != MethodRounds {
		t.Fatalf("got %+v, %v", r, err)
	}
	if lo, hi := r.CI[0], r.CI[1]; !(3.8 < lo && lo < 3.91 && 4.1 < hi && hi < 4.2) {
		t.Errorf("interval %v", *r.CI)
	}
	back, _ := PairedRatio(fast, slow, 0.95)
	if math.Abs(back.Value*r.Value-1) > 1e-12 || math.Abs(back.CI[0]*r.CI[1]-1) > 1e-12 {
		t.Errorf("the other way round: %+v, interval %v", back, *back.CI)
	}
	wide, _ := PairedRatio(slow, fast, 0.999) // more than eight order statistics can have
	if wide.Method != MethodRoundsT || wide.Value != r.Value || wide.CI[0] >= r.CI[0] || wide.CI[1] <= r.CI[1] {
		t.Errorf("at 99.9 %%: %+v, interval %v", wide, *wide.CI)
	}
}

// Two sides with 8 launches each: the interval of either side is known, and the ends
// combine like the sides of a right triangle.
func TestIndependentRatio(t *testing.T) {
	slow := []float64{1, 2, 4, 8, 16, 32, 64, 128}
	fast := []float64{5, 5, 5, 5, 5, 5, 5, 5}
	ra, err := IndependentRatio(slow, fast, 0.95)
	if err != nil {
		t.Fatal(err)
	}
	sum, _ := Summarize(Samples{{1}, {2}, {4}, {8}, {16}, {32}, {64}, {128}})
	if math.Abs(ra.CI[0]*5-sum.CI95[0]) > 1e-9 || math.Abs(ra.CI[1]*5-sum.CI95[1]) > 1e-9 || ra.Method != MethodCombined {
		t.Errorf("against a side without spread: %+v, interval %v, want that of the other side over 5, %v", ra, *ra.CI, *sum.CI95)
	}
	rb, _ := IndependentRatio(slow, slow, 0.95)
	up := math.Log(sum.CI95[1]) - math.Log(math.Sqrt(8*16))
	down := math.Log(math.Sqrt(8*16)) - math.Log(sum.CI95[0])
	if rb.Value != 1 || math.Abs(math.Log(rb.CI[1])-math.Hypot(up, down)) > 1e-9 {
		t.Errorf("against itself: %+v, interval %v, want up to e^%v", rb, *rb.CI, math.Hypot(up, down))
	}
	few, _ := IndependentRatio(slow, []float64{5, 6, 7}, 0.95)
	if few.Method != MethodCombinedT || few.CI == nil {
		t.Errorf("three launches on a side: %+v", few)
	}
}

func TestRatioWithoutInterval(t *testing.T) {
	for _, f := range []func(a, b []float64, c float64) (Ratio, error){PairedRatio, IndependentRatio} {
		r, err := f([]float64{2, 4}, []float64{1, 1}, 0.95)
		if err != nil || r.CI != nil || r.Method != "" || math.Abs(r.Value-math.Sqrt(8)) > 1e-12 {
			t.Errorf("two launches: got %+v, %v", r, err)
		}
		if v := r.Verdict(0.02); v != Unclear {
			t.Errorf("verdict %s", v)
		}
	}
}

func TestRatioRefuses(t *testing.T) {
	good := []float64{1}
	for _, bad := range []float64{0, -1, math.NaN(), math.Inf(1)} {
		for _, f := range []func(a, b []float64, c float64) (Ratio, error){PairedRatio, IndependentRatio} {
			if _, err := f([]float64{bad}, good, 0.95); err == nil || !strings.HasPrefix(err.Error(), "baseline: ") {
				t.Errorf("%v as baseline: got %v", bad, err)
			}
			if _, err := f(good, []float64{bad}, 0.95); err == nil || !strings.HasPrefix(err.Error(), "arm under test: ") {
				t.Errorf("%v as arm under test: got %v", bad, err)
			}
		}
	}
	if r, err := PairedRatio([]float64{1e300}, []float64{1e-300}, 0.95); err == nil {
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
		if got := (Ratio{Value: 9, CI: &[2]float64{tt.lo, tt.hi}}).Verdict(upper - 1); got != tt.want {
			t.Errorf("[%v, %v]: %s, want %s", tt.lo, tt.hi, got, tt.want)
		}
	}
}

// The short cut through the beta distribution must have the distribution of the
// plain bootstrap, which draws each sample.
func TestLaunchMedianMatchesPlainBootstrap(t *testing.T) {
	const draws = 40000
	for _, n := range []int{1, 2, 3, 4, 7, 30, 101} {
		r := rand.New(rand.NewPCG(9, uint64(n)))
		launch := make([]float64, n)
		for i := range launch {
			launch[i] = math.Exp(0.5 * math.Round(4*r.NormFloat64())) // with ties
		}
		a := newResampler(Samples{launch})
		quick, plain := make([]float64, draws), make([]float64, draws)
		x := make([]float64, n)
		for i := range draws {
			quick[i] = a.launchMedian(r, 0)
			for j := range x {
				x[j] = a[0][r.IntN(n)]
			}
			plain[i] = medianOf(x)
		}
		slices.Sort(quick)
		slices.Sort(plain)
		// Kolmogorov and Smirnov's distance of two samples, at which one in 10000 pairs
		// would fail if both had one distribution.
		if d, limit := distance(quick, plain), 2.23*math.Sqrt(2.0/draws); d > limit {
			t.Errorf("n=%d: the distributions differ by %.4f, more than %.4f", n, d, limit)
		}
	}
}

// distance is the largest difference of two empirical distributions.
func distance(a, b []float64) float64 {
	most, i, j := 0.0, 0, 0
	for i < len(a) && j < len(b) {
		v := min(a[i], b[j])
		for i < len(a) && a[i] <= v {
			i++
		}
		for j < len(b) && b[j] <= v {
			j++
		}
		most = max(most, math.Abs(float64(i)/float64(len(a))-float64(j)/float64(len(b))))
	}
	return most
}

func TestShareInside(t *testing.T) {
	fast := Samples{{1}, {1}, {1}, {1}}
	for _, tt := range []struct {
		name   string
		slow   Samples
		lo, hi float64
		want   float64
	}{
		{"all", Samples{{3}, {3}, {3}, {3}}, 3, 4, 1},
		{"none", Samples{{3}, {3}, {3}, {3}}, 4, 5, 0},
		// The sum of two middle ones of four draws from 2 and 8: the median is 2, 4 or 8
		// with 5/16, 6/16, 5/16.
		{"launches differ", Samples{{2}, {2}, {8}, {8}}, 3.9, 4.1, 6.0 / 16},
		{"launches differ, far ends", Samples{{2}, {2}, {8}, {8}}, 3.9, 9, 11.0 / 16},
		// One launch of three samples: its resampled median is the middle one with 13/27.
		{"samples within a launch", Samples{{2, 3, 4}, {2, 3, 4}, {2, 3, 4}, {2, 3, 4}}[:1], 2.9, 3.1, 13.0 / 27},
	} {
		for _, paired := range []bool{true, false} {
			got := ShareInside(tt.slow, fast[:len(tt.slow)], paired, tt.lo, tt.hi, 1)
			if math.Abs(got-tt.want) > 4*math.Sqrt(0.25/shareResamples) {
				t.Errorf("%s, paired %v: %.4f, want %.4f", tt.name, paired, got, tt.want)
			}
			if again := ShareInside(tt.slow, fast[:len(tt.slow)], paired, tt.lo, tt.hi, 1); again != got {
				t.Errorf("%s: %v, then %v", tt.name, got, again)
			}
		}
	}
}
