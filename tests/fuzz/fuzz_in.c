/* The decoders and the input chain over hostile bytes: no crash, no leak, no endless loop, memory
 * bounded. The first byte chooses the size of the reads. */
#include "in.h"

#include <sys/mman.h>
#include <stdio.h>
#include <unistd.h>

#define GIVEN_MAX (8 << 20) /* a bomb may go on for ever: this much of it is enough */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char dst[65536];
    static int fd = -1;
    char path[32];

    if (size < 1 || size > 1 << 20)
        return 0;
    if (fd < 0)
        fd = memfd_create("fuzz", 0);
    if (ftruncate(fd, 0) || pwrite(fd, data + 1, size - 1, 0) != (ssize_t)size - 1)
        return 0;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    const char *paths[] = { path };
    struct err err = { 0 };
    struct in *in = in_open(&(struct in_conf){ .paths = paths, .path_count = 1 }, &err);
    if (!in)
        return 0;
    ptrdiff_t got = 0, total = 0, cap = data[0] ? data[0] * 257 : 1;
    while (total < GIVEN_MAX && in_read(in, dst, cap, &got, &err) == IN_DATA) {
        ASSERT(got >= 1 && got <= cap);
        total += got;
    }
    in_close(in);
    return 0;
}
