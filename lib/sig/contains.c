#include "contains.h"

#include "peerfold.h"

#include <inttypes.h>
#include <stdlib.h>

enum { FIELD_TEXT, FIELD_ID, FIELD_MARK, FIELDS, FIELD_QUERY = FIELD_MARK };
static const char *const rules[] = { "contains" };

/* Where an n-gram of the reference is first. */
struct gram {
    uint64_t hash; /* 0: empty */
    uint32_t record, offset;
};

struct contains {
    const struct contains_options *o;
    struct shingler shingler;
    struct peerfold *fold; /* NULL: none */
    struct flow_field fields[FIELDS];
    bool wants_ids;
    struct out *dups;

    struct gram *grams; /* open addressing, a power of two */
    int64_t gram_count, gram_cap;
    uint64_t *filter; /* a bit for each hash: most look-ups end here */
    int64_t filter_bits;
    slice *ids; /* of the reference records, as JSON */
    int64_t id_count, id_cap, too_short;
    struct arena arena;

    int64_t hit_records, hit_runs;
};

int contains_compat_n(const char *compat)
{
    return strcmp(compat, "gpt3") == 0 ? 13 : strcmp(compat, "datatrove") == 0 ? 12 : 0;
}

static slice folded(const struct contains *c, slice text, struct arena *arena)
{
    ptrdiff_t tokens;
    return c->fold ? peerfold_text(c->fold, text, &tokens, arena) : text;
}

/* ---- the table ---- */

static uint64_t usable(uint64_t hash)
{
    return hash ? hash : 1;
}

static struct gram *slot_of(const struct contains *c, uint64_t hash)
{
    int64_t i = (int64_t)(hash >> 20) & (c->gram_cap - 1);

    while (c->grams[i].hash && c->grams[i].hash != hash)
        i = (i + 1) & (c->gram_cap - 1);
    return &c->grams[i];
}

static void table_grow(struct contains *c)
{
    struct gram *old = c->grams;
    int64_t old_cap = c->gram_cap;

    c->gram_cap = MAX(1024, 2 * old_cap);
    c->grams = calloc((size_t)c->gram_cap, sizeof *c->grams);
    if (!c->grams)
        mem_oom();
    for (int64_t i = 0; i < old_cap; i++)
        if (old[i].hash)
            *slot_of(c, old[i].hash) = old[i];
    free(old);
}

static void table_add(struct contains *c, uint64_t hash, int64_t offset)
{
    if (4 * (c->gram_count + 1) > 3 * c->gram_cap)
        table_grow(c);
    struct gram *g = slot_of(c, usable(hash));
    if (g->hash)
        return;
    *g = (struct gram){ usable(hash), (uint32_t)(c->id_count - 1), (uint32_t)offset };
    c->gram_count++;
}

static void filter_build(struct contains *c)
{
    for (c->filter_bits = 1 << 16; c->filter_bits < 16 * c->gram_count; c->filter_bits *= 2)
        ;
    c->filter = calloc((size_t)c->filter_bits / 64, sizeof *c->filter);
    if (!c->filter)
        mem_oom();
    for (int64_t i = 0; i < c->gram_cap; i++)
        if (c->grams[i].hash) {
            uint64_t bit = c->grams[i].hash & (uint64_t)(c->filter_bits - 1);
            c->filter[bit / 64] |= (uint64_t)1 << bit % 64;
        }
}

static const struct gram *table_find(const struct contains *c, uint64_t hash)
{
    uint64_t h = usable(hash), bit = h & (uint64_t)(c->filter_bits - 1);

    if (LIKELY(!(c->filter[bit / 64] >> bit % 64 & 1)))
        return NULL;
    const struct gram *g = slot_of(c, h);
    return g->hash ? g : NULL;
}

/* ---- the reference ---- */

struct reference_sink {
    struct shingle_sink sink;
    struct contains *c;
    ptrdiff_t at;   /* bytes of the text that are counted */
    int64_t offset; /* code points in them */
};

static void add_block(struct shingle_sink *sink)
{
    struct reference_sink *s = (struct reference_sink *)sink;

    for (int i = 0; i < sink->count; i++) {
        ptrdiff_t start = sink->spans[i].start;
        if (start > s->at) {
            s->offset += uni_count(slice_make(sink->text.ptr + s->at, start - s->at));
            s->at = start;
        }
        table_add(s->c, sink->hash[i], s->offset);
    }
}

struct reference {
    slice text, query; /* folded */
};

/* Decoding is all that can be done in parallel here: the table grows in the order of the file. */
static bool work_reference(void *arg, void *scratch, const struct flow_record *rec,
                           struct arena *arena, struct flow_verdict *verdict, struct err *err)
{
    const struct contains *c = arg;
    struct reference *r = arena_new(arena, struct reference, 1);
    const struct json_span *query = &rec->spans[FIELD_QUERY];

    (void)scratch, (void)err;
    if (!flow_text(rec, FIELD_TEXT, arena, &r->text, verdict))
        return true;
    r->text = folded(c, r->text, arena);
    verdict->data = r;
    if (!c->fold || c->o->compat[0] != 'd' || query->count != 1 || query->type != JSON_STRING)
        return true;
    if (flow_text(rec, FIELD_QUERY, arena, &r->query, verdict))
        r->query = folded(c, r->query, arena);
    return true;
}

static int64_t count_words(const struct contains *c, slice text, struct arena *arena);

/* The last n tokens, or the first n, of a folded text. */
static slice some_tokens(slice s, int n, bool last)
{
    ptrdiff_t i = last ? s.len : 0;

    while (i >= 0 && i <= s.len) {
        char next = last ? (i ? s.ptr[i - 1] : ' ') : (i < s.len ? s.ptr[i] : ' ');
        if (next == ' ' && --n == 0)
            break;
        i += last ? -1 : 1;
    }
    i = MAX(0, MIN(i, s.len));
    return last ? slice_from(s, i) : slice_make(s.ptr, i);
}

/* The n-grams with words of both; they are where the text begins. */
static void add_overlap(struct contains *c, const struct reference *r, struct arena *arena)
{
    struct shingle_span spans[SHINGLE_BLOCK];
    slice before = some_tokens(r->query, c->o->n - 1, true);
    slice behind = some_tokens(r->text, c->o->n - 1, false);
    char *both = arena_alloc(arena, before.len + 1 + behind.len + RECORD_PADDING, 1, 1);
    struct reference_sink sink = { .sink = { .flush = add_block, .spans = spans },
                                   .c = c,
                                   .at = PTRDIFF_MAX };

    if (c->o->n < 2 || !before.len || !behind.len)
        return;
    memcpy(both, before.ptr, (size_t)before.len);
    both[before.len] = ' ';
    memcpy(both + before.len + 1, behind.ptr, (size_t)behind.len);
    slice text = slice_make(both, before.len + 1 + behind.len);
    if (count_words(c, text, arena) >= c->o->n)
        shingle_text(&c->shingler, text, &sink.sink, arena);
}

static bool commit_reference(void *arg, const struct flow_record *rec, struct arena *arena,
                             struct flow_verdict *verdict, struct err *err)
{
    struct contains *c = arg;
    const struct reference *r = verdict->data;
    struct shingle_span spans[SHINGLE_BLOCK];
    struct reference_sink sink = { .sink = { .flush = add_block, .spans = spans }, .c = c };

    if (verdict->action != FLOW_KEEP)
        return true;
    if (c->id_count >= UINT32_MAX)
        return err_set(err, ERR_DATA, "more than %u records in the reference", UINT32_MAX);
    if (c->id_count == c->id_cap) {
        c->id_cap = MAX(256, 2 * c->id_cap);
        c->ids = realloc(c->ids, (size_t)c->id_cap * sizeof *c->ids);
        if (!c->ids)
            mem_oom();
    }
    c->ids[c->id_count++] = arena_dup(&c->arena, mode_id_json(rec, FIELD_ID, arena));
    if (r->query.len)
        add_overlap(c, r, arena);
    if (count_words(c, r->text, arena) < c->o->n) {
        c->too_short++;
        return true;
    }
    shingle_text(&c->shingler, r->text, &sink.sink, arena);
    return true;
}

/* ---- looking up ---- */

struct run {
    const struct gram *first;
    int64_t index, grams; /* of the first n-gram in the text, and how many follow each other */
    ptrdiff_t start, end; /* bytes in the text */
};

struct match {
    struct shingle_sink sink;
    const struct contains *c;
    int64_t index;       /* of the next n-gram */
    int64_t words;       /* that are covered */
    int64_t covered_end; /* the word behind the last covered one */
    struct run runs[CONTAINS_EVIDENCE_MAX];
    int64_t run_count; /* may be more than are named */
    uint32_t record;   /* of the newest run */
    bool in_run;       /* the n-gram before this one matched, in the same record */
};

static void look_up(struct shingle_sink *sink)
{
    struct match *m = (struct match *)sink;

    for (int i = 0; i < sink->count; i++, m->index++) {
        const struct gram *g = table_find(m->c, sink->hash[i]);
        if (LIKELY(!g)) {
            m->in_run = false;
            continue;
        }
        int64_t end = m->index + m->c->o->n;
        m->words += end - MAX(m->index, m->covered_end);
        m->covered_end = end;
        if (!m->in_run || g->record != m->record) {
            if (m->run_count < CONTAINS_EVIDENCE_MAX)
                m->runs[m->run_count] =
                    (struct run){ g, m->index, 0, sink->spans[i].start, sink->spans[i].end };
            m->run_count++;
        }
        m->in_run = true;
        m->record = g->record;
        if (m->run_count <= CONTAINS_EVIDENCE_MAX) {
            m->runs[m->run_count - 1].grams++;
            m->runs[m->run_count - 1].end = sink->spans[i].end;
        }
    }
}

static void count_block(struct shingle_sink *sink)
{
    (void)sink;
}

/* Words are counted where the number of n-grams does not say it. */
static int64_t count_words(const struct contains *c, slice text, struct arena *arena)
{
    struct shingler one = c->shingler;
    struct shingle_sink sink = { .flush = count_block };

    one.n = 1;
    return shingle_text(&one, text, &sink, arena);
}

struct found {
    double share;
    int64_t runs;
    slice evidence; /* the members behind "id" */
};

/* "dup_of":ID,"kind":"contains","share":S,"matches":[{"ngram":...,"ref":ID,"offset":N,...},...]} */
static slice evidence(const struct match *m, double share, struct arena *arena)
{
    const struct contains *c = m->c;
    struct buf b = { 0 };
    ptrdiff_t at = 0, named = (ptrdiff_t)MIN(m->run_count, CONTAINS_EVIDENCE_MAX);
    int64_t offset = 0;

    buf_append(&b, SLICE("\"dup_of\":"));
    buf_append(&b, c->ids[m->runs[0].first->record]);
    buf_append(&b, SLICE(",\"kind\":\"contains\",\"share\":"));
    buf_append_double(&b, share);
    buf_printf(&b, ",\"runs\":%" PRId64 ",\"matches\":[", m->run_count);
    for (ptrdiff_t i = 0; i < named; i++) {
        const struct run *r = &m->runs[i];
        slice text = slice_make(m->sink.text.ptr + r->start, r->end - r->start);
        offset += uni_count(slice_make(m->sink.text.ptr + at, r->start - at));
        at = r->start;
        buf_append(&b, i ? SLICE(",{\"ngram\":") : SLICE("{\"ngram\":"));
        json_append_string(&b, text);
        buf_append(&b, SLICE(",\"ref\":"));
        buf_append(&b, c->ids[r->first->record]);
        buf_printf(
            &b, ",\"offset\":%" PRId64 ",\"length\":%td,\"ref_offset\":%u,\"words\":%" PRId64 "}",
            offset, uni_count(text), r->first->offset, r->grams + c->o->n - 1);
    }
    buf_append(&b, SLICE("]}"));
    slice all = arena_dup(arena, buf_slice(&b));
    buf_release(&b);
    return all;
}

static bool work(void *arg, void *scratch, const struct flow_record *rec, struct arena *arena,
                 struct flow_verdict *verdict, struct err *err)
{
    const struct contains *c = arg;
    struct shingle_span spans[SHINGLE_BLOCK];
    struct match m = { .sink = { .flush = look_up, .spans = spans }, .c = c };
    slice text;

    (void)scratch, (void)err;
    if (!flow_text(rec, FIELD_TEXT, arena, &text, verdict))
        return true;
    text = folded(c, text, arena);
    int64_t grams = shingle_text(&c->shingler, text, &m.sink, arena);
    if (!m.run_count || (grams == 1 && count_words(c, text, arena) < c->o->n))
        return true;
    struct found *found = arena_new(arena, struct found, 1);
    found->share = (double)m.words / (double)(grams + c->o->n - 1);
    found->runs = m.run_count;
    if (c->wants_ids)
        found->evidence = evidence(&m, found->share, arena);
    verdict->data = found;
    return true;
}

static void mark(const struct flow_record *rec, slice value, struct arena *arena,
                 struct flow_verdict *verdict)
{
    struct json_edit edit =
        json_edit_set(rec->raw, rec->top, rec->spans[FIELD_MARK], "_dedup", value, arena);
    verdict->out = json_splice(rec->raw, &edit, 1, arena);
}

static bool commit(void *arg, const struct flow_record *rec, struct arena *arena,
                   struct flow_verdict *verdict, struct err *err)
{
    struct contains *c = arg;
    const struct found *found = verdict->data;

    if (verdict->action != FLOW_KEEP)
        return true;
    if (found) {
        c->hit_records++;
        c->hit_runs += found->runs;
    }
    if (!found || found->share <= c->o->max_share) {
        if (c->o->annotate && rec->spans[FIELD_MARK].count)
            mark(rec, SLICE("null"), arena, verdict);
        return true;
    }
    if (c->o->annotate)
        mark(rec, arena_printf(arena, "{%.*s", SLICE_ARG(found->evidence)), arena, verdict);
    else
        verdict->action = FLOW_DROP;
    struct buf b = { 0 };
    buf_append_double(&b, found->share);
    verdict->value = arena_dup(arena, buf_slice(&b));
    buf_clear(&b);
    buf_append_double(&b, c->o->max_share);
    verdict->limit = arena_dup(arena, buf_slice(&b));
    buf_release(&b);
    if (!c->dups)
        return true;
    slice line[] = { SLICE("{\"id\":"), mode_id_json(rec, FIELD_ID, arena), SLICE(","),
                     found->evidence, SLICE("\n") };
    return out_writev(c->dups, line, countof(line), err);
}

/* ---- the run ---- */

static bool prepare(struct contains *c, const struct mode_env *env, struct err *err)
{
    static const struct flow_filter read = { .work = work_reference, .commit = commit_reference };
    const struct contains_options *o = c->o;
    struct out_conf oc = { .path = env->dups, .force = env->flow.force };

    c->shingler = (struct shingler){ .unit = SHINGLE_WORDS, .n = o->n };
    if (o->compat) {
        bool datatrove = strcmp(o->compat, "datatrove") == 0;
        c->shingler.unit = SHINGLE_TOKENS;
        c->fold = peerfold_new(datatrove ? PEERFOLD_DATATROVE : PEERFOLD_GPT3, env->arena);
    }
    shingle_init(&c->shingler, env->arena);
    c->wants_ids = env->dups || o->annotate;
    c->fields[FIELD_TEXT] = (struct flow_field){ o->field, true, FLOW_STRING };
    c->fields[FIELD_ID] = (struct flow_field){ .path = "id" };
    c->fields[FIELD_MARK] = (struct flow_field){ .path = "_dedup" };
    struct flow_field fields[FIELDS] = { c->fields[FIELD_TEXT],
                                         c->fields[FIELD_ID], [FIELD_QUERY] = { .path = "query" } };
    if (!mode_read_reference(env, o->reference, fields, FIELDS, &read, c, err))
        return false;
    if (!c->gram_count)
        return err_set(err, ERR_DATA, "%s: no record has %d words", o->reference, o->n);
    filter_build(c);
    return !env->dups || (c->dups = out_open(&oc, err)) != NULL;
}

static void report(const struct contains *c, struct report *r)
{
    report_int(r, "reference_records", c->id_count, "records of the reference");
    report_int(r, "reference_short_total", c->too_short, "of them, with fewer words than --ngram");
    report_int(r, "reference_ngrams", c->gram_count, "different n-grams of the reference");
    report_int(r, "hit_records_total", c->hit_records, "records with an n-gram of the reference");
    report_int(r, "hit_runs_total", c->hit_runs, "runs of such n-grams");
    report_int(r, "state_bytes",
               c->gram_cap * (int64_t)sizeof *c->grams + c->filter_bits / 8 + c->arena.total_bytes,
               "bytes of n-grams and ids");
}

static void release(struct contains *c)
{
    free(c->grams);
    free(c->filter);
    free(c->ids);
    arena_release(&c->arena);
}

bool contains_run(const struct mode_env *env, const struct contains_options *options,
                  struct err *err)
{
    static const struct flow_filter filter = { .work = work, .commit = commit };
    struct contains c = { .o = options };
    struct flow_conf fc = env->flow;
    struct flow *flow = NULL;
    bool ok = prepare(&c, env, err);

    fc.fields = c.fields;
    fc.field_count = FIELDS;
    fc.rules = rules;
    fc.rule_count = countof(rules);
    ok = ok && (flow = flow_open(&fc, env->report, env->progress, err)) != NULL &&
         flow_filter_run(flow, &filter, &c, err);
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
