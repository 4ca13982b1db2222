//go:build cgo && linux

// What the kernels' specialization constants make of a dispatch.

package cuda

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"gpubench/internal/backend"
	"gpubench/kernels"
)

// maxConstant bounds every constant, so that no product of them overflows.
const maxConstant = 4096

// minBlocks is a name that a specialization may have beside those of the constants, by
// PTX's directive: how many workgroups a multiprocessor is to hold, for which the driver's
// compiler limits the registers. Without it the compiler decides.
const minBlocks = "minnctapersm"

// tile is the part of C that a workgroup makes, and the invocations that make it.
type tile struct {
	rows, columns uint64
	block         [2]uint32
	shared        uint64 // bytes of workgroup memory, with one copy of each tile of A and B
}

// constants completes a specialization with a kernel's defaults.
func (k *Kernel) constants(id string, s backend.Specialization) (backend.Specialization, error) {
	all := backend.Specialization(maps.Clone(k.defaults))
	for name, v := range s {
		if _, known := all[name]; !known && name != minBlocks {
			return nil, backend.Errorf(backend.Failed, "%s: the kernel has no specialization constant %q, only %s", id, name, strings.Join(slices.Sorted(maps.Keys(all)), ", "))
		}
		all[name] = v
	}
	return all, nil
}

// tile is what a complete specialization makes, or an error when it makes no kernel on
// any device.
func (k *Kernel) tile(s backend.Specialization) (tile, error) {
	for name, v := range s {
		if least := uint32(1); v < least && name != "PA" && name != "PB" || v > maxConstant {
			return tile{}, fmt.Errorf("specialization constant %s is %d, and must be from %d to %d", name, v, least, maxConstant)
		}
	}
	u := func(name string) uint64 { return uint64(s[name]) }
	t := tile{block: [2]uint32{s["LX"], s["LY"]}}
	if k.name == backend.KernelFMA { // see kernels/fma.comp
		if s["ACC"] > kernels.FMARows {
			return tile{}, fmt.Errorf("specialization constant ACC is %d, and must be at most %d", s["ACC"], kernels.FMARows)
		}
		t.rows, t.columns = u("LY")*u("ACC"), u("LX")
		return t, nil
	}
	if s["BK"]%s["KU"] != 0 { // see kernels/matmul.comp
		return tile{}, fmt.Errorf("specialization constant KU is %d, and must divide BK, which is %d", s["KU"], s["BK"])
	}
	t.rows, t.columns = u("LY")*u("TM"), u("LX")*u("TN")*u("VN")
	t.shared = 4 * (t.rows*(u("BK")+u("PA")) + u("BK")*(t.columns+u("PB")))
	return t, nil
}

// check returns an error when a device cannot run the tile on a problem.
func (d *device) check(p backend.Problem, t tile) error {
	grid := t.groups(p)
	for _, l := range []struct {
		what, name string
		need       uint64
	}{
		{"invocations of a workgroup", "MAX_THREADS_PER_BLOCK", uint64(t.block[0]) * uint64(t.block[1])},
		{"invocations across a workgroup", "MAX_BLOCK_DIM_X", uint64(t.block[0])},
		{"invocations down a workgroup", "MAX_BLOCK_DIM_Y", uint64(t.block[1])},
		{"workgroups across", "MAX_GRID_DIM_X", grid[0]},
		{"workgroups down", "MAX_GRID_DIM_Y", grid[1]},
		{"bytes of shared memory", d.sharedLimit(), t.shared},
	} {
		if most := limit(d.info, l.name); l.need > most {
			return &backend.Error{Kind: backend.Limit, Remedy: "choose a smaller size or another specialization",
				Text: fmt.Sprintf("%s: a tile of %d x %d takes %d %s, and %s%s is %d", d.info.ID, t.rows, t.columns, l.need, l.what, limitPrefix, l.name, most)}
		}
	}
	return nil
}

// sharedLimit is the limit of a workgroup's memory: old drivers don't know that more can be
// had by asking.
func (d *device) sharedLimit() string {
	if limit(d.info, "MAX_SHARED_MEMORY_PER_BLOCK_OPTIN") > 0 {
		return "MAX_SHARED_MEMORY_PER_BLOCK_OPTIN"
	}
	return "MAX_SHARED_MEMORY_PER_BLOCK"
}

// groups are the workgroups of a dispatch, across and down.
func (t tile) groups(p backend.Problem) [2]uint64 {
	up := func(a int, b uint64) uint64 { return (uint64(a) + b - 1) / b }
	return [2]uint64{up(p.N, t.columns), up(p.M, t.rows)}
}

// candidates are the specializations worth trying for a problem, the likeliest first:
// those of whose tile the problem fills more than half, across and down, or the smallest
// when it fills none. Of fma there is one: 8 chains in each of 128 invocations hide the
// latency of an operation, 4 cycles, from two warps of a scheduler up.
func (k *Kernel) candidates(p backend.Problem) []backend.Specialization {
	if k.name == backend.KernelFMA {
		return []backend.Specialization{{"LX": 64, "LY": 2, "ACC": 8, "KU": 16}}
	}
	var filled []backend.Specialization
	for i, c := range kernels.CUDATiles {
		t, err := k.tile(c.Specialization)
		if err != nil {
			panic("BUG: cuda: " + err.Error())
		}
		smallest := filled == nil && i == len(kernels.CUDATiles)-1
		if smallest || t.rows < 2*uint64(p.M) && t.columns < 2*uint64(p.N) {
			s := backend.Specialization(maps.Clone(c.Specialization))
			if c.MinBlocks > 0 {
				s[minBlocks] = uint32(c.MinBlocks)
			}
			filled = append(filled, s)
		}
	}
	return filled
}
