#include "floatconv.h"

#include "cpu.h"

static const struct floatconv *const rows[] = {
    &floatconv_scalar,
#if defined(__x86_64__)
    &floatconv_avx2,
    &floatconv_avx512,
#endif
    NULL,
};

const struct floatconv *const *floatconv_rows(void)
{
    return rows;
}

const struct floatconv *floatconv(void)
{
    const struct floatconv *best = rows[0];

    for (int i = 1; rows[i]; i++)
        if (cpu_has(rows[i]->features))
            best = rows[i];
    return best;
}
