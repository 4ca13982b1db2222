// Writing documents whole or not at all.

package result

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"time"
)

// Write writes a document as indented JSON. Lists and maps that are nil become
// empty ones, times UTC, and text that is not UTF-8, as some drivers return it, gets
// replacement characters; d itself stays as it is. What Read would refuse is an
// error, and nothing is written.
func Write(w io.Writer, d *Document) error {
	text, err := encode(d)
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}

// WriteFile writes a document to a file, whole or not at all: to a temporary file
// beside it, which takes its place once all of it is on the disk. After an error,
// which names the path, there is no temporary file and path is as it was (or holds
// the whole document, if only the directory could not be synced). A symbolic link
// is followed; what is not a regular file (/dev/stdout, a pipe) is written to as it
// is.
func WriteFile(path string, d *Document) error {
	text, err := encode(d)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return WriteBytes(path, text)
}

// WriteBytes writes any text to a file as WriteFile writes a document.
func WriteBytes(path string, text []byte) error {
	if err := writeFile(path, text); err != nil {
		return fmt.Errorf("%s: cannot write: %w", path, bare(err))
	}
	return nil
}

// Prepare finds out whether WriteFile could write to path, by making its temporary
// file, and removes what writers in that directory left behind when they were killed
// in the middle. Its errors do not name the path.
func Prepare(path string) error {
	target := path
	if info, err := os.Stat(path); err == nil {
		if !info.Mode().IsRegular() {
			return nil // nothing is made beside it
		}
		if target, err = filepath.EvalSymlinks(path); err != nil {
			return nil
		}
	}
	dir := filepath.Dir(target)
	removeStale(dir)
	f, err := createTemp(dir, 0o666)
	if err != nil {
		return bare(err)
	}
	return errors.Join(os.Remove(f.Name()), f.Close())
}

// bare takes the temporary file's name off an error: what the system says of it is
// true of the file that was asked for.
func bare(err error) error {
	var onPath *fs.PathError
	var onRename *os.LinkError
	switch {
	case errors.As(err, &onPath):
		return onPath.Err
	case errors.As(err, &onRename):
		return onRename.Err
	}
	return err
}

func writeFile(path string, text []byte) error {
	info, err := os.Stat(path)
	if err != nil { // not there yet; if it is something worse, creating it will tell
		return replace(path, 0o666, text)
	}
	if !info.Mode().IsRegular() {
		return overwrite(path, os.O_WRONLY, text)
	}
	target, err := filepath.EvalSymlinks(path)
	if err != nil { // /dev/stdout may lead to a file that no longer has a name
		return overwrite(path, os.O_WRONLY|os.O_TRUNC, text)
	}
	return replace(target, info.Mode().Perm(), text)
}

// overwrite writes to what is there.
func overwrite(path string, flags int, text []byte) error {
	f, err := os.OpenFile(path, flags, 0)
	if err != nil {
		return err
	}
	err = writeTo(f, text)
	if closing := f.Close(); err == nil {
		err = closing
	}
	return err
}

// replace puts a new file in the place of target.
func replace(target string, mode os.FileMode, text []byte) error {
	dir := filepath.Dir(target)
	f, err := createTemp(dir, mode)
	if err != nil {
		return err
	}
	// It stays open, and so locked, until it has its name.
	err = writeTo(f, text)
	if err == nil {
		err = os.Rename(f.Name(), target)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return err
	}
	return syncDir(dir)
}

// The names of temporary files; %s is 16 hexadecimal digits.
const tempName = ".gpubench-%s.tmp"

// createTemp makes a temporary file. It is locked as long as its writer lives, by
// which removeStale knows it from one that was left behind.
func createTemp(dir string, mode os.FileMode) (*os.File, error) {
	for {
		// Not os.CreateTemp, whose files only their owner can read, whatever the umask.
		path := filepath.Join(dir, fmt.Sprintf(tempName, fmt.Sprintf("%016x", rand.Uint64())))
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
		if err != nil {
			return nil, err
		}
		// Where there are no locks, nothing is taken for stale either.
		locking := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if _, err := os.Lstat(path); err == nil && locking != syscall.EWOULDBLOCK {
			return f, nil
		}
		f.Close() // somebody else's removeStale was faster than the lock
	}
}

// removeStale removes the temporary files in a directory whose writers are gone.
// Those that cannot be removed stay.
func removeStale(dir string) {
	paths, _ := filepath.Glob(filepath.Join(escapeGlob(dir), fmt.Sprintf(tempName, strings.Repeat("[0-9a-f]", 16))))
	for _, path := range paths {
		f, err := os.OpenFile(path, os.O_RDWR|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
		if err != nil {
			continue
		}
		if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
			os.Remove(path)
		}
		f.Close()
	}
}

// escapeGlob makes a pattern that only matches this path.
var escapeGlob = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace

// writeTo writes text to a file and waits until it is on the disk.
func writeTo(f *os.File, text []byte) error {
	if _, err := f.Write(text); err != nil {
		return err
	}
	return ignoreUnsupported(f.Sync())
}

// syncDir makes a rename in the directory last through a loss of power.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return nil // a directory that may be written to but not read
	}
	defer f.Close()
	return ignoreUnsupported(f.Sync())
}

// ignoreUnsupported drops the errors by which pipes, terminals and some network
// file systems say that they have nothing to sync.
func ignoreUnsupported(err error) error {
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}

func encode(d *Document) ([]byte, error) {
	var whole Document
	complete(reflect.ValueOf(&whole).Elem(), reflect.ValueOf(d).Elem())
	if err := whole.Validate(); err != nil {
		return nil, fmt.Errorf("the result is not valid: %w", err)
	}
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(&whole); err != nil {
		return nil, err
	}
	return text.Bytes(), nil
}

// complete copies src into dst, which is zero, in the form that is written.
func complete(dst, src reflect.Value) {
	switch src.Kind() {
	case reflect.Struct:
		if t, ok := src.Interface().(time.Time); ok {
			dst.Set(reflect.ValueOf(t.UTC()))
			return
		}
		for i := range src.NumField() {
			f := src.Field(i)
			if _, required := jsonName(src.Type().Field(i)); !required && (f.Kind() == reflect.Slice || f.Kind() == reflect.Map) && f.Len() == 0 {
				continue // it is left out
			}
			complete(dst.Field(i), f)
		}
	case reflect.Pointer:
		if !src.IsNil() {
			dst.Set(reflect.New(src.Type().Elem()))
			complete(dst.Elem(), src.Elem())
		}
	case reflect.Slice:
		dst.Set(reflect.MakeSlice(src.Type(), src.Len(), src.Len()))
		for i := range src.Len() {
			complete(dst.Index(i), src.Index(i))
		}
	case reflect.Map:
		dst.Set(reflect.MakeMap(src.Type()))
		for k, v := range src.Seq2() {
			e := reflect.New(v.Type()).Elem()
			complete(e, v)
			dst.SetMapIndex(reflect.ValueOf(valid(k.String())), e)
		}
	case reflect.String:
		dst.SetString(valid(src.String()))
	default:
		dst.Set(src)
	}
}

func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
