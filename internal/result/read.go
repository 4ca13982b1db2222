// Reading documents that somebody may have cut off, edited or written for another
// program.

package result

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Limits of what is read. A document is four levels of lists and objects around a
// few numbers; what later versions add will not be much deeper.
const (
	maxBytes = 512 << 20
	maxDepth = 64
)

// Read reads one document and checks it as Validate does. Fields that this version
// does not know are passed over; all that it knows must be there. name is the file's
// name for errors, which say where the fault is:
//
//	base.json:12:7: measurements[3].summary.median_s: -1 is negative
//
// with the line and the byte within it, both from 1. A document of more than 512 MiB
// or nested deeper than 64 levels is refused.
func Read(r io.Reader, name string) (*Document, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("%s: byte %d: %w", name, len(data), err)
	}
	if len(data) > maxBytes {
		return nil, fmt.Errorf("%s: more than %d MiB, which no gpubench result has", name, maxBytes>>20)
	}
	d, err := decode(data)
	if err == nil {
		return d, nil
	}
	var at *misplaced
	if !errors.As(err, &at) {
		// What Validate finds has a path; where that stands is looked up only now.
		at = &misplaced{offset: offsetOf(data, err), err: err}
	}
	line := 1 + bytes.Count(data[:at.offset], []byte("\n"))
	column := at.offset - bytes.LastIndexByte(data[:at.offset], '\n')
	return nil, fmt.Errorf("%s:%d:%d: %w", name, line, column, at.err)
}

// misplaced is an error at a byte of the document.
type misplaced struct {
	offset int
	err    error
}

func (e *misplaced) Error() string { return e.err.Error() }

// syntaxOnly accepts any JSON value and keeps nothing of it.
type syntaxOnly struct{}

func (*syntaxOnly) UnmarshalJSON([]byte) error { return nil }

func decode(data []byte) (*Document, error) {
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, &misplaced{0, errors.New("empty")}
	}
	// The whole syntax first: afterwards every token is what it seems.
	if err := json.Unmarshal(data, new(syntaxOnly)); err != nil {
		return nil, syntaxError(data, err)
	}
	// Whose document it is comes before what it lacks.
	var head struct {
		Schema *Schema `json:"schema"`
	}
	if err := json.Unmarshal(data, &head); err != nil || head.Schema == nil {
		return nil, &misplaced{0, errors.New("there is no schema name here: this is not a gpubench result")}
	}
	if err := head.Schema.check(); err != nil {
		return nil, err
	}

	r := reader{dec: json.NewDecoder(bytes.NewReader(data)), data: data, fields: make(map[reflect.Type]fields)}
	r.dec.UseNumber()
	d := new(Document)
	if err := r.value(reflect.ValueOf(d).Elem(), ""); err != nil {
		return nil, err
	}
	if err := d.Validate(); err != nil {
		return nil, err
	}
	return d, nil
}

// syntaxError finds the byte and the path of an error of encoding/json.
func syntaxError(data []byte, err error) error {
	offset := len(data)
	text := "the document ends in the middle; the file is cut off"
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return &misplaced{0, err}
	}
	// encoding/json ends a text that is cut off in a word (tru) with a blank that is
	// not there.
	blank := strings.HasPrefix(syntax.Error(), "invalid character ' '") && int(syntax.Offset) == len(data) && data[len(data)-1] != ' '
	if syntax.Error() != "unexpected end of JSON input" && !blank {
		offset = int(syntax.Offset) - 1
		text = syntax.Error()
	}
	path := ""
	walk(data, func(p string, at int) bool {
		if at > offset {
			return false
		}
		path = p
		return true
	})
	return &misplaced{offset, &invalid{path, text}}
}

// offsetOf is the byte at which the value stands that an *invalid names, or the
// nearest value around it; 0 for any other error.
func offsetOf(data []byte, err error) int {
	var bad *invalid
	if !errors.As(err, &bad) {
		return 0
	}
	best, length := 0, -1
	walk(data, func(path string, at int) bool {
		if len(path) > length && (path == bad.path || contains(path, bad.path)) {
			best, length = at, len(path)
		}
		return path != bad.path
	})
	return best
}

// contains reports whether the value at the inner path is part of that at outer.
func contains(outer, inner string) bool {
	return outer == "" || len(inner) > len(outer) && inner[:len(outer)] == outer && (inner[len(outer)] == '.' || inner[len(outer)] == '[')
}

// walk calls visit with the path and the first byte of each value in the order of
// the text, down to maxDepth levels, until visit returns false or the syntax ends.
func walk(data []byte, visit func(path string, offset int) bool) {
	r := reader{dec: json.NewDecoder(bytes.NewReader(data)), data: data}
	r.dec.UseNumber()
	var value func(path string, depth int) bool
	value = func(path string, depth int) bool {
		if depth > maxDepth || !visit(path, r.next()) {
			return false
		}
		tok, _, err := r.token()
		if err != nil {
			return false
		}
		switch tok {
		case json.Delim('{'):
			for r.dec.More() {
				key, _, err := r.token()
				name, ok := key.(string)
				if err != nil || !ok || !value(field(path, name), depth+1) {
					return false
				}
			}
		case json.Delim('['):
			for i := 0; r.dec.More(); i++ {
				if !value(element(path, i), depth+1) {
					return false
				}
			}
		default:
			return true
		}
		_, _, err = r.token()
		return err == nil
	}
	value("", 0)
}

// reader decodes tokens into Go values and knows where it is. encoding/json alone
// would take null for a number, a missing field for 0, and names in any case.
type reader struct {
	dec    *json.Decoder
	data   []byte
	fields map[reflect.Type]fields
}

// fields are a struct's fields by name, and which of them must be there.
type fields struct {
	index    map[string]int
	required []string
}

// next is the first byte of the next token.
func (r *reader) next() int {
	at := int(r.dec.InputOffset())
	for at < len(r.data) && strings.IndexByte(" \t\r\n,:", r.data[at]) >= 0 {
		at++
	}
	return at
}

// token returns the next token and its first byte.
func (r *reader) token() (json.Token, int, error) {
	at := r.next()
	tok, err := r.dec.Token()
	if err != nil {
		return nil, at, &misplaced{at, err}
	}
	return tok, at, nil
}

// value reads the next value into v.
func (r *reader) value(v reflect.Value, path string) error {
	tok, at, err := r.token()
	if err != nil {
		return err
	}
	if v.Kind() == reflect.Pointer {
		if tok == nil {
			return nil
		}
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	wrong := func(want string) error {
		return &misplaced{at, &invalid{path, kindOf(tok) + " where " + want + " is expected"}}
	}
	number := func(want string, parse func(json.Number) error) error {
		n, ok := tok.(json.Number)
		if !ok {
			return wrong(want)
		}
		if err := parse(n); err != nil {
			return &misplaced{at, &invalid{path, fmt.Sprintf("%.40s is not %s within range", n, want)}}
		}
		return nil
	}
	if v.Type() == reflect.TypeFor[time.Time]() {
		s, ok := tok.(string)
		if !ok {
			return wrong("a time")
		}
		t, err := time.Parse(time.RFC3339, s)
		if err != nil {
			return &misplaced{at, &invalid{path, fmt.Sprintf("%.40q is not a time as RFC 3339 writes it", s)}}
		}
		v.Set(reflect.ValueOf(t))
		return nil
	}

	switch v.Kind() {
	case reflect.String:
		s, ok := tok.(string)
		if !ok {
			return wrong("a string")
		}
		v.SetString(s)
	case reflect.Bool:
		b, ok := tok.(bool)
		if !ok {
			return wrong("true or false")
		}
		v.SetBool(b)
	case reflect.Int:
		return number("a whole number", func(n json.Number) error {
			i, err := strconv.ParseInt(string(n), 10, v.Type().Bits())
			v.SetInt(i)
			return err
		})
	case reflect.Uint32, reflect.Uint64:
		return number("a whole number from 0 on", func(n json.Number) error {
			u, err := strconv.ParseUint(string(n), 10, v.Type().Bits())
			v.SetUint(u)
			return err
		})
	case reflect.Float64:
		return number("a number", func(n json.Number) error {
			f, err := strconv.ParseFloat(string(n), 64)
			v.SetFloat(f)
			return err
		})
	case reflect.Struct:
		if tok != json.Delim('{') {
			return wrong("an object")
		}
		return r.object(v, path, at)
	case reflect.Map:
		if tok != json.Delim('{') {
			return wrong("an object")
		}
		return r.mapping(v, path)
	case reflect.Slice, reflect.Array:
		if tok != json.Delim('[') {
			return wrong("a list")
		}
		return r.list(v, path, at)
	default:
		panic("BUG: result: a document holds a " + v.Type().String())
	}
	return nil
}

func (r *reader) object(v reflect.Value, path string, start int) error {
	known, ok := r.fields[v.Type()]
	if !ok {
		known.index = make(map[string]int)
		for i := range v.NumField() {
			name, required := jsonName(v.Type().Field(i))
			known.index[name] = i
			if required {
				known.required = append(known.required, name)
			}
		}
		r.fields[v.Type()] = known
	}
	seen := make(map[string]bool, len(known.index))
	for r.dec.More() {
		tok, at, err := r.token()
		if err != nil {
			return err
		}
		name := tok.(string) // the syntax has been checked
		i, ok := known.index[name]
		if !ok {
			if err := r.skip(field(path, name)); err != nil {
				return err
			}
			continue
		}
		if seen[name] {
			return &misplaced{at, &invalid{field(path, name), "stands here a second time"}}
		}
		seen[name] = true
		if err := r.value(v.Field(i), field(path, name)); err != nil {
			return err
		}
	}
	for _, name := range known.required {
		if !seen[name] {
			return &misplaced{start, &invalid{field(path, name), "is missing"}}
		}
	}
	_, _, err := r.token()
	return err
}

func (r *reader) mapping(v reflect.Value, path string) error {
	v.Set(reflect.MakeMap(v.Type()))
	for r.dec.More() {
		tok, at, err := r.token()
		if err != nil {
			return err
		}
		key := reflect.ValueOf(tok.(string)) // the syntax has been checked
		if v.MapIndex(key).IsValid() {
			return &misplaced{at, &invalid{field(path, key.String()), "stands here a second time"}}
		}
		e := reflect.New(v.Type().Elem()).Elem()
		if err := r.value(e, field(path, key.String())); err != nil {
			return err
		}
		v.SetMapIndex(key, e)
	}
	_, _, err := r.token()
	return err
}

func (r *reader) list(v reflect.Value, path string, start int) error {
	if v.Kind() == reflect.Slice {
		v.Set(reflect.MakeSlice(v.Type(), 0, 0))
	}
	n := 0
	for ; r.dec.More(); n++ {
		e := reflect.New(v.Type().Elem()).Elem()
		if err := r.value(e, element(path, n)); err != nil {
			return err
		}
		if v.Kind() == reflect.Slice {
			v.Set(reflect.Append(v, e))
		} else if n < v.Len() {
			v.Index(n).Set(e)
		}
	}
	if v.Kind() == reflect.Array && n != v.Len() {
		return &misplaced{start, &invalid{path, fmt.Sprintf("has %d values instead of %d", n, v.Len())}}
	}
	_, _, err := r.token()
	return err
}

// skip passes over a value that this version does not know.
func (r *reader) skip(path string) error {
	for depth := 0; ; {
		tok, at, err := r.token()
		if err != nil {
			return err
		}
		switch tok {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth > maxDepth {
			return &misplaced{at, &invalid{path, fmt.Sprintf("is nested deeper than %d levels", maxDepth)}}
		}
		if depth == 0 {
			return nil
		}
	}
}

func kindOf(tok json.Token) string {
	switch tok := tok.(type) {
	case nil:
		return "null"
	case bool:
		return strconv.FormatBool(tok)
	case json.Number:
		return "a number"
	case string:
		return "a string"
	default:
		if tok == json.Delim('{') {
			return "an object"
		}
		return "a list"
	}
}
