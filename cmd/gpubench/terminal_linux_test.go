package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// terminal opens a pseudo terminal of so many columns. Everything that is written
// to tty can be read from the other end.
func terminal(t *testing.T, columns uint16) (other, tty *os.File) {
	t.Helper()
	other, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("there are no pseudo terminals here: %v", err)
	}
	t.Cleanup(func() { other.Close() })
	fd := int(other.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Skipf("pseudo terminal: %v", err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Skipf("pseudo terminal: %v", err)
	}
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns}); err != nil {
		t.Skipf("pseudo terminal: %v", err)
	}
	tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		// A container may lack the mount; the kernel hands the other end out itself.
		peer, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), unix.TIOCGPTPEER, uintptr(os.O_RDWR|unix.O_NOCTTY))
		if errno != 0 {
			t.Skipf("pseudo terminal: %v", errno)
		}
		tty = os.NewFile(peer, "tty")
	}
	t.Cleanup(func() { tty.Close() })
	return other, tty
}

// onTerminal runs gpubench with standard output and error on a terminal and
// returns all that came.
func onTerminal(t *testing.T, columns uint16, env []string, args ...string) string {
	t.Helper()
	other, tty := terminal(t, columns)
	if !term.IsTerminal(int(tty.Fd())) {
		t.Fatal("the pseudo terminal is none")
	}
	c := exec.Command("gpubench", args...)
	c.Stdout, c.Stderr = tty, tty
	c.Env = append(os.Environ(), append([]string{"TERM=xterm", "LC_ALL=C.UTF-8", "NO_COLOR="}, env...)...)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	read := make(chan struct{})
	go func() {
		io.Copy(&text, other) // ends with an error once the last writer has closed
		close(read)
	}()
	err := c.Wait()
	tty.Close()
	<-read
	if err != nil {
		t.Fatalf("%v\n%s", err, text.String())
	}
	return text.String()
}

func TestTerminal(t *testing.T) {
	args := []string{"run", "--device", "cpu", "--size", "64", "--launches", "1", "--min-time", "1ms", "--precision", "50%"}
	const columns = 60

	text := onTerminal(t, columns, nil, args...)
	// The progress stays on one line, which is gone in the end.
	progress, table, found := strings.Cut(text, "\r\x1b[K\x1b[1m")
	if !found || strings.Contains(progress, "\n") {
		t.Fatalf("no line of progress that is cleared before the table: %q", text)
	}
	for _, line := range strings.Split(progress, "\x1b[K") {
		if line = strings.TrimPrefix(line, "\r"); len([]rune(line)) >= columns {
			t.Errorf("a line of %d columns on a terminal of %d: %q", len([]rune(line)), columns, line)
		}
	}
	if !strings.Contains(progress, "cpu 64x64x64, launch 1 of 1") {
		t.Errorf("the progress does not say what is measured: %q", progress)
	}
	if !strings.Contains(table, "\x1b[32m") || !strings.Contains(table, "█") && !strings.Contains(table, "±") && !strings.Contains(table, "·") {
		t.Errorf("no colour or no Unicode on a terminal that has both: %q", table)
	}

	if text := onTerminal(t, columns, []string{"NO_COLOR=1"}, append(args, "--quiet")...); strings.Contains(text, "\x1b") {
		t.Errorf("escape sequences in spite of NO_COLOR and --quiet: %q", text)
	}
	if text := onTerminal(t, columns, []string{"TERM=dumb", "LC_ALL=C"}, args...); strings.Contains(text, "\x1b") || strings.ContainsFunc(text, func(r rune) bool { return r > 127 }) {
		t.Errorf("escape sequences or Unicode on a dumb terminal: %q", text)
	}
}

func TestSignals(t *testing.T) {
	for _, test := range []struct {
		signal syscall.Signal
		code   int
		text   string
	}{
		{syscall.SIGINT, exitInterrupted, "gpubench: interrupted"},
		{syscall.SIGTERM, exitTerminated, "gpubench: interrupted by SIGTERM"},
	} {
		path := filepath.Join(t.TempDir(), "doc.json")
		var stderr bytes.Buffer
		c := exec.Command("gpubench", "run", "--device", "cpu", "--size", "64", "--specialization", "LY=4", "--launches", "1000", "--json", path)
		c.Stderr = &stderr
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := awaitChild(c.Process.Pid, 3); err != nil {
			t.Fatal(err)
		}
		c.Process.Signal(test.signal)
		err := c.Wait()
		if c.ProcessState.ExitCode() != test.code || !strings.HasPrefix(stderr.String(), test.text+"; what was measured until then was written") {
			t.Errorf("%v: %v, stderr %q, want code %d and %q", test.signal, err, stderr.String(), test.code, test.text)
		}
		doc, err := readDocument(path)
		if err != nil || !doc.Interrupted {
			t.Errorf("%v: the document: %v, %+v", test.signal, err, doc)
		}
	}
}
