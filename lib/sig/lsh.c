#include "lsh.h"

#include "../hash.h"

#include <math.h>

double lsh_probability(double similarity, int bands, int rows)
{
    return 1 - pow(1 - pow(similarity, rows), bands);
}

/* Simpson's rule; the integrand is a polynomial, smooth on the interval. */
static double integral(double from, double to, int bands, int rows)
{
    enum { STEPS = 400 };
    double h = (to - from) / STEPS, sum = 0;

    for (int i = 0; i <= STEPS; i++) {
        double weight = i == 0 || i == STEPS ? 1 : i % 2 ? 4 : 2;
        sum += weight * lsh_probability(from + i * h, bands, rows);
    }
    return sum * h / 3;
}

void lsh_optimal(double threshold, int permutations, int *bands, int *rows)
{
    double least = INFINITY;

    *bands = *rows = 1;
    for (int b = 1; b <= permutations; b++)
        for (int r = 1; r <= permutations / b; r++) {
            double positives = integral(0, threshold, b, r);
            double negatives = (1 - threshold) - integral(threshold, 1, b, r);
            double error = 0.5 * positives + 0.5 * negatives;
            if (error < least) {
                least = error;
                *bands = b;
                *rows = r;
            }
        }
}

/* SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t next(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u;

    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

void lsh_init(struct lsh *l, struct arena *arena)
{
    uint64_t state = 1;

    ASSERT(l->bands > 0 && l->rows > 0 && l->bands * l->rows <= LSH_PERMUTATIONS_MAX);
    l->count = (ptrdiff_t)l->bands * l->rows;
    l->padded = ALIGN_UP(l->count, MINHASH_LANES);
    uint32_t *a = arena_new(arena, uint32_t, l->padded), *b = arena_new(arena, uint32_t, l->padded);
    for (ptrdiff_t i = 0; i < l->count; i++) {
        uint64_t r = next(&state);
        a[i] = (uint32_t)(r >> 32) | 1;
        b[i] = (uint32_t)r;
    }
    l->a = a;
    l->b = b;
    l->update = minhash_pick();
}

uint32_t *lsh_new(const struct lsh *l, struct arena *arena)
{
    uint32_t *signature = arena_alloc_raw(arena, l->padded * 4, 64);

    memset(signature, 0xFF, (size_t)l->padded * 4);
    return signature;
}

void lsh_add(const struct lsh *l, const uint64_t *hashes, ptrdiff_t n, uint32_t *signature)
{
    uint32_t x[512];

    for (ptrdiff_t i = 0; i < n;) {
        ptrdiff_t m = MIN(n - i, countof(x));
        for (ptrdiff_t j = 0; j < m; j++)
            x[j] = (uint32_t)(hashes[i + j] >> 32);
        l->update(l->a, l->b, l->padded, x, m, signature);
        i += m;
    }
}

void lsh_keys(const struct lsh *l, const uint32_t *signature, uint64_t *keys)
{
    for (int b = 0; b < l->bands; b++) {
        slice rows =
            slice_make((const char *)(signature + (ptrdiff_t)b * l->rows), (ptrdiff_t)l->rows * 4);
        keys[b] = hash64_of(rows, (uint64_t)b);
    }
}

double lsh_estimate(const struct lsh *l, const uint32_t *x, const uint32_t *y)
{
    ptrdiff_t same = 0;

    for (ptrdiff_t i = 0; i < l->count; i++)
        same += x[i] == y[i];
    return (double)same / (double)l->count;
}
