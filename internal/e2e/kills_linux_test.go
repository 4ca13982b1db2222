// SIGKILL to the program and to its children, at random moments and often.

package e2e

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"gpubench/internal/result"
)

// A run that is killed leaves a document with every launch but the one in progress,
// and nothing that runs. What has been finished is known from outside: a child is
// started only when the one before it is in the document.
func TestAHundredKills(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute, and -short was asked for")
	}
	gpubench(t) // a skip is not for the goroutines below
	children(t, os.Getpid())
	const hands, kills = 4, 25
	var all sync.WaitGroup
	var count sync.Mutex
	landed, kept, temporary := 0, 0, 0
	for hand := range hands {
		all.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(hand)))
			dir := t.TempDir()
			path := filepath.Join(dir, "doc.json")
			began := time.Now()
			if doc := runTiny(t, path); doc == nil || doc.Interrupted || launches(t, doc) != 6 {
				t.Errorf("a run that nobody disturbs: %+v", doc)
				return
			}
			whole := time.Since(began)
			for kill := range kills {
				os.Remove(path)
				delay := time.Duration(random.Int64N(int64(whole)))
				killed, finished, left := killTiny(t, path, delay)
				doc, n := read(t, path), 0
				if doc != nil {
					n = launches(t, doc)
				}
				text := fmt.Sprintf("hand %d, kill %d after %v: %d launches were finished, %d are kept", hand, kill, delay, finished, n)
				t.Log(text)
				if n < finished || n > 6 {
					t.Error(text)
				}
				if doc != nil && (doc.Interrupted == (n == 6 && !killed) || len(doc.Measurements) != 2) {
					t.Errorf("%s: interrupted is %v, %d arms", text, doc.Interrupted, len(doc.Measurements))
				}
				// What the kill left of a write that was not finished is gone with the next run.
				if len(left) > 1 || len(left) == 1 && !regexp.MustCompile(`^\.gpubench-[0-9a-f]{16}\.tmp$`).MatchString(left[0]) {
					t.Errorf("%s: the directory holds %q beside the document", text, left)
				}
				count.Lock()
				if killed {
					landed++
				}
				kept += n
				temporary += len(left)
				count.Unlock()
			}
			runTiny(t, path)
			if list := names(t, dir); !slices.Equal(list, []string{"doc.json"}) {
				t.Errorf("the directory holds %q in the end", list)
			}
		})
	}
	all.Wait()
	t.Logf("%d of %d runs were killed before their end; %d launches were kept, %d temporary files left", landed, hands*kills, kept, temporary)
	if landed < hands*kills/2 || kept == 0 {
		t.Errorf("only %d kills came in time, and %d launches were kept: this test proves nothing", landed, kept)
	}
}

// runTiny runs tiny to its end.
func runTiny(t *testing.T, path string) *result.Document {
	cmd := exec.Command(gpubench(t), append(slices.Clone(tiny), "--json", path)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	return read(t, path)
}

// killTiny kills a run after some time, unless it has ended before. It returns the
// number of launches that are known to have been finished by then, and what is in the
// directory beside the document.
func killTiny(t *testing.T, path string, delay time.Duration) (killed bool, finished int, left []string) {
	cmd := exec.Command(gpubench(t), append(slices.Clone(tiny), "--json", path)...)
	mark := marking(cmd)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Error(err)
		return
	}
	s := &starts{parent: cmd.Process.Pid}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	deadline := time.After(delay)
	for waiting := true; waiting; {
		select {
		case <-deadline:
			cmd.Process.Kill()
			<-done
			killed = cmd.ProcessState.Sys().(syscall.WaitStatus).Signaled()
			waiting = false
		case <-done:
			waiting = false
		case <-time.After(5 * time.Millisecond):
			s.look(t)
		}
	}
	if finished = max(0, len(s.seen)-prelude-1); !killed {
		finished = 6
		if code := cmd.ProcessState.ExitCode(); code != 0 {
			t.Errorf("exit code %d: %s", code, stderr.String())
		}
	}
	wantNoneLeft(t, mark)
	left = slices.DeleteFunc(names(t, filepath.Dir(path)), func(name string) bool { return name == filepath.Base(path) })
	return killed, finished, left
}

// Of 64 launches in each of two runs 54 are killed. All others are in the document,
// and so is what the killed ones gave.
func TestAHundredKilledChildren(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute, and -short was asked for")
	}
	gpubench(t)
	children(t, os.Getpid())
	const hands, arms, rounds, spared = 2, 4, 16, 6
	var all sync.WaitGroup
	var count sync.Mutex
	total := 0
	for hand := range hands {
		all.Go(func() {
			random := rand.New(rand.NewPCG(2, uint64(hand)))
			path := filepath.Join(t.TempDir(), "doc.json")
			cmd := exec.Command(gpubench(t), append(slices.Clone(tiny), "--size", "16,24", "--launches", fmt.Sprint(rounds), "--json", path)...)
			mark := marking(cmd)
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			if err := cmd.Start(); err != nil {
				t.Error(err)
				return
			}
			s := &starts{parent: cmd.Process.Pid}
			done := make(chan error, 1)
			go func() { done <- cmd.Wait() }()
			sent, known := 0, 0
			for running := true; running; {
				select {
				case <-done:
					running = false
				case <-time.After(5 * time.Millisecond):
					if n := s.look(t); n > known {
						known = n
						if launch := n - 1 - arms; launch > 0 && launch%spared != 0 {
							time.Sleep(time.Duration(random.Int64N(int64(350 * time.Millisecond))))
							if syscall.Kill(s.seen[n-1], syscall.SIGKILL) == nil {
								sent++
							}
						}
					}
				}
			}
			wantNoneLeft(t, mark)
			doc := read(t, path)
			if doc == nil || doc.Interrupted || len(doc.Measurements) != arms {
				t.Errorf("the document is %+v", doc)
				return
			}
			if n := launches(t, doc); n != arms*rounds {
				t.Errorf("%d launches, want %d", n, arms*rounds)
			}
			killed, good, failed := 0, 0, 0
			for _, m := range doc.Measurements {
				if m.Status != result.StatusOK {
					failed++
				}
				for _, l := range m.Launches {
					if l.Signal == "SIGKILL" {
						killed++
					} else if l.Status == result.StatusOK {
						good++
					}
				}
			}
			t.Logf("hand %d: %d kills were sent, %d launches fell to them, %d are good, %d arms failed", hand, sent, killed, good, failed)
			if killed > sent {
				t.Errorf("%d launches were killed by %d kills", killed, sent)
			}
			if code := cmd.ProcessState.ExitCode(); code != 0 && failed == 0 || code == 0 && failed > 0 {
				t.Errorf("exit code %d with %d failed arms: %s", code, failed, stderr.String())
			}
			count.Lock()
			total += killed
			count.Unlock()
		})
	}
	all.Wait()
	t.Logf("%d launches were killed", total)
	if total < 50 {
		t.Errorf("only %d launches were killed: this test proves nothing", total)
	}
}
