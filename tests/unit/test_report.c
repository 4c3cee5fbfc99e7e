#include "io_helper.h"

#include "json.h"
#include "report.h"

#include <math.h>

static const char *const argv[] = { "dedup", "--field", "t\xff\"\n", "a.jsonl" };

static void fill(struct report *r)
{
    report_init(r, "dedup", 4, argv);
    r->isa = "scalar";
    r->jobs = 4;
    r->in = 1204334;
    r->out = 1101220;
    r->records_out = 1101220;
    r->rejected = 3;
    r->bytes_in = 5000000000;
    *report_rule(r, "exact") = 103000;
    *report_rule(r, "odd \"rule\"\n\\x") = 111;
    report_int(r, "distinct-keys", 1, "will be replaced");
    report_int(r, "distinct-keys", 1101220, "Distinct keys.\nSecond line, back\\slash.");
    report_int(r, "reads_total", 77, "Reads.");
    report_float(r, "ratio", 0.1, "A share.");
    report_float(r, "odd", NAN, "Not a number.");
    report_float(r, "open", INFINITY, "No bound.");
    report_text(r, "note",
                SLICE("a\xff"
                      "b"));
    report_json(r, "levels", SLICE("[1,{\"a\":2}]"));
}

static void test_json_report(void **state)
{
    struct report r;
    struct arena arena = { 0 };
    struct err err = { 0 };
    const char *path = path_of("r.json");

    (void)state;
    fill(&r);
    assert_true(report_write_json(&r, path, 65, &err));
    assert_true(report_write_json(&r, path, 65, &err)); /* replaced without --force */
    slice text = file_get(path);
    struct json_node *n = json_parse(text, &arena, &err);
    assert_non_null(n);
    assert_int_equal(json_get_int(n, "schema", 0), 1);
    assert_true(slice_eq(json_get_string(n, "cmd", SLICE("")), SLICE("dedup")));
    assert_true(slice_eq(json_get_string(n, "isa", SLICE("")), SLICE("scalar")));
    assert_int_equal(json_get(n, "argv")->count, 4);
    assert_true(slice_eq(json_get(n, "argv")->items[2]->text, SLICE("t\xEF\xBF\xBD\"\n")));
    const struct json_node *dropped = json_get(n, "dropped");
    int64_t in = json_get_int(n, "in", 0);
    assert_int_equal(in, json_get_int(n, "out", 0) + json_get_int(dropped, "exact", 0) +
                             json_get_int(dropped, "odd \"rule\"\n\\x", 0) +
                             json_get_int(n, "rejected", 0));
    assert_int_equal(json_get_int(n, "exit", 0), 65);
    assert_int_equal(json_get_int(n, "jobs", 0), 4);
    assert_true(json_get_double(n, "seconds", -1) >= 0);
    assert_true(json_get_int(n, "peak_rss_bytes", 0) > 100000);
    assert_int_equal(json_get_int(n, "distinct-keys", 0), 1101220);
    assert_true(json_get_double(n, "ratio", 0) == 0.1);
    assert_int_equal(json_get(n, "odd")->type, JSON_NULL);
    assert_int_equal(json_get(n, "levels")->count, 2);
    char command[400];
    snprintf(command, sizeof command,
             "python3 -c 'import json,sys; json.load(open(sys.argv[1]))' %s", path);
    if (system("command -v python3 >/dev/null") == 0)
        assert_int_equal(system(command), 0);
    report_release(&r);
    arena_release(&arena);
}

static void test_metrics(void **state)
{
    struct report r;
    struct err err = { 0 };
    const char *path = path_of("m.prom");

    (void)state;
    fill(&r);
    assert_true(report_write_metrics(&r, path, 0, &err));
    slice text = file_get(path);
    assert_non_null(strstr(text.ptr, "\nmillrace_dedup_records_in 1204334\n"));
    assert_non_null(strstr(text.ptr, "millrace_dedup_records_dropped"
                                     "{rule=\"odd \\\"rule\\\"\\n\\\\x\"} 111\n"));
    assert_non_null(strstr(text.ptr, "# TYPE millrace_dedup_reads_total counter\n"));
    assert_non_null(strstr(text.ptr, "# HELP millrace_dedup_distinct_keys Distinct keys.\\nSecond "
                                     "line, back\\\\slash.\n"));
    assert_non_null(strstr(text.ptr, "millrace_dedup_odd NaN\n"));
    assert_non_null(strstr(text.ptr, "millrace_dedup_open +Inf\n"));
    assert_non_null(strstr(text.ptr, "millrace_dedup_info{version=\""));
    report_release(&r);
}

static void test_promtool_accepts(void **state)
{
    struct report r;
    struct err err = { 0 };
    const char *path = path_of("p.prom");
    char command[400];

    (void)state;
    if (system("command -v promtool >/dev/null") != 0) {
        print_message("promtool is not installed\n");
        skip();
    }
    fill(&r);
    assert_true(report_write_metrics(&r, path, 0, &err));
    snprintf(command, sizeof command, "promtool check metrics <%s >%s.out 2>&1", path, path);
    if (system(command) != 0)
        fail_msg("%s", file_get(path_of("p.prom.out")).ptr);
    report_release(&r);
}

static void test_failures(void **state)
{
    struct report r;
    struct err err = { 0 };

    (void)state;
    fill(&r);
    assert_false(report_write_json(&r, "-", 0, &err));
    assert_int_equal(err.class, ERR_USAGE);
    assert_false(report_write_metrics(&r, "/dev/full", 0, &err));
    assert_int_equal(err.class, ERR_IO);
    assert_false(report_write_json(&r, path_of("no/dir"), 0, &err));
    assert_int_equal(err.class, ERR_CANTCREAT);
    assert_non_null(strstr(err.text, "--report"));
    report_release(&r);
}

static void test_summary(void **state)
{
    struct report r;
    struct arena arena = { 0 };

    (void)state;
    fill(&r);
    r.start_ns = os_now_ns() - 41200000000;
    slice s = report_summary(&r, &arena);
    assert_string_equal(s.ptr, "1,204,334 in, 1,101,220 out, 103,111 dropped, 3 rejected, 41.2 s, "
                               "121 MB/s");
    r.records_out = 12;
    r.bytes_in = 0;
    s = report_summary(&r, &arena);
    assert_string_equal(s.ptr, "1,204,334 in, 1,101,220 out as 12 records, 103,111 dropped, "
                               "3 rejected, 41.2 s");
    report_release(&r);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_report),      cmocka_unit_test(test_metrics),
        cmocka_unit_test(test_promtool_accepts), cmocka_unit_test(test_failures),
        cmocka_unit_test(test_summary),
    };

    return cmocka_run_group_tests(tests, folder_setup, folder_teardown);
}
