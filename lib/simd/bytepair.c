#include "bytepair.h"

#include "cpu.h"

void bytepair_add(struct bytepair *p, int bit, slice first, slice second)
{
    for (ptrdiff_t i = 0; i < first.len; i++)
        p->first[(unsigned char)first.ptr[i]] |= (uint8_t)(1 << bit);
    for (ptrdiff_t i = 0; i < second.len; i++)
        p->second[(unsigned char)second.ptr[i]] |= (uint8_t)(1 << bit);
    p->any |= first.len && second.len;
}

void bytepair_add_first(struct bytepair *p, int bit, slice first)
{
    bytepair_add(p, bit, first, SLICE(""));
    for (int b = 0; b < 256; b++)
        p->second[b] |= (uint8_t)(1 << bit);
    p->any |= first.len != 0;
}

void bytepair_ready(struct bytepair *p)
{
    for (int b = 0; b < 256; b++) {
        p->first_low[b & 15] |= p->first[b];
        p->first_high[b >> 4] |= p->first[b];
        p->second_low[b & 15] |= p->second[b];
        p->second_high[b >> 4] |= p->second[b];
    }
}

ptrdiff_t bytepair_find_scalar(const struct bytepair *p, slice text, ptrdiff_t at)
{
    const unsigned char *b = (const unsigned char *)text.ptr;

    for (; at < text.len; at++)
        if (p->first[b[at]] & p->second[b[at + 1]])
            return at;
    return text.len;
}

ptrdiff_t bytepair_find(const struct bytepair *p, slice text, ptrdiff_t at)
{
    if (!p->any)
        return text.len;
#ifdef __x86_64__
    if (cpu_has(CPU_AVX512 | CPU_AVX512_VBMI))
        return bytepair_find_avx512vbmi(p, text, at);
    if (cpu_has(CPU_AVX2))
        return bytepair_find_avx2(p, text, at);
#endif
    return bytepair_find_scalar(p, text, at);
}
