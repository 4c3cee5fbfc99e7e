/* codec.h: the seam between the input and output chains and the compression libraries.
 *
 * A `struct codec` is one compressed format: how it is recognised, a decoder and an encoder. Each
 * lives in a file of its own (codec_zstd.c, codec_gzip.c, codec_xz.c), the only one that includes
 * the library's header. Codecs see memory only: in.c and out.c do the reading and writing.
 *
 * DECODING. in.c hands over compressed bytes as they come and takes what comes out. A decoder reads
 * concatenated frames, members and streams through; zero bytes after a gzip member and the padding
 * between xz streams are accepted as the tools accept them; any other byte after the end is a
 * fault. It never asks for more than CODEC_WINDOW_MAX of history, so a small hostile file cannot
 * make it take gigabytes. Truncation is in.c's finding: the file has ended and decode_may_end()
 * says no.
 *
 *     struct codec_io io = { .src = bytes, .src_len = n, .dst = out, .dst_cap = cap };
 *     while (codec->decode(d, &io, eof, &why)) ... io.src_pos taken, io.dst_len given
 *
 * ENCODING. Same struct; `op` says whether more follows. The bytes that come out depend only on the
 * level and on the sequence of calls, so out.c cuts its input into blocks of a fixed size.
 *
 * Not thread-safe per object; different objects are independent. Allocation failure ends the
 * process through mem_oom(). Formats: RFC 8878 (zstd), RFC 1952 (gzip), the .xz specification 1.2.
 */
#ifndef CODEC_H
#define CODEC_H

#include "buf.h"

/* Upper limit of the history that a decoder keeps: what zstd accepts without --long=31. */
#define CODEC_WINDOW_MAX ((int64_t)128 << 20)

struct codec_io {
    const char *src;
    ptrdiff_t src_len, src_pos; /* src_pos: taken so far; on a fault: the first byte not trusted */
    char *dst;
    ptrdiff_t dst_cap, dst_len; /* dst_len: given so far */
};

enum codec_op {
    CODEC_CONTINUE, /* more follows; the encoder may hold bytes back */
    CODEC_FLUSH,    /* everything so far comes out, the stream goes on */
    CODEC_END,      /* the stream ends */
};

struct codec {
    const char *name;   /* as in --compress NAME:LEVEL */
    const char *suffix; /* of files: ".zst" */
    const char *unit;   /* what the format calls its parts: "frame", "member", "stream" */
    int level_min, level_max, level_default;

    /* Does `head` begin this format? 1 yes, 0 no, -1: a prefix of its magic, more bytes decide. */
    int (*detect)(slice head);

    void *(*decode_new)(void);
    /* Takes from src and gives to dst until one of them is used up. `eof`: src ends the file. False
     * on a fault: *why is static text. */
    bool (*decode)(void *decoder, struct codec_io *io, bool eof, const char **why);
    /* The stream may end after what was taken so far (between frames). */
    bool (*decode_may_end)(const void *decoder);
    void (*decode_free)(void *decoder);

    void *(*encode_new)(int level);
    /* *done: all of src is taken and what `op` asks for has come out; else call again with room in
     * dst. False on a fault of the library. */
    bool (*encode)(void *encoder, struct codec_io *io, enum codec_op op, bool *done,
                   const char **why);
    void (*encode_free)(void *encoder);
};

extern const struct codec codec_zstd, codec_gzip, codec_xz;

/* All of them, NULL-terminated. */
extern const struct codec *const codec_all[];

/* NULL when no codec has this name (as written in --compress) or no suffix of `path` matches. */
const struct codec *codec_by_name(slice name);
const struct codec *codec_by_suffix(slice path);

/* A whole gzip file, zlib stream or bare deflate stream in memory, appended to `out`. False: it
 * cannot be decoded (*why is static text), or out is full (out->overflow). What follows its end is
 * not looked at. */
enum codec_deflate { CODEC_GZIP, CODEC_ZLIB, CODEC_RAW_DEFLATE };
bool codec_inflate(slice src, enum codec_deflate form, struct buf *out, const char **why);

/* For detect functions: is `head` the start of `magic` (1), not (0), or too short to say (-1)? */
int codec_magic(slice head, slice magic);

#endif
