// The last words of a process.

package worker

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"
	"unicode"
)

// Bounds of what is kept of standard error.
const (
	tailLines    = 20
	tailBytes    = 8 << 10
	tailLine     = 512 // bytes of one line
	tailHeadline = 8   // lines kept from a Go crash's first one on: its end is a dump of registers
	tailBefore   = 4   // and lines before it: what a driver says before it calls abort
)

// tail collects the last lines of a stream. They are cleaned when it has ended,
// and not before: a driver that never stops complaining must cost little while
// something is being timed.
type tail struct {
	lines  []string
	bytes  int
	first  int // index of the first line that a Go crash makes worth keeping, -1 before it
	pinned int // lines kept from there on
	pins   int // and how many these are to be
	done   chan struct{}
}

// startTail reads r to its end in the background. flooded is called each time that
// more has come than a process in its senses writes.
func startTail(r io.Reader, flooded func(error)) *tail {
	t := &tail{first: -1, done: make(chan struct{})}
	go func() {
		defer close(t.done)
		m, started := meter{what: "to standard error"}, time.Now()
		b := bufio.NewReaderSize(r, tailBytes)
		read := func() (line []byte, isPrefix bool, err error) {
			line, isPrefix, err = b.ReadLine()
			if flood := m.add(len(line)+1, time.Since(started)); flood != nil {
				flooded(flood)
			}
			return line, isPrefix, err
		}
		for {
			line, isPrefix, err := read()
			if err != nil {
				return
			}
			t.add(line)
			for isPrefix && err == nil { // the rest of a giant line
				_, isPrefix, err = read()
			}
		}
	}()
	return t
}

// add keeps a line and drops the oldest ones beyond the bounds.
func (t *tail) add(raw []byte) {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 {
		return
	}
	line := string(raw[:min(len(raw), tailLine)])
	if len(raw) > tailLine {
		line = strings.ToValidUTF8(line[:tailLine-len("…")], "") + "…"
	}
	if t.first < 0 && goCrash.MatchString(line) {
		t.first = max(0, len(t.lines)-tailBefore)
		t.pinned = len(t.lines) - t.first
		t.pins = t.pinned + tailHeadline
	}
	if t.first >= 0 && t.pinned < t.pins {
		t.pinned++
	}
	t.lines = append(t.lines, line)
	t.bytes += len(line)
	for len(t.lines) > tailLines || t.bytes > tailBytes {
		oldest := 0
		if t.first == 0 {
			oldest = t.pinned
		}
		t.bytes -= len(t.lines[oldest])
		t.lines = append(t.lines[:oldest], t.lines[oldest+1:]...)
		if t.first > 0 {
			t.first--
		}
	}
}

// stop waits for the end of the stream and returns the lines, cleaned.
func (t *tail) stop() []string {
	<-t.done
	var lines []string
	for _, line := range t.lines {
		if line = clean(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// escape matches a terminal's control sequences, colours mostly.
var escape = regexp.MustCompile("\x1b(\\[[0-9;?]*[ -/]*[@-~]|\\][^\x07\x1b]*(\x07|\x1b\\\\)?)")

// clean makes text from a driver fit for a terminal and a document: valid UTF-8
// without control and other invisible characters, and never longer than before.
func clean(s string) string {
	s = escape.ReplaceAllString(strings.ToValidUTF8(s, "?"), "")
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n':
			return ' '
		case unicode.IsPrint(r):
			return r
		}
		return -1
	}, s)
	return strings.TrimSpace(s)
}

// quote shows the beginning of a line that was not understood.
func quote(line []byte) string {
	const limit = 120
	s := strings.TrimRight(string(line), "\r\n")
	if len(s) > limit {
		return fmt.Sprintf("%q…", s[:limit])
	}
	return fmt.Sprintf("%q", s)
}
