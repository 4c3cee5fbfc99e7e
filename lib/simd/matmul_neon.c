/* matmul.h for NEON: a panel row is four registers, 24 of 32 registers accumulate. */
#include "matmul.h"
#include "matmul_tables.h"

#include <arm_neon.h>

#include "v16_neon.inc"

#define MATMUL_TILES(X) X(6, 1) X(4, 1) X(2, 2) X(1, 4)
#include "matmul_body.inc"

const struct matmul_kernel matmul_neon = { "neon", CPU_NEON, false, run };

/* Q8_0 without the dot product extension: 8-bit products widen to 16 bits, pairs to 32. Four rows
 * of 4 k are one register; the two halves of each row's sum meet in the last pairwise add. */
ALWAYS_INLINE void q8_tile(const uint8_t *w, const int8_t *q, const float *scale,
                           const int32_t *offset, ptrdiff_t step, ptrdiff_t blocks, float *out,
                           ptrdiff_t stride, const int columns)
{
    (void)offset;
    v16 sum[2];
    UNROLLED
    for (int c = 0; c < columns; c++)
        sum[c] = v_set1(0);
    for (ptrdiff_t b = 0; b < blocks; b++) {
        int32x4_t pair[2][8];
        UNROLLED
        for (int c = 0; c < columns; c++)
            UNROLLED
        for (int i = 0; i < 8; i++)
            pair[c][i] = vdupq_n_s32(0);
        for (int t = 0; t < 8; t++)
            UNROLLED
        for (int i = 0; i < 4; i++) {
            uint8x16_t raw = veorq_u8(vld1q_u8(w + 64 * t + 16 * i), vdupq_n_u8(0x80));
            int8x16_t v = vreinterpretq_s8_u8(raw);
            UNROLLED
            for (int c = 0; c < columns; c++) {
                int8x8_t input = vreinterpret_s8_u32(vdup_n_u32(load_u32(q + 32 * c + 4 * t)));
                pair[c][2 * i] = vpadalq_s16(pair[c][2 * i], vmull_s8(vget_low_s8(v), input));
                pair[c][2 * i + 1] =
                    vpadalq_s16(pair[c][2 * i + 1], vmull_s8(vget_high_s8(v), input));
            }
        }
        v16 weight_scale = v_load_f16((const uint16_t *)(const void *)(w + 512));
        UNROLLED
        for (int c = 0; c < columns; c++) {
            v16 dot;
            V16_QUARTERS(i)
            dot.q[i] = vcvtq_f32_s32(vpaddq_s32(pair[c][2 * i], pair[c][2 * i + 1]));
            sum[c] = v_fma(dot, v_mul(weight_scale, v_set1(scale[c])), sum[c]);
        }
        w += 544;
        q += 32 * step;
        scale += step;
    }
    UNROLLED
    for (int c = 0; c < columns; c++)
        v_store(out + c * stride, sum[c]);
}

#define MATMUL_Q8_TILES(X) X(2) X(1)
#include "matmul_q8_body.inc"

const struct matmul_kernel matmul_q8_neon = { "neon", CPU_NEON, true, q8_run };
