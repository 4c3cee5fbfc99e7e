#include "mode.h"

slice mode_id_json(const struct flow_record *rec, int id_field, struct arena *arena)
{
    struct json_span s = rec->spans[id_field];

    if (s.count == 1 && (s.type == JSON_STRING || s.type == JSON_NUMBER))
        return slice_make(rec->raw.ptr + s.start, s.len);
    struct buf b = { 0 };
    json_append_bytes(&b, flow_id(rec, -1, arena));
    slice text = arena_dup(arena, buf_slice(&b));
    buf_release(&b);
    return text;
}

bool mode_read_reference(const struct mode_env *env, const char *path,
                         const struct flow_field *fields, int field_count,
                         const struct flow_filter *filter, void *self, struct err *err)
{
    struct report report;
    struct progress progress;
    struct flow_conf fc = { .in = { .paths = &path, .path_count = 1 },
                            .jobs = env->flow.jobs,
                            .max_record = env->flow.max_record,
                            .max_errors = -1,
                            .max_error_percent = -1,
                            .fields = fields,
                            .field_count = field_count,
                            .command = env->flow.command,
                            .no_output = true };

    if (strcmp(path, "-") == 0)
        return err_set(err, ERR_USAGE, "the reference is a file, not stdin");
    report_init(&report, env->flow.command, 0, NULL);
    progress_init(&progress, false, NULL);
    struct flow *flow = flow_open(&fc, &report, &progress, err);
    bool ok = flow && flow_filter_run(flow, filter, self, err);
    if (ok)
        ok = flow_close(flow, err);
    else
        flow_abort(flow);
    report_release(&report);
    return ok;
}
