/* cut.h: where the records of a stream end.
 *
 * A splitter walks over a window of a stream and names the records that lie whole in it; the rest is
 * carried into the next window. It looks at structure only (newlines, quotes, brackets); what is
 * inside a record is judged by whoever parses it. Its state says how far the current record has been
 * looked at, so growing a window for a long record is linear.
 *
 *     struct cut sp;
 *     cut_init(&sp, CUT_JSON);
 *     while ((st = cut_next(&sp, window, last, &record)) == CUT_RECORD) ...
 *     // CUT_MORE: bytes from sp.start on are the unfinished record: move them to the front of the
 *     // next window, then cut_rebase(&sp)
 *
 * Lines:  records end at "\n"; every line is a record, empty ones too; a last line needs no newline.
 * Rows:   RFC 4180: a quote opens a field only at its beginning; inside quotes "" is a quote and
 *         newlines are text; text between a closing quote and the next delimiter makes the row bad
 *         (record.bad), and the row ends at the next newline. Empty lines are no rows.
 * JSON:   any number of values one after the other; an array at top level is no record, its elements
 *         are. Broken structure (a missing comma, an array that does not end) is CUT_FAULT: nothing
 *         behind it can be trusted.
 *
 * WARC, ARC (warc.h): records by their lengths. A record whose length does not lead to the beginning
 *         of the next one is bad, only its header is given, and reading goes on at the first line
 *         behind it that can begin a record: what a wrong length swallows is found again.
 *
 * Pure. One stream per splitter.
 */
#ifndef CUT_H
#define CUT_H

#include "../base.h"

enum cut_kind { CUT_LINES, CUT_ROWS, CUT_JSON, CUT_WARC, CUT_ARC };

struct cut {
    enum cut_kind kind;
    char delimiter, quote; /* rows; quote 0: none */
    int state, depth;
    ptrdiff_t start; /* of the current record in the window */
    ptrdiff_t at;    /* looked at up to here */
    bool bad, escaped;
    int64_t end;    /* WARC: of the current record, counted like start; may lie behind the window */
    ptrdiff_t head; /* WARC: its header ends here */
    const char *fault; /* CUT_FAULT: what is wrong, static; at: where */
};

struct cut_record {
    ptrdiff_t start, len; /* without the newline, comma and white space around it */
    const char *bad;      /* rows, WARC: why it cannot be parsed, or NULL */
};

enum cut_status { CUT_RECORD, CUT_MORE, CUT_FAULT };

void cut_init(struct cut *sp, enum cut_kind kind);
/* last: the window ends the stream; then CUT_MORE means that everything has been given. */
enum cut_status cut_next(struct cut *sp, slice window, bool last, struct cut_record *r);
/* The bytes before sp->start are gone. */
void cut_rebase(struct cut *sp);

#endif
