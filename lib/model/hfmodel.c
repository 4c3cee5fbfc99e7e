#include "hfmodel.h"

#include "../buf.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define LAYERS_MAX  65536
#define NOTICES_MAX 16

static void notice(struct hf_model *m, struct arena *arena, slice text)
{
    if (!m->notices)
        m->notices = arena_new(arena, slice, NOTICES_MAX);
    if (m->notice_count < NOTICES_MAX)
        ((slice *)m->notices)[m->notice_count++] = text;
}

/* ---- hyper-parameters ---- */

static bool config_size(const struct json_node *config, const char *member, int64_t def,
                        int64_t *out, struct err *err)
{
    const struct json_node *n = json_get(config, member);

    if (!n || n->type == JSON_NULL) {
        *out = def;
        if (def > 0)
            return true;
        return err_set(err, ERR_CONFIG, "config.json: '%s' is missing", member);
    }
    if (!json_int(n, out) || *out < 1 || *out > INT32_MAX)
        return err_set(err, ERR_CONFIG, "config.json: '%s' must be an integer from 1 to 2^31",
                       member);
    return true;
}

static bool read_sizes(const struct json_node *config, struct hf_model *m, struct err *err)
{
    int64_t *z = m->sizes;

    if (!config_size(config, "hidden_size", 0, &z[ARCH_HIDDEN], err) ||
        !config_size(config, "num_hidden_layers", 0, &z[ARCH_LAYERS], err) ||
        !config_size(config, "num_attention_heads", 0, &z[ARCH_HEADS], err) ||
        !config_size(config, "num_key_value_heads", z[ARCH_HEADS], &z[ARCH_KV_HEADS], err) ||
        !config_size(config, "intermediate_size", 0, &z[ARCH_FFN], err) ||
        !config_size(config, "vocab_size", 0, &z[ARCH_VOCAB], err) ||
        !config_size(config, "max_position_embeddings", 0, &z[ARCH_CONTEXT], err) ||
        !config_size(config, "head_dim", z[ARCH_HIDDEN] / z[ARCH_HEADS], &z[ARCH_HEAD], err))
        return false;
    if (z[ARCH_LAYERS] > LAYERS_MAX)
        return err_set(err, ERR_CONFIG, "config.json: %lld layers, at most %d are allowed",
                       (long long)z[ARCH_LAYERS], LAYERS_MAX);
    if (z[ARCH_HEADS] % z[ARCH_KV_HEADS])
        return err_set(err, ERR_CONFIG,
                       "config.json: 'num_attention_heads' %lld is no multiple of "
                       "'num_key_value_heads' %lld",
                       (long long)z[ARCH_HEADS], (long long)z[ARCH_KV_HEADS]);
    if (z[ARCH_HEAD] % 2)
        return err_set(err, ERR_CONFIG, "config.json: 'head_dim' %lld is odd",
                       (long long)z[ARCH_HEAD]);
    z[ARCH_Q] = z[ARCH_HEADS] * z[ARCH_HEAD];
    z[ARCH_KV] = z[ARCH_KV_HEADS] * z[ARCH_HEAD];
    return true;
}

static void add_key(struct hf_model *m, struct arena *arena, const char *name, struct model_value v)
{
    model_keys_add(&m->keys, arena_printf(arena, "%s.%s", m->arch->name, name), v);
}

static bool add_arch_keys(const struct json_node *config, struct arena *arena, struct hf_model *m,
                          struct err *err)
{
    for (ptrdiff_t i = 0; i < m->arch->key_count; i++) {
        const struct arch_key *k = &m->arch->keys[i];
        double x;
        if (k->size) {
            add_key(m, arena, k->name, model_u32((uint32_t)m->sizes[k->size]));
            continue;
        }
        const struct json_node *n = json_get(config, k->member);
        if (!n && !k->required)
            continue;
        if (!n || !json_double(n, &x) || !isfinite((float)x))
            return err_set(err, ERR_CONFIG, "config.json: '%s' is missing or no number", k->member);
        if (k->type == MODEL_U32 && (x < 0 || x > UINT32_MAX || x != floor(x)))
            return err_set(err, ERR_CONFIG, "config.json: '%s' is no unsigned integer", k->member);
        add_key(m, arena, k->name,
                k->type == MODEL_U32 ? model_u32((uint32_t)x) : model_f32((float)x));
    }
    return true;
}

/* ---- rope ---- */

struct rope {
    slice type; /* "default", "linear", "llama3", "yarn" */
    double theta, factor, low, high, original;
    const struct json_node *node;
};

static bool rope_number(const struct json_node *n, const char *member, double def, double *out,
                        struct err *err)
{
    const struct json_node *v = json_get(n, member);

    *out = def;
    if (v && v->type != JSON_NULL && !json_double(v, out))
        *out = -1;
    if (!(*out > 0) || !isfinite((float)*out))
        return err_set(err, ERR_CONFIG, "config.json: rope member '%s' is missing or not positive",
                       member);
    return true;
}

static bool read_rope(const struct json_node *config, const struct hf_model *m, struct rope *r,
                      struct err *err)
{
    const struct json_node *n = json_get(config, "rope_parameters");

    if (!n || n->type != JSON_OBJECT)
        n = json_get(config, "rope_scaling");
    if (n && n->type != JSON_OBJECT)
        n = NULL;
    *r = (struct rope){ .node = n };
    r->type = json_get_string(n, "rope_type", json_get_string(n, "type", SLICE("default")));
    double theta = json_get_double(config, "rope_theta", 10000);
    double context = (double)m->sizes[ARCH_CONTEXT];
    if (!rope_number(n, "rope_theta", theta, &r->theta, err))
        return false;
    if (json_get_double(n, "partial_rotary_factor",
                        json_get_double(config, "partial_rotary_factor", 1)) != 1)
        return err_set(err, ERR_CONFIG, "config.json: 'partial_rotary_factor' is not supported");
    if (slice_eq(r->type, SLICE("default")))
        return true;
    double def = json_get_double(config, "original_max_position_embeddings", context);
    if (!rope_number(n, "factor", -1, &r->factor, err) ||
        !rope_number(n, "original_max_position_embeddings", def, &r->original, err))
        return false;
    if (r->original > INT32_MAX)
        return err_set(err, ERR_CONFIG,
                       "config.json: 'original_max_position_embeddings' is out of range");
    return true;
}

/* Llama 3 (modeling_rope_utils.py, _compute_llama3_parameters): factors by which the frequencies
 * are divided, as convert_hf_to_gguf.py stores them. */
static bool make_rope_freqs(struct hf_model *m, struct rope *r, struct arena *arena,
                            struct err *err)
{
    int64_t half = m->sizes[ARCH_HEAD] / 2;
    float *f = arena_new(arena, float, half);

    if (!rope_number(r->node, "low_freq_factor", 1, &r->low, err) ||
        !rope_number(r->node, "high_freq_factor", 4, &r->high, err))
        return false;
    if (r->high <= r->low)
        return err_set(err, ERR_CONFIG,
                       "config.json: 'high_freq_factor' must be above 'low_freq_factor'");
    for (int64_t i = 0; i < half; i++) {
        float freq = (float)(1.0 / pow(r->theta, (double)(2 * i) / (double)(2 * half)));
        double wave = 2 * 3.14159265358979323846 / (double)freq;
        double smooth = (r->original / wave - r->low) / (r->high - r->low);
        f[i] = (float)(wave < r->original / r->high  ? 1
                       : wave > r->original / r->low ? r->factor
                                                     : 1 / ((1 - smooth) / r->factor + smooth));
    }
    m->tensors[m->tensor_count++] = (struct tensor){
        .name = SLICE("rope_freqs.weight"),
        .type = TENSOR_F32,
        .dims = 1,
        .ne = { half, 1, 1, 1 },
        .data = f,
        .bytes = half * 4,
        .file = -1,
    };
    return true;
}

static bool add_rope(const struct json_node *config, struct arena *arena, struct hf_model *m,
                     struct err *err)
{
    struct rope r;

    if (!read_rope(config, m, &r, err))
        return false;
    add_key(m, arena, "rope.freq_base", model_f32((float)r.theta));
    if (slice_eq(r.type, SLICE("default")))
        return true;
    if (slice_eq(r.type, SLICE("llama3")))
        return make_rope_freqs(m, &r, arena, err);
    if (!slice_eq(r.type, SLICE("linear")) && !slice_eq(r.type, SLICE("yarn")))
        return err_set(err, ERR_CONFIG,
                       "config.json: rope type %s is not supported "
                       "(default, linear, llama3, yarn are)",
                       ERR_QUOTE(r.type));
    add_key(m, arena, "rope.scaling.type", model_string(r.type));
    add_key(m, arena, "rope.scaling.factor", model_f32((float)r.factor));
    if (slice_eq(r.type, SLICE("yarn")))
        add_key(m, arena, "rope.scaling.original_context_length", model_u32((uint32_t)r.original));
    return true;
}

static void add_window(const struct json_node *config, struct arena *arena, struct hf_model *m)
{
    int64_t window = json_get_int(config, "sliding_window", 0);
    const char *flag = m->arch->window_flag;

    if (window <= 0 || window > INT32_MAX || (flag && !json_get_bool(config, flag, false)))
        return;
    add_key(m, arena, "attention.sliding_window", model_u32((uint32_t)window));
    notice(m, arena,
           arena_printf(arena,
                        "attention window of %lld tokens: llama.cpp ignores it for "
                        "'%s'",
                        (long long)window, m->arch->name));
}

/* ---- tensors ---- */

struct entry { /* source tensors by name */
    slice name;
    ptrdiff_t index;
    bool used;
};

static int compare_entry(const void *a, const void *b)
{
    return slice_cmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

/* The pattern with the layer in place of '%'; layer < 0: there is none. */
static slice fill_layer(struct arena *arena, const char *pattern, int64_t layer)
{
    const char *at = strchr(pattern, '%');

    if (!at)
        return slice_of(pattern);
    return arena_printf(arena, "%.*s%lld%s", (int)(at - pattern), pattern, (long long)layer,
                        at + 1);
}

static bool check_dims(const struct hf_model *m, const struct arch_tensor *row,
                       const struct tensor *t, slice source, struct err *err)
{
    int dims = row->rows ? 2 : 1;
    int64_t columns = m->sizes[row->columns], rows = row->rows ? m->sizes[row->rows] : 1;

    if (t->dims == dims && t->ne[0] == columns && t->ne[1] == rows)
        return true;
    char want[48];
    struct buf have = { 0 };
    for (int i = t->dims; i-- > 0;)
        buf_printf(&have, "%lld%s", (long long)t->ne[i], i ? "," : "");
    if (dims == 2)
        snprintf(want, sizeof want, "%lld,%lld", (long long)rows, (long long)columns);
    else
        snprintf(want, sizeof want, "%lld", (long long)columns);
    err_set(err, ERR_CONFIG, "tensor %s has shape [%s], config.json asks for [%s]",
            ERR_QUOTE(source), buf_cstr(&have), want);
    buf_release(&have);
    return false;
}

struct mapper {
    const struct hf_source *source;
    struct hf_model *model;
    struct arena *arena;
    struct entry *entries;
    bool tied;
};

static bool map_one(struct mapper *p, const struct arch_tensor *row, int64_t layer, struct err *err)
{
    struct entry key = { .name = fill_layer(p->arena, row->source, layer) };
    struct entry *e =
        bsearch(&key, p->entries, (size_t)p->source->tensor_count, sizeof *e, compare_entry);
    bool drop = (row->flags & ARCH_IGNORED) || ((row->flags & ARCH_OUTPUT) && p->tied);

    if (e && drop) {
        e->used = true;
        if (layer <= 0)
            notice(p->model, p->arena,
                   arena_printf(p->arena, "tensor '%.*s' is not needed%s", SLICE_ARG(key.name),
                                row->flags & ARCH_OUTPUT ? ": the embeddings are tied" : ""));
        return true;
    }
    if (!e) {
        if (drop || (row->flags & ARCH_OPTIONAL))
            return true;
        return err_set(err, ERR_CONFIG, "tensor %s is missing%s", ERR_QUOTE(key.name),
                       row->flags & ARCH_OUTPUT ? " and 'tie_word_embeddings' is not true" : "");
    }
    struct tensor t = p->source->tensors[e->index];
    e->used = true;
    if (!check_dims(p->model, row, &t, key.name, err))
        return false;
    t.name = fill_layer(p->arena, row->name, layer);
    t.head_rows = row->flags & ARCH_ROPE_HALVES ? (int)p->model->sizes[ARCH_HEAD] : 0;
    p->model->tensors[p->model->tensor_count++] = t;
    return true;
}

/* Rows with a layer repeat as a group, between those before and those after them. */
static bool map_rows(struct mapper *p, struct err *err)
{
    const struct arch *a = p->model->arch;

    for (ptrdiff_t i = 0; i < a->tensor_count; i++) {
        if (!strchr(a->tensors[i].source, '%')) {
            if (!map_one(p, &a->tensors[i], -1, err))
                return false;
        }
    }
    for (int64_t layer = 0; layer < p->model->sizes[ARCH_LAYERS]; layer++)
        for (ptrdiff_t i = 0; i < a->tensor_count; i++)
            if (strchr(a->tensors[i].source, '%') && !map_one(p, &a->tensors[i], layer, err))
                return false;
    return true;
}

static bool map_tensors(const struct hf_source *s, struct arena *arena, struct hf_model *m,
                        struct err *err)
{
    struct mapper p = { .source = s,
                        .model = m,
                        .arena = arena,
                        .tied = json_get_bool(s->config, "tie_word_embeddings", false) };

    p.entries = arena_new(arena, struct entry, s->tensor_count);
    for (ptrdiff_t i = 0; i < s->tensor_count; i++)
        p.entries[i] = (struct entry){ s->tensors[i].name, i, false };
    qsort(p.entries, (size_t)s->tensor_count, sizeof *p.entries, compare_entry);
    if (!map_rows(&p, err))
        return false;
    for (ptrdiff_t i = 0; i < s->tensor_count; i++)
        if (!p.entries[i].used)
            return err_set(err, ERR_CONFIG, "tensor %s is unknown for model type '%s'",
                           ERR_QUOTE(p.entries[i].name), m->arch->name);
    return true;
}

/* ---- all of it ---- */

static bool check_config(const struct json_node *config, struct arena *arena, struct hf_model *m,
                         struct err *err)
{
    slice type = json_get_string(config, "model_type", SLICE(""));

    m->arch = arch_find(type);
    if (!m->arch)
        return err_set(err, ERR_CONFIG, "config.json: model_type %s is not supported (%s are)",
                       ERR_QUOTE(type), arch_list(arena));
    const struct json_node *q = json_get(config, "quantization_config");
    if (q && q->type != JSON_NULL)
        return err_set(err, ERR_CONFIG,
                       "config.json: the weights are quantized already "
                       "('quantization_config'); start from the original model");
    slice act = json_get_string(config, "hidden_act", slice_of(m->arch->activation));
    if (!slice_eq(act, slice_of(m->arch->activation)))
        return err_set(err, ERR_CONFIG, "config.json: hidden_act %s is not supported for '%s'",
                       ERR_QUOTE(act), m->arch->name);
    return true;
}

static void add_general(const struct hf_source *s, struct hf_model *m)
{
    slice name = json_get_string(s->config, "_name_or_path", SLICE(""));

    model_keys_add(&m->keys, SLICE("general.architecture"), model_string(slice_of(m->arch->name)));
    model_keys_add(&m->keys, SLICE("general.type"), model_string(SLICE("model")));
    model_keys_add(&m->keys, SLICE("general.name"),
                   model_string(name.len ? name : slice_of(s->name)));
}

bool hf_map(const struct hf_source *s, struct arena *arena, struct hf_model *m, struct err *err)
{
    *m = (struct hf_model){ .keys.arena = arena };
    if (s->config->type != JSON_OBJECT)
        return err_set(err, ERR_CONFIG, "config.json: not an object");
    if (!check_config(s->config, arena, m, err) || !read_sizes(s->config, m, err))
        return false;
    m->tensors = arena_new(arena, struct tensor, s->tensor_count + 1); /* + rope_freqs */
    add_general(s, m);
    if (!add_arch_keys(s->config, arena, m, err) || !map_tensors(s, arena, m, err) ||
        !add_rope(s->config, arena, m, err))
        return false;
    add_window(s->config, arena, m);
    return true;
}

void hf_interleave_heads(const void *src, void *dst, int64_t rows, int head_rows, int64_t row_bytes)
{
    int half = head_rows / 2;

    for (int64_t head = 0; head < rows; head += head_rows) {
        const char *from = (const char *)src + head * row_bytes;
        char *to = (char *)dst + head * row_bytes;
        for (int i = 0; i < head_rows; i++)
            memcpy(to + (2 * (i % half) + i / half) * row_bytes, from + i * row_bytes,
                   (size_t)row_bytes);
    }
}
