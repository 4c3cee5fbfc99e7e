#include "io_helper.h"

#include "codec.h"
#include "in.h"
#include "out.h"

#include <fcntl.h>

/* `text` compressed by a codec, in memory. */
static slice packed(const struct codec *codec, int level, slice text)
{
    struct buf b = BUF_INIT(0);
    void *e = codec->encode_new(level);
    struct codec_io io = { .src = text.ptr, .src_len = text.len };
    const char *why;
    bool done = false;

    while (!done) {
        buf_reserve(&b, 65536);
        io.dst = b.ptr;
        io.dst_cap = b.cap;
        io.dst_len = b.len;
        assert_true(codec->encode(e, &io, CODEC_END, &done, &why));
        b.len = io.dst_len;
    }
    codec->encode_free(e);
    return kept(&b);
}

static slice joined(slice a, slice b)
{
    struct buf out = BUF_INIT(0);

    buf_append(&out, a);
    buf_append(&out, b);
    return kept(&out);
}

/* Everything that an input gives, read in pieces of `cap`. NEXT is shown as "\x01". */
static enum in_status read_all(struct in *in, ptrdiff_t cap, struct buf *all, struct err *err)
{
    char *piece = malloc((size_t)cap);
    enum in_status status;
    ptrdiff_t got;

    do {
        status = in_read(in, piece, cap, &got, err);
        buf_append(all, slice_make(piece, got));
        if (status == IN_DATA)
            assert_in_range(got, 1, cap);
        if (status == IN_NEXT)
            buf_append_byte(all, 1);
    } while (status == IN_DATA || status == IN_NEXT);
    free(piece);
    return status;
}

static struct in *open_paths(const char *const *paths, ptrdiff_t count)
{
    struct err err = { 0 };
    struct in *in = in_open(&(struct in_conf){ .paths = paths, .path_count = count }, &err);

    if (!in)
        fail_msg("%s", err.text);
    return in;
}

static void expect_text(const char *path, slice want)
{
    static const ptrdiff_t caps[] = { 1, 7, 4096, 1 << 20 };

    for (int i = want.len > 100000; i < countof(caps); i++) {
        struct in *in = open_paths(&path, 1);
        struct buf all = BUF_INIT(0);
        struct err err = { 0 };
        if (read_all(in, caps[i], &all, &err) != IN_END)
            fail_msg("%s", err.text);
        assert_true(slice_eq(buf_slice(&all), want));
        buf_release(&all);
        in_close(in);
    }
}

static void expect_failure(const char *path, enum err_class class, const char *part)
{
    struct in *in = open_paths(&path, 1);
    struct buf all = BUF_INIT(0);
    struct err err = { 0 }, again = { 0 };
    char c;
    ptrdiff_t got;

    assert_int_equal(read_all(in, 1000, &all, &err), IN_FAIL);
    assert_int_equal(err.class, class);
    if (!strstr(err.text, part))
        fail_msg("\"%s\" does not contain \"%s\"", err.text, part);
    assert_non_null(strstr(err.text, path));
    /* A failed input stays failed. */
    assert_int_equal(in_read(in, &c, 1, &got, &again), IN_FAIL);
    assert_string_equal(err.text, again.text);
    buf_release(&all);
    in_close(in);
}

static void test_every_format_reads(void **state)
{
    slice text = sample_text(3 << 20);

    (void)state;
    expect_text(file_put("plain", text), text);
    expect_text(file_put("empty", SLICE("")), SLICE(""));
    expect_text(file_put("one", SLICE("(")), SLICE("("));
    expect_text(file_put("short", SLICE("{}\n")), SLICE("{}\n"));
    for (int i = 0; codec_all[i]; i++) {
        slice z = packed(codec_all[i], codec_all[i]->level_default, text);
        expect_text(file_put("z", z), text);
        slice none = packed(codec_all[i], codec_all[i]->level_default, SLICE(""));
        expect_text(file_put("none", none), SLICE(""));
        slice two = joined(none, joined(z, joined(none, z)));
        expect_text(file_put("two", two), joined(text, text));
    }
}

static void test_padding(void **state)
{
    slice text = SLICE("{\"text\":\"a\"}\n");
    slice gz = packed(&codec_gzip, 6, text), xz = packed(&codec_xz, 6, text);
    char zeros[8192] = { 0 };

    (void)state;
    expect_text(file_put("gz0", joined(gz, slice_make(zeros, 1))), text);
    expect_text(file_put("gz1", joined(gz, slice_make(zeros, sizeof zeros))), text);
    expect_text(file_put("xz4", joined(xz, joined(slice_make(zeros, 8), xz))), joined(text, text));
    expect_failure(file_put("xz3", joined(xz, slice_make(zeros, 3))), ERR_DATA, "xz");
    expect_failure(file_put("gz2", joined(gz, joined(slice_make(zeros, 2), gz))), ERR_DATA,
                   "bytes after the last member");
}

static void test_trailing_garbage(void **state)
{
    slice text = SLICE("{\"text\":\"a\"}\n");
    char where[64];

    (void)state;
    for (int i = 0; codec_all[i]; i++) {
        slice z = packed(codec_all[i], codec_all[i]->level_default, text);
        snprintf(where, sizeof where, ": byte %td of the compressed file", z.len);
        const char *path = file_put("g", joined(z, SLICE("garbage after the end")));
        expect_failure(path, ERR_DATA, where);
        expect_failure(path, ERR_DATA, "bytes after the last");
    }
}

static void test_truncation_at_every_byte(void **state)
{
    slice text = SLICE("{\"text\":\"a b a b a b a b\"}\n");
    char where[64];

    (void)state;
    for (int i = 0; codec_all[i]; i++) {
        slice z = packed(codec_all[i], codec_all[i]->level_default, text);
        for (ptrdiff_t cut = 2; cut < z.len; cut++) {
            snprintf(where, sizeof where, ": ends at byte %td, in the middle of a %s", cut,
                     codec_all[i]->name);
            expect_failure(file_put("t", slice_make(z.ptr, cut)), ERR_DATA, where);
            /* The same after a whole first part: it must not pass for a complete file. */
            snprintf(where, sizeof where, ": ends at byte %td, in", z.len + cut);
            expect_failure(file_put("t", joined(z, slice_make(z.ptr, cut))), ERR_DATA, where);
        }
    }
}

static void test_flipped_bits(void **state)
{
    slice text = sample_text(300000);

    (void)state;
    for (int i = 0; codec_all[i]; i++) {
        slice z = packed(codec_all[i], codec_all[i]->level_default, text);
        int silent = 0;
        for (ptrdiff_t at = 6; at < z.len; at += z.len / 61 + 1) {
            char *bad = malloc((size_t)z.len);
            memcpy(bad, z.ptr, (size_t)z.len);
            bad[at] ^= 0x10;
            const char *path = file_put("f", slice_make(bad, z.len));
            struct in *in = open_paths(&path, 1);
            struct buf all = BUF_INIT(0);
            struct err err = { 0 };
            enum in_status end = read_all(in, 4096, &all, &err);
            /* Header bytes without a meaning (gzip's time) may change: the text may not. */
            if (end == IN_END)
                assert_true(++silent <= 2 && slice_eq(buf_slice(&all), text));
            else
                assert_int_equal(err.class, ERR_DATA);
            in_close(in);
            buf_release(&all);
            free(bad);
        }
    }
}

static void test_skippable_frames(void **state)
{
    slice text = SLICE("{}\n"), z = packed(&codec_zstd, 3, text);
    slice skip = slice_make("\x5F\x2A\x4D\x18\x03\0\0\0abc", 11);

    (void)state;
    expect_text(file_put("s1", joined(skip, z)), text);
    expect_text(file_put("s2", joined(z, joined(skip, z))), SLICE("{}\n{}\n"));
    expect_text(file_put("s3", joined(z, skip)), text);
    expect_text(file_put("s4", skip), SLICE(""));
    expect_failure(file_put("s5", joined(z, slice_make(skip.ptr, 9))), ERR_DATA, "in the middle");
}

/* A frame of a few bytes that asks for 2 GiB of window, and an xz block that asks for 512 MiB. */
static void test_memory_bombs(void **state)
{
    slice zstd = slice_make("\x28\xB5\x2F\xFD\x00\xA8\x09\x00\x00{", 10);
    slice limit = slice_make("\x28\xB5\x2F\xFD\x00\x88\x09\x00\x00{", 10); /* 2^27 is allowed */
    slice over = slice_make("\x28\xB5\x2F\xFD\x00\x89\x09\x00\x00{", 10);  /* 2^27 * 9/8 is not */

    static const char xz[] =
        "\xfd\x37\x7a\x58\x5a\x00\x00\x00\xff\x12\xd9\x41\x02\x00\x21\x01\x22\x00"
        "\x00\x00\x82\x40\xac\xdc\x01\x00\x00\x7b\x00\x00\x00\x00\x00\x01\x11\x01"
        "\xad\xa6\x58\x04\x06\x72\x9e\x7a\x01\x00\x00\x00\x00\x00\x59\x5a";

    (void)state;
    expect_failure(file_put("b0", slice_make(xz, sizeof xz - 1)), ERR_DATA,
                   "dictionary is larger than 128 MiB");
    expect_failure(file_put("b1", zstd), ERR_DATA, "window is larger than 128 MiB");
    expect_failure(file_put("b2", over), ERR_DATA, "window is larger than 128 MiB");
    expect_text(file_put("b3", limit), SLICE("{"));
}

static void test_unsupported_formats_are_named(void **state)
{
    (void)state;
    expect_failure(file_put("u1", SLICE("BZh91AY&SYxxxx")), ERR_DATA, "bzip2 is not read here");
    expect_failure(file_put("u2", SLICE("\x04\x22\x4D\x18xxx")), ERR_DATA, "lz4 is not read here");
    expect_text(file_put("u3", SLICE("BZh9 is text")), SLICE("BZh9 is text"));
}

static void test_several_inputs(void **state)
{
    slice z = packed(&codec_zstd, 3, SLICE("two"));
    struct err err = { 0 };
    struct buf all = BUF_INIT(0);
    char c[8];
    ptrdiff_t got;

    (void)state;
    const char *paths[] = { kept_path(file_put("a", SLICE("one"))),
                            kept_path(file_put("b", SLICE(""))), kept_path(file_put("c", z)),
                            kept_path(file_put("d", SLICE("3"))) };
    struct in *in = open_paths(paths, 4);
    assert_int_equal(in_raw_total(in), 3 + z.len + 1);
    assert_int_equal(in_raw_bytes(in), 0);
    assert_int_equal(in_read(in, c, 8, &got, &err), IN_DATA);
    assert_string_equal(in_name(in), paths[0]);
    assert_int_equal(in_index(in), 0);
    assert_int_equal(in_read(in, c, 8, &got, &err), IN_NEXT);
    assert_string_equal(in_name(in), paths[0]);
    assert_int_equal(read_all(in, 2, &all, &err), IN_END);
    assert_true(slice_eq(buf_slice(&all), SLICE("\1two\1"
                                                "3")));
    assert_string_equal(in_name(in), paths[3]);
    assert_int_equal(in_index(in), 3);
    assert_int_equal(in_raw_bytes(in), in_raw_total(in));
    assert_int_equal(in_read(in, c, 8, &got, &err), IN_END);
    in_close(in);
    buf_release(&all);
}

static void test_raw_mode(void **state)
{
    slice z = packed(&codec_gzip, 6, SLICE("x"));
    const char *path = file_put("r", z);
    struct err err = { 0 };
    struct buf all = BUF_INIT(0);
    struct in *in =
        in_open(&(struct in_conf){ .paths = &path, .path_count = 1, .raw = true }, &err);

    (void)state;
    assert_non_null(in);
    assert_int_equal(read_all(in, 4096, &all, &err), IN_END);
    assert_true(slice_eq(buf_slice(&all), z));
    in_close(in);
    buf_release(&all);
}

static void expect_refused(const struct in_conf *conf, enum err_class class, const char *part)
{
    struct err err = { 0 };

    assert_null(in_open(conf, &err));
    assert_int_equal(err.class, class);
    if (!strstr(err.text, part))
        fail_msg("\"%s\" does not contain \"%s\"", err.text, part);
}

static void test_refused_operands(void **state)
{
    const char *none = path_of("nothing"), *dir = test_dir;
    const char *twice[] = { "-", "-" };

    (void)state;
    expect_refused(&(struct in_conf){ .paths = &none, .path_count = 1 }, ERR_NOINPUT,
                   "no such file");
    expect_refused(&(struct in_conf){ .paths = &dir, .path_count = 1 }, ERR_NOINPUT,
                   "is a directory");
    expect_refused(&(struct in_conf){ .paths = twice, .path_count = 2 }, ERR_USAGE,
                   "named more than once");
}

static void test_files_from(void **state)
{
    struct err err = { 0 };
    struct buf all = BUF_INIT(0), list = BUF_INIT(0);
    struct in_conf conf = { 0 };

    (void)state;
    const char *a = kept_path(file_put("a", SLICE("A"))),
               *b = kept_path(file_put("b\nc", SLICE("B")));
    buf_printf(&list, "%s\n\n%s", a, a);
    conf.files_from = kept_path(file_put("list", buf_slice(&list)));
    struct in *in = in_open(&conf, &err);
    assert_non_null(in);
    assert_int_equal(read_all(in, 9, &all, &err), IN_END);
    assert_true(slice_eq(buf_slice(&all), SLICE("A\1A")));
    in_close(in);

    buf_clear(&list);
    buf_clear(&all);
    buf_append(&list, slice_make(b, slice_of(b).len + 1));
    buf_append(&list, slice_of(a));
    file_put("list", buf_slice(&list));
    expect_refused(&conf, ERR_USAGE, "NUL byte");
    conf.null_names = true;
    conf.paths = &a;
    conf.path_count = 1;
    in = in_open(&conf, &err); /* operands come first */
    assert_non_null(in);
    assert_int_equal(read_all(in, 9, &all, &err), IN_END);
    assert_true(slice_eq(buf_slice(&all), SLICE("A\1B\1A")));
    in_close(in);

    file_put("list", slice_make("x\0\0y", 4));
    expect_refused(&conf, ERR_USAGE, "name 2 is empty");
    file_put("list", SLICE("-"));
    const char *dash = "-";
    conf.paths = &dash;
    expect_refused(&conf, ERR_USAGE, "named more than once");

    expect_refused(&(struct in_conf){ .files_from = path_of("no list") }, ERR_NOINPUT,
                   "--files-from");

    /* An empty list is no input at all, not stdin. */
    file_put("list", SLICE(""));
    conf = (struct in_conf){ .files_from = conf.files_from };
    in = in_open(&conf, &err);
    assert_non_null(in);
    buf_clear(&all);
    assert_int_equal(read_all(in, 9, &all, &err), IN_END);
    assert_int_equal(all.len, 0);
    in_close(in);
    buf_release(&all);
    buf_release(&list);
}

static void test_failed_reads(void **state)
{
    slice z = packed(&codec_zstd, 1, sample_text(2 << 20));
    const char *path = kept_path(file_put("z", z)),
               *plain = kept_path(file_put("p", sample_text(99)));
    struct buf all = BUF_INIT(0);

    (void)state;
    for (int nth = 1; nth <= 2; nth++)
        for (int i = 0; i < 2; i++) {
            const char *p = i ? plain : path;
            struct err err = { 0 };
            struct in *in = open_paths(&p, 1);
            fault_set("read", nth, EIO);
            assert_int_equal(read_all(in, 4096, &all, &err), IN_FAIL);
            fault_set(NULL, 0, 0);
            assert_int_equal(err.class, ERR_IO);
            assert_int_equal(err.sys_errno, EIO);
            in_close(in);
        }
    fault_set("open", 1, EACCES);
    struct err err = { 0 };
    struct in *in = open_paths(&path, 1);
    assert_int_equal(read_all(in, 4096, &all, &err), IN_FAIL);
    fault_set(NULL, 0, 0);
    assert_int_equal(err.class, ERR_NOINPUT);
    in_close(in);
    buf_release(&all);
}

/* What a pipe holds comes at once, plain or through a decoder: nothing waits for a full buffer. */
static void test_pipe_does_not_wait(void **state)
{
    int fds[2], saved = dup(0);
    struct err err = { 0 };
    char got_bytes[100];
    ptrdiff_t got;

    (void)state;
    for (int compressed = 0; compressed < 2; compressed++) {
        assert_int_equal(pipe(fds), 0);
        assert_int_equal(dup2(fds[0], 0), 0);
        close(fds[0]);
        char target[32];
        snprintf(target, sizeof target, "/dev/fd/%d", fds[1]);
        struct out *out = out_open(&(struct out_conf){ .path = target,
                                                       .live = true,
                                                       .compress = compressed ? "zstd" : NULL },
                                   &err);
        struct in *in = in_open(&(struct in_conf){ 0 }, &err);
        assert_non_null(out);
        assert_int_equal(in_raw_total(in), -1);
        for (int round = 0; round < 3; round++) {
            if (round > 0)
                assert_false(in_ready(in));
            assert_true(out_write(out, SLICE("{}\n"), &err) && out_flush(out, &err));
            assert_true(in_ready(in));
            assert_int_equal(in_read(in, got_bytes, 100, &got, &err), IN_DATA);
            assert_int_equal(got, 3);
            assert_string_equal(in_name(in), "stdin");
        }
        assert_true(out_commit(out, &err));
        close(fds[1]);
        assert_int_equal(in_read(in, got_bytes, 100, &got, &err), IN_END);
        in_close(in);
    }
    dup2(saved, 0);
    close(saved);
}

static void test_slurp(void **state)
{
    slice text = sample_text(200000), got;
    const char *path = kept_path(file_put("s", packed(&codec_xz, 1, text)));
    struct err err = { 0 };

    (void)state;
    assert_true(in_slurp(path, 200000, &got, &err));
    assert_true(slice_eq(got, text));
    for (int i = 0; i < RECORD_PADDING; i++)
        assert_int_equal(got.ptr[got.len + i], 0);
    os_free(got);
    assert_false(in_slurp(path, 199999, &got, &err));
    assert_int_equal(err.class, ERR_DATA);
    assert_non_null(strstr(err.text, "larger than 199999 bytes"));
    assert_false(in_slurp(path_of("absent"), 10, &got, &err));
    assert_int_equal(err.class, ERR_NOINPUT);
}

static void test_names_are_shown_escaped(void **state)
{
    const char *path = kept_path(file_put("bad\x1b[31m", SLICE("\x1f\x8b\x08")));
    struct in *in = open_paths(&path, 1);
    struct err err = { 0 };
    char c;
    ptrdiff_t got;

    (void)state;
    assert_int_equal(in_read(in, &c, 1, &got, &err), IN_FAIL);
    assert_null(strchr(err.text, '\x1b'));
    assert_non_null(strstr(err.text, "bad\\x1b[31m"));
    assert_string_equal(in_name(in), path);
    in_close(in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_format_reads),
        cmocka_unit_test(test_padding),
        cmocka_unit_test(test_trailing_garbage),
        cmocka_unit_test(test_truncation_at_every_byte),
        cmocka_unit_test(test_flipped_bits),
        cmocka_unit_test(test_skippable_frames),
        cmocka_unit_test(test_memory_bombs),
        cmocka_unit_test(test_unsupported_formats_are_named),
        cmocka_unit_test(test_several_inputs),
        cmocka_unit_test(test_raw_mode),
        cmocka_unit_test(test_refused_operands),
        cmocka_unit_test(test_files_from),
        cmocka_unit_test(test_failed_reads),
        cmocka_unit_test(test_pipe_does_not_wait),
        cmocka_unit_test(test_slurp),
        cmocka_unit_test(test_names_are_shown_escaped),
    };

    return cmocka_run_group_tests(tests, folder_setup, folder_teardown);
}
