#include "err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static void (*fatal_handler)(int exit_code, const char *text);

static const struct mem_big *big;

void base_set_big(const struct mem_big *hook)
{
    big = hook;
}

void *mem_big_new(size_t bytes)
{
    void *p = big ? big->alloc(bytes) : calloc(bytes, 1);

    if (!p)
        mem_oom();
    return p;
}

void mem_big_free(void *p, size_t bytes)
{
    if (big)
        big->free(p, bytes);
    else
        free(p);
}

void base_set_fatal(void (*handler)(int exit_code, const char *text))
{
    fatal_handler = handler;
}

void bug(const char *file, int line, const char *what)
{
    char text[256];

    snprintf(text, sizeof text, "bug: %s:%d: %s", file, line, what);
    if (fatal_handler)
        fatal_handler(ERR_BUG, text);
    fprintf(stderr, "%s\n", text);
    abort();
}

void mem_oom(void)
{
    if (fatal_handler)
        fatal_handler(ERR_OS, "out of memory");
    abort();
}

bool err_set(struct err *err, enum err_class class, const char *fmt, ...)
{
    va_list args;

    if (!err)
        return false;
    err->class = class;
    err->sys_errno = 0;
    va_start(args, fmt);
    vsnprintf(err->text, sizeof err->text, fmt, args);
    va_end(args);
    return false;
}

bool err_sys(struct err *err, enum err_class class, int sys_errno, const char *fmt, ...)
{
    va_list args;

    if (!err)
        return false;
    err->class = class;
    err->sys_errno = sys_errno;
    va_start(args, fmt);
    vsnprintf(err->text, sizeof err->text, fmt, args);
    va_end(args);
    size_t n = strlen(err->text);
    char why[128];
    /* Lower-case like the rest of the line; strerrordesc_np is untranslated and thread-safe. */
    const char *desc = strerrordesc_np(sys_errno);
    snprintf(why, sizeof why, "%s", desc ? desc : "unknown error");
    if (why[0] >= 'A' && why[0] <= 'Z' && !(why[1] >= 'A' && why[1] <= 'Z'))
        why[0] = (char)(why[0] - 'A' + 'a');
    snprintf(err->text + n, sizeof err->text - n, ": %s", why);
    return false;
}

bool err_context(struct err *err, const char *fmt, ...)
{
    char old[sizeof err->text];
    va_list args;

    if (!err)
        return false;
    memcpy(old, err->text, sizeof old);
    va_start(args, fmt);
    vsnprintf(err->text, sizeof err->text, fmt, args);
    va_end(args);
    size_t n = strlen(err->text);
    snprintf(err->text + n, sizeof err->text - n, ": %s", old);
    return false;
}

const char *err_quote(char *dst, ptrdiff_t size, slice s)
{
    static const char hex[] = "0123456789abcdef";
    ptrdiff_t at = 0, i = 0;

    ASSERT(size >= 16);
    dst[at++] = '\'';
    while (i < s.len) {
        const unsigned char *p = (const unsigned char *)s.ptr + i;
        int n = utf8_length(s.ptr + i, s.len - i);
        bool raw = n > 1 || (n == 1 && p[0] >= 0x20 && p[0] != 0x7F);
        if (at + (raw ? n : 4) > size - 6) {
            memcpy(dst + at, "...", 3);
            at += 3;
            break;
        }
        if (raw) {
            memcpy(dst + at, p, (size_t)n);
            at += n;
            i += n;
        } else {
            memcpy(dst + at, (char[]){ '\\', 'x', hex[p[0] >> 4], hex[p[0] & 15] }, 4);
            at += 4;
            i++;
        }
    }
    dst[at++] = '\'';
    dst[at] = '\0';
    return dst;
}
