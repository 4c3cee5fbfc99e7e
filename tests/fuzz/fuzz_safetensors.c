/* safetensors headers and shard indexes of any bytes. The first byte chooses how much data follows. */
#include "model/safetensors.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_header(slice json, int64_t data_bytes)
{
    struct arena arena = { 0 };
    struct err err = { 0 };
    struct safetensors st;
    int64_t at = 8 + json.len;

    if (safetensors_parse(json, at + data_bytes, &arena, &st, &err)) {
        for (ptrdiff_t i = 0; i < st.tensor_count; i++) {
            ASSERT(st.tensors[i].offset == at && st.tensors[i].bytes >= 0);
            ASSERT(tensor_elements(&st.tensors[i]) >= 0);
            at += st.tensors[i].bytes;
        }
        ASSERT(at == 8 + json.len + data_bytes);
    } else {
        ASSERT(err.class == ERR_CONFIG && err.text[0]);
    }
    arena_release(&arena);
}

static void check_index(slice json)
{
    struct safetensors_index index;
    struct arena arena = { 0 };
    struct err err = { 0 };

    if (safetensors_parse_index(json, &arena, &index, &err))
        for (ptrdiff_t i = 0; i < index.place_count; i++)
            ASSERT(index.places[i].file >= 0 && index.places[i].file < index.file_count &&
                   !strchr(index.files[index.places[i].file], '/'));
    else
        ASSERT(err.class == ERR_CONFIG && err.text[0]);
    arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    char *copy = calloc(1, size - 1 + RECORD_PADDING);
    if (!copy)
        return 0;
    memcpy(copy, data + 1, size - 1);
    slice json = slice_make(copy, (ptrdiff_t)size - 1);
    check_header(json, data[0]);
    check_index(json);
    free(copy);
    return 0;
}
