/* magic.h: what a run of bytes is, by its first bytes and its name.
 *
 * Three questions, asked in this order for every file and every member of an archive:
 *   magic_container  is it an archive or a compressed stream that has to be opened?
 *   magic_media      which media type do the first bytes have? (WHATWG MIME sniffing where it has
 *                    an answer, the well-known signatures elsewhere)
 *   magic_format     which reader takes it: text, HTML, JSON Lines, JSON, CSV, TSV?
 *
 * Containers are told by content alone. The format goes by the suffix where it is a known one, else
 * by content: a first line that is a JSON object is JSON Lines, `[` followed by a value is JSON,
 * what magic_media calls HTML is HTML.
 * Web archives are told by content whatever their name; CSV and TSV never are.
 *
 *     struct magic_media m = magic_media(head);
 *     if (m.binary) ... reject "binary: m.name"
 *
 * Everything is pure and thread-safe. Signatures: WHATWG MIME Sniffing Standard sections 5 to 7, and
 * the format specifications of the others.
 */
#ifndef MAGIC_H
#define MAGIC_H

#include "../base.h"

/* The first bytes that decide everything; more are never looked at. */
#define MAGIC_HEAD_BYTES (1 << 16)

enum magic_container {
    MAGIC_PLAIN,      /* no container */
    MAGIC_COMPRESSED, /* gzip, bzip2, xz, zstd, lz4: one stream, perhaps with an archive inside */
    MAGIC_TAR,
    MAGIC_CPIO,
    MAGIC_ZIP, /* read with seeks */
    MAGIC_7Z,  /* read with seeks */
};

struct magic_media {
    const char *name; /* "text/plain", "application/pdf" */
    bool binary;      /* not text in any charset */
};

enum magic_format {
    MAGIC_AUTO,
    MAGIC_TEXT,
    MAGIC_JSONL,
    MAGIC_JSON,
    MAGIC_CSV,
    MAGIC_TSV,
    MAGIC_WARC,
    MAGIC_ARC,
    MAGIC_HTML,
    MAGIC_SUBTITLES
};

/* name: the file's or member's; a zip by content whose suffix is that of an office document, an
 * e-book or a program package is MAGIC_PLAIN (and its media type binary). */
enum magic_container magic_container(slice head, slice name);
/* head: at most MAGIC_HEAD_BYTES are looked at. */
struct magic_media magic_media(slice head);
/* name may end in .gz, .zst and so on; whole: head is all there is. Never MAGIC_AUTO. */
enum magic_format magic_format(slice head, bool whole, slice name);
/* The name without one suffix of a compressed stream: a.jsonl.gz -> a.jsonl. */
slice magic_strip_suffix(slice name);
/* ASCII letters without case. */
bool magic_has_suffix(slice name, const char *suffix);

#endif
