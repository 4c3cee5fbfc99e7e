/* modellayer.h: what model_load.c fills and model_forward.c and attention.c use. Private. */
#ifndef MODELLAYER_H
#define MODELLAYER_H

#include "model.h"
#include "../simd/vec.h"

struct model_layer {
    const float *attn_norm, *ffn_norm;
    const float *q_norm, *k_norm;          /* per head, NULL: none */
    const float *q_bias, *k_bias, *v_bias; /* NULL: none */
    struct matmul q, k, v, attn_output, gate, up, down;
};

/* The input of one or more matrices in the forms that their types read; memory for both. */
struct packed_input {
    struct matmul_input plain, q8;
    bool use_plain, use_q8;
};

/* Queries of one sequence that are computed together. */
struct attention_unit {
    ptrdiff_t first, count; /* tokens */
};

struct attention_scratch {
    float *queries, *scores, *outputs; /* [columns][...] */
    void *packed_queries, *packed_weights;
    ptrdiff_t positions; /* that scores and packed_weights hold */
};

struct model_state {
    const struct model *m;
    struct threads *pool;
    const struct vec_kernels *vec;
    struct arena arena;
    ptrdiff_t max_tokens;

    /* the step */
    const struct model_token *tokens;
    ptrdiff_t count, outputs;
    int layer;
    struct attention_unit *units;
    ptrdiff_t unit_count;

    /* rows of tokens */
    float *x;      /* [dim] residual stream */
    float *norm;   /* [dim] */
    float *qkv;    /* [qkv_stride] q, k, v */
    float *attn;   /* [heads * head_dim] */
    float *proj;   /* [dim, padded] output of attn_output and down */
    float *ffn;    /* [2 * ffn, padded] gate and up */
    float *act;    /* [ffn] */
    float *rope;   /* [rope_dims] cos, sin per pair */
    float *hidden; /* [dim] of tokens with output */
    float *logits; /* [MODEL_LOGITS_MAX][logits_stride] */
    ptrdiff_t q_rows, kv_rows, qkv_stride, proj_stride, ffn_rows, ffn_stride, logits_stride;

    void *input_memory[2];
    struct packed_input input;
    struct attention_scratch *scratch; /* per thread */

    /* the parallel matmul in progress */
    struct {
        const struct matmul *w;
        float *out;
        ptrdiff_t stride;
    } job[3];
    int jobs;
};

/* Attention of every unit for the current layer: qkv and cache -> attn. */
void attention_run(struct model_state *s);
/* Scratch for `positions` positions; called between steps. */
void attention_reserve(struct model_state *s, ptrdiff_t positions);
void attention_release(struct model_state *s);
/* Query tokens of one unit. */
ptrdiff_t attention_unit_tokens(const struct model_shape *shape);

#endif
