/* json.h, and with --answers a program that tests/property drives:
 *
 *     build/unit/test_json --answers ISA < frames > lines
 *
 * A frame is a length (4 bytes, little-endian) and as many bytes of a record. A line is
 * "fault AT WHAT", or "ok TYPE START LEN TEXT-COUNT TEXT-TYPE TEXT-START TEXT-LEN DECODED-HEX" for
 * the record and its member `text`, which is decoded with lone surrogates replaced.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "json.h"

static struct arena arena;

/* A record with its padding: quotes, so that a scanner that ran on would be found out. */
static slice record_of(slice text)
{
    char *p = arena_alloc_raw(&arena, text.len + RECORD_PADDING, 1);

    if (text.len)
        memcpy(p, text.ptr, (size_t)text.len);
    memset(p + text.len, '"', RECORD_PADDING);
    return (slice){ p, text.len };
}

static slice R(const char *text)
{
    return record_of(slice_of(text));
}

static void expect_fault(const char *text, ptrdiff_t at, const char *what)
{
    struct json_fault fault;

    assert_false(json_scan(R(text), NULL, NULL, NULL, &fault));
    assert_string_equal(fault.what, what);
    assert_int_equal(fault.at, at);
}

static void expect_slice(slice got, const char *want)
{
    assert_int_equal(got.len, (ptrdiff_t)strlen(want));
    assert_memory_equal(got.ptr, want, strlen(want));
}

static struct json_query make_query(const char *const *paths, int count)
{
    struct json_query q;

    assert_true(json_query_init(&q, paths, count, &arena, NULL));
    return q;
}
#define QUERY(...)                                                                                 \
    make_query((const char *const[]){ __VA_ARGS__ },                                               \
               (int)countof(((const char *const[]){ __VA_ARGS__ })))

static slice span_slice(slice record, struct json_span span)
{
    return (slice){ record.ptr + span.start, span.len };
}

/* ---- scan ---- */

static void test_faults(void **state)
{
    (void)state;
    expect_fault("", 0, "unexpected end");
    expect_fault("  ", 2, "unexpected end");
    expect_fault("[1,2", 4, "unexpected end");
    expect_fault("{\"a\":", 5, "unexpected end");
    expect_fault("tru", 3, "unexpected end");
    expect_fault("1.", 2, "unexpected end");
    expect_fault("trux", 0, "expected a value");
    expect_fault("[1,]", 3, "expected a value");
    expect_fault("[1 2]", 3, "expected ',' or ']'");
    expect_fault("{\"a\":1]", 6, "expected ',' or '}'");
    expect_fault("{\"a\" 1}", 5, "expected ':'");
    expect_fault("{\"a\":1,}", 7, "expected a key");
    expect_fault("{a:1}", 1, "expected a key");
    expect_fault("01", 1, "a number may not start with 0");
    expect_fault("[-]", 2, "expected a digit");
    expect_fault("[1.e3]", 3, "expected a digit");
    expect_fault("[\"a\tb\"]", 3, "control character in a string");
    expect_fault("[\"a\\xb\"]", 3, "invalid escape");
    expect_fault("[\"a\\u12G4\"]", 3, "invalid \\u escape");
    expect_fault("[\"a\\u12\"]", 3, "invalid \\u escape");
    expect_fault("{\"ab", 1, "unterminated string");
    expect_fault("[\"ab\\", 1, "unterminated string");
    expect_fault("[\"ab\\u12", 1, "unterminated string");
    expect_fault("{} {}", 3, "text after the value");
    expect_fault("{}x", 2, "text after the value");
    expect_fault("[\"a\xFF\"]", 3, "invalid UTF-8");
    expect_fault("{\"\xE2\x82\":1}", 2, "invalid UTF-8");
    expect_fault("{\"a\":\"\xED\xA0\x80\"}", 6, "invalid UTF-8");
    expect_fault("\xEF\xBB\xBF{}", 0, "expected a value");
    expect_fault("[\xC3\xA9]", 1, "expected a value");
    expect_fault("[\"\xC0\xAF\",x]", 2, "invalid UTF-8");
    struct json_fault fault;
    assert_false(json_scan(record_of(SLICE("[\"a\0b\"]")), NULL, NULL, NULL, &fault));
    assert_int_equal(fault.at, 3);
    assert_false(json_scan(record_of(SLICE("1\0")), NULL, NULL, NULL, &fault));
    assert_false(json_scan(R("[1"), NULL, NULL, NULL, NULL));
}

static void test_top(void **state)
{
    struct json_span top;
    (void)state;
    static const struct {
        const char *text;
        enum json_type type;
    } cases[] = { { "null", JSON_NULL },        { "false", JSON_FALSE },
                  { "true", JSON_TRUE },        { "-0.5e-7", JSON_NUMBER },
                  { "\"a\\nb\"", JSON_STRING }, { "[1,[]]", JSON_ARRAY },
                  { "{\"a\":{}}", JSON_OBJECT } };

    for (ptrdiff_t i = 0; i < countof(cases); i++) {
        slice spaced = arena_printf(&arena, " \t%s\r\n", cases[i].text);
        assert_true(json_scan(record_of(spaced), NULL, NULL, &top, NULL));
        assert_int_equal(top.type, cases[i].type);
        assert_int_equal(top.start, 2);
        assert_int_equal(top.len, (ptrdiff_t)strlen(cases[i].text));
        assert_int_equal(top.escaped, cases[i].type == JSON_STRING);
    }
}

static void test_spans(void **state)
{
    slice r = R("{\"id\" : 7, \"text\":\"a\\u0020b\" ,\"meta\":{\"lang\":\"de\",\"text\":1}, "
                "\"list\":[{\"text\":2},[]],\"a.b\":null,\"a\":{\"b\":true}}");
    struct json_query q =
        QUERY("text", "meta.lang", "meta", "list", "a\\.b", "a.b", "missing", "id");
    struct json_span s[8];
    (void)state;

    assert_true(json_scan(r, &q, s, NULL, NULL));
    for (int i = 0; i < 8; i++)
        assert_int_equal(s[i].count, i != 6);
    expect_slice(span_slice(r, s[0]), "\"a\\u0020b\"");
    assert_true(s[0].escaped);
    assert_int_equal(s[0].key_start, 11);
    expect_slice(span_slice(r, s[1]), "\"de\"");
    assert_false(s[1].escaped);
    expect_slice(span_slice(r, s[2]), "{\"lang\":\"de\",\"text\":1}");
    expect_slice(span_slice(r, s[3]), "[{\"text\":2},[]]");
    assert_int_equal(s[3].type, JSON_ARRAY);
    expect_slice(span_slice(r, s[4]), "null");
    expect_slice(span_slice(r, s[5]), "true");
    assert_int_equal(s[6].type, JSON_NONE);
    expect_slice(span_slice(r, s[7]), "7");
    /* Not an object: nothing is found, nothing is wrong. */
    assert_true(json_scan(R("[{\"text\":1}]"), &q, s, NULL, NULL));
    assert_int_equal(s[0].count, 0);
}

static void test_duplicates(void **state)
{
    struct json_query q = QUERY("text", "m.x", "text");
    struct json_span s[3];
    (void)state;

    slice r = R("{\"text\":1,\"\\u0074ext\":\"2\",\"te\\u0078t\":[3]}");
    assert_true(json_scan(r, &q, s, NULL, NULL));
    assert_int_equal(s[0].count, 3);
    expect_slice(span_slice(r, s[0]), "[3]");
    assert_memory_equal(&s[0], &s[2], sizeof s[0]);
    /* A second "m" could hide the first to another reader. */
    assert_true(json_scan(R("{\"m\":{\"x\":1},\"m\":{}}"), &q, s, NULL, NULL));
    assert_int_equal(s[1].count, 2);
    assert_true(json_scan(R("{\"m\":{\"x\":1},\"m\":{\"x\":2}}"), &q, s, NULL, NULL));
    assert_true(s[1].count > 1);
    assert_true(json_scan(R("{\"m\":{},\"m\":{}}"), &q, s, NULL, NULL));
    assert_int_equal(s[1].count, 0);
    assert_true(
        json_scan(R("{\"m\":{\"m\":{\"x\":1},\"x\":2},\"x\":{\"m\":1}}"), &q, s, NULL, NULL));
    assert_int_equal(s[1].count, 1);
    /* Keys that only look alike. */
    assert_true(json_scan(R("{\"text \":1,\"Text\":2,\"tex\":3,\"text\\u0000\":4,\"\\ud800\":5}"),
                          &q, s, NULL, NULL));
    assert_int_equal(s[0].count, 0);
}

static void test_query_paths(void **state)
{
    static const char *const bad[] = { "", ".", "a.", ".a", "a..b", "a\\", "a\\x", "\xFF" };
    struct json_query q;
    struct err err;
    (void)state;

    for (ptrdiff_t i = 0; i < countof(bad); i++) {
        assert_false(json_query_init(&q, &bad[i], 1, &arena, &err));
        assert_int_equal(err.class, ERR_USAGE);
    }
    const char *deep =
        "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a."
        "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a";
    assert_false(json_query_init(&q, &deep, 1, &arena, &err));
    /* Long and odd keys: more than 63 bytes, a backslash, equal first eight bytes. */
    const char *paths[] = {
        "a234567890123456789012345678901234567890123456789012345678901234567890", "x\\\\y",
        "prefix78-one", "prefix78-two", "é"
    };
    struct json_span s[5];
    assert_true(json_query_init(&q, paths, 5, &arena, &err));
    assert_true(json_scan(
        R("{\"a234567890123456789012345678901234567890123456789012345678901234567890\":0,"
          "\"x\\\\y\":1,"
          "\"prefix78-two\":3,\"prefix78-one\":2,\"\\u00e9\":4,"
          "\"a234567890123456789012345678901234567890123456789012345678901234567891\":9}"),
        &q, s, NULL, NULL));
    for (int i = 0; i < 5; i++)
        assert_int_equal(s[i].count, 1);
}

static slice nested(const char *open, const char *close, int depth)
{
    struct buf b = { 0 };

    for (int i = 0; i < depth; i++)
        buf_append(&b, slice_of(open));
    buf_append(&b, SLICE("0"));
    for (int i = 0; i < depth; i++)
        buf_append(&b, slice_of(close));
    slice r = record_of(buf_slice(&b));
    buf_release(&b);
    return r;
}

static void test_depth(void **state)
{
    struct json_fault fault;
    struct json_query q = QUERY("a.a.a");
    struct json_span span;
    (void)state;

    assert_true(json_scan(nested("[", "]", JSON_MAX_DEPTH), NULL, NULL, NULL, &fault));
    assert_true(json_scan(nested("{\"a\":", "}", JSON_MAX_DEPTH), &q, &span, NULL, &fault));
    assert_int_equal(span.count, 1);
    assert_non_null(json_parse(nested("[", "]", JSON_MAX_DEPTH), &arena, NULL));
    assert_non_null(json_parse(nested("{\"a\":", "}", JSON_MAX_DEPTH), &arena, NULL));
    assert_false(json_scan(nested("[", "]", JSON_MAX_DEPTH + 1), NULL, NULL, NULL, &fault));
    assert_string_equal(fault.what, "nested deeper than 1024");
    assert_int_equal(fault.at, JSON_MAX_DEPTH);
    assert_false(json_scan(nested("{\"a\":", "}", 1000000), NULL, NULL, NULL, &fault));
    assert_int_equal(fault.at, JSON_MAX_DEPTH * 5);
    arena_reset(&arena);
}

static void test_many_members(void **state)
{
    struct json_query q = QUERY("k999999", "k0");
    struct json_span s[2];
    struct buf b = { 0 };
    (void)state;

    for (int i = 0; i < 1000000; i++)
        buf_printf(&b, "%s\"k%d\":%d", i ? "," : "{", i, i);
    buf_append_byte(&b, '}');
    assert_true(json_scan(record_of(buf_slice(&b)), &q, s, NULL, NULL));
    assert_int_equal(s[0].count, 1);
    assert_int_equal(s[1].count, 1);
    buf_release(&b);
    arena_reset(&arena);
}

/* ---- strings ---- */

static void expect_decoded(const char *quoted, slice want)
{
    struct json_span top;
    struct json_fault fault;
    slice text, r = R(quoted);
    ptrdiff_t replaced = 0;

    assert_true(json_scan(r, NULL, NULL, &top, &fault));
    assert_true(json_string(r, top, JSON_SURROGATE_FAIL, &arena, &text, &replaced, &fault));
    assert_int_equal(text.len, want.len);
    assert_memory_equal(text.ptr, want.ptr, (size_t)want.len);
    if (!top.escaped)
        assert_ptr_equal(text.ptr, r.ptr + 1); /* borrowed */
    assert_int_equal(replaced, 0);
}

static void test_string(void **state)
{
    (void)state;
    expect_decoded("\"\"", SLICE(""));
    expect_decoded("\"plain é\"", SLICE("plain é"));
    expect_decoded("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", SLICE("\"\\/\b\f\n\r\t"));
    expect_decoded("\"a\\u0000b\"", SLICE("a\0b"));
    expect_decoded("\"\\u007f\\u0080\\u07fF\\u0800\\uffff\"",
                   SLICE("\x7F\xC2\x80\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF"));
    expect_decoded("\"\\ud83d\\ude00\\uD800\\uDC00\\uDBFF\\uDFFF\"",
                   SLICE("\xF0\x9F\x98\x80\xF0\x90\x80\x80\xF4\x8F\xBF\xBF"));
    expect_decoded(
        "\"the text has to be longer than a block of bytes so that \\u00fc lies in the second\"",
        SLICE(
            "the text has to be longer than a block of bytes so that \xC3\xBC lies in the second"));
}

static void test_surrogates(void **state)
{
    static const struct {
        const char *quoted;
        ptrdiff_t at, count;
        const char *replaced;
    } cases[] = {
        { "\"ab\\ud800\"", 3, 1, "ab\xEF\xBF\xBD" },
        { "\"\\udc00\\ud800\"", 1, 2, "\xEF\xBF\xBD\xEF\xBF\xBD" },
        { "\"\\ud800\\ud800\\udc00\"", 1, 1, "\xEF\xBF\xBD\xF0\x90\x80\x80" },
        { "\"\\ud800\\n\"", 1, 1, "\xEF\xBF\xBD\n" },
        { "\"\\ud800\\u0041\"", 1, 1,
          "\xEF\xBF\xBD"
          "A" },
        { "\"\\ud800udc00\"", 1, 1, "\xEF\xBF\xBDudc00" },
    };
    (void)state;

    for (ptrdiff_t i = 0; i < countof(cases); i++) {
        struct json_span top;
        struct json_fault fault = { -1, NULL };
        slice text, r = R(cases[i].quoted);
        ptrdiff_t replaced = 0;
        assert_true(json_scan(r, NULL, NULL, &top, NULL));
        assert_false(json_string(r, top, JSON_SURROGATE_FAIL, &arena, &text, &replaced, &fault));
        assert_int_equal(fault.at, cases[i].at);
        assert_string_equal(fault.what, "lone surrogate");
        assert_true(json_string(r, top, JSON_SURROGATE_REPLACE, &arena, &text, &replaced, &fault));
        expect_slice(text, cases[i].replaced);
        assert_int_equal(replaced, cases[i].count);
    }
}

static void test_append(void **state)
{
    struct buf b = { 0 };
    char all[32];
    (void)state;

    json_append_string(&b, SLICE("a\"b\\c/d\x7Fé\0\x1F\b\f\n\r\t"));
    expect_slice(buf_slice(&b), "\"a\\\"b\\\\c/d\x7Fé\\u0000\\u001f\\b\\f\\n\\r\\t\"");
    buf_clear(&b);
    for (int i = 0; i < 32; i++)
        all[i] = (char)i;
    json_append_string(&b, (slice){ all, 32 });
    struct json_span top;
    slice text, r = record_of(buf_slice(&b));
    assert_true(json_scan(r, NULL, NULL, &top, NULL));
    assert_true(json_string(r, top, JSON_SURROGATE_FAIL, &arena, &text, NULL, NULL));
    assert_int_equal(text.len, 32);
    assert_memory_equal(text.ptr, all, 32);
    assert_true(b.len <= JSON_QUOTED_MAX(32));
    /* A buffer that is full drops the string whole. */
    struct buf small = BUF_INIT(8);
    json_append_string(&small, SLICE("123456"));
    assert_false(small.overflow);
    json_append_string(&small, SLICE(""));
    assert_true(small.overflow);
    expect_slice(buf_slice(&small), "\"123456\"");
    buf_release(&small);
    buf_release(&b);
}

static void test_append_bytes(void **state)
{
    struct buf b = { 0 };
    (void)state;

    assert_true(json_append_bytes(&b, SLICE("é\n")));
    expect_slice(buf_slice(&b), "\"é\\n\"");
    buf_clear(&b);
    assert_false(json_append_bytes(&b, SLICE("\xFF"
                                             "a\xE2\x82\n\xC3")));
    expect_slice(buf_slice(&b), "\"\xEF\xBF\xBD"
                                "a\xEF\xBF\xBD\xEF\xBF\xBD\\n\xEF\xBF\xBD\"");
    buf_release(&b);
}

static void test_utf8(void **state)
{
    (void)state;
    assert_true(json_utf8_valid(SLICE("")));
    assert_true(json_utf8_valid(SLICE("aé日😀\0")));
    assert_int_equal(json_utf8_prefix(SLICE("aé\xC3")), 3);
    assert_int_equal(json_utf8_prefix(SLICE("\x80")), 0);
    assert_int_equal(json_utf8_prefix(SLICE("a\xF4\x90\x80\x80")), 1);
    assert_int_equal(json_utf8_prefix(SLICE(
                         "0123456789012345678901234567890123456789012345678901234567890123é\xFF")),
                     66);
}

/* ---- splicing ---- */

static void test_splice(void **state)
{
    struct json_query q = QUERY("text", "new");
    struct json_span s[2], top;
    (void)state;
    static const struct {
        const char *record, *want;
    } cases[] = {
        { "{\"a\":1.0e0,\"text\" : \"x\" ,\"b\":[ ]}",
          "{\"a\":1.0e0,\"text\" : \"y\" ,\"b\":[ ],\"new\":[7]}" },
        { " {\"text\":null}\t", " {\"text\":\"y\",\"new\":[7]}\t" },
        { "{\"new\":1,\"text\":2}", "{\"new\":[7],\"text\":\"y\"}" },
    };

    for (ptrdiff_t i = 0; i < countof(cases); i++) {
        slice r = R(cases[i].record);
        assert_true(json_scan(r, &q, s, &top, NULL));
        struct json_edit edits[2] = {
            json_edit_set(r, top, s[0], "text", SLICE("\"y\""), &arena),
            json_edit_set(r, top, s[1], "new", SLICE("[7]"), &arena),
        };
        if (edits[0].start > edits[1].start) {
            struct json_edit first = edits[1];
            edits[1] = edits[0];
            edits[0] = first;
        }
        expect_slice(json_splice(r, edits, 2, &arena), cases[i].want);
        expect_slice(json_splice(r, NULL, 0, &arena), cases[i].record);
    }
    slice empty = R("{ \n}");
    assert_true(json_scan(empty, &q, s, &top, NULL));
    struct json_edit edit = json_edit_set(empty, top, s[0], "text", SLICE("1"), &arena);
    expect_slice(json_splice(empty, &edit, 1, &arena), "{ \n\"text\":1}");
}

/* ---- DOM ---- */

static void test_dom(void **state)
{
    struct err err;
    (void)state;

    struct json_node *n = json_parse(
        SLICE(
            "{\"s\":\"a\\u00e9\\ud800\",\"i\":-9223372036854775808,\"f\":1.5,\"t\":true,\"z\":null,"
            "\"list\":[1,\"two\",{\"x\":[]}],\"d\":1,\"d\":2,\"big\":9223372036854775808,\"e\":1e3,"
            "\"huge\":1e999,\"\\u006bey\":\"v\"}"),
        &arena, &err);
    assert_non_null(n);
    assert_int_equal(n->type, JSON_OBJECT);
    assert_int_equal(n->count, 12);
    assert_int_equal(n->offset, 0);
    expect_slice(json_get_string(n, "s", SLICE("")), "a\xC3\xA9\xEF\xBF\xBD");
    assert_true(json_get_int(n, "i", 0) == INT64_MIN);
    assert_int_equal(json_get_int(n, "d", 0), 2);
    assert_int_equal(json_get_int(n, "e", 0), 1000);
    assert_int_equal(json_get_int(n, "big", -1), -1);
    assert_int_equal(json_get_int(n, "f", -1), -1);
    assert_int_equal(json_get_int(n, "s", -1), -1);
    assert_true(json_get_double(n, "f", 0) == 1.5);
    assert_true(json_get_double(n, "big", 0) == 9223372036854775808.0);
    assert_true(json_get_double(n, "huge", 7) == 7);
    assert_true(json_get_bool(n, "t", false));
    assert_true(json_get_bool(n, "z", true));
    expect_slice(json_get_string(n, "key", SLICE("")), "v");
    expect_slice(json_get_string(n, "none", SLICE("def")), "def");
    assert_null(json_get(NULL, "x"));
    struct json_node *list = json_get(n, "list");
    assert_int_equal(list->count, 3);
    expect_slice(list->items[1]->text, "two");
    assert_null(json_get(list, "x"));
    assert_int_equal(json_get(list->items[2], "x")->count, 0);
    assert_ptr_equal(list->child->next->next, list->items[2]);
    assert_int_equal(list->items[1]->offset, 82);

    assert_null(json_parse(SLICE("{\"a\":tru}"), &arena, &err));
    assert_int_equal(err.class, ERR_CONFIG);
    assert_string_equal(err.text, "byte 5: expected a value");
    assert_null(json_parse(SLICE(""), &arena, &err));
    n = json_parse(SLICE(" 12 "), &arena, &err);
    assert_int_equal(n->type, JSON_NUMBER);
    assert_int_equal(n->offset, 1);
}

static void test_dom_index(void **state)
{
    struct buf b = { 0 };
    char key[32];
    (void)state;

    for (int i = 0; i < 5000; i++)
        buf_printf(&b, "%s\"key%d\":%d", i ? "," : "{", i % 4000, i);
    buf_append_byte(&b, '}');
    struct json_node *n = json_parse(buf_slice(&b), &arena, NULL);
    assert_int_equal(n->count, 5000);
    for (int i = 0; i < 4000; i++) {
        snprintf(key, sizeof key, "key%d", i);
        assert_int_equal(json_get_int(n, key, -1), i < 1000 ? i + 4000 : i);
    }
    assert_null(json_get(n, "key4000"));
    assert_null(json_get(n, ""));
    int order = 0;
    for (struct json_node *m = n->child; m; m = m->next, order++) {
        int64_t v;
        assert_true(json_int(m, &v));
        assert_int_equal(v, order);
    }
    buf_release(&b);
}

/* ---- for tests/property ---- */

static int answers(const char *isa)
{
    struct json_query q = QUERY("text");
    struct err err;
    uint32_t len;

    if (!cpu_choose(isa, &err)) {
        printf("%s\n", err.text);
        return err.class;
    }
    while (fread(&len, 4, 1, stdin) == 1) {
        struct arena scratch = { 0 };
        struct json_span text, top;
        struct json_fault fault;
        char *p = arena_alloc_raw(&scratch, (ptrdiff_t)len + RECORD_PADDING, 1);
        slice decoded, record = { p, (ptrdiff_t)len };
        if (fread(p, 1, len, stdin) != len)
            return 1;
        memset(p + len, ']', RECORD_PADDING);
        if (!json_scan(record, &q, &text, &top, &fault)) {
            printf("fault %td %s\n", fault.at, fault.what);
        } else {
            printf("ok %d %td %td %d %d %td %td ", top.type, top.start, top.len, text.count,
                   text.type, text.start, text.len);
            if (text.type == JSON_STRING &&
                json_string(record, text, JSON_SURROGATE_REPLACE, &scratch, &decoded, NULL, &fault))
                for (ptrdiff_t i = 0; i < decoded.len; i++)
                    printf("%02x", (unsigned char)decoded.ptr[i]);
            printf("\n");
        }
        arena_release(&scratch);
    }
    return 0;
}

static int release(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_faults),       cmocka_unit_test(test_top),
        cmocka_unit_test(test_spans),        cmocka_unit_test(test_duplicates),
        cmocka_unit_test(test_query_paths),  cmocka_unit_test(test_depth),
        cmocka_unit_test(test_many_members), cmocka_unit_test(test_string),
        cmocka_unit_test(test_surrogates),   cmocka_unit_test(test_append),
        cmocka_unit_test(test_append_bytes), cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_splice),       cmocka_unit_test(test_dom),
        cmocka_unit_test(test_dom_index),
    };

    if (argc == 3 && strcmp(argv[1], "--answers") == 0)
        return answers(argv[2]);
    return cmocka_run_group_tests(tests, NULL, release);
}
