// What metal/driver.m uses of Metal Performance Shaders; see Metal.h.

#import <Metal/Metal.h>

typedef enum : uint32_t { MPSDataTypeFloat32 = 0x10000000 | 32, MPSDataTypeFloat16 = 0x10000000 | 16 } MPSDataType;

BOOL MPSSupportsMTLDevice(id<MTLDevice> device);

@interface MPSMatrixDescriptor : NSObject {
  @public
	NSUInteger rows, columns, rowBytes;
	MPSDataType dataType;
}
+ (instancetype)matrixDescriptorWithRows:(NSUInteger)rows columns:(NSUInteger)columns rowBytes:(NSUInteger)rowBytes dataType:(MPSDataType)dataType;
@end

@interface MPSMatrix : NSObject {
  @public
	id<MTLBuffer> buffer;
	NSUInteger offset;
	MPSMatrixDescriptor *descriptor;
}
- (instancetype)initWithBuffer:(id<MTLBuffer>)buffer offset:(NSUInteger)offset descriptor:(MPSMatrixDescriptor *)descriptor;
@end

@interface MPSMatrixMultiplication : NSObject {
	NSUInteger rows, columns, interior;
}
- (instancetype)initWithDevice:(id<MTLDevice>)device
                 transposeLeft:(BOOL)transposeLeft
                transposeRight:(BOOL)transposeRight
                    resultRows:(NSUInteger)resultRows
                 resultColumns:(NSUInteger)resultColumns
               interiorColumns:(NSUInteger)interiorColumns
                         alpha:(double)alpha
                          beta:(double)beta;
- (void)encodeToCommandBuffer:(id<MTLCommandBuffer>)commandBuffer
                   leftMatrix:(MPSMatrix *)leftMatrix
                  rightMatrix:(MPSMatrix *)rightMatrix
                 resultMatrix:(MPSMatrix *)resultMatrix;
@end
