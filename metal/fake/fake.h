// A Metal for the tests, over GNUstep: it runs kernels on the processor and does, when
// told, what a Mac does only on a bad day.

#ifndef FAKE_H
#define FAKE_H

#include <stdint.h>

// fake_control is what the tests set. All zero is one good device.
typedef struct {
	int no_device, discrete, no_mps, no_cores, no_registry, unknown_families;
	uint64_t max_buffer, working_set, group_memory, pipeline_threads; // 0 for much
	int no_queue, no_function, no_pipeline, no_command_buffer, no_encoder, no_product;
	int no_buffer;     // the number of the buffer that there is no memory for, from 1
	int thermal;       // NSProcessInfoThermalState
	int silent;        // what fails gives no NSError
	int command_error; // code with which command buffers end, 0 for none
	double start, end; // of the device's clock
	int half_bits;     // of what a product of float16 writes, 0 for the 11 that it should
	int half_sums;     // a product of float16 rounds every sum to it
	int idle; // nothing is carried out
	int wrong_element; // of what a product writes, from 1
} fake_control;

// fake_dispatch is a dispatch that was carried out, the last ones of all.
typedef struct {
	uint64_t groups[3], threads[3], offsets[3];
	uint32_t size[3];
	uint32_t product; // one of Metal Performance Shaders: bits of an element, else 0
} fake_dispatch;

enum { FAKE_LOG = 64 };

typedef struct {
	int live;                      // objects that were made and not yet given back
	int buffers, command_buffers;  // made so far
	int fast_math, version;        // of the last library
	int dispatches;                // carried out so far
	char broken[256];              // the first rule that was broken
	fake_dispatch log[FAKE_LOG];   // the last of them, at their number modulo FAKE_LOG
} fake_state;

extern fake_control fake;
extern fake_state fake_seen;

#endif
