// A sum of each workgroup's part, where most invocations return after the last barrier.
#version 450
layout(local_size_x = 32) in;
layout(push_constant) uniform P { uint n; } p;
layout(set = 0, binding = 0) readonly buffer X { float x[]; };
layout(set = 0, binding = 1) writeonly buffer Y { float y[]; };
shared float part[32];
void main() {
    const uint i = gl_GlobalInvocationID.x, l = gl_LocalInvocationID.x;
    part[l] = i < p.n ? x[i] : 0.0;
    barrier();
    if (l != 0) return;
    float sum = 0.0;
    for (uint j = 0; j < 32; ++j) sum += part[j];
    y[gl_WorkGroupID.x] = sum;
}
