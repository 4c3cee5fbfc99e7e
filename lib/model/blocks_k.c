/* The writers of blocks.h for the K formats: 256 weights in sub-blocks, whose scales are quantized
 * themselves. Without importance they follow ggml's quantize_row_*_ref, with it *_impl. */
#include "blocks.h"

#include <math.h>

#include "blocks_pack.h"
#include "blocksearch.h"
#include "tensor.h"

/* As the block will have it. */
static float as_half(float x)
{
    return tensor_f16_to_f32(tensor_f16_from_f32(x));
}

static float sum_of_squares(const float *x, int n)
{
    float sum = 0;

    for (int i = 0; i < n; i++)
        sum += x[i] * x[i];
    return sum;
}

static float sum_of(const float *x, int n)
{
    float sum = 0;

    for (int i = 0; i < n; i++)
        sum += x[i];
    return sum;
}

static void weigh(int n, const float *x, const float *importance, float square, float *weights)
{
    for (int i = 0; i < n; i++)
        weights[i] = importance[i] * sqrtf(square + x[i] * x[i]);
}

static float largest(const float *x, int n)
{
    float top = 0;

    for (int i = 0; i < n; i++)
        top = x[i] > top ? x[i] : top;
    return top;
}

/* The first of the largest magnitude. */
static float extreme(const float *x, int n)
{
    float top = 0, magnitude = 0;

    for (int i = 0; i < n; i++)
        if (fabsf(x[i]) > magnitude) {
            magnitude = fabsf(x[i]);
            top = x[i];
        }
    return top;
}

/* ---- Q2_K, Q4_K, Q5_K: a scale and a minimum per sub-block ---- */

struct affine_format {
    int size;      /* of a sub-block */
    int max;       /* level of a weight */
    int max_scale; /* level of a scale */
    struct affine_search plain;
};

static const struct affine_search weighted_search = { -0.9f, 0.05f, 36, false, true };

/* Weights of a sub-block's elements when nothing is known about their importance. */
static void plain_weights(const struct affine_format *f, const float *x, float square,
                          float *weights)
{
    float base = f->plain.absolute ? 0 : sqrtf(square);

    for (int l = 0; l < f->size; l++)
        weights[l] = base + fabsf(x[l]);
}

/* Levels of scales by the largest one, as the plain quantizers do. */
static float round_scales(const float *x, int count, int max, int *levels)
{
    float top = largest(x, count), inverse = top > 0 ? (float)max / top : 0.0f;

    for (int j = 0; j < count; j++)
        levels[j] = MIN(max, search_round(inverse * x[j]));
    return top > 0 ? top / (float)max : 0.0f;
}

static void affine_search_all(const struct affine_format *f, const float *x,
                              const float *importance, struct block_parts *b)
{
    float scales[16] = { 0 }, mins[16], sums[16] = { 0 }, weights[32];
    int count = 256 / f->size;
    float square = 0;

    if (importance) {
        square = sum_of_squares(x, 256);
        square = f->max_scale == 15 ? square / 256 : 2 * square / 256;
    }
    for (int j = 0; j < count; j++) {
        const float *group = x + j * f->size;
        if (importance) {
            weigh(f->size, group, importance + j * f->size, square, weights);
            sums[j] = sum_of(weights, f->size);
        } else {
            plain_weights(f, group, sum_of_squares(group, f->size) / (float)f->size, weights);
        }
        scales[j] = search_affine(importance ? &weighted_search : &f->plain, f->size, f->max, group,
                                  weights, b->levels + j * f->size, &mins[j]);
    }
    if (importance) {
        uint8_t levels[2][16];
        b->d = search_positive(count, f->max_scale, scales, levels[0], sums);
        b->min = search_positive(count, f->max_scale, mins, levels[1], sums);
        for (int j = 0; j < count; j++) {
            b->scales[j] = levels[0][j];
            b->mins[j] = levels[1][j];
        }
    } else {
        b->d = round_scales(scales, count, f->max_scale, b->scales);
        b->min = round_scales(mins, count, f->max_scale, b->mins);
    }
}

/* Levels again, for the scales as the block has them. A sub-block whose scale is 0 keeps its own. */
static void affine_levels(const struct affine_format *f, const float *x, struct block_parts *b)
{
    float d = as_half(b->d), min = as_half(b->min);

    for (int j = 0; j < 256 / f->size; j++) {
        float scale = d * (float)b->scales[j], offset = min * (float)b->mins[j];
        if (scale == 0)
            continue;
        for (int l = j * f->size; l < (j + 1) * f->size; l++)
            b->levels[l] = (uint8_t)search_clamp(search_round((x[l] + offset) / scale), 0, f->max);
    }
}

static void affine_quantize(const struct affine_format *f, const float *x, const float *importance,
                            struct block_parts *b)
{
    affine_search_all(f, x, importance, b);
    affine_levels(f, x, b);
}

#define AFFINE(name, bytes, ...)                                                                   \
    void blocks_##name##_from_f32(const float *src, void *dst, int64_t n, const float *importance) \
    {                                                                                              \
        static const struct affine_format format = { __VA_ARGS__ };                                \
        struct block_parts p;                                                                      \
        uint8_t *b = dst;                                                                          \
        for (int64_t i = 0; i < n; i += 256, b += (bytes)) {                                       \
            affine_quantize(&format, src + i, importance ? importance + i : NULL, &p);             \
            blocks_pack_##name(&p, b);                                                             \
        }                                                                                          \
    }
AFFINE(q2_k, 84, 16, 3, 15, { -0.5f, 0.1f, 15, true, false })
AFFINE(q4_k, 144, 32, 15, 63, { -1.0f, 0.1f, 20, false, false })
AFFINE(q5_k, 176, 32, 31, 63, { -0.5f, 0.1f, 15, false, false })

/* ---- Q3_K, Q6_K: a signed scale per 16 ---- */

/* x / (d * scale) to levels [0, 2 max); where that is 0 the search's levels stay. */
static void signed_levels(const float *x, float d, const int *scales, int max, uint8_t *levels)
{
    for (int j = 0; j < 16; j++) {
        float scale = d * (float)scales[j];
        if (scale == 0)
            continue;
        for (int l = 16 * j; l < 16 * j + 16; l++)
            levels[l] = (uint8_t)(search_clamp(search_round(x[l] / scale), -max, max - 1) + max);
    }
}

static float q3_weighted(const float *x, const float *importance, uint8_t *levels, int *s)
{
    float scales[16], sums[16], weights[16], square = 2 * sum_of_squares(x, 256) / 256;
    uint8_t scale_levels[16];

    for (int j = 0; j < 16; j++) {
        weigh(16, x + 16 * j, importance + 16 * j, square, weights);
        sums[j] = sum_of(weights, 16);
        scales[j] = search_symmetric(16, 4, x + 16 * j, levels + 16 * j, weights);
    }
    float d = search_symmetric(16, 32, scales, scale_levels, sums);
    for (int j = 0; j < 16; j++)
        s[j] = scale_levels[j] - 32;
    return d;
}

static float q3_plain(const float *x, uint8_t *levels, int *s)
{
    float scales[16];

    for (int j = 0; j < 16; j++)
        scales[j] = search_coordinate(16, 4, x + 16 * j, levels + 16 * j);
    float top = extreme(scales, 16);
    if (top == 0) {
        for (int j = 0; j < 16; j++)
            s[j] = -32; /* as stored by the reference: six zero bits */
        return 0;
    }
    float inverse = -32.0f / top;
    for (int j = 0; j < 16; j++)
        s[j] = search_clamp((int8_t)search_round(inverse * scales[j]), -32, 31);
    return 1 / inverse;
}

void blocks_q3_k_from_f32(const float *src, void *dst, int64_t n, const float *importance)
{
    uint8_t *b = dst;
    struct block_parts p;

    for (int64_t i = 0; i < n; i += 256, b += 110) {
        p.d = importance ? q3_weighted(src + i, importance + i, p.levels, p.scales)
                         : q3_plain(src + i, p.levels, p.scales);
        signed_levels(src + i, as_half(p.d), p.scales, 4, p.levels);
        blocks_pack_q3_k(&p, b);
    }
}

void blocks_q6_k_from_f32(const float *src, void *dst, int64_t n, const float *importance)
{
    uint8_t *b = dst;
    float scales[16];
    struct block_parts p;

    for (int64_t i = 0; i < n; i += 256, b += 210) {
        for (int j = 0; j < 16; j++)
            scales[j] = search_symmetric(16, 32, src + i + 16 * j, p.levels + 16 * j,
                                         importance ? importance + i + 16 * j : NULL);
        float top = extreme(scales, 16);
        if (fabsf(top) < SEARCH_ZERO) {
            memset(b, 0, 210);
            continue;
        }
        float inverse = -128.0f / top;
        p.d = 1 / inverse;
        for (int j = 0; j < 16; j++)
            p.scales[j] = MIN(127, search_round(inverse * scales[j]));
        signed_levels(src + i, as_half(p.d), p.scales, 32, p.levels);
        blocks_pack_q6_k(&p, b);
    }
}
