// gpubench suite with the real engines of this system.

package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gpubench/internal/result"
)

// quickSuite is quick for a suite: three launches are the fewest that have an interval.
var quickSuite = []string{"suite", "--size", "64", "--launches", "3", "--warmup", "10ms", "--min-time", "10ms", "--precision", "50%", "--quiet"}

// suiteIn runs gpubench suite in an environment.
func suiteIn(t *testing.T, env []string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(gpubench(t), append(quickSuite, args...)...)
	cmd.Env = env
	return cmd
}

func TestSuite(t *testing.T) {
	var usable []string
	for _, name := range []string{"docker", "podman"} {
		if engines().missing[name] == "" {
			usable = append(usable, name)
		}
	}
	if len(usable) == 0 {
		t.Skipf("no engine: %v", engines().missing)
	}
	imageArchive(t, "vulkan") // which the suite finds beside the program
	all := append([]string{"native"}, usable...)
	doc := finish(t, suiteIn(t, engines().env, "--runtime", strings.Join(all, ","), "--backend", "cpu,vulkan", "--json", "-")).document(t, 0)

	var names []string
	for _, r := range doc.Runtimes {
		names = append(names, r.Name)
		if r.Status != result.StatusOK || len(r.FirstLineS) != 3 || len(r.FirstResultS) != 3 || r.FirstResultS[0] < r.FirstLineS[0] || r.GPU {
			t.Errorf("%+v", r)
		}
		if r.Name != "native" && (r.Version == "" || r.Inside.Runtime.Declared != r.Name || !slices.ContainsFunc(r.Vulkan, func(s string) bool { return strings.Contains(s, "llvmpipe") })) {
			t.Errorf("%+v", r)
		}
	}
	if !slices.Equal(names, all) {
		t.Fatalf("runtimes %q, want %q", names, all)
	}
	var spirv, checksum string
	cpu := map[string]result.Measurement{}
	seen := map[string]int{}
	for _, m := range doc.Measurements {
		wantOK(t, m)
		spirv, checksum = m.Kernel.SPIRVSHA256, m.Verification.ExactChecksum
		if strings.Contains(m.Device, "vulkan") {
			seen[m.Runtime]++
		} else {
			cpu[m.Runtime] = m
		}
		for i, l := range m.Launches {
			if l.Round != i {
				t.Errorf("%s %s: launch %d is of round %d", m.Runtime, m.Device, i, l.Round)
			}
		}
	}
	for _, m := range doc.Measurements {
		if m.Kernel.SPIRVSHA256 != spirv || m.Verification.ExactChecksum != checksum {
			t.Errorf("%s %s ran or computed something else", m.Runtime, m.Device)
		}
	}
	for _, name := range all {
		if cpu[name].ID == "" || name != "native" && seen[name] == 0 {
			t.Errorf("%s: cpu %q, %d Vulkan arms", name, cpu[name].ID, seen[name])
		}
	}
	// Each engine's CPU is held against the host's, by rounds.
	for _, name := range usable {
		if !slices.ContainsFunc(doc.Ratios, func(r result.Ratio) bool {
			return r.Fast == cpu[name].ID && r.Slow == cpu["native"].ID && r.CI95 != nil && strings.Contains(r.Method, "rounds' ratios")
		}) {
			t.Errorf("no ratio of %s to native: %+v", name, doc.Ratios)
		}
		wantNoContainers(t, name)
	}
}

// A runtime with fewer processors than the host: the host's CPU is measured with as many
// threads too, and held against.
func TestSuiteEqualises(t *testing.T) {
	if runtime.NumCPU() < 2 {
		t.Skip("needs two processors")
	}
	e := anEngine(t, "cpu")
	doc := finish(t, suiteIn(t, e.set.env, "--runtime", "native,"+e.name, "--run-arg", e.name+"=--cpuset-cpus=0", "--image", "localhost/gpubench:cpu", "--backend", "cpu", "--json", "-")).document(t, 0)
	native, inside := doc.Runtimes[0].Inside.CPU.Usable, doc.Runtimes[1].Inside.CPU.Usable
	if inside != 1 || native < 2 {
		t.Fatalf("%d processors natively and %d in the container", native, inside)
	}
	var one, contained result.Measurement
	for _, m := range doc.Measurements {
		wantOK(t, m)
		switch {
		case m.Runtime == e.name && m.Device == e.name+"/cpu":
			contained = m
		case m.Runtime == "native" && m.Device == "cpu:1":
			one = m
		}
	}
	if !slices.ContainsFunc(doc.Ratios, func(r result.Ratio) bool {
		return r.Fast == contained.ID && r.Slow == one.ID || r.Fast == one.ID && r.Slow == contained.ID
	}) {
		t.Errorf("no ratio of %q to %q: %+v", contained.ID, one.ID, doc.Ratios)
	}
	if !slices.ContainsFunc(doc.Warnings, func(w result.Warning) bool {
		return w.Code == "cores-differ" && strings.Contains(w.Text, "cpu:1, as many as "+e.name+" has")
	}) {
		t.Errorf("warnings %+v", doc.Warnings)
	}
}

// A container that exceeds its memory is a failed arm, and the others are measured.
func TestSuiteOutOfMemory(t *testing.T) {
	litter := func() (found []string) {
		for _, pattern := range []string{"oom", filepath.Join(os.TempDir(), "gpubench-suite-*")} {
			files, _ := filepath.Glob(pattern)
			found = append(found, files...)
		}
		return found
	}
	before := litter()
	e := anEngine(t, "cpu")
	a := finish(t, suiteIn(t, e.set.env, "--runtime", "native,"+e.name, "--run-arg", e.name+"=--memory=30m", "--image", "localhost/gpubench:cpu", "--backend", "cpu", "--size", "1024", "--json", "-"))
	doc := a.document(t, 1)
	if n := doc.Runtimes[1].Inside.MemoryBytes; n > 31<<20 {
		t.Skipf("the engine cannot limit memory here: %d bytes", n)
	}
	for _, m := range doc.Measurements {
		if m.Runtime == "native" || m.Problem.M == 64 {
			wantOK(t, m)
		} else if m.Status != result.StatusFailed || !strings.Contains(m.Reason, "exceeds its memory") || !strings.Contains(m.Reason, "--run-arg") {
			t.Errorf("%s: %s: %s", m.Runtime, m.Status, m.Reason)
		}
	}
	if len(doc.Measurements) != 4 {
		t.Errorf("%d measurements", len(doc.Measurements))
	}
	if !slices.ContainsFunc(doc.Warnings, func(w result.Warning) bool { return w.Code == "memory-differs" }) {
		t.Errorf("warnings %+v", doc.Warnings)
	}
	if after := litter(); !slices.Equal(after, before) {
		t.Errorf("files are left: %q, before %q", after, before)
	}
	wantNoContainers(t, e.name)
}

// A device node that is in the container and of which nothing makes a device is a row, with
// what to do.
func TestSuiteWithADeadGPU(t *testing.T) {
	e := anEngine(t, "cpu")
	dir := t.TempDir()
	node := filepath.Join(dir, "renderD128")
	if err := unix.Mknod(node, unix.S_IFCHR|0o666, int(unix.Mkdev(226, 128))); err != nil {
		if err := os.WriteFile(node, nil, 0o666); err != nil { // as good as one
			t.Fatal(err)
		}
	}
	a := finish(t, suiteIn(t, e.set.env, "--runtime", "native,"+e.name, "--run-arg", e.name+"=--volume="+dir+":/dev/dri", "--image", "localhost/gpubench:cpu", "--backend", "cpu", "--json", "-"))
	doc := a.document(t, 0)
	if len(doc.Measurements) != 3 {
		t.Fatalf("%d measurements", len(doc.Measurements))
	}
	m := doc.Measurements[2]
	if m.Device != e.name+"/gpu" || m.Runtime != e.name || m.Status != result.StatusUnsupported || !strings.Contains(m.Reason, "no driver in the image makes a device of it") || !strings.Contains(m.Reason, "ls -l /dev/dri") {
		t.Errorf("%s %s: %s: %s", m.Runtime, m.Device, m.Status, m.Reason)
	}
	if in := doc.Runtimes[1].Inside.DRI; !slices.Equal(in, []string{"/dev/dri/renderD128"}) || doc.Runtimes[1].GPU {
		t.Errorf("%q inside, GPU %v", in, doc.Runtimes[1].GPU)
	}
}

// What was named and is in some of the runtimes only is measured there, and its absence
// elsewhere is said; no row fails for it.
func TestSuiteWhereSomethingIsMissing(t *testing.T) {
	e := anEngine(t, "cpu") // which has no BLAS and no Vulkan
	for _, flags := range [][]string{{"--device", "cpu,vulkan:0"}, {"--backend", "cpu,vulkan"}} {
		doc := finish(t, suiteIn(t, onSoftware(t, e.set.env...), append(flags, "--runtime", "native,"+e.name, "--image", "localhost/gpubench:cpu", "--json", "-")...)).document(t, 0)
		var arms []string
		for _, m := range doc.Measurements {
			wantOK(t, m)
			arms = append(arms, m.Runtime+" "+m.Device)
		}
		if want := []string{"native cpu", "native vulkan:0", e.name + " cpu"}; !slices.Equal(arms, want) {
			t.Errorf("%v: measured %q, want %q", flags, arms, want)
		}
		if !slices.ContainsFunc(doc.Absent, func(a result.Absent) bool {
			return strings.HasPrefix(a.Backend, e.name+"/vulkan") && strings.Contains(a.Reason, "no dynamic loader")
		}) {
			t.Errorf("%v: absent %+v", flags, doc.Absent)
		}
	}
}

// Lima's command starts containers of a real engine, as it does in a virtual machine.
func TestSuiteInLima(t *testing.T) {
	e := anEngine(t, "cpu")
	dir := t.TempDir()
	script := "#!/bin/sh\ncase \"$*\" in\n'list --json') echo '{\"name\":\"gpu\",\"status\":\"Running\",\"vmType\":\"krunkit\"}' ;;\n" +
		"'shell --workdir / gpu sh '*) echo " + e.name + " ;;\n'shell --workdir / gpu '*) shift 4; exec \"$@\" ;;\n*) exit 1 ;;\nesac\n"
	if err := os.WriteFile(filepath.Join(dir, "limactl"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	doc := finish(t, suiteIn(t, append(e.set.env, "PATH="+dir+":"+e.set.dir+":"+os.Getenv("PATH")+":/usr/sbin:/sbin"), "--runtime", "native,lima", "--image", "localhost/gpubench:cpu", "--backend", "cpu", "--json", "-")).document(t, 0)
	if len(doc.Measurements) != 2 || doc.Measurements[1].Runtime != "lima" || doc.Runtimes[1].Details["instance"] != "gpu" || doc.Runtimes[1].Inside.Runtime.Name != "lima" {
		t.Fatalf("%+v", doc.Runtimes)
	}
	for _, m := range doc.Measurements {
		wantOK(t, m)
	}
	wantNoContainers(t, e.name)
}

// A container whose Vulkan driver is Venus, as in a virtual machine on a Mac: it is measured
// and named, and called software, for behind it is llvmpipe.
func TestSuiteThroughVenus(t *testing.T) {
	e := anEngine(t, "venushost")
	args := []string{"--runtime", "native," + e.name, "--image", "localhost/gpubench:venushost", "--backend", "cpu,vulkan", "--json", "-"}
	for _, flag := range venusFlags(e.venusServer(t), icd+"virtio_icd.json") {
		args = append(args, "--run-arg", e.name+"="+flag)
	}
	doc := finish(t, suiteIn(t, e.set.env, args...)).document(t, 0)
	venus := wantVenus(t, doc.Devices)
	r := doc.Runtimes[1]
	if r.Name != e.name || r.GPU || len(r.Vulkan) != 1 || !strings.HasPrefix(r.Vulkan[0], "Virtio-GPU Venus (llvmpipe") {
		t.Errorf("%+v", r)
	}
	var cpu, vulkan result.Measurement
	for _, m := range doc.Measurements {
		switch {
		case m.Runtime == e.name && m.Device == venus:
			vulkan = m
		case m.Runtime == "native" && m.Device == "cpu":
			cpu = m
		}
	}
	wantOK(t, cpu)
	wantOK(t, vulkan)
	wantSame(t, cpu, vulkan)
	if !slices.Contains(codes(vulkan.Warnings), "software-device") {
		t.Errorf("warnings %q", codes(vulkan.Warnings))
	}
	wantNoContainers(t, e.name, "gpubench-venus")
}

// anEngine is one that runs here, with images loaded.
func anEngine(t *testing.T, images ...string) engine {
	t.Helper()
	if engines().missing["podman"] == "" {
		return engineWith(t, "podman", images...)
	}
	return engineWith(t, "docker", images...)
}

// wantNoContainers checks that nothing of the suite is left in an engine. Others may be.
func wantNoContainers(t *testing.T, name string, others ...string) {
	t.Helper()
	a := finish(t, engines().command(name, "ps", "--all", "--format", "{{.Names}}"))
	left := slices.DeleteFunc(strings.Fields(a.stdout), func(s string) bool { return slices.Contains(others, s) })
	if a.code != 0 || strings.Contains(strings.Join(left, " "), "gpubench") {
		t.Errorf("%s: containers are left: %s%s", name, a.stdout, a.stderr)
	}
}

// Ctrl-C in the middle of a container's launch: the document is there, the containers
// are not.
func TestSuiteInterrupted(t *testing.T) {
	for _, name := range []string{"podman", "docker"} {
		t.Run(name, func(t *testing.T) {
			e := engineWith(t, name, "cpu")
			file := filepath.Join(t.TempDir(), "out.json")
			cmd := suiteIn(t, e.set.env, "--runtime", "native,"+name, "--image", "localhost/gpubench:cpu", "--backend", "cpu", "--launches", "1000", "--json", file)
			var stderr strings.Builder
			cmd.Stderr = &stderr
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			measured := func() bool { // a launch of each has ended
				text, _ := os.ReadFile(file)
				var doc result.Document
				return json.Unmarshal(text, &doc) == nil && len(doc.Measurements) == 2 && len(doc.Measurements[0].Launches) > 0 && len(doc.Measurements[1].Launches) > 0
			}
			for i := 0; !measured(); i++ {
				if i == 1200 {
					cmd.Process.Kill()
					cmd.Wait()
					t.Fatalf("no launch in two minutes: %s", stderr.String())
				}
				time.Sleep(100 * time.Millisecond)
			}
			syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) // as a terminal does
			cmd.Wait()
			if cmd.ProcessState.ExitCode() != 130 || !measured() {
				t.Errorf("exit code %d, measured %v\n%s", cmd.ProcessState.ExitCode(), measured(), stderr.String())
			}
			wantNoContainers(t, name)
		})
	}
}

func TestSuiteWithoutEngines(t *testing.T) {
	empty := []string{"PATH=" + t.TempDir()}
	a := finish(t, suiteIn(t, empty, "--backend", "cpu"))
	if a.code != 0 || !strings.Contains(a.stdout, "native") {
		t.Errorf("exit code %d\n%s%s", a.code, a.stdout, a.stderr)
	}
	for _, want := range []string{"apt-get install docker.io", "apt-get install podman", "the command container is not there", "podman-vulkan: "} {
		if !strings.Contains(a.stdout, want) {
			t.Errorf("%q is missing:\n%s", want, a.stdout)
		}
	}
	// Who asks for one that is not there is told by the exit code.
	a = finish(t, suiteIn(t, empty, "--backend", "cpu", "--runtime", "native,docker", "--json", "-"))
	doc := a.document(t, 1)
	if !strings.Contains(a.stderr, "1 of 2 measurements failed: cpu 64x64x64: docker cannot be used: the command docker is not there; install it") {
		t.Errorf("stderr: %s", a.stderr)
	}
	if m := doc.Measurements[1]; m.Runtime != "docker" || m.Status != result.StatusFailed || m.Code != "runtime" {
		t.Errorf("%s: %s %s: %s", m.Runtime, m.Status, m.Code, m.Reason)
	}
	// So is who has one that does not work, whether it was asked for or not.
	broken := t.TempDir()
	if err := os.WriteFile(filepath.Join(broken, "podman"), []byte("#!/bin/sh\necho 'Error: unable to connect to Podman socket' >&2\nexit 125\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	a = finish(t, suiteIn(t, []string{"PATH=" + broken}, "--backend", "cpu"))
	if a.code != 1 || !strings.Contains(a.stdout, "podman/cpu  cpu") || !strings.Contains(a.stdout, "failed: podman cannot be used: it does not answer: Error: unable") {
		t.Errorf("exit code %d\n%s%s", a.code, a.stdout, a.stderr)
	}
	// A device that is in none of the runtimes is no measurement, one that is in some is.
	a = finish(t, suiteIn(t, empty, "--device", "cpu,cpu:avx2,metal:0"))
	if a.code != 4 || !strings.Contains(a.stderr, "metal") {
		t.Errorf("exit code %d\n%s", a.code, a.stderr)
	}
	a = finish(t, suiteIn(t, empty, "--runtime", "docker"))
	if a.code != 4 || !strings.Contains(a.stderr, "there is no runtime to measure in: docker") {
		t.Errorf("exit code %d\n%s", a.code, a.stderr)
	}
}
