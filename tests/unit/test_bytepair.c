#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "simd/bytepair.h"
#include "simd/cpu.h"

#include <stdlib.h>
#include <sys/mman.h>

typedef ptrdiff_t find_fn(const struct bytepair *p, slice text, ptrdiff_t at);

static uint32_t seed = 1;

static uint32_t next_random(void)
{
    seed = seed * 1664525 + 1013904223;
    return seed >> 8;
}

/* Every place of random texts, at all lengths up to 257 and offsets up to 64. */
static void compare(find_fn *find, const struct bytepair *p, const char *alphabet, int letters)
{
    char text[64 + 257 + RECORD_PADDING];

    for (ptrdiff_t len = 0; len <= 257; len++) {
        char *start = text + next_random() % 64;
        for (ptrdiff_t i = 0; i < len + 1; i++)
            start[i] = alphabet[next_random() % (unsigned)letters];
        slice s = slice_make(start, len);
        for (ptrdiff_t at = 0; at < len;) {
            ptrdiff_t want = bytepair_find_scalar(p, s, at);
            assert_int_equal(find(p, s, at), want);
            at = want + 1;
        }
    }
}

static struct bytepair some_pairs(void)
{
    struct bytepair p = { 0 };

    bytepair_add(&p, 0, SLICE(" "), SLICE(" \t"));
    bytepair_add_first(&p, 1, SLICE("\x01\x7F"));
    bytepair_add(&p, 2, SLICE("\n\r"), SLICE("\t\v\f"));
    bytepair_add(&p, 6, SLICE("\xC2\xE1\xE2\xE3"), SLICE("\x80\x85\x9A\xA0"));
    bytepair_add(&p, 7, SLICE("\xE2"), SLICE("\x81"));
    bytepair_ready(&p);
    return p;
}

static void check_kernel(find_fn *find)
{
    static const char dense[] = " \t\n\r\v\f\x01\x7F\xC2\xE2\xE3\x80\x81\x85\xA0";
    char all[256], sparse[64];
    struct bytepair p = some_pairs();

    for (int i = 0; i < 256; i++)
        all[i] = (char)i;
    memset(sparse, 'x', sizeof sparse);
    memcpy(sparse, " \xE2\x81", 3);
    compare(find, &p, dense, sizeof dense - 1);
    compare(find, &p, all, 256);
    compare(find, &p, sparse, sizeof sparse);
}

/* The text ends RECORD_PADDING bytes before memory that cannot be read. */
static void check_edge(find_fn *find)
{
    struct bytepair p = some_pairs();
    char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    assert_ptr_not_equal(page, MAP_FAILED);
    assert_int_equal(mprotect(page + 4096, 4096, PROT_NONE), 0);
    memset(page, 'x', 4096);
    for (ptrdiff_t len = 0; len <= 257; len++) {
        slice s = slice_make(page + 4096 - RECORD_PADDING - len, len);
        assert_int_equal(find(&p, s, 0), len);
    }
    munmap(page, 8192);
}

static void finds_with_avx2(void **state)
{
    (void)state;
#ifdef __x86_64__
    if (cpu_has(CPU_AVX2)) {
        check_kernel(bytepair_find_avx2);
        check_edge(bytepair_find_avx2);
        return;
    }
#endif
    skip();
}

static void finds_with_avx512vbmi(void **state)
{
    (void)state;
#ifdef __x86_64__
    if (cpu_has(CPU_AVX512 | CPU_AVX512_VBMI)) {
        check_kernel(bytepair_find_avx512vbmi);
        check_edge(bytepair_find_avx512vbmi);
        return;
    }
#endif
    skip();
}

static void finds_by_the_definition(void **state)
{
    (void)state;
    struct bytepair p = some_pairs(), none = { 0 };
    assert_int_equal(bytepair_find(&p, SLICE("ab  c"), 0), 2);
    assert_int_equal(bytepair_find(&p, SLICE("ab c\x01"), 0), 4);
    assert_int_equal(bytepair_find(&p, SLICE("a\n\tb"), 0), 1);
    assert_int_equal(bytepair_find(&p, SLICE("a\xE2\x80\x99"), 0), 1);
    assert_int_equal(bytepair_find(&p, SLICE("a\xE2\x82\xAC"), 0), 4);
    bytepair_ready(&none);
    assert_int_equal(bytepair_find(&none, SLICE("   "), 0), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_by_the_definition),
        cmocka_unit_test(finds_with_avx2),
        cmocka_unit_test(finds_with_avx512vbmi),
    };
    cpu_init();
    return cmocka_run_group_tests_name("bytepair", tests, NULL, NULL);
}
