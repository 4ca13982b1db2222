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
	if err := writeFile(path, text); err != nil {
		// What the system says of the temporary file is true of the one asked for.
		var onPath *fs.PathError
		var onRename *os.LinkError
		switch {
		case errors.As(err, &onPath):
			err = onPath.Err
		case errors.As(err, &onRename):
			err = onRename.Err
		}
		return fmt.Errorf("%s: cannot write: %w", path, err)
	}
	return nil
}

func writeFile(path string, text []byte) error {
	info, err := os.Stat(path)
	if err != nil { // not there yet; if it is something worse, creating it will tell
		return replace(path, 0o666, text)
	}
	if !info.Mode().IsRegular() {
		return writeTo(path, os.O_WRONLY, 0, text)
	}
	target, err := filepath.EvalSymlinks(path)
	if err != nil { // /dev/stdout may lead to a file that no longer has a name
		return writeTo(path, os.O_WRONLY|os.O_TRUNC, 0, text)
	}
	return replace(target, info.Mode().Perm(), text)
}

// replace puts a new file in the place of target.
func replace(target string, mode os.FileMode, text []byte) error {
	// Not os.CreateTemp, whose files only their owner can read, whatever the umask.
	temp := filepath.Join(filepath.Dir(target), fmt.Sprintf(".gpubench-%016x.tmp", rand.Uint64()))
	err := writeTo(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode, text)
	if err == nil {
		err = os.Rename(temp, target)
	}
	if err != nil {
		os.Remove(temp)
		return err
	}
	return syncDir(filepath.Dir(target))
}

// writeTo writes text to a file and waits until it is on the disk.
func writeTo(path string, flags int, mode os.FileMode, text []byte) (err error) {
	f, err := os.OpenFile(path, flags, mode)
	if err != nil {
		return err
	}
	defer func() {
		if closing := f.Close(); err == nil {
			err = closing
		}
	}()
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
			complete(dst.Field(i), src.Field(i))
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
