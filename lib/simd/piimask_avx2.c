#include "piimask.h"

#include <immintrin.h>

static inline uint64_t bits(__m256i low, __m256i high)
{
    return (uint32_t)_mm256_movemask_epi8(low) | (uint64_t)(uint32_t)_mm256_movemask_epi8(high)
                                                     << 32;
}

/* v - first < count, unsigned. */
static inline __m256i in_range(__m256i v, char first, char count)
{
    __m256i d = _mm256_sub_epi8(v, _mm256_set1_epi8(first));
    return _mm256_cmpeq_epi8(_mm256_min_epu8(d, _mm256_set1_epi8((char)(count - 1))), d);
}

#define BOTH(test) bits(test(v0), test(v1))
#define LETTER(v)  in_range(_mm256_or_si256((v), _mm256_set1_epi8(0x20)), 'a', 26)
#define DIGIT(v)   in_range((v), '0', 10)
#define IS(v, c)   _mm256_cmpeq_epi8((v), _mm256_set1_epi8(c))
#define UNDER(v)   IS(v, '_')
#define BLANK(v)   _mm256_or_si256(IS(v, ' '), IS(v, '\n'))
#define AT(v)      IS(v, '@')
#define COLON(v)   IS(v, ':')
#define DOT(v)     IS(v, '.')
#define DASH(v)    IS(v, '-')

void piimask_avx2(const char *text, ptrdiff_t blocks, struct piimask *out)
{
    for (ptrdiff_t b = 0; b < blocks; b++) {
        const char *p = text + b * PIIMASK_BYTES;
        __m256i v0 = _mm256_loadu_si256((const void *)p);
        __m256i v1 = _mm256_loadu_si256((const void *)(p + 32));
        struct piimask *m = &out[b];
        m->digit = BOTH(DIGIT);
        m->word = BOTH(LETTER) | BOTH(UNDER) | m->digit;
        m->blank = BOTH(BLANK);
        m->at = BOTH(AT);
        m->colon = BOTH(COLON);
        m->dot = BOTH(DOT);
        m->dash = BOTH(DASH);
    }
}
