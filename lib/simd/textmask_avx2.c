#include "textmask.h"

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
#define UPPER(v)   in_range((v), 'A', 26)
#define TAB(v)     in_range((v), '\t', 5)
#define LOW(v)     in_range((v), 0, 32)
#define IS(v, c)   _mm256_cmpeq_epi8((v), _mm256_set1_epi8(c))
#define BLANK(v)   IS(v, ' ')
#define QUOTE(v)   IS(v, '\'')
#define DELETE(v)  IS(v, 0x7F)
#define NEWLINE(v) _mm256_or_si256(IS(v, '\n'), IS(v, '\r'))
#define CONT(v)    _mm256_cmpgt_epi8(_mm256_set1_epi8((char)0xC0), (v))

void textmask_avx2(const char *text, ptrdiff_t blocks, struct textmask *out)
{
    for (ptrdiff_t b = 0; b < blocks; b++) {
        const char *p = text + b * TEXTMASK_BYTES;
        __m256i v0 = _mm256_loadu_si256((const void *)p);
        __m256i v1 = _mm256_loadu_si256((const void *)(p + 32));
        struct textmask *m = &out[b];
        m->letter = BOTH(LETTER);
        m->digit = BOTH(DIGIT);
        m->blank = BOTH(BLANK);
        uint64_t tab = BOTH(TAB);
        m->upper = BOTH(UPPER);
        m->control = (BOTH(LOW) & ~tab) | BOTH(DELETE);
        m->space = m->blank | tab;
        m->newline = BOTH(NEWLINE);
        m->quote = BOTH(QUOTE);
        m->high = bits(v0, v1);
        m->cont = BOTH(CONT);
    }
}
