#include "bpe.h"

#include "bpe_linear.h"
#include "bytelevel.h"
#include "../hash.h"
#include "../unicode.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define SHORT_BYTES  15 /* longest key of a short entry; its length is in the 16th byte */
#define SHORT_IDS    4
#define COUNT_SHIFT  28 /* ids[0] of an entry holds the count in its upper bits */
#define SHORT_BITS   17 /* buckets of two entries: 8 MiB */
#define LONG_BYTES   48
#define LONG_IDS     16
#define LONG_BITS    15 /* 4 MiB */
#define SCAN_SYMBOLS 64 /* up to so many symbols the minimum is found by looking at all */
#define LINEAR_FROM  24 /* longer pieces are taken apart by bpe_linear.h */
#define AHEAD        16 /* pieces whose entries are on their way from memory */
#define KEEP_BYTES   (1 << 20)
#define LATE_BYTES   (1 << 14) /* of long pieces that a thread merges before bpe_linear is made */

struct short_entry {
    uint64_t low, high; /* high holds the length in its top byte: never 0 for a word */
    uint32_t ids[SHORT_IDS];
};

struct long_entry {
    uint64_t hash;
    uint32_t len, count;
    char bytes[LONG_BYTES];
    uint32_t ids[LONG_IDS];
};

#define TABLES_BYTES                                                                               \
    ((sizeof(struct short_entry) << (SHORT_BITS + 1)) + (sizeof(struct long_entry) << LONG_BITS) + \
     64)

struct symbols { /* of a piece that is too long to scan */
    uint32_t *id;
    int32_t *prev, *next;
    uint64_t *value; /* merge of the symbol with the next one, MERGE_NONE: none or symbol gone */
    uint64_t *heap;  /* rank << 32 | position */
    ptrdiff_t cap, heap_count;
};

struct bpe_scratch {
    struct short_entry *words; /* in pairs that are one cache line */
    void *tables;              /* which both lie in */
    struct long_entry *long_words;
    struct symbols symbols;
    char *text; /* of the vocabulary's longest text, for ignore_merges */
    struct buf work;
    ptrdiff_t heap_bytes; /* of long pieces so far */
};

struct bpe_late {
    _Atomic(struct bpe_linear *) linear;
    atomic_bool none; /* the vocabulary is not one for it */
};

/* ---- set up ---- */

static void init_byte_pairs(struct bpe *bpe, struct arena *arena)
{
    bpe->byte_pairs = arena_alloc_raw(arena, 65536 * (ptrdiff_t)sizeof *bpe->byte_pairs, 64);
    for (unsigned a = 0; a < 256; a++)
        for (unsigned b = 0; b < 256; b++)
            bpe->byte_pairs[a << 8 | b] =
                merges_find(&bpe->merges, bpe->start[a].id[0], bpe->start[b].id[0]);
}

void bpe_init_starts(struct bpe *bpe, struct arena *arena)
{
    bpe->all_bytes = true;
    for (int b = 0; b < 256; b++) {
        struct bpe_start *start = &bpe->start[b];
        char utf8[4], name[8];
        int len = uni_encode(utf8, bytelevel_char((unsigned char)b)), found = 0;
        int64_t id = vocab_find(&bpe->vocab, slice_make(utf8, len));
        *start = (struct bpe_start){ .kind = bpe->unk >= 0 ? BPE_UNK : BPE_NOTHING };
        if (id >= 0) {
            *start = (struct bpe_start){ .kind = BPE_ID, .count = 1, .id = { (uint32_t)id } };
            continue;
        }
        bpe->all_bytes = false;
        for (int k = 0; bpe->byte_fallback && k < len; k++) {
            snprintf(name, sizeof name, "<0x%02X>", (unsigned char)utf8[k]);
            if ((id = vocab_find(&bpe->vocab, slice_of(name))) >= 0)
                start->id[found++] = (uint32_t)id;
        }
        if (bpe->byte_fallback && found == len)
            start->kind = BPE_FALLBACK, start->count = (uint8_t)found;
    }
    if (!bpe->all_bytes)
        return;
    bool compiled = bpe->byte_pairs != NULL; /* a compiled file has them, and seams */
    if (!compiled)
        init_byte_pairs(bpe, arena);
    /* A part of a piece may be an entry that only a whole piece is: no seams then. */
    if (!compiled && !bpe->ignore_merges)
        seams_build(&bpe->seams, bpe->vocab.text, bpe->vocab.size, arena);
    bpe->late = arena_new(arena, struct bpe_late, 1);
}

void bpe_free(struct bpe *bpe)
{
    if (bpe->late)
        bpe_linear_free(atomic_exchange(&bpe->late->linear, NULL));
}

/* Threads that come at once all make it, and one of the results is kept. */
ATTR_COLD static const struct bpe_linear *make_linear(const struct bpe *bpe)
{
    struct bpe_linear *mine, *other = NULL;
    uint32_t ids[256];

    for (int b = 0; b < 256; b++)
        ids[b] = bpe->start[b].id[0];
    mine = bpe_linear_new(&bpe->merges, bpe->vocab.text, bpe->vocab.size, ids);
    if (!mine) {
        atomic_store(&bpe->late->none, true);
        return NULL;
    }
    if (atomic_compare_exchange_strong(&bpe->late->linear, &other, mine))
        return mine;
    bpe_linear_free(mine);
    return other;
}

/* For a piece that is too long to scan; NULL: by the heap. */
static const struct bpe_linear *linear_for(const struct bpe *bpe, struct bpe_scratch *s,
                                           ptrdiff_t bytes)
{
    const struct bpe_linear *l;

    if (!bpe->late || atomic_load_explicit(&bpe->late->none, memory_order_relaxed))
        return NULL;
    l = atomic_load_explicit(&bpe->late->linear, memory_order_acquire);
    if (l)
        return l;
    s->heap_bytes += bytes;
    return s->heap_bytes < LATE_BYTES ? NULL : make_linear(bpe);
}

static void *zeroed(size_t count, size_t size)
{
    void *p = calloc(count, size);

    if (!p)
        mem_oom();
    return p;
}

struct bpe_scratch *bpe_scratch_new(const struct bpe *bpe)
{
    struct bpe_scratch *s = zeroed(1, sizeof *s);

    /* zeroed by the system when it is first used, so small inputs do not pay for all of it */
    s->tables = mem_big_new(TABLES_BYTES);
    s->words = (struct short_entry *)ALIGN_UP((uintptr_t)s->tables, (uintptr_t)64);
    s->long_words = (struct long_entry *)(void *)(s->words + ((size_t)2 << SHORT_BITS));
    s->text = zeroed((size_t)bpe->vocab.longest + 8, 1);
    return s;
}

static void symbols_release(struct symbols *y)
{
    free(y->id);
    free(y->prev);
    free(y->next);
    free(y->value);
    free(y->heap);
    *y = (struct symbols){ 0 };
}

void bpe_scratch_free(struct bpe_scratch *s)
{
    if (!s)
        return;
    symbols_release(&s->symbols);
    mem_big_free(s->tables, TABLES_BYTES);
    free(s->text);
    buf_release(&s->work);
    free(s);
}

uint32_t *tok_ids_reserve(struct tok_ids *ids, ptrdiff_t more)
{
    if (more > ids->cap - ids->count) {
        ptrdiff_t cap = MAX(ids->count + more, ids->cap * 2);
        uint32_t *grown = realloc(ids->ids, (size_t)cap * sizeof *grown);
        if (!grown)
            mem_oom();
        ids->ids = grown;
        ids->cap = cap;
    }
    return ids->ids + ids->count;
}

/* ---- merging ---- */

/* The symbols that a piece starts as: at most 2 per byte. */
static ptrdiff_t start_symbols(const struct bpe *bpe, slice piece, uint32_t *id)
{
    const unsigned char *p = (const unsigned char *)piece.ptr;
    bool unk = false; /* an unknown that is not written yet, since the next may fuse with it */
    ptrdiff_t n = 0;

    if (LIKELY(bpe->all_bytes)) {
        for (ptrdiff_t i = 0; i < piece.len; i++)
            id[i] = bpe->start[p[i]].id[0];
        return piece.len;
    }
    for (ptrdiff_t i = 0; i < piece.len; i++) {
        const struct bpe_start *start = &bpe->start[p[i]];
        if ((start->kind == BPE_ID && unk) || (start->kind == BPE_UNK && unk && !bpe->fuse_unk)) {
            id[n++] = (uint32_t)bpe->unk;
            unk = false;
        }
        if (start->kind == BPE_UNK)
            unk = true;
        for (int k = 0; k < start->count; k++)
            id[n++] = start->id[k];
    }
    if (unk)
        id[n++] = (uint32_t)bpe->unk;
    return n;
}

/* What merges_find() says of the n symbols that a piece starts as. */
static void start_values(const struct bpe *bpe, slice piece, const uint32_t *id, ptrdiff_t n,
                         uint64_t *value)
{
    const unsigned char *p = (const unsigned char *)piece.ptr;

    for (ptrdiff_t i = 0; i + 1 < n; i++)
        value[i] = bpe->all_bytes ? bpe->byte_pairs[p[i] << 8 | p[i + 1]]
                                  : merges_find(&bpe->merges, id[i], id[i + 1]);
}

/* Joins in place; returns how many symbols are left. n <= SCAN_SYMBOLS. */
static ptrdiff_t merge_by_scan(const struct merges *m, uint64_t *value, uint32_t *id, ptrdiff_t n)
{
    while (n > 1) {
        ptrdiff_t best = 0;
        uint64_t least = value[0];
        for (ptrdiff_t i = 1; i < n - 1; i++)
            if (value[i] < least)
                least = value[i], best = i;
        if (least == MERGE_NONE)
            break;
        id[best] = (uint32_t)least;
        n--;
        for (ptrdiff_t i = best + 1; i < n; i++) {
            id[i] = id[i + 1];
            value[i - 1] = value[i];
        }
        if (best > 0)
            value[best - 1] = merges_find(m, id[best - 1], id[best]);
        if (best < n - 1)
            value[best] = merges_find(m, id[best], id[best + 1]);
    }
    return n;
}

static void heap_push(struct symbols *y, uint64_t key)
{
    ptrdiff_t at = y->heap_count++;

    while (at > 0 && y->heap[(at - 1) / 2] > key) {
        y->heap[at] = y->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    y->heap[at] = key;
}

static void heap_sink(struct symbols *y, ptrdiff_t at)
{
    uint64_t key = y->heap[at];

    for (ptrdiff_t child; (child = 2 * at + 1) < y->heap_count; at = child) {
        if (child + 1 < y->heap_count && y->heap[child + 1] < y->heap[child])
            child++;
        if (y->heap[child] >= key)
            break;
        y->heap[at] = y->heap[child];
    }
    y->heap[at] = key;
}

static uint64_t heap_pop(struct symbols *y)
{
    uint64_t key = y->heap[0];

    y->heap[0] = y->heap[--y->heap_count];
    if (y->heap_count)
        heap_sink(y, 0);
    return key;
}

static void *grow(void *old, ptrdiff_t count, size_t size)
{
    void *p = realloc(old, (size_t)count * size);

    if (!p)
        mem_oom();
    return p;
}

/* Every merge frees one entry of the heap and adds at most two. */
static void symbols_reserve(struct symbols *y, ptrdiff_t n)
{
    if (n <= y->cap)
        return;
    y->cap = n;
    y->id = grow(y->id, n, sizeof *y->id);
    y->prev = grow(y->prev, n, sizeof *y->prev);
    y->next = grow(y->next, n, sizeof *y->next);
    y->value = grow(y->value, n, sizeof *y->value);
    y->heap = grow(y->heap, 2 * n + 2, sizeof *y->heap);
}

static void update(const struct merges *m, struct symbols *y, int32_t at)
{
    y->value[at] = y->next[at] < 0 ? MERGE_NONE : merges_find(m, y->id[at], y->id[y->next[at]]);
    if (y->value[at] != MERGE_NONE)
        heap_push(y, (y->value[at] >> 32 << 32) | (uint32_t)at);
}

/* y->id and y->value hold n symbols and their values; what is left is written to dst. An entry of
 * the heap is stale when the symbol at its position has another merge by now. */
static ptrdiff_t merge_by_heap(const struct merges *m, struct symbols *y, ptrdiff_t n,
                               uint32_t *dst)
{
    ptrdiff_t left = 0;

    y->heap_count = 0;
    if (n > 0)
        y->value[n - 1] = MERGE_NONE;
    for (ptrdiff_t i = 0; i < n; i++) {
        y->prev[i] = (int32_t)i - 1;
        y->next[i] = i + 1 < n ? (int32_t)i + 1 : -1;
        if (y->value[i] != MERGE_NONE)
            y->heap[y->heap_count++] = (y->value[i] >> 32 << 32) | (uint32_t)i;
    }
    for (ptrdiff_t i = y->heap_count / 2; i-- > 0;)
        heap_sink(y, i);
    while (y->heap_count) {
        uint64_t key = heap_pop(y);
        int32_t at = (int32_t)(uint32_t)key, gone = y->next[at];
        if (y->value[at] == MERGE_NONE || y->value[at] >> 32 != key >> 32)
            continue;
        y->id[at] = (uint32_t)y->value[at];
        y->value[gone] = MERGE_NONE;
        y->next[at] = y->next[gone];
        if (y->next[gone] >= 0)
            y->prev[y->next[gone]] = at;
        update(m, y, at);
        if (y->prev[at] >= 0)
            update(m, y, y->prev[at]);
    }
    for (int32_t i = 0; i >= 0 && n > 0; i = y->next[i])
        dst[left++] = y->id[i];
    return left;
}

static int64_t whole_piece(const struct bpe *bpe, struct bpe_scratch *s, slice piece)
{
    if (piece.len * 2 > bpe->vocab.longest) {
        ptrdiff_t need = 0;
        for (ptrdiff_t i = 0; i < piece.len && need <= bpe->vocab.longest; i++)
            need += bytelevel_char((unsigned char)piece.ptr[i]) < 0x80 ? 1 : 2;
        if (need > bpe->vocab.longest)
            return -1;
    }
    return vocab_find(&bpe->vocab, slice_make(s->text, bytelevel_encode(piece, s->text)));
}

void bpe_merge_piece(const struct bpe *bpe, struct bpe_scratch *s, slice piece, struct tok_ids *ids)
{
    uint32_t *dst = tok_ids_reserve(ids, piece.len * 2 + 1);
    ptrdiff_t n;

    if (bpe->ignore_merges) {
        int64_t id = whole_piece(bpe, s, piece);
        if (id >= 0) {
            dst[0] = (uint32_t)id;
            ids->count++;
            return;
        }
    }
    const struct bpe_linear *linear =
        piece.len > LINEAR_FROM ? linear_for(bpe, s, piece.len) : NULL;
    if (linear) {
        ids->count += bpe_linear_encode(linear, &bpe->merges, piece, &s->work, dst);
        return;
    }
    if (piece.len * 2 <= SCAN_SYMBOLS || (bpe->all_bytes && piece.len <= SCAN_SYMBOLS)) {
        uint64_t value[SCAN_SYMBOLS];
        n = start_symbols(bpe, piece, dst);
        start_values(bpe, piece, dst, n, value);
        ids->count += merge_by_scan(&bpe->merges, value, dst, n);
        return;
    }
    ASSERT(piece.len < INT32_MAX / 2);
    symbols_reserve(&s->symbols, piece.len * (bpe->all_bytes ? 1 : 2) + 1);
    n = start_symbols(bpe, piece, s->symbols.id);
    start_values(bpe, piece, s->symbols.id, n, s->symbols.value);
    ids->count += merge_by_heap(&bpe->merges, &s->symbols, n, dst);
    if (s->symbols.cap > KEEP_BYTES)
        symbols_release(&s->symbols);
}

/* ---- words ---- */

struct key {
    uint64_t low, high;
    struct short_entry *bucket;
};

static const uint64_t low_mask[SHORT_BYTES + 1] = {
    0,
    0xFF,
    0xFFFF,
    0xFFFFFF,
    0xFFFFFFFF,
    0xFFFFFFFFFF,
    0xFFFFFFFFFFFF,
    0xFFFFFFFFFFFFFF,
    ~(uint64_t)0,
    ~(uint64_t)0,
    ~(uint64_t)0,
    ~(uint64_t)0,
    ~(uint64_t)0,
    ~(uint64_t)0,
    ~(uint64_t)0,
    ~(uint64_t)0,
};
static const uint64_t high_mask[SHORT_BYTES + 1] = {
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0xFF,
    0xFFFF,
    0xFFFFFF,
    0xFFFFFFFF,
    0xFFFFFFFFFF,
    0xFFFFFFFFFFFF,
    0xFFFFFFFFFFFFFF,
};

static inline struct key make_key(const struct bpe_scratch *s, uint64_t low, uint64_t high,
                                  ptrdiff_t len)
{
    struct key key;

    key.low = low & low_mask[len];
    key.high = (high & high_mask[len]) | (uint64_t)len << 56;
    uint64_t hash = (key.low * 0x9E3779B97F4A7C15u) ^ (key.high * 0xD6E8FEB86659FD93u);
    key.bucket = s->words + 2 * ((hash ^ hash << 29) >> (64 - SHORT_BITS));
    return key;
}

/* The newer entry first; the older one is lost. */
static void remember_short(const struct key *key, const uint32_t *ids, ptrdiff_t count)
{
    struct short_entry *e = key->bucket;

    e[1] = e[0];
    e[0] = (struct short_entry){ .low = key->low, .high = key->high };
    memcpy(e[0].ids, ids, (size_t)count * sizeof *ids);
    e[0].ids[0] |= (uint32_t)count << COUNT_SHIFT;
}

static void encode_long(const struct bpe *bpe, struct bpe_scratch *s, slice piece,
                        struct tok_ids *ids)
{
    if (piece.len > LONG_BYTES) {
        bpe_merge_piece(bpe, s, piece, ids);
        return;
    }
    uint64_t hash = hash64_of(piece, 0);
    struct long_entry *e = &s->long_words[hash >> (64 - LONG_BITS)];
    if (e->hash == hash && e->len == piece.len &&
        memcmp(e->bytes, piece.ptr, (size_t)piece.len) == 0) {
        memcpy(tok_ids_reserve(ids, LONG_IDS), e->ids, sizeof e->ids);
        ids->count += e->count;
        return;
    }
    ptrdiff_t first = ids->count;
    bpe_merge_piece(bpe, s, piece, ids);
    ptrdiff_t count = ids->count - first;
    if (count > LONG_IDS)
        return;
    e->hash = hash;
    e->len = (uint32_t)piece.len;
    e->count = (uint32_t)count;
    memcpy(e->bytes, piece.ptr, (size_t)piece.len);
    memcpy(e->ids, ids->ids + first, (size_t)count * sizeof *e->ids);
}

ATTR_COLD static void encode_miss(const struct bpe *bpe, struct bpe_scratch *s,
                                  const struct key *key, slice piece, struct tok_ids *ids)
{
    ptrdiff_t first = ids->count;

    encode_long(bpe, s, piece, ids);
    if (key && ids->count - first <= SHORT_IDS)
        remember_short(key, ids->ids + first, ids->count - first);
}

static inline const struct short_entry *find_short(const struct key *key)
{
    const struct short_entry *e = key->bucket;

    if (LIKELY(e[0].low == key->low && e[0].high == key->high))
        return &e[0];
    return e[1].low == key->low && e[1].high == key->high ? &e[1] : NULL;
}

static inline struct key load_key(const struct bpe_scratch *s, const char *p, ptrdiff_t len,
                                  const char *limit)
{
    char copy[16];

    if (UNLIKELY(limit - p < 16)) {
        memset(copy, 0, sizeof copy);
        memcpy(copy, p, (size_t)len);
        p = copy;
    }
    return make_key(s, load_u64(p), load_u64(p + 8), len);
}

void bpe_encode_pieces(const struct bpe *bpe, struct bpe_scratch *s, const char *text,
                       const uint32_t *end, ptrdiff_t count, const char *limit, struct tok_ids *ids)
{
    struct key keys[2 * AHEAD]; /* a ring: entries are asked for so many pieces ahead */
    uint32_t start = 0, next = 0;

    tok_ids_reserve(ids, count * SHORT_IDS);
    for (ptrdiff_t i = 0; i < MIN(count, AHEAD); next = end[i++]) {
        keys[i] = load_key(s, text + next, MIN(end[i] - next, SHORT_BYTES), limit);
        __builtin_prefetch(keys[i].bucket);
    }
    for (ptrdiff_t i = 0; i < count; start = end[i++]) {
        if (LIKELY(i + AHEAD < count)) {
            struct key *key = &keys[(i + AHEAD) % (2 * AHEAD)];
            uint32_t stop = end[i + AHEAD];
            *key = load_key(s, text + next, MIN(stop - next, SHORT_BYTES), limit);
            __builtin_prefetch(key->bucket);
            next = stop;
        }
        const struct key *key = &keys[i % (2 * AHEAD)];
        const struct short_entry *e = find_short(key);
        ptrdiff_t len = end[i] - start;
        if (LIKELY(e && len <= SHORT_BYTES)) {
            uint32_t *dst = ids->ids + ids->count;
            memcpy(dst, e->ids, sizeof e->ids);
            dst[0] &= VOCAB_MAX_ID;
            ids->count += e->ids[0] >> COUNT_SHIFT;
        } else {
            encode_miss(bpe, s, len <= SHORT_BYTES ? key : NULL, slice_make(text + start, len),
                        ids);
            tok_ids_reserve(ids, (count - i) * SHORT_IDS);
        }
    }
}

#define CUTS 512

/* Ends of the parts of a piece, as many as there is room for: p is where it goes on. */
static const char *cut_piece(const struct seams *seams, const char *p, const char *end,
                             const char *base, uint32_t *cut, ptrdiff_t *count)
{
    int len = seams_char_len(*p);
    uint32_t left = seams_char(p, len);

    while ((p += len) < end) {
        len = seams_char_len(*p);
        uint32_t right = seams_char(p, len);
        if (seams_between(seams, p, left, right)) {
            cut[(*count)++] = (uint32_t)(p - base);
            if (*count == CUTS)
                return p;
        }
        left = right;
    }
    cut[(*count)++] = (uint32_t)(end - base);
    return end;
}

void bpe_encode_wide(const struct bpe *bpe, struct bpe_scratch *s, const char *text,
                     const uint32_t *end, ptrdiff_t count, const char *limit, struct tok_ids *ids)
{
    uint32_t cut[CUTS];
    ptrdiff_t n = 0;
    const char *base = text, *p = text;

    for (ptrdiff_t i = 0; i < count; i++) {
        const char *stop = text + end[i];
        while (p < stop) {
            if (stop - p > 6 && (unsigned char)stop[-1] >= 0x80 && (unsigned char)stop[-3] >= 0xE0)
                p = cut_piece(&bpe->seams, p, stop, base, cut, &n);
            else
                cut[n++] = (uint32_t)((p = stop) - base);
            if (n == CUTS) {
                bpe_encode_pieces(bpe, s, base, cut, n, limit, ids);
                base = p, n = 0;
            }
        }
    }
    bpe_encode_pieces(bpe, s, base, cut, n, limit, ids);
}

void bpe_encode_piece(const struct bpe *bpe, struct bpe_scratch *s, slice piece,
                      struct tok_ids *ids)
{
    uint32_t end = (uint32_t)piece.len;

    if (piece.len > LONG_BYTES)
        bpe_merge_piece(bpe, s, piece, ids);
    else if (piece.len > 0)
        bpe_encode_pieces(bpe, s, piece.ptr, &end, 1, piece.ptr + piece.len, ids);
}
