#include "wordbreak.h"

#include "../unicode.h"
#include "chunks.h"

static const struct {
    uint32_t first, last;
    uint8_t class;
} ranges[] = {
#include "wordbreak_table.inc"
};

enum break_class {
    BREAK_OTHER,
    BREAK_CR,
    BREAK_LF,
    BREAK_NEWLINE,
    BREAK_EXTEND,
    BREAK_ZWJ,
    BREAK_FORMAT,
    BREAK_KATAKANA,
    BREAK_HEBREW,
    BREAK_LETTER,
    BREAK_SINGLE_QUOTE,
    BREAK_DOUBLE_QUOTE,
    BREAK_MIDNUMLET,
    BREAK_MIDLETTER,
    BREAK_MIDNUM,
    BREAK_NUMERIC,
    BREAK_EXTENDNUMLET,
    BREAK_REGIONAL,
    BREAK_SPACE,
    BREAK_CLASS = 31,
    BREAK_PICTOGRAPH = 32,
    BREAK_ALNUM = 64,
};

struct wordbreak {
    uint8_t of[CHARS_TABLE];
};

const struct wordbreak *wordbreak_new(struct arena *arena)
{
    struct wordbreak *wb = arena_new(arena, struct wordbreak, 1);

    for (int i = 0; i < countof(ranges); i++)
        for (uint32_t cp = ranges[i].first; cp <= ranges[i].last && cp < CHARS_TABLE; cp++)
            wb->of[cp] = ranges[i].class;
    return wb;
}

static unsigned far_class(uint32_t cp)
{
    int low = 0, high = countof(ranges);

    while (low < high) {
        int middle = (low + high) / 2;
        if (ranges[middle].last < cp)
            low = middle + 1;
        else
            high = middle;
    }
    return low < countof(ranges) && ranges[low].first <= cp ? ranges[low].class : 0;
}

static unsigned class_at(const struct wordbreak *wb, slice text, ptrdiff_t at, int *width)
{
    uint32_t cp;

    *width = uni_decode(text.ptr + at, &cp);
    return cp < CHARS_TABLE ? wb->of[cp] : far_class(cp);
}

static bool is_ignored(unsigned c) /* WB4 */
{
    return c == BREAK_EXTEND || c == BREAK_FORMAT || c == BREAK_ZWJ;
}

static bool is_letter(unsigned c)
{
    return c == BREAK_LETTER || c == BREAK_HEBREW;
}

static bool is_midletter(unsigned c)
{
    return c == BREAK_MIDLETTER || c == BREAK_MIDNUMLET || c == BREAK_SINGLE_QUOTE;
}

static bool is_midnum(unsigned c)
{
    return c == BREAK_MIDNUM || c == BREAK_MIDNUMLET || c == BREAK_SINGLE_QUOTE;
}

/* The class of the first character from `at` on that WB4 does not skip. */
static unsigned next_class(const struct wordbreak *wb, slice text, ptrdiff_t at)
{
    while (at < text.len) {
        int width;
        unsigned c = class_at(wb, text, at, &width) & BREAK_CLASS;
        if (!is_ignored(c))
            return c;
        at += width;
    }
    return BREAK_OTHER;
}

/* What stands before a place: characters that WB4 skips belong to the one before them. */
struct before {
    unsigned last, second; /* classes, BREAK_OTHER at the start */
    bool zwj;              /* the very last character is one */
    bool any;
    int regional; /* Regional_Indicators in a row */
};

/* WB3 to WB16, in their order; `after` is where the character behind `next` begins. */
static bool breaks(const struct wordbreak *wb, slice text, const struct before *b, unsigned next,
                   ptrdiff_t after)
{
    unsigned c = next & BREAK_CLASS, last = b->last;

    if (last == BREAK_CR && c == BREAK_LF)
        return false;
    if ((last >= BREAK_CR && last <= BREAK_NEWLINE) || (c >= BREAK_CR && c <= BREAK_NEWLINE))
        return true;
    if (b->zwj && next & BREAK_PICTOGRAPH)
        return false;
    if (is_ignored(c))
        return false;
    if (last == BREAK_SPACE && c == BREAK_SPACE && b->any)
        return false;
    if (is_letter(last)) {
        if (is_letter(c) || c == BREAK_NUMERIC || c == BREAK_EXTENDNUMLET)
            return false;
        if (is_midletter(c) && is_letter(next_class(wb, text, after)))
            return false;
        if (last == BREAK_HEBREW &&
            (c == BREAK_SINGLE_QUOTE ||
             (c == BREAK_DOUBLE_QUOTE && next_class(wb, text, after) == BREAK_HEBREW)))
            return false;
    }
    if (is_midletter(last) && is_letter(b->second) && is_letter(c))
        return false;
    if (last == BREAK_DOUBLE_QUOTE && b->second == BREAK_HEBREW && c == BREAK_HEBREW)
        return false;
    if (last == BREAK_NUMERIC) {
        if (c == BREAK_NUMERIC || is_letter(c) || c == BREAK_EXTENDNUMLET)
            return false;
        if (is_midnum(c) && next_class(wb, text, after) == BREAK_NUMERIC)
            return false;
    }
    if (is_midnum(last) && b->second == BREAK_NUMERIC && c == BREAK_NUMERIC)
        return false;
    if (last == BREAK_KATAKANA && (c == BREAK_KATAKANA || c == BREAK_EXTENDNUMLET))
        return false;
    if (last == BREAK_EXTENDNUMLET &&
        (c == BREAK_EXTENDNUMLET || is_letter(c) || c == BREAK_NUMERIC || c == BREAK_KATAKANA))
        return false;
    return !(last == BREAK_REGIONAL && c == BREAK_REGIONAL && b->regional % 2);
}

static void pass(struct before *b, unsigned next)
{
    unsigned c = next & BREAK_CLASS;
    bool at_newline = b->last >= BREAK_CR && b->last <= BREAK_NEWLINE;

    b->zwj = c == BREAK_ZWJ;
    /* WB3d is about neighbours: what is skipped between two blanks keeps them apart. */
    b->any = !is_ignored(c);
    if (is_ignored(c) && !at_newline)
        return;
    b->regional = c == BREAK_REGIONAL ? b->regional + 1 : 0;
    b->second = b->last;
    b->last = c;
}

static void split_range(const struct wordbreak *wb, const struct char_classes *c, slice text,
                        ptrdiff_t at, ptrdiff_t end, struct words *w, struct arena *arena)
{
    struct before before = { 0 };
    ptrdiff_t start = at;
    uint32_t chars = 0, classes = 0;
    bool alnum = false;

    text.len = end;
    while (at < end) {
        int width;
        uint32_t cp;
        unsigned next = class_at(wb, text, at, &width);
        if (at > start && breaks(wb, text, &before, next, at + width)) {
            if (alnum)
                words_add(w,
                          (struct word){ (uint32_t)start, (uint32_t)(at - start), chars, classes },
                          arena);
            start = at;
            chars = classes = 0;
            alnum = false;
        }
        pass(&before, next);
        uni_decode(text.ptr + at, &cp);
        chars++;
        classes |= char_class(c, cp);
        alnum |= (next & BREAK_ALNUM) != 0;
        at += width;
    }
    if (alnum)
        words_add(w, (struct word){ (uint32_t)start, (uint32_t)(end - start), chars, classes },
                  arena);
}

/* There is a boundary on both sides of ASCII white space but in front of what WB4 skips, and blanks
 * belong to no word: chunks are split one by one. */
void wordbreak_split(const struct wordbreak *wb, const struct char_classes *c, slice text,
                     struct words *w, struct arena *arena)
{
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
            split_range(wb, c, text, k.start, k.start + k.len, w, arena);
    }
}
