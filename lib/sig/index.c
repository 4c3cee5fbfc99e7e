#include "index.h"

#include "../buf.h"
#include "../json.h"
#include "../os.h"
#include "../sha256.h"
#include "lmdbcheck.h"

#include <stdlib.h>

struct index_key index_key_of(struct hash128 hash, slice key, bool trust_hash)
{
    struct index_key k = { { 0 } };
    unsigned char digest[SHA256_BYTES];

    for (int i = 0; i < 8; i++) { /* highest first, so that order is that of the sorted hashes */
        k.bytes[i] = (unsigned char)(hash.high >> (56 - 8 * i));
        k.bytes[8 + i] = (unsigned char)(hash.low >> (56 - 8 * i));
    }
    if (!trust_hash) {
        sha256_of(key, digest);
        memcpy(k.bytes + 16, digest, INDEX_KEY_BYTES - 16);
    }
    return k;
}

#ifdef HAVE_LMDB
#include <errno.h>
#include <lmdb.h>

#define BATCH        32768 /* records per transaction */
#define MAP_FIRST    ((int64_t)16 << 20)
#define SETTINGS_MAX 4096
#define RUN_BYTES    4

const bool index_available = true;

/* Keys in LMDB, by their first byte: "k" and the bytes of a key, value: run, id; "r" and the number of
 * a record (8 bytes), value: run, length of the id (4), id, content; "b", a band key (8) and a
 * number (8), value: run; "m": what the index says about itself, as JSON. Numbers are big-endian. */
static const char meta_key[] = "m";

#define KEY_MAX     (INDEX_KEY_BYTES + 1)
#define BATCH_BYTES ((int64_t)8 << 20)
#define ID_LEN      4

struct pending {
    unsigned char key[KEY_MAX];
    int key_len;
    slice value; /* without the number of the run; in batch_arena */
};

struct index {
    MDB_env *env;
    MDB_txn *txn; /* for reading, while nothing is written */
    MDB_cursor *cursor;
    MDB_dbi dbi;
    int lock;
    bool write, broken; /* broken: a failed write; nothing more is done */
    char *path, *file, *settings;
    int64_t run, entries, next;
    bool unfinished; /* records of a run that did not end are in it */
    int64_t added;   /* by the run that is being written */
    int64_t next_added, batch_bytes;
    struct pending *batch;
    ptrdiff_t batch_count;
    struct arena arena, batch_arena;
};

static bool fail(const struct index *ix, int code, const char *what, struct err *err)
{
    const char *path = ix->path;

    switch (code) {
    case MDB_INVALID:
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_VERSION_MISMATCH:
    case MDB_PANIC:
        return err_set(err, ERR_CONFIG, "index %s: %s: %s", ERR_QUOTE(slice_of(path)), what,
                       mdb_strerror(code));
    case ENOMEM:
        return err_sys(err, ERR_OS, code, "index %s: %s", ERR_QUOTE(slice_of(path)), what);
    case MDB_READERS_FULL:
        return err_set(err, ERR_TEMPFAIL, "index %s has too many readers: try again",
                       ERR_QUOTE(slice_of(path)));
    default:
        if (code > 0)
            return err_sys(err, ERR_IO, code, "index %s: %s", ERR_QUOTE(slice_of(path)), what);
        return err_set(err, ERR_IO, "index %s: %s: %s", ERR_QUOTE(slice_of(path)), what,
                       mdb_strerror(code));
    }
}

static char *join(struct arena *a, const char *folder, const char *name)
{
    return (char *)(uintptr_t)arena_printf(a, "%s/%s", folder, name).ptr;
}

static void number_write(unsigned char *p, uint64_t v)
{
    for (int i = 0; i < 8; i++)
        p[i] = (unsigned char)(v >> (56 - 8 * i));
}

static int64_t number_read(const unsigned char *p)
{
    uint64_t v = 0;

    for (int i = 0; i < 8; i++)
        v = v << 8 | p[i];
    return (int64_t)(v & INT64_MAX);
}

/* ---- what the index says about itself ---- */

static bool meta_parse(struct index *ix, slice text, struct err *err)
{
    struct arena a = { 0 };
    struct err why = { 0 };
    struct json_node *n = text.len <= SETTINGS_MAX ? json_parse(text, &a, &why) : NULL;
    int64_t format = json_get_int(n, "format", 0);
    slice settings = json_get_string(n, "settings", (slice){ 0 });

    ix->run = json_get_int(n, "run", -1);
    ix->entries = json_get_int(n, "entries", -1);
    ix->next = json_get_int(n, "next", 0);
    ix->unfinished = json_get_bool(n, "unfinished", false);
    bool ok = n && format == 1 && settings.ptr && ix->run >= 0 && ix->run < INT32_MAX &&
              ix->next >= 0 && ix->entries >= 0;
    if (ok)
        ix->settings = arena_cstr_dup(&ix->arena, settings);
    arena_release(&a);
    return ok || err_set(err, ERR_CONFIG, "index %s is not one of this program%s",
                         ERR_QUOTE(slice_of(ix->path)), format > 1 ? " (a later format)" : "");
}

static int meta_put(struct index *ix, MDB_txn *txn, int64_t run, int64_t entries, int64_t next,
                    bool unfinished)
{
    struct buf b = { 0 };

    buf_printf(&b, "{\"format\":1,\"run\":%lld,\"entries\":%lld,\"next\":%lld,", (long long)run,
               (long long)entries, (long long)next);
    buf_printf(&b, "\"unfinished\":%s,\"settings\":", unfinished ? "true" : "false");
    json_append_bytes(&b, slice_of(ix->settings));
    buf_append_byte(&b, '}');
    MDB_val key = { 1, (void *)(uintptr_t)meta_key }, value = { (size_t)b.len, b.ptr };
    int code = mdb_put(txn, ix->dbi, &key, &value, 0);
    buf_release(&b);
    return code;
}

static MDB_val key_value(const struct index_key *key, unsigned char dst[INDEX_KEY_BYTES + 1])
{
    dst[0] = 'k';
    memcpy(dst + 1, key->bytes, INDEX_KEY_BYTES);
    return (MDB_val){ INDEX_KEY_BYTES + 1, dst };
}

static uint32_t value_run(const MDB_val *v)
{
    const unsigned char *p = v->mv_data;

    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The id in the value of a record of either kind; false for others. */
static bool value_id(const MDB_val *key, const MDB_val *v, slice *id)
{
    const char *k = key->mv_data, *p = v->mv_data;
    ptrdiff_t len = (ptrdiff_t)v->mv_size - RUN_BYTES;

    if (key->mv_size == INDEX_KEY_BYTES + 1 && *k == 'k' && len >= 0) {
        *id = slice_make(p + RUN_BYTES, len);
        return true;
    }
    if (key->mv_size != 9 || *k != 'r' || len < ID_LEN)
        return false;
    uint32_t id_len = load_u32(p + RUN_BYTES);
    *id = slice_make(p + RUN_BYTES + ID_LEN, id_len);
    return id_len <= len - ID_LEN;
}

/* ---- opening ---- */

/* head: the meta pages only, as long as no transaction holds the rest. */
static bool check_file(struct index *ix, bool head, struct err *err)
{
    struct lmdb_stat stat;
    slice file;
    bool ok;

    if (!os_map(ix->file, &file, err))
        return false;
    ok = head ? lmdb_check_header(file, err)
              : lmdb_check_pages(file, mdb_txn_id(ix->txn), &stat, err);
    os_unmap(file);
    return ok || err_context(err, "index %s is damaged", ERR_QUOTE(slice_of(ix->path)));
}

static bool begin_read(struct index *ix, struct err *err)
{
    int code = mdb_txn_begin(ix->env, NULL, MDB_RDONLY, &ix->txn);

    return code == 0 || fail(ix, code, "cannot begin to read", err);
}

static void end_read(struct index *ix)
{
    if (ix->cursor)
        mdb_cursor_close(ix->cursor);
    if (ix->txn)
        mdb_txn_abort(ix->txn);
    ix->cursor = NULL;
    ix->txn = NULL;
}

/* A write transaction around `body`; when the map is too small it is doubled and all is done again. */
static bool write_txn(struct index *ix, int (*body)(struct index *, MDB_txn *, void *), void *arg,
                      struct err *err)
{
    for (;;) {
        MDB_txn *txn;
        MDB_envinfo info;
        int code = mdb_txn_begin(ix->env, NULL, 0, &txn);
        if (code == 0) {
            code = body(ix, txn, arg);
            if (code == 0)
                code = mdb_txn_commit(txn);
            else
                mdb_txn_abort(txn);
        }
        if (code == 0)
            return true;
        if (code != MDB_MAP_FULL) {
            ix->broken = true;
            return fail(ix, code, "cannot write", err);
        }
        mdb_env_info(ix->env, &info);
        code = mdb_env_set_mapsize(ix->env, 2 * info.me_mapsize);
        if (code)
            return fail(ix, code, "cannot grow", err);
    }
}

static int body_create(struct index *ix, MDB_txn *txn, void *arg)
{
    (void)arg;
    return meta_put(ix, txn, 0, 0, 0, false);
}

struct sweep {
    MDB_val from; /* where the next transaction goes on */
    unsigned char key[512];
    bool done;
    bool (*match)(void *arg, slice id);
    void *arg;
    int64_t removed;
};

/* Removes up to BATCH records of unfinished runs, or those that match. */
static int body_sweep(struct index *ix, MDB_txn *txn, void *arg)
{
    struct sweep *s = arg;
    MDB_cursor *c;
    MDB_val key = s->from, value;
    int64_t removed = 0, seen = 0;
    int code = mdb_cursor_open(txn, ix->dbi, &c);

    if (code)
        return code;
    code = mdb_cursor_get(c, &key, &value, MDB_SET_RANGE);
    while (code == 0 && removed < BATCH && seen++ < 16 * BATCH) {
        slice id;
        bool ours = *(const char *)key.mv_data != 'm' && value.mv_size >= RUN_BYTES;
        bool goes = ours && (s->match ? value_id(&key, &value, &id) && s->match(s->arg, id)
                                      : value_run(&value) > ix->run);
        if (goes) {
            code = mdb_cursor_del(c, 0);
            removed++;
            if (code)
                break;
        }
        /* After a deletion the cursor stands before what follows. */
        code = mdb_cursor_get(c, &key, &value, MDB_NEXT);
    }
    s->done = code == MDB_NOTFOUND;
    if (code == 0) {
        s->from.mv_size = key.mv_size;
        memcpy(s->key, key.mv_data, key.mv_size);
        s->from.mv_data = s->key;
    }
    mdb_cursor_close(c);
    if (code && code != MDB_NOTFOUND)
        return code;
    s->removed = removed;
    int64_t entries = ix->entries - (s->match ? removed : 0);
    return meta_put(ix, txn, ix->run, entries, ix->next, !s->match && !s->done);
}

static bool sweep(struct index *ix, struct sweep *s, int64_t *removed, struct err *err)
{
    s->key[0] = 'b';
    s->from = (MDB_val){ 1, s->key };
    *removed = 0;
    end_read(ix);
    while (!s->done) {
        if (!write_txn(ix, body_sweep, s, err))
            return false;
        *removed += s->removed;
        ix->entries -= s->match ? s->removed : 0;
    }
    ix->unfinished = false;
    return begin_read(ix, err);
}

static bool open_env(struct index *ix, const struct index_conf *conf, bool exists, struct err *err)
{
    struct os_stat st = { 0 };
    unsigned flags = conf->write ? 0 : MDB_RDONLY;
    int code = mdb_env_create(&ix->env);

    if (code)
        return fail(ix, code, "cannot begin", err);
    if (exists && !os_stat(ix->file, &st, err))
        return false;
    mdb_env_set_mapsize(ix->env, (size_t)MAX(MAP_FIRST, 2 * ALIGN_UP(st.size, (int64_t)65536)));
    code = mdb_env_open(ix->env, ix->path, flags | MDB_NOTLS | MDB_NORDAHEAD, 0666);
    if (code)
        return fail(ix, code, "cannot open", err);
    if (conf->write) {
        int dead;
        mdb_reader_check(ix->env, &dead);
    }
    return begin_read(ix, err);
}

static bool load(struct index *ix, const struct index_conf *conf, bool exists, struct err *err)
{
    MDB_val key = { 1, (void *)(uintptr_t)meta_key }, value;
    struct os_stat st;

    if (!os_stat(ix->file, &st, err))
        return false;
    if (exists && (conf->verify || st.size <= INDEX_CHECK_BYTES) && !check_file(ix, false, err))
        return false;
    int code = mdb_dbi_open(ix->txn, NULL, 0, &ix->dbi);
    if (code)
        return fail(ix, code, "cannot open its table", err);
    code = mdb_get(ix->txn, ix->dbi, &key, &value);
    if (code == MDB_NOTFOUND && conf->write && conf->create) {
        /* A run that was killed in its first transaction leaves an empty table. */
        MDB_stat s;
        mdb_stat(ix->txn, ix->dbi, &s);
        if (s.ms_entries)
            return err_set(err, ERR_CONFIG, "index %s is not one of this program",
                           ERR_QUOTE(slice_of(ix->path)));
        ix->settings = arena_cstr_dup(&ix->arena, slice_of(conf->settings));
        end_read(ix);
        return write_txn(ix, body_create, NULL, err) && begin_read(ix, err);
    }
    if (code == MDB_NOTFOUND)
        return err_set(err, ERR_CONFIG, "index %s is empty", ERR_QUOTE(slice_of(ix->path)));
    if (code)
        return fail(ix, code, "cannot read", err);
    return meta_parse(ix, slice_make(value.mv_data, (ptrdiff_t)value.mv_size), err);
}

static bool open_all(struct index *ix, const struct index_conf *conf, struct err *err)
{
    struct sweep s = { .done = false };
    struct os_stat st;
    int64_t removed;
    bool existed;

    ix->lock = -1;
    ix->write = conf->write;
    ix->path = arena_cstr_dup(&ix->arena, slice_of(conf->path));
    ix->file = join(&ix->arena, conf->path, "data.mdb");
    if (conf->write && conf->create && !os_mkdir(conf->path, &existed, err))
        return false;
    if (!os_stat(conf->path, &st, err))
        return false;
    if (!st.exists || !st.is_dir)
        return err_set(err, ERR_NOINPUT, "no index %s", ERR_QUOTE(slice_of(conf->path)));
    if (conf->write && (ix->lock = os_lock(join(&ix->arena, conf->path, "lock"), err)) < 0)
        return false;
    if (!os_stat(ix->file, &st, err))
        return false;
    bool exists = st.exists && st.size > 0;
    if (!exists && !(conf->write && conf->create))
        return err_set(err, ERR_NOINPUT, "no index in %s", ERR_QUOTE(slice_of(conf->path)));
    if (exists && !check_file(ix, true, err))
        return false;
    if (!open_env(ix, conf, exists, err) || !load(ix, conf, exists, err))
        return false;
    if (conf->settings && strcmp(conf->settings, ix->settings) != 0)
        return err_set(err, ERR_CONFIG, "index %s was made with %s, not with %s",
                       ERR_QUOTE(slice_of(conf->path)), ix->settings, conf->settings);
    return !conf->write || !ix->unfinished || sweep(ix, &s, &removed, err);
}

struct index *index_open(const struct index_conf *conf, struct err *err)
{
    struct index *ix = calloc(1, sizeof *ix);

    if (!ix)
        mem_oom();
    if (open_all(ix, conf, err))
        return ix;
    index_close(ix);
    return NULL;
}

void index_close(struct index *ix)
{
    if (!ix)
        return;
    end_read(ix);
    if (ix->env)
        mdb_env_close(ix->env);
    if (ix->lock >= 0)
        os_close_quiet(ix->lock);
    free(ix->batch);
    arena_release(&ix->batch_arena);
    arena_release(&ix->arena);
    free(ix);
}

/* ---- reading ---- */

static bool entry_ok(const struct index *ix, const MDB_val *v, struct err *err)
{
    return v->mv_size >= RUN_BYTES ||
           err_set(err, ERR_CONFIG, "index %s has a damaged record", ERR_QUOTE(slice_of(ix->path)));
}

bool index_find(struct index *ix, const struct index_key *key, struct arena *arena, slice *id,
                struct err *err)
{
    unsigned char bytes[INDEX_KEY_BYTES + 1];
    MDB_val k = key_value(key, bytes), v;
    int code = mdb_get(ix->txn, ix->dbi, &k, &v);

    *id = (slice){ 0 };
    if (code == MDB_NOTFOUND)
        return true;
    if (code)
        return fail(ix, code, "cannot read", err);
    if (!entry_ok(ix, &v, err))
        return false;
    if (value_run(&v) <= ix->run)
        *id = arena_dup(
            arena, slice_make((char *)v.mv_data + RUN_BYTES, (ptrdiff_t)v.mv_size - RUN_BYTES));
    return true;
}

bool index_next(struct index *ix, bool start, struct index_entry *entry, bool *end, struct err *err)
{
    MDB_val key = { 1, (void *)(uintptr_t) "k" }, value;
    int code = 0;

    *end = false;
    if (start && !ix->cursor && (code = mdb_cursor_open(ix->txn, ix->dbi, &ix->cursor)))
        return fail(ix, code, "cannot read", err);
    for (MDB_cursor_op op = start ? MDB_SET_RANGE : MDB_NEXT;; op = MDB_NEXT) {
        code = mdb_cursor_get(ix->cursor, &key, &value, op);
        if (code == MDB_NOTFOUND) {
            *end = true;
            return true;
        }
        if (code)
            return fail(ix, code, "cannot read", err);
        if (*(const char *)key.mv_data == 'm')
            continue;
        if (!value_id(&key, &value, &entry->id))
            return err_set(err, ERR_CONFIG, "index %s has a damaged record",
                           ERR_QUOTE(slice_of(ix->path)));
        if (value_run(&value) <= ix->run)
            break;
    }
    entry->near = *(const char *)key.mv_data == 'r';
    entry->number = 0;
    if (entry->near)
        entry->number = number_read((const unsigned char *)key.mv_data + 1);
    else
        memcpy(entry->key.bytes, (const char *)key.mv_data + 1, INDEX_KEY_BYTES);
    entry->run = value_run(&value);
    return true;
}

bool index_band(struct index *ix, uint64_t band, bool (*take)(void *arg, int64_t number), void *arg,
                struct err *err)
{
    unsigned char prefix[9] = { 'b' };
    MDB_val key = { 9, prefix }, value;
    int code = 0;

    number_write(prefix + 1, band);
    if (!ix->cursor && (code = mdb_cursor_open(ix->txn, ix->dbi, &ix->cursor)))
        return fail(ix, code, "cannot read", err);
    code = mdb_cursor_get(ix->cursor, &key, &value, MDB_SET_RANGE);
    for (; code == 0; code = mdb_cursor_get(ix->cursor, &key, &value, MDB_NEXT)) {
        const unsigned char *k = key.mv_data;
        if (key.mv_size != 17 || memcmp(k, prefix, 9) != 0)
            return true;
        if (!entry_ok(ix, &value, err))
            return false;
        if (value_run(&value) <= ix->run && !take(arg, number_read(k + 9)))
            return true;
    }
    return code == MDB_NOTFOUND || fail(ix, code, "cannot read", err);
}

bool index_record(struct index *ix, int64_t number, slice *id, slice *content, struct err *err)
{
    unsigned char bytes[9] = { 'r' };
    MDB_val key = { 9, bytes }, value;

    number_write(bytes + 1, (uint64_t)number);
    int code = mdb_get(ix->txn, ix->dbi, &key, &value);
    *id = *content = (slice){ 0 };
    if (code == MDB_NOTFOUND)
        return true;
    if (code)
        return fail(ix, code, "cannot read", err);
    if (!value_id(&key, &value, id))
        return err_set(err, ERR_CONFIG, "index %s has a damaged record",
                       ERR_QUOTE(slice_of(ix->path)));
    *content =
        slice_make(id->ptr + id->len, (ptrdiff_t)value.mv_size - RUN_BYTES - ID_LEN - id->len);
    return true;
}

/* ---- writing ---- */

static int body_batch(struct index *ix, MDB_txn *txn, void *arg)
{
    int64_t *added = arg;
    uint32_t run = (uint32_t)ix->run + 1;
    unsigned char head[RUN_BYTES] = { (unsigned char)(run >> 24), (unsigned char)(run >> 16),
                                      (unsigned char)(run >> 8), (unsigned char)run };
    int code = 0;

    *added = 0;
    for (ptrdiff_t i = 0; i < ix->batch_count && code == 0; i++) {
        const struct pending *p = &ix->batch[i];
        MDB_val key = { (size_t)p->key_len, (void *)(uintptr_t)p->key };
        MDB_val value = { (size_t)p->value.len + RUN_BYTES, NULL };
        code = mdb_put(txn, ix->dbi, &key, &value, MDB_NOOVERWRITE | MDB_RESERVE);
        if (code == 0) {
            memcpy(value.mv_data, head, RUN_BYTES);
            if (p->value.len)
                memcpy((char *)value.mv_data + RUN_BYTES, p->value.ptr, (size_t)p->value.len);
            *added += p->key[0] != 'b';
        } else if (code == MDB_KEYEXIST) {
            code = 0;
        }
    }
    return code ? code : meta_put(ix, txn, ix->run, ix->entries, ix->next, true);
}

static int body_commit(struct index *ix, MDB_txn *txn, void *arg)
{
    int64_t *added = arg;
    int code = body_batch(ix, txn, added);

    return code ? code
                : meta_put(ix, txn, ix->run + 1, ix->entries + ix->added + *added,
                           ix->next + ix->next_added, false);
}

bool index_begin(struct index *ix, struct err *err)
{
    ASSERT(ix->write);
    if (ix->broken)
        return err_set(err, ERR_IO, "index %s could not be written", ERR_QUOTE(slice_of(ix->path)));
    end_read(ix);
    if (!ix->batch)
        ix->batch = calloc(BATCH, sizeof *ix->batch);
    if (!ix->batch)
        mem_oom();
    ix->batch_count = 0;
    ix->batch_bytes = 0;
    ix->added = ix->next_added = 0;
    return true;
}

/* Makes room for one more. */
static struct pending *pending_add(struct index *ix, ptrdiff_t bytes, struct err *err)
{
    int64_t added;

    if (ix->batch_count == BATCH || ix->batch_bytes > BATCH_BYTES) {
        if (!write_txn(ix, body_batch, &added, err))
            return NULL;
        ix->added += added;
        ix->batch_count = 0;
        ix->batch_bytes = 0;
        arena_reset(&ix->batch_arena);
    }
    ix->batch_bytes += bytes;
    return &ix->batch[ix->batch_count++];
}

bool index_put(struct index *ix, const struct index_key *key, slice id, struct err *err)
{
    struct pending *p = pending_add(ix, id.len, err);

    if (!p)
        return false;
    p->key_len = (int)key_value(key, p->key).mv_size;
    p->value = arena_dup(&ix->batch_arena, id);
    return true;
}

bool index_put_band(struct index *ix, uint64_t key, int64_t number, struct err *err)
{
    struct pending *p = pending_add(ix, 0, err);

    if (!p)
        return false;
    p->key[0] = 'b';
    number_write(p->key + 1, key);
    number_write(p->key + 9, (uint64_t)number);
    p->key_len = 17;
    p->value = (slice){ 0 };
    return true;
}

bool index_put_record(struct index *ix, int64_t number, slice id, slice content, struct err *err)
{
    struct pending *p = pending_add(ix, id.len + content.len, err);
    uint32_t id_len = (uint32_t)id.len;

    if (!p)
        return false;
    char *value = arena_alloc_raw(&ix->batch_arena, ID_LEN + id.len + content.len, 1);
    memcpy(value, &id_len, ID_LEN);
    memcpy(value + ID_LEN, id.ptr, (size_t)id.len);
    if (content.len)
        memcpy(value + ID_LEN + id.len, content.ptr, (size_t)content.len);
    p->key[0] = 'r';
    number_write(p->key + 1, (uint64_t)number);
    p->key_len = 9;
    p->value = slice_make(value, ID_LEN + id.len + content.len);
    ix->next_added = MAX(ix->next_added, number + 1 - ix->next);
    return true;
}

int64_t index_next_number(const struct index *ix)
{
    return ix->next;
}

bool index_commit(struct index *ix, struct err *err)
{
    int64_t added;

    if (!write_txn(ix, body_commit, &added, err))
        return false;
    ix->entries += ix->added + added;
    ix->next += ix->next_added;
    ix->run++;
    ix->batch_count = 0;
    arena_reset(&ix->batch_arena);
    return begin_read(ix, err);
}

bool index_remove(struct index *ix, bool (*match)(void *arg, slice id), void *arg, int64_t *removed,
                  struct err *err)
{
    struct sweep s = { .match = match, .arg = arg };

    return sweep(ix, &s, removed, err);
}

int64_t index_entries(const struct index *ix)
{
    return ix->entries;
}

int64_t index_runs(const struct index *ix)
{
    return ix->run;
}

int64_t index_bytes(const struct index *ix)
{
    struct os_stat st;
    struct err ignored;

    return os_stat(ix->file, &st, &ignored) && st.exists ? st.size : 0;
}

slice index_settings(const struct index *ix)
{
    return slice_of(ix->settings);
}

#else

const bool index_available = false;

struct index *index_open(const struct index_conf *conf, struct err *err)
{
    (void)conf;
    err_set(err, ERR_USAGE, "this build has no indexes: it was made without LMDB (liblmdb-dev)");
    return NULL;
}

void index_close(struct index *ix)
{
    (void)ix;
}

/* Never called: there is no index to call them with. */
#define NOT_BUILT(head)                                                                            \
    head                                                                                           \
    {                                                                                              \
        bug(__FILE__, __LINE__, "no LMDB");                                                        \
    }
#pragma GCC diagnostic ignored "-Wunused-parameter"
NOT_BUILT(bool index_find(struct index *ix, const struct index_key *key, struct arena *arena,
                          slice *id, struct err *err))
NOT_BUILT(bool index_next(struct index *ix, bool start, struct index_entry *entry, bool *end,
                          struct err *err))
NOT_BUILT(bool index_begin(struct index *ix, struct err *err))
NOT_BUILT(bool index_put(struct index *ix, const struct index_key *key, slice id, struct err *err))
NOT_BUILT(bool index_commit(struct index *ix, struct err *err))
NOT_BUILT(bool index_put_band(struct index *ix, uint64_t key, int64_t number, struct err *err))
NOT_BUILT(bool index_put_record(struct index *ix, int64_t number, slice id, slice content,
                                struct err *err))
NOT_BUILT(bool index_band(struct index *ix, uint64_t key, bool (*take)(void *arg, int64_t number),
                          void *arg, struct err *err))
NOT_BUILT(bool index_record(struct index *ix, int64_t number, slice *id, slice *content,
                            struct err *err))
NOT_BUILT(int64_t index_next_number(const struct index *ix))
NOT_BUILT(bool index_remove(struct index *ix, bool (*match)(void *arg, slice id), void *arg,
                            int64_t *removed, struct err *err))
NOT_BUILT(int64_t index_entries(const struct index *ix))
NOT_BUILT(int64_t index_runs(const struct index *ix))
NOT_BUILT(int64_t index_bytes(const struct index *ix))
NOT_BUILT(slice index_settings(const struct index *ix))
#endif
