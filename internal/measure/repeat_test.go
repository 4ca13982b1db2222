package measure

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"gpubench/internal/worker"
)

// The lines are those that Mesa's Venus prints, with the prefix of its log.
func TestKnownFault(t *testing.T) {
	for _, tt := range []struct {
		name         string
		code, signal string
		stderr       []string
		source       string // a part; empty when the fault is not known
	}{
		{"a ring that the host gave up", "signal", "SIGABRT", []string{"a", "MESA-VIRTIO: debug: vn_ring_submit abort on fatal", "SIGABRT: abort", "PC=0x7f"}, "libkrun/issues/377"},
		{"the same while waiting", "signal", "SIGABRT", []string{"MESA-VIRTIO: debug: stuck in fence wait with iter at 1024", "MESA-VIRTIO: debug: aborting on ring fatal error at iter 1024"}, "libkrun/issues/377"},
		{"a host that was thought dead", "signal", "SIGABRT", []string{"MESA-VIRTIO: debug: stuck in ring seqno wait with iter at 4096", "MESA-VIRTIO: debug: aborting on expired ring alive status at iter 4096"}, "vn_common.c"},
		{"the end of 15 minutes of waiting is no accident", "signal", "SIGABRT", []string{"MESA-VIRTIO: debug: aborting"}, ""},
		{"another abort", "signal", "SIGABRT", []string{"free(): invalid pointer"}, ""},
		{"without a word", "signal", "SIGABRT", nil, ""},
		{"another signal", "signal", "SIGSEGV", []string{"MESA-VIRTIO: debug: vn_ring_submit abort on fatal"}, ""},
		{"an error that the driver reported", "device-lost", "", []string{"MESA-VIRTIO: debug: vn_ring_submit abort on fatal"}, ""},
	} {
		fault, line := knownFault(tt.code, tt.signal, tt.stderr)
		switch {
		case tt.source == "" && fault != nil:
			t.Errorf("%s: taken for %+v", tt.name, *fault)
		case tt.source != "" && (fault == nil || !strings.Contains(fault.source, tt.source) || fault.driver != "Venus" || !strings.HasPrefix(line, "MESA-VIRTIO")):
			t.Errorf("%s: %+v by %q, want the one of %s", tt.name, fault, line, tt.source)
		}
	}
}

func TestRepetitionsAreCounted(t *testing.T) {
	abort := worker.Outcome{Code: worker.CodeSignal, Signal: "SIGABRT", Stderr: []string{"MESA-VIRTIO: debug: vn_ring_submit abort on fatal"}}
	for _, tt := range []struct {
		launches []string
		want     string
	}{
		{[]string{"launch/4"}, "1 of 8 launches ended in a fault of the Venus driver that is known to be random (SIGABRT: MESA-VIRTIO: debug: vn_ring_submit abort on fatal; see https://github.com/libkrun/libkrun/issues/377) and was repeated once"},
		{[]string{"launch/0", "launch/2", "launch/3"}, "2 of 8 launches ended in"},
	} {
		s := &script{outcome: map[string]worker.Outcome{}}
		for _, l := range tt.launches {
			s.outcome[l] = abort
		}
		p := plan("cpu")
		p.Launches = 8
		m := measure(one(s), p).ms[0]
		if len(m.Warnings) == 0 || m.Warnings[0].Code != "launch-repeated" || !strings.HasPrefix(m.Warnings[0].Text, tt.want) {
			t.Errorf("%+v, want %s", m.Warnings, tt.want)
		}
		if len(m.Launches) != 8+len(tt.launches)-len(tt.launches)/3 || m.Summary.Launches != 8-len(tt.launches)/3 {
			t.Errorf("%d launches, %d in the summary", len(m.Launches), m.Summary.Launches)
		}
	}
}

// A repetition that the user interrupts is no failure of the launch.
func TestInterruptedRepetition(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	s := &script{
		outcome: map[string]worker.Outcome{"launch/1": {Code: worker.CodeSignal, Signal: "SIGABRT", Stderr: []string{"vn_ring_submit abort on fatal"}}},
		during: func(op string, n int) {
			if fmt.Sprintf("%s/%d", op, n) == "launch/2" {
				cancel()
			}
		},
	}
	m := measureContext(ctx, one(s), plan("cpu")).ms[0]
	if m.Status != "ok" || codes(m.Warnings) != "launch-repeated few-launches no-interval" || len(m.Launches) != 3 {
		t.Errorf("%s, %d launches, %+v", m.Status, len(m.Launches), m.Warnings)
	}
}
