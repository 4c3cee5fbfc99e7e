#include "ustar.h"

#include <inttypes.h>
#include <stdio.h>

int64_t ustar_bytes(int64_t content)
{
    return USTAR_BLOCK + (content + USTAR_BLOCK - 1) / USTAR_BLOCK * USTAR_BLOCK;
}

void ustar_head(char dst[USTAR_BLOCK], int64_t number, int64_t bytes)
{
    unsigned sum = 0;
    memset(dst, 0, USTAR_BLOCK);
    snprintf(dst, 100, "%09" PRId64 ".json", number);
    memcpy(dst + 100, "0000444\0000000000\0000000000", 24);
    snprintf(dst + 124, 13, "%011" PRIo64, (uint64_t)bytes);
    memcpy(dst + 136, "00000000000", 12);
    memset(dst + 148, ' ', 8);
    dst[156] = '0';
    memcpy(dst + 257, "ustar\00000", 8);
    for (int i = 0; i < USTAR_BLOCK; i++)
        sum += (unsigned char)dst[i];
    snprintf(dst + 148, 8, "%06o", sum);
    dst[155] = ' ';
}

int64_t ustar_parse(const char src[USTAR_BLOCK], int64_t number)
{
    static const char zeros[USTAR_BLOCK];
    char want[USTAR_BLOCK];
    int64_t bytes = 0;
    if (memcmp(src, zeros, USTAR_BLOCK) == 0)
        return -2;
    for (int i = 124; i < 135; i++) {
        if (src[i] < '0' || src[i] > '7')
            return -1;
        bytes = bytes * 8 + (src[i] - '0');
    }
    ustar_head(want, number, bytes);
    return memcmp(src, want, USTAR_BLOCK) == 0 ? bytes : -1;
}
