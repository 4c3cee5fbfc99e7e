#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "unicode.h"

static struct arena arena;

static void check(enum uni_form form, const char *in, const char *want)
{
    slice text = slice_of(in);
    slice got = uni_normalize(uni_norm_new(form, &arena), text, &arena);

    if (!slice_eq(got, slice_of(want)))
        fail_msg("'%s' gave '%.*s', not '%s'", in, SLICE_ARG(got), want);
    if (!strcmp(in, want))
        assert_ptr_equal(got.ptr, text.ptr);
}

static void normalizes(void **state)
{
    (void)state;
    check(UNI_NFC, "", "");
    check(UNI_NFC, "plain text, longer than a word", "plain text, longer than a word");
    check(UNI_NFC, "e\xCC\x81", "\xC3\xA9");
    check(UNI_NFC, "12345678e\xCC\x81 and more", "12345678\xC3\xA9 and more");
    check(UNI_NFC,
          "\xCC\x81"
          "e",
          "\xCC\x81"
          "e");
    check(UNI_NFD, "\xC3\xA9", "e\xCC\x81");
    check(UNI_NFC, "\xE2\x84\xAB", "\xC3\x85");     /* Angstrom sign */
    check(UNI_NFC, "\xEF\xAC\x81", "\xEF\xAC\x81"); /* fi ligature stays */
    check(UNI_NFKC, "\xEF\xAC\x81", "fi");
    check(UNI_NFKC, "\xEF\xBC\xA1\xEF\xBC\x91", "A1");
    check(UNI_NFC, "q\xCC\x87\xCC\xA3", "q\xCC\xA3\xCC\x87");               /* order of marks */
    check(UNI_NFC, "\xE1\x84\x80\xE1\x85\xA1\xE1\x86\xA8", "\xEA\xB0\x81"); /* Hangul */
    check(UNI_NFC, "\xEA\xB0\x80\xE1\x86\xA8", "\xEA\xB0\x81");
    check(UNI_NFD, "\xEA\xB0\x81", "\xE1\x84\x80\xE1\x85\xA1\xE1\x86\xA8");
    check(UNI_NFC, "\xE0\xA5\x98", "\xE0\xA4\x95\xE0\xA4\xBC"); /* composition exclusion */
}

/* 200,000 marks of alternating classes: a quadratic ordering would run for minutes. */
static void orders_long_runs_in_linear_time(void **state)
{
    (void)state;
    ptrdiff_t count = 200000;
    char *text = arena_alloc_raw(&arena, count * 2 + RECORD_PADDING, 1);
    for (ptrdiff_t i = 0; i < count; i++)
        memcpy(text + 2 * i, i & 1 ? "\xCC\xA3" : "\xCC\x87", 2);
    slice got = uni_normalize(uni_norm_new(UNI_NFC, &arena), slice_make(text, count * 2), &arena);
    assert_int_equal(got.len, count * 2);
    for (ptrdiff_t i = 0; i < count; i++)
        assert_memory_equal(got.ptr + 2 * i, i < count / 2 ? "\xCC\xA3" : "\xCC\x87", 2);
}

static void counts_code_points(void **state)
{
    (void)state;
    char text[600];
    for (ptrdiff_t len = 0; len < 600; len++) {
        ptrdiff_t want = 0;
        uint32_t seed = (uint32_t)len * 2654435761u + 1;
        for (ptrdiff_t i = 0; i < len; i++) {
            seed = seed * 1664525 + 1013904223;
            text[i] = (char)(seed >> 24);
            want += (text[i] & 0xC0) != 0x80;
        }
        assert_int_equal(uni_count(slice_make(text, len)), want);
    }
    char *many = arena_alloc_raw(&arena, 1 << 16, 1);
    memset(many, 0xBF, 1 << 16);
    assert_int_equal(uni_count(slice_make(many, 1 << 16)), 0);
}

static void encodes_what_it_decodes(void **state)
{
    (void)state;
    for (uint32_t cp = 0; cp < UNI_LIMIT; cp++) {
        char bytes[4];
        uint32_t back, behind;
        if (cp >= 0xD800 && cp < 0xE000)
            continue;
        int n = uni_encode(bytes, cp);
        assert_true(uni_decode(bytes, &back) == n && back == cp);
        assert_true(uni_decode_back(bytes, bytes + n, &behind) == n && behind == cp);
    }
}

static void knows_classes(void **state)
{
    (void)state;
    int spaces = 0;
    for (uint32_t cp = 0; cp < UNI_LIMIT; cp++) {
        int c = uni_category(cp);
        spaces += uni_is_space(cp);
        if (c >> 8 == 'Z')
            assert_true(uni_is_space(cp));
    }
    assert_int_equal(spaces, 25);
    assert_true(uni_category('a') == UNI_CATEGORY('L', 'l'));
    assert_int_equal(uni_lower(0xC9), 0xE9);
    assert_int_equal(uni_upper(0xE9), 0xC9);
    assert_int_equal(uni_lower('Q'), 'q');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(normalizes),         cmocka_unit_test(orders_long_runs_in_linear_time),
        cmocka_unit_test(counts_code_points), cmocka_unit_test(encodes_what_it_decodes),
        cmocka_unit_test(knows_classes),
    };
    return cmocka_run_group_tests_name("unicode", tests, NULL, NULL);
}
