/* The plan of convert.h: no I/O. */
#include <stdio.h>

#include "../regex.h"
#include "choose.h"
#include "convert.h"
#include "gguf.h"
#include "imatrix.h"
#include "modeltok.h"
#include "threads.h"

/* Larger ones are pages of nothing between tensors. */
#define ALIGNMENT_MAX 65536

/* Tables, not weights: some architectures have them in GGUF. In a folder they are a wrong dtype. */
static bool is_integer(int type)
{
    return type == TENSOR_I8 || type == TENSOR_I16 || type == TENSOR_I32 || type == TENSOR_I64;
}

/* Vectors and tables: convert_hf_to_gguf.py writes them in float32, llama-quantize leaves them. */
static int kept_type(const struct model_file *m, const struct tensor *from)
{
    bool plain = from->type == TENSOR_F16 || from->type == TENSOR_BF16;

    return m->kind == MODEL_GGUF && plain ? (int)from->type : TENSOR_F32;
}

bool convert_rule_parse(const char *text, struct convert_rule *rule, struct err *err)
{
    const char *equals = strrchr(text, '=');

    *rule = (struct convert_rule){ .text = text };
    if (!equals || equals == text)
        return err_set(err, ERR_USAGE, "option '--tensor-type %s': REGEX=TYPE is expected", text);
    const struct mixture *mix = mixture_find(slice_of(equals + 1));
    if (!mix)
        return err_set(err, ERR_USAGE, "option '--tensor-type %s': unknown type", text);
    rule->type = mix->type;
    rule->pattern = regex_new(slice_make(text, equals - text), 0, err);
    return rule->pattern || err_context(err, "option '--tensor-type %s'", text);
}

void convert_rules_free(struct convert_rule *rules, ptrdiff_t count)
{
    for (ptrdiff_t i = 0; i < count; i++)
        if (rules[i].pattern)
            regex_free(rules[i].pattern);
}

static bool rule_matches(const struct convert_rule *rule, slice name)
{
    struct regex_scratch *s = regex_scratch_new();
    bool found = regex_find(rule->pattern, s, name, 0, 0) == REGEX_MATCH;

    regex_scratch_free(s);
    return found;
}

/* The type that --tensor-type gives; t->fixed says whether one does. */
static bool rule_type(const struct convert_conf *conf, const struct tensor *from,
                      struct convert_tensor *t, struct err *err)
{
    for (ptrdiff_t i = 0; i < conf->rule_count; i++) {
        const struct tensor_layout *l = tensor_layout(conf->rules[i].type);
        if (!rule_matches(&conf->rules[i], from->name))
            continue;
        if (from->ne[0] % l->block)
            return err_set(
                err, ERR_USAGE,
                "option '--tensor-type %s': tensor %s has rows of %lld, %s has blocks of %d",
                conf->rules[i].text, ERR_QUOTE(from->name), (long long)from->ne[0], l->name,
                l->block);
        t->out.type = (enum tensor_type)l->type;
        t->fixed = true;
    }
    return true;
}

/* Every rule must be of use. */
static bool rules_used(const struct model_file *m, const struct convert_conf *conf, struct err *err)
{
    for (ptrdiff_t i = 0; i < conf->rule_count; i++) {
        bool used = false;
        for (ptrdiff_t k = 0; k < m->tensor_count && !used; k++)
            used =
                !mixture_keeps(&m->tensors[k]) && rule_matches(&conf->rules[i], m->tensors[k].name);
        if (!used)
            return err_set(err, ERR_USAGE, "option '--tensor-type %s': no weight has such a name",
                           conf->rules[i].text);
    }
    return true;
}

static bool choose_type(const struct model_file *m, const struct convert_conf *conf,
                        const struct mixture_model *model, int64_t order, struct arena *arena,
                        struct convert_tensor *t, struct err *err)
{
    const struct tensor *from = t->from;
    const struct tensor_layout *l = tensor_layout(from->type);

    t->out = *from;
    if (m->kind == MODEL_GGUF && is_integer(from->type)) {
        t->reason = "integers, copied";
        return true;
    }
    if (!l->to_f32)
        return err_set(err, ERR_CONFIG, "tensor %s is %s, which cannot be converted%s",
                       ERR_QUOTE(from->name), l->name,
                       l->block > 1 ? "; start from the F16, BF16 or F32 model" : "");
    if (mixture_keeps(from)) {
        t->out.type = (enum tensor_type)kept_type(m, from);
        t->reason = (int)t->out.type == conf->mixture->type ? NULL
                    : from->dims == 1                       ? "one-dimensional"
                                                            : "never quantized";
        return true;
    }
    t->quantizable = true;
    if (!rule_type(conf, from, t, err))
        return false;
    if (t->fixed)
        return true;
    struct mixture_choice c = mixture_choose(conf->mixture, model, from, order, conf->pure);
    t->out.type = (enum tensor_type)c.type;
    t->fallback = c.fallback;
    if (c.fallback)
        t->reason = arena_printf(arena, "row of %lld does not divide by %d", (long long)from->ne[0],
                                 tensor_layout(c.wanted)->block)
                        .ptr;
    return true;
}

/* What the mixture looks at. */
static struct mixture_model model_facts(const struct model_file *m, bool importance)
{
    struct mixture_model f = { .arch = m->arch, .has_importance = importance };

    model_get_int(m, "%s.block_count", &f.layers);
    model_get_int(m, "%s.expert_count", &f.experts);
    model_get_int(m, "%s.attention.head_count", &f.heads);
    if (!model_get_int(m, "%s.attention.head_count_kv", &f.kv_heads))
        f.kv_heads = f.heads;
    for (ptrdiff_t i = 0; i < m->tensor_count; i++) {
        slice name = m->tensors[i].name;
        f.has_output |= slice_eq(name, SLICE("output.weight"));
        f.attn_v_count += mixture_is_kind(name, MIXTURE_ATTN_V);
    }
    return f;
}

/* For each tensor how many of its kind stand in earlier layers. */
static int64_t *kind_orders(const struct model_file *m, struct arena *arena)
{
    static const char *const kinds[] = { MIXTURE_ATTN_V, MIXTURE_FFN_DOWN };
    int64_t *order = arena_new(arena, int64_t, MAX(1, m->tensor_count));

    for (ptrdiff_t k = 0; k < countof(kinds); k++) {
        int64_t layers = 0, *seen, total = 0;
        for (ptrdiff_t i = 0; i < m->tensor_count; i++)
            layers = MAX(layers, mixture_layer(m->tensors[i].name) + 1);
        if (layers > m->tensor_count) /* a name with a great number: no order to speak of */
            continue;
        seen = arena_new(arena, int64_t, layers + 1);
        for (ptrdiff_t i = 0; i < m->tensor_count; i++)
            if (mixture_is_kind(m->tensors[i].name, kinds[k]))
                seen[mixture_layer(m->tensors[i].name) + 1]++;
        for (int64_t l = 0; l <= layers; l++) {
            int64_t here = seen[l];
            seen[l] = total;
            total += here;
        }
        for (ptrdiff_t i = 0; i < m->tensor_count; i++)
            if (mixture_is_kind(m->tensors[i].name, kinds[k]))
                order[i] = seen[mixture_layer(m->tensors[i].name) + 1];
    }
    return order;
}

/* ---- metadata ---- */

/* The embedding may have more rows than the tokenizer has tokens: the rest is named as
 * convert_hf_to_gguf.py does. */
static bool pad_vocabulary(struct tok_export *e, int64_t rows, struct arena *arena, struct err *err)
{
    if (e->vocab_size > rows)
        return err_set(err, ERR_CONFIG,
                       "tokenizer.json has %td tokens, the embedding has %lld rows", e->vocab_size,
                       (long long)rows);
    slice *tokens = arena_new(arena, slice, (ptrdiff_t)rows);
    int8_t *types = arena_new(arena, int8_t, (ptrdiff_t)rows);
    for (ptrdiff_t i = 0; i < rows; i++) {
        bool used = i < e->vocab_size && e->tokens[i].len > 0;
        tokens[i] = used ? e->tokens[i] : arena_printf(arena, "[PAD%td]", i);
        types[i] = used ? e->types[i] : 5;
    }
    e->tokens = tokens;
    e->types = types;
    e->vocab_size = (ptrdiff_t)rows;
    return true;
}

/* Ids of the special tokens: tokenizer_config.json names them, else what the tokenizer and the
 * configuration say (the order of convert_hf_to_gguf.py). */
static bool choose_specials(const struct model_file *m, const struct tok *tok, struct tok_export *e,
                            int64_t rows, struct err *err)
{
    int64_t *ids[MODEL_TOKEN_COUNT] = { &e->bos, &e->eos, &e->unk, &e->pad };

    if (m->stop_count > 0)
        e->eos = m->stop[0];
    if (e->bos < 0)
        e->bos = m->bos;
    for (int i = 0; i < MODEL_TOKEN_COUNT; i++) {
        slice name = m->special_tokens[i];
        if (name.len && tok_id_of(tok, name) >= 0)
            *ids[i] = tok_id_of(tok, name);
        if (*ids[i] >= rows)
            return err_set(err, ERR_CONFIG, "special token %lld: the vocabulary has %lld tokens",
                           (long long)*ids[i], (long long)rows);
    }
    return true;
}

static bool add_tokenizer(const struct model_file *m, struct model_keys *keys, struct err *err)
{
    struct tok_export e;
    int64_t rows;

    if (!m->has_tokenizer) {
        model_keys_add(keys, SLICE("tokenizer.ggml.model"), model_string(SLICE("none")));
        return true;
    }
    struct tok *tok = model_file_tokenizer(m, keys->arena, err);
    if (!tok || !tok_export(tok, &e, keys->arena, err))
        return false;
    if (!model_get_int(m, "%s.vocab_size", &rows) || !pad_vocabulary(&e, rows, keys->arena, err) ||
        !choose_specials(m, tok, &e, rows, err) || !model_tokenizer_keys(&e, keys, err))
        return false;
    for (int i = 0; i < m->stop_count; i++) {
        if (m->stop[i] != e.eos && m->stop[i] < rows) { /* a second end: of a turn */
            model_keys_add(keys, SLICE("tokenizer.ggml.eot_token_id"),
                           model_u32((uint32_t)m->stop[i]));
            break;
        }
    }
    if (m->chat_template.len)
        model_keys_add(keys, SLICE("tokenizer.chat_template"), model_string(m->chat_template));
    return true;
}

static bool make_keys(const struct model_file *m, const struct mixture *mix, struct convert_plan *p,
                      struct err *err)
{
    struct model_keys *keys = &p->keys;

    for (ptrdiff_t i = 0; i < m->keys.count; i++)
        model_keys_add(keys, m->keys.items[i].name, m->keys.items[i].value);
    model_keys_set(keys, SLICE("general.file_type"), model_u32((uint32_t)mix->file_type));
    model_keys_set(keys, SLICE("general.quantization_version"), model_u32(2));
    return m->kind != MODEL_FOLDER || add_tokenizer(m, keys, err);
}

static bool check_source(const struct model_file *m, struct err *err)
{
    int64_t parts;

    if (m->kind == MODEL_SAFETENSORS)
        return err_set(err, ERR_CONFIG,
                       "%s: one safetensors file is no model; give the folder that "
                       "also holds config.json",
                       m->path);
    if (model_get_int(m, "split.count", &parts) && parts > 1)
        return err_set(err, ERR_CONFIG,
                       "%s: one of %lld parts of a split model; merge them first "
                       "(llama-gguf-split --merge)",
                       m->path, (long long)parts);
    if (m->alignment > ALIGNMENT_MAX)
        return err_set(err, ERR_CONFIG, "%s: alignment %lld, at most %d is written", m->path,
                       (long long)m->alignment, ALIGNMENT_MAX);
    if (m->arch.len == 0)
        return err_set(err, ERR_CONFIG, "%s: key 'general.architecture' is missing", m->path);
    return true;
}

/* Types under a budget, and errors, where they are asked for. */
static bool by_error(const struct model_file *m, const struct convert_conf *conf,
                     struct arena *arena, struct convert_plan *p, struct err *err)
{
    int64_t weights = 0, budget = 0;

    if (!(conf->bpw > 0) && !conf->size_bytes && !conf->measure)
        return true;
    for (ptrdiff_t i = 0; i < p->count; i++)
        weights += tensor_elements(&p->tensors[i].out);
    if (conf->bpw > 0)
        budget = (int64_t)(conf->bpw * (double)weights / 8);
    if (conf->size_bytes) { /* what is not weights: header, padding */
        struct buf header = { 0 };
        struct tensor *out = arena_new(arena, struct tensor, MAX(1, p->count));
        for (ptrdiff_t i = 0; i < p->count; i++)
            out[i] = p->tensors[i].out;
        gguf_build(&p->keys, out, p->count, m->alignment, &header);
        budget = conf->size_bytes - header.len - p->count * m->alignment;
        buf_release(&header);
    }
    struct threads *pool = threads_new(conf->jobs, err);
    bool ok =
        pool &&
        (!(conf->bpw > 0 || conf->size_bytes) || choose_types(m, p, budget, pool, arena, err)) &&
        choose_measure(m, p, pool, err);
    if (pool)
        threads_free(pool);
    return ok || err_context(err, "%s", m->path);
}

/* A file whose types were chosen is called by the one that most weights have. */
static void name_by_types(struct convert_plan *p)
{
    int64_t most = 0;

    for (ptrdiff_t i = 0; i < p->count; i++) {
        int64_t same = 0;
        for (ptrdiff_t k = 0; k < p->count; k++)
            if (p->tensors[k].out.type == p->tensors[i].out.type)
                same += tensor_elements(&p->tensors[k].out);
        const struct mixture *mix =
            mixture_find(slice_of(tensor_type_name((int)p->tensors[i].out.type)));
        if (same <= most || !mix)
            continue;
        most = same;
        model_keys_set(&p->keys, SLICE("general.file_type"), model_u32((uint32_t)mix->file_type));
    }
}

/* Places in the file. */
static bool finish(const struct model_file *m, struct convert_plan *p, struct arena *arena)
{
    struct tensor *out = arena_new(arena, struct tensor, MAX(1, p->count));

    for (ptrdiff_t i = 0; i < p->count; i++) {
        struct convert_tensor *t = &p->tensors[i];
        bool blocks = tensor_layout((int)t->out.type)->from_row;
        t->best = t->best && blocks;
        t->importance = blocks ? t->importance : NULL;
        t->by_rows = t->best || t->importance;
        p->weighted += t->importance != NULL;
        p->fallbacks += t->fallback;
        p->bytes_in += t->from->bytes;
        out[i] = t->out;
    }
    p->bytes_out = gguf_build(&p->keys, out, p->count, m->alignment, &p->header);
    for (ptrdiff_t i = 0; i < p->count; i++)
        p->tensors[i].out = out[i];
    return true;
}

bool convert_plan_make(const struct model_file *m, const struct convert_conf *conf,
                       struct arena *arena, struct convert_plan *p, struct err *err)
{
    *p = (struct convert_plan){ .count = m->tensor_count, .keys.arena = arena };
    p->tensors = arena_new(arena, struct convert_tensor, p->count);
    if (!check_source(m, err) || !make_keys(m, conf->mixture, p, err))
        return false;
    struct mixture_model facts = model_facts(m, conf->imatrix != NULL);
    const int64_t *order = kind_orders(m, arena);
    if (!rules_used(m, conf, err))
        return err_context(err, "%s", m->path);
    for (ptrdiff_t i = 0; i < p->count; i++) {
        struct convert_tensor *t = &p->tensors[i];
        t->from = &m->tensors[i];
        t->best = conf->best;
        if (!choose_type(m, conf, &facts, order[i], arena, t, err))
            return err_context(err, "%s", m->path);
        if (tensor_size_bytes(&t->out) < 0)
            return err_set(err, ERR_CONFIG, "%s: tensor %s: size overflows", m->path,
                           ERR_QUOTE(t->out.name));
        if (conf->imatrix && t->quantizable &&
            !imatrix_values(conf->imatrix, &t->out, arena, &t->importance, err))
            return false;
    }
    if (!by_error(m, conf, arena, p, err))
        return false;
    if (conf->bpw > 0 || conf->size_bytes)
        name_by_types(p);
    return finish(m, p, arena);
}

void convert_plan_release(struct convert_plan *p)
{
    buf_release(&p->header);
}

void convert_plan_print(const struct convert_plan *p, struct buf *out)
{
    int width = 6;

    for (ptrdiff_t i = 0; i < p->count; i++)
        width = MAX(width, (int)p->tensors[i].out.name.len);
    buf_printf(out, "%-*s  %-16s  %-5s %-5s  %14s\n", width, "tensor", "shape", "from", "to",
               "bytes");
    for (ptrdiff_t i = 0; i < p->count; i++) {
        const struct convert_tensor *t = &p->tensors[i];
        char shape[96];
        int at = 0;
        for (int d = 0; d < t->out.dims; d++)
            at += snprintf(shape + at, sizeof shape - (size_t)at, "%s%lld", d ? "x" : "",
                           (long long)t->out.ne[d]);
        /* Names of a GGUF file are any bytes: they are shown, not obeyed. */
        for (ptrdiff_t k = 0; k < t->out.name.len; k++) {
            char c = t->out.name.ptr[k];
            buf_append_byte(out, c >= ' ' && c < 127 ? c : '?');
        }
        buf_printf(out, "%*s  %-16s  %-5s %-5s  %14lld%s%s\n", width - (int)t->out.name.len, "",
                   shape, tensor_type_name((int)t->from->type), tensor_type_name((int)t->out.type),
                   (long long)t->out.bytes, t->reason ? "  " : "", t->reason ? t->reason : "");
    }
    buf_printf(out,
               "%td tensors, %lld bytes of weights; the file has %lld bytes, %td of them "
               "metadata\n",
               p->count, (long long)p->bytes_in, (long long)p->bytes_out, p->header.len);
}
