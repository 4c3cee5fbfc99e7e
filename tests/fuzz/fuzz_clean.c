/* The edits, substitutions, comparisons and matches on one record: the first lines of the input are
 * a --sub, a --keep-if and a --drop-match, the rest is the record. Checked: the result is a record
 * whose text is valid UTF-8. */
#include "../../lib/simd/cpu.h"
#include "../../lib/text/cleaning.h"

#include <stdlib.h>

static slice line(slice *rest)
{
    ptrdiff_t nl = slice_find(*rest, '\n');
    slice s = slice_make(rest->ptr, nl < 0 ? rest->len : nl);

    *rest = slice_from(*rest, nl < 0 ? rest->len : nl + 1);
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = { 0 };
    struct clean c = { .field = "text", .min_chars = -1, .max_chars = 1000, .max_bytes = 1 << 16 };
    slice rest = slice_make((const char *)data, (ptrdiff_t)size);
    struct json_query q;
    struct json_span spans[JSON_MAX_PATHS], top;
    struct json_fault fault;
    struct clean_verdict v = { 0 };

    cpu_init();
    struct quality profile;
    /* spaCy's words have a target of their own: they take long to prepare. */
    if (size % 7 == 0 && quality_init(&profile, size & 2 ? "fineweb" : "c4", NULL) &&
        quality_off(&profile, "c4_sentences", NULL)) {
        profile.words = WORDS_WHITESPACE;
        c.quality = &profile;
        c.explain = c.annotate = true;
    }
    c.edit = (struct text_edit){ .strip_control = true,
                                 .strip_zero_width = true,
                                 .strip_bom = true,
                                 .strip_bidi = true,
                                 .strip_soft_hyphen = true,
                                 .trim = size & 1,
                                 .collapse_space = true,
                                 .trim_lines = size & 2,
                                 .newlines = (int)(size % 3),
                                 .max_newlines = (int64_t)(size % 4) };
    c.normalize = size % 5 ? CLEAN_NORMALIZE_NONE : size % 2 ? CLEAN_NFC : CLEAN_NFKC;
    slice sub = line(&rest), expr = line(&rest), match = line(&rest);
    if (sub.len && sub.len < 200)
        clean_add_sub(&c, sub, &arena, NULL);
    clean_add_expr(&c, expr, false, &arena, NULL);
    if (match.len == 0 || match.len > 200 || !clean_add_match(&c, match, true, &arena, NULL))
        c.test_count = 0;
    if (clean_ready(&c, &arena, NULL) &&
        json_query_init(&q, c.members, c.member_count, &arena, NULL)) {
        char *copy = arena_alloc_raw(&arena, rest.len + RECORD_PADDING, 1);
        slice record = slice_make(copy, rest.len);
        if (rest.len)
            memcpy(copy, rest.ptr, (size_t)rest.len);
        memset(copy + rest.len, 0, RECORD_PADDING);
        if (json_scan(record, &q, spans, &top, &fault) && spans[0].count == 1 &&
            spans[0].type == JSON_STRING) {
            struct clean_scratch *s = clean_scratch_new(&c);
            clean_record(&c, s, record, top, spans, &arena, &v);
            if (v.out.ptr && !json_scan(v.out, &q, spans, NULL, &fault))
                abort();
            clean_scratch_free(s);
        }
    }
    clean_release(&c);
    arena_release(&arena);
    return 0;
}
