/* bytelevel.h: the alphabet of byte-level tokenizers: one printable character for each byte.
 *
 * 0x21-0x7E, 0xA1-0xAC and 0xAE-0xFF stand for themselves (as code points); the other 68 bytes, in
 * order, are U+0100, U+0101 ... So the blank is U+0120 and the line feed U+010A.
 * Source: GPT-2's bytes_to_unicode (openai/gpt-2, src/encoder.py).
 */
#ifndef BYTELEVEL_H
#define BYTELEVEL_H

#include "../base.h"

#define BYTELEVEL_LIMIT 0x144 /* code points of the alphabet are below it */

uint32_t bytelevel_char(unsigned char byte);
/* The byte that the code point stands for, or -1. */
int bytelevel_byte(uint32_t cp);
/* Writes bytes in the alphabet; dst needs 2 * len. Returns the length. */
ptrdiff_t bytelevel_encode(slice bytes, char *dst);
/* The bytes of a text in the alphabet; -1 when a character is not in it (dst is then undefined).
 * dst needs text.len. */
ptrdiff_t bytelevel_decode(slice text, char *dst);

#endif
