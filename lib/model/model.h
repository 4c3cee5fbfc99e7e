/* model.h: a transformer in memory, and its forward pass.
 *
 * Decoders (llama with mistral and mixtral, qwen2, qwen3, qwen3moe, phi3, gemma2, gemma3, gpt2) and
 * encoders (bert with roberta and distilbert, modern-bert) are one pass with parts that are there
 * or not; what an architecture has stands in one table (model_load.c): RMS or layer norm before,
 * after or around the branches, rotary or learned positions, grouped-query attention over
 * everything, what came before, or a window, gated or plain feed-forward, mixtures of experts,
 * soft caps. Weights of every type that quantize writes, in any mixture; activations and the cache
 * are float32. Q8_0, Q4_0, Q5_0 and IQ4_NL see activations as int8 with one scale per 32; all
 * others are widened to float32.
 *
 * BATCHES. model_forward takes any mixture of tokens: each names its sequence's cache and position.
 * Tokens of one sequence are adjacent and ascend; an encoder gets whole sequences. What a token
 * computes depends on its sequence alone: every sum has one order (matmul.h, vec.h), so logits
 * are the same bytes for any batch, any split of a prompt into steps and any number of threads.
 *
 *     struct model *m = model_load(file, pool, &arena, &err);
 *     struct model_state *s = model_state_new(m, pool, 512);
 *     struct model_token t[] = { { .id = 0, .position = 0, .kv = &kv, .output = true } };
 *     model_forward(s, t, 1);
 *     const float *logits = model_logits(s, 0, 1);     // m->shape.vocab floats; decoders only
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

enum model_activation { MODEL_SILU, MODEL_GELU_TANH, MODEL_GELU_ERF };
/* GGUF's pooling_type: how hidden states of tokens become one vector. */
enum model_pooling {
    MODEL_POOL_UNSET = -1,
    MODEL_POOL_NONE,
    MODEL_POOL_MEAN,
    MODEL_POOL_CLS,
    MODEL_POOL_LAST,
    MODEL_POOL_RANK,
};

struct model_shape {
    int layers, dim, heads, kv_heads, head_dim, ffn, vocab;
    int64_t context; /* positions the model was made for */
    int64_t window;  /* attention of layers that have one: causal, the last so many; else half to
                        each side; 0: none */
    float norm_eps;
    bool rope_halves; /* pairs (i, i + d/2) instead of (2i, 2i + 1) */
    int rope_dims;    /* of each head; 0: no rotation */
    bool layer_norm;  /* else RMS norm */
    bool encoder;     /* attention looks both ways; no logits */
    enum model_activation activation;
    float embed_scale, attn_scale; /* 0: 1 and 1 / sqrt(head_dim) */
    float attn_cap, logit_cap;     /* 0: none */
    int experts, experts_used, expert_ffn;
    bool expert_norm; /* weights of the experts that are used add up to 1 */
    enum model_pooling pooling;
    int labels; /* of a classifier; 0: none */
};

struct model_norm {
    const float *weight, *bias; /* NULL: no such norm, no bias */
};

struct model {
    struct model_shape shape;
    struct tensor embedding; /* rows are looked up in the mapping */
    struct tensor positions; /* learned ones; data NULL: none */
    const float *token_type; /* of the first kind, added to every embedding; or NULL */
    struct model_norm embedding_norm;
    struct matmul head;
    struct model_norm head_norm;
    const float *rope_freqs;        /* rope_dims / 2, after scaling */
    const float *window_rope_freqs; /* of layers with a window; NULL: the same */
    struct model_layer *layers;
    struct model_classifier {
        const float *dense, *dense_bias, *out, *out_bias; /* dense NULL: none */
        const slice *names;
    } classifier;
    int64_t weight_bytes;  /* matrices: what one decode step reads */
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

/* Every step adds the inputs of its matrices to `im` (imatrix.h); NULL: no more. */
struct imatrix;
void model_state_collect(struct model_state *s, struct imatrix *im);

void model_forward(struct model_state *s, const struct model_token *tokens, ptrdiff_t count);

/* The last hidden state (after the final norm) of the index-th token with output set in the last
 * step: dim floats. */
const float *model_hidden(const struct model_state *s, ptrdiff_t index);
/* labels logits of a classifier from the hidden state of a sequence's first token; work: dim. */
void model_classify(const struct model *m, const float *hidden, float *work, float *logits);

#define MODEL_LOGITS_MAX 32
/* Logits of `count` <= MODEL_LOGITS_MAX tokens with output set in the last step, from the first-th
 * of them on; rows are model_logits_stride apart. The caller may overwrite them; valid until the
 * next call. */
float *model_logits(struct model_state *s, ptrdiff_t first, ptrdiff_t count);
ptrdiff_t model_logits_stride(const struct model_state *s);

#endif
