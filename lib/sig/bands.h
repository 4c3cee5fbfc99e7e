/* bands.h: which records share a band key
 *
 * A multimap from 64-bit keys to record numbers that only grows. Entries have 8 bytes: 32 bits of the
 * key and a 32-bit number; 12 more bits of the key choose one of 4,096 parts, so that a look-up finds
 * others than its own with a probability of about 2^-44 per entry: callers verify what they are
 * given. A part is an array sorted by key with gaps (linear probing in key order), grown by a
 * quarter at 7/8 full: 9.1 to 11.5 bytes per entry, and growing one of 4,096 parts at a time needs
 * no moment at which all of it is held twice.
 *
 *     struct bands t = { 0 };
 *     bands_prefetch(&t, key);                         // some time before
 *     for (struct bands_hit h = bands_find(&t, key); bands_next(&h, &number);) ...
 *     bands_add(&t, key, number);
 *
 * Numbers of one key come out in the order in which they were added. One thread at a time.
 */
#ifndef BANDS_H
#define BANDS_H

#include "../base.h"

#define BANDS_PARTS      4096
#define BANDS_NUMBER_MAX 0xFFFFFFFEu

struct bands_entry {
    uint32_t tag, number; /* number BANDS_NUMBER_MAX + 1: empty */
};

struct bands {
    struct bands_part {
        struct bands_entry *at;
        int64_t count;
        uint32_t cap, size; /* home places, and with those behind them for what was pushed on */
    } parts[BANDS_PARTS];
    int64_t count;
    int64_t bytes;
};

struct bands_hit {
    const struct bands_entry *at, *end;
    uint32_t tag;
};

struct bands_hit bands_find(const struct bands *t, uint64_t key);
static inline bool bands_next(struct bands_hit *h, uint32_t *number)
{
    if (h->at == h->end || h->at->number > BANDS_NUMBER_MAX || h->at->tag != h->tag)
        return false;
    *number = h->at++->number;
    return true;
}
void bands_prefetch(const struct bands *t, uint64_t key);
void bands_add(struct bands *t, uint64_t key, uint32_t number);
void bands_release(struct bands *t);

#endif
