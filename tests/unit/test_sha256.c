#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "sha256.h"

static void is(slice text, const char *want)
{
    unsigned char digest[SHA256_BYTES];
    char hex[65];

    sha256_of(text, digest);
    sha256_hex(digest, hex);
    assert_string_equal(hex, want);
}

/* FIPS 180-4 examples and NIST's long message. */
static void knows_the_published_digests(void **state)
{
    (void)state;
    is(SLICE(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    is(SLICE("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    is(SLICE("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
       "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    is(SLICE("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
             "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu"),
       "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
    static char million[1000000];
    memset(million, 'a', sizeof million);
    is(slice_make(million, sizeof million),
       "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void pieces_give_the_same(void **state)
{
    (void)state;
    char text[300];
    unsigned char whole[SHA256_BYTES], parts[SHA256_BYTES];

    for (int i = 0; i < (int)sizeof text; i++)
        text[i] = (char)(i * 5);
    for (ptrdiff_t len = 0; len < (ptrdiff_t)sizeof text; len++) {
        struct sha256 h;
        sha256_of(slice_make(text, len), whole);
        sha256_init(&h);
        for (ptrdiff_t at = 0, step = 1; at < len; at += step, step = step * 2 % 67)
            sha256_add(&h, slice_make(text + at, MIN(step, len - at)));
        sha256_end(&h, parts);
        assert_memory_equal(whole, parts, SHA256_BYTES);
    }
}

/* RFC 4231, cases 1, 2 and 6. */
static void hmac_of_the_rfc(void **state)
{
    (void)state;
    unsigned char digest[SHA256_BYTES], key[131];
    char hex[65];

    memset(key, 0x0b, 20);
    hmac_sha256(slice_make((char *)key, 20), SLICE("Hi There"), digest);
    sha256_hex(digest, hex);
    assert_string_equal(hex, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    hmac_sha256(SLICE("Jefe"), SLICE("what do ya want for nothing?"), digest);
    sha256_hex(digest, hex);
    assert_string_equal(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof key);
    hmac_sha256(slice_make((char *)key, 131),
                SLICE("Test Using Larger Than Block-Size Key - Hash Key First"), digest);
    sha256_hex(digest, hex);
    assert_string_equal(hex, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_the_published_digests),
        cmocka_unit_test(pieces_give_the_same),
        cmocka_unit_test(hmac_of_the_rfc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
