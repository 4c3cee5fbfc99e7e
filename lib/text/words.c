#include "words.h"

#include "../unicode.h"

void words_add(struct words *w, struct word word, struct arena *arena)
{
    if (w->count == w->cap) {
        ptrdiff_t cap = MAX(256, 2 * w->cap), size = (ptrdiff_t)sizeof *w->at;
        w->at = arena_grow(arena, w->at, w->cap * size, cap * size, _Alignof(struct word));
        w->cap = cap;
    }
    w->at[w->count++] = word;
}

void words_split(struct words *w, const struct char_classes *c, enum words_splitter how, slice text,
                 struct arena *arena)
{
    unsigned space = how == WORDS_WHITESPACE ? CHAR_SPACE : CHAR_WHITE;
    const unsigned char *begin = (const unsigned char *)text.ptr, *end = begin + text.len;
    const unsigned char *p = begin, *start = begin;
    uint32_t continued = 0, classes = 0; /* of the word that begins at `start` */

    ASSERT(text.len <= WORDS_TEXT_MAX);
    w->count = 0;
    while (p < end) {
        uint32_t cp = *p;
        int width = 1;
        unsigned bits;
        if (cp >= 0x80) {
            width = uni_decode((const char *)p, &cp);
            bits = char_class(c, cp);
        } else {
            bits = c->of[cp];
        }
        if (!(bits & space)) {
            classes |= bits;
            continued += (uint32_t)width - 1;
            p += width;
            continue;
        }
        if (p > start)
            words_add(w,
                      (struct word){ (uint32_t)(start - begin), (uint32_t)(p - start),
                                     (uint32_t)(p - start) - continued, classes },
                      arena);
        p += width;
        start = p;
        continued = classes = 0;
    }
    if (p > start)
        words_add(w,
                  (struct word){ (uint32_t)(start - begin), (uint32_t)(p - start),
                                 (uint32_t)(p - start) - continued, classes },
                  arena);
}
