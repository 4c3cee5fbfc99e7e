/* pairing.h: is a record near another one, whose text or signature is given?
 *
 *     struct pairing p = { .signing = &s, .threshold = 0.8, .decide = PAIRING_VERIFY };
 *     pairing_start(&p, k);                       // the record that others are compared with
 *     pairing_with(&p, content, wants_estimate, &v);  // content: pairing_content() of the other
 *     pairing_release(&p);
 *
 * One thread at a time. Pure.
 */
#ifndef PAIRING_H
#define PAIRING_H

#include "jaccard.h"
#include "signing.h"

enum pairing_decide {
    PAIRING_VERIFY,   /* the true similarity is at least the threshold */
    PAIRING_ESTIMATE, /* the share of equal minima is */
    PAIRING_BANDS,    /* a common band is enough (other tools) */
};

struct pairing {
    const struct signing *signing;
    double threshold;
    enum pairing_decide decide;

    const struct signed_record *record;
    struct hashes own, other;
    struct jaccard jaccard;
    bool own_ready;
    struct arena scratch;
    int64_t compared, refused;
};

struct pairing_verdict {
    double similarity, estimate; /* similarity only with PAIRING_VERIFY */
    bool duplicate;
};

/* What must be kept of a record to compare others with it: its text, or its signature. */
slice pairing_content(const struct pairing *p, const struct signed_record *k);
void pairing_start(struct pairing *p, const struct signed_record *k);
/* `content` is padded. v->estimate of a verified pair is computed only when wanted. */
void pairing_with(struct pairing *p, slice content, bool wants_estimate, struct pairing_verdict *v);
void pairing_release(struct pairing *p);

/* "dup_of":ID,"kind":"near",...,"unit":"words:5"}: the end of a line of --dups and of _dedup. */
slice pairing_explain(const struct pairing *p, slice dup_of, const struct pairing_verdict *v,
                      const char *unit, struct arena *arena);

#endif
