// A Vulkan layer that makes one fault, named by the environment variable
// GPUBENCH_FAULT, and writes what is recorded into the file that GPUBENCH_RECORD
// names. It serves one instance and one device at a time.

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef void (*function)(void);
typedef function (*get_proc)(void *, const char *);

// What vk_layer.h of the loader declares, as far as it is used here.
typedef struct layer_link {
	struct layer_link *next;
	get_proc get_instance, get_other; // get_other: the device's for a device, of physical devices for an instance
} layer_link;
typedef struct chain {
	int32_t type;
	const struct chain *next;
	int32_t function;
	layer_link *links;
} chain;
typedef struct {
	int32_t type;
	void *next;
	uint32_t version;
	get_proc get_instance, get_device, get_physical;
} negotiation;

enum { INSTANCE_CHAIN = 47, DEVICE_CHAIN = 48, LINK_INFO = 0 };

static get_proc next_instance_proc, next_device_proc;
static void *the_instance;
static int waits, dispatches, runs; // of the matrix product, not the empty dispatch
static int singles;                 // runs of one dispatch

// recorded is what a command buffer holds.
typedef struct {
	void *commands;
	int dispatches, empty;
	uint32_t offset; // of the last dispatch's C, in bytes
	uint32_t *offsets;       // of all of them
	uint32_t size[3];        // m, n, k
	struct {
		void *from, *to;
		uint64_t at, put, bytes;
	} copies[8]; // between buffers
	int copied;
} recorded;
static recorded table[64];

// find returns the entry of a command buffer, a new one when it has none.
static recorded *find(void *commands)
{
	for (int i = 0; i < 63; i++)
		if (table[i].commands == commands || !table[i].commands) {
			table[i].commands = commands;
			return &table[i];
		}
	abort();
}

// Where A, B and C are: their buffers and the size of C in bytes, and which memory the
// buffers have and where that is mapped.
static void *matrices[3];
static uint64_t size_of_c;
static struct {
	void *buffer, *memory;
} bound[64];
static struct {
	void *memory;
	char *at;
} mapped[64];
static unsigned bounds, maps;

// What was submitted but kept back.
static struct {
	void *queue, *commands;
} held;

static int fault(const char *name)
{
	const char *f = getenv("GPUBENCH_FAULT");
	return f && strcmp(f, name) == 0;
}

// The calls below this layer. They are looked up when the instance and the device
// are made: later the loader would answer with the top of the chain.
enum {
	ENUMERATE, PROPERTIES, PROPERTIES_2, MEMORY, FAMILIES, INSTANCE_CALLS,
	ALLOCATE = INSTANCE_CALLS, BIND_MEMORY, MAP, PIPELINES, UPDATE_SETS, BEGIN, PUSH, BIND_SETS, DISPATCH, BARRIER, TIMESTAMP,
	COPY, FILL, SUBMIT, WAIT, DEVICE_IDLE, QUEUE_IDLE, RESULTS, CALLS,
};
static const char *const names[CALLS] = {
    "vkEnumeratePhysicalDevices", "vkGetPhysicalDeviceProperties", "vkGetPhysicalDeviceProperties2", "vkGetPhysicalDeviceMemoryProperties",
    "vkGetPhysicalDeviceQueueFamilyProperties",
    "vkAllocateMemory", "vkBindBufferMemory", "vkMapMemory", "vkCreateComputePipelines", "vkUpdateDescriptorSets", "vkBeginCommandBuffer",
    "vkCmdPushConstants", "vkCmdBindDescriptorSets", "vkCmdDispatch", "vkCmdPipelineBarrier", "vkCmdWriteTimestamp",
    "vkCmdCopyBuffer", "vkCmdFillBuffer", "vkQueueSubmit", "vkWaitForFences", "vkDeviceWaitIdle", "vkQueueWaitIdle", "vkGetQueryPoolResults",
};
static void (*dispatch_base)(void *, uint32_t, uint32_t, uint32_t, uint32_t, uint32_t, uint32_t);
static function next[CALLS];

// take removes this layer from the chain and returns its link.
static layer_link *take(const void *info, int32_t type)
{
	for (chain *c = (chain *)((const chain *)info)->next; c; c = (chain *)c->next)
		if (c->type == type && c->function == LINK_INFO) {
			layer_link *l = c->links;
			c->links = l->next;
			return l;
		}
	return NULL;
}

// The first device of the drivers is a card that the layer makes up: it computes as what is
// behind it does. What a card does of its own accord while a run goes on is a change, which
// the environment variable GPUBENCH_CHANGE names and which has come for each process that
// starts when the file is there that GPUBENCH_CHANGED names.
static void *the_card;
static int has_changed;

static int change(const char *name)
{
	const char *c = getenv("GPUBENCH_CHANGE");
	return has_changed && c && strcmp(c, name) == 0;
}

static void look_for_change(void)
{
	const char *path = getenv("GPUBENCH_CHANGED");
	has_changed = path && access(path, F_OK) == 0;
	the_card = NULL;
}

static int32_t create_instance(const void *info, const void *allocator, void **instance)
{
	layer_link *l = take(info, INSTANCE_CHAIN);
	next_instance_proc = l->get_instance;
	int32_t r = ((int32_t (*)(const void *, const void *, void **))next_instance_proc(NULL, "vkCreateInstance"))(info, allocator, instance);
	the_instance = *instance;
	look_for_change();
	for (int i = 0; r == 0 && i < INSTANCE_CALLS; i++)
		next[i] = next_instance_proc(*instance, names[i]);
	return r;
}

static int32_t create_device(void *physical, const void *info, const void *allocator, void **device)
{
	if (fault("no device memory"))
		return -2;
	layer_link *l = take(info, DEVICE_CHAIN);
	next_device_proc = l->get_other;
	int32_t r = ((int32_t (*)(void *, const void *, const void *, void **))l->get_instance(the_instance, "vkCreateDevice"))(physical, info, allocator, device);
	for (int i = INSTANCE_CALLS; r == 0 && i < CALLS; i++)
		next[i] = next_device_proc(*device, names[i]);
	if (r == 0)
		dispatch_base = (void (*)(void *, uint32_t, uint32_t, uint32_t, uint32_t, uint32_t, uint32_t))next_device_proc(*device, "vkCmdDispatchBase");
	waits = dispatches = runs = singles = 0;
	memset(table, 0, sizeof table);
	memset(&held, 0, sizeof held);
	return r;
}

static int32_t enumerate(void *instance, uint32_t *count, void **list)
{
	if (fault("all drivers fail"))
		return -3;
	if (fault("no devices") || change("no device is left")) {
		*count = 0;
		return 0;
	}
	int32_t (*call)(void *, uint32_t *, void **) = (int32_t (*)(void *, uint32_t *, void **))next[ENUMERATE];
	if (!getenv("GPUBENCH_CHANGE"))
		return call(instance, count, list);
	void *all[16];
	uint32_t n = sizeof all / sizeof *all;
	int32_t r = call(instance, &n, all);
	if (r < 0 || n == 0)
		return r;
	the_card = all[0];
	if (change("the card disappears"))
		memmove(all, all + 1, --n * sizeof *all);
	if (change("two devices are swapped") && n > 1) {
		all[0] = all[1];
		all[1] = the_card;
	}
	if (!list) {
		*count = n;
		return 0;
	}
	r = *count < n ? 5 : 0;
	*count = *count < n ? *count : n;
	memcpy(list, all, *count * sizeof *all);
	return r;
}

// disguise describes the card, as it is now. p is VkPhysicalDeviceProperties.
static void disguise(void *physical, char *p)
{
	if (!getenv("GPUBENCH_CHANGE") || physical != the_card || change("another card takes its place"))
		return;
	uint32_t *words = (uint32_t *)p;
	words[1] = change("the driver's version changes") ? 2 : 1;
	words[4] = change("the class changes") ? 3 : 2; // virtual, discrete
	strcpy(p + 20, change("the name changes") ? "Card of the tests, renamed" : "Card of the tests");
	if (change("the API's version changes"))
		words[0] += 1;
}

static void properties(void *physical, uint32_t *p)
{
	((void (*)(void *, uint32_t *))next[PROPERTIES])(physical, p);
	if (fault("Vulkan 1.0"))
		p[0] = 1u << 22 | 68;
	disguise(physical, (char *)p);
}

static void properties_2(void *physical, char *p)
{
	((void (*)(void *, char *))next[PROPERTIES_2])(physical, p);
	disguise(physical, p + 16);
	if (!getenv("GPUBENCH_CHANGE") || physical != the_card || change("another card takes its place"))
		return;
	for (char *s = *(char **)(p + 8); s; s = *(char **)(s + 8)) {
		if (*(int32_t *)s == 1000196000) { // VkPhysicalDeviceDriverProperties
			*(int32_t *)(s + 16) = change("the driver's id changes") ? 100 : 99;
			strcpy(s + 20, change("the driver's name changes") ? "another driver" : "driver of the tests");
			strcpy(s + 276, change("the driver's text changes") ? "2.0" : "1.0");
		}
		if (*(int32_t *)s == 1000071004) // VkPhysicalDeviceIDProperties
			memset(s + 16, change("the UUID changes") ? 0xbb : 0xaa, 16);
	}
}

// memory gives the card memory of its own: there is other memory beside it.
static void memory(void *physical, char *p)
{
	((void (*)(void *, char *))next[MEMORY])(physical, p);
	if (!getenv("GPUBENCH_CHANGE") || physical != the_card || change("another card takes its place"))
		return;
	// VkPhysicalDeviceMemoryProperties: 32 types of two words after their count, then heaps.
	uint64_t *heaps = (uint64_t *)(p + 264);
	*(uint32_t *)(p + 260) = 2;
	heaps[2] = heaps[0];
	heaps[3] = 0;
	if (change("the memory changes"))
		heaps[0] -= 1 << 20;
}

static void families(void *physical, uint32_t *count, uint32_t (*list)[6])
{
	((void (*)(void *, uint32_t *, uint32_t (*)[6]))next[FAMILIES])(physical, count, list);
	for (uint32_t i = 0; list && i < *count; i++) {
		if (fault("no compute queue"))
			list[i][0] &= ~2u;
		if (fault("no timestamps"))
			list[i][2] = 0;
	}
}

static int32_t allocate(void *device, const void *info, const void *allocator, void **memory)
{
	if (fault("out of device memory"))
		return -2;
	return ((int32_t (*)(void *, const void *, const void *, void **))next[ALLOCATE])(device, info, allocator, memory);
}

static int32_t bind_memory(void *device, void *buffer, void *memory, uint64_t offset)
{
	bound[bounds % 64].buffer = buffer;
	bound[bounds++ % 64].memory = memory;
	return ((int32_t (*)(void *, void *, void *, uint64_t))next[BIND_MEMORY])(device, buffer, memory, offset);
}

static int32_t map(void *device, void *memory, uint64_t offset, uint64_t size, uint32_t flags, void **at)
{
	int32_t r = ((int32_t (*)(void *, void *, uint64_t, uint64_t, uint32_t, void **))next[MAP])(device, memory, offset, size, flags, at);
	mapped[maps % 64].memory = memory;
	mapped[maps++ % 64].at = *at;
	return r;
}

static void update_sets(void *device, uint32_t count, const void *writes, uint32_t copies, const void *copied)
{
	const struct {
		int32_t type;
		const void *next;
		void *set;
		uint32_t binding, element, count;
		int32_t descriptor;
		const void *images;
		const struct {
			void *buffer;
			uint64_t offset, range;
		} *buffers;
	} *w = writes;
	if (count == 1 && w->binding < 3)
		matrices[w->binding] = w->buffers->buffer;
	if (count == 1 && w->binding == 2)
		size_of_c = w->buffers->range;
	((void (*)(void *, uint32_t, const void *, uint32_t, const void *))next[UPDATE_SETS])(device, count, writes, copies, copied);
}

// address is where a buffer is mapped.
static char *address(void *buffer)
{
	void *memory = NULL;
	char *at = NULL;
	for (unsigned i = 0; i < 64; i++) // the latest of two that are alike comes last, or the table is too small
		if (bound[i].buffer == buffer && bound[i].memory)
			memory = bound[i].memory;
	for (unsigned i = 0; i < 64; i++)
		if (mapped[i].memory == memory)
			at = mapped[i].at;
	if (!memory || !at || bounds > 64 || maps > 64)
		abort();
	return at;
}

// An element in the middle of the last C gets other bits, in memory that is mapped.
static void flip(const recorded *r, uint32_t bits) { *(uint32_t *)(address(matrices[2]) + r->offset + size_of_c / 8 * 4) ^= bits; }

static int skips(void)
{
	return fault("the last workgroup of every dispatch is skipped") || fault("the last workgroup of a dispatch is skipped") ||
	       fault("the middle of some dispatches is missing");
}

static int32_t pipelines(void *device, void *cache, uint32_t count, const void *infos, const void *allocator, void **out)
{
	if (fault("the compiler fails")) {
		*out = NULL;
		return -1000012000;
	}
	// One pipeline is made at a time. Its flags follow the type and the pointer next.
	char info[96];
	memcpy(info, infos, sizeof info);
	if (skips())
		*(uint32_t *)(info + 16) |= 0x10; // it may be dispatched from a base on
	return ((int32_t (*)(void *, void *, uint32_t, const void *, const void *, void **))next[PIPELINES])(
	    device, cache, count, info, allocator, out);
}

static int32_t begin(void *commands, const void *info)
{
	recorded *r = find(commands);
	free(r->offsets);
	memset(r, 0, sizeof *r);
	r->commands = commands;
	return ((int32_t (*)(void *, const void *))next[BEGIN])(commands, info);
}

static void push(void *commands, void *layout, uint32_t stages, uint32_t offset, uint32_t size, const void *values)
{
	recorded *r = find(commands);
	memcpy(r->size, values, sizeof r->size);
	r->empty = r->size[0] == 0;
	((void (*)(void *, void *, uint32_t, uint32_t, uint32_t, const void *))next[PUSH])(commands, layout, stages, offset, size, values);
}

// submit_info is VkSubmitInfo.
typedef struct {
	int32_t type;
	const void *next;
	uint32_t waits;
	const void *semaphores, *stages;
	uint32_t buffers;
	void *const *commands;
	uint32_t signals;
	const void *signalled;
} submit_info;

static int32_t submit_next(void *queue, uint32_t count, const submit_info *infos, void *fence)
{
	return ((int32_t (*)(void *, uint32_t, const void *, void *))next[SUBMIT])(queue, count, infos, fence);
}

// release submits what was kept back.
static void release(void)
{
	const submit_info info = {.type = 4, .buffers = 1, .commands = &held.commands};
	void *queue = held.queue;
	held.queue = NULL;
	if (queue)
		submit_next(queue, 1, &info, NULL);
}

// copy_now carries out the copies of a command buffer on the host, whatever else is in it.
static void copy_now(const recorded *r)
{
	for (int i = 0; i < r->copied; i++)
		memcpy(address(r->copies[i].to) + r->copies[i].put, address(r->copies[i].from) + r->copies[i].at, r->copies[i].bytes);
}

// remember answers a run with the product that an earlier one left behind, at the places of all of
// its dispatches, and has the device compute nothing; where that was of the same A and B, all of it
// is right.
static int32_t remember(void *queue, const submit_info *infos, void *fence, recorded *r)
{
	static char *was_a, *was_b, *was_c;
	const size_t a_bytes = 4ul * r->size[0] * r->size[2], b_bytes = 4ul * r->size[2] * r->size[1];
	char *a = address(matrices[0]), *b = address(matrices[1]), *c = address(matrices[2]);
	const int whatever = fault("products are remembered, whatever A is");
	if (was_c && (whatever || memcmp(a, was_a, a_bytes) == 0) && memcmp(b, was_b, b_bytes) == 0) {
		for (int i = 0; i < r->dispatches; i++)
			memcpy(c + r->offsets[i], was_c, size_of_c);
		copy_now(r);
		return submit_next(queue, 0, NULL, fence);
	}
	int32_t result = submit_next(queue, 1, infos, fence);
	((int32_t (*)(void *))next[QUEUE_IDLE])(queue);
	was_a = memcpy(realloc(was_a, a_bytes), a, a_bytes);
	was_b = memcpy(realloc(was_b, b_bytes), b, b_bytes);
	was_c = memcpy(realloc(was_c, size_of_c), c + r->offset, size_of_c);
	return result;
}

static int32_t submit(void *queue, uint32_t count, const void *infos, void *fence)
{
	if (fault("abort in submit")) {
		fputs("vn_ring_submit abort on fatal\n", stderr);
		abort();
	}
	if (fault("lost in submit"))
		return -4;
	while (fault("submit hangs"))
		pause();
	if (fault("copies do not wait for dispatches"))
		release();
	const submit_info *s = infos;
	recorded *r = count == 1 && s->buffers == 1 ? find(s->commands[0]) : NULL;
	if (!r || !r->dispatches || r->empty)
		return submit_next(queue, count, infos, fence);

	// From here on only runs. Twenty of them are more than a search makes of one
	// candidate, and fewer than a launch makes.
	const int late = ++runs > 20;
	if (late && fault("lost after the twentieth run"))
		return -4;
	if (late && fault("out of device memory after the twentieth run"))
		return -2;
	if (late && fault("runs are dropped after the twentieth"))
		count = 0; // the fence signals all the same
	if (fault("the fence is early")) {
		held.queue = queue;
		held.commands = s->commands[0];
		return 0;
	}
	// As where copies have an engine of their own, to which the barrier before them means nothing,
	// and which signals the fence.
	if (fault("copies do not wait for dispatches")) {
		copy_now(r);
		held.queue = queue;
		held.commands = s->commands[0];
		return submit_next(queue, 0, NULL, fence);
	}
	if (r->dispatches == 1 && r->size[0] == 512 && ++singles > 12 && fault("single dispatches and their fills are lost")) {
		copy_now(r);
		return submit_next(queue, 0, NULL, fence);
	}
	if (late && (fault("products are remembered") || fault("products are remembered, whatever A is")) && r->size[0] == 128) // and not the peak
		return remember(queue, infos, fence, r);
	int32_t result = submit_next(queue, count, infos, fence);
	const int gross = fault("an element is flipped in some runs"), subtle = fault("an element is doubled or halved in some runs");
	if (late && runs % 7 == 0 && (gross || subtle)) {
		((int32_t (*)(void *))next[QUEUE_IDLE])(queue);
		flip(r, gross ? 0x40000000u : 0x00800000u);
	}
	return result;
}

static int32_t wait(void *device, uint32_t count, void *const *fences, uint32_t all, uint64_t ns)
{
	if (held.queue && fault("the fence is early"))
		return 0;
	if (fault("lost in wait"))
		return -4;
	if (fault("the fence never signals") || (fault("the fence is late") && waits++ % 3 < 2))
		return 2;
	return ((int32_t (*)(void *, uint32_t, void *const *, uint32_t, uint64_t))next[WAIT])(device, count, fences, all, ns);
}

static int32_t device_idle(void *device)
{
	release();
	return ((int32_t (*)(void *))next[DEVICE_IDLE])(device);
}

static int32_t queue_idle(void *queue)
{
	release();
	return ((int32_t (*)(void *))next[QUEUE_IDLE])(queue);
}

static void note(const char *format, uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
	const char *path = getenv("GPUBENCH_RECORD");
	FILE *f = path && *path ? fopen(path, "a") : NULL;
	if (f) {
		fprintf(f, format, a, b, c, d);
		fclose(f);
	}
}

static void bind_sets(void *commands, int32_t point, void *layout, uint32_t first, uint32_t count, void *const *sets, uint32_t offsets,
                      const uint32_t *offset)
{
	if (offsets == 1) {
		note("offset %u\n", *offset, 0, 0, 0);
		recorded *r = find(commands);
		r->offset = *offset;
		r->offsets = realloc(r->offsets, (r->dispatches + 1) * sizeof *r->offsets); // of the dispatch that follows
		r->offsets[r->dispatches] = *offset;
	}
	((void (*)(void *, int32_t, void *, uint32_t, uint32_t, void *const *, uint32_t, const uint32_t *))next[BIND_SETS])(
	    commands, point, layout, first, count, sets, offsets, offset);
}

static void dispatch(void *commands, uint32_t x, uint32_t y, uint32_t z)
{
	note("dispatch %u %u %u\n", x, y, z, 0);
	void (*record)(void *, uint32_t, uint32_t, uint32_t) = (void (*)(void *, uint32_t, uint32_t, uint32_t))next[DISPATCH];
	recorded *r = find(commands);
	r->dispatches++;
	if (r->empty) {
		record(commands, x, y, z);
		return;
	}
	const int fifth = dispatches++ % 5 == 4;
	// As MoltenVK may do: some dispatch of a run is dropped without a word.
	if (fault("every dispatch is dropped") || (fault("a dispatch is dropped") && fifth))
		return;
	if (fault("the last workgroup of every dispatch is skipped") || (fault("the last workgroup of a dispatch is skipped") && fifth)) {
		if (y > 1)
			record(commands, x, y - 1, 1);
		if (x > 1)
			dispatch_base(commands, 0, y - 1, 0, x - 1, 1, 1);
		return;
	}
	if (fault("the middle of some dispatches is missing") && runs > 20 && r->dispatches > 1 && r->dispatches < 4 && y > 2) {
		record(commands, x, 1, 1);
		dispatch_base(commands, 0, y - 1, 0, x, 1, 1);
		return;
	}
	record(commands, x, y, z);
}

static void barrier(void *commands, uint32_t from, uint32_t to, uint32_t flags, uint32_t n, const void *memory, uint32_t nb, const void *buffers,
                    uint32_t ni, const void *images)
{
	const struct {
		int32_t type;
		const void *next;
		uint32_t writes, uses;
	} *m = memory;
	note("barrier %x %x > %x %x\n", from, n ? m->writes : 0, to, n ? m->uses : 0);
	((void (*)(void *, uint32_t, uint32_t, uint32_t, uint32_t, const void *, uint32_t, const void *, uint32_t, const void *))next[BARRIER])(
	    commands, from, to, flags, n, memory, nb, buffers, ni, images);
}

static void copy(void *commands, void *from, void *to, uint32_t count, const uint64_t (*regions)[3])
{
	recorded *r = find(commands);
	for (uint32_t i = 0; i < count && r->copied < 8; i++) {
		r->copies[r->copied].from = from;
		r->copies[r->copied].to = to;
		memcpy(&r->copies[r->copied++].at, regions[i], sizeof *regions);
	}
	((void (*)(void *, void *, void *, uint32_t, const void *))next[COPY])(commands, from, to, count, regions);
}

static void fill(void *commands, void *buffer, uint64_t at, uint64_t size, uint32_t value)
{
	if (singles < 12 || !fault("single dispatches and their fills are lost"))
		((void (*)(void *, void *, uint64_t, uint64_t, uint32_t))next[FILL])(commands, buffer, at, size, value);
}

static void timestamp(void *commands, uint32_t stage, void *pool, uint32_t query)
{
	note("timestamp %u %x\n", query, stage, 0, 0);
	((void (*)(void *, uint32_t, void *, uint32_t))next[TIMESTAMP])(commands, stage, pool, query);
}

static int32_t results(void *device, void *pool, uint32_t first, uint32_t count, size_t size, void *data, uint64_t stride, uint32_t flags)
{
	if (fault("timestamps are not ready"))
		return 1;
	int32_t r = ((int32_t (*)(void *, void *, uint32_t, uint32_t, size_t, void *, uint64_t, uint32_t))next[RESULTS])(
	    device, pool, first, count, size, data, stride, flags);
	uint64_t *ticks = data;
	if (r != 0 || count != 2)
		return r;
	const uint64_t from = ticks[0], to = ticks[1];
	if (fault("timestamps are zero"))
		ticks[0] = ticks[1] = 0;
	if (fault("timestamps are equal"))
		ticks[1] = from;
	if (fault("timestamps run backwards")) {
		ticks[0] = to;
		ticks[1] = from;
	}
	// As where a tick of a 24 MHz counter is taken for a nanosecond, and the reverse.
	if (fault("timestamps are too far apart"))
		ticks[1] = from + (uint64_t)((double)(to - from) * 41.667);
	if (fault("timestamps are too close"))
		ticks[1] = from + (uint64_t)((double)(to - from) / 41.667);
	// As where a tick is longer than is said, and where a clock is slowed down.
	if (fault("timestamps are a fifth too close"))
		ticks[1] = from + (uint64_t)((double)(to - from) / 1.3);
	if (fault("timestamps drift"))
		ticks[1] = from + (uint64_t)((double)(to - from) * (1 - 0.18 * (runs < 100 ? runs : 100) / 100));
	return r;
}

static const function ours[CALLS] = {
    (function)enumerate, (function)properties, (function)properties_2, (function)memory, (function)families,
    (function)allocate, (function)bind_memory, (function)map, (function)pipelines, (function)update_sets, (function)begin,
    (function)push, (function)bind_sets, (function)dispatch, (function)barrier, (function)timestamp,
    (function)copy, (function)fill, (function)submit, (function)wait, (function)device_idle, (function)queue_idle, (function)results,
};

static function get_device(void *device, const char *name)
{
	for (int i = INSTANCE_CALLS; i < CALLS; i++)
		if (strcmp(names[i], name) == 0)
			return ours[i];
	if (strcmp(name, "vkGetDeviceProcAddr") == 0)
		return (function)get_device;
	return next_device_proc(device, name);
}

static function get_instance(void *instance, const char *name)
{
	for (int i = 0; i < CALLS; i++)
		if (strcmp(names[i], name) == 0)
			return ours[i];
	if (strcmp(name, "vkCreateInstance") == 0)
		return (function)create_instance;
	if (strcmp(name, "vkCreateDevice") == 0)
		return (function)create_device;
	if (strcmp(name, "vkGetDeviceProcAddr") == 0)
		return (function)get_device;
	return next_instance_proc ? next_instance_proc(instance, name) : NULL;
}

__attribute__((visibility("default"))) int32_t vkNegotiateLoaderLayerInterfaceVersion(negotiation *n)
{
	n->version = 2;
	n->get_instance = get_instance;
	n->get_device = get_device;
	n->get_physical = NULL;
	return 0;
}
