// C = A x B in float32: A is m x k, B is k x n, C is m x n, row major, any sizes from 1 up.
//
// One source for every backend. A workgroup of LX x LY invocations makes a tile of
// BM x BN elements of C; it goes through k in steps of BK and copies what it needs
// of A and B into shared memory first. An invocation holds TM rows by TN groups of
// VN neighbouring columns in registers.
//
// The x coordinate always runs along contiguous memory, so that neighbouring
// invocations read neighbouring elements: coalesced on a GPU, one vector load when
// a CPU runs the invocations of a row as the lanes of a vector (VN = 1 there).
// Everything a tuner may choose is a specialization constant.
#version 450
#extension GL_EXT_control_flow_attributes : require

layout(local_size_x = 16, local_size_y = 16, local_size_x_id = 0, local_size_y_id = 1) in;
layout(constant_id = 0) const uint LX = 16; // invocations across the columns of a workgroup
layout(constant_id = 1) const uint LY = 16; // invocations down its rows
layout(constant_id = 2) const uint TM = 4;  // rows of C per invocation
layout(constant_id = 3) const uint TN = 1;  // groups of columns per invocation
layout(constant_id = 4) const uint VN = 4;  // neighbouring columns per group
layout(constant_id = 5) const uint BK = 16; // depth of the tiles in shared memory
layout(constant_id = 6) const uint KU = 4;  // steps of the depth loop made at once; divides BK
layout(constant_id = 7) const uint PA = 4;  // padding of a row of the A tile, in floats
layout(constant_id = 8) const uint PB = 0;  // padding of a row of the B tile, in floats

layout(push_constant) uniform Problem { uint m, n, k; } p;
layout(set = 0, binding = 0, std430) restrict readonly buffer MatrixA { float a[]; };
layout(set = 0, binding = 1, std430) restrict readonly buffer MatrixB { float b[]; };
layout(set = 0, binding = 2, std430) restrict writeonly buffer MatrixC { float c[]; };

const uint BM = LY * TM;      // rows of the tile of C
const uint GN = LX * VN;      // columns of one group over the whole workgroup
const uint BN = GN * TN;      // columns of the tile of C
const uint SA = BK + PA;      // row strides in shared memory
const uint SB = BN + PB;
const uint CN = TN * VN;      // columns of C per invocation

shared float as[BM * SA];
shared float bs[BK * SB];

// load copies the tiles of A and B at depth k0 into shared memory. depth is how
// much of BK is needed, a multiple of KU; what lies outside of the matrices
// becomes zero. whole promises that nothing does.
void load(const bool whole, uint row0, uint col0, uint k0, uint depth, uint x, uint y) {
    [[unroll]] for (uint i = 0; i < TM; ++i) {
        const uint r = i * LY + y;
        const uint from = (row0 + r) * p.k + k0;
        const bool inside = row0 + r < p.m;
        [[dont_unroll]] for (uint j = 0; j < depth; j += LX) {
            const uint d = j + x;
            if (BK % LX == 0 || d < BK) {
                float v = 0.0;
                if (whole || (inside && k0 + d < p.k)) v = a[from + d];
                as[r * SA + d] = v;
            }
        }
    }
    [[dont_unroll]] for (uint i = 0; i < depth; i += LY) {
        const uint d = i + y;
        if (BK % LY == 0 || d < BK) {
            const uint from = (k0 + d) * p.n + col0;
            const bool inside = k0 + d < p.k;
            [[unroll]] for (uint j = 0; j < CN; ++j) {
                const uint q = j * LX + x;
                float v = 0.0;
                if (whole || (inside && col0 + q < p.n)) v = b[from + q];
                bs[d * SB + q] = v;
            }
        }
    }
}

void main() {
    const uint x = gl_LocalInvocationID.x;
    const uint y = gl_LocalInvocationID.y;
    const uint row0 = gl_WorkGroupID.y * BM;
    const uint col0 = gl_WorkGroupID.x * BN;
    const bool whole = row0 + BM <= p.m && col0 + BN <= p.n;
    // Rows of 16 invocations whose part of C lies outside have nothing to multiply.
    const bool busy = row0 + y * TM < p.m && col0 + x / 16 * 16 * VN < p.n;

    float acc[TM * CN];
    [[unroll]] for (uint i = 0; i < TM * CN; ++i) acc[i] = 0.0;

    [[dont_unroll]] for (uint k0 = 0; k0 < p.k; k0 += BK) {
        const uint left = p.k - k0;
        const uint depth = left < BK ? (left + (KU - 1)) / KU * KU : BK;
        if (whole && left >= BK) load(true, row0, col0, k0, depth, x, y);
        else load(false, row0, col0, k0, depth, x, y);
        barrier();
        if (busy) {
            [[dont_unroll]] for (uint d = 0; d < depth; d += KU) {
                [[unroll]] for (uint u = 0; u < KU; ++u) {
                    float bv[CN];
                    [[unroll]] for (uint j = 0; j < TN; ++j) {
                        [[unroll]] for (uint v = 0; v < VN; ++v) {
                            bv[j * VN + v] = bs[(d + u) * SB + j * GN + x * VN + v];
                        }
                    }
                    [[unroll]] for (uint i = 0; i < TM; ++i) {
                        const float av = as[(y * TM + i) * SA + d + u];
                        [[unroll]] for (uint j = 0; j < CN; ++j) acc[i * CN + j] = fma(av, bv[j], acc[i * CN + j]);
                    }
                }
            }
        }
        barrier();
    }

    [[unroll]] for (uint i = 0; i < TM; ++i) {
        const uint r = row0 + y * TM + i;
        if (whole || r < p.m) {
            [[unroll]] for (uint j = 0; j < TN; ++j) {
                [[unroll]] for (uint v = 0; v < VN; ++v) {
                    const uint q = col0 + j * GN + x * VN + v;
                    if (whole || q < p.n) c[r * p.n + q] = acc[i * CN + j * VN + v];
                }
            }
        }
    }
}
