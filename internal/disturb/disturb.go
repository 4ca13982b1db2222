// Package disturb finds out whether something disturbed a measurement in this
// process: other programs that took the processors, the quota of a control group, a
// hypervisor, pages that came from a disk. A batch that was disturbed is not dropped.
// It is marked, so that a reader can tell noise of the machine from noise of the
// device.
//
// What the operating system does not tell counts as not disturbed; Monitor.Unknown
// lists it. macOS tells of page faults only.
package disturb

import (
	"runtime"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// Flags of a sample whose batch was disturbed.
const (
	// Preempted: threads were ready to run and waited for at least 1 % of the time that
	// they wanted, because other programs held the processors.
	Preempted = "preempted"
	// Throttled: the process's control group, or one above it, had used up its CPU
	// quota, and its threads were stopped until the next period.
	Throttled = "throttled"
	// Stolen: a hypervisor ran something else during at least 1 % of the processors'
	// time.
	Stolen = "stolen"
	// Paged: threads waited for pages from a disk (major page faults).
	Paged = "paged"
)

const (
	// share is the part of a batch that makes a disturbance worth a mark: the precision
	// that a launch is asked for unless told otherwise.
	share = 0.01
	// shortest is what a batch lasts at least in this reckoning. In less, waking the
	// threads alone takes 1 %.
	shortest = 20 * time.Millisecond
	// tick is the unit in which the kernel shows stolen time, USER_HZ, which is 100 on
	// all processors that Go knows.
	tick = 10 * time.Millisecond
)

// Monitor reads the counters before and after a batch. It keeps their files open;
// reading takes some tens of microseconds, and allocates nothing unless threads have
// come or gone. It is for one goroutine at a time.
type Monitor struct {
	sources    sources
	processors int // of the process's affinity

	at, cpu    time.Duration // the monotonic clock and the process's processor time
	faults     uint64
	stealMoved time.Duration // when a tick of stolen time was last seen

	pulse          *pulse        // nil where it was not started
	stopped, slept time.Duration // of the process and of the machine, until the batch began
}

// change is what happened between two readings.
type change struct {
	processors int
	wall, cpu  time.Duration
	faults     uint64

	throttles, throttled uint64 // periods and nanoseconds in which a group was stopped

	steal     uint64        // ticks, on the processors of the affinity
	certain   uint64        // of them, those that were stolen whole between the readings
	stealOver time.Duration // in which all of them were stolen

	threads []thread // with what each ran and waited
}

// Open starts to watch this process. What cannot be watched is left out.
func Open() *Monitor { return open("/") }

func open(root string) *Monitor {
	m := &Monitor{processors: runtime.NumCPU(), stealMoved: now(), pulse: heart}
	m.sources.open(root)
	return m
}

// Close gives the files back. The monitor must not be used after it.
func (m *Monitor) Close() { m.sources.close() }

// Unknown says in words what cannot be read here although this operating system has
// it. It is empty when nothing is missing.
func (m *Monitor) Unknown() []string { return m.sources.unknown }

// Begin is called before a batch.
func (m *Monitor) Begin() {
	m.BeginEmpty()
	m.read()
}

// BeginEmpty is called in place of Begin before what is so short that reading all
// counters would disturb it, and EndEmpty after it: they know of Frozen alone.
func (m *Monitor) BeginEmpty() { m.stopped, m.slept = m.pulse.stops(), asleep() }

// EndEmpty returns Frozen where the process was stopped since BeginEmpty.
func (m *Monitor) EndEmpty() []string {
	if m.pulse.stops() > m.stopped || m.pulse != nil && asleep()-m.slept >= shortestStop {
		return []string{Frozen}
	}
	return nil
}

// End is called after the batch and returns the flags of the disturbances since
// Begin that are large enough to show in its time.
func (m *Monitor) End() []string {
	flags := m.read().flags()
	if slices.Contains(flags, Throttled) { // which stops it too, and is known by its own name
		return flags
	}
	return append(flags, m.EndEmpty()...)
}

func (m *Monitor) read() change {
	c := change{processors: m.processors}
	m.sources.read(&c)
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) == nil {
		cpu := time.Duration(u.Utime.Nano() + u.Stime.Nano())
		c.cpu, c.faults = cpu-m.cpu, uint64(u.Majflt)-m.faults
		m.cpu, m.faults = cpu, uint64(u.Majflt)
	}
	at := now()
	c.wall, c.stealOver = at-m.at, at-m.stealMoved
	m.at = at
	if c.steal > 0 {
		m.stealMoved = at
	}
	return c
}

// now is the monotonic clock. Package time shows it only as a difference, and
// replaces it in the tests of other packages.
func now() time.Duration {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &t) != nil {
		return 0
	}
	return time.Duration(t.Nano())
}

func (c change) flags() (flags []string) {
	throttled := c.throttles > 0 || c.throttled > 0
	if throttled {
		flags = append(flags, Throttled)
	}
	// On most kernels, threads that a quota has stopped also wait.
	if !throttled && c.preempted() {
		flags = append(flags, Preempted)
	}
	if c.stolen() {
		flags = append(flags, Stolen)
	}
	if c.faults > 0 {
		flags = append(flags, Paged)
	}
	return flags
}

// preempted judges by the time for which threads waited for a processor, not by
// involuntary context switches: those say nothing of how long, and Go's own
// background threads cause them. On two cores with nothing else running, batches of
// 20 ms on all of them saw 120 to 2300 switches per second of processor time, with
// two compilers beside them 110 to 4700.
//
// Two kinds of waiting do no harm or are the process's own doing. Threads that hardly
// run, such as those of the Go runtime, may wait behind those that do the work; and
// while they run they make those wait, but no longer than they run. And threads that
// are more than there are processors wait for each other while the process has all
// processors.
func (c change) preempted() bool {
	var wanted, waited, others, all time.Duration
	for _, t := range c.threads {
		all += t.waited
		if t.ran+t.waited >= c.wall/2 {
			wanted += t.ran + t.waited
			waited += t.waited
		} else {
			others += t.ran
		}
	}
	lost := waited - others
	if wanted == 0 {
		lost = all // the device works, and the threads only have to wake in time
	}
	lost = min(lost, time.Duration(c.processors)*c.wall-c.cpu)
	return float64(lost) >= share*float64(max(c.wall, wanted, shortest))
}

// stolen copes with a count in ticks of 10 ms, when a batch often lasts but 20 ms. A
// tick that is counted in a batch was gathered since the one before it, so the
// ticks are compared with all of that time: a single one in the half second of two
// processors is 1 %. A burst after a quiet time would drown in it; hence all but the
// first tick of each processor, which were stolen in the batch for certain, are
// also compared with the batch alone.
func (c change) stolen() bool {
	part := func(ticks uint64, of time.Duration) bool {
		return ticks > 0 && float64(ticks)*float64(tick) >= share*float64(c.processors)*float64(of)
	}
	return part(c.steal, c.stealOver) || part(c.certain, c.wall)
}
