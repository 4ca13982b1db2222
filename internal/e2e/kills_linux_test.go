// SIGKILL to the program and to its children, at random moments and often.

package e2e

import (
	"bytes"
	"fmt"
	"io"
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
// and nothing that runs. What has been finished is known from the screen: a launch
// begins only when the one before it is in the document.
func TestAHundredKills(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute, and -short was asked for")
	}
	gpubench(t) // a skip is not for the goroutines below
	terminal(t)
	const hands, kills = 4, 25 // kills of each hand that come before the end of the run
	var all sync.WaitGroup
	var count sync.Mutex
	runs, due, kept, temporary := 0, 0, 0, 0
	for hand := range hands {
		all.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(hand)))
			dir := t.TempDir()
			path := filepath.Join(dir, "doc.json")
			began := time.Now()
			if doc := runTiny(t, path); doc == nil || doc.Interrupted || launches(t, doc) != everything {
				t.Errorf("a run that nobody disturbs: %+v", doc)
				return
			}
			whole := time.Since(began)
			for kill := 0; kill < kills; {
				os.Remove(path)
				delay := time.Duration(random.Int64N(int64(whole)))
				killed, finished, left := killTiny(t, path, delay)
				doc, n := read(t, path), 0
				if doc != nil {
					n = launches(t, doc)
				}
				text := fmt.Sprintf("hand %d, kill %d after %v: %d launches were finished, %d are kept", hand, kill, delay, finished, n)
				t.Log(text)
				if n < finished || n > everything {
					t.Error(text)
				}
				if doc != nil && (!doc.Interrupted && n < everything || doc.Interrupted && !killed || len(doc.Measurements) != arms) {
					t.Errorf("%s: interrupted is %v, %d arms", text, doc.Interrupted, len(doc.Measurements))
				}
				// What the kill left of a write that was not finished is gone with the next run.
				if len(left) > 1 || len(left) == 1 && !regexp.MustCompile(`^\.gpubench-[0-9a-f]{16}\.tmp$`).MatchString(left[0]) {
					t.Errorf("%s: the directory holds %q beside the document", text, left)
				}
				count.Lock()
				if killed {
					kill++
				}
				runs++
				due += finished
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
	t.Logf("%d of %d runs were killed before their end; %d launches had to be kept, %d were; %d temporary files were left", hands*kills, runs, due, kept, temporary)
	if due == 0 {
		t.Error("no launch had to be kept: this test proves nothing")
	}
}

// What is killed: a run of two arms with two launches each. The limit keeps launches
// short on a busy machine; one that falls to it is kept like any other.
const arms, everything = 2, 4

var twoArms = slices.Concat(tiny, []string{"--size", "48", "--timeout", "2s"})

// runTiny runs it to its end.
func runTiny(t *testing.T, path string) *result.Document {
	cmd := exec.Command(gpubench(t), append(slices.Clone(twoArms), "--json", path)...)
	out, _ := cmd.CombinedOutput() // the exit code says it
	doc := read(t, path)
	wantCode(t, cmd.ProcessState.ExitCode(), doc, string(out))
	return doc
}

// wantCode checks the exit code of a run that has come to its end.
func wantCode(t *testing.T, code int, doc *result.Document, stderr string) {
	t.Helper()
	failed := doc != nil && slices.ContainsFunc(doc.Measurements, func(m result.Measurement) bool { return m.Status != result.StatusOK })
	if code != 0 && !failed || code == 0 && failed {
		t.Errorf("exit code %d, an arm failed: %v: %q", code, failed, stderr)
	}
}

// onScreen is what the progress line says of a launch.
var onScreen = regexp.MustCompile(`arm \d of \d: \S+ \S+, launch \d of \d`)

// killTiny kills a run after some time, unless it has ended before. It returns the
// number of launches that are known to have been finished by then, all that had been
// on the screen but the last, and what is in the directory beside the document.
func killTiny(t *testing.T, path string, delay time.Duration) (killed bool, finished int, left []string) {
	screen, tty := terminal(t)
	defer screen.Close()
	cmd := exec.Command(gpubench(t), append(slices.Clone(twoArms), "--json", path)...)
	cmd.Env = append(os.Environ(), "TERM=xterm")
	mark := marking(cmd)
	cmd.Stderr = tty
	if err := cmd.Start(); err != nil {
		t.Error(err)
		return
	}
	tty.Close() // so that reading ends with the program
	kill := time.AfterFunc(delay, func() { cmd.Process.Kill() })
	defer kill.Stop()
	seen, _ := io.ReadAll(screen) // an error is the end
	cmd.Wait()                    // the state says it
	killed = cmd.ProcessState.Sys().(syscall.WaitStatus).Signaled()

	var shown []string
	for _, launch := range onScreen.FindAll(seen, -1) {
		if !slices.Contains(shown, string(launch)) {
			shown = append(shown, string(launch))
		}
	}
	if finished = max(0, len(shown)-1); !killed {
		finished = everything
		wantCode(t, cmd.ProcessState.ExitCode(), read(t, path), string(seen))
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
	sizes := []string{"--size", "16,24,48"} // besides the one of tiny
	var all sync.WaitGroup
	var count sync.Mutex
	total := 0
	for hand := range hands {
		all.Go(func() {
			random := rand.New(rand.NewPCG(2, uint64(hand)))
			path := filepath.Join(t.TempDir(), "doc.json")
			cmd := exec.Command(gpubench(t), slices.Concat(tiny, sizes, []string{"--launches", fmt.Sprint(rounds), "--json", path})...)
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
						if launch := n - prelude(arms); launch > 0 && launch%spared != 0 {
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
			wantCode(t, cmd.ProcessState.ExitCode(), doc, stderr.String())
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
