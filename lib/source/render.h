/* render.h: from pieces of documents to records, on any thread.
 *
 * The reader cuts what it reads into pieces: a whole text, or a run of lines, rows or JSON values of
 * one stream. render_unit turns the pieces of one unit into JSONL:
 *   text   {"id":ID,"source":SOURCE,"text":TEXT}; when it was not UTF-8, "meta":{"charset":NAME} too
 *   HTML   the same, the text extracted (webpage.h), and in "meta" what the page says about itself
 *   subtitles  a text of the cues' lines (subtitles.h)
 *   lines  the object as it is, with "id" (ID#LINE) and "source" in front where they are missing
 *   JSON   the same for each value (ID#N), white space with newlines taken out; a string is a text
 *   rows   id (ID#N), source, text, then the other columns in their order
 *   web    a response, resource or conversion with a text body: the body, decoded, and in "meta" its
 *          url, date, type and charset, for HTML as above; other kinds, failed requests, other
 *          media are counted
 * What cannot be a record becomes a flow_reject.
 *
 * Pure but for the unit it fills; everything is in the unit's arena.
 */
#ifndef RENDER_H
#define RENDER_H

#include "../flow.h"
#include "cut.h"
#include "table.h"
#include "webpage.h"

enum piece_kind {
    PIECE_TEXT,
    PIECE_HTML,
    PIECE_SUBTITLES,
    PIECE_LINES,
    PIECE_ROWS,
    PIECE_JSON,
    PIECE_WARC,
    PIECE_ARC,
    PIECE_BAD
};

struct piece {
    struct piece *next;
    enum piece_kind kind;
    const char *id, *source;
    slice bytes;                      /* padded */
    const struct cut_record *records; /* in bytes: lines, rows, values */
    ptrdiff_t record_count;
    int64_t first_number; /* of records[0], from 1 */
    int64_t first_line;   /* of bytes, from 1; rows and values: newlines are counted when needed */
    int64_t offset;       /* of bytes in the stream */
    slice header;         /* rows: the header's bytes */
    char delimiter, quote;
    const char *reason; /* PIECE_BAD; line and offset as above, line 0: none */
};

struct render_conf {
    const char *text_column; /* NULL: by name */
    const char *charset;     /* NULL: detect */
    enum webpage_mode html;
    int64_t max_record;
    struct json_query query; /* "id", "source" */
};

struct render_counts {
    int64_t web_records;                      /* of web archives, all of them */
    int64_t web_other, web_status, web_media; /* no documents: by kind, by status, by media type */
    int64_t mended_pages;                     /* HTML with bytes that were replaced */
};

/* What a thread keeps. */
struct render_scratch {
    struct table *table; /* table_new() */
    struct render_counts counts;
};

bool render_conf_init(struct render_conf *c, struct arena *arena, struct err *err);
/* unit->data is the first piece. */
void render_unit(const struct render_conf *c, struct render_scratch *scratch,
                 struct flow_unit *unit);

#endif
