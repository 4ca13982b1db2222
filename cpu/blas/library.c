//go:build cgo && (linux || darwin)

#define _GNU_SOURCE
#include "library.h"

#include <dlfcn.h>
#include <string.h>

static void *opened(const char *path, int scope, char **error) {
	void *library = dlopen(path, RTLD_NOW | scope);
	if (!library) *error = strdup(dlerror());
	return library;
}

// Local: its symbols must not meet those of another BLAS in this process.
void *blas_open(const char *path, char **error) { return opened(path, RTLD_LOCAL, error); }

void *blas_open_global(const char *path, char **error) { return opened(path, RTLD_GLOBAL, error); }

void *blas_symbol(void *library, const char *name) { return dlsym(library, name); }

const char *blas_file(void *address) {
	Dl_info info;
	return dladdr(address, &info) ? info.dli_fname : 0;
}

void blas_call(void *f) { ((void (*)(void))f)(); }
const char *blas_call_text(void *f) { return ((const char *(*)(void))f)(); }
const char *blas_call_text_of(void *f, int n) { return ((const char *(*)(int))f)(n); }
int64_t blas_call_get(void *f) { return ((int (*)(void))f)(); }
int64_t blas_call_get64(void *f) { return ((int64_t (*)(void))f)(); }
int64_t blas_call_set(void *f, int n) { return ((int (*)(int))f)(n); }
void blas_call_set64(void *f, int64_t n) { ((void (*)(int64_t))f)(n); }
void blas_call_buffer(void *f, char *text, int n) { ((void (*)(char *, int))f)(text, n); }

enum { row_major = 101, no_transpose = 111 }; // as every cblas.h has them

void blas_sgemm(void *cblas_sgemm, int m, int n, int k, const float *a, const float *b, float *c, int64_t step, int times) {
	void (*sgemm)(int, int, int, int, int, int, float, const float *, int, const float *, int, float, float *, int) = cblas_sgemm;
	for (int i = 0; i < times; i++) sgemm(row_major, no_transpose, no_transpose, m, n, k, 1, a, k, b, n, 0, c + i * step, n);
}
