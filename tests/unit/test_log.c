/* Messages: one line each, levels, both formats, bytes that are not text. */
#include "log.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* Runs `f` with stderr in a pipe and returns what came. */
static const char *captured(void (*f)(void))
{
    static char text[8192];
    int fds[2], saved = dup(2);

    assert_int_equal(pipe(fds), 0);
    dup2(fds[1], 2);
    f();
    dup2(saved, 2);
    close(fds[1]);
    close(saved);
    ssize_t n = read(fds[0], text, sizeof text - 1);
    close(fds[0]);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

static void all_levels(void)
{
    log_error("e %d", 1);
    log_warn("w");
    log_notice("n");
    log_info("i");
    log_debug("d");
}

static void with_status(void)
{
    log_status("50 %");
    log_error("e");
    log_status_clear();
}

static void strange(void)
{
    log_error("a\"\\\n\xff\xc3\xa4");
}

static void levels_choose(void **state)
{
    (void)state;
    log_setup("tool", LOG_NOTICE, LOG_TEXT, false);
    assert_string_equal(captured(all_levels), "tool: e 1\ntool: warning: w\ntool: n\n");
    log_setup("tool", LOG_WARN, LOG_TEXT, false);
    assert_string_equal(captured(all_levels), "tool: e 1\ntool: warning: w\n");
    log_setup("tool", LOG_DEBUG, LOG_TEXT, false);
    assert_string_equal(captured(all_levels),
                        "tool: e 1\ntool: warning: w\ntool: n\ntool: i\ntool: d\n");
}

static void json_lines_are_json(void **state)
{
    (void)state;
    log_setup("tool", LOG_NOTICE, LOG_JSON, false);
    const char *line = captured(strange);
    assert_memory_equal(line, "{\"t\":", 5);
    assert_non_null(strstr(line, ",\"level\":\"error\",\"cmd\":\"tool\","
                                 "\"msg\":\"a\\\"\\\\\\u000a\xEF\xBF\xBD\xc3\xa4\"}\n"));
}

static void a_message_erases_the_status_line(void **state)
{
    (void)state;
    log_setup("tool", LOG_NOTICE, LOG_TEXT, false);
    assert_string_equal(captured(with_status), "\r\033[K50 %\r\033[Ktool: e\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_choose),
        cmocka_unit_test(json_lines_are_json),
        cmocka_unit_test(a_message_erases_the_status_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
