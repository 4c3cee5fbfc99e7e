/* The rows of the compression function of SHA-256 against one another. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "simd/cpu.h"
#include "simd/sha256_blocks.h"

static void rows_agree(void **state)
{
    unsigned char data[64 * 9 + 1];
    uint64_t x = 1;
    (void)state;
    for (int round = 0; round < 50; round++) {
        for (size_t i = 0; i < sizeof data; i++)
            data[i] = (unsigned char)((x = x * 6364136223846793005u + 1442695040888963407u) >> 56);
        for (int n = 0; n <= 9; n++) {
            uint32_t a[8], b[8];
            memcpy(a, data + 100, sizeof a);
            memcpy(b, a, sizeof b);
            sha256_blocks_scalar(a, data + round % 2, n);
            sha256_blocks(b, data + round % 2, n);
            assert_memory_equal(a, b, sizeof a);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(rows_agree) };
    cpu_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
