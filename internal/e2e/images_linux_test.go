// The test images in the container engines of this system.

package e2e

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"gpubench/internal/result"
)

// mostBytes is what an image may take, unpacked.
var mostBytes = map[string]int64{"cpu": 30e6, "vulkan": 600e6}

func TestImages(t *testing.T) {
	for _, name := range []string{"podman", "docker"} {
		t.Run(name, func(t *testing.T) {
			e := engineWith(t, name, "cpu")
			e.check(t, "cpu")
			t.Run("cpu", func(t *testing.T) {
				doc := e.run(t, "cpu", nil, quick...).document(t, 0)
				wantOK(t, measured(t, doc, "cpu"))
				if doc.Host.Runtime.Name != name || doc.Host.Runtime.Declared != "" || !doc.Tool.Static {
					t.Errorf("runtime %+v, static %v; want %s by its signs", doc.Host.Runtime, doc.Tool.Static, name)
				}
				for _, a := range doc.Absent {
					if !strings.Contains(a.Reason, "no dynamic loader") {
						t.Errorf("%s is absent because %q", a.Backend, a.Reason)
					}
				}
			})
			t.Run("a runtime that is declared wrongly", func(t *testing.T) {
				doc := e.run(t, "cpu", []string{"-e", "GPUBENCH_RUNTIME=apple-container"}, append(quick, "--backend", "cpu")...).document(t, 0)
				if len(doc.Warnings) == 0 || doc.Warnings[0].Code != "runtime-contradicted" || !strings.Contains(doc.Warnings[0].Text, name) {
					t.Errorf("warnings %v, want that the signs say %s", doc.Warnings, name)
				}
			})
			t.Run("vulkan", func(t *testing.T) {
				e := engineWith(t, name, "vulkan")
				e.check(t, "vulkan")
				doc := e.run(t, "vulkan", nil, quick...).document(t, 0)
				wantSoftware(t, doc)
				cpu, vulkan, blas := measured(t, doc, "cpu"), measured(t, doc, "vulkan:0"), measured(t, doc, "blas")
				wantOK(t, cpu)
				wantOK(t, vulkan)
				wantSame(t, cpu, vulkan)
				if blas.Status != result.StatusOK || blas.Verification.ExactChecksum != cpu.Verification.ExactChecksum {
					t.Errorf("blas: %s %s", blas.Status, blas.Reason)
				}
				who := e.run(t, "vulkan", []string{"--entrypoint", "id"}).stdout
				// 44 is Debian's group of /dev/dri/card*, 105 Fedora's of renderD*.
				for _, want := range []string{"uid=65532(gpubench)", "44(video)", "105("} {
					if !strings.Contains(who, want) {
						t.Errorf("the user is %s, want %s", who, want)
					}
				}
			})
		})
	}
}

// check looks at what an engine says of an image.
func (e engine) check(t *testing.T, image string) {
	t.Helper()
	a := finish(t, e.set.command(e.name, "image", "inspect", "--format", `{{.Size}} {{.Config.User}} {{index .Config.Labels "org.opencontainers.image.title"}}`, "localhost/gpubench:"+image))
	f := strings.Fields(a.stdout)
	if a.code != 0 || len(f) != 3 {
		t.Fatalf("inspect: exit code %d\n%s%s", a.code, a.stdout, a.stderr)
	}
	size, err := strconv.ParseInt(f[0], 10, 64)
	if err != nil || size > mostBytes[image] || f[1] == "" || strings.HasPrefix(f[1], "root") || strings.HasPrefix(f[1], "0") || f[2] != "gpubench" {
		t.Errorf("image %s: %s bytes (at most %d), user %q, title %q", image, f[0], mostBytes[image], f[1], f[2])
	}
	t.Logf("%s: %.1f MB in %s", image, float64(size)/1e6, e.name)
}

// Venus is the Vulkan driver inside Podman's machine on a Mac. Here it talks to a host
// process over a socket, and what stands behind it is llvmpipe and not a GPU.
func TestVenus(t *testing.T) {
	name := "podman"
	if engines().missing[name] != "" {
		name = "docker"
	}
	e := engineWith(t, name, "venushost", "vulkan")
	dir, err := os.MkdirTemp(e.set.dir, "venus-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	server := e.set.command(name, "run", "--rm", "--network", "none", "--name", "gpubench-venus", "-v", dir+":/tmp", "localhost/gpubench:venushost")
	server.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var log strings.Builder
	server.Stdout, server.Stderr = &log, &log
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { server.Wait(); close(ended) }()
	t.Cleanup(func() {
		finish(t, e.set.command(name, "rm", "--force", "gpubench-venus"))
		<-ended
		if t.Failed() {
			t.Logf("virgl_test_server: %s", log.String())
		}
	})
	socket := filepath.Join(dir, ".virgl_test")
	for i := 0; ; i++ {
		if _, err := os.Stat(socket); err == nil {
			break
		}
		select {
		case <-ended:
			t.Fatalf("the server has ended: %s", log.String())
		case <-time.After(100 * time.Millisecond):
		}
		if i == 600 {
			t.Fatal("the server makes no socket")
		}
	}
	if err := os.Chmod(socket, 0o777); err != nil {
		t.Fatal(err)
	}

	flags := []string{"-v", dir + ":/tmp", "-e", "VN_DEBUG=vtest", "-e", "VK_DRIVER_FILES=/usr/share/vulkan/icd.d/virtio_icd.json"}
	doc := e.run(t, "vulkan", flags, quick...).document(t, 0)
	cpu, vulkan := measured(t, doc, "cpu"), measured(t, doc, "vulkan:0")
	wantOK(t, cpu)
	wantOK(t, vulkan)
	wantSame(t, cpu, vulkan)
	for _, d := range doc.Devices {
		if d.ID != "vulkan:0" {
			continue
		}
		if !strings.HasPrefix(d.Name, "Virtio-GPU Venus (llvmpipe") || d.Driver.ID != 22 || d.Driver.Name != "venus" || !d.Software || d.GPU() {
			t.Errorf("%+v, want Venus, driver 22, as software", d)
		}
	}
}
