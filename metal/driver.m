//go:build cgo && (darwin || gnustep)

#import <Foundation/Foundation.h>
#import <IOKit/IOKitLib.h>
#import <Metal/Metal.h>
#import <MetalPerformanceShaders/MetalPerformanceShaders.h>

#include "driver.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static uint64_t now_ns(void)
{
#ifdef __APPLE__
	return clock_gettime_nsec_np(CLOCK_UPTIME_RAW); // CLOCK_MONOTONIC counts microseconds there
#else
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
#endif
}

static void put(char *to, size_t size, NSString *text)
{
	const char *s = [text UTF8String];
	snprintf(to, size, "%s", s ? s : "");
}

static void explain(mtl_error *e, NSError *error, NSString *otherwise)
{
	e->code = error ? [error code] : 0;
	put(e->domain, sizeof e->domain, error ? [error domain] : @"");
	put(e->text, sizeof e->text, error ? [error localizedDescription] : otherwise);
}

int mtl_devices(void **devices, int most)
{
	@autoreleasepool {
		NSArray *all = MTLCopyAllDevices();
		int n = 0;
		for (id<MTLDevice> device in all)
			if (n++ < most)
				devices[n - 1] = [device retain];
		[all release];
		return n;
	}
}

// newest is the last of the families, from one on, that the device belongs to, counted
// from 1. Families that this system does not know are none of it.
static uint32_t newest(id<MTLDevice> device, NSInteger first)
{
	uint32_t found = 0;
	for (uint32_t n = 0; n < 20; n++)
		if ([device supportsFamily:(MTLGPUFamily)(first + n)])
			found = n + 1;
	return found;
}

// cores are only in the registry of devices, where the device's own entry or one of those
// around it says them.
static uint32_t cores(id<MTLDevice> device)
{
	io_service_t service = IOServiceGetMatchingService(0, IORegistryEntryIDMatching([device registryID])); // which takes the dictionary
	if (!service)
		return 0;
	CFTypeRef value = IORegistryEntrySearchCFProperty(service, kIOServicePlane, (CFStringRef)@"gpu-core-count", NULL,
	                                                  kIORegistryIterateRecursively | kIORegistryIterateParents);
	IOObjectRelease(service);
	if (!value)
		return 0;
	uint32_t n = [(id)value isKindOfClass:[NSNumber class]] ? [(NSNumber *)value unsignedIntValue] : 0;
	CFRelease(value);
	return n;
}

void mtl_describe(void *object, mtl_info *info)
{
	@autoreleasepool {
		id<MTLDevice> device = (id<MTLDevice>)object;
		memset(info, 0, sizeof *info);
		put(info->name, sizeof info->name, [device name]);
		info->unified = [device hasUnifiedMemory];
		info->mps = MPSSupportsMTLDevice(device);
		info->apple_family = newest(device, MTLGPUFamilyApple1);
		info->mac_family = newest(device, MTLGPUFamilyMac1);
		info->metal_family = newest(device, MTLGPUFamilyMetal3);
		if (info->metal_family)
			info->metal_family += 2; // they begin with 3
		info->cores = cores(device);
		info->working_set = [device recommendedMaxWorkingSetSize];
		info->max_buffer = [device maxBufferLength];
		info->max_threadgroup_memory = [device maxThreadgroupMemoryLength];
		MTLSize most = [device maxThreadsPerThreadgroup];
		info->max_threads[0] = most.width;
		info->max_threads[1] = most.height;
	}
}

void mtl_release(void *object)
{
	@autoreleasepool {
		[(id)object release];
	}
}

void *mtl_queue(void *device)
{
	@autoreleasepool {
		return [(id<MTLDevice>)device newCommandQueue];
	}
}

// Memory is shared, so the host reads what the device wrote once its command buffer is
// completed, and the device what the host wrote before it was committed. Metal tracks
// the buffer's hazards from one encoder to the next.
void *mtl_buffer(void *device, uint64_t bytes)
{
	@autoreleasepool {
		return [(id<MTLDevice>)device newBufferWithLength:bytes options:MTLResourceStorageModeShared];
	}
}

void *mtl_contents(void *buffer)
{
	@autoreleasepool {
		return [(id<MTLBuffer>)buffer contents];
	}
}

void *mtl_pipeline(void *object, const char *text, const char *entry, const char *const *macros, const uint32_t *values, int count,
                   uint64_t *most, mtl_error *e)
{
	@autoreleasepool {
		id<MTLDevice> device = (id<MTLDevice>)object;
		NSMutableDictionary *defined = [NSMutableDictionary dictionary];
		for (int i = 0; i < count; i++)
			[defined setObject:[NSNumber numberWithUnsignedInt:values[i]] forKey:[NSString stringWithUTF8String:macros[i]]];
		MTLCompileOptions *options = [[[MTLCompileOptions alloc] init] autorelease];
		[options setFastMathEnabled:NO];
		[options setLanguageVersion:MTLLanguageVersion2_1];
		[options setPreprocessorMacros:defined];
		// Of warnings the error tells too, so what counts is whether there is a library.
		NSError *error = nil;
		id<MTLLibrary> library = [[device newLibraryWithSource:[NSString stringWithUTF8String:text] options:options error:&error] autorelease];
		if (!library) {
			explain(e, error, @"the compiler does not say why");
			return NULL;
		}
		NSString *name = [NSString stringWithUTF8String:entry];
		id<MTLFunction> function = [[library newFunctionWithName:name] autorelease];
		if (!function) {
			explain(e, nil, [NSString stringWithFormat:@"the library has no function %@", name]);
			return NULL;
		}
		error = nil;
		id<MTLComputePipelineState> pipeline = [device newComputePipelineStateWithFunction:function error:&error];
		if (!pipeline) {
			explain(e, error, @"the compiler does not say why");
			return NULL;
		}
		*most = [pipeline maxTotalThreadsPerThreadgroup];
		return pipeline;
	}
}

// finish commits the commands and waits for them.
static int finish(id<MTLCommandBuffer> commands, mtl_timing *t, mtl_error *e)
{
	uint64_t start = now_ns();
	[commands commit];
	[commands waitUntilCompleted];
	t->host_ns = now_ns() - start;
	if ([commands status] != MTLCommandBufferStatusCompleted) {
		explain(e, [commands error], [NSString stringWithFormat:@"the command buffer ended with status %d and no error", (int)[commands status]]);
		return 1;
	}
	t->start = [commands GPUStartTime];
	t->end = [commands GPUEndTime];
	return 0;
}

// place is where a dispatch of the batch has its C.
static uint64_t place(const mtl_batch *b, uint32_t i)
{
	return i == b->apart ? b->own : b->offset + (uint64_t)(b->step * (int64_t)(i - (i > b->apart)));
}

// The encoder is of the serial kind: a dispatch begins when the one before it has
// finished, and sees all that it wrote.
int mtl_run(void *queue, void *pipeline, void *const *buffers, const mtl_batch *b, mtl_timing *t, mtl_error *e)
{
	@autoreleasepool {
		id<MTLCommandBuffer> commands = [(id<MTLCommandQueue>)queue commandBuffer];
		id<MTLComputeCommandEncoder> encoder = [commands computeCommandEncoderWithDispatchType:MTLDispatchTypeSerial];
		if (!encoder) {
			explain(e, nil, commands ? @"there is no encoder" : @"there is no command buffer");
			return 1;
		}
		[encoder setComputePipelineState:(id<MTLComputePipelineState>)pipeline];
		for (int i = 0; i < 3; i++)
			[encoder setBuffer:(id<MTLBuffer>)buffers[i] offset:i == 2 ? place(b, 0) : 0 atIndex:i];
		[encoder setBytes:b->size length:sizeof b->size atIndex:3];
		for (uint32_t i = 0; i < b->count; i++) {
			if (i > 0)
				[encoder setBufferOffset:place(b, i) atIndex:2];
			[encoder dispatchThreadgroups:MTLSizeMake(b->groups[0], b->groups[1], 1) threadsPerThreadgroup:MTLSizeMake(b->threads[0], b->threads[1], 1)];
		}
		[encoder endEncoding];
		return finish(commands, t, e);
	}
}

void *mtl_product(void *device, const uint32_t *size)
{
	@autoreleasepool {
		return [[MPSMatrixMultiplication alloc] initWithDevice:(id<MTLDevice>)device
		                                         transposeLeft:NO
		                                        transposeRight:NO
		                                            resultRows:size[0]
		                                         resultColumns:size[1]
		                                       interiorColumns:size[2]
		                                                 alpha:1
		                                                  beta:0];
	}
}

// matrix is a matrix in a buffer, without padding, autoreleased.
static MPSMatrix *matrix(void *buffer, uint64_t offset, uint32_t rows, uint32_t columns, uint32_t element)
{
	MPSMatrixDescriptor *d = [MPSMatrixDescriptor matrixDescriptorWithRows:rows
	                                                               columns:columns
	                                                              rowBytes:element * (NSUInteger)columns
	                                                              dataType:element == 2 ? MPSDataTypeFloat16 : MPSDataTypeFloat32];
	return [[[MPSMatrix alloc] initWithBuffer:(id<MTLBuffer>)buffer offset:offset descriptor:d] autorelease];
}

// A product makes its own encoders. As all write the same buffer, Metal lets none begin
// before the one ahead of it has finished.
int mtl_multiply(void *queue, void *product, void *const *buffers, const mtl_batch *b, mtl_timing *t, mtl_error *e)
{
	@autoreleasepool {
		id<MTLCommandBuffer> commands = [(id<MTLCommandQueue>)queue commandBuffer];
		if (!commands) {
			explain(e, nil, @"there is no command buffer");
			return 1;
		}
		MPSMatrix *left = matrix(buffers[0], 0, b->size[0], b->size[2], b->element);
		MPSMatrix *right = matrix(buffers[1], 0, b->size[2], b->size[1], b->element);
		for (uint32_t i = 0; i < b->count; i++)
			[(MPSMatrixMultiplication *)product encodeToCommandBuffer:commands
			                                               leftMatrix:left
			                                              rightMatrix:right
			                                             resultMatrix:matrix(buffers[2], place(b, i), b->size[0], b->size[1], b->element)];
		return finish(commands, t, e);
	}
}
