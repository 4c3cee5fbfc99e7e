/* table.h: rows of CSV and TSV (libcsv), and what their columns become.
 *
 * The header names the members of the records. A column called `text`, or the one that
 * --text-column names, or the only one there is, becomes "text"; `id` becomes "id". Every value is
 * a string. White space belongs to the fields.
 *
 *     struct table *t = table_new();
 *     table_fields(t, row, ',', '"', arena, &fields, &count);
 *     table_columns(fields, count, "body", arena, &columns)  // NULL or why not
 *     table_free(t);
 *
 * The only file that includes libcsv. A struct table belongs to one thread.
 */
#ifndef TABLE_H
#define TABLE_H

#include "../arena.h"

struct table_columns {
    slice *names; /* decoded, unique; an empty one is column_N */
    slice *keys;  /* names as JSON strings with the colon: "\"name\":" */
    ptrdiff_t count;
    ptrdiff_t text, id, source; /* indexes, -1: none */
    ptrdiff_t keys_len;         /* of all keys and commas: for bounds */
};

struct table *table_new(void);
void table_free(struct table *t); /* NULL is allowed */
/* The fields of one row as the splitter gave it. quote 0: none. */
void table_fields(struct table *t, slice row, char delimiter, char quote, struct arena *arena,
                  slice **fields, ptrdiff_t *count);
/* NULL, or what is wrong with the header (in the arena). text_column NULL: by name. */
const char *table_columns(const slice *header, ptrdiff_t count, const char *text_column,
                          struct arena *arena, struct table_columns *columns);

#endif
