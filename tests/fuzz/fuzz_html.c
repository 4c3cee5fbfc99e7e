/* Any text as a page: parsed, rendered whole and as main content. */
#include "json.h"
#include "source/webpage.h"

#include "source/htmldoc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = { 0 };
    struct webpage page;
    char *copy = arena_alloc_raw(&arena, (ptrdiff_t)size + RECORD_PADDING, 1);
    memcpy(copy, data, size);
    memset(copy + size, 0, RECORD_PADDING);
    slice s = slice_make(copy, (ptrdiff_t)size);
    slice label = html_meta_charset(s);
    ASSERT(label.len >= 0 && label.len <= s.len);
    s.len = json_utf8_prefix(s);
    for (int mode = WEBPAGE_MAIN; mode <= WEBPAGE_FULL; mode++) {
        webpage_read(s, (enum webpage_mode)mode, &arena, &page);
        ASSERT(page.reason || json_utf8_valid(page.text));
        ASSERT(page.reason || json_utf8_valid(page.meta));
    }
    arena_release(&arena);
    return 0;
}
