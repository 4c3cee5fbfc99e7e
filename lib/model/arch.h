/* arch.h: how a Hugging Face model becomes a GGUF one: one table per architecture.
 *
 * An architecture says which config.json `model_type`s it takes, its GGUF name, its tensors (Hugging
 * Face name, GGUF name, shape in terms of the hyper-parameters, transform) and its hyper-parameters
 * (GGUF key, config member, type). Adding one is one table and one test. A tensor of the source that
 * no row names is refused, a required row without a tensor too, and so is a shape that disagrees
 * with config.json.
 */
#ifndef ARCH_H
#define ARCH_H

#include "modelmeta.h"
#include "tensor.h"

/* Sizes that shapes are made of. */
enum arch_size {
    ARCH_NONE,
    ARCH_HIDDEN,
    ARCH_VOCAB,
    ARCH_FFN,
    ARCH_Q,
    ARCH_KV,
    ARCH_HEAD,
    ARCH_LAYERS,
    ARCH_HEADS,
    ARCH_KV_HEADS,
    ARCH_CONTEXT,
    ARCH_SIZES,
};

enum arch_flags {
    ARCH_OPTIONAL = 1, /* may be missing */
    ARCH_ROPE_HALVES =
        2,            /* rows of each head: (2, hd/2) becomes (hd/2, 2), as GGUF's llama wants */
    ARCH_OUTPUT = 4,  /* missing and ignored when the embeddings are tied, else required */
    ARCH_IGNORED = 8, /* known and not needed */
};

struct arch_tensor {
    const char *source;  /* "model.layers.%.self_attn.q_proj.weight": % is the layer */
    const char *name;    /* "blk.%.attn_q.weight" */
    enum arch_size rows; /* ARCH_NONE: one-dimensional */
    enum arch_size columns;
    unsigned flags;
};

struct arch_key {
    const char *name;    /* behind "ARCH.": "attention.head_count" */
    int type;            /* MODEL_U32 or MODEL_F32 */
    enum arch_size size; /* the value is this size; ARCH_NONE: config member */
    const char *member;  /* of config.json */
    bool required;
};

struct arch {
    const char *model_types; /* "llama|mistral" */
    const char *name;        /* GGUF: "llama" */
    const char *activation;  /* config.hidden_act must be this */
    const struct arch_tensor *tensors;
    ptrdiff_t tensor_count;
    const struct arch_key *keys;
    ptrdiff_t key_count;
    const char *window_flag; /* config member that must be true for sliding_window to count; NULL */
};

/* NULL: unknown model_type. */
const struct arch *arch_find(slice model_type);
/* "llama, mistral, qwen2": for messages. */
const char *arch_list(struct arena *arena);

#endif
