package suite

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"gpubench/internal/result"
	"gpubench/internal/worker"
)

// onlyThese are the commands of engines that there are, as in standIn, and no others.
func onlyThese(t *testing.T, commands map[string]string) (log func(name string) []string) {
	t.Helper()
	dir := t.TempDir()
	for name, cases := range commands {
		script := "#!/bin/sh\necho \"$*\" >>" + dir + "/" + name + ".log\ncase \"$*\" in\n" + cases + "\n*) echo \"unexpected: $*\" >&2; exit 1 ;;\nesac\n"
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
	for _, name := range []string{"DOCKER_HOST", "DOCKER_CONTEXT", "CONTAINER_HOST", "CONTAINER_CONNECTION", "COLIMA_PROFILE", "COLIMA_HOME", "XDG_CONFIG_HOME"} {
		t.Setenv(name, "")
	}
	t.Setenv("HOME", dir)
	return func(name string) []string {
		text, _ := os.ReadFile(dir + "/" + name + ".log")
		return strings.Split(strings.TrimSpace(string(text)), "\n")
	}
}

// Docker's command before Podman's socket, whose ID is another one at each call.
const (
	podmanSocket = `'info --format {{json .}}') echo '{"ID":"'$$'","ServerVersion":"4.3.1","OperatingSystem":"debian","ProductLicense":"Apache-2.0","DefaultRuntime":"runc","Runtimes":{"crun":{},"kata":{},"krun":{},"runc":{},"runj":{},"runsc":{}},"NCPU":2,"MemTotal":25276510208}' ;;` + "\n"
	podmanParts  = `'version --format {{json .Server.Components}}') echo '[{"Name":"Podman Engine","Version":"4.3.1","Details":{"APIVersion":"4.3.1"}},{"Name":"Conmon","Version":"conmon version 2.1.6"},{"Name":"Engine","Version":"4.3.1"}]' ;;` + "\n"
	dockerParts  = `'version --format {{json .Server.Components}}') echo '[{"Name":"Engine","Version":"28.2.0"},{"Name":"containerd","Version":"1.7.27"},{"Name":"runc","Version":"1.2.5"}]' ;;` + "\n"
	podman431    = `'info --format json') echo '{"host":{"arch":"amd64","hostname":"buildbox","cpus":2,"memTotal":25276510208,"kernel":"6.1.0","serviceIsRemote":false,"ociRuntime":{"name":"crun"}},"store":{"graphRoot":"/var/lib/containers/storage"},"version":{"Version":"4.3.1"}}' ;;` + "\n"
	podmanDocker = `'info --format {{json .}}') echo 'Emulate Docker CLI using podman. Create /etc/containers/nodocker to quiet msg.' >&2; echo '{"host":{"arch":"amd64","buildahVersion":"1.28.2"},"store":{},"version":{"Version":"4.3.1"}}' ;;` + "\n"
	silentPodman = `'info --format {{json .}}') echo 'Error: runtime/cgo: out of memory' >&2; exit 125 ;;` + "\n'--version') echo 'podman version 4.3.1' ;;\n"
	nerdctlInfo  = `'info --format {{json .}}') echo '{"ID":"1","ServerVersion":"v1.7.2","OperatingSystem":"Ubuntu 24.04","NCPU":8}' ;;` + "\n" + `'version --format {{json .Server.Components}}') echo '[{"Name":"containerd","Version":"v1.7.2"},{"Name":"runc","Version":"1.1.12"}]' ;;` + "\n"
)

// An engine is known by what answers, and is measured once and under its own name.
func TestEnginesByWhatAnswers(t *testing.T) {
	image := there + answers(t, cpu)
	for _, tt := range []struct {
		name           string
		docker, podman string // the commands' cases, none where the command is not there
		dockerStatus   string
		dockerReason   string
		podmanStatus   string
		podmanReason   string
		measured       string // the runtimes that are, in their order
		by             string // the command that starts Podman's containers
	}{
		{name: "Podman's socket and its own command", docker: podmanSocket + podmanParts, podman: podman431, dockerStatus: result.StatusSkipped, dockerReason: "docker's command is answered by Podman 4.3.1 and not by Docker",
			podmanStatus: result.StatusOK, measured: "podman", by: "podman"},
		{name: "Podman's socket alone", docker: podmanSocket + podmanParts, dockerStatus: result.StatusSkipped, dockerReason: "docker's command is answered by Podman 4.3.1", podmanStatus: result.StatusOK, measured: "podman", by: "docker"},
		{name: "Podman's socket, without a list of components", docker: podmanSocket, podman: podman431, dockerStatus: result.StatusSkipped, dockerReason: "answered by Podman 4.3.1", podmanStatus: result.StatusOK, measured: "podman", by: "podman"},
		{name: "Podman's socket, and a podman that finds none", docker: podmanSocket + podmanParts, podman: "'info '*) echo 'Error: unable to connect to Podman socket' >&2; exit 125 ;;\n'machine '*) echo '[]' ;;\n",
			dockerStatus: result.StatusSkipped, dockerReason: "answered by Podman 4.3.1", podmanStatus: result.StatusOK, measured: "podman", by: "docker"},
		{name: "podman-docker", docker: podmanDocker, podman: podman431, dockerStatus: result.StatusSkipped, dockerReason: "docker is Podman's stand-in", podmanStatus: result.StatusOK, measured: "podman", by: "podman"},
		{name: "podman-docker that is told to be quiet", docker: strings.Replace(podmanDocker, "echo 'Emulate Docker CLI using podman. Create /etc/containers/nodocker to quiet msg.' >&2; ", "", 1), podman: podman431,
			dockerStatus: result.StatusSkipped, dockerReason: "docker is Podman's stand-in", podmanStatus: result.StatusOK, measured: "podman", by: "podman"},
		{name: "podman-docker before a podman that is broken", docker: silentPodman, podman: "'info '*) echo 'Error: runtime/cgo: out of memory' >&2; exit 125 ;;\n'machine '*) exit 125 ;;\n",
			dockerStatus: result.StatusSkipped, dockerReason: "docker is Podman's stand-in", podmanStatus: result.StatusFailed, podmanReason: "out of memory"},
		{name: "a link to podman, which is nowhere else", docker: podmanDocker + podman431, dockerStatus: result.StatusSkipped, dockerReason: "docker is Podman's stand-in", podmanStatus: result.StatusOK, measured: "podman", by: "docker"},
		{name: "both as they seem", docker: dockerLinux + "\n" + dockerParts, podman: podman431, dockerStatus: result.StatusOK, podmanStatus: result.StatusOK, measured: "docker podman", by: "podman"},
		{name: "Docker alone", docker: dockerLinux + "\n" + dockerParts, dockerStatus: result.StatusOK, podmanStatus: result.StatusUnsupported, podmanReason: "the command podman is not there", measured: "docker"},
		{name: "nerdctl by docker's name", docker: nerdctlInfo, dockerStatus: result.StatusOK, podmanStatus: result.StatusUnsupported, podmanReason: "the command podman is not there", measured: "nerdctl"},
		{name: "Docker by podman's name", docker: dockerLinux + "\n" + dockerParts, podman: `'info --format json') echo '{"ID":"x","ServerVersion":"28.2.0","OperatingSystem":"Debian"}' ;;`, dockerStatus: result.StatusOK,
			podmanStatus: result.StatusSkipped, podmanReason: "podman's command is answered by Docker 28.2.0 and not by Podman", measured: "docker"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			commands := map[string]string{"docker": tt.docker + image}
			if tt.podman != "" {
				commands["podman"] = tt.podman + image
			}
			log := onlyThese(t, commands)
			options := Options{Image: "i", Version: program, RunArgs: map[string][]string{"docker": {"--memory=8g"}}}
			docker, podman := Find(t.Context(), "docker"), Find(t.Context(), "podman")
			podman.SkipTwin([]*Runtime{docker})
			if docker.Report.Status != tt.dockerStatus || !strings.Contains(docker.Report.Reason, tt.dockerReason) || (tt.dockerReason == "") != (docker.Report.Reason == "") || docker.Report.Version == "" && !strings.Contains(tt.name, "broken") {
				t.Errorf("docker: %+v", docker.Report)
			}
			if podman.Report.Status != tt.podmanStatus || !strings.Contains(podman.Report.Reason, tt.podmanReason) || (tt.podmanReason == "") != (podman.Report.Reason == "") {
				t.Errorf("podman: %+v", podman.Report)
			}
			if tt.dockerStatus == result.StatusSkipped && !strings.Contains(docker.Report.Remedy, "--runtime podman") {
				t.Errorf("remedy %q", docker.Report.Remedy)
			}
			var measured []string
			for _, rt := range []*Runtime{docker, podman} {
				if rt.Usable() {
					rt.Open(t.Context(), options)
					measured = append(measured, rt.Report.Name)
				}
			}
			if got := strings.Join(measured, " "); got != tt.measured {
				t.Errorf("measured: %q, want %q", got, tt.measured)
			}
			for _, name := range []string{"docker", "podman"} {
				for _, call := range log(name) {
					if strings.HasPrefix(call, "run ") && strings.Contains(call, "GPUBENCH_RUNTIME=podman") != (tt.by == name) {
						t.Errorf("%s %s", name, call)
					}
				}
			}
			if said := len(podman.Warnings) == 1 && podman.Warnings[0].Code == "podman-by-docker"; said != (tt.by == "docker") {
				t.Errorf("warnings %v", podman.Warnings)
			}
			if tt.measured == "nerdctl" {
				if calls := strings.Join(log("docker"), "\n"); !strings.Contains(calls, "GPUBENCH_RUNTIME=nerdctl") || !strings.Contains(calls, "--memory=8g") {
					t.Errorf("nerdctl: %s", calls)
				}
			}
		})
	}
}

// Two commands, or two connections of podman, may lead to one Podman; it has no number.
func TestPodmanTwins(t *testing.T) {
	inLima := limaList + "'shell --workdir / gpu sh -c for p in '*) echo podman ;;\n" + strings.ReplaceAll(podman431, "'info --format json'", "*' podman info --format json'")
	onlyThese(t, map[string]string{"podman": podman431, "limactl": inLima})
	podman, lima := Find(t.Context(), "podman"), Find(t.Context(), "lima")
	if lima.SkipTwin([]*Runtime{podman}); lima.Report.Status != result.StatusSkipped {
		t.Errorf("the same one: %+v", lima.Report)
	}
	onlyThese(t, map[string]string{"podman": podman431, "limactl": strings.Replace(inLima, "buildbox", "lima-gpu", 1)})
	podman, lima = Find(t.Context(), "podman"), Find(t.Context(), "lima")
	if lima.SkipTwin([]*Runtime{podman}); !lima.Usable() {
		t.Errorf("another one: %+v", lima.Report)
	}
}

// A context may lie on another machine: what is inside decides, not what is assumed.
func TestAnotherMachine(t *testing.T) {
	const build = `'info '*) echo '{"Name":"buildserver01","KernelVersion":"5.15.0-122-generic","OperatingSystem":"Ubuntu 22.04.5 LTS","ServerVersion":"27.3.1","NCPU":2}' ;;` + "\n"
	host := result.Host{Arch: runtime.GOARCH, Kernel: "6.1.0-18-amd64", KernelID: "aa", CPU: result.CPU{Model: "Intel(R) Xeon(R) Processor", Usable: 2}}
	for _, tt := range []struct {
		name, model, endpoint string
		machine               string
	}{
		{"another processor", "AMD EPYC 9654 96-Core Processor", "", "AMD EPYC 9654 96-Core Processor (buildserver01)"},
		{"another processor of the maker", "Intel(R) Xeon(R) Platinum 8488C", "", "Intel(R) Xeon(R) Platinum 8488C (buildserver01)"},
		{"the same processor by ssh", host.CPU.Model, "ssh://me@buildserver01", "Intel(R) Xeon(R) Processor (buildserver01)"},
		{"the same processor and another kernel by a socket that is passed on", host.CPU.Model, "unix:///tmp/docker.sock", "Intel(R) Xeon(R) Processor (buildserver01)"},
		{"a virtual machine of this host", host.CPU.Model, "unix:///home/u/.lima/docker/sock/docker.sock", ""},
	} {
		inside := fmt.Sprintf(`{"devices":[{"id":"cpu","backend":"cpu","class":"cpu"}],"absent":[],"host":{"arch":%q,"kernel_id":"bb","cpu":{"model":%q,"usable":2}}}`, runtime.GOARCH, tt.model)
		onlyThese(t, map[string]string{"docker": build + "'context inspect '*) echo '" + tt.endpoint + "' ;;\n*' devices --json') echo '" + inside + "' ;;\n" + there + answers(t)})
		rt := open(t.Context(), "docker", Options{Image: "i", Version: program, Host: host})
		if rt.Runner == nil || rt.Machine() != tt.machine {
			t.Errorf("%s: on %q, %+v", tt.name, rt.Machine(), rt.Report)
		}
		said := len(rt.Warnings) == 1 && rt.Warnings[0].Code == "another-machine" && strings.Contains(rt.Report.Reason, "in no ratio with the other runtimes") && strings.Contains(rt.Report.Remedy, "docker context use default")
		if said != (tt.machine != "") {
			t.Errorf("%s: %+v, warnings %v", tt.name, rt.Report, rt.Warnings)
		}
	}
}

// A daemon elsewhere is not started here.
func TestNoAnswerFromAnotherMachine(t *testing.T) {
	onlyThese(t, map[string]string{"docker": `'info '*) echo 'error during connect: Get "http://docker.example.com/v1.47/info": command [ssh -l me -- buildserver01 docker system dial-stdio] has exited' >&2; exit 1 ;;` + "\n'context inspect '*) echo ssh://me@buildserver01 ;;"})
	if r := Find(t.Context(), "docker").Report; r.Status != result.StatusFailed || !strings.Contains(r.Remedy, "it is to be at buildserver01") {
		t.Errorf("%+v", r)
	}
}

func TestElsewhere(t *testing.T) {
	own, _ := os.Hostname()
	const linux = "6.1.0-18-amd64"
	at := func(arch, model, kernel string) result.Host {
		return result.Host{Arch: arch, Kernel: linux, KernelID: kernel, CPU: result.CPU{Model: model}}
	}
	onHost := state{hostname: own, kernel: linux}
	vm := state{remote: true}
	for _, tt := range []struct {
		name     string
		host, in result.Host
		s        state
		other    bool
	}{
		{"one kernel", at("amd64", "AMD EPYC 9R14", "a"), at("amd64", "AMD EPYC 9R14", "a"), state{}, false},
		{"one kernel, by tcp://", at("amd64", "AMD EPYC 9R14", "a"), at("amd64", "AMD EPYC 9R14", "a"), state{away: "10.0.0.7"}, false},
		{"nothing known", result.Host{}, result.Host{}, state{}, false},
		{"nothing known inside", at("amd64", "AMD EPYC 9R14", "a"), result.Host{}, onHost, false},
		{"gVisor, which knows no name", at("amd64", "AMD EPYC 9R14", "a"), at("amd64", "unknown", ""), onHost, false},
		{"Kata, which has a kernel of its own", at("amd64", "AMD EPYC 9R14", "a"), at("amd64", "AMD EPYC 9R14", "b"), onHost, false},
		{"Firecracker, which hides the name", at("amd64", "Intel(R) Xeon(R) Platinum 8488C", "a"), at("amd64", "Intel(R) Xeon(R) Processor @ 2.40GHz", "b"), onHost, false},
		{"another clock in the name", at("amd64", "Intel(R) Core(TM) i7-9750H CPU @ 2.60GHz", "a"), at("amd64", "Intel(R) Core(TM)  i7-9750H CPU", "b"), vm, false},
		{"QEMU's name", at("amd64", "AMD Ryzen 9 7950X 16-Core Processor", "a"), at("amd64", "QEMU Virtual CPU version 2.5+", "b"), vm, false},
		{"QEMU's EPYC on one", at("amd64", "AMD EPYC 9654 96-Core Processor", "a"), at("amd64", "AMD EPYC-Milan Processor", "b"), vm, false},
		{"QEMU's EPYC on an Intel", at("amd64", "Intel(R) Xeon(R) Gold 6330 CPU @ 2.00GHz", "a"), at("amd64", "AMD EPYC Processor", "b"), vm, true},
		{"an emulated processor", at("amd64", "Intel(R) Core(TM) i7-9750H CPU @ 2.60GHz", "a"), at("amd64", "QEMU TCG CPU version 2.5+", "b"), vm, true},
		{"a general name here, of the same maker, by an engine that says nothing of a machine", at("amd64", "Intel(R) Xeon(R) Processor", ""), at("amd64", "Intel(R) Xeon(R) Platinum 8488C", ""), state{}, true},
		{"a name that was changed, on one kernel", at("amd64", "Intel(R) Xeon(R) Processor", "a"), at("amd64", "AMD EPYC 9654 96-Core Processor", "a"), state{}, true},
		{"two models", at("amd64", "AMD EPYC 7763 64-Core Processor", "a"), at("amd64", "AMD EPYC 9654 96-Core Processor", "b"), vm, true},
		{"a Mac and its virtual machine", at("arm64", "Apple M4 Pro", ""), at("arm64", "Apple processor (virtual machine)", "b"), vm, false},
		{"a Mac and a virtual machine that shows the cores", at("arm64", "Apple M1 Ultra", ""), at("arm64", "Apple M1 Max (Firestorm)", "b"), vm, false},
		{"a Mac and a chip that is too new", at("arm64", "Apple M6", ""), at("arm64", "Apple part 0x0a3", "b"), vm, false},
		{"two Macs", at("arm64", "Apple M4 Pro", ""), at("arm64", "Apple M1 (Firestorm) + M1 (Icestorm)", "b"), vm, true},
		{"a Mac and a server at AWS", at("arm64", "Apple M4 Pro", ""), at("arm64", "Arm Neoverse-N1", "b"), vm, true},
		{"a Mac and a PC", at("arm64", "Apple M4 Pro", ""), at("amd64", "AMD EPYC 9654 96-Core Processor", "b"), vm, true},
		{"a Mac and the virtual machine of another one", at("arm64", "Apple M4 Pro", ""), at("arm64", "Apple processor (virtual machine)", "b"), state{remote: true, away: "studio.local"}, true},
		{"an emulated Mac", at("arm64", "Apple M2", ""), at("amd64", "VirtualApple @ 2.50GHz", "b"), vm, true},
		{"a board whose name is hidden", at("arm64", "Arm Cortex-A76 (Raspberry Pi 5 Model B Rev 1.0)", "a"), at("arm64", "Arm Cortex-A76", "a"), state{}, false},
		{"a board's big cores in a virtual machine", at("arm64", "Arm Cortex-A76 + Cortex-A55 (Radxa ROCK 5B)", "a"), at("arm64", "Arm Cortex-A76", "b"), vm, false},
		{"GB10's lesser cores in a virtual machine", at("arm64", "Arm Cortex-X925 + Cortex-A725", "a"), at("arm64", "Arm Cortex-A725", "b"), vm, false},
		{"two boards", at("arm64", "Arm Cortex-A76 (Raspberry Pi 5)", "a"), at("arm64", "Arm Cortex-A72", "b"), vm, true},
		{"two of a kind with different kernels", at("amd64", "AMD EPYC 9R14", "a"), at("amd64", "AMD EPYC 9R14", "b"), state{hostname: "other", kernel: linux}, true},
	} {
		machine, evidence := elsewhere(tt.host, tt.in, tt.s)
		if (machine != "") != tt.other || (evidence != "") != tt.other {
			t.Errorf("%s: %q, %q", tt.name, machine, evidence)
		}
	}
}

func TestPlace(t *testing.T) {
	own, _ := os.Hostname()
	address := "127.0.0.2"
	if list, _ := net.InterfaceAddrs(); len(list) > 0 {
		if n, ok := list[len(list)-1].(*net.IPNet); ok && n.IP.To4() != nil {
			address = n.IP.String()
		}
	}
	for _, tt := range []struct {
		endpoint, away string
		vm             bool
	}{
		{"unix:///var/run/docker.sock", "", false},
		{"unix:///Users/u/.colima/default/docker.sock", "", true},
		{"unix:///home/u/.docker/desktop/docker.sock\n", "", true},
		{"tcp://localhost:2375", "", false},
		{"tcp://127.0.0.1:2375", "", false},
		{"tcp://[::1]:2375", "", false},
		{"tcp://" + address + ":2375", "", false},
		{"ssh://" + own, "", false},
		{"ssh://core@127.0.0.1:53685/run/user/501/podman/podman.sock", "", false},
		{"ssh://me@buildserver01", "buildserver01", false},
		{"tcp://192.0.2.7:2376", "192.0.2.7", false},
		{"https://ci.example.org:2376", "ci.example.org", false},
		{"", "", false}, {"%", "", false}, {"x", "", false},
	} {
		if away, vm := place(tt.endpoint); away != tt.away || vm != tt.vm {
			t.Errorf("%q: %q, %v", tt.endpoint, away, vm)
		}
	}
}

// A connection of podman may lie on another machine as well, whatever machines there are here.
func TestPodmanElsewhere(t *testing.T) {
	cases := podmanRemote + fmt.Sprintf(machineNew, "libkrun") + "\n" + `'system connection list --format json') echo '[{"Name":"a","URI":"ssh://core@127.0.0.1:5000/podman.sock","Default":false},{"Name":"b","URI":"ssh://root@lab7/run/podman/podman.sock","Default":true}]' ;;` + there + answers(t, cpu)
	onlyThese(t, map[string]string{"podman": cases})
	rt := open(t.Context(), "podman", Options{Image: "i", Version: program, Host: result.Host{KernelID: "a"}})
	if rt.Machine() != "a machine (lab7)" || strings.Contains(rt.Report.Remedy, "Venus") || rt.Report.Details["machine"] != "" {
		t.Errorf("%q: %+v", rt.Machine(), rt.Report)
	}
	t.Setenv("CONTAINER_CONNECTION", "a")
	if rt := open(t.Context(), "podman", Options{Image: "i", Version: program}); rt.Machine() != "" || rt.Report.Details["machine"] != "libkrun" {
		t.Errorf("%q: %+v", rt.Machine(), rt.Report)
	}
}

// GPUs by CDI alone, and cards that nothing passes in.
func TestPassesNVIDIA(t *testing.T) {
	spec := t.TempDir()
	if err := os.WriteFile(spec+"/nvidia.yaml", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	info := func(more string) string {
		return `'info '*) echo '{"ServerVersion":"28.2.0","OperatingSystem":"Ubuntu 24.04","NCPU":8,` + more + `}' ;;` + "\n"
	}
	const refusesCDI = "*'--device nvidia.com/gpu='*) echo 'docker: Error response from daemon: CDI device injection failed: unresolvable CDI devices' >&2; exit 125 ;;\n"
	card := []string{"/dev/nvidia0", "/dev/nvidiactl"}
	for _, tt := range []struct {
		name, info, cases string
		nvidia            []string
		run, never        string // in the run that looks for devices
		reason, remedy    string
		fault             string
	}{
		{name: "CDI", info: info(`"CDISpecDirs":["/etc/cdi"],"DiscoveredDevices":[{"Source":"cdi","ID":"nvidia.com/gpu=0"},{"Source":"cdi","ID":"nvidia.com/gpu=all"}],"Runtimes":{"runc":{}}`), nvidia: card,
			run: "--device nvidia.com/gpu=all", never: "gpu=0"},
		{name: "CDI by card", info: info(`"DiscoveredDevices":[{"Source":"cdi","ID":"nvidia.com/gpu=0"},{"Source":"cdi","ID":"nvidia.com/gpu=1"}]`), run: "--device nvidia.com/gpu=0 --device nvidia.com/gpu=1"},
		{name: "CDI of a version that does not list", info: info(`"CDISpecDirs":["/nowhere","` + spec + `"],"Runtimes":{"runc":{}}`), run: "--device nvidia.com/gpu=all"},
		{name: "another maker's CDI", info: info(`"DiscoveredDevices":[{"Source":"cdi","ID":"lighter.sh/gpu=all"}]`), run: "--device lighter.sh/gpu=all"},
		{name: "Docker Desktop's service", info: info(`"DiscoveredDevices":[{"Source":"cdi","ID":"docker.com/gpu=webgpu"}]`), never: "docker.com"},
		{name: "a network card", info: info(`"DiscoveredDevices":[{"Source":"cdi","ID":"mellanox.com/nic=all"}]`), never: "--device"},
		{name: "the runtime before CDI", info: info(`"DiscoveredDevices":[{"Source":"cdi","ID":"nvidia.com/gpu=all"}],"Runtimes":{"nvidia":{}}`), run: "--runtime=nvidia --gpus all", never: "nvidia.com"},
		{name: "a runtime that is broken", info: info(`"DiscoveredDevices":[{"Source":"cdi","ID":"nvidia.com/gpu=all"}],"Runtimes":{"nvidia":{}}`),
			cases: "*'--runtime=nvidia'*) echo 'docker: Error response from daemon: unknown or invalid runtime name: nvidia' >&2; exit 125 ;;\n", run: "--device nvidia.com/gpu=all", fault: "unknown or invalid runtime name"},
		{name: "CDI that is refused", info: info(`"DiscoveredDevices":[{"Source":"cdi","ID":"nvidia.com/gpu=all"}]`), cases: refusesCDI, never: "--device", nvidia: card, fault: "it could not be passed into the container: docker: Error response from daemon: CDI device injection failed"},
		{name: "nothing passes it in", info: info(`"Runtimes":{"runc":{}}`), nvidia: card, never: "--device",
			reason: "there is no GPU in its containers: the host has /dev/nvidia0 /dev/nvidiactl, and docker knows of nothing that passes it in", remedy: "nvidia-ctk runtime configure --runtime=docker"},
		{name: "no card", info: info(`"Runtimes":{"runc":{}}`), never: "--device"},
	} {
		log := onlyThese(t, map[string]string{"docker": tt.info + tt.cases + there + answers(t, cpu)})
		rt := open(t.Context(), "docker", Options{Image: "i", Version: program, Host: result.Host{NVIDIA: tt.nvidia}})
		calls := log("docker")
		last := ""
		for _, c := range calls {
			if strings.HasSuffix(c, "devices --json") {
				last = c
			}
		}
		if rt.Runner == nil || !strings.Contains(last, tt.run) || tt.never != "" && strings.Contains(last, tt.never) {
			t.Errorf("%s: run as %q: %+v", tt.name, last, rt.Report)
		}
		if !strings.HasPrefix(rt.Report.Reason, tt.reason) || (tt.reason == "") != (rt.Report.Reason == "") || !strings.Contains(rt.Report.Remedy, tt.remedy) {
			t.Errorf("%s: %+v", tt.name, rt.Report)
		}
		if (rt.Fault != nil) != (tt.fault != "") || rt.Fault != nil && !strings.Contains(rt.Fault.Unusable, tt.fault) {
			t.Errorf("%s: fault %+v", tt.name, rt.Fault)
		}
	}
	onlyThese(t, map[string]string{"podman": podmanLocal + there + answers(t, cpu)})
	if r := open(t.Context(), "podman", Options{Image: "i", Version: program, Host: result.Host{NVIDIA: card}}).Report; !strings.Contains(r.Remedy, "nvidia-ctk cdi generate") && !describesNVIDIA(cdiDirs) {
		t.Errorf("podman: %+v", r)
	}
}

// The command of a snap or a flatpak sees other files than we do.
func TestLoadsByStandardInput(t *testing.T) {
	archive := filepath.Join(t.TempDir(), "vulkan.tar")
	if err := os.WriteFile(archive, []byte("an image"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, says string
		again      bool // with standard input
		remedy     string
	}{
		{"a snap", "open " + archive + ": no such file or directory", true, ""},
		{"a snap, and a file in a hidden directory", "open " + archive + ": permission denied", true, ""},
		{"in Podman's words", "Error: stat " + archive + ": no such file or directory", true, ""},
		{"a disk that is full", "write /var/lib/docker/x: no space left on device", false, "free space"},
		{"an archive that is none", "invalid tar header", false, "make images"},
	} {
		for _, engine := range []string{"docker", "podman"} {
			marker := filepath.Join(t.TempDir(), "loaded")
			info := map[string]string{"docker": dockerLinux + "\n" + dockerParts, "podman": podman431}[engine]
			log := onlyThese(t, map[string]string{engine: info + "'image inspect '*) [ -e " + marker + " ] || exit 1 ;;\n'load -i '*) echo '" + tt.says + "' >&2; exit 1 ;;\n'load') /bin/cat >" + marker + " ;;\n" + answers(t, cpu)})
			rt := open(t.Context(), engine, Options{Image: "i", Archive: archive, Version: program})
			text, _ := os.ReadFile(marker)
			if (rt.Runner != nil) != tt.again || (string(text) == "an image") != tt.again || slices.Contains(log(engine), "load") != tt.again {
				t.Errorf("%s, %s: loaded %q: %+v", engine, tt.name, text, rt.Report)
			}
			if !tt.again && (!strings.Contains(rt.Report.Reason, tt.says) || !strings.Contains(rt.Report.Remedy, tt.remedy) || tt.remedy != "free space" && strings.Contains(rt.Report.Remedy, "free space")) {
				t.Errorf("%s, %s: %+v", engine, tt.name, rt.Report)
			}
		}
	}
}

// Colima is asked itself: it may have other profiles than the default, and no context.
func TestColima(t *testing.T) {
	const noContext = `'--context colima '*) echo 'Failed to initialize: unable to resolve docker endpoint: context "colima": context not found: open /x/meta.json: no such file or directory' >&2; exit 1 ;;` + "\n"
	const gpuProfile = `'list --json') echo '{"name":"gpu","status":"Running","arch":"aarch64"}' ;;` + "\n"
	const info = `info --format {{json .}}') echo '{"ID":"c","Name":"colima-gpu","ServerVersion":"28.1.0","OperatingSystem":"Ubuntu 24.04","NCPU":4}' ;;` + "\n"
	status := func(name, more string) string {
		return "'status --profile " + name + " --json') echo '{\"driver\":\"krunkit\",\"runtime\":\"docker\"" + more + "}' ;;\n"
	}
	image := "*' image inspect '*) echo '[{}]' ;;\n*' rm '*) ;;\n" + answers(t, cpu, gpu)
	const missing = "'--context '*) echo 'context not found' >&2; exit 1 ;;\n"
	for _, tt := range []struct {
		name, colima, docker string
		env                  string
		socket               bool // of the profile gpu where Colima has it
		status, reason       string
		remedy               string
		run                  string // how the containers are started
	}{
		{name: "another profile", colima: gpuProfile, docker: noContext + "'--context colima-gpu " + info, status: result.StatusOK, run: "--context colima-gpu run"},
		{name: "another profile without a context", colima: gpuProfile + status("gpu", `,"docker_socket":"unix:///Users/u/.colima/gpu/docker.sock"`),
			docker: missing + "'--host unix:///Users/u/.colima/gpu/docker.sock " + info, status: result.StatusOK, run: "--host unix:///Users/u/.colima/gpu/docker.sock run"},
		{name: "another profile without a context, of a version that does not tell the socket", colima: gpuProfile, socket: true,
			docker: missing + "'--host unix://'*'/.colima/gpu/docker.sock " + info, status: result.StatusOK, run: "/.colima/gpu/docker.sock run"},
		{name: "the default one before others", colima: `'list --json') echo '{"name":"gpu","status":"Running"}'; echo '{"name":"default","status":"Running","runtime":"docker"}' ;;` + "\n",
			docker: "'--context colima " + info, status: result.StatusOK, run: "--context colima run"},
		{name: "one that runs before the default one", colima: `'list --json') echo '{"name":"default","status":"Stopped"}'; echo '{"name":"gpu","status":"Running"}' ;;` + "\n",
			docker: noContext + "'--context colima-gpu " + info, status: result.StatusOK, run: "--context colima-gpu run"},
		{name: "Docker before containerd", colima: `'list --json') echo '{"name":"default","status":"Running","runtime":"containerd"}'; echo '{"name":"gpu","status":"Running","runtime":"docker+k3s"}' ;;` + "\n",
			docker: noContext + "'--context colima-gpu " + info, status: result.StatusOK, run: "--context colima-gpu run"},
		{name: "the one that is chosen", env: "gpu", colima: `'list --json') echo '{"name":"default","status":"Running","runtime":"docker"}'; echo '{"name":"gpu","status":"Running","runtime":"docker"}' ;;` + "\n",
			docker: "'--context colima-gpu " + info, status: result.StatusOK, run: "--context colima-gpu run"},
		{name: "containerd", colima: `'list --json') echo '{"name":"gpu","status":"Running","runtime":"containerd"}' ;;` + "\n'nerdctl --profile gpu -- " + info + image, docker: "x) ;;\n", status: result.StatusOK, run: "nerdctl --profile gpu -- run"},
		{name: "Incus", colima: `'list --json') echo '{"name":"gpu","status":"Running","runtime":"incus"}' ;;` + "\n", docker: "x) ;;\n", status: result.StatusFailed, reason: "its profile gpu has the runtime incus", remedy: "colima start other --runtime docker"},
		{name: "none that runs", colima: `'list --json') echo '{"name":"gpu","status":"Stopped"}' ;;` + "\n", docker: noContext, status: result.StatusFailed, reason: "it does not run", remedy: "colima start gpu"},
		{name: "none at all", colima: "'list --json') ;;\n", docker: noContext, status: result.StatusFailed, reason: "it does not run: its daemon does not answer: Failed to initialize", remedy: "colima start --runtime docker"},
		{name: "one whose daemon is dead", colima: gpuProfile, docker: "'--context '*) echo 'Cannot connect to the Docker daemon' >&2; exit 1 ;;\n", status: result.StatusFailed, reason: "its daemon does not answer: Cannot connect", remedy: "colima restart gpu"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			log := onlyThese(t, map[string]string{"colima": tt.colima, "docker": tt.docker + image})
			t.Setenv("COLIMA_PROFILE", tt.env)
			if tt.socket {
				dir := filepath.Join(os.Getenv("HOME"), ".colima", "gpu")
				if err := os.MkdirAll(dir, 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(dir+"/docker.sock", nil, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			rt := open(t.Context(), "colima", Options{Image: "i", Version: program})
			if rt.Report.Status != tt.status || !strings.HasPrefix(rt.Report.Reason, tt.reason) || (tt.reason == "") != (rt.Report.Reason == "") || !strings.Contains(rt.Report.Remedy, tt.remedy) {
				t.Errorf("%+v", rt.Report)
			}
			run := ""
			for _, call := range slices.Concat(log("docker"), log("colima")) {
				if strings.HasSuffix(call, " devices --json") {
					run = call
				}
			}
			if !strings.Contains(run, tt.run) || (tt.run == "") != (run == "") || tt.run != "" && rt.Machine() != "" {
				t.Errorf("run as %q, on %q", run, rt.Machine())
			}
		})
	}
}

func TestLastProgram(t *testing.T) {
	for _, tt := range []struct {
		out, program string
		banner       bool
	}{
		{"docker\n", "docker", false},
		{"\ndocker\n", "docker", false},
		{"Welcome to lima\ndocker\n", "docker", true},
		{"Welcome to lima\r\n\r\n/usr/bin/docker\r\n", "docker", true},
		{"\x1b[1;32mWelcome\x1b[0m\n\x1b]0;lima\x07\x1b[0mnerdctl\x1b[0m\n", "nerdctl", true},
		{"\x1b[?2004h\x1b[0mdocker\n", "docker", false},
		{"use podman or docker here\nnerdctl\nlogout\n", "nerdctl", true},
		{"docker\nis what this machine is for\npodman\n", "podman", true},
		{"Welcome to lima\n", "", true},
		{"dockerd\n", "", true},
		{"", "", false},
	} {
		if program, banner := lastProgram(tt.out); program != tt.program || banner != tt.banner {
			t.Errorf("%q: %q, %v", tt.out, program, banner)
		}
	}
}

// A greeting stands before each answer of a virtual machine's login shell, or before the first
// alone.
func TestLimaGreets(t *testing.T) {
	const info = `echo '{"ServerVersion":"28.1.0","OperatingSystem":"Ubuntu 25.04","NCPU":4}'`
	for _, greeting := range []string{"echo 'Welcome to lima'; echo '[3 updates]'; ", ""} {
		list := strings.Replace(answers(t, cpu, gpu), "*' version') ", "*' version') "+greeting, 1)
		list = strings.Replace(list, "*' devices --json') ", "*' devices --json') "+greeting, 1)
		log := onlyThese(t, map[string]string{"limactl": limaList + "'shell --workdir / gpu sh -c for p in docker nerdctl podman'*) echo 'Welcome to lima'; echo docker ;;\n" +
			"'shell --workdir / gpu docker info '*) " + greeting + info + " ;;\n" + "*' -i '*' worker cpu') " + greeting + workerVariable + "=1 exec " + os.Args[0] + " ;;\n" +
			"*' docker rm '*) ;;\n*' image inspect '*) " + greeting + "echo '[{}]' ;;\n" + list})
		rt := open(t.Context(), "lima", Options{Image: "i", Version: program})
		if rt.Runner == nil || rt.Report.Details["program"] != "docker" || len(rt.Devices) != 2 {
			t.Fatalf("%q: %+v\n%s", greeting, rt.Report, strings.Join(log("limactl"), "\n"))
		}
		out := rt.Runner.Run(t.Context(), worker.Request{Op: worker.OpLaunch, Backend: "cpu", Device: "lima/cpu"}, time.Minute, func(worker.Event) {})
		if out.Status != result.StatusOK {
			t.Errorf("%q: %+v", greeting, out)
		}
	}
	// What is no engine's greeting stays a fault.
	onlyThese(t, map[string]string{"docker": dockerLinux + there + "*' -i '*' worker cpu') echo 'Welcome'; " + workerVariable + "=1 exec " + os.Args[0] + " ;;\n" + answers(t, cpu)})
	rt := open(t.Context(), "docker", Options{Image: "i", Version: program})
	if out := rt.Runner.Run(t.Context(), request(), time.Minute, func(worker.Event) {}); out.Code != worker.CodeProtocol {
		t.Errorf("without a login shell: %+v", out)
	}
}
