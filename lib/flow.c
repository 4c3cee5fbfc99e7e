/* The runtime's ring of batches and its threads; see flow.h for the model. */
#include "flow_private.h"
#include "os.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

/* ---- open and close ---- */

static struct out *open_side(const struct flow_conf *conf, const char *path, struct err *err)
{
    struct out_conf oc = { .path = path, .force = conf->force, .live = true };

    return out_open(&oc, err);
}

static bool open_outputs(struct flow *f, struct err *err)
{
    const struct flow_conf *c = &f->conf;
    struct out_conf oc = { .path = c->output, .compress = c->compress, .force = c->force };

    if (!c->no_output && !(f->out = out_open(&oc, err)))
        return false;
    if (c->rejects && !(f->rejects = open_side(c, c->rejects, err)))
        return false;
    return !c->drops || (f->drops = open_side(c, c->drops, err)) != NULL;
}

static void flow_free(struct flow *f)
{
    for (struct held *h = f->head, *next; h; h = next) {
        next = h->next;
        arena_release(&h->arena);
        free(h);
    }
    reader_close(&f->reader);
    batch_release(&f->window);
    free(f->gather.items);
    arena_release(&f->arena);
    free(f);
}

void flow_abort(struct flow *f)
{
    if (!f)
        return;
    if (f->out)
        out_flush(f->out, NULL);
    out_abort(f->out);
    out_abort(f->drops);
    if (f->rejects)
        out_commit(f->rejects, NULL);
    flow_free(f);
}

struct flow *flow_open(const struct flow_conf *conf, struct report *report,
                       struct progress *progress, struct err *err)
{
    struct flow *f = calloc(1, sizeof *f);
    const char *paths[JSON_MAX_PATHS];

    if (!f)
        mem_oom();
    ASSERT(conf->field_count <= JSON_MAX_PATHS);
    f->conf = *conf;
    f->conf.jobs = MAX(1, conf->jobs);
    f->report = report;
    f->progress = progress;
    f->tail = &f->head;
    f->tasks_tail = &f->tasks;
    f->raw_total = -1;
    f->window.events_tail = &f->window.events;
    for (int i = 0; i < conf->field_count; i++)
        paths[i] = conf->fields[i].path;
    /* All rules are in the report, with zero when nothing fell to them. */
    for (int i = 0; i < conf->rule_count; i++)
        report_rule(report, conf->rules[i]);
    report->jobs = f->conf.jobs;
    if (!json_query_init(&f->query, paths, conf->field_count, &f->arena, err) ||
        !open_outputs(f, err)) {
        out_abort(f->out);
        out_abort(f->rejects);
        out_abort(f->drops);
        flow_free(f);
        return NULL;
    }
    return f;
}

bool flow_close(struct flow *f, struct err *err)
{
    const struct report *r = f->report;
    double share = r->in ? 100.0 * (double)r->rejected / (double)r->in : 0;
    bool ok = true;

    if (f->window_err.class) {
        *err = f->window_err;
        ok = false;
    } else if (os_stopped() > 0) { /* what ended the input may be the same signal to its writer */
        ok = err_set(err, ERR_STOP, "stopped by signal %d", os_stopped());
    } else if (f->conf.max_error_percent >= 0 && share > f->conf.max_error_percent) {
        ok = err_set(err, ERR_FINDING,
                     "%.3g %% of the records are bad, more than --max-errors allows", share);
    }
    if (!ok) {
        flow_abort(f);
        return false;
    }
    /* The main output is published last: when it is there, everything is. */
    struct out *order[] = { f->drops, f->rejects, f->out };
    for (ptrdiff_t i = 0; i < countof(order); i++) {
        if (order[i] && ok)
            ok = out_commit(order[i], err);
        else
            out_abort(order[i]);
    }
    flow_free(f);
    return ok;
}

bool flow_emit(struct flow *f, slice lines, int64_t records, struct err *err)
{
    f->report->records_out += records;
    f->report->bytes_out += lines.len;
    return !f->out || out_write(f->out, lines, err);
}

/* ---- the ring ---- */

/* What filter and source have in common: fill on the reader's thread, work on any, commit in order
 * on the caller's. */
struct stages {
    struct flow *flow;
    void *self;
    const struct flow_filter *filter;
    const struct flow_source *source;
    void (*fill)(struct stages *s, struct batch *b);
    void (*work)(struct stages *s, void *scratch, struct batch *b);
    bool (*commit)(struct stages *s, struct batch *b, struct err *err);
    void *(*scratch_new)(void *self);
    void (*scratch_free)(void *self, void *scratch);
};

struct ring {
    struct stages *stages;
    struct batch *slots;
    int64_t size, filled, taken; /* sequence numbers */
    bool quit;
    pthread_mutex_t lock;
    pthread_cond_t free, ready, done;
};

static struct batch *slot(struct ring *r, int64_t seq)
{
    return &r->slots[seq % r->size];
}

static void *reader_main(void *arg)
{
    struct ring *r = arg;

    for (int64_t seq = 0;; seq++) {
        struct batch *b = slot(r, seq);
        pthread_mutex_lock(&r->lock);
        while (b->state != BATCH_FREE && !r->quit)
            pthread_cond_wait(&r->free, &r->lock);
        bool quit = r->quit;
        pthread_mutex_unlock(&r->lock);
        if (quit)
            return NULL;
        r->stages->fill(r->stages, b);
        bool last = b->last;
        pthread_mutex_lock(&r->lock);
        b->state = BATCH_FILLED;
        r->filled = seq + 1;
        pthread_cond_broadcast(&r->ready);
        pthread_mutex_unlock(&r->lock);
        if (last)
            return NULL;
    }
}

/* Takes the first task from the queue, or this one. The lock is held. */
static struct flow_task *task_take(struct flow *f, struct flow_task *which)
{
    for (struct flow_task **at = &f->tasks; *at; at = &(*at)->next) {
        struct flow_task *t = *at;
        if (which && t != which)
            continue;
        *at = t->next;
        if (f->tasks_tail == &t->next)
            f->tasks_tail = at;
        return t;
    }
    return NULL;
}

void flow_task_start(struct flow *f, struct flow_task *t)
{
    struct ring *r = f->ring;

    t->next = NULL;
    t->state = FLOW_TASK_QUEUED;
    if (!r) {
        t->run(t->self);
        t->state = FLOW_TASK_DONE;
        return;
    }
    pthread_mutex_lock(&r->lock);
    *f->tasks_tail = t;
    f->tasks_tail = &t->next;
    pthread_cond_signal(&r->ready);
    pthread_mutex_unlock(&r->lock);
}

/* A task that no worker has begun is run here: whoever waits might as well work. */
void flow_task_wait(struct flow *f, struct flow_task *t)
{
    struct ring *r = f->ring;

    if (r) {
        pthread_mutex_lock(&r->lock);
        while (t->state == FLOW_TASK_RUNNING)
            pthread_cond_wait(&r->done, &r->lock);
        if (t->state == FLOW_TASK_QUEUED)
            task_take(f, t);
        pthread_mutex_unlock(&r->lock);
    }
    if (t->state == FLOW_TASK_QUEUED)
        t->run(t->self);
    t->state = FLOW_TASK_DONE;
}

/* Tasks come first: the commit stage waits for them. */
static void *worker_main(void *arg)
{
    struct ring *r = arg;
    struct stages *s = r->stages;
    struct flow *f = s->flow;
    void *scratch = s->scratch_new ? s->scratch_new(s->self) : NULL;

    pthread_mutex_lock(&r->lock);
    for (;;) {
        while (r->taken == r->filled && !f->tasks && !r->quit)
            pthread_cond_wait(&r->ready, &r->lock);
        if (r->quit)
            break;
        struct flow_task *t = task_take(f, NULL);
        if (t) {
            t->state = FLOW_TASK_RUNNING;
            pthread_mutex_unlock(&r->lock);
            t->run(t->self);
            pthread_mutex_lock(&r->lock);
            t->state = FLOW_TASK_DONE;
            pthread_cond_signal(&r->done);
            continue;
        }
        struct batch *b = slot(r, r->taken++);
        pthread_mutex_unlock(&r->lock);
        s->work(s, scratch, b);
        pthread_mutex_lock(&r->lock);
        b->state = BATCH_DONE;
        pthread_cond_signal(&r->done);
    }
    pthread_mutex_unlock(&r->lock);
    if (s->scratch_free)
        s->scratch_free(s->self, scratch);
    return NULL;
}

/* Commits batches in order until the last one or a failure. */
static bool ring_commit(struct ring *r, struct err *err)
{
    bool ok = true, last = false;

    for (int64_t seq = 0; ok && !last; seq++) {
        struct batch *b = slot(r, seq);
        pthread_mutex_lock(&r->lock);
        while (b->state != BATCH_DONE)
            pthread_cond_wait(&r->done, &r->lock);
        pthread_mutex_unlock(&r->lock);
        last = b->last;
        ok = r->stages->commit(r->stages, b, err);
        batch_shrink(b);
        pthread_mutex_lock(&r->lock);
        b->state = BATCH_FREE;
        pthread_cond_signal(&r->free);
        pthread_mutex_unlock(&r->lock);
    }
    return ok;
}

/* A reader that waits for input that may never come is woken by the stop pipe when a later stage
 * failed: the process is about to end anyway. */
static void ring_quit(struct ring *r, bool failed)
{
    pthread_mutex_lock(&r->lock);
    r->quit = true;
    pthread_cond_broadcast(&r->free);
    pthread_cond_broadcast(&r->ready);
    pthread_mutex_unlock(&r->lock);
    if (failed && !os_stopped())
        os_stop(0);
}

static bool run_parallel(struct stages *s, int jobs, struct err *err)
{
    struct ring r = { .stages = s, .size = 2 * (int64_t)jobs + 2 };
    pthread_t reader, workers[256];
    int started = 0;

    jobs = MIN(jobs, (int)countof(workers));
    r.slots = calloc((size_t)r.size, sizeof *r.slots);
    if (!r.slots)
        mem_oom();
    pthread_mutex_init(&r.lock, NULL);
    pthread_cond_init(&r.free, NULL);
    pthread_cond_init(&r.ready, NULL);
    pthread_cond_init(&r.done, NULL);
    s->flow->ring = &r;
    int e = pthread_create(&reader, NULL, reader_main, &r);
    bool reading = e == 0;
    for (; e == 0 && started < jobs; started++)
        e = pthread_create(&workers[started], NULL, worker_main, &r);
    if (e)
        started = MAX(0, started - 1);
    /* Fewer threads than asked for still do the work; none is a failure. */
    bool ok = reading && started > 0 ? ring_commit(&r, err)
                                     : err_sys(err, ERR_OS, e, "cannot start a thread");
    ring_quit(&r, !ok);
    if (reading)
        pthread_join(reader, NULL);
    for (int i = 0; i < started; i++)
        pthread_join(workers[i], NULL);
    s->flow->ring = NULL; /* tasks that nobody took are run by whoever waits for them */
    s->flow->tasks = NULL;
    s->flow->tasks_tail = &s->flow->tasks;
    os_resume();
    for (int64_t i = 0; i < r.size; i++)
        batch_release(&r.slots[i]);
    free(r.slots);
    pthread_cond_destroy(&r.free);
    pthread_cond_destroy(&r.ready);
    pthread_cond_destroy(&r.done);
    pthread_mutex_destroy(&r.lock);
    return ok;
}

static bool run_serial(struct stages *s, struct err *err)
{
    struct batch b = { 0 };
    void *scratch = s->scratch_new ? s->scratch_new(s->self) : NULL;
    bool ok = true, last;

    do {
        s->fill(s, &b);
        s->work(s, scratch, &b);
        last = b.last;
        ok = s->commit(s, &b, err);
        batch_shrink(&b);
    } while (ok && !last);
    if (s->scratch_free)
        s->scratch_free(s->self, scratch);
    batch_release(&b);
    return ok;
}

static bool run_stages(struct stages *s, struct err *err)
{
    return s->flow->conf.jobs > 1 ? run_parallel(s, s->flow->conf.jobs, err) : run_serial(s, err);
}

/* Counters, output and flush of a batch whose records are settled. */
static bool batch_finish(struct flow *f, struct batch *b, struct err *err)
{
    f->report->bytes_in += b->bytes_in;
    f->report->empty_lines += b->empty_lines;
    f->raw_bytes = MAX(f->raw_bytes, b->raw_bytes);
    if (!batch_write(f, b, b->part_count, err))
        return false;
    if (b->idle) {
        if (f->out && !out_flush(f->out, err))
            return false;
        if (f->rejects && !out_flush(f->rejects, err))
            return false;
        if (f->drops && !out_flush(f->drops, err))
            return false;
    }
    flow_progress(f);
    if (b->err.class) {
        *err = b->err;
        return false;
    }
    return true;
}

/* ---- filter ---- */

static void filter_fill(struct stages *s, struct batch *b)
{
    reader_fill(&s->flow->reader, b);
}

/* With a commit function the records wait in the batch, each with spans of its own. */
static void records_keep(struct batch *b, const struct flow_record *rec,
                         const struct flow_verdict *v)
{
    if (b->rec_count == b->rec_cap) {
        b->rec_cap = MAX(256, b->rec_cap * 2);
        b->recs = realloc(b->recs, (size_t)b->rec_cap * sizeof *b->recs);
        b->verdicts = realloc(b->verdicts, (size_t)b->rec_cap * sizeof *b->verdicts);
        if (!b->recs || !b->verdicts)
            mem_oom();
    }
    b->recs[b->rec_count] = *rec;
    b->verdicts[b->rec_count++] = *v;
}

static bool filter_record(struct stages *s, void *scratch, struct batch *b, struct flow_record *rec,
                          struct json_span *spans)
{
    const struct flow_filter *filter = s->filter;
    struct flow_verdict v = { 0 };

    if (b->oversize) {
        v = (struct flow_verdict){ .action = FLOW_BAD,
                                   .at = -1,
                                   .reason = "record longer than --max-record" };
    } else {
        if (filter->commit)
            spans = arena_alloc_raw(&b->arena,
                                    (ptrdiff_t)sizeof *spans * MAX(1, s->flow->conf.field_count),
                                    (ptrdiff_t) _Alignof(struct json_span));
        if (record_check(s->flow, rec, spans, &b->arena, &v) &&
            !filter->work(s->self, scratch, rec, &b->arena, &v, &b->err)) {
            b->last = true;
            return false;
        }
    }
    if (filter->commit)
        records_keep(b, rec, &v);
    else
        batch_settle(b, rec, &v, !s->flow->conf.framed);
    return true;
}

static void filter_work(struct stages *s, void *scratch, struct batch *b)
{
    struct json_span spans[JSON_MAX_PATHS];
    struct flow_record rec;
    struct reader *r = &s->flow->reader;
    ptrdiff_t at = 0;

    if (b->oversize && !part_has(b, buf_slice(&b->data)))
        return;
    if (b->oversize) {
        rec = (struct flow_record){ .raw = buf_slice(&b->data),
                                    .file = b->file,
                                    .line = b->first_line,
                                    .offset = b->base_offset,
                                    .index = -1 };
        filter_record(s, scratch, b, &rec, spans);
        return;
    }
    while (batch_next(b, &at, &rec) && filter_record(s, scratch, b, &rec, spans))
        ;
    /* One thread: the reader has not begun the next batch and can be told where it starts. */
    if (!r->count_lines && r->file == b->file)
        r->line = b->first_line + b->lines;
}

/* An event that ends the run: what came before it is written, and counted. */
static bool filter_event(struct flow *f, struct batch *b, const struct event *e, struct err *err)
{
    struct report *r = f->report;
    int64_t in = r->in, out = r->out, records = r->records_out;

    r->in = in + e->in_before + 1;
    r->out = out + e->kept_before;
    r->records_out = records + e->out_before;
    if (event_commit(f, e, &b->arena, err)) {
        r->in = in;
        r->out = out;
        r->records_out = records;
        return true;
    }
    /* Without a rejects file the bad record is the one that was not taken. */
    if (!f->rejects && e->verdict.action == FLOW_BAD)
        r->rejected++;
    struct err more = { 0 };
    if (!batch_write(f, b, e->parts_before, &more) && err->class == ERR_DATA)
        *err = more;
    return false;
}

static bool filter_commit(struct stages *s, struct batch *b, struct err *err)
{
    struct flow *f = s->flow;

    for (ptrdiff_t i = 0; i < b->rec_count; i++) {
        b->recs[i].index = f->index++;
        if (!s->filter->commit(s->self, &b->recs[i], &b->arena, &b->verdicts[i], err)) {
            struct err ignored = { 0 };
            batch_write(f, b, b->part_count, &ignored);
            return false;
        }
        const struct event *e = batch_settle(b, &b->recs[i], &b->verdicts[i], !f->conf.framed);
        if (e && !filter_event(f, b, e, err))
            return false;
    }
    if (!s->filter->commit)
        for (const struct event *e = b->events; e; e = e->next)
            if (!filter_event(f, b, e, err))
                return false;
    f->report->in += b->in;
    f->report->out += b->kept;
    f->report->records_out += b->records_out;
    return batch_finish(f, b, err);
}

bool flow_filter_run(struct flow *f, const struct flow_filter *filter, void *self, struct err *err)
{
    struct stages s = {
        .flow = f,
        .self = self,
        .filter = filter,
        .fill = filter_fill,
        .work = filter_work,
        .commit = filter_commit,
        .scratch_new = filter->scratch_new,
        .scratch_free = filter->scratch_free,
    };

    if (!reader_open(f, err))
        return false;
    f->reader.count_lines = f->conf.jobs > 1;
    return run_stages(&s, err) && (!filter->finish || filter->finish(self, f, err));
}

/* ---- source ---- */

static void source_fill(struct stages *s, struct batch *b)
{
    bool end = false;

    batch_clear(b);
    if (os_stopped()) {
        err_set(&b->err, ERR_STOP, "stopped by signal %d", os_stopped());
        b->last = true;
    } else if (!s->source->next(s->self, &b->unit, &end, &b->err) || end) {
        b->last = true;
    }
}

static void source_work(struct stages *s, void *scratch, struct batch *b)
{
    struct err err = { 0 };

    if (b->unit.data && !s->source->work(s->self, scratch, &b->unit, &err)) {
        b->err = err;
        b->last = true;
    }
}

static bool source_commit(struct stages *s, struct batch *b, struct err *err)
{
    struct flow *f = s->flow;
    struct flow_unit *u = &b->unit;
    struct report *r = f->report;
    ptrdiff_t written = 0;
    int64_t records = 0;
    bool ok = true;

    r->in += u->in;
    b->bytes_in = u->bytes_in;
    b->idle = u->idle;
    for (const struct flow_reject *j = u->rejects; j && ok; j = j->next) {
        ok = reject_write(f, j, -1, &b->arena, err);
        if (!ok) { /* up to here, and no further */
            slice before = slice_make(u->out.ptr, MIN(j->out_before, u->out.len));
            written = before.len;
            records = j->records_before;
            if (!f->rejects)
                r->rejected++;
            if (f->out && before.len)
                out_write(f->out, before, NULL);
        }
    }
    if (ok) {
        written = u->out.len;
        records = u->records_out;
        ok = !f->out || !written || out_write(f->out, u->out, err);
    }
    r->out += records;
    r->records_out += records;
    r->bytes_out += written;
    return ok && batch_finish(f, b, err);
}

bool flow_source_run(struct flow *f, const struct flow_source *source, void *self, struct err *err)
{
    struct stages s = {
        .flow = f,
        .self = self,
        .source = source,
        .fill = source_fill,
        .work = source_work,
        .commit = source_commit,
        .scratch_new = source->scratch_new,
        .scratch_free = source->scratch_free,
    };

    return run_stages(&s, err);
}
