/* sample.h: chooses the next token from logits.
 *
 * Greedy: the largest logit, the lower id among equals. With a temperature, in the order of
 * transformers: logits / temperature, the top_k largest, the smallest set whose probability reaches
 * top_p (at least one), those with at least min_p of the largest probability; then one draw from
 * what is left. Equal logits rank by id. Arithmetic is double; weights below 2^-60 of the largest
 * count as zero.
 *
 * Random numbers depend on a seed alone (splitmix64), never on what else is in the batch. The
 * state of a record is made from the run's seed and a hash of the record, so its draws are the
 * same in any order, batch and number of threads.
 *
 *     uint64_t rng = sample_seed(seed, hash64_of(id, 0));
 *     uint32_t token = sample_draw(&conf, &rng, logits, vocab, work);
 *
 * Pure and thread-safe. Sources: Holtzman et al. 2019 (top-p), Minh et al. 2024 (min-p),
 * Steele et al. 2014 (splitmix64).
 */
#ifndef SAMPLE_H
#define SAMPLE_H

#include "../base.h"

struct sample_conf {
    double temperature; /* 0: greedy */
    int64_t top_k;      /* 0: all */
    double top_p;       /* 1: all */
    double min_p;       /* 0: all */
};

struct sample_item {
    double weight;
    uint32_t id;
};

uint64_t sample_seed(uint64_t seed, uint64_t record_hash);
/* The next number in [0, 1), 53 bits. */
double sample_uniform(uint64_t *rng);

uint32_t sample_greedy(const float *logits, ptrdiff_t count);
/* work: count items, overwritten. Logits that are not numbers are never drawn while others are. */
uint32_t sample_draw(const struct sample_conf *conf, uint64_t *rng, const float *logits,
                     ptrdiff_t count, struct sample_item *work);

#endif
