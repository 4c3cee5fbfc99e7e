#include "spacy_en.h"

#include "../unicode.h"
#include "chunks.h"
#include "spacy_chunk.h"

#include <stdlib.h>

/* ---- the cache ---- */

/* At most 32 bytes, both padded: in overlapping loads. */
static inline bool same_key(const char *key, const char *text, ptrdiff_t n)
{
    if (n <= 8)
        return !((load_u64(key) ^ load_u64(text)) << (8 - n) * 8);
    uint64_t differ =
        (load_u64(key) ^ load_u64(text)) | (load_u64(key + n - 8) ^ load_u64(text + n - 8));
    if (n > 16)
        differ |= (load_u64(key + 8) ^ load_u64(text + 8)) |
                  (load_u64(key + n - 16) ^ load_u64(text + n - 16));
    return !differ;
}

/* Cuts a chunk of no white space into w; with a slot, that remembers it. */
static void add_chunk(const struct spacy_en *en, struct spacy_scratch *s,
                      const struct char_classes *c, slice text, slice chunk, struct cached *slot,
                      struct words *w, struct arena *arena)
{
    ptrdiff_t start = chunk.ptr - text.ptr;

    spacy_chunk_split(en, s, chunk);
    bool keep = slot && s->pieces.count <= CACHE_PIECES;
    if (keep) {
        slot->key_len = (uint8_t)chunk.len;
        slot->count = (uint8_t)s->pieces.count;
        memcpy(slot->key, chunk.ptr, (size_t)chunk.len);
    }
    for (ptrdiff_t k = 0; k < s->pieces.count; k++) {
        struct piece p = s->pieces.at[k];
        uint32_t chars = 0, classes = 0;
        for (ptrdiff_t i = p.start; i < p.start + p.len; chars++) {
            uint32_t cp;
            i += uni_decode(chunk.ptr + i, &cp);
            classes |= char_class(c, cp);
        }
        words_add(w, (struct word){ (uint32_t)start + p.start, p.len, chars, classes }, arena);
        if (keep) {
            slot->len[k] = (uint8_t)p.len;
            slot->chars[k] = (uint8_t)chars;
            slot->classes[k] = (uint8_t)classes;
        }
    }
}

/* Bytes to the next white space of Python's that is not ASCII's, or to the end. */
static ptrdiff_t rare_space(const struct char_classes *c, slice s, int *width)
{
    for (ptrdiff_t i = 0; i < s.len; i += *width) {
        uint32_t cp;
        *width = uni_decode(s.ptr + i, &cp);
        if (char_class(c, cp) & CHAR_SPACE)
            return i;
    }
    *width = 0;
    return s.len;
}

/* A chunk that is not letters alone, which may hold more white space. */
static void split_chunk(const struct spacy_en *en, struct spacy_scratch *s,
                        const struct char_classes *c, slice text, slice chunk, struct words *w,
                        struct arena *arena)
{
    struct cached *slot = NULL;

    if (chunk.len <= CACHE_KEY) {
        slot = &s->cache[shorthash(chunk.ptr, chunk.len) >> 40 & (CACHE_SLOTS - 1)];
        if (slot->key_len == chunk.len && same_key(slot->key, chunk.ptr, chunk.len)) {
            uint32_t at = (uint32_t)(chunk.ptr - text.ptr);
            for (int i = 0; i < slot->count; at += slot->len[i++])
                words_add(w, (struct word){ at, slot->len[i], slot->chars[i], slot->classes[i] },
                          arena);
            return;
        }
    }
    int width;
    ptrdiff_t n = rare_space(c, chunk, &width);
    if (n == chunk.len) {
        add_chunk(en, s, c, text, chunk, slot, w, arena);
        return;
    }
    for (;;) {
        if (n)
            add_chunk(en, s, c, text, slice_make(chunk.ptr, n), NULL, w, arena);
        if (!width)
            return;
        chunk = slice_from(chunk, n + width);
        n = rare_space(c, chunk, &width);
    }
}

void spacy_en_split(const struct spacy_en *en, struct spacy_scratch *s,
                    const struct char_classes *c, slice text, struct words *w, struct arena *arena)
{
    struct chunk_cursor cursor;
    struct chunk k;

    ASSERT(text.len <= WORDS_TEXT_MAX);
    w->count = 0;
    chunks_begin(&cursor, text);
    while (chunks_next(&cursor, &k)) {
        slice chunk = slice_make(text.ptr + k.start, k.len);
        if (k.letters && !find_special(en, chunk))
            words_add(w,
                      (struct word){ (uint32_t)k.start, (uint32_t)k.len, (uint32_t)k.len,
                                     CHAR_LETTER | CHAR_PLAIN },
                      arena);
        else
            split_chunk(en, s, c, text, chunk, w, arena);
    }
}

/* ---- sentences ---- */

static bool is_mark(slice token)
{
    uint32_t cp;

    return token.len <= 4 && uni_decode(token.ptr, &cp) == token.len && spacy_en_is_mark(cp);
}

static bool is_punctuation(slice token)
{
    for (ptrdiff_t i = 0; i < token.len;) {
        uint32_t cp;
        i += uni_decode(token.ptr + i, &cp);
        if (uni_category(cp) >> 8 != 'P')
            return false;
    }
    return true;
}

/* Between chunks mark_seen is: a sentence ends where the next token is no punctuation. */
struct sentences {
    int64_t count;
    bool has_text, mark_seen;
};

static void sentence_token(struct sentences *n, slice token)
{
    bool mark = is_mark(token);

    if (n->mark_seen && !mark && !is_punctuation(token)) {
        n->count += n->has_text;
        n->mark_seen = false;
    } else if (mark) {
        n->mark_seen = true;
    }
    n->has_text = true;
}

static void sentence_chunk(const struct spacy_en *en, struct spacy_scratch *s,
                           const struct char_classes *c, slice chunk, struct sentences *n)
{
    s->words.count = 0;
    split_chunk(en, s, c, chunk, chunk, &s->words, &s->own);
    for (ptrdiff_t k = 0; k < s->words.count; k++)
        sentence_token(n, word_slice(chunk, &s->words.at[k]));
}

static ptrdiff_t chunk_start(const struct char_classes *c, slice text, ptrdiff_t at)
{
    while (at > 0) {
        uint32_t cp;
        int width = uni_decode_back(text.ptr, text.ptr + at, &cp);
        if (char_class(c, cp) & CHAR_SPACE)
            break;
        at -= width;
    }
    return at;
}

/* From `at` on, the first place whose character is white space (or is not). */
static ptrdiff_t next_space(const struct char_classes *c, slice text, ptrdiff_t at, bool space)
{
    while (at < text.len) {
        uint32_t cp;
        int width = uni_decode(text.ptr + at, &cp);
        if (!!(char_class(c, cp) & CHAR_SPACE) == space)
            break;
        at += width;
    }
    return at;
}

/* After a mark at the end of a chunk: looks at what follows until that ends the sentence. Returns
 * where to go on. */
static ptrdiff_t sentence_end(const struct spacy_en *en, struct spacy_scratch *s,
                              const struct char_classes *c, slice text, ptrdiff_t at,
                              struct sentences *n)
{
    while (n->mark_seen && at < text.len) {
        ptrdiff_t start = next_space(c, text, at, false);
        /* One blank between tokens is none itself. */
        if (!slice_eq(slice_make(text.ptr + at, start - at), SLICE(" "))) {
            n->count++;
            n->has_text = n->mark_seen = false;
            return start;
        }
        if (start < text.len && char_class(c, (unsigned char)text.ptr[start]) & CHAR_LETTER &&
            !(text.ptr[start] & 0x80)) {
            n->count++;
            n->mark_seen = false;
            return start;
        }
        at = next_space(c, text, start, true);
        if (at > start)
            sentence_chunk(en, s, c, slice_make(text.ptr + start, at - start), n);
    }
    return at;
}

int64_t spacy_en_sentences(const struct spacy_en *en, struct spacy_scratch *s,
                           const struct char_classes *c, slice text)
{
    struct sentences n = { 0 };
    ptrdiff_t at = 0, mark = 0;

    while ((mark = bytepair_find(&en->marks, text, mark)) < text.len) {
        uint32_t cp;
        int width = uni_decode(text.ptr + mark, &cp);
        if (!spacy_en_is_mark(cp)) {
            mark += width;
            continue;
        }
        ptrdiff_t start = MAX(at, chunk_start(c, text, mark));
        ptrdiff_t end = next_space(c, text, mark, true);
        sentence_chunk(en, s, c, slice_make(text.ptr + start, end - start), &n);
        mark = at = sentence_end(en, s, c, text, end, &n);
    }
    n.has_text |= next_space(c, text, at, false) < text.len;
    return n.count + n.has_text;
}

/* ---- scratch ---- */

struct spacy_scratch *spacy_scratch_new(void)
{
    struct spacy_scratch *s = calloc(1, sizeof *s);

    if (!s || !(s->cache = calloc(CACHE_SLOTS, sizeof *s->cache)))
        mem_oom();
    s->regex = regex_scratch_new();
    return s;
}

void spacy_scratch_free(struct spacy_scratch *s)
{
    regex_scratch_free(s->regex);
    free(s->pieces.at);
    free(s->suffixes.at);
    free(s->joined.at);
    free(s->cache);
    arena_release(&s->own);
    free(s);
}
