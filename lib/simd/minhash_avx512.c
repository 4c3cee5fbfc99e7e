/* See minhash.h. A tile is up to seven vectors of 16 functions: 7 * (a, b, min) registers, so that
 * the usual 112 functions take one pass over x with nothing but the broadcast read from memory. */
#include "minhash.h"
#include "unroll.inc"

#include <immintrin.h>

#define TILE(name, V)                                                                              \
    static void name(const uint32_t *a, const uint32_t *b, const uint32_t *x, ptrdiff_t n,         \
                     uint32_t *min)                                                                \
    {                                                                                              \
        __m512i va[V], vb[V], vm[V];                                                               \
        UNROLLED                                                                                   \
        for (int i = 0; i < V; i++) {                                                              \
            va[i] = _mm512_loadu_si512(a + 16 * i);                                                \
            vb[i] = _mm512_loadu_si512(b + 16 * i);                                                \
            vm[i] = _mm512_loadu_si512(min + 16 * i);                                              \
        }                                                                                          \
        for (ptrdiff_t j = 0; j < n; j++) {                                                        \
            __m512i v = _mm512_set1_epi32((int)x[j]);                                              \
            UNROLLED                                                                               \
            for (int i = 0; i < V; i++)                                                            \
                vm[i] = _mm512_min_epu32(vm[i],                                                    \
                                         _mm512_add_epi32(_mm512_mullo_epi32(va[i], v), vb[i]));   \
        }                                                                                          \
        UNROLLED                                                                                   \
        for (int i = 0; i < V; i++)                                                                \
            _mm512_storeu_si512(min + 16 * i, vm[i]);                                              \
    }

TILE(tile7, 7)
TILE(tile1, 1)

void minhash_avx512(const uint32_t *a, const uint32_t *b, ptrdiff_t count, const uint32_t *x,
                    ptrdiff_t n, uint32_t *min)
{
    ptrdiff_t i = 0;

    for (; i + 7 * 16 <= count; i += 7 * 16)
        tile7(a + i, b + i, x, n, min + i);
    for (; i < count; i += 16)
        tile1(a + i, b + i, x, n, min + i);
}
