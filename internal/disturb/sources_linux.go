// The counters in Linux's files.

package disturb

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"gpubench/internal/host"
)

const (
	// maxThreads are followed at most, since each takes a descriptor and a microsecond
	// of every reading. What disturbs more threads also disturbs some of these.
	maxThreads = 256
	// maxProcessors bounds the numbers of processors that /proc/stat may name; Linux
	// has at most 8192.
	maxProcessors = 1 << 14
)

// sources are the open files and what was last read from them.
type sources struct {
	root    string
	unknown []string
	buf     []byte

	groups []group

	stat     file
	affinity *unix.CPUSet // nil when it is not known: all processors count
	stolen   []uint64     // ticks, by processor

	tasks   file   // the directory of the threads
	links   uint64 // of that directory when it was last listed
	threads []thread
}

type group struct {
	file
	throttles, throttled uint64 // periods, nanoseconds
}

type thread struct {
	file
	id        int
	run, wait uint64 // nanoseconds on a processor and ready for one, since it began

	ran, waited time.Duration // the same since the last reading
}

func (s *sources) open(root string) {
	s.root = root
	s.buf = make([]byte, 4096)

	readable := false
	for _, dir := range host.CgroupDirs(os.DirFS(root), "cpu") {
		f := openFile(filepath.Join(root, dir, "cpu.stat"))
		text := f.read(s.buf)
		readable = readable || text != nil
		throttles, throttled, ok := parseThrottling(text)
		if !ok {
			f.close() // it cannot have a quota: the root of version 2, or a group without the controller
			continue
		}
		s.groups = append(s.groups, group{f, throttles, throttled})
	}
	if !readable {
		s.unknown = append(s.unknown, "how often a control group's CPU quota stopped it (cpu.stat)")
	}

	// x/sys asks for 1024 processors, which larger machines refuse.
	if set := new(unix.CPUSet); unix.SchedGetaffinity(0, set) == nil {
		s.affinity = set
	}
	s.stat = openFile(filepath.Join(root, "proc/stat"))
	if !s.readSteal(new(change)) {
		s.unknown = append(s.unknown, "time that a hypervisor took away (/proc/stat)")
	}

	s.tasks = openFile(filepath.Join(root, "proc/self/task"))
	if s.list() == 0 { // nothing there, or a kernel that does not count and prints zeros
		s.drop(func(thread) bool { return true })
		s.unknown = append(s.unknown, "time for which threads waited for a processor (/proc/self/task/*/schedstat)")
	}
}

func (s *sources) close() {
	for _, g := range s.groups {
		g.close()
	}
	s.drop(func(thread) bool { return true })
	s.stat.close()
	s.tasks.close()
}

// read adds to the counters what has come since the last reading.
func (s *sources) read(c *change) {
	for i := range s.groups {
		g := &s.groups[i]
		if throttles, throttled, ok := parseThrottling(g.read(s.buf)); ok {
			c.throttles += growth(&g.throttles, throttles)
			c.throttled += growth(&g.throttled, throttled)
		}
	}
	s.readSteal(c)
	s.readWait(c)
}

// growth replaces a counter's value by the new one and returns the difference.
// Some counters fall when a virtual machine moves to another host; that is none.
func growth(last *uint64, now uint64) uint64 {
	d := now - *last
	if now < *last {
		d = 0
	}
	*last = now
	return d
}

// readSteal adds what was stolen since the last reading. It reports whether there is
// a column of it.
func (s *sources) readSteal(c *change) bool {
	for {
		text := s.stat.read(s.buf)
		if len(text) == len(s.buf) && !bytes.Contains(text, []byte("\nintr")) && len(s.buf) < 1<<20 {
			s.buf = make([]byte, 2*len(s.buf)) // not yet all processors
			continue
		}
		return parseSteal(text, func(processor int, ticks uint64) {
			if s.affinity != nil && !s.affinity.IsSet(processor) {
				return
			}
			for len(s.stolen) <= processor {
				s.stolen = append(s.stolen, math.MaxUint64) // the first value is no growth
			}
			d := growth(&s.stolen[processor], ticks)
			c.steal += d
			c.certain += max(d, 1) - 1
		})
	}
}

// readWait reads for how long threads ran and waited since the last reading. A thread
// counts from the first reading that finds it, and not after the last that does.
func (s *sources) readWait(c *change) {
	const ended = 0 // no thread has this number
	links := s.tasks.links()
	for i := range s.threads {
		t := &s.threads[i]
		run, wait, ok := parseSchedstat(t.read(s.buf))
		if !ok {
			t.id, links = ended, 0
			continue
		}
		t.ran, t.waited = time.Duration(growth(&t.run, run)), time.Duration(growth(&t.wait, wait))
	}
	if len(s.threads) > 0 && links != s.links {
		s.drop(func(t thread) bool { return t.id == ended })
		s.list()
	}
	c.threads = s.threads
}

// list begins to follow the threads that it does not yet, and returns for how long
// those have run, in nanoseconds.
func (s *sources) list() (ran uint64) {
	s.links = s.tasks.links()
	entries, _ := os.ReadDir(filepath.Join(s.root, "proc/self/task"))
	for _, e := range entries {
		id, err := strconv.Atoi(e.Name())
		if err != nil || len(s.threads) >= maxThreads || slices.ContainsFunc(s.threads, func(t thread) bool { return t.id == id }) {
			continue
		}
		f := openFile(filepath.Join(s.root, "proc/self/task", e.Name(), "schedstat"))
		run, wait, ok := parseSchedstat(f.read(s.buf))
		if !ok {
			f.close()
			continue
		}
		ran += run
		s.threads = append(s.threads, thread{file: f, id: id, run: run, wait: wait})
	}
	return ran
}

// drop stops to follow threads.
func (s *sources) drop(which func(thread) bool) {
	s.threads = slices.DeleteFunc(s.threads, func(t thread) bool {
		if !which(t) {
			return false
		}
		t.close()
		return true
	})
}

// parseThrottling reads the cpu.stat of a control group: the periods in which its
// quota stopped it, and for how many nanoseconds on all processors together. ok is
// false where the file does not count them.
func parseThrottling(text []byte) (throttles, throttled uint64, ok bool) {
	for line := range bytes.Lines(text) {
		key, value, _ := bytes.Cut(line, []byte(" "))
		n, isNumber := number(bytes.TrimSuffix(value, []byte("\n")))
		if !isNumber {
			continue
		}
		switch string(key) {
		case "nr_throttled":
			throttles, ok = n, true
		case "throttled_usec": // version 2
			throttled = min(n, math.MaxInt64/1000) * 1000
		case "throttled_time": // version 1
			throttled = min(n, math.MaxInt64)
		}
	}
	return throttles, throttled, ok
}

// parseSteal reads the lines of processors at the head of /proc/stat and calls each
// with the ticks of stolen time. It reports whether it has found any.
func parseSteal(text []byte, each func(processor int, ticks uint64)) (found bool) {
	for line := range bytes.Lines(text) {
		rest, ok := bytes.CutPrefix(line, []byte("cpu"))
		if !ok || !bytes.HasSuffix(rest, []byte("\n")) {
			break
		}
		// cpu0 user nice system idle iowait irq softirq steal guest guest_nice
		column := 0
		processor := -1 // of the sum of all
		for field := range bytes.FieldsSeq(rest) {
			n, ok := number(field)
			if column == 0 && rest[0] != ' ' {
				if !ok || n >= maxProcessors {
					break
				}
				processor = int(n)
			}
			if column == 8 && ok && processor >= 0 {
				each(processor, n)
				found = true
			}
			column++
		}
	}
	return found
}

// parseSchedstat reads a thread's nanoseconds on a processor and waiting for one.
func parseSchedstat(text []byte) (run, wait uint64, ok bool) {
	first, rest, _ := bytes.Cut(text, []byte(" "))
	second, _, last := bytes.Cut(rest, []byte(" "))
	run, okRun := number(first)
	wait, okWait := number(second)
	return run, wait, okRun && okWait && last
}

// number reads a decimal number without allocating.
func number(text []byte) (n uint64, ok bool) {
	for _, c := range text {
		d := uint64(c - '0')
		if d > 9 || n > (math.MaxUint64-d)/10 {
			return 0, false
		}
		n = 10*n + d
	}
	return n, len(text) > 0
}

// file is an open descriptor, -1 for none.
type file int

func openFile(name string) file {
	fd, err := unix.Open(name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1
	}
	return file(fd)
}

// read returns the text from the beginning, as much as fits into buf, in one call:
// the kernel makes a file's text anew for every one. It is nil when that fails.
func (f file) read(buf []byte) []byte {
	for {
		n, err := unix.Pread(int(f), buf, 0)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil
		}
		return buf[:n]
	}
}

// links counts the names of a directory: that of the threads has two more than
// there are threads.
func (f file) links() uint64 {
	var st unix.Stat_t
	if unix.Fstat(int(f), &st) != nil {
		return 0
	}
	return uint64(st.Nlink)
}

func (f file) close() {
	if f >= 0 {
		unix.Close(int(f))
	}
}
