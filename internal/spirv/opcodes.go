// The opcode table: number, name and operands of each instruction that a reader of SPIR-V 1.0 to 1.6 meets.

package spirv

import "fmt"

// Op is the operation code of an instruction.
type Op uint16

// The operation codes, numbered by the SPIR-V specification.
const (
	OpNop                                     Op = 0
	OpUndef                                   Op = 1
	OpSourceContinued                         Op = 2
	OpSource                                  Op = 3
	OpSourceExtension                         Op = 4
	OpName                                    Op = 5
	OpMemberName                              Op = 6
	OpString                                  Op = 7
	OpLine                                    Op = 8
	OpExtension                               Op = 10
	OpExtInstImport                           Op = 11
	OpExtInst                                 Op = 12
	OpMemoryModel                             Op = 14
	OpEntryPoint                              Op = 15
	OpExecutionMode                           Op = 16
	OpCapability                              Op = 17
	OpTypeVoid                                Op = 19
	OpTypeBool                                Op = 20
	OpTypeInt                                 Op = 21
	OpTypeFloat                               Op = 22
	OpTypeVector                              Op = 23
	OpTypeMatrix                              Op = 24
	OpTypeImage                               Op = 25
	OpTypeSampler                             Op = 26
	OpTypeSampledImage                        Op = 27
	OpTypeArray                               Op = 28
	OpTypeRuntimeArray                        Op = 29
	OpTypeStruct                              Op = 30
	OpTypeOpaque                              Op = 31
	OpTypePointer                             Op = 32
	OpTypeFunction                            Op = 33
	OpTypeEvent                               Op = 34
	OpTypeDeviceEvent                         Op = 35
	OpTypeReserveId                           Op = 36
	OpTypeQueue                               Op = 37
	OpTypePipe                                Op = 38
	OpTypeForwardPointer                      Op = 39
	OpConstantTrue                            Op = 41
	OpConstantFalse                           Op = 42
	OpConstant                                Op = 43
	OpConstantComposite                       Op = 44
	OpConstantSampler                         Op = 45
	OpConstantNull                            Op = 46
	OpSpecConstantTrue                        Op = 48
	OpSpecConstantFalse                       Op = 49
	OpSpecConstant                            Op = 50
	OpSpecConstantComposite                   Op = 51
	OpSpecConstantOp                          Op = 52
	OpFunction                                Op = 54
	OpFunctionParameter                       Op = 55
	OpFunctionEnd                             Op = 56
	OpFunctionCall                            Op = 57
	OpVariable                                Op = 59
	OpImageTexelPointer                       Op = 60
	OpLoad                                    Op = 61
	OpStore                                   Op = 62
	OpCopyMemory                              Op = 63
	OpCopyMemorySized                         Op = 64
	OpAccessChain                             Op = 65
	OpInBoundsAccessChain                     Op = 66
	OpPtrAccessChain                          Op = 67
	OpArrayLength                             Op = 68
	OpGenericPtrMemSemantics                  Op = 69
	OpInBoundsPtrAccessChain                  Op = 70
	OpDecorate                                Op = 71
	OpMemberDecorate                          Op = 72
	OpDecorationGroup                         Op = 73
	OpGroupDecorate                           Op = 74
	OpGroupMemberDecorate                     Op = 75
	OpVectorExtractDynamic                    Op = 77
	OpVectorInsertDynamic                     Op = 78
	OpVectorShuffle                           Op = 79
	OpCompositeConstruct                      Op = 80
	OpCompositeExtract                        Op = 81
	OpCompositeInsert                         Op = 82
	OpCopyObject                              Op = 83
	OpTranspose                               Op = 84
	OpSampledImage                            Op = 86
	OpImageSampleImplicitLod                  Op = 87
	OpImageSampleExplicitLod                  Op = 88
	OpImageSampleDrefImplicitLod              Op = 89
	OpImageSampleDrefExplicitLod              Op = 90
	OpImageSampleProjImplicitLod              Op = 91
	OpImageSampleProjExplicitLod              Op = 92
	OpImageSampleProjDrefImplicitLod          Op = 93
	OpImageSampleProjDrefExplicitLod          Op = 94
	OpImageFetch                              Op = 95
	OpImageGather                             Op = 96
	OpImageDrefGather                         Op = 97
	OpImageRead                               Op = 98
	OpImageWrite                              Op = 99
	OpImage                                   Op = 100
	OpImageQueryFormat                        Op = 101
	OpImageQueryOrder                         Op = 102
	OpImageQuerySizeLod                       Op = 103
	OpImageQuerySize                          Op = 104
	OpImageQueryLod                           Op = 105
	OpImageQueryLevels                        Op = 106
	OpImageQuerySamples                       Op = 107
	OpConvertFToU                             Op = 109
	OpConvertFToS                             Op = 110
	OpConvertSToF                             Op = 111
	OpConvertUToF                             Op = 112
	OpUConvert                                Op = 113
	OpSConvert                                Op = 114
	OpFConvert                                Op = 115
	OpQuantizeToF16                           Op = 116
	OpConvertPtrToU                           Op = 117
	OpSatConvertSToU                          Op = 118
	OpSatConvertUToS                          Op = 119
	OpConvertUToPtr                           Op = 120
	OpPtrCastToGeneric                        Op = 121
	OpGenericCastToPtr                        Op = 122
	OpGenericCastToPtrExplicit                Op = 123
	OpBitcast                                 Op = 124
	OpSNegate                                 Op = 126
	OpFNegate                                 Op = 127
	OpIAdd                                    Op = 128
	OpFAdd                                    Op = 129
	OpISub                                    Op = 130
	OpFSub                                    Op = 131
	OpIMul                                    Op = 132
	OpFMul                                    Op = 133
	OpUDiv                                    Op = 134
	OpSDiv                                    Op = 135
	OpFDiv                                    Op = 136
	OpUMod                                    Op = 137
	OpSRem                                    Op = 138
	OpSMod                                    Op = 139
	OpFRem                                    Op = 140
	OpFMod                                    Op = 141
	OpVectorTimesScalar                       Op = 142
	OpMatrixTimesScalar                       Op = 143
	OpVectorTimesMatrix                       Op = 144
	OpMatrixTimesVector                       Op = 145
	OpMatrixTimesMatrix                       Op = 146
	OpOuterProduct                            Op = 147
	OpDot                                     Op = 148
	OpIAddCarry                               Op = 149
	OpISubBorrow                              Op = 150
	OpUMulExtended                            Op = 151
	OpSMulExtended                            Op = 152
	OpAny                                     Op = 154
	OpAll                                     Op = 155
	OpIsNan                                   Op = 156
	OpIsInf                                   Op = 157
	OpIsFinite                                Op = 158
	OpIsNormal                                Op = 159
	OpSignBitSet                              Op = 160
	OpLessOrGreater                           Op = 161
	OpOrdered                                 Op = 162
	OpUnordered                               Op = 163
	OpLogicalEqual                            Op = 164
	OpLogicalNotEqual                         Op = 165
	OpLogicalOr                               Op = 166
	OpLogicalAnd                              Op = 167
	OpLogicalNot                              Op = 168
	OpSelect                                  Op = 169
	OpIEqual                                  Op = 170
	OpINotEqual                               Op = 171
	OpUGreaterThan                            Op = 172
	OpSGreaterThan                            Op = 173
	OpUGreaterThanEqual                       Op = 174
	OpSGreaterThanEqual                       Op = 175
	OpULessThan                               Op = 176
	OpSLessThan                               Op = 177
	OpULessThanEqual                          Op = 178
	OpSLessThanEqual                          Op = 179
	OpFOrdEqual                               Op = 180
	OpFUnordEqual                             Op = 181
	OpFOrdNotEqual                            Op = 182
	OpFUnordNotEqual                          Op = 183
	OpFOrdLessThan                            Op = 184
	OpFUnordLessThan                          Op = 185
	OpFOrdGreaterThan                         Op = 186
	OpFUnordGreaterThan                       Op = 187
	OpFOrdLessThanEqual                       Op = 188
	OpFUnordLessThanEqual                     Op = 189
	OpFOrdGreaterThanEqual                    Op = 190
	OpFUnordGreaterThanEqual                  Op = 191
	OpShiftRightLogical                       Op = 194
	OpShiftRightArithmetic                    Op = 195
	OpShiftLeftLogical                        Op = 196
	OpBitwiseOr                               Op = 197
	OpBitwiseXor                              Op = 198
	OpBitwiseAnd                              Op = 199
	OpNot                                     Op = 200
	OpBitFieldInsert                          Op = 201
	OpBitFieldSExtract                        Op = 202
	OpBitFieldUExtract                        Op = 203
	OpBitReverse                              Op = 204
	OpBitCount                                Op = 205
	OpDPdx                                    Op = 207
	OpDPdy                                    Op = 208
	OpFwidth                                  Op = 209
	OpDPdxFine                                Op = 210
	OpDPdyFine                                Op = 211
	OpFwidthFine                              Op = 212
	OpDPdxCoarse                              Op = 213
	OpDPdyCoarse                              Op = 214
	OpFwidthCoarse                            Op = 215
	OpEmitVertex                              Op = 218
	OpEndPrimitive                            Op = 219
	OpEmitStreamVertex                        Op = 220
	OpEndStreamPrimitive                      Op = 221
	OpControlBarrier                          Op = 224
	OpMemoryBarrier                           Op = 225
	OpAtomicLoad                              Op = 227
	OpAtomicStore                             Op = 228
	OpAtomicExchange                          Op = 229
	OpAtomicCompareExchange                   Op = 230
	OpAtomicCompareExchangeWeak               Op = 231
	OpAtomicIIncrement                        Op = 232
	OpAtomicIDecrement                        Op = 233
	OpAtomicIAdd                              Op = 234
	OpAtomicISub                              Op = 235
	OpAtomicSMin                              Op = 236
	OpAtomicUMin                              Op = 237
	OpAtomicSMax                              Op = 238
	OpAtomicUMax                              Op = 239
	OpAtomicAnd                               Op = 240
	OpAtomicOr                                Op = 241
	OpAtomicXor                               Op = 242
	OpPhi                                     Op = 245
	OpLoopMerge                               Op = 246
	OpSelectionMerge                          Op = 247
	OpLabel                                   Op = 248
	OpBranch                                  Op = 249
	OpBranchConditional                       Op = 250
	OpSwitch                                  Op = 251
	OpKill                                    Op = 252
	OpReturn                                  Op = 253
	OpReturnValue                             Op = 254
	OpUnreachable                             Op = 255
	OpLifetimeStart                           Op = 256
	OpLifetimeStop                            Op = 257
	OpGroupAsyncCopy                          Op = 259
	OpGroupWaitEvents                         Op = 260
	OpGroupAll                                Op = 261
	OpGroupAny                                Op = 262
	OpGroupBroadcast                          Op = 263
	OpGroupIAdd                               Op = 264
	OpGroupFAdd                               Op = 265
	OpGroupFMin                               Op = 266
	OpGroupUMin                               Op = 267
	OpGroupSMin                               Op = 268
	OpGroupFMax                               Op = 269
	OpGroupUMax                               Op = 270
	OpGroupSMax                               Op = 271
	OpReadPipe                                Op = 274
	OpWritePipe                               Op = 275
	OpReservedReadPipe                        Op = 276
	OpReservedWritePipe                       Op = 277
	OpReserveReadPipePackets                  Op = 278
	OpReserveWritePipePackets                 Op = 279
	OpCommitReadPipe                          Op = 280
	OpCommitWritePipe                         Op = 281
	OpIsValidReserveId                        Op = 282
	OpGetNumPipePackets                       Op = 283
	OpGetMaxPipePackets                       Op = 284
	OpGroupReserveReadPipePackets             Op = 285
	OpGroupReserveWritePipePackets            Op = 286
	OpGroupCommitReadPipe                     Op = 287
	OpGroupCommitWritePipe                    Op = 288
	OpEnqueueMarker                           Op = 291
	OpEnqueueKernel                           Op = 292
	OpGetKernelNDrangeSubGroupCount           Op = 293
	OpGetKernelNDrangeMaxSubGroupSize         Op = 294
	OpGetKernelWorkGroupSize                  Op = 295
	OpGetKernelPreferredWorkGroupSizeMultiple Op = 296
	OpRetainEvent                             Op = 297
	OpReleaseEvent                            Op = 298
	OpCreateUserEvent                         Op = 299
	OpIsValidEvent                            Op = 300
	OpSetUserEventStatus                      Op = 301
	OpCaptureEventProfilingInfo               Op = 302
	OpGetDefaultQueue                         Op = 303
	OpBuildNDRange                            Op = 304
	OpImageSparseSampleImplicitLod            Op = 305
	OpImageSparseSampleExplicitLod            Op = 306
	OpImageSparseSampleDrefImplicitLod        Op = 307
	OpImageSparseSampleDrefExplicitLod        Op = 308
	OpImageSparseSampleProjImplicitLod        Op = 309
	OpImageSparseSampleProjExplicitLod        Op = 310
	OpImageSparseSampleProjDrefImplicitLod    Op = 311
	OpImageSparseSampleProjDrefExplicitLod    Op = 312
	OpImageSparseFetch                        Op = 313
	OpImageSparseGather                       Op = 314
	OpImageSparseDrefGather                   Op = 315
	OpImageSparseTexelsResident               Op = 316
	OpNoLine                                  Op = 317
	OpAtomicFlagTestAndSet                    Op = 318
	OpAtomicFlagClear                         Op = 319
	OpImageSparseRead                         Op = 320
	OpSizeOf                                  Op = 321
	OpTypePipeStorage                         Op = 322
	OpConstantPipeStorage                     Op = 323
	OpCreatePipeFromPipeStorage               Op = 324
	OpGetKernelLocalSizeForSubgroupCount      Op = 325
	OpGetKernelMaxNumSubgroups                Op = 326
	OpTypeNamedBarrier                        Op = 327
	OpNamedBarrierInitialize                  Op = 328
	OpMemoryNamedBarrier                      Op = 329
	OpModuleProcessed                         Op = 330
	OpExecutionModeId                         Op = 331
	OpDecorateId                              Op = 332
	OpGroupNonUniformElect                    Op = 333
	OpGroupNonUniformAll                      Op = 334
	OpGroupNonUniformAny                      Op = 335
	OpGroupNonUniformAllEqual                 Op = 336
	OpGroupNonUniformBroadcast                Op = 337
	OpGroupNonUniformBroadcastFirst           Op = 338
	OpGroupNonUniformBallot                   Op = 339
	OpGroupNonUniformInverseBallot            Op = 340
	OpGroupNonUniformBallotBitExtract         Op = 341
	OpGroupNonUniformBallotBitCount           Op = 342
	OpGroupNonUniformBallotFindLSB            Op = 343
	OpGroupNonUniformBallotFindMSB            Op = 344
	OpGroupNonUniformShuffle                  Op = 345
	OpGroupNonUniformShuffleXor               Op = 346
	OpGroupNonUniformShuffleUp                Op = 347
	OpGroupNonUniformShuffleDown              Op = 348
	OpGroupNonUniformIAdd                     Op = 349
	OpGroupNonUniformFAdd                     Op = 350
	OpGroupNonUniformIMul                     Op = 351
	OpGroupNonUniformFMul                     Op = 352
	OpGroupNonUniformSMin                     Op = 353
	OpGroupNonUniformUMin                     Op = 354
	OpGroupNonUniformFMin                     Op = 355
	OpGroupNonUniformSMax                     Op = 356
	OpGroupNonUniformUMax                     Op = 357
	OpGroupNonUniformFMax                     Op = 358
	OpGroupNonUniformBitwiseAnd               Op = 359
	OpGroupNonUniformBitwiseOr                Op = 360
	OpGroupNonUniformBitwiseXor               Op = 361
	OpGroupNonUniformLogicalAnd               Op = 362
	OpGroupNonUniformLogicalOr                Op = 363
	OpGroupNonUniformLogicalXor               Op = 364
	OpGroupNonUniformQuadBroadcast            Op = 365
	OpGroupNonUniformQuadSwap                 Op = 366
	OpCopyLogical                             Op = 400
	OpPtrEqual                                Op = 401
	OpPtrNotEqual                             Op = 402
	OpPtrDiff                                 Op = 403
	OpTerminateInvocation                     Op = 4416
	OpTypeUntypedPointerKHR                   Op = 4417
	OpUntypedVariableKHR                      Op = 4418
	OpUntypedAccessChainKHR                   Op = 4419
	OpUntypedInBoundsAccessChainKHR           Op = 4420
	OpSubgroupBallotKHR                       Op = 4421
	OpSubgroupFirstInvocationKHR              Op = 4422
	OpUntypedPtrAccessChainKHR                Op = 4423
	OpUntypedInBoundsPtrAccessChainKHR        Op = 4424
	OpUntypedArrayLengthKHR                   Op = 4425
	OpUntypedPrefetchKHR                      Op = 4426
	OpFmaKHR                                  Op = 4427
	OpSubgroupAllKHR                          Op = 4428
	OpSubgroupAnyKHR                          Op = 4429
	OpSubgroupAllEqualKHR                     Op = 4430
	OpGroupNonUniformRotateKHR                Op = 4431
	OpSubgroupReadInvocationKHR               Op = 4432
	OpExtInstWithForwardRefsKHR               Op = 4433
	OpSDot                                    Op = 4450
	OpUDot                                    Op = 4451
	OpSUDot                                   Op = 4452
	OpSDotAccSat                              Op = 4453
	OpUDotAccSat                              Op = 4454
	OpSUDotAccSat                             Op = 4455
	OpTypeCooperativeMatrixKHR                Op = 4456
	OpCooperativeMatrixLoadKHR                Op = 4457
	OpCooperativeMatrixStoreKHR               Op = 4458
	OpCooperativeMatrixMulAddKHR              Op = 4459
	OpCooperativeMatrixLengthKHR              Op = 4460
	OpConstantCompositeReplicateEXT           Op = 4461
	OpSpecConstantCompositeReplicateEXT       Op = 4462
	OpCompositeConstructReplicateEXT          Op = 4463
	OpGroupIAddNonUniformAMD                  Op = 5000
	OpGroupFAddNonUniformAMD                  Op = 5001
	OpGroupFMinNonUniformAMD                  Op = 5002
	OpGroupUMinNonUniformAMD                  Op = 5003
	OpGroupSMinNonUniformAMD                  Op = 5004
	OpGroupFMaxNonUniformAMD                  Op = 5005
	OpGroupUMaxNonUniformAMD                  Op = 5006
	OpGroupSMaxNonUniformAMD                  Op = 5007
	OpReadClockKHR                            Op = 5056
	OpGroupNonUniformQuadAllKHR               Op = 5110
	OpGroupNonUniformQuadAnyKHR               Op = 5111
	OpGroupNonUniformPartitionEXT             Op = 5296
	OpTypeCooperativeMatrixNV                 Op = 5358
	OpCooperativeMatrixLoadNV                 Op = 5359
	OpCooperativeMatrixStoreNV                Op = 5360
	OpCooperativeMatrixMulAddNV               Op = 5361
	OpCooperativeMatrixLengthNV               Op = 5362
	OpCooperativeMatrixGetCoordinateEXT       Op = 5363
	OpCooperativeMatrixReduceEXT              Op = 5366
	OpDemoteToHelperInvocation                Op = 5380
	OpIsHelperInvocationEXT                   Op = 5381
	OpAtomicFMinEXT                           Op = 5614
	OpAtomicFMaxEXT                           Op = 5615
	OpAssumeTrueKHR                           Op = 5630
	OpExpectKHR                               Op = 5631
	OpDecorateString                          Op = 5632
	OpMemberDecorateString                    Op = 5633
	OpAtomicFAddEXT                           Op = 6035
)

// String is the name that the specification gives the opcode, such as OpLoad,
// or Op(1234) for one that this package doesn't know.
func (op Op) String() string {
	if info, ok := opTable[op]; ok {
		return info.name
	}
	return fmt.Sprintf("Op(%d)", uint16(op))
}

// opInfo describes one opcode. The shape lists its operands, a letter each:
//
//	T  id of the result type          R  result id
//	i  id                             n  one literal word: a number or an enumerant
//	s  literal string                 c  literal of the width of the result type
//	w  literal of the width of the selector of OpSwitch
//	d  decoration, x  execution mode: with the operands that each brings
//	m  memory access, g  image operands, l  loop control: a mask, and the
//	   operands that its bits bring
//	o  opcode within OpSpecConstantOp, and that opcode's own operands
//
// A question mark makes the next operand optional, and with it all that follow;
// a star lets the next one, or the next group in parentheses, repeat to the end.
type opInfo struct {
	name  string
	shape string
}

var opTable = map[Op]opInfo{
	OpNop:                             {"OpNop", ""},
	OpUndef:                           {"OpUndef", "TR"},
	OpSourceContinued:                 {"OpSourceContinued", "s"},
	OpSource:                          {"OpSource", "nn?i?s"},
	OpSourceExtension:                 {"OpSourceExtension", "s"},
	OpName:                            {"OpName", "is"},
	OpMemberName:                      {"OpMemberName", "ins"},
	OpString:                          {"OpString", "Rs"},
	OpLine:                            {"OpLine", "inn"},
	OpExtension:                       {"OpExtension", "s"},
	OpExtInstImport:                   {"OpExtInstImport", "Rs"},
	OpExtInst:                         {"OpExtInst", "TRin*i"},
	OpMemoryModel:                     {"OpMemoryModel", "nn"},
	OpEntryPoint:                      {"OpEntryPoint", "nis*i"},
	OpExecutionMode:                   {"OpExecutionMode", "ix"},
	OpCapability:                      {"OpCapability", "n"},
	OpTypeVoid:                        {"OpTypeVoid", "R"},
	OpTypeBool:                        {"OpTypeBool", "R"},
	OpTypeInt:                         {"OpTypeInt", "Rnn"},
	OpTypeFloat:                       {"OpTypeFloat", "Rn?n"},
	OpTypeVector:                      {"OpTypeVector", "Rin"},
	OpTypeMatrix:                      {"OpTypeMatrix", "Rin"},
	OpTypeImage:                       {"OpTypeImage", "Rinnnnnn?n"},
	OpTypeSampler:                     {"OpTypeSampler", "R"},
	OpTypeSampledImage:                {"OpTypeSampledImage", "Ri"},
	OpTypeArray:                       {"OpTypeArray", "Rii"},
	OpTypeRuntimeArray:                {"OpTypeRuntimeArray", "Ri"},
	OpTypeStruct:                      {"OpTypeStruct", "R*i"},
	OpTypeOpaque:                      {"OpTypeOpaque", "Rs"},
	OpTypePointer:                     {"OpTypePointer", "Rni"},
	OpTypeFunction:                    {"OpTypeFunction", "Ri*i"},
	OpTypeEvent:                       {"OpTypeEvent", "R"},
	OpTypeDeviceEvent:                 {"OpTypeDeviceEvent", "R"},
	OpTypeReserveId:                   {"OpTypeReserveId", "R"},
	OpTypeQueue:                       {"OpTypeQueue", "R"},
	OpTypePipe:                        {"OpTypePipe", "Rn"},
	OpTypeForwardPointer:              {"OpTypeForwardPointer", "in"},
	OpConstantTrue:                    {"OpConstantTrue", "TR"},
	OpConstantFalse:                   {"OpConstantFalse", "TR"},
	OpConstant:                        {"OpConstant", "TRc"},
	OpConstantComposite:               {"OpConstantComposite", "TR*i"},
	OpConstantSampler:                 {"OpConstantSampler", "TRnnn"},
	OpConstantNull:                    {"OpConstantNull", "TR"},
	OpSpecConstantTrue:                {"OpSpecConstantTrue", "TR"},
	OpSpecConstantFalse:               {"OpSpecConstantFalse", "TR"},
	OpSpecConstant:                    {"OpSpecConstant", "TRc"},
	OpSpecConstantComposite:           {"OpSpecConstantComposite", "TR*i"},
	OpSpecConstantOp:                  {"OpSpecConstantOp", "TRo"},
	OpFunction:                        {"OpFunction", "TRni"},
	OpFunctionParameter:               {"OpFunctionParameter", "TR"},
	OpFunctionEnd:                     {"OpFunctionEnd", ""},
	OpFunctionCall:                    {"OpFunctionCall", "TRi*i"},
	OpVariable:                        {"OpVariable", "TRn?i"},
	OpImageTexelPointer:               {"OpImageTexelPointer", "TRiii"},
	OpLoad:                            {"OpLoad", "TRi?m"},
	OpStore:                           {"OpStore", "ii?m"},
	OpCopyMemory:                      {"OpCopyMemory", "ii?m?m"},
	OpCopyMemorySized:                 {"OpCopyMemorySized", "iii?m?m"},
	OpAccessChain:                     {"OpAccessChain", "TRi*i"},
	OpInBoundsAccessChain:             {"OpInBoundsAccessChain", "TRi*i"},
	OpPtrAccessChain:                  {"OpPtrAccessChain", "TRii*i"},
	OpArrayLength:                     {"OpArrayLength", "TRin"},
	OpGenericPtrMemSemantics:          {"OpGenericPtrMemSemantics", "TRi"},
	OpInBoundsPtrAccessChain:          {"OpInBoundsPtrAccessChain", "TRii*i"},
	OpDecorate:                        {"OpDecorate", "id"},
	OpMemberDecorate:                  {"OpMemberDecorate", "ind"},
	OpDecorationGroup:                 {"OpDecorationGroup", "R"},
	OpGroupDecorate:                   {"OpGroupDecorate", "i*i"},
	OpGroupMemberDecorate:             {"OpGroupMemberDecorate", "i*(in)"},
	OpVectorExtractDynamic:            {"OpVectorExtractDynamic", "TRii"},
	OpVectorInsertDynamic:             {"OpVectorInsertDynamic", "TRiii"},
	OpVectorShuffle:                   {"OpVectorShuffle", "TRii*n"},
	OpCompositeConstruct:              {"OpCompositeConstruct", "TR*i"},
	OpCompositeExtract:                {"OpCompositeExtract", "TRi*n"},
	OpCompositeInsert:                 {"OpCompositeInsert", "TRii*n"},
	OpCopyObject:                      {"OpCopyObject", "TRi"},
	OpTranspose:                       {"OpTranspose", "TRi"},
	OpSampledImage:                    {"OpSampledImage", "TRii"},
	OpImageSampleImplicitLod:          {"OpImageSampleImplicitLod", "TRii?g"},
	OpImageSampleExplicitLod:          {"OpImageSampleExplicitLod", "TRiig"},
	OpImageSampleDrefImplicitLod:      {"OpImageSampleDrefImplicitLod", "TRiii?g"},
	OpImageSampleDrefExplicitLod:      {"OpImageSampleDrefExplicitLod", "TRiiig"},
	OpImageSampleProjImplicitLod:      {"OpImageSampleProjImplicitLod", "TRii?g"},
	OpImageSampleProjExplicitLod:      {"OpImageSampleProjExplicitLod", "TRiig"},
	OpImageSampleProjDrefImplicitLod:  {"OpImageSampleProjDrefImplicitLod", "TRiii?g"},
	OpImageSampleProjDrefExplicitLod:  {"OpImageSampleProjDrefExplicitLod", "TRiiig"},
	OpImageFetch:                      {"OpImageFetch", "TRii?g"},
	OpImageGather:                     {"OpImageGather", "TRiii?g"},
	OpImageDrefGather:                 {"OpImageDrefGather", "TRiii?g"},
	OpImageRead:                       {"OpImageRead", "TRii?g"},
	OpImageWrite:                      {"OpImageWrite", "iii?g"},
	OpImage:                           {"OpImage", "TRi"},
	OpImageQueryFormat:                {"OpImageQueryFormat", "TRi"},
	OpImageQueryOrder:                 {"OpImageQueryOrder", "TRi"},
	OpImageQuerySizeLod:               {"OpImageQuerySizeLod", "TRii"},
	OpImageQuerySize:                  {"OpImageQuerySize", "TRi"},
	OpImageQueryLod:                   {"OpImageQueryLod", "TRii"},
	OpImageQueryLevels:                {"OpImageQueryLevels", "TRi"},
	OpImageQuerySamples:               {"OpImageQuerySamples", "TRi"},
	OpConvertFToU:                     {"OpConvertFToU", "TRi"},
	OpConvertFToS:                     {"OpConvertFToS", "TRi"},
	OpConvertSToF:                     {"OpConvertSToF", "TRi"},
	OpConvertUToF:                     {"OpConvertUToF", "TRi"},
	OpUConvert:                        {"OpUConvert", "TRi"},
	OpSConvert:                        {"OpSConvert", "TRi"},
	OpFConvert:                        {"OpFConvert", "TRi"},
	OpQuantizeToF16:                   {"OpQuantizeToF16", "TRi"},
	OpConvertPtrToU:                   {"OpConvertPtrToU", "TRi"},
	OpSatConvertSToU:                  {"OpSatConvertSToU", "TRi"},
	OpSatConvertUToS:                  {"OpSatConvertUToS", "TRi"},
	OpConvertUToPtr:                   {"OpConvertUToPtr", "TRi"},
	OpPtrCastToGeneric:                {"OpPtrCastToGeneric", "TRi"},
	OpGenericCastToPtr:                {"OpGenericCastToPtr", "TRi"},
	OpGenericCastToPtrExplicit:        {"OpGenericCastToPtrExplicit", "TRin"},
	OpBitcast:                         {"OpBitcast", "TRi"},
	OpSNegate:                         {"OpSNegate", "TRi"},
	OpFNegate:                         {"OpFNegate", "TRi"},
	OpIAdd:                            {"OpIAdd", "TRii"},
	OpFAdd:                            {"OpFAdd", "TRii"},
	OpISub:                            {"OpISub", "TRii"},
	OpFSub:                            {"OpFSub", "TRii"},
	OpIMul:                            {"OpIMul", "TRii"},
	OpFMul:                            {"OpFMul", "TRii"},
	OpUDiv:                            {"OpUDiv", "TRii"},
	OpSDiv:                            {"OpSDiv", "TRii"},
	OpFDiv:                            {"OpFDiv", "TRii"},
	OpUMod:                            {"OpUMod", "TRii"},
	OpSRem:                            {"OpSRem", "TRii"},
	OpSMod:                            {"OpSMod", "TRii"},
	OpFRem:                            {"OpFRem", "TRii"},
	OpFMod:                            {"OpFMod", "TRii"},
	OpVectorTimesScalar:               {"OpVectorTimesScalar", "TRii"},
	OpMatrixTimesScalar:               {"OpMatrixTimesScalar", "TRii"},
	OpVectorTimesMatrix:               {"OpVectorTimesMatrix", "TRii"},
	OpMatrixTimesVector:               {"OpMatrixTimesVector", "TRii"},
	OpMatrixTimesMatrix:               {"OpMatrixTimesMatrix", "TRii"},
	OpOuterProduct:                    {"OpOuterProduct", "TRii"},
	OpDot:                             {"OpDot", "TRii"},
	OpIAddCarry:                       {"OpIAddCarry", "TRii"},
	OpISubBorrow:                      {"OpISubBorrow", "TRii"},
	OpUMulExtended:                    {"OpUMulExtended", "TRii"},
	OpSMulExtended:                    {"OpSMulExtended", "TRii"},
	OpAny:                             {"OpAny", "TRi"},
	OpAll:                             {"OpAll", "TRi"},
	OpIsNan:                           {"OpIsNan", "TRi"},
	OpIsInf:                           {"OpIsInf", "TRi"},
	OpIsFinite:                        {"OpIsFinite", "TRi"},
	OpIsNormal:                        {"OpIsNormal", "TRi"},
	OpSignBitSet:                      {"OpSignBitSet", "TRi"},
	OpLessOrGreater:                   {"OpLessOrGreater", "TRii"},
	OpOrdered:                         {"OpOrdered", "TRii"},
	OpUnordered:                       {"OpUnordered", "TRii"},
	OpLogicalEqual:                    {"OpLogicalEqual", "TRii"},
	OpLogicalNotEqual:                 {"OpLogicalNotEqual", "TRii"},
	OpLogicalOr:                       {"OpLogicalOr", "TRii"},
	OpLogicalAnd:                      {"OpLogicalAnd", "TRii"},
	OpLogicalNot:                      {"OpLogicalNot", "TRi"},
	OpSelect:                          {"OpSelect", "TRiii"},
	OpIEqual:                          {"OpIEqual", "TRii"},
	OpINotEqual:                       {"OpINotEqual", "TRii"},
	OpUGreaterThan:                    {"OpUGreaterThan", "TRii"},
	OpSGreaterThan:                    {"OpSGreaterThan", "TRii"},
	OpUGreaterThanEqual:               {"OpUGreaterThanEqual", "TRii"},
	OpSGreaterThanEqual:               {"OpSGreaterThanEqual", "TRii"},
	OpULessThan:                       {"OpULessThan", "TRii"},
	OpSLessThan:                       {"OpSLessThan", "TRii"},
	OpULessThanEqual:                  {"OpULessThanEqual", "TRii"},
	OpSLessThanEqual:                  {"OpSLessThanEqual", "TRii"},
	OpFOrdEqual:                       {"OpFOrdEqual", "TRii"},
	OpFUnordEqual:                     {"OpFUnordEqual", "TRii"},
	OpFOrdNotEqual:                    {"OpFOrdNotEqual", "TRii"},
	OpFUnordNotEqual:                  {"OpFUnordNotEqual", "TRii"},
	OpFOrdLessThan:                    {"OpFOrdLessThan", "TRii"},
	OpFUnordLessThan:                  {"OpFUnordLessThan", "TRii"},
	OpFOrdGreaterThan:                 {"OpFOrdGreaterThan", "TRii"},
	OpFUnordGreaterThan:               {"OpFUnordGreaterThan", "TRii"},
	OpFOrdLessThanEqual:               {"OpFOrdLessThanEqual", "TRii"},
	OpFUnordLessThanEqual:             {"OpFUnordLessThanEqual", "TRii"},
	OpFOrdGreaterThanEqual:            {"OpFOrdGreaterThanEqual", "TRii"},
	OpFUnordGreaterThanEqual:          {"OpFUnordGreaterThanEqual", "TRii"},
	OpShiftRightLogical:               {"OpShiftRightLogical", "TRii"},
	OpShiftRightArithmetic:            {"OpShiftRightArithmetic", "TRii"},
	OpShiftLeftLogical:                {"OpShiftLeftLogical", "TRii"},
	OpBitwiseOr:                       {"OpBitwiseOr", "TRii"},
	OpBitwiseXor:                      {"OpBitwiseXor", "TRii"},
	OpBitwiseAnd:                      {"OpBitwiseAnd", "TRii"},
	OpNot:                             {"OpNot", "TRi"},
	OpBitFieldInsert:                  {"OpBitFieldInsert", "TRiiii"},
	OpBitFieldSExtract:                {"OpBitFieldSExtract", "TRiii"},
	OpBitFieldUExtract:                {"OpBitFieldUExtract", "TRiii"},
	OpBitReverse:                      {"OpBitReverse", "TRi"},
	OpBitCount:                        {"OpBitCount", "TRi"},
	OpDPdx:                            {"OpDPdx", "TRi"},
	OpDPdy:                            {"OpDPdy", "TRi"},
	OpFwidth:                          {"OpFwidth", "TRi"},
	OpDPdxFine:                        {"OpDPdxFine", "TRi"},
	OpDPdyFine:                        {"OpDPdyFine", "TRi"},
	OpFwidthFine:                      {"OpFwidthFine", "TRi"},
	OpDPdxCoarse:                      {"OpDPdxCoarse", "TRi"},
	OpDPdyCoarse:                      {"OpDPdyCoarse", "TRi"},
	OpFwidthCoarse:                    {"OpFwidthCoarse", "TRi"},
	OpEmitVertex:                      {"OpEmitVertex", ""},
	OpEndPrimitive:                    {"OpEndPrimitive", ""},
	OpEmitStreamVertex:                {"OpEmitStreamVertex", "i"},
	OpEndStreamPrimitive:              {"OpEndStreamPrimitive", "i"},
	OpControlBarrier:                  {"OpControlBarrier", "iii"},
	OpMemoryBarrier:                   {"OpMemoryBarrier", "ii"},
	OpAtomicLoad:                      {"OpAtomicLoad", "TRiii"},
	OpAtomicStore:                     {"OpAtomicStore", "iiii"},
	OpAtomicExchange:                  {"OpAtomicExchange", "TRiiii"},
	OpAtomicCompareExchange:           {"OpAtomicCompareExchange", "TRiiiiii"},
	OpAtomicCompareExchangeWeak:       {"OpAtomicCompareExchangeWeak", "TRiiiiii"},
	OpAtomicIIncrement:                {"OpAtomicIIncrement", "TRiii"},
	OpAtomicIDecrement:                {"OpAtomicIDecrement", "TRiii"},
	OpAtomicIAdd:                      {"OpAtomicIAdd", "TRiiii"},
	OpAtomicISub:                      {"OpAtomicISub", "TRiiii"},
	OpAtomicSMin:                      {"OpAtomicSMin", "TRiiii"},
	OpAtomicUMin:                      {"OpAtomicUMin", "TRiiii"},
	OpAtomicSMax:                      {"OpAtomicSMax", "TRiiii"},
	OpAtomicUMax:                      {"OpAtomicUMax", "TRiiii"},
	OpAtomicAnd:                       {"OpAtomicAnd", "TRiiii"},
	OpAtomicOr:                        {"OpAtomicOr", "TRiiii"},
	OpAtomicXor:                       {"OpAtomicXor", "TRiiii"},
	OpPhi:                             {"OpPhi", "TR*(ii)"},
	OpLoopMerge:                       {"OpLoopMerge", "iil"},
	OpSelectionMerge:                  {"OpSelectionMerge", "in"},
	OpLabel:                           {"OpLabel", "R"},
	OpBranch:                          {"OpBranch", "i"},
	OpBranchConditional:               {"OpBranchConditional", "iii*n"},
	OpSwitch:                          {"OpSwitch", "ii*(wi)"},
	OpKill:                            {"OpKill", ""},
	OpReturn:                          {"OpReturn", ""},
	OpReturnValue:                     {"OpReturnValue", "i"},
	OpUnreachable:                     {"OpUnreachable", ""},
	OpLifetimeStart:                   {"OpLifetimeStart", "in"},
	OpLifetimeStop:                    {"OpLifetimeStop", "in"},
	OpGroupAsyncCopy:                  {"OpGroupAsyncCopy", "TRiiiiii"},
	OpGroupWaitEvents:                 {"OpGroupWaitEvents", "iii"},
	OpGroupAll:                        {"OpGroupAll", "TRii"},
	OpGroupAny:                        {"OpGroupAny", "TRii"},
	OpGroupBroadcast:                  {"OpGroupBroadcast", "TRiii"},
	OpGroupIAdd:                       {"OpGroupIAdd", "TRini"},
	OpGroupFAdd:                       {"OpGroupFAdd", "TRini"},
	OpGroupFMin:                       {"OpGroupFMin", "TRini"},
	OpGroupUMin:                       {"OpGroupUMin", "TRini"},
	OpGroupSMin:                       {"OpGroupSMin", "TRini"},
	OpGroupFMax:                       {"OpGroupFMax", "TRini"},
	OpGroupUMax:                       {"OpGroupUMax", "TRini"},
	OpGroupSMax:                       {"OpGroupSMax", "TRini"},
	OpReadPipe:                        {"OpReadPipe", "TRiiii"},
	OpWritePipe:                       {"OpWritePipe", "TRiiii"},
	OpReservedReadPipe:                {"OpReservedReadPipe", "TRiiiiii"},
	OpReservedWritePipe:               {"OpReservedWritePipe", "TRiiiiii"},
	OpReserveReadPipePackets:          {"OpReserveReadPipePackets", "TRiiii"},
	OpReserveWritePipePackets:         {"OpReserveWritePipePackets", "TRiiii"},
	OpCommitReadPipe:                  {"OpCommitReadPipe", "iiii"},
	OpCommitWritePipe:                 {"OpCommitWritePipe", "iiii"},
	OpIsValidReserveId:                {"OpIsValidReserveId", "TRi"},
	OpGetNumPipePackets:               {"OpGetNumPipePackets", "TRiii"},
	OpGetMaxPipePackets:               {"OpGetMaxPipePackets", "TRiii"},
	OpGroupReserveReadPipePackets:     {"OpGroupReserveReadPipePackets", "TRiiiii"},
	OpGroupReserveWritePipePackets:    {"OpGroupReserveWritePipePackets", "TRiiiii"},
	OpGroupCommitReadPipe:             {"OpGroupCommitReadPipe", "iiiii"},
	OpGroupCommitWritePipe:            {"OpGroupCommitWritePipe", "iiiii"},
	OpEnqueueMarker:                   {"OpEnqueueMarker", "TRiiii"},
	OpEnqueueKernel:                   {"OpEnqueueKernel", "TRiiiiiiiiii*i"},
	OpGetKernelNDrangeSubGroupCount:   {"OpGetKernelNDrangeSubGroupCount", "TRiiiii"},
	OpGetKernelNDrangeMaxSubGroupSize: {"OpGetKernelNDrangeMaxSubGroupSize", "TRiiiii"},
	OpGetKernelWorkGroupSize:          {"OpGetKernelWorkGroupSize", "TRiiii"},
	OpGetKernelPreferredWorkGroupSizeMultiple: {"OpGetKernelPreferredWorkGroupSizeMultiple", "TRiiii"},
	OpRetainEvent:                          {"OpRetainEvent", "i"},
	OpReleaseEvent:                         {"OpReleaseEvent", "i"},
	OpCreateUserEvent:                      {"OpCreateUserEvent", "TR"},
	OpIsValidEvent:                         {"OpIsValidEvent", "TRi"},
	OpSetUserEventStatus:                   {"OpSetUserEventStatus", "ii"},
	OpCaptureEventProfilingInfo:            {"OpCaptureEventProfilingInfo", "iii"},
	OpGetDefaultQueue:                      {"OpGetDefaultQueue", "TR"},
	OpBuildNDRange:                         {"OpBuildNDRange", "TRiii"},
	OpImageSparseSampleImplicitLod:         {"OpImageSparseSampleImplicitLod", "TRii?g"},
	OpImageSparseSampleExplicitLod:         {"OpImageSparseSampleExplicitLod", "TRiig"},
	OpImageSparseSampleDrefImplicitLod:     {"OpImageSparseSampleDrefImplicitLod", "TRiii?g"},
	OpImageSparseSampleDrefExplicitLod:     {"OpImageSparseSampleDrefExplicitLod", "TRiiig"},
	OpImageSparseSampleProjImplicitLod:     {"OpImageSparseSampleProjImplicitLod", "TRii?g"},
	OpImageSparseSampleProjExplicitLod:     {"OpImageSparseSampleProjExplicitLod", "TRiig"},
	OpImageSparseSampleProjDrefImplicitLod: {"OpImageSparseSampleProjDrefImplicitLod", "TRiii?g"},
	OpImageSparseSampleProjDrefExplicitLod: {"OpImageSparseSampleProjDrefExplicitLod", "TRiiig"},
	OpImageSparseFetch:                     {"OpImageSparseFetch", "TRii?g"},
	OpImageSparseGather:                    {"OpImageSparseGather", "TRiii?g"},
	OpImageSparseDrefGather:                {"OpImageSparseDrefGather", "TRiii?g"},
	OpImageSparseTexelsResident:            {"OpImageSparseTexelsResident", "TRi"},
	OpNoLine:                               {"OpNoLine", ""},
	OpAtomicFlagTestAndSet:                 {"OpAtomicFlagTestAndSet", "TRiii"},
	OpAtomicFlagClear:                      {"OpAtomicFlagClear", "iii"},
	OpImageSparseRead:                      {"OpImageSparseRead", "TRii?g"},
	OpSizeOf:                               {"OpSizeOf", "TRi"},
	OpTypePipeStorage:                      {"OpTypePipeStorage", "R"},
	OpConstantPipeStorage:                  {"OpConstantPipeStorage", "TRnnn"},
	OpCreatePipeFromPipeStorage:            {"OpCreatePipeFromPipeStorage", "TRi"},
	OpGetKernelLocalSizeForSubgroupCount:   {"OpGetKernelLocalSizeForSubgroupCount", "TRiiiii"},
	OpGetKernelMaxNumSubgroups:             {"OpGetKernelMaxNumSubgroups", "TRiiii"},
	OpTypeNamedBarrier:                     {"OpTypeNamedBarrier", "R"},
	OpNamedBarrierInitialize:               {"OpNamedBarrierInitialize", "TRi"},
	OpMemoryNamedBarrier:                   {"OpMemoryNamedBarrier", "iii"},
	OpModuleProcessed:                      {"OpModuleProcessed", "s"},
	OpExecutionModeId:                      {"OpExecutionModeId", "ix"},
	OpDecorateId:                           {"OpDecorateId", "id"},
	OpGroupNonUniformElect:                 {"OpGroupNonUniformElect", "TRi"},
	OpGroupNonUniformAll:                   {"OpGroupNonUniformAll", "TRii"},
	OpGroupNonUniformAny:                   {"OpGroupNonUniformAny", "TRii"},
	OpGroupNonUniformAllEqual:              {"OpGroupNonUniformAllEqual", "TRii"},
	OpGroupNonUniformBroadcast:             {"OpGroupNonUniformBroadcast", "TRiii"},
	OpGroupNonUniformBroadcastFirst:        {"OpGroupNonUniformBroadcastFirst", "TRii"},
	OpGroupNonUniformBallot:                {"OpGroupNonUniformBallot", "TRii"},
	OpGroupNonUniformInverseBallot:         {"OpGroupNonUniformInverseBallot", "TRii"},
	OpGroupNonUniformBallotBitExtract:      {"OpGroupNonUniformBallotBitExtract", "TRiii"},
	OpGroupNonUniformBallotBitCount:        {"OpGroupNonUniformBallotBitCount", "TRini"},
	OpGroupNonUniformBallotFindLSB:         {"OpGroupNonUniformBallotFindLSB", "TRii"},
	OpGroupNonUniformBallotFindMSB:         {"OpGroupNonUniformBallotFindMSB", "TRii"},
	OpGroupNonUniformShuffle:               {"OpGroupNonUniformShuffle", "TRiii"},
	OpGroupNonUniformShuffleXor:            {"OpGroupNonUniformShuffleXor", "TRiii"},
	OpGroupNonUniformShuffleUp:             {"OpGroupNonUniformShuffleUp", "TRiii"},
	OpGroupNonUniformShuffleDown:           {"OpGroupNonUniformShuffleDown", "TRiii"},
	OpGroupNonUniformIAdd:                  {"OpGroupNonUniformIAdd", "TRini?i"},
	OpGroupNonUniformFAdd:                  {"OpGroupNonUniformFAdd", "TRini?i"},
	OpGroupNonUniformIMul:                  {"OpGroupNonUniformIMul", "TRini?i"},
	OpGroupNonUniformFMul:                  {"OpGroupNonUniformFMul", "TRini?i"},
	OpGroupNonUniformSMin:                  {"OpGroupNonUniformSMin", "TRini?i"},
	OpGroupNonUniformUMin:                  {"OpGroupNonUniformUMin", "TRini?i"},
	OpGroupNonUniformFMin:                  {"OpGroupNonUniformFMin", "TRini?i"},
	OpGroupNonUniformSMax:                  {"OpGroupNonUniformSMax", "TRini?i"},
	OpGroupNonUniformUMax:                  {"OpGroupNonUniformUMax", "TRini?i"},
	OpGroupNonUniformFMax:                  {"OpGroupNonUniformFMax", "TRini?i"},
	OpGroupNonUniformBitwiseAnd:            {"OpGroupNonUniformBitwiseAnd", "TRini?i"},
	OpGroupNonUniformBitwiseOr:             {"OpGroupNonUniformBitwiseOr", "TRini?i"},
	OpGroupNonUniformBitwiseXor:            {"OpGroupNonUniformBitwiseXor", "TRini?i"},
	OpGroupNonUniformLogicalAnd:            {"OpGroupNonUniformLogicalAnd", "TRini?i"},
	OpGroupNonUniformLogicalOr:             {"OpGroupNonUniformLogicalOr", "TRini?i"},
	OpGroupNonUniformLogicalXor:            {"OpGroupNonUniformLogicalXor", "TRini?i"},
	OpGroupNonUniformQuadBroadcast:         {"OpGroupNonUniformQuadBroadcast", "TRiii"},
	OpGroupNonUniformQuadSwap:              {"OpGroupNonUniformQuadSwap", "TRiii"},
	OpCopyLogical:                          {"OpCopyLogical", "TRi"},
	OpPtrEqual:                             {"OpPtrEqual", "TRii"},
	OpPtrNotEqual:                          {"OpPtrNotEqual", "TRii"},
	OpPtrDiff:                              {"OpPtrDiff", "TRii"},
	OpTerminateInvocation:                  {"OpTerminateInvocation", ""},
	OpTypeUntypedPointerKHR:                {"OpTypeUntypedPointerKHR", "Rn"},
	OpUntypedVariableKHR:                   {"OpUntypedVariableKHR", "TRn?i?i"},
	OpUntypedAccessChainKHR:                {"OpUntypedAccessChainKHR", "TRii*i"},
	OpUntypedInBoundsAccessChainKHR:        {"OpUntypedInBoundsAccessChainKHR", "TRii*i"},
	OpSubgroupBallotKHR:                    {"OpSubgroupBallotKHR", "TRi"},
	OpSubgroupFirstInvocationKHR:           {"OpSubgroupFirstInvocationKHR", "TRi"},
	OpUntypedPtrAccessChainKHR:             {"OpUntypedPtrAccessChainKHR", "TRiii*i"},
	OpUntypedInBoundsPtrAccessChainKHR:     {"OpUntypedInBoundsPtrAccessChainKHR", "TRiii*i"},
	OpUntypedArrayLengthKHR:                {"OpUntypedArrayLengthKHR", "TRiin"},
	OpUntypedPrefetchKHR:                   {"OpUntypedPrefetchKHR", "ii?i?i?i"},
	OpFmaKHR:                               {"OpFmaKHR", "TRiii"},
	OpSubgroupAllKHR:                       {"OpSubgroupAllKHR", "TRi"},
	OpSubgroupAnyKHR:                       {"OpSubgroupAnyKHR", "TRi"},
	OpSubgroupAllEqualKHR:                  {"OpSubgroupAllEqualKHR", "TRi"},
	OpGroupNonUniformRotateKHR:             {"OpGroupNonUniformRotateKHR", "TRiii?i"},
	OpSubgroupReadInvocationKHR:            {"OpSubgroupReadInvocationKHR", "TRii"},
	OpExtInstWithForwardRefsKHR:            {"OpExtInstWithForwardRefsKHR", "TRin*i"},
	OpSDot:                                 {"OpSDot", "TRii?n"},
	OpUDot:                                 {"OpUDot", "TRii?n"},
	OpSUDot:                                {"OpSUDot", "TRii?n"},
	OpSDotAccSat:                           {"OpSDotAccSat", "TRiii?n"},
	OpUDotAccSat:                           {"OpUDotAccSat", "TRiii?n"},
	OpSUDotAccSat:                          {"OpSUDotAccSat", "TRiii?n"},
	OpTypeCooperativeMatrixKHR:             {"OpTypeCooperativeMatrixKHR", "Riiiii"},
	OpCooperativeMatrixLoadKHR:             {"OpCooperativeMatrixLoadKHR", "TRii?i?m"},
	OpCooperativeMatrixStoreKHR:            {"OpCooperativeMatrixStoreKHR", "iii?i?m"},
	OpCooperativeMatrixMulAddKHR:           {"OpCooperativeMatrixMulAddKHR", "TRiii?n"},
	OpCooperativeMatrixLengthKHR:           {"OpCooperativeMatrixLengthKHR", "TRi"},
	OpConstantCompositeReplicateEXT:        {"OpConstantCompositeReplicateEXT", "TRi"},
	OpSpecConstantCompositeReplicateEXT:    {"OpSpecConstantCompositeReplicateEXT", "TRi"},
	OpCompositeConstructReplicateEXT:       {"OpCompositeConstructReplicateEXT", "TRi"},
	OpGroupIAddNonUniformAMD:               {"OpGroupIAddNonUniformAMD", "TRini"},
	OpGroupFAddNonUniformAMD:               {"OpGroupFAddNonUniformAMD", "TRini"},
	OpGroupFMinNonUniformAMD:               {"OpGroupFMinNonUniformAMD", "TRini"},
	OpGroupUMinNonUniformAMD:               {"OpGroupUMinNonUniformAMD", "TRini"},
	OpGroupSMinNonUniformAMD:               {"OpGroupSMinNonUniformAMD", "TRini"},
	OpGroupFMaxNonUniformAMD:               {"OpGroupFMaxNonUniformAMD", "TRini"},
	OpGroupUMaxNonUniformAMD:               {"OpGroupUMaxNonUniformAMD", "TRini"},
	OpGroupSMaxNonUniformAMD:               {"OpGroupSMaxNonUniformAMD", "TRini"},
	OpReadClockKHR:                         {"OpReadClockKHR", "TRi"},
	OpGroupNonUniformQuadAllKHR:            {"OpGroupNonUniformQuadAllKHR", "TRi"},
	OpGroupNonUniformQuadAnyKHR:            {"OpGroupNonUniformQuadAnyKHR", "TRi"},
	OpGroupNonUniformPartitionEXT:          {"OpGroupNonUniformPartitionEXT", "TRi"},
	OpTypeCooperativeMatrixNV:              {"OpTypeCooperativeMatrixNV", "Riiii"},
	OpCooperativeMatrixLoadNV:              {"OpCooperativeMatrixLoadNV", "TRiii?m"},
	OpCooperativeMatrixStoreNV:             {"OpCooperativeMatrixStoreNV", "iiii?m"},
	OpCooperativeMatrixMulAddNV:            {"OpCooperativeMatrixMulAddNV", "TRiii"},
	OpCooperativeMatrixLengthNV:            {"OpCooperativeMatrixLengthNV", "TRi"},
	OpCooperativeMatrixGetCoordinateEXT:    {"OpCooperativeMatrixGetCoordinateEXT", "TRii"},
	OpCooperativeMatrixReduceEXT:           {"OpCooperativeMatrixReduceEXT", "TRini"},
	OpDemoteToHelperInvocation:             {"OpDemoteToHelperInvocation", ""},
	OpIsHelperInvocationEXT:                {"OpIsHelperInvocationEXT", "TR"},
	OpAtomicFMinEXT:                        {"OpAtomicFMinEXT", "TRiiii"},
	OpAtomicFMaxEXT:                        {"OpAtomicFMaxEXT", "TRiiii"},
	OpAssumeTrueKHR:                        {"OpAssumeTrueKHR", "i"},
	OpExpectKHR:                            {"OpExpectKHR", "TRii"},
	OpDecorateString:                       {"OpDecorateString", "id"},
	OpMemberDecorateString:                 {"OpMemberDecorateString", "ind"},
	OpAtomicFAddEXT:                        {"OpAtomicFAddEXT", "TRiiii"},
}

// results reports whether instructions of this opcode have a result type and a result id.
func (op Op) results() (hasType, hasResult bool) {
	shape := opTable[op].shape
	hasType = len(shape) > 0 && shape[0] == 'T'
	if hasType {
		shape = shape[1:]
	}
	return hasType, len(shape) > 0 && shape[0] == 'R'
}

// decorationShape is the shape of the operands that a decoration brings. Those
// of a decoration unknown here are taken as literals.
func decorationShape(d Decoration) string {
	switch d {
	case DecorationSpecId, DecorationArrayStride, DecorationMatrixStride, DecorationBuiltIn, DecorationStream, DecorationLocation,
		DecorationComponent, DecorationIndex, DecorationBinding, DecorationDescriptorSet, DecorationOffset, DecorationXfbBuffer,
		DecorationXfbStride, DecorationFuncParamAttr, DecorationFPRoundingMode, DecorationFPFastMathMode,
		DecorationInputAttachmentIndex, DecorationAlignment, DecorationMaxByteOffset:
		return "n"
	case DecorationUniformId, DecorationAlignmentId, DecorationMaxByteOffsetId, DecorationCounterBuffer:
		return "i"
	case DecorationLinkageAttributes:
		return "sn"
	case DecorationUserSemantic, DecorationUserTypeGOOGLE:
		return "s"
	}
	if _, known := decorationNames[d]; known {
		return ""
	}
	return "*n"
}

// executionModeShape does for an execution mode what decorationShape does for a decoration.
func executionModeShape(mode ExecutionMode) string {
	switch mode {
	case ExecutionModeLocalSize, ExecutionModeLocalSizeHint:
		return "nnn"
	case ExecutionModeLocalSizeId, ExecutionModeLocalSizeHintId:
		return "iii"
	case ExecutionModeInvocations, ExecutionModeOutputVertices, ExecutionModeVecTypeHint, ExecutionModeSubgroupSize,
		ExecutionModeSubgroupsPerWorkgroup, ExecutionModeDenormPreserve, ExecutionModeDenormFlushToZero,
		ExecutionModeSignedZeroInfNanPreserve, ExecutionModeRoundingModeRTE, ExecutionModeRoundingModeRTZ:
		return "n"
	case ExecutionModeSubgroupsPerWorkgroupId:
		return "i"
	case ExecutionModeFPFastMathDefault:
		return "ii"
	}
	if _, known := executionModeNames[mode]; known {
		return ""
	}
	return "*n"
}

// maskShapes gives the operands that each bit of a mask brings, the lowest bit first.
var maskShapes = map[byte]map[uint32]string{
	'm': {0x2: "n", 0x8: "i", 0x10: "i"},
	'g': {0x1: "i", 0x2: "i", 0x4: "ii", 0x8: "i", 0x10: "i", 0x20: "i", 0x40: "i", 0x80: "i", 0x100: "i", 0x200: "i", 0x10000: "i"},
	'l': {0x8: "n", 0x10: "n", 0x20: "n", 0x40: "n", 0x80: "n", 0x100: "n"},
}
