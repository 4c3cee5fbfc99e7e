/* Compiled tokenizers: the same ids, text and fingerprint as the file they were made from; a changed
 * byte is found, and a liar with a right check sum leads nowhere. */
#include "hash.h"
#include "json.h"
#include "os.h"
#include "tok/mrt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static slice json;
static struct buf image;

static int setup(void **state)
{
    struct arena arena = { 0 };
    struct err err;

    (void)state;
    assert_true(os_slurp("lib/data/tldr-7m/tokenizer.json", 1 << 24, &json, &err));
    struct tok *t = tok_load(&(struct tok_conf){ .name = "demo" }, json, &arena, &err);
    assert_non_null(t);
    assert_true(mrt_write(t, json, &image, &err));
    tok_free(t);
    arena_release(&arena);
    return 0;
}

static struct tok *load(slice bytes, struct arena *arena, struct err *err)
{
    *err = (struct err){ 0 };
    struct tok *t = tok_load(&(struct tok_conf){ .name = "t" }, bytes, arena, err);
    if (!t)
        assert_int_equal(err->class, ERR_CONFIG);
    return t;
}

static void the_same_tokenizer(void **state)
{
    static const char *const texts[] = {
        "Hello, World! it's 123\n\n  tar -xf", "", "\xE4\xB8\xAD\xE6\x96\x87",
        "<|endoftext|> aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    };
    struct arena a = { 0 }, b = { 0 };
    struct err err;
    char one[33], other[33];

    (void)state;
    assert_true(mrt_is(buf_slice(&image)));
    assert_false(mrt_is(json));
    struct tok *plain = load(json, &a, &err), *compiled = load(buf_slice(&image), &b, &err);
    assert_non_null(plain);
    assert_non_null(compiled);
    tok_fingerprint(plain, one);
    tok_fingerprint(compiled, other);
    assert_string_equal(one, other);
    assert_int_equal(tok_vocab_size(plain), tok_vocab_size(compiled));
    for (uint32_t id = 0; id < (uint32_t)tok_vocab_size(plain); id++) {
        assert_true(slice_eq(tok_bytes_of(plain, id), tok_bytes_of(compiled, id)));
        assert_int_equal(tok_is_special(plain, id), tok_is_special(compiled, id));
    }
    struct tok_scratch *s = tok_scratch_new(plain), *r = tok_scratch_new(compiled);
    for (ptrdiff_t i = 0; i < countof(texts); i++)
        for (unsigned flags = 0; flags < 2; flags++) {
            struct tok_ids x = { 0 }, y = { 0 };
            assert_true(tok_encode(plain, s, slice_of(texts[i]), flags, &x, &err));
            assert_true(tok_encode(compiled, r, slice_of(texts[i]), flags, &y, &err));
            assert_int_equal(x.count, y.count);
            if (x.count)
                assert_memory_equal(x.ids, y.ids, (size_t)x.count * 4);
            tok_ids_release(&x);
            tok_ids_release(&y);
        }
    tok_scratch_free(s);
    tok_scratch_free(r);
    tok_free(plain);
    tok_free(compiled);
    arena_release(&a);
    arena_release(&b);
}

static void changed_bytes_are_found(void **state)
{
    struct err err;

    (void)state;
    for (ptrdiff_t at = 0; at < image.len; at += at < 320 ? 1 : image.len / 200) {
        struct arena arena = { 0 };
        char *copy = malloc((size_t)image.len);
        assert_non_null(copy);
        memcpy(copy, image.ptr, (size_t)image.len);
        copy[at] ^= 0x10;
        assert_null(load(slice_make(copy, image.len), &arena, &err));
        assert_null(load(slice_make(copy, at), &arena, &err));
        free(copy);
        arena_release(&arena);
    }
}

/* Random changes with a right check sum: refused, or a tokenizer that encodes something. */
static void lies_lead_nowhere(void **state)
{
    uint64_t seed = 88172645463325252u;
    int refused = 0, loaded = 0;
    struct err err;

    (void)state;
    for (int round = 0; round < 300; round++) {
        struct arena arena = { 0 };
        char *copy = malloc((size_t)image.len);
        assert_non_null(copy);
        memcpy(copy, image.ptr, (size_t)image.len);
        for (int k = 0; k < 3; k++) {
            seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
            ptrdiff_t room = k ? image.len - 40 : 240; /* the table of sections too */
            copy[40 + (ptrdiff_t)(seed % (uint64_t)room)] = (char)(seed >> 40);
        }
        struct hash128 h = hash128_of(slice_make(copy + 40, image.len - 40));
        memcpy(copy + 24, &h.low, 8);
        memcpy(copy + 32, &h.high, 8);
        struct tok *t = load(slice_make(copy, image.len), &arena, &err);
        refused += t == NULL;
        if (t) {
            struct tok_ids ids = { 0 };
            struct buf out = { 0 };
            struct tok_scratch *s = tok_scratch_new(t);
            loaded++;
            tok_encode(t, s, SLICE("The tar command, \xE4\xB8\xAD\xE6\x96\x87 123"), 0, &ids, &err);
            tok_decode(t, ids.ids, ids.count, 0, &out, &err);
            buf_release(&out);
            tok_ids_release(&ids);
            tok_scratch_free(s);
            tok_free(t);
        }
        free(copy);
        arena_release(&arena);
    }
    assert_true(refused > 50);
    (void)loaded;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_tokenizer),
        cmocka_unit_test(changed_bytes_are_found),
        cmocka_unit_test(lies_lead_nowhere),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
