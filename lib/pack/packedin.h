/* packedin.h: the inputs of `shard --packed`: streams of packed ids (packed.h), one after the other.
 *
 *     struct packed_input *p = packed_input_open(&conf, &err);
 *     packed_input_head(p, &head, &err)                  // false with err clear: no stream at all
 *     while (packed_input_next(p, &doc, &err)) ...       // false with err clear: the end
 *     packed_input_close(p);
 *
 * Inputs are taken together, as by cat. A document is valid until the next call. Memory: the longest
 * document, at least 1 MiB. One thread. Named driver: reads through in.h.
 */
#ifndef PACKEDIN_H
#define PACKEDIN_H

#include "../in.h"
#include "packed.h"

struct packed_input *packed_input_open(const struct in_conf *conf, struct err *err);
bool packed_input_head(struct packed_input *p, struct packed_head *head, struct err *err);
bool packed_input_next(struct packed_input *p, struct packed_doc *doc, struct err *err);
int64_t packed_input_bytes(const struct packed_input *p); /* taken so far */
void packed_input_close(struct packed_input *p);          /* NULL is allowed */

#endif
