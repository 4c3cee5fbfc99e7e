#include "piimask.h"

#include <arm_neon.h>

/* One bit per byte of four vectors of 0x00/0xFF: weights, then pairwise sums down to eight bytes. */
static inline uint64_t bits(const uint8x16_t v[4])
{
    const uint8x16_t w = { 1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128 };
    uint8x16_t a = vpaddq_u8(vandq_u8(v[0], w), vandq_u8(v[1], w));
    uint8x16_t b = vpaddq_u8(vandq_u8(v[2], w), vandq_u8(v[3], w));
    a = vpaddq_u8(a, b);
    a = vpaddq_u8(a, a);
    return vgetq_lane_u64(vreinterpretq_u64_u8(a), 0);
}

#define RANGE(v, first, count) vcltq_u8(vsubq_u8((v), vdupq_n_u8(first)), vdupq_n_u8(count))
#define IS(v, c)               vceqq_u8((v), vdupq_n_u8(c))
#define FILL(mask, test)                                                                           \
    do {                                                                                           \
        uint8x16_t t_[4];                                                                          \
        for (int k = 0; k < 4; k++) {                                                              \
            uint8x16_t x = v[k];                                                                   \
            t_[k] = (test);                                                                        \
        }                                                                                          \
        (mask) = bits(t_);                                                                         \
    } while (0)

void piimask_neon(const char *text, ptrdiff_t blocks, struct piimask *out)
{
    for (ptrdiff_t b = 0; b < blocks; b++) {
        const uint8_t *p = (const uint8_t *)text + b * PIIMASK_BYTES;
        uint8x16_t v[4] = { vld1q_u8(p), vld1q_u8(p + 16), vld1q_u8(p + 32), vld1q_u8(p + 48) };
        struct piimask *m = &out[b];
        FILL(m->digit, RANGE(x, '0', 10));
        FILL(m->word, vorrq_u8(RANGE(vorrq_u8(x, vdupq_n_u8(0x20)), 'a', 26), IS(x, '_')));
        m->word |= m->digit;
        FILL(m->blank, vorrq_u8(IS(x, ' '), IS(x, '\n')));
        FILL(m->at, IS(x, '@'));
        FILL(m->colon, IS(x, ':'));
        FILL(m->dot, IS(x, '.'));
        FILL(m->dash, IS(x, '-'));
    }
}
