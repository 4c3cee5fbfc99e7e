/* The tokenizer of an open model (modelfile.h). */
#include "modelfile.h"
#include "modeltok.h"

bool model_tokenizer_keys(const struct tok_export *e, struct model_keys *keys, struct err *err)
{
    static const struct {
        const char *name;
        ptrdiff_t offset;
    } ids[] = {
        { "tokenizer.ggml.bos_token_id", offsetof(struct tok_export, bos) },
        { "tokenizer.ggml.eos_token_id", offsetof(struct tok_export, eos) },
        { "tokenizer.ggml.unknown_token_id", offsetof(struct tok_export, unk) },
        { "tokenizer.ggml.padding_token_id", offsetof(struct tok_export, pad) },
    };

    if (!e->pre)
        return err_set(err, ERR_CONFIG, "tokenizer.json: no GGUF pre-tokenizer has the pattern %s",
                       err_quote((char[512]){ 0 }, 512, e->pattern));
    int32_t *types = arena_new(keys->arena, int32_t, e->vocab_size);
    for (ptrdiff_t i = 0; i < e->vocab_size; i++)
        types[i] = e->types[i];
    model_keys_set(keys, SLICE("tokenizer.ggml.model"), model_string(slice_of(e->model)));
    model_keys_set(keys, SLICE("tokenizer.ggml.pre"), model_string(slice_of(e->pre)));
    model_keys_set(keys, SLICE("tokenizer.ggml.tokens"), model_strings(e->tokens, e->vocab_size));
    model_keys_set(keys, SLICE("tokenizer.ggml.token_type"),
                   model_array(MODEL_I32, types, e->vocab_size));
    model_keys_set(keys, SLICE("tokenizer.ggml.merges"), model_strings(e->merges, e->merge_count));
    for (ptrdiff_t i = 0; i < countof(ids); i++) {
        int64_t id;
        memcpy(&id, (const char *)e + ids[i].offset, sizeof id);
        if (id >= 0)
            model_keys_set(keys, slice_of(ids[i].name), model_u32((uint32_t)id));
    }
    model_keys_set(keys, SLICE("tokenizer.ggml.add_bos_token"), model_bool(e->add_bos));
    model_keys_set(keys, SLICE("tokenizer.ggml.add_eos_token"), model_bool(e->add_eos));
    return true;
}

static int64_t id_or_none(const struct model_file *m, const char *key)
{
    int64_t id;

    return model_get_int(m, key, &id) ? id : -1;
}

static bool flag_or(const struct model_file *m, const char *key, bool otherwise)
{
    int64_t on;

    return model_get_int(m, key, &on) ? on != 0 : otherwise;
}

static bool read_scores(const struct model_file *m, struct arena *arena, struct tok_export *e,
                        struct err *err)
{
    const struct model_value *scores = model_get(m, "tokenizer.ggml.scores");
    const struct model_value *map = model_get(m, "tokenizer.ggml.precompiled_charsmap");

    if (scores && (scores->type != MODEL_ARRAY || scores->array_type != MODEL_F32 ||
                   (ptrdiff_t)scores->count != e->vocab_size))
        return err_set(err, ERR_CONFIG,
                       "%s: key 'tokenizer.ggml.scores' must have one float per token", m->path);
    if (scores) {
        float *copy = arena_new(arena, float, e->vocab_size);
        memcpy(copy, scores->items, (size_t)e->vocab_size * sizeof *copy);
        e->scores = copy;
    }
    if (map && map->type == MODEL_ARRAY &&
        (map->array_type == MODEL_I8 || map->array_type == MODEL_U8))
        e->charsmap = slice_make(map->items, (ptrdiff_t)map->count);
    return true;
}

bool model_tokenizer_export(const struct model_file *m, struct arena *arena, struct tok_export *e,
                            struct err *err)
{
    const struct model_value *tokens = model_get(m, "tokenizer.ggml.tokens");
    const struct model_value *types = model_get(m, "tokenizer.ggml.token_type");
    const struct model_value *merges = model_get(m, "tokenizer.ggml.merges");
    slice model = SLICE("gpt2"), pre = SLICE("default");
    int64_t type;

    *e = (struct tok_export){ 0 };
    if (!tokens || !tokens->strings || tokens->count == 0)
        return err_set(err, ERR_CONFIG, "%s: key 'tokenizer.ggml.tokens' is missing or empty",
                       m->path);
    if (merges && !merges->strings)
        return err_set(err, ERR_CONFIG, "%s: key 'tokenizer.ggml.merges' holds no strings",
                       m->path);
    if (types && (types->type != MODEL_ARRAY || types->count != tokens->count))
        return err_set(err, ERR_CONFIG,
                       "%s: key 'tokenizer.ggml.token_type' must have one entry "
                       "per token",
                       m->path);
    model_get_string(m, "tokenizer.ggml.model", &model);
    model_get_string(m, "tokenizer.ggml.pre", &pre);
    e->model = arena_cstr_dup(arena, model);
    e->pre = arena_cstr_dup(arena, pre);
    e->vocab_size = (ptrdiff_t)tokens->count;
    e->tokens = arena_new(arena, slice, e->vocab_size);
    memcpy(e->tokens, tokens->strings, (size_t)e->vocab_size * sizeof *e->tokens);
    e->types = arena_new(arena, int8_t, e->vocab_size);
    for (ptrdiff_t i = 0; i < e->vocab_size; i++)
        e->types[i] = model_array_int(types, i, &type) && type >= 1 && type <= 6 ? (int8_t)type : 1;
    if (merges) {
        e->merge_count = (ptrdiff_t)merges->count;
        e->merges = arena_new(arena, slice, e->merge_count);
        memcpy(e->merges, merges->strings, (size_t)e->merge_count * sizeof *e->merges);
    }
    e->bos = id_or_none(m, "tokenizer.ggml.bos_token_id");
    e->eos = id_or_none(m, "tokenizer.ggml.eos_token_id");
    e->unk = id_or_none(m, "tokenizer.ggml.unknown_token_id");
    e->pad = id_or_none(m, "tokenizer.ggml.padding_token_id");
    bool llama = slice_eq(model, SLICE("llama"));
    e->add_space_prefix =
        flag_or(m, "tokenizer.ggml.add_space_prefix", llama || slice_eq(model, SLICE("t5")));
    e->remove_extra = flag_or(m, "tokenizer.ggml.remove_extra_whitespaces", false);
    e->lowercase = flag_or(m, "tokenizer.ggml.normalizer.lowercase", true);
    if (!read_scores(m, arena, e, err))
        return false;
    e->add_bos = flag_or(m, "tokenizer.ggml.add_bos_token", llama);
    e->add_eos = flag_or(m, "tokenizer.ggml.add_eos_token", slice_eq(model, SLICE("t5")));
    return true;
}

struct tok *model_file_tokenizer(const struct model_file *m, struct arena *arena, struct err *err)
{
    struct tok_export e;

    if (m->kind == MODEL_FOLDER && m->has_tokenizer) {
        struct tok_conf conf = { .name = arena_printf(arena, "%s/tokenizer.json", m->path).ptr };
        struct tok *tok = tok_load(&conf, m->tokenizer_json, arena, err);
        if (tok)
            tok_whole_texts(tok);
        return tok;
    }
    struct tok_conf conf = { .name = m->path };
    if (m->has_tokenizer)
        return model_tokenizer_export(m, arena, &e, err) ? tok_from_export(&e, &conf, arena, err)
                                                         : NULL;
    err_set(err, ERR_CONFIG, "%s: the model has no tokenizer: give 'ids'", m->path);
    return NULL;
}
