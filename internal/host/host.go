// Package host finds out the facts about the machine and the container runtime
// that bear on the figures. It needs no /proc, no C library and no other program:
// what cannot be read is left empty.
package host

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/klauspost/cpuid/v2"

	"gpubench/internal/result"
)

// Codes of the warnings that Facts returns.
const (
	WarnRuntime = "runtime-contradicted" // the declared runtime is not the one that the signs point to
	WarnQuota   = "cpu-quota"            // the cgroup's quota is no whole number of processors
	WarnRosetta = "rosetta"              // an amd64 program on an Apple processor
)

// DeclaredRuntime is the environment variable by which a caller outside a container
// says which runtime it has started.
const DeclaredRuntime = "GPUBENCH_RUNTIME"

// Facts returns what is known about this machine and what a reader should know
// about it. It never fails.
func Facts() (result.Host, []result.Warning) { return here().facts() }

// Machine is the processor's name and the memory in bytes, as Facts has them.
func Machine() (processor string, memoryBytes uint64) {
	p := here()
	return p.cpuModel(), p.memory()
}

// UsableCPUs is the number of processors that this process may keep busy: those of
// its affinity, but no more than the cgroup's quota rounded up. It is at least 1.
func UsableCPUs() int {
	p := here()
	usable, _ := p.usableCPUs()
	return usable
}

// ISA is the best instruction set of those that the cpu backend is built for:
// avx512 (F, BW, DQ and VL), avx2 (with FMA), sse2 or neon, where both the processor
// and the operating system support it. It is empty on other architectures.
func ISA() string { return isa(runtime.GOARCH, cpuid.CPU.Supports) }

func isa(arch string, supports func(...cpuid.FeatureID) bool) string {
	switch arch {
	case "amd64":
		switch {
		case supports(cpuid.AVX512F, cpuid.AVX512BW, cpuid.AVX512DQ, cpuid.AVX512VL):
			return "avx512"
		case supports(cpuid.AVX2, cpuid.FMA3):
			return "avx2"
		}
		return "sse2" // part of amd64
	case "arm64":
		return "neon" // part of arm64
	}
	return ""
}

// place is everything that facts are made from, so that tests can make up a
// machine.
type place struct {
	root     fs.FS // the file system from / on, without the leading slash
	env      func(string) string
	affinity int // processors of this process's affinity
	kernel   string
	system   system
	brand    string // processor name by the CPUID instruction, empty where there is none
}

// system is what the operating system answers without a file, zero where it has no
// answer.
type system struct {
	model   string // processor name
	logical int    // logical processors of the machine
	memory  uint64 // bytes
	rosetta bool   // the program runs translated
	// mac asks a Mac about itself, by programs: only for Facts. It is nil elsewhere.
	mac func() *result.Mac
}

func here() place {
	kernel, sys := systemFacts()
	return place{
		root:   os.DirFS("/"),
		env:    os.Getenv,
		kernel: kernel,
		system: sys,
		// The Go runtime asks for the affinity when the process starts, in a set of any
		// size; the sched_getaffinity of x/sys fails on more than 1024 processors.
		affinity: runtime.NumCPU(),
		brand:    strings.TrimSpace(cpuid.CPU.BrandName),
	}
}

func (p place) facts() (result.Host, []result.Warning) {
	usable, quota := p.usableCPUs()
	h := result.Host{
		OS:     runtime.GOOS,
		Arch:   runtime.GOARCH,
		Kernel: p.kernelRelease(),
		CPU: result.CPU{
			Model:   p.cpuModel(),
			ISA:     ISA(),
			Logical: p.logicalCPUs(),
			Usable:  usable,
			Quota:   quota,
		},
		MemoryBytes: p.memory(),
		DRI:         p.nodes("dev/dri", dri),
		NVIDIA:      p.nodes("dev", nvidia),
		KernelID:    p.kernelID(),
	}
	if p.system.mac != nil {
		h.Mac = p.system.mac()
	}
	var contradicted string
	h.Runtime, contradicted = p.runtime()

	warnings := []result.Warning{}
	if contradicted != "" {
		warnings = append(warnings, result.Warning{Code: WarnRuntime, Text: contradicted})
	}
	if quota != nil && *quota < float64(usable) {
		warnings = append(warnings, result.Warning{Code: WarnQuota, Text: fmt.Sprintf(
			"the cgroup allows %.3g processors, so %d busy threads are stopped for part of every period and CPU times vary; give a whole number of processors (docker run --cpus %d)",
			*quota, usable, usable)})
	}
	if p.system.rosetta {
		warnings = append(warnings, result.Warning{Code: WarnRosetta, Text: "this amd64 program is translated by Rosetta, which makes the CPU's figures too low; use the arm64 program"})
	}
	if h.Mac != nil {
		warnings = append(warnings, macWarnings(h.Mac)...)
	}
	return h, warnings
}

// kernelID is a digest of the number that the kernel draws when it starts, which no
// namespace hides. The number itself is nobody's business.
func (p place) kernelID() string {
	boot := p.line("proc/sys/kernel/random/boot_id")
	if boot == "" {
		return ""
	}
	sum := sha256.Sum256([]byte("gpubench " + boot))
	return hex.EncodeToString(sum[:8])
}

func (p place) kernelRelease() string {
	return cmp.Or(p.line("proc/sys/kernel/osrelease"), p.kernel)
}

// Device nodes of the direct rendering infrastructure, and of NVIDIA's driver; WSL offers
// a GPU of any vendor by one of its own.
var (
	dri    = regexp.MustCompile(`^(card|renderD)[0-9]+$`)
	nvidia = regexp.MustCompile(`^(nvidia([0-9]+|ctl|-uvm|-uvm-tools|-modeset)|dxg)$`)
)

// nodes lists the files of a directory whose names match, sorted.
func (p place) nodes(dir string, name *regexp.Regexp) []string {
	nodes := []string{}
	entries, _ := fs.ReadDir(p.root, dir)
	for _, e := range entries {
		if name.MatchString(e.Name()) {
			nodes = append(nodes, "/"+dir+"/"+e.Name())
		}
	}
	slices.Sort(nodes)
	return nodes
}

// read returns a file's text, or nothing where it cannot be read. Files below /proc
// and /sys do not tell their size, so it stops at 4 MiB: /proc/cpuinfo of a
// thousand processors has a third of that.
func (p place) read(name string) string {
	f, err := p.root.Open(name)
	if err != nil {
		return ""
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 4<<20))
	if err != nil {
		return ""
	}
	return string(text)
}

// line returns a file's text without white space and NULs around it.
func (p place) line(name string) string {
	return strings.Trim(p.read(name), " \t\r\n\x00")
}

func (p place) exists(name string) bool {
	_, err := fs.Stat(p.root, name)
	return err == nil
}
