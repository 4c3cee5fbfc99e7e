#include "exactmode.h"

#include "exact.h"
#include "index.h"
#include "key.h"

#define SPILL_BUFFER ((int64_t)1 << 20) /* of every spill that has a file */

enum { FIELD_KEY, FIELD_ID, FIELD_VALUE };

struct run {
    enum { KEY_BYTES, KEY_NORMALIZED, KEY_JSON } kind;
    const char *path; /* of the key's member */
    enum later_keep keep;
    const char *value_path;
    struct flow_field fields[3];
    bool wants_ids, wants_value, against;
    int hash_bits;
    struct uni_norm *nfc;
    struct exact exact;
    struct later later;
    struct out *dups;
    struct index *index;
    struct sorter added; /* keys that go to the index, with the place of their id in the spool */
    int64_t known;       /* duplicates of records of earlier runs */
};

/* In `added`: the key, place (6) and length (4) of the id. */
enum { ADDED = INDEX_KEY_BYTES + 10 };

/* From work to commit. */
struct keyed {
    struct hash128 hash;
    slice key, value;
    struct index_key index_key;
};

bool exact_parse_keep(const char *text, enum later_keep *keep, const char **field, struct err *err)
{
    static const char *const names[] = { "first", "last", "none" };

    *field = NULL;
    for (int i = 0; i < (int)countof(names); i++)
        if (strcmp(text, names[i]) == 0) {
            *keep = (enum later_keep)i;
            return true;
        }
    if ((strncmp(text, "max:", 4) != 0 && strncmp(text, "min:", 4) != 0) || !text[4])
        return err_set(err, ERR_USAGE,
                       "option '--keep': %s is not first, last, none, max:FIELD or min:FIELD",
                       ERR_QUOTE(slice_of(text)));
    *keep = text[1] == 'a' ? LATER_MAX : LATER_MIN;
    *field = text + 4;
    return true;
}

void exact_divide(struct exact *x, struct later *l, int64_t memory)
{
    int64_t m = memory - SPILL_BUFFER;

    l->spool = &x->keys;
    if (l->keep == LATER_FIRST) {
        x->max_table_bytes = m / 8 * 5;
        x->keys.memory_bytes = m / 16 * 3;
        l->entries.memory_bytes = m / 8;
        l->drops.memory_bytes = m / 16;
    } else {
        x->keys.memory_bytes = m / 4;
        l->entries.memory_bytes = m / 2;
        l->drops.memory_bytes = m / 8;
    }
    x->keys.memory_bytes &= -(int64_t)SPILL_BLOCK;
}

static slice value_of(const struct flow_record *rec, struct arena *arena)
{
    const struct json_span *s = &rec->spans[FIELD_VALUE];
    struct json_fault fault;
    slice text;

    if (s->count == 1 && s->type == JSON_NUMBER)
        return slice_make(rec->raw.ptr + s->start, s->len);
    if (s->count != 1 || s->type != JSON_STRING ||
        !json_string(rec->raw, *s, JSON_SURROGATE_REPLACE, arena, &text, NULL, &fault))
        return slice_make(NULL, 0);
    return arena_printf(arena, "\"%.*s", SLICE_ARG(text));
}

static bool work(void *arg, void *scratch, const struct flow_record *rec, struct arena *arena,
                 struct flow_verdict *verdict, struct err *err)
{
    struct run *r = arg;
    struct keyed *k = arena_new(arena, struct keyed, 1);
    struct json_fault fault;

    (void)scratch;
    (void)err;
    if (r->kind == KEY_JSON) {
        if (!key_json(rec->raw, rec->spans[FIELD_KEY], arena, &k->key, &fault)) {
            *verdict =
                (struct flow_verdict){ .action = FLOW_BAD, .reason = fault.what, .at = fault.at };
            return true;
        }
    } else if (!flow_text(rec, FIELD_KEY, arena, &k->key, verdict)) {
        return true;
    }
    if (r->kind == KEY_NORMALIZED)
        k->key = key_normalized(r->nfc, k->key, arena);
    k->hash = hash128_of(k->key);
    if (r->hash_bits)
        k->hash = exact_weaken(k->hash, r->hash_bits);
    if (r->index) {
        k->index_key = index_key_of(k->hash, k->key, r->exact.trust_hash);
        k->value = slice_make((const char *)k->index_key.bytes, INDEX_KEY_BYTES);
    }
    if (r->wants_value)
        k->value = value_of(rec, arena);
    verdict->data = k;
    return true;
}

static bool dups_line(struct run *r, slice id, slice kept, struct err *err)
{
    slice line[] = { SLICE("{\"id\":"), id, SLICE(",\"dup_of\":"), kept,
                     SLICE(",\"kind\":\"exact\"}\n") };

    return !r->dups || out_writev(r->dups, line, countof(line), err);
}

/* The key is new to the index. */
static bool add_later(struct run *r, slice key, int64_t id_at, ptrdiff_t id_len, struct err *err)
{
    unsigned char a[ADDED], *p = a + INDEX_KEY_BYTES;

    memcpy(a, key.ptr, INDEX_KEY_BYTES);
    p = sorter_put(p, (uint64_t)id_at, 6);
    sorter_put(p, (uint64_t)id_len, 4);
    return sorter_add(&r->added, a, err);
}

static bool commit(void *arg, const struct flow_record *rec, struct arena *arena,
                   struct flow_verdict *verdict, struct err *err)
{
    struct run *r = arg;
    const struct keyed *k = verdict->data;
    struct exact_found found = { .full = true };
    slice id = { 0 }, kept = { 0 };

    if (verdict->action != FLOW_KEEP)
        return true;
    if (r->wants_ids)
        id = mode_id_json(rec, FIELD_ID, arena);
    if (r->index && !index_find(r->index, &k->index_key, arena, &kept, err))
        return false;
    if (kept.ptr) {
        r->known++;
        found = (struct exact_found){ .seen = true };
    } else if (r->keep == LATER_FIRST && !exact_add(&r->exact, k->hash, k->key, id, &found, err)) {
        return false;
    }
    if (found.full && r->against)
        return true;
    if (found.full || (found.seen && !r->against && r->exact.frozen && r->wants_ids)) {
        struct later_item item = { .hash = k->hash,
                                   .key = k->key,
                                   .known = found.seen,
                                   .note_at = found.note_at,
                                   .note_len = found.note_len,
                                   .note = kept };
        verdict->out = SLICE("");
        verdict->out_records = -1;
        return later_add(&r->later, rec->raw, id, k->value, &item, 1, err);
    }
    if (!found.seen)
        return !r->index || add_later(r, k->value, found.note_at, found.note_len, err);
    verdict->action = FLOW_DROP;
    if (!r->wants_ids)
        return true;
    if (kept.ptr)
        verdict->value = kept;
    else if (!exact_note(&r->exact, &found, arena, &verdict->value, err))
        return false;
    return dups_line(r, id, verdict->value, err);
}

static bool commit_reference(void *arg, const struct flow_record *rec, struct arena *arena,
                             struct flow_verdict *verdict, struct err *err)
{
    struct run *r = arg;
    const struct keyed *k = verdict->data;
    struct exact_found found;

    if (verdict->action != FLOW_KEEP)
        return true;
    slice id = r->wants_ids ? mode_id_json(rec, FIELD_ID, arena) : SLICE("");
    return exact_add(&r->exact, k->hash, k->key, id, &found, err);
}

/* The table takes what it needs: it holds the reference, which does not grow with the input. */
static bool read_reference(struct run *r, const struct mode_env *env, const char *path,
                           struct err *err)
{
    static const struct flow_filter read = { .work = work, .commit = commit_reference };

    r->against = true;
    r->exact.max_table_bytes = 0;
    if (!mode_read_reference(env, path, r->fields, 2, &read, r, err))
        return false;
    r->exact.frozen = true;
    return true;
}

/* What could not be decided at once. */
static bool finish(void *arg, struct flow *f, struct err *err)
{
    struct run *r = arg;
    struct later_record lr;
    struct arena arena = { 0 };
    bool ok = later_resolve(&r->later, err);

    while (ok && (ok = later_next(&r->later, &arena, &lr, err)) && lr.fates) {
        struct flow_record rec = { .raw = lr.raw,
                                   .top = { .type = JSON_OBJECT, .len = lr.raw.len } };
        struct flow_verdict v = { 0 };
        if (lr.fates[0].dropped) {
            v.action = FLOW_DROP;
            v.value = r->wants_ids ? lr.fates[0].kept_id : SLICE("");
            ok = dups_line(r, lr.id, v.value, err);
        } else if (r->index) {
            ok = add_later(r, lr.value, lr.id_at, lr.id.len, err);
        }
        ok = ok && flow_settle_late(f, &rec, &v, &arena, err);
        arena_reset(&arena);
    }
    arena_release(&arena);
    return ok;
}

static bool parse_key(const struct exact_options *o, struct run *r, struct err *err)
{
    r->path = o->field;
    if (strcmp(o->key, "bytes") == 0)
        r->kind = KEY_BYTES;
    else if (strcmp(o->key, "normalized") == 0)
        r->kind = KEY_NORMALIZED;
    else if (strncmp(o->key, "json:", 5) == 0 && o->key[5]) {
        r->kind = KEY_JSON;
        r->path = o->key + 5;
        if (o->field_given)
            return err_set(err, ERR_USAGE, "--field has no effect with --key json:PATH");
    } else {
        return err_set(err, ERR_USAGE, "option '--key': %s is not bytes, normalized or json:PATH",
                       ERR_QUOTE(slice_of(o->key)));
    }
    return true;
}

static bool open_index(struct mode_env *env, const struct exact_options *o, struct run *r,
                       struct err *err)
{
    struct index_conf ic = {
        .path = o->index,
        .settings =
            arena_printf(env->arena, "--key %s%s", o->key, o->trust_hash ? " --trust-hash" : "")
                .ptr,
        .write = true,
        .create = true,
    };

    if (r->keep != LATER_FIRST || o->hash_bits)
        return err_set(err, ERR_USAGE,
                       "--index keeps the first record of a key: --keep and "
                       "--hash-bits do not go with it");
    r->added.width = ADDED;
    r->added.memory_bytes = r->later.entries.memory_bytes;
    return (r->index = index_open(&ic, err)) != NULL;
}

/* The output is published: now its keys are the index's. */
static bool update_index(struct run *r, struct err *err)
{
    const unsigned char *a;
    struct index_key key;
    struct arena arena = { 0 };
    bool ok = sorter_finish(&r->added, err) && index_begin(r->index, err);

    while (ok && (ok = sorter_next(&r->added, &a, err)) && a) {
        int64_t at = (int64_t)sorter_get(a + INDEX_KEY_BYTES, 6);
        ptrdiff_t len = (ptrdiff_t)sorter_get(a + INDEX_KEY_BYTES + 6, 4);
        char *id = arena_alloc_raw(&arena, len + 1, 1);
        memcpy(key.bytes, a, INDEX_KEY_BYTES);
        ok = spill_read(&r->exact.keys, at, id, len, err) &&
             index_put(r->index, &key, slice_make(id, len), err);
        arena_reset(&arena);
    }
    arena_release(&arena);
    return ok && index_commit(r->index, err);
}

static bool prepare(struct mode_env *env, const struct exact_options *o, struct run *r,
                    struct err *err)
{
    struct out_conf oc = { .path = env->dups, .force = env->flow.force };

    if (!parse_key(o, r, err) || !exact_parse_keep(o->keep, &r->keep, &r->value_path, err))
        return false;
    if (o->hash_bits && o->trust_hash)
        return err_set(err, ERR_USAGE, "--hash-bits with --trust-hash would drop what differs");
    r->hash_bits = (int)o->hash_bits;
    r->wants_ids = env->dups || env->flow.drops || o->index;
    r->wants_value = r->value_path != NULL;
    r->fields[FIELD_KEY] =
        (struct flow_field){ r->path, true, r->kind == KEY_JSON ? 0 : FLOW_STRING };
    r->fields[FIELD_ID] = (struct flow_field){ .path = r->wants_ids ? "id" : r->path };
    r->fields[FIELD_VALUE] = (struct flow_field){ .path = r->value_path };
    if (r->kind == KEY_NORMALIZED)
        r->nfc = uni_norm_new(UNI_NFC, env->arena);
    r->exact.trust_hash = r->later.trust_hash = o->trust_hash;
    r->exact.bare = o->trust_hash && !r->wants_ids;
    r->later.keep = r->keep;
    exact_divide(&r->exact, &r->later, o->memory);
    if (o->against && !read_reference(r, env, o->against, err))
        return false;
    if (o->index && !open_index(env, o, r, err))
        return false;
    return !env->dups || (r->dups = out_open(&oc, err)) != NULL;
}

static void report(struct report *report, const struct exact_options *o, const struct run *r)
{
    const struct exact *x = &r->exact;
    const struct later *l = &r->later;

    report_text(report, "key", slice_of(o->key));
    report_text(report, "keep", slice_of(o->keep));
    report_int(report, "distinct", x->count + l->distinct, "distinct keys");
    report_int(report, "state_bytes", x->table_bytes, "bytes of the table of hashes");
    report_float(report, "state_bytes_per_record",
                 x->count ? (double)x->table_bytes / (double)x->count : 0,
                 "bytes of the table per key in it");
    report_int(report, "key_memory_bytes", spill_memory(&x->keys), "bytes of the spool in memory");
    report_int(report, "key_disk_bytes", spill_on_disk(&x->keys), "bytes of the spool in $TMPDIR");
    report_int(report, "deferred_total", l->records, "records decided after the end of the input");
    report_int(report, "run_disk_bytes", l->entries.peak_len + l->drops.peak_len,
               "bytes of sorted runs in $TMPDIR");
    if (r->index) {
        report_int(report, "index_known_total", r->known, "duplicates of records of earlier runs");
        report_int(report, "index_added_total", r->added.count, "keys added to the index");
    }
    report_int(report, "compared_total", x->compared + l->compared, "comparisons of keys by bytes");
    report_int(report, "collisions_total", x->collisions + l->collisions,
               "comparisons that found different keys");
}

bool exact_run(struct mode_env *env, const struct exact_options *o, struct err *err)
{
    static const char *const rules[] = { "exact" };
    static const struct flow_filter filter = { .work = work, .commit = commit, .finish = finish };
    struct run r = { 0 };

    if (!prepare(env, o, &r, err)) {
        index_close(r.index);
        exact_release(&r.exact);
        return false;
    }
    env->flow.fields = r.fields;
    env->flow.field_count = r.wants_value ? 3 : 2;
    env->flow.rules = rules;
    env->flow.rule_count = countof(rules);
    struct flow *flow = flow_open(&env->flow, env->report, env->progress, err);
    bool ok = flow && flow_filter_run(flow, &filter, &r, err);
    report(env->report, o, &r);
    if (ok && r.dups) {
        ok = out_commit(r.dups, err);
        r.dups = NULL;
    }
    if (ok)
        ok = flow_close(flow, err);
    else
        flow_abort(flow);
    if (ok && r.index)
        ok = update_index(&r, err);
    index_close(r.index);
    sorter_release(&r.added);
    out_abort(r.dups);
    later_release(&r.later);
    exact_release(&r.exact);
    return ok;
}
