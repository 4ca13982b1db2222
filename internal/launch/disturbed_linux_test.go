package launch

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"gpubench/internal/disturb"
	"gpubench/internal/worker"
)

// Batches that wait for a disk are marked, those of the warm-up too, and stay.
func TestDisturbedBatchesAreMarked(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "page"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(make([]byte, 1<<16)); err != nil {
		t.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	var waits []int64 // major page faults by batch
	faults := func() int64 {
		var u unix.Rusage
		if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
			t.Fatal(err)
		}
		return u.Majflt
	}
	fake := &fake{before: func() {
		before := faults()
		if len(waits)%2 == 0 {
			readEvicted(t, f)
		}
		waits = append(waits, faults()-before)
	}}
	got, err := handled(t, fake, launchRequest())
	if err != nil {
		t.Fatal(err)
	}
	samples := append(got.samples(worker.EventWarmup), got.samples(worker.EventSample)...)
	waits = waits[exactBatches:] // those before only verify
	seen := false
	for i, s := range samples {
		if waits[i] > 0 {
			seen = true
			if !slices.Contains(s.Flags, disturb.Paged) {
				t.Errorf("sample %d, %d major page faults: flags %v", i, waits[i], s.Flags)
			}
		}
	}
	if !seen {
		t.Skip("the file system of the temporary directory stays in memory")
	}
}

// readEvicted reads the file's first byte through a mapping after the file was
// thrown out of memory.
func readEvicted(t *testing.T, f *os.File) {
	if err := unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED); err != nil {
		t.Fatal(err)
	}
	page, err := unix.Mmap(int(f.Fd()), 0, 4096, unix.PROT_READ, unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(page)
	if page[0] != 0 {
		t.Error("the file has changed")
	}
}
