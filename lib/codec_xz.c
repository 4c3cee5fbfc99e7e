#include "codec.h"

#include <stdlib.h>

#include <lzma.h>

/* A dictionary of CODEC_WINDOW_MAX and the decoder's own state. */
#define XZ_MEMORY_LIMIT ((uint64_t)CODEC_WINDOW_MAX + (4 << 20))

enum xz_state {
    XZ_STREAM,  /* inside a stream */
    XZ_BETWEEN, /* a stream has ended: padding, another one, or the end of the file */
};

/* One stream at a time: LZMA_CONCATENATED would not say where a stream ended. */
struct xz_decoder {
    lzma_stream s;
    enum xz_state state;
    int padding; /* zero bytes since the end of the stream, modulo 4 */
    bool later;  /* not the first stream of the file */
};

static int xz_detect(slice head)
{
    return head.len ? codec_magic(head, slice_make("\xFD"
                                                   "7zXZ\0",
                                                   6))
                    : -1;
}

static void xz_stream_begin(struct xz_decoder *d)
{
    lzma_ret rc = lzma_stream_decoder(&d->s, XZ_MEMORY_LIMIT, 0);

    if (rc == LZMA_MEM_ERROR)
        mem_oom();
    ASSERT(rc == LZMA_OK);
    d->state = XZ_STREAM;
}

static void *xz_decode_new(void)
{
    struct xz_decoder *d = calloc(1, sizeof *d);

    if (!d)
        mem_oom();
    d->s = (lzma_stream)LZMA_STREAM_INIT;
    xz_stream_begin(d);
    return d;
}

static const char *xz_why(const struct xz_decoder *d, lzma_ret rc)
{
    switch (rc) {
    case LZMA_MEM_ERROR:
        mem_oom();
    case LZMA_MEMLIMIT_ERROR:
        return "its dictionary is larger than 128 MiB; recompress it with xz -9 or less";
    case LZMA_FORMAT_ERROR:
        return d->later ? "bytes after the last stream that are not xz" : "not an xz stream";
    case LZMA_OPTIONS_ERROR:
        return "it uses a filter that is not known here";
    default:
        return "the data is corrupt";
    }
}

/* Padding between streams: zero bytes, a multiple of four of them. */
static bool xz_between(struct xz_decoder *d, struct codec_io *io, const char **why)
{
    char c = io->src[io->src_pos];

    if (c == '\0') {
        d->padding = (d->padding + 1) & 3;
        io->src_pos++;
        return true;
    }
    if (c != '\xFD' || d->padding) {
        *why = "bytes after the last stream that are not xz";
        return false;
    }
    d->later = true;
    xz_stream_begin(d);
    return true;
}

static bool xz_decode(void *decoder, struct codec_io *io, bool eof, const char **why)
{
    struct xz_decoder *d = decoder;

    (void)eof;
    for (;;) {
        if (d->state == XZ_BETWEEN) {
            if (io->src_pos == io->src_len)
                return true;
            if (!xz_between(d, io, why))
                return false;
            continue;
        }
        d->s.next_in = (const uint8_t *)io->src + io->src_pos;
        d->s.avail_in = (size_t)(io->src_len - io->src_pos);
        d->s.next_out = (uint8_t *)io->dst + io->dst_len;
        d->s.avail_out = (size_t)(io->dst_cap - io->dst_len);
        lzma_ret rc = lzma_code(&d->s, LZMA_RUN);
        io->src_pos = (const char *)d->s.next_in - io->src;
        io->dst_len = (char *)d->s.next_out - io->dst;
        if (rc == LZMA_STREAM_END) {
            d->state = XZ_BETWEEN;
            d->padding = 0;
            continue;
        }
        if (rc == LZMA_OK || rc == LZMA_BUF_ERROR)
            return true;
        *why = xz_why(d, rc);
        return false;
    }
}

static bool xz_decode_may_end(const void *decoder)
{
    const struct xz_decoder *d = decoder;

    return d->state == XZ_BETWEEN && d->padding == 0;
}

static void xz_decode_free(void *decoder)
{
    struct xz_decoder *d = decoder;

    lzma_end(&d->s);
    free(d);
}

static void *xz_encode_new(int level)
{
    lzma_stream *s = calloc(1, sizeof *s);

    if (!s)
        mem_oom();
    *s = (lzma_stream)LZMA_STREAM_INIT;
    lzma_ret rc = lzma_easy_encoder(s, (uint32_t)level, LZMA_CHECK_CRC64);
    if (rc == LZMA_MEM_ERROR)
        mem_oom();
    ASSERT(rc == LZMA_OK);
    return s;
}

static bool xz_encode(void *encoder, struct codec_io *io, enum codec_op op, bool *done,
                      const char **why)
{
    static const lzma_action how[] = { LZMA_RUN, LZMA_SYNC_FLUSH, LZMA_FINISH };
    lzma_stream *s = encoder;

    s->next_in = (const uint8_t *)io->src + io->src_pos;
    s->avail_in = (size_t)(io->src_len - io->src_pos);
    s->next_out = (uint8_t *)io->dst + io->dst_len;
    s->avail_out = (size_t)(io->dst_cap - io->dst_len);
    lzma_ret rc = lzma_code(s, how[op]);
    io->src_pos = (const char *)s->next_in - io->src;
    io->dst_len = (char *)s->next_out - io->dst;
    if (rc == LZMA_MEM_ERROR)
        mem_oom();
    if (rc != LZMA_OK && rc != LZMA_STREAM_END && rc != LZMA_BUF_ERROR) {
        *why = "liblzma failed";
        return false;
    }
    *done = op == CODEC_CONTINUE ? s->avail_in == 0 : rc == LZMA_STREAM_END;
    return true;
}

static void xz_encode_free(void *encoder)
{
    lzma_end(encoder);
    free(encoder);
}

const struct codec codec_xz = {
    .name = "xz",
    .suffix = ".xz",
    .unit = "stream",
    .level_min = 0,
    .level_max = 9,
    .level_default = 6,
    .detect = xz_detect,
    .decode_new = xz_decode_new,
    .decode = xz_decode,
    .decode_may_end = xz_decode_may_end,
    .decode_free = xz_decode_free,
    .encode_new = xz_encode_new,
    .encode = xz_encode,
    .encode_free = xz_encode_free,
};
