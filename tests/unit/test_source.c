/* The pure parts of collect: what bytes are, where records end, tables, charsets. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "source/charset.h"
#include "source/cut.h"
#include "source/http.h"
#include "source/magic.h"
#include "source/table.h"
#include "source/warc.h"

#include <stdio.h>

static struct arena arena;

static slice padded(slice s)
{
    char *p = arena_alloc_raw(&arena, s.len + RECORD_PADDING, 1);
    memcpy(p, s.ptr, (size_t)s.len);
    memset(p + s.len, 0, RECORD_PADDING);
    return slice_make(p, s.len);
}

#define P(literal) padded(SLICE(literal))

static void containers_by_content(void **state)
{
    char tar[512] = "a.txt";
    unsigned sum = 0;
    (void)state;
    memset(tar + 148, ' ', 8);
    for (int i = 0; i < 512; i++)
        sum += (unsigned char)tar[i];
    snprintf(tar + 148, 8, "%06o", sum);
    slice head = slice_make(tar, 512);
    assert_int_equal(magic_container(head, SLICE("x")), MAGIC_TAR);
    tar[20] ^= 1;
    assert_int_equal(magic_container(head, SLICE("x.tar")), MAGIC_PLAIN);
    assert_int_equal(magic_container(slice_make(tar, 511), SLICE("x.tar")), MAGIC_PLAIN);
    assert_int_equal(magic_container(SLICE("\x1f\x8b\x08"), SLICE("x")), MAGIC_COMPRESSED);
    assert_int_equal(magic_container(SLICE("BZh91AY&SY"), SLICE("x")), MAGIC_COMPRESSED);
    assert_int_equal(magic_container(SLICE("BZh is a prefix"), SLICE("x.bz2")), MAGIC_PLAIN);
    assert_int_equal(magic_container(SLICE("PK\x03\x04"), SLICE("x.zip")), MAGIC_ZIP);
    assert_int_equal(magic_container(SLICE("PK\x03\x04"), SLICE("x.DOCX")), MAGIC_PLAIN);
    assert_int_equal(magic_container(SLICE("070701 is how cpio begins"), SLICE("x")), MAGIC_PLAIN);
}

static void media_by_content(void **state)
{
    static const struct {
        slice head;
        const char *name;
        bool binary;
    } cases[] = {
        { { "ORC is a format", 15 }, "text/plain", false },
        { { "ORC\x01\x02", 5 }, "application/x-orc", true },
        { { "", 0 }, "text/plain", false },
        { { "a\x01", 2 }, "text/plain", false },
        { { "a\0b", 3 }, "application/octet-stream", true },
        { { "\xff\xfe\0\0a\0\0\0", 8 }, "text/plain", false },
        { { " \n<HTML >", 9 }, "text/html", false },
        { { "<htmlx>", 7 }, "text/plain", false },
        { { "<?xml version='1.0'?><!-- c --><svg", 35 }, "image/svg+xml", false },
        { { "<?xml", 5 }, "application/xml", false },
        { { "....ftypisom\0", 13 }, "video/mp4", true },
    };
    (void)state;
    for (ptrdiff_t i = 0; i < countof(cases); i++) {
        struct magic_media m = magic_media(padded(cases[i].head));
        assert_string_equal(m.name, cases[i].name);
        assert_int_equal(m.binary, cases[i].binary);
    }
}

static void formats_by_name_and_content(void **state)
{
    (void)state;
    assert_int_equal(magic_format(P("x"), true, SLICE("a.JSONL.gz")), MAGIC_JSONL);
    assert_int_equal(magic_format(P("{"), true, SLICE("a.txt")), MAGIC_TEXT);
    assert_int_equal(magic_format(P("a\tb"), true, SLICE("a.tab.zst")), MAGIC_TSV);
    assert_int_equal(magic_format(P("{\"a\":1}\n"), true, SLICE("a")), MAGIC_JSONL);
    assert_int_equal(magic_format(P("{\"a\":"), true, SLICE("a")), MAGIC_JSON);
    assert_int_equal(magic_format(P("{\"a\":"), false, SLICE("a")), MAGIC_JSONL);
    assert_int_equal(magic_format(P(" [ {"), true, SLICE("a")), MAGIC_JSON);
    assert_int_equal(magic_format(P("[1] note"), true, SLICE("a")), MAGIC_TEXT);
    assert_int_equal(magic_format(P(""), true, SLICE("")), MAGIC_TEXT);
    assert_true(slice_eq(magic_strip_suffix(SLICE("a.csv.XZ")), SLICE("a.csv")));
    assert_true(slice_eq(magic_strip_suffix(SLICE(".gz")), SLICE(".gz")));
}

/* The records of `text` joined with "|", bad ones as "!", a fault as "#". */
static const char *cuts(enum cut_kind kind, slice text, ptrdiff_t step)
{
    static char out[512];
    struct cut c;
    struct cut_record r;
    ptrdiff_t base = 0, end = 0, n = 0;
    enum cut_status st = CUT_MORE;
    cut_init(&c, kind);
    for (bool last = false; !last && st != CUT_FAULT;) {
        end = MIN(end + step, text.len);
        last = end == text.len;
        while ((st = cut_next(&c, slice_make(text.ptr + base, end - base), last, &r)) == CUT_RECORD)
            n += snprintf(out + n, sizeof out - (size_t)n, "%s%.*s|", r.bad ? "!" : "", (int)r.len,
                          text.ptr + base + r.start);
        base += c.start;
        cut_rebase(&c);
    }
    snprintf(out + n, sizeof out - (size_t)n, "%s", st == CUT_FAULT ? "#" : "");
    return out;
}

static void records_end_where_they_end(void **state)
{
    static const struct {
        enum cut_kind kind;
        const char *text, *want;
    } cases[] = {
        { CUT_LINES, "a\n\nb", "a||b|" },
        { CUT_LINES, "", "" },
        { CUT_LINES, "\n", "|" },
        { CUT_ROWS, "a,b\r\n\r\n\nc\n", "a,b|c|" },
        { CUT_ROWS, "\"a\n,\"\"\",b\nc", "\"a\n,\"\"\",b|c|" },
        { CUT_ROWS, "x\"y\",\"z\"\nq", "x\"y\",\"z\"|q|" },
        { CUT_ROWS, "\"a\"b\nc\n", "!\"a\"b|c|" },
        { CUT_ROWS, "\"a\nb", "!\"a\nb|" },
        { CUT_ROWS, "\"a\"\r\nb", "\"a\"|b|" },
        { CUT_JSON, "", "" },
        { CUT_JSON, " [ ] ", "" },
        { CUT_JSON, "[1,\"a]\\\"\",{\"b\":[2]} ,null]", "1|\"a]\\\"\"|{\"b\":[2]}|null|" },
        { CUT_JSON, "{\"a\":\"\\\\\"}{}12", "{\"a\":\"\\\\\"}|{}|12|" },
        { CUT_JSON, "[1 2]", "1|#" },
        { CUT_JSON, "[1,]", "1|#" },
        { CUT_JSON, "[1", "1|#" },
        { CUT_JSON, "[\"a", "#" },
        { CUT_JSON, "]", "#" },
    };
    (void)state;
    for (ptrdiff_t i = 0; i < countof(cases); i++)
        for (ptrdiff_t step = 1; step < 30; step++)
            assert_string_equal(cuts(cases[i].kind, slice_of(cases[i].text), step), cases[i].want);
}

static void fields_of_rows(void **state)
{
    struct table *t = table_new();
    slice *f;
    ptrdiff_t n;
    (void)state;
    table_fields(t, SLICE("a,, \"b\" ,\"c\"\"d\","), ',', '"', &arena, &f, &n);
    assert_int_equal(n, 5);
    assert_true(slice_eq(f[2], SLICE(" \"b\" ")));
    assert_true(slice_eq(f[3], SLICE("c\"d")));
    assert_int_equal(f[4].len, 0);
    table_fields(t, SLICE("\"a\"\tb"), '\t', 0, &arena, &f, &n);
    assert_int_equal(n, 2);
    assert_true(slice_eq(f[0], SLICE("\"a\"")));
    table_free(t);
}

static void columns_of_headers(void **state)
{
    struct table_columns c;
    slice names[] = { SLICE("id"), SLICE(""), SLICE("text") };
    (void)state;
    assert_null(table_columns(names, 3, NULL, &arena, &c));
    assert_int_equal(c.text, 2);
    assert_int_equal(c.id, 0);
    assert_true(slice_eq(c.keys[1], SLICE("\"column_2\":")));
    assert_null(table_columns(names, 2, "column_2", &arena, &c));
    assert_int_equal(c.text, 1);
    assert_non_null(table_columns(names, 3, "id", &arena, &c));
    assert_non_null(table_columns(names, 2, NULL, &arena, &c));
}

static void charsets_whole_and_in_pieces(void **state)
{
    static const char utf16[] = "\x61\x00\xe9\x00\x3d\xd8\x00\xde"; /* a, e acute, U+1F600 */
    slice bytes = slice_make(utf16, 8), text;
    ptrdiff_t bad;
    (void)state;
    assert_true(charset_convert(bytes, "UTF-16LE", &arena, &text, &bad));
    assert_true(slice_eq(text, SLICE("a\xc3\xa9\xf0\x9f\x98\x80")));
    for (ptrdiff_t step = 1; step <= 8; step++) {
        struct charset_stream *cs = charset_open("UTF-16LE");
        struct buf out = { 0 };
        int64_t at;
        for (ptrdiff_t i = 0; i < 8; i += step)
            assert_true(charset_feed(cs, slice_make(utf16 + i, MIN(step, 8 - i)), i + step >= 8,
                                     &out, &at));
        assert_true(slice_eq(buf_slice(&out), text));
        buf_release(&out);
        charset_close(cs);
    }
    assert_false(charset_convert(slice_make(utf16, 6), "UTF-16LE", &arena, &text, &bad));
    assert_int_equal(bad, 4);
    assert_false(charset_convert(bytes, "no such charset", &arena, &text, &bad));
    assert_int_equal(bad, -1);
    assert_string_equal(charset_label(SLICE(" Latin1\n"), NULL), "CP1252");
    assert_null(charset_label(SLICE("utf-7"), NULL));
    assert_string_equal(charset_guess(P("na\xc3"), false, &bad, &arena), "UTF-8");
}

#define RECORD(type, length, body)                                                                 \
    "WARC/1.0\r\nWARC-Type: " type "\r\nContent-Length: " length "\r\n\r\n" body "\r\n\r\n"

/* How many sound and bad records a web archive has, the same for every window. */
static void count_web(enum cut_kind kind, slice text, int want_good, int want_bad)
{
    for (ptrdiff_t step = 1; step < text.len + 2; step += step < 40 ? 1 : 37) {
        struct cut c;
        struct cut_record r;
        ptrdiff_t base = 0, end = 0;
        int good = 0, bad = 0;
        cut_init(&c, kind);
        for (bool last = false; !last;) {
            end = MIN(end + step, text.len);
            last = end == text.len;
            while (cut_next(&c, slice_make(text.ptr + base, end - base), last, &r) == CUT_RECORD)
                *(r.bad ? &bad : &good) += 1;
            base += c.start;
            cut_rebase(&c);
        }
        if (good != want_good || bad != want_bad)
            fail_msg("step %td: %d good, %d bad", step, good, bad);
    }
}

static void web_records_by_length(void **state)
{
    (void)state;
    count_web(CUT_WARC, SLICE(RECORD("resource", "3", "abc") RECORD("resource", "0", "")), 2, 0);
    count_web(CUT_WARC, SLICE(RECORD("resource", "1", "abc") RECORD("resource", "3", "abc")), 1, 1);
    /* a length that swallows the next record: both are found */
    count_web(CUT_WARC, SLICE(RECORD("resource", "50", "abc") RECORD("resource", "3", "abc")), 1,
              1);
    count_web(CUT_WARC, SLICE(RECORD("resource", "9999", "abc") RECORD("resource", "3", "abc")), 1,
              1);
    count_web(CUT_WARC, SLICE("noise\n" RECORD("resource", "3", "abc") "noise\nWARC/1.0\n"), 0, 3);
    count_web(CUT_WARC, SLICE(RECORD("resource", "x", "abc") RECORD("resource", "3", "abc")), 1, 1);
    count_web(CUT_WARC, SLICE("WARC/1.0\r\nno end"), 0, 1);
    count_web(CUT_WARC, SLICE(""), 0, 0);
    count_web(CUT_ARC,
              SLICE("filedesc://a 0.0.0.0 20140301000000 text/plain 2\nab\n"
                    "http://a/ b 1.2.3.4 20140301000000 text/html 3\nabc\n\n"
                    "http://a/ 1.2.3.4 20140301000000 text/html x\n"),
              2, 1);
}

static const char *http_body(const char *message, const char **why)
{
    struct http_message m;
    if (!http_parse(padded(slice_of(message)), &m))
        return NULL;
    *why = http_decode(&m, 1 << 20, &arena);
    return arena_cstr_dup(&arena, m.body);
}

static void http_messages(void **state)
{
    const char *why;
    slice media, charset;
    struct http_message m;
    (void)state;
    assert_string_equal(http_body("HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody", &why), "body");
    assert_string_equal(http_body("HTTP/1.0 200\nTransfer-Encoding: chunked\n\n"
                                  "3;x=y\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
                                  &why),
                        "abcde");
    assert_null(why);
    assert_string_equal(http_body("HTTP/1.0 200\nTransfer-Encoding: Chunked\n\n<html>", &why),
                        "<html>");
    http_body("HTTP/1.0 200\nTransfer-Encoding: chunked\n\n3\r\nab", &why);
    assert_non_null(why);
    http_body("HTTP/1.0 200\nTransfer-Encoding: chunked\n\n2\r\nab\r\nzz", &why);
    assert_non_null(why);
    assert_string_equal(http_body("HTTP/1.0 200\nContent-Encoding: gzip\n\nplain", &why), "plain");
    assert_null(why);
    http_body("HTTP/1.0 200\nContent-Encoding: gzip\n\n\x1f\x8b\x08 cut", &why);
    assert_non_null(why);
    http_body("HTTP/1.0 200\nContent-Encoding: compress\n\nx", &why);
    assert_non_null(why);
    assert_true(http_parse(SLICE("HTTP/2 404 Not Found\r\n\r\n"), &m) && m.status == 404);
    assert_true(http_parse(SLICE("nothing\r\n\r\n"), &m) && m.status == 0);
    assert_false(http_parse(SLICE("HTTP/1.1 200 OK\r\nA: b\r\n"), &m));
    http_media(SLICE(" Text/HTML; x=y; Charset=\"UTF-8\" ; z"), &arena, &media, &charset);
    assert_true(slice_eq(media, SLICE("text/html")));
    assert_true(slice_eq(charset, SLICE("UTF-8")));
}

static int teardown(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(containers_by_content),
        cmocka_unit_test(media_by_content),
        cmocka_unit_test(formats_by_name_and_content),
        cmocka_unit_test(records_end_where_they_end),
        cmocka_unit_test(fields_of_rows),
        cmocka_unit_test(columns_of_headers),
        cmocka_unit_test(charsets_whole_and_in_pieces),
        cmocka_unit_test(web_records_by_length),
        cmocka_unit_test(http_messages),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
