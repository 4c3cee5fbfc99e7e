/* chars.h: the character classes of the quality rules, one byte of bits per code point.
 *
 * Built once from utf8proc's categories and the tables of the rules; read-only afterwards.
 *
 *     const struct char_classes *c = char_classes_new(&process_arena);
 *     if (char_class(c, cp) & CHAR_LETTER) ...
 *
 * Sources: Python's str methods (space, lines, letters); datatrove src/datatrove/utils/text.py at
 * a649de79 (PUNCTUATION, TERMINAL_PUNCTUATION).
 */
#ifndef CHARS_H
#define CHARS_H

#include "../arena.h"
#include "../simd/bytepair.h"

enum char_class {
    CHAR_SPACE = 1,    /* Python's white space: str.split(), str.strip() */
    CHAR_LETTER = 2,   /* general category L*: str.isalpha() */
    CHAR_SYMBOL = 4,   /* datatrove's PUNCTUATION_SET: listed marks, controls, terminal marks */
    CHAR_TERMINAL = 8, /* datatrove's TERMINAL_PUNCTUATION */
    CHAR_LINE = 16,    /* str.splitlines() ends a line here */
    CHAR_DIGIT = 32,   /* Nd: \d */
    CHAR_WHITE = 64,   /* Unicode's White_Space: Rust's split_whitespace() */
    CHAR_PLAIN = 128,  /* not CHAR_SYMBOL */
};

#define CHARS_TABLE                                                                                \
    0x20000 /* planes 0 and 1; others have no class but CHAR_LETTER and CHAR_PLAIN */

struct char_classes {
    uint8_t of[CHARS_TABLE];
    struct bytepair line_ends; /* where a CHAR_LINE may begin */
};

const struct char_classes *char_classes_new(struct arena *arena);
/* Code points beyond the table. */
unsigned char_class_far(uint32_t cp);

static inline unsigned char_class(const struct char_classes *c, uint32_t cp)
{
    return cp < CHARS_TABLE ? c->of[cp] : char_class_far(cp);
}

#endif
