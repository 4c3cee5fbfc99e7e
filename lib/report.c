#include "report.h"

#include "json.h"
#include "os.h"
#include "out.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

enum item_type { ITEM_INT, ITEM_FLOAT, ITEM_JSON };

struct report_item {
    struct report_item *next;
    const char *name, *help; /* help NULL: not a metric */
    enum item_type type;
    int64_t integer;
    double number;
    slice json;
};

/* The figures of the runtime: member of the JSON report, name and help of the metric. */
struct figure {
    const char *member, *metric, *help;
    ptrdiff_t offset;
};
#define FIGURE(member, metric, help)                                                               \
    {                                                                                              \
#member, metric, help, offsetof(struct report, member)                                     \
    }
static const struct figure counts_before[] = {
    FIGURE(in, "records_in", "Input records of the last run."),
    FIGURE(out, "records_kept", "Input records of the last run that came out."),
    FIGURE(records_out, "records_out", "Records that the last run wrote."),
};
static const struct figure counts_after[] = {
    FIGURE(rejected, "records_rejected", "Bad records of the last run."),
    FIGURE(empty_lines, "empty_lines", "Empty input lines of the last run, skipped."),
    FIGURE(bytes_in, "input_bytes", "Bytes that the last run read, after decompression."),
    FIGURE(bytes_out, "output_bytes", "Bytes that the last run wrote, before compression."),
};
/* Members with other sources; own figures may not take any of these names. */
static const char *const reserved[] = { "schema",         "cmd",     "version",
                                        "argv",           "isa",     "jobs",
                                        "dropped",        "seconds", "cpu_seconds",
                                        "peak_rss_bytes", "exit" };

static int64_t figure_value(const struct report *r, const struct figure *f)
{
    return *(const int64_t *)((const char *)r + f->offset);
}

void report_init(struct report *r, const char *command, int argc, const char *const *argv)
{
    *r = (struct report){
        .command = command, .argc = argc, .argv = argv, .jobs = 1, .start_ns = os_now_ns()
    };
    r->items_tail = &r->items;
}

void report_release(struct report *r)
{
    arena_release(&r->arena);
    *r = (struct report){ 0 };
}

int64_t *report_rule(struct report *r, const char *name)
{
    for (ptrdiff_t i = 0; i < r->rule_count; i++)
        if (r->rules[i].name == name || strcmp(r->rules[i].name, name) == 0)
            return &r->rules[i].count;
    ptrdiff_t size = (ptrdiff_t)sizeof *r->rules;
    r->rules = arena_grow(&r->arena, r->rules, r->rule_count * size, (r->rule_count + 1) * size,
                          _Alignof(struct report_rule));
    struct report_rule *rule = &r->rules[r->rule_count++];
    *rule = (struct report_rule){ .name = arena_cstr_dup(&r->arena, slice_of(name)) };
    return &rule->count;
}

int64_t report_dropped(const struct report *r)
{
    int64_t sum = 0;

    for (ptrdiff_t i = 0; i < r->rule_count; i++)
        sum += r->rules[i].count;
    return sum;
}

/* ---- own figures ---- */

static bool is_reserved(const char *name)
{
    for (int i = 0; i < countof(reserved); i++)
        if (strcmp(name, reserved[i]) == 0)
            return true;
    for (int i = 0; i < countof(counts_before); i++)
        if (strcmp(name, counts_before[i].member) == 0 ||
            strcmp(name, counts_before[i].metric) == 0)
            return true;
    for (int i = 0; i < countof(counts_after); i++)
        if (strcmp(name, counts_after[i].member) == 0 || strcmp(name, counts_after[i].metric) == 0)
            return true;
    return false;
}

static struct report_item *item_set(struct report *r, const char *name, const char *help)
{
    struct report_item *it = r->items;

    ASSERT(!is_reserved(name));
    while (it && strcmp(it->name, name) != 0)
        it = it->next;
    if (!it) {
        it = arena_new(&r->arena, struct report_item, 1);
        it->name = arena_cstr_dup(&r->arena, slice_of(name));
        *r->items_tail = it;
        r->items_tail = &it->next;
    }
    it->help = help ? arena_cstr_dup(&r->arena, slice_of(help)) : NULL;
    return it;
}

void report_int(struct report *r, const char *name, int64_t value, const char *help)
{
    struct report_item *it = item_set(r, name, help);

    it->type = ITEM_INT;
    it->integer = value;
}

void report_float(struct report *r, const char *name, double value, const char *help)
{
    struct report_item *it = item_set(r, name, help);

    it->type = ITEM_FLOAT;
    it->number = value;
}

void report_json(struct report *r, const char *name, slice json_text)
{
    struct report_item *it = item_set(r, name, NULL);

    it->type = ITEM_JSON;
    it->json = arena_dup(&r->arena, json_text);
}

void report_text(struct report *r, const char *name, slice value)
{
    struct buf b = BUF_INIT(0);

    json_append_bytes(&b, value);
    report_json(r, name, buf_slice(&b));
    buf_release(&b);
}

/* ---- JSON ---- */

static void json_member(struct buf *b, const char *name)
{
    if (b->len > 1 && b->ptr[b->len - 1] != '{')
        buf_append_byte(b, ',');
    json_append_bytes(b, slice_of(name));
    buf_append_byte(b, ':');
}

static void json_text_member(struct buf *b, const char *name, const char *value)
{
    json_member(b, name);
    json_append_bytes(b, slice_of(value ? value : ""));
}

static void json_int_member(struct buf *b, const char *name, int64_t value)
{
    json_member(b, name);
    buf_append_i64(b, value);
}

static void json_float_member(struct buf *b, const char *name, double value)
{
    json_member(b, name);
    buf_append_double(b, value);
}

static double report_seconds(const struct report *r)
{
    return (double)(os_now_ns() - r->start_ns) / 1e9;
}

/* Microseconds are enough, and they read better. */
static double rounded(double seconds)
{
    return round(seconds * 1e6) / 1e6;
}

static void json_items(struct buf *b, const struct report *r)
{
    for (const struct report_item *it = r->items; it; it = it->next) {
        json_member(b, it->name);
        if (it->type == ITEM_INT)
            buf_append_i64(b, it->integer);
        else if (it->type == ITEM_FLOAT)
            buf_append_double(b, it->number);
        else
            buf_append(b, it->json);
    }
}

static void report_json_text(const struct report *r, int exit_code, struct buf *b)
{
    buf_append_byte(b, '{');
    json_int_member(b, "schema", 1);
    json_text_member(b, "cmd", r->command);
    json_text_member(b, "version", MILLRACE_VERSION);
    json_member(b, "argv");
    buf_append_byte(b, '[');
    for (int i = 0; i < r->argc; i++) {
        if (i)
            buf_append_byte(b, ',');
        json_append_bytes(b, slice_of(r->argv[i]));
    }
    buf_append_byte(b, ']');
    json_text_member(b, "isa", r->isa);
    json_int_member(b, "jobs", r->jobs);
    for (int i = 0; i < countof(counts_before); i++)
        json_int_member(b, counts_before[i].member, figure_value(r, &counts_before[i]));
    json_member(b, "dropped");
    buf_append_byte(b, '{');
    for (ptrdiff_t i = 0; i < r->rule_count; i++)
        json_int_member(b, r->rules[i].name, r->rules[i].count);
    buf_append_byte(b, '}');
    for (int i = 0; i < countof(counts_after); i++)
        json_int_member(b, counts_after[i].member, figure_value(r, &counts_after[i]));
    json_float_member(b, "seconds", rounded(report_seconds(r)));
    json_float_member(b, "cpu_seconds", rounded(os_cpu_seconds()));
    json_int_member(b, "peak_rss_bytes", os_peak_rss_bytes());
    json_int_member(b, "exit", exit_code);
    json_items(b, r);
    buf_append(b, SLICE("}\n"));
}

/* ---- Prometheus text format 0.0.4 ----
 * https://prometheus.io/docs/instrumenting/exposition_formats/
 * All figures are those of the last run, so they are gauges; rates come from the collector. */

/* In label values \ " and LF are escaped, in help texts \ and LF; bytes that are not UTF-8 become
 * U+FFFD by way of the JSON writer's rule. */
static void metric_escaped(struct buf *b, slice s, bool label)
{
    while (s.len > 0) {
        ptrdiff_t good = json_utf8_prefix(s);
        for (ptrdiff_t i = 0; i < good; i++) {
            char c = s.ptr[i];
            if (c == '\n')
                buf_append(b, SLICE("\\n"));
            else if (c == '\\' || (label && c == '"'))
                buf_printf(b, "\\%c", c);
            else
                buf_append_byte(b, c);
        }
        s = slice_from(s, good);
        if (s.len > 0) {
            buf_append(b, SLICE("\xEF\xBF\xBD"));
            s = slice_from(s, 1);
        }
    }
}

/* Letters, digits and '_' only; a tool's or figure's '-' becomes '_'. */
static void metric_name(struct buf *b, const struct report *r, const char *name)
{
    ptrdiff_t start = b->len;

    buf_printf(b, "millrace_%s_%s", r->command, name);
    for (ptrdiff_t i = start; i < b->len; i++) {
        char c = b->ptr[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!good)
            b->ptr[i] = '_';
    }
}

static void metric_head(struct buf *b, const struct report *r, const char *name, const char *help)
{
    bool counter = slice_ends(slice_of(name), SLICE("_total"));

    buf_append(b, SLICE("# HELP "));
    metric_name(b, r, name);
    buf_append_byte(b, ' ');
    metric_escaped(b, slice_of(help), false);
    buf_append(b, SLICE("\n# TYPE "));
    metric_name(b, r, name);
    buf_append(b, counter ? SLICE(" counter\n") : SLICE(" gauge\n"));
}

static void metric_int(struct buf *b, const struct report *r, const char *name, const char *help,
                       int64_t value)
{
    metric_head(b, r, name, help);
    metric_name(b, r, name);
    buf_printf(b, " %" PRId64 "\n", value);
}

static void metric_float(struct buf *b, const struct report *r, const char *name, const char *help,
                         double value)
{
    metric_head(b, r, name, help);
    metric_name(b, r, name);
    buf_append_byte(b, ' ');
    if (isnan(value))
        buf_append(b, SLICE("NaN"));
    else if (isinf(value))
        buf_append(b, value > 0 ? SLICE("+Inf") : SLICE("-Inf"));
    else
        buf_append_double(b, value);
    buf_append_byte(b, '\n');
}

static void metric_labels(struct buf *b, const struct report *r, const char *name,
                          const char *const *labels, const char *const *values, int count)
{
    metric_name(b, r, name);
    for (int i = 0; i < count; i++) {
        buf_printf(b, "%c%s=\"", i ? ',' : '{', labels[i]);
        metric_escaped(b, slice_of(values[i] ? values[i] : ""), true);
        buf_append_byte(b, '"');
    }
    buf_append_byte(b, '}');
}

static void report_metrics_text(const struct report *r, int exit_code, struct buf *b)
{
    static const char *const info[] = { "version", "isa" }, *const rule[] = { "rule" };
    const char *values[] = { MILLRACE_VERSION, r->isa };

    metric_head(b, r, "info", "The program that made these figures.");
    metric_labels(b, r, "info", info, values, 2);
    buf_append(b, SLICE(" 1\n"));
    for (int i = 0; i < countof(counts_before); i++)
        metric_int(b, r, counts_before[i].metric, counts_before[i].help,
                   figure_value(r, &counts_before[i]));
    if (r->rule_count)
        metric_head(b, r, "records_dropped", "Records of the last run that fell to a rule.");
    for (ptrdiff_t i = 0; i < r->rule_count; i++) {
        metric_labels(b, r, "records_dropped", rule, &r->rules[i].name, 1);
        buf_printf(b, " %" PRId64 "\n", r->rules[i].count);
    }
    for (int i = 0; i < countof(counts_after); i++)
        metric_int(b, r, counts_after[i].metric, counts_after[i].help,
                   figure_value(r, &counts_after[i]));
    metric_float(b, r, "duration_seconds", "Wall time of the last run.",
                 rounded(report_seconds(r)));
    metric_float(b, r, "cpu_seconds", "User and system time of the last run.",
                 rounded(os_cpu_seconds()));
    metric_int(b, r, "resident_memory_peak_bytes", "Largest resident memory of the last run.",
               os_peak_rss_bytes());
    metric_int(b, r, "exit_code", "Exit code of the last run, 0 is success.", exit_code);
    metric_float(b, r, "completion_timestamp_seconds", "When the last run ended, Unix time.",
                 (double)os_unix_ms() / 1e3);
    for (const struct report_item *it = r->items; it; it = it->next) {
        if (it->help && it->type == ITEM_INT)
            metric_int(b, r, it->name, it->help, it->integer);
        else if (it->help && it->type == ITEM_FLOAT)
            metric_float(b, r, it->name, it->help, it->number);
    }
}

/* ---- files ---- */

/* These files are made to be replaced run after run, so nothing asks for --force. */
static bool publish(const char *option, const char *path, struct buf *text, struct err *err)
{
    bool ok = false;

    if (strcmp(path, "-") == 0)
        err_set(err, ERR_USAGE, "%s needs a file: stdout carries records", option);
    else {
        struct out *o = out_open(&(struct out_conf){ .path = path, .force = true }, err);
        if (o && (ok = out_write(o, buf_slice(text), err)))
            ok = out_commit(o, err);
        else
            out_abort(o);
        if (!ok)
            err_context(err, "%s", option);
    }
    buf_release(text);
    return ok;
}

bool report_write_json(const struct report *r, const char *path, int exit_code, struct err *err)
{
    struct buf b = BUF_INIT(0);

    report_json_text(r, exit_code, &b);
    return publish("--report", path, &b, err);
}

bool report_write_metrics(const struct report *r, const char *path, int exit_code, struct err *err)
{
    struct buf b = BUF_INIT(0);

    report_metrics_text(r, exit_code, &b);
    return publish("--metrics", path, &b, err);
}

/* ---- summary ---- */

/* "1,204,331" */
static void append_grouped(struct buf *b, int64_t n)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%" PRId64, n);

    for (int i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0)
            buf_append_byte(b, ',');
        buf_append_byte(b, digits[i]);
    }
}

slice report_summary(const struct report *r, struct arena *arena)
{
    struct buf b = BUF_INIT(0);
    double seconds = report_seconds(r), rate = (double)r->bytes_in / 1e6 / MAX(seconds, 1e-9);
    int64_t dropped = report_dropped(r);

    append_grouped(&b, r->in);
    buf_append(&b, SLICE(" in, "));
    append_grouped(&b, r->out);
    buf_append(&b, SLICE(" out"));
    if (r->records_out != r->out) {
        buf_append(&b, SLICE(" as "));
        append_grouped(&b, r->records_out);
        buf_append(&b, SLICE(" records"));
    }
    buf_append(&b, SLICE(", "));
    append_grouped(&b, dropped);
    buf_append(&b, SLICE(" dropped, "));
    append_grouped(&b, r->rejected);
    buf_printf(&b, " rejected, %.*f s", seconds < 10 ? 2 : seconds < 100 ? 1 : 0, seconds);
    if (r->bytes_in)
        buf_printf(&b, ", %.*f MB/s", rate < 10, rate);
    slice s = arena_dup(arena, buf_slice(&b));
    buf_release(&b);
    return s;
}
