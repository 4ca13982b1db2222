// Multiply-adds from register to register in float32: how fast a device computes when no
// memory is in its way. C is m x n, row major, any sizes from 1 up, and each of its
// elements is the end of a chain of k steps of its own,
//
//     v = a[i % ROWS, j];  k times: v = v * b[j] + v;  c[i, j] = v
//
// with A of ROWS x n and B of n elements. That is 2 m n k operations, as many as the
// matrix product of these m, n and k has, and whatever turns that kernel into code turns
// this one into code.
//
// What comes from A and B is known at run time only, so no compiler computes a chain in
// advance; every chain ends in C, so none is left out. The sum is v again, for two reasons:
// a multiply-add that overwrites its summand is what every processor has (NEON has no
// other, which would need a copy each time), and a chain takes one register.
//
// An invocation has the chains of ACC neighbouring rows under way at once, since each
// step waits for the one before it.
#version 450
#extension GL_EXT_control_flow_attributes : require

layout(local_size_x = 64, local_size_y = 2, local_size_x_id = 0, local_size_y_id = 1) in;
layout(constant_id = 0) const uint LX = 64;  // invocations across the columns of a workgroup
layout(constant_id = 1) const uint LY = 2;   // invocations down its rows
layout(constant_id = 2) const uint ACC = 8;  // chains, rows of C, per invocation
layout(constant_id = 3) const uint KU = 16;  // steps of a chain between two tests of the loop

layout(push_constant) uniform Problem { uint m, n, k; } p;
layout(set = 0, binding = 0, std430) restrict readonly buffer MatrixA { float a[]; };
layout(set = 0, binding = 1, std430) restrict readonly buffer MatrixB { float b[]; };
layout(set = 0, binding = 2, std430) restrict writeonly buffer MatrixC { float c[]; };

// Rows of A, kernels.FMARows: no fewer than ACC, or chains of an invocation would be the
// same, and a compiler that sees it runs one for both.
const uint ROWS = 32;

void main() {
    const uint row = (gl_WorkGroupID.y * LY + gl_LocalInvocationID.y) * ACC;
    const uint col = gl_WorkGroupID.x * LX + gl_LocalInvocationID.x;
    const bool inside = col < p.n; // what lies outside of C computes with zeros

    float t = 0.0;
    if (inside) t = b[col];
    float v[ACC];
    [[unroll]] for (uint i = 0; i < ACC; ++i) {
        v[i] = 0.0;
        if (inside) v[i] = a[(row + i) % ROWS * p.n + col];
    }

    [[dont_unroll]] for (uint d = p.k / KU; d > 0; --d) {
        [[unroll]] for (uint u = 0; u < KU; ++u) {
            [[unroll]] for (uint i = 0; i < ACC; ++i) v[i] = fma(v[i], t, v[i]);
        }
    }
    [[dont_unroll]] for (uint d = p.k % KU; d > 0; --d) {
        [[unroll]] for (uint i = 0; i < ACC; ++i) v[i] = fma(v[i], t, v[i]);
    }

    [[unroll]] for (uint i = 0; i < ACC; ++i) {
        if (inside && row + i < p.m) c[(row + i) * p.n + col] = v[i];
    }
}
