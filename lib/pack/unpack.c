#include "unpack.h"

#include "../log.h"
#include "dir.h"
#include "reader.h"

#include <inttypes.h>
#include <stdlib.h>

struct unpack {
    struct manifest m;
    struct arena arena;
    struct reader r;
    char *path;
};

/* ---- the source ---- */

static bool unpack_next(void *self, struct flow_unit *unit, bool *end, struct err *err)
{
    struct unpack *u = self;
    struct reader *r = &u->r;
    bool shard_ended = false;
    struct load *l = arena_new(unit->arena, struct load, 1);
    for (;;) {
        if (os_stopped())
            return err_set(err, ERR_STOP, "stopped by signal %d", os_stopped());
        if (r->shard == u->m.count) {
            *end = true;
            return true;
        }
        if (r->fd < 0 && !shards_open(r, err))
            return false;
        if (!shards_next(r, l, unit->arena, &shard_ended, err))
            return false;
        if (!shard_ended)
            break;
        shards_close(r);
        r->shard++;
    }
    unit->data = l;
    unit->bytes_in = l->bytes.len;
    return true;
}

/* Frames: their lines as they are. */
static bool give_frames(const struct load *l, struct flow_unit *unit, struct err *err)
{
    struct buf out = { 0 };
    slice rest = l->bytes, lines = SLICE("");
    for (ptrdiff_t i = 0; i < l->count; i++) {
        if (!load_frame(l, i, &rest, unit->arena, &lines, err)) {
            buf_release(&out);
            return false;
        }
        unit->records_out += l->frames[i].records;
        if (l->count > 1)
            buf_append(&out, lines);
    }
    unit->out = l->count == 1 ? lines : arena_dup(unit->arena, buf_slice(&out));
    buf_release(&out);
    return true;
}

static bool unpack_work(void *self, void *scratch, struct flow_unit *unit, struct err *err)
{
    const struct unpack *u = self;
    const struct load *l = unit->data;
    struct buf out = { 0 };
    slice rest = l->bytes;
    bool ok = true;
    (void)scratch;
    if (l->frames) {
        ok = give_frames(l, unit, err);
        unit->in = unit->records_out;
        return ok;
    }
    for (ptrdiff_t i = 0; i < l->count && ok; i++) {
        ptrdiff_t len = (ptrdiff_t)l->lengths[i] * l->width;
        slice one = slice_make(rest.ptr, len);
        if (pack_is_tokens(u->m.options.format)) {
            tokens_json(one, l->width, &out);
        } else if (u->m.options.format == PACK_MDS) {
            ok = mds_record(&u->r.columns, one, &out);
        } else {
            ok = slice_find(one, '\n') < 0;
            buf_append(&out, one);
            buf_append_byte(&out, '\n');
        }
        rest = slice_from(rest, len);
        unit->records_out++;
    }
    if (!ok)
        err_set(err, ERR_DATA, "%s: a sample that is none of its columns", l->name);
    unit->in = unit->records_out;
    unit->out = arena_dup(unit->arena, buf_slice(&out));
    buf_release(&out);
    return ok;
}

const struct flow_source unpack_source = { unpack_next, unpack_work, NULL, NULL };

struct unpack *unpack_open(const char *path, struct err *err)
{
    struct unpack *u = calloc(1, sizeof *u);
    if (!u || !(u->path = strdup(path)))
        mem_oom();
    shards_init(&u->r, u->path, &u->m);
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
    shards_release(&u->r);
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
static bool tally(const struct reader *r, const struct load *l, struct pack_shard *sum,
                  struct hash_stream *content, struct arena *arena, struct err *err)
{
    enum pack_format f = r->m->options.format;
    slice rest = l->bytes, lines;
    for (ptrdiff_t i = 0; i < l->count; i++) {
        if (l->frames) {
            if (!load_frame(l, i, &rest, arena, &lines, err))
                return false;
            hash_stream_add(content, lines);
            sum->records += l->frames[i].records;
            sum->content_bytes += lines.len;
            continue;
        }
        uint32_t n = l->lengths[i];
        ptrdiff_t len = (ptrdiff_t)n * l->width;
        if (f != PACK_WEBDATASET)
            hash_stream_add(content, slice_make((const char *)&n, 4));
        if (pack_is_tokens(f))
            add_ids(content, rest.ptr, n, l->width);
        else
            hash_stream_add(content, slice_make(rest.ptr, len));
        if (f == PACK_WEBDATASET)
            hash_stream_add(content, SLICE("\n"));
        rest = slice_from(rest, len);
        sum->records++;
        sum->tokens += pack_is_tokens(f) ? n : 0;
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
        if (!os_pread_full(r->side_fd, r->side_name, lengths, n * 4, TOKENS_IDX_HEAD + doc * 4,
                           err) ||
            !os_pread_full(r->side_fd, r->side_name, block, n * 8,
                           TOKENS_IDX_HEAD + r->docs * 4 + doc * 8, err))
            return false;
        for (ptrdiff_t i = 0; i < n; i++) {
            if (block[i] != offset)
                return err_set(err, ERR_DATA, "%s: document %" PRId64 " has a wrong offset",
                               r->side_name, doc + i);
            offset += (int64_t)lengths[i] * r->width;
        }
    }
    for (int64_t doc = 0; doc <= r->docs; doc += countof(block)) {
        ptrdiff_t n = (ptrdiff_t)MIN((int64_t)countof(block), r->docs + 1 - doc);
        if (!os_pread_full(r->side_fd, r->side_name, block, n * 8,
                           TOKENS_IDX_HEAD + r->docs * 12 + doc * 8, err))
            return false;
        for (ptrdiff_t i = 0; i < n; i++)
            if (block[i] != doc + i)
                return err_set(err, ERR_DATA, "%s: document %" PRId64 " has another number",
                               r->side_name, doc + i);
    }
    return true;
}

/* What the files of a sound shard take before compression. */
static int64_t content_bytes(const struct reader *r)
{
    const struct pack_shard *s = shards_current(r);
    int64_t sum = 0;
    for (int i = 0; i < s->file_count; i++)
        sum += s->files[i].bytes;
    return r->m->options.format == PACK_MDS ? r->content_bytes : sum;
}

static bool verify_shard(struct reader *r, struct err *err)
{
    const struct pack_shard *s = shards_current(r);
    struct pack_shard sum = { 0 };
    struct hash_stream *content = hash_stream_new();
    struct arena arena = { 0 };
    bool end = false, ok = shards_open(r, err);
    while (ok && !end) {
        struct load l = { 0 };
        ok = shards_next(r, &l, &arena, &end, err) &&
             (end || tally(r, &l, &sum, content, &arena, err));
        arena_reset(&arena);
    }
    struct hash128 h = hash_stream_value(content);
    if (ok && r->m->options.format == PACK_MEGATRON)
        ok = check_idx(r, err);
    if (ok && r->m->options.format != PACK_JSONL_ZST)
        sum.content_bytes = content_bytes(r);
    if (ok && (sum.records != s->records || sum.tokens != s->tokens ||
               sum.content_bytes != s->content_bytes || h.low != s->content.low ||
               h.high != s->content.high))
        ok = err_set(err, ERR_DATA,
                     "%s: holds %" PRId64 " records of %" PRId64 " bytes, where the "
                     "manifest says %" PRId64 " of %" PRId64 ", or other ones",
                     r->name, sum.records, sum.content_bytes, s->records, s->content_bytes);
    shards_close(r);
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

/* The index of an MDS folder says nothing that the manifest does not. */
static bool verify_index(const char *path, const struct manifest *m, int64_t *found,
                         struct err *err)
{
    struct arena arena = { 0 };
    struct buf want = { 0 };
    slice got = { 0 };
    if (!pack_dir_index(m, &want))
        return true;
    const char *name = arena_printf(&arena, "%s/index.json", path).ptr;
    bool there = os_slurp(name, want.len + 1, &got, err);
    if (!there || !slice_eq(got, buf_slice(&want))) {
        log_error("%s: is missing or not what the manifest says", name);
        ++*found;
    }
    if (there)
        os_free(got);
    *err = (struct err){ 0 };
    buf_release(&want);
    arena_release(&arena);
    return true;
}

bool unpack_verify_files(const char *path, const struct manifest *m, struct err *err)
{
    struct reader r;
    int64_t findings = 0;
    bool ok = true;
    shards_init(&r, path, m);
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
    shards_release(&r);
    if (ok)
        ok = find_strangers(path, m, &findings, err) && verify_index(path, m, &findings, err);
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
