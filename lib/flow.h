/* flow.h: the runtime: batches -> workers -> ordered commit. The only file that makes threads for
 * records.
 *
 * A run has a ring of 2 * jobs + 2 batches. The reader fills a batch (FLOW_BATCH_BYTES, more for a
 * long record, up to max_record) up to its last newline; workers take any filled batch; the commit
 * stage takes batch k after batch k-1. A full ring stops the reader. With jobs = 1 the same stages
 * run as plain calls in the caller's thread. Output bytes do not depend on jobs, nor on how the
 * input was cut into writes. When the next read would block and the batch holds a whole record, the
 * batch ships, and the output is flushed: `tail -f | clean | ...` needs no option.
 * Memory: (2 * jobs + 2) * (batch + arena of its records), stated in each manual.
 *
 * Three forms:
 *   filter  records in, records out, in input order       (clean, dedup, tokenize)
 *   source  units in (files, members), records out        (collect, shard --cat)
 *   window  pull records, push results, in input order    (infer, shard)
 *
 * What is a bad record (not strict JSON or UTF-8, not an object, a field missing or of a wrong type,
 * duplicate of a field that is used, nesting, length) is decided here, once, for every tool, and so
 * is where bad and dropped records go and when the run stops.
 */
#ifndef FLOW_H
#define FLOW_H

#include "arena.h"
#include "in.h"
#include "json.h"
#include "out.h"
#include "progress.h"
#include "report.h"

#define FLOW_BATCH_BYTES (1 << 20)

/* A member that the tool reads or changes. */
struct flow_field {
    const char *path;
    bool required;
    unsigned types; /* allowed types, FLOW_STRING etc.; 0: any */
};
#define FLOW_TYPE(t) (1u << (t))
#define FLOW_STRING  FLOW_TYPE(JSON_STRING)
#define FLOW_ARRAY   FLOW_TYPE(JSON_ARRAY)

struct flow_conf {
    struct in_conf in;
    const char *output, *compress, *rejects, *drops;
    bool force;
    int jobs;
    int64_t max_record;
    int64_t max_errors;       /* -1: no limit by count */
    double max_error_percent; /* < 0: no limit by share; checked at the end */
    const struct flow_field *fields;
    int field_count;          /* at most JSON_MAX_PATHS */
    const char *const *rules; /* drop reasons, by index in verdict.rule */
    int rule_count;
    int64_t part, part_count; /* only records whose hash (XXH3-64 of their bytes) modulo part_count
                                 is part - 1; part_count 0: all */
    const char *command;      /* "by" in _drop */
    bool no_output;           /* the tool writes elsewhere (shard): stdout is not touched */
    bool framed; /* filter: what verdict.out holds ends itself; no newline is written behind it */
};

/* One input record. Borrowed: valid until its verdict is committed (window: until pushed). */
struct flow_record {
    slice raw;                     /* one JSON object without white space around it; padded */
    const struct json_span *spans; /* of conf.fields, by index, offsets into raw */
    struct json_span top;          /* the object itself: start 0 */
    const char *file;              /* for messages */
    int64_t line;                  /* physical, from 1 */
    int64_t offset;                /* of raw in its (decompressed) input */
    int64_t index; /* number of the record over all inputs, from 0; only in commit and
                                 window (a worker does not know it yet: -1) */
};

enum flow_action { FLOW_KEEP, FLOW_DROP, FLOW_BAD };

/* What a tool decides. Zeroed: keep the record as it is. */
struct flow_verdict {
    enum flow_action action;
    slice out;           /* KEEP: the record to write, without newline; ptr NULL: raw as it is.
                           Several records: separated by "\n", out_records says how many. */
    int64_t out_records; /* 0 means 1; ignored unless out.ptr. -1: kept, but nothing is written
                            (the tool wrote it elsewhere) */
    int rule;            /* DROP: index into conf.rules */
    slice value, limit;  /* DROP: JSON text for "_drop", or empty */
    const char *reason;  /* BAD: static or arena text */
    ptrdiff_t at;        /* BAD: byte in raw, -1: none */
    void *data;          /* from work to commit, in the arena */
};

struct flow; /* a run: opened by flow_open, shared by the three forms */

/* Opens outputs (rejects, drops, output) and prepares the input. report and progress belong to the
 * caller and are updated by the run. */
struct flow *flow_open(const struct flow_conf *conf, struct report *report,
                       struct progress *progress, struct err *err);
/* Flushes, commits all outputs (atomic files appear), frees. With a failed run call flow_abort:
 * stdout keeps what was written, files do not appear; the rejects file is committed as it is, since
 * it says what went wrong. */
bool flow_close(struct flow *f, struct err *err);
void flow_abort(struct flow *f);

/* ---- filter ---- */

struct flow_filter {
    /* On any thread. scratch belongs to the worker (scratch_new), arena to the batch. False is a
     * fatal error that ends the run in input order (not a bad record: that is FLOW_BAD). */
    bool (*work)(void *self, void *scratch, const struct flow_record *rec, struct arena *arena,
                 struct flow_verdict *verdict, struct err *err);
    /* In input order, on one thread, also for bad and dropped records; may change the verdict.
     * NULL: nothing to do. The arena is the batch's. */
    bool (*commit)(void *self, const struct flow_record *rec, struct arena *arena,
                   struct flow_verdict *verdict, struct err *err);
    /* After the last record, before outputs are published. May write with flow_emit. NULL: none. */
    bool (*finish)(void *self, struct flow *f, struct err *err);
    void *(*scratch_new)(void *self); /* NULL: none */
    void (*scratch_free)(void *self, void *scratch);
};

/* Runs to the end of the input. Bad records that end the run: ERR_DATA "FILE:LINE: byte B: reason";
 * too many: ERR_FINDING. */
bool flow_filter_run(struct flow *f, const struct flow_filter *filter, void *self, struct err *err);

/* ---- source ---- */

struct flow_unit {
    void *data;              /* from next to work, in the arena */
    slice out;               /* work: JSONL text, whole lines with newlines */
    int64_t in, records_out; /* inputs read (documents, rows) and records in `out` */
    int64_t bytes_in;
    struct flow_reject *rejects; /* in the arena, in order */
    bool idle;                   /* next: the input would block now, so what there is goes out */
    struct arena *arena;
};
struct flow_reject {
    struct flow_reject *next;
    const char *file;
    int64_t line, offset; /* line 0, offset -1: none */
    const char *reason;
    slice raw; /* may be empty */
    ptrdiff_t
        out_before; /* bytes and records of `out` that come before it in input order: what is */
    int64_t records_before; /* written when this one ends the run */
};

struct flow_source {
    /* On the reader's thread, in order: fills the next unit (aim at ~1 MiB). *end when there is
     * none. `err` ends the run after everything before it was written. */
    bool (*next)(void *self, struct flow_unit *u, bool *end, struct err *err);
    /* On any thread. */
    bool (*work)(void *self, void *scratch, struct flow_unit *u, struct err *err);
    void *(*scratch_new)(void *self);
    void (*scratch_free)(void *self, void *scratch);
};
bool flow_source_run(struct flow *f, const struct flow_source *source, void *self, struct err *err);

/* ---- window ---- */

enum flow_pull { FLOW_GOT, FLOW_IDLE, FLOW_END, FLOW_FAIL };
/* The next good record (bad ones are settled here). wait false: FLOW_IDLE when input would block.
 * The record stays valid until it is pushed. Everything on the caller's thread. FLOW_END also when a
 * bad record, a signal or a broken input ended the run early: settle what was pulled; the push that
 * reaches that place, or flow_close, says why. */
enum flow_pull flow_pull(struct flow *f, bool wait, struct flow_record **rec, struct err *err);
/* Settles a pulled record; any order of pushes gives output in input order. Frees the record; what
 * `verdict` points to is copied when it must wait for earlier records. */
bool flow_push(struct flow *f, struct flow_record *rec, const struct flow_verdict *verdict,
               struct err *err);
/* Everything that is settled reaches the file descriptor: for tools whose records take long, so that
 * a reader sees them at once, and we see at once that it has gone. */
bool flow_flush(struct flow *f, struct err *err);

/* ---- tasks ---- */

/* Work that a commit function gives to the workers and takes back later, where order matters: a
 * commit that compresses a frame, say. run() may be called on any thread, once; with jobs = 1, and
 * outside a run, flow_task_start calls it. Both functions belong to the commit's thread; a task that
 * was started is waited for before its memory goes, unless the run has failed. */
struct flow_task {
    void (*run)(void *self);
    void *self;
    struct flow_task *next;
    enum { FLOW_TASK_QUEUED, FLOW_TASK_RUNNING, FLOW_TASK_DONE } state;
};
void flow_task_start(struct flow *f, struct flow_task *t);
void flow_task_wait(struct flow *f, struct flow_task *t);

/* ---- for all ---- */

/* Writes whole lines to the output and counts them as records_out (finish, window). */
bool flow_emit(struct flow *f, slice lines, int64_t records, struct err *err);
/* In finish: settles a record that commit kept without writing it (KEEP, out_records -1) because its
 * fate was not known: writes it, or takes it back and drops it. Of `rec` only raw and top count. */
bool flow_settle_late(struct flow *f, const struct flow_record *rec,
                      const struct flow_verdict *verdict, struct arena *arena, struct err *err);
/* Decodes the string member `field` of a record. On a lone surrogate sets verdict to FLOW_BAD and
 * returns false. */
bool flow_text(const struct flow_record *rec, int field, struct arena *arena, slice *text,
               struct flow_verdict *verdict);
/* "id" for messages and for tools that name records: the decoded member when it is a string, the raw
 * text when it is a number, else "FILE:LINE". field: index of the id field in conf.fields. */
slice flow_id(const struct flow_record *rec, int field, struct arena *arena);

#endif
