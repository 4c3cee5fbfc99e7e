#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "simd/cpu.h"

/* The kernel's list of flags is another witness of what the machine has. */
static bool proc_has(const char *flag)
{
    static char line[16384];
    bool found = false;
    FILE *f = fopen("/proc/cpuinfo", "r");

    assert_non_null(f);
    while (!found && fgets(line, sizeof line, f)) {
        if (strncmp(line, "flags", 5) != 0 && strncmp(line, "Features", 8) != 0)
            continue;
        for (char *save, *word = strtok_r(line, " \t\n:", &save); word;
             word = strtok_r(NULL, " \t\n:", &save))
            found |= strcmp(word, flag) == 0;
        break;
    }
    fclose(f);
    return found;
}

static void test_detection(void **state)
{
    (void)state;
    assert_true(cpu_choose(NULL, NULL));
    assert_true(cpu_has(0));
#if defined(__x86_64__)
    static const struct {
        unsigned feature;
        const char *flag;
    } known[] = { { CPU_AVX2, "avx2" },
                  { CPU_AVX512, "avx512bw" },
                  { CPU_AVX512_VBMI, "avx512_vbmi2" },
                  { CPU_AVX512_VNNI, "avx512_vnni" },
                  { CPU_AVX512_BF16, "avx512_bf16" },
                  { CPU_AVX_VNNI, "avx_vnni" },
                  { CPU_PCLMUL, "pclmulqdq" },
                  { CPU_BITALG, "avx512_bitalg" } };
    for (ptrdiff_t i = 0; i < countof(known); i++)
        assert_int_equal(cpu_has(known[i].feature), proc_has(known[i].flag));
#elif defined(__aarch64__)
    assert_true(cpu_has(CPU_NEON));
    assert_int_equal(cpu_has(CPU_DOTPROD), proc_has("asimddp"));
    assert_int_equal(cpu_has(CPU_I8MM), proc_has("i8mm"));
#endif
}

static void test_choice(void **state)
{
    char list[64];
    struct err err;
    (void)state;

    snprintf(list, sizeof list, "%s", cpu_isa_list());
    assert_int_equal(strncmp(list, "scalar", 6), 0);
    char last[16] = "";
    for (char *save, *name = strtok_r(list, " ", &save); name; name = strtok_r(NULL, " ", &save)) {
        assert_true(cpu_choose(name, &err));
        assert_string_equal(cpu_isa_name(), name);
        snprintf(last, sizeof last, "%s", name);
    }
    assert_true(cpu_choose("", &err));
    assert_string_equal(cpu_isa_name(), last);
    assert_true(cpu_choose("scalar", &err));
    assert_int_equal(cpu_isa(), ISA_SCALAR);
    for (unsigned bit = 1; bit <= CPU_BITALG; bit <<= 1)
        assert_false(cpu_has(bit));
    assert_false(cpu_choose("sse9", &err));
    assert_int_equal(err.class, ERR_USAGE);
    assert_non_null(strstr(err.text, "'sse9'"));
    assert_non_null(strstr(err.text, cpu_isa_list()));
    assert_int_equal(cpu_isa(), ISA_SCALAR); /* a refusal changes nothing */
#if defined(__x86_64__)
    assert_false(cpu_choose("neon", &err));
#else
    assert_false(cpu_choose("avx2", &err));
#endif
    assert_int_equal(err.class, ERR_USAGE);
    assert_true(cpu_choose(NULL, &err));
}

static void test_model_name(void **state)
{
    const char *name = cpu_model_name();
    (void)state;

    assert_non_null(name);
    assert_true(name[0] != ' ' && (!*name || name[strlen(name) - 1] != ' '));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_detection),
        cmocka_unit_test(test_choice),
        cmocka_unit_test(test_model_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
