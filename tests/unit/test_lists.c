#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "kernel_helper.h"
#include "text/domain.h"
#include "text/lists.h"
#include "text/literals.h"

/* Against looking for every string at every place, on a small alphabet. */
static void finds_what_a_plain_search_finds(void **state)
{
    (void)state;

    for (int round = 0; round < 3000; round++) {
        struct arena arena = { 0 };
        struct literals *l = literals_new(&arena);
        char words[6][5], text[40 + RECORD_PADDING];
        ptrdiff_t lens[6], len = (ptrdiff_t)(random_u64() % 40), first_end = len + 1;
        int count = 1 + (int)(random_u64() % 6);
        for (int w = 0; w < count; w++) {
            lens[w] = 1 + (ptrdiff_t)(random_u64() % 4);
            for (ptrdiff_t i = 0; i < lens[w]; i++)
                words[w][i] = "aAb-"[random_u64() % 4];
            literals_add(l, slice_make(words[w], lens[w]));
        }
        literals_ready(l);
        for (ptrdiff_t i = 0; i < len; i++)
            text[i] = "abB-"[random_u64() % 4];
        slice folded = literals_fold(slice_make(text, len), &arena), hit;
        bool alone = round & 1;
        for (int w = 0; w < count; w++) {
            slice f = literals_fold(slice_make(words[w], lens[w]), &arena);
            for (ptrdiff_t at = 0; at + f.len <= len; at++) {
                bool edge = (at > 0 && folded.ptr[at - 1] != '-') ||
                            (at + f.len < len && folded.ptr[at + f.len] != '-');
                if (memcmp(folded.ptr + at, f.ptr, (size_t)f.len) == 0 && !(alone && edge))
                    first_end = MIN(first_end, at + f.len);
            }
        }
        bool found = literals_find(l, slice_make(text, len), alone, &arena, &hit);
        assert_int_equal(found, first_end <= len);
        arena_release(&arena);
    }
}

static void many_strings(void **state)
{
    (void)state;
    struct arena arena = { 0 };
    struct literals *l = literals_new(&arena);
    char word[16];
    slice hit;

    for (int i = 0; i < 30000; i++) {
        int n = 0;
        for (int x = i * 7919 % 1000003; n < 6; x /= 11)
            word[n++] = (char)('a' + x % 11);
        literals_add(l, slice_make(word, n));
    }
    ptrdiff_t count = literals_count(l);
    literals_add(l, slice_make(word, 6));
    assert_int_equal(literals_count(l), count);
    literals_ready(l);
    assert_true(literals_find(l, slice_make(word, 6), true, &arena, &hit));
    assert_int_equal(hit.len, 6);
    assert_false(literals_find(l, SLICE("zzzzzz"), false, &arena, &hit));
    arena_release(&arena);
}

static void hosts_of_urls(void **state)
{
    (void)state;
    struct arena temp = { 0 };
    static const char *const cases[][2] = {
        { "http://A.b/c", "a.b" },
        { "https://u:p@x.org:8080?q", "x.org" },
        { "//x.org.", "x.org" },
        { "x.org/path@y", "x.org" },
        { "ftp://[::1]:80/", "[::1]:80" },
        { " http://a.b#c ", "a.b" },
        { "", "" },
    };

    for (ptrdiff_t i = 0; i < countof(cases); i++) {
        slice host = lists_url_host(slice_of(cases[i][0]), &temp);
        assert_true(slice_eq(host, slice_of(cases[i][1])));
    }
    arena_release(&temp);
}

static void registered_domains(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        { "www.example.co.uk", "example.co.uk" },
        { "example.com", "example.com" },
        { "com", "" },
        { "co.uk", "" },
        { "a.b.github.io", "github.io" },
        { "1.2.3.4", "" },
        { "", "" },
    };

    if (!domain_available)
        skip();
    for (ptrdiff_t i = 0; i < countof(cases); i++)
        assert_true(slice_eq(domain_registered(slice_of(cases[i][0])), slice_of(cases[i][1])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_a_plain_search_finds),
        cmocka_unit_test(many_strings),
        cmocka_unit_test(hosts_of_urls),
        cmocka_unit_test(registered_domains),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
