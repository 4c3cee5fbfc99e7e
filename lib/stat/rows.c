#include "rows.h"

#include "../opt.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#define MAX_RECORD (64 << 20)

struct reading {
    rows_fn *fn;
    void *self;
};

static bool work(void *self, void *scratch, const struct flow_record *rec, struct arena *arena,
                 struct flow_verdict *verdict, struct err *err)
{
    (void)self;
    (void)scratch;
    (void)rec;
    (void)arena;
    (void)verdict;
    (void)err;
    return true;
}

static bool commit(void *self, const struct flow_record *rec, struct arena *arena,
                   struct flow_verdict *verdict, struct err *err)
{
    const struct reading *r = self;

    return verdict->action != FLOW_KEEP || r->fn(r->self, rec, arena, err);
}

bool rows_read(const struct bench_env *env, const char *const *paths, ptrdiff_t path_count,
               const struct flow_field *fields, int field_count, rows_fn *fn, void *self,
               struct err *err)
{
    struct flow_conf conf = {
        .in = { .paths = paths, .path_count = path_count },
        .jobs = env->jobs,
        .max_record = MAX_RECORD,
        .max_errors = -1,
        .max_error_percent = -1,
        .fields = fields,
        .field_count = field_count,
        .command = "bench",
        .no_output = true,
    };
    static const struct flow_filter filter = { .work = work, .commit = commit };
    struct reading r = { fn, self };
    struct flow *flow = flow_open(&conf, env->report, env->progress, err);

    if (!flow)
        return false;
    if (flow_filter_run(flow, &filter, &r, err))
        return flow_close(flow, err);
    flow_abort(flow);
    return false;
}

slice rows_text(const struct flow_record *rec, int field, struct arena *arena)
{
    const struct json_span *s = &rec->spans[field];
    struct json_fault fault;
    slice text;

    if (s->count == 0 || s->type == JSON_NULL)
        return slice_make(NULL, 0);
    if (s->type != JSON_STRING)
        return slice_make(rec->raw.ptr + s->start, s->len);
    /* Replacing never fails. */
    json_string(rec->raw, *s, JSON_SURROGATE_REPLACE, arena, &text, NULL, &fault);
    return text;
}

double rows_number(const struct flow_record *rec, int field)
{
    const struct json_span *s = &rec->spans[field];
    double x;

    if (s->count && s->type == JSON_TRUE)
        return 1;
    if (s->count && s->type == JSON_FALSE)
        return 0;
    if (s->count && s->type == JSON_NUMBER &&
        opt_parse_float(slice_make(rec->raw.ptr + s->start, s->len), &x))
        return x;
    return NAN;
}

bool rows_bad(const struct flow_record *rec, struct err *err, const char *fmt, ...)
{
    char text[256];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return err_set(err, ERR_DATA, "%s:%lld: %s", rec->file, (long long)rec->line, text);
}

bool rows_write(const struct bench_env *env, slice text, struct err *err)
{
    struct out_conf conf = { .path = env->output,
                             .force = env->force,
                             .compress = env->output ? NULL : "none" };
    struct out *out = out_open(&conf, err);

    if (!out)
        return false;
    if (out_write(out, text, err))
        return out_commit(out, err);
    out_abort(out);
    return false;
}
