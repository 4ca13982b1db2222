// The engines, by their command lines.

package suite

import (
	"bytes"
	"cmp"
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

	"gpubench/internal/measure"
	"gpubench/internal/result"
	"gpubench/internal/steering"
)

const archOfHost = runtime.GOARCH

// The command lines there are. That of nerdctl is docker's.
const (
	likeDocker = "docker"
	likePodman = "podman"
	likeApple  = "container"
)

// engine is a command that starts containers.
type engine struct {
	name     string   // of the runtime
	program  string   // to be found on PATH
	global   []string // arguments before any of its commands
	commands string   // whose command line it has
	install  string   // how to get it
	// look finds out whether it can be used.
	look         func(ctx context.Context, e *engine) state
	stdin        bool // images are loaded from standard input: it sees other files than the host
	banner       bool // a login shell prints something before each answer
	memoryRemedy string

	asked string // the name that it was looked for by, where it is another one
	path  string // of the program, once it is found
}

// state is what an engine says of itself.
type state struct {
	version     string
	id          string // of a daemon, empty where there is none
	details     map[string]string
	cpus        int    // of the host or the virtual machine, 0 where a container gets as many as it asks for
	memoryBytes uint64 // the same
	reason      string // why it cannot be used, empty when it can
	remedy      string
	remote      bool       // containers run in a virtual machine or elsewhere: the host's devices are not theirs
	away        string     // the machine that the engine is on, where its endpoint names another one
	hostname    string     // of the machine that the engine is on, as it says
	kernel      string     // of that
	answers     string     // the engine that answers, where it is not the one that the command is named after
	standIn     bool       // the command itself is that engine's, by another name
	gpu         string     // how to have a GPU in its containers, where they have none
	gpus        [][]string // arguments by which the engine passes in GPUs that it knows of, the best first
}

// Limits of the wall time of an engine's answers.
const (
	askLimit  = 30 * time.Second
	loadLimit = 10 * time.Minute
)

// runLimit is that of a container which looks around; tests replace it.
var runLimit = 2 * time.Minute

const gpuByPodman = "on a Mac, Podman with libkrun gives containers a GPU: CONTAINERS_MACHINE_PROVIDER=libkrun podman machine init --cpus 8 --memory 8192 gpu && podman machine start gpu"

func newEngine(name string) *engine {
	e := &engine{name: name, program: name, commands: likeDocker, look: lookDocker}
	switch name {
	case "docker":
		e.memoryRemedy = " to the engine's virtual machine in its settings"
		e.install = onSystem("install Docker Desktop or `brew install colima docker`", "install it: apt-get install docker.io, or https://docs.docker.com/engine/install/")
	case "podman":
		e.commands, e.look = likePodman, lookPodman
		e.memoryRemedy = ": podman machine stop; podman machine set --memory 8192; podman machine start"
		e.install = onSystem("brew install podman; then CONTAINERS_MACHINE_PROVIDER=libkrun podman machine init --cpus 8 --memory 8192; podman machine start", "install it: apt-get install podman")
	case "apple-container":
		e.program, e.commands, e.look = "container", likeApple, lookApple
		e.memoryRemedy = " with --run-arg apple-container=-m=16G"
		e.install = onSystem("install it from https://github.com/apple/container/releases; then container system start --enable-kernel-install", "")
	case "colima":
		e.program, e.look = "docker", lookColima
		e.memoryRemedy = ": colima stop; colima start --memory 8"
		e.install = onSystem("brew install colima docker; then colima start --runtime docker --vm-type krunkit", "")
	case "lima":
		e.program, e.look, e.stdin = "limactl", lookLima, true
		e.memoryRemedy = ": limactl stop; limactl edit --memory 8; limactl start"
		e.install = onSystem("brew install lima; then limactl start --vm-type=krunkit template:docker", "")
	}
	return e
}

func onSystem(darwin, linux string) string {
	if runtime.GOOS == "darwin" {
		return darwin
	}
	return linux
}

// Find looks for an engine and asks what it is. It returns a runtime in any case, whose
// report says why it cannot be used; nothing has run in it yet.
func Find(ctx context.Context, name string) *Runtime {
	rt := &Runtime{Report: result.RuntimeReport{Name: name, Status: result.StatusUnsupported, Details: map[string]string{}}}
	e := newEngine(name)
	s := state{}
	s.reason, s.remedy = e.absent()
	if there := s.reason == ""; there {
		e.path, _ = exec.LookPath(e.program)
		s = e.look(ctx, e)
		rt.Report.Status = result.StatusFailed
	}
	if s.reason != "" && name == "podman" {
		if by, found := podmanByDocker(ctx); found.answers == "podman" {
			e, s = by, found
			rt.Warnings = append(rt.Warnings, result.Warning{Code: "podman-by-docker", Text: "docker's command is answered by Podman " + s.version + " and podman's own is of no use here: Podman is measured through docker's command, under its own name"})
		}
	}
	rt.Report.Version, rt.Report.Details = s.version, s.details
	if s.details == nil {
		rt.Report.Details = map[string]string{}
	}
	if s.reason != "" {
		rt.Report.Reason, rt.Report.Remedy = s.reason, s.remedy
		return rt
	}
	if reason, remedy := e.another(s); reason != "" {
		rt.Report.Status, rt.Report.Reason, rt.Report.Remedy = result.StatusSkipped, reason, remedy
		return rt
	}
	if name == "docker" && s.answers == "nerdctl" { // a name that speaks for itself
		e.asked, e.name, rt.Report.Name = name, s.answers, s.answers
	}
	if !s.remote && e.commands != likeApple { // nothing but a limit on the container itself
		e.memoryRemedy = ": look for a limit in --run-arg and in the engine's configuration"
	}
	rt.Report.Status = result.StatusOK
	rt.engine, rt.state = e, s
	return rt
}

// another says that a command is answered by an engine which is a runtime of its own, where it
// is. An engine is known by what answers: its figures never stand beside the name of another
// one's command.
func (e *engine) another(s state) (reason, remedy string) {
	switch {
	case e.name == "docker" && s.standIn:
		return strings.TrimSpace("docker is Podman's stand-in here (the package podman-docker, or a link): what answers is Podman "+s.version) + ", the runtime podman",
			"--runtime podman measures it; for Docker itself remove podman-docker and " + e.install
	case e.name == "docker" && s.answers == "podman":
		return "docker's command is answered by Podman " + s.version + " and not by Docker: that is the runtime podman",
			"--runtime podman measures it; to reach Docker itself unset DOCKER_HOST and `docker context use default`" + onSystem(", or sudo podman-mac-helper uninstall", "")
	case e.name == "podman" && s.answers == "docker":
		return "podman's command is answered by Docker " + s.version + " and not by Podman: that is the runtime docker", "--runtime docker measures it; for Podman itself " + e.install
	}
	return "", ""
}

// podmanByDocker looks for Podman behind docker's command, where its own cannot be used; what
// answers is in the state.
func podmanByDocker(ctx context.Context) (*engine, state) {
	e := newEngine("podman")
	e.program, e.commands = "docker", likeDocker
	var err error
	if e.path, err = exec.LookPath(e.program); err != nil {
		return e, state{}
	}
	s := lookDocker(ctx, e)
	if s.standIn {
		e.commands = likePodman
		if s = lookPodman(ctx, e); s.reason == "" {
			s.answers = "podman"
		}
	}
	if s.answers == "podman" {
		s.keep("command", e.program)
	}
	return e, s
}

// absent says why there is no such engine here at all.
func (e *engine) absent() (reason, remedy string) {
	programs := []string{e.program}
	if e.name == "colima" { // which docker's command alone could not start
		programs = []string{e.name, e.program}
	}
	for _, p := range programs {
		if _, err := exec.LookPath(p); err == nil {
			continue
		}
		if e.install == "" {
			return "the command " + p + " is not there; it exists on macOS", ""
		}
		return "the command " + p + " is not there", e.install
	}
	return "", ""
}

// fail gives the runtime the reason why it cannot be used although it is there.
func (r *Runtime) fail(reason, remedy string) {
	r.Report.Status, r.Report.Reason, r.Report.Remedy = result.StatusFailed, reason, remedy
}

// Open loads the image into the engine that was found, and looks at what the program sees
// in a container. Where that fails, the report says why.
func (r *Runtime) Open(ctx context.Context, o Options) {
	e := r.engine
	r.Report.Image = o.Image
	if reason, remedy := e.prepare(ctx, o, &r.Report); reason != "" {
		r.fail(reason, remedy)
		return
	}
	args, seen, refused, err := r.try(ctx, o)
	if err != nil {
		r.fail(fmt.Sprintf("the image does not run: %v", err), "")
		return
	}
	r.Report.Inside, r.Report.Vulkan = seen.Host, vulkanNames(seen.Devices)
	r.Devices, r.Absent, r.Failed = seen.Devices, seen.Absent, seen.Failed
	if r.Report.Details["build"] == "debug" {
		r.Warnings = append(r.Warnings, result.Warning{Code: "debug-build", Text: fmt.Sprintf(
			"%s %s is a debug build, in which containers start more slowly than in a release: install a release before quoting how long they take", e.name, r.Report.Version)})
	}
	if refused.limits != nil {
		r.Warnings = append(r.Warnings, result.Warning{Code: "limits-refused", Text: fmt.Sprintf(
			"%s does not start a container with the limits that make its processors and memory those of the other runtimes (%v): its containers have %d processors and all of its memory; give its virtual machine as much as the others have",
			e.name, refused.limits, seen.Host.CPU.Usable)})
	}
	if !slices.ContainsFunc(seen.Devices, result.Device.GPU) {
		reason, remedy := e.unpassed(r.state, o.Host)
		if r.state.gpu != "" {
			reason, remedy = "there is no GPU in its containers", r.state.gpu
			if refused.devices != nil {
				reason += ": " + refused.devices.Error()
			}
		}
		r.lacks(reason, remedy)
		r.Fault = r.fault(seen, refused.devices, o)
	}
	r.whereabouts(o.Host, seen.Host)
	r.times = &times{}
	r.Runner = &container{engine: e, args: args, image: o.Image, times: r.times}
}

// lacks adds what is missing in a runtime that can be used.
func (r *Runtime) lacks(reason, remedy string) {
	join := func(a, b string) string {
		return strings.Join(slices.DeleteFunc([]string{a, b}, func(s string) bool { return s == "" }), "; ")
	}
	r.Report.Reason, r.Report.Remedy = join(r.Report.Reason, reason), join(r.Report.Remedy, remedy)
}

// whereabouts says so where the containers are not on the host: what is measured in them is
// another machine, and no runtime of this one.
func (r *Runtime) whereabouts(host, in result.Host) {
	machine, evidence := elsewhere(host, in, r.state)
	if machine == "" {
		return
	}
	r.machine = machine
	remedy := "run gpubench there, or choose an engine of this machine"
	switch r.engine.commands {
	case likeDocker:
		remedy += " (unset DOCKER_HOST, docker context use default)"
	case likePodman:
		remedy += " (unset CONTAINER_HOST, podman system connection default)"
	}
	r.lacks("its containers are on another machine, "+machine+", and in no ratio with the other runtimes: "+evidence, remedy)
	r.Warnings = append(r.Warnings, result.Warning{Code: "another-machine", Text: fmt.Sprintf(
		"the containers of %s are on another machine, %s: %s; nothing of it is compared with the other runtimes; %s", r.Report.Name, machine, evidence, remedy)})
}

// unpassed is the reason, and what to do, where the host has a card of NVIDIA and nothing
// that the engine knows of passes it in.
func (e *engine) unpassed(s state, host result.Host) (reason, remedy string) {
	if s.remote || len(s.gpus) > 0 || len(host.NVIDIA) == 0 || e.commands == likeApple {
		return "", ""
	}
	reason = fmt.Sprintf("there is no GPU in its containers: the host has %s, and %s knows of nothing that passes it in", strings.Join(host.NVIDIA, " "), e.name)
	const toolkit = "for a card of NVIDIA install nvidia-container-toolkit, then "
	if e.name == "docker" {
		return reason + " (no runtime nvidia, no device of CDI)", toolkit + "sudo nvidia-ctk runtime configure --runtime=docker && sudo systemctl restart docker"
	}
	return reason + " (no description by CDI in " + strings.Join(cdiDirs, " or ") + ")", toolkit + "sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml"
}

// refusals are the errors of the starts with what was left out in the end.
type refusals struct{ limits, devices error }

// try starts containers with all that is wanted, and where the engine refuses, which it
// does for the whole container, with less.
func (r *Runtime) try(ctx context.Context, o Options) (args []string, seen *inside, refused refusals, err error) {
	e := r.engine
	limits := [][]string{{}}
	if l := e.limitArgs(r.state, o.Limits, allowedCPUs()); len(l) > 0 && r.state.away == "" {
		limits = [][]string{l, {}}
	}
	for _, limit := range limits {
		refused.devices = nil
		for _, device := range e.deviceArgs(r.state, o) {
			args = slices.Concat(e.baseArgs(), limit, o.RunArgs[cmp.Or(e.asked, e.name)], device)
			if seen, err = e.inside(ctx, args, o); err == nil {
				return args, seen, refused, nil
			}
			if errors.Is(err, errSilent) || ctx.Err() != nil { // the next one would take as long
				return nil, nil, refused, err
			}
			if len(device) > 0 && refused.devices == nil {
				refused.devices = err
			}
		}
		refused.limits = err
	}
	return nil, nil, refused, err
}

// fault is a GPU that is there and of which a container makes nothing, nil where there is
// none.
func (r *Runtime) fault(seen *inside, refused error, o Options) *result.Device {
	if slices.ContainsFunc(seen.Failed, func(u measure.Unlisted) bool { return u.Backend == "vulkan" }) {
		return nil // which is a row already
	}
	d := &result.Device{ID: r.Report.Name + "/gpu", Backend: "vulkan", Class: result.ClassOther}
	switch nodes := slices.Concat(seen.Host.DRI, seen.Host.NVIDIA); {
	case len(nodes) > 0:
		d.Name = strings.Join(nodes, " ")
		d.Unusable = "it is there in the container, and no driver in the image makes a device of it"
		for _, a := range seen.Absent {
			if a.Backend == d.Backend {
				d.Unusable += " (" + a.Reason + ")"
			}
		}
		if r.Report.Remedy == "" {
			d.Unusable += "; look whether it works outside (gpubench devices), who may open it (ls -l /dev/dri), and whether the image has a driver for it"
		}
	case refused != nil && (len(o.DRI) > 0 || len(r.state.gpus) > 0 || !strings.Contains(strings.ToLower(refused.Error()), "no such file")):
		d.Name = cmp.Or(strings.Join(o.DRI, " "), "GPU")
		d.Unusable = "it could not be passed into the container: " + refused.Error()
	default:
		return nil
	}
	if r.Report.Remedy != "" {
		d.Unusable += "; " + r.Report.Remedy
	}
	return d
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
	start := time.Now()
	if err := e.load(ctx, o.Archive); err != nil {
		remedy := "make images anew, and look into it with podman or tar"
		if strings.Contains(err.Error(), "no space") {
			remedy = "look for free space in the engine's store"
		}
		return fmt.Sprintf("the image could not be loaded from %s: %v", o.Archive, err), remedy
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

// load loads an archive of an image. Where the engine's command cannot read the file that we
// can (that of a snap or flatpak, or in a virtual machine, sees other files), it gets it by
// standard input.
func (e *engine) load(ctx context.Context, archive string) error {
	command := []string{"load"}
	if e.commands == likeApple {
		command = []string{"image", "load"}
	}
	if !e.stdin {
		_, err := e.ask(ctx, loadLimit, append(slices.Clip(command), "-i", archive)...)
		if err == nil || !unreadable(err, archive) {
			return err
		}
	}
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = e.finish(ctx, loadLimit, func(ctx context.Context) *exec.Cmd {
		c := e.command(ctx, command...)
		c.Stdin = f
		return c
	})
	return err
}

// unreadable reports whether an engine says that it cannot read a file that is readable here.
func unreadable(said error, file string) bool {
	text := strings.ToLower(said.Error())
	blames := slices.ContainsFunc([]string{"no such file", "not found", "permission denied", "not permitted", "does not exist", "cannot open", "could not open", strings.ToLower(filepath.Base(file))},
		func(words string) bool { return strings.Contains(text, words) })
	f, err := os.Open(file)
	if err == nil {
		f.Close()
	}
	return blames && err == nil && !strings.Contains(text, "no space")
}

// sameBuild asks the program in the image for its version.
func (e *engine) sameBuild(ctx context.Context, o Options) (bool, error) {
	out, err := e.once(ctx, append(e.baseArgs(), o.Image, "version")...)
	return strings.HasPrefix(out, o.Version) || e.banner && strings.Contains(out, "\n"+o.Version), err
}

// inside is what `gpubench devices --json` prints.
type inside struct {
	measure.Listing
	Host result.Host `json:"host"`
}

// inside asks the program in a container for the devices. Where it could not list those of
// a backend it says so, lists the others, and exits with 1.
func (e *engine) inside(ctx context.Context, args []string, o Options) (*inside, error) {
	args, limit := append(slices.Clip(args), o.Image, "devices", "--json"), runLimit
	if o.ListLimit > 0 {
		args, limit = append(args, "--timeout", o.ListLimit.String()), max(limit, hanging*o.ListLimit)
	}
	out, err := e.within(ctx, limit, args...)
	var in inside
	bad := json.Unmarshal([]byte(e.document(out)), &in)
	switch {
	case err != nil && (bad != nil || len(in.Failed) == 0):
		return nil, err
	case bad != nil:
		return nil, fmt.Errorf("the program in the image answers something that is no list of devices: %w", bad)
	}
	return &in, nil
}

// hanging is how many backends may hang in a container until it is taken for silent.
const hanging = 3

// once runs one container to its end and removes it.
func (e *engine) once(ctx context.Context, args ...string) (string, error) {
	return e.within(ctx, runLimit, args...)
}

// within is once with another limit.
func (e *engine) within(ctx context.Context, limit time.Duration, args ...string) (string, error) {
	name := fmt.Sprintf("gpubench-%d-%d", os.Getpid(), time.Now().UnixNano())
	dir, remove := litterbox()
	defer remove()
	defer e.remove(name)
	return e.finish(ctx, limit, func(ctx context.Context) *exec.Cmd {
		cmd := e.command(ctx, runArgs(name, args...)...)
		cmd.Dir = dir
		return cmd
	})
}

// litterbox is a directory to start a container in: where memory runs out, Podman's conmon
// leaves a file in the one that it is started in.
func litterbox() (dir string, remove func()) {
	dir, err := os.MkdirTemp("", "gpubench-suite-")
	if err != nil { // then where we are
		return "", func() {}
	}
	return dir, func() { os.RemoveAll(dir) }
}

// runArgs are the arguments of a container's start.
func runArgs(name string, args ...string) []string {
	return append([]string{"run", "--rm", "--name", name}, args...)
}

// remove ends a container that may still be there. Whoever has interrupted the run has
// not interrupted this.
func (e *engine) remove(name string) {
	args := []string{"rm", "--force", name}
	if e.commands == likeApple {
		args = []string{"delete", "--force", name}
	}
	e.ask(context.Background(), removeLimit, args...) // mostly there is none: --rm was faster
}

// baseArgs are those of every container: nothing is passed in that is not needed. What
// chooses the code that runs on the processor outside is needed, or the sides would not
// run the same.
func (e *engine) baseArgs() []string {
	declared := []string{"-e", "GPUBENCH_RUNTIME=" + e.declared()}
	for _, v := range steering.Carried(os.Environ()) {
		declared = append(declared, "-e", v)
	}
	if e.commands == likeApple {
		return declared
	}
	return append(declared, "--network", "none", "--read-only", "--cap-drop", "all", "--security-opt", "no-new-privileges")
}

// declared is the runtime as the program inside knows it.
func (e *engine) declared() string {
	switch {
	case e.name == "colima" && e.program == "colima":
		return "nerdctl"
	case e.name == "colima":
		return "docker"
	}
	return e.name
}

// limitArgs hold a container to the limits, where it would have more otherwise. On the
// host itself it gets the processors that are allowed to this process, by their list.
func (e *engine) limitArgs(s state, l Limits, allowed string) (args []string) {
	if e.commands == likeApple { // whose containers get little unless they ask
		return []string{"-c", strconv.Itoa(max(1, l.CPUs)), "-m", strconv.FormatUint(max(1<<30, l.MemoryBytes)>>20, 10) + "M"}
	}
	if s.cpus > l.CPUs && l.CPUs > 0 {
		set := fmt.Sprintf("0-%d", l.CPUs-1)
		if !s.remote && countCPUs(allowed) == l.CPUs {
			set = allowed
		}
		args = append(args, "--cpuset-cpus", set)
	}
	// What the kernel keeps for itself makes virtual machines of one size differ.
	if l.MemoryBytes > 0 && float64(s.memoryBytes) > 1.05*float64(l.MemoryBytes) {
		args = append(args, "--memory", strconv.FormatUint(l.MemoryBytes, 10))
	}
	return args
}

// allowedCPUs is the list of the processors that Linux lets this process use, as in
// 0-3,8, and empty elsewhere.
func allowedCPUs() string {
	text, _ := os.ReadFile("/proc/self/status")
	_, list, _ := strings.Cut(string(text), "\nCpus_allowed_list:")
	list, _, _ = strings.Cut(list, "\n")
	return strings.TrimSpace(list)
}

// countCPUs is the length of such a list, 0 where it is none.
func countCPUs(list string) (n int) {
	for part := range strings.SplitSeq(list, ",") {
		first, last, isRange := strings.Cut(part, "-")
		from, err := strconv.Atoi(first)
		to := from
		if err == nil && isRange {
			to, err = strconv.Atoi(last)
		}
		if err != nil || to < from {
			return 0
		}
		n += to - from + 1
	}
	return n
}

// deviceArgs are the ways to pass GPUs in, the best first and none last.
func (e *engine) deviceArgs(s state, o Options) (ways [][]string) {
	if e.commands == likeApple { // it has no such thing
		return [][]string{{}}
	}
	var dri []string
	switch {
	case s.remote:
		dri = []string{"--device", "/dev/dri"}
		if e.name == "podman" || e.commands == likePodman {
			dri = append(dri, "--security-opt", "label=disable")
		}
	case len(o.DRI) > 0:
		dri = []string{"--device", "/dev/dri"}
		if e.commands == likePodman && os.Geteuid() != 0 {
			dri = append(dri, "--group-add", "keep-groups")
		} else {
			for _, g := range groups(o.DRI) {
				dri = append(dri, "--group-add", g)
			}
		}
	}
	var all [][]string
	for _, known := range s.gpus {
		all = append(all, slices.Concat(known, dri), known)
	}
	for _, way := range append(all, dri, []string{}) {
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

// document is the JSON in an answer, without what a login shell prints before it.
func (e *engine) document(out string) string {
	if !e.banner {
		return out
	}
	for at := 0; at < len(out); {
		if rest := out[at:]; (rest[0] == '{' || rest[0] == '[') && json.Valid([]byte(rest)) {
			return rest
		}
		next := strings.IndexByte(out[at:], '\n')
		if next < 0 {
			break
		}
		at += next + 1
	}
	return out
}

// errSilent is an engine that does not answer in time.
var errSilent = errors.New("did not answer")

// command is a command of the engine.
func (e *engine) command(ctx context.Context, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, e.path, append(slices.Clip(e.global), args...)...)
}

// ask runs a command of the engine and returns what it prints. The error is in the
// engine's own words where it has any.
func (e *engine) ask(ctx context.Context, limit time.Duration, args ...string) (string, error) {
	return e.finish(ctx, limit, func(ctx context.Context) *exec.Cmd { return e.command(ctx, args...) })
}

func (e *engine) finish(ctx context.Context, limit time.Duration, command func(context.Context) *exec.Cmd) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	cmd := command(ctx)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a Ctrl-C is ours to pass on
	cmd.WaitDelay = 5 * time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if err == nil {
		return stdout.String(), nil
	}
	what := e.program + " " + cmd.Args[1+len(e.global)]
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return stdout.String(), fmt.Errorf("%s: it %w within %v", what, errSilent, limit)
	}
	if said := lastLine(strings.Split(stderr.String(), "\n")); said != "" {
		return stdout.String(), errors.New(said)
	}
	return stdout.String(), fmt.Errorf("%s: %w", what, err)
}
