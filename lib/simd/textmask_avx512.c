#include "textmask.h"

#include <immintrin.h>

void textmask_avx512(const char *text, ptrdiff_t blocks, struct textmask *out)
{
    const __m512i fold = _mm512_set1_epi8(0x20), a = _mm512_set1_epi8('a');
    const __m512i zero = _mm512_set1_epi8('0'), tab = _mm512_set1_epi8('\t');
    const __m512i n26 = _mm512_set1_epi8(26), n10 = _mm512_set1_epi8(10), n5 = _mm512_set1_epi8(5);

    for (ptrdiff_t b = 0; b < blocks; b++) {
        __m512i v = _mm512_loadu_si512(text + b * TEXTMASK_BYTES);
        struct textmask *m = &out[b];
        m->letter = _mm512_cmplt_epu8_mask(_mm512_sub_epi8(_mm512_or_si512(v, fold), a), n26);
        m->digit = _mm512_cmplt_epu8_mask(_mm512_sub_epi8(v, zero), n10);
        m->blank = _mm512_cmpeq_epi8_mask(v, fold);
        m->upper = _mm512_cmplt_epu8_mask(_mm512_sub_epi8(v, _mm512_set1_epi8('A')), n26);
        uint64_t tabs = _mm512_cmplt_epu8_mask(_mm512_sub_epi8(v, tab), n5);
        m->control = (_mm512_cmplt_epu8_mask(v, fold) & ~tabs) |
                     _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8(0x7F));
        m->space = m->blank | tabs;
        m->newline = _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('\n')) |
                     _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('\r'));
        m->quote = _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('\''));
        m->high = _mm512_movepi8_mask(v);
        m->cont = _mm512_cmplt_epi8_mask(v, _mm512_set1_epi8((char)0xC0));
    }
}
