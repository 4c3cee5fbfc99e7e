/* http.h: an HTTP message as a crawler stored it: status, header fields, body without its codings.
 *
 * Transfer-Encoding chunked and Content-Encoding gzip, deflate (with and without zlib's header) and
 * br are undone. Crawlers store bodies decoded and keep the header fields that say otherwise: a body
 * that does not begin as its coding does is taken as it is. Pure and thread-safe.
 * Sources: RFC 9110, RFC 9112 section 7.1.
 */
#ifndef HTTP_H
#define HTTP_H

#include "../arena.h"

struct http_message {
    int status;   /* 0: no status line */
    slice fields; /* the header lines */
    slice body;
};

/* The value of a header field without space around it; empty when it is not there. name in lower
 * case. fields: lines; continuation lines belong to their field's value and are cut off. */
slice http_field(slice fields, const char *name);
/* Cuts status line, fields and raw body. False: no end of the header. */
bool http_parse(slice message, struct http_message *m);
/* The media type of a Content-Type value in lower case, and its charset parameter. */
void http_media(slice value, struct arena *arena, slice *media, slice *charset);
/* NULL, or why the body cannot be decoded. In place, or in the arena and padded; at most max_bytes. */
const char *http_decode(struct http_message *m, int64_t max_bytes, struct arena *arena);

#endif
