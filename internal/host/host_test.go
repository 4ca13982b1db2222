package host

import (
	"fmt"
	"io/fs"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/klauspost/cpuid/v2"

	"gpubench/internal/result"
)

// machine makes a place from files and environment variables (NAME=value).
func machine(files map[string]string, env ...string) place {
	root := fstest.MapFS{}
	for name, text := range files {
		root[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return place{
		root:     root,
		affinity: 8,
		kernel:   "6.1.0-uname",
		env: func(name string) string {
			for _, e := range env {
				if value, ok := strings.CutPrefix(e, name+"="); ok {
					return value
				}
			}
			return ""
		},
	}
}

const (
	osrelease = "proc/sys/kernel/osrelease"
	product   = "sys/class/dmi/id/product_name"
	vendor    = "sys/class/dmi/id/sys_vendor"
)

func TestRuntime(t *testing.T) {
	for _, tt := range []struct {
		name     string
		files    map[string]string
		env      []string
		want     string
		evidence []string
	}{
		{"nothing readable", nil, nil, "native", nil},
		{"plain machine", map[string]string{osrelease: "6.1.0-18-amd64\n", product: "PowerEdge R760\n", vendor: "Dell Inc.\n"}, nil, "native", nil},
		{"Apple container", map[string]string{"proc/cmdline": "console=hvc0 tsc=reliable init=/sbin/vminitd -- --foreground\n"}, nil,
			"apple-container", []string{"init=/sbin/vminitd in /proc/cmdline"}},
		{"an argument that only looks like vminitd", map[string]string{"proc/cmdline": "noinit=/sbin/vminitd init=/sbin/vminitd2"}, nil, "native", nil},
		{"WSL2", map[string]string{osrelease: "5.15.153.1-microsoft-standard-WSL2\n"}, nil,
			"wsl", []string{"kernel release 5.15.153.1-microsoft-standard-WSL2"}},
		{"WSL1", map[string]string{osrelease: "4.4.0-19041-Microsoft\n"}, nil, "wsl", []string{"kernel release 4.4.0-19041-Microsoft"}},
		{"Docker Desktop", map[string]string{osrelease: "6.10.14-linuxkit\n", ".dockerenv": ""}, nil,
			"docker-desktop", []string{"kernel release 6.10.14-linuxkit", "/.dockerenv"}},
		{"OrbStack", map[string]string{osrelease: "6.15.11-orbstack-00539-g9885ebd8e3f4\n", ".dockerenv": ""}, nil,
			"orbstack", []string{"kernel release 6.15.11-orbstack-00539-g9885ebd8e3f4", "/.dockerenv"}},
		{"Podman", map[string]string{"run/.containerenv": ""}, nil, "podman", []string{"/run/.containerenv"}},
		{"Podman in a libkrun machine", map[string]string{"run/.containerenv": "engine=\"podman-5\"\n", product: "libkrun Virtual Machine\n"}, nil,
			"podman", []string{"/run/.containerenv", "DMI product_name libkrun Virtual Machine"}},
		{"Docker", map[string]string{".dockerenv": ""}, nil, "docker", []string{"/.dockerenv"}},
		{"Docker in the cloud", map[string]string{".dockerenv": "", vendor: "Amazon EC2\n"}, nil,
			"docker", []string{"/.dockerenv", "DMI sys_vendor Amazon EC2"}},
		{"libkrun machine", map[string]string{product: "libkrun Virtual Machine\n"}, nil, "libkrun-vm", []string{"DMI product_name libkrun Virtual Machine"}},
		{"Apple's VM", map[string]string{product: "Apple Virtualization Generic Platform\n"}, nil,
			"apple-vm", []string{"DMI product_name Apple Virtualization Generic Platform"}},
		{"EC2", map[string]string{vendor: "Amazon EC2\n", product: "g5.xlarge\n"}, nil, "cloud", []string{"DMI sys_vendor Amazon EC2"}},
		{"GCE", map[string]string{vendor: "Google\n", product: "Google Compute Engine\n"}, nil, "cloud", []string{"DMI product_name Google Compute Engine"}},
		{"Azure", map[string]string{vendor: "Microsoft Corporation\n", product: "Virtual Machine\n"}, nil,
			"cloud", []string{"DMI sys_vendor Microsoft Corporation, product_name Virtual Machine"}},
		{"a laptop by Microsoft", map[string]string{vendor: "Microsoft Corporation\n", product: "Surface Laptop 5\n"}, nil, "native", nil},
		{"KVM", map[string]string{vendor: "QEMU\n", product: "Standard PC (Q35 + ICH9, 2009)\n"}, nil, "kvm", []string{"DMI sys_vendor QEMU"}},
		{"Kubernetes with containerd", nil, []string{"KUBERNETES_SERVICE_HOST=10.96.0.1"},
			"kubernetes", []string{"environment variable KUBERNETES_SERVICE_HOST"}},
		{"Kubernetes with CRI-O in the cloud", map[string]string{"run/.containerenv": "", vendor: "Amazon EC2\n"}, []string{"KUBERNETES_SERVICE_HOST=10.96.0.1"},
			"kubernetes", []string{"environment variable KUBERNETES_SERVICE_HOST", "/run/.containerenv", "DMI sys_vendor Amazon EC2"}},
	} {
		got, contradicted := machine(tt.files, tt.env...).runtime()
		if got.Name != tt.want || got.Declared != "" || contradicted != "" || !slices.Equal(got.Evidence, tt.evidence) {
			t.Errorf("%s: got %+v, %q; want %s %q", tt.name, got, contradicted, tt.want, tt.evidence)
		}
		if got.Evidence == nil {
			t.Errorf("%s: evidence is nil", tt.name)
		}
	}
}

// Engines and machines that are not what they seem.
func TestContainersThatHide(t *testing.T) {
	const wsl = "5.15.167.4-microsoft-standard-WSL2\n"
	mount := func(root, point, kind, options string) string {
		return fmt.Sprintf("1021 880 0:55 %s %s rw,relatime master:1 - %s none %s\n", root, point, kind, options)
	}
	overlay := func(store string) string {
		return mount("/", "/", "overlay", "rw,lowerdir="+store+"/overlay/l/A:"+store+"/overlay/l/B,upperdir="+store+"/x/diff,workdir="+store+"/x/work")
	}
	info := func(lines ...string) map[string]string {
		return map[string]string{"proc/self/mountinfo": strings.Join(lines, "")}
	}
	for _, tt := range []struct {
		name     string
		files    map[string]string
		env      []string
		want, on string
		evidence string // part of the first
	}{
		{"Podman 4.3 with --read-only", info(mount("/", "/run", "tmpfs", "rw")), []string{"container=podman"}, "podman", "", "environment variable container=podman"},
		{"the same without the variable", info(overlay("/var/lib/containers/storage")), nil, "podman", "", "/ from containers/storage in /proc/self/mountinfo"},
		{"rootless Podman with VFS", info(mount("/home/u/.local/share/containers/storage/vfs/dir/abc", "/", "ext4", "rw")), nil, "podman", "", "/ from containers/storage"},
		{"Podman by the first process's variable", map[string]string{"proc/1/environ": "PATH=/bin\x00container=podman\x00"}, nil, "podman", "", "container=podman in /proc/1/environ"},
		{"Podman, by the file that it mounts", info(mount("/containers/storage/overlay-containers/f00/userdata/hosts", "/etc/hosts", "tmpfs", "rw")), nil, "podman", "", "/etc/hosts from"},
		{"LXC seen by root", map[string]string{"proc/1/environ": "container=lxc\x00TERM=linux\x00"}, nil, "lxc", "", "container=lxc in /proc/1/environ"},
		{"LXC with systemd", map[string]string{"run/systemd/container": "lxc\n"}, nil, "lxc", "", "/run/systemd/container says lxc"},
		{"libvirt's LXC", nil, []string{"container=lxc-libvirt"}, "lxc", "", "container=lxc-libvirt"},
		{"Incus without either", info(mount("/proc/cpuinfo", "/proc/cpuinfo", "fuse.lxcfs", "rw")), nil, "lxc", "", "lxcfs at /proc/cpuinfo"},
		{"Proxmox", map[string]string{osrelease: "6.8.12-4-pve\n", "run/systemd/container": "lxc\n"}, nil, "proxmox", "", "kernel release 6.8.12-4-pve, /run/systemd/container says lxc"},
		{"Docker in a container of Proxmox", map[string]string{osrelease: "6.8.12-4-pve\n", ".dockerenv": ""}, nil, "docker", "", "/.dockerenv"},
		{"Proxmox itself", map[string]string{osrelease: "6.8.12-4-pve\n", "proc/self/mountinfo": mount("/", "/var/lib/lxcfs", "fuse.lxcfs", "rw")}, nil, "native", "", ""},
		{"systemd-nspawn", nil, []string{"container=systemd-nspawn"}, "systemd-nspawn", "", "container=systemd-nspawn"},
		{"systemd-nspawn by its file", map[string]string{"run/host/container-manager": "systemd-nspawn\n"}, nil, "systemd-nspawn", "", "/run/host/container-manager says systemd-nspawn"},
		{"Apptainer", map[string]string{".singularity.d/env/10-docker2singularity.sh": ""}, nil, "apptainer", "", "/.singularity.d"},
		{"Apptainer by its variable", nil, []string{"APPTAINER_CONTAINER=/x.sif"}, "apptainer", "", "APPTAINER_CONTAINER"},
		{"Singularity", nil, []string{"SINGULARITY_CONTAINER=/x.sif"}, "apptainer", "", "SINGULARITY_CONTAINER"},
		{"containerd", info(overlay("/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots")), nil, "containerd", "", "io.containerd.snapshotter."},
		{"Docker with containerd's store", info(overlay("/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots"), mount("/var/lib/docker/containers/abc/hostname", "/etc/hostname", "ext4", "rw")), nil,
			"docker", "", "/etc/hostname from docker/containers"},
		{"docker build", info(overlay("/var/lib/docker/overlay2")), nil, "docker", "", "/ from docker/overlay2"},
		{"Docker from snap", info(mount("/var/snap/docker/common/var-lib-docker/containers/a/hosts", "/etc/hosts", "ext4", "rw")), nil, "docker", "", "/etc/hosts from var-lib-docker"},
		{"Kubernetes without its variables", info(overlay("/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots"), mount("/var/lib/kubelet/pods/1-2/etc-hosts", "/etc/hosts", "ext4", "rw")), nil,
			"kubernetes", "", "/etc/hosts from kubelet/pods"},
		{"a node of Kubernetes", info(mount("/", "/", "ext4", "rw"), mount("/", "/var/lib/kubelet/pods/1-2/volumes/x", "tmpfs", "rw"),
			mount("/var/lib/kubelet/pods/1-2/volumes/y", "/var/lib/kubelet/pods/1-2/volume-subpaths/y", "ext4", "rw"),
			mount("/", "/run/containerd/io.containerd.runtime.v2.task/k8s.io/a/rootfs", "overlay", "rw,upperdir=/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots/1/fs")), nil, "native", "", ""},
		{"a host with Docker and Podman", info(mount("/", "/", "btrfs", "rw"), strings.Replace(overlay("/var/lib/docker/overlay2"), " / rw", " /var/lib/docker/overlay2/a/merged rw", 1)), nil, "native", "", ""},
		{"undeclared Docker in WSL2", map[string]string{osrelease: wsl, ".dockerenv": ""}, nil, "docker", "wsl", "/.dockerenv"},
		{"undeclared Podman in WSL2", map[string]string{osrelease: wsl, "run/.containerenv": ""}, nil, "podman", "wsl", "/run/.containerenv"},
		{"WSL2 with systemd", map[string]string{osrelease: wsl, "run/systemd/container": "wsl\n"}, nil, "wsl", "", "kernel release"},
		{"Docker on EC2", map[string]string{".dockerenv": "", vendor: "Amazon EC2\n"}, nil, "docker", "cloud", "/.dockerenv"},
		{"an image that calls itself docker, in Podman", info(overlay("/var/lib/containers/storage")), []string{"container=docker"}, "podman", "", "/ from containers/storage"},
		{"an image that calls itself oci, in Docker", map[string]string{".dockerenv": ""}, []string{"container=oci"}, "docker", "", "/.dockerenv"},
		{"an image that calls itself oci", nil, []string{"container=oci"}, "container", "", "environment variable container=oci: a container of unknown make"},
		{"a manager that nobody knows", map[string]string{"run/systemd/container": "pouch\n"}, nil, "container", "", "a container of unknown make"},
	} {
		h, warnings := machine(tt.files, tt.env...).facts()
		got := h.Runtime
		if got.Name != tt.want || got.On != tt.on || len(warnings) != 0 || (tt.evidence == "") != (len(got.Evidence) == 0) || tt.evidence != "" && !strings.Contains(got.Evidence[0], tt.evidence) {
			t.Errorf("%s: got %+v, %v; want %s on %q by %q", tt.name, got, warnings, tt.want, tt.on, tt.evidence)
		}
	}
}

// Every container has processes of its own. The kernel's first namespace has a number that is
// part of its interface.
func TestContainerOfUnknownMake(t *testing.T) {
	at := func(ns, release string, env ...string) place {
		p := machine(map[string]string{osrelease: release}, env...)
		p.root.(fstest.MapFS)["proc/self/ns/pid"] = &fstest.MapFile{Data: []byte(ns), Mode: fs.ModeSymlink}
		return p
	}
	for _, tt := range []struct {
		name, ns, release, declared string
		want                        string
		contradicted                bool
	}{
		{"the kernel's first", "pid:[4026531836]", "6.1.0", "", "native", false},
		{"another", "pid:[4026532458]", "6.1.0", "", "container", false},
		{"a distribution of WSL2", "pid:[4026532203]", "5.15.167.4-microsoft-standard-WSL2", "", "wsl", false},
		{"rubbish", "x", "6.1.0", "", "native", false},
		{"declared as docker", "pid:[4026532458]", "6.1.0", "docker", "docker", false},
		{"declared as native", "pid:[4026532458]", "6.1.0", "native", "native", true},
	} {
		h, warnings := at(tt.ns, tt.release, DeclaredRuntime+"="+tt.declared).facts()
		if h.Runtime.Name != tt.want || (len(warnings) == 1) != tt.contradicted {
			t.Errorf("%s: got %+v, %v", tt.name, h.Runtime, warnings)
		}
	}
}

// Without /proc the signs in the kernel's release come from uname.
func TestRuntimeFromUname(t *testing.T) {
	p := machine(nil)
	p.kernel = "6.10.14-linuxkit"
	if got, _ := p.runtime(); got.Name != "docker-desktop" {
		t.Errorf("got %+v", got)
	}
}

func TestDeclaredRuntime(t *testing.T) {
	docker := map[string]string{".dockerenv": ""}
	podman := map[string]string{"run/.containerenv": ""}
	ec2 := map[string]string{vendor: "Amazon EC2\n"}
	desktop := map[string]string{osrelease: "6.10.14-linuxkit\n", ".dockerenv": ""}
	wslDocker := map[string]string{osrelease: "5.15.153.1-microsoft-standard-WSL2\n", ".dockerenv": ""}
	for _, tt := range []struct {
		name         string
		files        map[string]string
		declared     string
		want         string
		contradicted string // part of the sentence, empty for none
	}{
		{"agrees", podman, "podman", "podman", ""},
		{"white space", podman, " podman\n", "podman", ""},
		{"nothing declared", podman, "", "podman", ""},
		{"nothing but white space", podman, " ", "podman", ""},
		{"contradicts", podman, "docker", "docker", "declares the runtime docker, but the signs say podman (/run/.containerenv)"},
		{"native but in a container", docker, "native", "native", "the signs say docker (/.dockerenv)"},
		{"native on a machine in the cloud", ec2, "native", "native", ""},
		{"native and no sign", nil, "native", "native", ""},
		{"docker is Docker Desktop", desktop, "docker", "docker", ""},
		{"docker on WSL2", wslDocker, "docker", "docker", ""},
		{"native in a container on WSL2", wslDocker, "native", "native", "the signs say docker (/.dockerenv; kernel release 5.15.153.1-microsoft-standard-WSL2)"},
		{"podman without its sign", nil, "podman", "podman", "no sign of any runtime was found"},
		{"docker in the cloud without its sign", ec2, "docker", "docker", "the signs say cloud"},
		{"a runtime that leaves no sign", nil, "lima", "lima", ""},
		{"podman that hides its file", map[string]string{"proc/1/environ": "container=podman\x00"}, "podman", "podman", ""},
		{"podman that hides its file, declared as docker", map[string]string{"proc/1/environ": "container=podman\x00"}, "docker", "docker", "the signs say podman (container=podman in /proc/1/environ)"},
		{"any engine by a sign that all leave", map[string]string{"run/systemd/container": "oci"}, "docker", "docker", ""},
		{"native by a sign that all leave", map[string]string{"run/systemd/container": "oci"}, "native", "native", "a container of unknown make"},
		{"lxc is Proxmox", map[string]string{osrelease: "6.8.12-4-pve\n", "run/systemd/container": "lxc\n"}, "lxc", "lxc", ""},
		{"nerdctl is containerd", map[string]string{"proc/self/mountinfo": "1 1 0:5 / / rw - overlay none rw,upperdir=/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots/7/fs\n"}, "nerdctl", "nerdctl", ""},
		{"native on WSL2", map[string]string{osrelease: "5.15.153.1-microsoft-standard-WSL2\n"}, "native", "native", ""},
		{"a runtime that uses another", docker, "colima", "colima", ""},
	} {
		h, warnings := machine(tt.files, DeclaredRuntime+"="+tt.declared).facts()
		if h.Runtime.Name != tt.want || h.Runtime.Declared != strings.TrimSpace(tt.declared) {
			t.Errorf("%s: got %+v", tt.name, h.Runtime)
		}
		switch {
		case tt.contradicted == "" && len(warnings) != 0:
			t.Errorf("%s: got warnings %v", tt.name, warnings)
		case tt.contradicted != "" && (len(warnings) != 1 || warnings[0].Code != WarnRuntime || !strings.Contains(warnings[0].Text, tt.contradicted)):
			t.Errorf("%s: got warnings %v, want one with %q", tt.name, warnings, tt.contradicted)
		}
	}
}

func TestUsableCPUs(t *testing.T) {
	const v2 = "0::/user.slice/app.scope\n"
	const v2mount = "30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
	for _, tt := range []struct {
		name   string
		files  map[string]string
		usable int
		quota  float64 // 0 for none
		warn   bool
	}{
		{"nothing readable", nil, 8, 0, false},
		{"version 2, no limit", map[string]string{
			"proc/self/cgroup": v2, "proc/self/mountinfo": v2mount,
			"sys/fs/cgroup/user.slice/cpu.max": "max 100000\n"}, 8, 0, false},
		{"version 2, own group", map[string]string{
			"proc/self/cgroup": v2, "proc/self/mountinfo": v2mount,
			"sys/fs/cgroup/user.slice/app.scope/cpu.max": "300000 100000\n"}, 3, 3, false},
		{"version 2, the group above is tighter", map[string]string{
			"proc/self/cgroup": v2, "proc/self/mountinfo": v2mount,
			"sys/fs/cgroup/user.slice/app.scope/cpu.max": "300000 100000\n",
			"sys/fs/cgroup/user.slice/cpu.max":           "150000 100000\n"}, 2, 1.5, true},
		{"version 2, in a container with a namespace of its own", map[string]string{
			"proc/self/cgroup": "0::/\n", "proc/self/mountinfo": v2mount,
			"sys/fs/cgroup/cpu.max": "200000 100000\n"}, 2, 2, false},
		{"version 2, a group outside of the namespace", map[string]string{
			"proc/self/cgroup": "0::/../../other\n", "proc/self/mountinfo": strings.Replace(v2mount, "/ /sys", "/mine /sys", 1),
			"sys/fs/cgroup/cpu.max": "400000 100000\n"}, 4, 4, false},
		{"half a CPU", map[string]string{
			"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "50000 100000\n"}, 1, 0.5, true},
		{"more than the affinity", map[string]string{
			"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "1250000 100000\n"}, 8, 12.5, false},
		{"no /proc, but the control groups of the container", map[string]string{
			"sys/fs/cgroup/cpu.max": "200000 100000\n"}, 2, 2, false},
		{"version 1", map[string]string{
			"proc/self/cgroup":                                "9:name=systemd:/\n2:cpu,cpuacct:/app\n0::/\n",
			"proc/self/mountinfo":                             "31 24 0:27 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n",
			"sys/fs/cgroup/cpu,cpuacct/app/cpu.cfs_quota_us":  "250000\n",
			"sys/fs/cgroup/cpu,cpuacct/app/cpu.cfs_period_us": "100000\n"}, 3, 2.5, true},
		{"version 1 without a limit", map[string]string{
			"proc/self/cgroup":                       "1:cpu:/\n",
			"sys/fs/cgroup/cpu/cpu.cfs_quota_us":     "-1\n",
			"sys/fs/cgroup/cpu/cpu.cfs_period_us":    "100000\n",
			"sys/fs/cgroup/cpuset/cpu.cfs_quota_us":  "100000\n",
			"sys/fs/cgroup/cpuset/cpu.cfs_period_us": "100000\n"}, 8, 0, false},
		{"version 1, Docker in the host's namespace", map[string]string{
			"proc/self/cgroup":                       "4:cpu,cpuacct:/docker/abc\n",
			"proc/self/mountinfo":                    "31 24 0:27 /docker/abc /sys/fs/cgroup/my\\040cpu ro - cgroup cgroup rw,cpu,cpuacct\n",
			"sys/fs/cgroup/my cpu/cpu.cfs_quota_us":  "100000\n",
			"sys/fs/cgroup/my cpu/cpu.cfs_period_us": "100000\n"}, 1, 1, false},
		{"version 1, a group whose name starts like the mounted one", map[string]string{
			"proc/self/cgroup":                        "4:cpu:/docker/abcdef\n",
			"proc/self/mountinfo":                     "31 24 0:27 /docker/abc /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu\n",
			"sys/fs/cgroup/cpu/def/cpu.cfs_quota_us":  "100000\n",
			"sys/fs/cgroup/cpu/def/cpu.cfs_period_us": "100000\n",
			"sys/fs/cgroup/cpu/cpu.cfs_quota_us":      "500000\n",
			"sys/fs/cgroup/cpu/cpu.cfs_period_us":     "100000\n"}, 5, 5, false},
		{"rubbish", map[string]string{
			"proc/self/cgroup": "::::\n\n0::\nx", "proc/self/mountinfo": "a - b\n - \nc d e f g - cgroup2\n",
			"sys/fs/cgroup/cpu.max": "0 0\n"}, 8, 0, false},
	} {
		h, warnings := machine(tt.files).facts()
		quota := 0.0
		if h.CPU.Quota != nil {
			quota = *h.CPU.Quota
		}
		if h.CPU.Usable != tt.usable || quota != tt.quota {
			t.Errorf("%s: %d usable, quota %v; want %d, %v", tt.name, h.CPU.Usable, quota, tt.usable, tt.quota)
		}
		warned := len(warnings) == 1 && warnings[0].Code == WarnQuota
		if warned != tt.warn || len(warnings) > 1 {
			t.Errorf("%s: warnings %v, want one: %v", tt.name, warnings, tt.warn)
		}
	}
}

func TestUsableCPUsIsNeverBelowOne(t *testing.T) {
	p := machine(nil)
	p.affinity = 0
	if n, _ := p.usableCPUs(); n != 1 {
		t.Errorf("got %d", n)
	}
}

func TestMemory(t *testing.T) {
	const meminfo = "MemTotal:        8000000 kB\nMemFree:          100 kB\n"
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  uint64
	}{
		{"nothing readable: what sysinfo says", nil, 5 << 30},
		{"no limit", map[string]string{"proc/meminfo": meminfo}, 8000000 << 10},
		{"version 2", map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "0::/a/b\n",
			"sys/fs/cgroup/a/b/memory.max": "max\n", "sys/fs/cgroup/a/memory.max": "67108864\n"}, 64 << 20},
		{"version 1", map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "4:memory:/a\n",
			"sys/fs/cgroup/memory/a/memory.limit_in_bytes": "67108864\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes":   "9223372036854771712\n"}, 64 << 20},
		{"a limit above what there is", map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "0::/\n",
			"sys/fs/cgroup/memory.max": "99999999999\n"}, 8000000 << 10},
		{"rubbish", map[string]string{"proc/meminfo": "MemTotal: many kB\nMemTotal: 18446744073709551615 kB\nMemTotal:\n"}, 5 << 30},
	} {
		p := machine(tt.files)
		p.system.memory = 5 << 30
		if got := p.memory(); got != tt.want {
			t.Errorf("%s: got %d, want %d", tt.name, got, tt.want)
		}
	}
}

func TestOOMKills(t *testing.T) {
	const events, control, vmstat = "low 0\nmax 7\noom 2\noom_kill 3\noom_group_kill 0\n", "oom_kill_disable 0\nunder_oom 0\noom_kill 4\n", "pgfault 9\noom_kill 5\n"
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  uint64
		known bool
	}{
		{"nothing readable", nil, 0, false},
		{"version 2", map[string]string{"proc/vmstat": vmstat, "proc/self/cgroup": "0::/a/b\n",
			"sys/fs/cgroup/a/b/memory.events": events, "sys/fs/cgroup/a/memory.events": strings.ReplaceAll(events, "3", "33")}, 3, true},
		{"version 1", map[string]string{"proc/vmstat": vmstat, "proc/self/cgroup": "4:memory:/a\n0::/\n",
			"sys/fs/cgroup/memory/a/memory.oom_control": control}, 4, true},
		{"the root of version 2 counts nothing", map[string]string{"proc/vmstat": vmstat, "proc/self/cgroup": "0::/\n"}, 5, true},
		{"before Linux 4.13", map[string]string{"proc/vmstat": "pgfault 9\n", "proc/self/cgroup": "4:memory:/a\n",
			"sys/fs/cgroup/memory/a/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\n"}, 0, false},
		{"rubbish", map[string]string{"proc/vmstat": "oom_kill many\noom_kill\n"}, 0, false},
	} {
		if got, known := machine(tt.files).oomKills(); got != tt.want || known != tt.known {
			t.Errorf("%s: got %d, %v, want %d, %v", tt.name, got, known, tt.want, tt.known)
		}
	}
}

func TestCPUModel(t *testing.T) {
	arm := func(codes ...string) string {
		var s strings.Builder
		for i, c := range codes {
			implementer, part, _ := strings.Cut(c, " ")
			fmt.Fprintf(&s, "processor\t: %d\nCPU implementer\t: %s\nCPU architecture: 8\nCPU part\t: %s\n\n", i, implementer, part)
		}
		return s.String()
	}
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"x86", map[string]string{"proc/cpuinfo": "processor\t: 0\nmodel\t\t: 17\nmodel name\t: AMD EPYC 9R14\n\nprocessor\t: 1\nmodel name\t: AMD EPYC 9R14\n"}, "AMD EPYC 9R14"},
		{"server", map[string]string{"proc/cpuinfo": arm("0x41 0xd0c", "0x41 0xd0c")}, "Arm Neoverse-N1"},
		{"big and little with a board", map[string]string{"proc/cpuinfo": arm("0x41 0xd05", "0x41 0xd0b"), "proc/device-tree/model": "Radxa ROCK 5B\x00"},
			"Arm Cortex-A76 + Cortex-A55 (Radxa ROCK 5B)"},
		{"GB10", map[string]string{"proc/cpuinfo": arm("0x41 0xd87", "0x41 0xd85", "0x41 0xd87")}, "Arm Cortex-X925 + Cortex-A725"},
		{"GB10, the other way round", map[string]string{"proc/cpuinfo": arm("0x41 0xd85", "0x41 0xd87")}, "Arm Cortex-X925 + Cortex-A725"},
		{"M2 Pro", map[string]string{"proc/cpuinfo": arm("0x61 0x034", "0x61 0x035")}, "Apple M2 Pro (Avalanche) + M2 Pro (Blizzard)"},
		{"M2 Max", map[string]string{"proc/cpuinfo": arm("0x61 0x038", "0x61 0x039")}, "Apple M2 Max (Avalanche) + M2 Max (Blizzard)"},
		{"M4 Pro", map[string]string{"proc/cpuinfo": arm("0x61 0x54", "0x61 0x55")}, "Apple M4 Pro (performance) + M4 Pro (efficiency)"},
		{"M5", map[string]string{"proc/cpuinfo": arm("0x61 0x062", "0x61 0x063")}, "Apple M5 (performance) + M5 (efficiency)"},
		{"Snapdragon of 2019", map[string]string{"proc/cpuinfo": arm("0x51 0x805", "0x51 0x804")}, "Qualcomm Kryo 4xx Gold + Kryo 4xx Silver"},
		{"Snapdragon X Elite", map[string]string{"proc/cpuinfo": arm("0x51 0x001")}, "Qualcomm Oryon"},
		{"Grace", map[string]string{"proc/cpuinfo": arm("0x41 0xd4f")}, "Arm Neoverse-V2"},
		{"Vera", map[string]string{"proc/cpuinfo": arm("0x4e 0x010")}, "NVIDIA Olympus"},
		{"AmpereOne", map[string]string{"proc/cpuinfo": arm("0xc0 0xac4")}, "Ampere Ampere-1A"},
		{"three kinds", map[string]string{"proc/cpuinfo": arm("0x41 0xd80", "0x41 0xd81", "0x41 0xd82")}, "Arm Cortex-X4 + Cortex-A720 + Cortex-A520"},
		{"C1", map[string]string{"proc/cpuinfo": arm("0x41 0xd8b", "0x41 0xd8c")}, "Arm C1-Ultra + C1-Pro"},
		{"two makers", map[string]string{"proc/cpuinfo": arm("0x53 0x004", "0x41 0xd0b", "0x41 0xd05")}, "Samsung Exynos M5 + Arm Cortex-A76 + Cortex-A55"},
		{"Linux in a VM on a Mac", map[string]string{"proc/cpuinfo": arm("0x61 0x000")}, "Apple processor (virtual machine)"},
		{"unknown part", map[string]string{"proc/cpuinfo": arm("0x41 0xeee")}, "Arm part 0xeee"},
		{"unknown implementer", map[string]string{"proc/cpuinfo": arm("0x99 0x1")}, "implementer 0x99 part 0x001"},
		{"codes that are none", map[string]string{"proc/cpuinfo": arm("x y")}, "x y"},
		{"a board alone", map[string]string{"proc/device-tree/model": "Some Board\x00"}, "Some Board"},
		{"nothing readable", nil, ""},
	} {
		if got := machine(tt.files).cpuModel(); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
	p := machine(nil)
	p.brand = "by CPUID"
	if got := p.cpuModel(); got != "by CPUID" {
		t.Errorf("without /proc: got %q", got)
	}
}

func TestLogicalCPUs(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  int
	}{
		{"nothing readable", nil, 8},
		{"list", map[string]string{"sys/devices/system/cpu/online": "0-3,8,10-11\n"}, 7},
		{"one", map[string]string{"sys/devices/system/cpu/online": "0\n"}, 1},
		{"a list that is none", map[string]string{"sys/devices/system/cpu/online": "3-0\n", "proc/cpuinfo": "processor\t: 0\nx\nprocessor\t: 1\n"}, 2},
	} {
		if got := machine(tt.files).logicalCPUs(); got != tt.want {
			t.Errorf("%s: got %d, want %d", tt.name, got, tt.want)
		}
	}
}

func TestDeviceNodes(t *testing.T) {
	h, _ := machine(map[string]string{"dev/dri/renderD129": "", "dev/dri/card0": "", "dev/dri/renderD128": "", "dev/dri/by-path/x": "", "dev/dri/cardinal": "",
		"dev/nvidiactl": "", "dev/nvidia-uvm": "", "dev/nvidia10": "", "dev/nvidia2": "", "dev/nvidia-caps/nvidia-cap1": "", "dev/dxg": "", "dev/null": ""}).facts()
	if want := []string{"/dev/dri/card0", "/dev/dri/renderD128", "/dev/dri/renderD129"}; !slices.Equal(h.DRI, want) {
		t.Errorf("got %q, want %q", h.DRI, want)
	}
	if want := []string{"/dev/dxg", "/dev/nvidia-uvm", "/dev/nvidia10", "/dev/nvidia2", "/dev/nvidiactl"}; !slices.Equal(h.NVIDIA, want) {
		t.Errorf("got %q, want %q", h.NVIDIA, want)
	}
	if h, _ := machine(nil).facts(); h.DRI == nil || len(h.DRI)+len(h.NVIDIA) != 0 {
		t.Errorf("without /dev: got %#v, %#v", h.DRI, h.NVIDIA)
	}
}

func TestISA(t *testing.T) {
	with := func(have ...cpuid.FeatureID) func(...cpuid.FeatureID) bool {
		return func(want ...cpuid.FeatureID) bool {
			for _, w := range want {
				if !slices.Contains(have, w) {
					return false
				}
			}
			return true
		}
	}
	for _, tt := range []struct {
		name, arch string
		supports   func(...cpuid.FeatureID) bool
		want       string
	}{
		{"Zen 4", "amd64", with(cpuid.AVX2, cpuid.FMA3, cpuid.AVX512F, cpuid.AVX512BW, cpuid.AVX512DQ, cpuid.AVX512VL), "avx512"},
		{"Knights Landing has no BW, DQ and VL", "amd64", with(cpuid.AVX2, cpuid.FMA3, cpuid.AVX512F), "avx2"},
		{"AVX2 without FMA", "amd64", with(cpuid.AVX2), "sse2"},
		{"the first amd64", "amd64", with(), "sse2"},
		{"any arm64", "arm64", with(), "neon"},
		{"RISC-V", "riscv64", with(), ""},
	} {
		if got := isa(tt.arch, tt.supports); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestWarnsOfRosetta(t *testing.T) {
	p := machine(nil)
	p.system = system{model: "VirtualApple @ 2.50GHz", rosetta: true}
	h, warnings := p.facts()
	if len(warnings) != 1 || warnings[0].Code != WarnRosetta || h.CPU.Model != p.system.model {
		t.Errorf("got %q, %v", h.CPU.Model, warnings)
	}
}

// This very machine, whatever it is.
func TestFacts(t *testing.T) {
	h, warnings := Facts()
	if os.Getenv(printFacts) != "" {
		fmt.Printf("%+v\n", h)
	}
	check(t, h, warnings)
	if h.CPU.Usable != UsableCPUs() || h.CPU.ISA != ISA() {
		t.Errorf("UsableCPUs and ISA say %d, %q; Facts says %+v", UsableCPUs(), ISA(), h.CPU)
	}
	if got := os.Getenv("KUBERNETES_SERVICE_HOST"); got == "" && h.Runtime.Name == "kubernetes" {
		t.Error("kubernetes without its variable")
	}
}

func check(t *testing.T, h result.Host, warnings []result.Warning) {
	t.Helper()
	if h.OS != runtime.GOOS || h.Arch != runtime.GOARCH || h.Kernel == "" || h.MemoryBytes == 0 {
		t.Errorf("got %+v", h)
	}
	if c := h.CPU; c.Usable < 1 || c.Usable > c.Logical || c.Quota != nil && (*c.Quota <= 0 || math.IsInf(*c.Quota, 0)) {
		t.Errorf("got %+v", c)
	}
	if h.Runtime.Name == "" || h.Runtime.Evidence == nil || h.DRI == nil || warnings == nil {
		t.Errorf("got %+v, %v", h, warnings)
	}
}

// printFacts marks the copy of this test program that TestEmptyRoot runs.
const printFacts = "GPUBENCH_TEST_PRINT_FACTS"
