/* bandrows.h: band keys as lines of text, so that other programs can sort and spread them
 *
 * `dedup --near T --sign` writes a row for each band of each record:
 *
 *     KEY <TAB> ID
 *
 * KEY is 16 lower-case hexadecimal digits, ID is the record's id as JSON text (a string or a number
 * as it is written), which holds neither TAB nor newline. Sorted by bytes (LC_ALL=C sort), the rows of
 * a key are together; `dedup --pairs` keeps those of keys that at least two different ids have, and
 * `dedup --near T --resolve ROWS` decides with them.
 *
 *     struct bandrow row;
 *     if (!bandrow_parse(line, &row)) ...
 *     bandrows_each(&in_conf, visit, self, &err);      // all lines of some inputs
 *
 * bandrow_parse is pure; bandrows_each and bandrows_pairs do I/O through in.h and out.h: a driver of
 * sig/. A line that is no row is ERR_DATA "FILE:LINE: ..."; so is, for bandrows_pairs, one that is not
 * in order.
 */
#ifndef BANDROWS_H
#define BANDROWS_H

#include "../buf.h"
#include "../in.h"
#include "../out.h"
#include "../report.h"

#define BANDROWS_LINE_MAX ((ptrdiff_t)1 << 26)

struct bandrow {
    uint64_t key;
    slice id;
};

/* `line` without its newline (a CR before it is not part of it). */
bool bandrow_parse(slice line, struct bandrow *row);
/* Appends the row and a newline. */
void bandrow_append(struct buf *b, uint64_t key, slice id);

/* Calls visit for each row, in order; false ends with its error. row->id is valid during the call. */
bool bandrows_each(const struct in_conf *in,
                   bool (*visit)(void *self, const struct bandrow *, struct err *), void *self,
                   struct err *err);
bool bandrows_pairs(const struct in_conf *in, const struct out_conf *out, struct report *report,
                    struct err *err);

#endif
