package backend

import (
	"errors"
	"math"
	"testing"
	"time"
)

// coarse is a clock over a time of the tests that shows whole ticks only.
type coarse struct {
	at   float64 // seconds
	tick float64
	cost float64 // of a reading
}

func (c *coarse) read() time.Duration {
	c.at += c.cost
	if c.tick == 0 {
		return time.Duration(c.at * 1e9)
	}
	return time.Duration(math.Floor(c.at/c.tick) * c.tick * 1e9)
}

// What is much shorter than a tick has a time all the same, and a right one: of Apple's
// clock, of ones that count microseconds and milliseconds, and of a fine one.
func TestRepeat(t *testing.T) {
	for _, tick := range []float64{0, 125e-9 / 3, 1e-6, 1e-3, 4e-3} {
		for _, takes := range []float64{3e-9, 30e-9, 5e-6, 20e-3} {
			c := &coarse{at: 1.23456, tick: tick, cost: 8e-9}
			clock := Clock(c.read)
			step := clock.Tick()
			if float64(step) < tick*1e9-1 || step == 0 || tick > 0 && float64(step) > 1.1*tick*1e9+1 {
				t.Errorf("a clock that ticks in %g s: Tick is %v", tick, step)
			}
			before := c.at
			times := 0
			got, err := clock.Repeat(step, func() error {
				times++
				c.at += takes
				return nil
			})
			if err != nil || got.HostS <= 0 || got.DeviceS != nil || got.Dispatches < 1 || got.Dispatches > times {
				t.Fatalf("tick %g s, %g s: %+v after %d times, %v", tick, takes, got, times, err)
			}
			each := got.HostS / float64(got.Dispatches)
			// A tick of two is half of it; the readings are in it once.
			bound := max(0.02, tick/got.HostS)
			if math.Abs(each-takes) > bound*takes+16e-9/float64(got.Dispatches) {
				t.Errorf("tick %g s: %d times, each %g s, want %g s within %g", tick, got.Dispatches, each, takes, bound)
			}
			if spent := c.at - before; spent > 0.05 {
				t.Errorf("tick %g s, %g s: it took %g s", tick, takes, spent)
			}
			if takes == 20e-3 && got.Dispatches != 1 {
				t.Errorf("what is long was done %d times", got.Dispatches)
			}
		}
	}
}

func TestRepeatStops(t *testing.T) {
	still := Clock(func() time.Duration { return 7 })
	if still.Tick() != 0 {
		t.Error("a clock that stands still has a tick")
	}
	var e *Error
	if _, err := still.Repeat(0, func() error { return nil }); !errors.As(err, &e) || e.Kind != Failed {
		t.Error(err)
	}
	broken := errors.New("broken")
	if _, err := NewClock().Repeat(time.Nanosecond, func() error { return broken }); err != broken {
		t.Error(err)
	}
	if tick := NewClock().Tick(); tick <= 0 || tick > time.Second {
		t.Errorf("the host's clock ticks in %v", tick)
	}
}
