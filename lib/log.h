/* log.h: the one way to stderr.
 *
 * Every message is one line written by one write(2), so lines of several processes never mix.
 * Text: `dedup: corpus.jsonl:12: byte 57: unterminated string`; `--log-format json`: one object
 * per line {"t":unix_ms,"level":"error","cmd":"dedup","msg":"..."}.
 * error and warn are always shown; notice unless -q; info with -v; debug with -vv.
 * Thread-safe after log_setup. Nothing here touches stdout.
 */
#ifndef LOG_H
#define LOG_H

#include "base.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_NOTICE, LOG_INFO, LOG_DEBUG };
enum log_format { LOG_TEXT, LOG_JSON };

/* name: how the tool was invoked; borrowed for the life of the process. */
void log_setup(const char *name, enum log_level highest, enum log_format format, bool color);
bool log_shows(enum log_level level);

void log_error(const char *fmt, ...) ATTR_PRINTF(1, 2);
void log_warn(const char *fmt, ...) ATTR_PRINTF(1, 2);
void log_notice(const char *fmt, ...) ATTR_PRINTF(1, 2);
void log_info(const char *fmt, ...) ATTR_PRINTF(1, 2);
void log_debug(const char *fmt, ...) ATTR_PRINTF(1, 2);

/* The progress line: replaced by the next one, erased before a message. Text only, tty only. */
void log_status(const char *line);
void log_status_clear(void);

#endif
