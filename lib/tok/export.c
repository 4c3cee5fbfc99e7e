#include "tok_private.h"

#include "bytelevel.h"
#include "import_gguf.h"

/* GGUF token types. */
enum { TYPE_NORMAL = 1, TYPE_UNKNOWN, TYPE_CONTROL, TYPE_USER, TYPE_UNUSED, TYPE_BYTE };

/* Names under which readers of GGUF take a piece that is in the vocabulary as one token, whatever
 * the merges say (ignore_merges). */
static bool pre_ignores_merges(slice pre)
{
    return slice_eq(pre, SLICE("llama-bpe")) || slice_eq(pre, SLICE("llama3")) ||
           slice_eq(pre, SLICE("llama-v3"));
}

/* ---- export ---- */

/* Do the merges lead from the bytes of every entry to the entry? Then ignore_merges changes nothing
 * and either name of the pattern is right. */
static bool all_reachable(const struct tok *t)
{
    struct bpe bpe = t->bpe;
    struct bpe_scratch *s = bpe_scratch_new(&bpe);
    struct tok_ids ids = { 0 };
    char *bytes = arena_alloc_raw(t->arena, bpe.vocab.longest + 1, 1);
    bool reachable = true;

    bpe.ignore_merges = false;
    for (ptrdiff_t id = 0; id < bpe.vocab.size && reachable; id++) {
        slice text = bpe.vocab.text[id];
        ptrdiff_t len = text.ptr ? bytelevel_decode(text, bytes) : -1;
        if (len <= 0 || t->flags[id] & ID_ADDED)
            continue; /* no piece of text is this entry */
        ids.count = 0;
        bpe_merge_piece(&bpe, s, slice_make(bytes, len), &ids);
        reachable = ids.count == 1 && ids.ids[0] == (uint32_t)id;
    }
    tok_ids_release(&ids);
    bpe_scratch_free(s);
    return reachable;
}

static bool check_pipeline(const struct tok *t, struct tok_export *out, struct err *err)
{
    const struct pieces_rule *rule = t->pretok.rule;
    const struct pretok_stage *first = &t->pretok.stage[0];
    bool nfc = t->normal.count == 1 && t->normal.step[0].kind == NORMAL_NFC;

    if (!rule || !rule->pre || t->pretok.prefix_space)
        return err_set(err, ERR_CONFIG,
                       "%s: $.pre_tokenizer: its pattern has no name in GGUF files", t->name);
    if (!pieces_by_pre(slice_of(rule->pre), &out->pattern, &rule))
        return err_set(err, ERR_CONFIG, "%s: $.pre_tokenizer: no such pattern", t->name);
    if (first->kind == PRETOK_RULE)
        out->pattern = first->literal;
    out->pre = rule->pre;
    if (strcmp(out->pre, "llama-bpe") == 0 && !t->bpe.ignore_merges && !all_reachable(t))
        out->pre = "smaug-bpe"; /* the same pattern without ignore_merges */
    else if (t->bpe.ignore_merges && strcmp(out->pre, "llama-bpe") != 0 && !all_reachable(t))
        return err_set(err, ERR_CONFIG, "%s: $.model.ignore_merges: GGUF's pattern %s has it not",
                       t->name, out->pre);
    if (strcmp(out->pre, "qwen2") == 0 ? t->normal.count && !nfc : t->normal.count)
        return err_set(err, ERR_CONFIG, "%s: $.normalizer: a GGUF vocabulary cannot hold it",
                       t->name);
    return true;
}

static bool export_added(const struct tok *t, struct tok_export *out, struct err *err)
{
    for (ptrdiff_t i = 0; i < t->added_count; i++) {
        const struct added_token *a = &t->added[i];
        if (a->single_word || a->lstrip || a->rstrip)
            return err_set(err, ERR_CONFIG,
                           "%s: $.added_tokens[%td]: a GGUF vocabulary cannot hold its flags",
                           t->name, i);
        out->tokens[a->id] = a->content;
        out->types[a->id] = a->special ? TYPE_CONTROL : TYPE_USER;
    }
    return true;
}

static void export_merges(const struct tok *t, struct tok_export *out, struct arena *arena)
{
    const struct merges *m = &t->bpe.merges;

    out->merge_count = m->count;
    out->merges = arena_new(arena, slice, m->count);
    for (ptrdiff_t i = 0; i < m->count; i++) {
        slice left = t->bpe.vocab.text[m->pairs[i][0]], right = t->bpe.vocab.text[m->pairs[i][1]];
        char *dst = arena_alloc_raw(arena, left.len + right.len + 1, 1);
        memcpy(dst, left.ptr, (size_t)left.len);
        dst[left.len] = ' ';
        memcpy(dst + left.len + 1, right.ptr, (size_t)right.len);
        out->merges[i] = slice_make(dst, left.len + right.len + 1);
    }
}

bool tok_export(const struct tok *t, struct tok_export *out, struct arena *arena, struct err *err)
{
    *out =
        (struct tok_export){ .model = "gpt2", .bos = -1, .eos = -1, .unk = t->bpe.unk, .pad = -1 };
    if (t->decoder != DECODER_BYTES || t->model != MODEL_BPE || t->general)
        return err_set(err, ERR_CONFIG,
                       "%s: not byte-level BPE, which is what can be written into GGUF", t->name);
    if (!check_pipeline(t, out, err))
        return false;
    out->vocab_size = t->size;
    out->tokens = arena_new(arena, slice, t->size);
    out->types = arena_new(arena, int8_t, t->size);
    for (ptrdiff_t id = 0; id < t->size; id++) {
        bool used = id < t->bpe.vocab.size && t->bpe.vocab.text[id].ptr;
        out->tokens[id] = used ? t->bpe.vocab.text[id] : (slice){ "", 0 };
        out->types[id] = id == t->bpe.unk ? TYPE_UNKNOWN : used ? TYPE_NORMAL : TYPE_UNUSED;
    }
    if (!export_added(t, out, err))
        return false;
    export_merges(t, out, arena);
    if (t->prefix.count > 1 || t->suffix.count > 1)
        return err_set(
            err, ERR_CONFIG,
            "%s: $.post_processor: a GGUF vocabulary holds one id in front and one behind",
            t->name);
    out->add_bos = t->prefix.count > 0;
    out->add_eos = t->suffix.count > 0;
    if (out->add_bos)
        out->bos = t->prefix.ids[0];
    if (out->add_eos)
        out->eos = t->suffix.ids[0];
    return true;
}

/* ---- import ---- */

/* Names that stand for several patterns, one after the other; each isolates what it matches. */
static const struct pre_sequence {
    const char *names; /* separated by blanks */
    const char *patterns[6];
} sequences[] = {
    { "starcoder refact command-r smollm codeshell exaone minerva",
      { "\\p{N}",
        "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+" } },
    { "deepseek-coder",
      { "[\\r\\n]", "\\s?\\p{L}+", "\\s?\\p{P}+",
        "[\xE4\xB8\x80-\xE9\xBE\xA5\xE0\xA0\x80-\xE4\xB8\x80\xEA\xB0\x80-\xED\x9F\xBF]+",
        "\\p{N}" } },
    { "falcon",
      { "[\\p{P}\\$\\+<=>\\^~\\|`]+",
        "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
        "[0-9][0-9][0-9]" } },
    { "mpt olmo jais trillion granite-docling",
      { "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+" } },
};

static const struct pre_sequence *find_sequence(slice pre)
{
    for (ptrdiff_t i = 0; i < countof(sequences); i++)
        for (const char *name = sequences[i].names; name;) {
            const char *blank = strchr(name, ' ');
            if (slice_eq(pre, blank ? slice_make(name, blank - name) : slice_of(name)))
                return &sequences[i];
            name = blank ? blank + 1 : NULL;
        }
    return NULL;
}

static bool import_sequence(struct tok *t, const struct pre_sequence *seq, struct err *err)
{
    int n = 0;

    for (; n < countof(seq->patterns) && seq->patterns[n]; n++) {
        struct pretok_stage *stage = &t->pretok.stage[n];
        stage->behavior = PRETOK_ISOLATED;
        stage->literal = slice_of(seq->patterns[n]);
        stage->rule = pieces_find(stage->literal, PIECES_ONIGURUMA);
        stage->kind = stage->rule ? PRETOK_RULE : PRETOK_PATTERN;
        t->pretok.count = n + 1;
        if (!stage->rule && !(stage->pattern = pattern_new(stage->literal, t->arena, err)))
            return false;
    }
    t->pretok.stage[n] = (struct pretok_stage){ .kind = PRETOK_BYTES, .behavior = PRETOK_ISOLATED };
    t->pretok.count = n + 1;
    t->decoder = DECODER_BYTES;
    return true;
}

static bool import_pipeline(struct tok *t, const struct tok_export *in, struct err *err)
{
    char quoted[64];
    slice pre = in->pre ? slice_of(in->pre) : (slice){ "", 0 };
    struct pretok_stage *stage = t->pretok.stage;

    if (!in->model || strcmp(in->model, "gpt2") != 0)
        return err_set(err, ERR_CONFIG,
                       "tokenizer.ggml.model: %s is not supported (gpt2, llama, t5 and bert are)",
                       err_quote(quoted, sizeof quoted, slice_of(in->model ? in->model : "")));
    const struct pre_sequence *seq = find_sequence(pre);
    if (seq)
        return import_sequence(t, seq, err);
    if (!pieces_by_pre(pre, &stage[0].literal, &stage[0].rule))
        return err_set(err, ERR_CONFIG, "tokenizer.ggml.pre: %s is not a known pattern",
                       err_quote(quoted, sizeof quoted, pre));
    stage[0].kind = PRETOK_RULE;
    stage[0].behavior = PRETOK_ISOLATED;
    stage[1].kind = PRETOK_BYTES;
    stage[1].behavior = PRETOK_ISOLATED;
    t->pretok.count = 2;
    t->decoder = DECODER_BYTES;
    t->bpe.ignore_merges = pre_ignores_merges(pre);
    if (slice_eq(pre, SLICE("qwen2")))
        normal_add(&t->normal, &(struct normal_step){ .kind = NORMAL_NFC }, t->arena);
    return true;
}

static bool is_added(const struct tok_export *in, ptrdiff_t id)
{
    return in->types && (in->types[id] == TYPE_CONTROL || in->types[id] == TYPE_USER);
}

static bool import_tokens(struct tok *t, const struct tok_export *in, struct err *err)
{
    ptrdiff_t added = 0;

    if (in->vocab_size > VOCAB_MAX_ID)
        return err_set(err, ERR_CONFIG, "tokenizer.ggml.tokens: too many");
    for (ptrdiff_t id = 0; id < in->vocab_size; id++)
        added += is_added(in, id);
    vocab_init(&t->bpe.vocab, in->vocab_size, in->vocab_size, t->arena);
    vocab_init(&t->added_index, added, added, t->arena);
    t->added = arena_new(t->arena, struct added_token, added);
    for (ptrdiff_t id = 0; id < in->vocab_size; id++) {
        bool ok = true;
        if (in->types && in->types[id] == TYPE_UNUSED)
            continue;
        slice text = arena_dup(t->arena, in->tokens[id]);
        if (is_added(in, id)) {
            struct added_token *a = &t->added[t->added_count];
            *a = (struct added_token){ .content = text,
                                       .id = (uint32_t)id,
                                       .special = in->types[id] == TYPE_CONTROL };
            ok = text.len > 0 && vocab_add(&t->added_index, text, (uint32_t)t->added_count++);
        }
        if (!ok || !vocab_add(&t->bpe.vocab, text, (uint32_t)id))
            return err_set(err, ERR_CONFIG, "tokenizer.ggml.tokens[%td]: empty or there twice", id);
    }
    return true;
}

/* "left right", cut at the first blank that is not the first character. */
static bool import_merges(struct tok *t, const struct tok_export *in, struct err *err)
{
    char *space = arena_alloc_raw(t->arena, t->bpe.vocab.longest + 1, 1);

    if (in->merge_count > VOCAB_MAX_ID)
        return err_set(err, ERR_CONFIG, "tokenizer.ggml.merges: too many");
    merges_init(&t->bpe.merges, in->merge_count, t->arena);
    for (ptrdiff_t i = 0; i < in->merge_count; i++) {
        slice m = in->merges[i];
        ptrdiff_t blank = m.len > 1 ? slice_find(slice_from(m, 1), ' ') : -1;
        if (blank < 0)
            return err_set(err, ERR_CONFIG, "tokenizer.ggml.merges[%td]: not two tokens", i);
        if (!load_merge(t, slice_make(m.ptr, blank + 1), slice_from(m, blank + 2), (uint32_t)i,
                        space, err))
            return false;
    }
    return true;
}

static bool import_ids(struct tok *t, const struct tok_export *in, struct err *err)
{
    const struct {
        bool add;
        int64_t id;
        struct id_list *list;
        const char *name;
    } wrap[] = { { in->add_bos, in->bos, &t->prefix, "bos" },
                 { in->add_eos, in->eos, &t->suffix, "eos" } };

    t->bpe.unk = in->unk >= 0 && in->unk < in->vocab_size ? in->unk : -1;
    for (ptrdiff_t i = 0; i < countof(wrap); i++) {
        if (!wrap[i].add)
            continue;
        if (wrap[i].id < 0 || wrap[i].id >= in->vocab_size || !t->bpe.vocab.text[wrap[i].id].ptr)
            return err_set(err, ERR_CONFIG, "tokenizer.ggml.%s_token_id: not in the vocabulary",
                           wrap[i].name);
        wrap[i].list->ids = arena_new(t->arena, uint32_t, 1);
        wrap[i].list->ids[0] = (uint32_t)wrap[i].id;
        wrap[i].list->count = 1;
    }
    return true;
}

struct tok *tok_from_export(const struct tok_export *in, const struct tok_conf *conf,
                            struct arena *arena, struct err *err)
{
    struct tok *t = arena_new(arena, struct tok, 1);

    *t = (struct tok){ .arena = arena, .name = arena_dup(arena, slice_of(conf->name)).ptr };
    bool known = false, ok = in->model && import_gguf_other(t, in, &known, err);
    if (known && ok)
        return t;
    if (!known && import_pipeline(t, in, err) && import_tokens(t, in, err) &&
        import_merges(t, in, err) && import_ids(t, in, err) && tok_finish(t, err))
        return t;
    err_context(err, "%s", conf->name);
    tok_free(t);
    return NULL;
}
