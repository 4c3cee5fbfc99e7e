#include "codec.h"

#include <limits.h>
#include <stdlib.h>

#include <zlib.h>

#define GZIP_WINDOW_BITS (15 + 16) /* the largest window, gzip header and trailer */
#define GZIP_MEM_LEVEL   8         /* zlib's default */

enum gzip_state {
    GZIP_MEMBER,  /* inside a member */
    GZIP_BETWEEN, /* a member has ended: another one, zeros or the end of the file */
    GZIP_ZEROS,   /* zeros up to the end of the file */
};

struct gzip_decoder {
    z_stream z;
    enum gzip_state state;
    bool half_magic; /* between members, 1f was taken, 8b must follow */
};

static int gzip_detect(slice head)
{
    return head.len ? codec_magic(head, SLICE("\x1F\x8B\x08")) : -1;
}

static void *gzip_decode_new(void)
{
    struct gzip_decoder *d = calloc(1, sizeof *d);

    if (!d || inflateInit2(&d->z, GZIP_WINDOW_BITS) != Z_OK)
        mem_oom();
    return d;
}

static uInt clamp(ptrdiff_t n)
{
    return n > (ptrdiff_t)UINT_MAX ? UINT_MAX : (uInt)n;
}

/* One call of inflate; *ended when the member has ended. */
static bool gzip_inflate(struct gzip_decoder *d, const char *src, ptrdiff_t src_len,
                         struct codec_io *io, ptrdiff_t *taken, const char **why)
{
    z_stream *z = &d->z;

    z->next_in = (Bytef *)(uintptr_t)src;
    z->avail_in = clamp(src_len);
    z->next_out = (Bytef *)io->dst + io->dst_len;
    z->avail_out = clamp(io->dst_cap - io->dst_len);
    int rc = inflate(z, Z_NO_FLUSH);
    *taken = (const char *)z->next_in - src;
    io->dst_len = (char *)z->next_out - io->dst;
    switch (rc) {
    case Z_STREAM_END:
        inflateReset(z);
        d->state = GZIP_BETWEEN;
        return true;
    case Z_OK:
    case Z_BUF_ERROR: /* no progress possible: more input or room is needed */
        return true;
    case Z_MEM_ERROR:
        mem_oom();
    default:
        *why = z->msg ? z->msg : "bad data";
        return false;
    }
}

/* After a member: takes zeros, or the first bytes of the next member. */
static bool gzip_between(struct gzip_decoder *d, struct codec_io *io, const char **why)
{
    const unsigned char *p = (const unsigned char *)io->src + io->src_pos;
    ptrdiff_t taken;

    if (d->state == GZIP_BETWEEN && *p == 0x1F && !d->half_magic) {
        d->half_magic = true;
        io->src_pos++;
        return true;
    }
    if (d->half_magic && *p == 0x8B) {
        d->half_magic = false;
        d->state = GZIP_MEMBER;
        return gzip_inflate(d, "\x1F", 1, io, &taken, why);
    }
    if (d->half_magic || *p != 0) {
        *why = "bytes after the last member that are not gzip";
        return false;
    }
    d->state = GZIP_ZEROS;
    io->src_pos++;
    return true;
}

static bool gzip_decode(void *decoder, struct codec_io *io, bool eof, const char **why)
{
    struct gzip_decoder *d = decoder;
    ptrdiff_t taken, given;

    (void)eof;
    while (d->state == GZIP_MEMBER || io->src_pos < io->src_len) {
        if (d->state != GZIP_MEMBER) {
            if (!gzip_between(d, io, why))
                return false;
            continue;
        }
        given = io->dst_len;
        bool ok =
            gzip_inflate(d, io->src + io->src_pos, io->src_len - io->src_pos, io, &taken, why);
        io->src_pos += taken;
        if (!ok)
            return false;
        if (io->dst_len == io->dst_cap ||
            (d->state == GZIP_MEMBER && taken == 0 && io->dst_len == given))
            return true;
    }
    return true;
}

static bool gzip_decode_may_end(const void *decoder)
{
    const struct gzip_decoder *d = decoder;

    return d->state != GZIP_MEMBER && !d->half_magic;
}

static void gzip_decode_free(void *decoder)
{
    struct gzip_decoder *d = decoder;

    inflateEnd(&d->z);
    free(d);
}

bool codec_inflate(slice src, enum codec_deflate form, struct buf *out, const char **why)
{
    static const int window_bits[] = { GZIP_WINDOW_BITS, 15, -15 };
    z_stream z = { 0 };
    ptrdiff_t room = 0;
    int rc;

    if (inflateInit2(&z, window_bits[form]) != Z_OK)
        mem_oom();
    z.next_in = (Bytef *)(uintptr_t)src.ptr;
    z.avail_in = clamp(src.len);
    do {
        room = MIN(MAX(src.len * 2, (ptrdiff_t)4096),
                   (out->max ? out->max : BUF_DEFAULT_MAX) - out->len);
        char *dst = room > 0 ? buf_reserve(out, room) : NULL;
        if (!dst) {
            out->overflow = true;
            rc = Z_BUF_ERROR;
            break;
        }
        z.next_out = (Bytef *)dst;
        z.avail_out = clamp(room);
        rc = inflate(&z, Z_NO_FLUSH);
        out->len += (char *)z.next_out - dst;
    } while (rc == Z_OK);
    *why = rc == Z_BUF_ERROR ? "deflate data that are cut off" : z.msg ? z.msg : "bad deflate data";
    if (rc == Z_MEM_ERROR)
        mem_oom();
    inflateEnd(&z);
    return rc == Z_STREAM_END;
}

/* The header that deflate writes by itself has no name and no time: same input, same bytes. */
static void *gzip_encode_new(int level)
{
    z_stream *z = calloc(1, sizeof *z);

    if (!z || deflateInit2(z, level, Z_DEFLATED, GZIP_WINDOW_BITS, GZIP_MEM_LEVEL,
                           Z_DEFAULT_STRATEGY) != Z_OK)
        mem_oom();
    return z;
}

static bool gzip_encode(void *encoder, struct codec_io *io, enum codec_op op, bool *done,
                        const char **why)
{
    static const int how[] = { Z_NO_FLUSH, Z_SYNC_FLUSH, Z_FINISH };
    z_stream *z = encoder;

    z->next_in = (Bytef *)(uintptr_t)(io->src + io->src_pos);
    z->avail_in = clamp(io->src_len - io->src_pos);
    z->next_out = (Bytef *)io->dst + io->dst_len;
    z->avail_out = clamp(io->dst_cap - io->dst_len);
    int rc = deflate(z, how[op]);
    io->src_pos = (const char *)z->next_in - io->src;
    io->dst_len = (char *)z->next_out - io->dst;
    if (rc == Z_STREAM_ERROR) {
        *why = "deflate: bad state";
        return false;
    }
    /* deflate has written everything when it left room in dst. */
    *done = op == CODEC_END ? rc == Z_STREAM_END
                            : io->src_pos == io->src_len && io->dst_len < io->dst_cap;
    return true;
}

static void gzip_encode_free(void *encoder)
{
    deflateEnd(encoder);
    free(encoder);
}

const struct codec codec_gzip = {
    .name = "gzip",
    .suffix = ".gz",
    .unit = "member",
    .level_min = 1,
    .level_max = 9,
    .level_default = 6,
    .detect = gzip_detect,
    .decode_new = gzip_decode_new,
    .decode = gzip_decode,
    .decode_may_end = gzip_decode_may_end,
    .decode_free = gzip_decode_free,
    .encode_new = gzip_encode_new,
    .encode = gzip_encode,
    .encode_free = gzip_encode_free,
};
