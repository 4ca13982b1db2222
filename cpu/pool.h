// A pool of threads that runs dispatches of translated kernels.
#ifndef GPUBENCH_CPU_POOL_H
#define GPUBENCH_CPU_POOL_H

#include "spmd.h"

// cpu_variant is a translated kernel with its name and the hash of its C text.
typedef struct {
	const char *name, *sha256;
	const spmd_kernel *kernel;
} cpu_variant;

// cpu_variants is made by kernels/gen and ends with a null name.
extern const cpu_variant cpu_variants[];

// cpu_table is cpu_variants, for callers that cannot name an array without a length.
static inline const cpu_variant *cpu_table(void) { return cpu_variants; }

typedef struct cpu_pool cpu_pool;

// cpu_pool_new starts a pool of this many threads, of which the caller of cpu_pool_run
// is one. It returns null and sets errno when a thread cannot be started.
cpu_pool *cpu_pool_new(int threads);

// cpu_pool_free ends the threads.
void cpu_pool_free(cpu_pool *p);

// cpu_batch is n dispatches, each after the one before, of which dispatch i is given
// the buffer of that index from first + i * step bytes on; but for dispatch apart, where there
// is such a one, which is given it from own on, and which the ones after it do not count.
typedef struct {
	uint32_t n, buffer;
	ptrdiff_t first, step;
	uint32_t apart;
	ptrdiff_t own;
} cpu_batch;

// cpu_pool_run runs a batch, each dispatch by all threads, and returns 0, or ENOMEM
// when there is no memory for what a workgroup shares.
int cpu_pool_run(cpu_pool *p, const spmd_kernel *k, const spmd_args *args, cpu_batch batch);

#endif
