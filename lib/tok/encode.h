/* encode.h: the pipeline of a tokenizer.json, step by step as the reference does it, with offsets: added
 * tokens, normalizer, pre-tokenizer, model, post-processor. For the files of lib/tok only.
 *
 * This is the plain way that holds for every file; tok.c has the fast one for byte-level BPE.
 */
#ifndef ENCODE_H
#define ENCODE_H

#include "tok.h"

struct encode_scratch;

struct encode_scratch *encode_scratch_new(void);
void encode_scratch_free(struct encode_scratch *s);
/* Appends. See tok_encode_tokens in tok.h. */
bool encode_tokens(const struct tok *t, struct encode_scratch *s, const struct tok_request *r,
                   struct tokens *out, struct arena *arena, struct err *err);

/* Only ids, of a text without added tokens, unaligned: with a cache of words. SentencePiece models see the
 * text as it is. */
bool encode_text_ids(const struct tok *t, struct encode_scratch *s, slice text, struct tok_ids *ids,
                     struct err *err);

/* What the model alone makes of the text of an entry, without looking it up as a whole; false: that says
 * nothing about the model. */
bool encode_piece_alone(const struct tok *t, struct encode_scratch *s, slice text,
                        struct tokens *out);

#endif
