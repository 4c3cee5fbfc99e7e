#include "bytepair.h"

#include <immintrin.h>

/* class(b) = low[b & 15] & high[b >> 4]: a superset of the exact class, checked on a hit. */
static inline __m256i classes(__m256i bytes, __m256i low, __m256i high)
{
    __m256i nibble = _mm256_set1_epi8(15);
    __m256i l = _mm256_shuffle_epi8(low, _mm256_and_si256(bytes, nibble));
    __m256i h = _mm256_shuffle_epi8(high, _mm256_and_si256(_mm256_srli_epi16(bytes, 4), nibble));

    return _mm256_and_si256(l, h);
}

static inline __m256i table(const uint8_t *t)
{
    return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)t));
}

ptrdiff_t bytepair_find_avx2(const struct bytepair *p, slice text, ptrdiff_t at)
{
    const unsigned char *b = (const unsigned char *)text.ptr;
    __m256i low1 = table(p->first_low), high1 = table(p->first_high);
    __m256i low2 = table(p->second_low), high2 = table(p->second_high);

    for (; at < text.len; at += 32) {
        __m256i here = _mm256_loadu_si256((const __m256i *)(b + at));
        __m256i next = _mm256_loadu_si256((const __m256i *)(b + at + 1));
        __m256i both = _mm256_and_si256(classes(here, low1, high1), classes(next, low2, high2));
        uint32_t hits =
            ~(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(both, _mm256_setzero_si256()));
        for (; hits; hits &= hits - 1) {
            ptrdiff_t i = at + __builtin_ctz(hits);
            if (i >= text.len)
                return text.len;
            if (p->first[b[i]] & p->second[b[i + 1]])
                return i;
        }
    }
    return text.len;
}
