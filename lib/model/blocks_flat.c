/* The writers of blocks.h for formats with one scale to a block: Q4_0 Q4_1 Q5_0 Q5_1 IQ4_NL, and
 * IQ4_XS, which shares IQ4_NL's codebook. */
#include "blocks.h"

#include <math.h>

#include "blocks_pack.h"
#include "blocksearch.h"

#define TRIES 7 /* scales to each side that the codebook formats try */

/* 1 / d, 0 where that is no number: a block so small becomes zeros. */
static float inverse_of(float d)
{
    float inverse = d != 0 ? 1.0f / d : 0.0f;
    return isfinite(inverse) ? inverse : 0.0f;
}

static float mean_square(const float *x, int64_t n)
{
    float sum = 0;

    for (int64_t i = 0; i < n; i++)
        sum += x[i] * x[i];
    return sum / (float)n;
}

/* Errors of large weights and of important columns count more. */
static void weigh(int n, const float *x, const float *importance, float square, float *weights)
{
    for (int i = 0; i < n; i++)
        weights[i] = importance[i] * sqrtf(square + x[i] * x[i]);
}

/* One scale, levels around zero: max is 8 or 16. */
static float quantize_symmetric(const float *x, int max, const float *weights, uint8_t *levels)
{
    float top = 0, magnitude = 0;

    if (weights)
        return search_symmetric(32, max, x, levels, weights);
    for (int j = 0; j < 32; j++)
        if (magnitude < fabsf(x[j])) {
            magnitude = fabsf(x[j]);
            top = x[j];
        }
    float d = top / -(float)max, inverse = inverse_of(d);
    for (int j = 0; j < 32; j++)
        levels[j] = (uint8_t)MIN(2 * max - 1, (int)(x[j] * inverse + ((float)max + 0.5f)));
    return d;
}

/* A scale and a minimum, levels from 0 to max (15 or 31). */
static float quantize_affine(const float *x, int max, const float *weights, uint8_t *levels,
                             float *min)
{
    static const struct affine_search how = { -0.9f, 0.05f, 36, false, true };
    float low = x[0], high = x[0];

    if (weights) {
        float d = search_affine(&how, 32, max, x, weights, levels, min);
        return d;
    }
    for (int j = 1; j < 32; j++) {
        low = x[j] < low ? x[j] : low;
        high = x[j] > high ? x[j] : high;
    }
    float d = (high - low) / (float)max, inverse = inverse_of(d);
    for (int j = 0; j < 32; j++)
        levels[j] = (uint8_t)MIN(max, (int)((x[j] - low) * inverse + 0.5f));
    *min = -low;
    return d;
}

#define FLAT(name, bytes, quantize)                                                                \
    void blocks_##name##_from_f32(const float *src, void *dst, int64_t n, const float *importance) \
    {                                                                                              \
        float weights[32], square = importance ? mean_square(src, n) : 0;                          \
        struct block_parts p;                                                                      \
        uint8_t *b = dst;                                                                          \
        for (int64_t i = 0; i < n; i += 32, b += (bytes)) {                                        \
            const float *x = src + i;                                                              \
            if (importance)                                                                        \
                weigh(32, x, importance + i, square, weights);                                     \
            p.d = quantize;                                                                        \
            blocks_pack_##name(&p, b);                                                             \
        }                                                                                          \
    }
#define WEIGHTS (importance ? weights : NULL)
FLAT(q4_0, 18, quantize_symmetric(x, 8, WEIGHTS, p.levels))
FLAT(q4_1, 20, quantize_affine(x, 15, WEIGHTS, p.levels, &p.min))
FLAT(q5_0, 22, quantize_symmetric(x, 16, WEIGHTS, p.levels))
FLAT(q5_1, 24, quantize_affine(x, 31, WEIGHTS, p.levels, &p.min))

/* ---- the codebook ---- */

static void codebook_weights(const float *x, const float *importance, float square, float *weights)
{
    if (importance)
        weigh(32, x, importance, square, weights);
    else
        for (int j = 0; j < 32; j++)
            weights[j] = x[j] * x[j];
}

static void codebook_levels(const float *x, float inverse, uint8_t *levels)
{
    for (int j = 0; j < 32; j++)
        levels[j] = (uint8_t)search_nearest(blocks_codebook, inverse * x[j]);
}

/* The reference adds up a block's squares and multiplies by 2 / size. */
static float twice_mean_square(const float *x, int n)
{
    float sum = 0;

    for (int i = 0; i < n; i++)
        sum += x[i] * x[i];
    return sum * (2.0f / (float)n);
}

void blocks_iq4_nl_from_f32(const float *src, void *dst, int64_t n, const float *importance)
{
    uint8_t *b = dst;
    float weights[32];
    struct block_parts p;

    for (int64_t i = 0; i < n; i += 32, b += 18) {
        codebook_weights(src + i, importance ? importance + i : NULL,
                         twice_mean_square(src + i, 32), weights);
        p.d = search_codebook(32, blocks_codebook, TRIES, src + i, weights);
        codebook_levels(src + i, inverse_of(p.d), p.levels);
        blocks_pack_q4_0(&p, b);
    }
}

void blocks_iq4_xs_from_f32(const float *src, void *dst, int64_t n, const float *importance)
{
    uint8_t *b = dst;
    float weights[32], scales[8];
    struct block_parts p;

    for (int64_t i = 0; i < n; i += 256, b += 136) {
        float square = twice_mean_square(src + i, 256), most = 0, top = 0;
        for (int j = 0; j < 8; j++) {
            const float *x = src + i + 32 * j;
            codebook_weights(x, importance ? importance + i + 32 * j : NULL, square, weights);
            scales[j] = search_codebook(32, blocks_codebook, TRIES, x, weights);
            if (fabsf(scales[j]) > most) {
                most = fabsf(scales[j]);
                top = scales[j];
            }
        }
        p.d = -top / 32;
        float inverse = inverse_of(p.d);
        for (int j = 0; j < 8; j++) {
            p.scales[j] = search_clamp(search_round(inverse * scales[j]), -32, 31);
            codebook_levels(src + i + 32 * j, inverse_of(p.d * (float)p.scales[j]),
                            p.levels + 32 * j);
        }
        blocks_pack_iq4_xs(&p, b);
    }
}
