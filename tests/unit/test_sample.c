/* sample.h: what is kept, in which proportions it is drawn, and that seeds decide. */
#include "model/occurrence.h"
#include "model/sample.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define VOCAB 8

static const float logits[VOCAB] = { 1, 3, -2, 3, 0.5f, 2, -1, 2.5f };

/* How often each token is drawn of 20,000 times. */
static void draw_many(struct sample_conf conf, const float *from, int64_t hits[VOCAB])
{
    struct sample_item work[VOCAB];
    uint64_t rng = sample_seed(1, 2);
    memset(hits, 0, VOCAB * sizeof *hits);
    for (int i = 0; i < 20000; i++)
        hits[sample_draw(&conf, &rng, from, VOCAB, work)]++;
}

/* The tokens of `kept` in proportion to their probability, the others never: within 5 standard
 * deviations. */
static void assert_drawn(struct sample_conf conf, unsigned kept)
{
    int64_t hits[VOCAB];
    double p[VOCAB], total = 0;
    draw_many(conf, logits, hits);
    for (int i = 0; i < VOCAB; i++) {
        p[i] = kept >> i & 1 ? exp((double)logits[i] / conf.temperature) : 0;
        total += p[i];
    }
    for (int i = 0; i < VOCAB; i++) {
        double want = 20000 * p[i] / total, sd = sqrt(want * (1 - p[i] / total));
        if (fabs((double)hits[i] - want) > 5 * sd)
            fail_msg("token %d: %lld draws, expected %g", i, (long long)hits[i], want);
    }
}

static void greedy(void **state)
{
    (void)state;
    static const float with_nan[] = { NAN, -1, NAN, 4, 4 }, infinite[] = { 0, INFINITY, 1 };
    struct sample_conf conf = { .temperature = 0, .top_p = 1 };
    struct sample_item work[VOCAB];
    uint64_t rng = 5;
    assert_int_equal(sample_greedy(logits, VOCAB), 1); /* the lower id among equals */
    assert_int_equal(sample_greedy(with_nan, 5), 3);
    assert_int_equal(sample_greedy(with_nan, 1), 0);
    assert_int_equal(sample_draw(&conf, &rng, logits, VOCAB, work), 1);
    assert_true(rng == 5); /* nothing was drawn */
    conf.temperature = 1;
    assert_int_equal(sample_draw(&conf, &rng, infinite, 3, work), 1);
}

static void proportions(void **state)
{
    (void)state;
    assert_drawn((struct sample_conf){ 1, 0, 1, 0 }, 0xff);
    assert_drawn((struct sample_conf){ 0.5, 0, 1, 0 }, 0xff);
    assert_drawn((struct sample_conf){ 2, 100, 1, 0 }, 0xff);
}

static void filters(void **state)
{
    (void)state;
    /* by weight: 1 and 3 (e^3 each), 7, 5, 0, 4, 6, 2; total of e^x is 64.6 */
    assert_drawn((struct sample_conf){ 1, 1, 1, 0 }, 1 << 1);
    assert_drawn((struct sample_conf){ 1, 2, 1, 0 }, 1 << 1 | 1 << 3);
    assert_drawn((struct sample_conf){ 1, 3, 1, 0 }, 1 << 1 | 1 << 3 | 1 << 7);
    assert_drawn((struct sample_conf){ 1, 0, 0.2, 0 }, 1 << 1);
    assert_drawn((struct sample_conf){ 1, 0, 0.5, 0 }, 1 << 1 | 1 << 3);
    assert_drawn((struct sample_conf){ 1, 0, 0.7, 0 }, 1 << 1 | 1 << 3 | 1 << 7);
    assert_drawn((struct sample_conf){ 1, 0, 1, 0.5 }, 1 << 1 | 1 << 3 | 1 << 7);
    assert_drawn((struct sample_conf){ 1, 0, 1, 1 }, 1 << 1 | 1 << 3);
    /* top_p counts what top_k left: 1 and 3 are 0.77 of the first three */
    assert_drawn((struct sample_conf){ 1, 3, 0.7, 0 }, 1 << 1 | 1 << 3);
    /* and the probability of all tokens when min_p comes after it */
    assert_drawn((struct sample_conf){ 1, 0, 0.9, 0.3 }, 1 << 1 | 1 << 3 | 1 << 7 | 1 << 5);
    assert_drawn((struct sample_conf){ 1, 0, 0.5, 0.1 }, 1 << 1 | 1 << 3);
}

static void seeds(void **state)
{
    (void)state;
    uint64_t a = sample_seed(0, 1), b = sample_seed(0, 1), c = sample_seed(1, 1);
    assert_true(a == b && a != c && a != sample_seed(0, 2) && c != sample_seed(0, 2));
    double sum = 0, least = 1, most = 0;
    for (int i = 0; i < 100000; i++) {
        double u = sample_uniform(&a);
        assert_true(u == sample_uniform(&b));
        sum += u;
        least = fmin(least, u);
        most = fmax(most, u);
    }
    assert_true(least >= 0 && least < 1e-3 && most < 1 && most > 0.999);
    assert_true(fabs(sum / 100000 - 0.5) < 0.005);
}

static void occurrences(void **state)
{
    (void)state;
    struct occurrence o = { 0 };
    for (uint64_t round = 0; round < 3; round++)
        for (uint64_t i = 0; i < 5000; i++)
            assert_true(occurrence_next(&o, i * 256) == round); /* equal low bits collide */
    assert_int_equal(o.count, 5000);
    occurrence_release(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(greedy), cmocka_unit_test(proportions), cmocka_unit_test(filters),
        cmocka_unit_test(seeds),  cmocka_unit_test(occurrences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
