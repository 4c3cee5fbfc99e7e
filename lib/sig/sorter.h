/* sorter.h: sorts fixed-size records in bounded memory, with runs in a temporary file.
 *
 * Records are ordered by memcmp over all their bytes, so numbers go in big-endian (sorter_put).
 * They are collected in one block of memory_bytes; a full block is sorted (in place, by its bytes
 * from the first on) and written to an unlinked file in $TMPDIR as a run. sorter_finish sorts what
 * is left; sorter_next then merges. More than SORTER_FAN runs are merged into longer ones first, so
 * that a run always has a buffer worth reading. While there is no run there is no file.
 *
 *     struct sorter s = { .width = 16, .memory_bytes = 64 << 20 };
 *     sorter_add(&s, record, &err) ...
 *     sorter_finish(&s, &err);
 *     for (const unsigned char *r; sorter_next(&s, &r, &err) && r;) ...
 *     sorter_release(&s);
 *
 * A driver of sig/: its I/O goes through os.h. One thread at a time. Disk full and other failures of
 * the file: ERR_IO.
 */
#ifndef SORTER_H
#define SORTER_H

#include "../err.h"

#define SORTER_FAN       32
#define SORTER_WIDTH_MAX 64

struct sorter_run {
    int64_t at, end; /* of the file: what is not read yet */
    unsigned char *buf, *next, *filled;
};

struct sorter {
    int width;            /* bytes of a record, at most SORTER_WIDTH_MAX; set by the caller */
    int64_t memory_bytes; /* set by the caller */
    int64_t count;        /* records added */
    unsigned char *block;
    int64_t block_count, block_cap; /* records */
    int fd;
    bool open;
    int64_t file_len, peak_len;
    struct sorter_run *runs;
    ptrdiff_t run_count, run_cap;
    int heap[SORTER_FAN], heap_count;
    int64_t next; /* in the block, when there is no run */
    bool finished;
    unsigned char last[SORTER_WIDTH_MAX];
};

bool sorter_add(struct sorter *s, const unsigned char *record, struct err *err);
bool sorter_finish(struct sorter *s, struct err *err);
/* *record is NULL after the last; valid until the next call. False on failure. */
bool sorter_next(struct sorter *s, const unsigned char **record, struct err *err);
void sorter_release(struct sorter *s);

/* The low `bytes` bytes of v, highest first. Returns the place behind them. */
static inline unsigned char *sorter_put(unsigned char *p, uint64_t v, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--)
        *p++ = (unsigned char)(v >> (8 * i));
    return p;
}

static inline uint64_t sorter_get(const unsigned char *p, int bytes)
{
    uint64_t v = 0;

    for (int i = 0; i < bytes; i++)
        v = v << 8 | p[i];
    return v;
}

#endif
