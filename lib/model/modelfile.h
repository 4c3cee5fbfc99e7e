/* modelfile.h: opens a model: a GGUF file or a Hugging Face folder of safetensors.
 *
 * Both become the same thing: an architecture name, hyper-parameters under GGUF keys, tensors under
 * GGUF names (`blk.3.attn_q.weight`) in GGUF row order. A Hugging Face folder is mapped by a table
 * per architecture (arch.c): names, permutations (llama's rotary halves are interleaved as in GGUF),
 * hyper-parameters; "rope_freqs.weight" is made for Llama-3 rope scaling. Everything that a file
 * claims is checked against the file before it is used: ERR_CONFIG with the tensor or key named.
 * A single FILE.safetensors opens too, with its own names and no architecture.
 *
 *     struct model_file *m = model_file_open(path, true, &arena, &err);
 *     const struct tensor *q = model_tensor(m, "blk.0.attn_q.weight");
 *     int64_t layers;
 *     if (!model_get_int(m, "%s.block_count", &layers)) ...
 *     model_file_close(m);
 *
 * A model is read-only after opening and thread-safe. Its memory is in the arena and in mappings
 * that model_file_close ends.
 */
#ifndef MODELFILE_H
#define MODELFILE_H

#include "../arena.h"
#include "../err.h"
#include "modelmeta.h"
#include "tensor.h"

#define MODEL_STOP_MAX 16

enum model_special { MODEL_BOS, MODEL_EOS, MODEL_UNK, MODEL_PAD, MODEL_TOKEN_COUNT };

enum model_kind { MODEL_GGUF, MODEL_SAFETENSORS, MODEL_FOLDER };

struct model_file {
    enum model_kind kind;
    const char *path;       /* as given */
    slice arch;             /* general.architecture: "llama"; empty: none */
    struct tensor *tensors; /* GGUF names; a GGUF file's order, else the architecture's */
    ptrdiff_t tensor_count;
    struct model_keys keys; /* all metadata; a folder has no tokenizer.* keys in here */
    int64_t alignment;      /* of a GGUF file, 32 otherwise */
    int version;            /* of a GGUF file, 3 otherwise */

    slice chat_template;  /* empty: none */
    slice tokenizer_json; /* folder: the bytes of tokenizer.json; else empty */
    bool has_tokenizer;   /* model_file_tokenizer can be called */
    int64_t bos;          /* -1: none. From generation_config.json, config.json or GGUF keys. */
    int64_t stop[MODEL_STOP_MAX]; /* ids that end a completion (EOS, EOT, EOM), the EOS first */
    int stop_count;
    slice special_tokens[MODEL_TOKEN_COUNT]; /* texts in tokenizer_config.json; empty: not named */

    const slice *notices; /* what the user should know: "no tokenizer files", one line each */
    ptrdiff_t notice_count;
    struct arena *arena;
    struct model_source *source; /* private: file descriptors and mappings */
};

/* path: FILE.gguf, FILE.safetensors or a folder (formats are told by content). map: weights are
 * mapped and every tensor has data (infer); else only headers are read and tensors are read with
 * model_file_read. NULL: missing file ERR_NOINPUT, anything wrong in it ERR_CONFIG. */
struct model_file *model_file_open(const char *path, bool map, struct arena *arena,
                                   struct err *err);
void model_file_close(struct model_file *m); /* NULL is allowed */

const struct tensor *model_tensor(const struct model_file *m, const char *name); /* or NULL */
/* Metadata by GGUF key; false when missing or of another kind (any integer or float type will do).
 * A "%s" at the start of key stands for the architecture. */
bool model_get_int(const struct model_file *m, const char *key, int64_t *out);
bool model_get_float(const struct model_file *m, const char *key, double *out);
bool model_get_string(const struct model_file *m, const char *key, slice *out);
const struct model_value *model_get(const struct model_file *m, const char *key);

/* `count` elements from element `first`, in GGUF row order, raw type as in t->type, with pread: any
 * thread. Both are multiples of the type's block, and of model_file_unit(t). */
bool model_file_read_part(const struct model_file *m, const struct tensor *t, int64_t first,
                          int64_t count, void *dst, struct err *err);
/* Elements that must be read together: a head where rows are interleaved, else 1. */
int64_t model_file_unit(const struct tensor *t);
/* One whole tensor. */
bool model_file_read(const struct model_file *m, const struct tensor *t, void *dst,
                     struct err *err);

/* The model's tokenizer, from tokenizer.json or from GGUF keys. NULL with ERR_CONFIG; none in the
 * model is an error too (ask has_tokenizer first). The file must stay open. */
struct tok;
struct tok *model_file_tokenizer(const struct model_file *m, struct arena *arena, struct err *err);

#endif
