//go:build !linux

package disturb

import "time"

// rest sleeps; here nothing is known of waiting for a processor anyway.
func rest(d time.Duration) { time.Sleep(d) }

// openWaited returns nil: nothing here tells how long a thread waited for a processor.
func openWaited() func() (time.Duration, bool) { return nil }

// asleep is 0: the clock of the samples stands still while a Mac sleeps.
func asleep() time.Duration { return 0 }
