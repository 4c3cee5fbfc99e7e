#include "fast.h"

#include "tok_private.h"
#include "uclass.h"
#include "wordcache.h"

#include <stdlib.h>

enum { C_OTHER, C_WORD, C_SPACE, C_PUNCT }; /* of a byte, for BERT */

struct fast_scratch {
    struct encode_scratch *general;
    struct wordcache words;
    struct tokens tokens;
    bool bert, lower, spaced;
    struct unigram_scratch unigram;
    uint8_t class[256];
};

/* ---- BERT ---- */

/* Its normalizer with clean_text, then white space and punctuation. */
static bool is_bert(const struct tok *t)
{
    const struct normal_step *n = &t->normal.step[0];
    const struct pretok_stage *a = &t->pretok.stage[0], *b = &t->pretok.stage[1];

    return t->model == MODEL_WORDPIECE && t->normal.count == 1 && n->kind == NORMAL_BERT &&
           n->flags & NORMAL_CLEAN && t->pretok.count == 2 && a->kind == PRETOK_CLASS &&
           a->property == 0 && a->behavior == PRETOK_REMOVED && b->kind == PRETOK_CLASS &&
           b->property == UPROP_PUNCT && b->behavior == PRETOK_ISOLATED;
}

static void push_tokens(const struct tokens *found, struct tok_ids *ids)
{
    uint32_t *dst = tok_ids_reserve(ids, found->count);

    for (ptrdiff_t i = 0; i < found->count; i++)
        dst[i] = found->items[i].id;
    ids->count += found->count;
}

static inline void encode_word(const struct tok *t, struct fast_scratch *s, slice word,
                               struct tok_ids *ids)
{
    struct wordcache_slot slot = wordcache_find(&s->words, word);

    if (LIKELY(slot.count >= 0)) {
        memcpy(tok_ids_reserve(ids, WORDCACHE_IDS), slot.ids, sizeof *slot.ids * WORDCACHE_IDS);
        ids->count += slot.count;
        return;
    }
    s->tokens.count = 0;
    wordpiece_encode(&t->wordpiece, word, &s->tokens);
    ptrdiff_t first = ids->count;
    push_tokens(&s->tokens, ids);
    wordcache_add(&s->words, word, ids->ids + first, s->tokens.count);
}

/* A word of ASCII that may be longer than the cache keeps. */
static void encode_ascii(const struct tok *t, struct fast_scratch *s, slice word,
                         struct tok_ids *ids)
{
    char local[256];
    char *copy = word.len <= (ptrdiff_t)sizeof local ? local : malloc((size_t)word.len);

    if (!copy)
        mem_oom();
    for (ptrdiff_t i = 0; i < word.len; i++) {
        char c = word.ptr[i];
        copy[i] = s->lower && c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
    }
    encode_word(t, s, slice_make(copy, word.len), ids);
    if (copy != local)
        free(copy);
}

/* Neither white space nor punctuation of ASCII is changed by what stands beside it, so what lies between
 * them is on its own. */
static bool encode_bert(const struct tok *t, struct fast_scratch *s, slice text,
                        struct tok_ids *ids, struct err *err)
{
    const unsigned char *p = (const unsigned char *)text.ptr;

    for (ptrdiff_t at = 0; at < text.len;) {
        ptrdiff_t start = at;
        uint8_t class = s->class[p[at]];
        if (class == C_SPACE) {
            at++;
            continue;
        }
        if (class == C_PUNCT) {
            encode_word(t, s, slice_make(text.ptr + at++, 1), ids);
            continue;
        }
        while (at < text.len && s->class[p[at]] == C_WORD)
            at++;
        if (at == text.len || s->class[p[at]] != C_OTHER) {
            encode_ascii(t, s, slice_make(text.ptr + start, at - start), ids);
            continue;
        }
        while (at < text.len && s->class[p[at]] <= C_WORD)
            at++;
        if (!encode_text_ids(t, s->general, slice_make(text.ptr + start, at - start), ids, err))
            return false;
    }
    return true;
}

/* ---- words behind blanks: T5 ---- */

/* SentencePiece's map, then white space, then a mark in front of each word. */
static bool is_spaced(const struct tok *t)
{
    const struct pretok_stage *a = &t->pretok.stage[0], *b = &t->pretok.stage[1];

    return t->model == MODEL_UNIGRAM && t->normal.count == 1 &&
           t->normal.step[0].kind == NORMAL_PRECOMPILED && t->pretok.count == 2 &&
           a->kind == PRETOK_CLASS && a->property == 0 && a->behavior == PRETOK_REMOVED &&
           b->kind == PRETOK_METASPACE && b->prefix_space && !b->prefix_first && b->split &&
           (unsigned char)b->literal.ptr[0] >= 0x80;
}

static bool encode_marked(const struct tok *t, struct fast_scratch *s, slice word,
                          struct tok_ids *ids, struct err *err)
{
    struct wordcache_slot slot = wordcache_find(&s->words, word);
    slice mark = t->pretok.stage[1].literal;

    if (LIKELY(slot.count >= 0)) {
        memcpy(tok_ids_reserve(ids, WORDCACHE_IDS), slot.ids, sizeof *slot.ids * WORDCACHE_IDS);
        ids->count += slot.count;
        return true;
    }
    char *piece = malloc((size_t)(mark.len + word.len));
    if (!piece)
        mem_oom();
    memcpy(piece, mark.ptr, (size_t)mark.len);
    memcpy(piece + mark.len, word.ptr, (size_t)word.len);
    s->tokens.count = 0;
    bool ok = unigram_encode(&t->unigram, &s->unigram, slice_make(piece, mark.len + word.len),
                             &s->tokens, err);
    free(piece);
    ptrdiff_t first = ids->count;
    push_tokens(&s->tokens, ids);
    wordcache_add(&s->words, word, ids->ids + first, s->tokens.count);
    return ok;
}

/* A blank is an edge unless a mark may follow it, which would belong to it. */
static bool encode_spaced(const struct tok *t, struct fast_scratch *s, slice text,
                          struct tok_ids *ids, struct err *err)
{
    const unsigned char *p = (const unsigned char *)text.ptr;

    for (ptrdiff_t at = 0; at < text.len;) {
        ptrdiff_t start = at;
        bool ok;
        if (s->class[p[at]] == C_SPACE) {
            at++;
            continue;
        }
        while (at < text.len && s->class[p[at]] == C_WORD)
            at++;
        if (at == text.len || s->class[p[at]] == C_SPACE) {
            ok = encode_marked(t, s, slice_make(text.ptr + start, at - start), ids, err);
        } else {
            start -= start > 0 && p[start] >= 0x80; /* the blank before */
            while (at < text.len &&
                   !(s->class[p[at]] == C_SPACE && (at + 1 == text.len || p[at + 1] < 0x80)))
                at++;
            ok = encode_text_ids(t, s->general, slice_make(text.ptr + start, at - start), ids, err);
        }
        if (!ok)
            return false;
    }
    return true;
}

/* No rule of the map begins with the character and goes on with ASCII. */
static void fill_plain(struct fast_scratch *s, const struct charsmap *map)
{
    for (int c = '!'; c < 0x7F; c++) {
        char pair[2] = { (char)c, 0 };
        slice to;
        bool plain = charsmap_longest(map, slice_make(pair, 1), &to) == 0;
        for (int next = 1; next < 0x80 && plain; next++) {
            pair[1] = (char)next;
            plain = !charsmap_leads_on(map, slice_make(pair, 2));
        }
        s->class[c] = plain ? C_WORD : C_OTHER;
    }
    s->class[' '] = s->class['\n'] = C_SPACE;
}

static void fill_classes(struct fast_scratch *s)
{
    for (unsigned c = 0; c < 0x80; c++) {
        bool space = c == ' ' || c == '\t' || c == '\n' || c == '\r';
        s->class[c] = space                        ? C_SPACE
                      : uclass_of(c) & UPROP_PUNCT ? C_PUNCT
                      : c > ' ' && c < 0x7F        ? C_WORD
                                                   : C_OTHER;
    }
}

/* ---- all ---- */

struct fast_scratch *fast_scratch_new(const struct tok *t)
{
    struct fast_scratch *s = calloc(1, sizeof *s);

    if (!s)
        mem_oom();
    s->general = encode_scratch_new();
    s->bert = is_bert(t);
    if (s->bert) {
        s->lower = t->normal.step[0].flags & NORMAL_LOWER;
        fill_classes(s);
    }
    s->spaced = is_spaced(t);
    if (s->spaced)
        fill_plain(s, t->normal.step[0].map);
    return s;
}

void fast_scratch_free(struct fast_scratch *s)
{
    if (!s)
        return;
    encode_scratch_free(s->general);
    wordcache_release(&s->words);
    tokens_release(&s->tokens);
    unigram_scratch_release(&s->unigram);
    free(s);
}

bool fast_applies(const struct tok *t, unsigned flags)
{
    return t->general && !t->needs_offsets && t->normalized.node_count == 0 && !t->wraps_oddly &&
           !t->post.truncate && !t->post.pad && t->dropout <= 0 &&
           !(flags & (TOK_SPECIAL_ERROR | TOK_SPECIAL_DROP));
}

static bool encode_part(const struct tok *t, struct fast_scratch *s, slice text,
                        struct tok_ids *ids, struct err *err)
{
    return s->bert     ? encode_bert(t, s, text, ids, err)
           : s->spaced ? encode_spaced(t, s, text, ids, err)
                       : encode_text_ids(t, s->general, text, ids, err);
}

static void push_list(const struct id_list *list, struct tok_ids *ids)
{
    if (list->count)
        memcpy(tok_ids_reserve(ids, list->count), list->ids,
               (size_t)list->count * sizeof *list->ids);
    ids->count += list->count;
}

bool fast_encode(const struct tok *t, struct fast_scratch *s, slice text, unsigned flags,
                 struct tok_ids *ids, struct err *err)
{
    struct added_match m;
    ptrdiff_t done = 0;

    if (flags & TOK_ADD_SPECIAL)
        push_list(&t->prefix, ids);
    struct added_iter it = added_iter_start(&t->raw, text, !(flags & TOK_SPECIAL_PARSE));
    while (added_next(&it, &m)) {
        if (done < m.start &&
            !encode_part(t, s, slice_make(text.ptr + done, m.start - done), ids, err))
            return false;
        if (m.end > m.start) {
            *tok_ids_reserve(ids, 1) = m.token->id;
            ids->count++;
        }
        done = m.end;
    }
    if (!encode_part(t, s, slice_from(text, done), ids, err))
        return false;
    if (flags & TOK_ADD_SPECIAL)
        push_list(&t->suffix, ids);
    return true;
}
