#include "occurrence.h"

#include <stdlib.h>

struct occurrence_entry {
    uint64_t hash, times; /* times 0: free */
};

static struct occurrence_entry *entry_of(struct occurrence_entry *entries, ptrdiff_t cap,
                                         uint64_t hash)
{
    ptrdiff_t i = (ptrdiff_t)(hash & (uint64_t)(cap - 1));
    while (entries[i].times && entries[i].hash != hash)
        i = (i + 1) & (cap - 1);
    return &entries[i];
}

static void grow(struct occurrence *o)
{
    ptrdiff_t cap = o->cap ? 2 * o->cap : 256;
    struct occurrence_entry *entries = calloc((size_t)cap, sizeof *entries);
    if (!entries)
        mem_oom();
    for (ptrdiff_t i = 0; i < o->cap; i++)
        if (o->entries[i].times)
            *entry_of(entries, cap, o->entries[i].hash) = o->entries[i];
    free(o->entries);
    o->entries = entries;
    o->cap = cap;
}

uint64_t occurrence_next(struct occurrence *o, uint64_t hash)
{
    if (2 * (o->count + 1) > o->cap)
        grow(o);
    struct occurrence_entry *e = entry_of(o->entries, o->cap, hash);
    if (!e->times)
        o->count++;
    e->hash = hash;
    return e->times++;
}

void occurrence_release(struct occurrence *o)
{
    free(o->entries);
    *o = (struct occurrence){ 0 };
}
