#include "unitmode.h"

#include "exact.h"
#include "exactmode.h"
#include "units.h"

#include <stdlib.h>

enum { FIELD_TEXT, FIELD_ID, FIELD_DEDUP };

struct run {
    struct units_conf cut;
    const char *kind; /* in --dups and as the drop rule */
    enum later_keep keep;
    struct flow_field fields[3];
    struct json_query query; /* of a record that comes back: the same fields */
    bool wants_ids, ranges, document;
    struct exact exact;
    struct later later;
    struct out *dups;
    int64_t min_sentences, min_words; /* a text with fewer left is dropped; 0: any */
    int64_t units, removed, removed_bytes;
};

static bool work(void *arg, void *scratch, const struct flow_record *rec, struct arena *arena,
                 struct flow_verdict *verdict, struct err *err)
{
    struct run *r = arg;
    struct units *u = arena_new(arena, struct units, 1);
    slice text;

    (void)scratch;
    (void)err;
    if (!flow_text(rec, FIELD_TEXT, arena, &text, verdict))
        return true;
    units_cut(&r->cut, text, arena, u);
    if (r->document)
        units_find_repeats(u, arena);
    verdict->data = u;
    return true;
}

static bool dups_line(struct run *r, slice id, slice kept, ptrdiff_t unit, struct err *err)
{
    char number[48];
    slice digits = { number, 0 };

    if (!r->dups)
        return true;
    struct buf b = { 0 };
    buf_printf(&b, "%td}\n", unit);
    digits.len = MIN(b.len, (ptrdiff_t)sizeof number);
    memcpy(number, b.ptr, (size_t)digits.len);
    buf_release(&b);
    slice line[] = { SLICE("{\"id\":"),     id,
                     SLICE(",\"dup_of\":"), kept,
                     SLICE(",\"kind\":\""), slice_of(r->kind),
                     SLICE("\",\"unit\":"), digits };
    return out_writev(r->dups, line, countof(line), err);
}

static bool is_too_little(const struct run *r, slice rest, struct arena *arena)
{
    struct units_conf c = { .kind = UNITS_SENTENCES, .window = 1, .min_chars = 1 };
    struct units u;
    int64_t words = 0;
    uint32_t cp;
    bool in_word = false;

    if (!r->min_words)
        return false;
    for (ptrdiff_t i = 0; i < rest.len;) {
        i += uni_decode(rest.ptr + i, &cp);
        words += !in_word && !uni_is_space_python(cp);
        in_word = !uni_is_space_python(cp);
    }
    units_cut(&c, rest, arena, &u);
    return words < r->min_words || u.count < r->min_sentences;
}

/* The record without its removed units, or with the ranges that they have. */
static void cut_record(struct run *r, const struct flow_record *rec, const struct json_span *spans,
                       const struct units *u, const bool *removed, struct arena *arena,
                       struct flow_verdict *v)
{
    struct buf b = { 0 };
    struct json_edit edit;
    ptrdiff_t gone = 0;

    for (ptrdiff_t i = 0; i < u->count; i++) {
        gone += removed[i];
        r->removed_bytes += removed[i] ? u->at[i].end - u->at[i].start : 0;
    }
    r->removed += gone;
    if (r->ranges) {
        struct units_span *spans_gone = arena_new(arena, struct units_span, gone);
        for (ptrdiff_t i = 0, n = 0; i < u->count; i++)
            if (removed[i])
                spans_gone[n++] = u->at[i];
        units_ranges_json(&b, r->kind, u->text, spans_gone, gone);
        edit =
            json_edit_set(rec->raw, rec->top, spans[FIELD_DEDUP], "_dedup", buf_slice(&b), arena);
    } else {
        slice rest = units_join(u, removed, arena);
        if (units_is_blank(rest) || is_too_little(r, rest, arena)) {
            v->action = FLOW_DROP;
            v->value = arena_printf(arena, "%td", gone);
            return;
        }
        json_append_string(&b, rest);
        edit = (struct json_edit){ spans[FIELD_TEXT].start, spans[FIELD_TEXT].len, buf_slice(&b) };
    }
    v->out = json_splice(rec->raw, &edit, 1, arena);
    v->out_records = 1;
    buf_release(&b);
}

static void mark(const struct units *u, ptrdiff_t item, bool *removed)
{
    for (int k = 0; k < u->window; k++)
        removed[u->item_unit[item] + k] = true;
}

/* The whole record waits; items whose first is in the table are known already. */
static bool defer(struct run *r, const struct flow_record *rec, const struct units *u, slice id,
                  struct flow_verdict *verdict, struct err *err)
{
    verdict->out = SLICE("");
    verdict->out_records = -1;
    return later_add(&r->later, rec->raw, id, SLICE(""), u->items, u->item_count, err);
}

static bool commit(void *arg, const struct flow_record *rec, struct arena *arena,
                   struct flow_verdict *verdict, struct err *err)
{
    struct run *r = arg;
    struct units *u = verdict->data;
    struct exact_found found;
    slice id = { 0 }, kept;
    bool any = false;

    if (verdict->action != FLOW_KEEP)
        return true;
    r->units += u->item_count;
    if (r->wants_ids)
        id = mode_id_json(rec, FIELD_ID, arena);
    if (r->keep != LATER_FIRST)
        return defer(r, rec, u, id, verdict, err);
    bool *removed = arena_new(arena, bool, u->count + 1);
    slice *keepers = r->dups ? arena_new(arena, slice, u->item_count) : NULL;
    for (ptrdiff_t i = 0; i < u->item_count; i++) {
        struct later_item *it = &u->items[i];
        if (!r->document) {
            if (i + 16 < u->item_count)
                exact_prefetch_slot(&r->exact, it[16].hash);
            if (i + 8 < u->item_count)
                exact_prefetch_entry(&r->exact, it[8].hash);
            if (!exact_add(&r->exact, it->hash, it->key, id, &found, err))
                return false;
            it->known = found.seen;
            it->note_at = found.note_at;
            it->note_len = found.note_len;
            it->stays = !found.seen && !found.full;
        }
        if (!it->known)
            continue;
        any = true;
        mark(u, i, removed);
        if (!keepers)
            continue;
        if (r->document)
            kept = id;
        else if (!exact_note(&r->exact, &found, arena, &kept, err))
            return false;
        keepers[i] = kept;
    }
    if (r->exact.frozen)
        return defer(r, rec, u, id, verdict, err);
    for (ptrdiff_t i = 0; keepers && i < u->item_count; i++)
        if (u->items[i].known && !dups_line(r, id, keepers[i], u->item_unit[i], err))
            return false;
    if (any)
        cut_record(r, rec, rec->spans, u, removed, arena, verdict);
    return true;
}

/* A record that waited: cut again, with the fates of its items. */
static bool settle_one(struct run *r, struct flow *f, const struct later_record *lr,
                       struct arena *arena, struct err *err)
{
    struct flow_record rec = { .raw = lr->raw };
    struct flow_verdict v = { 0 };
    struct json_span spans[3];
    struct json_fault fault;
    struct units u;
    slice text;
    bool any = false;

    ASSERT(json_scan(rec.raw, &r->query, spans, &rec.top, &fault));
    ASSERT(
        json_string(rec.raw, spans[FIELD_TEXT], JSON_SURROGATE_FAIL, arena, &text, NULL, &fault));
    units_cut(&r->cut, text, arena, &u);
    ASSERT(u.item_count == lr->item_count);
    bool *removed = arena_new(arena, bool, u.count + 1);
    for (ptrdiff_t i = 0; i < u.item_count; i++) {
        if (!lr->fates[i].dropped)
            continue;
        any = true;
        mark(&u, i, removed);
        if (!dups_line(r, lr->id, lr->fates[i].kept_id, u.item_unit[i], err))
            return false;
    }
    if (any)
        cut_record(r, &rec, spans, &u, removed, arena, &v);
    return flow_settle_late(f, &rec, &v, arena, err);
}

static bool finish(void *arg, struct flow *f, struct err *err)
{
    struct run *r = arg;
    struct later_record lr;
    struct arena arena = { 0 };
    bool ok = later_resolve(&r->later, err);

    while (ok && (ok = later_next(&r->later, &arena, &lr, err)) && lr.fates) {
        ok = settle_one(r, f, &lr, &arena, err);
        arena_reset(&arena);
    }
    arena_release(&arena);
    return ok;
}

/* ---- options ---- */

static bool parse_unit(const char *text, struct run *r, struct err *err)
{
    static const char *const names[] = { "line", "paragraph" };

    r->cut.window = 1;
    for (int i = 0; i < (int)countof(names); i++)
        if (strcmp(text, names[i]) == 0) {
            r->cut.kind = (enum units_kind)i;
            r->kind = names[i];
            return true;
        }
    r->cut.kind = UNITS_SENTENCES;
    r->kind = "sentences";
    if (strncmp(text, "sentences:", 10) == 0) {
        char *end;
        long n = strtol(text + 10, &end, 10);
        if (end > text + 10 && !*end && n >= 1 && n <= 1000) {
            r->cut.window = (int)n;
            return true;
        }
    }
    return err_set(err, ERR_USAGE, "option '--unit': %s is not line, paragraph or sentences:N",
                   ERR_QUOTE(slice_of(text)));
}

static bool parse_compat(const struct unit_options *o, struct run *r, struct arena *arena,
                         struct err *err)
{
    if (!o->compat)
        return true;
    if (o->key_given || o->min_given)
        return err_set(err, ERR_USAGE, "--compat says what --key and --min-unit-chars are");
    if (strcmp(o->compat, "ccnet") == 0 && r->cut.kind == UNITS_LINE) {
        r->cut.key = UNITS_CCNET;
        r->cut.min_chars = 0;
    } else if (strcmp(o->compat, "dolma") == 0 && r->cut.kind == UNITS_PARAGRAPH) {
        r->cut.kind = UNITS_LINE;
        r->cut.min_chars = 1;
    } else if (strcmp(o->compat, "datatrove") == 0 && r->cut.kind == UNITS_SENTENCES) {
        r->cut.key = UNITS_DATATROVE;
        r->cut.folded = peerfold_new(PEERFOLD_DATATROVE, arena);
        r->cut.min_chars = 1;
        r->min_sentences = 3;
        r->min_words = 50;
    } else {
        return err_set(err, ERR_USAGE,
                       "--compat %s has no meaning with --unit %s: ccnet knows lines, dolma "
                       "paragraphs, datatrove sentences",
                       o->compat, o->unit);
    }
    return true;
}

static bool prepare(struct mode_env *env, const struct unit_options *o, struct run *r,
                    struct err *err)
{
    struct out_conf oc = { .path = env->dups, .force = env->flow.force };
    const char *paths[3] = { o->field, "id", "_dedup" }, *value_path;

    if (!parse_unit(o->unit, r, err) || !exact_parse_keep(o->keep, &r->keep, &value_path, err))
        return false;
    if (value_path)
        return err_set(err, ERR_USAGE, "--keep %s has no meaning with --unit", o->keep);
    if (o->document && (o->keep_given || o->memory_given || o->trust_hash || o->hash_bits))
        return err_set(err, ERR_USAGE,
                       "--scope document compares each text with itself only: "
                       "--keep, --memory, --trust-hash, --hash-bits have no effect");
    if (o->hash_bits && o->trust_hash)
        return err_set(err, ERR_USAGE, "--hash-bits with --trust-hash would drop what differs");
    if (strcmp(o->key, "normalized") == 0)
        r->cut.key = UNITS_NORMALIZED;
    else if (strcmp(o->key, "bytes") != 0)
        return err_set(err, ERR_USAGE, "option '--key': %s is not bytes or normalized",
                       ERR_QUOTE(slice_of(o->key)));
    r->cut.min_chars = o->min_chars;
    r->cut.hash_bits = (int)o->hash_bits;
    if (!parse_compat(o, r, env->arena, err) ||
        !json_query_init(&r->query, paths, 3, env->arena, err))
        return false;
    r->document = o->document;
    r->ranges = o->ranges;
    r->wants_ids = env->dups != NULL;
    r->fields[FIELD_TEXT] = (struct flow_field){ o->field, true, FLOW_STRING };
    r->fields[FIELD_ID] = (struct flow_field){ .path = r->wants_ids ? "id" : o->field };
    r->fields[FIELD_DEDUP] = (struct flow_field){ .path = r->ranges ? "_dedup" : o->field };
    if (r->cut.key == UNITS_NORMALIZED)
        r->cut.nfc = uni_norm_new(UNI_NFC, env->arena);
    r->exact.trust_hash = r->later.trust_hash = o->trust_hash;
    r->exact.bare = o->trust_hash && !r->wants_ids;
    r->later.keep = r->keep;
    exact_divide(&r->exact, &r->later, o->memory);
    return !env->dups || (r->dups = out_open(&oc, err)) != NULL;
}

static void report(struct report *report, const struct unit_options *o, const struct run *r)
{
    const struct exact *x = &r->exact;
    const struct later *l = &r->later;

    report_text(report, "unit", slice_of(o->unit));
    report_int(report, "units_total", r->units, "units that were compared");
    report_int(report, "units_removed_total", r->removed, "units that were cut or marked");
    report_int(report, "unit_bytes_removed_total", r->removed_bytes, "bytes of these");
    report_int(report, "distinct", x->count + l->distinct, "distinct keys");
    report_int(report, "state_bytes", x->table_bytes, "bytes of the table of hashes");
    report_int(report, "key_memory_bytes", spill_memory(&x->keys), "bytes of the spool in memory");
    report_int(report, "key_disk_bytes", spill_on_disk(&x->keys), "bytes of the spool in $TMPDIR");
    report_int(report, "deferred_total", l->records, "records decided after the end of the input");
    report_int(report, "run_disk_bytes", l->entries.peak_len + l->drops.peak_len,
               "bytes of sorted runs in $TMPDIR");
    report_int(report, "collisions_total", x->collisions + l->collisions,
               "comparisons that found different keys");
}

bool unit_run(struct mode_env *env, const struct unit_options *o, struct err *err)
{
    static const struct flow_filter filter = { .work = work, .commit = commit, .finish = finish };
    struct run r = { 0 };

    if (!prepare(env, o, &r, err))
        return false;
    env->flow.fields = r.fields;
    env->flow.field_count = countof(r.fields);
    env->flow.rules = &r.kind;
    env->flow.rule_count = 1;
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
    out_abort(r.dups);
    later_release(&r.later);
    exact_release(&r.exact);
    return ok;
}
