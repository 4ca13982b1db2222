// 16-bit floats: arithmetic, vectors, comparisons, conversions, packing.
#version 450
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#extension GL_EXT_shader_16bit_storage : require
#extension GL_EXT_control_flow_attributes : require
layout(local_size_x = 32) in;
layout(push_constant) uniform P { uint n; float k; } p;
layout(set = 0, binding = 0) readonly buffer X { f16vec4 x[]; };
layout(set = 0, binding = 1) writeonly buffer Y { f16vec4 y[]; };
layout(set = 0, binding = 2) writeonly buffer Z { uint z[]; };
shared float16_t part[32];
void main() {
    const uint i = gl_GlobalInvocationID.x, l = gl_LocalInvocationID.x;
    f16vec4 v = i < p.n ? x[i] : f16vec4(0.0hf);
    part[l] = v.x + v.y * v.z;
    barrier();
    const float16_t other = part[31 - l];
    const float16_t k = float16_t(p.k);
    f16vec4 w = fma(v, f16vec4(k), f16vec4(other));
    w.y = min(max(-w.y, v.x), abs(v.w) + 1.5hf);
    w.z = other < v.z ? w.z / (abs(v.y) + 0.5hf) : sqrt(abs(w.z));
    w.w = floor(w.w * 0.25hf) - v.w;
    if (i < p.n) {
        y[i] = w;
        z[i] = packHalf2x16(vec2(w.xy) + unpackHalf2x16(packHalf2x16(vec2(v.zw)))) ^ uint(int(v.x));
    }
}
