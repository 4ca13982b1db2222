// What macOS answers by sysctl: it has neither /proc nor control groups.

package host

import (
	"golang.org/x/sys/unix"
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
	return kernel, sys
}
