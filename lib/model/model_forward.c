/* The forward pass as a row of phases; between two phases all threads meet. Token phases work on
 * rows, matrix phases on panels of 16 output rows: threads never share an output element. */
#include "modellayer.h"

#include <math.h>
#include <stdlib.h>

/* ---- state ---- */

static float *rows_new(struct model_state *s, ptrdiff_t rows, ptrdiff_t width)
{
    return arena_alloc(&s->arena, rows * width, sizeof(float), 64);
}

static ptrdiff_t padded(ptrdiff_t rows)
{
    return matmul_panels(rows) * MATMUL_ROWS;
}

struct model_state *model_state_new(const struct model *m, struct threads *pool,
                                    ptrdiff_t max_tokens)
{
    const struct model_shape *shape = &m->shape;
    struct model_state *s = calloc(1, sizeof *s);
    if (!s)
        mem_oom();
    s->m = m;
    s->pool = pool;
    s->vec = vec_kernels();
    s->max_tokens = max_tokens;
    ptrdiff_t q = (ptrdiff_t)shape->heads * shape->head_dim;
    ptrdiff_t kv = (ptrdiff_t)shape->kv_heads * shape->head_dim;
    s->q_rows = padded(q);
    s->kv_rows = padded(kv);
    s->qkv_stride = s->q_rows + 2 * s->kv_rows;
    s->proj_stride = padded(shape->dim);
    s->ffn_rows = padded(shape->ffn);
    s->ffn_stride = 2 * s->ffn_rows;
    s->logits_stride = padded(shape->vocab);
    s->x = rows_new(s, max_tokens, shape->dim);
    s->norm = rows_new(s, max_tokens, shape->dim);
    s->qkv = rows_new(s, max_tokens, s->qkv_stride);
    s->attn = rows_new(s, max_tokens, q);
    s->proj = rows_new(s, max_tokens, s->proj_stride);
    s->ffn = rows_new(s, max_tokens, s->ffn_stride);
    s->act = rows_new(s, max_tokens, shape->ffn);
    s->rope = rows_new(s, max_tokens, shape->rope_dims);
    s->hidden = rows_new(s, max_tokens, shape->dim);
    s->logits = rows_new(s, MODEL_LOGITS_MAX, s->logits_stride);
    ptrdiff_t widest = MAX(MAX(shape->dim, shape->ffn), q);
    ptrdiff_t columns = MAX(max_tokens, MODEL_LOGITS_MAX);
    s->input_memory[0] = rows_new(s, columns, ALIGN_UP(widest, 16));
    s->input_memory[1] = rows_new(s, columns, ALIGN_UP(widest, 32));
    s->units = arena_new(&s->arena, struct attention_unit, max_tokens);
    s->scratch = arena_new(&s->arena, struct attention_scratch, threads_count(pool));
    return s;
}

void model_state_free(struct model_state *s)
{
    if (!s)
        return;
    attention_release(s);
    arena_release(&s->arena);
    free(s);
}

ptrdiff_t model_state_max_tokens(const struct model_state *s)
{
    return s->max_tokens;
}

ptrdiff_t model_logits_stride(const struct model_state *s)
{
    return s->logits_stride;
}

/* ---- phases ---- */

/* Token phases run on tokens [12 task, 12 task + 12), the groups of the packed input. */
static void tokens_run(struct model_state *s, threads_fn *fn)
{
    ptrdiff_t groups = (s->count + MATMUL_GROUP - 1) / MATMUL_GROUP;
    if (groups == 1)
        fn(s, 0, 0);
    else
        threads_run(s->pool, fn, s, groups);
}

#define EACH_TOKEN(s, task, t)                                                                     \
    for (ptrdiff_t t = (task)*MATMUL_GROUP, t##_end = MIN(t + MATMUL_GROUP, (s)->count);           \
         t < t##_end; t++)

static void job_add(struct model_state *s, const struct matmul *w, float *out, ptrdiff_t stride)
{
    s->job[s->jobs].w = w;
    s->job[s->jobs].out = out;
    s->job[s->jobs++].stride = stride;
}

static void panels_task(void *arg, ptrdiff_t task, int thread)
{
    struct model_state *s = arg;
    (void)thread;
    ptrdiff_t total = 0, tasks = threads_count(s->pool);
    for (int i = 0; i < s->jobs; i++)
        total += matmul_panels(s->job[i].w->rows);
    ptrdiff_t from = total * task / tasks, to = total * (task + 1) / tasks, base = 0;
    for (int i = 0; i < s->jobs; i++) {
        const struct matmul *w = s->job[i].w;
        ptrdiff_t panels = matmul_panels(w->rows);
        const struct matmul_input *in = w->type == MATMUL_Q8_0 ? &s->input.q8 : &s->input.plain;
        matmul_run(w, in, s->job[i].out, s->job[i].stride, MAX(0, from - base),
                   MIN(panels, to - base));
        base += panels;
    }
}

static void jobs_run(struct model_state *s)
{
    threads_run(s->pool, panels_task, s, threads_count(s->pool));
    s->jobs = 0;
}

/* The packed input of the matrices that follow: in the forms that their types need. */
static void input_begin(struct model_state *s, ptrdiff_t k, ptrdiff_t columns,
                        const struct matmul *const *w, int count)
{
    s->input.use_plain = s->input.use_q8 = false;
    for (int i = 0; i < count; i++) {
        if (w[i]->type == MATMUL_Q8_0)
            s->input.use_q8 = true;
        else
            s->input.use_plain = true;
    }
    if (s->input.use_plain)
        s->input.plain = matmul_input_place(MATMUL_F32, k, columns, s->input_memory[0]);
    if (s->input.use_q8)
        s->input.q8 = matmul_input_place(MATMUL_Q8_0, k, columns, s->input_memory[1]);
}

static void input_pack(struct model_state *s, const float *rows, ptrdiff_t stride, ptrdiff_t from,
                       ptrdiff_t to)
{
    if (s->input.use_plain)
        matmul_input_pack(&s->input.plain, rows, stride, from, to);
    if (s->input.use_q8)
        matmul_input_pack(&s->input.q8, rows, stride, from, to);
}

static void embed_task(void *arg, ptrdiff_t task, int thread)
{
    struct model_state *s = arg;
    const struct model_shape *shape = &s->m->shape;
    const struct tensor *e = &s->m->embedding;
    int64_t row = tensor_row_bytes(e->type, shape->dim);
    int pairs = shape->rope_dims / 2;
    (void)thread;
    EACH_TOKEN(s, task, t)
    {
        const struct model_token *token = &s->tokens[t];
        tensor_to_f32(e->type, (const char *)e->data + row * token->id, s->x + t * shape->dim,
                      shape->dim);
        float *rope = s->rope + t * shape->rope_dims;
        for (int i = 0; i < pairs; i++) {
            /* The angle is rounded to float as in the models' training code. */
            float angle = (float)token->position * s->m->rope_freqs[i];
            rope[2 * i] = (float)cos((double)angle);
            rope[2 * i + 1] = (float)sin((double)angle);
        }
    }
}

static void attn_norm_task(void *arg, ptrdiff_t task, int thread)
{
    struct model_state *s = arg;
    const struct model_shape *shape = &s->m->shape;
    ptrdiff_t dim = shape->dim;
    (void)thread;
    EACH_TOKEN(s, task, t)
    {
        if (s->layer)
            s->vec->add(s->x + t * dim, s->proj + t * s->proj_stride, dim);
        s->vec->rms_norm(s->norm + t * dim, s->x + t * dim, s->m->layers[s->layer].attn_norm, dim,
                         shape->norm_eps);
        input_pack(s, s->norm, dim, t, t + 1);
    }
}

static void rotate(const struct model_shape *shape, float *head, const float *rope)
{
    int pairs = shape->rope_dims / 2;
    int step = shape->rope_halves ? 1 : 2, apart = shape->rope_halves ? pairs : 1;
    for (int i = 0; i < pairs; i++) {
        float c = rope[2 * i], n = rope[2 * i + 1];
        float a = head[i * step], b = head[i * step + apart];
        head[i * step] = a * c - b * n;
        head[i * step + apart] = b * c + a * n;
    }
}

static void heads_finish(struct model_state *s, float *heads, int count, const float *bias,
                         const float *norm, const float *rope)
{
    const struct model_shape *shape = &s->m->shape;
    int dim = shape->head_dim;
    if (bias)
        s->vec->add(heads, bias, (ptrdiff_t)count * dim);
    for (int h = 0; h < count; h++, heads += dim) {
        if (norm)
            s->vec->rms_norm(heads, heads, norm, dim, shape->norm_eps);
        rotate(shape, heads, rope);
    }
}

/* Biases, norms and rotation of q and k; k and v go into the cache. */
static void qkv_task(void *arg, ptrdiff_t task, int thread)
{
    struct model_state *s = arg;
    const struct model_shape *shape = &s->m->shape;
    const struct model_layer *l = &s->m->layers[s->layer];
    (void)thread;
    EACH_TOKEN(s, task, t)
    {
        const struct model_token *token = &s->tokens[t];
        float *q = s->qkv + t * s->qkv_stride, *k = q + s->q_rows, *v = k + s->kv_rows;
        const float *rope = s->rope + t * shape->rope_dims;
        heads_finish(s, q, shape->heads, l->q_bias, l->q_norm, rope);
        heads_finish(s, k, shape->kv_heads, l->k_bias, l->k_norm, rope);
        if (l->v_bias)
            s->vec->add(v, l->v_bias, (ptrdiff_t)shape->kv_heads * shape->head_dim);
        kv_cache_store(token->kv, s->layer, token->position, k, v);
    }
}

static void attn_pack_task(void *arg, ptrdiff_t task, int thread)
{
    struct model_state *s = arg;
    ptrdiff_t width = (ptrdiff_t)s->m->shape.heads * s->m->shape.head_dim;
    (void)thread;
    EACH_TOKEN(s, task, t)
    input_pack(s, s->attn, width, t, t + 1);
}

static void ffn_norm_task(void *arg, ptrdiff_t task, int thread)
{
    struct model_state *s = arg;
    const struct model_shape *shape = &s->m->shape;
    ptrdiff_t dim = shape->dim;
    (void)thread;
    EACH_TOKEN(s, task, t)
    {
        s->vec->add(s->x + t * dim, s->proj + t * s->proj_stride, dim);
        s->vec->rms_norm(s->norm + t * dim, s->x + t * dim, s->m->layers[s->layer].ffn_norm, dim,
                         shape->norm_eps);
        input_pack(s, s->norm, dim, t, t + 1);
    }
}

static void swiglu_task(void *arg, ptrdiff_t task, int thread)
{
    struct model_state *s = arg;
    ptrdiff_t ffn = s->m->shape.ffn;
    (void)thread;
    EACH_TOKEN(s, task, t)
    {
        const float *gate = s->ffn + t * s->ffn_stride;
        s->vec->silu_mul(s->act + t * ffn, gate, gate + s->ffn_rows, ffn);
        input_pack(s, s->act, ffn, t, t + 1);
    }
}

/* ---- the step ---- */

/* Cuts the step's tokens into runs of one sequence, at most a unit long. */
static void units_build(struct model_state *s)
{
    ptrdiff_t most = attention_unit_tokens(&s->m->shape), positions = 0;
    s->unit_count = 0;
    for (ptrdiff_t t = 0; t < s->count; t++) {
        const struct model_token *token = &s->tokens[t];
        struct attention_unit *u = s->unit_count ? &s->units[s->unit_count - 1] : NULL;
        bool follows = u && token[-1].kv == token->kv;
        ASSERT(!follows || token->position == token[-1].position + 1);
        positions = MAX(positions, token->position + 1);
        if (follows && u->count < most)
            u->count++;
        else
            s->units[s->unit_count++] = (struct attention_unit){ t, 1 };
    }
    attention_reserve(s, positions);
}

static void layer_run(struct model_state *s)
{
    const struct model_shape *shape = &s->m->shape;
    const struct model_layer *l = &s->m->layers[s->layer];

    input_begin(s, shape->dim, s->count, (const struct matmul *[]){ &l->q, &l->k, &l->v }, 3);
    tokens_run(s, attn_norm_task);
    job_add(s, &l->q, s->qkv, s->qkv_stride);
    job_add(s, &l->k, s->qkv + s->q_rows, s->qkv_stride);
    job_add(s, &l->v, s->qkv + s->q_rows + s->kv_rows, s->qkv_stride);
    jobs_run(s);
    tokens_run(s, qkv_task);
    attention_run(s);

    input_begin(s, (ptrdiff_t)shape->heads * shape->head_dim, s->count,
                (const struct matmul *[]){ &l->attn_output }, 1);
    tokens_run(s, attn_pack_task);
    job_add(s, &l->attn_output, s->proj, s->proj_stride);
    jobs_run(s);

    input_begin(s, shape->dim, s->count, (const struct matmul *[]){ &l->gate, &l->up }, 2);
    tokens_run(s, ffn_norm_task);
    job_add(s, &l->gate, s->ffn, s->ffn_stride);
    job_add(s, &l->up, s->ffn + s->ffn_rows, s->ffn_stride);
    jobs_run(s);

    input_begin(s, shape->ffn, s->count, (const struct matmul *[]){ &l->down }, 1);
    tokens_run(s, swiglu_task);
    job_add(s, &l->down, s->proj, s->proj_stride);
    jobs_run(s);
}

void model_forward(struct model_state *s, const struct model_token *tokens, ptrdiff_t count)
{
    const struct model_shape *shape = &s->m->shape;
    ASSERT(count >= 1 && count <= s->max_tokens);
    s->tokens = tokens;
    s->count = count;
    s->outputs = 0;
    units_build(s);
    threads_begin(s->pool);
    tokens_run(s, embed_task);
    for (s->layer = 0; s->layer < shape->layers; s->layer++)
        layer_run(s);
    threads_end(s->pool);
    for (ptrdiff_t t = 0; t < count; t++) {
        if (!tokens[t].output)
            continue;
        float *x = s->x + t * shape->dim;
        s->vec->add(x, s->proj + t * s->proj_stride, shape->dim);
        s->vec->rms_norm(s->hidden + s->outputs++ * shape->dim, x, s->m->head_norm, shape->dim,
                         shape->norm_eps);
    }
}

float *model_logits(struct model_state *s, ptrdiff_t first, ptrdiff_t count)
{
    ptrdiff_t dim = s->m->shape.dim;
    ASSERT(first >= 0 && count <= MODEL_LOGITS_MAX && first + count <= s->outputs);
    input_begin(s, dim, count, (const struct matmul *[]){ &s->m->head }, 1);
    input_pack(s, s->hidden + first * dim, dim, 0, count);
    job_add(s, &s->m->head, s->logits, s->logits_stride);
    threads_begin(s->pool);
    jobs_run(s);
    threads_end(s->pool);
    return s->logits;
}
