/* quantize: a model of Hugging Face or GGUF in, a GGUF file out. */
#include "../lib/app.h"
#include "../lib/log.h"
#include "../lib/model/choose.h"
#include "../lib/model/compare.h"
#include "../lib/model/convert.h"
#include "../lib/model/imatrix.h"
#include "../lib/model/inspect.h"
#include "../lib/out.h"

struct conf {
    const char *type, *inspect, *imatrix, *diff;
    struct opt_list tensor_types;
    double bpw;
    int64_t size;
    int search;
    bool dry_run, plan, pure, verify;
};

enum mode { MODE_CONVERT, MODE_INSPECT, MODE_DIFF };
#define IN_CONVERT (1u << MODE_CONVERT)

static bool check_type(const char *value, struct err *err)
{
    if (mixture_find(slice_of(value)))
        return true;
    struct arena arena = { 0 };
    err_set(err, ERR_USAGE, "%s is none of %s", ERR_QUOTE(slice_of(value)), mixture_list(&arena));
    arena_release(&arena);
    return false;
}

static const struct opt opts[] = {
    { 0, "type", OPT_STRING, offsetof(struct conf, type), .arg = "TYPE", .def = "Q8_0",
      .modes = IN_CONVERT, .check = check_type, .group = "Conversion",
      .help = "of the weights: Q8_0, Q4_K_M, F16 ... (manual)" },
    { 0, "pure", OPT_FLAG, offsetof(struct conf, pure), .needs = "type", .modes = IN_CONVERT,
      .group = "Conversion", .help = "this type for all weights, no mixture" },
    { 0, "search", OPT_ENUM, offsetof(struct conf, search), .arg = "HOW", .def = "reference",
      .choices = "reference|best", .needs = "type|bpw|size", .modes = IN_CONVERT,
      .group = "Conversion", .help = "llama.cpp's scales, or those of least error (slow)" },
    { 0, "imatrix", OPT_PATH, offsetof(struct conf, imatrix), .arg = "FILE",
      .needs = "type|bpw|size", .modes = IN_CONVERT, .group = "Conversion",
      .help = "weigh errors by importance (infer --imatrix-out)" },
    { 0, "tensor-type", OPT_STRING, offsetof(struct conf, tensor_types), .arg = "REGEX=TYPE",
      .flags = OPT_REPEAT, .modes = IN_CONVERT, .group = "Conversion",
      .help = "of weights whose name matches; the last rule counts" },
    { 0, "bpw", OPT_FLOAT, offsetof(struct conf, bpw), .arg = "BITS", .def = "0", .min = 0,
      .max = 32, .modes = IN_CONVERT, .group = "Conversion",
      .help = "bits per weight: types by measured error" },
    { 0, "size", OPT_SIZE, offsetof(struct conf, size), .arg = "BYTES", .def = "0", .min = 0,
      .max = 1e15, .modes = IN_CONVERT, .group = "Conversion",
      .help = "of the file at most: types by measured error" },
    { 0, "plan", OPT_FLAG, offsetof(struct conf, plan), .modes = IN_CONVERT, .group = "Conversion",
      .help = "print types, bytes and errors as JSON, write nothing" },
    { 0, "dry-run", OPT_FLAG, offsetof(struct conf, dry_run), .modes = IN_CONVERT,
      .group = "Conversion", .help = "print the table of tensors, write nothing" },
    { 0, "verify", OPT_FLAG, offsetof(struct conf, verify), .modes = IN_CONVERT,
      .group = "Conversion", .help = "read the file again, print errors by tensor" },
    { 0, "inspect", OPT_PATH, offsetof(struct conf, inspect), .arg = "MODEL", .flags = OPT_MODE,
      .group = "Other modes", .help = "print metadata and tensors as one JSON object" },
    { 0, "diff", OPT_PATH, offsetof(struct conf, diff), .arg = "MODEL", .flags = OPT_MODE,
      .group = "Other modes", .help = "print how far another model's weights are from it" },
};

static const struct command_mode modes[] = {
    { NULL, "convert a model", 0, false },
    { "inspect", "show what a model file holds", COMMON_TARGET | COMMON_JOBS | COMMON_PROGRESS,
      true },
    { "diff", "compare two models", COMMON_TARGET | COMMON_JOBS | COMMON_PROGRESS, false },
};

static const char *const synopsis[] = {
    "[options] -o FILE.gguf MODEL",
    "[options] --inspect MODEL",
    "[options] --diff MODEL MODEL",
    NULL,
};

static const struct command_example examples[] = {
    { "a Hugging Face folder (here the demo model) in 8 bits",
      "quantize --type Q8_0 -o demo-q8.gguf demo" },
    { "in about five bits a weight, as llama-quantize mixes types",
      "quantize --type Q4_K_M -o demo-q4.gguf demo" },
    { "see what would be written", "quantize --dry-run --type F16 demo" },
    { "a half-precision GGUF file made smaller",
      "quantize --type F16 -o f16.gguf demo && quantize -o q8.gguf f16.gguf" },
    { "the layers of a model", "quantize --inspect demo | grep -o '\"llama.block_count\":[0-9]*'" },
    { 0 },
};

static const struct command self = {
    .name = "quantize",
    .summary = "convert a model to GGUF with smaller weights",
    .synopsis = synopsis,
    .examples = examples,
    .opts = opts,
    .opt_count = countof(opts),
    .modes = modes,
    .mode_count = countof(modes),
    .common = COMMON_TARGET | COMMON_JOBS | COMMON_PROGRESS,
    .operands = "MODEL",
    .order = "the bytes of the output do not depend on -j",
    .memory = "the model's header and tokenizer, plus 1 MiB or one head per thread",
};

static bool print(const struct buf *text, struct err *err)
{
    const struct out_conf oc = { .path = NULL };
    struct out *out = out_open(&oc, err);

    if (!out)
        return false;
    if (out_write(out, buf_slice(text), err))
        return out_commit(out, err);
    out_abort(out);
    return false;
}

static struct model_file *open_model(struct app *app, const char *name, struct err *err)
{
    const char *path = app_data_path(app, name, "tldr-7m", err);

    return path ? model_file_open(path, false, &app->arena, err) : NULL;
}

static bool inspect(struct app *app, const char *name, struct err *err)
{
    struct model_file *m = open_model(app, name, err);
    struct buf text = { 0 };

    if (!m)
        return false;
    model_inspect(m, &text);
    app->report.in = app->report.out = app->report.records_out = m->tensor_count;
    bool ok = print(&text, err);
    buf_release(&text);
    model_file_close(m);
    return ok;
}

/* One JSON line per tensor; exit 1 when anything differs. */
static bool diff(struct app *app, const char *first, const char *second, struct err *err)
{
    struct model_file *a = open_model(app, first, err),
                      *b = a ? open_model(app, second, err) : NULL;
    struct buf text = { 0 };
    int64_t different = 0;
    bool ok = b && compare_models(a, b, &text, &different, err) && print(&text, err);

    if (ok) {
        app->report.in = app->report.out = app->report.records_out = a->tensor_count;
        report_int(&app->report, "different_tensors", different, "Tensors that differ.");
        if (different)
            ok = err_set(err, ERR_FINDING, "%lld tensors differ", (long long)different);
    }
    buf_release(&text);
    model_file_close(b);
    model_file_close(a);
    return ok;
}

static bool verify(struct app *app, const struct model_file *m, const char *path, struct err *err)
{
    struct model_file *written = model_file_open(path, false, &app->arena, err);
    struct buf text = { 0 };
    bool ok = written && compare_verify(m, written, &text, err);

    ok = print(&text, ok ? err : NULL) && ok;
    buf_release(&text);
    model_file_close(written);
    return ok;
}

/* Which tensors are not what was asked for, and why. */
static void tell(struct app *app, const struct model_file *m, const struct convert_plan *p)
{
    struct buf list = { 0 };

    for (ptrdiff_t i = 0; i < m->notice_count; i++)
        log_notice("%s: %.*s", m->path, SLICE_ARG(m->notices[i]));
    buf_append_byte(&list, '[');
    for (ptrdiff_t i = 0; i < p->count; i++) {
        const struct convert_tensor *t = &p->tensors[i];
        const char *type = tensor_type_name((int)t->out.type);
        if (t->reason)
            log_info("tensor %s: %s, %s", ERR_QUOTE(t->out.name), type, t->reason);
        if (!t->fallback)
            continue;
        buf_append(&list, list.len > 1 ? SLICE(",{\"tensor\":") : SLICE("{\"tensor\":"));
        json_append_bytes(&list, t->out.name);
        buf_printf(&list, ",\"type\":\"%s\",\"reason\":\"%s\"}", type, t->reason);
        if (list.len < 1024 && app->common.verbose == 0)
            log_notice("tensor %s: %s, %s", ERR_QUOTE(t->out.name), type, t->reason);
    }
    buf_append_byte(&list, ']');
    report_json(&app->report, "fallbacks", buf_slice(&list));
    if (p->weighted)
        report_int(&app->report, "weighted_tensors", p->weighted, "Tensors with importance.");
    report_int(&app->report, "fallback_tensors", p->fallbacks, "Tensors of another type.");
    report_int(&app->report, "output_file_bytes", p->bytes_out, "Size of the output file.");
    buf_release(&list);
}

static void show_progress(void *arg, int64_t done_bytes)
{
    struct app *app = arg;
    struct progress_state s = { .bytes_in = done_bytes,
                                .raw_bytes = done_bytes,
                                .raw_total = app->report.bytes_in };

    progress_update(&app->progress, &s);
}

static bool dry_run(struct app *app, const struct convert_plan *plan, struct err *err)
{
    struct buf text = { 0 };
    int64_t left;

    convert_plan_print(plan, &text);
    bool ok = print(&text, err);
    buf_release(&text);
    if (!ok || !app->common.output)
        return ok;
    if (!convert_check_space(plan, app->common.output, &left, err))
        return false;
    log_info("%s: %lld bytes are free there", app->common.output, (long long)left);
    return true;
}

/* The importance matrix; NULL without one. */
static bool open_imatrix(struct app *app, const char *path, struct model_file **im, struct err *err)
{
    if (path && !(*im = model_file_open(path, false, &app->arena, err)))
        return false;
    return !path || imatrix_check(*im, err);
}

/* What options mean together. */
static bool check_options(struct app *app, const struct conf *conf, const struct convert_conf *cc,
                          struct err *err)
{
    bool writes = !conf->dry_run && !conf->plan, budget = conf->bpw > 0 || conf->size > 0;

    if (!cc->output && writes)
        return err_set(err, ERR_USAGE, "option '-o FILE' is required (or '--dry-run', '--plan')");
    if (conf->dry_run && conf->plan)
        return err_set(err, ERR_USAGE, "options '--dry-run' and '--plan' exclude each other");
    if (conf->bpw > 0 && conf->size > 0)
        return err_set(err, ERR_USAGE, "options '--bpw' and '--size' exclude each other");
    if (budget && opt_given(&self, &app->options, "type"))
        return err_set(err, ERR_USAGE, "option '--type' has no effect with '--bpw' or '--size'");
    if (cc->pure && !cc->mixture->bit)
        return err_set(err, ERR_USAGE, "option '--pure': %s is no mixture", cc->mixture->name);
    if (cc->best && !budget && !tensor_layout(cc->mixture->type)->from_row)
        return err_set(err, ERR_USAGE, "option '--search': %s has no scales to seek",
                       cc->mixture->name);
    if (conf->imatrix && !budget && !conf->plan && !tensor_layout(cc->mixture->type)->from_row)
        return err_set(err, ERR_USAGE, "option '--imatrix': %s has no use for it",
                       cc->mixture->name);
    if (conf->verify && !writes)
        return err_set(err, ERR_USAGE, "option '--verify' has no effect with '--%s'",
                       conf->plan ? "plan" : "dry-run");
    if (cc->output && strcmp(cc->output, "-") == 0)
        return err_set(err, ERR_USAGE,
                       "option '-o -': a model is written to a file, not to stdout");
    return !cc->output || convert_check_output(cc->output, cc->force, err);
}

static bool print_plan(const struct convert_plan *plan, struct err *err)
{
    struct buf text = { 0 };

    choose_print(plan, &text);
    bool ok = print(&text, err);
    buf_release(&text);
    return ok;
}

static bool carry_out(struct app *app, const struct conf *conf, const struct model_file *m,
                      const struct convert_conf *cc, struct err *err)
{
    struct convert_plan plan = { 0 };
    bool writes = !conf->dry_run && !conf->plan;
    bool ok = convert_plan_make(m, cc, &app->arena, &plan, err);

    if (ok) {
        app->report.in = app->report.out = app->report.records_out = plan.count;
        app->report.bytes_in = plan.bytes_in;
        tell(app, m, &plan);
        if (cc->imatrix && !plan.weighted)
            ok = err_set(err, ERR_CONFIG, "%s: knows none of the tensors of %s", cc->imatrix->path,
                         m->path);
    }
    if (ok)
        ok = conf->dry_run ? dry_run(app, &plan, err)
             : conf->plan  ? print_plan(&plan, err)
                           : convert_write(m, &plan, cc, err);
    if (ok && conf->verify)
        ok = verify(app, m, cc->output, err);
    app->report.bytes_out = ok && writes ? plan.bytes_out : 0;
    convert_plan_release(&plan);
    return ok;
}

static bool convert(struct app *app, const struct conf *conf, struct err *err)
{
    struct convert_conf cc = {
        .mixture = mixture_find(slice_of(conf->type)),
        .pure = conf->pure,
        .best = conf->search == 1,
        .bpw = conf->bpw,
        .size_bytes = conf->size,
        .measure = conf->plan,
        .jobs = (int)app->common.jobs,
        .output = app->common.output,
        .force = app->common.force,
        .progress = show_progress,
        .progress_arg = app,
        .rule_count = conf->tensor_types.count,
    };
    struct model_file *im = NULL, *m = NULL;

    cc.rules = arena_new(&app->arena, struct convert_rule, MAX(1, cc.rule_count));
    bool ok = check_options(app, conf, &cc, err);
    for (ptrdiff_t i = 0; i < cc.rule_count && ok; i++)
        ok = convert_rule_parse(conf->tensor_types.items[i], &cc.rules[i], err);
    ok = ok && open_imatrix(app, conf->imatrix, &im, err) &&
         (m = open_model(app, app->options.operands[0], err));
    cc.imatrix = im;
    ok = ok && carry_out(app, conf, m, &cc, err);
    convert_rules_free(cc.rules, cc.rule_count);
    model_file_close(m);
    model_file_close(im);
    return ok;
}

static bool run(struct app *app, void *conf_ptr, struct err *err)
{
    const struct conf *conf = conf_ptr;

    if (app->options.mode == MODE_INSPECT)
        return inspect(app, conf->inspect, err);
    if (app->options.mode == MODE_DIFF)
        return diff(app, conf->diff, app->options.operands[0], err);
    return convert(app, conf, err);
}

int main(int argc, char **argv)
{
    static struct conf conf;

    return app_run(&self, &conf, argc, argv, run);
}
