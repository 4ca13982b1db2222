// What metal/driver.m uses of IOKit and CoreFoundation; see Metal.h.

#include <stdint.h>

typedef uint32_t mach_port_t, io_service_t, io_registry_entry_t, IOOptionBits;
typedef const void *CFTypeRef;
typedef const struct __CFString *CFStringRef;
typedef const struct __CFDictionary *CFDictionaryRef;
typedef struct __CFDictionary *CFMutableDictionaryRef;
typedef const struct __CFAllocator *CFAllocatorRef;

#define kIOServicePlane "IOService"
enum { kIORegistryIterateRecursively = 1, kIORegistryIterateParents = 2 };

CFMutableDictionaryRef IORegistryEntryIDMatching(uint64_t entryID);
io_service_t IOServiceGetMatchingService(mach_port_t mainPort, CFDictionaryRef matching);
CFTypeRef IORegistryEntrySearchCFProperty(io_registry_entry_t entry, const char *plane, CFStringRef key, CFAllocatorRef allocator, IOOptionBits options);
int IOObjectRelease(uint32_t object);
void CFRelease(CFTypeRef object);
