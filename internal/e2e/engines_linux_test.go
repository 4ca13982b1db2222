// The container engines of this system, with stores of their own.

package e2e

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// engineSet is podman and docker as a user would find them on PATH, as far as they can
// run here: whatever they load and start is in a directory that vanishes when the tests
// end, and so does the daemon.
type engineSet struct {
	dir     string
	env     []string          // that reaches them
	missing map[string]string // why one cannot run, empty where it can
	loaded  map[string]bool   // by engine and image
	daemon  *exec.Cmd
	stop    io.Closer // ends the daemon
}

var (
	engineOnce sync.Once
	engineHere *engineSet
)

// engines are started once, by the first test that asks.
func engines() *engineSet {
	engineOnce.Do(func() { engineHere = startEngines() })
	return engineHere
}

// TestMain ends the engines when all tests have.
func TestMain(m *testing.M) {
	code := m.Run()
	if engineHere != nil {
		engineHere.end()
	}
	os.Exit(code)
}

func startEngines() *engineSet {
	e := &engineSet{missing: map[string]string{}, loaded: map[string]bool{}}
	var err error
	// Not below TMPDIR, which may be a file system that overlays cannot lie on; and
	// with a short name: sockets' names are limited to 108 bytes.
	if e.dir, err = os.MkdirTemp("", "gb-e2e-"); err != nil {
		e.missing["podman"], e.missing["docker"] = err.Error(), err.Error()
		return e
	}
	e.env = append(os.Environ(), "PATH="+e.dir+":"+os.Getenv("PATH")+":/usr/sbin:/sbin")
	e.missing["podman"], e.missing["docker"] = e.startPodman(), e.startDocker()
	return e
}

func (e *engineSet) script(name, text string) error {
	return os.WriteFile(filepath.Join(e.dir, name), []byte("#!/bin/sh\n"+text+"\n"), 0o755)
}

// startPodman writes a podman that keeps to a store of its own.
func (e *engineSet) startPodman() string {
	if os.Geteuid() != 0 {
		return "a store of its own needs root"
	}
	real, err := exec.LookPath("podman")
	if err != nil {
		return "podman is not installed: run make test-setup"
	}
	flags := fmt.Sprintf("--root %s/pm/root --runroot %s/pm/run --cgroup-manager cgroupfs", e.dir, e.dir)
	if _, err := os.Stat("/sys/fs/cgroup/cgroup.controllers"); err != nil {
		flags += " --runtime runc" // crun refuses control groups of version 1
	}
	// A process without CAP_SYS_RESOURCE cannot raise its limits to those that podman
	// wants by default.
	conf := "[containers]\ndefault_ulimits = [\"nofile=1024:1024\", \"nproc=1024:1024\"]\n"
	if err := os.WriteFile(filepath.Join(e.dir, "containers.conf"), []byte(conf), 0o644); err != nil {
		return err.Error()
	}
	if err := e.script("podman", fmt.Sprintf("CONTAINERS_CONF=%s/containers.conf exec %s %s \"$@\"", e.dir, real, flags)); err != nil {
		return err.Error()
	}
	return e.works("podman")
}

// startDocker starts a daemon with a socket and a store of its own.
func (e *engineSet) startDocker() string {
	if os.Geteuid() != 0 {
		return "a daemon of its own needs root"
	}
	daemon := "/usr/sbin/dockerd"
	if _, err := os.Stat(daemon); err != nil {
		return "dockerd is not installed: run make test-setup"
	}
	if _, err := exec.LookPath("docker"); err != nil {
		return "docker is not installed: run make test-setup"
	}
	dir := filepath.Join(e.dir, "dk")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err.Error()
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return err.Error()
	}
	defer log.Close()
	socket := "unix://" + dir + "/sock"
	e.env = append(e.env, "DOCKER_HOST="+socket)
	// The shell ends the daemon when its standard input ends, however the tests do.
	cmd := exec.Command("sh", "-c", `"$@" </dev/null & read -r x; kill $!; wait $!`, "sh",
		daemon, "--iptables=false", "--bridge=none", "--data-root", dir+"/root", "--exec-root", dir+"/exec", "--pidfile", dir+"/pid", "-H", socket)
	cmd.Env = e.env
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if e.stop, err = cmd.StdinPipe(); err != nil {
		return err.Error()
	}
	if err := cmd.Start(); err != nil {
		return err.Error()
	}
	e.daemon = cmd
	why := ""
	for range 100 {
		if why = e.works("docker"); why == "" {
			return ""
		}
		time.Sleep(200 * time.Millisecond)
	}
	text, _ := os.ReadFile(log.Name())
	return why + "\n" + string(text)
}

// works asks an engine for its information.
func (e *engineSet) works(name string) string {
	out, err := e.command(name, "info").CombinedOutput()
	if err != nil {
		return fmt.Sprintf("%s info: %v: %s", name, err, out)
	}
	return ""
}

func (e *engineSet) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command("env", append([]string{name}, args...)...) // which looks on the PATH that it is given
	cmd.Env = e.env
	return cmd
}

func (e *engineSet) end() {
	if e.daemon != nil {
		e.stop.Close()
		e.daemon.Wait()
	}
	if e.missing["podman"] == "" {
		e.command("podman", "rm", "--all", "--force", "--time", "0").Run()
	}
	// Podman leaves its overlays' directory mounted on itself.
	mounts, _ := os.ReadFile("/proc/self/mounts")
	lines := strings.Split(string(mounts), "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		if f := strings.Fields(lines[i]); len(f) > 1 && strings.HasPrefix(f[1], e.dir+"/") {
			syscall.Unmount(f[1], syscall.MNT_DETACH)
		}
	}
	os.RemoveAll(e.dir)
}

// imageArchive is an image that `make images` has written.
func imageArchive(t *testing.T, name string) string {
	t.Helper()
	file := fmt.Sprintf("gpubench-%s-linux-%s.tar", name, runtime.GOARCH)
	return program(t, filepath.Join("images", file), "test-images")
}

// engine is one engine that runs here, with an image loaded.
type engine struct {
	set  *engineSet
	name string
}

// engineWith skips the test where the engine cannot run, and loads images.
func engineWith(t *testing.T, name string, images ...string) engine {
	t.Helper()
	set := engines()
	if why := set.missing[name]; why != "" {
		t.Skip(why)
	}
	e := engine{set, name}
	for _, image := range images {
		archive := imageArchive(t, image)
		if set.loaded[name+" "+image] {
			continue
		}
		a := finish(t, set.command(name, "load", "-i", archive))
		if a.code != 0 || !strings.Contains(a.stdout+a.stderr, "localhost/gpubench:"+image) {
			t.Fatalf("%s load: exit code %d\n%s%s", name, a.code, a.stdout, a.stderr)
		}
		set.loaded[name+" "+image] = true
	}
	return e
}

// run runs an image as one that needs nothing: without a network, without a place to
// write, without a capability.
func (e engine) run(t *testing.T, image string, flags []string, args ...string) answer {
	t.Helper()
	all := []string{"run", "--rm", "--network", "none", "--read-only", "--cap-drop", "all", "--security-opt", "no-new-privileges"}
	if e.name == "podman" {
		all = append(all, "--read-only-tmpfs=false")
	}
	return finish(t, e.set.command(e.name, append(append(append(all, flags...), "localhost/gpubench:"+image), args...)...))
}
