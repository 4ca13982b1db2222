package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"gpubench/internal/measure"
	"gpubench/internal/worker"
)

// refresh is how often the line is rewritten: often enough for the seconds to run
// on, seldom enough to cost nothing on the cores that are being measured.
const refresh = 250 * time.Millisecond

// progress is one line on a terminal that tells what is being measured.
type progress struct {
	out     *os.File
	started time.Time
	stop    chan struct{}
	ended   sync.WaitGroup

	mu   sync.Mutex
	text string
}

// startProgress shows progress on w if it is a terminal that can rewrite a line.
// On anything else it returns nil, whose methods do nothing.
func startProgress(w io.Writer, getenv func(string) string) *progress {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) || getenv("TERM") == "dumb" {
		return nil
	}
	p := &progress{out: f, started: time.Now(), stop: make(chan struct{})}
	p.ended.Add(1)
	go p.loop()
	return p
}

func (p *progress) loop() {
	defer p.ended.Done()
	tick := time.NewTicker(refresh)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			p.draw()
		case <-p.stop:
			io.WriteString(p.out, "\r\x1b[K")
			return
		}
	}
}

func (p *progress) draw() {
	p.mu.Lock()
	text := p.text
	p.mu.Unlock()
	columns, _, err := term.GetSize(int(p.out.Fd()))
	if err != nil || columns < 20 {
		columns = 80
	}
	fmt.Fprintf(p.out, "\r%s\x1b[K", progressLine(text, time.Since(p.started), columns-1))
}

// progressLine puts the elapsed time in front, which stays in sight when the
// rest is cut off at the width.
func progressLine(text string, elapsed time.Duration, width int) string {
	line := []rune(fmt.Sprintf("%3.0f s  %s", elapsed.Seconds(), text))
	return string(line[:min(len(line), width)])
}

// say shows a text.
func (p *progress) say(text string) {
	if p != nil {
		p.mu.Lock()
		p.text = text
		p.mu.Unlock()
	}
}

// note prints a line that stays.
func (p *progress) note(w io.Writer, text string) {
	if p != nil {
		io.WriteString(p.out, "\r\x1b[K")
	}
	fmt.Fprintf(w, "gpubench: %s\n", text)
}

// measured shows what package measure reports.
func (p *progress) measured(m measure.Progress) { p.say(progressText(m)) }

// progressText words where a run is.
func progressText(m measure.Progress) string {
	parts := []string{fmt.Sprintf("%s %v", m.Device.ID, m.Problem)}
	if m.Arms > 1 {
		parts[0] = fmt.Sprintf("arm %d of %d: %s", m.Arm+1, m.Arms, parts[0])
	}
	if m.Phase != measure.PhaseSearch {
		parts = append(parts, fmt.Sprintf("launch %d of %d", m.Round+1, m.Rounds))
	}
	switch m.Phase {
	case measure.PhaseSearch:
		parts = append(parts, "searching for a specialization")
	case measure.PhaseStart:
		parts = append(parts, "starting")
	case worker.PhaseVerify:
		parts = append(parts, "verifying")
	case worker.PhaseWarmup:
		parts = append(parts, "warming up")
	case worker.PhaseSample:
		parts = append(parts, fmt.Sprintf("sample %d", m.Samples+1))
	case worker.PhaseProve:
		parts = append(parts, "proving the times")
	case worker.PhaseClose:
		parts = append(parts, "closing the device")
	}
	if m.FLOPS > 0 {
		parts = append(parts, fmt.Sprintf("%.4g GFLOP/s", m.FLOPS/1e9))
	}
	return strings.Join(parts, ", ")
}

// end clears the line.
func (p *progress) end() {
	if p != nil {
		close(p.stop)
		p.ended.Wait()
	}
}
