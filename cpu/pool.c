//go:build cgo && (amd64 || arm64)

#include "pool.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

// What threads write all the time is so many bytes apart: a cache line of Apple's
// processors, and two of most others, which fetch them in pairs.
#define LINE 128

// One thread's part.
typedef struct {
	_Alignas(LINE) cpu_pool *pool;
	pthread_t thread;
	void *memory; // what the kernel's scratch needs
} worker;

struct cpu_pool {
	int threads;
	worker *workers;

	// The job, written before the threads are woken.
	const spmd_kernel *kernel;
	const spmd_args *args;
	cpu_batch batch;
	size_t scratch; // bytes of each worker's memory

	pthread_mutex_t lock;
	pthread_cond_t wake;
	uint64_t jobs; // started so far
	int stop;

	// Dispatches take turns with two counters: while one is used up, the last thread to
	// arrive at the barrier resets the other for the dispatch after.
	_Alignas(LINE) atomic_uint_fast64_t next[2];
	_Alignas(LINE) atomic_int arrived;
	_Alignas(LINE) atomic_uint phase; // barriers passed
};

#define APART(before, after) \
	_Static_assert(offsetof(cpu_pool, after) / 128 > (offsetof(cpu_pool, before) + sizeof(((cpu_pool *)0)->before) - 1) / 128, #before " and " #after " share 128 bytes")
APART(stop, next);
APART(next, arrived);
APART(arrived, phase);
_Static_assert(sizeof(cpu_pool) - offsetof(cpu_pool, phase) >= 128, "phase shares 128 bytes with what comes after the pool");
_Static_assert(sizeof(worker) % 128 == 0 && _Alignof(cpu_pool) % 128 == 0, "neighbours share 128 bytes");

static void relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

// barrier waits until all threads have arrived. The dispatches of a batch follow each
// other at once, so it spins; it yields early enough not to burn a shared core.
static void barrier(cpu_pool *p, uint32_t dispatch)
{
	unsigned phase = atomic_load_explicit(&p->phase, memory_order_relaxed);
	if (atomic_fetch_add_explicit(&p->arrived, 1, memory_order_acq_rel) == p->threads - 1) {
		atomic_store_explicit(&p->next[dispatch & 1], 0, memory_order_relaxed);
		atomic_store_explicit(&p->arrived, 0, memory_order_relaxed);
		atomic_store_explicit(&p->phase, phase + 1, memory_order_release);
		return;
	}
	for (int i = 0; atomic_load_explicit(&p->phase, memory_order_acquire) == phase; ++i) {
		if (i < 4096) relax();
		else sched_yield();
	}
}

static void work(cpu_pool *p, void *memory)
{
	const spmd_kernel *k = p->kernel;
	// The next job may be set up while this thread is still on its way out of the last barrier.
	const cpu_batch batch = p->batch;
	spmd_args args = *p->args;
	const uint64_t x = args.groups[0], y = args.groups[1], total = x * y * args.groups[2];
	char *const base = args.buffer[batch.buffer];
	for (uint32_t d = 0; d < batch.n; ++d) {
		args.buffer[batch.buffer] = base + (d == batch.apart ? batch.own : batch.first + (ptrdiff_t)(d - (d > batch.apart)) * batch.step);
		for (;;) {
			uint64_t i = atomic_fetch_add_explicit(&p->next[d & 1], 1, memory_order_relaxed);
			if (i >= total) break;
			k->run(&args, (uint32_t)(i % x), (uint32_t)(i / x % y), (uint32_t)(i / x / y), memory);
		}
		barrier(p, d);
	}
}

static void *serve(void *arg)
{
	worker *w = arg;
	cpu_pool *p = w->pool;
	for (uint64_t done = 0;; ++done) {
		pthread_mutex_lock(&p->lock);
		while (p->jobs == done && !p->stop) pthread_cond_wait(&p->wake, &p->lock);
		int stop = p->stop;
		pthread_mutex_unlock(&p->lock);
		if (stop) return NULL;
		work(p, w->memory);
	}
}

cpu_pool *cpu_pool_new(int threads)
{
	cpu_pool *p = NULL;
	if (posix_memalign((void **)&p, LINE, sizeof *p) != 0) {
		errno = ENOMEM;
		return NULL;
	}
	memset(p, 0, sizeof *p);
	p->threads = 1;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->wake, NULL);
	int err = posix_memalign((void **)&p->workers, LINE, (size_t)threads * sizeof *p->workers);
	if (err) p->workers = NULL;
	else memset(p->workers, 0, (size_t)threads * sizeof *p->workers);
	for (int i = 1; i < threads && !err; ++i) {
		p->workers[i].pool = p;
		err = pthread_create(&p->workers[i].thread, NULL, serve, &p->workers[i]);
		if (!err) p->threads++;
	}
	if (err) {
		cpu_pool_free(p);
		errno = err;
		return NULL;
	}
	return p;
}

void cpu_pool_free(cpu_pool *p)
{
	pthread_mutex_lock(&p->lock);
	p->stop = 1;
	pthread_cond_broadcast(&p->wake);
	pthread_mutex_unlock(&p->lock);
	for (int i = 1; i < p->threads; ++i) pthread_join(p->workers[i].thread, NULL);
	for (int i = 0; p->workers && i < p->threads; ++i) free(p->workers[i].memory);
	free(p->workers);
	pthread_cond_destroy(&p->wake);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

int cpu_pool_run(cpu_pool *p, const spmd_kernel *k, const spmd_args *args, cpu_batch batch)
{
	if (k->scratch > p->scratch) {
		size_t size = (k->scratch + 4095) & ~(size_t)4095;
		p->scratch = 0;
		for (int i = 0; i < p->threads; ++i) {
			free(p->workers[i].memory);
			p->workers[i].memory = NULL;
			if (posix_memalign(&p->workers[i].memory, 4096, size) != 0) return ENOMEM;
		}
		p->scratch = size;
	}
	pthread_mutex_lock(&p->lock);
	p->kernel = k;
	p->args = args;
	p->batch = batch;
	atomic_store_explicit(&p->next[0], 0, memory_order_relaxed);
	atomic_store_explicit(&p->next[1], 0, memory_order_relaxed);
	p->jobs++;
	pthread_cond_broadcast(&p->wake);
	pthread_mutex_unlock(&p->lock);
	work(p, p->workers[0].memory);
	return 0;
}
