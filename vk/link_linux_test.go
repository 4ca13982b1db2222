package vk

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What vulkan-go compiles on macOS needs nothing of MoltenVK but what
// scripts/moltenvk.sh puts in its place.
func TestNoMoltenVKToLink(t *testing.T) {
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("needs gcc")
	}
	run := func(name string, args ...string) string {
		t.Helper()
		out, err := exec.Command(name, args...).CombinedOutput()
		if err != nil {
			t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
		}
		return strings.TrimSpace(string(out))
	}
	source := run("go", "list", "-m", "-f", "{{.Dir}}", "github.com/vulkan-go/vulkan")
	dir := t.TempDir()
	main := filepath.Join(dir, "main.c")
	if err := os.WriteFile(main, []byte("extern int isProcAddrSet(void);\nint main(void) { return isProcAddrSet(); }\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	link := []string{"-DVK_USE_PLATFORM_MACOS_MVK", "-w", "-I", source, "-o", filepath.Join(dir, "main"), main}
	for _, name := range []string{"vk_wrapper_desktop.c", "vk_bridge.c", "vk_default_loader.c"} {
		link = append(link, filepath.Join(source, name))
	}
	// Without it the link must fail, or this test would show nothing.
	if out, err := exec.Command("gcc", append(link, "-ldl")...).CombinedOutput(); err == nil || !strings.Contains(string(out), "vkGetInstanceProcAddr") {
		t.Fatalf("nothing of MoltenVK is missing: %v\n%s", err, out)
	}
	// CC may have arguments, with spaces in them.
	t.Setenv("CC", "gcc -O1 '-DTWO=2 + 2'")
	run("../scripts/moltenvk.sh", dir)
	run("gcc", append(link, "-L"+dir, "-lMoltenVK", "-ldl")...)
	run(filepath.Join(dir, "main"))
}
