/* stat.h: robust statistics of timings: what bench says, and nothing about how it was measured.
 *
 * Timings are skewed, have outliers and drift, so everything is built on medians: the median and
 * the MAD describe a series, a bootstrap interval describes the ratio of two, and the verdict reads
 * the interval only. Outliers are counted, never removed.
 *
 *     struct stat_summary s = stat_summarize(x, n, &arena);
 *     struct stat_interval r = stat_ratio(a, na, b, nb, false, 0.99, seed, &arena);
 *     switch (stat_verdict(r, 0.05)) ...
 *
 * Pure and thread-safe; the same input and seed give the same figures on every machine. Sources:
 * Hyndman & Fan 1996 (quantiles, type 7); Iglewicz & Hoaglin 1993 (outliers by MAD); Efron &
 * Tibshirani 1993 (percentile bootstrap); splitmix64 by Vigna.
 */
#ifndef STAT_H
#define STAT_H

#include "../arena.h"

/* ---- seeded numbers ---- */

struct stat_rng {
    uint64_t state;
};

uint64_t stat_rng_next(struct stat_rng *r);
/* Uniform in 0 .. n-1, without bias; n >= 1. */
ptrdiff_t stat_rng_below(struct stat_rng *r, ptrdiff_t n);
double stat_rng_unit(struct stat_rng *r);   /* uniform in [0, 1) */
double stat_rng_normal(struct stat_rng *r); /* mean 0, deviation 1 */

/* ---- one series ---- */

/* x sorted ascending, n >= 1, 0 <= q <= 1: linear between the neighbours. */
double stat_quantile(const double *sorted, ptrdiff_t n, double q);
/* The median of x; reorders x. n >= 1. */
double stat_median(double *x, ptrdiff_t n);

struct stat_summary {
    ptrdiff_t n, outliers; /* outliers: further than 3.5 scaled MADs from the median */
    double median, mad, mean, min, max, p05, p95; /* mad: as it is, not scaled; all 0 when n is 0 */
};
struct stat_summary stat_summarize(const double *x, ptrdiff_t n, struct arena *scratch);

/* ---- two series ---- */

struct stat_interval {
    double low, mid, high; /* of the ratio new / base */
    bool valid;            /* false: too few samples, or values that have no ratio (0 and less) */
    bool paired;
};

/* Fewest samples per series for which the interval is wide enough to be trusted: checked by
 * simulation over normal, skewed, bimodal and outlier-ridden noise (tests/unit/test_stat.c). */
#define STAT_MIN_SAMPLES 5
#define STAT_MIN_PAIRS   8

/* Interval of the ratio of medians, fresh / base, by bootstrap. interleaved: fresh[i] and base[i]
 * were measured side by side (n equal), so the median of the ratios of pairs is taken, which slow
 * drift of the machine does not move; with fewer than STAT_MIN_PAIRS of them the series count as
 * independent. confidence: 0.99. */
struct stat_interval stat_ratio(const double *fresh, ptrdiff_t fresh_n, const double *base,
                                ptrdiff_t base_n, bool interleaved, double confidence,
                                uint64_t seed, struct arena *scratch);

enum stat_verdict { STAT_INCONCLUSIVE, STAT_SAME, STAT_FASTER, STAT_SLOWER };

/* margin 0.05: less than 5 % does not matter. Slower and faster: the whole interval lies outside
 * 1 +- margin on one side. Same: all of it lies within. Else inconclusive. "Faster" is a smaller
 * value; it reads "less" where the figure is memory. */
enum stat_verdict stat_verdict(struct stat_interval ratio, double margin);
const char *stat_verdict_name(enum stat_verdict v); /* "faster" ... */

#endif
