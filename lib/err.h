/* err.h: how a library function says what went wrong.
 *
 * A function that can fail returns bool (or a pointer) and takes a `struct err *` as its last
 * argument, filled only on failure. The class is the exit code that the process will end with
 * (the table in millrace.7); the text is one line: lower case, no full stop, the subject quoted,
 * what to do next where that helps, without the tool's name (app.c puts it in front).
 *
 *     if (!json_parse(...))
 *         return err_set(err, ERR_CONFIG, "%s: byte %td: %s", path, at, what);
 *
 * Bytes of the input never go into a message raw: err_quote() escapes them.
 */
#ifndef ERR_H
#define ERR_H

#include "base.h"

enum err_class {
    ERR_NONE = 0,
    ERR_FINDING = 1,    /* a negative finding: check failed, regression, too many bad records */
    ERR_USAGE = 2,      /* options */
    ERR_DATA = 65,      /* bad data, corrupt compressed input */
    ERR_NOINPUT = 66,   /* input missing or unreadable */
    ERR_CHILD = 69,     /* a command that the tool ran failed */
    ERR_BUG = 70,       /* broken invariant */
    ERR_OS = 71,        /* memory, threads */
    ERR_CANTCREAT = 73, /* cannot create output */
    ERR_IO = 74,        /* I/O error, disk full, failed close */
    ERR_TEMPFAIL = 75,  /* lock held, not enough data: try again */
    ERR_CONFIG = 78,    /* bad model, tokenizer, index or manifest file */
    ERR_PIPE = 141,     /* the reader of stdout has gone: a quiet stop */
    ERR_STOP =
        143, /* SIGINT or SIGTERM asked us to stop: temporaries go, the signal is re-raised */
};

struct err {
    enum err_class class;
    int sys_errno; /* 0 when no system call failed */
    char text[1024];
};

/* Both return false, so that a function can end with `return err_set(...)`. err may be NULL. */
bool err_set(struct err *err, enum err_class class, const char *fmt, ...) ATTR_PRINTF(3, 4);
/* Appends ": " and the system's text for `sys_errno`. */
bool err_sys(struct err *err, enum err_class class, int sys_errno, const char *fmt, ...)
    ATTR_PRINTF(4, 5);
/* Puts "context: " in front of the text that is there. Returns false. */
bool err_context(struct err *err, const char *fmt, ...) ATTR_PRINTF(2, 3);

/* `s` in single quotes with control bytes and bytes >= 0x80 that are not UTF-8 escaped as \xNN, cut
 * to fit with "..."; always NUL-terminated. Returns dst, so it can stand in an argument list. */
const char *err_quote(char *dst, ptrdiff_t size, slice s);
#define ERR_QUOTE(s) err_quote((char[96]){ 0 }, 96, (s))

#endif
