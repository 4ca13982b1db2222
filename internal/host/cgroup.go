// Limits of the control groups that the process is in.

package host

import (
	"io/fs"
	"math"
	"path"
	"strconv"
	"strings"
)

// cgroup is one hierarchy of control groups as far as this process sees it.
type cgroup struct {
	v2 bool
	// dirs are the directories of our group and of every group above it that is
	// mounted, ours first, without the leading slash. A limit of any of them binds.
	dirs []string
}

// CgroupDirs returns the directories of the control groups whose limits of this
// controller (cpu, memory) bind this process: of its own group and of every group
// above it that is mounted, under version 2 and version 1. root is the file system
// from / on; the directories have no leading slash, and some need not be there.
func CgroupDirs(root fs.FS, controller string) (dirs []string) {
	for _, g := range (place{root: root}).cgroups(controller) {
		dirs = append(dirs, g.dirs...)
	}
	return dirs
}

// cpuQuota is the smallest CPU quota in force, in processors, nil without one.
func (p place) cpuQuota() *float64 {
	smallest := math.Inf(1)
	for _, g := range p.cgroups("cpu") {
		for _, dir := range g.dirs {
			var quota, period string
			if g.v2 {
				quota, period, _ = strings.Cut(p.line(dir+"/cpu.max"), " ") // "50000 100000" or "max 100000"
			} else {
				quota = p.line(dir + "/cpu.cfs_quota_us") // -1 is none
				period = p.line(dir + "/cpu.cfs_period_us")
			}
			q, errQ := strconv.ParseUint(quota, 10, 63)
			per, errP := strconv.ParseUint(period, 10, 63)
			if errQ == nil && errP == nil && q > 0 && per > 0 {
				smallest = min(smallest, float64(q)/float64(per))
			}
		}
	}
	if math.IsInf(smallest, 1) {
		return nil
	}
	return &smallest
}

// memory is the memory of the machine or the smallest limit of a control group,
// whichever is less, in bytes; 0 when nothing is known.
func (p place) memory() uint64 {
	total := p.system.memory
	for line := range strings.Lines(p.read("proc/meminfo")) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "MemTotal:" && f[2] == "kB" {
			if kb, err := strconv.ParseUint(f[1], 10, 53); err == nil {
				total = kb << 10
			}
		}
	}
	for _, g := range p.cgroups("memory") {
		for _, dir := range g.dirs {
			file := "/memory.limit_in_bytes" // a number near 1<<63 when there is no limit
			if g.v2 {
				file = "/memory.max" // "max" when there is none
			}
			limit, err := strconv.ParseUint(p.line(dir+file), 10, 64)
			if err == nil && limit > 0 && (limit < total || total == 0 && limit < 1<<62) {
				total = limit
			}
		}
	}
	return total
}

// OOMKills is how many processes the kernel has ended for want of memory in this
// process's control group or, where no group counts them, on this machine. It is false
// where that is unknown.
func OOMKills() (uint64, bool) { return here().oomKills() }

func (p place) oomKills() (uint64, bool) {
	var files []string
	for _, g := range p.cgroups("memory") {
		name := "/memory.oom_control"
		if g.v2 {
			name = "/memory.events"
		}
		files = append(files, g.dirs[0]+name) // children are in our own group
	}
	for _, file := range append(files, "proc/vmstat") {
		for line := range strings.Lines(p.read(file)) {
			if f := strings.Fields(line); len(f) == 2 && f[0] == "oom_kill" { // since Linux 4.13
				n, err := strconv.ParseUint(f[1], 10, 64)
				return n, err == nil
			}
		}
	}
	return 0, false
}

// cgroups returns the hierarchies that may limit this controller: the one of
// version 2 and the one of version 1 that holds it.
func (p place) cgroups(controller string) []cgroup {
	mounts := p.cgroupMounts(controller)
	var groups []cgroup
	for line := range strings.Lines(p.read("proc/self/cgroup")) {
		// ID:CONTROLLERS:PATH, where version 2 has the ID 0 and no controllers.
		f := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(f) != 3 {
			continue
		}
		v2 := f[0] == "0" && f[1] == ""
		if !v2 && !contains(f[1], controller) {
			continue
		}
		for _, m := range mounts {
			if m.v2 == v2 {
				groups = append(groups, cgroup{v2, m.dirs(f[2])})
			}
		}
	}
	if groups == nil {
		// Without /proc the mounts of a container, which sees its own group as the root.
		for _, m := range mounts {
			groups = append(groups, cgroup{m.v2, []string{m.point}})
		}
	}
	return groups
}

// cgroupMount says which part of a hierarchy is mounted where.
type cgroupMount struct {
	v2    bool
	root  string // group that is visible at the mount point
	point string // without the leading slash
}

// dirs lists the directories from the group's up to the mount point.
func (m cgroupMount) dirs(group string) []string {
	// The path counts from the root of the cgroup namespace, the mount may show only
	// a part: in a container that shares the host's namespace both name the
	// container's group. A group outside of what is mounted (/../x) is not visible;
	// what is at the mount point is the nearest that can be said.
	rel := path.Clean("/" + group)
	if m.root != "/" {
		below, ok := strings.CutPrefix(rel+"/", m.root+"/")
		if !ok {
			below = ""
		}
		rel = path.Clean("/" + below)
	}
	var dirs []string
	for ; rel != "/"; rel = path.Dir(rel) {
		dirs = append(dirs, m.point+rel)
	}
	return append(dirs, m.point)
}

// cgroupMounts finds where the hierarchies of this controller are mounted.
func (p place) cgroupMounts(controller string) []cgroupMount {
	var mounts []cgroupMount
	for line := range strings.Lines(p.read("proc/self/mountinfo")) {
		// 35 24 0:30 ROOT POINT options [optional fields] - TYPE source SUPER-OPTIONS
		before, after, ok := strings.Cut(line, " - ")
		f, super := strings.Fields(before), strings.Fields(after)
		if !ok || len(f) < 5 || len(super) < 3 {
			continue
		}
		v2 := super[0] == "cgroup2"
		if v2 || super[0] == "cgroup" && contains(super[2], controller) {
			mounts = append(mounts, cgroupMount{v2, path.Clean(unescape(f[3])), strings.TrimPrefix(path.Clean(unescape(f[4])), "/")})
		}
	}
	if mounts == nil {
		const base = "sys/fs/cgroup"
		mounts = []cgroupMount{{true, "/", base}, {false, "/", base + "/" + controller}, {false, "/", base + "/cpu,cpuacct"}}
	}
	return mounts
}

// contains reports whether a comma-separated list holds the word.
func contains(list, word string) bool {
	for w := range strings.SplitSeq(list, ",") {
		if w == word {
			return true
		}
	}
	return false
}

// unescape undoes the octal escapes of /proc/self/mountinfo.
var unescape = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace
