package result

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Prepare removes what dead writers left, and nothing else.
func TestPrepare(t *testing.T) {
	dir := t.TempDir()
	stale := filepath.Join(dir, ".gpubench-0123456789abcdef.tmp")
	for _, name := range []string{filepath.Base(stale), ".gpubench-0123456789abcde.tmp", ".gpubench-notes.tmp", "gpubench-0123456789abcdef.tmp"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("half of a docum"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	living, err := createTemp(dir, 0o666)
	if err != nil {
		t.Fatal(err)
	}
	defer living.Close()
	if err := Prepare(filepath.Join(dir, "out.json")); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(stale); err == nil {
		t.Error("the file of a dead writer is still there")
	}
	if _, err := os.Stat(living.Name()); err != nil {
		t.Errorf("the file of a living writer: %v", err)
	}
	os.Remove(living.Name())
	alone(t, dir, ".gpubench-0123456789abcde.tmp", ".gpubench-notes.tmp", "gpubench-0123456789abcdef.tmp")
}

func TestPrepareNamesTheCause(t *testing.T) {
	dir := t.TempDir()
	if err := Prepare(filepath.Join(dir, "none", "out.json")); err == nil || err.Error() != "no such file or directory" {
		t.Errorf("got %v", err)
	}
	if err := Prepare("/dev/null"); err != nil {
		t.Error(err)
	}
	odd := filepath.Join(dir, "[a]*")
	if err := os.Mkdir(odd, 0o777); err != nil {
		t.Fatal(err)
	}
	stale := filepath.Join(odd, ".gpubench-0123456789abcdef.tmp")
	if err := os.WriteFile(stale, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := Prepare(filepath.Join(odd, "out.json")); err != nil {
		t.Error(err)
	}
	alone(t, odd)
}

// A writer whose file is taken for stale before it has locked it takes another.
func TestWritersAndSweepersMayMeet(t *testing.T) {
	dir := t.TempDir()
	stop, stopped := make(chan bool), make(chan bool)
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				removeStale(dir)
			}
		}
	}()
	path := filepath.Join(dir, "out.json")
	for range 300 {
		f, err := createTemp(dir, 0o666)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(f.Name()); err != nil {
			t.Errorf("a file in use was removed: %v", err)
		}
		if err := os.Rename(f.Name(), path); err != nil {
			t.Error(err)
		}
		f.Close()
	}
	close(stop)
	<-stopped
	alone(t, dir, "out.json")
}

// A file that cannot be opened or locked is somebody's business, but not ours.
func TestStrangeTemporaryFiles(t *testing.T) {
	dir := t.TempDir()
	name := ".gpubench-" + strings.Repeat("0", 16) + ".tmp"
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, name)); err != nil {
		t.Skip(err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, strings.ReplaceAll(name, "0", "1")), 0o600); err != nil {
		t.Fatal(err)
	}
	removeStale(dir)
	if _, err := os.Lstat(filepath.Join(dir, name)); err != nil {
		t.Error(err)
	}
}
