/* Every row of the JSON kernels against the scalar row: same answers, same spans, same faults, same
 * bytes, for lengths 0..257, all alignments and buffers that end at a page that cannot be read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <sys/mman.h>
#include <unistd.h>

#include "json.h"

static uint64_t rng_state = 1;

static uint32_t rng(uint32_t below)
{
    rng_state ^= rng_state << 13;
    rng_state ^= rng_state >> 7;
    rng_state ^= rng_state << 17;
    return (uint32_t)((rng_state >> 20) % below);
}

/* ---- memory that ends where it says ---- */

#define GUARD_SIZE 16384

static char *guard_end(int which)
{
    static char *ends[3];

    if (!ends[which]) {
        char *p = mmap(NULL, GUARD_SIZE + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                       -1, 0);
        assert_ptr_not_equal(p, MAP_FAILED);
        assert_int_equal(mprotect(p + GUARD_SIZE, 4096, PROT_NONE), 0);
        ends[which] = p + GUARD_SIZE;
    }
    return ends[which];
}

/* A copy whose end (and `padding` bytes of any value) touches the guard page. */
static slice guarded(slice s, ptrdiff_t padding)
{
    char *p = guard_end(0) - padding - s.len;

    for (ptrdiff_t i = 0; i < padding; i++)
        p[s.len + i] = "\"}]0,\\ \xC3\xA9:u"[rng(12)];
    if (s.len)
        memcpy(p, s.ptr, (size_t)s.len);
    return (slice){ p, s.len };
}

static bool runs_here(const struct jsonscan_row *row)
{
    return cpu_has(row->features);
}

/* ---- material ---- */

struct text {
    char bytes[8192];
    ptrdiff_t len;
};

static void put(struct text *t, const char *s)
{
    ptrdiff_t n = (ptrdiff_t)strlen(s);

    if (t->len + n < (ptrdiff_t)sizeof t->bytes) {
        memcpy(t->bytes + t->len, s, (size_t)n);
        t->len += n;
    }
}

/* The inside of a string: density says how rare anything but letters is. */
static void put_string_body(struct text *t, ptrdiff_t len, uint32_t density)
{
    static const char *const special[] = {
        "\\n",
        "\\\"",
        "\\\\",
        "\\/",
        "\\u00e9",
        "\\u0000",
        "\\ud83d\\ude00",
        "\\ud800",
        "\\udc00x",
        "é",
        "日",
        "😀",
        "\\u0434\\u0435",
        "\\\\\\\\",
        "\\uFFFF",
        "\x7F",
        "\xED\x9F\xBF",
        "\xF4\x8F\xBF\xBF",
        "\\u07ff\\u0800",
        "\\u007f",
        "\\ud800\\u0041",
        "\\ud800\\n",
        "\\b\\f\\r\\t",
    };
    ptrdiff_t end = MIN(t->len + len, (ptrdiff_t)sizeof t->bytes - 64);

    while (t->len < end) {
        if (rng(density) == 0)
            put(t, special[rng(countof(special))]);
        else
            put(t, (char[]){ (char)('a' + rng(26)), '\0' });
    }
}

static void put_space(struct text *t)
{
    static const char *const spaces[] = {
        "", "", "", "", " ", "\n", "\t ", "\r\n   ", "          "
    };

    put(t, spaces[rng(countof(spaces))]);
}

static void put_value(struct text *t, int depth)
{
    static const char *const keys[] = { "text",
                                        "id",
                                        "meta",
                                        "lang",
                                        "te\\u0078t",
                                        "a",
                                        "m.x",
                                        "a long key that has more than eight bytes",
                                        "" };
    static const char *const scalars[] = { "0",    "-1",       "1.5",
                                           "1e9",  "-0.0E+10", "123456789012345678901234567890",
                                           "true", "false",    "null" };
    uint32_t kind = rng(depth > 4 ? 5 : 9);

    put_space(t);
    if (kind < 3) {
        put(t, "\"");
        put_string_body(t, rng(rng(4) == 0 ? 300 : 30), 1 + rng(40));
        put(t, "\"");
    } else if (kind < 5) {
        put(t, scalars[rng(countof(scalars))]);
    } else {
        bool object = kind > 5;
        put(t, object ? "{" : "[");
        for (uint32_t i = 0, n = rng(6); i < n; i++) {
            if (i)
                put(t, ",");
            put_space(t);
            if (object) {
                put(t, "\"");
                if (rng(4))
                    put(t, keys[rng(countof(keys))]);
                else
                    put_string_body(t, rng(80), 1 + rng(10));
                put(t, "\"");
                put_space(t);
                put(t, ":");
            }
            put_value(t, depth + 1);
        }
        put_space(t);
        put(t, object ? "}" : "]");
    }
    put_space(t);
}

/* Some bytes changed, cut off or doubled: mostly not JSON any more. */
static void mutate(struct text *t)
{
    static const char bytes[] =
        "\"\\{}[]:,0123456789-+.eEtfnu \t\n\r\x01\x1F\x80\xBF\xC0\xC2\xE2\xED\xF0\xF4\xFF";

    for (uint32_t n = rng(3); n && t->len; n--) {
        ptrdiff_t at = (ptrdiff_t)rng((uint32_t)t->len);
        switch (rng(4)) {
        case 0:
            t->len = at;
            break;
        case 1:
            memmove(t->bytes + at, t->bytes + at + 1, (size_t)(t->len - at - 1));
            t->len--;
            break;
        default:
            t->bytes[at] = bytes[rng(sizeof bytes - 1)];
        }
    }
}

/* ---- scan ---- */

static struct json_query query;

static void compare_scan(slice record)
{
    ptrdiff_t rows;
    const struct jsonscan_row *const *row = jsonscan_rows(&rows);
    struct json_span want[JSON_MAX_PATHS], got[JSON_MAX_PATHS], want_top, got_top;
    struct json_fault want_fault = { 0, NULL }, got_fault = { 0, NULL };

    memset(want, 0, sizeof want);
    bool ok =
        row[0]->scan(guarded(record, RECORD_PADDING), query.root, want, &want_top, &want_fault);
    for (ptrdiff_t i = 0; i < rows; i++) {
        if (!runs_here(row[i]))
            continue;
        memset(got, 0, sizeof got);
        slice copy = guarded(record, RECORD_PADDING); /* with other bytes behind it */
        bool same = row[i]->scan(copy, query.root, got, &got_top, &got_fault) == ok;
        if (same && !ok)
            same = want_fault.at == got_fault.at && strcmp(want_fault.what, got_fault.what) == 0;
        if (same && ok) {
            same = want_top.start == got_top.start && want_top.len == got_top.len &&
                   want_top.type == got_top.type && want_top.escaped == got_top.escaped;
            for (int k = 0; k < query.count; k++)
                same = same && want[k].count == got[k].count && want[k].start == got[k].start &&
                       want[k].len == got[k].len && want[k].key_start == got[k].key_start &&
                       want[k].type == got[k].type && want[k].escaped == got[k].escaped;
        }
        if (!same)
            fail_msg("%s differs from scalar (%d, %s at %td; %s at %td) on: %.*s", row[i]->name, ok,
                     ok ? "" : want_fault.what, want_fault.at, ok ? "" : got_fault.what,
                     got_fault.at, SLICE_ARG(record));
    }
}

static void test_scan_random(void **state)
{
    static const char *const paths[] = { "text",
                                         "meta.lang",
                                         "id",
                                         "meta",
                                         "m\\.x",
                                         "text",
                                         "a long key that has more than eight bytes" };
    static struct arena arena; /* the query stays in use by the tests below */
    static struct text t;
    (void)state;

    assert_true(json_query_init(&query, paths, countof(paths), &arena, NULL));
    for (int i = 0; i < 60000; i++) {
        t.len = 0;
        put_value(&t, 0);
        if (i % 2)
            mutate(&t);
        compare_scan((slice){ t.bytes, t.len });
    }
}

/* One string of every length, with one special place at every position. */
static void test_scan_string_places(void **state)
{
    static const char *const special[] = { "\\\"", "\\\\", "\\u12aF", "\\u12g4",  "\\x",
                                           "\n",   "é",    "\xC3",    "\xE2\x82", "\x80",
                                           "\\",   "\"",   "\\u123" };
    static struct text t;
    (void)state;

    for (int len = 0; len <= 257; len++)
        for (int k = 0; k < 6; k++) {
            const char *s = special[rng(countof(special))];
            int at = (int)rng((uint32_t)len + 1);
            t.len = 0;
            put(&t, "\"");
            for (int i = 0; i <= len; i++)
                put(&t, i == at ? s : "x");
            put(&t, "\"");
            compare_scan((slice){ t.bytes, t.len });
        }
    for (int run = 0; run <= 140; run++) { /* runs of backslashes across blocks */
        t.len = 0;
        put(&t, "\"");
        for (int i = (int)rng(70); i; i--)
            put(&t, "x");
        for (int i = 0; i < run; i++)
            put(&t, "\\");
        put(&t, "\"");
        compare_scan((slice){ t.bytes, t.len });
        put(&t, "n\"");
        compare_scan((slice){ t.bytes, t.len });
    }
}

/* ---- UTF-8 ---- */

static void compare_utf8(slice s)
{
    ptrdiff_t rows;
    const struct jsonscan_row *const *row = jsonscan_rows(&rows);
    ptrdiff_t want = jsonscan_utf8_prefix_scalar(s);

    for (ptrdiff_t i = 1; i < rows; i++) {
        if (!runs_here(row[i]))
            continue;
        ptrdiff_t got = row[i]->utf8_prefix(guarded(s, 0));
        if (got != want)
            fail_msg("%s: prefix %td, want %td of %td", row[i]->name, got, want, s.len);
    }
}

static void test_utf8(void **state)
{
    static const char *const runs[] = { "a",
                                        "é",
                                        "日",
                                        "😀",
                                        "\xEF\xBF\xBF",
                                        "\xF4\x8F\xBF\xBF",
                                        "\xED\x9F\xBF",
                                        "\xE0\xA0\x80",
                                        "\xF0\x90\x80\x80",
                                        "\xC2\x80" };
    static struct text t;
    (void)state;

    for (ptrdiff_t len = 0; len <= 257; len++)
        for (int k = 0; k < 40; k++) {
            uint32_t ascii = rng(3) ? 2 + rng(30) : 1;
            t.len = 0;
            while (t.len < len)
                put(&t, rng(ascii) ? "x" : runs[rng(countof(runs))]);
            t.len = len; /* may cut a sequence */
            if (len && rng(2))
                t.bytes[rng((uint32_t)len)] = (char)rng(256);
            compare_utf8((slice){ t.bytes, len });
        }
}

/* All pairs of lead and second byte, and all short sequences around the edges. */
static void test_utf8_edges(void **state)
{
    static const unsigned char tails[] = { 0x00, 0x7F, 0x80, 0x8F, 0x90,
                                           0x9F, 0xA0, 0xBF, 0xC0, 0xFF };
    char bytes[200];
    (void)state;

    for (int a = 0x80; a < 256; a++)
        for (ptrdiff_t i = 0; i < countof(tails); i++)
            for (ptrdiff_t k = 0; k < countof(tails); k++) {
                ptrdiff_t at = 50 + (ptrdiff_t)rng(30);
                memset(bytes, 'x', sizeof bytes);
                memcpy(bytes + at,
                       (unsigned char[]){ (unsigned char)a, tails[i], tails[k], tails[rng(10)] },
                       4);
                compare_utf8((slice){ bytes, sizeof bytes });
                compare_utf8((slice){ bytes, at + 1 + (ptrdiff_t)rng(4) });
            }
}

/* ---- decoding and quoting ---- */

static void compare_unescape(slice raw, enum json_surrogates policy)
{
    ptrdiff_t rows;
    const struct jsonscan_row *const *row = jsonscan_rows(&rows);
    static char want[8192];
    struct json_fault want_fault = { 0, NULL }, got_fault = { 0, NULL };
    ptrdiff_t want_count = 0;
    ptrdiff_t want_len = jsonscan_unescape_scalar(raw, want, policy, &want_count, &want_fault);

    for (ptrdiff_t i = 1; i < rows; i++) {
        if (!runs_here(row[i]))
            continue;
        char *dst = guard_end(1) - raw.len; /* room for raw.len bytes and no more */
        ptrdiff_t count = 0;
        ptrdiff_t len = row[i]->unescape(guarded(raw, 0), dst, policy, &count, &got_fault);
        if (len != want_len || (len < 0 && got_fault.at != want_fault.at) ||
            (len > 0 && (count != want_count || memcmp(dst, want, (size_t)len) != 0)))
            fail_msg("%s: unescape gives %td bytes, want %td, fault %td %td: %.*s", row[i]->name,
                     len, want_len, got_fault.at, want_fault.at, SLICE_ARG(raw));
    }
}

static void compare_escape(slice text)
{
    ptrdiff_t rows;
    const struct jsonscan_row *const *row = jsonscan_rows(&rows);
    static char want[8192 * 6];
    ptrdiff_t want_len = jsonscan_escape_scalar(want, text) - want;

    assert_int_equal(jsonscan_escaped_len_scalar(text), want_len);
    for (ptrdiff_t i = 1; i < rows; i++) {
        if (!runs_here(row[i]))
            continue;
        assert_int_equal(row[i]->escaped_len(guarded(text, 0)), want_len);
        char *dst = guard_end(2) - want_len;
        char *end = row[i]->escape(dst, guarded(text, 0));
        assert_ptr_equal(end, dst + want_len);
        assert_memory_equal(dst, want, (size_t)want_len);
    }
}

static void test_unescape(void **state)
{
    static struct text t;
    (void)state;

    for (ptrdiff_t len = 0; len <= 257; len++)
        for (int k = 0; k < 60; k++) {
            t.len = 0;
            put_string_body(&t, len, 1 + rng(1u << rng(7)));
            compare_unescape((slice){ t.bytes, t.len }, JSON_SURROGATE_REPLACE);
            compare_unescape((slice){ t.bytes, t.len }, JSON_SURROGATE_FAIL);
        }
}

static void test_escape(void **state)
{
    char bytes[260];
    (void)state;

    for (ptrdiff_t len = 0; len <= 257; len++)
        for (int k = 0; k < 30; k++) {
            uint32_t density = 1 + rng(1u << rng(7)), limit = rng(2) ? 256 : 0x30;
            for (ptrdiff_t i = 0; i < len; i++)
                bytes[i] = rng(density) ? (char)('a' + rng(26))
                           : rng(8)     ? "\n\"\\\t\r"[rng(5)]
                                        : (char)rng(limit);
            compare_escape((slice){ bytes, len });
        }
}

/* U+0000 to U+FFFF, each as an escape, in runs that cross blocks. */
static void test_unescape_every_unit(void **state)
{
    static struct text t;
    (void)state;

    for (unsigned c = 0; c < 0x10000;) {
        t.len = 0;
        for (uint32_t i = rng(8); i; i--)
            put(&t, "x");
        for (int i = 0; i < 64; i++, c++) {
            char one[8];
            snprintf(one, sizeof one, rng(2) ? "\\u%04x" : "\\u%04X", c);
            put(&t, one);
        }
        compare_unescape((slice){ t.bytes, t.len }, JSON_SURROGATE_REPLACE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scan_random), cmocka_unit_test(test_scan_string_places),
        cmocka_unit_test(test_utf8),        cmocka_unit_test(test_utf8_edges),
        cmocka_unit_test(test_unescape),    cmocka_unit_test(test_unescape_every_unit),
        cmocka_unit_test(test_escape),
    };

    cpu_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
