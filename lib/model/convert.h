/* convert.h: writes a model as GGUF version 3, tensor by tensor, in bounded memory.
 *
 * convert_plan decides everything before a byte is written: the type of each tensor (and why it is
 * not the one that was asked for), the metadata, the header, the size of the file. convert_write
 * streams: each task reads a part of a tensor (CONVERT_PART elements) with pread, converts it and
 * writes it with pwrite to the place that the plan gives it, so the bytes are the same for any
 * number of threads and memory is a few hundred KiB per thread. Rows of a head that are interleaved
 * are read together.
 *
 * Types, as llama-quantize and convert_hf_to_gguf.py choose them: one-dimensional tensors and norms
 * are F32; a row that does not divide into blocks falls back to F16; the rest gets the type asked
 * for. Values that are infinite or NaN, or that overflow F16, are refused with the tensor's name.
 *
 *     struct convert_plan plan;
 *     if (convert_plan_make(m, &conf, &arena, &plan, &err) && convert_write(m, &plan, &conf, &err))
 *
 * One plan belongs to one thread; convert_write uses a pool of conf.jobs threads.
 */
#ifndef CONVERT_H
#define CONVERT_H

#include "../buf.h"
#include "mixture.h"
#include "modelfile.h"

#define CONVERT_PART ((int64_t)128 << 10) /* elements: source and result stay in the L2 cache */

struct convert_conf {
    const struct mixture *mixture;
    bool pure;            /* its type for all weights */
    struct convert_rule { /* --tensor-type; the last that matches counts */
        const char *text; /* as given, for messages */
        struct regex *pattern;
        int type;
    } * rules;
    ptrdiff_t rule_count;
    double bpw;         /* > 0: bits per weight, all tensors together; types by measured error */
    int64_t size_bytes; /* > 0: of the whole file, likewise */
    bool measure;       /* error and rmse of every tensor are wanted */
    bool best;          /* --search best: blocks_best_row */
    const struct model_file *imatrix; /* importance (imatrix.h), open; or NULL */
    int jobs;
    const char *output;
    bool force;
    /* Called on the calling thread a few times per second with bytes of input done; may be NULL. */
    void (*progress)(void *arg, int64_t done_bytes);
    void *progress_arg;
};

struct convert_tensor {
    struct tensor out; /* type, shape, offset and bytes in the result */
    const struct tensor *from;
    const float *importance; /* [matrices][columns], or NULL */
    bool quantizable;        /* a weight that may have any type */
    bool fixed;              /* its type is by --tensor-type */
    double error, rmse;      /* choose.h */
    bool by_rows, best;      /* rows are quantized as a whole; with the better search */
    const char *reason;      /* why it is not the type asked for; NULL: it is */
    bool fallback;           /* the reason is a row that does not divide */
};

struct convert_plan {
    struct convert_tensor *tensors;
    ptrdiff_t count;
    struct model_keys keys;
    struct buf header;
    int64_t bytes_in, bytes_out;
    ptrdiff_t fallbacks, weighted; /* tensors with a fallback type, with importance */
};

/* "REGEX=TYPE" -> rule; false: ERR_USAGE. convert_rules_free frees the patterns. */
bool convert_rule_parse(const char *text, struct convert_rule *rule, struct err *err);
void convert_rules_free(struct convert_rule *rules, ptrdiff_t count);
/* The keys of the tokenizer are taken from the model (GGUF) or loaded (folder). */
bool convert_plan_make(const struct model_file *m, const struct convert_conf *conf,
                       struct arena *arena, struct convert_plan *plan, struct err *err);
void convert_plan_release(struct convert_plan *plan);
/* May `output` be created? ERR_CANTCREAT when it exists and !force, or its folder is not there: asked
 * before minutes of work. */
bool convert_check_output(const char *output, bool force, struct err *err);
/* Enough room for the result where it goes? ERR_IO with both sizes. *free_bytes may be NULL. */
bool convert_check_space(const struct convert_plan *plan, const char *output, int64_t *free_bytes,
                         struct err *err);
/* The table that --dry-run prints: one line per tensor and the sum. */
void convert_plan_print(const struct convert_plan *plan, struct buf *out);
/* Atomic: the output appears when it is complete. */
bool convert_write(const struct model_file *m, const struct convert_plan *plan,
                   const struct convert_conf *conf, struct err *err);

#endif
