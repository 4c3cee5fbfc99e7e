/* warc.h: records of web archives: WARC (ISO 28500, 1.0 and 1.1) and the older ARC.
 *
 * warc_frame says how long the record at the front of some bytes is; warc_open takes one apart: the
 * named fields, and for HTTP responses the message inside. Nothing is copied but what has to be
 * decoded.
 *
 *     WARC  "WARC/1.0\r\n" field lines, empty line, Content-Length bytes, "\r\n\r\n"
 *     ARC   "URL IP DATE TYPE LENGTH\n", LENGTH bytes, "\n"; the first is a filedesc record
 *
 * Lines may end in "\n" alone. Pure and thread-safe; a file that lies about lengths costs its record.
 */
#ifndef WARC_H
#define WARC_H

#include "../arena.h"

/* More header than this is no header. */
#define WARC_HEAD_MAX (1 << 16)

enum warc_frame_status { WARC_FRAME, WARC_SHORT, WARC_NONE };

/* The header at the front of s: its length with the empty line, and that of the block behind it.
 * WARC_SHORT: more bytes decide (never when `last`); WARC_NONE: this begins no record, or one
 * without a length: *why says it. */
enum warc_frame_status warc_frame(slice s, bool arc, bool last, ptrdiff_t *head, int64_t *block,
                                  const char **why);
/* Where the next record may begin in s, at or behind `from`: the offset, or -1. The last line counts
 * only when it is whole, or long enough to be told. */
ptrdiff_t warc_resync(slice s, bool arc, bool last, ptrdiff_t from);
/* Are there enough bytes in s to say whether a record begins with them? */
bool warc_decidable(slice s, bool arc, bool last);
/* Do these bytes begin a file of web archive records? */
bool warc_detect(slice head, bool *arc);

enum web_kind {
    WEB_DOCUMENT, /* a response, resource or conversion with a body */
    WEB_OTHER,    /* warcinfo, request, metadata, revisit, continuation, ... */
    WEB_STATUS,   /* a response other than 2xx */
    WEB_MEDIA,    /* a document that is no text: never from warc_open, which does not judge it */
    WEB_BAD,      /* reason says why */
};

struct web_record {
    enum web_kind kind;
    slice url, date;
    slice media;   /* "text/html", lower case; empty: not said */
    slice charset; /* label, as the header has it; empty: not said */
    slice body;    /* decoded; in the arena when it had to be, padded */
    const char *reason;
};

/* A whole record (header and block). Bodies that decode to more than max_bytes are bad. */
void warc_open(slice record, bool arc, int64_t max_bytes, struct arena *arena,
               struct web_record *r);

#endif
