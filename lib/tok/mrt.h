/* mrt.h: a tokenizer compiled into one file whose tables are used where they lie.
 *
 * Reading a tokenizer.json means building a hash table of every token and merge. An .mrt file holds
 * those tables as they are in memory, so that a mapped file is ready after it was checked: the check
 * sum of all of it, and that no offset, id or slot leads out of its table. Byte order and layout are
 * those of this program's version on a little-endian machine; another version refuses the file.
 *
 *     head      8 bytes "MRTOKMRT"  u32 version  u32 sections  u64 size of the file
 *               16 bytes XXH3-128 of all that follows
 *     sections  u64 offset, u64 bytes of each (enum mrt_section); offsets are multiples of 64
 *
 *     mrt_write(t, json, &buf, &err)      // json: the tokenizer.json that t was loaded from
 *     t = tok_load(&conf, mapped_file, ...)                     // recognised by its first bytes
 *
 * Byte-level BPE from a tokenizer.json only; others are ERR_CONFIG and load fast enough.
 */
#ifndef MRT_H
#define MRT_H

#include "../buf.h"
#include "tok.h"

#define MRT_MAGIC "MRTOKMRT"

struct mrt_image; /* what the loaders take from a file instead of the JSON text */

bool mrt_is(slice bytes);
bool mrt_write(const struct tok *t, slice json, struct buf *out, struct err *err);

/* For load.c: checks the file, which must stay where it is, and gives the small JSON in it. */
struct mrt_image *mrt_open(slice bytes, slice *json, struct arena *arena, struct err *err);
/* For the loaders of a tok with an image: its vocabulary and merges, what tok_finish() computes from
 * them, what ids decode to, the fingerprint. */
void mrt_vocab(struct tok *t);
void mrt_merges(struct tok *t);
void mrt_tables(struct tok *t);
void mrt_bytes(struct tok *t);
void mrt_fingerprint(struct tok *t);

#endif
