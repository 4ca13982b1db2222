//go:build !linux && !darwin

// Elsewhere only what Go and the CPUID instruction know is known.

package host

func systemFacts() (kernel string, sys system) { return "", system{} }
