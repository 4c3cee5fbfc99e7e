/* The reference: what the formats say, one element at a time. */
#include "floatconv.h"

#include <math.h>

static uint32_t bits_of(float x)
{
    uint32_t u;

    memcpy(&u, &x, sizeof u);
    return u;
}

static float float_of(uint32_t u)
{
    float x;

    memcpy(&x, &u, sizeof x);
    return x;
}

static float half_to_float(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exp = h >> 10 & 31, frac = h & 0x3FF;

    if (exp == 31)
        return float_of(sign | 0x7F800000 | frac << 13 | (frac ? 0x400000 : 0));
    if (exp)
        return float_of(sign | (exp + 112) << 23 | frac << 13);
    /* Subnormal: frac * 2^-24, exact in float. */
    float x = (float)frac * 0x1p-24f;
    return sign ? -x : x;
}

static uint16_t half_from_float(float x)
{
    uint32_t u = bits_of(x), mag = u & 0x7FFFFFFF;
    uint16_t sign = (uint16_t)(u >> 16 & 0x8000);

    if (mag > 0x7F800000)
        return (uint16_t)(sign | 0x7E00 | (mag >> 13 & 0x3FF));
    if (mag >= 0x477FF000) /* 65520: rounds to infinity */
        return sign | 0x7C00;
    if (mag < 0x38800000) {
        /* Below 2^-14: adding 0.5 puts the units of 2^-24 at the end of the fraction, and the
         * addition rounds to nearest even. */
        return (uint16_t)(sign | (bits_of(float_of(mag) + 0.5f) - 0x3F000000));
    }
    uint32_t odd = mag >> 13 & 1;
    return (uint16_t)(sign | (mag - 0x38000000 + 0xFFF + odd) >> 13);
}

static void f16_to_f32(const void *src, float *dst, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        dst[i] = half_to_float(load_u16((const char *)src + 2 * i));
}

static void f16_from_f32(const float *src, void *dst, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        uint16_t h = half_from_float(src[i]);
        memcpy((char *)dst + 2 * i, &h, 2);
    }
}

static void bf16_to_f32(const void *src, float *dst, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        dst[i] = float_of((uint32_t)load_u16((const char *)src + 2 * i) << 16);
}

static void bf16_from_f32(const float *src, void *dst, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        uint32_t u = bits_of(src[i]);
        uint16_t h = (u & 0x7FFFFFFF) > 0x7F800000 ? (uint16_t)(u >> 16 | 64)
                                                   : (uint16_t)((u + 0x7FFF + (u >> 16 & 1)) >> 16);
        memcpy((char *)dst + 2 * i, &h, 2);
    }
}

static void q8_0_to_f32(const void *src, float *dst, int64_t n)
{
    const char *block = src;

    for (int64_t i = 0; i < n; i += 32, block += 34) {
        float d = half_to_float(load_u16(block));
        for (int j = 0; j < 32; j++)
            dst[i + j] = (float)(int8_t)block[2 + j] * d;
    }
}

/* roundf without a call: see floatconv_avx2.c. */
static int8_t round_away(float x)
{
    return (int8_t)(int)(x + copysignf(0x1.fffffep-2f, x));
}

static void q8_0_from_f32(const float *src, void *dst, int64_t n)
{
    char *block = dst;

    for (int64_t i = 0; i < n; i += 32, block += 34) {
        float amax = 0;
        for (int j = 0; j < 32; j++)
            amax = MAX(amax, fabsf(src[i + j]));
        float d = amax / 127, id = d != 0 ? 1.0f / d : 0;
        uint16_t half = half_from_float(d);
        memcpy(block, &half, 2);
        if (!isfinite(id))
            id = 0;
        for (int j = 0; j < 32; j++)
            block[2 + j] = (char)round_away(src[i + j] * id);
    }
}

static bool below(const float *src, int64_t n, float limit)
{
    int bad = 0;

    for (int64_t i = 0; i < n; i++)
        bad |= !(fabsf(src[i]) < limit);
    return !bad;
}

const struct floatconv floatconv_scalar = {
    "scalar",      0,           f16_to_f32,    f16_from_f32, bf16_to_f32,
    bf16_from_f32, q8_0_to_f32, q8_0_from_f32, below,
};
