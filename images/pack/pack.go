package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

const (
	typeManifest = "application/vnd.oci.image.manifest.v1+json"
	typeConfig   = "application/vnd.oci.image.config.v1+json"
	typeLayer    = "application/vnd.oci.image.layer.v1.tar+gzip"
)

// maxJSON bounds what is read of a saved image's manifest and configuration, in bytes.
const maxJSON = 4 << 20

// descriptor is a reference to a blob.
type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int64             `json:"size"`
	Platform    *platform         `json:"platform,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

type platform struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
}

type manifest struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	Config        descriptor   `json:"config"`
	Layers        []descriptor `json:"layers"`
}

type index struct {
	SchemaVersion int          `json:"schemaVersion"`
	Manifests     []descriptor `json:"manifests"`
}

// saved is an image in Docker's manifest.json.
type saved struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// config is what stays of an image's configuration: how it is run, and on what. What
// engines add of their own, the times and the commands of the build are left out.
type config struct {
	Architecture string    `json:"architecture"`
	OS           string    `json:"os"`
	Created      time.Time `json:"created"`
	Config       struct {
		User       string            `json:"User,omitempty"`
		Env        []string          `json:"Env,omitempty"`
		Entrypoint []string          `json:"Entrypoint,omitempty"`
		Cmd        []string          `json:"Cmd,omitempty"`
		WorkingDir string            `json:"WorkingDir,omitempty"`
		Labels     map[string]string `json:"Labels,omitempty"`
	} `json:"config"`
	RootFS struct {
		Type    string   `json:"type"`
		DiffIDs []string `json:"diff_ids"`
	} `json:"rootfs"`
	// One for each layer: buildah refuses to build on an image that has fewer.
	History []history `json:"history"`
}

type history struct {
	Created time.Time `json:"created"`
}

// pack reads the saved image in the file from and writes the archive to, whole or not
// at all. Epoch is when it says that it was made.
func pack(from, to, name string, epoch time.Time) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	files, err := list(in)
	if err != nil {
		return err
	}
	var images []saved
	if err := files.decode("manifest.json", &images); err != nil {
		return err
	}
	if len(images) != 1 {
		return fmt.Errorf("manifest.json: it holds %d images, want 1", len(images))
	}
	var c config
	if err := files.decode(images[0].Config, &c); err != nil {
		return err
	}
	if c.Architecture == "" || c.OS == "" {
		return fmt.Errorf("%s: it names no architecture or no system", images[0].Config)
	}
	c.Created = epoch
	delete(c.Config.Labels, "io.buildah.version")
	c.RootFS.Type, c.RootFS.DiffIDs, c.History = "layers", []string{}, []history{}

	work, err := os.MkdirTemp(filepath.Dir(to), ".pack-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	m := manifest{SchemaVersion: 2, MediaType: typeManifest, Layers: []descriptor{}}
	blobs := map[string]string{} // digest to file
	for i, layer := range images[0].Layers {
		r, err := files.open(layer)
		if err != nil {
			return err
		}
		blob := filepath.Join(work, fmt.Sprint("layer", i))
		d, diff, err := normalize(r, blob)
		if err != nil {
			return fmt.Errorf("%s: %w", layer, err)
		}
		blobs[d.Digest] = blob
		m.Layers = append(m.Layers, d)
		c.RootFS.DiffIDs = append(c.RootFS.DiffIDs, diff)
		c.History = append(c.History, history{epoch})
	}

	final := filepath.Join(work, "out")
	if err := write(final, name, epoch, m, c, blobs); err != nil {
		return err
	}
	return os.Rename(final, to)
}

// write makes the archive from its parts.
func write(to, name string, epoch time.Time, m manifest, c config, blobs map[string]string) (err error) {
	f, err := os.Create(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := tar.NewWriter(f)
	put := func(name string, text []byte) error {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text)), ModTime: epoch, Format: tar.FormatPAX}); err != nil {
			return err
		}
		_, err := w.Write(text)
		return err
	}
	blob := func(mediaType string, v any) (descriptor, error) {
		text := encode(v)
		sum := sha256.Sum256(text)
		d := descriptor{MediaType: mediaType, Digest: "sha256:" + hex.EncodeToString(sum[:]), Size: int64(len(text))}
		return d, put(blobPath(d), text)
	}

	if err := put("oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`)); err != nil {
		return err
	}
	if m.Config, err = blob(typeConfig, c); err != nil {
		return err
	}
	docker := saved{Config: blobPath(m.Config), RepoTags: []string{name}, Layers: []string{}}
	done := map[string]bool{} // the same layer may come twice
	for _, l := range m.Layers {
		docker.Layers = append(docker.Layers, blobPath(l))
		if done[l.Digest] {
			continue
		}
		done[l.Digest] = true
		if err := copyBlob(w, l, blobs[l.Digest], epoch); err != nil {
			return err
		}
	}
	d, err := blob(typeManifest, m)
	if err != nil {
		return err
	}
	d.Platform = &platform{c.Architecture, c.OS}
	// The tag alone is what the layout's own annotation holds; containerd and Apple's
	// container look for the whole name.
	_, tag, _ := strings.Cut(path.Base(name), ":")
	d.Annotations = map[string]string{
		"org.opencontainers.image.ref.name":     tag,
		"io.containerd.image.name":              name,
		"com.apple.containerization.image.name": name,
	}
	if err := put("index.json", encode(index{2, []descriptor{d}})); err != nil {
		return err
	}
	if err := put("manifest.json", encode([]saved{docker})); err != nil {
		return err
	}
	return w.Close()
}

func blobPath(d descriptor) string {
	return "blobs/sha256/" + strings.TrimPrefix(d.Digest, "sha256:")
}

func encode(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic("BUG: pack: " + err.Error())
	}
	return text
}

func copyBlob(w *tar.Writer, d descriptor, from string, epoch time.Time) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := w.WriteHeader(&tar.Header{Name: blobPath(d), Mode: 0o644, Size: d.Size, ModTime: epoch, Format: tar.FormatPAX}); err != nil {
		return err
	}
	_, err = io.Copy(w, f)
	return err
}

// normalize writes a layer to a file, compressed and without what says when and by
// whom it was made. diff is the digest of the layer before it is compressed.
func normalize(r io.Reader, to string) (d descriptor, diff string, err error) {
	f, err := os.Create(to)
	if err != nil {
		return d, "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	packed, plain := sha256.New(), sha256.New()
	var size counter
	z, err := gzip.NewWriterLevel(io.MultiWriter(f, packed, &size), gzip.BestSpeed)
	if err != nil {
		return d, "", err
	}
	in, out := tar.NewReader(r), tar.NewWriter(io.MultiWriter(z, plain))
	for {
		h, err := in.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return d, "", err
		}
		if err := out.WriteHeader(plainHeader(h)); err != nil {
			return d, "", err
		}
		if _, err := io.Copy(out, in); err != nil {
			return d, "", err
		}
	}
	if err := errors.Join(out.Close(), z.Close()); err != nil {
		return d, "", err
	}
	sum := func(h interface{ Sum([]byte) []byte }) string { return "sha256:" + hex.EncodeToString(h.Sum(nil)) }
	return descriptor{MediaType: typeLayer, Digest: sum(packed), Size: int64(size)}, sum(plain), nil
}

// plainHeader keeps of a file's header what an engine needs to make the file. Its time is
// not among that: it may be that of the build, and of one long ago, since engines keep the
// layers that they have built.
func plainHeader(h *tar.Header) *tar.Header {
	p := &tar.Header{Typeflag: h.Typeflag, Name: h.Name, Linkname: h.Linkname, Size: h.Size, Mode: h.Mode, Uid: h.Uid, Gid: h.Gid,
		ModTime: time.Unix(0, 0), Devmajor: h.Devmajor, Devminor: h.Devminor, Format: tar.FormatPAX}
	for key, value := range h.PAXRecords {
		if strings.HasPrefix(key, "SCHILY.xattr.") {
			if p.PAXRecords == nil {
				p.PAXRecords = map[string]string{}
			}
			p.PAXRecords[key] = value
		}
	}
	return p
}

type counter int64

func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return len(b), nil
}

// contents are the places of the files in a saved image.
type contents struct {
	in    io.ReaderAt
	files map[string]section
	links map[string]string // engines write a layer that comes twice as a link
}

type section struct{ offset, size int64 }

// list finds the files of a saved image without reading them.
func list(in *os.File) (*contents, error) {
	c := &contents{in, map[string]section{}, map[string]string{}}
	r := tar.NewReader(in)
	for {
		h, err := r.Next()
		if err == io.EOF {
			return c, nil
		}
		if err != nil {
			return nil, fmt.Errorf("it is no saved image: %w", err)
		}
		name := path.Clean(h.Name)
		switch h.Typeflag {
		case tar.TypeReg:
			at, err := in.Seek(0, io.SeekCurrent)
			if err != nil {
				return nil, err
			}
			c.files[name] = section{at, h.Size}
		case tar.TypeSymlink:
			c.links[name] = path.Join(path.Dir(name), h.Linkname)
		case tar.TypeLink:
			c.links[name] = path.Clean(h.Linkname)
		}
	}
}

// open returns the contents of a file, decompressed.
func (c *contents) open(name string) (io.Reader, error) {
	at := path.Clean(name)
	if to, ok := c.links[at]; ok {
		at = to
	}
	s, ok := c.files[at]
	if !ok {
		return nil, fmt.Errorf("%s is missing; make the archive with `docker save` or `podman save --format docker-archive`", name)
	}
	var magic [2]byte
	r := io.NewSectionReader(c.in, s.offset, s.size)
	if n, _ := r.ReadAt(magic[:], 0); n == 2 && bytes.Equal(magic[:], []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return z, nil
	}
	return r, nil
}

func (c *contents) decode(name string, v any) error {
	r, err := c.open(name)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(io.LimitReader(r, maxJSON))
	if err == nil {
		err = json.Unmarshal(text, v)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
