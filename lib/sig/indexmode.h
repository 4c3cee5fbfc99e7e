/* indexmode.h: what `dedup` does with an index besides using it: the modes --index-stat,
 * --index-verify, --index-export, --index-merge and --forget
 *
 *   stat    one JSON object: settings, entries, runs, bytes
 *   verify  the same, after every page and every record was looked at; ERR_CONFIG when damaged
 *   export  one JSON object per record: {"key":hex,"run":n,"id":id}, in the order of the keys
 *   merge   what the sources have and the index has not is added to it, in one run; the first source
 *           wins. All must have been made with the same settings
 *   forget  records whose id is in a file are removed, so that their keys are new again
 *
 * A named driver: its I/O goes through index.h, in.h and out.h. Memory: one record, and 24 bytes per
 * id to forget.
 *
 *     struct index_task t = { .what = INDEX_STAT, .path = "seen" };
 *     return index_task_run(&t, &report, &err);
 */
#ifndef INDEXMODE_H
#define INDEXMODE_H

#include "../report.h"

enum index_what { INDEX_STAT, INDEX_VERIFY, INDEX_EXPORT, INDEX_MERGE, INDEX_FORGET };

struct index_task {
    enum index_what what;
    const char *path;           /* of the index */
    const char *forget;         /* the file of ids */
    const char *const *sources; /* of merge */
    ptrdiff_t source_count;
    const char *output, *compress;
    bool force;
};

bool index_task_run(const struct index_task *t, struct report *report, struct err *err);

#endif
