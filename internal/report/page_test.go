package report

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestPages(t *testing.T) {
	dir := filepath.Join("..", "..", "build", "pages")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, r := range sampleReports(t) {
		var b bytes.Buffer
		if err := r.HTML(&b); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := os.WriteFile(filepath.Join(dir, name+".html"), b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
