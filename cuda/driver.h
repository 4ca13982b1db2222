// The calls of the CUDA driver and of cuBLAS that package cuda makes, declared here so
// that building needs no toolkit. Types, values and signatures are those of NVIDIA's
// cuda.h and cublas_v2.h.

#ifndef GPUBENCH_CUDA_DRIVER_H
#define GPUBENCH_CUDA_DRIVER_H

#include <stddef.h>
#include <stdint.h>

typedef uint64_t nv_ptr; // CUdeviceptr

// Values of CUresult that the C code itself looks at.
enum { NV_SUCCESS = 0, NV_NOT_READY = 600 };

enum { NV_STREAM_NON_BLOCKING = 1, NV_CAPTURE_RELAXED = 2 };

// The names of the C code are those of the whole program, hence nv_.

// Every driver has the first list. X(name here, symbol, parameters, arguments)
#define NV_NEEDED(X)                                                                                                                       \
	X(init, "cuInit", (unsigned flags), (flags))                                                                                           \
	X(driver_version, "cuDriverGetVersion", (int *version), (version))                                                                     \
	X(device_count, "cuDeviceGetCount", (int *n), (n))                                                                                     \
	X(device_get, "cuDeviceGet", (int *device, int ordinal), (device, ordinal))                                                            \
	X(device_name, "cuDeviceGetName", (char *name, int size, int device), (name, size, device))                                            \
	X(device_memory, "cuDeviceTotalMem_v2", (size_t *bytes, int device), (bytes, device))                                                  \
	X(device_attribute, "cuDeviceGetAttribute", (int *value, int attribute, int device), (value, attribute, device))                       \
	X(context_retain, "cuDevicePrimaryCtxRetain", (void **context, int device), (context, device))                                         \
	X(context_release, "cuDevicePrimaryCtxRelease", (int device), (device))                                                                \
	X(context_set, "cuCtxSetCurrent", (void *context), (context))                                                                          \
	X(module_load, "cuModuleLoadDataEx", (void **module, const void *image, unsigned n, int *options, void **values),                      \
	  (module, image, n, options, values))                                                                                                 \
	X(module_unload, "cuModuleUnload", (void *module), (module))                                                                           \
	X(module_function, "cuModuleGetFunction", (void **function, void *module, const char *name), (function, module, name))                 \
	X(function_get, "cuFuncGetAttribute", (int *value, int attribute, void *function), (value, attribute, function))                       \
	X(function_set, "cuFuncSetAttribute", (void *function, int attribute, int value), (function, attribute, value))                        \
	X(alloc, "cuMemAlloc_v2", (nv_ptr * memory, size_t bytes), (memory, bytes))                                                            \
	X(free, "cuMemFree_v2", (nv_ptr memory), (memory))                                                                                     \
	X(alloc_host, "cuMemAllocHost_v2", (void **memory, size_t bytes), (memory, bytes))                                                     \
	X(free_host, "cuMemFreeHost", (void *memory), (memory))                                                                                     \
	X(to_device, "cuMemcpyHtoDAsync_v2", (nv_ptr to, const void *from, size_t bytes, void *stream), (to, from, bytes, stream))             \
	X(to_host, "cuMemcpyDtoHAsync_v2", (void *to, nv_ptr from, size_t bytes, void *stream), (to, from, bytes, stream))                     \
	X(set, "cuMemsetD32Async", (nv_ptr to, unsigned value, size_t n, void *stream), (to, value, n, stream))                                \
	X(launch, "cuLaunchKernel",                                                                                                            \
	  (void *function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared, void *stream,        \
	   void **parameters, void **extra),                                                                                                   \
	  (function, gx, gy, gz, bx, by, bz, shared, stream, parameters, extra))                                                               \
	X(stream_create, "cuStreamCreate", (void **stream, unsigned flags), (stream, flags))                                                   \
	X(stream_destroy, "cuStreamDestroy_v2", (void *stream), (stream))                                                                      \
	X(stream_synchronize, "cuStreamSynchronize", (void *stream), (stream))                                                                 \
	X(event_create, "cuEventCreate", (void **event, unsigned flags), (event, flags))                                                       \
	X(event_destroy, "cuEventDestroy_v2", (void *event), (event))                                                                          \
	X(event_record, "cuEventRecord", (void *event, void *stream), (event, stream))                                                         \
	X(event_query, "cuEventQuery", (void *event), (event))                                                                                 \
	X(event_elapsed, "cuEventElapsedTime", (float *ms, void *from, void *to), (ms, from, to))                                              \
	X(error_name, "cuGetErrorName", (int result, const char **text), (result, text))

// A driver may be too old for these: the UUID under MIG is of CUDA 11.4, that of a whole
// card of 9.2, and graphs as they are made here of 11.4.
#define NV_OPTIONAL(X)                                                                                                                     \
	X(device_uuid, "cuDeviceGetUuid", (unsigned char *uuid, int device), (uuid, device))                                                   \
	X(device_uuid_mig, "cuDeviceGetUuid_v2", (unsigned char *uuid, int device), (uuid, device))                                            \
	X(capture_begin, "cuStreamBeginCapture_v2", (void *stream, int mode), (stream, mode))                                                  \
	X(capture_end, "cuStreamEndCapture", (void *stream, void **graph), (stream, graph))                                                    \
	X(graph_instantiate, "cuGraphInstantiateWithFlags", (void **exec, void *graph, unsigned long long flags), (exec, graph, flags))        \
	X(graph_upload, "cuGraphUpload", (void *exec, void *stream), (exec, stream))                                                           \
	X(graph_launch, "cuGraphLaunch", (void *exec, void *stream), (exec, stream))                                                           \
	X(graph_destroy, "cuGraphDestroy", (void *graph), (graph))                                                                             \
	X(graph_exec_destroy, "cuGraphExecDestroy", (void *exec), (exec))

// Each call by the name here, to be made only after nv_open; what an old driver lacks
// answers CUDA_ERROR_NOT_FOUND.
#define NV_DECLARE(name, symbol, parameters, arguments) int nv_##name parameters;
NV_NEEDED(NV_DECLARE)
NV_OPTIONAL(NV_DECLARE)

// nv_open opens the driver and finds its calls. It returns 0; or 1 where it cannot be
// opened, with what the loader says of it; or 2 with what it lacks.
int nv_open(const char *library, char *why, size_t size);

// nv_load_ptx compiles a text. What the compiler says, cut to size - 1 bytes, is in log.
int nv_load_ptx(void **module, const char *text, char *log, size_t size);

enum { NV_WITNESSES = 3 };

// A batch: how each dispatch is made, and its graph once that is recorded.
typedef struct {
	void *stream, *begin, *end; // the stream, and the events around the batch
	void *graph;                // recorded by nv_record, or NULL to launch each dispatch
	uint32_t count;
	nv_ptr a, b, c;             // c is where the first dispatch writes
	int64_t step;               // bytes from there to the next one's
	uint32_t apart;             // which dispatch writes elsewhere, and is not counted by those after it; count for none
	nv_ptr own;                 // where that is
	nv_ptr witness[NV_WITNESSES]; // the words that are shown when the batch is done
	uint32_t *shown;              // where to: memory of the host that the device can write
	uint32_t m, n, k;
	// A kernel, or NULL for cuBLAS.
	void *function;
	uint32_t grid[2], block[2], shared;
	// cuBLAS.
	void *blas;
} nv_batch;

// What came of a call: the first result that is no success and the call's name. Results
// of cuBLAS are told from those of the driver by blas.
typedef struct {
	int result, blas;
	const char *call;
	uint64_t ns;  // nv_submit: from the submission until the stream was seen to be idle
	double device; // nv_submit: seconds between the events
	int finished; // nv_submit: the last event had happened by then
	uint32_t witness[NV_WITNESSES]; // nv_submit: what had been shown by then
} nv_outcome;

// nv_record makes the batch's graph, which the caller destroys. Nothing of it runs.
nv_outcome nv_record(nv_batch *batch);

// nv_submit runs the batch to its end, each dispatch after the one before it.
nv_outcome nv_submit(const nv_batch *batch);

// cuBLAS: one handle for a stream with a math mode. nv_blas_open returns as nv_open does;
// more than one library may be tried, the last that opens is used.
int nv_blas_open(const char *library, char *why, size_t size);
nv_outcome nv_blas_create(void **handle, void *stream, int mode, int *version);
void nv_blas_destroy(void *handle);

#endif
