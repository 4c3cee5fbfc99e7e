#include "spill.h"

#include "../os.h"

#include <stdlib.h>

#define BLOCK       SPILL_BLOCK
#define PENDING_MAX ((ptrdiff_t)1 << 20)
#define COMPARE     65536

static const char name[] = "temporary file of the keys";

static int64_t memory_limit(const struct spill *s)
{
    return ALIGN_UP(s->memory_bytes, BLOCK);
}

static char *block_at(struct spill *s, int64_t at)
{
    ptrdiff_t i = at / BLOCK;

    if (i == s->block_count) {
        if (i == s->block_cap) {
            s->block_cap = MAX(64, 2 * s->block_cap);
            s->blocks = realloc(s->blocks, (size_t)s->block_cap * sizeof *s->blocks);
            if (!s->blocks)
                mem_oom();
        }
        s->blocks[s->block_count++] = malloc((size_t)BLOCK);
        if (!s->blocks[i])
            mem_oom();
    }
    return s->blocks[i] + at % BLOCK;
}

static bool flush(struct spill *s, struct err *err)
{
    if (!s->open) {
        s->fd = os_temp_anonymous(err);
        if (s->fd < 0)
            return false;
        s->open = true;
    }
    if (!os_pwrite_all(s->fd, name, buf_slice(&s->pending), s->file_len, err))
        return false;
    s->file_len += s->pending.len;
    buf_clear(&s->pending);
    return true;
}

bool spill_append(struct spill *s, slice bytes, int64_t *at, struct err *err)
{
    int64_t limit = memory_limit(s);

    *at = s->len;
    while (bytes.len > 0 && s->len < limit) {
        ptrdiff_t n = MIN(bytes.len, BLOCK - (ptrdiff_t)(s->len % BLOCK));
        memcpy(block_at(s, s->len), bytes.ptr, (size_t)n);
        s->len += n;
        bytes = slice_from(bytes, n);
    }
    if (bytes.len == 0)
        return true;
    buf_append(&s->pending, bytes);
    s->len += bytes.len;
    return s->pending.len < PENDING_MAX || flush(s, err);
}

/* The longest piece at `at` that lies in one place, at most len; in `local` when it is on disk. */
static bool piece(const struct spill *s, int64_t at, ptrdiff_t len, char *local, slice *got,
                  struct err *err)
{
    int64_t limit = memory_limit(s), file_at = at - limit;

    if (at < limit) {
        *got = slice_make(s->blocks[at / BLOCK] + at % BLOCK,
                          MIN(len, BLOCK - (ptrdiff_t)(at % BLOCK)));
        return true;
    }
    if (file_at >= s->file_len) {
        *got = slice_make(s->pending.ptr + (file_at - s->file_len), len);
        return true;
    }
    *got = slice_make(local, MIN(MIN(len, COMPARE), (ptrdiff_t)(s->file_len - file_at)));
    return os_pread_full(s->fd, name, local, got->len, file_at, err);
}

bool spill_read(const struct spill *s, int64_t at, char *dst, ptrdiff_t len, struct err *err)
{
    char local[COMPARE];
    slice got;

    ASSERT(at >= 0 && at + len <= s->len);
    if (at + len <= memory_limit(s) && at % BLOCK + len <= BLOCK) { /* nearly always */
        if (len)
            memcpy(dst, s->blocks[at / BLOCK] + at % BLOCK, (size_t)len);
        return true;
    }
    for (; len > 0; len -= got.len) {
        if (!piece(s, at, len, local, &got, err))
            return false;
        memcpy(dst, got.ptr, (size_t)got.len);
        dst += got.len;
        at += got.len;
    }
    return true;
}

bool spill_equal(const struct spill *s, int64_t at, slice bytes, bool *same, struct err *err)
{
    char local[COMPARE];
    slice got;

    ASSERT(at >= 0 && at + bytes.len <= s->len);
    *same = true;
    for (; bytes.len > 0 && *same; bytes = slice_from(bytes, got.len)) {
        if (!piece(s, at, bytes.len, local, &got, err))
            return false;
        *same = memcmp(got.ptr, bytes.ptr, (size_t)got.len) == 0;
        at += got.len;
    }
    return true;
}

void spill_prefetch(const struct spill *s, int64_t at)
{
    if (at >= MIN(memory_limit(s), s->len))
        return;
    const char *p = s->blocks[at / BLOCK] + at % BLOCK;
    __builtin_prefetch(p);
    __builtin_prefetch(p + 64);
}

int64_t spill_memory(const struct spill *s)
{
    return (int64_t)s->block_count * BLOCK;
}

int64_t spill_on_disk(const struct spill *s)
{
    return s->file_len + s->pending.len;
}

void spill_release(struct spill *s)
{
    for (ptrdiff_t i = 0; i < s->block_count; i++)
        free(s->blocks[i]);
    free(s->blocks);
    buf_release(&s->pending);
    if (s->open)
        os_close_quiet(s->fd);
    *s = (struct spill){ .memory_bytes = s->memory_bytes };
}
