#include "app.h"

#include "log.h"
#include "os.h"
#include "simd/cpu.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

const char app_version[] = MILLRACE_VERSION;

static volatile int status_request;

/* Broken invariant or no memory, on any thread: nothing half-written stays. */
static void on_fatal(int exit_code, const char *text)
{
    os_temp_unlink_all();
    log_error("%s", text);
    os_exit_now(exit_code);
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static void print_version(const struct app *app)
{
    const char *model = cpu_model_name();

    printf("%s (millrace) %s\n", app->name, app_version);
    if (app->command->libraries)
        printf("libraries: %s\n", app->command->libraries);
    printf("isa: %s (available: %s)%s%s\n", cpu_isa_name(), cpu_isa_list(), *model ? ", " : "",
           model);
}

/* Help and version are output like any other: a full disk is noticed. */
static int print_exit(const struct buf *text)
{
    struct err err = { 0 };

    if (fflush(stdout) != 0 || !os_write_all(1, "stdout", buf_slice(text), &err)) {
        if (err.class == ERR_PIPE)
            os_die_of_signal(SIGPIPE);
        log_error("%s", err.class ? err.text : "stdout: write failed");
        return ERR_IO;
    }
    return 0;
}

static int answer(struct app *app)
{
    const struct opt_common *c = &app->common;
    struct buf text = { 0 };
    const char *fault = c->dump_options ? opt_check(app->command, &app->arena) : NULL;

    if (fault) { /* the generators of the manual and the completions stop here */
        log_error("bad option table: %s", fault);
        return ERR_BUG;
    }
    if (c->version)
        print_version(app);
    else if (c->dump_options)
        opt_dump(app->command, &text);
    else
        opt_help(app->command, app->name, c->short_help && !c->help, &text);
    int code = print_exit(&text);
    buf_release(&text);
    return code;
}

static bool resolve_jobs(struct opt_common *c, struct err *err)
{
    const char *env = os_env("MILLRACE_JOBS");

    if (c->jobs == 0 && env &&
        (!opt_parse_int(slice_of(env), &c->jobs) || c->jobs < 1 || c->jobs > 256))
        return err_set(err, ERR_USAGE, "MILLRACE_JOBS=%s is not a number from 1 to 256", env);
    if (c->jobs == 0)
        c->jobs = os_cpu_count();
    return true;
}

static void setup_log(const struct app *app)
{
    const struct opt_common *c = &app->common;
    const char *term = os_env("TERM");
    const char *format = os_env("MILLRACE_LOG");
    bool color = c->color == 1 || (c->color == 0 && os_is_tty(2) && !os_env("NO_COLOR") && term &&
                                   strcmp(term, "dumb") != 0);
    enum log_level level = c->quiet          ? LOG_WARN
                           : c->verbose >= 2 ? LOG_DEBUG
                           : c->verbose == 1 ? LOG_INFO
                                             : LOG_NOTICE;
    bool json = c->log_format == LOG_JSON || (format && strcmp(format, "json") == 0);

    log_setup(app->name, level, json ? LOG_JSON : LOG_TEXT, color);
}

/* "N" or "P%". */
static bool parse_max_errors(const char *text, struct flow_conf *fc)
{
    slice s = slice_of(text);
    bool percent = slice_ends(s, SLICE("%"));

    if (percent)
        return opt_parse_float(slice_make(s.ptr, s.len - 1), &fc->max_error_percent) &&
               fc->max_error_percent >= 0 && fc->max_error_percent <= 100;
    return opt_parse_int(s, &fc->max_errors) && fc->max_errors >= 0;
}

static bool check_common(const struct app *app, struct err *err)
{
    const struct opt_common *c = &app->common;
    struct flow_conf fc;

    if (c->max_errors && !parse_max_errors(c->max_errors, &fc))
        return err_set(err, ERR_USAGE, "--max-errors: %s is neither a number nor a percentage",
                       ERR_QUOTE(slice_of(c->max_errors)));
    if (c->max_errors && !c->rejects)
        return err_set(err, ERR_USAGE, "--max-errors needs --rejects FILE, where bad records go");
    if (c->report && strcmp(c->report, "-") == 0)
        return err_set(err, ERR_USAGE, "--report needs a file: stdout carries records");
    return !c->compress || out_compress_check(c->compress, err);
}

static bool waits_for_terminal(const struct app *app)
{
    const struct command *c = app->command;
    bool reads = !c->mode_count || !c->modes[app->options.mode].no_operands;

    return reads && (c->common & COMMON_INPUT) && app->options.operand_count == 0 &&
           !app->common.files_from && os_is_tty(0);
}

static void usage_errors(const struct app *app, const struct err *err)
{
    const char *line = err->text;

    for (const char *nl; (nl = strchr(line, '\n')); line = nl + 1)
        log_error("%.*s", (int)(nl - line), line);
    log_error("%s", line);
    if (app->options.mode >= 0)
        log_error("try '%s --help'", app->name);
}

/* Hadoop Streaming adds up such lines over the tasks of a job (PipeMapRed.java). A comma or a line
 * end would end a field: rule names have neither. */
static void hadoop_counters(const struct report *r)
{
    const struct {
        const char *name;
        int64_t value;
    } counts[] = { { "in", r->in },
                   { "out", r->out },
                   { "records_out", r->records_out },
                   { "rejected", r->rejected },
                   { "bytes_in", r->bytes_in },
                   { "bytes_out", r->bytes_out } };
    struct buf text = BUF_INIT(0);

    for (ptrdiff_t i = 0; i < countof(counts); i++)
        buf_printf(&text, "reporter:counter:millrace %s,%s,%lld\n", r->command, counts[i].name,
                   (long long)counts[i].value);
    for (ptrdiff_t i = 0; i < r->rule_count; i++)
        if (r->rules[i].count)
            buf_printf(&text, "reporter:counter:millrace %s,dropped %s,%lld\n", r->command,
                       r->rules[i].name, (long long)r->rules[i].count);
    os_write_all(2, "stderr", buf_slice(&text), NULL);
    buf_release(&text);
}

/* The exit code of a run, its message and its reports. */
static int conclude(struct app *app, bool ok, struct err *err)
{
    int code = ok ? 0 : (int)err->class;
    /* An interrupted pipeline: the writer's death may look like bad data before our own signal. */
    bool stopped = err->class == ERR_STOP || (err->class == ERR_DATA && os_stopped() > 0);
    int sig = stopped ? os_stopped() : err->class == ERR_PIPE ? SIGPIPE : 0;
    struct err report_err = { 0 };

    progress_end(&app->progress);
    if (!ok && !code)
        code = ERR_BUG;
    if (!ok && sig > 0)
        code = 128 + sig;
    if (app->common.report &&
        !report_write_json(&app->report, app->common.report, code, &report_err)) {
        log_error("%s", report_err.text);
        code = code ? code : (int)report_err.class;
    }
    if (app->common.metrics &&
        !report_write_metrics(&app->report, app->common.metrics, code, &report_err)) {
        log_error("%s", report_err.text);
        code = code ? code : (int)report_err.class;
    }
    if (app->common.hadoop)
        hadoop_counters(&app->report);
    bool has_records = app->command->common & (COMMON_RECORDS | COMMON_REJECTS);
    if (has_records && !app->common.quiet && (app->common.verbose > 0 || os_is_tty(2)) &&
        err->class != ERR_PIPE && err->class != ERR_USAGE) {
        slice s = report_summary(&app->report, &app->arena);
        log_notice("%.*s", SLICE_ARG(s));
    }
    if (!ok && err->class == ERR_USAGE)
        usage_errors(app, err);
    else if (!ok && sig <= 0)
        log_error("%s", err->text);
    if (sig > 0)
        os_die_of_signal(sig);
    return code;
}

int app_run(const struct command *command, void *conf, int argc, char **argv, app_run_fn *run)
{
    static struct app app; /* static: handlers and helpers may outlive this frame */
    struct err err = { 0 };

    base_set_fatal(on_fatal);
    os_big_pages();
    os_memory_setup();
    app.command = command;
    app.name = argc > 0 ? base_name(argv[0]) : command->name;
    log_setup(app.name, LOG_NOTICE, LOG_TEXT, false);
    os_process_setup(&status_request);
    cpu_init();
    bool ok = opt_parse(command, conf, &app.common, &app.options, argc, argv, &app.arena, &err);
    const struct opt_common *c = &app.common;
    setup_log(&app);
    if (c->help || c->short_help || c->version || c->dump_options)
        return answer(&app);
    const char *isa = c->isa ? c->isa : os_env("MILLRACE_ISA");
    if (!ok || !cpu_choose(isa, &err) || !resolve_jobs(&app.common, &err) ||
        !check_common(&app, &err)) {
        usage_errors(&app, &err);
        return err.class;
    }
    if (waits_for_terminal(&app)) {
        struct buf text = { 0 };
        opt_help(command, app.name, true, &text);
        os_write_all(2, "stderr", buf_slice(&text), NULL);
        buf_release(&text);
        return ERR_USAGE;
    }
    if (c->lock && os_lock(c->lock, &err) < 0) { /* held until the process ends */
        log_error("%s", err.text);
        return err.class;
    }
    report_init(&app.report, command->name, argc, (const char *const *)argv);
    app.report.isa = cpu_isa_name();
    progress_init(&app.progress, c->progress == 1 || (c->progress < 0 && os_is_tty(2) && !c->quiet),
                  &status_request);
    ok = run(&app, conf, &err);
    return conclude(&app, ok, &err);
}

struct flow_conf app_flow_conf(struct app *app)
{
    const struct opt_common *c = &app->common;
    struct flow_conf fc = {
        .in = { .paths = app->options.operands,
                .path_count = app->options.operand_count,
                .files_from = c->files_from,
                .null_names = c->null_names },
        .output = c->output,
        .compress = c->compress,
        .rejects = c->rejects,
        .drops = c->drops,
        .force = c->force,
        .jobs = (int)c->jobs,
        .max_record = c->max_record,
        .max_errors = -1,
        .max_error_percent = -1,
        .command = app->command->name,
    };

    if (c->max_errors)
        parse_max_errors(c->max_errors, &fc);
    if (c->part)
        opt_parse_part(c->part, &fc.part, &fc.part_count);
    return fc;
}

bool app_given(const struct app *app, const char *long_name)
{
    return opt_given(app->command, &app->options, long_name);
}

const char *app_data_path(struct app *app, const char *text, const char *demo_name, struct err *err)
{
    char exe[4096];
    struct os_stat st;

    if (strcmp(text, "demo") != 0)
        return text;
    const char *roots[2] = { NULL, MILLRACE_DATADIR };
    if (os_exe_dir(exe, sizeof exe))
        roots[0] = arena_printf(&app->arena, "%s/../share/millrace", exe).ptr;
    for (ptrdiff_t i = 0; i < countof(roots); i++) {
        if (!roots[i])
            continue;
        const char *path = arena_printf(&app->arena, "%s/%s", roots[i], demo_name).ptr;
        if (os_stat(path, &st, NULL) && st.exists)
            return path;
    }
    err_set(err, ERR_NOINPUT, "the demo data '%s' is not in %s%s%s", demo_name,
            roots[0] ? roots[0] : "", roots[0] ? " nor in " : "", roots[1]);
    return NULL;
}
