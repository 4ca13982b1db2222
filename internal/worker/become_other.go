//go:build unix && !linux

// The static binary is a thing of Linux: elsewhere one dynamic program does it all.

package worker

import "gpubench/internal/backend"

// Become always fails here: there are no fully static programs on this system,
// and a plain build reaches the GPU driver by itself.
func Become(program []byte, argv, env []string) error {
	return &backend.Error{Kind: backend.Absent, Text: "a static build cannot load a GPU driver on this system", Remedy: "build gpubench without the tag static"}
}
