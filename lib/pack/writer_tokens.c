/* writer_tokens.c: shards of token ids: ids back to back, and where documents end. */
#include "tokens.h"
#include "tokfile.h"
#include "writer_private.h"

#include <stdlib.h>

static bool is_spooled(const struct writer *w)
{
    return w->o.format == PACK_LLMC || w->o.format == PACK_NPY || w->o.format == PACK_SAFETENSORS;
}

/* Where ids go while the shard grows. */
static struct target *data_of(struct writer *w)
{
    return is_spooled(w) ? &w->spool : &w->target[0];
}

bool tokens_begin(struct writer *w, struct err *err)
{
    w->width = w->o.dtype == PACK_I32 || w->o.dtype == PACK_U32 ? 4 : 2;
    return target_open(w, data_of(w), 0, err);
}

/* The ids so far were u16 and one does not fit: they are written again, four bytes each. */
static bool widen(struct writer *w, struct err *err)
{
    struct target *t = data_of(w);
    if (!target_flush(t, err))
        return false;
    struct os_temp narrow = t->temp;
    int64_t left = t->bytes, at = 0;
    t->open = false;
    if (!target_open(w, t, 0, err)) {
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

/* ---- where documents end ---- */

static bool megatron_index(struct writer *w, struct target *t, struct err *err)
{
    const uint32_t *lengths = (const uint32_t *)(const void *)w->lengths.ptr;
    ptrdiff_t n = w->lengths.len / 4;
    char head[TOKENS_IDX_HEAD];
    int64_t offset = 0;
    tokens_idx_head(head, w->width, n);
    buf_append(&t->buf, slice_make(head, TOKENS_IDX_HEAD));
    buf_append(&t->buf, buf_slice(&w->lengths));
    for (ptrdiff_t i = 0; i < n; i++) {
        buf_append(&t->buf, slice_make((const char *)&offset, 8));
        offset += (int64_t)lengths[i] * w->width;
        if (!target_more(t, err))
            return false;
    }
    for (int64_t i = 0; i <= n; i++) {
        buf_append(&t->buf, slice_make((const char *)&i, 8));
        if (!target_more(t, err))
            return false;
    }
    return true;
}

/* The end of each document in ids, eight bytes each. */
static bool put_ends(struct writer *w, struct target *t, struct err *err)
{
    const uint32_t *lengths = (const uint32_t *)(const void *)w->lengths.ptr;
    int64_t end = 0;
    for (ptrdiff_t i = 0; i < w->lengths.len / 4; i++) {
        end += lengths[i];
        buf_append(&t->buf, slice_make((const char *)&end, 8));
        if (!target_more(t, err))
            return false;
    }
    return true;
}

static bool main_file(struct writer *w, struct err *err)
{
    struct target *t = &w->target[0];
    if (!is_spooled(w))
        return target_commit(w, 0, err);
    return target_open(w, t, 0, err) &&
           tokfile_head(w->o.format, w->width, w->shard.records, w->shard.tokens, &t->buf, err) &&
           (w->o.format != PACK_SAFETENSORS || put_ends(w, t, err)) &&
           target_take_spool(w, t, err) && target_commit(w, 0, err);
}

static bool second_file(struct writer *w, struct err *err)
{
    struct target *t = &w->target[1];
    if (w->shard.file_count < 2)
        return true;
    if (!target_open(w, t, 1, err))
        return false;
    if (w->o.format == PACK_MEGATRON)
        return megatron_index(w, t, err) && target_commit(w, 1, err);
    if (w->o.format != PACK_DATATROVE)
        tokfile_npy_head("<i8", w->shard.records, &t->buf);
    return put_ends(w, t, err) && target_commit(w, 1, err);
}

static bool third_file(struct writer *w, struct err *err)
{
    if (w->shard.file_count < 3)
        return true;
    if (!target_open(w, &w->target[2], 2, err))
        return false;
    tokfile_metadata(*w->o.tokenizer ? w->o.tokenizer : "unknown", w->width, w->shard.tokens,
                     &w->target[2].buf);
    return target_commit(w, 2, err);
}

bool tokens_end(struct writer *w, struct err *err)
{
    struct pack_shard *s = &w->shard;
    s->dtype = w->width == 2 ? PACK_U16 : pack_wide_dtype(w->o.format);
    if (!main_file(w, err) || !second_file(w, err) || !third_file(w, err))
        return false;
    s->content_bytes = 0;
    for (int i = 0; i < s->file_count; i++)
        s->content_bytes += s->files[i].bytes;
    return true;
}

bool writer_ids(struct writer *w, uint32_t *ids, ptrdiff_t count, uint32_t max, struct err *err)
{
    /* Where a shard ends must not depend on the width that its ids turn out to need. */
    int64_t cost = w->o.dtype == PACK_U16 ? 2 : 4;
    if (w->o.bos >= 0) {
        *--ids = (uint32_t)w->o.bos;
        count++;
        max = MAX(max, (uint32_t)w->o.bos);
    }
    if (w->o.eos >= 0) {
        ids[count++] = (uint32_t)w->o.eos;
        max = MAX(max, (uint32_t)w->o.eos);
    }
    int64_t used = w->shard.tokens * cost + TOKENS_IDX_EMPTY + w->shard.records * TOKENS_PER_DOC;
    if (!writer_room(w, used, count * cost + TOKENS_PER_DOC, err))
        return false;
    uint32_t length = (uint32_t)count;
    w->shard.records++;
    w->records++;
    w->shard.tokens += count;
    w->tokens += count;
    hash_stream_add(w->content, slice_make((const char *)&length, 4));
    hash_stream_add(w->content, slice_make((const char *)ids, count * 4));
    if (writer_replays(w))
        return true;
    if (max > UINT16_MAX && w->width == 2 && !widen(w, err))
        return false;
    struct target *t = data_of(w);
    char *dst = buf_reserve(&t->buf, count * w->width);
    if (!dst)
        mem_oom();
    tokens_store(dst, ids, count, w->width);
    t->buf.len += count * w->width;
    buf_append(&w->lengths, slice_make((const char *)&length, 4));
    return target_more(t, err);
}
