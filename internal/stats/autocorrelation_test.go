package stats

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// autoregressive is a stationary Gaussian series with the standard deviation sd, of
// which each value is phi times the one before, and noise.
func autoregressive(rng *rand.Rand, phi, sd float64) func() float64 {
	x := sd * rng.NormFloat64()
	return func() float64 {
		now := x
		x = phi*x + math.Sqrt(1-phi*phi)*sd*rng.NormFloat64()
		return now
	}
}

func TestEffectiveSizeByHand(t *testing.T) {
	for _, tt := range []struct {
		name string
		x    []float64
		want float64
	}{
		// Deviations -1.5 -0.5 0.5 1.5; sums of products by lag 5, 1.25, -1.5, -2.25;
		// the first pair is 6.25, the second negative; 4 / (2*6.25/5 - 1).
		{"1 2 3 4", []float64{1, 2, 3, 4}, 4 / 1.5},
		// Sums by lag 42, 26.25, 11.5, -1.25, -11, -16.75: pairs 68.25 and 10.25;
		// 8 / (2*78.5/42 - 1).
		{"1 to 8", ascending(8), 336.0 / 115},
		{"only the order matters", []float64{-9, 0.1, 0.2, 3, 1e3, 1e4, 1e5, 1e300}, 336.0 / 115},
		// Ranks 1.5 1.5 3.5 3.5, deviations -1 -1 1 1; sums 4, 1, -2, -1; 4 / (2*5/4 - 1).
		{"ties", []float64{7, 7, 8, 8}, 4 / 1.5},
		{"alternating", []float64{1, 2, 1, 2, 1, 2, 1, 2}, 8},
		{"all the same", []float64{3, 3, 3, 3, 3}, 5},
		{"three", []float64{1, 2, 3}, 3},
		{"one", []float64{1}, 1},
		{"none", nil, 0},
		// The pairs are 105.75, 0.25, 5.75 and -54.25 over a variance of 82.5: the third
		// counts as no more than the second.
		{"a pair that rises again", []float64{1, 2, 3, 9, 4, 6, 7, 8, 10, 5}, 10 / (2*106.25/82.5 - 1)},
	} {
		before := slices.Clone(tt.x)
		if got := EffectiveSize(tt.x); math.Abs(got-tt.want) > 1e-12 {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
		if !slices.Equal(before, tt.x) {
			t.Errorf("%s: the caller's samples were changed", tt.name)
		}
	}
}

// The effective size of a first-order autoregression is n (1 - phi) / (1 + phi), and
// no more than n. For the normal distribution the autocorrelation of the ranks is
// 6/pi asin(phi/2), at most 2 % below that of the values.
func TestEffectiveSizeOfAutoregression(t *testing.T) {
	const n = 100_000
	for _, phi := range []float64{-0.9, -0.5, 0, 0.3, 0.6, 0.8, 0.95} {
		rng := rand.New(rand.NewPCG(21, uint64(100+100*phi)))
		next := autoregressive(rng, phi, 1)
		x := make([]float64, n)
		for i := range x {
			x[i] = next()
		}
		want := min(n*(1-phi)/(1+phi), n)
		got := EffectiveSize(x)
		t.Logf("phi %v: %.0f of %d, exactly %.0f", phi, got, n, want)
		if math.Abs(got/want-1) > 0.1 {
			t.Errorf("phi %v: %.0f, want %.0f", phi, got, want)
		}
		// Times are skewed to the right; a monotone function changes nothing.
		for i := range x {
			x[i] = math.Exp(3 * x[i])
		}
		if again := EffectiveSize(x); again != got {
			t.Errorf("phi %v: %v for the values, %v for their exponentials", phi, got, again)
		}
	}
}

// Few samples are hard to judge: white noise must not lose many of its own, and a
// series with a long memory must lose most.
func TestEffectiveSizeOfShortSeries(t *testing.T) {
	const runs = 500
	for _, tt := range []struct {
		n           int
		phi         float64
		least, most float64 // of the mean over the runs, as a share of n
	}{
		{10, 0, 0.6, 1}, {30, 0, 0.75, 1}, {200, 0, 0.85, 1},
		{30, 0.8, 0.1, 0.4}, {200, 0.8, 0.1, 0.2},
	} {
		rng := rand.New(rand.NewPCG(22, uint64(tt.n)))
		sum := 0.0
		for range runs {
			next := autoregressive(rng, tt.phi, 1)
			x := make([]float64, tt.n)
			for i := range x {
				x[i] = next()
			}
			size := EffectiveSize(x)
			if !(size >= 1 && size <= float64(tt.n)) {
				t.Fatalf("%v of %d samples", size, tt.n)
			}
			sum += size
		}
		share := sum / runs / float64(tt.n)
		t.Logf("phi %v: on average %.2f of %d samples", tt.phi, share, tt.n)
		if share < tt.least || share > tt.most {
			t.Errorf("phi %v: on average %.2f of %d samples, want %v to %v", tt.phi, share, tt.n, tt.least, tt.most)
		}
	}
}

func TestCorrelatedInterval(t *testing.T) {
	for n := MinSamples; n < 200; n++ {
		x := ascending(n)
		lo, hi, ok := correlatedInterval(x, float64(n), Confidence)
		wantLo, wantHi, _, _ := MedianInterval(x, Confidence)
		if !ok || lo != wantLo || hi != wantHi {
			t.Errorf("all of %d are independent: %v to %v, %v; want %v to %v", n, lo, hi, ok, wantLo, wantHi)
		}
		if _, _, ok := correlatedInterval(x, MinSamples-0.1, Confidence); ok {
			t.Errorf("%d samples that are worth five have an interval", n)
		}
	}
	// Of 20, ranks 6 and 15 are 4.5 from the middle, which is 45 of 200 samples.
	if lo, hi, ok := correlatedInterval(ascending(200), 20.9, Confidence); !ok || lo != 55 || hi != 146 {
		t.Errorf("200 that are worth 20: %v to %v, %v", lo, hi, ok)
	}
}

// A series that follows its own past must not stop before its interval is to be
// believed. The rule as it would be for independent samples is simulated beside it.
func TestStopperKnowsCorrelation(t *testing.T) {
	const runs, precision, batch, minTime = 400, 0.01, 0.02, 0.5 // as by default
	for _, tt := range []struct {
		phi             float64
		least           int // of the runs have an interval that holds the median
		without, atMost int
	}{
		{0, 370, 360, runs},
		{0.5, 370, 0, 340},
		{0.8, 370, 0, 240},
		{0.9, 370, 0, 200},
	} {
		rng := rand.New(rand.NewPCG(23, uint64(100*tt.phi)))
		held, heldWithout, samples, samplesWithout := 0, 0, 0, 0
		holds := func(lo, hi float64) int {
			if lo <= 1 && 1 <= hi {
				return 1
			}
			return 0
		}
		for range runs {
			next := autoregressive(rng, tt.phi, 0.03)
			s := NewStopper(10, minTime, precision)
			stopped := false
			for {
				s.Add(1+next(), batch)
				if s.time < minTime {
					continue
				}
				lo, hi, _, _ := MedianInterval(s.sorted, Confidence)
				if !stopped && (hi-lo)/2 <= precision*sortedMedian(s.sorted) {
					stopped = true
					heldWithout += holds(lo, hi)
					samplesWithout += len(s.sorted)
				}
				if s.precise() { // the other rule promises no precision
					break
				}
			}
			lo, hi, _ := correlatedInterval(s.sorted, EffectiveSize(s.series), Confidence)
			held += holds(lo, hi)
			samples += len(s.sorted)
		}
		t.Logf("phi %v: the interval held the median in %.1f %% of %d runs after %d samples; without the correlation in %.1f %% after %d",
			tt.phi, 100*float64(held)/runs, runs, samples/runs, 100*float64(heldWithout)/runs, samplesWithout/runs)
		if held < tt.least {
			t.Errorf("phi %v: the interval held the median in %d of %d runs", tt.phi, held, runs)
		}
		if heldWithout < tt.without || heldWithout > tt.atMost {
			t.Errorf("phi %v: without the correlation it did in %d of %d runs, which is not what is to be cured", tt.phi, heldWithout, runs)
		}
	}
}

func BenchmarkEffectiveSize(b *testing.B) {
	next := autoregressive(rand.New(rand.NewPCG(24, 25)), 0.8, 1)
	x := make([]float64, 250)
	for i := range x {
		x[i] = next()
	}
	for b.Loop() {
		EffectiveSize(x)
	}
}
