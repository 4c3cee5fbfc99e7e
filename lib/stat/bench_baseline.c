/* Reading for bench.h: exports of ours and --report files of commands. Both come from outside. */
#include "bench.h"

#include "../json.h"
#include "bench_names.h"

#include <math.h>

static bool bad(struct err *err, const char *what)
{
    return err_set(err, ERR_CONFIG, "%s: not a JSON export of bench", what);
}

static const char *host_text(const struct json_node *host, const char *key, struct arena *arena)
{
    return arena_cstr_dup(arena, json_get_string(host, key, SLICE("")));
}

/* The result with this command; else the only one. */
static const struct json_node *result_find(const struct json_node *results, const char *command)
{
    for (const struct json_node *r = results->child; r; r = r->next)
        if (slice_eq(json_get_string(r, "command", SLICE("")), slice_of(command)))
            return r;
    return results->count == 1 ? results->child : NULL;
}

/* Times and sizes must be there and be numbers; figures of reports may be null. */
static bool samples_read(const struct json_node *samples, enum bench_measure m,
                         struct bench_result *r, struct arena *arena, struct err *err)
{
    const struct json_node *list = json_get(samples, bench_names[m].json);
    bool reported = m >= BENCH_FROM_REPORT;
    ptrdiff_t i = 0;

    if (reported && (!list || list->type != JSON_ARRAY || list->count != r->count))
        list = NULL;
    else if (!list || list->type != JSON_ARRAY || list->count != r->count)
        return bad(err, bench_names[m].json);
    r->samples[m] = arena_new(arena, double, r->count);
    for (const struct json_node *x = list ? list->child : NULL; x; x = x->next, i++)
        if (!json_double(x, &r->samples[m][i]) || !(r->samples[m][i] >= 0)) {
            if (!reported)
                return bad(err, bench_names[m].json);
            r->samples[m][i] = NAN;
        }
    for (; i < r->count; i++)
        r->samples[m][i] = NAN;
    return true;
}

bool bench_baseline(slice json, const char *command, struct bench_result *result,
                    struct bench_host *host, struct arena *arena, struct err *err)
{
    const struct json_node *root = json_parse(json, arena, err);

    if (!root)
        return false;
    const struct json_node *results = json_get(root, "results");
    if (!slice_eq(json_get_string(root, "kind", SLICE("")), SLICE("bench")) || !results ||
        results->type != JSON_ARRAY || results->count == 0)
        return bad(err, "no results");
    if (json_get_int(root, "schema", 0) != BENCH_SCHEMA)
        return err_set(err, ERR_CONFIG, "schema %lld is not known here: measure it again",
                       (long long)json_get_int(root, "schema", 0));
    const struct json_node *r = result_find(results, command);
    if (!r)
        return err_set(err, ERR_CONFIG, "no result of the command %s",
                       ERR_QUOTE(slice_of(command)));
    const struct json_node *samples = json_get(r, "samples");
    const struct json_node *wall = json_get(samples, bench_names[BENCH_WALL].json);
    *result = (struct bench_result){
        .command = arena_cstr_dup(arena, json_get_string(r, "command", SLICE(""))),
        .count = wall && wall->type == JSON_ARRAY ? wall->count : 0,
    };
    if (result->count < 1 || result->count > BENCH_RUNS_MAX)
        return bad(err, "no samples");
    for (int m = 0; m < BENCH_MEASURES; m++)
        if (!samples_read(samples, (enum bench_measure)m, result, arena, err))
            return false;
    const struct json_node *h = json_get(root, "host");
    *host = (struct bench_host){
        .cpu = host_text(h, "cpu", arena),
        .arch = host_text(h, "arch", arena),
        .governor = host_text(h, "governor", arena),
        .kernel = host_text(h, "kernel", arena),
        .cpus = json_get_int(h, "cpus", 0),
        .memory_bytes = json_get_int(h, "memory_bytes", 0),
    };
    return true;
}

/* NAME, or NAME_total: as a counter of --metrics is called. */
static double figure(const struct json_node *root, const char *name, struct arena *arena)
{
    const struct json_node *n = json_get(root, name);
    double x;

    if (!n)
        n = json_get(root, arena_printf(arena, "%s_total", name).ptr);
    return n && json_double(n, &x) && x >= 0 ? x : NAN;
}

bool bench_read_report(slice json, double *sample, struct arena *arena)
{
    struct err err;
    const struct json_node *root = json_parse(json, arena, &err);

    if (!root || root->type != JSON_OBJECT || !json_get(root, "schema") || !json_get(root, "cmd"))
        return false;
    sample[BENCH_RECORDS] = figure(root, "in", arena);
    sample[BENCH_BYTES] = figure(root, "bytes_in", arena);
    sample[BENCH_TOKENS] = figure(root, "tokens", arena);
    sample[BENCH_PROMPT_TOKENS] = figure(root, "prompt_tokens", arena);
    sample[BENCH_COMPLETION_TOKENS] = figure(root, "completion_tokens", arena);
    sample[BENCH_PROMPT_RATE] = figure(root, "prompt_tokens_per_second", arena);
    sample[BENCH_COMPLETION_RATE] = figure(root, "completion_tokens_per_second", arena);
    return true;
}
