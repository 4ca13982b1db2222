package worker

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"gpubench/internal/backend"
	"gpubench/internal/result"
)

// built holds testdata/become as a static program, and as a plain one in gzip.
type built struct{ static, plain, plainGz string }

func buildBecome(t *testing.T) built {
	t.Helper()
	cc := os.Getenv("CC")
	if cc == "" {
		cc = "gcc"
	}
	// CC may have arguments.
	libc, err := exec.Command("sh", "-c", cc+" -print-file-name=libc.a").Output()
	if err != nil || !filepath.IsAbs(string(libc)) {
		t.Skipf("no static C library: %s -print-file-name=libc.a: %s%v", cc, libc, err)
	}
	dir := t.TempDir()
	b := built{filepath.Join(dir, "static"), filepath.Join(dir, "plain"), filepath.Join(dir, "plain.gz")}
	for _, args := range [][]string{
		{"-o", b.plain, "-ldflags", "-s -w"},
		{"-o", b.static, "-tags", "static,netgo,osusergo", "-ldflags", "-s -w -linkmode external -extldflags -static"},
	} {
		out, err := exec.Command("go", append(append([]string{"build"}, args...), "./testdata/become")...).CombinedOutput()
		if err != nil {
			t.Fatalf("go build %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	program, err := os.ReadFile(b.plain)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(b.plainGz, zipped(program), 0o600); err != nil {
		t.Fatal(err)
	}
	return b
}

func zipped(data []byte) []byte {
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	z.Write(data)
	z.Close()
	return buf.Bytes()
}

// place copies a file to a path in a root.
func place(t *testing.T, root, path, from string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(filepath.Join(root, path)), 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(root, path), data, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// answer is what the parent in testdata/become prints: events, then the outcome.
type answer struct {
	events []Event
	Outcome
}

func run(t *testing.T, cmd *exec.Cmd) answer {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(""), &stdout, &stderr
	if err := cmd.Run(); err != nil {
		if errors.Is(err, syscall.EPERM) {
			t.Skipf("needs the right to change the root directory: %v", err)
		}
		t.Fatalf("%v: %v\n%s%s", cmd.Args, err, stdout.String(), stderr.String())
	}
	var a answer
	lines := bytes.Split(bytes.TrimSpace(stdout.Bytes()), []byte("\n"))
	for i, line := range lines {
		var err error
		if i < len(lines)-1 {
			a.events = append(a.events, Event{})
			err = json.Unmarshal(line, &a.events[i])
		} else {
			err = json.Unmarshal(line, &a.Outcome)
		}
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
	}
	return a
}

// chroot runs the program as the first and only one of a root directory.
func chroot(root string, args ...string) *exec.Cmd {
	cmd := exec.Command("/gpubench", args...)
	cmd.Dir = "/"
	cmd.Env = []string{"BECOME_PROGRAM=/plain.gz"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
	}
	return cmd
}

const loaded = "static false, root of 4 is 2, cosine of 0 is 1"

func TestBecome(t *testing.T) {
	b := buildBecome(t)
	if out, _ := exec.Command("ldd", b.static).CombinedOutput(); !strings.Contains(string(out), "not a dynamic executable") && !strings.Contains(string(out), "statically linked") {
		t.Fatalf("ldd says of the static program: %s", out)
	}
	libs, err := exec.Command("ldd", b.plain).Output()
	if err != nil {
		t.Fatal(err)
	}
	var paths []string // of the loader and of the libraries
	for _, m := range regexp.MustCompile(`(/\S+) \(0x`).FindAllStringSubmatch(string(libs), -1) {
		paths = append(paths, m[1])
	}
	libraries := func(t *testing.T, root, pattern string) {
		placed := 0
		for _, path := range paths {
			if ok, _ := regexp.MatchString(pattern, path); ok {
				place(t, root, path, path)
				placed++
			}
		}
		if placed == 0 {
			t.Fatalf("no %q among %q", pattern, paths)
		}
	}

	check := func(t *testing.T, a answer, device, reason, remedy string) {
		t.Helper()
		var names []string
		for _, e := range a.events {
			if e.Event == EventDevice {
				names = append(names, e.Device.Name)
			}
		}
		if device != "" {
			if a.Status != result.StatusOK || len(names) != 1 || names[0] != device {
				t.Errorf("devices %q, outcome %+v, want %q", names, a.Outcome, device)
			}
			return
		}
		if a.Code != string(backend.Absent) || !strings.Contains(a.Reason, reason) || !strings.Contains(a.Remedy, remedy) {
			t.Errorf("outcome %+v, want absent, reason with %q, remedy with %q", a.Outcome, reason, remedy)
		}
		if len(a.events) != 1 || a.events[0].Event != EventAbsent || a.events[0].Absent.Reason != a.Reason || a.events[0].Absent.Backend != "vulkan" {
			t.Errorf("events %+v, want one that says that vulkan is absent", a.events)
		}
	}

	t.Run("on the system itself", func(t *testing.T) {
		for backendName, device := range map[string]string{"cpu": "static true, root of 4 is 2", "vulkan": loaded} {
			cmd := exec.Command(b.static, backendName)
			cmd.Env = append(os.Environ(), "BECOME_PROGRAM="+b.plainGz)
			check(t, run(t, cmd), device, "", "")
		}
	})

	// No /proc, no /dev/null, no place to write.
	for _, tt := range []struct {
		name, libraries                 string // a pattern of those that are there
		backend, device, reason, remedy string
	}{
		{"in an empty root, the CPU", "", "cpu", "static true, root of 4 is 2", "", ""},
		{"in an empty root, a GPU", "", "vulkan", "", "no dynamic loader (ld-linux) in this root", "glibc 2.34 or newer and what is to be measured"},
		{"in a root with a loader alone", `/ld-`, "vulkan", "", "libm.so.6", "glibc 2.34 or newer"},
		{"in a root with loader and libraries", `.`, "vulkan", loaded, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := t.TempDir()
			place(t, root, "gpubench", b.static)
			place(t, root, "plain.gz", b.plainGz)
			if tt.libraries != "" {
				libraries(t, root, tt.libraries)
			}
			check(t, run(t, chroot(root, tt.backend)), tt.device, tt.reason, tt.remedy)
		})
	}

	for _, tt := range []struct{ how, code, reason, signal, stderr string }{
		{"segv", CodeSignal, "killed by SIGSEGV while sampling", "SIGSEGV", "signal arrived during cgo execution"},
		{"thread", CodeSignal, "killed by SIGSEGV while sampling", "SIGSEGV", ""},
		{"abort", CodeSignal, "killed by SIGABRT while sampling", "SIGABRT", "signal arrived during cgo execution"},
		{"exit", CodeExit, "exited with status 3 without a result while sampling", "", ""},
		{"hang", CodeTimeLimit, "ended by its time limit of 2 s", "SIGKILL", ""},
	} {
		t.Run("with a driver that does "+tt.how, func(t *testing.T) {
			cmd := exec.Command(b.static, "vulkan")
			cmd.Env = append(os.Environ(), "BECOME_PROGRAM="+b.plainGz, "BECOME_CRASH="+tt.how)
			a := run(t, cmd)
			if a.Code != tt.code || !strings.Contains(a.Reason, tt.reason) || a.Signal != tt.signal || !strings.Contains(strings.Join(a.Stderr, "|"), tt.stderr) {
				t.Errorf("outcome %+v, want %+v", a.Outcome, tt)
			}
		})
	}

	t.Run("with a damaged program", func(t *testing.T) {
		gz, err := os.ReadFile(b.plainGz)
		if err != nil {
			t.Fatal(err)
		}
		damaged := filepath.Join(t.TempDir(), "damaged.gz")
		if err := os.WriteFile(damaged, gz[:len(gz)/2], 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(b.static, "vulkan")
		cmd.Env = append(os.Environ(), "BECOME_PROGRAM="+damaged)
		check(t, run(t, cmd), "", "unexpected EOF", "")
	})

	// The sysctl belongs to the namespace of process numbers, so that a new one
	// can be had without touching the machine's.
	t.Run("where nothing may be executed from memory", func(t *testing.T) {
		forbid := func(program string, env ...string) *exec.Cmd {
			cmd := exec.Command("unshare", "--map-root-user", "--pid", "--fork", "--mount-proc", "/bin/sh", "-c",
				`echo 2 >/proc/sys/vm/memfd_noexec && exec "$0" vulkan`, program)
			cmd.Env = append(os.Environ(), env...)
			return cmd
		}
		if out, err := forbid("true").CombinedOutput(); err != nil {
			t.Skipf("vm.memfd_noexec cannot be set in a namespace of its own: %v: %s", err, out)
		}
		tmp := t.TempDir()
		check(t, run(t, forbid(b.static, "BECOME_PROGRAM="+b.plainGz, "TMPDIR="+tmp)), loaded, "", "")
		if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
			t.Errorf("left in the temporary directory: %v %v", left, err)
		}
	})
	t.Run("where nothing may be executed but files of the image", func(t *testing.T) {
		root := t.TempDir()
		place(t, root, "gpubench", b.static)
		place(t, root, "plain.gz", b.plainGz)
		cmd := exec.Command("unshare", "--map-root-user", "--pid", "--fork", "--mount-proc", "/bin/sh", "-c",
			`echo 2 >/proc/sys/vm/memfd_noexec && exec chroot "$0" /gpubench vulkan`, root)
		cmd.Env = append(os.Environ(), "BECOME_PROGRAM=/plain.gz", "TMPDIR=/tmp") // there is no /tmp
		if out, err := exec.Command("unshare", "--map-root-user", "--pid", "--fork", "--mount-proc", "/bin/sh", "-c",
			`echo 2 >/proc/sys/vm/memfd_noexec && chroot / true`).CombinedOutput(); err != nil {
			t.Skipf("vm.memfd_noexec cannot be set in a namespace of its own: %v: %s", err, out)
		}
		check(t, run(t, cmd), "", "this system lets no program be run from memory", "set TMPDIR")
	})
}

// A file that is no program, and one that has gone.
func TestBecomeFails(t *testing.T) {
	for _, tt := range []struct {
		name    string
		program []byte
		text    string
	}{
		{"no gzip", []byte("#!/bin/sh\n"), "gzip: invalid header"},
		{"no program", zipped([]byte("just text")), "exec format error"},
		{"nothing", nil, "EOF"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := Become(tt.program, []string{"gpubench"}, nil)
			var be *backend.Error
			if !errors.As(err, &be) || be.Kind != backend.Absent || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("Become = %v, want absent with %q", err, tt.text)
			}
		})
	}
	if _, err := openNameless(filepath.Join(t.TempDir(), "gone"), nil); !os.IsNotExist(err) {
		t.Errorf("openNameless = %v", err)
	}
	if err := unpack(nil, nil); err != io.EOF {
		t.Errorf("unpack = %v", err)
	}
}
