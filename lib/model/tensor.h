/* tensor.h: a named array in a model file and the numeric types it may have.
 *
 * Shapes follow GGUF: ne[0] is the contiguous dimension (a row), ne[1] the number of rows. A weight
 * matrix W of y = W x has ne[0] = inputs, ne[1] = outputs. (safetensors lists the same shape in the
 * opposite order; the reader turns it round.)
 * Row layouts are those of the GGUF specification, bit for bit.
 */
#ifndef TENSOR_H
#define TENSOR_H

#include "../base.h"

/* Values are GGUF's ggml_type numbers. */
enum tensor_type {
    TENSOR_F32 = 0, TENSOR_F16 = 1, TENSOR_Q8_0 = 8, TENSOR_I8 = 24, TENSOR_I16 = 25,
    TENSOR_I32 = 26, TENSOR_I64 = 27, TENSOR_F64 = 28, TENSOR_BF16 = 30,
};

struct tensor {
    slice name;
    enum tensor_type type;
    int dims;                 /* 1..4 */
    int64_t ne[4];            /* unused ones are 1 */
    const void *data;         /* in the mapping; NULL when the file was opened without data */
    int64_t offset, bytes;    /* in its file */
    int file;                 /* index of the shard */
};

/* NULL for a type that is not supported. block: elements per block (1 for plain types). */
struct tensor_layout { const char *name; int block; int block_bytes; };
const struct tensor_layout *tensor_layout(enum tensor_type type);
/* Case-insensitive name ("q8_0"); -1 when unknown. */
int tensor_type_of(slice name);
/* Bytes of a row of n elements, -1 when n does not divide into blocks or overflows. */
int64_t tensor_row_bytes(enum tensor_type type, int64_t n);
int64_t tensor_elements(const struct tensor *t); /* -1 on overflow */
/* n elements (a multiple of the block) to float32 / from float32. False: type cannot be written. */
void tensor_to_f32(enum tensor_type type, const void *src, float *dst, int64_t n);
bool tensor_from_f32(enum tensor_type type, const float *src, void *dst, int64_t n);

#endif
