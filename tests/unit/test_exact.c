#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "os.h"
#include "sig/exact.h"
#include "sig/key.h"

#include <errno.h>
#include <stdio.h>

static struct arena arena;
static struct err err;

/* Adds keys "k0".."k<n-1>" twice and checks what is found; the note of a key is its number. */
static void fill(struct exact *x, int n, int bits)
{
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < n; i++) {
            char key[40], note[16];
            slice k = slice_make(key, snprintf(key, sizeof key, "k%d%.*s", i, i % 30,
                                               "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"));
            slice v = slice_make(note, snprintf(note, sizeof note, "%d", i)), got;
            struct exact_found f;
            struct hash128 hash = bits ? exact_weaken(hash128_of(k), bits) : hash128_of(k);
            if (!exact_add(x, hash, k, round ? SLICE("late") : v, &f, &err))
                fail_msg("%s", err.text);
            assert_int_equal(f.seen, round == 1);
            if (!round)
                continue;
            assert_true(exact_note(x, &f, &arena, &got, &err));
            assert_true(slice_eq(got, v));
            arena_reset(&arena);
        }
    assert_int_equal(x->count, n);
}

static void finds_every_key_once(void **state)
{
    (void)state;
    struct exact x = { .keys.memory_bytes = 1 << 24 };
    fill(&x, 100000, 0);
    assert_int_equal(x.compared, 100000);
    assert_int_equal(x.collisions, 0);
    assert_int_equal(spill_on_disk(&x.keys), 0);
    exact_release(&x);
}

/* With 4 bits of hash nearly every look-up meets other keys: only the bytes tell them apart. */
static void tells_colliding_keys_apart(void **state)
{
    (void)state;
    for (int bits = 1; bits <= 4; bits += 3) {
        struct exact x = { .keys.memory_bytes = 1 << 24 };
        fill(&x, 2000, bits);
        assert_true(x.collisions > 50000);
        exact_release(&x);
    }
}

static void goes_to_disk(void **state)
{
    (void)state;
    struct exact x = { .keys.memory_bytes = 1 };
    fill(&x, 150000, 0);
    assert_true(spill_on_disk(&x.keys) > 3 << 20);
    assert_int_equal(spill_memory(&x.keys), SPILL_BLOCK);
    exact_release(&x);
    struct exact t = { .keys.memory_bytes = 1 << 24, .trust_hash = true };
    fill(&t, 50000, 0);
    assert_int_equal(t.compared, 0);
    exact_release(&t);
}

static void stays_small(void **state)
{
    (void)state;
    struct exact x = { .keys.memory_bytes = (int64_t)1 << 30, .trust_hash = true };
    double worst = 0, sum = 0;
    int samples = 0;
    for (int i = 0; i < 1000000; i++) {
        struct exact_found f;
        slice key = slice_make((const char *)&i, sizeof i);
        assert_true(exact_add(&x, hash128_of(key), key, SLICE(""), &f, &err));
        if (i >= 50000 && i % 1000 == 0) {
            double share = (double)x.table_bytes / (double)x.count;
            worst = share > worst ? share : worst;
            sum += share;
            samples++;
        }
    }
    assert_true(worst < 21.5);
    assert_true(sum / samples < 18);
    exact_release(&x);
}

static int full_disk(const char *call)
{
    return strcmp(call, "pwrite") == 0 ? ENOSPC : 0;
}

static void reports_a_full_disk(void **state)
{
    (void)state;
    struct spill s = { .memory_bytes = 1 };
    static char block[3 << 20];
    int64_t at;
    os_fault = full_disk;
    bool ok = spill_append(&s, slice_make(block, sizeof block), &at, &err);
    os_fault = NULL;
    assert_false(ok);
    assert_int_equal(err.class, ERR_IO);
    spill_release(&s);
}

/* Pieces of odd sizes across blocks, memory, file and what waits to be written. */
static void reads_back_what_was_appended(void **state)
{
    (void)state;
    static char text[6 << 20], back[1 << 20];
    struct spill s = { .memory_bytes = 2 << 20 };
    int64_t at = 0, total = sizeof text;
    uint32_t seed = 5;
    for (ptrdiff_t i = 0; i < (ptrdiff_t)sizeof text; i++)
        text[i] = (char)((seed = seed * 1664525 + 1013904223) >> 24);
    for (int64_t n, step = 1; at < total; at += n, step = step * 7 % 300007) {
        int64_t got;
        n = MIN(step, total - at);
        assert_true(spill_append(&s, slice_make(text + at, n), &got, &err));
        assert_int_equal(got, at);
    }
    for (int i = 0; i < 300; i++) {
        seed = seed * 1664525 + 1013904223;
        int64_t len = seed % sizeof back, from = (int64_t)((seed * 2654435761u) % (total - len));
        bool same;
        assert_true(spill_read(&s, from, back, len, &err));
        assert_memory_equal(back, text + from, len);
        assert_true(spill_equal(&s, from, slice_make(text + from, len), &same, &err) && same);
        if (len == 0)
            continue;
        back[len - 1] ^= 1;
        assert_true(spill_equal(&s, from, slice_make(back, len), &same, &err) && !same);
    }
    spill_release(&s);
}

static void check_normalized(const struct uni_norm *nfc, const char *in, const char *want)
{
    slice got = key_normalized(nfc, slice_of(in), &arena);

    if (!slice_eq(got, slice_of(want)))
        fail_msg("'%s' gave '%.*s'", in, SLICE_ARG(got));
}

static void makes_normalized_keys(void **state)
{
    (void)state;
    const struct uni_norm *nfc = uni_norm_new(UNI_NFC, &arena);
    check_normalized(nfc, " Hello \t\n WORLD\xE3\x80\x80", "hello world");
    check_normalized(nfc, "\xC3\x89T\xC3\x89", "\xC3\xA9t\xC3\xA9");
    check_normalized(nfc, "E\xCC\x81t\xC3\x89", "\xC3\xA9t\xC3\xA9");
    check_normalized(nfc, "\xC4\xB0", "i");
    check_normalized(nfc, "I\xCC\x87", "i");
    check_normalized(nfc, "\xC8\xBA\xC8\xBA\xC8\xBA\xC8\xBA", /* each grows by a byte */
                     "\xE2\xB1\xA5\xE2\xB1\xA5\xE2\xB1\xA5\xE2\xB1\xA5");
    check_normalized(nfc, "", "");
    check_normalized(nfc, " \n ", "");
}

static void check_json(const char *value, const char *want)
{
    const char *path = "k";
    slice text = arena_printf(&arena, "{\"k\":%s}%*s", value, RECORD_PADDING, ""), key;
    struct json_query q;
    struct json_span span;
    struct json_fault fault;
    text.len -= RECORD_PADDING;
    assert_true(json_query_init(&q, &path, 1, &arena, &err));
    assert_true(json_scan(text, &q, &span, NULL, &fault));
    if (!key_json(text, span, &arena, &key, &fault)) {
        assert_null(want);
        return;
    }
    if (!want || !slice_eq(key, slice_of(want)))
        fail_msg("%s gave %.*s", value, SLICE_ARG(key));
}

static void makes_json_keys(void **state)
{
    (void)state;
    check_json("1.0", "1.0");
    check_json("\"a\\u0062\\/\"", "\"ab/\"");
    check_json("\"ab\"", "\"ab\"");
    check_json("[ 1 ,\t{ \"a \\\" \" : \"\\u00e9\" } ]", "[1,{\"a \\\" \":\"\xC3\xA9\"}]");
    check_json("{}", "{}");
    check_json("null", "null");
    check_json("\"\\ud800\"", NULL);
    check_json("[\"\\ud800\"]", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_every_key_once),  cmocka_unit_test(tells_colliding_keys_apart),
        cmocka_unit_test(goes_to_disk),          cmocka_unit_test(stays_small),
        cmocka_unit_test(reports_a_full_disk),   cmocka_unit_test(reads_back_what_was_appended),
        cmocka_unit_test(makes_normalized_keys), cmocka_unit_test(makes_json_keys),
    };
    return cmocka_run_group_tests_name("exact", tests, NULL, NULL);
}
