//go:build cgo && linux

// The rim of the CUDA driver: finding its calls, and the timed path.

#include "driver.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { NOT_FOUND = 500 };

// What stands where a witness is copied to until it is: a NaN that no result and no fill is.
#define NEVER_COPIED 0xffffffffu

#define POINTER(name, symbol, parameters, arguments) static int(*p_##name) parameters;
NV_NEEDED(POINTER)
NV_OPTIONAL(POINTER)

#define WRAP(name, symbol, parameters, arguments)                                                                                          \
	int nv_##name parameters { return p_##name ? p_##name arguments : NOT_FOUND; }
NV_NEEDED(WRAP)
NV_OPTIONAL(WRAP)

// open_library returns a library, or NULL with what the loader says of it.
static void *open_library(const char *name, char *why, size_t size)
{
	void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
	if (library)
		return library;
	const char *said = dlerror();
	snprintf(why, size, "%s", said ? said : "dlopen gives no reason");
	return NULL;
}

int nv_open(const char *name, char *why, size_t size)
{
	void *library = open_library(name, why, size);
	if (!library)
		return 1;
#define FIND(name, symbol, parameters, arguments) *(void **)&p_##name = dlsym(library, symbol);
	NV_NEEDED(FIND)
	NV_OPTIONAL(FIND)
#define CHECK(name, symbol, parameters, arguments)                                                                                         \
	if (!p_##name) {                                                                                                                       \
		snprintf(why, size, "it has no %s", symbol);                                                                                       \
		return 2;                                                                                                                          \
	}
	NV_NEEDED(CHECK)
	return 0;
}

int nv_load_ptx(void **module, const char *text, char *log, size_t size)
{
	enum { ERROR_LOG_BUFFER = 5, ERROR_LOG_BUFFER_SIZE_BYTES = 6 };
	int options[] = {ERROR_LOG_BUFFER, ERROR_LOG_BUFFER_SIZE_BYTES};
	void *values[] = {log, (void *)(size - 1)};
	memset(log, 0, size);
	return nv_module_load(module, text, 2, options, values);
}

// cuBLAS.

enum { BLAS_SUCCESS = 0, BLAS_NO_TRANSPOSE = 0 };

static struct {
	int (*create)(void **), (*destroy)(void *), (*set_stream)(void *, void *), (*set_mode)(void *, int), (*version)(void *, int *);
	int (*sgemm)(void *, int, int, int, int, int, const float *, const float *, int, const float *, int, const float *, float *, int);
} blas;

int nv_blas_open(const char *name, char *why, size_t size)
{
	void *library = open_library(name, why, size);
	if (!library)
		return 1;
	const struct {
		const char *symbol;
		void **to;
	} list[] = {
	    {"cublasCreate_v2", (void **)&blas.create},       {"cublasDestroy_v2", (void **)&blas.destroy},
	    {"cublasSetStream_v2", (void **)&blas.set_stream}, {"cublasSetMathMode", (void **)&blas.set_mode},
	    {"cublasGetVersion_v2", (void **)&blas.version},  {"cublasSgemm_v2", (void **)&blas.sgemm},
	};
	for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
		*list[i].to = dlsym(library, list[i].symbol);
		if (!*list[i].to) {
			snprintf(why, size, "it has no %s", list[i].symbol);
			return 2;
		}
	}
	return 0;
}

nv_outcome nv_blas_create(void **handle, void *stream, int mode, int *version)
{
	nv_outcome o = {.blas = 1, .call = "cublasCreate"};
	*handle = NULL;
	if ((o.result = blas.create(handle)) != BLAS_SUCCESS)
		return o;
	o.call = "cublasSetStream";
	if ((o.result = blas.set_stream(*handle, stream)) != BLAS_SUCCESS)
		return o;
	o.call = "cublasSetMathMode";
	if ((o.result = blas.set_mode(*handle, mode)) != BLAS_SUCCESS)
		return o;
	o.call = "cublasGetVersion";
	o.result = blas.version(*handle, version);
	return o;
}

void nv_blas_destroy(void *handle)
{
	if (handle)
		blas.destroy(handle);
}

// dispatch gives one dispatch to the stream.
static int dispatch(const nv_batch *b, uint32_t i, nv_outcome *o)
{
	nv_ptr a = b->a, bb = b->b, c = i == b->apart ? b->own : b->c + (nv_ptr)((int64_t)(i - (i > b->apart)) * b->step);
	if (b->function) {
		uint32_t push[3] = {b->m, b->n, b->k};
		void *parameters[] = {&a, &bb, &c, push};
		o->call = "cuLaunchKernel";
		o->result = nv_launch(b->function, b->grid[0], b->grid[1], 1, b->block[0], b->block[1], 1, b->shared, b->stream, parameters, NULL);
	} else {
		// Columns are what cuBLAS stores one after the other, so it is given the
		// transposes: C^T = B^T A^T.
		const float one = 1, zero = 0;
		o->call = "cublasSgemm";
		o->result = blas.sgemm(b->blas, BLAS_NO_TRANSPOSE, BLAS_NO_TRANSPOSE, (int)b->n, (int)b->m, (int)b->k, &one, (const float *)bb, (int)b->n,
		                       (const float *)a, (int)b->k, &zero, (float *)c, (int)b->n);
		o->blas = o->result != BLAS_SUCCESS;
	}
	return o->result == 0;
}

static int dispatch_all(const nv_batch *b, nv_outcome *o)
{
	for (uint32_t i = 0; i < b->count; i++)
		if (!dispatch(b, i, o))
			return 0;
	return 1;
}

nv_outcome nv_record(nv_batch *b)
{
	nv_outcome o = {.call = "cuStreamBeginCapture"};
	void *graph = NULL;
	b->graph = NULL;
	if ((o.result = nv_capture_begin(b->stream, NV_CAPTURE_RELAXED)) != NV_SUCCESS)
		return o;
	int good = dispatch_all(b, &o);
	int ended = nv_capture_end(b->stream, &graph);
	if (good) {
		o.call = "cuStreamEndCapture";
		o.result = ended;
	}
	if (o.result == NV_SUCCESS) {
		o.call = "cuGraphInstantiate";
		o.result = nv_graph_instantiate(&b->graph, graph, 0);
	}
	if (graph)
		nv_graph_destroy(graph);
	if (o.result != NV_SUCCESS) {
		b->graph = NULL;
		return o;
	}
	// The first launch would do it otherwise.
	o.call = "cuGraphUpload";
	o.result = nv_graph_upload(b->graph, b->stream);
	if (o.result == NV_SUCCESS) {
		o.call = "cuStreamSynchronize";
		o.result = nv_stream_synchronize(b->stream);
	}
	return o;
}

static uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

nv_outcome nv_submit(const nv_batch *b)
{
	nv_outcome o = {.call = "cuEventRecord"};
	volatile uint32_t *shown = b->shown;
	for (int i = 0; i < NV_WITNESSES; i++)
		shown[i] = NEVER_COPIED;
	const uint64_t start = now_ns();
	if ((o.result = nv_event_record(b->begin, b->stream)) != NV_SUCCESS)
		return o;
	if (b->graph) {
		o.call = "cuGraphLaunch";
		if ((o.result = nv_graph_launch(b->graph, b->stream)) != NV_SUCCESS)
			return o;
	} else if (!dispatch_all(b, &o)) {
		return o;
	}
	o.call = "cuEventRecord";
	if ((o.result = nv_event_record(b->end, b->stream)) != NV_SUCCESS)
		return o;
	o.call = "cuMemcpyDtoHAsync";
	for (int i = 0; i < NV_WITNESSES; i++)
		if ((o.result = nv_to_host(b->shown + i, b->witness[i], sizeof *b->shown, b->stream)) != NV_SUCCESS)
			return o;
	o.call = "cuStreamSynchronize";
	if ((o.result = nv_stream_synchronize(b->stream)) != NV_SUCCESS)
		return o;
	o.ns = now_ns() - start;
	for (int i = 0; i < NV_WITNESSES; i++)
		o.witness[i] = shown[i];
	o.call = "cuEventQuery";
	o.result = nv_event_query(b->end);
	o.finished = o.result == NV_SUCCESS;
	if (o.result == NV_NOT_READY) {
		o.result = NV_SUCCESS;
		return o;
	}
	if (o.result != NV_SUCCESS)
		return o;
	float ms = 0;
	o.call = "cuEventElapsedTime";
	o.result = nv_event_elapsed(&ms, b->begin, b->end);
	o.device = (double)ms / 1e3;
	return o;
}
