#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "kernel_helper.h"
#include "simd/rowsum.h"
#include "text/lang.h"

#include <stdio.h>

static void compare(rowsum_fn *sum)
{
    struct guarded table = guarded_new(40 * ROWSUM_WIDTH);
    uint32_t index[1500];

    for (int i = 0; i < 40 * ROWSUM_WIDTH; i++)
        table.ptr[i] = (char)(i < 64 ? -127 : i < 128 ? 127 : (int)(random_u64() % 255) - 127);
    for (int n = 0; n <= 1500; n += n < 20 ? 1 : 37) {
        int32_t want[ROWSUM_WIDTH] = { 5, -7 }, got[ROWSUM_WIDTH] = { 5, -7 };
        for (int i = 0; i < n; i++)
            index[i] = n % 3 == 0 ? 0 : n % 3 == 1 ? 1 : (uint32_t)(random_u64() % 40);
        rowsum_scalar((int8_t *)table.ptr, index, n, want);
        sum((int8_t *)table.ptr, index, n, got);
        assert_memory_equal(want, got, sizeof got);
    }
    munmap(table.map, table.size);
}

static void kernels_agree(void **state)
{
    (void)state;
    cpu_init();
    compare(rowsum_pick());
#if defined(__x86_64__)
    if (cpu_has(CPU_AVX2))
        compare(rowsum_avx2);
#endif
}

static void lists_know_regions(void **state)
{
    (void)state;
    assert_true(lang_listed("en,pt", "pt_BR"));
    assert_false(lang_listed("en,pt_PT", "pt_BR"));
    assert_true(lang_listed("nb", "no"));
    assert_true(lang_listed("any", "und"));
    assert_false(lang_listed("e,den", "de"));
    assert_false(lang_listed("", "de"));
}

/* Every header that does not fit the file is refused. */
static void damaged_files_are_refused(void **state)
{
    (void)state;
    struct arena arena = { 0 };
    struct err err;
    char file[28 + 200 + 256 + 64] = "MRLANG1\n";
    uint32_t head[5] = { 64, 1, 4, 0x3f800000, 0 };
    ptrdiff_t len = 28;

    for (int i = 0; i < 64; i++)
        len += snprintf(file + len, 4, "%c%c\n", 'a' + i / 26, 'a' + i % 26);
    head[4] = (uint32_t)(len - 28);
    memcpy(file + 8, head, 20);
    len += 64 * 4 + 64;
    assert_non_null(lang_new(slice_make(file, len), &arena, &err));
    for (ptrdiff_t cut = 0; cut < len; cut++) {
        assert_null(lang_new(slice_make(file, cut), &arena, &err));
        assert_int_equal(err.class, ERR_CONFIG);
    }
    for (int i = 8; i < 28; i++) {
        char old = file[i];
        file[i] = (char)(old ^ 0xFF);
        bool scale = i >= 20 && i < 24;
        if (!scale)
            assert_null(lang_new(slice_make(file, len), &arena, &err));
        file[i] = old;
    }
    assert_string_equal(
        lang_of(lang_new(slice_make(file, len), &arena, &err), SLICE("12 !?")).label, "und");
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kernels_agree),
        cmocka_unit_test(lists_know_regions),
        cmocka_unit_test(damaged_files_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
