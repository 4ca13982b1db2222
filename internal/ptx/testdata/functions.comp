// The functions of GLSL.std.450, one to an element.
#version 450
layout(local_size_x = 32) in;
layout(push_constant) uniform P { uint n; } p;
layout(set = 0, binding = 0) readonly buffer X { float x[]; };
layout(set = 0, binding = 1) writeonly buffer Y { float y[]; };
void main() {
    const uint i = gl_GlobalInvocationID.x;
    if (i >= p.n) return;
    const float v = x[i], a = abs(v) + 0.25;
    const vec3 w = vec3(v, a, 0.5);
    float f[24] = float[](exp(v), exp2(v), log(a), log2(a), pow(a, v), sin(v), cos(v), tan(v * 0.5), tanh(v), sqrt(a), inversesqrt(a), fract(v),
        floor(v), ceil(v), trunc(v), roundEven(v), sign(v), step(0.5, v), smoothstep(-1.0, 2.0, v), mix(v, a, 0.25),
        length(w), distance(w, vec3(1.0)), dot(normalize(w), w), clamp(v, -0.5, 0.5) + min(v, a) + max(v, 0.1) + float(sign(int(v))) + float(isnan(v)));
    for (int j = 0; j < 24; ++j) y[i * 24 + j] = f[j];
}
