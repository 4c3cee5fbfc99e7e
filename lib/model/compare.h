/* compare.h: how far the weights of two models are apart, tensor by tensor: quantize --diff, --verify
 * and the measured errors of --plan.
 *
 *     struct compare_error e;
 *     if (!compare_tensors(a, ta, b, tb, &e, &err)) ...
 *     compare_line(&buf, ta, tb, &e);            // one JSON object
 *
 * Sums are double, in the order of the elements. Memory: two pieces of a row. Thread-safe.
 */
#ifndef COMPARE_H
#define COMPARE_H

#include "../buf.h"
#include "modelfile.h"

struct compare_error {
    int64_t count;
    double squares; /* sum of squared differences */
    double a_squares, b_squares, product;
    double max;
};

double compare_rmse(const struct compare_error *e);
double compare_relative(const struct compare_error *e); /* rmse / root mean square of a */
double compare_cosine(const struct compare_error *e);

void compare_add(struct compare_error *e, const float *a, const float *b, int64_t n);
/* The tensors have one shape; false: one cannot be read, ERR_CONFIG or I/O. */
bool compare_tensors(const struct model_file *ma, const struct tensor *a,
                     const struct model_file *mb, const struct tensor *b, struct compare_error *e,
                     struct err *err);
void compare_line(struct buf *out, const struct tensor *a, const struct tensor *b,
                  const struct compare_error *e);

/* All tensors of both, a's order, one line each; a tensor that only one has, or of another shape, is
 * a line with "only" or "shapes". *different counts those and tensors that differ. */
bool compare_models(const struct model_file *a, const struct model_file *b, struct buf *out,
                    int64_t *different, struct err *err);
/* Every tensor of `source` is in `result`, of the same shape, finite, and as near as its type can
 * be: else ERR_FINDING with its name. Lines as above. */
bool compare_verify(const struct model_file *source, const struct model_file *result,
                    struct buf *out, struct err *err);

#endif
