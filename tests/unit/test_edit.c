#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "simd/cpu.h"
#include "err.h"
#include "text/edit.h"
#include "unicode.h"

static struct arena arena;

static slice padded(slice s)
{
    char *p = arena_alloc(&arena, s.len + RECORD_PADDING, 1, 1);

    if (s.len)
        memcpy(p, s.ptr, (size_t)s.len);
    return slice_make(p, s.len);
}

static slice run(struct text_edit e, slice in)
{
    text_edit_ready(&e);
    return edit_space(&e, edit_chars(&e, in, &arena), &arena);
}

static void check(struct text_edit e, const char *in, const char *want)
{
    slice text = padded(slice_of(in)), got = run(e, text);

    if (!slice_eq(got, slice_of(want)))
        fail_msg("%s gave %s, not %s", ERR_QUOTE(text), ERR_QUOTE(got), ERR_QUOTE(slice_of(want)));
    if (strcmp(in, want) == 0)
        assert_ptr_equal(got.ptr, text.ptr);
}

#define EDIT(...) ((struct text_edit){ __VA_ARGS__ })

static void removes_characters(void **state)
{
    (void)state;
    check(EDIT(.strip_control = true),
          "a\x01"
          "b\x7F\t\n\r\v\f\xC2\x85\xC2\x9F.",
          "ab\t\n\r\v\f\xC2\x85.");
    check(EDIT(.strip_zero_width = true),
          "\xEF\xBB\xBF"
          "a\xE2\x80\x8B\xE2\x80\x8C\xE2\x80\x8D\xE2\x81\xA0\xE1\xA0\x8E"
          "b\xE2\x80\x8E",
          "ab\xE2\x80\x8E");
    check(EDIT(.strip_bidi = true), "\xD8\x9C\xE2\x80\x8E\xE2\x80\xAE\xE2\x81\xA6\xD8\xA7",
          "\xD8\xA7");
    check(EDIT(.strip_bom = true),
          "\xEF\xBB\xBF\xEF\xBB\xBF"
          "a\xEF\xBB\xBF",
          "a\xEF\xBB\xBF");
    check(EDIT(.strip_bom = true, .strip_control = true),
          "\x02\xEF\xBB\xBF"
          "a",
          "a");
    check(EDIT(.strip_soft_hyphen = true), "hy\xC2\xADphen\xC2\xA0.", "hyphen\xC2\xA0.");
    check(EDIT(.strip_control = true), "plain \xE2\x80\x99 text", "plain \xE2\x80\x99 text");
    check(EDIT(.newlines = EDIT_NEWLINES_LF), "a\r\nb\rc\n\r\v", "a\nb\nc\n\n\v");
    check(EDIT(.newlines = EDIT_NEWLINES_ALL), "a\r\nb\vc\f\xC2\x85\xE2\x80\xA8\xE2\x80\xA9",
          "a\nb\nc\n\n\n\n");
}

static void edits_white_space(void **state)
{
    (void)state;
    check(EDIT(.trim = true),
          " \t\n\xE3\x80\x80"
          "a b\xC2\xA0\n",
          "a b");
    check(EDIT(.trim = true), " \n\t", "");
    check(EDIT(.trim = true), "a", "a");
    check(EDIT(.collapse_space = true),
          "a  b\tc \xC2\xA0\xE2\x80\x83"
          "d \n e ",
          "a b c d \n e ");
    check(EDIT(.collapse_space = true), "\xE3\x81\x82 \xE3\x82\xA2", "\xE3\x81\x82 \xE3\x82\xA2");
    check(EDIT(.trim_lines = true), "  a \n\t b  c \r\n \n d ", "a\nb  c\r\n\nd");
    check(EDIT(.trim_lines = true), "a  b", "a  b");
    check(EDIT(.max_newlines = 2), "a\n\n\n\nb\n \n\n\n\nc\r\n\r\n\r\nd",
          "a\n\nb\n \n\nc\r\n\r\nd");
    check(EDIT(.max_newlines = 2, .trim_lines = true), "a\n \n \nb", "a\n\nb");
    check(EDIT(.max_newlines = 1), "\n\na\n\n", "\na\n");
    check(EDIT(.trim_lines = true, .trim = true), "\n a \n", "a");
}

/* The definition of edit_space, written over code points without any pre-filter. */
struct text {
    uint32_t cp[64];
    int len;
};

static struct text decode(slice s)
{
    struct text t = { .len = 0 };

    for (ptrdiff_t i = 0; i < s.len;)
        i += uni_decode(s.ptr + i, &t.cp[t.len++]);
    return t;
}

static bool is_break(uint32_t cp)
{
    return cp == '\n' || cp == '\r';
}

static struct text reference(const struct text_edit *e, struct text in)
{
    struct text a = { .len = 0 }, b = { .len = 0 };
    int from = 0, to = in.len;

    while (e->trim && from < to && uni_is_space(in.cp[from]))
        from++;
    while (e->trim && from < to && uni_is_space(in.cp[to - 1]))
        to--;
    for (int i = from; i < to; i++) {
        int left = i, right = i;
        bool other = uni_is_space(in.cp[i]) && !is_break(in.cp[i]);
        while (left > from && uni_is_space(in.cp[left - 1]) && !is_break(in.cp[left - 1]))
            left--;
        while (right < to && uni_is_space(in.cp[right]) && !is_break(in.cp[right]))
            right++;
        bool edge =
            left == from || right == to || is_break(in.cp[left - 1]) || is_break(in.cp[right]);
        if (e->trim_lines && other && edge)
            continue;
        bool blank = other && !(in.cp[i] >= 10 && in.cp[i] <= 13) && in.cp[i] != 0x85 &&
                     in.cp[i] != 0x2028 && in.cp[i] != 0x2029;
        if (e->collapse_space && blank) {
            if (a.len && a.cp[a.len - 1] == ' ' && i > from && uni_is_space(in.cp[i - 1]) &&
                !(in.cp[i - 1] >= 10 && in.cp[i - 1] <= 13))
                continue;
            a.cp[a.len++] = ' ';
            continue;
        }
        a.cp[a.len++] = in.cp[i];
    }
    for (int i = 0, breaks = 0; i < a.len; i++) {
        bool two = a.cp[i] == '\r' && i + 1 < a.len && a.cp[i + 1] == '\n';
        breaks = is_break(a.cp[i]) ? breaks + 1 : 0;
        if (!breaks || !e->max_newlines || breaks <= e->max_newlines) {
            b.cp[b.len++] = a.cp[i];
            if (two)
                b.cp[b.len++] = '\n';
        }
        i += two;
    }
    return b;
}

static uint32_t seed = 7;

static uint32_t roll(uint32_t below)
{
    seed = seed * 1664525 + 1013904223;
    return (uint32_t)((uint64_t)seed * below >> 32);
}

static slice random_text(void)
{
    static const uint32_t set[] = { 'a',    'b',    ' ',    ' ',    ' ',    '\t',   '\n',
                                    '\n',   '\r',   '\v',   0x85,   0xA0,   0x2003, 0x2028,
                                    0x3000, 0x3042, 0xE9,   0x301,  0x200D, 0xFEFF, 1,
                                    0xAD,   'e',    0x202E, 0x205F, 0x2019 };
    char *p = arena_alloc(&arena, 64 * 4 + RECORD_PADDING, 1, 1), *out = p;

    for (uint32_t n = roll(40); n; n--)
        out += uni_encode(out, set[roll(countof(set))]);
    return slice_make(p, out - p);
}

static struct text_edit random_edit(void)
{
    uint32_t r = roll(1 << 16);

    return EDIT(.strip_control = r & 1, .strip_zero_width = r & 2, .strip_bidi = r & 4,
                .strip_bom = r & 8, .strip_soft_hyphen = r & 16, .collapse_space = r & 32,
                .trim_lines = r & 64, .trim = r & 128, .newlines = (int)roll(3),
                .max_newlines = (int64_t)roll(4));
}

static void equals_its_definition(void **state)
{
    (void)state;
    for (int i = 0; i < 60000; i++) {
        struct text_edit e = random_edit();
        slice in = random_text();
        e.strip_control = e.strip_zero_width = e.strip_bidi = e.strip_bom = false;
        e.strip_soft_hyphen = false;
        e.newlines = EDIT_NEWLINES_KEEP;
        slice got = run(e, in);
        struct text want = reference(&e, decode(in)), have = decode(got);
        if (want.len != have.len || memcmp(want.cp, have.cp, (size_t)want.len * 4) != 0)
            fail_msg("%s gave %s (collapse %d lines %d trim %d max %d)", ERR_QUOTE(in),
                     ERR_QUOTE(got), e.collapse_space, e.trim_lines, e.trim, (int)e.max_newlines);
        arena_reset(&arena);
    }
}

/* With a normalization between the passes, as clean runs them. */
static void is_idempotent(void **state)
{
    (void)state;
    static struct arena process;
    const struct uni_norm *norms[] = { NULL, uni_norm_new(UNI_NFC, &process),
                                       uni_norm_new(UNI_NFKC, &process) };
    for (int i = 0; i < 100000; i++) {
        struct text_edit e = random_edit();
        const struct uni_norm *n = norms[roll(3)];
        slice in = random_text(), text[2] = { in, in };
        text_edit_ready(&e);
        for (int pass = 0; pass < 2; pass++) {
            slice t = edit_chars(&e, pass ? text[0] : in, &arena);
            t = n ? uni_normalize(n, t, &arena) : t;
            text[pass] = edit_space(&e, t, &arena);
        }
        if (text[1].ptr != text[0].ptr || text[1].len != text[0].len)
            fail_msg("%s gave %s, then %s", ERR_QUOTE(in), ERR_QUOTE(text[0]), ERR_QUOTE(text[1]));
        arena_reset(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(removes_characters),
        cmocka_unit_test(edits_white_space),
        cmocka_unit_test(equals_its_definition),
        cmocka_unit_test(is_idempotent),
    };
    cpu_init();
    return cmocka_run_group_tests_name("edit", tests, NULL, NULL);
}
