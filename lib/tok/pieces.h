/* pieces.h: cut text into the pieces that byte-level BPE works on, by hand-written splitters for the
 * patterns that most tokenizers use.
 *
 * A pattern is recognised by its exact text; others go through a regex (pattern.h). A splitter
 * covers its text completely: each piece begins where the one before it ended, and where a piece
 * ends depends on nothing before its start. So a text may be cut up a window at a time, starting at
 * any piece, and a long text needs no memory of its own.
 *
 *     const struct pieces_rule *rule = pieces_find(pattern);
 *     for (ptrdiff_t pos = 0; pos < text.len; )
 *         pos = pieces_window(rule, text, pos, &w);     // w.end[i]: where piece i ends, from pos
 *
 * pieces_next() is the plain statement of the rules, one piece at a time; pieces_window() gives the
 * same pieces from bit masks (textmask.h) and calls it where the masks do not reach.
 */
#ifndef PIECES_H
#define PIECES_H

#include "../base.h"
#include "../simd/textmask.h"

enum pieces_family {
    PIECES_GPT2,   /* 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+ */
    PIECES_CL100K, /* (?i:'s|...)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|
                     \s*[\r\n]+|\s+(?!\S)|\s+ */
};

struct pieces_rule {
    enum pieces_family family;
    int digits; /* CL100K: longest run of \p{N} in one piece; 0: no limit */
    bool
        tail_whole; /* CL100K: white space at the end of the text is one piece (\s++$ comes first) */
    const char *pre; /* name of the pattern in GGUF files (tokenizer.ggml.pre), or NULL */
};

/* NULL: not one of the known patterns. */
const struct pieces_rule *pieces_find(slice pattern);
extern const struct pieces_rule pieces_gpt2;

/* The pattern with this GGUF name, and its rule; false: unknown. */
bool pieces_by_pre(slice pre, slice *pattern, const struct pieces_rule **rule);

/* End of the piece that starts at `start` < text.len. text is valid UTF-8. */
ptrdiff_t pieces_next(const struct pieces_rule *rule, slice text, ptrdiff_t start);

#define PIECES_WINDOW_BLOCKS 64
#define PIECES_WINDOW        (PIECES_WINDOW_BLOCKS * TEXTMASK_BYTES)

struct pieces_window {
    textmask_fn *classify;                    /* textmask_pick(); set once by the owner */
    ptrdiff_t count;                          /* pieces found */
    uint32_t end[PIECES_WINDOW + 64];         /* where each ends, from the window's start */
    uint64_t start[PIECES_WINDOW_BLOCKS + 1]; /* work space */
    struct textmask mask[PIECES_WINDOW_BLOCKS + 2];
};

/* Pieces from `pos` (a piece's start, < text.len) on: at least one. Returns where the last ends.
 * A single piece longer than UINT32_MAX does not happen: records are shorter. */
ptrdiff_t pieces_window(const struct pieces_rule *rule, slice text, ptrdiff_t pos,
                        struct pieces_window *w);

#endif
