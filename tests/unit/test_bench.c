#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "json.h"
#include "stat/bench.h"

#include <math.h>
#include <stdio.h>

static struct arena arena;

/* ---- words ---- */

static void test_words(void **state)
{
    static const struct {
        const char *text, *words; /* words joined by "|" */
    } row[] = {
        { "a b  c", "a|b|c" },
        { " \ta\n", "a" },
        { "'a b' \"c d\"", "a b|c d" },
        { "a'b'\"c\"d", "abcd" },
        { "'' x \"\"", "|x|" },
        { "a\\ b \\'x\\\"", "a b|'x\"" },
        { "\"a\\\"b\\\\c\\d\\$\"", "a\"b\\c\\d$" },
        { "'a\\b|c;$d*'", "a\\b|c;$d*" },
        { "x=1#2 ~a", NULL },
        { "a#b c~d e=f", "a#b|c~d|e=f" },
        { "grep -E 'a|b' f", "grep|-E|a|b|f" },
        { "a | b", NULL },
        { "a > f", NULL },
        { "a $x", NULL },
        { "a \"$x\"", NULL },
        { "a `b`", NULL },
        { "a *.txt", NULL },
        { "a ?", NULL },
        { "a; b", NULL },
        { "a &", NULL },
        { "(a)", NULL },
        { "a [b]", NULL },
        { "a #b", NULL },
        { "X=1 a", NULL },
        { "a 'b", NULL },
        { "a \"b", NULL },
        { "a \\", NULL },
        { "", NULL },
        { "  ", NULL },
    };

    (void)state;
    for (int i = 0; i < countof(row); i++) {
        const char *const *words;
        ptrdiff_t count;
        struct err err = { 0 };
        bool ok = bench_words(row[i].text, &words, &count, &arena, &err);
        if (ok != (row[i].words != NULL))
            fail_msg("'%s': %s", row[i].text, ok ? "accepted" : err.text);
        if (!ok) {
            assert_int_equal(err.class, ERR_USAGE);
            continue;
        }
        struct buf joined = BUF_INIT(0);
        for (ptrdiff_t k = 0; k < count; k++)
            buf_printf(&joined, "%s%s", k ? "|" : "", words[k]);
        assert_string_equal(buf_cstr(&joined), row[i].words);
        assert_null(words[count]);
        buf_release(&joined);
        /* What is shown reads back as the same words. */
        const char *const *again;
        ptrdiff_t again_count;
        assert_true(
            bench_words(bench_shown(words, count, &arena), &again, &again_count, &arena, &err));
        assert_int_equal(again_count, count);
        for (ptrdiff_t k = 0; k < count; k++)
            assert_string_equal(again[k], words[k]);
    }
}

static void test_report_option(void **state)
{
    const char *const a[] = { "clean", "--report", "r.json", "x", NULL };
    const char *const b[] = { "clean", "--report=r2.json", NULL };
    const char *const c[] = { "clean", "--", "--report", "r", NULL };
    const char *const d[] = { "clean", "--report", NULL };

    (void)state;
    assert_string_equal(bench_report_named(a), "r.json");
    assert_string_equal(bench_report_named(b), "r2.json");
    assert_null(bench_report_named(c));
    assert_null(bench_report_named(d));
    const char *const *more = bench_report_added(c, "R", &arena);
    assert_string_equal(bench_shown(more, 6, &arena), "clean --report R -- --report r");
    assert_null(more[6]);
    more = bench_report_added(b, "R", &arena);
    assert_string_equal(bench_shown(more, 4, &arena), "clean --report=r2.json --report R");
}

/* ---- measuring with a synthetic clock ---- */

struct machine {
    struct stat_rng rng;
    double seconds[2], noise;
    int calls[2], warmups, firsts[2], last_round;
    int fail_at;
};

static bool machine_once(void *self, int which, int64_t round, bool warmup, double *sample,
                         struct err *err)
{
    struct machine *m = self;

    if (m->fail_at && m->calls[0] + m->calls[1] + m->warmups + 1 == m->fail_at)
        return err_set(err, ERR_CHILD, "exit code 3");
    m->firsts[which] += round != m->last_round;
    m->last_round = (int)round;
    m->warmups += warmup;
    m->calls[which] += !warmup;
    for (int k = 0; k < BENCH_MEASURES; k++)
        sample[k] = k < BENCH_FROM_REPORT ? k : NAN;
    sample[BENCH_WALL] = m->seconds[which] * exp(m->noise * stat_rng_normal(&m->rng));
    if (warmup)
        sample[BENCH_WALL] *= 100;
    sample[BENCH_RSS] = 1e6;
    if (which == 0) {
        sample[BENCH_RECORDS] = 1000;
        sample[BENCH_BYTES] = 5e6;
    }
    return true;
}

static struct bench measured(struct machine *m, int count, const struct bench_plan *plan)
{
    struct bench b = { .count = count,
                       .seed = (int64_t)plan->seed,
                       .warmup = plan->warmup,
                       .result = { { .command = "new, \"fast\" | x" }, { .command = "old" } },
                       .host = { "cpu \"A\"", "x86_64", "", "6.1", 2, 1 << 30 } };
    struct err err;

    m->last_round = -1;
    assert_true(bench_measure(&b, plan, machine_once, m, &arena, &err));
    return b;
}

static void test_rounds(void **state)
{
    struct machine m = { .seconds = { 0.1, 0.2 } };
    struct bench_plan plan = { .warmup = 3, .runs = 200, .seed = 5 };
    struct bench b = measured(&m, 2, &plan);

    (void)state;
    assert_int_equal(m.warmups, 6);
    assert_int_equal(b.result[0].count, 200);
    assert_int_equal(b.result[1].count, 200);
    assert_in_range(m.firsts[0], 70, 133); /* the order is drawn anew in every round */
    assert_true(bench_summary(&b.result[0], BENCH_WALL, &arena).max < 0.11); /* warm-ups are out */
    struct stat_summary rate = bench_rate(&b.result[0], BENCH_RECORDS, &arena);
    assert_true(fabs(rate.median - 10000) < 1e-6);
    assert_int_equal(bench_rate(&b.result[1], BENCH_RECORDS, &arena).n, 0);
    for (ptrdiff_t i = 0; i < 200; i++)
        b.result[1].samples[BENCH_COMPLETION_TOKENS][i] = 100;
    assert_true(fabs(bench_rate(&b.result[1], BENCH_COMPLETION_TOKENS, &arena).median - 500) < 1);
    for (ptrdiff_t i = 0; i < 200; i++) /* the phase alone was faster than the whole process */
        b.result[1].samples[BENCH_COMPLETION_RATE][i] = 800;
    assert_true(bench_rate(&b.result[1], BENCH_COMPLETION_TOKENS, &arena).median == 800);

    struct machine one = { .seconds = { 0.1 } };
    plan = (struct bench_plan){ .runs = 3, .min_time_ns = 1000000000 };
    b = measured(&one, 1, &plan);
    assert_in_range(b.result[0].count, 10, 11);
    assert_int_equal(one.warmups, 0);

    struct machine bad = { .fail_at = 5, .last_round = -1 };
    struct bench fails = { .count = 2 };
    struct err err = { 0 };
    plan = (struct bench_plan){ .runs = 10, .warmup = 1 };
    assert_false(bench_measure(&fails, &plan, machine_once, &bad, &arena, &err));
    assert_int_equal(err.class, ERR_CHILD);
}

/* The whole way from runs to the exit code, 200 times: equal commands fail at most twice, 10 % more
 * is caught at least 198 times; against a baseline as well as interleaved. */
static void test_gate(void **state)
{
    (void)state;
    for (int interleaved = 0; interleaved < 2; interleaved++)
        for (int planted = 0; planted < 2; planted++) {
            int failed = 0;
            for (uint64_t trial = 0; trial < 200; trial++) {
                struct machine m = { .rng = { trial },
                                     .seconds = { planted ? 0.11 : 0.1, 0.1 },
                                     .noise = 0.02 };
                struct bench_plan plan = { .warmup = 1, .runs = 20, .seed = trial };
                struct bench b = measured(&m, 2, &plan);
                struct bench_gate gate = { .margin = 0.05, .fail = true, .same_host = true };
                bench_compare(&b, &b.result[1], interleaved, "old", &gate, &arena);
                failed += b.comparison.regression;
                arena_reset(&arena);
            }
            if (planted ? failed < 198 : failed > 2)
                fail_msg("interleaved %d, planted %d: %d of 200 fail", interleaved, planted,
                         failed);
        }
}

static void test_what_keeps_a_gate_from_failing(void **state)
{
    struct machine m = { .seconds = { 0.2, 0.1 }, .noise = 0.01 };
    struct bench_plan plan = { .runs = 20 };
    struct bench b = measured(&m, 2, &plan);
    struct bench_gate gate = { .margin = 0.05, .fail = true, .same_host = true };

    (void)state;
    bench_compare(&b, &b.result[1], true, "old", &gate, &arena);
    assert_true(b.comparison.regression);
    assert_int_equal(b.comparison.verdict, STAT_SLOWER);
    gate.min_difference = 0.2; /* more than the 0.1 s that it became slower */
    bench_compare(&b, &b.result[1], true, "old", &gate, &arena);
    assert_false(b.comparison.regression);
    gate.min_difference = 0.05;
    gate.same_host = false;
    bench_compare(&b, &b.result[1], true, "old", &gate, &arena);
    assert_false(b.comparison.regression);
    gate.same_host = true;
    gate.fail = false;
    bench_compare(&b, &b.result[1], true, "old", &gate, &arena);
    assert_false(b.comparison.regression);
    gate.fail = true;
    gate.measure = BENCH_RSS;
    bench_compare(&b, &b.result[1], true, "old", &gate, &arena);
    assert_int_equal(b.comparison.verdict, STAT_SAME);
}

static void test_hosts(void **state)
{
    struct bench_host a = { "X", "x86_64", "performance", "6.1", 4, 1 }, b = a;

    (void)state;
    assert_null(bench_host_difference(&a, &b, &arena));
    b.kernel = "6.2";
    b.memory_bytes = 2;
    assert_null(bench_host_difference(&a, &b, &arena));
    b.cpus = 8;
    assert_string_equal(bench_host_difference(&a, &b, &arena), "4 CPUs, now 8");
    b.cpu = "Y\x1b";
    assert_string_equal(bench_host_difference(&a, &b, &arena), "cpu 'X', now 'Y\\x1b'");
}

/* ---- texts ---- */

static struct bench compared(void)
{
    struct machine m = { .seconds = { 0.05, 0.1 }, .noise = 0.01 };
    struct bench_plan plan = { .runs = 12, .warmup = 1, .seed = 9 };
    struct bench b = measured(&m, 2, &plan);
    struct bench_gate gate = { .margin = 0.02, .same_host = true };

    bench_compare(&b, &b.result[1], true, "old", &gate, &arena);
    return b;
}

static void test_json_reads_back(void **state)
{
    struct bench b = compared();
    struct buf text = BUF_INIT(0);
    struct bench_result back;
    struct bench_host host;
    struct err err = { 0 };

    (void)state;
    bench_format(&b, BENCH_JSON, &text, &arena);
    const struct json_node *root = json_parse(buf_slice(&text), &arena, &err);
    assert_non_null(root);
    const struct json_node *c = json_get(root, "comparison");
    assert_true(slice_eq(json_get_string(c, "verdict", SLICE("")), SLICE("faster")));
    assert_false(json_get_bool(c, "regression", true));
    if (!bench_baseline(buf_slice(&text), "old", &back, &host, &arena, &err))
        fail_msg("%s", err.text);
    assert_string_equal(back.command, "old");
    assert_int_equal(back.count, 12);
    for (int m = 0; m < BENCH_MEASURES; m++)
        for (int i = 0; i < 12; i++) {
            double x = back.samples[m][i], y = b.result[1].samples[m][i];
            assert_true(x == y || (isnan(x) && isnan(y)));
        }
    assert_null(bench_host_difference(&host, &b.host, &arena));
    assert_false(bench_baseline(buf_slice(&text), "unknown", &back, &host, &arena, &err));
    assert_int_equal(err.class, ERR_CONFIG);
    buf_release(&text);
}

static void test_hostile_baselines(void **state)
{
    static const char *const bad[] = {
        "",
        "{}",
        "[]",
        "{\"kind\":\"bench\"}",
        "{\"kind\":\"bench\",\"schema\":1,\"results\":[]}",
        "{\"kind\":\"bench\",\"schema\":2,\"results\":[{}]}",
        "{\"kind\":\"bench\",\"schema\":1,\"results\":[1]}",
        "{\"kind\":\"bench\",\"schema\":1,\"results\":[{\"samples\":{\"wall_s\":[]}}]}",
        "{\"kind\":\"bench\",\"schema\":1,\"results\":[{\"samples\":{\"wall_s\":[1,\"x\"]}}]}",
        "{\"kind\":\"bench\",\"schema\":1,\"results\":[{\"samples\":{\"wall_s\":[-1]}}]}",
        ("{\"kind\":\"bench\",\"schema\":1,"
         "\"results\":[{\"samples\":{\"wall_s\":[1],\"cpu_s\":[]}}]}"),
        "{\"kind\":\"bench\",\"schema\":1,\"results\":{\"samples\":1}}",
    };

    (void)state;
    for (int i = 0; i < countof(bad); i++) {
        struct bench_result r;
        struct bench_host h;
        struct err err = { 0 };
        struct buf padded = BUF_INIT(0);
        buf_append(&padded, slice_of(bad[i]));
        buf_reserve(&padded, RECORD_PADDING);
        if (bench_baseline(buf_slice(&padded), "x", &r, &h, &arena, &err))
            fail_msg("accepted: %s", bad[i]);
        assert_int_equal(err.class, ERR_CONFIG);
        buf_release(&padded);
    }
}

static void test_report_figures(void **state)
{
    double s[BENCH_MEASURES];
    struct buf b = BUF_INIT(0);

    (void)state;
    for (int m = 0; m < BENCH_MEASURES; m++)
        s[m] = NAN;
    buf_append(&b, SLICE("{\"schema\":1,\"cmd\":\"tokenize\",\"in\":5,\"bytes_in\":77,"
                         "\"tokens_total\":9,\"prompt_tokens\":\"x\","
                         "\"prompt_tokens_per_second\":1.5}"));
    buf_reserve(&b, RECORD_PADDING);
    assert_true(bench_read_report(buf_slice(&b), s, &arena));
    assert_true(s[BENCH_RECORDS] == 5 && s[BENCH_BYTES] == 77 && s[BENCH_TOKENS] == 9);
    assert_true(isnan(s[BENCH_PROMPT_TOKENS]) && isnan(s[BENCH_COMPLETION_TOKENS]));
    assert_true(s[BENCH_PROMPT_RATE] == 1.5 && isnan(s[BENCH_COMPLETION_RATE]));
    buf_clear(&b);
    buf_append(&b, SLICE("{\"in\":5}"));
    assert_false(bench_read_report(buf_slice(&b), s, &arena));
    buf_release(&b);
}

static int fields_of(const char *line)
{
    int n = 1;
    bool quoted = false;

    for (; *line && (quoted || *line != '\n'); line++) {
        quoted ^= *line == '"';
        n += !quoted && *line == ',';
    }
    return n;
}

static void test_other_forms(void **state)
{
    struct bench b = compared();
    struct buf text = BUF_INIT(0);

    (void)state;
    bench_format(&b, BENCH_TABLE, &text, &arena);
    assert_non_null(strstr(buf_cstr(&text), "A: new, \"fast\" | x\n12 runs after 1 warm-up\n"));
    assert_non_null(strstr(text.ptr, "\nfaster: 0.5"));
    assert_non_null(strstr(text.ptr, "records/s "));
    assert_non_null(strstr(text.ptr, "MB/s "));
    buf_clear(&text);
    bench_format(&b, BENCH_MARKDOWN, &text, &arena);
    assert_non_null(strstr(buf_cstr(&text), "| `new, \"fast\" \\| x` | 5"));
    assert_non_null(strstr(text.ptr, "\n**faster**: 0.5"));
    buf_clear(&text);
    bench_format(&b, BENCH_CSV, &text, &arena);
    const char *line = buf_cstr(&text);
    assert_true(slice_starts(buf_slice(&text), SLICE("command,runs,wall_s,")));
    int columns = fields_of(line), lines = 0;
    for (; *line; line = strchr(line, '\n') + 1, lines++)
        assert_int_equal(fields_of(line), columns);
    assert_int_equal(lines, 3);
    assert_non_null(strstr(text.ptr, "\n\"new, \"\"fast\"\" | x\",12,"));
    buf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_report_option),
        cmocka_unit_test(test_rounds),
        cmocka_unit_test(test_gate),
        cmocka_unit_test(test_what_keeps_a_gate_from_failing),
        cmocka_unit_test(test_hosts),
        cmocka_unit_test(test_json_reads_back),
        cmocka_unit_test(test_hostile_baselines),
        cmocka_unit_test(test_report_figures),
        cmocka_unit_test(test_other_forms),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
