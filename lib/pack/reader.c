#include "reader.h"

#include "../codec.h"
#include "tokfile.h"
#include "ustar.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define UNIT_BYTES (1 << 20)

const struct pack_shard *shards_current(const struct reader *r)
{
    return &r->m->shards[r->shard];
}

static enum pack_format format_of(const struct reader *r)
{
    return r->m->options.format;
}

/* ---- files ---- */

static int open_checked(struct reader *r, int which, char **name, struct err *err)
{
    const struct pack_file *f = &shards_current(r)->files[which];
    struct os_stat st;
    if (asprintf(name, "%s/%s", r->path, f->name) < 0)
        mem_oom();
    int fd = os_open_read(*name, err);
    if (fd >= 0 && os_fstat(fd, &st, err) && st.size == f->bytes)
        return fd;
    if (fd >= 0)
        err_set(err, ERR_DATA, "%s: %" PRId64 " bytes, where the manifest says %" PRId64, *name,
                st.size, f->bytes);
    os_close_quiet(fd);
    return -1;
}

static bool same_hash(const struct hash_stream *h, struct sha256 *sha, const struct pack_file *f,
                      const char *name, struct err *err)
{
    struct hash128 got = hash_stream_value(h);
    unsigned char digest[SHA256_BYTES];
    char hex[SHA256_HEX];
    if (got.low != f->hash.low || got.high != f->hash.high)
        return err_set(err, ERR_DATA, "%s: damaged: its hash is not the one in the manifest", name);
    sha256_end(sha, digest);
    sha256_hex(digest, hex);
    return strcmp(hex, f->sha256) == 0 ||
           err_set(err, ERR_DATA, "%s: damaged: its SHA-256 is not the one in the manifest", name);
}

static bool hash_file(int fd, const char *name, const struct pack_file *f, struct err *err)
{
    struct hash_stream *h = hash_stream_new();
    struct sha256 sha;
    char *block = malloc(UNIT_BYTES);
    bool ok = true;
    if (!block)
        mem_oom();
    sha256_init(&sha);
    for (int64_t at = 0; ok && at < f->bytes;) {
        ptrdiff_t n = (ptrdiff_t)MIN((int64_t)UNIT_BYTES, f->bytes - at);
        ok = os_pread_full(fd, name, block, n, at, err);
        if (ok) {
            hash_stream_add(h, slice_make(block, n));
            sha256_add(&sha, slice_make(block, n));
        }
        at += n;
    }
    ok = ok && same_hash(h, &sha, f, name, err);
    free(block);
    hash_stream_free(h);
    return ok;
}

/* A file beside the main one, checked whole; it stays open when it is file 1. */
static bool open_side(struct reader *r, int which, struct err *err)
{
    char *name = NULL;
    int fd = open_checked(r, which, &name, err);
    bool ok = fd >= 0 && hash_file(fd, name, &shards_current(r)->files[which], err);
    if (which == 1) {
        r->side_fd = fd;
        r->side_name = name;
        return ok;
    }
    os_close_quiet(fd);
    free(name);
    return ok;
}

/* ---- the bytes of the main file ---- */

static bool read_raw(struct reader *r, char *dst, ptrdiff_t len, struct err *err)
{
    if (!os_pread_full(r->fd, r->name, dst, len, r->at, err))
        return false;
    hash_stream_add(r->hash, slice_make(dst, len));
    sha256_add(&r->sha, slice_make(dst, len));
    r->at += len;
    return true;
}

static int64_t raw_left(const struct reader *r)
{
    return shards_current(r)->files[0].bytes - r->at;
}

static bool ends_inside(const struct reader *r, struct err *err)
{
    return err_set(err, ERR_DATA, "%s: ends inside a document", r->name);
}

static bool decode_some(struct reader *r, struct codec_io *io, struct err *err)
{
    const char *why = NULL;
    if (r->raw.len == 0 && raw_left(r)) {
        ptrdiff_t n = (ptrdiff_t)MIN((int64_t)1 << 17, raw_left(r));
        if (!read_raw(r, buf_reserve(&r->raw, n), n, err))
            return false;
        r->raw.len = n;
    }
    io->src = r->raw.ptr;
    io->src_len = r->raw.len;
    io->src_pos = 0;
    ptrdiff_t before = io->dst_len;
    if (!codec_zstd.decode(r->decoder, io, raw_left(r) == 0, &why))
        return err_set(err, ERR_DATA, "%s: %s", r->name, why);
    buf_consume(&r->raw, io->src_pos);
    return io->dst_len > before || io->src_pos > 0 || ends_inside(r, err);
}

/* The next `len` bytes of the main file, through its decoder, into the hash too. */
static bool take(struct reader *r, char *dst, ptrdiff_t len, struct err *err)
{
    r->content_bytes += len;
    if (!r->decoder && len > raw_left(r))
        return ends_inside(r, err);
    if (!r->decoder)
        return read_raw(r, dst, len, err);
    struct codec_io io = { .dst = dst, .dst_cap = len };
    while (io.dst_len < len)
        if (!decode_some(r, &io, err))
            return false;
    return true;
}

/* Takes bytes that must be these. */
static bool take_head(struct reader *r, slice want, struct err *err)
{
    char *got = arena_alloc_raw(&r->arena, want.len, 1);
    return take(r, got, want.len, err) &&
           (slice_eq(slice_make(got, want.len), want) ||
            err_set(err, ERR_DATA, "%s: its head is not what the manifest says", r->name));
}

static bool skip(struct reader *r, int64_t bytes, struct err *err)
{
    char *block = arena_alloc_raw(&r->arena, UNIT_BYTES, 1);
    for (bool ok = true; bytes && ok;) {
        ptrdiff_t n = (ptrdiff_t)MIN(bytes, (int64_t)UNIT_BYTES);
        ok = take(r, block, n, err);
        bytes -= n;
        if (!ok)
            return false;
    }
    return true;
}

/* ---- opening ---- */

static bool open_frames(struct reader *r, struct err *err)
{
    int64_t bytes = shards_current(r)->files[0].bytes, index_bytes;
    char tail[FRAMES_TAIL];
    if (bytes < FRAMES_TAIL)
        return err_set(err, ERR_DATA, "%s: no index of frames at the end", r->name);
    if (!os_pread_full(r->fd, r->name, tail, FRAMES_TAIL, bytes - FRAMES_TAIL, err) ||
        !frames_tail(slice_make(tail, FRAMES_TAIL), bytes, &index_bytes, err))
        return err->class == ERR_DATA ? err_context(err, "%s", r->name) : false;
    char *index = arena_alloc_raw(&r->arena, (ptrdiff_t)index_bytes, 8);
    if (!os_pread_full(r->fd, r->name, index, (ptrdiff_t)index_bytes, bytes - index_bytes, err))
        return false;
    return frames_index(slice_make(index, (ptrdiff_t)index_bytes), bytes, &r->arena, &r->entries,
                        &r->entry_count, err) ||
           err_context(err, "%s", r->name);
}

static bool open_megatron(struct reader *r, struct err *err)
{
    const struct pack_shard *s = shards_current(r);
    char head[TOKENS_IDX_HEAD];
    int width;
    if (s->files[1].bytes < TOKENS_IDX_HEAD)
        return err_set(err, ERR_DATA, "%s: not a Megatron index", r->side_name);
    if (!os_pread_full(r->side_fd, r->side_name, head, TOKENS_IDX_HEAD, 0, err))
        return false;
    if (!tokens_idx_parse(slice_make(head, TOKENS_IDX_HEAD), s->files[1].bytes, &width, &r->docs,
                          err))
        return err_context(err, "%s", r->side_name);
    return width == r->width ||
           err_set(err, ERR_DATA, "%s: other token type than the manifest says", r->name);
}

/* Formats with the ends of documents in eight bytes each. */
static bool open_ends(struct reader *r, struct err *err)
{
    const struct pack_shard *s = shards_current(r);
    enum pack_format f = format_of(r);
    bool side = f != PACK_SAFETENSORS;
    int64_t whole;
    r->docs = s->records;
    r->ends_at = f == PACK_DATATROVE     ? 0
                 : f == PACK_SAFETENSORS ? TOKFILE_ST_HEAD
                                         : TOKFILE_NPY_HEAD;
    if (r->docs > INT64_MAX / 16 || s->tokens > INT64_MAX / 16)
        return err_set(err, ERR_DATA, "%s: counts that are too large", r->name);
    whole = tokfile_ids_at(f, r->docs) + s->tokens * r->width;
    if (whole != s->files[0].bytes || (side && r->ends_at + r->docs * 8 != s->files[1].bytes))
        return err_set(err, ERR_DATA, "%s: its size does not fit the manifest's counts", r->name);
    struct buf head = { 0 };
    bool ok = tokfile_head(f, r->width, r->docs, s->tokens, &head, err) &&
              take_head(r, buf_slice(&head), err);
    buf_release(&head);
    return ok && (side || skip(r, r->docs * 8, err));
}

static bool open_tokens(struct reader *r, struct err *err)
{
    r->width = shards_current(r)->dtype == PACK_U16 ? 2 : 4;
    for (int i = 1; i < shards_current(r)->file_count; i++)
        if (!open_side(r, i, err))
            return false;
    r->lengths = malloc(READER_LENGTHS * sizeof *r->lengths);
    if (!r->lengths)
        mem_oom();
    return format_of(r) == PACK_MEGATRON ? open_megatron(r, err) : open_ends(r, err);
}

static bool open_mds(struct reader *r, struct err *err)
{
    const struct pack_options *o = &r->m->options;
    const struct pack_shard *s = shards_current(r);
    struct buf config = { 0 };
    uint32_t n;
    if (!r->columns.count &&
        !mds_columns_parse(slice_of(o->columns), &r->columns, &r->columns_arena, err))
        return false;
    if (o->level)
        r->decoder = codec_zstd.decode_new();
    mds_config(&r->columns, o->size, o->level, &config);
    bool ok = take(r, (char *)&n, 4, err);
    if (ok && ((int64_t)n != s->records || s->content_bytes / 4 < s->records))
        ok = err_set(err, ERR_DATA, "%s: holds %u samples, where the manifest says %" PRId64,
                     r->name, n, s->records);
    if (ok) {
        r->docs = n;
        r->offsets = arena_alloc_raw(&r->arena, ((ptrdiff_t)n + 1) * 4, 4);
        ok = take(r, (char *)r->offsets, ((ptrdiff_t)n + 1) * 4, err);
    }
    if (ok && r->offsets[0] != 4 + 4 * ((int64_t)n + 1) + config.len)
        ok = err_set(err, ERR_DATA, "%s: its first sample begins elsewhere", r->name);
    for (uint32_t i = 0; ok && i < n; i++)
        if (r->offsets[i] > r->offsets[i + 1])
            ok = err_set(err, ERR_DATA, "%s: sample %u ends before it begins", r->name, i);
    ok = ok && take_head(r, buf_slice(&config), err);
    buf_release(&config);
    return ok;
}

bool shards_open(struct reader *r, struct err *err)
{
    enum pack_format f = format_of(r);
    r->at = r->content_bytes = 0;
    r->next_entry = 0;
    r->next_doc = r->last_end = 0;
    r->width = 1;
    r->docs = shards_current(r)->records;
    hash_stream_reset(r->hash);
    sha256_init(&r->sha);
    buf_clear(&r->raw);
    r->fd = open_checked(r, 0, &r->name, err);
    if (r->fd < 0)
        return false;
    if (pack_is_tokens(f))
        return open_tokens(r, err);
    return f == PACK_JSONL_ZST ? open_frames(r, err) : f != PACK_MDS || open_mds(r, err);
}

void shards_close(struct reader *r)
{
    os_close_quiet(r->fd);
    os_close_quiet(r->side_fd);
    r->fd = r->side_fd = -1;
    if (r->decoder)
        codec_zstd.decode_free(r->decoder);
    r->decoder = NULL;
    free(r->name);
    free(r->side_name);
    free(r->lengths);
    r->name = r->side_name = NULL;
    r->lengths = NULL;
    arena_reset(&r->arena);
}

void shards_init(struct reader *r, const char *path, const struct manifest *m)
{
    *r =
        (struct reader){ .path = path, .m = m, .fd = -1, .side_fd = -1, .hash = hash_stream_new() };
}

void shards_release(struct reader *r)
{
    shards_close(r);
    buf_release(&r->raw);
    arena_release(&r->arena);
    arena_release(&r->columns_arena);
    hash_stream_free(r->hash);
}

/* ---- loads ---- */

static bool load_frames(struct reader *r, struct load *l, struct arena *arena, struct err *err)
{
    ptrdiff_t first = r->next_entry, content = 0, bytes = 0;
    do {
        content += r->entries[r->next_entry].content;
        bytes += r->entries[r->next_entry++].compressed;
    } while (r->next_entry < r->entry_count && content < UNIT_BYTES);
    l->count = r->next_entry - first;
    struct frame_entry *e = arena_new(arena, struct frame_entry, l->count);
    memcpy(e, r->entries + first, (size_t)l->count * sizeof *e);
    l->frames = e;
    char *p = arena_alloc_raw(arena, bytes + RECORD_PADDING, 1);
    l->bytes = slice_make(p, bytes);
    return take(r, p, bytes, err);
}

/* The lengths of the next documents, out of their ends. */
static bool ends_to_lengths(struct reader *r, ptrdiff_t n, struct err *err)
{
    bool side = r->side_fd >= 0;
    int64_t ends[1024];
    for (ptrdiff_t i = 0, k; i < n; i += k) {
        k = MIN((ptrdiff_t)countof(ends), n - i);
        if (!os_pread_full(side ? r->side_fd : r->fd, side ? r->side_name : r->name, ends, k * 8,
                           r->ends_at + (r->next_doc + i) * 8, err))
            return false;
        for (ptrdiff_t j = 0; j < k; j++) {
            int64_t length = ends[j] - r->last_end;
            if (ends[j] < r->last_end || ends[j] > shards_current(r)->tokens || length > UINT32_MAX)
                return err_set(err, ERR_DATA, "%s: document %" PRId64 " ends before it begins",
                               r->name, r->next_doc + i + j);
            r->lengths[i + j] = (uint32_t)length;
            r->last_end = ends[j];
        }
    }
    return true;
}

static bool more_lengths(struct reader *r, struct err *err)
{
    ptrdiff_t n = (ptrdiff_t)MIN((int64_t)READER_LENGTHS, r->docs - r->next_doc);
    if (format_of(r) != PACK_MEGATRON)
        return ends_to_lengths(r, n, err);
    return os_pread_full(r->side_fd, r->side_name, r->lengths, n * 4,
                         TOKENS_IDX_HEAD + r->next_doc * 4, err);
}

static bool load_docs(struct reader *r, struct load *l, struct arena *arena, struct err *err)
{
    ptrdiff_t first = (ptrdiff_t)(r->next_doc % READER_LENGTHS);
    int64_t bytes = 0;
    if (first == 0 && !more_lengths(r, err))
        return false;
    ptrdiff_t end = (ptrdiff_t)MIN((int64_t)READER_LENGTHS, r->docs - r->next_doc + first);
    ptrdiff_t i = first;
    do {
        if (r->lengths[i] > INT32_MAX || (bytes += (int64_t)r->lengths[i] * r->width) > raw_left(r))
            return err_set(err, ERR_DATA, "%s: document %" PRId64 " does not lie in the file",
                           r->name, r->next_doc + i - first);
        i++;
    } while (i < end && bytes < UNIT_BYTES);
    l->count = i - first;
    r->next_doc += l->count;
    uint32_t *lengths = arena_new(arena, uint32_t, l->count);
    memcpy(lengths, r->lengths + first, (size_t)l->count * 4);
    l->lengths = lengths;
    char *p = arena_alloc_raw(arena, (ptrdiff_t)bytes + RECORD_PADDING, 8);
    l->bytes = slice_make(p, (ptrdiff_t)bytes);
    return take(r, p, (ptrdiff_t)bytes, err);
}

static bool load_mds(struct reader *r, struct load *l, struct arena *arena, struct err *err)
{
    int64_t first = r->next_doc;
    do {
        r->next_doc++;
    } while (r->next_doc < r->docs && r->offsets[r->next_doc] - r->offsets[first] < UNIT_BYTES);
    l->count = (ptrdiff_t)(r->next_doc - first);
    uint32_t *lengths = arena_new(arena, uint32_t, l->count);
    for (ptrdiff_t i = 0; i < l->count; i++)
        lengths[i] = r->offsets[first + i + 1] - r->offsets[first + i];
    l->lengths = lengths;
    ptrdiff_t bytes = r->offsets[r->next_doc] - r->offsets[first];
    if (r->offsets[r->next_doc] > shards_current(r)->content_bytes)
        return ends_inside(r, err);
    char *p = arena_alloc_raw(arena, bytes + RECORD_PADDING, 8);
    l->bytes = slice_make(p, bytes);
    return take(r, p, bytes, err);
}

static bool load_tar(struct reader *r, struct load *l, struct arena *arena, struct err *err)
{
    struct buf all = { 0 };
    ptrdiff_t most = (ptrdiff_t)MIN((int64_t)4096, r->docs - r->next_doc);
    uint32_t *lengths = arena_new(arena, uint32_t, most);
    int64_t before = 0;
    bool ok = true;
    for (ptrdiff_t i = 0; i < r->shard; i++)
        before += r->m->shards[i].records;
    for (l->count = 0; ok && l->count < most && all.len < UNIT_BYTES; l->count++, r->next_doc++) {
        char head[USTAR_BLOCK];
        ok = take(r, head, USTAR_BLOCK, err);
        int64_t n = ok ? ustar_parse(head, before + r->next_doc) : -1;
        if (ok && (n < 0 || n > UINT32_MAX || n > raw_left(r)))
            ok = err_set(err, ERR_DATA, "%s: sample %" PRId64 " has a header that is not ours",
                         r->name, r->next_doc);
        if (!ok)
            break;
        ptrdiff_t padded = (ptrdiff_t)ustar_bytes(n) - USTAR_BLOCK;
        ok = take(r, buf_reserve(&all, padded), padded, err);
        all.len += (ptrdiff_t)n;
        lengths[l->count] = (uint32_t)n;
    }
    l->lengths = lengths;
    char *p = arena_alloc_raw(arena, all.len + RECORD_PADDING, 8);
    if (all.len)
        memcpy(p, all.ptr, (size_t)all.len);
    l->bytes = slice_make(p, all.len);
    buf_release(&all);
    return ok;
}

/* Everything of the main file was taken but its end: the hash is complete then. */
static bool shard_done(struct reader *r, struct err *err)
{
    enum pack_format f = format_of(r);
    int64_t left = raw_left(r), want = f == PACK_WEBDATASET ? USTAR_END : 0;
    if (r->decoder) { /* the frame's last block may hold nothing but its checksum */
        char none[1];
        struct codec_io io = { .dst = none, .dst_cap = 1 };
        while (raw_left(r) || r->raw.len)
            if (!decode_some(r, &io, err) || io.dst_len)
                return io.dst_len
                           ? err_set(err, ERR_DATA, "%s: bytes behind the last sample", r->name)
                           : false;
        if (!codec_zstd.decode_may_end(r->decoder))
            return ends_inside(r, err);
    } else if (f != PACK_JSONL_ZST && left != want) {
        return err_set(err, ERR_DATA, "%s: %" PRId64 " bytes behind the last document", r->name,
                       left - want);
    } else if (!skip(r, left, err)) {
        return false;
    }
    if (pack_is_tokens(f) && f != PACK_MEGATRON && r->last_end != shards_current(r)->tokens)
        return err_set(err, ERR_DATA, "%s: its last document ends elsewhere", r->name);
    return same_hash(r->hash, &r->sha, &shards_current(r)->files[0], r->name, err);
}

bool shards_next(struct reader *r, struct load *l, struct arena *arena, bool *end, struct err *err)
{
    enum pack_format f = format_of(r);
    *end = f == PACK_JSONL_ZST ? r->next_entry == r->entry_count : r->next_doc == r->docs;
    if (*end)
        return shard_done(r, err);
    *l = (struct load){ .name = arena_cstr_dup(arena, slice_of(r->name)), .width = r->width };
    if (pack_is_tokens(f))
        return load_docs(r, l, arena, err);
    return f == PACK_JSONL_ZST ? load_frames(r, l, arena, err)
           : f == PACK_MDS     ? load_mds(r, l, arena, err)
                               : load_tar(r, l, arena, err);
}

static int64_t count_lines(slice s)
{
    int64_t n = 0;
    for (ptrdiff_t at; (at = slice_find(s, '\n')) >= 0; n++)
        s = slice_from(s, at + 1);
    return n;
}

bool load_frame(const struct load *l, ptrdiff_t i, slice *rest, struct arena *arena, slice *lines,
                struct err *err)
{
    const struct frame_entry *e = &l->frames[i];
    slice frame = slice_make(rest->ptr, e->compressed);
    *rest = slice_from(*rest, e->compressed);
    if (!frames_open(frame, e, arena, lines, err))
        return err_context(err, "%s", l->name);
    if (count_lines(*lines) != e->records || (lines->len && lines->ptr[lines->len - 1] != '\n'))
        return err_set(err, ERR_DATA, "%s: a frame of other records than its index says", l->name);
    return true;
}
