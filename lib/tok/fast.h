/* fast.h: ids without offsets, on short ways: BERT's words straight from ASCII, cached words for others.
 *
 * What a short way does not cover (other characters than ASCII, control characters) goes through
 * encode.h, region by region, so ids are the same.
 *
 *     if (fast_applies(t, flags))
 *         return fast_encode(t, scratch, text, flags, ids, err);
 */
#ifndef FAST_H
#define FAST_H

#include "encode.h"

struct fast_scratch;

struct fast_scratch *fast_scratch_new(const struct tok *t);
void fast_scratch_free(struct fast_scratch *s);
bool fast_applies(const struct tok *t, unsigned flags);
bool fast_encode(const struct tok *t, struct fast_scratch *s, slice text, unsigned flags,
                 struct tok_ids *ids, struct err *err);

#endif
