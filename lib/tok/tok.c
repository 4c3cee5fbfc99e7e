#include "encode.h"
#include "fast.h"
#include "tok_private.h"

#include <stdlib.h>

struct tok_scratch {
    const struct tok *t;
    struct bpe_scratch *bpe;
    struct pretok_scratch pretok;
    struct pieces_window window;
    struct normal_scratch normal;
    struct encode_scratch *general; /* made when it is first needed */
    struct fast_scratch *fast;      /* the same */
    struct tokens tokens;
    struct arena arena; /* of one call: normalized text */
    struct buf prefixed;
};

/* ---- setting up ---- */

static void *room_for_ids(const struct tok *t, ptrdiff_t size, ptrdiff_t align)
{
    return arena_alloc(t->arena, t->size, size, align);
}

/* Two added tokens of one normal form: which one the reference finds is left to chance there. */
static bool check_patterns(const struct tok *t, struct err *err)
{
    struct arena work = { 0 };
    struct vocab seen;
    bool ok = true;

    vocab_init(&seen, t->added_count, t->added_count, &work);
    for (ptrdiff_t i = 0; i < t->added_count && ok; i++)
        if (t->added[i].normalized && !vocab_add(&seen, t->added[i].pattern, (uint32_t)i))
            ok = err_set(err, ERR_CONFIG,
                         "$.added_tokens[%td].content: normalized, it equals another added token",
                         i);
    arena_release(&work);
    return ok;
}

/* What the normalizer makes of the added tokens that it sees. */
static bool normalize_added(struct tok *t, struct err *err)
{
    struct normal_scratch s = { 0 };
    bool ok = true;

    for (ptrdiff_t i = 0; i < t->added_count && ok; i++) {
        struct added_token *a = &t->added[i];
        a->pattern = a->content;
        if (a->normalized)
            ok = normal_run(&t->normal, &s, a->content, t->arena, &a->pattern, err);
    }
    normal_scratch_release(&s);
    if (!ok && err)
        err->class = ERR_CONFIG;
    return ok && check_patterns(t, err);
}

/* The fast way is for byte-level BPE: one ByteLevel among stages that cut text. */
static bool needs_general(const struct tok *t)
{
    int bytes = 0;
    bool other = t->model != MODEL_BPE || t->bpe_text.prefix.len || t->bpe_text.suffix.len ||
                 t->post.truncate || t->post.pad || t->wraps_oddly || t->dropout > 0;

    for (int i = 0; i < t->pretok.count; i++) {
        enum pretok_kind kind = t->pretok.stage[i].kind;
        bytes += kind == PRETOK_BYTES;
        other |= kind > PRETOK_BYTES;
    }
    return other || bytes != 1;
}

static void build_model(struct tok *t)
{
    switch (t->model) {
    case MODEL_BPE:
        if (t->image)
            mrt_tables(t);
        if (!t->general)
            bpe_init_starts(&t->bpe, t->arena);
        if (!t->image)
            bpe_text_build(&t->bpe_text, &t->bpe, t->arena);
        break;
    case MODEL_WORDPIECE:
        wordpiece_build(&t->wordpiece, &t->bpe.vocab, t->arena);
        break;
    case MODEL_WORDLEVEL:
        t->wordpiece.vocab = &t->bpe.vocab;
        break;
    case MODEL_SPM: /* is there already */
        break;
    case MODEL_UNIGRAM:
        t->unigram.vocab = t->bpe.vocab;
        unigram_build(&t->unigram, t->arena);
        break;
    }
}

static const char *describe(const struct tok *t)
{
    static const char *const names[] = { "BPE", "WordPiece", "WordLevel", "Unigram",
                                         "SentencePiece" };
    const char *pre = t->pretok.rule ? t->pretok.rule->pre : NULL;

    if (t->general)
        return arena_printf(t->arena, "%s of %td entries%s", names[t->model], t->bpe.vocab.count,
                            t->normal.count ? ", normalizer" : "")
            .ptr;
    return arena_printf(t->arena, "byte-level BPE, %s%spattern%s", pre ? pre : "",
                        pre ? " " : "own ", t->normal.count ? ", normalizer" : "")
        .ptr;
}

void tok_whole_texts(struct tok *t)
{
    t->post.pad = t->post.truncate = false;
}

bool tok_finish(struct tok *t, struct err *err)
{
    t->size = t->bpe.vocab.size;
    for (ptrdiff_t i = 0; i < t->added_count; i++)
        t->size = MAX(t->size, (ptrdiff_t)t->added[i].id + 1);
    t->flags = room_for_ids(t, 1, 1);
    t->bytes = room_for_ids(t, sizeof *t->bytes, 8);
    for (ptrdiff_t id = 0; id < t->bpe.vocab.size; id++)
        t->flags[id] = t->bpe.vocab.text[id].ptr ? ID_USED : 0;
    for (ptrdiff_t i = 0; i < t->added_count; i++) {
        struct added_token *a = &t->added[i];
        t->flags[a->id] |= ID_USED | ID_ADDED | (a->special ? ID_SPECIAL : 0);
    }
    if (!t->bpe.vocab.count)
        return err_set(err, ERR_CONFIG, "$.model.vocab: empty");
    if (!normalize_added(t, err))
        return false;
    added_build(&t->raw, t->added, t->added_count, false, t->arena);
    added_build(&t->normalized, t->added, t->added_count, true, t->arena);
    t->general = needs_general(t);
    for (int i = 0; i < t->pretok.count; i++)
        t->needs_offsets |= t->pretok.stage[i].prefix_first;
    for (int i = 0; i < t->post.count; i++)
        t->trims_offsets |= t->post.step[i].trim_offsets;
    if (t->pretok.count && !t->general)
        pretok_finish(&t->pretok);
    build_model(t);
    decode_fill_bytes(t);
    if (t->image)
        mrt_fingerprint(t);
    else
        fingerprint_fill(t);
    t->description = describe(t);
    return true;
}

void tok_free(struct tok *t)
{
    if (!t)
        return;
    pretok_free(&t->pretok);
    normal_free(&t->normal);
    decode_chain_free(&t->chain);
    bpe_free(&t->bpe);
}

struct tok_scratch *tok_scratch_new(const struct tok *t)
{
    struct tok_scratch *s = calloc(1, sizeof *s);

    if (!s)
        mem_oom();
    s->t = t;
    s->window.classify = textmask_pick();
    if (!t->general)
        s->bpe = bpe_scratch_new(&t->bpe);
    return s;
}

void tok_scratch_free(struct tok_scratch *s)
{
    if (!s)
        return;
    bpe_scratch_free(s->bpe);
    pretok_scratch_release(&s->pretok);
    normal_scratch_release(&s->normal);
    encode_scratch_free(s->general);
    fast_scratch_free(s->fast);
    tokens_release(&s->tokens);
    arena_release(&s->arena);
    buf_release(&s->prefixed);
    free(s);
}

/* ---- encoding ---- */

static void encode_by_rule(const struct tok *t, struct tok_scratch *s, slice text,
                           struct tok_ids *ids)
{
    struct pieces_window *w = &s->window;

    if (t->pretok.prefix_space && text.ptr[0] != ' ') {
        buf_clear(&s->prefixed);
        buf_append_byte(&s->prefixed, ' ');
        buf_append(&s->prefixed, text);
        text = buf_slice(&s->prefixed);
    }
    for (ptrdiff_t pos = 0; pos < text.len;) {
        ptrdiff_t next = pieces_window(t->pretok.rule, text, pos, w);
        (w->wide * 128 > next - pos && t->bpe.seams.pairs ? bpe_encode_wide : bpe_encode_pieces)(
            &t->bpe, s->bpe, text.ptr + pos, w->end, w->count, text.ptr + text.len, ids);
        pos = next;
    }
}

/* Text without added tokens, normalized. */
static bool encode_text(const struct tok *t, struct tok_scratch *s, slice text, struct tok_ids *ids,
                        struct err *err)
{
    slice work;

    if (text.len == 0)
        return true;
    if (t->pretok.rule) {
        encode_by_rule(t, s, text, ids);
        return true;
    }
    if (!pretok_run(&t->pretok, &s->pretok, text, &work, err))
        return false;
    for (ptrdiff_t i = 0; i < s->pretok.in.count; i++) {
        const struct span *span = &s->pretok.in.items[i];
        bpe_encode_piece(&t->bpe, s->bpe, slice_make(work.ptr + span->start, span->len), ids);
    }
    return true;
}

static void push_id(struct tok_ids *ids, uint32_t id)
{
    *tok_ids_reserve(ids, 1) = id;
    ids->count++;
}

/* A token whose white space was taken by the one before it is empty, and dropped as the reference
 * drops it. */
static void push_match(struct tok_ids *ids, const struct added_match *m)
{
    if (m->end > m->start)
        push_id(ids, m->token->id);
}

/* A part of the raw text: normalized on its own, then searched for the normalized tokens. */
static bool encode_section(const struct tok *t, struct tok_scratch *s, slice text,
                           bool special_is_text, struct tok_ids *ids, struct err *err)
{
    struct added_match m;
    ptrdiff_t done = 0;

    if (t->normal.count && !normal_run(&t->normal, &s->normal, text, &s->arena, &text, err))
        return false;
    struct added_iter it = added_iter_start(&t->normalized, text, special_is_text);
    while (added_next(&it, &m)) {
        if (done < m.start &&
            !encode_text(t, s, slice_make(text.ptr + done, m.start - done), ids, err))
            return false;
        push_match(ids, &m);
        done = m.end;
    }
    return encode_text(t, s, slice_from(text, done), ids, err);
}

static void push_list(struct tok_ids *ids, const struct id_list *list)
{
    for (ptrdiff_t i = 0; i < list->count; i++)
        push_id(ids, list->ids[i]);
}

bool tok_encode_tokens(const struct tok *t, struct tok_scratch *s, const struct tok_request *r,
                       struct tokens *out, struct arena *arena, struct err *err)
{
    if (!s->general)
        s->general = encode_scratch_new();
    return encode_tokens(t, s->general, r, out, arena, err);
}

static bool encode_general(const struct tok *t, struct tok_scratch *s, slice text, unsigned flags,
                           struct tok_ids *ids, struct err *err)
{
    struct tok_request request = { .text = text, .flags = flags, .dropout = t->dropout };

    s->tokens.count = 0;
    arena_reset(&s->arena);
    if (!tok_encode_tokens(t, s, &request, &s->tokens, &s->arena, err))
        return false;
    uint32_t *dst = tok_ids_reserve(ids, s->tokens.count);
    for (ptrdiff_t i = 0; i < s->tokens.count; i++)
        dst[i] = s->tokens.items[i].id;
    ids->count += s->tokens.count;
    return true;
}

bool tok_encode(const struct tok *t, struct tok_scratch *s, slice text, unsigned flags,
                struct tok_ids *ids, struct err *err)
{
    if (fast_applies(t, flags)) {
        if (!s->fast)
            s->fast = fast_scratch_new(t);
        return fast_encode(t, s->fast, text, flags, ids, err);
    }
    if (t->general || flags & (TOK_SPECIAL_ERROR | TOK_SPECIAL_DROP))
        return encode_general(t, s, text, flags, ids, err);
    bool special_is_text = !(flags & TOK_SPECIAL_PARSE);
    struct added_match m;
    ptrdiff_t done = 0;

    ASSERT(s->t == t);
    if (flags & TOK_ADD_SPECIAL)
        push_list(ids, &t->prefix);
    arena_reset(&s->arena);
    struct added_iter it = added_iter_start(&t->raw, text, special_is_text);
    while (added_next(&it, &m)) {
        if (done < m.start && !encode_section(t, s, slice_make(text.ptr + done, m.start - done),
                                              special_is_text, ids, err))
            return false;
        push_match(ids, &m);
        done = m.end;
    }
    if (done < text.len && !encode_section(t, s, slice_from(text, done), special_is_text, ids, err))
        return false;
    if (flags & TOK_ADD_SPECIAL)
        push_list(ids, &t->suffix);
    return true;
}

/* ---- asking ---- */

bool tok_has_merges(const struct tok *t)
{
    return t->model == MODEL_BPE || (t->model == MODEL_SPM && t->spm.kind == SPM_BPE);
}

ptrdiff_t tok_vocab_size(const struct tok *t)
{
    return t->size;
}

int64_t tok_id_of(const struct tok *t, slice token_text)
{
    int64_t i = t->added_index.slots ? vocab_find(&t->added_index, token_text) : -1;

    if (i >= 0)
        return t->added[i].id;
    return vocab_find(&t->bpe.vocab, token_text);
}

slice tok_bytes_of(const struct tok *t, uint32_t id)
{
    return (ptrdiff_t)id < t->size && t->flags[id] ? t->bytes[id] : (slice){ NULL, 0 };
}

bool tok_is_special(const struct tok *t, uint32_t id)
{
    return (ptrdiff_t)id < t->size && (t->flags[id] & ID_SPECIAL);
}

void tok_ids_release(struct tok_ids *ids)
{
    free(ids->ids);
    *ids = (struct tok_ids){ 0 };
}

void tok_fingerprint(const struct tok *t, char hex[33])
{
    memcpy(hex, t->fingerprint, sizeof t->fingerprint);
}

const char *tok_describe(const struct tok *t)
{
    return t->description;
}
