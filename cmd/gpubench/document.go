package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"gpubench/internal/measure"
	"gpubench/internal/result"
)

// readDocument reads a result document. Its errors name the file and the place.
func readDocument(path string) (*result.Document, error) {
	return readThrough(path, func(r io.Reader) io.Reader { return r })
}

// readThrough reads a document by way of another reader.
func readThrough(path string, way func(io.Reader) io.Reader) (*result.Document, error) {
	f, err := os.Open(path)
	if err != nil {
		var pe *fs.PathError
		if errors.As(err, &pe) {
			err = pe.Err
		}
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	defer f.Close()
	return result.Read(way(f), path)
}

// keeper keeps the document of a run that is going on in the file of --json, so that
// whatever ends the process costs no more than the launch in progress.
type keeper struct {
	path string       // empty when there is no file that could be written again and again
	say  func(string) // tells the user
	// What the file holds of this run. The signals' goroutine reads it.
	held atomic.Pointer[string]
	lost bool // a write has failed
}

// newKeeper finds out before anything is measured whether a document can be written
// to the path that --json gives.
func newKeeper(path string, say func(string)) (*keeper, error) {
	k := &keeper{say: say}
	if path == "" || path == "-" {
		return k, nil
	}
	info, err := os.Stat(path)
	if err == nil && info.IsDir() {
		return nil, failf(exitUsage, "--json %s: it is a directory; name a file in it", path)
	}
	if err := result.Prepare(path); err != nil {
		return nil, fmt.Errorf("--json %s: the document could not be written there: %w; nothing was measured", path, err)
	}
	if err != nil || info.Mode().IsRegular() { // a pipe or a device gets the document once
		k.path = path
	}
	return k, nil
}

// checkpoint writes what has been measured so far as the document of an interrupted
// run, which it is if nothing comes after.
func (k *keeper) checkpoint(doc result.Document, so measure.Results) {
	if k.path == "" {
		return
	}
	doc.Measurements, doc.Ratios = so.Measurements, so.Ratios
	doc.Warnings = slices.Concat(doc.Warnings, so.Warnings)
	doc.Interrupted = true
	doc.DurationS = time.Since(doc.Started).Seconds()
	err := result.WriteFile(k.path, &doc)
	switch {
	case err == nil:
		launches := 0
		for _, m := range doc.Measurements {
			launches += len(m.Launches)
		}
		k.hold("%s holds the first %d launches", k.path, launches)
	case !k.lost:
		k.lost = true
		k.say(fmt.Sprintf("what was measured so far could not be written: --json %v; the run goes on", err))
	}
}

// hold notes what is in the file.
func (k *keeper) hold(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	k.held.Store(&text)
}

// atOnce says what becomes of the results when the process ends now.
func (k *keeper) atOnce() string {
	held := k.held.Load()
	switch {
	case held != nil:
		return *held
	case k.path == "":
		return "what was measured is lost; with --json FILE every finished launch is kept"
	}
	return k.path + " holds nothing of this run"
}

// rescue keeps a document that could not be written where it was wanted, and
// returns the error with the place where it is now.
func rescue(doc *result.Document, why error) error {
	f, err := os.CreateTemp("", "gpubench-*.json")
	if err != nil {
		return fmt.Errorf("%w; the document could not be kept in a temporary file either: %w", why, err)
	}
	if err := errors.Join(result.Write(f, doc), f.Close()); err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("%w; the document could not be kept in a temporary file either: %w", why, err)
	}
	return fmt.Errorf("%w; the document was kept in %s", why, f.Name())
}
