#!/bin/sh
# Measures this machine for results/ and makes the report there. It is to be run on a
# quiet machine: what else runs is in the figures. `results.sh report` only makes the
# report anew from the documents that are there.
set -eu
cd "$(dirname "$0")/.."
name=${GPUBENCH_RESULT:-debian-12-avx512-2cpu}
if [ "${1:-}" != report ]; then
	bin/gpubench run --device cpu,cpu:1,vulkan,blas --size 256,512,1024 --json "results/$name.json"
fi
bin/gpubench report results/*.json -o results/report.html
bin/gpubench report results/*.json -o results/report.md
for plot in ratios samples sizes peak; do
	bin/gpubench report results/*.json -o "results/$plot.svg" --plot $plot
done
