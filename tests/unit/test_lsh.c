/* shingle, lsh, bands and jaccard: what near duplicates are found by. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "hash.h"
#include "json.h"
#include "os.h"
#include "sig/bands.h"
#include "sig/jaccard.h"
#include "sig/lsh.h"
#include "sig/shingle.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static struct arena arena;
static struct err err;

struct collected {
    struct shingle_sink sink;
    uint64_t hash[4096];
    ptrdiff_t n;
};

static void take(struct shingle_sink *sink)
{
    struct collected *c = (struct collected *)sink;

    assert_in_range(sink->count, 1, SHINGLE_BLOCK);
    assert_true(c->n + sink->count <= countof(c->hash));
    memcpy(c->hash + c->n, sink->hash, (size_t)sink->count * 8);
    c->n += sink->count;
}

static ptrdiff_t shingles(const char *shape, slice text, struct collected *c)
{
    static struct arena tables; /* a shingler's take a while to make: once for each shape */
    static struct {
        char shape[32];
        struct shingler s;
    } made[8];
    static int count;
    int k = 0;
    ptrdiff_t at;

    while (k < count && strcmp(made[k].shape, shape) != 0)
        k++;
    if (k == count) {
        assert_true(count < (int)countof(made));
        snprintf(made[k].shape, sizeof made[k].shape, "%s", shape);
        assert_true(shingle_parse(made[k].shape, &made[k].s, &err));
        shingle_init(&made[k].s, &tables);
        count++;
    }
    const struct shingler s = made[k].s;
    char *padded = arena_alloc(&arena, text.len + RECORD_PADDING, 1, 1);
    memcpy(padded, text.ptr, (size_t)text.len);
    c->n = 0;
    c->sink.flush = take;
    int64_t n = s.unit == SHINGLE_IDS
                    ? shingle_ids(&s, slice_make(padded, text.len), &c->sink, &at)
                    : shingle_text(&s, slice_make(padded, text.len), &c->sink, &arena);
    assert_int_equal(n, c->n);
    return c->n;
}

static bool same(const char *shape, slice x, slice y)
{
    static struct collected a, b;

    shingles(shape, x, &a);
    shingles(shape, y, &b);
    return a.n == b.n && memcmp(a.hash, b.hash, (size_t)a.n * 8) == 0;
}

static void words_are_letters_and_digits(void **state)
{
    static struct collected c;
    (void)state;
    assert_int_equal(shingles("words:1", SLICE("one, two--THREE (4) 5th_x"), &c), 6);
    assert_int_equal(shingles("words:5", SLICE("a b c d e f g"), &c), 3);
    assert_int_equal(shingles("words:5", SLICE("a b c"), &c), 1);
    assert_int_equal(shingles("words:5", SLICE(" -- ...\xE2\x80\x94"), &c), 0);
    assert_int_equal(shingles("words:5", SLICE(""), &c), 0);
    assert_true(same("words:2", SLICE("The QUICK\tfox\n\njumps!"), SLICE("the quick fox (jumps)")));
    assert_true(same("words:1", SLICE("\xC3\x89T\xC3\x89 na\xC3\xAFve"),
                     SLICE("e\xCC\x81te\xCC\x81 nai\xCC\x88ve")));
    assert_true(same("words:1", SLICE("\xE2\x84\xAA"), SLICE("k"))); /* the Kelvin sign */
    assert_false(same("words:1", SLICE("ete"), SLICE("\xC3\xA9t\xC3\xA9")));
    assert_false(same("words:2", SLICE("ab c d"), SLICE("a bc d")));
    assert_false(same("words:2", SLICE("a b c"), SLICE("b a c")));
    /* no spaces: every character is a word */
    assert_int_equal(shingles("words:1", SLICE("\xE4\xBD\xA0\xE5\xA5\xBD\xEF\xBC\x8Cok"), &c), 3);
    assert_int_equal(
        shingles("words:1", SLICE("\xD0\xBF\xD1\x80\xD0\xB8\xD0\xB2\xD0\xB5\xD1\x82 x"), &c), 2);
}

/* A word is the same word wherever it stands: at every offset of a block, alone, next to others, long
 * ones, and beside words of other scripts. */
static void words_do_not_depend_on_place(void **state)
{
    static struct collected alone, here;
    char text[400];
    (void)state;
    for (int len = 1; len < 140; len++) {
        char word[160];
        for (int i = 0; i < len; i++)
            word[i] = "abcdefghijklmnopqrstuvwxyz0123456789"[(i * 7 + len) % 36];
        assert_int_equal(shingles("words:1", slice_make(word, len), &alone), 1);
        for (int at = 0; at < 130; at++) {
            memset(text, ' ', sizeof text);
            memcpy(text + at, word, (size_t)len);
            memcpy(text + at + len + 1, "\xC3\xA9", 2);
            assert_int_equal(shingles("words:1", slice_make(text, at + len + 3), &here), 2);
            assert_true(here.hash[0] == alone.hash[0]);
        }
        arena_reset(&arena);
    }
}

/* Rolling gives what a text of its own gives. */
static void rolling_is_the_window(void **state)
{
    static struct collected all, one;
    char text[3000];
    int len = 0;
    (void)state;
    for (int i = 0; i < 300; i++)
        len += snprintf(text + len, sizeof text - (size_t)len, "w%d ", i * i % 97);
    for (int n = 1; n <= 9; n += 4) {
        char shape[32];
        snprintf(shape, sizeof shape, "words:%d", n);
        assert_int_equal(shingles(shape, slice_make(text, len), &all), 300 - n + 1);
        for (int i = 0; i + n <= 300; i += 13) {
            char window[200];
            int used = 0;
            for (int k = i; k < i + n; k++)
                used += snprintf(window + used, sizeof window - (size_t)used, "w%d ", k * k % 97);
            assert_int_equal(shingles(shape, slice_make(window, used), &one), 1);
            assert_true(one.hash[0] == all.hash[i]);
        }
    }
    arena_reset(&arena);
}

static void chars_and_ids(void **state)
{
    static struct collected c;
    (void)state;
    assert_int_equal(shingles("chars:3", SLICE(" A  b\xC3\xA9\n"), &c), 2); /* "a bé" */
    assert_true(same("chars:3", SLICE(" A  b\xC3\xA9\n"), SLICE("a be\xCC\x81")));
    assert_int_equal(shingles("ids:2", SLICE("[1, 22 ,-3]"), &c), 2);
    assert_int_equal(shingles("ids:2", SLICE("[]"), &c), 0);
    assert_int_equal(shingles("ids:2", SLICE("[ 7 ]"), &c), 1);
    assert_false(same("ids:1", SLICE("[1,23]"), SLICE("[12,3]")));
    assert_false(same("ids:1", SLICE("[3]"), SLICE("[-3]")));
    struct shingler s;
    struct shingle_sink sink = { .flush = take };
    ptrdiff_t at = 0;
    assert_true(shingle_parse("ids:2", &s, &err));
    shingle_init(&s, &arena);
    static const char *const bad[] = {
        "[1,2.5]", "[1,\"2\"]", "[1,null]", "[1,2e3]", "[1,99999999999999999999]", "[1,[2]]"
    };
    for (ptrdiff_t i = 0; i < countof(bad); i++) {
        assert_int_equal(shingle_ids(&s, slice_of(bad[i]), &sink, &at), -1);
        assert_int_equal(at, 3);
    }
}

static void shapes(void **state)
{
    static const char *const bad[] = { "",         "words",   "words:",   "words:0", "words:65",
                                       "words:5x", "lines:5", "chars:-3", "words: 5" };
    struct shingler s;
    (void)state;
    for (ptrdiff_t i = 0; i < countof(bad); i++)
        assert_false(shingle_parse(bad[i], &s, &err));
    assert_true(shingle_parse("chars:24", &s, &err) && s.unit == SHINGLE_CHARS && s.n == 24);
}

/* The pairs that datasketch's formula gives. */
static void optimal_bands(void **state)
{
    static const struct {
        double t;
        int n, b, r;
    } want[] = {
        { 0.5, 128, 25, 5 },  { 0.7, 128, 14, 9 },  { 0.8, 128, 9, 13 },  { 0.9, 128, 5, 25 },
        { 0.7, 240, 24, 10 }, { 0.7, 256, 25, 10 }, { 0.8, 256, 17, 15 }, { 0.85, 128, 8, 16 },
    };
    (void)state;
    for (ptrdiff_t i = 0; i < countof(want); i++) {
        int b, r;
        lsh_optimal(want[i].t, want[i].n, &b, &r);
        assert_int_equal(b, want[i].b);
        assert_int_equal(r, want[i].r);
    }
    assert_true(fabs(lsh_probability(0.8, 14, 8) - (1 - pow(1 - pow(0.8, 8), 14))) < 1e-15);
}

static uint64_t mix(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u;

    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    return z ^ z >> 31;
}

/* Sets with a known Jaccard similarity: the mean of the estimates is unbiased, and band keys agree as
 * often as the curve says. */
static void estimates(void **state)
{
    enum { PAIRS = 3000, SIZE = 200 };
    struct lsh l = { .bands = 14, .rows = 8 };
    uint64_t random = 1, kx[14], ky[14];
    double sum = 0, square = 0;
    int found = 0;
    (void)state;
    lsh_init(&l, &arena);
    for (int p = 0; p < PAIRS; p++) {
        uint64_t x[SIZE], y[SIZE];
        for (int i = 0; i < SIZE; i++) {
            x[i] = mix(&random);
            y[i] = i < SIZE / 6 ? mix(&random) : x[i];
        }
        uint32_t *sx = lsh_new(&l, &arena), *sy = lsh_new(&l, &arena);
        lsh_add(&l, x, SIZE, sx);
        lsh_add(&l, y, SIZE / 2, sy);
        lsh_add(&l, y + SIZE / 2, SIZE / 2, sy);
        double e = lsh_estimate(&l, sx, sy);
        sum += e;
        square += e * e;
        lsh_keys(&l, sx, kx);
        lsh_keys(&l, sy, ky);
        bool hit = false;
        for (int b = 0; b < 14; b++)
            hit |= kx[b] == ky[b];
        found += hit;
        arena_reset(&arena);
        lsh_init(&l, &arena);
    }
    double common = SIZE - SIZE / 6, s = common / (2 * SIZE - common), mean = sum / PAIRS;
    double deviation = sqrt(square / PAIRS - mean * mean), expected = sqrt(s * (1 - s) / 112);
    assert_true(fabs(mean - s) < 4 * expected / sqrt(PAIRS));
    assert_true(deviation < 1.1 * expected && deviation > 0.9 * expected);
    assert_true(fabs((double)found / PAIRS - lsh_probability(s, 14, 8)) < 0.04);
}

static uint64_t key_of(int i)
{
    return (uint64_t)(i % 7000) * 0x9E3779B97F4A7C15u;
}

/* Against the definition: every number under its key, in order. */
static void bands_keep_everything(void **state)
{
    enum { N = 60000 };
    static struct bands t;
    (void)state;
    for (int i = 0; i < N; i++)
        bands_add(&t, i % 50 ? key_of(i) : 42, (uint32_t)i);
    assert_int_equal(t.count, N);
    for (int k = 0; k < 7000; k++) {
        bands_prefetch(&t, key_of(k));
        struct bands_hit h = bands_find(&t, key_of(k));
        uint32_t number;
        for (int i = k; i < N; i += 7000) {
            if (i % 50 == 0)
                continue;
            assert_true(bands_next(&h, &number));
            assert_int_equal(number, i);
        }
        assert_false(bands_next(&h, &number));
    }
    struct bands_hit h = bands_find(&t, 42);
    uint32_t number;
    for (int i = 0; i < N; i += 50)
        assert_true(bands_next(&h, &number) && number == (uint32_t)i);
    assert_false(bands_next(&h, &number));
    h = bands_find(&t, 43);
    assert_false(bands_next(&h, &number));
    bands_release(&t);
}

static void bands_are_small(void **state)
{
    enum { N = 3000000 };
    static struct bands t;
    uint64_t x = 88172645463325252u;
    (void)state;
    for (int i = 0; i < N; i++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        bands_add(&t, x, (uint32_t)i);
        if (i > 1000000 && i % 1000 == 0)
            assert_in_range(t.bytes / t.count, 8, 12);
    }
    bands_release(&t);
}

static void similarity(void **state)
{
    struct jaccard j = { 0 };
    uint64_t x[] = { 40, 80, 120, 80, 0, 4 }, y[] = { 80, 80, 160, 0 };
    (void)state;
    jaccard_first(&j, x, 6);
    assert_int_equal(j.distinct, 5);
    assert_true(jaccard_with(&j, y, 4) == 2.0 / 6);
    assert_true(jaccard_with(&j, x, 6) == 1);
    assert_true(jaccard_with(&j, y, 0) == 0);
    jaccard_first(&j, x, 0);
    assert_true(jaccard_with(&j, x, 0) == 1);
    assert_true(jaccard_with(&j, x, 1) == 0);
    static uint64_t many[5000];
    for (int i = 0; i < 5000; i++)
        many[i] = (uint64_t)i * 0x9E3779B97F4A7C15u;
    jaccard_first(&j, many, 3000);
    assert_true(jaccard_with(&j, many + 1000, 4000) == 2000.0 / 5000);
    jaccard_release(&j);
}

/* The recorded results of text-dedup's n-grams and similarities. */
static void text_dedup_rows(void **state)
{
    const char *data = getenv("DATA");
    char path[4096];
    slice file;
    int similarities = 0;
    (void)state;
    snprintf(path, sizeof path, "%s/data-prep/jaccard-ngrams.jsonl", data ? data : "/nonexistent");
    if (!os_slurp(path, 1 << 24, &file, &err)) {
        print_message("jaccard-ngrams.jsonl: no conformance data\n");
        skip();
    }
    for (slice rest = file; rest.len > 0;) {
        ptrdiff_t end = slice_find(rest, '\n');
        struct json_node *row = json_parse(slice_make(rest.ptr, end), &arena, &err);
        rest = slice_from(rest, end + 1);
        slice op = json_get_string(row, "op", SLICE(""));
        struct json_node *in = json_get(row, "in"), *out = json_get(row, "out");
        struct json_node *first = in->child;
        if (slice_eq(op, SLICE("textdedup.jaccard_similarity"))) {
            uint64_t sets[2][64];
            ptrdiff_t n[2] = { 0 };
            struct json_node *e = first;
            for (int s = 0; s < 2; s++, e = e->next)
                for (struct json_node *w = e->child; w; w = w->next)
                    sets[s][n[s]++] = hash64_of(w->child ? w->child->text : w->text, 0);
            struct jaccard j = { 0 };
            double want;
            assert_true(json_double(out, &want));
            jaccard_first(&j, sets[0], n[0]);
            assert_true(fabs(jaccard_with(&j, sets[1], n[1]) - want) < 1e-15);
            jaccard_release(&j);
            similarities++;
        }
        arena_reset(&arena);
    }
    print_message("jaccard-ngrams: %d similarities\n", similarities);
    assert_true(similarities > 10);
    os_free(file);
}

int main(void)
{
    cpu_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_letters_and_digits),
        cmocka_unit_test(words_do_not_depend_on_place),
        cmocka_unit_test(rolling_is_the_window),
        cmocka_unit_test(chars_and_ids),
        cmocka_unit_test(shapes),
        cmocka_unit_test(optimal_bands),
        cmocka_unit_test(estimates),
        cmocka_unit_test(bands_keep_everything),
        cmocka_unit_test(bands_are_small),
        cmocka_unit_test(similarity),
        cmocka_unit_test(text_dedup_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
