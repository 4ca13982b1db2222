// Much of what a Vulkan compute kernel may contain and the product doesn't: images, pointers, atomics, subgroups, matrices, wide and narrow numbers.
#version 450
#extension GL_KHR_shader_subgroup_arithmetic : enable
#extension GL_EXT_buffer_reference : enable
#extension GL_EXT_shader_explicit_arithmetic_types : enable
#extension GL_EXT_shader_16bit_storage : enable
#extension GL_EXT_shader_atomic_float : enable
layout(local_size_x_id = 0) in;
layout(constant_id = 4) const uint N = 3;
layout(constant_id = 5) const int64_t WIDE = 3l;
layout(buffer_reference) buffer Node;
layout(buffer_reference, std430) buffer Node { Node next; float v; };
layout(set = 0, binding = 0) buffer A { float f; uint u; Node n; float16_t h[]; } a;
layout(set = 0, binding = 1, rgba32f) uniform image2D img;
layout(set = 0, binding = 2) uniform sampler2D tex[2];
layout(set = 0, binding = 3) buffer B { uint x[]; } bs[4];
shared mat4 m[N];
struct S { float a[N]; vec3 b; };
float g(inout S s, int k) {
    switch (k) {
    case 0: return s.a[0];
    case 5: s.b.x = 3;
    default: return s.b[k & 1];
    }
}
void main() {
    S s;
    for (int i = 0; i < int(N); i++) s.a[i] = float(i) + subgroupAdd(a.f);
    atomicAdd(a.u, 1u);
    const float before = atomicAdd(a.f, 1.0);
    const uint old = atomicCompSwap(a.u, 3u, 4u);
    const vec4 t = textureLod(tex[1], vec2(0.5), 0.0) + imageLoad(img, ivec2(1, 2));
    imageStore(img, ivec2(0), t * m[0] + transpose(m[1]) * t);
    m[gl_LocalInvocationIndex] = outerProduct(t, t);
    barrier();
    a.h[gl_GlobalInvocationID.x] = float16_t(g(s, int(gl_LocalInvocationIndex)) + dot(t, t) + float(any(lessThan(t, vec4(1)))) + float(bs[1].x.length()));
    if (WIDE * 7l > 5l) a.f = before;
    a.n.next.v = uintBitsToFloat(old) + mix(1.0, 2.0, gl_LocalInvocationIndex > 3u) + modf(t.x, s.b.y) + float(bitfieldExtract(old, 2, 3)) + t.wzyx[old & 3u];
}
