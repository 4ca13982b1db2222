//go:build !darwin

package main

// systemBackends are those of this operating system alone.
var systemBackends []string
