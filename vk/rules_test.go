//go:build cgo && (linux || darwin)

package vk

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gpubench/internal/backend"
	"gpubench/kernels"

	vulkan "github.com/vulkan-go/vulkan"
)

// TestKeepsTheRules runs the other tests of the device under Khronos's validation
// layer, synchronization included, and wants it to find nothing.
func TestKeepsTheRules(t *testing.T) {
	if os.Getenv("VK_INSTANCE_LAYERS") != "" {
		t.Skip("needs to start without layers")
	}
	openAny(t)
	var manifests []string
	for _, dir := range []string{"/usr/share", "/usr/local/share", "/etc", "/opt/homebrew/share"} {
		found, _ := filepath.Glob(dir + "/vulkan/explicit_layer.d/VkLayer_khronos_validation*.json")
		manifests = append(manifests, found...)
	}
	if manifests == nil {
		t.Skip("needs the validation layer (vulkan-validationlayers)")
	}
	under := func(tests string, more ...string) string {
		cmd := exec.Command(os.Args[0], "-test.run", tests, "-test.v")
		cmd.Env = append(os.Environ(), append(more,
			"VK_INSTANCE_LAYERS=VK_LAYER_KHRONOS_validation",
			"VK_LAYER_ENABLES=VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT")...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", tests, err, out)
		}
		return string(out)
	}
	// The layer must find the rules that are broken on purpose, or its silence
	// would mean nothing.
	broken := under("none", "GPUBENCH_BREAK_RULES=1")
	for _, rule := range []string{"VUID-vkDestroyDevice-device-00378", "SYNC-HAZARD-WRITE-AFTER-WRITE"} {
		if !strings.Contains(broken, rule) {
			t.Errorf("the layer did not see %s broken:\n%s", rule, broken)
		}
	}
	out := under("^(TestDevices|TestProducts|TestEveryTile|TestChains|TestFill.*|TestForm|TestWrongUse|TestClose.*|TestLimits.*)$")
	if !strings.Contains(out, "--- PASS: TestProducts") {
		t.Fatalf("the tests did not run:\n%s", out)
	}
	for line := range strings.Lines(out) {
		if strings.Contains(line, "Validation") || strings.Contains(line, "VUID-") || strings.Contains(line, "SYNC-") || strings.Contains(line, "UNASSIGNED-") {
			t.Error(line)
		}
	}
}

// breakTheRules fills C twice with no barrier between, and leaves a fence behind.
func breakTheRules() error {
	k, err := ParseKernel(backend.KernelMatmul, kernels.MatmulF32)
	if err != nil {
		return err
	}
	d, err := New(k).open("vulkan:0")
	if err != nil {
		return err
	}
	defer d.Close()
	built, err := d.Build(backend.KernelMatmul, backend.Problem{M: 8, N: 8, K: 8}, nil)
	if err != nil {
		return err
	}
	c := built.(*program).c
	var fence vulkan.Fence
	info := vulkan.FenceCreateInfo{SType: vulkan.StructureTypeFenceCreateInfo}
	defer info.Free()
	if res := vulkan.CreateFence(d.handle, &info, nil, &fence); res != vulkan.Success {
		return failure("vulkan:0", "vkCreateFence", res)
	}
	return d.transfer(func(commands vulkan.CommandBuffer) {
		vulkan.CmdFillBuffer(commands, c.handle, 0, vulkan.DeviceSize(c.size), 1)
		vulkan.CmdFillBuffer(commands, c.handle, 0, vulkan.DeviceSize(c.size), 2)
	})
}
