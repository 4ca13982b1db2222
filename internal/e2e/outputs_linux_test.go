// Signals, and places to write to that are full, closed or forbidden.

package e2e

import (
	"bytes"
	"fmt"

	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"gpubench/internal/result"
)

// endless is tiny without an end.
func endless(more ...string) []string {
	return slices.Concat(tiny, []string{"--launches", "1000"}, more)
}

// started runs a command in the background. wait returns what it leaves; it is killed
// with the test.
func started(t *testing.T, cmd *exec.Cmd) (s *starts, wait func() answer) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if cmd.Stdout == nil {
		cmd.Stdout = &stdout
	}
	if cmd.Stderr == nil {
		cmd.Stderr = &stderr
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	return &starts{parent: cmd.Process.Pid}, func() answer {
		cmd.Wait() // the exit code says it
		return answer{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
	}
}

func TestSignalsLeaveNothing(t *testing.T) {
	for _, tt := range []struct {
		signal syscall.Signal
		code   int
		text   string
	}{
		{syscall.SIGINT, 130, "gpubench: interrupted; what was measured until then was written\n"},
		{syscall.SIGTERM, 143, "gpubench: interrupted by SIGTERM; what was measured until then was written\n"},
		{syscall.SIGKILL, -1, ""},
	} {
		t.Run(tt.signal.String(), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "doc.json")
			cmd := exec.Command(gpubench(t), endless("--json", path)...)
			mark := marking(cmd)
			s, wait := started(t, cmd)
			s.await(t, prelude(1)+3) // two launches are finished, the third is running
			cmd.Process.Signal(tt.signal)
			a := wait()
			if a.code != tt.code || a.stderr != tt.text {
				t.Errorf("exit code %d, want %d: %s", a.code, tt.code, a.stderr)
			}
			wantNoneLeft(t, mark)
			doc := read(t, path)
			if doc == nil || !doc.Interrupted || launches(t, doc) < 2 {
				t.Errorf("the document: %+v", doc)
			}
		})
	}
}

// The second Ctrl-C ends a program that waits for ever for somebody to read, and says
// what is safe.
func TestTheSecondSignal(t *testing.T) {
	dir := t.TempDir()
	pipe, file := filepath.Join(dir, "pipe"), filepath.Join(dir, "doc.json")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, path, text string }{
		{"a document that nobody reads", pipe, "what was measured is lost; with --json FILE every finished launch is kept"},
		{"a table that nobody reads", file, file + " holds all that was measured"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cmd := exec.Command(gpubench(t), endless("--json", tt.path)...)
			mark := marking(cmd)
			r, full := fullPipe(t)
			defer r.Close()
			cmd.Stdout = full
			s, wait := started(t, cmd)
			full.Close()
			s.await(t, prelude(1)+2)
			cmd.Process.Signal(os.Interrupt)
			for end := time.Now().Add(time.Minute); len(children(t, cmd.Process.Pid)) > 0 || tt.path == file && !isWhole(t, file); time.Sleep(10 * time.Millisecond) {
				if time.Now().After(end) {
					t.Fatal("the first signal had no effect")
				}
			}
			// What it writes now, nobody will ever read.
			cmd.Process.Signal(os.Interrupt)
			if a := wait(); a.code != 130 || a.stderr != "\ngpubench: ended at once; "+tt.text+"\n" {
				t.Errorf("exit code %d: %q", a.code, a.stderr)
			}
			wantNoneLeft(t, mark)
		})
	}
}

// isWhole reports whether the last document of an interrupted run is there: the
// checkpoints before are of launches that were finished, all but the one in progress.
func isWhole(t *testing.T, path string) bool {
	doc := read(t, path)
	return doc != nil && slices.ContainsFunc(doc.Measurements, func(m result.Measurement) bool {
		return slices.ContainsFunc(m.Launches, func(l result.Launch) bool { return l.Code == "interrupted" })
	})
}

// fullPipe is a pipe that takes nothing more.
func fullPipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	w.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
	for {
		if _, err := w.Write(make([]byte, 1<<12)); err != nil {
			break
		}
	}
	return r, w
}

// small makes a small file system; only root can.
func small(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size=256k"); err != nil {
		t.Skipf("needs the right to mount: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// A disk that is full when the run is half over: the run goes on, and its document is
// kept elsewhere. The last one that was written whole stays.
func TestADiskThatFillsUp(t *testing.T) {
	dir, kept := small(t), t.TempDir()
	disturbed(t, dir, kept, nil, "no space left on device", func() {
		f, err := os.Create(filepath.Join(dir, "filler"))
		if err != nil {
			t.Error(err)
			return
		}
		defer f.Close()
		for n := 1 << 16; n > 0; n /= 2 {
			for _, err := f.Write(make([]byte, n)); err == nil; _, err = f.Write(make([]byte, n)) {
			}
		}
	})
}

// A file system that becomes read-only, as a damaged disk does.
func TestADiskThatBecomesReadOnly(t *testing.T) {
	dir, kept := small(t), t.TempDir()
	disturbed(t, dir, kept, nil, "read-only file system", func() {
		// A checkpoint in progress keeps it busy for a moment.
		for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
			err := syscall.Mount("none", dir, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, "size=256k")
			if err == nil {
				return
			}
			if time.Now().After(end) {
				t.Errorf("remount: %v", err)
				return
			}
		}
	})
}

// A directory that an ordinary user may no longer write to.
func TestADirectoryThatBecomesForbidden(t *testing.T) {
	dir, kept := t.TempDir(), t.TempDir()
	user := ordinary(t, dir, kept)
	disturbed(t, dir, kept, user, "permission denied", func() {
		if err := os.Chmod(dir, 0o555); err != nil {
			t.Error(err)
		}
	})
	os.Chmod(dir, 0o755)
}

// disturbed starts a run that writes to dir, disturbs it after its first checkpoint,
// and checks that everything is found in kept.
func disturbed(t *testing.T, dir, kept string, user *syscall.SysProcAttr, cause string, disturb func()) {
	t.Helper()
	path := filepath.Join(dir, "doc.json")
	cmd := exec.Command(gpubench(t), append(slices.Clone(tiny), "--launches", "4", "--json", path)...)
	cmd.Env = append(os.Environ(), "TMPDIR="+kept)
	if user != nil {
		cmd.Path, cmd.SysProcAttr = filepath.Join(dir, "gpubench"), user
	}
	_, wait := started(t, cmd)
	for end := time.Now().Add(time.Minute); read(t, path) == nil; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("no checkpoint within a minute: %s", wait().stderr)
		}
	}
	disturb()
	a := wait()
	if a.code != 1 || !strings.Contains(a.stdout, "32 x 32 x 32") {
		t.Errorf("exit code %d, want 1 and the table\n%s", a.code, a.stdout)
	}
	before := read(t, path)
	if before == nil || !before.Interrupted {
		t.Fatalf("the last checkpoint: %+v", before)
	}
	first := launches(t, before)
	want := fmt.Sprintf("gpubench: what was measured so far could not be written: --json %s: cannot write: %s; the run goes on\n"+
		"gpubench: --json %[1]s: cannot write: %[2]s; the document was kept in %[3]s; %[1]s holds the first %[4]d launches\n", path, cause, keptIn(t, a.stderr), first)
	if a.stderr != want {
		t.Errorf("standard error is\n%swant\n%s", a.stderr, want)
	}
	doc := read(t, keptIn(t, a.stderr))
	if doc == nil || doc.Interrupted || launches(t, doc) != 4 {
		t.Errorf("the document that was kept: %+v", doc)
	}
	for _, name := range names(t, dir) {
		if strings.HasPrefix(name, ".gpubench") {
			t.Errorf("%s was left", name)
		}
	}
}

// ordinary lets a user other than root run the program from the first directory and
// write to all of them. For one who is not root already it is nil.
func ordinary(t *testing.T, dirs ...string) *syscall.SysProcAttr {
	t.Helper()
	place(t, dirs[0], "gpubench", gpubench(t))
	if os.Geteuid() != 0 {
		return &syscall.SysProcAttr{}
	}
	const nobody = 65534
	for _, dir := range dirs {
		if err := os.Chown(dir, nobody, nobody); err != nil {
			t.Skipf("needs the right to give a directory away: %v", err)
		}
		for ; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
			os.Chmod(dir, 0o755)
		}
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
}

// What cannot be written is said before anything is measured.
func TestADirectoryThatCannotBeWrittenTo(t *testing.T) {
	t.Run("by its file system", func(t *testing.T) {
		dir := small(t)
		if err := syscall.Mount("none", dir, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
			t.Skip(err)
		}
		refused(t, exec.Command(gpubench(t), append(slices.Clone(tiny), "--json", filepath.Join(dir, "doc.json"))...), "read-only file system")
	})
	t.Run("by this user", func(t *testing.T) {
		dir := t.TempDir()
		user := ordinary(t, dir)
		os.Chmod(dir, 0o555)
		defer os.Chmod(dir, 0o755)
		cmd := exec.Command(filepath.Join(dir, "gpubench"), append(slices.Clone(tiny), "--json", filepath.Join(dir, "doc.json"))...)
		cmd.SysProcAttr = user
		refused(t, cmd, "permission denied")
	})
}

func refused(t *testing.T, cmd *exec.Cmd, cause string) {
	t.Helper()
	path := cmd.Args[len(cmd.Args)-1]
	a := finish(t, cmd)
	want := fmt.Sprintf("gpubench: --json %s: the document could not be written there: %s; nothing was measured\n", path, cause)
	if a.code != 1 || a.stdout != "" || a.stderr != want {
		t.Errorf("exit code %d, %q, standard error %swant %s", a.code, a.stdout, a.stderr, want)
	}
}

// Standard output and error that are closed, or that nobody reads any more.
func TestClosedOutputs(t *testing.T) {
	const table = `"$0" "$@" --json "$DOC"`
	const alone = `"$0" "$@" --json -`
	for _, tt := range []struct {
		name, script string
		stderr       string // before the place where the document was kept, if it was
		file, kept   bool
		table        bool
		code         int
	}{
		{"standard output is closed", table + ` >&-`, "gpubench: standard output: it is closed\n", true, false, false, 1},
		{"standard output is closed, and the document was to go there", alone + ` >&-`, "gpubench: standard output: it is closed; the document was kept in ", false, true, false, 1},
		{"standard output is full", table + ` >/dev/full`, "gpubench: standard output: no space left on device\n", true, false, false, 1},
		{"nobody reads the table", `{ ` + table + `; echo $? >"$CODE"; } | :`, "gpubench: standard output: broken pipe\n", true, false, false, 1},
		{"nobody reads the document", `{ ` + alone + `; echo $? >"$CODE"; } | :`, "gpubench: standard output: broken pipe; the document was kept in ", false, true, false, 1},
		{"standard error is closed", table + ` 2>&-`, "", true, false, true, 0},
		{"standard input is closed", table + ` <&-`, "", true, false, true, 0},
		{"a limit for the size of files", `ulimit -f 1; ` + table, "gpubench: what was measured so far could not be written: --json ", false, false, true, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir, kept := t.TempDir(), t.TempDir()
			file, code := filepath.Join(dir, "doc.json"), filepath.Join(dir, "code")
			cmd := exec.Command("/bin/sh", append([]string{"-c", tt.script, gpubench(t)}, append(slices.Clone(tiny), "--launches", "1")...)...)
			cmd.Env = append(os.Environ(), "TMPDIR="+kept, "DOC="+file, "CODE="+code)
			mark := marking(cmd)
			a := finish(t, cmd)
			if text, err := os.ReadFile(code); err == nil { // of the first in a pipeline
				fmt.Sscan(string(text), &a.code)
			}
			if a.code != tt.code || !strings.HasPrefix(a.stderr, tt.stderr) || tt.stderr == "" && a.stderr != "" {
				t.Errorf("exit code %d, want %d; standard error %q, want %q", a.code, tt.code, a.stderr, tt.stderr)
			}
			if got := strings.Contains(a.stdout, "32 x 32 x 32"); got != tt.table {
				t.Errorf("the table came: %v, want %v", got, tt.table)
			}
			if doc := read(t, file); (doc != nil) != tt.file || doc != nil && (doc.Interrupted || launches(t, doc) != 1) {
				t.Errorf("the document of --json: %+v", doc)
			}
			if list := names(t, kept); tt.kept {
				if doc := read(t, keptIn(t, a.stderr)); len(list) != 1 || doc == nil || launches(t, doc) != 1 {
					t.Errorf("kept: %q", list)
				}
			} else if len(list) != 0 {
				t.Errorf("kept without need: %q", list)
			}
			wantNoneLeft(t, mark)
		})
	}
}

// A driver's fault that is known to come at random, made on demand: once while a
// launch is running. It is repeated in a fresh process and counted.
func TestARandomFaultIsRepeated(t *testing.T) {
	compiler := tool(t, "cc")
	dir := t.TempDir()
	source, library, armed := filepath.Join(dir, "abort.c"), filepath.Join(dir, "abort.so"), filepath.Join(dir, "armed")
	const text = `#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
static void *wait(void *unused)
{
	while (unlink(getenv("ARMED")) != 0)
		usleep(5000);
	fputs("MESA-VIRTIO: debug: vn_ring_submit abort on fatal\n", stderr);
	abort();
}
__attribute__((constructor)) static void start(void)
{
	pthread_t thread;
	if (getenv("ARMED"))
		pthread_create(&thread, NULL, wait, NULL);
}
`
	if err := os.WriteFile(source, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(compiler, "-shared", "-fPIC", "-pthread", "-o", library, source).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	path := filepath.Join(dir, "doc.json")
	cmd := exec.Command(gpubench(t), "run", "--device", "vulkan:0", "--baseline", "vulkan:0", "--size", "32", "--launches", "3",
		"--limits=false", "--warmup", "1ms", "--min-time", "300ms", "--precision", "50%", "--json", path)
	cmd.Env = onSoftware(t, "LD_PRELOAD="+library, "ARMED="+armed)
	mark := marking(cmd)
	s, wait := started(t, cmd)
	s.await(t, 3) // the devices, the search, a launch
	if err := os.WriteFile(armed, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	a := wait()
	if a.code != 0 || a.stderr != "" {
		t.Errorf("exit code %d: %s", a.code, a.stderr)
	}
	wantNoneLeft(t, mark)
	m := measured(t, read(t, path), "vulkan:0")
	wantOK(t, m)
	if len(m.Launches) != 4 || m.Summary == nil || m.Summary.Launches != 3 || !slices.Contains(codes(m.Warnings), "launch-repeated") {
		t.Fatalf("%d launches, summary %+v, warnings %+v", len(m.Launches), m.Summary, m.Warnings)
	}
	i := slices.IndexFunc(m.Launches, func(l result.Launch) bool { return l.Status != result.StatusOK })
	failed := m.Launches[i]
	if failed.Signal != "SIGABRT" || failed.Attempt != 0 || !slices.Contains(failed.Stderr, "MESA-VIRTIO: debug: vn_ring_submit abort on fatal") {
		t.Errorf("the launch that failed: code %q, signal %q, %q", failed.Code, failed.Signal, failed.Stderr)
	}
	if next := m.Launches[i+1]; next.Attempt != 2 || next.Round != failed.Round || next.Status != result.StatusOK {
		t.Errorf("its repetition: attempt %d of round %d, %s", next.Attempt, next.Round, next.Status)
	}
	if !strings.Contains(a.stdout, "known to be random") {
		t.Errorf("the table does not say it\n%s", a.stdout)
	}
}
