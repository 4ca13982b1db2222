// What the engines say of themselves.

package suite

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
)

// lookDocker asks a Docker daemon, whoever's it is.
func lookDocker(ctx context.Context, e *engine) (s state) {
	s.details = map[string]string{}
	out, err := e.ask(ctx, askLimit, "info", "--format", "{{json .}}")
	var info struct {
		ID, ServerVersion, OperatingSystem, Name, KernelVersion, DefaultRuntime, Driver string
		NCPU                                                                            int
		MemTotal                                                                        int64
		Runtimes                                                                        map[string]any
		ServerErrors                                                                    []string
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
	s.version, s.id = info.ServerVersion, info.ID
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
		s.gpu = venusMissing
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
	program, err := e.ask(ctx, askLimit, append(shell, "sh", "-c", "for p in docker nerdctl podman; do command -v $p >/dev/null && exec echo $p; done; exit 1")...)
	program = strings.TrimSpace(program)
	if err != nil {
		s.reason, s.remedy = fmt.Sprintf("its virtual machine %s has no docker, nerdctl or podman (%v)", one.Name, err), "limactl start --vm-type=krunkit template:docker"
		return s
	}
	e.global = append(shell, program)
	if program == "podman" {
		e.commands = likePodman
		s = lookPodman(ctx, e)
	} else {
		s = lookDocker(ctx, e)
	}
	if s.reason != "" {
		s.remedy = fmt.Sprintf("limactl shell %s %s info", one.Name, program)
		return s
	}
	s.keep("instance", one.Name, "machine", one.VMType, "program", program)
	s.remote, s.nvidia = true, nil
	s.gpu = "limactl start --vm-type=krunkit template:docker makes a virtual machine with a GPU"
	if one.VMType == "krunkit" {
		s.gpu = venusMissing
	}
	return s
}

// venusMissing is what to do where a machine has a GPU and its containers have none.
const venusMissing = "its machine has one, and the driver in the image does not see it: make images with the Venus driver for libkrun (images/Containerfile.venus)"

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
