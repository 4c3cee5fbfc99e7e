/* report.h: the accounting of a run, as JSON (--report) and Prometheus text (--metrics).
 *
 * One `struct report` per run. The runtime fills the counters; a tool adds its own figures with
 * report_int, report_float, report_text, report_json in the order in which they shall appear. The
 * accounting closes: in = out_of_in + sum(dropped) + rejected, where out_of_in is the number of
 * input records that came out (one input may become several output records: records_out).
 *
 * --report: one JSON object {"schema":1,"cmd","version","argv","isa","jobs","in","out",
 * "records_out","dropped":{"rule":n,...},"rejected","empty_lines","bytes_in","bytes_out","seconds",
 * "cpu_seconds","peak_rss_bytes","exit", own figures...}.
 * --metrics: Prometheus text format 0.0.4 for node_exporter's textfile collector, temp + rename:
 * millrace_<cmd>_info{version,isa}, _records_in, _records_kept, _records_out,
 * _records_dropped{rule}, _records_rejected, _empty_lines, _input_bytes, _output_bytes,
 * _duration_seconds, _cpu_seconds, _resident_memory_peak_bytes, _exit_code,
 * _completion_timestamp_seconds, and own figures that have a help text. They describe the last run,
 * so they are gauges. One thread at a time.
 *
 *     report_init(&r, "dedup", argc, argv);
 *     ++*report_rule(&r, "exact");
 *     report_int(&r, "distinct_keys", n, "Distinct keys.");
 *     report_write_json(&r, path, exit_code, &err);
 *     report_release(&r);
 */
#ifndef REPORT_H
#define REPORT_H

#include "arena.h"
#include "err.h"

struct report_rule {
    const char *name;
    int64_t count;
};

struct report {
    const char *command, *isa;
    const char *const *argv;
    int argc, jobs;
    int64_t in, out, records_out, rejected, empty_lines, bytes_in, bytes_out, start_ns;
    struct report_rule *rules; /* drop reasons, in the tool's order */
    ptrdiff_t rule_count;
    struct report_item *items, **items_tail; /* own figures */
    struct arena arena;
};

void report_init(struct report *r, const char *command, int argc, const char *const *argv);
void report_release(struct report *r);
/* The counter of a drop reason, created when new. The pointer is valid until the next new rule. */
int64_t *report_rule(struct report *r, const char *name);
int64_t report_dropped(const struct report *r); /* the sum */

/* Own figures, under names of their own. Setting one again replaces it. help: HELP text of the
 * metric; NULL: not a metric. A name that ends in _total is a counter, else a gauge. */
void report_int(struct report *r, const char *name, int64_t value, const char *help);
void report_float(struct report *r, const char *name, double value, const char *help);
void report_text(struct report *r, const char *name, slice value);
void report_json(struct report *r, const char *name, slice json_text);

/* Both write temp + rename (the report to "-" is refused: stdout carries records). */
bool report_write_json(const struct report *r, const char *path, int exit_code, struct err *err);
bool report_write_metrics(const struct report *r, const char *path, int exit_code, struct err *err);
/* `1,204,331 in, 1,101,220 out, 103,111 dropped, 3 rejected, 41.2 s, 812 MB/s` */
slice report_summary(const struct report *r, struct arena *arena);

#endif
