#include "loading.h"

#include "../log.h"
#include "../os.h"
#include "stat.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define REQUESTS_MAX  ((ptrdiff_t)1 << 30)
#define SILENCE_NS    (60 * (int64_t)1000000000) /* no answer for so long after the last request */
#define READ_BYTES    (256 << 10)
#define SATURATE_FROM 50.0
#define BISECTIONS    6
#define BACKLOG_MAX   ((ptrdiff_t)256 << 20)
#define ANSWER_MAX    ((ptrdiff_t)64 << 20)

enum { FIELD_ID, FIELD_DELTA };

struct request {
    slice line; /* with its newline */
    slice id;   /* raw JSON text, empty: none */
};

/* A request that was sent; `first` and `last` are times of its parts, 0: none yet. */
struct flight {
    int64_t due, first, last, done;
    int32_t request, parts;
};

struct series {
    double *x;
    ptrdiff_t n, cap;
};

struct result {
    int64_t sent, answered, within_slo;
    double seconds, offered;
    struct series latency, ttft, per_token; /* seconds */
    int64_t tokens, late_ns; /* late: the most that a request was sent after its time */
    struct os_usage usage;
};

struct load {
    const struct loading_conf *conf;
    const struct bench_env *env;
    struct request *requests;
    ptrdiff_t request_count;
    struct json_query query;
    struct stat_rng rng;
    /* One run. */
    struct os_child child;
    struct buf to, from;
    ptrdiff_t to_at;        /* what went of `to` */
    struct flight *flights; /* oldest first; the ones before `oldest` are done */
    ptrdiff_t flight_count, flight_cap, oldest, in_flight;
    struct result result;
};

static void series_add(struct series *s, double x)
{
    if (s->n == s->cap) {
        s->cap = s->cap * 2 + 1024;
        s->x = realloc(s->x, (size_t)s->cap * sizeof *s->x);
        if (!s->x)
            mem_oom();
    }
    s->x[s->n++] = x;
}

/* ---- requests ---- */

static bool read_requests(struct load *l, slice text, struct err *err)
{
    static const char *const paths[] = { "id", "delta" };
    struct json_span spans[2];
    struct json_fault fault;
    ptrdiff_t cap = 0, line = 0;

    if (!json_query_init(&l->query, paths, 2, l->env->arena, err))
        return false;
    while (text.len) {
        ptrdiff_t newline = slice_find(text, '\n');
        slice one = { text.ptr, newline < 0 ? text.len : newline };
        text = slice_from(text, newline < 0 ? text.len : newline + 1);
        line++;
        if (one.len == 0)
            continue;
        if (!json_scan(one, &l->query, spans, NULL, &fault))
            return err_set(err, ERR_DATA, "%s:%td: byte %td: %s", l->conf->requests, line,
                           fault.at + 1, fault.what);
        if (l->request_count == cap) {
            struct request *old = l->requests;
            cap = cap * 2 + 256;
            l->requests = arena_new(l->env->arena, struct request, cap);
            if (old)
                memcpy(l->requests, old, (size_t)l->request_count * sizeof *old);
        }
        struct request *r = &l->requests[l->request_count++];
        r->line =
            slice_make(arena_printf(l->env->arena, "%.*s\n", SLICE_ARG(one)).ptr, one.len + 1);
        if (spans[FIELD_ID].count)
            r->id = slice_make(r->line.ptr + spans[FIELD_ID].start, spans[FIELD_ID].len);
    }
    return l->request_count > 0 || err_set(err, ERR_DATA, "%s has no requests", l->conf->requests);
}

static void send_request(struct load *l, int64_t due)
{
    ptrdiff_t which = l->flight_count % l->request_count;

    if (l->flight_count == l->flight_cap) {
        l->flight_cap = l->flight_cap * 2 + 4096;
        l->flights = realloc(l->flights, (size_t)l->flight_cap * sizeof *l->flights);
        if (!l->flights)
            mem_oom();
    }
    l->flights[l->flight_count++] = (struct flight){ .due = due, .request = (int32_t)which };
    l->in_flight++;
    l->result.sent++;
    buf_append(&l->to, l->requests[which].line);
}

/* ---- answers ---- */

static struct flight *flight_of(struct load *l, slice id)
{
    while (l->oldest < l->flight_count && l->flights[l->oldest].done)
        l->oldest++;
    for (ptrdiff_t i = l->oldest; i < l->flight_count; i++) {
        struct flight *f = &l->flights[i];
        if (!f->done && (!id.len || slice_eq(id, l->requests[f->request].id)))
            return f;
    }
    return NULL;
}

static bool take_answer(struct load *l, slice line, int64_t now, struct err *err)
{
    struct json_span spans[2];
    struct json_fault fault;
    slice id = { NULL, 0 };

    if (!json_scan(line, &l->query, spans, NULL, &fault))
        return err_set(err, ERR_CHILD, "%s: an answer is not JSON: byte %td: %s", l->conf->shown,
                       fault.at + 1, fault.what);
    if (spans[FIELD_ID].count)
        id = slice_make(line.ptr + spans[FIELD_ID].start, spans[FIELD_ID].len);
    struct flight *f = flight_of(l, id);
    if (!f)
        return err_set(err, ERR_CHILD, "%s: an answer without a request: %s", l->conf->shown,
                       ERR_QUOTE(line));
    struct result *r = &l->result;
    if (!f->first)
        f->first = now;
    if (spans[FIELD_DELTA].count) {
        f->parts++;
        f->last = now;
        return true;
    }
    f->done = now;
    l->in_flight--;
    r->answered++;
    r->within_slo += l->conf->slo_ns && now - f->due <= l->conf->slo_ns;
    series_add(&r->latency, (double)(now - f->due) / 1e9);
    if (f->parts) {
        r->tokens += f->parts;
        series_add(&r->ttft, (double)(f->first - f->due) / 1e9);
        if (f->parts > 1)
            series_add(&r->per_token, (double)(f->last - f->first) / 1e9 / (f->parts - 1));
    }
    return true;
}

static bool read_answers(struct load *l, bool *end, struct err *err)
{
    char *dst = buf_reserve(&l->from, READ_BYTES + RECORD_PADDING);
    ptrdiff_t got = os_child_read(&l->child, dst, READ_BYTES, end, err);
    int64_t now = os_now_ns();

    if (got < 0)
        return false;
    l->from.len += got;
    slice rest = buf_slice(&l->from);
    for (ptrdiff_t newline; (newline = slice_find(rest, '\n')) >= 0;) {
        if (newline && !take_answer(l, slice_make(rest.ptr, newline), now, err))
            return false;
        rest = slice_from(rest, newline + 1);
    }
    buf_consume(&l->from, l->from.len - rest.len);
    return l->from.len <= ANSWER_MAX ||
           err_set(err, ERR_CHILD, "%s: an answer is longer than %td MB", l->conf->shown,
                   ANSWER_MAX >> 20);
}

/* ---- one run ---- */

/* Sends what is due; returns when the next one is, or -1. */
static int64_t send_due(struct load *l, double rate, int64_t *next, int64_t stop)
{
    int64_t now = os_now_ns();

    if (now >= stop)
        return -1;
    if (rate <= 0) {
        while (l->in_flight < l->conf->concurrency)
            send_request(l, now);
        return stop;
    }
    while (*next <= now && *next < stop) {
        l->result.late_ns = MAX(l->result.late_ns, now - *next);
        send_request(l, *next);
        *next += (int64_t)(-log(1 - stat_rng_unit(&l->rng)) / rate * 1e9);
    }
    return MIN(*next, stop);
}

static bool write_requests(struct load *l, struct err *err)
{
    ptrdiff_t wrote = os_child_write(&l->child, slice_from(buf_slice(&l->to), l->to_at), err);

    if (wrote < 0)
        return false;
    l->to_at += wrote;
    if (l->to_at == l->to.len || l->to_at > BACKLOG_MAX / 16) {
        buf_consume(&l->to, l->to_at);
        l->to_at = 0;
    }
    return l->to.len <= BACKLOG_MAX ||
           err_set(err, ERR_CHILD, "%s: does not keep up, %td MB of requests wait", l->conf->shown,
                   l->to.len >> 20);
}

static bool drive(struct load *l, double rate, struct err *err)
{
    int64_t start = os_now_ns(), stop = start + l->conf->duration_ns, next = start;
    int64_t last_answer = start;
    bool end = false;

    while (!end) {
        int64_t wake = send_due(l, rate, &next, stop);
        if (wake < 0 && l->to_at == l->to.len && l->child.in >= 0) {
            os_child_close_input(&l->child);
            last_answer = os_now_ns();
        }
        if (l->child.in < 0)
            wake = last_answer + SILENCE_NS;
        unsigned ready = os_child_poll(&l->child, l->to_at < l->to.len, wake < 0 ? stop : wake);
        if (os_stopped())
            return err_set(err, ERR_STOP, "stopped by signal %d", os_stopped());
        if (!ready && l->child.in < 0 && os_now_ns() >= last_answer + SILENCE_NS)
            return err_set(err, ERR_CHILD, "%s: %td requests have no answer after %d s",
                           l->conf->shown, l->in_flight, (int)(SILENCE_NS / 1000000000));
        if (ready & OS_CHILD_WRITABLE) {
            if (!write_requests(l, err))
                return false;
        }
        if (ready & OS_CHILD_READABLE) {
            if (!read_answers(l, &end, err))
                return false;
            last_answer = os_now_ns();
        }
    }
    l->result.seconds = (double)(last_answer - start) / 1e9;
    return true;
}

static void forget(struct load *l)
{
    struct result *r = &l->result;

    free(r->latency.x);
    free(r->ttft.x);
    free(r->per_token.x);
    *r = (struct result){ 0 };
    l->flight_count = l->oldest = l->in_flight = 0;
    l->to_at = 0;
    buf_clear(&l->to);
    buf_clear(&l->from);
}

static bool run_once(struct load *l, double rate, struct err *err)
{
    struct os_spawn spawn = { .argv = l->conf->argv };
    struct err late = { 0 };

    forget(l);
    l->rng = (struct stat_rng){ (uint64_t)l->env->seed };
    if (!os_child_start(&l->child, &spawn, err))
        return false;
    bool ok = drive(l, rate, err);
    if (!ok)
        os_child_kill(&l->child, SIGTERM);
    if (!os_child_finish(&l->child, &l->result.usage, ok ? err : &late))
        return false;
    /* Its exit code says more than that its pipe broke. */
    if ((ok || err->class == ERR_CHILD) && l->result.usage.exit_code != 0 &&
        l->result.usage.exit_code != 128 + SIGTERM)
        return err_set(err, ERR_CHILD, "%s: exit code %d", ERR_QUOTE(slice_of(l->conf->shown)),
                       l->result.usage.exit_code);
    if (!ok)
        return false;
    if (l->in_flight)
        return err_set(err, ERR_CHILD, "%s: ended with %td requests unanswered", l->conf->shown,
                       l->in_flight);
    l->result.offered = rate;
    return true;
}

/* ---- results ---- */

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static const double quantiles[] = { 0.5, 0.9, 0.99, 0.999, 1 };
static const char *const quantile_names[] = { "p50", "p90", "p99", "p99.9", "max" };

static void sort_series(struct series *s)
{
    if (s->n)
        qsort(s->x, (size_t)s->n, sizeof *s->x, ascending);
}

static void json_series(struct buf *b, const char *name, const struct series *s)
{
    double sum = 0;

    if (!s->n)
        return;
    for (ptrdiff_t i = 0; i < s->n; i++)
        sum += s->x[i];
    buf_printf(b, ",\"%s\":{\"mean\":%.9g", name, sum / (double)s->n);
    for (int q = 0; q < (int)countof(quantiles); q++)
        buf_printf(b, ",\"%s\":%.9g", quantile_names[q], stat_quantile(s->x, s->n, quantiles[q]));
    buf_append_byte(b, '}');
}

static void table_series(struct buf *b, const char *name, const struct series *s)
{
    if (!s->n)
        return;
    buf_printf(b, "%-12s", name);
    for (int q = 0; q < (int)countof(quantiles); q++)
        buf_printf(b, " %10.3f", stat_quantile(s->x, s->n, quantiles[q]) * 1e3);
    buf_append_byte(b, '\n');
}

static void as_json(struct load *l, struct buf *b)
{
    const struct result *r = &l->result;

    buf_append(b, SLICE("{\"schema\":1,\"command\":"));
    json_append_bytes(b, slice_of(l->conf->shown));
    buf_printf(b, ",\"requests\":%lld,\"seconds\":%.6f,\"requests_per_second\":%.3f",
               (long long)r->answered, r->seconds, (double)r->answered / r->seconds);
    if (r->offered > 0)
        buf_printf(b, ",\"rate\":%.3f,\"sent_late_ms\":%.3f", r->offered, (double)r->late_ns / 1e6);
    else
        buf_printf(b, ",\"concurrency\":%lld", (long long)l->conf->concurrency);
    if (l->conf->slo_ns)
        buf_printf(b, ",\"slo_seconds\":%.6f,\"within_slo\":%.6f,\"goodput_per_second\":%.3f",
                   (double)l->conf->slo_ns / 1e9,
                   (double)r->within_slo / (double)MAX(r->answered, 1),
                   (double)r->within_slo / r->seconds);
    json_series(b, "latency_seconds", &r->latency);
    json_series(b, "ttft_seconds", &r->ttft);
    json_series(b, "seconds_per_token", &r->per_token);
    if (r->tokens)
        buf_printf(b, ",\"tokens\":%lld,\"tokens_per_second\":%.3f", (long long)r->tokens,
                   (double)r->tokens / r->seconds);
    buf_printf(b, ",\"cpu_seconds\":%.6f,\"max_rss_bytes\":%lld}\n",
               (double)(r->usage.user_ns + r->usage.sys_ns) / 1e9,
               (long long)r->usage.max_rss_bytes);
}

static void as_table(struct load *l, struct buf *b)
{
    const struct result *r = &l->result;

    buf_printf(b, "%s\n", l->conf->shown);
    if (r->offered > 0)
        buf_printf(b, "open loop at %.6g/s", r->offered);
    else
        buf_printf(b, "closed loop, %lld at once", (long long)l->conf->concurrency);
    buf_printf(b, ": %lld requests in %.2f s, %.1f/s", (long long)r->answered, r->seconds,
               (double)r->answered / r->seconds);
    if (l->conf->slo_ns)
        buf_printf(b, "; %.2f %% within %.6g ms, goodput %.1f/s",
                   100.0 * (double)r->within_slo / (double)MAX(r->answered, 1),
                   (double)l->conf->slo_ns / 1e6, (double)r->within_slo / r->seconds);
    buf_printf(b, "\n\n%-12s", "ms");
    for (int q = 0; q < (int)countof(quantiles); q++)
        buf_printf(b, " %10s", quantile_names[q]);
    buf_append_byte(b, '\n');
    table_series(b, "latency", &r->latency);
    table_series(b, "first token", &r->ttft);
    table_series(b, "per token", &r->per_token);
    if (r->tokens)
        buf_printf(b, "%lld tokens, %.1f/s\n", (long long)r->tokens,
                   (double)r->tokens / r->seconds);
}

static bool write_result(struct load *l, struct err *err)
{
    struct result *r = &l->result;
    struct buf text = BUF_INIT(0);

    sort_series(&r->latency);
    sort_series(&r->ttft);
    sort_series(&r->per_token);
    report_int(l->env->report, "requests", r->answered, "Requests that were answered.");
    report_float(l->env->report, "requests_per_second", (double)r->answered / r->seconds,
                 "Answers per second.");
    if (r->latency.n)
        report_float(l->env->report, "latency_p99_seconds",
                     stat_quantile(r->latency.x, r->latency.n, 0.99),
                     "99th percentile of the latency.");
    (l->conf->json ? as_json : as_table)(l, &text);
    bool ok = rows_write(l->env, buf_slice(&text), err);
    buf_release(&text);
    return ok;
}

/* ---- saturation ---- */

static bool sustained(struct load *l)
{
    struct result *r = &l->result;

    sort_series(&r->latency);
    return r->latency.n &&
           stat_quantile(r->latency.x, r->latency.n, 0.99) <= (double)l->conf->slo_ns / 1e9;
}

static bool saturate(struct load *l, struct err *err)
{
    double low = 0, high = 0, rate = l->conf->rate > 0 ? l->conf->rate : SATURATE_FROM;

    for (int step = 0; step < BISECTIONS || high == 0;) {
        if (!run_once(l, rate, err))
            return false;
        bool good = sustained(l);
        log_info("%.6g/s: %s", rate, good ? "within the SLO" : "beyond the SLO");
        *(good ? &low : &high) = rate;
        if (high > 0)
            step++;
        rate = high > 0 ? (low + high) / 2 : rate * 2;
        if (high > 0 && high < 1)
            return err_set(err, ERR_FINDING, "not even one request per second within the SLO");
    }
    report_float(l->env->report, "saturation_per_second", low, "Highest rate within the SLO.");
    return low == 0
               ? err_set(err, ERR_FINDING,
                         "no rate down to %.6g/s keeps the 99th percentile within the SLO", high)
               : run_once(l, low, err);
}

bool loading_run(const struct bench_env *env, const struct loading_conf *conf, struct err *err)
{
    struct load l = { .conf = conf, .env = env, .to = BUF_INIT(0), .from = BUF_INIT(0) };
    slice text;

    if (!in_slurp(conf->requests, REQUESTS_MAX, &text, err))
        return false;
    bool ok = read_requests(&l, text, err);
    os_free(text);
    ok = ok && (conf->saturate ? saturate(&l, err) : run_once(&l, conf->rate, err)) &&
         write_result(&l, err);
    forget(&l);
    free(l.flights);
    buf_release(&l.to);
    buf_release(&l.from);
    return ok;
}
