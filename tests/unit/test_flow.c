/* The runtime: the same bytes for every number of jobs and every cutting of the input, order, what
 * is bad and where it goes, accounting, the three forms. */
#include "flow.h"
#include "os.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[] = "/tmp/test_flow.XXXXXX";
static char path_in[64], path_out[64], path_rejects[64], path_drops[64];

static void write_file(const char *path, slice s)
{
    FILE *f = fopen(path, "wb");

    assert_non_null(f);
    assert_int_equal(fwrite(s.ptr, 1, (size_t)s.len, f), s.len);
    fclose(f);
}

static slice read_file(const char *path)
{
    slice s;

    assert_true(os_slurp(path, 1 << 28, &s, NULL));
    return s;
}

/* ---- a filter: drops records whose member "n" is 7, makes records with "bad" bad, appends "!" to
 * the text of those with "x", refuses to go on at "fatal" ---- */

struct seen {
    int64_t last_index, records;
};

static bool work(void *self, void *scratch, const struct flow_record *rec, struct arena *arena,
                 struct flow_verdict *v, struct err *err)
{
    const struct json_span *n = &rec->spans[1];
    slice text;

    (void)self;
    (void)scratch;
    if (!flow_text(rec, 0, arena, &text, v))
        return true;
    if (n->count && slice_eq(slice_make(rec->raw.ptr + n->start, n->len), SLICE("7"))) {
        v->action = FLOW_DROP;
        v->rule = 1;
        v->value = SLICE("7");
    } else if (slice_starts(text, SLICE("bad"))) {
        *v = (struct flow_verdict){ .action = FLOW_BAD, .reason = "it says so", .at = 3 };
    } else if (slice_starts(text, SLICE("fatal"))) {
        return err_set(err, ERR_BUG, "fatal record");
    } else if (slice_starts(text, SLICE("x"))) {
        struct json_edit e =
            json_edit_set(rec->raw, rec->top, rec->spans[0], "text", SLICE("\"!\""), arena);
        v->out = json_splice(rec->raw, &e, 1, arena);
    }
    return true;
}

static bool commit(void *self, const struct flow_record *rec, struct arena *arena,
                   struct flow_verdict *v, struct err *err)
{
    struct seen *s = self;

    (void)arena;
    (void)v;
    (void)err;
    assert_int_equal(rec->index, s->last_index + 1);
    s->last_index = rec->index;
    s->records++;
    return true;
}

static const struct flow_field fields[] = { { "text", true, FLOW_STRING }, { "n", false, 0 } };
static const char *const rules[] = { "unused", "seven" };

struct run {
    bool ok;
    struct err err;
    struct report report;
    slice out, rejects, drops;
};

struct run_conf {
    const char *in;
    int jobs;
    bool rejects, with_commit;
    int64_t max_record, max_errors;
};

static struct run run_filter(struct run_conf c)
{
    struct run r = { 0 };
    const char *paths[] = { c.in ? c.in : path_in };
    struct flow_filter filter = { .work = work, .commit = c.with_commit ? commit : NULL };
    struct seen seen = { .last_index = -1 };
    struct flow_conf fc = {
        .in = { .paths = paths, .path_count = 1 },
        .output = path_out,
        .force = true,
        .jobs = c.jobs,
        .command = "test",
        .rejects = c.rejects ? path_rejects : NULL,
        .drops = path_drops,
        .max_record = c.max_record ? c.max_record : 1 << 20,
        .max_errors = c.max_errors ? c.max_errors : -1,
        .max_error_percent = -1,
        .fields = fields,
        .field_count = 2,
        .rules = rules,
        .rule_count = 2,
    };
    static const char *const argv[] = { "test" };

    report_init(&r.report, "test", 1, argv);
    struct flow *f = flow_open(&fc, &r.report, NULL, &r.err);
    assert_non_null(f);
    r.ok = flow_filter_run(f, &filter, &seen, &r.err);
    if (r.ok) {
        r.ok = flow_close(f, &r.err);
        r.out = read_file(path_out);
        r.drops = read_file(path_drops);
    } else {
        flow_abort(f);
    }
    if (c.rejects)
        r.rejects = read_file(path_rejects);
    assert_int_equal(r.report.in, r.report.out + report_dropped(&r.report) + r.report.rejected);
    if (c.with_commit && r.ok)
        assert_int_equal(seen.records, r.report.in);
    return r;
}

static void run_free(struct run *r)
{
    os_free(r->out);
    os_free(r->rejects);
    os_free(r->drops);
    report_release(&r->report);
    unlink(path_out);
    unlink(path_rejects);
    unlink(path_drops);
}

static void many_records(struct buf *b, int count)
{
    for (int i = 0; i < count; i++) {
        buf_printf(b, "{\"text\":\"%c %d ", "abx"[i % 3], i);
        for (int k = i % 97; k > 0; k--)
            buf_append(b, SLICE("lorem "));
        buf_printf(b, "\",\"n\":%d, \"id\": \"r%d\"}%s\n", i % 11, i, i % 13 ? "" : " \t\r");
    }
}

static void jobs_do_not_matter(void **state)
{
    struct buf b = { 0 };

    (void)state;
    many_records(&b, 20000);
    write_file(path_in, buf_slice(&b));
    struct run one = run_filter((struct run_conf){ .jobs = 1 });
    assert_true(one.ok);
    assert_int_equal(one.report.in, 20000);
    assert_int_equal(*report_rule(&one.report, "seven"), 20000 / 11 + 1 - (20000 % 11 <= 7));
    for (int jobs = 1; jobs <= 7; jobs += 3)
        for (int with_commit = 0; with_commit < 2; with_commit++) {
            slice first = one.out, drops = one.drops;
            char *keep = malloc((size_t)(first.len + drops.len));
            memcpy(keep, first.ptr, (size_t)first.len);
            memcpy(keep + first.len, drops.ptr, (size_t)drops.len);
            struct run r =
                run_filter((struct run_conf){ .jobs = jobs, .with_commit = with_commit });
            assert_true(r.ok);
            assert_true(slice_eq(r.out, slice_make(keep, first.len)));
            assert_true(slice_eq(r.drops, slice_make(keep + first.len, drops.len)));
            assert_int_equal(r.report.records_out, one.report.records_out);
            assert_int_equal(r.report.bytes_in, b.len);
            assert_int_equal(r.report.bytes_out, r.out.len);
            free(keep);
            run_free(&r);
        }
    run_free(&one);
    buf_release(&b);
}

/* ---- the input in small writes ---- */

struct feeder {
    int fd;
    slice bytes;
    ptrdiff_t step;
};

static void *feed(void *arg)
{
    struct feeder *f = arg;

    for (slice s = f->bytes; s.len > 0; s = slice_from(s, MIN(f->step, s.len)))
        os_write_all(f->fd, "pipe", slice_make(s.ptr, MIN(f->step, s.len)), NULL);
    close(f->fd);
    return NULL;
}

static void cutting_does_not_matter(void **state)
{
    struct buf b = { 0 };
    static const ptrdiff_t steps[] = { 1, 7, 4096, 70000 };

    (void)state;
    many_records(&b, 300);
    write_file(path_in, buf_slice(&b));
    struct run whole = run_filter((struct run_conf){ .jobs = 1 });
    for (int i = 0; i < 4; i++)
        for (int jobs = 1; jobs < 4; jobs += 2) {
            int fds[2];
            char name[32];
            pthread_t t;
            assert_int_equal(pipe(fds), 0);
            snprintf(name, sizeof name, "/dev/fd/%d", fds[0]);
            struct feeder f = { fds[1], buf_slice(&b), steps[i] };
            pthread_create(&t, NULL, feed, &f);
            slice keep = whole.out;
            struct run r = run_filter((struct run_conf){ .in = name, .jobs = jobs });
            pthread_join(t, NULL);
            close(fds[0]);
            assert_true(r.ok);
            assert_true(slice_eq(r.out, keep));
            run_free(&r);
        }
    run_free(&whole);
    buf_release(&b);
}

/* ---- bad records ---- */

static void first_bad_record_stops(void **state)
{
    char expect[128];

    (void)state;
    write_file(path_in, SLICE("{\"text\":\"a\"}\n\n{\"text\":\"b\"}\n{\"text\":\"c\\\"}\n"
                              "{\"text\":\"d\"}\n"));
    for (int jobs = 1; jobs <= 4; jobs += 3) {
        struct run r = run_filter((struct run_conf){ .jobs = jobs });
        assert_false(r.ok);
        assert_int_equal(r.err.class, ERR_DATA);
        snprintf(expect, sizeof expect, "%s:4: byte ", path_in);
        assert_memory_equal(r.err.text, expect, strlen(expect));
        assert_int_equal(r.report.out, 2);
        assert_int_equal(r.report.rejected, 1);
        assert_int_not_equal(access(path_out, F_OK), 0);
        run_free(&r);
    }
}

static void rejects_keep_going(void **state)
{
    (void)state;
    write_file(path_in, SLICE("{\"text\":\"a\"}\n[1]\n{\"text\":\"\xff\"}\n{\"text\":1}\n{}\n"
                              "{\"text\":\"bad\"}\n{\"text\":\"a\",\"text\":\"b\"}\n"
                              "{\"text\":\"\\ud800\"}\n{\"text\":\"z\",\"o\":\"\\ud800\"}\n"));
    for (int jobs = 1; jobs <= 4; jobs += 3) {
        struct run r = run_filter((struct run_conf){ .jobs = jobs, .rejects = true });
        assert_true(r.ok);
        assert_true(
            slice_eq(r.out, SLICE("{\"text\":\"a\"}\n{\"text\":\"z\",\"o\":\"\\ud800\"}\n")));
        assert_int_equal(r.report.rejected, 7);
        assert_non_null(strstr(r.rejects.ptr, "\"line\":2,\"offset\":13,"
                                              "\"reason\":\"not a JSON object\",\"raw\":\"[1]\""));
        assert_non_null(strstr(r.rejects.ptr, "\"line\":3,\"offset\":17,"));
        assert_non_null(strstr(r.rejects.ptr, "\"raw_b64\":\"eyJ0ZXh0Ijoi/yJ9\""));
        assert_non_null(strstr(r.rejects.ptr, "member 'text' is not a string"));
        assert_non_null(strstr(r.rejects.ptr, "no member 'text'"));
        assert_non_null(strstr(r.rejects.ptr, "duplicate of member 'text'"));
        assert_non_null(strstr(r.rejects.ptr, "it says so"));
        run_free(&r);
    }
}

static void max_errors_bounds(void **state)
{
    (void)state;
    write_file(path_in,
               SLICE("{}\n{\"text\":\"a\"}\n{}\n{\"text\":\"b\"}\n{}\n{\"text\":\"c\"}\n"));
    for (int jobs = 1; jobs <= 4; jobs += 3) {
        struct run r =
            run_filter((struct run_conf){ .jobs = jobs, .rejects = true, .max_errors = 2 });
        assert_false(r.ok);
        assert_int_equal(r.err.class, ERR_FINDING);
        assert_int_equal(r.report.rejected, 3);
        assert_int_equal(r.report.out, 2);
        run_free(&r);
        r = run_filter((struct run_conf){ .jobs = jobs, .rejects = true, .max_errors = 3 });
        assert_true(r.ok);
        run_free(&r);
    }
}

static void long_record_is_bad_and_the_stream_goes_on(void **state)
{
    struct buf b = { 0 };

    (void)state;
    buf_append(&b, SLICE("{\"text\":\"a\"}\n{\"text\":\""));
    for (int i = 0; i < 300000; i++)
        buf_append(&b, SLICE("0123456789"));
    buf_append(&b, SLICE("\"}\n{\"text\":\"b\"}\n{}\n"));
    write_file(path_in, buf_slice(&b));
    for (int jobs = 1; jobs <= 4; jobs += 3) {
        struct run r =
            run_filter((struct run_conf){ .jobs = jobs, .rejects = true, .max_record = 100000 });
        assert_true(r.ok);
        assert_true(slice_eq(r.out, SLICE("{\"text\":\"a\"}\n{\"text\":\"b\"}\n")));
        assert_non_null(
            strstr(r.rejects.ptr, "\"line\":2,\"offset\":13,\"reason\":\"record longer than"));
        assert_non_null(
            strstr(r.rejects.ptr, "\"line\":4,\"offset\":3000038,\"reason\":\"no member"));
        assert_int_equal(r.report.bytes_in, b.len);
        run_free(&r);
        /* within the limit it passes, through a batch that grew */
        r = run_filter((struct run_conf){ .jobs = jobs, .rejects = true, .max_record = 4 << 20 });
        assert_true(r.ok);
        assert_int_equal(r.report.out, 3);
        run_free(&r);
    }
    buf_release(&b);
}

static void lines_and_marks(void **state)
{
    (void)state;
    write_file(path_in, SLICE("\xEF\xBB\xBF{\"text\":\"a\"}\r\n\r\n \t\n  {\"text\":\"b\"} \t\n"
                              "{\"text\":\"c\"}"));
    for (int jobs = 1; jobs <= 4; jobs += 3) {
        struct run r = run_filter((struct run_conf){ .jobs = jobs });
        assert_true(r.ok);
        assert_true(
            slice_eq(r.out, SLICE("{\"text\":\"a\"}\n{\"text\":\"b\"}\n{\"text\":\"c\"}\n")));
        assert_int_equal(r.report.empty_lines, 2);
        run_free(&r);
    }
    write_file(path_in, SLICE(""));
    struct run r = run_filter((struct run_conf){ .jobs = 2 });
    assert_true(r.ok);
    assert_int_equal(r.out.len, 0);
    run_free(&r);
}

static void fatal_in_work_comes_in_order(void **state)
{
    struct buf b = { 0 };

    (void)state;
    many_records(&b, 5000);
    buf_append(&b, SLICE("{\"text\":\"fatal\"}\n"));
    many_records(&b, 30000);
    write_file(path_in, buf_slice(&b));
    for (int jobs = 1; jobs <= 4; jobs += 3) {
        struct run r = run_filter((struct run_conf){ .jobs = jobs });
        assert_false(r.ok);
        assert_int_equal(r.err.class, ERR_BUG);
        assert_int_equal(r.report.in, 5000);
        run_free(&r);
    }
    buf_release(&b);
}

static void dropped_records_are_kept_whole(void **state)
{
    (void)state;
    write_file(path_in, SLICE("{\"text\":\"a\",\"n\":7 , \"k\": 1e400}\n"));
    struct run r = run_filter((struct run_conf){ .jobs = 1 });
    assert_true(r.ok);
    assert_true(
        slice_eq(r.drops, SLICE("{\"text\":\"a\",\"n\":7 , \"k\": 1e400,\"_drop\":{\"by\":\"test\","
                                "\"rule\":\"seven\",\"value\":7}}\n")));
    run_free(&r);
}

/* ---- what is there is shipped ---- */

struct idle {
    int in, out;
};

static void *idle_filter(void *arg)
{
    struct idle *d = arg;
    char in[32], out[32];
    const char *paths[] = { in };
    struct flow_filter filter = { .work = work };
    struct flow_conf fc = { .in = { .paths = paths, .path_count = 1 },
                            .output = out,
                            .jobs = 3,
                            .force = true,
                            .max_record = 1 << 20,
                            .max_errors = -1,
                            .max_error_percent = -1,
                            .fields = fields,
                            .field_count = 2,
                            .rules = rules,
                            .rule_count = 2,
                            .command = "test" };
    struct report report;
    struct err err;
    static const char *const argv[] = { "test" };

    snprintf(in, sizeof in, "/dev/fd/%d", d->in);
    snprintf(out, sizeof out, "/dev/fd/%d", d->out);
    report_init(&report, "test", 1, argv);
    struct flow *f = flow_open(&fc, &report, NULL, &err);
    bool ok = f && flow_filter_run(f, &filter, NULL, &err) && flow_close(f, &err);
    report_release(&report);
    return ok ? arg : NULL;
}

static void idle_input_ships_what_is_there(void **state)
{
    int to[2], from[2];
    pthread_t t;
    void *result;
    char got[64];

    (void)state;
    assert_int_equal(pipe(to) | pipe(from), 0);
    struct idle d = { to[0], from[1] };
    pthread_create(&t, NULL, idle_filter, &d);
    for (int i = 0; i < 3; i++) {
        /* one whole record and the beginning of the next: the whole one comes out now */
        slice s = i == 0 ? SLICE("{\"text\":\"a\"}\n{\"te") : SLICE("xt\":\"a\"}\n{\"te");
        assert_true(os_write_all(to[1], "pipe", s, NULL));
        assert_true(os_wait_readable(from[0], 10000));
        assert_int_equal(read(from[0], got, sizeof got), 13);
        assert_memory_equal(got, "{\"text\":\"a\"}\n", 13);
    }
    assert_true(os_write_all(to[1], "pipe", SLICE("xt\":\"a\"}"), NULL));
    close(to[1]);
    pthread_join(t, &result);
    assert_ptr_equal(result, &d);
    close(to[0]);
    close(from[0]);
    close(from[1]);
}

/* ---- source ---- */

struct counter {
    int next, units;
};

static bool source_next(void *self, struct flow_unit *u, bool *end, struct err *err)
{
    struct counter *c = self;

    (void)err;
    if (c->next == c->units) {
        *end = true;
        return true;
    }
    u->data = arena_new(u->arena, int, 1);
    *(int *)u->data = c->next++;
    return true;
}

static bool source_work(void *self, void *scratch, struct flow_unit *u, struct err *err)
{
    int n = *(int *)u->data;

    (void)self;
    (void)scratch;
    (void)err;
    u->in = 1;
    if (n % 10 == 9) {
        u->rejects = arena_new(u->arena, struct flow_reject, 1);
        *u->rejects = (struct flow_reject){
            .file = "unit", .line = n, .offset = -1, .reason = "nine", .raw = SLICE("9")
        };
        return true;
    }
    u->out = arena_printf(u->arena, "{\"n\":%d}\n", n);
    u->records_out = 1;
    return true;
}

static void source_units_come_in_order(void **state)
{
    static const char *const argv[] = { "test" };
    slice first = { 0 };

    (void)state;
    for (int jobs = 1; jobs <= 4; jobs++) {
        struct counter c = { .units = 1000 };
        struct flow_source source = { .next = source_next, .work = source_work };
        struct flow_conf fc = { .output = path_out,
                                .force = true,
                                .jobs = jobs,
                                .max_errors = -1,
                                .max_error_percent = -1,
                                .rejects = path_rejects,
                                .command = "test" };
        struct report report;
        struct err err;
        report_init(&report, "test", 1, argv);
        struct flow *f = flow_open(&fc, &report, NULL, &err);
        assert_non_null(f);
        assert_true(flow_source_run(f, &source, &c, &err));
        assert_true(flow_close(f, &err));
        assert_int_equal(report.in, 1000);
        assert_int_equal(report.out, 900);
        assert_int_equal(report.rejected, 100);
        slice out = read_file(path_out);
        if (jobs == 1)
            first = out;
        assert_true(slice_eq(out, first));
        if (jobs > 1)
            os_free(out);
        report_release(&report);
    }
    os_free(first);
    unlink(path_out);
    unlink(path_rejects);
}

/* ---- window ---- */

static void window_keeps_the_order(void **state)
{
    static const char *const argv[] = { "test" };
    const char *paths[] = { path_in };
    struct buf b = { 0 };

    (void)state;
    for (int i = 0; i < 100; i++)
        buf_printf(&b, i % 10 == 5 ? "{\"n\":%d}\n" : "{\"text\":\"t%d\"}\n", i);
    write_file(path_in, buf_slice(&b));
    struct flow_conf fc = { .in = { .paths = paths, .path_count = 1 },
                            .output = path_out,
                            .force = true,
                            .rejects = path_rejects,
                            .max_record = 1 << 20,
                            .max_errors = -1,
                            .max_error_percent = -1,
                            .fields = fields,
                            .field_count = 2,
                            .rules = rules,
                            .rule_count = 2,
                            .command = "test" };
    struct report report;
    struct err err = { 0 };
    report_init(&report, "test", 1, argv);
    struct flow *f = flow_open(&fc, &report, NULL, &err);
    assert_non_null(f);
    struct flow_record *held[8];
    int n = 0, total = 0;
    enum flow_pull p;
    do {
        p = flow_pull(f, true, &held[n], &err);
        if (p == FLOW_GOT)
            n++;
        while (n == 8 || (p == FLOW_END && n > 0)) {
            /* pushed from the back: the newest first */
            struct flow_verdict v = { 0 };
            char text[32];
            snprintf(text, sizeof text, "{\"i\":%lld}", (long long)held[n - 1]->index);
            v.out = slice_of(text);
            if (held[n - 1]->index % 7 == 0)
                v = (struct flow_verdict){ .action = FLOW_DROP, .rule = 1 };
            assert_true(flow_push(f, held[--n], &v, &err));
            total++;
            if (n < 4 && p != FLOW_END)
                break;
        }
    } while (p != FLOW_END);
    assert_true(flow_close(f, &err));
    assert_int_equal(total, 90);
    assert_int_equal(report.in, 100);
    assert_int_equal(report.in, report.out + report_dropped(&report) + report.rejected);
    slice out = read_file(path_out);
    struct buf expect = { 0 };
    for (int i = 0; i < 100; i++)
        if (i % 10 != 5 && i % 7)
            buf_printf(&expect, "{\"i\":%d}\n", i);
    assert_true(slice_eq(out, buf_slice(&expect)));
    os_free(out);
    buf_release(&expect);
    buf_release(&b);
    report_release(&report);
    unlink(path_out);
    unlink(path_rejects);
}

static void window_bad_record_ends_after_earlier_ones(void **state)
{
    static const char *const argv[] = { "test" };
    const char *paths[] = { path_in };

    (void)state;
    write_file(path_in, SLICE("{\"text\":\"a\"}\n{}\n{\"text\":\"b\"}\n"));
    struct flow_conf fc = { .in = { .paths = paths, .path_count = 1 },
                            .output = path_out,
                            .force = true,
                            .max_record = 1 << 20,
                            .max_errors = -1,
                            .max_error_percent = -1,
                            .fields = fields,
                            .field_count = 2,
                            .command = "test" };
    struct report report;
    struct err err = { 0 };
    struct flow_record *rec, *none;
    struct flow_verdict keep = { 0 };
    report_init(&report, "test", 1, argv);
    struct flow *f = flow_open(&fc, &report, NULL, &err);
    assert_int_equal(flow_pull(f, true, &rec, &err), FLOW_GOT);
    assert_int_equal(flow_pull(f, true, &none, &err), FLOW_END);
    assert_false(flow_push(f, rec, &keep, &err));
    assert_int_equal(err.class, ERR_DATA);
    assert_false(flow_close(f, &err));
    assert_int_equal(err.class, ERR_DATA);
    assert_int_equal(report.out, 1);
    report_release(&report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jobs_do_not_matter),
        cmocka_unit_test(cutting_does_not_matter),
        cmocka_unit_test(first_bad_record_stops),
        cmocka_unit_test(rejects_keep_going),
        cmocka_unit_test(max_errors_bounds),
        cmocka_unit_test(long_record_is_bad_and_the_stream_goes_on),
        cmocka_unit_test(lines_and_marks),
        cmocka_unit_test(fatal_in_work_comes_in_order),
        cmocka_unit_test(dropped_records_are_kept_whole),
        cmocka_unit_test(idle_input_ships_what_is_there),
        cmocka_unit_test(source_units_come_in_order),
        cmocka_unit_test(window_keeps_the_order),
        cmocka_unit_test(window_bad_record_ends_after_earlier_ones),
    };

    if (!mkdtemp(dir))
        return 1;
    snprintf(path_in, sizeof path_in, "%s/in.jsonl", dir);
    snprintf(path_out, sizeof path_out, "%s/out.jsonl", dir);
    snprintf(path_rejects, sizeof path_rejects, "%s/rejects.jsonl", dir);
    snprintf(path_drops, sizeof path_drops, "%s/drops.jsonl", dir);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path_in);
    rmdir(dir);
    return failed;
}
