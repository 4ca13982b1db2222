//go:build cgo && linux

package vk

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The remedy speaks of the variable as its file is: missing, or there with a driver that
// has nothing to drive.
func TestRemediesForNoDriver(t *testing.T) {
	there := filepath.Join(t.TempDir(), "virtio_icd.json")
	if err := os.WriteFile(there, []byte(`{"file_format_version": "1.0.0", "ICD": {"library_path": "libvulkan_virtio.so"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(t.TempDir(), "empty.json")
	if err := os.WriteFile(empty, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ files, old, want, not string }{
		{"", "", "install a Vulkan driver (Debian", "VK_"},
		{there, "", "the driver that VK_DRIVER_FILES names (" + there + ") is there and starts no device: look whether all that it needs is", "make it name"},
		{there, there, "the driver that VK_DRIVER_FILES names", "VK_ICD_FILENAMES"},
		{"", there, "the driver that VK_ICD_FILENAMES names", "VK_DRIVER_FILES"},
		{"/nonexistent.json", "", `VK_DRIVER_FILES names "/nonexistent.json", which is not there: make it name the JSON file of a driver, or unset it; else install`, "starts no device"},
		{filepath.Dir(there), "", "which is not the JSON file of a driver: make it name", "starts no device"},
		{empty, "", "which is not the JSON file of a driver: make it name", "starts no device"},
		{there + ":/nonexistent.json", "", `names "/nonexistent.json", which is not there`, "starts no device"},
	} {
		t.Setenv("VK_DRIVER_FILES", tt.files)
		t.Setenv("VK_ICD_FILENAMES", tt.old)
		if e := noDriver("0 devices"); !strings.Contains(e.Remedy, tt.want) || strings.Contains(e.Remedy, tt.not) {
			t.Errorf("%q, %q: %s", tt.files, tt.old, e.Remedy)
		}
	}
}
