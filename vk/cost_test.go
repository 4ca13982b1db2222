//go:build cgo && (linux || darwin)

package vk

import (
	"slices"
	"testing"

	"gpubench/internal/backend"
	"gpubench/kernels"

	vulkan "github.com/vulkan-go/vulkan"
)

// BenchmarkTraces runs batches as they are in turns with plain ones, whose dispatches
// all write the same place and which end without a token, and with these once more. It
// reports the medians of both ratios in one round: what traces and token cost, and
// what noise alone makes.
func BenchmarkTraces(b *testing.B) {
	k, err := ParseKernel(backend.KernelMatmul, kernels.MatmulF32)
	if err != nil {
		b.Fatal(err)
	}
	d, err := New(k).open("vulkan:0")
	if err != nil {
		b.Skip(err)
	}
	defer d.Close()
	problem := backend.Problem{M: 128, N: 128, K: 128}
	specs, err := d.Candidates(backend.KernelMatmul, problem)
	if err != nil {
		b.Fatal(err)
	}
	built, err := d.Build(backend.KernelMatmul, problem, specs[0])
	if err != nil {
		b.Fatal(err)
	}
	p := built.(*program)
	ones := slices.Repeat([]float32{1}, 128*128)
	if err := p.Load(ones, ones); err != nil {
		b.Fatal(err)
	}
	batch := backend.Batch{Dispatches: 16}
	if _, err := p.Run(batch); err != nil {
		b.Fatal(err)
	}
	plain, err := d.newCommands()
	if err != nil {
		b.Fatal(err)
	}
	info := vulkan.CommandBufferBeginInfo{SType: vulkan.StructureTypeCommandBufferBeginInfo}
	defer info.Free()
	vulkan.BeginCommandBuffer(plain, &info)
	d.settle(plain)
	p.recordBatch(plain, backend.Batch{Dispatches: 1}, problem, p.groups)
	for range batch.Dispatches - 1 {
		d.settle(plain)
		d.dispatch(plain, p.layout, p.set, p.groups, problem, backend.Batch{Dispatches: 1})
	}
	if res := vulkan.EndCommandBuffer(plain); res != vulkan.Success {
		b.Fatal(failure("vulkan:0", "vkEndCommandBuffer", res))
	}
	run := func(commands vulkan.CommandBuffer) float64 {
		s, _, call, res := d.submit(d.handle, d.queue, commands, d.fence, d.token.mapped)
		if res != vulkan.Success {
			b.Fatal(failure("vulkan:0", call, res))
		}
		return s.seconds
	}
	var cost, noise []float64
	for b.Loop() {
		before := run(plain)
		whole := run(p.ascending.commands)
		after := run(plain)
		cost, noise = append(cost, whole/before), append(noise, after/before)
	}
	slices.Sort(cost)
	slices.Sort(noise)
	b.ReportMetric(cost[len(cost)/2], "with/without")
	b.ReportMetric(noise[len(noise)/2], "without/without")
}
