// A stand-in for libcublas.so.N above the one for libcuda.so.1: a plain product, column by
// column, in the order that cuBLAS documents. In the math mode of TF32 it cuts the inputs
// off after 10 bits of fraction.
//
// STANDIN_CUBLAS=STATUS is what its calls answer. -DVERSION is what it says it is.

#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
	void *stream;
	int mode;
} handle;

static int status(void)
{
	const char *s = getenv("STANDIN_CUBLAS");
	return s ? atoi(s) : 0;
}

static void *find(const char *name)
{
	void *cuda = dlopen("libcuda.so.1", RTLD_NOW | RTLD_NOLOAD);
	return cuda ? dlsym(cuda, name) : NULL;
}

int cublasCreate_v2(void **h)
{
	if (status())
		return status();
	*h = calloc(1, sizeof(handle));
	return 0;
}

int cublasDestroy_v2(void *h)
{
	free(h);
	return 0;
}

int cublasSetStream_v2(void *h, void *stream)
{
	((handle *)h)->stream = stream;
	return 0;
}

int cublasSetMathMode(void *h, int mode)
{
	((handle *)h)->mode = mode;
	return mode == 2 || mode == 3 ? 0 : 7;
}

int cublasGetVersion_v2(void *h, int *version)
{
	(void)h;
	*version = VERSION;
	return 0;
}

typedef struct {
	int m, n, k, lda, ldb, ldc, tf32;
	uint64_t a, b, c;
} product;

static float narrow(float x, int tf32)
{
	uint32_t bits;
	memcpy(&bits, &x, 4);
	if (tf32)
		bits &= ~0x1fffu;
	memcpy(&x, &bits, 4);
	return x;
}

static int multiply(const void *work)
{
	void *(*host)(uint64_t, uint64_t) = (void *(*)(uint64_t, uint64_t))find("standin_host");
	product p;
	memcpy(&p, work, sizeof p);
	if (!p.m || !p.n)
		return 0;
	const float *a = host(p.a, 4ull * (uint64_t)p.lda * (uint64_t)p.k), *b = host(p.b, 4ull * (uint64_t)p.ldb * (uint64_t)p.n);
	float *c = host(p.c, 4ull * (uint64_t)p.ldc * (uint64_t)p.n);
	if (!a || !b || !c)
		return 700;
	for (int j = 0; j < p.n; j++)
		for (int i = 0; i < p.m; i++) {
			float sum = 0;
			for (int l = 0; l < p.k; l++)
				sum += narrow(a[i + l * p.lda], p.tf32) * narrow(b[l + j * p.ldb], p.tf32);
			c[i + j * p.ldc] = sum;
		}
	return 0;
}

int cublasSgemm_v2(void *h, int ta, int tb, int m, int n, int k, const float *alpha, const float *a, int lda, const float *b, int ldb,
                   const float *beta, float *c, int ldc)
{
	int (*give)(void *, int (*)(const void *), const void *, size_t) = (int (*)(void *, int (*)(const void *), const void *, size_t))find("standin_foreign");
	if (status())
		return status();
	if (!give || ta || tb || *alpha != 1 || *beta != 0 || lda < m || ldb < k || ldc < m)
		return 7;
	product p = {m, n, k, lda, ldb, ldc, ((handle *)h)->mode == 3, (uint64_t)a, (uint64_t)b, (uint64_t)c};
	return give(((handle *)h)->stream, multiply, &p, sizeof p) ? 13 : 0;
}
