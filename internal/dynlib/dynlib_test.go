package dynlib

import (
	"slices"
	"strings"
	"testing"
)

func TestNames(t *testing.T) {
	for _, tt := range []struct {
		system, name string
		want         []string
	}{
		{"linux", "libvulkan.so.1", []string{"libvulkan.so.1"}},
		{"linux", "/opt/lib.so", []string{"/opt/lib.so"}},
		{"darwin", "libMoltenVK.dylib", []string{"/opt/homebrew/lib/libMoltenVK.dylib", "/usr/local/lib/libMoltenVK.dylib", "/usr/lib/libMoltenVK.dylib"}},
		{"darwin", "./lib.dylib", []string{"./lib.dylib"}},
	} {
		if got := names(tt.system, tt.name); !slices.Equal(got, tt.want) {
			t.Errorf("names(%q, %q) = %q, want %q", tt.system, tt.name, got, tt.want)
		}
	}
}

func TestClean(t *testing.T) {
	for _, tt := range []struct{ value, want, dropped string }{
		{"", "", ""},
		{":", "", ""},
		{".", "", "."},
		{"lib", "", "lib"},
		{"/a:/b", "/a:/b", ""},
		{"/a:", "/a", ""},
		{":/a", "/a", ""},
		{"/a::/b", "/a:/b", ""},
		{"/a;lib;/b", "/a:/b", "lib"},
		{"./x:/a:../y:lib64", "/a", "./x ../y lib64"},
		{"$ORIGIN/../lib:${ORIGIN}:/a", "$ORIGIN/../lib:${ORIGIN}:/a", ""},
		{"@executable_path/../lib:@x", "@executable_path/../lib", "@x"},
		{"$HOME/lib", "", "$HOME/lib"}, // which no loader knows
		{"/a b:c d", "/a b", "c d"},
	} {
		if got, dropped := Clean(tt.value); got != tt.want || strings.Join(dropped, " ") != tt.dropped {
			t.Errorf("Clean(%q) = %q without %q, want %q without %q", tt.value, got, dropped, tt.want, tt.dropped)
		}
	}
}

func TestMissing(t *testing.T) {
	const mac = "/usr/local/lib/libMoltenVK.dylib"
	for _, tt := range []struct {
		what, name, said string
		want             bool
	}{
		{"glibc", "libx.so", "libx.so: cannot open shared object file: No such file or directory", true},
		{"glibc, a path", "/a/libx.so", "/a/libx.so: cannot open shared object file: No such file or directory", true},
		{"glibc, what it needs", "libx.so", "liby.so: cannot open shared object file: No such file or directory", false},
		{"glibc, not permitted", "/a/libx.so", "/a/libx.so: cannot open shared object file: Permission denied", false},
		{"glibc, no library", "/a/libx.so", "/a/libx.so: file too short", false},
		{"musl", "libx.so", "Error loading shared library libx.so: No such file or directory", true},
		{"musl, what it needs", "libx.so", "Error loading shared library liby.so: No such file or directory (needed by /usr/lib/libx.so)", false},
		{"macOS 11", mac, "dlopen(" + mac + ", 6): image not found", true},
		{"macOS 11, what it needs", mac, "dlopen(" + mac + ", 6): Library not loaded: @rpath/liby.dylib\n  Referenced from: " + mac + "\n  Reason: image not found", false},
		{"macOS 13", mac, "dlopen(" + mac + ", 0x0006): tried: '" + mac + "' (no such file), '/System/Volumes/Preboot/Cryptexes/OS" + mac + "' (no such file), '" + mac + "' (no such file)", true},
		{"macOS 14", "/usr/lib/libx.dylib", "dlopen(/usr/lib/libx.dylib, 0x0006): tried: '/usr/lib/libx.dylib' (no such file, not in dyld cache)", true},
		{"macOS, the wrong processor", mac, "dlopen(" + mac + ", 0x0006): tried: '" + mac + "' (mach-o file, but is an incompatible architecture (have 'x86_64', need 'arm64e' or 'arm64')), '/System/Volumes/Preboot/Cryptexes/OS" + mac + "' (no such file)", false},
		{"macOS, not signed", mac, "dlopen(" + mac + ", 0x0006): tried: '" + mac + "' (code signature in <0-0> '" + mac + "' not valid for use in process)", false},
		{"macOS, the sandbox", mac, "dlopen(" + mac + ", 0x0006): tried: '" + mac + "' (file system sandbox blocked open())", false},
		{"macOS, what it needs", mac, "dlopen(" + mac + ", 0x0006): Library not loaded: /opt/liby.dylib\n  Referenced from: <0-0> " + mac + "\n  Reason: tried: '/opt/liby.dylib' (no such file)", false},
		{"macOS, of another library", mac, "dlopen(/a/liby.dylib, 0x0006): tried: '/a/liby.dylib' (no such file)", false},
		{"other words", mac, "it went wrong", false},
		{"none", mac, "", false},
	} {
		if got := Missing(tt.name, tt.said); got != tt.want {
			t.Errorf("%s: Missing is %v of %q", tt.what, got, tt.said)
		}
	}
}

func FuzzMissing(f *testing.F) {
	f.Add("dlopen(x, 6): tried: 'x' (no such file)")
	f.Fuzz(func(t *testing.T, said string) {
		if Missing("x", said) && !strings.Contains(strings.ToLower(said), "no such file") && !strings.Contains(said, "image not found") {
			t.Errorf("missing by %q", said)
		}
	})
}
