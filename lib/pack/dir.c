#include "dir.h"

#include "mds.h"

#include <inttypes.h>

#define MANIFEST_MAX ((ptrdiff_t)1 << 31)
#define LOCK_NAME    ".lock"
#define INDEX_NAME   "index.json"

const char *pack_dir_path(struct pack_dir *d, const char *name)
{
    return arena_printf(&d->arena, "%s/%s", d->path, name).ptr;
}

/* ---- what belongs to us ---- */

static bool all_digits(slice s)
{
    for (ptrdiff_t i = 0; i < s.len; i++)
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
    return s.len > 0;
}

static bool is_shard_name(slice name)
{
    if (!slice_starts(name, SLICE("shard-")))
        return false;
    for (ptrdiff_t i = 0; pack_suffixes[i]; i++) {
        slice suffix = slice_of(pack_suffixes[i]);
        if (slice_ends(name, suffix) && name.len > 6 + suffix.len &&
            all_digits(slice_make(name.ptr + 6, name.len - 6 - suffix.len)))
            return true;
    }
    return false;
}

/* ".NAME.PID-N.tmp" of a killed run, NAME one of ours. */
static bool is_leftover(slice name)
{
    if (!slice_starts(name, SLICE(".")) || !slice_ends(name, SLICE(".tmp")))
        return false;
    slice s = slice_make(name.ptr + 1, name.len - 5);
    ptrdiff_t dot = s.len;
    while (dot > 0 && s.ptr[dot - 1] != '.')
        dot--;
    if (dot == 0)
        return false;
    slice target = slice_make(s.ptr, dot - 1);
    return slice_eq(target, SLICE(MANIFEST_NAME)) || slice_eq(target, SLICE(JOURNAL_NAME)) ||
           slice_eq(target, SLICE(INDEX_NAME)) || is_shard_name(target);
}

struct contents {
    bool manifest, journal, index, shards, others;
    const char *other; /* one of them */
};

/* Looks at the folder; removes leftovers, with `all` everything of ours. */
static bool look(struct pack_dir *d, bool all, struct contents *c, struct err *err)
{
    struct os_entry *entries;
    ptrdiff_t count;
    bool ok = os_list_dir(d->path, &entries, &count, err);
    *c = (struct contents){ 0 };
    for (ptrdiff_t i = 0; ok && i < count; i++) {
        slice name = slice_of(entries[i].name);
        bool manifest = slice_eq(name, SLICE(MANIFEST_NAME));
        bool journal = slice_eq(name, SLICE(JOURNAL_NAME)), shard = is_shard_name(name);
        bool index = slice_eq(name, SLICE(INDEX_NAME));
        if (is_leftover(name) || (all && (manifest || journal || shard))) {
            ok = os_unlink(pack_dir_path(d, entries[i].name), err);
            continue;
        }
        c->manifest |= manifest;
        c->journal |= journal;
        c->shards |= shard;
        c->index |= index;
        if (!manifest && !journal && !shard && !index && !slice_eq(name, SLICE(LOCK_NAME))) {
            c->others = true;
            c->other = pack_dir_path(d, entries[i].name);
        }
    }
    os_list_free(entries, count);
    return ok;
}

/* ---- states ---- */

static bool slurp(const char *path, slice *text, struct arena *arena, struct err *err)
{
    slice bytes;
    if (!os_slurp(path, MANIFEST_MAX, &bytes, err))
        return false;
    char *copy = arena_alloc_raw(arena, bytes.len + RECORD_PADDING, 1);
    memcpy(copy, bytes.ptr, (size_t)bytes.len + RECORD_PADDING);
    *text = slice_make(copy, bytes.len);
    os_free(bytes);
    return true;
}

bool pack_dir_manifest(const char *path, struct manifest *m, struct arena *arena, struct err *err)
{
    const char *name = arena_printf(arena, "%s/%s", path, MANIFEST_NAME).ptr;
    const char *journal = arena_printf(arena, "%s/%s", path, JOURNAL_NAME).ptr;
    struct os_stat st = { 0 };
    slice text;
    if (!os_stat(name, &st, err))
        return false;
    if (!st.exists) {
        struct os_stat js = { 0 }, ds = { 0 };
        if (os_stat(path, &ds, NULL) && !ds.exists)
            return err_set(err, ERR_NOINPUT, "no folder %s", ERR_QUOTE(slice_of(path)));
        return err_set(err, ERR_CONFIG, "%s has no manifest: %s", ERR_QUOTE(slice_of(path)),
                       os_stat(journal, &js, NULL) && js.exists
                           ? "its run was stopped; run it again to finish it"
                           : "not a folder of shards");
    }
    return slurp(name, &text, arena, err) &&
           (manifest_read(m, text, arena, err) || err_context(err, "%s", name));
}

static bool read_state(struct pack_dir *d, const struct contents *c, struct err *err)
{
    slice text;
    if (c->manifest)
        return pack_dir_manifest(d->path, &d->found, &d->arena, err);
    const char *name = pack_dir_path(d, JOURNAL_NAME);
    return slurp(name, &text, &d->arena, err) &&
           (journal_read(&d->found, text, &d->arena, err) || err_context(err, "%s", name));
}

/* Which options differ, for the message. */
static bool other_options(const struct pack_dir *d, const struct pack_options *want,
                          struct err *err)
{
    struct buf have = { 0 }, now = { 0 };
    manifest_options_text(&d->found.options, &have);
    manifest_options_text(want, &now);
    err_set(err, ERR_CANTCREAT,
            "%s was made with %s and this run has %s: use the same options, "
            "another folder, or --force to start over",
            ERR_QUOTE(slice_of(d->path)), buf_cstr(&have), buf_cstr(&now));
    buf_release(&have);
    buf_release(&now);
    return false;
}

static bool open_journal(struct pack_dir *d, const struct pack_options *o, struct err *err)
{
    const char *name = pack_dir_path(d, JOURNAL_NAME);
    d->journal = os_open_write(name, true, true, err);
    if (d->journal < 0)
        return false;
    /* What a kill tore off is cut off. */
    if (!os_truncate(d->journal, name, d->found.journal_bytes, err))
        return false;
    if (d->found.journal_bytes)
        return true;
    struct buf head = { 0 };
    journal_head(o, &head);
    bool ok = os_write_all(d->journal, name, buf_slice(&head), err) &&
              os_fsync(d->journal, name, err) && os_sync_dir(d->path, err);
    buf_release(&head);
    return ok;
}

static bool settle(struct pack_dir *d, const struct pack_options *o, bool force, struct err *err)
{
    struct contents c;
    if (!look(d, force, &c, err))
        return false;
    d->found = (struct manifest){ .options = *o };
    if (!c.manifest && !c.journal) {
        if ((c.shards || c.others || c.index) && !force)
            return err_set(err, ERR_CANTCREAT,
                           "%s is not empty and holds no run of shard: use another "
                           "folder, or --force to write beside what is there",
                           ERR_QUOTE(slice_of(d->path)));
        return open_journal(d, o, err);
    }
    if (!read_state(d, &c, err))
        return false;
    /* A journal that was torn in its first line is a run that had not begun. */
    if (!d->found.complete && d->found.journal_bytes == 0)
        d->found.options = *o;
    if (!pack_options_equal(&d->found.options, o))
        return other_options(d, o, err);
    if (d->found.complete)
        return !c.journal || os_unlink(pack_dir_path(d, JOURNAL_NAME), err);
    return open_journal(d, o, err);
}

bool pack_dir_open(struct pack_dir *d, const char *path, const struct pack_options *options,
                   bool force, struct err *err)
{
    bool existed;
    *d = (struct pack_dir){ .path = path, .lock = -1, .journal = -1 };
    if (!os_mkdir(path, &existed, err))
        return false;
    struct os_stat st;
    if (!os_stat(path, &st, err))
        return false;
    if (!st.is_dir)
        return err_set(err, ERR_CANTCREAT, "%s is not a folder", ERR_QUOTE(slice_of(path)));
    d->lock = os_lock(pack_dir_path(d, LOCK_NAME), err);
    if (d->lock >= 0 && settle(d, options, force, err))
        return true;
    pack_dir_close(d);
    return false;
}

void pack_dir_close(struct pack_dir *d)
{
    os_close_quiet(d->journal);
    os_close_quiet(d->lock);
    arena_release(&d->arena);
    d->journal = d->lock = -1;
}

bool pack_dir_record(struct pack_dir *d, const struct pack_shard *s, struct err *err)
{
    const char *name = pack_dir_path(d, JOURNAL_NAME);
    struct buf row = { 0 };
    journal_row(&d->found.options, d->found.count, s, &row);
    bool ok =
        os_write_all(d->journal, name, buf_slice(&row), err) && os_fsync(d->journal, name, err);
    buf_release(&row);
    if (ok)
        manifest_add(&d->found, s, &d->arena);
    return ok;
}

bool pack_dir_index(const struct manifest *m, struct buf *out)
{
    struct mds_columns columns;
    struct arena arena = { 0 };
    struct err never;
    if (m->options.format != PACK_MDS)
        return false;
    mds_columns_parse(slice_of(m->options.columns), &columns, &arena, &never);
    buf_append(out, SLICE("{\"shards\": ["));
    for (ptrdiff_t i = 0; i < m->count; i++) {
        const struct pack_shard *s = &m->shards[i];
        if (i)
            buf_append(out, SLICE(", "));
        mds_index_entry(&columns, m->options.size, m->options.level, s->files[0].name, s->records,
                        s->content_bytes, m->options.level ? s->files[0].bytes : -1, out);
    }
    buf_append(out, SLICE("], \"version\": 2}"));
    arena_release(&arena);
    return true;
}

static bool write_file(struct pack_dir *d, const char *name, slice text, struct err *err)
{
    struct os_temp temp;
    bool ok = os_temp_create(&temp, pack_dir_path(d, name), true, err);
    if (!ok)
        return false;
    ok = os_write_all(temp.fd, name, text, err);
    if (ok)
        return os_temp_commit(&temp, err);
    os_temp_discard(&temp);
    return false;
}

bool pack_dir_finish(struct pack_dir *d, struct err *err)
{
    struct buf text = { 0 }, index = { 0 };
    manifest_write(&d->found, &text);
    bool ok =
        (!pack_dir_index(&d->found, &index) || write_file(d, INDEX_NAME, buf_slice(&index), err)) &&
        write_file(d, MANIFEST_NAME, buf_slice(&text), err);
    buf_release(&text);
    buf_release(&index);
    return ok && os_unlink(pack_dir_path(d, JOURNAL_NAME), err) && os_sync_dir(d->path, err);
}
