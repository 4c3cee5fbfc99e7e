#include "unpack.h"

#include "../log.h"
#include "../os.h"
#include "dir.h"
#include "frames.h"
#include "tokens.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define UNIT_BYTES   (1 << 20)
#define LENGTHS_STEP 65536 /* lengths of Megatron documents that are held at a time */

/* One shard that is being read. */
struct reader {
    const char *path; /* of the folder */
    const struct manifest *m;
    ptrdiff_t shard;
    int fd, idx_fd;
    char *name, *idx_name;
    struct hash_stream *hash; /* of the main file so far */
    int64_t at;               /* in the main file */
    struct arena arena;       /* frame entries */
    struct frame_entry *entries;
    ptrdiff_t entry_count, next_entry;
    int width;
    int64_t docs, next_doc;
    int32_t *lengths; /* of documents next_doc - next_doc % LENGTHS_STEP ... */
};

struct unpack {
    struct manifest m;
    struct arena arena;
    struct reader r;
    char *path;
};

/* What a worker gets. */
struct load {
    slice bytes;
    const struct frame_entry *frames; /* or */
    const int32_t *lengths;
    ptrdiff_t count;
    int width;
    const char *name;
};

/* ---- files ---- */

static const struct pack_shard *shard_of(const struct reader *r)
{
    return &r->m->shards[r->shard];
}

static int open_checked(struct reader *r, int which, char **name, struct err *err)
{
    const struct pack_file *f = &shard_of(r)->files[which];
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

static bool same_hash(const struct hash_stream *h, struct hash128 want, const char *name,
                      struct err *err)
{
    struct hash128 got = hash_stream_value(h);
    return (got.low == want.low && got.high == want.high) ||
           err_set(err, ERR_DATA, "%s: damaged: its hash is not the one in the manifest", name);
}

static bool hash_file(int fd, const char *name, const struct pack_file *f, struct err *err)
{
    struct hash_stream *h = hash_stream_new();
    char *block = malloc(UNIT_BYTES);
    bool ok = true;
    if (!block)
        mem_oom();
    for (int64_t at = 0; ok && at < f->bytes;) {
        ptrdiff_t n = (ptrdiff_t)MIN((int64_t)UNIT_BYTES, f->bytes - at);
        ok = os_pread_full(fd, name, block, n, at, err);
        if (ok)
            hash_stream_add(h, slice_make(block, n));
        at += n;
    }
    ok = ok && same_hash(h, f->hash, name, err);
    free(block);
    hash_stream_free(h);
    return ok;
}

/* ---- a shard ---- */

static void shard_close(struct reader *r)
{
    os_close_quiet(r->fd);
    os_close_quiet(r->idx_fd);
    r->fd = r->idx_fd = -1;
    free(r->name);
    free(r->idx_name);
    free(r->lengths);
    r->name = r->idx_name = NULL;
    r->lengths = NULL;
    arena_reset(&r->arena);
}

static bool open_frames(struct reader *r, struct err *err)
{
    int64_t bytes = shard_of(r)->files[0].bytes, index_bytes;
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

static bool open_tokens(struct reader *r, struct err *err)
{
    const struct pack_shard *s = shard_of(r);
    char head[TOKENS_IDX_HEAD];
    r->idx_fd = open_checked(r, 1, &r->idx_name, err);
    if (r->idx_fd < 0 || !hash_file(r->idx_fd, r->idx_name, &s->files[1], err))
        return false;
    if (s->files[1].bytes < TOKENS_IDX_HEAD)
        return err_set(err, ERR_DATA, "%s: not a Megatron index", r->idx_name);
    if (!os_pread_full(r->idx_fd, r->idx_name, head, TOKENS_IDX_HEAD, 0, err))
        return false;
    if (!tokens_idx_parse(slice_make(head, TOKENS_IDX_HEAD), s->files[1].bytes, &r->width, &r->docs,
                          err))
        return err_context(err, "%s", r->idx_name);
    r->lengths = malloc(LENGTHS_STEP * sizeof *r->lengths);
    if (!r->lengths)
        mem_oom();
    return true;
}

static bool shard_open(struct reader *r, struct err *err)
{
    r->at = 0;
    r->next_entry = 0;
    r->next_doc = 0;
    hash_stream_reset(r->hash);
    r->fd = open_checked(r, 0, &r->name, err);
    if (r->fd < 0)
        return false;
    return r->m->options.format == PACK_MEGATRON ? open_tokens(r, err) : open_frames(r, err);
}

/* Reads the next `len` bytes of the main file, into the hash too. */
static bool take(struct reader *r, char *dst, ptrdiff_t len, struct err *err)
{
    int64_t left = shard_of(r)->files[0].bytes - r->at;
    if (len > left)
        return err_set(err, ERR_DATA, "%s: ends inside a document", r->name);
    if (!os_pread_full(r->fd, r->name, dst, len, r->at, err))
        return false;
    hash_stream_add(r->hash, slice_make(dst, len));
    r->at += len;
    return true;
}

/* Everything of the main file was taken but its index: the hash is complete then. */
static bool shard_done(struct reader *r, struct err *err)
{
    const struct pack_file *f = &shard_of(r)->files[0];
    ptrdiff_t left = (ptrdiff_t)(f->bytes - r->at);
    if (r->m->options.format == PACK_MEGATRON && left)
        return err_set(err, ERR_DATA, "%s: %td bytes behind the last document", r->name, left);
    char *rest = arena_alloc_raw(&r->arena, left, 1);
    return (left == 0 || take(r, rest, left, err)) && same_hash(r->hash, f->hash, r->name, err);
}

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

static bool load_docs(struct reader *r, struct load *l, struct arena *arena, struct err *err)
{
    ptrdiff_t first = (ptrdiff_t)(r->next_doc % LENGTHS_STEP);
    int64_t bytes = 0;
    if (first == 0) {
        ptrdiff_t n = (ptrdiff_t)MIN((int64_t)LENGTHS_STEP, r->docs - r->next_doc);
        if (!os_pread_full(r->idx_fd, r->idx_name, r->lengths, n * 4,
                           TOKENS_IDX_HEAD + r->next_doc * 4, err))
            return false;
    }
    ptrdiff_t end = (ptrdiff_t)MIN((int64_t)LENGTHS_STEP, r->docs - r->next_doc + first), i = first;
    int64_t left = shard_of(r)->files[0].bytes - r->at;
    do {
        if (r->lengths[i] < 0 || (bytes += (int64_t)r->lengths[i] * r->width) > left)
            return err_set(err, ERR_DATA, "%s: document %" PRId64 " does not lie in the .bin",
                           r->idx_name, r->next_doc + i - first);
        i++;
    } while (i < end && bytes < UNIT_BYTES);
    l->count = i - first;
    r->next_doc += l->count;
    int32_t *lengths = arena_new(arena, int32_t, l->count);
    memcpy(lengths, r->lengths + first, (size_t)l->count * 4);
    l->lengths = lengths;
    l->width = r->width;
    char *p = arena_alloc_raw(arena, (ptrdiff_t)bytes + RECORD_PADDING, 8);
    l->bytes = slice_make(p, (ptrdiff_t)bytes);
    return take(r, p, (ptrdiff_t)bytes, err);
}

/* The next load of the open shard; *end when it has none left. */
static bool shard_next(struct reader *r, struct load *l, struct arena *arena, bool *end,
                       struct err *err)
{
    bool megatron = r->m->options.format == PACK_MEGATRON;
    *end = megatron ? r->next_doc == r->docs : r->next_entry == r->entry_count;
    if (*end)
        return shard_done(r, err);
    l->name = arena_cstr_dup(arena, slice_of(r->name));
    return megatron ? load_docs(r, l, arena, err) : load_frames(r, l, arena, err);
}

static void reader_init(struct reader *r, const char *path, const struct manifest *m)
{
    *r = (struct reader){ .path = path, .m = m, .fd = -1, .idx_fd = -1, .hash = hash_stream_new() };
}

static void reader_release(struct reader *r)
{
    shard_close(r);
    arena_release(&r->arena);
    hash_stream_free(r->hash);
}

/* ---- the source ---- */

static bool unpack_next(void *self, struct flow_unit *unit, bool *end, struct err *err)
{
    struct unpack *u = self;
    struct reader *r = &u->r;
    bool shard_ended = false;
    struct load *l = arena_new(unit->arena, struct load, 1);
    for (;;) {
        if (r->shard == u->m.count) {
            *end = true;
            return true;
        }
        if (r->fd < 0 && !shard_open(r, err))
            return false;
        if (!shard_next(r, l, unit->arena, &shard_ended, err))
            return false;
        if (!shard_ended)
            break;
        shard_close(r);
        r->shard++;
    }
    unit->data = l;
    unit->bytes_in = l->bytes.len;
    return true;
}

static int64_t count_lines(slice s)
{
    int64_t n = 0;
    for (ptrdiff_t at; (at = slice_find(s, '\n')) >= 0; n++)
        s = slice_from(s, at + 1);
    return n;
}

/* One frame's lines. */
static bool open_lines(const struct load *l, ptrdiff_t i, slice *rest, struct arena *arena,
                       slice *lines, struct err *err)
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

static bool unpack_work(void *self, void *scratch, struct flow_unit *unit, struct err *err)
{
    const struct load *l = unit->data;
    struct buf out = { 0 };
    slice rest = l->bytes, lines = SLICE("");
    (void)self, (void)scratch;
    for (ptrdiff_t i = 0; i < l->count; i++) {
        if (l->frames) {
            if (!open_lines(l, i, &rest, unit->arena, &lines, err)) {
                buf_release(&out);
                return false;
            }
            unit->records_out += l->frames[i].records;
            if (l->count > 1)
                buf_append(&out, lines);
        } else {
            ptrdiff_t len = (ptrdiff_t)l->lengths[i] * l->width;
            tokens_json(slice_make(rest.ptr, len), l->width, &out);
            rest = slice_from(rest, len);
            unit->records_out++;
        }
    }
    unit->in = unit->records_out;
    unit->out = l->frames && l->count == 1 ? lines : arena_dup(unit->arena, buf_slice(&out));
    buf_release(&out);
    return true;
}

const struct flow_source unpack_source = { unpack_next, unpack_work, NULL, NULL };

struct unpack *unpack_open(const char *path, struct err *err)
{
    struct unpack *u = calloc(1, sizeof *u);
    if (!u || !(u->path = strdup(path)))
        mem_oom();
    reader_init(&u->r, u->path, &u->m);
    if (pack_dir_manifest(path, &u->m, &u->arena, err))
        return u;
    unpack_close(u);
    return NULL;
}

const struct manifest *unpack_manifest(const struct unpack *u)
{
    return &u->m;
}

void unpack_close(struct unpack *u)
{
    if (!u)
        return;
    reader_release(&u->r);
    arena_release(&u->arena);
    free(u->path);
    free(u);
}

/* ---- verify ---- */

/* Ids are hashed as u32, whatever their width in the file. */
static void add_ids(struct hash_stream *h, const char *stored, ptrdiff_t n, int width)
{
    uint32_t wide[1024];
    if (width == 4) {
        hash_stream_add(h, slice_make(stored, n * 4));
        return;
    }
    for (ptrdiff_t done = 0, k; done < n; done += k) {
        for (k = 0; k < countof(wide) && done + k < n; k++)
            wide[k] = load_u16(stored + (done + k) * 2);
        hash_stream_add(h, slice_make((const char *)wide, k * 4));
    }
}

/* Adds a load to the counts and the hash of the shard's content. */
static bool tally(const struct load *l, struct pack_shard *sum, struct hash_stream *content,
                  struct arena *arena, struct err *err)
{
    slice rest = l->bytes, lines;
    for (ptrdiff_t i = 0; i < l->count; i++) {
        if (l->frames) {
            if (!open_lines(l, i, &rest, arena, &lines, err))
                return false;
            hash_stream_add(content, lines);
            sum->records += l->frames[i].records;
            sum->content_bytes += lines.len;
            continue;
        }
        uint32_t n = (uint32_t)l->lengths[i];
        hash_stream_add(content, slice_make((const char *)&n, 4));
        add_ids(content, rest.ptr, n, l->width);
        rest = slice_from(rest, (ptrdiff_t)n * l->width);
        sum->records++;
        sum->tokens += n;
    }
    return true;
}

/* The parts of .idx that reading does not need: offsets and document numbers. */
static bool check_idx(struct reader *r, struct err *err)
{
    int64_t offset = 0, block[1024];
    int32_t lengths[1024];
    for (int64_t doc = 0; doc < r->docs; doc += countof(block)) {
        ptrdiff_t n = (ptrdiff_t)MIN((int64_t)countof(block), r->docs - doc);
        if (!os_pread_full(r->idx_fd, r->idx_name, lengths, n * 4, TOKENS_IDX_HEAD + doc * 4,
                           err) ||
            !os_pread_full(r->idx_fd, r->idx_name, block, n * 8,
                           TOKENS_IDX_HEAD + r->docs * 4 + doc * 8, err))
            return false;
        for (ptrdiff_t i = 0; i < n; i++) {
            if (block[i] != offset)
                return err_set(err, ERR_DATA, "%s: document %" PRId64 " has a wrong offset",
                               r->idx_name, doc + i);
            offset += (int64_t)lengths[i] * r->width;
        }
    }
    for (int64_t doc = 0; doc <= r->docs; doc += countof(block)) {
        ptrdiff_t n = (ptrdiff_t)MIN((int64_t)countof(block), r->docs + 1 - doc);
        if (!os_pread_full(r->idx_fd, r->idx_name, block, n * 8,
                           TOKENS_IDX_HEAD + r->docs * 12 + doc * 8, err))
            return false;
        for (ptrdiff_t i = 0; i < n; i++)
            if (block[i] != doc + i)
                return err_set(err, ERR_DATA, "%s: document %" PRId64 " has another number",
                               r->idx_name, doc + i);
    }
    return true;
}

static bool verify_shard(struct reader *r, struct err *err)
{
    const struct pack_shard *s = shard_of(r);
    struct pack_shard sum = { 0 };
    struct hash_stream *content = hash_stream_new();
    struct arena arena = { 0 };
    bool end = false, ok = shard_open(r, err);
    while (ok && !end) {
        struct load l = { 0 };
        ok = shard_next(r, &l, &arena, &end, err) && (end || tally(&l, &sum, content, &arena, err));
        arena_reset(&arena);
    }
    struct hash128 h = hash_stream_value(content);
    if (ok && r->m->options.format == PACK_MEGATRON) {
        ok = check_idx(r, err);
        sum.content_bytes = s->files[0].bytes + s->files[1].bytes;
        if (ok && r->width != (s->dtype == PACK_U16 ? 2 : 4))
            ok = err_set(err, ERR_DATA, "%s: other token type than the manifest says", r->name);
    }
    if (ok && (sum.records != s->records || sum.tokens != s->tokens ||
               sum.content_bytes != s->content_bytes || h.low != s->content.low ||
               h.high != s->content.high))
        ok = err_set(err, ERR_DATA,
                     "%s: holds %" PRId64 " records of %" PRId64 " bytes, where the "
                     "manifest says %" PRId64 " of %" PRId64 ", or other ones",
                     r->name, sum.records, sum.content_bytes, s->records, s->content_bytes);
    shard_close(r);
    hash_stream_free(content);
    arena_release(&arena);
    return ok;
}

/* Shards in the folder that the manifest does not name. */
static bool find_strangers(const char *path, const struct manifest *m, int64_t *found,
                           struct err *err)
{
    struct os_entry *entries;
    ptrdiff_t count;
    if (!os_list_dir(path, &entries, &count, err))
        return false;
    for (ptrdiff_t i = 0; i < count; i++) {
        const char *name = entries[i].name;
        int64_t number = strncmp(name, "shard-", 6) == 0 ? strtoll(name + 6, NULL, 10) : -1;
        bool known = number < 0;
        for (int k = 0; number < m->count && !known && k < m->shards[number].file_count; k++)
            known = strcmp(name, m->shards[number].files[k].name) == 0;
        if (!known) {
            log_error("%s/%s: is not in the manifest", path, entries[i].name);
            ++*found;
        }
    }
    os_list_free(entries, count);
    return true;
}

bool unpack_verify_files(const char *path, const struct manifest *m, struct err *err)
{
    struct reader r;
    int64_t findings = 0;
    bool ok = true;
    reader_init(&r, path, m);
    for (; ok && r.shard < m->count; r.shard++) {
        if (os_stopped()) {
            ok = err_set(err, ERR_STOP, "stopped by signal %d", os_stopped());
        } else if (!verify_shard(&r, err)) {
            ok = err->class == ERR_DATA || err->class == ERR_NOINPUT;
            if (ok)
                log_error("%s", err->text);
            findings++;
        }
    }
    reader_release(&r);
    if (ok)
        ok = find_strangers(path, m, &findings, err);
    if (!ok)
        return false;
    return findings == 0 ||
           err_set(err, ERR_FINDING, "%s: %" PRId64 " of %td shards are not as they were written",
                   path, findings, m->count);
}

bool unpack_verify(const char *path, struct manifest *m, struct arena *arena, struct err *err)
{
    return pack_dir_manifest(path, m, arena, err) && unpack_verify_files(path, m, err);
}
