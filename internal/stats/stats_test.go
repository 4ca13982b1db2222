package stats

import (
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	mstats "github.com/montanaflynn/stats"
)

// mpg is the fuel economy column of mtcars (Henderson and Velleman, Biometrics 37,
// 1981), which comes with R.
var mpg = []float64{
	21.0, 21.0, 22.8, 21.4, 18.7, 18.1, 14.3, 24.4, 22.8, 19.2, 17.8, 16.4, 17.3, 15.2, 10.4, 10.4,
	14.7, 32.4, 30.4, 33.9, 21.5, 15.5, 15.2, 13.3, 19.2, 27.3, 26.0, 30.4, 15.8, 19.7, 15.0, 21.4,
}

// Published values: R's summary(mtcars$mpg) and mad(mtcars$mpg, constant = 1);
// R's quantile(1:10); the example of Hyndman and Fan's type 7 in montanaflynn's
// manual, on which that library was once wrong; the example of the Wikipedia
// article "Median absolute deviation".
func TestSummarizePublished(t *testing.T) {
	for _, tt := range []struct {
		name                             string
		x                                []float64
		median, q1, q3, lowest, top, mad float64
	}{
		{"mtcars$mpg", mpg, 19.2, 15.425, 22.8, 10.4, 33.9, 3.65},
		{"1:10", []float64{10, 9, 8, 7, 6, 5, 4, 3, 2, 1}, 5.5, 3.25, 7.75, 1, 10, 2.5},
		{"percentile example", []float64{15, 20, 35, 40, 50}, 35, 20, 40, 15, 50, 15},
		{"MAD example", []float64{1, 1, 2, 2, 4, 6, 9}, 2, 1.5, 5, 1, 9, 1},
		{"even n averages the middle pair", []float64{1, 2, 4, 100}, 3, 1.75, 28, 1, 100, 1.5},
		{"one sample", []float64{7}, 7, 7, 7, 7, 7, 0},
	} {
		got, err := Summarize(Samples{tt.x})
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		for _, f := range []struct {
			what      string
			got, want float64
		}{
			{"median", got.Median, tt.median}, {"q1", got.Q1, tt.q1}, {"q3", got.Q3, tt.q3},
			{"min", got.Min, tt.lowest}, {"max", got.Max, tt.top}, {"mad", got.MAD, tt.mad},
		} {
			if math.Abs(f.got-f.want) > 1e-12 {
				t.Errorf("%s: %s is %v, want %v", tt.name, f.what, f.got, f.want)
			}
		}
		if got.N != len(tt.x) {
			t.Errorf("%s: n is %d, want %d", tt.name, got.N, len(tt.x))
		}
	}
}

// A launch counts once, however many samples it has.
func TestMedianIsOfLaunches(t *testing.T) {
	s := Samples{{1, 2, 3, 4, 100}, nil, {10}, {20, 30}}
	got, err := Summarize(s)
	if err != nil || got.Median != 10 || !slices.Equal(s.Medians(), []float64{3, 10, 25}) {
		t.Errorf("got %+v, %v, medians %v", got, err, s.Medians())
	}
	if got.Q1 != 2.75 || got.Q3 != 22.5 || got.MAD != 5.5 {
		t.Errorf("quartiles and deviation are those of all samples: got %+v", got)
	}
}

func TestSummaryInterval(t *testing.T) {
	for _, tt := range []struct {
		launches int
		method   string
	}{{1, ""}, {2, ""}, {3, MethodT}, {5, MethodT}, {6, MethodOrder}, {8, MethodOrder}} {
		var s Samples
		for i := range tt.launches {
			v := float64(i + 2)
			s = append(s, []float64{v, v * 1.5, v / 2})
		}
		got, err := Summarize(s)
		if err != nil || got.Method != tt.method || (got.CI95 != nil) != (tt.method != "") {
			t.Fatalf("%d launches: got %+v, %v, want an interval by %q", tt.launches, got, err, tt.method)
		}
		if ci := got.CI95; ci != nil && !(ci[0] < got.Median && got.Median < ci[1]) {
			t.Errorf("%d launches: median %v outside of %v", tt.launches, got.Median, *ci)
		}
	}
}

func TestSummarizeCountsLaunches(t *testing.T) {
	s := Samples{{3, 1}, nil, {2}, {}}
	got, err := Summarize(s)
	if err != nil || got.Launches != 2 || got.N != 3 || got.Median != 2 {
		t.Errorf("got %+v, %v", got, err)
	}
	if !slices.Equal(s[0], []float64{3, 1}) {
		t.Errorf("the caller's samples were changed: %v", s)
	}
}

func TestSummarizeRefuses(t *testing.T) {
	for _, tt := range []struct {
		s    Samples
		want string
	}{
		{nil, "no samples"},
		{Samples{{}, nil}, "no samples"},
		{Samples{{1}, {2, 0}}, "launch 1, sample 1: 0 is not"},
		{Samples{{-1}}, "launch 0, sample 0: -1 is not"},
		{Samples{{math.NaN()}}, "NaN is not"},
		{Samples{{math.Inf(1)}}, "+Inf is not"},
		{Samples{{math.Inf(-1)}}, "-Inf is not"},
	} {
		if _, err := Summarize(tt.s); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v: got %v, want an error with %q", tt.s, err, tt.want)
		}
	}
}

// Ranks and confidences of the two-sided sign interval as tables give them:
// twice the binomial tail of Conover, Practical Nonparametric Statistics, table A3
// with p = 0.5; n = 6, 9, 10 and 20 also stand in Le Boudec, Performance Evaluation
// of Computer and Communication Systems, appendix A.
func TestMedianIntervalPublished(t *testing.T) {
	for _, tt := range []struct {
		n, lo, hi  int
		confidence float64 // in per cent, to the table's digits
	}{
		{6, 1, 6, 96.9}, {7, 1, 7, 98.4}, {8, 1, 8, 99.2}, {9, 2, 8, 96.1}, {10, 2, 9, 97.9},
		{12, 3, 10, 96.1}, {15, 4, 12, 96.5}, {17, 5, 13, 95.1}, {20, 6, 15, 95.9},
	} {
		ranks := ascending(tt.n)
		lo, hi, actual, ok := MedianInterval(ranks, 0.95)
		if !ok || lo != float64(tt.lo) || hi != float64(tt.hi) || math.Abs(100*actual-tt.confidence) > 0.05 {
			t.Errorf("n=%d: got ranks %v, %v with %.2f %%, %v; want %d, %d with %v %%", tt.n, lo, hi, 100*actual, ok, tt.lo, tt.hi, tt.confidence)
		}
	}
	for n := range MinSamples {
		if _, _, _, ok := MedianInterval(ascending(n), 0.95); ok {
			t.Errorf("n=%d has a 95 %% interval", n)
		}
	}
	if _, _, actual, ok := MedianInterval(ascending(5), 0.9375); !ok || math.Abs(actual-0.9375) > 1e-12 {
		t.Errorf("n=5 covers exactly 93.75 %%: got %v, %v", actual, ok)
	}
}

// Against binomial coefficients in whole numbers.
func TestIntervalRankExact(t *testing.T) {
	for n := 1; n <= 400; n++ {
		total := new(big.Int).Lsh(big.NewInt(1), uint(n))
		sum, want := new(big.Int), 0
		for k := 0; k < n/2; k++ {
			sum.Add(sum, new(big.Int).Binomial(int64(n), int64(k)))
			if new(big.Int).Mul(sum, big.NewInt(40)).Cmp(total) > 0 { // sum/total > 0.025
				break
			}
			want = k + 1
		}
		if got := intervalRank(n, 0.95); got != want {
			t.Errorf("n=%d: rank %d, want %d", n, got, want)
		}
	}
	// n/2 - 1.96*sqrt(n)/2 for a large n.
	if got := intervalRank(1_000_000, 0.95); got < 499_019 || got > 499_022 {
		t.Errorf("n=1000000: rank %d", got)
	}
}

func ascending(n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = float64(i + 1)
	}
	return x
}

func TestAgree(t *testing.T) {
	for _, tt := range []struct {
		name      string
		a, b      []float64
		tolerance float64
		want      bool
	}{
		{"same", []float64{1, 2, 3}, []float64{2, 2}, 0, true},
		{"within", []float64{1.00, 9}, []float64{5.1}, 0.05, true},
		{"beyond", []float64{1.00, 1.01}, []float64{1.2, 1.2}, 0.05, false},
		{"beyond, other way round", []float64{1.2, 1.2}, []float64{1.00, 1.01}, 0.05, false},
		{"one outlier changes no median", []float64{1, 1, 50}, []float64{1, 1, 1}, 0.01, true},
		{"empty", nil, []float64{1}, 1, false},
		{"both empty", nil, nil, 1, false},
	} {
		if got := Agree(tt.a, tt.b, tt.tolerance); got != tt.want {
			t.Errorf("%s: got %v", tt.name, got)
		}
	}
}

// The interval promises 95 % at least for any distribution; for n = 20 the exact
// figure is 95.86 %. Log-normal samples, fixed seed.
func TestMedianIntervalCovers(t *testing.T) {
	const runs = 4000
	rng := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{6, 10, 20, 101} {
		covered, exact := 0, 0.0
		x := make([]float64, n)
		for range runs {
			for i := range x {
				x[i] = math.Exp(0.3 * rng.NormFloat64()) // median 1
			}
			slices.Sort(x)
			lo, hi, actual, _ := MedianInterval(x, Confidence)
			exact = actual
			if lo <= 1 && 1 <= hi {
				covered++
			}
		}
		rate := float64(covered) / runs
		t.Logf("n=%d: covered %.2f %%, exact %.2f %%", n, 100*rate, 100*exact)
		if sd := math.Sqrt(exact * (1 - exact) / runs); math.Abs(rate-exact) > 4*sd {
			t.Errorf("n=%d: covered %.2f %%, want %.2f %%", n, 100*rate, 100*exact)
		}
	}
}

func TestSortedMedian(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for n := 1; n < 60; n++ {
		for range 20 {
			x := make([]float64, n)
			for i := range x {
				x[i] = float64(1+rng.IntN(12)) / 4 // many ties
			}
			slices.Sort(x)
			median, _ := mstats.Median(x)
			if got := sortedMedian(x); got != median {
				t.Fatalf("median of %v is %v, want %v", x, got, median)
			}
		}
	}
}
