#include "load_files.h"

#include "../json.h"

#define FILE_MAX ((ptrdiff_t)1 << 30)

enum { SPAN_MODEL = HF_SPANS, SPAN_CONFIG, SPAN_TEKKEN, SPANS };

static bool load_json_kind(struct tok *t, const struct tok_conf *conf, slice text,
                           const struct json_span *span, struct json_span top, struct err *err)
{
    if (span[SPAN_MODEL].count == 0 && span[SPAN_CONFIG].type == JSON_OBJECT &&
        span[SPAN_TEKKEN].type == JSON_ARRAY) {
        struct arena work = { 0 };
        struct json_node *root = json_parse(text, &work, err);
        bool ok = root && load_tekken(t, root, err);
        arena_release(&work);
        return ok;
    }
    if (span[SPAN_MODEL].type != JSON_OBJECT && top.type == JSON_OBJECT && conf->merges.ptr)
        return load_vocab_json(t, conf, text, err);
    return load_tokenizer_json(t, text, span, err);
}

static bool load_json(struct tok *t, const struct tok_conf *conf, slice bytes, struct err *err)
{
    static const char *const paths[SPANS] = { "model.vocab", "model.merges", "model", "config",
                                              "vocab" };
    struct arena work = { 0 };
    struct json_query query;
    struct json_span span[SPANS], top;
    struct json_fault fault;
    char *copy = arena_alloc_raw(t->arena, bytes.len + RECORD_PADDING, 64);
    bool ok = false;

    memcpy(copy, bytes.ptr, (size_t)bytes.len);
    memset(copy + bytes.len, 0, RECORD_PADDING);
    slice text = slice_make(copy, bytes.len);
    if (json_query_init(&query, paths, SPANS, &work, err)) {
        if (json_scan(text, &query, span, &top, &fault))
            ok = load_json_kind(t, conf, text, span, top, err);
        else
            err_set(err, ERR_CONFIG, "byte %td: %s", fault.at, fault.what);
    }
    arena_release(&work);
    return ok;
}

/* The tables are used where they lie: in the caller's bytes, or in a copy of them. */
static bool load_compiled(struct tok *t, const struct tok_conf *conf, slice bytes, struct err *err)
{
    slice json;

    if (!conf->bytes_stay) {
        char *copy = arena_alloc_raw(t->arena, bytes.len, 64);
        memcpy(copy, bytes.ptr, (size_t)bytes.len);
        bytes.ptr = copy;
    }
    t->image = mrt_open(bytes, &json, t->arena, err);
    if (!t->image || !load_json(t, conf, json, err))
        return false;
    return (t->model == MODEL_BPE && !t->general && t->bpe.all_bytes &&
            !(t->bpe.ignore_merges && t->bpe.seams.pairs)) ||
           err_set(err, ERR_CONFIG, "a compiled tokenizer that is not byte-level BPE");
}

/* JSON begins with a bracket or a brace after white space; an empty file is said to be none. */
static bool looks_like_json(slice bytes)
{
    ptrdiff_t at = 0;

    while (at < bytes.len && strchr(" \t\r\n", bytes.ptr[at]) && bytes.ptr[at])
        at++;
    if (at == bytes.len || bytes.ptr[at] == '{')
        return true;
    return bytes.ptr[at] == '[' && at + 1 < bytes.len &&
           strchr("]{\"[0123456789", bytes.ptr[at + 1]);
}

static bool load_any(struct tok *t, const struct tok_conf *conf, slice bytes, struct err *err)
{
    if (bytes.len > FILE_MAX)
        return err_set(err, ERR_CONFIG, "larger than 1 GiB");
    if (mrt_is(bytes))
        return load_compiled(t, conf, bytes, err);
    if (slice_starts(bytes, SLICE("GGUF")))
        return err_set(err, ERR_CONFIG, "a GGUF file; its vocabulary is read as a model's");
    if (looks_like_spm(bytes))
        return load_spm(t, bytes, err);
    if (looks_like_json(bytes))
        return load_json(t, conf, bytes, err);
    if (looks_like_tiktoken(bytes))
        return load_tiktoken(t, conf, bytes, err);
    return load_vocab_txt(t, conf, bytes, err);
}

struct tok *tok_load(const struct tok_conf *conf, slice bytes, struct arena *arena, struct err *err)
{
    struct tok *t = arena_new(arena, struct tok, 1);

    *t = (struct tok){ .arena = arena, .name = arena_dup(arena, slice_of(conf->name)).ptr };
    if (load_any(t, conf, bytes, err))
        return t;
    err_context(err, "%s", conf->name);
    tok_free(t);
    return NULL;
}
