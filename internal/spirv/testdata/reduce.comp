// A sum over a workgroup: fixed local size, a struct of two members with a runtime array at its end.
#version 450
layout(local_size_x = 128) in;
layout(set = 0, binding = 0, std430) readonly buffer In { uint count; vec3 scale; float x[]; } src;
layout(set = 1, binding = 3, std430) buffer Out { float sums[]; } dst;
shared float part[128];
float pick(uint i) { return i < src.count ? src.x[i] * src.scale.y : 0.0; }
void main() {
    const uint i = gl_LocalInvocationIndex;
    part[i] = pick(gl_GlobalInvocationID.x);
    barrier();
    for (uint s = 64; s > 0; s >>= 1) {
        if (i < s) part[i] += part[i + s];
        barrier();
    }
    if (i == 0) dst.sums[gl_WorkGroupID.x] = part[0];
}
