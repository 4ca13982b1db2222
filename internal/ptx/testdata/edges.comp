// Four neighbours to an invocation, the last workgroup partly outside, and a depth that
// is known where it matters: what simplify and apart look for, in little.
#version 450
#extension GL_EXT_control_flow_attributes : require
layout(local_size_x = 2) in;
layout(push_constant) uniform P { uint n, k; } p;
layout(set = 0, binding = 0) restrict readonly buffer X { float x[]; };
layout(set = 0, binding = 1) restrict writeonly buffer Y { float y[]; };
void main() {
    const uint first = gl_WorkGroupID.x * 8;
    const bool whole = first + 8 <= p.n;
    const uint depth = p.k < 2 ? p.k : 2;
    float sum = 1.0;
    if (p.k >= 2) {
        [[dont_unroll]] for (uint d = 0; d < depth; ++d) sum += x[d];
    }
    [[unroll]] for (uint i = 0; i < 4; ++i) {
        const uint q = first + gl_LocalInvocationID.x * 4 + i;
        if (whole || q < p.n) y[gl_WorkGroupID.y * p.n + q] = x[q] * sum;
    }
}
