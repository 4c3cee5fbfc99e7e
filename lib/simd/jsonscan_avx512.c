/* The row for AVX-512 without VBMI (Skylake-X, Cascade Lake). */
#include "jsonscan_avx512.inc"

const struct jsonscan_row jsonscan_row_avx512 = {
    .isa = ISA_AVX512,
    .features = CPU_AVX2 | CPU_AVX512,
    .name = "avx512",
    .scan = scan_run,
    .utf8_prefix = utf8_prefix,
    .unescape = unescape,
    .escape = escape,
    .escaped_len = escaped_len,
};
