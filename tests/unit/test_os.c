/* The system calls: classes of failure, temporaries that leave nothing behind, stopping, children.
 */
#include "buf.h"
#include "os.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[] = "/tmp/test_os.XXXXXX";

static const char *in_dir(const char *name)
{
    static char path[4][256];
    static int turn;
    char *p = path[turn++ % 4];

    snprintf(p, 256, "%s/%s", dir, name);
    return p;
}

/* Fails the nth call of one kind. */
static const char *fault_call;
static int fault_nth, fault_errno, fault_seen;

static int fault_hook(const char *call)
{
    return strcmp(call, fault_call) == 0 && ++fault_seen == fault_nth ? fault_errno : 0;
}

static void fault_set(const char *call, int nth, int error)
{
    fault_call = call;
    fault_nth = nth;
    fault_errno = error;
    fault_seen = 0;
    os_fault = call ? fault_hook : NULL;
}

static ptrdiff_t files_left(void)
{
    struct os_entry *list;
    ptrdiff_t n;

    assert_true(os_list_dir(dir, &list, &n, NULL));
    os_list_free(list, n);
    return n;
}

static void missing_files_are_no_input(void **state)
{
    struct err err = { 0 };

    (void)state;
    assert_int_equal(os_open_read(in_dir("none"), &err), -1);
    assert_int_equal(err.class, ERR_NOINPUT);
    assert_non_null(strstr(err.text, "no such file"));
    assert_int_equal(os_open_read(dir, &err), -1);
    assert_int_equal(err.class, ERR_NOINPUT);
    slice s;
    assert_false(os_slurp(in_dir("none"), 10, &s, &err));
    assert_int_equal(err.class, ERR_NOINPUT);
}

static void writes_say_disk_full_and_pipe(void **state)
{
    struct err err = { 0 };
    int fds[2];
    int full = os_open_write("/dev/full", true, false, &err);

    (void)state;
    assert_true(full >= 0);
    assert_false(os_write_all(full, "full", SLICE("x"), &err));
    assert_int_equal(err.class, ERR_IO);
    slice parts[] = { SLICE("a"), SLICE("b") };
    assert_false(os_writev_all(full, "full", parts, 2, &err));
    assert_int_equal(err.class, ERR_IO);
    os_close_quiet(full);
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe(fds), 0);
    close(fds[0]);
    assert_false(os_write_all(fds[1], "pipe", SLICE("x"), &err));
    assert_int_equal(err.class, ERR_PIPE);
    close(fds[1]);
}

static void writev_takes_many_parts(void **state)
{
    slice parts[1000];
    struct err err;
    slice got;
    const char *path = in_dir("many");
    int fd = os_open_write(path, false, false, &err);

    (void)state;
    for (int i = 0; i < 1000; i++)
        parts[i] = i % 3 ? SLICE("abc") : SLICE("");
    assert_true(os_writev_all(fd, path, parts, 1000, &err));
    os_close_quiet(fd);
    assert_true(os_slurp(path, 10000, &got, &err));
    assert_int_equal(got.len, 666 * 3);
    os_free(got);
    assert_false(os_slurp(path, 100, &got, &err));
    assert_int_equal(err.class, ERR_CONFIG);
    assert_int_equal(os_open_write(path, false, false, &err), -1);
    assert_int_equal(err.class, ERR_CANTCREAT);
    assert_true(os_unlink(path, &err));
}

static void temporaries_appear_whole_or_not_at_all(void **state)
{
    static const struct {
        const char *call;
        int nth, error;
        enum err_class class;
    } faults[] = {
        { "open", 1, EACCES, ERR_CANTCREAT }, { "fsync", 1, EIO, ERR_IO },
        { "close", 1, EIO, ERR_IO },          { "rename", 1, EIO, ERR_CANTCREAT },
        { "write", 1, ENOSPC, ERR_IO },
    };
    struct os_temp t;
    struct err err;
    const char *target = in_dir("target");

    (void)state;
    for (ptrdiff_t i = 0; i < countof(faults); i++) {
        fault_set(faults[i].call, faults[i].nth, faults[i].error);
        bool ok = os_temp_create(&t, target, false, &err);
        if (ok && !(ok = os_write_all(t.fd, target, SLICE("x"), &err)))
            os_temp_discard(&t);
        else if (ok)
            ok = os_temp_commit(&t, &err);
        fault_set(NULL, 0, 0);
        assert_false(ok);
        assert_int_equal(err.class, faults[i].class);
        assert_int_equal(files_left(), 0);
    }
    assert_true(os_temp_create(&t, target, false, &err));
    assert_true(os_write_all(t.fd, target, SLICE("x"), &err));
    assert_int_not_equal(access(target, F_OK), 0);
    assert_true(os_temp_commit(&t, &err));
    assert_int_equal(access(target, F_OK), 0);
    assert_int_equal(files_left(), 1);
    assert_false(os_temp_create(&t, target, false, &err));
    assert_int_equal(err.class, ERR_CANTCREAT);
    assert_non_null(strstr(err.text, "--force"));
    assert_true(os_temp_create(&t, target, true, &err));
    os_temp_unlink_all();
    assert_int_equal(files_left(), 1);
    os_temp_discard(&t);
    assert_true(os_unlink(target, &err));
}

static void a_lock_is_held_once(void **state)
{
    struct err err;
    const char *path = in_dir("lock");
    int fd = os_lock(path, &err);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(os_lock(path, &err), -1);
    assert_int_equal(err.class, ERR_TEMPFAIL);
    os_close_quiet(fd);
    fd = os_lock(path, &err);
    assert_true(fd >= 0);
    os_close_quiet(fd);
    os_unlink(path, NULL);
}

static void folders_list_in_byte_order(void **state)
{
    static const char *const names[] = { "b", "B", "a", "\xc3\xa4", "10", "9" };
    struct os_entry *list;
    struct err err;
    ptrdiff_t n;
    bool existed;

    (void)state;
    for (int i = 0; i < 6; i++)
        os_close_quiet(os_open_write(in_dir(names[i]), false, false, &err));
    assert_true(os_mkdir(in_dir("sub"), &existed, &err));
    assert_false(existed);
    assert_true(os_mkdir(in_dir("sub"), &existed, &err));
    assert_true(existed);
    assert_int_equal(symlink("nowhere", in_dir("link")), 0);
    assert_true(os_list_dir(dir, &list, &n, &err));
    assert_int_equal(n, 8);
    for (ptrdiff_t i = 1; i < n; i++)
        assert_true(strcmp(list[i - 1].name, list[i].name) < 0);
    assert_string_equal(list[0].name, "10");
    assert_true(list[6].is_dir && strcmp(list[6].name, "sub") == 0);
    assert_true(list[5].is_link && !list[5].is_file);
    os_list_free(list, n);
    for (int i = 0; i < 6; i++)
        os_unlink(in_dir(names[i]), NULL);
    os_unlink(in_dir("link"), NULL);
    rmdir(in_dir("sub"));
    assert_false(os_list_dir(in_dir("none"), &list, &n, &err));
    assert_int_equal(err.class, ERR_NOINPUT);
}

static void reads_name_where_a_file_ends(void **state)
{
    struct err err;
    char bytes[8];
    const char *path = in_dir("short");
    int fd = os_open_write(path, false, false, &err);

    (void)state;
    os_write_all(fd, path, SLICE("12345"), &err);
    os_close_quiet(fd);
    fd = os_open_read(path, &err);
    assert_true(os_pread_full(fd, path, bytes, 3, 2, &err));
    assert_memory_equal(bytes, "345", 3);
    assert_false(os_pread_full(fd, path, bytes, 4, 2, &err));
    assert_int_equal(err.class, ERR_DATA);
    assert_non_null(strstr(err.text, "ends at byte 5"));
    os_close_quiet(fd);
    slice map;
    assert_true(os_map(path, &map, &err));
    assert_true(slice_eq(map, SLICE("12345")));
    os_unmap(map);
    fault_set("read", 1, EIO);
    assert_false(os_slurp(path, 100, &map, &err));
    assert_int_equal(err.class, ERR_IO);
    fault_set(NULL, 0, 0);
    os_unlink(path, NULL);
}

static void children_are_measured(void **state)
{
    static const char *const good[] = { "sh", "-c", "exit 3", NULL };
    static const char *const killed[] = { "sh", "-c", "kill -9 $$", NULL };
    static const char *const env[] = { "MILLRACE_TEST=yes", NULL };
    static const char *const asks[] = { "sh", "-c", "test \"$MILLRACE_TEST\" = yes", NULL };
    static const char *const none[] = { "/no/such/command", NULL };
    struct os_usage u;
    struct err err;

    (void)state;
    assert_true(os_run(&(struct os_spawn){ .argv = good }, &u, &err));
    assert_int_equal(u.exit_code, 3);
    assert_true(u.wall_ns > 0 && u.max_rss_bytes > 0);
    assert_true(os_run(&(struct os_spawn){ .argv = killed }, &u, &err));
    assert_int_equal(u.exit_code, 128 + 9);
    assert_true(os_run(&(struct os_spawn){ .argv = asks, .env_add = env }, &u, &err));
    assert_int_equal(u.exit_code, 0);
    assert_false(os_run(&(struct os_spawn){ .argv = none }, &u, &err));
    assert_int_equal(err.class, ERR_CHILD);
}

static void stopping_wakes_a_waiting_read(void **state)
{
    struct err err = { 0 };
    char byte;
    int fds[2];

    (void)state;
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(os_stopped(), 0);
    assert_false(os_wait_readable(fds[0], 0));
    os_stop(15);
    assert_int_equal(os_stopped(), 15);
    assert_int_equal(os_read(fds[0], "pipe", &byte, 1, &err), -1);
    assert_int_equal(err.class, ERR_STOP);
    close(fds[0]);
    close(fds[1]);
}

static void a_child_is_driven_through_pipes(void **state)
{
    const char *const cat[] = { "cat", NULL }, *const none[] = { "/nonexistent/command", NULL };
    const char *const gone[] = { "sh", "-c", "exec <&-; sleep 5", NULL };
    static char sent[1 << 20], got[sizeof sent + 1];
    ptrdiff_t wrote = 0, read = 0;
    struct os_child c;
    struct os_usage usage = { 0 };
    struct err err = { 0 };
    bool end = false;

    (void)state;
    for (size_t i = 0; i < sizeof sent; i++)
        sent[i] = (char)(i * 7 + i / 251);
    assert_true(os_child_start(&c, &(struct os_spawn){ .argv = cat }, &err));
    assert_int_equal(os_child_poll(&c, false, os_now_ns() + 1000000), 0);
    while (!end) {
        unsigned ready = os_child_poll(&c, wrote < (ptrdiff_t)sizeof sent, -1);
        assert_int_not_equal(ready, 0);
        if (ready & OS_CHILD_WRITABLE) {
            ptrdiff_t n =
                os_child_write(&c, slice_make(sent + wrote, (ptrdiff_t)sizeof sent - wrote), &err);
            assert_true(n >= 0);
            wrote += n;
            if (wrote == (ptrdiff_t)sizeof sent)
                os_child_close_input(&c);
        }
        if (ready & OS_CHILD_READABLE) {
            ptrdiff_t n = os_child_read(&c, got + read, (ptrdiff_t)sizeof got - read, &end, &err);
            assert_true(n >= 0);
            read += n;
        }
    }
    assert_int_equal(read, sizeof sent);
    assert_memory_equal(sent, got, sizeof sent);
    assert_true(os_child_finish(&c, &usage, &err));
    assert_int_equal(usage.exit_code, 0);

    assert_false(os_child_start(&c, &(struct os_spawn){ .argv = none }, &err));
    assert_int_equal(err.class, ERR_CHILD);
    assert_true(os_child_start(&c, &(struct os_spawn){ .argv = gone }, &err));
    signal(SIGPIPE, SIG_IGN);
    ptrdiff_t n;
    do
        n = os_child_write(&c, slice_make(sent, 65536), &err);
    while (n >= 0);
    assert_int_equal(err.class, ERR_CHILD);
    os_child_kill(&c, SIGKILL);
    assert_true(os_child_finish(&c, &usage, &err));
    assert_int_equal(usage.exit_code, 128 + SIGKILL);
}

static void the_machine_has_cpus(void **state)
{
    struct os_stat st;
    struct err err;
    int64_t bytes;

    (void)state;
    assert_true(os_cpu_count() >= 1);
    assert_true(os_peak_rss_bytes() > 0);
    assert_true(os_free_bytes("/tmp", &bytes, &err) && bytes > 0);
    assert_true(os_stat(in_dir("none"), &st, &err));
    assert_false(st.exists);
    int fd = os_temp_anonymous(&err);
    assert_true(fd >= 0);
    os_close_quiet(fd);
    assert_int_equal(files_left(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(missing_files_are_no_input),
        cmocka_unit_test(writes_say_disk_full_and_pipe),
        cmocka_unit_test(writev_takes_many_parts),
        cmocka_unit_test(temporaries_appear_whole_or_not_at_all),
        cmocka_unit_test(a_lock_is_held_once),
        cmocka_unit_test(folders_list_in_byte_order),
        cmocka_unit_test(reads_name_where_a_file_ends),
        cmocka_unit_test(children_are_measured),
        cmocka_unit_test(a_child_is_driven_through_pipes),
        cmocka_unit_test(the_machine_has_cpus),
        cmocka_unit_test(stopping_wakes_a_waiting_read), /* last: a process stops once */
    };

    if (!mkdtemp(dir))
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(dir);
    return failed;
}
