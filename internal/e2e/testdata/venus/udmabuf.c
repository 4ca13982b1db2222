// Preloaded into virgl_test_server, it stands in for /dev/udmabuf where the kernel has
// none: the server wants DMA buffers made of the memory that it shares with its
// client, and for software behind it that memory itself does.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/udmabuf.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int is_udmabuf(const char *path) { return path != NULL && strcmp(path, "/dev/udmabuf") == 0; }

static int open_by(const char *name, const char *path, int flags, va_list more) {
	int (*next)(const char *, int, ...) = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, name);
	mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;
	return next(is_udmabuf(path) ? "/dev/null" : path, flags, mode);
}

int open(const char *path, int flags, ...) {
	va_list more;
	va_start(more, flags);
	int fd = open_by("open", path, flags, more);
	va_end(more);
	return fd;
}

int open64(const char *path, int flags, ...) {
	va_list more;
	va_start(more, flags);
	int fd = open_by("open64", path, flags, more);
	va_end(more);
	return fd;
}

int access(const char *path, int mode) {
	int (*next)(const char *, int) = (int (*)(const char *, int))dlsym(RTLD_NEXT, "access");
	return is_udmabuf(path) ? 0 : next(path, mode);
}

int ioctl(int fd, unsigned long request, ...) {
	va_list more;
	va_start(more, request);
	void *argument = va_arg(more, void *);
	va_end(more);
	switch (request) {
	case UDMABUF_CREATE:
		return fcntl(((struct udmabuf_create *)argument)->memfd, F_DUPFD_CLOEXEC, 0);
	case DMA_BUF_IOCTL_SYNC:
		return 0;
	}
	int (*next)(int, unsigned long, ...) = (int (*)(int, unsigned long, ...))dlsym(RTLD_NEXT, "ioctl");
	return next(fd, request, argument);
}
