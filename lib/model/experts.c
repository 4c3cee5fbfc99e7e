/* Mixtures of experts (Shazeer et al. 2017): a router weighs all experts of a layer, the best few
 * compute. Each token is computed alone, one column at a time, so what it gets does not depend on
 * who shares the step; the outputs of its experts are added in the order of their numbers. */
#include "imatrix.h"
#include "modellayer.h"

#include <stdlib.h>

static float *floats_new(struct model_state *s, ptrdiff_t n)
{
    return arena_alloc(&s->arena, matmul_panels(n) * MATMUL_ROWS, sizeof(float), 64);
}

void experts_new(struct model_state *s)
{
    const struct model_shape *shape = &s->m->shape;
    ptrdiff_t widest = MAX(shape->dim, shape->expert_ffn);

    s->experts = arena_new(&s->arena, struct expert_scratch, threads_count(s->pool));
    for (int i = 0; i < threads_count(s->pool); i++)
        s->experts[i] = (struct expert_scratch){
            .packed = arena_alloc_raw(&s->arena,
                                      MAX(matmul_input_bytes(MATMUL_F32, widest, 1),
                                          matmul_input_bytes(MATMUL_Q8_0, ALIGN_UP(widest, 32), 1)),
                                      64),
            .router = floats_new(s, shape->experts),
            .gate = floats_new(s, shape->expert_ffn),
            .up = floats_new(s, shape->expert_ffn),
            .act = floats_new(s, shape->expert_ffn),
            .out = floats_new(s, shape->dim),
        };
}

static void column_run(const struct expert_scratch *e, const struct matmul *w, const float *x,
                       float *out)
{
    enum matmul_type type = w->type == MATMUL_Q8_0 ? MATMUL_Q8_0 : MATMUL_F32;
    struct matmul_input in = matmul_input_place(type, w->k, 1, e->packed);
    ptrdiff_t panels = matmul_panels(w->rows);

    matmul_input_pack(&in, x, w->k, 0, 1);
    matmul_run(w, &in, out, panels * MATMUL_ROWS, 0, panels);
}

/* The largest `used` of p, ties to the lower number: the others become 0. */
static void keep_best(float *p, int count, int used)
{
    for (int left = count - used; left > 0; left--) {
        int worst = -1;
        for (int i = 0; i < count; i++)
            if (p[i] >= 0 && (worst < 0 || p[i] <= p[worst]))
                worst = i;
        p[worst] = -1;
    }
    for (int i = 0; i < count; i++)
        p[i] = p[i] < 0 ? 0 : p[i];
}

/* logits -> weights of the experts, 0 for those that are not used. */
static void route(const struct model_state *s, float *p)
{
    const struct model_shape *shape = &s->m->shape;
    float sum = s->vec->softmax_exp(p, 1, shape->experts), kept = 0;

    s->vec->scale(p, 1 / sum, shape->experts);
    keep_best(p, shape->experts, shape->experts_used);
    for (int i = 0; i < shape->experts; i++)
        kept += p[i];
    for (int i = 0; shape->expert_norm && kept > 0 && i < shape->experts; i++)
        p[i] /= kept;
}

static void token_task(void *arg, ptrdiff_t t, int thread)
{
    struct model_state *s = arg;
    const struct model_shape *shape = &s->m->shape;
    const struct model_layer *l = &s->m->layers[s->layer];
    const struct expert_scratch *e = &s->experts[thread];
    const float *x = s->norm + t * shape->dim;
    float *sum = s->proj + t * s->proj_stride;

    column_run(e, &l->router, x, e->router);
    route(s, e->router);
    memset(sum, 0, sizeof *sum * (size_t)shape->dim);
    for (int i = 0; i < shape->experts; i++) {
        if (!(e->router[i] > 0))
            continue;
        column_run(e, &l->experts[i].gate, x, e->gate);
        column_run(e, &l->experts[i].up, x, e->up);
        model_activate(s, e->act, e->gate, e->up, shape->expert_ffn);
        if (s->collect) {
            imatrix_add_expert(s->collect, s->layer, IMATRIX_FFN, i, x, shape->dim);
            imatrix_add_expert(s->collect, s->layer, IMATRIX_DOWN, i, e->act, shape->expert_ffn);
        }
        column_run(e, &l->experts[i].down, e->act, e->out);
        s->vec->scale(e->out, e->router[i], shape->dim);
        s->vec->add(sum, e->out, shape->dim);
    }
}

void experts_run(struct model_state *s)
{
    if (!s->collect)
        threads_run(s->pool, token_task, s, s->count);
    for (ptrdiff_t t = 0; s->collect && t < s->count; t++) /* sums are for one thread */
        token_task(s, t, 0);
}
