/* tensor.h: a named array in a model file and the numeric types it may have.
 *
 * Shapes follow GGUF: ne[0] is the contiguous dimension (a row), ne[1] the number of rows. A weight
 * matrix W of y = W x has ne[0] = inputs, ne[1] = outputs. (safetensors lists the same shape in the
 * opposite order; the reader turns it round.)
 * Row layouts are those of the GGUF specification (ggml-common.h), bit for bit.
 *
 * The types are one table (tensor.c): a row holds name, block, bytes and the conversions that this
 * build knows. Every type that GGUF or safetensors names has a row, so that files which hold it can
 * be checked and listed; to_f32 and from_f32 are there for the types we compute with.
 *
 * All functions are pure and thread-safe.
 */
#ifndef TENSOR_H
#define TENSOR_H

#include "../base.h"

/* Values below 1000 are GGUF's ggml_type numbers; the rest exists only in safetensors. */
enum tensor_type {
    TENSOR_F32 = 0,
    TENSOR_F16 = 1,
    TENSOR_Q4_0 = 2,
    TENSOR_Q4_1 = 3,
    TENSOR_Q5_0 = 6,
    TENSOR_Q5_1 = 7,
    TENSOR_Q8_0 = 8,
    TENSOR_Q2_K = 10,
    TENSOR_Q3_K = 11,
    TENSOR_Q4_K = 12,
    TENSOR_Q5_K = 13,
    TENSOR_Q6_K = 14,
    TENSOR_IQ4_NL = 20,
    TENSOR_IQ4_XS = 23,
    TENSOR_I8 = 24,
    TENSOR_I16 = 25,
    TENSOR_I32 = 26,
    TENSOR_I64 = 27,
    TENSOR_F64 = 28,
    TENSOR_BF16 = 30,
    TENSOR_SAFETENSORS = 1000,
    TENSOR_BOOL = 1000,
    TENSOR_U8,
    TENSOR_U16,
    TENSOR_U32,
    TENSOR_U64,
    TENSOR_F8_E4M3,
    TENSOR_F8_E5M2,
    TENSOR_F8_E8M0,
    TENSOR_F4,
    TENSOR_F6_E2M3,
    TENSOR_F6_E3M2,
    TENSOR_C64,
};

struct tensor {
    slice name;
    enum tensor_type type;
    int dims;              /* 1..4 */
    int64_t ne[4];         /* unused ones are 1 */
    const void *data;      /* map: the weights in GGUF row order; NULL when not mapped */
    int64_t offset, bytes; /* in its file; bytes = size of the whole tensor */
    int file;              /* index of the shard; -1: made by the reader (rope_freqs) */
    int head_rows;         /* > 0: rows of the source are interleaved per head of so many rows */
    bool transposed;       /* the source holds ne[0] rows of ne[1] */
    bool plus_one;         /* 1 is to be added to its values; the driver does so when it opens */
    const struct tensor
        *parts; /* the source is so many tensors of one shape, one after the other */
    int part_count;
};

typedef void tensor_to_f32_fn(const void *src, float *dst, int64_t n);
typedef void tensor_from_f32_fn(const float *src, void *dst, int64_t n);
/* A whole row; importance: a weight per column, or NULL. */
typedef void tensor_from_row_fn(const float *src, void *dst, int64_t n, const float *importance);

/* block: elements per block (1 for plain types). */
struct tensor_layout {
    const char *name;
    int type, block, block_bytes;
    tensor_to_f32_fn *to_f32;     /* NULL: this build cannot read its values */
    tensor_from_f32_fn *from_f32; /* both NULL: this build cannot write it */
    tensor_from_row_fn *from_row; /* of types that can use importance (blocks.h) */
    float limit;                  /* magnitudes from here on do not fit its scales; 0: all fit */
};

/* NULL for a number that names no type (removed ones too). */
const struct tensor_layout *tensor_layout(int type);
/* "Q8_0"; "?" for no type. */
const char *tensor_type_name(int type);
/* Case-insensitive name ("q8_0"); -1 when unknown. */
int tensor_type_of(slice name);
/* Bytes of a row of n >= 0 elements, -1 when n does not divide into blocks or overflows. */
int64_t tensor_row_bytes(int type, int64_t n);
/* Of the whole shape; -1 on overflow of any partial product. */
int64_t tensor_elements(const struct tensor *t);
int64_t tensor_size_bytes(const struct tensor *t); /* from type and shape; -1 as above */
/* All rows: elements / ne[0]. */
int64_t tensor_rows(const struct tensor *t);

/* n elements (a multiple of the block) to float32 / from float32, by the best kernels of this
 * machine; the bits do not depend on the machine. False: the table has no such conversion.
 * from_f32 into Q8_0 equals ggml's quantize_row_q8_0_ref; F16 and BF16 round to nearest even. */
bool tensor_to_f32(int type, const void *src, float *dst, int64_t n);
bool tensor_from_f32(int type, const float *src, void *dst, int64_t n);
/* A row of n elements with importance (may be NULL). */
bool tensor_from_row(int type, const float *src, void *dst, int64_t n, const float *importance);
bool tensor_can_write(int type);

/* Single values. */
float tensor_f16_to_f32(uint16_t h);
uint16_t tensor_f16_from_f32(float x);
static inline float tensor_bf16_to_f32(uint16_t h)
{
    uint32_t bits = (uint32_t)h << 16;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

#endif
