/* Lists, requests for erasure and restore maps from any bytes, then a URL, a text and a record against
 * them: the first line is the URL, the rest is the file and the text. */
#include "../../lib/simd/cpu.h"
#include "../../lib/text/erase.h"
#include "../../lib/text/lists.h"
#include "../../lib/text/redact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = { 0 };
    ptrdiff_t len = (ptrdiff_t)MIN(size, 4000);
    char *copy = arena_alloc_raw(&arena, len + RECORD_PADDING, 1);
    slice hit;

    cpu_init();
    if (len)
        memcpy(copy, data, (size_t)len);
    slice file = slice_make(copy, json_utf8_prefix(slice_make(copy, len)));
    ptrdiff_t nl = slice_find(file, '\n');
    slice url = slice_make(file.ptr, nl < 0 ? file.len : nl);
    struct lists *l = lists_new(&arena);
    for (int kind = 0; kind < LIST_KINDS; kind++)
        lists_add(l, (enum list_kind)kind, kind & 1 ? "ja" : NULL, "f", file, NULL);
    lists_add(l, LIST_BAD_WORDS, NULL, "f", slice_make(copy, len), NULL);
    lists_ready(l);
    lists_test_url(l, url, &arena, &hit);
    lists_test_text(l, file, "ja", &arena, &hit);
    struct erase *e = erase_new(file, &arena, NULL);
    struct json_query q;
    struct json_span spans[ERASE_PATHS_MAX], top;
    struct json_fault fault;
    slice record =
        SLICE("{\"id\":\"1\",\"a\":{\"b\":2}}                                                  "
              "                                                                      ");
    record.len = 22;
    if (e && json_query_init(&q, e->paths, e->path_count, &arena, NULL) &&
        json_scan(record, &q, spans, &top, &fault))
        for (int i = 0; i < e->path_count; i++)
            erase_test(e, i, record, spans[i], &arena);
    int64_t count = 0;
    struct restore *r = restore_new(file, &arena, NULL);
    if (r)
        restore_apply(r, file, &count, &arena);
    arena_release(&arena);
    return 0;
}
