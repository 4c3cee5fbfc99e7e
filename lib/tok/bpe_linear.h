/* bpe_linear.h: byte-level BPE of long pieces in linear time, without doing the merges one by one.
 *
 * What the merges leave of a text is the only sequence of tokens in which every neighbouring pair
 * could have come about side by side: undoing the merges of both tokens, the later one first, never
 * meets a pair across their border that would have been merged before. So tokens are taken from left
 * to right, the longest that fits first, a shorter one where the pair is wrong, and one step back
 * where none fits; a place that was given up once is never tried again. Source: github/rust-gems,
 * crates/bpe (appendable and backtracking encoders, is_valid_token_pair).
 *
 * This holds for vocabularies whose merges only use tokens of earlier merges; bpe_linear_new() looks
 * and returns NULL for others, which keep their heap. Tokens that the merges never give are left out.
 *
 *     struct bpe_linear *l = bpe_linear_new(&merges, tokens, size, byte_ids);
 *     n = bpe_linear_encode(l, &merges, piece, &work, dst);       // dst: room for piece.len ids
 *
 * Read-only once it is built; `work` belongs to a thread.
 */
#ifndef BPE_LINEAR_H
#define BPE_LINEAR_H

#include "../buf.h"
#include "vocab.h"

struct bpe_linear;

/* tokens: the text of each id in the alphabet of bytelevel.h. byte_ids: the id of each byte. Nothing
 * of them is kept. */
struct bpe_linear *bpe_linear_new(const struct merges *merges, const slice *tokens, ptrdiff_t count,
                                  const uint32_t byte_ids[256]);
void bpe_linear_free(struct bpe_linear *l);
ptrdiff_t bpe_linear_encode(const struct bpe_linear *l, const struct merges *merges, slice piece,
                            struct buf *work, uint32_t *dst);

#endif
