/* The forward pass as a row of phases; between two phases all threads meet. Token phases work on
 * rows, matrix phases on panels of 16 output rows: threads never share an output element. */
#include "imatrix.h"
#include "modellayer.h"

#include <math.h>
#include <stdlib.h>

/* ---- state ---- */

static float *rows_new(struct model_state *s, ptrdiff_t rows, ptrdiff_t width)
{
    /* Not zeroed: pages of rows that are never used cost nothing. */
    return arena_alloc_raw(&s->arena, rows * width * (ptrdiff_t)sizeof(float), 64);
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
    s->rope = rows_new(s, 2 * max_tokens, MAX(1, shape->rope_dims));
    s->hidden = rows_new(s, max_tokens, shape->dim);
    if (!shape->encoder)
        s->logits = rows_new(s, MODEL_LOGITS_MAX, s->logits_stride);
    ptrdiff_t widest = MAX(MAX(shape->dim, shape->ffn), q);
    ptrdiff_t columns = MAX(max_tokens, MODEL_LOGITS_MAX);
    s->input_memory[0] = rows_new(s, columns, ALIGN_UP(widest, 16));
    s->input_memory[1] = rows_new(s, columns, ALIGN_UP(widest, 32));
    s->units = arena_new(&s->arena, struct attention_unit, max_tokens);
    s->scratch = arena_new(&s->arena, struct attention_scratch, threads_count(pool));
    if (shape->experts)
        experts_new(s);
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

void model_activate(const struct model_state *s, float *dst, const float *gate, const float *up,
                    ptrdiff_t n)
{
    switch (s->m->shape.activation) {
    case MODEL_SILU:
        s->vec->silu_mul(dst, gate, up, n);
        break;
    case MODEL_GELU_TANH:
        s->vec->gelu_tanh_mul(dst, gate, up, n);
        break;
    case MODEL_GELU_ERF:
        s->vec->gelu_erf_mul(dst, gate, up, n);
        break;
    }
}

/* dst may be x. No norm: x itself. */
static void norm_apply(const struct model_state *s, float *dst, const float *x,
                       const struct model_norm *norm)
{
    const struct model_shape *shape = &s->m->shape;

    if (!norm->weight) {
        if (dst != x)
            memcpy(dst, x, sizeof *dst * (size_t)shape->dim);
    } else if (shape->layer_norm) {
        s->vec->layer_norm(dst, x, norm->weight, norm->bias, shape->dim, shape->norm_eps);
    } else {
        s->vec->rms_norm(dst, x, norm->weight, shape->dim, shape->norm_eps);
    }
}

static void rope_fill(float *rope, const float *freqs, int pairs, int32_t position)
{
    for (int i = 0; i < pairs; i++) {
        /* The angle is rounded to float as in the models' training code. */
        float angle = (float)position * freqs[i];
        rope[2 * i] = (float)cos((double)angle);
        rope[2 * i + 1] = (float)sin((double)angle);
    }
}

/* The angles of token t for the current layer. */
static float *rope_of(const struct model_state *s, ptrdiff_t t, bool windowed)
{
    bool own = windowed && s->m->window_rope_freqs;

    return s->rope + (t + (own ? s->max_tokens : 0)) * s->m->shape.rope_dims;
}

static void embed_task(void *arg, ptrdiff_t task, int thread)
{
    struct model_state *s = arg;
    const struct model *m = s->m;
    const struct model_shape *shape = &m->shape;
    const struct tensor *e = &m->embedding, *p = &m->positions;
    ptrdiff_t dim = shape->dim;
    int pairs = shape->rope_dims / 2;
    (void)thread;
    EACH_TOKEN(s, task, t)
    {
        const struct model_token *token = &s->tokens[t];
        float *x = s->x + t * dim, *work = s->norm + t * dim;
        tensor_to_f32((int)e->type,
                      (const char *)e->data + tensor_row_bytes((int)e->type, dim) * token->id, x,
                      dim);
        if (shape->embed_scale > 0)
            s->vec->scale(x, shape->embed_scale, dim);
        if (m->token_type)
            s->vec->add(x, m->token_type, dim);
        if (p->data) {
            tensor_to_f32((int)p->type,
                          (const char *)p->data +
                              tensor_row_bytes((int)p->type, dim) * token->position,
                          work, dim);
            s->vec->add(x, work, dim);
        }
        norm_apply(s, x, x, &m->embedding_norm);
        rope_fill(rope_of(s, t, false), m->rope_freqs, pairs, token->position);
        if (m->window_rope_freqs)
            rope_fill(rope_of(s, t, true), m->window_rope_freqs, pairs, token->position);
    }
}

/* Adds what a branch has computed to the residual stream. */
static void branch_add(struct model_state *s, ptrdiff_t t, const float *bias,
                       const struct model_norm *post, const struct model_norm *sum)
{
    ptrdiff_t dim = s->m->shape.dim;
    float *x = s->x + t * dim, *y = s->proj + t * s->proj_stride;

    if (bias)
        s->vec->add(y, bias, dim);
    norm_apply(s, y, y, post);
    s->vec->add(x, y, dim);
    norm_apply(s, x, x, sum);
}

static void ffn_add(struct model_state *s, ptrdiff_t t, int layer)
{
    const struct model_layer *l = &s->m->layers[layer];

    branch_add(s, t, l->down_bias, &l->ffn_post, &l->ffn_sum_norm);
}

static void attn_norm_task(void *arg, ptrdiff_t task, int thread)
{
    struct model_state *s = arg;
    ptrdiff_t dim = s->m->shape.dim;
    (void)thread;
    EACH_TOKEN(s, task, t)
    {
        if (s->layer)
            ffn_add(s, t, s->layer - 1);
        norm_apply(s, s->norm + t * dim, s->x + t * dim, &s->m->layers[s->layer].attn_norm);
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
        if (shape->rope_dims)
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
        const float *rope = rope_of(s, t, l->windowed);
        heads_finish(s, q, shape->heads, l->q_bias, l->q_norm, rope);
        heads_finish(s, k, shape->kv_heads, l->k_bias, l->k_norm, rope);
        if (l->v_bias)
            s->vec->add(v, l->v_bias, (ptrdiff_t)shape->kv_heads * shape->head_dim);
        kv_cache_store(token->kv, shape->encoder ? 0 : s->layer, token->position, k, v);
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
    const struct model_layer *l = &s->m->layers[s->layer];
    ptrdiff_t dim = s->m->shape.dim;
    (void)thread;
    EACH_TOKEN(s, task, t)
    {
        branch_add(s, t, l->attn_output_bias, &l->attn_post, &l->attn_sum_norm);
        norm_apply(s, s->norm + t * dim, s->x + t * dim, &l->ffn_norm);
        if (!l->experts)
            input_pack(s, s->norm, dim, t, t + 1);
    }
}

static void activation_task(void *arg, ptrdiff_t task, int thread)
{
    struct model_state *s = arg;
    const struct model_layer *l = &s->m->layers[s->layer];
    ptrdiff_t ffn = s->m->shape.ffn;
    (void)thread;
    EACH_TOKEN(s, task, t)
    {
        float *gate = s->ffn + t * s->ffn_stride, *up = gate + s->ffn_rows;
        if (l->gate_bias)
            s->vec->add(gate, l->gate_bias, ffn);
        if (l->up_bias)
            s->vec->add(up, l->up_bias, ffn);
        bool gated = l->gate.rows;
        model_activate(s, s->act + t * ffn, gated ? gate : up, gated ? up : NULL, ffn);
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
        ASSERT(follows || !s->m->shape.encoder || token->position == 0);
        positions = MAX(positions, token->position + 1);
        if (follows && u->count < most)
            u->count++;
        else
            s->units[s->unit_count++] = (struct attention_unit){ t, 1, 0 };
    }
    for (ptrdiff_t i = s->unit_count; i-- > 0;) {
        struct attention_unit *u = &s->units[i];
        const struct model_token *last = &s->tokens[u->first + u->count - 1];
        bool goes_on = s->m->shape.encoder && i + 1 < s->unit_count && last[1].kv == last->kv;
        u->keys = goes_on ? u[1].keys : last->position + 1;
    }
    attention_reserve(s, positions);
}

void model_state_collect(struct model_state *s, struct imatrix *im)
{
    s->collect = im;
}

/* The input rows of the matrices that come next. */
static void collect(struct model_state *s, enum imatrix_place place, const float *rows,
                    ptrdiff_t width)
{
    for (ptrdiff_t t = 0; s->collect && t < s->count; t++)
        imatrix_add(s->collect, s->layer, place, rows + t * width, width);
}

static void ffn_run(struct model_state *s, const struct model_layer *l)
{
    const struct model_shape *shape = &s->m->shape;

    if (l->experts) {
        tokens_run(s, ffn_norm_task);
        collect(s, IMATRIX_FFN, s->norm, shape->dim);
        experts_run(s);
        return;
    }
    bool gated = l->gate.rows;
    input_begin(s, shape->dim, s->count, (const struct matmul *[]){ &l->up, &l->gate }, 1 + gated);
    tokens_run(s, ffn_norm_task);
    collect(s, IMATRIX_FFN, s->norm, shape->dim);
    if (gated)
        job_add(s, &l->gate, s->ffn, s->ffn_stride);
    job_add(s, &l->up, s->ffn + s->ffn_rows, s->ffn_stride);
    jobs_run(s);

    input_begin(s, shape->ffn, s->count, (const struct matmul *[]){ &l->down }, 1);
    tokens_run(s, activation_task);
    collect(s, IMATRIX_DOWN, s->act, shape->ffn);
    job_add(s, &l->down, s->proj, s->proj_stride);
    jobs_run(s);
}

static void layer_run(struct model_state *s)
{
    const struct model_shape *shape = &s->m->shape;
    const struct model_layer *l = &s->m->layers[s->layer];

    input_begin(s, shape->dim, s->count, (const struct matmul *[]){ &l->q, &l->k, &l->v }, 3);
    tokens_run(s, attn_norm_task);
    collect(s, IMATRIX_ATTN, s->norm, shape->dim);
    job_add(s, &l->q, s->qkv, s->qkv_stride);
    job_add(s, &l->k, s->qkv + s->q_rows, s->qkv_stride);
    job_add(s, &l->v, s->qkv + s->q_rows + s->kv_rows, s->qkv_stride);
    jobs_run(s);
    tokens_run(s, qkv_task);
    attention_run(s);

    input_begin(s, (ptrdiff_t)shape->heads * shape->head_dim, s->count,
                (const struct matmul *[]){ &l->attn_output }, 1);
    tokens_run(s, attn_pack_task);
    collect(s, IMATRIX_ATTN_OUTPUT, s->attn, (ptrdiff_t)shape->heads * shape->head_dim);
    job_add(s, &l->attn_output, s->proj, s->proj_stride);
    jobs_run(s);
    ffn_run(s, l);
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
        ffn_add(s, t, shape->layers - 1);
        norm_apply(s, s->hidden + s->outputs++ * shape->dim, s->x + t * shape->dim,
                   &s->m->head_norm);
    }
}

const float *model_hidden(const struct model_state *s, ptrdiff_t index)
{
    ASSERT(index >= 0 && index < s->outputs);
    return s->hidden + index * s->m->shape.dim;
}

/* Rows of the classifier in doubles: it is small, and runs once per record. */
static void dense(const float *w, const float *bias, const float *x, int rows, int k, float *out)
{
    for (int r = 0; r < rows; r++) {
        double sum = bias ? (double)bias[r] : 0;
        for (int i = 0; i < k; i++)
            sum += (double)w[(ptrdiff_t)r * k + i] * (double)x[i];
        out[r] = (float)sum;
    }
}

void model_classify(const struct model *m, const float *hidden, float *work, float *logits)
{
    const struct model_classifier *c = &m->classifier;
    int dim = m->shape.dim;

    if (c->dense) {
        dense(c->dense, c->dense_bias, hidden, dim, dim, work);
        for (int i = 0; i < dim; i++)
            work[i] = tanhf(work[i]);
        hidden = work;
    }
    dense(c->out, c->out_bias, hidden, m->shape.labels, dim, logits);
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
    for (ptrdiff_t i = 0; s->m->shape.logit_cap > 0 && i < count; i++)
        s->vec->softcap(s->logits + i * s->logits_stride, 1, s->m->shape.logit_cap,
                        s->m->shape.vocab);
    return s->logits;
}
