// Whether an engine's containers are on this machine.

package suite

import (
	"cmp"
	"fmt"
	"net"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"

	"gpubench/internal/result"
)

// elsewhere says what machine the containers of an engine are on where it is not the host,
// and how that was seen; machine is empty where nothing speaks against the host. What the
// program sees inside decides, then where the engine is said to be.
func elsewhere(host, in result.Host, s state) (machine, evidence string) {
	machine = cmp.Or(strings.TrimSpace(in.CPU.Model), "a machine")
	if name := cmp.Or(s.hostname, s.away); name != "" {
		machine += " (" + name + ")"
	}
	// A virtual machine, or a runtime that makes one, may show another name of the same
	// processor; one kernel has one name for it.
	masked := s.remote || s.here(host)
	switch {
	case host.Arch != "" && in.Arch != "" && host.Arch != in.Arch:
		return machine, fmt.Sprintf("the program in the container is for %s, here it is for %s", in.Arch, host.Arch)
	case otherProcessor(host.CPU.Model, in.CPU.Model, masked):
		return machine, fmt.Sprintf("the processor inside is %s, here it is %s", in.CPU.Model, host.CPU.Model)
	case host.KernelID != "" && host.KernelID == in.KernelID:
		return "", ""
	case s.away != "":
		return machine, "its engine is at " + s.away
	case host.KernelID != "" && in.KernelID != "" && !masked && s.hostname+s.kernel != "":
		return machine, "another kernel runs there, and its engine does not say that it is in a virtual machine of this host"
	}
	return "", ""
}

// here reports whether the engine itself says that it runs on the host's kernel.
func (s state) here(host result.Host) bool {
	name, err := os.Hostname()
	return err == nil && s.hostname == name && s.kernel != "" && s.kernel == host.Kernel
}

// otherProcessor reports whether two names are those of different processors. masked says
// that the second one comes from a virtual machine, where it may be a general one. A name
// that is missing says nothing.
func otherProcessor(host, in string, masked bool) bool {
	a, b := processor(host), processor(in)
	if a == "" || b == "" || a == b {
		return false
	}
	// What a board is called is hidden from containers.
	if strings.HasPrefix(a, b+" (") || strings.HasPrefix(b, a+" (") {
		return false
	}
	if !masked {
		return true
	}
	if vendor(a) == "Apple" && vendor(b) == "Apple" {
		x, y := appleGeneration.FindString(a), appleGeneration.FindString(b)
		return x != "" && y != "" && x != y
	}
	if general(a) || general(b) {
		return vendor(a) != "" && vendor(b) != "" && vendor(a) != vendor(b)
	}
	// A virtual machine may have the big cores alone.
	return !coresWithin(a, b) && !coresWithin(b, a)
}

var (
	clock           = regexp.MustCompile(`\s*@\s*[0-9.]+\s*[GM]Hz`)
	appleGeneration = regexp.MustCompile(`\bM[0-9]+\b`)
)

// processor is a processor's name without what differs from system to system; empty where
// the system does not know it.
func processor(name string) string {
	name = strings.Join(strings.Fields(clock.ReplaceAllString(name, "")), " ")
	if strings.EqualFold(name, "unknown") {
		return ""
	}
	return name
}

// general reports whether a name is one that hypervisors give any processor of a kind: it has
// no number of a model.
func general(name string) bool {
	for _, word := range []string{"QEMU", "KVM", "Virtual", "virtual machine", "Nehalem Class", "part 0x"} {
		if strings.Contains(name, word) {
			return !strings.Contains(name, "TCG") // which computes, and masks nothing
		}
	}
	return !strings.ContainsAny(name, "0123456789")
}

// vendor is a processor's maker, empty where its name does not tell.
func vendor(name string) string {
	for _, v := range []string{"Intel", "AMD", "Apple", "Ampere", "Qualcomm", "NVIDIA", "Fujitsu", "HiSilicon", "Microsoft", "Arm"} {
		if slices.Contains(strings.FieldsFunc(name, func(r rune) bool { return strings.ContainsRune(" ()-", r) }), v) {
			return v
		}
	}
	return ""
}

// coresWithin reports whether all kinds of cores of one processor are kinds of another one.
func coresWithin(part, whole string) bool {
	kinds := func(name string) []string {
		name, _, _ = strings.Cut(name, " (")
		list := strings.Split(name, " + ")
		maker, first, ok := strings.Cut(list[0], " ")
		if !ok || len(list) == 1 && !strings.HasPrefix(name, "Arm ") {
			return []string{name}
		}
		list[0] = first
		for i := range list {
			list[i] = maker + " " + strings.TrimPrefix(list[i], maker+" ")
		}
		return list
	}
	all := kinds(whole)
	return !slices.ContainsFunc(kinds(part), func(k string) bool { return !slices.Contains(all, k) })
}

// place says what an engine's endpoint tells of where it is: away is the other machine's
// name, vm is true for the socket of a virtual machine of this host.
func place(endpoint string) (away string, vm bool) {
	u, err := url.Parse(strings.TrimSpace(endpoint))
	if err != nil {
		return "", false
	}
	switch u.Scheme {
	case "unix", "npipe":
		for _, dir := range []string{"/.colima/", "/colima/", "/.lima/", "/.docker/desktop/", "/.rd/", "/.orbstack/", "/.finch/", "podman-machine", "/podman/machine/"} {
			vm = vm || strings.Contains(u.Path, dir)
		}
		return "", vm
	case "ssh", "tcp", "http", "https":
		if name := u.Hostname(); !local(name) {
			return name, false
		}
	}
	return "", false
}

// local reports whether a name of a host, or its address, is this machine's.
func local(name string) bool {
	own, err := os.Hostname()
	if name == "" || name == "localhost" || err == nil && strings.EqualFold(name, own) {
		return true
	}
	ip := net.ParseIP(name)
	if ip == nil || ip.IsLoopback() {
		return ip != nil
	}
	addresses, _ := net.InterfaceAddrs()
	return slices.ContainsFunc(addresses, func(a net.Addr) bool {
		n, ok := a.(*net.IPNet)
		return ok && n.IP.Equal(ip)
	})
}
