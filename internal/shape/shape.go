// Package shape knows what the kernels' specialization constants make of their work, on
// every backend that builds a kernel at run time, and which of them are worth trying.
package shape

import (
	"fmt"
	"slices"

	"gpubench/internal/backend"
	"gpubench/internal/result"
	"gpubench/kernels"
)

// Shape is the constants of a kernel, and what they make of a dispatch.
type Shape interface {
	Fields() map[string]*uint32 // the constants by their names in the kernel
	Workgroup() (x, y uint32)   // in invocations
	Rows() uint64               // of C that a workgroup makes
	Columns() uint64
	SharedBytes() uint64 // of memory that a workgroup shares
	Valid() error        // when the constants make no kernel on any device
	String() string
}

// New is the shape of a kernel, its constants all zero.
func New(kernel string) Shape {
	if kernel == backend.KernelFMA {
		return &Chains{}
	}
	return &Tile{}
}

// Specialization is the constants of a shape by name.
func Specialization(s Shape) backend.Specialization {
	out := backend.Specialization{}
	for name, v := range s.Fields() {
		out[name] = *v
	}
	return out
}

// Groups are the workgroups of a dispatch, across and down.
func Groups(s Shape, p backend.Problem) (x, y uint64) {
	return ceilDiv(uint64(p.N), s.Columns()), ceilDiv(uint64(p.M), s.Rows())
}

func ceilDiv(a, b uint64) uint64 { return (a + b - 1) / b }

// maxConstant bounds every constant, so that no product of them overflows.
const maxConstant = 4096

// checkConstants returns an error when one of a shape's constants is out of bounds.
// Those that may be zero are named.
func checkConstants(s Shape, zero ...string) error {
	for name, v := range s.Fields() {
		least := uint32(1)
		if slices.Contains(zero, name) {
			least = 0
		}
		if *v < least || *v > maxConstant {
			return fmt.Errorf("specialization constant %s is %d, and must be from %d to %d", name, *v, least, maxConstant)
		}
	}
	return nil
}

// Tile is the constants of matmul; see kernels/matmul.comp.
type Tile struct {
	LX, LY     uint32 // workgroup size in invocations
	TM, TN, VN uint32 // per invocation: rows of C, groups of columns, columns of a group
	BK, KU     uint32 // depth of the shared tiles, and how much of it is unrolled
	PA, PB     uint32 // padding of the shared tiles' rows in floats
}

func (t *Tile) Fields() map[string]*uint32 {
	return map[string]*uint32{
		"LX": &t.LX, "LY": &t.LY, "TM": &t.TM, "TN": &t.TN, "VN": &t.VN,
		"BK": &t.BK, "KU": &t.KU, "PA": &t.PA, "PB": &t.PB,
	}
}

func (t *Tile) String() string {
	return fmt.Sprintf("tile %dx%d of %dx%d invocations", t.Rows(), t.Columns(), t.LX, t.LY)
}

func (t *Tile) Workgroup() (x, y uint32) { return t.LX, t.LY }

func (t *Tile) Rows() uint64    { return uint64(t.LY) * uint64(t.TM) }
func (t *Tile) Columns() uint64 { return uint64(t.LX) * uint64(t.TN) * uint64(t.VN) }

func (t *Tile) SharedBytes() uint64 {
	return 4 * (t.Rows()*uint64(t.BK+t.PA) + uint64(t.BK)*(t.Columns()+uint64(t.PB)))
}

func (t *Tile) Valid() error {
	if err := checkConstants(t, "PA", "PB"); err != nil {
		return err
	}
	if t.BK%t.KU != 0 {
		return fmt.Errorf("specialization constant KU is %d, and must divide BK, which is %d", t.KU, t.BK)
	}
	return nil
}

// Chains is the constants of fma; see kernels/fma.comp.
type Chains struct {
	LX, LY uint32 // workgroup size in invocations
	ACC    uint32 // chains of an invocation
	KU     uint32 // steps between two tests of the loop
}

func (c *Chains) Fields() map[string]*uint32 {
	return map[string]*uint32{"LX": &c.LX, "LY": &c.LY, "ACC": &c.ACC, "KU": &c.KU}
}

func (c *Chains) String() string {
	return fmt.Sprintf("%d chains in each of %dx%d invocations", c.ACC, c.LX, c.LY)
}

func (c *Chains) Workgroup() (x, y uint32) { return c.LX, c.LY }
func (c *Chains) Rows() uint64             { return uint64(c.LY) * uint64(c.ACC) }
func (c *Chains) Columns() uint64          { return uint64(c.LX) }
func (c *Chains) SharedBytes() uint64      { return 0 }

func (c *Chains) Valid() error {
	if err := checkConstants(c); err != nil {
		return err
	}
	if c.ACC > kernels.FMARows {
		return fmt.Errorf("specialization constant ACC is %d, and must be at most %d", c.ACC, kernels.FMARows)
	}
	return nil
}

// For lists the shapes worth trying for a device of this class, the likeliest
// first.
//
// Of fma there is one, which every device takes: 128 invocations are what Vulkan promises,
// and with 8 chains in each the latency of an operation is hidden from two of a GPU's
// groups of lanes up.
func For(kernel, class string, p backend.Problem) (list []Shape) {
	if kernel == backend.KernelFMA {
		return []Shape{&Chains{LX: 64, LY: 2, ACC: 8, KU: 16}}
	}
	for _, t := range tilesFor(class, p) {
		list = append(list, &t)
	}
	return list
}

// Shapes worth trying, the likeliest for a large problem first. Both lists hold
// some that fit what Vulkan promises of every device: 128 invocations and 16 KiB
// of shared memory.
var (
	TilesGPU = []Tile{
		{LX: 16, LY: 16, TM: 8, TN: 2, VN: 4, BK: 16, KU: 4, PA: 1},
		{LX: 16, LY: 16, TM: 8, TN: 8, VN: 1, BK: 8, KU: 8, PA: 1}, // half the shared memory, no bank conflicts in B
		{LX: 16, LY: 16, TM: 4, TN: 1, VN: 4, BK: 16, KU: 16, PA: 1},
		{LX: 16, LY: 8, TM: 8, TN: 2, VN: 4, BK: 16, KU: 4, PA: 1},
		{LX: 8, LY: 8, TM: 4, TN: 1, VN: 4, BK: 16, KU: 4, PA: 1},
		{LX: 8, LY: 8, TM: 2, TN: 1, VN: 2, BK: 16, KU: 4, PA: 1},
	}
	// On lavapipe large tiles win as well, for it gathers lane by lane what it
	// loads; 8 of its lanes are a row, or 4 without AVX.
	TilesCPU = []Tile{
		{LX: 16, LY: 8, TM: 8, TN: 8, VN: 1, BK: 32, KU: 4},
		{LX: 8, LY: 8, TM: 8, TN: 8, VN: 1, BK: 32, KU: 4},
		{LX: 8, LY: 8, TM: 8, TN: 2, VN: 4, BK: 16, KU: 4},
		{LX: 8, LY: 1, TM: 4, TN: 4, VN: 1, BK: 16, KU: 4},
	}
)

// tilesFor lists the shapes for a device of this class: those of which the problem
// fills more than half, across and down, or the smallest when it fills none.
func tilesFor(class string, p backend.Problem) []Tile {
	all := TilesGPU
	if class == result.ClassCPU {
		all = TilesCPU
	}
	var filled []Tile
	for _, t := range all {
		if t.Rows() < 2*uint64(p.M) && t.Columns() < 2*uint64(p.N) {
			filled = append(filled, t)
		}
	}
	if filled == nil {
		filled = all[len(all)-1:]
	}
	return filled
}
