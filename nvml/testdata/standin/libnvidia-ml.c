// A stand-in for libnvidia-ml.so.1: one card, which shows the same at all times and
// takes 300 W. It has the functions that are asked for at least and the power; with
// WHOLE also those by which the program watches a launch.
//
// What nvmlInit returns is in the environment, because the first library that a process
// has bound its calls to stays.
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int initialised;

int nvmlInit_v2(void)
{
	const char *returns = getenv("STANDIN_NVML");
	initialised = 1;
	return returns ? atoi(returns) : 0;
}

int nvmlShutdown(void)
{
	initialised = 0;
	return 0;
}

const char *nvmlErrorString(int r) { return r == 17 ? "of the stand-in" : "?"; }

int nvmlDeviceGetCount_v2(unsigned *n)
{
	*n = 1;
	return initialised ? 0 : 1;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned i, void **d)
{
	*d = &initialised;
	return i ? 2 : 0;
}

int nvmlDeviceGetUUID(void *d, char *s, unsigned n)
{
	strncpy(s, "GPU-00010203-0405-0607-0809-0a0b0c0d0e0f", n); // that of the stand-in for libcuda
	return 0;
}

int nvmlDeviceGetPowerUsage(void *d, unsigned *mw)
{
	*mw = 300000;
	return d == &initialised ? 0 : 2;
}

#ifdef WHOLE

int nvmlSystemGetDriverVersion(char *s, unsigned n)
{
	strncpy(s, "550.54.15", n);
	return 0;
}

int nvmlDeviceGetClockInfo(void *d, int type, unsigned *mhz)
{
	*mhz = type == 1 ? 1410 : 2619;
	return 0;
}

int nvmlDeviceGetTemperature(void *d, int sensor, unsigned *c)
{
	*c = 61;
	return 0;
}

int nvmlDeviceGetCurrentClocksEventReasons(void *d, unsigned long long *bits)
{
	*bits = 4; // the power cap
	return 0;
}

// The counter advances every 20 ms.
int nvmlDeviceGetTotalEnergyConsumption(void *d, unsigned long long *mj)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	*mj = (t.tv_sec * 50ull + t.tv_nsec / 20000000) * 300 * 20;
	return 0;
}

struct process {
	unsigned pid;
	unsigned long long memory;
	unsigned gi, ci;
};

int nvmlDeviceGetComputeRunningProcesses(void *d, unsigned *n, void *list) { return 3; }

int nvmlDeviceGetComputeRunningProcesses_v3(void *d, unsigned *n, struct process *list)
{
	list[0] = (struct process){.pid = getpid()};
	*n = 1;
	return 0;
}

#endif
