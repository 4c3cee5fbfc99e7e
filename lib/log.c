#include "log.h"

#include "buf.h"

#include <stdarg.h>
#include <errno.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static const char *log_name = "millrace";
static enum log_level log_highest = LOG_NOTICE;
static enum log_format log_as = LOG_TEXT;
static bool log_color;
static bool status_on_screen;

void log_setup(const char *name, enum log_level highest, enum log_format format, bool color)
{
    log_name = name;
    log_highest = highest;
    log_as = format;
    log_color = color;
}

bool log_shows(enum log_level level)
{
    return level <= log_highest;
}

/* The one system call outside os.c, which is a layer above. A stderr that cannot be written has
 * nobody to be told. */
static void line_out(slice line)
{
    while (line.len > 0) {
        ssize_t n = write(2, line.ptr, (size_t)line.len);
        if (n < 0 && errno != EINTR)
            return;
        line = slice_from(line, MAX(n, 0));
    }
}

static void append_json(struct buf *b, slice s)
{
    buf_append_byte(b, '"');
    for (ptrdiff_t i = 0, n; i < s.len; i += MAX(n, 1)) {
        n = utf8_length(s.ptr + i, s.len - i);
        if (n == 0)
            buf_append(b, SLICE("\xEF\xBF\xBD"));
        else if (s.ptr[i] == '"' || s.ptr[i] == '\\')
            buf_printf(b, "\\%c", s.ptr[i]);
        else if ((unsigned char)s.ptr[i] < 0x20)
            buf_printf(b, "\\u%04x", s.ptr[i]);
        else
            buf_append(b, slice_make(s.ptr + i, n));
    }
    buf_append_byte(b, '"');
}

static int64_t unix_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

ATTR_PRINTF(2, 0) static void emit(enum log_level level, const char *fmt, va_list args)
{
    static const char *const names[] = { "error", "warning", "notice", "info", "debug" };
    char text[4096];
    struct buf line = BUF_INIT(1 << 16);

    if (!log_shows(level))
        return;
    vsnprintf(text, sizeof text, fmt, args);
    if (__atomic_exchange_n(&status_on_screen, false, __ATOMIC_RELAXED))
        buf_append(&line, SLICE("\r\033[K"));
    if (log_as == LOG_JSON) {
        buf_printf(&line, "{\"t\":%lld,\"level\":\"%s\",\"cmd\":", (long long)unix_ms(),
                   names[level]);
        append_json(&line, slice_of(log_name));
        buf_append(&line, SLICE(",\"msg\":"));
        append_json(&line, slice_of(text));
        buf_append(&line, SLICE("}\n"));
    } else {
        const char *on = !log_color ? "" : level == LOG_ERROR ? "\033[31m" : "\033[33m";
        const char *off = log_color ? "\033[0m" : "";
        if (level == LOG_WARN || (log_color && level == LOG_ERROR))
            buf_printf(&line, "%s: %s%s%s%s\n", log_name, on, level == LOG_WARN ? "warning: " : "",
                       off, text);
        else
            buf_printf(&line, "%s: %s\n", log_name, text);
    }
    line_out(buf_slice(&line));
    buf_release(&line);
}

#define LOG_FUNCTION(name, level)                                                                  \
    void name(const char *fmt, ...)                                                                \
    {                                                                                              \
        va_list args;                                                                              \
        va_start(args, fmt);                                                                       \
        emit(level, fmt, args);                                                                    \
        va_end(args);                                                                              \
    }
LOG_FUNCTION(log_error, LOG_ERROR)
LOG_FUNCTION(log_warn, LOG_WARN)
LOG_FUNCTION(log_notice, LOG_NOTICE)
LOG_FUNCTION(log_info, LOG_INFO)
LOG_FUNCTION(log_debug, LOG_DEBUG)

void log_status(const char *text)
{
    struct buf line = BUF_INIT(4096);

    buf_printf(&line, "\r\033[K%s", text);
    __atomic_store_n(&status_on_screen, true, __ATOMIC_RELAXED);
    line_out(buf_slice(&line));
    buf_release(&line);
}

void log_status_clear(void)
{
    if (__atomic_exchange_n(&status_on_screen, false, __ATOMIC_RELAXED))
        line_out(SLICE("\r\033[K"));
}
