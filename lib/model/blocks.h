/* blocks.h: the block formats below 8 bits: rows of float32 to blocks and back.
 *
 * Layouts are those of the GGUF specification (ggml-common.h), bit for bit: Q4_0 Q4_1 Q5_0 Q5_1
 * IQ4_NL with 32 weights to a block; Q2_K Q3_K Q4_K Q5_K Q6_K IQ4_XS with 256 in sub-blocks.
 *
 *   to_f32    equals ggml's dequantize_row_*
 *   from_f32  equals ggml_quantize_chunk: plain rounding without importance, and its searches
 *             with it. `importance` has a weight >= 0 for each of the n columns of the row, or is
 *             NULL. The row is whole: some formats look at its mean square.
 *
 * Values must be finite and small enough for half-precision scales (blocks_limit). n is a multiple
 * of the block. Pure and thread-safe.
 *
 *     blocks_q4_k_from_f32(row, blocks, n, NULL);
 */
#ifndef BLOCKS_H
#define BLOCKS_H

#include "../base.h"

#define BLOCKS_EACH(X)                                                                             \
    X(q4_0) X(q4_1) X(q5_0) X(q5_1) X(iq4_nl) X(q2_k) X(q3_k) X(q4_k) X(q5_k) X(q6_k) X(iq4_xs)

#define BLOCKS_DECLARE(name)                                                                       \
    void blocks_##name##_to_f32(const void *src, float *dst, int64_t n);                           \
    void blocks_##name##_from_f32(const float *src, void *dst, int64_t n, const float *importance);
BLOCKS_EACH(BLOCKS_DECLARE)
#undef BLOCKS_DECLARE

/* The same layouts with less error than the reference's: scales are sought by alternating between
 * levels, 6-bit scales and a least-squares fit of d, from several starts; a block for which nothing
 * better is found gets the reference's bytes. The measure is the square of each error times its
 * importance (NULL: 1), without the reference's weights. About 30 times the work. `type` is of
 * tensor.h; false: it is none of the formats above. */
bool blocks_best_row(int type, const float *src, void *dst, int64_t n, const float *importance);

/* The 16 values of IQ4_NL and IQ4_XS. */
extern const int8_t blocks_codebook[16];

/* Scale and minimum of sub-block j of Q4_K and Q5_K: 6 bits each, packed into 12 bytes. */
static inline void blocks_scale_min(const uint8_t *packed, int j, int *scale, int *min)
{
    if (j < 4) {
        *scale = packed[j] & 63;
        *min = packed[j + 4] & 63;
    } else {
        *scale = (packed[j + 4] & 15) | packed[j - 4] >> 6 << 4;
        *min = packed[j + 4] >> 4 | packed[j] >> 6 << 4;
    }
}

/* Scale of sub-block j of Q3_K: 6 bits, 0 is -32. */
static inline int blocks_q3_scale(const uint8_t *packed, int j)
{
    int low = j < 8 ? packed[j] & 15 : packed[j - 8] >> 4;
    return (low | (packed[8 + j % 4] >> (2 * (j / 4)) & 3) << 4) - 32;
}

#endif
