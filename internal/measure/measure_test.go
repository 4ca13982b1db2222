package measure

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"gpubench/internal/analysis"
	"gpubench/internal/backend"
	"gpubench/internal/result"
	"gpubench/internal/worker"
)

// A script is what the children of one device do.
type script struct {
	outcome  map[string]worker.Outcome // by operation, and operation/launch such as "launch/1"; ok when missing
	tried    []result.Candidate        // by the search; one that works when nil
	absent   *result.Absent
	kernel   string // SPIR-V hash, "5b1" when empty; "none" lists no device and has no SPIR-V
	checksum func(launch int) string
	batches  func(launch int) []float64               // seconds of a dispatch; ten of 1 ms when nil
	edit     func(launch, i int, s *result.Sample)    // of a sample
	verified func(launch int, v *result.Verification) // before it is sent
	during   func(op string, launch int)              // in the middle of it
	stop     string                                   // "precision" when empty
	opened   func(op string, n int, o *result.Opened) // the device that a process opens; the one that was listed when nil
	runs     map[string]int                           // how often each operation was run
	requests []worker.Request
}

// children is a Runner whose processes follow scripts, by device, or by backend
// for listing.
type children struct {
	scripts map[string]*script
	log     []string // operations in order
	limits  []time.Duration
}

func (c *children) Run(ctx context.Context, req worker.Request, limit time.Duration, on func(worker.Event)) worker.Outcome {
	key := req.Device
	if key == "" {
		key = req.Backend
	}
	s := c.scripts[key]
	if s.runs == nil {
		s.runs = map[string]int{}
	}
	n := s.runs[req.Op]
	s.runs[req.Op]++
	s.requests = append(s.requests, req)
	c.log = append(c.log, req.Op+" "+key)
	c.limits = append(c.limits, limit)
	if limit <= 0 {
		panic("a child without a time limit")
	}

	if req.Op != worker.OpDevices {
		now := *req.Expect
		if s.opened != nil {
			s.opened(req.Op, n, &now)
		}
		on(worker.Event{Event: worker.EventOpened, Opened: &now})
	}
	switch req.Op {
	case worker.OpDevices:
		if s.absent != nil {
			on(worker.Event{Event: worker.EventAbsent, Absent: s.absent})
		} else if s.kernel != "none" {
			d := result.Device{ID: key, Backend: req.Backend}
			if req.Device == "" {
				d.ID += ":0"
			}
			on(worker.Event{Event: worker.EventDevice, Device: &d})
		}
	case worker.OpSearch:
		s.search(req, on)
	case worker.OpLaunch:
		s.launch(n, req, on)
	}
	if s.during != nil {
		s.during(req.Op, n)
	}
	if ctx.Err() != nil {
		return worker.Outcome{Status: result.StatusFailed, Code: worker.CodeInterrupted, Reason: "the process was ended by the interruption of the run while sampling", Signal: "SIGKILL"}
	}
	for _, k := range []string{fmt.Sprintf("%s/%d", req.Op, n), req.Op} {
		if out, ok := s.outcome[k]; ok {
			out.Status = result.StatusFailed
			return out
		}
	}
	if req.Op == worker.OpLaunch {
		stop := s.stop
		if stop == "" {
			stop = "precision"
		}
		on(worker.Event{Event: worker.EventDone, Stop: stop})
	}
	return worker.Outcome{Status: result.StatusOK, DurationS: 1.5}
}

// search announces what it tries, as the real one does, and then says what became of each.
func (s *script) search(req worker.Request, on func(worker.Event)) {
	tried := s.tried
	if tried == nil {
		tried = []result.Candidate{{Specialization: map[string]uint32{"T": 8}, Status: result.StatusOK, BestS: 1e-3}}
	}
	if len(req.Candidates) > 0 {
		var asked []result.Candidate
		for _, spec := range req.Candidates {
			i := slices.IndexFunc(tried, func(c result.Candidate) bool { return maps.Equal(c.Specialization, spec) })
			asked = append(asked, tried[i])
		}
		tried = asked
	}
	for _, t := range tried {
		on(worker.Event{Event: worker.EventTried, Candidate: &result.Candidate{Specialization: t.Specialization, Status: result.StatusSkipped, Reason: "the process ended before it"}})
	}
	for _, t := range tried {
		on(worker.Event{Event: worker.EventTried, Candidate: &t})
	}
}

func (s *script) launch(n int, req worker.Request, on func(worker.Event)) {
	kernel := s.kernel
	if kernel == "" {
		kernel = "5b1"
	}
	if kernel == "none" {
		kernel = ""
	}
	on(worker.Event{Event: worker.EventBuilt, Kernel: &result.Kernel{Name: device(req.Device).KernelName(), Format: "f32", Accumulate: "f32", SPIRVSHA256: kernel, Form: "c",
		Specialization: map[string]uint32{"T": 8, "EDGE": 1}}})
	v := result.Verification{Batches: 2, Dispatches: 40, MaxError: 1e-6, Bound: 1e-4, Method: "full", ExactChecksum: "sha256:right"}
	if s.checksum != nil {
		v.ExactChecksum = s.checksum(n)
	}
	if s.verified != nil {
		s.verified(n, &v)
	}
	on(worker.Event{Event: worker.EventRoundTrip, RoundTripS: 2e-5 * float64(n+1)})
	on(worker.Event{Event: worker.EventMeter, Meter: &result.Meter{Library: "NVML", Name: "the card", UUID: req.Expect.UUID}})
	on(worker.Event{Event: worker.EventPhase, Phase: "warmup"})
	on(worker.Event{Event: worker.EventWarmup, Sample: &result.Sample{HostS: 9, Dispatches: 1, Flags: []string{}}})
	on(worker.Event{Event: worker.EventPhase, Phase: "sample"})
	times := []float64{1e-3, 1e-3, 1e-3, 1e-3, 1e-3, 1e-3, 1e-3, 1e-3, 1e-3, 1e-3}
	if s.batches != nil {
		times = s.batches(n)
	}
	for i, t := range times {
		v.Batches++
		v.Dispatches += 20
		totals := v
		on(worker.Event{Event: worker.EventVerified, Verification: &totals})
		sample := result.Sample{HostS: 20 * t, Dispatches: 20, Flags: []string{}}
		if s.edit != nil {
			s.edit(n, i, &sample)
		}
		on(worker.Event{Event: worker.EventSample, Sample: &sample})
		on(worker.Event{Event: worker.EventTelemetry, Telemetry: &result.Telemetry{AtS: float64(i), When: result.After, Sample: &i, Values: map[string]float64{"power_w": float64(n)}}})
	}
	on(worker.Event{Event: worker.EventEnergy, Energy: &result.Energy{Joules: 500, WindowS: 0.5, FLOP: 20e6 * uint64(len(times))}})
	on(worker.Event{Event: worker.EventVerified, Verification: &v})
}

var problem = backend.Problem{M: 100, N: 100, K: 50} // 1e6 FLOP

func device(id string) result.Device {
	name, _, _ := strings.Cut(id, ":")
	return result.Device{ID: id, Backend: name, Class: result.ClassCPU, Name: "the " + id, UUID: "of " + id}
}

func plan(ids ...string) Plan {
	p := Plan{Launches: 3, Rules: DefaultRules(), Seed: 1, Runtime: "native"}
	for i, id := range ids {
		p.Arms = append(p.Arms, Arm{Device: device(id), Problem: problem, Baseline: i == 0})
	}
	return p
}

// outcome is all that a run returns.
type outcome struct {
	ms     []result.Measurement
	ratios []result.Ratio
	warns  []result.Warning
	err    error
}

func measure(c Runner, p Plan) outcome {
	return measureContext(context.Background(), c, p)
}

func measureContext(ctx context.Context, c Runner, p Plan) (o outcome) {
	o.ms, o.ratios, o.warns, o.err = Run(ctx, c, p, nil, nil)
	return o
}

func one(s *script) *children { return &children{scripts: map[string]*script{"cpu": s}} }

func codes(ws []result.Warning) string {
	var out []string
	for _, w := range ws {
		out = append(out, w.Code)
	}
	return strings.Join(out, " ")
}

func TestRun(t *testing.T) {
	d := 0.9e-3 * 20
	fast := &script{
		batches: func(n int) []float64 {
			return []float64{4e-4, 4.5e-4, 5.5e-4, 4.8e-4, 5.2e-4, 5e-4, 6e-4, 4.6e-4, 5.4e-4, 5e-4}
		},
		edit: func(_, i int, s *result.Sample) { s.DeviceS = &d },
	}
	c := &children{scripts: map[string]*script{"cpu": {}, "vulkan:0": fast}}
	var seen []Progress
	ms, ratios, warns, err := Run(context.Background(), c, plan("cpu", "vulkan:0"), func(p Progress) { seen = append(seen, p) }, nil)
	if err != nil || len(warns) != 0 || len(ms) != 2 {
		t.Fatalf("%d measurements, warnings %v, error %v", len(ms), warns, err)
	}
	m := ms[1]
	if m.ID != "m1" || m.Runtime != "native" || m.Device != "vulkan:0" || m.Role != "kernel" || m.Status != "ok" || m.Code != "" || m.Reason != "" || codes(m.Warnings) != "" {
		t.Errorf("%+v", m)
	}
	if want := (result.Problem{M: 100, N: 100, K: 50, FLOP: 1e6, Input: "normal", Seed: 1}); m.Problem != want {
		t.Errorf("problem %+v", m.Problem)
	}
	if k := m.Kernel; k.SPIRVSHA256 != "5b1" || k.Specialization["EDGE"] != 1 || len(k.Search) != 1 || !k.Search[0].Chosen {
		t.Errorf("kernel %+v", k)
	}
	if v := m.Verification; v != (result.Verification{Batches: 36, Dispatches: 720, MaxError: 1e-6, Bound: 1e-4, Method: "full", ExactChecksum: "sha256:right"}) {
		t.Errorf("verification %+v", v)
	}
	if len(m.Launches) != 3 {
		t.Fatalf("%d launches", len(m.Launches))
	}
	for i, l := range m.Launches {
		if l.Round != i || l.Status != "ok" || l.Stop != "precision" || len(l.Warmup) != 1 || len(l.Samples) != 10 || l.DurationS != 1.5 || l.Started.IsZero() ||
			l.RoundTripS == nil || *l.RoundTripS != 2e-5*float64(i+1) {
			t.Errorf("launch %d: %+v", i, l)
		}
		if len(l.Telemetry) != 10 || *l.Telemetry[9].Sample != 9 || l.Telemetry[9].Values["power_w"] != float64(i) || l.Energy == nil || l.Energy.Joules != 500 {
			t.Errorf("launch %d: telemetry %+v, energy %+v", i, l.Telemetry, l.Energy)
		}
	}
	s := m.Summary
	if s.Clock != "host" || s.N != 30 || s.Launches != 3 || !near(s.MedianS, 5e-4) || !near(s.FLOPS, 2e9) || !near(s.MinS, 4e-4) || !near(s.MaxS, 6e-4) {
		t.Errorf("summary %+v", s)
	}
	if s.FLOPSCI95[0] > s.FLOPS || s.FLOPSCI95[1] < s.FLOPS || !near(s.FLOPSCI95[0], 1e6/s.CI95S[1]) {
		t.Errorf("rate %v with the interval %v", s.FLOPS, *s.FLOPSCI95)
	}
	if s.DeviceMedianS == nil || !near(*s.DeviceMedianS, 0.9e-3) {
		t.Errorf("device median %v", s.DeviceMedianS)
	}
	if ms[0].Summary.DeviceMedianS != nil {
		t.Error("a device median without a device clock")
	}
	if len(ratios) != 1 || ratios[0].Fast != "m1" || ratios[0].Slow != "m0" || !near(ratios[0].Value, 2) || ratios[0].CI95 == nil || ratios[0].Method == "" {
		t.Errorf("ratios %+v", ratios)
	}

	// All launches have the chosen specialization and the plan's rules and seed.
	for _, r := range fast.requests {
		if r.Backend != "vulkan" || r.Seed != 1 || r.Problem != problem || r.Rules != DefaultRules() || (r.Op == worker.OpLaunch) != (r.Specialization["T"] == 8) {
			t.Errorf("request %+v", r)
		}
	}
	last := seen[len(seen)-1]
	if last.Arms != 2 || last.Round != 2 || last.Rounds != 3 || last.Phase != "sample" || last.Samples != 10 || last.FLOPS == 0 || seen[0].Phase != PhaseSearch {
		t.Errorf("progress began with %+v and ended with %+v", seen[0], last)
	}
}

// Where the operating system tells how hot the machine is, a launch has a reading of
// before it and one of after it.
func TestThermalStateOfLaunches(t *testing.T) {
	defer func(f func() (int, bool)) { thermalState = f }(thermalState)
	for _, ok := range []bool{true, false} {
		state := 0
		thermalState = func() (int, bool) { state++; return state, ok }
		c := &children{scripts: map[string]*script{"cpu": {}}}
		ms, _, _, err := Run(context.Background(), c, plan("cpu"), func(Progress) {}, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i, l := range ms[0].Launches {
			want := []result.Telemetry{{AtS: 0, Values: map[string]float64{"thermal_state": float64(2*i + 1)}}, {AtS: 1.5, Values: map[string]float64{"thermal_state": float64(2*i + 2)}}}
			if !ok {
				want = nil
			}
			var got []result.Telemetry // there are others
			for _, r := range l.Telemetry {
				if _, thermal := r.Values["thermal_state"]; thermal {
					got = append(got, r)
				}
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("launch %d: %+v, want %+v", i, got, want)
			}
		}
	}
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9*math.Abs(b) }

func TestRoundsAreShuffledFromTheSeed(t *testing.T) {
	order := func(seed uint64) []string {
		c := &children{scripts: map[string]*script{"a": {}, "b": {}, "c": {}, "d": {}}}
		p := plan("a", "b", "c", "d")
		p.Seed, p.Launches = seed, 6
		if o := measure(c, p); o.err != nil {
			t.Fatal(o.err)
		}
		for i, op := range c.log[:4] {
			if op != "search "+string(rune('a'+i)) { // with one candidate each, in one process
				t.Errorf("operation %d is %s, want the searches first", i, op)
			}
		}
		return c.log[4:]
	}
	first := order(1)
	rounds := map[string]bool{}
	for round := range slices.Chunk(first, 4) {
		rounds[strings.Join(round, " ")] = true
		sorted := slices.Sorted(slices.Values(round))
		if !slices.Equal(sorted, []string{"launch a", "launch b", "launch c", "launch d"}) {
			t.Errorf("a round of %v", round)
		}
	}
	if len(rounds) < 4 {
		t.Errorf("6 rounds of only %d different orders: %v", len(rounds), first)
	}
	if !slices.Equal(first, order(1)) {
		t.Error("the same seed gives another order")
	}
	if slices.Equal(first, order(2)) {
		t.Error("another seed gives the same order")
	}
}

// What becomes of an arm, by what its children do.
func TestArms(t *testing.T) {
	killed := worker.Outcome{Code: worker.CodeSignal, Signal: "SIGKILL", Reason: "the process was killed by SIGKILL while sampling", Stderr: []string{"last words"}}
	ringAbort := worker.Outcome{Code: worker.CodeSignal, Signal: "SIGABRT", Reason: "the process was killed by SIGABRT while sampling", Stderr: []string{"MESA-VIRTIO: debug: vn_ring_submit abort on fatal"}}
	hung := worker.Outcome{Code: worker.CodeTimeLimit, Signal: "SIGKILL", Reason: "the process was ended by its time limit of 2 s while sampling"}
	wrong := worker.Outcome{Code: "wrong-result", Reason: "batch 7: C[0,0] was never written"}
	failedBatch := func(n int, v *result.Verification) { v.Failed = 1 }
	lower := func(t int) []float64 { return []float64{1e-3} }
	for _, tt := range []struct {
		name     string
		script   script
		dev      func(*result.Device)
		plan     func(*Plan)
		status   string // of the measurement, and code
		reason   string // its beginning
		warnings string // codes
		launches string // status of each
		n        int    // samples in the summary, 0 for none
	}{
		{name: "all is well", status: "ok ", launches: "ok ok ok", n: 30},
		{name: "one launch is killed", script: script{outcome: map[string]worker.Outcome{"launch/1": killed}},
			status: "ok ", warnings: "launch-failed no-interval", launches: "ok signal ok", n: 20},
		{name: "a fault known to be random", script: script{outcome: map[string]worker.Outcome{"launch/1": ringAbort}},
			status: "ok ", warnings: "launch-repeated", launches: "ok signal ok/2 ok", n: 30},
		{name: "two of them", script: script{outcome: map[string]worker.Outcome{"launch/0": ringAbort, "launch/3": ringAbort}},
			status: "ok ", warnings: "launch-repeated", launches: "signal ok/2 ok signal ok/2", n: 30},
		{name: "two of them in a row", script: script{outcome: map[string]worker.Outcome{"launch/1": ringAbort, "launch/2": ringAbort}},
			status: "ok ", warnings: "launch-repeated launch-failed no-interval", launches: "ok signal signal/2 ok", n: 20},
		{name: "one of them and then another fault", script: script{outcome: map[string]worker.Outcome{"launch/1": ringAbort, "launch/2": killed}},
			status: "ok ", warnings: "launch-repeated launch-failed no-interval", launches: "ok signal signal/2 ok", n: 20},
		{name: "nothing but them", script: script{outcome: map[string]worker.Outcome{"launch": ringAbort}},
			status: "failed signal", reason: "none of 3 launches succeeded; launch 1: the process was killed by SIGABRT", warnings: "launch-repeated",
			launches: "signal signal/2 signal signal/2 signal signal/2"},
		{name: "a limit in the repetition", script: script{outcome: map[string]worker.Outcome{"launch/0": ringAbort, "launch/1": {Code: "limit", Reason: "vk: too large"}}},
			status: "unsupported limit", reason: "none of 1 launches succeeded; launch 1: vk: too large", warnings: "launch-repeated", launches: "signal limit/2"},
		{name: "the search falls to one of them", script: script{outcome: map[string]worker.Outcome{"search/0": ringAbort}},
			status: "ok ", warnings: "search-repeated", launches: "ok ok ok", n: 30},
		{name: "all launches are killed", script: script{outcome: map[string]worker.Outcome{"launch": killed}},
			status: "failed signal", reason: "none of 3 launches succeeded; launch 1: the process was killed by SIGKILL", launches: "signal signal signal"},
		{name: "one wrong batch", script: script{outcome: map[string]worker.Outcome{"launch/1": wrong}, verified: func(n int, v *result.Verification) { v.Failed = n }},
			status: "failed wrong-result", reason: "launch 2: batch 7: C[0,0] was never written", launches: "ok wrong-result"},
		{name: "wrong, then killed before it could say so", script: script{outcome: map[string]worker.Outcome{"launch/0": killed}, verified: failedBatch},
			status: "failed wrong-result", reason: "3 of 36 batches were wrong", launches: "signal ok ok"},
		{name: "the device is lost every time", script: script{outcome: map[string]worker.Outcome{"launch": {Code: "device-lost", Reason: "vk: device lost", Remedy: "update the driver"}}},
			status: "failed device-lost", reason: "none of 3 launches succeeded; launch 1: vk: device lost; update the driver", launches: "device-lost device-lost device-lost"},
		{name: "out of memory", script: script{outcome: map[string]worker.Outcome{"launch": {Code: "out-of-memory", Reason: "vk: no memory"}}},
			status: "failed out-of-memory", reason: "none of 3", launches: "out-of-memory out-of-memory out-of-memory"},
		{name: "a limit is not tried again", script: script{outcome: map[string]worker.Outcome{"launch": {Code: "limit", Reason: "vk: too large"}}},
			status: "unsupported limit", reason: "none of 1 launches succeeded; launch 1: vk: too large", launches: "limit"},
		{name: "the device vanishes after a good launch", script: script{outcome: map[string]worker.Outcome{"launch/1": {Code: "no-device", Reason: "vk: gone"}}},
			status: "failed no-device", reason: "1 of 2 launches failed, and figures take more good ones than that; launch 2: vk: gone", launches: "ok no-device"},
		{name: "the device vanishes after three good launches", script: script{outcome: map[string]worker.Outcome{"launch/3": {Code: "no-device", Reason: "vk: gone"}}}, plan: func(p *Plan) { p.Launches = 5 },
			status: "ok ", warnings: "launch-failed few-launches", launches: "ok ok ok no-device", n: 30},
		{name: "one good launch of three", script: script{outcome: map[string]worker.Outcome{"launch/0": killed, "launch/2": killed}},
			status: "failed signal", reason: "2 of 3 launches failed, and figures take more good ones than that; launch 1: the process was killed", launches: "signal ok signal"},
		{name: "as many good ones as others", script: script{outcome: map[string]worker.Outcome{"launch/1": killed, "launch/2": killed}}, plan: func(p *Plan) { p.Launches = 4 },
			status: "failed signal", reason: "2 of 4 launches failed", launches: "ok signal signal ok"},
		{name: "one more good one than others", script: script{outcome: map[string]worker.Outcome{"launch/1": killed, "launch/2": killed}}, plan: func(p *Plan) { p.Launches = 5 },
			status: "ok ", warnings: "launch-failed", launches: "ok signal signal ok ok", n: 30},
		{name: "every launch hangs", script: script{outcome: map[string]worker.Outcome{"launch": hung}}, plan: func(p *Plan) { p.Launches = 9 },
			status: "failed time-limit", reason: "none of 2 launches succeeded; no more were started when 2 in a row had hung; launch 1: the process was ended by its time limit", launches: "time-limit time-limit"},
		{name: "two hang in a row among good ones", script: script{outcome: map[string]worker.Outcome{"launch/4": hung, "launch/5": hung}}, plan: func(p *Plan) { p.Launches = 9 },
			status: "ok ", warnings: "launch-failed few-launches", launches: "ok ok ok ok time-limit time-limit", n: 40},
		{name: "two hang, but not in a row", script: script{outcome: map[string]worker.Outcome{"launch/1": hung, "launch/3": hung}}, plan: func(p *Plan) { p.Launches = 5 },
			status: "ok ", warnings: "launch-failed", launches: "ok time-limit ok time-limit ok", n: 30},
		{name: "a hang after a crash", script: script{outcome: map[string]worker.Outcome{"launch/0": killed, "launch/1": hung}}, plan: func(p *Plan) { p.Launches = 5 },
			status: "ok ", warnings: "launch-failed", launches: "signal time-limit ok ok ok", n: 30},
		{name: "the search finds a limit", script: script{tried: []result.Candidate{}, outcome: map[string]worker.Outcome{"search": {Code: "limit", Reason: "vk: too large"}}},
			status: "unsupported limit", reason: "search: vk: too large"},
		{name: "all candidates are wrong", script: script{tried: []result.Candidate{{Status: "failed", Code: "wrong-result", Reason: "C[0,0] is 1, should be 2"}}, outcome: map[string]worker.Outcome{"search": {Code: "wrong-result", Reason: "none works"}}},
			status: "failed wrong-result", reason: "search: none works", warnings: "candidate-wrong"},
		{name: "the search dies", script: script{tried: []result.Candidate{}, outcome: map[string]worker.Outcome{"search": killed}},
			status: "failed signal", reason: "search: the process was killed by SIGKILL"},
		{name: "the search dies once", script: script{outcome: map[string]worker.Outcome{"search/0": killed}},
			status: "ok ", warnings: "search-repeated", launches: "ok ok ok", n: 30},
		{name: "the search dies with candidates in hand", script: script{tried: []result.Candidate{
			{Specialization: map[string]uint32{"T": 4}, Status: "ok", BestS: 2}, {Specialization: map[string]uint32{"T": 8}, Status: "ok", BestS: 1}, {Specialization: map[string]uint32{"T": 9}, Status: "failed"}},
			outcome: map[string]worker.Outcome{"search": killed}},
			status: "ok ", warnings: "search-failed", launches: "ok ok ok", n: 30},
		{name: "the search tries nothing", script: script{tried: []result.Candidate{}},
			status: "failed protocol", reason: "search: the process tried no specialization"},
		{name: "unusable device", dev: func(d *result.Device) { d.Unusable = "it has no compute queue" },
			status: "unsupported unusable", reason: "it has no compute queue"},
		{name: "unusable runtime", plan: func(p *Plan) { p.Arms[0].Unusable = "docker cannot be used: it is stopped" },
			status: "failed runtime", reason: "docker cannot be used: it is stopped"},
		{name: "launches disagree", script: script{checksum: func(n int) string { return fmt.Sprintf("sha256:%d", n/2) }},
			status: "failed wrong-result", reason: "the launches disagree", launches: "ok ok ok"},
		{name: "done without a sample", script: script{batches: func(int) []float64 { return nil }},
			status: "failed protocol", reason: "none of 3 launches succeeded; launch 1: the process was done without a sample", launches: "protocol protocol protocol"},
		{name: "a wrong candidate", script: script{tried: []result.Candidate{
			{Specialization: map[string]uint32{"T": 4}, Status: "failed", Code: "wrong-result", Reason: "C[0,0] was never written"},
			{Specialization: map[string]uint32{"T": 8}, Status: "ok", BestS: 1}}},
			status: "ok ", warnings: "candidate-wrong", launches: "ok ok ok", n: 30},
		{name: "software", dev: func(d *result.Device) { d.Software = true }, status: "ok ", warnings: "software-device", launches: "ok ok ok", n: 30},
		{name: "few samples", script: script{batches: lower}, status: "ok ", warnings: "few-samples", launches: "ok ok ok", n: 3},
		{name: "one launch", plan: func(p *Plan) { p.Launches = 1 }, status: "ok ", warnings: "no-interval", launches: "ok", n: 10},
		{name: "noise", script: script{batches: func(n int) []float64 { return []float64{1, 2, 1, 2, 1, 2, 1, 2, 1, 2, float64(1 + n/2)} }}, status: "ok ", warnings: "high-noise", launches: "ok ok ok", n: 33},
		{name: "launches differ", script: script{batches: func(n int) []float64 { return slices.Repeat([]float64{1 + 0.1*float64(n/2)}, 20) }}, status: "ok ", warnings: "high-noise", launches: "ok ok ok", n: 60},
		{name: "throttling", script: script{batches: func(int) []float64 {
			return append(slices.Repeat([]float64{1, 1.01}, 4), slices.Repeat([]float64{1.1, 1.11}, 4)...)
		}},
			status: "ok ", warnings: "drift", launches: "ok ok ok", n: 48},
		{name: "device clock", script: script{edit: func(_, i int, s *result.Sample) {
			s.DeviceS = new(float64)
			s.Flags = []string{"device-zero"}
		}}, status: "ok ", warnings: "device-clock-untrusted", launches: "ok ok ok", n: 30},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := plan("cpu")
			if tt.dev != nil {
				tt.dev(&p.Arms[0].Device)
			}
			if tt.plan != nil {
				tt.plan(&p)
			}
			o := measure(one(&tt.script), p)
			if o.err != nil {
				t.Fatal(o.err)
			}
			m := o.ms[0]
			if got := m.Status + " " + m.Code; got != tt.status || !strings.HasPrefix(m.Reason, tt.reason) || tt.reason == "" && m.Reason != "" {
				t.Errorf("status %q: %q, want %q: %q", got, m.Reason, tt.status, tt.reason)
			}
			if got := codes(m.Warnings); got != tt.warnings {
				t.Errorf("warnings %q, want %q", got, tt.warnings)
			}
			for _, w := range m.Warnings {
				t.Log(w.Text)
			}
			var launches []string
			for _, l := range m.Launches {
				s := l.Code
				if s == "" {
					s = l.Status
				}
				if l.Attempt > 0 {
					s += fmt.Sprintf("/%d", l.Attempt)
				}
				launches = append(launches, s)
			}
			if got := strings.Join(launches, " "); got != tt.launches {
				t.Errorf("launches %q, want %q", got, tt.launches)
			}
			n := 0
			if m.Summary != nil {
				n = m.Summary.N
			}
			if n != tt.n {
				t.Errorf("%d samples in the summary, want %d", n, tt.n)
			}
		})
	}
}

// A failed launch keeps what it gave, but the summary is of the others.
func TestFailedLaunchesKeepTheirSamples(t *testing.T) {
	o := measure(one(&script{
		outcome: map[string]worker.Outcome{"launch/2": {Code: worker.CodeSignal, Signal: "SIGSEGV", Reason: "killed", Stderr: []string{"a", "b"}, DurationS: 0.3}},
		batches: func(n int) []float64 {
			if n == 2 {
				return []float64{7, 7, 7, 7}
			}
			return []float64{1, 1, 1}
		},
	}), plan("cpu"))
	l := o.ms[0].Launches[2]
	if len(l.Samples) != 4 || len(l.Warmup) != 1 || l.Signal != "SIGSEGV" || l.Stop != "" || l.DurationS != 0.3 || !slices.Equal(l.Stderr, []string{"a", "b"}) {
		t.Errorf("%+v", l)
	}
	if s := o.ms[0].Summary; s.MaxS != 1 || s.N != 6 {
		t.Errorf("%+v", s)
	}
}

func TestSearchThatDiesLeavesTheFastest(t *testing.T) {
	s := &script{tried: []result.Candidate{
		{Specialization: map[string]uint32{"T": 4}, Status: "ok", BestS: 2}, {Specialization: map[string]uint32{"T": 16}, Status: "ok", BestS: 1}, {Specialization: map[string]uint32{"T": 9}, Status: "failed"}},
		outcome: map[string]worker.Outcome{"search": {Code: worker.CodeTimeLimit}}}
	o := measure(one(s), plan("cpu"))
	if s.runs["search"] != mostHangs {
		t.Errorf("a search that hung was run %d times", s.runs["search"])
	}
	if got := s.requests[mostHangs].Specialization; got["T"] != 16 || !o.ms[0].Kernel.Search[1].Chosen {
		t.Errorf("launched with %v after %+v", got, o.ms[0].Kernel.Search)
	}
}

func TestInterruption(t *testing.T) {
	cause := errors.New("interrupt")
	for _, tt := range []struct {
		name  string
		when  string // operation and launch in the middle of which it comes
		cpu   string // status, code, launches
		other string
	}{
		{"in the search", "search/0", "skipped interrupted 0", "skipped interrupted 0"},
		{"in the first launch", "launch/0", "skipped interrupted 1", "skipped interrupted 0"},
		{"in the second round", "launch/1", "ok  2", "ok  1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(context.Background())
			interrupted := ""
			during := func(id string) func(string, int) {
				return func(op string, n int) {
					if fmt.Sprintf("%s/%d", op, n) == tt.when && interrupted == "" {
						interrupted = id
						cancel(cause)
					}
				}
			}
			c := &children{scripts: map[string]*script{"cpu": {during: during("cpu")}, "vulkan:0": {during: during("vulkan:0")}}}
			o := measureContext(ctx, c, plan("cpu", "vulkan:0"))
			if o.err != cause {
				t.Errorf("error %v", o.err)
			}
			for _, m := range o.ms {
				want := tt.other
				if m.Device == interrupted {
					want = tt.cpu
				}
				if got := fmt.Sprintf("%s %s %d", m.Status, m.Code, len(m.Launches)); got != want {
					t.Errorf("%s: %s, want %s", m.Device, got, want)
				}
				if m.Device == interrupted && len(m.Launches) > 0 {
					if l := m.Launches[len(m.Launches)-1]; l.Code != "interrupted" || len(l.Samples) != 10 {
						t.Errorf("the interrupted launch is %+v", l)
					}
				}
				if m.Status == "ok" && !strings.Contains(codes(m.Warnings), "few-launches") {
					t.Errorf("%s: warnings %v", m.Device, m.Warnings)
				}
			}
		})
	}
}

func TestBudget(t *testing.T) {
	c := &children{scripts: map[string]*script{"cpu": {}, "vulkan:0": {}}}
	p := plan("cpu", "vulkan:0")
	p.Budget = 1 // nanosecond
	o := measure(c, p)
	if o.err != nil || len(c.log) != 2 {
		t.Errorf("%v after %v", o.err, c.log)
	}
	for _, m := range o.ms {
		if m.Status != "skipped" || m.Code != CodeBudget || m.Reason != "the run's 1ns were over before its first launch" {
			t.Errorf("%+v", m)
		}
	}
}

func TestPlansThatCannotBeCarriedOut(t *testing.T) {
	for want, p := range map[string]Plan{
		"there is nothing to measure": {Launches: 3},
		"at least one launch":         {Arms: plan("cpu").Arms},
	} {
		if o := measure(&children{}, p); o.err == nil || !strings.Contains(o.err.Error(), want) {
			t.Errorf("%v, want %q", o.err, want)
		}
	}
}

func TestDiscover(t *testing.T) {
	crash := worker.Outcome{Code: worker.CodeSignal, Reason: "the process was killed by SIGABRT while listing the devices", Remedy: "update the driver"}
	c := &children{scripts: map[string]*script{
		"cpu":   {},
		"cuda":  {absent: &result.Absent{Backend: "cuda", Reason: "libcuda.so.1 not found", Remedy: "install it"}, outcome: map[string]worker.Outcome{"devices": {Code: "absent"}}},
		"metal": {kernel: "none"},
		"bad":   {outcome: map[string]worker.Outcome{"devices": crash}},
		"dies":  {outcome: map[string]worker.Outcome{"devices": {Code: worker.CodeExit, Reason: "the process exited with status 9", Stderr: []string{"one", "two", "the driver has had enough", "SIGSEGV: segmentation violation", "PC=0x7f"}}}},
		"gone":  {absent: &result.Absent{Backend: "gone", Reason: "no driver shows a device"}, outcome: map[string]worker.Outcome{"devices": {Code: "absent", Reason: "no driver shows a device", Stderr: []string{"vtest: failed to connect"}}}},
		"shaky": {outcome: map[string]worker.Outcome{"devices/0": crash}},
		"hangs": {outcome: map[string]worker.Outcome{"devices": {Code: worker.CodeTimeLimit, Reason: "the process was ended by its time limit"}}},
	}}
	l := Discover(context.Background(), c, []string{"cpu", "cuda", "metal", "bad", "shaky", "hangs", "dies", "gone"}, 7*time.Second)
	var ids []string
	for _, d := range l.Devices {
		ids = append(ids, d.ID)
	}
	if !slices.Equal(ids, []string{"cpu:0", "shaky:0"}) {
		t.Errorf("devices %v", ids)
	}
	want := []result.Absent{
		{Backend: "cuda", Reason: "libcuda.so.1 not found", Remedy: "install it"},
		{Backend: "metal", Reason: "it is there but has no device"},
		{Backend: "gone", Reason: "no driver shows a device; its last words: vtest: failed to connect"},
	}
	if !reflect.DeepEqual(l.Absent, want) {
		t.Errorf("absent %+v", l.Absent)
	}
	failed := []Unlisted{
		{Backend: "bad", Code: worker.CodeSignal, Reason: "its devices could not be listed: the process was killed by SIGABRT while listing the devices", Remedy: "update the driver"},
		{Backend: "hangs", Code: worker.CodeTimeLimit, Reason: "its devices could not be listed: the process was ended by its time limit"},
		{Backend: "dies", Code: worker.CodeExit, Reason: "its devices could not be listed: the process exited with status 9; its last words: two | the driver has had enough"},
	}
	if !reflect.DeepEqual(l.Failed, failed) {
		t.Errorf("failed %+v", l.Failed)
	}
	for _, limit := range c.limits {
		if limit != 7*time.Second {
			t.Errorf("limits %v, want 7 s", c.limits)
			break
		}
	}
	c.limits = nil
	if Discover(context.Background(), c, []string{"cpu"}, 0); !slices.Equal(c.limits, []time.Duration{DefaultListLimit}) {
		t.Errorf("limits %v by default", c.limits)
	}
	if n := c.scripts["bad"].runs["devices"]; n != 2 {
		t.Errorf("a crashing child was started %d times", n)
	}
	if n := c.scripts["hangs"].runs["devices"]; n != 1 {
		t.Errorf("a hanging child was started %d times", n)
	}
}

func TestFind(t *testing.T) {
	crash := worker.Outcome{Code: worker.CodeSignal, Reason: "killed"}
	unknown := worker.Outcome{Code: "no-device", Reason: "cpu: there is no device \"cpu:9\"", Remedy: "use cpu"}
	c := &children{scripts: map[string]*script{
		"cpu:1:avx2": {outcome: map[string]worker.Outcome{"devices/0": crash}},
		"cpu:9":      {kernel: "none", outcome: map[string]worker.Outcome{"devices": unknown}},
		"cpu:3":      {kernel: "none"},
	}}
	if d, out := Find(context.Background(), c, "cpu", "cpu:1:avx2", 0); d.ID != "cpu:1:avx2" || out.Status != result.StatusOK {
		t.Errorf("found %+v, %+v", d, out)
	}
	if d, out := Find(context.Background(), c, "cpu", "cpu:9", 0); d.ID != "" || out.Code != "no-device" || out.Remedy != "use cpu" || c.scripts["cpu:9"].runs["devices"] != 1 {
		t.Errorf("found %+v, %+v", d, out)
	}
	if d, out := Find(context.Background(), c, "cpu", "cpu:3", 0); d.ID != "" || out.Code != worker.CodeProtocol {
		t.Errorf("found %+v, %+v", d, out)
	}
}

func TestStrayChecksums(t *testing.T) {
	for _, tt := range []struct {
		name string
		sums string // of the arms; the first is the baseline
		want string // o for ok, - for failed
		base int
	}{
		{"all agree", "aaa", "ooo", 0},
		{"the minority is wrong", "aab", "oo-", 0},
		{"the baseline is in the minority", "baa", "-oo", 0},
		{"a tie goes to the baseline", "ab", "o-", 0},
		{"a tie of four", "abba", "o--o", 0},
		{"no baseline, no majority", "ab", "--", -1},
		{"three opinions", "abc", "o--", 0},
		{"three opinions and no baseline", "abc", "---", -1},
		{"alone", "a", "o", -1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := &children{scripts: map[string]*script{}}
			var ids []string
			for i, sum := range tt.sums {
				id := fmt.Sprintf("dev:%d", i)
				ids = append(ids, id)
				c.scripts[id] = &script{checksum: func(int) string { return string(sum) }}
			}
			p := plan(ids...)
			p.Launches = 1
			for i := range p.Arms {
				p.Arms[i].Baseline = i == tt.base
			}
			o := measure(c, p)
			got := ""
			for _, m := range o.ms {
				switch {
				case m.Status == "ok" && m.Summary != nil:
					got += "o"
				case m.Status == "failed" && m.Code == "wrong-result" && m.Summary == nil && m.Reason != "":
					got += "-"
				default:
					t.Errorf("%s: %s %s %q, summary %v", m.Device, m.Status, m.Code, m.Reason, m.Summary)
				}
			}
			if got != tt.want {
				t.Errorf("checksums %s: %s, want %s", tt.sums, got, tt.want)
			}
		})
	}
	// Another problem has another product.
	c := &children{scripts: map[string]*script{"cpu": {}, "cpu:1": {checksum: func(int) string { return "b" }}}}
	p := plan("cpu", "cpu:1")
	p.Arms[1].Problem.K++
	if o := measure(c, p); o.ms[0].Status != "ok" || o.ms[1].Status != "ok" {
		t.Errorf("two problems: %s, %s", o.ms[0].Reason, o.ms[1].Reason)
	}
}

func TestRatios(t *testing.T) {
	pairs := func(o outcome) string {
		var out []string
		for _, r := range o.ratios {
			out = append(out, r.Fast+"/"+r.Slow)
		}
		return strings.Join(out, " ")
	}
	scripts := func() map[string]*script {
		return map[string]*script{"cpu": {}, "cpu:1": {}, "vulkan:0": {}, "vulkan:1": {}}
	}
	t.Run("each arm against each baseline", func(t *testing.T) {
		p := plan("cpu", "vulkan:0", "cpu:1", "vulkan:1")
		p.Arms[2].Baseline = true
		if got := pairs(measure(&children{scripts: scripts()}, p)); got != "m1/m0 m2/m0 m3/m0 m1/m2 m3/m2" {
			t.Errorf("ratios %s", got)
		}
	})
	t.Run("not across problems", func(t *testing.T) {
		p := plan("cpu", "vulkan:0", "cpu:1")
		p.Arms[1].Problem.M = 7
		if got := pairs(measure(&children{scripts: scripts()}, p)); got != "m2/m0" {
			t.Errorf("ratios %s", got)
		}
	})
	t.Run("not across kernels", func(t *testing.T) {
		s := scripts()
		s["vulkan:0"].kernel = "5b2"
		o := measure(&children{scripts: s}, plan("cpu", "vulkan:0", "cpu:1"))
		if got := pairs(o); got != "m2/m0" || codes(o.warns) != "kernel-differs" {
			t.Errorf("ratios %s, warnings %v", got, o.warns)
		}
	})
	t.Run("a reference against the kernel", func(t *testing.T) {
		s := scripts()
		s["blas"], s["blas:1"] = &script{kernel: "none"}, &script{kernel: "none"}
		o := measure(&children{scripts: s}, plan("cpu", "blas", "vulkan:0", "blas:1"))
		if got := pairs(o); got != "m1/m0 m2/m0 m3/m0" || len(o.warns) != 0 {
			t.Errorf("ratios %s, warnings %v", got, o.warns)
		}
		for i, role := range []string{"kernel matmul", "reference sgemm", "kernel matmul", "reference sgemm"} {
			if m := o.ms[i]; m.Role+" "+m.Kernel.Name != role || (m.Kernel.SPIRVSHA256 == "") != (m.Role == "reference") {
				t.Errorf("%s is a %s, want %s; its kernel is %+v", m.Device, m.Role, role, m.Kernel)
			}
		}
	})
	t.Run("a reference that disagrees is the one that is wrong", func(t *testing.T) {
		s := scripts()
		s["blas"] = &script{kernel: "none", checksum: func(int) string { return "sha256:other" }}
		o := measure(&children{scripts: s}, plan("cpu", "blas", "cpu:1"))
		if got := pairs(o); got != "m2/m0" || o.ms[1].Code != "wrong-result" {
			t.Errorf("ratios %s, blas is %s %s", got, o.ms[1].Status, o.ms[1].Code)
		}
	})
	t.Run("not with what failed", func(t *testing.T) {
		s := scripts()
		s["vulkan:0"].outcome = map[string]worker.Outcome{"launch": {Code: "failed", Reason: "no"}}
		o := measure(&children{scripts: s}, plan("cpu", "vulkan:0", "cpu:1"))
		if got := pairs(o); got != "m2/m0" || len(o.warns) != 0 {
			t.Errorf("ratios %s, warnings %v", got, o.warns)
		}
		s = scripts()
		s["cpu"].outcome = map[string]worker.Outcome{"launch": {Code: "failed", Reason: "no"}}
		if got := pairs(measure(&children{scripts: s}, plan("cpu", "vulkan:0"))); got != "" {
			t.Errorf("ratios %s", got)
		}
	})
}

// Device times are the median over trusted samples only, and there is none where more
// than a quarter is not trusted.
func TestDeviceMedian(t *testing.T) {
	for _, tt := range []struct {
		doubtful int // of ten in each launch
		want     bool
	}{{0, true}, {2, true}, {3, false}, {10, false}} {
		o := measure(one(&script{edit: func(_, i int, s *result.Sample) {
			d := 20 * 8e-4
			if i < tt.doubtful {
				d, s.Flags = 5, []string{"device-longer-than-host"}
			}
			s.DeviceS = &d
		}}), plan("cpu"))
		if got := o.ms[0].Summary.DeviceMedianS; (got != nil) != tt.want || got != nil && !near(*got, 8e-4) {
			t.Errorf("%d of 10 samples are in doubt: device median %v", tt.doubtful, got)
		}
	}
}

// A document's figures can be computed again from its samples.
func TestFiguresCanBeRecomputed(t *testing.T) {
	o := measure(&children{scripts: map[string]*script{"cpu": {}, "vulkan:0": {}}}, plan("cpu", "vulkan:0"))
	d := &result.Document{Schema: result.Schema{Name: result.SchemaName, Version: result.SchemaVersion}, Devices: []result.Device{device("cpu"), device("vulkan:0")}, Measurements: o.ms, Ratios: o.ratios}
	if err := analysis.Check(d); err != nil {
		t.Error(err)
	}
	for i := range o.ms {
		want := o.ms[i]
		analysis.Conclude(&o.ms[i])
		if !reflect.DeepEqual(o.ms[i].Summary, want.Summary) || o.ms[i].Digest != want.Digest {
			t.Errorf("%+v, want %+v", *o.ms[i].Summary, *want.Summary)
		}
	}
	again, _ := analysis.Ratios(o.ms, func(i int) bool { return i == 0 })
	if !reflect.DeepEqual(again, o.ratios) || len(again) != 1 {
		t.Errorf("%+v, want %+v", again, o.ratios)
	}
}
