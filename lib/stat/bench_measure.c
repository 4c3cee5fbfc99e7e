/* Measuring and comparing of bench.h. */
#include "bench.h"

#include <math.h>
#include <stdlib.h>

#define CONFIDENCE 0.99
#define FIRST_ROOM 32

static void sample_add(struct bench_result *r, const double *sample, struct arena *arena)
{
    ptrdiff_t size = (ptrdiff_t)sizeof(double), more = r->cap ? r->cap * 2 : FIRST_ROOM;

    for (int m = 0; m < BENCH_MEASURES; m++) {
        if (r->count == r->cap)
            r->samples[m] =
                arena_grow(arena, r->samples[m], r->cap * size, more * size, _Alignof(double));
        r->samples[m][r->count] = sample[m];
    }
    if (r->count == r->cap)
        r->cap = more;
    r->count++;
}

bool bench_measure(struct bench *b, const struct bench_plan *plan, bench_once_fn *once, void *self,
                   struct arena *arena, struct err *err)
{
    struct stat_rng rng = { plan->seed };
    double sample[BENCH_MEASURES], total = 0;

    for (int64_t round = 0; round < BENCH_RUNS_MAX; round++) {
        bool warmup = round < plan->warmup;
        int first = b->count == 2 ? (int)stat_rng_below(&rng, 2) : 0;
        if (round >= plan->warmup + plan->runs && total >= (double)plan->min_time_ns / 1e9)
            break;
        for (int i = 0; i < b->count; i++) {
            int which = (first + i) % b->count;
            if (!once(self, which, round, warmup, sample, err))
                return false;
            if (warmup)
                continue;
            sample_add(&b->result[which], sample, arena);
            if (which == 0)
                total += sample[BENCH_WALL];
        }
    }
    return true;
}

struct stat_summary bench_summary(const struct bench_result *r, enum bench_measure m,
                                  struct arena *arena)
{
    ptrdiff_t reported = 0;

    for (ptrdiff_t i = 0; i < r->count; i++)
        reported += !isnan(r->samples[m][i]);
    /* A run that did not report makes the series incomparable: all or nothing. */
    return stat_summarize(r->samples[m], reported == r->count ? r->count : 0, arena);
}

struct stat_summary bench_rate(const struct bench_result *r, enum bench_measure amount,
                               struct arena *arena)
{
    double *rate = arena_new(arena, double, r->count);
    ptrdiff_t n = 0;

    if (amount == BENCH_PROMPT_TOKENS || amount == BENCH_COMPLETION_TOKENS) {
        enum bench_measure own =
            amount == BENCH_PROMPT_TOKENS ? BENCH_PROMPT_RATE : BENCH_COMPLETION_RATE;
        struct stat_summary s = bench_summary(r, own, arena);
        if (s.n)
            return s;
    }
    for (ptrdiff_t i = 0; i < r->count; i++) {
        double wall = r->samples[BENCH_WALL][i], x = r->samples[amount][i];
        if (wall > 0 && !isnan(x))
            rate[n++] = x / wall;
    }
    return stat_summarize(rate, n == r->count ? n : 0, arena);
}

void bench_compare(struct bench *b, const struct bench_result *base, bool interleaved,
                   const char *against, const struct bench_gate *gate, struct arena *arena)
{
    const struct bench_result *fresh = &b->result[0];
    enum bench_measure m = gate->measure;
    struct bench_comparison *c = &b->comparison;

    ASSERT(m < BENCH_COMPARABLE);
    *c = (struct bench_comparison){
        .done = true,
        .against = against,
        .measure = m,
        .confidence = CONFIDENCE,
        .margin = gate->margin,
        .min_difference = gate->min_difference,
        .gated = gate->fail,
        .same_host = gate->same_host,
    };
    c->fresh_median = bench_summary(fresh, m, arena).median;
    c->base_median = bench_summary(base, m, arena).median;
    c->ratio = stat_ratio(fresh->samples[m], fresh->count, base->samples[m], base->count,
                          interleaved, CONFIDENCE, (uint64_t)b->seed, arena);
    c->verdict = stat_verdict(c->ratio, gate->margin);
    /* The difference that is certain, in the measure's own unit. */
    double certain = (c->ratio.low - 1) * c->base_median;
    c->regression = gate->fail && gate->same_host && c->verdict == STAT_SLOWER &&
                    certain > gate->min_difference;
}

const char *bench_host_difference(const struct bench_host *base, const struct bench_host *now,
                                  struct arena *arena)
{
    const struct {
        const char *what, *was, *is;
    } row[] = { { "cpu", base->cpu, now->cpu },
                { "architecture", base->arch, now->arch },
                { "governor", base->governor, now->governor } };

    for (int i = 0; i < countof(row); i++)
        if (strcmp(row[i].was, row[i].is) != 0)
            return arena_printf(arena, "%s %s, now %s", row[i].what,
                                ERR_QUOTE(slice_of(row[i].was)), ERR_QUOTE(slice_of(row[i].is)))
                .ptr;
    if (base->cpus != now->cpus)
        return arena_printf(arena, "%lld CPUs, now %lld", (long long)base->cpus,
                            (long long)now->cpus)
            .ptr;
    return NULL;
}

/* ---- noise ---- */

#define NOISE_SPLITS 1000

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

double bench_noise(const struct bench_result *r, enum bench_measure m, uint64_t seed,
                   struct arena *arena)
{
    ptrdiff_t n = r->count, half = n / 2;
    struct stat_rng rng = { seed };
    double *x = arena_new(arena, double, n + 1), *half_x = arena_new(arena, double, n + 1);
    double *apart = arena_new(arena, double, NOISE_SPLITS);

    if (half < STAT_MIN_SAMPLES)
        return NAN;
    memcpy(x, r->samples[m], (size_t)n * sizeof *x);
    for (int split = 0; split < NOISE_SPLITS; split++) {
        for (ptrdiff_t i = n - 1; i > 0; i--) {
            ptrdiff_t k = stat_rng_below(&rng, i + 1);
            double swap = x[i];
            x[i] = x[k];
            x[k] = swap;
        }
        memcpy(half_x, x, (size_t)half * sizeof *x);
        double first = stat_median(half_x, half);
        memcpy(half_x, x + half, (size_t)half * sizeof *x);
        double second = stat_median(half_x, half);
        apart[split] = first > 0 && second > 0 ? MAX(first / second, second / first) - 1 : 0;
    }
    qsort(apart, NOISE_SPLITS, sizeof *apart, by_size);
    return stat_quantile(apart, NOISE_SPLITS, 0.99);
}
