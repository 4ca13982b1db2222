//go:build unix && !linux

// Watching processes, ending them and moving a descriptor outside Linux.

package worker

import (
	"time"

	"golang.org/x/sys/unix"
)

// awaitExit always returns false: waitid of macOS returns for a stopped child
// too, so a child's end cannot be seen there without reaping it.
func awaitExit(int) bool { return false }

// redirect makes descriptor to a copy of from. arm64 Linux has only dup3, macOS only dup2.
func redirect(from, to int) error { return unix.Dup2(from, to) }

// expose does nothing: macOS picks by its own rules.
func expose(int) {}

// wakeWithParent does nothing: macOS has no signal for the end of a parent, so a child
// that is stopped when it comes stays so.
func wakeWithParent() {}

// survivor cannot look at the process here.
func survivor(int) string { return " and may be stuck in the kernel" }

// adopt and sweep do nothing: what leaves the group of a child becomes a child of the
// first process there, and cannot be told from what others have left behind.
func adopt()                      {}
func sweep(string, time.Duration) {}
