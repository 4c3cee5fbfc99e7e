/* lineset.h: lines and paragraphs, and how much of them is repeated.
 *
 * line_next() cuts like Python: LINES_PYTHON is str.splitlines(), LINES_LF str.split("\n"),
 * LINES_LF_RUNS re.split("\n+"), LINES_PARAGRAPHS re.split("\n{2,}"). The three splits give an
 * empty last element after a separator at the end (and a text without any separator is one
 * element); splitlines does not.
 *
 *     struct line_cursor c = { .how = LINES_LF };
 *     for (slice line; line_next(&c, classes, text, &line);) ...
 *
 * Repeated elements are found by hash and compared by bytes.
 */
#ifndef LINESET_H
#define LINESET_H

#include "chars.h"

enum line_kind { LINES_PYTHON, LINES_LF, LINES_LF_RUNS, LINES_PARAGRAPHS };

struct line_cursor {
    enum line_kind how;
    ptrdiff_t at;
    bool ended;
};
bool line_next(struct line_cursor *c, const struct char_classes *classes, slice text, slice *line);

struct line_set { /* zeroed is empty; line_set_release frees */
    struct line_slot *slots;
    ptrdiff_t cap, count;
};
void line_set_clear(struct line_set *s);
/* True when an equal line was there; else adds it (the bytes are borrowed). */
bool line_set_add(struct line_set *s, slice line);
/* Of the lines that were added more than once: all copies, and their code points (or bytes). */
void line_set_repeats(const struct line_set *s, int64_t *copies, int64_t *length, bool chars);
void line_set_release(struct line_set *s);

/* Without CHAR_SPACE at the ends: str.strip(). */
slice line_strip(const struct char_classes *c, slice s);
slice line_strip_left(const struct char_classes *c, slice s);
slice line_strip_right(const struct char_classes *c, slice s);

#endif
