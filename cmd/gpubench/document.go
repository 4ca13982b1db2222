package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"gpubench/internal/result"
)

// readDocument reads a result document. Its errors name the file and the place.
func readDocument(path string) (*result.Document, error) {
	f, err := os.Open(path)
	if err != nil {
		var pe *fs.PathError
		if errors.As(err, &pe) {
			err = pe.Err
		}
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	defer f.Close()
	return result.Read(f, path)
}

// checkWritable finds out before anything is measured whether a document can be
// written to path: it makes the temporary file that a whole write would begin with.
func checkWritable(path string) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return failf(exitUsage, "--json %s: it is a directory; name a file in it", path)
	} else if err == nil && !info.Mode().IsRegular() {
		return nil // /dev/null, a pipe: nothing is made beside it
	}
	target := path
	if real, err := filepath.EvalSymlinks(path); err == nil {
		target = real
	}
	f, err := os.CreateTemp(filepath.Dir(target), ".gpubench-*")
	if err != nil {
		var pe *fs.PathError
		if errors.As(err, &pe) {
			err = pe.Err
		}
		return fmt.Errorf("--json %s: the document could not be written there: %w; nothing was measured", path, err)
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
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
