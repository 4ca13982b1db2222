// A stand-in for libcuda.so.1: a library of the tests that answers the calls which
// package cuda makes as the driver does, and checks their arguments more strictly. It is
// no device: its kernels compute nothing, so nothing that is verified on it can pass.
//
// STANDIN_FAULT, read at each call, makes faults: a list of CALL=RESULT or CALL=RESULT@N,
// divided by spaces, for every call or for those from the Nth on. The result is a
// number, or hang or abort.
//
// STANDIN_MACHINE names a folder with a socket of a test that carries out launches: the
// memory of the devices is then a file in it, and each launch a line on the socket.
//
// STANDIN_CHANGE names a change of the devices, swap, uuid, name, version or gone, for each
// process that starts when the file is there that GPUBENCH_CHANGED names. With
// STANDIN_CHANGE_SOON the first process makes that file.
//
// -DOLD leaves out what a driver of CUDA 9 lacks, -DNO_MEMSET a call that all have.

#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
	SUCCESS = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, NOT_INITIALIZED = 3, INVALID_DEVICE = 101, INVALID_CONTEXT = 201,
	INVALID_PTX = 218, INVALID_HANDLE = 400, NOT_FOUND = 500, NOT_READY = 600, ILLEGAL_ADDRESS = 700, NOT_SUPPORTED = 801,
	CAPTURE_UNSUPPORTED = 900, UNKNOWN = 999,
};

static const struct {
	int result;
	const char *name;
} names[] = {
    {0, "CUDA_SUCCESS"}, {1, "CUDA_ERROR_INVALID_VALUE"}, {2, "CUDA_ERROR_OUT_OF_MEMORY"}, {3, "CUDA_ERROR_NOT_INITIALIZED"},
    {34, "CUDA_ERROR_STUB_LIBRARY"}, {46, "CUDA_ERROR_DEVICE_UNAVAILABLE"}, {100, "CUDA_ERROR_NO_DEVICE"},
    {101, "CUDA_ERROR_INVALID_DEVICE"}, {201, "CUDA_ERROR_INVALID_CONTEXT"}, {209, "CUDA_ERROR_NO_BINARY_FOR_GPU"},
    {214, "CUDA_ERROR_ECC_UNCORRECTABLE"}, {218, "CUDA_ERROR_INVALID_PTX"}, {221, "CUDA_ERROR_JIT_COMPILER_NOT_FOUND"},
    {222, "CUDA_ERROR_UNSUPPORTED_PTX_VERSION"}, {304, "CUDA_ERROR_OPERATING_SYSTEM"}, {400, "CUDA_ERROR_INVALID_HANDLE"},
    {500, "CUDA_ERROR_NOT_FOUND"}, {600, "CUDA_ERROR_NOT_READY"}, {700, "CUDA_ERROR_ILLEGAL_ADDRESS"},
    {701, "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES"}, {702, "CUDA_ERROR_LAUNCH_TIMEOUT"}, {716, "CUDA_ERROR_MISALIGNED_ADDRESS"},
    {226, "CUDA_ERROR_CONTAINED"},
    {719, "CUDA_ERROR_LAUNCH_FAILED"}, {721, "CUDA_ERROR_TENSOR_MEMORY_LEAK"}, {801, "CUDA_ERROR_NOT_SUPPORTED"}, {802, "CUDA_ERROR_SYSTEM_NOT_READY"},
    {803, "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH"}, {804, "CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE"},
    {805, "CUDA_ERROR_MPS_CONNECTION_FAILED"}, {810, "CUDA_ERROR_MPS_CLIENT_TERMINATED"}, {900, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED"},
    {999, "CUDA_ERROR_UNKNOWN"},
};

// The devices. The first is whole; the second is too old; nobody may use the third.
enum { DEVICES = 3 };
static const struct {
	const char *name;
	int major, minor, mode, optin;
} devices[DEVICES] = {
    {"gpubench stand-in, no device", 9, 0, 0, 232448},
    {"gpubench stand-in, an old device", 5, 0, 0, 0},
    {"gpubench stand-in, a prohibited device", 7, 0, 2, 98304},
};

// What becomes of a fault is this.
static int sticky; // the result that every call gives after the device was lost
static int initialized, retained;
static __thread void *current; // context

static void fail(const char *text)
{
	fprintf(stderr, "stand-in: %s\n", text);
	abort();
}

// fault is the result that STANDIN_FAULT asks of this call, 0 for none.
static int fault(const char *call)
{
	enum { CALLS = 64 };
	static struct {
		char name[48];
		int n;
	} counted[CALLS];
	static char was[256];
	const char *list = getenv("STANDIN_FAULT");
	if (!list)
		list = "";
	if (strncmp(was, list, sizeof was - 1)) { // another fault begins anew, with a working device
		snprintf(was, sizeof was, "%s", list);
		memset(counted, 0, sizeof counted);
		sticky = 0;
	}
	int i = 0;
	while (i < CALLS - 1 && counted[i].name[0] && strcmp(counted[i].name, call))
		i++;
	snprintf(counted[i].name, sizeof counted[i].name, "%s", call);
	int n = ++counted[i].n;
	char copy[256], *save = NULL;
	snprintf(copy, sizeof copy, "%s", list);
	for (char *item = strtok_r(copy, " ", &save); item; item = strtok_r(NULL, " ", &save)) {
		char *value = strchr(item, '=');
		if (!value)
			fail("STANDIN_FAULT: an item without =");
		*value++ = 0;
		char *at = strchr(value, '@');
		if (strcmp(item, call) || (at && n < atoi(at + 1)))
			continue;
		if (!strncmp(value, "hang", 4))
			for (;;)
				pause();
		if (!strncmp(value, "abort", 5))
			abort();
		int result = atoi(value);
		if (result == 214 || result == 220 || (result >= 700 && result < 720 && result != 701) || result == 810)
			sticky = result;
		return result;
	}
	return sticky;
}

// Every call begins so; most need a driver that was started, or a context as well.
#define BEGIN(name)                                                                                                                        \
	do {                                                                                                                                   \
		int f = fault(#name);                                                                                                              \
		if (f)                                                                                                                             \
			return f;                                                                                                                      \
	} while (0)
#define STARTED(name)                                                                                                                      \
	do {                                                                                                                                   \
		BEGIN(name);                                                                                                                       \
		if (!initialized)                                                                                                                  \
			return NOT_INITIALIZED;                                                                                                        \
	} while (0)
#define INSIDE(name)                                                                                                                       \
	do {                                                                                                                                   \
		STARTED(name);                                                                                                                     \
		if (!current)                                                                                                                      \
			return INVALID_CONTEXT;                                                                                                        \
	} while (0)

// Objects have a word that tells what they are. Those alive are counted: a context that
// is given back with one is a fault of the program.
enum { CONTEXT = 0x11, STREAM, EVENT, MODULE, FUNCTION, GRAPH, EXEC };
typedef struct object {
	int kind;
	struct object *of;
	uint64_t stamp;  // EVENT: ns
	int recorded;    // EVENT
	char *text;      // MODULE
	int number;      // MODULE, for the machine
	int block[3];    // FUNCTION
	int dynamic;     // FUNCTION: bytes of shared memory allowed
	struct launch *launches; // STREAM that captures, GRAPH, EXEC
	int n, capturing;
} object;

static int alive;
static object context = {.kind = CONTEXT};

static object *new(int kind)
{
	object *o = calloc(1, sizeof *o);
	o->kind = kind;
	alive++;
	return o;
}

static void delete(object *o)
{
	o->kind = 0;
	free(o->launches);
	free(o->text);
	free(o);
	alive--;
}

static int is(void *o, int kind) { return o && ((object *)o)->kind == kind; }

// Device memory: addresses that mean nothing to the host.
#define BASE 0x700000000000ull
#define SIZE (1ull << 30)
enum { MOST = 4096 };
static struct {
	uint64_t at, bytes; // bytes is 0 once freed
} blocks[MOST];
static int block_count;
static uint64_t used;
static unsigned char *arena;

static const char *machine(void) { return getenv("STANDIN_MACHINE"); }

static unsigned char *memory(void)
{
	if (!arena) {
		int fd = -1;
		if (machine()) {
			char path[256];
			snprintf(path, sizeof path, "%s/memory-%d", machine(), (int)getpid());
			fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
			if (fd < 0 || ftruncate(fd, SIZE))
				fail("no file for the memory");
		}
		arena = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE | (fd < 0 ? MAP_ANONYMOUS : 0), fd, 0);
		if (arena == MAP_FAILED)
			fail("no memory");
	}
	return arena;
}

// host is where bytes of device memory really are, NULL when they are not one allocation's.
void *standin_host(uint64_t at, uint64_t bytes)
{
	for (int i = 0; i < block_count; i++)
		if (at >= blocks[i].at && at + bytes <= blocks[i].at + blocks[i].bytes)
			return memory() + (at - BASE);
	return NULL;
}

static int has_changed;

static int change(const char *name)
{
	const char *c = getenv("STANDIN_CHANGE");
	return has_changed && c && !strcmp(c, name);
}

static void look_for_change(void)
{
	const char *path = getenv("GPUBENCH_CHANGED");
	has_changed = path && !access(path, F_OK);
	if (path && getenv("STANDIN_CHANGE_SOON"))
		close(open(path, O_WRONLY | O_CREAT, 0600));
}

int cuInit(unsigned flags)
{
	BEGIN(cuInit);
	if (flags)
		return INVALID_VALUE;
	if (!initialized)
		look_for_change();
	initialized = 1;
	return SUCCESS;
}

int cuGetErrorName(int result, const char **text)
{
	*text = NULL;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (names[i].result == result)
			*text = names[i].name;
	return *text ? SUCCESS : INVALID_VALUE;
}

int cuDriverGetVersion(int *version)
{
	BEGIN(cuDriverGetVersion);
	*version = change("version") ? 12030 : 12040;
	return SUCCESS;
}

int cuDeviceGetCount(int *n)
{
	STARTED(cuDeviceGetCount);
	*n = change("gone") ? 0 : DEVICES;
	return SUCCESS;
}

int cuDeviceGet(int *device, int ordinal)
{
	STARTED(cuDeviceGet);
	if (ordinal < 0 || ordinal >= DEVICES)
		return INVALID_DEVICE;
	if (change("swap") && ordinal < 2)
		ordinal = 1 - ordinal;
	*device = 100 + ordinal; // a handle is no number
	return SUCCESS;
}

#define DEVICE(d)                                                                                                                          \
	do {                                                                                                                                   \
		if ((d) < 100 || (d) >= 100 + DEVICES)                                                                                             \
			return INVALID_DEVICE;                                                                                                         \
	} while (0)

int cuDeviceGetName(char *name, int size, int device)
{
	STARTED(cuDeviceGetName);
	DEVICE(device);
	snprintf(name, (size_t)size, "%s%s", devices[device - 100].name, change("name") ? ", renamed" : "");
	return SUCCESS;
}

int cuDeviceTotalMem_v2(size_t *bytes, int device)
{
	STARTED(cuDeviceTotalMem_v2);
	DEVICE(device);
	*bytes = SIZE;
	return SUCCESS;
}

static int uuid_of(unsigned char *uuid, int device)
{
	for (int i = 0; i < 16; i++)
		uuid[i] = (unsigned char)(16 * device + i + change("uuid"));
	return SUCCESS;
}

int cuDeviceGetUuid(unsigned char *uuid, int device)
{
	STARTED(cuDeviceGetUuid);
	DEVICE(device);
	return uuid_of(uuid, device - 100);
}

#ifndef OLD
int cuDeviceGetUuid_v2(unsigned char *uuid, int device)
{
	STARTED(cuDeviceGetUuid_v2);
	DEVICE(device);
	return uuid_of(uuid, device - 100);
}
#endif

int cuDeviceGetAttribute(int *value, int attribute, int device)
{
	STARTED(cuDeviceGetAttribute);
	DEVICE(device);
	static const struct {
		int attribute, value;
	} all[] = {{1, 1024}, {2, 1024}, {3, 1024}, {5, 2147483647}, {6, 65535}, {8, 49152}, {10, 32}, {12, 65536}, {13, 1980000},
	           {16, 132}, {17, 0},   {18, 0},   {32, 1},         {36, 2619000}, {37, 5120}, {38, 52428800}, {39, 2048}, {81, 233472}, {82, 65536}};
	switch (attribute) {
	case 20: *value = devices[device - 100].mode; return SUCCESS;
	case 75: *value = devices[device - 100].major; return SUCCESS;
	case 76: *value = devices[device - 100].minor; return SUCCESS;
	case 97: *value = devices[device - 100].optin; return SUCCESS;
	}
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (all[i].attribute == attribute) {
			*value = all[i].value;
			return SUCCESS;
		}
	return INVALID_VALUE;
}

int cuDevicePrimaryCtxRetain(void **out, int device)
{
	STARTED(cuDevicePrimaryCtxRetain);
	DEVICE(device);
	retained++;
	*out = &context;
	return SUCCESS;
}

int cuDevicePrimaryCtxRelease(int device)
{
	DEVICE(device);
	if (!retained--)
		fail("a context is given back that was not taken");
	if (!retained && alive)
		fail("a context is given back with objects alive in it");
	return fault("cuDevicePrimaryCtxRelease");
}

int cuCtxSetCurrent(void *c)
{
	STARTED(cuCtxSetCurrent);
	if (c && !is(c, CONTEXT))
		return INVALID_CONTEXT;
	current = c;
	return SUCCESS;
}

int cuModuleLoadDataEx(void **module, const void *image, unsigned n, int *options, void **values)
{
	int f = fault("cuModuleLoadDataEx");
	if (f) {
		if (f == INVALID_PTX && n == 2 && options[0] == 5 && options[1] == 6)
			snprintf(values[0], (size_t)values[1], "ptxas application ptx input, line 7; fatal   : Parsing error near 'frobnicate': syntax error\n");
		return f;
	}
	if (!current)
		return INVALID_CONTEXT;
	if (!strstr(image, "\n.version ") || !strstr(image, "\n.target sm_") || !strstr(image, "\n.visible .entry "))
		return INVALID_PTX;
	static int number;
	object *m = new(MODULE);
	m->text = strdup(image);
	m->number = ++number;
	*module = m;
	if (machine()) {
		char path[256];
		snprintf(path, sizeof path, "%s/module-%d-%d.ptx", machine(), (int)getpid(), number);
		FILE *out = fopen(path, "w");
		if (!out || fputs(image, out) < 0 || fclose(out))
			fail("no file for a module");
	}
	return SUCCESS;
}

int cuModuleUnload(void *module)
{
	if (!is(module, MODULE))
		return INVALID_HANDLE;
	object *m = module;
	if (m->of)
		delete(m->of);
	delete(m);
	INSIDE(cuModuleUnload);
	return SUCCESS;
}

int cuModuleGetFunction(void **function, void *module, const char *name)
{
	INSIDE(cuModuleGetFunction);
	if (!is(module, MODULE))
		return INVALID_HANDLE;
	object *m = module;
	char entry[256];
	snprintf(entry, sizeof entry, "\n.visible .entry %s(", name);
	char *at = strstr(m->text, entry), *size = at ? strstr(at, "\n.reqntid ") : NULL;
	if (!at || !size)
		return NOT_FOUND;
	object *o = new(FUNCTION);
	if (sscanf(size, "\n.reqntid %d, %d, %d", &o->block[0], &o->block[1], &o->block[2]) != 3)
		fail("no .reqntid");
	o->of = m;
	m->of = o;
	*function = o;
	return SUCCESS;
}

int cuFuncGetAttribute(int *value, int attribute, void *function)
{
	INSIDE(cuFuncGetAttribute);
	if (!is(function, FUNCTION))
		return INVALID_HANDLE;
	const char *threads = getenv("STANDIN_THREADS");
	switch (attribute) {
	case 0: *value = threads ? atoi(threads) : 1024; return SUCCESS;
	case 4: *value = 168; return SUCCESS;
	}
	return INVALID_VALUE;
}

int cuFuncSetAttribute(void *function, int attribute, int value)
{
	INSIDE(cuFuncSetAttribute);
	if (!is(function, FUNCTION))
		return INVALID_HANDLE;
	if (attribute != 8 || value < 0 || value > devices[0].optin)
		return INVALID_VALUE;
	((object *)function)->dynamic = value;
	return SUCCESS;
}

int cuMemAlloc_v2(uint64_t *at, size_t bytes)
{
	INSIDE(cuMemAlloc_v2);
	if (!bytes || block_count == MOST)
		return INVALID_VALUE;
	if (used + bytes + 512 > SIZE)
		return OUT_OF_MEMORY;
	*at = BASE + used;
	blocks[block_count].at = *at;
	blocks[block_count++].bytes = bytes;
	used += (bytes + 256 + 255) / 256 * 256; // with a gap
	alive++;
	return SUCCESS;
}

int cuMemFree_v2(uint64_t at)
{
	for (int i = 0; i < block_count; i++)
		if (blocks[i].at == at && blocks[i].bytes) {
			madvise(memory() + (at - BASE), blocks[i].bytes / 4096 * 4096, MADV_REMOVE);
			blocks[i].bytes = 0;
			alive--;
			INSIDE(cuMemFree_v2);
			return SUCCESS;
		}
	return INVALID_VALUE;
}

int cuMemAllocHost_v2(void **at, size_t bytes)
{
	INSIDE(cuMemAllocHost_v2);
	*at = malloc(bytes);
	if (!*at)
		return OUT_OF_MEMORY;
	alive++;
	return SUCCESS;
}

int cuMemFreeHost(void *at)
{
	free(at);
	alive--;
	INSIDE(cuMemFreeHost);
	return SUCCESS;
}

#define IN_STREAM(name, s)                                                                                                                 \
	INSIDE(name);                                                                                                                          \
	if (!is(s, STREAM))                                                                                                                    \
	return INVALID_HANDLE

// What is no launch cannot be recorded here.
#define NOT_CAPTURING(s)                                                                                                                   \
	if (((object *)(s))->capturing)                                                                                                        \
	return CAPTURE_UNSUPPORTED

int cuMemcpyHtoDAsync_v2(uint64_t to, const void *from, size_t bytes, void *stream)
{
	IN_STREAM(cuMemcpyHtoDAsync_v2, stream);
	NOT_CAPTURING(stream);
	void *p = standin_host(to, bytes);
	if (!p)
		return INVALID_VALUE;
	memcpy(p, from, bytes);
	return SUCCESS;
}

int cuMemcpyDtoHAsync_v2(void *to, uint64_t from, size_t bytes, void *stream)
{
	IN_STREAM(cuMemcpyDtoHAsync_v2, stream);
	NOT_CAPTURING(stream);
	void *p = standin_host(from, bytes);
	if (!p)
		return INVALID_VALUE;
	// A stream that is said to be idle before its last copies are done.
	if (bytes == 4 && getenv("STANDIN_EARLY"))
		return SUCCESS;
	memcpy(to, p, bytes);
	return SUCCESS;
}

#ifndef NO_MEMSET
int cuMemsetD32Async(uint64_t to, unsigned value, size_t n, void *stream)
{
	IN_STREAM(cuMemsetD32Async, stream);
	NOT_CAPTURING(stream);
	unsigned *p = standin_host(to, 4 * n);
	if (!p || to % 4)
		return INVALID_VALUE;
	for (size_t i = 0; i < n; i++)
		p[i] = value;
	return SUCCESS;
}
#endif

int cuStreamCreate(void **stream, unsigned flags)
{
	INSIDE(cuStreamCreate);
	if (flags > 1)
		return INVALID_VALUE;
	*stream = new(STREAM);
	return SUCCESS;
}

int cuStreamDestroy_v2(void *stream)
{
	if (!is(stream, STREAM))
		return INVALID_HANDLE;
	delete(stream);
	INSIDE(cuStreamDestroy_v2);
	return SUCCESS;
}

int cuStreamSynchronize(void *stream)
{
	IN_STREAM(cuStreamSynchronize, stream);
	NOT_CAPTURING(stream);
	return SUCCESS;
}

int cuEventCreate(void **event, unsigned flags)
{
	INSIDE(cuEventCreate);
	if (flags)
		return INVALID_VALUE;
	*event = new(EVENT);
	return SUCCESS;
}

int cuEventDestroy_v2(void *event)
{
	if (!is(event, EVENT))
		return INVALID_HANDLE;
	delete(event);
	INSIDE(cuEventDestroy_v2);
	return SUCCESS;
}

int cuEventRecord(void *event, void *stream)
{
	IN_STREAM(cuEventRecord, stream);
	NOT_CAPTURING(stream);
	if (!is(event, EVENT))
		return INVALID_HANDLE;
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	object *e = event;
	e->stamp = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
	e->recorded = 1;
	return SUCCESS;
}

int cuEventQuery(void *event)
{
	INSIDE(cuEventQuery);
	return is(event, EVENT) ? SUCCESS : INVALID_HANDLE;
}

int cuEventElapsedTime(float *ms, void *from, void *to)
{
	INSIDE(cuEventElapsedTime);
	if (!is(from, EVENT) || !is(to, EVENT) || !((object *)from)->recorded || !((object *)to)->recorded)
		return INVALID_HANDLE;
	*ms = (float)(((object *)to)->stamp - ((object *)from)->stamp) / 1e6f;
	return SUCCESS;
}

// A launch, as a stream that captures and a graph keep it: a kernel's, or a product of
// cuBLAS that another library carries out.
typedef struct launch {
	object *function;
	unsigned grid[3], block[3], shared;
	uint64_t buffers[3];
	uint32_t push[3];
	int (*foreign)(const void *);
	char work[128];
} launch;

// carry_out asks the test's machine for a launch and waits for it.
static int carry_out(const launch *l)
{
	if (l->foreign)
		return l->foreign(l->work);
	if (!machine())
		return SUCCESS;
	static int s = -1;
	static FILE *in;
	if (s < 0) {
		struct sockaddr_un address = {.sun_family = AF_UNIX};
		snprintf(address.sun_path, sizeof address.sun_path, "%s/socket", machine());
		s = socket(AF_UNIX, SOCK_STREAM, 0);
		if (s < 0 || connect(s, (struct sockaddr *)&address, sizeof address))
			fail("no machine answers");
		in = fdopen(s, "r");
	}
	char line[512], answer[512];
	int n = snprintf(line, sizeof line, "%d %d %u %u %u", (int)getpid(), l->function->of->number, l->grid[0], l->grid[1], l->shared);
	for (int i = 0; i < 3; i++) {
		uint64_t end = 0;
		for (int j = 0; j < block_count; j++)
			if (l->buffers[i] >= blocks[j].at && l->buffers[i] < blocks[j].at + blocks[j].bytes)
				end = blocks[j].at + blocks[j].bytes;
		if (!end)
			return ILLEGAL_ADDRESS;
		n += snprintf(line + n, sizeof line - (size_t)n, " %llu %llu", (unsigned long long)(l->buffers[i] - BASE), (unsigned long long)(end - BASE));
	}
	n += snprintf(line + n, sizeof line - (size_t)n, " %u %u %u\n", l->push[0], l->push[1], l->push[2]);
	if (write(s, line, (size_t)n) != n || !fgets(answer, sizeof answer, in))
		fail("the machine is gone");
	if (strcmp(answer, "ok\n")) {
		fprintf(stderr, "stand-in: %s", answer);
		return sticky = ILLEGAL_ADDRESS;
	}
	return SUCCESS;
}

// standin_launch gives a launch to a stream.
static int give(object *stream, const launch *l)
{
	if (!stream->capturing)
		return carry_out(l);
	stream->launches = realloc(stream->launches, (size_t)(stream->n + 1) * sizeof *l);
	stream->launches[stream->n++] = *l;
	return SUCCESS;
}

int standin_foreign(void *stream, int (*foreign)(const void *), const void *work, size_t size)
{
	if (!is(stream, STREAM) || size > sizeof((launch *)0)->work)
		return INVALID_HANDLE;
	launch l = {.foreign = foreign};
	memcpy(l.work, work, size);
	return give(stream, &l);
}

int cuLaunchKernel(void *function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared, void *stream,
                   void **parameters, void **extra)
{
	IN_STREAM(cuLaunchKernel, stream);
	if (!is(function, FUNCTION))
		return INVALID_HANDLE;
	object *f = function;
	if (!gx || !gy || gz != 1 || gx > 2147483647 || gy > 65535 || (int)bx != f->block[0] || (int)by != f->block[1] || (int)bz != f->block[2] || extra ||
	    (shared > 49152 && (int)shared > f->dynamic))
		return INVALID_VALUE;
	launch l = {.function = f, .grid = {gx, gy, gz}, .block = {bx, by, bz}, .shared = shared};
	for (int i = 0; i < 3; i++) {
		memcpy(&l.buffers[i], parameters[i], 8);
		if (!standin_host(l.buffers[i], 4) || l.buffers[i] % 16)
			return sticky = l.buffers[i] % 16 ? 716 : ILLEGAL_ADDRESS;
	}
	memcpy(l.push, parameters[3], 12);
	return give(stream, &l);
}

#ifndef OLD
int cuStreamBeginCapture_v2(void *stream, int mode)
{
	IN_STREAM(cuStreamBeginCapture_v2, stream);
	object *s = stream;
	if (mode < 0 || mode > 2 || s->capturing)
		return INVALID_VALUE;
	s->capturing = 1;
	return SUCCESS;
}

int cuStreamEndCapture(void *stream, void **graph)
{
	*graph = NULL;
	if (!is(stream, STREAM) || !((object *)stream)->capturing)
		return INVALID_HANDLE;
	object *s = stream, *g = new(GRAPH);
	g->launches = s->launches;
	g->n = s->n;
	s->launches = NULL;
	s->n = s->capturing = 0;
	int f = fault("cuStreamEndCapture");
	if (f) {
		delete(g);
		return f;
	}
	*graph = g;
	return SUCCESS;
}

int cuGraphInstantiateWithFlags(void **exec, void *graph, unsigned long long flags)
{
	INSIDE(cuGraphInstantiateWithFlags);
	if (!is(graph, GRAPH) || flags)
		return INVALID_VALUE;
	object *g = graph, *e = new(EXEC);
	e->n = g->n;
	e->launches = malloc((size_t)g->n * sizeof *e->launches);
	memcpy(e->launches, g->launches, (size_t)g->n * sizeof *e->launches);
	*exec = e;
	return SUCCESS;
}

int cuGraphUpload(void *exec, void *stream)
{
	IN_STREAM(cuGraphUpload, stream);
	return is(exec, EXEC) ? SUCCESS : INVALID_HANDLE;
}

int cuGraphLaunch(void *exec, void *stream)
{
	IN_STREAM(cuGraphLaunch, stream);
	NOT_CAPTURING(stream);
	if (!is(exec, EXEC))
		return INVALID_HANDLE;
	object *e = exec;
	for (int i = 0; i < e->n; i++) {
		int r = carry_out(&e->launches[i]);
		if (r)
			return r;
	}
	return SUCCESS;
}

int cuGraphDestroy(void *graph)
{
	if (!is(graph, GRAPH))
		return INVALID_HANDLE;
	delete(graph);
	INSIDE(cuGraphDestroy);
	return SUCCESS;
}

int cuGraphExecDestroy(void *exec)
{
	if (!is(exec, EXEC))
		return INVALID_HANDLE;
	delete(exec);
	INSIDE(cuGraphExecDestroy);
	return SUCCESS;
}
#endif
