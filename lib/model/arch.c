#include "arch.h"

#define ROWS(table) table, countof(table)

/* ---- llama and its relatives ---- */

/* Embeddings, attention output and norms that all of them have. */
#define DECODER_FRAME                                                                              \
    { "model.embed_tokens.weight", "token_embd.weight", ARCH_VOCAB, ARCH_HIDDEN, 0 },              \
        { "model.layers.%.input_layernorm.weight", "blk.%.attn_norm.weight", 0, ARCH_HIDDEN, 0 },  \
        { "model.layers.%.self_attn.o_proj.weight", "blk.%.attn_output.weight", ARCH_HIDDEN,       \
          ARCH_Q, 0 },                                                                             \
        { "model.layers.%.post_attention_layernorm.weight", "blk.%.ffn_norm.weight", 0,            \
          ARCH_HIDDEN, 0 },                                                                        \
        { "model.norm.weight", "output_norm.weight", 0, ARCH_HIDDEN, 0 },                          \
        { "lm_head.weight", "output.weight", ARCH_VOCAB, ARCH_HIDDEN, ARCH_OUTPUT },               \
    /* Old checkpoints store the rotary frequencies. */                                            \
    {                                                                                              \
        "model.layers.%.self_attn.rotary_emb.inv_freq", NULL, 0, 0, ARCH_IGNORED                   \
    }

/* `rope` says whether the rows of q and k are interleaved. */
#define SEPARATE_QKV(rope)                                                                         \
    { "model.layers.%.self_attn.q_proj.weight", "blk.%.attn_q.weight", ARCH_Q, ARCH_HIDDEN,        \
      rope },                                                                                      \
        { "model.layers.%.self_attn.k_proj.weight", "blk.%.attn_k.weight", ARCH_KV, ARCH_HIDDEN,   \
          rope },                                                                                  \
    {                                                                                              \
        "model.layers.%.self_attn.v_proj.weight", "blk.%.attn_v.weight", ARCH_KV, ARCH_HIDDEN, 0   \
    }

#define GATED_FFN                                                                                  \
    { "model.layers.%.mlp.gate_proj.weight", "blk.%.ffn_gate.weight", ARCH_FFN, ARCH_HIDDEN, 0 },  \
        { "model.layers.%.mlp.up_proj.weight", "blk.%.ffn_up.weight", ARCH_FFN, ARCH_HIDDEN, 0 },  \
    {                                                                                              \
        "model.layers.%.mlp.down_proj.weight", "blk.%.ffn_down.weight", ARCH_HIDDEN, ARCH_FFN, 0   \
    }

#define HEAD_NORMS(flags)                                                                          \
    { "model.layers.%.self_attn.q_norm.weight", "blk.%.attn_q_norm.weight", 0, ARCH_HEAD, flags }, \
    {                                                                                              \
        "model.layers.%.self_attn.k_norm.weight", "blk.%.attn_k_norm.weight", 0, ARCH_HEAD, flags  \
    }

#define EXPERTS(router, gate, up, down)                                                            \
    { router, "blk.%.ffn_gate_inp.weight", ARCH_EXPERTS, ARCH_HIDDEN, 0 },                         \
        { gate, "blk.%.ffn_gate_exps.weight", ARCH_EXPERT_FFN, ARCH_HIDDEN, ARCH_EXPERT },         \
        { up, "blk.%.ffn_up_exps.weight", ARCH_EXPERT_FFN, ARCH_HIDDEN, ARCH_EXPERT },             \
    {                                                                                              \
        down, "blk.%.ffn_down_exps.weight", ARCH_HIDDEN, ARCH_EXPERT_FFN, ARCH_EXPERT              \
    }

/* Sizes that every architecture has. */
#define COMMON_KEYS                                                                                \
    { "vocab_size", MODEL_U32, ARCH_VOCAB, NULL, true, 0 },                                        \
        { "context_length", MODEL_U32, ARCH_CONTEXT, NULL, true, 0 },                              \
        { "embedding_length", MODEL_U32, ARCH_HIDDEN, NULL, true, 0 },                             \
        { "block_count", MODEL_U32, ARCH_LAYERS, NULL, true, 0 },                                  \
        { "feed_forward_length", MODEL_U32, ARCH_FFN, NULL, true, 0 },                             \
    {                                                                                              \
        "attention.head_count", MODEL_U32, ARCH_HEADS, NULL, true, 0                               \
    }

#define DECODER_KEYS                                                                               \
    COMMON_KEYS, { "attention.head_count_kv", MODEL_U32, ARCH_KV_HEADS, NULL, true, 0 },           \
        { "attention.layer_norm_rms_epsilon", MODEL_F32, ARCH_NONE, "rms_norm_eps", true, 0 },     \
        { "rope.dimension_count", MODEL_U32, ARCH_ROPE, NULL, true, 0 },                           \
        { "attention.key_length", MODEL_U32, ARCH_HEAD, NULL, true, 0 },                           \
    {                                                                                              \
        "attention.value_length", MODEL_U32, ARCH_HEAD, NULL, true, 0                              \
    }

#define EXPERT_KEYS                                                                                \
    { "expert_count", MODEL_U32, ARCH_EXPERTS, NULL, true, 0 },                                    \
        { "expert_used_count", MODEL_U32, ARCH_EXPERTS_USED, NULL, true, 0 },                      \
    {                                                                                              \
        "expert_feed_forward_length", MODEL_U32, ARCH_EXPERT_FFN, NULL, true, 0                    \
    }

static const struct arch_key decoder_keys[] = { DECODER_KEYS };

static const struct arch_tensor llama_tensors[] = {
    DECODER_FRAME,
    SEPARATE_QKV(ARCH_ROPE_HALVES),
    GATED_FFN,
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

static const struct arch_tensor mixtral_tensors[] = {
    DECODER_FRAME,
    SEPARATE_QKV(ARCH_ROPE_HALVES),
    EXPERTS("model.layers.%.block_sparse_moe.gate.weight",
            "model.layers.%.block_sparse_moe.experts.#.w1.weight",
            "model.layers.%.block_sparse_moe.experts.#.w3.weight",
            "model.layers.%.block_sparse_moe.experts.#.w2.weight"),
};
/* GGUF's mixtral is a llama whose feed_forward_length is that of an expert. */
static const struct arch_key mixtral_keys[] = {
    DECODER_KEYS,
    { "expert_count", MODEL_U32, ARCH_EXPERTS, NULL, true, 0 },
    { "expert_used_count", MODEL_U32, ARCH_EXPERTS_USED, NULL, true, 0 },
};

/* GGUF's qwen2 and those below rotate halves as Hugging Face does: nothing is permuted. */
static const struct arch_tensor qwen2_tensors[] = {
    DECODER_FRAME,
    SEPARATE_QKV(0),
    GATED_FFN,
    { "model.layers.%.self_attn.q_proj.bias", "blk.%.attn_q.bias", 0, ARCH_Q, 0 },
    { "model.layers.%.self_attn.k_proj.bias", "blk.%.attn_k.bias", 0, ARCH_KV, 0 },
    { "model.layers.%.self_attn.v_proj.bias", "blk.%.attn_v.bias", 0, ARCH_KV, 0 },
};

static const struct arch_tensor qwen3_tensors[] = {
    DECODER_FRAME,
    SEPARATE_QKV(0),
    GATED_FFN,
    HEAD_NORMS(0),
};

static const struct arch_tensor qwen3moe_tensors[] = {
    DECODER_FRAME,
    SEPARATE_QKV(0),
    HEAD_NORMS(0),
    EXPERTS("model.layers.%.mlp.gate.weight", "model.layers.%.mlp.experts.#.gate_proj.weight",
            "model.layers.%.mlp.experts.#.up_proj.weight",
            "model.layers.%.mlp.experts.#.down_proj.weight"),
};
static const struct arch_key qwen3moe_keys[] = {
    DECODER_KEYS,
    EXPERT_KEYS,
    { "expert_weights_norm", MODEL_BOOL, ARCH_NONE, "norm_topk_prob", false, 0 },
};

static const struct arch_tensor phi3_tensors[] = {
    DECODER_FRAME,
    { "model.layers.%.self_attn.qkv_proj.weight", "blk.%.attn_qkv.weight", ARCH_QKV, ARCH_HIDDEN,
      0 },
    { "model.layers.%.mlp.gate_up_proj.weight", "blk.%.ffn_up.weight", ARCH_FFN_TWICE, ARCH_HIDDEN,
      0 },
    { "model.layers.%.mlp.down_proj.weight", "blk.%.ffn_down.weight", ARCH_HIDDEN, ARCH_FFN, 0 },
};

/* ---- gemma: norms store w - 1, and stand before and after each branch ---- */

#define GEMMA_FRAME                                                                                \
    { "model.embed_tokens.weight", "token_embd.weight", ARCH_VOCAB, ARCH_HIDDEN, 0 },              \
        { "model.layers.%.input_layernorm.weight", "blk.%.attn_norm.weight", 0, ARCH_HIDDEN,       \
          ARCH_PLUS_ONE },                                                                         \
        { "model.layers.%.post_attention_layernorm.weight", "blk.%.post_attention_norm.weight", 0, \
          ARCH_HIDDEN, ARCH_PLUS_ONE },                                                            \
        { "model.layers.%.pre_feedforward_layernorm.weight", "blk.%.ffn_norm.weight", 0,           \
          ARCH_HIDDEN, ARCH_PLUS_ONE },                                                            \
        { "model.layers.%.post_feedforward_layernorm.weight", "blk.%.post_ffw_norm.weight", 0,     \
          ARCH_HIDDEN, ARCH_PLUS_ONE },                                                            \
        { "model.layers.%.self_attn.o_proj.weight", "blk.%.attn_output.weight", ARCH_HIDDEN,       \
          ARCH_Q, 0 },                                                                             \
        { "model.norm.weight", "output_norm.weight", 0, ARCH_HIDDEN, ARCH_PLUS_ONE },              \
    {                                                                                              \
        "lm_head.weight", "output.weight", ARCH_VOCAB, ARCH_HIDDEN, ARCH_OUTPUT                    \
    }

static const struct arch_tensor gemma2_tensors[] = { GEMMA_FRAME, SEPARATE_QKV(0), GATED_FFN };
static const struct arch_tensor gemma3_tensors[] = { GEMMA_FRAME, SEPARATE_QKV(0), GATED_FFN,
                                                     HEAD_NORMS(ARCH_PLUS_ONE) };
static const struct arch_key gemma2_keys[] = {
    DECODER_KEYS,
    { "attn_logit_softcapping", MODEL_F32, ARCH_NONE, "attn_logit_softcapping", false, 50 },
    { "final_logit_softcapping", MODEL_F32, ARCH_NONE, "final_logit_softcapping", false, 30 },
};
static const struct arch_key gemma3_keys[] = {
    DECODER_KEYS,
    { "attn_logit_softcapping", MODEL_F32, ARCH_NONE, "attn_logit_softcapping", false, 0 },
    { "final_logit_softcapping", MODEL_F32, ARCH_NONE, "final_logit_softcapping", false, 0 },
};

/* ---- gpt2: Conv1D stores its weights transposed ---- */

static const struct arch_tensor gpt2_tensors[] = {
    { "wte.weight", "token_embd.weight", ARCH_VOCAB, ARCH_HIDDEN, 0 },
    { "wpe.weight", "position_embd.weight", ARCH_POSITIONS, ARCH_HIDDEN, 0 },
    { "h.%.ln_1.weight", "blk.%.attn_norm.weight", 0, ARCH_HIDDEN, 0 },
    { "h.%.ln_1.bias", "blk.%.attn_norm.bias", 0, ARCH_HIDDEN, 0 },
    { "h.%.attn.c_attn.weight", "blk.%.attn_qkv.weight", ARCH_QKV, ARCH_HIDDEN, ARCH_TRANSPOSED },
    { "h.%.attn.c_attn.bias", "blk.%.attn_qkv.bias", 0, ARCH_QKV, 0 },
    { "h.%.attn.c_proj.weight", "blk.%.attn_output.weight", ARCH_HIDDEN, ARCH_HIDDEN,
      ARCH_TRANSPOSED },
    { "h.%.attn.c_proj.bias", "blk.%.attn_output.bias", 0, ARCH_HIDDEN, 0 },
    { "h.%.ln_2.weight", "blk.%.ffn_norm.weight", 0, ARCH_HIDDEN, 0 },
    { "h.%.ln_2.bias", "blk.%.ffn_norm.bias", 0, ARCH_HIDDEN, 0 },
    { "h.%.mlp.c_fc.weight", "blk.%.ffn_up.weight", ARCH_FFN, ARCH_HIDDEN, ARCH_TRANSPOSED },
    { "h.%.mlp.c_fc.bias", "blk.%.ffn_up.bias", 0, ARCH_FFN, 0 },
    { "h.%.mlp.c_proj.weight", "blk.%.ffn_down.weight", ARCH_HIDDEN, ARCH_FFN, ARCH_TRANSPOSED },
    { "h.%.mlp.c_proj.bias", "blk.%.ffn_down.bias", 0, ARCH_HIDDEN, 0 },
    { "ln_f.weight", "output_norm.weight", 0, ARCH_HIDDEN, 0 },
    { "ln_f.bias", "output_norm.bias", 0, ARCH_HIDDEN, 0 },
    { "lm_head.weight", "output.weight", ARCH_VOCAB, ARCH_HIDDEN, ARCH_OUTPUT },
    /* The causal mask, as a buffer. */
    { "h.%.attn.bias", NULL, 0, 0, ARCH_IGNORED },
    { "h.%.attn.masked_bias", NULL, 0, 0, ARCH_IGNORED },
};
static const struct arch_key gpt2_keys[] = {
    COMMON_KEYS,
    { "attention.layer_norm_epsilon", MODEL_F32, ARCH_NONE, "layer_norm_epsilon", true, 0 },
};

/* ---- encoders ---- */

#define WITH_BIAS(source, name, rows, columns)                                                     \
    { source ".weight", name ".weight", rows, columns, 0 },                                        \
    {                                                                                              \
        source ".bias", name ".bias", 0, rows, 0                                                   \
    }
#define NORM(source, name)                                                                         \
    { source ".weight", name ".weight", 0, ARCH_HIDDEN, 0 },                                       \
    {                                                                                              \
        source ".bias", name ".bias", 0, ARCH_HIDDEN, 0                                            \
    }
#define LABELLED(source, name, rows)                                                               \
    { source ".weight", name ".weight", rows, ARCH_HIDDEN, ARCH_LABELLED },                        \
    {                                                                                              \
        source ".bias", name ".bias", 0, rows, ARCH_LABELLED                                       \
    }

#define BERT_LAYERS                                                                                \
    { "embeddings.word_embeddings.weight", "token_embd.weight", ARCH_VOCAB, ARCH_HIDDEN, 0 },      \
        { "embeddings.position_embeddings.weight", "position_embd.weight", ARCH_POSITIONS,         \
          ARCH_HIDDEN, 0 },                                                                        \
        { "embeddings.token_type_embeddings.weight", "token_types.weight", ARCH_TYPES,             \
          ARCH_HIDDEN, 0 },                                                                        \
        { "embeddings.position_ids", NULL, 0, 0, ARCH_IGNORED },                                   \
        NORM("embeddings.LayerNorm", "token_embd_norm"),                                           \
        WITH_BIAS("encoder.layer.%.attention.self.query", "blk.%.attn_q", ARCH_HIDDEN,             \
                  ARCH_HIDDEN),                                                                    \
        WITH_BIAS("encoder.layer.%.attention.self.key", "blk.%.attn_k", ARCH_HIDDEN, ARCH_HIDDEN), \
        WITH_BIAS("encoder.layer.%.attention.self.value", "blk.%.attn_v", ARCH_HIDDEN,             \
                  ARCH_HIDDEN),                                                                    \
        WITH_BIAS("encoder.layer.%.attention.output.dense", "blk.%.attn_output", ARCH_HIDDEN,      \
                  ARCH_HIDDEN),                                                                    \
        NORM("encoder.layer.%.attention.output.LayerNorm", "blk.%.attn_output_norm"),              \
        WITH_BIAS("encoder.layer.%.intermediate.dense", "blk.%.ffn_up", ARCH_FFN, ARCH_HIDDEN),    \
        WITH_BIAS("encoder.layer.%.output.dense", "blk.%.ffn_down", ARCH_HIDDEN, ARCH_FFN),        \
        NORM("encoder.layer.%.output.LayerNorm", "blk.%.layer_output_norm")

#define ENCODER_KEYS(eps)                                                                          \
    COMMON_KEYS, { "attention.layer_norm_epsilon", MODEL_F32, ARCH_NONE, eps, false, 1e-12 },      \
    {                                                                                              \
        "attention.causal", MODEL_BOOL, ARCH_NONE, NULL, true, 0                                   \
    }

static const struct arch_tensor bert_tensors[] = {
    BERT_LAYERS,
    LABELLED("pooler.dense", "cls", ARCH_HIDDEN),
    LABELLED("classifier", "cls.output", ARCH_LABELS),
    /* Heads that predict masked words. */
    { "cls.predictions.bias", NULL, 0, 0, ARCH_IGNORED },
    { "cls.predictions.transform.dense.weight", NULL, 0, 0, ARCH_IGNORED },
    { "cls.predictions.transform.dense.bias", NULL, 0, 0, ARCH_IGNORED },
    { "cls.predictions.transform.LayerNorm.weight", NULL, 0, 0, ARCH_IGNORED },
    { "cls.predictions.transform.LayerNorm.bias", NULL, 0, 0, ARCH_IGNORED },
    { "cls.predictions.decoder.weight", NULL, 0, 0, ARCH_IGNORED },
    { "cls.predictions.decoder.bias", NULL, 0, 0, ARCH_IGNORED },
    { "cls.seq_relationship.weight", NULL, 0, 0, ARCH_IGNORED },
    { "cls.seq_relationship.bias", NULL, 0, 0, ARCH_IGNORED },
};
static const struct arch_key bert_keys[] = {
    ENCODER_KEYS("layer_norm_eps"),
    { "tokenizer.ggml.token_type_count", MODEL_U32, ARCH_TYPES, NULL, true, 0 },
};

static const struct arch_tensor roberta_tensors[] = {
    BERT_LAYERS,
    LABELLED("classifier.dense", "cls", ARCH_HIDDEN),
    LABELLED("classifier.out_proj", "cls.output", ARCH_LABELS),
    { "pooler.dense.weight", NULL, 0, 0, ARCH_IGNORED },
    { "pooler.dense.bias", NULL, 0, 0, ARCH_IGNORED },
    { "lm_head.bias", NULL, 0, 0, ARCH_IGNORED },
    { "lm_head.dense.weight", NULL, 0, 0, ARCH_IGNORED },
    { "lm_head.dense.bias", NULL, 0, 0, ARCH_IGNORED },
    { "lm_head.layer_norm.weight", NULL, 0, 0, ARCH_IGNORED },
    { "lm_head.layer_norm.bias", NULL, 0, 0, ARCH_IGNORED },
    { "lm_head.decoder.weight", NULL, 0, 0, ARCH_IGNORED },
    { "lm_head.decoder.bias", NULL, 0, 0, ARCH_IGNORED },
};

static const struct arch_tensor distilbert_tensors[] = {
    { "embeddings.word_embeddings.weight", "token_embd.weight", ARCH_VOCAB, ARCH_HIDDEN, 0 },
    { "embeddings.position_embeddings.weight", "position_embd.weight", ARCH_POSITIONS, ARCH_HIDDEN,
      0 },
    { "embeddings.position_ids", NULL, 0, 0, ARCH_IGNORED },
    NORM("embeddings.LayerNorm", "token_embd_norm"),
    WITH_BIAS("transformer.layer.%.attention.q_lin", "blk.%.attn_q", ARCH_HIDDEN, ARCH_HIDDEN),
    WITH_BIAS("transformer.layer.%.attention.k_lin", "blk.%.attn_k", ARCH_HIDDEN, ARCH_HIDDEN),
    WITH_BIAS("transformer.layer.%.attention.v_lin", "blk.%.attn_v", ARCH_HIDDEN, ARCH_HIDDEN),
    WITH_BIAS("transformer.layer.%.attention.out_lin", "blk.%.attn_output", ARCH_HIDDEN,
              ARCH_HIDDEN),
    NORM("transformer.layer.%.sa_layer_norm", "blk.%.attn_output_norm"),
    WITH_BIAS("transformer.layer.%.ffn.lin1", "blk.%.ffn_up", ARCH_FFN, ARCH_HIDDEN),
    WITH_BIAS("transformer.layer.%.ffn.lin2", "blk.%.ffn_down", ARCH_HIDDEN, ARCH_FFN),
    NORM("transformer.layer.%.output_layer_norm", "blk.%.layer_output_norm"),
    { "vocab_transform.weight", NULL, 0, 0, ARCH_IGNORED },
    { "vocab_transform.bias", NULL, 0, 0, ARCH_IGNORED },
    { "vocab_layer_norm.weight", NULL, 0, 0, ARCH_IGNORED },
    { "vocab_layer_norm.bias", NULL, 0, 0, ARCH_IGNORED },
    { "vocab_projector.weight", NULL, 0, 0, ARCH_IGNORED },
    { "vocab_projector.bias", NULL, 0, 0, ARCH_IGNORED },
};
/* llama.cpp wants to know of token types, even of none. */
static const struct arch_key distilbert_keys[] = {
    ENCODER_KEYS("layer_norm_eps"),
    { "tokenizer.ggml.token_type_count", MODEL_U32, ARCH_NONE, NULL, true, 1 },
};

/* The first layer has no norm before its attention: the embeddings were normed just before. */
static const struct arch_tensor modernbert_tensors[] = {
    { "embeddings.tok_embeddings.weight", "token_embd.weight", ARCH_VOCAB, ARCH_HIDDEN, 0 },
    { "embeddings.norm.weight", "token_embd_norm.weight", 0, ARCH_HIDDEN, 0 },
    { "layers.%.attn_norm.weight", "blk.%.attn_norm.weight", 0, ARCH_HIDDEN, ARCH_OPTIONAL },
    { "layers.%.attn.Wqkv.weight", "blk.%.attn_qkv.weight", ARCH_QKV, ARCH_HIDDEN, 0 },
    { "layers.%.attn.Wo.weight", "blk.%.attn_output.weight", ARCH_HIDDEN, ARCH_HIDDEN, 0 },
    { "layers.%.mlp_norm.weight", "blk.%.ffn_norm.weight", 0, ARCH_HIDDEN, 0 },
    { "layers.%.mlp.Wi.weight", "blk.%.ffn_up.weight", ARCH_FFN_TWICE, ARCH_HIDDEN, 0 },
    { "layers.%.mlp.Wo.weight", "blk.%.ffn_down.weight", ARCH_HIDDEN, ARCH_FFN, 0 },
    { "final_norm.weight", "output_norm.weight", 0, ARCH_HIDDEN, 0 },
    { "head.dense.weight", NULL, 0, 0, ARCH_IGNORED },
    { "head.norm.weight", NULL, 0, 0, ARCH_IGNORED },
    { "decoder.weight", NULL, 0, 0, ARCH_IGNORED },
    { "decoder.bias", NULL, 0, 0, ARCH_IGNORED },
};
static const struct arch_key modernbert_keys[] = { ENCODER_KEYS("norm_eps") };

/* ---- all of them ---- */

static const struct arch archs[] = {
    { "llama|mistral", "llama", "silu", ROWS(llama_tensors), ROWS(decoder_keys), .rotary = true,
      .windows = ARCH_WINDOW_ALL },
    { "mixtral", "llama", "silu", ROWS(mixtral_tensors), ROWS(mixtral_keys), .rotary = true,
      .experts = true, .windows = ARCH_WINDOW_ALL },
    { "qwen2", "qwen2", "silu", ROWS(qwen2_tensors), ROWS(decoder_keys), .rotary = true,
      .windows = ARCH_WINDOW_PATTERN, .window_flag = "use_sliding_window" },
    { "qwen3", "qwen3", "silu", ROWS(qwen3_tensors), ROWS(decoder_keys), .rotary = true,
      .windows = ARCH_WINDOW_PATTERN, .window_flag = "use_sliding_window" },
    /* GGUF's qwen3moe has no place for layers without experts. */
    { "qwen3_moe", "qwen3moe", "silu", ROWS(qwen3moe_tensors), ROWS(qwen3moe_keys), .rotary = true,
      .experts = true, .windows = ARCH_WINDOW_ALL, .window_flag = "use_sliding_window",
      .refused = "mlp_only_layers" },
    { "phi3", "phi3", "silu", ROWS(phi3_tensors), ROWS(decoder_keys), .rotary = true,
      .partial_rotary = true, .windows = ARCH_WINDOW_ALL },
    { "gemma2", "gemma2", "gelu_pytorch_tanh", ROWS(gemma2_tensors), ROWS(gemma2_keys),
      .activation_member = "hidden_activation", .rotary = true, .tied_default = true,
      .windows = ARCH_WINDOW_PATTERN, .window_period = 2,
      .refused = "use_bidirectional_attention" },
    { "gemma3_text", "gemma3", "gelu_pytorch_tanh", ROWS(gemma3_tensors), ROWS(gemma3_keys),
      .activation_member = "hidden_activation", .rotary = true, .tied_default = true,
      .windows = ARCH_WINDOW_PATTERN, .window_period = 6,
      .refused = "use_bidirectional_attention" },
    { "gpt2", "gpt2", "gelu_new", ROWS(gpt2_tensors), ROWS(gpt2_keys),
      .activation_member = "activation_function", .prefix = "transformer.", .tied_default = true,
      .members = { "n_embd", "n_layer", "n_head", "n_inner", "n_positions" },
      .refused = "scale_attn_by_inverse_layer_idx|add_cross_attention" },
    { "bert", "bert", "gelu", ROWS(bert_tensors), ROWS(bert_keys), .prefix = "bert.",
      .encoder = true, .refused = "add_cross_attention|is_decoder" },
    { "roberta|xlm-roberta|camembert", "bert", "gelu", ROWS(roberta_tensors), ROWS(bert_keys),
      .prefix = "roberta.", .encoder = true, .position_offset = 2,
      .refused = "add_cross_attention|is_decoder" },
    { "distilbert", "bert", "gelu", ROWS(distilbert_tensors), ROWS(distilbert_keys),
      .activation_member = "activation", .prefix = "distilbert.", .encoder = true,
      .members = { "dim", "n_layers", "n_heads", "hidden_dim", NULL } },
    { "modernbert", "modern-bert", "gelu", ROWS(modernbert_tensors), ROWS(modernbert_keys),
      .activation_member = "hidden_activation", .prefix = "model.", .rotary = true, .encoder = true,
      .windows = ARCH_WINDOW_PATTERN, .window_period = 3, .window_first = true,
      .window_member = "local_attention", .refused = "attention_bias|mlp_bias|norm_bias" },
};

/* The next name of an "a|b" list, or an empty slice at its end. */
slice arch_next_choice(const char **list)
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
        for (slice s = arch_next_choice(&list); s.len; s = arch_next_choice(&list))
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
        for (slice s = arch_next_choice(&list); s.len; s = arch_next_choice(&list))
            all = arena_printf(arena, "%.*s%s%.*s", SLICE_ARG(all), all.len ? ", " : "",
                               SLICE_ARG(s));
    }
    return all.ptr;
}
