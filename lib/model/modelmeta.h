/* modelmeta.h: the metadata of a model: GGUF keys with typed values, in order.
 *
 * Strings and arrays are borrowed: they live as long as the file's header or the arena in which
 * the caller made them. Filling is for one thread; a filled set is read-only and thread-safe.
 *
 *     model_keys_add(keys, "llama.block_count", model_u32(6));
 *     const struct model_value *v = model_keys_get(keys, SLICE("llama.block_count"));
 */
#ifndef MODELMETA_H
#define MODELMETA_H

#include "../arena.h"

/* GGUF's value types. */
enum model_value_type {
    MODEL_U8 = 0,
    MODEL_I8 = 1,
    MODEL_U16 = 2,
    MODEL_I16 = 3,
    MODEL_U32 = 4,
    MODEL_I32 = 5,
    MODEL_F32 = 6,
    MODEL_BOOL = 7,
    MODEL_STRING = 8,
    MODEL_ARRAY = 9,
    MODEL_U64 = 10,
    MODEL_I64 = 11,
    MODEL_F64 = 12,
};

struct model_value {
    int type;
    uint64_t u;     /* U8..U64, and BOOL as 0 or 1 */
    int64_t i;      /* I8..I64 */
    double f;       /* F32, F64 */
    slice text;     /* STRING */
    int array_type; /* ARRAY: type of its elements, never ARRAY */
    int64_t count;
    const void *items;    /* ARRAY of plain types: little-endian, unaligned, as in the file */
    const slice *strings; /* ARRAY of STRING */
};

struct model_key {
    slice name;
    struct model_value value;
};

struct model_keys {
    struct model_key *items; /* in order of addition */
    ptrdiff_t count, cap;
    struct arena *arena;
};

/* Bytes of one value of a plain type, 0 for STRING, ARRAY and unknown types. */
int model_value_size(int type);
const char *model_value_type_name(int type);

void model_keys_add(struct model_keys *k, slice name, struct model_value v);
/* Replaces the value, or adds it. */
void model_keys_set(struct model_keys *k, slice name, struct model_value v);
const struct model_value *model_keys_get(const struct model_keys *k, slice name); /* or NULL */

/* A plain value from its (unaligned) bytes. */
struct model_value model_value_load(int type, const void *p);
struct model_value model_u32(uint32_t v);
struct model_value model_f32(float v);
struct model_value model_bool(bool v);
struct model_value model_string(slice text);
struct model_value model_strings(const slice *strings, int64_t count);
struct model_value model_array(int array_type, const void *items, int64_t count);

/* Any integer (or bool) that fits; any number; elements of arrays likewise. False: of another
 * kind or out of range. */
bool model_value_int(const struct model_value *v, int64_t *out);
bool model_value_float(const struct model_value *v, double *out);
bool model_array_int(const struct model_value *v, int64_t index, int64_t *out);
bool model_array_float(const struct model_value *v, int64_t index, double *out);

#endif
