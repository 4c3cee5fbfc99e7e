#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "kernel_helper.h"
#include "simd/minhash.h"

enum { MOST = 256 };

static uint32_t *guarded_words(struct guarded *g, ptrdiff_t n)
{
    *g = guarded_new(n * 4);
    uint32_t *w = (uint32_t *)(void *)g->ptr;
    for (ptrdiff_t i = 0; i < n; i++)
        w[i] = (uint32_t)random_u64();
    return w;
}

/* All numbers of functions and values, buffers that end where memory ends, against the definition. */
static void check(minhash_fn *update)
{
    for (ptrdiff_t count = 0; count <= MOST; count += MINHASH_LANES)
        for (ptrdiff_t n = 0; n <= 257; n = n < 9 ? n + 1 : 2 * n - 3) {
            struct guarded ga, gb, gx, gm;
            uint32_t *a = guarded_words(&ga, count), *b = guarded_words(&gb, count);
            uint32_t *x = guarded_words(&gx, n), *min = guarded_words(&gm, count), want[MOST];
            for (ptrdiff_t i = 0; i < count; i++) {
                want[i] = min[i] = i % 3 ? UINT32_MAX : min[i];
                for (ptrdiff_t j = 0; j < n; j++)
                    want[i] = MIN(want[i], (uint32_t)(a[i] * x[j] + b[i]));
            }
            update(a, b, count, x, n, min);
            assert_memory_equal(min, want, (size_t)count * 4);
            guarded_free(ga), guarded_free(gb), guarded_free(gx), guarded_free(gm);
        }
}

static void scalar(void **state)
{
    (void)state;
    check(minhash_scalar);
}

#if defined(__x86_64__)
static void avx2(void **state)
{
    (void)state;
    if (!cpu_has(CPU_AVX2))
        skip();
    check(minhash_avx2);
}

static void avx512(void **state)
{
    (void)state;
    if (!cpu_has(CPU_AVX512))
        skip();
    check(minhash_avx512);
}
#endif

int main(void)
{
    cpu_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalar),
#if defined(__x86_64__)
        cmocka_unit_test(avx2),
        cmocka_unit_test(avx512),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
