#include "indexmode.h"

#include "../in.h"
#include "../json.h"
#include "../os.h"
#include "../out.h"
#include "exact.h"
#include "index.h"

#define FORGET_MAX ((ptrdiff_t)1 << 34)

static struct index *open_index(const char *path, const char *settings, bool write, bool create,
                                bool verify, struct err *err)
{
    struct index_conf c = {
        .path = path, .settings = settings, .write = write, .create = create, .verify = verify
    };

    return index_open(&c, err);
}

static bool describe(const struct index_task *t, struct index *ix, struct out *out, struct err *err)
{
    struct buf b = { 0 };

    buf_append(&b, SLICE("{\"index\":"));
    json_append_bytes(&b, slice_of(t->path));
    buf_append(&b, SLICE(",\"settings\":"));
    json_append_bytes(&b, index_settings(ix));
    buf_printf(&b, ",\"entries\":%lld,\"runs\":%lld,\"bytes\":%lld}\n",
               (long long)index_entries(ix), (long long)index_runs(ix), (long long)index_bytes(ix));
    bool ok = out_write(out, buf_slice(&b), err);
    buf_release(&b);
    return ok;
}

/* All records, to `out` when it is not NULL. */
static bool walk(struct index *ix, struct out *out, int64_t *count, struct err *err)
{
    struct index_entry e;
    struct buf b = { 0 };
    bool end = false, ok = index_next(ix, true, &e, &end, err);

    for (*count = 0; ok && !end; ok = index_next(ix, false, &e, &end, err)) {
        ++*count;
        if (!out)
            continue;
        buf_clear(&b);
        buf_append_byte(&b, '{');
        if (e.near) {
            buf_printf(&b, "\"number\":%lld", (long long)e.number);
        } else {
            buf_append(&b, SLICE("\"key\":\""));
            for (int i = 0; i < INDEX_KEY_BYTES; i++)
                buf_printf(&b, "%02x", e.key.bytes[i]);
            buf_append_byte(&b, '"');
        }
        buf_printf(&b, ",\"run\":%lld,\"id\":", (long long)e.run);
        buf_append(&b, e.id.len ? e.id : SLICE("null"));
        buf_append(&b, SLICE("}\n"));
        ok = out_write(out, buf_slice(&b), err);
    }
    buf_release(&b);
    return ok;
}

static bool look(const struct index_task *t, struct report *report, struct err *err)
{
    struct index *ix = open_index(t->path, NULL, false, false, t->what == INDEX_VERIFY, err);
    struct out_conf oc = { .path = t->output, .compress = t->compress, .force = t->force };
    struct out *out = ix ? out_open(&oc, err) : NULL;
    int64_t count = 0;
    bool ok = out != NULL;

    if (ok && t->what != INDEX_STAT)
        ok = walk(ix, t->what == INDEX_EXPORT ? out : NULL, &count, err);
    if (ok && t->what == INDEX_VERIFY && count != index_entries(ix))
        ok = err_set(err, ERR_CONFIG, "index %s has %lld records and says it has %lld",
                     ERR_QUOTE(slice_of(t->path)), (long long)count, (long long)index_entries(ix));
    if (ok && t->what != INDEX_EXPORT)
        ok = describe(t, ix, out, err);
    if (ok)
        report_int(report, "index_entries", index_entries(ix), "records in the index");
    if (ok) {
        ok = out_commit(out, err);
        out = NULL;
    }
    out_abort(out);
    index_close(ix);
    return ok;
}

/* ---- merge ---- */

static bool merge_one(struct index *to, const char *path, struct err *err)
{
    struct arena settings = { 0 };
    struct index *from =
        open_index(path, arena_cstr_dup(&settings, index_settings(to)), false, false, false, err);
    struct index_entry e;
    bool end = false, ok = from && index_next(from, true, &e, &end, err);

    for (; ok && !end; ok = ok && index_next(from, false, &e, &end, err))
        ok = e.near ? err_set(err, ERR_USAGE, "indexes of --near cannot be merged")
                    : index_put(to, &e.key, e.id, err);
    index_close(from);
    arena_release(&settings);
    return ok;
}

static bool merge(const struct index_task *t, struct report *report, struct err *err)
{
    struct index *first;
    struct arena a = { 0 };

    if (t->source_count == 0)
        return err_set(err, ERR_USAGE, "--index-merge needs the indexes to add as operands");
    for (ptrdiff_t i = 0; i < t->source_count; i++) {
        struct os_stat x, y;
        if (!os_stat(t->path, &x, err) || !os_stat(t->sources[i], &y, err))
            return false;
        if (x.exists && y.exists && x.device == y.device && x.inode == y.inode)
            return err_set(err, ERR_USAGE, "cannot merge %s into itself",
                           ERR_QUOTE(slice_of(t->path)));
    }
    /* A new index is made with the settings of the first source. */
    if (!(first = open_index(t->sources[0], NULL, false, false, false, err)))
        return false;
    char *settings = arena_cstr_dup(&a, index_settings(first));
    index_close(first);
    struct index *to = open_index(t->path, settings, true, true, false, err);
    bool ok = to && index_begin(to, err);
    for (ptrdiff_t i = 0; ok && i < t->source_count; i++)
        ok = merge_one(to, t->sources[i], err);
    int64_t before = to ? index_entries(to) : 0;
    ok = ok && index_commit(to, err);
    if (ok) {
        report_int(report, "index_added_total", index_entries(to) - before, "keys added");
        report_int(report, "index_entries", index_entries(to), "records in the index");
    }
    index_close(to);
    arena_release(&a);
    return ok;
}

/* ---- forget ---- */

struct forget {
    struct exact ids;
    struct arena arena;
    struct err err;
    bool failed;
};

/* An id as it is compared: strings decoded and written in one way. */
static slice canonical(slice json, struct arena *arena)
{
    struct buf b = { 0 };
    slice text = json;

    if (json.len >= 2 && json.ptr[0] == '"') {
        char *dst = arena_alloc_raw(arena, json.len + RECORD_PADDING, 1);
        ptrdiff_t n = json_unescape(slice_make(json.ptr + 1, json.len - 2), dst,
                                    JSON_SURROGATE_REPLACE, NULL, &(struct json_fault){ 0 });
        if (n >= 0) {
            json_append_string(&b, slice_make(dst, n));
            text = arena_dup(arena, buf_slice(&b));
        }
    }
    buf_release(&b);
    return text;
}

static bool is_forgotten(void *arg, slice id)
{
    struct forget *f = arg;
    struct exact_found found = { 0 };
    slice key = canonical(id, &f->arena);

    if (!f->failed && !exact_add(&f->ids, hash128_of(key), key, SLICE(""), &found, &f->err))
        f->failed = true;
    arena_reset(&f->arena);
    return !f->failed && found.seen;
}

/* A line: a record with a member id, or an id as JSON, or (no JSON) the text of one. */
static slice line_id(slice line, const struct json_query *q, struct arena *arena)
{
    struct json_span id = { 0 }, top;
    struct json_fault fault;
    char *copy = arena_alloc_raw(arena, line.len + RECORD_PADDING, 1);

    memcpy(copy, line.ptr, (size_t)line.len);
    slice s = { copy, line.len };
    if (json_scan(s, q, &id, &top, &fault)) {
        if (top.type == JSON_OBJECT)
            return id.count ? slice_make(s.ptr + id.start, id.len) : (slice){ 0 };
        return slice_make(s.ptr + top.start, top.len);
    }
    struct buf b = { 0 };
    json_append_bytes(&b, s);
    slice text = arena_dup(arena, buf_slice(&b));
    buf_release(&b);
    return text;
}

static bool read_ids(const char *path, struct forget *f, struct err *err)
{
    const char *paths[] = { "id" };
    struct json_query q;
    struct arena arena = { 0 };
    slice all;
    int64_t number = 0;
    bool ok = json_query_init(&q, paths, 1, &arena, err);

    if (!ok || !in_slurp(path, FORGET_MAX, &all, err)) {
        arena_release(&arena);
        return false;
    }
    for (slice rest = all; ok && rest.len > 0;) {
        ptrdiff_t n = slice_find(rest, '\n');
        slice line = { rest.ptr, n < 0 ? rest.len : n };
        rest = slice_from(rest, line.len + (n >= 0));
        number++;
        while (line.len > 0 && (line.ptr[line.len - 1] == '\r' || line.ptr[line.len - 1] == ' '))
            line.len--;
        if (line.len == 0)
            continue;
        struct exact_found found;
        struct arena scratch = { 0 };
        slice id = line_id(line, &q, &scratch);
        if (!id.ptr)
            ok = err_set(err, ERR_DATA, "%s:%lld: no member 'id'", path, (long long)number);
        else if (id = canonical(id, &scratch), true)
            ok = exact_add(&f->ids, hash128_of(id), id, SLICE(""), &found, err);
        arena_release(&scratch);
    }
    os_free(all);
    arena_release(&arena);
    f->ids.frozen = true; /* from now on it is only asked */
    return ok;
}

static bool forget(const struct index_task *t, struct report *report, struct err *err)
{
    struct forget f = { .ids.keys.memory_bytes = (int64_t)64 << 20 };
    struct index *ix = NULL;
    int64_t removed = 0;
    bool ok = read_ids(t->forget, &f, err) &&
              (ix = open_index(t->path, NULL, true, false, false, err)) &&
              index_remove(ix, is_forgotten, &f, &removed, err);

    if (ok && f.failed) {
        *err = f.err;
        ok = false;
    }
    if (ok) {
        report_int(report, "ids", f.ids.count, "different ids in the file");
        report_int(report, "index_removed_total", removed, "records removed from the index");
        report_int(report, "index_entries", index_entries(ix), "records in the index");
    }
    index_close(ix);
    exact_release(&f.ids);
    arena_release(&f.arena);
    return ok;
}

bool index_task_run(const struct index_task *t, struct report *report, struct err *err)
{
    if (t->what == INDEX_MERGE)
        return merge(t, report, err);
    return t->what == INDEX_FORGET ? forget(t, report, err) : look(t, report, err);
}
