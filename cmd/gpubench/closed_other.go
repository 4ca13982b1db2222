//go:build !cgo

package main

// stdoutWasClosed is false: without C nobody can tell. Such a program has no backend
// either, and is built only to see whether it builds.
func stdoutWasClosed() bool { return false }
