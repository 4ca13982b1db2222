package disturb

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// rest sleeps in the kernel, on the calling thread: package time's sleepers are woken by
// another thread, whose own waiting for a processor would not be seen.
func rest(d time.Duration) {
	t := unix.NsecToTimespec(int64(d))
	unix.Nanosleep(&t, nil) // one that ends early is an early beat
}

// openWaited returns what tells for how long the calling thread has waited for a
// processor in all, nil where the kernel does not say.
func openWaited() func() (time.Duration, bool) {
	f, err := os.Open(fmt.Sprintf("/proc/self/task/%d/schedstat", unix.Gettid()))
	if err != nil {
		return nil
	}
	var text [96]byte
	return func() (time.Duration, bool) {
		n, _ := f.ReadAt(text[:], 0)
		var ran, waited uint64
		if k, _ := fmt.Sscan(string(text[:n]), &ran, &waited); k < 2 {
			return 0, false
		}
		return time.Duration(waited), true
	}
}

// asleep is for how long the machine has been suspended since it was started.
func asleep() time.Duration {
	var boot unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &boot) != nil {
		return 0
	}
	return time.Duration(boot.Nano()) - now()
}
