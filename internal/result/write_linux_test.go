package result

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// mount makes a small file system; only root can.
func mount(t *testing.T, flags uintptr, options string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("none", dir, "tmpfs", flags, options); err != nil {
		t.Skipf("cannot mount: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func TestWriteFileOnAFullDisk(t *testing.T) {
	dir := mount(t, 0, "size=16k")
	path := filepath.Join(dir, "out.json")
	if err := os.WriteFile(path, []byte("old"), 0o666); err != nil {
		t.Fatal(err)
	}
	big := example()
	big.Argv = append(big.Argv, strings.Repeat("x", 64<<10))
	if err := WriteFile(path, big); err == nil || err.Error() != path+": cannot write: no space left on device" {
		t.Errorf("got %v", err)
	}
	if got, _ := os.ReadFile(path); string(got) != "old" {
		t.Errorf("the old file now holds %q", got)
	}
	alone(t, dir, "out.json")
}

func TestWriteFileInAReadOnlyDirectory(t *testing.T) {
	dir := mount(t, syscall.MS_RDONLY, "")
	path := filepath.Join(dir, "out.json")
	if err := WriteFile(path, example()); err == nil || err.Error() != path+": cannot write: read-only file system" {
		t.Errorf("got %v", err)
	}
	alone(t, dir)
}

// Devices and pipes must stay what they are.
func TestWriteFileToADevice(t *testing.T) {
	if err := WriteFile("/dev/null", example()); err != nil {
		t.Error(err)
	}
	if info, err := os.Lstat("/dev/null"); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		t.Fatalf("/dev/null is now %v, %v", info.Mode(), err)
	}
	if _, err := os.Stat("/dev/full"); err == nil {
		if err := WriteFile("/dev/full", example()); err == nil || err.Error() != "/dev/full: cannot write: no space left on device" {
			t.Errorf("got %v", err)
		}
	}

	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	read := make(chan []byte)
	go func() {
		f, err := os.Open(pipe)
		if err != nil {
			t.Error(err)
		}
		defer f.Close()
		text, _ := io.ReadAll(f)
		read <- text
	}()
	if err := WriteFile(pipe, example()); err != nil {
		t.Error(err)
	}
	if got := <-read; !bytes.Equal(got, encoded(t, example())) {
		t.Errorf("the pipe carried %d bytes", len(got))
	}
}

// A file that is open but has no name any more, as standard output may be.
func TestWriteFileWithoutAName(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := os.Remove(f.Name()); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("/proc/self/fd", fmt.Sprint(f.Fd()))
	if err := WriteFile(path, example()); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(f)
	if err != nil || !bytes.Equal(got, encoded(t, example())) {
		t.Errorf("%v: %d bytes", err, len(got))
	}
}
