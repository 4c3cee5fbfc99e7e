/* modelfile.h: opens a model: a GGUF file or a Hugging Face folder of safetensors.
 *
 * Both become the same thing: an architecture name, hyper-parameters under GGUF keys, tensors under
 * GGUF names (`blk.3.attn_q.weight`) in GGUF row order. A Hugging Face folder is mapped by a table
 * per architecture (arch.c): names, permutations (llama's rotary halves are interleaved as in GGUF),
 * hyper-parameters. Everything that a file claims is checked against the file before it is used:
 * ERR_CONFIG with the tensor or key named.
 *
 * A model is read-only after opening and thread-safe.
 */
#ifndef MODELFILE_H
#define MODELFILE_H

#include "../arena.h"
#include "../err.h"
#include "tensor.h"

struct model_value {         /* a metadata value, GGUF types */
    int type;                /* GGUF value type */
    uint64_t u; int64_t i; double f; bool b;
    slice text;
    int array_type; int64_t count; const struct model_value *array;
};

struct model_file {
    slice arch;              /* general.architecture: "llama" */
    bool is_gguf;
    struct tensor *tensors;  /* GGUF names, file order */
    ptrdiff_t tensor_count;
    slice chat_template;     /* empty: none */
    slice tokenizer_json;    /* folder: the bytes of tokenizer.json; GGUF: empty (see metadata) */
    struct model_keys *keys; /* private: metadata */
    struct arena *arena;
};

/* path: FILE.gguf or a folder. map: weights are mapped (infer); else only headers are read
 * (quantize reads with pread through model_file_read). */
struct model_file *model_file_open(const char *path, bool map, struct arena *arena, struct err *err);
void model_file_close(struct model_file *m);

const struct tensor *model_tensor(const struct model_file *m, const char *name); /* or NULL */
/* Metadata by GGUF key; false when missing or of another kind. "%s" in key stands for the arch. */
bool model_get_int(const struct model_file *m, const char *key, int64_t *out);
bool model_get_float(const struct model_file *m, const char *key, double *out);
bool model_get_string(const struct model_file *m, const char *key, slice *out);
const struct model_value *model_get(const struct model_file *m, const char *key);

/* One whole tensor, in GGUF row order (permuted where the source needs it), raw type as in t->type. */
bool model_file_read(const struct model_file *m, const struct tensor *t, void *dst, struct err *err);

#endif
