/* out.h: the output chain: stdout or an atomic file, with a compressor in between when asked.
 *
 * A file is written to a temporary in the same folder; out_commit flushes, fsyncs, renames it and
 * fsyncs the folder; out_abort removes it. Until commit the target is untouched. Existing targets
 * are refused without `force` (ERR_CANTCREAT); devices and pipes (/dev/null, /dev/full, /dev/fd/N)
 * are written in place.
 * Compression: `compress` is "zstd[:LEVEL]", "gzip[:LEVEL]", "xz[:LEVEL]" or "none"; NULL goes by
 * the suffix of the path (.zst .gz .xz), stdout: none. The bytes depend only on the input bytes and
 * the level, not on how they were cut into writes (out_flush on a compressor is a no-op unless
 * `live`).
 * EPIPE is ERR_PIPE; disk full and every other failure ERR_IO. One thread at a time.
 */
#ifndef OUT_H
#define OUT_H

#include "err.h"

struct out_conf {
    const char *path;     /* NULL or "-": stdout */
    const char *compress; /* see above */
    bool force;
    bool owner_only; /* a file that nobody else may read: mode 0600 */
    bool live;       /* out_flush reaches the reader even through a compressor */
};

/* NULL on failure. A bad compress text is ERR_USAGE. Strings are copied. */
struct out *out_open(const struct out_conf *conf, struct err *err);
bool out_write(struct out *o, slice s, struct err *err);
/* The parts one after the other; large ones are not copied when nothing is compressed. */
bool out_writev(struct out *o, const slice *parts, ptrdiff_t count, struct err *err);
/* Everything so far reaches the file descriptor. */
bool out_flush(struct out *o, struct err *err);
/* Ends and publishes the output and frees o (also on failure, when nothing is published). */
bool out_commit(struct out *o, struct err *err);
/* Removes the temporary and frees o. NULL is allowed. */
void out_abort(struct out *o);
int64_t out_bytes(const struct out *o);    /* before compression */
const char *out_name(const struct out *o); /* "stdout" or the path */

/* Checks a compress text without opening anything (option validation). */
bool out_compress_check(const char *compress, struct err *err);

#endif
