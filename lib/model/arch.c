#include "arch.h"

/* The tensors that llama and its relatives share; `rope` says whether q and k are interleaved. */
#define DECODER_TENSORS(rope)                                                                      \
    { "model.embed_tokens.weight", "token_embd.weight", ARCH_VOCAB, ARCH_HIDDEN, 0 },              \
        { "model.layers.%.input_layernorm.weight", "blk.%.attn_norm.weight", 0, ARCH_HIDDEN, 0 },  \
        { "model.layers.%.self_attn.q_proj.weight", "blk.%.attn_q.weight", ARCH_Q, ARCH_HIDDEN,    \
          rope },                                                                                  \
        { "model.layers.%.self_attn.k_proj.weight", "blk.%.attn_k.weight", ARCH_KV, ARCH_HIDDEN,   \
          rope },                                                                                  \
        { "model.layers.%.self_attn.v_proj.weight", "blk.%.attn_v.weight", ARCH_KV, ARCH_HIDDEN,   \
          0 },                                                                                     \
        { "model.layers.%.self_attn.o_proj.weight", "blk.%.attn_output.weight", ARCH_HIDDEN,       \
          ARCH_Q, 0 },                                                                             \
        { "model.layers.%.post_attention_layernorm.weight", "blk.%.ffn_norm.weight", 0,            \
          ARCH_HIDDEN, 0 },                                                                        \
        { "model.layers.%.mlp.gate_proj.weight", "blk.%.ffn_gate.weight", ARCH_FFN, ARCH_HIDDEN,   \
          0 },                                                                                     \
        { "model.layers.%.mlp.up_proj.weight", "blk.%.ffn_up.weight", ARCH_FFN, ARCH_HIDDEN, 0 },  \
        { "model.layers.%.mlp.down_proj.weight", "blk.%.ffn_down.weight", ARCH_HIDDEN, ARCH_FFN,   \
          0 },                                                                                     \
        { "model.norm.weight", "output_norm.weight", 0, ARCH_HIDDEN, 0 },                          \
        { "lm_head.weight", "output.weight", ARCH_VOCAB, ARCH_HIDDEN, ARCH_OUTPUT },               \
    /* Old checkpoints store the rotary frequencies. */                                            \
    {                                                                                              \
        "model.layers.%.self_attn.rotary_emb.inv_freq", NULL, 0, 0, ARCH_IGNORED                   \
    }

#define DECODER_KEYS                                                                               \
    { "vocab_size", MODEL_U32, ARCH_VOCAB, NULL, true },                                           \
        { "context_length", MODEL_U32, ARCH_CONTEXT, NULL, true },                                 \
        { "embedding_length", MODEL_U32, ARCH_HIDDEN, NULL, true },                                \
        { "block_count", MODEL_U32, ARCH_LAYERS, NULL, true },                                     \
        { "feed_forward_length", MODEL_U32, ARCH_FFN, NULL, true },                                \
        { "attention.head_count", MODEL_U32, ARCH_HEADS, NULL, true },                             \
        { "attention.head_count_kv", MODEL_U32, ARCH_KV_HEADS, NULL, true },                       \
        { "attention.layer_norm_rms_epsilon", MODEL_F32, ARCH_NONE, "rms_norm_eps", true },        \
        { "rope.dimension_count", MODEL_U32, ARCH_HEAD, NULL, true },                              \
        { "attention.key_length", MODEL_U32, ARCH_HEAD, NULL, true },                              \
    {                                                                                              \
        "attention.value_length", MODEL_U32, ARCH_HEAD, NULL, true                                 \
    }

static const struct arch_tensor llama_tensors[] = {
    DECODER_TENSORS(ARCH_ROPE_HALVES),
    { "model.layers.%.self_attn.q_proj.bias", "blk.%.attn_q.bias", 0, ARCH_Q,
      ARCH_OPTIONAL | ARCH_ROPE_HALVES },
    { "model.layers.%.self_attn.k_proj.bias", "blk.%.attn_k.bias", 0, ARCH_KV,
      ARCH_OPTIONAL | ARCH_ROPE_HALVES },
    { "model.layers.%.self_attn.v_proj.bias", "blk.%.attn_v.bias", 0, ARCH_KV, ARCH_OPTIONAL },
    { "model.layers.%.self_attn.o_proj.bias", "blk.%.attn_output.bias", 0, ARCH_HIDDEN,
      ARCH_OPTIONAL },
    { "model.layers.%.mlp.gate_proj.bias", "blk.%.ffn_gate.bias", 0, ARCH_FFN, ARCH_OPTIONAL },
    { "model.layers.%.mlp.up_proj.bias", "blk.%.ffn_up.bias", 0, ARCH_FFN, ARCH_OPTIONAL },
    { "model.layers.%.mlp.down_proj.bias", "blk.%.ffn_down.bias", 0, ARCH_HIDDEN, ARCH_OPTIONAL },
};

static const struct arch_key llama_keys[] = { DECODER_KEYS };

/* GGUF's qwen2 rotates halves as Hugging Face does: nothing is permuted. */
static const struct arch_tensor qwen2_tensors[] = {
    DECODER_TENSORS(0),
    { "model.layers.%.self_attn.q_proj.bias", "blk.%.attn_q.bias", 0, ARCH_Q, 0 },
    { "model.layers.%.self_attn.k_proj.bias", "blk.%.attn_k.bias", 0, ARCH_KV, 0 },
    { "model.layers.%.self_attn.v_proj.bias", "blk.%.attn_v.bias", 0, ARCH_KV, 0 },
};

static const struct arch_key qwen2_keys[] = { DECODER_KEYS };

#define ROWS(table) table, countof(table)
static const struct arch archs[] = {
    { "llama|mistral", "llama", "silu", ROWS(llama_tensors), ROWS(llama_keys), NULL },
    { "qwen2", "qwen2", "silu", ROWS(qwen2_tensors), ROWS(qwen2_keys), "use_sliding_window" },
};

/* The next name of an "a|b" list, or an empty slice at its end. */
static slice next_choice(const char **list)
{
    const char *start = *list;
    ptrdiff_t n = (ptrdiff_t)strcspn(start, "|");

    *list = start + n + (start[n] == '|');
    return slice_make(start, n);
}

const struct arch *arch_find(slice model_type)
{
    for (ptrdiff_t i = 0; i < countof(archs); i++) {
        const char *list = archs[i].model_types;
        for (slice s = next_choice(&list); s.len; s = next_choice(&list))
            if (slice_eq(s, model_type))
                return &archs[i];
    }
    return NULL;
}

const char *arch_list(struct arena *arena)
{
    slice all = SLICE("");

    for (ptrdiff_t i = 0; i < countof(archs); i++) {
        const char *list = archs[i].model_types;
        for (slice s = next_choice(&list); s.len; s = next_choice(&list))
            all = arena_printf(arena, "%.*s%s%.*s", SLICE_ARG(all), all.len ? ", " : "",
                               SLICE_ARG(s));
    }
    return all.ptr;
}
