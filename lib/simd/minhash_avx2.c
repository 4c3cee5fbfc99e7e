/* See minhash.h. Four vectors of 8 functions at a time: 4 * (a, b, min) of 16 registers. */
#include "minhash.h"
#include "unroll.inc"

#include <immintrin.h>

#define TILE(name, V)                                                                              \
    static void name(const uint32_t *a, const uint32_t *b, const uint32_t *x, ptrdiff_t n,         \
                     uint32_t *min)                                                                \
    {                                                                                              \
        __m256i va[V], vb[V], vm[V];                                                               \
        UNROLLED                                                                                   \
        for (int i = 0; i < V; i++) {                                                              \
            va[i] = _mm256_loadu_si256((const __m256i *)(a + 8 * i));                              \
            vb[i] = _mm256_loadu_si256((const __m256i *)(b + 8 * i));                              \
            vm[i] = _mm256_loadu_si256((const __m256i *)(min + 8 * i));                            \
        }                                                                                          \
        for (ptrdiff_t j = 0; j < n; j++) {                                                        \
            __m256i v = _mm256_set1_epi32((int)x[j]);                                              \
            UNROLLED                                                                               \
            for (int i = 0; i < V; i++)                                                            \
                vm[i] = _mm256_min_epu32(vm[i],                                                    \
                                         _mm256_add_epi32(_mm256_mullo_epi32(va[i], v), vb[i]));   \
        }                                                                                          \
        UNROLLED                                                                                   \
        for (int i = 0; i < V; i++)                                                                \
            _mm256_storeu_si256((__m256i *)(min + 8 * i), vm[i]);                                  \
    }

TILE(tile4, 4)
TILE(tile2, 2)

void minhash_avx2(const uint32_t *a, const uint32_t *b, ptrdiff_t count, const uint32_t *x,
                  ptrdiff_t n, uint32_t *min)
{
    ptrdiff_t i = 0;

    for (; i + 32 <= count; i += 32)
        tile4(a + i, b + i, x, n, min + i);
    for (; i < count; i += 16)
        tile2(a + i, b + i, x, n, min + i);
}
