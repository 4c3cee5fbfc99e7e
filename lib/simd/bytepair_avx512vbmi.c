#include "bytepair.h"

#include <immintrin.h>

/* The 256-byte table as four registers: two permutes over 128 entries, chosen by the top bit. */
struct table {
    __m512i q[4];
};

static inline struct table load_table(const uint8_t *t)
{
    struct table r;

    for (int i = 0; i < 4; i++)
        r.q[i] = _mm512_loadu_si512(t + 64 * i);
    return r;
}

static inline __m512i look_up(const struct table *t, __m512i bytes)
{
    __m512i low = _mm512_permutex2var_epi8(t->q[0], bytes, t->q[1]);
    __m512i high = _mm512_permutex2var_epi8(t->q[2], bytes, t->q[3]);

    return _mm512_mask_blend_epi8(_mm512_movepi8_mask(bytes), low, high);
}

ptrdiff_t bytepair_find_avx512vbmi(const struct bytepair *p, slice text, ptrdiff_t at)
{
    struct table first = load_table(p->first), second = load_table(p->second);

    for (; at < text.len; at += 64) {
        /* The last vector is masked: at + 1 + 63 may lie one byte beyond the padding. */
        uint64_t want = text.len - at >= 64 ? ~(uint64_t)0 : ((uint64_t)1 << (text.len - at)) - 1;
        __m512i here = _mm512_maskz_loadu_epi8(want, text.ptr + at);
        __m512i next = _mm512_maskz_loadu_epi8(want, text.ptr + at + 1);
        uint64_t hits = _mm512_test_epi8_mask(look_up(&first, here), look_up(&second, next)) & want;
        if (hits)
            return at + __builtin_ctzll(hits);
    }
    return text.len;
}
