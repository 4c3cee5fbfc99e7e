/* ntext.h: a text while it is normalized, and for each of its bytes where it comes from.
 *
 * What Hugging Face calls NormalizedString: every byte of the text as it is now has the range of bytes
 * of the original text that it stands for. The ranges are kept only when they are wanted; texts are
 * the same without them.
 *
 *     struct ntext t = { 0 };
 *     ntext_set(&t, text, base, true);             // offsets count from `base` on
 *     struct ntext_edit e = ntext_edit_start(&t, &out);
 *     ntext_put(&e, cp, 0); ...                     // changes as in hfuni.h
 *     ntext_edit_end(&e);                           // t is the new text, out is room for the next
 *     ntext_release(&t);
 */
#ifndef NTEXT_H
#define NTEXT_H

#include "../buf.h"
#include "../unicode.h"

struct align {
    uint32_t start, end;
};

struct ntext {
    struct buf text;
    struct align *align; /* of text.len elements; valid when `aligned` */
    ptrdiff_t align_cap;
    uint32_t base; /* where the text begins in the original */
    bool aligned;
};

void ntext_set(struct ntext *t, slice text, ptrdiff_t base, bool aligned);
/* The part [start, end) of another text, with its ranges. */
void ntext_set_part(struct ntext *t, const struct ntext *from, ptrdiff_t start, ptrdiff_t end);
void ntext_release(struct ntext *t);

static inline slice ntext_slice(const struct ntext *t)
{
    return (slice){ t->text.ptr ? t->text.ptr : "", t->text.len };
}

struct ntext_edit {
    struct ntext *text, *out;
    ptrdiff_t at; /* in the old text: what is replaced next */
};

struct ntext_edit ntext_edit_start(struct ntext *text, struct ntext *out);
/* change 0: in the place of the next character; > 0: inserted; < 0: -change more are removed. */
void ntext_put(struct ntext_edit *e, uint32_t cp, int32_t change);
/* Several bytes (whole characters) with the range of the old byte at `from`. */
void ntext_put_bytes(struct ntext_edit *e, slice bytes, ptrdiff_t from);
/* Bytes of the old text as they are. */
void ntext_copy(struct ntext_edit *e, ptrdiff_t start, ptrdiff_t end);
/* Inserted bytes: they belong to the old byte before `at`. */
void ntext_insert(struct ntext_edit *e, slice bytes, ptrdiff_t at);
/* Swaps the two texts. */
void ntext_edit_end(struct ntext_edit *e);

#endif
