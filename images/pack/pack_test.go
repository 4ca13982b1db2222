package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// entry is a member of a tar archive.
type entry struct {
	header tar.Header
	text   string
}

func archive(t *testing.T, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := e.header
		h.Size = int64(len(e.text))
		if h.Typeflag == 0 {
			h.Typeflag = tar.TypeReg
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, e.text)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zipped(text []byte) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(text)
	z.Close()
	return b.String()
}

var epoch = time.Unix(1_700_000_000, 0).UTC()

// layer is a file system as engines write it, built at some time by somebody.
func layer(t *testing.T, built time.Time, by string) []byte {
	return archive(t,
		entry{tar.Header{Name: "bin/", Typeflag: tar.TypeDir, Mode: 0o755, ModTime: built, Uname: by}, ""},
		entry{tar.Header{Name: "bin/x", Mode: 0o4755, Uid: 7, Gid: 8, ModTime: built, AccessTime: built, Uname: by, Format: tar.FormatPAX,
			PAXRecords: map[string]string{"SCHILY.xattr.security.capability": "\x01\x00"}}, "program"},
		entry{tar.Header{Name: "bin/old", Mode: 0o644, ModTime: time.Unix(5, 0)}, "old"},
		entry{tar.Header{Name: "bin/y", Typeflag: tar.TypeSymlink, Linkname: "x", ModTime: built}, ""},
		entry{tar.Header{Name: "bin/.wh.gone", ModTime: built}, ""},
	)
}

func configuration(created, by string) string {
	return `{"architecture":"arm64","os":"linux","created":"` + created + `","docker_version":"` + by + `","history":[{"created_by":"` + by + `"}],
		"config":{"User":"65532:65532","Entrypoint":["/gpubench"],"Image":"` + by + `","Labels":{"a":"b","io.buildah.version":"` + by + `"}},
		"rootfs":{"type":"layers","diff_ids":["sha256:wrong"]}}`
}

// packed packs a saved image and returns the archive's bytes.
func packed(t *testing.T, entries ...entry) ([]byte, error) {
	t.Helper()
	dir := t.TempDir()
	from, to := filepath.Join(dir, "saved.tar"), filepath.Join(dir, "out.tar")
	if err := os.WriteFile(from, archive(t, entries...), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := pack(from, to, "localhost/gpubench:cpu", epoch); err != nil {
		if left, _ := os.ReadDir(dir); len(left) != 1 {
			t.Errorf("left behind: %v", left)
		}
		return nil, err
	}
	text, err := os.ReadFile(to)
	if err != nil {
		t.Fatal(err)
	}
	return text, nil
}

func file(name, text string) entry { return entry{tar.Header{Name: name, Mode: 0o644}, text} }

// The forms of docker and of podman, at different times, give the same archive.
func TestSameFromEveryEngine(t *testing.T) {
	docker, err := packed(t,
		file("abc.json", configuration("2026-01-01T00:00:00Z", "docker")),
		file("1/layer.tar", string(layer(t, epoch.Add(time.Hour), "root"))),
		entry{tar.Header{Name: "2/layer.tar", Typeflag: tar.TypeSymlink, Linkname: "../1/layer.tar"}, ""},
		file("manifest.json", `[{"Config":"abc.json","RepoTags":["other:name"],"Layers":["1/layer.tar","2/layer.tar"]}]`))
	if err != nil {
		t.Fatal(err)
	}
	podman, err := packed(t,
		file("manifest.json", `[{"Config":"def.json","RepoTags":[],"Layers":["l.tar","l.tar"]}]`),
		file("l.tar", zipped(layer(t, epoch.Add(-2*time.Hour), "me"))),
		file("def.json", configuration("2026-02-02T00:00:00Z", "podman")))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(docker, podman) {
		t.Error("the archives differ")
	}
	checkLayout(t, docker)
}

// checkLayout follows every reference from the index, and from Docker's manifest.
func checkLayout(t *testing.T, text []byte) {
	t.Helper()
	files := map[string][]byte{}
	r := tar.NewReader(bytes.NewReader(text))
	for {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if files[h.Name] != nil {
			t.Errorf("%s is there twice", h.Name)
		}
		if h.ModTime.After(epoch) {
			t.Errorf("%s is of %v", h.Name, h.ModTime)
		}
		files[h.Name], _ = io.ReadAll(r)
	}
	decode := func(name string, v any) {
		if err := json.Unmarshal(files[name], v); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	blob := func(d descriptor) string {
		name := "blobs/sha256/" + strings.TrimPrefix(d.Digest, "sha256:")
		if sum := sha256.Sum256(files[name]); "sha256:"+hex.EncodeToString(sum[:]) != d.Digest || int64(len(files[name])) != d.Size {
			t.Fatalf("%+v is not what %s holds", d, name)
		}
		return name
	}
	if string(files["oci-layout"]) != `{"imageLayoutVersion":"1.0.0"}` {
		t.Errorf("oci-layout: %s", files["oci-layout"])
	}
	var ix index
	decode("index.json", &ix)
	if len(ix.Manifests) != 1 || *ix.Manifests[0].Platform != (platform{"arm64", "linux"}) || ix.Manifests[0].Annotations["io.containerd.image.name"] != "localhost/gpubench:cpu" {
		t.Fatalf("index: %s", files["index.json"])
	}
	var m manifest
	decode(blob(ix.Manifests[0]), &m)
	var c config
	decode(blob(m.Config), &c)
	if c.Created != epoch || c.Config.User != "65532:65532" || len(c.Config.Labels) != 1 || len(c.RootFS.DiffIDs) != 2 || len(c.History) != 2 || c.History[0].Created != epoch || strings.Contains(string(files[blob(m.Config)]), "created_by") {
		t.Errorf("configuration: %s", files[blob(m.Config)])
	}
	for i, l := range m.Layers {
		z, err := gzip.NewReader(bytes.NewReader(files[blob(l)]))
		if err != nil {
			t.Fatal(err)
		}
		plain, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(plain); "sha256:"+hex.EncodeToString(sum[:]) != c.RootFS.DiffIDs[i] {
			t.Errorf("layer %d has not the digest that the configuration gives", i)
		}
		checkLayer(t, plain)
	}
	var docker []saved
	decode("manifest.json", &docker)
	if d := docker[0]; len(docker) != 1 || d.Config != blob(m.Config) || d.Layers[1] != blob(m.Layers[1]) || d.RepoTags[0] != "localhost/gpubench:cpu" {
		t.Errorf("manifest.json: %s", files["manifest.json"])
	}
}

// checkLayer looks for all that must stay of layer's files.
func checkLayer(t *testing.T, text []byte) {
	t.Helper()
	r := tar.NewReader(bytes.NewReader(text))
	for _, want := range []string{"bin/", "bin/x", "bin/old", "bin/y", "bin/.wh.gone"} {
		h, err := r.Next()
		if err != nil || h.Name != want {
			t.Fatalf("%v, %v, want %s", h, err, want)
		}
		body, _ := io.ReadAll(r)
		wrong := h.ModTime.Unix() != 0 || h.Uname != ""
		switch want {
		case "bin/x":
			wrong = wrong || h.Mode != 0o4755 || h.Uid != 7 || h.Gid != 8 || h.PAXRecords["SCHILY.xattr.security.capability"] != "\x01\x00" || string(body) != "program"
		case "bin/y":
			wrong = wrong || h.Linkname != "x" || h.Typeflag != tar.TypeSymlink
		}
		if wrong {
			t.Errorf("%s: %+v", want, h)
		}
	}
}

func TestRefuses(t *testing.T) {
	good := configuration("2026-01-01T00:00:00Z", "x")
	for _, tt := range []struct {
		name    string
		entries []entry
		want    string
	}{
		{"nothing", nil, "manifest.json is missing; make the archive with"},
		{"rubbish", []entry{file("manifest.json", "{")}, "manifest.json: unexpected end"},
		{"two images", []entry{file("manifest.json", "[{},{}]")}, "it holds 2 images, want 1"},
		{"no configuration", []entry{file("manifest.json", `[{"Config":"c"}]`)}, "c is missing"},
		{"no platform", []entry{file("manifest.json", `[{"Config":"c"}]`), file("c", "{}")}, "c: it names no architecture"},
		{"no layer", []entry{file("manifest.json", `[{"Config":"c","Layers":["l"]}]`), file("c", good)}, "l is missing"},
		{"a layer that is none", []entry{file("manifest.json", `[{"Config":"c","Layers":["l"]}]`), file("c", good), file("l", strings.Repeat("x", 1024))}, "l: archive/tar"},
		{"a layer cut short", []entry{file("manifest.json", `[{"Config":"c","Layers":["l"]}]`), file("c", good), file("l", zipped(layer(t, epoch, ""))[:100])}, "l: "},
		{"a link to itself", []entry{{tar.Header{Name: "manifest.json", Typeflag: tar.TypeSymlink, Linkname: "manifest.json"}, ""}}, "manifest.json is missing"},
	} {
		if _, err := packed(t, tt.entries...); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want an error with %q", tt.name, err, tt.want)
		}
	}
}

// Whatever the file holds, there is an error or an archive, and never a panic.
func FuzzPack(f *testing.F) {
	f.Add([]byte("rubbish"))
	f.Fuzz(func(t *testing.T, text []byte) {
		dir := t.TempDir()
		from := filepath.Join(dir, "saved.tar")
		if err := os.WriteFile(from, text, 0o644); err != nil {
			t.Fatal(err)
		}
		pack(from, filepath.Join(dir, "out.tar"), "a:b", epoch)
	})
}
