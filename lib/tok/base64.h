/* base64.h: bytes written as text (RFC 4648, the alphabet with + and /).
 *
 *     slice bytes;
 *     if (!base64_decode(text, &arena, &bytes)) ...
 */
#ifndef BASE64_H
#define BASE64_H

#include "../arena.h"

/* False when the text is not base64. With or without the padding at the end. */
bool base64_decode(slice text, struct arena *arena, slice *bytes);
/* With padding. */
slice base64_encode(slice bytes, struct arena *arena);

#endif
