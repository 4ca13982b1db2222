// What Metal's errors mean.

package metal

import (
	"fmt"
	"strings"

	"gpubench/internal/backend"
)

// commandErrors are the codes of MTLCommandBufferErrorDomain: by the kind of error and
// what to do about it.
var commandErrors = map[int64]struct {
	name   string
	kind   backend.Kind
	remedy string
}{
	1:  {"MTLCommandBufferErrorInternal", backend.Failed, "run it again; if it stays, restart the Mac"},
	2:  {"MTLCommandBufferErrorTimeout", backend.Failed, "the batch ran longer than macOS lets a program hold the GPU: choose a smaller size"},
	3:  {"MTLCommandBufferErrorPageFault", backend.Failed, "the kernel touched memory that is none of its own, which is a fault of gpubench or of the driver: please report it"},
	4:  {"MTLCommandBufferErrorAccessRevoked", backend.DeviceLost, "macOS takes the GPU from a program that made too many faults: wait a minute, and choose a smaller size"},
	7:  {"MTLCommandBufferErrorNotPermitted", backend.Failed, "macOS lets only programs in the foreground use the GPU here: run gpubench from a terminal of the user who is logged in"},
	8:  {"MTLCommandBufferErrorOutOfMemory", backend.OutOfMemory, "close what else uses the GPU's memory or choose a smaller size"},
	9:  {"MTLCommandBufferErrorInvalidResource", backend.Failed, ""},
	10: {"MTLCommandBufferErrorMemoryless", backend.Failed, ""},
	11: {"MTLCommandBufferErrorDeviceRemoved", backend.DeviceLost, "connect the GPU again"},
	12: {"MTLCommandBufferErrorStackOverflow", backend.Failed, ""},
}

// description is an NSError.
type description struct {
	domain string
	code   int64
	text   string
}

// failure is the error for what was being done at a place, a device's id.
func failure(place, doing string, d description) *backend.Error {
	e := &backend.Error{Kind: backend.Failed, Text: fmt.Sprintf("%s: %s", place, doing)}
	if d.domain != "" {
		e.Text += fmt.Sprintf(": %s %d", d.domain, d.code)
	}
	if known, ok := commandErrors[d.code]; ok && d.domain == "MTLCommandBufferErrorDomain" {
		e.Text = fmt.Sprintf("%s: %s: %s", place, doing, known.name)
		e.Kind, e.Remedy = known.kind, known.remedy
	}
	if text := strings.TrimSpace(d.text); text != "" {
		e.Text += ": " + text
	}
	return e
}
