/* The rows of encoding-mime.jsonl (charset detection, labels, decoding, media types as resiliparse
 * has them) against charset.c and magic.c. Skipped without $DATA. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "json.h"
#include "os.h"
#include "source/charset.h"
#include "source/magic.h"

#include <stdio.h>
#include <stdlib.h>

static struct arena arena;
static struct err err;
static int supported, total, skipped;

static void skip_row(slice id, const char *why)
{
    printf("# encoding-mime: %.*s skipped: %s\n", SLICE_ARG(id), why);
    skipped++;
}

static slice base64(slice s)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *p = arena_alloc_raw(&arena, s.len + RECORD_PADDING, 1);
    ptrdiff_t n = 0;
    unsigned bits = 0, have = 0;
    for (ptrdiff_t i = 0; i < s.len && s.ptr[i] != '='; i++) {
        bits = bits << 6 | (unsigned)(strchr(digits, s.ptr[i]) - digits);
        have += 6;
        if (have >= 8)
            p[n++] = (char)(bits >> (have -= 8));
    }
    memset(p + n, 0, RECORD_PADDING);
    return slice_make(p, n);
}

/* Python's names of codecs, which the rows use, as labels. */
static slice label_of(slice python)
{
    static const char *const names[][2] = {
        { "cp1252", "windows-1252" },    { "cp1250", "windows-1250" },
        { "utf-16-le", "utf-16le" },     { "utf-16", "utf-16le" },
        { "iso8859-15", "iso-8859-15" }, { "iso8859-2", "iso-8859-2" },
    };
    for (ptrdiff_t i = 0; i < countof(names); i++)
        if (slice_eq(python, slice_of(names[i][0])))
            return slice_of(names[i][1]);
    return python;
}

static slice decoded(slice bytes, const char *charset)
{
    ptrdiff_t bad, bom;
    slice text = SLICE("(cannot be decoded)");
    charset_bom(bytes, &bom);
    if (charset)
        charset_convert(slice_from(bytes, bom), charset, &arena, &text, &bad);
    return text;
}

/* A detected charset is right when the text is: ASCII in windows-1252 is ASCII in UTF-8. */
static void check_detect(const struct json_node *row, slice id, const struct json_node *out)
{
    slice bytes = base64(json_get_string(row, "bytes_b64", SLICE("")));
    const struct json_node *params = json_get(row, "params");
    ptrdiff_t bom;
    bool meta = json_get_bool(params, "from_html_meta", false);
    if (meta) {
        skip_row(id, "needs the charset of an HTML meta element");
        return;
    }
    const char *guess = charset_guess(bytes, true, &bom, &arena);
    if (!guess && !charset_can_detect) {
        skip_row(id, "built without uchardet");
        return;
    }
    bool right = false;
    const struct json_node *n = out->type == JSON_ARRAY ? out->child : out;
    for (; n && !right; n = out->type == JSON_ARRAY ? n->next : NULL) {
        const char *want = arena_cstr_dup(&arena, label_of(n->text));
        right = guess && slice_eq(decoded(bytes, guess), decoded(bytes, want));
    }
    if (!right)
        fail_msg("%.*s: guessed %s", SLICE_ARG(id), guess ? guess : "nothing");
    supported++;
}

static void check_label(const struct json_node *row, slice id, slice out)
{
    const char *standard = "utf-8"; /* what resiliparse answers for labels that do not exist */
    slice label = json_get(row, "in")->child->text;
    charset_label(label, &standard);
    if (!slice_eq(slice_of(standard), label_of(out)))
        fail_msg("%.*s: %s", SLICE_ARG(id), standard);
    supported++;
}

static void check_decode(const struct json_node *row, slice id, slice out)
{
    const struct json_node *in = json_get(row, "in");
    slice bytes = base64(json_get_string(in->child, "b64", SLICE("")));
    const char *charset = arena_cstr_dup(&arena, in->child->next->text);
    if (strcmp(charset, "cp1252") != 0) {
        skip_row(id, "guesses on where bytes do not belong to the charset: an error here");
        return;
    }
    slice text = decoded(bytes, charset);
    if (!slice_eq(text, out))
        fail_msg("%.*s: %.*s", SLICE_ARG(id), SLICE_ARG(text));
    supported++;
}

static void check_media(const struct json_node *row, slice id, slice out)
{
    slice bytes = base64(json_get_string(json_get(row, "in")->child, "b64", SLICE("")));
    struct magic_media m = magic_media(bytes);
    if (!slice_eq(slice_of(m.name), out))
        fail_msg("%.*s: %s", SLICE_ARG(id), m.name);
    supported++;
}

static void rows_of_encoding_mime(void **state)
{
    const char *data = getenv("DATA");
    slice file = { 0 }, rest;
    (void)state;
    const char *path =
        arena_printf(&arena, "%s/data-prep/encoding-mime.jsonl", data ? data : "").ptr;
    if (!data || !os_slurp(path, 1 << 24, &file, &err)) {
        print_message("needs data-prep/encoding-mime.jsonl of the conformance data\n");
        skip();
    }
    rest = file;
    for (ptrdiff_t end; (end = slice_find(rest, '\n')) >= 0; rest = slice_from(rest, end + 1)) {
        const struct json_node *row = json_parse(slice_make(rest.ptr, end), &arena, &err);
        assert_non_null(row);
        slice id = json_get_string(row, "id", SLICE("")),
              op = json_get_string(row, "op", SLICE(""));
        const struct json_node *out = json_get(row, "out");
        total++;
        if (slice_eq(op, SLICE("detect_encoding")))
            check_detect(row, id, out);
        else if (slice_eq(op, SLICE("map_encoding_to_html5")))
            check_label(row, id, out->text);
        else if (slice_eq(op, SLICE("bytes_to_str")))
            check_decode(row, id, out->text);
        else if (slice_eq(op, SLICE("detect_mime")))
            check_media(row, id, out->text);
        else
            fail_msg("%.*s: unknown op", SLICE_ARG(id));
    }
    os_free(file);
    printf("# encoding-mime: %d/%d\n", supported, total);
    assert_int_equal(supported + skipped, total);
    assert_true(supported >= 30 || !charset_can_detect);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(rows_of_encoding_mime) };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_release(&arena);
    return failed;
}
