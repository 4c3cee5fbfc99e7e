#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "kernel_helper.h"
#include <stdio.h>
#include "simd/piimask.h"
#include "text/pii.h"

static void compare(piimask_fn *classify)
{
    struct guarded g = guarded_new(4 * PIIMASK_BYTES);
    struct piimask want[4], got[4];

    for (int round = 0; round < 500; round++) {
        for (ptrdiff_t i = 0; i < 4 * PIIMASK_BYTES; i++)
            g.ptr[i] = (char)(round < 4 ? i + 64 * round : (ptrdiff_t)(random_u64() >> 40));
        for (ptrdiff_t blocks = 0; blocks <= 4; blocks++) {
            const char *at = g.ptr + (4 - blocks) * PIIMASK_BYTES;
            memset(got, 0xAA, sizeof got);
            memset(want, 0xAA, sizeof want);
            piimask_scalar(at, blocks, want);
            classify(at, blocks, got);
            assert_memory_equal(want, got, sizeof got);
        }
    }
    munmap(g.map, g.size);
}

static void kernels_agree(void **state)
{
    (void)state;
    cpu_init();
    compare(piimask_pick());
#if defined(__x86_64__)
    if (cpu_has(CPU_AVX2))
        compare(piimask_avx2);
#endif
}

static void masks_of_all_bytes(void **state)
{
    (void)state;
    char text[256];
    struct piimask m[4];

    for (int i = 0; i < 256; i++)
        text[i] = (char)i;
    piimask_scalar(text, 4, m);
    for (int i = 0; i < 256; i++) {
        bool digit = i >= '0' && i <= '9', letter = (i | 0x20) >= 'a' && (i | 0x20) <= 'z';
        int b = i / 64, k = i % 64;
        assert_int_equal(m[b].digit >> k & 1, digit);
        assert_int_equal(m[b].word >> k & 1, digit || (letter && i < 128) || i == '_');
        assert_int_equal(m[b].at >> k & 1, i == '@');
        assert_int_equal(m[b].blank >> k & 1, i == ' ' || i == '\n');
        assert_int_equal(m[b].colon >> k & 1, i == ':');
        assert_int_equal(m[b].dot >> k & 1, i == '.');
        assert_int_equal(m[b].dash >> k & 1, i == '-');
    }
}

static void patterns_match_at_a_place(void **state)
{
    (void)state;
    struct pii_nfa n;
    ptrdiff_t ends[PII_NFA_ENDS];

    pii_nfa_init(&n, "(a|bc)\\d{1,3}([- ]x)?", true);
    assert_int_equal(pii_nfa_match(&n, SLICE("zBC12-X"), 1, ends), 3);
    assert_int_equal(ends[0], 4);
    assert_int_equal(ends[1], 5);
    assert_int_equal(ends[2], 7);
    assert_int_equal(pii_nfa_match(&n, SLICE("b12"), 0, ends), 0);
    assert_true(pii_nfa_begins(&n, false, 1, PII_NEXT_DIGIT));
    assert_true(pii_nfa_begins(&n, false, 2, PII_NEXT_DIGIT));
    assert_false(pii_nfa_begins(&n, false, 3, PII_NEXT_DIGIT));
    assert_false(pii_nfa_begins(&n, false, 2, PII_NEXT_SPACE));
    assert_false(pii_nfa_begins(&n, true, 1, PII_NEXT_OTHER));
    pii_nfa_init(&n, "\\d{3}-\\d{2}|\\d{3} x?", true);
    assert_true(pii_nfa_begins(&n, true, 3, pii_behind(PII_NEXT_DASH, PII_NEXT_DIGIT)));
    assert_false(pii_nfa_begins(&n, true, 3, pii_behind(PII_NEXT_DASH, PII_NEXT_LETTER)));
    assert_true(pii_nfa_begins(&n, true, 3, pii_behind(PII_NEXT_SPACE, PII_NEXT_OTHER)));
    assert_false(pii_nfa_begins(&n, true, 3, pii_behind(PII_NEXT_DOT, PII_NEXT_DIGIT)));
    pii_nfa_init(&n, "[A-C]x", false);
    assert_int_equal(pii_nfa_match(&n, SLICE("Bx"), 0, ends), 1);
    assert_int_equal(pii_nfa_match(&n, SLICE("bx"), 0, ends), 0);
}

/* Every pattern of the table compiles, and one list can hold them all. */
static void the_whole_table_is_ready(void **state)
{
    (void)state;
    struct arena arena = { 0 };
    static struct pii p;
    struct err err;
    char names[4096];
    ptrdiff_t n = 0;

    for (int i = 0; i < pii_kind_count; i++)
        n += snprintf(names + n, sizeof names - (size_t)n, "%s%s", i ? "," : "", pii_kinds[i].name);
    assert_true(pii_add(&p, slice_make(names, n), &err));
    pii_ready(&p, &arena);
    assert_int_equal(p.rule_count, pii_pattern_count);
    assert_int_equal(pii_kind_find(SLICE("Email_Address")), PII_EMAIL);
    assert_int_equal(pii_kind_find(SLICE("mac")), PII_MAC);
    assert_false(pii_add(&p, SLICE("email,nothing"), &err));
    assert_int_equal(err.class, ERR_USAGE);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kernels_agree),
        cmocka_unit_test(masks_of_all_bytes),
        cmocka_unit_test(patterns_match_at_a_place),
        cmocka_unit_test(the_whole_table_is_ready),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
