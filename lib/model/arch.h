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
    ARCH_FFN_TWICE, /* gate and up in one matrix */
    ARCH_Q,
    ARCH_KV,
    ARCH_QKV, /* q, k and v in one matrix */
    ARCH_HEAD,
    ARCH_ROPE, /* rotated dimensions of a head */
    ARCH_LAYERS,
    ARCH_HEADS,
    ARCH_KV_HEADS,
    ARCH_CONTEXT,
    ARCH_POSITIONS, /* rows of the table of positions in the source */
    ARCH_EXPERTS,
    ARCH_EXPERTS_USED,
    ARCH_EXPERT_FFN,
    ARCH_TYPES,  /* token types (segments) */
    ARCH_LABELS, /* of a classifier; 0: there is none */
    ARCH_SIZES,
};

enum arch_flags {
    ARCH_OPTIONAL = 1, /* may be missing */
    ARCH_ROPE_HALVES =
        2,            /* rows of each head: (2, hd/2) becomes (hd/2, 2), as GGUF's llama has it */
    ARCH_OUTPUT = 4,  /* missing and ignored when the embeddings are tied, else required */
    ARCH_IGNORED = 8, /* known and not needed */
    ARCH_TRANSPOSED = 16, /* the source has columns x rows */
    ARCH_PLUS_ONE = 32,   /* 1 is added to every value: norms that store w - 1 */
    ARCH_EXPERT = 64,     /* '#' in the source is the expert; all experts become one tensor */
    ARCH_LABELLED = 128,  /* only for classifiers; ignored otherwise */
};

struct arch_tensor {
    const char *source;  /* "model.layers.%.self_attn.q_proj.weight": % is the layer */
    const char *name;    /* "blk.%.attn_q.weight" */
    enum arch_size rows; /* ARCH_NONE: one-dimensional */
    enum arch_size columns;
    unsigned flags;
};

struct arch_key {
    const char *name;    /* behind "ARCH.": "attention.head_count"; "tokenizer.…" as it is */
    int type;            /* MODEL_U32, MODEL_F32 or MODEL_BOOL */
    enum arch_size size; /* the value is this size; ARCH_NONE: config member */
    const char *member;  /* of config.json; NULL: value */
    bool required;
    double value; /* when the member is missing and not required; 0: no key then */
};

/* Names of config members where they are not the usual ones. */
struct arch_members {
    const char *hidden, *layers, *heads, *ffn, *context;
};

/* Which layers attend to a window only. */
enum arch_windows {
    ARCH_WINDOW_NONE,
    ARCH_WINDOW_ALL,     /* every layer; llama.cpp ignores the window for these */
    ARCH_WINDOW_PATTERN, /* layer_types, or every n-th layer sees everything */
};

struct arch {
    const char *model_types; /* "llama|mistral" */
    const char *name;        /* GGUF: "llama" */
    const char *activation;  /* config.hidden_act (or the like) must be this */
    const struct arch_tensor *tensors;
    ptrdiff_t tensor_count;
    const struct arch_key *keys;
    ptrdiff_t key_count;
    const char *activation_member; /* NULL: hidden_act */
    const char *prefix;            /* may stand before every source name: "bert." */
    const char *window_flag;       /* config member that must be true for sliding_window; NULL */
    enum arch_windows windows;
    int window_period;         /* of ARCH_WINDOW_PATTERN without layer_types: the default */
    bool window_first;         /* the first of a period sees everything, not the last */
    const char *window_member; /* NULL: sliding_window */
    bool rotary, partial_rotary, experts, tied_default, encoder;
    int position_offset; /* rows of the table of positions that are never used */
    struct arch_members members;
    const char *refused; /* "a|b": config members that must not be true or filled */
};

/* NULL: unknown model_type. */
const struct arch *arch_find(slice model_type);
/* The next name of an "a|b" list, or an empty slice at its end. */
slice arch_next_choice(const char **list);
/* "llama, mistral, qwen2": for messages. */
const char *arch_list(struct arena *arena);

#endif
