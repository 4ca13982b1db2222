package worker

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"gpubench/internal/backend"
	"gpubench/internal/result"
)

// score is how near to the out-of-memory killer a process stands.
func score(t *testing.T, pid string) int {
	t.Helper()
	text, err := os.ReadFile("/proc/" + pid + "/oom_score_adj")
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// The kernel is to pick the child, and not the parent with the results.
func TestTheChildGoesFirst(t *testing.T) {
	own := score(t, "self")
	pid := ""
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	spawn(t, "pid and hang").Run(ctx, launch, long, func(e Event) {
		if pid != "" {
			return
		}
		defer cancel()
		pid = e.Phase
		if got, want := score(t, pid), min(own+sacrifice, 1000); got != want {
			t.Errorf("the child's oom_score_adj is %d, want %d", got, want)
		}
		if got := score(t, "self"); got != own {
			t.Errorf("the parent's became %d", got)
		}
	})
	if pid == "" {
		t.Error("the child did not say its number")
	}
}

// memoryGroup makes a control group with so little memory, and returns its directory.
func memoryGroup(t *testing.T, limit int) string {
	t.Helper()
	for _, v := range []struct{ root, max, swap, noSwap string }{
		{"/sys/fs/cgroup", "memory.max", "memory.swap.max", "0"},
		{"/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.swappiness", "0"},
	} {
		dir := filepath.Join(v.root, fmt.Sprintf("gpubench-test-%d", os.Getpid()))
		if _, err := os.Stat(filepath.Join(v.root, "cgroup.procs")); err != nil || os.Mkdir(dir, 0o755) != nil {
			continue
		}
		t.Cleanup(func() {
			for range 100 { // the last process may take its time to vanish
				if os.Remove(dir) == nil {
					return
				}
				time.Sleep(10 * time.Millisecond)
			}
			t.Errorf("%s cannot be removed", dir)
		})
		os.WriteFile(filepath.Join(dir, v.swap), []byte(v.noSwap), 0) // it is missing where there is no swap
		if _, err := os.Stat(filepath.Join(dir, v.max)); err == nil {
			if err := os.WriteFile(filepath.Join(dir, v.max), []byte(strconv.Itoa(limit)), 0); err == nil {
				return dir
			}
		}
	}
	t.Skip("needs the right to make a control group with a limit of memory")
	return ""
}

// A child that eats all memory of the control group is ended by the kernel. The
// parent in the same group lives, and knows what happened.
func TestOutOfMemoryInAControlGroup(t *testing.T) {
	dir := memoryGroup(t, 128<<20)
	cmd := parent(t, "eats memory")
	cmd.Args = []string{"sh", "-c", `echo $$ >"$0/cgroup.procs" && exec "$1"`, dir, cmd.Path}
	cmd.Path = "/bin/sh"
	text, err := cmd.Output()
	if err != nil {
		t.Fatalf("the parent: %v\n%s", err, text)
	}
	_, last, _ := strings.Cut(string(text), "\n") // after the phase
	var out Outcome
	if err := json.Unmarshal([]byte(last), &out); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if out.Status != result.StatusFailed || out.Code != string(backend.OutOfMemory) || out.Signal != "SIGKILL" ||
		out.Reason != "the process was killed by the kernel, because memory had run out, while sampling" || out.Remedy != remedyMemory {
		t.Errorf("%+v", out)
	}
}
