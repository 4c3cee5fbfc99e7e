/* pieces.h: cut text into the pieces that byte-level BPE works on, by hand-written splitters for the
 * patterns that most tokenizers use.
 *
 * A pattern is recognised by its text, whatever the order of the elements of its sets and the
 * spelling of its escapes; others go through a regex (pattern.h). A splitter
 * covers its text completely: each piece begins where the one before it ended, and where a piece
 * ends depends on nothing before its start. So a text may be cut up a window at a time, starting at
 * any piece, and a long text needs no memory of its own.
 *
 *     const struct pieces_rule *rule = pieces_find(pattern, PIECES_ONIGURUMA);
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
                     \s*[\r\n]+|\s+(?!\S)|\s+ ; also Llama 3, Qwen 2 and 3 */
    PIECES_O200K, /* [^\r\n\p{L}\p{N}]?UPPER*LOWER+(?i:'s|...)?|[^\r\n\p{L}\p{N}]?UPPER+LOWER*(?i:...)?|
                     \p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+ where UPPER is
                     [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}] and LOWER [\p{Ll}\p{Lm}\p{Lo}\p{M}]; also Tekken */
    PIECES_DEEPSEEK3, /* three splits one after the other: \p{N}{1,3}, then runs of ideographs and kana,
                     then a pattern for the rest (DeepSeek V3, R1) */
};

struct pieces_rule {
    enum pieces_family family;
    int digits; /* all but GPT2: longest run of \p{N} in one piece; 0: no limit */
    bool
        tail_whole; /* CL100K: white space at the end of the text is one piece (\s++$ comes first) */
    bool marks;     /* CL100K: \p{M} are letters (Qwen 3.5) */
    bool suffixes;  /* O200K: 's 't ... behind a word belong to it (not in Tekken) */
    const char *pre; /* name of the pattern in GGUF files (tokenizer.ggml.pre), or NULL */
};

/* Whose reading of the pattern holds. */
enum pieces_dialect {
    PIECES_ONIGURUMA, /* tokenizer.json */
    PIECES_TIKTOKEN,  /* ranks with a pattern */
};

#define PIECES_PATTERN_MAX 512

/* NULL: not one of the known patterns. */
const struct pieces_rule *pieces_find(slice pattern, enum pieces_dialect dialect);
/* The same for patterns that isolate their matches one after the other. */
const struct pieces_rule *pieces_find_sequence(const slice *patterns, int count);
extern const struct pieces_rule pieces_gpt2;

/* The pattern with this GGUF name, and its rule; false: unknown. */
bool pieces_by_pre(slice pre, slice *pattern, const struct pieces_rule **rule);

/* End of the piece that starts at `start` < text.len. text is valid UTF-8. */
ptrdiff_t pieces_next(const struct pieces_rule *rule, slice text, ptrdiff_t start);

/* What DeepSeek's second split takes. */
#define PIECES_IS_CJK(cp)    (((cp) >= 0x4E00 && (cp) <= 0x9FA5) || ((cp) >= 0x3040 && (cp) <= 0x30FF))

#define PIECES_WINDOW_BLOCKS 64
#define PIECES_WINDOW        (PIECES_WINDOW_BLOCKS * TEXTMASK_BYTES)

struct pieces_window {
    textmask_fn *classify; /* textmask_pick(); set once by the owner */
    ptrdiff_t count;       /* pieces found */
    ptrdiff_t wide; /* characters of three bytes or more; a guess where they were not counted */
    ptrdiff_t len, sure;                      /* bytes that are masked; starts up to here hold */
    uint32_t end[PIECES_WINDOW + 64];         /* where each ends, from the window's start */
    uint64_t start[PIECES_WINDOW_BLOCKS + 1]; /* work space */
    struct textmask mask[PIECES_WINDOW_BLOCKS + 2];
    uint64_t both[PIECES_WINDOW_BLOCKS + 2];  /* O200K: letters and marks that are neither upper nor
                                                lower; DEEPSEEK3: ideographs and kana */
    uint64_t eaten[PIECES_WINDOW_BLOCKS + 2]; /* newlines that others before them took */
};

/* Pieces from `pos` (a piece's start, < text.len) on: at least one. Returns where the last ends.
 * A single piece longer than UINT32_MAX does not happen: records are shorter. */
ptrdiff_t pieces_window(const struct pieces_rule *rule, slice text, ptrdiff_t pos,
                        struct pieces_window *w);

#endif
