/* added.h: find added tokens in text: many literals at once, leftmost longest, with their flags.
 *
 * A trie over the literals; candidates are found by their first byte (memchr) when all literals
 * share it, else by a bitmap of first byte pairs, so text without added tokens passes fast.
 * Matches do not overlap. A match that single_word refuses, or that is a special token while those
 * are text, is dropped after it was found: it still keeps others from matching inside it. lstrip and
 * rstrip take the white space around a match into it.
 *
 *     struct added_iter it = added_iter_start(matcher, text, special_is_text);
 *     struct added_match m;
 *     while (added_next(&it, &m)) ... text before m.start, then token m.token
 *     ... the rest: from it.done on
 *
 * Reference: Hugging Face tokenizers, tokenizer/added_vocabulary.rs (find_matches).
 */
#ifndef ADDED_H
#define ADDED_H

#include "../arena.h"

struct added_token {
    slice content; /* as in the file */
    slice pattern; /* what is matched: the content, normalized when `normalized` */
    uint32_t id;
    bool single_word, lstrip, rstrip, normalized, special;
};

struct added_matcher {
    const struct added_token *tokens;
    struct added_node *nodes;
    ptrdiff_t node_count;
    bool all_special;   /* nothing to do when special tokens are text */
    int first;          /* the byte that all patterns start with, or -1 */
    uint64_t *pairs;    /* bitmap of first byte * 256 + second byte */
    bool one_byte[256]; /* patterns of one byte */
};

/* Over those of `tokens` whose `normalized` is as given; the earlier of equal patterns wins. A
 * matcher over nothing has node_count 0. tokens must stay. */
void added_build(struct added_matcher *m, const struct added_token *tokens, ptrdiff_t count,
                 bool normalized, struct arena *arena);

struct added_iter {
    const struct added_matcher *m;
    slice text;
    ptrdiff_t at;   /* the search goes on here */
    ptrdiff_t done; /* end of the last match with its white space */
    bool special_is_text;
};
struct added_match {
    ptrdiff_t start, end; /* with the white space that the flags take; start may be < it.done of
                             before when two tokens want the same white space */
    const struct added_token *token;
};

struct added_iter added_iter_start(const struct added_matcher *m, slice text, bool special_is_text);
/* False: no further match. Sets it->done to match->end. */
bool added_next(struct added_iter *it, struct added_match *match);

#endif
