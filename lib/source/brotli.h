/* brotli.h: bodies in Content-Encoding br (RFC 7932), when libbrotlidec was there at build time.
 *
 * Pure and thread-safe. The only file that includes brotli's header.
 */
#ifndef BROTLI_CODING_H
#define BROTLI_CODING_H

#include "../buf.h"

extern const bool brotli_available;
/* Appends what `body` decodes to. False: not brotli, cut off, or out is full (out->overflow). */
bool brotli_decode(slice body, struct buf *out);

#endif
