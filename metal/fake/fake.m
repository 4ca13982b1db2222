//go:build gnustep

#import <Foundation/Foundation.h>
#import <IOKit/IOKitLib.h>
#import <Metal/Metal.h>
#import <MetalPerformanceShaders/MetalPerformanceShaders.h>

#include "fake.h"

#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

fake_control fake;
fake_state fake_seen;

// In fake.go: the shared library of a text, or NULL with the compiler's messages. Both are
// to be freed.
extern char *fakeCompile(char *text, char *macros, char **messages);

static void broken(const char *rule)
{
	if (!fake_seen.broken[0])
		snprintf(fake_seen.broken, sizeof fake_seen.broken, "%s", rule);
}

static void rule(int kept, const char *text)
{
	if (!kept)
		broken(text);
}

static NSError *problem(NSString *domain, int code, NSString *text)
{
	if (fake.silent)
		return nil;
	return [NSError errorWithDomain:domain code:code userInfo:[NSDictionary dictionaryWithObject:text forKey:NSLocalizedDescriptionKey]];
}

// FakeObject counts the objects that live.
@interface FakeObject : NSObject
@end

@implementation FakeObject
+ (instancetype)allocWithZone:(NSZone *)zone
{
	fake_seen.live++;
	return [super allocWithZone:zone];
}
- (void)dealloc
{
	fake_seen.live--;
	[super dealloc];
}
@end

@implementation MTLCompileOptions
- (instancetype)init
{
	fake_seen.live++;
	_fastMath = YES; // as Metal has it
	return [super init];
}
- (void)dealloc
{
	fake_seen.live--;
	[_macros release];
	[super dealloc];
}
- (NSDictionary *)preprocessorMacros { return _macros; }
- (void)setPreprocessorMacros:(NSDictionary *)macros
{
	[_macros release];
	_macros = [macros copy];
}
- (BOOL)fastMathEnabled { return _fastMath; }
- (void)setFastMathEnabled:(BOOL)on { _fastMath = on; }
- (MTLLanguageVersion)languageVersion { return _version; }
- (void)setLanguageVersion:(MTLLanguageVersion)version { _version = version; }
@end

typedef int (*run_function)(void *const *buffers, const uint32_t *groups, const uint32_t *threads);

@interface FakeFunction : FakeObject <MTLFunction> {
  @public
	run_function run;
}
@end
@implementation FakeFunction
@end

@interface FakeLibrary : FakeObject <MTLLibrary> {
  @public
	void *handle;
}
@end
@implementation FakeLibrary
- (id<MTLFunction>)newFunctionWithName:(NSString *)name
{
	if (fake.no_function || ![name isEqualToString:@"main0"])
		return nil;
	FakeFunction *f = [[FakeFunction alloc] init];
	f->run = (run_function)dlsym(handle, "msl_run");
	return f;
}
@end

@interface FakePipeline : FakeObject <MTLComputePipelineState> {
  @public
	run_function run;
}
@end
@implementation FakePipeline
- (NSUInteger)maxTotalThreadsPerThreadgroup { return fake.pipeline_threads ? fake.pipeline_threads : 1024; }
@end

@interface FakeBuffer : FakeObject <MTLBuffer> {
  @public
	char *bytes;
	NSUInteger length;
}
@end
@implementation FakeBuffer
- (void *)contents { return bytes; }
- (void)dealloc
{
	free(bytes);
	[super dealloc];
}
@end

// get is an element of a matrix of so many bits, of which 16 are IEEE 754's binary16.
static float get(const void *matrix, uint32_t at, uint32_t bits)
{
	if (bits == 32)
		return ((const float *)matrix)[at];
	uint16_t h = ((const uint16_t *)matrix)[at];
	int exponent = h >> 10 & 31, fraction = h & 1023;
	double v = exponent == 31 ? (fraction ? NAN : INFINITY) : exponent ? ldexp(fraction + 1024, exponent - 25) : ldexp(fraction, -24);
	return h >> 15 ? -v : v;
}

// put rounds to nearest, to even in a tie.
static void put(void *matrix, uint32_t at, uint32_t bits, float v)
{
	if (bits == 32) {
		((float *)matrix)[at] = v;
		return;
	}
	uint16_t *h = (uint16_t *)matrix + at, sign = signbit(v) ? 0x8000 : 0;
	double x = fabs(v);
	int exponent = x > 0 && isfinite(x) ? fmax(ilogb(x), -14) : -14;
	int lost = fake.half_bits ? 11 - fake.half_bits : 0;
	long n = isfinite(x) ? lrint(ldexp(x, 10 - lost - exponent)) << lost : 0; // 1024 and more but for the smallest; 2048 carries
	long all = ((long)(exponent + 14) << 10) + n;
	*h = sign | (isnan(x) ? 0x7e00 : all >= 0x7c00 || isinf(x) ? 0x7c00 : all);
}

// FakeCommand is a dispatch that is encoded and not yet carried out. It keeps what it
// uses, as Metal does.
@interface FakeCommand : FakeObject {
  @public
	FakePipeline *pipeline; // nil for a product
	FakeBuffer *buffers[3];
	fake_dispatch what;
}
- (const char *)carryOut;
@end
@implementation FakeCommand
- (void)dealloc
{
	[pipeline release];
	for (int i = 0; i < 3; i++)
		[buffers[i] release];
	[super dealloc];
}
- (const char *)carryOut
{
	void *args[4] = {NULL, NULL, NULL, what.size};
	for (int i = 0; i < 3; i++)
		args[i] = buffers[i]->bytes + what.offsets[i];
	fake_seen.log[fake_seen.dispatches++ % FAKE_LOG] = what;
	if (pipeline) {
		uint32_t groups[2] = {what.groups[0], what.groups[1]}, threads[2] = {what.threads[0], what.threads[1]};
		return pipeline->run(args, groups, threads) ? "a barrier was not met by all" : NULL;
	}
	for (uint32_t i = 0; i < what.size[0]; i++)
		for (uint32_t j = 0; j < what.size[1]; j++) {
			float v = 0;
			for (uint32_t k = 0; k < what.size[2]; k++) {
				v += get(args[0], i * what.size[2] + k, what.product) * get(args[1], k * what.size[1] + j, what.product);
				if (fake.half_sums) {
					uint16_t sum;
					put(&sum, 0, what.product, v);
					v = get(&sum, 0, what.product);
				}
			}
			uint32_t at = i * what.size[1] + j;
			put(args[2], at, what.product, (int)at + 1 == fake.wrong_element ? v + 1 : v);
		}
	return NULL;
}
@end

@interface FakeCommandBuffer : FakeObject <MTLCommandBuffer> {
  @public
	NSMutableArray *commands;
	int encoding; // encoders that have not ended
	MTLCommandBufferStatus status;
	NSError *error;
	int waited;
}
@end

@interface FakeEncoder : FakeObject <MTLComputeCommandEncoder> {
  @public
	FakeCommandBuffer *owner;
	FakePipeline *pipeline;
	FakeBuffer *buffers[3];
	fake_dispatch what;
	int sized, ended;
}
@end

@implementation FakeEncoder
- (void)dealloc
{
	rule(ended, "an encoder was released before it had ended");
	[pipeline release];
	for (int i = 0; i < 3; i++)
		[buffers[i] release];
	[owner release];
	[super dealloc];
}
- (void)setComputePipelineState:(id<MTLComputePipelineState>)state
{
	[state retain];
	[pipeline release];
	pipeline = (FakePipeline *)state;
}
- (void)setBytes:(const void *)bytes length:(NSUInteger)length atIndex:(NSUInteger)index
{
	rule(index == 3 && length == 12, "the bytes are not the 12 of m, n and k at index 3");
	if (length == 12)
		memcpy(what.size, bytes, 12);
	sized = 1;
}
- (void)setBuffer:(id<MTLBuffer>)buffer offset:(NSUInteger)offset atIndex:(NSUInteger)index
{
	rule(index < 3, "a buffer has an index above 2");
	if (index >= 3)
		return;
	[buffer retain];
	[buffers[index] release];
	buffers[index] = (FakeBuffer *)buffer;
	[self setBufferOffset:offset atIndex:index];
}
- (void)setBufferOffset:(NSUInteger)offset atIndex:(NSUInteger)index
{
	rule(index < 3 && buffers[index] && offset % 256 == 0 && offset < buffers[index]->length, "an offset is none of a buffer, or no multiple of 256");
	if (index < 3)
		what.offsets[index] = offset;
}
- (void)dispatchThreadgroups:(MTLSize)groups threadsPerThreadgroup:(MTLSize)threads
{
	rule(!ended, "a dispatch after the encoder's end");
	rule(pipeline && sized && buffers[0] && buffers[1] && buffers[2], "a dispatch without a pipeline or an argument");
	rule(threads.width * threads.height * threads.depth <= [pipeline maxTotalThreadsPerThreadgroup], "a threadgroup has too many threads");
	if (fake_seen.broken[0])
		return;
	what.groups[0] = groups.width, what.groups[1] = groups.height, what.groups[2] = groups.depth;
	what.threads[0] = threads.width, what.threads[1] = threads.height, what.threads[2] = threads.depth;
	FakeCommand *c = [[[FakeCommand alloc] init] autorelease];
	c->pipeline = [pipeline retain];
	for (int i = 0; i < 3; i++)
		c->buffers[i] = [buffers[i] retain];
	c->what = what;
	[owner->commands addObject:c];
}
- (void)endEncoding
{
	rule(!ended, "an encoder ended twice");
	ended = 1;
	owner->encoding--;
}
@end

@implementation FakeCommandBuffer
- (instancetype)init
{
	commands = [[NSMutableArray alloc] init];
	return [super init];
}
- (void)dealloc
{
	[commands release];
	[error release];
	[super dealloc];
}
- (id<MTLComputeCommandEncoder>)computeCommandEncoderWithDispatchType:(MTLDispatchType)type
{
	rule(type == MTLDispatchTypeSerial, "the encoder's dispatches may overlap");
	if (fake.no_encoder)
		return nil;
	FakeEncoder *e = [[[FakeEncoder alloc] init] autorelease];
	e->owner = [self retain];
	encoding++;
	return e;
}
- (void)commit
{
	rule(encoding == 0, "a commit before the encoder's end");
	rule(status == MTLCommandBufferStatusNotEnqueued, "a second commit");
	status = MTLCommandBufferStatusCommitted;
}
// Nothing is carried out before somebody waits: what is read before that is old.
- (void)waitUntilCompleted
{
	rule(status == MTLCommandBufferStatusCommitted, "a wait without a commit");
	if (fake.command_error) {
		status = MTLCommandBufferStatusError;
		error = [problem(@"MTLCommandBufferErrorDomain", fake.command_error, @"Caused GPU Error (fake)") retain];
		return;
	}
	for (FakeCommand *c in commands) {
		const char *why = fake.idle ? NULL : [c carryOut];
		if (why)
			broken(why);
	}
	status = MTLCommandBufferStatusCompleted;
	waited = 1;
}
- (MTLCommandBufferStatus)status { return status; }
- (NSError *)error { return error; }
- (CFTimeInterval)GPUStartTime
{
	rule(waited, "the clock was read before the end");
	return fake.start;
}
- (CFTimeInterval)GPUEndTime { return fake.end; }
@end

@interface FakeQueue : FakeObject <MTLCommandQueue>
@end
@implementation FakeQueue
- (id<MTLCommandBuffer>)commandBuffer
{
	if (fake.no_command_buffer)
		return nil;
	fake_seen.command_buffers++;
	return [[[FakeCommandBuffer alloc] init] autorelease];
}
@end

@interface FakeDevice : FakeObject <MTLDevice>
@end

@implementation FakeDevice
- (NSString *)name { return @"Apple M0 (fake)"; }
- (uint64_t)registryID { return 4711; }
- (BOOL)hasUnifiedMemory { return !fake.discrete; }
- (uint64_t)recommendedMaxWorkingSetSize { return fake.working_set ? fake.working_set : 1ull << 33; }
- (NSUInteger)maxBufferLength { return fake.max_buffer ? fake.max_buffer : 1ull << 32; }
- (NSUInteger)maxThreadgroupMemoryLength { return fake.group_memory ? fake.group_memory : 32768; }
- (MTLSize)maxThreadsPerThreadgroup { return MTLSizeMake(1024, 1024, 1024); }
- (BOOL)supportsFamily:(MTLGPUFamily)family
{
	int f = (int)family;
	return !fake.unknown_families && ((f >= 1001 && f <= 1009) || f == 2002 || f == 5001);
}
- (id<MTLCommandQueue>)newCommandQueue { return fake.no_queue ? nil : [[FakeQueue alloc] init]; }
- (id<MTLBuffer>)newBufferWithLength:(NSUInteger)length options:(MTLResourceOptions)options
{
	rule(options == MTLResourceStorageModeShared, "a buffer is not shared");
	if (++fake_seen.buffers == fake.no_buffer)
		return nil;
	FakeBuffer *b = [[FakeBuffer alloc] init];
	b->bytes = calloc(1, length);
	b->length = length;
	return b;
}
- (id<MTLLibrary>)newLibraryWithSource:(NSString *)source options:(MTLCompileOptions *)options error:(NSError **)error
{
	fake_seen.fast_math = [options fastMathEnabled];
	fake_seen.version = (int)[options languageVersion];
	NSMutableString *macros = [NSMutableString string];
	NSDictionary *all = [options preprocessorMacros];
	for (NSString *name in all)
		[macros appendFormat:@"%@=%@\n", name, [all objectForKey:name]];
	char *messages = NULL;
	char *path = fakeCompile((char *)[source UTF8String], (char *)[macros UTF8String], &messages);
	void *handle = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
	if (path && !handle)
		broken(dlerror());
	FakeLibrary *library = nil;
	if (handle) {
		library = [[FakeLibrary alloc] init];
		library->handle = handle;
	} else {
		*error = problem(@"MTLLibraryErrorDomain", 3, [NSString stringWithUTF8String:messages ? messages : "?"]);
	}
	free(path);
	free(messages);
	return library;
}
- (id<MTLComputePipelineState>)newComputePipelineStateWithFunction:(id<MTLFunction>)function error:(NSError **)error
{
	if (fake.no_pipeline) {
		*error = problem(@"AGXMetalG13X", 3, @"Compiler encountered an internal error (fake)");
		return nil;
	}
	FakePipeline *p = [[FakePipeline alloc] init];
	p->run = ((FakeFunction *)function)->run;
	return p;
}
@end

NSArray *MTLCopyAllDevices(void)
{
	if (fake.no_device)
		return [[NSArray alloc] init];
	FakeDevice *d = [[FakeDevice alloc] init];
	NSArray *all = [[NSArray alloc] initWithObjects:d, nil];
	[d release];
	return all;
}

BOOL MPSSupportsMTLDevice(id<MTLDevice> device) { return device && !fake.no_mps; }

@implementation MPSMatrixDescriptor
+ (instancetype)matrixDescriptorWithRows:(NSUInteger)rows columns:(NSUInteger)columns rowBytes:(NSUInteger)rowBytes dataType:(MPSDataType)dataType
{
	rule(dataType == MPSDataTypeFloat32 || dataType == MPSDataTypeFloat16, "a matrix is of neither float32 nor float16");
	rule(rowBytes == (dataType & 63) / 8 * columns && rows > 0 && columns > 0, "a matrix has padding or overlapping rows, or is empty");
	MPSMatrixDescriptor *d = [[[self alloc] init] autorelease];
	d->rows = rows, d->columns = columns, d->rowBytes = rowBytes, d->dataType = dataType;
	return d;
}
- (instancetype)init
{
	fake_seen.live++;
	return [super init];
}
- (void)dealloc
{
	fake_seen.live--;
	[super dealloc];
}
@end

@implementation MPSMatrix
- (instancetype)initWithBuffer:(id<MTLBuffer>)b offset:(NSUInteger)o descriptor:(MPSMatrixDescriptor *)d
{
	fake_seen.live++;
	rule(o % 128 == 0 && o + d->rows * d->rowBytes <= ((FakeBuffer *)b)->length, "a matrix does not fit into its buffer, or not at a multiple of 128 bytes");
	buffer = [b retain];
	offset = o;
	descriptor = [d retain];
	return [super init];
}
- (void)dealloc
{
	fake_seen.live--;
	[buffer release];
	[descriptor release];
	[super dealloc];
}
@end

@implementation MPSMatrixMultiplication
- (instancetype)initWithDevice:(id<MTLDevice>)device
                 transposeLeft:(BOOL)left
                transposeRight:(BOOL)right
                    resultRows:(NSUInteger)m
                 resultColumns:(NSUInteger)n
               interiorColumns:(NSUInteger)k
                         alpha:(double)alpha
                          beta:(double)beta
{
	rule(device && !left && !right && alpha == 1 && beta == 0 && m > 0 && n > 0 && k > 0, "the product is not A x B");
	fake_seen.live++;
	self = [super init];
	rows = m, columns = n, interior = k;
	if (fake.no_product) {
		[self release];
		return nil;
	}
	return self;
}
- (void)dealloc
{
	fake_seen.live--;
	[super dealloc];
}
- (void)encodeToCommandBuffer:(id<MTLCommandBuffer>)commands leftMatrix:(MPSMatrix *)a rightMatrix:(MPSMatrix *)b resultMatrix:(MPSMatrix *)c
{
	rule(a->descriptor->rows == rows && a->descriptor->columns == interior && b->descriptor->rows == interior && b->descriptor->columns == columns &&
	         c->descriptor->rows == rows && c->descriptor->columns == columns,
	     "the matrices do not have the product's sizes");
	rule(a->descriptor->dataType == b->descriptor->dataType && a->descriptor->dataType == c->descriptor->dataType, "the matrices are of different types");
	FakeCommand *command = [[[FakeCommand alloc] init] autorelease];
	MPSMatrix *all[3] = {a, b, c};
	for (int i = 0; i < 3; i++) {
		command->buffers[i] = [(FakeBuffer *)all[i]->buffer retain];
		command->what.offsets[i] = all[i]->offset;
	}
	command->what.product = c->descriptor->dataType & 63;
	command->what.size[0] = rows, command->what.size[1] = columns, command->what.size[2] = interior;
	[((FakeCommandBuffer *)commands)->commands addObject:command];
}
@end

// The registry of devices: one entry, with the number of its cores.

enum { SERVICE = 12 };

CFMutableDictionaryRef IORegistryEntryIDMatching(uint64_t entry)
{
	fake_seen.live++;
	return (CFMutableDictionaryRef)[[NSMutableDictionary alloc] initWithObjectsAndKeys:[NSNumber numberWithUnsignedLongLong:entry], @"IORegistryEntryID", nil];
}

io_service_t IOServiceGetMatchingService(mach_port_t port, CFDictionaryRef matching)
{
	uint64_t entry = [[(NSDictionary *)matching objectForKey:@"IORegistryEntryID"] unsignedLongLongValue];
	CFRelease(matching); // which this function takes
	if (port != 0 || entry != 4711 || fake.no_registry)
		return 0;
	fake_seen.live++;
	return SERVICE;
}

CFTypeRef IORegistryEntrySearchCFProperty(io_registry_entry_t entry, const char *plane, CFStringRef key, CFAllocatorRef allocator, IOOptionBits options)
{
	rule(entry == SERVICE && strcmp(plane, "IOService") == 0 && !allocator && options == 3, "a strange search in the registry");
	if (fake.no_cores || ![(NSString *)key isEqualToString:@"gpu-core-count"])
		return NULL;
	fake_seen.live++;
	return [[NSNumber alloc] initWithUnsignedInt:38];
}

int IOObjectRelease(uint32_t object)
{
	rule(object == SERVICE, "an object was given back that is none");
	fake_seen.live--;
	return 0;
}

void CFRelease(CFTypeRef object)
{
	fake_seen.live--;
	[(id)object release];
}

@interface NSProcessInfo (Thermal)
- (NSInteger)thermalState;
@end

@implementation NSProcessInfo (Thermal)
- (NSInteger)thermalState { return fake.thermal; }
@end
