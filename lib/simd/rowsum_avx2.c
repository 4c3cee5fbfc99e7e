#include "rowsum.h"

#include <immintrin.h>

static inline void spill(__m256i v, int32_t *sums)
{
    __m256i low = _mm256_cvtepi16_epi32(_mm256_castsi256_si128(v));
    __m256i high = _mm256_cvtepi16_epi32(_mm256_extracti128_si256(v, 1));
    __m256i *s = (void *)sums;

    _mm256_storeu_si256(s, _mm256_add_epi32(_mm256_loadu_si256(s), low));
    _mm256_storeu_si256(s + 1, _mm256_add_epi32(_mm256_loadu_si256(s + 1), high));
}

void rowsum_avx2(const int8_t *table, const uint32_t *index, ptrdiff_t n, int32_t *sums)
{
    for (ptrdiff_t first = 0; first < n; first += 256) {
        ptrdiff_t end = MIN(n, first + 256);
        __m256i a = _mm256_setzero_si256(), b = a, c = a, d = a;
        for (ptrdiff_t i = first; i < end; i++) {
            const __m128i *row = (const void *)(table + (ptrdiff_t)index[i] * ROWSUM_WIDTH);
            a = _mm256_add_epi16(a, _mm256_cvtepi8_epi16(_mm_loadu_si128(row)));
            b = _mm256_add_epi16(b, _mm256_cvtepi8_epi16(_mm_loadu_si128(row + 1)));
            c = _mm256_add_epi16(c, _mm256_cvtepi8_epi16(_mm_loadu_si128(row + 2)));
            d = _mm256_add_epi16(d, _mm256_cvtepi8_epi16(_mm_loadu_si128(row + 3)));
        }
        spill(a, sums);
        spill(b, sums + 16);
        spill(c, sums + 32);
        spill(d, sums + 48);
    }
}
