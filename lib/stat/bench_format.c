/* The texts of bench.h: table, JSON, CSV, Markdown, the verdict in words. */
#include "bench.h"

#include "../json.h"
#include "bench_names.h"

#include <math.h>
#include <stdio.h>

const struct bench_name bench_names[BENCH_MEASURES] = {
    [BENCH_WALL] = { "wall_s", "wall time", UNIT_SECONDS },
    [BENCH_CPU] = { "cpu_s", "CPU time", UNIT_SECONDS },
    [BENCH_USER] = { "user_s", "user time", UNIT_SECONDS },
    [BENCH_SYSTEM] = { "system_s", "system time", UNIT_SECONDS },
    [BENCH_RSS] = { "max_rss_bytes", "max RSS", UNIT_BYTES },
    [BENCH_MINOR_FAULTS] = { "minor_faults", "minor faults", UNIT_COUNT },
    [BENCH_MAJOR_FAULTS] = { "major_faults", "major faults", UNIT_COUNT },
    [BENCH_VOLUNTARY_SWITCHES] = { "voluntary_switches", "voluntary switches", UNIT_COUNT },
    [BENCH_INVOLUNTARY_SWITCHES] = { "involuntary_switches", "involuntary switches", UNIT_COUNT },
    [BENCH_EXIT] = { "exit_code", "exit code", UNIT_COUNT },
    [BENCH_RECORDS] = { "records", "records", UNIT_COUNT },
    [BENCH_BYTES] = { "bytes", "bytes", UNIT_COUNT },
    [BENCH_TOKENS] = { "tokens", "tokens", UNIT_COUNT },
    [BENCH_PROMPT_TOKENS] = { "prompt_tokens", "prompt tokens", UNIT_COUNT },
    [BENCH_COMPLETION_TOKENS] = { "completion_tokens", "completion tokens", UNIT_COUNT },
    [BENCH_PROMPT_RATE] = { "prompt_tokens_per_second", "prompt tokens/s", UNIT_COUNT },
    [BENCH_COMPLETION_RATE] = { "completion_tokens_per_second", "new tokens/s", UNIT_COUNT },
};

/* Rates over wall time, from the command's own report. */
static const struct rate {
    enum bench_measure amount;
    double scale;
    const char *json, *text;
} rates[] = {
    { BENCH_RECORDS, 1, "records_per_second", "records/s" },
    { BENCH_BYTES, 1e-6, "megabytes_per_second", "MB/s" },
    { BENCH_TOKENS, 1, "tokens_per_second", "tokens/s" },
    { BENCH_PROMPT_TOKENS, 1, "prompt_tokens_per_second", "prompt tokens/s" },
    { BENCH_COMPLETION_TOKENS, 1, "completion_tokens_per_second", "new tokens/s" },
};

/* ---- values ---- */

static const char *quantity(char dst[32], double x, int unit)
{
    static const char *const seconds[] = { "us", "ms", "s" }, *const bytes[] = { "kB", "MB", "GB" };
    double v = x * (unit == UNIT_SECONDS ? 1e6 : 1e-3);
    int k = 0;

    if (unit == UNIT_COUNT) {
        char digits[32];
        int len = snprintf(digits, sizeof digits, "%.*f",
                           x < 10    ? 2
                           : x < 100 ? 1
                                     : 0,
                           MIN(x, 1e15)),
            at = 0;
        for (int i = 0; i < len; i++) { /* 1,204,331 */
            if (i && x >= 1000 && (len - i) % 3 == 0)
                dst[at++] = ',';
            dst[at++] = digits[i];
        }
        dst[at] = '\0';
        return dst;
    }
    for (; k < 2 && v >= 1000; k++)
        v /= 1000;
    snprintf(dst, 32, "%.*f %s",
             v < 10    ? 2
             : v < 100 ? 1
                       : 0,
             v, unit == UNIT_SECONDS ? seconds[k] : bytes[k]);
    return dst;
}

static void table_row(struct buf *out, const char *name, const struct stat_summary *s, int unit)
{
    char a[32], b[32], c[32], d[32];

    buf_printf(out, "%-15s %11s %11s %11s %11s", name, quantity(a, s->median, unit),
               quantity(b, s->mad, unit), quantity(c, s->min, unit), quantity(d, s->max, unit));
    if (s->outliers)
        buf_printf(out, "  %td outlier%s", s->outliers, s->outliers == 1 ? "" : "s");
    buf_append_byte(out, '\n');
}

static struct stat_summary scaled(struct stat_summary s, double by)
{
    s.median *= by;
    s.mad *= by;
    s.min *= by;
    s.max *= by;
    return s;
}

static void table_result(const struct bench *b, int i, struct buf *out, struct arena *arena)
{
    static const enum bench_measure rows[] = { BENCH_WALL, BENCH_USER, BENCH_SYSTEM, BENCH_RSS };
    const struct bench_result *r = &b->result[i];

    if (b->count > 1)
        buf_printf(out, "%s%c: ", i ? "\n" : "", 'A' + i);
    buf_printf(out, "%s\n%td run%s after %lld warm-up%s\n", r->command, r->count,
               r->count == 1 ? "" : "s", (long long)b->warmup, b->warmup == 1 ? "" : "s");
    buf_printf(out, "%-15s %11s %11s %11s %11s\n", "", "median", "MAD", "min", "max");
    for (int k = 0; k < countof(rows); k++) {
        struct stat_summary s = bench_summary(r, rows[k], arena);
        table_row(out, bench_names[rows[k]].text, &s, bench_names[rows[k]].unit);
    }
    for (int k = 0; k < countof(rates); k++) {
        struct stat_summary s = scaled(bench_rate(r, rates[k].amount, arena), rates[k].scale);
        if (s.n)
            table_row(out, rates[k].text, &s, UNIT_COUNT);
    }
}

slice bench_verdict(const struct bench *b, struct arena *arena)
{
    const struct bench_comparison *c = &b->comparison;
    bool memory = c->measure == BENCH_RSS;
    const char *word = stat_verdict_name(c->verdict), *what = bench_names[c->measure].text;
    char was[32], is[32], range[80] = "too few runs for an interval";
    int unit = bench_names[c->measure].unit;

    if (memory && c->verdict != STAT_SAME && c->verdict != STAT_INCONCLUSIVE)
        word = c->verdict == STAT_SLOWER ? "more memory" : "less memory";
    if (c->ratio.valid)
        snprintf(range, sizeof range, "%s%.0f %% interval %.3f to %.3f",
                 c->ratio.paired ? "by rounds, " : "", c->confidence * 100, c->ratio.low,
                 c->ratio.high);
    else if (!(c->base_median > 0) || !(c->fresh_median > 0))
        snprintf(range, sizeof range, "too small to compare");
    return arena_printf(arena, "%s: %.3f times the %s of %s: %s against %s (%s, margin %g %%)",
                        word, c->ratio.mid, what, ERR_QUOTE(slice_of(c->against)),
                        quantity(is, c->fresh_median, unit), quantity(was, c->base_median, unit),
                        range, c->margin * 100);
}

static void format_table(const struct bench *b, struct buf *out, struct arena *arena)
{
    for (int i = 0; i < b->count; i++)
        table_result(b, i, out, arena);
    if (b->comparison.done) {
        buf_append_byte(out, '\n');
        buf_append(out, bench_verdict(b, arena));
        buf_append_byte(out, '\n');
    }
}

/* ---- Markdown ---- */

static void markdown_text(struct buf *out, const char *s)
{
    for (; *s; s++) {
        if (*s == '|')
            buf_append_byte(out, '\\');
        buf_append_byte(out, *s == '\n' ? ' ' : *s);
    }
}

static void format_markdown(const struct bench *b, struct buf *out, struct arena *arena)
{
    bool shown[countof(rates)] = { false };
    char t[32];

    for (int i = 0; i < b->count; i++)
        for (int k = 0; k < countof(rates); k++)
            shown[k] |= bench_rate(&b->result[i], rates[k].amount, arena).n > 0;
    buf_append(out, SLICE("| command | wall | MAD | min | max | user | system | max RSS |"));
    for (int k = 0; k < countof(rates); k++)
        if (shown[k])
            buf_printf(out, " %s |", rates[k].text);
    buf_append(out, SLICE("\n|:---|---:|---:|---:|---:|---:|---:|---:|"));
    for (int k = 0; k < countof(rates); k++)
        if (shown[k])
            buf_append(out, SLICE("---:|"));
    for (int i = 0; i < b->count; i++) {
        const struct bench_result *r = &b->result[i];
        struct stat_summary wall = bench_summary(r, BENCH_WALL, arena);
        const double cells[] = { wall.median,
                                 wall.mad,
                                 wall.min,
                                 wall.max,
                                 bench_summary(r, BENCH_USER, arena).median,
                                 bench_summary(r, BENCH_SYSTEM, arena).median };
        buf_append(out, SLICE("\n| `"));
        markdown_text(out, r->command);
        buf_append(out, SLICE("` |"));
        for (int k = 0; k < countof(cells); k++)
            buf_printf(out, " %s |", quantity(t, cells[k], UNIT_SECONDS));
        struct stat_summary rss = bench_summary(r, BENCH_RSS, arena);
        buf_printf(out, " %s |", quantity(t, rss.median, UNIT_BYTES));
        for (int k = 0; k < countof(rates); k++) {
            struct stat_summary s = scaled(bench_rate(r, rates[k].amount, arena), rates[k].scale);
            if (shown[k])
                buf_printf(out, " %s |", s.n ? quantity(t, s.median, UNIT_COUNT) : "");
        }
    }
    buf_append_byte(out, '\n');
    if (b->comparison.done) {
        slice verdict = bench_verdict(b, arena);
        ptrdiff_t colon = slice_find(verdict, ':');
        buf_append(out, SLICE("\n**"));
        buf_append(out, slice_make(verdict.ptr, colon));
        buf_append(out, SLICE("**"));
        markdown_text(out, verdict.ptr + colon);
        buf_append_byte(out, '\n');
    }
}

/* ---- CSV ---- */

static void csv_text(struct buf *out, const char *s)
{
    buf_append_byte(out, '"');
    for (; *s; s++) {
        if (*s == '"')
            buf_append_byte(out, '"');
        buf_append_byte(out, *s);
    }
    buf_append_byte(out, '"');
}

static void csv_number(struct buf *out, bool there, double x)
{
    buf_append_byte(out, ',');
    if (there)
        buf_append_double(out, x);
}

/* One row per command; figures that the command does not report and comparisons that were not made
 * are empty. */
static void format_csv(const struct bench *b, struct buf *out, struct arena *arena)
{
    const struct bench_comparison *c = &b->comparison;

    buf_append(out, SLICE("command,runs,wall_s,wall_mad_s,wall_min_s,wall_max_s,wall_outliers"));
    for (int m = BENCH_CPU; m < BENCH_EXIT; m++)
        buf_printf(out, ",%s", bench_names[m].json);
    for (int k = 0; k < countof(rates); k++)
        buf_printf(out, ",%s", rates[k].json);
    buf_append(out, SLICE(",ratio,ratio_low,ratio_high,verdict\n"));
    for (int i = 0; i < b->count; i++) {
        const struct bench_result *r = &b->result[i];
        struct stat_summary wall = bench_summary(r, BENCH_WALL, arena);
        csv_text(out, r->command);
        buf_printf(out, ",%td", r->count);
        csv_number(out, true, wall.median);
        csv_number(out, true, wall.mad);
        csv_number(out, true, wall.min);
        csv_number(out, true, wall.max);
        buf_printf(out, ",%td", wall.outliers);
        for (int m = BENCH_CPU; m < BENCH_EXIT; m++)
            csv_number(out, true, bench_summary(r, (enum bench_measure)m, arena).median);
        for (int k = 0; k < countof(rates); k++) {
            struct stat_summary s = bench_rate(r, rates[k].amount, arena);
            csv_number(out, s.n > 0, s.median * rates[k].scale);
        }
        csv_number(out, c->done && i == 0, c->ratio.mid);
        csv_number(out, c->done && i == 0 && c->ratio.valid, c->ratio.low);
        csv_number(out, c->done && i == 0 && c->ratio.valid, c->ratio.high);
        buf_printf(out, ",%s\n", c->done && i == 0 ? stat_verdict_name(c->verdict) : "");
    }
}

/* ---- JUnit, GitHub ---- */

static void xml_text(struct buf *out, const char *s)
{
    for (; *s; s++) {
        const char *escaped = *s == '&'                               ? "&amp;"
                              : *s == '<'                             ? "&lt;"
                              : *s == '>'                             ? "&gt;"
                              : *s == '"'                             ? "&quot;"
                              : (unsigned char)*s < ' ' && *s != '\t' ? " "
                                                                      : NULL;
        if (escaped)
            buf_append(out, slice_of(escaped));
        else
            buf_append_byte(out, *s);
    }
}

/* A test case per command; the comparison is a case of its own that fails on a regression. */
static void format_junit(const struct bench *b, struct buf *out, struct arena *arena)
{
    const struct bench_comparison *c = &b->comparison;
    double total = 0;

    for (int i = 0; i < b->count; i++)
        total += bench_summary(&b->result[i], BENCH_WALL, arena).median;
    buf_append(out, SLICE("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"));
    buf_printf(out,
               "<testsuite name=\"bench\" tests=\"%d\" failures=\"%d\" errors=\"0\" skipped=\"%d\" "
               "time=\"%.6f\">\n",
               b->count + c->done, c->regression, c->done && c->verdict == STAT_INCONCLUSIVE,
               total);
    for (int i = 0; i < b->count; i++) {
        struct stat_summary wall = bench_summary(&b->result[i], BENCH_WALL, arena);
        buf_append(out, SLICE("  <testcase classname=\"bench\" name=\""));
        xml_text(out, b->result[i].command);
        buf_printf(out, "\" time=\"%.6f\"/>\n", wall.median);
    }
    if (c->done) {
        slice verdict = bench_verdict(b, arena);
        buf_append(out, SLICE("  <testcase classname=\"bench\" name=\"comparison with "));
        xml_text(out, c->against);
        buf_append(out, SLICE("\">\n"));
        const char *element = c->regression                     ? "failure"
                              : c->verdict == STAT_INCONCLUSIVE ? "skipped"
                                                                : NULL;
        if (element) {
            buf_printf(out, "    <%s message=\"", element);
            xml_text(out, verdict.ptr);
            buf_append(out, SLICE("\"/>\n"));
        } else {
            buf_append(out, SLICE("    <system-out>"));
            xml_text(out, verdict.ptr);
            buf_append(out, SLICE("</system-out>\n"));
        }
        buf_append(out, SLICE("  </testcase>\n"));
    }
    buf_append(out, SLICE("</testsuite>\n"));
}

/* Workflow commands: %, CR and LF of their texts are escaped. */
static void workflow_text(struct buf *out, const char *s)
{
    for (; *s; s++) {
        if (*s == '%' || *s == '\r' || *s == '\n')
            buf_printf(out, "%%%02X", (unsigned)*s);
        else
            buf_append_byte(out, *s);
    }
}

static void format_github(const struct bench *b, struct buf *out, struct arena *arena)
{
    const struct bench_comparison *c = &b->comparison;

    for (int i = 0; i < b->count; i++) {
        struct stat_summary wall = bench_summary(&b->result[i], BENCH_WALL, arena);
        char median[32], mad[32];
        buf_append(out, SLICE("::notice title=bench::"));
        workflow_text(out, b->result[i].command);
        buf_printf(out, ": %s, MAD %s, %td runs\n", quantity(median, wall.median, UNIT_SECONDS),
                   quantity(mad, wall.mad, UNIT_SECONDS), b->result[i].count);
    }
    if (c->done) {
        buf_printf(out, "::%s title=bench::",
                   c->regression                     ? "error"
                   : c->verdict == STAT_INCONCLUSIVE ? "warning"
                                                     : "notice");
        workflow_text(out, bench_verdict(b, arena).ptr);
        buf_append_byte(out, '\n');
    }
}

/* ---- JSON ---- */

static void json_number(struct buf *out, const char *name, double x)
{
    buf_printf(out, ",\"%s\":", name);
    buf_append_double(out, x);
}

static void json_text(struct buf *out, const char *name, const char *value)
{
    buf_printf(out, ",\"%s\":", name);
    json_append_bytes(out, slice_of(value));
}

static void json_summary(struct buf *out, const char *name, const struct stat_summary *s)
{
    buf_printf(out, ",\"%s\":{\"median\":", name);
    buf_append_double(out, s->median);
    json_number(out, "mad", s->mad);
    json_number(out, "mean", s->mean);
    json_number(out, "min", s->min);
    json_number(out, "max", s->max);
    json_number(out, "p05", s->p05);
    json_number(out, "p95", s->p95);
    buf_printf(out, ",\"outliers\":%td}", s->outliers);
}

static void json_result(const struct bench_result *r, struct buf *out, struct arena *arena)
{
    buf_append(out, SLICE("{\"command\":"));
    json_append_bytes(out, slice_of(r->command));
    buf_printf(out, ",\"runs\":%td", r->count);
    for (int m = 0; m <= BENCH_RSS; m++) {
        struct stat_summary s = bench_summary(r, (enum bench_measure)m, arena);
        json_summary(out, bench_names[m].json, &s);
    }
    for (int k = 0; k < countof(rates); k++) {
        struct stat_summary s = bench_rate(r, rates[k].amount, arena);
        if (s.n)
            json_number(out, rates[k].json, s.median * rates[k].scale);
    }
    buf_append(out, SLICE(",\"samples\":{"));
    for (int m = 0; m < BENCH_MEASURES; m++) {
        buf_printf(out, "%s\"%s\":[", m ? "," : "", bench_names[m].json);
        for (ptrdiff_t i = 0; i < r->count; i++) {
            if (i)
                buf_append_byte(out, ',');
            buf_append_double(out, r->samples[m][i]);
        }
        buf_append_byte(out, ']');
    }
    buf_append(out, SLICE("}}"));
}

/* One line per run, in the order of the runs of each command. */
static void format_jsonl(const struct bench *b, struct buf *out, struct arena *arena)
{
    (void)arena;
    for (int i = 0; i < b->count; i++) {
        const struct bench_result *r = &b->result[i];
        for (ptrdiff_t k = 0; k < r->count; k++) {
            buf_append(out, SLICE("{\"command\":"));
            json_append_bytes(out, slice_of(r->command));
            buf_printf(out, ",\"run\":%td", k);
            for (int m = 0; m < BENCH_MEASURES; m++)
                if (!isnan(r->samples[m][k]))
                    json_number(out, bench_names[m].json, r->samples[m][k]);
            buf_append(out, SLICE("}\n"));
        }
    }
}

static void json_comparison(const struct bench_comparison *c, struct buf *out)
{
    buf_append(out, SLICE(",\"comparison\":{\"against\":"));
    json_append_bytes(out, slice_of(c->against));
    json_text(out, "measure", bench_names[c->measure].json);
    json_number(out, "median", c->fresh_median);
    json_number(out, "against_median", c->base_median);
    json_number(out, "ratio", c->ratio.mid);
    json_number(out, "low", c->ratio.valid ? c->ratio.low : NAN);
    json_number(out, "high", c->ratio.valid ? c->ratio.high : NAN);
    json_number(out, "confidence", c->confidence);
    json_number(out, "margin", c->margin);
    json_number(out, "min_difference", c->min_difference);
    buf_printf(out, ",\"paired\":%s,\"same_host\":%s", c->ratio.paired ? "true" : "false",
               c->same_host ? "true" : "false");
    json_text(out, "verdict", stat_verdict_name(c->verdict));
    buf_printf(out, ",\"regression\":%s}", c->regression ? "true" : "false");
}

static void format_json(const struct bench *b, struct buf *out, struct arena *arena)
{
    const struct bench_host *h = &b->host;

    buf_printf(out, "{\"schema\":%d,\"kind\":\"bench\"", BENCH_SCHEMA);
    json_text(out, "version", MILLRACE_VERSION);
    buf_printf(out, ",\"unix_ms\":%lld,\"seed\":%lld,\"warmup\":%lld", (long long)b->unix_ms,
               (long long)b->seed, (long long)b->warmup);
    buf_append(out, SLICE(",\"host\":{\"cpu\":"));
    json_append_bytes(out, slice_of(h->cpu));
    json_text(out, "arch", h->arch);
    json_text(out, "governor", h->governor);
    json_text(out, "kernel", h->kernel);
    buf_printf(out, ",\"cpus\":%lld,\"memory_bytes\":%lld},\"results\":[", (long long)h->cpus,
               (long long)h->memory_bytes);
    for (int i = 0; i < b->count; i++) {
        if (i)
            buf_append_byte(out, ',');
        json_result(&b->result[i], out, arena);
    }
    buf_append_byte(out, ']');
    if (b->comparison.done)
        json_comparison(&b->comparison, out);
    buf_append(out, SLICE("}\n"));
}

void bench_format(const struct bench *b, enum bench_form form, struct buf *out, struct arena *arena)
{
    static void (*const forms[])(const struct bench *, struct buf *, struct arena *) = {
        [BENCH_TABLE] = format_table,   [BENCH_JSON] = format_json,
        [BENCH_CSV] = format_csv,       [BENCH_MARKDOWN] = format_markdown,
        [BENCH_JSONL] = format_jsonl,   [BENCH_JUNIT] = format_junit,
        [BENCH_GITHUB] = format_github,
    };

    forms[form](b, out, arena);
}
