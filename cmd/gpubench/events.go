package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"gpubench/internal/measure"
	"gpubench/internal/result"
)

// events is the stream of --jsonl. Without the flag its methods do nothing.
type events struct {
	w     io.Writer
	file  *os.File // to be closed, nil for standard output
	path  string
	told  map[string]int // launches by measurement
	fault error          // the first one; nothing is written after it
}

// openEvents makes the stream before anything is measured.
func openEvents(path string, stdout io.Writer) (*events, error) {
	e := &events{path: path, told: map[string]int{}}
	switch path {
	case "":
		return e, nil
	case "-":
		e.w = stdout
		return e, nil
	}
	f, err := os.Create(path)
	if err != nil {
		var pe *fs.PathError
		if errors.As(err, &pe) {
			err = pe.Err
		}
		return nil, fmt.Errorf("--jsonl %s: the events could not be written there: %w; nothing was measured", path, err)
	}
	e.w, e.file = f, f
	return e, nil
}

// write adds a line.
func (e *events) write(event result.Event) {
	if e.w == nil || e.fault != nil {
		return
	}
	line, err := event.Line()
	if err == nil {
		_, err = e.w.Write(line)
	}
	e.fault = err
}

// head is a document without its measurements.
func head(doc result.Document) *result.Document {
	doc.Measurements = nil
	return &doc
}

// begin tells what is known before measuring.
func (e *events) begin(doc *result.Document) {
	schema := result.EventSchema
	e.write(result.Event{Event: result.EventBegin, Schema: &schema, Document: head(*doc)})
}

// launches tells those that were not told yet.
func (e *events) launches(so measure.Results) {
	if e.w == nil {
		return
	}
	for i := range so.Measurements {
		m := &so.Measurements[i]
		for ; e.told[m.ID] < len(m.Launches); e.told[m.ID]++ {
			e.write(result.Event{Event: result.EventLaunch, ID: m.ID, Device: m.Device, Problem: &m.Problem, Launch: &m.Launches[e.told[m.ID]]})
		}
	}
}

// end tells the rest and closes the stream.
func (e *events) end(doc *result.Document) error {
	if e.w == nil {
		return nil
	}
	e.launches(measure.Results{Measurements: doc.Measurements})
	for _, m := range doc.Measurements {
		m.Launches = nil
		e.write(result.Event{Event: result.EventMeasurement, Measurement: &m})
	}
	e.write(result.Event{Event: result.EventEnd, Document: head(*doc)})
	err := e.fault
	if e.file != nil {
		err = errors.Join(err, e.file.Close())
	}
	if err == nil {
		return nil
	}
	if e.file == nil {
		return answered(err)
	}
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	return fmt.Errorf("--jsonl %s: the events could not be written: %w", e.path, err)
}
