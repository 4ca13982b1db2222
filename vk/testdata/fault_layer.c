// A Vulkan layer that makes one fault, named by the environment variable
// GPUBENCH_FAULT, and writes what is recorded into the file that GPUBENCH_RECORD
// names. It serves one instance and one device at a time.

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef void (*function)(void);
typedef function (*get_proc)(void *, const char *);

// What vk_layer.h of the loader declares, as far as it is used here.
typedef struct link {
	struct link *next;
	get_proc get_instance, get_other; // get_other: the device's for a device, of physical devices for an instance
} link;
typedef struct chain {
	int32_t type;
	const struct chain *next;
	int32_t function;
	link *links;
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
static int waits, dispatches, runs;
static void *running; // the command buffer that a dispatch was recorded into last

static int fault(const char *name)
{
	const char *f = getenv("GPUBENCH_FAULT");
	return f && strcmp(f, name) == 0;
}

// The calls below this layer. They are looked up when the instance and the device
// are made: later the loader would answer with the top of the chain.
enum { ENUMERATE, PROPERTIES, FAMILIES, INSTANCE_CALLS, ALLOCATE = INSTANCE_CALLS, PIPELINES, SUBMIT, WAIT, DISPATCH, BARRIER, TIMESTAMP, RESULTS, CALLS };
static const char *const names[CALLS] = {
    "vkEnumeratePhysicalDevices", "vkGetPhysicalDeviceProperties", "vkGetPhysicalDeviceQueueFamilyProperties",
    "vkAllocateMemory", "vkCreateComputePipelines", "vkQueueSubmit", "vkWaitForFences", "vkCmdDispatch",
    "vkCmdPipelineBarrier", "vkCmdWriteTimestamp", "vkGetQueryPoolResults",
};
static function next[CALLS];

// take removes this layer from the chain and returns its link.
static link *take(const void *info, int32_t type)
{
	for (chain *c = (chain *)((const chain *)info)->next; c; c = (chain *)c->next)
		if (c->type == type && c->function == LINK_INFO) {
			link *l = c->links;
			c->links = l->next;
			return l;
		}
	return NULL;
}

static int32_t create_instance(const void *info, const void *allocator, void **instance)
{
	link *l = take(info, INSTANCE_CHAIN);
	next_instance_proc = l->get_instance;
	int32_t r = ((int32_t (*)(const void *, const void *, void **))next_instance_proc(NULL, "vkCreateInstance"))(info, allocator, instance);
	the_instance = *instance;
	for (int i = 0; r == 0 && i < INSTANCE_CALLS; i++)
		next[i] = next_instance_proc(*instance, names[i]);
	return r;
}

static int32_t create_device(void *physical, const void *info, const void *allocator, void **device)
{
	if (fault("no device memory"))
		return -2;
	link *l = take(info, DEVICE_CHAIN);
	next_device_proc = l->get_other;
	int32_t r = ((int32_t (*)(void *, const void *, const void *, void **))l->get_instance(the_instance, "vkCreateDevice"))(physical, info, allocator, device);
	for (int i = INSTANCE_CALLS; r == 0 && i < CALLS; i++)
		next[i] = next_device_proc(*device, names[i]);
	waits = dispatches = runs = 0;
	running = NULL;
	return r;
}

static int32_t enumerate(void *instance, uint32_t *count, void **list)
{
	if (fault("all drivers fail"))
		return -3;
	if (fault("no devices")) {
		*count = 0;
		return 0;
	}
	return ((int32_t (*)(void *, uint32_t *, void **))next[ENUMERATE])(instance, count, list);
}

static void properties(void *physical, uint32_t *p)
{
	((void (*)(void *, uint32_t *))next[PROPERTIES])(physical, p);
	if (fault("Vulkan 1.0"))
		p[0] = 1u << 22 | 68;
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

static int32_t pipelines(void *device, void *cache, uint32_t count, const void *infos, const void *allocator, void **out)
{
	if (fault("the compiler fails")) {
		*out = NULL;
		return -1000012000;
	}
	return ((int32_t (*)(void *, void *, uint32_t, const void *, const void *, void **))next[PIPELINES])(
	    device, cache, count, infos, allocator, out);
}

static int32_t submit(void *queue, uint32_t count, const void *infos, void *fence)
{
	if (fault("abort in submit")) {
		fputs("vn_ring_submit abort on fatal\n", stderr);
		abort();
	}
	if (fault("lost in submit"))
		return -4;
	const struct {
		int32_t type;
		const void *next;
		uint32_t waits;
		const void *semaphores, *stages;
		uint32_t buffers;
		void *const *commands;
	} *s = infos;
	// One that works until it is warm: a search is over before that, a launch is not.
	// The fence signals all the same.
	if (fault("runs are dropped after the twentieth") && count == 1 && s->buffers == 1 && s->commands[0] == running && runs++ >= 20)
		count = 0;
	return ((int32_t (*)(void *, uint32_t, const void *, void *))next[SUBMIT])(queue, count, infos, fence);
}

static int32_t wait(void *device, uint32_t count, void *const *fences, uint32_t all, uint64_t ns)
{
	if (fault("lost in wait"))
		return -4;
	if (fault("the fence never signals") || (fault("the fence is late") && waits++ % 3 < 2))
		return 2;
	return ((int32_t (*)(void *, uint32_t, void *const *, uint32_t, uint64_t))next[WAIT])(device, count, fences, all, ns);
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

static void dispatch(void *commands, uint32_t x, uint32_t y, uint32_t z)
{
	note("dispatch %u %u %u\n", x, y, z, 0);
	running = commands;
	// As MoltenVK may do: some dispatch of a run is dropped without a word.
	if (fault("every dispatch is dropped") || (fault("a dispatch is dropped") && dispatches++ % 5 == 4))
		return;
	((void (*)(void *, uint32_t, uint32_t, uint32_t))next[DISPATCH])(commands, x, y, z);
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
	if (fault("timestamps are zero"))
		memset(data, 0, size);
	return r;
}

static const function ours[CALLS] = {
    (function)enumerate, (function)properties, (function)families,
    (function)allocate, (function)pipelines, (function)submit, (function)wait, (function)dispatch,
    (function)barrier, (function)timestamp, (function)results,
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
