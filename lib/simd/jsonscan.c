#include "jsonscan.h"

#include <stdatomic.h>

extern const struct jsonscan_row jsonscan_row_scalar, jsonscan_row_avx2, jsonscan_row_avx512,
    jsonscan_row_avx512vbmi, jsonscan_row_neon;

/* Worst first. */
static const struct jsonscan_row *const rows[] = {
    &jsonscan_row_scalar,
#if defined(__x86_64__)
    &jsonscan_row_avx2,
    &jsonscan_row_avx512,
    &jsonscan_row_avx512vbmi,
#elif defined(__aarch64__)
    &jsonscan_row_neon,
#endif
};

const struct jsonscan_row *const *jsonscan_rows(ptrdiff_t *count)
{
    *count = countof(rows);
    return rows;
}

static const struct jsonscan_row *best_row(void)
{
    const struct jsonscan_row *best = rows[0];

    for (ptrdiff_t i = 0; i < countof(rows); i++)
        if (cpu_has(rows[i]->features))
            best = rows[i];
    return best;
}

const struct jsonscan_row *jsonscan_kernel(void)
{
    /* One place per level, so that a later cpu_choose needs to reset nothing. Threads that fill it
     * at once store the same pointer. */
    static const struct jsonscan_row *_Atomic chosen[ISA_NEON + 1];
    const struct jsonscan_row *_Atomic *place = &chosen[cpu_isa()];
    const struct jsonscan_row *row = atomic_load_explicit(place, memory_order_relaxed);

    if (UNLIKELY(!row)) {
        row = best_row();
        atomic_store_explicit(place, row, memory_order_relaxed);
    }
    return row;
}
