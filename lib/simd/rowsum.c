#include "rowsum.h"

void rowsum_scalar(const int8_t *table, const uint32_t *index, ptrdiff_t n, int32_t *sums)
{
    for (ptrdiff_t i = 0; i < n; i++) {
        const int8_t *row = table + (ptrdiff_t)index[i] * ROWSUM_WIDTH;
        for (int c = 0; c < ROWSUM_WIDTH; c++)
            sums[c] += row[c];
    }
}

rowsum_fn *rowsum_pick(void)
{
#if defined(__x86_64__)
    if (cpu_has(CPU_AVX512))
        return rowsum_avx512;
    if (cpu_has(CPU_AVX2))
        return rowsum_avx2;
#elif defined(__aarch64__)
    if (cpu_has(CPU_NEON))
        return rowsum_neon;
#endif
    return rowsum_scalar;
}
