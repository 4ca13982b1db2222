#version 450
layout(local_size_x = 32) in;
layout(push_constant) uniform P { uint n; } p;
layout(set = 0, binding = 0) readonly buffer X { float x[]; };
layout(set = 0, binding = 1) buffer Y { float y[]; };
#define I gl_GlobalInvocationID.x
void main() {
    vec4 v = vec4(x[I], x[I + 1], 2.0, float(p.n));
    v.zw = (v * 3.0).yx;
    y[I] = dot(v, v.wzyx) + (v.x > v.y ? v.z : clamp(v.w, -1.0, 1.0));
}
