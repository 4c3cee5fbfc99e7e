/* in.h: the input chain: operands, stdin, lists of files; zstd, gzip and xz by magic bytes.
 *
 * A `struct in` presents several inputs one after the other as bytes. It opens each when it gets to
 * it, looks at the first bytes, and puts the decoder in front that they ask for (concatenated
 * frames and members are read through). A stream that ends in the middle is an error that names the
 * file and the byte offset in the compressed file, never a silent end: ERR_DATA; a failed read is
 * ERR_IO; a missing file ERR_NOINPUT.
 *
 * A read returns bytes of one input only: IN_NEXT says that one has ended and what follows belongs
 * to the next, so lines of two files never join. One thread at a time.
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
    const char *files_from;   /* a file with one name per line ("-": stdin); NULL: none */
    bool null_names;          /* names in it end with NUL */
    bool raw;                 /* no decompression */
};

enum in_status { IN_DATA, IN_NEXT, IN_END, IN_FAIL };

/* NULL on failure (reading the list of names). conf is copied, its strings are borrowed. */
struct in *in_open(const struct in_conf *conf, struct err *err);
/* Up to cap bytes (cap >= 1) into dst; IN_DATA means *got >= 1. */
enum in_status in_read(struct in *in, char *dst, ptrdiff_t cap, ptrdiff_t *got, struct err *err);
/* False when the next in_read might wait for somebody to write. */
bool in_ready(struct in *in);
/* The input that the last in_read returned bytes of: as given, "stdin" for stdin. Valid until
 * in_close. */
const char *in_name(const struct in *in);
ptrdiff_t in_index(const struct in *in);        /* its number, from 0 */
/* For progress: bytes taken from the files so far, and their total, -1 when unknown (pipes). */
int64_t in_raw_bytes(const struct in *in);
int64_t in_raw_total(const struct in *in);
void in_close(struct in *in);

/* One whole file, decompressed, at most max_bytes (else ERR_DATA), padded by RECORD_PADDING; free
 * with os_free(). For reference lists and configuration. */
bool in_slurp(const char *path, ptrdiff_t max_bytes, slice *bytes, struct err *err);

#endif
