// 64-bit integers: arithmetic, comparisons, shifts, conversions, casts, in buffers and
// push constants.
#version 450
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
layout(local_size_x = 32) in;
layout(push_constant) uniform P { uint64_t a; int64_t b; uint n; } p;
layout(set = 0, binding = 0) readonly buffer X { uint64_t x[]; };
layout(set = 0, binding = 1) writeonly buffer Y { uint64_t y[]; };
layout(set = 0, binding = 2) writeonly buffer Z { int z[]; };
void main() {
    const uint i = gl_GlobalInvocationID.x;
    if (i >= p.n) return;
    const uint64_t u = x[i];
    const int64_t s = int64_t(u) ^ p.b;
    uint64_t r = u * p.a + (u >> (i & 63)) - (u << 7) + uint64_t(s >> 5);
    r ^= uint64_t(s / (p.b | 3l)) + u % (p.a | 1ul) + ~(u & p.a);
    r += s < p.b ? uint64_t(max(s, -s)) : min(u, p.a);
    const uvec2 h = unpackUint2x32(r);
    y[i] = packUint2x32(h.yx) + uint64_t(h.x) + uint64_t(int64_t(int(h.y)));
    z[i] = int(s) + int(u == p.a) + int(float(s) * 1e-16);
}
