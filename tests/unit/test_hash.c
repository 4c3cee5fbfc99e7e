#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "hash.h"

/* Values of the reference implementation (python3-xxhash). */
static void knows_the_reference_values(void **state)
{
    (void)state;
    char hex[33];
    hash128_hex(hash128_of(SLICE("")), hex);
    assert_string_equal(hex, "99aa06d3014798d86001c324468d497f");
    assert_true(hash64_of(SLICE(""), 0) == 3244421341483603138u);
    assert_true(hash_xxh64(SLICE("a"), 0) == 15154266338359012955u);
    assert_true(hash_xxh32(SLICE("a"), 0) == 1426945110u);
    assert_true((uint32_t)hash64_of(SLICE("a"), 42) == 2131171060u);
}

static void streams_give_the_same_value(void **state)
{
    (void)state;
    static char text[5000];
    struct hash_stream *h = hash_stream_new();
    for (int i = 0; i < (int)sizeof text; i++)
        text[i] = (char)(i * 7 + i / 256);
    struct hash128 whole = hash128_of(slice_make(text, sizeof text));
    for (ptrdiff_t step = 1; step < 3000; step = step * 3 + 1) {
        hash_stream_reset(h);
        for (ptrdiff_t at = 0; at < (ptrdiff_t)sizeof text; at += step)
            hash_stream_add(h, slice_make(text + at, MIN(step, (ptrdiff_t)sizeof text - at)));
        struct hash128 got = hash_stream_value(h);
        assert_true(got.low == whole.low && got.high == whole.high);
    }
    hash_stream_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_the_reference_values),
        cmocka_unit_test(streams_give_the_same_value),
    };
    return cmocka_run_group_tests_name("hash", tests, NULL, NULL);
}
