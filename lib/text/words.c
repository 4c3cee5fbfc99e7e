#include "words.h"

#include "../unicode.h"

static struct word *add_word(struct words *w, struct arena *arena)
{
    if (w->count == w->cap) {
        ptrdiff_t cap = MAX(256, 2 * w->cap), size = (ptrdiff_t)sizeof *w->at;
        w->at = arena_grow(arena, w->at, w->cap * size, cap * size, _Alignof(struct word));
        w->cap = cap;
    }
    return &w->at[w->count++];
}

void words_split(struct words *w, const struct char_classes *c, enum words_splitter how, slice text,
                 struct arena *arena)
{
    unsigned space = how == WORDS_WHITESPACE ? CHAR_SPACE : CHAR_WHITE;
    const char *p = text.ptr, *end = text.ptr + text.len;

    ASSERT(text.len <= WORDS_TEXT_MAX);
    w->count = 0;
    while (p < end) {
        uint32_t cp, chars = 0, classes = 0;
        int width = uni_decode(p, &cp);
        unsigned bits = char_class(c, cp);
        const char *start = p;
        while (!(bits & space)) {
            classes |= bits | (~bits & CHAR_SYMBOL) * (WORD_NOT_SYMBOL / CHAR_SYMBOL);
            chars++;
            p += width;
            if (p == end)
                break;
            width = uni_decode(p, &cp);
            bits = char_class(c, cp);
        }
        if (chars)
            *add_word(w, arena) = (struct word){ (uint32_t)(start - text.ptr),
                                                 (uint32_t)(p - start), chars, classes };
        if (p < end)
            p += width;
    }
}
