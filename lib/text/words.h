/* words.h: a text cut into words, with what the rules ask of each.
 *
 * Splitters: `whitespace` cuts at Python's white space (str.split()), `white_space` at Unicode's
 * White_Space (Rust's split_whitespace(), which keeps U+001C-001F inside words). `spacy-en` is in
 * spacy_en.h, `uax29` in wordbreak.h.
 *
 *     words_split(&w, classes, WORDS_WHITESPACE, text, &arena);
 *     for (ptrdiff_t i = 0; i < w.count; i++) ... w.at[i].chars
 *
 * Texts of 4 GiB and more are refused by the caller (WORDS_TEXT_MAX). Pure; results in the arena.
 */
#ifndef WORDS_H
#define WORDS_H

#include "chars.h"

#define WORDS_TEXT_MAX ((ptrdiff_t)UINT32_MAX)

enum words_splitter { WORDS_SPACY_EN, WORDS_WHITESPACE, WORDS_WHITE_SPACE, WORDS_UAX29 };

struct word {
    uint32_t start, len; /* bytes in the text */
    uint32_t chars;      /* code points */
    uint32_t classes;    /* enum char_class bits of its characters, or-ed */
};

struct words {
    struct word *at;
    ptrdiff_t count, cap;
};

/* By white space. `w` is zeroed or was filled from the same arena since its last reset. */
void words_split(struct words *w, const struct char_classes *c, enum words_splitter how, slice text,
                 struct arena *arena);

void words_grow(struct words *w, struct arena *arena);

static inline void words_add(struct words *w, struct word word, struct arena *arena)
{
    if (UNLIKELY(w->count == w->cap))
        words_grow(w, arena);
    w->at[w->count++] = word;
}

static inline slice word_slice(slice text, const struct word *w)
{
    return slice_make(text.ptr + w->start, w->len);
}

#endif
