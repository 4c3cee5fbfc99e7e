#include "piimask.h"

#include <immintrin.h>

#define IS(c) _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8(c))

void piimask_avx512(const char *text, ptrdiff_t blocks, struct piimask *out)
{
    const __m512i fold = _mm512_set1_epi8(0x20), a = _mm512_set1_epi8('a');
    const __m512i zero = _mm512_set1_epi8('0');
    const __m512i n26 = _mm512_set1_epi8(26), n10 = _mm512_set1_epi8(10);

    for (ptrdiff_t b = 0; b < blocks; b++) {
        __m512i v = _mm512_loadu_si512(text + b * PIIMASK_BYTES);
        struct piimask *m = &out[b];
        m->digit = _mm512_cmplt_epu8_mask(_mm512_sub_epi8(v, zero), n10);
        m->word = m->digit | IS('_') |
                  _mm512_cmplt_epu8_mask(_mm512_sub_epi8(_mm512_or_si512(v, fold), a), n26);
        m->blank = IS(' ') | IS('\n');
        m->at = IS('@');
        m->colon = IS(':');
        m->dot = IS('.');
        m->dash = IS('-');
    }
}
