#include "io_helper.h"

#include "progress.h"

#include <fcntl.h>

static void test_format(void **state)
{
    struct progress_state s = {
        .in = 1204331, .out = 1101220, .bytes_in = 812000000, .raw_bytes = 37, .raw_total = 100
    };
    char line[320];

    (void)state;
    assert_string_equal(progress_format(line, sizeof line, &s, 1000000000),
                        "1,204,331 in, 1,101,220 out, 812 MB/s, 37 %, 0:02 left");
    assert_string_equal(progress_format(line, sizeof line, &s, 999999999),
                        "1,204,331 in, 1,101,220 out, 812 MB/s, 37 %");
    s.raw_total = -1;
    s.dropped = 1000;
    s.rejected = 999;
    assert_string_equal(progress_format(line, sizeof line, &s, 1000000000000),
                        "1,204,331 in, 1,101,220 out, 1,000 dropped, 999 rejected, 0.8 MB/s");
    s = (struct progress_state){ .in = 1, .raw_bytes = 1, .raw_total = 5000 };
    assert_non_null(strstr(progress_format(line, sizeof line, &s, 1000000000), "1:23:19 left"));
    s.raw_bytes = 6000; /* the file grew */
    assert_non_null(strstr(progress_format(line, sizeof line, &s, 1000000000), "100 %, 0:00 left"));
    assert_string_equal(progress_format(line, 5, &s, 0), "1 in");
}

/* What lands on stderr while `calls` updates are made. */
static slice stderr_of(bool shown, volatile int *request, int calls)
{
    const char *path = path_of("stderr");
    int saved = dup(2), fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    struct progress p;
    struct progress_state s = { .in = 5, .raw_total = -1 };

    dup2(fd, 2);
    close(fd);
    progress_init(&p, shown, request);
    for (int i = 0; i < calls; i++) {
        progress_update(&p, &s);
        if (i % 10 == 9)
            usleep(10000);
    }
    progress_end(&p);
    dup2(saved, 2);
    close(saved);
    return file_get(path);
}

static void test_rate_and_silence(void **state)
{
    volatile int request = 1;

    (void)state;
    assert_int_equal(stderr_of(false, NULL, 100).len, 0);
    slice text = stderr_of(true, NULL, 500); /* at least half a second */
    int lines = 0;
    for (const char *p = text.ptr; (p = strstr(p, "5 in")); p++)
        lines++;
    assert_in_range(lines, 1, 20);
    assert_true(slice_ends(text, SLICE("\r\033[K")));
    /* SIGUSR1: one line, once, also when progress is not shown. */
    text = stderr_of(false, &request, 20);
    assert_int_equal(request, 0);
    assert_non_null(strstr(text.ptr, "millrace: 5 in, 0 out"));
    assert_int_equal(slice_find(text, '\n'), text.len - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_rate_and_silence),
    };

    return cmocka_run_group_tests(tests, folder_setup, folder_teardown);
}
