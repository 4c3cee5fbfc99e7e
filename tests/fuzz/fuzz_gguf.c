/* GGUF headers: a file of any bytes, seen whole and as a prefix of a longer file. */
#include "model/gguf.h"
#include "model/inspect.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(slice head, int64_t file_size)
{
    struct arena arena = { 0 };
    struct buf json = { 0 };
    struct err err = { 0 };
    struct gguf g;

    enum gguf_status s = gguf_parse(head, file_size, &arena, &g, &err);
    ASSERT(s != GGUF_SHORT || head.len < file_size);
    ASSERT((s == GGUF_BAD) == (err.class == ERR_CONFIG));
    if (s == GGUF_OK) {
        struct model_file m = { .kind = MODEL_GGUF,
                                .path = "fuzz",
                                .keys = g.keys,
                                .tensors = g.tensors,
                                .tensor_count = g.tensor_count };
        int64_t end = 0;
        for (ptrdiff_t i = 0; i < g.tensor_count; i++) {
            const struct tensor *t = &g.tensors[i];
            ASSERT(t->bytes == tensor_size_bytes(t) && t->offset >= end);
            end = t->offset + t->bytes;
            ASSERT(end <= file_size);
        }
        model_inspect(&m, &json);
    }
    buf_release(&json);
    arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = malloc(size + 1); /* exact: a read past the end is seen */

    if (!copy)
        return 0;
    memcpy(copy, data, size);
    check(slice_make(copy, (ptrdiff_t)size), (int64_t)size);
    check(slice_make(copy, (ptrdiff_t)size), (int64_t)1 << 40);
    free(copy);
    return 0;
}
