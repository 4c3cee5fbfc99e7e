/* dedup: drop records whose key was seen before; the first in input order stays. */
#include "../lib/app.h"
#include "../lib/sig/cluster.h"
#include "../lib/sig/contains.h"
#include "../lib/sig/exactmode.h"
#include "../lib/sig/indexmode.h"
#include "../lib/sig/lsh.h"
#include "../lib/sig/near.h"
#include "../lib/sig/bandrows.h"
#include "../lib/sig/substringmode.h"
#include "../lib/sig/unitmode.h"

struct conf {
    bool exact, trust_hash;
    const char *key, *keep, *dups;
    int64_t memory, hash_bits;

    const char *index, *index_stat, *index_verify, *index_export, *index_merge, *forget;

    const char *unit, *compat, *substring;
    int64_t min_unit_chars;
    int scope, snap;
    bool ranges;

    double near;
    const char *shingle;
    int64_t bands, rows, permutations, max_candidates;
    bool trust_estimate, cluster, annotate;
    bool sign, pairs;
    const char *resolve, *against, *contains;
    int64_t ngram;
    double max_share;
};

/* One driver in lib/sig/ per mode; the first is the default. */
enum mode {
    MODE_EXACT,
    MODE_NEAR,
    MODE_UNIT,
    MODE_CONTAINS,
    MODE_SUBSTRING,
    MODE_INDEX_STAT,
    MODE_INDEX_VERIFY,
    MODE_INDEX_EXPORT,
    MODE_INDEX_MERGE,
    MODE_FORGET,
    MODE_PAIRS,
};
#define IN_KEYED   (IN(MODE_EXACT) | IN(MODE_UNIT))
#define IN_NEARLY  (IN(MODE_NEAR) | IN(MODE_CONTAINS))
#define IN(mode)   (1u << (mode))
#define AT(member) offsetof(struct conf, member)

static const struct opt opts[] = {
    { 0, "exact", OPT_FLAG, AT(exact), .flags = OPT_MODE, .group = "Matching",
      .help = "equal keys are duplicates (the default)" },
    { 'k', "key", OPT_STRING, AT(key), .arg = "KEY", .def = "bytes", .modes = IN_KEYED,
      .group = "Matching", .help = "what is compared: bytes, normalized, json:PATH" },
    { 0, "keep", OPT_STRING, AT(keep), .arg = "WHICH", .def = "first",
      .modes = IN_KEYED | IN(MODE_SUBSTRING), .group = "Matching",
      .help = "first, last, none, max:FIELD or min:FIELD" },
    { 0, "trust-hash", OPT_FLAG, AT(trust_hash), .modes = IN_KEYED, .group = "Matching",
      .help = "compare 128-bit hashes only, keep no keys" },
    { 0, "memory", OPT_SIZE, AT(memory), .arg = "SIZE", .def = "1G", .min = 4 << 20,
      .max = (double)(1LL << 50), .modes = IN_KEYED | IN(MODE_SUBSTRING), .group = "Matching",
      .help = "for all state; what exceeds it is sorted in $TMPDIR" },
    { 0, "hash-bits", OPT_INT, AT(hash_bits), .arg = "N", .min = 1, .max = 63, .flags = OPT_HIDDEN,
      .modes = IN_KEYED, .group = "Matching",
      .help = "weaken the hash to N bits: tests that bytes decide" },
    { 0, "index", OPT_PATH, AT(index), .arg = "DIR",
      .modes = IN(MODE_EXACT) | IN(MODE_NEAR) | IN(MODE_FORGET), .group = "Index",
      .complete = OPT_COMPLETE_DIR, .help = "drop what earlier runs had; add the rest to DIR" },
    { 0, "forget", OPT_PATH, AT(forget), .arg = "FILE", .flags = OPT_MODE, .group = "Index",
      .help = "remove the ids in FILE from --index DIR" },
    { 0, "index-stat", OPT_PATH, AT(index_stat), .arg = "DIR", .flags = OPT_MODE, .group = "Index",
      .complete = OPT_COMPLETE_DIR, .help = "print what an index holds, as JSON" },
    { 0, "index-verify", OPT_PATH, AT(index_verify), .arg = "DIR", .flags = OPT_MODE,
      .group = "Index", .complete = OPT_COMPLETE_DIR,
      .help = "the same, after checking every page and record" },
    { 0, "index-export", OPT_PATH, AT(index_export), .arg = "DIR", .flags = OPT_MODE,
      .group = "Index", .complete = OPT_COMPLETE_DIR,
      .help = "print key, run and id of every record" },
    { 0, "index-merge", OPT_PATH, AT(index_merge), .arg = "DIR", .flags = OPT_MODE,
      .group = "Index", .complete = OPT_COMPLETE_DIR,
      .help = "add the indexes given as operands to DIR" },
    { 0, "unit", OPT_STRING, AT(unit), .arg = "UNIT", .flags = OPT_MODE, .group = "Parts of texts",
      .help = "drop repeated line, paragraph or sentences:N" },
    { 0, "scope", OPT_ENUM, AT(scope), .arg = "SCOPE", .def = "global",
      .choices = "global|document", .modes = IN(MODE_UNIT), .group = "Parts of texts",
      .help = "repeats in all texts, or in one text" },
    { 0, "min-unit-chars", OPT_INT, AT(min_unit_chars), .arg = "N", .def = "1", .min = 0,
      .max = 1e9, .modes = IN(MODE_UNIT), .group = "Parts of texts",
      .help = "shorter units stay and count for nothing" },
    { 0, "substring", OPT_STRING, AT(substring), .arg = "N[:UNIT]", .flags = OPT_MODE,
      .group = "Parts of texts", .help = "cut repeats of at least N bytes, N:chars or N:words" },
    { 0, "snap", OPT_ENUM, AT(snap), .arg = "TO", .def = "chars", .choices = "chars|words",
      .modes = IN(MODE_SUBSTRING), .group = "Parts of texts",
      .help = "where repeats may begin and end" },
    { 0, "compat", OPT_STRING, AT(compat), .arg = "PEER",
      .choices = "ccnet|dolma|gpt3|" COMPAT_NAMES,
      .modes = IN(MODE_UNIT) | IN(MODE_NEAR) | IN(MODE_CONTAINS), .group = "Matching",
      .help = "match as another tool does" },
    { 0, "against", OPT_PATH, AT(against), .arg = "REF", .modes = IN(MODE_EXACT) | IN(MODE_NEAR),
      .group = "Matching", .help = "drop what matches a record of REF, no other" },
    { 0, "near", OPT_FLOAT, AT(near), .arg = "T", .min = 0.01, .max = 1, .flags = OPT_MODE,
      .group = "Near duplicates", .help = "a Jaccard similarity of at least T is a duplicate" },
    { 0, "shingle", OPT_STRING, AT(shingle), .arg = "UNIT:N", .def = "words:5",
      .modes = IN(MODE_NEAR), .group = "Near duplicates",
      .help = "what sets are made of: words:N, chars:N, ids:N" },
    { 0, "permutations", OPT_INT, AT(permutations), .arg = "N", .def = "112", .min = 1, .max = 4096,
      .modes = IN(MODE_NEAR), .group = "Near duplicates",
      .help = "at most N minima; bands and rows are best for T" },
    { 0, "bands", OPT_INT, AT(bands), .arg = "N", .min = 1, .max = 4096, .modes = IN(MODE_NEAR),
      .needs = "rows", .group = "Near duplicates", .help = "bands of the signature" },
    { 0, "rows", OPT_INT, AT(rows), .arg = "N", .min = 1, .max = 4096, .modes = IN(MODE_NEAR),
      .needs = "bands", .group = "Near duplicates", .help = "minima per band" },
    { 0, "trust-estimate", OPT_FLAG, AT(trust_estimate), .modes = IN(MODE_NEAR),
      .group = "Near duplicates", .help = "decide by equal minima, do not verify" },
    { 0, "max-candidates", OPT_INT, AT(max_candidates), .arg = "N", .def = "200", .min = 1,
      .max = 1e9, .modes = IN(MODE_NEAR), .group = "Near duplicates",
      .help = "compare a record with at most N others" },
    { 0, "sign", OPT_FLAG, AT(sign), .modes = IN(MODE_NEAR), .group = "In steps",
      .help = "write rows of band keys, to be sorted" },
    { 0, "pairs", OPT_FLAG, AT(pairs), .flags = OPT_MODE, .group = "In steps",
      .help = "keep the sorted rows that records share" },
    { 0, "resolve", OPT_PATH, AT(resolve), .arg = "ROWS", .modes = IN(MODE_NEAR),
      .group = "In steps", .help = "compare the records that ROWS bring together" },
    { 0, "contains", OPT_PATH, AT(contains), .arg = "REF", .flags = OPT_MODE,
      .group = "Decontamination", .help = "drop what holds word n-grams of REF" },
    { 0, "ngram", OPT_INT, AT(ngram), .arg = "N", .def = "13", .min = 1, .max = 64,
      .modes = IN(MODE_CONTAINS), .group = "Decontamination", .help = "words of an n-gram" },
    { 0, "max-share", OPT_FLOAT, AT(max_share), .arg = "P", .def = "0", .min = 0, .max = 1,
      .modes = IN(MODE_CONTAINS), .group = "Decontamination",
      .help = "drop when more than P of the words are in them" },
    { 0, "cluster", OPT_FLAG, AT(cluster), .modes = IN(MODE_NEAR), .group = "Output",
      .help = "drop nothing, give every record its cluster" },
    { 0, "annotate", OPT_FLAG, AT(annotate), .modes = IN_NEARLY, .group = "Output",
      .help = "mark duplicates by a member _dedup, drop nothing" },
    { 0, "ranges", OPT_FLAG, AT(ranges), .modes = IN(MODE_UNIT) | IN(MODE_SUBSTRING),
      .group = "Output", .help = "mark repeats by a member _dedup, cut nothing" },
    { 0, "dups", OPT_PATH, AT(dups), .arg = "FILE", .flags = OPT_WRITES,
      .modes = IN_KEYED | IN_NEARLY, .group = "Output",
      .help = "write id and kept id of each duplicate to FILE" },
};

#define NO_RECORDS                                                                                 \
    (COMMON_INPUT | COMMON_RECORDS | COMMON_DROPS | COMMON_JOBS | COMMON_PROGRESS | COMMON_PART)
static const struct command_mode modes[] = {
    [MODE_EXACT] = { "exact", "drop records whose key was seen before", 0, false },
    [MODE_NEAR] = { "near", "drop records that are similar to an earlier one", 0, false },
    [MODE_UNIT] = { "unit", "cut repeated lines, paragraphs or sentences out of texts", 0, false },
    [MODE_PAIRS] = { "pairs", "keep rows of keys that several records have",
                     COMMON_RECORDS | COMMON_DROPS | COMMON_JOBS | COMMON_PROGRESS | COMMON_PART,
                     false },
    [MODE_CONTAINS] = { "contains", "drop records that hold n-grams of a reference", 0, false },
    [MODE_SUBSTRING] = { "substring", "cut what occurs twice out of texts", 0, false },
    [MODE_INDEX_STAT] = { "index-stat", "describe an index", NO_RECORDS, true },
    [MODE_INDEX_VERIFY] = { "index-verify", "check an index", NO_RECORDS, true },
    [MODE_INDEX_EXPORT] = { "index-export", "print an index as records", NO_RECORDS, true },
    [MODE_INDEX_MERGE] = { "index-merge", "add indexes to an index", NO_RECORDS | COMMON_OUTPUT,
                           false },
    [MODE_FORGET] = { "forget", "remove ids from an index", NO_RECORDS | COMMON_OUTPUT, true },
};

static const char *const synopsis[] = { "[options] [FILE...]",
                                        "--index DIR [options] [FILE...]",
                                        "--index DIR --forget FILE",
                                        "--index-stat|--index-verify|--index-export DIR",
                                        "--index-merge DIR DIR...",
                                        "--pairs [FILE...]",
                                        NULL };
static const struct command_example examples[] = {
    { "drop repeated texts", "dedup < in.jsonl > out.jsonl" },
    { "ignore case and white space, list what went",
      "dedup --key normalized --dups dups.jsonl < in.jsonl > out.jsonl" },
    { "the longest record of each url",
      "dedup --key json:url --keep max:length < in.jsonl > out.jsonl" },
    { "near duplicates, by 5-word shingles",
      "dedup --near 0.8 --dups near.jsonl < in.jsonl > out2.jsonl" },
    { "cut what repeats at least 50 words", "dedup --substring 50:words < in.jsonl > out.jsonl" },
    { "what is new since yesterday", "dedup --index seen < today.jsonl > new.jsonl" },
    { "drop repeated lines, whatever page they are on",
      "dedup --unit line < in.jsonl > out.jsonl" },
    { "decontaminate, and see why",
      "dedup --contains ref.jsonl --dups leaks.jsonl < in.jsonl > clean.jsonl" },
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
    .order = "output order = input order; --keep says which of equal records stays",
    .memory = "--memory, of which a distinct record takes 14 to 21 bytes, and batches",
    .libraries = "xxHash, utf8proc, LMDB, libdivsufsort",
};

static bool run_exact(struct app *app, const struct conf *conf, struct err *err)
{
    struct mode_env env = { app_flow_conf(app), &app->report, &app->progress, &app->arena,
                            conf->dups };
    struct exact_options o = {
        .key = conf->key,
        .keep = conf->keep,
        .field = app->common.field,
        .trust_hash = conf->trust_hash,
        .field_given = app_given(app, "field"),
        .memory = conf->memory,
        .hash_bits = conf->hash_bits,
        .against = conf->against,
        .index = conf->index,
    };

    if (conf->against && app_given(app, "keep"))
        return err_set(err, ERR_USAGE, "--keep has no effect with --against");
    return exact_run(&env, &o, err);
}

static bool run_index(struct app *app, const struct conf *conf, struct err *err)
{
    struct index_task t = {
        .sources = app->options.operands,
        .source_count = app->options.operand_count,
        .output = app->common.output,
        .compress = app->common.compress,
        .force = app->common.force,
        .forget = conf->forget,
    };

    switch ((enum mode)app->options.mode) {
    case MODE_INDEX_STAT:
        t.what = INDEX_STAT;
        t.path = conf->index_stat;
        break;
    case MODE_INDEX_VERIFY:
        t.what = INDEX_VERIFY;
        t.path = conf->index_verify;
        break;
    case MODE_INDEX_EXPORT:
        t.what = INDEX_EXPORT;
        t.path = conf->index_export;
        break;
    case MODE_INDEX_MERGE:
        t.what = INDEX_MERGE;
        t.path = conf->index_merge;
        break;
    default:
        t.what = INDEX_FORGET;
        t.path = conf->index;
    }
    if (!t.path)
        return err_set(err, ERR_USAGE, "--forget needs --index DIR");
    return index_task_run(&t, &app->report, err);
}

static bool run_unit(struct app *app, const struct conf *conf, struct err *err)
{
    struct mode_env env = { app_flow_conf(app), &app->report, &app->progress, &app->arena,
                            conf->dups };
    struct unit_options o = {
        .unit = conf->unit,
        .field = app->common.field,
        .key = conf->key,
        .keep = conf->keep,
        .compat = conf->compat,
        .trust_hash = conf->trust_hash,
        .document = conf->scope == 1,
        .ranges = conf->ranges,
        .min_given = app_given(app, "min-unit-chars"),
        .key_given = app_given(app, "key"),
        .keep_given = app_given(app, "keep"),
        .memory_given = app_given(app, "memory"),
        .memory = conf->memory,
        .hash_bits = conf->hash_bits,
        .min_chars = conf->min_unit_chars,
    };

    return unit_run(&env, &o, err);
}

/* --sign and --resolve are steps of the plain form. */
static bool check_steps(struct app *app, const struct conf *c, struct err *err)
{
    static const char *const not_signing[] = { "trust-estimate", "max-candidates", "annotate",
                                               "dups",           "drops",          "resolve" };
    static const char *const not_stepwise[] = { "cluster", "against" };
    const char *step = c->sign ? "sign" : c->resolve ? "resolve" : NULL;

    for (ptrdiff_t i = 0; i < countof(not_signing) && c->sign; i++)
        if (app_given(app, not_signing[i]))
            return err_set(err, ERR_USAGE, "--%s has no effect with --sign", not_signing[i]);
    for (ptrdiff_t i = 0; i < countof(not_stepwise) && step; i++)
        if (app_given(app, not_stepwise[i]))
            return err_set(err, ERR_USAGE, "--%s has no effect with --%s", not_stepwise[i], step);
    return true;
}

/* --near --compat: everything that decides is the other tool's. */
static bool check_compat(struct app *app, const struct conf *c, struct near_options *o,
                         struct compat *compat, struct err *err)
{
    static const char *const not_compat[] = { "trust-estimate", "annotate", "against", "resolve",
                                              "max-candidates" };
    int permutations, bands, rows;

    for (ptrdiff_t i = 0; i < countof(not_compat); i++)
        if (app_given(app, not_compat[i]))
            return err_set(err, ERR_USAGE, "--%s has no effect with --near and --compat",
                           not_compat[i]);
    if (!compat_parse(c->compat, compat))
        return err_set(err, ERR_USAGE, "--compat %s knows no near duplicates", c->compat);
    if (app_given(app, "shingle")) {
        bool chars = o->signing.shingler.unit == SHINGLE_CHARS;
        if (strcmp(compat_unit(compat), chars ? "chars" : "words") != 0 ||
            o->signing.shingler.unit == SHINGLE_IDS)
            return err_set(err, ERR_USAGE, "--compat %s takes --shingle %s:N", c->compat,
                           compat_unit(compat));
        compat->n = o->signing.shingler.n;
    }
    compat_defaults(compat, &permutations, &bands, &rows);
    if (app_given(app, "permutations"))
        permutations = (int)c->permutations;
    else if (c->bands)
        permutations = (int)(c->bands * c->rows);
    if (c->bands * c->rows > permutations)
        return err_set(err, ERR_USAGE, "--bands times --rows is more than --permutations");
    if (!c->bands && bands && !app_given(app, "permutations")) {
        o->signing.bands = bands;
        o->signing.rows = rows;
    } else if (!c->bands) {
        lsh_optimal(c->near, permutations, &o->signing.bands, &o->signing.rows);
    }
    o->signing.compat = compat;
    o->signing.permutations = permutations;
    o->signing.shingle = c->compat;
    o->decide = PAIRING_BANDS;
    return true;
}

static bool check_near(struct app *app, const struct conf *c, struct near_options *o,
                       struct compat *compat, struct err *err)
{
    if (!shingle_parse(c->shingle, &o->signing.shingler, err))
        return err_context(err, "option '--shingle'");
    if (!check_steps(app, c, err))
        return false;
    if (c->annotate && c->cluster)
        return err_set(err, ERR_USAGE, "--annotate and --cluster exclude each other");
    if (c->cluster && c->against)
        return err_set(err, ERR_USAGE, "--against and --cluster exclude each other");
    if ((c->annotate || c->cluster) && app->common.drops)
        return err_set(err, ERR_USAGE, "--drops has no effect with --%s: nothing is dropped",
                       c->cluster ? "cluster" : "annotate");
    if (c->bands && app_given(app, "permutations") && !c->compat)
        return err_set(err, ERR_USAGE, "--permutations has no effect with --bands and --rows");
    if (c->bands * c->rows > LSH_PERMUTATIONS_MAX)
        return err_set(err, ERR_USAGE, "--bands times --rows is more than %d",
                       LSH_PERMUTATIONS_MAX);
    if (c->compat)
        return check_compat(app, c, o, compat, err);
    if (!c->bands)
        lsh_optimal(c->near, (int)c->permutations, &o->signing.bands, &o->signing.rows);
    if (o->signing.shingler.unit == SHINGLE_IDS && !app_given(app, "field"))
        o->signing.field = "ids";
    return true;
}

static bool run_near(struct app *app, const struct conf *c, struct err *err)
{
    struct mode_env env = { app_flow_conf(app), &app->report, &app->progress, &app->arena,
                            c->dups };
    struct compat compat;
    struct near_options o = { .threshold = c->near,
                              .signing = { .shingle = c->shingle,
                                           .bands = (int)c->bands,
                                           .rows = (int)c->rows,
                                           .field = app->common.field },
                              .decide = c->trust_estimate ? PAIRING_ESTIMATE : PAIRING_VERIFY,
                              .annotate = c->annotate,
                              .sign = c->sign,
                              .resolve = c->resolve,
                              .against = c->against,
                              .index = c->index,
                              .max_candidates = c->max_candidates };

    if (!check_near(app, c, &o, &compat, err))
        return false;
    if (c->index && (c->cluster || c->compat))
        return err_set(err, ERR_USAGE, "--cluster and --compat do not go with --index");
    if (c->cluster || (c->compat && !c->sign))
        return cluster_run(&env, &o, !c->cluster, err);
    return near_run(&env, &o, err);
}

static bool run_pairs(struct app *app, struct err *err)
{
    struct flow_conf fc = app_flow_conf(app);
    struct out_conf out = { .path = fc.output, .compress = fc.compress, .force = fc.force };

    return bandrows_pairs(&fc.in, &out, &app->report, err);
}

static bool run_contains(struct app *app, const struct conf *c, struct err *err)
{
    struct mode_env env = { app_flow_conf(app), &app->report, &app->progress, &app->arena,
                            c->dups };
    struct contains_options o = { c->contains, (int)c->ngram,     c->max_share,
                                  c->annotate, app->common.field, c->compat };

    if (c->annotate && app->common.drops)
        return err_set(err, ERR_USAGE, "--drops has no effect with --annotate: nothing is dropped");
    if (c->compat && !contains_compat_n(c->compat))
        return err_set(err, ERR_USAGE, "--contains knows --compat gpt3 and datatrove");
    if (c->compat && !app_given(app, "ngram"))
        o.n = contains_compat_n(c->compat);
    return contains_run(&env, &o, err);
}

static bool run_substring(struct app *app, const struct conf *conf, struct err *err)
{
    struct mode_env env = { app_flow_conf(app), &app->report, &app->progress, &app->arena, NULL };
    struct substring_options o = {
        .what = conf->substring,
        .field = app->common.field,
        .keep = conf->keep,
        .ranges = conf->ranges,
        .snap_words = conf->snap == 1,
        .memory = conf->memory,
    };

    return substring_run(&env, &o, err);
}

static bool run(struct app *app, void *arg, struct err *err)
{
    const struct conf *conf = arg;

    switch ((enum mode)app->options.mode) {
    case MODE_EXACT:
        return run_exact(app, conf, err);
    case MODE_NEAR:
        return run_near(app, conf, err);
    case MODE_UNIT:
        return run_unit(app, conf, err);
    case MODE_PAIRS:
        return run_pairs(app, err);
    case MODE_CONTAINS:
        return run_contains(app, conf, err);
    case MODE_SUBSTRING:
        return run_substring(app, conf, err);
    case MODE_INDEX_STAT:
    case MODE_INDEX_VERIFY:
    case MODE_INDEX_EXPORT:
    case MODE_INDEX_MERGE:
    case MODE_FORGET:
        return run_index(app, conf, err);
    }
    return false;
}

int main(int argc, char **argv)
{
    static struct conf conf;

    return app_run(&self, &conf, argc, argv, run);
}
