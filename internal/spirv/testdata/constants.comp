// Specialization constants of every 32-bit type and bool, and what is computed from them.
#version 450
layout(local_size_x = 4, local_size_y_id = 9) in;
layout(constant_id = 1) const bool FLIP = false;
layout(constant_id = 2) const float SCALE = 1.5;
layout(constant_id = 3) const int SHIFT = -3;
layout(constant_id = 5) const uint COUNT = 6;
layout(constant_id = 8) const double PRECISE = 0.25;
const uint HALF = COUNT / 2u;
const int WRAPPED = SHIFT % 5;
const bool BIG = COUNT > 4u && !FLIP;
const uint CHOSEN = BIG ? COUNT << 2 : HALF;
const uvec3 TRIPLE = uvec3(COUNT, HALF, 7u);
const uvec3 SUM = TRIPLE + uvec3(1u);
const uint MIDDLE = SUM.y;
layout(set = 0, binding = 0, std430) buffer Data { float x[]; };
shared uint scratch[MIDDLE];
void main() {
    const uint i = gl_GlobalInvocationID.x;
    scratch[i % MIDDLE] = CHOSEN + SUM.zx.y;
    barrier();
    x[i] = (FLIP ? -SCALE : SCALE) * float(WRAPPED) + float(scratch[0]) + float(PRECISE);
}
