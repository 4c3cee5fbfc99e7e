/* normal.h: the normalizer of a tokenizer: the steps of its file, one after the other, as the reference
 * (Hugging Face tokenizers, src/normalizers) computes them.
 *
 * The reference's tables are older than utf8proc's. For the normal forms of plain texts, code points
 * that they do not know (UPROP_NEWER) neither change, nor move, nor combine: the text is cut at them
 * and what lies between is normalized with unicode.h. With offsets, and for the other steps, hfuni.h has
 * the measured tables.
 *
 *     struct normal_scratch s = { 0 };                    // per thread
 *     if (!normal_run(&normal, &s, text, arena, &out, &err)) ...   // text itself when nothing changes
 *     if (!normal_apply(&normal, &s, &ntext, &err)) ...   // the same, with offsets
 */
#ifndef NORMAL_H
#define NORMAL_H

#include "charsmap.h"
#include "hfuni.h"
#include "ntext.h"
#include "pattern.h"

enum normal_kind {
    NORMAL_NFC = UNI_NFC,
    NORMAL_NFKC = UNI_NFKC,
    NORMAL_NFD = UNI_NFD,
    NORMAL_NFKD = UNI_NFKD,
    NORMAL_LOWERCASE,
    NORMAL_STRIP,         /* flags: NORMAL_LEFT, NORMAL_RIGHT */
    NORMAL_STRIP_ACCENTS, /* combining marks go */
    NORMAL_BERT,          /* flags: NORMAL_CLEAN, NORMAL_CHINESE, NORMAL_ACCENTS, NORMAL_LOWER */
    NORMAL_NMT,
    NORMAL_PRECOMPILED,
    NORMAL_PREPEND, /* text */
    NORMAL_REPLACE, /* every match of pattern (or literal) by text */
    NORMAL_BYTES,   /* ByteLevel: the alphabet of bytelevel.h */
};

enum normal_flags {
    NORMAL_LEFT = 1,
    NORMAL_RIGHT = 2,
    NORMAL_CLEAN = 1,
    NORMAL_CHINESE = 2,
    NORMAL_ACCENTS = 4,
    NORMAL_LOWER = 8,
};

#define NORMAL_MAX 16

struct normal {
    struct normal_step {
        enum normal_kind kind;
        unsigned flags;
        struct uni_norm *form;
        slice text, literal; /* literal: also the text of the pattern */
        struct pattern *pattern;
        struct charsmap *map;
    } step[NORMAL_MAX];
    int count;
};

struct normal_scratch { /* zeroed is empty */
    struct ntext text, spare;
    struct points points;
    struct pattern_scratch pattern;
    struct span_list spans;
};
void normal_scratch_release(struct normal_scratch *s);

/* False: too many steps. What `step` points to stays with the caller's arena, except patterns. */
bool normal_add(struct normal *n, const struct normal_step *step, struct arena *arena);
void normal_free(struct normal *n);
/* False with ERR_DATA when a pattern takes too many steps on the text. */
bool normal_apply(const struct normal *n, struct normal_scratch *s, struct ntext *text,
                  struct err *err);
bool normal_run(const struct normal *n, struct normal_scratch *s, slice text, struct arena *arena,
                slice *out, struct err *err);

/* Appends text as spans of matches of a literal and what lies between. */
void normal_find_literal(slice literal, slice text, struct span_list *found);

#endif
