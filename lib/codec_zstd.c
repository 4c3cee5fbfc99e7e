#include "codec.h"

#include <stdlib.h>

#include <zstd.h>
#include <zstd_errors.h>

#define WINDOW_LOG_MAX 27 /* CODEC_WINDOW_MAX */
#define MAGIC_BYTES    4

_Static_assert((int64_t)1 << WINDOW_LOG_MAX == CODEC_WINDOW_MAX, "one limit for every codec");

struct zstd_decoder {
    ZSTD_DStream *stream;
    size_t hint;    /* bytes that the next step of the frame wants */
    bool in_frame;  /* some bytes of a frame were taken, its end was not reached */
    bool any_frame; /* one frame has ended */
};

/* A frame, or a skippable frame (pzstd and seekable files begin with one). */
static int zstd_detect(slice head)
{
    static const char skippable[] = { 0x2A, 0x4D, 0x18 };
    int data = codec_magic(head, SLICE("\x28\xB5\x2F\xFD"));

    if (data || head.len == 0)
        return data ? data : -1;
    if ((head.ptr[0] & 0xF0) != 0x50)
        return 0;
    return codec_magic(slice_from(head, 1), slice_make(skippable, sizeof skippable));
}

static void *zstd_decode_new(void)
{
    struct zstd_decoder *d = calloc(1, sizeof *d);

    if (!d || !(d->stream = ZSTD_createDStream()))
        mem_oom();
    size_t rc = ZSTD_DCtx_setParameter(d->stream, ZSTD_d_windowLogMax, WINDOW_LOG_MAX);
    ASSERT(!ZSTD_isError(rc));
    d->hint = ZSTD_initDStream(d->stream);
    return d;
}

static const char *zstd_why(const struct zstd_decoder *d, size_t rc)
{
    switch (ZSTD_getErrorCode(rc)) {
    case ZSTD_error_memory_allocation:
        mem_oom();
    case ZSTD_error_frameParameter_windowTooLarge:
        return "its window is larger than 128 MiB; recompress it without --long=28 or more";
    case ZSTD_error_dictionary_wrong:
    case ZSTD_error_dictionary_corrupted:
        return "it needs a dictionary; decompress it with zstd -D first";
    case ZSTD_error_prefix_unknown:
        return d->any_frame ? "bytes after the last frame that are not zstd" : "not a zstd frame";
    case ZSTD_error_checksum_wrong:
        return "the checksum does not match";
    default:
        return ZSTD_getErrorString(ZSTD_getErrorCode(rc));
    }
}

/* The input is given in the pieces that the decoder asks for (header, block, block ...): no slower,
 * and a fault is then known to lie in the piece that was given last. */
static bool zstd_decode(void *decoder, struct codec_io *io, bool eof, const char **why)
{
    struct zstd_decoder *d = decoder;

    (void)eof;
    for (;;) {
        size_t left = (size_t)(io->src_len - io->src_pos);
        size_t give = MIN(left, d->hint);
        ZSTD_inBuffer in = { io->src + io->src_pos, give, 0 };
        ZSTD_outBuffer out = { io->dst, (size_t)io->dst_cap, (size_t)io->dst_len };
        if (give == 0 && !d->in_frame)
            return true;
        size_t rc = ZSTD_decompressStream(d->stream, &out, &in);
        if (ZSTD_isError(rc)) {
            *why = zstd_why(d, rc);
            return false;
        }
        bool progress = in.pos > 0 || out.pos > (size_t)io->dst_len;
        io->src_pos += (ptrdiff_t)in.pos;
        io->dst_len = (ptrdiff_t)out.pos;
        d->in_frame = rc != 0;
        d->any_frame |= rc == 0;
        d->hint = rc ? rc : ZSTD_initDStream(d->stream);
        if (io->dst_len == io->dst_cap || (!progress && give == left))
            return true;
    }
}

static bool zstd_decode_may_end(const void *decoder)
{
    return !((const struct zstd_decoder *)decoder)->in_frame;
}

static void zstd_decode_free(void *decoder)
{
    struct zstd_decoder *d = decoder;

    ZSTD_freeDStream(d->stream);
    free(d);
}

static void *zstd_encode_new(int level)
{
    ZSTD_CStream *stream = ZSTD_createCStream();

    if (!stream)
        mem_oom();
    size_t rc = ZSTD_CCtx_setParameter(stream, ZSTD_c_compressionLevel, level);
    ASSERT(!ZSTD_isError(rc));
    rc = ZSTD_CCtx_setParameter(stream, ZSTD_c_checksumFlag, 1);
    ASSERT(!ZSTD_isError(rc));
    return stream;
}

static bool zstd_encode(void *encoder, struct codec_io *io, enum codec_op op, bool *done,
                        const char **why)
{
    static const ZSTD_EndDirective how[] = { ZSTD_e_continue, ZSTD_e_flush, ZSTD_e_end };
    ZSTD_inBuffer in = { io->src, (size_t)io->src_len, (size_t)io->src_pos };
    ZSTD_outBuffer out = { io->dst, (size_t)io->dst_cap, (size_t)io->dst_len };
    size_t rc = ZSTD_compressStream2(encoder, &out, &in, how[op]);

    if (ZSTD_isError(rc)) {
        if (ZSTD_getErrorCode(rc) == ZSTD_error_memory_allocation)
            mem_oom();
        *why = ZSTD_getErrorName(rc);
        return false;
    }
    io->src_pos = (ptrdiff_t)in.pos;
    io->dst_len = (ptrdiff_t)out.pos;
    *done = in.pos == in.size && (op == CODEC_CONTINUE || rc == 0);
    return true;
}

static void zstd_encode_free(void *encoder)
{
    ZSTD_freeCStream(encoder);
}

const struct codec codec_zstd = {
    .name = "zstd",
    .suffix = ".zst",
    .unit = "frame",
    .level_min = 1,
    .level_max = 22,
    .level_default = 3,
    .detect = zstd_detect,
    .decode_new = zstd_decode_new,
    .decode = zstd_decode,
    .decode_may_end = zstd_decode_may_end,
    .decode_free = zstd_decode_free,
    .encode_new = zstd_encode_new,
    .encode = zstd_encode,
    .encode_free = zstd_encode_free,
};
