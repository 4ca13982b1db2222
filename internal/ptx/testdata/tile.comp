// A tile copied through shared memory by rows, with a row length from the push constants:
// what the passes about copies look for, in little.
#version 450
#extension GL_EXT_control_flow_attributes : require
layout(local_size_x = 4, local_size_y = 4) in;
layout(push_constant) uniform P { uint n, k; } p;
layout(set = 0, binding = 0) restrict readonly buffer X { float x[]; };
layout(set = 0, binding = 1) restrict writeonly buffer Y { float y[]; };
shared float tile[16 * 4];
void main() {
    const uint l = gl_LocalInvocationID.x, r = gl_LocalInvocationID.y;
    float sum = 0.0;
    [[dont_unroll]] for (uint k0 = 0; k0 < p.k; k0 += 4) {
        [[unroll]] for (uint i = 0; i < 4; ++i) tile[(i * 4 + r) * 4 + l] = x[(i * 4 + r) * p.n + k0 + l];
        barrier();
        [[unroll]] for (uint d = 0; d < 4; ++d) sum += tile[(r * 4 + l) * 4 + d];
        barrier();
    }
    y[r * 4 + l] = sum;
}
