#include "measuring.h"

#include "../log.h"
#include "../os.h"
#include "../simd/cpu.h"
#include "bench.h"

#include <math.h>
#include <stdio.h>

/* ---- what is run ---- */

struct job {
    const char *const *argv;
    const char *shown;
    const char *report;    /* file that the command writes its --report to; NULL: none known */
    struct os_stat before; /* of that file: a run that leaves it as it was wrote none */
    bool told;             /* that no report came */
};

struct run {
    const struct measuring_conf *conf;
    const struct bench_env *env;
    struct job job[2], prepare;
    struct bench bench;
    int64_t rounds;
    struct os_temp output[3]; /* stderr of the runs; their --report files */
    double margin, min_difference;
    struct bench_result base;
    struct arena scratch;
};

enum { OUTPUT_STDERR, OUTPUT_REPORT };

/* A private file that goes away whatever happens. */
static bool private_file(struct os_temp *t, struct arena *arena, struct err *err)
{
    const char *dir = os_env("TMPDIR");

    return os_temp_create(t, arena_printf(arena, "%s/millrace-bench", dir ? dir : "/tmp").ptr, true,
                          err);
}

static bool job_from_text(struct run *r, struct job *job, const char *text, struct err *err)
{
    struct arena *arena = r->env->arena;
    ptrdiff_t count;

    if (r->conf->shell) {
        const char **argv = arena_new(arena, const char *, 4);
        argv[0] = "/bin/sh";
        argv[1] = "-c";
        argv[2] = text;
        *job = (struct job){ .argv = argv, .shown = text };
        return true;
    }
    if (!bench_words(text, &job->argv, &count, arena, err))
        return false;
    job->shown = bench_shown(job->argv, count, arena);
    return true;
}

static bool job_report(struct run *r, int which, struct err *err)
{
    struct job *job = &r->job[which];
    const char *asked = r->conf->child_report;
    struct os_temp *t = &r->output[OUTPUT_REPORT + which];

    job->report = asked && *asked ? asked : r->conf->shell ? NULL : bench_report_named(job->argv);
    if (!asked || job->report)
        return true;
    if (r->conf->shell)
        return err_set(err, ERR_USAGE,
                       "--child-report with --shell needs =FILE: the file that the "
                       "command writes by its own --report");
    if (!private_file(t, r->env->arena, err))
        return false;
    job->report = t->path;
    job->argv = bench_report_added(job->argv, t->path, r->env->arena);
    return true;
}

static bool jobs_prepare(struct run *r, struct err *err)
{
    const struct measuring_conf *c = r->conf;

    if (c->operand_count == 0)
        return err_set(err, ERR_USAGE, "no command is given: bench [options] -- COMMAND ...");
    if (c->shell && c->operand_count > 1)
        return err_set(err, ERR_USAGE, "with --shell the command is one argument: quote it");
    if (c->shell) {
        if (!job_from_text(r, &r->job[0], c->operands[0], err))
            return false;
    } else {
        const char **argv = arena_new(r->env->arena, const char *, c->operand_count + 1);
        memcpy(argv, c->operands, (size_t)c->operand_count * sizeof *argv);
        r->job[0].argv = argv;
        r->job[0].shown = bench_shown(argv, c->operand_count, r->env->arena);
    }
    r->bench.count = c->vs ? 2 : 1;
    if ((c->vs && !job_from_text(r, &r->job[1], c->vs, err)) ||
        (c->prepare && !job_from_text(r, &r->prepare, c->prepare, err)))
        return false;
    for (int i = 0; i < r->bench.count; i++) {
        r->bench.result[i].command = r->job[i].shown;
        if (!job_report(r, i, err))
            return false;
    }
    return true;
}

/* ---- one run ---- */

/* The last line that a failed command printed, as ": 'line'", or "". */
static const char *last_words(const struct run *r, struct arena *arena)
{
    slice text;

    if (r->conf->show_output || !os_slurp(r->output[OUTPUT_STDERR].path, 64 << 20, &text, NULL))
        return "";
    while (text.len && (text.ptr[text.len - 1] == '\n' || text.ptr[text.len - 1] == ' '))
        text.len--;
    ptrdiff_t start = text.len;
    while (start && text.ptr[start - 1] != '\n')
        start--;
    const char *said = "";
    if (text.len)
        said = arena_printf(arena, ": %s", ERR_QUOTE(slice_from(text, start))).ptr;
    os_free(text);
    return said;
}

static bool run_job(struct run *r, const struct job *job, bool may_fail, struct os_usage *usage,
                    struct err *err)
{
    const struct measuring_conf *c = r->conf;
    struct os_spawn spawn = {
        .argv = job->argv,
        .stdin_path = c->input ? c->input : "/dev/null",
        .stdout_path = c->show_output ? NULL : "/dev/null",
        .stderr_path = c->show_output ? NULL : r->output[OUTPUT_STDERR].path,
        .stdout_to_stderr = c->show_output,
    };

    if (!os_run(&spawn, usage, err))
        return false;
    if (os_stopped())
        return err_set(err, ERR_STOP, "stopped by signal %d", os_stopped());
    if (usage->exit_code == 0 || may_fail)
        return true;
    return err_set(err, ERR_CHILD, "%s: exit code %d%s", ERR_QUOTE(slice_of(job->shown)),
                   usage->exit_code, last_words(r, r->env->arena));
}

static void read_report(struct run *r, struct job *job, double *sample)
{
    struct os_stat now;
    slice text;

    if (!job->report)
        return;
    bool fresh = os_stat(job->report, &now, NULL) && now.exists &&
                 (now.inode != job->before.inode || now.mtime_ns != job->before.mtime_ns);
    if (fresh && os_slurp(job->report, 64 << 20, &text, NULL)) {
        fresh = bench_read_report(text, sample, &r->scratch);
        os_free(text);
        arena_reset(&r->scratch);
        if (fresh)
            return;
    }
    if (!job->told && r->conf->child_report)
        log_warn("%s wrote no report of millrace to %s: no rates", ERR_QUOTE(slice_of(job->shown)),
                 ERR_QUOTE(slice_of(job->report)));
    job->told = true;
}

static void fill_sample(const struct os_usage *u, double *sample)
{
    sample[BENCH_WALL] = (double)u->wall_ns / 1e9;
    sample[BENCH_USER] = (double)u->user_ns / 1e9;
    sample[BENCH_SYSTEM] = (double)u->sys_ns / 1e9;
    sample[BENCH_CPU] = sample[BENCH_USER] + sample[BENCH_SYSTEM];
    sample[BENCH_RSS] = (double)u->max_rss_bytes;
    sample[BENCH_MINOR_FAULTS] = (double)u->minor_faults;
    sample[BENCH_MAJOR_FAULTS] = (double)u->major_faults;
    sample[BENCH_VOLUNTARY_SWITCHES] = (double)u->voluntary_switches;
    sample[BENCH_INVOLUNTARY_SWITCHES] = (double)u->involuntary_switches;
    sample[BENCH_EXIT] = u->exit_code;
    for (int m = BENCH_FROM_REPORT; m < BENCH_MEASURES; m++)
        sample[m] = NAN;
}

static bool once(void *self_run, int which, int64_t round, bool warmup, double *sample,
                 struct err *err)
{
    struct run *r = self_run;
    struct job *job = &r->job[which];
    struct os_usage usage;
    char line[80];

    if (r->env->progress->shown) {
        snprintf(line, sizeof line, "%s %lld of %lld", warmup ? "warm-up" : "run",
                 (long long)(warmup ? round : round - r->conf->warmup) + 1,
                 (long long)(warmup ? r->conf->warmup : r->conf->runs));
        log_status(line);
    }
    if (r->conf->prepare && !run_job(r, &r->prepare, false, &usage, err)) {
        if (err->class == ERR_CHILD)
            err_context(err, "--prepare");
        return false;
    }
    if (job->report)
        os_stat(job->report, &job->before, NULL);
    if (!run_job(r, job, r->conf->ignore_failure, &usage, err))
        return false;
    fill_sample(&usage, sample);
    read_report(r, job, sample);
    return true;
}

/* ---- options that need a look before anything runs ---- */

static bool parse_gate(struct run *r, struct err *err)
{
    const struct measuring_conf *c = r->conf;
    int64_t n = 0;

    if (!c->vs && !c->baseline && (c->fail_above || c->min_abs || c->strict_verdict))
        return err_set(err, ERR_USAGE, "--%s needs --baseline FILE or --vs COMMAND",
                       c->fail_above ? "fail-above"
                       : c->min_abs  ? "min-abs"
                                     : "strict-verdict");
    if (c->vs && c->baseline)
        return err_set(err, ERR_USAGE, "--vs and --baseline exclude each other");
    if (c->calibrate && (c->vs || c->baseline || c->exports.count || c->format > BENCH_JSON))
        return err_set(err, ERR_USAGE,
                       "--calibrate compares the command with itself: no --vs, "
                       "--baseline or --export, and --format table or json");
    r->margin = 0.02;
    if (c->fail_above) {
        slice s = slice_of(c->fail_above);
        s.len -= slice_ends(s, SLICE("%"));
        if (!opt_parse_float(s, &r->margin) || !(r->margin >= 0 && r->margin <= 10000))
            return err_set(err, ERR_USAGE, "--fail-above: %s is not a percentage from 0 to 10000",
                           ERR_QUOTE(slice_of(c->fail_above)));
        r->margin /= 100;
    }
    if (c->min_abs && c->gate == BENCH_RSS && !opt_parse_size(slice_of(c->min_abs), &n))
        return err_set(err, ERR_USAGE, "--min-abs: %s is not a size",
                       ERR_QUOTE(slice_of(c->min_abs)));
    if (c->min_abs && c->gate != BENCH_RSS && !opt_parse_duration(slice_of(c->min_abs), &n))
        return err_set(err, ERR_USAGE, "--min-abs: %s is not a duration",
                       ERR_QUOTE(slice_of(c->min_abs)));
    r->min_difference = c->gate == BENCH_RSS ? (double)n : (double)n / 1e9;
    return true;
}

static bool export_split(const char *text, enum bench_form *form, const char **path,
                         struct err *err)
{
    const char *equals = strchr(text, '=');
    slice name = { text, equals ? equals - text : 0 }, rest = SLICE(BENCH_FORMS);

    for (int i = 0; equals && equals[1] && rest.len; i++) {
        ptrdiff_t bar = slice_find(rest, '|');
        if (slice_eq(name, slice_make(rest.ptr, bar < 0 ? rest.len : bar))) {
            *form = (enum bench_form)i;
            *path = equals + 1;
            return true;
        }
        rest = bar < 0 ? slice_from(rest, rest.len) : slice_from(rest, bar + 1);
    }
    return err_set(err, ERR_USAGE, "--export: %s is not FORMAT=FILE with FORMAT one of %s",
                   ERR_QUOTE(slice_of(text)), BENCH_FORMS);
}

/* An export that cannot be made is said before the commands run for an hour. */
static bool check_exports(const struct run *r, struct err *err)
{
    enum bench_form form;
    const char *path;
    struct os_stat st;

    for (ptrdiff_t i = 0; i < r->conf->exports.count; i++) {
        if (!export_split(r->conf->exports.items[i], &form, &path, err))
            return false;
        if (!r->env->force && os_stat(path, &st, NULL) && st.is_file)
            return err_set(err, ERR_CANTCREAT, "%s exists: use --force to replace it",
                           ERR_QUOTE(slice_of(path)));
    }
    return true;
}

static void host_here(struct bench_host *h, struct arena *arena)
{
    struct os_host os;

    os_host(&os);
    *h = (struct bench_host){
        .cpu = cpu_model_name(),
        .arch = arena_cstr_dup(arena, slice_of(os.arch)),
        .governor = arena_cstr_dup(arena, slice_of(os.governor)),
        .kernel = arena_cstr_dup(arena, slice_of(os.kernel)),
        .cpus = os_cpu_count(),
        .memory_bytes = os.memory_bytes,
    };
}

/* Reads the baseline; *same_host false, with a warning, when it was measured elsewhere. */
static bool load_baseline(struct run *r, bool *same_host, struct err *err)
{
    struct arena *arena = r->env->arena;
    struct bench_host host;
    slice text;

    if (!in_slurp(r->conf->baseline, 1 << 30, &text, err))
        return false;
    bool ok = bench_baseline(text, r->job[0].shown, &r->base, &host, arena, err);
    os_free(text);
    if (!ok)
        return err_context(err, "--baseline %s", r->conf->baseline);
    if (strcmp(r->base.command, r->job[0].shown) != 0)
        log_notice("the baseline measured another command: %s",
                   ERR_QUOTE(slice_of(r->base.command)));
    const char *differs = bench_host_difference(&host, &r->bench.host, arena);
    if (differs)
        log_warn("the baseline is from another machine (%s): %s", differs,
                 r->conf->fail_above ? "this run cannot fail" : "compare with care");
    *same_host = !differs;
    return true;
}

/* ---- the end ---- */

static bool write_text(const struct run *r, const char *path, enum bench_form form, struct err *err)
{
    struct buf text = BUF_INIT(0);
    struct arena arena = { 0 };
    struct out *out = out_open(&(struct out_conf){ .path = path,
                                                   .force = r->env->force,
                                                   .compress = path ? NULL : "none" },
                               err);

    if (!out)
        return false;
    bench_format(&r->bench, form, &text, &arena);
    bool ok = out_write(out, buf_slice(&text), err);
    if (ok)
        ok = out_commit(out, err);
    else
        out_abort(out);
    buf_release(&text);
    arena_release(&arena);
    return ok;
}

static bool write_results(const struct run *r, struct err *err)
{
    enum bench_form form;
    const char *path;

    if (!write_text(r, r->env->output, (enum bench_form)r->conf->format, err))
        return false;
    for (ptrdiff_t i = 0; i < r->conf->exports.count; i++)
        if (!export_split(r->conf->exports.items[i], &form, &path, err) ||
            !write_text(r, path, form, err))
            return false;
    return true;
}

/* What a person reads below the log: GitHub's own file, which is added to. */
static bool step_summary(const struct run *r, struct err *err)
{
    const char *path = r->conf->format == BENCH_GITHUB ? os_env("GITHUB_STEP_SUMMARY") : NULL;
    struct buf text = BUF_INIT(0);
    struct arena arena = { 0 };

    if (!path)
        return true;
    int fd = os_open_write(path, true, true, err);
    if (fd < 0)
        return false;
    bench_format(&r->bench, BENCH_MARKDOWN, &text, &arena);
    bool ok = os_write_all(fd, path, buf_slice(&text), err);
    ok = os_close(fd, path, ok ? err : NULL) && ok;
    buf_release(&text);
    arena_release(&arena);
    return ok;
}

/* --calibrate: what this host can tell apart with so many runs. */
static bool write_noise(const struct run *r, struct err *err)
{
    static const struct {
        enum bench_measure measure;
        const char *name;
    } rows[] = { { BENCH_WALL, "wall" }, { BENCH_CPU, "cpu" }, { BENCH_RSS, "rss" } };
    const struct bench_result *result = &r->bench.result[0];
    struct buf text = BUF_INIT(0);
    bool json = r->conf->format == BENCH_JSON;

    if (result->count < 2 * STAT_MIN_SAMPLES)
        return err_set(err, ERR_USAGE, "--calibrate needs at least %d runs: --runs",
                       2 * STAT_MIN_SAMPLES);
    if (json)
        buf_printf(&text, "{\"schema\":1,\"runs\":%td", result->count);
    else
        buf_printf(&text, "%-6s %12s %12s %14s\n", "gate", "median", "noise 99 %", "--fail-above");
    for (int i = 0; i < countof(rows); i++) {
        enum bench_measure m = rows[i].measure;
        double noise = bench_noise(result, m, (uint64_t)r->env->seed, r->env->arena);
        double median = bench_summary(result, m, r->env->arena).median;
        /* Twice what nothing at all does, in whole percent, never under one. */
        double limit = MAX(1, ceil(noise * 200));
        if (json)
            buf_printf(&text,
                       ",\"%s\":{\"median\":%.9g,\"noise\":%.6f,\"fail_above_percent\":%.0f}",
                       rows[i].name, median, noise, limit);
        else
            buf_printf(&text, "%-6s %12.6g %11.2f%% %13.0f%%\n", rows[i].name, median, noise * 100,
                       limit);
        report_float(r->env->report, arena_printf(r->env->arena, "noise_%s", rows[i].name).ptr,
                     noise, NULL);
    }
    if (json)
        buf_append(&text, SLICE("}\n"));
    bool ok = rows_write(r->env, buf_slice(&text), err);
    buf_release(&text);
    return ok;
}

static void fill_report(struct run *r)
{
    struct report *rep = r->env->report;
    const struct bench_comparison *c = &r->bench.comparison;
    const struct bench_result *result = &r->bench.result[0];
    struct arena *a = r->env->arena;

    report_int(rep, "runs", result->count, "Measured runs of the command.");
    report_float(rep, "wall_median_seconds", bench_summary(result, BENCH_WALL, a).median,
                 "Median wall time of the command.");
    report_float(rep, "cpu_median_seconds", bench_summary(result, BENCH_CPU, a).median,
                 "Median CPU time of the command.");
    report_float(rep, "rss_median_bytes", bench_summary(result, BENCH_RSS, a).median,
                 "Median of the largest resident memory of the command.");
    if (!c->done)
        return;
    report_float(rep, "ratio", c->ratio.mid, "Ratio to what it was compared with.");
    report_text(rep, "verdict", slice_of(stat_verdict_name(c->verdict)));
    report_int(rep, "regression", c->regression, "1 when the command is clearly slower.");
}

static bool conclude(const struct run *r, struct err *err)
{
    const struct bench_comparison *c = &r->bench.comparison;
    slice verdict = c->done ? bench_verdict(&r->bench, r->env->arena) : SLICE("");

    if (c->regression)
        return err_set(err, ERR_FINDING, "regression: %.*s", SLICE_ARG(verdict));
    if (!c->done || c->verdict != STAT_INCONCLUSIVE)
        return true;
    if (r->conf->strict_verdict)
        return err_set(err, ERR_TEMPFAIL, "%.*s", SLICE_ARG(verdict));
    if (r->conf->fail_above)
        log_warn("%.*s; more runs (--runs) make it clearer", SLICE_ARG(verdict));
    return true;
}

static bool measure(struct run *r, struct err *err)
{
    const struct measuring_conf *c = r->conf;
    bool same_host = true;
    struct os_stat st;

    if (!parse_gate(r, err) || !jobs_prepare(r, err) || !check_exports(r, err))
        return false;
    if (c->input && (!os_stat(c->input, &st, err) ||
                     ((!st.exists || st.is_dir) &&
                      !err_set(err, ERR_NOINPUT, "--input: %s is not there or a folder",
                               ERR_QUOTE(slice_of(c->input))))))
        return false;
    host_here(&r->bench.host, r->env->arena);
    if (c->baseline && !load_baseline(r, &same_host, err))
        return false;
    if (!private_file(&r->output[OUTPUT_STDERR], r->env->arena, err))
        return false;
    struct bench_plan plan = { .warmup = c->warmup,
                               .runs = c->runs,
                               .min_time_ns = c->min_time,
                               .seed = (uint64_t)r->env->seed };
    r->bench.warmup = c->warmup;
    r->bench.seed = r->env->seed;
    r->bench.unix_ms = os_unix_ms();
    bool ok = bench_measure(&r->bench, &plan, once, r, r->env->arena, err);
    log_status_clear();
    if (!ok)
        return false;
    struct bench_gate gate = { .measure = (enum bench_measure)c->gate,
                               .margin = r->margin,
                               .min_difference = r->min_difference,
                               .fail = c->fail_above,
                               .same_host = same_host };
    if (c->vs)
        bench_compare(&r->bench, &r->bench.result[1], true, r->job[1].shown, &gate, r->env->arena);
    else if (c->baseline)
        bench_compare(&r->bench, &r->base, false, c->baseline, &gate, r->env->arena);
    fill_report(r);
    if (c->calibrate)
        return write_noise(r, err);
    return write_results(r, err) && step_summary(r, err) && conclude(r, err);
}

bool measuring_run(const struct bench_env *env, const struct measuring_conf *conf, struct err *err)
{
    struct run *r = arena_new(env->arena, struct run, 1);

    r->conf = conf;
    r->env = env;
    for (int i = 0; i < countof(r->output); i++)
        r->output[i] = (struct os_temp){ .fd = -1, .slot = -1 };
    bool ok = measure(r, err);
    for (int i = 0; i < countof(r->output); i++)
        os_temp_discard(&r->output[i]);
    arena_release(&r->scratch);
    return ok;
}
