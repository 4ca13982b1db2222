package measure

import (
	"context"
	"strings"
	"testing"
	"time"

	"gpubench/internal/backend"
	"gpubench/internal/result"
	"gpubench/internal/worker"
)

// A device that is not the one that was listed gives no number from then on, and its arm
// none at all: in the search, in the first launch and after good ones.
func TestChangedDevice(t *testing.T) {
	rename := func(o *result.Opened) { *o = result.Opened{Class: result.ClassCPU, Name: "llvmpipe", Software: true} }
	changes := map[string]func(*result.Opened){
		"another device": rename,
		"name":           func(o *result.Opened) { o.Name = "llvmpipe" },
		"UUID":           func(o *result.Opened) { o.UUID = "of another" },
		"version":        func(o *result.Opened) { o.Driver.Version = "2" },
		"text":           func(o *result.Opened) { o.Driver.Info = "Mesa 26" },
		"class":          func(o *result.Opened) { o.Class = result.ClassOther },
		"API":            func(o *result.Opened) { o.API = "1.4" },
		"memory":         func(o *result.Opened) { o.MemoryBytes = 1 },
		"threads":        func(o *result.Opened) { o.Threads = 1 },
		"ISA":            func(o *result.Opened) { o.ISA = "sse2" },
	}
	for name, change := range changes {
		for _, at := range []struct {
			op       string
			n        int
			launches int // in the document
		}{{worker.OpSearch, 0, 0}, {worker.OpSearch, 1, 0}, {worker.OpLaunch, 0, 1}, {worker.OpLaunch, 2, 3}} {
			tried := []result.Candidate{{Specialization: map[string]uint32{"T": 8}, Status: result.StatusOK, BestS: 1e-3}, {Specialization: map[string]uint32{"T": 4}, Status: result.StatusOK, BestS: 1e-3}}
			s := &script{tried: tried, opened: func(op string, n int, o *result.Opened) {
				if op == at.op && n >= at.n || op == worker.OpLaunch && at.op == worker.OpSearch {
					change(o)
				}
			}}
			c := &children{scripts: map[string]*script{"cpu": {}, "vulkan:0": s}}
			p := plan("cpu", "vulkan:0")
			p.Launches = 5
			got := measure(c, p)
			m := got.ms[1]
			if m.Status != result.StatusFailed || m.Code != "device-changed" || m.Summary != nil || len(m.Launches) != at.launches || len(got.ratios) > 0 {
				t.Errorf("%s, %s %d: %s, code %q, summary %v, %d launches, ratios %v", name, at.op, at.n, m.Status, m.Code, m.Summary, len(m.Launches), got.ratios)
			}
			for _, words := range []string{"vulkan:0 was the vulkan:0 when the devices were listed and is ", "dmesg"} {
				if !strings.Contains(m.Reason, words) {
					t.Errorf("%s, %s %d: reason %q, want %q in it", name, at.op, at.n, m.Reason, words)
				}
			}
			if name == "another device" && !strings.Contains(m.Reason, "is llvmpipe now") {
				t.Errorf("reason %q", m.Reason)
			}
			for i, l := range m.Launches {
				last := i == len(m.Launches)-1
				if (l.Status != result.StatusOK) != last || l.Opened == nil || last && len(l.Samples)+len(l.Warmup) > 0 {
					t.Errorf("%s, %s %d: launch %d: %s, opened %+v, %d samples", name, at.op, at.n, i, l.Status, l.Opened, len(l.Samples))
				}
			}
			if got.ms[0].Status != result.StatusOK || len(got.ms[0].Launches) != 5 {
				t.Errorf("%s: the other arm is %s with %d launches", name, got.ms[0].Status, len(got.ms[0].Launches))
			}
		}
	}
}

// One that is listed and cannot be opened is gone, whatever it gave before.
func TestDeviceThatIsGone(t *testing.T) {
	for _, kind := range []backend.Kind{backend.NoDevice, backend.Absent, backend.Unusable} {
		for _, at := range []string{"search", "launch/0", "launch/2"} {
			s := &script{outcome: map[string]worker.Outcome{at: {Code: string(kind), Reason: "vulkan: there is no device", Remedy: "choose one of vulkan:1 (llvmpipe)"}}}
			c := &children{scripts: map[string]*script{"cpu": s}}
			m := measure(silent{c, at, true}, plan("cpu")).ms[0]
			if m.Status != result.StatusFailed || m.Code != "device-changed" || m.Summary != nil {
				t.Errorf("%s at %s: %s, %q, %v", kind, at, m.Status, m.Code, m.Summary)
			}
			for _, words := range []string{"cpu was the cpu when the devices were listed and cannot be opened now: vulkan: there is no device; choose one of vulkan:1 (llvmpipe)"} {
				if !strings.Contains(m.Reason, words) {
					t.Errorf("%s at %s: %q", kind, at, m.Reason)
				}
			}
		}
		// One that was opened and cannot be used for the problem is the one that was listed.
		s := &script{outcome: map[string]worker.Outcome{"launch": {Code: string(kind), Reason: "the driver is too old for the text"}}}
		if m := measure(one(s), plan("cpu")).ms[0]; m.Code != string(kind) || m.Launches[0].Opened == nil {
			t.Errorf("%s after it was opened: %q", kind, m.Code)
		}
	}
}

// silent leaves the devices out that the processes of an operation open, from the launch on
// that is named.
type silent struct {
	*children
	at  string
	all bool // and all else that they say
}

func (r silent) Run(ctx context.Context, req worker.Request, limit time.Duration, on func(worker.Event)) worker.Outcome {
	op, from, _ := strings.Cut(r.at, "/")
	mute := req.Op == op && (from == "" || from == "0" || r.scripts[req.Device].runs[req.Op] == 2)
	return r.children.Run(ctx, req, limit, func(e worker.Event) {
		if !mute || e.Event != worker.EventOpened && !r.all {
			on(e)
		}
	})
}

// A process that does not say which device it has is not believed, nor one that has two.
func TestUnnamedDevice(t *testing.T) {
	for _, at := range []string{"search", "launch"} {
		m := measure(silent{one(&script{}), at, false}, plan("cpu")).ms[0]
		if m.Status != result.StatusFailed || m.Code != worker.CodeProtocol || m.Summary != nil || !strings.Contains(m.Reason, "before it said which device it had opened") {
			t.Errorf("%s: %s, %q: %s", at, m.Status, m.Code, m.Reason)
		}
		for _, l := range m.Launches {
			if len(l.Samples) > 0 {
				t.Errorf("%s: %d samples", at, len(l.Samples))
			}
		}
	}
	o := opening{listed: device("cpu")}
	now := o.listed.Opened()
	on := o.through(func(worker.Event) {})
	on(worker.Event{Event: worker.EventOpened, Opened: &now})
	if out := o.judge(worker.Outcome{Status: result.StatusOK}); out.Status != result.StatusOK {
		t.Errorf("%+v", out)
	}
	on(worker.Event{Event: worker.EventOpened, Opened: &now})
	if out := o.judge(worker.Outcome{Status: result.StatusOK}); out.Code != worker.CodeProtocol {
		t.Errorf("a second device: %+v", out)
	}
	// It may also have nothing to say at all.
	o = opening{listed: device("cpu")}
	if out := o.judge(worker.Outcome{Status: result.StatusOK}); out.Code != worker.CodeProtocol || !strings.Contains(out.Reason, "without saying which device") {
		t.Errorf("%+v", out)
	}
}

// Every process is told what it must find; the document says what it found, and which card
// was read.
func TestOpenedIsKept(t *testing.T) {
	s := &script{}
	d := device("cpu")
	m := measure(one(s), plan("cpu")).ms[0]
	if m.SearchedOn == nil || *m.SearchedOn != d.Opened() {
		t.Errorf("searched on %+v", m.SearchedOn)
	}
	for i, l := range m.Launches {
		if l.Opened == nil || *l.Opened != d.Opened() || l.Meter == nil || l.Meter.UUID != d.UUID || l.Energy == nil {
			t.Errorf("launch %d: opened %+v, meter %+v", i, l.Opened, l.Meter)
		}
	}
	for _, req := range s.requests {
		if req.Expect == nil || *req.Expect != d.Opened() {
			t.Errorf("%s: expects %+v", req.Op, req.Expect)
		}
	}
}

// Readings of another card, or of one that nobody names, are left out, and that is said.
func TestReadingsOfAnotherCard(t *testing.T) {
	for _, meter := range []*result.Meter{nil, {Library: "NVML", Name: "another", UUID: "02"}, {Library: "NVML", Name: "unnamed"}} {
		o := opening{listed: device("cpu")}
		now := o.listed.Opened()
		var got []string
		on := o.through(func(e worker.Event) { got = append(got, e.Event) })
		on(worker.Event{Event: worker.EventOpened, Opened: &now})
		if meter != nil {
			on(worker.Event{Event: worker.EventMeter, Meter: meter})
		}
		on(worker.Event{Event: worker.EventTelemetry, Telemetry: &result.Telemetry{}})
		on(worker.Event{Event: worker.EventEnergy, Energy: &result.Energy{}})
		on(worker.Event{Event: worker.EventSample, Sample: &result.Sample{}})
		if strings.Join(got, " ") != "sample" {
			t.Errorf("%+v: taken %v", meter, got)
		}
		if meter != nil && !strings.Contains(o.meter.Unavailable, meter.Name) {
			t.Errorf("%+v: %+v", meter, o.meter)
		}
		if out := o.judge(worker.Outcome{Status: result.StatusOK}); out.Status != result.StatusOK {
			t.Errorf("%+v: %+v", meter, out)
		}
	}
}
