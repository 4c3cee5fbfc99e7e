/* Signatures of other tools, against what they compute: the conformance data (DATA), and
 * data/minhash_peers.jsonl, which data/minhash_peers.py makes with NumPy, hashlib and xxhash. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "hash.h"
#include "json.h"
#include "os.h"
#include "sig/compat.h"
#include "sig/sha1.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static struct arena arena, process;
static struct err err;

/* Calls check for every row of a file; their number, or -1 when there is no file. */
static int rows_of(const char *path, void (*check)(struct json_node *row))
{
    slice file;
    int n = 0;

    if (!os_slurp(path, 1 << 26, &file, &err))
        return -1;
    for (slice rest = file; rest.len > 0; n++) {
        ptrdiff_t end = slice_find(rest, '\n');
        struct json_node *row = json_parse(slice_make(rest.ptr, end), &arena, &err);
        assert_non_null(row);
        check(row);
        rest = slice_from(rest, end + 1);
        arena_reset(&arena);
    }
    os_free(file);
    return n;
}

static void conformance(const char *name, void (*check)(struct json_node *row), int least)
{
    const char *data = getenv("DATA");
    char path[4096];

    snprintf(path, sizeof path, "%s/data-prep/%s.jsonl", data ? data : "/nonexistent", name);
    int n = rows_of(path, check);
    if (n < 0) {
        print_message("%s.jsonl: no conformance data\n", name);
        skip();
    }
    print_message("%s: %d/%d\n", name, n, n);
    assert_true(n >= least);
}

static uint64_t number(const struct json_node *n)
{
    assert_non_null(n);
    return strtoull(n->text.ptr, NULL, 10);
}

static slice padded(slice s)
{
    char *p = arena_alloc(&arena, s.len + RECORD_PADDING, 1, 1);

    if (s.len)
        memcpy(p, s.ptr, (size_t)s.len);
    return slice_make(p, s.len);
}

static void check_hashes(struct json_node *row)
{
    slice in = json_get_string(row, "in", SLICE("?"));
    unsigned char digest[20];

    sha1_of(in, digest);
    assert_true(load_u64(digest) == number(json_get(row, "sha1_64_le")));
    assert_true(load_u32(digest) == number(json_get(row, "sha1_32_le")));
    assert_true(hash_xxh64(in, 0) == number(json_get(row, "xxh64")));
    assert_true((uint32_t)hash64_of(in, 42) == number(json_get(row, "xxh3_64_seed42_low32")));
}

static void hashes(void **state)
{
    (void)state;
    conformance("hashes", check_hashes, 7);
}

static void check_params(struct json_node *row)
{
    static const struct {
        const char *peer, *tool;
    } of[] = { { "datatrove", "datatrove" },
               { "text-dedup", "text-dedup" },
               { "NeMo", "curator" },
               { "RedPajama", "redpajama" } };
    const char *peer = json_get_string(row, "peer", SLICE("")).ptr;
    struct json_node *a = json_get(row, "a"), *b = json_get(row, "b");
    struct compat c;

    if (strstr(peer, "datatrove") && json_get_int(row, "seed", 0) != 1) {
        /* text-dedup draws in the same order, from seed 42 */
        assert_true(compat_parse("text-dedup", &c));
    } else {
        ptrdiff_t i = 0;
        while (strncmp(peer, of[i].peer, strlen(of[i].peer)) != 0)
            assert_true(++i < countof(of));
        assert_true(compat_parse(of[i].tool, &c));
    }
    compat_init(&c, a->count, &process);
    for (ptrdiff_t i = 0; i < a->count; i++) {
        assert_true(c.a[i] == number(a->items[i]));
        assert_true(c.b[i] == number(b->items[i]));
    }
}

static void params(void **state)
{
    (void)state;
    conformance("minhash-params", check_params, 5);
}

static void check_signature(struct json_node *row)
{
    slice hash = json_get_string(row, "hash_fc", SLICE(""));
    bool sha = slice_eq(hash, SLICE("sha1")), narrow = json_get_int(row, "precision", 0) == 32;
    struct compat c;
    uint64_t signature[112];

    assert_true(compat_parse(sha && narrow ? "datatrove-sha1-32"
                             : sha         ? "datatrove-sha1"
                             : narrow      ? "datatrove-32"
                                           : "datatrove",
                             &c));
    c.n = (int)json_get_int(row, "n_grams", 0);
    compat_init(&c, 112, &process);
    slice text = padded(json_get_string(row, "text", SLICE("")));
    int64_t n = compat_sign(&c, text, signature, &arena);
    assert_int_equal(n, json_get_int(row, "n_shingles", -1));
    if (!n)
        return;
    int at = 0;
    for (struct json_node *bucket = json_get(row, "signature")->child; bucket;
         bucket = bucket->next)
        for (struct json_node *v = bucket->child; v; v = v->next)
            assert_true(signature[at++] == number(v));
    assert_int_equal(at, 112);
}

static void signatures(void **state)
{
    (void)state;
    conformance("minhash-signatures", check_signature, 28);
}

static void check_simplify(struct json_node *row)
{
    struct peerfold *f = peerfold_new(PEERFOLD_DATATROVE, &process);
    slice out = json_get_string(row, "out", SLICE("?"));
    ptrdiff_t tokens;
    slice got = peerfold_text(f, padded(json_get_string(row, "in", SLICE(""))), &tokens, &arena);

    if (!slice_eq(got, out))
        fail_msg("%.*s\nnot\n%.*s", SLICE_ARG(got), SLICE_ARG(out));
}

static void simplify(void **state)
{
    (void)state;
    conformance("simplify-text", check_simplify, 23);
}

static void check_peer(struct json_node *row)
{
    struct json_node *want = json_get(row, "signature");
    struct compat c;
    uint64_t signature[16];
    char name[64];

    snprintf(name, sizeof name, "%.*s", SLICE_ARG(json_get_string(row, "tool", SLICE(""))));
    assert_true(compat_parse(name, &c));
    compat_init(&c, 16, &process);
    int64_t n = compat_sign(&c, padded(json_get_string(row, "text", SLICE(""))), signature, &arena);
    assert_int_equal(n > 0, want->count > 0);
    for (ptrdiff_t i = 0; i < want->count; i++)
        if (signature[i] != number(want->items[i]))
            fail_msg("%s: value %td is %" PRIu64, name, i, signature[i]);
}

static void peers(void **state)
{
    (void)state;
    int n = rows_of("tests/data/minhash_peers.jsonl", check_peer);
    assert_true(n >= 30);
}

static void names(void **state)
{
    struct compat c;
    int permutations, bands, rows;
    (void)state;
    assert_false(compat_parse("datatrov", &c));
    assert_true(compat_parse("curator", &c));
    assert_string_equal(compat_unit(&c), "chars");
    compat_defaults(&c, &permutations, &bands, &rows);
    assert_true(permutations == 260 && bands == 20 && rows == 13);
}

static void sha1_vectors(void **state)
{
    static const char abc[20] = "\xA9\x99\x3E\x36\x47\x06\x81\x6A\xBA\x3E\x25\x71\x78\x50\xC2\x6C"
                                "\x9C\xD0\xD8\x9D";
    static const char two[20] = "\x84\x98\x3E\x44\x1C\x3B\xD2\x6E\xBA\xAE\x4A\xA1\xF9\x51\x29\xE5"
                                "\xE5\x46\x70\xF1";
    unsigned char digest[20];
    (void)state;
    sha1_of(SLICE("abc"), digest);
    assert_memory_equal(digest, abc, 20);
    sha1_of(SLICE("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"), digest);
    assert_memory_equal(digest, two, 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes),       cmocka_unit_test(params), cmocka_unit_test(signatures),
        cmocka_unit_test(simplify),     cmocka_unit_test(peers),  cmocka_unit_test(names),
        cmocka_unit_test(sha1_vectors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
