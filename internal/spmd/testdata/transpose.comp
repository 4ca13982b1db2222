// A transpose through a padded shared tile, with a workgroup of rows times columns,
// loads along x and stores along x, so that the shared access is strided.
#version 450
layout(local_size_x = 16, local_size_y = 2) in;
layout(push_constant) uniform P { uint w, h; } p;
layout(set = 0, binding = 0) readonly buffer X { uint x[]; };
layout(set = 0, binding = 1) writeonly buffer Y { uint y[]; };
shared uint tile[16 * 17];
void main() {
    uint i = gl_WorkGroupID.x * 16 + gl_LocalInvocationID.x, j0 = gl_WorkGroupID.y * 16;
    for (uint s = gl_LocalInvocationID.y; s < 16; s += 2)
        if (i < p.w && j0 + s < p.h) tile[s * 17 + gl_LocalInvocationID.x] = x[(j0 + s) * p.w + i];
    barrier();
    uint o = gl_WorkGroupID.y * 16 + gl_LocalInvocationID.x, q0 = gl_WorkGroupID.x * 16;
    for (uint s = gl_LocalInvocationID.y; s < 16; s += 2)
        if (o < p.h && q0 + s < p.w) y[(q0 + s) * p.h + o] = tile[gl_LocalInvocationID.x * 17 + s];
}
