//go:build cgo && (linux || darwin)

// What to do where no driver shows a device.

package vk

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"gpubench/internal/backend"
)

// driverVariables name the driver's files for the loader, the newer one first.
var driverVariables = []string{"VK_DRIVER_FILES", "VK_ICD_FILENAMES"}

// noDriver is the error for a loader that found no driver with a device.
func noDriver(why string) *backend.Error {
	e := &backend.Error{
		Kind: backend.Absent,
		Text: "vulkan: no driver shows a device (" + why + ")",
		Remedy: "install a Vulkan driver (Debian and Ubuntu: apt install mesa-vulkan-drivers); in a container pass the GPU in with --device /dev/dri, " +
			"or for NVIDIA set NVIDIA_DRIVER_CAPABILITIES to compute,utility,graphics",
	}
	for _, variable := range driverVariables {
		files := os.Getenv(variable)
		if files == "" {
			continue
		}
		if bad, what := firstBad(files); bad != "" {
			e.Remedy = fmt.Sprintf("%s names %q, which is %s: make it name the JSON file of a driver, or unset it; else %s", variable, bad, what, e.Remedy)
		} else {
			e.Remedy = fmt.Sprintf("the driver that %s names (%s) is there and starts no device: look whether all that it needs is (a device node, or for Venus the server on the host); unset the variable to use the other drivers", variable, files)
		}
		break
	}
	if runtime.GOOS == "darwin" {
		e.Remedy = "install MoltenVK (brew install molten-vk)"
	}
	return e
}

// firstBad is the first file of a list that describes no driver, and what is wrong with it;
// empty for none.
func firstBad(files string) (file, what string) {
	for _, f := range filepath.SplitList(files) {
		var manifest struct {
			ICD struct {
				Library string `json:"library_path"`
			}
		}
		text, err := os.ReadFile(f)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return f, "not there"
		case err != nil, json.Unmarshal(text, &manifest) != nil, manifest.ICD.Library == "":
			return f, "not the JSON file of a driver"
		}
	}
	return "", ""
}
