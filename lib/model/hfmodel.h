/* hfmodel.h: a Hugging Face model (config.json and tensor lists) mapped to GGUF names and keys.
 *
 * Reads both styles of config.json: rope_theta + rope_scaling + torch_dtype, and rope_parameters +
 * dtype. Nothing is guessed: an unknown model_type, rope type, activation or tensor, a config that
 * is quantized by another tool (quantization_config), or a shape that disagrees is ERR_CONFIG with
 * its name. Pure: the driver (file.c) reads the files.
 */
#ifndef HFMODEL_H
#define HFMODEL_H

#include "../err.h"
#include "../json.h"
#include "arch.h"

struct hf_source {
    const struct json_node *config;     /* config.json */
    const struct json_node *generation; /* generation_config.json, or NULL */
    const char *name;                   /* general.name when the config has none */
    const struct tensor *tensors;       /* of all shards; file says in which they lie */
    ptrdiff_t tensor_count;
};

struct hf_model {
    const struct arch *arch;
    int64_t sizes[ARCH_SIZES];
    struct model_keys keys; /* general.* and ARCH.* */
    struct tensor *tensors; /* GGUF names, the architecture's order */
    ptrdiff_t tensor_count;
    const slice *notices;
    ptrdiff_t notice_count;
};

bool hf_map(const struct hf_source *source, struct arena *arena, struct hf_model *m,
            struct err *err);

/* Rows of each head from (2, head_rows / 2) to (head_rows / 2, 2): dst[2 i + h] = src[h n/2 + i].
 * rows is a multiple of head_rows; src and dst do not overlap. */
void hf_interleave_heads(const void *src, void *dst, int64_t rows, int head_rows,
                         int64_t row_bytes);

#endif
