#include "buf.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define CAP_FIRST 256

char *buf_reserve(struct buf *b, ptrdiff_t more)
{
    ptrdiff_t max = b->max ? b->max : BUF_DEFAULT_MAX;
    ptrdiff_t need;

    ASSERT(more >= 0);
    if (__builtin_add_overflow(b->len, more, &need) || need > max) {
        b->overflow = true;
        return NULL;
    }
    if (need > b->cap || !b->ptr) {
        ptrdiff_t cap = MAX(need, MAX(CAP_FIRST, MIN(b->cap * 2, max)));
        char *p = realloc(b->ptr, (size_t)cap + RECORD_PADDING);
        if (!p)
            mem_oom();
        memset(p + b->len, 0, (size_t)(cap - b->len) + RECORD_PADDING);
        b->ptr = p;
        b->cap = cap;
    }
    return b->ptr + b->len;
}

void buf_append(struct buf *b, slice s)
{
    char *p = buf_reserve(b, s.len);

    if (p && s.len) {
        memcpy(p, s.ptr, (size_t)s.len);
        b->len += s.len;
    }
}

void buf_append_byte(struct buf *b, char c)
{
    char *p = buf_reserve(b, 1);

    if (p) {
        *p = c;
        b->len++;
    }
}

void buf_append_u64(struct buf *b, uint64_t n)
{
    char digits[20], *p = digits + sizeof digits;

    do
        *--p = (char)('0' + n % 10);
    while ((n /= 10));
    buf_append(b, slice_make(p, digits + sizeof digits - p));
}

void buf_append_i64(struct buf *b, int64_t n)
{
    if (n < 0)
        buf_append_byte(b, '-');
    buf_append_u64(b, n < 0 ? -(uint64_t)n : (uint64_t)n);
}

/* %.15g, or with 16 or 17 digits when these are needed to get x back, for 1e-4 <= x < 1e9 that is
 * no integer and no power of two (the doubles above and below are then equally far). Exact: with
 * x = m * 2^e and k so that x * 10^k has 17 digits, a decimal of fewer digits stands for x when it
 * is within half a unit of m, all of it times 10^k * 2^(1-e), which 128 bits hold. */
static bool append_fraction(struct buf *b, double x)
{
    int exponent, decimals = 17;
    double power = 1;
    unsigned __int128 scale = 1;

    if (!(x >= 1e-4 && x < 1e9))
        return false;
    uint64_t m = (uint64_t)ldexp(frexp(x, &exponent), 53);
    int shift = 54 - exponent; /* of 2m to x */
    if (m == (uint64_t)1 << 52)
        return false;
    while (power <= x) {
        power *= 10;
        decimals--;
    }
    while (power > 10 * x) {
        power /= 10; /* close enough: one digit more or less is tried below */
        decimals++;
    }
    for (int i = 0; i < decimals; i++)
        scale *= 10;
    unsigned __int128 value = (unsigned __int128)m * 2 * scale, step = 100, decimal = 0;
    for (int less = 2; less >= 0; less--, step /= 10) {
        unsigned __int128 unit = step << shift, rest = value % unit, near;
        decimal = value / unit;
        if (rest > unit / 2 || (rest == unit / 2 && decimal & 1))
            decimal++;
        near = decimal * unit > value ? decimal * unit - value : value - decimal * unit;
        if (near < scale || (near == scale && !(m & 1))) {
            decimals -= less;
            break;
        }
        if (less == 0)
            return false;
    }
    char text[48], *p = text + sizeof text;
    uint64_t digits = (uint64_t)decimal;
    while (digits && digits % 10 == 0 && decimals > 0) {
        digits /= 10;
        decimals--;
    }
    for (int i = 0; digits || i <= decimals; i++, digits /= 10) {
        if (i == decimals && i)
            *--p = '.';
        *--p = (char)('0' + digits % 10);
    }
    buf_append(b, slice_make(p, text + sizeof text - p));
    return true;
}

void buf_append_double(struct buf *b, double x)
{
    char text[40];

    if (!isfinite(x)) {
        buf_append(b, SLICE("null"));
        return;
    }
    if (fabs(x) < 0x1p53 && x == floor(x) && !(x == 0 && signbit(x))) {
        buf_append_i64(b, (int64_t)x); /* 1000000, not 1e+06 */
        return;
    }
    if (x > -1e15 && x < 1e15 && x == (double)(int64_t)x && !(x == 0 && signbit(x))) {
        buf_append_i64(b, (int64_t)x);
        return;
    }
    if (append_fraction(b, x))
        return;
    /* Decimals of 15 digits survive a double, and %g drops their zeros: what has a shorter form
     * shows it here. */
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, x);
        if (strtod(text, NULL) == x)
            break;
    }
    buf_append(b, slice_of(text));
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list args, again;

    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    ASSERT(n >= 0);
    char *p = buf_reserve(b, (ptrdiff_t)n + 1);
    if (p) {
        vsnprintf(p, (size_t)n + 1, fmt, again);
        b->len += n;
    }
    va_end(again);
}

void buf_consume(struct buf *b, ptrdiff_t n)
{
    ASSERT(n >= 0 && n <= b->len);
    if (n && b->len > n)
        memmove(b->ptr, b->ptr + n, (size_t)(b->len - n));
    b->len -= n;
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->overflow = false;
}

void buf_release(struct buf *b)
{
    free(b->ptr);
    *b = (struct buf){ .max = b->max };
}

const char *buf_cstr(struct buf *b)
{
    if (!b->ptr && !buf_reserve(b, 0))
        return "";
    b->ptr[b->len] = '\0';
    return b->ptr;
}
