/* packed.h: what is written is read, in any portions; every changed or missing byte is found. */
#include "pack/packed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define DOCS 9

static const struct packed_head narrow = { 2, 65536, "0123456789abcdef0011223344556677" };
static const struct packed_head wide = { 4, 65537, "fedcba98765432100011223344556677" };
static const char *const metas[3] = { "", "{\"id\":\"a\"}", "{\"id\":12,\"source\":\"x\"}" };

/* Document d has d ids: 0 and the largest among them. */
static ptrdiff_t write_stream(const struct packed_head *head, char *dst)
{
    uint32_t ids[DOCS];
    int64_t all = 0;
    char *p = dst;

    packed_head_store(p, head);
    p += PACKED_HEAD_BYTES;
    for (int d = 0; d < DOCS; d++) {
        slice meta = slice_of(metas[d % 3]);
        for (int i = 0; i < d; i++)
            ids[i] = i == 1 ? (uint32_t)head->vocab_size - 1 : (uint32_t)(d * i);
        char *end = packed_doc_store(p, head, meta, ids, d);
        assert_int_equal(end - p, packed_doc_bytes(head, meta.len, d));
        p = end;
        all += d;
    }
    packed_end_store(p, DOCS, all);
    return p + PACKED_END_BYTES - dst;
}

/* Reads with at most `portion` new bytes at a time; the number of documents, -1: bad. */
static int read_stream(const char *src, ptrdiff_t len, ptrdiff_t portion, struct err *err)
{
    struct packed_reader r = { 0 };
    struct packed_doc doc;
    ptrdiff_t at = 0, there = 0, used;
    int docs = 0;

    for (;;) {
        char *copy = malloc((size_t)(there - at) + 1); /* reads beyond the bytes are seen */
        assert_non_null(copy);
        memcpy(copy, src + at, (size_t)(there - at));
        enum packed_item item = packed_next(&r, slice_make(copy, there - at), &used, &doc, err);
        if (item == PACKED_DOC) {
            int d = docs++ % DOCS;
            assert_int_equal(doc.count, d);
            assert_true(slice_eq(doc.meta, slice_of(metas[d % 3])));
            for (int i = 0; i < d; i++) {
                uint32_t want = i == 1 ? (uint32_t)r.head.vocab_size - 1 : (uint32_t)(d * i);
                assert_int_equal(r.head.id_bytes == 2 ? load_u16(doc.ids + 2 * i)
                                                      : load_u32(doc.ids + 4 * i),
                                 want);
            }
        }
        free(copy);
        if (item == PACKED_BAD)
            return -1;
        if (item != PACKED_MORE) {
            at += used;
            continue;
        }
        assert_true(used > there - at);
        if (there == len)
            return packed_finish(&r, there - at, err) ? docs : -1;
        there = MIN(len, there + portion);
    }
}

static void read_is_what_was_written(void **state)
{
    static char stream[4096];
    struct err err;

    (void)state;
    for (int w = 0; w < 2; w++) {
        const struct packed_head *head = w ? &wide : &narrow;
        ptrdiff_t len = write_stream(head, stream);
        assert_int_equal(len % 4, 0);
        for (ptrdiff_t portion = 1; portion < 200; portion += portion < 5 ? 1 : 31)
            assert_int_equal(read_stream(stream, len, portion, &err), DOCS);
        len += write_stream(head, stream + len);
        assert_int_equal(read_stream(stream, len, 1000, &err), 2 * DOCS);
    }
    assert_int_equal(read_stream(stream, 0, 1, &err), 0);
    assert_int_equal(packed_id_bytes(65536), 2);
    assert_int_equal(packed_id_bytes(65537), 4);
}

static void damage_is_found(void **state)
{
    static char stream[4096];
    struct err err;

    (void)state;
    ptrdiff_t len = write_stream(&narrow, stream);
    for (ptrdiff_t cut = 1; cut < len; cut++)
        assert_int_equal(read_stream(stream, cut, len, &err), -1);
    assert_non_null(strstr(err.text, "cut off behind document 9"));
    for (ptrdiff_t i = 0; i < len; i++) {
        if (i >= 24 && i < 40)
            continue; /* the fingerprint: another one is as good */
        for (int bit = 0; bit < 8; bit++) {
            /* A smaller vocabulary is seen by the ids, a larger one is possible with 4 bytes only. */
            stream[i] ^= (char)(1 << bit);
            assert_int_equal(read_stream(stream, len, len, &err), -1);
            stream[i] ^= (char)(1 << bit);
        }
    }
    ptrdiff_t more = write_stream(&wide, stream + len);
    assert_int_equal(read_stream(stream, len + more, len, &err), -1);
    assert_non_null(strstr(err.text, "different tokenizers"));
    assert_int_equal(
        read_stream("{\"ids\":[1,2,3]}\n{\"ids\":[1,2,3]}\n{\"ids\":[1,2,3]}\n", 48, 48, &err), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(read_is_what_was_written),
        cmocka_unit_test(damage_is_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
