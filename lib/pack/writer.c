#include "writer.h"

#include "../codec.h"
#include "frames.h"
#include "tokens.h"

#include <inttypes.h>
#include <stdlib.h>

#define WRITE_BYTES (1 << 20)

/* One file of the shard that is being written. */
struct target {
    struct os_temp temp;
    struct hash_stream *hash;
    struct buf buf; /* not written yet */
    int64_t bytes;
    bool open;
};

/* A frame on its way: filled, compressed by some thread, written in order. */
struct frame {
    struct flow_task task;
    void *encoder;
    struct buf lines, packed;
    int64_t records;
    const char *why; /* zstd failed */
};

struct writer {
    struct pack_dir *dir;
    struct pack_options o;
    ptrdiff_t done;          /* shards that need not be written */
    ptrdiff_t number;        /* of the current shard */
    struct pack_shard shard; /* counts so far */
    struct hash_stream *content;
    struct target target[2];
    struct flow *flow;
    struct frames frames; /* of the current shard, those that are written */
    struct frame *slots;  /* a ring: filled and compressed ones, and the current one */
    ptrdiff_t slot_count, first, pending; /* pending: given to the flow, from `first` on */
    struct buf lengths;                   /* Megatron: i32 per document */
    int width;                            /* bytes per token in the current .bin */
    int64_t tokens, bytes;
};

static void compress(void *self)
{
    struct frame *f = self;
    buf_clear(&f->packed);
    f->why = frames_compress(f->encoder, buf_slice(&f->lines), &f->packed);
}

struct writer *writer_new(struct pack_dir *dir, struct flow *flow, int jobs)
{
    struct writer *w = calloc(1, sizeof *w);
    if (!w)
        mem_oom();
    w->dir = dir;
    w->o = dir->found.options;
    w->done = dir->found.count;
    w->content = hash_stream_new();
    for (ptrdiff_t i = 0; i < countof(w->target); i++)
        w->target[i].hash = hash_stream_new();
    w->flow = flow;
    w->slot_count = w->o.format == PACK_JSONL_ZST ? jobs + 1 : 0;
    w->slots = calloc((size_t)w->slot_count + 1, sizeof *w->slots);
    if (!w->slots)
        mem_oom();
    for (ptrdiff_t i = 0; i < w->slot_count; i++)
        w->slots[i] = (struct frame){ .task = { .run = compress, .self = &w->slots[i] },
                                      .encoder = codec_zstd.encode_new((int)w->o.level) };
    return w;
}

void writer_free(struct writer *w)
{
    if (!w)
        return;
    for (ptrdiff_t i = 0; i < countof(w->target); i++) {
        if (w->target[i].open)
            os_temp_discard(&w->target[i].temp);
        hash_stream_free(w->target[i].hash);
        buf_release(&w->target[i].buf);
    }
    hash_stream_free(w->content);
    frames_release(&w->frames);
    for (ptrdiff_t i = 0; i < w->slot_count; i++) {
        codec_zstd.encode_free(w->slots[i].encoder);
        buf_release(&w->slots[i].lines);
        buf_release(&w->slots[i].packed);
    }
    free(w->slots);
    buf_release(&w->lengths);
    free(w);
}

int64_t writer_resumed(const struct writer *w)
{
    return w->done;
}

int64_t writer_tokens(const struct writer *w)
{
    return w->tokens;
}

int64_t writer_content(const struct writer *w)
{
    return w->bytes;
}

/* Is the current shard one that lies there already? */
static bool replaying(const struct writer *w)
{
    return w->number < w->done;
}

/* ---- files ---- */

static bool target_open(struct writer *w, int which, struct err *err)
{
    struct target *t = &w->target[which];
    char name[40];
    pack_file_name(w->o.format, w->number, which, name);
    t->bytes = 0;
    hash_stream_reset(t->hash);
    buf_clear(&t->buf);
    t->open = os_temp_create(&t->temp, pack_dir_path(w->dir, name), true, err);
    return t->open;
}

static bool target_flush(struct target *t, struct err *err)
{
    hash_stream_add(t->hash, buf_slice(&t->buf));
    t->bytes += t->buf.len;
    bool ok = os_write_all(t->temp.fd, t->temp.target, buf_slice(&t->buf), err);
    buf_clear(&t->buf);
    return ok;
}

static bool target_commit(struct writer *w, int which, struct err *err)
{
    struct target *t = &w->target[which];
    struct pack_file *f = &w->shard.files[which];
    if (!target_flush(t, err))
        return false;
    pack_file_name(w->o.format, w->number, which, f->name);
    f->bytes = t->bytes;
    f->hash = hash_stream_value(t->hash);
    t->open = false; /* commit removes it when it fails */
    return os_temp_commit(&t->temp, err);
}

/* ---- jsonl.zst ---- */

static struct frame *current(struct writer *w)
{
    return &w->slots[(w->first + w->pending) % w->slot_count];
}

/* Writes the oldest frame that was given to the flow. */
static bool frame_write(struct writer *w, struct err *err)
{
    struct frame *f = &w->slots[w->first];
    struct target *t = &w->target[0];
    flow_task_wait(w->flow, &f->task);
    if (f->why)
        return err_set(err, ERR_BUG, "zstd: %s", f->why);
    frames_add(&w->frames, (struct frame_entry){ (uint32_t)f->packed.len, (uint32_t)f->lines.len,
                                                 (uint32_t)f->records });
    buf_append(&t->buf, buf_slice(&f->packed));
    buf_clear(&f->lines);
    f->records = 0;
    w->first = (w->first + 1) % w->slot_count;
    w->pending--;
    return t->buf.len < WRITE_BYTES || target_flush(t, err);
}

/* The current frame is full. */
static bool frame_end(struct writer *w, struct err *err)
{
    flow_task_start(w->flow, &current(w)->task);
    w->pending++;
    return w->pending < w->slot_count || frame_write(w, err);
}

static bool lines_end(struct writer *w, struct err *err)
{
    if (current(w)->records && !frame_end(w, err))
        return false;
    while (w->pending)
        if (!frame_write(w, err))
            return false;
    frames_end(&w->frames, &w->target[0].buf);
    return target_commit(w, 0, err);
}

/* ---- Megatron ---- */

/* The ids so far were u16 and one does not fit: the .bin is written again as i32. */
static bool widen(struct writer *w, struct err *err)
{
    struct target *t = &w->target[0];
    struct os_temp narrow = t->temp;
    if (!target_flush(t, err))
        return false;
    int64_t left = t->bytes, at = 0;
    t->open = false;
    if (!target_open(w, 0, err)) {
        os_temp_discard(&narrow);
        return false;
    }
    bool ok = true;
    char *block = malloc(WRITE_BYTES);
    if (!block)
        mem_oom();
    while (ok && left > 0) {
        ptrdiff_t n = (ptrdiff_t)MIN((int64_t)WRITE_BYTES, left);
        ok = os_pread_full(narrow.fd, narrow.target, block, n, at, err);
        char *dst = buf_reserve(&t->buf, n * 2);
        for (ptrdiff_t i = 0; ok && i < n / 2; i++) {
            uint32_t v = load_u16(block + i * 2);
            memcpy(dst + i * 4, &v, 4);
        }
        t->buf.len += n * 2;
        ok = ok && target_flush(t, err);
        at += n;
        left -= n;
    }
    free(block);
    os_temp_discard(&narrow);
    w->width = 4;
    return ok;
}

static bool index_write(struct writer *w, struct err *err)
{
    struct target *t = &w->target[1];
    const int32_t *lengths = (const int32_t *)(const void *)w->lengths.ptr;
    ptrdiff_t n = w->lengths.len / 4;
    char head[TOKENS_IDX_HEAD];
    int64_t offset = 0;
    tokens_idx_head(head, w->width, n);
    buf_append(&t->buf, slice_make(head, TOKENS_IDX_HEAD));
    buf_append(&t->buf, buf_slice(&w->lengths));
    for (ptrdiff_t i = 0; i < n; i++) {
        buf_append(&t->buf, slice_make((const char *)&offset, 8));
        offset += (int64_t)lengths[i] * w->width;
        if (t->buf.len >= WRITE_BYTES && !target_flush(t, err))
            return false;
    }
    for (int64_t i = 0; i <= n; i++) {
        buf_append(&t->buf, slice_make((const char *)&i, 8));
        if (t->buf.len >= WRITE_BYTES && !target_flush(t, err))
            return false;
    }
    return true;
}

/* ---- shards ---- */

static bool shard_begin(struct writer *w, struct err *err)
{
    bool megatron = w->o.format == PACK_MEGATRON;
    w->shard = (struct pack_shard){ .file_count = megatron ? 2 : 1 };
    hash_stream_reset(w->content);
    buf_clear(&w->lengths);
    w->width = w->o.dtype == PACK_I32 ? 4 : 2;
    if (replaying(w))
        return true;
    if (w->dir->found.complete)
        return err_set(err, ERR_CANTCREAT,
                       "%s is complete and the input goes on: use another "
                       "folder, or --force to start over",
                       ERR_QUOTE(slice_of(w->dir->path)));
    return target_open(w, 0, err);
}

static bool differs(const struct writer *w, struct err *err)
{
    return err_set(err, ERR_CANTCREAT,
                   "%s was made from another input (shard-%06td has other records): use another "
                   "folder, or --force to start over",
                   ERR_QUOTE(slice_of(w->dir->path)), w->number);
}

static bool shard_end(struct writer *w, struct err *err)
{
    struct pack_shard *s = &w->shard;
    s->content = hash_stream_value(w->content);
    if (replaying(w)) {
        const struct pack_shard *r = &w->dir->found.shards[w->number];
        if (r->records != s->records || r->tokens != s->tokens ||
            r->content.low != s->content.low || r->content.high != s->content.high)
            return differs(w, err);
        w->bytes += r->content_bytes;
    } else if (w->o.format == PACK_MEGATRON) {
        s->dtype = w->width == 2 ? PACK_U16 : PACK_I32;
        s->content_bytes = s->tokens * w->width + TOKENS_IDX_EMPTY + s->records * TOKENS_PER_DOC;
        if (!target_commit(w, 0, err) || !target_open(w, 1, err) || !index_write(w, err) ||
            !target_commit(w, 1, err) || !pack_dir_record(w->dir, s, err))
            return false;
        w->bytes += s->content_bytes;
    } else {
        if (!lines_end(w, err) || !pack_dir_record(w->dir, s, err))
            return false;
        w->bytes += s->content_bytes;
    }
    w->number++;
    s->records = 0;
    return true;
}

/* Makes room for a record of `more` bytes of content: ends a shard that is full, begins one. */
static bool shard_room(struct writer *w, int64_t used, int64_t more, struct err *err)
{
    bool full = w->shard.records > 0 &&
                (used + more > w->o.size || (w->o.records && w->shard.records >= w->o.records));
    if (full && !shard_end(w, err))
        return false;
    return w->shard.records > 0 || shard_begin(w, err);
}

bool writer_line(struct writer *w, slice record, struct err *err)
{
    if (!shard_room(w, w->shard.content_bytes, record.len + 1, err))
        return false;
    w->shard.records++;
    w->shard.content_bytes += record.len + 1;
    hash_stream_add(w->content, record);
    hash_stream_add(w->content, SLICE("\n"));
    if (replaying(w))
        return true;
    struct frame *f = current(w);
    if (f->records >= w->o.frame ||
        (f->records && f->lines.len + record.len + 1 > WRITER_FRAME_BYTES)) {
        if (!frame_end(w, err))
            return false;
        f = current(w);
    }
    buf_append(&f->lines, record);
    buf_append_byte(&f->lines, '\n');
    f->records++;
    return true;
}

bool writer_ids(struct writer *w, uint32_t *ids, ptrdiff_t count, uint32_t max, struct err *err)
{
    /* Where a shard ends must not depend on the width that its ids turn out to need. */
    int64_t cost = w->o.dtype == PACK_U16 ? 2 : 4;
    if (w->o.eos >= 0) {
        ids[count++] = (uint32_t)w->o.eos;
        max = MAX(max, (uint32_t)w->o.eos);
    }
    int64_t used = w->shard.tokens * cost + TOKENS_IDX_EMPTY + w->shard.records * TOKENS_PER_DOC;
    if (!shard_room(w, used, count * cost + TOKENS_PER_DOC, err))
        return false;
    uint32_t length = (uint32_t)count;
    w->shard.records++;
    w->shard.tokens += count;
    w->tokens += count;
    hash_stream_add(w->content, slice_make((const char *)&length, 4));
    hash_stream_add(w->content, slice_make((const char *)ids, count * 4));
    if (replaying(w))
        return true;
    if (max > UINT16_MAX && w->width == 2 && !widen(w, err))
        return false;
    struct target *t = &w->target[0];
    char *dst = buf_reserve(&t->buf, count * w->width);
    if (!dst)
        mem_oom();
    tokens_store(dst, ids, count, w->width);
    t->buf.len += count * w->width;
    buf_append(&w->lengths, slice_make((const char *)&length, 4));
    return t->buf.len < WRITE_BYTES || target_flush(t, err);
}

bool writer_finish(struct writer *w, struct err *err)
{
    if (w->shard.records && !shard_end(w, err))
        return false;
    if (w->number < w->done)
        return err_set(err, ERR_CANTCREAT,
                       "%s holds %td shards and the input ends within %td: it was "
                       "made from another input; use another folder, or --force to start over",
                       ERR_QUOTE(slice_of(w->dir->path)), w->done, w->number);
    return w->dir->found.complete || pack_dir_finish(w->dir, err);
}
