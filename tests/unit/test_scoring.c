/* scoring.h and names.h against direct definitions; sequential.h by simulation. */
#include "stat/names.h"
#include "stat/scoring.h"
#include "stat/sequential.h"
#include "stat/stat.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_names(void **state)
{
    struct arena arena = { 0 };
    struct names n = { .arena = &arena };
    char text[16];

    (void)state;
    assert_int_equal(names_find(&n, SLICE("x")), -1);
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 5000; i++) {
            int len = snprintf(text, sizeof text, "id-%d", i);
            assert_int_equal(names_add(&n, slice_make(text, len)), i);
        }
    assert_int_equal(n.count, 5000);
    assert_int_equal(names_find(&n, SLICE("id-4999")), 4999);
    assert_int_equal(names_find(&n, SLICE("id-5000")), -1);
    assert_true(slice_eq(n.text[17], SLICE("id-17")));
    names_release(&n);
    arena_release(&arena);
}

/* By the textbook: one row and column at a time. */
static int64_t distance_by_table(const uint32_t *a, int n, const uint32_t *b, int m)
{
    int64_t *row = calloc((size_t)m + 1, sizeof *row);

    for (int j = 0; j <= m; j++)
        row[j] = j;
    for (int i = 1; i <= n; i++) {
        int64_t diagonal = row[0];
        row[0] = i;
        for (int j = 1; j <= m; j++) {
            int64_t up = row[j], best = diagonal + (a[i - 1] != b[j - 1]);
            best = MIN(best, MIN(up, row[j - 1]) + 1);
            diagonal = up;
            row[j] = best;
        }
    }
    int64_t d = row[m];
    free(row);
    return d;
}

static void test_distance(void **state)
{
    struct stat_rng rng = { 7 };
    struct arena arena = { 0 };
    uint32_t a[300], b[300];

    (void)state;
    for (int trial = 0; trial < 4000; trial++) {
        int n = (int)stat_rng_below(&rng, trial % 10 ? 70 : 300);
        int m = (int)stat_rng_below(&rng, trial % 7 ? 70 : 300);
        ptrdiff_t letters = 1 + stat_rng_below(&rng, 9);
        for (int i = 0; i < n; i++)
            a[i] = (uint32_t)stat_rng_below(&rng, letters) * 1000003;
        for (int i = 0; i < m; i++)
            b[i] = i < n && stat_rng_below(&rng, 4) ? a[i]
                                                    : (uint32_t)stat_rng_below(&rng, letters + 2);
        assert_int_equal(scoring_distance(a, n, b, m, &arena), distance_by_table(a, n, b, m));
        arena_reset(&arena);
    }
    arena_release(&arena);
}

static void test_texts(void **state)
{
    struct arena a = { 0 };

    (void)state;
    assert_true(slice_eq(scoring_answer(SLICE("  The  U.S.A., an Apple-Pie\n"), &a),
                         SLICE("usa applepie")));
    assert_true(slice_eq(scoring_answer(SLICE("a the an"), &a), SLICE("")));
    assert_true(slice_eq(scoring_answer(SLICE("\xC3\x84\xC2\xA0x"), &a), SLICE("\xC3\xA4 x")));
    assert_float_equal(scoring_token_f1(SLICE("the cat sat"), SLICE("a cat"), &a), 2.0 / 3, 1e-15);
    assert_float_equal(scoring_token_f1(SLICE("x x y"), SLICE("x x x"), &a), 2.0 / 3, 1e-15);
    assert_float_equal(scoring_token_f1(SLICE("the"), SLICE("!"), &a), 1, 0);
    assert_float_equal(scoring_token_f1(SLICE("cat"), SLICE(""), &a), 0, 0);
    struct scoring_edits w = scoring_word_edits(SLICE("a b  c d"), SLICE("a x c"), &a);
    assert_int_equal(w.edits, 2);
    assert_int_equal(w.length, 4);
    struct scoring_edits c = scoring_char_edits(SLICE("n\xC3\xA4he"), SLICE("nahe!"), &a);
    assert_int_equal(c.edits, 2);
    assert_int_equal(c.length, 4);
    arena_release(&a);
}

static void test_pass_and_rank(void **state)
{
    const double gain[] = { 0, 2, 0, 1 }, ideal[] = { 2, 1, 1 };

    (void)state;
    assert_float_equal(scoring_pass_at(5, 2, 1), 0.4, 1e-15);
    assert_float_equal(scoring_pass_at(5, 2, 3), 1 - 1.0 / 10, 1e-15);
    assert_float_equal(scoring_pass_at(5, 0, 3), 0, 0);
    assert_float_equal(scoring_pass_at(5, 3, 3), 1, 0);
    assert_true(isnan(scoring_pass_at(2, 1, 3)));
    struct scoring_ranking r = scoring_rank(gain, 4, ideal, 3, 2);
    assert_float_equal(r.recall, 1.0 / 3, 1e-15);
    assert_float_equal(r.reciprocal_rank, 0.5, 0);
    assert_float_equal(r.ndcg, (2 / log2(3)) / (2 + 1 / log2(3)), 1e-15);
    r = scoring_rank(gain, 0, ideal, 0, 5);
    assert_float_equal(r.recall + r.ndcg + r.reciprocal_rank, 0, 0);
    const double sure[] = { 0.95, 0.65, 0.61, 1.0 };
    const bool right[] = { true, false, true, true };
    assert_float_equal(scoring_ece(sure, right, 4, 10),
                       (fabs(0.95 + 1.0 - 2) + fabs(0.65 + 0.61 - 1)) / 4, 1e-15);
}

/* Looked at after each of 1,500 observations, at the edge of the hypothesis. */
static double ever_rejected(double p, double m, int trials, bool coarse)
{
    struct stat_rng rng = { 11 };
    int rejected = 0;

    for (int t = 0; t < trials; t++) {
        struct seq_test test;
        seq_test_init(&test, m);
        for (int i = 0; i < 1500 && test.peak < log(20); i++) {
            double x = stat_rng_unit(&rng) < p;
            seq_test_add(&test, coarse ? x : 0.5 * x + 0.5 * p);
        }
        rejected += test.peak >= log(20);
    }
    return (double)rejected / trials;
}

static void test_sequential(void **state)
{
    (void)state;
    assert_true(ever_rejected(0.5, 0.5, 1000, true) <= 0.05);
    assert_true(ever_rejected(0.02, 0.02, 1000, true) <= 0.05);
    assert_true(ever_rejected(0.5, 0.5, 1000, false) <= 0.05);
    assert_true(ever_rejected(0.45, 0.5, 300, true) <= 0.01);
    assert_true(ever_rejected(0.58, 0.5, 300, true) >= 0.99); /* power */
    assert_true(ever_rejected(0.06, 0.02, 300, true) >= 0.99);
}

static void test_sequential_more(void **state)
{
    struct seq_test t;

    (void)state;
    seq_test_init(&t, 0.5);
    assert_int_equal(seq_test_more(&t, log(20)), -1);
    for (int i = 0; i < 40; i++)
        seq_test_add(&t, i % 5 < 3);
    int64_t more = seq_test_more(&t, log(1e6)), added = 0;
    assert_true(more > 0);
    while (t.peak < log(1e6)) {
        seq_test_add(&t, added % 5 < 3);
        added++;
    }
    assert_true(added > more / 2 && added < more * 2);
    assert_int_equal(seq_test_more(&t, log(1e6)), 0);
}

static void test_ratio(void **state)
{
    struct stat_rng rng = { 3 };
    int alarms = 0;

    (void)state;
    assert_float_equal(seq_ratio(0, 0, 0.3), 0, 1e-12);
    assert_float_equal(exp(seq_ratio(1, 1, 0.25)), 2, 1e-9); /* (1/2) / (1/4) */
    for (int t = 0; t < 2000; t++) {
        int64_t canary = 0;
        bool alarm = false;
        for (int64_t n = 1; n <= 500; n++) {
            canary += stat_rng_unit(&rng) < 0.1;
            alarm = alarm || seq_ratio(n, canary, 0.1) >= log(20);
        }
        alarms += alarm;
    }
    assert_true(alarms <= 2000 * 0.05);
    assert_true(seq_ratio(2000, 260, 0.1) > log(100)); /* 13 % where 10 % should be */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),      cmocka_unit_test(test_distance),
        cmocka_unit_test(test_texts),      cmocka_unit_test(test_pass_and_rank),
        cmocka_unit_test(test_sequential), cmocka_unit_test(test_sequential_more),
        cmocka_unit_test(test_ratio),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
