/* Model files: fastText's, and our own language model. Checked: what is accepted can be asked about
 * a text. */
#include "../../lib/simd/cpu.h"
#include "../../lib/text/fasttext.h"
#include "../../lib/text/lang.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = { 0 };
    struct err err = { 0 };
    slice text = SLICE("the dog läuft 犬 __label__en \t x");
    /* An exact copy: a byte read behind it is found. */
    char *copy = malloc(size ? size : 1);

    cpu_init();
    if (size)
        memcpy(copy, data, size);
    slice file = slice_make(copy, (ptrdiff_t)size);
    struct fasttext *f = fasttext_new(file, &arena, &err);
    if (f) {
        int count;
        const char *const *labels = fasttext_labels(f, &count);
        struct fasttext_best best = fasttext_best(f, text, &arena);
        fasttext_score(f, text, count - 1, &arena);
        if (!labels[0] || best.p != best.p)
            abort();
    } else if (err.class != ERR_CONFIG) {
        abort();
    }
    struct lang *l = lang_new(file, &arena, &err);
    if (l && !lang_of(l, text).label)
        abort();
    arena_release(&arena);
    free(copy);
    return 0;
}
