/* What bench reads from outside: command texts, baselines, reports of commands. Words that were
 * split must read back from the text that is shown. */
#include "stat/bench.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = { 0 };
    struct buf text = BUF_INIT(0);
    const char *const *words, *const *again;
    ptrdiff_t count, again_count;
    struct bench_result result;
    struct bench_host host;
    struct err err;
    double sample[BENCH_MEASURES];

    buf_append(&text, slice_make((const char *)data, (ptrdiff_t)size));
    buf_reserve(&text, 1);
    if (bench_baseline(buf_slice(&text), "x", &result, &host, &arena, &err))
        ASSERT(result.count >= 1 && stat_summarize(result.samples[0], result.count, &arena).n > 0);
    bench_read_report(buf_slice(&text), sample, &arena);
    if (bench_words(buf_cstr(&text), &words, &count, &arena, &err)) {
        ASSERT(bench_words(bench_shown(words, count, &arena), &again, &again_count, &arena, &err));
        ASSERT(again_count == count);
        for (ptrdiff_t i = 0; i < count; i++)
            ASSERT(strcmp(words[i], again[i]) == 0);
    }
    buf_release(&text);
    arena_release(&arena);
    return 0;
}
