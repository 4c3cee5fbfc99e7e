/* charset.h: from bytes in some charset to UTF-8.
 *
 * Order of evidence: a byte order mark; valid UTF-8; the shape of UTF-16 without a mark; statistical
 * detection (libuchardet, when it was there at build time: charset_can_detect). What detection names
 * is what browsers mean by the name (charset_label): ISO-8859-1 is read as windows-1252.
 * Conversion is iconv(3) and strict: a byte that the charset does not have ends it with its offset.
 *
 * Whole texts:
 *     const char *from = charset_guess(text, &bom);     // "UTF-8", "UTF-16LE", ... or NULL
 *     if (!charset_convert(slice_from(text, bom), from, arena, &utf8, &bad_at)) ...
 * Streams (a charset_stream keeps a sequence that is cut between two reads):
 *     struct charset_stream *cs = charset_open("UTF-16LE");
 *     charset_feed(cs, bytes, last, &buf, &bad_at);
 *     charset_close(cs);
 *
 * Pure; each stream belongs to one thread.
 */
#ifndef CHARSET_H
#define CHARSET_H

#include "../arena.h"
#include "../buf.h"

extern const bool charset_can_detect;

/* "UTF-8", "UTF-16LE", "UTF-16BE", "UTF-32LE", "UTF-32BE" and the length of the mark, or NULL. */
const char *charset_bom(slice head, ptrdiff_t *bom_bytes);
/* The name of the charset of `text`, NULL when nobody can tell. *bom_bytes is 0 without mark.
 * text may be cut anywhere when it is only the head of something (whole false). The name is static
 * or in the arena. */
const char *charset_guess(slice text, bool whole, ptrdiff_t *bom_bytes, struct arena *arena);
/* Every name here is a label of browsers (charset_label) or else a name of iconv. */
bool charset_known(const char *name);
/* What a page or a header means by a charset's name: the label table of the WHATWG Encoding
 * Standard (latin1 is windows-1252, gb2312 is gbk). *standard: its name there, may be NULL. NULL
 * when no browser knows it. ASCII case and space around it do not matter. */
const char *charset_label(slice label, const char **standard);

/* The whole of `text`; the result is in the arena, padded. *bad_at: offset in text of the first bad
 * byte, -1 when the charset is unknown. */
bool charset_convert(slice text, const char *from, struct arena *arena, slice *utf8,
                     ptrdiff_t *bad_at);

struct charset_stream *charset_open(const char *from); /* NULL: unknown charset */
/* Appends what `bytes` decode to. last: nothing follows, a cut sequence is bad. *bad_at counts
 * within all bytes fed so far. */
bool charset_feed(struct charset_stream *cs, slice bytes, bool last, struct buf *out,
                  int64_t *bad_at);
void charset_close(struct charset_stream *cs); /* NULL is allowed */

#endif
