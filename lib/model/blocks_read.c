/* The readers of blocks.h: what the layouts say, one element at a time. */
#include "blocks.h"
#include "tensor.h"

const int8_t blocks_codebook[16] = { -127, -104, -83, -65, -49, -35, -22, -10,
                                     1,    13,   25,  38,  53,  69,  89,  113 };

static float half_at(const uint8_t *p)
{
    return tensor_f16_to_f32(load_u16(p));
}

void blocks_q4_0_to_f32(const void *src, float *dst, int64_t n)
{
    const uint8_t *b = src;

    for (; n > 0; n -= 32, b += 18, dst += 32) {
        float d = half_at(b);
        for (int j = 0; j < 16; j++) {
            dst[j] = (float)((b[2 + j] & 15) - 8) * d;
            dst[j + 16] = (float)((b[2 + j] >> 4) - 8) * d;
        }
    }
}

void blocks_q4_1_to_f32(const void *src, float *dst, int64_t n)
{
    const uint8_t *b = src;

    for (; n > 0; n -= 32, b += 20, dst += 32) {
        float d = half_at(b), m = half_at(b + 2);
        for (int j = 0; j < 16; j++) {
            dst[j] = (float)(b[4 + j] & 15) * d + m;
            dst[j + 16] = (float)(b[4 + j] >> 4) * d + m;
        }
    }
}

/* Element j of the 32 with its fifth bit. */
static int five_bits(const uint8_t *low, uint32_t high, int j)
{
    int four = j < 16 ? low[j] & 15 : low[j - 16] >> 4;
    return four | (int)(high >> j & 1) << 4;
}

void blocks_q5_0_to_f32(const void *src, float *dst, int64_t n)
{
    const uint8_t *b = src;

    for (; n > 0; n -= 32, b += 22, dst += 32) {
        float d = half_at(b);
        uint32_t high = load_u32(b + 2);
        for (int j = 0; j < 32; j++)
            dst[j] = (float)(five_bits(b + 6, high, j) - 16) * d;
    }
}

void blocks_q5_1_to_f32(const void *src, float *dst, int64_t n)
{
    const uint8_t *b = src;

    for (; n > 0; n -= 32, b += 24, dst += 32) {
        float d = half_at(b), m = half_at(b + 2);
        uint32_t high = load_u32(b + 4);
        for (int j = 0; j < 32; j++)
            dst[j] = (float)five_bits(b + 8, high, j) * d + m;
    }
}

void blocks_iq4_nl_to_f32(const void *src, float *dst, int64_t n)
{
    const uint8_t *b = src;

    for (; n > 0; n -= 32, b += 18, dst += 32) {
        float d = half_at(b);
        for (int j = 0; j < 16; j++) {
            dst[j] = d * (float)blocks_codebook[b[2 + j] & 15];
            dst[j + 16] = d * (float)blocks_codebook[b[2 + j] >> 4];
        }
    }
}

/* scales[16] (low nibble scale, high nibble minimum), qs[64], d, dmin. */
void blocks_q2_k_to_f32(const void *src, float *dst, int64_t n)
{
    const uint8_t *b = src;

    for (; n > 0; n -= 256, b += 84) {
        float d = half_at(b + 80), min = half_at(b + 82);
        for (int j = 0; j < 16; j++) {
            float scale = d * (float)(b[j] & 15), offset = min * (float)(b[j] >> 4);
            const uint8_t *q = b + 16 + 32 * (j / 8) + 16 * (j & 1);
            for (int l = 0; l < 16; l++)
                *dst++ = scale * (float)(q[l] >> (2 * (j / 2 % 4)) & 3) - offset;
        }
    }
}

/* hmask[32], qs[64], scales[12], d. */
void blocks_q3_k_to_f32(const void *src, float *dst, int64_t n)
{
    const uint8_t *b = src;

    for (; n > 0; n -= 256, b += 110) {
        float d = half_at(b + 108);
        for (int j = 0; j < 16; j++) {
            float scale = d * (float)blocks_q3_scale(b + 96, j);
            const uint8_t *q = b + 32 + 32 * (j / 8) + 16 * (j & 1), *high = b + 16 * (j & 1);
            for (int l = 0; l < 16; l++)
                *dst++ = scale * (float)((q[l] >> (2 * (j / 2 % 4)) & 3) -
                                         (high[l] >> (j / 2) & 1 ? 0 : 4));
        }
    }
}

/* d, dmin, scales[12], qs[128]. */
void blocks_q4_k_to_f32(const void *src, float *dst, int64_t n)
{
    const uint8_t *b = src;

    for (; n > 0; n -= 256, b += 144) {
        float d = half_at(b), dmin = half_at(b + 2);
        for (int j = 0; j < 8; j++) {
            int s, m;
            blocks_scale_min(b + 4, j, &s, &m);
            float scale = d * (float)s, offset = dmin * (float)m;
            const uint8_t *q = b + 16 + 32 * (j / 2);
            for (int l = 0; l < 32; l++)
                *dst++ = scale * (float)(q[l] >> (4 * (j & 1)) & 15) - offset;
        }
    }
}

/* d, dmin, scales[12], qh[32], qs[128]. */
void blocks_q5_k_to_f32(const void *src, float *dst, int64_t n)
{
    const uint8_t *b = src;

    for (; n > 0; n -= 256, b += 176) {
        float d = half_at(b), dmin = half_at(b + 2);
        for (int j = 0; j < 8; j++) {
            int s, m;
            blocks_scale_min(b + 4, j, &s, &m);
            float scale = d * (float)s, offset = dmin * (float)m;
            const uint8_t *q = b + 48 + 32 * (j / 2), *high = b + 16;
            for (int l = 0; l < 32; l++)
                *dst++ = scale * (float)((q[l] >> (4 * (j & 1)) & 15) | (high[l] >> j & 1) << 4) -
                         offset;
        }
    }
}

/* ql[128], qh[64], scales[16], d. */
void blocks_q6_k_to_f32(const void *src, float *dst, int64_t n)
{
    const uint8_t *b = src;

    for (; n > 0; n -= 256, b += 210) {
        float d = half_at(b + 208);
        for (int j = 0; j < 16; j++) {
            float scale = d * (float)(int8_t)b[192 + j];
            int half = j / 8, quarter = j / 2 % 4, at = 16 * (j & 1);
            const uint8_t *low = b + 64 * half + 32 * (quarter & 1) + at;
            const uint8_t *high = b + 128 + 32 * half + at;
            for (int l = 0; l < 16; l++)
                *dst++ = scale * (float)(((low[l] >> (4 * (quarter >> 1)) & 15) |
                                          (high[l] >> (2 * quarter) & 3) << 4) -
                                         32);
        }
    }
}

/* d, scales_h (u16), scales_l[4], qs[128]. */
void blocks_iq4_xs_to_f32(const void *src, float *dst, int64_t n)
{
    const uint8_t *b = src;

    for (; n > 0; n -= 256, b += 136) {
        float d = half_at(b);
        unsigned high = load_u16(b + 2);
        for (int j = 0; j < 8; j++) {
            int s = (b[4 + j / 2] >> (4 * (j & 1)) & 15) | (int)(high >> (2 * j) & 3) << 4;
            float scale = d * (float)(s - 32);
            const uint8_t *q = b + 8 + 16 * j;
            for (int l = 0; l < 32; l++)
                *dst++ = scale * (float)blocks_codebook[l < 16 ? q[l] & 15 : q[l - 16] >> 4];
        }
    }
}
