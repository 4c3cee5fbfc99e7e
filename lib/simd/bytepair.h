/* bytepair.h: find the next place where a byte and the byte after it are of matching classes.
 *
 * Up to 8 classes, one bit each: the scan stops at i when first[b[i]] & second[b[i+1]] is not 0.
 * That is the pre-filter of everything in lib/text that looks for rare places in a text ("a space
 * before a line feed", "a lead byte of U+200B"): most texts are scanned without one stop.
 *
 *     struct bytepair p = { 0 };
 *     bytepair_add(&p, 0, SLICE(" "), SLICE(" \n"));
 *     bytepair_add_first(&p, 1, SLICE("\t"));          // whatever follows
 *     bytepair_ready(&p);
 *     for (ptrdiff_t i = 0; (i = bytepair_find(&p, text, i)) < text.len; i++) ...
 *
 * Kernels: scalar table; AVX2 with nibble tables (Mula's byte classification; a class there is the
 * product of its nibble sets, so hits are checked with the exact tables); AVX-512 VBMI with the
 * whole 256-byte tables in registers. All give the same places. A vector kernel reads up to 64
 * bytes beyond the text (RECORD_PADDING); the byte after the last one counts as the byte that is
 * there, so classes that need a second byte may stop at the last place: callers look closer anyway.
 * Pure; a prepared pair is read-only.
 */
#ifndef BYTEPAIR_H
#define BYTEPAIR_H

#include "../base.h"

struct bytepair {
    uint8_t first[256], second[256];
    uint8_t first_low[16], first_high[16], second_low[16], second_high[16];
    bool any;
};

/* Adds to class `bit`; all pairs of one class share the product of its bytes. */
void bytepair_add(struct bytepair *p, int bit, slice first, slice second);
void bytepair_add_first(struct bytepair *p, int bit, slice first);
/* Fills the nibble tables; after the last add. */
void bytepair_ready(struct bytepair *p);

/* The first place at or after `at`, or text.len. */
ptrdiff_t bytepair_find(const struct bytepair *p, slice text, ptrdiff_t at);

/* The rows, for tests. Each returns an exact place. */
ptrdiff_t bytepair_find_scalar(const struct bytepair *p, slice text, ptrdiff_t at);
ptrdiff_t bytepair_find_avx2(const struct bytepair *p, slice text, ptrdiff_t at);
ptrdiff_t bytepair_find_avx512vbmi(const struct bytepair *p, slice text, ptrdiff_t at);

#endif
