/* unicode.h: code points, classes, case and normalization. The one place that knows utf8proc.
 *
 * All texts are valid UTF-8 (json_scan() has checked them); they may hold NUL. The Unicode version
 * is utf8proc's (uni_version()): classes and normal forms come from one source.
 *
 * Normalization costs next to nothing on normalized text: a byte pair scan (simd/bytepair.h) stops
 * at the blocks of code points that hold one which may take part in a change, and a bitmap knows
 * which those are (Unicode Standard Annex 15, section 9: quick check not "yes", or combining class
 * not 0). Only the segment around such a code point, from the last safe one to the next, is
 * decomposed and composed. The canonical ordering is a counting sort, so a long run of combining
 * marks stays linear.
 *
 *     struct uni_norm *nfc = uni_norm_new(UNI_NFC, &process_arena);   // read-only, any thread
 *     slice out = uni_normalize(nfc, text, &batch_arena);
 *     if (out.ptr == text.ptr) ... nothing changed, nothing was copied
 *
 * Pure and thread-safe. Memory: the bitmap (136 KiB) and the results, in the caller's arenas.
 */
#ifndef UNICODE_H
#define UNICODE_H

#include "arena.h"

#define UNI_REPLACEMENT 0xFFFD
#define UNI_LIMIT       0x110000

enum uni_form { UNI_NFC, UNI_NFKC, UNI_NFD, UNI_NFKD };

struct uni_norm;
struct uni_norm *uni_norm_new(enum uni_form form, struct arena *arena);
/* The normal form; `text` itself when it is normalized. `text` has RECORD_PADDING readable bytes
 * after it. A new text lies in the arena with
 * RECORD_PADDING readable bytes after it. */
slice uni_normalize(const struct uni_norm *n, slice text, struct arena *arena);

/* "15.0.0" */
const char *uni_version(void);

/* General category, as the two letters of the standard: 'L' << 8 | 'u'. */
#define UNI_CATEGORY(major, minor) ((major) << 8 | (minor))
int uni_category(uint32_t cp);
/* Simple mappings (one code point to one). */
uint32_t uni_lower(uint32_t cp);
uint32_t uni_upper(uint32_t cp);
/* May a grapheme cluster end between two neighbours (Unicode Standard Annex 29)? *state is 0 before the
 * first pair of a text. */
bool uni_grapheme_break(uint32_t before, uint32_t after, int32_t *state);
/* Number of code points. */
ptrdiff_t uni_count(slice text);

/* Unicode's White_Space. */
static inline bool uni_is_space(uint32_t cp)
{
    if (cp < 0x80)
        return cp == ' ' || (cp >= 9 && cp <= 13);
    return cp == 0x85 || cp == 0xA0 || cp == 0x1680 || (cp >= 0x2000 && cp <= 0x200A) ||
           cp == 0x2028 || cp == 0x2029 || cp == 0x202F || cp == 0x205F || cp == 0x3000;
}

/* What Python's str.split(), str.strip() and \s take as white space: White_Space and U+001C-001F.
 * */
static inline bool uni_is_space_python(uint32_t cp)
{
    return uni_is_space(cp) || (cp >= 0x1C && cp <= 0x1F);
}

/* The code point at p (valid UTF-8); returns its length in bytes, 1 to 4. */
static inline int uni_decode(const char *p, uint32_t *cp)
{
    const unsigned char *u = (const unsigned char *)p;

    if (LIKELY(u[0] < 0x80)) {
        *cp = u[0];
        return 1;
    }
    if (u[0] < 0xE0) {
        *cp = (uint32_t)(u[0] & 0x1F) << 6 | (u[1] & 0x3F);
        return 2;
    }
    if (u[0] < 0xF0) {
        *cp = (uint32_t)(u[0] & 0x0F) << 12 | (uint32_t)(u[1] & 0x3F) << 6 | (u[2] & 0x3F);
        return 3;
    }
    *cp = (uint32_t)(u[0] & 0x07) << 18 | (uint32_t)(u[1] & 0x3F) << 12 |
          (uint32_t)(u[2] & 0x3F) << 6 | (u[3] & 0x3F);
    return 4;
}

/* The code point that ends before `end`; returns its length. begin < end. */
static inline int uni_decode_back(const char *begin, const char *end, uint32_t *cp)
{
    const char *p = end - 1;

    while (p > begin && ((unsigned char)*p & 0xC0) == 0x80)
        p--;
    return uni_decode(p, cp);
}

/* Writes cp (not a surrogate) and returns its length; dst needs 4 bytes. */
static inline int uni_encode(char *dst, uint32_t cp)
{
    if (cp < 0x80) {
        dst[0] = (char)cp;
        return 1;
    }
    if (cp < 0x800) {
        dst[0] = (char)(0xC0 | cp >> 6);
        dst[1] = (char)(0x80 | (cp & 0x3F));
        return 2;
    }
    if (cp < 0x10000) {
        dst[0] = (char)(0xE0 | cp >> 12);
        dst[1] = (char)(0x80 | (cp >> 6 & 0x3F));
        dst[2] = (char)(0x80 | (cp & 0x3F));
        return 3;
    }
    dst[0] = (char)(0xF0 | cp >> 18);
    dst[1] = (char)(0x80 | (cp >> 12 & 0x3F));
    dst[2] = (char)(0x80 | (cp >> 6 & 0x3F));
    dst[3] = (char)(0x80 | (cp & 0x3F));
    return 4;
}

#endif
