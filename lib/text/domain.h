/* domain.h: the registered domain of a host name, by the Public Suffix List (libpsl).
 *
 *     slice d = domain_registered(SLICE("www.shop.example.co.uk"));     // "example.co.uk"
 *
 * The section of the registries (ICANN) counts, the private one does not: foo.github.io belongs to
 * github.io. Without libpsl at build time domain_available is false, and nothing may be asked. Pure and
 * thread-safe.
 */
#ifndef DOMAIN_H
#define DOMAIN_H

#include "../base.h"

extern const bool domain_available;

/* `host` is in lower case without a dot at its end. Empty when there is none: an address, a suffix
 * itself. A part of `host`. */
slice domain_registered(slice host);
/* Version of the library, and of its list. */
const char *domain_version(void);

#endif
