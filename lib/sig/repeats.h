/* repeats.h: what occurs twice in a collection of texts, found by suffix arrays in bounded memory
 *
 * A window is N bytes, N code points or N words of one text. A window repeats when its first
 * occurrence in the collection ends before it begins (keep-first), or, with `all`, when it occurs
 * anywhere else; the ranges are the unions of the windows that repeat. That says nothing of parts,
 * so the result does not depend on them.
 *
 * The windows are worked on in parts that fit the memory: the suffix array of a part (libdivsufsort)
 * brings equal windows together, and a hash table of those that stay finds, by a rolling hash and
 * then by their bytes, what earlier parts have of them. Time is that of suffix sorting plus one
 * pass over what lies before each part; so it is quadratic in size / memory, with a small factor.
 *
 * Words are separated by white space, whatever its kind and length: repeats_words() writes a text
 * as its words, each followed by one NUL byte, and ranges are in that form (NUL in a text is white
 * space). A window of more than REPEATS_WINDOW_MAX bytes does not count.
 *
 *     struct repeats r = { .n = 50, .unit = REPEATS_WORDS, .memory_bytes = 1 << 30 };
 *     repeats_add(&r, text, &err) ...               // for words: what repeats_words() made
 *     repeats_find(&r, &err);
 *     while (repeats_next_range(&r, &range, &err) && range.end) ...   // in the order of the texts
 *     repeats_release(&r);
 *
 * Memory: 14 bytes per byte of a part, and the spills' share. Without libdivsufsort at build time
 * repeats_find fails with ERR_USAGE. Pure but for its spills; one thread at a time.
 *
 * Source: Lee et al. 2022, Deduplicating Training Data Makes Language Models Better; Mori,
 * libdivsufsort.
 */
#ifndef REPEATS_H
#define REPEATS_H

#include "../arena.h"
#include "spill.h"

#define REPEATS_WINDOW_MAX ((ptrdiff_t)65536)

enum repeats_unit { REPEATS_BYTES, REPEATS_CHARS, REPEATS_WORDS };

struct repeats_range {
    int64_t start, end; /* bytes in all texts, one behind the other; end 0: no further range */
};

struct repeats {
    int64_t n; /* set by the caller, like the next three */
    enum repeats_unit unit;
    bool all;
    int64_t memory_bytes;
    struct spill texts, ends, ranges; /* ends: int64_t per text */
    struct spill flags;               /* a bit per place: the window there repeats */
    int64_t text_count, range_count, part_count, windows;
    int64_t range_at; /* given back so far */
    struct repeats_range open;
};

extern const bool repeats_available;

bool repeats_add(struct repeats *r, slice text, struct err *err);
bool repeats_find(struct repeats *r, struct err *err);
bool repeats_next_range(struct repeats *r, struct repeats_range *range, struct err *err);
void repeats_release(struct repeats *r);

/* The words of a text, each with a NUL behind it. starts (may be NULL) gets for each word its first
 * byte in `text` and the byte behind its last; it has room for text.len / 2 + 1 of them. */
struct repeats_word {
    ptrdiff_t start, end;
};
slice repeats_words(slice text, struct arena *arena, struct repeats_word *words, ptrdiff_t *count);

#endif
