// What github.com/vulkan-go/vulkan lacks or cannot do safely.
//
// It binds Vulkan 1.0 alone, so the queries of 1.1 and later are here. Its calls
// that take a slice of structs copy it into C memory which a finalizer may free
// before the call is made, so those calls are here too. And the timed submit is
// here because nothing of Go's may run between its two clock readings.
//
// Handles are void *: vulkan-go keeps them in pointers on every 64-bit system.

#ifndef GPUBENCH_VK_DRIVER_H
#define GPUBENCH_VK_DRIVER_H

#include <stddef.h>
#include <stdint.h>

_Static_assert(sizeof(void *) == 8, "the vk package needs a 64-bit system");

typedef void (*gb_function)(void);
typedef gb_function (*gb_get_proc)(void *instance, const char *name);

// gb_open opens the library and returns its vkGetInstanceProcAddr, or NULL with
// the reason in why.
gb_get_proc gb_open(const char *library, char *why, size_t why_size);

// gb_loader_version is the API version of the loader.
uint32_t gb_loader_version(gb_get_proc get);

// gb_instance_extension and gb_device_extension report whether an extension is there.
int gb_instance_extension(gb_get_proc get, const char *name);
int gb_device_extension(gb_get_proc get, void *instance, void *physical, const char *name);

// gb_device_extensions is how many there are, says the driver.
uint32_t gb_device_extensions(gb_get_proc get, void *instance, void *physical);

// gb_compute_family returns the first queue family that computes, one with
// timestamps before one without, or -1. valid_bits is how many bits its timestamps have,
// and count how many families there are, says the driver; above 32 it believes none.
int gb_compute_family(gb_get_proc get, void *instance, void *physical, uint32_t *valid_bits, uint32_t *count);

typedef struct {
	uint32_t driver_id; // 0 when the driver does not say
	char driver_name[256];
	char driver_info[256];
	uint8_t uuid[16];
	uint32_t subgroup_size;
	uint64_t max_allocation; // bytes
	uint32_t float16;        // shaderFloat16
	uint32_t storage16;      // storageBuffer16BitAccess
} gb_properties;

// gb_describe fills p from a device of Vulkan 1.1 or newer.
void gb_describe(gb_get_proc get, void *instance, void *physical, uint32_t api, gb_properties *p);

typedef struct {
	gb_function submit, wait, reset_fences;
	gb_function create_pipelines, update_sets, flush, invalidate;
	gb_function bind_sets, dispatch, barrier, copy;
} gb_calls;

// gb_load finds the calls of a device and returns the name of one that is missing, or NULL.
const char *gb_load(gb_get_proc get, void *instance, void *device, gb_calls *calls);

// A token is how a command buffer shows that it has been carried out: a number which
// the host makes anew for each submit, and which the last command copies. Both lie in
// one buffer that the host sees, the copy GB_TOKEN_COPY bytes after the number. What a batch
// shows of its results is copied to GB_TOKEN_WITNESS.
enum { GB_TOKEN_COPY = 64, GB_TOKEN_WITNESS = 128, GB_TOKEN_SIZE = 192, GB_WITNESSES = 3 };

typedef struct {
	int32_t result;   // VkResult
	const char *call; // that gave the result, when it is not VK_SUCCESS
	uint64_t ns;      // from just before vkQueueSubmit until the fence was seen
	int finished;     // whether the token had been copied when the fence was seen
	uint32_t witness[GB_WITNESSES]; // what had been copied there by then
} gb_timing;

// gb_submit submits one command buffer with a new token and waits for the fence, which
// it resets first.
gb_timing gb_submit(const gb_calls *calls, void *device, void *queue, void *commands, void *fence, uint32_t *token);

// gb_finished reports whether the token has been copied.
int gb_finished(const uint32_t *token);

// gb_create_pipeline makes a compute pipeline of the module's main with count
// 4-byte specialization constants.
int32_t gb_create_pipeline(const gb_calls *calls, void *device, void *module, void *layout, const uint32_t *ids, const uint32_t *values,
                           uint32_t count, void **pipeline);

// gb_bind points the storage buffers of a set, from binding 0 on, at whole buffers, and
// the last of them, whose offset is dynamic, at that many bytes.
void gb_bind(const gb_calls *calls, void *device, void *set, void *const *buffers, uint32_t count, uint64_t range);

// gb_flush and gb_invalidate make a whole mapped allocation visible to the device and to the host.
int32_t gb_flush(const gb_calls *calls, void *device, void *memory);
int32_t gb_invalidate(const gb_calls *calls, void *device, void *memory);

// gb_settle records a barrier after which everything that the queue was given
// before is done and visible to dispatches, to copies and to the host.
void gb_settle(const gb_calls *calls, void *commands);

// gb_places says where the dispatches of a batch write, in bytes: dispatch i at the dynamic
// offset first + i * step, but for the one that is apart, if there is one below count. It
// takes none of these places, and what follows it moves up.
typedef struct {
	uint32_t count, first;
	int32_t step;
	uint32_t apart, own;
} gb_places;

// gb_dispatch records the dispatches of a batch, each after the one before it has written.
void gb_dispatch(const gb_calls *calls, void *commands, void *layout, void *set, uint32_t x, uint32_t y, const gb_places *places);

// gb_copy records a copy of size bytes.
void gb_copy(const gb_calls *calls, void *commands, void *from, uint64_t from_at, void *to, uint64_t to_at, uint64_t size);

// gb_sign records what follows all else: everything is done and visible to the host,
// and then the witnesses, words of a buffer at these bytes, are copied, and then the token.
// There are none where from is NULL.
void gb_sign(const gb_calls *calls, void *commands, void *token, void *from, const uint64_t *witnesses);

#endif
