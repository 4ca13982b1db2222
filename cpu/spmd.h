// The vectors that the code made by internal/spmd is written in.
//
// A file defines SPMD_SSE2, SPMD_AVX2, SPMD_AVX512 or SPMD_NEON, includes this header, and puts
// its functions between SPMD_BEGIN and SPMD_END, so that one program holds code for
// processors that it may not be running on.
#ifndef GPUBENCH_SPMD_H
#define GPUBENCH_SPMD_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

// spmd_args is a dispatch: the buffers in the order of their bindings, the push
// constants as words, and the number of workgroups.
typedef struct {
	void *buffer[8];
	uint32_t push[32];
	uint32_t groups[3];
} spmd_args;

// spmd_kernel is a translated kernel. run computes one workgroup; memory is scratch
// bytes, aligned to 64, that no other thread uses meanwhile.
typedef struct {
	void (*run)(const spmd_args *args, uint32_t group_x, uint32_t group_y, uint32_t group_z, void *memory);
	size_t scratch;
	uint32_t size[3]; // of a workgroup, in invocations
	uint32_t buffers, push;
} spmd_kernel;

#if defined(SPMD_SSE2) || defined(SPMD_AVX2) || defined(SPMD_AVX512) || defined(SPMD_NEON)

#if defined(SPMD_AVX512)
#define SPMD_LANES 16
#define SPMD_TARGET "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"
#elif defined(SPMD_AVX2)
#define SPMD_LANES 8
#define SPMD_TARGET "avx2,fma"
#else
#define SPMD_LANES 4
#endif

#define SPMD_STRING(x) #x
#define SPMD_PRAGMA(x) _Pragma(SPMD_STRING(x))
#if defined(SPMD_TARGET) && defined(__clang__)
#define SPMD_BEGIN SPMD_PRAGMA(clang attribute push(__attribute__((target(SPMD_TARGET))), apply_to = function))
#define SPMD_END _Pragma("clang attribute pop")
#elif defined(SPMD_TARGET)
#define SPMD_BEGIN _Pragma("GCC push_options") SPMD_PRAGMA(GCC target(SPMD_TARGET))
#define SPMD_END _Pragma("GCC pop_options")
#else
#define SPMD_BEGIN
#define SPMD_END
#endif

SPMD_BEGIN

typedef float vf __attribute__((vector_size(4 * SPMD_LANES)));
typedef uint32_t vi __attribute__((vector_size(4 * SPMD_LANES)));
typedef int32_t vm __attribute__((vector_size(4 * SPMD_LANES))); // a mask: each lane 0 or -1
typedef vf vf_any __attribute__((aligned(4), may_alias));
typedef vi vi_any __attribute__((aligned(4), may_alias));

#define SPMD_FN static inline __attribute__((always_inline, unused))

// spmd_at makes a 32-bit index a signed offset.
SPMD_FN ptrdiff_t spmd_at(uint32_t i) { return (ptrdiff_t)(int32_t)i; }

SPMD_FN float spmd_float(uint32_t b) { float f; memcpy(&f, &b, 4); return f; }
SPMD_FN uint32_t spmd_bits(float f) { uint32_t b; memcpy(&b, &f, 4); return b; }

// Division by zero is undefined in SPIR-V; here it gives zero and not a signal.
SPMD_FN uint32_t spmd_udiv(uint32_t a, uint32_t b) { return b ? a / b : 0; }
SPMD_FN uint32_t spmd_umod(uint32_t a, uint32_t b) { return b ? a % b : 0; }
SPMD_FN uint32_t spmd_sdiv(uint32_t a, uint32_t b) { return b == 0 ? 0 : b == ~0u ? -a : (uint32_t)((int32_t)a / (int32_t)b); }
SPMD_FN uint32_t spmd_srem(uint32_t a, uint32_t b) { return b == 0 || b == ~0u ? 0 : (uint32_t)((int32_t)a % (int32_t)b); }
SPMD_FN uint32_t spmd_smod(uint32_t a, uint32_t b)
{
	int32_t r = (int32_t)spmd_srem(a, b);
	return (uint32_t)(r != 0 && (r < 0) != ((int32_t)b < 0) ? r + (int32_t)b : r);
}
SPMD_FN uint32_t spmd_umin(uint32_t a, uint32_t b) { return a < b ? a : b; }
SPMD_FN uint32_t spmd_umax(uint32_t a, uint32_t b) { return a > b ? a : b; }
SPMD_FN uint32_t spmd_smin(uint32_t a, uint32_t b) { return (int32_t)a < (int32_t)b ? a : b; }
SPMD_FN uint32_t spmd_smax(uint32_t a, uint32_t b) { return (int32_t)a > (int32_t)b ? a : b; }
SPMD_FN uint32_t spmd_sabs(uint32_t a) { return (int32_t)a < 0 ? -a : a; }
SPMD_FN float spmd_fmin(float a, float b) { return a < b ? a : b; }
SPMD_FN float spmd_fmax(float a, float b) { return a > b ? a : b; }
SPMD_FN uint32_t spmd_isnan(float a) { return a != a; }

SPMD_FN vf vf_zero(void) { return (vf){0}; }
SPMD_FN vi vi_zero(void) { return (vi){0}; }
SPMD_FN vm vm_zero(void) { return (vm){0}; }
SPMD_FN vf vf_set(float x) { return x - (vf){0}; } // x - 0 is x, also for -0
SPMD_FN vi vi_set(uint32_t x) { return x + (vi){0}; }
SPMD_FN vm vm_set(uint32_t x) { return (vm)-(x + (vi){0}); } // x is 0 or 1

// vi_line counts from x in steps.
SPMD_FN vi vi_line(uint32_t x, int32_t step)
{
	vi r;
	for (uint32_t i = 0; i < SPMD_LANES; ++i) r[i] = x + i * (uint32_t)step;
	return r;
}

// vm_first is true in the first n lanes.
SPMD_FN vm vm_first(uint32_t n) { return (vm)(vi_line(0, 1) < vi_set(n)); }

SPMD_FN int vm_any(vm m)
{
#if defined(SPMD_AVX512)
	return _mm512_movepi32_mask((__m512i)m) != 0;
#elif defined(SPMD_AVX2)
	return _mm256_movemask_ps((__m256)m) != 0;
#elif defined(SPMD_SSE2)
	return _mm_movemask_ps((__m128)m) != 0;
#else
	return vmaxvq_u32((uint32x4_t)m) != 0;
#endif
}

SPMD_FN vi vi_select(vm m, vi a, vi b) { return (a & (vi)m) | (b & ~(vi)m); }
SPMD_FN vm vm_select(vm m, vm a, vm b) { return (a & m) | (b & ~m); }
SPMD_FN vf vf_select(vm m, vf a, vf b) { return (vf)vi_select(m, (vi)a, (vi)b); }

#define SPMD_EACH(name, type, expr) \
	SPMD_FN type name(type a, type b) \
	{ \
		type r; \
		for (int i = 0; i < SPMD_LANES; ++i) r[i] = expr(a[i], b[i]); \
		return r; \
	}
SPMD_EACH(vi_udiv, vi, spmd_udiv)
SPMD_EACH(vi_umod, vi, spmd_umod)
SPMD_EACH(vi_sdiv, vi, spmd_sdiv)
SPMD_EACH(vi_srem, vi, spmd_srem)
SPMD_EACH(vi_smod, vi, spmd_smod)
#undef SPMD_EACH
SPMD_FN vi vi_umin(vi a, vi b) { return vi_select((vm)(a < b), a, b); }
SPMD_FN vi vi_umax(vi a, vi b) { return vi_select((vm)(a > b), a, b); }
SPMD_FN vi vi_smin(vi a, vi b) { return vi_select((vm)((vm)a < (vm)b), a, b); }
SPMD_FN vi vi_smax(vi a, vi b) { return vi_select((vm)((vm)a > (vm)b), a, b); }
SPMD_FN vi vi_sabs(vi a) { return vi_select((vm)a < 0, -a, a); }
SPMD_FN vf vf_min(vf a, vf b) { return vf_select((vm)(a < b), a, b); }
SPMD_FN vf vf_max(vf a, vf b) { return vf_select((vm)(a > b), a, b); }
SPMD_FN vm vf_isnan(vf a) { return (vm)(a != a); }
SPMD_FN vf vf_abs(vf a) { return (vf)((vi)a & 0x7fffffffu); }
#define SPMD_EACH(name, fn) \
	SPMD_FN vf name(vf a) \
	{ \
		vf r; \
		for (int i = 0; i < SPMD_LANES; ++i) r[i] = fn(a[i]); \
		return r; \
	}
SPMD_EACH(vf_sqrt, __builtin_sqrtf)
SPMD_EACH(vf_floor, __builtin_floorf)
SPMD_EACH(vf_ceil, __builtin_ceilf)
SPMD_EACH(vf_trunc, __builtin_truncf)
#undef SPMD_EACH

// Memory: vectors of neighbouring elements, whole or masked (idle lanes touch nothing
// and read as zero), and elements anywhere.
SPMD_FN vf vf_load(const float *p) { return *(const vf_any *)p; }
SPMD_FN vi vi_load(const uint32_t *p) { return *(const vi_any *)p; }
SPMD_FN void vf_store(float *p, vf x) { *(vf_any *)p = x; }
SPMD_FN void vi_store(uint32_t *p, vi x) { *(vi_any *)p = x; }

SPMD_FN vi vi_load_mask(const uint32_t *p, vm m)
{
#if defined(SPMD_AVX512)
	return (vi)_mm512_maskz_loadu_epi32(_mm512_movepi32_mask((__m512i)m), p);
#elif defined(SPMD_AVX2)
	return (vi)_mm256_maskload_epi32((const int *)p, (__m256i)m);
#else
	vi r = {0};
	for (int i = 0; i < SPMD_LANES; ++i) if (m[i]) r[i] = p[i];
	return r;
#endif
}

SPMD_FN void vi_store_mask(uint32_t *p, vi x, vm m)
{
#if defined(SPMD_AVX512)
	_mm512_mask_storeu_epi32(p, _mm512_movepi32_mask((__m512i)m), (__m512i)x);
#elif defined(SPMD_AVX2)
	_mm256_maskstore_epi32((int *)p, (__m256i)m, (__m256i)x);
#else
	for (int i = 0; i < SPMD_LANES; ++i) if (m[i]) p[i] = x[i];
#endif
}

SPMD_FN vf vf_load_mask(const float *p, vm m)
{
#if defined(SPMD_AVX512)
	return (vf)_mm512_maskz_loadu_ps(_mm512_movepi32_mask((__m512i)m), p);
#elif defined(SPMD_AVX2)
	return (vf)_mm256_maskload_ps(p, (__m256i)m);
#else
	vf r = {0};
	for (int i = 0; i < SPMD_LANES; ++i) if (m[i]) r[i] = p[i];
	return r;
#endif
}

SPMD_FN void vf_store_mask(float *p, vf x, vm m)
{
#if defined(SPMD_AVX512)
	_mm512_mask_storeu_ps(p, _mm512_movepi32_mask((__m512i)m), (__m512)x);
#elif defined(SPMD_AVX2)
	_mm256_maskstore_ps(p, (__m256i)m, (__m256)x);
#else
	for (int i = 0; i < SPMD_LANES; ++i) if (m[i]) p[i] = x[i];
#endif
}

#define SPMD_ANYWHERE(v, element) \
	SPMD_FN v v##_gather(const element *p, vi at, vm m) \
	{ \
		v r = {0}; \
		for (int i = 0; i < SPMD_LANES; ++i) if (m[i]) r[i] = p[spmd_at(at[i])]; \
		return r; \
	} \
	SPMD_FN void v##_scatter(element *p, vi at, v x, vm m) \
	{ \
		for (int i = 0; i < SPMD_LANES; ++i) if (m[i]) p[spmd_at(at[i])] = x[i]; \
	} \
	/* The same in an array of vectors in which each lane has its own elements. */ \
	SPMD_FN v v##_gather_own(const v *p, vi at, vm m) \
	{ \
		v r = {0}; \
		for (int i = 0; i < SPMD_LANES; ++i) if (m[i]) r[i] = p[at[i]][i]; \
		return r; \
	} \
	SPMD_FN void v##_scatter_own(v *p, vi at, v x, vm m) \
	{ \
		for (int i = 0; i < SPMD_LANES; ++i) if (m[i]) p[at[i]][i] = x[i]; \
	}
SPMD_ANYWHERE(vf, float)
SPMD_ANYWHERE(vi, uint32_t)
#undef SPMD_ANYWHERE

SPMD_END
#endif
#endif
