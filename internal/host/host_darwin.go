// What macOS answers by sysctl: it has neither /proc nor control groups.

package host

import (
	"context"
	"os/exec"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"gpubench/internal/result"
)

func systemFacts() (kernel string, sys system) {
	kernel, _ = unix.Sysctl("kern.osrelease")
	sys.model, _ = unix.Sysctl("machdep.cpu.brand_string")
	if n, err := unix.SysctlUint32("hw.logicalcpu"); err == nil {
		sys.logical = int(n)
	}
	sys.memory, _ = unix.SysctlUint64("hw.memsize")
	translated, err := unix.SysctlUint32("sysctl.proc_translated")
	sys.rosetta = err == nil && translated == 1
	sys.mac = func() *result.Mac { return macFacts(sysctl, pmset) }
	return kernel, sys
}

// sysctl is the text or the number of a name.
func sysctl(name string) string {
	if n, err := unix.SysctlUint32(name); err == nil {
		return strconv.FormatUint(uint64(n), 10)
	}
	s, _ := unix.Sysctl(name)
	return s
}

// pmset is macOS's program for what concerns its power.
func pmset(options ...string) string {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "/usr/bin/pmset", options...).Output()
	if err != nil {
		return ""
	}
	return string(out)
}
