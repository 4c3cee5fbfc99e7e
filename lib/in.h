/* in.h: the input chain: operands, stdin, lists of files; zstd, gzip and xz by magic bytes.
 *
 * A `struct in` presents several inputs one after the other as bytes. in_open() looks at all of
 * them, so that a missing file, a folder or a second stdin is known before the first byte is read.
 * Each is opened when its turn comes; its first bytes decide which decoder goes in front
 * (concatenated frames, members and streams are read through, zero padding after gzip and xz is
 * skipped, anything else behind them is an error). A stream that ends in the middle or is damaged
 * is ERR_DATA and names the file and the byte in the compressed file, never a silent end; what was
 * decoded before comes out first. A failed read is ERR_IO, a missing file ERR_NOINPUT. A decoder
 * that would need more than 128 MiB of history is refused (codec.h).
 *
 * A read returns bytes of one input only: IN_NEXT says that one has ended and what follows belongs
 * to the next, so lines of two files never join. One thread at a time.
 *
 * Memory: 256 KiB, and the history of one decoder.
 *
 *     struct in *in = in_open(&conf, &err);
 *     for (;;) switch (in_read(in, dst, cap, &got, &err)) { case IN_DATA: ... }
 *     in_close(in);
 */
#ifndef IN_H
#define IN_H

#include "err.h"

struct in_conf {
    const char *const *paths; /* "-" is stdin; count 0: stdin alone */
    ptrdiff_t path_count;
    const char *files_from; /* a file with one name per line ("-": stdin), read after paths; an
                                 empty list is no input at all; NULL: none */
    bool null_names;        /* names in it end with NUL */
    bool raw;               /* no decompression */
};

enum in_status { IN_DATA, IN_NEXT, IN_END, IN_FAIL };

/* NULL on failure: the list of names, or an input that cannot be (see above). conf is copied, its
 * strings are borrowed. */
struct in *in_open(const struct in_conf *conf, struct err *err);
/* Up to cap bytes (cap >= 1) into dst; IN_DATA means *got >= 1. */
enum in_status in_read(struct in *in, char *dst, ptrdiff_t cap, ptrdiff_t *got, struct err *err);
/* False when the next in_read might wait for somebody to write. */
bool in_ready(struct in *in);
/* The input that the last in_read returned bytes of: as given, "stdin" for stdin. Valid until
 * in_close. */
const char *in_name(const struct in *in);
ptrdiff_t in_index(const struct in *in); /* its number, from 0 */
/* For progress: bytes taken from the files so far, and their total, -1 when unknown (pipes). */
int64_t in_raw_bytes(const struct in *in);
int64_t in_raw_total(const struct in *in);
void in_close(struct in *in);

/* One whole file ("-": stdin), decompressed, at most max_bytes (else ERR_DATA), padded by
 * RECORD_PADDING; free with os_free(). On failure *bytes is empty and need not be freed. For
 * reference lists and configuration. */
bool in_slurp(const char *path, ptrdiff_t max_bytes, slice *bytes, struct err *err);

#endif
