// What a document must keep to beyond its types.

package result

import (
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// rule is what a field keeps to beyond its type. The schema and Validate both come
// from it. Without a rule of its own a number is finite and not negative.
type rule struct {
	enum   []string // the only values; closed until the next major version
	signed bool     // may be negative
	above0 bool     // is not 0 either
}

var (
	statuses = []string{StatusOK, StatusUnsupported, StatusSkipped, StatusFailed}
	positive = rule{above0: true}
)

// rules are those of each field that has one, by Go type and JSON name.
var rules = map[string]rule{
	"Schema.name":             {enum: []string{SchemaName}},
	"Device.class":            {enum: []string{ClassCPU, ClassIntegrated, ClassDiscrete, ClassVirtual, ClassOther}},
	"Opened.class":            {enum: []string{ClassCPU, ClassIntegrated, ClassDiscrete, ClassVirtual, ClassOther}},
	"Measurement.role":        {enum: []string{RoleKernel, RoleReference, RoleOverhead, RolePeak}},
	"Measurement.status":      {enum: statuses},
	"Candidate.status":        {enum: statuses},
	"Launch.status":           {enum: statuses},
	"RuntimeReport.status":    {enum: statuses},
	"CPU.quota":               positive,
	"Sample.dispatches":       positive,
	"Sample.device_s":         {signed: true}, // as the driver said, even if absurd
	"Telemetry.values":        {signed: true}, // temperatures
	"Summary.n":               positive,
	"Summary.launches":        positive,
	"Summary.median_s":        positive,
	"Ratio.value":             positive,
	"Peak.flops":              positive,
	"Launch.round_trip_s":     positive,
	"Energy.joules":           positive,
	"Energy.window_s":         positive,
	"Summary.flop_per_joule":  positive,
	"Summary.energy_window_s": positive,
}

func ruleOf(t reflect.Type, jsonName string) rule { return rules[t.Name()+"."+jsonName] }

// jsonName is a field's name in the document. Every field has a tag; fields that may
// be left out say omitempty or omitzero.
func jsonName(f reflect.StructField) (name string, required bool) {
	name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name, !strings.Contains(options, "omit")
}

// invalid is a broken rule at a place of the document.
type invalid struct {
	path string // measurements[3].summary.median_s, or empty for the document
	text string
}

func (e *invalid) Error() string {
	if e.path == "" {
		return e.text
	}
	return e.path + ": " + e.text
}

func invalidf(path, format string, args ...any) error {
	return &invalid{path, fmt.Sprintf(format, args...)}
}

// Validate checks what the types cannot say: the schema's name and version, numbers
// that are finite and in range, words from their lists, ids that are unique and
// lead somewhere, a reason wherever something is not ok, a summary wherever it is. The
// error names the first fault by its path (measurements[3].summary.median_s).
func (d *Document) Validate() error {
	if err := d.Schema.check(); err != nil {
		return err
	}
	if err := checkValues(reflect.ValueOf(*d), "", rule{}); err != nil {
		return err
	}
	return d.checkMeaning()
}

var semver = regexp.MustCompile(`^(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})$`)

// check refuses another format and another major version of this one.
func (s Schema) check() error {
	if s.Name != SchemaName {
		return invalidf("schema.name", "%q is not %q: this is not a gpubench result", s.Name, SchemaName)
	}
	m := semver.FindStringSubmatch(s.Version)
	if m == nil {
		return invalidf("schema.version", "%q is not a version such as %s", s.Version, SchemaVersion)
	}
	theirs, _ := strconv.Atoi(m[1])
	ours, _ := strconv.Atoi(semver.FindStringSubmatch(SchemaVersion)[1])
	switch {
	case theirs > ours:
		return invalidf("schema.version", "%s was written by a newer gpubench, this one reads up to %d.x; update gpubench", s.Version, ours)
	case theirs < ours:
		return invalidf("schema.version", "%s is older than %d.0.0, the oldest that can be read", s.Version, ours)
	}
	return nil
}

// checkValues applies the rules of the fields to every value below v.
func checkValues(v reflect.Value, path string, r rule) error {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			return checkValues(v.Elem(), path, r)
		}
	case reflect.Struct:
		if t, ok := v.Interface().(time.Time); ok {
			if y := t.UTC().Year(); y < 1 || y > 9999 {
				return invalidf(path, "the year %d is not one of 1 to 9999", y)
			}
			return nil
		}
		for i := range v.NumField() {
			name, _ := jsonName(v.Type().Field(i))
			if err := checkValues(v.Field(i), field(path, name), ruleOf(v.Type(), name)); err != nil {
				return err
			}
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if err := checkValues(v.Index(i), element(path, i), r); err != nil {
				return err
			}
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			if err := checkValues(v.MapIndex(k), field(path, k.String()), r); err != nil {
				return err
			}
		}
	case reflect.String:
		if r.enum != nil && !slices.Contains(r.enum, v.String()) {
			return invalidf(path, "%q is none of %s", v.String(), strings.Join(r.enum, ", "))
		}
	case reflect.Float64:
		return checkNumber(v.Float(), path, r)
	case reflect.Int:
		return checkNumber(float64(v.Int()), path, r)
	}
	return nil
}

func checkNumber(x float64, path string, r rule) error {
	switch {
	case math.IsNaN(x) || math.IsInf(x, 0):
		return invalidf(path, "%g is not a finite number", x)
	case x < 0 && !r.signed:
		return invalidf(path, "%g is negative", x)
	case x == 0 && r.above0:
		return invalidf(path, "must be more than 0")
	}
	return nil
}

// checkMeaning checks what takes more than one field.
func (d *Document) checkMeaning() error {
	devices := make(map[string]bool)
	for i, v := range d.Devices {
		if err := checkID(v.ID, field(element("devices", i), "id"), devices); err != nil {
			return err
		}
	}
	for i, r := range d.Runtimes {
		if r.Status != StatusOK && r.Reason == "" {
			return invalidf(field(element("runtimes", i), "reason"), "must say why the status is %s", r.Status)
		}
	}
	measurements := make(map[string]bool)
	for i := range d.Measurements {
		path := element("measurements", i)
		m := &d.Measurements[i]
		if err := checkID(m.ID, field(path, "id"), measurements); err != nil {
			return err
		}
		if !devices[m.Device] {
			return invalidf(field(path, "device"), "there is no device %q in devices", m.Device)
		}
		if err := m.check(path); err != nil {
			return err
		}
	}
	for i, r := range d.Ratios {
		path := element("ratios", i)
		if !measurements[r.Fast] {
			return invalidf(field(path, "fast"), "there is no measurement %q", r.Fast)
		}
		if !measurements[r.Slow] {
			return invalidf(field(path, "slow"), "there is no measurement %q", r.Slow)
		}
		if err := checkInterval(r.CI95, field(path, "ci95")); err != nil {
			return err
		}
	}
	return nil
}

func checkID(id, path string, seen map[string]bool) error {
	if id == "" {
		return invalidf(path, "must not be empty")
	}
	if seen[id] {
		return invalidf(path, "%q stands here a second time", id)
	}
	seen[id] = true
	return nil
}

func (m *Measurement) check(path string) error {
	p := m.Problem
	if m.Role != RoleOverhead && (p.M == 0 || p.N == 0 || p.K == 0) {
		return invalidf(field(path, "problem"), "%dx%dx%d is no work", p.M, p.N, p.K)
	}
	if flop := 2 * uint64(p.M) * uint64(p.N) * uint64(p.K); p.FLOP != flop {
		return invalidf(field(path, "problem.flop"), "%d is not 2 x %d x %d x %d", p.FLOP, p.M, p.N, p.K)
	}
	if m.Status != StatusOK && m.Reason == "" {
		return invalidf(field(path, "reason"), "must say why the status is %s", m.Status)
	}
	if m.Status == StatusOK && m.Summary == nil {
		return invalidf(field(path, "summary"), "must not be null when the status is ok")
	}
	if k := m.Kernel; m.Role == RoleReference && k.SPIRVSHA256+k.FormSHA256 != "" {
		return invalidf(field(path, "kernel.spirv_sha256"), "must be empty, and form_sha256 too: a reference is not made from SPIR-V")
	}
	if m.Role == RoleKernel && m.Status == StatusOK && m.Kernel.SPIRVSHA256 == "" {
		return invalidf(field(path, "kernel.spirv_sha256"), "must not be empty when the status is ok")
	}
	for i, l := range m.Launches {
		if l.Status != StatusOK && l.Reason == "" {
			return invalidf(field(element(field(path, "launches"), i), "reason"), "must say why the status is %s", l.Status)
		}
	}
	if m.Peak != nil && m.Peak.From == "" {
		return invalidf(field(path, "peak.from"), "must not be empty")
	}
	if m.Summary == nil {
		return nil
	}
	return m.Summary.check(field(path, "summary"))
}

func (s *Summary) check(path string) error {
	type value struct {
		name string
		v    float64
	}
	// The median counts launches and the quartiles samples, so that it may lie outside
	// of them.
	for _, ascending := range [][]value{
		{{"min_s", s.MinS}, {"q1_s", s.Q1S}, {"q3_s", s.Q3S}, {"max_s", s.MaxS}},
		{{"min_s", s.MinS}, {"median_s", s.MedianS}, {"max_s", s.MaxS}},
	} {
		for i := 1; i < len(ascending); i++ {
			a, b := ascending[i-1], ascending[i]
			if a.v > b.v {
				return invalidf(field(path, b.name), "%g is less than %s, %g", b.v, a.name, a.v)
			}
		}
	}
	if err := checkInterval(s.CI95S, field(path, "ci95_s")); err != nil {
		return err
	}
	return checkInterval(s.FLOPSCI95, field(path, "flops_ci95"))
}

func checkInterval(ci *[2]float64, path string) error {
	if ci != nil && ci[0] > ci[1] {
		return invalidf(path, "the interval begins at %g, after its end, %g", ci[0], ci[1])
	}
	return nil
}

// plainName reports whether an object's key can stand in a path as it is. It is asked for
// every value of a document, so that a regular expression would take a third of the time
// of reading.
func plainName(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '_':
		case i > 0 && (c >= '0' && c <= '9' || c == '.' || c == '-'):
		default:
			return false
		}
	}
	return len(s) > 0 && len(s) <= 80
}

// field appends an object's key to a path. A key that is not a plain name, as only a
// strange document has one, is quoted and cut short.
func field(path, name string) string {
	if !plainName(name) {
		return fmt.Sprintf("%s[%.40q]", path, name)
	}
	if path == "" {
		return name
	}
	return path + "." + name
}

func element(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }
