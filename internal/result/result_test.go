package result

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite the golden files of this version of the format")

// golden compares with, or rewrites, the file of this version of the format. A
// change after its release needs a new version, and so a new file.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs from what is made now; if the change is meant, go test ./internal/result -update\n%s", path, firstDifference(want, got))
	}
}

func firstDifference(want, got []byte) string {
	w, g := strings.Split(string(want), "\n"), strings.Split(string(got), "\n")
	for i := range min(len(w), len(g)) {
		if w[i] != g[i] {
			return fmt.Sprintf("line %d:\n- %s\n+ %s", i+1, w[i], g[i])
		}
	}
	return fmt.Sprintf("%d lines, now %d", len(w), len(g))
}

func encoded(t testing.TB, d *Document) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, d); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestExampleIsCurrent(t *testing.T) {
	golden(t, "example-"+SchemaVersion+".json", encoded(t, example()))
}

// Documents of every version that was ever released stay readable.
func TestReadsEveryVersion(t *testing.T) {
	files, _ := filepath.Glob("testdata/example-*.json")
	if len(files) == 0 {
		t.Fatal("no examples")
	}
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		d, err := Read(f, file)
		f.Close()
		if err != nil {
			t.Error(err)
			continue
		}
		if len(d.Measurements) < 4 || d.Devices[3].Role() != RoleReference || d.Devices[1].Role() != RoleKernel || d.Measurements[1].Summary.MedianS != 0.00079 || d.Ratios[0].CI95[1] != 34 || d.Seed != math.MaxUint64 {
			t.Errorf("%s was read as %+v", file, d)
		}
	}
}

func TestWriteReadKeepsEverything(t *testing.T) {
	want := new(Document)
	complete(reflect.ValueOf(want).Elem(), reflect.ValueOf(example()).Elem())
	got, err := Read(bytes.NewReader(encoded(t, example())), "x.json")
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestExampleLeavesNothingOut(t *testing.T) {
	var unset func(v reflect.Value, path string)
	seen, set := map[string]bool{}, map[string]bool{}
	unset = func(v reflect.Value, path string) {
		seen[path] = true
		if !v.IsZero() {
			set[path] = true
		}
		switch v.Kind() {
		case reflect.Struct:
			if v.Type() == reflect.TypeFor[time.Time]() {
				return
			}
			for i := range v.NumField() {
				name, _ := jsonName(v.Type().Field(i))
				unset(v.Field(i), field(path, name))
			}
		case reflect.Slice:
			for i := range v.Len() {
				unset(v.Index(i), path+"[]")
			}
		case reflect.Pointer:
			if !v.IsNil() {
				unset(v.Elem(), path)
			}
		}
	}
	unset(reflect.ValueOf(*example()), "")
	// What a good document has nothing of.
	set["interrupted"], set["measurements[].verification.failed"] = true, true
	set["runtimes[].inside.mac"] = true // macOS has no containers of its own
	for path := range seen {
		if !set[path] {
			t.Errorf("no example of %s", path)
		}
	}
}

func TestWriteMakesListsMapsAndText(t *testing.T) {
	d := example()
	d.Devices[1].Name = "bad \xff\xfe driver <&>"
	d.Started = d.Started.In(time.FixedZone("", 3600))
	d.Absent, d.Ratios, d.Host.DRI, d.Devices[0].Limits = nil, nil, nil, nil
	text := string(encoded(t, d))
	for _, want := range []string{`"absent": [],`, `"ratios": [],`, `"dri": []`, `"limits": {},`, "\"name\": \"bad \uFFFD driver <&>\"",
		`"started": "2026-11-23T15:02:02.123456789Z"`, `"ci95": null`} {
		if want == `"ci95": null` {
			text = string(encoded(t, example()))
		}
		if !strings.Contains(text, want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
	if d.Absent != nil || !strings.Contains(d.Devices[1].Name, "\xff") {
		t.Error("the caller's document was changed")
	}
	// Only where the schema allows null may null stand.
	nulls := regexp.MustCompile(`"(\w+)": null`).FindAllStringSubmatch(text, -1)
	allowed := "quota device_s summary ci95_s flops_ci95 device_median_s ci95"
	for _, n := range nulls {
		if !strings.Contains(" "+allowed+" ", " "+n[1]+" ") {
			t.Errorf("%s is null", n[1])
		}
	}
}

// faults are documents that no reader may take, made from the example by one change
// of its JSON text.
var faults = []struct {
	name, old, new string
	line           int    // of the error, 0 for any
	want           string // the error from the path on
	schemaToo      bool   // the schema refuses it as well
}{
	{"another format", `"name": "gpubench.result"`, `"name": "nvbench"`, 3, `schema.name: "nvbench" is not "gpubench.result": this is not a gpubench result`, true},
	{"a newer major version", `"version": "1.2.0"`, `"version": "2.1.0"`, 4, "schema.version: 2.1.0 was written by a newer gpubench, this one reads up to 1.x; update gpubench", true},
	{"an older major version", `"version": "1.2.0"`, `"version": "0.9.0"`, 4, "schema.version: 0.9.0 is older than 1.0.0, the oldest that can be read", true},
	{"a version that is none", `"version": "1.2.0"`, `"version": "new"`, 4, `schema.version: "new" is not a version such as 1.2.0`, true},
	{"a string for a number", `"duration_s": 41.25`, `"duration_s": "41"`, 0, "duration_s: a string where a number is expected", true},
	{"a number for a string", `"os": "linux"`, `"os": 3`, 0, "host.os: a number where a string is expected", true},
	{"a string for true", `"dirty": true`, `"dirty": "yes"`, 0, "tool.dirty: a string where true or false is expected", true},
	{"null for a number", `"duration_s": 41.25`, `"duration_s": null`, 0, "duration_s: null where a number is expected", true},
	{"null for a list", `"argv": [`, `"argv": null, "x": [`, 0, "argv: null where a list is expected", true},
	{"null for an object", `"limits": {}`, `"limits": null`, 0, "devices[0].limits: null where an object is expected", true},
	{"an object for a list", `"dri": [`, `"dri": {}, "x": [`, 0, "host.dri: an object where a list is expected", true},
	{"a list for an object", `"limits": {}`, `"limits": []`, 0, "devices[0].limits: a list where an object is expected", true},
	{"a fraction", `"logical": 8`, `"logical": 8.5`, 0, "host.cpu.logical: 8.5 is not a whole number within range", true},
	{"a number too large", `"duration_s": 41.25`, `"duration_s": 1e400`, 0, "duration_s: 1e400 is not a number within range", false},
	{"a negative size", `"memory_bytes": 8589934592`, `"memory_bytes": -1`, 0, "host.memory_bytes: -1 is not a whole number from 0 on within range", true},
	{"a time that is none", `"started": "2026-11-23T15:02:02.123456789Z"`, `"started": "yesterday"`, 0, `started: "yesterday" is not a time as RFC 3339 writes it`, true},
	{"NaN", `"duration_s": 41.25`, `"duration_s": NaN`, 0, "duration_s: invalid character 'N' looking for beginning of value", false},
	{"Infinity", `"median_s": 0.00079`, `"median_s": Infinity`, 0, "measurements[1].summary.median_s: invalid character 'I' looking for beginning of value", false},
	{"a negative time", `"median_s": 0.00079`, `"median_s": -1`, 0, "measurements[1].summary.median_s: -1 is negative", true},
	{"a negative sample", `"host_s": 0.26`, `"host_s": -0.26`, 0, "measurements[0].launches[0].samples[1].host_s: -0.26 is negative", true},
	{"no dispatches", `"dispatches": 10`, `"dispatches": 0`, 0, "measurements[0].launches[0].warmup[0].dispatches: must be more than 0", true},
	{"a median of nothing", `"median_s": 0.00079`, `"median_s": 0`, 0, "measurements[1].summary.median_s: must be more than 0", true},
	{"quartiles in disorder", `"q1_s": 0.000785`, `"q1_s": 1`, 0, "measurements[1].summary.q3_s: 0.000795 is less than q1_s, 1", false},
	{"an interval the wrong way round", `31.5,`, `35,`, 0, "ratios[0].ci95: the interval begins at 35, after its end, 34", false},
	{"an interval of three", `31.5,`, `31.5, 32,`, 0, "ratios[0].ci95: has 3 values instead of 2", true},
	{"an unknown status", `"status": "unsupported",` + "\n      \"reason\": \"max", `"status": "great",` + "\n      \"reason\": \"max", 0, `measurements[2].status: "great" is none of ok, unsupported, skipped, failed`, true},
	{"an unknown class", `"class": "integrated"`, `"class": "fast"`, 0, `devices[1].class: "fast" is none of cpu, integrated, discrete, virtual, other`, true},
	{"an unknown role", `"role": "reference"`, `"role": "other"`, 0, `measurements[3].role: "other" is none of kernel, reference, overhead, peak`, true},
	{"no reason", `"reason": "maxComputeWorkGroupInvocations is 0"`, `"reason": ""`, 0, "measurements[2].reason: must say why the status is unsupported", false},
	{"a reference of SPIR-V", `"form": "blas",` + "\n        \"form_sha256\": \"\"", `"form": "blas",` + "\n        \"form_sha256\": \"ab\"", 0, "measurements[3].kernel.spirv_sha256: must be empty, and form_sha256 too: a reference is not made from SPIR-V", false},
	{"a kernel of no SPIR-V", `"role": "reference"`, `"role": "kernel"`, 0, "measurements[3].kernel.spirv_sha256: must not be empty when the status is ok", false},
	{"a launch without a reason", `"reason": "ended by a signal"`, `"reason": ""`, 0, "measurements[1].launches[1].reason: must say why the status is failed", false},
	{"ok without a summary", `"status": "unsupported",` + "\n      \"reason\": \"max", `"status": "ok",` + "\n      \"reason\": \"max", 0, "measurements[2].summary: must not be null when the status is ok", false},
	{"work that does not follow from the problem", `"flop": 268435456`, `"flop": 3`, 0, "measurements[0].problem.flop: 3 is not 2 x 1024 x 512 x 256", false},
	{"a device twice", `"id": "vulkan:1"`, `"id": "vulkan:0"`, 0, `devices[2].id: "vulkan:0" stands here a second time`, false},
	{"a device without a name", `"id": "vulkan:1"`, `"id": ""`, 0, `devices[2].id: must not be empty`, false},
	{"a measurement twice", `"id": "m1"`, `"id": "m0"`, 0, `measurements[1].id: "m0" stands here a second time`, false},
	{"a measurement of no device", `"device": "vulkan:0"`, `"device": "vulkan:7"`, 0, `measurements[1].device: there is no device "vulkan:7" in devices`, false},
	{"a ratio of nothing", `"fast": "m1"`, `"fast": "m9"`, 0, `ratios[0].fast: there is no measurement "m9"`, false},
	{"a ratio to nothing", `"slow": "m1"`, `"slow": "m9"`, 0, `ratios[1].slow: there is no measurement "m9"`, false},
	{"a ratio of 0", `"value": 0.0304`, `"value": 0`, 0, "ratios[1].value: must be more than 0", true},
	{"a missing field", `"role": "reference",`, ``, 0, "measurements[3].role: is missing", true},
	{"a field twice", `"role": "reference",`, `"role": "reference", "role": "kernel",`, 0, "measurements[3].role: stands here a second time", false},
	{"a key twice", `"TM": 16`, `"TM": 16, "TM": 3`, 0, "measurements[1].kernel.search[1].specialization.TM: stands here a second time", false},
	{"an unknown field that is too deep", `"ratios": [`, `"deep": ` + strings.Repeat("[", 65) + strings.Repeat("]", 65) + `, "ratios": [`, 0, "deep: is nested deeper than 64 levels", false},
	{"a trailing comma", `"static": true`, `"static": true,`, 0, "invalid character '}' looking for beginning of object key string", false},
	{"two documents", "\n}\n", "\n}\n{}\n", 0, "invalid character '{' after top-level value", false},
}

func faulty(t *testing.T, old, new string) []byte {
	t.Helper()
	text := string(encoded(t, example()))
	if !strings.Contains(text, old) {
		t.Fatalf("the example has no %s", old)
	}
	if i := strings.LastIndex(text, old); old == "\n}\n" {
		return []byte(text[:i] + new)
	}
	return []byte(strings.Replace(text, old, new, 1))
}

func TestReadRefuses(t *testing.T) {
	place := regexp.MustCompile(`^base\.json:(\d+):(\d+): `)
	for _, tt := range faults {
		data := faulty(t, tt.old, tt.new)
		_, err := Read(bytes.NewReader(data), "base.json")
		if err == nil {
			t.Errorf("%s: was read", tt.name)
			continue
		}
		at := place.FindStringSubmatch(err.Error())
		if at == nil || !strings.HasSuffix(err.Error(), tt.want) {
			t.Errorf("%s: got %q, want a place and %q", tt.name, err, tt.want)
			continue
		}
		if tt.line != 0 && at[1] != fmt.Sprint(tt.line) {
			t.Errorf("%s: got line %s, want %d", tt.name, at[1], tt.line)
		}
	}
}

// The place is that of the value, to the byte.
func TestReadNamesThePlace(t *testing.T) {
	text := string(encoded(t, example()))
	for _, tt := range []struct{ old, new, at string }{
		{`"median_s": 0.00079`, `"median_s": -1`, `-1`},
		{`"median_s": 0.00079`, `"median_s": NaN`, `NaN`},
		{`"median_s": 0.00079`, `"median_s":   null`, `null`},
		{`"fast": "m1"`, `"fast": "m9"`, `"m9"`},
		{`31.5,`, `35,`, "[\n        35"},
	} {
		data := strings.Replace(text, tt.old, tt.new, 1)
		offset := strings.Index(data, tt.new) + strings.LastIndex(tt.new, tt.at)
		if tt.at[0] == '[' {
			offset = strings.Index(data, tt.at)
		}
		line := 1 + strings.Count(data[:offset], "\n")
		column := offset - strings.LastIndexByte(data[:offset], '\n')
		_, err := Read(strings.NewReader(data), "dir/base.json")
		if want := fmt.Sprintf("dir/base.json:%d:%d: ", line, column); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", tt.new, err, want)
		}
	}
	for _, tt := range []struct{ data, want string }{
		{"", "x:1:1: empty"},
		{" \n", "x:1:1: empty"},
		{"[]", "x:1:1: there is no schema name here: this is not a gpubench result"},
		{"3", "x:1:1: there is no schema name here: this is not a gpubench result"},
		{"null", "x:1:1: there is no schema name here: this is not a gpubench result"},
		{`{"schema": 3}`, "x:1:1: there is no schema name here: this is not a gpubench result"},
		{`{"benchmarks": []}`, "x:1:1: there is no schema name here: this is not a gpubench result"},
		{"\n  }", "x:2:3: invalid character '}' looking for beginning of value"},
		{`{"schema": {"name": "gpubench.result", "version": "1.7.0"}}`, "x:1:1: tool: is missing"},
	} {
		if _, err := Read(strings.NewReader(tt.data), "x"); err == nil || err.Error() != tt.want {
			t.Errorf("%q: got %v, want %s", tt.data, err, tt.want)
		}
	}
}

func TestReadTakesAdditions(t *testing.T) {
	data := faulty(t, `"role": "reference",`, `"role": "reference", "Role": 7, "later": {"a": [1, {"b": null}], "c": "x"}, "more": null,`)
	data = bytes.Replace(data, []byte(`"version": "1.2.0"`), []byte(`"version": "1.12.0"`), 1)
	data = bytes.ReplaceAll(data, []byte("\n"), []byte("\r\n"))
	d, err := Read(bytes.NewReader(data), "x.json")
	if err != nil {
		t.Fatal(err)
	}
	if d.Measurements[3].Role != RoleReference || d.Schema.Version != "1.12.0" {
		t.Errorf("got %+v", d.Measurements[3])
	}
}

// Cut anywhere, a document is an error that says where; only the white space after
// it can go.
func TestReadTruncated(t *testing.T) {
	text := encoded(t, example())
	for n := range len(bytes.TrimSpace(text)) {
		d, err := Read(bytes.NewReader(text[:n]), "base.json")
		if err == nil {
			t.Fatalf("cut after %d bytes: read as %+v", n, d)
		}
		line := 1 + bytes.Count(text[:n], []byte("\n"))
		column := n - bytes.LastIndexByte(text[:n], '\n')
		if len(bytes.TrimSpace(text[:n])) > 0 && !strings.HasPrefix(err.Error(), fmt.Sprintf("base.json:%d:%d: ", line, column)) {
			t.Fatalf("cut after %d bytes, at %d:%d: %v", n, line, column, err)
		}
	}
	cut := text[:bytes.Index(text, []byte(`"median_s": 0.00079`))+len(`"median_s": 0.0007`)]
	if _, err := Read(bytes.NewReader(cut), "base.json"); !strings.Contains(err.Error(), ": measurements[1].summary.median_s: the document ends in the middle; the file is cut off") {
		t.Errorf("got %v", err)
	}
}

type failingReader struct{}

func (failingReader) Read(p []byte) (int, error) { return 0, errors.New("input/output error") }

func TestReadNamesAFileThatCannotBeRead(t *testing.T) {
	if _, err := Read(failingReader{}, "base.json"); err == nil || err.Error() != "base.json: byte 0: input/output error" {
		t.Errorf("got %v", err)
	}
}

func TestDeepNestingIsRefused(t *testing.T) {
	for _, depth := range []int{100, 20000, 2000000} {
		data := `{"schema": {"name": "gpubench.result", "version": "1.0.0"}, "x": ` + strings.Repeat(`{"x":`, depth)
		if _, err := Read(strings.NewReader(data), "deep.json"); err == nil || !strings.HasPrefix(err.Error(), "deep.json:1:") || len(err.Error()) > 1000 {
			t.Errorf("depth %d: got %v", depth, err)
		}
	}
}

func TestValidateRefusesWhatJSONCannotSay(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Document)
		want   string
	}{
		{"NaN", func(d *Document) { d.Measurements[1].Summary.MedianS = math.NaN() }, "measurements[1].summary.median_s: NaN is not a finite number"},
		{"infinity in a map", func(d *Document) { d.Measurements[1].Launches[0].Telemetry[0].Values["power_w"] = math.Inf(-1) },
			"measurements[1].launches[0].telemetry[0].values.power_w: -Inf is not a finite number"},
		{"NaN by the device's clock", func(d *Document) { *d.Measurements[1].Launches[0].Samples[0].DeviceS = math.NaN() },
			"measurements[1].launches[0].samples[0].device_s: NaN is not a finite number"},
		{"infinite end of an interval", func(d *Document) { d.Ratios[0].CI95[1] = math.Inf(1) }, "ratios[0].ci95[1]: +Inf is not a finite number"},
		{"a year that RFC 3339 cannot write", func(d *Document) { d.Started = d.Started.AddDate(9000, 0, 0) }, "started: the year 11026 is not one of 1 to 9999"},
	} {
		d := example()
		tt.change(d)
		if err := d.Validate(); err == nil || err.Error() != tt.want {
			t.Errorf("%s: got %v, want %s", tt.name, err, tt.want)
		}
		var b bytes.Buffer
		if err := Write(&b, d); err == nil || b.Len() > 0 || !strings.HasSuffix(err.Error(), tt.want) {
			t.Errorf("%s: wrote %d bytes, %v", tt.name, b.Len(), err)
		}
	}
	d := example()
	*d.Measurements[1].Launches[0].Samples[0].DeviceS = -1
	if err := d.Validate(); err != nil {
		t.Errorf("an absurd device clock must not cost the document: %v", err)
	}
}

func TestSchemaIsCurrent(t *testing.T) {
	text, err := SchemaJSON()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "schema-"+SchemaVersion+".json", text)
}

// A rule for a field that does not exist would check nothing.
func TestRulesNameFields(t *testing.T) {
	known := map[string]bool{}
	var visit func(t reflect.Type)
	visit = func(t reflect.Type) {
		switch t.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
			visit(t.Elem())
		case reflect.Struct:
			for i := range t.NumField() {
				f := t.Field(i)
				if !f.IsExported() {
					return
				}
				name, _ := jsonName(f)
				known[t.Name()+"."+name] = true
				visit(f.Type)
			}
		}
	}
	visit(reflect.TypeFor[Document]())
	for name := range rules {
		if !known[name] {
			t.Errorf("there is no field %s", name)
		}
	}
}

func FuzzRead(f *testing.F) {
	text := encoded(f, example())
	f.Add(text)
	f.Add(text[:len(text)/2])
	for _, s := range []string{"", "{}", "[", `{"schema": {"name": "gpubench.result", "version": "1.0.0"}}`, "\xff\xfe{\x00}\x00", `{"a":{"a":{"a":`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := Read(bytes.NewReader(data), "fuzz.json")
		if err != nil {
			if !strings.HasPrefix(err.Error(), "fuzz.json:") {
				t.Errorf("the error names no place: %v", err)
			}
			return
		}
		// What was read can be written and is then read as the same.
		var b bytes.Buffer
		if err := Write(&b, d); err != nil {
			t.Fatalf("read but not written: %v", err)
		}
		if !json.Valid(b.Bytes()) {
			t.Fatalf("not JSON: %s", b.Bytes())
		}
		again, err := Read(&b, "again.json")
		if err != nil {
			t.Fatal(err)
		}
		whole := new(Document)
		complete(reflect.ValueOf(whole).Elem(), reflect.ValueOf(d).Elem())
		if !reflect.DeepEqual(again, whole) {
			t.Errorf("read as\n%+v\nand then as\n%+v", whole, again)
		}
	})
}

// A reference that multiplies in several formats says in its id in which; nothing else
// does.
func TestDeviceFormat(t *testing.T) {
	for _, tt := range []struct{ backend, id, kernel, role, format string }{
		{"cublas", "cublas:0", "sgemm", RoleReference, "f32"},
		{"cublas", "cublas:0:tf32", "sgemm", RoleReference, "tf32"},
		{"cublas", "cublas:10:tf32", "sgemm", RoleReference, "tf32"},
		{"mps", "mps:0", "MPSMatrixMultiplication", RoleReference, "f32"},
		{"mps", "mps:0:f16", "MPSMatrixMultiplication", RoleReference, "f16"},
		{"metal", "metal:0:f16", "matmul", RoleKernel, "f32"},
		{"cuda", "cuda:0", "matmul", RoleKernel, "f32"},
		{"cuda", "cuda:0:tf32", "matmul", RoleKernel, "f32"},
		{"blas", "blas:2", "sgemm", RoleReference, "f32"},
		{"cpu", "cpu:1:avx2", "matmul", RoleKernel, "f32"},
	} {
		d := Device{Backend: tt.backend, ID: tt.id}
		if d.KernelName() != tt.kernel || d.Role() != tt.role || d.Format() != tt.format {
			t.Errorf("%s: %s, %s, %s", tt.id, d.KernelName(), d.Role(), d.Format())
		}
	}
}

func TestBelowISA(t *testing.T) {
	for _, tt := range []struct {
		isa, than string
		want      bool
	}{
		{"avx2", "avx512", true}, {"sse2", "avx", true}, {"generic", "sse2", true}, {"generic", "neon", true}, {"neon", "sve", true},
		{"avx512", "avx512", false}, {"avx512", "avx2", false}, {"sve", "neon", false}, {"", "avx512", false}, {"avx2", "", false}, {"neon", "avx512", false}, {"avx10", "avx512", false},
	} {
		if got := BelowISA(tt.isa, tt.than); got != tt.want {
			t.Errorf("%q below %q: %v", tt.isa, tt.than, got)
		}
	}
}
