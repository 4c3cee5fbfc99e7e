#include "bands.h"

#include <stdlib.h>

#define EMPTY (BANDS_NUMBER_MAX + 1)
#define FIRST 16

/* Bits of a key: the upper 32 are the tag, the lowest 12 the part. */
static uint32_t tag_of(uint64_t key)
{
    return (uint32_t)(key >> 32);
}

static struct bands_part *part_of(const struct bands *t, uint64_t key)
{
    return (struct bands_part *)&t->parts[key % BANDS_PARTS];
}

static uint32_t home_of(const struct bands_part *p, uint32_t tag)
{
    return (uint32_t)((uint64_t)tag * p->cap >> 32);
}

void bands_prefetch(const struct bands *t, uint64_t key)
{
    const struct bands_part *p = part_of(t, key);

    if (p->cap)
        __builtin_prefetch(p->at + home_of(p, tag_of(key)));
}

struct bands_hit bands_find(const struct bands *t, uint64_t key)
{
    const struct bands_part *p = part_of(t, key);
    struct bands_hit h = { .tag = tag_of(key) };

    if (!p->cap)
        return h;
    h.at = p->at + home_of(p, h.tag);
    h.end = p->at + p->size;
    while (h.at < h.end && h.at->number != EMPTY && h.at->tag < h.tag)
        h.at++;
    return h;
}

/* A new array of `cap` homes; entries stay in order, each at its home or behind the one before. */
static void rebuild(struct bands *t, struct bands_part *p, uint32_t cap)
{
    struct bands_part old = *p;
    uint32_t slack = MAX(FIRST, cap / 32), next = 0;

    for (bool fits = false; !fits; slack *= 2) {
        free(p->at == old.at ? NULL : p->at);
        p->cap = cap;
        p->size = cap + slack;
        p->at = malloc((size_t)p->size * sizeof *p->at);
        if (!p->at)
            mem_oom();
        memset(p->at, 0xFF, (size_t)p->size * sizeof *p->at);
        fits = true;
        next = 0;
        for (uint32_t i = 0; i < old.size && fits; i++) {
            if (old.at[i].number == EMPTY)
                continue;
            next = MAX(next, home_of(p, old.at[i].tag));
            fits = next + 1 < p->size;
            if (fits)
                p->at[next++] = old.at[i];
        }
    }
    t->bytes += ((int64_t)p->size - old.size) * (int64_t)sizeof *p->at;
    free(old.at);
}

void bands_add(struct bands *t, uint64_t key, uint32_t number)
{
    struct bands_part *p = part_of(t, key);
    uint32_t tag = tag_of(key);

    ASSERT(number <= BANDS_NUMBER_MAX);
    if ((p->count + 1) * 8 > (int64_t)p->cap * 7)
        rebuild(t, p, MAX(FIRST, p->cap + p->cap / 4));
    for (;;) {
        uint32_t i = home_of(p, tag);
        while (i < p->size && p->at[i].number != EMPTY && p->at[i].tag <= tag)
            i++;
        uint32_t end = i;
        while (end < p->size && p->at[end].number != EMPTY)
            end++;
        if (end < p->size) {
            memmove(p->at + i + 1, p->at + i, (end - i) * sizeof *p->at);
            p->at[i] = (struct bands_entry){ tag, number };
            p->count++;
            t->count++;
            return;
        }
        rebuild(t, p, p->cap + p->cap / 4); /* what was pushed on has reached the end */
    }
}

void bands_release(struct bands *t)
{
    for (int i = 0; i < BANDS_PARTS; i++)
        free(t->parts[i].at);
    *t = (struct bands){ 0 };
}
