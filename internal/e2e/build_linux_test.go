package e2e

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// builder is a clone in which images/build.sh runs where uname, go and the engine are
// stand-ins that note their arguments; git and the rest are real.
type builder struct {
	root, notes string
	env         []string
	commit      string
}

// The engine notes what it is sent to build from, and hands out a program that names the
// commit that it was asked for. The last of its arguments is the context.
const engineStandIn = `
for last; do :; done
case $1 in
build)
	while [ "$1" != -t ]; do shift; done
	dir=$NOTES/$(echo "$2" | tr /: __)
	mkdir "$dir" && cp -R "$last" "$dir/context"
	case $* in *COMMIT=*) commit=${*#*COMMIT=}; echo "linux ${STAND_IN_COMMIT:-${commit%% *}}" >$NOTES/program ;; esac
	[ "$2" != "${STAND_IN_FAILS-}" ] || { echo "it went wrong" >&2; exit 1; }
	;;
create) echo "a-container" ;;
cp) case $2 in *:/out/.) cp "$NOTES/program" "$3/gpubench"; chmod +x "$3/gpubench" ;; *) echo driver >"$3/driver.so" ;; esac ;;
save) while [ "$1" != -o ]; do shift; done; echo saved >"$2" ;;
info) case " ${STAND_IN_MUTE-} " in *" ${0##*/} "*) exit 1 ;; esac ;;
buildx) exit 1 ;;
esac`

const goStandIn = `
case $* in
"env GOARCH") echo arm64 ;;
"env GOPROXY") echo https://proxy ;;
"run ./images/pack "*) while [ "$1" != -o ]; do shift; done; echo packed >"$2" ;;
*) exit 1 ;;
esac`

func newBuilder(t *testing.T) *builder {
	t.Helper()
	b := &builder{root: filepath.Join(t.TempDir(), "a clone")}
	path := filepath.Join(t.TempDir(), "path")
	b.notes = t.TempDir()
	if err := errors.Join(os.MkdirAll(b.root, 0o755), os.Mkdir(path, 0o755)); err != nil {
		t.Fatal(err)
	}
	script := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(path, name), []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"podman", "docker"} {
		script(name, `echo "`+name+` $*" >>"$NOTES/log"`+engineStandIn)
	}
	script("go", `echo "go $*" >>"$NOTES/log"`+goStandIn)
	script("uname", `echo ${STAND_IN_SYSTEM:-Darwin}`)
	script("runc", "exit 1") // which no Mac has, and must not be asked for
	// All that the script needs of a Mac.
	for _, name := range []string{"sh", "git", "tar", "cp", "mv", "rm", "mkdir", "mktemp", "chmod", "dirname", "wc", "sed", "grep", "tail", "cat", "tr", "find", "perl"} {
		if err := os.Symlink(tool(t, name), filepath.Join(path, name)); err != nil {
			t.Fatal(err)
		}
	}
	b.env = []string{"PATH=" + path, "NOTES=" + b.notes, "HOME=" + b.root, "GIT_CONFIG_NOSYSTEM=1"}
	if err := os.CopyFS(filepath.Join(b.root, "images"), os.DirFS(filepath.Join(repository(t), "images"))); err != nil {
		t.Fatal(err)
	}
	b.write(t, ".gitignore", "/bin/\n")
	b.write(t, "cmd/gone.go", "gone")
	b.write(t, "cmd/main.go", "main")
	for _, args := range [][]string{{"init", "-q"}, {"add", "-A"}, {"-c", "user.name=x", "-c", "user.email=x@x", "commit", "-qm", "x"}} {
		b.git(t, args...)
	}
	b.commit = b.git(t, "rev-parse", "HEAD")
	return b
}

func (b *builder) write(t *testing.T, name, text string) {
	t.Helper()
	name = filepath.Join(b.root, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(text), 0o755)); err != nil {
		t.Fatal(err)
	}
}

func (b *builder) git(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Env = b.root, b.env
	a := finish(t, cmd)
	if a.code != 0 {
		t.Fatalf("git %v: %s", args, a.stderr)
	}
	return strings.TrimSpace(a.stdout)
}

// run builds images anew, and returns what was said and the notes.
func (b *builder) run(t *testing.T, env ...string) (answer, []string) {
	t.Helper()
	os.RemoveAll(b.notes)
	if err := os.Mkdir(b.notes, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(b.root, "images/build.sh"))
	cmd.Env = append(slices.Clone(b.env), env...)
	a := finish(t, cmd)
	text, _ := os.ReadFile(filepath.Join(b.notes, "log"))
	var notes []string
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(strings.TrimSpace(line), " --label ")
		notes = append(notes, line)
	}
	return a, notes
}

// sent is a file of the context that an image was built from.
func (b *builder) sent(image, name string) string {
	text, err := os.ReadFile(filepath.Join(b.notes, strings.NewReplacer("/", "_", ":", "_").Replace(image), "context", name))
	if err != nil {
		return "(none)"
	}
	return string(text)
}

// On a Mac bin/gpubench is no program for an image, and the engine is in a virtual
// machine.
func TestImagesOnAMac(t *testing.T) {
	b := newBuilder(t)
	b.write(t, "bin/gpubench", "darwin "+b.commit)
	b.write(t, "cmd/main.go", "changed")
	b.write(t, "cmd/new file.go", "new")
	if err := os.Remove(filepath.Join(b.root, "cmd/gone.go")); err != nil {
		t.Fatal(err)
	}
	a, notes := b.run(t)
	if a.code != 0 {
		t.Fatalf("exit code %d\n%s", a.code, a.stderr)
	}
	var steps []string
	for _, n := range notes {
		// The directory has another name each time.
		if f := strings.Fields(n); f[0] == "podman" {
			for i := range f {
				if j := strings.Index(f[i], "/tmp."); j >= 0 {
					_, f[i], _ = strings.Cut(f[i][j+1:], "/")
				}
			}
			n = strings.Join(f, " ")
		} else if f[1] == "run" {
			n = strings.Join(f[:7], " ")
		}
		steps = append(steps, n)
	}
	build := "podman build --platform linux/arm64 --network host -f "
	want := []string{
		"go env GOARCH",
		"podman info",
		"go env GOPROXY",
		build + "source/Containerfile -t localhost/gpubench-build:arm64 --build-arg GOPROXY=https://proxy --build-arg COMMIT=" + b.commit + " --build-arg DIRTY=true",
		"podman create localhost/gpubench-build:arm64 true",
		"podman cp a-container:/out/. out",
		"podman rm a-container",
		build + "context/Containerfile -t localhost/gpubench:cpu",
		"podman save -q --format docker-archive -o saved.tar localhost/gpubench:cpu",
		"go run ./images/pack -name localhost/gpubench:cpu -epoch " + b.git(t, "log", "-1", "--format=%ct"),
		build + "context/Containerfile -t localhost/gpubench-driver:arm64 --build-arg FEDORA=registry.fedoraproject.org/fedora:44",
		"podman create localhost/gpubench-driver:arm64 true",
		"podman cp a-container:/overlay/. context/overlay",
		"podman rm a-container",
		build + "context/Containerfile -t localhost/gpubench:vulkan --build-arg BASE=docker.io/library/debian:trixie-slim",
		"podman save -q --format docker-archive -o saved.tar localhost/gpubench:vulkan",
		"go run ./images/pack -name localhost/gpubench:vulkan -epoch " + b.git(t, "log", "-1", "--format=%ct"),
	}
	if !slices.Equal(steps, want) {
		t.Errorf("the steps were\n%s\nwant\n%s", strings.Join(steps, "\n"), strings.Join(want, "\n"))
	}
	for _, s := range []struct{ image, name, text string }{
		{"localhost/gpubench-build:arm64", "cmd/main.go", "changed"},
		{"localhost/gpubench-build:arm64", "cmd/new file.go", "new"},
		{"localhost/gpubench-build:arm64", "cmd/gone.go", "(none)"},
		{"localhost/gpubench-build:arm64", "bin/gpubench", "(none)"},
		{"localhost/gpubench:cpu", "gpubench", "linux " + b.commit + "\n"},
		{"localhost/gpubench:vulkan", "gpubench", "linux " + b.commit + "\n"},
		{"localhost/gpubench:vulkan", "overlay/driver.so", "driver\n"},
	} {
		if got := b.sent(s.image, s.name); got != s.text {
			t.Errorf("%s was built from %s %q, want %q", s.image, s.name, got, s.text)
		}
	}
	if !strings.Contains(b.sent("localhost/gpubench-build:arm64", "Containerfile"), "RUN --mount=type=cache,") {
		t.Error("podman builds without a cache")
	}
	for _, name := range []string{"cpu", "vulkan"} {
		if _, err := os.Stat(filepath.Join(b.root, "bin/images/gpubench-"+name+"-linux-arm64.tar")); err != nil {
			t.Error(err)
		}
	}

	// Docker without its plugin takes no --mount.
	if a, _ := b.run(t, "ENGINE=docker", "IMAGES=cpu"); a.code != 0 || !strings.Contains(b.sent("localhost/gpubench-build:arm64", "Containerfile"), "\nRUN make build ") {
		t.Errorf("docker: exit code %d\n%s%s", a.code, a.stderr, b.sent("localhost/gpubench-build:arm64", "Containerfile"))
	}
	// One that does not answer is passed over, in favour of any that does.
	for mute, want := range map[string]string{"podman": "docker", "docker": "podman", "": "podman"} {
		a, notes := b.run(t, "STAND_IN_MUTE="+mute, "IMAGES=cpu")
		built := slices.ContainsFunc(notes, func(n string) bool { return strings.HasPrefix(n, want+" build ") })
		if said := strings.Contains(a.stderr, "images: podman is there but does not answer: "); a.code != 0 || !built || said != (mute == "podman") {
			t.Errorf("%q does not answer: exit code %d\n%s%s", mute, a.code, a.stderr, strings.Join(notes, "\n"))
		}
	}
	if _, notes := b.run(t, "VENUS=none"); slices.ContainsFunc(notes, func(n string) bool { return strings.Contains(n, "gpubench-driver") }) {
		t.Errorf("VENUS=none: %s", strings.Join(notes, "\n"))
	}
	if _, notes := b.run(t, "VENUS=25.3.7-1.fc44"); !slices.ContainsFunc(notes, func(n string) bool { return strings.HasSuffix(n, " --build-arg MESA=25.3.7-1.fc44") }) {
		t.Errorf("VENUS=25.3.7-1.fc44: %s", strings.Join(notes, "\n"))
	}
}

func TestImageScripts(t *testing.T) {
	scripts := []string{"../../images/build.sh", "testdata/venus/fedora/dnf", "testdata/venus/fedora/rpm"}
	for _, s := range scripts {
		if _, err := os.ReadFile(s); err != nil { // so that a change makes go test run this again
			t.Fatal(err)
		}
	}
	if a := finish(t, exec.Command(tool(t, "shellcheck"), scripts...)); a.code != 0 {
		t.Error(a.stdout)
	}
}

func TestImagesNeed(t *testing.T) {
	b := newBuilder(t)
	b.write(t, "bin/gpubench", "old")
	for _, tt := range []struct {
		name string
		env  []string
		want string
	}{
		{"none that answers", []string{"STAND_IN_MUTE=podman docker"}, "run podman machine start (before the first time podman machine init); docker is there but its daemon does not answer"},
		{"a machine that is not started", []string{"STAND_IN_MUTE=podman", "ENGINE=podman"}, "run podman machine start"},
		{"podman on Linux", []string{"STAND_IN_MUTE=podman docker", "STAND_IN_SYSTEM=Linux"}, "see what podman info says; docker is there"},
		{"a daemon that is not started", []string{"STAND_IN_MUTE=docker", "ENGINE=docker"}, "its daemon does not answer"},
		{"an engine that is none", []string{"ENGINE=container"}, "it must be podman, buildah or docker"},
		{"a build that fails", []string{"STAND_IN_FAILS=localhost/gpubench-driver:arm64"},
			"it went wrong\nimages: podman could not build localhost/gpubench-driver:arm64 for linux/arm64 from images/Containerfile.venus"},
		{"a program of another commit from the container", []string{"STAND_IN_COMMIT=beef"}, "bin/gpubench-linux-arm64 is not of the commit that is checked out, " + b.commit},
		{"a program of another commit", []string{"STAND_IN_SYSTEM=Linux"}, "bin/gpubench is not of the commit that is checked out, " + b.commit + ": run make build"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, notes := b.run(t, tt.env...)
			if a.code != 1 || !strings.Contains(a.stderr, tt.want) {
				t.Errorf("exit code %d, want 1 and %q\n%s", a.code, tt.want, a.stderr)
			}
			if slices.ContainsFunc(notes, func(n string) bool { return strings.Contains(n, "localhost/gpubench:vulkan") }) {
				t.Errorf("it went on:\n%s", strings.Join(notes, "\n"))
			}
		})
	}
}
