#version 450
layout(local_size_x = 32) in;
layout(push_constant) uniform P { uint n; } p;
layout(set = 0, binding = 0) readonly buffer X { float x[]; };
layout(set = 0, binding = 1) buffer Y { float y[]; };
#define I gl_GlobalInvocationID.x
#extension GL_EXT_control_flow_attributes : require
void main() {
    float acc[4];
    [[unroll]] for (uint i = 0; i < 4; ++i) acc[i] = 0.0;
    [[dont_unroll]] for (uint k = 0; k < p.n; ++k)
        [[unroll]] for (uint i = 0; i < 4; ++i) acc[i] = fma(x[k], x[4 * I + i], acc[i]);
    if (p.n > 7) acc[1] += 1.0; else acc[2] = acc[1];
    [[unroll]] for (uint i = 0; i < 4; ++i) y[4 * I + i] = acc[i];
}
