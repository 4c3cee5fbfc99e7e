#include "stat.h"

#include <math.h>
#include <stdlib.h>

#define RESAMPLES     2000
#define MAD_TO_SIGMA  1.4826 /* of a normal distribution */
#define OUTLIER_SIGMA 3.5

/* ---- seeded numbers ---- */

uint64_t stat_rng_next(struct stat_rng *r)
{
    uint64_t z = r->state += 0x9E3779B97F4A7C15;

    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
}

/* Lemire's multiplication with rejection. */
ptrdiff_t stat_rng_below(struct stat_rng *r, ptrdiff_t n)
{
    uint64_t bound = (uint64_t)n;

    for (;;) {
        __uint128_t m = (__uint128_t)stat_rng_next(r) * bound;
        if ((uint64_t)m >= bound || (uint64_t)m >= -bound % bound)
            return (ptrdiff_t)(m >> 64);
    }
}

double stat_rng_unit(struct stat_rng *r)
{
    return (double)(stat_rng_next(r) >> 11) * 0x1p-53;
}

double stat_rng_normal(struct stat_rng *r)
{
    double u = 1 - stat_rng_unit(r); /* not 0 */

    return sqrt(-2 * log(u)) * cos(2 * M_PI * stat_rng_unit(r));
}

/* ---- one series ---- */

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

double stat_quantile(const double *sorted, ptrdiff_t n, double q)
{
    double at = q * (double)(n - 1);
    ptrdiff_t i = (ptrdiff_t)at;

    ASSERT(n >= 1 && q >= 0 && q <= 1);
    if (i + 1 >= n)
        return sorted[n - 1];
    return sorted[i] + (at - (double)i) * (sorted[i + 1] - sorted[i]);
}

/* Hoare's selection: x[k] is then what sorting would put there, smaller values before it. */
static double select_kth(double *x, ptrdiff_t n, ptrdiff_t k)
{
    ptrdiff_t low = 0, high = n - 1;

    while (low < high) {
        double pivot = x[low + (high - low) / 2];
        ptrdiff_t i = low, j = high;
        while (i <= j) {
            while (x[i] < pivot)
                i++;
            while (x[j] > pivot)
                j--;
            if (i <= j) {
                double t = x[i];
                x[i++] = x[j];
                x[j--] = t;
            }
        }
        if (k <= j)
            high = j;
        else if (k >= i)
            low = i;
        else
            break;
    }
    return x[k];
}

double stat_median(double *x, ptrdiff_t n)
{
    ASSERT(n >= 1);
    double upper = select_kth(x, n, n / 2), lower;

    if (n & 1)
        return upper;
    lower = x[0];
    for (ptrdiff_t i = 1; i < n / 2; i++)
        lower = MAX(lower, x[i]);
    return (lower + upper) / 2;
}

static double *sorted_copy(const double *x, ptrdiff_t n, struct arena *scratch)
{
    double *sorted = arena_new(scratch, double, n);

    memcpy(sorted, x, (size_t)n * sizeof *x);
    qsort(sorted, (size_t)n, sizeof *sorted, ascending);
    return sorted;
}

struct stat_summary stat_summarize(const double *x, ptrdiff_t n, struct arena *scratch)
{
    struct stat_summary s = { .n = n };

    if (n == 0)
        return s;
    double *sorted = sorted_copy(x, n, scratch), *distance = arena_new(scratch, double, n);
    s.median = stat_quantile(sorted, n, 0.5);
    s.min = sorted[0];
    s.max = sorted[n - 1];
    s.p05 = stat_quantile(sorted, n, 0.05);
    s.p95 = stat_quantile(sorted, n, 0.95);
    for (ptrdiff_t i = 0; i < n; i++) {
        s.mean += sorted[i] / (double)n;
        distance[i] = fabs(sorted[i] - s.median);
    }
    s.mad = stat_median(distance, n);
    for (ptrdiff_t i = 0; i < n; i++)
        s.outliers +=
            s.mad > 0 && fabs(sorted[i] - s.median) > OUTLIER_SIGMA * MAD_TO_SIGMA * s.mad;
    return s;
}

/* ---- two series ---- */

static bool all_positive(const double *x, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i++)
        if (!(x[i] > 0) || !isfinite(x[i]))
            return false;
    return true;
}

/* The median of n draws from sorted x, with replacement: draws are counted per place, so nothing is
 * sorted again. */
static double resampled_median(const double *sorted, ptrdiff_t n, uint32_t *count,
                               struct stat_rng *rng)
{
    ptrdiff_t seen = 0, i = -1;

    memset(count, 0, (size_t)n * sizeof *count);
    for (ptrdiff_t k = 0; k < n; k++)
        count[stat_rng_below(rng, n)]++;
    while (seen < (n + 1) / 2)
        seen += count[++i];
    double lower = sorted[i];
    while (seen < n / 2 + 1)
        seen += count[++i];
    return (lower + sorted[i]) / 2;
}

struct stat_interval stat_ratio(const double *fresh, ptrdiff_t fresh_n, const double *base,
                                ptrdiff_t base_n, bool interleaved, double confidence,
                                uint64_t seed, struct arena *scratch)
{
    struct stat_interval r = { .low = 1, .mid = 1, .high = 1 };
    struct stat_rng rng = { seed };
    ptrdiff_t n = MAX(fresh_n, base_n);

    if (n == 0 || !all_positive(fresh, fresh_n) || !all_positive(base, base_n))
        return r;
    if (MIN(fresh_n, base_n) == 0)
        return r;
    r.paired = interleaved && fresh_n == base_n && n >= STAT_MIN_PAIRS;
    double *above = sorted_copy(fresh, fresh_n, scratch);
    double *below = sorted_copy(base, base_n, scratch);
    for (ptrdiff_t i = 0; r.paired && i < n; i++)
        above[i] = fresh[i] / base[i];
    if (r.paired)
        qsort(above, (size_t)n, sizeof *above, ascending);
    r.mid = stat_quantile(above, fresh_n, 0.5) / (r.paired ? 1 : stat_quantile(below, base_n, 0.5));
    if (MIN(fresh_n, base_n) < STAT_MIN_SAMPLES) {
        r.low = r.high = r.mid;
        return r;
    }
    double *ratios = arena_new(scratch, double, RESAMPLES);
    uint32_t *count = arena_new(scratch, uint32_t, n);
    for (int i = 0; i < RESAMPLES; i++) {
        ratios[i] = resampled_median(above, fresh_n, count, &rng);
        if (!r.paired)
            ratios[i] /= resampled_median(below, base_n, count, &rng);
    }
    qsort(ratios, RESAMPLES, sizeof *ratios, ascending);
    r.low = stat_quantile(ratios, RESAMPLES, (1 - confidence) / 2);
    r.high = stat_quantile(ratios, RESAMPLES, (1 + confidence) / 2);
    r.valid = true;
    return r;
}

enum stat_verdict stat_verdict(struct stat_interval ratio, double margin)
{
    if (!ratio.valid)
        return STAT_INCONCLUSIVE;
    if (ratio.low > 1 + margin)
        return STAT_SLOWER;
    if (ratio.high < 1 - margin)
        return STAT_FASTER;
    if (ratio.low >= 1 - margin && ratio.high <= 1 + margin)
        return STAT_SAME;
    return STAT_INCONCLUSIVE;
}

const char *stat_verdict_name(enum stat_verdict v)
{
    static const char *const names[] = { "inconclusive", "same", "faster", "slower" };

    return names[v];
}
