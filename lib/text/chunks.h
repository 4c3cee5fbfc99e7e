/* chunks.h: what stands between ASCII white space, found 64 bytes at a time.
 *
 *     struct chunk_cursor c;
 *     struct chunk k;
 *     chunks_begin(&c, text);
 *     while (chunks_next(&c, &k)) ... slice_make(text.ptr + k.start, k.len)
 *
 * The white space is TAB to CR and the blank (simd/textmask.h). Whoever knows more white space
 * (U+001C-001F, U+00A0 ...) looks for it in chunks that are not letters alone. The text is padded
 * (RECORD_PADDING). Pure.
 */
#ifndef CHUNKS_H
#define CHUNKS_H

#include "../base.h"
#include "../simd/textmask.h"

#define CHUNK_BLOCKS 32 /* classified at a time */

struct chunk {
    ptrdiff_t start, len;
    bool letters; /* nothing but A-Z a-z */
    bool ascii;   /* nothing beyond U+007F */
};

struct chunk_cursor {
    slice text;
    ptrdiff_t at, first, filled; /* bytes: where to go on, and what the masks are about */
    textmask_fn *classify;
    struct textmask masks[CHUNK_BLOCKS];
};

static inline void chunks_begin(struct chunk_cursor *c, slice text)
{
    c->text = text;
    c->at = c->first = c->filled = 0;
    c->classify = textmask_pick();
}

/* The masks from the block of byte `at` on. */
void chunks_fill(struct chunk_cursor *c, ptrdiff_t at);

static inline const struct textmask *chunks_mask(struct chunk_cursor *c, ptrdiff_t at)
{
    if (UNLIKELY(at >= c->filled))
        chunks_fill(c, at);
    return &c->masks[(at - c->first) / TEXTMASK_BYTES];
}

static inline bool chunks_next(struct chunk_cursor *c, struct chunk *k)
{
    ptrdiff_t i = c->at, len = c->text.len;
    uint64_t other = 0, high = 0;

    for (;; i = (i | (TEXTMASK_BYTES - 1)) + 1) {
        if (UNLIKELY(i >= len))
            return false;
        uint64_t words = ~chunks_mask(c, i)->space >> (i & (TEXTMASK_BYTES - 1));
        if (LIKELY(words)) {
            i += __builtin_ctzll(words);
            break;
        }
    }
    if (UNLIKELY(i >= len))
        return false;
    k->start = i;
    for (bool ended = false; !ended && i < len;) {
        const struct textmask *m = chunks_mask(c, i);
        int shift = (int)(i & (TEXTMASK_BYTES - 1));
        uint64_t space = m->space >> shift;
        int n = space ? __builtin_ctzll(space) : TEXTMASK_BYTES - shift;
        uint64_t bits = n == TEXTMASK_BYTES ? ~(uint64_t)0 : ((uint64_t)1 << n) - 1;
        other |= ~m->letter >> shift & bits;
        high |= m->high >> shift & bits;
        i += n;
        ended = space != 0;
    }
    k->len = MIN(i, len) - k->start;
    k->letters = !other;
    k->ascii = !high;
    c->at = i;
    return true;
}

#endif
