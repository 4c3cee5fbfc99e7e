#include "load_files.h"
#include "load_hf.h"

enum { SPAN_VOCAB = HF_SPAN_VOCAB, SPAN_MERGES = HF_SPAN_MERGES, SPANS = HF_SPANS };

/* The two large members leave the text before a tree is built of the rest. */
static struct json_node *parse_rest(slice text, const struct json_span span[SPANS],
                                    struct arena *arena, struct err *err)
{
    struct json_edit edits[SPANS];
    ptrdiff_t count = 0;
    int order[SPANS] = { SPAN_VOCAB, SPAN_MERGES };

    if (span[SPAN_MERGES].count && span[SPAN_MERGES].start < span[SPAN_VOCAB].start)
        order[0] = SPAN_MERGES, order[1] = SPAN_VOCAB;
    for (int i = 0; i < SPANS; i++) {
        const struct json_span *s = &span[order[i]];
        if (s->count && (s->type == JSON_OBJECT || s->type == JSON_ARRAY))
            edits[count++] = (struct json_edit){ s->start, s->len, SLICE("null") };
    }
    return json_parse(count ? json_splice(text, edits, count, arena) : text, arena, err);
}

/* ---- model ---- */

static bool check_span(const struct json_span *span, const char *path, enum json_type type,
                       struct err *err)
{
    if (span->count == 0)
        return err_set(err, ERR_CONFIG, "%s: missing", path);
    if (span->count > 1)
        return err_set(err, ERR_CONFIG, "%s: there twice", path);
    if (span->type != type)
        return err_set(err, ERR_CONFIG, "%s: not an %s", path,
                       type == JSON_OBJECT ? "object" : "array");
    return true;
}

/* Null or missing: empty. */
static bool get_affix(struct tok *t, const struct json_node *n, const char *key, slice *out,
                      struct err *err)
{
    const struct json_node *m = json_get(n, key);

    *out = (slice){ "", 0 };
    if (!m || m->type == JSON_NULL)
        return true;
    if (!load_string(n, "$.model", key, out, err))
        return false;
    *out = arena_dup(t->arena, *out);
    return true;
}

static bool load_bpe(struct tok *t, slice text, const struct json_node *n,
                     const struct json_span span[SPANS], struct err *err)
{
    const struct json_node *unk = json_get(n, "unk_token"), *dropout = json_get(n, "dropout");
    struct bpe *bpe = &t->bpe;

    if (!load_check_members(n, "$.model",
                            "type|dropout|unk_token|continuing_subword_prefix|end_of_word_suffix|"
                            "fuse_unk|byte_fallback|ignore_merges|vocab|merges",
                            err) ||
        !check_span(&span[SPAN_VOCAB], "$.model.vocab", JSON_OBJECT, err) ||
        !check_span(&span[SPAN_MERGES], "$.model.merges", JSON_ARRAY, err) ||
        !load_bool_or(n, "$.model", "fuse_unk", &bpe->fuse_unk, err) ||
        !load_bool_or(n, "$.model", "byte_fallback", &bpe->byte_fallback, err) ||
        !load_bool_or(n, "$.model", "ignore_merges", &bpe->ignore_merges, err) ||
        !get_affix(t, n, "continuing_subword_prefix", &t->bpe_text.prefix, err) ||
        !get_affix(t, n, "end_of_word_suffix", &t->bpe_text.suffix, err) ||
        !load_vocab(t, text, &span[SPAN_VOCAB], err) ||
        !load_merges(t, text, &span[SPAN_MERGES], err))
        return false;
    if (dropout && dropout->type != JSON_NULL &&
        (!json_double(dropout, &t->dropout) || !(t->dropout >= 0 && t->dropout <= 1)))
        return err_set(err, ERR_CONFIG, "$.model.dropout: not a number from 0 to 1");
    bpe->unk = -1;
    if (!unk || unk->type == JSON_NULL)
        return true;
    if (unk->type == JSON_STRING)
        bpe->unk = vocab_find(&bpe->vocab, unk->text);
    if (bpe->unk < 0)
        return err_set(err, ERR_CONFIG, "$.model.unk_token: not a token of the vocabulary");
    return true;
}

static bool load_words(struct tok *t, slice text, const struct json_node *n,
                       const struct json_span span[SPANS], struct err *err)
{
    bool pieces = t->model == MODEL_WORDPIECE;
    slice unk;

    t->bpe.unk = -1;
    t->wordpiece.max_chars = 100;
    t->wordpiece.prefix = SLICE("##");
    if (!load_check_members(n, "$.model",
                            pieces ? "type|unk_token|continuing_subword_prefix|"
                                     "max_input_chars_per_word|vocab"
                                   : "type|unk_token|vocab",
                            err) ||
        !check_span(&span[SPAN_VOCAB], "$.model.vocab", JSON_OBJECT, err) ||
        !load_string(n, "$.model", "unk_token", &unk, err) ||
        !load_vocab(t, text, &span[SPAN_VOCAB], err))
        return false;
    if (pieces && json_get(n, "continuing_subword_prefix") &&
        !get_affix(t, n, "continuing_subword_prefix", &t->wordpiece.prefix, err))
        return false;
    if (pieces && json_get(n, "max_input_chars_per_word") &&
        !load_int(n, "$.model", "max_input_chars_per_word", 0, INT64_MAX, &t->wordpiece.max_chars,
                  err))
        return false;
    t->bpe.unk = vocab_find(&t->bpe.vocab, unk);
    if (t->bpe.unk < 0)
        return err_set(err, ERR_CONFIG, "$.model.unk_token: not a token of the vocabulary");
    t->wordpiece.unk = (uint32_t)t->bpe.unk;
    return true;
}

static bool load_unigram(struct tok *t, slice text, const struct json_node *n,
                         const struct json_span span[SPANS], struct err *err)
{
    const struct json_node *unk = json_get(n, "unk_id");

    t->bpe.unk = -1;
    if (!load_check_members(n, "$.model", "type|unk_id|vocab|byte_fallback", err) ||
        !check_span(&span[SPAN_VOCAB], "$.model.vocab", JSON_ARRAY, err) ||
        !load_bool_or(n, "$.model", "byte_fallback", &t->unigram.byte_fallback, err) ||
        !load_scores(t, text, &span[SPAN_VOCAB], err))
        return false;
    if (unk && unk->type != JSON_NULL &&
        !load_int(n, "$.model", "unk_id", 0, t->bpe.vocab.size - 1, &t->bpe.unk, err))
        return false;
    t->unigram.unk = t->bpe.unk;
    return true;
}

/* Old files leave the type out: then the shape says it. */
static bool find_model(const struct json_node *n, const struct json_span span[SPANS],
                       enum model_kind *kind, struct err *err)
{
    static const char *const names[] = { "BPE", "WordPiece", "WordLevel", "Unigram" };
    slice type = json_get_string(n, "type", (slice){ NULL, 0 });

    if (!n || n->type != JSON_OBJECT)
        return err_set(err, ERR_CONFIG, "$.model: not an object");
    for (int i = 0; i < countof(names); i++)
        if (type.ptr && slice_eq(type, slice_of(names[i]))) {
            *kind = (enum model_kind)i;
            return true;
        }
    if (type.ptr)
        return load_unsupported(err, "$.model", type);
    *kind = span[SPAN_VOCAB].type == JSON_ARRAY                    ? MODEL_UNIGRAM
            : json_get(n, "max_input_chars_per_word")              ? MODEL_WORDPIECE
            : span[SPAN_MERGES].count || !json_get(n, "unk_token") ? MODEL_BPE
                                                                   : MODEL_WORDLEVEL;
    return true;
}

static bool load_model(struct tok *t, slice text, const struct json_node *n,
                       const struct json_span span[SPANS], struct err *err)
{
    if (!find_model(n, span, &t->model, err))
        return false;
    if (t->model == MODEL_BPE)
        return load_bpe(t, text, n, span, err);
    if (t->model == MODEL_UNIGRAM)
        return load_unigram(t, text, n, span, err);
    return load_words(t, text, n, span, err);
}

/* ---- the file ---- */

static bool check_wrapping(const struct tok *t, const struct id_list *list, struct err *err)
{
    for (ptrdiff_t i = 0; i < list->count; i++)
        if (list->ids[i] >= t->size || !t->flags[list->ids[i]])
            return err_set(err, ERR_CONFIG, "$.post_processor: id %u is not in the vocabulary",
                           list->ids[i]);
    return true;
}

static bool load_file(struct tok *t, slice text, const struct json_span span[SPANS],
                      struct arena *work, struct err *err)
{
    struct json_node *root = parse_rest(text, span, work, err);

    if (!root)
        return false;
    if (root->type != JSON_OBJECT || !json_get(root, "model"))
        return err_set(err, ERR_CONFIG, "$.model: missing; this is not a tokenizer.json");
    return load_check_members(root, "$",
                              "version|truncation|padding|added_tokens|normalizer|pre_tokenizer|"
                              "post_processor|decoder|model",
                              err) &&
           load_truncation(t, json_get(root, "truncation"), err) &&
           load_padding(t, json_get(root, "padding"), err) &&
           load_normalizer(t, json_get(root, "normalizer"), "$.normalizer", err) &&
           load_pretokenizer(t, json_get(root, "pre_tokenizer"), "$.pre_tokenizer", err) &&
           load_postprocessor(t, json_get(root, "post_processor"), "$.post_processor", err) &&
           load_wrapping(t, err) && load_decoder(t, json_get(root, "decoder"), "$.decoder", err) &&
           load_model(t, text, json_get(root, "model"), span, err) &&
           load_added(t, json_get(root, "added_tokens"), err) && tok_finish(t, err) &&
           check_wrapping(t, &t->prefix, err) && check_wrapping(t, &t->suffix, err);
}

bool load_tokenizer_json(struct tok *t, slice text, const struct json_span *span, struct err *err)
{
    struct arena work = { 0 };
    bool ok = load_file(t, text, span, &work, err);

    arena_release(&work);
    return ok;
}
