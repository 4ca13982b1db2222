//go:build !cgo || !(darwin || gnustep)

package metal

import (
	"runtime"

	"gpubench/internal/backend"
	"gpubench/internal/result"
)

// Devices says that this program was built without Metal.
func (b *Backend) Devices() ([]result.Device, error) { return nil, b.absent(runtime.GOOS) }

// Open says that this program was built without Metal.
func (b *Backend) Open(string) (backend.Device, error) { return nil, b.absent(runtime.GOOS) }

func (b *Backend) absent(system string) error {
	if system != "darwin" {
		return &backend.Error{Kind: backend.Absent, Text: b.name + ": not supported on " + system, Remedy: "run gpubench on macOS"}
	}
	return &backend.Error{
		Kind:   backend.Absent,
		Text:   b.name + ": this program was built without cgo, which calling Metal needs",
		Remedy: "build it with CGO_ENABLED=1 and Xcode's command line tools (xcode-select --install)",
	}
}
