/* mode.h: what the drivers of the modes of `dedup` share
 *
 * A mode (exact, near, substring ...) is one driver file in sig/ that runs a flow. The command fills
 * a `struct mode_env` from its common options; the driver adds fields and rules to a copy of `flow`,
 * runs, and reports. A named driver: its I/O goes through flow.h and out.h.
 *
 *     struct mode_env env = { app_flow_conf(app), &app->report, &app->progress, &app->arena, dups };
 *     return near_run(&env, &options, err);
 */
#ifndef MODE_H
#define MODE_H

#include "../flow.h"

struct mode_env {
    struct flow_conf flow;
    struct report *report;
    struct progress *progress;
    struct arena *arena; /* process lifetime */
    const char *dups;    /* file of --dups, or NULL */
};

/* The id of a record as JSON text: the member `id_field` as it is written when it is a string or a
 * number, else "FILE:LINE". Borrowed from the record or in the arena. */
slice mode_id_json(const struct flow_record *rec, int id_field, struct arena *arena);

/* Runs the records of a reference file through `filter`, before the run itself: nothing is written
 * and nothing counted; a bad record ends it. */
bool mode_read_reference(const struct mode_env *env, const char *path,
                         const struct flow_field *fields, int field_count,
                         const struct flow_filter *filter, void *self, struct err *err);

#endif
