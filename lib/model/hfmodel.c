#include "hfmodel.h"

#include "../buf.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* The value of the first of two members that is there; 0: neither is. */
static int64_t either_size(const struct json_node *config, const char *a, const char *b)
{
    int64_t v = json_get_int(config, a, 0);

    return v > 0 ? v : json_get_int(config, b, 0);
}

static bool read_expert_sizes(const struct json_node *config, struct hf_model *m, struct err *err)
{
    int64_t *z = m->sizes;

    z[ARCH_EXPERTS] = either_size(config, "num_experts", "num_local_experts");
    z[ARCH_EXPERT_FFN] = either_size(config, "moe_intermediate_size", "intermediate_size");
    if (!config_size(config, "num_experts_per_tok", 0, &z[ARCH_EXPERTS_USED], err))
        return false;
    if (z[ARCH_EXPERTS] < 1 || z[ARCH_EXPERTS] > 4096 || z[ARCH_EXPERTS_USED] > z[ARCH_EXPERTS])
        return err_set(err, ERR_CONFIG,
                       "config.json: %lld experts ('num_experts' or 'num_local_experts'), of which "
                       "%lld are used",
                       (long long)z[ARCH_EXPERTS], (long long)z[ARCH_EXPERTS_USED]);
    if (z[ARCH_EXPERT_FFN] < 1 || z[ARCH_EXPERT_FFN] > INT32_MAX)
        return err_set(err, ERR_CONFIG, "config.json: 'moe_intermediate_size' is out of range");
    return true;
}

/* Labels of a classifier: as many as id2label names, two by default as in transformers. */
static int64_t label_count(const struct json_node *config)
{
    const struct json_node *names = json_get(config, "architectures");
    bool classifier = false;

    for (names = names && names->type == JSON_ARRAY ? names->child : NULL; names;
         names = names->next)
        if (names->type == JSON_STRING)
            classifier |= slice_ends(names->text, SLICE("ForSequenceClassification"));
    if (!classifier)
        return 0;
    const struct json_node *labels = json_get(config, "id2label");
    int64_t count = 0;
    for (labels = labels && labels->type == JSON_OBJECT ? labels->child : NULL; labels;
         labels = labels->next)
        count++;
    return count ? count : json_get_int(config, "num_labels", 2);
}

static bool check_heads(const int64_t *z, struct err *err)
{
    if (z[ARCH_LAYERS] > LAYERS_MAX)
        return err_set(err, ERR_CONFIG, "config.json: %lld layers, at most %d are allowed",
                       (long long)z[ARCH_LAYERS], LAYERS_MAX);
    if (z[ARCH_HEADS] % z[ARCH_KV_HEADS])
        return err_set(err, ERR_CONFIG,
                       "config.json: 'num_attention_heads' %lld is no multiple of "
                       "'num_key_value_heads' %lld",
                       (long long)z[ARCH_HEADS], (long long)z[ARCH_KV_HEADS]);
    if (z[ARCH_HEAD] < 1 || z[ARCH_HEAD] > INT32_MAX / 4)
        return err_set(err, ERR_CONFIG, "config.json: 'head_dim' %lld is out of range",
                       (long long)z[ARCH_HEAD]);
    return true;
}

static bool read_sizes(const struct json_node *config, struct hf_model *m, struct err *err)
{
    const struct arch_members *n = &m->arch->members;
    int64_t *z = m->sizes;
#define NAMED(member, usual) (n->member ? n->member : usual)

    if (!config_size(config, NAMED(hidden, "hidden_size"), 0, &z[ARCH_HIDDEN], err) ||
        !config_size(config, NAMED(layers, "num_hidden_layers"), 0, &z[ARCH_LAYERS], err) ||
        !config_size(config, NAMED(heads, "num_attention_heads"), 0, &z[ARCH_HEADS], err) ||
        !config_size(config, "num_key_value_heads", z[ARCH_HEADS], &z[ARCH_KV_HEADS], err) ||
        !config_size(config, NAMED(ffn, "intermediate_size"), n->ffn ? 4 * z[ARCH_HIDDEN] : 0,
                     &z[ARCH_FFN], err) ||
        !config_size(config, "vocab_size", 0, &z[ARCH_VOCAB], err) ||
        !config_size(config, NAMED(context, "max_position_embeddings"), 0, &z[ARCH_POSITIONS],
                     err) ||
        !config_size(config, "head_dim", z[ARCH_HIDDEN] / z[ARCH_HEADS], &z[ARCH_HEAD], err) ||
        !config_size(config, "type_vocab_size", 2, &z[ARCH_TYPES], err) || !check_heads(z, err) ||
        (m->arch->experts && !read_expert_sizes(config, m, err)))
        return false;
    z[ARCH_CONTEXT] = z[ARCH_POSITIONS] - m->arch->position_offset;
    if (z[ARCH_CONTEXT] < 1)
        return err_set(err, ERR_CONFIG, "config.json: %lld positions, of which %d are not used",
                       (long long)z[ARCH_POSITIONS], m->arch->position_offset);
    z[ARCH_Q] = z[ARCH_HEADS] * z[ARCH_HEAD];
    z[ARCH_KV] = z[ARCH_KV_HEADS] * z[ARCH_HEAD];
    z[ARCH_QKV] = z[ARCH_Q] + 2 * z[ARCH_KV];
    z[ARCH_FFN_TWICE] = 2 * z[ARCH_FFN];
    z[ARCH_LABELS] = m->arch->encoder ? label_count(config) : 0;
    z[ARCH_ROPE] = z[ARCH_HEAD];
    return true;
#undef NAMED
}

static void add_key(struct hf_model *m, struct arena *arena, const char *name, struct model_value v)
{
    bool whole = slice_starts(slice_of(name), SLICE("tokenizer."));

    model_keys_add(&m->keys,
                   whole ? slice_of(name) : arena_printf(arena, "%s.%s", m->arch->name, name), v);
}

static bool config_key(const struct json_node *config, const struct arch_key *k,
                       struct model_value *v, bool *there, struct err *err)
{
    const struct json_node *n = k->member ? json_get(config, k->member) : NULL;
    double x = k->value;

    *there = k->required || n || x != 0;
    if (n && n->type == JSON_NULL && !k->required)
        *there = false;
    if (!*there)
        return true;
    if (k->type == MODEL_BOOL) {
        *v = model_bool(k->member ? json_get_bool(config, k->member, false) : x != 0);
        return true;
    }
    if (k->member && (n || k->required) && (!n || !json_double(n, &x) || !isfinite((float)x)))
        return err_set(err, ERR_CONFIG, "config.json: '%s' is missing or no number", k->member);
    if (k->type == MODEL_U32 && (x < 0 || x > UINT32_MAX || x != floor(x)))
        return err_set(err, ERR_CONFIG, "config.json: '%s' is no unsigned integer", k->member);
    *v = k->type == MODEL_U32 ? model_u32((uint32_t)x) : model_f32((float)x);
    return true;
}

static bool add_arch_keys(const struct json_node *config, struct arena *arena, struct hf_model *m,
                          struct err *err)
{
    for (ptrdiff_t i = 0; i < m->arch->key_count; i++) {
        const struct arch_key *k = &m->arch->keys[i];
        struct model_value v;
        bool there;
        if (k->size) {
            add_key(m, arena, k->name, model_u32((uint32_t)m->sizes[k->size]));
            continue;
        }
        if (!config_key(config, k, &v, &there, err))
            return false;
        if (there)
            add_key(m, arena, k->name, v);
    }
    double scalar = json_get_double(config, "query_pre_attn_scalar", (double)m->sizes[ARCH_HEAD]);
    if (scalar > 0 && scalar != (double)m->sizes[ARCH_HEAD])
        add_key(m, arena, "attention.scale", model_f32((float)(1 / sqrt(scalar))));
    return true;
}

/* The names of a classifier's labels, by number. */
static bool add_labels(const struct json_node *config, struct arena *arena, struct hf_model *m,
                       struct err *err)
{
    int64_t count = m->sizes[ARCH_LABELS];
    const struct json_node *labels = json_get(config, "id2label");

    if (count == 0)
        return true;
    if (count > 1 << 20)
        return err_set(err, ERR_CONFIG, "config.json: %lld labels", (long long)count);
    slice *names = arena_new(arena, slice, (ptrdiff_t)count);
    for (int64_t i = 0; i < count; i++) {
        slice number = arena_printf(arena, "%lld", (long long)i);
        slice def = arena_printf(arena, "LABEL_%lld", (long long)i);
        names[i] = json_get_string(labels, number.ptr, def);
    }
    add_key(m, arena, "pooling_type", model_u32(4));
    add_key(m, arena, "classifier.output_labels", model_strings(names, count));
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

/* Gemma 3 and ModernBERT have one rotation for layers that see everything and one for those with a
 * window: objects by layer type in new files, members of their own in old ones. */
static const struct json_node *rope_of(const struct json_node *config, const char *layer_type)
{
    const struct json_node *n = json_get(config, "rope_parameters");

    if (!n || n->type != JSON_OBJECT)
        n = json_get(config, "rope_scaling");
    const struct json_node *own = n ? json_get(n, layer_type) : NULL;
    if (own && own->type == JSON_OBJECT)
        n = own;
    return n && n->type == JSON_OBJECT ? n : NULL;
}

/* The base of layers with a window; 0: the same as that of the others. */
static double window_theta(const struct json_node *config)
{
    const struct json_node *n = json_get(config, "rope_parameters");
    double local = json_get_double(config, "rope_local_base_freq",
                                   json_get_double(config, "local_rope_theta", 0));

    n = n && n->type == JSON_OBJECT ? json_get(n, "sliding_attention") : NULL;
    return json_get_double(n, "rope_theta", local);
}

static bool read_rope(const struct json_node *config, struct hf_model *m, struct rope *r,
                      struct err *err)
{
    const struct json_node *n = rope_of(config, "full_attention");

    *r = (struct rope){ .node = n };
    r->type = json_get_string(n, "rope_type", json_get_string(n, "type", SLICE("default")));
    double theta =
        json_get_double(config, "rope_theta", json_get_double(config, "global_rope_theta", 10000));
    double context = (double)m->sizes[ARCH_CONTEXT];
    if (!rope_number(n, "rope_theta", theta, &r->theta, err))
        return false;
    double part = json_get_double(n, "partial_rotary_factor",
                                  json_get_double(config, "partial_rotary_factor", 1));
    if (part != 1 && (!m->arch->partial_rotary || !(part > 0 && part < 1)))
        return err_set(err, ERR_CONFIG, "config.json: 'partial_rotary_factor' is not supported");
    m->sizes[ARCH_ROPE] = (int64_t)((double)m->sizes[ARCH_HEAD] * part);
    if (m->sizes[ARCH_ROPE] % 2 || m->sizes[ARCH_ROPE] < 2)
        return err_set(err, ERR_CONFIG, "config.json: 'head_dim' %lld is odd",
                       (long long)m->sizes[ARCH_ROPE]);
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

static bool add_rope(const struct json_node *config, const struct rope *rope, struct arena *arena,
                     struct hf_model *m, struct err *err)
{
    struct rope r = *rope;
    double local = window_theta(config);

    if (!m->arch->rotary)
        return true;
    add_key(m, arena, "rope.freq_base", model_f32((float)r.theta));
    if (local > 0 && isfinite((float)local))
        add_key(m, arena, "rope.freq_base_swa", model_f32((float)local));
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

/* Does this layer attend to a window only? */
static bool is_windowed(const struct json_node *config, const struct arch *a, int64_t layer)
{
    const struct json_node *types = json_get(config, "layer_types");
    int64_t period = a->window_period;

    if (types && types->type == JSON_ARRAY) {
        const struct json_node *n = types->child;
        for (int64_t i = 0; n && i < layer; i++)
            n = n->next;
        return n && n->type == JSON_STRING && slice_eq(n->text, SLICE("sliding_attention"));
    }
    if (a->windows == ARCH_WINDOW_ALL)
        return true;
    if (period == 0)
        return layer >= json_get_int(config, "max_window_layers", 28);
    period = json_get_int(config, "sliding_window_pattern", period);
    period = json_get_int(config, "_sliding_window_pattern", period);
    period = json_get_int(config, "global_attn_every_n_layers", period);
    return period < 2 ? false : (layer + (a->window_first ? 0 : 1)) % period != 0;
}

/* Windows as llama.cpp wants them: every p-th layer sees everything, where that is so; else a list. */
static void add_pattern(struct hf_model *m, struct arena *arena, const uint8_t *windowed)
{
    int64_t layers = m->sizes[ARCH_LAYERS], def = m->arch->window_period;

    for (int64_t i = 0; i <= layers + 1; i++) {
        int64_t period = i == 0 ? def : i; /* the usual one first */
        bool fits = period > 0;
        for (int64_t l = 0; l < layers && fits; l++)
            fits = windowed[l] == ((l + (m->arch->window_first ? 0 : 1)) % period != 0);
        if (!fits)
            continue;
        add_key(m, arena, "attention.sliding_window_pattern", model_u32((uint32_t)period));
        return;
    }
    add_key(m, arena, "attention.sliding_window_pattern",
            model_array(MODEL_BOOL, windowed, layers));
}

static void add_window(const struct json_node *config, struct arena *arena, struct hf_model *m)
{
    const struct arch *a = m->arch;
    int64_t window =
        json_get_int(config, a->window_member ? a->window_member : "sliding_window", 0);
    int64_t layers = m->sizes[ARCH_LAYERS], count = 0;

    if (a->windows == ARCH_WINDOW_NONE)
        return;
    uint8_t *windowed = arena_new(arena, uint8_t, (ptrdiff_t)layers);
    for (int64_t i = 0; i < layers; i++)
        count += windowed[i] = is_windowed(config, a, i);
    bool on = window > 0 && window <= INT32_MAX && count > 0 &&
              !(a->window_flag && !json_get_bool(config, a->window_flag, false));
    if (!on && !strcmp(a->name, "phi3")) /* llama.cpp tells Phi-4 by it */
        add_key(m, arena, "attention.sliding_window", model_u32(0));
    if (!on)
        return;
    add_key(m, arena, "attention.sliding_window", model_u32((uint32_t)window));
    if (a->windows == ARCH_WINDOW_PATTERN || count < layers)
        add_pattern(m, arena, windowed);
    if (a->window_period == 0)
        notice(m, arena,
               arena_printf(arena, "attention window of %lld tokens: llama.cpp ignores it for '%s'",
                            (long long)window, a->name));
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

/* The source's entry of that name, or of that name behind the architecture's prefix. */
static struct entry *find_entry(struct mapper *p, slice name)
{
    const char *prefix = p->model->arch->prefix;
    struct entry key = { .name = name };
    struct entry *e =
        bsearch(&key, p->entries, (size_t)p->source->tensor_count, sizeof *e, compare_entry);

    if (e || !prefix)
        return e;
    key.name = arena_printf(p->arena, "%s%.*s", prefix, SLICE_ARG(name));
    return bsearch(&key, p->entries, (size_t)p->source->tensor_count, sizeof *e, compare_entry);
}

/* Shape, name and transform of a tensor of the source by its row. */
static bool take_tensor(struct mapper *p, const struct arch_tensor *row, struct entry *e,
                        struct tensor *t, struct err *err)
{
    *t = p->source->tensors[e->index];
    e->used = true;
    if (row->flags & ARCH_TRANSPOSED && t->dims == 2) {
        int64_t columns = t->ne[0];
        t->ne[0] = t->ne[1];
        t->ne[1] = columns;
        t->transposed = true;
    }
    if (!check_dims(p->model, row, t, e->name, err))
        return false;
    t->head_rows = row->flags & ARCH_ROPE_HALVES ? (int)p->model->sizes[ARCH_HEAD] : 0;
    t->plus_one = row->flags & ARCH_PLUS_ONE;
    if (row->rows == ARCH_POSITIONS && p->model->arch->position_offset) {
        int64_t skip = tensor_row_bytes(t->type, t->ne[0]) * p->model->arch->position_offset;
        t->offset += skip;
        t->bytes -= skip;
        t->ne[1] -= p->model->arch->position_offset;
    }
    return true;
}

static bool missing(const struct mapper *p, const struct arch_tensor *row, slice name,
                    struct err *err)
{
    (void)p;
    return err_set(err, ERR_CONFIG, "tensor %s is missing%s", ERR_QUOTE(name),
                   row->flags & ARCH_OUTPUT ? " and 'tie_word_embeddings' is not true" : "");
}

/* The matrices of all experts of a layer become one tensor with a third dimension. */
static bool map_experts(struct mapper *p, const struct arch_tensor *row, int64_t layer,
                        struct err *err)
{
    int64_t count = p->model->sizes[ARCH_EXPERTS];
    struct tensor *parts = arena_new(p->arena, struct tensor, (ptrdiff_t)count);
    const char *pattern = fill_layer(p->arena, row->source, layer).ptr, *at = strchr(pattern, '#');

    for (int64_t i = 0; i < count; i++) {
        slice name = arena_printf(p->arena, "%.*s%lld%s", (int)(at - pattern), pattern,
                                  (long long)i, at + 1);
        struct entry *e = find_entry(p, name);
        if (!e)
            return missing(p, row, name, err);
        if (!take_tensor(p, row, e, &parts[i], err))
            return false;
        if (parts[i].type != parts[0].type)
            return err_set(err, ERR_CONFIG, "tensor %s is %s, other experts are %s",
                           ERR_QUOTE(name), tensor_type_name((int)parts[i].type),
                           tensor_type_name((int)parts[0].type));
    }
    struct tensor t = parts[0];
    t.name = fill_layer(p->arena, row->name, layer);
    t.parts = parts;
    t.part_count = (int)count;
    t.dims = 3;
    t.ne[2] = count;
    t.bytes = tensor_size_bytes(&t);
    p->model->tensors[p->model->tensor_count++] = t;
    return true;
}

static bool map_one(struct mapper *p, const struct arch_tensor *row, int64_t layer, struct err *err)
{
    if (row->flags & ARCH_EXPERT)
        return map_experts(p, row, layer, err);
    slice name = fill_layer(p->arena, row->source, layer);
    struct entry *e = find_entry(p, name);
    bool drop = (row->flags & ARCH_IGNORED) || ((row->flags & ARCH_OUTPUT) && p->tied) ||
                ((row->flags & ARCH_LABELLED) && p->model->sizes[ARCH_LABELS] == 0);
    struct tensor t;

    if (e && drop) {
        e->used = true;
        if (layer <= 0)
            notice(p->model, p->arena,
                   arena_printf(p->arena, "tensor '%.*s' is not needed%s", SLICE_ARG(e->name),
                                row->flags & ARCH_OUTPUT ? ": the embeddings are tied" : ""));
        return true;
    }
    if (!e)
        return drop || (row->flags & ARCH_OPTIONAL) || missing(p, row, name, err);
    if (!take_tensor(p, row, e, &t, err))
        return false;
    t.name = fill_layer(p->arena, row->name, layer);
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
                        .tied = json_get_bool(s->config, "tie_word_embeddings",
                                              m->arch->tied_default) };

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
    const char *member = m->arch->activation_member ? m->arch->activation_member : "hidden_act";
    slice act = json_get_string(config, member, slice_of(m->arch->activation));
    if (!slice_eq(act, slice_of(m->arch->activation)))
        return err_set(err, ERR_CONFIG, "config.json: %s %s is not supported for '%s'", member,
                       ERR_QUOTE(act), m->arch->name);
    const char *refused = m->arch->refused ? m->arch->refused : "";
    for (slice s = arch_next_choice(&refused); s.len; s = arch_next_choice(&refused)) {
        const struct json_node *n = json_get(config, arena_cstr_dup(arena, s));
        if (n && (n->type == JSON_TRUE || (n->type == JSON_ARRAY && n->child)))
            return err_set(err, ERR_CONFIG, "config.json: '%.*s' is not supported for '%s'",
                           SLICE_ARG(s), m->arch->name);
    }
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
    struct rope rope = { 0 };
    if ((m->arch->rotary && !read_rope(s->config, m, &rope, err)) ||
        !add_arch_keys(s->config, arena, m, err) || !add_labels(s->config, arena, m, err) ||
        !map_tensors(s, arena, m, err) || !add_rope(s->config, &rope, arena, m, err))
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
