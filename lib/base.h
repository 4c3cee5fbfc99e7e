/* base.h: the vocabulary that every other file uses.
 *
 * A `slice` is a borrowed run of bytes: pointer and signed length travel together, there is no
 * terminating NUL, and whoever made the bytes keeps owning them. A function that keeps bytes
 * beyond the call copies them and says so with `_dup` in its name.
 *
 * ASSERT states an invariant of ours and stays on in release builds; input is never asserted.
 * When it fails the process ends through bug(), exit class 70.
 *
 * Out of memory is not an error value here: Linux overcommits, so the allocation that fails is
 * never the one that asked for too much. arena and buf call mem_oom(), which runs the handler
 * that app.c installed (remove temporaries, one line on stderr, exit 71). Sizes that come from a
 * file are checked against the file before anything of that size is allocated.
 *
 *     slice s = SLICE("text");
 *     if (slice_eq(s, key)) ...
 */
#ifndef BASE_H
#define BASE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct slice {
    const char *ptr;
    ptrdiff_t len;
} slice;

#define SLICE(literal) ((slice){ (literal), (ptrdiff_t)sizeof(literal) - 1 })
/* printf("%.*s", SLICE_ARG(s)): for trusted text only; use err_quote() for bytes of the input. */
#define SLICE_ARG(s)   (int)((s).len > INT_MAX ? INT_MAX : (s).len), (s).ptr

#define countof(array) ((ptrdiff_t)(sizeof(array) / sizeof((array)[0])))
#define MIN(a, b)      ((a) < (b) ? (a) : (b))
#define MAX(a, b)      ((a) > (b) ? (a) : (b))
/* `to` is a power of two. */
#define ALIGN_UP(n, to)        (((n) + ((to)-1)) & ~(__typeof__(n))((to)-1))

#define ATTR_PRINTF(fmt, args) __attribute__((format(printf, fmt, args), nonnull(fmt)))
#define ATTR_NORETURN          __attribute__((noreturn))
#define ATTR_COLD              __attribute__((cold, noinline))
#define ATTR_UNUSED            __attribute__((unused))
#define LIKELY(x)              __builtin_expect(!!(x), 1)
#define UNLIKELY(x)            __builtin_expect(!!(x), 0)

/* Every buffer that holds a record has this many readable bytes after its end, so that a kernel
 * may load a whole vector at any position of the record. Their values are unspecified. */
#define RECORD_PADDING 64

/* Prints one line and ends the process with exit 70 through the handler of app.c. */
ATTR_NORETURN ATTR_COLD void bug(const char *file, int line, const char *what);
/* Ends the process with exit 71 through the same handler. */
ATTR_NORETURN ATTR_COLD void mem_oom(void);
/* app.c installs its handler once, before any thread: exit_code is 70 or 71, text one line. */
void base_set_fatal(void (*handler)(int exit_code, const char *text));

/* Zeroed memory for a table that is read here and there, in the largest pages that the system gives;
 * mem_big_free() with the same size. Without the hook of os.h (os_big_pages) it is calloc(). */
void *mem_big_new(size_t bytes);
void mem_big_free(void *p, size_t bytes);
struct mem_big {
    void *(*alloc)(size_t bytes); /* NULL on failure */
    void (*free)(void *p, size_t bytes);
};
void base_set_big(const struct mem_big *hook); /* once, before any thread; NULL: none */

#define ASSERT(cond)                                                                               \
    do {                                                                                           \
        if (UNLIKELY(!(cond)))                                                                     \
            bug(__FILE__, __LINE__, #cond);                                                        \
    } while (0)

_Static_assert(sizeof(ptrdiff_t) == 8, "millrace is written for 64-bit machines");
_Static_assert(CHAR_BIT == 8, "bytes are octets");

static inline slice slice_of(const char *cstr)
{
    return (slice){ cstr, (ptrdiff_t)strlen(cstr) };
}

static inline slice slice_make(const char *ptr, ptrdiff_t len)
{
    return (slice){ ptr, len };
}

/* The slice from `start` to the end; start may equal the length. */
static inline slice slice_from(slice s, ptrdiff_t start)
{
    return (slice){ s.ptr + start, s.len - start };
}

static inline bool slice_eq(slice a, slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, (size_t)a.len) == 0);
}

static inline bool slice_starts(slice s, slice prefix)
{
    return s.len >= prefix.len &&
           (prefix.len == 0 || memcmp(s.ptr, prefix.ptr, (size_t)prefix.len) == 0);
}

static inline bool slice_ends(slice s, slice suffix)
{
    return s.len >= suffix.len && (suffix.len == 0 || memcmp(s.ptr + s.len - suffix.len, suffix.ptr,
                                                             (size_t)suffix.len) == 0);
}

/* memcmp order, the shorter first among equal prefixes. */
static inline int slice_cmp(slice a, slice b)
{
    ptrdiff_t n = MIN(a.len, b.len);
    int c = n ? memcmp(a.ptr, b.ptr, (size_t)n) : 0;
    return c ? c : (a.len > b.len) - (a.len < b.len);
}

/* Index of the first `byte` in s, or -1. */
static inline ptrdiff_t slice_find(slice s, char byte)
{
    const char *hit = s.len > 0 ? memchr(s.ptr, byte, (size_t)s.len) : NULL;
    return hit ? hit - s.ptr : -1;
}

/* Length of the valid UTF-8 sequence at s (1..4), 0 when there is none within `left` >= 1 bytes. */
static inline int utf8_length(const char *s, ptrdiff_t left)
{
    const unsigned char *p = (const unsigned char *)s;
    int n = p[0] < 0x80   ? 1
            : p[0] < 0xC2 ? 0
            : p[0] < 0xE0 ? 2
            : p[0] < 0xF0 ? 3
            : p[0] < 0xF5 ? 4
                          : 0;

    if (n == 0 || n > left)
        return 0;
    for (int i = 1; i < n; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    if ((p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] >= 0xA0) ||
        (p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] >= 0x90))
        return 0;
    return n;
}

/* Whole file formats are little-endian; unaligned loads and stores by value. */
static inline uint16_t load_u16(const void *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline uint32_t load_u32(const void *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline uint64_t load_u64(const void *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "millrace is written for little-endian machines"
#endif

#endif
