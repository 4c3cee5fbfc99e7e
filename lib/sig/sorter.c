#include "sorter.h"

#include "../os.h"

#include <stdlib.h>

#define INSERTION 24 /* so few records are sorted by insertion */

static const char name[] = "temporary file of sorted runs";

/* ---- one block: most significant byte first, in place (McIlroy, Bostic, McIlroy 1993) ---- */

static void insertion_sort(unsigned char *a, int64_t n, int width)
{
    unsigned char t[SORTER_WIDTH_MAX];

    for (int64_t i = 1; i < n; i++) {
        int64_t j = i;
        if (memcmp(a + (i - 1) * width, a + i * width, (size_t)width) <= 0)
            continue;
        memcpy(t, a + i * width, (size_t)width);
        for (; j > 0 && memcmp(a + (j - 1) * width, t, (size_t)width) > 0; j--)
            memcpy(a + j * width, a + (j - 1) * width, (size_t)width);
        memcpy(a + j * width, t, (size_t)width);
    }
}

static void swap_records(unsigned char *a, unsigned char *b, int width)
{
    unsigned char t[SORTER_WIDTH_MAX];

    memcpy(t, a, (size_t)width);
    memcpy(a, b, (size_t)width);
    memcpy(b, t, (size_t)width);
}

/* Depth is at most `width`: one level per byte. */
static void radix_sort(unsigned char *a, int64_t n, int width, int byte)
{
    int64_t count[256] = { 0 }, at[256], end[256], sum = 0;

    if (n <= INSERTION || byte == width) {
        insertion_sort(a, n, width);
        return;
    }
    for (int64_t i = 0; i < n; i++)
        count[a[i * width + byte]]++;
    for (int b = 0; b < 256; b++) {
        at[b] = sum;
        sum += count[b];
        end[b] = sum;
    }
    for (int b = 0; b < 256; b++)
        while (at[b] < end[b]) {
            int home = a[at[b] * width + byte];
            if (home == b)
                at[b]++;
            else
                swap_records(a + at[b] * width, a + at[home]++ * width, width);
        }
    for (int b = 0; b < 256; b++)
        if (count[b] > 1)
            radix_sort(a + (end[b] - count[b]) * width, count[b], width, byte + 1);
}

/* ---- runs ---- */

static bool file_write(struct sorter *s, slice bytes, struct err *err)
{
    if (!s->open) {
        s->fd = os_temp_anonymous(err);
        if (s->fd < 0)
            return false;
        s->open = true;
    }
    if (!os_pwrite_all(s->fd, name, bytes, s->file_len, err))
        return false;
    s->file_len += bytes.len;
    s->peak_len = MAX(s->peak_len, s->file_len);
    return true;
}

static struct sorter_run *run_add(struct sorter *s)
{
    if (s->run_count == s->run_cap) {
        s->run_cap = MAX(SORTER_FAN, 2 * s->run_cap);
        s->runs = realloc(s->runs, (size_t)s->run_cap * sizeof *s->runs);
        if (!s->runs)
            mem_oom();
    }
    s->runs[s->run_count] = (struct sorter_run){ .at = s->file_len, .end = s->file_len };
    return &s->runs[s->run_count++];
}

static bool block_write(struct sorter *s, struct err *err)
{
    radix_sort(s->block, s->block_count, s->width, 0);
    struct sorter_run *run = run_add(s);
    if (!file_write(s, slice_make((char *)s->block, s->block_count * s->width), err))
        return false;
    run->end = s->file_len;
    s->block_count = 0;
    return true;
}

bool sorter_add(struct sorter *s, const unsigned char *record, struct err *err)
{
    if (!s->block) {
        ASSERT(s->width > 0 && s->width <= SORTER_WIDTH_MAX);
        s->block_cap = MAX(s->memory_bytes / s->width, 2 * SORTER_FAN);
        s->block = malloc((size_t)(s->block_cap * s->width));
        if (!s->block)
            mem_oom();
    }
    if (s->block_count == s->block_cap && !block_write(s, err))
        return false;
    memcpy(s->block + s->block_count++ * s->width, record, (size_t)s->width);
    s->count++;
    return true;
}

/* ---- merging: a heap of the runs' next records; the block's memory holds their buffers ---- */

static bool run_fill(struct sorter *s, struct sorter_run *r, int64_t cap, struct err *err)
{
    int64_t n = MIN(cap, r->end - r->at);

    if (n && !os_pread_full(s->fd, name, r->buf, n, r->at, err))
        return false;
    r->at += n;
    r->next = r->buf;
    r->filled = r->buf + n;
    return true;
}

static bool heap_less(const struct sorter *s, int a, int b)
{
    int c = memcmp(s->runs[a].next, s->runs[b].next, (size_t)s->width);
    return c ? c < 0 : a < b;
}

static void heap_down(struct sorter *s, int i)
{
    for (;;) {
        int child = 2 * i + 1;
        if (child >= s->heap_count)
            return;
        if (child + 1 < s->heap_count && heap_less(s, s->heap[child + 1], s->heap[child]))
            child++;
        if (!heap_less(s, s->heap[child], s->heap[i]))
            return;
        int t = s->heap[i];
        s->heap[i] = s->heap[child];
        s->heap[child] = t;
        i = child;
    }
}

static int64_t run_buffer(const struct sorter *s, int64_t runs)
{
    int64_t records = s->block_cap / (runs + 1); /* one part is for writing */
    return MAX(records, 1) * s->width;
}

/* The first n runs. */
static bool merge_begin(struct sorter *s, int n, struct err *err)
{
    int64_t cap = run_buffer(s, n);

    s->heap_count = 0;
    for (int i = 0; i < n; i++) {
        s->runs[i].buf = s->block + i * cap;
        if (!run_fill(s, &s->runs[i], cap, err))
            return false;
        if (s->runs[i].next < s->runs[i].filled)
            s->heap[s->heap_count++] = i;
    }
    for (int i = s->heap_count / 2 - 1; i >= 0; i--)
        heap_down(s, i);
    return true;
}

/* Copies the smallest record to `out`; false with *end when there is none. */
static bool merge_next(struct sorter *s, int n, unsigned char *out, bool *end, struct err *err)
{
    *end = s->heap_count == 0;
    if (*end)
        return true;
    struct sorter_run *r = &s->runs[s->heap[0]];
    memcpy(out, r->next, (size_t)s->width);
    r->next += s->width;
    if (r->next == r->filled) {
        if (!run_fill(s, r, run_buffer(s, n), err))
            return false;
        if (r->next == r->filled)
            s->heap[0] = s->heap[--s->heap_count];
    }
    heap_down(s, 0);
    return true;
}

/* The first SORTER_FAN runs become one behind the others. */
static bool merge_some(struct sorter *s, struct err *err)
{
    int64_t cap = run_buffer(s, SORTER_FAN), n = 0, start = s->file_len;
    unsigned char *out = s->block + SORTER_FAN * cap;

    if (!merge_begin(s, SORTER_FAN, err))
        return false;
    for (bool end = false; !end;) {
        if (!merge_next(s, SORTER_FAN, out + n, &end, err))
            return false;
        n += end ? 0 : s->width;
        if ((n == cap || end) && !file_write(s, slice_make((char *)out, n), err))
            return false;
        if (n == cap)
            n = 0;
    }
    s->run_count -= SORTER_FAN;
    memmove(s->runs, s->runs + SORTER_FAN, (size_t)s->run_count * sizeof *s->runs);
    struct sorter_run *run = run_add(s);
    run->at = start;
    run->end = s->file_len;
    return true;
}

bool sorter_finish(struct sorter *s, struct err *err)
{
    s->finished = true;
    if (s->run_count == 0) {
        if (s->block_count)
            radix_sort(s->block, s->block_count, s->width, 0);
        return true;
    }
    if (s->block_count && !block_write(s, err))
        return false;
    while (s->run_count > SORTER_FAN)
        if (!merge_some(s, err))
            return false;
    return merge_begin(s, (int)s->run_count, err);
}

bool sorter_next(struct sorter *s, const unsigned char **record, struct err *err)
{
    bool end = false;

    ASSERT(s->finished);
    *record = NULL;
    if (s->run_count == 0) {
        if (s->next < s->block_count)
            *record = s->block + s->next++ * s->width;
        return true;
    }
    if (!merge_next(s, (int)s->run_count, s->last, &end, err))
        return false;
    *record = end ? NULL : s->last;
    return true;
}

void sorter_release(struct sorter *s)
{
    free(s->block);
    free(s->runs);
    if (s->open)
        os_close_quiet(s->fd);
    *s = (struct sorter){ .width = s->width, .memory_bytes = s->memory_bytes };
}
