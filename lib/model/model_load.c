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

static const struct {
    const char *arch;
    bool rope_halves;
} archs[] = {
    { "llama", false },
    { "mistral", false },
    { "qwen2", true },
    { "qwen3", true },
};

static bool shape_read(struct loader *l)
{
    struct model_shape *s = &l->m->shape;
    bool known = false;
    for (ptrdiff_t i = 0; i < countof(archs); i++)
        if (slice_eq(l->file->arch, slice_of(archs[i].arch))) {
            known = true;
            s->rope_halves = archs[i].rope_halves;
        }
    if (!known)
        return err_set(l->err, ERR_CONFIG,
                       "architecture %s cannot be run yet; llama, mistral, qwen2 and qwen3 can",
                       ERR_QUOTE(l->file->arch));
    s->layers = (int)key_int(l, "%s.block_count", -1, 1, 4096);
    s->dim = (int)key_int(l, "%s.embedding_length", -1, 1, 1 << 20);
    s->ffn = (int)key_int(l, "%s.feed_forward_length", -1, 1, 1 << 22);
    s->heads = (int)key_int(l, "%s.attention.head_count", -1, 1, 1 << 14);
    s->kv_heads = (int)key_int(l, "%s.attention.head_count_kv", s->heads, 1, 1 << 14);
    s->context = key_int(l, "%s.context_length", -1, 1, INT32_MAX - 64);
    s->window = key_int(l, "%s.attention.sliding_window", 0, 0, INT32_MAX);
    if (l->failed)
        return false;
    s->head_dim = (int)key_int(l, "%s.attention.key_length", s->dim / s->heads, 1, 4096);
    int64_t value_dim = key_int(l, "%s.attention.value_length", s->head_dim, 1, 4096);
    s->rope_dims = (int)key_int(l, "%s.rope.dimension_count", s->head_dim, 2, 4096);
    s->norm_eps = (float)key_float(l, "%s.attention.layer_norm_rms_epsilon", 1e-5);
    if (l->failed)
        return false;
    if (s->heads % s->kv_heads || s->heads / s->kv_heads > 64)
        return err_set(l->err, ERR_CONFIG, "%d heads cannot share %d key-value heads", s->heads,
                       s->kv_heads);
    if (value_dim != s->head_dim || s->rope_dims > s->head_dim || s->rope_dims % 2)
        return err_set(l->err, ERR_CONFIG,
                       "head sizes %d (keys), %lld (values), %d (rope) cannot "
                       "be run yet",
                       s->head_dim, (long long)value_dim, s->rope_dims);
    int64_t experts = 0;
    if (model_get_int(l->file, "%s.expert_count", &experts) && experts > 0)
        return err_set(l->err, ERR_CONFIG, "models with experts cannot be run yet");
    return true;
}

/* ---- tensors ---- */

static const struct tensor *tensor_get(struct loader *l, bool needed, int64_t ne0, int64_t ne1,
                                       const char *name)
{
    const struct tensor *t = l->failed ? NULL : model_tensor(l->file, name);
    if (!t) {
        if (needed && !l->failed)
            l->failed = !err_set(l->err, ERR_CONFIG, "model has no tensor '%s'", name);
        return NULL;
    }
    if (t->ne[0] != ne0 || t->ne[1] != ne1 || t->ne[2] != 1 || t->ne[3] != 1 || !t->data) {
        l->failed =
            !err_set(l->err, ERR_CONFIG, "tensor '%s' is %lld x %lld, expected %lld x %lld", name,
                     (long long)t->ne[0], (long long)t->ne[1], (long long)ne0, (long long)ne1);
        return NULL;
    }
    return t;
}

static const float *vector_load(struct loader *l, bool needed, int64_t n, const char *name)
{
    const struct tensor *t = tensor_get(l, needed, n, 1, name);
    if (!t)
        return NULL;
    float *v = arena_alloc_raw(l->arena, n * (int64_t)sizeof(float), 64);
    if (!tensor_to_f32(t->type, t->data, v, n))
        l->failed = !err_set(l->err, ERR_CONFIG, "tensor '%s' has type %s, which cannot be run yet",
                             name, tensor_type_name(t->type));
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

static struct matmul matrix_load(struct loader *l, int64_t k, int64_t rows, const char *name)
{
    struct matmul w = { .rows = rows, .k = k };
    const struct tensor *t = tensor_get(l, true, k, rows, name);
    if (!t)
        return w;
    int type = matmul_type_of(t->type);
    if (type < 0) {
        l->failed = !err_set(l->err, ERR_CONFIG, "tensor '%s' has type %s, which cannot be run yet",
                             name, tensor_type_name(t->type));
        return w;
    }
    w.type = (enum matmul_type)type;
    types_add(l->m, t->type);
    if (w.type == MATMUL_BLOCKS) {
        const struct tensor_layout *layout = tensor_layout(t->type);
        w.data = t->data;
        w.expand = layout->to_f32;
        w.block = layout->block;
        w.block_bytes = layout->block_bytes;
        w.row_bytes = tensor_row_bytes(t->type, k);
        l->m->weight_bytes += rows * w.row_bytes;
        return w;
    }
    w.panel_bytes = matmul_panel_bytes(w.type, k);
    struct pack_job job = {
        .type = w.type,
        .tensor_type = (int)t->type,
        .rows = t->data,
        .row_bytes = tensor_row_bytes(t->type, k),
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

static void layer_load(struct loader *l, int index, struct model_layer *layer)
{
    const struct model_shape *s = &l->m->shape;
    int64_t q = (int64_t)s->heads * s->head_dim, kv = (int64_t)s->kv_heads * s->head_dim;
    char name[64];
#define NAME(part) (snprintf(name, sizeof name, "blk.%d." part, index), name)
    layer->attn_norm = vector_load(l, true, s->dim, NAME("attn_norm.weight"));
    layer->ffn_norm = vector_load(l, true, s->dim, NAME("ffn_norm.weight"));
    layer->q_norm = vector_load(l, false, s->head_dim, NAME("attn_q_norm.weight"));
    layer->k_norm = vector_load(l, false, s->head_dim, NAME("attn_k_norm.weight"));
    layer->q_bias = vector_load(l, false, q, NAME("attn_q.bias"));
    layer->k_bias = vector_load(l, false, kv, NAME("attn_k.bias"));
    layer->v_bias = vector_load(l, false, kv, NAME("attn_v.bias"));
    layer->q = matrix_load(l, s->dim, q, NAME("attn_q.weight"));
    layer->k = matrix_load(l, s->dim, kv, NAME("attn_k.weight"));
    layer->v = matrix_load(l, s->dim, kv, NAME("attn_v.weight"));
    layer->attn_output = matrix_load(l, q, s->dim, NAME("attn_output.weight"));
    layer->gate = matrix_load(l, s->dim, s->ffn, NAME("ffn_gate.weight"));
    layer->up = matrix_load(l, s->dim, s->ffn, NAME("ffn_up.weight"));
    layer->down = matrix_load(l, s->ffn, s->dim, NAME("ffn_down.weight"));
    static const char *const refused[] = { "attn_output.bias", "ffn_up.bias", "ffn_gate.bias",
                                           "ffn_down.bias", "attn_qkv.weight" };
    for (ptrdiff_t i = 0; i < countof(refused) && !l->failed; i++) {
        snprintf(name, sizeof name, "blk.%d.%s", index, refused[i]);
        if (model_tensor(l->file, name))
            l->failed = !err_set(l->err, ERR_CONFIG, "tensor '%s' cannot be run yet", name);
    }
#undef NAME
}

/* Inverse frequencies theta^(-2i/d) in float32, as the models' training code has them; Llama-3
 * models come with a divisor per pair. */
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
        l->failed =
            !err_set(l->err, ERR_CONFIG, "rope scaling %s cannot be run yet", ERR_QUOTE(type));
    float *freqs = arena_new(l->arena, float, pairs);
    for (int i = 0; i < pairs; i++) {
        float exponent = (float)(2 * i) / (float)s->rope_dims;
        freqs[i] = 1.0f / (float)pow(theta, (double)exponent);
        freqs[i] /= divisors ? divisors[i] : 1.0f;
        freqs[i] /= (float)factor;
    }
    l->m->rope_freqs = freqs;
}

struct model *model_load(const struct model_file *file, struct threads *pool, struct arena *arena,
                         struct err *err)
{
    struct model *m = arena_new(arena, struct model, 1);
    struct loader l = { .file = file, .pool = pool, .arena = arena, .err = err, .m = m };
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
        err_set(err, ERR_CONFIG, "tensor 'token_embd.weight' has type %s, which cannot be run yet",
                tensor_type_name(e->type));
        return NULL;
    }
    m->head_norm = vector_load(&l, true, s->dim, "output_norm.weight");
    rope_load(&l);
    m->layers = arena_new(arena, struct model_layer, s->layers);
    for (int i = 0; i < s->layers && !l.failed; i++)
        layer_load(&l, i, &m->layers[i]);
    bool untied = model_tensor(file, "output.weight");
    m->head = matrix_load(&l, s->dim, s->vocab, untied ? "output.weight" : "token_embd.weight");
    return l.failed ? NULL : m;
}

struct kv_shape model_kv_shape(const struct model *m)
{
    return (struct kv_shape){ m->shape.layers, m->shape.kv_heads, m->shape.head_dim };
}
