//go:build cgo && (linux || darwin)

// The calls of driver.h. The structs are those of vulkan_core.h, whose layout
// never changes; only the ones used here are declared.

#include "driver.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	SUCCESS = 0,
	TIMEOUT = 2,
	ERROR_OUT_OF_HOST_MEMORY = -1,

	STRUCTURE_SUBMIT_INFO = 4,
	STRUCTURE_MAPPED_MEMORY_RANGE = 6,
	STRUCTURE_SHADER_STAGE = 18,
	STRUCTURE_COMPUTE_PIPELINE = 29,
	STRUCTURE_WRITE_DESCRIPTOR_SET = 35,
	STRUCTURE_MEMORY_BARRIER = 46,
	STRUCTURE_FEATURES_2 = 1000059000,
	STRUCTURE_PROPERTIES_2 = 1000059001,
	STRUCTURE_ID_PROPERTIES = 1000071004,
	STRUCTURE_FLOAT16_INT8_FEATURES = 1000082000,
	STRUCTURE_16BIT_STORAGE_FEATURES = 1000083000,
	STRUCTURE_SUBGROUP_PROPERTIES = 1000094000,
	STRUCTURE_MAINTENANCE_3_PROPERTIES = 1000168000,
	STRUCTURE_DRIVER_PROPERTIES = 1000196000,

	DESCRIPTOR_STORAGE_BUFFER = 7,
	DESCRIPTOR_STORAGE_BUFFER_DYNAMIC = 9,
	BIND_POINT_COMPUTE = 1,
	QUEUE_COMPUTE = 0x2,
	SHADER_STAGE_COMPUTE = 0x20,

	STAGE_COMPUTE = 0x800,
	STAGE_TRANSFER = 0x1000,
	STAGE_HOST = 0x4000,
	ACCESS_SHADER_READ = 0x20,
	ACCESS_SHADER_WRITE = 0x40,
	ACCESS_TRANSFER_READ = 0x800,
	ACCESS_TRANSFER_WRITE = 0x1000,
	ACCESS_HOST_READ = 0x2000,
	ACCESS_HOST_WRITE = 0x4000,
};

#define API_1_2 (1u << 22 | 2u << 12)

// One wait is a second at most: some drivers overflow on an endless one.
#define WAIT_NS 1000000000ull

// What stands where a witness is copied to until it is: a NaN that no result and no fill is.
#define NEVER_COPIED 0xffffffffu

static uint64_t now_ns(void)
{
#ifdef __APPLE__
	return clock_gettime_nsec_np(CLOCK_UPTIME_RAW); // CLOCK_MONOTONIC counts microseconds there
#else
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
#endif
}

gb_get_proc gb_open(const char *library, char *why, size_t why_size)
{
	void *lib = dlopen(library, RTLD_NOW | RTLD_LOCAL);
	void *get = lib ? dlsym(lib, "vkGetInstanceProcAddr") : NULL;
	if (!get) {
		const char *e = dlerror();
		snprintf(why, why_size, "%s", e ? e : "it has no vkGetInstanceProcAddr");
		if (lib)
			dlclose(lib);
	}
	return (gb_get_proc)get;
}

uint32_t gb_loader_version(gb_get_proc get)
{
	uint32_t version = 1u << 22;
	int32_t (*f)(uint32_t *) = (int32_t (*)(uint32_t *))get(NULL, "vkEnumerateInstanceVersion");
	if (f) // Vulkan 1.0 has no such call
		f(&version);
	return version;
}

typedef struct {
	char name[256];
	uint32_t version;
} extension;

// More extensions than this have never been, and are a count that nobody has set.
enum { MOST_EXTENSIONS = 4096 };

static int holds(const extension *list, uint32_t n, const char *name)
{
	for (uint32_t i = 0; i < n; i++)
		if (strncmp(list[i].name, name, sizeof list[i].name) == 0)
			return 1;
	return 0;
}

// A list that grows between the two calls comes back cut short, which at worst
// misses an extension that was not there a moment before.
int gb_instance_extension(gb_get_proc get, const char *name)
{
	typedef int32_t (*enumerate)(const char *, uint32_t *, extension *);
	enumerate f = (enumerate)get(NULL, "vkEnumerateInstanceExtensionProperties");
	uint32_t n = 0;
	if (!f || f(NULL, &n, NULL) != SUCCESS || n == 0 || n > MOST_EXTENSIONS)
		return 0;
	const uint32_t room = n;
	extension *list = calloc(n, sizeof *list);
	int found = list && f(NULL, &n, list) >= SUCCESS && holds(list, n < room ? n : room, name);
	free(list);
	return found;
}

int gb_device_extension(gb_get_proc get, void *instance, void *physical, const char *name)
{
	typedef int32_t (*enumerate)(void *, const char *, uint32_t *, extension *);
	enumerate f = (enumerate)get(instance, "vkEnumerateDeviceExtensionProperties");
	uint32_t n = 0;
	if (!f || f(physical, NULL, &n, NULL) != SUCCESS || n == 0 || n > MOST_EXTENSIONS)
		return 0;
	const uint32_t room = n;
	extension *list = calloc(n, sizeof *list);
	int found = list && f(physical, NULL, &n, list) >= SUCCESS && holds(list, n < room ? n : room, name);
	free(list);
	return found;
}

uint32_t gb_device_extensions(gb_get_proc get, void *instance, void *physical)
{
	typedef int32_t (*enumerate)(void *, const char *, uint32_t *, extension *);
	enumerate f = (enumerate)get(instance, "vkEnumerateDeviceExtensionProperties");
	uint32_t n = 0;
	return f && f(physical, NULL, &n, NULL) == SUCCESS ? n : 0;
}

int gb_compute_family(gb_get_proc get, void *instance, void *physical, uint32_t *valid_bits, uint32_t *count)
{
	typedef struct {
		uint32_t flags, count, valid_bits, granularity[3];
	} family;
	typedef void (*query)(void *, uint32_t *, family *);
	query f = (query)get(instance, "vkGetPhysicalDeviceQueueFamilyProperties");
	family list[32];
	uint32_t n = sizeof list / sizeof *list;
	int best = -1;
	*valid_bits = 0;
	if (f)
		f(physical, &n, list);
	else
		n = 0;
	*count = n;
	if (n > sizeof list / sizeof *list)
		return -1;
	for (uint32_t i = 0; i < n; i++) {
		if (!(list[i].flags & QUEUE_COMPUTE) || list[i].count == 0)
			continue;
		if (best < 0 || (*valid_bits == 0 && list[i].valid_bits > 0)) {
			best = (int)i;
			*valid_bits = list[i].valid_bits;
		}
	}
	return best;
}

void gb_describe(gb_get_proc get, void *instance, void *physical, uint32_t api, gb_properties *p)
{
	struct driver {
		int32_t type;
		void *next;
		uint32_t id;
		char name[256], info[256];
		uint8_t conformance[4];
	} driver = {STRUCTURE_DRIVER_PROPERTIES};
	struct id {
		int32_t type;
		void *next;
		uint8_t device[16], driver[16], luid[8];
		uint32_t node_mask, luid_valid;
	} id = {STRUCTURE_ID_PROPERTIES};
	struct subgroup {
		int32_t type;
		void *next;
		uint32_t size, stages, operations, quad;
	} subgroup = {STRUCTURE_SUBGROUP_PROPERTIES, &id};
	struct maintenance3 {
		int32_t type;
		void *next;
		uint32_t max_per_set_descriptors;
		uint64_t max_allocation;
	} maintenance3 = {STRUCTURE_MAINTENANCE_3_PROPERTIES, &subgroup};
	struct properties2 {
		int32_t type;
		void *next;
		uint64_t properties[103]; // VkPhysicalDeviceProperties, read elsewhere
	} properties2 = {STRUCTURE_PROPERTIES_2, &maintenance3};
	struct float16 {
		int32_t type;
		void *next;
		uint32_t float16, int8;
	} float16 = {STRUCTURE_FLOAT16_INT8_FEATURES};
	struct storage16 {
		int32_t type;
		void *next;
		uint32_t storage, uniform_and_storage, push_constant, input_output;
	} storage16 = {STRUCTURE_16BIT_STORAGE_FEATURES};
	struct features2 {
		int32_t type;
		void *next;
		uint32_t features[55]; // VkPhysicalDeviceFeatures
	} features2 = {STRUCTURE_FEATURES_2, &storage16};

	if (api >= API_1_2 || gb_device_extension(get, instance, physical, "VK_KHR_driver_properties"))
		id.next = &driver;
	if (api >= API_1_2 || gb_device_extension(get, instance, physical, "VK_KHR_shader_float16_int8"))
		storage16.next = &float16;

	typedef void (*query)(void *, void *);
	query properties = (query)get(instance, "vkGetPhysicalDeviceProperties2");
	query features = (query)get(instance, "vkGetPhysicalDeviceFeatures2");
	if (properties)
		properties(physical, &properties2);
	if (features)
		features(physical, &features2);

	memset(p, 0, sizeof *p);
	p->driver_id = driver.id;
	memcpy(p->driver_name, driver.name, sizeof p->driver_name - 1);
	memcpy(p->driver_info, driver.info, sizeof p->driver_info - 1);
	memcpy(p->uuid, id.device, sizeof p->uuid);
	p->subgroup_size = subgroup.size;
	p->max_allocation = maintenance3.max_allocation;
	p->float16 = float16.float16;
	p->storage16 = storage16.storage;
}

const char *gb_load(gb_get_proc get, void *instance, void *device, gb_calls *calls)
{
	// The device's own entry points, which skip the loader's dispatch.
	gb_get_proc find = (gb_get_proc)get(instance, "vkGetDeviceProcAddr");
	const struct {
		const char *name;
		gb_function *to;
	} list[] = {
	    {"vkQueueSubmit", &calls->submit},
	    {"vkWaitForFences", &calls->wait},
	    {"vkResetFences", &calls->reset_fences},
	    {"vkCreateComputePipelines", &calls->create_pipelines},
	    {"vkUpdateDescriptorSets", &calls->update_sets},
	    {"vkFlushMappedMemoryRanges", &calls->flush},
	    {"vkInvalidateMappedMemoryRanges", &calls->invalidate},
	    {"vkCmdBindDescriptorSets", &calls->bind_sets},
	    {"vkCmdDispatch", &calls->dispatch},
	    {"vkCmdPipelineBarrier", &calls->barrier},
	    {"vkCmdCopyBuffer", &calls->copy},
	};
	if (!find)
		return "vkGetDeviceProcAddr";
	for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
		*list[i].to = find(device, list[i].name);
		if (!*list[i].to)
			return list[i].name;
	}
	return NULL;
}

int gb_finished(const uint32_t *token)
{
	return __atomic_load_n(token + GB_TOKEN_COPY / sizeof *token, __ATOMIC_ACQUIRE) == *token;
}

gb_timing gb_submit(const gb_calls *calls, void *device, void *queue, void *commands, void *fence, uint32_t *token)
{
	typedef struct {
		int32_t type;
		const void *next;
		uint32_t wait_count;
		void *const *waits;
		const uint32_t *wait_stages;
		uint32_t command_count;
		void *const *commands;
		uint32_t signal_count;
		void *const *signals;
	} submit_info;
	int32_t (*reset)(void *, uint32_t, void *const *) = (int32_t (*)(void *, uint32_t, void *const *))calls->reset_fences;
	int32_t (*submit)(void *, uint32_t, const submit_info *, void *) =
	    (int32_t (*)(void *, uint32_t, const submit_info *, void *))calls->submit;
	int32_t (*wait)(void *, uint32_t, void *const *, uint32_t, uint64_t) =
	    (int32_t (*)(void *, uint32_t, void *const *, uint32_t, uint64_t))calls->wait;
	const submit_info info = {.type = STRUCTURE_SUBMIT_INFO, .command_count = 1, .commands = &commands};
	gb_timing t = {.result = SUCCESS, .call = "vkResetFences"};
	volatile uint32_t *witness = token + GB_TOKEN_WITNESS / sizeof *token;

	t.result = reset(device, 1, &fence);
	if (t.result != SUCCESS)
		return t;
	for (int i = 0; i < GB_WITNESSES; i++)
		witness[i] = NEVER_COPIED;
	__atomic_fetch_add(token, 1, __ATOMIC_RELEASE);
	uint64_t start = now_ns();
	t.call = "vkQueueSubmit";
	t.result = submit(queue, 1, &info, fence);
	if (t.result != SUCCESS)
		return t;
	t.call = "vkWaitForFences";
	do
		t.result = wait(device, 1, &fence, 1, WAIT_NS);
	while (t.result == TIMEOUT);
	t.ns = now_ns() - start;
	t.finished = gb_finished(token);
	for (int i = 0; i < GB_WITNESSES; i++)
		t.witness[i] = witness[i];
	return t;
}

int32_t gb_create_pipeline(const gb_calls *calls, void *device, void *module, void *layout, const uint32_t *ids, const uint32_t *values,
                           uint32_t count, void **pipeline)
{
	typedef struct {
		uint32_t id, offset;
		size_t size;
	} map_entry;
	typedef struct {
		uint32_t count;
		const map_entry *entries;
		size_t size;
		const void *data;
	} specialization_info;
	typedef struct {
		int32_t type;
		const void *next;
		uint32_t flags, stage;
		void *module;
		const char *name;
		const specialization_info *specialization;
	} stage_info;
	typedef struct {
		int32_t type;
		const void *next;
		uint32_t flags;
		stage_info stage;
		void *layout, *base;
		int32_t base_index;
	} pipeline_info;
	typedef int32_t (*create)(void *, void *, uint32_t, const pipeline_info *, const void *, void **);

	map_entry *entries = calloc(count + 1, sizeof *entries);
	if (!entries)
		return ERROR_OUT_OF_HOST_MEMORY;
	for (uint32_t i = 0; i < count; i++)
		entries[i] = (map_entry){ids[i], i * 4, 4};
	const specialization_info specialization = {count, entries, (size_t)count * 4, values};
	const pipeline_info info = {
	    .type = STRUCTURE_COMPUTE_PIPELINE,
	    .stage = {STRUCTURE_SHADER_STAGE, NULL, 0, SHADER_STAGE_COMPUTE, module, "main", &specialization},
	    .layout = layout,
	    .base_index = -1,
	};
	int32_t result = ((create)calls->create_pipelines)(device, NULL, 1, &info, NULL, pipeline);
	free(entries);
	return result;
}

void gb_bind(const gb_calls *calls, void *device, void *set, void *const *buffers, uint32_t count, uint64_t range)
{
	typedef struct {
		void *buffer;
		uint64_t offset, range;
	} buffer_info;
	typedef struct {
		int32_t type;
		const void *next;
		void *set;
		uint32_t binding, element, count;
		int32_t descriptor;
		const void *images;
		const buffer_info *buffers;
		const void *texels;
	} write;
	typedef void (*update)(void *, uint32_t, const write *, uint32_t, const void *);
	for (uint32_t i = 0; i < count; i++) {
		const int last = i == count - 1;
		const buffer_info part = {buffers[i], 0, last ? range : ~0ull};
		const write w = {
		    .type = STRUCTURE_WRITE_DESCRIPTOR_SET,
		    .set = set,
		    .binding = i,
		    .count = 1,
		    .descriptor = last ? DESCRIPTOR_STORAGE_BUFFER_DYNAMIC : DESCRIPTOR_STORAGE_BUFFER,
		    .buffers = &part,
		};
		((update)calls->update_sets)(device, 1, &w, 0, NULL);
	}
}

typedef struct {
	int32_t type;
	const void *next;
	void *memory;
	uint64_t offset, size;
} memory_range;

typedef int32_t (*range_call)(void *, uint32_t, const memory_range *);

int32_t gb_flush(const gb_calls *calls, void *device, void *memory)
{
	const memory_range all = {STRUCTURE_MAPPED_MEMORY_RANGE, NULL, memory, 0, ~0ull};
	return ((range_call)calls->flush)(device, 1, &all);
}

int32_t gb_invalidate(const gb_calls *calls, void *device, void *memory)
{
	const memory_range all = {STRUCTURE_MAPPED_MEMORY_RANGE, NULL, memory, 0, ~0ull};
	return ((range_call)calls->invalidate)(device, 1, &all);
}

static void barrier(const gb_calls *calls, void *commands, uint32_t from, uint32_t writes, uint32_t to, uint32_t uses)
{
	typedef struct {
		int32_t type;
		const void *next;
		uint32_t writes, uses;
	} memory_barrier;
	typedef void (*record)(void *, uint32_t, uint32_t, uint32_t, uint32_t, const memory_barrier *, uint32_t, const void *, uint32_t,
	                       const void *);
	const memory_barrier all = {STRUCTURE_MEMORY_BARRIER, NULL, writes, uses};
	((record)calls->barrier)(commands, from, to, 0, 1, &all, 0, NULL, 0, NULL);
}

void gb_settle(const gb_calls *calls, void *commands)
{
	barrier(calls, commands, STAGE_COMPUTE | STAGE_TRANSFER, ACCESS_SHADER_WRITE | ACCESS_TRANSFER_WRITE,
	        STAGE_COMPUTE | STAGE_TRANSFER | STAGE_HOST,
	        ACCESS_SHADER_READ | ACCESS_SHADER_WRITE | ACCESS_TRANSFER_READ | ACCESS_TRANSFER_WRITE | ACCESS_HOST_READ |
	            ACCESS_HOST_WRITE);
}

void gb_dispatch(const gb_calls *calls, void *commands, void *layout, void *set, uint32_t x, uint32_t y, const gb_places *places)
{
	typedef void (*bind)(void *, int32_t, void *, uint32_t, uint32_t, void *const *, uint32_t, const uint32_t *);
	typedef void (*record)(void *, uint32_t, uint32_t, uint32_t);
	for (uint32_t i = 0, shared = 0; i < places->count; i++) {
		const uint32_t at = i == places->apart ? places->own : places->first + shared++ * (uint32_t)places->step;
		if (i > 0)
			barrier(calls, commands, STAGE_COMPUTE, ACCESS_SHADER_WRITE, STAGE_COMPUTE, ACCESS_SHADER_READ | ACCESS_SHADER_WRITE);
		((bind)calls->bind_sets)(commands, BIND_POINT_COMPUTE, layout, 0, 1, &set, 1, &at);
		((record)calls->dispatch)(commands, x, y, 1);
	}
}

typedef struct {
	uint64_t from_at, to_at, size;
} region;

static void copies(const gb_calls *calls, void *commands, void *from, void *to, uint32_t count, const region *regions)
{
	((void (*)(void *, void *, void *, uint32_t, const region *))calls->copy)(commands, from, to, count, regions);
}

void gb_copy(const gb_calls *calls, void *commands, void *from, uint64_t from_at, void *to, uint64_t to_at, uint64_t size)
{
	copies(calls, commands, from, to, 1, &(region){from_at, to_at, size});
}

void gb_sign(const gb_calls *calls, void *commands, void *token, void *from, const uint64_t *witnesses)
{
	gb_settle(calls, commands);
	if (from) {
		region list[GB_WITNESSES];
		for (int i = 0; i < GB_WITNESSES; i++)
			list[i] = (region){witnesses[i], GB_TOKEN_WITNESS + i * sizeof(uint32_t), sizeof(uint32_t)};
		copies(calls, commands, from, token, GB_WITNESSES, list);
	}
	gb_copy(calls, commands, token, 0, token, GB_TOKEN_COPY, sizeof(uint32_t));
	barrier(calls, commands, STAGE_TRANSFER, ACCESS_TRANSFER_WRITE, STAGE_HOST, ACCESS_HOST_READ);
}
