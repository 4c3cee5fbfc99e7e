#include "vec.h"
#include "vec_tables.h"

static const struct vec_kernels *const tables[] = {
    &vec_kernels_scalar,
#if defined(__x86_64__)
    &vec_kernels_avx2,
    &vec_kernels_avx512,
#elif defined(__aarch64__)
    &vec_kernels_neon,
#endif
};

const struct vec_kernels *vec_kernels(void)
{
    for (ptrdiff_t i = countof(tables) - 1; i > 0; i--)
        if (cpu_has(tables[i]->features))
            return tables[i];
    return tables[0];
}

const struct vec_kernels *const *vec_kernels_all(ptrdiff_t *count)
{
    *count = countof(tables);
    return tables;
}
