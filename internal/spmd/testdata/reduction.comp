// The sum of each workgroup's part of x, by a tree in shared memory: barriers in a loop.
#version 450
layout(local_size_x = 64) in;
layout(push_constant) uniform P { uint n; } p;
layout(set = 0, binding = 0) readonly buffer X { float x[]; };
layout(set = 0, binding = 1) writeonly buffer Y { float y[]; };
shared float part[64];
void main() {
    uint i = gl_GlobalInvocationID.x, l = gl_LocalInvocationID.x;
    part[l] = i < p.n ? x[i] : 0.0;
    barrier();
    for (uint step = 32; step > 0; step /= 2) {
        if (l < step) part[l] += part[l + step];
        barrier();
    }
    if (l == 0) y[gl_WorkGroupID.x] = part[0];
}
