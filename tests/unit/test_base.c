/* base.h, arena.h, buf.h, err.h */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arena.h"
#include "buf.h"
#include "err.h"

/* ---- base ---- */

static void test_slice(void **state)
{
    slice s = SLICE("hello, world");
    (void)state;

    assert_int_equal(s.len, 12);
    assert_true(slice_eq(slice_from(s, 7), SLICE("world")));
    assert_true(slice_eq(slice_from(s, 12), SLICE("")));
    assert_true(slice_eq((slice){ NULL, 0 }, SLICE("")));
    assert_false(slice_eq(s, SLICE("hello")));
    assert_true(slice_starts(s, SLICE("hello")) && slice_starts(s, (slice){ NULL, 0 }));
    assert_false(slice_starts(SLICE("he"), SLICE("hello")));
    assert_true(slice_ends(s, SLICE("world")));
    assert_false(slice_ends(SLICE("ld"), SLICE("world")));
    assert_int_equal(slice_find(s, ','), 5);
    assert_int_equal(slice_find(s, 'z'), -1);
    assert_int_equal(slice_find((slice){ NULL, 0 }, 'z'), -1);
    assert_true(slice_cmp(SLICE("a"), SLICE("ab")) < 0);
    assert_true(slice_cmp(SLICE("b"), SLICE("ab")) > 0);
    assert_true(slice_cmp(SLICE("\xFF"), SLICE("a")) > 0); /* bytes are unsigned */
    assert_int_equal(slice_cmp(s, s), 0);
}

static void test_loads(void **state)
{
    const unsigned char b[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8 };
    (void)state;

    assert_int_equal(load_u16(b + 1), 0x0201);
    assert_int_equal(load_u32(b + 1), 0x04030201);
    assert_true(load_u64(b + 1) == 0x0807060504030201u);
    assert_int_equal(ALIGN_UP((ptrdiff_t)65, 64), 128);
    assert_int_equal(ALIGN_UP((ptrdiff_t)64, 64), 64);
}

/* A broken invariant and the end of memory go through the handler of app.c, in a process of their
 * own here. */
static void leave(int exit_code, const char *text)
{
    _exit(strstr(text, exit_code == ERR_BUG ? "1 + 1 == 3" : "out of memory") ? exit_code : 1);
}

static int exit_of(void (*run)(void))
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        base_set_fatal(leave);
        run();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void break_assert(void)
{
    ASSERT(1 + 1 == 3);
}

static void overflow_count(void)
{
    struct arena a = { 0 };
    arena_alloc(&a, PTRDIFF_MAX / 4, 8, 8);
}

static void overflow_size(void)
{
    struct arena a = { 0 };
    arena_alloc_raw(&a, PTRDIFF_MAX, 1);
}

static void test_fatal(void **state)
{
    (void)state;
    assert_int_equal(exit_of(break_assert), ERR_BUG);
    assert_int_equal(exit_of(overflow_count), ERR_OS);
    assert_int_equal(exit_of(overflow_size), ERR_OS);
}

/* ---- arena ---- */

static void test_arena_alloc(void **state)
{
    struct arena a = { 0 };
    (void)state;

    assert_non_null(arena_new(&a, int, 0));
    for (ptrdiff_t align = 1; align <= 64; align *= 2) {
        memset(arena_alloc_raw(&a, 100, 1), 0xAA, 100);
        unsigned char *p = arena_alloc(&a, 3, 5, align);
        assert_int_equal((uintptr_t)p % (uintptr_t)align, 0);
        for (int i = 0; i < 15; i++)
            assert_int_equal(p[i], 0);
    }
    /* Many blocks: nothing overlaps. */
    uint32_t *values[3000];
    for (uint32_t i = 0; i < 3000; i++) {
        values[i] = arena_new(&a, uint32_t, 1 + i % 97);
        *values[i] = i;
    }
    char *big = arena_alloc_raw(&a, 10 << 20, 1); /* more than a block */
    memset(big, 1, 10 << 20);
    for (uint32_t i = 0; i < 3000; i++)
        assert_int_equal(*values[i], i);
    assert_true(a.total_bytes > 10 << 20);
    arena_release(&a);
    assert_null(a.block);
    assert_int_equal(a.total_bytes, 0);
}

static void test_arena_grow(void **state)
{
    struct arena a = { 0 };
    (void)state;

    char *p = arena_alloc_raw(&a, 10, 1);
    memcpy(p, "0123456789", 10);
    assert_ptr_equal(arena_grow(&a, p, 10, 20, 1), p); /* the last one: in place */
    char *other = arena_alloc_raw(&a, 1, 1);
    *other = 'x';
    char *q = arena_grow(&a, p, 20, 30, 1);
    assert_ptr_not_equal(q, p);
    assert_memory_equal(q, "0123456789", 10);
    assert_int_equal(*other, 'x');
    q = arena_grow(&a, q, 30, 1 << 20, 1); /* beyond the block */
    assert_memory_equal(q, "0123456789", 10);
    assert_non_null(arena_grow(&a, NULL, 0, 8, 8));
    arena_release(&a);
}

static void test_arena_trim_reset(void **state)
{
    struct arena a = { 0 };
    (void)state;

    char *p = arena_alloc_raw(&a, 1000, 1);
    arena_trim(&a, p + 10);
    assert_ptr_equal(arena_alloc_raw(&a, 1, 1), p + 10);
    arena_alloc_raw(&a, 100000, 1);
    arena_alloc_raw(&a, 300000, 1);
    arena_reset(&a);
    ptrdiff_t kept = a.total_bytes;
    assert_true(kept >= 300000); /* the largest block stays */
    for (int i = 0; i < 10; i++) {
        arena_alloc_raw(&a, 290000, 1);
        arena_reset(&a);
    }
    assert_int_equal(a.total_bytes, kept); /* a steady state asks the system for nothing */
    arena_release(&a);
    arena_reset(&a); /* an empty one is valid */
    arena_release(&a);
}

static void test_arena_text(void **state)
{
    struct arena a = { 0 };
    (void)state;

    slice s = arena_dup(&a, SLICE("a\0b"));
    assert_int_equal(s.len, 3);
    assert_memory_equal(s.ptr, "a\0b", 4); /* a NUL follows */
    assert_string_equal(arena_cstr_dup(&a, (slice){ NULL, 0 }), "");
    s = arena_printf(&a, "%s-%d", "x", 42);
    assert_int_equal(s.len, 4);
    assert_string_equal(s.ptr, "x-42");
    arena_release(&a);
}

/* ---- buf ---- */

static void test_buf(void **state)
{
    struct buf b = { 0 };
    (void)state;

    assert_string_equal(buf_cstr(&b), "");
    buf_append(&b, SLICE("ab"));
    buf_append(&b, (slice){ NULL, 0 });
    buf_append_byte(&b, '-');
    buf_append_u64(&b, UINT64_MAX);
    buf_append_byte(&b, ' ');
    buf_append_i64(&b, INT64_MIN);
    buf_printf(&b, " %03d", 7);
    assert_string_equal(buf_cstr(&b), "ab-18446744073709551615 -9223372036854775808 007");
    assert_int_equal(b.len, (ptrdiff_t)strlen(b.ptr));
    buf_consume(&b, 3);
    assert_int_equal(b.ptr[0], '1');
    buf_consume(&b, b.len);
    assert_int_equal(b.len, 0);
    for (int i = 0; i < 100000; i++)
        buf_append_byte(&b, (char)i);
    for (int i = 0; i < 100000; i++)
        assert_int_equal(b.ptr[i], (char)i);
    unsigned sum = 0; /* the padding can be read */
    for (int i = 0; i < RECORD_PADDING; i++)
        sum += (unsigned char)b.ptr[b.cap + i];
    assert_true(sum < 256 * RECORD_PADDING);
    buf_release(&b);
    assert_null(b.ptr);
}

static void test_buf_max(void **state)
{
    struct buf b = BUF_INIT(10);
    (void)state;

    buf_append(&b, SLICE("12345678"));
    buf_append(&b, SLICE("abc")); /* dropped whole */
    assert_true(b.overflow);
    assert_int_equal(b.len, 8);
    buf_append(&b, SLICE("90")); /* fits: but the overflow stays known */
    assert_true(b.overflow);
    assert_string_equal(buf_cstr(&b), "1234567890");
    assert_null(buf_reserve(&b, PTRDIFF_MAX));
    buf_clear(&b);
    assert_false(b.overflow);
    buf_printf(&b, "%s", "12345678901");
    assert_true(b.overflow);
    assert_int_equal(b.len, 0);
    buf_release(&b);
    assert_int_equal(b.max, 10);
}

static void test_buf_double(void **state)
{
    static const struct {
        double x;
        const char *text;
    } cases[] = { { 0, "0" },
                  { 0.1, "0.1" },
                  { -1.5, "-1.5" },
                  { 1e300, "1e+300" },
                  { 1.0 / 3, "0.3333333333333333" },
                  { INFINITY, "null" },
                  { NAN, "null" } };
    struct buf b = { 0 };
    (void)state;

    for (ptrdiff_t i = 0; i < countof(cases); i++) {
        buf_clear(&b);
        buf_append_double(&b, cases[i].x);
        assert_string_equal(buf_cstr(&b), cases[i].text);
    }
    uint64_t bits = 88172645463325252u;
    for (int i = 0; i < 2000; i++) { /* reads back as the same double */
        double x;
        bits ^= bits << 13, bits ^= bits >> 7, bits ^= bits << 17;
        memcpy(&x, &bits, 8);
        if (!isfinite(x))
            continue;
        buf_clear(&b);
        buf_append_double(&b, x);
        assert_true(strtod(buf_cstr(&b), NULL) == x);
    }
    for (int i = 0; i < 40000; i++) { /* quotients: the decimals of %g, with as many as it takes */
        char text[40];
        bits ^= bits << 13, bits ^= bits >> 7, bits ^= bits << 17;
        double x = (double)(bits >> 44) / (double)(1 + (bits & 0xFFFFF));
        for (int digits = 15; digits <= 17; digits++) {
            snprintf(text, sizeof text, "%.*g", digits, x);
            if (strtod(text, NULL) == x)
                break;
        }
        buf_clear(&b);
        buf_append_double(&b, x);
        if (x != floor(x))
            assert_string_equal(buf_cstr(&b), text);
    }
    buf_release(&b);
}

/* ---- err ---- */

static void test_err(void **state)
{
    struct err err;
    (void)state;

    assert_false(err_set(&err, ERR_DATA, "bad %s %d", "thing", 3));
    assert_int_equal(err.class, ERR_DATA);
    assert_int_equal(err.sys_errno, 0);
    assert_string_equal(err.text, "bad thing 3");
    assert_false(err_context(&err, "file %s", "x"));
    assert_string_equal(err.text, "file x: bad thing 3");
    assert_false(err_sys(&err, ERR_NOINPUT, ENOENT, "open '%s'", "y"));
    assert_string_equal(err.text, "open 'y': no such file or directory");
    assert_int_equal(err.sys_errno, ENOENT);
    assert_false(err_sys(&err, ERR_IO, 123456, "read"));
    assert_string_equal(err.text, "read: unknown error");
    assert_false(err_set(NULL, ERR_DATA, "nobody asks"));
    assert_false(err_sys(NULL, ERR_DATA, EIO, "nobody asks"));
    assert_false(err_context(NULL, "nobody asks"));
    char text[3000]; /* too long: cut, never beyond the end */
    memset(text, 'a', sizeof text);
    err_set(&err, ERR_DATA, "%.*s", (int)sizeof text, text);
    assert_int_equal((ptrdiff_t)strlen(err.text), (ptrdiff_t)sizeof err.text - 1);
    err_context(&err, "front");
    assert_int_equal(strncmp(err.text, "front: aaa", 10), 0);
    err_sys(&err, ERR_DATA, EIO, "%.*s", (int)sizeof text, text);
    assert_int_equal((ptrdiff_t)strlen(err.text), (ptrdiff_t)sizeof err.text - 1);
}

static void test_err_quote(void **state)
{
    char q[96];
    (void)state;

    assert_string_equal(err_quote(q, 96, SLICE("plain é 日 😀")), "'plain é 日 😀'");
    assert_string_equal(err_quote(q, 96, SLICE("a\n\0\x7F\x1B[31m")),
                        "'a\\x0a\\x00\\x7f\\x1b[31m'");
    assert_string_equal(err_quote(q, 96, SLICE("\xFF\xC3\xED\xA0\x80\xC0\xAF\xF4\x90\x80\x80")),
                        "'\\xff\\xc3\\xed\\xa0\\x80\\xc0\\xaf\\xf4\\x90\\x80\\x80'");
    assert_string_equal(err_quote(q, 96, (slice){ NULL, 0 }), "''");
    assert_string_equal(err_quote(q, 16, SLICE("0123456789abcdef")), "'012345678...'");
    for (ptrdiff_t size = 16; size < 96;
         size++) { /* never beyond the end, always whole characters */
        char guard[97];
        memset(guard, '#', sizeof guard);
        err_quote(guard, size,
                  SLICE("日本語日本語日本語日本語日本語日本語日本語日本語日本語日本語"));
        ptrdiff_t len = (ptrdiff_t)strlen(guard);
        assert_true(len < size);
        assert_int_equal(guard[size], '#');
        assert_int_equal(guard[len - 1], '\'');
    }
    assert_string_equal(ERR_QUOTE(SLICE("x")), "'x'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slice),      cmocka_unit_test(test_loads),
        cmocka_unit_test(test_fatal),      cmocka_unit_test(test_arena_alloc),
        cmocka_unit_test(test_arena_grow), cmocka_unit_test(test_arena_trim_reset),
        cmocka_unit_test(test_arena_text), cmocka_unit_test(test_buf),
        cmocka_unit_test(test_buf_max),    cmocka_unit_test(test_buf_double),
        cmocka_unit_test(test_err),        cmocka_unit_test(test_err_quote),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
