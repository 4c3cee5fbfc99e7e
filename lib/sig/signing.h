/* signing.h: records to signatures: the part of near duplicates that the workers do
 *
 *     struct signing s;
 *     signing_init(&s, &options, &process_arena);
 *     flow_conf.fields[0] = signing_field(&s);
 *     ... in work, on any thread:
 *     if (!signing_record(&s, rec, 0, arena, verdict, &k)) return true;   // a bad record
 *     ... in commit: k->keys, k->shingles
 *
 * A callback of flow: pure. A `struct signing` is read-only after init.
 */
#ifndef SIGNING_H
#define SIGNING_H

#include "../flow.h"
#include "compat.h"
#include "lsh.h"
#include "shingle.h"

struct signing_options {
    struct shingler shingler; /* from shingle_parse */
    const char *shingle;      /* its text, for reports and explanations */
    const char *field;
    int bands, rows;
    const struct compat *compat; /* from compat_parse: signatures of another tool; NULL: ours */
    int permutations;            /* of compat */
};

struct signing {
    struct shingler shingler;
    struct lsh lsh; /* with compat, only its bands and rows count */
    bool is_compat;
    struct compat compat;
    const char *field;
};

struct signed_record {
    slice text;       /* decoded, or the array of ids; borrowed from the record or in the arena */
    int64_t shingles; /* 0: nothing to compare, and no keys */
    uint64_t *keys;   /* one per band */
    uint32_t *signature; /* NULL with compat */
};

struct hashes {
    uint64_t *at;
    ptrdiff_t count, cap;
};

void signing_init(struct signing *s, const struct signing_options *options, struct arena *arena);
struct flow_field signing_field(const struct signing *s);
/* False: the record is bad, and the verdict says so. */
bool signing_record(const struct signing *s, const struct flow_record *rec, int field,
                    struct arena *arena, struct flow_verdict *verdict, struct signed_record **k);
/* Only the text: shingles, keys and signature stay empty. */
bool signing_text(const struct signing *s, const struct flow_record *rec, int field,
                  struct arena *arena, struct flow_verdict *verdict, struct signed_record **k);
/* The shingles of a text (padded) that signing_record has seen, with repeats. */
void signing_shingles(const struct signing *s, slice text, struct hashes *to,
                      struct arena *scratch);

#endif
