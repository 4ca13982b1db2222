// One buffer seen as scalars and as vectors, by two variables on the same binding.
#version 450
layout(local_size_x = 64) in;
layout(set = 0, binding = 0, std430) readonly buffer Scalars { float s[]; };
layout(set = 0, binding = 0, std430) readonly buffer Vectors { vec4 v[]; };
layout(set = 0, binding = 1, std430) writeonly buffer Result { vec4 r[]; };
layout(set = 0, binding = 2, std140) uniform Weights { vec2 w[4]; };
void main() {
    const uint i = gl_GlobalInvocationID.x;
    r[i] = v[i] * w[i & 3u].x + s[i * 4u];
}
