#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "text/expr.h"

#include <stdio.h>
#include <stdlib.h>

static struct arena arena;

static enum expr_result test(const char *source, const char *record)
{
    struct err err = { 0 };
    struct expr e;
    struct json_query q;
    struct json_span span;
    struct json_fault fault;
    slice text = arena_printf(&arena, "%s%*s", record, RECORD_PADDING, "");

    text.len = (ptrdiff_t)strlen(record);
    if (!expr_parse(&e, slice_of(source), &arena, &err))
        fail_msg("%s", err.text);
    assert_true(json_query_init(&q, &e.path, 1, &arena, &err));
    assert_true(json_scan(text, &q, &span, NULL, &fault));
    return expr_test(&e, text, span, &arena);
}

#define CHECK(source, record, want) assert_int_equal(test(source, record), want)

static void compares_numbers_exactly(void **state)
{
    (void)state;
    static const char *const ordered[] = {
        /* strictly increasing */
        "-1e400",
        "-9007199254740993",
        "-9007199254740992",
        "-2",
        "-1.5",
        "-1e-400",
        "0",
        "15e-1000000000000000000000",
        "1e-400",
        "0.1",
        "0.10000000000000000000001",
        "1",
        "1.5",
        "9007199254740992",
        "9007199254740993",
        "1e399",
        "1e400",
        "1e999999999999",
    };
    for (int i = 0; i < countof(ordered); i++)
        for (int j = 0; j < countof(ordered); j++)
            assert_int_equal(expr_compare_numbers(slice_of(ordered[i]), slice_of(ordered[j])),
                             (i > j) - (i < j));
    static const char *const equal[] = { "1",   "1.0",  "1.000",   "10e-1",  "0.1e1",
                                         "1E0", "1e+0", "0.001e3", "1000e-3" };
    for (int i = 0; i < countof(equal); i++)
        for (int j = 0; j < countof(equal); j++)
            assert_int_equal(expr_compare_numbers(slice_of(equal[i]), slice_of(equal[j])), 0);
    static const char *const zero[] = { "0", "-0", "0.0", "-0.00e5", "0e99999999999999999999" };
    for (int i = 0; i < countof(zero); i++)
        for (int j = 0; j < countof(zero); j++)
            assert_int_equal(expr_compare_numbers(slice_of(zero[i]), slice_of(zero[j])), 0);
}

/* Random multiples of 1/1000 against whole numbers. */
static void agrees_with_arithmetic(void **state)
{
    (void)state;
    uint64_t seed = 3;
    for (int i = 0; i < 200000; i++) {
        char text[2][48];
        double value[2];
        for (int k = 0; k < 2; k++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            int digits = (int)(seed >> 33 & 1023), places = (int)(seed >> 50 & 3);
            bool minus = seed >> 60 & 1;
            double scale[] = { 1, 10, 100, 1000 };
            value[k] = (minus ? -1.0 : 1.0) * digits * (1000 / scale[places]);
            snprintf(text[k], sizeof text[k], "%s%d%se-%d", minus ? "-" : "", digits,
                     seed >> 61 & 1 ? ".0" : "", places);
        }
        assert_int_equal(expr_compare_numbers(slice_of(text[0]), slice_of(text[1])),
                         (value[0] > value[1]) - (value[0] < value[1]));
    }
}

static void tests_members(void **state)
{
    (void)state;
    CHECK("n >= 10", "{\"n\":10}", EXPR_TRUE);
    CHECK("n>10", "{\"n\":1e1}", EXPR_FALSE);
    CHECK("n != 10", "{\"n\":11}", EXPR_TRUE);
    CHECK("meta.stars<10", "{\"meta\":{\"stars\":9.99}}", EXPR_TRUE);
    CHECK("n == 9007199254740993", "{\"n\":9007199254740992}", EXPR_FALSE);
    CHECK("s == en", "{\"s\":\"en\"}", EXPR_TRUE);
    CHECK("s == \"e\\u006e\"", "{\"s\":\"\\u0065n\"}", EXPR_TRUE);
    CHECK("s < \"b\"", "{\"s\":\"abc\"}", EXPR_TRUE);
    CHECK("s <= \"\"", "{\"s\":\"\"}", EXPR_TRUE);
    CHECK("b == true", "{\"b\":true}", EXPR_TRUE);
    CHECK("b == true", "{\"b\":false}", EXPR_FALSE);
    CHECK("b != true", "{\"b\":false}", EXPR_TRUE);
    CHECK("b == null", "{\"b\":null}", EXPR_TRUE);
    CHECK("b != null", "{\"b\":0}", EXPR_TRUE);
    CHECK("b == null", "{\"b\":0}", EXPR_MISMATCH);
    CHECK("n == 1", "{\"n\":\"1\"}", EXPR_MISMATCH);
    CHECK("n != 1", "{\"n\":\"1\"}", EXPR_TRUE);
    CHECK("n < 1", "{\"n\":[0]}", EXPR_MISMATCH);
    CHECK("n != 1", "{}", EXPR_MISSING);
    CHECK("n < 1", "{\"m\":0}", EXPR_MISSING);
}

static void refuses_what_is_no_comparison(void **state)
{
    (void)state;
    static const char *const bad[] = { "",         "a",        "a ==",      "== 1",
                                       "a = 1",    "a == 01",  "a == 1x",   "a == [1]",
                                       "a < true", "a == \"x", "a >= null", "a == {}" };
    for (int i = 0; i < countof(bad); i++) {
        struct err err = { 0 };
        struct expr e;
        if (expr_parse(&e, slice_of(bad[i]), &arena, &err))
            fail_msg("'%s' was accepted", bad[i]);
        assert_int_equal(err.class, ERR_USAGE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares_numbers_exactly),
        cmocka_unit_test(agrees_with_arithmetic),
        cmocka_unit_test(tests_members),
        cmocka_unit_test(refuses_what_is_no_comparison),
    };
    return cmocka_run_group_tests_name("expr", tests, NULL, NULL);
}
