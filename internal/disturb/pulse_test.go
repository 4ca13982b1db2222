package disturb

import (
	"testing"
	"time"
)

func TestBeats(t *testing.T) {
	const ms = time.Millisecond
	type at struct{ at, waited time.Duration }
	for _, tt := range []struct {
		name    string
		beats   []at
		unknown bool
		want    time.Duration
	}{
		{"in time", []at{{100 * ms, 0}, {120 * ms, 0}, {140 * ms, 0}}, false, 0},
		{"the first one", []at{{time.Hour, 0}}, false, 0},
		{"early", []at{{100 * ms, 0}, {101 * ms, 0}}, false, 0},
		{"late by little", []at{{100 * ms, 0}, {219 * ms, 0}}, false, 0},
		{"stopped", []at{{100 * ms, 0}, {3120 * ms, 0}}, false, 3000 * ms},
		{"stopped twice", []at{{100 * ms, 0}, {320 * ms, 0}, {340 * ms, 0}, {660 * ms, 0}}, false, 500 * ms},
		{"waiting for a processor", []at{{100 * ms, 50 * ms}, {3120 * ms, 3000 * ms}}, false, 0},
		{"stopped, and then waiting for a processor", []at{{100 * ms, 0}, {3120 * ms, 1000 * ms}}, false, 2000 * ms},
		{"where waiting is unknown", []at{{100 * ms, 0}, {3120 * ms, 0}}, true, 3000 * ms},
		{"late where waiting is unknown", []at{{100 * ms, 0}, {1119 * ms, 0}}, true, 0},
	} {
		p := newPulse()
		for _, b := range tt.beats {
			p.beat(b.at, b.waited, !tt.unknown)
		}
		if p.stopped != tt.want {
			t.Errorf("%s: stopped for %v, want %v", tt.name, p.stopped, tt.want)
		}
	}
}

// A beat that is late is waited for, and what it says counts.
func TestLateBeats(t *testing.T) {
	p := newPulse()
	if p.stops() != 0 {
		t.Error("a stop before the first beat")
	}
	p.beat(now()-time.Second, 0, true)
	go p.beat(now(), 0, true)
	if got := p.stops(); got < time.Second-period-time.Millisecond {
		t.Errorf("stopped for %v, want a second", got)
	}
	m := &Monitor{pulse: p}
	m.BeginEmpty()
	if flags := m.EndEmpty(); flags != nil {
		t.Errorf("%v of a stop before", flags)
	}
	p.beat(p.at+time.Second, 0, true)
	if flags := m.EndEmpty(); len(flags) != 1 || flags[0] != Frozen {
		t.Errorf("%v of a stop within", flags)
	}
	var none *Monitor = &Monitor{}
	none.BeginEmpty()
	if flags := none.EndEmpty(); flags != nil {
		t.Errorf("%v without a pulse", flags)
	}
}
