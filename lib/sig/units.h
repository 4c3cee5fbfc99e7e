/* units.h: a text cut into the lines, paragraphs or sentences that are compared one by one
 *
 *   line         what lies between line feeds
 *   paragraph    what lies between runs of two or more line feeds
 *   sentences:N  every N consecutive sentences: a window. A sentence ends behind a run of . ! ? and
 *                their kin (with quotes and brackets that close behind them) that is followed by
 *                white space, behind a full stop of a script without spaces, and at a blank line.
 *                It has no white space at its ends. There are no abbreviations: "Mr. X" is two.
 *
 * The separator in front of a unit goes with it: units_join keeps the others exactly as they are,
 * and all of them give the text back. A unit of fewer than min_chars code points is ignored: it
 * stays and is compared with nothing.
 *
 * Keys: the bytes, key_normalized(), or UNITS_CCNET: cc_net's normalize_for_dedup (without white
 * space
 * at the ends, lower case, every decimal digit 0, 34 punctuation marks and control characters
 * deleted), or UNITS_DATATROVE: simplify_text (peerfold.h). The key of a window is its
 * sentences' keys with a blank between them.
 *
 *     struct units_conf c = { .kind = UNITS_LINE, .window = 1, .min_chars = 1 };
 *     struct units u;
 *     units_cut(&c, text, &arena, &u);
 *     for (ptrdiff_t i = 0; i < u.item_count; i++) ... u.items[i].hash, u.item_unit[i]
 *     slice rest = units_join(&u, removed, &arena);
 *
 * Source of the rules of cc_net: facebookresearch/cc_net text_normalizer.py. Pure; results are in
 * the arena and borrow from the text, which is padded.
 */
#ifndef UNITS_H
#define UNITS_H

#include "../unicode.h"
#include "later.h"
#include "peerfold.h"

enum units_kind { UNITS_LINE, UNITS_PARAGRAPH, UNITS_SENTENCES };
enum units_key { UNITS_BYTES, UNITS_NORMALIZED, UNITS_CCNET, UNITS_DATATROVE };

struct units_conf {
    enum units_kind kind;
    enum units_key key;
    int window; /* sentences per window; 1 for the others */
    int64_t min_chars;
    int hash_bits;                 /* 0: all */
    const struct uni_norm *nfc;    /* for UNITS_NORMALIZED */
    const struct peerfold *folded; /* for UNITS_DATATROVE */
};

struct units_span {
    ptrdiff_t start, end; /* bytes in the text */
};

struct units {
    slice text;
    struct units_span *at;
    ptrdiff_t count, cap;
    struct later_item *items; /* what is compared */
    ptrdiff_t *item_unit;     /* the unit, or the first of the window */
    ptrdiff_t item_count;
    int window;
};

void units_cut(const struct units_conf *c, slice text, struct arena *arena, struct units *u);
/* Items that are repeated in this text become known: the first one stays. */
void units_find_repeats(struct units *u, struct arena *arena);
/* removed[i]: unit i goes. The text of the others; the text itself when none goes. */
slice units_join(const struct units *u, const bool *removed, struct arena *arena);

/* Nothing but white space. */
bool units_is_blank(slice text);
/* {"unit":kind,"bytes":[[from,to],...],"chars":[...]} of spans in their order: byte offsets, and the
 * same in code points. */
void units_ranges_json(struct buf *b, const char *kind, slice text, const struct units_span *spans,
                       ptrdiff_t count);

#endif
