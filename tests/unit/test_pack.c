/* The pure parts of shard: token ids, frames, manifests. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "codec.h"
#include "pack/frames.h"
#include "pack/manifest.h"
#include "pack/tokens.h"

#include <stdio.h>

static struct arena arena;
static struct err err;

static slice padded(slice s)
{
    char *p = arena_alloc_raw(&arena, s.len + RECORD_PADDING, 8);
    memcpy(p, s.ptr, (size_t)s.len);
    memset(p + s.len, 0, RECORD_PADDING);
    return slice_make(p, s.len);
}

static void ids_from_json(void **state)
{
    struct tokens t;
    ptrdiff_t at = 0;
    (void)state;
    assert_null(tokens_parse(padded(SLICE("[]")), 1, &arena, &t, &at));
    assert_int_equal(t.count, 0);
    assert_null(tokens_parse(padded(SLICE("[ 0 ,65536,\n2147483647 ]")), 1, &arena, &t, &at));
    assert_int_equal(t.count, 3);
    assert_int_equal(t.ids[1], 65536);
    assert_int_equal(t.max, 2147483647);
    static const char *const bad[] = { "[1,-2]", "[1.0]", "[1e3]",   "[2147483648]",
                                       "[null]", "[[1]]", "[\"1\"]", "[99999999999999999999]" };
    for (ptrdiff_t i = 0; i < countof(bad); i++)
        assert_non_null(tokens_parse(padded(slice_of(bad[i])), 0, &arena, &t, &at));
}

static void ids_to_bytes_and_json(void **state)
{
    uint32_t ids[] = { 1, 65535, 7 };
    char bytes[12];
    struct buf out = { 0 };
    (void)state;
    assert_int_equal(tokens_store(bytes, ids, 3, 2) - bytes, 6);
    tokens_json(slice_make(bytes, 6), 2, &out);
    assert_true(slice_eq(buf_slice(&out), SLICE("{\"ids\":[1,65535,7]}\n")));
    buf_clear(&out);
    tokens_store(bytes, ids, 3, 4);
    tokens_json(slice_make(bytes, 12), 4, &out);
    tokens_json(SLICE(""), 4, &out);
    assert_true(slice_eq(buf_slice(&out), SLICE("{\"ids\":[1,65535,7]}\n{\"ids\":[]}\n")));
    buf_release(&out);
}

static void megatron_head(void **state)
{
    char head[TOKENS_IDX_HEAD];
    int bytes;
    int64_t docs;
    (void)state;
    tokens_idx_head(head, 2, 5);
    slice s = slice_make(head, TOKENS_IDX_HEAD);
    assert_true(tokens_idx_parse(s, TOKENS_IDX_EMPTY + 100, &bytes, &docs, &err));
    assert_int_equal(bytes, 2);
    assert_int_equal(docs, 5);
    assert_false(tokens_idx_parse(s, TOKENS_IDX_EMPTY + 99, &bytes, &docs, &err));
    memset(head + 18, 0xff, 8); /* as many documents as a lie can have */
    memset(head + 26, 0, 8);
    assert_false(tokens_idx_parse(s, 50, &bytes, &docs, &err));
}

static void frames_come_back(void **state)
{
    struct frames f = { 0 };
    struct buf out = { 0 };
    struct frame_entry *e;
    ptrdiff_t count;
    int64_t index;
    slice text;
    (void)state;
    void *encoder = codec_zstd.encode_new(3);
    assert_null(frames_compress(encoder, SLICE("one\ntwo\n"), &out));
    frames_add(&f, (struct frame_entry){ (uint32_t)out.len, 8, 2 });
    ptrdiff_t first = out.len;
    assert_null(frames_compress(encoder, SLICE("three\n"), &out));
    frames_add(&f, (struct frame_entry){ (uint32_t)(out.len - first), 6, 1 });
    frames_end(&f, &out);
    codec_zstd.encode_free(encoder);
    slice file = buf_slice(&out);
    assert_true(frames_tail(slice_from(file, file.len - FRAMES_TAIL), file.len, &index, &err));
    slice table = slice_from(file, file.len - (ptrdiff_t)index);
    assert_true(frames_index(table, file.len, &arena, &e, &count, &err));
    assert_int_equal(count, 2);
    assert_int_equal(e[0].records, 2);
    slice second = slice_make(file.ptr + e[0].compressed, e[1].compressed);
    assert_true(frames_open(second, &e[1], &arena, &text, &err));
    assert_true(slice_eq(text, SLICE("three\n")));
    /* an index that lies about a size, larger or smaller */
    for (int by = -1; by <= 1; by += 2) {
        struct frame_entry lie = e[1];
        lie.content += (uint32_t)by;
        assert_false(frames_open(second, &lie, &arena, &text, &err));
    }
    struct frame_entry huge = { e[1].compressed, UINT32_MAX, 1 };
    assert_false(frames_open(second, &huge, &arena, &text, &err));
    assert_false(frames_open(slice_make(second.ptr, second.len - 1), &e[1], &arena, &text, &err));
    out.ptr[table.ptr - file.ptr + 12] ^= 1; /* records per frame is not checked here */
    out.ptr[out.len - 16] ^= 1;              /* a compressed size is */
    assert_false(frames_index(table, file.len, &arena, &e, &count, &err));
    frames_release(&f);
    buf_release(&out);
}

static void manifests_come_back(void **state)
{
    struct manifest m = { .options = { .format = PACK_MEGATRON,
                                       .size = 1000,
                                       .eos = 2,
                                       .bos = -1,
                                       .vocab = 100,
                                       .tokenizer = "0123456789abcdef0123456789abcdef",
                                       .columns = "",
                                       .split = "val of train=0.9,val=0.1" } },
                    again;
    struct pack_shard s = {
        .records = 3, .tokens = 9, .content_bytes = 80, .dtype = PACK_U16, .file_count = 2
    };
    struct buf text = { 0 }, journal = { 0 };
    (void)state;
    journal_head(&m.options, &journal);
    for (int i = 0; i < 20; i++) {
        s.content = hash128_of(slice_make((char *)&i, 4));
        pack_file_name(&m.options, i, 0, s.files[0].name);
        pack_file_name(&m.options, i, 1, s.files[1].name);
        memset(s.files[0].sha256, 'a', SHA256_HEX - 1);
        memset(s.files[1].sha256, '0', SHA256_HEX - 1);
        s.files[1].hash = s.content;
        manifest_add(&m, &s, &arena);
        journal_row(&m.options, i, &s, &journal);
    }
    manifest_write(&m, &text);
    assert_true(manifest_read(&again, buf_slice(&text), &arena, &err));
    assert_true(again.complete && again.count == 20);
    assert_true(pack_options_equal(&m.options, &again.options));
    assert_memory_equal(again.shards, m.shards, 20 * sizeof s);
    /* a journal cut at every byte has the rows before the cut */
    for (ptrdiff_t cut = 0; cut <= journal.len; cut++) {
        if (!journal_read(&again, slice_make(journal.ptr, cut), &arena, &err))
            fail_msg("cut at %td: %s", cut, err.text);
        assert_true(again.journal_bytes <= cut && again.count <= 20);
    }
    assert_int_equal(again.count, 20);
    assert_memory_equal(again.shards, m.shards, 20 * sizeof s);
    buf_release(&text);
    buf_release(&journal);
}

static int teardown(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_from_json),       cmocka_unit_test(ids_to_bytes_and_json),
        cmocka_unit_test(megatron_head),       cmocka_unit_test(frames_come_back),
        cmocka_unit_test(manifests_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
