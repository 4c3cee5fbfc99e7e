#include "sha256.h"

#include "simd/sha256_blocks.h"

void sha256_init(struct sha256 *h)
{
    static const uint32_t start[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                       0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };

    memcpy(h->state, start, sizeof start);
    h->length = 0;
}

void sha256_add(struct sha256 *h, slice s)
{
    ptrdiff_t held = (ptrdiff_t)(h->length % 64);

    h->length += (uint64_t)s.len;
    if (held) {
        ptrdiff_t n = MIN(64 - held, s.len);
        if (n)
            memcpy(h->block + held, s.ptr, (size_t)n);
        s = slice_from(s, n);
        if (held + n < 64)
            return;
        sha256_blocks(h->state, h->block, 1);
    }
    ptrdiff_t whole = s.len / 64;
    if (whole)
        sha256_blocks(h->state, (const unsigned char *)s.ptr, whole);
    s = slice_from(s, whole * 64);
    if (s.len)
        memcpy(h->block, s.ptr, (size_t)s.len);
}

void sha256_end(struct sha256 *h, unsigned char digest[SHA256_BYTES])
{
    static const char pad[64] = "\x80";
    uint64_t bits = __builtin_bswap64(h->length * 8);
    ptrdiff_t held = (ptrdiff_t)(h->length % 64);

    sha256_add(h, slice_make(pad, held < 56 ? 56 - held : 120 - held));
    sha256_add(h, slice_make((const char *)&bits, 8));
    for (int i = 0; i < 8; i++) {
        uint32_t word = __builtin_bswap32(h->state[i]);
        memcpy(digest + 4 * i, &word, 4);
    }
}

void sha256_of(slice s, unsigned char digest[SHA256_BYTES])
{
    struct sha256 h;

    sha256_init(&h);
    sha256_add(&h, s);
    sha256_end(&h, digest);
}

void sha256_hex(const unsigned char digest[SHA256_BYTES], char dst[65])
{
    for (int i = 0; i < SHA256_BYTES; i++) {
        dst[2 * i] = "0123456789abcdef"[digest[i] >> 4];
        dst[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
    }
    dst[64] = 0;
}

void hmac_sha256(slice key, slice text, unsigned char digest[SHA256_BYTES])
{
    unsigned char block[64] = { 0 }, inner[SHA256_BYTES];
    struct sha256 h;

    if (key.len > 64)
        sha256_of(key, block);
    else if (key.len)
        memcpy(block, key.ptr, (size_t)key.len);
    for (int i = 0; i < 64; i++)
        block[i] ^= 0x36;
    sha256_init(&h);
    sha256_add(&h, slice_make((const char *)block, 64));
    sha256_add(&h, text);
    sha256_end(&h, inner);
    for (int i = 0; i < 64; i++)
        block[i] ^= 0x36 ^ 0x5C;
    sha256_init(&h);
    sha256_add(&h, slice_make((const char *)block, 64));
    sha256_add(&h, slice_make((const char *)inner, SHA256_BYTES));
    sha256_end(&h, digest);
}
