/* lsh.h: MinHash signatures, and their bands as keys
 *
 * A signature has bands * rows minima (simd/minhash.h) of 32-bit values, the upper halves of shingle
 * hashes. Two texts with Jaccard similarity s agree in one minimum with probability s, and in all
 * rows of at least one band with probability 1 - (1 - s^rows)^bands (lsh_probability).
 *
 *     struct lsh l = { .bands = 14, .rows = 8 };
 *     lsh_optimal(0.8, 112, &l.bands, &l.rows);      // or choose them
 *     lsh_init(&l, &process_arena);
 *     uint32_t *sig = lsh_new(&l, &batch_arena);
 *     lsh_add(&l, hashes, n, sig);                   // any number of times
 *     lsh_keys(&l, sig, keys);
 *
 * The constants come from a generator with a fixed seed: signatures are the same everywhere and for
 * ever. Pure; read-only after lsh_init and shared by threads.
 *
 * Source: Broder, "On the resemblance and containment of documents" (1997); Leskovec, Rajaraman,
 * Ullman, "Mining of Massive Datasets", chapter 3; the choice of bands and rows as in datasketch.
 */
#ifndef LSH_H
#define LSH_H

#include "../arena.h"
#include "../simd/minhash.h"

#define LSH_PERMUTATIONS_MAX 4096

struct lsh {
    int bands, rows;  /* set by the caller; bands * rows <= LSH_PERMUTATIONS_MAX */
    ptrdiff_t count;  /* bands * rows */
    ptrdiff_t padded; /* rounded up to MINHASH_LANES */
    const uint32_t *a, *b;
    minhash_fn *update;
};

/* The pair with bands * rows <= permutations that has the least sum of false positives and false
 * negatives around the threshold: the integral of the probability below it plus that of the
 * complement above it, both weighted by one half; the first of equals, bands counted up. */
void lsh_optimal(double threshold, int permutations, int *bands, int *rows);
double lsh_probability(double similarity, int bands, int rows);

void lsh_init(struct lsh *l, struct arena *arena);
uint32_t *lsh_new(const struct lsh *l, struct arena *arena); /* l->padded maxima */
void lsh_add(const struct lsh *l, const uint64_t *hashes, ptrdiff_t n, uint32_t *signature);
void lsh_keys(const struct lsh *l, const uint32_t *signature, uint64_t *keys); /* one per band */
/* The share of equal minima: estimates the similarity. */
double lsh_estimate(const struct lsh *l, const uint32_t *x, const uint32_t *y);

#endif
