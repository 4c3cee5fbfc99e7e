/* blocksearch.h: scales for small groups of weights, as the quantizers of the block formats seek them.
 *
 * Each function looks for the scale (and minimum) with which `n` values become integers of small
 * weighted error, in the same order of float operations as ggml's reference quantizers, so the
 * result has the same bits (compile with -ffp-contract=off; names there in brackets):
 *
 *   search_symmetric   x ~ scale * q, q in [-max, max)                    [make_qx_quants]
 *   search_coordinate  the same by coordinate descent, weights x^2        [make_q3_quants]
 *   search_affine      x ~ scale * q - min, q in [0, max], min >= 0       [make_qkx2/qkx3_quants]
 *   search_positive    x >= 0, x ~ scale * q, q in [0, max]               [make_qp_quants]
 *   search_codebook    x ~ scale * table[q]                               [quantize_row_iq4_nl_impl]
 *
 * Levels are stored from 0 on (symmetric: q + max). Values must be finite. Pure and thread-safe.
 *
 *     float scale = search_symmetric(16, 32, x, levels, NULL);   // a group of Q6_K
 */
#ifndef BLOCKSEARCH_H
#define BLOCKSEARCH_H

#include "../base.h"

#define SEARCH_GROUP_MAX 32
/* Groups whose largest magnitude is below are zero. */
#define SEARCH_ZERO 1e-15f

/* To the nearest, ties to even; |x| < 2^22, anything else gives some number. */
static inline int search_round(float x)
{
    float shifted = x + 12582912.0f;
    int32_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    return (bits & 0x007fffff) - 0x00400000;
}

static inline int search_clamp(int v, int low, int high)
{
    return v < low ? low : v > high ? high : v;
}

struct affine_search {
    float from, step; /* candidates for the levels' span: max + from + step * i */
    int steps;
    bool absolute;    /* error |diff|, not diff^2 */
    bool empty_below; /* a range that is not positive is empty, not only one of 0 */
};

/* weights NULL: x^2. */
float search_symmetric(int n, int max, const float *x, uint8_t *levels, const float *weights);
float search_coordinate(int n, int max, const float *x, uint8_t *levels);
/* *min is what is subtracted: >= 0. */
float search_affine(const struct affine_search *how, int n, int max, const float *x,
                    const float *weights, uint8_t *levels, float *min);
float search_positive(int n, int max, const float *x, uint8_t *levels, const float *weights);
/* `table` ascends and has 16 entries, tries > 0 candidates to each side. */
float search_codebook(int n, const int8_t *table, int tries, const float *x, const float *weights);
/* Index of the entry next to x; the upper one of a tie. */
int search_nearest(const int8_t *table, float x);

#endif
