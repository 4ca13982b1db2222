// Events: the parts of a document, one by one, while they come about.

package result

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
)

// EventSchema names the format of a stream of events.
var EventSchema = Schema{Name: "gpubench.events", Version: "1.0.0"}

// The kinds of events, in the order in which they come.
const (
	EventBegin       = "begin"       // first
	EventLaunch      = "launch"      // after each launch
	EventMeasurement = "measurement" // for each one, when all launches are over
	EventEnd         = "end"         // last; without it the stream was cut off
)

// Event is one line of a stream: `gpubench run --jsonl`. The document of the end, with
// the measurements of their events and in these the launches of theirs, is the
// document that --json writes.
type Event struct {
	Event       string       `json:"event" jsonschema:"begin, launch, measurement or end"`
	Schema      *Schema      `json:"schema,omitempty" jsonschema:"begin: the format of the stream, gpubench.events"`
	Document    *Document    `json:"document,omitempty" jsonschema:"begin and end: the document as far as it is known, without measurements"`
	ID          string       `json:"id,omitempty" jsonschema:"launch: id of its measurement"`
	Device      string       `json:"device,omitempty" jsonschema:"launch: id of its device"`
	Problem     *Problem     `json:"problem,omitempty" jsonschema:"launch: what it computed"`
	Launch      *Launch      `json:"launch,omitempty" jsonschema:"launch: all of it, samples included"`
	Measurement *Measurement `json:"measurement,omitempty" jsonschema:"measurement: all of it but its launches"`
}

// Line is the event as one line of JSON, in the form that Write gives to documents.
func (e Event) Line() ([]byte, error) {
	var whole Event
	complete(reflect.ValueOf(&whole).Elem(), reflect.ValueOf(e))
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(&whole); err != nil {
		return nil, fmt.Errorf("result: an event cannot be written: %w", err)
	}
	return text.Bytes(), nil
}
