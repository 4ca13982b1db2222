package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"gpubench/internal/result"
)

// What the environment makes run below the processor is named at its row and in a
// comparison; the numbers of threads that it asks for are not had. The library is the
// system's OpenBLAS.
func TestTheEnvironmentSteers(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("the cores that are asked for are of amd64")
	}
	run := func(t *testing.T, env ...string) (*result.Document, string, string) {
		t.Helper()
		file := filepath.Join(t.TempDir(), "result.json")
		cmd := exec.Command(gpubench(t), "run", "--limits=false", "--device", "cpu,blas", "--size", "128", "--launches", "3", "--warmup", "20ms", "--min-time", "50ms", "--precision", "20%", "--json", file)
		for _, kv := range os.Environ() {
			if name, _, _ := strings.Cut(kv, "="); !strings.HasPrefix(name, "OPENBLAS_") && name != "GPUBENCH_CPU_ISA" && name != "GPUBENCH_BLAS" {
				cmd.Env = append(cmd.Env, kv)
			}
		}
		cmd.Env = append(cmd.Env, "COLUMNS=1000")
		cmd.Env = append(cmd.Env, env...)
		a := finish(t, cmd)
		if a.code == 4 && strings.Contains(a.stderr, "blas") {
			t.Skip(a.stderr)
		}
		table := a.stdout
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatalf("%v\n%s", err, a.stderr)
		}
		a.stdout = string(text)
		return a.document(t, 0), table, file
	}
	device := func(t *testing.T, doc *result.Document, id string) result.Device {
		t.Helper()
		for _, d := range doc.Devices {
			if d.ID == id {
				return d
			}
		}
		t.Fatalf("there is no device %s", id)
		return result.Device{}
	}

	alone, _, good := run(t, "OMP_NUM_THREADS=1", "OPENBLAS_NUM_THREADS=1", "GOTO_NUM_THREADS=1", "OMP_THREAD_LIMIT=1", "OMP_PLACES={0}", "OMP_PROC_BIND=true", "GOMP_CPU_AFFINITY=0")
	d := device(t, alone, "blas")
	if d.Library == nil || d.Library.Name != "OpenBLAS" || d.Threads != device(t, alone, "cpu").Threads || d.ProcessorISA != alone.Host.CPU.ISA || len(d.Steering) != 0 {
		t.Fatalf("%+v, %+v", d, d.Library)
	}
	if d.Library.ISA == "sse2" || d.ProcessorISA == "sse2" {
		t.Skipf("there is nothing below %s here", d.Name)
	}
	if c := codes(measured(t, alone, "blas").Warnings); slices.Contains(c, "reference-below-processor") != d.BelowProcessor() || slices.Contains(codes(measured(t, alone, "cpu").Warnings), "cpu-below-processor") {
		t.Errorf("left alone: %q", c)
	}

	doc, table, file := run(t, "OPENBLAS_CORETYPE=Prescott", "GPUBENCH_CPU_ISA=sse2")
	d = device(t, doc, "blas")
	if d.Library == nil || d.Library.Core != "Prescott" || d.Library.ISA != "sse2" || d.Library.Raised != "" || d.Steering["OPENBLAS_CORETYPE"] != "Prescott" || !d.BelowProcessor() {
		t.Errorf("%+v, %+v", d, d.Library)
	}
	for id, code := range map[string]string{"blas": "reference-below-processor", "cpu": "cpu-below-processor"} {
		if c := codes(measured(t, doc, id).Warnings); !slices.Contains(c, code) {
			t.Errorf("%s: warnings %q", id, c)
		}
	}
	words := strings.Join(strings.Fields(table), " ")
	for _, want := range []string{"runs its code for Prescott (sse2) although the processor has " + d.ProcessorISA, "OPENBLAS_CORETYPE=Prescott in the environment", "GPUBENCH_CPU_ISA=sse2 in the environment", "sse2 of " + d.ProcessorISA} {
		if !strings.Contains(words, want) {
			t.Errorf("the table lacks %q:\n%s", want, table)
		}
	}

	cmd := exec.Command(gpubench(t), "compare", good, file)
	cmd.Env = append(os.Environ(), "COLUMNS=1000")
	words = strings.Join(strings.Fields(finish(t, cmd).stdout), " ")
	for _, want := range []string{"blas is no measure of the processor: OpenBLAS", "cpu is no measure of the processor: cpu runs sse2 code", "the library's for Prescott, sse2 in " + file} {
		if !strings.Contains(words, want) {
			t.Errorf("the comparison lacks %q:\n%s", want, words)
		}
	}
}
