package result

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// The schema is judged by a validator that is not the library it was made with.
func compileSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := SchemaJSON()
	if err != nil {
		t.Fatal(err)
	}
	schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	const id = "urn:gpubench:result:" + SchemaVersion
	if err := c.AddResource(id, schema); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile(id)
	if err != nil {
		t.Fatal(err)
	}
	if compiled.DraftVersion != 2020 {
		t.Errorf("draft %d", compiled.DraftVersion)
	}
	return compiled
}

func validate(s *jsonschema.Schema, text []byte) error {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	return s.Validate(doc)
}

func TestSchemaTakesWhatIsWritten(t *testing.T) {
	schema := compileSchema(t)
	empty := &Document{Schema: Schema{Name: SchemaName, Version: SchemaVersion}, Started: example().Started}
	additions := faulty(t, `"role": "reference",`, `"role": "reference", "later": {"a": null},`)
	additions = bytes.Replace(additions, []byte(`"version": "1.2.0"`), []byte(`"version": "1.12.0"`), 1)
	for _, tt := range []struct {
		name string
		text []byte
	}{
		{"the example", encoded(t, example())},
		{"nothing measured", encoded(t, empty)},
		{"additions of a later version", additions},
	} {
		if err := validate(schema, tt.text); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestSchemaRefusesFaults(t *testing.T) {
	schema := compileSchema(t)
	for _, tt := range faults {
		text := faulty(t, tt.old, tt.new)
		if !json.Valid(text) {
			continue
		}
		if err := validate(schema, text); (err != nil) != tt.schemaToo {
			t.Errorf("%s: got %v, want an error: %v", tt.name, err, tt.schemaToo)
		}
	}
}

// Each field but those added later must be there, and none may be null that the
// document says is not.
func TestSchemaAsksForEveryField(t *testing.T) {
	schema := compileSchema(t)
	var doc any
	if err := json.Unmarshal(encoded(t, example()), &doc); err != nil {
		t.Fatal(err)
	}
	nullable := " mac low_power_mode quota device_s summary ci95_s flops_ci95 device_median_s ci95 peak round_trip_s nvml ecc mig persistence energy sample flop_per_joule energy_window_s ratio_ci opened meter searched_on library "
	added := " mac digest peak dispatches varied attempt round_trip_s nvml energy when sample flop_per_joule energy_window_s runtimes nvidia chosen_by search_s search_processes times_s ratio ratio_ci on kernel_id machine opened meter searched_on processor_isa steering library raised fixed refused " // since 1.0.0
	fields := 0
	var visit func(v any, path string)
	visit = func(v any, path string) {
		switch v := v.(type) {
		case []any:
			for i := range v {
				visit(v[i], element(path, i))
			}
		case map[string]any:
			if p := path[strings.LastIndexByte(path, '.')+1:]; p == "limits" || p == "details" || p == "specialization" || p == "values" || p == "steering" {
				return
			}
			for _, key := range slices.Collect(maps.Keys(v)) {
				value := v[key]
				fields++
				delete(v, key)
				later := strings.Contains(added, " "+key+" ") && !strings.Contains(path, "amples[") || key == "method" && strings.HasSuffix(path, "summary") ||
					strings.HasSuffix(path, ".nvml") && key != "missing" || strings.HasSuffix(path, ".meter")
				if !later && schema.Validate(doc) == nil {
					t.Errorf("%s may be missing", field(path, key))
				}
				v[key] = nil
				// A meter's library is a name, a device's an object.
				may := strings.Contains(nullable, " "+key+" ") && !strings.HasSuffix(path, ".meter")
				if err := schema.Validate(doc); (err == nil) != may {
					t.Errorf("%s as null: %v", field(path, key), err)
				}
				v[key] = value
				visit(value, field(path, key))
			}
		}
	}
	visit(doc, "")
	if fields < 200 {
		t.Errorf("only %d fields were tried", fields)
	}
}
