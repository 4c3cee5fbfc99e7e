/* quantize: a model of Hugging Face or GGUF in, a GGUF file out. */
#include "../lib/app.h"
#include "../lib/log.h"
#include "../lib/model/convert.h"
#include "../lib/model/imatrix.h"
#include "../lib/model/inspect.h"
#include "../lib/out.h"

struct conf {
    const char *type, *inspect, *imatrix;
    int search;
    bool dry_run, pure;
};

enum mode { MODE_CONVERT, MODE_INSPECT };
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
      .choices = "reference|best", .needs = "type", .modes = IN_CONVERT, .group = "Conversion",
      .help = "llama.cpp's scales, or those of least error (slow)" },
    { 0, "imatrix", OPT_PATH, offsetof(struct conf, imatrix), .arg = "FILE", .needs = "type",
      .modes = IN_CONVERT, .group = "Conversion",
      .help = "weigh errors by importance (infer --imatrix-out)" },
    { 0, "dry-run", OPT_FLAG, offsetof(struct conf, dry_run), .modes = IN_CONVERT,
      .group = "Conversion", .help = "print the table of tensors, write nothing" },
    { 0, "inspect", OPT_PATH, offsetof(struct conf, inspect), .arg = "MODEL", .flags = OPT_MODE,
      .group = "Other modes", .help = "print metadata and tensors as one JSON object" },
};

static const struct command_mode modes[] = {
    { NULL, "convert a model", 0, false },
    { "inspect", "show what a model file holds", COMMON_TARGET | COMMON_JOBS | COMMON_PROGRESS,
      true },
};

static const char *const synopsis[] = {
    "[options] -o FILE.gguf MODEL",
    "[options] --inspect MODEL",
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

/* The importance matrix; NULL without one. False: it cannot be used. */
static bool open_imatrix(struct app *app, const char *path, const struct mixture *mix,
                         struct model_file **im, struct err *err)
{
    *im = NULL;
    if (!path)
        return true;
    if (!tensor_layout(mix->type)->from_row)
        return err_set(err, ERR_USAGE, "option '--imatrix': %s has no use for it", mix->name);
    *im = model_file_open(path, false, &app->arena, err);
    return *im && imatrix_check(*im, err);
}

static bool convert(struct app *app, const struct conf *conf, struct err *err)
{
    struct convert_conf cc = {
        .mixture = mixture_find(slice_of(conf->type)),
        .pure = conf->pure,
        .best = conf->search == 1,
        .jobs = (int)app->common.jobs,
        .output = app->common.output,
        .force = app->common.force,
        .progress = show_progress,
        .progress_arg = app,
    };
    struct convert_plan plan = { 0 };

    if (!cc.output && !conf->dry_run)
        return err_set(err, ERR_USAGE, "option '-o FILE' is required (or '--dry-run')");
    if (cc.pure && !cc.mixture->bit)
        return err_set(err, ERR_USAGE, "option '--pure': %s is no mixture", cc.mixture->name);
    if (cc.best && !tensor_layout(cc.mixture->type)->from_row)
        return err_set(err, ERR_USAGE, "option '--search': %s has no scales to seek",
                       cc.mixture->name);
    if (cc.output && strcmp(cc.output, "-") == 0)
        return err_set(err, ERR_USAGE,
                       "option '-o -': a model is written to a file, not to stdout");
    if (cc.output && !convert_check_output(cc.output, cc.force, err))
        return false;
    struct model_file *im, *m;
    if (!open_imatrix(app, conf->imatrix, cc.mixture, &im, err) ||
        !(m = open_model(app, app->options.operands[0], err))) {
        model_file_close(im);
        return false;
    }
    cc.imatrix = im;
    bool ok = convert_plan_make(m, &cc, &app->arena, &plan, err);
    if (ok) {
        app->report.in = app->report.out = app->report.records_out = plan.count;
        app->report.bytes_in = plan.bytes_in;
        tell(app, m, &plan);
        if (im && !plan.weighted)
            ok = err_set(err, ERR_CONFIG, "%s: knows none of the tensors of %s", im->path, m->path);
    }
    if (ok) {
        ok = conf->dry_run ? dry_run(app, &plan, err) : convert_write(m, &plan, &cc, err);
        app->report.bytes_out = ok && !conf->dry_run ? plan.bytes_out : 0;
    }
    convert_plan_release(&plan);
    model_file_close(m);
    model_file_close(im);
    return ok;
}

static bool run(struct app *app, void *conf_ptr, struct err *err)
{
    const struct conf *conf = conf_ptr;

    if (app->options.mode == MODE_INSPECT)
        return inspect(app, conf->inspect, err);
    return convert(app, conf, err);
}

int main(int argc, char **argv)
{
    static struct conf conf;

    return app_run(&self, &conf, argc, argv, run);
}
