/* clean: edit the text of records and drop records by rules. */
#include "../lib/app.h"
#include "../lib/in.h"
#include "../lib/log.h"
#include "../lib/os.h"
#include "../lib/regex.h"
#include "../lib/text/cleaning.h"
#include "../lib/unicode.h"

struct conf {
    struct text_edit edit;
    struct repair repair;
    bool fix_encoding;
    int quotes, dashes;
    const char *phrase_file;
    int normalize;
    int64_t min_chars, max_chars;
    struct opt_list subs, keep_if, drop_if, keep_match, drop_match, off, set;
    const char *profile;
    int words, sentences;
    bool explain, annotate, list_rules;
    const char *lang, *lang_model, *model, *model_label;
    double lang_min, model_min;
    const char *url_field, *erase, *audit;
    struct opt_list lists[LIST_KINDS];
    const char *redact, *key_file, *redact_map, *restore;
    int redact_with;
    bool spans, list_kinds;
    int64_t max_matches;
};

#define PHRASES_MAX (1 << 20) /* bytes of --drop-phrase-lines */

#define AT(member)  offsetof(struct conf, member)

#define URL_LISTS                                                                                  \
    "block-domains|block-hosts|block-urls|block-url-words|block-url-soft-words|block-url-subwords"

static const struct opt opts[] = {
    { 0, "fix-encoding", OPT_FLAG, AT(fix_encoding), .group = "Text",
      .help = "undo UTF-8 that was read as something else" },
    { 0, "normalize", OPT_ENUM, AT(normalize), .arg = "FORM", .def = "none",
      .choices = "none|nfc|nfkc", .group = "Text", .help = "Unicode normal form" },
    { 0, "newlines", OPT_ENUM, AT(edit.newlines), .arg = "HOW", .def = "keep",
      .choices = "keep|lf|all", .group = "Text",
      .help = "lf: CR LF, CR to LF; all: VT FF U+0085 U+2028-9 too" },
    { 0, "strip-control", OPT_FLAG, AT(edit.strip_control), .group = "Text",
      .help = "remove control characters that are not white space" },
    { 0, "strip-zero-width", OPT_FLAG, AT(edit.strip_zero_width), .group = "Text",
      .help = "remove U+180E, U+200B-200D, U+2060, U+FEFF" },
    { 0, "strip-bidi", OPT_FLAG, AT(edit.strip_bidi), .group = "Text",
      .help = "remove bidirectional marks and overrides" },
    { 0, "strip-bom", OPT_FLAG, AT(edit.strip_bom), .group = "Text",
      .help = "remove U+FEFF in front of the text" },
    { 0, "strip-soft-hyphen", OPT_FLAG, AT(edit.strip_soft_hyphen), .group = "Text",
      .help = "remove U+00AD" },
    { 0, "strip-html", OPT_FLAG, AT(repair.html), .group = "Text",
      .help = "remove tags; &nbsp; &quot; &apos; to characters" },
    { 0, "strip-markdown", OPT_FLAG, AT(repair.markdown), .group = "Text",
      .help = "remove marks of bold, italic, links" },
    { 0, "quotes", OPT_ENUM, AT(quotes), .arg = "HOW", .def = "keep", .choices = "keep|ascii",
      .group = "Text", .help = "curly quotes to ' and \"" },
    { 0, "dashes", OPT_ENUM, AT(dashes), .arg = "HOW", .def = "keep", .choices = "keep|ascii",
      .group = "Text", .help = "dashes of all lengths and the minus to -" },
    { 0, "strip-bullets", OPT_FLAG, AT(repair.bullets), .group = "Text",
      .help = "remove bullets in front of lines" },
    { 0, "max-repeat", OPT_INT, AT(repair.max_repeat), .arg = "N", .min = 1, .max = 1e15,
      .group = "Text", .help = "keep N of more equal characters in a row" },
    { 0, "drop-url-lines", OPT_FLAG, AT(repair.url_lines), .group = "Text",
      .help = "remove lines that are one URL" },
    { 0, "drop-phrase-lines", OPT_PATH, AT(phrase_file), .arg = "FILE", .group = "Text",
      .help = "remove lines with a phrase of FILE, one a line" },
    { 0, "c4-lines", OPT_FLAG, AT(repair.c4_lines), .group = "Text",
      .help = "apply C4's line rules without its page rules" },
    { 0, "sub", OPT_STRING, AT(subs), .arg = "/RE/TEXT/FLAGS", .flags = OPT_REPEAT, .group = "Text",
      .help = "replace matches; flags g i s m x u" },
    { 0, "collapse-space", OPT_FLAG, AT(edit.collapse_space), .group = "Text",
      .help = "make runs of TAB and spaces of all kinds one space" },
    { 0, "trim-lines", OPT_FLAG, AT(edit.trim_lines), .group = "Text",
      .help = "remove white space at both ends of every line" },
    { 0, "max-newlines", OPT_INT, AT(edit.max_newlines), .arg = "N", .min = 1, .max = 1e15,
      .group = "Text", .help = "keep N of more line breaks in a row" },
    { 0, "trim", OPT_FLAG, AT(edit.trim), .group = "Text",
      .help = "remove white space at both ends of the text" },
    { 0, "keep-if", OPT_STRING, AT(keep_if), .arg = "'PATH OP VALUE'", .flags = OPT_REPEAT,
      .group = "Rules", .help = "drop records for which this is not true" },
    { 0, "drop-if", OPT_STRING, AT(drop_if), .arg = "'PATH OP VALUE'", .flags = OPT_REPEAT,
      .group = "Rules", .help = "drop records for which this is true" },
    { 0, "keep-match", OPT_STRING, AT(keep_match), .arg = "[PATH:]RE", .flags = OPT_REPEAT,
      .group = "Rules", .help = "drop records that RE does not match" },
    { 0, "drop-match", OPT_STRING, AT(drop_match), .arg = "[PATH:]RE", .flags = OPT_REPEAT,
      .group = "Rules", .help = "drop records that RE matches" },
    { 0, "min-chars", OPT_INT, AT(min_chars), .arg = "N", .min = 0, .max = 1e15, .group = "Rules",
      .help = "drop texts of fewer code points" },
    { 0, "max-chars", OPT_INT, AT(max_chars), .arg = "N", .min = 0, .max = 1e15, .group = "Rules",
      .help = "drop texts of more code points" },
    { 0, "profile", OPT_STRING, AT(profile), .arg = "NAME", .group = "Quality",
      .help = "gopher c4 fineweb dolma dclm redpajama curator" },
    { 0, "words", OPT_ENUM, AT(words), .arg = "HOW", .def = "profile",
      .choices = "profile|spacy-en|whitespace|white_space|uax29", .group = "Quality",
      .needs = "profile", .help = "what cuts words" },
    { 0, "sentences", OPT_ENUM, AT(sentences), .arg = "HOW", .def = "sentencizer",
      .choices = "sentencizer|marks", .group = "Quality", .needs = "profile",
      .help = "spaCy's sentencizer, or count . ! and ?" },
    { 0, "set", OPT_STRING, AT(set), .arg = "RULE=LIMIT", .flags = OPT_REPEAT, .group = "Quality",
      .needs = "profile", .help = "change the limit of a rule" },
    { 0, "off", OPT_STRING, AT(off), .arg = "RULE", .flags = OPT_REPEAT, .group = "Quality",
      .needs = "profile", .help = "leave out a rule, or all of a group" },
    { 0, "explain", OPT_FLAG, AT(explain), .group = "Quality",
      .help = "add _clean: every rule's value and limit" },
    { 0, "annotate", OPT_FLAG, AT(annotate), .group = "Quality",
      .help = "the same, and keep what a rule would drop" },
    { 0, "lang", OPT_STRING, AT(lang), .arg = "LIST", .group = "Language",
      .help = "drop other languages: en,pt or any" },
    { 0, "lang-min", OPT_FLOAT, AT(lang_min), .arg = "P", .min = 0, .max = 1, .group = "Language",
      .needs = "lang", .help = "drop texts whose language is less probable" },
    { 0, "lang-model", OPT_PATH, AT(lang_model), .arg = "FILE", .group = "Language",
      .needs = "lang", .help = "fastText model instead of our own: lid.176.bin" },
    { 'm', "model", OPT_PATH, AT(model), .arg = "FILE", .group = "Language",
      .help = "fastText model that scores texts, .bin or .ftz" },
    { 0, "model-label", OPT_STRING, AT(model_label), .arg = "L", .group = "Language",
      .needs = "model", .help = "the label whose probability is the score" },
    { 0, "model-min", OPT_FLOAT, AT(model_min), .arg = "P", .min = 0, .max = 1, .group = "Language",
      .needs = "model", .help = "drop texts with a lower score" },
    { 0, "url-field", OPT_FIELD, AT(url_field), .arg = "PATH", .group = "Lists", .needs = URL_LISTS,
      .help = "the member that holds the URL" },
    { 0, "block-domains", OPT_PATH, AT(lists[LIST_DOMAINS]), .arg = "FILE", .flags = OPT_REPEAT,
      .group = "Lists", .needs = "url-field", .help = "drop URLs of these registered domains" },
    { 0, "block-hosts", OPT_PATH, AT(lists[LIST_HOSTS]), .arg = "FILE", .flags = OPT_REPEAT,
      .group = "Lists", .needs = "url-field", .help = "drop URLs of these hosts" },
    { 0, "block-urls", OPT_PATH, AT(lists[LIST_URLS]), .arg = "FILE", .flags = OPT_REPEAT,
      .group = "Lists", .needs = "url-field", .help = "drop these URLs" },
    { 0, "block-url-words", OPT_PATH, AT(lists[LIST_URL_WORDS]), .arg = "FILE", .flags = OPT_REPEAT,
      .group = "Lists", .needs = "url-field", .help = "drop URLs with one of these words" },
    { 0, "block-url-soft-words", OPT_PATH, AT(lists[LIST_SOFT_WORDS]), .arg = "FILE",
      .flags = OPT_REPEAT, .group = "Lists", .needs = "url-field",
      .help = "drop URLs with two of these words" },
    { 0, "block-url-subwords", OPT_PATH, AT(lists[LIST_SUBWORDS]), .arg = "FILE",
      .flags = OPT_REPEAT, .group = "Lists", .needs = "url-field",
      .help = "drop URLs that hold one, across - / . too" },
    { 0, "bad-words", OPT_PATH, AT(lists[LIST_BAD_WORDS]), .arg = "[LANG:]FILE",
      .flags = OPT_REPEAT, .group = "Lists", .help = "drop texts with one of these words" },
    { 0, "erase", OPT_PATH, AT(erase), .arg = "FILE", .group = "Lists",
      .help = "drop records of these ids or PATH=VALUE lines" },
    { 0, "audit", OPT_PATH, AT(audit), .arg = "FILE", .flags = OPT_WRITES, .group = "Lists",
      .needs = "erase", .help = "write a line for each record erased" },
    { 0, "redact", OPT_STRING, AT(redact), .arg = "KINDS", .group = "Personal data",
      .help = "what to redact: kinds with commas between, or all" },
    { 0, "redact-with", OPT_ENUM, AT(redact_with), .arg = "HOW", .def = "tag",
      .choices = "tag|mask|hash|drop|keep|datatrove|dolma", .group = "Personal data",
      .needs = "redact", .help = "what stands in its place" },
    { 0, "key-file", OPT_PATH, AT(key_file), .arg = "FILE", .group = "Personal data",
      .needs = "redact", .help = "secret key of --redact-with hash" },
    { 0, "spans", OPT_FLAG, AT(spans), .group = "Personal data", .needs = "redact",
      .help = "add _clean.spans: kinds and places, before redaction" },
    { 0, "max-matches", OPT_INT, AT(max_matches), .arg = "N", .min = 0, .max = 1e15,
      .group = "Personal data", .needs = "redact", .help = "drop records with more matches" },
    { 0, "redact-map", OPT_PATH, AT(redact_map), .arg = "FILE", .flags = OPT_WRITES,
      .group = "Personal data", .needs = "redact", .help = "write tokens and texts, mode 0600" },
    { 0, "restore", OPT_PATH, AT(restore), .arg = "FILE", .group = "Personal data",
      .help = "put back the texts of a --redact-map FILE" },
    { 0, "list-kinds", OPT_FLAG, AT(list_kinds), .flags = OPT_MODE, .group = "Personal data",
      .help = "print what --redact knows and exit" },
    { 0, "list-rules", OPT_FLAG, AT(list_rules), .flags = OPT_MODE, .group = "Quality",
      .help = "print the rules of all profiles and exit" },
};

static const struct command_mode modes[] = {
    { .summary = "edit and drop records" },
    { .option = "list-rules",
      .summary = "print the rules of the profiles",
      .common_off = COMMON_FILTER | COMMON_DROPS,
      .no_operands = true },
    { .option = "list-kinds",
      .summary = "print the kinds of personal data",
      .common_off = COMMON_FILTER | COMMON_DROPS,
      .no_operands = true },
};

static const char *const synopsis[] = { "[options] [FILE...]", "--list-rules", "--list-kinds",
                                        NULL };
static const struct command_example examples[] = {
    { "normal form, tidy white space",
      "clean --normalize nfc --collapse-space --trim < in.jsonl > out.jsonl" },
    { "drop short texts, keep them with the reason",
      "clean --min-chars 20 --drops short.jsonl < in.jsonl > out.jsonl" },
    { "by members of the record",
      "clean --keep-if 'lang == \"en\"' --drop-match 'url:(?i)casino' < in.jsonl" },
    { "the rules of FineWeb, with the values of each",
      "clean --profile fineweb --explain --drops low.jsonl < in.jsonl > out.jsonl" },
    { "e-mail addresses and the like become tags", "clean --redact all < in.jsonl > out.jsonl" },
    { "replace numbers", "clean --sub '/\\d+(,\\d+)*/<NUMBER>/g' < in.jsonl > out.jsonl" },
    { 0 },
};

static const struct command self = {
    .name = "clean",
    .summary = "edit the text of records and drop records by rules",
    .synopsis = synopsis,
    .examples = examples,
    .opts = opts,
    .opt_count = countof(opts),
    .modes = modes,
    .mode_count = countof(modes),
    .common = COMMON_FILTER | COMMON_DROPS,
    .operands = "FILE...",
    .order = "output order = input order",
    .memory = "(2 * jobs + 2) * (1 MiB + 2 * longest record), whatever the input's size",
    .libraries = "PCRE2, utf8proc",
};

struct run {
    struct clean clean;
    struct quality quality;
    struct redact redact;
    slice lang_file, lang_model_file, model_file;
    struct redact_turns turns;
    struct lists *lists;
    struct out *map, *audit; /* of --redact-map and --audit */
    struct clean_counts total;
};

static bool work(void *arg, void *scratch, const struct flow_record *rec, struct arena *arena,
                 struct flow_verdict *verdict, struct err *err)
{
    struct run *r = arg;
    struct clean_verdict v = { 0 };

    (void)err;
    clean_record(&r->clean, scratch, rec->raw, rec->top, rec->spans, arena, &v);
    *verdict = (struct flow_verdict){ .action = v.action == CLEAN_KEEP   ? FLOW_KEEP
                                                : v.action == CLEAN_DROP ? FLOW_DROP
                                                                         : FLOW_BAD,
                                      .out = v.out,
                                      .rule = v.rule,
                                      .value = v.value,
                                      .limit = v.limit,
                                      .reason = v.reason,
                                      .at = -1,
                                      .data = v.late };
    return true;
}

/* Nothing of the record itself: the request's line says who, the place says what. */
static bool write_audit(struct out *out, const struct flow_record *rec,
                        const struct clean_late *late, struct err *err)
{
    struct buf b = { 0 };

    buf_printf(&b, "{\"request\":%lld,\"member\":", (long long)late->erased_by);
    json_append_bytes(&b, slice_of(late->erased_member));
    buf_append(&b, SLICE(",\"file\":"));
    json_append_bytes(&b, slice_of(rec->file));
    buf_printf(&b, ",\"line\":%lld}\n", (long long)rec->line);
    bool ok = out_write(out, buf_slice(&b), err);
    buf_release(&b);
    return ok;
}

static bool commit(void *arg, const struct flow_record *rec, struct arena *arena,
                   struct flow_verdict *verdict, struct err *err)
{
    struct run *r = arg;
    struct clean_late *late = verdict->data;

    if (late && late->erased_by)
        return !r->audit || write_audit(r->audit, rec, late, err);
    if (!late || verdict->action != FLOW_KEEP)
        return true;
    slice out =
        clean_late_record(&r->clean, late, rec->raw, rec->top, rec->spans, &r->turns, arena);
    if (out.ptr)
        verdict->out = out;
    return !r->map || out_write(r->map, late->map, err);
}

static void *scratch_new(void *arg)
{
    struct run *r = arg;

    return clean_scratch_new(&r->clean);
}

/* Workers end at the same time: sums do not depend on their order. */
static void scratch_free(void *arg, void *scratch)
{
    struct run *r = arg;
    struct clean_scratch *s = scratch;
    int64_t *total = (int64_t *)&r->total, *mine = (int64_t *)&s->counts;

    if (s->quality)
        s->counts.rules = *quality_scratch_counts(s->quality);
    for (ptrdiff_t i = 0; i < (ptrdiff_t)(sizeof s->counts / sizeof *mine); i++)
        __atomic_fetch_add(&total[i], mine[i], __ATOMIC_RELAXED);
    clean_scratch_free(s);
}

static bool add_tests(struct clean *c, const struct opt_list *list, bool is_match, bool drop,
                      struct arena *arena, struct err *err)
{
    for (ptrdiff_t i = 0; i < list->count; i++) {
        slice source = slice_of(list->items[i]);
        if (!(is_match ? clean_add_match : clean_add_expr)(c, source, drop, arena, err))
            return err_context(err, "option '--%s-%s'", drop ? "drop" : "keep",
                               is_match ? "match" : "if");
    }
    return true;
}

static bool prepare_quality(struct app *app, const struct conf *conf, struct run *r,
                            struct err *err)
{
    struct quality *q = &r->quality;

    r->clean.annotate = conf->annotate;
    r->clean.explain = conf->explain || conf->annotate;
    if (!conf->profile)
        return true;
    if (!quality_init(q, conf->profile, err))
        return err_context(err, "option '--profile'");
    if (conf->words)
        q->words = (enum words_splitter)(conf->words - 1);
    if (conf->sentences && !q->groups[GROUP_C4])
        return err_set(err, ERR_USAGE, "option '--sentences': profile '%s' counts none",
                       q->profile->name);
    q->sentence_marks = conf->sentences;
    if (app->common.report)
        q->clock_ns = os_now_ns;
    for (ptrdiff_t i = 0; i < conf->off.count; i++)
        if (!quality_off(q, conf->off.items[i], err))
            return err_context(err, "option '--off'");
    for (ptrdiff_t i = 0; i < conf->set.count; i++)
        if (!quality_set(q, conf->set.items[i], err))
            return err_context(err, "option '--set'");
    r->clean.quality = q;
    return true;
}

#define LANG_MAX ((ptrdiff_t)1 << 30)

/* The file stays mapped until the process ends. */
static const struct fasttext *open_model(const char *path, slice *file, struct arena *arena,
                                         struct err *err)
{
    if (!os_map(path, file, err))
        return NULL;
    const struct fasttext *f = fasttext_new(*file, arena, err);
    if (!f)
        err_context(err, "%s", path);
    return f;
}

static bool prepare_model(struct app *app, const struct conf *conf, struct run *r, struct err *err)
{
    struct clean *c = &r->clean;
    int count;

    if (!conf->model)
        return true;
    if (!conf->model_label)
        return err_set(err, ERR_USAGE, "--model needs --model-label");
    c->model = open_model(conf->model, &r->model_file, &app->arena, err);
    if (!c->model)
        return false;
    const char *label = conf->model_label, *const *labels = fasttext_labels(c->model, &count);
    if (strncmp(label, "__label__", 9) == 0)
        label += 9;
    while (c->model_label < count && strcmp(labels[c->model_label], label) != 0)
        c->model_label++;
    c->model_min = app_given(app, "model-min") ? conf->model_min : -1;
    if (c->model_label < count)
        return true;
    const char *near = opt_nearest(label, labels, count);
    return err_set(err, ERR_USAGE, "option '--model-label': no label %s in the model%s%s%s",
                   ERR_QUOTE(slice_of(label)), near ? ", did you mean '" : "", near ? near : "",
                   near ? "'?" : "");
}

#define LIST_MAX ((ptrdiff_t)1 << 32)

/* "LANG" of "LANG:FILE": two or three letters. */
static const char *split_lang(const char **path, struct arena *arena)
{
    ptrdiff_t n = 0;

    while ((*path)[n] >= 'a' && (*path)[n] <= 'z')
        n++;
    if (n < 2 || n > 3 || (*path)[n] != ':')
        return NULL;
    const char *lang = arena_cstr_dup(arena, slice_make(*path, n));
    *path += n + 1;
    return lang;
}

static bool prepare_lists(struct app *app, const struct conf *conf, struct run *r, struct err *err)
{
    r->clean.url_field = conf->url_field;
    for (int kind = 0; kind < LIST_KINDS; kind++)
        for (ptrdiff_t i = 0; i < conf->lists[kind].count; i++) {
            const char *path = conf->lists[kind].items[i], *lang = NULL;
            slice file;
            if (kind == LIST_BAD_WORDS)
                lang = split_lang(&path, &app->arena);
            if (lang && !conf->lang)
                return err_set(err, ERR_USAGE, "--bad-words %s: needs --lang (any will do)",
                               conf->lists[kind].items[i]);
            if (!r->lists)
                r->clean.lists = r->lists = lists_new(&app->arena);
            if (!in_slurp(path, LIST_MAX, &file, err))
                return false;
            bool ok = lists_add(r->lists, (enum list_kind)kind, lang, path, file, err);
            os_free(file);
            if (!ok)
                return false;
        }
    if (r->lists)
        lists_ready(r->lists);
    return true;
}

static bool prepare_erase(struct app *app, const struct conf *conf, struct run *r, struct err *err)
{
    slice file;

    if (!conf->erase)
        return true;
    if (app->common.drops)
        return err_set(err, ERR_USAGE, "--drops would keep what --erase removes");
    if (!in_slurp(conf->erase, LIST_MAX, &file, err))
        return false;
    r->clean.erase = erase_new(file, &app->arena, err);
    os_free(file);
    return r->clean.erase || err_context(err, "%s", conf->erase);
}

static bool prepare_lang_model(struct app *app, const struct conf *conf, struct run *r,
                               struct err *err)
{
    int count;

    r->clean.lang_model = open_model(conf->lang_model, &r->lang_model_file, &app->arena, err);
    if (!r->clean.lang_model)
        return false;
    const char *const *labels = fasttext_labels(r->clean.lang_model, &count);
    return lang_check_list(conf->lang, labels, count, err) || err_context(err, "option '--lang'");
}

static bool prepare_lang(struct app *app, const struct conf *conf, struct run *r, struct err *err)
{
    struct clean *c = &r->clean;

    if (!conf->lang)
        return true;
    c->lang_list = conf->lang;
    c->lang_min = app_given(app, "lang-min") ? conf->lang_min : -1;
    if (conf->lang_model)
        return prepare_lang_model(app, conf, r, err);
    const char *path = app_data_path(app, "demo", "lang/model.bin", err);
    if (!path || !os_slurp(path, LANG_MAX, &r->lang_file, err))
        return false;
    c->lang = lang_new(r->lang_file, &app->arena, err);
    if (!c->lang)
        return err_context(err, "%s", path);
    int count;
    const char *const *labels = lang_labels(c->lang, &count);
    return lang_check_list(conf->lang, labels, count, err) || err_context(err, "option '--lang'");
}

#define KEY_MAX (1 << 20)
#define MAP_MAX ((ptrdiff_t)1 << 40)

/* The key is what the file holds without the line feed at its end. */
static bool read_key(const char *path, slice *key, struct arena *arena, struct err *err)
{
    slice bytes;

    if (!in_slurp(path, KEY_MAX, &bytes, err))
        return err_context(err, "option '--key-file'");
    while (bytes.len > 0 && (bytes.ptr[bytes.len - 1] == '\n' || bytes.ptr[bytes.len - 1] == '\r'))
        bytes.len--;
    *key = arena_dup(arena, bytes);
    os_free(bytes);
    if (key->len < 16)
        return err_set(err, ERR_CONFIG, "%s: a key of %td bytes is too short, 16 are the least",
                       ERR_QUOTE(slice_of(path)), key->len);
    return true;
}

static bool prepare_restore(const struct conf *conf, struct run *r, struct arena *arena,
                            struct err *err)
{
    slice map;

    if (!conf->restore)
        return true;
    if (conf->redact)
        return err_set(err, ERR_USAGE, "--restore and --redact undo each other");
    if (!in_slurp(conf->restore, MAP_MAX, &map, err))
        return false;
    r->clean.restore = restore_new(map, arena, err);
    os_free(map);
    return r->clean.restore || err_context(err, "%s", conf->restore);
}

static bool prepare_redact(struct app *app, const struct conf *conf, struct run *r, struct err *err)
{
    struct redact *redact = &r->redact;
    bool hash = conf->redact_with == REDACT_HASH;

    if (!prepare_restore(conf, r, &app->arena, err))
        return false;
    if (!conf->redact)
        return true;
    redact->with = (enum redact_with)conf->redact_with;
    if (!pii_add(&redact->pii, slice_of(conf->redact), err) || !redact_check(redact, err))
        return err_context(err, "option '--redact'");
    if (hash != (conf->key_file != NULL))
        return err_set(err, ERR_USAGE,
                       hash ? "--redact-with hash needs --key-file"
                            : "--key-file is for --redact-with hash");
    if (conf->redact_map && !hash)
        return err_set(err, ERR_USAGE, "--redact-map needs --redact-with hash");
    if (redact->with == REDACT_KEEP && !conf->spans && !app_given(app, "max-matches"))
        return err_set(err, ERR_USAGE, "--redact-with keep needs --spans or --max-matches");
    if (hash && !read_key(conf->key_file, &redact->key, &app->arena, err))
        return false;
    redact_ready(redact, &app->arena);
    r->clean.redact = redact;
    r->clean.spans = conf->spans;
    r->clean.redact_map = conf->redact_map != NULL;
    r->clean.max_matches = app_given(app, "max-matches") ? conf->max_matches : -1;
    return true;
}

static bool prepare(struct app *app, const struct conf *conf, struct run *r, struct err *err)
{
    struct arena *a = &app->arena;
    struct clean *c = &r->clean;

    *c = (struct clean){
        .field = app->common.field,
        .field_required = app_given(app, "field"),
        .edit = conf->edit,
        .repair = conf->repair,
        .fix_encoding = conf->fix_encoding,
        .normalize = conf->normalize,
        .min_chars = app_given(app, "min-chars") ? conf->min_chars : -1,
        .max_chars = app_given(app, "max-chars") ? conf->max_chars : -1,
        .max_bytes = app->common.max_record,
    };
    if (c->max_chars >= 0 && c->min_chars > c->max_chars)
        return err_set(err, ERR_USAGE, "--min-chars %lld is above --max-chars %lld",
                       (long long)c->min_chars, (long long)c->max_chars);
    c->repair.quotes = conf->quotes;
    c->repair.dashes = conf->dashes;
    if (conf->phrase_file && !in_slurp(conf->phrase_file, PHRASES_MAX, &c->repair.phrases, err))
        return false;
    for (ptrdiff_t i = 0; i < conf->subs.count; i++)
        if (!clean_add_sub(c, slice_of(conf->subs.items[i]), a, err))
            return err_context(err, "option '--sub'");
    if (!add_tests(c, &conf->keep_if, false, false, a, err) ||
        !add_tests(c, &conf->drop_if, false, true, a, err) ||
        !add_tests(c, &conf->keep_match, true, false, a, err) ||
        !add_tests(c, &conf->drop_match, true, true, a, err) ||
        !prepare_quality(app, conf, r, err) || !prepare_erase(app, conf, r, err) ||
        !prepare_lists(app, conf, r, err) || !prepare_lang(app, conf, r, err) ||
        !prepare_model(app, conf, r, err) || !prepare_redact(app, conf, r, err) ||
        !clean_ready(c, a, err))
        return false;
    if (c->rule_count == 0 && (app->common.drops || c->explain))
        return err_set(err, ERR_USAGE, "%s without a rule that drops records",
                       app->common.drops ? "--drops"
                       : c->annotate     ? "--annotate"
                                         : "--explain");
    if (app->common.drops && c->annotate)
        return err_set(err, ERR_USAGE, "--drops has no effect with --annotate: nothing is dropped");
    return true;
}

/* {"rule":n} of the tests with a count. */
static void report_tests(struct app *app, const struct run *r, const char *name,
                         const int64_t *counts)
{
    struct buf b = { 0 };

    for (ptrdiff_t i = 0; i < r->clean.test_count; i++) {
        if (!counts[i])
            continue;
        buf_append(&b, b.len ? SLICE(",") : SLICE("{"));
        json_append_bytes(&b, slice_of(r->clean.rules[i]));
        buf_printf(&b, ":%lld", (long long)counts[i]);
    }
    buf_append(&b, b.len ? SLICE("}") : SLICE("{}"));
    report_json(&app->report, name, buf_slice(&b));
    buf_release(&b);
}

static void report_lists(struct app *app, const struct run *r)
{
    struct report *rep = &app->report;
    struct buf b = { 0 };

    lists_report(r->lists, &b);
    report_json(rep, "lists", buf_slice(&b));
    buf_release(&b);
    if (!r->clean.url_field)
        return;
    report_int(rep, "no_url_total", r->total.no_url, "records without a URL");
    if (rep->in > 0 && r->total.no_url == rep->in)
        log_warn("--url-field: no record has a string in the member '%s'", r->clean.url_field);
}

/* {"email":n} of the kinds that were found. */
static void report_redacted(struct app *app, const struct run *r)
{
    struct buf b = { 0 };
    int64_t sum = 0;

    buf_append(&b, SLICE("{"));
    for (int i = 0; i < pii_kind_count; i++) {
        if (!r->total.redacted[i])
            continue;
        buf_printf(&b, "%s\"%s\":%lld", sum ? "," : "", pii_kinds[i].name,
                   (long long)r->total.redacted[i]);
        sum += r->total.redacted[i];
    }
    buf_append(&b, SLICE("}"));
    report_int(&app->report, "redacted_total", sum, "matches replaced by --redact");
    report_json(&app->report, "redacted", buf_slice(&b));
    buf_release(&b);
}

static void report_quality(struct app *app, const struct run *r)
{
    const struct quality *q = &r->quality;
    slice never = quality_flagged(q, &r->total.rules, false, &app->arena);
    slice always = quality_flagged(q, &r->total.rules, true, &app->arena);

    report_text(&app->report, "profile", slice_of(q->profile->name));
    report_json(&app->report, "rules", quality_counts_json(q, &r->total.rules, &app->arena));
    report_text(&app->report, "never_fired", never);
    report_text(&app->report, "always_fired", always);
    if (never.len)
        log_info("never fired: %.*s", SLICE_ARG(never));
    if (always.len)
        log_warn("fired on every text: %.*s", SLICE_ARG(always));
}

static void report(struct app *app, const struct run *r)
{
    struct report *rep = &app->report;

    report_int(rep, "changed_total", r->total.changed, "records whose text was changed");
    report_int(rep, "surrogates_replaced_total", r->total.surrogates,
               "lone surrogates replaced by U+FFFD");
    report_int(rep, "substitutions_total", r->total.substitutions, "replacements by --sub");
    if (r->clean.restore)
        report_int(rep, "restored_total", r->total.restored, "tokens put back by --restore");
    if (r->clean.redact)
        report_redacted(app, r);
    if (r->lists)
        report_lists(app, r);
    if (r->clean.erase)
        report_int(rep, "erase_requests", r->clean.erase->requests, "requests of --erase");
    report_tests(app, r, "missing", r->total.missing);
    report_tests(app, r, "mismatch", r->total.mismatch);
    if (r->clean.quality)
        report_quality(app, r);
    report_text(rep, "unicode", slice_of(uni_version()));
    report_text(rep, "pcre2", slice_of(regex_version()));
    for (ptrdiff_t i = 0; i < r->clean.test_count; i++)
        if (rep->in > 0 && r->total.missing[i] == rep->in)
            log_warn("%s: no record has the member '%s'", r->clean.rules[i],
                     r->clean.tests[i].path);
}

/* TSV: what each rule measures, its limit, and the profiles that have it. */
static bool list_rules(struct err *err)
{
    struct out_conf oc = { 0 };
    struct out *out = out_open(&oc, err);
    struct buf b = { 0 };

    buf_append(&b, SLICE("rule\tgroup\tbound\tlimit\tprofiles\tmeasure\tsource\n"));
    for (int i = 0; i < QUALITY_RULES; i++) {
        const struct quality_rule *rule = &quality_rules[i];
        buf_printf(&b, "%s\t%s\t%s\t", rule->name, quality_group_names[rule->group],
                   rule->is_min ? "min" : "max");
        buf_append_double(&b, rule->limit);
        const char *sep = "\t";
        for (int p = 0; p < quality_profile_count; p++)
            if (quality_profiles[p].groups >> rule->group & 1) {
                buf_printf(&b, "%s%s", sep, quality_profiles[p].name);
                sep = ",";
            }
        buf_printf(&b, "\t%s\t%s\n", rule->measure, quality_source(rule->group));
    }
    bool ok = out && out_write(out, buf_slice(&b), err) && out_commit(out, err);
    buf_release(&b);
    return ok;
}

/* TSV: what --redact knows. */
static bool list_kinds(struct err *err)
{
    struct out_conf oc = { 0 };
    struct out *out = out_open(&oc, err);
    struct buf b = { 0 };

    pii_list(&b);
    bool ok = out && out_write(out, buf_slice(&b), err) && out_commit(out, err);
    buf_release(&b);
    return ok;
}

/* A file beside the output, when it was asked for. */
static bool open_side(struct app *app, const char *path, bool owner_only, struct out **out,
                      struct err *err)
{
    struct out_conf oc = { .path = path, .force = app->common.force, .owner_only = owner_only };

    if (!path)
        return true;
    *out = out_open(&oc, err);
    return *out != NULL;
}

static bool close_side(struct out *out, bool ok, struct err *err)
{
    if (ok && out)
        return out_commit(out, err);
    out_abort(out);
    return ok;
}

static bool close_sides(struct run *r, bool ok, struct err *err)
{
    ok = close_side(r->map, ok, err);
    return close_side(r->audit, ok, err);
}

static bool run(struct app *app, void *conf, struct err *err)
{
    static struct run r;
    static struct flow_field fields[JSON_MAX_PATHS];
    static const struct flow_filter edits = {
        .work = work, .commit = commit, .scratch_new = scratch_new, .scratch_free = scratch_free
    };
    struct flow_conf fc = app_flow_conf(app);

    if (app->options.mode == 1)
        return list_rules(err);
    if (app->options.mode == 2)
        return list_kinds(err);
    if (!prepare(app, conf, &r, err))
        return false;
    const struct conf *own = conf;
    if (!open_side(app, own->redact_map, true, &r.map, err) ||
        !open_side(app, own->audit, true, &r.audit, err))
        return close_sides(&r, false, err);
    for (int i = 0; i < r.clean.member_count; i++)
        fields[i].path = r.clean.members[i];
    if (r.clean.reads_text)
        fields[0] = (struct flow_field){ app->common.field, true, FLOW_STRING };
    fc.fields = fields;
    fc.field_count = r.clean.member_count;
    fc.rules = r.clean.rules;
    fc.rule_count = r.clean.rule_count;
    struct flow *flow = flow_open(&fc, &app->report, &app->progress, err);
    if (!flow)
        return close_sides(&r, false, err);
    bool ok = flow_filter_run(flow, &edits, &r, err);
    ok = close_sides(&r, ok, err);
    report(app, &r);
    clean_release(&r.clean);
    if (ok)
        return flow_close(flow, err);
    flow_abort(flow);
    return false;
}

int main(int argc, char **argv)
{
    static struct conf conf;

    return app_run(&self, &conf, argc, argv, run);
}
