package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gpubench/internal/result"
	"gpubench/internal/testdoc"
)

// text of a format of a report.
func written(t *testing.T, write func(*Report, *bytes.Buffer) error, inputs ...Input) string {
	t.Helper()
	var b bytes.Buffer
	if err := write(newReport(t, inputs...), &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestMarkdown(t *testing.T) {
	markdown := func(r *Report, b *bytes.Buffer) error { return r.Markdown(b) }
	golden(t, "markdown-laptop", written(t, markdown, laptop(t)))
	golden(t, "markdown-harmful", written(t, markdown, harmful(t)))
	golden(t, "markdown-days", written(t, markdown, days(t)...))
}

// A baseline that is below its processor is told of at its row and at the verdicts on it, in
// the page and in Markdown.
func TestBelowTheProcessorIsTold(t *testing.T) {
	d := testdoc.New(testdoc.CPU, testdoc.BLAS, testdoc.Venus)
	d.Host.Runtime.Name = "podman"
	d.Devices[1].ProcessorISA, d.Devices[1].Steering = "avx512", map[string]string{"OPENBLAS_CORETYPE": "Haswell"}
	d.Devices[1].Library = &result.Library{Name: "OpenBLAS", Version: "0.3.21", Core: "Haswell", ISA: "avx2"}
	testdoc.Add(d, "cpu", 512, 100e9, 0.001)
	testdoc.Add(d, "blas", 512, 100e9, 0.001)
	testdoc.Add(d, "vulkan:0", 512, 350e9, 0.001)
	in := input(t, "lame.json", d, "cpu")
	for name, text := range map[string]string{
		"page":     written(t, func(r *Report, b *bytes.Buffer) error { return r.HTML(b) }, in),
		"Markdown": written(t, func(r *Report, b *bytes.Buffer) error { return r.Markdown(b) }, in),
	} {
		for _, want := range []string{"runs its code for Haswell (avx2) although the processor has avx512", "caution: lame.json: the baseline blas in podman is no measure of the processor"} {
			if !strings.Contains(text, want) {
				t.Errorf("the %s lacks %q", name, want)
			}
		}
	}
}

// TestCSV reads the table again: it holds every sample of the documents, to the last bit.
func TestCSV(t *testing.T) {
	inputs := append(days(t), laptop(t), harmful(t))
	rows, err := csv.NewReader(strings.NewReader(written(t, func(r *Report, b *bytes.Buffer) error { return r.CSV(b) }, inputs...))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	at := map[string]int{}
	for i, name := range rows[0] {
		at[name] = i
	}
	next := 1
	take := func() []string {
		if next == len(rows) {
			t.Fatal("the table ends too early")
		}
		next++
		return rows[next-1]
	}
	for _, in := range inputs {
		for _, m := range in.Document.Measurements {
			if len(m.Launches) == 0 {
				if row := take(); row[at["status"]] != m.Status || row[at["reason"]] == "" {
					t.Errorf("%s: %q is not the row of a failure", m.ID, row)
				}
			}
			for _, l := range m.Launches {
				if len(l.Warmup)+len(l.Samples) == 0 {
					if row := take(); row[at["launch_status"]] != l.Status || row[at["launch_reason"]] == "" || row[at["host_s"]] != "" {
						t.Errorf("%s: %q is not the row of a failed launch", m.ID, row)
					}
				}
				for phase, samples := range [][]result.Sample{l.Warmup, l.Samples} {
					for _, s := range samples {
						row := take()
						host, err := strconv.ParseFloat(row[at["host_s"]], 64)
						if err != nil || host != s.HostS || row[at["dispatches"]] != strconv.Itoa(s.Dispatches) || row[at["phase"]] != []string{"warmup", "sample"}[phase] {
							t.Fatalf("%s: %q is not the sample %+v", m.ID, row, s)
						}
					}
				}
			}
		}
	}
	if next != len(rows) {
		t.Errorf("%d rows too many", len(rows)-next)
	}
	for _, row := range rows[1:] {
		for i, c := range row {
			if c != "" && strings.ContainsRune("=+@", rune(c[0])) {
				t.Errorf("a spreadsheet would take %s %q for a formula", rows[0][i], c)
			}
		}
	}
}

func TestBenchmarkFormat(t *testing.T) {
	golden(t, "benchmark-laptop", written(t, func(r *Report, b *bytes.Buffer) error { return r.Benchmark(b) }, laptop(t)))
}

// benchstat is a version of the program that the format is for.
const benchstat = "golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da"

// TestBenchstat has benchstat itself read the format: its medians are those of the
// document.
func TestBenchstat(t *testing.T) {
	in := laptop(t)
	path := filepath.Join(t.TempDir(), "laptop.txt")
	text := written(t, func(r *Report, b *bytes.Buffer) error { return r.Benchmark(b) }, in)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "run", benchstat, "-format", "csv", path)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		if strings.Contains(stderr.String(), "dial tcp") || strings.Contains(stderr.String(), "no such host") || strings.Contains(stderr.String(), "GOPROXY") {
			t.Skipf("benchstat cannot be had: %s", stderr.String())
		}
		t.Fatalf("benchstat: %v: %s", err, stderr.String())
	}
	medians := map[string]string{}
	for _, line := range strings.Split(string(out), "\n") {
		name, rest, _ := strings.Cut(line, ",")
		value, _, _ := strings.Cut(rest, ",")
		if _, seen := medians[name]; !seen { // the table of sec/op comes first
			medians[name] = value
		}
	}
	compared := 0
	for _, m := range in.Document.Measurements {
		if m.Status != result.StatusOK {
			continue
		}
		name := benchmarkName(m) + "/format=f32/size=" + wording{}.dimensions(m.Problem.M, m.Problem.N, m.Problem.K) + "/runtime=native/device=" + m.Device
		got, err := strconv.ParseFloat(medians[name], 64)
		if err != nil {
			t.Errorf("benchstat has no median of %s:\n%s", name, out)
			continue
		}
		if want := m.Summary.MedianS; got < want*(1-1e-9) || got > want*(1+1e-9) {
			t.Errorf("benchstat says that the median of %s is %g, the document %g", name, got, want)
		}
		compared++
	}
	if compared != 15 {
		t.Errorf("%d medians were compared, should be 15", compared)
	}
}

// TestAjv holds documents against the schema with a validator that shares no code with
// this project, and sees that it refuses wrong ones.
func TestAjv(t *testing.T) {
	modules, run := node(t, "validate.mjs")
	dir := t.TempDir()
	file := func(name string, text []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	text, err := result.SchemaJSON()
	if err != nil {
		t.Fatal(err)
	}
	schema := file("schema.json", text)
	var good []string
	for _, in := range append(days(t), laptop(t), runtimes(t), harmful(t), input(t, "nothing.json", testdoc.New())) {
		good = append(good, file(strconv.Itoa(len(good))+".json", in.Raw))
	}
	kept, err := filepath.Glob(filepath.Join("..", "result", "testdata", "example-*.json"))
	if err != nil || len(kept) < 2 {
		t.Fatalf("%d examples are kept (%v)", len(kept), err)
	}
	results, err := filepath.Glob(filepath.Join("..", "..", "results", "*.json"))
	if err != nil || len(results) == 0 {
		t.Fatalf("there are no results (%v)", err)
	}
	out, err := run(append([]string{modules, schema}, append(append(good, kept...), results...)...)...)
	if err != nil || len(out) > 0 {
		t.Errorf("ajv: %v\n%s", err, out)
	}
	for name, change := range map[string]func(map[string]any){
		"a missing field": func(d map[string]any) { delete(d, "seed") },
		"another type":    func(d map[string]any) { d["seed"] = "1" },
		"a negative time": func(d map[string]any) { d["duration_s"] = -1 },
		"an unknown word": func(d map[string]any) {
			d["measurements"].([]any)[0].(map[string]any)["status"] = "fine"
		},
	} {
		var d map[string]any
		if err := json.Unmarshal(laptop(t).Raw, &d); err != nil {
			t.Fatal(err)
		}
		change(d)
		text, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		if out, err := run(modules, schema, file("wrong.json", text)); err != nil || len(out) == 0 {
			t.Errorf("ajv accepts a document with %s (%v)", name, err)
		}
	}
}

// TestRunInSeveralRuntimes prints one run in several runtimes: every ratio of the table is
// to the one baseline that its head names.
func TestRunInSeveralRuntimes(t *testing.T) {
	var b bytes.Buffer
	if err := Run(&b, runtimes(t).Document, Options{Width: 100}); err != nil {
		t.Fatal(err)
	}
	golden(t, "run-several-runtimes", b.String())
}

// TestThin keeps the extremes and the order.
func TestThin(t *testing.T) {
	values := make([]float64, 10000)
	for i := range values {
		values[i] = float64((i * 7919) % 10007)
	}
	values[1234], values[8765] = -5, 99999
	out := thin(values, 50)
	if len(out) > 50 || len(out) < 40 || slices.Min(out) != -5 || slices.Max(out) != 99999 {
		t.Errorf("of 10000 values %d remain, from %g to %g", len(out), slices.Min(out), slices.Max(out))
	}
	if got := thin(values[:50], 50); len(got) != 50 {
		t.Errorf("of 50 values %d remain", len(got))
	}
}
