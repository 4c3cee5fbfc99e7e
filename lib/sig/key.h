/* key.h: what two records have in common when they are duplicates.
 *
 *   bytes       the decoded bytes of the field
 *   normalized  NFC, then the simple lower case of every code point, each run of White_Space one
 *               U+0020 and none at the ends, then NFC again
 *   json        the value of any member in a canonical form: no white space outside strings, strings
 *               with the shortest escapes; numbers and the order of members as they are written (1.0
 *               is not 1)
 *
 * A key is borrowed from the text or record where it can be, else it lies in the arena. Pure.
 *
 *     slice key = key_normalized(nfc, text, &arena);
 */
#ifndef KEY_H
#define KEY_H

#include "../json.h"
#include "../unicode.h"

slice key_normalized(const struct uni_norm *nfc, slice text, struct arena *arena);
/* The member at `span` of a scanned record. False on a lone surrogate. */
bool key_json(slice record, struct json_span span, struct arena *arena, slice *key,
              struct json_fault *fault);

#endif
