#version 450
layout(local_size_x = 32) in;
layout(push_constant) uniform P { uint n; } p;
layout(set = 0, binding = 0) readonly buffer X { float x[]; };
layout(set = 0, binding = 1) buffer Y { float y[]; };
#define I gl_GlobalInvocationID.x
layout(set = 0, binding = 2) readonly buffer Z { uint a; float b; } z;
void main() { y[I] = z.b + float(z.a); }
