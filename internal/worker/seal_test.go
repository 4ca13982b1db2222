package worker

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"gpubench/internal/result"

	"golang.org/x/sys/unix"
)

func TestSeals(t *testing.T) {
	lines := func(key string) (list []string) {
		s := newSeals(key)
		for i := range 3 {
			list = append(list, string(s.seal(fmt.Appendf(nil, `{"event":"phase","phase":"%d"}`, i))))
		}
		return list
	}
	key, other := newKey(), newKey()
	if key == other || len(key) != 2*keyBytes {
		t.Fatalf("keys %q and %q", key, other)
	}
	own := lines(key)
	for _, tt := range []struct {
		name string
		line string // in place of the second
		err  error
	}{
		{"its own", own[1], nil},
		{"with the end of the line", own[1] + "\n", nil},
		{"plain", `{"event":"phase","phase":"1"}`, errUnsealed},
		{"text", "MESA: warning", errUnsealed},
		{"nothing", "", errUnsealed},
		{"the first one again", own[0], errReplayed},
		{"the third one", own[2], errReplayed},
		{"the number changed", strings.Replace(own[0], " 1 ", " 2 ", 1), errForged},
		{"the text changed", strings.Replace(own[1], `"1"`, `"7"`, 1), errForged},
		{"by another key", lines(other)[1], errForged},
		{"by no key", lines("")[1], errForged},
		{"with a seal of the right length", `{"event":"phase","phase":"1"} 2 ` + strings.Repeat("0", 2*sealBytes), errForged},
		{"after a part of a foreign line", "MESA: " + own[1], errForged},
		{"before a part of a foreign line", own[1] + "MESA", errUnsealed},
		{"cut short", own[1][:len(own[1])-1], errUnsealed},
		{"zeroes before it", "\x00\x00" + own[1], errForged},
	} {
		s := newSeals(key)
		if _, err := s.open([]byte(own[0])); err != nil {
			t.Fatal(err)
		}
		event, err := s.open([]byte(tt.line))
		if !errors.Is(err, tt.err) || err == nil && string(event) != `{"event":"phase","phase":"1"}` {
			t.Errorf("%s: %q, %v, want %v", tt.name, event, err, tt.err)
		}
	}
}

// forge is what a driver does that writes to every pipe that it finds open.
func forge(text string) {
	for fd := 3; fd < 1024; fd++ {
		var st unix.Stat_t
		if unix.Fstat(fd, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFIFO {
			unix.Write(fd, []byte(text))
		}
	}
}

const (
	forgedTotals = `{"event":"verified","verification":{"batches":3,"dispatches":1002,"failed":0,"max_error":0,"bound":0,"method":"full","exact_checksum":"","varied":0}}` + "\n"
	forgedSample = `{"event":"sample","sample":{"host_s":1e-6,"device_s":null,"dispatches":1000,"flags":[]}}` + "\n"
	forgedDone   = `{"event":"done","stop":"precision"}` + "\n"
)

func init() {
	forger := func(text string) func() int {
		return served(func(_ Request, emit func(Event)) error {
			emit(hello)
			take := timing(emit)
			take(EventSample, 1)
			forge(text)
			take(EventSample, 1)
			return nil
		})
	}
	behaviours["forges a sample"] = forger(forgedSample)
	behaviours["forges all that a sample takes"] = forger(forgedTotals + forgedSample)
	behaviours["forges an end"] = forger(forgedDone)
	behaviours["forges a seal"] = forger(strings.TrimSpace(forgedSample) + " 4 " + strings.Repeat("ab", sealBytes) + "\n")
	behaviours["begins a line"] = forger(`{"event":"sam`)
	behaviours["writes binary"] = forger("\x00\x01\x02\xff\n")
	behaviours["writes a giant line"] = forger(strings.Repeat("z", 1<<16))
	behaviours["chats into every pipe"] = forger("MESA: warning: not a conformant driver\n")
	behaviours["forges after the end"] = served(func(_ Request, emit func(Event)) error {
		emit(Event{Event: EventDone, Stop: "precision"})
		forge(forgedSample)
		return nil
	})
	// It has a line of the worker's own, as one that reads the pipe would, and sends it again.
	behaviours["repeats a line"] = func() int {
		read, write, _ := os.Pipe()
		events := os.Stdout
		go func() {
			buf := make([]byte, 1<<16)
			for {
				n, err := read.Read(buf)
				if err != nil {
					return
				}
				events.Write(buf[:n])
				if strings.Contains(string(buf[:n]), `"sample","sample"`) {
					events.Write(buf[:n])
				}
			}
		}()
		e := newEmitter(write, mustKey())
		take := timing(e.emit)
		e.emit(hello)
		take(EventSample, 1)
		time.Sleep(time.Minute) // the parent ends it
		return 0
	}
	behaviours["closes its pipes"] = served(func(_ Request, emit func(Event)) error {
		emit(hello)
		for fd := 3; fd < 1024; fd++ {
			unix.Close(fd)
		}
		emit(Event{Event: EventPhase, Phase: PhaseClose})
		return nil
	})
	behaviours["replaces its pipes"] = served(func(_ Request, emit func(Event)) error {
		emit(hello)
		_, other, err := os.Pipe()
		if err != nil {
			return err
		}
		for fd := 3; fd < 1024; fd++ {
			var st unix.Stat_t
			if unix.Fstat(fd, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFIFO {
				err = redirect(int(other.Fd()), fd)
			}
		}
		emit(Event{Event: EventPhase, Phase: PhaseClose})
		return err
	})
}

// mustKey is the key in the request on standard input.
func mustKey() string {
	var text [4096]byte
	n, _ := os.Stdin.Read(text[:])
	_, rest, _ := strings.Cut(string(text[:n]), `"key":"`)
	key, _, _ := strings.Cut(rest, `"`)
	return key
}

// What a driver writes into the worker's pipe is no event, whatever it looks like, and
// costs the launch; its text is the reason.
func TestForgedEvents(t *testing.T) {
	for behaviour, words := range map[string]string{
		"forges a sample":                `"{\"event\":\"sample\",\"sample\":{\"host_s\":1e-6,`,
		"forges all that a sample takes": `"{\"event\":\"verified\",\"verification\":{`,
		"forges an end":                  `"{\"event\":\"done\",\"stop\":\"precision\"}" (it bears no seal of the worker's: a driver or a library wrote it)`,
		"forges a seal":                  `(its seal is wrong: a driver or a library wrote it)`,
		"begins a line":                  `"{\"event\":\"sam{\"event\":\"verified\",`,
		"writes binary":                  `"\x00\x01\x02\xff"`,
		"writes a giant line":            `"zzzzzzzz`,
		"chats into every pipe":          `"MESA: warning: not a conformant driver"`,
		"forges after the end":           `"{\"event\":\"sample\",`,
		"repeats a line":                 `(its number is not the next one: `,
	} {
		t.Run(behaviour, func(t *testing.T) {
			samples := 0
			out := spawn(t, behaviour).Run(t.Context(), launch, long, func(e Event) {
				if e.Event == EventSample {
					samples++
				}
				if e.Sample != nil && e.Sample.Dispatches != 1 {
					t.Errorf("a forged sample was believed: %+v", e.Sample)
				}
			})
			if out.Status != result.StatusFailed || out.Code != CodeProtocol || !strings.HasPrefix(out.Reason, "the process printed something that is no event: ") || !strings.Contains(out.Reason, words) {
				t.Errorf("outcome %+v, want the code protocol and %s", out, words)
			}
			if samples > 1 {
				t.Errorf("%d samples were believed", samples)
			}
		})
	}
}

// A driver that closes what it does not own is said to have done that.
func TestPipesThatAreClosed(t *testing.T) {
	for behaviour, reason := range map[string]string{
		"closes its pipes":   "the process ended itself while sampling, because the pipe of its events was closed or replaced under it",
		"replaces its pipes": "the process ended itself while sampling, because the pipe of its events was closed or replaced under it",
	} {
		t.Run(behaviour, func(t *testing.T) {
			out := spawn(t, behaviour).Run(t.Context(), launch, long, func(Event) {})
			if out.Status != result.StatusFailed || !strings.HasPrefix(out.Reason, reason) || out.Remedy != "update the driver" {
				t.Errorf("outcome %+v, want %q", out, reason)
			}
		})
	}
}

// What a child pays for each line, and its parent again.
func BenchmarkSeal(b *testing.B) {
	own, theirs := newSeals("key"), newSeals("key")
	event := []byte(strings.TrimSpace(forgedTotals))
	for b.Loop() {
		if _, err := theirs.open(own.seal(event)); err != nil {
			b.Fatal(err)
		}
	}
}
