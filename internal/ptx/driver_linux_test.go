//go:build cgo

package ptx_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"gpubench/cpu"
	"gpubench/cuda"
	"gpubench/internal/backend"
	child "gpubench/internal/launch"
	"gpubench/internal/result"
	"gpubench/internal/worker"
	"gpubench/kernels"
)

// The whole way of a measurement: package launch drives package cuda, that gives the text
// to a driver, and what that is asked to launch the machine of these tests carries out. The
// driver is the stand-in of package cuda's tests, in a process of its own; the machine is
// in this one.
func TestThroughTheDriver(t *testing.T) {
	if os.Getenv("STANDIN_MACHINE") != "" {
		throughTheDriver(t)
		return
	}
	cc, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("there is no C compiler: ", err)
	}
	dir := t.TempDir()
	if out, err := exec.Command(cc, "-shared", "-fPIC", "-O1", "-o", filepath.Join(dir, "libcuda.so.1"), "../../cuda/testdata/standin/libcuda.c").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	listener, err := net.Listen("unix", filepath.Join(dir, "socket"))
	if err != nil {
		t.Fatal(err)
	}
	m := &server{t: t, dir: dir, programs: map[string]*program{}, memories: map[string][]byte{}}
	var served sync.WaitGroup
	served.Go(func() { m.accept(listener) })

	cmd := exec.Command(os.Args[0], "-test.run=^TestThroughTheDriver$", "-test.v")
	cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+dir, "STANDIN_MACHINE="+dir)
	out, err := cmd.CombinedOutput()
	listener.Close()
	served.Wait()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestThroughTheDriver") {
		t.Errorf("%v\n%s", err, out)
	}
	t.Logf("the machine carried out %d launches of %d texts", m.launches, len(m.programs))
	if m.launches < 20 || len(m.programs) < 3 {
		t.Error("that is too few")
	}
}

// server carries out the launches of the stand-in: see its STANDIN_MACHINE.
type server struct {
	t        *testing.T
	dir      string
	programs map[string]*program
	memories map[string][]byte
	launches int
}

func (s *server) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		lines := bufio.NewScanner(c)
		for lines.Scan() {
			answer := "ok"
			if err := s.launch(lines.Text()); err != nil {
				answer = strings.ReplaceAll(err.Error(), "\n", " ")
				s.t.Errorf("%s: %v", lines.Text(), err)
			}
			if _, err := io.WriteString(c, answer+"\n"); err != nil {
				break
			}
		}
		c.Close()
	}
}

func (s *server) launch(line string) error {
	var pid, module, shared int
	var grid [2]uint32
	var at [3][2]uint64
	var size [3]uint32
	if _, err := fmt.Sscan(line, &pid, &module, &grid[0], &grid[1], &shared, &at[0][0], &at[0][1], &at[1][0], &at[1][1], &at[2][0], &at[2][1], &size[0], &size[1], &size[2]); err != nil {
		return err
	}
	text := filepath.Join(s.dir, fmt.Sprintf("module-%d-%d.ptx", pid, module))
	if s.programs[text] == nil {
		b, err := os.ReadFile(text)
		if err != nil {
			return err
		}
		if s.programs[text], err = parse(string(b)); err != nil {
			return err
		}
	}
	file := filepath.Join(s.dir, fmt.Sprintf("memory-%d", pid))
	if s.memories[file] == nil {
		f, err := os.OpenFile(file, os.O_RDWR, 0)
		if err != nil {
			return err
		}
		defer f.Close()
		if s.memories[file], err = syscall.Mmap(int(f.Fd()), 0, 1<<30, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED); err != nil {
			return err
		}
	}
	l := &launch{grid: [3]uint32{grid[0], grid[1], 1}, dynamic: shared}
	for _, b := range at {
		l.buffers = append(l.buffers, s.memories[file][b[0]:b[1]])
	}
	for _, v := range size {
		l.push = binary.LittleEndian.AppendUint32(l.push, v)
	}
	s.launches++
	return s.programs[text].run(l)
}

// handled is what package launch says of a request.
type handled struct {
	err       error
	chosen    map[string]uint32
	kernel    result.Kernel
	verified  result.Verification
	samples   int
	roundTrip float64
}

func handle(b backend.Backend, req worker.Request) (h handled) {
	req.Seed, req.Rules = 1, worker.Rules{WarmupS: 0.001, MinSamples: 2, MinTimeS: 0.001, Precision: 0.5, MaxTimeS: 0.1, BatchS: 0.0001}
	h.err = child.Handle(context.Background(), b, nil, req, func(e worker.Event) {
		switch e.Event {
		case worker.EventTried:
			if e.Candidate.Status == result.StatusOK {
				h.chosen = e.Candidate.Specialization
			}
		case worker.EventBuilt:
			h.kernel = *e.Kernel
		case worker.EventVerified:
			h.verified = *e.Verification
		case worker.EventSample:
			h.samples++
		case worker.EventRoundTrip:
			h.roundTrip = e.RoundTripS
		}
	})
	return h
}

func throughTheDriver(t *testing.T) {
	var list []cuda.Kernel
	for name, module := range kernels.Modules {
		k, err := cuda.ParseKernel(name, module)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, k)
	}
	b := cuda.New(list...)
	problem := backend.Problem{M: 33, N: 66, K: 19}
	search := handle(b, worker.Request{Op: worker.OpSearch, Device: "cuda:0", Problem: problem})
	if search.err != nil || search.chosen == nil {
		t.Fatalf("search: %+v", search)
	}
	for _, tt := range []struct {
		kernel, device string
		problem        backend.Problem
		spec           map[string]uint32
	}{
		{backend.KernelMatmul, "cpu:1", problem, search.chosen},
		// More shared memory than a text may declare, in two copies; C is smaller than a trace.
		{backend.KernelMatmul, "cpu:1", backend.Problem{M: 5, N: 7, K: 150}, map[string]uint32{"LX": 8, "LY": 8, "TM": 4, "TN": 1, "VN": 4, "BK": 128, "KU": 4, "PA": 0, "PB": 0}},
		{backend.KernelFMA, "cpu:1", backend.Problem{M: 20, N: 70, K: 37}, nil},
	} {
		h := handle(b, worker.Request{Op: worker.OpLaunch, Device: "cuda:0", Kernel: tt.kernel, Problem: tt.problem, Specialization: tt.spec})
		if h.err != nil {
			t.Errorf("%s %v: %v", tt.kernel, tt.problem, h.err)
			continue
		}
		if h.verified.Failed != 0 || h.verified.Dispatches <= h.verified.Batches || h.samples < 2 || h.roundTrip <= 0 || h.kernel.Form != "ptx" {
			t.Errorf("%s %v: %+v", tt.kernel, tt.problem, h)
		}
		other := handle(cpu.New(), worker.Request{Op: worker.OpLaunch, Device: tt.device, Kernel: tt.kernel, Problem: tt.problem})
		if other.err != nil || other.verified.ExactChecksum != h.verified.ExactChecksum || other.kernel.SPIRVSHA256 != h.kernel.SPIRVSHA256 {
			t.Errorf("%s %v: the CPU came to %+v, the machine to %+v", tt.kernel, tt.problem, other, h)
		}
	}
	// A device that is lost after three verified batches, thirty empty dispatches and one more.
	t.Setenv("STANDIN_FAULT", "cuEventRecord=700@69")
	h := handle(b, worker.Request{Op: worker.OpLaunch, Device: "cuda:0", Problem: problem, Specialization: search.chosen})
	var e *backend.Error
	if !errors.As(h.err, &e) || e.Kind != backend.DeviceLost || !strings.Contains(h.err.Error(), "CUDA_ERROR_ILLEGAL_ADDRESS") {
		t.Errorf("after the device was lost: %v", h.err)
	}
	if h.verified.Batches == 0 || h.verified.Failed != 0 {
		t.Errorf("verified before: %+v", h.verified)
	}
}
