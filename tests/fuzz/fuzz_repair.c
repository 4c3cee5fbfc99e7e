/* Repairs and mojibake on any valid UTF-8: the result is valid UTF-8, and twice is once. The first
 * byte chooses the switches. */
#include "../../lib/json.h"
#include "../../lib/simd/cpu.h"
#include "../../lib/text/mojibake.h"
#include "../../lib/text/repair.h"

#include <stdlib.h>

#define KINDS 8

static struct arena process;
static struct repair repairs[KINDS];
static struct mojibake *mojibake;
static struct regex_scratch *regex;

static void prepare(void)
{
    cpu_init();
    repairs[0].html = repairs[1].markdown = repairs[2].bullets = repairs[3].url_lines = true;
    repairs[4].quotes = repairs[4].dashes = true;
    repairs[5].max_repeat = 2;
    repairs[6].phrases = SLICE("ab\nc d");
    for (int i = 0; i < KINDS; i++)
        if (!repair_ready(&repairs[i], &process, NULL))
            abort();
    mojibake = mojibake_new(&process, NULL);
    regex = regex_scratch_new();
}

static bool apply(int kind, slice *text, struct arena *arena)
{
    if (kind == KINDS - 1) {
        *text = mojibake_fix(mojibake, regex, *text, arena);
        return true;
    }
    return repair_text(&repairs[kind], regex, text, 1 << 20, arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = { 0 };

    if (!mojibake)
        prepare();
    if (size < 1)
        return 0;
    char *copy = arena_alloc(&arena, (ptrdiff_t)size + RECORD_PADDING, 1, 1);
    slice text = slice_make(copy, (ptrdiff_t)size - 1);
    memcpy(copy, data + 1, size - 1);
    if (json_utf8_valid(text) && apply(data[0] % KINDS, &text, &arena)) {
        slice again = text;
        if (!json_utf8_valid(text))
            abort();
        if (apply(data[0] % KINDS, &again, &arena) && !slice_eq(again, text))
            abort();
    }
    arena_release(&arena);
    return 0;
}
