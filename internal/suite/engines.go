// The engines, by their command lines.

package suite

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"gpubench/internal/result"
)

const archOfHost = runtime.GOARCH

// engine is a command that starts containers.
type engine struct {
	name    string
	program string
	global  []string // arguments before any of its commands
	install string   // how to get it
	// look finds out whether it can be used.
	look func(ctx context.Context, e *engine) state
	// apple is a command line of its own.
	apple        bool
	memoryRemedy string

	path string // of the program, once it is found
}

// state is what an engine says of itself.
type state struct {
	version string
	details map[string]string
	reason  string // why it cannot be used, empty when it can
	remedy  string
	remote  bool   // containers run in a virtual machine: the host's devices are not theirs
	gpu     string // how to have a GPU in its containers, where they have none
	nvidia  []string
}

// Limits of the wall time of an engine's answers.
const (
	askLimit  = 30 * time.Second
	loadLimit = 10 * time.Minute
)

const gpuByPodman = "on a Mac, Podman with libkrun gives containers a GPU: CONTAINERS_MACHINE_PROVIDER=libkrun podman machine init --cpus 8 --memory 8192 gpu && podman machine start gpu"

func newEngine(name string) *engine {
	switch name {
	case "docker":
		return &engine{name: name, program: "docker", look: lookDocker, memoryRemedy: " to the engine's virtual machine in its settings",
			install: onSystem("install Docker Desktop or `brew install colima docker`", "install it: apt-get install docker.io, or https://docs.docker.com/engine/install/")}
	case "podman":
		return &engine{name: name, program: "podman", look: lookPodman, memoryRemedy: ": podman machine stop; podman machine set --memory 8192; podman machine start",
			install: onSystem("brew install podman; then CONTAINERS_MACHINE_PROVIDER=libkrun podman machine init --cpus 8 --memory 8192; podman machine start", "install it: apt-get install podman")}
	case "apple-container":
		return &engine{name: name, program: "container", apple: true, look: lookApple, memoryRemedy: " with --run-arg apple-container=-m=16G",
			install: onSystem("install it from https://github.com/apple/container/releases; then container system start --enable-kernel-install", "")}
	case "colima":
		return &engine{name: name, program: "docker", global: []string{"--context", "colima"}, look: lookDocker, memoryRemedy: ": colima stop; colima start --memory 8",
			install: onSystem("brew install colima docker; then colima start --runtime docker --vm-type krunkit", "")}
	}
	return nil
}

func onSystem(darwin, linux string) string {
	if runtime.GOOS == "darwin" {
		return darwin
	}
	return linux
}

// Open finds an engine, loads the image into it and looks at what the program sees in
// a container. It returns a runtime in any case; its report says why it cannot be used.
func Open(ctx context.Context, name string, o Options) *Runtime {
	rt := &Runtime{Report: result.RuntimeReport{Name: name, Status: result.StatusUnsupported, Details: map[string]string{}, Image: o.Image}}
	if why, remedy := absent(name); why != "" {
		rt.Report.Reason, rt.Report.Remedy, rt.Report.Image = why, remedy, ""
		return rt
	}
	e := newEngine(name)
	e.path, _ = exec.LookPath(e.program)
	s := e.look(ctx, e)
	rt.Report.Version, rt.Report.Details = s.version, s.details
	fail := func(reason, remedy string) *Runtime {
		rt.Report.Status, rt.Report.Reason, rt.Report.Remedy = result.StatusFailed, reason, remedy
		return rt
	}
	if s.reason != "" {
		return fail(s.reason, s.remedy)
	}
	if reason, remedy := e.prepare(ctx, o, &rt.Report); reason != "" {
		return fail(reason, remedy)
	}

	// What cannot be passed in makes the whole start fail, so it is tried.
	base := append(e.baseArgs(o), o.RunArgs[name]...)
	var seen *inside
	var err error
	var refused string
	for _, device := range e.deviceArgs(s, o) {
		args := append(slices.Clip(base), device...)
		if seen, err = e.inside(ctx, args, o.Image); err == nil {
			base = args
			break
		}
		if len(device) > 0 {
			refused = err.Error()
		}
	}
	if err != nil {
		return fail(fmt.Sprintf("the image does not run: %v", err), "")
	}
	rt.Report.Status = result.StatusOK
	rt.Report.Inside, rt.Report.Vulkan = seen.Host, vulkanNames(seen.Devices)
	rt.Devices, rt.Absent = seen.Devices, seen.Absent
	if !slices.ContainsFunc(seen.Devices, result.Device.GPU) && s.gpu != "" {
		rt.Report.Reason, rt.Report.Remedy = "there is no GPU in its containers", s.gpu
		if refused != "" {
			rt.Report.Reason += ": " + refused
		}
	}
	rt.times = &times{}
	rt.Runner = &container{engine: e, args: base, image: o.Image, times: rt.times}
	return rt
}

// absent says why there is no such runtime here at all.
func absent(name string) (reason, remedy string) {
	mac := func(program string) (string, string) {
		return "the command " + program + " is not there; it exists on macOS", ""
	}
	program := name
	if name == "apple-container" {
		program = "container"
	}
	_, err := exec.LookPath(program)
	switch {
	case name == "lima" && err == nil:
		return "it is measured as docker: let the docker command reach it", "limactl start --vm-type=krunkit template:docker, then DOCKER_HOST as it prints, and --runtime docker"
	case name == "lima":
		if _, err := exec.LookPath("limactl"); err == nil {
			return "it is measured as docker: let the docker command reach it", "limactl start --vm-type=krunkit template:docker, then DOCKER_HOST as it prints, and --runtime docker"
		}
		return "the command limactl is not there", onSystem("brew install lima", "")
	case err == nil && name == "colima":
		if _, err := exec.LookPath("docker"); err != nil {
			return "the command docker is not there, by which colima is used", onSystem("brew install docker", newEngine("docker").install)
		}
	case err != nil && runtime.GOOS != "darwin" && newEngine(name).install == "":
		return mac(program)
	case err != nil:
		return "the command " + program + " is not there", newEngine(name).install
	}
	return "", ""
}

// prepare has the image there, of the build that is wanted.
func (e *engine) prepare(ctx context.Context, o Options, report *result.RuntimeReport) (reason, remedy string) {
	_, err := e.ask(ctx, askLimit, "image", "inspect", o.Image)
	there := err == nil
	if there {
		if there, err = e.sameBuild(ctx, o); err != nil && o.Archive == "" {
			return fmt.Sprintf("the image %s does not run: %v", o.Image, err), "make images"
		}
	}
	switch {
	case there:
		return "", ""
	case o.Archive == "" && err == nil:
		return fmt.Sprintf("the image %s holds another build of gpubench than this one", o.Image), "make images, then load it again"
	case o.Archive == "":
		return fmt.Sprintf("the image %s is not there, and no archive to load it from", o.Image), "make images, or name their directory with --images"
	}
	load := []string{"load", "-i", o.Archive}
	if e.apple {
		load = append([]string{"image"}, load...)
	}
	start := time.Now()
	if _, err := e.ask(ctx, loadLimit, load...); err != nil {
		return fmt.Sprintf("the image could not be loaded from %s: %v", o.Archive, err), "look for free space in the engine's store, and make images anew"
	}
	report.LoadS = time.Since(start).Seconds()
	same, err := e.sameBuild(ctx, o)
	if err != nil {
		return fmt.Sprintf("the image %s was loaded and does not run: %v", o.Image, err), ""
	}
	if !same {
		return fmt.Sprintf("the archive %s holds another build of gpubench than this one", o.Archive), "make images"
	}
	return "", ""
}

// sameBuild asks the program in the image for its version.
func (e *engine) sameBuild(ctx context.Context, o Options) (bool, error) {
	out, err := e.once(ctx, append(e.baseArgs(o), o.Image, "version")...)
	return strings.HasPrefix(out, o.Version), err
}

// inside is what `gpubench devices --json` prints.
type inside struct {
	Devices []result.Device `json:"devices"`
	Absent  []result.Absent `json:"absent"`
	Host    result.Host     `json:"host"`
}

func (e *engine) inside(ctx context.Context, args []string, image string) (*inside, error) {
	out, err := e.once(ctx, append(slices.Clip(args), image, "devices", "--json")...)
	if err != nil {
		return nil, err
	}
	var in inside
	if err := json.Unmarshal([]byte(out), &in); err != nil {
		return nil, fmt.Errorf("the program in the image answers something that is no list of devices: %w", err)
	}
	return &in, nil
}

// once runs one container to its end and removes it.
func (e *engine) once(ctx context.Context, args ...string) (string, error) {
	name := fmt.Sprintf("gpubench-%d-%d", os.Getpid(), time.Now().UnixNano())
	defer e.remove(name)
	return e.ask(ctx, 2*time.Minute, e.runArgs(name, args...)[len(e.global):]...)
}

// runArgs are all arguments of a container's start.
func (e *engine) runArgs(name string, args ...string) []string {
	return append(append(slices.Clip(e.global), "run", "--rm", "--name", name), args...)
}

// remove ends a container that may still be there. Whoever has interrupted the run has
// not interrupted this.
func (e *engine) remove(name string) {
	ctx, cancel := context.WithTimeout(context.Background(), removeLimit)
	defer cancel()
	args := []string{"rm", "--force", name}
	if e.apple {
		args = []string{"delete", "--force", name}
	}
	e.ask(ctx, removeLimit, args...) // mostly there is none: --rm was faster
}

// baseArgs are those of every container: nothing is passed in that is not needed.
func (e *engine) baseArgs(o Options) []string {
	declared := []string{"-e", "GPUBENCH_RUNTIME=" + e.declared()}
	if e.apple {
		return append(declared, "-c", strconv.Itoa(max(1, o.CPUs)), "-m", "8G")
	}
	return append(declared, "--network", "none", "--read-only", "--cap-drop", "all", "--security-opt", "no-new-privileges")
}

// declared is the runtime as the program inside knows it.
func (e *engine) declared() string {
	if e.name == "colima" {
		return "docker"
	}
	return e.name
}

// deviceArgs are the ways to pass GPUs in, the best first and none last.
func (e *engine) deviceArgs(s state, o Options) (ways [][]string) {
	if e.apple { // it has no such thing
		return [][]string{{}}
	}
	var dri []string
	switch {
	case s.remote:
		dri = []string{"--device", "/dev/dri"}
		if e.program == "podman" {
			dri = append(dri, "--security-opt", "label=disable")
		}
	case len(o.DRI) > 0:
		dri = []string{"--device", "/dev/dri"}
		if e.program == "podman" && os.Geteuid() != 0 {
			dri = append(dri, "--group-add", "keep-groups")
		} else {
			for _, g := range groups(o.DRI) {
				dri = append(dri, "--group-add", g)
			}
		}
	}
	for _, way := range [][]string{append(slices.Clip(s.nvidia), dri...), s.nvidia, dri, {}} {
		if !slices.ContainsFunc(ways, func(w []string) bool { return slices.Equal(w, way) }) {
			ways = append(ways, way)
		}
	}
	return ways
}

// groups are those of files, without doubles.
func groups(files []string) (ids []string) {
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			continue
		}
		if st, ok := info.Sys().(*syscall.Stat_t); ok {
			if id := strconv.Itoa(int(st.Gid)); st.Gid != 0 && !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// ask runs a command of the engine and returns what it prints. The error is in the
// engine's own words where it has any.
func (e *engine) ask(ctx context.Context, limit time.Duration, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, e.path, append(slices.Clip(e.global), args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a Ctrl-C is ours to pass on
	cmd.WaitDelay = 5 * time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if err == nil {
		return stdout.String(), nil
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return stdout.String(), fmt.Errorf("%s %s did not answer within %v", e.program, args[0], limit)
	}
	if said := lastLine(strings.Split(stderr.String(), "\n")); said != "" {
		return stdout.String(), errors.New(said)
	}
	return stdout.String(), fmt.Errorf("%s %s: %w", e.program, args[0], err)
}

// lookDocker asks a Docker daemon, whoever's it is.
func lookDocker(ctx context.Context, e *engine) (s state) {
	s.details = map[string]string{}
	out, err := e.ask(ctx, askLimit, "info", "--format", "{{json .}}")
	var info struct {
		ServerVersion, OperatingSystem, Name, KernelVersion, DefaultRuntime, Driver string
		NCPU                                                                        int
		MemTotal                                                                    int64
		Runtimes                                                                    map[string]any
		ServerErrors                                                                []string
	}
	bad := json.Unmarshal([]byte(out), &info)
	if len(info.ServerErrors) > 0 {
		err = errors.New(info.ServerErrors[0]) // some versions exit with 0 then
	}
	switch {
	case err != nil && strings.Contains(strings.ToLower(err.Error()), "permission denied"):
		s.reason, s.remedy = "this user may not use the daemon: "+err.Error(), "sudo usermod -aG docker $USER, then log in again"
		return s
	case err != nil && e.name == "colima":
		s.reason, s.remedy = "it does not run: "+err.Error(), "colima start --runtime docker --vm-type krunkit"
		return s
	case err != nil:
		s.reason, s.remedy = "its daemon does not answer: "+err.Error(), onSystem("open -a Docker", "sudo systemctl start docker")
		return s
	case bad != nil || info.ServerVersion == "":
		s.reason = "docker info answers nothing that can be understood"
		return s
	}
	s.version = info.ServerVersion
	s.keep("system", info.OperatingSystem, "name", info.Name, "kernel", info.KernelVersion, "runtime", info.DefaultRuntime, "storage", info.Driver)
	s.keepSize(info.NCPU, info.MemTotal)
	desktop := strings.Contains(info.OperatingSystem, "Docker Desktop")
	orb := strings.Contains(info.OperatingSystem, "OrbStack")
	s.remote = runtime.GOOS == "darwin" || desktop || orb || e.name == "colima"
	switch {
	case desktop || orb:
		s.gpu = "no way to give its containers a Mac's GPU is known; " + gpuByPodman + "; or colima start --runtime docker --vm-type krunkit"
	case s.remote:
		s.gpu = "colima start --runtime docker --vm-type krunkit makes a virtual machine with a GPU"
	}
	if info.Runtimes["nvidia"] != nil {
		s.nvidia = []string{"--runtime=nvidia", "--gpus", "all"}
	}
	return s
}

// cdiDirs are where nvidia-ctk writes what Podman passes in.
var cdiDirs = []string{"/etc/cdi", "/var/run/cdi"}

// lookPodman asks podman, and where it is remote for its machine.
func lookPodman(ctx context.Context, e *engine) (s state) {
	s.details = map[string]string{}
	out, err := e.ask(ctx, askLimit, "info", "--format", "json")
	var info struct {
		Host struct {
			Arch            string
			CPUs            int
			MemTotal        int64
			Kernel          string
			ServiceIsRemote bool
			OCIRuntime      struct{ Name string }
			CgroupVersion   string
			Security        struct{ Rootless bool }
		}
		Version struct{ Version string }
	}
	bad := json.Unmarshal([]byte(out), &info)
	machine, machines := e.machine(ctx, err != nil || info.Host.ServiceIsRemote)
	switch {
	case err != nil && machines == 0 && runtime.GOOS == "darwin":
		s.reason, s.remedy = "it has no virtual machine: "+err.Error(), gpuByPodman
		return s
	case err != nil && machines > 0:
		s.reason, s.remedy = "its virtual machine does not run: "+err.Error(), "podman machine start "+machine.Name
		return s
	case err != nil:
		s.reason = "it does not answer: " + err.Error()
		return s
	case bad != nil:
		s.reason = "podman info answers nothing that can be understood"
		return s
	}
	s.version, s.remote = info.Version.Version, info.Host.ServiceIsRemote
	s.keep("kernel", info.Host.Kernel, "runtime", info.Host.OCIRuntime.Name, "cgroups", info.Host.CgroupVersion, "machine", machine.VMType)
	if info.Host.Security.Rootless {
		s.details["rootless"] = "true"
	}
	s.keepSize(info.Host.CPUs, info.Host.MemTotal)
	switch {
	case !s.remote:
	case machine.VMType == "libkrun":
		s.gpu = "its machine has one, and the driver in the image does not see it: make images with the Venus driver for libkrun (images/Containerfile.venus)"
	default:
		s.gpu = fmt.Sprintf("its machine is of the kind %q, which has none, and cannot be converted: CONTAINERS_MACHINE_PROVIDER=libkrun podman machine init --cpus 8 --memory 8192 gpu && podman machine stop && podman machine start gpu", machine.VMType)
	}
	for _, dir := range cdiDirs {
		if found, _ := filepath.Glob(filepath.Join(dir, "*nvidia*")); len(found) > 0 && !s.remote {
			s.nvidia = []string{"--device", "nvidia.com/gpu=all", "--security-opt", "label=disable"}
		}
	}
	return s
}

// podmanMachine is one of `podman machine list`.
type podmanMachine struct {
	Name, VMType     string
	Running, Default bool
}

// machine finds the virtual machine that podman uses, and how many there are.
func (e *engine) machine(ctx context.Context, wanted bool) (podmanMachine, int) {
	if !wanted {
		return podmanMachine{}, 0
	}
	out, err := e.ask(ctx, askLimit, "machine", "list", "--format", "json", "--all-providers")
	if err != nil { // before Podman 5.6
		out, _ = e.ask(ctx, askLimit, "machine", "list", "--format", "json")
	}
	var list []podmanMachine
	json.Unmarshal([]byte(out), &list)
	best := podmanMachine{}
	for _, m := range list {
		m.Name = strings.TrimSuffix(m.Name, "*") // marks the default in some versions
		if best.Name == "" || m.Running && !best.Running || m.Running == best.Running && m.Default {
			best = m
		}
	}
	return best, len(list)
}

// lookApple asks Apple's container.
func lookApple(ctx context.Context, e *engine) (s state) {
	s.details = map[string]string{}
	if _, err := e.ask(ctx, askLimit, "system", "status", "--format", "json"); err != nil {
		s.reason, s.remedy = "its services do not run: "+err.Error(), "container system start --enable-kernel-install"
		return s
	}
	out, _ := e.ask(ctx, askLimit, "system", "version", "--format", "json")
	// An array; an object in a version that might come.
	var list []map[string]any
	if json.Unmarshal([]byte(out), &list) != nil {
		var one map[string]any
		if json.Unmarshal([]byte(out), &one) == nil {
			list = append(list, one)
		}
	}
	if len(list) > 0 {
		s.version, _ = list[0]["version"].(string)
		if build, ok := list[0]["buildType"].(string); ok {
			s.details["build"] = build
		}
	}
	s.gpu = "its kernel has no driver for one (apple/container #213, #1511); " + gpuByPodman
	return s
}

// keep notes pairs of a name and a value that is not empty.
func (s *state) keep(pairs ...string) {
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			s.details[pairs[i]] = pairs[i+1]
		}
	}
}

func (s *state) keepSize(cpus int, memory int64) {
	if cpus > 0 {
		s.details["cpus"] = strconv.Itoa(cpus)
	}
	if memory > 0 {
		s.details["memory_bytes"] = strconv.FormatInt(memory, 10)
	}
}
