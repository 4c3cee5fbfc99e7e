#include "sequential.h"

#include <math.h>

/* Bets as shares of the largest one that cannot ruin: small ones for small differences. */
void seq_test_init(struct seq_test *t, double m)
{
    ASSERT(m > 0 && m < 1);
    *t = (struct seq_test){ .m = m };
    for (int i = 0; i < SEQ_BETS; i++)
        t->bet[i] = 0.9 * pow(0.75, i) / m;
}

void seq_test_add(struct seq_test *t, double x)
{
    double best = -INFINITY, sum = 0;

    ASSERT(x >= 0 && x <= 1);
    for (int i = 0; i < SEQ_BETS; i++) {
        t->wealth[i] += log1p(t->bet[i] * (x - t->m));
        best = MAX(best, t->wealth[i]);
    }
    for (int i = 0; i < SEQ_BETS; i++)
        sum += exp(t->wealth[i] - best);
    t->now = best + log(sum / SEQ_BETS);
    t->peak = MAX(t->peak, t->now);
    t->n++;
}

int64_t seq_test_more(const struct seq_test *t, double log_limit)
{
    double best = 0;

    for (int i = 0; i < SEQ_BETS; i++)
        best = MAX(best, t->wealth[i]);
    if (t->peak >= log_limit)
        return 0;
    if (t->n == 0 || best <= 0.5) /* less than chance gives */
        return -1;
    double need = (log_limit + log(SEQ_BETS) - best) / (best / (double)t->n);
    return need < 1 ? 1 : (int64_t)MIN(need, 1e15);
}

double seq_ratio(int64_t n, int64_t canary, double p)
{
    double a = (double)canary, b = (double)(n - canary);

    /* Beta(a + 1, b + 1) integrates the likelihood over a uniform share. */
    return lgamma(a + 1) + lgamma(b + 1) - lgamma(a + b + 2) - a * log(p) - b * log1p(-p);
}
