/* buf.h: an owned byte buffer that grows up to a stated maximum.
 *
 * A zeroed buf is empty and valid (maximum: BUF_DEFAULT_MAX). Appending beyond the maximum keeps
 * the bytes that are there, drops the new ones and sets `overflow`, which stays set until
 * buf_clear: append freely, then check once. Exhaustion of memory ends the process (base.h).
 *
 * The memory after the contents is readable for RECORD_PADDING bytes, so a buf may hold a record.
 *
 *     struct buf b = BUF_INIT(1 << 20);
 *     buf_append(&b, SLICE("{\"n\":"));
 *     buf_printf(&b, "%d}", n);
 *     if (b.overflow) ...
 *     buf_release(&b);
 */
#ifndef BUF_H
#define BUF_H

#include "base.h"

#define BUF_DEFAULT_MAX ((ptrdiff_t)1 << 40)

struct buf {
    char *ptr;
    ptrdiff_t len, cap; /* cap excludes the padding */
    ptrdiff_t max;      /* 0 means BUF_DEFAULT_MAX */
    bool overflow;
};

#define BUF_INIT(max_bytes)                                                                        \
    {                                                                                              \
        .max = (max_bytes)                                                                         \
    }

/* Makes room for `more` bytes after len and returns where they go, or NULL (overflow is set). The
 * caller adds what it wrote to len. */
char *buf_reserve(struct buf *b, ptrdiff_t more);
void buf_append(struct buf *b, slice s);
void buf_append_byte(struct buf *b, char c);
void buf_append_u64(struct buf *b, uint64_t n);
void buf_append_i64(struct buf *b, int64_t n);
/* The fewest digits that read back as the same double, whole numbers without an exponent; NaN and
 * infinity give "null". */
void buf_append_double(struct buf *b, double x);
void buf_printf(struct buf *b, const char *fmt, ...) ATTR_PRINTF(2, 3);
/* Removes the first n bytes. */
void buf_consume(struct buf *b, ptrdiff_t n);
/* Empty again, memory kept. */
void buf_clear(struct buf *b);
void buf_release(struct buf *b);

static inline slice buf_slice(const struct buf *b)
{
    return (slice){ b->ptr, b->len };
}

/* A terminating NUL after the contents (not counted); the buffer stays the owner. */
const char *buf_cstr(struct buf *b);

#endif
