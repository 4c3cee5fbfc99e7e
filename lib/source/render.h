/* render.h: from pieces of documents to records, on any thread.
 *
 * The reader cuts what it reads into pieces: a whole text, or a run of lines, rows or JSON values of
 * one stream. render_unit turns the pieces of one unit into JSONL:
 *   text   {"id":ID,"source":SOURCE,"text":TEXT}; when it was not UTF-8, "meta":{"charset":NAME} too
 *   lines  the object as it is, with "id" (ID#LINE) and "source" in front where they are missing
 *   JSON   the same for each value (ID#N), white space with newlines taken out; a string is a text
 *   rows   id (ID#N), source, text, then the other columns in their order
 * What cannot be a record becomes a flow_reject.
 *
 * Pure but for the unit it fills; everything is in the unit's arena.
 */
#ifndef RENDER_H
#define RENDER_H

#include "../flow.h"
#include "cut.h"
#include "table.h"

enum piece_kind { PIECE_TEXT, PIECE_LINES, PIECE_ROWS, PIECE_JSON, PIECE_BAD };

struct piece {
    struct piece *next;
    enum piece_kind kind;
    const char *id, *source;
    slice bytes;                        /* padded */
    const struct cut_record *records; /* in bytes: lines, rows, values */
    ptrdiff_t record_count;
    int64_t first_number;   /* of records[0], from 1 */
    int64_t first_line;     /* of bytes, from 1; rows and values: newlines are counted when needed */
    int64_t offset;         /* of bytes in the stream */
    slice header;           /* rows: the header's bytes */
    char delimiter, quote;
    const char *reason;     /* PIECE_BAD; line and offset as above, line 0: none */
};

struct render_conf {
    const char *text_column; /* NULL: by name */
    const char *charset;     /* NULL: detect */
    struct json_query query; /* "id", "source" */
};

bool render_conf_init(struct render_conf *c, struct arena *arena, struct err *err);
/* unit->data is the first piece. scratch: one table_new() per thread. */
void render_unit(const struct render_conf *c, struct table *scratch, struct flow_unit *unit);

#endif
