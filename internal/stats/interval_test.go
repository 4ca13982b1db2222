package stats

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// The effect of two drugs on the sleep of ten patients, in hours (Student, The probable
// error of a mean, Biometrika 6, 1908), as R has it.
var (
	drug1 = []float64{0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0}
	drug2 = []float64{1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4}
)

// R: t.test(Pair(extra[group == 1], extra[group == 2]) ~ 1, data = sleep).
func TestMeanIntervalPublished(t *testing.T) {
	var d []float64
	for i := range drug1 {
		d = append(d, drug1[i]-drug2[i])
	}
	lo, hi := meanInterval(d, 0.95)
	if math.Abs(lo - -2.4598858) > 1e-7 || math.Abs(hi - -0.7001142) > 1e-7 {
		t.Errorf("got %.7f, %.7f, want -2.4598858, -0.7001142", lo, hi)
	}
}

// Hettmansperger and Sheather's weights in whole numbers: of n = 6 the pairs have 62/64
// and 50/64, so the excess is (62 - 60.8)/12 = 1/10 and the share 5/14 of the inner one;
// of n = 10 they have 1002/1024 and 912/1024, 29.2/90 and 14.6/22.2.
func TestMedianIntervalInterpolates(t *testing.T) {
	for _, tt := range []struct {
		n     int
		lo    float64
		level float64
	}{
		{6, 1 + 5.0/14, 0.95},
		{10, 2 + 14.6/22.2, 0.95},
		{8, 2, 1 - 2*9.0/256}, // exactly the pair of the second values
		{4, 1, 1 - 2.0/16},
	} {
		lo, hi, ok := medianInterval(ascending(tt.n), tt.level)
		if !ok || math.Abs(lo-tt.lo) > 1e-12 || math.Abs(hi-(float64(tt.n)+1-tt.lo)) > 1e-12 {
			t.Errorf("n=%d: got %v, %v, %v, want %v and as far from the other end", tt.n, lo, hi, ok, tt.lo)
		}
	}
	if _, _, ok := medianInterval(ascending(5), 0.95); ok {
		t.Error("five values have an interval")
	}
	if lo, hi, ok := medianInterval([]float64{1, 2}, 0.5); !ok || lo != 1 || hi != 2 {
		t.Errorf("two values at 50 %%: got %v, %v, %v", lo, hi, ok)
	}
}

// The interpolation is good for shapes as different as these; without it the
// confidence for n = 8 would be 99.2 or 93.0 %.
func TestInterpolatedIntervalCovers(t *testing.T) {
	const runs = 20000
	for name, draw := range map[string]func(*rand.Rand) float64{
		"normal":      func(r *rand.Rand) float64 { return r.NormFloat64() },
		"Laplace":     func(r *rand.Rand) float64 { return r.ExpFloat64() * float64(1-2*r.IntN(2)) },
		"exponential": func(r *rand.Rand) float64 { return r.ExpFloat64() - math.Ln2 },
		"Cauchy":      func(r *rand.Rand) float64 { return math.Tan(math.Pi * (r.Float64() - 0.5)) },
		"uniform":     func(r *rand.Rand) float64 { return r.Float64() - 0.5 },
	} {
		r := rand.New(rand.NewPCG(61, 62))
		for _, n := range []int{6, 8, 10, 15, 40} {
			x := make([]float64, n)
			covered := 0
			for range runs {
				for i := range x {
					x[i] = draw(r)
				}
				slices.Sort(x)
				if lo, hi, _ := medianInterval(x, 0.95); lo <= 0 && 0 <= hi {
					covered++
				}
			}
			rate := float64(covered) / runs
			if math.Abs(rate-0.95) > 0.008+4*math.Sqrt(0.95*0.05/runs) {
				t.Errorf("%s, n=%d: covered %.2f %%", name, n, 100*rate)
			}
		}
	}
}

func TestCenterHoldsItsMedian(t *testing.T) {
	r := rand.New(rand.NewPCG(63, 64))
	for range 5000 {
		x := make([]float64, MinLaunches+r.IntN(8))
		for i := range x {
			x[i] = math.Pow(r.NormFloat64(), 3)
		}
		for _, confidence := range []float64{0.95, 0.999} {
			median, lo, hi, _ := center(x, confidence)
			if !(lo <= median && median <= hi) {
				t.Fatalf("%v: median %v outside of %v, %v", x, median, lo, hi)
			}
		}
	}
}

func TestWithin(t *testing.T) {
	for _, tt := range []struct {
		ci        *[2]float64
		precision float64
		want      bool
	}{
		{nil, 1, false},
		{&[2]float64{1, 1.21}, 0.1000001, true},
		{&[2]float64{1, 1.21}, 0.0999999, false},
		{&[2]float64{40, 40}, 0, true},
	} {
		if got := Within(tt.ci, tt.precision); got != tt.want {
			t.Errorf("%v within %v: %v", tt.ci, tt.precision, got)
		}
	}
}
