// The test images in the container engines of this system.

package e2e

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
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

// venusDriver is where the image holds the driver that images/Containerfile.venus makes.
const venusDriver = "/usr/lib/gpubench/libvulkan_virtio.so"

// icd is where the images have their drivers' manifests.
const icd = "/usr/share/vulkan/icd.d/"

// venusFlags are those of a container whose Venus driver is to find the server in a
// directory.
func venusFlags(dir, manifests string) []string {
	return []string{"--volume=" + dir + ":/tmp", "--env=VN_DEBUG=vtest", "--env=VK_DRIVER_FILES=" + manifests}
}

// venusServer starts the other end of the Venus driver and returns the directory that its
// socket is in.
func (e engine) venusServer(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp(e.set.dir, "venus-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	// Nobody may be left to end it.
	server := e.set.command(e.name, "run", "--rm", "--network", "none", "--name", "gpubench-venus", "-v", dir+":/tmp", "--user", "root",
		"-e", "LD_PRELOAD=/udmabuf.so", "-e", "VKR_DEBUG=udmabuf", "-e", "VK_DRIVER_FILES=/usr/share/vulkan/icd.d/lvp_icd.json",
		"--entrypoint", "timeout", "localhost/gpubench:venushost", "600", "virgl_test_server", "--venus", "--no-virgl", "--use-egl-surfaceless")
	server.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var log strings.Builder
	server.Stdout, server.Stderr = &log, &log
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { server.Wait(); close(ended) }()
	t.Cleanup(func() {
		finish(t, e.set.command(e.name, "rm", "--force", "gpubench-venus"))
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
	return dir
}

// wantVenus checks that Venus is among devices, once and as software, and returns its id.
func wantVenus(t *testing.T, devices []result.Device) (id string) {
	t.Helper()
	for _, d := range devices {
		if d.Driver.ID != 22 {
			continue
		}
		if id != "" || !strings.HasPrefix(d.Name, "Virtio-GPU Venus (llvmpipe") || d.Driver.Name != "venus" || !d.Software || d.GPU() {
			t.Errorf("%+v, want Venus once and as software", d)
		}
		id = d.ID
	}
	if id == "" {
		t.Fatalf("no Venus among %+v", devices)
	}
	return id
}

// Venus is the Vulkan driver inside Podman's machine on a Mac. Here it talks to a host
// process over a socket, and what stands behind it is llvmpipe and not a GPU.
func TestVenus(t *testing.T) {
	e := anEngine(t, "venushost", "vulkan")
	dir := e.venusServer(t)
	flags := func(manifests string) []string {
		return venusFlags(dir, manifests)
	}
	// In this image Debian's own is not where Debian has it.
	t.Run("the driver for Apple silicon", func(t *testing.T) {
		drivers := e.run(t, "venushost", []string{"--entrypoint", "find"}, "/usr/lib", "-name", filepath.Base(venusDriver)).stdout
		if drivers != venusDriver+"\n" {
			t.Fatalf("the image has the drivers\n%s", drivers)
		}
		doc := e.run(t, "venushost", flags(icd+"virtio_icd.json"), quick...).document(t, 0)
		cpu, vulkan := measured(t, doc, "cpu"), measured(t, doc, wantVenus(t, doc.Devices))
		wantOK(t, cpu)
		wantOK(t, vulkan)
		wantSame(t, cpu, vulkan)
	})
	for _, tt := range []struct{ name, image, manifests string }{
		{"Debian's driver", "vulkan", icd + "virtio_icd.json"},
		// llvmpipe brings Debian's libraries into the process that the driver's own come into.
		{"the driver for Apple silicon after llvmpipe", "venushost", icd + "lvp_icd.json:" + icd + "virtio_icd.json"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := e.run(t, tt.image, flags(tt.manifests), "devices", "--json")
			var seen struct{ Devices []result.Device }
			if err := json.Unmarshal([]byte(a.stdout), &seen); err != nil {
				t.Fatalf("exit code %d: %v\n%s%s", a.code, err, a.stdout, a.stderr)
			}
			wantVenus(t, seen.Devices)
		})
	}
}

// What a build of the images does where the Venus driver is not the one that it should
// be, or does not go with what is in the image.
func TestVenusRefused(t *testing.T) {
	e := engineWith(t, "podman", "venushost")
	read := func(name string) string {
		t.Helper()
		text, err := os.ReadFile(filepath.Join(repository(t), "images", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	build := func(t *testing.T, containerfile string, files map[string]string, flags ...string) answer {
		t.Helper()
		dir, err := os.MkdirTemp(e.set.dir, "build-")
		if err != nil {
			t.Fatal(err)
		}
		for name, text := range files {
			name = filepath.Join(dir, name)
			if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(text), 0o755)); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, "Containerfile"), []byte(containerfile), 0o644); err != nil {
			t.Fatal(err)
		}
		args := append([]string{"build", "--isolation", "chroot", "--network", "host", "-f", filepath.Join(dir, "Containerfile")}, flags...)
		return finish(t, e.set.command("podman", append(args, dir)...))
	}
	check := func(t *testing.T, a answer, want ...string) {
		t.Helper()
		if a.code == 0 {
			t.Error("the image was built")
		}
		for _, w := range want {
			if !strings.Contains(a.stdout+a.stderr, w) {
				t.Errorf("exit code %d, without %q:\n%s%s", a.code, w, a.stdout, a.stderr)
			}
		}
	}

	root := build(t, "FROM localhost/gpubench:venushost\nUSER root\n", nil, "-t", "localhost/gpubench-fedora")
	if root.code != 0 {
		t.Fatalf("%s%s", root.stdout, root.stderr)
	}
	for _, tt := range []struct {
		name, version string
		want          []string
	}{
		{"a version that is gone", "25.3.5-100.fc44", []string{"\nmesa-vulkan-drivers-25.3.5-100.fc44 cannot be installed", "\n25.3.6-102.fc44\nbuild again with VENUS=VERSION"}},
		{"Fedora's own", "26.2.3-1.fc44", []string{"\nthe Venus driver installed is 26.2.3-1.fc44 of Fedora Project; wanted is 26.2.3-1.fc44 of Fedora Copr - user slp"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			check(t, build(t, read("Containerfile.venus"), nil, "--build-arg", "FEDORA=localhost/gpubench-fedora", "--build-arg", "MESA="+tt.version), tt.want...)
		})
	}

	// The part of the vulkan image that comes after Debian's packages, on the image that
	// has them and a driver that is right.
	_, after, ok := strings.Cut(read("Containerfile.vulkan"), "COPY overlay/ /\n")
	if !ok {
		t.Fatal("Containerfile.vulkan copies no overlay")
	}
	cc := tool(t, "gcc")
	library := func(t *testing.T, source string, flags ...string) string {
		t.Helper()
		out := filepath.Join(t.TempDir(), "lib.so")
		cmd := exec.Command(cc, append([]string{"-shared", "-fPIC", "-o", out, "-x", "c", "-"}, flags...)...)
		cmd.Stdin = strings.NewReader(source)
		if a := finish(t, cmd); a.code != 0 {
			t.Fatal(a.stderr)
		}
		return out
	}
	for _, tt := range []struct {
		name   string
		before string // what is done to the image
		driver func(t *testing.T) string
		want   []string
	}{
		{"Debian's driver for the same device", "echo >/usr/share/vulkan/icd.d/virtio_icd.debian.json", nil, nil},
		{"a library left out", "rm /usr/lib/gpubench/gpubench-libdrm.so.2", nil, []string{"\n" + venusDriver + ": \tgpubench-libdrm.so.2 => not found"}},
		{"Debian's library in its place", "patchelf --replace-needed gpubench-libdrm.so.2 libdrm.so.2 " + venusDriver, nil, []string{"\n" + venusDriver + ": libdrm.so.2 is not beside it but /"}},
		{"no library", "echo >" + venusDriver, nil, []string{"\n" + venusDriver + ": \tnot a dynamic executable"}},
		{"an undefined symbol", "", func(t *testing.T) string { return library(t, "void nowhere(void); void vk(void) { nowhere(); }") },
			[]string{"\n" + venusDriver + ": undefined symbol: nowhere"}},
		{"a newer glibc", "", func(t *testing.T) string {
			script := filepath.Join(t.TempDir(), "versions")
			if err := os.WriteFile(script, []byte("GLIBC_2.99 { global: later; };\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			return library(t, "void later(void); void vk(void) { later(); }", "-nostdlib", "-x", "none", library(t, "void later(void) {}", "-nostdlib", "-Wl,-soname,libc.so.6", "-Wl,--version-script="+script))
		}, []string{"version `GLIBC_2.99' not found", "\nit needs a newer glibc: build with BASE="}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			files := map[string]string{"gpubench": "", "overlay/none": ""}
			if tt.driver != nil {
				text, err := os.ReadFile(tt.driver(t))
				if err != nil {
					t.Fatal(err)
				}
				files["overlay"+venusDriver] = string(text)
			}
			text := "FROM localhost/gpubench-fedora\n"
			if tt.before != "" {
				text += "RUN " + tt.before + "\n"
			}
			text += "COPY overlay/ /\n" + after + `RUN [ "$(echo /usr/share/vulkan/icd.d/*virtio*)" = /usr/share/vulkan/icd.d/virtio_icd.json ]` + "\n"
			a := build(t, text, files)
			if tt.want != nil {
				check(t, a, tt.want...)
			} else if a.code != 0 {
				t.Errorf("exit code %d\n%s%s", a.code, a.stdout, a.stderr)
			}
		})
	}
}
