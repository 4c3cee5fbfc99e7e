/* Packed ids: no bytes make the reader read beyond them; what it accepts is written the same. */
#include "pack/packed.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    slice bytes = slice_make((const char *)data, (ptrdiff_t)size);
    struct packed_reader r = { 0 };
    struct packed_doc doc;
    struct err err = { 0 };
    ptrdiff_t used;

    for (;; bytes = slice_from(bytes, used)) {
        enum packed_item item = packed_next(&r, bytes, &used, &doc, &err);
        if (item == PACKED_BAD || item == PACKED_MORE)
            break;
        ASSERT(used > 0 && used <= bytes.len);
        if (item != PACKED_DOC)
            continue;
        uint32_t *ids = malloc((size_t)doc.count * 4 + 1);
        char *copy = malloc((size_t)used);
        for (ptrdiff_t i = 0; i < doc.count; i++)
            ids[i] = r.head.id_bytes == 2 ? load_u16(doc.ids + 2 * i) : load_u32(doc.ids + 4 * i);
        ASSERT(packed_doc_store(copy, &r.head, doc.meta, ids, doc.count) == copy + used);
        free(copy);
        free(ids);
    }
    packed_finish(&r, bytes.len, &err);
    return 0;
}
