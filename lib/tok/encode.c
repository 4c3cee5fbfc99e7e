#include "encode.h"

#include "../json.h"
#include "tok_private.h"
#include "wordcache.h"

#include <stdlib.h>

struct encode_scratch {
    struct normal_scratch normal;
    struct pretok_scratch pretok;
    struct ntext section, part, spare;
    struct post_scratch post;
    struct tokens piece;
    struct unigram_scratch unigram;
    struct bpe_text_scratch bpe;
    struct spm_scratch *spm;
    struct wordcache words;
};

/* One sequence on its way. */
struct run {
    const struct tok *t;
    struct encode_scratch *s;
    const struct tok_request *request;
    struct tokens *out;
    struct arena *arena; /* of texts; NULL: they are not wanted */
    bool aligned;
    struct err *err;
};

struct encode_scratch *encode_scratch_new(void)
{
    struct encode_scratch *s = calloc(1, sizeof *s);

    if (!s)
        mem_oom();
    return s;
}

void encode_scratch_free(struct encode_scratch *s)
{
    if (!s)
        return;
    normal_scratch_release(&s->normal);
    pretok_scratch_release(&s->pretok);
    ntext_release(&s->section);
    ntext_release(&s->part);
    ntext_release(&s->spare);
    post_scratch_release(&s->post);
    tokens_release(&s->piece);
    unigram_scratch_release(&s->unigram);
    bpe_text_scratch_release(&s->bpe);
    spm_scratch_free(s->spm);
    wordcache_release(&s->words);
    free(s);
}

/* ---- the model ---- */

static bool run_model(const struct run *r, slice piece)
{
    const struct tok *t = r->t;
    struct encode_scratch *s = r->s;

    s->piece.count = 0;
    switch (t->model) {
    case MODEL_BPE:
        bpe_text_encode(&t->bpe_text, &s->bpe, piece, r->request->dropout, &s->piece);
        return true;
    case MODEL_WORDPIECE:
        wordpiece_encode(&t->wordpiece, piece, &s->piece);
        return true;
    case MODEL_WORDLEVEL:
        wordlevel_encode(&t->wordpiece, piece, &s->piece);
        return true;
    case MODEL_SPM:
        break; /* sees whole sections */
    case MODEL_UNIGRAM:
        return unigram_encode(&t->unigram, &s->unigram, piece, &s->piece, r->err);
    }
    return true;
}

static slice keep(const struct run *r, slice text)
{
    return r->arena ? arena_dup(r->arena, text) : (slice){ "", 0 };
}

/* From bytes of a piece to bytes of the original, as the reference converts them. */
static void place(const struct ntext *text, struct span piece, struct token *k)
{
    const struct align *a = text->align + piece.start;

    if (!text->aligned || (ptrdiff_t)k->end > piece.len)
        return;
    if (k->start >= k->end) {
        k->start = k->end = a[0].start + k->start;
        return;
    }
    uint32_t end = a[k->end - 1].end;
    k->start = a[k->start].start;
    k->end = end;
}

static bool encode_pieces(const struct run *r, const struct ntext *text)
{
    struct encode_scratch *s = r->s;

    for (ptrdiff_t i = 0; i < s->pretok.in.count; i++) {
        struct span span = s->pretok.in.items[i];
        slice piece = slice_make(text->text.ptr + span.start, span.len);
        if (!run_model(r, piece))
            return false;
        struct token *to = tokens_reserve(r->out, s->piece.count);
        for (ptrdiff_t k = 0; k < s->piece.count; k++) {
            to[k] = s->piece.items[k];
            to[k].text = keep(r, to[k].text);
            place(text, span, &to[k]);
        }
        r->out->count += s->piece.count;
    }
    return true;
}

/* ---- traces: one line of JSON per stage ---- */

static void trace_text(const struct run *r, const char *stage, slice text)
{
    struct buf *b = r->request->trace;

    if (!b)
        return;
    buf_printf(b, "{\"stage\":\"%s\",\"text\":", stage);
    json_append_bytes(b, text);
    buf_append(b, SLICE("}\n"));
}

static void trace_pieces(const struct run *r, const struct ntext *text)
{
    struct buf *b = r->request->trace;
    const struct span_list *pieces = &r->s->pretok.in;

    if (!b)
        return;
    buf_append(b, SLICE("{\"stage\":\"pieces\",\"pieces\":["));
    for (ptrdiff_t i = 0; i < pieces->count; i++) {
        struct span p = pieces->items[i];
        if (i)
            buf_append_byte(b, ',');
        json_append_bytes(b, slice_make(text->text.ptr + p.start, p.len));
    }
    buf_append(b, SLICE("]}\n"));
}

/* ---- added tokens ---- */

static bool push_match(const struct run *r, const struct added_match *m, slice text,
                       ptrdiff_t start, ptrdiff_t end)
{
    if (m->end <= m->start)
        return true; /* its white space was taken by the one before: the reference drops it */
    if (m->token->special && r->request->flags & TOK_SPECIAL_ERROR) {
        char quoted[96];
        return err_set(r->err, ERR_DATA, "the special token %s stands in the text",
                       err_quote(quoted, sizeof quoted, m->token->content));
    }
    if (m->token->special && r->request->flags & TOK_SPECIAL_DROP)
        return true;
    trace_text(r, "added", slice_make(text.ptr + m->start, m->end - m->start));
    tokens_push(r->out, m->token->id, start, end,
                keep(r, slice_make(text.ptr + m->start, m->end - m->start)));
    return true;
}

static bool encode_part(const struct run *r, ptrdiff_t start, ptrdiff_t end)
{
    struct encode_scratch *s = r->s;

    if (start >= end)
        return true;
    ntext_set_part(&s->part, &s->section, start, end);
    if (!pretok_apply(&r->t->pretok, &s->pretok, &s->part, &s->spare, r->err))
        return false;
    trace_pieces(r, &s->part);
    return encode_pieces(r, &s->part);
}

static bool specials_are_text(const struct run *r)
{
    return !(r->request->flags & (TOK_SPECIAL_PARSE | TOK_SPECIAL_ERROR | TOK_SPECIAL_DROP));
}

/* SentencePiece has a normalizer of its own, and no tokens beside its pieces. */
static bool encode_spm(const struct run *r, slice text, ptrdiff_t base)
{
    struct encode_scratch *s = r->s;
    ptrdiff_t first = r->out->count;

    if (!s->spm)
        s->spm = spm_scratch_new();
    spm_encode(&r->t->spm, s->spm, text, r->request->dropout, &s->bpe.random, r->out);
    for (ptrdiff_t i = first; i < r->out->count; i++) {
        struct token *k = &r->out->items[i];
        k->text = keep(r, k->text);
        k->start += (uint32_t)base;
        k->end += (uint32_t)base;
    }
    return true;
}

/* A part of the raw text: normalized on its own, then searched for the normalized tokens. */
static bool encode_section(const struct run *r, slice text, ptrdiff_t base)
{
    struct ntext *section = &r->s->section;
    struct added_match m;
    ptrdiff_t done = 0;

    if (text.len == 0)
        return true;
    trace_text(r, "section", text);
    if (r->t->model == MODEL_SPM)
        return encode_spm(r, text, base);
    ntext_set(section, text, base, r->aligned);
    if (!normal_apply(&r->t->normal, &r->s->normal, section, r->err))
        return false;
    text = ntext_slice(section);
    trace_text(r, "normalized", text);
    struct added_iter it = added_iter_start(&r->t->normalized, text, specials_are_text(r));
    while (added_next(&it, &m)) {
        uint32_t start = 0, end = 0;
        if (r->aligned && m.end > m.start) {
            start = section->align[m.start].start;
            end = section->align[m.end - 1].end;
        }
        if (!encode_part(r, done, m.start) || !push_match(r, &m, text, start, end))
            return false;
        done = m.end;
    }
    return encode_part(r, done, text.len);
}

static bool encode_sequence(const struct run *r, slice text)
{
    struct added_match m;
    ptrdiff_t done = 0;

    struct added_iter it = added_iter_start(&r->t->raw, text, specials_are_text(r));
    while (added_next(&it, &m)) {
        if (!encode_section(r, slice_make(text.ptr + done, MAX(m.start - done, 0)), done) ||
            !push_match(r, &m, text, m.start, m.end))
            return false;
        done = m.end;
    }
    return encode_section(r, slice_from(text, done), done);
}

/* ---- all of it ---- */

bool encode_tokens(const struct tok *t, struct encode_scratch *s, const struct tok_request *request,
                   struct tokens *out, struct arena *arena, struct err *err)
{
    bool offsets = request->wants & TOK_WANT_OFFSETS;
    struct run r = { .t = t, .s = s, .request = request, .err = err };

    r.aligned = offsets || t->needs_offsets;
    if (request->wants & TOK_WANT_TEXTS || (offsets && t->trims_offsets))
        r.arena = arena;
    s->bpe.random = request->seed;
    s->post.count = 0;
    for (int k = 0; k < (request->pair.ptr ? 2 : 1); k++) {
        r.out = &s->post.part[k];
        r.out->count = 0;
        if (!encode_sequence(&r, k ? request->pair : request->text))
            return false;
        s->post.count++;
    }
    slice texts[2] = { request->text, request->pair };

    return post_run(&t->post, &s->post, request->flags & TOK_ADD_SPECIAL, texts, out, err);
}

/* ---- only ids ---- */

static bool encode_word_ids(const struct run *r, slice word, struct tok_ids *ids)
{
    struct wordcache_slot slot = wordcache_find(&r->s->words, word);
    const struct tokens *found = &r->s->piece;

    if (slot.count >= 0) {
        memcpy(tok_ids_reserve(ids, WORDCACHE_IDS), slot.ids, sizeof *slot.ids * WORDCACHE_IDS);
        ids->count += slot.count;
        return true;
    }
    if (!run_model(r, word))
        return false;
    uint32_t *dst = tok_ids_reserve(ids, found->count);
    for (ptrdiff_t i = 0; i < found->count; i++)
        dst[i] = found->items[i].id;
    wordcache_add(&r->s->words, word, dst, found->count);
    ids->count += found->count;
    return true;
}

/* A piece of BPE whose merges never cross the edge in front of a U+2581. */
static bool encode_words_ids(const struct run *r, slice piece, struct tok_ids *ids)
{
    for (ptrdiff_t at = 0; at < piece.len;) {
        ptrdiff_t end = wordcache_word_end(piece, at);
        if (!encode_word_ids(r, slice_make(piece.ptr + at, end - at), ids))
            return false;
        at = end;
    }
    return true;
}

bool encode_text_ids(const struct tok *t, struct encode_scratch *s, slice text, struct tok_ids *ids,
                     struct err *err)
{
    struct tok_request request = { .text = text };
    struct run r = { .t = t, .s = s, .request = &request, .err = err };
    bool by_word = t->model == MODEL_BPE && t->bpe_text.independent_words;

    if (text.len == 0)
        return true;
    if (t->model == MODEL_SPM) {
        if (!s->spm)
            s->spm = spm_scratch_new();
        spm_encode_ids(&t->spm, s->spm, text, ids);
        return true;
    }
    ntext_set(&s->section, text, 0, t->needs_offsets);
    if (!normal_apply(&t->normal, &s->normal, &s->section, err) ||
        !pretok_apply(&t->pretok, &s->pretok, &s->section, &s->spare, err))
        return false;
    for (ptrdiff_t i = 0; i < s->pretok.in.count; i++) {
        struct span span = s->pretok.in.items[i];
        slice piece = slice_make(s->section.text.ptr + span.start, span.len);
        if (!(by_word ? encode_words_ids : encode_word_ids)(&r, piece, ids))
            return false;
    }
    return true;
}

bool encode_piece_alone(const struct tok *t, struct encode_scratch *s, slice text,
                        struct tokens *out)
{
    struct bpe_text bpe = t->bpe_text;
    struct bpe plain = t->bpe;

    if (t->model == MODEL_UNIGRAM)
        return unigram_encode(&t->unigram, &s->unigram, text, out, NULL);
    if (t->model != MODEL_BPE || bpe.prefix.len || bpe.suffix.len ||
        (text.len == 6 && slice_starts(text, SLICE("<0x"))))
        return false;
    plain.ignore_merges = false;
    bpe.bpe = &plain;
    bpe_text_encode(&bpe, &s->bpe, text, 0, out);
    return true;
}
