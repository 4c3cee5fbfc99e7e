#include "substringmode.h"

#include "exactmode.h"
#include "repeats.h"
#include "units.h"

#include <stdlib.h>

enum { FIELD_TEXT, FIELD_DEDUP };

static const char kind[] = "substring";

struct run {
    struct flow_field fields[2];
    struct json_query query;
    bool ranges, snap_words;
    struct repeats repeats;
    struct spill spool;
    struct later later;       /* the records: nothing in them is compared */
    struct repeats_range now; /* the next range */
    int64_t at;               /* where the text of the next record begins among all */
    int64_t marked, marked_bytes;
};

/* What is searched: the text, or its words. */
static slice searched(const struct run *r, slice text, struct arena *arena,
                      struct repeats_word *words, ptrdiff_t *count)
{
    return r->repeats.unit == REPEATS_WORDS ? repeats_words(text, arena, words, count) : text;
}

static bool work(void *arg, void *scratch, const struct flow_record *rec, struct arena *arena,
                 struct flow_verdict *verdict, struct err *err)
{
    struct run *r = arg;
    slice *text = arena_new(arena, slice, 1);

    (void)scratch;
    (void)err;
    if (!flow_text(rec, FIELD_TEXT, arena, text, verdict))
        return true;
    *text = searched(r, *text, arena, NULL, NULL);
    verdict->data = text;
    return true;
}

static bool commit(void *arg, const struct flow_record *rec, struct arena *arena,
                   struct flow_verdict *verdict, struct err *err)
{
    struct run *r = arg;
    const slice *text = verdict->data;

    (void)arena;
    if (verdict->action != FLOW_KEEP)
        return true;
    verdict->out = SLICE("");
    verdict->out_records = -1;
    return repeats_add(&r->repeats, *text, err) &&
           later_add(&r->later, rec->raw, SLICE(""), SLICE(""), NULL, 0, err);
}

/* ---- from ranges of what was searched to spans of the text ---- */

struct spans {
    struct units_span *at;
    ptrdiff_t count, cap;
};

static bool is_space_at(slice text, ptrdiff_t at)
{
    uint32_t cp;

    uni_decode(text.ptr + at, &cp);
    return uni_is_space_python(cp);
}

static bool is_space_before(slice text, ptrdiff_t at)
{
    uint32_t cp;

    uni_decode_back(text.ptr, text.ptr + at, &cp);
    return uni_is_space_python(cp);
}

/* Whole code points, and whole words if asked: what is cut in two stays. */
static struct units_span snap(const struct run *r, slice text, struct units_span s)
{
    while (s.start < s.end && (text.ptr[s.start] & 0xC0) == 0x80)
        s.start++;
    while (s.end > s.start && s.end < text.len && (text.ptr[s.end] & 0xC0) == 0x80)
        s.end--;
    if (!r->snap_words || s.start == s.end)
        return s;
    if (s.start > 0 && !is_space_before(text, s.start))
        while (s.start < s.end && !is_space_at(text, s.start))
            s.start += utf8_length(text.ptr + s.start, text.len - s.start);
    /* The white space in front stays, or two words would become one. */
    while (s.start > 0 && s.start < s.end && is_space_at(text, s.start))
        s.start += utf8_length(text.ptr + s.start, text.len - s.start);
    if (s.end < text.len && !is_space_at(text, s.end))
        while (s.end > s.start && !is_space_before(text, s.end)) {
            uint32_t cp;
            s.end -= uni_decode_back(text.ptr, text.ptr + s.end, &cp);
        }
    return s;
}

/* The ranges that lie in the text that begins at r->at, snapped. */
static bool collect(struct run *r, slice text, slice search, const struct repeats_word *words,
                    ptrdiff_t word_count, struct arena *arena, struct spans *spans, struct err *err)
{
    int64_t end = r->at + search.len;
    ptrdiff_t word = 0, word_at = 0; /* its place in `search` */

    while (r->now.end && r->now.start < end) {
        struct units_span s = { (ptrdiff_t)(MAX(r->now.start, r->at) - r->at),
                                (ptrdiff_t)(MIN(r->now.end, end) - r->at) };
        if (words) {
            for (; word < word_count && word_at < s.start; word++)
                word_at += words[word].end - words[word].start + 1;
            ptrdiff_t first = word;
            for (; word < word_count && word_at < s.end; word++)
                word_at += words[word].end - words[word].start + 1;
            s = word > first ? (struct units_span){ words[first].start, words[word - 1].end }
                             : (struct units_span){ 0, 0 };
        }
        s = snap(r, text, s);
        if (s.end > s.start) {
            if (spans->count == spans->cap) {
                ptrdiff_t cap = MAX(16, 2 * spans->cap), size = (ptrdiff_t)sizeof *spans->at;
                spans->at = arena_grow(arena, spans->at, spans->cap * size, cap * size,
                                       _Alignof(struct units_span));
                spans->cap = cap;
            }
            spans->at[spans->count++] = s;
        }
        if (r->now.end > end)
            break;
        if (!repeats_next_range(&r->repeats, &r->now, err))
            return false;
    }
    r->at = end;
    return true;
}

static void cut_record(struct run *r, const struct flow_record *rec, const struct json_span *fields,
                       slice text, const struct spans *spans, struct arena *arena,
                       struct flow_verdict *v)
{
    struct buf b = { 0 };
    struct json_edit edit;
    ptrdiff_t gone = 0;

    for (ptrdiff_t i = 0; i < spans->count; i++)
        gone += spans->at[i].end - spans->at[i].start;
    r->marked += spans->count;
    r->marked_bytes += gone;
    if (r->ranges) {
        units_ranges_json(&b, kind, text, spans->at, spans->count);
        edit =
            json_edit_set(rec->raw, rec->top, fields[FIELD_DEDUP], "_dedup", buf_slice(&b), arena);
    } else {
        char *rest = arena_alloc_raw(arena, text.len + RECORD_PADDING, 1), *p = rest;
        ptrdiff_t at = 0;
        for (ptrdiff_t i = 0; i <= spans->count; i++) {
            ptrdiff_t to = i < spans->count ? spans->at[i].start : text.len;
            memcpy(p, text.ptr + at, (size_t)(to - at));
            p += to - at;
            at = i < spans->count ? spans->at[i].end : to;
        }
        slice left = { rest, p - rest };
        if (units_is_blank(left)) {
            v->action = FLOW_DROP;
            v->value = arena_printf(arena, "%td", gone);
            return;
        }
        json_append_string(&b, left);
        edit =
            (struct json_edit){ fields[FIELD_TEXT].start, fields[FIELD_TEXT].len, buf_slice(&b) };
    }
    v->out = json_splice(rec->raw, &edit, 1, arena);
    v->out_records = 1;
    buf_release(&b);
}

static bool settle_one(struct run *r, struct flow *f, slice raw, struct arena *arena,
                       struct err *err)
{
    struct flow_record rec = { .raw = raw };
    struct flow_verdict v = { 0 };
    struct json_span fields[2];
    struct json_fault fault;
    struct repeats_word *words = NULL;
    struct spans spans = { 0 };
    ptrdiff_t word_count = 0;
    slice text;

    ASSERT(json_scan(raw, &r->query, fields, &rec.top, &fault));
    ASSERT(json_string(raw, fields[FIELD_TEXT], JSON_SURROGATE_FAIL, arena, &text, NULL, &fault));
    if (r->repeats.unit == REPEATS_WORDS)
        words = arena_alloc_raw(arena, (text.len / 2 + 1) * (ptrdiff_t)sizeof *words, 8);
    slice search = searched(r, text, arena, words, &word_count);
    if (!collect(r, text, search, words, word_count, arena, &spans, err))
        return false;
    if (spans.count)
        cut_record(r, &rec, fields, text, &spans, arena, &v);
    return flow_settle_late(f, &rec, &v, arena, err);
}

static bool finish(void *arg, struct flow *f, struct err *err)
{
    struct run *r = arg;
    struct later_record lr;
    struct arena arena = { 0 };
    bool ok = repeats_find(&r->repeats, err) && repeats_next_range(&r->repeats, &r->now, err) &&
              later_resolve(&r->later, err);

    while (ok && (ok = later_next(&r->later, &arena, &lr, err)) && lr.fates) {
        ok = settle_one(r, f, lr.raw, &arena, err);
        arena_reset(&arena);
    }
    arena_release(&arena);
    return ok;
}

/* ---- options ---- */

static bool parse_what(const char *text, struct repeats *r, struct err *err)
{
    static const char *const units[] = { "bytes", "chars", "words" };
    static const int64_t limits[] = { 65536, 16000, 8000 };
    char *end;
    long n = strtol(text, &end, 10);

    for (int i = 0; i < 3; i++)
        if (end > text && (*end ? *end == ':' && strcmp(end + 1, units[i]) == 0 : i == 0)) {
            if (n < 1 || n > limits[i])
                return err_set(err, ERR_USAGE, "option '--substring': %ld %s: between 1 and %lld",
                               n, units[i], (long long)limits[i]);
            r->n = n;
            r->unit = (enum repeats_unit)i;
            return true;
        }
    return err_set(err, ERR_USAGE, "option '--substring': %s is not N, N:bytes, N:chars or N:words",
                   ERR_QUOTE(slice_of(text)));
}

static bool prepare(struct mode_env *env, const struct substring_options *o, struct run *r,
                    struct err *err)
{
    const char *paths[2] = { o->field, "_dedup" }, *value_path;
    enum later_keep keep;

    if (!repeats_available)
        return repeats_find(&r->repeats, err);
    if (!parse_what(o->what, &r->repeats, err) ||
        !exact_parse_keep(o->keep, &keep, &value_path, err) ||
        !json_query_init(&r->query, paths, 2, env->arena, err))
        return false;
    if (keep != LATER_FIRST && keep != LATER_NONE)
        return err_set(err, ERR_USAGE, "--keep %s has no meaning with --substring", o->keep);
    r->repeats.all = keep == LATER_NONE;
    r->repeats.memory_bytes = o->memory / 16 * 15;
    r->spool.memory_bytes = (o->memory / 16) & -(int64_t)SPILL_BLOCK;
    r->later.spool = &r->spool;
    r->ranges = o->ranges;
    r->snap_words = o->snap_words;
    r->fields[FIELD_TEXT] = (struct flow_field){ o->field, true, FLOW_STRING };
    r->fields[FIELD_DEDUP] = (struct flow_field){ .path = r->ranges ? "_dedup" : o->field };
    return true;
}

static void report(struct report *report, const struct substring_options *o, const struct run *r)
{
    report_text(report, "substring", slice_of(o->what));
    report_int(report, "windows_total", r->repeats.windows, "windows that were compared");
    report_int(report, "ranges_total", r->marked, "ranges that were cut or marked");
    report_int(report, "range_bytes_total", r->marked_bytes, "bytes of these");
    report_int(report, "parts", r->repeats.part_count, "parts that were sorted one by one");
    report_int(report, "spool_disk_bytes",
               spill_on_disk(&r->spool) + spill_on_disk(&r->repeats.texts) +
                   spill_on_disk(&r->repeats.ends) + spill_on_disk(&r->repeats.ranges) +
                   spill_on_disk(&r->repeats.flags),
               "bytes of records, texts and ranges in $TMPDIR");
}

bool substring_run(struct mode_env *env, const struct substring_options *o, struct err *err)
{
    static const char *const rules[] = { kind };
    static const struct flow_filter filter = { .work = work, .commit = commit, .finish = finish };
    struct run r = { 0 };

    if (!prepare(env, o, &r, err))
        return false;
    env->flow.fields = r.fields;
    env->flow.field_count = countof(r.fields);
    env->flow.rules = rules;
    env->flow.rule_count = countof(rules);
    struct flow *flow = flow_open(&env->flow, env->report, env->progress, err);
    bool ok = flow && flow_filter_run(flow, &filter, &r, err);
    report(env->report, o, &r);
    if (ok)
        ok = flow_close(flow, err);
    else
        flow_abort(flow);
    later_release(&r.later);
    repeats_release(&r.repeats);
    spill_release(&r.spool);
    return ok;
}
