/* The vocabularies of GGUF files that are not byte-level BPE: what llama.cpp makes of them. */
#include "import_gguf.h"

#include "load_files.h"

enum { TYPE_UNKNOWN = 2, TYPE_CONTROL, TYPE_USER, TYPE_UNUSED, TYPE_BYTE };

static void set_type(const struct tok_export *in, ptrdiff_t id, struct spm_piece *piece)
{
    int type = in->types ? in->types[id] : 1;

    piece->type = SPM_NORMAL;
    if (id == in->unk || (in->unk < 0 && type == TYPE_UNKNOWN))
        piece->type = SPM_UNKNOWN;
    else if (type == TYPE_BYTE)
        piece->type = SPM_BYTE;
    else if (type == TYPE_CONTROL || type == TYPE_UNKNOWN)
        piece->type = SPM_CONTROL;
    else if (type == TYPE_UNUSED)
        piece->type = SPM_UNUSED;
}

static bool fill_pieces(struct tok *t, const struct tok_export *in, struct err *err)
{
    struct spm *m = &t->spm;
    bool bytes = false;

    m->pieces = arena_new(t->arena, struct spm_piece, in->vocab_size);
    m->count = in->vocab_size;
    for (ptrdiff_t id = 0; id < in->vocab_size; id++) {
        struct spm_piece *p = &m->pieces[id];
        p->text = in->tokens[id].len ? arena_dup(t->arena, in->tokens[id]) : SLICE("");
        p->score = in->scores ? in->scores[id] : 0;
        set_type(in, id, p);
        bytes |= p->type == SPM_BYTE;
        if (!(p->score > -1e30f && p->score < 1e30f))
            return err_set(err, ERR_CONFIG, "tokenizer.ggml.scores[%td]: not a finite number", id);
    }
    m->byte_fallback = bytes;
    return true;
}

/* User-defined tokens are found in every text, control tokens when they are parsed. */
static void add_tokens(struct tok *t, const struct tok_export *in)
{
    vocab_init(&t->added_index, in->vocab_size, in->vocab_size, t->arena);
    t->added = arena_new(t->arena, struct added_token, in->vocab_size);
    t->added_count = 0;
    for (ptrdiff_t id = 0; id < in->vocab_size; id++) {
        int type = in->types ? in->types[id] : 1;
        if (type != TYPE_USER && type != TYPE_CONTROL && id != in->unk)
            continue;
        ptrdiff_t at = t->added_count;
        add_special(t, t->spm.pieces[id].text, (uint32_t)id);
        if (t->added_count > at)
            t->added[at].special = type != TYPE_USER;
    }
}

static bool set_wrapping(struct tok *t, const struct tok_export *in, struct err *err)
{
    const struct {
        bool add;
        int64_t id;
        const char *name;
    } ends[] = { { in->add_bos, in->bos, "bos" }, { in->add_eos, in->eos, "eos" } };
    struct post_step *step = &t->post.step[0];
    struct post_piece *piece = arena_new(t->arena, struct post_piece, 3);
    int n = 0;

    for (int i = 0; i < 2; i++) {
        if (ends[i].add && (ends[i].id < 0 || ends[i].id >= in->vocab_size))
            return err_set(err, ERR_CONFIG, "tokenizer.ggml.%s_token_id: not in the vocabulary",
                           ends[i].name);
        if (i == 1)
            n++; /* piece[n] stays what it is: the sequence */
        if (!ends[i].add)
            continue;
        piece[n] = (struct post_piece){ .sequence = -1, .count = 1 };
        piece[n].ids = arena_new(t->arena, uint32_t, 1);
        piece[n].ids[0] = (uint32_t)ends[i].id;
        piece[n].texts = &t->spm.pieces[ends[i].id].text;
        struct id_list *list = i ? &t->suffix : &t->prefix;
        *list = (struct id_list){ piece[n].ids, 1 };
        n += i == 0;
    }
    n += in->add_eos;
    *step = (struct post_step){ .kind = POST_TEMPLATE };
    step->piece[0] = step->piece[1] = piece;
    step->pieces[0] = step->pieces[1] = n;
    t->post.count = 1;
    return true;
}

static bool import_spm(struct tok *t, const struct tok_export *in, enum spm_kind kind,
                       struct err *err)
{
    struct spm *m = &t->spm;

    *m = (struct spm){ .kind = kind,
                       .unk_surface = SLICE(" \xE2\x81\x87 "),
                       .all_found = kind == SPM_BPE };
    m->rules = (struct spm_rules){ .dummy_prefix = in->add_space_prefix,
                                   .remove_extra = in->remove_extra,
                                   .escape = true };
    m->denormal = (struct spm_rules){ .escape = true };
    if (in->charsmap.len) {
        m->rules.map = charsmap_new(in->charsmap, t->arena, err);
        if (!m->rules.map)
            return err_context(err, "tokenizer.ggml.precompiled_charsmap");
    }
    return fill_pieces(t, in, err) && set_wrapping(t, in, err) && finish_spm(t, err);
}

/* Words are stored as "\u2581word", parts within a word bare, [SPECIAL] as they are. */
static bool import_bert(struct tok *t, const struct tok_export *in, struct err *err)
{
    struct vocab *v = &t->bpe.vocab;

    vocab_init(v, in->vocab_size, in->vocab_size, t->arena);
    for (ptrdiff_t id = 0; id < in->vocab_size; id++) {
        slice text = in->tokens[id];
        bool word = slice_starts(text, SLICE("\xE2\x96\x81"));
        bool bracketed = text.len > 1 && text.ptr[0] == '[' && text.ptr[text.len - 1] == ']';
        if (word)
            text = slice_from(text, 3);
        text = word || bracketed ? arena_dup(t->arena, text)
                                 : arena_printf(t->arena, "##%.*s", SLICE_ARG(text));
        if (text.len == 0 || !vocab_add(v, text, (uint32_t)id))
            return err_set(err, ERR_CONFIG, "tokenizer.ggml.tokens[%td]: empty or there twice", id);
    }
    return finish_bert(t, in->lowercase, err);
}

bool import_gguf_other(struct tok *t, const struct tok_export *in, bool *known, struct err *err)
{
    *known = true;
    if (strcmp(in->model, "llama") == 0) {
        if (!import_spm(t, in, SPM_BPE, err))
            return false;
        add_tokens(t, in);
        return tok_finish(t, err);
    }
    if (strcmp(in->model, "t5") == 0)
        return import_spm(t, in, SPM_UNIGRAM, err);
    if (strcmp(in->model, "bert") == 0)
        return import_bert(t, in, err);
    *known = false;
    return false;
}
