/* blocks_best_row of blocks.h: one search for all formats. A block is d, min, integer scales and
 * mins of its sub-blocks, and levels; each round takes the best scale and min for every sub-block
 * near where the last fit has it, then fits d and min to all levels at once. */
#include "blocks.h"

#include <math.h>

#include "blocks_pack.h"
#include "blocksearch.h"
#include "tensor.h"

#define ROUNDS 4

struct best_format {
    int type, size, block; /* of a sub-block, of a block */
    int max, zero;         /* levels 0..max mean level - zero */
    bool codebook;
    int scale_low, scale_high; /* both 1: there are no scales */
    int min_high;              /* 0: no mins; else their largest level */
    void (*pack)(const struct block_parts *p, uint8_t *b);
};

static const struct best_format formats[] = {
    { TENSOR_Q4_0, 32, 32, 15, 8, false, 1, 1, 0, blocks_pack_q4_0 },
    { TENSOR_Q4_1, 32, 32, 15, 0, false, 1, 1, 1, blocks_pack_q4_1 },
    { TENSOR_Q5_0, 32, 32, 31, 16, false, 1, 1, 0, blocks_pack_q5_0 },
    { TENSOR_Q5_1, 32, 32, 31, 0, false, 1, 1, 1, blocks_pack_q5_1 },
    { TENSOR_IQ4_NL, 32, 32, 15, 0, true, 1, 1, 0, blocks_pack_q4_0 },
    { TENSOR_Q2_K, 16, 256, 3, 0, false, 0, 15, 15, blocks_pack_q2_k },
    { TENSOR_Q3_K, 16, 256, 7, 4, false, -32, 31, 0, blocks_pack_q3_k },
    { TENSOR_Q4_K, 32, 256, 15, 0, false, 0, 63, 63, blocks_pack_q4_k },
    { TENSOR_Q5_K, 32, 256, 31, 0, false, 0, 63, 63, blocks_pack_q5_k },
    { TENSOR_Q6_K, 16, 256, 63, 32, false, -128, 127, 0, blocks_pack_q6_k },
    { TENSOR_IQ4_XS, 32, 256, 15, 0, true, -32, 31, 0, blocks_pack_iq4_xs },
};

static float as_half(float x)
{
    return tensor_f16_to_f32(tensor_f16_from_f32(x));
}

static float value_of(const struct best_format *f, int level)
{
    return f->codebook ? (float)blocks_codebook[level] : (float)(level - f->zero);
}

/* To an integer, for values of any size. */
static int to_int(float x)
{
    return search_round(x < -9999 ? -9999 : x > 9999 ? 9999 : x);
}

/* Nearest levels of a sub-block; the weighted square error. */
static float fit_levels(const struct best_format *f, const float *x, const float *w, float scale,
                        float offset, uint8_t *levels)
{
    float inverse = scale != 0 ? 1 / scale : 0, sum = 0;

    if (!isfinite(inverse))
        inverse = 0;
    for (int i = 0; i < f->size; i++) {
        float t = inverse * (x[i] + offset);
        int q = f->codebook ? search_nearest(blocks_codebook, t)
                            : search_clamp(to_int(t) + f->zero, 0, f->max);
        float off = scale * value_of(f, q) - offset - x[i];
        levels[i] = (uint8_t)q;
        sum += w[i] * off * off;
    }
    return sum;
}

/* ---- where to start ---- */

/* The scale of a group without a minimum: the best of many spans, both signs, each fitted. */
static float start_symmetric(const struct best_format *f, const float *x, const float *w)
{
    float top = 0, best = INFINITY, result = 0, most = f->codebook ? 127 : (float)f->zero;
    uint8_t levels[SEARCH_GROUP_MAX];

    for (int i = 0; i < f->size; i++)
        top = fabsf(x[i]) > fabsf(top) ? x[i] : top;
    if (fabsf(top) < SEARCH_ZERO)
        return 0;
    for (int step = -12; step <= 12; step++) {
        for (int sign = -1; sign <= 1; sign += 2) {
            float xq = 0, qq = 0, scale = (float)sign * top / (most * (1 + 0.025f * (float)step));
            fit_levels(f, x, w, scale, 0, levels);
            for (int i = 0; i < f->size; i++) {
                float q = value_of(f, levels[i]);
                xq += w[i] * x[i] * q;
                qq += w[i] * q * q;
            }
            scale = qq > 0 ? xq / qq : scale;
            float error = fit_levels(f, x, w, scale, 0, levels);
            if (error < best) {
                best = error;
                result = scale;
            }
        }
    }
    return result;
}

static void start_groups(const struct best_format *f, const float *x, const float *w, float *scales,
                         float *mins)
{
    static const struct affine_search how = { -0.9f, 0.05f, 60, false, true };
    uint8_t levels[SEARCH_GROUP_MAX];

    for (int j = 0; j < f->block / f->size; j++) {
        const float *group = x + j * f->size;
        mins[j] = 0;
        if (f->min_high)
            scales[j] =
                search_affine(&how, f->size, f->max, group, w + j * f->size, levels, &mins[j]);
        else
            scales[j] = start_symmetric(f, group, w + j * f->size);
    }
}

/* ---- rounds ---- */

/* The best integer scale and min of sub-block j near `scale` and `min`. */
static float choose_group(const struct best_format *f, const float *x, const float *w, int j,
                          float scale, float min, struct block_parts *p)
{
    bool flat = f->scale_high == 1;
    int s0 = flat ? 1 : p->d != 0 ? to_int(scale / p->d) : 0;
    int m0 = f->min_high <= 1 ? f->min_high : p->min != 0 ? to_int(min / p->min) : 0;
    float best = INFINITY;
    uint8_t levels[SEARCH_GROUP_MAX];

    for (int ds = flat ? 0 : -2; ds <= (flat ? 0 : 2); ds++) {
        for (int dm = f->min_high > 1 ? -2 : 0; dm <= (f->min_high > 1 ? 2 : 0); dm++) {
            int s = search_clamp(s0 + ds, f->scale_low, f->scale_high);
            int m = f->min_high > 1 ? search_clamp(m0 + dm, 0, f->min_high) : m0;
            float error = fit_levels(f, x, w, p->d * (float)s, p->min * (float)m, levels);
            if (error < best) {
                best = error;
                p->scales[j] = s;
                p->mins[j] = m;
                memcpy(p->levels + j * f->size, levels, (size_t)f->size);
            }
        }
    }
    return best;
}

/* d and min that fit all levels best, as halves. */
static void refit(const struct best_format *f, const float *x, const float *w,
                  struct block_parts *p)
{
    double aa = 0, ab = 0, bb = 0, ax = 0, bx = 0;

    for (int i = 0; i < f->block; i++) {
        int j = i / f->size;
        double a = (double)p->scales[j] * (double)value_of(f, p->levels[i]);
        double b = f->min_high ? p->mins[j] : 0, wi = (double)w[i], xi = (double)x[i];
        aa += wi * a * a;
        ab += wi * a * b;
        bb += wi * b * b;
        ax += wi * a * xi;
        bx += wi * b * xi;
    }
    double determinant = aa * bb - ab * ab;
    if (f->min_high && determinant > 1e-9 * aa * bb) {
        p->d = as_half((float)((ax * bb - ab * bx) / determinant));
        p->min = as_half((float)((ab * ax - aa * bx) / determinant));
    } else if (aa > 0) {
        p->d = as_half((float)((ax + ab * (double)p->min) / aa));
    }
}

/* From scales of groups and a first d; the error that is reached. */
static float improve(const struct best_format *f, const float *x, const float *w,
                     const float *scales, const float *mins, struct block_parts *p)
{
    struct block_parts trial = *p;
    float s[16], m[16], best = INFINITY;
    int count = f->block / f->size;

    memcpy(s, scales, sizeof s);
    memcpy(m, mins, sizeof m);
    for (int round = 0; round < ROUNDS; round++) {
        float error = 0;
        for (int j = 0; j < count; j++)
            error += choose_group(f, x + j * f->size, w + j * f->size, j, s[j], m[j], &trial);
        if (!(error < best))
            break;
        best = error;
        *p = trial;
        for (int j = 0; j < count; j++) {
            s[j] = trial.d * (float)trial.scales[j];
            m[j] = trial.min * (float)trial.mins[j];
        }
        refit(f, x, w, &trial);
    }
    return best;
}

static float largest(const float *x, int n)
{
    float top = 0;

    for (int i = 0; i < n; i++)
        top = fabsf(x[i]) > fabsf(top) ? x[i] : top;
    return top;
}

static float best_block(const struct best_format *f, const float *x, const float *w,
                        struct block_parts *p)
{
    static const float spans[] = { 1.0f, 0.96f, 1.04f, 0.92f };
    float scales[16] = { 0 }, mins[16] = { 0 }, best = INFINITY;
    int count = f->block / f->size;
    bool flat = f->scale_high == 1;

    start_groups(f, x, w, scales, mins);
    float top = largest(scales, count), min = largest(mins, count);
    for (ptrdiff_t i = 0; i < (flat ? 1 : countof(spans)); i++) {
        struct block_parts trial = { 0 };
        int bound = f->scale_low < 0 ? f->scale_low : f->scale_high;
        trial.d = as_half(top / ((float)bound * spans[i]));
        trial.min = f->min_high ? as_half(min / ((float)f->min_high * (flat ? 1 : spans[i]))) : 0;
        float error = improve(f, x, w, scales, mins, &trial);
        if (error < best && isfinite(trial.d) && isfinite(trial.min)) {
            best = error;
            *p = trial;
        }
    }
    return best;
}

/* ---- rows ---- */

static double error_of(const float *x, const float *y, const float *w, int n)
{
    double sum = 0;

    for (int i = 0; i < n; i++)
        sum += (double)w[i] * ((double)y[i] - (double)x[i]) * ((double)y[i] - (double)x[i]);
    return sum;
}

bool blocks_best_row(int type, const float *src, void *dst, int64_t n, const float *importance)
{
    const struct best_format *f = NULL;
    const struct tensor_layout *l = tensor_layout(type);
    float w[256], y[2][256];
    uint8_t bytes[256], *b = dst;
    struct block_parts p;

    for (ptrdiff_t i = 0; i < countof(formats); i++)
        if (formats[i].type == type)
            f = &formats[i];
    if (!f)
        return false;
    l->from_row(src, dst, n, importance);
    for (int64_t i = 0; i < n; i += f->block, b += l->block_bytes) {
        const float *x = src + i;
        for (int k = 0; k < f->block; k++)
            w[k] = importance ? importance[i + k] : 1;
        if (!isfinite(best_block(f, x, w, &p)))
            continue;
        f->pack(&p, bytes);
        l->to_f32(b, y[0], f->block);
        l->to_f32(bytes, y[1], f->block);
        if (error_of(x, y[1], w, f->block) < error_of(x, y[0], w, f->block))
            memcpy(b, bytes, (size_t)l->block_bytes);
    }
    return true;
}
