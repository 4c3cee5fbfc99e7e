/* Shingles and signatures of any UTF-8 text: the same for every instruction set; spans are in order. */
#include "json.h"
#include "sig/lsh.h"
#include "sig/shingle.h"
#include "simd/cpu.h"

struct fold_sink {
    struct shingle_sink sink;
    uint64_t sum;
    ptrdiff_t last;
};

static void fold(struct shingle_sink *sink)
{
    struct fold_sink *f = (struct fold_sink *)sink;

    for (int i = 0; i < sink->count; i++) {
        f->sum = f->sum * 31 + sink->hash[i];
        if (sink->spans && f->last >= 0) {
            ASSERT(sink->spans[i].start >= f->last && sink->spans[i].end > sink->spans[i].start);
            ASSERT(sink->spans[i].end <= sink->text.len);
            f->last = sink->spans[i].start;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct arena process;
    static struct shingler shinglers[3];
    struct arena arena = { 0 };
    struct shingle_span spans[SHINGLE_BLOCK];

    if (!shinglers[0].n) {
        cpu_init();
        ASSERT(shingle_parse("words:3", &shinglers[0], NULL));
        ASSERT(shingle_parse("chars:4", &shinglers[1], NULL));
        for (int i = 0; i < 2; i++)
            shingle_init(&shinglers[i], &process);
        shinglers[2] = shinglers[0];
        shinglers[2].masks = textmask_scalar;
    }
    slice text = slice_make((const char *)data, (ptrdiff_t)size);
    if (!json_utf8_valid(text))
        return 0;
    char *padded = arena_alloc(&arena, text.len + RECORD_PADDING, 1, 1);
    if (text.len)
        memcpy(padded, text.ptr, (size_t)text.len);
    text.ptr = padded;
    uint64_t sums[3];
    for (int i = 0; i < 3; i++) {
        struct fold_sink f = { .sink = { .flush = fold, .spans = i == 1 ? NULL : spans } };
        ASSERT(shingle_text(&shinglers[i], text, &f.sink, &arena) >= 0);
        sums[i] = f.sum;
    }
    ASSERT(sums[0] == sums[2]);
    arena_release(&arena);
    return 0;
}
