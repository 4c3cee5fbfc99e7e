/* Every profile on any valid UTF-8: all values are finite and not negative, the verdict is the first
 * failing rule, and stopping there gives the same. Words of all splitters lie in order within the
 * text. The first byte chooses. */
#include "../../lib/json.h"
#include "../../lib/simd/cpu.h"
#include "../../lib/text/quality.h"

#include <math.h>
#include <stdlib.h>

static struct arena process;
static struct quality profiles[16];
static struct quality_scratch *scratch[16];

static void prepare(void)
{
    cpu_init();
    for (int i = 0; i < quality_profile_count; i++) {
        struct quality *q = &profiles[i];
        if (!quality_init(q, quality_profiles[i].name, NULL))
            abort();
        /* spaCy's words have a target of their own: they take long to prepare. */
        if (q->words == WORDS_SPACY_EN)
            q->words = i & 1 ? WORDS_UAX29 : WORDS_WHITESPACE;
        q->sentence_marks = true;
        if (!quality_ready(q, &process, NULL))
            abort();
        scratch[i] = quality_scratch_new(q);
    }
}

static void check(const struct quality_result *r)
{
    for (int i = 0; i < QUALITY_RULES; i++)
        if (!isfinite(r->value[i]) || r->value[i] < 0)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = { 0 };
    struct quality_result all, first;

    if (!profiles[0].profile)
        prepare();
    if (size < 1)
        return 0;
    int p = data[0] % quality_profile_count;
    char *copy = arena_alloc(&arena, (ptrdiff_t)size + RECORD_PADDING, 1, 1);
    slice text = slice_make(copy, (ptrdiff_t)size - 1);
    memcpy(copy, data + 1, size - 1);
    if (json_utf8_valid(text)) {
        quality_measure(&profiles[p], scratch[p], text, true, &arena, &all);
        quality_measure(&profiles[p], scratch[p], text, false, &arena, &first);
        check(&all);
        check(&first);
        if (all.failed != first.failed || !json_utf8_valid(all.text))
            abort();
        if (all.failed < 0 && !slice_eq(all.text, first.text))
            abort();
    }
    arena_release(&arena);
    return 0;
}
