#include "bytelevel.h"

#include "../unicode.h"

static bool is_itself(uint32_t c)
{
    return (c >= 0x21 && c <= 0x7E) || (c >= 0xA1 && c <= 0xAC) || (c >= 0xAE && c <= 0xFF);
}

/* How many of the bytes below `byte` do not stand for themselves. */
static uint32_t shifted_below(uint32_t byte)
{
    if (byte <= 0x21)
        return byte;
    if (byte <= 0x7F)
        return 0x21;
    if (byte <= 0xA1)
        return 0x21 + byte - 0x7F;
    return 0x21 + (0xA1 - 0x7F) + (byte > 0xAD);
}

uint32_t bytelevel_char(unsigned char byte)
{
    return is_itself(byte) ? byte : 0x100 + shifted_below(byte);
}

int bytelevel_byte(uint32_t cp)
{
    if (cp < 0x100)
        return is_itself(cp) ? (int)cp : -1;
    uint32_t n = cp - 0x100;
    if (n <= 0x20)
        return (int)n;
    if (n < 0x43)
        return (int)(n - 0x21 + 0x7F);
    return n == 0x43 ? 0xAD : -1;
}

ptrdiff_t bytelevel_encode(slice bytes, char *dst)
{
    char *p = dst;

    for (ptrdiff_t i = 0; i < bytes.len; i++)
        p += uni_encode(p, bytelevel_char((unsigned char)bytes.ptr[i]));
    return p - dst;
}

ptrdiff_t bytelevel_decode(slice text, char *dst)
{
    ptrdiff_t n = 0;

    for (ptrdiff_t at = 0; at < text.len;) {
        uint32_t cp;
        at += uni_decode(text.ptr + at, &cp);
        int byte = bytelevel_byte(cp);
        if (byte < 0)
            return -1;
        dst[n++] = (char)byte;
    }
    return n;
}
