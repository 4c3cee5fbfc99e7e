/* The row for NEON (aarch64): a block of jsonscan_block.inc is four 16-byte registers. */
#include "jsonscan_state.inc"

#include <arm_neon.h>

typedef uint8x16x4_t block;

#define BLOCK_INLINE static inline __attribute__((always_inline))

/* Four vectors of 00/FF to 64 bits: a weight per byte, then three rounds of adding neighbours. */
BLOCK_INLINE uint64_t mask_of(uint8x16_t a, uint8x16_t b, uint8x16_t c, uint8x16_t d)
{
    static const uint8_t weights[16] = { 1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128 };
    uint8x16_t w = vld1q_u8(weights);
    uint8x16_t ab = vpaddq_u8(vandq_u8(a, w), vandq_u8(b, w));
    uint8x16_t cd = vpaddq_u8(vandq_u8(c, w), vandq_u8(d, w));
    uint8x16_t sum = vpaddq_u8(ab, cd);

    sum = vpaddq_u8(sum, sum);
    return vgetq_lane_u64(vreinterpretq_u64_u8(sum), 0);
}

#define EACH(b, expr)                                                                              \
    for (int i = 0; i < 4; i++)                                                                    \
    (b).val[i] = (expr)

BLOCK_INLINE uint64_t mask_of_block(block b)
{
    return mask_of(b.val[0], b.val[1], b.val[2], b.val[3]);
}

BLOCK_INLINE block block_load(const void *p)
{
    return vld1q_u8_x4(p);
}

BLOCK_INLINE block block_load_part(const void *p, ptrdiff_t n)
{
    unsigned char copy[64] = { 0 };

    memcpy(copy, p, (size_t)n);
    return block_load(copy);
}

BLOCK_INLINE void block_store(void *p, block b)
{
    vst1q_u8_x4(p, b);
}

BLOCK_INLINE uint64_t block_eq(block b, char c)
{
    EACH(b, vceqq_u8(b.val[i], vdupq_n_u8((uint8_t)c)));
    return mask_of_block(b);
}

BLOCK_INLINE uint64_t block_below(block b, char c)
{
    EACH(b, vcltq_u8(b.val[i], vdupq_n_u8((uint8_t)c)));
    return mask_of_block(b);
}

BLOCK_INLINE uint64_t block_high(block b)
{
    EACH(b, vcgeq_u8(b.val[i], vdupq_n_u8(0x80)));
    return mask_of_block(b);
}

/* An index beyond the table gives 0. */
BLOCK_INLINE block block_shuffle(const unsigned char *table, block b)
{
    EACH(b, vqtbl1q_u8(vld1q_u8(table), vandq_u8(b.val[i], vdupq_n_u8(0x8F))));
    return b;
}

BLOCK_INLINE block block_keep(block b, int bits)
{
    EACH(b, vandq_u8(b.val[i], vdupq_n_u8((uint8_t)bits)));
    return b;
}

BLOCK_INLINE block block_nibble(block b)
{
    EACH(b, vshrq_n_u8(b.val[i], 4));
    return b;
}

BLOCK_INLINE block block_low(block b)
{
    return block_keep(b, 0x0F);
}

BLOCK_INLINE block block_and(block a, block b)
{
    EACH(a, vandq_u8(a.val[i], b.val[i]));
    return a;
}

BLOCK_INLINE block block_or(block a, block b)
{
    EACH(a, vorrq_u8(a.val[i], b.val[i]));
    return a;
}

BLOCK_INLINE block block_xor(block a, block b)
{
    EACH(a, veorq_u8(a.val[i], b.val[i]));
    return a;
}

BLOCK_INLINE block block_minus(block b, int c)
{
    EACH(b, vqsubq_u8(b.val[i], vdupq_n_u8((uint8_t)c)));
    return b;
}

BLOCK_INLINE uint64_t block_test(block b, int bits)
{
    EACH(b, vtstq_u8(b.val[i], vdupq_n_u8((uint8_t)bits)));
    return mask_of_block(b);
}

#include "jsonscan_block.inc"
#include "jsonscan_body.inc"

const struct jsonscan_row jsonscan_row_neon = {
    .isa = ISA_NEON,
    .features = CPU_NEON,
    .name = "neon",
    .scan = scan_run,
    .utf8_prefix = utf8_prefix,
    .unescape = unescape,
    .escape = escape,
    .escaped_len = escaped_len,
};
