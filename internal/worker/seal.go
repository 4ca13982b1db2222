// How the parent knows that a line is the worker's own: a driver in the same process
// reaches its pipes, too.

package worker

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"strconv"
)

// Bytes of a key, and of a seal before it is written in hexadecimal.
const (
	keyBytes  = 32
	sealBytes = 16
)

// newKey makes the key of one child. The parent gives it away in the request alone,
// which has been read before a driver is loaded; it is in neither the environment nor
// the arguments nor any line.
func newKey() string {
	key := make([]byte, keyBytes)
	rand.Read(key) // it never fails
	return hex.EncodeToString(key)
}

// seals makes and checks the seals of one child's lines, in their order. A sealed line
// is the event in JSON, a space, its number from 1 on, a space, and the beginning of the
// HMAC-SHA256 of all before. The number keeps a line from being sent twice, left out, or
// sent in another place.
type seals struct {
	mac hash.Hash
	n   uint64 // of the last line
}

func newSeals(key string) *seals { return &seals{mac: hmac.New(sha256.New, []byte(key))} }

// seal returns the next line, without its end, for an event in JSON.
func (s *seals) seal(event []byte) []byte {
	s.n++
	line := strconv.AppendUint(append(bytes.Clone(event), ' '), s.n, 10)
	return append(append(line, ' '), s.sum(line)...)
}

// sum is the seal of a line that ends with its number.
func (s *seals) sum(line []byte) []byte {
	s.mac.Reset()
	s.mac.Write(line)
	return hex.AppendEncode(nil, s.mac.Sum(nil)[:sealBytes])
}

// Errors of lines that are not the next one of the worker's own.
var (
	errUnsealed = errors.New("it bears no seal of the worker's: a driver or a library wrote it")
	errForged   = errors.New("its seal is wrong: a driver or a library wrote it")
	errReplayed = errors.New("its number is not the next one: a driver or a library repeated it, or a line is lost")
)

// open returns the event in the next line, whose end may be there.
func (s *seals) open(line []byte) (event []byte, err error) {
	line = bytes.TrimSuffix(line, []byte("\n"))
	at := bytes.LastIndexByte(line, ' ')
	if at < 0 || len(line)-at-1 != 2*sealBytes {
		return nil, errUnsealed
	}
	body, seal := line[:at], line[at+1:]
	if !hmac.Equal(seal, s.sum(body)) {
		return nil, errForged
	}
	at = bytes.LastIndexByte(body, ' ')
	if at < 0 || string(body[at+1:]) != strconv.FormatUint(s.n+1, 10) {
		return nil, errReplayed
	}
	s.n++
	return body[:at], nil
}
