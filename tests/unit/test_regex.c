#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "regex.h"

static struct regex *compile(const char *pattern, unsigned flags)
{
    struct err err = { 0 };
    struct regex *re = regex_new(slice_of(pattern), flags, &err);

    if (!re)
        fail_msg("%s", err.text);
    return re;
}

static enum regex_result search(const char *pattern, unsigned flags, const char *text,
                                struct regex_span *span)
{
    struct regex *re = compile(pattern, flags);
    struct regex_scratch *s = regex_scratch_new();
    enum regex_result result = regex_find(re, s, slice_of(text), 0, 0);

    if (result == REGEX_MATCH)
        *span = regex_group(s, 0);
    regex_scratch_free(s);
    regex_free(re);
    return result;
}

static void finds(void **state)
{
    (void)state;
    struct regex_span m;
    assert_int_equal(search("b+", 0, "aabbc", &m), REGEX_MATCH);
    assert_int_equal(m.start, 2);
    assert_int_equal(m.end, 4);
    assert_int_equal(search("B", 0, "aabbc", &m), REGEX_NONE);
    assert_int_equal(search("B", REGEX_CASELESS, "aabbc", &m), REGEX_MATCH);
    assert_int_equal(search("^b$", 0, "a\nb\nc", &m), REGEX_NONE);
    assert_int_equal(search("^b$", REGEX_MULTILINE, "a\nb\nc", &m), REGEX_MATCH);
    assert_int_equal(search("a.b", 0, "a\nb", &m), REGEX_NONE);
    assert_int_equal(search("a.b", REGEX_DOTALL, "a\nb", &m), REGEX_MATCH);
    assert_int_equal(search("\\w{4}", 0, "\xC3\xA9t\xC3\xA9s", &m), REGEX_NONE);
    assert_int_equal(search("\\w{4}", REGEX_UNICODE, "\xC3\xA9t\xC3\xA9s", &m), REGEX_MATCH);
    assert_int_equal(search("^.$", 0, "\xF0\x9F\x98\x80", &m), REGEX_MATCH);
}

static void names_groups(void **state)
{
    (void)state;
    struct regex *re = compile("(?<year>\\d+)-(x)?(\\d+)", 0);
    struct regex_scratch *s = regex_scratch_new();
    assert_int_equal(regex_group_count(re), 3);
    assert_int_equal(regex_group_number(re, SLICE("year")), 1);
    assert_int_equal(regex_group_number(re, SLICE("month")), -1);
    assert_int_equal(regex_find(re, s, SLICE("on 2024-07"), 0, 0), REGEX_MATCH);
    assert_int_equal(regex_group(s, 1).start, 3);
    assert_int_equal(regex_group(s, 2).start, -1);
    assert_int_equal(regex_group(s, 3).end, 10);
    regex_scratch_free(s);
    regex_free(re);
}

static void says_when_a_limit_is_hit(void **state)
{
    (void)state;
    static char text[40001];
    struct regex_span m;
    memset(text, 'a', sizeof text - 2);
    text[sizeof text - 2] = '!';
    assert_int_equal(search("(a+)+$", 0, text, &m), REGEX_LIMIT);
    assert_int_equal(
        search("(a|aa)+c", 0, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", &m),
        REGEX_NONE); /* the required last character is missing: no search at all */
}

static void refuses_bad_patterns(void **state)
{
    (void)state;
    struct err err = { 0 };
    assert_null(regex_new(SLICE("a(b"), 0, &err));
    assert_int_equal(err.class, ERR_USAGE);
    assert_non_null(strstr(err.text, "byte 3"));
    assert_null(regex_new(SLICE("a\\Cb"), 0, &err));
    assert_null(regex_new(SLICE("\xff"), 0, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds),
        cmocka_unit_test(names_groups),
        cmocka_unit_test(says_when_a_limit_is_hit),
        cmocka_unit_test(refuses_bad_patterns),
    };
    return cmocka_run_group_tests_name("regex", tests, NULL, NULL);
}
