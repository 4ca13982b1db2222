package result

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
)

// formatHead and formatFoot stand around the tables of docs/format.md.
const formatHead = `# The result document

` + "`gpubench run --json FILE`" + ` writes one JSON object: everything that one invocation measured, and what it could not. This page names every field; it is made from the types in
internal/result by ` + "`go test ./internal/result -run TestFormat -update`" + `, and a test proves it current. The JSON Schema (2020-12) is printed by ` + "`gpubench schema`" + `.

## What can be relied on

- Base units everywhere: **seconds** (` + "`_s`" + `), **bytes** (` + "`_bytes`" + `), **FLOP** and **FLOP/s** (` + "`flops`" + `). A share is a part of 1. Nothing is scaled or rounded.
- Within version 1 fields are only added. A reader passes over fields that it does not know; a document of version 2 is refused in words. Documents of every version that was
  released are kept (internal/result/testdata/example-*.json), and a test reads them for ever.
- A field is always there unless its table says "left out when". Lists and maps are then empty, not null; text that is not known is empty. ` + "`null`" + ` stands only where the type says so.
- Every number is finite and, but for device clocks and telemetry, not negative.
- Every sample is kept, warm-up included. Summaries, ratios, digests and peaks follow from the samples; ` + "`compare`, `claims` and `report`" + ` compute them afresh and refuse a document in
  which they do not.
- All but ` + "`ok`" + ` carry a reason. What failed is a row like any other and has no figures.
- A reader refuses more than 512 MiB, more than 64 levels, a field that stands twice, and says where: ` + "`base.json:12:7: measurements[3].summary.median_s: -1 is negative`" + `.

## Questions, answered by jq

`

// questions are what is most asked of a document, with the answers of jq. The README
// has the same lines.
var questions = []struct{ text, filter string }{
	{"How fast is each device at each size, in GFLOP/s?", `.measurements[] | select(.status == "ok" and (.role == "kernel" or .role == "reference")) | [.device, .problem.m, .summary.flops / 1e9] | @tsv`},
	{"How many times faster than the baseline, and how sure?", `.measurements as $m | .ratios[] | . as $r | [($m[] | select(.id == $r.fast) | .device, .problem.m), .value] + (.ci95 // []) | @tsv`},
	{"What failed, and why?", `.measurements[] | select(.status != "ok") | [.device, .status, .reason] | @tsv`},
	{"What should I know before I quote it?", `(.warnings + [.measurements[].warnings[]])[].text`},
	{"Every sample, in seconds for one dispatch?", `.measurements[] | . as $m | .launches[] | select(.status == "ok") | .round as $r | .samples[] | [$m.id, $r, .host_s / .dispatches] | @tsv`},
}

const formatFoot = `## Events

` + "`gpubench run --jsonl FILE`" + ` writes one event a line while the run is under way, each a JSON object:

| event | when | fields |
| --- | --- | --- |
| begin | before anything is measured | schema (gpubench.events 1.0.0), document: the document as far as it is known, without measurements |
| launch | after each launch | id of the measurement, device, problem, launch with all samples |
| measurement | for each one, when all launches are over | measurement without its launches |
| end | last; a stream without it was cut off | document with ratios, warnings and duration, without measurements |

The document of the end, with the measurements of their events and in these the launches of theirs, is the document that ` + "`--json`" + ` writes; a test makes it so.

## Other formats

` + "`gpubench report`" + ` makes from documents: .csv (one row a sample), .txt (Go's benchmark format: benchstat reads it and finds the same medians), .md, .html, .svg and .png.
`

// formatText makes docs/format.md.
func formatText() string {
	var b strings.Builder
	b.WriteString(formatHead)
	for _, q := range questions {
		fmt.Fprintf(&b, "%s\n\n```\njq -r '%s' result.json\n```\n\n", q.text, q.filter)
	}
	b.WriteString("## Fields\n\n")
	done := map[reflect.Type]bool{}
	var write func(t reflect.Type)
	write = func(t reflect.Type) {
		if done[t] {
			return
		}
		done[t] = true
		fmt.Fprintf(&b, "### %s\n\n| field | type | meaning |\n| --- | --- | --- |\n", t.Name())
		var inner []reflect.Type
		for i := range t.NumField() {
			f := t.Field(i)
			name, required := jsonName(f)
			text := f.Tag.Get("jsonschema")
			if !required {
				text += "; left out when empty or zero"
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", name, formatType(t, f), strings.ReplaceAll(text, "|", `\|`))
			if s := structOf(f.Type); s != nil {
				inner = append(inner, s)
			}
		}
		b.WriteString("\n")
		for _, s := range inner {
			write(s)
		}
	}
	write(reflect.TypeFor[Document]())
	b.WriteString(formatFoot)
	return b.String()
}

// structOf is the type of ours that a field holds, nil when it holds none.
func structOf(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	if t.Kind() == reflect.Struct && t != reflect.TypeFor[time.Time]() {
		return t
	}
	return nil
}

// formatType words the type of a field with its unit and range.
func formatType(of reflect.Type, f reflect.StructField) string {
	name, _ := jsonName(f)
	r := ruleOf(of, name)
	var word func(t reflect.Type) string
	word = func(t reflect.Type) string {
		switch t.Kind() {
		case reflect.Pointer:
			return word(t.Elem()) + " or null"
		case reflect.Slice:
			return "list of " + word(t.Elem())
		case reflect.Array:
			return fmt.Sprintf("list of %d: %s", t.Len(), word(t.Elem()))
		case reflect.Map:
			return "map of " + word(t.Elem())
		case reflect.String:
			if len(r.enum) > 0 {
				return "`" + strings.Join(r.enum, "`, `") + "`"
			}
			return "text"
		case reflect.Bool:
			return "true or false"
		case reflect.Struct:
			if t == reflect.TypeFor[time.Time]() {
				return "time"
			}
			return fmt.Sprintf("[%s](#%s)", t.Name(), strings.ToLower(t.Name()))
		case reflect.Float64:
			return "number"
		}
		return "whole number"
	}
	text := word(f.Type)
	switch {
	case strings.HasSuffix(name, "_s"):
		text += ", seconds"
	case strings.HasSuffix(name, "_bytes"):
		text += ", bytes"
	case strings.HasPrefix(name, "flops"):
		text += ", FLOP/s"
	case name == "flop":
		text += ", FLOP"
	}
	switch {
	case r.above0:
		text += ", above 0"
	case r.signed:
		text += ", may be negative"
	}
	return text
}

// TestFormat proves docs/format.md current.
func TestFormat(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "format.md")
	want := formatText()
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not what the types say; run go test ./internal/result -run TestFormat -update", path)
	}
	// Every field of the newest example is named, and no description is missing.
	text, err := os.ReadFile(filepath.Join("testdata", "example-"+SchemaVersion+".json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`"([a-z0-9_]+)":`).FindAllStringSubmatch(string(text), -1) {
		if !strings.Contains(want, "| `"+m[1]+"` |") && !openMaps[m[1]] {
			t.Errorf("the example has the field %s, which docs/format.md does not name", m[1])
		}
	}
	if strings.Contains(want, "|  |") {
		t.Error("a field has no description")
	}
}

// openMaps are names in the example that are not fields but keys of maps.
var openMaps = map[string]bool{"machine": true, "power_w": true, "temperature_c": true}

// TestQuestions runs the jq lines of docs/format.md on the kept example.
func TestQuestions(t *testing.T) {
	jq, err := exec.LookPath("jq")
	if err != nil {
		t.Skip("there is no jq here (package jq)")
	}
	example := filepath.Join("testdata", "example-"+SchemaVersion+".json")
	text, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	var d Document
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	for _, q := range questions {
		out, err := exec.Command(jq, "-r", q.filter, example).CombinedOutput()
		if err != nil {
			t.Errorf("%s: jq: %v: %s", q.text, err, out)
		}
		if len(strings.TrimSpace(string(out))) == 0 {
			t.Errorf("%s: jq finds nothing in the example", q.text)
		}
	}
}
