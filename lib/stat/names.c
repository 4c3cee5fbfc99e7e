#include "names.h"

#include "../hash.h"

#include <stdlib.h>

#define FIRST_SLOTS 256

static ptrdiff_t slot_of(const struct names *n, slice s)
{
    ptrdiff_t mask = n->slot_count - 1, i = (ptrdiff_t)hash64_of(s, 0) & mask;

    while (n->slots[i] && !slice_eq(n->text[n->slots[i] - 1], s))
        i = (i + 1) & mask;
    return i;
}

static void grow(struct names *n)
{
    if (n->count == n->cap) {
        n->cap = n->cap ? n->cap * 2 : FIRST_SLOTS / 2;
        n->text = realloc(n->text, (size_t)n->cap * sizeof *n->text);
        if (!n->text)
            mem_oom();
    }
    if (n->count * 3 < n->slot_count * 2)
        return;
    n->slot_count = n->slot_count ? n->slot_count * 2 : FIRST_SLOTS;
    free(n->slots);
    n->slots = calloc((size_t)n->slot_count, sizeof *n->slots);
    if (!n->slots)
        mem_oom();
    for (ptrdiff_t i = 0; i < n->count; i++)
        n->slots[slot_of(n, n->text[i])] = (int32_t)i + 1;
}

int32_t names_add(struct names *n, slice s)
{
    ASSERT(n->count < INT32_MAX);
    grow(n);
    ptrdiff_t at = slot_of(n, s);
    if (!n->slots[at]) {
        n->text[n->count++] = arena_dup(n->arena, s);
        n->slots[at] = (int32_t)n->count;
    }
    return n->slots[at] - 1;
}

int32_t names_find(const struct names *n, slice s)
{
    return n->slot_count ? n->slots[slot_of(n, s)] - 1 : -1;
}

void names_release(struct names *n)
{
    free(n->text);
    free(n->slots);
    *n = (struct names){ .arena = n->arena };
}
