#include "writer_private.h"

#include "../codec.h"

#include <inttypes.h>
#include <stdlib.h>

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
    w->spool.plain = true;
    w->flow = flow;
    struct err never;
    if (w->o.format == PACK_MDS)
        mds_columns_parse(slice_of(w->o.columns), &w->columns, &w->arena, &never);
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
    if (w->spool.open)
        os_temp_discard(&w->spool.temp);
    buf_release(&w->spool.buf);
    arena_release(&w->arena);
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

bool writer_replays(const struct writer *w)
{
    return w->number < w->done;
}

/* ---- files ---- */

bool target_open(struct writer *w, struct target *t, int which, struct err *err)
{
    char name[40];
    pack_file_name(&w->o, w->number, which, name);
    t->bytes = 0;
    if (!t->plain)
        hash_stream_reset(t->hash);
    sha256_init(&t->sha);
    buf_clear(&t->buf);
    t->open = os_temp_create(&t->temp, pack_dir_path(w->dir, name), true, err);
    return t->open;
}

bool target_flush(struct target *t, struct err *err)
{
    if (!t->plain) {
        hash_stream_add(t->hash, buf_slice(&t->buf));
        sha256_add(&t->sha, buf_slice(&t->buf));
    }
    t->bytes += t->buf.len;
    bool ok = os_write_all(t->temp.fd, t->temp.target, buf_slice(&t->buf), err);
    buf_clear(&t->buf);
    return ok;
}

bool target_more(struct target *t, struct err *err)
{
    return t->buf.len < WRITE_BYTES || target_flush(t, err);
}

bool target_commit(struct writer *w, int which, struct err *err)
{
    struct target *t = &w->target[which];
    struct pack_file *f = &w->shard.files[which];
    if (!target_flush(t, err))
        return false;
    pack_file_name(&w->o, w->number, which, f->name);
    f->bytes = t->bytes;
    f->hash = hash_stream_value(t->hash);
    unsigned char digest[SHA256_BYTES];
    sha256_end(&t->sha, digest);
    sha256_hex(digest, f->sha256);
    t->open = false; /* commit removes it when it fails */
    return os_temp_commit(&t->temp, err);
}

bool target_take_spool(struct writer *w, struct target *t, struct err *err)
{
    struct target *from = &w->spool;
    bool ok = target_flush(from, err);
    for (int64_t at = 0; ok && at < from->bytes;) {
        ptrdiff_t n = (ptrdiff_t)MIN((int64_t)WRITE_BYTES, from->bytes - at);
        ok = os_pread_full(from->temp.fd, from->temp.target, buf_reserve(&t->buf, n), n, at, err);
        t->buf.len += ok ? n : 0;
        ok = ok && target_flush(t, err);
        at += n;
    }
    from->open = false;
    os_temp_discard(&from->temp);
    return ok;
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

/* ---- shards ---- */

static bool shard_begin(struct writer *w, struct err *err)
{
    w->shard = (struct pack_shard){ .file_count = pack_file_count(w->o.format) };
    hash_stream_reset(w->content);
    buf_clear(&w->lengths);
    if (writer_replays(w))
        return true;
    if (w->dir->found.complete)
        return err_set(err, ERR_CANTCREAT,
                       "%s is complete and the input goes on: use another "
                       "folder, or --force to start over",
                       ERR_QUOTE(slice_of(w->dir->path)));
    if (pack_is_tokens(w->o.format))
        return tokens_begin(w, err);
    return w->o.format == PACK_JSONL_ZST ? target_open(w, &w->target[0], 0, err)
                                         : samples_begin(w, err);
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
    if (writer_replays(w)) {
        const struct pack_shard *r = &w->dir->found.shards[w->number];
        if (r->records != s->records || r->tokens != s->tokens ||
            r->content.low != s->content.low || r->content.high != s->content.high)
            return differs(w, err);
        w->bytes += r->content_bytes;
    } else {
        bool ok = pack_is_tokens(w->o.format)     ? tokens_end(w, err)
                  : w->o.format == PACK_JSONL_ZST ? lines_end(w, err)
                                                  : samples_end(w, err);
        if (!ok || !pack_dir_record(w->dir, s, err))
            return false;
        w->bytes += s->content_bytes;
    }
    w->number++;
    s->records = 0;
    return true;
}

bool writer_room(struct writer *w, int64_t used, int64_t more, struct err *err)
{
    bool full = w->shard.records > 0 &&
                (used + more > w->o.size || (w->o.records && w->shard.records >= w->o.records));
    if (full && !shard_end(w, err))
        return false;
    return w->shard.records > 0 || shard_begin(w, err);
}

bool writer_line(struct writer *w, slice record, struct err *err)
{
    if (!writer_room(w, w->shard.content_bytes, record.len + 1, err))
        return false;
    w->shard.records++;
    w->records++;
    w->shard.content_bytes += record.len + 1;
    hash_stream_add(w->content, record);
    hash_stream_add(w->content, SLICE("\n"));
    if (writer_replays(w))
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
