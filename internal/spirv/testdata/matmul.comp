// A tiled matrix product: tiles, local size and shared memory by specialization constants.
#version 450
layout(local_size_x_id = 0, local_size_y_id = 1) in;
layout(constant_id = 0) const uint LX = 8;
layout(constant_id = 1) const uint LY = 8;
layout(constant_id = 2) const uint BK = 16;
layout(constant_id = 3) const uint PAD = 1;
layout(push_constant) uniform Problem { uint m, n, k; float alpha; mat3 unused; } p;
layout(set = 0, binding = 0, std430) readonly buffer A { float a[]; };
layout(set = 0, binding = 1, std430) readonly buffer B { float b[]; };
layout(set = 0, binding = 2, std430) writeonly buffer C { float c[]; };
const uint ROW = BK + PAD;
shared float as[LY * ROW];
shared float bs[BK * LX];
void main() {
    const uint x = gl_LocalInvocationID.x, y = gl_LocalInvocationID.y;
    const uint row = gl_WorkGroupID.y * LY + y, col = gl_WorkGroupID.x * LX + x;
    float sum = 0.0;
    for (uint k0 = 0; k0 < p.k; k0 += BK) {
        for (uint d = x; d < BK; d += LX)
            as[y * ROW + d] = row < p.m && k0 + d < p.k ? a[row * p.k + k0 + d] : 0.0;
        for (uint d = y; d < BK; d += LY)
            bs[d * LX + x] = col < p.n && k0 + d < p.k ? b[(k0 + d) * p.n + col] : 0.0;
        barrier();
        for (uint d = 0; d < BK; ++d) sum = fma(as[y * ROW + d], bs[d * LX + x], sum);
        barrier();
    }
    if (row < p.m && col < p.n) c[row * p.n + col] = p.alpha * sum;
}
