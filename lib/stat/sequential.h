/* sequential.h: tests that may be looked at after every record.
 *
 * seq_test is an e-process for "the mean of x is at most m", x in [0, 1]: the wealth of a gambler who
 * bets on x > m, averaged over a grid of bets. Under the hypothesis its expectation never exceeds 1,
 * so by Ville's inequality it ever reaches 1 / alpha with a chance of at most alpha, however often
 * and whenever one looks. No distribution is assumed, only the bounds.
 *
 * seq_ratio is the same for the shares of two arms: the Bayes factor of "the canary's share is not p"
 * (a uniform prior) against "it is p": a mismatch says that the split did not work.
 *
 *     struct seq_test t;
 *     seq_test_init(&t, 0.5);
 *     for (...) seq_test_add(&t, x);
 *     if (t.peak >= log(1 / 0.05)) ... the mean is larger than 0.5
 *
 * Pure. Sources: Waudby-Smith & Ramdas 2024, "Estimating means of bounded random variables by
 * betting"; Ville 1939; Lindon & Malek 2022 (sample ratio mismatch).
 */
#ifndef SEQUENTIAL_H
#define SEQUENTIAL_H

#include "../base.h"

#define SEQ_BETS 24

struct seq_test {
    double m;
    double bet[SEQ_BETS], wealth[SEQ_BETS]; /* wealth: logarithms */
    double now, peak;                       /* log of the mean wealth, and its maximum so far */
    int64_t n;
};

void seq_test_init(struct seq_test *t, double m); /* 0 < m < 1 */
void seq_test_add(struct seq_test *t, double x);
/* About how many more observations like the past ones bring `peak` to log_limit: -1 when they do
 * not speak against the hypothesis. */
int64_t seq_test_more(const struct seq_test *t, double log_limit);

/* Log of the Bayes factor for canary of all `n` records when its share should be p. */
double seq_ratio(int64_t n, int64_t canary, double p);

#endif
