#include "piimask.h"

static const uint8_t kinds[256] = {
    ['0' ... '9'] = 1 | 2,
    ['A' ... 'Z'] = 2,
    ['a' ... 'z'] = 2,
    ['_'] = 2,
    [' '] = 4,
    ['\n'] = 4,
    ['@'] = 8,
    [':'] = 16,
    ['.'] = 32,
    ['-'] = 64,
};

void piimask_scalar(const char *text, ptrdiff_t blocks, struct piimask *out)
{
    for (ptrdiff_t b = 0; b < blocks; b++) {
        struct piimask m = { 0 };
        for (int i = 0; i < PIIMASK_BYTES; i++) {
            uint64_t k = kinds[(unsigned char)text[b * PIIMASK_BYTES + i]];
            m.digit |= (k & 1) << i;
            m.word |= (k >> 1 & 1) << i;
            m.blank |= (k >> 2 & 1) << i;
            m.at |= (k >> 3 & 1) << i;
            m.colon |= (k >> 4 & 1) << i;
            m.dot |= (k >> 5 & 1) << i;
            m.dash |= (k >> 6 & 1) << i;
        }
        out[b] = m;
    }
}

piimask_fn *piimask_pick(void)
{
#if defined(__x86_64__)
    if (cpu_has(CPU_AVX512))
        return piimask_avx512;
    if (cpu_has(CPU_AVX2))
        return piimask_avx2;
#elif defined(__aarch64__)
    if (cpu_has(CPU_NEON))
        return piimask_neon;
#endif
    return piimask_scalar;
}
