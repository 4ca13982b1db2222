#version 450
layout(local_size_x = 32) in;
layout(push_constant) uniform P { uint n; } p;
layout(set = 0, binding = 0) readonly buffer X { float x[]; };
layout(set = 0, binding = 1) buffer Y { float y[]; };
#define I gl_GlobalInvocationID.x
void main() {
    if (I >= p.n) return;
    float s = 0.0;
    for (uint i = 0; i < p.n; ++i) {
        if (x[i] < 0.0) continue;
        if (x[i] > 100.0) break;
        s += x[i];
    }
    uint k = p.n;
    do { s *= 0.5; k >>= 1; } while (k > 0);
    y[I] = s;
}
