#include "tok_private.h"

#include "../json.h"

#include <stdio.h>

#define FILE_MAX ((ptrdiff_t)1 << 30)

enum { SPAN_VOCAB, SPAN_MERGES, SPANS };

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

/* ---- model ---- */

static bool get_flag(const struct json_node *n, const char *key, bool *out, struct err *err)
{
    const struct json_node *m = json_get(n, key);

    *out = m && m->type == JSON_TRUE;
    if (m && m->type != JSON_TRUE && m->type != JSON_FALSE && m->type != JSON_NULL)
        return err_set(err, ERR_CONFIG, "$.model.%s: not true or false", key);
    return true;
}

/* Null or empty. */
static bool check_unset(const struct json_node *n, const char *key, struct err *err)
{
    const struct json_node *m = json_get(n, key);

    if (!m || m->type == JSON_NULL || (m->type == JSON_STRING && m->text.len == 0))
        return true;
    return err_set(err, ERR_CONFIG, "$.model.%s: not supported with byte-level BPE", key);
}

static bool check_model(const struct json_node *n, struct err *err)
{
    char quoted[64];
    slice type = json_get_string(n, "type", (slice){ NULL, 0 });
    double dropout = 0;
    const struct json_node *m = json_get(n, "dropout");

    if (!n || n->type != JSON_OBJECT)
        return err_set(err, ERR_CONFIG, "$.model: not an object");
    if (type.ptr && !slice_eq(type, SLICE("BPE")))
        return err_set(err, ERR_CONFIG, "$.model.type: %s is not supported (BPE is)",
                       err_quote(quoted, sizeof quoted, type));
    if (!load_check_members(n, "$.model",
                            "type|dropout|unk_token|continuing_subword_prefix|end_of_word_suffix|"
                            "fuse_unk|byte_fallback|ignore_merges|vocab|merges",
                            err))
        return false;
    if (m && m->type != JSON_NULL && (!json_double(m, &dropout) || dropout != 0))
        return err_set(err, ERR_CONFIG, "$.model.dropout: not supported");
    return check_unset(n, "continuing_subword_prefix", err) &&
           check_unset(n, "end_of_word_suffix", err);
}

static bool load_model(struct tok *t, slice text, const struct json_node *n,
                       const struct json_span span[SPANS], struct err *err)
{
    const struct json_node *unk = json_get(n, "unk_token");
    struct bpe *bpe = &t->bpe;

    if (!check_model(n, err) || !check_span(&span[SPAN_VOCAB], "$.model.vocab", JSON_OBJECT, err) ||
        !check_span(&span[SPAN_MERGES], "$.model.merges", JSON_ARRAY, err) ||
        !get_flag(n, "fuse_unk", &bpe->fuse_unk, err) ||
        !get_flag(n, "byte_fallback", &bpe->byte_fallback, err) ||
        !get_flag(n, "ignore_merges", &bpe->ignore_merges, err) ||
        !load_vocab(t, text, &span[SPAN_VOCAB], err) ||
        !load_merges(t, text, &span[SPAN_MERGES], err))
        return false;
    bpe->unk = -1;
    if (!unk || unk->type == JSON_NULL)
        return true;
    if (unk->type == JSON_STRING)
        bpe->unk = vocab_find(&bpe->vocab, unk->text);
    if (bpe->unk < 0)
        return err_set(err, ERR_CONFIG, "$.model.unk_token: not a token of the vocabulary");
    return true;
}

/* ---- added tokens ---- */

static bool load_added_flags(const struct json_node *n, const char *path, struct added_token *a,
                             struct err *err)
{
    const struct {
        const char *key;
        bool *out;
    } flags[] = {
        { "single_word", &a->single_word }, { "lstrip", &a->lstrip },   { "rstrip", &a->rstrip },
        { "normalized", &a->normalized },   { "special", &a->special },
    };

    for (ptrdiff_t i = 0; i < countof(flags); i++) {
        const struct json_node *m = json_get(n, flags[i].key);
        if (!m || (m->type != JSON_TRUE && m->type != JSON_FALSE))
            return err_set(err, ERR_CONFIG, "%s.%s: not true or false", path, flags[i].key);
        *flags[i].out = m->type == JSON_TRUE;
    }
    return true;
}

/* The reference does not believe the ids of the file: a token of the vocabulary keeps its id there,
 * others get the next free one in the order of the list. A file that says something else is not the
 * tokenizer that its maker had, so it is refused. */
static bool check_added_id(const struct tok *t, const struct json_node *n, const char *path,
                           struct added_token *a, int64_t *highest, struct err *err)
{
    int64_t want = vocab_find(&t->bpe.vocab, a->content), said = -1;

    if (want < 0)
        want = MAX(*highest + 1, t->bpe.vocab.count);
    *highest = MAX(*highest, want);
    json_int(json_get(n, "id"), &said);
    if (said != want)
        return err_set(err, ERR_CONFIG, "%s.id: must be %jd (a vocabulary of %td entries)", path,
                       (intmax_t)want, t->bpe.vocab.count);
    a->id = (uint32_t)want;
    return true;
}

static bool load_added(struct tok *t, const struct json_node *list, struct err *err)
{
    int64_t highest = -1;

    if (!list || list->type == JSON_NULL)
        return true;
    if (list->type != JSON_ARRAY)
        return err_set(err, ERR_CONFIG, "$.added_tokens: not an array");
    t->added = arena_new(t->arena, struct added_token, list->count);
    vocab_init(&t->added_index, list->count, list->count, t->arena);
    for (const struct json_node *n = list->child; n; n = n->next) {
        struct added_token *a = &t->added[t->added_count];
        char path[64];
        snprintf(path, sizeof path, "$.added_tokens[%td]", t->added_count);
        slice content = json_get_string(n, "content", (slice){ NULL, 0 });
        if (n->type != JSON_OBJECT || content.len == 0)
            return err_set(err, ERR_CONFIG, "%s.content: not a text", path);
        a->content = arena_dup(t->arena, content);
        if (!load_check_members(n, path, "id|content|single_word|lstrip|rstrip|normalized|special",
                                err) ||
            !load_added_flags(n, path, a, err) || !check_added_id(t, n, path, a, &highest, err))
            return false;
        if (!vocab_add(&t->added_index, a->content, (uint32_t)t->added_count))
            return err_set(err, ERR_CONFIG, "%s.content: there twice", path);
        t->added_count++;
    }
    return true;
}

/* ---- the file ---- */

static bool check_absent(const struct json_node *root, const char *key, struct err *err)
{
    const struct json_node *n = json_get(root, key);

    if (!n || n->type == JSON_NULL)
        return true;
    return err_set(err, ERR_CONFIG, "$.%s: not supported; set it to null", key);
}

static bool check_pipeline(const struct tok *t, struct err *err)
{
    bool bytes = false;

    for (int i = 0; i < t->pretok.count; i++)
        bytes |= t->pretok.stage[i].kind == PRETOK_BYTES;
    if (!bytes)
        return err_set(err, ERR_CONFIG,
                       "$.pre_tokenizer: no ByteLevel (only byte-level BPE is supported)");
    return true;
}

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
           check_absent(root, "truncation", err) && check_absent(root, "padding", err) &&
           load_normalizer(t, json_get(root, "normalizer"), "$.normalizer", err) &&
           load_pretokenizer(t, json_get(root, "pre_tokenizer"), "$.pre_tokenizer", err) &&
           load_postprocessor(t, json_get(root, "post_processor"), "$.post_processor", err) &&
           load_decoder(t, json_get(root, "decoder"), "$.decoder", err) &&
           load_model(t, text, json_get(root, "model"), span, err) && check_pipeline(t, err) &&
           load_added(t, json_get(root, "added_tokens"), err) && tok_finish(t, err) &&
           check_wrapping(t, &t->prefix, err) && check_wrapping(t, &t->suffix, err);
}

struct tok *tok_load(const struct tok_conf *conf, slice bytes, struct arena *arena, struct err *err)
{
    static const char *const paths[SPANS] = { "model.vocab", "model.merges" };
    struct arena work = { 0 };
    struct json_query query;
    struct json_span span[SPANS];
    struct json_fault fault;
    struct tok *t = arena_new(arena, struct tok, 1);
    bool ok = false;

    *t = (struct tok){ .arena = arena, .name = arena_dup(arena, slice_of(conf->name)).ptr };
    if (bytes.len > FILE_MAX) {
        err_set(err, ERR_CONFIG, "larger than 1 GiB");
    } else if (json_query_init(&query, paths, SPANS, &work, err)) {
        char *copy = arena_alloc_raw(arena, bytes.len + RECORD_PADDING, 64);
        memcpy(copy, bytes.ptr, (size_t)bytes.len);
        memset(copy + bytes.len, 0, RECORD_PADDING);
        slice text = slice_make(copy, bytes.len);
        if (json_scan(text, &query, span, NULL, &fault))
            ok = load_file(t, text, span, &work, err);
        else
            err_set(err, ERR_CONFIG, "byte %td: %s", fault.at, fault.what);
    }
    arena_release(&work);
    if (!ok) {
        err_context(err, "%s", conf->name);
        tok_free(t);
        return NULL;
    }
    return t;
}
