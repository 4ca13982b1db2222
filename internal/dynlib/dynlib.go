// Package dynlib says where the shared libraries that gpubench opens while it runs may
// come from, and reads why the dynamic loader did not open one. It opens none itself.
//
// Nothing is loaded from the working directory: whoever may write where gpubench is
// started must not be able to choose what it measures, or what it runs. A path with a
// slash in it that a user names (GPUBENCH_BLAS=./libopenblas.so) is taken as it is.
package dynlib

import (
	"regexp"
	"runtime"
	"slices"
	"strings"
)

// macDirectories hold what Homebrew and makers' packages install, and what the system has.
var macDirectories = []string{"/opt/homebrew/lib/", "/usr/local/lib/", "/usr/lib/"}

// Names are the names to give to dlopen for a library, in the order in which to try them.
// A name with a slash is the only one. On Linux a bare one stands for itself: the loader
// looks in LD_LIBRARY_PATH (see Clean) and in the system's directories, never elsewhere.
// macOS looks in the working directory too, so there it becomes whole paths; dyld looks
// for their last part in DYLD_LIBRARY_PATH first.
func Names(name string) []string { return names(runtime.GOOS, name) }

func names(system, name string) []string {
	if system != "darwin" || strings.Contains(name, "/") {
		return []string{name}
	}
	var list []string
	for _, dir := range macDirectories {
		list = append(list, dir+name)
	}
	return list
}

// Variables are those by which the environment tells a dynamic loader, or Vulkan's, where
// to look.
var Variables = []string{
	"LD_LIBRARY_PATH",
	"DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH", "DYLD_VERSIONED_LIBRARY_PATH",
	"DYLD_FRAMEWORK_PATH", "DYLD_FALLBACK_FRAMEWORK_PATH", "DYLD_VERSIONED_FRAMEWORK_PATH",
	// Vulkan's loader looks for drivers below these. They must be absolute by the XDG Base
	// Directory Specification, and it does not check that.
	"XDG_CONFIG_HOME", "XDG_CONFIG_DIRS", "XDG_DATA_HOME", "XDG_DATA_DIRS",
}

// Clean is the value of one of the Variables without the directories that are relative to
// the working directory, and dropped are these. An empty part, which means the working
// directory itself to Linux's loader, goes as well: it is left by a script that has put a
// directory before or after nothing, so it is none that somebody wants.
func Clean(value string) (clean string, dropped []string) {
	// glibc separates by a semicolon as well.
	parts := strings.FieldsFunc(value, func(r rune) bool { return r == ':' || r == ';' })
	keep := parts[:0]
	for _, p := range parts {
		if relative(p) {
			dropped = append(dropped, p)
		} else {
			keep = append(keep, p)
		}
	}
	return strings.Join(keep, ":"), dropped
}

// relative reports whether a directory is relative to the working directory. Those that
// begin with a word for the program's place are not.
func relative(dir string) bool {
	return !slices.ContainsFunc([]string{"/", "$ORIGIN", "${ORIGIN}", "@executable_path/", "@loader_path/"}, func(p string) bool { return strings.HasPrefix(dir, p) })
}

// tried is a path that dyld has looked at, with what it found there.
var tried = regexp.MustCompile(`'[^']*' \(([^()]*(?:\([^()]*\))*[^()]*)\)`)

// Missing reports whether what dlerror said of a library means that there is no such file.
// It does not where the file is there and another one that it needs is missing.
func Missing(name, said string) bool {
	switch {
	case strings.HasPrefix(said, name+": "): // glibc
		return strings.HasSuffix(said, ": No such file or directory")
	case strings.HasPrefix(said, "Error loading shared library "+name+": "): // musl
		return strings.HasSuffix(said, ": No such file or directory")
	case !strings.HasPrefix(said, "dlopen("+name+","), strings.Contains(said, "Library not loaded:"):
		return false
	}
	// macOS until 11, and since 12: a list of the paths that were looked at.
	if strings.HasSuffix(strings.TrimSpace(said), "image not found") {
		return true
	}
	_, list, ok := strings.Cut(said, "tried: ")
	found := tried.FindAllStringSubmatch(list, -1)
	return ok && len(found) > 0 && !slices.ContainsFunc(found, func(m []string) bool { return !strings.HasPrefix(m[1], "no such file") })
}
