/* mixture.h: which type each tensor gets: the mixtures and rules of llama-quantize.
 *
 * A mixture has a type for most weights and better ones where errors cost more: the output matrix,
 * attn_v, ffn_down, attn_output, by layer. `Q4_K` names the mixture Q4_K_M, as there. A row that
 * does not divide into the type's blocks falls back to a type of 32 to a block, then to F16.
 *
 *     const struct mixture *mix = mixture_find(SLICE("q4_k_m"));
 *     struct mixture_choice c = mixture_choose(mix, &model, &tensor, pure);
 *
 * Pure and thread-safe. Source: llama.cpp 0.5, src/llama-quant.cpp, checked tensor by tensor.
 */
#ifndef MIXTURE_H
#define MIXTURE_H

#include "../arena.h"
#include "tensor.h"

struct mixture {
    const char *name;
    int type;      /* of most weights */
    int file_type; /* general.file_type */
    unsigned bit;  /* for the rules; 0: one type throughout */
};

/* What the rules look at. */
struct mixture_model {
    slice arch;
    int64_t layers, experts, heads, kv_heads;
    int64_t attn_v_count; /* tensors attn_v.weight and attn_qkv.weight */
    bool has_output, has_importance;
};

struct mixture_choice {
    int type;
    int wanted;    /* before the fallback */
    bool fallback; /* type is not what was wanted */
};

const struct mixture *mixture_find(slice name); /* case-insensitive; NULL: none */
/* "F32, F16, ..." */
const char *mixture_list(struct arena *arena);
/* Weights that are never quantized: vectors, norms, position tables, routers, biases. */
bool mixture_keeps(const struct tensor *t);
/* order: how many tensors of t's kind (attn_v, ffn_down) come before it, by layer. */
struct mixture_choice mixture_choose(const struct mixture *mix, const struct mixture_model *m,
                                     const struct tensor *t, int64_t order, bool pure);
/* The layer of "blk.N.…", -1 for others. */
int64_t mixture_layer(slice name);
/* Kinds whose place in the model counts. Fused q, k and v count as v. */
#define MIXTURE_ATTN_V   "attn_v.weight"
#define MIXTURE_FFN_DOWN "ffn_down"
bool mixture_is_kind(slice name, const char *part);

#endif
