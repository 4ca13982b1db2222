// GLSL.std.450, the extended instruction set of Vulkan.

package spirv

import "fmt"

// GLSL is the number of an instruction of the extended instruction set GLSL.std.450.
type GLSL uint32

// The instructions of GLSL.std.450.
const (
	GLSLRound                 GLSL = 1
	GLSLRoundEven             GLSL = 2
	GLSLTrunc                 GLSL = 3
	GLSLFAbs                  GLSL = 4
	GLSLSAbs                  GLSL = 5
	GLSLFSign                 GLSL = 6
	GLSLSSign                 GLSL = 7
	GLSLFloor                 GLSL = 8
	GLSLCeil                  GLSL = 9
	GLSLFract                 GLSL = 10
	GLSLRadians               GLSL = 11
	GLSLDegrees               GLSL = 12
	GLSLSin                   GLSL = 13
	GLSLCos                   GLSL = 14
	GLSLTan                   GLSL = 15
	GLSLAsin                  GLSL = 16
	GLSLAcos                  GLSL = 17
	GLSLAtan                  GLSL = 18
	GLSLSinh                  GLSL = 19
	GLSLCosh                  GLSL = 20
	GLSLTanh                  GLSL = 21
	GLSLAsinh                 GLSL = 22
	GLSLAcosh                 GLSL = 23
	GLSLAtanh                 GLSL = 24
	GLSLAtan2                 GLSL = 25
	GLSLPow                   GLSL = 26
	GLSLExp                   GLSL = 27
	GLSLLog                   GLSL = 28
	GLSLExp2                  GLSL = 29
	GLSLLog2                  GLSL = 30
	GLSLSqrt                  GLSL = 31
	GLSLInverseSqrt           GLSL = 32
	GLSLDeterminant           GLSL = 33
	GLSLMatrixInverse         GLSL = 34
	GLSLModf                  GLSL = 35
	GLSLModfStruct            GLSL = 36
	GLSLFMin                  GLSL = 37
	GLSLUMin                  GLSL = 38
	GLSLSMin                  GLSL = 39
	GLSLFMax                  GLSL = 40
	GLSLUMax                  GLSL = 41
	GLSLSMax                  GLSL = 42
	GLSLFClamp                GLSL = 43
	GLSLUClamp                GLSL = 44
	GLSLSClamp                GLSL = 45
	GLSLFMix                  GLSL = 46
	GLSLIMix                  GLSL = 47
	GLSLStep                  GLSL = 48
	GLSLSmoothStep            GLSL = 49
	GLSLFma                   GLSL = 50
	GLSLFrexp                 GLSL = 51
	GLSLFrexpStruct           GLSL = 52
	GLSLLdexp                 GLSL = 53
	GLSLPackSnorm4x8          GLSL = 54
	GLSLPackUnorm4x8          GLSL = 55
	GLSLPackSnorm2x16         GLSL = 56
	GLSLPackUnorm2x16         GLSL = 57
	GLSLPackHalf2x16          GLSL = 58
	GLSLPackDouble2x32        GLSL = 59
	GLSLUnpackSnorm2x16       GLSL = 60
	GLSLUnpackUnorm2x16       GLSL = 61
	GLSLUnpackHalf2x16        GLSL = 62
	GLSLUnpackSnorm4x8        GLSL = 63
	GLSLUnpackUnorm4x8        GLSL = 64
	GLSLUnpackDouble2x32      GLSL = 65
	GLSLLength                GLSL = 66
	GLSLDistance              GLSL = 67
	GLSLCross                 GLSL = 68
	GLSLNormalize             GLSL = 69
	GLSLFaceForward           GLSL = 70
	GLSLReflect               GLSL = 71
	GLSLRefract               GLSL = 72
	GLSLFindILsb              GLSL = 73
	GLSLFindSMsb              GLSL = 74
	GLSLFindUMsb              GLSL = 75
	GLSLInterpolateAtCentroid GLSL = 76
	GLSLInterpolateAtSample   GLSL = 77
	GLSLInterpolateAtOffset   GLSL = 78
	GLSLNMin                  GLSL = 79
	GLSLNMax                  GLSL = 80
	GLSLNClamp                GLSL = 81
)

// glslTable gives each instruction of GLSL.std.450 its name and its number of operands.
var glslTable = map[GLSL]struct {
	name string
	args int
}{
	GLSLRound:                 {"Round", 1},
	GLSLRoundEven:             {"RoundEven", 1},
	GLSLTrunc:                 {"Trunc", 1},
	GLSLFAbs:                  {"FAbs", 1},
	GLSLSAbs:                  {"SAbs", 1},
	GLSLFSign:                 {"FSign", 1},
	GLSLSSign:                 {"SSign", 1},
	GLSLFloor:                 {"Floor", 1},
	GLSLCeil:                  {"Ceil", 1},
	GLSLFract:                 {"Fract", 1},
	GLSLRadians:               {"Radians", 1},
	GLSLDegrees:               {"Degrees", 1},
	GLSLSin:                   {"Sin", 1},
	GLSLCos:                   {"Cos", 1},
	GLSLTan:                   {"Tan", 1},
	GLSLAsin:                  {"Asin", 1},
	GLSLAcos:                  {"Acos", 1},
	GLSLAtan:                  {"Atan", 1},
	GLSLSinh:                  {"Sinh", 1},
	GLSLCosh:                  {"Cosh", 1},
	GLSLTanh:                  {"Tanh", 1},
	GLSLAsinh:                 {"Asinh", 1},
	GLSLAcosh:                 {"Acosh", 1},
	GLSLAtanh:                 {"Atanh", 1},
	GLSLAtan2:                 {"Atan2", 2},
	GLSLPow:                   {"Pow", 2},
	GLSLExp:                   {"Exp", 1},
	GLSLLog:                   {"Log", 1},
	GLSLExp2:                  {"Exp2", 1},
	GLSLLog2:                  {"Log2", 1},
	GLSLSqrt:                  {"Sqrt", 1},
	GLSLInverseSqrt:           {"InverseSqrt", 1},
	GLSLDeterminant:           {"Determinant", 1},
	GLSLMatrixInverse:         {"MatrixInverse", 1},
	GLSLModf:                  {"Modf", 2},
	GLSLModfStruct:            {"ModfStruct", 1},
	GLSLFMin:                  {"FMin", 2},
	GLSLUMin:                  {"UMin", 2},
	GLSLSMin:                  {"SMin", 2},
	GLSLFMax:                  {"FMax", 2},
	GLSLUMax:                  {"UMax", 2},
	GLSLSMax:                  {"SMax", 2},
	GLSLFClamp:                {"FClamp", 3},
	GLSLUClamp:                {"UClamp", 3},
	GLSLSClamp:                {"SClamp", 3},
	GLSLFMix:                  {"FMix", 3},
	GLSLIMix:                  {"IMix", 3},
	GLSLStep:                  {"Step", 2},
	GLSLSmoothStep:            {"SmoothStep", 3},
	GLSLFma:                   {"Fma", 3},
	GLSLFrexp:                 {"Frexp", 2},
	GLSLFrexpStruct:           {"FrexpStruct", 1},
	GLSLLdexp:                 {"Ldexp", 2},
	GLSLPackSnorm4x8:          {"PackSnorm4x8", 1},
	GLSLPackUnorm4x8:          {"PackUnorm4x8", 1},
	GLSLPackSnorm2x16:         {"PackSnorm2x16", 1},
	GLSLPackUnorm2x16:         {"PackUnorm2x16", 1},
	GLSLPackHalf2x16:          {"PackHalf2x16", 1},
	GLSLPackDouble2x32:        {"PackDouble2x32", 1},
	GLSLUnpackSnorm2x16:       {"UnpackSnorm2x16", 1},
	GLSLUnpackUnorm2x16:       {"UnpackUnorm2x16", 1},
	GLSLUnpackHalf2x16:        {"UnpackHalf2x16", 1},
	GLSLUnpackSnorm4x8:        {"UnpackSnorm4x8", 1},
	GLSLUnpackUnorm4x8:        {"UnpackUnorm4x8", 1},
	GLSLUnpackDouble2x32:      {"UnpackDouble2x32", 1},
	GLSLLength:                {"Length", 1},
	GLSLDistance:              {"Distance", 2},
	GLSLCross:                 {"Cross", 2},
	GLSLNormalize:             {"Normalize", 1},
	GLSLFaceForward:           {"FaceForward", 3},
	GLSLReflect:               {"Reflect", 2},
	GLSLRefract:               {"Refract", 3},
	GLSLFindILsb:              {"FindILsb", 1},
	GLSLFindSMsb:              {"FindSMsb", 1},
	GLSLFindUMsb:              {"FindUMsb", 1},
	GLSLInterpolateAtCentroid: {"InterpolateAtCentroid", 1},
	GLSLInterpolateAtSample:   {"InterpolateAtSample", 2},
	GLSLInterpolateAtOffset:   {"InterpolateAtOffset", 2},
	GLSLNMin:                  {"NMin", 2},
	GLSLNMax:                  {"NMax", 2},
	GLSLNClamp:                {"NClamp", 3},
}

// String is the name that the specification gives, such as Fma, or GLSL(1234) for an unknown one.
func (g GLSL) String() string {
	if info, ok := glslTable[g]; ok {
		return info.name
	}
	return fmt.Sprintf("GLSL(%d)", uint32(g))
}
