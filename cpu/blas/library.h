// Calls into a library that was opened at run time.
#ifndef GPUBENCH_BLAS_LIBRARY_H
#define GPUBENCH_BLAS_LIBRARY_H

#include <stdint.h>

// blas_open opens a shared library. It returns null and sets error, which the caller
// frees, when that fails.
void *blas_open(const char *path, char **error);

// blas_open_global does the same for a library whose symbols others find without naming it.
void *blas_open_global(const char *path, char **error);

// blas_symbol is the address of a symbol of the library or of one that it was linked
// with, or null.
void *blas_symbol(void *library, const char *name);

// blas_file is the path of the file that an address belongs to, or null.
const char *blas_file(void *address);

// Calls of functions of these types.
void blas_call(void *f);                       // void(void)
const char *blas_call_text(void *f);           // const char *(void)
const char *blas_call_text_of(void *f, int n); // const char *(int)
int64_t blas_call_get(void *f);                // int(void)
int64_t blas_call_get64(void *f);              // int64_t(void)
int64_t blas_call_set(void *f, int n);         // int(int), or void(int) where the result is ignored
void blas_call_set64(void *f, int64_t n);      // void(int64_t)
void blas_call_buffer(void *f, char *, int n); // void(char *, int)

// blas_sgemm computes the m x n matrix c = a x b by cblas_sgemm, over and over, each
// time step elements further on.
void blas_sgemm(void *cblas_sgemm, int m, int n, int k, const float *a, const float *b, float *c, int64_t step, int times);

#endif
