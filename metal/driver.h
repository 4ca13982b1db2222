// The calls into Metal and its matrix product, as C.
//
// An object of Objective-C is a void *; what a function returns is retained, and given
// back by mtl_release. Every function has an autorelease pool of its own, for the threads
// of Go have none.

#ifndef GPUBENCH_METAL_DRIVER_H
#define GPUBENCH_METAL_DRIVER_H

#include <stdint.h>

// mtl_error is what an NSError says. Its domain is empty where there was none.
typedef struct {
	int64_t code;
	char domain[64];
	char text[4096]; // a compiler's messages may be long
} mtl_error;

typedef struct {
	char name[256];
	int unified;
	int mps; // the matrix product supports it
	uint32_t apple_family, mac_family, metal_family; // the newest of each, 0 for none
	uint32_t cores;                                  // 0 when the registry does not say
	uint64_t working_set;                            // bytes that it can use without slowing down
	uint64_t max_buffer;                             // bytes
	uint64_t max_threadgroup_memory;                 // bytes
	uint64_t max_threads[2];                         // of a threadgroup, across and down
} mtl_info;

// mtl_devices fills the list with at most so many devices and returns how many there are.
int mtl_devices(void **devices, int most);

void mtl_describe(void *device, mtl_info *info);
void mtl_release(void *object); // NULL is allowed

// mtl_queue and mtl_buffer return NULL when there is no memory. The host sees a buffer at
// mtl_contents.
void *mtl_queue(void *device);
void *mtl_buffer(void *device, uint64_t bytes);
void *mtl_contents(void *buffer);

// mtl_pipeline compiles a kernel with these macros, fast math off, or returns NULL with
// the compiler's messages. most is how many threads a threadgroup of it may have.
void *mtl_pipeline(void *device, const char *text, const char *entry, const char *const *macros, const uint32_t *values, int count,
                   uint64_t *most, mtl_error *e);

typedef struct {
	uint64_t host_ns;  // from commit until the command buffer was seen to be completed
	double start, end; // seconds of the device's clock, as they are
} mtl_timing;

// mtl_batch is dispatches of which the first has its C at the offset, and each other one
// that many bytes after the one before it; but for the one that is apart, if there is one
// below count, whose C is elsewhere, and which those after it do not count.
typedef struct {
	uint32_t count, apart;
	uint64_t own; // where the C is that is apart
	uint32_t element; // bytes of one: 4 for float32, or of a product 2 for float16
	uint64_t offset;
	int64_t step;
	uint32_t size[3]; // m, n, k
	uint32_t groups[2], threads[2];
} mtl_batch;

// mtl_run runs a batch and waits for it. The buffers are A, B and C. It returns 0, or
// another number with the error.
int mtl_run(void *queue, void *pipeline, void *const *buffers, const mtl_batch *b, mtl_timing *t, mtl_error *e);

// mtl_product makes the matrix product of Metal Performance Shaders for this size.
void *mtl_product(void *device, const uint32_t *size);

// mtl_multiply is mtl_run for a product; groups and threads do not matter.
int mtl_multiply(void *queue, void *product, void *const *buffers, const mtl_batch *b, mtl_timing *t, mtl_error *e);

#endif
