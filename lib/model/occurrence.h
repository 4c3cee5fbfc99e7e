/* occurrence.h: how often a 64-bit hash was seen: tells equal prompts without an id apart.
 *
 *     struct occurrence seen = { 0 };
 *     uint64_t nth = occurrence_next(&seen, hash64_of(prompt, 0));   // 0, 1, 2 ...
 *     occurrence_release(&seen);
 *
 * Memory: 16 bytes per different hash, at most twice that while it grows. Not thread-safe.
 */
#ifndef OCCURRENCE_H
#define OCCURRENCE_H

#include "../base.h"

struct occurrence {
    struct occurrence_entry *entries; /* open addressing, linear probing */
    ptrdiff_t count, cap;             /* cap is 0 or a power of two */
};

uint64_t occurrence_next(struct occurrence *o, uint64_t hash);
void occurrence_release(struct occurrence *o);

#endif
