/* The splitter of collect: records do not depend on how the stream is cut into windows; a JSON array
 * that the DOM accepts has its elements as records; rows parse without harm. */
#include "json.h"
#include "source/cut.h"
#include "source/table.h"

#include <stdlib.h>

struct found {
    struct cut_record *items;
    ptrdiff_t count;
    bool fault;
};

/* Gives the bytes in windows that grow by `step`, as a reader would. */
static struct found cut_all(slice s, enum cut_kind kind, ptrdiff_t step, struct arena *arena)
{
    struct found f = { .items = arena_new(arena, struct cut_record, s.len + 1) };
    struct cut sp;
    ptrdiff_t base = 0, end = 0;
    cut_init(&sp, kind);
    for (bool last = false; !last && !f.fault;) {
        struct cut_record r;
        enum cut_status st;
        end = MIN(end + step, s.len);
        last = end == s.len;
        while ((st = cut_next(&sp, slice_make(s.ptr + base, end - base), last, &r)) == CUT_RECORD) {
            ASSERT(r.start >= 0 && r.len >= 0 && base + r.start + r.len <= s.len);
            r.start += base;
            f.items[f.count++] = r;
        }
        f.fault = st == CUT_FAULT;
        base += sp.start;
        cut_rebase(&sp);
    }
    return f;
}

static void check_rows(slice s, const struct found *f, struct arena *arena)
{
    struct table *t = table_new();
    for (ptrdiff_t i = 0; i < f->count; i++) {
        slice *fields;
        ptrdiff_t n;
        if (!f->items[i].bad)
            table_fields(t, slice_make(s.ptr + f->items[i].start, f->items[i].len), ',', '"', arena,
                         &fields, &n);
    }
    table_free(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = { 0 };
    struct err err = { 0 };
    if (size < 2)
        return 0;
    enum cut_kind kind = (enum cut_kind)(data[0] % 5);
    char *copy = arena_alloc_raw(&arena, (ptrdiff_t)size + RECORD_PADDING, 1);
    memcpy(copy, data + 2, size - 2);
    memset(copy + size - 2, 0, RECORD_PADDING);
    slice s = slice_make(copy, (ptrdiff_t)size - 2);
    struct found whole = cut_all(s, kind, s.len + 1, &arena);
    struct found parts = cut_all(s, kind, 1 + data[1] % 16, &arena);
    ASSERT(whole.count == parts.count && whole.fault == parts.fault);
    for (ptrdiff_t i = 0; i < whole.count; i++)
        ASSERT(whole.items[i].start == parts.items[i].start &&
               whole.items[i].len == parts.items[i].len &&
               !whole.items[i].bad == !parts.items[i].bad);
    const struct json_node *root = kind == CUT_JSON ? json_parse(s, &arena, &err) : NULL;
    if (root)
        ASSERT(!whole.fault && whole.count == (root->type == JSON_ARRAY ? root->count : 1));
    if (kind == CUT_ROWS)
        check_rows(s, &whole, &arena);
    arena_release(&arena);
    return 0;
}
