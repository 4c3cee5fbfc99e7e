/* flow_private.h: what the files of the runtime share; nobody else includes it.
 *
 * flow.c         the ring of batches, the threads, the filter and source forms
 * flow_reader.c  input bytes -> batches of whole lines
 * flow_settle.c  one record's way: check, verdict -> output parts, rejects, drops, counters
 * flow_window.c  the pull/push form
 */
#ifndef FLOW_PRIVATE_H
#define FLOW_PRIVATE_H

#include "flow.h"
#include "hash.h"

/* A piece of a batch's output: bytes of the input batch, or (copied) of its outbuf. */
struct part {
    const char *ptr; /* NULL: at `offset` of outbuf, which may still move */
    ptrdiff_t offset, len;
};

/* A record that was not kept: settled by the commit stage, in input order. */
struct event {
    struct event *next;
    struct flow_record rec;
    struct flow_verdict verdict;
    ptrdiff_t parts_before;                     /* output parts of the batch before it */
    int64_t in_before, kept_before, out_before; /* records of the batch before it */
};

/* Of a line over max_record this much goes to the rejects file, however much was read of it. */
static inline ptrdiff_t oversize_kept(int64_t max_record)
{
    return (ptrdiff_t)MIN(max_record, 64 << 10);
}

struct batch {
    struct buf data; /* input: whole lines; padded */
    struct arena arena;
    struct buf outbuf;
    struct part *parts;
    ptrdiff_t part_count, part_cap;
    /* filter with a commit function: the records wait here */
    struct flow_record *recs;
    struct flow_verdict *verdicts;
    ptrdiff_t rec_count, rec_cap;
    struct event *events, **events_tail;
    struct flow_unit unit; /* source form */
    const char *file;
    int64_t first_line, base_offset, bytes_in, raw_bytes;
    int64_t lines, in, kept, records_out, empty_lines;
    int64_t max_record;    /* a longer line is a bad record, with its blanks */
    int64_t take, take_of; /* slice `take` of so many; 0: all */
    bool oversize;         /* data is the beginning of one record over max_record */
    bool idle;             /* the input had nothing more: flush after this batch */
    bool last;             /* nothing follows; err may say why */
    struct err err;        /* fatal, after everything in the batch */
    enum { BATCH_FREE, BATCH_FILLED, BATCH_DONE } state;
};

struct reader {
    struct in *in;
    struct buf carry; /* the beginning of the next record */
    const char *file;
    ptrdiff_t file_index;
    int64_t line, offset; /* of what comes next */
    int64_t max_record;
    int64_t take, take_of; /* slice `take` of so many; 0: all */
    bool skipping;         /* the rest of an oversize record */
    bool carry_is_line;    /* carry is a whole last line without its newline */
    bool count_lines;      /* here, because batches are worked on in parallel */
    bool ended;
    struct err err;
};

/* What flow_pull hands out, until it is pushed. */
struct held {
    struct flow_record rec; /* first: a pointer to it is a pointer to the held */
    struct held *next;
    bool settled;
    struct flow_verdict verdict;
    struct arena arena;
};

struct flow {
    struct flow_conf conf;
    struct json_query query;
    struct report *report;
    struct progress *progress;
    struct out *out, *rejects, *drops;
    struct arena arena; /* process lifetime */
    struct reader reader;
    int64_t index;                         /* records seen by the commit stage */
    struct ring *ring;                     /* while threads run */
    struct flow_task *tasks, **tasks_tail; /* not taken by a worker yet; under the ring's lock */
    int64_t raw_bytes, raw_total;
    struct slice_list {
        slice *items;
        ptrdiff_t cap;
    } gather;
    /* window */
    struct batch window;
    ptrdiff_t window_at;
    struct held *head, **tail;
    bool window_ended, window_filled;
    int64_t window_line;
    struct err window_err;
};

/* Does a record belong to the slice of the input that --part asks for? */
static inline bool part_has(const struct batch *b, slice record)
{
    return b->take_of < 2 || hash64_of(record, 0) % (uint64_t)b->take_of == (uint64_t)b->take - 1;
}

/* flow_reader.c */
bool reader_open(struct flow *f, struct err *err);
/* Fills b with whole lines; b->last at the end (b may hold lines then too). Never fails: a broken
 * input is b->last with b->err. */
void reader_fill(struct reader *r, struct batch *b);
void reader_close(struct reader *r);

/* flow_settle.c */
void batch_clear(struct batch *b);
/* After the commit: gives back what only a huge record needed. */
void batch_shrink(struct batch *b);
void batch_release(struct batch *b);
/* Cuts the next line out of b->data at *at. False at the end. Empty lines are counted and skipped. */
bool batch_next(struct batch *b, ptrdiff_t *at, struct flow_record *rec);
/* Scans and checks. False: verdict says what is bad. spans has conf.field_count elements. */
bool record_check(const struct flow *f, struct flow_record *rec, struct json_span *spans,
                  struct arena *arena, struct flow_verdict *verdict);
/* Turns a verdict into output parts of b, or into an event, which is returned. */
struct event *batch_settle(struct batch *b, const struct flow_record *rec,
                           const struct flow_verdict *verdict, bool newline);
/* Counts and writes what an event says. False ends the run. */
bool event_commit(struct flow *f, const struct event *e, struct arena *arena, struct err *err);
bool reject_write(struct flow *f, const struct flow_reject *rej, ptrdiff_t at, struct arena *arena,
                  struct err *err);
/* Writes parts [0, count) of b. */
bool batch_write(struct flow *f, struct batch *b, ptrdiff_t count, struct err *err);
void flow_progress(struct flow *f);

#endif
