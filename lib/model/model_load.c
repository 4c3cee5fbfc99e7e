/* Reads hyper-parameters and packs weights. Everything that a file says about shapes is checked
 * here, so the forward pass trusts the model. */
#include "modellayer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "blocks.h"

struct loader {
    const struct model_file *file;
    struct threads *pool;
    struct arena *arena;
    struct err *err;
    struct model *m;
    const struct run_arch *arch;
    bool *used; /* per tensor of the file */
    bool failed;
};

/* ---- hyper-parameters ---- */

static int64_t key_int(struct loader *l, const char *key, int64_t def, int64_t min, int64_t max)
{
    int64_t v = def;
    if (!model_get_int(l->file, key, &v) && def < 0 && !l->failed)
        l->failed = !err_set(l->err, ERR_CONFIG, "model has no '%s'", key + 3);
    else if (!l->failed && (v < min || v > max))
        l->failed = !err_set(l->err, ERR_CONFIG, "'%s' is %lld, expected %lld to %lld", key + 3,
                             (long long)v, (long long)min, (long long)max);
    return v;
}

static double key_float(struct loader *l, const char *key, double def)
{
    double v = def;
    if (!model_get_float(l->file, key, &v))
        v = def;
    if (!(v > 0 && v < 1e12) && !l->failed)
        l->failed =
            !err_set(l->err, ERR_CONFIG, "'%s' is %g, expected a positive number", key + 3, v);
    return v;
}

/* What an architecture has. */
static const struct run_arch {
    const char *name;
    enum model_activation activation;
    bool rotary, rope_halves, layer_norm, encoder;
    bool plain_ffn;       /* no gate */
    bool scale_embedding; /* by sqrt(dim) */
    int window_period;   /* without attention.sliding_window_pattern; 0: every layer has a window */
    bool window_first;   /* the first layer of a period sees everything, not the last */
    double window_theta; /* without rope.freq_base_swa; 0: that of all layers */
} archs[] = {
    { "llama", MODEL_SILU, .rotary = true },
    { "mistral", MODEL_SILU, .rotary = true },
    { "qwen2", MODEL_SILU, .rotary = true, .rope_halves = true },
    { "qwen3", MODEL_SILU, .rotary = true, .rope_halves = true },
    { "qwen3moe", MODEL_SILU, .rotary = true, .rope_halves = true },
    { "phi3", MODEL_SILU, .rotary = true, .rope_halves = true },
    { "gemma2", MODEL_GELU_TANH, .rotary = true, .rope_halves = true, .scale_embedding = true,
      .window_period = 2 },
    { "gemma3", MODEL_GELU_TANH, .rotary = true, .rope_halves = true, .scale_embedding = true,
      .window_period = 6, .window_theta = 10000 },
    { "gpt2", MODEL_GELU_TANH, .layer_norm = true, .plain_ffn = true },
    { "bert", MODEL_GELU_ERF, .layer_norm = true, .encoder = true, .plain_ffn = true },
    { "modern-bert", MODEL_GELU_ERF, .rotary = true, .rope_halves = true, .layer_norm = true,
      .encoder = true, .window_period = 3, .window_first = true, .window_theta = 10000 },
};

static bool arch_find_run(struct loader *l)
{
    slice all = SLICE("");

    for (ptrdiff_t i = 0; i < countof(archs); i++) {
        if (slice_eq(l->file->arch, slice_of(archs[i].name)))
            l->arch = &archs[i];
        all = arena_printf(l->arena, "%.*s%s%s", SLICE_ARG(all), i ? ", " : "", archs[i].name);
    }
    if (l->arch)
        return true;
    return err_set(l->err, ERR_CONFIG, "architecture %s cannot be run (%.*s can)",
                   ERR_QUOTE(l->file->arch), SLICE_ARG(all));
}

static bool heads_check(struct loader *l, int64_t value_dim)
{
    const struct model_shape *s = &l->m->shape;

    if (s->heads % s->kv_heads || s->heads / s->kv_heads > 64)
        return err_set(l->err, ERR_CONFIG, "%d heads cannot share %d key-value heads", s->heads,
                       s->kv_heads);
    if (value_dim != s->head_dim || s->rope_dims > s->head_dim || s->rope_dims % 2)
        return err_set(l->err, ERR_CONFIG,
                       "head sizes %d (keys), %lld (values), %d (rope) cannot be run", s->head_dim,
                       (long long)value_dim, s->rope_dims);
    if (s->experts_used > s->experts)
        return err_set(l->err, ERR_CONFIG, "%d of %d experts cannot be used", s->experts_used,
                       s->experts);
    return true;
}

/* Keys that change how values are scaled. */
static void scales_read(struct loader *l)
{
    struct model_shape *s = &l->m->shape;
    double v;

    if (l->arch->scale_embedding)
        s->embed_scale = sqrtf((float)s->dim);
    if (model_get_float(l->file, "%s.attention.scale", &v) && v > 0)
        s->attn_scale = (float)v;
    if (model_get_float(l->file, "%s.attn_logit_softcapping", &v) && v > 0)
        s->attn_cap = (float)v;
    if (model_get_float(l->file, "%s.final_logit_softcapping", &v) && v > 0)
        s->logit_cap = (float)v;
}

static void experts_read(struct loader *l)
{
    struct model_shape *s = &l->m->shape;
    const struct model_value *v = model_get(l->file, "%s.expert_weights_norm");
    int64_t norm = 1;

    s->experts = (int)key_int(l, "%s.expert_count", 0, 0, 4096);
    if (!s->experts || l->failed)
        return;
    s->experts_used = (int)key_int(l, "%s.expert_used_count", -1, 1, 4096);
    s->expert_ffn = (int)key_int(l, "%s.expert_feed_forward_length", s->ffn, 1, 1 << 22);
    if (v)
        model_value_int(v, &norm);
    s->expert_norm = norm != 0;
}

static bool shape_read(struct loader *l)
{
    struct model_shape *s = &l->m->shape;

    if (!arch_find_run(l))
        return false;
    s->rope_halves = l->arch->rope_halves;
    s->layer_norm = l->arch->layer_norm;
    s->encoder = l->arch->encoder;
    s->activation = l->arch->activation;
    s->layers = (int)key_int(l, "%s.block_count", -1, 1, 4096);
    s->dim = (int)key_int(l, "%s.embedding_length", -1, 1, 1 << 20);
    s->ffn = (int)key_int(l, "%s.feed_forward_length", -1, 1, 1 << 22);
    s->heads = (int)key_int(l, "%s.attention.head_count", -1, 1, 1 << 14);
    s->kv_heads = (int)key_int(l, "%s.attention.head_count_kv", s->heads, 1, 1 << 14);
    s->context = key_int(l, "%s.context_length", -1, 1, INT32_MAX - 64);
    s->window = key_int(l, "%s.attention.sliding_window", 0, 0, INT32_MAX);
    s->pooling = (enum model_pooling)key_int(l, "%s.pooling_type", MODEL_POOL_UNSET + 1, 0, 4);
    if (!model_get(l->file, "%s.pooling_type"))
        s->pooling = MODEL_POOL_UNSET;
    if (l->failed)
        return false;
    s->head_dim = (int)key_int(l, "%s.attention.key_length", s->dim / s->heads, 1, 4096);
    int64_t value_dim = key_int(l, "%s.attention.value_length", s->head_dim, 1, 4096);
    if (l->arch->rotary)
        s->rope_dims = (int)key_int(l, "%s.rope.dimension_count", s->head_dim, 2, 4096);
    s->norm_eps =
        (float)(s->layer_norm ? key_float(l, "%s.attention.layer_norm_epsilon", 1e-5)
                              : key_float(l, "%s.attention.layer_norm_rms_epsilon", 1e-5));
    experts_read(l);
    scales_read(l);
    return !l->failed && heads_check(l, value_dim);
}

/* ---- tensors ---- */

static const struct tensor *tensor_get3(struct loader *l, bool needed, int64_t ne0, int64_t ne1,
                                        int64_t ne2, const char *name)
{
    const struct tensor *t = l->failed ? NULL : model_tensor(l->file, name);
    if (!t) {
        if (needed && !l->failed)
            l->failed = !err_set(l->err, ERR_CONFIG, "model has no tensor '%s'", name);
        return NULL;
    }
    l->used[t - l->file->tensors] = true;
    if (t->ne[0] != ne0 || t->ne[1] != ne1 || t->ne[2] != ne2 || t->ne[3] != 1 || !t->data) {
        l->failed = !err_set(l->err, ERR_CONFIG, "tensor '%s' is %lld x %lld, expected %lld x %lld",
                             name, (long long)t->ne[0], (long long)(t->ne[1] * t->ne[2]),
                             (long long)ne0, (long long)(ne1 * ne2));
        return NULL;
    }
    return t;
}

static const struct tensor *tensor_get(struct loader *l, bool needed, int64_t ne0, int64_t ne1,
                                       const char *name)
{
    return tensor_get3(l, needed, ne0, ne1, 1, name);
}

static const float *vector_load(struct loader *l, bool needed, int64_t n, const char *name)
{
    const struct tensor *t = tensor_get(l, needed, n, 1, name);
    if (!t)
        return NULL;
    float *v = arena_alloc_raw(l->arena, n * (int64_t)sizeof(float), 64);
    if (!tensor_to_f32(t->type, t->data, v, n))
        l->failed = !err_set(l->err, ERR_CONFIG, "tensor '%s' has type %s, which cannot be run",
                             name, tensor_type_name(t->type));
    return v;
}

/* A small matrix as float32. */
static const float *matrix_widen(struct loader *l, bool needed, int64_t columns, int64_t rows,
                                 const char *name)
{
    const struct tensor *t = tensor_get(l, needed, columns, rows, name);
    if (!t)
        return NULL;
    float *v = arena_alloc_raw(l->arena, columns * rows * (int64_t)sizeof(float), 64);
    if (!tensor_to_f32((int)t->type, t->data, v, columns * rows))
        l->failed = !err_set(l->err, ERR_CONFIG, "tensor '%s' has type %s, which cannot be run",
                             name, tensor_type_name((int)t->type));
    return v;
}

struct pack_job {
    enum matmul_type type;
    int tensor_type; /* of the rows */
    const char *rows;
    int64_t row_bytes, row_count, k;
    ptrdiff_t panel_bytes;
    char *data;
};

#define PACK_PANELS 16 /* panels per task */

/* Formats whose blocks are a half and 32 small integers are Q8_0 with unused bits: the same values
 * to the bit, and the int8 kernels. */
static bool is_q8_like(int type)
{
    return type == TENSOR_Q4_0 || type == TENSOR_Q5_0 || type == TENSOR_IQ4_NL;
}

static void to_q8(int type, const char *src, char *dst, int64_t n)
{
    for (int64_t i = 0; i < n; i += 32, dst += 34) {
        memcpy(dst, src, 2);
        for (int j = 0; j < 32; j++) {
            const uint8_t *b = (const uint8_t *)src;
            int low = j & 15, shift = j < 16 ? 0 : 4;
            int q = type == TENSOR_Q5_0
                        ? ((b[6 + low] >> shift & 15) | (int)(load_u32(b + 2) >> j & 1) << 4) - 16
                    : type == TENSOR_Q4_0 ? (b[2 + low] >> shift & 15) - 8
                                          : blocks_codebook[b[2 + low] >> shift & 15];
            dst[2 + j] = (char)q;
        }
        src += type == TENSOR_Q5_0 ? 22 : 18;
    }
}

static void pack_task(void *arg, ptrdiff_t task, int thread)
{
    const struct pack_job *j = arg;
    bool convert = is_q8_like(j->tensor_type);
    int64_t q8_bytes = j->k / 32 * 34;
    char *rows = convert ? malloc((size_t)(q8_bytes * MATMUL_ROWS)) : NULL;
    (void)thread;
    if (convert && !rows)
        mem_oom();
    for (int64_t row = task * PACK_PANELS * MATMUL_ROWS,
                 end = MIN(row + PACK_PANELS * MATMUL_ROWS, j->row_count);
         row < end; row += MATMUL_ROWS) {
        int64_t count = MIN(MATMUL_ROWS, j->row_count - row);
        const char *src = j->rows + row * j->row_bytes;
        for (int64_t r = 0; convert && r < count; r++)
            to_q8(j->tensor_type, src + r * j->row_bytes, rows + r * q8_bytes, j->k);
        matmul_pack(j->type, convert ? rows : src, convert ? q8_bytes : j->row_bytes, count, j->k,
                    j->data + row / MATMUL_ROWS * j->panel_bytes);
    }
    free(rows);
}

static int matmul_type_of(int tensor_type)
{
    switch (tensor_type) {
    case TENSOR_F32:
        return MATMUL_F32;
    case TENSOR_F16:
        return MATMUL_F16;
    case TENSOR_BF16:
        return MATMUL_BF16;
    case TENSOR_Q8_0:
    case TENSOR_Q4_0:
    case TENSOR_Q5_0:
    case TENSOR_IQ4_NL:
        return MATMUL_Q8_0;
    default:
        return tensor_layout(tensor_type)->to_f32 ? MATMUL_BLOCKS : -1;
    }
}

/* "Q4_K+Q6_K": the types of matrices in the order in which they are met. */
static void types_add(struct model *m, int type)
{
    const char *name = tensor_type_name(type);
    size_t n = strlen(name);

    for (const char *p = m->weight_types; (p = strstr(p, name)); p += n)
        if ((p == m->weight_types || p[-1] == '+') && (!p[n] || p[n] == '+'))
            return;
    if (m->weight_types[0])
        strncat(m->weight_types, "+", sizeof m->weight_types - strlen(m->weight_types) - 1);
    strncat(m->weight_types, name, sizeof m->weight_types - strlen(m->weight_types) - 1);
}

/* `rows` rows of t from row `first` on. */
static struct matmul rows_load(struct loader *l, const struct tensor *t, int64_t first,
                               int64_t rows)
{
    int64_t k = t->ne[0], row_bytes = tensor_row_bytes((int)t->type, k);
    struct matmul w = { .rows = rows, .k = k };
    int type = matmul_type_of((int)t->type);

    if (type < 0) {
        l->failed = !err_set(l->err, ERR_CONFIG, "tensor %s has type %s, which cannot be run",
                             ERR_QUOTE(t->name), tensor_type_name((int)t->type));
        return w;
    }
    w.type = (enum matmul_type)type;
    types_add(l->m, (int)t->type);
    const char *data = (const char *)t->data + first * row_bytes;
    if (w.type == MATMUL_BLOCKS) {
        const struct tensor_layout *layout = tensor_layout((int)t->type);
        w.data = data;
        w.expand = layout->to_f32;
        w.block = layout->block;
        w.block_bytes = layout->block_bytes;
        w.row_bytes = row_bytes;
        l->m->weight_bytes += rows * w.row_bytes;
        return w;
    }
    w.panel_bytes = matmul_panel_bytes(w.type, k);
    struct pack_job job = {
        .type = w.type,
        .tensor_type = (int)t->type,
        .rows = data,
        .row_bytes = row_bytes,
        .row_count = rows,
        .k = k,
        .panel_bytes = w.panel_bytes,
        .data = arena_alloc_raw(l->arena, matmul_panels(rows) * w.panel_bytes, 64),
    };
    w.data = job.data;
    threads_run(l->pool, pack_task, &job, (matmul_panels(rows) + PACK_PANELS - 1) / PACK_PANELS);
    l->m->weight_bytes += matmul_panels(rows) * w.panel_bytes;
    return w;
}

static struct matmul matrix_load(struct loader *l, int64_t k, int64_t rows, const char *name)
{
    const struct tensor *t = tensor_get(l, true, k, rows, name);

    return t ? rows_load(l, t, 0, rows) : (struct matmul){ .rows = rows, .k = k };
}

#define NAME(part) (snprintf(name, sizeof name, "blk.%d." part, index), name)

static struct model_norm norm_load(struct loader *l, bool needed, const char *name)
{
    char bias[96];
    struct model_norm n = { 0 };

    n.weight = vector_load(l, needed, l->m->shape.dim, name);
    if (!n.weight || !l->m->shape.layer_norm)
        return n;
    snprintf(bias, sizeof bias, "%.*s.bias", (int)(strlen(name) - strlen(".weight")), name);
    n.bias = vector_load(l, false, l->m->shape.dim, bias);
    return n;
}

/* q, k and v: three tensors, or one behind the other in attn_qkv. */
static void qkv_load(struct loader *l, int index, struct model_layer *layer)
{
    const struct model_shape *s = &l->m->shape;
    int64_t q = (int64_t)s->heads * s->head_dim, kv = (int64_t)s->kv_heads * s->head_dim;
    char name[64];

    if (!model_tensor(l->file, NAME("attn_qkv.weight"))) {
        layer->q_bias = vector_load(l, false, q, NAME("attn_q.bias"));
        layer->k_bias = vector_load(l, false, kv, NAME("attn_k.bias"));
        layer->v_bias = vector_load(l, false, kv, NAME("attn_v.bias"));
        layer->q = matrix_load(l, s->dim, q, NAME("attn_q.weight"));
        layer->k = matrix_load(l, s->dim, kv, NAME("attn_k.weight"));
        layer->v = matrix_load(l, s->dim, kv, NAME("attn_v.weight"));
        return;
    }
    const struct tensor *t = tensor_get(l, true, s->dim, q + 2 * kv, NAME("attn_qkv.weight"));
    const float *bias = vector_load(l, false, q + 2 * kv, NAME("attn_qkv.bias"));
    if (!t)
        return;
    layer->q = rows_load(l, t, 0, q);
    layer->k = rows_load(l, t, q, kv);
    layer->v = rows_load(l, t, q + kv, kv);
    layer->q_bias = bias;
    layer->k_bias = bias ? bias + q : NULL;
    layer->v_bias = bias ? bias + q + kv : NULL;
}

static void experts_load(struct loader *l, int index, struct model_layer *layer)
{
    const struct model_shape *s = &l->m->shape;
    char name[64];
    const struct tensor *gate =
        tensor_get3(l, true, s->dim, s->expert_ffn, s->experts, NAME("ffn_gate_exps.weight"));
    const struct tensor *up =
        tensor_get3(l, true, s->dim, s->expert_ffn, s->experts, NAME("ffn_up_exps.weight"));
    const struct tensor *down =
        tensor_get3(l, true, s->expert_ffn, s->dim, s->experts, NAME("ffn_down_exps.weight"));

    layer->router = matrix_load(l, s->dim, s->experts, NAME("ffn_gate_inp.weight"));
    if (l->failed)
        return;
    layer->experts = arena_new(l->arena, struct model_expert, s->experts);
    for (int64_t i = 0; i < s->experts && !l->failed; i++)
        layer->experts[i] = (struct model_expert){
            rows_load(l, gate, i * s->expert_ffn, s->expert_ffn),
            rows_load(l, up, i * s->expert_ffn, s->expert_ffn),
            rows_load(l, down, i * s->dim, s->dim),
        };
}

static void ffn_load(struct loader *l, int index, struct model_layer *layer)
{
    const struct model_shape *s = &l->m->shape;
    char name[64];

    if (s->experts) {
        experts_load(l, index, layer);
        return;
    }
    layer->down = matrix_load(l, s->ffn, s->dim, NAME("ffn_down.weight"));
    layer->down_bias = vector_load(l, false, s->dim, NAME("ffn_down.bias"));
    const struct tensor *up = model_tensor(l->file, NAME("ffn_up.weight"));
    if (!l->arch->plain_ffn && up && up->ne[1] == 2 * (int64_t)s->ffn) { /* gate and up in one */
        up = tensor_get(l, true, s->dim, 2 * (int64_t)s->ffn, name);
        if (!up)
            return;
        layer->gate = rows_load(l, up, 0, s->ffn);
        layer->up = rows_load(l, up, s->ffn, s->ffn);
        return;
    }
    layer->up = matrix_load(l, s->dim, s->ffn, NAME("ffn_up.weight"));
    layer->up_bias = vector_load(l, false, s->ffn, NAME("ffn_up.bias"));
    if (l->arch->plain_ffn)
        return;
    layer->gate = matrix_load(l, s->dim, s->ffn, NAME("ffn_gate.weight"));
    layer->gate_bias = vector_load(l, false, s->ffn, NAME("ffn_gate.bias"));
}

static void layer_load(struct loader *l, int index, struct model_layer *layer)
{
    const struct model_shape *s = &l->m->shape;
    int64_t q = (int64_t)s->heads * s->head_dim;
    bool after = model_tensor(l->file, "blk.0.attn_output_norm.weight");
    bool first_bare = s->encoder && index == 0; /* ModernBERT: the embeddings were normed */
    char name[64];

    layer->attn_norm = norm_load(l, !after && !first_bare, NAME("attn_norm.weight"));
    layer->ffn_norm = norm_load(l, !after, NAME("ffn_norm.weight"));
    layer->attn_post = norm_load(l, false, NAME("post_attention_norm.weight"));
    layer->ffn_post = norm_load(l, false, NAME("post_ffw_norm.weight"));
    layer->attn_sum_norm = norm_load(l, after, NAME("attn_output_norm.weight"));
    layer->ffn_sum_norm = norm_load(l, after, NAME("layer_output_norm.weight"));
    layer->q_norm = vector_load(l, false, s->head_dim, NAME("attn_q_norm.weight"));
    layer->k_norm = vector_load(l, false, s->head_dim, NAME("attn_k_norm.weight"));
    qkv_load(l, index, layer);
    layer->attn_output = matrix_load(l, q, s->dim, NAME("attn_output.weight"));
    layer->attn_output_bias = vector_load(l, false, s->dim, NAME("attn_output.bias"));
    ffn_load(l, index, layer);
}
#undef NAME

/* Which layers have a window: a period, a list, or the architecture's habit. */
static void windows_read(struct loader *l)
{
    const struct model_value *v = model_get(l->file, "%s.attention.sliding_window_pattern");
    int64_t period = l->arch->window_period, listed;

    if (v && v->type != MODEL_ARRAY)
        model_value_int(v, &period);
    for (int i = 0; i < l->m->shape.layers; i++) {
        bool on = period == 0 || (i + (l->arch->window_first ? 0 : 1)) % period != 0;
        if (v && v->type == MODEL_ARRAY)
            on = model_array_int(v, i, &listed) && listed;
        l->m->layers[i].windowed = on && l->m->shape.window > 0;
    }
}

/* Inverse frequencies theta^(-2i/d) in float32, as the models' training code has them; Llama-3
 * models come with a divisor per pair. */
static const float *freqs_make(struct loader *l, double theta, const float *divisors, double factor)
{
    const struct model_shape *s = &l->m->shape;
    float *freqs = arena_new(l->arena, float, MAX(1, s->rope_dims / 2));

    for (int i = 0; i < s->rope_dims / 2; i++) {
        float exponent = (float)(2 * i) / (float)s->rope_dims;
        freqs[i] = 1.0f / (float)pow(theta, (double)exponent);
        freqs[i] /= divisors ? divisors[i] : 1.0f;
        freqs[i] /= (float)factor;
    }
    return freqs;
}

static void rope_load(struct loader *l)
{
    const struct model_shape *s = &l->m->shape;
    double theta = key_float(l, "%s.rope.freq_base", 10000.0), factor = 1;
    slice type = SLICE("none");
    bool scaled =
        model_get_string(l->file, "%s.rope.scaling.type", &type) && !slice_eq(type, SLICE("none"));
    int pairs = s->rope_dims / 2;
    const float *divisors = vector_load(l, false, pairs, "rope_freqs.weight");
    if (scaled && slice_eq(type, SLICE("linear")))
        factor = key_float(l, "%s.rope.scaling.factor", 1);
    else if (scaled && !(slice_eq(type, SLICE("llama3")) && divisors) && !l->failed)
        l->failed = !err_set(l->err, ERR_CONFIG, "rope scaling %s cannot be run", ERR_QUOTE(type));
    l->m->rope_freqs = freqs_make(l, theta, divisors, factor);
    double local = key_float(l, "%s.rope.freq_base_swa",
                             l->arch->window_theta > 0 ? l->arch->window_theta : theta);
    if (local != theta || (l->arch->window_theta > 0 && factor != 1))
        l->m->window_rope_freqs = freqs_make(l, local, NULL, 1);
}

/* Tables beside the token embeddings, and the norm behind them. */
static void embedding_load(struct loader *l)
{
    struct model *m = l->m;
    int64_t dim = m->shape.dim;
    const struct tensor *p = model_tensor(l->file, "position_embd.weight");

    if (!l->arch->rotary || p) {
        p = tensor_get(l, true, dim, p ? p->ne[1] : m->shape.context, "position_embd.weight");
        if (p && !tensor_layout((int)p->type)->to_f32)
            l->failed = !err_set(l->err, ERR_CONFIG, "tensor 'position_embd.weight' has type %s",
                                 tensor_type_name((int)p->type));
        if (p && p->ne[1] < m->shape.context)
            m->shape.context = p->ne[1];
        if (p)
            m->positions = *p;
    }
    const struct tensor *types = model_tensor(l->file, "token_types.weight");
    if (types && (types = tensor_get(l, true, dim, types->ne[1], "token_types.weight"))) {
        float *row = arena_new(l->arena, float, (ptrdiff_t)dim);
        if (types->ne[1] < 1 || !tensor_to_f32((int)types->type, types->data, row, dim))
            l->failed = !err_set(l->err, ERR_CONFIG, "tensor 'token_types.weight' cannot be used");
        m->token_type = row;
    }
    m->embedding_norm = norm_load(l, false, "token_embd_norm.weight");
}

static void classifier_load(struct loader *l)
{
    struct model *m = l->m;
    const struct tensor *out = model_tensor(l->file, "cls.output.weight");
    const struct model_value *names = model_get(l->file, "%s.classifier.output_labels");
    int64_t dim = m->shape.dim;

    if (!out)
        return;
    m->shape.labels = out->ne[1] > 0 && out->ne[1] <= 1 << 20 ? (int)out->ne[1] : 1;
    m->classifier.out = matrix_widen(l, true, dim, m->shape.labels, "cls.output.weight");
    m->classifier.out_bias = vector_load(l, false, m->shape.labels, "cls.output.bias");
    m->classifier.dense = matrix_widen(l, false, dim, dim, "cls.weight");
    m->classifier.dense_bias = vector_load(l, false, dim, "cls.bias");
    if (names && names->strings && names->count == m->shape.labels)
        m->classifier.names = names->strings;
}

/* A tensor that nobody asked for would change what the model computes. */
static bool tensors_all_used(struct loader *l)
{
    for (ptrdiff_t i = 0; i < l->file->tensor_count; i++)
        if (!l->used[i])
            return err_set(l->err, ERR_CONFIG, "tensor %s is unknown for architecture '%s'",
                           ERR_QUOTE(l->file->tensors[i].name), l->arch->name);
    return true;
}

struct model *model_load(const struct model_file *file, struct threads *pool, struct arena *arena,
                         struct err *err)
{
    struct model *m = arena_new(arena, struct model, 1);
    struct loader l = { .file = file, .pool = pool, .arena = arena, .err = err, .m = m };
    l.used = arena_new(arena, bool, MAX(1, file->tensor_count));
    if (!shape_read(&l))
        return NULL;
    struct model_shape *s = &m->shape;
    const struct tensor *e = model_tensor(file, "token_embd.weight");
    s->vocab = e && e->ne[1] > 0 && e->ne[1] <= 1 << 24 ? (int)e->ne[1] : 1;
    e = tensor_get(&l, true, s->dim, s->vocab, "token_embd.weight");
    if (!e)
        return NULL;
    m->embedding = *e;
    const struct tensor_layout *layout = tensor_layout(e->type);
    if (!layout || !layout->to_f32 || tensor_row_bytes(e->type, s->dim) < 0) {
        err_set(err, ERR_CONFIG, "tensor 'token_embd.weight' has type %s, which cannot be run",
                tensor_type_name(e->type));
        return NULL;
    }
    embedding_load(&l);
    m->head_norm = norm_load(&l, !s->encoder, "output_norm.weight");
    rope_load(&l);
    m->layers = arena_new(arena, struct model_layer, s->layers);
    windows_read(&l);
    for (int i = 0; i < s->layers && !l.failed; i++)
        layer_load(&l, i, &m->layers[i]);
    bool untied = model_tensor(file, "output.weight");
    if (!s->encoder)
        m->head = matrix_load(&l, s->dim, s->vocab, untied ? "output.weight" : "token_embd.weight");
    classifier_load(&l);
    return l.failed || !tensors_all_used(&l) ? NULL : m;
}

struct kv_shape model_kv_shape(const struct model *m)
{
    /* An encoder needs keys and values only while it computes a layer. */
    int layers = m->shape.encoder ? 1 : m->shape.layers;
    return (struct kv_shape){ layers, m->shape.kv_heads, m->shape.head_dim };
}
