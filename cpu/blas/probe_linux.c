//go:build cgo && linux

#define _GNU_SOURCE
#include "probe.h"

#include "library.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>
#include <unistd.h>

enum { limit_s = 20 }; // of wall time for a copy

// product compares a product of small integers with the sum that a loop makes. It returns
// whether they are equal, which they are in float32 in any order.
static int product(void *sgemm, int m, int n, int k) {
	float *a = malloc(sizeof *a * m * k), *b = malloc(sizeof *b * k * n), *c = malloc(sizeof *c * m * n);
	int right = a && b && c;
	for (int i = 0; right && i < m * k; i++) a[i] = (i * 7 + i / 5) % 15 - 7;
	for (int i = 0; right && i < k * n; i++) b[i] = (i * 5 + i / 3) % 13 - 6;
	for (int i = 0; right && i < m * n; i++) c[i] = 1e30f;
	if (right) blas_sgemm(sgemm, m, n, k, a, b, c, 0, 1);
	for (int i = 0; right && i < m; i++)
		for (int j = 0; right && j < n; j++) {
			int sum = 0;
			for (int l = 0; l < k; l++) sum += (int)a[i * k + l] * (int)b[l * n + j];
			right = c[i * n + j] == (float)sum;
		}
	free(a), free(b), free(c);
	return right;
}

// blis_id is BLIS's number for a core: its versions before 1.0 take no name, and the
// numbers of two versions differ. The last core is called generic.
static int blis_id(void *library, const char *core) {
	const char *(*string)(int) = blas_symbol(library, "bli_arch_string");
	for (int i = 0; string && i < 100; i++) {
		const char *s = string(i);
		if (!s) break;
		if (!strcasecmp(s, core)) return i;
		if (!strcmp(s, "generic")) break;
	}
	return -1;
}

static void look(const char *path, const char *core, int multiply, blas_seen *seen) {
	if (core) { // OpenBLAS reads it while it is loaded
		setenv("OPENBLAS_CORETYPE", core, 1);
		snprintf(seen->value, sizeof seen->value, "%s", core);
	}
	char *error;
	void *library = blas_open(path, &error);
	if (!library) return;
	const char *(*name)(void) = blas_symbol(library, "openblas_get_corename");
	if (name) {
		strcpy(seen->name, "OpenBLAS");
		snprintf(seen->core, sizeof seen->core, "%s", name());
	} else if (blas_symbol(library, "bli_arch_string") && blas_symbol(library, "bli_init") && blas_symbol(library, "bli_arch_query_id")) {
		if (core) { // BLIS reads it at its first call
			int id = blis_id(library, core);
			if (id < 0) return;
			snprintf(seen->value, sizeof seen->value, "%d", id);
			setenv("BLIS_ARCH_TYPE", seen->value, 1);
		}
		blas_call(blas_symbol(library, "bli_init"));
		strcpy(seen->name, "BLIS");
		snprintf(seen->core, sizeof seen->core, "%s", blas_call_text_of(blas_symbol(library, "bli_arch_string"), blas_call_get(blas_symbol(library, "bli_arch_query_id"))));
	} else
		return;
	void *sgemm = blas_symbol(library, "cblas_sgemm");
	seen->right = multiply && sgemm && product(sgemm, 256, 256, 256) && product(sgemm, 131, 253, 517) && product(sgemm, 1, 300, 64) && product(sgemm, 300, 1, 64);
}

int blas_probe(const char *path, const char *core, int multiply, blas_seen *seen) {
	int ends[2];
	memset(seen, 0, sizeof *seen);
	if (pipe(ends)) return -1;
	// Go's handlers must not run in the copy, in which there is no Go.
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid_t pid = fork();
	if (pid == 0) {
		for (int s = 1; s < NSIG; s++) signal(s, SIG_DFL);
		sigset_t none;
		sigemptyset(&none);
		pthread_sigmask(SIG_SETMASK, &none, 0);
		alarm(limit_s);
		blas_seen found = {0};
		look(path, core, multiply, &found);
		ssize_t written = write(ends[1], &found, sizeof found);
		_exit(written != sizeof found);
	}
	pthread_sigmask(SIG_SETMASK, &before, 0);
	close(ends[1]);
	int status = 0;
	size_t got = 0;
	if (pid > 0) {
		while (got < sizeof *seen) {
			ssize_t n = read(ends[0], (char *)seen + got, sizeof *seen - got);
			if (n <= 0 && errno != EINTR) break;
			if (n == 0) break;
			if (n > 0) got += n;
		}
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR);
	}
	close(ends[0]);
	if (pid > 0 && WIFSIGNALED(status)) return WTERMSIG(status);
	if (pid < 0 || got < sizeof *seen || status != 0) {
		memset(seen, 0, sizeof *seen);
		return -1;
	}
	return 0;
}
