/* redact.h: put something else in the place of personal data, and take it back.
 *
 *   tag    <EMAIL>                     the kind
 *   mask   **************              one star per character
 *   hash   <EMAIL:cdpoaebjmgfhkiln>    64 bits of HMAC-SHA-256(key, kind NUL value), in letters: the
 *                                      same value gives the same token in every record, run, machine
 *   drop   (nothing)
 *   keep   the match itself: for --spans alone
 *   datatrove, dolma                   what those pipelines find and write (redact_peer.c)
 *
 * What comes out holds nothing more to redact: the new text is scanned again, and a match that only
 * appears beside a replacement (a removal may join two halves) is joined to it, until there is none.
 * So `clean | clean` changes nothing. datatrove writes addresses, so that does not hold for it.
 *
 *     struct redact r = { .with = REDACT_TAG };
 *     pii_add(&r.pii, SLICE("all"), &err);
 *     redact_ready(&r, &arena);
 *     struct redact_result result;
 *     redact_find(&r, text, &arena, &result);
 *     slice out = redact_render(&r, text, &result, NULL, &arena);
 *
 * A ready struct redact is read-only. datatrove's replacements take turns over the whole stream:
 * that state is the caller's (struct redact_turns), advanced in the order of the records.
 */
#ifndef REDACT_H
#define REDACT_H

#include "pii.h"

enum redact_with {
    REDACT_TAG,
    REDACT_MASK,
    REDACT_HASH,
    REDACT_DROP,
    REDACT_KEEP,
    REDACT_DATATROVE,
    REDACT_DOLMA,
};

struct redact {
    struct pii pii;
    enum redact_with with;
    slice key; /* of hash */
};

struct redact_result {
    struct pii_match *matches; /* in order, not overlapping */
    ptrdiff_t count;
};

struct redact_turns {
    int email, ip;
};

/* A kind that was named and that the replacement does not know: ERR_USAGE. */
bool redact_check(const struct redact *r, struct err *err);
void redact_ready(struct redact *r, struct arena *arena);
void redact_find(const struct redact *r, slice text, struct arena *arena,
                 struct redact_result *result);
/* turns: of datatrove, else NULL. `text` itself when there is no match. */
slice redact_render(const struct redact *r, slice text, const struct redact_result *result,
                    struct redact_turns *turns, struct arena *arena);

/* JSON: [{"kind":"email","bytes":[3,20],"chars":[3,20]},...], places in the text before. */
slice redact_spans(slice text, const struct redact_result *result, struct arena *arena);
/* JSONL of what restore needs (hash): {"token","kind","text"}, each token of the text once. */
slice redact_map(const struct redact *r, slice text, const struct redact_result *result,
                 struct arena *arena);

/* ---- and back ---- */

struct restore;
/* `map`: what redact_map wrote; copied. NULL with ERR_CONFIG "line N: ...". */
struct restore *restore_new(slice map, struct arena *arena, struct err *err);
slice restore_apply(const struct restore *r, slice text, int64_t *count, struct arena *arena);

/* ---- redact_peer.c ---- */

void redact_find_datatrove(slice text, struct arena *arena, struct redact_result *result);
void redact_find_dolma(slice text, struct arena *arena, struct redact_result *result);

#endif
