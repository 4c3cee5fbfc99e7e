/* matmul.h: y = W x for packed weights and one or many columns of float32 input.
 *
 * Weights W [rows][k] are packed once into panels of 16 rows (matmul_pack): for plain types
 * [k][16 rows], for Q8_0 per block of 32 k: [8][16 rows][4 k] bytes, then 16 half-precision scales.
 * The last panel is filled with zero rows. Input columns are packed into groups of up to 12
 * (matmul_input_pack): [k][columns of the group] floats; for Q8_0 weights each run of 32 values is
 * quantized to int8 with one float scale.
 *
 * REDUCTION ORDER of every output element, the same for one column and for many, for every split
 * over threads, for every ISA:
 *   plain types  fused multiply-adds over k ascending from 0 in blocks of MATMUL_K_BLOCK, block
 * sums                added left to right; weights are widened to float32 exactly
 *   blocks       rows of any other format stay as they are in the file; 16 rows by 256 k at a time
 *                are expanded to float32 and treated as such
 *   Q8_0         per 32 k an exact integer dot; y = fma((float)dot, weight_scale * input_scale, y)
 * So the bytes do not depend on the instruction set either, and zeros appended to k change nothing.
 *
 * The same kernels serve attention: a tile of 16 cached keys is a panel with k = head size, 16
 * dimensions of the cached values are a panel with k = positions.
 *
 * Pure and thread-safe; a call computes panels [from, to), so threads split the panels. Nothing is
 * allocated here.
 *
 *     struct matmul w = { MATMUL_F32, rows, k, matmul_panel_bytes(MATMUL_F32, k), data };
 *     struct matmul_input in = matmul_input_place(MATMUL_F32, k, columns, memory);
 *     matmul_input_pack(&in, x, x_stride, 0, columns);
 *     matmul_run(&w, &in, out, out_stride, 0, matmul_panels(rows));
 *
 * Speed on Zen 4 at 3.65 GHz: tests/perf/infer_bench.sh.
 */
#ifndef MATMUL_H
#define MATMUL_H

#include "cpu.h"

#define MATMUL_ROWS    16
#define MATMUL_GROUP   12
#define MATMUL_K_BLOCK 256

enum matmul_type { MATMUL_F32, MATMUL_F16, MATMUL_BF16, MATMUL_Q8_0, MATMUL_BLOCKS };

typedef void matmul_expand_fn(const void *src, float *dst, int64_t n);

struct matmul {
    enum matmul_type type;
    ptrdiff_t rows, k;
    ptrdiff_t panel_bytes; /* from one panel to the next */
    const void *data;
    /* MATMUL_BLOCKS: rows as in the file, blocks of `block` weights in block_bytes */
    matmul_expand_fn *expand;
    ptrdiff_t row_bytes, block, block_bytes;
};

/* Packed columns. For MATMUL_Q8_0: q [group][k/32][columns][32], scale and offset
 * [group][k/32][columns], offset = -128 * sum of the 32. Else: x [group][k][columns]. */
struct matmul_input {
    ptrdiff_t k, columns;
    float *x;
    int8_t *q;
    float *scale;
    int32_t *offset;
};

static inline ptrdiff_t matmul_panels(ptrdiff_t rows)
{
    return (rows + MATMUL_ROWS - 1) / MATMUL_ROWS;
}

/* k must be a multiple of 32 for MATMUL_Q8_0. */
ptrdiff_t matmul_panel_bytes(enum matmul_type type, ptrdiff_t k);
/* Packs rows (1..16) rows of the file's layout, row_bytes apart, into one panel. */
void matmul_pack(enum matmul_type type, const void *rows, ptrdiff_t row_bytes, ptrdiff_t count,
                 ptrdiff_t k, void *panel);

/* Bytes for `columns` packed columns, a multiple of 64. */
ptrdiff_t matmul_input_bytes(enum matmul_type type, ptrdiff_t k, ptrdiff_t columns);
struct matmul_input matmul_input_place(enum matmul_type type, ptrdiff_t k, ptrdiff_t columns,
                                       void *memory);
/* Packs columns [from, to) of x, which are `stride` floats apart. Threads may pack disjoint ranges
 * of one input. */
void matmul_input_pack(const struct matmul_input *in, const float *x, ptrdiff_t stride,
                       ptrdiff_t from, ptrdiff_t to);

/* out[column * stride + row] for the rows of panels [from, to): whole panels are written, so stride
 * and the memory behind out cover matmul_panels(rows) * 16 rows. */
void matmul_run(const struct matmul *w, const struct matmul_input *in, float *out, ptrdiff_t stride,
                ptrdiff_t from, ptrdiff_t to);

/* One row of the table: a kernel for the plain types (q8 false) or for Q8_0. */
struct matmul_kernel {
    const char *isa;
    unsigned features;
    bool q8;
    void (*run)(const struct matmul *w, const struct matmul_input *in, float *out, ptrdiff_t stride,
                ptrdiff_t from, ptrdiff_t to);
};
/* All rows, for tests; the scalar ones first. */
const struct matmul_kernel *const *matmul_kernels_all(ptrdiff_t *count);
/* The chosen row. */
const struct matmul_kernel *matmul_kernel(enum matmul_type type);

#endif
