#include "io_helper.h"

#include "codec.h"
#include "in.h"
#include "out.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>

static struct out *open_out(const char *path, const char *compress)
{
    struct err err = { 0 };
    struct out *o =
        out_open(&(struct out_conf){ .path = path, .compress = compress, .force = true }, &err);

    if (!o)
        fail_msg("%s", err.text);
    return o;
}

static void must(bool ok, const struct err *err)
{
    if (!ok)
        fail_msg("%s", err->text);
}

/* Writes `text` in pieces whose sizes come from `seed` (0: at once), flushing now and then. */
static void write_cut(struct out *o, slice text, uint32_t seed)
{
    struct err err = { 0 };

    while (text.len > 0) {
        slice parts[3];
        int count = 0;
        for (; count < 3 && text.len > 0; count++) {
            seed = seed ? seed * 1664525 + 1013904223 : 0;
            ptrdiff_t n = seed ? 1 + (seed >> 8) % (seed & 64 ? 300000 : 900) : text.len;
            parts[count] = slice_make(text.ptr, MIN(n, text.len));
            text = slice_from(text, parts[count].len);
        }
        must(out_writev(o, parts, count, &err), &err);
        if (seed & 128)
            must(out_flush(o, &err), &err);
    }
}

static void test_bytes_do_not_depend_on_the_cuts(void **state)
{
    static const char *const how[] = { "none", "zstd", "zstd:1", "gzip", "gzip:9", "xz:1", "" };
    static const ptrdiff_t sizes[] = { 0, 1, 131071, 131072, 131073, 262144, 1500000 };

    (void)state;
    for (int c = 0; c < countof(how); c++)
        for (int s = 0; s < countof(sizes); s++) {
            slice text = sample_text(sizes[s]), first = { 0 }, back;
            struct err err = { 0 };
            for (uint32_t seed = 0; seed < 4; seed++) {
                const char *path = path_of("cut");
                struct out *o = open_out(path, how[c]);
                write_cut(o, text, seed * 77);
                assert_int_equal(out_bytes(o), text.len);
                must(out_commit(o, &err), &err);
                slice bytes = file_get(path);
                if (seed == 0)
                    first = bytes;
                assert_true(slice_eq(bytes, first));
            }
            must(in_slurp(path_of("cut"), 1 << 22, &back, &err), &err);
            assert_true(slice_eq(back, text));
            os_free(back);
        }
}

static void test_suffix_chooses(void **state)
{
    static const char *const suffix[] = { "x.zst", "x.gz", "x.xz", "x.jsonl" };
    struct err err = { 0 };

    (void)state;
    for (int i = 0; i < 4; i++) {
        const char *path = path_of(suffix[i]);
        struct out *o = open_out(path, NULL);
        must(out_write(o, SLICE("text"), &err), &err);
        must(out_commit(o, &err), &err);
        slice bytes = file_get(path);
        for (int k = 0; codec_all[k]; k++)
            assert_int_equal(codec_all[k]->detect(bytes) == 1, k == i);
    }
    const char *plain = path_of("y.zst");
    struct out *o = open_out(plain, "none");
    must(out_write(o, SLICE("text"), &err), &err);
    must(out_commit(o, &err), &err);
    assert_true(slice_eq(file_get(plain), SLICE("text")));
    assert_null(out_open(&(struct out_conf){ .path = path_of("x.bz2") }, &err));
    assert_int_equal(err.class, ERR_USAGE);
}

static void test_compress_texts(void **state)
{
    static const char *const good[] = { "zstd", "zstd:1", "zstd:22", "gzip:9", "xz:0", "none", "" };
    static const char *const bad[] = { "zst",      "zstd:", "zstd:0",  "zstd:23",
                                       "gzip:10",  "xz:-1", "zstd:3x", "none:1",
                                       "zstd:003", "bzip2", "Zstd" };
    struct err err = { 0 };

    (void)state;
    assert_true(out_compress_check(NULL, &err));
    for (int i = 0; i < countof(good); i++)
        assert_true(out_compress_check(good[i], &err));
    for (int i = 0; i < countof(bad); i++) {
        assert_false(out_compress_check(bad[i], &err));
        assert_int_equal(err.class, ERR_USAGE);
    }
}

static void test_nothing_appears_before_commit(void **state)
{
    struct err err = { 0 };
    const char *path = kept_path(path_of("target"));

    (void)state;
    file_put("target", SLICE("old"));
    int files = files_in_folder();
    struct out *o = open_out(path, NULL);
    must(out_write(o, SLICE("new"), &err) && out_flush(o, &err), &err);
    assert_true(slice_eq(file_get(path), SLICE("old")));
    out_abort(o);
    assert_int_equal(files_in_folder(), files);
    assert_true(slice_eq(file_get(path), SLICE("old")));

    assert_null(out_open(&(struct out_conf){ .path = path }, &err));
    assert_int_equal(err.class, ERR_CANTCREAT);
    assert_non_null(strstr(err.text, "--force"));
    assert_null(out_open(&(struct out_conf){ .path = test_dir, .force = true }, &err));
    assert_int_equal(err.class, ERR_CANTCREAT);
    assert_null(out_open(&(struct out_conf){ .path = path_of("no/folder") }, &err));
    assert_int_equal(err.class, ERR_CANTCREAT);
    out_abort(NULL);
}

static void test_failures_leave_no_temporary(void **state)
{
    static const struct {
        const char *call;
        enum err_class class;
    } row[] = { { "open", ERR_CANTCREAT },
                { "write", ERR_IO },
                { "fsync", ERR_IO },
                { "close", ERR_IO },
                { "rename", ERR_CANTCREAT } };
    static const char *const how[] = { "none", "zstd:1", "gzip:1", "xz:0" };
    const char *path = kept_path(path_of("fails"));
    slice text = sample_text(1 << 20);
    int files = files_in_folder();

    (void)state;
    for (int c = 0; c < countof(how); c++)
        for (int i = 0; i < countof(row); i++) {
            struct err err = { 0 };
            int nth = 0, failed;
            do {
                fault_set(row[i].call, ++nth, ENOSPC);
                struct out *o =
                    out_open(&(struct out_conf){ .path = path, .compress = how[c] }, &err);
                bool ok = o != NULL;
                for (int k = 0; ok && k < 16; k++)
                    ok = out_write(o, slice_make(text.ptr + k * 65536, 65536), &err);
                if (o && ok)
                    ok = out_commit(o, &err);
                else
                    out_abort(o);
                failed = fault_seen >= nth;
                fault_set(NULL, 0, 0);
                assert_int_equal(ok, !failed);
                /* The folder is opened for its fsync after the rename: the file is whole then. */
                bool published = access(path, F_OK) == 0;
                if (!ok && !published)
                    assert_int_equal(err.class, row[i].class);
                if (published) {
                    slice back;
                    must(in_slurp(path, 1 << 22, &back, &err), &err);
                    assert_true(slice_eq(back, text));
                    os_free(back);
                    unlink(path);
                } else {
                    assert_false(ok);
                }
                assert_int_equal(files_in_folder(), files);
            } while (failed);
            assert_true(nth > 1);
        }
}

static void test_dev_full(void **state)
{
    static const char *const how[] = { "none", "zstd", "gzip", "xz:0" };

    (void)state;
    for (int i = 0; i < countof(how); i++) {
        struct err err = { 0 };
        struct out *o = open_out("/dev/full", how[i]);
        assert_true(out_write(o, SLICE("small"), &err));
        assert_false(out_commit(o, &err));
        assert_int_equal(err.class, ERR_IO);
        assert_int_equal(err.sys_errno, ENOSPC);
        assert_non_null(strstr(err.text, "/dev/full"));
    }
    struct stat st;
    assert_true(stat("/dev/full", &st) == 0 && S_ISCHR(st.st_mode));
    struct err err = { 0 };
    struct out *o = open_out("/dev/null", NULL);
    must(out_write(o, SLICE("x"), &err), &err);
    must(out_commit(o, &err), &err);
    assert_true(stat("/dev/null", &st) == 0 && S_ISCHR(st.st_mode));
}

static void test_closed_pipe(void **state)
{
    int fds[2];
    char target[32];
    struct err err = { 0 };

    (void)state;
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe(fds), 0);
    snprintf(target, sizeof target, "/dev/fd/%d", fds[1]);
    struct out *o = open_out(target, NULL);
    close(fds[1]);
    close(fds[0]);
    assert_true(out_write(o, SLICE("x"), &err));
    assert_false(out_flush(o, &err));
    assert_int_equal(err.class, ERR_PIPE);
    out_abort(o);
}

/* Every write(2) ends where a call ended, so whole lines stay whole when files are appended to: a
 * packet of a SEQPACKET socket is one write. */
static void test_calls_are_not_cut(void **state)
{
    static char got[1 << 19];
    int fds[2], saved = dup(1), size = 1 << 20, writes = 0;
    ptrdiff_t total = 0;
    struct err err = { 0 };
    struct buf line = BUF_INIT(0);

    (void)state;
    for (int i = 0; i < 2999; i++)
        buf_append_byte(&line, 'x');
    buf_append_byte(&line, '\n');
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
    assert_int_equal(setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof size), 0);
    fflush(stdout);
    assert_int_equal(dup2(fds[1], 1), 1);
    close(fds[1]);
    struct out *o = open_out("-", NULL);
    bool ok = true;
    for (int i = 0; i < 90; i++)
        ok = ok && out_write(o, buf_slice(&line), &err);
    ok = ok && out_commit(o, &err);
    dup2(saved, 1);
    close(saved);
    must(ok, &err);
    for (ssize_t n; (n = read(fds[0], got, sizeof got)) > 0; writes++, total += n)
        assert_int_equal(n % 3000, 0);
    assert_int_equal(total, 90 * 3000);
    assert_int_equal(writes, 2);
    close(fds[0]);
    buf_release(&line);
}

static void test_large_parts_are_not_copied(void **state)
{
    /* 64 MiB through one writev: with a copy the buffer of 256 KiB would need 256 writes. */
    slice big = sample_text(64 << 20);
    slice parts[] = { SLICE("head "), big, SLICE(" tail") };
    struct err err = { 0 };
    const char *path = path_of("big");
    struct out *o = open_out(path, NULL);

    (void)state;
    must(out_write(o, SLICE("first "), &err), &err);
    fault_set("write", 1000, EIO);
    must(out_writev(o, parts, 3, &err), &err);
    assert_in_range(fault_seen, 2, 4);
    fault_set(NULL, 0, 0);
    must(out_commit(o, &err), &err);
    slice back = file_get(path);
    assert_int_equal(back.len, 6 + 5 + big.len + 5);
    assert_true(slice_starts(back, SLICE("first head {\"id\"")) &&
                slice_ends(back, SLICE(" tail")));
}

static void test_stdout_is_named(void **state)
{
    struct err err = { 0 };
    struct out *o = open_out("-", NULL), *p = open_out(NULL, NULL);

    (void)state;
    assert_string_equal(out_name(o), "stdout");
    assert_string_equal(out_name(p), "stdout");
    out_abort(o);
    must(out_commit(p, &err), &err);
    assert_int_equal(fcntl(1, F_GETFD) >= 0, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_do_not_depend_on_the_cuts),
        cmocka_unit_test(test_suffix_chooses),
        cmocka_unit_test(test_compress_texts),
        cmocka_unit_test(test_nothing_appears_before_commit),
        cmocka_unit_test(test_failures_leave_no_temporary),
        cmocka_unit_test(test_dev_full),
        cmocka_unit_test(test_closed_pipe),
        cmocka_unit_test(test_calls_are_not_cut),
        cmocka_unit_test(test_large_parts_are_not_copied),
        cmocka_unit_test(test_stdout_is_named),
    };

    return cmocka_run_group_tests(tests, folder_setup, folder_teardown);
}
