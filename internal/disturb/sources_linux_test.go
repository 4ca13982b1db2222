package disturb

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gpubench/internal/host"
)

func TestParseThrottling(t *testing.T) {
	for _, tt := range []struct {
		name, text           string
		throttles, throttled uint64
		ok                   bool
	}{
		{"version 1, Linux 3.10", "nr_periods 7213\nnr_throttled 6891\nthrottled_time 341206882761\n", 6891, 341206882761, true},
		{"version 1, Linux 6.18", "nr_periods 12\nnr_throttled 4\nthrottled_time 201000123\nnr_bursts 0\nburst_time 0\n", 4, 201000123, true},
		{"version 2, Linux 5.4", "usage_usec 1219040\nuser_usec 1005872\nsystem_usec 213167\nnr_periods 25\nnr_throttled 23\nthrottled_usec 1160012\n", 23, 1160012000, true},
		{"version 2, Linux 6.8", "usage_usec 1219040\nuser_usec 1005872\nsystem_usec 213167\ncore_sched.force_idle_usec 0\nnr_periods 25\nnr_throttled 23\nthrottled_usec 1160012\nnr_bursts 0\nburst_usec 0\n", 23, 1160012000, true},
		{"the root of version 2", "usage_usec 1219040\nuser_usec 1005872\nsystem_usec 213167\nnice_usec 0\n", 0, 0, false},
		{"no end of the last line", "nr_throttled 4", 4, 0, true},
		{"no number", "nr_throttled many\nthrottled_usec 4\n", 0, 4000, false},
		{"nothing", "", 0, 0, false},
	} {
		throttles, throttled, ok := parseThrottling([]byte(tt.text))
		if throttles != tt.throttles || throttled != tt.throttled || ok != tt.ok {
			t.Errorf("%s: got %d, %d, %v", tt.name, throttles, throttled, ok)
		}
	}
}

func TestParseSteal(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       string // processor:ticks
	}{
		{"Linux 6.18", "cpu  16274 0 3515 133670 310 0 50 9 0 0\ncpu0 7822 0 1645 67414 35 0 11 3 0 0\ncpu1 8451 0 1869 66256 274 0 39 6 0 0\nintr 1205209 0 0 77\nctxt 9\n", "0:3 1:6"},
		{"processors that are switched off have no line", "cpu  1 1 1 1 1 1 1 7 1 1\ncpu0 1 1 1 1 1 1 1 3 1 1\ncpu17 1 1 1 1 1 1 1 4 1 1\nintr 1\n", "0:3 17:4"},
		{"Linux 2.6.9 has no such column", "cpu  1 1 1 1 1 1 1\ncpu0 1 1 1 1 1 1 1\nintr 1\n", ""},
		{"the buffer ends in a line", "cpu  1 1 1 1 1 1 1 7 1 1\ncpu0 1 1 1 1 1 1 1 3 1 1\ncpu1 1 1 1 1 1 1 1 4", "0:3"},
		{"absurd processor", "cpu99999999999 1 1 1 1 1 1 1 3 1 1\ncpu4 1 1 1 1 1 1 1 3 1 1\n", "4:3"},
		{"another file", "processor : 0\ncpu0 1 1 1 1 1 1 1 3\n", ""},
		{"nothing", "", ""},
	} {
		var got []string
		found := parseSteal([]byte(tt.text), func(processor int, ticks uint64) {
			got = append(got, fmt.Sprintf("%d:%d", processor, ticks))
		})
		if s := strings.Join(got, " "); s != tt.want || found != (s != "") {
			t.Errorf("%s: got %q, %v", tt.name, s, found)
		}
	}
}

func TestParseSchedstat(t *testing.T) {
	for _, tt := range []struct {
		text      string
		run, wait uint64
		ok        bool
	}{
		{"182673335 7203582 412\n", 182673335, 7203582, true},
		{"0 0 0\n", 0, 0, true},
		{"182673335 7203582", 0, 0, false},
		{"1 -2 3\n", 0, 0, false},
		{"", 0, 0, false},
	} {
		if run, wait, ok := parseSchedstat([]byte(tt.text)); ok != tt.ok || ok && (run != tt.run || wait != tt.wait) {
			t.Errorf("%q: got %d, %d, %v", tt.text, run, wait, ok)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("nr_periods 12\nnr_throttled 4\nthrottled_usec 201\n"))
	f.Add([]byte("cpu  1 1 1 1 1 1 1 7 1 1\ncpu0 1 1 1 1 1 1 1 3 1 1\nintr 1\n"))
	f.Add([]byte("182673335 7203582 412\n"))
	f.Add([]byte("18446744073709551615"))
	f.Add([]byte("18446744073709551616"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if _, throttled, _ := parseThrottling(text); time.Duration(throttled) < 0 {
			t.Errorf("throttled for %d ns, which is no duration", throttled)
		}
		parseSteal(text, func(processor int, ticks uint64) {
			if processor < 0 || processor >= maxProcessors {
				t.Errorf("processor %d", processor)
			}
		})
		if run, wait, ok := parseSchedstat(text); ok {
			f := strings.SplitN(string(text), " ", 3)
			wantRun, errRun := strconv.ParseUint(f[0], 10, 64)
			wantWait, errWait := strconv.ParseUint(f[1], 10, 64)
			if errRun != nil || errWait != nil || run != wantRun || wait != wantWait {
				t.Errorf("%q: %d, %d", text, run, wait)
			}
		}
		want, err := strconv.ParseUint(string(text), 10, 64)
		if got, ok := number(text); ok != (err == nil) || ok && got != want {
			t.Errorf("%q: number %d, %v; strconv: %d, %v", text, got, ok, want, err)
		}
	})
}

// processors returns the first processor that this process may use, and the first
// that it may not.
func processors(t *testing.T) (mine, other int) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		t.Fatal(err)
	}
	for !set.IsSet(mine) {
		mine++
	}
	for set.IsSet(other) {
		other++
	}
	return mine, other
}

// A machine of files. They are written in place, since the monitor keeps them open.
type machine struct {
	t    *testing.T
	root string
}

func (m machine) write(name, format string, args ...any) {
	m.t.Helper()
	name = filepath.Join(m.root, name)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(name, fmt.Appendf(nil, format, args...), 0o644); err != nil {
		m.t.Fatal(err)
	}
}

// The counters of an own group, of the group above it, of version 1 beside it, of the
// processors and of the threads add up, and files that end or begin do no harm.
func TestMonitorReadsAllSources(t *testing.T) {
	m := machine{t, t.TempDir()}
	m.write("proc/self/cgroup", "4:cpu,cpuacct:/app\n0::/user.slice/app.scope\n")
	m.write("proc/self/mountinfo", "30 24 0:26 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n31 24 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n")
	const own, above, old = "sys/fs/cgroup/unified/user.slice/app.scope/cpu.stat", "sys/fs/cgroup/unified/user.slice/cpu.stat", "sys/fs/cgroup/cpu/app/cpu.stat"
	m.write("sys/fs/cgroup/unified/cpu.stat", "usage_usec 9\n")
	m.write(own, "nr_throttled 1\nthrottled_usec 100\n")
	m.write(above, "nr_throttled 1000\nthrottled_usec 100000\n")
	m.write(old, "nr_throttled 1\nthrottled_time 100\n")
	mine, other := processors(t)
	stat := func(a, b int) {
		m.write("proc/stat", "cpu 1 2 3 4 5 6 7 999\ncpu%d 1 2 3 4 5 6 7 %d 0 0\ncpu%d 1 2 3 4 5 6 7 %d 0 0\nintr 1\n", mine, a, other, b)
	}
	stat(50, 60)
	m.write("proc/self/task/10/schedstat", "1000 10 1\n")
	m.write("proc/self/task/11/schedstat", "0 0 0\n")

	mon := open(m.root)
	defer mon.Close()
	if u := mon.Unknown(); len(u) != 0 {
		t.Errorf("unknown: %q", u)
	}
	if c := mon.read(); c.throttles != 0 || c.throttled != 0 || c.steal != 0 || len(c.threads) != 2 || c.threads[0].ran != 0 || c.threads[0].waited != 0 {
		t.Errorf("what was before it counts: %+v", c)
	}

	m.write(own, "nr_throttled 2\nthrottled_usec 101\n")
	m.write(above, "nr_throttled 1010\nthrottled_usec 100010\n")
	m.write(old, "nr_throttled 101\nthrottled_time 200\n")
	stat(53, 99)
	m.write("proc/self/task/10/schedstat", "1500 17 1\n")
	c := mon.read()
	if c.throttles != 111 || c.throttled != 11100 || c.steal != 3 || c.certain != 2 {
		t.Errorf("%+v", c)
	}
	if c.threads[0].ran != 500 || c.threads[0].waited != 7 || c.threads[1].ran != 0 {
		t.Errorf("threads %+v", c.threads)
	}

	// Counters that fall, a group and a thread that end, a thread that begins, a
	// processor that is switched on.
	m.write(own, "")
	stat(3, 3)
	m.write("proc/self/task/10/schedstat", "")
	if err := os.RemoveAll(filepath.Join(m.root, "proc/self/task/10")); err != nil { // as many as before
		t.Fatal(err)
	}
	m.write("proc/self/task/12/schedstat", "7000 70 1\n")
	if c := mon.read(); c.throttles != 0 || c.steal != 0 || len(c.threads) != 2 || c.threads[1].id != 12 || c.threads[1].ran != 0 {
		t.Errorf("%+v", c)
	}
	m.write("proc/self/task/12/schedstat", "7001 72 1\n")
	if c := mon.read(); c.threads[1].ran != 1 || c.threads[1].waited != 2 {
		t.Errorf("%+v", c)
	}
	if n := len(mon.sources.threads); n != 2 {
		t.Errorf("%d threads are followed", n)
	}
}

// What was stolen from a processor before it was switched on is not of today.
func TestProcessorSwitchedOn(t *testing.T) {
	m := machine{t, t.TempDir()}
	mine, other := processors(t)
	m.write("proc/stat", "cpu%d 1 2 3 4 5 6 7 60\nintr 1\n", other)
	mon := open(m.root)
	defer mon.Close()
	for i, want := range []uint64{0, 1, 1} {
		m.write("proc/stat", "cpu%d 1 2 3 4 5 6 7 %d\ncpu%d 1 2 3 4 5 6 7 60\nintr 1\n", mine, 50+i, other)
		if c := mon.read(); c.steal != want {
			t.Errorf("reading %d: %d ticks, want %d", i, c.steal, want)
		}
	}
}

func TestUnknown(t *testing.T) {
	m := machine{t, t.TempDir()}
	mon := open(m.root)
	if u := mon.Unknown(); len(u) != 3 {
		t.Errorf("in an empty root: %q", u)
	}
	mon.Close()
	// A kernel that does not count waiting prints zeros; a group without a quota is known
	// not to be throttled.
	m.write("proc/self/task/10/schedstat", "0 0 0\n")
	m.write("proc/stat", "cpu 1 2 3 4 5 6 7\ncpu0 1 2 3 4 5 6 7\n")
	m.write("sys/fs/cgroup/cpu.stat", "usage_usec 9\n")
	mon = open(m.root)
	defer mon.Close()
	if u := mon.Unknown(); len(u) != 2 || !strings.Contains(u[0], "/proc/stat") || !strings.Contains(u[1], "schedstat") {
		t.Errorf("got %q", u)
	}
}

// The lines of a thousand processors do not fit into the first buffer.
func TestManyProcessors(t *testing.T) {
	m := machine{t, t.TempDir()}
	stat := func(ticks int) {
		var text strings.Builder
		text.WriteString("cpu  1 2 3 4 5 6 7 8 9 10\n")
		for i := 1023; i >= 0; i-- { // those that this process may use come last
			fmt.Fprintf(&text, "cpu%d 123456789 0 23456789 123456789 456789 0 456789 %d 0 0\n", i, ticks)
		}
		text.WriteString("intr 9\n")
		m.write("proc/stat", "%s", text.String())
	}
	stat(5)
	mon := open(m.root)
	defer mon.Close()
	stat(6)
	if c := mon.read(); c.steal != uint64(runtime.NumCPU()) {
		t.Errorf("%d ticks on %d processors", c.steal, runtime.NumCPU())
	}
}

// The threads that are followed are those that there are, as they come and go.
func TestThreads(t *testing.T) {
	m := Open()
	defer m.Close()
	if len(m.sources.threads) == 0 {
		t.Skip("this kernel does not tell for how long threads wait")
	}
	for _, n := range []int{5, 0, 9, 2} {
		end := make(chan struct{})
		var ready, done sync.WaitGroup
		tids := make([]int, n)
		for i := range n {
			ready.Add(1)
			done.Go(func() {
				runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
				tids[i] = unix.Gettid()
				ready.Done()
				<-end
			})
		}
		ready.Wait()
		m.Begin()
		for _, id := range tids {
			if !slices.ContainsFunc(m.sources.threads, func(t thread) bool { return t.id == id }) {
				t.Errorf("thread %d is not followed", id)
			}
		}
		close(end)
		done.Wait()
		// The first thread of a process is kept until the process ends.
		tids = slices.DeleteFunc(tids, func(id int) bool { return id == os.Getpid() })
		for _, id := range tids {
			for unix.Tgkill(os.Getpid(), id, 0) == nil { // it ends a little after its goroutine
				runtime.Gosched()
			}
		}
		m.Begin()
		for _, id := range tids {
			if slices.ContainsFunc(m.sources.threads, func(t thread) bool { return t.id == id }) {
				t.Errorf("thread %d has ended and is followed", id)
			}
		}
	}
}

func TestReadAllocatesNothing(t *testing.T) {
	m := Open()
	defer m.Close()
	if n := testing.AllocsPerRun(200, m.Begin); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// patience is how long a disturbance is waited for that is being provoked.
const patience = time.Minute

// eventually runs batches that keep n threads busy until one has the flag.
func eventually(t *testing.T, m *Monitor, flag string, n int) {
	t.Helper()
	for start := now(); now()-start < patience; {
		var sum atomic.Uint64
		m.Begin()
		var wg sync.WaitGroup
		for range n {
			wg.Go(func() {
				x := uint64(1)
				for begin := now(); now()-begin < 50*ms; {
					for range 1000 {
						x = x*6364136223846793005 + 1442695040888963407
					}
				}
				sum.Add(x)
			})
		}
		wg.Wait()
		if slices.Contains(m.End(), flag) {
			return
		}
	}
	t.Errorf("no batch was %s within %v", flag, patience)
}

// Two programs for each processor beside this one.
func TestRealPreemption(t *testing.T) {
	m := Open()
	defer m.Close()
	if len(m.sources.threads) == 0 {
		t.Skip("this kernel does not tell for how long threads wait")
	}
	for range 2 * runtime.NumCPU() {
		spin := exec.Command("sh", "-c", "while :; do :; done")
		spin.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if err := spin.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			spin.Process.Kill()
			spin.Wait()
		})
	}
	eventually(t, m, Preempted, runtime.NumCPU())
}

// groupVariable tells the inner TestRealThrottling which group to join.
const groupVariable = "GPUBENCH_TEST_CGROUP"

// A process in a group that may use a tenth of a processor.
func TestRealThrottling(t *testing.T) {
	if group := os.Getenv(groupVariable); group != "" {
		if err := os.WriteFile(filepath.Join(group, "cgroup.procs"), []byte("0"), 0); err != nil {
			t.Fatal(err)
		}
		m := Open()
		defer m.Close()
		eventually(t, m, Throttled, 1)
		return
	}
	group := limitedGroup(t)
	inner := exec.Command(os.Args[0], "-test.run=^TestRealThrottling$", "-test.v")
	inner.Env = append(os.Environ(), groupVariable+"="+group)
	out, err := inner.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestRealThrottling") {
		t.Errorf("%v\n%s", err, out)
	}
}

// limitedGroup makes a control group with a quota below the process's own.
func limitedGroup(t *testing.T) string {
	var why []string
	for _, dir := range host.CgroupDirs(os.DirFS("/"), "cpu") {
		group := filepath.Join("/", dir, "gpubench-test-"+strconv.Itoa(os.Getpid()))
		if err := os.Mkdir(group, 0o755); err != nil {
			why = append(why, err.Error())
			continue
		}
		t.Cleanup(func() { os.Remove(group) })
		for _, quota := range [][2]string{{"cpu.max", "10000 100000"}, {"cpu.cfs_quota_us", "10000"}} {
			f, err := os.OpenFile(filepath.Join(group, quota[0]), os.O_WRONLY, 0)
			if err == nil {
				_, err = f.WriteString(quota[1])
				f.Close()
			}
			if err == nil {
				return group
			}
			why = append(why, err.Error())
		}
	}
	t.Skipf("no control group with a quota can be made here: %s", strings.Join(why, "; "))
	return ""
}

// A page of a file that is no longer in memory.
func TestRealPaging(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "page"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	m := Open()
	defer m.Close()
	for range 100 {
		if err := unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED); err != nil {
			t.Fatal(err)
		}
		page, err := unix.Mmap(int(f.Fd()), 0, 1<<20, unix.PROT_READ, unix.MAP_PRIVATE)
		if err != nil {
			t.Fatal(err)
		}
		var before, after unix.Rusage
		m.Begin()
		unix.Getrusage(unix.RUSAGE_SELF, &before)
		sum := byte(0)
		for i := 0; i < len(page); i += 4096 {
			sum += page[i]
		}
		unix.Getrusage(unix.RUSAGE_SELF, &after)
		flags := m.End()
		unix.Munmap(page)
		if sum != 0 {
			t.Fatal("the page has changed")
		}
		if after.Majflt > before.Majflt {
			if !slices.Contains(flags, Paged) {
				t.Errorf("%d major page faults, flags %v", after.Majflt-before.Majflt, flags)
			}
			return
		}
	}
	t.Skip("the file system of the temporary directory stays in memory")
}
