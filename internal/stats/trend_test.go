package stats

import (
	"math"
	"math/rand/v2"
	"testing"
)

// The example of Hollander and Wolfe, Nonparametric Statistical Methods, 1973, p. 187,
// which R's cor.test shows: the lightness of tuna (Hunter's L) and a panel's scores; T =
// 26 concordant pairs of 36, so S = 16. R: cor.test(x, y, method = "kendall", exact =
// FALSE, continuity = TRUE) gives z = 1.5639, p = 0.1179; and by hand the slope.
func TestTrendPublished(t *testing.T) {
	x := []float64{44.4, 45.9, 41.9, 53.3, 44.7, 44.1, 50.7, 45.2, 60.1}
	y := []float64{2.6, 3.1, 2.5, 5.0, 3.6, 4.0, 5.2, 2.8, 3.8}
	if _, p := Trend(x, y); math.Abs(p-0.1179) > 5e-5 {
		t.Errorf("p = %.4f, want 0.1179", p)
	}
	// The pairs' slopes of these are 1, 1.5, 2, 3, 3.5 and 6.
	slope, _ := Trend([]float64{0, 1, 2, 3}, []float64{0, 2, 3, 9})
	if math.Abs(slope-2.5) > 1e-12 {
		t.Errorf("slope %v, want 2.5", slope)
	}
}

func TestTrendOfNothing(t *testing.T) {
	for _, y := range [][]float64{nil, {1}, {1, 2}, {3, 3, 3, 3}} {
		x := []float64{0, 1, 2, 3}[:len(y)]
		if slope, p := Trend(x, y); p != 1 || slope != 0 {
			t.Errorf("%v: slope %v, p %v", y, slope, p)
		}
	}
}

// Independent values are called a trend as seldom as asked for, a clear one nearly
// always.
func TestTrendErrs(t *testing.T) {
	const runs, n = 20000, 9
	r := rand.New(rand.NewPCG(71, 72))
	x, y, z := make([]float64, n), make([]float64, n), make([]float64, n)
	falsely, found := 0, 0
	for range runs {
		for i := range x {
			x[i], y[i] = float64(i), r.ExpFloat64()
			z[i] = y[i] + 0.7*x[i]
		}
		if _, p := Trend(x, y); p < 0.05 {
			falsely++
		}
		if _, p := Trend(x, z); p < 0.05 {
			found++
		}
	}
	if rate := float64(falsely) / runs; rate > 0.05 {
		t.Errorf("no trend was called one in %.3f", rate)
	}
	if rate := float64(found) / runs; rate < 0.8 {
		t.Errorf("a trend was found in %.3f", rate)
	}
}
