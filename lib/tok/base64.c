#include "base64.h"

static int digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool base64_decode(slice text, struct arena *arena, slice *bytes)
{
    while (text.len > 0 && text.ptr[text.len - 1] == '=')
        text.len--;
    char *dst = arena_alloc_raw(arena, text.len / 4 * 3 + 4, 1);
    uint32_t bits = 0;
    ptrdiff_t n = 0;

    for (ptrdiff_t i = 0; i < text.len; i++) {
        int d = digit(text.ptr[i]);
        if (d < 0)
            return false;
        bits = bits << 6 | (uint32_t)d;
        if (i % 4 == 1)
            dst[n++] = (char)(bits >> 4);
        else if (i % 4 == 2)
            dst[n++] = (char)(bits >> 2);
        else if (i % 4 == 3)
            dst[n++] = (char)bits;
    }
    *bytes = slice_make(dst, n);
    return text.len % 4 != 1;
}

slice base64_encode(slice bytes, struct arena *arena)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *p = (const unsigned char *)bytes.ptr;
    char *dst = arena_alloc_raw(arena, (bytes.len + 2) / 3 * 4 + 1, 1);
    ptrdiff_t n = 0;

    for (ptrdiff_t i = 0; i < bytes.len; i += 3) {
        ptrdiff_t left = bytes.len - i;
        uint32_t bits = (uint32_t)p[i] << 16 | (left > 1 ? (uint32_t)p[i + 1] << 8 : 0) |
                        (left > 2 ? p[i + 2] : 0u);
        dst[n++] = digits[bits >> 18];
        dst[n++] = digits[bits >> 12 & 63];
        dst[n++] = left > 1 ? digits[bits >> 6 & 63] : '=';
        dst[n++] = left > 2 ? digits[bits & 63] : '=';
    }
    return slice_make(dst, n);
}
