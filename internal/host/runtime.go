// Where the program runs.

package host

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"gpubench/internal/result"
)

const (
	// native is where there is no sign of a runtime.
	native = "native"
	// unknownMake is a container that nothing says the make of.
	unknownMake = "container"
)

// sign is one way to tell where we are.
type sign struct {
	name string // runtime that it stands for
	// kin is a runtime that may as well be declared where the sign is seen.
	kin string
	// machine marks a virtual machine: the program may run natively in it, or in a
	// container in it.
	machine bool
	find    func(p place) string // the evidence, empty when it is not there
}

// signs are in the order in which they decide; a container goes before the machine that it
// is in. What is specific stands before what it contains: Docker Desktop and OrbStack also
// leave /.dockerenv, CRI-O under Kubernetes also leaves /run/.containerenv. What an engine
// does stands before what an image may say: many images set container=docker or
// container=oci for systemd, whatever starts them.
var signs = []sign{
	{name: "kubernetes", find: env("KUBERNETES_SERVICE_HOST")},
	{name: "kubernetes", find: mounted("/kubelet/pods/")},
	{name: "apple-container", find: kernelArgument("init=/sbin/vminitd")},
	{name: "docker-desktop", kin: "docker", find: kernel("-linuxkit")},
	{name: "orbstack", kin: "docker", find: kernel("-orbstack-")},
	{name: "podman", find: file("run/.containerenv")},
	{name: "podman", find: manager("podman")},
	{name: "proxmox", kin: "lxc", find: both(kernel("-pve"), anyOf(manager("lxc"), lxcfs))},
	{name: "lxc", kin: "incus", find: anyOf(manager("lxc"), lxcfs)},
	{name: "systemd-nspawn", find: manager("systemd-nspawn")},
	{name: "apptainer", kin: "singularity", find: anyOf(file(".singularity.d"), env("APPTAINER_CONTAINER"), env("SINGULARITY_CONTAINER"))},
	// Podman hides its file under --read-only before 4.6, whose tmpfs covers /run.
	{name: "podman", find: mounted("/containers/storage/", "/overlay-containers/")},
	{name: "docker", find: mounted("/docker/overlay2/", "/docker/containers/", "/docker/containerd/", "/docker/fuse-overlayfs/", "/docker/buildkit/", "/var-lib-docker/")},
	{name: "docker", find: file(".dockerenv")},
	{name: "containerd", kin: "nerdctl", find: mounted("/io.containerd.snapshotter.", "/var/lib/containerd/", "/nerdctl/")},
	{name: unknownMake, find: otherManager},
	{name: unknownMake, find: ownProcesses},
	{name: "wsl", machine: true, find: kernel("microsoft", "wsl")},
	{name: "libkrun-vm", machine: true, find: dmi("product_name", "libkrun Virtual Machine")},
	{name: "apple-vm", machine: true, find: dmi("product_name", "Apple Virtualization Generic Platform")},
	{name: "cloud", machine: true, find: dmi("sys_vendor", "Amazon EC2")},
	{name: "cloud", machine: true, find: dmi("product_name", "Google Compute Engine")},
	// Microsoft also makes laptops; its virtual machines are Azure's and Hyper-V's.
	{name: "cloud", machine: true, find: dmi("sys_vendor", "Microsoft Corporation", "product_name", "Virtual Machine")},
	{name: "kvm", machine: true, find: dmi("sys_vendor", "QEMU")},
}

func env(name string) func(place) string {
	return func(p place) string {
		if p.env(name) == "" {
			return ""
		}
		return "environment variable " + name
	}
}

func file(name string) func(place) string {
	return func(p place) string {
		if !p.exists(name) {
			return ""
		}
		return "/" + name
	}
}

func kernelArgument(arg string) func(place) string {
	return func(p place) string {
		if !slices.Contains(strings.Fields(p.read("proc/cmdline")), arg) {
			return ""
		}
		return arg + " in /proc/cmdline"
	}
}

func kernel(words ...string) func(place) string {
	return func(p place) string {
		release := p.kernelRelease()
		for _, w := range words {
			if strings.Contains(strings.ToLower(release), w) {
				return "kernel release " + release
			}
		}
		return ""
	}
}

// dmi takes pairs of a field of the firmware's tables and its value; all must match.
func dmi(pairs ...string) func(place) string {
	return func(p place) string {
		var found []string
		for i := 0; i < len(pairs); i += 2 {
			if p.line("sys/class/dmi/id/"+pairs[i]) != pairs[i+1] {
				return ""
			}
			found = append(found, pairs[i]+" "+pairs[i+1])
		}
		return "DMI " + strings.Join(found, ", ")
	}
}

func anyOf(finds ...func(place) string) func(place) string {
	return func(p place) string {
		for _, find := range finds {
			if evidence := find(p); evidence != "" {
				return evidence
			}
		}
		return ""
	}
}

func both(a, b func(place) string) func(place) string {
	return func(p place) string {
		x, y := a(p), b(p)
		if x == "" || y == "" {
			return ""
		}
		return x + ", " + y
	}
}

// managerSays is one way in which what manages a container gives its name.
type managerSays struct{ name, evidence string }

// managers are what says the name of the container's manager: the variable by which all of
// them tell systemd, in our environment and in that of the first process, and the files
// that systemd and systemd-nspawn keep it in. The name may be followed by more, as in
// lxc-libvirt.
func (p place) managers() (said []managerSays) {
	if v := p.env("container"); v != "" {
		said = append(said, managerSays{v, "environment variable container=" + v})
	}
	for v := range strings.SplitSeq(p.read("proc/1/environ"), "\x00") {
		if name, ok := strings.CutPrefix(v, "container="); ok && name != "" {
			said = append(said, managerSays{name, "container=" + name + " in /proc/1/environ"})
		}
	}
	for _, file := range []string{"run/host/container-manager", "run/systemd/container"} {
		if name := p.line(file); name != "" {
			said = append(said, managerSays{name, "/" + file + " says " + name})
		}
	}
	return said
}

func (m managerSays) is(name string) bool {
	return m.name == name || strings.HasPrefix(m.name, name+"-")
}

func manager(name string) func(place) string {
	return func(p place) string {
		for _, m := range p.managers() {
			if m.is(name) {
				return m.evidence
			}
		}
		return ""
	}
}

// otherManager is a manager that has no sign of its own, or one that an image can have
// named. That of WSL2 is the machine's.
func otherManager(p place) string {
	for _, m := range p.managers() {
		if !m.is("podman") && !m.is("lxc") && !m.is("systemd-nspawn") && !m.is("wsl") {
			return m.evidence
		}
	}
	return ""
}

// mountLines calls visit for each mount: the part of the file system that is mounted, where,
// of which type and with which options of its own.
func (p place) mountLines(visit func(root, point, kind, options string)) {
	for line := range strings.Lines(p.read("proc/self/mountinfo")) {
		before, after, ok := strings.Cut(line, " - ")
		f, super := strings.Fields(before), strings.Fields(after)
		if ok && len(f) >= 5 && len(super) >= 3 {
			visit(unescape(f[3]), path.Clean(unescape(f[4])), super[0], super[2])
		}
	}
}

// bound are the files that every engine mounts from its own store.
var bound = []string{"/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/dev/termination-log", "/run/.containerenv"}

// mounted looks for an engine's store in what our root is made of, and in where the files come from
// that an engine gives each container. The mounts of all containers are seen on the host as
// well, but there they are at other places.
func mounted(stores ...string) func(place) string {
	return func(p place) (evidence string) {
		p.mountLines(func(root, point, kind, options string) {
			from := ""
			switch {
			case point == "/" && strings.Contains(kind, "overlay"):
				from = options
			case point == "/":
				from = root
			case slices.Contains(bound, point):
				from = root
			}
			for _, store := range stores {
				if evidence == "" && strings.Contains(from, store) {
					evidence = fmt.Sprintf("%s from %s in /proc/self/mountinfo", point, strings.Trim(store, "/"))
				}
			}
		})
		return evidence
	}
}

// lxcfs is what LXC, Incus and Proxmox put over files of /proc; on the host itself it is
// mounted elsewhere.
func lxcfs(p place) (evidence string) {
	p.mountLines(func(_, point, kind, _ string) {
		if evidence == "" && kind == "fuse.lxcfs" && strings.HasPrefix(point, "/proc/") {
			evidence = "lxcfs at " + point + " in /proc/self/mountinfo"
		}
	})
	return evidence
}

// initialPIDs is the namespace of processes that the kernel starts with; its number is part
// of the kernel's interface since 3.8.
const initialPIDs = "pid:[4026531836]"

var pidNamespace = regexp.MustCompile(`^pid:\[[0-9]+\]$`)

// ownProcesses is a namespace of processes that is not the kernel's first, as every
// container has one. WSL2 gives each distribution one as well.
func ownProcesses(p place) string {
	root, ok := p.root.(fs.ReadLinkFS)
	if !ok || kernel("microsoft", "wsl")(p) != "" {
		return ""
	}
	ns, err := root.ReadLink("proc/self/ns/pid")
	if err != nil || ns == initialPIDs || !pidNamespace.MatchString(ns) {
		return ""
	}
	return "a namespace of processes of its own, " + ns
}

// runtime names the runtime by the first sign there is, containers before machines, and
// gives all signs as evidence. What the caller declared goes before what was found;
// contradicted says in a sentence that the signs speak against it, and is empty otherwise.
// A runtime that leaves no sign we know is never contradicted, nor is one whose make the
// signs leave open.
func (p place) runtime() (r result.Runtime, contradicted string) {
	r = result.Runtime{Declared: strings.TrimSpace(p.env(DeclaredRuntime)), Evidence: []string{}}
	known, agrees := r.Declared == native, false
	inside, on := "", ""
	for _, s := range signs {
		fits := r.Declared != "" && (s.name == r.Declared || s.kin == r.Declared)
		known = known || fits
		evidence := s.find(p)
		if evidence == "" || slices.Contains(r.Evidence, evidence) {
			continue
		}
		if s.name == unknownMake {
			if inside != "" { // it says no more than the others
				continue
			}
			fits = r.Declared != native
			evidence += ": a container of unknown make"
		}
		r.Evidence = append(r.Evidence, evidence)
		agrees = agrees || fits
		switch {
		case s.machine && on == "":
			on = s.name
		case !s.machine && inside == "":
			inside = s.name
		}
	}
	r.Name = inside
	if r.On = on; inside == "" {
		r.Name, r.On = on, ""
	}
	if r.Name == "" {
		r.Name = native
	}
	if r.Declared == "" {
		return r, ""
	}
	if agrees = agrees || r.Declared == native && inside == ""; known && !agrees {
		found := "no sign of any runtime was found"
		if len(r.Evidence) > 0 {
			found = fmt.Sprintf("the signs say %s (%s)", r.Name, strings.Join(r.Evidence, "; "))
		}
		contradicted = fmt.Sprintf("%s declares the runtime %s, but %s; check what the caller really started", DeclaredRuntime, r.Declared, found)
	}
	if r.Name = r.Declared; r.On == "" && r.Declared != native && r.Declared != on {
		r.On = on
	}
	return r, contradicted
}
