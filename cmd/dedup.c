/* dedup: drop records whose key was seen before; the first in input order stays. */
#include "../lib/app.h"
#include "../lib/sig/exact.h"
#include "../lib/sig/key.h"
#include "../lib/sig/mode.h"

struct conf {
    bool exact, trust_hash;
    const char *key, *dups;
    int64_t memory;
};

/* One driver in lib/sig/ per mode; the first is the default. */
enum mode { MODE_EXACT };
#define IN(mode)   (1u << (mode))
#define AT(member) offsetof(struct conf, member)

static const struct opt opts[] = {
    { 0, "exact", OPT_FLAG, AT(exact), .flags = OPT_MODE, .group = "Matching",
      .help = "equal keys are duplicates (the default)" },
    { 'k', "key", OPT_STRING, AT(key), .arg = "KEY", .def = "bytes", .modes = IN(MODE_EXACT),
      .group = "Matching", .help = "what is compared: bytes, normalized, json:PATH" },
    { 0, "trust-hash", OPT_FLAG, AT(trust_hash), .modes = IN(MODE_EXACT), .group = "Matching",
      .help = "compare 128-bit hashes only, keep no keys" },
    { 0, "memory", OPT_SIZE, AT(memory), .arg = "SIZE", .def = "1G", .min = 1 << 20,
      .max = (double)(1LL << 50), .modes = IN(MODE_EXACT), .group = "Matching",
      .help = "for keys; further ones go to a file in $TMPDIR" },
    { 0, "dups", OPT_PATH, AT(dups), .arg = "FILE", .flags = OPT_WRITES, .modes = IN(MODE_EXACT),
      .group = "Output", .help = "write id and kept id of each duplicate to FILE" },
};

static const struct command_mode modes[] = {
    [MODE_EXACT] = { "exact", "drop records whose key was seen before", 0, false },
};

static const char *const synopsis[] = { "[options] [FILE...]", NULL };
static const struct command_example examples[] = {
    { "drop repeated texts", "dedup < in.jsonl > out.jsonl" },
    { "ignore case and white space, list what went",
      "dedup --key normalized --dups dups.jsonl < in.jsonl > out.jsonl" },
    { "one record per id", "dedup --key json:id < in.jsonl > out.jsonl" },
    { 0 },
};

static const struct command self = {
    .name = "dedup",
    .summary = "drop duplicate records",
    .synopsis = synopsis,
    .examples = examples,
    .opts = opts,
    .opt_count = countof(opts),
    .modes = modes,
    .mode_count = countof(modes),
    .common = COMMON_FILTER | COMMON_DROPS,
    .operands = "FILE...",
    .order = "output order = input order; the first of equal records stays",
    .memory = "14 to 21 bytes per distinct record, and --memory for their keys",
    .libraries = "xxHash, utf8proc",
};

static const char *const rules[] = { "exact" };
enum { FIELD_KEY, FIELD_ID };

struct run {
    enum { KEY_BYTES, KEY_NORMALIZED, KEY_JSON } kind;
    const char *path; /* of the key's member */
    struct flow_field fields[2];
    int field_count, id; /* index of the id's member */
    bool wants_ids;
    struct uni_norm *nfc;
    struct exact exact;
    struct out *dups;
};

/* From work to commit. */
struct keyed {
    struct hash128 hash;
    slice key;
};

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
    verdict->data = k;
    return true;
}

static bool commit(void *arg, const struct flow_record *rec, struct arena *arena,
                   struct flow_verdict *verdict, struct err *err)
{
    struct run *r = arg;
    const struct keyed *k = verdict->data;
    struct exact_found found;
    slice id = { 0 };

    if (verdict->action != FLOW_KEEP)
        return true;
    if (r->wants_ids)
        id = mode_id_json(rec, r->id, arena);
    if (!exact_add(&r->exact, k->hash, k->key, id, &found, err))
        return false;
    if (!found.seen)
        return true;
    verdict->action = FLOW_DROP;
    if (!r->wants_ids)
        return true;
    if (!exact_note(&r->exact, &found, arena, &verdict->value, err))
        return false;
    slice line[] = { SLICE("{\"id\":"), id, SLICE(",\"dup_of\":"), verdict->value,
                     SLICE(",\"kind\":\"exact\"}\n") };
    return !r->dups || out_writev(r->dups, line, countof(line), err);
}

static bool parse_key(struct app *app, const struct conf *conf, struct run *r, struct err *err)
{
    r->path = app->common.field;
    if (strcmp(conf->key, "bytes") == 0)
        r->kind = KEY_BYTES;
    else if (strcmp(conf->key, "normalized") == 0)
        r->kind = KEY_NORMALIZED;
    else if (strncmp(conf->key, "json:", 5) == 0 && conf->key[5]) {
        r->kind = KEY_JSON;
        r->path = conf->key + 5;
        if (app_given(app, "field"))
            return err_set(err, ERR_USAGE, "--field has no effect with --key json:PATH");
    } else {
        return err_set(err, ERR_USAGE, "option '--key': %s is not bytes, normalized or json:PATH",
                       ERR_QUOTE(slice_of(conf->key)));
    }
    return true;
}

static bool prepare(struct app *app, const struct conf *conf, struct run *r, struct err *err)
{
    struct out_conf oc = { .path = conf->dups, .force = app->common.force };

    if (conf->trust_hash && app_given(app, "memory"))
        return err_set(err, ERR_USAGE,
                       "--memory has no effect with --trust-hash: it keeps no keys");
    if (!parse_key(app, conf, r, err))
        return false;
    r->wants_ids = conf->dups || app->common.drops;
    r->fields[FIELD_KEY] =
        (struct flow_field){ r->path, true, r->kind == KEY_JSON ? 0 : FLOW_STRING };
    r->field_count = 1;
    if (r->wants_ids && strcmp(r->path, "id") != 0) {
        r->id = FIELD_ID;
        r->fields[r->field_count++] = (struct flow_field){ .path = "id" };
    }
    if (r->kind == KEY_NORMALIZED)
        r->nfc = uni_norm_new(UNI_NFC, &app->arena);
    r->exact.keys.memory_bytes = conf->memory;
    r->exact.trust_hash = conf->trust_hash;
    return !conf->dups || (r->dups = out_open(&oc, err)) != NULL;
}

static void report(struct app *app, const struct conf *conf, const struct run *r)
{
    const struct exact *x = &r->exact;
    int64_t table = exact_table_bytes(x);

    report_text(&app->report, "key", slice_of(conf->key));
    report_int(&app->report, "distinct", x->count, "distinct keys");
    report_int(&app->report, "state_bytes", table, "bytes of the table of hashes");
    report_float(&app->report, "state_bytes_per_record",
                 x->count ? (double)table / (double)x->count : 0,
                 "bytes of the table per distinct record");
    report_int(&app->report, "key_memory_bytes", spill_memory(&x->keys), "bytes of keys in memory");
    report_int(&app->report, "key_disk_bytes", spill_on_disk(&x->keys), "bytes of keys in $TMPDIR");
    report_int(&app->report, "compared_total", x->compared, "comparisons of keys by bytes");
    report_int(&app->report, "collisions_total", x->collisions,
               "comparisons that found different keys");
}

static bool run_exact(struct app *app, const struct conf *conf, struct err *err)
{
    static struct run r;
    static const struct flow_filter filter = { .work = work, .commit = commit };
    struct flow_conf fc = app_flow_conf(app);

    if (!prepare(app, conf, &r, err))
        return false;
    fc.fields = r.fields;
    fc.field_count = r.field_count;
    fc.rules = rules;
    fc.rule_count = countof(rules);
    struct flow *flow = flow_open(&fc, &app->report, &app->progress, err);
    bool ok = flow && flow_filter_run(flow, &filter, &r, err);
    report(app, conf, &r);
    if (ok && r.dups) {
        ok = out_commit(r.dups, err);
        r.dups = NULL;
    }
    if (ok)
        ok = flow_close(flow, err);
    else
        flow_abort(flow);
    out_abort(r.dups);
    exact_release(&r.exact);
    return ok;
}

static bool run(struct app *app, void *arg, struct err *err)
{
    const struct conf *conf = arg;

    switch ((enum mode)app->options.mode) {
    case MODE_EXACT:
        return run_exact(app, conf, err);
    }
    return false;
}

int main(int argc, char **argv)
{
    static struct conf conf;

    return app_run(&self, &conf, argc, argv, run);
}
