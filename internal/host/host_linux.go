// What Linux answers without /proc: a chroot may have none.

package host

import (
	"golang.org/x/sys/unix"
)

func systemFacts() (kernel string, sys system) {
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		kernel = unix.ByteSliceToString(u.Release[:])
	}
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) == nil {
		sys.memory = uint64(info.Totalram) * uint64(info.Unit)
	}
	return kernel, sys
}
