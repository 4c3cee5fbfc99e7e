/* exactmode.h: drop records whose key was seen before: the default mode of `dedup`
 *
 * The first record with a key stays and is written at once, while the table of keys fits into the
 * budget. Past it, and with every other rule of who stays, records go to a spool and are written at
 * the end (later.h): the same bytes in either case. The budget holds the table, keys in memory,
 * spools and sorting; batches come on top. A named driver: its I/O goes through flow.h and out.h.
 *
 *     struct exact_options o = {
 *         .field = "text", .key = "bytes", .keep = "first", .memory = 1 << 30 };
 *     return exact_run(&env, &o, err);
 *
 * With `against`, the keys of that file are in the table, which then does not grow: every record with
 * one of them is dropped, and records of the input are not compared with each other.
 *
 * Errors: ERR_USAGE for a key or rule that cannot be, else those of flow and spill.
 */
#ifndef EXACTMODE_H
#define EXACTMODE_H

#include "later.h"
#include "mode.h"

struct exact_options {
    const char *key;   /* bytes, normalized, json:PATH */
    const char *keep;  /* first, last, none, max:FIELD, min:FIELD */
    const char *field; /* of the text */
    const char *index; /* folder of keys of earlier runs (index.h), or NULL */
    bool trust_hash, field_given;
    int64_t memory;
    int64_t hash_bits;   /* 0: all */
    const char *against; /* records are compared with those of this file only, or NULL */
};

bool exact_run(struct mode_env *env, const struct exact_options *o, struct err *err);

/* "first", "last", "none", "max:FIELD", "min:FIELD" (*field points to FIELD): ERR_USAGE else. */
bool exact_parse_keep(const char *text, enum later_keep *keep, const char **field, struct err *err);
/* How a budget is spent on table, spool and sorters. */
struct exact;
void exact_divide(struct exact *x, struct later *l, int64_t memory);

#endif
