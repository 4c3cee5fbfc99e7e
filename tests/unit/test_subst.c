#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "text/subst.h"

static struct arena arena;
static struct regex_scratch *scratch;

static enum subst_result apply(const char *spec, slice in, ptrdiff_t max, slice *out)
{
    struct err err = { 0 };
    struct subst *s = subst_parse(slice_of(spec), &arena, &err);
    int64_t count = 0;

    if (!s)
        fail_msg("%s: %s", spec, err.text);
    *out = in;
    return subst_apply(s, scratch, out, max, &count, &arena);
}

static void check(const char *spec, const char *in, const char *want)
{
    slice text = slice_of(in), got;
    enum subst_result r = apply(spec, text, 1000, &got);

    if (!slice_eq(got, slice_of(want)))
        fail_msg("%s: %s gave %s, not %s", spec, in, ERR_QUOTE(got), want);
    assert_true(r == SUBST_SAME ? got.ptr == text.ptr : r == SUBST_CHANGED);
}

/* Expected values are perl's (perl -pe 's/.../.../'). */
static void replaces(void **state)
{
    (void)state;
    check("/b/x/", "abba", "axba");
    check("/b/x/g", "abba", "axxa");
    check("s/b/x/g", "abba", "axxa");
    check("|/|\\||g", "a/b", "a|b");
    check("/z/x/g", "abba", "abba");
    check("/a*/x/g", "baac", "xbxxcx");
    check("/x*/-/g", "abc", "-a-b-c-");
    check("/x*/-/g", "\xC3\xA9\xE2\x82\xAC", "-\xC3\xA9-\xE2\x82\xAC-");
    check("/x*/-/", "", "-");
    check("/^/> /gm", "a\nb", "> a\n> b");
    check("/$/;/g", "a", "a;");
    check("/B/x/gi", "abB", "axx");
    check("/a.b/x/gs", "a\nb", "x");
    check("/ a  b /x/gx", "ab", "x");
    check("/\\w/x/gu", "\xC3\xA9", "x");
    check("/\\w/x/g", "\xC3\xA9", "\xC3\xA9");
    check("/\\b/|/g", "ab cd", "|ab| |cd|");
    check("/(?<=a)b/x/g", "abb", "axb");
    check("/a\\Kb/x/g", "abab", "axax");
}

static void fills_in_groups(void **state)
{
    (void)state;
    check("/(\\d+)-(\\d+)/$2-$1/", "10-20", "20-10");
    check("/(\\d+)-(\\d+)/\\2-\\1/", "10-20", "20-10");
    check("/(?<n>\\d)(x)?/<${n}${1}$2$0$&>/g", "1 2x", "<1111> <22x2x2x>");
    check("/a/$$1$/", "a", "$1$");
    check("/a/\\$\\n\\t\\\\/", "a", "$\n\t\\");
    check("/(a)/${1}0/", "a", "a0");
    check("/a//", "ba", "b");
}

static void names_what_is_wrong(void **state)
{
    (void)state;
    static const char *const bad[] = { "",       "abc",      "/a",       "/a/b",   "/(/x/",
                                       "/a/b/q", "/a/$1/",   "/a/${n}/", "/a/${/", "/a/\\q/",
                                       "a/b/c/", "\\a\\b\\", "/a/\xff/" };
    for (int i = 0; i < countof(bad); i++) {
        struct err err = { 0 };
        assert_null(subst_parse(slice_of(bad[i]), &arena, &err));
        assert_int_equal(err.class, ERR_USAGE);
    }
}

static void stays_within_bounds(void **state)
{
    (void)state;
    slice got;
    assert_int_equal(apply("/a/bbbb/g", SLICE("aaaa"), 16, &got), SUBST_CHANGED);
    assert_int_equal(got.len, 16);
    assert_int_equal(apply("/a/bbbb/g", SLICE("aaaa"), 15, &got), SUBST_TOO_LONG);
    static char text[40000];
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = '!';
    assert_int_equal(apply("/(a+)+$/x/", slice_make(text, sizeof text), 1 << 20, &got),
                     SUBST_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replaces),
        cmocka_unit_test(fills_in_groups),
        cmocka_unit_test(names_what_is_wrong),
        cmocka_unit_test(stays_within_bounds),
    };
    scratch = regex_scratch_new();
    return cmocka_run_group_tests_name("subst", tests, NULL, NULL);
}
