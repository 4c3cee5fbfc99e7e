/* JSON: every row of the kernels says the same about any bytes (accepted or not, fault, spans,
 * decoded text); what is quoted reads back; the tree agrees with the scanner. */
#include <stdlib.h>

#include "../../lib/json.h"

static void check_row(const struct jsonscan_row *row, slice record, const struct json_query *q,
                      struct arena *arena)
{
    const struct jsonscan_row *scalar = jsonscan_rows(&(ptrdiff_t){ 0 })[0];
    struct json_span want[2] = { { 0 } }, got[2] = { { 0 } }, want_top, got_top;
    struct json_fault want_fault, got_fault;
    bool ok = scalar->scan(record, q->root, want, &want_top, &want_fault);

    ASSERT(row->scan(record, q->root, got, &got_top, &got_fault) == ok);
    ASSERT(row->utf8_prefix(record) == scalar->utf8_prefix(record));
    ASSERT(row->escaped_len(record) == scalar->escaped_len(record));
    char *quoted = arena_alloc_raw(arena, JSON_QUOTED_MAX(record.len), 1);
    ASSERT(row->escape(quoted, record) - quoted == row->escaped_len(record));
    if (!ok) {
        ASSERT(got_fault.at == want_fault.at && strcmp(got_fault.what, want_fault.what) == 0);
        return;
    }
    ASSERT(got_top.start == want_top.start && got_top.len == want_top.len);
    for (int i = 0; i < 2; i++) {
        ASSERT(got[i].count == want[i].count && got[i].start == want[i].start &&
               got[i].len == want[i].len && got[i].type == want[i].type &&
               got[i].escaped == want[i].escaped && got[i].key_start == want[i].key_start);
        if (got[i].type != JSON_STRING)
            continue;
        slice raw = { record.ptr + got[i].start + 1, got[i].len - 2 };
        char *a = arena_alloc_raw(arena, raw.len, 1), *b = arena_alloc_raw(arena, raw.len, 1);
        ptrdiff_t n = scalar->unescape(raw, a, JSON_SURROGATE_REPLACE, NULL, NULL);
        ASSERT(row->unescape(raw, b, JSON_SURROGATE_REPLACE, NULL, NULL) == n);
        ASSERT(n == 0 || memcmp(a, b, (size_t)n) == 0);
    }
}

static void check_round_trip(slice bytes, struct arena *arena)
{
    struct buf b = { 0 };
    struct json_span top;
    struct json_fault fault;
    slice text;

    bool valid = json_append_bytes(&b, bytes);
    ASSERT(valid == json_utf8_valid(bytes));
    ASSERT(json_scan(buf_slice(&b), NULL, NULL, &top, &fault) && top.type == JSON_STRING);
    ASSERT(json_string(buf_slice(&b), top, JSON_SURROGATE_FAIL, arena, &text, NULL, &fault));
    ASSERT(!valid || slice_eq(text, bytes));
    buf_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const paths[] = { "text", "a.b" };
    struct arena arena = { 0 };
    struct json_query q;
    struct err err;
    ptrdiff_t rows;
    char *copy = arena_alloc(&arena, (ptrdiff_t)size + RECORD_PADDING, 1, 1);

    if (size)
        memcpy(copy, data, size);
    slice record = { copy, (ptrdiff_t)size };
    ASSERT(json_query_init(&q, paths, countof(paths), &arena, &err));
    const struct jsonscan_row *const *row = jsonscan_rows(&rows);
    for (ptrdiff_t i = 1; i < rows; i++)
        if (cpu_has(row[i]->features))
            check_row(row[i], record, &q, &arena);
    check_round_trip(record, &arena);
    bool ok = json_scan(record, NULL, NULL, NULL, NULL);
    ASSERT((json_parse(record, &arena, &err) != NULL) == ok);
    arena_release(&arena);
    return 0;
}
