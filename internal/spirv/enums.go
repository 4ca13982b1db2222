// Names of the enumerants that modules carry: storage classes, decorations, built-ins, capabilities, execution modes.

package spirv

import "fmt"

func enumName[E ~uint32](kind string, v E, names map[E]string) string {
	if s, ok := names[v]; ok {
		return s
	}
	return fmt.Sprintf("%s(%d)", kind, uint32(v))
}

// StorageClass says in which memory a variable lives.
type StorageClass uint32

// The values of StorageClass that a Vulkan compute kernel may meet, numbered by the specification.
const (
	StorageUniformConstant       StorageClass = 0
	StorageInput                 StorageClass = 1
	StorageUniform               StorageClass = 2
	StorageOutput                StorageClass = 3
	StorageWorkgroup             StorageClass = 4
	StorageCrossWorkgroup        StorageClass = 5
	StoragePrivate               StorageClass = 6
	StorageFunction              StorageClass = 7
	StorageGeneric               StorageClass = 8
	StoragePushConstant          StorageClass = 9
	StorageAtomicCounter         StorageClass = 10
	StorageImage                 StorageClass = 11
	StorageStorageBuffer         StorageClass = 12
	StoragePhysicalStorageBuffer StorageClass = 5349
)

var storageClassNames = map[StorageClass]string{
	0: "UniformConstant", 1: "Input", 2: "Uniform", 3: "Output", 4: "Workgroup", 5: "CrossWorkgroup", 6: "Private", 7: "Function",
	8: "Generic", 9: "PushConstant", 10: "AtomicCounter", 11: "Image", 12: "StorageBuffer", 5349: "PhysicalStorageBuffer",
}

// String is the name that the specification gives, or StorageClass(1234) for an unknown one.
func (v StorageClass) String() string { return enumName("StorageClass", v, storageClassNames) }

// Decoration is a property that an annotation gives to an id or to a member of a struct.
type Decoration uint32

// The values of Decoration that a Vulkan compute kernel may meet, numbered by the specification.
const (
	DecorationRelaxedPrecision     Decoration = 0
	DecorationSpecId               Decoration = 1
	DecorationBlock                Decoration = 2
	DecorationBufferBlock          Decoration = 3
	DecorationRowMajor             Decoration = 4
	DecorationColMajor             Decoration = 5
	DecorationArrayStride          Decoration = 6
	DecorationMatrixStride         Decoration = 7
	DecorationGLSLShared           Decoration = 8
	DecorationGLSLPacked           Decoration = 9
	DecorationCPacked              Decoration = 10
	DecorationBuiltIn              Decoration = 11
	DecorationNoPerspective        Decoration = 13
	DecorationFlat                 Decoration = 14
	DecorationPatch                Decoration = 15
	DecorationCentroid             Decoration = 16
	DecorationSample               Decoration = 17
	DecorationInvariant            Decoration = 18
	DecorationRestrict             Decoration = 19
	DecorationAliased              Decoration = 20
	DecorationVolatile             Decoration = 21
	DecorationConstant             Decoration = 22
	DecorationCoherent             Decoration = 23
	DecorationNonWritable          Decoration = 24
	DecorationNonReadable          Decoration = 25
	DecorationUniform              Decoration = 26
	DecorationUniformId            Decoration = 27
	DecorationSaturatedConversion  Decoration = 28
	DecorationStream               Decoration = 29
	DecorationLocation             Decoration = 30
	DecorationComponent            Decoration = 31
	DecorationIndex                Decoration = 32
	DecorationBinding              Decoration = 33
	DecorationDescriptorSet        Decoration = 34
	DecorationOffset               Decoration = 35
	DecorationXfbBuffer            Decoration = 36
	DecorationXfbStride            Decoration = 37
	DecorationFuncParamAttr        Decoration = 38
	DecorationFPRoundingMode       Decoration = 39
	DecorationFPFastMathMode       Decoration = 40
	DecorationLinkageAttributes    Decoration = 41
	DecorationNoContraction        Decoration = 42
	DecorationInputAttachmentIndex Decoration = 43
	DecorationAlignment            Decoration = 44
	DecorationMaxByteOffset        Decoration = 45
	DecorationAlignmentId          Decoration = 46
	DecorationMaxByteOffsetId      Decoration = 47
	DecorationNoSignedWrap         Decoration = 4469
	DecorationNoUnsignedWrap       Decoration = 4470
	DecorationNonUniform           Decoration = 5300
	DecorationRestrictPointer      Decoration = 5355
	DecorationAliasedPointer       Decoration = 5356
	DecorationCounterBuffer        Decoration = 5634
	DecorationUserSemantic         Decoration = 5635
	DecorationUserTypeGOOGLE       Decoration = 5636
)

var decorationNames = map[Decoration]string{
	0: "RelaxedPrecision", 1: "SpecId", 2: "Block", 3: "BufferBlock", 4: "RowMajor", 5: "ColMajor", 6: "ArrayStride",
	7: "MatrixStride", 8: "GLSLShared", 9: "GLSLPacked", 10: "CPacked", 11: "BuiltIn", 13: "NoPerspective", 14: "Flat", 15: "Patch",
	16: "Centroid", 17: "Sample", 18: "Invariant", 19: "Restrict", 20: "Aliased", 21: "Volatile", 22: "Constant", 23: "Coherent",
	24: "NonWritable", 25: "NonReadable", 26: "Uniform", 27: "UniformId", 28: "SaturatedConversion", 29: "Stream", 30: "Location",
	31: "Component", 32: "Index", 33: "Binding", 34: "DescriptorSet", 35: "Offset", 36: "XfbBuffer", 37: "XfbStride",
	38: "FuncParamAttr", 39: "FPRoundingMode", 40: "FPFastMathMode", 41: "LinkageAttributes", 42: "NoContraction",
	43: "InputAttachmentIndex", 44: "Alignment", 45: "MaxByteOffset", 46: "AlignmentId", 47: "MaxByteOffsetId",
	4469: "NoSignedWrap", 4470: "NoUnsignedWrap", 5300: "NonUniform", 5355: "RestrictPointer", 5356: "AliasedPointer",
	5634: "CounterBuffer", 5635: "UserSemantic", 5636: "UserTypeGOOGLE",
}

// String is the name that the specification gives, or Decoration(1234) for an unknown one.
func (v Decoration) String() string { return enumName("Decoration", v, decorationNames) }

// BuiltIn is the meaning of an input that the device provides.
type BuiltIn uint32

// The values of BuiltIn that a Vulkan compute kernel may meet, numbered by the specification.
const (
	BuiltInPosition                  BuiltIn = 0
	BuiltInPointSize                 BuiltIn = 1
	BuiltInClipDistance              BuiltIn = 3
	BuiltInCullDistance              BuiltIn = 4
	BuiltInVertexId                  BuiltIn = 5
	BuiltInInstanceId                BuiltIn = 6
	BuiltInPrimitiveId               BuiltIn = 7
	BuiltInInvocationId              BuiltIn = 8
	BuiltInLayer                     BuiltIn = 9
	BuiltInViewportIndex             BuiltIn = 10
	BuiltInTessLevelOuter            BuiltIn = 11
	BuiltInTessLevelInner            BuiltIn = 12
	BuiltInTessCoord                 BuiltIn = 13
	BuiltInPatchVertices             BuiltIn = 14
	BuiltInFragCoord                 BuiltIn = 15
	BuiltInPointCoord                BuiltIn = 16
	BuiltInFrontFacing               BuiltIn = 17
	BuiltInSampleId                  BuiltIn = 18
	BuiltInSamplePosition            BuiltIn = 19
	BuiltInSampleMask                BuiltIn = 20
	BuiltInFragDepth                 BuiltIn = 22
	BuiltInHelperInvocation          BuiltIn = 23
	BuiltInNumWorkgroups             BuiltIn = 24
	BuiltInWorkgroupSize             BuiltIn = 25
	BuiltInWorkgroupId               BuiltIn = 26
	BuiltInLocalInvocationId         BuiltIn = 27
	BuiltInGlobalInvocationId        BuiltIn = 28
	BuiltInLocalInvocationIndex      BuiltIn = 29
	BuiltInWorkDim                   BuiltIn = 30
	BuiltInGlobalSize                BuiltIn = 31
	BuiltInEnqueuedWorkgroupSize     BuiltIn = 32
	BuiltInGlobalOffset              BuiltIn = 33
	BuiltInGlobalLinearId            BuiltIn = 34
	BuiltInSubgroupSize              BuiltIn = 36
	BuiltInSubgroupMaxSize           BuiltIn = 37
	BuiltInNumSubgroups              BuiltIn = 38
	BuiltInNumEnqueuedSubgroups      BuiltIn = 39
	BuiltInSubgroupId                BuiltIn = 40
	BuiltInSubgroupLocalInvocationId BuiltIn = 41
	BuiltInVertexIndex               BuiltIn = 42
	BuiltInInstanceIndex             BuiltIn = 43
	BuiltInPrimitiveShadingRateKHR   BuiltIn = 4432
	BuiltInShadingRateKHR            BuiltIn = 4444
	BuiltInWarpsPerSMNV              BuiltIn = 5374
	BuiltInSMCountNV                 BuiltIn = 5375
	BuiltInSMIDNV                    BuiltIn = 5377
)

var builtInNames = map[BuiltIn]string{
	0: "Position", 1: "PointSize", 3: "ClipDistance", 4: "CullDistance", 5: "VertexId", 6: "InstanceId", 7: "PrimitiveId",
	8: "InvocationId", 9: "Layer", 10: "ViewportIndex", 11: "TessLevelOuter", 12: "TessLevelInner", 13: "TessCoord",
	14: "PatchVertices", 15: "FragCoord", 16: "PointCoord", 17: "FrontFacing", 18: "SampleId", 19: "SamplePosition",
	20: "SampleMask", 22: "FragDepth", 23: "HelperInvocation", 24: "NumWorkgroups", 25: "WorkgroupSize", 26: "WorkgroupId",
	27: "LocalInvocationId", 28: "GlobalInvocationId", 29: "LocalInvocationIndex", 30: "WorkDim", 31: "GlobalSize",
	32: "EnqueuedWorkgroupSize", 33: "GlobalOffset", 34: "GlobalLinearId", 36: "SubgroupSize", 37: "SubgroupMaxSize",
	38: "NumSubgroups", 39: "NumEnqueuedSubgroups", 40: "SubgroupId", 41: "SubgroupLocalInvocationId", 42: "VertexIndex",
	43: "InstanceIndex", 4432: "PrimitiveShadingRateKHR", 4444: "ShadingRateKHR", 5374: "WarpsPerSMNV", 5375: "SMCountNV",
	5377: "SMIDNV",
}

// String is the name that the specification gives, or BuiltIn(1234) for an unknown one.
func (v BuiltIn) String() string { return enumName("BuiltIn", v, builtInNames) }

// Capability is a feature that a module declares it needs.
type Capability uint32

// The values of Capability that a Vulkan compute kernel may meet, numbered by the specification.
const (
	CapabilityMatrix                                      Capability = 0
	CapabilityShader                                      Capability = 1
	CapabilityGeometry                                    Capability = 2
	CapabilityTessellation                                Capability = 3
	CapabilityAddresses                                   Capability = 4
	CapabilityLinkage                                     Capability = 5
	CapabilityKernel                                      Capability = 6
	CapabilityVector16                                    Capability = 7
	CapabilityFloat16Buffer                               Capability = 8
	CapabilityFloat16                                     Capability = 9
	CapabilityFloat64                                     Capability = 10
	CapabilityInt64                                       Capability = 11
	CapabilityInt64Atomics                                Capability = 12
	CapabilityImageBasic                                  Capability = 13
	CapabilityImageReadWrite                              Capability = 14
	CapabilityImageMipmap                                 Capability = 15
	CapabilityPipes                                       Capability = 17
	CapabilityGroups                                      Capability = 18
	CapabilityDeviceEnqueue                               Capability = 19
	CapabilityLiteralSampler                              Capability = 20
	CapabilityAtomicStorage                               Capability = 21
	CapabilityInt16                                       Capability = 22
	CapabilityTessellationPointSize                       Capability = 23
	CapabilityGeometryPointSize                           Capability = 24
	CapabilityImageGatherExtended                         Capability = 25
	CapabilityStorageImageMultisample                     Capability = 27
	CapabilityUniformBufferArrayDynamicIndexing           Capability = 28
	CapabilitySampledImageArrayDynamicIndexing            Capability = 29
	CapabilityStorageBufferArrayDynamicIndexing           Capability = 30
	CapabilityStorageImageArrayDynamicIndexing            Capability = 31
	CapabilityClipDistance                                Capability = 32
	CapabilityCullDistance                                Capability = 33
	CapabilityImageCubeArray                              Capability = 34
	CapabilitySampleRateShading                           Capability = 35
	CapabilityImageRect                                   Capability = 36
	CapabilitySampledRect                                 Capability = 37
	CapabilityGenericPointer                              Capability = 38
	CapabilityInt8                                        Capability = 39
	CapabilitySparseResidency                             Capability = 41
	CapabilityMinLod                                      Capability = 42
	CapabilitySampled1D                                   Capability = 43
	CapabilityImage1D                                     Capability = 44
	CapabilitySampledCubeArray                            Capability = 45
	CapabilitySampledBuffer                               Capability = 46
	CapabilityImageBuffer                                 Capability = 47
	CapabilityImageMSArray                                Capability = 48
	CapabilityStorageImageExtendedFormats                 Capability = 49
	CapabilityImageQuery                                  Capability = 50
	CapabilityDerivativeControl                           Capability = 51
	CapabilityInterpolationFunction                       Capability = 52
	CapabilityTransformFeedback                           Capability = 53
	CapabilityGeometryStreams                             Capability = 54
	CapabilityStorageImageReadWithoutFormat               Capability = 55
	CapabilityStorageImageWriteWithoutFormat              Capability = 56
	CapabilityMultiViewport                               Capability = 57
	CapabilitySubgroupDispatch                            Capability = 58
	CapabilityNamedBarrier                                Capability = 59
	CapabilityPipeStorage                                 Capability = 60
	CapabilityGroupNonUniform                             Capability = 61
	CapabilityGroupNonUniformVote                         Capability = 62
	CapabilityGroupNonUniformArithmetic                   Capability = 63
	CapabilityGroupNonUniformBallot                       Capability = 64
	CapabilityGroupNonUniformShuffle                      Capability = 65
	CapabilityGroupNonUniformShuffleRelative              Capability = 66
	CapabilityGroupNonUniformClustered                    Capability = 67
	CapabilityGroupNonUniformQuad                         Capability = 68
	CapabilityShaderLayer                                 Capability = 69
	CapabilityShaderViewportIndex                         Capability = 70
	CapabilityUniformDecoration                           Capability = 71
	CapabilityFloat8EXT                                   Capability = 4212
	CapabilityFloat8CooperativeMatrixEXT                  Capability = 4213
	CapabilityFloat6EXT                                   Capability = 4228
	CapabilityFloat4EXT                                   Capability = 4229
	CapabilityFloat8UnsignedE8M0EXT                       Capability = 4230
	CapabilityMXInt8EXT                                   Capability = 4231
	CapabilityBitcastExtractEXT                           Capability = 4232
	CapabilitySubgroupBallotKHR                           Capability = 4423
	CapabilityDrawParameters                              Capability = 4427
	CapabilityWorkgroupMemoryExplicitLayoutKHR            Capability = 4428
	CapabilityWorkgroupMemoryExplicitLayout8BitAccessKHR  Capability = 4429
	CapabilityWorkgroupMemoryExplicitLayout16BitAccessKHR Capability = 4430
	CapabilitySubgroupVoteKHR                             Capability = 4431
	CapabilityStorageBuffer16BitAccess                    Capability = 4433
	CapabilityUniformAndStorageBuffer16BitAccess          Capability = 4434
	CapabilityStoragePushConstant16                       Capability = 4435
	CapabilityStorageInputOutput16                        Capability = 4436
	CapabilityDeviceGroup                                 Capability = 4437
	CapabilityMultiView                                   Capability = 4439
	CapabilityVariablePointersStorageBuffer               Capability = 4441
	CapabilityVariablePointers                            Capability = 4442
	CapabilityAtomicStorageOps                            Capability = 4445
	CapabilitySampleMaskPostDepthCoverage                 Capability = 4447
	CapabilityStorageBuffer8BitAccess                     Capability = 4448
	CapabilityUniformAndStorageBuffer8BitAccess           Capability = 4449
	CapabilityStoragePushConstant8                        Capability = 4450
	CapabilityDenormPreserve                              Capability = 4464
	CapabilityDenormFlushToZero                           Capability = 4465
	CapabilitySignedZeroInfNanPreserve                    Capability = 4466
	CapabilityRoundingModeRTE                             Capability = 4467
	CapabilityRoundingModeRTZ                             Capability = 4468
	CapabilityUntypedPointersKHR                          Capability = 4473
	CapabilityFloat16ImageAMD                             Capability = 5008
	CapabilityImageGatherBiasLodAMD                       Capability = 5009
	CapabilityStencilExportEXT                            Capability = 5013
	CapabilityImageReadWriteLodAMD                        Capability = 5015
	CapabilityInt64ImageEXT                               Capability = 5016
	CapabilityShaderClockKHR                              Capability = 5055
	CapabilityQuadControlKHR                              Capability = 5087
	CapabilityBFloat16TypeKHR                             Capability = 5116
	CapabilityBFloat16DotProductKHR                       Capability = 5117
	CapabilityBFloat16CooperativeMatrixKHR                Capability = 5118
	CapabilityAbortKHR                                    Capability = 5120
	CapabilityDescriptorHeapEXT                           Capability = 5128
	CapabilityConstantDataKHR                             Capability = 5146
	CapabilityPoisonFreezeKHR                             Capability = 5156
	CapabilityWeakLinkageAMD                              Capability = 5181
	CapabilitySampleMaskOverrideCoverageNV                Capability = 5249
	CapabilityGeometryShaderPassthroughNV                 Capability = 5251
	CapabilityShaderViewportIndexLayerEXT                 Capability = 5254
	CapabilityShaderViewportMaskNV                        Capability = 5255
	CapabilityShaderStereoViewNV                          Capability = 5259
	CapabilityPerViewAttributesNV                         Capability = 5260
	CapabilityImageFootprintNV                            Capability = 5282
	CapabilityComputeDerivativeGroupQuadsKHR              Capability = 5288
	CapabilityGroupNonUniformPartitionedEXT               Capability = 5297
	CapabilityShaderNonUniform                            Capability = 5301
	CapabilityRuntimeDescriptorArray                      Capability = 5302
	CapabilityUniformTexelBufferArrayDynamicIndexing      Capability = 5304
	CapabilityStorageTexelBufferArrayDynamicIndexing      Capability = 5305
	CapabilityUniformBufferArrayNonUniformIndexing        Capability = 5306
	CapabilitySampledImageArrayNonUniformIndexing         Capability = 5307
	CapabilityStorageBufferArrayNonUniformIndexing        Capability = 5308
	CapabilityStorageImageArrayNonUniformIndexing         Capability = 5309
	CapabilityUniformTexelBufferArrayNonUniformIndexing   Capability = 5311
	CapabilityStorageTexelBufferArrayNonUniformIndexing   Capability = 5312
	CapabilityVulkanMemoryModel                           Capability = 5345
	CapabilityVulkanMemoryModelDeviceScope                Capability = 5346
	CapabilityPhysicalStorageBufferAddresses              Capability = 5347
	CapabilityComputeDerivativeGroupLinearKHR             Capability = 5350
	CapabilityCooperativeMatrixNV                         Capability = 5357
	CapabilityShaderSMBuiltinsNV                          Capability = 5373
	CapabilityDemoteToHelperInvocation                    Capability = 5379
	CapabilityShaderInvocationReorderNV                   Capability = 5383
	CapabilityShaderInvocationReorderEXT                  Capability = 5388
	CapabilityBindlessTextureNV                           Capability = 5390
	CapabilityCooperativeVectorNV                         Capability = 5394
	CapabilityAtomicFloat16VectorNV                       Capability = 5404
	CapabilityRawAccessChainsNV                           Capability = 5414
	CapabilityPushConstantBanksNV                         Capability = 5423
	CapabilityLongVectorEXT                               Capability = 5425
	CapabilityShader64BitIndexingEXT                      Capability = 5426
	CapabilityCooperativeMatrixConversionsEXT             Capability = 5429
	CapabilityCooperativeMatrixReductionsEXT              Capability = 5430
	CapabilityCooperativeMatrixConversionsNV              Capability = 5431
	CapabilityCooperativeMatrixPerElementOperationsEXT    Capability = 5432
	CapabilityCooperativeMatrixTensorAddressingNV         Capability = 5433
	CapabilityCooperativeMatrixBlockLoadsNV               Capability = 5434
	CapabilityCooperativeVectorTrainingNV                 Capability = 5435
	CapabilityCooperativeMatrixGetCoordinateEXT           Capability = 5438
	CapabilityTensorAddressingNV                          Capability = 5439
	CapabilityCooperativeMatrixDecodeVectorNV             Capability = 5447
	CapabilityAtomicFloat32MinMaxEXT                      Capability = 5612
	CapabilityAtomicFloat64MinMaxEXT                      Capability = 5613
	CapabilityAtomicFloat16MinMaxEXT                      Capability = 5616
	CapabilityExpectAssumeKHR                             Capability = 5629
	CapabilityDotProductInputAll                          Capability = 6016
	CapabilityDotProductInput4x8Bit                       Capability = 6017
	CapabilityDotProductInput4x8BitPacked                 Capability = 6018
	CapabilityDotProduct                                  Capability = 6019
	CapabilityCooperativeMatrixKHR                        Capability = 6022
	CapabilityReplicatedCompositesEXT                     Capability = 6024
	CapabilityBitInstructions                             Capability = 6025
	CapabilityGroupNonUniformRotateKHR                    Capability = 6026
	CapabilityFloatControls2                              Capability = 6029
	CapabilityFMAKHR                                      Capability = 6030
	CapabilityAtomicFloat32AddEXT                         Capability = 6033
	CapabilityAtomicFloat64AddEXT                         Capability = 6034
	CapabilityOptNoneEXT                                  Capability = 6094
	CapabilityAtomicFloat16AddEXT                         Capability = 6095
	CapabilitySplitBarrierEXT                             Capability = 6141
	CapabilityArithmeticFenceEXT                          Capability = 6144
	CapabilityGroupUniformArithmeticKHR                   Capability = 6400
)

var capabilityNames = map[Capability]string{
	0: "Matrix", 1: "Shader", 2: "Geometry", 3: "Tessellation", 4: "Addresses", 5: "Linkage", 6: "Kernel", 7: "Vector16",
	8: "Float16Buffer", 9: "Float16", 10: "Float64", 11: "Int64", 12: "Int64Atomics", 13: "ImageBasic", 14: "ImageReadWrite",
	15: "ImageMipmap", 17: "Pipes", 18: "Groups", 19: "DeviceEnqueue", 20: "LiteralSampler", 21: "AtomicStorage", 22: "Int16",
	23: "TessellationPointSize", 24: "GeometryPointSize", 25: "ImageGatherExtended", 27: "StorageImageMultisample",
	28: "UniformBufferArrayDynamicIndexing", 29: "SampledImageArrayDynamicIndexing", 30: "StorageBufferArrayDynamicIndexing",
	31: "StorageImageArrayDynamicIndexing", 32: "ClipDistance", 33: "CullDistance", 34: "ImageCubeArray", 35: "SampleRateShading",
	36: "ImageRect", 37: "SampledRect", 38: "GenericPointer", 39: "Int8", 41: "SparseResidency", 42: "MinLod", 43: "Sampled1D",
	44: "Image1D", 45: "SampledCubeArray", 46: "SampledBuffer", 47: "ImageBuffer", 48: "ImageMSArray",
	49: "StorageImageExtendedFormats", 50: "ImageQuery", 51: "DerivativeControl", 52: "InterpolationFunction",
	53: "TransformFeedback", 54: "GeometryStreams", 55: "StorageImageReadWithoutFormat", 56: "StorageImageWriteWithoutFormat",
	57: "MultiViewport", 58: "SubgroupDispatch", 59: "NamedBarrier", 60: "PipeStorage", 61: "GroupNonUniform",
	62: "GroupNonUniformVote", 63: "GroupNonUniformArithmetic", 64: "GroupNonUniformBallot", 65: "GroupNonUniformShuffle",
	66: "GroupNonUniformShuffleRelative", 67: "GroupNonUniformClustered", 68: "GroupNonUniformQuad", 69: "ShaderLayer",
	70: "ShaderViewportIndex", 71: "UniformDecoration", 4212: "Float8EXT", 4213: "Float8CooperativeMatrixEXT", 4228: "Float6EXT",
	4229: "Float4EXT", 4230: "Float8UnsignedE8M0EXT", 4231: "MXInt8EXT", 4232: "BitcastExtractEXT", 4423: "SubgroupBallotKHR",
	4427: "DrawParameters", 4428: "WorkgroupMemoryExplicitLayoutKHR", 4429: "WorkgroupMemoryExplicitLayout8BitAccessKHR",
	4430: "WorkgroupMemoryExplicitLayout16BitAccessKHR", 4431: "SubgroupVoteKHR", 4433: "StorageBuffer16BitAccess",
	4434: "UniformAndStorageBuffer16BitAccess", 4435: "StoragePushConstant16", 4436: "StorageInputOutput16", 4437: "DeviceGroup",
	4439: "MultiView", 4441: "VariablePointersStorageBuffer", 4442: "VariablePointers", 4445: "AtomicStorageOps",
	4447: "SampleMaskPostDepthCoverage", 4448: "StorageBuffer8BitAccess", 4449: "UniformAndStorageBuffer8BitAccess",
	4450: "StoragePushConstant8", 4464: "DenormPreserve", 4465: "DenormFlushToZero", 4466: "SignedZeroInfNanPreserve",
	4467: "RoundingModeRTE", 4468: "RoundingModeRTZ", 4473: "UntypedPointersKHR", 5008: "Float16ImageAMD",
	5009: "ImageGatherBiasLodAMD", 5013: "StencilExportEXT", 5015: "ImageReadWriteLodAMD", 5016: "Int64ImageEXT",
	5055: "ShaderClockKHR", 5087: "QuadControlKHR", 5116: "BFloat16TypeKHR", 5117: "BFloat16DotProductKHR",
	5118: "BFloat16CooperativeMatrixKHR", 5120: "AbortKHR", 5128: "DescriptorHeapEXT", 5146: "ConstantDataKHR",
	5156: "PoisonFreezeKHR", 5181: "WeakLinkageAMD", 5249: "SampleMaskOverrideCoverageNV", 5251: "GeometryShaderPassthroughNV",
	5254: "ShaderViewportIndexLayerEXT", 5255: "ShaderViewportMaskNV", 5259: "ShaderStereoViewNV", 5260: "PerViewAttributesNV",
	5282: "ImageFootprintNV", 5288: "ComputeDerivativeGroupQuadsKHR", 5297: "GroupNonUniformPartitionedEXT",
	5301: "ShaderNonUniform", 5302: "RuntimeDescriptorArray", 5304: "UniformTexelBufferArrayDynamicIndexing",
	5305: "StorageTexelBufferArrayDynamicIndexing", 5306: "UniformBufferArrayNonUniformIndexing",
	5307: "SampledImageArrayNonUniformIndexing", 5308: "StorageBufferArrayNonUniformIndexing",
	5309: "StorageImageArrayNonUniformIndexing", 5311: "UniformTexelBufferArrayNonUniformIndexing",
	5312: "StorageTexelBufferArrayNonUniformIndexing", 5345: "VulkanMemoryModel", 5346: "VulkanMemoryModelDeviceScope",
	5347: "PhysicalStorageBufferAddresses", 5350: "ComputeDerivativeGroupLinearKHR", 5357: "CooperativeMatrixNV",
	5373: "ShaderSMBuiltinsNV", 5379: "DemoteToHelperInvocation", 5383: "ShaderInvocationReorderNV",
	5388: "ShaderInvocationReorderEXT", 5390: "BindlessTextureNV", 5394: "CooperativeVectorNV", 5404: "AtomicFloat16VectorNV",
	5414: "RawAccessChainsNV", 5423: "PushConstantBanksNV", 5425: "LongVectorEXT", 5426: "Shader64BitIndexingEXT",
	5429: "CooperativeMatrixConversionsEXT", 5430: "CooperativeMatrixReductionsEXT", 5431: "CooperativeMatrixConversionsNV",
	5432: "CooperativeMatrixPerElementOperationsEXT", 5433: "CooperativeMatrixTensorAddressingNV",
	5434: "CooperativeMatrixBlockLoadsNV", 5435: "CooperativeVectorTrainingNV", 5438: "CooperativeMatrixGetCoordinateEXT",
	5439: "TensorAddressingNV", 5447: "CooperativeMatrixDecodeVectorNV", 5612: "AtomicFloat32MinMaxEXT",
	5613: "AtomicFloat64MinMaxEXT", 5616: "AtomicFloat16MinMaxEXT", 5629: "ExpectAssumeKHR", 6016: "DotProductInputAll",
	6017: "DotProductInput4x8Bit", 6018: "DotProductInput4x8BitPacked", 6019: "DotProduct", 6022: "CooperativeMatrixKHR",
	6024: "ReplicatedCompositesEXT", 6025: "BitInstructions", 6026: "GroupNonUniformRotateKHR", 6029: "FloatControls2",
	6030: "FMAKHR", 6033: "AtomicFloat32AddEXT", 6034: "AtomicFloat64AddEXT", 6094: "OptNoneEXT", 6095: "AtomicFloat16AddEXT",
	6141: "SplitBarrierEXT", 6144: "ArithmeticFenceEXT", 6400: "GroupUniformArithmeticKHR",
}

// String is the name that the specification gives, or Capability(1234) for an unknown one.
func (v Capability) String() string { return enumName("Capability", v, capabilityNames) }

// ExecutionMode is a property of an entry point.
type ExecutionMode uint32

// The values of ExecutionMode that a Vulkan compute kernel may meet, numbered by the specification.
const (
	ExecutionModeInvocations                   ExecutionMode = 0
	ExecutionModeSpacingEqual                  ExecutionMode = 1
	ExecutionModeSpacingFractionalEven         ExecutionMode = 2
	ExecutionModeSpacingFractionalOdd          ExecutionMode = 3
	ExecutionModeVertexOrderCw                 ExecutionMode = 4
	ExecutionModeVertexOrderCcw                ExecutionMode = 5
	ExecutionModePixelCenterInteger            ExecutionMode = 6
	ExecutionModeOriginUpperLeft               ExecutionMode = 7
	ExecutionModeOriginLowerLeft               ExecutionMode = 8
	ExecutionModeEarlyFragmentTests            ExecutionMode = 9
	ExecutionModePointMode                     ExecutionMode = 10
	ExecutionModeXfb                           ExecutionMode = 11
	ExecutionModeDepthReplacing                ExecutionMode = 12
	ExecutionModeDepthGreater                  ExecutionMode = 14
	ExecutionModeDepthLess                     ExecutionMode = 15
	ExecutionModeDepthUnchanged                ExecutionMode = 16
	ExecutionModeLocalSize                     ExecutionMode = 17
	ExecutionModeLocalSizeHint                 ExecutionMode = 18
	ExecutionModeInputPoints                   ExecutionMode = 19
	ExecutionModeInputLines                    ExecutionMode = 20
	ExecutionModeInputLinesAdjacency           ExecutionMode = 21
	ExecutionModeTriangles                     ExecutionMode = 22
	ExecutionModeInputTrianglesAdjacency       ExecutionMode = 23
	ExecutionModeQuads                         ExecutionMode = 24
	ExecutionModeIsolines                      ExecutionMode = 25
	ExecutionModeOutputVertices                ExecutionMode = 26
	ExecutionModeOutputPoints                  ExecutionMode = 27
	ExecutionModeOutputLineStrip               ExecutionMode = 28
	ExecutionModeOutputTriangleStrip           ExecutionMode = 29
	ExecutionModeVecTypeHint                   ExecutionMode = 30
	ExecutionModeContractionOff                ExecutionMode = 31
	ExecutionModeInitializer                   ExecutionMode = 33
	ExecutionModeFinalizer                     ExecutionMode = 34
	ExecutionModeSubgroupSize                  ExecutionMode = 35
	ExecutionModeSubgroupsPerWorkgroup         ExecutionMode = 36
	ExecutionModeSubgroupsPerWorkgroupId       ExecutionMode = 37
	ExecutionModeLocalSizeId                   ExecutionMode = 38
	ExecutionModeLocalSizeHintId               ExecutionMode = 39
	ExecutionModeSubgroupUniformControlFlowKHR ExecutionMode = 4421
	ExecutionModePostDepthCoverage             ExecutionMode = 4446
	ExecutionModeDenormPreserve                ExecutionMode = 4459
	ExecutionModeDenormFlushToZero             ExecutionMode = 4460
	ExecutionModeSignedZeroInfNanPreserve      ExecutionMode = 4461
	ExecutionModeRoundingModeRTE               ExecutionMode = 4462
	ExecutionModeRoundingModeRTZ               ExecutionMode = 4463
	ExecutionModeDerivativeGroupQuadsKHR       ExecutionMode = 5289
	ExecutionModeDerivativeGroupLinearKHR      ExecutionMode = 5290
	ExecutionModeFPFastMathDefault             ExecutionMode = 6028
)

var executionModeNames = map[ExecutionMode]string{
	0: "Invocations", 1: "SpacingEqual", 2: "SpacingFractionalEven", 3: "SpacingFractionalOdd", 4: "VertexOrderCw",
	5: "VertexOrderCcw", 6: "PixelCenterInteger", 7: "OriginUpperLeft", 8: "OriginLowerLeft", 9: "EarlyFragmentTests",
	10: "PointMode", 11: "Xfb", 12: "DepthReplacing", 14: "DepthGreater", 15: "DepthLess", 16: "DepthUnchanged", 17: "LocalSize",
	18: "LocalSizeHint", 19: "InputPoints", 20: "InputLines", 21: "InputLinesAdjacency", 22: "Triangles",
	23: "InputTrianglesAdjacency", 24: "Quads", 25: "Isolines", 26: "OutputVertices", 27: "OutputPoints", 28: "OutputLineStrip",
	29: "OutputTriangleStrip", 30: "VecTypeHint", 31: "ContractionOff", 33: "Initializer", 34: "Finalizer", 35: "SubgroupSize",
	36: "SubgroupsPerWorkgroup", 37: "SubgroupsPerWorkgroupId", 38: "LocalSizeId", 39: "LocalSizeHintId",
	4421: "SubgroupUniformControlFlowKHR", 4446: "PostDepthCoverage", 4459: "DenormPreserve", 4460: "DenormFlushToZero",
	4461: "SignedZeroInfNanPreserve", 4462: "RoundingModeRTE", 4463: "RoundingModeRTZ", 5289: "DerivativeGroupQuadsKHR",
	5290: "DerivativeGroupLinearKHR", 6028: "FPFastMathDefault",
}

// String is the name that the specification gives, or ExecutionMode(1234) for an unknown one.
func (v ExecutionMode) String() string { return enumName("ExecutionMode", v, executionModeNames) }

// ExecutionModel is the stage that an entry point belongs to.
type ExecutionModel uint32

// The values of ExecutionModel that a Vulkan compute kernel may meet, numbered by the specification.
const (
	ExecutionModelVertex                 ExecutionModel = 0
	ExecutionModelTessellationControl    ExecutionModel = 1
	ExecutionModelTessellationEvaluation ExecutionModel = 2
	ExecutionModelGeometry               ExecutionModel = 3
	ExecutionModelFragment               ExecutionModel = 4
	ExecutionModelGLCompute              ExecutionModel = 5
	ExecutionModelKernel                 ExecutionModel = 6
	ExecutionModelTaskNV                 ExecutionModel = 5267
	ExecutionModelMeshNV                 ExecutionModel = 5268
	ExecutionModelRayGenerationKHR       ExecutionModel = 5313
	ExecutionModelIntersectionKHR        ExecutionModel = 5314
	ExecutionModelAnyHitKHR              ExecutionModel = 5315
	ExecutionModelClosestHitKHR          ExecutionModel = 5316
	ExecutionModelMissKHR                ExecutionModel = 5317
	ExecutionModelCallableKHR            ExecutionModel = 5318
	ExecutionModelTaskEXT                ExecutionModel = 5364
	ExecutionModelMeshEXT                ExecutionModel = 5365
)

var executionModelNames = map[ExecutionModel]string{
	0: "Vertex", 1: "TessellationControl", 2: "TessellationEvaluation", 3: "Geometry", 4: "Fragment", 5: "GLCompute", 6: "Kernel",
	5267: "TaskNV", 5268: "MeshNV", 5313: "RayGenerationKHR", 5314: "IntersectionKHR", 5315: "AnyHitKHR", 5316: "ClosestHitKHR",
	5317: "MissKHR", 5318: "CallableKHR", 5364: "TaskEXT", 5365: "MeshEXT",
}

// String is the name that the specification gives, or ExecutionModel(1234) for an unknown one.
func (v ExecutionModel) String() string { return enumName("ExecutionModel", v, executionModelNames) }
