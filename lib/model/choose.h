/* choose.h: types by measured error: quantize --plan, --bpw, --size and --tensor-type.
 *
 * The error of a tensor in a type is how far its outputs are off: sum over its weights of
 * importance * (w - w')^2, relative to importance * w^2; without importance all inputs count the
 * same. It is measured on up to CHOOSE_ROWS rows, evenly spread, with the search that will write.
 * Under a budget, types are those that minimise the sum of these relative errors over all weights:
 * from the smallest type of each tensor, the change that removes most error per byte comes next,
 * until none fits.
 *
 * A driver: it reads tensors with model_file_read_part, on the threads of a pool.
 */
#ifndef CHOOSE_H
#define CHOOSE_H

#include "convert.h"

#define CHOOSE_ROWS 128

struct threads;

/* Fills error and rmse of every tensor that is quantized, for its type. */
bool choose_measure(const struct model_file *m, struct convert_plan *p, struct threads *pool,
                    struct err *err);
/* Types for all quantizable tensors (those that `fixed` has not) so that the weights take at most
 * `budget` bytes. ERR_USAGE with the least that is possible when that is more. */
bool choose_types(const struct model_file *m, struct convert_plan *p, int64_t budget,
                  struct threads *pool, struct arena *arena, struct err *err);
/* One JSON line per tensor. */
void choose_print(const struct convert_plan *p, struct buf *out);

#endif
