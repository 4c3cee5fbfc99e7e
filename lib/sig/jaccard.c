#include "jaccard.h"

#include <stdlib.h>

/* A slot is a hash with two bits of it used as flags; 0 is an empty slot. */
#define IN_FIRST ((uint64_t)1)
#define IN_OTHER ((uint64_t)2)
#define FLAGS    (IN_FIRST | IN_OTHER)

static ptrdiff_t size_for(ptrdiff_t n)
{
    ptrdiff_t size = 64;

    while (size < 2 * n)
        size *= 2;
    return size;
}

static void reserve(uint64_t **at, ptrdiff_t *cap, ptrdiff_t size)
{
    if (*cap >= size)
        return;
    free(*at);
    *at = malloc((size_t)size * sizeof **at);
    if (!*at)
        mem_oom();
    *cap = size;
}

/* The slot of the hash: its own or an empty one. */
static uint64_t *slot(uint64_t *set, ptrdiff_t size, uint64_t hash)
{
    ptrdiff_t i = (ptrdiff_t)(hash >> 2) & (size - 1);

    while (set[i] && (set[i] ^ hash) & ~FLAGS)
        i = (i + 1) & (size - 1);
    return &set[i];
}

void jaccard_first(struct jaccard *j, const uint64_t *hashes, ptrdiff_t n)
{
    j->set_size = size_for(n);
    reserve(&j->set, &j->cap, j->set_size);
    memset(j->set, 0, (size_t)j->set_size * sizeof *j->set);
    j->distinct = 0;
    for (ptrdiff_t i = 0; i < n; i++) {
        uint64_t *s = slot(j->set, j->set_size, hashes[i]);
        j->distinct += !*s;
        *s = (hashes[i] & ~FLAGS) | IN_FIRST;
    }
}

double jaccard_with(struct jaccard *j, const uint64_t *hashes, ptrdiff_t n)
{
    ptrdiff_t size = size_for(j->distinct + n), common = 0, all = j->distinct;

    reserve(&j->both, &j->both_cap, size);
    if (size == j->set_size) {
        memcpy(j->both, j->set, (size_t)size * sizeof *j->both);
    } else {
        memset(j->both, 0, (size_t)size * sizeof *j->both);
        for (ptrdiff_t i = 0; i < j->set_size; i++)
            if (j->set[i])
                *slot(j->both, size, j->set[i]) = j->set[i];
    }
    for (ptrdiff_t i = 0; i < n; i++) {
        uint64_t *s = slot(j->both, size, hashes[i]);
        all += !*s;
        common += (*s & FLAGS) == IN_FIRST;
        *s = (hashes[i] & ~FLAGS) | (*s & FLAGS) | IN_OTHER;
    }
    return all ? (double)common / (double)all : 1;
}

void jaccard_release(struct jaccard *j)
{
    free(j->set);
    free(j->both);
    *j = (struct jaccard){ 0 };
}
