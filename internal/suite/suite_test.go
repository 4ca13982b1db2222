package suite

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"gpubench/internal/measure"
	"gpubench/internal/result"
	"gpubench/internal/worker"
)

// standIn puts a command first on PATH: it notes its
// arguments, a line a call, and answers by a shell's case on them. The answers are in
// the form of the real one.
func standIn(t *testing.T, name, cases string) (log func() []string) {
	t.Helper()
	dir := t.TempDir()
	script := "#!/bin/sh\necho \"$*\" >>" + dir + "/log\ncase \"$*\" in\n" + cases + "\n*) echo \"unexpected: $*\" >&2; exit 1 ;;\nesac\n"
	if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":/usr/bin:/bin")
	return func() []string {
		text, _ := os.ReadFile(dir + "/log")
		return strings.Split(strings.TrimSpace(string(text)), "\n")
	}
}

const program = "gpubench 0.1.0\ncommit abc"

// answers of the program in the image.
func answers(t *testing.T, devices ...result.Device) string {
	t.Helper()
	return answersAt(t, nil, devices...)
}

// answersAt are those in a container with these device nodes.
func answersAt(t *testing.T, nodes []string, devices ...result.Device) string {
	t.Helper()
	text, err := json.Marshal(inside{Listing: measure.Listing{Devices: devices, Absent: []result.Absent{}}, Host: result.Host{OS: "linux", CPU: result.CPU{Usable: 2}, DRI: nodes}})
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("*' version') printf 'gpubench 0.1.0\\ncommit abc\\nbuilt\\n' ;;\n*' devices --json') echo '%s' ;;\n'rm '*|'delete '*|'--context colima rm '*|*' nerdctl rm '*) ;;", text)
}

var (
	cpu  = result.Device{ID: "cpu", Backend: "cpu", Class: result.ClassCPU}
	soft = result.Device{ID: "vulkan:0", Backend: "vulkan", Class: result.ClassCPU, Name: "llvmpipe", Software: true}
	gpu  = result.Device{ID: "vulkan:0", Backend: "vulkan", Class: result.ClassIntegrated, Name: "Virtio-GPU Venus (Apple M4 Pro)"}
)

// Answers of the engines, shortened.
const (
	dockerLinux   = `'info '*) echo '{"ServerVersion":"28.1.0","OperatingSystem":"Debian GNU/Linux 12 (bookworm)","KernelVersion":"6.1.0","NCPU":8,"MemTotal":33554432000,"DefaultRuntime":"runc","Runtimes":{"runc":{}}}' ;;`
	dockerNVIDIA  = `'info '*) echo '{"ServerVersion":"28.1.0","OperatingSystem":"Ubuntu 24.04","NCPU":8,"Runtimes":{"nvidia":{"path":"nvidia-container-runtime"},"runc":{}}}' ;;`
	dockerDesktop = `'info '*) echo '{"ServerVersion":"28.1.0","OperatingSystem":"Docker Desktop","Name":"docker-desktop","KernelVersion":"6.10.14-linuxkit","NCPU":8,"MemTotal":8217001984,"Runtimes":{"runc":{}}}' ;;`
	dockerLarge   = `'info '*) echo '{"ServerVersion":"28.1.0","OperatingSystem":"Docker Desktop","NCPU":12,"MemTotal":16500000000,"Runtimes":{"runc":{}}}' ;;`
	dockerInfo    = `'info '*) echo '{"ServerVersion":"1.7.2","OperatingSystem":"Ubuntu 25.04","NCPU":4,"MemTotal":4100000000}' ;;`
	limaList      = `'list --json') echo '{"name":"default","status":"Running","vmType":"vz"}'; echo '{"name":"gpu","status":"Running","vmType":"krunkit","cpus":4}'; echo '{"name":"old","status":"Stopped"}' ;;` + "\n"
	limaShell     = `'shell --workdir / gpu sh -c for p in docker nerdctl podman'*) echo nerdctl ;;` + "\n"
	podmanLocal   = `'info '*) echo '{"host":{"arch":"amd64","cpus":8,"memTotal":33554432000,"kernel":"6.1.0","serviceIsRemote":false,"cgroupVersion":"v2","ociRuntime":{"name":"crun"}},"version":{"Version":"5.4.2"}}' ;;`
	podmanRemote  = `'info '*) echo '{"host":{"arch":"arm64","cpus":8,"memTotal":8217001984,"serviceIsRemote":true,"ociRuntime":{"name":"crun"}},"version":{"Version":"6.0.2"}}' ;;`
	machineNew    = `'machine list --format json --all-providers') echo '[{"Name":"old","VMType":"applehv","Running":false,"Default":true},{"Name":"gpu","VMType":"%s","Running":true,"Default":false}]' ;;`
	machineOld    = `'machine list --format json --all-providers') echo 'Error: unknown flag: --all-providers' >&2; exit 125 ;;
'machine list --format json') echo '[{"Name":"podman-machine-default*","VMType":"applehv","Running":true,"Default":true}]' ;;`
	there = "\n'image inspect '*|*' image inspect '*) echo '[{}]' ;;\n"
)

// open finds a runtime and opens it.
func open(ctx context.Context, name string, o Options) *Runtime {
	rt := Find(ctx, name)
	if rt.Usable() {
		rt.Open(ctx, o)
	}
	return rt
}

func TestOpen(t *testing.T) {
	options := Options{Image: "localhost/gpubench:vulkan", Version: program, Limits: Limits{8, 8 << 30}, RunArgs: map[string][]string{"docker": {"--memory=8g"}}}
	const noDRI = "*'--device /dev/dri'*) echo 'docker: Error response from daemon: error gathering device information while adding custom device \"/dev/dri\": no such file or directory' >&2; exit 125 ;;\n"
	for _, tt := range []struct {
		name, engine, program, cases string
		status, reason, remedy       string
		version, detail              string
		args                         []string // in the run that looks for devices
		never                        string   // in none of the calls
		warning, fault               string
	}{
		{name: "docker on Linux", engine: "docker", program: "docker", cases: dockerLinux + there + answers(t, cpu, soft), status: result.StatusOK, version: "28.1.0", detail: "6.1.0",
			args: []string{"--network none", "--read-only", "--cap-drop all", "--security-opt no-new-privileges", "-e GPUBENCH_RUNTIME=docker", "--memory=8g", "--rm", "--name gpubench-"}, never: "--device"},
		{name: "the NVIDIA runtime", engine: "docker", program: "docker", cases: dockerNVIDIA + there + answers(t, cpu), status: result.StatusOK, version: "28.1.0",
			args: []string{"--runtime=nvidia --gpus all"}},
		{name: "Docker Desktop without a GPU", engine: "docker", program: "docker", cases: noDRI + dockerDesktop + there + answers(t, cpu, soft), status: result.StatusOK, version: "28.1.0", detail: "Docker Desktop",
			reason: `there is no GPU in its containers: docker: Error response from daemon: error gathering`, remedy: onSystem("colima start --runtime docker --vm-type krunkit", "docker context use default")},
		{name: "Docker Desktop on WSL2", engine: "docker", program: "docker", cases: noDRI + strings.Replace(dockerDesktop, "6.10.14-linuxkit", "5.15.167.4-microsoft-standard-WSL2", 1) + there + answers(t, cpu, soft), status: result.StatusOK, version: "28.1.0", detail: "Docker Desktop",
			reason: "there is no GPU in its containers", remedy: "wsl --update, then --run-arg docker=--gpus=all"},
		{name: "Docker Desktop on libkrun", engine: "docker", program: "docker", cases: dockerDesktop + there + answers(t, cpu, gpu), status: result.StatusOK, version: "28.1.0", args: []string{"--device /dev/dri"}},
		{name: "a daemon that is stopped", engine: "docker", program: "docker", cases: `'info '*) echo 'Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?' >&2; exit 1 ;;`,
			status: result.StatusFailed, reason: "its daemon does not answer: Cannot connect", remedy: onSystem("open -a Docker", "systemctl start docker")},
		{name: "the same, as versions before 23 say it", engine: "docker", program: "docker", cases: `'info '*) echo '{"ServerErrors":["Cannot connect to the Docker daemon"]}' ;;`,
			status: result.StatusFailed, reason: "its daemon does not answer: Cannot connect"},
		{name: "a user without the right", engine: "docker", program: "docker", cases: `'info '*) echo 'permission denied while trying to connect to the Docker daemon socket' >&2; exit 1 ;;`,
			status: result.StatusFailed, reason: "may not use the daemon", remedy: "usermod -aG docker"},
		{name: "an answer that is none", engine: "docker", program: "docker", cases: `'info '*) echo json ;;`, status: result.StatusFailed, reason: "nothing that can be understood"},
		{name: "podman on Linux", engine: "podman", program: "podman", cases: podmanLocal + there + answers(t, cpu), status: result.StatusOK, version: "5.4.2", detail: "crun", never: "machine"},
		{name: "a libkrun machine", engine: "podman", program: "podman", cases: podmanRemote + fmt.Sprintf(machineNew, "libkrun") + there + answers(t, cpu, gpu), status: result.StatusOK, version: "6.0.2", detail: "libkrun",
			args: []string{"--device /dev/dri --security-opt label=disable"}},
		{name: "a libkrun machine and the wrong driver", engine: "podman", program: "podman", cases: podmanRemote + fmt.Sprintf(machineNew, "libkrun") + there + answers(t, cpu, soft), status: result.StatusOK, version: "6.0.2",
			reason: "no GPU in its containers", remedy: "Containerfile.venus"},
		{name: "an applehv machine of an old podman", engine: "podman", program: "podman", cases: noDRI + podmanRemote + machineOld + there + answers(t, cpu, soft), status: result.StatusOK, version: "6.0.2", detail: "applehv",
			reason: "no GPU in its containers", remedy: "CONTAINERS_MACHINE_PROVIDER=libkrun podman machine init"},
		{name: "a machine that is stopped", engine: "podman", program: "podman",
			cases:  `'info '*) echo 'Error: unable to connect to Podman socket' >&2; exit 125 ;;` + "\n" + `'machine list '*) echo '[{"Name":"gpu","VMType":"libkrun","Running":false,"Default":true}]' ;;`,
			status: result.StatusFailed, reason: "its virtual machine does not run: Error: unable to connect", remedy: "podman machine start gpu"},
		{name: "Apple's container", engine: "apple-container", program: "container",
			cases:  `'system status '*) echo '{"status":"running"}' ;;` + "\n" + `'system version '*) echo '[{"version":"1.2.2","buildType":"release","appName":"container"}]' ;;` + there + answers(t, cpu, soft),
			status: result.StatusOK, version: "1.2.2", detail: "release", reason: "no GPU in its containers", remedy: "its kernel has no driver", args: []string{"-c 8 -m 8192M"}, never: "--network"},
		{name: "Apple's container, a version that answers with an object", engine: "apple-container", program: "container",
			cases:  `'system status '*) echo '{"status":"running"}' ;;` + "\n" + `'system version '*) echo '{"version":"1.9.0"}' ;;` + there + answers(t, cpu),
			status: result.StatusOK, version: "1.9.0", reason: "no GPU in its containers", args: []string{"-c 8 -m 8192M"}},
		{name: "Apple's container before version 1", engine: "apple-container", program: "container",
			cases: `'system status --format json'|'system version '*) echo "Error: Unknown option '--format'" >&2; exit 64 ;;` + "\n'system status') echo 'apiserver is running' ;;\n" +
				`'--version') echo 'container CLI version 0.7.1 (build: debug, commit: 1a2b3c4)' ;;` + there + answers(t, cpu),
			status: result.StatusOK, version: "0.7.1", detail: "debug", warning: "debug-build", reason: "no GPU in its containers", args: []string{"-c 8 -m 8192M"}},
		{name: "Apple's container, not started", engine: "apple-container", program: "container", cases: `'system status '*) echo 'apiserver is not running' ; exit 1 ;;`,
			status: result.StatusFailed, reason: "its services do not run", remedy: "container system start --enable-kernel-install"},
		{name: "a virtual machine that has more than the others", engine: "docker", program: "docker", cases: dockerLarge + there + answers(t, cpu, gpu), status: result.StatusOK, version: "28.1.0",
			args: []string{"--cpuset-cpus 0-7 --memory 8589934592 --memory=8g --device /dev/dri"}},
		{name: "an engine that cannot limit", engine: "docker", program: "docker", cases: "*cpuset-cpus*) echo 'docker: Error response from daemon: cgroup controller not found' >&2; exit 125 ;;\n" + dockerLarge + there + answers(t, cpu, gpu), status: result.StatusOK, version: "28.1.0",
			args: []string{"--memory=8g --device /dev/dri"}, warning: "limits-refused"},
		{name: "a GPU that the driver in the image does not see", engine: "podman", program: "podman", cases: podmanRemote + fmt.Sprintf(machineNew, "libkrun") + there + answersAt(t, []string{"/dev/dri/renderD128"}, cpu, soft), status: result.StatusOK, version: "6.0.2",
			reason: "no GPU in its containers", remedy: "Containerfile.venus", fault: "/dev/dri/renderD128: it is there in the container, and no driver in the image makes a device of it; its machine has one"},
		{name: "a GPU that is refused", engine: "docker", program: "docker", cases: "*'--device /dev/dri'*) echo 'docker: operation not permitted' >&2; exit 125 ;;\n" + dockerDesktop + there + answers(t, cpu, soft), status: result.StatusOK, version: "28.1.0",
			reason: "there is no GPU in its containers: docker: operation not permitted", remedy: onSystem("colima", "docker context"), fault: "GPU: it could not be passed into the container: docker: operation not permitted; "},
		{name: "Lima", engine: "lima", program: "limactl", cases: limaList + strings.ReplaceAll(limaShell+dockerInfo+there+answers(t, cpu, gpu), "'info", "*'info"), status: result.StatusOK, version: "1.7.2", detail: "krunkit",
			args: []string{"shell --workdir / gpu nerdctl run --rm", "--device /dev/dri", "GPUBENCH_RUNTIME=lima"}},
		{name: "Lima, stopped", engine: "lima", program: "limactl", cases: `'list --json') echo '{"name":"default","status":"Stopped","vmType":"vz"}' ;;`,
			status: result.StatusFailed, reason: "none of its virtual machines runs", remedy: "limactl start default"},
		{name: "Lima without a machine", engine: "lima", program: "limactl", cases: `'list --json') echo 'level=warning msg="No instance found"' >&2 ;;`,
			status: result.StatusFailed, reason: "none of its virtual machines runs", remedy: "limactl start --vm-type=krunkit template:docker"},
		{name: "Lima without an engine", engine: "lima", program: "limactl", cases: limaList + "*) exit 1 ;;", status: result.StatusFailed, reason: "virtual machine gpu has no docker, nerdctl or podman"},
		{name: "no archive", engine: "docker", program: "docker", cases: dockerLinux + "\n'image inspect '*) echo 'Error: No such image' >&2; exit 1 ;;", version: "28.1.0", status: result.StatusFailed, reason: "is not there, and no archive", remedy: "make images"},
		{name: "another build", engine: "docker", program: "docker", cases: dockerLinux + there + "*' version') echo 'gpubench 0.0.9' ;;\n'rm '*) ;;", version: "28.1.0", status: result.StatusFailed, reason: "holds another build of gpubench", remedy: "make images"},
		{name: "the wrong architecture", engine: "docker", program: "docker", cases: dockerLinux + there + "*' version') echo 'exec /gpubench: exec format error' >&2; exit 1 ;;\n'rm '*) ;;", version: "28.1.0", status: result.StatusFailed, reason: "exec format error", remedy: "make images"},
		{name: "a list of devices that is none", engine: "docker", program: "docker", cases: dockerLinux + there + "*' devices --json') echo '{' ;;\n" + answers(t, cpu), version: "28.1.0", status: result.StatusFailed, reason: "no list of devices"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			log := standIn(t, tt.program, tt.cases)
			rt := open(t.Context(), tt.engine, options)
			r := rt.Report
			if r.Name != tt.engine || r.Status != tt.status || !strings.Contains(r.Reason, tt.reason) || (tt.reason == "") != (r.Reason == "") || !strings.Contains(r.Remedy, tt.remedy) || r.Version != tt.version {
				t.Errorf("got %s %q, reason %q, remedy %q, version %q", r.Name, r.Status, r.Reason, r.Remedy, r.Version)
			}
			if (rt.Runner != nil) != (tt.status == result.StatusOK) {
				t.Errorf("runner %v", rt.Runner)
			}
			if tt.detail != "" && !strings.Contains(fmt.Sprint(r.Details), tt.detail) {
				t.Errorf("details %v, want %s", r.Details, tt.detail)
			}
			if (tt.warning == "") != (len(rt.Warnings) == 0) || tt.warning != "" && rt.Warnings[0].Code != tt.warning {
				t.Errorf("warnings %v, want %q", rt.Warnings, tt.warning)
			}
			fault := ""
			if rt.Fault != nil {
				fault = rt.Fault.Name + ": " + rt.Fault.Unusable
			}
			if !strings.HasPrefix(fault, tt.fault) || (fault == "") != (tt.fault == "") {
				t.Errorf("fault %q, want %q", fault, tt.fault)
			}
			run := ""
			started, removed := 0, 0
			for _, call := range log() {
				if strings.HasSuffix(call, " devices --json") {
					run = call
				}
				call = strings.TrimPrefix(call, "shell --workdir / gpu nerdctl ")
				if strings.HasPrefix(call, "run ") {
					started++
				}
				if strings.HasPrefix(call, "rm --force gpubench-") || strings.HasPrefix(call, "delete --force gpubench-") {
					removed++
				}
				if tt.never != "" && strings.Contains(call, tt.never) {
					t.Errorf("called: %s", call)
				}
			}
			for _, want := range tt.args {
				if !strings.Contains(run, want) {
					t.Errorf("run as %q, want %q in it", run, want)
				}
			}
			if started != removed {
				t.Errorf("%d containers were started and %d removed: %q", started, removed, log())
			}
		})
	}
}

// All get what the least has; a container that is a virtual machine of its own asks for as
// much, and for no more than is good for the host.
func TestCommon(t *testing.T) {
	of := func(status string, cpus int, gib uint64, commands string) *Runtime {
		rt := &Runtime{Report: result.RuntimeReport{Status: status}, state: state{cpus: cpus, memoryBytes: gib << 30}}
		if commands != "" {
			rt.engine = &engine{commands: commands}
		}
		return rt
	}
	host := result.Host{CPU: result.CPU{Usable: 12}, MemoryBytes: 64 << 30}
	native, docker, podman := of(result.StatusOK, 12, 64, ""), of(result.StatusOK, 8, 16, likeDocker), of(result.StatusOK, 6, 24, likePodman)
	apple, stopped := of(result.StatusOK, 0, 0, likeApple), of(result.StatusFailed, 1, 1, likeDocker)
	for _, tt := range []struct {
		host result.Host
		all  []*Runtime
		want Limits
	}{
		{host, []*Runtime{native}, Limits{12, 64 << 30}},
		{host, []*Runtime{native, docker, podman, stopped}, Limits{6, 16 << 30}},
		{host, []*Runtime{native, apple}, Limits{12, 8 << 30}},
		{host, []*Runtime{apple, docker}, Limits{8, 8 << 30}},
		{result.Host{CPU: result.CPU{Usable: 8}, MemoryBytes: 8 << 30}, []*Runtime{apple}, Limits{8, 4 << 30}},
		{host, []*Runtime{of(result.StatusOK, 0, 0, likeDocker)}, Limits{}},
		{host, nil, Limits{}},
	} {
		if got := Common(tt.host, tt.all); got != tt.want {
			t.Errorf("%+v, want %+v", got, tt.want)
		}
	}
}

// Two commands for one daemon are one runtime.
func TestTwins(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"docker", "colima"} {
		script := "#!/bin/sh\necho '{\"ID\":\"a\",\"ServerVersion\":\"28.1.0\"}'\n"
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
	docker, colima := Find(t.Context(), "docker"), Find(t.Context(), "colima")
	colima.SkipTwin([]*Runtime{NewNative(nil, result.Host{}, measure.Listing{}), docker})
	if colima.Usable() || colima.Report.Status != result.StatusSkipped || colima.Report.Reason != "it is the same daemon as docker, which is measured" {
		t.Errorf("%+v", colima.Report)
	}
	docker.SkipTwin([]*Runtime{colima}) // which is measured nowhere else
	if !docker.Usable() {
		t.Errorf("%+v", docker.Report)
	}
}

func TestLimitArgs(t *testing.T) {
	for _, tt := range []struct {
		commands string
		s        state
		l        Limits
		want     string
	}{
		{likeDocker, state{cpus: 8, memoryBytes: 8 << 30}, Limits{8, 8 << 30}, ""},
		{likeDocker, state{cpus: 8, memoryBytes: 8 << 30}, Limits{8, 8<<30 - 200<<20}, ""}, // what a kernel keeps
		{likePodman, state{cpus: 8, memoryBytes: 16 << 30, remote: true}, Limits{6, 8 << 30}, "--cpuset-cpus 0-5 --memory 8589934592"},
		{likeDocker, state{cpus: 8}, Limits{3, 0}, "--cpuset-cpus 2,6-7"},
		{likeDocker, state{cpus: 8, remote: true}, Limits{3, 0}, "--cpuset-cpus 0-2"},
		{likeDocker, state{}, Limits{}, ""},
		{likeApple, state{}, Limits{6, 8 << 30}, "-c 6 -m 8192M"},
		{likeApple, state{}, Limits{}, "-c 1 -m 1024M"},
	} {
		e := &engine{commands: tt.commands}
		if got := strings.Join(e.limitArgs(tt.s, tt.l, "2,6-7"), " "); got != tt.want {
			t.Errorf("%+v: %q, want %q", tt, got, tt.want)
		}
	}
	if runtime.GOOS == "linux" && countCPUs(allowedCPUs()) < 1 {
		t.Errorf("the processors allowed here are %q", allowedCPUs())
	}
	for list, want := range map[string]int{"": 0, "0": 1, "0-3": 4, "0-3,8,10-11": 7, "3-0": 0, "a": 0, "0-": 0} {
		if got := countCPUs(list); got != want {
			t.Errorf("%q: %d, want %d", list, got, want)
		}
	}
}

func TestLoads(t *testing.T) {
	marker := filepath.Join(t.TempDir(), "loaded")
	cases := func(load string) string {
		return "'image inspect '*) [ -e " + marker + " ] || { echo 'no such image' >&2; exit 1; } ;;\n'" + load + " -i /x/vulkan.tar') : >" + marker + " ;;\n"
	}
	for _, tt := range []struct{ engine, program, cases string }{
		{"docker", "docker", dockerLinux + "\n" + cases("load")},
		{"apple-container", "container", "'system '*) echo '[]' ;;\n" + cases("image load")},
	} {
		os.Remove(marker)
		standIn(t, tt.program, tt.cases+answers(t, cpu))
		rt := open(t.Context(), tt.engine, Options{Image: "i", Archive: "/x/vulkan.tar", Version: program})
		if rt.Runner == nil || rt.Report.LoadS <= 0 {
			t.Errorf("%s: %+v", tt.engine, rt.Report)
		}
		if again := open(t.Context(), tt.engine, Options{Image: "i", Archive: "/x/vulkan.tar", Version: program}); again.Report.LoadS != 0 {
			t.Errorf("%s: loaded a second time", tt.engine)
		}
	}
	// What is in a virtual machine sees other files.
	archive := filepath.Join(t.TempDir(), "vulkan.tar")
	if err := os.WriteFile(archive, []byte("an image"), 0o644); err != nil {
		t.Fatal(err)
	}
	os.Remove(marker)
	standIn(t, "limactl", limaList+limaShell+strings.ReplaceAll(dockerInfo, "'info", "*'info")+"\n*' image inspect '*) [ -e "+marker+" ] || exit 1 ;;\n*' nerdctl load') cat >"+marker+" ;;\n"+answers(t, cpu))
	rt := open(t.Context(), "lima", Options{Image: "i", Archive: archive, Version: program})
	if text, _ := os.ReadFile(marker); rt.Runner == nil || rt.Report.LoadS <= 0 || string(text) != "an image" {
		t.Errorf("lima: loaded %q: %+v", text, rt.Report)
	}
	standIn(t, "docker", dockerLinux+"\n'image inspect '*) exit 1 ;;\n'load '*) echo 'open /x: no space left on device' >&2; exit 1 ;;")
	if r := open(t.Context(), "docker", Options{Image: "i", Archive: "/x/vulkan.tar"}).Report; !strings.Contains(r.Reason, "no space left on device") || r.Remedy == "" {
		t.Errorf("a full disk: %+v", r)
	}
}

// A container that hangs when it starts is ended and removed, and no other one is tried.
func TestOpenHangs(t *testing.T) {
	defer func(limit time.Duration) { runLimit = limit }(runLimit)
	runLimit = 300 * time.Millisecond
	log := standIn(t, "docker", dockerDesktop+there+"*' devices --json') exec sleep 60 ;;\n"+answers(t, cpu))
	rt := open(t.Context(), "docker", Options{Image: "i", Version: program})
	if rt.Runner != nil || rt.Report.Status != result.StatusFailed || !strings.Contains(rt.Report.Reason, "the image does not run: docker run: it did not answer within 300ms") {
		t.Errorf("%+v", rt.Report)
	}
	calls := log()
	if last := calls[len(calls)-2:]; !strings.HasSuffix(last[0], "devices --json") || !strings.HasPrefix(last[1], "rm --force gpubench-") || strings.Count(strings.Join(calls, "\n"), "devices --json") != 1 {
		t.Errorf("calls %q", calls)
	}
}

// Without an engine each name has a report that says so.
func TestNothingInstalled(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for _, name := range Names[1:] {
		r := open(t.Context(), name, Options{Image: "i"})
		if r.Runner != nil || r.Report.Status != result.StatusUnsupported || !strings.Contains(r.Report.Reason, "is not there") {
			t.Errorf("%s: %+v", name, r.Report)
		}
		if (name == "docker" || name == "podman") && !strings.Contains(r.Report.Remedy, "install") {
			t.Errorf("%s: remedy %q", name, r.Report.Remedy)
		}
	}
}

// opened is a docker whose containers answer a launch in some way.
func opened(t *testing.T, launch string) (*Runtime, func() []string) {
	t.Helper()
	log := standIn(t, "docker", dockerLinux+there+"*' -i '*' worker cpu') "+launch+" ;;\n"+answers(t, cpu))
	rt := open(t.Context(), "docker", Options{Image: "i", Version: program})
	if rt.Runner == nil {
		t.Fatalf("%+v", rt.Report)
	}
	return rt, log
}

func request() worker.Request {
	return worker.Request{Op: worker.OpLaunch, Backend: "cpu", Device: "docker/cpu"}
}

func TestLaunch(t *testing.T) {
	rt, log := opened(t, "sleep 0.2; "+workerVariable+"=1 exec "+os.Args[0])
	var got []string
	out := rt.Runner.Run(t.Context(), request(), time.Minute, func(e worker.Event) { got = append(got, e.Event) })
	if out.Status != result.StatusOK || !slices.Equal(got, []string{"phase", "verified", "sample", "done"}) {
		t.Errorf("%+v, events %q", out, got)
	}
	r := rt.Finish(nil)
	if len(r.FirstLineS) != 1 || len(r.FirstResultS) != 1 || r.FirstLineS[0] < 0.2 || r.FirstResultS[0] < r.FirstLineS[0] {
		t.Errorf("first line %v, first result %v", r.FirstLineS, r.FirstResultS)
	}
	calls := log()
	run, rm := calls[len(calls)-2], calls[len(calls)-1]
	if !strings.HasPrefix(run, "run --rm --name gpubench-") || rm != "rm --force "+strings.Fields(run)[3] {
		t.Errorf("the last calls: %q, %q", run, rm)
	}
}

// What chooses the code that runs on the processor is the same inside and outside, in the
// container that looks for devices and in that of each launch; threads are the program's
// own business there.
func TestContainersHaveTheSteeringOfTheHost(t *testing.T) {
	for name, value := range map[string]string{"OPENBLAS_CORETYPE": "Haswell", "OPENBLAS_L2_SIZE": "", "BLIS_ARCH_TYPE": "3", "MKL_ENABLE_INSTRUCTIONS": "AVX2", "MKL_CBWR": "", "MKL_DEBUG_CPU_TYPE": "", "GPUBENCH_CPU_ISA": "avx2",
		"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "KMP_AFFINITY": "compact", "MKL_DYNAMIC": "TRUE", "GPUBENCH_BLAS": "/nowhere.so"} {
		t.Setenv(name, value)
	}
	const want = " -e GPUBENCH_CPU_ISA=avx2 -e MKL_ENABLE_INSTRUCTIONS=AVX2 -e OPENBLAS_CORETYPE=Haswell "
	check := func(calls []string) {
		t.Helper()
		started := 0
		for _, call := range calls {
			if !strings.Contains(call, "run --rm --name gpubench-") {
				continue
			}
			started++
			if !strings.Contains(call, " -e BLIS_ARCH_TYPE=3"+want) || strings.Count(call, " -e ") != 5 {
				t.Errorf("started as %q", call)
			}
		}
		if started == 0 {
			t.Errorf("no container in %q", calls)
		}
	}
	rt, log := opened(t, "exit 1") // what it is started with is all that is asked here
	rt.Runner.Run(t.Context(), request(), time.Minute, func(worker.Event) {})
	check(log())
	for _, tt := range []struct{ engine, program, cases string }{
		{"podman", "podman", podmanLocal + there + answers(t, cpu)},
		{"apple-container", "container", `'system status '*) echo '{"status":"running"}' ;;` + "\n" + `'system version '*) echo '[{"version":"1.2.2","buildType":"release"}]' ;;` + there + answers(t, cpu)},
		{"lima", "limactl", limaList + limaShell + "*' nerdctl info '*) echo '{\"ServerVersion\":\"1.7.2\",\"NCPU\":4,\"MemTotal\":4100000000}' ;;\n" + there + answers(t, cpu)},
	} {
		log := standIn(t, tt.program, tt.cases)
		if rt := open(t.Context(), tt.engine, Options{Image: "i", Version: program}); !rt.Usable() {
			t.Fatalf("%+v", rt.Report)
		}
		check(log())
	}
}

func TestLaunchFails(t *testing.T) {
	for _, tt := range []struct{ name, launch, code, reason, remedy string }{
		{"killed by its memory limit", "exit 137", worker.CodeExit, "the container was killed (status 137)", "smaller --size, or allow more memory: look for a limit in --run-arg"},
		{"the engine's fault", "echo 'docker: Error response from daemon: no space left on device.' >&2; echo \"See 'docker run --help'.\" >&2; exit 125", worker.CodeExit, "could not start the container: docker: Error response from daemon: no space", ""},
		{"a pull without a network", "echo 'Unable to find image locally' >&2; echo 'docker: Error response from daemon: Get \"https://registry-1.docker.io/v2/\": dial tcp: lookup registry-1.docker.io: no such host.' >&2; exit 125", worker.CodeExit, "no such host", ""},
		{"no program", "echo 'docker: exec: \"/gpubench\": no such file' >&2; exit 127", worker.CodeExit, "could not start the program in the container", ""},
		{"another architecture", "echo 'exec /gpubench: exec format error' >&2; exit 255", worker.CodeExit, "another processor architecture", "PLATFORMS=" + runtime.GOARCH},
		{"a driver's crash inside", "echo 'SIGSEGV: segmentation violation' >&2; exit 2", worker.CodeSignal, "killed by SIGSEGV", ""},
		{"rubbish", "echo rubbish", worker.CodeProtocol, "no event", ""},
	} {
		rt, log := opened(t, tt.launch)
		out := rt.Runner.Run(t.Context(), request(), time.Minute, func(worker.Event) {})
		if out.Status != result.StatusFailed || out.Code != tt.code || !strings.Contains(out.Reason, tt.reason) || !strings.Contains(out.Remedy, tt.remedy) {
			t.Errorf("%s: %+v", tt.name, out)
		}
		if calls := log(); !strings.HasPrefix(calls[len(calls)-1], "rm --force gpubench-") {
			t.Errorf("%s: not removed: %q", tt.name, calls)
		}
	}
}

// A container that hangs is ended at the limit, one that an interruption meets at once;
// both are removed.
func TestLaunchEnds(t *testing.T) {
	rt, log := opened(t, "sleep 60")
	out := rt.Runner.Run(t.Context(), request(), 300*time.Millisecond, func(worker.Event) {})
	if out.Code != worker.CodeTimeLimit {
		t.Errorf("%+v", out)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(300*time.Millisecond, cancel)
	if out := rt.Runner.Run(ctx, request(), time.Minute, func(worker.Event) {}); out.Code != worker.CodeInterrupted {
		t.Errorf("%+v", out)
	}
	calls := log()
	if last := calls[len(calls)-4:]; !strings.HasPrefix(last[1], "rm --force gpubench-") || !strings.HasPrefix(last[3], "rm --force gpubench-") || last[1] == last[3] {
		t.Errorf("the last calls: %q", last)
	}
}

func TestDistinguish(t *testing.T) {
	other := soft
	other.Name = "llvmpipe, another version"
	rt := &Runtime{Report: result.RuntimeReport{Name: "podman"}, Devices: []result.Device{cpu, other, {ID: "vulkan:1"}}}
	added := rt.Distinguish([]result.Device{cpu, soft})
	ids := func(list []result.Device) (ids []string) {
		for _, d := range list {
			ids = append(ids, d.ID)
		}
		return ids
	}
	if !slices.Equal(ids(added), []string{"podman/vulkan:0", "vulkan:1"}) || !slices.Equal(ids(rt.Devices), []string{"cpu", "podman/vulkan:0", "vulkan:1"}) {
		t.Errorf("added %q, all %q", ids(added), ids(rt.Devices))
	}
}

// What ran on a GPU is told by what the launches opened.
func TestFinishKnowsAGPU(t *testing.T) {
	rt := &Runtime{Report: result.RuntimeReport{Name: "podman"}}
	on := func(d result.Device, status string) []result.Launch {
		now := d.Opened()
		return []result.Launch{{Status: status, Opened: &now}}
	}
	for _, tt := range []struct {
		m    result.Measurement
		want bool
	}{
		{result.Measurement{Runtime: "podman", Device: "vulkan:0", Status: result.StatusOK, Launches: on(gpu, result.StatusOK)}, true},
		{result.Measurement{Runtime: "docker", Device: "vulkan:0", Status: result.StatusOK, Launches: on(gpu, result.StatusOK)}, false},
		{result.Measurement{Runtime: "podman", Device: "cpu", Status: result.StatusOK, Launches: on(cpu, result.StatusOK)}, false},
		{result.Measurement{Runtime: "podman", Device: "vulkan:0", Status: result.StatusFailed, Launches: on(gpu, result.StatusOK)}, false},
		{result.Measurement{Runtime: "podman", Device: "vulkan:0", Status: result.StatusOK, Launches: on(soft, result.StatusOK)}, false},
		{result.Measurement{Runtime: "podman", Device: "vulkan:0", Status: result.StatusOK, Launches: on(gpu, result.StatusFailed)}, false},
		{result.Measurement{Runtime: "podman", Device: "vulkan:0", Status: result.StatusOK, Launches: []result.Launch{{Status: result.StatusOK}}}, false},
	} {
		if got := rt.Finish([]result.Measurement{tt.m}).GPU; got != tt.want {
			t.Errorf("%+v: got %v", tt.m, got)
		}
	}
}
