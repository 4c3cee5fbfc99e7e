/* split.h: where the records of a stream end.
 *
 * A splitter walks over a window of a stream and names the records that lie whole in it; the rest is
 * carried into the next window. It looks at structure only (newlines, quotes, brackets); what is
 * inside a record is judged by whoever parses it. Its state says how far the current record has been
 * looked at, so growing a window for a long record is linear.
 *
 *     struct split sp;
 *     split_init(&sp, SPLIT_JSON);
 *     while ((st = split_next(&sp, window, last, &record)) == SPLIT_RECORD) ...
 *     // SPLIT_MORE: bytes from sp.start on are the unfinished record: move them to the front of the
 *     // next window, then split_rebase(&sp)
 *
 * Lines:  records end at "\n"; every line is a record, empty ones too; a last line needs no newline.
 * Rows:   RFC 4180: a quote opens a field only at its beginning; inside quotes "" is a quote and
 *         newlines are text; text between a closing quote and the next delimiter makes the row bad
 *         (record.bad), and the row ends at the next newline. Empty lines are no rows.
 * JSON:   any number of values one after the other; an array at top level is no record, its elements
 *         are. Broken structure (a missing comma, an array that does not end) is SPLIT_FAULT: nothing
 *         behind it can be trusted.
 *
 * Pure. One stream per splitter.
 */
#ifndef SPLIT_H
#define SPLIT_H

#include "../base.h"

enum split_kind { SPLIT_LINES, SPLIT_ROWS, SPLIT_JSON };

struct split {
    enum split_kind kind;
    char delimiter, quote; /* rows; quote 0: none */
    int state, depth;
    ptrdiff_t start;       /* of the current record in the window */
    ptrdiff_t at;          /* looked at up to here */
    bool bad, escaped;
    const char *fault;     /* SPLIT_FAULT: what is wrong, static; at: where */
};

struct split_record {
    ptrdiff_t start, len;  /* without the newline, comma and white space around it */
    const char *bad;       /* rows: why the row cannot be parsed, or NULL */
};

enum split_status { SPLIT_RECORD, SPLIT_MORE, SPLIT_FAULT };

void split_init(struct split *sp, enum split_kind kind);
/* last: the window ends the stream; then SPLIT_MORE means that everything has been given. */
enum split_status split_next(struct split *sp, slice window, bool last, struct split_record *r);
/* The bytes before sp->start are gone. */
void split_rebase(struct split *sp);

#endif
