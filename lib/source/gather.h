/* gather.h: the source that `collect` runs: leaves in, units of pieces out, records from them.
 *
 * gather_next runs on the reader's thread: it takes leaves one after the other, decides what each is
 * (magic.h), reads it and cuts it into pieces of about one batch. A text is one piece; JSON Lines,
 * JSON and tables are streams of pieces, so their size does not matter. gather_work runs on any
 * thread (render.h).
 *
 *     struct gather *g = gather_open(&conf, &err);
 *     flow_source_run(flow, &gather_source, g, &err);
 *     gather_close(g);
 *
 * Memory: what is read of one record (at most max_record) and its JSON, per batch of the ring.
 */
#ifndef GATHER_H
#define GATHER_H

#include "../flow.h"
#include "leaves.h"
#include "magic.h"
#include "render.h"

struct gather_conf {
    struct leaves_conf leaves;
    enum magic_format format; /* MAGIC_AUTO: by suffix and content */
    const char *text_column;  /* NULL: by name */
    const char *charset;      /* NULL: detect */
    char delimiter;           /* 0: comma, or tab for TSV */
    char quote;               /* of tables; 0: none */
    enum webpage_mode html;
    bool header; /* tables begin with the names of their columns */
    int64_t max_record;
};

struct gather_counts {
    int64_t text, jsonl, json, csv, tsv, warc, arc, html, subtitles; /* leaves read as such */
    struct render_counts records;                                    /* complete after the run */
};

/* NULL: an unknown charset (ERR_USAGE). conf's strings are borrowed. */
struct gather *gather_open(const struct gather_conf *conf, struct err *err);
extern const struct flow_source gather_source;
const struct leaves_counts *gather_leaves(const struct gather *g);
const struct gather_counts *gather_counts(const struct gather *g);
void gather_close(struct gather *g); /* NULL is allowed */

#endif
