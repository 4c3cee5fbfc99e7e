/* The reader of signature rows: no line harms it, and what it accepts is written and read the same. */
#include "buf.h"
#include "sig/bandrows.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    slice rest = slice_make((const char *)data, (ptrdiff_t)size);

    while (rest.len > 0) {
        ptrdiff_t end = slice_find(rest, '\n');
        slice line = slice_make(rest.ptr, end < 0 ? rest.len : end);
        struct bandrow row, again;
        struct buf b = { 0 };
        rest = slice_from(rest, line.len + (end >= 0));
        if (!bandrow_parse(line, &row))
            continue;
        ASSERT(row.id.len > 0 && row.id.ptr >= line.ptr &&
               row.id.ptr + row.id.len <= line.ptr + line.len);
        bandrow_append(&b, row.key, row.id);
        ASSERT(bandrow_parse(slice_make(b.ptr, b.len - 1), &again));
        ASSERT(again.key == row.key && slice_eq(again.id, row.id));
        buf_release(&b);
    }
    return 0;
}
