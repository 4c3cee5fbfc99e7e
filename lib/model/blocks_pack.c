#include "blocks_pack.h"

#include "tensor.h"

static void put_half(uint8_t *p, float x)
{
    uint16_t h = tensor_f16_from_f32(x);
    memcpy(p, &h, 2);
}

/* Nibbles: element j of each 32 beside element j + 16. */
static void put_nibbles32(uint8_t *dst, const uint8_t *levels)
{
    for (int j = 0; j < 16; j++)
        dst[j] = (uint8_t)((levels[j] & 15) | (levels[j + 16] & 15) << 4);
}

static void put_fifth_bits(uint8_t *dst, const uint8_t *levels)
{
    uint32_t bits = 0;

    for (int j = 0; j < 32; j++)
        bits |= (uint32_t)(levels[j] >> 4 & 1) << j;
    memcpy(dst, &bits, 4);
}

void blocks_pack_q4_0(const struct block_parts *p, uint8_t *b)
{
    put_half(b, p->d);
    put_nibbles32(b + 2, p->levels);
}

void blocks_pack_q4_1(const struct block_parts *p, uint8_t *b)
{
    put_half(b, p->d);
    put_half(b + 2, -p->min);
    put_nibbles32(b + 4, p->levels);
}

void blocks_pack_q5_0(const struct block_parts *p, uint8_t *b)
{
    put_half(b, p->d);
    put_fifth_bits(b + 2, p->levels);
    put_nibbles32(b + 6, p->levels);
}

void blocks_pack_q5_1(const struct block_parts *p, uint8_t *b)
{
    put_half(b, p->d);
    put_half(b + 2, -p->min);
    put_fifth_bits(b + 4, p->levels);
    put_nibbles32(b + 8, p->levels);
}

/* Two bits: elements j, j + 32, j + 64, j + 96 of each 128. */
static void put_pairs(uint8_t *dst, const uint8_t *levels)
{
    for (int j = 0; j < 64; j++) {
        const uint8_t *q = levels + 128 * (j / 32) + j % 32;
        dst[j] = (uint8_t)((q[0] & 3) | (q[32] & 3) << 2 | (q[64] & 3) << 4 | (q[96] & 3) << 6);
    }
}

void blocks_pack_q2_k(const struct block_parts *p, uint8_t *b)
{
    for (int j = 0; j < 16; j++)
        b[j] = (uint8_t)((unsigned)p->scales[j] | (unsigned)p->mins[j] << 4);
    put_pairs(b + 16, p->levels);
    put_half(b + 80, p->d);
    put_half(b + 82, p->min);
}

/* hmask[32], qs[64], scales[12] (6 bits each, 32 added), d. */
void blocks_pack_q3_k(const struct block_parts *p, uint8_t *b)
{
    memset(b, 0, 110);
    for (int l = 0; l < 256; l++)
        b[l % 32] |= (uint8_t)((p->levels[l] > 3) << (l / 32));
    put_pairs(b + 32, p->levels);
    for (int j = 0; j < 16; j++) {
        unsigned s = (unsigned)p->scales[j] + 32;
        b[96 + j % 8] |= (uint8_t)((s & 15) << (4 * (j / 8)));
        b[104 + j % 4] |= (uint8_t)((s >> 4) << (2 * (j / 4)));
    }
    put_half(b + 108, p->d);
}

/* Six bits of 8 scales and 8 minima in 12 bytes. */
static void put_scales(uint8_t *dst, const struct block_parts *p)
{
    memset(dst, 0, 12);
    for (int j = 0; j < 8; j++) {
        unsigned s = (unsigned)p->scales[j], m = (unsigned)p->mins[j];
        if (j < 4) {
            dst[j] = (uint8_t)s;
            dst[j + 4] = (uint8_t)m;
        } else {
            dst[j + 4] = (uint8_t)((s & 15) | (m & 15) << 4);
            dst[j - 4] |= (uint8_t)(s >> 4 << 6);
            dst[j] |= (uint8_t)(m >> 4 << 6);
        }
    }
}

/* Nibbles: element j of each 64 beside element j + 32. */
static void put_nibbles64(uint8_t *dst, const uint8_t *levels)
{
    for (int j = 0; j < 128; j++) {
        const uint8_t *q = levels + 64 * (j / 32) + j % 32;
        dst[j] = (uint8_t)((q[0] & 15) | (q[32] & 15) << 4);
    }
}

void blocks_pack_q4_k(const struct block_parts *p, uint8_t *b)
{
    put_half(b, p->d);
    put_half(b + 2, p->min);
    put_scales(b + 4, p);
    put_nibbles64(b + 16, p->levels);
}

void blocks_pack_q5_k(const struct block_parts *p, uint8_t *b)
{
    put_half(b, p->d);
    put_half(b + 2, p->min);
    put_scales(b + 4, p);
    memset(b + 16, 0, 32);
    for (int l = 0; l < 256; l++)
        b[16 + l % 32] |= (uint8_t)((p->levels[l] >> 4) << (l / 32));
    put_nibbles64(b + 48, p->levels);
}

void blocks_pack_q6_k(const struct block_parts *p, uint8_t *b)
{
    for (int h = 0; h < 2; h++)
        for (int l = 0; l < 32; l++) {
            const uint8_t *q = p->levels + 128 * h + l;
            b[64 * h + l] = (uint8_t)((q[0] & 15) | (q[64] & 15) << 4);
            b[64 * h + 32 + l] = (uint8_t)((q[32] & 15) | (q[96] & 15) << 4);
            b[128 + 32 * h + l] =
                (uint8_t)(q[0] >> 4 | q[32] >> 4 << 2 | q[64] >> 4 << 4 | q[96] >> 4 << 6);
        }
    for (int j = 0; j < 16; j++)
        b[192 + j] = (uint8_t)(int8_t)p->scales[j];
    put_half(b + 208, p->d);
}

/* d, scales_h (u16), scales_l[4], qs[128]; scales with 32 added. */
void blocks_pack_iq4_xs(const struct block_parts *p, uint8_t *b)
{
    uint16_t high = 0;

    memset(b, 0, 8);
    put_half(b, p->d);
    for (int j = 0; j < 8; j++) {
        unsigned s = (unsigned)p->scales[j] + 32;
        b[4 + j / 2] |= (uint8_t)((s & 15) << (4 * (j & 1)));
        high = (uint16_t)(high | (s >> 4) << (2 * j));
        put_nibbles32(b + 8 + 16 * j, p->levels + 32 * j);
    }
    memcpy(b + 2, &high, 2);
}
