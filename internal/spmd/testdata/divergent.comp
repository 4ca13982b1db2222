// Loops that each invocation leaves at its own time, with break, continue and return,
// values that live on after the loop, and a small array with a variable index. The
// workgroup is no multiple of any vector's lanes.
#version 450
layout(local_size_x = 7, local_size_y = 3) in;
layout(push_constant) uniform P { uint n; } p;
layout(set = 0, binding = 0) readonly buffer X { uint x[]; };
layout(set = 0, binding = 1) buffer Y { uint y[]; };
void main() {
    uint i = gl_WorkGroupID.x * 21 + gl_LocalInvocationIndex;
    if (i >= p.n) return;
    uint v = x[i], steps = 0, odd = 0;
    uint last[4];
    for (uint q = 0; q < 4; ++q) last[q] = q;
    while (v > 1) {
        last[steps & 3] = v;
        if (++steps > 200) break;
        if ((v & 1) == 0) { v /= 2; continue; }
        odd += v % 7;
        if (v > 100000000u) { y[i] = 12345u; return; }
        v = 3 * v + 1;
    }
    int s = int(odd) - int(steps);
    y[i] = steps * 1000u + odd + last[(i + 1) % 4] + uint(abs(s / 3)) + uint(s % 5 + 5);
}
