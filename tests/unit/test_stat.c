#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "stat/stat.h"

#include <math.h>
#include <stdio.h>

static struct arena arena;

static void near(double got, double want)
{
    if (fabs(got - want) > 1e-12 * MAX(1, fabs(want)))
        fail_msg("got %.17g, want %.17g", got, want);
}

static void test_quantiles(void **state)
{
    /* numpy.quantile([1, 2, 4, 8, 16], q) */
    static const double x[] = { 1, 2, 4, 8, 16 };

    (void)state;
    near(stat_quantile(x, 5, 0), 1);
    near(stat_quantile(x, 5, 0.05), 1.2);
    near(stat_quantile(x, 5, 0.5), 4);
    near(stat_quantile(x, 5, 0.95), 14.4);
    near(stat_quantile(x, 5, 1), 16);
    near(stat_quantile(x, 1, 0.3), 1);
}

static void test_median_of_any_order(void **state)
{
    struct stat_rng rng = { 1 };

    (void)state;
    for (ptrdiff_t n = 1; n < 60; n++)
        for (int round = 0; round < 20; round++) {
            double x[60], y[60];
            for (ptrdiff_t i = 0; i < n; i++)
                x[i] = y[i] = (double)stat_rng_below(&rng, round < 10 ? 5 : 1000);
            for (ptrdiff_t i = 1; i < n; i++) /* insertion sort: the reference */
                for (ptrdiff_t k = i; k > 0 && y[k] < y[k - 1]; k--) {
                    double t = y[k];
                    y[k] = y[k - 1];
                    y[k - 1] = t;
                }
            near(stat_median(x, n), n & 1 ? y[n / 2] : (y[n / 2 - 1] + y[n / 2]) / 2);
        }
}

static void test_summary(void **state)
{
    static const double x[] = { 10, 11, 9, 10.5, 9.5, 30 };
    struct stat_summary s = stat_summarize(x, 6, &arena);

    (void)state;
    near(s.median, 10.25);
    near(s.mad, 0.75);
    near(s.mean, 80.0 / 6);
    near(s.min, 9);
    near(s.max, 30);
    assert_int_equal(s.n, 6);
    assert_int_equal(s.outliers, 1);
    s = stat_summarize(x, 0, &arena);
    assert_int_equal(s.n, 0);
    static const double same[] = { 2, 2, 2 };
    s = stat_summarize(same, 3, &arena);
    near(s.mad, 0);
    assert_int_equal(s.outliers, 0);
}

static void test_rng(void **state)
{
    struct stat_rng a = { 0 };
    int hits[7] = { 0 };
    double sum = 0, squares = 0;

    (void)state;
    /* The first values of splitmix64 with state 0, from its author's page. */
    assert_true(stat_rng_next(&a) == 0xE220A8397B1DCDAF);
    assert_true(stat_rng_next(&a) == 0x6E789E6AA1B965F4);
    for (int i = 0; i < 70000; i++)
        hits[stat_rng_below(&a, 7)]++;
    for (int i = 0; i < 7; i++)
        assert_in_range(hits[i], 9500, 10500);
    for (int i = 0; i < 100000; i++) {
        double z = stat_rng_normal(&a);
        sum += z;
        squares += z * z;
    }
    assert_true(fabs(sum / 1e5) < 0.02 && fabs(squares / 1e5 - 1) < 0.03);
}

static void test_ratio_is_deterministic(void **state)
{
    static const double a[] = { 11, 12, 11, 13, 11, 12, 11, 12 };
    static const double b[] = { 10, 10, 11, 10, 10, 10, 11, 10 };
    struct stat_interval r = stat_ratio(a, 8, b, 8, true, 0.99, 7, &arena);
    struct stat_interval again = stat_ratio(a, 8, b, 8, true, 0.99, 7, &arena);

    (void)state;
    assert_true(r.valid && r.paired);
    assert_memory_equal(&r.low, &again.low, sizeof r.low);
    assert_memory_equal(&r.high, &again.high, sizeof r.high);
    assert_true(r.low <= r.mid && r.mid <= r.high);
    r = stat_ratio(a, 8, b, 7, true, 0.99, 7, &arena);
    assert_true(r.valid && !r.paired);
    near(r.mid, 11.5 / 10);
    r = stat_ratio(a, 7, b, 7, true, 0.99, 7, &arena);
    assert_true(r.valid && !r.paired);
    r = stat_ratio(a, 4, b, 8, false, 0.99, 7, &arena);
    assert_false(r.valid);
    near(r.mid, 11.5 / 10);
    static const double zero[] = { 0, 0, 0, 0, 0, 0, 0, 0 };
    assert_false(stat_ratio(a, 8, zero, 8, true, 0.99, 7, &arena).valid);
    assert_int_equal(stat_verdict(stat_ratio(a, 8, zero, 8, true, 0.99, 7, &arena), 0),
                     STAT_INCONCLUSIVE);
}

static void test_verdicts(void **state)
{
    struct stat_interval r = { .valid = true };

    (void)state;
    r.low = 1.06, r.mid = 1.1, r.high = 1.2;
    assert_int_equal(stat_verdict(r, 0.05), STAT_SLOWER);
    r.low = 1.04;
    assert_int_equal(stat_verdict(r, 0.05), STAT_INCONCLUSIVE);
    r.low = 0.96, r.high = 1.04;
    assert_int_equal(stat_verdict(r, 0.05), STAT_SAME);
    r.low = 0.8, r.high = 0.94;
    assert_int_equal(stat_verdict(r, 0.05), STAT_FASTER);
    r.high = 1.3;
    assert_int_equal(stat_verdict(r, 0.05), STAT_INCONCLUSIVE);
    assert_string_equal(stat_verdict_name(STAT_SLOWER), "slower");
}

/* ---- the verdict on a synthetic machine ---- */

/* One duration of a command whose true time is `seconds`. */
static double noisy(struct stat_rng *rng, int kind, double seconds)
{
    switch (kind) {
    case 0: /* a quiet machine */
        return seconds * exp(0.02 * stat_rng_normal(rng));
    case 1: /* skewed: most runs undisturbed, a tail */
        return seconds * (1 - 0.02 * log(1 - stat_rng_unit(rng)));
    case 2: /* one run in twenty takes half as long again */
        return seconds * exp(0.02 * stat_rng_normal(rng)) * (stat_rng_below(rng, 20) ? 1 : 1.5);
    default: /* a machine that nobody should measure on */
        return seconds * exp(0.12 * stat_rng_normal(rng));
    }
}

struct trials {
    int slower, faster, same;
};

/* 200 comparisons of `runs` samples each. drift: the machine gets slower during the measurement. */
static struct trials compare(int kind, ptrdiff_t runs, double factor, double margin,
                             bool interleaved, double drift)
{
    struct trials t = { 0 };
    struct stat_rng rng = { 42 };
    double a[64], b[64];

    for (int trial = 0; trial < 200; trial++) {
        for (ptrdiff_t i = 0; i < runs; i++) {
            double slow = 1 + drift * (double)i / (double)runs;
            a[i] = noisy(&rng, kind, 0.1 * factor) * slow;
            b[i] = noisy(&rng, kind, 0.1) * slow;
        }
        struct stat_interval r =
            stat_ratio(a, runs, b, runs, interleaved, 0.99, (uint64_t)trial, &arena);
        enum stat_verdict v = stat_verdict(r, margin);
        t.slower += v == STAT_SLOWER;
        t.faster += v == STAT_FASTER;
        t.same += v == STAT_SAME;
        arena_reset(&arena);
    }
    return t;
}

static void test_equal_commands_do_not_fail(void **state)
{
    (void)state;
    for (int kind = 0; kind < 4; kind++)
        for (int paired = 0; paired < 2; paired++)
            for (int runs = 5; runs <= 20; runs *= 2) {
                struct trials t = compare(kind, runs, 1.0, 0.05, paired, 0);
                if (t.slower > 2 || t.faster > 2)
                    fail_msg("noise %d, %d runs, paired %d: %d slower, %d faster of 200", kind,
                             runs, paired, t.slower, t.faster);
            }
}

static void test_a_planted_slowdown_is_caught(void **state)
{
    (void)state;
    for (int kind = 0; kind < 3; kind++)
        for (int paired = 0; paired < 2; paired++) {
            struct trials t = compare(kind, 30, 1.10, 0.05, paired, 0);
            struct trials back = compare(kind, 30, 1 / 1.10, 0.05, paired, 0);
            if (t.slower < 198 || back.faster + back.slower < 180 || back.slower)
                fail_msg("noise %d, paired %d: %d of 200 slower; the other way %d faster", kind,
                         paired, t.slower, back.faster);
        }
}

/* A machine that gets 40 % slower while it measures: pairs cancel what side-by-side runs share. */
static void test_drift_does_not_hide_or_invent(void **state)
{
    (void)state;
    assert_true(compare(0, 20, 1.10, 0.05, true, 0.4).slower >= 198);
    assert_true(compare(0, 20, 1.10, 0.05, false, 0.4).slower < 100);
    struct trials t = compare(0, 20, 1.0, 0.05, true, 0.4);
    assert_true(t.slower <= 2 && t.same >= 190);
}

static void test_a_noisy_machine_is_inconclusive(void **state)
{
    struct trials t = compare(3, 10, 1.10, 0.05, true, 0);

    (void)state;
    assert_true(t.slower + t.faster + t.same < 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quantiles),
        cmocka_unit_test(test_median_of_any_order),
        cmocka_unit_test(test_summary),
        cmocka_unit_test(test_rng),
        cmocka_unit_test(test_ratio_is_deterministic),
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_equal_commands_do_not_fail),
        cmocka_unit_test(test_a_planted_slowdown_is_caught),
        cmocka_unit_test(test_drift_does_not_hide_or_invent),
        cmocka_unit_test(test_a_noisy_machine_is_inconclusive),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
