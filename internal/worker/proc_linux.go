// What Linux offers for watching a process and moving a descriptor.

package worker

import "golang.org/x/sys/unix"

// awaitExit blocks until the child with this number has ended, without reaping
// it. It returns false when that cannot be found out here.
func awaitExit(pid int) bool {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err != unix.EINTR {
			return err == nil
		}
	}
}

// redirect makes descriptor to a copy of from.
func redirect(from, to int) error { return unix.Dup3(from, to, 0) }
