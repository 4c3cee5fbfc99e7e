#include "frames.h"

#include "../codec.h"

#include <inttypes.h>

#define COUNTS_MAGIC 0x184d2a5du
#define TABLE_MAGIC  0x184d2a5eu
#define FOOTER_MAGIC 0x8f92eab1u

const char *frames_compress(void *encoder, slice content, struct buf *out)
{
    struct codec_io io = { .src = content.ptr, .src_len = content.len };
    const char *why = NULL;
    bool done = false;
    ASSERT(content.len < INT32_MAX);
    /* The whole frame in one call with room for it: its header then tells the content's size. */
    ptrdiff_t room = content.len + content.len / 128 + 4096;
    while (!done) {
        io.dst = buf_reserve(out, room);
        io.dst_cap = room;
        io.dst_len = 0;
        if (!io.dst)
            mem_oom();
        if (!codec_zstd.encode(encoder, &io, CODEC_END, &done, &why))
            return why;
        out->len += io.dst_len;
    }
    return NULL;
}

void frames_add(struct frames *f, struct frame_entry e)
{
    buf_append(&f->entries, slice_make((const char *)&e, (ptrdiff_t)sizeof e));
    f->count++;
}

void frames_release(struct frames *f)
{
    buf_release(&f->entries);
}

static void append_u32(struct buf *out, uint32_t v)
{
    buf_append(out, slice_make((const char *)&v, 4));
}

static struct frame_entry entry_at(const struct frames *f, ptrdiff_t i)
{
    struct frame_entry e;
    memcpy(&e, f->entries.ptr + i * (ptrdiff_t)sizeof e, sizeof e);
    return e;
}

void frames_end(struct frames *f, struct buf *out)
{
    append_u32(out, COUNTS_MAGIC);
    append_u32(out, (uint32_t)(4 + 4 * f->count));
    buf_append(out, SLICE("MRNR"));
    for (ptrdiff_t i = 0; i < f->count; i++)
        append_u32(out, entry_at(f, i).records);
    append_u32(out, TABLE_MAGIC);
    append_u32(out, (uint32_t)(8 * f->count + FRAMES_TAIL));
    for (ptrdiff_t i = 0; i < f->count; i++) {
        append_u32(out, entry_at(f, i).compressed);
        append_u32(out, entry_at(f, i).content);
    }
    append_u32(out, (uint32_t)f->count);
    buf_append_byte(out, 0);
    append_u32(out, FOOTER_MAGIC);
    buf_clear(&f->entries);
    f->count = 0;
}

/* ---- reading ---- */

static int64_t index_bytes_of(int64_t count)
{
    return 12 + 4 * count + 8 + 8 * count + FRAMES_TAIL;
}

bool frames_tail(slice tail, int64_t file_bytes, int64_t *index_bytes, struct err *err)
{
    if (tail.len != FRAMES_TAIL || load_u32(tail.ptr + 5) != FOOTER_MAGIC || tail.ptr[4] != 0)
        return err_set(err, ERR_DATA, "no index of frames at the end");
    *index_bytes = index_bytes_of(load_u32(tail.ptr));
    return *index_bytes <= file_bytes ||
           err_set(err, ERR_DATA, "an index of frames that is larger than the file");
}

bool frames_index(slice index, int64_t file_bytes, struct arena *arena,
                  struct frame_entry **entries, ptrdiff_t *count, struct err *err)
{
    int64_t need, n, data = 0;
    if (index.len < FRAMES_TAIL ||
        !frames_tail(slice_from(index, index.len - FRAMES_TAIL), file_bytes, &need, err))
        return err_set(err, ERR_DATA, "no index of frames at the end");
    n = load_u32(index.ptr + index.len - FRAMES_TAIL);
    const char *table = index.ptr + 12 + 4 * n;
    if (need != index.len || load_u32(index.ptr) != COUNTS_MAGIC ||
        load_u32(index.ptr + 4) != 4 + 4 * n || memcmp(index.ptr + 8, "MRNR", 4) != 0 ||
        load_u32(table) != TABLE_MAGIC || load_u32(table + 4) != 8 * n + FRAMES_TAIL)
        return err_set(err, ERR_DATA, "a broken index of frames");
    struct frame_entry *e = arena_new(arena, struct frame_entry, (ptrdiff_t)n);
    for (int64_t i = 0; i < n; i++) {
        e[i] = (struct frame_entry){ load_u32(table + 8 + 8 * i), load_u32(table + 12 + 8 * i),
                                     load_u32(index.ptr + 12 + 4 * i) };
        data += e[i].compressed;
    }
    if (data != file_bytes - index.len)
        return err_set(err, ERR_DATA, "an index whose frames are %" PRId64 " bytes of %" PRId64,
                       data, file_bytes - index.len);
    *entries = e;
    *count = (ptrdiff_t)n;
    return true;
}

bool frames_open(slice frame, const struct frame_entry *entry, struct arena *arena, slice *content,
                 struct err *err)
{
    void *decoder = codec_zstd.decode_new();
    /* What a frame says of its size is believed step by step: zstd's blocks are 128 KiB. */
    ptrdiff_t want = entry->content, cap = MIN(want, MAX(frame.len * 16, (ptrdiff_t)1 << 20));
    char *p = arena_alloc_raw(arena, cap + 1 + RECORD_PADDING, 1);
    struct codec_io io = { .src = frame.ptr, .src_len = frame.len, .dst = p, .dst_cap = cap + 1 };
    const char *why = NULL;
    bool ok = true;
    for (;;) {
        ptrdiff_t before = io.src_pos + io.dst_len;
        ok = codec_zstd.decode(decoder, &io, true, &why);
        if (!ok || io.dst_len > want || io.src_pos + io.dst_len == before)
            break;
        if (io.dst_len == io.dst_cap) {
            ptrdiff_t more = MIN(want, cap * 2);
            p = arena_grow(arena, p, cap + 1 + RECORD_PADDING, more + 1 + RECORD_PADDING, 1);
            io.dst = p;
            cap = more;
            io.dst_cap = cap + 1;
        }
    }
    bool whole = codec_zstd.decode_may_end(decoder) && io.src_pos == frame.len;
    codec_zstd.decode_free(decoder);
    if (!ok)
        return err_set(err, ERR_DATA, "%s", why);
    if (io.dst_len != want || !whole)
        return err_set(err, ERR_DATA, "a frame of another size than its index says");
    memset(p + want, 0, RECORD_PADDING);
    *content = slice_make(p, want);
    return true;
}
