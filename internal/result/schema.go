// The format's schema, made from the types.

package result

import (
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	"github.com/google/jsonschema-go/jsonschema"
)

// SchemaJSON returns the JSON Schema (2020-12) of the document, indented, made from the
// types and their rules. Fields that it does not name are allowed everywhere, so that
// additions break no reader; which ids must match which is beyond a schema and is
// checked by Validate alone.
func SchemaJSON() ([]byte, error) {
	s, err := jsonschema.For[Document](nil)
	if err != nil {
		return nil, fmt.Errorf("result: making the schema: %w", err)
	}
	refine(s, reflect.TypeFor[Document](), rule{})
	s.Schema = "https://json-schema.org/draft/2020-12/schema"
	s.ID = "urn:gpubench:result:" + SchemaVersion
	s.Title = "gpubench result"
	s.Description = "Everything that one invocation of gpubench measured, and what it could not. Times are seconds, sizes bytes, rates FLOP/s."
	s.Properties["schema"].Properties["version"].Pattern = `^1\.[0-9]+\.[0-9]+$`
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("result: writing the schema: %w", err)
	}
	return append(text, '\n'), nil
}

// refine changes what jsonschema-go makes of a type where the format differs: it
// allows null for every list, though the writer never writes one, and forbids fields
// that it does not know. It adds the rule of the field that holds the type.
func refine(s *jsonschema.Schema, t reflect.Type, r rule) {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Struct:
		if t == reflect.TypeFor[time.Time]() {
			s.Format = "date-time"
			return
		}
		s.AdditionalProperties = nil
		for i := range t.NumField() {
			f := t.Field(i)
			name, _ := jsonName(f)
			refine(s.Properties[name], f.Type, ruleOf(t, name))
		}
	case reflect.Slice:
		s.Type, s.Types = "array", nil
		refine(s.Items, t.Elem(), r)
	case reflect.Array:
		refine(s.Items, t.Elem(), r)
	case reflect.Map:
		refine(s.AdditionalProperties, t.Elem(), r)
	case reflect.String:
		for _, word := range r.enum {
			s.Enum = append(s.Enum, word)
		}
	case reflect.Float64, reflect.Int, reflect.Uint32, reflect.Uint64:
		switch {
		case r.signed:
			s.Minimum = nil
		case r.above0:
			s.Minimum, s.ExclusiveMinimum = nil, jsonschema.Ptr(0.0)
		default:
			s.Minimum = jsonschema.Ptr(0.0)
		}
	}
}
