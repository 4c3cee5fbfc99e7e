#include "cluster.h"

#include "bands.h"
#include "sorter.h"
#include "spill.h"

#include <inttypes.h>
#include <stdlib.h>

#define SORT_BYTES  ((int64_t)64 << 20)
#define ENTRY_BYTES 14 /* band 2, key 8, number 4 */

enum { FIELD_TEXT, FIELD_ID, FIELD_MARK, FIELDS };
static const char *const rules[] = { "near" };

/* What lies in the spool in front of a record; its note, raw and signature follow. */
struct stored {
    int64_t raw_len, note_len, signature_len;
    struct json_span text, mark;
};

struct cluster {
    const struct near_options *o;
    bool drop, wants_ids;
    struct signing signing;
    struct flow_field fields[FIELDS];
    struct out *dups;

    struct spill spool;
    struct sorter keys;
    int64_t *places;   /* in the spool, by number */
    uint32_t *parents; /* union-find; the smallest of a set is its root */
    uint32_t *sizes;   /* of the set, at its root, once all are united */
    int64_t count, cap;

    struct pairing pairing;
    struct buf raw, other;
    uint32_t *members;
    ptrdiff_t member_cap;
    int64_t without_shingles, cut, clusters, largest;
};

static bool work(void *arg, void *scratch, const struct flow_record *rec, struct arena *arena,
                 struct flow_verdict *verdict, struct err *err)
{
    const struct cluster *c = arg;
    struct signed_record *k;

    (void)scratch, (void)err;
    if (signing_record(&c->signing, rec, FIELD_TEXT, arena, verdict, &k))
        verdict->data = k;
    return true;
}

/* ---- the first pass ---- */

static void *grow(void *at, int64_t count, size_t size)
{
    at = realloc(at, (size_t)count * size);
    if (!at)
        mem_oom();
    return at;
}

static bool commit(void *arg, const struct flow_record *rec, struct arena *arena,
                   struct flow_verdict *verdict, struct err *err)
{
    struct cluster *c = arg;
    const struct signed_record *k = verdict->data;
    bool estimate = c->o->decide == PAIRING_ESTIMATE;
    int64_t at, ignored;

    if (verdict->action != FLOW_KEEP)
        return true;
    verdict->out = SLICE("");
    verdict->out_records = -1;
    if (c->count > BANDS_NUMBER_MAX)
        return err_set(err, ERR_DATA, "more than %u records", BANDS_NUMBER_MAX);
    slice note = c->wants_ids ? mode_id_json(rec, FIELD_ID, arena) : SLICE("");
    slice signature = estimate ? pairing_content(&c->pairing, k) : SLICE("");
    struct stored s = { rec->raw.len, note.len, signature.len, rec->spans[FIELD_TEXT],
                        rec->spans[FIELD_MARK] };
    if (!spill_append(&c->spool, slice_make((const char *)&s, sizeof s), &at, err) ||
        !spill_append(&c->spool, note, &ignored, err) ||
        !spill_append(&c->spool, rec->raw, &ignored, err) ||
        !spill_append(&c->spool, signature, &ignored, err))
        return false;
    if (c->count == c->cap) {
        c->cap = MAX(4096, c->cap + c->cap / 2);
        c->places = grow(c->places, c->cap, sizeof *c->places);
        c->parents = grow(c->parents, c->cap, sizeof *c->parents);
    }
    c->places[c->count] = at;
    c->parents[c->count] = (uint32_t)c->count;
    for (int b = 0; b < c->signing.lsh.bands && k->shingles; b++) {
        unsigned char entry[ENTRY_BYTES];
        sorter_put(sorter_put(sorter_put(entry, (uint64_t)b, 2), k->keys[b], 8), (uint64_t)c->count,
                   4);
        if (!sorter_add(&c->keys, entry, err))
            return false;
    }
    c->without_shingles += !k->shingles;
    c->count++;
    return true;
}

/* ---- uniting ---- */

static uint32_t root_of(struct cluster *c, uint32_t n)
{
    while (c->parents[n] != n) {
        c->parents[n] = c->parents[c->parents[n]];
        n = c->parents[n];
    }
    return n;
}

static void unite(struct cluster *c, uint32_t x, uint32_t y)
{
    uint32_t a = root_of(c, x), b = root_of(c, y);

    c->parents[MAX(a, b)] = MIN(a, b);
}

/* The content (pairing.h) of a record from the spool, in `to` or the arena; padded. */
static bool content_of(struct cluster *c, uint32_t number, struct buf *to, struct arena *arena,
                       slice *content, struct err *err)
{
    struct stored s;
    int64_t at = c->places[number];
    struct json_fault fault;

    *content = SLICE("");
    if (c->o->decide == PAIRING_BANDS)
        return true;
    if (!spill_read(&c->spool, at, (char *)&s, sizeof s, err))
        return false;
    at += (int64_t)sizeof s + s.note_len;
    bool estimate = c->o->decide == PAIRING_ESTIMATE;
    ptrdiff_t len = estimate ? (ptrdiff_t)s.signature_len : s.text.len;
    at += estimate ? s.raw_len : s.text.start;
    buf_clear(to);
    char *dst = buf_reserve(to, len + RECORD_PADDING);
    if (!spill_read(&c->spool, at, dst, len, err))
        return false;
    *content = slice_make(dst, len);
    s.text.start = 0;
    if (!estimate && s.text.type == JSON_STRING)
        ASSERT(json_string(slice_make(dst, len), s.text, JSON_SURROGATE_FAIL, arena, content, NULL,
                           &fault));
    return true;
}

/* Compares the records of one band key, in the order of their numbers. */
static bool unite_group(struct cluster *c, ptrdiff_t count, struct err *err)
{
    struct arena mine = { 0 }, its = { 0 };
    bool ok = true;

    for (ptrdiff_t i = 1; i < count && ok; i++) {
        uint32_t number = c->members[i];
        struct signed_record k = { .shingles = 1 };
        int64_t compared = 0;
        for (ptrdiff_t j = 0; j < i && ok; j++) {
            struct pairing_verdict v;
            slice content;
            if (root_of(c, c->members[j]) == root_of(c, number))
                continue;
            if (compared++ == c->o->max_candidates) {
                c->cut++;
                break;
            }
            if (compared == 1) {
                ok = content_of(c, number, &c->raw, &mine, &content, err);
                k.text = content;
                k.signature = (uint32_t *)(void *)content.ptr;
                pairing_start(&c->pairing, &k);
            }
            ok = ok && content_of(c, c->members[j], &c->other, &its, &content, err);
            if (!ok)
                break;
            pairing_with(&c->pairing, content, false, &v);
            if (v.duplicate)
                unite(c, c->members[j], number);
            arena_reset(&its);
        }
        arena_reset(&mine);
    }
    arena_release(&mine);
    arena_release(&its);
    return ok;
}

static bool unite_all(struct cluster *c, struct err *err)
{
    unsigned char group[10] = { 0 };
    const unsigned char *entry = NULL;
    ptrdiff_t count = 0;

    if (!sorter_finish(&c->keys, err))
        return false;
    do {
        if (!sorter_next(&c->keys, &entry, err))
            return false;
        if (count && (!entry || memcmp(group, entry, sizeof group) != 0)) {
            if (!unite_group(c, count, err))
                return false;
            count = 0;
        }
        if (!entry)
            break;
        memcpy(group, entry, sizeof group);
        if (count == c->member_cap) {
            c->member_cap = MAX(1024, 2 * c->member_cap);
            c->members = grow(c->members, c->member_cap, sizeof *c->members);
        }
        c->members[count++] = (uint32_t)sorter_get(entry + 10, 4);
    } while (entry);
    c->sizes = grow(NULL, MAX(1, c->count), sizeof *c->sizes);
    memset(c->sizes, 0, (size_t)c->count * sizeof *c->sizes);
    for (int64_t i = 0; i < c->count; i++) {
        uint32_t size = ++c->sizes[root_of(c, (uint32_t)i)];
        c->clusters += size == 2;
        c->largest = MAX(c->largest, size);
    }
    return true;
}

/* ---- the second pass ---- */

static bool note_of(struct cluster *c, uint32_t number, struct arena *arena, slice *note,
                    struct err *err)
{
    struct stored s;
    int64_t at = c->places[number];

    if (!spill_read(&c->spool, at, (char *)&s, sizeof s, err))
        return false;
    char *dst = arena_alloc_raw(arena, s.note_len, 1);
    *note = slice_make(dst, (ptrdiff_t)s.note_len);
    return spill_read(&c->spool, at + (int64_t)sizeof s, dst, (ptrdiff_t)s.note_len, err);
}

static bool settle(struct cluster *c, struct flow *f, uint32_t number, struct arena *arena,
                   struct err *err)
{
    uint32_t root = root_of(c, number);
    struct stored s;
    struct flow_verdict v = { 0 };
    slice note, first = { 0 }, mark;
    int64_t at = c->places[number];

    if (!spill_read(&c->spool, at, (char *)&s, sizeof s, err) ||
        !note_of(c, number, arena, &note, err) ||
        (root != number && c->wants_ids && !note_of(c, root, arena, &first, err)))
        return false;
    char *raw = arena_alloc_raw(arena, s.raw_len + RECORD_PADDING, 1);
    if (!spill_read(&c->spool, at + (int64_t)sizeof s + s.note_len, raw, (ptrdiff_t)s.raw_len, err))
        return false;
    struct flow_record rec = { .raw = slice_make(raw, (ptrdiff_t)s.raw_len),
                               .top = { .type = JSON_OBJECT, .len = (ptrdiff_t)s.raw_len } };
    if (root != number && c->dups) {
        slice line[] = { SLICE("{\"id\":"),
                         note,
                         SLICE(",\"dup_of\":"),
                         first,
                         SLICE(",\"kind\":\"near\",\"unit\":\""),
                         slice_of(c->o->signing.shingle),
                         SLICE("\"}\n") };
        if (!out_writev(c->dups, line, countof(line), err))
            return false;
    }
    if (c->drop && root != number) {
        v.action = FLOW_DROP;
        v.value = first;
    } else if (!c->drop) {
        mark = arena_printf(arena, "{\"cluster\":%u,\"size\":%u%s%.*s}", root, c->sizes[root],
                            root != number ? ",\"dup_of\":" : "", SLICE_ARG(first));
        struct json_edit edit = json_edit_set(rec.raw, rec.top, s.mark, "_dedup", mark, arena);
        v.out = json_splice(rec.raw, &edit, 1, arena);
    }
    return flow_settle_late(f, &rec, &v, arena, err);
}

static bool finish(void *arg, struct flow *f, struct err *err)
{
    struct cluster *c = arg;
    struct arena arena = { 0 };
    bool ok = unite_all(c, err);

    for (int64_t i = 0; i < c->count && ok; i++) {
        ok = settle(c, f, (uint32_t)i, &arena, err);
        arena_reset(&arena);
    }
    arena_release(&arena);
    return ok;
}

/* ---- the run ---- */

static bool prepare(struct cluster *c, const struct mode_env *env, struct err *err)
{
    struct out_conf oc = { .path = env->dups, .force = env->flow.force };

    signing_init(&c->signing, &c->o->signing, env->arena);
    c->pairing = (struct pairing){ .signing = &c->signing,
                                   .threshold = c->o->threshold,
                                   .decide = c->o->decide };
    c->keys.width = ENTRY_BYTES;
    c->keys.memory_bytes = SORT_BYTES;
    c->wants_ids = env->dups || env->flow.drops || !c->drop;
    c->fields[FIELD_TEXT] = signing_field(&c->signing);
    c->fields[FIELD_ID] = (struct flow_field){ .path = "id" };
    c->fields[FIELD_MARK] = (struct flow_field){ .path = "_dedup" };
    return !env->dups || (c->dups = out_open(&oc, err)) != NULL;
}

static void report(const struct cluster *c, struct report *r)
{
    report_text(r, "shingle", slice_of(c->o->signing.shingle));
    report_int(r, "bands", c->signing.lsh.bands, "bands of the signature");
    report_int(r, "rows", c->signing.lsh.rows, "minima per band");
    report_int(r, "without_shingles_total", c->without_shingles, "records that have no shingle");
    report_int(r, "clusters", c->clusters, "clusters of two records or more");
    report_int(r, "largest_cluster", c->largest, "records in the largest cluster");
    report_int(r, "compared_total", c->pairing.compared, "candidates that were compared");
    report_int(r, "refused_total", c->pairing.refused, "candidates below the threshold");
    report_int(r, "cut_total", c->cut, "records with more than --max-candidates");
    report_int(r, "spool_bytes", spill_on_disk(&c->spool), "bytes of records in $TMPDIR");
    report_int(r, "run_disk_bytes", c->keys.peak_len, "bytes of sorted runs in $TMPDIR");
}

static void release(struct cluster *c)
{
    pairing_release(&c->pairing);
    sorter_release(&c->keys);
    spill_release(&c->spool);
    buf_release(&c->raw);
    buf_release(&c->other);
    free(c->places);
    free(c->parents);
    free(c->sizes);
    free(c->members);
}

bool cluster_run(const struct mode_env *env, const struct near_options *options, bool drop,
                 struct err *err)
{
    static const struct flow_filter filter = { .work = work, .commit = commit, .finish = finish };
    struct cluster c = { .o = options, .drop = drop };
    struct flow_conf fc = env->flow;

    if (!prepare(&c, env, err))
        return false;
    fc.fields = c.fields;
    fc.field_count = FIELDS;
    fc.rules = rules;
    fc.rule_count = countof(rules);
    struct flow *flow = flow_open(&fc, env->report, env->progress, err);
    bool ok = flow && flow_filter_run(flow, &filter, &c, err);
    report(&c, env->report);
    if (ok && c.dups) {
        ok = out_commit(c.dups, err);
        c.dups = NULL;
    }
    if (ok)
        ok = flow_close(flow, err);
    else
        flow_abort(flow);
    out_abort(c.dups);
    release(&c);
    return ok;
}
