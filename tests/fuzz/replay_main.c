/* Runs a fuzz target over its committed corpus, one TAP line per file: the findings of earlier hunts
 * stay fixed. The corpus of fuzz_x is tests/fuzz/corpus/fuzz_x; the empty input is always tried. */
#include "buf.h"
#include "err.h"
#include "os.h"

#include <stdint.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(int argc, char **argv)
{
    const char *slash = strrchr(argv[0], '/');
    struct os_entry *list = NULL;
    ptrdiff_t count = 0;
    char path[4096];
    int n = 1;

    (void)argc;
    snprintf(path, sizeof path, "tests/fuzz/corpus/%s", slash ? slash + 1 : argv[0]);
    LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    printf("ok 1 - the empty input\n");
    os_list_dir(path, &list, &count, NULL);
    for (ptrdiff_t i = 0; i < count; i++) {
        char file[8192];
        slice bytes;
        snprintf(file, sizeof file, "%s/%s", path, list[i].name);
        if (!list[i].is_file || !os_slurp(file, 1 << 26, &bytes, NULL))
            continue;
        LLVMFuzzerTestOneInput((const uint8_t *)bytes.ptr, (size_t)bytes.len);
        os_free(bytes);
        printf("ok %d - %s\n", ++n, list[i].name);
    }
    os_list_free(list, count);
    printf("1..%d\n", n);
    return 0;
}
