// What the tests about faults share: following a program's processes from outside.

package e2e

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gpubench/internal/result"
)

// tiny are flags for a run of one arm that takes a second or two. Its devices are asked
// for by one child, and each arm has one that tries the one candidate with this constant,
// which each instruction set has, before its launches begin.
var tiny = []string{"run", "--device", "cpu:1", "--baseline", "cpu:1", "--size", "32", "--launches", "2",
	"--limits=false", "--specialization", "LY=4", "--warmup", "1ms", "--min-time", "1ms", "--precision", "50%"}

// prelude is the number of children before the first launch.
func prelude(arms int) int { return 1 + arms }

// marking gives a command, and so all that it starts, a mark in the environment.
func marking(cmd *exec.Cmd) (mark string) {
	mark = "GPUBENCH_E2E=" + rand.Text()
	if cmd.Env == nil {
		cmd.Env = os.Environ()
	}
	cmd.Env = append(cmd.Env, mark)
	return mark
}

// marked lists the living processes that bear the mark.
func marked(mark string) (pids []string) {
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range files {
		env, err := os.ReadFile(path) // nothing of one that has ended
		if err == nil && slices.ContainsFunc(bytes.Split(env, []byte{0}), func(v []byte) bool { return string(v) == mark }) {
			pids = append(pids, filepath.Base(filepath.Dir(path)))
		}
	}
	return pids
}

// wantNoneLeft fails the test when a process with the mark lives on.
func wantNoneLeft(t *testing.T, mark string) {
	t.Helper()
	var left []string
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if left = marked(mark); len(left) == 0 {
			return
		}
	}
	t.Errorf("processes %q are left", left)
}

// starts counts the children that a process starts, from outside: those that it sees.
type starts struct {
	parent int
	seen   []int // their numbers, in order
}

// look notes new children and returns how many there have been.
func (s *starts) look(t *testing.T) int {
	for _, pid := range children(t, s.parent) {
		if !slices.Contains(s.seen, pid) {
			s.seen = append(s.seen, pid)
		}
	}
	return len(s.seen)
}

// await waits until there have been n children.
func (s *starts) await(t *testing.T, n int) {
	t.Helper()
	for end := time.Now().Add(time.Minute); s.look(t) < n; time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d children within a minute, want %d", len(s.seen), n)
		}
	}
}

// launches counts the launches in a document and checks that each is whole, and that
// the arms are what their launches make them.
func launches(t *testing.T, doc *result.Document) (n int) {
	t.Helper()
	for _, m := range doc.Measurements {
		n += len(m.Launches)
		good, failed := 0, 0
		for i, l := range m.Launches {
			switch {
			case l.Status == result.StatusOK:
				good++
			case l.Code != "interrupted":
				failed++
			}
			if l.Status == result.StatusOK && (len(l.Samples) == 0 || l.Stop == "") || l.Status != result.StatusOK && l.Reason == "" || l.Started.IsZero() {
				t.Errorf("%s %d: launch %d is not whole: %+v", m.Device, m.Problem.M, i+1, l)
			}
		}
		if most := good > failed; most != (m.Status == result.StatusOK) || most && (m.Summary == nil || m.Summary.Launches != good) {
			t.Errorf("%s %d: %d good launches of %d, status %s (%s), summary %+v", m.Device, m.Problem.M, good, len(m.Launches), m.Status, m.Reason, m.Summary)
		}
	}
	return n
}

// read reads a document; nil when there is none.
func read(t *testing.T, path string) *result.Document {
	t.Helper()
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Error(err)
		return nil
	}
	defer f.Close()
	doc, err := result.Read(f, path)
	if err != nil {
		t.Error(err)
		return nil
	}
	return doc
}

// names lists a directory.
func names(t *testing.T, dir string) (list []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Error(err)
	}
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

// keptIn is the path that a message says a document was kept in.
func keptIn(t *testing.T, stderr string) string {
	t.Helper()
	_, path, found := strings.Cut(stderr, "the document was kept in ")
	if !found {
		t.Fatalf("no word of a document that was kept: %s", stderr)
	}
	path, _, _ = strings.Cut(strings.TrimSpace(path), ";")
	return path
}
