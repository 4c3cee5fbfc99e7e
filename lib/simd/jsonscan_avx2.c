/* The row for AVX2: a block of jsonscan_block.inc is a pair of 32-byte registers. */
#include "jsonscan_state.inc"

#include <immintrin.h>

typedef struct block {
    __m256i lo, hi;
} block;

#define BLOCK_INLINE static inline __attribute__((always_inline))

BLOCK_INLINE uint64_t mask_of(__m256i lo, __m256i hi)
{
    return (uint32_t)_mm256_movemask_epi8(lo) | (uint64_t)(uint32_t)_mm256_movemask_epi8(hi) << 32;
}

BLOCK_INLINE block block_load(const void *p)
{
    return (block){ _mm256_loadu_si256(p), _mm256_loadu_si256((const __m256i *)p + 1) };
}

BLOCK_INLINE block block_load_part(const void *p, ptrdiff_t n)
{
    unsigned char copy[64] = { 0 };

    memcpy(copy, p, (size_t)n);
    return block_load(copy);
}

BLOCK_INLINE void block_store(void *p, block b)
{
    _mm256_storeu_si256(p, b.lo);
    _mm256_storeu_si256((__m256i *)p + 1, b.hi);
}

BLOCK_INLINE uint64_t block_eq(block b, char c)
{
    __m256i v = _mm256_set1_epi8(c);

    return mask_of(_mm256_cmpeq_epi8(b.lo, v), _mm256_cmpeq_epi8(b.hi, v));
}

/* b < c when max(b, c - 1) is c - 1. */
BLOCK_INLINE __m256i half_below(__m256i b, char c)
{
    __m256i v = _mm256_set1_epi8((char)(c - 1));

    return _mm256_cmpeq_epi8(_mm256_max_epu8(b, v), v);
}

BLOCK_INLINE uint64_t block_below(block b, char c)
{
    return mask_of(half_below(b.lo, c), half_below(b.hi, c));
}

BLOCK_INLINE uint64_t block_high(block b)
{
    return mask_of(b.lo, b.hi);
}

BLOCK_INLINE block block_shuffle(const unsigned char *table, block b)
{
    __m256i t = _mm256_broadcastsi128_si256(_mm_loadu_si128((const void *)table));

    return (block){ _mm256_shuffle_epi8(t, b.lo), _mm256_shuffle_epi8(t, b.hi) };
}

BLOCK_INLINE block block_keep(block b, int bits)
{
    __m256i v = _mm256_set1_epi8((char)bits);

    return (block){ _mm256_and_si256(b.lo, v), _mm256_and_si256(b.hi, v) };
}

BLOCK_INLINE block block_nibble(block b)
{
    return block_keep((block){ _mm256_srli_epi16(b.lo, 4), _mm256_srli_epi16(b.hi, 4) }, 0x0F);
}

BLOCK_INLINE block block_low(block b)
{
    return block_keep(b, 0x0F);
}

BLOCK_INLINE block block_and(block a, block b)
{
    return (block){ _mm256_and_si256(a.lo, b.lo), _mm256_and_si256(a.hi, b.hi) };
}

BLOCK_INLINE block block_or(block a, block b)
{
    return (block){ _mm256_or_si256(a.lo, b.lo), _mm256_or_si256(a.hi, b.hi) };
}

BLOCK_INLINE block block_xor(block a, block b)
{
    return (block){ _mm256_xor_si256(a.lo, b.lo), _mm256_xor_si256(a.hi, b.hi) };
}

BLOCK_INLINE block block_minus(block b, int c)
{
    __m256i v = _mm256_set1_epi8((char)c);

    return (block){ _mm256_subs_epu8(b.lo, v), _mm256_subs_epu8(b.hi, v) };
}

BLOCK_INLINE uint64_t block_test(block b, int bits)
{
    block v = block_keep(b, bits);

    return ~block_eq(v, 0);
}

#include "jsonscan_block.inc"
#include "jsonscan_body.inc"

const struct jsonscan_row jsonscan_row_avx2 = {
    .isa = ISA_AVX2,
    .features = CPU_AVX2,
    .name = "avx2",
    .scan = scan_run,
    .utf8_prefix = utf8_prefix,
    .unescape = unescape,
    .escape = escape,
    .escaped_len = escaped_len,
};
