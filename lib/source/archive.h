/* archive.h: the members of an archive or compressed stream, one after the other (libarchive).
 *
 * Formats: tar (all dialects), cpio, zip, 7z; filters: gzip, bzip2, xz, lzma, zstd, lz4, compress;
 * a compressed stream with no archive inside is one member with `raw` set. Nothing is ever
 * extracted: members are byte streams, their names are only text. No external programs are run.
 *
 * Input comes through two callbacks, so an archive can lie in a file, in a pipe or in a member of
 * another archive. zip and 7z need `pread`; the others read forward.
 *
 *     struct arc *a = arc_open(&input, &err);
 *     while ((st = arc_next(a, &member, &err)) == ARC_MEMBER)
 *         while ((n = arc_read(a, dst, cap, &err)) > 0) ...
 *     arc_close(a);
 *
 * gzip goes through codec.h's decoder, because libarchive does not check its checksums.
 *
 * A broken archive (truncated, bad checksum) is ERR_DATA "byte N: ...", how far the compressed
 * input was taken; the caller names the archive. Failures of the callbacks come through as they are. One
 * thread at a time. This is the named driver of the topic: the only file that includes libarchive.
 */
#ifndef ARCHIVE_DRIVER_H
#define ARCHIVE_DRIVER_H

#include "../err.h"

struct arc_input {
    void *self;
    /* Up to cap bytes; 0 at the end, -1 on failure. */
    ptrdiff_t (*read)(void *self, char *dst, ptrdiff_t cap, struct err *err);
    /* Exactly len bytes at offset; NULL: no seeking. */
    bool (*pread)(void *self, char *dst, ptrdiff_t len, int64_t offset, struct err *err);
    int64_t size; /* with pread */
};

enum arc_status { ARC_MEMBER, ARC_END, ARC_FAIL };
enum arc_kind { ARC_FILE, ARC_DIR, ARC_LINK, ARC_SPECIAL };

struct arc_member {
    slice path; /* bytes of the name as they are; valid until the next call; empty when raw */
    enum arc_kind kind;
    bool raw; /* not a member of an archive: the decompressed stream itself */
    bool encrypted;
};

/* What reading a member can end in, besides bytes. */
#define ARC_READ_FATAL  (-1) /* the archive cannot be read on */
#define ARC_READ_MEMBER (-2) /* only this member is broken */

struct arc *arc_open(const struct arc_input *input, struct err *err);
enum arc_status arc_next(struct arc *a, struct arc_member *m, struct err *err);
/* Bytes of the current member: > 0, 0 at its end, or ARC_READ_*. */
ptrdiff_t arc_read(struct arc *a, char *dst, ptrdiff_t cap, struct err *err);
/* Decompresses what is left of the member and forgets it, at most *budget bytes, which it lowers.
 * False: failed, or the budget is used up (*budget < 0). */
bool arc_skip(struct arc *a, int64_t *budget, struct err *err);
/* After ARC_END: the compressed stream held nothing at all (an empty archive is something else). */
bool arc_was_empty(struct arc *a);
void arc_close(struct arc *a); /* NULL is allowed */
const char *arc_library(void); /* "libarchive 3.6.2" */

#endif
