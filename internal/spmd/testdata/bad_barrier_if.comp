#version 450
layout(local_size_x = 64) in;
layout(push_constant) uniform P { uint n; } p;
layout(set = 0, binding = 0) readonly buffer X { float x[]; };
layout(set = 0, binding = 1) buffer Y { float y[]; };
shared float s[64];
#define I gl_LocalInvocationID.x
void main() { s[I] = x[I]; if (I < p.n) { barrier(); y[I] = s[63 - I]; } }
