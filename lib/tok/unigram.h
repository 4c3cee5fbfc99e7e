/* unigram.h: the Unigram model of Hugging Face: the best path over all cuts of a piece into tokens.
 *
 * Scores add up in double from the left; of equal sums the first found holds. A character that no
 * token covers is unknown, at the lowest score minus 10; unknown neighbours are one token.
 *
 *     unigram_build(&u, arena);                     // after vocab, score, unk and byte_fallback
 *     unigram_encode(&u, scratch, piece, &tokens, &err)
 *
 * Reference: Hugging Face tokenizers, models/unigram/model.rs (encode_optimized).
 */
#ifndef UNIGRAM_H
#define UNIGRAM_H

#include "../err.h"
#include "tokenlist.h"
#include "trie.h"
#include "vocab.h"

struct unigram {
    struct vocab vocab; /* distinct texts; of equal ones the last holds */
    double *score;      /* by id */
    slice *text;        /* by id */
    ptrdiff_t size;
    int64_t unk; /* -1: none */
    bool byte_fallback;
    double unk_score;
    struct trie trie;
    int64_t bytes[256]; /* ids of <0xNN>, or -1 */
};

struct unigram_scratch { /* zeroed is empty */
    struct unigram_node {
        double score;
        int32_t id; /* -1: nothing ends here; -2: unknown */
        uint32_t start;
    } * nodes;
    ptrdiff_t cap;
    uint32_t *ends; /* of the tokens, from the last */
    ptrdiff_t ends_cap;
};
void unigram_scratch_release(struct unigram_scratch *s);

void unigram_build(struct unigram *u, struct arena *arena);
/* False with ERR_DATA when there is no unknown token for an unknown character. */
bool unigram_encode(const struct unigram *u, struct unigram_scratch *s, slice piece,
                    struct tokens *out, struct err *err);

#endif
