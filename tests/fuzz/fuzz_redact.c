/* Every kind of personal data in any text, with each replacement. Checked: the matches lie in order
 * within the text and between characters, the redacted text is valid UTF-8 and holds nothing more,
 * and what the map says puts the text back. */
#include "../../lib/json.h"
#include "../../lib/simd/cpu.h"
#include "../../lib/text/redact.h"

#include <stdlib.h>

static struct redact *ready(void)
{
    static struct redact r;
    static struct arena arena;

    if (!arena.block) {
        cpu_init();
        for (int i = 0; i < pii_kind_count; i++)
            r.pii.on[i] = r.pii.named[i] = true;
        r.key = SLICE("a key of the fuzzer");
        redact_ready(&r, &arena);
    }
    return &r;
}

static void check(struct redact *r, slice text, struct arena *arena)
{
    struct redact_result found, again;
    struct redact_turns turns = { 0 };
    ptrdiff_t at = 0;

    redact_find(r, text, arena, &found);
    for (ptrdiff_t i = 0; i < found.count; i++) {
        const struct pii_match *m = &found.matches[i];
        if (m->start < at || m->end <= m->start || m->end > text.len ||
            (text.ptr[m->start] & 0xC0) == 0x80 ||
            (m->end < text.len && (text.ptr[m->end] & 0xC0) == 0x80))
            abort();
        at = m->end;
    }
    slice out = redact_render(r, text, &found, &turns, arena);
    if (!json_utf8_valid(out))
        abort();
    redact_spans(text, &found, arena);
    if (r->with <= REDACT_DROP) {
        redact_find(r, out, arena, &again);
        for (ptrdiff_t i = 0; i < again.count && r->with != REDACT_MASK; i++)
            abort();
    }
    /* A text may hold a token already; then both come back. */
    if (r->with == REDACT_HASH && found.count && slice_find(text, '<') < 0) {
        int64_t count = 0;
        struct restore *back = restore_new(redact_map(r, text, &found, arena), arena, NULL);
        if (!back || !slice_eq(restore_apply(back, out, &count, arena), text))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = { 0 };
    struct redact *r = ready();
    ptrdiff_t len = (ptrdiff_t)MIN(size, 20000);
    char *copy = arena_alloc_raw(&arena, len + RECORD_PADDING, 1);

    if (len)
        memcpy(copy, data, (size_t)len);
    memset(copy + len, '1', RECORD_PADDING);
    slice text = slice_make(copy, json_utf8_prefix(slice_make(copy, len)));
    for (int with = REDACT_TAG; with <= REDACT_DOLMA; with++) {
        r->with = (enum redact_with)with;
        check(r, text, &arena);
    }
    arena_release(&arena);
    return 0;
}
