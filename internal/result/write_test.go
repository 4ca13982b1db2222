package result

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out.json")
	for range 2 { // a new file, then in the place of the old one
		if err := WriteFile(path, example()); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(got, encoded(t, example())) {
			t.Fatalf("%v: %s", err, got)
		}
	}
	alone(t, dir, "out.json")
}

// alone checks that nothing else was left behind.
func alone(t *testing.T, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if strings.Join(got, " ") != strings.Join(names, " ") {
		t.Errorf("%s holds %q, want %q", dir, got, names)
	}
}

func TestWriteFileLeavesTheOldOne(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out.json")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	bad := example()
	bad.Ratios[0].Fast = "m9"
	if err := WriteFile(path, bad); err == nil || !strings.HasPrefix(err.Error(), path+": the result is not valid: ratios[0].fast: ") {
		t.Errorf("got %v", err)
	}
	if got, _ := os.ReadFile(path); string(got) != "old" {
		t.Errorf("the old file now holds %q", got)
	}
	alone(t, dir, "out.json")

	if err := WriteFile(path, example()); err != nil {
		t.Fatal(err)
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("the mode became %v", info.Mode())
	}
}

func TestWriteFileNamesThePath(t *testing.T) {
	dir := t.TempDir()
	for _, tt := range []struct{ path, want string }{
		{filepath.Join(dir, "none", "out.json"), "cannot write: no such file or directory"},
		{dir, "cannot write: is a directory"},
	} {
		if err := WriteFile(tt.path, example()); err == nil || err.Error() != tt.path+": "+tt.want {
			t.Errorf("got %v, want %s", err, tt.want)
		}
	}
	alone(t, dir)
}

func TestWriteFileFollowsLinks(t *testing.T) {
	dir := t.TempDir()
	real, link := filepath.Join(dir, "real.json"), filepath.Join(dir, "link.json")
	if err := os.WriteFile(real, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("real.json", link); err != nil {
		t.Skip(err)
	}
	if err := WriteFile(link, example()); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(real); !bytes.Equal(got, encoded(t, example())) {
		t.Errorf("the file behind the link holds %q", got)
	}
	if info, _ := os.Lstat(link); info.Mode()&os.ModeSymlink == 0 {
		t.Error("the link was replaced")
	}
	alone(t, dir, "link.json", "real.json")
}
