/* vocab.h: token texts by id and ids by text; the merge table of BPE. Built once, then read-only.
 *
 * Texts are borrowed: they stay where the loader put them.
 *
 *     struct vocab v;
 *     vocab_init(&v, entries, highest_id + 1, arena);
 *     if (!vocab_add(&v, text, id)) ...          // the text is there already
 *     int64_t id = vocab_find(&v, SLICE("the"));
 */
#ifndef VOCAB_H
#define VOCAB_H

#include "../arena.h"

#define VOCAB_MAX_ID ((1u << 28) - 1) /* the word cache keeps counts in the upper bits */

struct vocab {
    slice *text;       /* by id, as in the file; ptr NULL: the id is not used */
    ptrdiff_t size;    /* ids are below it */
    ptrdiff_t count;   /* entries */
    ptrdiff_t longest; /* bytes of the longest text */
    uint64_t *slots;   /* upper half: part of the hash, lower half: id + 1; 0: empty */
    uint64_t mask;
};

void vocab_init(struct vocab *v, ptrdiff_t entries, ptrdiff_t size, struct arena *arena);
/* False when the text or the id is taken. id < size; at most `entries` calls. */
bool vocab_add(struct vocab *v, slice text, uint32_t id);
/* The id, or -1. */
int64_t vocab_find(const struct vocab *v, slice text);
/* The same in two steps, so that a loop over many texts does not wait for memory each time. */
uint64_t vocab_prefetch(const struct vocab *v, slice text);
int64_t vocab_find_hashed(const struct vocab *v, slice text, uint64_t hash);
/* Is this id left + right? */
bool vocab_is_joined(const struct vocab *v, ptrdiff_t id, slice left, slice right);
/* The id of left + right, or -1. `space` has room for both. */
int64_t vocab_find_joined(const struct vocab *v, slice left, slice right, char *space);

#define MERGE_NONE UINT64_MAX

struct merges {
    struct merge_slot {
        uint64_t pair;  /* left id << 32 | right id; UINT64_MAX: empty */
        uint64_t value; /* rank << 32 | id of the result */
    } * slots;
    uint64_t mask;
    int shift;
    uint64_t *filter; /* one bit per value of a hash: clear when no pair has it. Most look-ups
                             find nothing, and this fits into the cache */
    int filter_shift;
    ptrdiff_t count;
    uint32_t (*pairs)[2]; /* by rank, for export */
    int64_t last;         /* result of the merge that was added last */
};

void merges_init(struct merges *m, ptrdiff_t count, struct arena *arena);
/* The last of equal pairs holds, as in the reference. */
void merges_add(struct merges *m, uint32_t left, uint32_t right, uint32_t rank, uint32_t id);

/* rank << 32 | id of the result, or MERGE_NONE: the least value is the merge to do first. */
static inline uint64_t merges_find(const struct merges *m, uint32_t left, uint32_t right)
{
    uint64_t pair = (uint64_t)left << 32 | right, hash = pair * 0x9E3779B97F4A7C15u;
    uint64_t at = hash >> m->shift, bit = hash >> m->filter_shift;

    if (!(m->filter[bit / 64] >> (bit % 64) & 1))
        return MERGE_NONE;
    for (;; at = (at + 1) & m->mask) {
        const struct merge_slot *slot = &m->slots[at];
        if (slot->pair == pair)
            return slot->value;
        if (slot->pair == UINT64_MAX)
            return MERGE_NONE;
    }
}

#endif
