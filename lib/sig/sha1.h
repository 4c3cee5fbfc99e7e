/* sha1.h: SHA-1, for signatures of other tools that are made with it; not for security
 *
 *     unsigned char digest[20];
 *     sha1_of(text, digest);
 *
 * Pure. Source: FIPS 180-4.
 */
#ifndef SHA1_H
#define SHA1_H

#include "../base.h"

void sha1_of(slice s, unsigned char digest[20]);

#endif
