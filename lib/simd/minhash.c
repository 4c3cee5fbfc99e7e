#include "minhash.h"

void minhash_scalar(const uint32_t *a, const uint32_t *b, ptrdiff_t count, const uint32_t *x,
                    ptrdiff_t n, uint32_t *min)
{
    for (ptrdiff_t j = 0; j < n; j++)
        for (ptrdiff_t i = 0; i < count; i++) {
            uint32_t h = a[i] * x[j] + b[i];
            min[i] = h < min[i] ? h : min[i];
        }
}

minhash_fn *minhash_pick(void)
{
#if defined(__x86_64__)
    if (cpu_has(CPU_AVX512))
        return minhash_avx512;
    if (cpu_has(CPU_AVX2))
        return minhash_avx2;
#endif
    return minhash_scalar;
}
