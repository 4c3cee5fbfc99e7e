#include "chars.h"

#include "../unicode.h"

static const struct {
    uint32_t first, last;
} terminal[] = {
#include "terminal_table.inc"
};

/* What datatrove lists by hand beside the controls and the terminal marks. */
static const char listed[] =
    "!/\u2014\u201D:\uFF05\uFF11\u3008&(\u3001\u2501\\\u3010#%\u300C\u300D\uFF0C\u3011\uFF1B+^]~"
    "\u201C\u300A\u201E';\u2019{|\u2236\u00B4[=-`*\uFF0E\uFF08\u2013\uFF1F\uFF01\uFF1A$\uFF5E\u00AB"
    "\u3009,><\u300B)?\uFF09\u3002\u2026@_.\"}\u25BA\u00BB";

unsigned char_class_far(uint32_t cp)
{
    return uni_category(cp) >> 8 == 'L' ? CHAR_LETTER | CHAR_PLAIN : CHAR_PLAIN;
}

static unsigned general_classes(uint32_t cp)
{
    int category = uni_category(cp);
    unsigned bits = 0;

    if (uni_is_space_python(cp))
        bits |= CHAR_SPACE;
    if (uni_is_space(cp))
        bits |= CHAR_WHITE;
    if (category >> 8 == 'L')
        bits |= CHAR_LETTER;
    if (category == UNI_CATEGORY('N', 'd'))
        bits |= CHAR_DIGIT;
    if ((cp >= 0x0A && cp <= 0x0D) || (cp >= 0x1C && cp <= 0x1E) || cp == 0x85 || cp == 0x2028 ||
        cp == 0x2029)
        bits |= CHAR_LINE;
    if ((cp < 32 && cp != '\t' && cp != '\n') || (cp >= 127 && cp < 160))
        bits |= CHAR_SYMBOL;
    return bits;
}

const struct char_classes *char_classes_new(struct arena *arena)
{
    struct char_classes *c = arena_new(arena, struct char_classes, 1);

    for (uint32_t cp = 0; cp < CHARS_TABLE; cp++)
        if (cp < 0xD800 || cp >= 0xF900)
            c->of[cp] = (uint8_t)general_classes(cp);
    for (ptrdiff_t i = 0; i < (ptrdiff_t)sizeof listed - 1;) {
        uint32_t cp;
        i += uni_decode(listed + i, &cp);
        c->of[cp] |= CHAR_SYMBOL;
    }
    for (int i = 0; i < countof(terminal); i++)
        for (uint32_t cp = terminal[i].first; cp <= terminal[i].last; cp++)
            c->of[cp] |= CHAR_TERMINAL | CHAR_SYMBOL;
    for (uint32_t cp = 0; cp < CHARS_TABLE; cp++)
        if (!(c->of[cp] & CHAR_SYMBOL))
            c->of[cp] |= CHAR_PLAIN;
    bytepair_add_first(&c->line_ends, 0, SLICE("\n\v\f\r"));
    bytepair_add_first(&c->line_ends, 1, SLICE("\x1C\x1D\x1E"));
    bytepair_add(&c->line_ends, 2, SLICE("\xC2"), SLICE("\x85"));
    bytepair_add(&c->line_ends, 3, SLICE("\xE2"), SLICE("\x80"));
    bytepair_ready(&c->line_ends);
    return c;
}
