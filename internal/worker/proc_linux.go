// What Linux offers for watching processes, ending them and moving a descriptor.

package worker

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

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

// sacrifice is by how much a child stands nearer to the kernel's out-of-memory
// killer than its parent, in thousandths of the machine's memory. The child goes
// first where both are near the limit, and yet a stranger that holds half of the
// memory more than the child goes before it.
const sacrifice = 500

// expose makes the kernel pick this process when memory runs out, and not its parent
// with the results. Where that cannot be said, the larger of the two is picked.
func expose(pid int) {
	own, _ := os.ReadFile("/proc/self/oom_score_adj")
	score, err := strconv.Atoi(strings.TrimSpace(string(own)))
	if err == nil {
		os.WriteFile(fmt.Sprintf("/proc/%d/oom_score_adj", pid), []byte(strconv.Itoa(min(score+sacrifice, 1000))), 0)
	}
}

// adopt makes this process the parent of whatever its descendants leave behind, so
// that sweep finds it.
func adopt() { unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }

// wakeWithParent has the kernel continue this process when its parent dies: one that is
// stopped would not see the end of its standard input. To one that runs the signal is
// nothing.
func wakeWithParent() { unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGCONT), 0, 0, 0) }

// survivor says of a process that SIGKILL did not end what the kernel has it do.
func survivor(pid int) string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	switch {
	case err != nil || len(fields) == 0 || fields[0] == "D":
		return " and may be stuck in the kernel, in a call of the driver's that waits for the device"
	case syscall.Kill(pid, 0) == syscall.EPERM:
		return ", because it runs as another user"
	}
	return fmt.Sprintf(" and is there still (state %s)", fields[0])
}

// sweep ends the processes with this mark in their environment that this process is
// the parent of, and reaps them, and so on with what these leave behind. It gives up
// after the grace period.
func sweep(mark string, grace time.Duration) {
	for end := time.Now().Add(grace); time.Now().Before(end); time.Sleep(time.Millisecond) {
		left := offspring(mark)
		if len(left) == 0 {
			return
		}
		for _, pid := range left {
			// It is our child: its number is nobody else's until it has been reaped.
			syscall.Kill(pid, syscall.SIGKILL)
			syscall.Wait4(pid, nil, syscall.WNOHANG, nil)
		}
	}
}

// offspring lists the children of this process that bear the mark.
func offspring(mark string) (pids []int) {
	if unix.Waitid(unix.P_ALL, 0, nil, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil) == unix.ECHILD {
		return nil // as nearly always: reading /proc takes a while on a large machine
	}
	self := strconv.Itoa(os.Getpid())
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		// The name in parentheses may hold anything; state and parent follow it.
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		if len(fields) < 2 || fields[1] != self {
			continue
		}
		dir := filepath.Dir(path)
		env, err := os.ReadFile(dir + "/environ")
		if err == nil && slices.ContainsFunc(bytes.Split(env, []byte{0}), func(v []byte) bool { return string(v) == markVariable+"="+mark }) {
			pid, _ := strconv.Atoi(filepath.Base(dir))
			pids = append(pids, pid)
		}
	}
	return pids
}
