/* spaCy's words and sentences of any valid UTF-8: the words lie in order, do not overlap, and leave
 * out white space only. */
#include "../../lib/json.h"
#include "../../lib/simd/cpu.h"
#include "../../lib/text/spacy_en.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct arena process;
    static const struct spacy_en *en;
    static const struct char_classes *classes;
    static struct spacy_scratch *scratch;
    struct arena arena = { 0 };
    struct words w = { 0 };

    if (!en) {
        cpu_init();
        en = spacy_en_new(&process, NULL);
        classes = char_classes_new(&process);
        scratch = spacy_scratch_new();
    }
    char *copy = arena_alloc(&arena, (ptrdiff_t)size + RECORD_PADDING, 1, 1);
    slice text = slice_make(copy, (ptrdiff_t)size);
    if (size)
        memcpy(copy, data, size);
    if (json_utf8_valid(text)) {
        spacy_en_split(en, scratch, classes, text, &w, &arena);
        ptrdiff_t at = 0;
        for (ptrdiff_t i = 0; i <= w.count; i++) {
            ptrdiff_t start = i < w.count ? w.at[i].start : text.len;
            slice gap = slice_make(text.ptr + at, start - at);
            if (gap.len < 0)
                abort();
            for (ptrdiff_t k = 0; k < gap.len; k++)
                if ((unsigned char)gap.ptr[k] > ' ' && (unsigned char)gap.ptr[k] < 0x7F)
                    abort();
            at = i < w.count ? start + w.at[i].len : at;
        }
        if (spacy_en_sentences(en, scratch, classes, text) > w.count)
            abort();
    }
    arena_release(&arena);
    return 0;
}
