/* model.h: a decoder of the Llama family in memory, and its forward pass.
 *
 * Architectures llama (mistral too), qwen2 and qwen3: RMSNorm, rotary positions (interleaved pairs
 * for llama, halves for qwen; Llama-3 factors from rope_freqs.weight, linear scaling),
 * grouped-query attention with an optional sliding window, SwiGLU, tied or own output matrix,
 * optional q/k/v biases and q/k norms. Weights of every type that quantize writes, in any mixture;
 * activations and the cache are float32. Q8_0, Q4_0, Q5_0 and IQ4_NL see activations as int8 with
 * one scale per 32; all others are widened to float32.
 *
 * BATCHES. model_forward takes any mixture of tokens: each names its sequence's cache and position.
 * Tokens of one sequence are adjacent and ascend. What a token computes depends on its sequence
 * alone: every sum has one order (matmul.h, vec.h), so logits are the same bytes for any batch,
 * any split of a prompt into steps and any number of threads.
 *
 *     struct model *m = model_load(file, pool, &arena, &err);
 *     struct model_state *s = model_state_new(m, pool, 512);
 *     struct model_token t[] = { { .id = 0, .position = 0, .kv = &kv, .output = true } };
 *     model_forward(s, t, 1);
 *     const float *logits = model_logits(s, 0, 1);     // m->shape.vocab floats
 *
 * A model is read-only after loading and thread-safe; a state belongs to one thread, which lends it
 * the pool. Nothing is allocated in a step. Memory: the packed weights (their size in the file)
 * beside the mapping, and about 4 * tokens * (4 dim + 3 ffn) bytes per state.
 */
#ifndef MODEL_H
#define MODEL_H

#include "kvcache.h"
#include "modelfile.h"
#include "threads.h"

struct model_shape {
    int layers, dim, heads, kv_heads, head_dim, ffn, vocab;
    int64_t context; /* positions the model was made for */
    int64_t window;  /* sliding window of the attention; 0: none */
    float norm_eps;
    bool rope_halves; /* pairs (i, i + d/2) instead of (2i, 2i + 1) */
    int rope_dims;    /* of each head */
};

struct model {
    struct model_shape shape;
    struct tensor embedding; /* rows are looked up in the mapping */
    struct matmul head;
    const float *head_norm;
    const float *rope_freqs; /* rope_dims / 2, after scaling */
    struct model_layer *layers;
    int64_t weight_bytes;     /* packed matrices: what one decode step reads */
    char weight_types[64]; /* "BF16", "Q8_0+F16": for messages and reports */
};

/* `file` was opened with map and stays open. NULL with ERR_CONFIG and the tensor or key named. */
struct model *model_load(const struct model_file *file, struct threads *pool, struct arena *arena,
                         struct err *err);
struct kv_shape model_kv_shape(const struct model *m);

struct model_token {
    uint32_t id;         /* < vocab */
    int32_t position;    /* from 0; all earlier ones are in the cache or in this batch */
    struct kv_cache *kv; /* of its sequence, reserved beyond position */
    bool output;         /* logits are wanted */
};

struct model_state;
/* For steps of at most max_tokens tokens. */
struct model_state *model_state_new(const struct model *m, struct threads *pool,
                                    ptrdiff_t max_tokens);
void model_state_free(struct model_state *s); /* NULL is allowed */
ptrdiff_t model_state_max_tokens(const struct model_state *s);

void model_forward(struct model_state *s, const struct model_token *tokens, ptrdiff_t count);

#define MODEL_LOGITS_MAX 32
/* Logits of `count` <= MODEL_LOGITS_MAX tokens with output set in the last step, from the first-th
 * of them on; rows are model_logits_stride apart. The caller may overwrite them; valid until the
 * next call. */
float *model_logits(struct model_state *s, ptrdiff_t first, ptrdiff_t count);
ptrdiff_t model_logits_stride(const struct model_state *s);

#endif
