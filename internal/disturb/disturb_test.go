package disturb

import (
	"slices"
	"testing"
	"time"
)

const ms = time.Millisecond

func TestPreempted(t *testing.T) {
	idle := thread{} // of the Go runtime, say
	for _, tt := range []struct {
		name    string
		wall    time.Duration
		cpu     time.Duration
		threads []thread
		want    bool
	}{
		{"nothing known", 20 * ms, 40 * ms, nil, false},
		{"two threads on two processors", 20 * ms, 40 * ms, []thread{{ran: 20 * ms}, {ran: 20 * ms}, idle}, false},
		{"0.9 % of what two threads want", 20 * ms, 39 * ms, []thread{{ran: 19640 * time.Microsecond, waited: 360 * time.Microsecond}, {ran: 20 * ms}}, false},
		{"1.1 % of it", 20 * ms, 39 * ms, []thread{{ran: 19560 * time.Microsecond, waited: 440 * time.Microsecond}, {ran: 20 * ms}}, true},
		{"1.1 % of what one wants", 20 * ms, 20 * ms, []thread{{ran: 19780 * time.Microsecond, waited: 220 * time.Microsecond}}, true},
		{"another program has one of two processors", 20 * ms, 30 * ms, []thread{{ran: 15 * ms, waited: 5 * ms}, {ran: 15 * ms, waited: 5 * ms}}, true},
		{"four threads wait for each other on two processors", 20 * ms, 40 * ms, slices.Repeat([]thread{{ran: 10 * ms, waited: 10 * ms}}, 4), false},
		{"a thread with little to do waits behind the worker", 20 * ms, 20 * ms, []thread{{ran: 20 * ms}, {ran: ms, waited: 5 * ms}}, false},
		{"and makes the worker wait", 20 * ms, 20 * ms, []thread{{ran: 19 * ms, waited: ms}, {ran: ms, waited: 5 * ms}}, false},
		{"but less than something else does", 20 * ms, 20 * ms, []thread{{ran: 17 * ms, waited: 3 * ms}, {ran: ms, waited: 5 * ms}}, true},
		{"a device works, the thread that waits for it wakes at once", 20 * ms, ms / 10, []thread{{ran: ms / 10, waited: ms / 10}, idle}, false},
		{"a device works, the thread that waits for it wakes late", 20 * ms, ms / 10, []thread{{ran: ms / 10, waited: 4 * ms}, idle}, true},
		{"a short batch in which waking takes long", ms, ms / 2, []thread{{ran: ms / 2, waited: ms / 10}}, false},
		{"a short batch that was interrupted", 5 * ms, ms, []thread{{ran: ms, waited: 4 * ms}}, true},
	} {
		c := change{processors: 2, wall: tt.wall, cpu: tt.cpu, threads: tt.threads}
		if got := slices.Contains(c.flags(), Preempted); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
		c.throttles = 1
		if got := c.flags(); !slices.Equal(got, []string{Throttled}) {
			t.Errorf("%s, and throttled: flags %v", tt.name, got)
		}
	}
}

func TestStolen(t *testing.T) {
	for _, tt := range []struct {
		name           string
		steal, certain uint64
		over           time.Duration
		want           bool
	}{
		{"nothing", 0, 0, time.Hour, false},
		{"the first tick for long", 1, 0, time.Minute, false},
		{"a tick each half second of two processors is 1 %", 1, 0, 500 * ms, true},
		{"a little less", 1, 0, 501 * ms, false},
		{"one on each of both", 2, 0, time.Second, true},
		{"a burst after a quiet time", 3, 2, time.Minute, true},
	} {
		c := change{processors: 2, wall: 20 * ms, steal: tt.steal, certain: tt.certain, stealOver: tt.over}
		if got := slices.Contains(c.flags(), Stolen); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
	// Of a second on 64 processors, 20 ms are no more than 0.03 %.
	if c := (change{processors: 64, wall: time.Second, steal: 3, certain: 2, stealOver: time.Minute}); len(c.flags()) != 0 {
		t.Errorf("three ticks on 64 processors: %v", c.flags())
	}
}

func TestOtherFlags(t *testing.T) {
	for _, tt := range []struct {
		c    change
		want []string
	}{
		{change{}, nil},
		{change{faults: 1}, []string{Paged}},
		{change{throttles: 1}, []string{Throttled}},
		{change{throttled: 1}, []string{Throttled}}, // stopped, but not until the end of the period
		{change{processors: 2, wall: 20 * ms, throttles: 1, steal: 9, certain: 8, faults: 3}, []string{Throttled, Stolen, Paged}},
	} {
		if got := tt.c.flags(); !slices.Equal(got, tt.want) {
			t.Errorf("%+v: %v, want %v", tt.c, got, tt.want)
		}
	}
}

// Where there is nothing to read, nothing is flagged, and nothing fails.
func TestEmptyRoot(t *testing.T) {
	m := open(t.TempDir())
	defer m.Close()
	for range 3 {
		m.Begin()
		if flags := m.End(); slices.Contains(flags, Preempted) || slices.Contains(flags, Throttled) || slices.Contains(flags, Stolen) {
			t.Errorf("flags %v", flags)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	m := Open()
	defer m.Close()
	b.ReportAllocs()
	for b.Loop() {
		m.Begin()
	}
}
