// A look at a library in a process of its own.
#ifndef GPUBENCH_BLAS_PROBE_H
#define GPUBENCH_BLAS_PROBE_H

// What a look found, written by the process that looked.
typedef struct {
	char name[16];  // OpenBLAS, BLIS, or empty for another
	char core[64];  // the core that it takes
	char value[32]; // what its environment variable must hold to name the core that was asked for
	int right;      // it multiplied, and rightly
} blas_seen;

// blas_probe opens a library in a copy of this process, which it asks for a core
// (null for the one that the library chooses), and with multiply lets it multiply. It
// returns 0, the signal that ended the copy, or -1 where it ended in another way, did not
// end in time, or could not be made.
int blas_probe(const char *path, const char *core, int multiply, blas_seen *seen);

#endif
