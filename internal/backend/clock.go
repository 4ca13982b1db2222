// Timing what is shorter than what a clock can tell.

package backend

import (
	"math"
	"time"
)

// Clock reads the time since some moment, on a clock that never goes back.
type Clock func() time.Duration

// NewClock is the host's clock.
func NewClock() Clock {
	start := time.Now()
	return func() time.Duration { return time.Since(start) }
}

const (
	// seenTicks are those that Repeat wants to see: so one more or less is 1 % of them.
	seenTicks = 100
	// longEnough is with how much time Repeat is content where the ticks are long, if it
	// holds two of them.
	longEnough = time.Millisecond
	// mostRepeats bounds what is done over and over while a clock stands still.
	mostRepeats = 1 << 20
	// tickSteps are the steps of a clock of which the shortest is its tick.
	tickSteps = 10
	// mostReadings is how often a clock that does not move is read.
	mostReadings = 1 << 24
)

// Tick is the least time that the clock tells apart: a period of its counter, 41.67 ns on
// Apple's processors, or what reading it takes where that is longer. It is 0 for a clock
// that stands still.
func (c Clock) Tick() time.Duration {
	shortest := time.Duration(math.MaxInt64)
	last, steps := c(), 0
	for range mostReadings {
		now := c()
		if now == last {
			continue
		}
		shortest = min(shortest, now-last)
		last = now
		if steps++; steps == tickSteps {
			return shortest
		}
	}
	if steps == 0 {
		return 0
	}
	return shortest
}

// Repeat does the same over and over, each time after the one before, until the clock,
// whose tick is given, can tell how long that takes together. Timing.Dispatches is how
// often it was done. The error is one of do, or of kind Failed where the clock stands still.
func (c Clock) Repeat(tick time.Duration, do func() error) (Timing, error) {
	enough := max(2*tick, min(seenTicks*tick, longEnough))
	for n := 1; ; {
		start := c()
		for range n {
			if err := do(); err != nil {
				return Timing{}, err
			}
		}
		took := c() - start
		if took > 0 && (took >= enough || n == mostRepeats) {
			return Timing{HostS: took.Seconds(), Dispatches: n}, nil
		}
		if n == mostRepeats {
			return Timing{}, Errorf(Failed, "host clock: %d empty dispatches took %v: the clock stands still", n, took)
		}
		want := float64(10 * n)
		if took > 0 {
			want = min(want, math.Ceil(1.25*float64(n)*float64(enough)/float64(took)))
		}
		n = min(max(int(want), n+1), mostRepeats)
	}
}
