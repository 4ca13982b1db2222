// The processor: its name and how much of it is ours.

package host

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// cpuModel is the processor's name: as the kernel prints it, from the identification
// register that Arm kernels print instead, from the CPUID instruction, or the
// operating system's.
func (p place) cpuModel() string {
	var name, implementer string
	var parts []string // distinct, in order: big and little cores differ
	for line := range strings.Lines(p.read("proc/cpuinfo")) {
		key, value, ok := strings.Cut(line, ":")
		if !ok {
			continue
		}
		value = strings.TrimSpace(value)
		switch strings.TrimSpace(key) {
		case "model name":
			name = cmp.Or(name, value)
		case "CPU implementer":
			implementer = value
		case "CPU part":
			if part := armName(implementer, value); !slices.Contains(parts, part) {
				parts = append(parts, part)
			}
		}
	}
	if name == "" && len(parts) > 0 {
		name = strings.Join(parts, " + ")
		if board := p.line("proc/device-tree/model"); board != "" {
			name += " (" + board + ")"
		}
	}
	return cmp.Or(name, p.brand, p.system.model, p.line("proc/device-tree/model"))
}

// armImplementers and armParts name the codes of Arm's main identification register
// (MIDR_EL1) that a benchmark is likely to meet; util-linux's lscpu has them all.
var armImplementers = map[uint64]string{
	0x41: "Arm", 0x42: "Broadcom", 0x43: "Cavium", 0x46: "Fujitsu", 0x48: "HiSilicon", 0x4e: "NVIDIA",
	0x50: "APM", 0x51: "Qualcomm", 0x53: "Samsung", 0x61: "Apple", 0x6d: "Microsoft", 0xc0: "Ampere",
}

var armParts = map[[2]uint64]string{
	{0x41, 0xd03}: "Cortex-A53", {0x41, 0xd04}: "Cortex-A35", {0x41, 0xd05}: "Cortex-A55",
	{0x41, 0xd07}: "Cortex-A57", {0x41, 0xd08}: "Cortex-A72", {0x41, 0xd09}: "Cortex-A73",
	{0x41, 0xd0a}: "Cortex-A75", {0x41, 0xd0b}: "Cortex-A76", {0x41, 0xd0c}: "Neoverse-N1",
	{0x41, 0xd0d}: "Cortex-A77", {0x41, 0xd40}: "Neoverse-V1", {0x41, 0xd41}: "Cortex-A78",
	{0x41, 0xd42}: "Cortex-A78AE", {0x41, 0xd44}: "Cortex-X1", {0x41, 0xd46}: "Cortex-A510",
	{0x41, 0xd47}: "Cortex-A710", {0x41, 0xd48}: "Cortex-X2", {0x41, 0xd49}: "Neoverse-N2",
	{0x41, 0xd4d}: "Cortex-A715", {0x41, 0xd4e}: "Cortex-X3", {0x41, 0xd4f}: "Neoverse-V2",
	{0x41, 0xd80}: "Cortex-A520", {0x41, 0xd81}: "Cortex-A720", {0x41, 0xd82}: "Cortex-X4",
	{0x41, 0xd84}: "Neoverse-V3", {0x41, 0xd8e}: "Neoverse-N3",
	{0x43, 0x0af}: "ThunderX2", {0x46, 0x001}: "A64FX", {0x48, 0xd01}: "Kunpeng-920",
	{0x4e, 0x004}: "Carmel", {0x51, 0x001}: "Oryon",
	{0x61, 0x000}: "processor (virtual machine)",
	{0x61, 0x022}: "M1 (Icestorm)", {0x61, 0x023}: "M1 (Firestorm)",
	{0x61, 0x024}: "M1 Pro (Icestorm)", {0x61, 0x025}: "M1 Pro (Firestorm)",
	{0x61, 0x028}: "M1 Max (Icestorm)", {0x61, 0x029}: "M1 Max (Firestorm)",
	{0x61, 0x032}: "M2 (Blizzard)", {0x61, 0x033}: "M2 (Avalanche)",
	{0x6d, 0xd49}: "Azure Cobalt 100",
	{0xc0, 0xac3}: "Ampere-1", {0xc0, 0xac4}: "Ampere-1A",
}

// armName words an implementer and a part as /proc/cpuinfo prints them ("0x41",
// "0xd0c"). Unknown codes stay as they are.
func armName(implementer, part string) string {
	i, errI := strconv.ParseUint(implementer, 0, 16)
	q, errP := strconv.ParseUint(part, 0, 16)
	if errI != nil || errP != nil {
		return strings.TrimSpace(implementer + " " + part)
	}
	maker, ok := armImplementers[i]
	if !ok {
		maker = fmt.Sprintf("implementer 0x%02x", i)
	}
	name, ok := armParts[[2]uint64{i, q}]
	if !ok {
		name = fmt.Sprintf("part 0x%03x", q)
	}
	return maker + " " + name
}

// logicalCPUs is the number of processors of the machine that are switched on,
// ours or not.
func (p place) logicalCPUs() int {
	if n := cpuListLen(p.line("sys/devices/system/cpu/online")); n > 0 {
		return n
	}
	n := 0
	for line := range strings.Lines(p.read("proc/cpuinfo")) {
		if key, _, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "processor" {
			n++
		}
	}
	return cmp.Or(n, p.system.logical, p.affinity)
}

// cpuListLen counts the processors of a list such as 0-3,8,10-11; it is 0 when the
// list is not one.
func cpuListLen(list string) int {
	n := 0
	for r := range strings.SplitSeq(list, ",") {
		first, last, isRange := strings.Cut(r, "-")
		if !isRange {
			last = first
		}
		lo, errLo := strconv.ParseUint(first, 10, 31)
		hi, errHi := strconv.ParseUint(last, 10, 31)
		if errLo != nil || errHi != nil || hi < lo {
			return 0
		}
		n += int(hi-lo) + 1
	}
	return n
}

// usableCPUs returns the processors that this process may keep busy, at least 1, and
// the cgroup's quota in processors, nil without one.
func (p place) usableCPUs() (int, *float64) {
	usable := p.affinity
	quota := p.cpuQuota()
	if quota != nil {
		usable = min(usable, int(math.Ceil(*quota)))
	}
	return max(usable, 1), quota
}
