#include "near.h"

#include "../hash.h"
#include "bands.h"
#include "pairing.h"
#include "bandrows.h"
#include "index.h"
#include "sorter.h"
#include "spill.h"

#include <inttypes.h>
#include <stdlib.h>

enum { FIELD_TEXT, FIELD_ID, FIELD_MARK };
static const char *const rules[] = { "near" };

/* A kept record: its note (the id, when somebody wants it) and its text or signature in the spool,
 * one behind the other. The next place says where they end. */
struct place {
    int64_t at;
    uint32_t note_len, dups;
};
#define PLACES 65536

struct near {
    const struct near_options *o;
    struct signing signing;
    struct flow_field fields[3];
    int field_count, id, mark;
    bool wants_ids;
    struct out *dups;

    struct bands bands;
    struct spill spool;
    struct place **places; /* chunks of PLACES */
    int64_t kept;

    uint32_t *candidates;
    ptrdiff_t candidate_count, candidate_cap;
    struct pairing pairing;
    struct buf text;

    struct known_key { /* --resolve: of a record that is named by the hash of its id; sorted */
        uint64_t id, key;
    } * known;
    int64_t known_count, known_cap;
    unsigned char *used; /* bit i: the record of the rows from i on has come */
    uint64_t *keys;      /* of the current record */
    ptrdiff_t key_cap;

    struct index *index;
    int64_t base;        /* number of the first record of this run; lower ones are in the index */
    struct sorter added; /* band keys (8) and numbers (8) that go to the index */
    int64_t index_known,
        limit; /* duplicates of records of earlier runs; numbers of a band to look at */

    int64_t without_shingles, cut;
};

static bool work(void *arg, void *scratch, const struct flow_record *rec, struct arena *arena,
                 struct flow_verdict *verdict, struct err *err)
{
    const struct near *n = arg;
    struct signed_record *k;

    (void)scratch, (void)err;
    if (n->o->resolve && n->o->decide == PAIRING_VERIFY
            ? signing_text(&n->signing, rec, FIELD_TEXT, arena, verdict, &k)
            : signing_record(&n->signing, rec, FIELD_TEXT, arena, verdict, &k))
        verdict->data = k;
    if (!k || !n->o->sign || verdict->action != FLOW_KEEP)
        return true;
    struct buf rows = { 0 };
    slice id = mode_id_json(rec, n->id, arena);
    for (int b = 0; b < n->signing.lsh.bands && k->shingles; b++)
        bandrow_append(&rows, k->keys[b], id);
    verdict->out = rows.len ? arena_dup(arena, slice_make(rows.ptr, rows.len - 1)) : SLICE("");
    verdict->out_records = rows.len ? n->signing.lsh.bands : -1;
    buf_release(&rows);
    return true;
}

/* ---- what was kept ---- */

static struct place *place_of(const struct near *n, int64_t number)
{
    number -= n->base;
    return &n->places[number / PLACES][number % PLACES];
}

static int64_t end_of(const struct near *n, int64_t number)
{
    return number + 1 < n->base + n->kept ? place_of(n, number + 1)->at : n->spool.len;
}

static bool count_indexed(void *arg, int64_t number)
{
    struct near *n = arg;

    (void)number;
    return --n->limit > 0;
}

/* How many records of the index have this band key, as far as it matters. */
static bool indexed_crowd(struct near *n, uint64_t key, int64_t *crowd, struct err *err)
{
    n->limit = n->o->max_candidates;
    bool ok = index_band(n->index, key, count_indexed, n, err);
    *crowd = n->o->max_candidates - n->limit;
    return ok;
}

static bool keep(struct near *n, const struct signed_record *k, const uint64_t *keys,
                 ptrdiff_t key_count, slice note, struct err *err)
{
    int64_t at, ignored;

    if (n->base + n->kept > BANDS_NUMBER_MAX)
        return err_set(err, ERR_DATA, "more than %u records without duplicates", BANDS_NUMBER_MAX);
    if (n->kept % PLACES == 0) {
        ptrdiff_t chunks = n->kept / PLACES;
        if ((chunks & (chunks - 1)) == 0)
            n->places = realloc(n->places, (size_t)MAX(1, 2 * chunks) * sizeof *n->places);
        if (!n->places || !(n->places[chunks] = malloc(PLACES * sizeof **n->places)))
            mem_oom();
    }
    if (!spill_append(&n->spool, note, &at, err) ||
        !spill_append(&n->spool, pairing_content(&n->pairing, k), &ignored, err))
        return false;
    int64_t own = n->base + n->kept;
    *place_of(n, own) = (struct place){ at, (uint32_t)note.len, 0 };
    for (ptrdiff_t b = 0; b < key_count; b++) {
        struct bands_hit h = bands_find(&n->bands, keys[b]);
        int64_t crowd = 0;
        if (n->index && !indexed_crowd(n, keys[b], &crowd, err))
            return false;
        for (uint32_t number; crowd < n->o->max_candidates && bands_next(&h, &number);)
            crowd++;
        if (crowd >= n->o->max_candidates)
            continue;
        bands_add(&n->bands, keys[b], (uint32_t)own);
        unsigned char row[16];
        sorter_put(sorter_put(row, keys[b], 8), (uint64_t)own, 8);
        if (n->index && !sorter_add(&n->added, row, err))
            return false;
    }
    n->kept++;
    return true;
}

/* The note of a kept record. */
static bool note_of(struct near *n, int64_t number, struct arena *arena, slice *note,
                    struct err *err)
{
    if (number < n->base) {
        slice content;
        bool ok = index_record(n->index, number, note, &content, err);
        *note = ok ? arena_dup(arena, *note) : *note;
        return ok;
    }
    const struct place *p = place_of(n, number);
    char *dst = arena_alloc_raw(arena, p->note_len, 1);

    *note = slice_make(dst, p->note_len);
    return spill_read(&n->spool, p->at, dst, p->note_len, err);
}

/* Its text or signature, valid until the next call; padded. */
static bool content_of(struct near *n, int64_t number, slice *content, struct err *err)
{
    buf_clear(&n->text);
    if (number < n->base) {
        slice id;
        if (!index_record(n->index, number, &id, content, err))
            return false;
        if (!id.ptr) {
            content->ptr = NULL; /* forgotten */
            return true;
        }
        buf_reserve(&n->text, content->len + RECORD_PADDING);
        buf_append(&n->text, *content);
        *content = buf_slice(&n->text);
        return true;
    }
    const struct place *p = place_of(n, number);
    ptrdiff_t len = (ptrdiff_t)(end_of(n, number) - p->at - p->note_len);
    char *dst = buf_reserve(&n->text, len + RECORD_PADDING);
    *content = slice_make(dst, len);
    return spill_read(&n->spool, p->at + p->note_len, dst, len, err);
}

/* ---- candidates ---- */

static int by_number(const void *x, const void *y)
{
    uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;
    return (a > b) - (a < b);
}

static void candidate_add(struct near *n, ptrdiff_t at, uint32_t number)
{
    if (at == n->candidate_cap) {
        n->candidate_cap = MAX(256, 2 * n->candidate_cap);
        n->candidates = realloc(n->candidates, (size_t)n->candidate_cap * sizeof *n->candidates);
        if (!n->candidates)
            mem_oom();
    }
    n->candidates[at] = number;
}

static bool take_indexed(void *arg, int64_t number)
{
    struct near *n = arg;

    candidate_add(n, n->candidate_count++, (uint32_t)number);
    return --n->limit > 0;
}

/* The kept records that share a band, in the order of the input, each once. */
static bool find_candidates(struct near *n, const uint64_t *keys, ptrdiff_t key_count,
                            struct err *err)
{
    ptrdiff_t count = 0, distinct = 0;
    int64_t limit = n->o->max_candidates;
    bool cut = false;

    for (ptrdiff_t b = 0; b < key_count; b++)
        bands_prefetch(&n->bands, keys[b]);
    for (ptrdiff_t b = 0; b < key_count; b++) {
        struct bands_hit h = bands_find(&n->bands, keys[b]);
        uint32_t number;
        int64_t of_band = 0;
        if (n->index) {
            n->limit = limit;
            n->candidate_count = count;
            if (!index_band(n->index, keys[b], take_indexed, n, err))
                return false;
            of_band = n->candidate_count - count;
            count = n->candidate_count;
        }
        for (; of_band < limit && bands_next(&h, &number); of_band++)
            candidate_add(n, count++, number);
        cut |= of_band == limit;
    }
    if (count > 1)
        qsort(n->candidates, (size_t)count, sizeof *n->candidates, by_number);
    for (ptrdiff_t i = 0; i < count; i++)
        if (distinct == 0 || n->candidates[i] != n->candidates[distinct - 1])
            n->candidates[distinct++] = n->candidates[i];
    if (distinct > limit)
        cut = true;
    n->cut += cut;
    n->candidate_count = MIN(distinct, (ptrdiff_t)limit);
    return true;
}

/* ---- keys from rows ---- */

static int by_id(const void *x, const void *y)
{
    const struct known_key *a = x, *b = y;
    return a->id != b->id ? (a->id > b->id) - (a->id < b->id)
                          : (a->key > b->key) - (a->key < b->key);
}

static bool add_row(void *self, const struct bandrow *row, struct err *err)
{
    struct near *n = self;

    (void)err;
    if (n->known_count == n->known_cap) {
        n->known_cap = MAX(4096, n->known_cap + n->known_cap / 2);
        n->known = realloc(n->known, (size_t)n->known_cap * sizeof *n->known);
        if (!n->known)
            mem_oom();
    }
    n->known[n->known_count++] = (struct known_key){ hash64_of(row->id, 0), row->key };
    return true;
}

static bool read_rows(struct near *n, struct err *err)
{
    struct in_conf in = { .paths = &n->o->resolve, .path_count = 1 };

    if (!bandrows_each(&in, add_row, n, err))
        return false;
    if (n->known_count)
        qsort(n->known, (size_t)n->known_count, sizeof *n->known, by_id);
    n->used = calloc((size_t)n->known_count / 8 + 1, 1);
    if (!n->used)
        mem_oom();
    return true;
}

/* The keys of the record with this id, each once. False: a record with it has come before. */
static bool known_keys(struct near *n, slice id, const uint64_t **keys, ptrdiff_t *count)
{
    uint64_t hash = hash64_of(id, 0);
    int64_t low = 0, high = n->known_count;

    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (n->known[middle].id < hash)
            low = middle + 1;
        else
            high = middle;
    }
    *count = 0;
    for (int64_t i = low; i < n->known_count && n->known[i].id == hash; i++) {
        if (*count && n->keys[*count - 1] == n->known[i].key)
            continue;
        if (*count == n->key_cap) {
            n->key_cap = MAX(64, 2 * n->key_cap);
            n->keys = realloc(n->keys, (size_t)n->key_cap * sizeof *n->keys);
            if (!n->keys)
                mem_oom();
        }
        n->keys[(*count)++] = n->known[i].key;
    }
    *keys = n->keys;
    bool used = *count && n->used[low / 8] >> low % 8 & 1;
    if (*count)
        n->used[low / 8] |= (unsigned char)(1 << low % 8);
    return !used;
}

/* ---- deciding ---- */

static void mark(const struct near *n, const struct flow_record *rec, slice value,
                 struct arena *arena, struct flow_verdict *verdict)
{
    struct json_edit edit =
        json_edit_set(rec->raw, rec->top, rec->spans[n->mark], "_dedup", value, arena);
    verdict->out = json_splice(rec->raw, &edit, 1, arena);
}

static bool settle(struct near *n, const struct flow_record *rec, int64_t number,
                   const struct pairing_verdict *v, struct arena *arena,
                   struct flow_verdict *verdict, struct err *err)
{
    slice dup_of;

    if (number < n->base)
        n->index_known++;
    else
        place_of(n, number)->dups++;
    if (!n->o->annotate)
        verdict->action = FLOW_DROP;
    if (!n->wants_ids)
        return true;
    if (!note_of(n, number, arena, &dup_of, err))
        return false;
    verdict->value = dup_of;
    slice what = pairing_explain(&n->pairing, dup_of, v, n->o->signing.shingle, arena);
    if (n->o->annotate)
        mark(n, rec, arena_printf(arena, "{%.*s", SLICE_ARG(what)), arena, verdict);
    slice line[] = { SLICE("{\"id\":"), mode_id_json(rec, n->id, arena), SLICE(","), what,
                     SLICE("\n") };
    return !n->dups || out_writev(n->dups, line, countof(line), err);
}

static bool commit(void *arg, const struct flow_record *rec, struct arena *arena,
                   struct flow_verdict *verdict, struct err *err)
{
    struct near *n = arg;
    const struct signed_record *k = verdict->data;

    if (verdict->action != FLOW_KEEP)
        return true;
    if (n->o->sign) {
        n->without_shingles += !k->shingles;
        return true;
    }
    const uint64_t *keys = k->keys;
    ptrdiff_t key_count = k->shingles ? n->signing.lsh.bands : 0;
    if (n->o->resolve && !known_keys(n, mode_id_json(rec, n->id, arena), &keys, &key_count)) {
        *verdict =
            (struct flow_verdict){ FLOW_BAD, .reason = "a second record with this id", .at = -1 };
        return true;
    }
    pairing_start(&n->pairing, k);
    if (!find_candidates(n, keys, key_count, err))
        return false;
    for (ptrdiff_t i = 0; i < n->candidate_count; i++) {
        struct pairing_verdict v;
        slice content;
        if (!content_of(n, n->candidates[i], &content, err))
            return false;
        if (!content.ptr)
            continue;
        pairing_with(&n->pairing, content, n->wants_ids, &v);
        if (v.duplicate)
            return settle(n, rec, n->candidates[i], &v, arena, verdict, err);
    }
    if (n->o->annotate && rec->spans[n->mark].count)
        mark(n, rec, SLICE("null"), arena, verdict);
    n->without_shingles += !k->shingles && !n->o->resolve;
    if (!key_count || n->o->against)
        return true;
    return keep(n, k, keys, key_count, n->wants_ids ? mode_id_json(rec, n->id, arena) : SLICE(""),
                err);
}

/* ---- the run ---- */

static bool commit_reference(void *arg, const struct flow_record *rec, struct arena *arena,
                             struct flow_verdict *verdict, struct err *err)
{
    struct near *n = arg;
    const struct signed_record *k = verdict->data;

    if (verdict->action != FLOW_KEEP || !k->shingles)
        return true;
    return keep(n, k, k->keys, n->signing.lsh.bands,
                n->wants_ids ? mode_id_json(rec, n->id, arena) : SLICE(""), err);
}

static bool open_index(struct near *n, const struct mode_env *env, struct err *err)
{
    const struct near_options *o = n->o;
    slice settings =
        arena_printf(env->arena, "--near %g --shingle %s --bands %d --rows %d%s", o->threshold,
                     o->signing.shingle, n->signing.lsh.bands, n->signing.lsh.rows,
                     o->decide == PAIRING_VERIFY ? "" : " --trust-estimate");
    struct index_conf c = {
        .path = o->index, .settings = settings.ptr, .write = true, .create = true
    };

    if (o->sign || o->resolve || o->against || o->signing.compat)
        return err_set(err, ERR_USAGE,
                       "--sign, --resolve, --against and --compat do not go with --index");
    n->added = (struct sorter){ .width = 16, .memory_bytes = (int64_t)32 << 20 };
    n->index = index_open(&c, err);
    n->base = n->index ? index_next_number(n->index) : 0;
    return n->index != NULL;
}

/* The output is published: now what was kept is the index's. */
static bool update_index(struct near *n, struct err *err)
{
    const unsigned char *row;
    struct arena arena = { 0 };
    slice id, content;
    bool ok = sorter_finish(&n->added, err) && index_begin(n->index, err);

    while (ok && (ok = sorter_next(&n->added, &row, err)) && row)
        ok = index_put_band(n->index, sorter_get(row, 8), (int64_t)sorter_get(row + 8, 8), err);
    for (int64_t i = n->base; ok && i < n->base + n->kept; i++) {
        ok = note_of(n, i, &arena, &id, err) && content_of(n, i, &content, err) &&
             index_put_record(n->index, i, id, content, err);
        arena_reset(&arena);
    }
    arena_release(&arena);
    return ok && index_commit(n->index, err);
}

static bool prepare(struct near *n, const struct mode_env *env, struct err *err)
{
    const struct near_options *o = n->o;
    struct out_conf oc = { .path = env->dups, .force = env->flow.force };

    signing_init(&n->signing, &o->signing, env->arena);
    n->pairing =
        (struct pairing){ .signing = &n->signing, .threshold = o->threshold, .decide = o->decide };
    n->wants_ids = env->dups || env->flow.drops || o->annotate || o->index;
    n->fields[FIELD_TEXT] = signing_field(&n->signing);
    n->field_count = 1;
    if ((n->wants_ids || o->sign || o->resolve) && strcmp(o->signing.field, "id") != 0) {
        n->id = n->field_count;
        n->fields[n->field_count++] = (struct flow_field){ .path = "id" };
    }
    if (o->annotate) {
        n->mark = n->field_count;
        n->fields[n->field_count++] = (struct flow_field){ .path = "_dedup" };
    }
    static const struct flow_filter read = { .work = work, .commit = commit_reference };
    if (o->against &&
        !mode_read_reference(env, o->against, n->fields, n->field_count, &read, n, err))
        return false;
    if (o->resolve && !read_rows(n, err))
        return false;
    if (o->index && !open_index(n, env, err))
        return false;
    return !env->dups || (n->dups = out_open(&oc, err)) != NULL;
}

static void report(const struct near *n, struct report *r)
{
    int64_t state = n->bands.bytes + n->kept * (int64_t)sizeof(struct place);
    int64_t clusters = 0, largest = 0;

    if (n->index)
        report_int(r, "index_known_total", n->index_known, "duplicates of records of earlier runs");

    for (int64_t i = 0; i < n->kept; i++) {
        int64_t dups = place_of(n, n->base + i)->dups;
        clusters += dups > 0;
        largest = MAX(largest, dups ? dups + 1 : 0);
    }
    report_text(r, "shingle", slice_of(n->o->signing.shingle));
    report_int(r, "bands", n->signing.lsh.bands, "bands of the signature");
    report_int(r, "rows", n->signing.lsh.rows, "minima per band");
    report_int(r, "distinct", n->kept, "records that are compared with later ones");
    report_int(r, "without_shingles_total", n->without_shingles, "records that have no shingle");
    report_int(r, "clusters", clusters, "kept records that have duplicates");
    report_int(r, "largest_cluster", largest, "records in the largest cluster");
    report_int(r, "compared_total", n->pairing.compared, "candidates that were compared");
    report_int(r, "refused_total", n->pairing.refused, "candidates below the threshold");
    report_int(r, "cut_total", n->cut, "records with more than --max-candidates");
    report_int(r, "state_bytes", state, "bytes of band keys and places");
    report_float(r, "state_bytes_per_record", n->kept ? (double)state / (double)n->kept : 0,
                 "bytes of band keys and places per kept record");
    report_int(r, "spool_bytes", spill_on_disk(&n->spool), "bytes in $TMPDIR");
}

static void release(struct near *n)
{
    for (int64_t i = 0; i < n->kept; i += PLACES)
        free(n->places[i / PLACES]);
    free(n->places);
    free(n->candidates);
    free(n->known);
    free(n->used);
    free(n->keys);
    pairing_release(&n->pairing);
    bands_release(&n->bands);
    spill_release(&n->spool);
    buf_release(&n->text);
}

bool near_run(const struct mode_env *env, const struct near_options *options, struct err *err)
{
    static const struct flow_filter filter = { .work = work, .commit = commit };
    static struct near n;
    struct flow_conf fc = env->flow;

    n.o = options;
    if (!prepare(&n, env, err)) {
        index_close(n.index);
        return false;
    }
    fc.fields = n.fields;
    fc.field_count = n.field_count;
    fc.rules = rules;
    fc.rule_count = countof(rules);
    struct flow *flow = flow_open(&fc, env->report, env->progress, err);
    bool ok = flow && flow_filter_run(flow, &filter, &n, err);
    report(&n, env->report);
    if (ok && n.dups) {
        ok = out_commit(n.dups, err);
        n.dups = NULL;
    }
    if (ok)
        ok = flow_close(flow, err);
    else
        flow_abort(flow);
    if (ok && n.index)
        ok = update_index(&n, err);
    index_close(n.index);
    sorter_release(&n.added);
    out_abort(n.dups);
    release(&n);
    return ok;
}
