package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/pflag"

	"gpubench/internal/result"
)

// version is gpubench's own, apart from that of the result document.
const version = "0.1.0"

// commit and dirty are set by the Makefile; a plain `go build` leaves them to the
// build information.
var commit, dirty string

// tool identifies this build.
func tool() result.Tool {
	t := result.Tool{Version: version, Commit: commit, Dirty: dirty == "true", Go: runtime.Version(), Static: static}
	if info, ok := debug.ReadBuildInfo(); ok && commit == "" {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				t.Commit = s.Value
			case "vcs.modified":
				t.Dirty = s.Value == "true"
			}
		}
	}
	return t
}

func versionCommand() *command {
	return &command{
		name:     "version",
		synopsis: "[--json]",
		short:    "print what this program was built from",
		flags: func(set *pflag.FlagSet) func(*invocation) error {
			asJSON := set.Bool("json", false, "print one JSON object")
			return func(in *invocation) error {
				if err := in.noArguments(); err != nil {
					return err
				}
				t := tool()
				if *asJSON {
					return writeJSON(in, t)
				}
				from := cmp.Or(t.Commit, "unknown")
				if t.Dirty {
					from += ", changed"
				}
				kind := "dynamic"
				if t.Static {
					kind = "static"
				}
				return write(in.stdout, fmt.Sprintf("gpubench %s\ncommit %s\nbuilt by %s for %s/%s, %s\nresult document %s %s\n",
					t.Version, from, t.Go, runtime.GOOS, runtime.GOARCH, kind, result.SchemaName, result.SchemaVersion))
			}
		},
	}
}

// writeJSON prints a value as the whole answer.
func writeJSON(in *invocation, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("the answer cannot be written as JSON: %w", err)
	}
	return write(in.stdout, string(text)+"\n")
}

func schemaCommand() *command {
	return &command{
		name:  "schema",
		short: "print the JSON Schema of the result document",
		flags: func(*pflag.FlagSet) func(*invocation) error {
			return func(in *invocation) error {
				if err := in.noArguments(); err != nil {
					return err
				}
				text, err := result.SchemaJSON()
				if err != nil {
					return err
				}
				return write(in.stdout, strings.TrimRight(string(text), "\n")+"\n")
			}
		},
	}
}
