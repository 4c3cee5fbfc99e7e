/* train_write.h: a trained vocabulary as the text of a tokenizer file.
 *
 *     train_write_json(&result, pattern, special_count, &buf);         // tokenizer.json
 *     train_write_tiktoken(&result, conf.special_count, &buf);  // base64 of the bytes, rank
 *     train_write_vocab(&result, &buf);                        // vocab.json
 *     train_write_merges(&result, &buf);                       // merges.txt
 *
 * Byte-level only: tokens are in the alphabet of bytelevel.h. Pure.
 */
#ifndef TRAIN_WRITE_H
#define TRAIN_WRITE_H

#include "../buf.h"
#include "train_bpe.h"

/* pattern: of a Split in front of ByteLevel; empty: ByteLevel with its own (GPT-2). */
void train_write_json(const struct train_result *r, slice pattern, ptrdiff_t special_count,
                      struct buf *out);
/* Ranks are ids; the special tokens, which are the first ids, are left out. */
void train_write_tiktoken(const struct train_result *r, ptrdiff_t special_count, struct buf *out);
void train_write_vocab(const struct train_result *r, struct buf *out);
void train_write_merges(const struct train_result *r, struct buf *out);

#endif
