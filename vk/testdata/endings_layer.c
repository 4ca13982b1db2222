// A Vulkan layer that ends, hangs and says nonsense where a driver may: while devices are
// listed, in a submit, and while a device is closed. GPUBENCH_ENDING names the fault, or
// gives values that the driver below does not, as in "memoryTypeCount=33 apiVersion=0".
// It serves one instance and one device at a time.

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

static int fault(const char *name)
{
	const char *f = getenv("GPUBENCH_ENDING");
	return f && strcmp(f, name) == 0;
}

// value is what stands behind name= in the variable; a return of 0 says that nothing does.
static int value(const char *name, double *out)
{
	const char *f = getenv("GPUBENCH_ENDING");
	const size_t n = strlen(name);
	for (const char *at = f ? strstr(f, name) : NULL; at; at = strstr(at + 1, name))
		if (at[n] == '=' && (at == f || at[-1] == ' ')) {
			*out = strtod(at + n + 1, NULL);
			return 1;
		}
	return 0;
}

static void set32(const char *name, void *p, size_t at)
{
	double v;
	if (value(name, &v))
		((uint32_t *)p)[at] = (uint32_t)(int64_t)v;
}

static void hang(void)
{
	for (;;)
		pause();
}

enum {
	ENUMERATE, PROPERTIES, MEMORY, FAMILIES, EXTENSIONS, INSTANCE_CALLS,
	DESTROY_DEVICE = INSTANCE_CALLS, MAP, REQUIREMENTS, SUBMIT, CREATE_BUFFER, ALLOCATE, CALLS,
};
static const char *const names[CALLS] = {
    "vkEnumeratePhysicalDevices", "vkGetPhysicalDeviceProperties", "vkGetPhysicalDeviceMemoryProperties",
    "vkGetPhysicalDeviceQueueFamilyProperties", "vkEnumerateDeviceExtensionProperties",
    "vkDestroyDevice", "vkMapMemory", "vkGetBufferMemoryRequirements", "vkQueueSubmit", "vkCreateBuffer", "vkAllocateMemory",
};
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

static int32_t create_instance(const void *info, const void *allocator, void **instance)
{
	layer_link *l = take(info, INSTANCE_CHAIN);
	next_instance_proc = l->get_instance;
	int32_t r = ((int32_t (*)(const void *, const void *, void **))next_instance_proc(NULL, "vkCreateInstance"))(info, allocator, instance);
	the_instance = *instance;
	for (int i = 0; r == 0 && i < INSTANCE_CALLS; i++)
		next[i] = next_instance_proc(*instance, names[i]);
	return r;
}

static int32_t create_device(void *physical, const void *info, const void *allocator, void **device)
{
	layer_link *l = take(info, DEVICE_CHAIN);
	next_device_proc = l->get_other;
	int32_t r = ((int32_t (*)(void *, const void *, const void *, void **))l->get_instance(the_instance, "vkCreateDevice"))(physical, info, allocator, device);
	for (int i = INSTANCE_CALLS; r == 0 && i < CALLS; i++)
		next[i] = next_device_proc(*device, names[i]);
	return r;
}

static int32_t enumerate(void *instance, uint32_t *count, void **list)
{
	if (fault("listing aborts")) {
		fputs("MESA-VIRTIO: debug: vn_ring_submit abort on fatal\n", stderr);
		abort();
	}
	if (fault("listing crashes"))
		raise(SIGSEGV);
	if (fault("listing exits")) {
		fputs("the driver has had enough\n", stderr);
		_exit(9);
	}
	if (fault("listing hangs")) {
		fputs("waiting for the ring of the host\n", stderr);
		hang();
	}
	if (fault("listing loses the device"))
		return -4;
	if (fault("the server is gone")) {
		fputs("MESA-VIRTIO: vtest: failed to connect to /tmp/.virgl_test\n", stderr);
		return -3;
	}
	int32_t r = ((int32_t (*)(void *, uint32_t *, void **))next[ENUMERATE])(instance, count, list);
	double v;
	if (value("deviceCount", &v) && !list)
		*count = (uint32_t)(int64_t)v;
	return r;
}

// VkPhysicalDeviceProperties in words of 4 bytes: the version, driver, vendor, device and kind,
// 64 of the name, 4 of a UUID, padding, and the limits from 74 on.
static void properties(void *physical, uint32_t *p)
{
	((void (*)(void *, uint32_t *))next[PROPERTIES])(physical, p);
	set32("apiVersion", p, 0);
	if (fault("the name has no end"))
		memset(p + 5, 'x', 256);
	if (fault("the name is rubbish"))
		memset(p + 5, 0xff, 255);
	char *limits = (char *)p + 296;
	set32("maxStorageBufferRange", limits, 7);
	set32("maxPushConstantsSize", limits, 8);
	set32("maxMemoryAllocationCount", limits, 9);
	set32("maxComputeSharedMemorySize", limits, 54);
	for (int i = 0; i < 3; i++) {
		set32("maxComputeWorkGroupCount", limits, 55 + i);
		set32("maxComputeWorkGroupSize", limits, 59 + i);
	}
	set32("maxComputeWorkGroupInvocations", limits, 58);
	double v;
	if (value("minStorageBufferOffsetAlignment", &v))
		*(uint64_t *)(limits + 328) = (uint64_t)v;
	if (value("timestampPeriod", &v))
		*(float *)(limits + 424) = (float)v;
}

// VkPhysicalDeviceMemoryProperties: a count, 32 types of 8 bytes, a count, 16 heaps of 16.
static void memory(void *physical, uint32_t *p)
{
	((void (*)(void *, uint32_t *))next[MEMORY])(physical, p);
	set32("memoryTypeCount", p, 0);
	set32("memoryHeapCount", p, 65);
	double v;
	if (value("heapSize", &v))
		for (int i = 0; i < 16; i++)
			*(uint64_t *)(p + 66 + 4 * i) = v < 1.8e19 ? (uint64_t)v : ~0ull;
}

static void families(void *physical, uint32_t *count, uint32_t (*list)[6])
{
	((void (*)(void *, uint32_t *, uint32_t (*)[6]))next[FAMILIES])(physical, count, list);
	double v;
	if (value("queueFamilyCount", &v))
		*count = (uint32_t)(int64_t)v;
	if (list)
		set32("timestampValidBits", list[0], 2);
}

static int32_t extensions(void *physical, const char *layer, uint32_t *count, void *list)
{
	if (layer && strcmp(layer, "VK_LAYER_GPUBENCH_endings") == 0) {
		*count = 0;
		return 0;
	}
	const uint32_t room = *count;
	int32_t r = ((int32_t (*)(void *, const char *, uint32_t *, void *))next[EXTENSIONS])(physical, layer, count, list);
	double v;
	if (value("extensionCount", &v) && !list)
		*count = (uint32_t)(int64_t)v;
	if (value("extensionCountAgain", &v) && list && room)
		*count = (uint32_t)(int64_t)v;
	if (fault("extensions have no end") && list)
		for (uint32_t i = 0; i < *count; i++)
			memset((char *)list + 260 * i, 'x', 260);
	return r;
}

static void destroy_device(void *device, const void *allocator)
{
	if (fault("closing hangs"))
		hang();
	if (fault("closing aborts"))
		abort();
	((void (*)(void *, const void *))next[DESTROY_DEVICE])(device, allocator);
}

static int32_t map(void *device, void *memory, uint64_t offset, uint64_t size, uint32_t flags, void **at)
{
	int32_t r = ((int32_t (*)(void *, void *, uint64_t, uint64_t, uint32_t, void **))next[MAP])(device, memory, offset, size, flags, at);
	if (fault("a mapping is NULL"))
		*at = NULL;
	if (fault("a mapping is odd"))
		*at = (char *)*at + 1;
	return r;
}

static void requirements(void *device, void *buffer, uint64_t *r)
{
	((void (*)(void *, void *, uint64_t *))next[REQUIREMENTS])(device, buffer, r);
	double v;
	if (value("bufferSize", &v))
		r[0] = v < 1.8e19 ? (uint64_t)v : ~0ull;
	if (value("memoryTypeBits", &v))
		*(uint32_t *)(r + 2) = (uint32_t)(int64_t)v;
}

static int32_t create_buffer(void *device, const void *info, const void *allocator, void **buffer)
{
	int32_t r = ((int32_t (*)(void *, const void *, const void *, void **))next[CREATE_BUFFER])(device, info, allocator, buffer);
	if (fault("a buffer is NULL"))
		*buffer = NULL;
	return r;
}

static int32_t allocate(void *device, const void *info, const void *allocator, void **memory)
{
	int32_t r = ((int32_t (*)(void *, const void *, const void *, void **))next[ALLOCATE])(device, info, allocator, memory);
	if (fault("memory is NULL"))
		*memory = NULL;
	return r;
}

// each calls f for every pipe that is open beside the standard streams.
static void each(void (*f)(int))
{
	struct stat s;
	for (int fd = 3; fd < 1024; fd++)
		if (fstat(fd, &s) == 0 && S_ISFIFO(s.st_mode))
			f(fd);
}

static void forge(int fd)
{
	static const char lines[] = "{\"event\":\"sample\",\"sample\":{\"host_s\":0.000001,\"device_s\":null,\"dispatches\":1000,\"flags\":[]}}\n";
	if (write(fd, lines, sizeof lines - 1) < 0)
		perror("forge");
}

static void close_it(int fd) { close(fd); }

static int32_t submit(void *queue, uint32_t count, const void *infos, void *fence)
{
	if (fault("samples are written to every pipe"))
		each(forge);
	if (fault("every pipe is closed"))
		each(close_it);
	if (fault("the group is left and the process stopped")) {
		setpgid(0, getpgid(getppid()));
		raise(SIGSTOP);
		hang();
	}
	return ((int32_t (*)(void *, uint32_t, const void *, void *))next[SUBMIT])(queue, count, infos, fence);
}

static const function ours[CALLS] = {
    (function)enumerate, (function)properties, (function)memory, (function)families, (function)extensions,
    (function)destroy_device, (function)map, (function)requirements, (function)submit, (function)create_buffer, (function)allocate,
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
