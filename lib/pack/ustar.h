/* ustar.h: WebDataset shards: plain tar files of one small file per sample.
 *
 * A record is the member NUMBER.json: its key has nine digits or more and no dot, so that every
 * reader finds the suffix. Mode 0444, owner 0, time 0: the bytes depend on the record alone. A tar
 * ends with two blocks of zeros. A member is smaller than 8 GiB (octal in the header).
 *
 * Pure. Source: POSIX.1-2017 pax, ustar interchange format; webdataset tariterators.py.
 */
#ifndef USTAR_H
#define USTAR_H

#include "../base.h"

#define USTAR_BLOCK 512
#define USTAR_END   (2 * USTAR_BLOCK)

/* The header of sample `number` with `bytes` of content. */
void ustar_head(char dst[USTAR_BLOCK], int64_t number, int64_t bytes);
/* What a sample takes: header, content, zeros up to a block. */
int64_t ustar_bytes(int64_t content);
/* A header that ustar_head wrote: its content's size, -1 for another one, -2 for a block of zeros. */
int64_t ustar_parse(const char src[USTAR_BLOCK], int64_t number);

#endif
