// Root directories that hold as little as a container image may.

package e2e

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"gpubench/internal/result"
)

// place copies a file into a root under a path of its own choice. Symbolic links
// are followed.
func place(t *testing.T, root, path, from string) {
	t.Helper()
	to := filepath.Join(root, path)
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	r, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	w, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(w, r)
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
}

// emptyRoot holds the program and nothing else.
func emptyRoot(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	place(t, root, "gpubench", gpubench(t))
	return root
}

// namespace gives a command that needs root's rights a user namespace of its own
// where we are not root.
func namespace(cmd *exec.Cmd) *exec.Cmd {
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
	}
	return cmd
}

// inRoot runs the program of a root directory with nothing outside it in reach, and
// no environment: it has neither /proc nor /dev.
func inRoot(t *testing.T, root string, args ...string) answer {
	t.Helper()
	command := func(args ...string) *exec.Cmd {
		cmd := exec.Command("/gpubench", args...)
		cmd.Dir = "/"
		cmd.Env = []string{}
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
		return namespace(cmd)
	}
	if err := command("version").Run(); errors.Is(err, syscall.EPERM) {
		t.Skipf("needs the right to change the root directory: %v", err)
	}
	return finish(t, command(args...))
}

// withMounts runs the program of a root directory that has this system's /proc and
// /dev in it. The mounts vanish with the process.
func withMounts(t *testing.T, root string, args ...string) answer {
	t.Helper()
	tool(t, "unshare")
	command := func(what string, args ...string) *exec.Cmd {
		flags := []string{"--mount"}
		if os.Geteuid() != 0 {
			flags = append(flags, "--map-root-user")
		}
		const mount = `mkdir -p "$0/proc" "$0/dev" && mount --rbind /proc "$0/proc" && mount --rbind /dev "$0/dev" && `
		cmd := exec.Command("unshare", append(append(flags, "sh", "-c", mount+what, root), args...)...)
		cmd.Env = []string{"PATH=" + os.Getenv("PATH") + ":/usr/sbin:/sbin"}
		return cmd
	}
	if out, err := command("true").CombinedOutput(); err != nil {
		t.Skipf("needs the right to mount: %v: %s", err, out)
	}
	return finish(t, command(`chroot=$(command -v chroot) && exec env -i "$chroot" "$0" /gpubench "$@"`, args...))
}

var ways = []struct {
	name string
	run  func(t *testing.T, root string, args ...string) answer
}{
	{"alone", inRoot},
	{"with proc and dev", withMounts},
}

func TestEmptyRoot(t *testing.T) {
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			root := emptyRoot(t)
			t.Run("the CPU", func(t *testing.T) {
				doc := way.run(t, root, append(quick, "--backend", "cpu")...).document(t, 0)
				wantOK(t, measured(t, doc, "cpu"))
				if len(doc.Measurements) != 1 || len(doc.Absent) != 0 || !doc.Tool.Static {
					t.Errorf("%d measurements, absent %v, static %v", len(doc.Measurements), doc.Absent, doc.Tool.Static)
				}
			})
			t.Run("everything", func(t *testing.T) {
				doc := way.run(t, root, quick...).document(t, 0)
				wantOK(t, measured(t, doc, "cpu"))
				vulkan := false
				for _, a := range doc.Absent {
					vulkan = vulkan || a.Backend == "vulkan"
					if !strings.Contains(a.Reason, "no dynamic loader") || a.Remedy == "" {
						t.Errorf("%s is absent because %q, remedy %q, want the dynamic loader named and a remedy", a.Backend, a.Reason, a.Remedy)
					}
				}
				if !vulkan {
					t.Errorf("absent: %+v, want vulkan among them", doc.Absent)
				}
			})
			t.Run("a backend that cannot be there", func(t *testing.T) {
				a := way.run(t, root, append(quick, "--backend", "vulkan")...)
				if a.code != 4 || a.stdout != "" || !strings.Contains(a.stderr, "no dynamic loader") {
					t.Errorf("exit code %d, want 4 and the reason\n%s%s", a.code, a.stdout, a.stderr)
				}
			})
		})
	}
}

// driverRoot adds to an empty root what a Vulkan driver needs: the dynamic loader,
// the Vulkan loader, the driver, and the libraries of both.
func driverRoot(t *testing.T) string {
	t.Helper()
	manifest, driver := software(t)
	vulkan := systemLibrary(t, "libvulkan.so.1")
	root := emptyRoot(t)
	place(t, root, manifest, manifest)
	for _, library := range []string{vulkan, driver} {
		place(t, root, library, library)
		out, err := exec.Command(tool(t, "ldd"), library).Output()
		if err != nil {
			t.Fatalf("ldd %s: %v", library, err)
		}
		for _, m := range regexp.MustCompile(`(/\S+) \(0x`).FindAllSubmatch(out, -1) {
			path := string(m[1])
			if _, err := os.Stat(filepath.Join(root, path)); err != nil {
				place(t, root, path, path)
			}
		}
	}
	return root
}

func TestRootWithDriver(t *testing.T) {
	root := driverRoot(t)
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			doc := way.run(t, root, quick...).document(t, 0)
			wantSoftware(t, doc)
			cpu, vulkan := measured(t, doc, "cpu"), measured(t, doc, "vulkan:0")
			wantOK(t, cpu)
			wantOK(t, vulkan)
			wantSame(t, cpu, vulkan)
		})
	}
}

// wantSoftware checks that vulkan:0 is known as the program on the CPU that it is.
func wantSoftware(t *testing.T, doc *result.Document) {
	t.Helper()
	for _, d := range doc.Devices {
		if d.ID == "vulkan:0" {
			if !strings.Contains(d.Name, "llvmpipe") || d.Class != result.ClassCPU || !d.Software || d.GPU() {
				t.Errorf("%+v, want llvmpipe as software of class cpu", d)
			}
			return
		}
	}
	t.Fatalf("there is no vulkan:0; absent: %+v", doc.Absent)
}
