#include "bpe_text.h"

#include "../unicode.h"

#include <stdio.h>
#include <stdlib.h>

#define CHARS 0x10000

void bpe_text_scratch_release(struct bpe_text_scratch *s)
{
    free(s->symbols);
    free(s->heap);
    free(s->skipped);
    buf_release(&s->name);
    *s = (struct bpe_text_scratch){ 0 };
}

/* Is there a token in which U+2581 follows another character? */
static bool crosses_words(slice text)
{
    for (ptrdiff_t i = 3; i + 3 <= text.len; i++)
        if (memcmp(text.ptr + i, "\xE2\x96\x81", 3) == 0 &&
            memcmp(text.ptr + i - 3, "\xE2\x96\x81", 3) != 0)
            return true;
    return text.len > 3 && memcmp(text.ptr, "\xE2\x96\x81", 3) != 0 &&
           memmem(text.ptr, (size_t)text.len, "\xE2\x96\x81", 3);
}

void bpe_text_build(struct bpe_text *b, const struct bpe *bpe, struct arena *arena)
{
    const struct vocab *v = &bpe->vocab;

    b->bpe = bpe;
    for (int byte = 0; byte < 256; byte++) {
        char name[8];
        snprintf(name, sizeof name, "<0x%02X>", (unsigned)byte);
        b->bytes[byte] = vocab_find(v, slice_of(name));
    }
    /* Unknown neighbours fuse, but not over a U+2581 that is known. */
    b->independent_words = b->prefix.len == 0 && b->suffix.len == 0 && !bpe->ignore_merges &&
                           vocab_find(v, SLICE("\xE2\x96\x81")) >= 0;
    for (ptrdiff_t i = 0; i < bpe->merges.count && b->independent_words; i++) {
        slice left = v->text[bpe->merges.pairs[i][0]], right = v->text[bpe->merges.pairs[i][1]];
        bool edge = right.len >= 3 && memcmp(right.ptr, "\xE2\x96\x81", 3) == 0 &&
                    !(left.len >= 3 && memcmp(left.ptr + left.len - 3, "\xE2\x96\x81", 3) == 0);
        b->independent_words = !edge && !crosses_words(left) && !crosses_words(right);
    }
    if (b->prefix.len)
        return;
    b->chars = arena_alloc_raw(arena, CHARS * (ptrdiff_t)sizeof *b->chars, 64);
    memset(b->chars, 0xFF, CHARS * sizeof *b->chars);
    for (ptrdiff_t id = 0; id < v->size; id++) {
        uint32_t cp;
        if (v->text[id].len > 0 && v->text[id].len <= 4 &&
            uni_decode(v->text[id].ptr, &cp) == v->text[id].len && cp < CHARS &&
            vocab_find(v, v->text[id]) == id)
            b->chars[cp] = (int32_t)id;
    }
}

static void *grow(void *old, ptrdiff_t count, size_t size)
{
    void *p = realloc(old, (size_t)count * size);

    if (!p)
        mem_oom();
    return p;
}

/* ---- the symbols that a piece starts as ---- */

static void add_symbol(struct bpe_text_scratch *s, ptrdiff_t *n, uint32_t id, ptrdiff_t len)
{
    if (*n == s->cap) {
        s->cap = MAX(s->cap * 2, 256);
        s->symbols = grow(s->symbols, s->cap, sizeof *s->symbols);
    }
    s->symbols[*n] = (struct bpe_symbol){
        .id = id, .len = (uint32_t)len, .prev = (int32_t)*n - 1, .next = (int32_t)*n + 1
    };
    ++*n;
}

/* The character with what its place in the word adds. */
static slice decorated(const struct bpe_text *b, struct bpe_text_scratch *s, slice c, bool first,
                       bool last)
{
    if ((first || b->prefix.len == 0) && (!last || b->suffix.len == 0))
        return c;
    buf_clear(&s->name);
    if (!first)
        buf_append(&s->name, b->prefix);
    buf_append(&s->name, c);
    if (last)
        buf_append(&s->name, b->suffix);
    return buf_slice(&s->name);
}

static bool fall_back(const struct bpe_text *b, struct bpe_text_scratch *s, slice name,
                      ptrdiff_t *n)
{
    if (!b->bpe->byte_fallback)
        return false;
    for (ptrdiff_t i = 0; i < name.len; i++)
        if (b->bytes[(unsigned char)name.ptr[i]] < 0)
            return false;
    for (ptrdiff_t i = 0; i < name.len; i++)
        add_symbol(s, n, (uint32_t)b->bytes[(unsigned char)name.ptr[i]], 1);
    return true;
}

static ptrdiff_t start_symbols(const struct bpe_text *b, struct bpe_text_scratch *s, slice piece)
{
    const struct bpe *bpe = b->bpe;
    ptrdiff_t n = 0, unk = 0; /* unk: bytes of an unknown that is not written yet */

    for (ptrdiff_t at = 0; at < piece.len;) {
        uint32_t cp;
        int len = uni_decode(piece.ptr + at, &cp);
        bool last = at + len == piece.len;
        slice name = slice_make(piece.ptr + at, len);
        int64_t id;
        if (b->chars && cp < CHARS && !(last && b->suffix.len)) {
            id = b->chars[cp];
        } else {
            name = decorated(b, s, name, at == 0, last);
            id = vocab_find(&bpe->vocab, name);
        }
        at += len;
        if (id >= 0) {
            if (unk)
                add_symbol(s, &n, (uint32_t)bpe->unk, unk);
            unk = 0;
            add_symbol(s, &n, (uint32_t)id, len);
        } else if (!fall_back(b, s, name, &n) && bpe->unk >= 0) {
            if (unk && !bpe->fuse_unk) {
                add_symbol(s, &n, (uint32_t)bpe->unk, unk);
                unk = 0;
            }
            unk += len;
        }
    }
    if (unk)
        add_symbol(s, &n, (uint32_t)bpe->unk, unk);
    if (n)
        s->symbols[n - 1].next = -1;
    return n;
}

/* ---- merging ---- */

static void heap_push(struct bpe_text_scratch *s, struct bpe_candidate c)
{
    ptrdiff_t at = s->heap_count++;

    if (s->heap_count > s->heap_cap) {
        s->heap_cap = MAX(s->heap_cap * 2, 256);
        s->heap = grow(s->heap, s->heap_cap, sizeof *s->heap);
    }
    while (at > 0 && s->heap[(at - 1) / 2].key > c.key) {
        s->heap[at] = s->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    s->heap[at] = c;
}

static struct bpe_candidate heap_pop(struct bpe_text_scratch *s)
{
    struct bpe_candidate top = s->heap[0], c = s->heap[--s->heap_count];
    ptrdiff_t at = 0;

    for (ptrdiff_t child; (child = 2 * at + 1) < s->heap_count; at = child) {
        if (child + 1 < s->heap_count && s->heap[child + 1].key < s->heap[child].key)
            child++;
        if (s->heap[child].key >= c.key)
            break;
        s->heap[at] = s->heap[child];
    }
    s->heap[at] = c;
    return top;
}

static void offer(const struct bpe_text *b, struct bpe_text_scratch *s, int32_t at)
{
    const struct bpe_symbol *left = &s->symbols[at];

    if (left->next < 0)
        return;
    uint64_t value = merges_find(&b->bpe->merges, left->id, s->symbols[left->next].id);
    if (value != MERGE_NONE)
        heap_push(s, (struct bpe_candidate){ value >> 32 << 32 | (uint32_t)at, (uint32_t)value });
}

/* splitmix64 */
static double random_unit(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u;

    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

/* Passes a due merge over; it is due again after the next one that is done. */
static bool passed_over(struct bpe_text_scratch *s, double dropout, struct bpe_candidate c)
{
    if (dropout <= 0)
        return false;
    if (random_unit(&s->random) < dropout) {
        if (s->skipped_count == s->skipped_cap) {
            s->skipped_cap = MAX(s->skipped_cap * 2, 64);
            s->skipped = grow(s->skipped, s->skipped_cap, sizeof *s->skipped);
        }
        s->skipped[s->skipped_count++] = c;
        return true;
    }
    while (s->skipped_count)
        heap_push(s, s->skipped[--s->skipped_count]);
    return false;
}

static void merge_all(const struct bpe_text *b, struct bpe_text_scratch *s, ptrdiff_t n,
                      double dropout)
{
    struct bpe_symbol *y = s->symbols;

    s->heap_count = s->skipped_count = 0;
    for (ptrdiff_t i = 0; i + 1 < n; i++)
        offer(b, s, (int32_t)i);
    while (s->heap_count) {
        struct bpe_candidate c = heap_pop(s);
        int32_t at = (int32_t)(uint32_t)c.key, gone = y[at].next;
        if (passed_over(s, dropout, c))
            continue;
        if (y[at].len == 0 || gone < 0)
            continue;
        uint64_t now = merges_find(&b->bpe->merges, y[at].id, y[gone].id);
        if (now == MERGE_NONE || (uint32_t)now != c.id)
            continue;
        y[at].id = c.id;
        y[at].len += y[gone].len;
        y[at].next = y[gone].next;
        y[gone].len = 0;
        if (y[at].next >= 0)
            y[y[at].next].prev = at;
        if (y[at].prev >= 0)
            offer(b, s, y[at].prev);
        offer(b, s, at);
    }
}

void bpe_text_encode(const struct bpe_text *b, struct bpe_text_scratch *s, slice piece,
                     double dropout, struct tokens *out)
{
    const struct vocab *v = &b->bpe->vocab;
    ptrdiff_t at = 0;

    if (b->bpe->ignore_merges && dropout <= 0) {
        int64_t id = vocab_find(v, piece);
        if (id >= 0) {
            tokens_push(out, (uint32_t)id, 0, piece.len, v->text[id]);
            return;
        }
    }
    ptrdiff_t n = start_symbols(b, s, piece);
    merge_all(b, s, n, dropout);
    for (int32_t i = n ? 0 : -1; i >= 0; i = s->symbols[i].next) {
        const struct bpe_symbol *y = &s->symbols[i];
        tokens_push(out, y->id, at, at + y->len, v->text[y->id]);
        at += y->len;
    }
}
