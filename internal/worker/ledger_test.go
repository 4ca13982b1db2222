package worker

import (
	"encoding/json"
	"strings"
	"testing"

	"gpubench/internal/backend"
)

// Each line is a stream of events; the last one is refused for the reason, or none is.
func TestLedger(t *testing.T) {
	search, devices, empty := launch, launch, launch
	search.Op, devices.Op, empty.Kernel = OpSearch, OpDevices, backend.KernelEmpty
	for _, tt := range []struct {
		name, events string
		req          Request
		err          string
	}{
		{"a launch", "built verify 3/21 trip warmup 4/22 w1 sample 5/32 s10 6/42 s10 close done", launch, ""},
		{"batches that prove the times", "built verify 3/21 sample 4/22 s1 prove 5/23 6/24 close done", launch, ""},
		{"a launch without a warm-up", "built verify 3/21 sample 4/22 s1 close done", launch, ""},
		{"a launch that says nothing", "done", launch, ""},
		{"totals twice before batches are timed", "built verify 1/1 3/21 trip 4/30 sample 5/31 s1 done", launch, ""},
		{"a phase of a later version", "verify 3/21 polish sample 4/22 s1 done", launch, ""},
		{"empty dispatches", "built verify 3/21 warmup w1 w9 sample s1 s1 close done", empty, ""},
		{"a search", "tried tried done", search, ""},
		{"a list", "device device done", devices, ""},
		{"an error at any time", "built verify error", launch, ""},
		{"an error with a batch left over", "verify sample 1/10 error", launch, ""},

		{"a sample of no batch", "verify 3/21 sample s1", launch, "sample: 1 dispatches, of which 0 are verified"},
		{"two samples of a batch", "verify sample 1/10 s10 s10", launch, "sample: 10 dispatches, of which 0 are verified"},
		{"a sample of more", "verify sample 1/10 s1000", launch, "sample: 1000 dispatches, of which 10 are verified"},
		{"a sample of fewer", "verify sample 1/10 s9", launch, "sample: 9 dispatches, of which 10 are verified"},
		{"a sample of a batch that was wrong", "verify sample 1/0 s10", launch, "of which 0 are verified"},
		{"a sample in the warm-up", "verify warmup 1/10 s10", launch, "sample: in phase warmup"},
		{"a warm-up after it", "verify sample 1/10 w10", launch, "warmup: in phase sample"},
		{"a sample of a batch that proves the times", "verify sample prove 1/10 s10", launch, "sample: in phase prove"},
		{"a sample after all", "verify sample close s10", launch, "sample: in phase close"},
		{"a sample before all", "s10", launch, "sample: in the beginning"},
		{"a batch without a sample", "verify sample 1/10 2/20", launch, "verified: batch 2, but there is no sample of the one before"},
		{"two batches at once", "verify sample 2/20", launch, "verified: 2 batches at once"},
		{"the same totals twice", "verify sample 1/10 s10 1/10", launch, "verified: 0 batches at once"},
		{"fewer batches", "verify 3/21 2/21", launch, "totals do not fall"},
		{"fewer dispatches", "verify 3/21 4/20", launch, "totals do not fall"},
		{"done with a batch left over", "verify sample 1/10 done", launch, "done: batch 1 was verified, and there is no sample of it"},
		{"done with a wrong batch", "verify sample 1/10!1 s10 done", launch, "done: 1 batches were wrong"},
		{"empty dispatches of a kernel that was not verified", "verify sample s1", empty, "of which 0 are verified"},
		{"verified again between empty dispatches", "verify 3/21 sample s1 4/22 5/23", empty, "there is no sample of the one before"},
		{"a phase twice", "verify warmup warmup", launch, "phase warmup: after phase warmup"},
		{"a phase too late", "verify sample warmup", launch, "phase warmup: after phase sample"},
		{"built twice", "built built", launch, "built: after built"},
		{"built late", "verify built", launch, "built: after phase verify"},
		{"a round trip before all", "trip", launch, "round-trip: after the beginning"},
		{"a round trip twice", "verify trip trip", launch, "round-trip: after phase verify"},
		{"a round trip late", "verify sample trip", launch, "round-trip: after phase sample"},
		{"a candidate in a launch", "tried", launch, "tried: it is no answer to launch"},
		{"a device in a launch", "device", launch, "device: it is no answer to launch"},
		{"a sample in a search", "s1", search, "sample: it is no answer to search"},
		{"totals in a list", "1/1", devices, "verified: it is no answer to devices"},
	} {
		l := newLedger(tt.req)
		words := strings.Fields(tt.events)
		for i, word := range words {
			e := eventOf(t, word)
			err := l.enter(&e)
			last := i == len(words)-1
			switch {
			case err != nil && (tt.err == "" || !last || !strings.Contains(err.Error(), tt.err)):
				t.Errorf("%s: %s: %v, want %q after the last", tt.name, word, err, tt.err)
			case err == nil && last && tt.err != "":
				t.Errorf("%s: no error, want %q", tt.name, tt.err)
			}
		}
	}
}

// eventOf is the event that a word of TestLedger stands for.
func eventOf(t *testing.T, word string) (e Event) {
	t.Helper()
	text := `{"event":"` + word + `"}`
	batches, dispatches, totals := strings.Cut(word, "/")
	switch {
	case totals:
		dispatches, failed, _ := strings.Cut(dispatches, "!")
		text = `{"event":"verified","verification":{"batches":` + batches + `,"dispatches":` + dispatches + `,"failed":0` + failed + `}}`
		text = strings.Replace(text, `:0`+failed+`}`, `:`+map[bool]string{true: "0", false: failed}[failed == ""]+`}`, 1)
	case strings.TrimLeft(word[1:], "0123456789") == "":
		text = `{"event":"` + map[byte]string{'s': EventSample, 'w': EventWarmup}[word[0]] + `","sample":{"host_s":1,"dispatches":` + word[1:] + `}}`
	case word == "trip":
		text = `{"event":"round-trip","round_trip_s":1}`
	case strings.Contains("verify warmup sample prove close polish", word):
		text = `{"event":"phase","phase":"` + word + `"}`
	}
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return e
}
