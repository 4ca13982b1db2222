// Runs one translated kernel: reads groups[3], the number of push words and they, the
// number of buffers, and for each its words and they; writes the buffers back.
#define _GNU_SOURCE
#include KERNEL_FILE
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static uint32_t word(void)
{
	uint32_t w;
	if (fread(&w, 4, 1, stdin) != 1) exit(2);
	return w;
}

// A buffer ends where a page ends that may not be touched, so an access past it is a fault.
static uint32_t *guarded(uint32_t n)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), size = ((size_t)n * 4 + page - 1) / page * page;
	char *p = mmap(NULL, size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED || mprotect(p + size, page, PROT_NONE) != 0) exit(3);
	return (uint32_t *)(p + size) - n;
}

int main(void)
{
	static spmd_args args;
	uint32_t sizes[8] = {0};
	for (int i = 0; i < 3; ++i) args.groups[i] = word();
	uint32_t push = word();
	for (uint32_t i = 0; i < push; ++i) args.push[i] = word();
	uint32_t buffers = word();
	if (buffers != KERNEL.buffers || push * 4 != KERNEL.push) exit(4);
	for (uint32_t b = 0; b < buffers; ++b) {
		sizes[b] = word();
		uint32_t *p = guarded(sizes[b]);
		for (uint32_t i = 0; i < sizes[b]; ++i) p[i] = word();
		args.buffer[b] = p;
	}
	void *memory = aligned_alloc(64, (KERNEL.scratch + 63) / 64 * 64);
	memset(memory, 0xff, KERNEL.scratch);
	for (uint32_t z = 0; z < args.groups[2]; ++z)
		for (uint32_t y = 0; y < args.groups[1]; ++y)
			for (uint32_t x = 0; x < args.groups[0]; ++x) KERNEL.run(&args, x, y, z, memory);
	for (uint32_t b = 0; b < buffers; ++b)
		if (fwrite(args.buffer[b], 4, sizes[b], stdout) != sizes[b]) exit(5);
	return fflush(stdout) != 0;
}
