/* bench: run a command many times, say how fast it is, and whether it became slower. */
#include "../lib/app.h"
#include "../lib/os.h"
#include "../lib/stat/bench.h"
#include "../lib/stat/canary.h"
#include "../lib/stat/evaluate.h"
#include "../lib/stat/loading.h"
#include "../lib/stat/measuring.h"
#include "../lib/stat/phases.h"
#include "../lib/stat/strata.h"

#include <math.h>

struct conf {
    struct measuring_conf m;
    struct evaluate_conf eval;
    struct opt_list metrics;
    double alpha, share;
    struct loading_conf load;
    struct strata_conf strata;
    struct phases_conf phases;
    bool compare, load_mode, stats_mode, phases_mode;
};

enum mode { MODE_MEASURE, MODE_EVAL, MODE_COMPARE, MODE_LOAD, MODE_STATS, MODE_PHASES };
#define IN(mode)    (1u << (mode))
#define AT(member)  offsetof(struct conf, m.member)
#define OWN(member) offsetof(struct conf, member)

static bool check_at(const char *text, struct err *err)
{
    int64_t at[EVALUATE_AT_MAX];
    int count;

    return evaluate_at(text, at, &count, err);
}

static bool check_metric(const char *text, struct err *err)
{
    struct canary_metric metric;

    return canary_metric(text, &metric, NULL, err);
}

static const struct opt opts[] = {
    { 'n', "runs", OPT_INT, AT(runs), .arg = "N", .def = "10", .min = 1, .max = BENCH_RUNS_MAX,
      .modes = IN(MODE_MEASURE), .group = "Measuring", .help = "measured runs of each command" },
    { 'w', "warmup", OPT_INT, AT(warmup), .arg = "N", .def = "1", .max = 10000,
      .modes = IN(MODE_MEASURE), .group = "Measuring", .help = "runs before, not measured" },
    { 0, "min-time", OPT_DURATION, AT(min_time), .arg = "TIME", .max = 86400,
      .modes = IN(MODE_MEASURE), .group = "Measuring",
      .help = "more runs, until they took TIME in total" },
    { 0, "vs", OPT_STRING, AT(vs), .arg = "COMMAND", .complete = OPT_COMPLETE_COMMAND,
      .modes = IN(MODE_MEASURE), .group = "Measuring",
      .help = "compare with COMMAND, runs interleaved" },
    { 0, "calibrate", OPT_FLAG, AT(calibrate), .modes = IN(MODE_MEASURE), .group = "Measuring",
      .help = "how far runs of COMMAND alone go apart" },
    { 0, "prepare", OPT_STRING, AT(prepare), .arg = "COMMAND", .complete = OPT_COMPLETE_COMMAND,
      .modes = IN(MODE_MEASURE), .group = "Measuring",
      .help = "run COMMAND before every run, not measured" },
    { 0, "input", OPT_PATH, AT(input), .arg = "FILE", .modes = IN(MODE_MEASURE),
      .group = "Measuring", .help = "stdin of every run (default: empty)" },
    { 0, "shell", OPT_FLAG, AT(shell), .modes = IN(MODE_MEASURE), .group = "Measuring",
      .help = "commands are texts for /bin/sh" },
    { 0, "child-report", OPT_PATH, AT(child_report), .arg = "FILE", .flags = OPT_OPTIONAL,
      .modes = IN(MODE_MEASURE), .group = "Measuring",
      .help = "add --report to commands, or read FILE after runs" },
    { 0, "show-output", OPT_FLAG, AT(show_output), .modes = IN(MODE_MEASURE), .group = "Measuring",
      .help = "show what commands print, on stderr" },
    { 'i', "ignore-failure", OPT_FLAG, AT(ignore_failure), .modes = IN(MODE_MEASURE),
      .group = "Measuring", .help = "measure commands that fail, too" },
    { 0, "baseline", OPT_PATH, AT(baseline), .arg = "FILE", .modes = IN(MODE_MEASURE),
      .group = "Verdict", .help = "compare with an earlier --export json=FILE" },
    { 0, "fail-above", OPT_STRING, AT(fail_above), .arg = "PCT", .modes = IN(MODE_MEASURE),
      .group = "Verdict", .help = "exit 1 when clearly slower by more than PCT" },
    { 0, "min-abs", OPT_STRING, AT(min_abs), .arg = "X", .modes = IN(MODE_MEASURE),
      .group = "Verdict", .help = "and by more than X (2ms; with --gate rss 1M)" },
    { 0, "gate", OPT_ENUM, AT(gate), .arg = "WHAT", .def = "wall",
      .choices = "wall|cpu|user|system|rss", .modes = IN(MODE_MEASURE), .group = "Verdict",
      .help = "what is compared" },
    { 0, "strict-verdict", OPT_FLAG, AT(strict_verdict), .modes = IN(MODE_MEASURE),
      .group = "Verdict", .help = "exit 75 when the comparison is inconclusive" },
    { 0, "format", OPT_ENUM, AT(format), .arg = "FORMAT", .def = "table", .choices = BENCH_FORMS,
      .group = "Output", .help = "of the result" },
    { 0, "export", OPT_PATH, AT(exports), .arg = "FORMAT=FILE", .flags = OPT_REPEAT | OPT_WRITES,
      .modes = IN(MODE_MEASURE), .group = "Output", .help = "write the result to FILE as well" },
    { 0, "eval", OPT_PATH, OWN(eval.gold), .arg = "GOLD", .flags = OPT_MODE, .group = "Quality",
      .help = "how good predictions for the rows of GOLD are" },
    { 0, "pred", OPT_PATH, OWN(eval.pred), .arg = "FILE", .modes = IN(MODE_EVAL),
      .group = "Quality", .help = "the predictions, joined by id" },
    { 0, "task", OPT_ENUM, OWN(eval.task), .arg = "TASK", .def = "label",
      .choices = "label|answer|pass|rank|perplexity", .modes = IN(MODE_EVAL), .group = "Quality",
      .help = "what the rows say" },
    { 0, "gold-field", OPT_FIELD, OWN(eval.gold_field), .arg = "PATH", .modes = IN(MODE_EVAL),
      .group = "Quality", .help = "member of the right answer" },
    { 0, "pred-field", OPT_FIELD, OWN(eval.pred_field), .arg = "PATH", .modes = IN(MODE_EVAL),
      .group = "Quality", .help = "member of the prediction" },
    { 0, "at", OPT_STRING, OWN(eval.at), .arg = "K,...", .def = "1,5,10", .modes = IN(MODE_EVAL),
      .check = check_at, .group = "Quality", .help = "k of pass@k, recall@k and nDCG@k" },
    { 0, "compare", OPT_FLAG, OWN(compare), .flags = OPT_MODE, .group = "Canary",
      .help = "promote (0), roll back (1) or wait (75)" },
    { 0, "metric", OPT_STRING, OWN(metrics), .arg = "FIELD[:...]",
      .flags = OPT_REPEAT | OPT_REQUIRED, .modes = IN(MODE_COMPARE), .check = check_metric,
      .group = "Canary", .help = "member[:higher][:unit][:margin], lower is better" },
    { 0, "alpha", OPT_FLOAT, OWN(alpha), .arg = "P", .def = "0.05", .min = 1e-6, .max = 0.5,
      .modes = IN(MODE_COMPARE), .group = "Canary", .help = "chance of a wrong verdict" },
    { 0, "share", OPT_FLOAT, OWN(share), .arg = "P", .min = 0.0001, .max = 0.9999,
      .modes = IN(MODE_COMPARE), .group = "Canary",
      .help = "expected share of CANARY: checked, 65 when not so" },
    { 0, "load", OPT_FLAG, OWN(load_mode), .flags = OPT_MODE, .group = "Load",
      .help = "send requests to a filter, time its answers" },
    { 0, "requests", OPT_PATH, OWN(load.requests), .arg = "FILE", .flags = OPT_REQUIRED,
      .modes = IN(MODE_LOAD), .group = "Load", .help = "JSONL lines, sent again and again" },
    { 0, "rate", OPT_FLOAT, OWN(load.rate), .arg = "R", .min = 0.001, .max = 1e7,
      .modes = IN(MODE_LOAD), .group = "Load", .help = "open loop: Poisson arrivals per second" },
    { 0, "concurrency", OPT_INT, OWN(load.concurrency), .arg = "N", .def = "1", .min = 1,
      .max = 1000000, .modes = IN(MODE_LOAD), .group = "Load",
      .help = "closed loop: requests in flight" },
    { 0, "duration", OPT_DURATION, OWN(load.duration_ns), .arg = "TIME", .def = "10s", .min = 0.001,
      .max = 86400, .modes = IN(MODE_LOAD), .group = "Load", .help = "how long requests are sent" },
    { 0, "slo", OPT_DURATION, OWN(load.slo_ns), .arg = "TIME", .min = 0.000001, .max = 86400,
      .modes = IN(MODE_LOAD), .group = "Load", .help = "latency that counts as good" },
    { 0, "saturate", OPT_FLAG, OWN(load.saturate), .modes = IN(MODE_LOAD), .needs = "slo",
      .group = "Load", .help = "search the highest rate within --slo" },
    { 0, "stats", OPT_FLAG, OWN(stats_mode), .flags = OPT_MODE, .group = "Samples",
      .help = "shares, lengths and drift of a sample" },
    { 0, "by", OPT_FIELD, OWN(strata.by), .arg = "PATH", .modes = IN(MODE_STATS),
      .group = "Samples", .help = "member whose values are the strata" },
    { 0, "length-of", OPT_FIELD, OWN(strata.field), .arg = "PATH", .def = "text",
      .modes = IN(MODE_STATS), .group = "Samples", .help = "member whose length is measured" },
    { 0, "reference", OPT_PATH, OWN(strata.reference), .arg = "FILE", .modes = IN(MODE_STATS),
      .group = "Samples", .help = "sample that drift is measured from" },
    { 0, "max-psi", OPT_FLOAT, OWN(strata.max_psi), .arg = "X", .min = 0, .max = 1000,
      .modes = IN(MODE_STATS), .needs = "reference", .group = "Samples",
      .help = "exit 1 when the drift (PSI) is more" },
    { 0, "phases", OPT_FLAG, OWN(phases_mode), .flags = OPT_MODE, .group = "Latency",
      .help = "where time goes, from the timings of infer" },
    { 0, "plot", OPT_PATH, OWN(phases.plot), .arg = "FILE", .flags = OPT_WRITES,
      .modes = IN(MODE_PHASES), .group = "Latency", .help = "draw it" },
};

static const struct command_mode modes[] = {
    [MODE_MEASURE] = { NULL, "run a command and measure it", COMMON_JOBS, false },
    [MODE_EVAL] = { "eval", "judge predictions", COMMON_SEED, true },
    [MODE_LOAD] = { "load", "time the answers of a filter", COMMON_JOBS, false },
    [MODE_STATS] = { "stats", "what a sample is made of", COMMON_SEED, false },
    [MODE_PHASES] = { "phases", "where the time of requests goes", COMMON_SEED, false },
    [MODE_COMPARE] = { "compare", "verdict on a canary", COMMON_SEED, false },
};

static const char *const synopsis[] = {
    "[options] [--] COMMAND [ARGUMENT...]", "--eval GOLD --pred FILE [options]",
    "--compare STABLE CANARY --metric FIELD [options]",
    "--load --requests FILE [options] [--] COMMAND [ARGUMENT...]", NULL
};
static const struct command_example examples[] = {
    { "how fast is it", "bench --input in.jsonl --child-report -- clean --normalize nfc" },
    { "two commands, side by side", "bench --vs 'sort in.jsonl' -- sort -u in.jsonl" },
    { "a pipeline", "bench --shell -- 'clean < in.jsonl | dedup'" },
    { "keep a baseline", "bench --export json=base.json -- clean in.jsonl" },
    { "fail when it became slower",
      "bench --baseline base.json --fail-above 50% -- clean in.jsonl" },
    { "what can this machine tell apart", "bench --calibrate --runs 20 -- clean in.jsonl" },
    { "how good are these labels", "bench --eval gold.jsonl --pred pred.jsonl" },
    { "may the canary take over",
      "bench --compare stable.jsonl canary.jsonl --metric ms:5% --metric error" },
    { "how fast are the answers at 500 requests a second",
      "bench --load --requests in.jsonl --rate 500 --duration 2s -- clean --trim" },
    { "has today's sample drifted from yesterday's",
      "bench --stats --by lang --reference gold.jsonl --max-psi 0.25 pred.jsonl" },
    { "where does the time of requests go",
      "infer -m demo --timings < in.jsonl | bench --phases --plot p.svg" },
    { 0 },
};

static const struct command self = {
    .name = "bench",
    .summary = "measure commands and compare them",
    .synopsis = synopsis,
    .examples = examples,
    .opts = opts,
    .opt_count = countof(opts),
    .modes = modes,
    .mode_count = countof(modes),
    .common = COMMON_TARGET | COMMON_SEED | COMMON_PROGRESS | COMMON_JOBS,
    .operands = "COMMAND...",
    .operands_end_options = IN(MODE_MEASURE) | IN(MODE_LOAD),
    .order = "rounds; in each round every command runs once, in seeded order",
    .memory = "120 bytes per run; --eval, --compare: ids and figures",
};

static bool compare(struct app *app, const struct bench_env *env, const struct conf *c,
                    struct err *err)
{
    struct canary_metric metrics[CANARY_METRICS_MAX];
    struct canary_conf conf = { .metrics = metrics,
                                .metric_count = (int)c->metrics.count,
                                .alpha = c->alpha,
                                .share = c->share,
                                .json = c->m.format == BENCH_JSON };

    if (app->options.operand_count != 2)
        return err_set(err, ERR_USAGE, "--compare takes two files: STABLE CANARY");
    if (c->metrics.count > CANARY_METRICS_MAX)
        return err_set(err, ERR_USAGE, "at most %d --metric", CANARY_METRICS_MAX);
    for (int i = 0; i < conf.metric_count; i++)
        if (!canary_metric(c->metrics.items[i], &metrics[i], env->arena, err))
            return false;
    conf.stable = app->options.operands[0];
    conf.canary = app->options.operands[1];
    return canary_run(env, &conf, err);
}

static bool evaluate(struct app *app, const struct bench_env *env, struct conf *c, struct err *err)
{
    bool gold_only = c->eval.task == EVALUATE_PERPLEXITY;

    if (gold_only != !c->eval.pred)
        return err_set(err, ERR_USAGE,
                       gold_only ? "--task perplexity takes no --pred"
                                 : "--eval needs --pred FILE");
    if (app_given(app, "at") && c->eval.task != EVALUATE_PASS && c->eval.task != EVALUATE_RANK)
        return err_set(err, ERR_USAGE, "--at is for --task pass and rank");
    if (gold_only && (c->eval.gold_field || c->eval.pred_field))
        return err_set(err, ERR_USAGE, "--task perplexity reads the members nll and n");
    c->eval.json = c->m.format == BENCH_JSON;
    return evaluate_run(env, &c->eval, err);
}

static bool load(struct app *app, const struct bench_env *env, struct conf *c, struct err *err)
{
    ptrdiff_t count = app->options.operand_count;
    const char **argv = arena_new(env->arena, const char *, count + 1);

    if (count == 0)
        return err_set(err, ERR_USAGE,
                       "no command is given: bench --load [options] -- COMMAND ...");
    if (c->load.rate > 0 && app_given(app, "concurrency"))
        return err_set(err, ERR_USAGE, "--rate and --concurrency exclude each other");
    if (c->load.saturate && app_given(app, "concurrency"))
        return err_set(err, ERR_USAGE, "--saturate and --concurrency exclude each other");
    memcpy(argv, app->options.operands, (size_t)count * sizeof *argv);
    c->load.argv = argv;
    c->load.shown = bench_shown(argv, count, env->arena);
    c->load.json = c->m.format == BENCH_JSON;
    return loading_run(env, &c->load, err);
}

static bool run(struct app *app, void *arg, struct err *err)
{
    struct conf *c = arg;
    struct bench_env env = { .report = &app->report,
                             .progress = &app->progress,
                             .arena = &app->arena,
                             .output = app->common.output,
                             .force = app->common.force,
                             .jobs = (int)app->common.jobs,
                             .seed = app->common.seed };

    if (app->options.mode != MODE_MEASURE && c->m.format > BENCH_JSON)
        return err_set(err, ERR_USAGE, "this mode has --format table and json");
    switch (app->options.mode) {
    case MODE_EVAL:
        return evaluate(app, &env, c, err);
    case MODE_STATS:
        c->strata.paths = app->options.operands;
        c->strata.path_count = app->options.operand_count;
        c->strata.max_psi = app_given(app, "max-psi") ? c->strata.max_psi : NAN;
        c->strata.json = c->m.format == BENCH_JSON;
        return strata_run(&env, &c->strata, err);
    case MODE_PHASES:
        c->phases.paths = app->options.operands;
        c->phases.path_count = app->options.operand_count;
        c->phases.json = c->m.format == BENCH_JSON;
        return phases_run(&env, &c->phases, err);
    case MODE_LOAD:
        return load(app, &env, c, err);
    case MODE_COMPARE:
        return compare(app, &env, c, err);
    default:
        c->m.operands = app->options.operands;
        c->m.operand_count = app->options.operand_count;
        return measuring_run(&env, &c->m, err);
    }
}

int main(int argc, char **argv)
{
    static struct conf conf;

    return app_run(&self, &conf, argc, argv, run);
}
