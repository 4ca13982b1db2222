package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	for _, tt := range []struct {
		name, events string
		exit         int // of the command
		status       int
		want         string
	}{
		{name: "passed and skipped", events: `
{"Action":"start","Package":"p"}
{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestA","Output":"noise\n"}
{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestB","Output":"=== RUN   TestB\n"}
{"Action":"output","Package":"p","Test":"TestB","Output":"    b_test.go:7: no GPU\n"}
{"Action":"output","Package":"p","Test":"TestB","Output":"        at all\n"}
{"Action":"output","Package":"p","Test":"TestB","Output":"--- SKIP: TestB (0.00s)\n"}
{"Action":"skip","Package":"p","Test":"TestB"}
{"Action":"skip","Package":"p","Test":"TestC"}
{"Action":"pass","Package":"p","Elapsed":1.25}
{"Action":"skip","Package":"without tests"}`, want: `ok    p 1.2s

skipped:
  p TestB: b_test.go:7: no GPU at all
  p TestC: no reason given

1 passed, 0 failed, 2 skipped
`},
		{name: "failed", exit: 1, status: 1, events: `
{"Action":"output","Package":"p","Test":"TestA/x","Output":"    a_test.go:3: wrong\n"}
{"Action":"fail","Package":"p","Test":"TestA/x"}
{"Action":"fail","Package":"p","Test":"TestA"}
{"Action":"fail","Package":"p","Elapsed":0}`, want: `    a_test.go:3: wrong
FAIL  p 0.0s

0 passed, 2 failed, 0 skipped
`},
		{name: "does not build", exit: 1, status: 1, events: `
{"ImportPath":"p","Action":"build-output","Output":"p.go:1: no\n"}
{"ImportPath":"p","Action":"build-fail"}
{"Action":"fail","Package":"p","FailedBuild":"p"}`, want: `p.go:1: no
FAIL  p 0.0s

0 passed, 1 failed, 0 skipped
`},
		{name: "crashed", exit: 1, status: 1, events: `
{"Action":"output","Package":"p","Output":"exit status 2\n"}
{"Action":"fail","Package":"p"}`, want: `exit status 2
FAIL  p 0.0s

0 passed, 1 failed, 0 skipped
`},
		{name: "the command alone fails", exit: 1, status: 1, events: `
no package matches
{"Action":"pass","Package":"p","Test":"TestA"}`, want: `no package matches

1 passed, 0 failed, 0 skipped
`},
		{name: "nothing ran", status: 1, want: `
0 passed, 0 failed, 0 skipped
`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			status := run(&stdout, &stderr, []string{"/bin/sh", "-c", `printf %s "$0"; exit $1`, strings.TrimSpace(tt.events), string(rune('0' + tt.exit))})
			got := strings.TrimPrefix(stdout.String(), "\n")
			if want := strings.TrimPrefix(tt.want, "\n"); got != want || status != tt.status {
				t.Errorf("status %d, want %d; printed\n%s\nwant\n%s%s", status, tt.status, got, want, stderr.String())
			}
		})
	}
	var stdout, stderr bytes.Buffer
	if status := run(&stdout, &stderr, []string{"/nonexistent"}); status != 1 || !strings.Contains(stderr.String(), "/nonexistent") {
		t.Errorf("no such command: status %d, %s", status, stderr.String())
	}
}
