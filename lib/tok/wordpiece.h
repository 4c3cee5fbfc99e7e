/* wordpiece.h: the WordPiece model: the longest token from the left, again and again; and WordLevel.
 *
 * Tokens that go on within a word carry a prefix ("##"). A word with a part that no token covers, or
 * of more than max_chars characters, is one unknown token.
 *
 *     wordpiece_build(&w, &vocab, arena);        // after prefix, unk and max_chars
 *     wordpiece_encode(&w, piece, &tokens);
 *
 * Reference: Hugging Face tokenizers, models/wordpiece/mod.rs, models/wordlevel/mod.rs.
 */
#ifndef WORDPIECE_H
#define WORDPIECE_H

#include "tokenlist.h"
#include "trie.h"
#include "vocab.h"

struct wordpiece {
    const struct vocab *vocab;
    slice prefix;
    uint32_t unk;
    int64_t max_chars;
    struct trie trie;
    uint32_t inside; /* node where tokens within a word begin; 0: there are none */
};

void wordpiece_build(struct wordpiece *w, const struct vocab *vocab, struct arena *arena);
void wordpiece_encode(const struct wordpiece *w, slice piece, struct tokens *out);
/* The whole piece, or the unknown token. */
void wordlevel_encode(const struct wordpiece *w, slice piece, struct tokens *out);

#endif
