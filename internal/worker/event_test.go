package worker

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestParseEvent(t *testing.T) {
	for _, tt := range []struct{ name, line, err string }{
		{"a device", `{"event":"device","device":{"id":"vulkan:0","backend":"vulkan"}}`, ""},
		{"a device of no name", `{"event":"device","device":{"backend":"vulkan"}}`, "id is empty"},
		{"a device of another backend", `{"event":"device","device":{"id":"cuda:0","backend":"cuda"}}`, `of backend "cuda", not "vulkan"`},
		{"absent", `{"event":"absent","absent":{"backend":"vulkan","reason":"no loader"}}`, ""},
		{"absent for no reason", `{"event":"absent","absent":{"backend":"vulkan"}}`, "no reason"},
		{"another backend is absent", `{"event":"absent","absent":{"backend":"cpu","reason":"x"}}`, `backend "cpu"`},
		{"opened", `{"event":"opened","opened":{"name":"llvmpipe","class":"cpu"}}`, ""},
		{"opened nothing", `{"event":"opened"}`, "opened: empty"},
		{"opened on the side", `{"event":"phase","phase":"verify","opened":{"name":"x"}}`, "phase: has the content of opened"},
		{"a meter", `{"event":"meter","meter":{"library":"NVML","uuid":"01"}}`, ""},
		{"no meter", `{"event":"meter"}`, "meter: empty"},
		{"built", `{"event":"built","kernel":{"form":"spirv"}}`, ""},
		{"built what", `{"event":"built","kernel":{}}`, "form is empty"},
		{"tried", `{"event":"tried","candidate":{"best_s":0.25,"chosen":true}}`, ""},
		{"tried before the beginning", `{"event":"tried","candidate":{"best_s":-0.25}}`, "best_s is -0.25"},
		{"a phase", `{"event":"phase","phase":"sample"}`, ""},
		{"no phase", `{"event":"phase"}`, "phase: empty"},
		{"verified", `{"event":"verified","verification":{"batches":3,"failed":1,"max_error":1e-6}}`, ""},
		{"more failed than were checked", `{"event":"verified","verification":{"batches":3,"failed":4}}`, "4 of 3 batches"},
		{"a negative number of batches", `{"event":"verified","verification":{"batches":-3,"failed":-4}}`, "-4 of -3"},
		{"a negative error", `{"event":"verified","verification":{"max_error":-1}}`, "max_error -1"},
		{"more varied than were checked", `{"event":"verified","verification":{"batches":3,"varied":4}}`, "4 of 3 batches varied"},
		{"a negative number of dispatches", `{"event":"verified","verification":{"batches":3,"dispatches":-1}}`, "-1 dispatches"},
		{"a round trip", `{"event":"round-trip","round_trip_s":2e-5}`, ""},
		{"no round trip", `{"event":"round-trip"}`, "round-trip: empty"},
		{"a negative round trip", `{"event":"round-trip","round_trip_s":-2e-5}`, "round_trip_s is -2e-05"},
		{"a round trip longer than the process has lived", `{"event":"round-trip","round_trip_s":2.5}`, "round_trip_s is 2.5, 2.000000 s after"},
		{"a sample", `{"event":"sample","sample":{"host_s":0.5,"device_s":0.4,"dispatches":8}}`, ""},
		{"absurd device time", `{"event":"sample","sample":{"host_s":0.5,"device_s":-4e9,"dispatches":8}}`, ""},
		{"a warm-up", `{"event":"warmup","sample":{"host_s":0.5,"dispatches":8}}`, ""},
		{"no time", `{"event":"sample","sample":{"host_s":0,"dispatches":8}}`, "host_s is 0"},
		{"negative time", `{"event":"warmup","sample":{"host_s":-1e-9,"dispatches":8}}`, "warmup: host_s is -1e-09"},
		{"longer than the process has lived", `{"event":"sample","sample":{"host_s":2.5,"dispatches":8}}`, "host_s is 2.5, 2.000000 s after"},
		{"infinite time", `{"event":"sample","sample":{"host_s":1e999,"dispatches":8}}`, "1e999"},
		{"not a number", `{"event":"sample","sample":{"host_s":NaN,"dispatches":8}}`, "invalid character"},
		{"no dispatches", `{"event":"sample","sample":{"host_s":0.5,"dispatches":0}}`, "0 dispatches"},
		{"half a dispatch", `{"event":"sample","sample":{"host_s":0.5,"dispatches":0.5}}`, "cannot unmarshal"},
		{"an empty sample", `{"event":"sample","sample":null}`, "sample: empty"},
		{"telemetry", `{"event":"telemetry","telemetry":{"at_s":1.5,"values":{"temperature_c":-3},"when":"during","sample":0}}`, ""},
		{"telemetry of the future", `{"event":"telemetry","telemetry":{"at_s":2.5,"values":{"power_w":3}}}`, "at_s is 2.5, 2.000000 s after"},
		{"telemetry of the past", `{"event":"telemetry","telemetry":{"at_s":-1,"values":{"power_w":3}}}`, "at_s is -1"},
		{"telemetry of nothing", `{"event":"telemetry","telemetry":{"at_s":1}}`, "no values"},
		{"telemetry of no sample", `{"event":"telemetry","telemetry":{"at_s":1,"values":{"power_w":3},"sample":-1}}`, "of no sample"},
		{"no telemetry", `{"event":"telemetry"}`, "telemetry: empty"},
		{"energy", `{"event":"energy","energy":{"joules":612.5,"window_s":1.25,"flop":12345678901234567890,"source":"nvml"}}`, ""},
		{"energy from nowhere", `{"event":"energy","energy":{"joules":-1,"window_s":1.25}}`, "-1 J in 1.25 s"},
		{"energy in no time", `{"event":"energy","energy":{"joules":1,"window_s":0}}`, "1 J in 0 s"},
		{"energy for longer than the process has lived", `{"event":"energy","energy":{"joules":1,"window_s":2.5}}`, "1 J in 2.5 s, 2.000000 s after"},
		{"done", `{"event":"done","stop":"precision"}`, ""},
		{"done with nothing to stop", `{"event":"done"}`, ""},
		{"an error", `{"event":"error","error":{"kind":"device-lost","text":"lost"}}`, ""},
		{"an error without words", `{"event":"error","error":{"kind":"device-lost","text":""}}`, "kind or text is empty"},
		{"two events in one", `{"event":"done","phase":"sample"}`, "done: has the content of phase"},
		{"an unknown event", `{"event":"finished"}`, `event "finished" is unknown`},
		{"no event", `{}`, `event "" is unknown`},
		{"an unknown field", `{"event":"done","speed":1}`, `unknown field "speed"`},
		{"two objects", `{"event":"done"} {"event":"done"}`, "more after the object"},
		{"an array", `[]`, "cannot unmarshal"},
		{"null", `null`, `event "" is unknown`},
		{"an empty line", ``, "EOF"},
		{"cut short", `{"event":"do`, "in string literal"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := parseEvent([]byte(tt.line+"\n"), launch, 2*time.Second)
			switch {
			case tt.err == "" && err != nil:
				t.Errorf("%s: %v", tt.line, err)
			case tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)):
				t.Errorf("%s: error %v, want one with %q", tt.line, err, tt.err)
			}
		})
	}
}

func TestMeter(t *testing.T) {
	type add struct {
		n  int
		at time.Duration
	}
	const mib = 1 << 20
	for _, tt := range []struct {
		name string
		adds []add
		err  string
	}{
		{"up to the rate", []add{{2 * mib, 0}, {2 * mib, 999 * time.Millisecond}, {4 * mib, time.Second}}, ""},
		{"above the rate", []add{{2 * mib, 0}, {2*mib + 1, 999 * time.Millisecond}}, "more than 4 MiB of events within a second"},
		{"slowly but for ever", func() (adds []add) {
			for i := range 17 {
				adds = append(adds, add{4 * mib, time.Duration(i) * time.Second})
			}
			return adds
		}(), "more than 64 MiB of events"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := meter{what: "of events"}
			for i, a := range tt.adds {
				err := m.add(a.n, a.at)
				last := i == len(tt.adds)-1
				switch {
				case err == nil && last && tt.err != "":
					t.Errorf("no error, want %q", tt.err)
				case err != nil && (!last || tt.err == "" || !strings.Contains(err.Error(), tt.err)):
					t.Errorf("addition %d: %v, want %q after the last", i, err, tt.err)
				}
			}
		})
	}
}

// What is accepted is what an honest child could have written: it can be written
// again, and means the same.
func FuzzParseEvent(f *testing.F) {
	f.Fuzz(func(t *testing.T, line []byte) {
		e, err := parseEvent(line, launch, 2*time.Second)
		if err != nil {
			return
		}
		again, err := json.Marshal(e)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		e2, err := parseEvent(again, launch, 2*time.Second)
		if err != nil {
			t.Fatalf("%q became %s: %v", line, again, err)
		}
		if third, _ := json.Marshal(e2); string(third) != string(again) {
			t.Fatalf("%q became %s and then %s", line, again, third)
		}
	})
}
