#include "ngram.h"

#include <stdlib.h>

#define BASE 0x9E6C63D0676A9A99u /* odd, from a random source */
#define SPACE_VALUE byte_value(' ')
#define EPOCH_BITS 16

struct ngram_slot {
    uint64_t key; /* 48 bits of hash, 16 of epoch */
    uint32_t count, first;
};

static inline uint64_t byte_value(unsigned char b)
{
    return b + 0x101u;
}

static uint64_t hash_bytes(const char *p, uint32_t len, uint64_t *power)
{
    uint64_t h = 0, w = 1;
    uint32_t i = 0;

    for (; i + 4 <= len; i += 4) {
        const unsigned char *b = (const unsigned char *)p + i;
        h = h * (BASE * BASE * BASE * BASE) + byte_value(b[0]) * (BASE * BASE * BASE) +
            byte_value(b[1]) * (BASE * BASE) + byte_value(b[2]) * BASE + byte_value(b[3]);
        w *= BASE * BASE * BASE * BASE;
    }
    for (; i < len; i++) {
        h = h * BASE + byte_value((unsigned char)p[i]);
        w *= BASE;
    }
    *power = w;
    return h;
}

void ngrams_init(struct ngrams *g, struct ngram_table *table, slice text, const struct word *words,
                 ptrdiff_t count, struct arena *arena)
{
    *g = (struct ngrams){ .words = words, .count = count, .n = 1, .table = table };
    uint64_t *v = arena_alloc_raw(arena, count * 4 * 8, 8);
    g->plain = v;
    g->spaced = v + count;
    g->word = v + 2 * count;
    g->power = v + 3 * count;
    for (ptrdiff_t i = 0; i < count; i++)
        g->word[i] = hash_bytes(text.ptr + words[i].start, words[i].len, &g->power[i]);
    if (count) {
        memcpy(g->plain, g->word, (size_t)count * 8);
        memcpy(g->spaced, g->word, (size_t)count * 8);
    }
}

void ngrams_next(struct ngrams *g)
{
    ptrdiff_t n = g->n++;

    for (ptrdiff_t i = 0; i + n < g->count; i++) {
        uint64_t power = g->power[i + n], word = g->word[i + n];
        g->plain[i] = g->plain[i] * power + word;
        g->spaced[i] = (g->spaced[i] * BASE + SPACE_VALUE) * power + word;
    }
}

/* ---- the table ---- */

static ptrdiff_t table_begin(struct ngram_table *t, ptrdiff_t grams)
{
    ptrdiff_t cap = 64;

    while (cap < 2 * grams)
        cap *= 2;
    if (cap > t->cap || t->epoch == (1u << EPOCH_BITS) - 1) {
        free(t->slots);
        t->cap = MAX(cap, t->cap);
        t->slots = calloc((size_t)t->cap, sizeof *t->slots);
        if (!t->slots)
            mem_oom();
        t->epoch = 0;
    }
    t->epoch++;
    return cap - 1;
}

/* The slot of the hash: found (*is_new false) or free. A part of the table is used, so that short
 * texts stay in the cache; what older texts left there has another epoch and counts as free. */
static inline struct ngram_slot *table_slot(struct ngram_table *t, ptrdiff_t mask, uint64_t hash,
                                            bool *is_new)
{
    hash = (hash ^ hash >> 32) * 0xD6E8FEB86659FD93u;
    hash ^= hash >> 32;
    uint64_t key = hash << EPOCH_BITS | t->epoch;
    for (ptrdiff_t at = (ptrdiff_t)(hash >> EPOCH_BITS) & mask;; at = (at + 1) & mask) {
        struct ngram_slot *s = &t->slots[at];
        if (s->key == key) {
            *is_new = false;
            return s;
        }
        if ((s->key & ((1u << EPOCH_BITS) - 1)) != t->epoch) {
            s->key = key;
            *is_new = true;
            return s;
        }
    }
}

void ngram_table_release(struct ngram_table *t)
{
    free(t->slots);
    *t = (struct ngram_table){ 0 };
}

/* ---- the measures ---- */

static int64_t chars_of(const struct ngrams *g, ptrdiff_t i)
{
    int64_t chars = 0;

    for (int k = 0; k < g->n; k++)
        chars += g->words[i + k].chars;
    return chars;
}

int64_t ngrams_top_chars(struct ngrams *g)
{
    ptrdiff_t grams = g->count - g->n + 1;
    uint32_t best = 0, first = 0;

    if (grams <= 0)
        return 0;
    ptrdiff_t mask = table_begin(g->table, grams);
    for (ptrdiff_t i = 0; i < grams; i++) {
        bool is_new;
        struct ngram_slot *s = table_slot(g->table, mask, g->spaced[i], &is_new);
        if (is_new) {
            s->count = 0;
            s->first = (uint32_t)i;
        }
        s->count++;
        if (s->count > best || (s->count == best && s->first < first)) {
            best = s->count;
            first = s->first;
        }
    }
    return (chars_of(g, first) + g->n - 1) * best;
}

int64_t ngrams_duplicate_chars(struct ngrams *g)
{
    ptrdiff_t grams = g->count - g->n + 1;
    int64_t chars = 0;

    if (grams <= 0)
        return 0;
    ptrdiff_t mask = table_begin(g->table, grams);
    for (ptrdiff_t i = 0; i < grams;) {
        bool is_new;
        table_slot(g->table, mask, g->plain[i], &is_new);
        if (!is_new)
            chars += chars_of(g, i);
        i += is_new ? 1 : g->n;
    }
    return chars;
}
