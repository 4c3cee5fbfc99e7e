#include "ngram.h"

#include "shorthash.h"

#include <stdlib.h>

#define MIX        0xD6E8FEB86659FD93u
#define EPOCH_BITS 16

void ngrams_init(struct ngrams *g, struct ngram_table *table, slice text, const struct word *words,
                 ptrdiff_t count, struct arena *arena)
{
    *g = (struct ngrams){
        .words = words, .count = count, .n = 1, .table = table, .text = text, .arena = arena
    };
    g->word = arena_alloc_raw(arena, count * 8, 8);
    g->place = arena_alloc_raw(arena, (count + 1) * 4, 4);
    g->bucket = arena_alloc_raw(arena, count * 4, 4);
    g->candidates = arena_alloc_raw(arena, count * 4, 4);
    g->slots = arena_alloc_raw(arena, count * 4, 4);
    g->repeated = arena_alloc_raw(arena, count, 1);
    g->mask = 1023;
    while (g->mask < 8 * count)
        g->mask = 2 * g->mask + 1;
    g->seen = arena_alloc_raw(arena, g->mask + 1, 1);
    for (ptrdiff_t i = 0; i < count; i++)
        g->word[i] = shorthash(text.ptr + words[i].start, words[i].len);
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

/* ---- the most frequent ---- */

static int64_t chars_of(const struct ngrams *g, ptrdiff_t i)
{
    int64_t chars = 0;

    for (int k = 0; k < g->n; k++)
        chars += g->words[i + k].chars;
    return chars;
}

static inline uint64_t pair_hash(uint64_t a, uint64_t b)
{
    uint64_t h = (a * MIX) ^ (b << 29 | b >> 35);

    return h * 0x9E3779B97F4A7C15u;
}

static uint64_t run_hash(const struct ngrams *g, ptrdiff_t i)
{
    uint64_t h = pair_hash(g->word[i], g->word[i + 1]);

    for (int k = 2; k < g->n; k++)
        h = pair_hash(h ^ h >> 31, g->word[i + k]);
    return h ^ h >> 32;
}

/* The places whose pair is not alone in its bucket. */
static void find_pairs(struct ngrams *g)
{
    ptrdiff_t pairs = g->count - 1, n = 0;
    uint64_t mask = (uint64_t)g->mask;
    const uint64_t *word = g->word;
    uint32_t *bucket = g->bucket, *candidates = g->candidates;
    uint8_t *seen = g->seen;

    memset(seen, 0, (size_t)mask + 1);
    for (ptrdiff_t i = 0; i < pairs; i++) {
        uint32_t b = (uint32_t)(pair_hash(word[i], word[i + 1]) >> 36 & mask);
        bucket[i] = b;
        seen[b] = (uint8_t)((seen[b] << 1 | 1) & 3);
    }
    for (ptrdiff_t i = 0; i < pairs; i++) {
        candidates[n] = (uint32_t)i;
        n += seen[bucket[i]] > 1;
    }
    g->candidate_count = n;
}

/* Of the repeated (n-1)-grams those with a repeated one right behind. */
static void find_longer(struct ngrams *g)
{
    ptrdiff_t n = 0;

    for (ptrdiff_t k = 0; k + 1 < g->candidate_count; k++) {
        uint32_t i = g->candidates[k];
        if (g->candidates[k + 1] == i + 1)
            g->candidates[n++] = i;
    }
    g->candidate_count = n;
}

/* Counts the candidates, keeps those that occur again. */
static void count_top(struct ngrams *g)
{
    uint32_t best = 1, first = 0; /* the first n-gram, should all be unique */
    ptrdiff_t mask = table_begin(g->table, g->candidate_count), n = 0;
    uint64_t *keys = g->table->keys;
    struct ngram_count *counts = g->table->counts;
    uint32_t epoch = g->table->epoch;

    for (ptrdiff_t k = 0; k < g->candidate_count; k++) {
        uint32_t i = g->candidates[k];
        bool is_new;
        ptrdiff_t at = table_place(keys, epoch, mask, run_hash(g, i), &is_new);
        struct ngram_count *s = &counts[at];
        if (is_new)
            *s = (struct ngram_count){ 0, i };
        g->slots[k] = (uint32_t)at;
        s->count++;
        if (s->count > best || (s->count == best && s->first < first)) {
            best = s->count;
            first = s->first;
        }
    }
    for (ptrdiff_t k = 0; k < g->candidate_count; k++)
        if (counts[g->slots[k]].count > 1) {
            g->candidates[n] = g->candidates[k];
            g->slots[n++] = g->slots[k];
        }
    g->candidate_count = n;
    g->top = (struct ngram_count){ best, first };
}

int64_t ngrams_top_chars(const struct ngrams *g)
{
    return g->count < g->n ? 0 : (chars_of(g, g->top.first) + g->n - 1) * g->top.count;
}

static void next_level(struct ngrams *g)
{
    if (g->n == 2)
        find_pairs(g);
    else
        find_longer(g);
    count_top(g);
}

/* ---- duplicates ---- */

/* The words joined by nothing; place[i] is where word i begins, place[count] the end. */
static void join(struct ngrams *g)
{
    char *begin = arena_alloc_raw(g->arena, g->text.len + RECORD_PADDING, 1), *p = begin;
    const struct word *words = g->words;
    const char *text = g->text.ptr;
    uint32_t *place = g->place;
    ptrdiff_t count = g->count;

    g->joined = begin;
    for (ptrdiff_t i = 0; i < count; i++) {
        uint32_t start = words[i].start, len = words[i].len;
        place[i] = (uint32_t)(p - begin);
        /* Both sides have room for 16 bytes: most words are one load and store. */
        memcpy(p, text + start, 16);
        if (len > 16)
            memcpy(p + 16, text + start + 16, len - 16);
        p += len;
    }
    place[count] = (uint32_t)(p - begin);
    memset(p, 0, NGRAM_PREFIX);
}

/* Marks the words from which on the same NGRAM_PREFIX bytes stand elsewhere too: by buckets, then
 * exactly. */
static void find_prefixes(struct ngrams *g)
{
    ptrdiff_t n = 0, count = g->count;
    uint64_t buckets = (uint64_t)g->mask;
    const uint32_t *place = g->place;
    uint32_t *bucket = g->bucket, *candidates = g->candidates;
    uint8_t *seen = g->seen;
    bool is_new;

    memset(seen, 0, (size_t)buckets + 1);
    for (ptrdiff_t i = 0; i < count; i++) {
        const char *p = g->joined + place[i];
        uint64_t hash = (load_u64(p) * 0x9E3779B97F4A7C15u ^ load_u64(p + 8)) * MIX;
        uint32_t b = (uint32_t)(hash >> 36 & buckets);
        bucket[i] = b;
        seen[b] = (uint8_t)((seen[b] << 1 | 1) & 3);
    }
    for (ptrdiff_t i = 0; i < count; i++) {
        candidates[n] = (uint32_t)i;
        n += seen[bucket[i]] > 1;
    }
    ptrdiff_t mask = table_begin(g->table, n);
    struct ngram_count *counts = g->table->counts;
    for (ptrdiff_t k = 0; k < n; k++) {
        const char *p = g->joined + g->place[g->candidates[k]];
        ptrdiff_t at =
            table_place(g->table->keys, g->table->epoch, mask, shorthash(p, NGRAM_PREFIX), &is_new);
        counts[at].count = is_new ? 1 : 2;
        g->slots[k] = (uint32_t)at;
    }
    memset(g->repeated, 0, (size_t)g->count);
    for (ptrdiff_t k = 0; k < n; k++)
        g->repeated[g->candidates[k]] = counts[g->slots[k]].count > 1;
}

/* Five words of fewer bytes than the prefix may be repeated though the prefix is not. */
static void find_starts(struct ngrams *g)
{
    ptrdiff_t n = 0;

    join(g);
    find_prefixes(g);
    for (ptrdiff_t i = 0; i + 5 <= g->count; i++) {
        g->candidates[n] = (uint32_t)i;
        n += g->repeated[i] || g->place[i + 5] - g->place[i] < NGRAM_PREFIX;
    }
    g->candidate_count = n;
}

int64_t ngrams_duplicate_chars(struct ngrams *g)
{
    ptrdiff_t grams = g->count - g->n + 1, next = 0, kept = 0;
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
        if (i >= grams)
            break;
        uint32_t len = g->place[i + g->n] - g->place[i];
        if (len >= NGRAM_PREFIX && !g->repeated[i])
            continue; /* nor with more words */
        g->candidates[kept++] = (uint32_t)i;
        if (i < next)
            continue; /* inside a repeated one */
        table_place(keys, epoch, mask, shorthash(g->joined + g->place[i], len), &is_new);
        if (!is_new) {
            chars += chars_of(g, i);
            next = i + g->n;
        }
    }
    g->candidate_count = kept;
    return chars;
}

void ngrams_next(struct ngrams *g)
{
    g->n++;
    if (g->n == NGRAM_TOP_MAX + 1) {
        find_starts(g);
    } else if (g->n <= NGRAM_TOP_MAX) {
        next_level(g);
    }
}

void ngrams_next_tuples(struct ngrams *g)
{
    g->n++;
    next_level(g);
}
