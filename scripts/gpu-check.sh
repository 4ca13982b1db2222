#!/bin/sh
# Everything that gpubench must show on a machine with an NVIDIA GPU, in one go: builds
# it, fetches NVIDIA's assembler, lists the devices, measures the card through CUDA and
# Vulkan beside the CPU and cuBLAS, and prints a table with a verdict for each thing. It
# ends with 0 only when all pass. The document is build/gpu-check.json.
set -eu
cd "$(dirname "$0")/.."
make --no-print-directory setup build
scripts/ptxas.sh >/dev/null || echo "gpu-check: going on without NVIDIA's assembler" >&2
bin/gpubench devices
exec go run ./internal/gpucheck bin/gpubench
