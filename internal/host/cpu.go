// The processor: its name and how much of it is ours.

package host

import (
	"cmp"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// cpuModel is the processor's name: as the kernel prints it, from the identification
// register that Arm kernels print instead, from the CPUID instruction, or the
// operating system's.
func (p place) cpuModel() string {
	var name, implementer string
	var cores []armCore // distinct: big and little ones differ
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
			if core := newArmCore(implementer, value); !slices.Contains(cores, core) {
				cores = append(cores, core)
			}
		}
	}
	if name == "" && len(cores) > 0 {
		name = joinCores(cores)
		if board := p.line("proc/device-tree/model"); board != "" {
			name += " (" + board + ")"
		}
	}
	return cmp.Or(name, p.brand, p.system.model, p.line("proc/device-tree/model"))
}

// armImplementers and armParts name the codes of Arm's main identification register
// (MIDR_EL1) that a benchmark is likely to meet, by Linux's cputype.h, util-linux's lscpu and, for Apple's
// newer ones, Asahi's m1n1. AWS Graviton, Google Axion and NVIDIA Grace have Arm's own cores.
var armImplementers = map[uint64]string{
	0x41: "Arm", 0x42: "Broadcom", 0x43: "Cavium", 0x46: "Fujitsu", 0x48: "HiSilicon", 0x4e: "NVIDIA",
	0x50: "APM", 0x51: "Qualcomm", 0x53: "Samsung", 0x56: "Marvell", 0x61: "Apple", 0x6d: "Microsoft", 0x70: "Phytium", 0xc0: "Ampere",
}

var armParts = map[[2]uint64]string{
	{0x41, 0xd01}: "Cortex-A32", {0x41, 0xd02}: "Cortex-A34",
	{0x41, 0xd03}: "Cortex-A53", {0x41, 0xd04}: "Cortex-A35", {0x41, 0xd05}: "Cortex-A55",
	{0x41, 0xd06}: "Cortex-A65", {0x41, 0xd07}: "Cortex-A57", {0x41, 0xd08}: "Cortex-A72",
	{0x41, 0xd09}: "Cortex-A73", {0x41, 0xd0a}: "Cortex-A75", {0x41, 0xd0b}: "Cortex-A76",
	{0x41, 0xd0c}: "Neoverse-N1", {0x41, 0xd0d}: "Cortex-A77", {0x41, 0xd0e}: "Cortex-A76AE",
	{0x41, 0xd40}: "Neoverse-V1", {0x41, 0xd41}: "Cortex-A78", {0x41, 0xd42}: "Cortex-A78AE",
	{0x41, 0xd43}: "Cortex-A65AE", {0x41, 0xd44}: "Cortex-X1", {0x41, 0xd46}: "Cortex-A510",
	{0x41, 0xd47}: "Cortex-A710", {0x41, 0xd48}: "Cortex-X2", {0x41, 0xd49}: "Neoverse-N2",
	{0x41, 0xd4a}: "Neoverse-E1", {0x41, 0xd4b}: "Cortex-A78C", {0x41, 0xd4c}: "Cortex-X1C",
	{0x41, 0xd4d}: "Cortex-A715", {0x41, 0xd4e}: "Cortex-X3", {0x41, 0xd4f}: "Neoverse-V2",
	{0x41, 0xd80}: "Cortex-A520", {0x41, 0xd81}: "Cortex-A720", {0x41, 0xd82}: "Cortex-X4",
	{0x41, 0xd83}: "Neoverse-V3AE", {0x41, 0xd84}: "Neoverse-V3", {0x41, 0xd85}: "Cortex-X925",
	{0x41, 0xd87}: "Cortex-A725", {0x41, 0xd88}: "Cortex-A520AE", {0x41, 0xd89}: "Cortex-A720AE",
	{0x41, 0xd8a}: "C1-Nano", {0x41, 0xd8b}: "C1-Pro", {0x41, 0xd8c}: "C1-Ultra",
	{0x41, 0xd8e}: "Neoverse-N3", {0x41, 0xd8f}: "Cortex-A320", {0x41, 0xd90}: "C1-Premium",
	{0x42, 0x100}: "Brahma-B53", {0x42, 0x516}: "ThunderX2",
	{0x43, 0x0a0}: "ThunderX", {0x43, 0x0a1}: "ThunderX 88XX", {0x43, 0x0af}: "ThunderX2",
	{0x43, 0x0b1}: "OcteonTX2 98XX", {0x43, 0x0b2}: "OcteonTX2 96XX", {0x43, 0x0b8}: "ThunderX3",
	{0x46, 0x001}: "A64FX", {0x46, 0x003}: "Monaka",
	{0x48, 0xd01}: "Kunpeng-920", {0x48, 0xd02}: "HIP09", {0x48, 0xd06}: "HIP12", {0x48, 0xd40}: "Cortex-A76",
	{0x4e, 0x000}: "Denver", {0x4e, 0x003}: "Denver 2", {0x4e, 0x004}: "Carmel", {0x4e, 0x010}: "Olympus",
	{0x50, 0x000}: "X-Gene",
	{0x51, 0x001}: "Oryon", {0x51, 0x002}: "Oryon (X2)", {0x51, 0x200}: "Kryo",
	{0x51, 0x800}: "Kryo 2xx Gold", {0x51, 0x801}: "Kryo 2xx Silver", {0x51, 0x802}: "Kryo 3xx Gold",
	{0x51, 0x803}: "Kryo 3xx Silver", {0x51, 0x804}: "Kryo 4xx Gold", {0x51, 0x805}: "Kryo 4xx Silver",
	{0x51, 0xc00}: "Falkor", {0x51, 0xc01}: "Saphira",
	{0x53, 0x001}: "Exynos M1", {0x53, 0x002}: "Exynos M3", {0x53, 0x003}: "Exynos M4", {0x53, 0x004}: "Exynos M5",
	{0x61, 0x000}: "processor (virtual machine)",
	{0x61, 0x022}: "M1 (Icestorm)", {0x61, 0x023}: "M1 (Firestorm)",
	{0x61, 0x024}: "M1 Pro (Icestorm)", {0x61, 0x025}: "M1 Pro (Firestorm)",
	{0x61, 0x028}: "M1 Max (Icestorm)", {0x61, 0x029}: "M1 Max (Firestorm)",
	{0x61, 0x032}: "M2 (Blizzard)", {0x61, 0x033}: "M2 (Avalanche)",
	{0x61, 0x034}: "M2 Pro (Blizzard)", {0x61, 0x035}: "M2 Pro (Avalanche)",
	{0x61, 0x038}: "M2 Max (Blizzard)", {0x61, 0x039}: "M2 Max (Avalanche)",
	{0x61, 0x042}: "M3 (Sawtooth)", {0x61, 0x043}: "M3 (Everest)",
	{0x61, 0x044}: "M3 Pro (Sawtooth)", {0x61, 0x045}: "M3 Pro (Everest)",
	{0x61, 0x048}: "M3 Max (Sawtooth)", {0x61, 0x049}: "M3 Max (Everest)",
	{0x61, 0x052}: "M4 (efficiency)", {0x61, 0x053}: "M4 (performance)",
	{0x61, 0x054}: "M4 Pro (efficiency)", {0x61, 0x055}: "M4 Pro (performance)",
	{0x61, 0x058}: "M4 Max (efficiency)", {0x61, 0x059}: "M4 Max (performance)",
	{0x61, 0x062}: "M5 (efficiency)", {0x61, 0x063}: "M5 (performance)",
	{0x61, 0x064}: "M5 Pro (middle)", {0x61, 0x065}: "M5 Pro (performance)",
	{0x61, 0x068}: "M5 Max (middle)", {0x61, 0x069}: "M5 Max (performance)",
	{0x6d, 0xd49}: "Azure Cobalt 100",
	{0x70, 0x660}: "FTC660", {0x70, 0x661}: "FTC661", {0x70, 0x662}: "FTC662", {0x70, 0x663}: "FTC663",
	{0xc0, 0xac3}: "Ampere-1", {0xc0, 0xac4}: "Ampere-1A", {0xc0, 0xac5}: "Ampere-1B",
}

// armCore is a kind of core.
type armCore struct{ maker, name string }

// newArmCore words an implementer and a part as /proc/cpuinfo prints them ("0x41",
// "0xd0c"). Unknown codes stay as they are.
func newArmCore(implementer, part string) armCore {
	i, errI := strconv.ParseUint(implementer, 0, 16)
	q, errP := strconv.ParseUint(part, 0, 16)
	if errI != nil || errP != nil {
		return armCore{name: strings.TrimSpace(implementer + " " + part)}
	}
	maker, ok := armImplementers[i]
	if !ok {
		maker = fmt.Sprintf("implementer 0x%02x", i)
	}
	name, ok := armParts[[2]uint64{i, q}]
	if !ok {
		name = fmt.Sprintf("part 0x%03x", q)
	}
	return armCore{maker, name}
}

// Cores that stand beside faster ones and before slower ones in a processor.
var (
	primeCores  = regexp.MustCompile(`^Cortex-X|^C1-(Ultra|Premium)`)
	littleCores = regexp.MustCompile(`^Cortex-A(3[245]|53|55|320|510|520)|^C1-Nano|Silver|Icestorm|Blizzard|Sawtooth|efficiency|middle`)
)

func (c armCore) rank() int {
	switch {
	case primeCores.MatchString(c.name):
		return 0
	case littleCores.MatchString(c.name):
		return 2
	}
	return 1
}

// joinCores names a processor by its kinds of cores, the biggest first: the kernel's order
// is that of the numbers, which vendors choose either way. A maker is named once.
func joinCores(cores []armCore) string {
	slices.SortStableFunc(cores, func(a, b armCore) int { return a.rank() - b.rank() })
	var names []string
	maker := ""
	for _, c := range cores {
		name := c.name
		if c.maker != maker && c.maker != "" {
			name = c.maker + " " + name
		}
		maker = c.maker
		names = append(names, name)
	}
	return strings.Join(names, " + ")
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
