/* jaccard.h: the true Jaccard similarity of two sets of shingles
 *
 * Shingles are compared by their 64-bit hashes (shingle.h), of which 62 bits count: two different
 * shingles of a pair of texts with a thousand each are taken for one with a probability of 1e-13.
 *
 *     struct jaccard j = { 0 };
 *     jaccard_first(&j, hashes, n);             // the set that several others are compared with
 *     double s = jaccard_with(&j, other, m);
 *     jaccard_release(&j);
 *
 * Both empty: 1; one empty: 0 (as text-dedup). Pure; one thread at a time per struct.
 */
#ifndef JACCARD_H
#define JACCARD_H

#include "../base.h"

struct jaccard {
    uint64_t *set, *both;    /* open addressing; the first set, and a copy that takes the other */
    ptrdiff_t cap, both_cap; /* powers of two */
    ptrdiff_t set_size, distinct;
};

void jaccard_first(struct jaccard *j, const uint64_t *hashes, ptrdiff_t n);
double jaccard_with(struct jaccard *j, const uint64_t *hashes, ptrdiff_t n);
void jaccard_release(struct jaccard *j);

#endif
