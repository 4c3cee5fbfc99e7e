/* rows.h: the rows of JSONL files, one after the other, for the modes of `bench` that read results
 * instead of running commands. And what those modes get from the command.
 *
 * A named driver: reads through flow.h (several threads scan, the callback sees the rows in order).
 * A bad row ends the reading with ERR_DATA "FILE:LINE: ...".
 *
 *     struct flow_field fields[] = { { "id", true, 0 }, { "label", true, 0 } };
 *     rows_read(&env, &path, 1, fields, 2, take, self, &err);
 */
#ifndef ROWS_H
#define ROWS_H

#include "../flow.h"

/* What a mode of bench gets from the command. */
struct bench_env {
    struct report *report;
    struct progress *progress;
    struct arena *arena; /* process lifetime */
    const char *output;  /* -o, or NULL: stdout */
    bool force;
    int jobs;
    int64_t seed;
};

/* One row. The arena is the batch's: what is kept is copied. */
typedef bool rows_fn(void *self, const struct flow_record *rec, struct arena *arena,
                     struct err *err);
bool rows_read(const struct bench_env *env, const char *const *paths, ptrdiff_t path_count,
               const struct flow_field *fields, int field_count, rows_fn *fn, void *self,
               struct err *err);

/* A member as text: a string decoded, anything else as it is written; ptr NULL when it is missing
 * or null. */
slice rows_text(const struct flow_record *rec, int field, struct arena *arena);
/* A number, true as 1 and false as 0; NAN when it is something else or missing. */
double rows_number(const struct flow_record *rec, int field);
/* ERR_DATA "FILE:LINE: what". */
bool rows_bad(const struct flow_record *rec, struct err *err, const char *fmt, ...)
    ATTR_PRINTF(3, 4);

/* Writes `text` to -o or stdout. */
bool rows_write(const struct bench_env *env, slice text, struct err *err);

#endif
