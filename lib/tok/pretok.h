/* pretok.h: the pre-tokenizer: text -> pieces, as a list of stages in the order of the file.
 *
 * A stage looks at each piece on its own. Stages before ByteLevel see text; ByteLevel may put a blank
 * in front of each piece and cut by GPT-2's pattern; stages after it see the alphabet of
 * bytelevel.h, so their pieces may end within a character. Pieces are always runs of bytes of the
 * (possibly prefixed) text, and empty ones are dropped.
 *
 * The common pipelines (one known pattern, then ByteLevel without a blank) have no stage list to
 * run: `rule` names the splitter, and pieces go straight from its window to the merges.
 */
#ifndef PRETOK_H
#define PRETOK_H

#include "ntext.h"
#include "pattern.h"
#include "pieces.h"

enum pretok_kind {
    PRETOK_RULE,    /* a known pattern */
    PRETOK_PATTERN, /* another pattern */
    PRETOK_LITERAL, /* Split by a string */
    PRETOK_CLASS,   /* Digits, Punctuation: characters with a property; 0: white space */
    PRETOK_BYTES,   /* ByteLevel */
    PRETOK_WORDS,   /* Whitespace: \w+ and [^\w\s]+ */
    PRETOK_SCRIPTS, /* UnicodeScripts */
    PRETOK_FIXED,   /* FixedLength: so many characters at a time */
    PRETOK_METASPACE,
};

enum pretok_behavior {
    PRETOK_REMOVED,
    PRETOK_ISOLATED,
    PRETOK_PREVIOUS,
    PRETOK_NEXT,
    PRETOK_CONTIGUOUS
};

struct pretok_stage {
    enum pretok_kind kind;
    enum pretok_behavior behavior;
    bool invert;
    bool prefix_space, use_regex; /* BYTES */
    bool prefix_first, split;     /* METASPACE: prefix_space only at the start of the text */
    unsigned property;            /* CLASS: enum uclass_property */
    int64_t length;               /* FIXED */
    const struct pieces_rule *rule;
    struct pattern *pattern;
    slice literal; /* also the text of a pattern; METASPACE: what stands for a blank */
};

#define PRETOK_STAGES_MAX 16

struct pretok {
    struct pretok_stage stage[PRETOK_STAGES_MAX];
    int count;
    const struct pieces_rule *rule; /* NULL: run the stages */
    bool prefix_space; /* with rule: a blank before text that does not start with one */
};

struct pretok_scratch { /* zeroed is empty */
    struct pattern_scratch pattern;
    struct span_list in, out, found;
    struct buf text, mapped;
};
void pretok_scratch_release(struct pretok_scratch *s);

/* Sets rule and prefix_space when the stages allow it. */
void pretok_finish(struct pretok *p);
void pretok_free(struct pretok *p);
/* Runs the stages. The pieces are in s->in.items and lie in *out_text (the text or a copy with
 * blanks), both valid until the next call. */
bool pretok_run(const struct pretok *p, struct pretok_scratch *s, slice text, slice *out_text,
                struct err *err);

/* One stage on one piece, which starts at `base`: appends what it is cut into. METASPACE cannot. */
bool pretok_run_stage(const struct pretok_stage *stage, struct pretok_scratch *s, slice piece,
                      ptrdiff_t base, struct span_list *out, struct err *err);

/* pretok_text.c: the stages on a normalized text, which they may change (ByteLevel, Metaspace). The pieces
 * are in s->in.items, in the new text. */
bool pretok_apply(const struct pretok *p, struct pretok_scratch *s, struct ntext *text,
                  struct ntext *spare, struct err *err);

#endif
