/* gguf.h: the header of a GGUF file, versions 2 and 3, read and written.
 *
 * Layout (ggml/docs/gguf.md): "GGUF", u32 version, i64 tensors, i64 keys, the keys, the tensor
 * infos, padding, data. Everything is little-endian; strings are u64 length + bytes.
 *
 * gguf_parse trusts nothing: every count and length is compared with the bytes that are left before
 * anything of that size is made; keys and tensor names are unique; offsets are the running sum of
 * the padded sizes, as llama.cpp demands, so tensors cannot overlap; every partial product of a
 * shape is checked. It does no I/O: it gets the first bytes of the file and asks for more.
 *
 *     switch (gguf_parse(head, file_size, &arena, &g, &err)) {
 *     case GGUF_SHORT: read more of the file and call again
 *     ...
 * Names, strings and arrays of the result point into `head`, which must stay.
 */
#ifndef GGUF_H
#define GGUF_H

#include "../buf.h"
#include "../err.h"
#include "modelmeta.h"
#include "tensor.h"

#define GGUF_ALIGNMENT 32
#define GGUF_NAME_MAX  63

struct gguf {
    int version;
    int64_t alignment, data_start;
    struct model_keys keys;
    struct tensor *tensors; /* offset: in the file */
    ptrdiff_t tensor_count;
};

enum gguf_status { GGUF_OK, GGUF_SHORT, GGUF_BAD };

/* GGUF_BAD: ERR_CONFIG. GGUF_SHORT is only returned when head.len < file_size. */
enum gguf_status gguf_parse(slice head, int64_t file_size, struct arena *arena, struct gguf *g,
                            struct err *err);
bool gguf_is_magic(slice head);

/* Appends a version 3 header with padding to `out` (empty before) and sets offset and bytes of the
 * tensors from their types and shapes: offsets from the start of the file, in order. Returns the
 * size of the whole file, padding after the last tensor included. */
int64_t gguf_build(const struct model_keys *keys, struct tensor *tensors, ptrdiff_t count,
                   int64_t alignment, struct buf *out);

#endif
