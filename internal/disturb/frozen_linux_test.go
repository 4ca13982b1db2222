package disturb

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// frozenVariable makes the test binary the process that is stopped.
const frozenVariable = "GPUBENCH_DISTURB_TEST_BATCH"

func TestMain(m *testing.M) {
	if os.Getenv(frozenVariable) != "" {
		batch()
		return
	}
	os.Exit(m.Run())
}

// batch is a batch that lasts from one line of standard input to the next.
func batch() {
	StartPulse()
	m := Open()
	in := bufio.NewReader(os.Stdin)
	for beats() == 0 {
		time.Sleep(time.Millisecond)
	}
	m.Begin()
	fmt.Println("begun")
	in.ReadString('\n')
	fmt.Println(strings.Join(m.End(), " "))
}

// beats is the time of the last one.
func beats() time.Duration {
	heart.mu.Lock()
	defer heart.mu.Unlock()
	return heart.at
}

// A process that is stopped while it measures says so.
func TestFrozen(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), frozenVariable+"=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	lines := bufio.NewReader(out)
	if _, err := lines.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	pid := cmd.Process.Pid
	syscall.Kill(pid, syscall.SIGSTOP)
	stopped := func() bool {
		stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		return bytes.Contains(stat, []byte(") T "))
	}
	for end := time.Now().Add(30 * time.Second); !stopped() && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(5 * shortestStop)
	syscall.Kill(pid, syscall.SIGCONT)
	io.WriteString(in, "\n")
	flags, err := lines.ReadString('\n')
	if err != nil || !strings.Contains(flags, Frozen) {
		t.Errorf("flags %q, %v, want %s among them", flags, err, Frozen)
	}
	cmd.Wait()
}
