// What the engines say of themselves.

package suite

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// daemonInfo is what docker info answers.
type daemonInfo struct {
	ID, ServerVersion, OperatingSystem, Name, KernelVersion, DefaultRuntime, Driver, ProductLicense string
	NCPU                                                                                            int
	MemTotal                                                                                        int64
	Runtimes                                                                                        map[string]any
	ServerErrors                                                                                    []string
	CDISpecDirs                                                                                     []string
	DiscoveredDevices                                                                               []struct{ Source, ID string }
}

// lookDocker asks what answers docker's command, whoever's it is.
func lookDocker(ctx context.Context, e *engine) (s state) {
	s.details = map[string]string{}
	out, err := e.ask(ctx, askLimit, "info", "--format", "{{json .}}")
	out = e.document(out)
	var info daemonInfo
	bad := json.Unmarshal([]byte(out), &info)
	if len(info.ServerErrors) > 0 {
		err = errors.New(info.ServerErrors[0]) // some versions exit with 0 then
	}
	if info.ServerVersion == "" {
		if version, ok := e.podmansOwn(ctx, out); ok {
			s.version, s.answers, s.standIn = version, "podman", true
			return s
		}
	}
	switch {
	case err != nil && strings.Contains(strings.ToLower(err.Error()), "permission denied"):
		s.reason, s.remedy = "this user may not use the daemon: "+err.Error(), "sudo usermod -aG docker $USER, then log in again"
		return s
	case err != nil && e.name == "colima":
		s.reason, s.remedy = "its daemon does not answer: "+err.Error(), "colima restart"
		return s
	case err != nil:
		s.reason, s.remedy = "its daemon does not answer: "+err.Error(), onSystem("open -a Docker", "sudo systemctl start docker")
		if away, _ := e.endpoint(ctx); away != "" {
			s.remedy = "it is to be at " + away + ": docker context use default, and unset DOCKER_HOST, for the one of this machine"
		}
		return s
	case bad != nil || info.ServerVersion == "":
		s.reason = "docker info answers nothing that can be understood"
		return s
	}
	s.version, s.hostname, s.kernel = info.ServerVersion, info.Name, info.KernelVersion
	if info.ID != "" {
		s.id = info.ID + " " + info.Name // a copied virtual machine has its model's ID
	}
	s.keep("system", info.OperatingSystem, "name", info.Name, "kernel", info.KernelVersion, "runtime", info.DefaultRuntime, "storage", info.Driver)
	s.keepSize(info.NCPU, info.MemTotal)
	s.answers = e.answering(ctx, info)
	s.keep("engine", s.answers)
	e.locate(ctx, info, &s)
	s.gpus = gpuArguments(info, s.remote)
	return s
}

// endpoint is what place says of where docker's command finds its daemon.
func (e *engine) endpoint(ctx context.Context) (away string, vm bool) {
	if e.program != "docker" || e.name == "colima" { // which has a context of its own
		return "", false
	}
	out, err := e.ask(ctx, askLimit, "context", "inspect", "--format", "{{.Endpoints.docker.Host}}")
	if err != nil {
		return "", false
	}
	return place(out)
}

// locate finds out whether a daemon is on the host, and how to have a GPU where it is.
func (e *engine) locate(ctx context.Context, info daemonInfo, s *state) {
	vm := strings.HasPrefix(info.Name, "lima-") || strings.HasPrefix(info.Name, "colima")
	away, local := e.endpoint(ctx)
	s.away, vm = away, vm || local
	desktop := strings.Contains(info.OperatingSystem, "Docker Desktop") || strings.Contains(info.OperatingSystem, "OrbStack")
	s.remote = runtime.GOOS == "darwin" || desktop || vm || s.away != "" || e.name == "colima"
	switch {
	case s.away != "":
	case s.answers == "podman":
		s.gpu = onSystem("its machine has none, or the driver in the image does not see it; "+gpuByPodman, "")
	case desktop:
		s.gpu = gpuOfDesktop(info.KernelVersion)
	case s.remote:
		s.gpu = onSystem("colima start --runtime docker --vm-type krunkit makes a virtual machine with a GPU",
			"its virtual machine has none to give: on Linux an engine that runs on the host itself does (apt-get install docker.io, or podman)")
	}
}

// gpuOfDesktop is how to have a GPU in containers where Docker Desktop or OrbStack gives
// none, on the system that they run on.
func gpuOfDesktop(kernel string) string {
	switch {
	case strings.Contains(strings.ToLower(kernel), "microsoft"):
		return "Docker Desktop on WSL2 gives containers cards of NVIDIA alone: install NVIDIA's driver for Windows, wsl --update, then --run-arg docker=--gpus=all; or install Docker in the distribution itself (https://docs.docker.com/engine/install/)"
	case runtime.GOOS == "darwin":
		return "no way to give its containers a Mac's GPU is known; " + gpuByPodman + "; or colima start --runtime docker --vm-type krunkit"
	}
	return "Docker Desktop's virtual machine has none to give on Linux: the Docker of the distribution beside it does (apt-get install docker.io; docker context use default), and podman"
}

// podmansOwn reports whether docker's command is podman by another name, as in the package
// podman-docker, by what its info is or, where that failed, its version. The version may be
// empty.
func (e *engine) podmansOwn(ctx context.Context, info string) (version string, ok bool) {
	var own struct {
		Host    *struct{ BuildahVersion string }
		Version struct{ Version string }
	}
	if json.Unmarshal([]byte(info), &own) == nil && own.Host != nil && own.Version.Version != "" {
		return own.Version.Version, true
	}
	out, err := e.ask(ctx, askLimit, "--version")
	_, version, ok = strings.Cut(strings.ToLower(out), "podman version ")
	return strings.TrimSpace(version), ok && err == nil
}

// answering is the engine behind docker's command where that is not Docker: podman or
// nerdctl. A server lists what it consists of.
func (e *engine) answering(ctx context.Context, info daemonInfo) string {
	out, err := e.ask(ctx, askLimit, "version", "--format", "{{json .Server.Components}}")
	var parts []struct{ Name string }
	if err != nil || json.Unmarshal([]byte(e.document(out)), &parts) != nil {
		parts = nil
	}
	has := func(name string) bool {
		return slices.ContainsFunc(parts, func(p struct{ Name string }) bool { return p.Name == name })
	}
	switch {
	case has("Podman Engine"), parts == nil && info.ProductLicense == "Apache-2.0": // Podman's, and no Docker's
		return "podman"
	case has("containerd") && !has("Engine"):
		return "nerdctl"
	}
	return ""
}

// gpuArguments are the ways in which the engine passes in GPUs that it knows of itself: by
// NVIDIA's runtime, and by the descriptions of devices of CDI. Docker Desktop's own device
// of that kind is a service, and left out.
func gpuArguments(info daemonInfo, remote bool) (ways [][]string) {
	if info.Runtimes["nvidia"] != nil {
		ways = append(ways, []string{"--runtime=nvidia", "--gpus", "all"})
	}
	var all, single []string
	for _, d := range info.DiscoveredDevices {
		kind, name, _ := strings.Cut(d.ID, "=")
		switch {
		case d.Source != "cdi" || !strings.HasSuffix(kind, "/gpu"):
		case name == "all":
			all = append(all, "--device", d.ID)
		case kind == "nvidia.com/gpu":
			single = append(single, "--device", d.ID)
		}
	}
	if !slices.Contains(all, "nvidia.com/gpu=all") {
		all = append(all, single...)
	}
	// Versions before 28 do not list what they find.
	if len(info.DiscoveredDevices) == 0 && !remote && describesNVIDIA(info.CDISpecDirs) {
		all = []string{"--device", "nvidia.com/gpu=all"}
	}
	if len(all) > 0 {
		ways = append(ways, all)
	}
	return ways
}

// describesNVIDIA reports whether one of the directories has a description of NVIDIA's cards.
func describesNVIDIA(dirs []string) bool {
	return slices.ContainsFunc(dirs, func(dir string) bool {
		found, _ := filepath.Glob(filepath.Join(dir, "*nvidia*"))
		return len(found) > 0
	})
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
			Hostname        string
			CPUs            int
			MemTotal        int64
			Kernel          string
			ServiceIsRemote bool
			OCIRuntime      struct{ Name string }
			CgroupVersion   string
			Security        struct{ Rootless bool }
		}
		Store         struct{ GraphRoot string }
		Version       struct{ Version string }
		ServerVersion string // of Docker, should that answer
	}
	bad := json.Unmarshal([]byte(e.document(out)), &info)
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
	case bad == nil && info.ServerVersion != "" && info.Version.Version == "":
		s.version, s.answers = info.ServerVersion, "docker"
		return s
	case bad != nil || info.Version.Version == "":
		s.reason = "podman info answers nothing that can be understood"
		return s
	}
	s.version, s.remote, s.hostname, s.kernel = info.Version.Version, info.Host.ServiceIsRemote, info.Host.Hostname, info.Host.Kernel
	if s.hostname != "" && info.Store.GraphRoot != "" { // it has no number of its own
		s.id = strings.Join([]string{s.hostname, s.kernel, info.Store.GraphRoot}, " ")
	}
	if s.remote {
		s.away, _ = place(e.connection(ctx))
	}
	if s.away != "" {
		machine = podmanMachine{}
	}
	s.keep("kernel", info.Host.Kernel, "runtime", info.Host.OCIRuntime.Name, "cgroups", info.Host.CgroupVersion, "machine", machine.VMType)
	if info.Host.Security.Rootless {
		s.details["rootless"] = "true"
	}
	s.keepSize(info.Host.CPUs, info.Host.MemTotal)
	s.gpu = machine.gpu(s)
	if !s.remote && describesNVIDIA(cdiDirs) {
		s.gpus = [][]string{{"--device", "nvidia.com/gpu=all", "--security-opt", "label=disable"}}
	}
	return s
}

// connection is where a remote podman finds its service, empty where it does not say.
func (e *engine) connection(ctx context.Context) string {
	if uri := os.Getenv("CONTAINER_HOST"); uri != "" {
		return uri
	}
	out, err := e.ask(ctx, askLimit, "system", "connection", "list", "--format", "json")
	var list []struct {
		Name, URI string
		Default   bool
	}
	if err != nil || json.Unmarshal([]byte(out), &list) != nil {
		return ""
	}
	for _, c := range list {
		if name := os.Getenv("CONTAINER_CONNECTION"); name == c.Name || name == "" && c.Default {
			return c.URI
		}
	}
	return ""
}

// limaInstance is one line of `limactl list --json`.
type limaInstance struct {
	Name, Status, VMType string
}

// lookLima finds a virtual machine of Lima that runs, and asks the engine in it.
func lookLima(ctx context.Context, e *engine) (s state) {
	s.details = map[string]string{}
	out, err := e.ask(ctx, askLimit, "list", "--json")
	if err != nil {
		s.reason = "limactl does not list its virtual machines: " + err.Error()
		return s
	}
	var one limaInstance
	stopped := ""
	for line := range strings.Lines(out) {
		var in limaInstance
		switch {
		case json.Unmarshal([]byte(line), &in) != nil:
		case in.Status != "Running":
			stopped = cmp.Or(stopped, in.Name)
		case one.Name == "" || in.VMType == "krunkit" && one.VMType != "krunkit":
			one = in
		}
	}
	if one.Name == "" {
		s.reason, s.remedy = "none of its virtual machines runs", "limactl start "+cmp.Or(stopped, "--vm-type=krunkit template:docker")
		return s
	}
	shell := []string{"shell", "--workdir", "/", one.Name}
	out, err = e.ask(ctx, askLimit, append(shell, "sh", "-c", "for p in "+strings.Join(limaPrograms, " ")+"; do command -v $p >/dev/null && echo && exec echo $p; done; exit 1")...)
	program, banner := lastProgram(out)
	if err == nil && program == "" {
		err = fmt.Errorf("its shell answers %.80q", strings.TrimSpace(out))
	}
	if err != nil {
		s.reason, s.remedy = fmt.Sprintf("its virtual machine %s has no docker, nerdctl or podman (%v)", one.Name, err), "limactl start --vm-type=krunkit template:docker"
		return s
	}
	e.global, e.banner = append(shell, program), banner
	if program != "podman" {
		s = lookDocker(ctx, e)
	}
	if program == "podman" || s.standIn {
		e.commands = likePodman
		s = lookPodman(ctx, e)
	}
	if s.reason != "" {
		s.remedy = fmt.Sprintf("limactl shell %s %s info", one.Name, program)
		return s
	}
	s.keep("instance", one.Name, "machine", one.VMType, "program", program)
	s.remote, s.gpus, s.away = true, nil, ""
	s.gpu = "limactl start --vm-type=krunkit template:docker makes a virtual machine with a GPU"
	if one.VMType == "krunkit" {
		s.gpu = venusMissing
	}
	return s
}

// limaPrograms are the commands of engines that an instance of Lima may have, the best one
// first.
var limaPrograms = []string{"docker", "nerdctl", "podman"}

// escape is what colours text or gives a terminal a title.
var escape = regexp.MustCompile(`\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(\x07|\x1b\\)`)

// lastProgram finds the engine's command in what a login shell printed: the last line that is
// one, since the shell may greet before it and say goodbye after it. banner says that there
// was more.
func lastProgram(out string) (program string, banner bool) {
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(escape.ReplaceAllString(line, ""))
		switch name := filepath.Base(line); {
		case line == "":
		case slices.Contains(limaPrograms, name):
			banner = banner || program != ""
			program = name
		default:
			banner = true
		}
	}
	return program, banner
}

// venusMissing is what to do where a machine has a GPU and its containers have none.
const venusMissing = "its machine has one, and the driver in the image does not see it: make images with the Venus driver for libkrun (images/Containerfile.venus)"

// podmanMachine is one of `podman machine list`.
type podmanMachine struct {
	Name, VMType     string
	Running, Default bool
}

// gpu is how to have a GPU in the containers of a podman that uses the machine.
func (m podmanMachine) gpu(s state) string {
	switch {
	case !s.remote || s.away != "":
		return ""
	case m.VMType == "libkrun":
		return venusMissing
	}
	return fmt.Sprintf("its machine is of the kind %q, which has none, and cannot be converted: CONTAINERS_MACHINE_PROVIDER=libkrun podman machine init --cpus 8 --memory 8192 gpu && podman machine stop && podman machine start gpu", m.VMType)
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

var appleVersion = regexp.MustCompile(`version (\S+)(?: \(build: (\w+))?`)

// lookApple asks Apple's container.
func lookApple(ctx context.Context, e *engine) (s state) {
	s.details = map[string]string{}
	_, err := e.ask(ctx, askLimit, "system", "status", "--format", "json")
	if err != nil { // before version 1
		_, err = e.ask(ctx, askLimit, "system", "status")
	}
	if err != nil {
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
	} else if out, err := e.ask(ctx, askLimit, "--version"); err == nil {
		// container CLI version 0.7.1 (build: debug, commit: 1a2b3c4)
		if m := appleVersion.FindStringSubmatch(out); m != nil {
			s.version = m[1]
			s.keep("build", m[2])
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
		s.cpus = cpus
		s.details["cpus"] = strconv.Itoa(cpus)
	}
	if memory > 0 {
		s.memoryBytes = uint64(memory)
		s.details["memory_bytes"] = strconv.FormatInt(memory, 10)
	}
}
