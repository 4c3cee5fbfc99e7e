#include "cpu.h"

#include <stdatomic.h>
#include <stdio.h>

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__)
#include <sys/auxv.h>
#endif

/* What the machine can do, and the level in use. Detection always gives the same answer, so that
 * two threads that detect at once do no harm. */
static _Atomic bool detected;
static _Atomic unsigned machine_features;
static _Atomic int chosen_isa;
static char model_name[64], isa_list[32];

static const char *const isa_names[] = { "scalar", "avx2", "avx512", "neon" };

/* The features that a process at this level may use. */
static const unsigned isa_features[] = {
    [ISA_SCALAR] = 0,
    [ISA_AVX2] = CPU_AVX2 | CPU_AVX_VNNI | CPU_PCLMUL | CPU_SHA,
    [ISA_AVX512] = CPU_AVX2 | CPU_AVX_VNNI | CPU_PCLMUL | CPU_SHA | CPU_AVX512 | CPU_AVX512_VBMI |
                   CPU_AVX512_VNNI | CPU_AVX512_BF16 | CPU_BITALG,
    [ISA_NEON] = CPU_NEON | CPU_DOTPROD | CPU_I8MM,
};

/* What the machine must have for the level. */
static const unsigned isa_needs[] = {
    [ISA_SCALAR] = 0,
    [ISA_AVX2] = CPU_AVX2,
    [ISA_AVX512] = CPU_AVX2 | CPU_AVX512,
    [ISA_NEON] = CPU_NEON,
};

#if defined(__x86_64__)

#define BIT(reg, n) (((reg) >> (n)) & 1)

/* The register states that the system saves for us: without them a CPUID bit means nothing. */
static uint64_t saved_states(void)
{
    uint32_t lo, hi;

    __asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
    return (uint64_t)hi << 32 | lo;
}

static unsigned detect_features(void)
{
    unsigned a, b, c, d, c1, b7, c7, d7, top7, f = 0;

    if (!__get_cpuid(1, &a, &b, &c1, &d) || !BIT(c1, 27))
        return 0;
    uint64_t states = saved_states();
    bool ymm = (states & 0x06) == 0x06, zmm = (states & 0xE6) == 0xE6;
    if (!ymm || !__get_cpuid_count(7, 0, &top7, &b7, &c7, &d7))
        return 0;
    bool lzcnt = __get_cpuid(0x80000001, &a, &b, &c, &d) && BIT(c, 5);
    if (BIT(b7, 5) && BIT(c1, 12) && BIT(b7, 3) && BIT(b7, 8) && BIT(c1, 29) && BIT(c1, 23) &&
        lzcnt)
        f |= CPU_AVX2;
    if (BIT(c1, 1))
        f |= CPU_PCLMUL;
    if ((f & CPU_AVX2) && BIT(b7, 29))
        f |= CPU_SHA;
    a = 0;
    if (top7 >= 1)
        __get_cpuid_count(7, 1, &a, &b, &c, &d);
    if (BIT(a, 4))
        f |= CPU_AVX_VNNI;
    if (!zmm || !BIT(b7, 16) || !BIT(b7, 30) || !BIT(b7, 17) || !BIT(b7, 31) || !BIT(b7, 28))
        return f;
    f |= CPU_AVX512;
    if (BIT(c7, 1) && BIT(c7, 6))
        f |= CPU_AVX512_VBMI;
    if (BIT(c7, 11))
        f |= CPU_AVX512_VNNI;
    if (BIT(a, 5))
        f |= CPU_AVX512_BF16;
    if (BIT(c7, 12) && BIT(c7, 14))
        f |= CPU_BITALG;
    return f;
}

static void detect_model_name(char *dst, size_t size)
{
    unsigned r[12];
    char text[49] = "";

    for (unsigned i = 0; i < 3; i++)
        if (!__get_cpuid(0x80000002 + i, &r[4 * i], &r[4 * i + 1], &r[4 * i + 2], &r[4 * i + 3]))
            return;
    memcpy(text, r, 48);
    char *p = text, *end = text + strlen(text);
    while (*p == ' ')
        p++;
    while (end > p && end[-1] == ' ')
        end--;
    snprintf(dst, size, "%.*s", (int)(end - p), p);
}

#elif defined(__aarch64__)

static unsigned detect_features(void)
{
    unsigned long one = getauxval(AT_HWCAP), two = getauxval(AT_HWCAP2);
    unsigned f = CPU_NEON; /* part of the base architecture */

    if (one & (1ul << 20))
        f |= CPU_DOTPROD;
    if (two & (1ul << 13))
        f |= CPU_I8MM;
    return f;
}

static void detect_model_name(char *dst, size_t size)
{
    snprintf(dst, size, "%s", "");
}

#else

static unsigned detect_features(void)
{
    return 0;
}

static void detect_model_name(char *dst, size_t size)
{
    snprintf(dst, size, "%s", "");
}

#endif

static bool machine_can(enum cpu_isa isa)
{
    return (machine_features & isa_needs[isa]) == isa_needs[isa];
}

void cpu_init(void)
{
    if (atomic_load_explicit(&detected, memory_order_acquire))
        return;
    int best = ISA_SCALAR;
    char list[sizeof isa_list] = "";
    atomic_store(&machine_features, detect_features());
    for (int isa = ISA_SCALAR; isa <= ISA_NEON; isa++) {
        if (!machine_can((enum cpu_isa)isa))
            continue;
        best = isa;
        size_t n = strlen(list);
        snprintf(list + n, sizeof list - n, "%s%s", n ? " " : "", isa_names[isa]);
    }
    memcpy(isa_list, list, sizeof list);
    detect_model_name(model_name, sizeof model_name);
    atomic_store(&chosen_isa, best);
    atomic_store_explicit(&detected, true, memory_order_release);
}

bool cpu_choose(const char *isa_name, struct err *err)
{
    cpu_init();
    if (!isa_name || !*isa_name) {
        for (int isa = ISA_SCALAR; isa <= ISA_NEON; isa++)
            if (machine_can((enum cpu_isa)isa))
                chosen_isa = isa;
        return true;
    }
    for (int isa = ISA_SCALAR; isa <= ISA_NEON; isa++) {
        if (strcmp(isa_name, isa_names[isa]) != 0)
            continue;
        if (!machine_can((enum cpu_isa)isa))
            return err_set(err, ERR_USAGE,
                           "this machine cannot run instruction set '%s' (it has: %s)", isa_name,
                           isa_list);
        chosen_isa = isa;
        return true;
    }
    return err_set(err, ERR_USAGE, "unknown instruction set %s (choose from: %s)",
                   ERR_QUOTE(slice_of(isa_name)), isa_list);
}

enum cpu_isa cpu_isa(void)
{
    cpu_init();
    return (enum cpu_isa)chosen_isa;
}

const char *cpu_isa_name(void)
{
    return isa_names[cpu_isa()];
}

bool cpu_has(unsigned features)
{
    unsigned usable = isa_features[cpu_isa()] & machine_features;

    return (usable & features) == features;
}

const char *cpu_isa_list(void)
{
    cpu_init();
    return isa_list;
}

const char *cpu_model_name(void)
{
    cpu_init();
    return model_name;
}
