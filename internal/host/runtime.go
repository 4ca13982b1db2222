// Where the program runs.

package host

import (
	"fmt"
	"slices"
	"strings"

	"gpubench/internal/result"
)

// native is where there is no sign of a runtime.
const native = "native"

// sign is one way to tell where we are.
type sign struct {
	name string // runtime that it stands for
	// kin is a runtime that may as well be declared where the sign is seen.
	kin string
	// machine marks a virtual machine: the program may run natively in it.
	machine bool
	find    func(p place) string // the evidence, empty when it is not there
}

// signs are in the order in which they decide. What is specific stands before what
// it contains: Docker Desktop and OrbStack also leave /.dockerenv, CRI-O under
// Kubernetes also leaves /run/.containerenv.
var signs = []sign{
	{name: "kubernetes", find: env("KUBERNETES_SERVICE_HOST")},
	{name: "apple-container", find: kernelArgument("init=/sbin/vminitd")},
	{name: "wsl", machine: true, find: kernel("microsoft", "wsl")},
	{name: "docker-desktop", kin: "docker", find: kernel("-linuxkit")},
	{name: "orbstack", kin: "docker", find: kernel("-orbstack-")},
	{name: "podman", find: file("run/.containerenv")},
	{name: "docker", find: file(".dockerenv")},
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

// runtime names the runtime by the first sign there is and gives all signs as
// evidence. What the caller declared goes before what was found; contradicted says
// in a sentence that the signs speak against it, and is empty otherwise. A runtime
// that leaves no sign we know is never contradicted.
func (p place) runtime() (r result.Runtime, contradicted string) {
	r = result.Runtime{Name: native, Declared: strings.TrimSpace(p.env(DeclaredRuntime)), Evidence: []string{}}
	known, seen, outside := r.Declared == native, false, true
	for _, s := range signs {
		fits := s.name == r.Declared || s.kin == r.Declared
		known = known || fits
		evidence := s.find(p)
		if evidence == "" {
			continue
		}
		if len(r.Evidence) == 0 {
			r.Name = s.name
		}
		r.Evidence = append(r.Evidence, evidence)
		seen = seen || fits
		outside = outside && s.machine
	}
	if r.Declared == "" {
		return r, ""
	}
	if agrees := seen || r.Declared == native && outside; known && !agrees {
		found := "no sign of any runtime was found"
		if len(r.Evidence) > 0 {
			found = fmt.Sprintf("the signs say %s (%s)", r.Name, strings.Join(r.Evidence, "; "))
		}
		contradicted = fmt.Sprintf("%s declares the runtime %s, but %s; check what the caller really started", DeclaredRuntime, r.Declared, found)
	}
	r.Name = r.Declared
	return r, contradicted
}
