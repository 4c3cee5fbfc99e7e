/* leaves.h: every document file that the operands lead to, in a fixed order.
 *
 * Operands are files, folders, archives, compressed files and "-" (stdin). A folder is walked depth
 * first, its entries in byte order; symbolic links found in it are not followed (an operand that is
 * one, is). An archive gives its members in their order in the archive. One archive or compressed
 * file may lie in another; what lies deeper is bad ("nested too deep"), not silently kept packed.
 *
 * Names. A leaf's id is the path as it was given or found, for a member ARCHIVE!MEMBER. Member names
 * are text only and never reach the file system: a leading "/", "./" and empty parts are removed,
 * a ".." part makes the member bad; control bytes and bytes that are not UTF-8 become %XX.
 * A name that an archive holds more than once is made distinct from its second member on, in the
 * order of the archive: a.txt, a~2.txt, a~3.txt. For that, 22 to 43 bytes per member are kept while
 * the archive is read.
 * Links, devices, FIFOs and sockets have no content of their own: they are skipped and counted.
 *
 * Trouble with one file or archive is LEAF_BAD and the walk goes on behind it; LEAF_FAIL ends it
 * (missing operand, failed read, more than max_total bytes decompressed, a signal).
 *
 *     while ((st = leaves_next(l, &leaf, &err)) == LEAF_DOC || st == LEAF_BAD)
 *         while ((n = leaves_read(l, dst, cap, &err)) > 0) ...
 *
 * One thread. This is a named driver: it reads through os.h and archive.h.
 */
#ifndef LEAVES_H
#define LEAVES_H

#include "../err.h"

struct leaves_conf {
    const char *const *operands; /* count 0: stdin */
    ptrdiff_t operand_count;
    bool nothing;               /* an empty list of operands: not stdin either */
    const char *const *include; /* globs: one must match the id or its last part; count 0: all */
    ptrdiff_t include_count;
    const char *const *exclude; /* globs: none may match; folders and archives too */
    ptrdiff_t exclude_count;
    int64_t max_total; /* bytes out of archives and compressed files, in all; 0: no limit */
    const struct leaves_file {
        uint64_t device, inode;
    } * skip; /* our own outputs */
    ptrdiff_t skip_count;
};

struct leaf {
    const char *id;     /* UTF-8 */
    const char *source; /* the operand's or found file's path, UTF-8 */
    slice head; /* the first bytes (at most MAGIC_HEAD_BYTES), padded; read again by leaves_read */
    bool whole; /* head is all there is */
    int64_t size;       /* -1: unknown */
    const char *reason; /* LEAF_BAD */
};

struct leaves_counts {
    int64_t files, folders, archives, members, links, specials, excluded, bytes_unpacked;
};

enum leaf_status { LEAF_DOC, LEAF_BAD, LEAF_END, LEAF_FAIL };

struct leaves *leaves_open(const struct leaves_conf *conf);
/* Everything in *leaf is valid until the next call. What was not read is skipped. */
enum leaf_status leaves_next(struct leaves *l, struct leaf *leaf, struct err *err);
#define LEAF_READ_FAIL (-1) /* the walk ends */
#define LEAF_READ_BAD  (-2) /* only this leaf is broken: leaves_next goes on */
/* Bytes of the leaf: > 0, 0 at its end, or LEAF_READ_*. */
ptrdiff_t leaves_read(struct leaves *l, char *dst, ptrdiff_t cap, struct err *err);
/* False when the next leaves_read might wait for somebody to write. */
bool leaves_ready(const struct leaves *l);
const struct leaves_counts *leaves_counts(const struct leaves *l);
void leaves_close(struct leaves *l);

#endif
