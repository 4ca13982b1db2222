package stats

import (
	"math"
	"math/rand/v2"
	"testing"
)

// run feeds a stopper until it stops or has seen limit samples.
func run(s *Stopper, limit int, batch float64, next func(i int) float64) (reason string, n int) {
	for n < limit {
		s.Add(next(n), batch)
		n++
		if reason, done := s.Done(); done {
			return reason, n
		}
	}
	return "", n
}

func TestStopper(t *testing.T) {
	normal := func(sd float64) func(int) float64 {
		rng := rand.New(rand.NewPCG(5, 6))
		return func(int) float64 { return 1 + sd*rng.NormFloat64() }
	}
	for _, tt := range []struct {
		name           string
		stopper        *Stopper
		batch          float64
		next           func(int) float64
		reason         string
		fewest, utmost int
	}{
		{"no noise at all stops at the fewest samples", NewStopper(10, 0.5, 0.01), 1, func(int) float64 { return 3 }, StopPrecision, 10, 10},
		{"no noise at all waits for the time", NewStopper(10, 0.5, 0.01), 0.01, func(int) float64 { return 3 }, StopPrecision, 50, 51},
		{"never below 6 samples, which have no interval", NewStopper(1, 0, 0.01), 1, func(int) float64 { return 3 }, StopPrecision, 6, 6},
		// The half width is about 1.96 * 1.2533 * sd / sqrt(n): 60 samples for 1 %.
		{"moderate noise reaches the precision", NewStopper(10, 0, 0.01), 1, normal(0.03), StopPrecision, 25, 140},
		{"strong but stable noise", NewStopper(10, 0, 0.001), 1, normal(0.1), StopNoise, 64, 500},
		{"strong but stable noise waits for the time", NewStopper(10, 800, 0.001), 1, normal(0.1), StopNoise, 800, 1000},
		{"a drift is not stable noise", NewStopper(10, 0, 0.00001), 1, func(i int) float64 { return 1 + 1e-4*float64(i) }, "", 2000, 2000},
		{"half of the samples in each of two modes", NewStopper(10, 0, 0.01), 1, func(i int) float64 { return 1 + 0.5*float64(i%2) }, StopNoise, 64, 64},
		{"one interrupt in twenty hides nothing", NewStopper(10, 0, 0.0001), 1, func(i int) float64 { return 1 + 0.01*float64(i%7) + 30*float64(i%20/19) }, StopNoise, 64, 100},
	} {
		reason, n := run(tt.stopper, tt.utmost, tt.batch, tt.next)
		if reason != tt.reason || n < tt.fewest {
			t.Errorf("%s: stopped by %q after %d samples, want %q after %d to %d", tt.name, reason, n, tt.reason, tt.fewest, tt.utmost)
		}
	}
}

func TestStopperRefusesNaN(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("NaN was taken")
		}
	}()
	NewStopper(10, 1, 0.01).Add(math.NaN(), 1)
}
