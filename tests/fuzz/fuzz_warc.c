/* Web archives as hostile bytes: every record that the frames give is taken apart. */
#include "source/cut.h"
#include "source/warc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = { 0 };
    struct cut c;
    struct cut_record r;
    if (size < 1)
        return 0;
    bool arc = data[0] & 1;
    char *copy = arena_alloc_raw(&arena, (ptrdiff_t)size + RECORD_PADDING, 1);
    memcpy(copy, data + 1, size - 1);
    memset(copy + size - 1, 0, RECORD_PADDING);
    slice s = slice_make(copy, (ptrdiff_t)size - 1);
    cut_init(&c, arc ? CUT_ARC : CUT_WARC);
    while (cut_next(&c, s, true, &r) == CUT_RECORD) {
        struct web_record web;
        ASSERT(r.start >= 0 && r.len >= 0 && r.start + r.len <= s.len);
        warc_open(slice_make(s.ptr + r.start, r.len), arc, 1 << 20, &arena, &web);
        ASSERT(web.kind != WEB_BAD || web.reason);
        ASSERT(web.body.len <= 1 << 20 || web.body.ptr >= s.ptr);
    }
    arena_release(&arena);
    return 0;
}
