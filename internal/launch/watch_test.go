package launch

import (
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gpubench/internal/backend"
	"gpubench/internal/meter"
	"gpubench/internal/result"
	"gpubench/internal/worker"
)

// fakeMeter shows a clock that is lower while the device works.
type fakeMeter struct {
	f      *fake
	of     string        // UUID of its card; that of the fake device when empty
	cost   time.Duration // of a reading
	flags  []string      // while a batch runs
	others []string      // flags of Company
	hang   int           // reading that never returns, from 1
	never  chan struct{}
	watts  float64       // 0 for a card without a counter
	ticks  time.Duration // in which its counter advances
	start  time.Time

	reads, companies, closed atomic.Int32
	beside                   atomic.Int32 // calls of Company while a batch ran
	last                     time.Time    // of them
	often                    bool         // they came within 0.5 s
}

// source opens the meter, within the bubble.
func (m *fakeMeter) source(d result.Device) (meter.Meter, *result.NVML) {
	if d.ID != "fake:0" {
		return nil, nil
	}
	m.start = time.Now()
	return m, &result.NVML{Driver: "570.86.15"}
}

func (m *fakeMeter) Card() result.Meter {
	uuid := "f0"
	if m.of != "" {
		uuid = m.of
	}
	return result.Meter{Library: "NVML", Name: "the card", UUID: uuid}
}

func (m *fakeMeter) Read() meter.Reading {
	if int(m.reads.Add(1)) == m.hang {
		<-m.never
	}
	time.Sleep(m.cost)
	r := meter.Reading{Values: map[string]float64{meter.SMClock: 1980}}
	if atomic.LoadInt32(&m.f.running) == 1 {
		r.Values[meter.SMClock], r.Flags = 1410, m.flags
	}
	return r
}

func (m *fakeMeter) Company() meter.Reading {
	m.companies.Add(1)
	if atomic.LoadInt32(&m.f.running) == 1 {
		m.beside.Add(1)
	}
	m.often = m.often || !m.last.IsZero() && time.Since(m.last) < companyEvery
	m.last = time.Now()
	return meter.Reading{Values: map[string]float64{meter.Others: float64(len(m.others))}, Flags: m.others}
}

func (m *fakeMeter) Energy() (float64, bool) {
	elapsed := time.Since(m.start)
	if m.ticks > 0 {
		elapsed = elapsed.Truncate(m.ticks)
	}
	return 1e6 + m.watts*elapsed.Seconds(), m.watts > 0
}

func (m *fakeMeter) EnergySource() string { return "the fake counter" }
func (m *fakeMeter) Close()               { m.closed.Add(1) }

func metered(m *fakeMeter) *fake {
	m.f = &fake{meters: m.source}
	return m.f
}

func (e events) telemetry() (out []result.Telemetry) {
	for _, ev := range e {
		if ev.Event == worker.EventTelemetry {
			out = append(out, *ev.Telemetry)
		}
	}
	return out
}

func TestReadingsOfBatches(t *testing.T) {
	m := &fakeMeter{flags: []string{meter.PowerCap, meter.Thermal}}
	req := launchRequest()
	req.Rules.BatchS, req.Rules.MaxTimeS = 0.2, 6 // no more batches than are kept
	got, err := handled(t, metered(m), req)
	if err != nil {
		t.Fatal(err)
	}
	samples := got.samples(worker.EventSample)
	var when = map[int]string{}
	at := 0.0
	for _, r := range got.telemetry() {
		if r.AtS < at {
			t.Errorf("a reading at %v s after one at %v s", r.AtS, at)
		}
		at = r.AtS
		if want := map[string]float64{result.Before: 1980, result.During: 1410, result.After: 1980}[r.When]; r.Values[meter.SMClock] != want {
			t.Errorf("%s: %v", r.When, r.Values)
		}
		if _, ok := r.Values[meter.Others]; ok != (r.When == result.Before) {
			t.Errorf("%s: %v", r.When, r.Values)
		}
		if r.Sample != nil {
			when[*r.Sample] += r.When + " "
		}
	}
	// 250 ms: after a half of it, and then every 50 ms.
	for i := range samples {
		if when[i] != "before during during during after " {
			t.Errorf("sample %d of %d was read %q", i, len(samples), when[i])
		}
	}
	for i, s := range append(samples, got.samples(worker.EventWarmup)[1:]...) {
		if !slices.Contains(s.Flags, meter.PowerCap) || !slices.Contains(s.Flags, meter.Thermal) {
			t.Errorf("sample %d has the flags %v", i, s.Flags)
		}
	}
	if m.beside.Load() > 0 || m.often || m.companies.Load() < 2 {
		t.Errorf("the list of processes was read %d times, %d of them beside a batch; too often: %v", m.companies.Load(), m.beside.Load(), m.often)
	}
	if m.closed.Load() != 1 || got.last(worker.EventEnergy).Energy != nil {
		t.Errorf("closed %d times; energy %v", m.closed.Load(), got.last(worker.EventEnergy).Energy)
	}
}

func TestSharedDevice(t *testing.T) {
	got, err := handled(t, metered(&fakeMeter{others: []string{meter.Shared}}), launchRequest())
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range got.samples(worker.EventSample) {
		if !slices.Contains(s.Flags, meter.Shared) {
			t.Errorf("sample %d has the flags %v", i, s.Flags)
		}
	}
}

// A reading is taken in a batch only where a hundred of them would fit.
func TestReadingsThatCost(t *testing.T) {
	for _, tt := range []struct {
		cost   time.Duration
		during bool
	}{{0, true}, {200 * time.Microsecond, true}, {300 * time.Microsecond, false}} {
		req := launchRequest() // batches of 25 ms
		req.Rules.MaxTimeS = 3
		got, err := handled(t, metered(&fakeMeter{cost: tt.cost, flags: []string{meter.PowerCap}}), req)
		if err != nil {
			t.Fatal(err)
		}
		during, around := 0, 0
		for _, r := range got.telemetry() {
			switch r.When {
			case result.During:
				during++
			default:
				around++
			}
		}
		if (during > 0) != tt.during || around < 20 {
			t.Errorf("%v: %d readings during a batch, %d around them", tt.cost, during, around)
		}
		for _, s := range got.samples(worker.EventSample) {
			if s.HostS != 0.025 || slices.Contains(s.Flags, meter.PowerCap) != tt.during {
				t.Errorf("%v: %+v", tt.cost, s)
			}
		}
	}
}

// However many batches there are, the document stays small, and all have their flags.
func TestReadingsAreBounded(t *testing.T) {
	req := launchRequest()
	req.Rules.BatchS, req.Rules.MinTimeS, req.Rules.MaxTimeS = 0.002, 4, 8
	f := metered(&fakeMeter{flags: []string{meter.SyncBoost}})
	got, err := handled(t, f, req)
	if err != nil {
		t.Fatal(err)
	}
	samples := got.samples(worker.EventSample)
	if len(samples) < 500 {
		t.Fatalf("only %d samples", len(samples))
	}
	if n := len(got.telemetry()); n < 50 || n > 3*(keptBatches+2) {
		t.Errorf("%d readings of %d samples", n, len(samples))
	}
	for i, s := range samples {
		if !slices.Contains(s.Flags, meter.SyncBoost) {
			t.Errorf("sample %d: %v", i, s.Flags)
		}
	}
}

func TestHangingMeter(t *testing.T) {
	for _, at := range []int{1, 2, 3, 40} {
		m := &fakeMeter{hang: at, watts: 300}
		f := metered(m)
		var got events
		synctest.Test(t, func(t *testing.T) {
			m.never = make(chan struct{})
			began := time.Now()
			if err := Handle(t.Context(), f, f.meters, launchRequest(), func(e worker.Event) { got = append(got, e) }); err != nil {
				t.Errorf("reading %d hangs: %v", at, err)
			}
			if took := time.Since(began); took > 8*time.Second {
				t.Errorf("reading %d hangs: the launch took %v", at, took)
			}
			close(m.never)
		})
		if n := len(got.samples(worker.EventSample)); n < 10 || got.last(worker.EventDone).Stop == "" {
			t.Errorf("reading %d hangs: %d samples", at, n)
		}
		if n := int(m.reads.Load()); n != at {
			t.Errorf("reading %d hangs: %d readings", at, n)
		}
	}
}

func TestMeterThatDoesNotOpen(t *testing.T) {
	for _, op := range []string{worker.OpDevices, worker.OpLaunch} {
		synctest.Test(t, func(t *testing.T) {
			never := make(chan struct{})
			source := func(result.Device) (meter.Meter, *result.NVML) { <-never; return nil, nil }
			req := launchRequest()
			req.Op = op
			began := time.Now()
			var got events
			if err := Handle(t.Context(), &fake{wrongElement: -1}, source, req, func(e worker.Event) { got = append(got, e) }); err != nil {
				t.Errorf("%s: %v", op, err)
			}
			if took := time.Since(began); took > 15*time.Second {
				t.Errorf("%s took %v", op, took)
			}
			if op == worker.OpDevices {
				if d := got[0].Device; d.NVML == nil || !strings.Contains(d.NVML.Unavailable, "did not answer within 5s") || d.NVML.Remedy == "" {
					t.Errorf("%+v", d)
				}
			} else if len(got.samples(worker.EventSample)) < 10 {
				t.Errorf("got %s", got.kinds())
			}
			close(never)
		})
	}
}

func TestDevicesShowTheirCards(t *testing.T) {
	m := &fakeMeter{}
	for _, device := range []string{"", "fake:0"} {
		got, err := handled(t, metered(m), worker.Request{Op: worker.OpDevices, Backend: "fake", Device: device})
		if err != nil || got[0].Device.NVML == nil || got[0].Device.NVML.Driver != "570.86.15" {
			t.Errorf("device %q: %+v, %v", device, got, err)
		}
	}
	if m.closed.Load() != 2 {
		t.Errorf("closed %d times", m.closed.Load())
	}
}

// What reads a meter would be in the way of an empty dispatch; and the search is none
// of a result's figures.
func TestNoReadingsOfWhatIsShort(t *testing.T) {
	empty := launchRequest()
	empty.Kernel, empty.Specialization = backend.KernelEmpty, nil
	search := launchRequest()
	search.Op, search.Specialization = worker.OpSearch, nil
	for _, req := range []worker.Request{empty, search} {
		m := &fakeMeter{watts: 300}
		got, err := handled(t, metered(m), req)
		if err != nil || m.reads.Load() > 0 || len(got.telemetry()) > 0 {
			t.Errorf("%s %s: %d readings, %v", req.Op, req.Kernel, m.reads.Load(), err)
		}
	}
}

func TestEnergy(t *testing.T) {
	for _, tt := range []struct {
		name  string
		ticks time.Duration
	}{{"at once", 0}, {"every 20 ms", 20 * time.Millisecond}, {"every 100 ms", 100 * time.Millisecond}} {
		got, err := handled(t, metered(&fakeMeter{watts: 312.5, ticks: tt.ticks}), launchRequest())
		if err != nil {
			t.Fatal(err)
		}
		e := got.last(worker.EventEnergy).Energy
		if e == nil {
			t.Fatalf("%s: no energy", tt.name)
		}
		// Both ends are read within 2 ms of a tick.
		if w := e.Joules / e.WindowS; math.Abs(w/312.5-1) > 0.0045 {
			t.Errorf("%s: %v J in %v s are %v W", tt.name, e.Joules, e.WindowS, w)
		}
		if e.WindowS < 1 || e.WindowS > 1.5 {
			t.Errorf("%s: a window of %v s", tt.name, e.WindowS)
		}
		dispatches, busy := 0, 0.0
		for _, s := range got.samples(worker.EventSample) {
			dispatches += s.Dispatches
			busy += s.HostS
		}
		if e.FLOP != uint64(dispatches)*small.FLOP() || e.Source != "the fake counter" || busy > e.WindowS || busy < 0.7*e.WindowS {
			t.Errorf("%s: %+v, %d dispatches in %v s", tt.name, e, dispatches, busy)
		}
	}
}

func TestNoEnergy(t *testing.T) {
	without := 0.0
	for _, m := range []*fakeMeter{{}, {watts: 300, ticks: time.Hour}} { // no counter, one that stands still
		got, err := handled(t, metered(m), launchRequest())
		if err != nil || got.last(worker.EventEnergy).Energy != nil {
			t.Errorf("energy %+v, %v", got.last(worker.EventEnergy).Energy, err)
		}
		if m.watts == 0 {
			for _, s := range got.samples(worker.EventSample) {
				without += s.HostS
			}
		}
	}
	if without > 0.6 {
		t.Errorf("samples of %v s were taken for an energy that cannot be read", without)
	}
}
