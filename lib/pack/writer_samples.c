/* writer_samples.c: shards of samples: MosaicML's MDS and WebDataset's tar. */
#include "../codec.h"
#include "ustar.h"
#include "writer_private.h"

bool samples_begin(struct writer *w, struct err *err)
{
    bool mds = w->o.format == PACK_MDS;
    return target_open(w, mds ? &w->spool : &w->target[0], 0, err);
}

/* ---- MDS ---- */

static void put_u32(struct buf *out, int64_t v)
{
    uint32_t u = (uint32_t)v;
    buf_append(out, slice_make((const char *)&u, 4));
}

/* n, offsets and configuration, in front of the samples. */
static void mds_head(struct writer *w, struct buf *out)
{
    const uint32_t *lengths = (const uint32_t *)(const void *)w->lengths.ptr;
    ptrdiff_t n = w->lengths.len / 4, start = out->len;
    struct buf config = { 0 };
    mds_config(&w->columns, w->o.size, w->o.level, &config);
    int64_t at = 4 + 4 * (n + 1) + config.len;
    put_u32(out, n);
    put_u32(out, at);
    for (ptrdiff_t i = 0; i < n; i++)
        put_u32(out, at += lengths[i]);
    buf_append(out, buf_slice(&config));
    w->shard.content_bytes = at;
    buf_release(&config);
    ASSERT(out->len - start <= at);
}

/* What the target holds goes through zstd: in pieces, so that memory does not depend on the shard. */
static bool compress_piece(void *encoder, slice piece, enum codec_op op, struct target *t,
                           struct err *err)
{
    struct codec_io io = { .src = piece.ptr, .src_len = piece.len };
    const char *why;
    bool done = false;
    while (!done) {
        io.dst = buf_reserve(&t->buf, 1 << 17);
        io.dst_cap = 1 << 17;
        io.dst_len = 0;
        if (!codec_zstd.encode(encoder, &io, op, &done, &why))
            return err_set(err, ERR_BUG, "zstd: %s", why);
        t->buf.len += io.dst_len;
        if (!target_more(t, err))
            return false;
    }
    return true;
}

static bool compress_spool(struct writer *w, slice head, struct target *t, struct err *err)
{
    struct target *from = &w->spool;
    void *encoder = codec_zstd.encode_new((int)w->o.level);
    struct buf block = { 0 };
    bool ok = target_flush(from, err) && compress_piece(encoder, head, CODEC_CONTINUE, t, err);
    for (int64_t at = 0; ok && at < from->bytes;) {
        ptrdiff_t n = (ptrdiff_t)MIN((int64_t)WRITE_BYTES, from->bytes - at);
        ok = os_pread_full(from->temp.fd, from->temp.target, buf_reserve(&block, n), n, at, err) &&
             compress_piece(encoder, slice_make(block.ptr, n), CODEC_CONTINUE, t, err);
        at += n;
    }
    ok = ok && compress_piece(encoder, SLICE(""), CODEC_END, t, err);
    codec_zstd.encode_free(encoder);
    buf_release(&block);
    from->open = false;
    os_temp_discard(&from->temp);
    return ok;
}

static bool mds_end(struct writer *w, struct err *err)
{
    struct target *t = &w->target[0];
    struct buf head = { 0 };
    if (!target_open(w, t, 0, err))
        return false;
    mds_head(w, w->o.level ? &head : &t->buf);
    bool ok =
        w->o.level ? compress_spool(w, buf_slice(&head), t, err) : target_take_spool(w, t, err);
    buf_release(&head);
    return ok && target_commit(w, 0, err);
}

/* ---- WebDataset ---- */

static bool tar_end(struct writer *w, struct err *err)
{
    struct target *t = &w->target[0];
    memset(buf_reserve(&t->buf, USTAR_END), 0, USTAR_END);
    t->buf.len += USTAR_END;
    if (!target_commit(w, 0, err))
        return false;
    w->shard.content_bytes = w->shard.files[0].bytes;
    return true;
}

bool samples_end(struct writer *w, struct err *err)
{
    return w->o.format == PACK_MDS ? mds_end(w, err) : tar_end(w, err);
}

static void put_tar(struct writer *w, slice record)
{
    struct buf *out = &w->target[0].buf;
    int64_t whole = ustar_bytes(record.len);
    char *p = buf_reserve(out, (ptrdiff_t)whole);
    ustar_head(p, w->records, record.len);
    memcpy(p + USTAR_BLOCK, record.ptr, (size_t)record.len);
    memset(p + USTAR_BLOCK + record.len, 0, (size_t)(whole - USTAR_BLOCK - record.len));
    out->len += (ptrdiff_t)whole;
}

bool writer_sample(struct writer *w, slice sample, struct err *err)
{
    bool mds = w->o.format == PACK_MDS;
    uint32_t length = (uint32_t)sample.len;
    int64_t bytes = mds ? sample.len + 4 : ustar_bytes(sample.len);
    if (!writer_room(w, w->shard.content_bytes, bytes, err))
        return false;
    w->shard.records++;
    w->shard.content_bytes += bytes;
    if (mds)
        hash_stream_add(w->content, slice_make((const char *)&length, 4));
    hash_stream_add(w->content, sample);
    if (!mds)
        hash_stream_add(w->content, SLICE("\n"));
    struct target *t = mds ? &w->spool : &w->target[0];
    if (!writer_replays(w)) {
        if (mds) {
            buf_append(&w->lengths, slice_make((const char *)&length, 4));
            buf_append(&t->buf, sample);
        } else {
            put_tar(w, sample);
        }
    }
    w->records++;
    return writer_replays(w) || target_more(t, err);
}
