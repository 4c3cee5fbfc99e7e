/* study.h: looking into a tokenizer: what each stage makes of a text, where two of them part, what is odd
 * about a vocabulary.
 *
 *     study_explain(t, scratch, text, flags, &buf, &err);     // one JSON object per stage and line
 *     study_diff(a, scratch_a, b, scratch_b, text, flags, &buf, &err);   // empty: equal ids
 *     findings = study_lint(t, &buf);                          // one JSON object per finding and line
 *
 * Lines have no newline behind the last one.
 */
#ifndef STUDY_H
#define STUDY_H

#include "tok.h"

/* False: the text cannot be represented. */
bool study_explain(const struct tok *t, struct tok_scratch *s, slice text, unsigned flags,
                   struct buf *out, struct err *err);
/* {"stage":...,"a":...,"b":...}: the first stage that differs, when the ids do. */
bool study_diff(const struct tok *a, struct tok_scratch *sa, const struct tok *b,
                struct tok_scratch *sb, slice text, unsigned flags, struct buf *out,
                struct err *err);
/* unreachable: an entry that its own text does not lead to; unused: ids below the highest without an
 * entry, as ranges; forgeable: a special token that plain text becomes; pattern: what its engine
 * reads in a way of its own. */
int64_t study_lint(const struct tok *t, struct buf *out);

#endif
