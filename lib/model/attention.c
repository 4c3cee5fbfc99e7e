/* Softmax attention over the cache (Vaswani et al. 2017; grouped queries: Ainslie et al. 2023).
 *
 * A unit is a run of query tokens of one sequence; together with the query heads that share a
 * key-value head they are the columns of two matrix products on the cache: scores = K q and
 * out = V p. Scores are complete before the softmax (no running maximum), so each output has one
 * order of summation: over dimensions for a score, in 16 lanes for the sum of the softmax, over
 * positions in blocks of MATMUL_K_BLOCK for the output. Positions that a query may not see have
 * weight 0, which changes no bit. */
#include "modellayer.h"

#include <math.h>
#include <stdlib.h>

/* Columns that fill a register tile. */
ptrdiff_t attention_unit_tokens(const struct model_shape *shape)
{
    int group = shape->heads / shape->kv_heads;
    return MAX(1, MATMUL_GROUP / group);
}

static ptrdiff_t unit_columns(const struct model_shape *shape)
{
    return attention_unit_tokens(shape) * (shape->heads / shape->kv_heads);
}

static void *bytes_new(ptrdiff_t size)
{
    void *p = aligned_alloc(64, (size_t)ALIGN_UP(size, 64));
    if (!p)
        mem_oom();
    return p;
}

static void scratch_release(struct attention_scratch *a)
{
    free(a->queries);
    free(a->scores);
    free(a->outputs);
    free(a->packed_queries);
    free(a->packed_weights);
    *a = (struct attention_scratch){ 0 };
}

void attention_release(struct model_state *s)
{
    for (int i = 0; i < threads_count(s->pool); i++)
        scratch_release(&s->scratch[i]);
}

void attention_reserve(struct model_state *s, ptrdiff_t positions)
{
    if (s->scratch[0].positions >= positions)
        return;
    const struct model_shape *shape = &s->m->shape;
    ptrdiff_t columns = unit_columns(shape);
    ptrdiff_t rows = ALIGN_UP(MAX(positions, 2 * s->scratch[0].positions), 256);
    for (int i = 0; i < threads_count(s->pool); i++) {
        struct attention_scratch *a = &s->scratch[i];
        scratch_release(a);
        a->positions = rows;
        a->queries = bytes_new(columns * shape->head_dim * 4);
        a->packed_queries = bytes_new(matmul_input_bytes(MATMUL_F32, shape->head_dim, columns));
        a->scores = bytes_new(columns * rows * 4);
        a->packed_weights = bytes_new(matmul_input_bytes(MATMUL_F32, rows, columns));
        a->outputs = bytes_new(columns * matmul_panels(shape->head_dim) * MATMUL_ROWS * 4);
    }
}

/* The positions that a query sees: [*from, *to) of count. */
static void visible(const struct model_state *s, ptrdiff_t position, ptrdiff_t count,
                    ptrdiff_t *from, ptrdiff_t *to)
{
    const struct model_shape *shape = &s->m->shape;
    ptrdiff_t window = s->m->layers[s->layer].windowed ? shape->window : 0;

    *from = 0;
    *to = shape->encoder ? count : position + 1;
    if (window && shape->encoder) {
        *from = MAX(0, position - window / 2);
        *to = MIN(count, position + window / 2 + 1);
    } else if (window) {
        *from = MAX(0, position + 1 - window);
    }
}

/* scores -> weights, not yet divided by their sum. Returns the sum. */
static float weigh(const struct model_state *s, float *scores, ptrdiff_t position, ptrdiff_t count)
{
    const struct model_shape *shape = &s->m->shape;
    float scale = shape->attn_scale > 0 ? shape->attn_scale : 1.0f / sqrtf((float)shape->head_dim);
    ptrdiff_t from, to;

    visible(s, position, count, &from, &to);
    if (shape->attn_cap > 0) {
        s->vec->softcap(scores + from, scale, shape->attn_cap, to - from);
        scale = 1;
    }
    float sum = s->vec->softmax_exp(scores + from, scale, to - from);
    memset(scores, 0, sizeof(float) * (size_t)from);
    memset(scores + to, 0, sizeof(float) * (size_t)(count - to));
    return sum;
}

static void unit_run(struct model_state *s, const struct attention_unit *u, int head,
                     struct attention_scratch *a)
{
    const struct model_shape *shape = &s->m->shape;
    const struct model_token *tokens = s->tokens + u->first;
    int group = shape->heads / shape->kv_heads, dim = shape->head_dim;
    ptrdiff_t columns = u->count * group;
    ptrdiff_t count = u->keys;
    int layer = shape->encoder ? 0 : s->layer;
    for (ptrdiff_t i = 0; i < u->count; i++)
        memcpy(a->queries + i * group * dim,
               s->qkv + (u->first + i) * s->qkv_stride + (ptrdiff_t)head * group * dim,
               sizeof(float) * (size_t)(group * dim));
    struct matmul_input q = matmul_input_place(MATMUL_F32, dim, columns, a->packed_queries);
    matmul_input_pack(&q, a->queries, dim, 0, columns);
    struct matmul keys = kv_cache_keys(tokens->kv, layer, head, count);
    ptrdiff_t stride = matmul_panels(count) * MATMUL_ROWS;
    matmul_run(&keys, &q, a->scores, stride, 0, matmul_panels(count));

    float sums[64];
    ASSERT(columns <= countof(sums));
    for (ptrdiff_t c = 0; c < columns; c++)
        sums[c] = weigh(s, a->scores + c * stride, tokens[c / group].position, count);

    struct matmul_input p = matmul_input_place(MATMUL_F32, count, columns, a->packed_weights);
    matmul_input_pack(&p, a->scores, stride, 0, columns);
    struct matmul values = kv_cache_values(tokens->kv, layer, head, count);
    ptrdiff_t panels = matmul_panels(dim);
    matmul_run(&values, &p, a->outputs, panels * MATMUL_ROWS, 0, panels);
    for (ptrdiff_t c = 0; c < columns; c++) {
        float *out = a->outputs + c * panels * MATMUL_ROWS;
        s->vec->scale(out, 1.0f / sums[c], dim);
        memcpy(s->attn + (u->first + c / group) * shape->heads * dim +
                   (head * group + c % group) * dim,
               out, sizeof(float) * (size_t)dim);
    }
}

static void task_run(void *arg, ptrdiff_t task, int thread)
{
    struct model_state *s = arg;
    int heads = s->m->shape.kv_heads;
    unit_run(s, &s->units[task / heads], (int)(task % heads), &s->scratch[thread]);
}

void attention_run(struct model_state *s)
{
    threads_run(s->pool, task_run, s, s->unit_count * s->m->shape.kv_heads);
}
