//go:build cgo && (linux || darwin)

// The shapes that the kernel's specialization constants give to its work.

package vk

import (
	"fmt"

	"gpubench/internal/backend"
	"gpubench/internal/result"
)

// tile is the kernel's constants; see kernels/matmul.comp.
type tile struct {
	LX, LY     uint32 // workgroup size in invocations
	TM, TN, VN uint32 // per invocation: rows of C, groups of columns, columns of a group
	BK, KU     uint32 // depth of the shared tiles, and how much of it is unrolled
	PA, PB     uint32 // padding of the shared tiles' rows in floats
}

// fields are the constants by their names in the kernel.
func (t *tile) fields() map[string]*uint32 {
	return map[string]*uint32{
		"LX": &t.LX, "LY": &t.LY, "TM": &t.TM, "TN": &t.TN, "VN": &t.VN,
		"BK": &t.BK, "KU": &t.KU, "PA": &t.PA, "PB": &t.PB,
	}
}

func (t tile) specialization() backend.Specialization {
	s := backend.Specialization{}
	for name, v := range t.fields() {
		s[name] = *v
	}
	return s
}

func (t tile) String() string {
	return fmt.Sprintf("tile %dx%d of %dx%d invocations", t.rows(), t.columns(), t.LX, t.LY)
}

// rows and columns are those of C that a workgroup makes.
func (t tile) rows() uint64    { return uint64(t.LY) * uint64(t.TM) }
func (t tile) columns() uint64 { return uint64(t.LX) * uint64(t.TN) * uint64(t.VN) }

// sharedBytes is the memory that a workgroup shares.
func (t tile) sharedBytes() uint64 {
	return 4 * (t.rows()*uint64(t.BK+t.PA) + uint64(t.BK)*(t.columns()+uint64(t.PB)))
}

// groups are the workgroups of a dispatch, across and down.
func (t tile) groups(p backend.Problem) (x, y uint64) {
	return ceilDiv(uint64(p.N), t.columns()), ceilDiv(uint64(p.M), t.rows())
}

func ceilDiv(a, b uint64) uint64 { return (a + b - 1) / b }

// maxConstant bounds every constant, so that no product of them overflows.
const maxConstant = 4096

// valid returns an error when the constants make no kernel on any device.
func (t tile) valid() error {
	for name, v := range t.fields() {
		least := uint32(1)
		if name == "PA" || name == "PB" {
			least = 0
		}
		if *v < least || *v > maxConstant {
			return fmt.Errorf("specialization constant %s is %d, and must be from %d to %d", name, *v, least, maxConstant)
		}
	}
	if t.BK%t.KU != 0 {
		return fmt.Errorf("specialization constant KU is %d, and must divide BK, which is %d", t.KU, t.BK)
	}
	return nil
}

// Shapes worth trying, the likeliest for a large problem first. Both lists hold
// some that fit what Vulkan promises of every device: 128 invocations and 16 KiB
// of shared memory.
var (
	tilesGPU = []tile{
		{LX: 16, LY: 16, TM: 8, TN: 2, VN: 4, BK: 16, KU: 4, PA: 1},
		{LX: 16, LY: 16, TM: 8, TN: 8, VN: 1, BK: 8, KU: 8, PA: 1}, // half the shared memory, no bank conflicts in B
		{LX: 16, LY: 16, TM: 4, TN: 1, VN: 4, BK: 16, KU: 16, PA: 1},
		{LX: 16, LY: 8, TM: 8, TN: 2, VN: 4, BK: 16, KU: 4, PA: 1},
		{LX: 8, LY: 8, TM: 4, TN: 1, VN: 4, BK: 16, KU: 4, PA: 1},
		{LX: 8, LY: 8, TM: 2, TN: 1, VN: 2, BK: 16, KU: 4, PA: 1},
	}
	// On lavapipe large tiles win as well, for it gathers lane by lane what it
	// loads; 8 of its lanes are a row, or 4 without AVX.
	tilesCPU = []tile{
		{LX: 16, LY: 8, TM: 8, TN: 8, VN: 1, BK: 32, KU: 4},
		{LX: 8, LY: 8, TM: 8, TN: 8, VN: 1, BK: 32, KU: 4},
		{LX: 8, LY: 8, TM: 8, TN: 2, VN: 4, BK: 16, KU: 4},
		{LX: 8, LY: 1, TM: 4, TN: 4, VN: 1, BK: 16, KU: 4},
	}
)

// tilesFor lists the shapes for a device of this class: those of which the problem
// fills more than half, across and down, or the smallest when it fills none.
func tilesFor(class string, p backend.Problem) []tile {
	all := tilesGPU
	if class == result.ClassCPU {
		all = tilesCPU
	}
	var filled []tile
	for _, t := range all {
		if t.rows() < 2*uint64(p.M) && t.columns() < 2*uint64(p.N) {
			filled = append(filled, t)
		}
	}
	if filled == nil {
		filled = all[len(all)-1:]
	}
	return filled
}
