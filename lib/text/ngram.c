#include "ngram.h"

#include <stdlib.h>

#define BASE       0x9E6C63D0676A9A99u /* odd, from a random source */
#define MIX        0xD6E8FEB86659FD93u
#define EPOCH_BITS 16

struct ngram_count {
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
    *g = (struct ngrams){
        .words = words, .count = count, .n = 1, .table = table, .text = text, .arena = arena
    };
    g->word = arena_alloc_raw(arena, count * 8, 8);
    g->run = arena_alloc_raw(arena, count * 8, 8);
    g->prefix = arena_alloc_raw(arena, (count + 1) * 8, 8);
    g->place = arena_alloc_raw(arena, (count + 1) * 4, 4);
    g->bucket = arena_alloc_raw(arena, count * 4, 4);
    g->candidates = arena_alloc_raw(arena, count * 4, 4);
    g->mask = 1023;
    while (g->mask < 8 * count)
        g->mask = 2 * g->mask + 1;
    g->seen = arena_alloc_raw(arena, g->mask + 1, 1);
    g->prefix[0] = 0;
    if (!table->powers[0])
        for (int i = 0; i < NGRAM_POWERS; i++)
            table->powers[i] = i ? table->powers[i - 1] * BASE : 1;
    for (ptrdiff_t i = 0; i < count; i++) {
        uint64_t power;
        g->word[i] = g->run[i] = hash_bytes(text.ptr + words[i].start, words[i].len, &power);
        g->prefix[i + 1] = g->prefix[i] * power + g->word[i];
    }
}

static uint64_t mix(uint64_t hash)
{
    hash = (hash ^ hash >> 32) * MIX;
    return hash ^ hash >> 32;
}

/* The words joined by nothing; place[i] is where word i begins, place[count] the end. */
static const char *join(struct ngrams *g)
{
    char *out = arena_alloc_raw(g->arena, g->text.len + RECORD_PADDING, 1), *p = out;

    for (ptrdiff_t i = 0; i < g->count; i++) {
        const struct word *w = &g->words[i];
        g->place[i] = (uint32_t)(p - out);
        /* Both sides have room for 16 bytes: most words are one load and store. */
        memcpy(p, g->text.ptr + w->start, 16);
        if (w->len > 16)
            memcpy(p + 16, g->text.ptr + w->start + 16, w->len - 16);
        p += w->len;
    }
    g->place[g->count] = (uint32_t)(p - out);
    memset(p, 0, NGRAM_PREFIX);
    return out;
}

static void find_candidates(struct ngrams *g)
{
    const char *joined = join(g);

    memset(g->seen, 0, (size_t)g->mask + 1);
    for (ptrdiff_t i = 0; i < g->count; i++) {
        const char *p = joined + g->place[i];
        uint64_t hash = (load_u64(p) * 0x9E3779B97F4A7C15u ^ load_u64(p + 8)) * MIX;
        g->bucket[i] = (uint32_t)(hash >> 40 & (uint64_t)g->mask);
        g->seen[g->bucket[i]] += g->seen[g->bucket[i]] < 2;
    }
    /* Five words of fewer bytes than the prefix may be repeated though the prefix is not. */
    g->candidate_count = 0;
    for (ptrdiff_t i = 0; i + 5 <= g->count; i++)
        if (g->seen[g->bucket[i]] > 1 || g->place[i + 5] - g->place[i] < NGRAM_PREFIX)
            g->candidates[g->candidate_count++] = (uint32_t)i;
}

void ngrams_next(struct ngrams *g)
{
    ptrdiff_t n = g->n++;

    if (n < NGRAM_TOP_MAX)
        for (ptrdiff_t i = 0; i + n < g->count; i++)
            g->run[i] = g->run[i] * MIX + g->word[i + n];
    if (g->n == 5)
        find_candidates(g);
}

static uint64_t base_power(const struct ngram_table *t, uint32_t n)
{
    uint64_t result = 1;

    if (n < NGRAM_POWERS)
        return t->powers[n];
    for (uint64_t square = BASE; n; n >>= 1, square *= square)
        if (n & 1)
            result *= square;
    return result;
}

/* Of the bytes of words i to i + n, joined: the hash up to the end less what stands before. */
static uint64_t joined_hash(const struct ngrams *g, ptrdiff_t i)
{
    return g->prefix[i + g->n] -
           g->prefix[i] * base_power(g->table, g->place[i + g->n] - g->place[i]);
}

/* ---- the table ---- */

static ptrdiff_t table_begin(struct ngram_table *t, ptrdiff_t grams)
{
    ptrdiff_t cap = 64;

    while (cap < 2 * grams)
        cap *= 2;
    if (cap > t->cap || t->epoch == (1u << EPOCH_BITS) - 1) {
        free(t->keys);
        free(t->counts);
        t->cap = MAX(cap, t->cap);
        t->epoch = 0;
        t->keys = calloc((size_t)t->cap, sizeof *t->keys);
        t->counts = malloc((size_t)t->cap * sizeof *t->counts);
        if (!t->keys || !t->counts)
            mem_oom();
    }
    t->epoch++;
    return cap - 1;
}

/* The place of the hash; *is_new when it was not there. A part of the table is used, so that short
 * texts stay in the cache; what older texts left there has another epoch and counts as free. */
static inline ptrdiff_t table_place(uint64_t *keys, uint32_t epoch, ptrdiff_t mask, uint64_t hash,
                                    bool *is_new)
{
    hash = mix(hash);
    uint64_t key = hash << EPOCH_BITS | epoch;
    for (ptrdiff_t at = (ptrdiff_t)(hash >> EPOCH_BITS) & mask;; at = (at + 1) & mask) {
        if ((*is_new = (keys[at] ^ epoch) & ((1u << EPOCH_BITS) - 1)))
            keys[at] = key;
        if (keys[at] == key)
            return at;
    }
}

void ngram_table_release(struct ngram_table *t)
{
    free(t->keys);
    free(t->counts);
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
    uint32_t best = 1, first = 0; /* the first n-gram, should all be unique */

    ASSERT(g->n <= NGRAM_TOP_MAX);
    if (grams <= 0)
        return 0;
    memset(g->seen, 0, (size_t)g->mask + 1);
    for (ptrdiff_t i = 0; i < grams; i++) {
        g->bucket[i] = (uint32_t)(mix(g->run[i]) >> 20 & (uint64_t)g->mask);
        g->seen[g->bucket[i]] += g->seen[g->bucket[i]] < 2;
    }
    ptrdiff_t mask = table_begin(g->table, grams);
    uint64_t *keys = g->table->keys;
    struct ngram_count *counts = g->table->counts;
    uint32_t epoch = g->table->epoch;
    for (ptrdiff_t i = 0; i < grams; i++) {
        bool is_new;
        if (g->seen[g->bucket[i]] == 1)
            continue;
        struct ngram_count *s = &counts[table_place(keys, epoch, mask, g->run[i], &is_new)];
        if (is_new)
            *s = (struct ngram_count){ 0, (uint32_t)i };
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
    ptrdiff_t grams = g->count - g->n + 1, next = 0;
    int64_t chars = 0;

    ASSERT(g->n >= 5);
    if (grams <= 0)
        return 0;
    ptrdiff_t mask = table_begin(g->table, MIN(grams, g->candidate_count));
    uint64_t *keys = g->table->keys;
    uint32_t epoch = g->table->epoch;
    for (ptrdiff_t k = 0; k < g->candidate_count; k++) {
        ptrdiff_t i = g->candidates[k];
        bool is_new;
        if (i < next)
            continue; /* inside a repeated one */
        if (i >= grams)
            break;
        table_place(keys, epoch, mask, joined_hash(g, i), &is_new);
        if (!is_new) {
            chars += chars_of(g, i);
            next = i + g->n;
        }
    }
    return chars;
}
