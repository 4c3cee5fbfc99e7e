/* modellayer.h: what model_load.c fills and model_forward.c and attention.c use. Private. */
#ifndef MODELLAYER_H
#define MODELLAYER_H

#include "model.h"
#include "../simd/vec.h"

struct model_expert {
    struct matmul gate, up, down;
};

struct model_layer {
    struct model_norm attn_norm, ffn_norm;         /* of a branch's input */
    struct model_norm attn_post, ffn_post;         /* of its output, before it is added */
    struct model_norm attn_sum_norm, ffn_sum_norm; /* of the sum */
    const float *q_norm, *k_norm;                  /* per head, NULL: none */
    const float *q_bias, *k_bias, *v_bias, *attn_output_bias; /* NULL: none */
    const float *gate_bias, *up_bias, *down_bias;
    struct matmul q, k, v, attn_output, gate, up, down; /* gate without rows: not gated */
    struct matmul router;
    struct model_expert *experts; /* instead of gate, up, down; or NULL */
    bool windowed;
};

/* The input of one or more matrices in the forms that their types read; memory for both. */
struct packed_input {
    struct matmul_input plain, q8;
    bool use_plain, use_q8;
};

/* Queries of one sequence that are computed together. */
struct attention_unit {
    ptrdiff_t first, count; /* tokens */
    ptrdiff_t keys;         /* positions that they may see */
};

/* One token among its experts. */
struct expert_scratch {
    void *packed;
    float *router, *gate, *up, *act, *out;
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
    struct imatrix *collect; /* or NULL */
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
    float *rope;   /* [rope_dims] cos, sin per pair; then the same for layers with a window */
    float *hidden; /* [dim] of tokens with output */
    float *logits; /* [MODEL_LOGITS_MAX][logits_stride] */
    ptrdiff_t q_rows, kv_rows, qkv_stride, proj_stride, ffn_rows, ffn_stride, logits_stride;

    void *input_memory[2];
    struct packed_input input;
    struct attention_scratch *scratch; /* per thread */
    struct expert_scratch *experts;    /* per thread, or NULL */

    /* the parallel matmul in progress */
    struct {
        const struct matmul *w;
        float *out;
        ptrdiff_t stride;
    } job[3];
    int jobs;
};

/* dst = f(gate) * up, or f(gate) where up is NULL. */
void model_activate(const struct model_state *s, float *dst, const float *gate, const float *up,
                    ptrdiff_t n);
/* Feed-forward by experts of the current layer: norm -> proj. */
void experts_new(struct model_state *s);
void experts_run(struct model_state *s);

/* Attention of every unit for the current layer: qkv and cache -> attn. */
void attention_run(struct model_state *s);
/* Scratch for `positions` positions; called between steps. */
void attention_reserve(struct model_state *s, ptrdiff_t positions);
void attention_release(struct model_state *s);
/* Query tokens of one unit. */
ptrdiff_t attention_unit_tokens(const struct model_shape *shape);

#endif
