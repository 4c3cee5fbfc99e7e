/* imatrix.h: how much each input column of each matrix matters: the mean square of what it is
 * multiplied with when a model reads text. Quantizers weigh their errors by it.
 *
 * The file is GGUF as llama.cpp's llama-imatrix writes it and llama-quantize reads it:
 * general.type "imatrix", and for every matrix NAME two F32 tensors, "NAME.in_sum2" [columns,
 * matrices] (sums of squares) and "NAME.counts" [1, matrices] (tokens); more than one matrix where
 * experts are stacked.
 *
 *     struct imatrix *im = imatrix_new(model);
 *     model_state_collect(state, im);                   // every step adds to it
 *     imatrix_build(im, file, &buf);
 *
 * Collecting is for one thread. What was read is read-only and thread-safe.
 */
#ifndef IMATRIX_H
#define IMATRIX_H

#include "../buf.h"
#include "modelfile.h"

enum imatrix_place { IMATRIX_ATTN, IMATRIX_ATTN_OUTPUT, IMATRIX_FFN, IMATRIX_DOWN, IMATRIX_PLACES };

struct imatrix;
struct model;
struct imatrix *imatrix_new(const struct model *m);
void imatrix_free(struct imatrix *im); /* NULL is allowed */
/* One token's input of n values to the matrices at a place of a layer. */
void imatrix_add(struct imatrix *im, int layer, enum imatrix_place place, const float *x,
                 ptrdiff_t n);
/* Input of one expert's matrices. */
void imatrix_add_expert(struct imatrix *im, int layer, enum imatrix_place place, int expert,
                        const float *x, ptrdiff_t n);
int64_t imatrix_tokens(const struct imatrix *im);
/* The file's bytes: one entry for each matrix that `file` has. */
void imatrix_build(const struct imatrix *im, const struct model_file *file, struct buf *out);

/* For tensor t of a model: ne[0] * ne[2] values, mean squares of its input columns for each matrix,
 * from an open file. *values is NULL when the file knows nothing of it. False with ERR_CONFIG: the
 * file's shapes or numbers are wrong. Memory is in the arena. */
bool imatrix_values(const struct model_file *im, const struct tensor *t, struct arena *arena,
                    const float **values, struct err *err);
/* Is this GGUF file one? ERR_CONFIG when not. */
bool imatrix_check(const struct model_file *im, struct err *err);

#endif
