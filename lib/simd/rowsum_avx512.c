#include "rowsum.h"

#include <immintrin.h>

static inline void spill(__m512i v, int32_t *sums)
{
    __m512i low = _mm512_cvtepi16_epi32(_mm512_castsi512_si256(v));
    __m512i high = _mm512_cvtepi16_epi32(_mm512_extracti64x4_epi64(v, 1));

    _mm512_storeu_si512(sums, _mm512_add_epi32(_mm512_loadu_si512(sums), low));
    _mm512_storeu_si512(sums + 16, _mm512_add_epi32(_mm512_loadu_si512(sums + 16), high));
}

void rowsum_avx512(const int8_t *table, const uint32_t *index, ptrdiff_t n, int32_t *sums)
{
    for (ptrdiff_t first = 0; first < n; first += 256) {
        ptrdiff_t end = MIN(n, first + 256);
        __m512i a = _mm512_setzero_si512(), b = a;
        for (ptrdiff_t i = first; i < end; i++) {
            const __m256i *row = (const void *)(table + (ptrdiff_t)index[i] * ROWSUM_WIDTH);
            a = _mm512_add_epi16(a, _mm512_cvtepi8_epi16(_mm256_loadu_si256(row)));
            b = _mm512_add_epi16(b, _mm512_cvtepi8_epi16(_mm256_loadu_si256(row + 1)));
        }
        spill(a, sums);
        spill(b, sums + 32);
    }
}
