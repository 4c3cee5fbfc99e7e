/* Any text as subtitles: the output is text, and not longer than the input. */
#include "json.h"
#include "source/subtitles.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf out = { 0 };
    slice s = slice_make((const char *)data, (ptrdiff_t)size);
    s.len = json_utf8_prefix(s);
    subtitles_text(s, &out);
    ASSERT(out.len <= s.len && json_utf8_valid(buf_slice(&out)));
    buf_release(&out);
    return 0;
}
