#include "words.h"

#include "../unicode.h"
#include "chunks.h"

void words_grow(struct words *w, struct arena *arena)
{
    ptrdiff_t cap = MAX(256, 2 * w->cap), size = (ptrdiff_t)sizeof *w->at;

    w->at = arena_grow(arena, w->at, w->cap * size, cap * size, _Alignof(struct word));
    w->cap = cap;
}

/* A chunk that is not letters alone may hold white space that is not ASCII's. */
static void split_chunk(struct words *w, const struct char_classes *c, unsigned space, slice text,
                        const struct chunk *k, struct arena *arena)
{
    const unsigned char *begin = (const unsigned char *)text.ptr;
    const unsigned char *p = begin + k->start, *start = p, *end = p + k->len;
    uint32_t continued = 0, classes = 0; /* of the word that begins at `start` */

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
        if (LIKELY(!(bits & space))) {
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

void words_split(struct words *w, const struct char_classes *c, enum words_splitter how, slice text,
                 struct arena *arena)
{
    unsigned space = how == WORDS_WHITESPACE ? CHAR_SPACE : CHAR_WHITE;
    struct chunk_cursor cursor;
    struct chunk k;

    ASSERT(text.len <= WORDS_TEXT_MAX);
    w->count = 0;
    chunks_begin(&cursor, text);
    while (chunks_next(&cursor, &k)) {
        if (k.letters)
            words_add(w,
                      (struct word){ (uint32_t)k.start, (uint32_t)k.len, (uint32_t)k.len,
                                     CHAR_LETTER | CHAR_PLAIN },
                      arena);
        else
            split_chunk(w, c, space, text, &k, arena);
    }
}
