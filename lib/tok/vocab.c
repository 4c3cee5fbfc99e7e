#include "vocab.h"

#include "../hash.h"

static ptrdiff_t table_size(ptrdiff_t entries, int *bits)
{
    *bits = 4;
    while (((ptrdiff_t)1 << *bits) < entries * 2)
        ++*bits;
    return (ptrdiff_t)1 << *bits;
}

void vocab_init(struct vocab *v, ptrdiff_t entries, ptrdiff_t size, struct arena *arena)
{
    int bits;
    ptrdiff_t slots = table_size(entries, &bits);

    *v = (struct vocab){ .size = size, .mask = (uint64_t)slots - 1 };
    v->text = arena_new(arena, slice, size);
    v->slots = arena_new(arena, uint64_t, slots);
}

/* The slot that holds the text, or the empty one where it belongs. */
static uint64_t *slot_of(const struct vocab *v, slice text, uint64_t hash)
{
    uint64_t at = hash & v->mask, tag = hash >> 32;

    for (;; at = (at + 1) & v->mask) {
        uint64_t slot = v->slots[at];
        if (slot == 0 || (slot >> 32 == tag && slice_eq(v->text[(uint32_t)slot - 1], text)))
            return &v->slots[at];
    }
}

bool vocab_add(struct vocab *v, slice text, uint32_t id)
{
    uint64_t hash = hash64_of(text, 0), *slot = slot_of(v, text, hash);

    if (*slot || v->text[id].ptr)
        return false;
    *slot = hash >> 32 << 32 | (id + 1);
    v->text[id] = text;
    v->count++;
    v->longest = MAX(v->longest, text.len);
    return true;
}

int64_t vocab_find(const struct vocab *v, slice text)
{
    uint64_t slot = *slot_of(v, text, hash64_of(text, 0));

    return (int64_t)(uint32_t)slot - 1;
}

bool vocab_is_joined(const struct vocab *v, ptrdiff_t id, slice left, slice right)
{
    slice text = id >= 0 && id < v->size ? v->text[id] : (slice){ NULL, 0 };

    return text.ptr && text.len == left.len + right.len &&
           memcmp(text.ptr, left.ptr, (size_t)left.len) == 0 &&
           memcmp(text.ptr + left.len, right.ptr, (size_t)right.len) == 0;
}

int64_t vocab_find_joined(const struct vocab *v, slice left, slice right, char *space)
{
    memcpy(space, left.ptr, (size_t)left.len);
    memcpy(space + left.len, right.ptr, (size_t)right.len);
    return vocab_find(v, slice_make(space, left.len + right.len));
}

uint64_t vocab_prefetch(const struct vocab *v, slice text)
{
    uint64_t hash = hash64_of(text, 0);

    __builtin_prefetch(&v->slots[hash & v->mask]);
    return hash;
}

int64_t vocab_find_hashed(const struct vocab *v, slice text, uint64_t hash)
{
    return (int64_t)(uint32_t)*slot_of(v, text, hash) - 1;
}

void merges_init(struct merges *m, ptrdiff_t count, struct arena *arena)
{
    int bits;
    ptrdiff_t slots = table_size(count, &bits);

    *m = (struct merges){ .mask = (uint64_t)slots - 1, .shift = 64 - bits, .count = count };
    m->slots = arena_alloc_raw(arena, slots * (ptrdiff_t)sizeof *m->slots, 64);
    memset(m->slots, 0xFF, (size_t)slots * sizeof *m->slots);
    m->filter_shift = 64 - MIN(bits + 3, 24);
    m->filter = arena_new(arena, uint64_t, (ptrdiff_t)1 << (64 - m->filter_shift - 6));
    m->pairs = arena_alloc_raw(arena, MAX(count, 1) * (ptrdiff_t)sizeof *m->pairs, 8);
}

void merges_add(struct merges *m, uint32_t left, uint32_t right, uint32_t rank, uint32_t id)
{
    uint64_t pair = (uint64_t)left << 32 | right, hash = pair * 0x9E3779B97F4A7C15u;
    uint64_t at = hash >> m->shift, bit = hash >> m->filter_shift;

    while (m->slots[at].pair != UINT64_MAX && m->slots[at].pair != pair)
        at = (at + 1) & m->mask;
    m->filter[bit / 64] |= (uint64_t)1 << (bit % 64);
    m->slots[at].pair = pair;
    m->slots[at].value = (uint64_t)rank << 32 | id;
    m->last = id;
    m->pairs[rank][0] = left;
    m->pairs[rank][1] = right;
}
